//! Everything in short, and whether it is well.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use michi::id::{PlaybookVersion, ScenarioId};
use michi::link::Results;
use michi::playbook::scenario::Scenario;
use serde::Serialize;

use super::clock::{self, PaceNamed};
use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::queues::{self, Counts};
use super::text::{line, plain};
use super::{Console, leads};

/// `health.json`. Its status is 200 also where it is not well.
#[derive(Serialize)]
struct Health {
    /// The playbook's files are sound, nothing is overdue, held, given up or in quarantine.
    ok: bool,
    /// michi's own version.
    version: &'static str,
    now: Timestamp,
    pace: PaceNamed,
    playbook: PlaybookHealth,
    /// How many mails were sent.
    mails: usize,
    /// How many leads there are.
    leads: usize,
    queues: Counts,
}

/// The playbook in use.
#[derive(Serialize)]
struct PlaybookHealth {
    version: PlaybookVersion,
    /// Where its files are; null: it is the one built in.
    folder: Option<String>,
    /// What keeps the files as they are now from being used, every mistake with its place; null: nothing does.
    error: Option<String>,
}

pub(super) async fn json(State(console): State<Console>) -> Result<Response, Refusal> {
    page::json(&health(&console).await?)
}

async fn health(console: &Console) -> Result<Health, Refusal> {
    let (suite, desk) = (&console.suite, console.suite.desk());
    let queues = queues::counts(suite)?;
    let error = desk.mistakes().map(str::to_owned);
    Ok(Health {
        ok: error.is_none() && queues.is_well(),
        version: env!("CARGO_PKG_VERSION"),
        now: suite.now(),
        pace: clock::pace(console),
        playbook: PlaybookHealth {
            version: suite.own().playbook().await?.version,
            folder: desk.folder().map(|folder| folder.display().to_string()),
            error,
        },
        mails: suite.mailbox().mails().len(),
        leads: leads::counts(console)?.values().sum(),
        queues,
    })
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    health: Health,
    pace: String,
    /// The mistakes of the playbook's files, as they are laid out in a terminal.
    mistakes: Option<String>,
    write_key: String,
    /// Where the suite is reached, without a slash at the end.
    address: String,
    /// The folder where everything is kept.
    data: Option<String>,
    last_mail: Option<(Moment, String)>,
    /// Stage and number of leads.
    stages: Vec<(&'static str, usize)>,
    /// Name of each scenario, and the page with what came of it.
    scenarios: Vec<(String, String)>,
    facts: usize,
    functions: usize,
    runs: usize,
    errors: usize,
    last_beacon: Option<Moment>,
    refusals: usize,
}

pub(super) async fn show(State(console): State<Console>) -> Result<Response, Refusal> {
    let (suite, reader) = (&console.suite, Reader::of(&console));
    let health = health(&console).await?;
    let (runs, observed, options) = (suite.runs(), suite.observed(), suite.options());
    let last_mail = suite.mailbox().mails().last().map(|mail| (reader.said(mail.at), line(&mail.subject)));
    page::render(&OverviewPage {
        frame: Frame::new(&console, "", "Overview").refreshing(),
        pace: health.pace.words(),
        mistakes: health.playbook.error.as_deref().map(plain),
        health,
        write_key: suite.desk().playbook().setup.write_key.to_string(),
        address: options.collector_url.clone(),
        data: options.data.as_ref().map(|folder| folder.display().to_string()),
        last_mail,
        stages: leads::counts(&console)?.into_iter().map(|(stage, count)| (page::stage(stage), count)).collect(),
        scenarios: scenarios(&console),
        facts: suite.bus().entries().len(),
        functions: suite.wiring().functions.len(),
        runs: runs.len(),
        errors: runs.iter().filter(|run| run.error.is_some()).count(),
        last_beacon: observed.origins.values().filter_map(|beacon| beacon.last).max().map(|at| reader.said(at)),
        refusals: observed.origins.values().map(|beacon| beacon.refusals.len()).sum(),
    })
}

/// The pages to which `michi results SCENARIO --link` leads.
fn scenarios(console: &Console) -> Vec<(String, String)> {
    let (suite, own) = (&console.suite, console.suite.own());
    let Some((number, key)) = own.keys.signing() else { return vec![] };
    let page = |(id, scenario): (&ScenarioId, &Scenario)| {
        let link = Results::new(id.clone(), suite.now());
        (line(&scenario.name.en), link.url(&suite.options().collector_url, number, key.bytes()))
    };
    suite.desk().playbook().scenarios.iter().map(page).collect()
}

impl Counts {
    fn is_well(self) -> bool {
        let Self { waiting: _, overdue, held_messages, held_enrollments, held_facts, given_up, quarantined, suspects: _ } = self;
        overdue + held_messages + held_enrollments + held_facts + given_up + quarantined == 0
    }
}
