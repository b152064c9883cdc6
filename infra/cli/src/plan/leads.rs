//! What another playbook would make of the leads: each is folded by both.

use std::collections::BTreeMap;
use std::pin::pin;

use futures::StreamExt as _;
use indicatif::ProgressBar;
use jiff::Timestamp;
use michi::activity::{Log, LogOwner};
use michi::id::LeadId;
use michi::io::{Error, Store};
use michi::lead::{Lead, Stage};
use michi::playbook::Playbook;
use serde::Serialize;

use super::entering::{Doors, Enters};
use crate::everybody::{self, Unreadable, judged};

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
    /// The scenarios that would take in leads at once.
    pub entering: Vec<Enters>,
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
    let mut logs = pin!(everybody::each(leads, |lead| log_of(store, lead), progress));
    let (mut unreadable, mut doors) = (Unreadable::default(), Doors::of(live, wanted));
    while let Some(log) = logs.next().await {
        let Some((id, log)) = unreadable.pass(log)? else { continue };
        let before = judged(live, &id, &mut log.clone(), now);
        let mut log_after = log.clone();
        let after = judged(wanted, &id, &mut log_after, now);
        doors.look(&id, &log, &log_after, &after, now);
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
    found.unreadable = unreadable.count;
    found.entering = doors.counted();
    Ok(found)
}

async fn log_of(store: &Store, lead: LeadId) -> Result<(LeadId, Log), Error> {
    let log = store.log(&LogOwner::Lead(lead.clone())).await?;
    Ok((lead, log))
}

fn cell(lead: &Lead) -> String {
    lead.cell.map_or_else(|| NO_CELL.to_owned(), |cell| cell.to_string())
}
