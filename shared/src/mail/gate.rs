//! The send gate: the only door for mail. Pure; who asks has read what it needs to know, and the claim checks it again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::message::Message;
use crate::playbook::Owner;

/// What the gate answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passage<'o> {
    /// The message may be claimed and sent.
    Send {
        /// To whom.
        owner: &'o Owner,
    },
    /// Not before then.
    Defer {
        /// From when on.
        until: Timestamp,
        /// Why.
        why: Deferral,
    },
    /// Never.
    Refuse {
        /// Why.
        why: Refusal,
    },
}

/// Why the gate lets a message out later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deferral {
    /// As much mail as may go out now is going out.
    Pacing,
    /// Something is wrong that a person must mend; logs say what.
    Trouble,
}

/// Why the gate does not let a message out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Nothing may be sent to this recipient: it bounced or complained.
    Suppressed,
    /// The live playbook knows no such owner, so there is no address.
    NoSuchOwner,
    /// The lead was erased, or is no lead any more.
    LeadGone,
    /// It could not be sent while it was of use.
    TooLate,
}

/// What must be known to let out a mail to somebody in sales. A lead's consent, cap and hold do not count: the mail is not
/// for the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForOwner<'o> {
    /// Nothing may be sent to the owner.
    pub suppressed: bool,
    /// The owner, as the live playbook knows them; none: it does not.
    pub owner: Option<&'o Owner>,
    /// The lead, if the mail is about one, is there and not erased.
    pub lead_exists: bool,
    /// From when on the pace lets the message out; none: now.
    pub paced_until: Option<Timestamp>,
}

/// Whether a mail to somebody in sales may go out.
#[must_use]
pub fn for_owner<'o>(message: &Message, seen: ForOwner<'o>, now: Timestamp) -> Passage<'o> {
    let refuse = |why| Passage::Refuse { why };
    if seen.suppressed {
        return refuse(Refusal::Suppressed);
    }
    let Some(owner) = seen.owner else { return refuse(Refusal::NoSuchOwner) };
    if !seen.lead_exists {
        return refuse(Refusal::LeadGone);
    }
    if now >= message.expires {
        return refuse(Refusal::TooLate);
    }
    match seen.paced_until {
        Some(until) => Passage::Defer { until, why: Deferral::Pacing },
        None => Passage::Send { owner },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::id::OwnerId;

    #[test]
    fn the_gate_asks_in_order() {
        let now: Timestamp = "2026-11-22T00:52:00Z".parse().unwrap();
        let message = Message::sample(now);
        let owner = Owner {
            id: OwnerId::parse("sato").unwrap(),
            name: "Sato".to_owned(),
            address: Address::parse("sato@example.com").unwrap(),
            language: None,
        };
        let clear = ForOwner { suppressed: false, owner: Some(&owner), lead_exists: true, paced_until: None };
        let check = |seen, at, wanted| assert_eq!(for_owner(&message, seen, at), wanted);
        check(clear, now, Passage::Send { owner: &owner });

        // Each later obstacle stands beside all earlier ones, and the earlier one is named.
        let why = |why| Passage::Refuse { why };
        let paced = ForOwner { paced_until: Some(message.expires), ..clear };
        check(paced, now, Passage::Defer { until: message.expires, why: Deferral::Pacing });
        check(paced, message.expires, why(Refusal::TooLate));
        let gone = ForOwner { lead_exists: false, ..paced };
        check(gone, message.expires, why(Refusal::LeadGone));
        let unknown = ForOwner { owner: None, ..gone };
        check(unknown, message.expires, why(Refusal::NoSuchOwner));
        let suppressed = ForOwner { suppressed: true, ..unknown };
        check(suppressed, message.expires, why(Refusal::Suppressed));
    }
}
