//! A broadcast: one mail to many leads at once, each by a message of its own.
//!
//! Who it goes to is settled once, when it is owed; the gate decides again for each message when its time has come. Ids
//! come from what was asked for, so asking for the same again meets the broadcast that is there.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::fields;
use super::gate::{Deferral, Passage, Refusal};
use super::letter::{Cause, Letter};
use super::message::Message;
use crate::consent::MailClass;
use crate::id::{BroadcastId, LeadId, MailId, MessageId, PlaybookVersion, RuleId};
use crate::lead::Lead;
use crate::playbook::mail::Mail;
use crate::playbook::{Language, Owner, Setup};

/// One mail to many leads at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Broadcast {
    /// Its id, from mail, audience and occasion.
    #[serde(rename = "sk")]
    pub id: BroadcastId,
    /// Which mail.
    pub mail: MailId,
    /// Which of its subjects, from 0.
    pub subject: u16,
    /// To whom.
    pub to: Audience,
    /// What it is called; none: it is known by its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who asked for it.
    pub by: String,
    /// When.
    pub created: Timestamp,
    /// The playbook whose mail it is.
    pub playbook: PlaybookVersion,
    /// From when on its letters go out.
    pub due: Timestamp,
    /// From when on they do not any more.
    pub expires: Timestamp,
    /// How many of its letters fall due in a second.
    pub per_second: u32,
    /// How many leads are in the audience.
    pub leads: u64,
    /// Those of them that are owed no letter, by why not.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kept_back: BTreeMap<Unsent, u64>,
    /// Addresses of the list that are no lead's.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub strangers: u64,
    /// How many leads it goes to.
    pub recipients: u64,
    /// The digest under which they are kept.
    pub digest: String,
    /// How far it is.
    pub stage: Stage,
    /// Counts the saves.
    pub revision: u64,
}

/// To whom a broadcast goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// The leads in a segment when it was owed.
    Segment(RuleId),
    /// The leads whose addresses stand in a list.
    List {
        /// The name of its file.
        file: String,
        /// The digest of its addresses' keyed hashes: the same people are the same list.
        digest: String,
    },
}

/// How far a broadcast is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Stage {
    /// Its letters are being written down, or that broke off.
    Owing,
    /// All of them are.
    Owed {
        /// Since when.
        at: Timestamp,
    },
    /// Somebody ended it: what had not gone out by then does not go out.
    Cancelled {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
    },
}

/// Why a lead gets no letter, or why a letter was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unsent {
    /// Nothing may be sent to the address: it bounced or complained.
    Suppressed,
    /// The lead wants no marketing mail.
    OptedOut,
    /// There is no ground to write to the lead.
    NoConsent,
    /// The lead does not want this topic.
    Unwanted,
    /// Sales has the lead in hand, or wants no more of it.
    InSales,
    /// No address is known.
    NoAddress,
    /// The lead is gone.
    LeadGone,
    /// The lead was merged into another, which gets its own mail.
    Merged,
    /// The mail could not be made for the lead.
    Unmade,
    /// It could not be sent while it was of use.
    TooLate,
    /// The broadcast was cancelled.
    Cancelled,
    /// SES refused it.
    BySes,
    /// A person gave it up.
    GivenUp,
}

/// What would become of a letter, by what is known now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It goes out when it is due.
    Sent,
    /// It goes out later.
    Later(Deferral),
    /// None is owed.
    KeptBack(Unsent),
}

impl Outlook {
    /// What the gate's answer means for a letter that is not owed yet. Those whom sales has in hand get none: by the time
    /// they are let go it would be old.
    #[must_use]
    pub fn of<T>(passage: &Passage<T>) -> Self {
        match passage {
            Passage::Send { .. } => Self::Sent,
            Passage::Defer { why: Deferral::InSales, .. } => Self::KeptBack(Unsent::InSales),
            Passage::Defer { why, .. } => Self::Later(*why),
            Passage::Refuse { why } => Self::KeptBack(Unsent::from(*why)),
        }
    }
}

impl From<Refusal> for Unsent {
    fn from(why: Refusal) -> Self {
        match why {
            Refusal::Suppressed => Self::Suppressed,
            Refusal::NoConsent => Self::NoConsent,
            Refusal::OptedOut => Self::OptedOut,
            Refusal::Unwanted => Self::Unwanted,
            Refusal::NoAddress => Self::NoAddress,
            Refusal::NoSuchMail | Refusal::NoSuchOwner => Self::Unmade,
            Refusal::LeadGone => Self::LeadGone,
            Refusal::Merged => Self::Merged,
            Refusal::TooLate => Self::TooLate,
            Refusal::Cancelled => Self::Cancelled,
        }
    }
}

impl Unsent {
    /// The reason in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed: mail bounced, or was called spam",
            Self::OptedOut => "opted out of marketing mail",
            Self::NoConsent => "no consent and no other ground to write",
            Self::Unwanted => "does not want this topic",
            Self::InSales => "in sales' hands, or disqualified",
            Self::NoAddress => "no address is known",
            Self::LeadGone => "the lead is gone",
            Self::Merged => "merged into another lead",
            Self::Unmade => "the mail cannot be made for them",
            Self::TooLate => "expired before it could go out",
            Self::Cancelled => "cancelled",
            Self::BySes => "refused by SES",
            Self::GivenUp => "given up by hand",
        }
    }
}

impl Audience {
    /// What makes it the same audience when it is asked for again.
    fn key(&self) -> [&str; 2] {
        match self {
            Self::Segment(name) => ["segment", name.as_str()],
            Self::List { digest, .. } => ["list", digest],
        }
    }
}

impl Broadcast {
    /// The id of a mail to an audience on an occasion: a name, or the time as it was asked for.
    #[must_use]
    pub fn id(mail: &MailId, to: &Audience, occasion: &str) -> BroadcastId {
        let [kind, name] = to.key();
        BroadcastId::derive(&["broadcast", mail.as_str(), kind, name, occasion])
    }

    /// The id of its letter to a lead: there is one.
    #[must_use]
    pub fn message(&self, lead: &LeadId) -> MessageId {
        MessageId::derive(&["broadcast", self.id.as_str(), lead.as_str()])
    }

    /// When its letter to the recipient of this place falls due, from 0: as many a second as the pace lets out, so that
    /// none is taken up in vain.
    #[must_use]
    pub fn due_of(&self, place: u64) -> Timestamp {
        let seconds = i64::try_from(place / u64::from(self.per_second.max(1))).unwrap_or(i64::MAX);
        self.due.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(self.due)
    }

    /// Its letter to the recipient of this place, with the values of the fields as they are now. None: the mail has no
    /// version at all.
    #[must_use]
    pub fn letter(
        &self,
        place: u64,
        (id, lead): (&LeadId, &Lead),
        mail: &Mail,
        owner: Option<&Owner>,
        setup: &Setup,
        now: Timestamp,
    ) -> Option<Message> {
        let (language, version) = mail.version(mail.language(lead, setup.language))?;
        let letter = Letter {
            mail: self.mail.clone(),
            class: MailClass::Marketing,
            topic: mail.topic.clone(),
            cause: Cause::Broadcast(self.id.clone()),
            subject: self.subject,
            values: fields::values(version, lead, owner, setup),
            links: version.links.clone(),
            question: None,
            hours: None,
        };
        let due = self.due_of(place).max(now);
        Some(Message::letter(self.message(id), id, language, &self.playbook, letter, now, due, self.expires))
    }
}

/// A letter of marketing mail that nobody sends: what the gate is asked about where no mail is chosen yet.
#[must_use]
pub fn probe(lead: &LeadId, now: Timestamp) -> Message {
    let cause = Cause::Broadcast(BroadcastId::derive(&["probe"]));
    let mail = MailId::derive(&["probe"]);
    let class = MailClass::Marketing;
    let letter = Letter {
        mail,
        class,
        topic: None,
        cause,
        subject: 0,
        values: BTreeMap::new(),
        links: vec![],
        question: None,
        hours: None,
    };
    let (id, version) = (MessageId::derive(&["probe"]), PlaybookVersion::derive(&["probe"]));
    Message::letter(id, lead, Language::En, &version, letter, now, now, Timestamp::MAX)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broadcast(occasion: &str) -> Broadcast {
        let now: Timestamp = "2026-04-01T00:00:00Z".parse().unwrap();
        let (mail, to) = (MailId::parse("invite").unwrap(), Audience::Segment(RuleId::parse("warm").unwrap()));
        Broadcast {
            id: Broadcast::id(&mail, &to, occasion),
            mail,
            subject: 0,
            to,
            name: None,
            by: "ann".to_owned(),
            created: now,
            playbook: PlaybookVersion::derive(&["v"]),
            due: now,
            expires: now + SignedDuration::from_hours(72),
            per_second: 10,
            leads: 30,
            kept_back: BTreeMap::from([(Unsent::OptedOut, 5)]),
            strangers: 0,
            recipients: 25,
            digest: "d".to_owned(),
            stage: Stage::Owing,
            revision: 1,
        }
    }

    #[test]
    fn the_same_wish_is_the_same_broadcast_with_the_same_letters() {
        let lead = LeadId::parse("l").unwrap();
        assert_eq!(broadcast("now").message(&lead), broadcast("now").message(&lead));
        assert_ne!(broadcast("now").message(&lead), broadcast("spring").message(&lead));
        let list = |digest: &str| Audience::List { file: "a.csv".to_owned(), digest: digest.to_owned() };
        let id = |to: &Audience| Broadcast::id(&MailId::parse("invite").unwrap(), to, "now");
        assert_ne!(id(&list("1")), id(&list("2")));
        assert_eq!(id(&list("1")), id(&Audience::List { file: "b.csv".to_owned(), digest: "1".to_owned() }));
        assert_ne!(id(&list("warm")), broadcast("now").id);
    }

    #[test]
    fn letters_fall_due_at_the_pace() {
        let broadcast = broadcast("now");
        let after = |place| broadcast.due_of(place).duration_since(broadcast.due).as_secs();
        assert_eq!([0, 9, 10, 25, 600].map(after), [0, 0, 1, 2, 60]);
    }

    #[test]
    fn it_comes_back_as_it_was_kept() {
        let before = broadcast("now");
        let json = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<Broadcast>(&json).unwrap(), before, "{json}");
    }

    #[test]
    fn whom_sales_has_in_hand_gets_no_letter_and_who_must_wait_gets_one() {
        let until = Timestamp::UNIX_EPOCH;
        let defer = |why| Outlook::of::<()>(&Passage::Defer { until, why });
        assert_eq!(defer(Deferral::InSales), Outlook::KeptBack(Unsent::InSales));
        assert_eq!(defer(Deferral::Cap), Outlook::Later(Deferral::Cap));
        assert_eq!(Outlook::of(&Passage::Send { to: () }), Outlook::Sent);
        let refused = Outlook::of::<()>(&Passage::Refuse { why: Refusal::OptedOut });
        assert_eq!(refused, Outlook::KeptBack(Unsent::OptedOut));
    }
}
