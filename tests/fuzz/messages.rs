//! What browsers, servers and forms send: each message is kept or refused, and what is kept fits into the log.

use std::io::Write as _;

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use michi::activity::{Kind, Proof, Source};
use michi::id::VisitorId;
use michi::io::KeyRing;
use michi::verdict::Signals;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use tokio::runtime::Builder;
use track::body::{Content, Envelope, inflated, text};
use track::pack::{Packed, pack};
use track::parse::{Message, Sender, Type};
use track::refusal::Refusal;

use super::bytes::{Input, changed};
use super::trees::written;
use super::{cases, in_proportion, soon};

/// The largest item that DynamoDB takes, in bytes.
const ITEM: usize = 400 * 1024;
const JSON: &str = "text/plain;charset=UTF-8";
const FORM: &str = "application/x-www-form-urlencoded";
const PARTS: &str = "multipart/form-data; boundary=b";

fn messages() -> Vec<Value> {
    let message = |of_type: &str, more: Value| {
        let mut message = json!({
            "type": of_type, "anonymousId": "v-1", "userId": "u-1",
            "timestamp": "2026-11-22T09:59:00.120Z", "sentAt": "2026-11-22T09:59:01Z", "writeKey": "pk_example",
        });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message
    };
    let context = json!({
        "campaign": {"source": "news", "name": "autumn"}, "click_ids": {"gclid": "abc"}, "locale": "ja", "webdriver": true,
        "userAgent": "curl/8.5.0", "signature": "00", "token": "AQEC", "page": {"url": "https://x.test/a", "title": "A"},
    });
    let page = json!({"properties": {"url": "https://www.example.com/料金?a=1", "title": "料金", "referrer": "https://s.example/",
        "page_view": "pv-2", "previous": "pv-1"}, "context": context});
    let engaged = json!({"event": "Page Engaged", "properties": {"page_view": "pv-1", "url": "/a", "millis": 1_499.6}});
    let clicked = json!({"event": "Link Clicked", "properties": {"page_view": "pv-1", "target": "tel:1", "text": "Call"}});
    let form = json!({"event": "Form Submitted", "properties": {"form": "inquiry", "millis": 8_200.4, "url": "/contact",
        "fields": {"email": "Ann@Example.com", "name": "Ann", "password": "hunter2", "topics": ["a", 1]},
        "consent": {"granted": true, "text": "Send me news"}}});
    let tracked =
        json!({"event": "Price Calculated", "properties": {"seats": 20, "plan": {"name": "team", "of": {"year": 2026}}}});
    let traits = json!({"traits": {"email": "ann@example.com", "company": {"name": "Acme", "employee_count": 120}, "title": "CTO",
        "firstName": "Ann", "lastName": "Lee", "phone": null, "consent": {"granted": true, "text": "yes"}}, "context": context});
    let mut all = vec![
        message("page", page),
        message("track", engaged),
        message("track", clicked),
        message("track", form),
        message("track", tracked),
        message("identify", traits),
        // Who is not signed proves nothing, and who is not named by an id may be by an address.
        message("identify", json!({"userId": "ann@example.com", "context": {"signature": "00"}})),
    ];
    for (n, message) in all.iter_mut().enumerate() {
        message["messageId"] = json!(format!("message-{n}"));
    }
    all
}

/// What two browsers tell in small pieces, more than a record holds.
fn increments() -> Vec<Value> {
    let one = |n: i64| {
        json!({
            "type": "track", "event": "Page Engaged", "messageId": format!("piece-{n}"), "anonymousId": format!("v-{}", n % 2),
            "timestamp": format!("2026-11-22T09:58:{n:02}Z"),
            "properties": {"page_view": format!("pv-{}", n % 2), "url": "/a", "millis": 900 + n},
        })
    };
    (0..40).map(one).collect()
}

fn batches() -> Vec<Value> {
    let twice = messages().into_iter().chain(messages()).collect::<Vec<_>>();
    let batch = |messages: &[Value]| json!({"writeKey": "pk_example", "sentAt": "2026-11-22T09:59:02Z", "batch": messages});
    vec![batch(&messages()), batch(&twice), batch(&twice[..1]), batch(&increments())]
}

fn urlencoded() -> Vec<Vec<u8>> {
    let forms = [
        "writeKey=pk_example&form=inquiry&anonymousId=v-1&next=%2Fthanks&email=ann%40example.com&topic=a&topic=b%26c&consent=on",
        "name=%E5%B1%B1%E7%94%B0+%E5%A4%AA%E9%83%8E&%E3%83%A1%E3%83%BC%E3%83%AB=taro@example.jp&card=4111+1111+1111+1111",
        "name=%8ER%93c&email=a@example.com",
    ];
    forms.into_iter().map(|form| form.as_bytes().to_vec()).collect()
}

fn multipart() -> Vec<Vec<u8>> {
    let parts = [
        "name=\"writeKey\"\r\n\r\npk_example",
        "name=\"email\"\r\n\r\nann@example.com",
        "name=\"note\"\r\n\r\ntwo\r\nlines",
        "name=\"cv\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n",
        "name=\"cv\"; filename=\"cv.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF",
    ];
    let body = |parts: &[&str]| {
        let parts = parts.iter().map(|part| format!("--b\r\nContent-Disposition: form-data; {part}\r\n"));
        format!("{}--b--\r\n", parts.collect::<String>()).into_bytes()
    };
    vec![body(&parts[..4]), body(&parts)]
}

/// A request as it reaches the collector.
#[derive(Debug, Clone)]
struct Request {
    content: String,
    encoding: Option<&'static str>,
    body: Input,
    is_batch: bool,
    source: Source,
}

fn request() -> impl Strategy<Value = Request> {
    let sent = prop_oneof![
        4 => written(messages()).prop_map(|body| (JSON, body)),
        3 => written(batches()).prop_map(|body| (JSON, body)),
        2 => changed(urlencoded()).prop_map(|body| (FORM, body)),
        2 => changed(multipart()).prop_map(|body| (PARTS, body)),
    ];
    let header = weighted(0.1, changed([JSON, FORM, PARTS].map(|header| header.as_bytes().to_vec()).to_vec()));
    let gzip = weighted(0.15, any::<bool>());
    let source = select(vec![Source::Site, Source::Server]);
    (sent, header, gzip, source, weighted(0.05, any::<bool>())).prop_map(|((content, body), header, gzip, source, batch)| {
        let is_batch = batch.unwrap_or_else(|| body.text().contains("\"batch\""));
        let content = header.map_or(content.to_owned(), |header| header.text());
        let body = if gzip == Some(true) { zipped(&body) } else { body };
        Request { content, encoding: gzip.map(|_| "gzip"), body, is_batch, source }
    })
}

fn zipped(Input(bytes): &Input) -> Input {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    Input(encoder.finish().unwrap())
}

fn received() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// The JSON of a message, and what was read from it.
type Read = (String, Result<Message, Refusal>);

/// The messages of a request as the collector reads them.
fn read(request: &Request) -> Result<Vec<Read>, Refusal> {
    let of_type = (!request.is_batch).then_some(Type::Track);
    let content = Content::of(&request.content, !request.is_batch)?;
    let is_form = content != Content::Json;
    let body = Bytes::from(request.body.0.clone());
    let limit = Envelope::limit(request.is_batch);
    if body.len() > limit {
        return Ok(vec![]);
    }
    let body = inflated(request.encoding, body, limit)?;
    let fresh = || VisitorId::parse("fresh").unwrap();
    let text = Builder::new_current_thread().build().unwrap().block_on(text(content, &body, fresh))?;
    in_proportion(text.json.len(), 7, body.len(), 200);
    let envelope = Envelope::of(&text.json, request.is_batch)?;
    assert!(envelope.messages.len() <= 500 && envelope.messages.iter().all(|message| text.json.contains(message)));
    let keys = KeyRing::generate("test");
    let sender = Sender {
        received: received(),
        sent_at: envelope.sent_at,
        source: request.source,
        signals: Signals::default(),
        keys: &keys,
    };
    // What says its type is read by it here, as every route reads its own.
    let of_type = of_type.filter(|_| is_form);
    Ok(envelope.messages.into_iter().map(|json| (json.to_owned(), sender.read(of_type, json))).collect())
}

fn judged(request: &Request) {
    let Ok(read_once) = read(request) else { return };
    let mut messages = Vec::new();
    for (json, read) in read_once {
        match read {
            Ok(message) => {
                kept(&json, &message);
                messages.push(message);
            }
            Err(refusal) => in_proportion(refusal.message.len(), 0, json.len(), 300),
        }
    }
    let packed = pack(&messages, received());
    let mut places: Vec<usize> = packed.iter().flat_map(|packed| packed.messages.clone()).collect();
    for Packed { visitor, record, messages: of } in &packed {
        assert!(record.at <= received() && record.visitor.as_ref() == Some(visitor) && !of.is_empty());
        assert_eq!(record.activities.first().map(|activity| &activity.id), Some(&record.id));
        assert!(record.activities.iter().all(|activity| activity.kind.retention() == record.activities[0].kind.retention()));
        let told = of.iter().flat_map(|place| &messages[*place].activities);
        assert!(record.activities.iter().eq(told), "a record holds what its messages tell");
        assert!(of.iter().all(|place| messages[*place].visitors.contains(visitor)), "nobody's record holds what is another's");
        let size = serde_json::to_string(record).unwrap().len();
        assert!(size < ITEM, "a record of {size} bytes");
    }
    places.sort_unstable();
    places.dedup();
    let ids = |messages: &[Message]| {
        let all =
            messages.iter().flat_map(|message| message.visitors.iter().map(move |visitor| (visitor.clone(), message.id.clone())));
        all.collect::<std::collections::BTreeSet<_>>()
    };
    let packed_messages: Vec<Message> = places.iter().map(|place| messages[*place].clone()).collect();
    assert_eq!(ids(&packed_messages), ids(&messages), "none is lost");
    // The same request again writes the same.
    let again: Vec<Message> = read(request).unwrap().into_iter().filter_map(|(_, read)| read.ok()).collect();
    assert!(pack(&again, received()) == packed);
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// A message that was understood.
fn kept(json: &str, message: &Message) {
    assert!((1..=2).contains(&message.visitors.len()) && !message.activities.is_empty(), "{message:?}");
    assert!(message.activities.iter().all(|activity| activity.at <= received()), "{message:?}");
    let all = serde_json::to_value(&message.activities).unwrap();
    assert!(!has_nul(&all), "no NUL is kept: {all}");
    in_proportion(all.to_string().len(), 4, json.len(), 40_000);
    for activity in &message.activities {
        match (&activity.kind, message.source) {
            (Kind::Identified { proof, .. }, Source::Site) => {
                assert_eq!(*proof, Proof::Claimed, "nobody proves without a signature")
            }
            (Kind::Consented { .. } | Kind::AttributeSet { .. }, Source::Site) => panic!("only servers say so: {activity:?}"),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn each_message_is_kept_or_refused(request in request()) {
        soon(move || judged(&request));
    }
}
