//! What became of a mail, and what shows that it was sent.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Content, Message, Recipient, State};
use crate::activity::{Activity, Bounce, Kind, Record};
use crate::id::{ActivityId, LeadId, MessageId};
use crate::mail::letter::Cause;

/// What became of a mail that was sent, as SES or the reader's own deed reports it. Reports come late, twice and in any
/// order: the furthest counts. An answer that a machine gives in the reader's absence comes as a bounce "for now" of a mail
/// that was delivered, so that a delivery goes beyond every bounce but one for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Report {
    /// It was sent: SES took it, its pixel was fetched, or one of its links was followed.
    Sent,
    /// The reader's mail server takes its time.
    Delayed,
    /// The mail server took it.
    Delivered,
    /// It came back.
    Bounced(Bounce),
    /// The reader called it spam.
    Complained,
}

impl Report {
    /// How far it goes.
    fn distance(self) -> u8 {
        match self {
            Self::Sent => 0,
            Self::Delayed => 1,
            Self::Bounced(Bounce::Undetermined) => 2,
            Self::Bounced(Bounce::Blocked) => 3,
            Self::Bounced(Bounce::Transient) => 4,
            Self::Delivered => 5,
            Self::Bounced(Bounce::Permanent) => 6,
            Self::Complained => 7,
        }
    }
}

impl PartialOrd for Report {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Report {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance().cmp(&other.distance())
    }
}

/// What these activities say of the message of this id, the furthest; none: nothing shows that it was sent.
#[must_use]
pub fn told_of<'a>(id: &MessageId, activities: impl IntoIterator<Item = &'a Activity>) -> Option<Report> {
    let of = |message: &MessageId, report| (message == id).then_some(report);
    let signs = activities.into_iter().filter_map(|activity| match &activity.kind {
        Kind::MailSent { message, .. }
        | Kind::MailOpened { message }
        | Kind::MailClicked { message, .. }
        | Kind::Answered { message, .. }
        | Kind::MailChosen { message: Some(message), .. } => of(message, Report::Sent),
        Kind::MailDelivered { message } => of(message, Report::Delivered),
        Kind::MailBounced { message, bounce, .. } => of(message, Report::Bounced(*bounce)),
        Kind::MailComplained { message } => of(message, Report::Complained),
        _ => None,
    });
    signs.max()
}

impl Message {
    /// What these activities say of it, the furthest: any of them shows that a try of it was sent.
    #[must_use]
    pub fn sign_in<'a>(&self, activities: impl IntoIterator<Item = &'a Activity>) -> Option<Report> {
        let signs = activities.into_iter().filter_map(|activity| match &activity.kind {
            Kind::Confirmed { consent } => self.confirms(consent).then_some(Report::Sent),
            _ => told_of(&self.id, [activity]),
        });
        signs.max()
    }

    /// What the log of the lead it is about keeps once it is sent, written together with the event that shows it.
    #[must_use]
    pub fn sent_record(&self) -> Option<(&LeadId, Record)> {
        let State::Sent { .. } = &self.state else { return None };
        let at = self.history.last()?.at;
        let owner = match &self.to {
            Recipient::Owner(owner) => Some(owner.clone()),
            Recipient::Lead(_) => None,
        };
        let sent = Kind::MailSent { message: self.id.clone(), mail: self.mail(), owner };
        Some((self.lead.as_ref()?, Record::decision(ActivityId::derive(&["mail sent", self.id.as_str()]), at, sent)))
    }

    /// Whether this consent is what it asks to confirm.
    fn confirms(&self, consent: &ActivityId) -> bool {
        matches!(&self.content, Content::Letter(letter) if letter.cause == Cause::Confirmation(consent.clone()))
    }
}
