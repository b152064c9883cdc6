//! What would become of the leads under way in scenarios, if another playbook were live.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;

use futures::StreamExt as _;
use indicatif::ProgressBar;
use michi::id::{ScenarioId, StepId};
use michi::io::store::{Found, Open};
use michi::io::{Error, Store};
use michi::playbook::Playbook;
use michi::scenario::{Bound, Enrollment, bound};
use serde::Serialize;

use crate::everybody;
use crate::shown::counted;

/// A scenario that differs, and the leads under way in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnderWay {
    /// The scenario.
    pub scenario: ScenarioId,
    /// How many are under way.
    pub leads: usize,
    /// What becomes of them, with how many of them it does.
    pub fates: Vec<Fate>,
}

/// What becomes of so many leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fate {
    /// What.
    #[serde(flatten)]
    pub becomes: Becomes,
    /// How many.
    pub leads: usize,
}

/// What becomes of a lead under way when another version goes live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "becomes", rename_all = "snake_case")]
pub enum Becomes {
    /// It goes on by the new version, from the step of the same id.
    Moves,
    /// It goes on by the version that it entered.
    Stays,
    /// It leaves: the step before which it stands is gone.
    StepGone {
        /// The step.
        step: StepId,
    },
    /// It leaves: the scenario is gone.
    ScenarioGone,
}

impl Becomes {
    /// What becomes of this one by these scenarios.
    #[must_use]
    pub fn of(enrollment: &Enrollment, wanted: &Playbook) -> Self {
        match bound(wanted, enrollment) {
            Bound::Gone => Self::ScenarioGone,
            Bound::Pinned => Self::Stays,
            Bound::Live(scenario) if scenario.find(&enrollment.place.step).is_none() => {
                Self::StepGone { step: enrollment.place.step.clone() }
            }
            Bound::Live(_) => Self::Moves,
        }
    }
}

/// Looks at everybody under way in scenarios that differ.
///
/// # Errors
/// If enrollments cannot be read.
pub(super) async fn under_way(store: &Store, live: &Playbook, wanted: &Playbook) -> Result<Vec<UnderWay>, Error> {
    let differs = |id: &ScenarioId| {
        let [before, after] = [live, wanted].map(|playbook| playbook.scenarios.get(id));
        before.is_none() || before != after
    };
    let mut open = store.open_enrollments(None).await?;
    open.retain(|open| differs(&open.scenario));
    let mut fates: BTreeMap<ScenarioId, BTreeMap<Becomes, usize>> = BTreeMap::new();
    let silent = ProgressBar::hidden();
    let mut found = pin!(everybody::each(open, |open: Open| async move { store.enrollment(&open.key()).await }, &silent));
    while let Some(found) = found.next().await {
        // Who has left meanwhile is no matter any more; what cannot be read is in quarantine.
        let Found::One(enrollment) = found? else { continue };
        *fates.entry(enrollment.scenario.clone()).or_default().entry(Becomes::of(&enrollment, wanted)).or_default() += 1;
    }
    let of_one = |(scenario, fates): (ScenarioId, BTreeMap<Becomes, usize>)| UnderWay {
        scenario,
        leads: fates.values().sum(),
        fates: fates.into_iter().map(|(becomes, leads)| Fate { becomes, leads }).collect(),
    };
    Ok(fates.into_iter().map(of_one).collect())
}

impl fmt::Display for UnderWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {}: {} under way", self.scenario, counted(self.leads, "lead", "leads"))?;
        self.fates.iter().try_for_each(|fate| writeln!(f, "    {:>6}  {}", fate.leads, fate.becomes))
    }
}

impl fmt::Display for Becomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moves => write!(f, "go on by the new version, from the step at which they stand"),
            Self::Stays => write!(f, "go on by the version that they entered"),
            Self::StepGone { step } => write!(f, "leave: their step {step} is gone"),
            Self::ScenarioGone => write!(f, "leave: the scenario is gone"),
        }
    }
}
