//! The items of Leads that the lead's own state consists of.

use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::keys::{self, Item, Work};
use crate::activity::{LogOwner, Proof, Record};
use crate::id::{ActivityId, LeadId, PlaybookVersion, VisitorId};
use crate::lead::{Grade, Level, Phase, Stage};
use crate::scenario::Inside;

/// The fold's answer as it was last saved: a cache of the log, and the place of the lead in both indexes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeadItem {
    /// Whose.
    #[serde(rename = "pk", with = "keys::lead_in_pk")]
    pub lead: LeadId,
    /// Counts the saves.
    pub revision: u64,
    /// Where the lead stands.
    pub stage: Stage,
    /// How well it suits; none if excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// How much it wants.
    pub level: Level,
    /// Points of fit.
    pub fit: f64,
    /// log₂ of interest brought to the landmark; none: no interest. The index has it in steps of a quarter.
    #[serde(default, rename = "exact_rank", skip_serializing_if = "Option::is_none")]
    pub rank: Option<f64>,
    /// The same of momentum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub momentum_rank: Option<f64>,
    /// How far it is.
    pub phase: Phase,
    /// A rule excludes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub excluded: bool,
    /// The person's name, for lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The company, for lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// The lead's browsers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub visitors: Vec<SettlingVisitor>,
    /// The digest of what its mailing item says; none: it has no such item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mailing: Option<String>,
    /// The scenarios whose trigger is a state, and in whose state it is.
    #[serde(default, skip_serializing_if = "Inside::is_empty")]
    pub inside: Inside,
    /// The playbook it was folded with.
    pub playbook: PlaybookVersion,
    /// The scoring formula that its rank can be compared under.
    pub epoch: String,
    /// Since when it is being erased: nothing may be added to it, and nothing done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<Timestamp>,
    /// It was merged: it is another lead now, and this is where whoever still knows it finds out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
    /// When to fold again though nothing happens.
    #[serde(default, rename = "due_at", skip_serializing)]
    pub next_review: Option<Timestamp>,
    /// When the person was last seen, on the site or in a mail.
    #[serde(default, with = "millisecond::optional", skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<Timestamp>,
}

/// What became of a lead that was merged into another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The other lead.
    pub into: LeadId,
    /// When.
    #[serde(with = "millisecond::required")]
    pub at: Timestamp,
}

/// A browser of a lead's, and whether its earlier log has been copied for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlingVisitor {
    /// The browser.
    #[serde(rename = "id")]
    pub visitor: VisitorId,
    /// When it was linked.
    #[serde(with = "millisecond::required")]
    pub linked: Timestamp,
    /// What raced past the first copy has been fetched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
}

/// Whose browser a visitor is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitorItem {
    /// The browser.
    #[serde(rename = "pk", with = "keys::visitor_in_pk")]
    pub visitor: VisitorId,
    /// Its lead.
    pub lead: LeadId,
    /// Since when.
    #[serde(with = "millisecond::required")]
    pub since: Timestamp,
    /// How it is known.
    pub proof: Proof,
    /// Its lead is being erased: what the browser sends is not kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

/// An activity that must be scored, until a save says it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// The log that holds the activity.
    #[serde(rename = "pk", with = "keys::log_in_pk")]
    pub owner: LogOwner,
    /// The activity.
    #[serde(rename = "sk", with = "keys::wake_in_sk")]
    pub activity: ActivityId,
    /// Sort key of its record.
    #[serde(rename = "record")]
    pub record_sk: String,
    /// When a sweep takes it up.
    #[serde(rename = "due_at", skip_serializing)]
    pub due: Timestamp,
    /// How far the copy of a visitor's log has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// How often it was taken up and put off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
}

/// A link token, good once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Whom the link was mailed to.
    pub lead: LeadId,
    /// The click for which it was made, in that lead's log.
    pub click: ActivityId,
    /// Until when it is good.
    #[serde(with = "millisecond::required")]
    pub expires: Timestamp,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The rank of no interest at all: below every rank that interest can have.
const LOWEST_RANK: f64 = -1e6;

/// Rank as the index has it. Rounded down, so that no lead above a threshold is missed by asking from the step below it;
/// coarse, so that a page view seldom moves an index key.
fn quantised(rank: Option<f64>) -> f64 {
    rank.map_or(LOWEST_RANK, |rank| (rank * 4.0).floor() / 4.0)
}

impl LeadItem {
    /// Whether it is a lead that anything is decided about: neither being erased nor merged into another. Only such leads
    /// are in lists.
    #[must_use]
    pub fn is_itself(&self) -> bool {
        self.erased.is_none() && self.merged.is_none()
    }

    /// What stands in a lead's place once it is none of its own: it says nothing of the person but which browsers were hers.
    pub(super) fn mark(lead: &LeadId, before: Option<&Self>) -> Self {
        Self {
            lead: lead.clone(),
            revision: before.map_or(0, |before| before.revision) + 1,
            stage: Stage::Lead,
            grade: None,
            level: Level::COLDEST,
            fit: 0.0,
            rank: None,
            momentum_rank: None,
            phase: Phase::Gathering,
            excluded: false,
            name: None,
            company: None,
            visitors: before.map(|before| before.visitors.clone()).unwrap_or_default(),
            mailing: None,
            inside: Inside::new(),
            playbook: before.map_or_else(|| PlaybookVersion::derive(&["none"]), |before| before.playbook.clone()),
            epoch: before.map(|before| before.epoch.clone()).unwrap_or_default(),
            erased: None,
            merged: None,
            next_review: None,
            last_seen: None,
        }
    }

    pub(super) fn to_item(&self) -> Result<Item, Error> {
        let pk = keys::lead(&self.lead);
        let mut item = keys::item(&pk, keys::LEAD, self)?;
        if self.is_itself() {
            item.insert(keys::RANK_PART.to_owned(), keys::text(keys::rank_part(&self.epoch, self.stage, &pk)));
            item.insert(keys::RANK.to_owned(), keys::number(quantised(self.rank)));
        }
        if let Some(due) = self.next_review {
            keys::set_due(&mut item, Work::Review, due);
        }
        Ok(item)
    }
}

impl VisitorItem {
    pub(super) fn to_item(&self) -> Result<Item, Error> {
        keys::item(keys::visitor(&self.visitor), keys::VISITOR, self)
    }
}

impl Token {
    pub(super) fn to_item(&self, id: &str) -> Result<Item, Error> {
        let mut item = keys::item(keys::token(id), keys::TOKEN, self)?;
        item.insert(keys::TTL.to_owned(), keys::ttl(self.expires));
        Ok(item)
    }
}

impl Wake {
    /// The wake item that a record owes, due so long after it was taken.
    pub(super) fn of(owner: LogOwner, record: &Record, grace: SignedDuration) -> Self {
        Self {
            owner,
            activity: record.id.clone(),
            record_sk: keys::record(record.sent, &record.id),
            due: record.received.saturating_add(grace).unwrap_or(record.received),
            cursor: None,
            tries: 0,
        }
    }

    pub(super) fn to_item(&self) -> Result<Item, Error> {
        let mut item = keys::item(keys::log(&self.owner), keys::wake(&self.activity), self)?;
        keys::set_due(&mut item, Work::Wake, self.due);
        Ok(item)
    }

    pub(super) fn key(&self) -> Item {
        keys::key(keys::log(&self.owner), keys::wake(&self.activity))
    }
}

/// Reads what an item holds.
///
/// # Errors
/// If it is none of its kind. The message names its sort key only: what it holds may be personal.
pub(super) fn read<T: serde::de::DeserializeOwned>(item: Item) -> Result<T, Error> {
    let sk = item.get(keys::SK).and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
    serde_dynamo::from_item(item).map_err(|_| unreadable(&sk))
}

/// What is said of an item that is none of its kind.
pub(super) fn unreadable(sk: &str) -> Error {
    Error::never(format!("the item {sk} cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::super::weight;
    use super::*;
    use crate::id::ScenarioId;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn full() -> LeadItem {
        let visitor = |n: &str| SettlingVisitor {
            visitor: VisitorId::parse(format!("018f3c1e-7a54-7c1b-9f0e-3b8f5d2a4c{n}")).unwrap(),
            linked: at("2026-11-22T00:52:00.417Z"),
            settled: true,
        };
        LeadItem {
            lead: LeadId::derive(&["lead"]),
            revision: 1234,
            stage: Stage::Disqualified,
            grade: Some(Grade::A),
            level: Level::COLDEST,
            fit: 87.5,
            rank: Some(6.123_456_789_012_345),
            momentum_rank: Some(-1.234_567_890_123_45),
            phase: Phase::Comparing,
            excluded: true,
            name: Some("山田 太郎左衛門".to_owned()),
            company: Some("サンプル製作所ホールディングス株式会社".to_owned()),
            visitors: ["01", "02", "03", "04"].map(visitor).to_vec(),
            mailing: Some(crate::id::derive(&["mailing"])),
            inside: ["waking-the-quiet", "after-a-seminar"]
                .map(|id| (ScenarioId::parse(id).unwrap(), "4f9k2a".to_owned()))
                .into(),
            playbook: PlaybookVersion::derive(&["playbook"]),
            epoch: "2026-1".to_owned(),
            erased: None,
            merged: None,
            next_review: Some(at("2026-12-22T00:00:00.5Z")),
            last_seen: Some(at("2026-11-22T00:52:41.020Z")),
        }
    }

    #[test]
    fn a_lead_comes_back_as_it_was_and_is_one_write_unit() {
        let empty = LeadItem {
            grade: None,
            rank: None,
            momentum_rank: None,
            excluded: false,
            name: None,
            company: None,
            visitors: vec![],
            mailing: None,
            inside: Inside::new(),
            next_review: None,
            last_seen: None,
            ..full()
        };
        for lead in [full(), empty] {
            let item = lead.to_item().unwrap();
            assert!(weight(&item) <= 1024, "{}", weight(&item));
            assert_eq!(read::<LeadItem>(item).unwrap(), lead);
        }
    }

    #[test]
    fn every_lead_is_ranked_and_only_those_with_a_review_are_due() {
        let item = full().to_item().unwrap();
        assert_eq!(item[keys::RANK], keys::number(6.0));
        assert_eq!(item[keys::DUE_AT], keys::text("2026-12-22T00:00:00.500Z"));
        assert!(item[keys::RANK_PART].as_s().unwrap().starts_with("2026-1.disqualified."));
        let item = LeadItem { rank: None, next_review: None, ..full() }.to_item().unwrap();
        assert_eq!(item[keys::RANK], keys::number(LOWEST_RANK));
        assert!(!item.contains_key(keys::DUE_PART) && !item.contains_key(keys::DUE_AT));
    }

    #[test]
    fn who_is_none_of_its_own_is_in_no_list() {
        let at = at("2026-11-22T00:52:00Z");
        let merged = Merged { into: LeadId::derive(&["other"]), at };
        let mark = LeadItem::mark(&LeadId::derive(&["lead"]), Some(&full()));
        for mark in [LeadItem { erased: Some(at), ..mark.clone() }, LeadItem { merged: Some(merged), ..mark }] {
            let item = mark.to_item().unwrap();
            assert!(!mark.is_itself() && !item.contains_key(keys::RANK_PART) && !item.contains_key(keys::RANK));
            assert_eq!(read::<LeadItem>(item).unwrap(), mark);
        }
    }

    #[test]
    fn the_rank_of_the_index_is_never_above_the_true_one() {
        for (rank, wanted) in [(6.24, 6.0), (6.25, 6.25), (-0.1, -0.25), (0.0, 0.0)] {
            assert_eq!(quantised(Some(rank)), wanted);
        }
    }

    #[test]
    fn a_wake_comes_back_as_it_was() {
        let wake = Wake {
            owner: LogOwner::Visitor(VisitorId::parse("v").unwrap()),
            activity: ActivityId::parse("a").unwrap(),
            record_sk: "2026-11-22T00:52:00.000Z#a".to_owned(),
            due: at("2026-11-22T00:52:30Z"),
            cursor: None,
            tries: 0,
        };
        for wake in [Wake { cursor: Some("x".to_owned()), tries: 2, ..wake.clone() }, wake] {
            assert_eq!(read::<Wake>(wake.to_item().unwrap()).unwrap(), wake);
        }
    }

    #[test]
    fn an_item_with_more_than_we_know_still_loads() {
        let mut item = full().to_item().unwrap();
        item.insert("later".to_owned(), keys::text("x"));
        assert_eq!(read::<LeadItem>(item).unwrap(), full());
    }

    #[test]
    fn an_item_of_another_kind_is_refused_without_its_content() {
        let item = keys::item("lead#x", keys::LEAD, &serde_json::json!({ "lead": "ann@example.com" })).unwrap();
        let error = read::<LeadItem>(item).unwrap_err();
        assert_eq!(error.to_string(), "the item lead cannot be read");
    }
}
