//! `michi leads`: the hottest leads, by what they are worth now.

use std::collections::BTreeMap;
use std::io::Write;
use std::pin::pin;
use std::process::ExitCode;
use std::str::FromStr;

use futures::StreamExt as _;
use jiff::Timestamp;
use michi::activity::LogOwner;
use michi::fold::fold;
use michi::id::{LeadId, PlaybookVersion};
use michi::io::store::{Playbooks, Summary};
use michi::lead::{Cell, Stage};
use michi::mail::words;
use michi::playbook::{Language, Playbook};
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::everybody::{self, Unreadable};
use crate::shown::{self, Form, Table};

/// What `michi leads` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct LeadsArgs {
    /// Only leads that stand here: lead, mql, sal, sql, customer, advocate, recycled, disqualified
    #[arg(long)]
    pub stage: Option<ChosenStage>,
    /// Only leads of this cell, as of their last saving: A1, or all of grade A, or all of level 1
    #[arg(long)]
    pub cell: Option<ChosenCell>,
    /// How many
    #[arg(long, default_value = "20", value_name = "N", value_parser = shown::some)]
    pub limit: usize,
    /// In which form.
    #[command(flatten)]
    pub form: Form,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// A stage by its word.
#[derive(Debug, Clone, Copy)]
pub struct ChosenStage(Stage);

/// Cells by grade, level or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChosenCell(String);

/// Of each stage so many of the hottest are looked through for a cell.
const LOOKED_THROUGH: usize = 1_000;

impl ChosenStage {
    /// The stage.
    pub(crate) fn stage(self) -> Stage {
        self.0
    }
}

impl FromStr for ChosenStage {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Stage::ALL.into_iter().find(|stage| stage.as_str() == word.to_ascii_lowercase());
        known.map(Self).ok_or_else(|| format!("the stages are {}", Stage::ALL.map(Stage::as_str).join(", ")))
    }
}

impl FromStr for ChosenCell {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.to_ascii_uppercase();
        let grade = |c: char| ('A'..='D').contains(&c);
        let level = |c: char| ('1'..='4').contains(&c);
        let mut letters = text.chars();
        match (letters.next(), letters.next(), letters.next()) {
            (Some(one), None, None) if grade(one) || level(one) => Ok(Self(text)),
            (Some(one), Some(two), None) if grade(one) && level(two) => Ok(Self(text)),
            _ => Err("a cell is a grade from A to D and a level from 1 to 4, as in A1; one of them is enough"),
        }
    }
}

impl ChosenCell {
    fn holds(&self, cell: Option<Cell>) -> bool {
        cell.is_some_and(|cell| cell.to_string().contains(&self.0))
    }
}

/// The list in JSON.
#[derive(Serialize)]
struct Leads {
    now: Timestamp,
    /// The live playbook.
    playbook: PlaybookVersion,
    leads: Vec<Summary>,
}

/// Runs `michi leads`.
///
/// # Errors
/// If the installation does not answer.
pub fn run(args: &LeadsArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| show(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Writes the list.
///
/// # Errors
/// If the installation does not answer.
pub async fn show(args: &LeadsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let live = found.playbook().await?;
    let (now, mut playbooks) = (found.now(), Playbooks::new(&found.store, &live));
    let mut leads = hottest(&found, args, &mut playbooks, &live.playbook.scoring.interest.epoch(), now).await?;
    leads.sort_by(|one, other| other.interest.total_cmp(&one.interest).then_with(|| one.id.cmp(&other.id)));
    leads.truncate(args.limit);
    if args.form.json {
        return shown::json(&Leads { now, playbook: live.version, leads }, out);
    }
    let zone = live.playbook.setup.time_zone.get();
    // As CSV it is a list that `michi mail`, `enroll` and `simulate` take.
    let addresses = if args.form.csv { addresses(&found, &live.playbook, &leads).await? } else { BTreeMap::new() };
    let head = [" interest", " momentum", "cell", "stage", "phase", "name", "company", "last seen", "id"];
    let mut table = Table::new(&args.form.csv.then_some("email").into_iter().chain(head).collect::<Vec<_>>());
    for lead in &leads {
        let surging = if lead.surging && !args.form.csv { "▲ " } else { "" };
        let row = [
            format!("{:.1}", lead.interest),
            format!("{surging}{:.1}", lead.momentum),
            if lead.excluded {
                "excluded".to_owned()
            } else {
                lead.cell.map_or_else(|| "–".to_owned(), |cell| cell.to_string())
            },
            lead.stage.to_string(),
            words::phase(lead.phase, Language::En).to_owned(),
            lead.name.clone().unwrap_or_default(),
            lead.company.clone().unwrap_or_default(),
            lead.last_seen.map(|at| if args.form.csv { at.to_string() } else { shown::moment(at, zone) }).unwrap_or_default(),
            lead.id.to_string(),
        ];
        let address = args.form.csv.then(|| addresses.get(&lead.id).cloned().unwrap_or_default());
        table.row(address.into_iter().chain(row));
    }
    Ok(table.write(args.form.csv, "no leads here", out)?)
}

/// The mail addresses of leads that have one.
async fn addresses(found: &Installation, playbook: &Playbook, leads: &[Summary]) -> anyhow::Result<BTreeMap<LeadId, String>> {
    let read = async |id: LeadId| {
        let log = found.store.log(&LogOwner::Lead(id.clone())).await?;
        let lead = fold(playbook, &log, found.now());
        Ok(lead.attribute("email").map(|address| (id, address.to_owned())))
    };
    let progress = everybody::progress(leads.len())?;
    let mut reads = pin!(everybody::each(leads.iter().map(|lead| lead.id.clone()).collect(), read, &progress));
    let (mut addresses, mut unreadable) = (BTreeMap::new(), Unreadable::default());
    while let Some(read) = reads.next().await {
        addresses.extend(unreadable.pass(read)?.flatten());
    }
    progress.finish_and_clear();
    Ok(addresses)
}

async fn hottest(
    found: &Installation,
    args: &LeadsArgs,
    playbooks: &mut Playbooks<'_>,
    epoch: &str,
    now: Timestamp,
) -> anyhow::Result<Vec<Summary>> {
    let limit = if args.cell.is_some() { LOOKED_THROUGH.max(args.limit) } else { args.limit };
    let mut leads = Vec::new();
    for stage in Stage::ALL.into_iter().filter(|stage| args.stage.is_none_or(|only| only.0 == *stage)) {
        for item in found.store.leads_by_rank(epoch, stage, limit).await? {
            leads.push(playbooks.summary(&item, now).await?);
        }
    }
    leads.retain(|lead| args.cell.as_ref().is_none_or(|only| only.holds(lead.cell)));
    Ok(leads)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_chosen_by_grade_level_or_both() {
        let cell = Cell::try_from("A1".to_owned()).ok();
        for (text, holds) in [("a1", true), ("A", true), ("1", true), ("B", false), ("A2", false)] {
            assert_eq!(text.parse::<ChosenCell>().unwrap().holds(cell), holds, "{text}");
        }
        for bad in ["", "E", "5", "1A", "A11"] {
            assert!(bad.parse::<ChosenCell>().is_err(), "{bad}");
        }
        assert!("nobody".parse::<ChosenStage>().is_err() && "MQL".parse::<ChosenStage>().is_ok());
    }
}
