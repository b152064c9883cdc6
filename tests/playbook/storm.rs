//! Leads are judged anew while calls fail.

use std::sync::atomic::{AtomicUsize, Ordering};

use michi::id::PlaybookVersion;
use michi::io::store::Phase;
use michi::lead::Stage;
use michi_local::{Fault, Planned, Suite};

use super::{HOUR, MINUTE, alike, applied, changed, derived, item, people, subjects};
use crate::harness::suite;

/// Who is where, and what was sent and told: what must be the same whatever happens on the way.
async fn end(suite: &Suite, count: usize) -> (Vec<(Stage, PlaybookVersion)>, Vec<String>, usize, Phase) {
    let mut leads = Vec::new();
    for n in 0..count {
        let item = item(suite, n).await;
        leads.push((item.stage, item.playbook));
    }
    let mut facts: Vec<String> = suite.bus().entries().iter().map(|entry| entry.detail["id"].to_string()).collect();
    facts.sort();
    facts.dedup();
    (leads, subjects(suite), facts.len(), derived(suite).await.phase)
}

/// A re-derivation with crashes; answers its end and what is left.
async fn story(faults: &[Planned], count: usize) -> (Suite, Vec<String>) {
    let suite = suite().await;
    people(&suite, count, 0).await;
    applied(&suite, &changed(&suite, alike), "mika").await;
    suite.client().faults().lay(faults.to_vec());
    let left = suite.finish(HOUR * 3).await.unwrap();
    (suite, left)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn a_crash_at_any_call_only_delays_it() {
    const COUNT: usize = 5;
    let (wanted, calls) = runtime().block_on(async {
        let (suite, left) = story(&[], COUNT).await;
        assert!(left.is_empty(), "{left:?}");
        let calls = suite.client().record().calls();
        (end(&suite, COUNT).await, calls)
    });
    assert_eq!((wanted.1.len(), wanted.2, wanted.3), (1, 2, Phase::Done));
    let first = calls.iter().find_map(|call| call.ordinal).unwrap();
    let mut schedules = Vec::new();
    for call in calls.iter().filter(|call| call.attempt == 1 && call.function.as_deref() == Some("score")) {
        let Some(ordinal) = call.ordinal.map(|ordinal| ordinal - first + 1) else { continue };
        // A read leaves nothing behind, so to crash after each write is to crash at every place that differs.
        if !["GetItem", "BatchGetItem", "Query"].contains(&call.operation.as_str()) {
            schedules.push(Planned::call(ordinal, Fault::CrashAfter));
        }
    }
    assert!(schedules.len() > 15, "{} schedules", schedules.len());
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut wrong = Vec::new();
        while let Some(fault) = schedules.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (left, found) = runtime().block_on(async {
                let (suite, left) = story(std::slice::from_ref(fault), COUNT).await;
                (left, end(&suite, COUNT).await)
            });
            if !left.is_empty() || found != wanted {
                wrong.push(format!("{fault:?}\n{left:?}\n{found:?}"));
            }
        }
        wrong
    };
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    println!("{} crashes over {} calls", schedules.len(), calls.len());
    assert!(wrong.is_empty(), "{} of {}: {}", wrong.len(), schedules.len(), wrong[..wrong.len().min(3)].join("\n\n"));
}

#[test]
fn hundreds_of_leads_come_through_a_storm() {
    const COUNT: usize = 300;
    const KINDS: &[Fault] =
        &[Fault::Throttle, Fault::Conflict, Fault::BeforeLeaving, Fault::AfterEffect, Fault::CrashBefore, Fault::CrashAfter];
    runtime().block_on(async {
        let suite = suite().await;
        people(&suite, COUNT, 0).await;
        let live = applied(&suite, &changed(&suite, alike), "mika").await;
        suite.client().faults().lay_random(7, 1, KINDS, true);
        suite.finish(HOUR * 6).await.unwrap();
        assert!(suite.client().faults().struck().len() > 10);
        suite.client().faults().lift();
        suite.finish(HOUR * 6).await.unwrap();
        suite.advance(MINUTE * 30).await.unwrap();
        let found = derived(&suite).await;
        assert_eq!(found.phase, Phase::Done);
        for n in 0..COUNT {
            let item = item(&suite, n).await;
            assert_eq!((item.playbook, item.stage == Stage::Mql), (live.version.clone(), n.is_multiple_of(4)), "person {n}");
        }
        let summaries = subjects(&suite).iter().filter(|subject| subject.contains("newly ready")).count();
        assert!((1..=2).contains(&summaries), "a summary whose answer was lost may come twice: {:?}", subjects(&suite));
        println!("{} failed for now, {} mails", found.failed, subjects(&suite).len());
    });
}
