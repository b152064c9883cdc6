//! `michi merge`: two leads are one person, and become one lead.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::SignedDuration;
use michi::activity::{Log, LogOwner};
use michi::fact::{Fact, FactKind};
use michi::fold::fold;
use michi::id::LeadId;
use michi::io::store::{AGAIN, LeadItem, Transfer};
use michi::io::{Retry, Versioned};
use michi::lead::{Lead, Stage};
use michi::merge::decision;
use michi::scenario::Enrollment;
use serde_json::json;

use crate::account::{Installation, Target};
use crate::lead::named;
use crate::output;
use crate::shown::{self, Table, counted};

/// What `michi merge` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct MergeArgs {
    /// The lead that is to be another from now on, by its id or its mail address
    #[arg(value_name = "ID|ADDRESS")]
    pub who: String,
    /// The lead that stays, and keeps its address, its stage and its ways along scenarios
    #[arg(long, value_name = "ID|ADDRESS")]
    pub into: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// One of the two, as it is now.
struct Side {
    item: LeadItem,
    log: Log,
    lead: Lead,
    open: Vec<Enrollment>,
}

/// Runs `michi merge`.
///
/// # Errors
/// If they are not two leads, or they are not known to be merged.
pub fn run(args: &MergeArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| merge(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Merges a lead into another, and says what became of it.
///
/// # Errors
/// If they are not two leads, or they are not known to be merged.
pub async fn merge(args: &MergeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let (loser, winner) = (named(&found, &args.who).await?, named(&found, &args.into).await?);
    if loser == winner {
        bail!("both are the lead {winner}: there is nothing to merge");
    }
    let live = found.playbook().await?;
    let (keys, mut asked) = (found.keys().await?, args.yes);
    let mark = loop {
        let (gone, kept) = (Side::of(&found, &live, &loser).await?, Side::of(&found, &live, &winner).await?);
        if !asked {
            if !output::confirmed(&question(&gone, &kept)?)? {
                writeln!(out, "Nothing was changed.")?;
                return Ok(());
            }
            asked = true;
        }
        match begin(&found, &live, &gone, &kept).await? {
            Some(mark) => break mark,
            // One of them was saved meanwhile.
            None => continue,
        }
    };
    let moved = found.store.merge(&mark, |address| keys.address_hash(address), found.now()).await;
    let ended = match &moved {
        Ok(_) => found.store.end_merge(&mark, found.now()).await.map(|_| ()),
        Err(_) => Ok(()),
    };
    match (moved, ended) {
        // `score` is at it as well.
        (Err(error), _) | (_, Err(error)) if error.retry == Retry::Reread => told(args, &mark, &winner, None, &found, out),
        (Ok(moved), Ok(())) => told(args, &mark, &winner, Some(moved), &found, out),
        (Err(error), _) | (_, Err(error)) => Err(error).context("the leads are merged, and the rest is moved within minutes"),
    }
}

impl Side {
    async fn of(found: &Installation, live: &Versioned, id: &LeadId) -> anyhow::Result<Self> {
        let item = found.store.lead(id).await?;
        let log = found.store.log(&LogOwner::Lead(id.clone())).await?;
        let item = match item {
            Some(LeadItem { erased: Some(_), .. }) => bail!("the lead {id} is being erased: nothing of it can be merged"),
            Some(LeadItem { merged: Some(_), .. }) => {
                bail!("the lead {id} was merged already: it is {} now", found.store.home(id).await?)
            }
            None if log.records.is_empty() => bail!("there is no lead {id}; `michi leads` lists them"),
            None => bail!("the lead {id} has just come in and was not looked at yet: try again in a minute"),
            Some(item) => item,
        };
        let lead = fold(&live.playbook, &log, found.now());
        Ok(Self { item, log, lead, open: found.store.enrollments_of(id).await? })
    }

    fn row(&self, becomes: &str) -> [String; 8] {
        let attribute = |name| self.lead.attribute(name).unwrap_or_default().to_owned();
        [
            becomes.to_owned(),
            attribute("name"),
            attribute("company"),
            attribute("email"),
            self.lead.stage.unwrap_or(Stage::Lead).to_string(),
            self.log.records.len().to_string(),
            self.ways(),
            self.item.lead.to_string(),
        ]
    }

    /// The scenarios in which it is under way.
    fn ways(&self) -> String {
        self.open.iter().map(|open| open.scenario.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Shows both, and says what will be.
fn question(gone: &Side, kept: &Side) -> anyhow::Result<String> {
    let mut table = Table::new(&["", "name", "company", "address", "stage", " records", "under way in", "id"]);
    table.row(gone.row("goes"));
    table.row(kept.row("stays"));
    let mut shown = vec![];
    table.columns(&mut shown)?;
    let mut said = String::from_utf8(shown)?;
    said += &format!(
        "\nEverything known of {} counts for {} from now on, which keeps its address and its stage: {}.\n",
        gone.item.lead,
        kept.item.lead,
        kept.lead.stage.unwrap_or(Stage::Lead)
    );
    if !gone.open.is_empty() {
        said += &format!("What {} is under way in ends: {}.\n", gone.item.lead, gone.ways());
    }
    Ok(said + "Mail that waits for it is not sent; links in what it was sent go on working. This cannot be undone. Go on?")
}

/// Makes the one a mark that leads to the other; none: one of them was saved meanwhile.
async fn begin(found: &Installation, live: &Versioned, gone: &Side, kept: &Side) -> anyhow::Result<Option<LeadItem>> {
    let (store, now) = (&found.store, found.now());
    let (loser, winner) = (&gone.item.lead, &kept.item.lead);
    let letters = store.letters_to(loser).await?.into_iter().map(|letter| letter.id);
    let record = decision(&live.playbook, (winner, &kept.log), (loser, &gone.log), letters, now);
    let fact = FactKind::LeadMerged { other: loser.clone() };
    let fact = Fact::of(winner, &record.id, record.at, &live.version, fact);
    let Err(error) = store.begin_merge(&gone.item, &kept.item, &record, &fact, now).await else {
        return Ok(store.lead(loser).await?);
    };
    // A repeat after a lost answer finds its own mark.
    let mark = store.lead(loser).await?;
    if mark.as_ref().and_then(|mark| mark.merged.as_ref()).is_some_and(|merged| merged.into == *winner && merged.at == record.at)
    {
        return Ok(mark);
    }
    if error.retry == Retry::Reread { Ok(None) } else { Err(error.into()) }
}

fn told(
    args: &MergeArgs,
    mark: &LeadItem,
    winner: &LeadId,
    moved: Option<Transfer>,
    found: &Installation,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let loser = &mark.lead;
    if args.json {
        let again = found.now() + SignedDuration::from_secs(AGAIN.as_secs());
        return shown::json(&json!({ "id": loser, "into": winner, "moved": moved, "again": again }), out);
    }
    write!(out, "{loser} is merged into {winner}")?;
    match moved {
        Some(moved) => {
            let (records, ended) =
                (counted(moved.records, "record", "records"), counted(moved.enrollments, "scenario", "scenarios"));
            writeln!(out, ": {records} moved, {ended} ended.")?;
        }
        None => writeln!(out, "; its records are on their way.")?,
    }
    writeln!(out, "What still arrives for it goes there. Lists and mail know of it within a minute.")?;
    Ok(())
}
