//! What a claim of a letter checks: the lead's address, permissions and counts, in one small item.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::fmt::serde::timestamp::millisecond;
use serde::{Deserialize, Serialize};

use crate::activity::{Activity, Record};
use crate::address::Address;
use crate::consent::{Permissions, Voice};
use crate::id::{ActivityId, MessageId, derive};
use crate::lead::{Lead, Stage};
use crate::playbook::mailing::{BounceRule, Cap};

/// What must be known of a lead to write to it. It is drawn from the log, but for the counts: whoever changes it names the
/// revision that was read, so that no mail is claimed by what an opt-out has overtaken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailing {
    /// Counts the changes.
    pub revision: u64,
    /// To where mail goes.
    pub address: Address,
    /// What mail may be sent.
    #[serde(default)]
    pub permissions: Permissions,
    /// Sales has the lead in hand, or wants no more of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_sales: bool,
    /// The newest record that was written together with this item. Who draws the item from the log must have read it
    /// there: else a choice that was made meanwhile would be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest: Option<ActivityId>,
    /// Marketing mails claimed within the cap's time, and when: by message, so that a second try counts once.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counted: BTreeMap<MessageId, Claimed>,
}

/// When a message was claimed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claimed(#[serde(with = "millisecond::required")] pub Timestamp);

impl Mailing {
    /// The item for a lead as the fold sees it, with the counts that were kept; none: it has no address.
    #[must_use]
    pub fn of(lead: &Lead, before: Option<&Self>) -> Option<Self> {
        Some(Self {
            revision: before.map_or(1, |before| before.revision + 1),
            address: lead.address()?,
            permissions: lead.permissions.clone(),
            in_sales: lead.stage.is_some_and(Stage::holds_mail),
            latest: before.and_then(|before| before.latest.clone()),
            counted: before.map(|before| before.counted.clone()).unwrap_or_default(),
        })
    }

    /// What the item says beside its counts, as a digest: equal as long as it need not be written.
    #[must_use]
    pub fn digest(&self) -> String {
        let said = serde_json::json!([self.address, self.permissions, self.in_sales]);
        derive(&["mailing", &said.to_string()])
    }

    /// The item after an activity that is written together with it: what the fold will say of it counts from now on.
    #[must_use]
    pub fn learning(&self, activity: &Activity, rule: &BounceRule) -> Self {
        let mut permissions = self.permissions.clone();
        permissions.learn(activity, Voice::Known, rule);
        Self { revision: self.revision + 1, permissions, latest: Some(activity.id.clone()), ..self.clone() }
    }

    /// The same for a record of several activities.
    #[must_use]
    pub fn learning_all(&self, record: &Record, rule: &BounceRule) -> Self {
        let mut permissions = self.permissions.clone();
        record.activities.iter().for_each(|activity| permissions.learn(activity, Voice::Known, rule));
        Self { revision: self.revision + 1, permissions, latest: Some(record.id.clone()), ..self.clone() }
    }

    /// Until when the cap keeps this message back; none: it does not. A message that was counted before is let through.
    #[must_use]
    pub fn capped_until(&self, message: &MessageId, cap: &Cap, now: Timestamp) -> Option<Timestamp> {
        let within = cap.within.duration();
        let ends = |claimed: &Claimed| claimed.0.checked_add(within).unwrap_or(Timestamp::MAX);
        let others = self.counted.iter().filter(|(other, _)| *other != message);
        let mut counted: Vec<Timestamp> = others.map(|(_, claimed)| ends(claimed)).filter(|ends| *ends > now).collect();
        counted.sort_unstable();
        // So many of them must have passed that one more is within the cap.
        let over = (counted.len() + 1).checked_sub(cap.mails as usize).filter(|over| *over > 0)?;
        counted.get(over - 1).copied()
    }

    /// The item with this message counted; what the cap looks at no longer is dropped.
    #[must_use]
    pub fn counting(&self, message: &MessageId, cap: &Cap, now: Timestamp) -> Self {
        let within = cap.within.duration();
        let mut counted = self.counted.clone();
        counted.retain(|_, claimed| now.duration_since(claimed.0) < within);
        counted.entry(message.clone()).or_insert(Claimed(now));
        Self { revision: self.revision + 1, counted, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::span::Span;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + 3600 * hours).unwrap()
    }

    fn id(n: &str) -> MessageId {
        MessageId::derive(&[n])
    }

    #[test]
    fn the_cap_counts_each_message_once_and_lets_go_in_time() {
        let cap = Cap { mails: 2, within: Span::days(1) };
        let fresh = Mailing {
            revision: 1,
            address: Address::parse("ann@example.com").unwrap(),
            permissions: Permissions::default(),
            in_sales: false,
            latest: None,
            counted: BTreeMap::new(),
        };
        assert_eq!(fresh.capped_until(&id("a"), &cap, at(0)), None);
        let two = fresh.counting(&id("a"), &cap, at(0)).counting(&id("b"), &cap, at(5)).counting(&id("a"), &cap, at(6));
        assert_eq!((two.revision, two.counted.len()), (4, 2));
        assert_eq!(two.capped_until(&id("c"), &cap, at(6)), Some(at(24)));
        assert_eq!(two.capped_until(&id("a"), &cap, at(6)), None, "its second try");
        assert_eq!(two.capped_until(&id("c"), &cap, at(24)), None);
        assert_eq!(two.counting(&id("c"), &cap, at(24)).counted.len(), 2);
        let lower = Cap { mails: 1, ..cap };
        assert_eq!(two.capped_until(&id("c"), &lower, at(6)), Some(at(29)), "both must pass");
        assert_eq!(fresh.digest(), two.digest());
        assert_ne!(fresh.digest(), Mailing { in_sales: true, ..fresh.clone() }.digest());
    }
}
