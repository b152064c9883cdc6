//! SES's events: each says something of one message or nothing, and never an address.

use feedback::notice::{Notice, Unmatched, What};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::bytes::Input;
use super::trees::{changed, written};
use super::{cases, soon};
use crate::tidy::read;

const FIXTURES: [&str; 11] = [
    "bounce",
    "bounce_authentication",
    "bounce_out_of_office",
    "complaint",
    "delivery",
    "delivery_delay",
    "open",
    "owner_delivery",
    "reject",
    "rendering_failure",
    "send",
];

/// Where mail systems, and whoever speaks for them, say something in their own words.
const WORDS: [&str; 7] = [
    "bounce/bouncedRecipients/0/diagnosticCode",
    "bounce/bounceSubType",
    "complaint/complaintFeedbackType",
    "complaint/complaintSubType",
    "reject/reason",
    "failure/errorMessage",
    "mail/messageId",
];

/// The fixtures, the same with an address in all such words, and that without a mail server's own account.
fn fixtures() -> Vec<Value> {
    let fixture = |name| serde_json::from_str(&read(format!("functions/feedback/fixtures/{name}.json"))).unwrap();
    let mut all: Vec<Value> = FIXTURES.into_iter().map(fixture).collect();
    let mut telling = all.clone();
    for event in &mut telling {
        for place in WORDS {
            if let Some(said) = event.pointer_mut(&format!("/detail/{place}")) {
                *said = json!(format!("{}\u{1b}[2J no such user <ann@acme.example>", said.as_str().unwrap_or_default()));
            }
        }
    }
    let mut brief = telling.clone();
    brief.retain_mut(|event| {
        let recipient = event.pointer_mut("/detail/bounce/bouncedRecipients/0").and_then(Value::as_object_mut);
        recipient.is_some_and(|recipient| recipient.remove("diagnosticCode").is_some())
    });
    all.append(&mut telling);
    all.append(&mut brief);
    all
}

fn judged(event: &Value) {
    let read = Notice::read(event);
    match &read {
        Ok(notice) => {
            assert!(notice.lead.is_some() || notice.owner.is_some());
            let why = match &notice.what {
                What::Bounced { why, .. } => why.as_deref(),
                What::Rejected { why } => Some(why.as_str()),
                What::Sent | What::Delayed | What::Delivered | What::Complained { .. } => None,
            };
            for kept in [Some(notice.ses.as_str()), why].into_iter().flatten() {
                assert!(!kept.contains('@') && !kept.contains(char::is_control) && kept.chars().count() <= 200, "{kept:?}");
            }
        }
        Err(Unmatched::Unreadable(why)) => {
            let missing = why.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
            let ours = ["a field is not as documented", "a bounce without its part", "a complaint without its part"];
            assert!(ours.contains(&why.as_str()) || missing.is_some_and(|field| !field.contains(' ')), "{why}");
        }
        Err(Unmatched::Unknown | Unmatched::Foreign) => {}
    }
    // SES may say more of it at any time.
    let mut more = event.clone();
    grow(&mut more, &json!({"detail": [1]}));
    assert!(Notice::read(&more) == read);
}

/// Puts something new into every object.
fn grow(tree: &mut Value, news: &Value) {
    match tree {
        Value::Object(map) => {
            for (name, inner) in map.iter_mut() {
                let tag = json!(["a_zz"]);
                grow(inner, if name == "tags" { &tag } else { news });
            }
            map.insert("somethingNew".to_owned(), news.clone());
        }
        Value::Array(items) => items.iter_mut().for_each(|item| grow(item, news)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn an_event_is_read_whatever_its_tree_is(event in changed(fixtures())) {
        soon(move || judged(&event));
    }

    #[test]
    fn an_event_is_read_whatever_its_bytes_are(Input(bytes) in written(fixtures())) {
        soon(move || {
            if let Ok(event) = serde_json::from_slice(&bytes) {
                judged(&event);
            }
        });
    }
}
