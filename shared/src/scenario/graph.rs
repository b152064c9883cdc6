//! Where a step stands in a scenario, and what comes after it.

use crate::id::StepId;
use crate::playbook::scenario::{Scenario, Step};

/// A step in its place.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'s> {
    /// The step.
    pub step: &'s Step,
    /// The step behind it: the next one of its list, or what comes behind the step that holds the list; none: the end.
    pub next: Option<&'s Step>,
}

impl<'s> Spot<'s> {
    /// The step on which one goes on who takes this way from here: its first, or behind it if it is empty.
    #[must_use]
    pub fn along(&self, way: &'s [Step]) -> Option<&'s Step> {
        way.first().or(self.next)
    }
}

impl Scenario {
    /// The step of this id, in its place.
    #[must_use]
    pub fn find(&self, id: &StepId) -> Option<Spot<'_>> {
        find(&self.steps, None, id)
    }

    /// Every step, each before those that it holds.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        let mut lists = vec![self.steps.iter()];
        std::iter::from_fn(move || {
            while let Some(list) = lists.last_mut() {
                if let Some(step) = list.next() {
                    lists.extend(step.lists().into_iter().rev().map(<[Step]>::iter));
                    return Some(step);
                }
                lists.pop();
            }
            None
        })
    }
}

fn find<'s>(steps: &'s [Step], behind: Option<&'s Step>, id: &StepId) -> Option<Spot<'s>> {
    steps.iter().enumerate().find_map(|(place, step)| {
        let next = steps.get(place + 1).or(behind);
        let here = (step.id() == id).then_some(Spot { step, next });
        here.or_else(|| step.lists().into_iter().find_map(|list| find(list, next, id)))
    })
}
