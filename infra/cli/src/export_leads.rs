//! `michi export-leads`: all leads with what is known of them, for other software.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use michi::activity::LogOwner;
use michi::consent::Basis;
use michi::fold::fold;
use michi::id::LeadId;
use michi::io::Retry;
use michi::lead::{Cell, Lead, Phase, Stage};
use michi::playbook::Playbook;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::everybody;
use crate::leads::ChosenStage;
use crate::shown::disarmed;

/// What `michi export-leads` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportLeadsArgs {
    /// Into this file, instead of the terminal
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// As JSON, a line for each lead, instead of CSV
    #[arg(long)]
    pub json: bool,
    /// Only leads that stand here: lead, mql, sal, sql, customer, advocate, recycled, disqualified
    #[arg(long)]
    pub stage: Option<ChosenStage>,
    /// A column for this attribute as well; may be given again. JSON has all attributes
    #[arg(long, value_name = "NAME")]
    pub attribute: Vec<String>,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// Attributes that have a column of their own.
const ATTRIBUTES: [&str; 9] = ["email", "name", "company", "role", "department", "phone", "industry", "employees", "language"];
/// The columns behind the attributes. New ones are added behind them.
const COLUMNS: [&str; 12] = [
    "stage",
    "cell",
    "fit",
    "interest",
    "momentum",
    "phase",
    "excluded",
    "marketing",
    "basis",
    "first_seen",
    "last_seen",
    "segments",
];
/// Logs read at once.
const AT_ONCE: usize = 16;

/// A lead as it is exported.
#[derive(Debug, Serialize)]
struct Exported {
    id: LeadId,
    attributes: BTreeMap<String, String>,
    stage: Option<Stage>,
    cell: Option<Cell>,
    fit: f64,
    interest: f64,
    momentum: f64,
    phase: Phase,
    excluded: bool,
    /// Whether marketing mail may be sent, as far as the lead's own log says.
    marketing: bool,
    /// On what ground.
    basis: Option<Basis>,
    first_seen: Option<Timestamp>,
    last_seen: Option<Timestamp>,
    segments: Vec<String>,
}

impl Exported {
    fn of(id: LeadId, lead: Lead) -> Self {
        let permissions = &lead.permissions;
        let may = permissions.opted_out.is_none() && permissions.suppressed.is_none();
        let basis = permissions.marketing.as_ref().map(|ground| ground.basis);
        Self {
            id,
            stage: lead.stage,
            cell: lead.cell,
            fit: lead.fit.points,
            interest: lead.interest.points,
            momentum: lead.interest.momentum,
            phase: lead.phase,
            excluded: !lead.excluded.is_empty(),
            marketing: may && basis.is_some(),
            basis,
            first_seen: lead.seen.map(|(first, _)| first),
            last_seen: lead.seen.map(|(_, last)| last),
            segments: lead.segments.iter().map(ToString::to_string).collect(),
            attributes: lead.attributes.into_iter().map(|(name, attribute)| (name, attribute.value)).collect(),
        }
    }

    /// The cells of its line, texts so that no spreadsheet takes them for a formula.
    fn cells(&self, more: &[String]) -> Vec<String> {
        let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let attribute = |name: &str| self.attributes.get(name).map(|value| disarmed(value)).unwrap_or_default();
        let moment = |at: Option<Timestamp>| at.map(|at| format!("{at:.0}")).unwrap_or_default();
        let columns = [
            self.stage.map(|stage| stage.to_string()).unwrap_or_default(),
            self.cell.map(|cell| cell.to_string()).unwrap_or_default(),
            format!("{:.0}", self.fit),
            format!("{:.1}", self.interest),
            format!("{:.1}", self.momentum),
            word(serde_json::json!(self.phase)),
            self.excluded.to_string(),
            self.marketing.to_string(),
            word(serde_json::json!(self.basis)),
            moment(self.first_seen),
            moment(self.last_seen),
            self.segments.join(" "),
        ];
        let attributes = ATTRIBUTES.iter().map(|name| attribute(name));
        let cells = std::iter::once(self.id.to_string()).chain(attributes).chain(columns);
        cells.chain(more.iter().map(|name| attribute(name))).collect()
    }
}

/// Runs `michi export-leads`.
///
/// # Errors
/// If the installation does not answer, or the file cannot be written.
pub fn run(args: &ExportLeadsArgs) -> anyhow::Result<ExitCode> {
    crate::output::block_on(async {
        let count = match &args.out {
            None => export(args, &mut io::stdout().lock()).await,
            Some(path) => {
                // Whoever reads the file finds a whole one, or the one before.
                let part = path.with_extension("part");
                let named = || format!("{} cannot be written", part.display());
                let mut file = io::BufWriter::new(std::fs::File::create(&part).with_context(named)?);
                let count = export(args, &mut file).await?;
                file.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all()).with_context(named)?;
                std::fs::rename(&part, path).with_context(|| format!("{} cannot be written", path.display()))?;
                Ok(count)
            }
        };
        match count {
            Err(error) if is_broken_pipe(&error) => {}
            Err(error) => return Err(error),
            Ok(count) if args.out.is_some() && io::stderr().is_terminal() => {
                eprintln!("{}", crate::shown::counted(count, "lead", "leads"));
            }
            Ok(_) => {}
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Whoever reads has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe))
}

/// Writes all leads, in the order of their ids; how many there are.
///
/// # Errors
/// If the installation does not answer, or nothing can be written.
pub async fn export(args: &ExportLeadsArgs, out: &mut dyn Write) -> anyhow::Result<usize> {
    let found = args.target.open().await?;
    let live = found.playbook().await?;
    let leads = everybody::all(&found.store, &live.playbook).await?;
    let bar = everybody::progress(leads.len())?;
    if !args.json {
        let heads = std::iter::once("id").chain(ATTRIBUTES).chain(COLUMNS).map(str::to_owned);
        write!(out, "{}", line(&heads.chain(args.attribute.iter().cloned()).collect::<Vec<_>>())?)?;
    }
    let mut count = 0;
    let folded = stream::iter(leads).map(|lead| folded(&found, &live.playbook, lead)).buffered(AT_ONCE);
    futures::pin_mut!(folded);
    while let Some(lead) = folded.next().await {
        bar.inc(1);
        let Some(lead) = lead? else { continue };
        if args.stage.is_some_and(|only| lead.stage != Some(only.stage())) {
            continue;
        }
        count += 1;
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&lead)?)?;
        } else {
            write!(out, "{}", line(&lead.cells(&args.attribute))?)?;
        }
    }
    bar.finish_and_clear();
    Ok(count)
}

/// A lead as its log says now; none: it was erased meanwhile, or its log holds what nobody can read.
async fn folded(found: &Installation, playbook: &Playbook, lead: LeadId) -> anyhow::Result<Option<Exported>> {
    match found.store.log(&LogOwner::Lead(lead.clone())).await {
        Ok(log) if log.records.is_empty() => Ok(None),
        Ok(log) => Ok(Some(Exported::of(lead, fold(playbook, &log, found.now())))),
        Err(error) if error.retry == Retry::Never => {
            eprintln!("michi: the log of {lead} cannot be read, so it is left out: {error}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn line(cells: &[String]) -> anyhow::Result<String> {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    csv.write_record(cells)?;
    String::from_utf8(csv.into_inner().context("a line cannot be written")?).context("a line is no text")
}
