//! `michi simulate`: who would get what on which day, before it goes out.
//!
//! The engine itself goes along the scenario with a copy of each lead, by a clock that jumps. Nothing is written anywhere.

mod shown;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use futures::StreamExt as _;
use indicatif::ProgressBar;
use jiff::Timestamp;
use michi::activity::{Log, LogOwner};
use michi::id::LeadId;
use michi::io::Clock;
use michi::playbook::Playbook;
use michi::scenario::simulate::{Assume, Course, Rates, Report, Simulation, examples, listed};

use crate::account::{Installation, Target};
use crate::import::columns::{Column, Named};
use crate::import::list::{self, Known, Reading};
use crate::plan::Candidate;
use crate::shown::Form;
use crate::{everybody, lead, named};

/// What `michi simulate` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct SimulateArgs {
    /// The scenario; without one, all run together, as they would share the leads' attention
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// The people on this list instead of the leads there are: a CSV file. They are taken as having agreed to mail
    #[arg(long, alias = "leads", value_name = "FILE", conflicts_with_all = ["lead", "examples"])]
    pub list: Option<PathBuf>,
    /// What a column of the list says, where its heading is not known: `Adresse=email`; `Private mail=` leaves it out. May be
    /// given again
    #[arg(long = "column", value_name = "HEADING=ATTRIBUTE", requires = "list")]
    pub columns: Vec<Named>,
    /// Only this lead
    #[arg(long, value_name = "ID|ADDRESS", conflicts_with = "examples")]
    pub lead: Option<String>,
    /// Some people made up for the purpose instead of the leads there are
    #[arg(long)]
    pub examples: bool,
    /// For how many days
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub days: u32,
    /// What people do meanwhile: everything that is hoped for, nothing, or what they did so far, as often as they did
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Assumed::None)]
    pub assume: Assumed,
    /// By the playbook in this folder instead of the live one. With --list or --examples no installation is asked then
    #[arg(long, value_name = "DIR")]
    pub playbook: Option<PathBuf>,
    /// In which form. `--csv` writes a line for each letter.
    #[command(flatten)]
    pub form: Form,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// What people are assumed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Assumed {
    /// They open and click, give the first answer, and do what is waited for
    Best,
    /// Nothing
    None,
    /// As often as the logs show
    History,
}

/// Whose courses are simulated, and by what.
struct Ground {
    playbook: Playbook,
    now: Timestamp,
    /// Who they are, in words.
    people: String,
    leads: Vec<(LeadId, Log)>,
    /// They are taken as having agreed to mail.
    agreed: bool,
}

/// Everything that is shown.
struct Simulated<'s> {
    simulation: &'s Simulation<'s>,
    people: &'s str,
    courses: &'s [Course],
    report: Report,
}

/// Runs `michi simulate`.
///
/// # Errors
/// As [`show`].
pub fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    crate::shown::run(async |out| show(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Writes what would happen.
///
/// # Errors
/// Says what is wrong with the playbook, the list or the name, or that the installation does not answer.
pub async fn show(args: &SimulateArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let Ground { playbook, now, people, leads, agreed } = ground(args).await?;
    let only = args.scenario.as_ref().map(|name| named::scenario(&playbook, name)).transpose()?.map(|(id, _)| id.clone());
    if playbook.scenarios.is_empty() {
        bail!("the playbook has no scenarios: write them in scenarios/NAME.yaml");
    }
    let assume = match args.assume {
        Assumed::Best => Assume::Best,
        Assumed::None => Assume::Nothing,
        Assumed::History => Assume::History(Rates::of(&playbook, leads.iter().map(|(_, log)| log), now)),
    };
    let version = playbook.version();
    let simulation = Simulation { playbook: &playbook, version, only, begin: now, days: args.days, assume, agreed };
    let progress = everybody::progress(leads.len())?;
    let courses = all(&simulation, leads, &progress)?;
    progress.finish_and_clear();
    let report = Report::of(&simulation, &courses);
    let simulated = Simulated { simulation: &simulation, people: &people, courses: &courses, report };
    match args.form {
        Form { json: true, .. } => simulated.json(out),
        Form { csv: true, .. } => simulated.csv(out),
        Form { .. } => simulated.text(out),
    }
}

/// Lets every lead go; the machine's processors share the leads.
fn all(simulation: &Simulation<'_>, leads: Vec<(LeadId, Log)>, progress: &ProgressBar) -> anyhow::Result<Vec<Course>> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = leads.len().div_ceil(threads).max(1);
    let run = |part: &[(LeadId, Log)]| -> Vec<Course> {
        let one = |(lead, log): &(LeadId, Log)| {
            progress.inc(1);
            simulation.run(lead, log.clone(), vec![])
        };
        part.iter().map(one).collect()
    };
    std::thread::scope(|scope| {
        let run = &run;
        let parts: Vec<_> = leads.chunks(share).map(|part| scope.spawn(move || run(part))).collect();
        let mut courses = Vec::with_capacity(leads.len());
        for part in parts {
            let part = part
                .join()
                .map_err(|_| anyhow!("a lead's course ended with a defect in michi itself: nothing is said of any"))?;
            courses.extend(part);
        }
        Ok(courses)
    })
}

/// The playbook and the leads.
async fn ground(args: &SimulateArgs) -> anyhow::Result<Ground> {
    if let (Some(folder), true) = (&args.playbook, args.list.is_some() || args.examples) {
        let playbook = Candidate::load(folder)?.playbook;
        let now = Clock::System.now();
        return match &args.list {
            Some(file) => from_list(playbook, file, &args.columns, now),
            None => Ok(made_up(playbook, now)),
        };
    }
    let found = args.target.open().await?;
    let live = found.playbook().await?;
    let playbook = match &args.playbook {
        Some(folder) => Candidate::load(folder)?.within(&found).playbook,
        None => (*live.playbook).clone(),
    };
    let now = found.now();
    if let Some(file) = &args.list {
        return from_list(playbook, file, &args.columns, now);
    }
    if args.examples {
        return Ok(made_up(playbook, now));
    }
    let ids = match &args.lead {
        Some(who) => vec![lead::meant(&found, who).await?],
        None => everybody::all(&found.store, &live.playbook).await?,
    };
    if ids.is_empty() {
        return Ok(made_up(playbook, now));
    }
    let (leads, unreadable) = logs(&found, ids).await?;
    let mut people = crate::shown::counted(leads.len(), "lead of the installation", "leads of the installation");
    if unreadable > 0 {
        people.push_str(&format!(", without {unreadable} that cannot be read"));
    }
    Ok(Ground { playbook, now, people, leads, agreed: false })
}

async fn logs(found: &Installation, ids: Vec<LeadId>) -> anyhow::Result<(Vec<(LeadId, Log)>, usize)> {
    let progress = everybody::progress(ids.len())?;
    let read = async |id: LeadId| {
        let log = found.store.log(&LogOwner::Lead(id.clone())).await;
        log.map(|log| (id, log))
    };
    let mut read = std::pin::pin!(everybody::each(ids, read, &progress));
    let (mut logs, mut unreadable) = (Vec::new(), everybody::Unreadable::default());
    while let Some(one) = read.next().await {
        logs.extend(unreadable.pass(one)?);
    }
    progress.finish_and_clear();
    logs.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok((logs, unreadable.count))
}

fn made_up(playbook: Playbook, now: Timestamp) -> Ground {
    let leads = examples(now);
    let people = format!("{} made up for the purpose", crate::shown::counted(leads.len(), "lead", "leads"));
    Ground { playbook, now, people, leads, agreed: true }
}

fn from_list(playbook: Playbook, file: &Path, columns: &[Named], now: Timestamp) -> anyhow::Result<Ground> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let known = Known { zone: playbook.setup.time_zone.get(), owners: &playbook.setup.owners, now };
    let reading = Reading { named: columns.to_vec(), ignore_unknown: true, ..Reading::default() };
    let list = list::read(&bytes, &reading, &known).with_context(|| file.display().to_string())?;
    let person = |person: list::Person| {
        let address = person.address.to_string();
        let attributes: BTreeMap<String, String> =
            person.attributes.into_iter().chain([("email".to_owned(), address.clone())]).collect();
        listed(&address, attributes, now)
    };
    let refused = list.refused.iter().filter(|row| !row.problem.is_doubt()).count();
    let leads: Vec<(LeadId, Log)> = list.people.into_iter().map(person).collect();
    if leads.is_empty() {
        bail!("{} names nobody", file.display());
    }
    let mut people = format!("{} of {}", crate::shown::counted(leads.len(), "person", "people"), file.display());
    if refused > 0 {
        people.push_str(&format!(", without {refused} that `michi import --dry-run` would refuse"));
    }
    let left: Vec<&str> =
        list.columns.iter().filter(|(_, column)| *column == Column::Left).map(|(heading, _)| heading.as_str()).collect();
    if !left.is_empty() {
        people.push_str(&format!("\n  columns left out: {}; --column 'HEADING=ATTRIBUTE' takes one", left.join(", ")));
    }
    Ok(Ground { playbook, now, people, leads, agreed: true })
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use clap::Parser as _;
    use michi::playbook::authoring;

    use super::*;

    #[derive(clap::Parser)]
    struct Command {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn said(words: &[&str]) -> anyhow::Result<String> {
        let args = Command::try_parse_from([&["simulate"], words].concat()).unwrap().args;
        let mut out = vec![];
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(show(&args, &mut out))?;
        Ok(String::from_utf8(out).unwrap())
    }

    fn default_folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in authoring::default_files() {
            let path = folder.path().join(file.name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.bytes).unwrap();
        }
        folder
    }

    #[test]
    fn the_starters_are_simulated_without_an_installation() {
        let folder = default_folder();
        let dir = folder.path().to_str().unwrap();
        let text = said(&["after-white-paper", "--playbook", dir, "--examples", "--assume", "best"]).unwrap();
        for part in ["4 leads made up", "4 entered", "nobody came to", "how-far/comparing", "three-questions"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let json: serde_json::Value = serde_json::from_str(&said(&["--playbook", dir, "--examples", "--json"]).unwrap()).unwrap();
        assert_eq!(json["report"]["leads"], 4);
        assert_eq!(json["report"]["entered"]["after-white-paper"], 4);
        let csv = said(&["wake-the-quiet", "--playbook", dir, "--examples", "--csv"]).unwrap();
        assert!(csv.starts_with("lead,email,scenario,step,mail,owed,sent,held_by\r\n"), "{csv}");
        let wrong = said(&["after-whitepaper", "--playbook", dir, "--examples"]).unwrap_err().to_string();
        assert!(wrong.contains("after-white-paper"), "{wrong}");
    }

    #[test]
    fn leads_are_told_by_their_dates_and_a_date_that_nobody_has_is_said() {
        let folder = default_folder();
        let scenario = "name: Renewal\ntrigger: { date: { attribute: renewal, offset: -3d } }\nsteps: [{ mail: { id: a, send: welcome } }]\n";
        std::fs::write(folder.path().join("scenarios/renew.yaml"), scenario).unwrap();
        let list = folder.path().join("people.txt");
        std::fs::write(&list, "email,renewal\na@x.example,2020-01-01\nb@x.example,\n").unwrap();
        let words = ["renew", "--playbook", folder.path().to_str().unwrap(), "--list", list.to_str().unwrap()];
        let text = said(&words).unwrap();
        assert!(text.contains("2  kept out: has no such date") && text.contains("columns left out: renewal;"), "{text}");
        assert!(text.ends_with("0 still waiting at the end, 0 that would never go out\n"), "no table without letters: {text}");
        let text = said(&[&words[..], &["--column", "renewal=renewal"]].concat()).unwrap();
        for part in ["1  kept out: has no such date", "1  kept out: its date passed more than seven days ago"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let left = said(&["--playbook", words[2], "--examples", "--assume", "best", "--days", "120"]).unwrap();
        assert!(left.contains("left: came to the end"), "{left}");
    }

    #[test]
    fn a_list_is_simulated_and_a_year_of_it_takes_seconds() {
        let folder = default_folder();
        let mut csv = "email,company,role,employees\n".to_owned();
        for n in 0..200 {
            writeln!(csv, "p{n}@corp{n}.example,Corp {n},Director,{n}").unwrap();
        }
        let list = folder.path().join("people.csv.txt");
        std::fs::write(&list, csv).unwrap();
        let (dir, list) = (folder.path().to_str().unwrap(), list.to_str().unwrap());
        let began = std::time::Instant::now();
        let text = said(&["--playbook", dir, "--leads", list, "--days", "365", "--assume", "best"]).unwrap();
        assert!(text.contains("200 people of") && !text.contains("left out"), "{text}");
        assert!(began.elapsed().as_secs() < 60, "{:?}", began.elapsed());
    }
}
