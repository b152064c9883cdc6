//! Pausing a scenario or one lead in it, going on, and ending it for all or for one.
//!
//! Each of these may be repeated, and broken off and repeated: what is done already is left alone.

use std::io::Write;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use michi::id::{LeadId, ScenarioId};
use michi::io::store::{DueKey, Found, Lies, Open, Pause, Progress};
use michi::io::{Error, Retry, Store};
use michi::scenario::{Advance, Enrollment, Left, Waiting};
use serde::Serialize;

use super::meant;
use crate::account::{Installation, Target};
use crate::deliver::By;
use crate::everybody;
use crate::lead;
use crate::output;
use crate::shown::{self, counted};

/// Whom a command is about.
#[derive(Debug, Clone, clap::Args)]
pub struct Whom {
    /// The scenario, by its id
    pub scenario: String,
    /// Only this lead, by its id or its mail address
    #[arg(long, value_name = "ID|ADDRESS")]
    pub lead: Option<String>,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// What `michi pause` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct PauseArgs {
    /// Who pauses it.
    #[command(flatten)]
    pub by: By,
    /// Whom.
    #[command(flatten)]
    pub whom: Whom,
}

/// What `michi resume` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct ResumeArgs {
    /// Whom.
    #[command(flatten)]
    pub whom: Whom,
}

/// What `michi stop` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct StopArgs {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Whom.
    #[command(flatten)]
    pub whom: Whom,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Halted {
    /// The scenario.
    pub scenario: ScenarioId,
    /// The one lead that was meant; none: all of them.
    pub lead: Option<LeadId>,
    /// Since when the scenario as a whole is paused, and by whom; none: it is not.
    pub paused: Option<Pause>,
    /// How many leads it was done with.
    pub leads: usize,
    /// How many of them were under way there.
    pub under_way: usize,
}

/// What stopping does not end.
const NEWCOMERS: &str = "Who meets its trigger from now on still enters";
/// How often one enrollment is read anew when `step` was faster.
const REREADS: usize = 8;
/// How often the index is asked for what lies aside, and so long in between it may be behind.
const LOOKS: usize = 3;
const BEHIND: Duration = Duration::from_secs(1);

/// Runs `michi pause`.
///
/// # Errors
/// If there is no such scenario or lead, or the installation does not answer.
pub fn run_pause(args: &PauseArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        let halted = pause(args).await?;
        let id = &halted.scenario;
        let said = match &args.whom.lead {
            Some(_) if halted.under_way == 0 => format!("the lead is not under way in {id}\n"),
            Some(_) => format!("the lead rests in {id} until: michi resume {id} --lead …\n"),
            None => format!(
                "{id} is paused: nobody goes on in it, {} under way. Who meets its trigger still enters, and waits. Mail that is \
                 owed already goes out. Go on: michi resume {id}\n",
                counted(halted.under_way, "lead is", "leads are")
            ),
        };
        tell(&halted, args.whom.json, &said, out)
    })
}

/// Runs `michi resume`.
///
/// # Errors
/// If there is no such scenario or lead, or the installation does not answer.
pub fn run_resume(args: &ResumeArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        let halted = resume(args).await?;
        let id = &halted.scenario;
        let said = match &args.whom.lead {
            Some(_) => {
                let itself = match (halted.leads, &halted.paused) {
                    (0, _) => "the lead was not paused by itself",
                    (_, Some(_)) => "the lead rests no more by itself",
                    (_, None) => "the lead goes on",
                };
                match &halted.paused {
                    Some(pause) => format!("{itself} in {id}, which {} has paused for all: michi resume {id}\n", pause.by),
                    None => format!("{itself} in {id}\n"),
                }
            }
            None => format!(
                "{id} goes on: {} taken up that fell due meanwhile; each step's rule for lateness says what it does now\n",
                counted(halted.leads, "lead is", "leads are")
            ),
        };
        tell(&halted, args.whom.json, &said, out)
    })
}

/// Runs `michi stop`.
///
/// # Errors
/// If there is no such scenario or lead, or the installation does not answer.
pub fn run_stop(args: &StopArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        let halted = stop(args).await?;
        let id = &halted.scenario;
        let said = match &args.whom.lead {
            Some(_) if halted.leads == 0 => format!("the lead is not under way in {id}\n"),
            Some(_) => format!("the lead has left {id}\n"),
            None => format!(
                "{} left {id}, and letters that had not gone out are withdrawn. {NEWCOMERS}: `under_way: drain` in its file keeps \
                 everybody out\n",
                counted(halted.leads, "lead has", "leads have")
            ),
        };
        tell(&halted, args.whom.json, &said, out)
    })
}

fn tell(halted: &Halted, json: bool, said: &str, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    if json {
        shown::json(halted, out)?
    } else {
        write!(out, "{said}")?
    }
    Ok(ExitCode::SUCCESS)
}

/// Lets nobody go on in a scenario, or one lead rest.
///
/// # Errors
/// If there is no such scenario or lead, or the installation does not answer.
pub async fn pause(args: &PauseArgs) -> anyhow::Result<Halted> {
    let found = args.whom.target.open().await?;
    let (scenario, lead) = about(&found, &args.whom).await?;
    if lead.is_some() {
        let keys = meant_keys(&found, &scenario, lead.as_ref()).await?;
        let (leads, under_way) = each(keys, |key| rest(&found.store, key)).await?;
        return halted(&found, scenario, lead, leads, under_way).await;
    }
    found.store.pause(&scenario, &Pause { since: found.now(), by: args.by.name()? }).await?;
    let under_way = found.store.open_enrollments(Some(&scenario)).await?.len();
    halted(&found, scenario, lead, under_way, under_way).await
}

/// Takes a pause away, and makes due again what fell due meanwhile.
///
/// # Errors
/// If there is no such scenario or lead, or the installation does not answer.
pub async fn resume(args: &ResumeArgs) -> anyhow::Result<Halted> {
    let found = args.whom.target.open().await?;
    let (scenario, lead) = about(&found, &args.whom).await?;
    let store = &found.store;
    if lead.is_some() {
        let keys = meant_keys(&found, &scenario, lead.as_ref()).await?;
        let (leads, under_way) = each(keys, |key| go_on(store, key, true, found.now())).await?;
        return halted(&found, scenario, lead, leads, under_way).await;
    }
    // First the pause: from then on nobody is laid aside. The index may be a moment behind, so it is asked until it is empty.
    store.unpause(&scenario).await?;
    let (mut leads, mut under_way) = (0, 0);
    for _ in 0..LOOKS {
        let mut open = store.open_enrollments(Some(&scenario)).await?;
        under_way = open.len();
        open.retain(|open| open.lies == Lies::Paused);
        leads += each(open.iter().map(Open::key).collect(), |key| go_on(store, key, false, found.now())).await?.0;
        tokio::time::sleep(BEHIND).await;
    }
    halted(&found, scenario, None, leads, under_way).await
}

/// Ends a scenario for everybody under way, or for one lead, once somebody who has seen how many agrees.
///
/// # Errors
/// If there is no such scenario or lead, nobody agrees, or the installation does not answer.
pub async fn stop(args: &StopArgs) -> anyhow::Result<Halted> {
    output::asks_no_program(args.whom.json, args.yes, "--yes")?;
    let found = args.whom.target.open().await?;
    let (scenario, lead) = about(&found, &args.whom).await?;
    let keys = meant_keys(&found, &scenario, lead.as_ref()).await?;
    if !keys.is_empty() && !args.yes {
        let leave = match lead {
            Some(_) => format!("The lead leaves {scenario} for good."),
            None => format!("{} {scenario} for good. {NEWCOMERS}.", counted(keys.len(), "lead leaves", "leads leave")),
        };
        output::agreed(false, &format!("{leave}\nLetters of it that have not gone out are withdrawn. Go on?"))?;
    }
    let (leads, under_way) = each(keys, |key| end(&found.store, key, found.now())).await?;
    halted(&found, scenario, lead, leads, under_way).await
}

/// The scenario and the lead that are meant.
async fn about(found: &Installation, whom: &Whom) -> anyhow::Result<(ScenarioId, Option<LeadId>)> {
    let scenario = meant(found, &whom.scenario).await?;
    let lead = match &whom.lead {
        Some(who) => Some(lead::meant(found, who).await?),
        None => None,
    };
    Ok((scenario, lead))
}

/// The open enrollments that are meant: those of all, or of one lead.
async fn meant_keys(found: &Installation, scenario: &ScenarioId, lead: Option<&LeadId>) -> Result<Vec<DueKey>, Error> {
    match lead {
        Some(lead) => of_lead(&found.store, lead, scenario).await,
        None => Ok(found.store.open_enrollments(Some(scenario)).await?.iter().map(Open::key).collect()),
    }
}

/// What was done, with what holds of the scenario now.
async fn halted(
    found: &Installation,
    scenario: ScenarioId,
    lead: Option<LeadId>,
    leads: usize,
    under_way: usize,
) -> anyhow::Result<Halted> {
    let paused = found.store.pauses().await?.remove(&scenario);
    Ok(Halted { scenario, lead, paused, leads, under_way })
}

/// Does something with each of these; answers with how many it was done, and of how many.
async fn each<F: Future<Output = Result<bool, Error>>>(
    keys: Vec<DueKey>,
    work: impl Fn(DueKey) -> F,
) -> anyhow::Result<(usize, usize)> {
    let (under_way, mut leads) = (keys.len(), 0);
    let progress = everybody::progress(under_way)?;
    let mut done = pin!(everybody::each(keys, work, &progress));
    while let Some(done) = done.next().await {
        leads += usize::from(done?);
    }
    progress.finish_and_clear();
    Ok((leads, under_way))
}

async fn of_lead(store: &Store, lead: &LeadId, scenario: &ScenarioId) -> Result<Vec<DueKey>, Error> {
    let all = store.enrollments_of(lead).await?;
    Ok(all.iter().filter(|one| one.scenario == *scenario).map(DueKey::of_enrollment).collect())
}

/// Reads an enrollment and changes it, and again as long as `step` was faster.
async fn change<F: Future<Output = Result<bool, Error>>>(
    store: &Store,
    key: DueKey,
    work: impl Fn(Enrollment) -> F,
) -> Result<bool, Error> {
    for _ in 0..REREADS {
        let Found::One(enrollment) = store.enrollment(&key).await? else { return Ok(false) };
        match work(enrollment).await {
            Err(error) if error.retry == Retry::Reread => {}
            done => return done,
        }
    }
    Err(Error::later("an enrollment moves all the time: try again"))
}

/// Has one lead rest in a scenario. Answers whether it does by this.
///
/// # Errors
/// If it is not known to rest.
pub async fn rest(store: &Store, key: DueKey) -> Result<bool, Error> {
    change(store, key, |before| async move {
        if matches!(before.waiting, Waiting::Resume { .. }) {
            return Ok(false);
        }
        let waiting = Waiting::Resume { before: Box::new(before.waiting.clone()) };
        let after = Enrollment { waiting, revision: before.revision + 1, ..before.clone() };
        store.put_off_enrollment(&before, &after, Lies::Paused).await.map(|()| true)
    })
    .await
}

/// Makes an enrollment due again, and one that rested by itself at once, if that one is meant. Answers whether it was aside.
///
/// # Errors
/// If it is not known to be due.
pub async fn go_on(store: &Store, key: DueKey, alone: bool, now: Timestamp) -> Result<bool, Error> {
    change(store, key, |before| async move {
        let (waiting, due) = match (&before.waiting, alone) {
            // While it rested nobody looked at what the lead did.
            (Waiting::Resume { before: rested }, true) => ((**rested).clone(), before.due.min(now)),
            (Waiting::Resume { .. }, false) => return Ok(false),
            (_, true) => return Ok(false),
            (waiting, false) => (waiting.clone(), before.due),
        };
        let after = Enrollment { waiting, due, revision: before.revision + 1, ..before.clone() };
        store.put_off_enrollment(&before, &after, Lies::Due).await.map(|()| true)
    })
    .await
}

/// Ends an enrollment by hand. Answers whether it was open.
///
/// # Errors
/// If it is not known to be over.
pub async fn end(store: &Store, key: DueKey, now: Timestamp) -> Result<bool, Error> {
    change(store, key, |before| async move {
        // This machine's clock may be behind the one by which the run began.
        let now = now.max(before.entered + SignedDuration::from_millis(1));
        let record = Advance::ended(&before, Left::ByHand).record(&before, now);
        let taken_back = store.taken_back(&before, &Left::ByHand, now).await?;
        let (record, taken_back) = (record.as_ref(), taken_back.as_ref());
        let progress = Progress { before: &before, after: None, record, scores: false, message: None, taken_back };
        store.advance(&progress).await.map(|()| true)
    })
    .await
}
