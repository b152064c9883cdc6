//! A record as an item of Activities.
//!
//! What beacons have in common is stored once: the record's id, time and owner are in its key, and a page that an activity
//! shares with the one before it (`page_view`, `url`) is stored as `true`.

use std::collections::HashMap;

use jiff::fmt::serde::timestamp::millisecond;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_dynamo::AttributeValue;

use super::super::Error;
use super::items::unreadable;
use super::keys::{self, Item};
use super::wakes::DueKey;
use crate::activity::{Activity, Kind, LogOwner, Record, Retention, Source};
use crate::id::{ActivityId, ImportId, VisitorId};
use crate::verdict::Signals;

/// A record without what its key says.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(with = "millisecond::required")]
    at: Timestamp,
    #[serde(with = "millisecond::required")]
    received: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    visitor: Option<VisitorId>,
    #[serde(default = "site", skip_serializing_if = "is_site")]
    source: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    import: Option<ImportId>,
    #[serde(default, skip_serializing_if = "Signals::is_empty")]
    signals: Signals,
    activities: Vec<StoredActivity>,
}

/// An activity without what its record says.
#[derive(Serialize, Deserialize)]
struct StoredActivity {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<ActivityId>,
    #[serde(default, with = "millisecond::optional", skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(flatten)]
    kind: Kind,
}

fn site() -> Source {
    Source::Site
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_site(source: &Source) -> bool {
    *source == Source::Site
}

/// What an activity may share with the one before it.
const SHARED: [&str; 2] = ["page_view", "url"];

const ACTIVITIES: &str = "activities";
const VISITOR: &str = "visitor";

/// The item that keeps a record in this log. Times are kept in whole milliseconds.
pub(super) fn to_item(owner: &LogOwner, record: &Record) -> Result<Item, Error> {
    let differs = |one: Timestamp, other: Timestamp| one.as_millisecond() != other.as_millisecond();
    let activities = record.activities.iter().map(|activity| StoredActivity {
        id: (activity.id != record.id).then(|| activity.id.clone()),
        at: differs(activity.at, record.at).then_some(activity.at),
        kind: activity.kind.clone(),
    });
    let stored = Stored {
        at: record.at,
        received: record.received,
        visitor: record.visitor.clone().filter(|visitor| !matches!(owner, LogOwner::Visitor(own) if own == visitor)),
        source: record.source,
        import: record.import.clone(),
        signals: record.signals.clone(),
        activities: activities.collect(),
    };
    let mut item: Item = keys::item(keys::log(owner), keys::record(record.sent, &record.id), &stored)?;
    if let Some(aws_sdk_dynamodb::types::AttributeValue::L(activities)) = item.get_mut(ACTIVITIES) {
        shorten(activities);
    }
    if record.retention() == Retention::Passing {
        item.insert(keys::TTL.to_owned(), keys::ttl(record.at.saturating_add(kept(owner)).unwrap_or(record.at)));
    }
    Ok(item)
}

/// How long the log keeps footsteps.
pub(super) fn kept(owner: &LogOwner) -> SignedDuration {
    SignedDuration::from_hours(
        24 * match owner {
            LogOwner::Lead(_) => Retention::LEAD_DAYS,
            LogOwner::Visitor(_) => Retention::VISITOR_DAYS,
        },
    )
}

/// Leaves out what is empty, and what the activity before said already.
fn shorten(activities: &mut [aws_sdk_dynamodb::types::AttributeValue]) {
    use aws_sdk_dynamodb::types::AttributeValue;
    let mut before: HashMap<&str, AttributeValue> = HashMap::new();
    for activity in activities {
        let AttributeValue::M(fields) = activity else { continue };
        fields.retain(|_, value| !matches!(value, AttributeValue::Null(_)));
        for name in SHARED {
            let Some(value) = fields.get_mut(name) else { continue };
            if before.get(name) == Some(&*value) {
                *value = AttributeValue::Bool(true);
            } else {
                before.insert(name, value.clone());
            }
        }
    }
}

/// Undoes [`shorten`].
fn restore(activities: &mut [AttributeValue]) {
    let mut before: HashMap<&str, AttributeValue> = HashMap::new();
    for activity in activities {
        let AttributeValue::M(fields) = activity else { continue };
        for name in SHARED {
            match fields.get_mut(name) {
                Some(shared @ AttributeValue::Bool(true)) => {
                    if let Some(value) = before.get(name) {
                        *shared = value.clone();
                    }
                }
                Some(value) => {
                    before.insert(name, value.clone());
                }
                None => {}
            }
        }
    }
}

/// The record that an item keeps, and whose log it is in.
pub(super) fn from_item(item: impl Into<serde_dynamo::Item>) -> Result<(LogOwner, Record), Error> {
    let mut item: HashMap<String, AttributeValue> = item.into().into();
    let (pk, sk) = (take_text(&mut item, keys::PK), take_text(&mut item, keys::SK));
    let key = keys::log_owner(&pk).zip(keys::record_of(&sk));
    let Some((owner, (sent, id))) = key else { return Err(unreadable(&sk)) };
    if let Some(AttributeValue::L(activities)) = item.get_mut(ACTIVITIES) {
        restore(activities);
    }
    let stored: Stored = serde_dynamo::from_item(item).map_err(|_| unreadable(&sk))?;
    let activities = stored.activities.into_iter().map(|activity| Activity {
        id: activity.id.unwrap_or_else(|| id.clone()),
        at: activity.at.unwrap_or(stored.at),
        kind: activity.kind,
    });
    let activities = activities.collect();
    let visitor = stored.visitor.or_else(|| match &owner {
        LogOwner::Visitor(own) => Some(own.clone()),
        LogOwner::Lead(_) => None,
    });
    let Stored { at, received, source, import, signals, .. } = stored;
    Ok((owner, Record { id, sent, at, received, visitor, source, import, signals, activities }))
}

fn take_text(item: &mut HashMap<String, AttributeValue>, name: &str) -> String {
    match item.remove(name) {
        Some(AttributeValue::S(text)) => text,
        _ => String::new(),
    }
}

/// Turns an item of a visitor's log into the same item of a lead's: nobody is woken again, footsteps are kept as long as
/// a lead's, and the visitor, who was in the key, is named.
pub(super) fn move_to_lead(item: &mut Item, lead: &LogOwner, record: &Record) {
    item.insert(keys::PK.to_owned(), keys::text(keys::log(lead)));
    item.remove(keys::WAKE);
    if let Some(visitor) = &record.visitor {
        item.insert(VISITOR.to_owned(), keys::text(visitor.as_str()));
    }
    if item.contains_key(keys::TTL) {
        item.insert(keys::TTL.to_owned(), keys::ttl(record.at.saturating_add(kept(lead)).unwrap_or(record.at)));
    }
}

/// A record that the stream brings because it was marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Arrival {
    /// Whose log it is in.
    pub owner: LogOwner,
    /// The record.
    pub record: Record,
    /// Where its wake item is or was; none: it owes nothing.
    pub wake: Option<DueKey>,
}

impl Arrival {
    /// Reads a stream record's new image; `None` if the item is not marked.
    ///
    /// # Errors
    /// If it is marked but no record that can be read: it belongs into quarantine.
    pub fn read(image: &serde_dynamo::Item) -> Result<Option<Self>, Error> {
        let Some(AttributeValue::S(wake)) = image.get(keys::WAKE) else { return Ok(None) };
        let (owner, record) = from_item(image.clone())?;
        let wake = (wake != keys::WAKE_HINT).then(|| DueKey { pk: keys::log(&owner), sk: wake.clone() });
        Ok(Some(Self { owner, record, wake }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::weight;
    use super::*;
    use crate::activity::{FormSubmission, PageView};
    use crate::id::{FormId, LeadId, PageViewId};
    use aws_sdk_dynamodb::types::AttributeValue as Sdk;
    use std::collections::BTreeMap;

    const UUID: &str = "018f3c1e-7a54-7c1b-9f0e-3b8f5d2a4c";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn visitor() -> VisitorId {
        VisitorId::parse(format!("{UUID}ff")).unwrap()
    }

    fn lead() -> LogOwner {
        LogOwner::Lead(LeadId::derive(&["lead"]))
    }

    fn activity(n: u8, at: Timestamp, kind: Kind) -> Activity {
        Activity { id: ActivityId::parse(format!("{UUID}{n:02}")).unwrap(), at, kind }
    }

    fn page_view(url: &str) -> PageView {
        PageView {
            page_view: PageViewId::parse(format!("{UUID}aa")).unwrap(),
            url: url.to_owned(),
            title: Some("導入事例:株式会社サンプル製作所|サンプルテック株式会社".to_owned()),
            referrer: Some("https://www.example.co.jp/products/inspection-camera/".to_owned()),
            previous: Some(PageViewId::parse(format!("{UUID}bb")).unwrap()),
            campaign: BTreeMap::from([("utm_source".to_owned(), "newsletter".to_owned())]),
        }
    }

    /// One showing of a page with its engaged time and a click, as one beacon brings it.
    fn beacon() -> Record {
        let url = "https://www.example.co.jp/case-studies/sample-manufacturing?utm_source=newsletter";
        let view = page_view(url);
        let (seen, left) = (at("2026-11-22T00:52:00.417Z"), at("2026-11-22T00:52:41.020Z"));
        let page_view = view.page_view.clone();
        let clicked = Kind::Clicked {
            page_view: Some(page_view.clone()),
            target: "https://www.example.co.jp/products/inspection-camera/pricing".to_owned(),
            text: Some("価格を見る".to_owned()),
        };
        Record {
            id: ActivityId::parse(format!("{UUID}01")).unwrap(),
            sent: at("2026-11-22T00:52:03.100Z"),
            at: seen,
            received: at("2026-11-22T00:52:42Z"),
            visitor: Some(visitor()),
            source: Source::Site,
            import: None,
            signals: Signals::default(),
            activities: vec![
                activity(1, seen, Kind::PageViewed(view)),
                activity(2, left, clicked),
                activity(3, left, Kind::Engaged { page_view, url: url.to_owned(), millis: 38_250 }),
            ],
        }
    }

    fn there_and_back(owner: &LogOwner, record: &Record) {
        let item = to_item(owner, record).unwrap();
        assert_eq!(from_item(item).unwrap(), (owner.clone(), record.clone()));
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let beacon = beacon();
        for owner in [LogOwner::Visitor(visitor()), lead()] {
            there_and_back(&owner, &beacon);
        }
        let kind = Kind::EventAttended { event: "seminar".to_owned() };
        there_and_back(&lead(), &Record::decision(ActivityId::derive(&["x"]), at("2026-11-22T01:00:00Z"), kind));
        let form = FormSubmission {
            form: FormId::parse("inquiry").unwrap(),
            page_view: None,
            url: None,
            address: None,
            fields: BTreeMap::from([("name".to_owned(), "山田".to_owned()), ("phone".to_owned(), String::new())]),
            consent: None,
            millis: None,
        };
        let mut record = beacon;
        record.signals.automated = true;
        record.activities.push(activity(4, record.at, Kind::FormSubmitted(form)));
        there_and_back(&lead(), &record);
    }

    #[test]
    fn every_kind_comes_back_as_it_was() {
        let kinds = serde_json::json!([
            { "kind": "page_viewed", "page_view": "p", "url": "https://example.com/", "campaign": { "gclid": "x" } },
            { "kind": "engaged", "page_view": "p", "url": "https://example.com/", "millis": 4_000_000_000_u32 },
            { "kind": "clicked", "page_view": null, "target": "tel:+81", "text": "" },
            { "kind": "downloaded", "page_view": "p", "target": "https://example.com/a.pdf" },
            { "kind": "tracked", "event": "Trial Started", "properties": { "seats": "5", "url": "true" } },
            { "kind": "form_submitted", "form": "f", "page_view": "p", "url": "https://example.com/", "fields": {},
              "address": "ann@example.com", "consent": { "granted": true, "text": "yes" } },
            { "kind": "identified", "address": "ann@example.com", "traits": { "name": "Ann" }, "proof": "proven", "lead": "l" },
            { "kind": "attribute_set", "name": "company", "value": "" },
            { "kind": "consented", "class": "marketing", "granted": false, "basis": "server" },
            { "kind": "visitor_linked", "visitor": "v", "proof": "first", "since": "2026-11-22T00:00:00.000000001Z" },
            { "kind": "visitor_cut", "visitor": "v", "from": "2026-11-22T00:00:00Z" },
            { "kind": "enrolled", "scenario": "s", "enrollment": "e", "version": "v", "entry": { "activity": "a" } },
            { "kind": "enrolled", "scenario": "s", "enrollment": "e", "version": "v", "entry": { "state": 2 } },
            { "kind": "advanced", "scenario": "s", "enrollment": "e", "version": "v",
              "passed": [
                  { "step": "first", "visit": 1, "how": { "mailed": { "mail": "m", "message": "x",
                    "subject": { "language": "en", "number": 1, "words": "4f9k2a" } } } },
                  { "step": "fork", "visit": 2, "how": { "way": "yes" } },
                  { "step": "last", "visit": 1, "how": { "skipped": "late" } }
              ],
              "left": { "exit": "excluded" } },
            { "kind": "advanced", "scenario": "s", "enrollment": "e", "version": "v" },
            { "kind": "answered", "enrollment": "e", "step": "ask", "message": "m", "attribute": "how_far", "answer": "ready" },
            { "kind": "stage_moved", "from": "lead", "to": "mql", "cell": "A1", "alert": "m" },
            { "kind": "sales_answered", "handoff": "h", "owner": "o", "answer": { "answer": "recycled", "until": "2027-01-01T00:00:00Z" } },
            { "kind": "mail_sent", "message": "m", "mail": "alert", "owner": "o" },
            { "kind": "mail_opened", "message": "m" },
            { "kind": "mail_clicked", "message": "m", "target": "https://example.com/" },
            { "kind": "event_attended", "event": "seminar" },
            { "kind": "call_made", "owner": "o", "note": "call again" },
            { "kind": "card_exchanged", "note": "at the fair" },
            { "kind": "visited", "owner": "o" },
            { "kind": "listed", "address": "ann@example.com", "attributes": { "company": "A", "note": "" },
              "collisions": { "note": "never", "company": "overwrite" } },
            { "kind": "import_undone", "import": "i" },
            { "kind": "merged", "lead": "l", "letters": ["m", "n"] },
            { "kind": "merged", "lead": "l" },
        ]);
        let kinds: Vec<Kind> = serde_json::from_value(kinds).unwrap();
        for kind in kinds {
            let mut record = beacon();
            record.activities.push(activity(9, record.at, kind));
            there_and_back(&lead(), &record);
        }
    }

    #[test]
    fn activities_share_only_what_is_the_same() {
        let mut record = beacon();
        let other = Kind::Downloaded { page_view: None, target: "https://www.example.co.jp/paper.pdf".to_owned() };
        record.activities.push(activity(5, record.at, other));
        let view = PageView { page_view: PageViewId::parse("other").unwrap(), ..page_view("https://www.example.co.jp/") };
        record.activities.push(activity(6, record.at, Kind::PageViewed(view)));
        there_and_back(&lead(), &record);
        let item = to_item(&lead(), &record).unwrap();
        let shared = |n: usize, name: &str| {
            item["activities"].as_l().unwrap()[n].as_m().unwrap().get(name).map(|value| *value == Sdk::Bool(true))
        };
        assert_eq!([0, 1, 2, 3, 4].map(|n| shared(n, "page_view")), [Some(false), Some(true), Some(true), None, Some(false)]);
        assert_eq!([0, 1, 2, 3, 4].map(|n| shared(n, "url")), [Some(false), None, Some(true), None, Some(false)]);
    }

    #[test]
    fn a_page_view_with_engaged_time_and_a_click_is_one_write_unit() {
        let anonymous = weight(&to_item(&LogOwner::Visitor(visitor()), &beacon()).unwrap());
        assert!(anonymous <= 1024, "{anonymous}");
        let mut known = to_item(&lead(), &beacon()).unwrap();
        known.insert(keys::WAKE.to_owned(), keys::text(keys::WAKE_HINT));
        assert!(weight(&known) <= 1024, "{}", weight(&known));
    }

    #[test]
    fn only_footsteps_end_and_a_leads_end_later() {
        let ends = |owner: &LogOwner, record: &Record| {
            let item = to_item(owner, record).unwrap();
            item.get(keys::TTL).map(|ttl| ttl.as_n().unwrap().parse::<i64>().unwrap())
        };
        let mut record = beacon();
        let day = 24 * 60 * 60;
        assert_eq!(ends(&LogOwner::Visitor(visitor()), &record), Some(record.at.as_second() + 90 * day));
        assert_eq!(ends(&lead(), &record), Some(record.at.as_second() + 400 * day));
        let kind = Kind::EventAttended { event: "seminar".to_owned() };
        record.activities = vec![activity(1, record.at, kind)];
        assert_eq!(ends(&lead(), &record), None);
    }

    #[test]
    fn a_moved_record_is_the_one_that_would_have_been_appended() {
        let record = beacon();
        let mut item = to_item(&LogOwner::Visitor(visitor()), &record).unwrap();
        item.insert(keys::WAKE.to_owned(), keys::text(keys::WAKE_HINT));
        move_to_lead(&mut item, &lead(), &record);
        assert_eq!(item, to_item(&lead(), &record).unwrap());
    }

    #[test]
    fn a_record_with_more_than_we_know_still_loads() {
        let record = beacon();
        let mut item = to_item(&lead(), &record).unwrap();
        item.insert("later".to_owned(), keys::text("x"));
        let Some(Sdk::L(activities)) = item.get_mut(ACTIVITIES) else { panic!() };
        let Some(Sdk::M(first)) = activities.first_mut() else { panic!() };
        first.insert("scroll".to_owned(), keys::number(80));
        assert_eq!(from_item(item).unwrap().1, record);
    }

    #[test]
    fn only_marked_records_arrive() {
        let (owner, record) = (LogOwner::Visitor(visitor()), beacon());
        let mut item = to_item(&owner, &record).unwrap();
        let arrive = |item: &Item| Arrival::read(&item.clone().into());
        assert_eq!(arrive(&item).unwrap(), None);
        item.insert(keys::WAKE.to_owned(), keys::text(keys::WAKE_HINT));
        assert_eq!(arrive(&item).unwrap(), Some(Arrival { owner: owner.clone(), record: record.clone(), wake: None }));
        item.insert(keys::WAKE.to_owned(), keys::text(keys::wake(&record.id)));
        let wake = DueKey { pk: keys::log(&owner), sk: keys::wake(&record.id) };
        assert_eq!(arrive(&item).unwrap(), Some(Arrival { owner, record, wake: Some(wake) }));
        item.insert(ACTIVITIES.to_owned(), keys::text("no list"));
        let error = arrive(&item).unwrap_err().to_string();
        assert!(error.contains("2026-11-22T00:52:03.100Z") && !error.contains("no list"), "{error}");
    }
}
