//! Each of SES's documented events, and what is none.

use michi::activity::Bounce as Kind;
use michi::mail::bounce::Fault;
use serde_json::json;

use super::*;

macro_rules! fixture {
    ($name:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../fixtures/", $name, ".json"))).unwrap()
    };
}

fn what(event: &Value) -> What {
    Notice::read(event).unwrap().what
}

#[test]
fn an_event_names_its_message() {
    let notice = Notice::read(&fixture!("delivery")).unwrap();
    assert_eq!(notice.message.as_str(), "9h2xw6c0tq4m8rzk1nv5dyb7fj");
    assert_eq!(notice.lead.unwrap().as_str(), "4q7m1v9kzt0xh5d2c8nrwy3bfa");
    assert_eq!((notice.owner, notice.attempt.unwrap().as_str()), (None, "01j9x5k3q7"));
    assert_eq!(notice.ses, "0106019ab0c1d2e3-0a1b2c3d-1111-2222-3333-444455556666-000000");
    assert_eq!(notice.at, "2026-11-22T00:52:01.5Z".parse().unwrap(), "the event's own time, not the mail's");
    assert_eq!(Notice::read(&fixture!("send")).unwrap().at, "2026-11-22T00:52:00.123Z".parse().unwrap());
    assert_eq!(Notice::read(&fixture!("owner_delivery")).unwrap().owner.unwrap().as_str(), "s.sato");
}

#[test]
fn every_kind_is_read() {
    assert_eq!(what(&fixture!("send")), What::Sent);
    assert_eq!(what(&fixture!("delivery")), What::Delivered);
    assert_eq!(what(&fixture!("delivery_delay")), What::Delayed);
    assert_eq!(what(&fixture!("complaint")), What::Complained { known: false });
    assert_eq!(what(&fixture!("reject")), What::Rejected { why: "Bad content".to_owned() });
    assert!(matches!(what(&fixture!("rendering_failure")), What::Rejected { why } if why.starts_with("Attribute")));
    let What::Bounced { judged, why } = what(&fixture!("bounce")) else { panic!() };
    assert_eq!((judged.bounce, judged.fault, judged.counts), (Kind::Permanent, None, true));
    assert_eq!(why.as_deref(), Some("smtp; 550 5.1.1 … user unknown"), "without the address");
    let What::Bounced { judged, why } = what(&fixture!("bounce_out_of_office")) else { panic!() };
    assert_eq!((judged.bounce, judged.counts, why.as_deref()), (Kind::Transient, false, Some("General")));
    let What::Bounced { judged, .. } = what(&fixture!("bounce_authentication")) else { panic!() };
    assert_eq!((judged.bounce, judged.fault), (Kind::Blocked, Some(Fault::Authentication)));
}

#[test]
fn who_says_that_it_is_no_spam_does_not_complain() {
    let mut event = fixture!("complaint");
    event["detail"]["complaint"]["complaintFeedbackType"] = json!("not-spam");
    assert_eq!(what(&event), What::Delivered);
    event["detail"]["complaint"]["complaintFeedbackType"] = json!("something-new");
    assert_eq!(what(&event), What::Complained { known: false });
    event["detail"]["complaint"]["complaintSubType"] = json!("OnAccountSuppressionList");
    assert_eq!(what(&event), What::Complained { known: true });
}

#[test]
fn what_says_nothing_of_a_message_is_unmatched() {
    let check = |event: &Value, wanted: Unmatched| assert_eq!(Notice::read(event), Err(wanted), "{event}");
    check(&fixture!("open"), Unmatched::Unknown);
    let with = |path: &str, value: Value| {
        let mut event = fixture!("bounce");
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    check(&with("/detail/eventType", json!("Teleport")), Unmatched::Unknown);
    check(&with("/detail/mail/tags", json!({})), Unmatched::Foreign);
    check(&with("/detail/mail/tags/message", json!(["a_zz"])), Unmatched::Foreign);
    check(&with("/detail/mail/tags/lead", json!([])), Unmatched::Foreign);
    check(&with("/detail/bounce", Value::Null), Unmatched::Unreadable("a bounce without its part".to_owned()));
    let odd = Unmatched::Unreadable("a field is not as documented".to_owned());
    check(&with("/detail/mail/timestamp", json!("ann@acme.example")), odd);
    check(&json!({}), Unmatched::Unreadable("missing field `detail`".to_owned()));
    assert!(Notice::read(&json!([1])).is_err() && Notice::read(&Value::Null).is_err());
}
