//! The send gate: the only door for mail. Pure; who asks has read what it needs to know, and the claim checks it again.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::letter::Letter;
use super::mailing::Mailing;
use super::message::Message;
use crate::consent::{MailClass, Permissions};
use crate::playbook::{Owner, Setup};

/// What the gate answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passage<T> {
    /// The message may be claimed and sent.
    Send {
        /// To whom.
        to: T,
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deferral {
    /// Sales has the lead in hand.
    InSales,
    /// The lead has got as much mail as it may get for now.
    Cap,
    /// Outside the hours for such mail.
    Window,
    /// Too much of such mail came back; it has stopped for now.
    Paused,
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
    /// There is no ground to write to the lead.
    NoConsent,
    /// The lead wants no such mail.
    OptedOut,
    /// The lead does not want this topic.
    Unwanted,
    /// No address is known.
    NoAddress,
    /// The playbook by which it was owed has no such mail.
    NoSuchMail,
    /// The live playbook knows no such owner, so there is no address.
    NoSuchOwner,
    /// The lead was erased, or is no lead any more.
    LeadGone,
    /// The lead was merged into another, which gets its own mail.
    Merged,
    /// It could not be sent while it was of use.
    TooLate,
    /// The broadcast it belongs to was cancelled, or the run of the scenario that owed it is over.
    Cancelled,
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
pub fn for_owner<'o>(message: &Message, seen: ForOwner<'o>, now: Timestamp) -> Passage<&'o Owner> {
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
        None => Passage::Send { to: owner },
    }
}

/// What must be known to let out a mail to a lead.
#[derive(Debug, Clone, Copy)]
pub struct ForLead<'s> {
    /// The lead is there and not being erased.
    pub lead_exists: bool,
    /// The lead was merged into another.
    pub merged: bool,
    /// What the lead's own item says; none: nothing was ever agreed to.
    pub mailing: Option<&'s Mailing>,
    /// The address itself is suppressed, whoever's it is.
    pub address_suppressed: bool,
    /// Until when marketing mail is stopped; none: it is not.
    pub paused_until: Option<Timestamp>,
    /// From when on the pace lets the message out; none: now.
    pub paced_until: Option<Timestamp>,
}

/// Whether a letter to a lead may go out, and to what the lead's item says then.
#[must_use]
pub fn for_lead<'s>(
    message: &Message,
    letter: &Letter,
    seen: ForLead<'s>,
    setup: &Setup,
    now: Timestamp,
) -> Passage<&'s Mailing> {
    let refuse = |why| Passage::Refuse { why };
    let defer = |until: Timestamp, why| Passage::Defer { until: until.min(message.expires), why };
    let nobody = Permissions::default();
    let permissions = seen.mailing.map_or(&nobody, |mailing| &mailing.permissions);
    if seen.merged {
        return refuse(Refusal::Merged);
    }
    if seen.address_suppressed || permissions.suppressed.is_some() {
        return refuse(Refusal::Suppressed);
    }
    let marketing = letter.class == MailClass::Marketing;
    if marketing && permissions.opted_out.is_some() {
        return refuse(Refusal::OptedOut);
    }
    if marketing && permissions.marketing.is_none() {
        return refuse(Refusal::NoConsent);
    }
    if marketing && !permissions.wants(letter.topic.as_ref()) {
        return refuse(Refusal::Unwanted);
    }
    if !seen.lead_exists {
        return refuse(Refusal::LeadGone);
    }
    let Some(mailing) = seen.mailing else { return refuse(Refusal::NoAddress) };
    if now >= message.expires {
        return refuse(Refusal::TooLate);
    }
    if marketing {
        if mailing.in_sales {
            return defer(later(now, LOOK_AGAIN), Deferral::InSales);
        }
        if let Some(until) = mailing.capped_until(&message.id, &setup.mail.cap, now) {
            return defer(until, Deferral::Cap);
        }
        let opens = letter.opens(setup, now);
        if opens > now {
            return defer(opens, Deferral::Window);
        }
        if let Some(until) = seen.paused_until.filter(|until| *until > now) {
            return defer(until, Deferral::Paused);
        }
    }
    match seen.paced_until {
        Some(until) => defer(until, Deferral::Pacing),
        None => Passage::Send { to: mailing },
    }
}

/// When a lead that sales has in hand is looked at again: its item says nothing of when it will be let go.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(6);

fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.checked_add(by).unwrap_or(Timestamp::MAX)
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
        check(clear, now, Passage::Send { to: &owner });

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

    #[test]
    fn the_gate_asks_in_order_for_a_letter() {
        use crate::consent::{Basis, Ground, SuppressedBy, Suppression};
        use crate::id::{ActivityId, BroadcastId, LeadId, MailId, MessageId, PlaybookVersion, TopicId};
        use crate::mail::letter::Cause;
        use crate::mail::mailing::Claimed;

        // A Wednesday at noon in Tokyo.
        let now: Timestamp = "2026-11-25T03:00:00Z".parse().unwrap();
        let late = later(now, SignedDuration::from_hours(24 * 60));
        let mut setup = crate::fold::tests::playbook().setup;
        setup.mail.cap.mails = 1;
        let topic = TopicId::parse("news").unwrap();
        let letter = |class| Letter {
            mail: MailId::parse("welcome").unwrap(),
            class,
            topic: Some(topic.clone()),
            cause: Cause::Broadcast(BroadcastId::derive(&["b"])),
            subject: 0,
            values: std::collections::BTreeMap::new(),
            links: vec![],
            question: None,
            hours: None,
        };
        let (lead, version) = (LeadId::derive(&["l"]), PlaybookVersion::derive(&["p"]));
        let message = |class| {
            let language = crate::playbook::Language::En;
            Message::letter(MessageId::derive(&["m"]), &lead, language, &version, letter(class), now, now, late)
        };
        let ground = Ground { basis: Basis::Form, at: now, activity: ActivityId::derive(&["a"]) };
        let clear = Mailing {
            revision: 1,
            address: Address::parse("ann@example.com").unwrap(),
            permissions: Permissions { marketing: Some(ground), ..Permissions::default() },
            in_sales: false,
            latest: None,
            counted: std::collections::BTreeMap::new(),
        };
        let open = ForLead {
            lead_exists: true,
            merged: false,
            mailing: None,
            address_suppressed: false,
            paused_until: None,
            paced_until: None,
        };
        let said = |class, mailing: Option<&Mailing>, seen: ForLead<'_>, at| {
            let seen = ForLead { mailing, ..seen };
            match for_lead(&message(class), &letter(class), seen, &setup, at) {
                Passage::Send { .. } => "send".to_owned(),
                Passage::Defer { why, .. } => format!("{why:?}"),
                Passage::Refuse { why } => format!("{why:?}"),
            }
        };
        // Each obstacle stands beside all that come after it, and is named. Service mail knows fewer.
        let check = |mailing: Option<&Mailing>, seen, at, marketing: &str, service: &str| {
            assert_eq!(said(MailClass::Marketing, mailing, seen, at), marketing);
            assert_eq!(said(MailClass::Service, mailing, seen, at), service, "service, where marketing is {marketing}");
        };
        let night = "2026-11-25T15:00:00Z".parse().unwrap();
        check(Some(&clear), open, now, "send", "send");
        let seen = ForLead { paced_until: Some(late), ..open };
        check(Some(&clear), seen, now, "Pacing", "Pacing");
        let seen = ForLead { paused_until: Some(late), ..seen };
        check(Some(&clear), seen, now, "Paused", "Pacing");
        check(Some(&clear), seen, night, "Window", "Pacing");
        let mut mailing = clear.clone();
        mailing.counted.insert(MessageId::derive(&["other"]), Claimed(now));
        check(Some(&mailing), seen, night, "Cap", "Pacing");
        mailing.in_sales = true;
        check(Some(&mailing), seen, night, "InSales", "Pacing");
        check(Some(&mailing), seen, late, "TooLate", "TooLate");
        let gone = ForLead { lead_exists: false, ..seen };
        check(Some(&mailing), gone, late, "LeadGone", "LeadGone");
        mailing.permissions.unwanted.insert(topic.clone());
        check(Some(&mailing), gone, late, "Unwanted", "LeadGone");
        mailing.permissions.marketing = None;
        check(Some(&mailing), gone, late, "NoConsent", "LeadGone");
        mailing.permissions.opted_out = Some(now);
        check(Some(&mailing), gone, late, "OptedOut", "LeadGone");
        let barred = ForLead { address_suppressed: true, ..gone };
        check(Some(&mailing), barred, late, "Suppressed", "Suppressed");
        mailing.permissions.suppressed = Some(Suppression { why: SuppressedBy::Bounce, at: now });
        check(Some(&mailing), gone, late, "Suppressed", "Suppressed");
        let other = ForLead { merged: true, ..barred };
        check(Some(&mailing), other, late, "Merged", "Merged");
        // Without the item nothing is known of the lead.
        check(None, open, now, "NoConsent", "NoAddress");
    }
}
