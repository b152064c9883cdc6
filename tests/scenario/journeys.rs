//! From the form to the last mail, and every way to an earlier end.

use jiff::SignedDuration;
use michi::activity::{Kind, OptOut};
use michi::lead::Stage;
use michi::scenario::{Left, Waiting};
use michi_local::{Disorder, Options, Suite};
use serde_json::{Value, json};

use super::{DAY, HOUR, MINUTE, Reader, nurture, publish, publish_change, suite_with};
use crate::harness::{Visitor, insist};

/// One scenario by this name.
fn only(scenario: Value) -> Value {
    json!({ "nurture": scenario })
}

#[tokio::test]
async fn a_white_paper_leads_to_the_last_mail_on_the_planned_days() {
    let suite = suite_with(&only(nurture())).await;
    let reader = Reader::of(&suite, "mori").await;
    assert_eq!(reader.entered(&suite).await, 1);
    // Wednesday; three days later is a Saturday, so the second letter waits for Monday.
    suite.advance(MINUTE * 5).await.unwrap();
    assert_eq!(reader.got(&suite).await.len(), 1);
    suite.advance(DAY * 10).await.unwrap();
    let open = reader.open(&suite).await;
    assert!(matches!(open[0].waiting, Waiting::Behaviour { .. }), "{open:?}");
    suite.advance(DAY * 30).await.unwrap();
    assert_eq!(reader.open(&suite).await, []);
    assert_eq!(reader.left(&suite).await, [Left::End]);
    assert_eq!(reader.got(&suite).await, ["Wed 01 Apr 09:03 welcome", "Mon 06 Apr 09:00 case-study", "Mon 20 Apr 09:00 talk"]);
    assert_eq!(
        reader.path(&suite).await,
        [
            "hello: mailed welcome",
            "days: done",
            "cases: mailed case-study",
            "prices: otherwise",
            "cool: done",
            "talk: mailed talk"
        ]
    );
    assert_eq!(suite.finish(HOUR).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_waited_for_ends_the_wait_at_the_next_sweep() {
    let suite = suite_with(&only(nurture())).await;
    let mut reader = Reader::of(&suite, "mori").await;
    suite.advance(DAY * 7).await.unwrap();
    assert!(matches!(reader.open(&suite).await[0].waiting, Waiting::Behaviour { .. }));
    insist(&suite, &reader.visitor.page(suite.now(), "/pricing", "Pricing", 40)).await;
    suite.advance(MINUTE).await.unwrap();
    let path = reader.path(&suite).await;
    assert_eq!(path[3..], ["prices: came", "keen: done", "talk: mailed talk"], "{path:?}");
    assert_eq!(reader.left(&suite).await, [Left::End]);
    // The attribute is folded, and a second look at prices is nobody's business.
    let (_, lead) = crate::spine::lead_of(&suite, &reader.visitor).await;
    assert_eq!(lead.attribute("mood"), Some("keen"));
}

#[tokio::test]
async fn whatever_ends_it_ends_it_at_once() {
    enum By {
        Goal,
        Unsubscribing,
        Sales,
    }
    for (by, wanted) in [(By::Goal, Left::Goal), (By::Unsubscribing, Left::Unsubscribed), (By::Sales, Left::InSales)] {
        let suite = suite_with(&only(nurture())).await;
        let mut reader = Reader::of(&suite, "mori").await;
        suite.advance(HOUR).await.unwrap();
        assert_eq!(reader.got(&suite).await.len(), 1);
        match by {
            By::Goal => {
                let fields = json!({ "email": "mori@aoba.example", "message": "Please call me." });
                insist(&suite, &reader.visitor.form(suite.now(), "inquiry", &fields)).await;
            }
            By::Unsubscribing => {
                let kind = Kind::MailChosen { topic: None, wanted: false, by: OptOut::Page, message: None };
                reader.append(&suite, kind, "no more").await;
            }
            By::Sales => {
                let (from, to) = (Stage::Lead, Stage::Sal);
                let moved = Kind::StageMoved { from, to, cell: None, alert: None, corrects: None, by_rules: false };
                reader.append(&suite, moved, "taken over").await;
            }
        }
        suite.advance(MINUTE).await.unwrap();
        assert_eq!(reader.left(&suite).await, [wanted]);
        assert_eq!(reader.open(&suite).await, []);
        suite.advance(DAY * 30).await.unwrap();
        assert_eq!(reader.got(&suite).await.len(), 1, "nobody who has left gets a mail");
    }
}

#[tokio::test]
async fn two_deliveries_enter_once_and_two_forms_too() {
    let disorder = Disorder { seed: 7, shards: 3, redelivered_percent: 40 };
    let suite = Suite::start(Options { disorder: Some(disorder), ..Options::test() }).await.unwrap();
    publish(&suite, &only(nurture())).await;
    let mut visitor = Visitor::new("mori");
    let form = visitor.form(suite.now(), "white-paper", &json!({ "email": "mori@aoba.example" }));
    insist(&suite, &form).await;
    insist(&suite, &form).await;
    suite.settle().await.unwrap();
    let again = visitor.form(suite.now(), "white-paper", &json!({ "email": "mori@aoba.example" }));
    insist(&suite, &again).await;
    suite.settle().await.unwrap();
    let (lead, _) = crate::spine::lead_of(&suite, &visitor).await;
    assert_eq!(suite.own().store.enrollments_of(&lead).await.unwrap().len(), 1);
    assert_eq!(suite.own().store.open_enrollments(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_day_of_sleep_is_made_up_for_as_each_step_says() {
    for (late, passed, got) in [
        ("do", "letter: mailed welcome", vec!["Thu 02 Apr 09:04 welcome"]),
        ("next_window", "letter: mailed welcome", vec!["Fri 03 Apr 09:00 welcome"]),
        ("skip", r#"letter: {"skipped":"late"}"#, vec![]),
    ] {
        let mut scenario = nurture();
        scenario["steps"] = json!([
            { "wait": { "id": "hours", "for": "2h" } },
            { "mail": { "id": "letter", "send": "welcome", "late": late } },
            { "set": { "id": "after", "attribute": "mood", "to": "keen" } }
        ]);
        let suite = suite_with(&only(scenario)).await;
        let reader = Reader::of(&suite, "mori").await;
        suite.advance(MINUTE).await.unwrap();
        suite.sleep(DAY).unwrap();
        suite.advance(DAY * 3).await.unwrap();
        assert_eq!(reader.path(&suite).await, ["hours: done", passed, "after: done"]);
        assert_eq!(reader.got(&suite).await, got);
        assert_eq!(reader.left(&suite).await, [Left::End]);
    }
}

#[tokio::test]
async fn a_clock_that_jumps_while_somebody_waits_skips_nothing_and_repeats_nothing() {
    let wrong = SignedDuration::from_millis(1);
    for (function, jump, second) in [
        ("step", DAY * 7, "Wed 08 Apr 10:03 case-study"),
        ("step", -HOUR, "Mon 06 Apr 09:00 case-study"),
        ("score", DAY * 7, "Mon 06 Apr 09:00 case-study"),
        ("score", -HOUR, "Mon 06 Apr 09:00 case-study"),
    ] {
        // A clock of its own.
        let skew = [(function.to_owned(), wrong)].into();
        let suite = Suite::start(Options { skew, ..Options::test() }).await.unwrap();
        publish(&suite, &only(nurture())).await;
        let reader = Reader::of(&suite, "mori").await;
        suite.advance(HOUR).await.unwrap();
        suite.app(function).unwrap().clock.set(suite.now() + jump);
        suite.tick(function).await.unwrap();
        suite.advance(DAY * 40).await.unwrap();
        let path = ["hello", "days", "cases", "prices", "cool", "talk"];
        let passed = reader.passed(&suite).await;
        assert_eq!(passed.iter().map(|one| one.step.as_str()).collect::<Vec<_>>(), path, "{function} {jump:#}");
        assert_eq!((reader.left(&suite).await, reader.open(&suite).await), (vec![Left::End], vec![]), "{function} {jump:#}");
        let got = reader.got(&suite).await;
        assert_eq!((got.len(), got[1].as_str()), (3, second), "{function} {jump:#}: {got:?}");
        assert_eq!(suite.finish(HOUR).await.unwrap(), Vec::<String>::new());
    }
}

/// Leads whose steps all fell due while everything stood still.
#[tokio::test]
async fn a_crowd_that_is_due_at_once_goes_on_in_order() {
    let mut scenario = nurture();
    scenario["steps"] =
        json!([{ "wait": { "id": "hours", "for": "2h" } }, { "set": { "id": "after", "attribute": "a", "to": "b" } }]);
    let suite = suite_with(&only(scenario)).await;
    let mut readers = Vec::new();
    for n in 0..40 {
        readers.push(Reader::of(&suite, &format!("reader{n}")).await);
    }
    suite.sleep(DAY).unwrap();
    suite.advance(MINUTE * 2).await.unwrap();
    for reader in &readers {
        assert_eq!((reader.left(&suite).await, reader.open(&suite).await), (vec![Left::End], vec![]));
    }
    assert_eq!(suite.finish(HOUR).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn who_came_into_a_state_before_the_scenario_is_existing_and_who_comes_later_is_new() {
    let scenario = |who: &str| {
        json!({
            "name": who, "trigger": { "segment": "from-aoba" }, "who": who,
            "steps": [{ "set": { "id": "seen", "attribute": who, "to": "yes" } }]
        })
    };
    let suite = crate::harness::suite().await;
    publish_change(&suite, |playbook| {
        playbook.scenarios.clear();
        let segment = json!({ "attribute": { "name": "name" } });
        playbook.segments.insert("from-aoba".to_owned().try_into().unwrap(), serde_json::from_value(segment).unwrap());
    })
    .await;
    let old = Reader::of(&suite, "old").await;
    suite.advance(HOUR).await.unwrap();
    publish(&suite, &json!({ "new": scenario("new"), "existing": scenario("existing"), "both": scenario("both") })).await;
    suite.advance(HOUR).await.unwrap();
    let young = Reader::of(&suite, "young").await;
    suite.advance(HOUR).await.unwrap();
    for (reader, wanted) in [(&old, ["existing", "both"]), (&young, ["new", "both"])] {
        let (_, lead) = crate::spine::lead_of(&suite, &reader.visitor).await;
        let entered: Vec<&str> =
            ["new", "existing", "both"].into_iter().filter(|who| lead.attribute(who) == Some("yes")).collect();
        assert_eq!(entered, wanted);
    }
    // A change that has nothing to do with it enters nobody again.
    publish_change(&suite, crate::playbook::alike).await;
    suite.advance(HOUR).await.unwrap();
    assert_eq!((old.entered(&suite).await, young.entered(&suite).await), (2, 2));
}

#[tokio::test]
async fn a_date_lets_in_when_it_comes_near() {
    let suite = suite_with(&json!({ "renewal": {
        "name": "Renewal",
        "trigger": { "date": { "attribute": "renewal", "offset": "-30d" } },
        "steps": [{ "mail": { "id": "ask", "send": "talk" } }]
    } }))
    .await;
    let [soon, never, past] = ["2026-05-20", "next year", "2026-01-01"];
    let mut readers = Vec::new();
    for (name, date) in [("soon", soon), ("never", never), ("past", past)] {
        let reader = Reader::sending(&suite, name, "survey").await;
        let set = Kind::AttributeSet { name: "renewal".to_owned(), value: date.to_owned() };
        reader.append(&suite, set, "renewal").await;
        readers.push(reader);
    }
    suite.advance(DAY * 60).await.unwrap();
    assert_eq!(readers[0].got(&suite).await, ["Mon 20 Apr 09:00 talk"]);
    assert_eq!((readers[1].entered(&suite).await, readers[2].entered(&suite).await), (0, 0));
}

#[tokio::test]
async fn an_edit_moves_stays_drains_or_ends_as_it_says() {
    for (under_way, edited, wanted) in [
        ("move", "talk", vec!["hello: mailed welcome", "days: done", "cases: mailed talk"]),
        ("stay", "talk", vec!["hello: mailed welcome", "days: done", "cases: mailed case-study"]),
        ("drain", "talk", vec!["hello: mailed welcome", "days: done", "cases: mailed case-study"]),
    ] {
        let suite = suite_with(&only(nurture())).await;
        let reader = Reader::of(&suite, "mori").await;
        suite.advance(HOUR).await.unwrap();
        let mut after = nurture();
        after["under_way"] = json!(under_way);
        after["steps"][2]["mail"]["send"] = json!(edited);
        publish(&suite, &only(after)).await;
        let other = Reader::of(&suite, "kato").await;
        suite.advance(DAY * 10).await.unwrap();
        assert_eq!(reader.path(&suite).await, wanted, "{under_way}");
        assert_eq!(other.entered(&suite).await, usize::from(under_way != "drain"), "{under_way}");
    }
}

#[tokio::test]
async fn who_stands_at_a_step_that_is_taken_away_leaves_and_so_does_everybody_with_the_scenario() {
    let mut without = nurture();
    without["steps"].as_array_mut().unwrap().remove(1);
    for (scenarios, wanted) in [(only(without), Left::StepGone), (json!({}), Left::ScenarioGone)] {
        let suite = suite_with(&only(nurture())).await;
        let reader = Reader::of(&suite, "mori").await;
        suite.advance(HOUR).await.unwrap();
        publish(&suite, &scenarios).await;
        suite.advance(MINUTE * 10).await.unwrap();
        assert_eq!(reader.left(&suite).await, [wanted]);
        suite.advance(DAY * 30).await.unwrap();
        assert_eq!(reader.got(&suite).await.len(), 1);
    }
}

#[tokio::test]
async fn who_is_erased_while_waiting_leaves_nothing_and_gets_nothing() {
    let suite = suite_with(&only(nurture())).await;
    let reader = Reader::of(&suite, "mori").await;
    suite.advance(HOUR).await.unwrap();
    let store = &suite.own().store;
    let before = store.lead(&reader.lead).await.unwrap();
    store.begin_erasure(&reader.lead, before.as_ref(), &[], suite.now()).await.unwrap();
    suite.advance(DAY * 10).await.unwrap();
    assert_eq!(reader.open(&suite).await, []);
    assert_eq!(store.open_enrollments(None).await.unwrap(), []);
    assert_eq!(reader.mails(&suite).len(), 1);
    assert_eq!(suite.finish(HOUR).await.unwrap(), Vec::<String>::new());
}
