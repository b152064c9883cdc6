//! Every outgoing call of `step` and `score` along the story fails once before it leaves and once after it took effect, and
//! the function dies behind it, singly; and calls fail in pairs, of which the usual run plays one in so many. The way, its
//! letters and their days are those of the pure engine, which knows neither store nor sweep.

use std::sync::atomic::{AtomicUsize, Ordering};

use michi::id::VisitorId;
use michi_local::{Fault, Planned};

use super::story::{Told, Twist, oracle, play, same, stage};
use crate::harness::some;

/// Runs something on a clock that stands still while nobody works.
pub(super) fn on_a_still_clock<T>(work: impl Future<Output = T>) -> T {
    let time = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    time.block_on(work)
}

/// The way without faults, which must be that of the pure engine; and the calls on it that may fail.
pub(super) fn fair_weather() -> (Told, Vec<(u64, bool)>) {
    on_a_still_clock(async {
        let suite = stage().await;
        let found = play(&suite, &[], Twist::None).await.unwrap();
        let calls = suite.client().record().calls();
        let store = &suite.own().store;
        let lead = store.visitor_consistent(&VisitorId::parse("mori").unwrap()).await.unwrap().unwrap().lead;
        let log = store.log(&michi::activity::LogOwner::Lead(lead.clone())).await.unwrap();
        let live = suite.own().playbook().await.unwrap();
        let wanted = oracle(&live.playbook, &lead, &log, suite.now());
        same(&found, &wanted, true).unwrap();
        let first = calls.iter().filter(|call| call.attempt == 1);
        let own = first.filter(|call| matches!(call.function.as_deref(), Some("step" | "score")));
        let reads = |operation: &str| ["GetItem", "BatchGetItem", "Query"].contains(&operation);
        (wanted, own.filter_map(|call| Some((call.ordinal?, reads(&call.operation)))).collect())
    })
}

/// Plays schedules on all cores; answers those that ended otherwise.
fn play_all(schedules: &[Vec<Planned>], wanted: &Told) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut wrong = Vec::new();
        while let Some(faults) = schedules.get(next.fetch_add(1, Ordering::Relaxed)) {
            let played = on_a_still_clock(async { play(&stage().await, faults, Twist::None).await });
            if let Err(what) = played.and_then(|found| same(&found, wanted, true)) {
                wrong.push(format!("{faults:?}\n{what}"));
            }
        }
        wrong
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    })
}

#[test]
fn every_call_of_step_and_score_may_fail_singly_and_in_pairs() {
    let (wanted, calls) = fair_weather();
    assert!(wanted.path.len() >= 7 && wanted.mails == 2, "{wanted:?}");
    let mut singles = Vec::new();
    for (ordinal, reads) in &calls {
        // A read has no effect that could be lost with its answer.
        let kinds: &[Fault] =
            if *reads { &[Fault::BeforeLeaving] } else { &[Fault::BeforeLeaving, Fault::AfterEffect, Fault::CrashAfter] };
        singles.extend(kinds.iter().map(|fault| Planned::call(*ordinal, *fault)));
    }
    assert!(singles.len() > 60, "{} schedules", singles.len());
    let pairs = singles.iter().enumerate().flat_map(|(n, one)| {
        singles.iter().skip(n + 1).filter(move |other| other.at != one.at).map(move |other| vec![one.clone(), other.clone()])
    });
    let pairs: Vec<Vec<Planned>> = pairs.collect();
    let one_in = pairs.len() / 60;
    let schedules: Vec<Vec<Planned>> = singles.iter().map(|one| vec![one.clone()]).chain(some(pairs, one_in)).collect();
    let wrong = play_all(&schedules, &wanted);
    println!("{} fault schedules over {} calls", schedules.len(), calls.len());
    let shown: Vec<&str> = wrong.iter().take(3).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {}: {}", wrong.len(), schedules.len(), shown.join("\n\n"));
}
