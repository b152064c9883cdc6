//! `relay` on its own: facts owed by hand, published through the local suite.

use jiff::SignedDuration;
use michi::fact::{Fact, FactKind};
use michi::id::{ActivityId, LeadId};
use michi::io::store::Save;
use michi_local::{Fault, Options, Planned, Service, Suite};
use serde_json::json;

async fn open() -> Suite {
    Suite::start(Options::test()).await.unwrap()
}

fn fact(suite: &Suite, n: usize) -> Fact {
    let activity = ActivityId::derive(&[&n.to_string()]);
    Fact::of(&LeadId::derive(&["ann"]), &activity, suite.now(), &suite.desk().playbook().version(), FactKind::LeadIdentified)
}

async fn owe(suite: &Suite, facts: Vec<Fact>) {
    suite.own().store.save(Save { facts, ..Save::default() }).await.unwrap();
}

/// The ids on the bus, in the order of the facts they belong to.
fn published(suite: &Suite) -> Vec<String> {
    let mut ids: Vec<String> =
        suite.bus().entries().iter().map(|entry| entry.detail["id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn ids(facts: &[Fact]) -> Vec<String> {
    let mut ids: Vec<String> = facts.iter().map(|fact| fact.id.to_string()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_fact_is_told_once_and_kept_for_ninety_days() {
    let suite = open().await;
    let fact = fact(&suite, 0);
    owe(&suite, vec![fact.clone()]).await;
    suite.settle().await.unwrap();
    let [entry] = &suite.bus().entries()[..] else { panic!("{:?}", suite.bus().entries()) };
    assert_eq!((entry.source.as_str(), entry.detail_type.as_str()), ("michi", "Lead Identified"));
    assert_eq!(entry.detail["lead"], json!(fact.lead.as_str()));
    assert_eq!(suite.leftovers().unwrap(), [""; 0]);
    suite.advance(SignedDuration::from_hours(24)).await.unwrap();
    assert_eq!(suite.bus().entries().len(), 1);
    let kept =
        |suite: &Suite| suite.items("Leads").unwrap().iter().any(|item| item["sk"]["S"] == json!(format!("fact#{}", fact.id)));
    assert!(kept(&suite), "so that a repeat is known");
    suite.advance(SignedDuration::from_hours(90 * 24)).await.unwrap();
    assert!(!kept(&suite));
}

#[tokio::test]
async fn facts_whose_records_were_lost_are_found_by_the_tick() {
    let suite = open().await;
    let facts: Vec<Fact> = (0..23).map(|n| fact(&suite, n)).collect();
    owe(&suite, facts.clone()).await;
    // The stream is given half a minute.
    suite.tick("relay").await.unwrap();
    assert_eq!(suite.bus().entries().len(), 0);
    suite.clock().set(suite.now() + SignedDuration::from_secs(30));
    suite.tick("relay").await.unwrap();
    assert_eq!(published(&suite), ids(&facts));
    suite.settle().await.unwrap();
    assert_eq!(published(&suite), ids(&facts), "the late records change nothing");
    assert_eq!(suite.leftovers().unwrap(), [""; 0]);
}

#[tokio::test]
async fn what_the_bus_refuses_comes_again_alone() {
    let suite = open().await;
    let facts: Vec<Fact> = (0..5).map(|n| fact(&suite, n)).collect();
    owe(&suite, facts.clone()).await;
    suite.bus().refuse_next([1, 3]);
    suite.settle().await.unwrap();
    assert_eq!((suite.bus().entries().len(), suite.leftovers().unwrap().len()), (3, 2));
    suite.advance(SignedDuration::from_secs(29)).await.unwrap();
    assert_eq!(suite.bus().entries().len(), 3);
    suite.advance(SignedDuration::from_secs(60)).await.unwrap();
    assert_eq!(published(&suite), ids(&facts));
    assert_eq!(suite.leftovers().unwrap(), [""; 0]);
}

#[tokio::test]
async fn what_the_bus_refuses_time_and_again_is_held_in_sight() {
    let suite = open().await;
    owe(&suite, vec![fact(&suite, 0)]).await;
    (0..20).for_each(|_| suite.bus().refuse_next([0]));
    suite.finish(SignedDuration::from_hours(24)).await.unwrap();
    assert_eq!(suite.bus().entries().len(), 0);
    let left = suite.leftovers().unwrap();
    assert!(left.len() == 1 && left[0].starts_with("due for held"), "{left:?}");
}

/// However a single call fails, every fact is told and nothing is left; it is told twice only if the bus took it and
/// nobody could keep that it did.
#[tokio::test]
async fn no_lost_call_loses_a_fact() {
    let facts = |suite: &Suite| vec![fact(suite, 0), fact(suite, 1)];
    let suite = open().await;
    owe(&suite, facts(&suite)).await;
    suite.client().faults().lay([Planned::call(1_000, Fault::Refuse)]);
    let mark = suite.client().record().mark();
    suite.settle().await.unwrap();
    let calls: Vec<_> = suite.client().record().since(mark).into_iter().filter(|call| call.ordinal.is_some()).collect();
    let puts = calls.iter().position(|call| call.service == Service::EventBridge).unwrap();

    let mut cases = tokio::task::JoinSet::new();
    for place in 0..calls.len() {
        use Fault::{AfterEffect, BeforeLeaving, CrashAfter, CrashBefore, Throttle};
        for fault in [BeforeLeaving, AfterEffect, Throttle, CrashBefore, CrashAfter] {
            let twice = match fault {
                AfterEffect => place == puts,
                CrashAfter => place >= puts,
                CrashBefore => place > puts,
                _ => false,
            };
            cases.spawn(async move {
                let suite = open().await;
                let facts = facts(&suite);
                owe(&suite, facts.clone()).await;
                suite.client().faults().lay([Planned::call(place as u64 + 1, fault)]);
                let left = suite.finish(SignedDuration::from_hours(1)).await.unwrap();
                let context = format!("{fault:?} of call {}", place + 1);
                let mut told = published(&suite);
                assert!(told.len() == 2 || twice, "{context}: {told:?}");
                told.dedup();
                assert_eq!((told, left), (ids(&facts), vec![]), "{context}");
            });
        }
    }
    while let Some(case) = cases.join_next().await {
        case.unwrap();
    }
}

#[tokio::test]
async fn poison_is_put_aside_and_the_rest_goes_on() {
    let suite = open().await;
    let item = json!({
        "pk": { "S": "lead#x" }, "sk": { "S": "fact#poison" }, "hint": { "S": "fact" }, "what": { "S": "?" },
        "due_part": { "S": "relay.0.0" }, "due_at": { "S": format!("{:.3}", suite.now()) },
    });
    let answer = suite.dynamo().call("PutItem", json!({ "TableName": "Leads", "Item": item }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    owe(&suite, vec![fact(&suite, 0)]).await;
    suite.settle().await.unwrap();
    assert_eq!(suite.bus().entries().len(), 1);
    let left = suite.leftovers().unwrap();
    assert!(left.len() == 1 && left[0].starts_with("in quarantine"), "{left:?}");
}
