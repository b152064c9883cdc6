//! Scores: what they are, with the reasons that sum to them. The rules are in [`rules`].

pub mod rules;

use jiff::Timestamp;
use serde::Serialize;

use crate::fold::LANDMARK;
use crate::id::{ActivityId, RuleId, derive};
use crate::lead::{Grade, Level};
use crate::playbook::span::Span;

/// How well a lead suits what we sell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fit {
    /// The sum of the reasons' points.
    pub points: f64,
    /// The grade; none if excluded.
    pub grade: Option<Grade>,
    /// Which rules hold.
    pub reasons: Vec<FitReason>,
}

/// A rule that holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FitReason {
    /// The rule.
    pub rule: RuleId,
    /// Its points.
    pub points: f64,
}

/// How much a lead wants it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interest {
    /// The points left now: the sum of what the reasons' points have come to.
    pub points: f64,
    /// The same as log₂ of the sum brought to the landmark: it does not change while nothing happens. `None`: the sum is 0.
    pub rank: Option<f64>,
    /// The level.
    pub level: Level,
    /// The sum with the short half-life.
    pub momentum: f64,
    /// Whether momentum is at or above the mark.
    pub surging: bool,
    /// What gave or took points, oldest first.
    pub reasons: Vec<InterestReason>,
}

/// What one activity gave or took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InterestReason {
    /// The rule.
    pub rule: RuleId,
    /// The activity.
    pub activity: ActivityId,
    /// When.
    pub at: Timestamp,
    /// The points granted then, below zero if taken.
    pub points: f64,
    /// The points that a limit cut off (or, of a negative rule, that were not there to take); never below zero.
    pub cut: f64,
    /// What decay has left of the points.
    pub now: f64,
    /// Done in a browser that only claims to be the lead's.
    pub unconfirmed: bool,
}

/// A fading sum that is `points` at `now`, as log₂ of what it comes to at the landmark; none for no points.
#[must_use]
pub fn rank(points: f64, now: Timestamp, half_life: Span) -> Option<f64> {
    let age = (now.as_millisecond() - LANDMARK.as_millisecond()) as f64;
    (points > 0.0).then(|| points.log2() + age / half_life.millis())
}

/// What a rank is worth at `now`, in points.
#[must_use]
pub fn worth(rank: Option<f64>, now: Timestamp, half_life: Span) -> f64 {
    let age = (now.as_millisecond() - LANDMARK.as_millisecond()) as f64;
    rank.map_or(0.0, |rank| (rank - age / half_life.millis()).exp2())
}

impl rules::InterestRules {
    /// Ranks of one epoch can be compared; another half-life begins another.
    #[must_use]
    pub fn epoch(&self) -> String {
        derive(&["epoch", &self.half_life.to_string()]).chars().take(6).collect()
    }
}
