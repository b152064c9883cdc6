//! Consent: which class of mail may go to a lead, and on what ground.
//!
//! [`Permissions`] is what the log says about it. `fold` draws it from the whole log, and who writes a choice down applies
//! the same rule to what was known before, so that the choice counts from that moment.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::activity::{Activity, Bounce, Kind};
use crate::id::{ActivityId, TopicId, derive};
use crate::playbook::mailing::BounceRule;

/// The classes of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum MailClass {
    /// News, invitations, nurturing: needs a ground, ends with an opt-out.
    Marketing,
    /// What the person asked for.
    Service,
}

/// On what ground mail may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A form, with the words shown.
    Form,
    /// The customer's own system says so, by a secret key.
    Server,
    /// The person handed over a business card.
    BusinessCard,
    /// There are dealings already.
    Dealings,
    /// The person or company has published the address, and no wish to get no mail beside it.
    Published,
    /// A list of people who agreed elsewhere, with the proof of it.
    Import,
    /// The person's own choice, on the page that every mail links to.
    Preferences,
}

/// Why mail may be sent to a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ground {
    /// On what ground.
    pub basis: Basis,
    /// Since when.
    pub at: Timestamp,
    /// The activity that says so, which keeps who and by what words.
    pub activity: ActivityId,
}

/// Nothing may be sent to an address any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Why.
    pub why: SuppressedBy,
    /// Since when.
    pub at: Timestamp,
}

/// Why nothing may be sent to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressedBy {
    /// There is no such mailbox.
    Bounce,
    /// Mail could not be delivered, again and again.
    Bounces,
    /// The reader called a mail spam.
    Complaint,
    /// The person was erased.
    Erasure,
}

/// Who says something about consent, as far as it changes what may be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// Somebody in a browser who only claims to be the lead.
    Claimed,
    /// Anybody else.
    Known,
}

/// How long a consent waits to be confirmed: longer than any link to it works.
const WAITS: SignedDuration = SignedDuration::from_hours(14 * 24);
/// At most one letter that asks in this time.
const ASKED_AGAIN: SignedDuration = SignedDuration::from_hours(24);

/// What a lead's log says about mail to the lead.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Why marketing mail may be sent; none: it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketing: Option<Ground>,
    /// Consents that count only once they are confirmed from the mailbox, oldest first; each has a letter that asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awaiting: Vec<Ground>,
    /// Since when the lead wants no marketing mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opted_out: Option<Timestamp>,
    /// When the lead last chose anything by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<Timestamp>,
    /// Topics that the lead does not want.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unwanted: BTreeSet<TopicId>,
    /// The lead does not want to be seen opening mail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_opens: bool,
    /// The lead does not want to be seen following links in mail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_clicks: bool,
    /// Nothing may be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppression>,
    /// Bounces "for now" that still count, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transient: Vec<Timestamp>,
}

impl Permissions {
    /// Takes in one activity, in the order of the log.
    pub fn learn(&mut self, activity: &Activity, voice: Voice, rule: &BounceRule) {
        let at = activity.at;
        if matches!(activity.kind, Kind::MailChosen { .. } | Kind::TrackingChosen { .. } | Kind::Confirmed { .. }) {
            self.chosen = Some(at);
        }
        match &activity.kind {
            Kind::Consented { class: MailClass::Marketing, granted: true, basis, awaits, .. } => {
                let ground = Ground { basis: *basis, at, activity: activity.id.clone() };
                if *awaits {
                    self.ask(ground);
                } else {
                    self.agree(ground, voice);
                }
            }
            Kind::Confirmed { consent } => {
                if let Some(place) = self.awaiting.iter().position(|awaiting| awaiting.activity == *consent) {
                    // Confirmed from the mailbox: nobody else could.
                    self.marketing = Some(self.awaiting.swap_remove(place));
                    self.awaiting.clear();
                    self.opted_out = None;
                }
            }
            Kind::Consented { class: MailClass::Marketing, granted: false, .. } => self.refuse(at),
            Kind::MailChosen { topic: None, wanted: true, .. } => {
                self.marketing = Some(Ground { basis: Basis::Preferences, at, activity: activity.id.clone() });
                self.opted_out = None;
            }
            Kind::MailChosen { topic: None, wanted: false, .. } => self.refuse(at),
            Kind::MailChosen { topic: Some(topic), wanted: true, .. } => {
                self.unwanted.remove(topic);
            }
            Kind::MailChosen { topic: Some(topic), wanted: false, .. } => {
                self.unwanted.insert(topic.clone());
            }
            Kind::TrackingChosen { opens, clicks } => (self.no_opens, self.no_clicks) = (!opens, !clicks),
            Kind::MailBounced { bounce: Bounce::Permanent, .. } => self.suppress(SuppressedBy::Bounce, at),
            Kind::MailBounced { bounce: Bounce::Transient, .. } => self.bounced(at, rule),
            Kind::MailDelivered { .. } => self.transient.clear(),
            Kind::MailComplained { .. } => {
                self.refuse(at);
                self.suppress(SuppressedBy::Complaint, at);
            }
            _ => {}
        }
    }

    /// An opt-out beats every ground but one that the person gives afterwards. Who only claims to be the person cannot
    /// take it back, and nor can a list.
    fn agree(&mut self, ground: Ground, voice: Voice) {
        let own = matches!(ground.basis, Basis::Form | Basis::Preferences | Basis::Server) && voice == Voice::Known;
        if self.opted_out.is_some_and(|since| !own || ground.at <= since) {
            return;
        }
        self.opted_out = None;
        // The person's own word is worth more than what others say, however late they say it.
        let kept = self.marketing.as_ref().is_some_and(|known| is_own(known.basis) && !is_own(ground.basis));
        if !kept {
            self.marketing = Some(ground);
        }
    }

    /// Has a consent wait for its confirmation.
    fn ask(&mut self, ground: Ground) {
        self.awaiting.retain(|earlier| ground.at.duration_since(earlier.at) < WAITS);
        self.awaiting.push(ground);
    }

    /// Whether a letter may ask to confirm a consent given at this moment: not if the lead has agreed already, or was asked
    /// within a day. Whoever writes such a consent down asks this first, so that each that waits has its letter.
    #[must_use]
    pub fn may_ask(&self, at: Timestamp) -> bool {
        let agreed = self.ground().is_some_and(|known| is_own(known.basis));
        !agreed && self.awaiting.iter().all(|earlier| at.duration_since(earlier.at).abs() >= ASKED_AGAIN)
    }

    fn refuse(&mut self, at: Timestamp) {
        self.opted_out = Some(at);
        self.awaiting.clear();
    }

    fn suppress(&mut self, why: SuppressedBy, at: Timestamp) {
        self.suppressed.get_or_insert(Suppression { why, at });
    }

    fn bounced(&mut self, at: Timestamp, rule: &BounceRule) {
        let within: SignedDuration = rule.within.duration();
        self.transient.retain(|earlier| at.duration_since(*earlier) < within);
        self.transient.push(at);
        if self.transient.len() >= rule.times as usize {
            self.suppress(SuppressedBy::Bounces, at);
        }
    }

    /// On what ground marketing mail may be sent; none: it may not.
    #[must_use]
    pub fn ground(&self) -> Option<&Ground> {
        self.marketing.as_ref().filter(|_| self.opted_out.is_none() && self.suppressed.is_none())
    }

    /// Whether the consent that this activity gave waits to be confirmed.
    #[must_use]
    pub fn awaits(&self, consent: &ActivityId) -> bool {
        self.awaiting.iter().any(|awaiting| awaiting.activity == *consent)
    }

    /// A moment for what the lead says now: never before what it said last, should one machine's clock be behind another's.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Timestamp {
        let said =
            self.marketing.iter().chain(&self.awaiting).map(|ground| ground.at).chain(self.opted_out).chain(self.chosen).max();
        let after = said.and_then(|said| said.checked_add(SignedDuration::from_millis(1)).ok());
        after.map_or(now, |after| after.max(now))
    }

    /// Whether the lead wants mail of this topic.
    #[must_use]
    pub fn wants(&self, topic: Option<&TopicId>) -> bool {
        topic.is_none_or(|topic| !self.unwanted.contains(topic))
    }
}

/// A short name for the words that somebody agreed to: the same words have the same, and changed ones another.
#[must_use]
pub fn words_version(words: &str) -> String {
    let mut version = derive(&["consent words", words]);
    version.truncate(8);
    version
}

fn is_own(basis: Basis) -> bool {
    matches!(basis, Basis::Form | Basis::Preferences)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::OptOut;
    use crate::id::MessageId;
    use crate::playbook::mailing::MailRules;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 60 * minute).unwrap()
    }

    /// The permissions after these, a minute apart.
    fn after(kinds: &[(Kind, Voice)]) -> Permissions {
        let mut permissions = Permissions::default();
        for (minute, (kind, voice)) in (0..).zip(kinds) {
            let id = ActivityId::derive(&[&format!("{minute}")]);
            let activity = Activity { id, at: at(minute), kind: kind.clone() };
            permissions.learn(&activity, *voice, &MailRules::default().bounces);
        }
        permissions
    }

    fn agrees(basis: Basis) -> Kind {
        Kind::Consented { class: MailClass::Marketing, granted: true, basis, text: None, awaits: false, form: None, by: None }
    }

    fn asked() -> Kind {
        let Kind::Consented { class, granted, basis, text, form, by, .. } = agrees(Basis::Form) else { panic!() };
        Kind::Consented { class, granted, basis, text, awaits: true, form, by }
    }

    fn chooses(wanted: bool) -> Kind {
        Kind::MailChosen { topic: None, wanted, by: OptOut::Page, message: None }
    }

    fn bounces(bounce: Bounce) -> Kind {
        Kind::MailBounced { message: MessageId::derive(&["m"]), bounce, why: None }
    }

    use Voice::{Claimed, Known};

    #[test]
    fn an_opt_out_beats_every_ground_but_the_persons_own_later_word() {
        let basis = |kinds: &[(Kind, Voice)]| {
            let found = after(kinds);
            found.marketing.filter(|_| found.opted_out.is_none()).map(|ground| ground.basis)
        };
        let out = || (chooses(false), Known);
        assert_eq!(basis(&[]), None);
        assert_eq!(basis(&[(agrees(Basis::BusinessCard), Known)]), Some(Basis::BusinessCard));
        assert_eq!(basis(&[(agrees(Basis::Form), Known), (agrees(Basis::Import), Known)]), Some(Basis::Form));
        assert_eq!(basis(&[(agrees(Basis::Form), Known), out()]), None);
        for others in [Basis::BusinessCard, Basis::Dealings, Basis::Published, Basis::Import] {
            assert_eq!(basis(&[out(), (agrees(others), Known)]), None, "{others:?}");
        }
        assert_eq!(basis(&[out(), (agrees(Basis::Form), Claimed)]), None);
        assert_eq!(basis(&[out(), (agrees(Basis::Form), Known)]), Some(Basis::Form));
        assert_eq!(basis(&[out(), (chooses(true), Known)]), Some(Basis::Preferences));
    }

    #[test]
    fn a_consent_that_awaits_confirmation_is_none_until_then() {
        let consent = |n: &str| Kind::Confirmed { consent: ActivityId::derive(&[n]) };
        let found = after(&[(asked(), Claimed)]);
        assert!(found.marketing.is_none() && found.awaiting.len() == 1);
        assert!(after(&[(asked(), Claimed), (consent("7"), Known)]).marketing.is_none());
        let found = after(&[(chooses(false), Known), (asked(), Claimed), (consent("1"), Known)]);
        assert!(found.marketing.is_some() && found.awaiting.is_empty() && found.opted_out.is_none());
        assert!(after(&[(asked(), Claimed), (chooses(false), Known), (consent("0"), Known)]).marketing.is_none());
    }

    #[test]
    fn a_letter_asks_at_most_once_a_day_and_each_can_be_confirmed() {
        let hour = |hour: i64| at(60 * hour);
        let mut permissions = Permissions::default();
        let mut at_hour = |hour: i64, id: &str, kind: Kind| {
            let activity = Activity { id: ActivityId::derive(&[id]), at: at(60 * hour), kind };
            permissions.learn(&activity, Claimed, &MailRules::default().bounces);
            permissions.clone()
        };
        let asks = |found: &Permissions| found.awaiting.iter().map(|ground| ground.at).collect::<Vec<_>>();
        assert!(Permissions::default().may_ask(hour(0)));
        let first = at_hour(0, "a", asked());
        assert_eq!(asks(&first), [hour(0)]);
        // Its letter is out, whichever of two forms was looked at first.
        assert!(!first.may_ask(hour(23)) && !first.may_ask(hour(-23)) && first.may_ask(hour(24)));
        assert_eq!(asks(&at_hour(24, "c", asked())), [hour(0), hour(24)]);
        assert_eq!(asks(&at_hour(14 * 24 + 1, "d", asked())), [hour(24), hour(14 * 24 + 1)]);
        let confirmed = at_hour(14 * 24 + 2, "e", Kind::Confirmed { consent: ActivityId::derive(&["c"]) });
        assert_eq!((confirmed.ground().map(|ground| ground.at), asks(&confirmed)), (Some(hour(24)), vec![]));
        assert!(!confirmed.may_ask(hour(20 * 24)), "the lead has agreed");
    }

    #[test]
    fn words_are_told_apart_by_a_short_name() {
        assert_eq!(words_version("Yes, write to me."), words_version("Yes, write to me."));
        assert_ne!(words_version("Yes, write to me."), words_version("Yes, write to me"));
        assert_eq!(words_version("はい").len(), 8);
    }

    #[test]
    fn bounces_and_complaints_suppress() {
        let why = |kinds: &[Kind]| {
            let kinds: Vec<_> = kinds.iter().cloned().map(|kind| (kind, Known)).collect();
            after(&kinds).suppressed.map(|suppressed| suppressed.why)
        };
        assert_eq!(why(&[bounces(Bounce::Permanent)]), Some(SuppressedBy::Bounce));
        let (transient, unclear) = (bounces(Bounce::Transient), bounces(Bounce::Undetermined));
        assert_eq!(why(&[transient.clone(), transient.clone(), unclear]), None);
        assert_eq!(why(&[transient.clone(), transient.clone(), transient.clone()]), Some(SuppressedBy::Bounces));
        let delivered = Kind::MailDelivered { message: MessageId::derive(&["m"]) };
        assert_eq!(why(&[transient.clone(), transient.clone(), delivered, transient]), None);
        let complained = after(&[(Kind::MailComplained { message: MessageId::derive(&["m"]) }, Known)]);
        assert_eq!(complained.suppressed.map(|s| s.why), Some(SuppressedBy::Complaint));
        assert!(complained.opted_out.is_some());
    }
}
