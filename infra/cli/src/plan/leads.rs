//! What another playbook would make of the leads: each is folded by both.

use std::collections::BTreeMap;

use futures::{StreamExt as _, stream};
use indicatif::ProgressBar;
use jiff::Timestamp;
use michi::activity::{Log, LogOwner};
use michi::id::{LeadId, derive};
use michi::io::{Error, Retry, Store};
use michi::lead::{Lead, Stage};
use michi::lifecycle::{Change, decide};
use michi::playbook::Playbook;
use serde::Serialize;

/// Logs read at once.
const AT_ONCE: usize = 16;
/// Leads in a page of the index.
const PAGE: usize = 1_000;
/// A cell for those that have none.
const NO_CELL: &str = "none";

/// What would change of the leads.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Leads {
    /// How many there are.
    pub count: usize,
    /// How many were folded: all, or a sample.
    pub folded: usize,
    /// How many logs could not be read, by which nothing is said of these leads.
    pub unreadable: usize,
    /// How many would go from one cell to another.
    pub cells: Vec<Flow>,
    /// How many would go from one stage to another.
    pub stages: Vec<Flow>,
    /// Who would newly be ready for sales, the most interested first; with `newly_ready` as their number.
    pub ready: Vec<Ready>,
    /// How many would newly be ready for sales.
    pub newly_ready: usize,
}

/// So many leads, from here to there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Flow {
    pub from: String,
    pub to: String,
    pub leads: usize,
}

/// A lead that would newly be ready.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Ready {
    pub id: LeadId,
    pub name: Option<String>,
    pub company: Option<String>,
    /// The cell now; none: it has none.
    pub from: Option<String>,
    /// The cell then.
    pub to: Option<String>,
    /// Interest by the new rules, in points.
    pub interest: f64,
}

/// The ids of all leads, as the index has them, in their order. `live` is the live playbook.
///
/// # Errors
/// If the index cannot be read.
pub(crate) async fn all_leads(store: &Store, live: &Playbook) -> Result<Vec<LeadId>, Error> {
    let mut epochs: Vec<String> = store.playbook_history().await?.into_iter().map(|moved| moved.epoch).collect();
    epochs.push(live.scoring.interest.epoch());
    epochs.sort();
    epochs.dedup();
    let mut leads = Vec::new();
    for part in Store::rank_parts(&epochs) {
        let mut after = None;
        loop {
            let (page, more) = store.rank_page(&part, after.as_ref(), PAGE).await?;
            after = page.last().cloned();
            leads.extend(page.into_iter().map(|one| one.lead));
            if !more {
                break;
            }
        }
    }
    leads.sort_unstable();
    leads.dedup();
    Ok(leads)
}

/// So many of the leads, the same ones each time and chosen without regard to anything they are or did.
#[must_use]
pub(super) fn sample(mut leads: Vec<LeadId>, size: usize) -> Vec<LeadId> {
    leads.sort_by_cached_key(|lead| derive(&["sample", lead.as_str()]));
    leads.truncate(size);
    leads
}

/// Folds leads by both playbooks. `progress` is moved by one for each.
///
/// # Errors
/// If logs cannot be read for now.
pub(super) async fn compare(
    store: &Store,
    leads: Vec<LeadId>,
    live: &Playbook,
    wanted: &Playbook,
    now: Timestamp,
    progress: &ProgressBar,
) -> Result<Leads, Error> {
    let mut found = Leads { folded: leads.len(), ..Leads::default() };
    let (mut cells, mut stages) = (BTreeMap::new(), BTreeMap::new());
    let logs = stream::iter(leads).map(|lead| async move { (store.log(&LogOwner::Lead(lead.clone())).await, lead) });
    let mut logs = logs.buffer_unordered(AT_ONCE);
    let mut read = 0;
    while let Some((log, id)) = logs.next().await {
        progress.inc(1);
        let log = match log {
            Ok(log) => log,
            // One log may hold what nobody can read. If none can be read, it is not for what they hold.
            Err(error) if error.retry == Retry::Never && (read > 0 || found.unreadable < AT_ONCE) => {
                found.unreadable += 1;
                continue;
            }
            Err(error) => return Err(error),
        };
        read += 1;
        let (before, after) = (judged(live, &id, log.clone(), now), judged(wanted, &id, log, now));
        let (from, to) = (cell(&before), cell(&after));
        if from != to {
            *cells.entry((from.clone(), to.clone())).or_insert(0) += 1;
        }
        if before.stage != after.stage {
            *stages.entry((before.stage, after.stage)).or_insert(0) += 1;
            if after.stage == Some(Stage::Mql) {
                let attribute = |name| after.attribute(name).map(str::to_owned);
                let cell = |lead: &Lead| lead.cell.map(|cell| cell.to_string());
                found.ready.push(Ready {
                    id,
                    name: attribute("name"),
                    company: attribute("company"),
                    from: cell(&before),
                    to: cell(&after),
                    interest: after.interest.points,
                });
            }
        }
    }
    let stage = |stage: Option<Stage>| stage.map_or_else(|| NO_CELL.to_owned(), |stage| stage.to_string());
    found.cells = cells.into_iter().map(|((from, to), leads)| Flow { from, to, leads }).collect();
    found.stages = stages.into_iter().map(|((from, to), leads)| Flow { from: stage(from), to: stage(to), leads }).collect();
    for flows in [&mut found.cells, &mut found.stages] {
        flows.sort_by(|one, other| other.leads.cmp(&one.leads).then_with(|| (&one.from, &one.to).cmp(&(&other.from, &other.to))));
    }
    found.ready.sort_by(|one, other| other.interest.total_cmp(&one.interest).then_with(|| one.id.cmp(&other.id)));
    found.newly_ready = found.ready.len();
    Ok(found)
}

/// The lead as it would stand when `score` had looked at it now.
fn judged(playbook: &Playbook, id: &LeadId, mut log: Log, now: Timestamp) -> Lead {
    decide(playbook, &playbook.version(), id, &mut log, Change::default(), now).lead
}

fn cell(lead: &Lead) -> String {
    lead.cell.map_or_else(|| NO_CELL.to_owned(), |cell| cell.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_same_each_time_and_never_more_than_there_are() {
        let all: Vec<LeadId> = (0..100).map(|n| LeadId::derive(&[&n.to_string()])).collect();
        let some = sample(all.clone(), 10);
        let mut reversed = all.clone();
        reversed.reverse();
        assert_eq!((some.len(), &sample(reversed, 10)), (10, &some));
        assert!(some.iter().all(|lead| all.contains(lead)));
        assert_eq!(sample(all, 1_000).len(), 100);
    }
}
