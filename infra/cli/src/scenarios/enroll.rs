//! `michi enroll`: lets leads into a scenario by hand.
//!
//! An entry's id comes from the occasion, so that a command that was broken off is repeated, and lets nobody in twice.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::Context as _;
use futures::StreamExt as _;
use jiff::Timestamp;
use michi::activity::LogOwner;
use michi::condition::Condition;
use michi::fold::Folded;
use michi::id::{LeadId, ScenarioId};
use michi::io::store::{LeadItem, Save};
use michi::io::{Error, Retry, Store, Versioned};
use michi::scenario::Enrollment;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::everybody::{self, Unreadable};
use crate::import::columns::Named;
use crate::mail::list;
use crate::shown::{self, counted};
use crate::{audience, lead, named, output, segment};

/// What `michi enroll` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct EnrollArgs {
    /// The scenario, by its id
    pub scenario: String,
    /// Whom.
    #[command(flatten)]
    pub whom: WhomArgs,
    /// What it is for. Whoever entered on this occasion does not enter by it again, so a command that was broken off may be
    /// repeated as it was [default: today's date]
    #[arg(long, value_name = "NAME")]
    pub occasion: Option<String>,
    /// Only say who would enter
    #[arg(long)]
    pub dry_run: bool,
    /// What a column of the list says, where its heading is not known: `Adresse=email`; `Private mail=` leaves it out. May be
    /// given again
    #[arg(long = "column", value_name = "HEADING=ATTRIBUTE", requires = "list")]
    pub columns: Vec<Named>,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// As JSON: fields are added, never renamed; asks nothing, so it goes with --dry-run or --yes
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// Whom a scenario shall take in.
#[derive(Debug, Clone, Default, clap::Args)]
#[group(required = true, multiple = false)]
pub struct WhomArgs {
    /// Everybody in this segment
    #[arg(long, value_name = "NAME")]
    pub segment: Option<String>,
    /// These leads, by id or mail address
    #[arg(long, value_name = "ID|ADDRESS")]
    pub lead: Vec<String>,
    /// The leads on this list: a CSV file with a column of mail addresses
    #[arg(long, alias = "csv", value_name = "FILE")]
    pub list: Option<PathBuf>,
}

/// Who has entered, and why the others have not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enrolled {
    /// The scenario.
    pub scenario: ScenarioId,
    /// The occasion.
    pub occasion: String,
    /// Nothing was written.
    pub dry_run: bool,
    /// How many leads were meant.
    pub leads: usize,
    /// How many have entered, or would.
    pub entered: usize,
    /// How many have not, by why.
    pub kept_out: BTreeMap<String, usize>,
    /// Addresses on the list that are nobody's.
    pub strangers: usize,
    /// Rows of the list that cannot be used: where, why, and what to do about it.
    pub refused: Vec<String>,
    /// Leads that cannot be read.
    pub unreadable: usize,
}

/// How often a lead is read anew when `score` was faster.
const REREADS: usize = 8;

/// Why a lead is kept out of which nothing is saved.
const GONE: &str = "there is no such lead any more";
const NEW: &str = "is new, and being looked at: try again in a minute";

/// What a look at a lead comes to.
enum Look {
    /// It is not meant.
    NotMeant,
    /// It has entered, or would.
    Enters,
    /// It has not.
    KeptOut(String),
}

/// What leads are let into.
struct Door<'d> {
    store: &'d Store,
    now: &'d (dyn Fn() -> Timestamp + Sync),
    live: &'d Versioned,
    scenario: &'d ScenarioId,
    occasion: &'d str,
    /// Only who is in this segment.
    only: Option<&'d Condition>,
}

/// Runs `michi enroll`.
///
/// # Errors
/// If there is no such scenario, segment or lead, or the installation does not answer. Whoever entered before that stays in.
pub fn run_enroll(args: &EnrollArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        let enrolled = enroll(args).await?;
        if args.json {
            shown::json(&enrolled, out)?
        } else {
            write!(out, "{}", enrolled.said())?
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Lets them in, once somebody who has seen how many agrees.
///
/// # Errors
/// If there is no such scenario, segment or lead, or the installation does not answer. Whoever entered before that stays in.
pub async fn enroll(args: &EnrollArgs) -> anyhow::Result<Enrolled> {
    output::asks_no_program(args.json, args.yes || args.dry_run, "--dry-run or --yes")?;
    let found = args.target.open().await?;
    let (live, now) = (found.playbook().await?, found.now());
    let scenario = named::scenario(&live.playbook, &args.scenario)?.0.clone();
    let today = || now.to_zoned(live.playbook.setup.time_zone.get().clone()).date().to_string();
    let occasion = args.occasion.clone().unwrap_or_else(today);
    let only = match &args.whom.segment {
        Some(name) => Some(segment::meant(&live.playbook, name)?.1),
        None => None,
    };
    let (leads, strangers, refused) = meant(&found, &live, args).await?;
    let clock = || found.now();
    let door = Door { store: &found.store, now: &clock, live: &live, scenario: &scenario, occasion: &occasion, only };
    let (mut told, entering) = door.all(leads, true).await?;
    (told.strangers, told.refused) = (strangers, refused);
    if args.dry_run || entering.is_empty() {
        return Ok(Enrolled { dry_run: args.dry_run, ..told });
    }
    if !args.yes {
        // Before the question, which does not wait for what else is said.
        output::write(&Enrolled { dry_run: true, ..told.clone() }.said())?;
        let enter = counted(entering.len(), "lead enters", "leads enter");
        output::agreed(false, &format!("\n{enter} {scenario} on the occasion \"{occasion}\". Go on?"))?;
    }
    let (done, _) = door.all(entering, false).await?;
    for (why, count) in done.kept_out {
        *told.kept_out.entry(why).or_default() += count;
    }
    Ok(Enrolled { entered: done.entered, unreadable: told.unreadable + done.unreadable, dry_run: false, ..told })
}

/// Lets one lead in, as the command does; answers why it was kept out, if it was.
///
/// # Errors
/// If it is not known to have entered.
pub async fn let_in(
    store: &Store,
    live: &Versioned,
    scenario: &ScenarioId,
    occasion: &str,
    lead: &LeadId,
    now: Timestamp,
) -> Result<Option<String>, Error> {
    let door = Door { store, now: &|| now, live, scenario, occasion, only: None };
    Ok(match door.one(lead, false).await? {
        Look::Enters => None,
        Look::NotMeant => Some("there is no such scenario".to_owned()),
        Look::KeptOut(why) => Some(why),
    })
}

/// Who is meant, or may be; how many addresses are nobody's; and which rows of a list cannot be used.
async fn meant(found: &Installation, live: &Versioned, args: &EnrollArgs) -> anyhow::Result<(Vec<LeadId>, usize, Vec<String>)> {
    let whom = &args.whom;
    if let Some(file) = &whom.list {
        let listed = list::read(file, &args.columns, &live.playbook, &found.keys().await?, found.now())?;
        let (leads, strangers) = list::leads(&found.store, &listed.hashes).await?;
        return Ok((leads, strangers, listed.refused));
    }
    if whom.segment.is_some() {
        return Ok((everybody::all(&found.store, &live.playbook).await?, 0, vec![]));
    }
    let mut leads = Vec::new();
    for who in &whom.lead {
        leads.push(lead::meant(found, who).await.with_context(|| who.clone())?);
    }
    leads.sort_unstable();
    leads.dedup();
    Ok((leads, 0, vec![]))
}

impl Door<'_> {
    /// Looks at all of them; answers how many there are of what, and who enters.
    async fn all(&self, leads: Vec<LeadId>, dry_run: bool) -> anyhow::Result<(Enrolled, Vec<LeadId>)> {
        let mut told = Enrolled {
            scenario: self.scenario.clone(),
            occasion: self.occasion.to_owned(),
            dry_run,
            leads: 0,
            entered: 0,
            kept_out: BTreeMap::new(),
            strangers: 0,
            refused: vec![],
            unreadable: 0,
        };
        let (progress, mut unreadable, mut entering) = (everybody::progress(leads.len())?, Unreadable::default(), Vec::new());
        let look = |lead: LeadId| async move { self.one(&lead, dry_run).await.map(|look| (lead, look)) };
        let mut looks = pin!(everybody::each(leads, look, &progress));
        while let Some(look) = looks.next().await {
            match unreadable.pass(look)? {
                None | Some((_, Look::NotMeant)) => continue,
                Some((lead, Look::Enters)) => entering.push(lead),
                Some((_, Look::KeptOut(why))) => *told.kept_out.entry(why).or_default() += 1,
            }
            told.leads += 1;
        }
        progress.finish_and_clear();
        (told.entered, told.unreadable) = (entering.len(), unreadable.count);
        Ok((told, entering))
    }

    async fn one(&self, id: &LeadId, dry_run: bool) -> Result<Look, Error> {
        for _ in 0..REREADS {
            match self.look(id, dry_run).await {
                Err(error) if error.retry == Retry::Reread => {}
                done => return done,
            }
        }
        Err(Error::later("a lead changes all the time: try again"))
    }

    async fn look(&self, id: &LeadId, dry_run: bool) -> Result<Look, Error> {
        let (playbook, version) = (&*self.live.playbook, &self.live.version);
        let Some(scenario) = playbook.scenarios.get(self.scenario) else { return Ok(Look::NotMeant) };
        let before = self.store.lead(id).await?;
        let log = self.store.log(&LogOwner::Lead(id.clone())).await?;
        let Some(before) = before.filter(|lead| lead.erased.is_none()) else {
            // Of one that is erased nothing is left; one that was just imported has a log before anything is made of it.
            let gone = log.records.is_empty();
            return Ok(Look::KeptOut(if gone { GONE } else { NEW }.to_owned()));
        };
        // What was taken has happened, whatever this machine's clock says.
        let now = log.records.iter().map(|record| record.received).fold((self.now)(), Ord::max);
        let folded = Folded::of(playbook, &log, now);
        if self.only.is_some_and(|only| !folded.holds(only)) {
            return Ok(Look::NotMeant);
        }
        let entering = michi::scenario::enroll(playbook, version, (self.scenario, scenario), id, &folded, self.occasion, now);
        let entering = match entering {
            Ok(entering) => entering,
            Err(why) => return Ok(Look::KeptOut(why.to_string())),
        };
        if !dry_run {
            self.save(before, entering.enrollment, (id, entering.record)).await?;
        }
        Ok(Look::Enters)
    }

    /// The lead is saved with it, so that `score` does not let it in at the same moment for another reason.
    async fn save(
        &self,
        before: LeadItem,
        enrollment: Enrollment,
        (id, record): (&LeadId, michi::activity::Record),
    ) -> Result<(), Error> {
        let lead = LeadItem { revision: before.revision + 1, ..before.clone() };
        let appends = vec![(id.clone(), record)];
        let save = Save { before: Some(before), lead: Some(lead), appends, enrolled: vec![enrollment], ..Save::default() };
        self.store.save(save).await
    }
}

impl Enrolled {
    fn said(&self) -> String {
        let verb = if self.dry_run { "would enter" } else { "entered" };
        let mut said = format!("{:>7}  {verb} {} on the occasion \"{}\"\n", self.entered, self.scenario, self.occasion);
        for (why, count) in &self.kept_out {
            said += &format!("{count:>7}  kept out: {why}\n");
        }
        if self.strangers > 0 {
            said += &format!("{:>7}  on the list are no leads: `michi import` makes them some\n", self.strangers);
        }
        said += &list::told(&self.refused).unwrap_or_default();
        said + &audience::unreadable(self.unreadable).unwrap_or_default()
    }
}
