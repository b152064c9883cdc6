//! Every outgoing call on the path from beacon to alert fails once before it leaves and once after it took effect,
//! singly and in pairs, of which the usual run plays one in six. The end is the same as without faults, apart from times
//! and attempts.
//!
//! A mail that SES took and did not answer for is proven by SES's own word of it, so there is one copy. Only where that word
//! is lost, too, there is one further copy after two minutes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use michi_local::{Fault, Planned, Service, Suite};
use serde_json::Value;

use crate::harness::{Visitor, insist, ready_lead, some, suite, thorough};

/// What is left of a story: the tables, the mails and the facts told, without times and attempts.
#[derive(Debug, PartialEq, Eq)]
struct End {
    items: Vec<String>,
    mails: BTreeSet<String>,
    facts: BTreeSet<String>,
}

async fn story(faults: &[Planned]) -> (Suite, Vec<String>) {
    let suite = suite().await;
    suite.client().faults().lay(faults.to_vec());
    let mut visitor = Visitor::new("v1");
    ready_lead(&suite, &mut visitor).await;
    let mut left = suite.finish(SignedDuration::from_hours(3)).await.unwrap();
    // By now what raced past the link would have been fetched.
    suite.advance(SignedDuration::from_mins(3)).await.unwrap();
    insist(&suite, &visitor.page(suite.now(), "/product", "Product", 30)).await;
    left.extend(suite.finish(SignedDuration::from_hours(3)).await.unwrap());
    (suite, left)
}

fn end(suite: &Suite) -> End {
    let items = ["Activities", "Leads"].into_iter().flat_map(|table| suite.items(table).unwrap());
    let mut items: Vec<String> = items.map(|item| timeless(item).to_string()).collect();
    items.sort();
    let mails = suite.mailbox().mails().iter().map(|mail| format!("{:?} {}", mail.to, mail.subject)).collect();
    let facts = suite.bus().entries().iter().map(|entry| entry.detail["id"].to_string() + entry.detail_type.as_str()).collect();
    End { items, mails, facts }
}

/// An item without what depends on when it was written, and by which attempt.
fn timeless(mut item: Value) -> Value {
    const TIMES: &[&str] = &[
        "at",
        "received",
        "ttl",
        "last_seen",
        "due_at",
        "linked",
        "since",
        "created",
        "expires",
        "free_at",
        "last",
        "engaged",
        // What fades, and what counts how often something was done.
        "exact_rank",
        "rank",
        "momentum_rank",
        "interest",
        "before",
        "rise",
        "reading",
        "deeds",
        "revision",
        "tries",
        "unanswered",
        "history",
        "attempt",
        "ses",
        "count",
        // A digest of, among others, times.
        "mailing",
    ];
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| !TIMES.contains(&name.as_str()));
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut item);
    item.sort_all_objects();
    if let Some(sk) = item.pointer_mut("/sk/S")
        && let Some((time, id)) = sk.as_str().and_then(|text| text.split_once('#'))
        && time.ends_with('Z')
    {
        *sk = Value::from(id);
    }
    item
}

/// Plays a story with faults and compares its end; says what is wrong.
fn play(faults: &[Planned], wanted: &End) -> Result<(), String> {
    let time = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    time.block_on(async {
        let (suite, left) = story(faults).await;
        let unanswered = suite.client().record().calls().into_iter();
        let unanswered = unanswered.filter(|call| call.service == Service::Ses && call.fault == Some(Fault::AfterEffect)).count();
        let copies = suite.mailbox().mails().len();
        if copies != 1 {
            return Err(format!("{copies} mails after {unanswered} lost answers"));
        }
        let found = end(&suite);
        if !left.is_empty() {
            return Err(format!("left: {left:?}"));
        }
        if found != *wanted {
            let odd = found
                .items
                .iter()
                .filter(|item| !wanted.items.contains(item))
                .chain(wanted.items.iter().filter(|item| !found.items.contains(item)));
            return Err(format!("another end: {:#?}\n{:?} {:?}", odd.collect::<Vec<_>>(), found.mails, found.facts));
        }
        Ok(())
    })
}

/// Plays schedules on all cores; answers those that ended otherwise.
fn play_all(schedules: &[Vec<Planned>], wanted: &End) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut wrong = Vec::new();
        while let Some(faults) = schedules.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(what) = play(faults, wanted) {
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
fn every_call_may_fail_singly_and_in_pairs() {
    let time = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (wanted, calls) = time.block_on(async {
        let (suite, left) = story(&[]).await;
        assert!(left.is_empty(), "{left:?}");
        (end(&suite), suite.client().record().calls())
    });
    assert_eq!((wanted.mails.len(), wanted.facts.len()), (1, 3));

    let mut faults = Vec::new();
    let mut singles = Vec::new();
    for call in calls.iter().filter(|call| call.attempt == 1) {
        let Some(ordinal) = call.ordinal else { continue };
        let [before, after] = [Fault::BeforeLeaving, Fault::AfterEffect].map(|fault| Planned::call(ordinal, fault));
        singles.extend([vec![before.clone()], vec![after.clone()]]);
        // What comes of a mail has a story of its own.
        if call.function.as_deref() == Some("feedback") {
            continue;
        }
        // A read has no effect that could be lost with its answer, so in pairs one way to fail is enough.
        let reads = ["GetItem", "BatchGetItem", "Query"].contains(&call.operation.as_str());
        faults.extend(if reads { vec![before] } else { vec![before, after] });
    }
    assert!(singles.len() > 80, "{} schedules", singles.len());
    // A fault makes further calls, so the second of a pair strikes whatever is made by then.
    let pairs = faults.iter().enumerate().flat_map(|(n, one)| {
        faults.iter().skip(n + 1).filter(move |other| other.at != one.at).map(move |other| vec![one.clone(), other.clone()])
    });
    // Which pairs these are changes with the calls; all of them would take too long for every run.
    let schedules: Vec<Vec<Planned>> = singles.into_iter().chain(some(pairs.collect(), 6)).collect();
    let wrong = play_all(&schedules, &wanted);
    println!("{} fault schedules over {} calls", schedules.len(), calls.len());
    let shown: Vec<&str> = wrong.iter().take(3).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} of {}: {}", wrong.len(), schedules.len(), shown.join("\n\n"));
}

/// Throttles, conflicts, lost calls and answers, and functions that end half-way, strewn over the whole path by a seed.
#[test]
fn a_storm_passes_and_leaves_nothing_behind() {
    const KINDS: &[Fault] =
        &[Fault::Throttle, Fault::Conflict, Fault::BeforeLeaving, Fault::AfterEffect, Fault::CrashBefore, Fault::CrashAfter];
    let time = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let wanted = time.block_on(async { end(&story(&[]).await.0) });
    for seed in 0..20 * thorough() as u64 {
        let time = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        time.block_on(async {
            let suite = suite().await;
            suite.client().faults().lay_random(seed, 4, KINDS, true);
            let mut visitor = Visitor::new("v1");
            ready_lead(&suite, &mut visitor).await;
            let mut left = suite.finish(SignedDuration::from_hours(12)).await.unwrap();
            let struck = suite.client().faults().struck();
            suite.client().faults().lift();
            left.extend(suite.finish(SignedDuration::from_hours(12)).await.unwrap());
            suite.advance(SignedDuration::from_mins(3)).await.unwrap();
            insist(&suite, &visitor.page(suite.now(), "/product", "Product", 30)).await;
            left.extend(suite.finish(SignedDuration::from_hours(3)).await.unwrap());

            // A mail is sent twice only if SES took it and its sender did not live to hear or to keep that.
            let copies = suite.mailbox().mails().len();
            let calls = suite.client().record().calls();
            let lost = |fault: Option<Fault>| matches!(fault, Some(Fault::AfterEffect | Fault::CrashAfter));
            let unheard = calls.iter().any(|call| call.service == Service::Ses && lost(call.fault))
                || calls.iter().any(|call| {
                    call.function.as_deref() == Some("notify")
                        && matches!(call.fault, Some(Fault::CrashBefore | Fault::CrashAfter))
                });
            assert!(copies == 1 || (unheard && copies == 2), "seed {seed}: {copies} mails; {struck:?}");
            let found = end(&suite);
            let held = found.items.iter().any(|item| item.contains(r#""is":{"S":"held"}"#));
            if !held {
                assert!(left.is_empty(), "seed {seed}: {left:?}; {struck:?}");
                assert_eq!(found, wanted, "seed {seed}: {struck:?}");
            }
        });
    }
}
