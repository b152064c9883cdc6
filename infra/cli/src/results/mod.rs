//! `michi results`: what came of scenarios, and who is behind each number.

mod scan;
mod told;

use std::collections::BTreeMap;
use std::io::Write;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::LazyLock;

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use jiff::Timestamp;
use michi::id::{LeadId, ScenarioId};
use michi::io::Error;
use michi::lead::Lead;
use michi::link;
use michi::playbook::Language::En;
use michi::playbook::Playbook;
use michi::playbook::authoring;
use michi::scenario::results::{DEFINED, Mark, Results};
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::everybody::{self, Unreadable};
use crate::shown::{self, Form, Table, moment};
use scan::Scan;

/// What each number means, for `--help`.
static FIGURES: LazyLock<String> = LazyLock::new(|| {
    let lines = DEFINED.iter().map(|one| format!("  {:<13} {}\n", one.key, one.means(En)));
    let lines: String = lines.collect();
    format!(
        "Figures; the same words follow --who:\n{lines}\
         Of the scenario and its steps runs are counted: who enters anew is counted anew. Of letters letters are counted, each \
         goes to one person.\nShares are of the letters sent, with the interval in which the true share lies with 95 % \
         confidence (Wilson, 1927).\nFigures behind `sent` come from SES and from readers, and may grow for weeks."
    )
});

/// What `michi results` takes.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = FIGURES.as_str())]
pub struct ResultsArgs {
    /// The scenario, by the name of its file; without one, all are listed
    pub scenario: Option<String>,
    /// Tell runs and letters apart by what was so of the lead when it entered or the letter was owed: an attribute, or cell,
    /// grade, level, stage
    #[arg(long, value_name = "ATTRIBUTE", requires = "scenario")]
    pub by: Option<String>,
    /// Only one version of the scenario: the beginning of its id
    #[arg(long, value_name = "VERSION", requires = "scenario")]
    pub of: Option<String>,
    /// Count anew: look at all leads. Without it the newest count is shown, with its time
    #[arg(long)]
    pub fresh: bool,
    /// List the leads behind a number, as they are now
    #[arg(long, value_name = "FIGURE", requires = "scenario", conflicts_with = "fresh")]
    pub who: Option<String>,
    /// The number of this step
    #[arg(long, value_name = "ID", requires = "who")]
    pub step: Option<String>,
    /// The number with this reason or way, as in JSON and CSV
    #[arg(long, value_name = "REASON", requires = "who")]
    pub why: Option<String>,
    /// The number of the letters with this subject, from 1
    #[arg(long, value_name = "NUMBER", requires = "who")]
    pub subject: Option<u16>,
    /// The number of the letters to those of whom this was so, as --by tells it
    #[arg(long, requires_all = ["who", "by"])]
    pub value: Option<String>,
    /// Print a link to the page with the scenario drawn and its numbers; it works for 30 days, for whoever has it
    #[arg(long, requires = "scenario", conflicts_with_all = ["who", "by", "of"])]
    pub link: bool,
    /// In which form.
    #[command(flatten)]
    pub form: Form,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// What identifies a person tells no two kinds of people apart.
const OF_ONE: [&str; 5] = ["email", "name", "first_name", "last_name", "phone"];

/// Runs `michi results`.
///
/// # Errors
/// If there is no such scenario, or the installation does not answer.
pub fn run(args: &ResultsArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| show(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Writes what came of scenarios.
///
/// # Errors
/// If there is no such scenario or number, or the installation does not answer.
pub async fn show(args: &ResultsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let playbook = found.playbook().await?.playbook;
    if let Some(by) = args.by.as_deref().filter(|by| OF_ONE.contains(by)) {
        bail!("\"{by}\" is another one of nearly every lead: choose what many have in common, as in --by industry");
    }
    let Some(name) = &args.scenario else { return list(&found, &playbook, args, out).await };
    let scenario = named(&found, &playbook, name).await?;
    if args.link {
        // Whoever opens it shall find numbers.
        results(&found, &scenario, None, args.fresh).await?;
        let keys = found.keys().await?;
        let (number, key) = keys.signing().context("the key ring has no key that signs links")?;
        let link = link::Results::new(scenario, found.now());
        writeln!(out, "{}", link.url(&found.settings.collector_url, number, key.bytes()))?;
        return Ok(());
    }
    if let Some(who) = &args.who {
        return behind(&found, &playbook, &scenario, who, args, out).await;
    }
    let mut results = results(&found, &scenario, args.by.as_deref(), args.fresh).await?;
    if let Some(begins) = &args.of {
        let versions = told::versions(&results);
        let meant = versions.keys().find(|version| version.starts_with(begins.as_str()));
        let meant = meant.with_context(|| format!("no version of {scenario} begins with {begins}"))?;
        results.counts = results.counts.of_version(meant);
    }
    if args.form.json {
        return shown::json(&told::json(&scenario, &results), out);
    }
    if args.form.csv {
        told::rows(&results).csv(out)?;
        return Ok(());
    }
    told::page(&scenario, &playbook, &results, out)
}

/// The scenario meant by a name: one of the playbook's, or one that it had and that was counted.
async fn named(found: &Installation, playbook: &Playbook, name: &str) -> anyhow::Result<ScenarioId> {
    let names: Vec<&str> = playbook.scenarios.keys().map(ScenarioId::as_str).collect();
    let refused = || format!("no scenario is called \"{name}\": {}", authoring::instead(name, names.clone()));
    let id = ScenarioId::parse(name).ok().with_context(refused)?;
    if !playbook.scenarios.contains_key(&id) && found.store.kept_report::<Results>(&Results::kept_as(&id, None)).await?.is_none()
    {
        bail!(refused());
    }
    Ok(id)
}

/// What came of a scenario, as it was counted last; counted now, if it never was.
async fn results(found: &Installation, scenario: &ScenarioId, by: Option<&str>, fresh: bool) -> anyhow::Result<Results> {
    if !fresh && let Some(known) = found.store.kept_report(&Results::kept_as(scenario, by)).await? {
        return Ok(known);
    }
    let mut all = scan::count(found, by).await?;
    all.remove(scenario).with_context(|| format!("no lead was ever in the scenario {scenario}"))
}

async fn list(found: &Installation, playbook: &Playbook, args: &ResultsArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut all: BTreeMap<ScenarioId, Results> = BTreeMap::new();
    for scenario in playbook.scenarios.keys() {
        let known = if args.fresh { None } else { found.store.kept_report(&Results::kept_as(scenario, None)).await? };
        let Some(known) = known else {
            // One that is new, or all: they are counted together.
            all = scan::count(found, None).await?;
            break;
        };
        all.insert(scenario.clone(), known);
    }
    if args.form.json {
        let all: Vec<_> = all.iter().map(|(scenario, results)| told::json(scenario, results)).collect();
        return shown::json(&serde_json::json!({ "scenarios": all }), out);
    }
    let zone = playbook.setup.time_zone.get();
    let head = ["scenario", " entered", " under way", " goal", " mql", " left", " letters sent", " clicked", "counted"];
    let mut table = Table::new(&head);
    for (scenario, results) in &all {
        let sum = |key: &str| results.counts.sum(|mark| mark.by.is_none() && mark.figure.defined().key == key).to_string();
        let at = if args.form.csv { results.at.to_string() } else { moment(results.at, zone) };
        let numbers = ["entered", "under-way", "goal", "mql", "left", "sent", "clicked"].map(sum);
        table.row(std::iter::once(scenario.to_string()).chain(numbers).chain([at]));
    }
    if args.form.csv {
        table.csv(out)?;
    } else if all.is_empty() {
        writeln!(out, "the playbook has no scenarios: write them in scenarios/")?;
    } else {
        table.columns(out)?;
    }
    Ok(())
}

/// A lead behind a number.
#[derive(Debug, Serialize)]
struct Behind {
    id: LeadId,
    name: Option<String>,
    company: Option<String>,
    email: Option<String>,
}

/// Lists the leads behind a number.
async fn behind(
    found: &Installation,
    playbook: &Playbook,
    scenario: &ScenarioId,
    who: &str,
    args: &ResultsArgs,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if !DEFINED.iter().any(|one| one.key == who) {
        bail!("no figure is called \"{who}\": {}", authoring::instead(who, DEFINED.map(|one| one.key)));
    }
    let wanted = |mark: &Mark| {
        mark.figure.defined().key == who
            && args.step.as_ref().is_none_or(|step| mark.step.as_ref().is_some_and(|of| of.as_str() == step))
            && args.why.as_ref().is_none_or(|why| mark.figure.why() == *why)
            && args.of.as_ref().is_none_or(|version| mark.version.starts_with(version.as_str()))
            && args.subject.is_none_or(|number| mark.letter.as_ref().is_some_and(|of| of.subject.number + 1 == number))
            && mark.by.is_some() == args.by.is_some()
            && args.value.as_ref().is_none_or(|value| mark.by.as_ref() == Some(value))
    };
    let counted: Option<Results> = found.store.kept_report(&Results::kept_as(scenario, args.by.as_deref())).await?;
    let scan = Scan { store: &found.store, playbook, now: found.now(), by: args.by.as_deref() };
    let leads = everybody::all(&found.store, playbook).await?;
    let progress = everybody::progress(leads.len())?;
    let look = async |id: LeadId| -> Result<Option<(usize, LeadId, Lead)>, Error> {
        let marks = scan.look(&id).await?;
        match marks.iter().filter(|(of, mark)| of == scenario && wanted(mark)).count() {
            0 => Ok(None),
            times => Ok(Some((times, id.clone(), scan.lead(&id).await?))),
        }
    };
    let (mut behind, mut number, mut unreadable) = (vec![], 0, Unreadable::default());
    let mut looks = pin!(everybody::each(leads, look, &progress));
    while let Some(look) = looks.next().await {
        let Some((times, id, lead)) = unreadable.pass(look)?.flatten() else { continue };
        let attribute = |name| lead.attribute(name).map(str::to_owned);
        behind.push(Behind { id, name: attribute("name"), company: attribute("company"), email: attribute("email") });
        number += times;
    }
    progress.finish_and_clear();
    behind.sort_by(|one, other| one.id.cmp(&other.id));
    if args.form.json {
        let now: Timestamp = found.now();
        let told = serde_json::json!({ "now": now, "scenario": scenario, "figure": who, "leads": behind });
        return shown::json(&told, out);
    }
    let leads = shown::counted(behind.len(), "lead", "leads");
    // In a form that `michi mail --list` takes.
    let mut table = Table::new(&["email", "name", "company", "id"]);
    for one in behind {
        let text = |text: Option<String>| text.unwrap_or_default();
        table.row([text(one.email), text(one.name), text(one.company), one.id.to_string()]);
    }
    if args.form.csv {
        table.csv(out)?;
        return Ok(());
    }
    table.columns(out)?;
    if let Some(counted) = counted {
        let (then, at) = (counted.counts.sum(wanted), moment(counted.at, playbook.setup.time_zone.get()));
        writeln!(out, "{leads}; the number is {number} now and was {then} when it was counted, on {at}")?;
    }
    if let Some(said) = crate::audience::unreadable(unreadable.count) {
        write!(out, "{said}")?;
    }
    Ok(())
}
