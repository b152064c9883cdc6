//! Every outgoing call of a merge fails once before it leaves and once after it took effect, and the function dies behind it.
//! What is there in the end is what is there without faults.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use michi::activity::{Kind, LogOwner};
use michi_cli::account::Target;
use michi_local::{Fault, Planned};
use serde_json::Value;

use super::{MINUTE, Two, begun};
use crate::harness::{some, suite};

/// What is there in the end.
#[derive(Debug, PartialEq)]
struct Ended {
    /// The keys of every item.
    items: BTreeSet<String>,
    /// What the log tells, each once.
    told: Vec<String>,
    /// What the lead is taken for.
    lead: String,
}

/// Merges two leads while these calls of `score` fail; answers what is there then, and which calls may fail.
async fn play(faults: &[Planned]) -> (Ended, Vec<(u64, bool)>) {
    let two = Two::in_suite(suite().await, Target::local(1)).await;
    let suite = &two.suite;
    // Schedules count calls from here on.
    let before = suite.client().record().calls().iter().filter_map(|call| call.ordinal).max().unwrap_or(0);
    suite.client().faults().lay(faults.to_vec());
    let mark = suite.client().record().mark();
    begun(suite, &two.old, &two.new).await;
    suite.advance(MINUTE * 17).await.unwrap();
    let calls = suite.client().record().since(mark);
    let own = calls.iter().filter(|call| call.attempt == 1 && call.function.as_deref() == Some("score"));
    // Looking what is due is the same for whatever is due.
    let own = own.filter(|call| call.touches.iter().any(|touch| touch.index.is_none()));
    let reads = |operation: &str| ["GetItem", "BatchGetItem", "Query"].contains(&operation);
    let calls = own.filter_map(|call| Some((call.ordinal? - before, reads(&call.operation)))).collect();

    let key = |item: &Value| format!("{} {}", item["pk"]["S"].as_str().unwrap(), item["sk"]["S"].as_str().unwrap());
    let items = [suite.items("Leads").unwrap(), suite.items("Activities").unwrap()].concat();
    // A decision's time is in its key.
    let place = |key: String| key.split_once('T').map_or(key.clone(), |(day, _)| day.to_owned());
    let items = items.iter().map(key).map(place).collect();
    let log = suite.own().store.log(&LogOwner::Lead(two.new.clone())).await.unwrap();
    let lead = two.folded(&log).await;
    let mut told: Vec<String> = log.records.iter().map(|record| format!("{} {}", record.id, kinds(&record.activities))).collect();
    told.sort();
    let lead = format!(
        "{:?} {:?} {:?} {:.1} {} {:?}",
        lead.attribute("email"),
        lead.stage,
        lead.cell,
        lead.interest.points,
        lead.visitors.len(),
        lead.permissions.marketing.is_some()
    );
    assert_eq!(two.left_behind(), [""; 0], "{faults:?}");
    (Ended { items, told, lead }, calls)
}

fn kinds(activities: &[michi::activity::Activity]) -> String {
    let kind = |kind: &Kind| serde_json::to_value(kind).unwrap()["kind"].as_str().unwrap().to_owned();
    activities.iter().map(|activity| kind(&activity.kind)).collect::<Vec<_>>().join(",")
}

fn on_a_still_clock<T>(work: impl Future<Output = T>) -> T {
    let time = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    time.block_on(work)
}

#[test]
fn every_call_of_a_merge_may_fail() {
    let (wanted, calls) = on_a_still_clock(play(&[]));
    assert!(
        wanted.told.iter().any(|told| told.contains("merged,attribute_set")) && wanted.lead.contains("new-corp"),
        "{wanted:?}"
    );
    let mut schedules = Vec::new();
    for (ordinal, reads) in &calls {
        // A read has no effect that could be lost with its answer.
        let kinds: &[Fault] =
            if *reads { &[Fault::BeforeLeaving] } else { &[Fault::BeforeLeaving, Fault::AfterEffect, Fault::CrashAfter] };
        schedules.extend(kinds.iter().map(|fault| Planned::call(*ordinal, *fault)));
    }
    let schedules = some(schedules, 2);
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut wrong = Vec::new();
        while let Some(fault) = schedules.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (found, _) = on_a_still_clock(play(std::slice::from_ref(fault)));
            if found != wanted {
                wrong.push(format!("{fault:?}\n{found:#?}"));
            }
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    println!("{} fault schedules over {} calls", schedules.len(), calls.len());
    assert!(schedules.len() > 40, "{} schedules", schedules.len());
    assert!(wrong.is_empty(), "{} of {}: {wanted:#?}\n{}", wrong.len(), schedules.len(), wrong[0]);
}
