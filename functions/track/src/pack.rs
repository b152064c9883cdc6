//! Packing a request's messages into records.
//!
//! A record is one item of the log, and an item of at most 1 KB costs one write unit. So activities of one visitor go
//! into one record as long as it stays that small; one that is larger by itself gets a record of its own, whole.
//! Which messages share a record depends on nothing but themselves, so that a repeated request writes the same keys.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use michi::activity::{Activity, Record, Retention};
use michi::id::VisitorId;
use michi::verdict::Signals;
use serde_json::Value;

use crate::parse::Message;

/// What one write unit holds, in bytes.
const UNIT: usize = 1_024;

/// A record to append, and the messages it was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// Whose it is.
    pub visitor: VisitorId,
    /// The record.
    pub record: Record,
    /// Which of the messages are in it, by place.
    pub messages: Vec<usize>,
}

/// What the messages of one record have in common.
#[derive(PartialEq, Eq, Hash)]
struct Common<'a> {
    visitor: &'a VisitorId,
    retention: Retention,
    signals: &'a Signals,
    /// Without a time of the sender's, the record's key holds when it came, which a repeat changes.
    timed: bool,
}

/// Packs messages, each once per visitor, into records in the order in which they happened.
#[must_use]
pub fn pack(messages: &[Message], received: Timestamp) -> Vec<Packed> {
    let sent = |message: &Message| message.sent.unwrap_or(received);
    let mut order: Vec<(usize, &Message)> = messages.iter().enumerate().collect();
    order.sort_by_key(|(_, message)| sent(message));

    let mut packed: Vec<Packed> = Vec::new();
    // The record of each kind that still has room, and how large it is, once that was asked.
    let mut open: HashMap<Common<'_>, (usize, Option<usize>)> = HashMap::new();
    let mut met = HashSet::new();
    for (place, message) in order {
        let retention = message.activities.iter().map(|activity| activity.kind.retention()).max();
        let Some((retention, first)) = retention.zip(message.activities.first()) else { continue };
        for visitor in &message.visitors {
            if !met.insert((visitor, &message.id)) {
                continue;
            }
            let common = Common { visitor, retention, signals: &message.signals, timed: message.sent.is_some() };
            // Each that says whose the browser is has a record, and so a wake-up, of its own.
            let shares = !message.identifies();
            if shares
                && let Some((index, size)) = open.get_mut(&common)
                && let Some(there) = packed.get_mut(*index)
            {
                let more = size_of_all(&message.activities, there.record.activities.last());
                let size = size.get_or_insert_with(|| frame(&there.record) + size_of_all(&there.record.activities, None));
                if *size + more <= UNIT {
                    there.record.activities.extend(message.activities.iter().cloned());
                    there.messages.push(place);
                    *size += more;
                    continue;
                }
            }
            let record = Record {
                id: message.id.clone(),
                sent: sent(message),
                at: first.at,
                received,
                visitor: Some(visitor.clone()),
                source: message.source,
                import: None,
                signals: message.signals.clone(),
                activities: message.activities.clone(),
            };
            if shares {
                open.insert(common, (packed.len(), None));
            }
            packed.push(Packed { visitor: visitor.clone(), record, messages: vec![place] });
        }
    }
    packed
}

/// What an item has beside its activities, in bytes, at its largest: its keys name a lead or the visitor, both of which
/// may be named, and it may be marked.
fn frame(record: &Record) -> usize {
    let visitor = record.visitor.as_ref().map_or(0, |visitor| visitor.as_str().len());
    let id = record.id.as_str().len();
    let keys = "pk".len() + "visitor#".len() + visitor.max(26) + "sk".len() + "2026-11-22T00:00:00.000Z#".len() + id;
    let times = "at".len() + "received".len() + "ttl".len() + 3 * NUMBER;
    let mark = "wake".len() + "wake#".len() + id;
    let signals = serde_json::to_value(&record.signals).map_or(0, |signals| "signals".len() + size_of(&signals));
    let rest = "v".len() + NUMBER + "source".len() + "server".len() + "visitor".len() + visitor + "activities".len() + HEAD;
    keys + times + mark + signals + rest
}

fn size_of_all(activities: &[Activity], before: Option<&Activity>) -> usize {
    let mut before = before.map(|activity| fields(activity).1);
    let mut sum = 0;
    for activity in activities {
        let (id, mut kind) = fields(activity);
        let all = kind.clone();
        if let (Value::Object(kind), Some(Value::Object(before))) = (&mut kind, &before) {
            // The store writes a page that the activity before stands on, too, as a single bit.
            for name in ["page_view", "url"] {
                if kind.get(name).is_some_and(|value| before.get(name) == Some(value)) {
                    kind.insert(name.to_owned(), Value::Bool(true));
                }
            }
        }
        // The times that differ from the record's are stored; that they do may depend on when it came, so all count.
        sum += 1 + size_of(&kind) + 2 + "id".len() + id + "at".len() + NUMBER;
        before = Some(all);
    }
    sum
}

fn fields(activity: &Activity) -> (usize, Value) {
    (activity.id.as_str().len(), serde_json::to_value(&activity.kind).unwrap_or_default())
}

/// A number of up to 14 digits.
const NUMBER: usize = 8;
/// What a list or a map costs by itself.
const HEAD: usize = 3;

/// The size of a value in an item, by DynamoDB's rules.
fn size_of(value: &Value) -> usize {
    match value {
        // Left out when stored.
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => NUMBER,
        Value::String(text) => text.len(),
        Value::Array(items) => HEAD + items.iter().map(|item| 1 + size_of(item)).sum::<usize>(),
        Value::Object(fields) => HEAD + fields.iter().map(|(name, value)| 1 + name.len() + size_of(value)).sum::<usize>(),
    }
}

#[cfg(test)]
mod tests {
    use michi::activity::Source;
    use michi::io::KeyRing;
    use serde_json::json;

    use super::*;
    use crate::parse::Sender;

    fn read(messages: &[Value], received: &str) -> (Vec<Message>, Timestamp) {
        let keys = KeyRing::generate("test");
        let received = received.parse().unwrap();
        let sender = Sender { received, sent_at: None, source: Source::Site, signals: Signals::default(), keys: &keys };
        (messages.iter().map(|message| sender.read(None, &message.to_string()).unwrap()).collect(), received)
    }

    fn page(n: usize, visitor: &str) -> Value {
        json!({
            "type": "page", "messageId": format!("page-{n:04}"), "anonymousId": visitor,
            "timestamp": format!("2026-11-22T10:{:02}:{:02}Z", n / 60, n % 60),
            "properties": {"url": "https://www.example.com/cases/kansai-steel", "title": "Kansai Steel", "page_view": format!("view-{n}")},
        })
    }

    fn keys(packed: &[Packed]) -> Vec<(&str, Vec<&str>)> {
        let ids = |packed: &Packed| packed.record.activities.iter().map(|activity| activity.id.clone()).collect::<Vec<_>>();
        assert!(packed.iter().all(|p| ids(p).first() == Some(&p.record.id)));
        packed
            .iter()
            .map(|p| (p.visitor.as_str(), p.record.activities.iter().map(|activity| activity.id.as_str()).collect()))
            .collect()
    }

    #[test]
    fn a_page_with_engaged_time_and_clicks_is_one_record() {
        let on_page = |n: usize, event: &str, more: Value| {
            let mut properties =
                json!({"page_view": "6a1c8e3b-7a56-4a0e-9a1b-0f1f3a5b7c9d", "url": "https://www.example.com/cases/kansai-steel"});
            properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"type": "track", "event": event, "messageId": format!("0b0e9a52-9d53-4e39-8a53-1f5f2d0c7a{n:02}"),
                "anonymousId": "4b3f9a52-9d53-4e39-8a53-1f5f2d0c7abc", "timestamp": "2026-11-22T10:00:00Z", "properties": properties})
        };
        let messages = [
            json!({"type": "page", "messageId": "0b0e9a52-9d53-4e39-8a53-1f5f2d0c7a00", "anonymousId": "4b3f9a52-9d53-4e39-8a53-1f5f2d0c7abc",
                "timestamp": "2026-11-22T10:00:00Z", "properties": {
                    "url": "https://www.example.com/cases/kansai-steel", "title": "Kansai Steel halves its downtime – Example",
                    "referrer": "https://www.example.com/", "page_view": "6a1c8e3b-7a56-4a0e-9a1b-0f1f3a5b7c9d",
                    "previous": "7a1c8e3b-7a56-4a0e-9a1b-0f1f3a5b7c9d"}}),
            on_page(1, "Link Clicked", json!({"target": "https://partner.example.net/", "text": "Our partner"})),
            on_page(2, "Page Engaged", json!({"millis": 41_000})),
        ];
        let (messages, received) = read(&messages, "2026-11-22T10:01:00Z");
        let packed = pack(&messages, received);
        assert_eq!(packed.len(), 1);
        assert_eq!(packed[0].messages, [0, 1, 2]);
    }

    #[test]
    fn records_stay_within_a_write_unit_and_a_repeat_writes_the_same() {
        let batch: Vec<Value> = (0..40).map(|n| page(n, "v-1")).collect();
        let (messages, received) = read(&batch, "2026-11-22T12:00:00Z");
        let packed = pack(&messages, received);
        assert!(packed.len() > 1 && packed.iter().all(|p| p.messages.len() > 1));
        assert_eq!(packed.iter().map(|p| p.messages.len()).sum::<usize>(), 40);
        for p in &packed {
            assert!(frame(&p.record) + size_of_all(&p.record.activities, None) <= UNIT);
        }
        let (later, received) = read(&batch, "2026-11-29T12:00:00Z");
        assert_eq!(keys(&pack(&later, received)), keys(&packed));
        let turned: Vec<Value> = batch.into_iter().rev().collect();
        let (turned, received) = read(&turned, "2026-11-22T12:00:00Z");
        assert_eq!(keys(&pack(&turned, received)), keys(&packed));
    }

    #[test]
    fn what_must_stand_apart_does() {
        let form = |id: &str, address: &str| {
            json!({"type": "track", "event": "Form Submitted", "messageId": id, "anonymousId": "v-1", "timestamp": "2026-11-22T10:00:00Z",
                "properties": {"form": "inquiry", "fields": {"email": address}}})
        };
        let mut untimed = page(9, "v-1");
        untimed.as_object_mut().unwrap().remove("timestamp");
        let mut robot = page(8, "v-1");
        robot["context"] = json!({"userAgent": "curl/8.5.0"});
        let download = json!({"type": "track", "event": "File Downloaded", "messageId": "d", "anonymousId": "v-1",
            "timestamp": "2026-11-22T10:00:02Z", "properties": {"target": "https://www.example.com/paper.pdf"}});
        let batch = [
            page(1, "v-1"),
            page(1, "v-1"),
            page(2, "v-2"),
            page(3, "v-1"),
            form("f-1", "a@example.com"),
            form("f-2", "b@example.com"),
            download,
            robot,
            untimed,
        ];
        let (messages, received) = read(&batch, "2026-11-22T12:00:00Z");
        let packed = pack(&messages, received);
        let expected = [
            ("v-1", vec!["f-1"]),
            ("v-1", vec!["f-2"]),
            ("v-1", vec!["page-0001", "page-0003"]),
            ("v-2", vec!["page-0002"]),
            ("v-1", vec!["d"]),
            ("v-1", vec!["page-0008"]),
            ("v-1", vec!["page-0009"]),
        ];
        assert_eq!(keys(&packed), expected);
    }

    #[test]
    fn a_large_activity_is_kept_whole() {
        let mut large = page(1, "v-1");
        large["properties"]["title"] = json!("x".repeat(20_000));
        let (messages, received) = read(&[page(0, "v-1"), large, page(2, "v-1")], "2026-11-22T12:00:00Z");
        let packed = pack(&messages, received);
        assert_eq!(packed.len(), 3);
        assert_eq!(packed[1].record.activities, messages[1].activities);
    }
}
