//! By which version of a scenario a lead under way goes on.

use super::enrollment::Enrollment;
use crate::playbook::Playbook;
use crate::playbook::scenario::{Scenario, UnderWay};

/// By which version a lead under way goes on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound<'p> {
    /// By the live playbook, with this scenario. Where its step is gone, [`advance`](super::advance) says so.
    Live(&'p Scenario),
    /// By the playbook to which it is pinned, the whole of it: its segments, rules and mails, too.
    Pinned,
    /// By none: the live playbook has no such scenario, so it leaves.
    Gone,
}

/// By which version a lead under way goes on. Where the scenario itself has stayed the same, that is the live playbook, so
/// that mails mended meanwhile go out mended.
#[must_use]
pub fn bound<'p>(live: &'p Playbook, enrollment: &Enrollment) -> Bound<'p> {
    let Some(scenario) = live.scenarios.get(&enrollment.scenario) else { return Bound::Gone };
    match scenario.under_way {
        UnderWay::Move => Bound::Live(scenario),
        UnderWay::Stay | UnderWay::Drain if scenario.version() == enrollment.version => Bound::Live(scenario),
        UnderWay::Stay | UnderWay::Drain => Bound::Pinned,
    }
}
