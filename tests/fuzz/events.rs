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

/// The fixtures, and the same with an address in all that mail systems say in their own words.
fn fixtures() -> Vec<Value> {
    let fixture = |name| serde_json::from_str(&read(format!("functions/feedback/fixtures/{name}.json"))).unwrap();
    let mut all: Vec<Value> = FIXTURES.into_iter().map(fixture).collect();
    let mut telling = all.clone();
    for event in &mut telling {
        for place in ["bounce/bouncedRecipients/0/diagnosticCode", "reject/reason", "failure/errorMessage", "mail/messageId"] {
            if let Some(said) = event.pointer_mut(&format!("/detail/{place}")) {
                *said = json!(format!("{}\u{1b}[2J no such user <ann@acme.example>", said.as_str().unwrap()));
            }
        }
    }
    all.append(&mut telling);
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
    for place in ["", "/detail", "/detail/mail", "/detail/bounce", "/detail/mail/tags"] {
        if let Some(Value::Object(map)) = more.pointer_mut(place) {
            let news = if place.ends_with("tags") { json!(["a_zz"]) } else { json!({"detail": [1]}) };
            map.insert("somethingNew".to_owned(), news);
        }
    }
    assert!(Notice::read(&more) == read);
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
