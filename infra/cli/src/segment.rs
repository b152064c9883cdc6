//! `michi segment`: who is in a segment now, and how many of them may be mailed.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use jiff::Timestamp;
use michi::condition::Condition;
use michi::id::{PlaybookVersion, RuleId};
use michi::playbook::Playbook;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::audience::{self, Audience, Meant, Survey, Tally};
use crate::plan::Candidate;
use crate::shown::{self, Form, Table};
use crate::{everybody, named};

/// What `michi segment` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct SegmentArgs {
    /// The segment, by its name in segments.yaml; without one, all are listed with what they ask
    pub name: Option<String>,
    /// Only how many, and how many of them may be mailed
    #[arg(long, requires = "name", conflicts_with_all = ["sample", "csv"])]
    pub count: bool,
    /// How many leads to show, the most interested first
    #[arg(long, requires = "name", value_name = "N", num_args = 0..=1, default_value = "10", default_missing_value = "10",
        conflicts_with = "csv")]
    pub sample: usize,
    /// Ask by the playbook in this folder instead of the live one, to try an edit before it is published
    #[arg(long, value_name = "DIR")]
    pub playbook: Option<PathBuf>,
    /// In which form. `--csv` writes all leads, in a form that `michi mail --list` takes.
    #[command(flatten)]
    pub form: Form,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// A segment in JSON.
#[derive(Serialize)]
struct Segment<'a> {
    now: Timestamp,
    /// The playbook by which it was asked.
    playbook: PlaybookVersion,
    segment: &'a RuleId,
    /// What it asks.
    asks: String,
    #[serde(flatten)]
    tally: Tally,
    /// Leads that cannot be read.
    unreadable: usize,
    /// Some of them, the most interested first.
    sample: Vec<&'a Meant>,
}

/// Runs `michi segment`.
///
/// # Errors
/// If there is no such segment, or the installation does not answer.
pub fn run(args: &SegmentArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| show(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Writes who is in a segment, or which segments there are.
///
/// # Errors
/// If there is no such segment, or the installation does not answer.
pub async fn show(args: &SegmentArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let live = found.playbook().await?;
    let playbook = match &args.playbook {
        Some(folder) => Candidate::load(folder)?.within(&found).playbook,
        None => (*live.playbook).clone(),
    };
    let Some(name) = &args.name else { return list(&playbook, args.form, out) };
    let (segment, asks) = meant(&playbook, name)?;
    let audience = surveyed(&found, &live.playbook, &playbook, segment).await?;
    if args.form.csv {
        table(&audience.leads.iter().collect::<Vec<_>>(), true).csv(out)?;
        return Ok(());
    }
    let tally = audience.tally();
    let sample: Vec<&Meant> = audience.leads.iter().take(if args.count { 0 } else { args.sample }).collect();
    if args.form.json {
        let (now, version, asks) = (found.now(), playbook.version(), asks.to_string());
        let unreadable = audience.unreadable;
        let segment = Segment { now, playbook: version, segment, asks, tally, unreadable, sample };
        return shown::json(&segment, out);
    }
    write!(out, "{segment}: {asks}\n\n{tally}")?;
    if let Some(said) = audience::unreadable(audience.unreadable) {
        write!(out, "{said}")?;
    }
    if !sample.is_empty() {
        writeln!(out)?;
        table(&sample, false).columns(out)?;
    }
    match audience.leads.len().saturating_sub(sample.len()) {
        more if more > 0 && !args.count => writeln!(out, "and {more} more; --csv writes all")?,
        _ => {}
    }
    Ok(())
}

/// The segment of a name, and what it asks.
///
/// # Errors
/// If there is none, with the one that was probably meant.
pub fn meant<'p>(playbook: &'p Playbook, name: &str) -> anyhow::Result<(&'p RuleId, &'p Condition)> {
    let found = playbook.segments.iter().find(|(known, _)| known.as_str() == name);
    found.ok_or_else(|| named::unknown("segment", name, playbook.segments.keys().map(RuleId::as_str)))
}

async fn surveyed(found: &Installation, live: &Playbook, playbook: &Playbook, segment: &RuleId) -> anyhow::Result<Audience> {
    let (keys, now) = (found.keys().await?, found.now());
    let leads = everybody::all(&found.store, live).await?;
    let progress = everybody::progress(leads.len())?;
    let stopped = found.store.watch().await?.stopped.is_some();
    // Hours are no property of a lead: it is asked as if such mail went out now.
    let at = playbook.setup.opens(now);
    let survey = Survey { store: &found.store, keys: &keys, playbook, now, at, stopped, draft: None };
    let audience = survey.of(leads, |lead| lead.segments.contains(segment), &progress).await;
    progress.finish_and_clear();
    Ok(audience?)
}

fn list(playbook: &Playbook, form: Form, out: &mut dyn Write) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Listed<'a> {
        segment: &'a RuleId,
        asks: String,
    }
    let all = playbook.segments.iter().map(|(segment, asks)| Listed { segment, asks: asks.to_string() });
    if form.json {
        return shown::json(&serde_json::json!({ "segments": all.collect::<Vec<_>>() }), out);
    }
    if form.csv {
        let mut table = Table::new(&["segment", "asks"]);
        all.for_each(|one| table.row([one.segment.to_string(), one.asks]));
        table.csv(out)?;
        return Ok(());
    }
    if playbook.segments.is_empty() {
        writeln!(out, "the playbook has no segments: write them in segments.yaml")?;
    }
    let width = playbook.segments.keys().map(|name| name.as_str().len()).max().unwrap_or_default();
    for one in all {
        writeln!(out, "{:width$}  {}", one.segment.as_str(), one.asks)?;
    }
    Ok(())
}

/// Leads as a table; with the address and the id, if it shall be read again.
fn table(leads: &[&Meant], whole: bool) -> Table {
    let some = [" interest", "cell", "stage", "name", "company", "may be mailed"];
    let all = ["email", "name", "company", "stage", "cell", " interest", "may be mailed", "id"];
    let mut table = Table::new(if whole { all.as_slice() } else { some.as_slice() });
    for lead in leads {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let stage = lead.stage.map(|stage| stage.to_string()).unwrap_or_default();
        let (interest, mail) = (format!("{:.1}", lead.interest), audience::said(lead.mail));
        if whole {
            let id = lead.id.to_string();
            table.row([text(&lead.email), text(&lead.name), text(&lead.company), stage, text(&lead.cell), interest, mail, id]);
        } else {
            table.row([interest, text(&lead.cell), stage, text(&lead.name), text(&lead.company), mail]);
        }
    }
    table
}
