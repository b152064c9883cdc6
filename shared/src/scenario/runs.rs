//! What a log tells of the scenarios that a lead has gone along.

use jiff::Timestamp;

use super::enrollment::{Entry, Left};
use crate::activity::{Activity, Kind};
use crate::fold::Folded;
use crate::id::{EnrollmentId, ScenarioId};

/// One run of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<'a> {
    /// The scenario.
    pub scenario: &'a ScenarioId,
    /// The enrollment.
    pub enrollment: &'a EnrollmentId,
    /// The scenario's own version by which the lead entered.
    pub version: &'a str,
    /// When the lead entered.
    pub entered: Timestamp,
    /// What let it in.
    pub entry: &'a Entry,
    /// When and why it left; none: it is under way.
    pub left: Option<(Timestamp, &'a Left)>,
}

/// The runs of which a lead's log tells, oldest first.
#[must_use]
pub fn runs<'a>(folded: &Folded<'a>) -> Vec<Run<'a>> {
    let history = || folded.history().iter().map(|step| step.activity);
    let begun = |activity: &'a Activity| match &activity.kind {
        Kind::Enrolled { scenario, enrollment, version, entry } => {
            Some(Run { scenario, enrollment, version, entered: activity.at, entry, left: None })
        }
        _ => None,
    };
    let mut runs: Vec<Run<'a>> = history().filter_map(begun).collect();
    // By a slow clock a run may seem to end before it began.
    for activity in history() {
        if let Kind::Advanced { enrollment: ended, left: Some(left), .. } = &activity.kind
            && let Some(run) = runs.iter_mut().find(|run| run.enrollment == ended)
        {
            run.left = Some((activity.at, left));
        }
    }
    runs
}
