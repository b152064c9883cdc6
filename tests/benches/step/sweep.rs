//! The schedule that takes leads along, and what came of it: everybody has taken every step once, and how late.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Kind, LogOwner};
use michi::io::store::{Function, together};
use michi::scenario::Passing;
use michi_local::Suite;

use crate::ground::{self, Ground, lead};
use crate::spent::{self, Sums, Watch};

/// As in the template.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Advances of a lead.
const ADVANCES: usize = 2;
/// The steps that a lead passes.
const STEPS: [&str; 3] = ["days", "letter", "mood"];

/// All due at once, at the moment of a tick.
pub(crate) async fn at_once(ground: &Ground) {
    let suite = ground.open(&ground.copy("at-once")).await;
    let due = soon(&suite, ground);
    ground.enroll(&suite, |_| due).await;
    wait_until(&suite, due).await;
    let (before, runs, watch) = (of_step(&suite), suite.runs().len(), Watch::start());
    keep(&suite, due, due).await;
    let (spent, sums, ticks) = (watch.stop(), spent::since(&before, of_step(&suite)), suite.runs().len() - runs);
    let late = judged(&suite, ground, |_| due).await;
    let advances = ground.leads() * ADVANCES;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / advances as f64;
    let busy = |time: Duration| time.as_secs_f64() * 100.0 / spent.wall.as_secs_f64();
    let ticks = if ticks == 1 { "one tick".to_owned() } else { format!("{ticks} ticks") };
    println!(
        "all due at once: {advances} advances in {:.1} s and {ticks}: {:.0} a second",
        spent.wall.as_secs_f64(),
        advances as f64 / spent.wall.as_secs_f64(),
    );
    println!(
        "processor time per advance: {:.0} µs by step, the SDK and the line, whose thread was busy for {:.0} % of the time; \
         {:.0} µs by the engine behind the tables, {:.0} %",
        each(spent.main),
        busy(spent.main),
        each(spent.others),
        busy(spent.others)
    );
    println!("per advance, counted over all calls of step:\n{}", spent::shares(&sums, advances));
    println!("lateness (taken along − due), all due at the moment of a tick: {}\n", told(late));
}

/// Due one after the other.
pub(crate) async fn spread(ground: &Ground, over: SignedDuration) {
    let suite = ground.open(&ground.copy("spread")).await;
    let first = soon(&suite, ground);
    let due = |n: usize| first + over.checked_mul(n as i32).unwrap() / ground.leads() as i32;
    ground.enroll(&suite, due).await;
    keep(&suite, first, first + over).await;
    let late = judged(&suite, ground, due).await;
    println!("lateness, due spread over {} minutes, a tick each minute: {}\n", over.as_mins(), told(late));
}

/// All due at once; the process that takes them along is killed when half is done, and another one goes on.
pub(crate) async fn killed(ground: &Ground) {
    let data = ground.copy("killed");
    let suite = ground.open(&data).await;
    let due = soon(&suite, ground);
    ground.enroll(&suite, |_| due).await;
    drop(suite);
    let half = ground.leads() * ADVANCES / 2;
    let mut doomed = start(ground, &data, due);
    let mut lines = BufReader::new(doomed.stdout.take().unwrap()).lines();
    let done: usize = lines.find_map(|line| line.unwrap().parse().ok().filter(|done| *done >= half)).unwrap();
    // SIGKILL: nothing of it runs any more.
    doomed.kill().unwrap();
    doomed.wait().unwrap();
    let mut heir = start(ground, &data, due);
    std::io::copy(&mut heir.stdout.take().unwrap(), &mut std::io::sink()).unwrap();
    assert!(heir.wait().unwrap().success(), "the second process failed");
    let suite = ground.open(&data).await;
    let late = judged(&suite, ground, |_| due).await;
    println!("the same, killed with SIGKILL after {done} of {} advances; the next tick goes on: {}", 2 * half, told(late));
    println!("every lead took every step once, is owed one letter, and waits for the next step\n");
}

/// This program as a process that keeps the schedule, and says how many advances it has made.
fn start(ground: &Ground, data: &Path, first: Timestamp) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--keep").arg(first.to_string()).arg("--data").arg(data).arg("--playbook").arg(ground.playbook());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()
}

/// What such a process does.
pub(crate) async fn keep_telling(playbook: &Path, data: &Path, first: Timestamp) {
    let suite = ground::open(playbook, data).await;
    let mut next = first;
    while next < suite.now() {
        next += EVERY;
    }
    let telling = async {
        loop {
            let sums = of_step(&suite);
            println!("{}", sums.get("TransactWriteItems").map_or(0, |sum| sum.calls));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = keep(&suite, next, next) => {}
        () = telling => {}
    }
}

/// A tick each minute from `first` on, until nobody is due any more of those who are due by `last`.
async fn keep(suite: &Suite, first: Timestamp, last: Timestamp) {
    let mut next = first;
    loop {
        wait_until(suite, next).await;
        suite.tick("step").await.unwrap();
        let left = suite.own().store.due(Function::Step, last, 1).await.unwrap();
        if next >= last && left.keys.is_empty() {
            return;
        }
        next += EVERY;
    }
}

/// A moment by which all leads are enrolled.
fn soon(suite: &Suite, ground: &Ground) -> Timestamp {
    suite.now() + SignedDuration::from_secs(5) + SignedDuration::from_millis(6) * ground.leads() as i32
}

async fn wait_until(suite: &Suite, at: Timestamp) {
    let left = at.duration_since(suite.now());
    assert!(left > -EVERY, "the machine is too slow: it is {left:#} behind");
    tokio::time::sleep(Duration::try_from(left).unwrap_or_default()).await;
}

fn of_step(suite: &Suite) -> Sums {
    spent::sums(suite, Some("step"))
}

/// How late each lead was taken along, in seconds; every one of them has taken every step once.
async fn judged(suite: &Suite, ground: &Ground, due: impl Fn(usize) -> Timestamp) -> Vec<f64> {
    let numbers: Vec<usize> = (0..ground.leads()).collect();
    let mut late = Vec::new();
    for some in numbers.chunks(25) {
        late.extend(together(some.iter().map(|n| judge(suite, *n, due(*n)))).await);
    }
    late
}

async fn judge(suite: &Suite, n: usize, due: Timestamp) -> f64 {
    let (store, id) = (&suite.own().store, lead(n));
    let log = store.log(&LogOwner::Lead(id.clone())).await.unwrap();
    let (mut advanced, mut steps, mut set, mut owed) = (vec![], vec![], 0, vec![]);
    for activity in log.records.iter().flat_map(|record| &record.activities) {
        match &activity.kind {
            Kind::Advanced { passed, left, .. } => {
                assert_eq!(*left, None, "lead {n}");
                advanced.push(activity.at);
                for one in passed {
                    steps.push(one.step.as_str());
                    if let Passing::Mailed { message, .. } = &one.how {
                        owed.push(message.clone());
                    }
                }
            }
            Kind::AttributeSet { .. } => set += 1,
            _ => {}
        }
    }
    assert_eq!((advanced.len(), steps.as_slice(), set), (ADVANCES, STEPS.as_slice(), 1), "lead {n}");
    let letters: Vec<_> = store.letters_to(&id).await.unwrap().into_iter().map(|letter| letter.id).collect();
    assert!(letters.len() == 1 && letters == owed, "lead {n}: {letters:?}, {owed:?}");
    let open = store.enrollments_of(&id).await.unwrap();
    assert!(open.len() == 1 && open[0].place.step.as_str() == "rest", "lead {n}: {open:?}");
    advanced.iter().min().unwrap().duration_since(due).as_secs_f64()
}

fn told(mut late: Vec<f64>) -> String {
    late.sort_by(f64::total_cmp);
    let at = |part: f64| late[((late.len() - 1) as f64 * part).round() as usize];
    format!("p50 {:.1} s, p95 {:.1} s, worst {:.1} s", at(0.5), at(0.95), at(1.0))
}
