//! What came of many leads.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Serialize, Serializer};

use super::{Away, Course, Hold, Simulation, visited};
use crate::id::{LeadId, MailId, ScenarioId, StepId, WayId};
use crate::playbook::scenario::Step;
use crate::scenario::{Left, Passing};

/// The most leads named as an example of those that are stuck at a step.
const NAMED: usize = 5;

/// What came of many leads.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Report {
    /// Leads looked at.
    pub leads: u64,
    /// Leads that entered, by scenario.
    pub entered: BTreeMap<ScenarioId, u64>,
    /// Leads that did not, by scenario and why.
    #[serde(serialize_with = "in_words")]
    pub kept_out: BTreeMap<ScenarioId, BTreeMap<Away, u64>>,
    /// Leads that left, by scenario and why.
    #[serde(serialize_with = "in_a_word")]
    pub left: BTreeMap<ScenarioId, BTreeMap<Left, u64>>,
    /// Letters sent by day, of the playbook's time zone; days without any are left out.
    pub days: BTreeMap<Date, u64>,
    /// Letters sent, by mail.
    pub mails: BTreeMap<MailId, u64>,
    /// Letters that still waited at the end.
    pub waiting: u64,
    /// Letters that would never go out.
    pub unsent: u64,
    /// Letters that were held back, by what held them.
    pub held: BTreeMap<Hold, Delays>,
    /// Steps to which nobody came, and ways that nobody took, as `step` or `step/way`, by scenario.
    pub unreached: BTreeMap<ScenarioId, Vec<String>>,
    /// Leads that were still under way at the end, by scenario and step.
    pub under_way: BTreeMap<ScenarioId, BTreeMap<StepId, Stuck>>,
}

/// Letters that were held back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Delays {
    /// How many.
    pub letters: u64,
    /// By how many hours the one that waited longest went out later than owed.
    pub longest_hours: i64,
}

/// Leads that were still at a step at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stuck {
    /// How many.
    pub leads: u64,
    /// Some of them.
    pub some: Vec<LeadId>,
}

impl Report {
    /// The report of these courses.
    #[must_use]
    pub fn of(simulation: &Simulation<'_>, courses: &[Course]) -> Self {
        let mut report = Self { leads: courses.len() as u64, ..Self::default() };
        courses.iter().for_each(|course| report.add(simulation, course));
        report.look_for_unreached(simulation, courses);
        report
    }

    fn add(&mut self, simulation: &Simulation<'_>, course: &Course) {
        let zone = simulation.playbook.setup.time_zone.get();
        for (scenario, why) in &course.away {
            *self.kept_out.entry(scenario.clone()).or_default().entry(why.clone()).or_default() += 1;
        }
        for run in &course.runs {
            *self.entered.entry(run.scenario.clone()).or_default() += 1;
            match &run.left {
                Some((_, left)) => {
                    *self.left.entry(run.scenario.clone()).or_default().entry(left.clone()).or_default() += 1;
                }
                None => {
                    let Some((_, step)) = run.places.last() else { continue };
                    let stuck = self.under_way.entry(run.scenario.clone()).or_default().entry(step.clone()).or_default();
                    stuck.leads += 1;
                    if stuck.some.len() < NAMED {
                        stuck.some.push(course.lead.clone());
                    }
                }
            }
        }
        for letter in &course.letters {
            match letter.sent {
                Some(at) => {
                    *self.days.entry(zone.to_datetime(at).date()).or_default() += 1;
                    *self.mails.entry(letter.mail.clone()).or_default() += 1;
                }
                None if letter.waits(simulation.end()) => self.waiting += 1,
                None => self.unsent += 1,
            }
            for (hold, until) in &letter.held {
                let delays = self.held.entry(*hold).or_default();
                delays.letters += 1;
                delays.longest_hours = delays.longest_hours.max(until.duration_since(letter.owed).as_hours());
            }
        }
    }

    fn look_for_unreached(&mut self, simulation: &Simulation<'_>, courses: &[Course]) {
        let came: BTreeSet<(&ScenarioId, &StepId)> = courses.iter().flat_map(|course| visited(&course.runs)).collect();
        let runs = courses.iter().flat_map(|course| &course.runs);
        let passed = runs.flat_map(|run| run.passed.iter().map(|(_, passed)| (&run.scenario, passed)));
        let taken: BTreeSet<(&ScenarioId, &StepId, &WayId)> = passed
            .filter_map(|(scenario, passed)| match &passed.how {
                Passing::Way(way) => Some((scenario, &passed.step, way)),
                _ => None,
            })
            .collect();
        for (id, _) in self.entered.clone() {
            let Some(scenario) = simulation.playbook.scenarios.get(&id) else { continue };
            let mut missed = Vec::new();
            for step in scenario.all_steps() {
                if !came.contains(&(&id, step.id())) {
                    missed.push(step.id().to_string());
                    continue;
                }
                let untaken = ways(step).into_iter().filter(|way| !taken.contains(&(&id, step.id(), way)));
                missed.extend(untaken.map(|way| format!("{}/{way}", step.id())));
            }
            if !missed.is_empty() {
                self.unreached.insert(id, missed);
            }
        }
    }
}

fn ways(step: &Step) -> Vec<&WayId> {
    match step {
        Step::Branch(step) => step.ways.iter().map(|way| &way.id).collect(),
        Step::Split(step) => step.ways.iter().map(|way| &way.id).collect(),
        Step::Ask(step) => step.answers.iter().map(|answer| &answer.id).collect(),
        Step::Mail(_)
        | Step::Wait(_)
        | Step::WaitUntil(_)
        | Step::WaitDate(_)
        | Step::WaitFor(_)
        | Step::Series(_)
        | Step::Set(_)
        | Step::Notify(_)
        | Step::Stop(_)
        | Step::GoTo(_) => vec![],
    }
}

/// A reason in the word by which files and logs call it, with what it names behind a blank.
pub(super) fn word<R: Serialize>(reason: &R) -> String {
    match serde_json::to_value(reason) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(serde_json::Value::Object(named)) => {
            let named = named.into_iter().next();
            named.map(|(word, name)| format!("{word} {}", name.as_str().unwrap_or_default())).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// JSON knows texts for keys alone.
fn keyed<S: Serializer, K>(
    all: &BTreeMap<ScenarioId, BTreeMap<K, u64>>,
    to: S,
    key: impl Fn(&K) -> String,
) -> Result<S::Ok, S::Error> {
    let of = |leads: &BTreeMap<K, u64>| leads.iter().map(|(why, leads)| (key(why), *leads)).collect::<BTreeMap<_, _>>();
    to.collect_map(all.iter().map(|(scenario, leads)| (scenario, of(leads))))
}

fn in_words<S: Serializer>(all: &BTreeMap<ScenarioId, BTreeMap<Away, u64>>, to: S) -> Result<S::Ok, S::Error> {
    keyed(all, to, Away::to_string)
}

fn in_a_word<S: Serializer>(all: &BTreeMap<ScenarioId, BTreeMap<Left, u64>>, to: S) -> Result<S::Ok, S::Error> {
    keyed(all, to, word::<Left>)
}
