//! What a log tells of the scenarios that a lead has gone along.

use jiff::Timestamp;

use super::enrollment::{Entry, Left};
use crate::activity::Kind;
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
    let mut runs: Vec<Run<'a>> = Vec::new();
    for step in folded.history() {
        let at = step.activity.at;
        match &step.activity.kind {
            Kind::Enrolled { scenario, enrollment, version, entry } => {
                runs.push(Run { scenario, enrollment, version, entered: at, entry, left: None });
            }
            Kind::Advanced { enrollment: ended, left: Some(left), .. } => {
                let run = runs.iter_mut().find(|run| run.enrollment == ended);
                if let Some(run) = run {
                    run.left = Some((at, left));
                }
            }
            _ => {}
        }
    }
    runs
}
