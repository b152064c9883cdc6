//! Counting what came of all scenarios: a scan over all leads that goes on where it broke off.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Kind, Log, LogOwner};
use michi::fold::{fold, history};
use michi::id::{LeadId, PlaybookVersion, ScenarioId};
use michi::io::{Error, Store};
use michi::lead::Lead;
use michi::playbook::Playbook;
use michi::scenario::results::{Counts, Known, Mark, Results, marks};
use serde::{Deserialize, Serialize};

use crate::account::Installation;
use crate::everybody::{self, Unreadable};
use crate::messages::names;

/// Leads after which it is written down how far the scan has come.
const PAGE: usize = 500;
/// A scan that broke off longer ago than this is begun anew.
const FRESH: SignedDuration = SignedDuration::from_hours(6);
/// Values that are told apart; what comes later is counted together.
const VALUES: usize = 300;
/// What stands for all values beyond those.
const OTHERS: &str = "(others)";
/// What stands for a value that is not known.
pub(super) const UNKNOWN: &str = "(not known)";

/// How far a scan has come.
#[derive(Serialize, Deserialize)]
struct Progress {
    began: Timestamp,
    /// The playbook by which logs are read.
    playbook: PlaybookVersion,
    /// The last lead that is counted.
    after: LeadId,
    leads: u64,
    unreadable: u64,
    counts: BTreeMap<ScenarioId, Counts>,
}

/// One look at all leads.
pub(super) struct Scan<'s> {
    /// Where they are.
    pub(super) store: &'s Store,
    /// By which their logs are read.
    pub(super) playbook: &'s Playbook,
    /// Now.
    pub(super) now: Timestamp,
    /// What is asked of them beside.
    pub(super) by: Option<&'s str>,
}

/// Counts what came of every scenario, and keeps it. A scan that broke off lately is gone on with.
///
/// # Errors
/// If leads cannot be read for now; what was counted so far is kept.
pub(super) async fn count(found: &Installation, by: Option<&str>) -> anyhow::Result<BTreeMap<ScenarioId, Results>> {
    let (live, now) = (found.playbook().await?, found.now());
    let scan = Scan { store: &found.store, playbook: &live.playbook, now, by };
    let name = by.map_or("scenarios".to_owned(), |by| format!("scenarios#by#{by}"));
    let leads = everybody::all(&found.store, &live.playbook).await?;
    let known: Option<Progress> = found.store.kept_report(&name).await?;
    let known = known.filter(|known| known.playbook == live.version && now.duration_since(known.began) < FRESH);
    let begun = known.as_ref().map_or(0, |known| leads.partition_point(|lead| *lead <= known.after));
    let (began, mut counts): (Timestamp, BTreeMap<ScenarioId, Counts>) =
        known.as_ref().map_or((now, BTreeMap::new()), |known| (known.began, known.counts.clone()));
    let values = counts.values().flat_map(Counts::iter).filter_map(|(mark, _)| mark.by.clone());
    let mut values: BTreeSet<String> = values.collect();
    let mut unreadable = known.as_ref().map_or(0, |known| known.unreadable);
    let mut looked = known.map_or(0, |known| known.leads);
    let left = leads.get(begun..).unwrap_or_default();
    let progress = everybody::progress(left.len())?;
    for page in left.chunks(PAGE) {
        let mut failures = Unreadable::default();
        let mut looks = pin!(everybody::each(page.to_vec(), async |lead| scan.look(&lead).await, &progress));
        while let Some(look) = looks.next().await {
            for (scenario, mark) in failures.pass(look)?.unwrap_or_default() {
                counts.entry(scenario).or_default().add(within(&mut values, mark));
            }
        }
        unreadable += failures.count as u64;
        looked += page.len() as u64;
        if let Some(after) = page.last().filter(|_| page.len() == PAGE) {
            let (playbook, after) = (live.version.clone(), after.clone());
            let so_far = Progress { began, playbook, after, leads: looked, unreadable, counts: counts.clone() };
            found.store.keep_report(&name, &so_far, now).await?;
        }
    }
    progress.finish_and_clear();
    for scenario in live.playbook.scenarios.keys() {
        counts.entry(scenario.clone()).or_default();
    }
    let mut all = BTreeMap::new();
    for (scenario, counts) in counts {
        let results = Results { at: began, leads: looked, unreadable, by: by.map(str::to_owned), counts };
        found.store.keep_report(&Results::kept_as(&scenario, by), &results, now).await?;
        all.insert(scenario, results);
    }
    found.store.drop_report(&name).await?;
    Ok(all)
}

/// The mark, with its value among the others if there are too many.
fn within(values: &mut BTreeSet<String>, mark: Mark) -> Mark {
    let Some(by) = &mark.by else { return mark };
    if !values.contains(by) && values.len() >= VALUES {
        return Mark { by: Some(OTHERS.to_owned()), ..mark };
    }
    values.insert(by.clone());
    mark
}

impl Scan<'_> {
    /// Every figure behind which a lead stands.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) async fn look(&self, lead: &LeadId) -> Result<Vec<(ScenarioId, Mark)>, Error> {
        let log = self.store.log(&LogOwner::Lead(lead.clone())).await?;
        let mut activities = log.records.iter().flat_map(|record| &record.activities);
        if !activities.any(|activity| matches!(activity.kind, Kind::Enrolled { .. })) {
            return Ok(vec![]);
        }
        let (mut letters, open) = (Vec::new(), self.store.enrollments_of(lead).await?);
        for name in names(&log) {
            letters.extend(self.store.letters_to(&name).await?);
        }
        let history = history(self.playbook, &log, self.now);
        let then = |at: Timestamp| self.then(&log, at);
        let by = self.by.is_some().then_some(&then as &dyn Fn(Timestamp) -> String);
        Ok(marks(&Known { history: &history, letters: &letters, open: &open, by }))
    }

    /// What was so of a lead at a moment.
    fn then(&self, log: &Log, at: Timestamp) -> String {
        let lead: Lead = fold(self.playbook, log, at);
        let value = match self.by.unwrap_or_default() {
            "cell" => lead.cell.map(|cell| cell.to_string()),
            "grade" => lead.cell.map(|cell| cell.grade.to_string()),
            "level" => lead.cell.map(|cell| cell.level.to_string()),
            "stage" => lead.stage.map(|stage| stage.to_string()),
            name => lead.attribute(name).map(str::to_owned),
        };
        value.unwrap_or_else(|| UNKNOWN.to_owned())
    }

    /// The lead as it stands now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) async fn lead(&self, lead: &LeadId) -> Result<Lead, Error> {
        let log = self.store.log(&LogOwner::Lead(lead.clone())).await?;
        Ok(fold(self.playbook, &log, self.now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use michi::scenario::results::Figure;

    #[test]
    fn values_beyond_the_most_are_counted_together() {
        let mut values = BTreeSet::new();
        let mut of = |by: &str| {
            let mark = Mark { version: "v".to_owned(), step: None, letter: None, by: Some(by.to_owned()), figure: Figure::Sent };
            within(&mut values, mark).by
        };
        (0..VALUES).for_each(|n| assert_eq!(of(&n.to_string()), Some(n.to_string())));
        assert_eq!((of("one more"), of("7")), (Some(OTHERS.to_owned()), Some("7".to_owned())));
    }
}
