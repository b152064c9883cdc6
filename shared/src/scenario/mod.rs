//! How a lead goes along a scenario: a pure function of (scenario, enrollment, what is known of the lead, now).
//!
//! - `enrollment`: one lead in one scenario: where it stands, what it waits for, and what is said of that in its log
//! - `entry`: who enters, and when
//! - `runs`: what a log tells of its runs; `words`: why they ended, `told`: why a lead does not enter, as people are told
//! - `bound`: by which version a lead under way goes on
//! - `advance`, `turn`: how it goes on, step by step
//! - `graph`, `window`: which step comes after which; by whose clock days and hours count
//! - [`simulate`]: all of that ahead of time, on copies of leads
//! - [`owed`]: what a step says to people: the messages that it owes
//! - [`results`]: what came of a scenario

mod advance;
mod bound;
mod enrollment;
mod entry;
mod graph;
pub mod owed;
pub mod results;
mod runs;
pub mod simulate;
mod told;
mod turn;
mod window;
mod words;

#[cfg(test)]
mod tests;

use jiff::SignedDuration;

pub use advance::{Advance, Newest, Seen, advance, ending};
pub use bound::{Bound, bound};
pub use enrollment::{Enrollment, Entry, Left, Owed, Passed, Passing, Place, Skip, Subject, Waiting};
pub use entry::{Entering, Inside, KeptOut, News, enroll, entering, inside, next_entry};
pub use graph::Spot;
pub use runs::{Run, runs};

/// How much later than planned a step may come before it is late: its own rule says then what to do, and what follows
/// it is planned from the moment it came.
pub const GRACE: SignedDuration = SignedDuration::from_hours(1);
/// The most steps that one enrollment takes on one day; it goes on the next day.
pub const STEPS_A_DAY: u32 = 50;
/// The most runs of one scenario that a lead begins within a day: two scenarios whose steps let it into each other end there.
pub const RUNS_A_DAY: usize = 4;
