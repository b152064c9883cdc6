//! A message: one mail to one person, from wish to outcome.
//!
//! A message is moved only by [`Message::after`], and keeps what moved it. To add an event, add it to [`Event`] and follow
//! the compiler to `course`: the match over states and events there has no catch-all.

mod course;
mod report;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::alert::Alert;
use super::correction::Correction;
use super::gate::{Deferral, Refusal};
use super::letter::Letter;
use super::notice::Notice;
use super::summary::Summary;
use crate::id::{AttemptId, LeadId, MailId, MessageId, OwnerId, PlaybookVersion};
use crate::playbook::Language;

pub use report::{Report, told_of};

/// How long a claim holds: longer than a function may run, so that its call is over when the lease is.
pub const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// What could not be told to sales within this time is of no use: "why now" has passed, and a new alert may be owed.
const LATENESS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// One mail to one person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its id, from what caused it.
    pub id: MessageId,
    /// Whom it is about; none: several at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<LeadId>,
    /// To whom it goes.
    pub to: Recipient,
    /// What it says.
    #[serde(flatten)]
    pub content: Content,
    /// In which language.
    pub language: Language,
    /// The playbook by which it was owed.
    pub playbook: PlaybookVersion,
    /// When it was owed.
    pub created: Timestamp,
    /// From when on it is not sent any more.
    pub expires: Timestamp,
    /// Where it stands.
    pub state: State,
    /// How often a call was surely in vain.
    pub tries: u32,
    /// How often a call was not answered.
    pub unanswered: u32,
    /// What SES has reported of it, the furthest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Goes up by one with each event: who writes names the revision that was read.
    pub revision: u64,
    /// What happened to it, oldest first; of many events the newest.
    pub history: Vec<Entry>,
}

/// To whom a message goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// Somebody in sales, at the address that the live playbook names.
    Owner(OwnerId),
    /// The lead it is about, at the address that the lead's mailing item names.
    Lead(LeadId),
}

/// What a message says: values frozen when it was owed, rendered when it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mail", content = "values", rename_all = "snake_case")]
pub enum Content {
    /// A lead for sales to call.
    Alert(Box<Alert>),
    /// An alert that was a mistake.
    Correction(Correction),
    /// The leads that a changed playbook made ready.
    Summary(Summary),
    /// What a scenario tells of a lead.
    Notice(Notice),
    /// A mail of the playbook's, to a lead.
    Letter(Box<Letter>),
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// To be sent, from `due` on.
    Pending {
        /// From when on.
        due: Timestamp,
    },
    /// Somebody is sending it.
    Claimed {
        /// This try.
        attempt: AttemptId,
        /// When the try is over, answered or not.
        lease: Timestamp,
    },
    /// It may have been sent.
    Unknown {
        /// The try that was not answered.
        attempt: AttemptId,
        /// Until when to wait for proof.
        until: Timestamp,
    },
    /// Sent.
    Sent {
        /// The try that sent it.
        attempt: AttemptId,
        /// SES's id for it.
        ses: String,
    },
    /// It will never be sent.
    Failed,
    /// It is not sent any more: it came too late, or its lead is gone.
    Expired,
    /// A person must look.
    Held,
}

/// Something that happened to a message, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What can happen to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Somebody sets out to send it.
    Claimed {
        /// This try.
        attempt: AttemptId,
    },
    /// SES took it.
    Accepted {
        /// The try.
        attempt: AttemptId,
        /// SES's id for it.
        ses: String,
    },
    /// It was surely not sent, and may be later.
    NotNow {
        /// The try.
        attempt: AttemptId,
        /// What came back.
        why: String,
    },
    /// It was surely not sent, and never will be.
    Never {
        /// The try.
        attempt: AttemptId,
        /// What came back.
        why: String,
    },
    /// Nobody knows whether it was sent.
    NoAnswer {
        /// The try.
        attempt: AttemptId,
        /// What came back, if anything did.
        why: String,
    },
    /// Something shows that it was sent, and perhaps what became of it.
    Reported {
        /// What is known now.
        report: Report,
        /// The try it is about, if the report says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<AttemptId>,
        /// SES's id for it, if the report says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ses: Option<String>,
    },
    /// SES took it and then would not send it.
    Rejected {
        /// Why.
        why: String,
    },
    /// A claim's time is over and nobody has said what came of it.
    LeaseEnded,
    /// The gate lets it out later.
    Deferred {
        /// From when on.
        until: Timestamp,
        /// Why.
        why: Deferral,
    },
    /// The gate does not let it out.
    Refused {
        /// Why.
        why: Refusal,
    },
    /// A person who looked lets it go on, as if it had just been owed.
    Released,
    /// A person who looked gives it up.
    GivenUp,
}

/// The event has no place in the state in which the message is: somebody else was faster, or it is not due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message has moved on")]
pub struct OutOfPlace;

impl Message {
    /// An alert to somebody in sales, due at once.
    #[must_use]
    pub fn alert(
        id: MessageId,
        lead: &LeadId,
        owner: &OwnerId,
        language: Language,
        playbook: &PlaybookVersion,
        alert: Alert,
        now: Timestamp,
    ) -> Self {
        let content = Content::Alert(Box::new(alert));
        Self { lead: Some(lead.clone()), ..Self::pending(id, Recipient::Owner(owner.clone()), language, playbook, content, now) }
    }

    /// A correction of an alert to somebody in sales, due at once.
    #[must_use]
    pub fn correction(
        id: MessageId,
        lead: &LeadId,
        owner: &OwnerId,
        language: Language,
        playbook: &PlaybookVersion,
        correction: Correction,
        now: Timestamp,
    ) -> Self {
        let content = Content::Correction(correction);
        Self { lead: Some(lead.clone()), ..Self::pending(id, Recipient::Owner(owner.clone()), language, playbook, content, now) }
    }

    /// A summary to somebody in sales, due at once.
    #[must_use]
    pub fn summary(
        id: MessageId,
        owner: &OwnerId,
        language: Language,
        playbook: &PlaybookVersion,
        summary: Summary,
        now: Timestamp,
    ) -> Self {
        Self::pending(id, Recipient::Owner(owner.clone()), language, playbook, Content::Summary(summary), now)
    }

    /// A notice to somebody in sales, due at once.
    #[must_use]
    pub fn notice(
        id: MessageId,
        lead: &LeadId,
        owner: &OwnerId,
        language: Language,
        playbook: &PlaybookVersion,
        notice: Notice,
        now: Timestamp,
    ) -> Self {
        let content = Content::Notice(notice);
        Self { lead: Some(lead.clone()), ..Self::pending(id, Recipient::Owner(owner.clone()), language, playbook, content, now) }
    }

    /// A letter to a lead, due at `due` and of no use from `expires` on.
    #[must_use]
    #[allow(clippy::too_many_arguments, reason = "each is a thing of its own, and a message has all of them")]
    pub fn letter(
        id: MessageId,
        lead: &LeadId,
        language: Language,
        playbook: &PlaybookVersion,
        letter: Letter,
        now: Timestamp,
        due: Timestamp,
        expires: Timestamp,
    ) -> Self {
        let content = Content::Letter(Box::new(letter));
        Self {
            lead: Some(lead.clone()),
            expires,
            state: State::Pending { due },
            ..Self::pending(id, Recipient::Lead(lead.clone()), language, playbook, content, now)
        }
    }

    fn pending(
        id: MessageId,
        to: Recipient,
        language: Language,
        playbook: &PlaybookVersion,
        content: Content,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            lead: None,
            to,
            content,
            language,
            playbook: playbook.clone(),
            created: now,
            expires: later(now, LATENESS),
            state: State::Pending { due: now },
            tries: 0,
            unanswered: 0,
            report: None,
            revision: 0,
            history: vec![],
        }
    }

    /// Which mail it is, as logs and reports name it.
    #[must_use]
    pub fn mail(&self) -> MailId {
        let name = match &self.content {
            Content::Alert(_) => "alert",
            Content::Correction(_) => "correction",
            Content::Summary(_) => "summary",
            Content::Notice(_) => "notice",
            Content::Letter(letter) => return letter.mail.clone(),
        };
        MailId::parse(name).unwrap_or_else(|_| MailId::derive(&[name]))
    }

    /// When the try that sent it, or may have, handed it over; none: there was none.
    #[must_use]
    pub fn handed_over(&self) -> Option<Timestamp> {
        let tried = |entry: &&Entry| matches!(entry.event, Event::Claimed { .. });
        self.history.iter().rev().find(tried).map(|entry| entry.at)
    }

    /// When somebody must look at it next; none: it has come to its end.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        match &self.state {
            State::Pending { due } => Some(*due),
            State::Claimed { lease, .. } => Some(*lease),
            State::Unknown { until, .. } => Some(*until),
            State::Sent { .. } | State::Failed | State::Expired | State::Held => None,
        }
    }
}

#[cfg(test)]
impl Message {
    /// An alert with little in it, owed at `now`.
    pub(crate) fn sample(now: Timestamp) -> Self {
        let (lead, owner) = (LeadId::derive(&["lead"]), OwnerId::parse("sato").unwrap());
        let (id, version) = (MessageId::derive(&["alert", lead.as_str()]), PlaybookVersion::derive(&["playbook"]));
        Self::alert(id, &lead, &owner, Language::En, &version, Alert::sample(now), now)
    }
}

fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
