//! How a version goes live: one at a time, by whom it takes, and back.

use jiff::tz::TimeZone;
use michi::io::Store;
use michi::io::store::Live;
use michi::playbook::Approval;
use michi_cli::deliver::{self, Delivered};
use michi_cli::plan::Candidate;
use michi_cli::{approve, history, rollback};
use michi_local::{Fault, Planned};

use super::{HOUR, MINUTE, alike, applied, author, changed, planned, strict};
use crate::harness::suite;

#[tokio::test]
async fn two_who_apply_at_once_cannot_overwrite_each_other() {
    let suite = suite().await;
    let (one, other) = (changed(&suite, strict), changed(&suite, alike));
    let (mikas, anns) = (planned(&suite, &one).await, planned(&suite, &other).await);
    assert!(mikas.pending && mikas.to_string().contains("levels"), "{mikas}");
    let store = &suite.own().store;
    deliver::apply(store, &one, &mikas, &author("mika"), false, suite.now()).await.unwrap();
    let error = deliver::apply(store, &other, &anns, &author("ann"), false, suite.now()).await.unwrap_err().to_string();
    assert!(error.contains("mika published version") && error.contains("run `michi plan` again"), "{error}");
    assert_eq!(store.live_version().await.unwrap(), mikas.version);
    assert_eq!(store.playbook_history().await.unwrap().len(), 2);
}

#[tokio::test]
async fn where_nothing_is_live_all_of_it_is_new_and_no_lead_is_judged() {
    let suite = suite().await;
    let key = serde_json::json!({ "pk": { "S": "playbook#live" }, "sk": { "S": "current" } });
    suite.dynamo().call("DeleteItem", serde_json::json!({ "TableName": "Leads", "Key": key }));
    suite.advance(MINUTE).await.unwrap();
    let candidate = changed(&suite, alike);
    let plan = planned(&suite, &candidate).await;
    assert!(plan.pending && plan.live.is_none() && plan.leads.is_none());
    assert!(plan.to_string().contains("nothing yet") && plan.to_string().contains("+ scoring.yaml"), "{plan}");
    let store = &suite.own().store;
    let done = deliver::apply(store, &candidate, &plan, &author("mika"), false, suite.now()).await.unwrap();
    assert!(matches!(done, Delivered::Live(Live { revision: 1, previous: None, .. })));
    assert_eq!(store.derivation().await.unwrap(), None);
}

#[tokio::test]
async fn an_older_version_needs_force_and_rollback_is_the_door() {
    let suite = suite().await;
    let store = &suite.own().store;
    assert!(rollback::wanted(store, None).await.unwrap_err().to_string().contains("is the first"));
    let first = suite.desk().playbook().version();
    let second = applied(&suite, &changed(&suite, strict), "mika").await;
    suite.advance(MINUTE).await.unwrap();
    let old = changed(&suite, |_| {});
    let plan = planned(&suite, &old).await;
    let refused = deliver::apply(store, &old, &plan, &author("ann"), false, suite.now()).await.unwrap_err().to_string();
    assert!(refused.contains("michi rollback") && refused.contains("--force"), "{refused}");
    assert_eq!(rollback::wanted(store, None).await.unwrap(), first);
    assert_eq!(rollback::wanted(store, Some(&first.as_str()[..6])).await.unwrap(), first);
    assert!(rollback::wanted(store, Some("zzzz")).await.unwrap_err().to_string().contains("michi history"));
    assert!(rollback::wanted(store, Some("")).await.unwrap_err().to_string().contains("several"));
    let forced = deliver::apply(store, &old, &plan, &author("ann"), true, suite.now()).await.unwrap();
    assert!(matches!(forced, Delivered::Live(live) if live.previous == Some(second.version.clone())));
    let shown = history::shown(&store.playbook_history().await.unwrap(), &TimeZone::UTC).unwrap();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("* ") && lines[0].ends_with("applied by ann: Prices count more"), "{shown}");
    assert!(!planned(&suite, &old).await.pending);
}

#[tokio::test]
async fn where_two_must_agree_a_second_person_makes_it_live() {
    let suite = suite().await;
    let store = &suite.own().store;
    applied(&suite, &changed(&suite, |playbook| playbook.setup.delivery.approval = Approval::SecondPerson), "mika").await;
    let next = changed(&suite, alike);
    let plan = planned(&suite, &next).await;
    let done = deliver::apply(store, &next, &plan, &author("mika"), false, suite.now()).await.unwrap();
    let Delivered::Proposed(proposal) = done else { panic!("{done:?}") };
    assert_ne!(store.live_version().await.unwrap(), plan.version);
    let kept = Candidate::kept(store, &proposal.version).await.unwrap();
    assert_eq!((&kept.playbook, &kept.files), (&next.playbook, &next.files));
    let by = async |by| approve::approve(store, &kept, &plan, &proposal, by, suite.now()).await;
    assert!(by("mika").await.unwrap_err().to_string().contains("somebody else"));
    assert_eq!(by("ann").await.unwrap().version, plan.version);
    assert_eq!(store.proposal().await.unwrap(), None);
    let shown = history::shown(&store.playbook_history().await.unwrap(), &TimeZone::UTC).unwrap();
    assert!(shown.lines().next().unwrap().contains("applied by mika, approved by ann"), "{shown}");
    suite.advance(MINUTE).await.unwrap();
    assert!(approve::approve(store, &kept, &plan, &proposal, "ann", suite.now()).await.is_err(), "once");
}

#[tokio::test]
async fn an_apply_that_was_interrupted_goes_on_when_it_is_run_again() {
    let suite = suite().await;
    let suite = &suite;
    // A function's own client, which meets faults, with whatever role.
    suite.client().roles().lift();
    let store: &Store = &suite.app("score").unwrap().store;
    let mut call: u64 = 0;
    loop {
        call += 1;
        let fault = if call.is_multiple_of(2) { Fault::AfterEffect } else { Fault::BeforeLeaving };
        let contact = format!("{call}@else.example");
        let candidate = changed(suite, |playbook| playbook.setup.company.contact = contact);
        let plan = planned(suite, &candidate).await;
        suite.client().faults().lay([Planned::call(call.div_ceil(2), fault)]);
        let first = deliver::apply(store, &candidate, &plan, &author("mika"), false, suite.now()).await;
        let struck = suite.client().faults().struck().len();
        suite.client().faults().lift();
        let live = suite.own().store.live_version().await.unwrap();
        if first.is_ok() {
            assert_eq!(live, plan.version);
        }
        let again = planned(suite, &candidate).await;
        assert_eq!(again.pending, live != plan.version, "half a version is never live");
        if again.pending {
            deliver::apply(store, &candidate, &again, &author("mika"), false, suite.now()).await.unwrap();
        }
        let kept = Candidate::kept(&suite.own().store, &plan.version).await.unwrap();
        assert_eq!((kept.playbook, kept.files), (candidate.playbook, candidate.files));
        if struck == 0 {
            break;
        }
    }
    assert!(call > 14, "{call} calls");
    let left = suite.finish(HOUR).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}
