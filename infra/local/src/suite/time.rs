//! The suite's clock, and how it goes on.
//!
//! The functions read a manual clock; this is what sets it. In tests nothing does but the test. At real pace it
//! follows the machine's clock, ahead of it by what was skipped. At speed it is discrete: while no function runs it
//! jumps on, never past the next thing due, and during a run it stands still, so that leases and time-outs keep their
//! meaning. For half a minute after a browser's request it goes at real pace.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use michi::io::Clock;

use crate::lock::lock;

/// How the clock goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// It stands at this instant until the test moves it.
    Manual(Timestamp),
    /// As the machine's.
    Real,
    /// This many times as fast, by jumps.
    Fast(f64),
}

/// How long after a browser's request the clock goes at real pace.
const WATCHED: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(crate) struct Time {
    clock: Clock,
    /// Clocks that are ahead of it, or behind.
    wrong: Mutex<Vec<(Clock, SignedDuration)>>,
    pace: Pace,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The machine's clock and this one at the same moment.
    since: (Instant, Timestamp),
    watched: Option<Instant>,
}

impl Time {
    pub(crate) fn new(pace: Pace) -> Self {
        let start = match pace {
            Pace::Manual(start) => start,
            Pace::Real | Pace::Fast(_) => Clock::System.now(),
        };
        let state = State { since: (Instant::now(), start), watched: None };
        Self { clock: Clock::manual(start), wrong: Mutex::default(), pace, state: Mutex::new(state) }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The clock that a function reads: this one, or one of its own that is wrong by `skew`.
    pub(crate) fn clock_of(&self, skew: SignedDuration) -> Clock {
        if skew == SignedDuration::ZERO {
            return self.clock.clone();
        }
        let wrong = Clock::manual(self.clock.now());
        lock(&self.wrong).push((wrong.clone(), skew));
        self.set(self.clock.now());
        wrong
    }

    fn set(&self, now: Timestamp) {
        self.clock.set(now);
        for (clock, skew) in lock(&self.wrong).iter() {
            clock.set(now.saturating_add(*skew).unwrap_or(now));
        }
    }

    /// Sets the clock forward to an instant; never back.
    pub(crate) fn jump(&self, to: Timestamp) {
        let mut state = lock(&self.state);
        if to > self.clock.now() {
            self.set(to);
        }
        state.since = (Instant::now(), self.clock.now());
    }

    /// At real pace, lets the clock catch up with the machine's. `running` is whether a function is.
    pub(crate) fn flow(&self, running: bool) {
        let real = match self.pace {
            Pace::Manual(_) => return,
            Pace::Real => true,
            Pace::Fast(_) => self.is_watched(),
        };
        let mut state = lock(&self.state);
        let (machine, stood) = state.since;
        if real {
            let passed = SignedDuration::try_from(machine.elapsed()).unwrap_or(SignedDuration::ZERO);
            let now = stood.saturating_add(passed).unwrap_or(stood);
            if now > self.clock.now() {
                self.set(now);
            }
        } else if running {
            // Time does not pass while a function runs, so none is made up for afterwards.
            state.since = (Instant::now(), self.clock.now());
        }
    }

    /// At speed, how far the clock may have come by now.
    pub(crate) fn reach(&self) -> Option<Timestamp> {
        let Pace::Fast(speed) = self.pace else { return None };
        if self.is_watched() {
            return None;
        }
        let (machine, stood) = lock(&self.state).since;
        let passed = SignedDuration::try_from_secs_f64(machine.elapsed().as_secs_f64() * speed).ok()?;
        stood.saturating_add(passed).ok()
    }

    /// A browser is looking: the clock goes at real pace for a while.
    pub(crate) fn watch(&self) {
        let mut state = lock(&self.state);
        if matches!(self.pace, Pace::Fast(_)) && state.watched.is_none_or(|at| at.elapsed() >= WATCHED) {
            state.since = (Instant::now(), self.clock.now());
        }
        state.watched = Some(Instant::now());
    }

    /// Whether a browser looked within the last half minute.
    pub(crate) fn is_watched(&self) -> bool {
        lock(&self.state).watched.is_some_and(|at| at.elapsed() < WATCHED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Timestamp {
        "2026-04-01T09:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_manual_clock_stands_until_it_is_moved_and_never_goes_back() {
        let time = Time::new(Pace::Manual(start()));
        std::thread::sleep(Duration::from_millis(3));
        time.flow(false);
        assert_eq!((time.clock().now(), time.reach()), (start(), None));
        time.jump(start() + SignedDuration::from_hours(1));
        time.jump(start());
        assert_eq!(time.clock().now(), start() + SignedDuration::from_hours(1));
    }

    #[test]
    fn a_functions_clock_may_be_wrong_and_goes_on_so() {
        let time = Time::new(Pace::Manual(start()));
        let [right, wrong] = [0, -5].map(|minutes| time.clock_of(SignedDuration::from_mins(minutes)));
        assert_eq!((right.now(), wrong.now()), (start(), start() - SignedDuration::from_mins(5)));
        time.jump(start() + SignedDuration::from_hours(1));
        assert_eq!((right.now(), wrong.now()), (time.clock().now(), start() + SignedDuration::from_mins(55)));
    }

    #[test]
    fn at_real_pace_it_flows_from_where_the_data_stood() {
        let ahead = Clock::System.now() + SignedDuration::from_hours(24 * 30);
        let time = Time::new(Pace::Real);
        time.jump(ahead);
        std::thread::sleep(Duration::from_millis(5));
        time.flow(true);
        let passed = time.clock().now().duration_since(ahead);
        assert!(passed >= SignedDuration::from_millis(5) && passed < SignedDuration::from_mins(1), "{passed}");
    }

    #[test]
    fn at_speed_it_reaches_ahead_but_not_while_somebody_looks() {
        let time = Time::new(Pace::Fast(86_400.0));
        let began = time.clock().now();
        std::thread::sleep(Duration::from_millis(10));
        let reach = time.reach().unwrap();
        assert!(reach.duration_since(began) >= SignedDuration::from_secs(864), "{reach}");
        time.flow(true);
        assert_eq!(time.clock().now(), began, "it does not flow");
        assert!(time.reach().unwrap() < reach, "what passed during a run is not made up for");
        time.watch();
        assert_eq!(time.reach(), None);
        std::thread::sleep(Duration::from_millis(2));
        time.flow(true);
        assert!(time.clock().now() > began, "it flows at real pace");
    }
}
