//! How a lead goes along a scenario: a pure function of (scenario, enrollment, what is known of the lead, now).
//!
//! - `enrollment`: one lead in one scenario: where it stands, what it waits for, and what is said of that in its log
//! - [`owed`]: what a step says to people: the messages that it owes
//! - [`results`]: what came of a scenario

mod enrollment;
pub mod owed;
pub mod results;

use jiff::SignedDuration;

pub use enrollment::{Enrollment, Entry, Left, Owed, Passed, Passing, Place, Skip, Waiting};

/// How much later than planned a step may come before it is late: its own rule says then what to do, and what follows
/// it is planned from the moment it came.
pub const GRACE: SignedDuration = SignedDuration::from_hours(1);
/// The most steps that one enrollment takes on one day; it goes on the next day.
pub const STEPS_A_DAY: u32 = 50;
