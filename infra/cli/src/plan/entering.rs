//! Who would enter scenarios at once, if another playbook were live.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use michi::activity::Log;
use michi::fold::Folded;
use michi::id::{LeadId, PlaybookVersion, ScenarioId};
use michi::lead::Lead;
use michi::playbook::Playbook;
use michi::playbook::scenario::{Trigger, UnderWay, Who};
use michi::scenario::{News, entering, inside};
use serde::Serialize;

use crate::audience::may_be_mailed;
use crate::shown::counted;

/// A scenario that would take in leads at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enters {
    /// The scenario.
    pub scenario: ScenarioId,
    /// How many leads would enter.
    pub leads: usize,
    /// How many of them may be sent marketing mail.
    pub mailable: usize,
}

/// Counts who would enter.
pub(super) struct Doors<'p> {
    live: &'p Playbook,
    wanted: &'p Playbook,
    version: PlaybookVersion,
    /// The scenarios that may take in leads though nothing has happened.
    open: Vec<&'p ScenarioId>,
    counts: BTreeMap<ScenarioId, (usize, usize)>,
}

impl<'p> Doors<'p> {
    pub(super) fn of(live: &'p Playbook, wanted: &'p Playbook) -> Self {
        let differs = |id: &ScenarioId| live.scenarios.get(id) != wanted.scenarios.get(id);
        let open = wanted.scenarios.iter().filter(|(id, scenario)| match scenario.trigger {
            _ if scenario.under_way == UnderWay::Drain => false,
            // Other rules may let leads come into a state, too.
            Trigger::Stage(_) | Trigger::Cell(_) | Trigger::Segment(_) => scenario.who != Who::New,
            Trigger::Date(_) => differs(id),
            Trigger::Form(_) | Trigger::FormNamed(_) | Trigger::Track(_) | Trigger::ByHand => false,
        });
        Self { live, wanted, version: wanted.version(), open: open.map(|(id, _)| id).collect(), counts: BTreeMap::new() }
    }

    /// Looks at one lead: its log as it is, and as it would be when `score` had judged it anew, with what it would be then.
    pub(super) fn look(&mut self, id: &LeadId, before: &Log, after: &Log, lead: &Lead, now: Timestamp) {
        if self.open.is_empty() {
            return;
        }
        let (folded, earlier) = (Folded::of(self.wanted, after, now), Folded::of(self.wanted, before, now));
        let was_inside = inside(self.live, &Folded::of(self.live, before, now));
        let news = News { records: &[], inside: &was_inside, before: Some(&earlier) };
        for entering in entering(self.wanted, &self.version, id, &folded, news, now) {
            let scenario = entering.enrollment.scenario;
            if self.open.contains(&&scenario) {
                let (leads, mailable) = self.counts.entry(scenario).or_default();
                *leads += 1;
                *mailable += usize::from(may_be_mailed(self.wanted, id, lead, now));
            }
        }
    }

    /// What was counted; a scenario that could take in leads and finds none is told, too.
    pub(super) fn counted(self) -> Vec<Enters> {
        let of = |scenario: &&ScenarioId| {
            let (leads, mailable) = self.counts.get(*scenario).copied().unwrap_or_default();
            Enters { scenario: (*scenario).clone(), leads, mailable }
        };
        self.open.iter().map(of).collect()
    }
}

impl fmt::Display for Enters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leads = counted(self.leads, "lead", "leads");
        write!(f, "  {}: {leads} would enter at once, {} of them may be mailed", self.scenario, self.mailable)
    }
}
