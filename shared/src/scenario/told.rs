//! Why a lead does not enter a scenario, in words: the same wherever it is told.

use std::fmt;

use super::{KeptOut, Left};

impl fmt::Display for KeptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnderWay => "is under way in it",
            Self::Before => "was in it before, and may not enter again (`again` in its file), or not yet",
            Self::Occasion => "entered on this occasion before: give another `--occasion`",
            Self::Often => "has begun it four times within a day",
            Self::Audience => "is not in its audience",
            Self::Draining => "the scenario takes in nobody any more (`under_way: drain`)",
            Self::WouldLeave(Left::Goal) => "has reached its goal already",
            Self::WouldLeave(Left::Exit(exit)) => return write!(f, "would leave at once by its exit {exit}"),
            Self::WouldLeave(Left::Unsubscribed) => "wants no marketing mail, or may get none",
            Self::WouldLeave(Left::InSales) => "is in sales' hands, or disqualified",
            Self::WouldLeave(
                Left::End | Left::Stopped(_) | Left::StepGone | Left::ScenarioGone | Left::ByHand | Left::Merged,
            ) => "would be at its end at once",
        })
    }
}
