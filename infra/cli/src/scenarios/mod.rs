//! `michi scenarios`: which there are and how many leads are under way in each; `michi pause`, `michi resume`, `michi stop`.

mod enroll;
mod halt;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;

use jiff::Timestamp;
use michi::id::ScenarioId;
use michi::io::Versioned;
use michi::io::store::{Lies, Open, Pause};
use michi::playbook::scenario::UnderWay;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::named;
use crate::shown::{self, Form, Table, moment};

pub use enroll::{EnrollArgs, Enrolled, WhomArgs, enroll, let_in, run_enroll};
pub use halt::{Halted, PauseArgs, ResumeArgs, StopArgs, end, go_on, pause, rest, resume, run_pause, run_resume, run_stop, stop};

/// What the columns say, and what can be done, for `--help`.
const WORDS: &str = "\
What the columns say:
  under way  leads that have entered and not left
  aside      of them, those that wait for `michi resume`: what they waited for
             came during a pause
  held       of them, those whose next step failed time and again: `michi
             doctor` says why, `michi redrive` goes on
  next       when the first of the others is looked at
A lead is ready for sales at the stage mql (marketing qualified lead): `michi
results` counts who came to it.

Examples:
  michi enroll trial --segment warm --dry-run   who would enter, and who not
  michi enroll trial --list expo.csv --occasion expo
  michi pause trial                             on again with `michi resume`
  michi stop trial --lead ann@example.com       one lead leaves";

/// What `michi scenarios` takes.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = WORDS)]
pub struct ScenariosArgs {
    /// In which form.
    #[command(flatten)]
    pub form: Form,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// A scenario, and who is under way in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Listed {
    /// Its id.
    pub scenario: ScenarioId,
    /// Its name, in the playbook's language; none: the live playbook has no such scenario.
    pub name: Option<String>,
    /// Nobody enters any more.
    pub draining: bool,
    /// Since when it is paused, and by whom.
    pub paused: Option<Pause>,
    /// Leads under way.
    pub under_way: usize,
    /// Of them, those that lie aside: what they wait for has come while they were paused.
    pub aside: usize,
    /// Of them, those that failed time and again: a person must look.
    pub held: usize,
    /// When the first of the others is looked at next.
    pub next: Option<Timestamp>,
}

/// Runs `michi scenarios`.
///
/// # Errors
/// If the installation does not answer.
pub fn run(args: &ScenariosArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| show(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Writes the list.
///
/// # Errors
/// If the installation does not answer.
pub async fn show(args: &ScenariosArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let live = found.playbook().await?;
    let listed = list(&live, &found.store.open_enrollments(None).await?, &found.store.pauses().await?);
    if args.form.json {
        return shown::json(&serde_json::json!({ "now": found.now(), "playbook": live.version, "scenarios": listed }), out);
    }
    let zone = live.playbook.setup.time_zone.get();
    let mut table = Table::new(&["scenario", "name", " under way", " aside", " held", "next", "state"]);
    for one in &listed {
        let next = one.next.map(|next| moment(next, zone)).unwrap_or_default();
        let name = one.name.clone().unwrap_or_default();
        let counts = [one.under_way, one.aside, one.held].map(|count| count.to_string());
        let [under_way, aside, held] = counts;
        table.row([one.scenario.to_string(), name, under_way, aside, held, next, one.state(|at| moment(at, zone))]);
    }
    Ok(table.write(args.form.csv, "the playbook has no scenarios: write them in scenarios/NAME.yaml", out)?)
}

/// Every scenario that is live, paused, or has leads under way.
#[must_use]
pub fn list(live: &Versioned, open: &[Open], pauses: &BTreeMap<ScenarioId, Pause>) -> Vec<Listed> {
    let scenarios = &live.playbook.scenarios;
    let all: BTreeSet<&ScenarioId> =
        scenarios.keys().chain(open.iter().map(|open| &open.scenario)).chain(pauses.keys()).collect();
    let listed = all.into_iter().map(|id| {
        let own: Vec<&Open> = open.iter().filter(|open| open.scenario == *id).collect();
        let count = |lies| own.iter().filter(|open| open.lies == lies).count();
        let scenario = scenarios.get(id);
        Listed {
            scenario: id.clone(),
            name: scenario.map(|scenario| scenario.name.in_language(live.playbook.setup.language).to_owned()),
            draining: scenario.is_some_and(|scenario| scenario.under_way == UnderWay::Drain),
            paused: pauses.get(id).cloned(),
            under_way: own.len(),
            aside: count(Lies::Paused),
            held: count(Lies::Held),
            next: own.iter().filter(|open| open.lies == Lies::Due).map(|open| open.due).min(),
        }
    });
    listed.collect()
}

impl Listed {
    fn state(&self, said: impl Fn(Timestamp) -> String) -> String {
        let mut state = match (&self.name, self.draining) {
            (None, _) => "not in the live playbook: who is under way leaves".to_owned(),
            (Some(_), true) => "nobody enters any more".to_owned(),
            (Some(_), false) => "live".to_owned(),
        };
        if let Some(pause) = &self.paused {
            state += &format!(", paused since {} by {}", said(pause.since), pause.by);
        }
        state
    }
}

/// The scenario that is meant: one of the live playbook, or one in which somebody is under way still.
///
/// # Errors
/// If there is none, with the one that was probably meant.
pub(crate) async fn meant(found: &Installation, name: &str) -> anyhow::Result<ScenarioId> {
    let live = found.playbook().await?;
    if let Some((id, _)) = live.playbook.scenarios.iter().find(|(id, _)| id.as_str() == name) {
        return Ok(id.clone());
    }
    let (open, pauses) = (found.store.open_enrollments(None).await?, found.store.pauses().await?);
    let listed = list(&live, &open, &pauses);
    let meant = listed.iter().find(|one| one.scenario.as_str() == name).map(|one| one.scenario.clone());
    meant.ok_or_else(|| named::unknown("scenario", name, listed.iter().map(|one| one.scenario.as_str())))
}
