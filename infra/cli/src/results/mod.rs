//! `michi results`: what came of scenarios, and who is behind each number.

mod names;
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
use michi::playbook::scenario::Trigger;
use michi::playbook::scenario::words::Words;
use michi::playbook::{Playbook, authoring};
use michi::scenario::results::{DEFINED, Mark, Results};
use serde::Serialize;
use serde_json::json;

use crate::account::{Installation, Target};
use crate::everybody::{self, Unreadable};
use crate::named;
use crate::shown::{self, Form, Table, definitions, moment};
use scan::Scan;

/// What each number means, for `--help`.
static FIGURES: LazyLock<String> = LazyLock::new(|| {
    let lines = definitions(DEFINED.iter().map(|one| (one.key, one.means(En).to_owned())), 60);
    format!(
        "Figures; the same words follow --who:\n{lines}\
         Of the scenario and its steps runs are counted: who enters anew is counted anew.\n\
         Of letters letters are counted, each goes to one person.\n\
         Shares are of the letters sent, with the interval in which the true share lies\n\
         with 95 % confidence (Wilson, 1927).\n\
         Figures behind `sent` come from SES and from readers, and may grow for weeks."
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
    /// Only one version of the scenario: what its id begins with, and no other's
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
    /// The number of the letters with this mail
    #[arg(long, value_name = "MAIL", requires = "who")]
    pub mail: Option<String>,
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
    let scenario = known(&found, &playbook, name).await?;
    if let Some(by) = &args.by {
        check_by(&playbook, by)?;
    }
    if args.link {
        // Whoever opens it shall find numbers.
        results(&found, &scenario, None, args.fresh).await?;
        let keys = found.keys().await?;
        let (number, key) = keys.signing().context("the key ring has no key that signs links")?;
        let link = link::Results::new(scenario, found.now());
        let url = link.url(&found.settings.collector_url, number, key.bytes());
        if args.form.json {
            let (now, expires) = (found.now(), link.expires);
            return shown::json(&json!({ "now": now, "scenario": link.scenario, "url": url, "expires": expires }), out);
        }
        return Ok(writeln!(out, "{url}")?);
    }
    if let Some(who) = &args.who {
        return behind(&found, &playbook, &scenario, who, args, out).await;
    }
    let mut results = results(&found, &scenario, args.by.as_deref(), args.fresh).await?;
    if let Some(begins) = &args.of {
        results.counts = results.counts.of_version(&names::version(&results, &scenario, begins)?);
    }
    names::told_apart(&results, &playbook)?;
    if results.counts.iter().next().is_none() && !args.form.json && !args.form.csv {
        return nobody(&playbook, &scenario, &results, out);
    }
    if args.form.json {
        return shown::json(&told::json(&scenario, &results, found.now()), out);
    }
    if args.form.csv {
        told::rows(&results).csv(out)?;
        return Ok(());
    }
    told::page(&scenario, &playbook, &results, out)
}

/// Says that nobody has entered a scenario yet, and how that comes.
fn nobody(playbook: &Playbook, id: &ScenarioId, results: &Results, out: &mut dyn Write) -> anyhow::Result<()> {
    let at = moment(results.at, playbook.setup.time_zone.get());
    writeln!(out, "{id}: nobody has entered yet, as counted on {at}; --fresh counts anew")?;
    if let Some(scenario) = playbook.scenarios.get(id) {
        let words = Words { playbook, language: En };
        let again = if scenario.trigger == Trigger::ByHand { "" } else { "; or by hand: michi enroll" };
        writeln!(out, "It begins {}{again}", words.trigger(&scenario.trigger))?;
    }
    Ok(())
}

/// That letters can be told apart by this.
fn check_by(playbook: &Playbook, by: &str) -> anyhow::Result<()> {
    let known = names::attributes(playbook);
    // What leads alone know of is found out by counting.
    if !known.contains(by)
        && let Some(meant) = authoring::slip_of(by, known.iter().map(String::as_str))
    {
        bail!("nothing is known as \"{by}\": did you mean \"{meant}\"?");
    }
    Ok(())
}

/// The scenario meant by a name: one of the playbook's, or one that it had and that was counted.
async fn known(found: &Installation, playbook: &Playbook, name: &str) -> anyhow::Result<ScenarioId> {
    let live = named::scenario(playbook, name).map(|(id, _)| id.clone());
    match (live, ScenarioId::parse(name)) {
        (Err(_), Ok(id)) if found.store.kept_report::<Results>(&Results::kept_as(&id, None)).await?.is_some() => Ok(id),
        (live, _) => live,
    }
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
        let now = found.now();
        let all: Vec<_> = all.iter().map(|(scenario, results)| told::json(scenario, results, now)).collect();
        return shown::json(&json!({ "now": now, "scenarios": all }), out);
    }
    let zone = playbook.setup.time_zone.get();
    let head = ["scenario", "name", " entered", " under way", " goal", " mql", " left", " letters sent", " clicked", "counted"];
    let mut table = Table::new(&head);
    for (scenario, results) in &all {
        let sum = |key: &str| results.counts.sum(|mark| mark.by.is_none() && mark.figure.defined().key == key).to_string();
        let at = if args.form.csv { results.at.to_string() } else { moment(results.at, zone) };
        let numbers = ["entered", "under-way", "goal", "mql", "left", "sent", "clicked"].map(sum);
        let name = playbook.scenarios.get(scenario).map(|live| live.name.in_language(playbook.setup.language));
        let name = name.unwrap_or_default().to_owned();
        table.row([scenario.to_string(), name].into_iter().chain(numbers).chain([at]));
    }
    Ok(table.write(args.form.csv, "the playbook has no scenarios: write them in scenarios/NAME.yaml", out)?)
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
        return Err(named::unknown("figure", who, DEFINED.map(|one| one.key)));
    }
    let counted = results(found, scenario, args.by.as_deref(), false).await?;
    let live = playbook.scenarios.get(scenario);
    let version = match &args.of {
        Some(begins) => Some(names::version(&counted, scenario, begins)?),
        None => None,
    };
    names::check(&counted, live, who, args)?;
    let wanted = |mark: &Mark| {
        mark.figure.defined().key == who
            && args.step.as_ref().is_none_or(|step| mark.step.as_ref().is_some_and(|of| of.as_str() == step))
            && args.why.as_ref().is_none_or(|why| mark.figure.why() == *why)
            && version.as_ref().is_none_or(|version| mark.version == *version)
            && args.mail.as_ref().is_none_or(|mail| mark.letter.as_ref().is_some_and(|of| of.mail.as_str() == mail))
            && args.subject.is_none_or(|number| mark.letter.as_ref().is_some_and(|of| of.subject.number + 1 == number))
            && mark.by.is_some() == args.by.is_some()
            && args.value.as_ref().is_none_or(|value| mark.by.as_ref() == Some(value))
    };
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
        let told = json!({ "now": now, "scenario": scenario, "figure": who, "leads": behind });
        return shown::json(&told, out);
    }
    let leads = shown::counted(behind.len(), "lead", "leads");
    // In a form that `michi mail --list` takes.
    let mut table = Table::new(&["email", "name", "company", "id"]);
    for one in behind {
        let text = |text: Option<String>| text.unwrap_or_default();
        table.row([text(one.email), text(one.name), text(one.company), one.id.to_string()]);
    }
    table.write(args.form.csv, "nobody is behind this number", out)?;
    if args.form.csv {
        return Ok(());
    }
    let (then, at) = (counted.counts.sum(wanted), moment(counted.at, playbook.setup.time_zone.get()));
    writeln!(out, "{leads}; the number is {number} now and was {then} when it was counted, on {at}")?;
    if let Some(said) = crate::audience::unreadable(unreadable.count) {
        write!(out, "{said}")?;
    }
    Ok(())
}
