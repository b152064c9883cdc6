//! Beside every call that `step` and `score` make along a lead's story, before it leaves and when it has taken effect, something
//! is done once: an edit goes live, somebody pauses, stops or lets in by hand, the lead is erased, opts out, is taken in hand
//! by sales or turns out to be another. The end must be one to which the pure engine comes that is told of the same between two of its turns.
//!
//! - `deeds`: what is done
//! - `judge`: what must hold in the end
//! - `planted`: bugs of such moments, each of which the same schedules catch

mod deeds;
mod judge;
mod planted;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use michi::id::{LeadId, PlaybookVersion};
use michi::io::store::Lies;
use michi_local::{Call, Meanwhile, Outcome, Request, Suite, Tap};
use serde_json::json;

use self::deeds::{Deed, EVERY};
use super::faults::on_a_still_clock;
use super::story::stage;
use super::{DAY, HOUR, MINUTE};
use crate::harness::{Visitor, insist, some};
use crate::simulation::puts;

/// Whose story it is.
const WHO: &str = "mori";
const ADDRESS: &str = "mori@aoba.example";
/// Who it may turn out to be.
const OTHER: &str = "kato@aoba.example";
/// When the form is sent that lets the lead in: it has been known for a while.
const ASKED: SignedDuration = SignedDuration::from_mins(40);
/// When the lead looks at prices.
const LOOKED: SignedDuration = SignedDuration::from_hours(49);
/// When all is over: what nobody lets out expires after two weeks.
const OVER: SignedDuration = SignedDuration::from_hours(24 * 20);
const STACK: usize = 16 << 20;
/// How long a pause is.
const REST: SignedDuration = DAY;

/// Something done beside the nth call of `step` and `score`: before it leaves, or when it has taken effect and nobody has heard
/// of it.
#[derive(Debug, Clone, Copy)]
struct Beside {
    deed: Deed,
    nth: u64,
    after: bool,
}

/// A call of `step` or `score` in fair weather.
#[derive(Debug, Clone)]
struct Side {
    function: String,
    reads: bool,
}

/// What was done when its moment came.
#[derive(Debug, Clone)]
struct Struck {
    at: Timestamp,
    /// Mails that had been sent by then.
    mails: usize,
    /// To whom.
    lead: Option<LeadId>,
    /// How often the lead had moved in the story.
    moved: usize,
    /// What it is to the engine; none: there was nobody yet to do it to.
    act: Option<super::engine::Act>,
}

/// On the line of the functions, waiting for its moment.
struct Moment {
    suite: Suite,
    beside: Option<Beside>,
    calls: AtomicU64,
    sides: Mutex<Vec<Side>>,
    struck: Arc<Mutex<Option<Struck>>>,
    /// What was written about a lead that was being erased.
    written: Mutex<Vec<String>>,
}

impl Moment {
    fn of(suite: &Suite, beside: Option<Beside>) -> Arc<Self> {
        let (sides, struck, written) = Default::default();
        Arc::new(Self { suite: suite.clone(), beside, calls: AtomicU64::new(0), sides, struck, written })
    }

    fn strike(&self, here: impl Fn(&Beside) -> bool) -> Option<Meanwhile> {
        let deed = self.beside.filter(here)?.deed;
        if self.struck.lock().unwrap().is_some() {
            return None;
        }
        let (suite, struck) = (self.suite.clone(), Arc::clone(&self.struck));
        let nothing = Struck { at: suite.now(), mails: 0, lead: None, moved: 0, act: None };
        *struck.lock().unwrap() = Some(nothing.clone());
        Some(Box::pin(async move {
            let lead = deeds::known(&suite).await;
            let moved = match &lead {
                Some(lead) => deeds::moves_of(&suite, lead).await,
                None => 0,
            };
            let act = deed.done(&suite, lead.as_ref()).await;
            let mails = suite.mailbox().mails().len();
            *struck.lock().unwrap() = Some(Struck { mails, act, lead, moved, ..nothing });
        }))
    }

    fn struck(&self) -> Option<Struck> {
        self.struck.lock().unwrap().clone()
    }
}

fn is_tried(request: &Request) -> bool {
    ["step", "score"].contains(&request.function.as_str())
}

impl Tap for Moment {
    fn before(&self, request: &Request) -> Option<Meanwhile> {
        if !is_tried(request) {
            return None;
        }
        let nth = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let reads = ["GetItem", "BatchGetItem", "Query"].contains(&request.operation.as_str());
        self.sides.lock().unwrap().push(Side { function: request.function.clone(), reads });
        self.strike(|beside| beside.nth == nth && !beside.after)
    }

    fn after(&self, request: &Request, call: &Call) -> Option<Meanwhile> {
        if let Some(Struck { lead: Some(lead), act: Some(_), .. }) = self.struck().filter(|_| self.is_erased())
            && call.outcome == Outcome::Answered
            // It may still say of a letter that it goes out no more.
            && request.function != "notify"
        {
            let of_lead = |item: &&&serde_json::Value| item["pk"]["S"] == format!("lead#{lead}") && item["erased"].is_null();
            let said = |item: &serde_json::Value| format!("{} writes {}", request.function, item["sk"]["S"]);
            self.written.lock().unwrap().extend(puts(request).iter().filter(of_lead).map(|item| said(item)));
        }
        let nth = self.calls.load(Ordering::Relaxed);
        is_tried(request).then(|| self.strike(|beside| beside.nth == nth && beside.after)).flatten()
    }
}

impl Moment {
    fn is_erased(&self) -> bool {
        self.beside.is_some_and(|beside| beside.deed.erases())
    }
}

/// A story that was played.
struct Tale {
    suite: Suite,
    moment: Arc<Moment>,
    began: Timestamp,
    /// The playbook of the beginning.
    before: PlaybookVersion,
    /// When what was paused went on.
    resumed: Option<Timestamp>,
}

impl Tale {
    /// Lets time pass until so long after the beginning, and goes on with what is paused when it is time.
    async fn until(&mut self, after: SignedDuration) -> Result<(), String> {
        let (suite, end) = (self.suite.clone(), self.began + after);
        while suite.now() < end {
            suite.advance((HOUR * 6).min(end.duration_since(suite.now()))).await.unwrap();
            let open = suite.own().store.open_enrollments(None).await.unwrap();
            let late = |due: Timestamp| suite.now().duration_since(due) > MINUTE * 20;
            if let Some(open) = open.iter().find(|open| open.lies == Lies::Held || open.lies == Lies::Due && late(open.due)) {
                return Err(format!("left behind: {open:?}"));
            }
            let struck = self.moment.struck().filter(|struck| struck.act.is_some() && self.resumed.is_none());
            if let (Some(struck), Some(beside)) = (struck, self.moment.beside)
                && beside.deed.pauses()
                && suite.now().duration_since(struck.at) >= REST
            {
                self.resumed = Some(suite.now());
                beside.deed.resume(&suite).await;
            }
        }
        Ok(())
    }
}

/// Plays the story, with something done beside one of its calls or nothing, and with a bug planted or none. Answers the calls
/// beside which something may be done, or what is wrong.
async fn play(beside: Option<Beside>, bug: Option<fn() -> Arc<dyn Tap>>) -> Result<Vec<Side>, String> {
    let suite = stage().await;
    insist(&suite, &Visitor::new("kato").form(suite.now(), "survey", &json!({ "email": OTHER }))).await;
    suite.settle().await.unwrap();
    let moment = Moment::of(&suite, beside);
    if let Some(bug) = bug {
        suite.client().tap(bug());
    }
    suite.client().tap(Arc::clone(&moment) as Arc<dyn Tap>);
    let before = suite.own().playbook().await.unwrap().version;
    let mut visitor = Visitor::new(WHO);
    let mut tale = Tale { began: suite.now(), suite: suite.clone(), moment, before, resumed: None };
    insist(&suite, &visitor.form(suite.now(), "survey", &json!({ "email": ADDRESS, "name": "森 花" }))).await;
    tale.until(ASKED).await?;
    insist(&suite, &visitor.form(suite.now(), "white-paper", &json!({ "email": ADDRESS }))).await;
    tale.until(LOOKED).await?;
    insist(&suite, &visitor.page(suite.now(), "/pricing", "Pricing", 40)).await;
    tale.until(LOOKED + DAY * 2).await?;
    if !suite.is_done().unwrap() || !suite.own().store.open_enrollments(None).await.unwrap().is_empty() {
        tale.until(OVER).await?;
    }
    let left = suite.finish(HOUR * 3).await.unwrap();
    let open = suite.own().store.open_enrollments(None).await.unwrap();
    if !open.is_empty() || !left.is_empty() {
        return Err(format!("left: {open:?} {left:?}"));
    }
    judge::judge(&tale).await?;
    let sides = tale.moment.sides.lock().unwrap().clone();
    Ok(sides)
}

/// The same, on a clock and a stack of its own: a command that runs in the midst of a function's call lies deep.
fn alone(beside: Option<Beside>, bug: Option<fn() -> Arc<dyn Tap>>) -> Result<Vec<Side>, String> {
    let played = move || on_a_still_clock(play(beside, bug));
    std::thread::Builder::new().stack_size(STACK).spawn(played).unwrap().join().unwrap()
}

/// The schedules of a deed over a story that makes these calls.
fn schedules(deed: Deed, sides: &[Side]) -> Vec<Beside> {
    let both = |(nth, side): (u64, &Side)| {
        let sides = if side.reads { &[false][..] } else { &[false, true] };
        sides.iter().map(move |after| Beside { deed, nth, after: *after })
    };
    (1..).zip(sides).flat_map(both).collect()
}

/// Plays schedules on all cores; answers those that ended otherwise.
fn play_all(schedules: &[Beside]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut wrong = Vec::new();
        while let Some(beside) = schedules.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(what) = alone(Some(*beside), None) {
                wrong.push(format!("{beside:?}\n{what}"));
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
fn whatever_is_done_at_any_moment_has_its_defined_end() {
    let sides = alone(None, None).unwrap();
    assert!(sides.len() > 80, "{} calls", sides.len());
    let all: Vec<Beside> = EVERY.iter().flat_map(|deed| schedules(*deed, &sides)).collect();
    let (began, count) = (Instant::now(), all.len());
    let played = some(all, 17);
    let wrong = play_all(&played);
    let seconds = began.elapsed().as_secs_f64();
    println!("{} of {count} schedules of {} deeds beside {} calls; {seconds:.1} s", played.len(), EVERY.len(), sides.len());
    assert!(wrong.is_empty(), "{} of {}: {}", wrong.len(), played.len(), wrong.join("\n\n"));
}
