//! The whole mail path under everything that can go wrong, judged by the mails that SES took.
//!
//! - `cast`: leads with different permissions, and what they are owed
//! - `town`: how its days pass; `readers`: what its people do with their mail
//! - `weather`: one schedule of faults, wrong clocks, disorder, reports that are lost or late
//! - `line`: what passed between functions and services, in the order in which it took effect
//! - `judge`: what must hold in the end
//! - `planted`: bugs that the same schedules catch
//!
//! The usual run plays every nth schedule of the large families: see [`thorough`].

mod cast;
mod judge;
mod line;
mod planted;
mod readers;
mod town;
mod weather;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use jiff::SignedDuration;
use michi_local::{Call, Fault, Planned, Service};

use cast::{EVERYBODY, Person};
use judge::{Tally, judge};
use line::Beside;
pub(crate) use line::puts;
use planted::{Bug, Under, bugs};
use town::Town;
use weather::{Deed, Door, Post, Weather};

use crate::harness::{some, thorough};

/// How many seeds the storms take in the usual run.
const SEEDS: u64 = 24;
/// How wrong a clock may be.
const SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Bytes of stack for each worker.
const STACK: usize = 16 << 20;

/// Who may meet any two faults: one reader, who gets a mail, ends mail, and is owed another.
const PAIRS: &[Person] = &[Person::Leaves];
/// Who may meet any one fault, and anything beside any call.
const FEW: &[Person] = &[Person::Leaves, Person::Popular, Person::Bounces];

/// What came of a story.
struct Played {
    calls: Vec<Call>,
    judged: Result<Tally, Vec<String>>,
}

/// Plays the story of some persons in this weather, with a bug planted or none, and judges what came of it.
fn play(persons: &[Person], weather: &Weather, bug: Option<&Bug>) -> Played {
    let time = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    time.block_on(async {
        let mut town = Town::new(persons, weather, bug.map_or(Door::default(), |bug| bug.door)).await;
        let client = town.suite.client().clone();
        if let Some(wire) = bug.and_then(|bug| bug.wire) {
            client.tap(wire());
        }
        client.tap(town.witness.clone());
        if let Some((nth, after, deed)) = weather.beside {
            client.tap(Beside::new(nth, after, readers::meanwhile(&town, deed)));
        }
        match weather.storm {
            Some((seed, percent)) => client.faults().lay_random(seed, percent, weather::STORM, true),
            None => client.faults().lay(weather.faults.clone()),
        }
        let mark = client.record().mark();
        town.live(weather.sleeps).await;
        client.faults().lift();
        if weather.storm.is_some() {
            // What three tries in a row could not get through lies where a person finds it.
            town.suite.mailbox().reports().redrive().unwrap();
        }
        let left = town.end().await;
        client.untap();
        let calls = client.record().since(mark).into_iter().filter(|call| call.ordinal.is_some() && call.attempt == 1);
        Played { calls: calls.collect(), judged: judge(&town, &left).await }
    })
}

/// Plays all schedules on all cores. Answers what they came to, and the first in which something was wrong.
fn play_all(persons: &[Person], schedules: &[Weather], bug: Option<&Bug>) -> (Tally, Option<(Weather, Vec<String>)>) {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut sum = Tally::default();
        while let Some(weather) = schedules.get(next.fetch_add(1, Ordering::Relaxed)) {
            match play(persons, weather, bug).judged {
                Ok(tally) => sum += tally,
                Err(wrong) => {
                    next.store(schedules.len(), Ordering::Relaxed);
                    return (sum, Some((weather.clone(), wrong)));
                }
            }
        }
        (sum, None)
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        // What happens beside a call lies deep on the stack of the function that makes it.
        let start = |_| std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker).unwrap();
        let workers: Vec<_> = (0..workers).map(start).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap());
        done.fold((Tally::default(), None), |(mut sum, wrong), (tally, more)| {
            sum += tally;
            (sum, wrong.or(more))
        })
    })
}

/// Plays all schedules; in none of them may anything be wrong.
fn check(what: &str, persons: &[Person], schedules: &[Weather]) -> Tally {
    let began = Instant::now();
    let (tally, wrong) = play_all(persons, schedules, None);
    if let Some((weather, wrong)) = wrong {
        panic!("{what}: {weather:?}\n{}", wrong.join("\n"));
    }
    let Tally { runs, messages, mails, copies, held } = tally;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{what}: {runs} schedules, {messages} messages, {mails} mails, {copies} copies, {held} held, none lost; {seconds:.1} s"
    );
    tally
}

/// The calls that functions make if nothing goes wrong.
fn calls(persons: &[Person]) -> Vec<Call> {
    let played = play(persons, &Weather::default(), None);
    if let Err(wrong) = played.judged {
        panic!("{}", wrong.join("\n"));
    }
    played.calls
}

fn reads(call: &Call) -> bool {
    ["GetItem", "BatchGetItem", "Query"].contains(&call.operation.as_str())
}

fn is_of(call: &Call, functions: &[&str]) -> bool {
    call.function.as_deref().is_some_and(|function| functions.contains(&function))
}

/// Each way in which each of these calls can fail. A read has no effect that could be lost with its answer.
fn faults<'c>(calls: impl IntoIterator<Item = &'c Call>, base: u64) -> Vec<Planned> {
    let kinds = |call: &Call| if reads(call) { &[Fault::BeforeLeaving][..] } else { &[Fault::BeforeLeaving, Fault::AfterEffect] };
    let calls = calls.into_iter().flat_map(|call| kinds(call).iter().map(move |kind| (call, *kind)));
    calls.map(|(call, kind)| Planned::call(call.ordinal.unwrap() - base, kind)).collect()
}

/// The schedules of a family, over a story that makes these calls if nothing goes wrong. What is beside the calls of the
/// function `first` comes first.
fn schedules(under: Under, calls: &[Call], first: &str) -> Vec<Weather> {
    let base = calls.first().unwrap().ordinal.unwrap() - 1;
    let fair = Weather::default();
    let beside = |deed| {
        let mut near: Vec<&Call> = calls.iter().filter(|call| !is_of(call, &["relay"])).collect();
        near.sort_by_key(|call| !is_of(call, &[first]) || reads(call));
        let sides = near
            .into_iter()
            .flat_map(|call| if reads(call) { &[false][..] } else { &[false, true] }.iter().map(move |side| (call, *side)));
        let sides = sides.map(|(call, after)| (call.ordinal.unwrap() - base, after, deed));
        sides.map(|beside| Weather { beside: Some(beside), ..Weather::default() }).collect()
    };
    match under {
        Under::FairWeather => vec![fair],
        Under::OneFault => {
            let faults = faults(calls, base).into_iter();
            faults.map(|fault| Weather { faults: vec![fault], ..Weather::default() }).collect()
        }
        Under::OptOuts => beside(Deed::OptOut),
        Under::Suppressions => beside(Deed::Suppress),
        Under::Ticks => beside(Deed::Tick),
        Under::Reports => {
            let sends = calls.iter().filter(|call| call.service == Service::Ses).count();
            let unanswered = |nth| Planned::nth("notify", Service::Ses, "SendEmail", nth, Fault::AfterEffect);
            let late = [1, 29, 31, 24 * 60].map(SignedDuration::from_mins);
            let posts = [Post::Prompt, Post::Lost, Post::Overtaken].into_iter();
            let posts = posts.chain(late.map(Post::Late)).chain(late.map(Post::Twice));
            let with = |post| {
                let faults = (0..=sends as u64).map(|nth| (nth > 0).then(|| unanswered(nth)).into_iter().collect());
                faults.map(move |faults| Weather { faults, post, ..Weather::default() }).collect::<Vec<_>>()
            };
            posts.flat_map(with).collect()
        }
    }
}

#[test]
fn in_fair_weather_everybody_gets_what_is_theirs() {
    let tally = check("fair weather", EVERYBODY, &[Weather::default()]);
    assert_eq!((tally.copies, tally.held), (0, 0));
}

#[test]
fn every_call_of_the_mail_path_may_fail() {
    check("one fault", FEW, &some(schedules(Under::OneFault, &calls(FEW), "notify"), 3));
    let calls = calls(PAIRS);
    let base = calls.first().unwrap().ordinal.unwrap() - 1;
    let faults = faults(calls.iter().filter(|call| is_of(call, &["notify", "feedback", "answer"])), base);
    // A fault makes further calls, so the second of a pair strikes whatever is made by then.
    let pairs = faults.iter().enumerate().flat_map(|(n, one)| {
        faults.iter().skip(n + 1).filter(move |other| other.at != one.at).map(move |other| vec![one.clone(), other.clone()])
    });
    let pairs: Vec<Weather> = pairs.map(|faults| Weather { faults, ..Weather::default() }).collect();
    check("two faults", PAIRS, &some(pairs, 16));
}

#[test]
fn readers_may_leave_and_schedules_fire_twice_beside_any_call() {
    let calls = calls(FEW);
    check("opt-outs beside any call", FEW, &some(schedules(Under::OptOuts, &calls, "notify"), 5));
    check("suppressions beside any call", FEW, &some(schedules(Under::Suppressions, &calls, "notify"), 5));
    check("schedules beside any call", FEW, &some(schedules(Under::Ticks, &calls, "notify"), 5));
}

#[test]
fn reports_may_be_lost_late_doubled_and_in_any_order() {
    check("reports", FEW, &some(schedules(Under::Reports, &calls(FEW), "notify"), 3));
}

#[test]
fn storms_pass() {
    check("storms", EVERYBODY, &(0..SEEDS * thorough() as u64).map(Weather::of).collect::<Vec<_>>());
}

#[test]
fn planted_bugs_are_caught() {
    let began = Instant::now();
    let mut missed = vec![];
    let bugs = bugs();
    for bug in &bugs {
        let (tally, wrong) = play_all(bug.persons, &schedules(bug.under, &calls(bug.persons), bug.near), Some(bug));
        match wrong {
            Some((_, wrong)) => println!("caught after {} schedules: {}\n    {}", tally.runs, bug.what, wrong.join("\n    ")),
            None => missed.push(bug.what),
        }
    }
    println!("{} bugs planted, {} caught; {:.1} s", bugs.len(), bugs.len() - missed.len(), began.elapsed().as_secs_f64());
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}
