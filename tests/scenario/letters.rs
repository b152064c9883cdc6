//! What a scenario owes goes out when it says, and not at all once it does not fit any more.

use jiff::SignedDuration;
use michi::activity::{Kind, LogOwner};
use michi::io::store::{DueKey, Found};
use michi::mail::gate::Refusal;
use michi::mail::message::{Event, State};
use michi::scenario::Left;
use serde_json::json;

use super::{DAY, HOUR, MINUTE, Reader, publish, publish_change, suite_with};
use crate::harness::{Visitor, insist};

#[tokio::test]
async fn a_letter_that_has_not_gone_out_is_taken_back_when_its_run_ends() {
    let scenario = json!({ "two": {
        "name": "Two", "trigger": { "form": "white-paper" }, "goal": { "did": { "what": { "form": "inquiry" } } },
        "steps": [
            { "mail": { "id": "hello", "send": "welcome" } },
            { "wait": { "id": "day", "for": "1d" } },
            { "mail": { "id": "cases", "send": "case-study" } },
            { "wait": { "id": "days", "for": "9d" } },
        ],
    } });
    let suite = suite_with(&scenario).await;
    publish_change(&suite, |playbook| playbook.setup.mail.cap.mails = 1).await;
    let mut reader = Reader::of(&suite, "mori").await;
    suite.advance(DAY * 2).await.unwrap();
    let open = reader.open(&suite).await;
    let held = DueKey::of_letter(&reader.lead, open[0].mail.as_ref().unwrap());
    let store = &suite.own().store;
    let Found::One(letter) = store.message(&held).await.unwrap() else { panic!("the letter is not there") };
    assert!(matches!(letter.state, State::Pending { .. }) && reader.got(&suite).await.len() == 1, "{letter:?}");

    let fields = json!({ "email": "mori@aoba.example", "message": "Please call me." });
    insist(&suite, &reader.visitor.form(suite.now(), "inquiry", &fields)).await;
    suite.advance(MINUTE).await.unwrap();
    assert_eq!(reader.left(&suite).await, [Left::Goal]);
    let Found::One(letter) = store.message(&held).await.unwrap() else { panic!("the letter is not there") };
    let why = letter.history.last().map(|entry| &entry.event);
    assert_eq!((&letter.state, why), (&State::Expired, Some(&Event::Refused { why: Refusal::Cancelled })));
    suite.advance(DAY * 20).await.unwrap();
    assert_eq!(reader.got(&suite).await.len(), 1);
    assert_eq!(suite.finish(HOUR).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn hours_by_the_leads_clock_hold_until_the_mail_has_gone_out() {
    let window = json!({ "days": ["tue", "wed", "thu"], "from": 9, "to": 17, "zone": "lead" });
    let scenario = json!({ "abroad": {
        "name": "Abroad", "trigger": { "form": "white-paper" }, "window": window,
        "steps": [{ "wait": { "id": "day", "for": "1d" } }, { "mail": { "id": "hello", "send": "welcome" } }],
    } });
    let suite = suite_with(&scenario).await;
    let reader = Reader::of(&suite, "mori").await;
    let set = Kind::AttributeSet { name: "time_zone".to_owned(), value: "America/New_York".to_owned() };
    reader.append(&suite, set, "zone").await;
    suite.advance(DAY * 9).await.unwrap();
    // Nine in the morning in New York, where Tokyo's hours for mail are over.
    assert_eq!(reader.got(&suite).await, ["Thu 02 Apr 22:00 welcome"]);
}

#[tokio::test]
async fn an_event_that_comes_with_the_identification_lets_in() {
    let scenario = json!({ "trial": {
        "name": "Trial", "trigger": { "track": "trial-started" }, "steps": [{ "wait": { "id": "day", "for": "1d" } }],
    } });
    for apart in [0, 45] {
        let suite = suite_with(&scenario).await;
        let mut visitor = Visitor::new("mori");
        let identify = visitor.message(suite.now(), json!({ "type": "identify", "traits": { "email": "mori@aoba.example" } }));
        let started = visitor.message(suite.now(), json!({ "type": "track", "event": "trial-started" }));
        if apart == 0 {
            insist(&suite, &[started, identify]).await;
        } else {
            insist(&suite, &[started]).await;
            suite.advance(SignedDuration::from_secs(apart)).await.unwrap();
            insist(&suite, &[identify]).await;
        }
        suite.settle().await.unwrap();
        let (lead, _) = crate::spine::lead_of(&suite, &visitor).await;
        suite.advance(MINUTE * 5).await.unwrap();
        let log = suite.own().store.log(&LogOwner::Lead(lead)).await.unwrap();
        let enrolled =
            log.records.iter().flat_map(|record| &record.activities).filter(|one| matches!(one.kind, Kind::Enrolled { .. }));
        assert_eq!(enrolled.count(), 1, "{apart} seconds apart");
    }
}

#[tokio::test]
async fn who_is_there_already_is_let_in_when_the_scenario_means_them_at_last() {
    let quiet = |who: &str| {
        json!({ "all": {
            "name": "All", "trigger": { "stage": ["lead"] }, "who": who, "steps": [{ "wait": { "id": "day", "for": "30d" } }],
        } })
    };
    let suite = suite_with(&json!({})).await;
    let reader = Reader::of(&suite, "mori").await;
    for (who, entered) in [("new", 0), ("both", 1)] {
        publish(&suite, &quiet(who)).await;
        suite.advance(MINUTE * 20).await.unwrap();
        assert_eq!(reader.entered(&suite).await, entered, "{who}");
    }
}
