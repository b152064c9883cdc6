//! `michi enroll`: lets leads into a scenario by hand.
//!
//! An entry's id comes from the occasion, so that a command that was broken off is repeated, and lets nobody in twice.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use futures::StreamExt as _;
use jiff::Timestamp;
use michi::activity::LogOwner;
use michi::condition::Condition;
use michi::fold::Folded;
use michi::id::{LeadId, ScenarioId};
use michi::io::store::{LeadItem, Save};
use michi::io::{Error, Retry, Store, Versioned};
use michi::playbook::authoring;
use michi::scenario::{Enrollment, KeptOut, Left};
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::everybody::{self, Unreadable};
use crate::import::columns::Named;
use crate::mail::list;
use crate::shown::{self, counted};
use crate::{audience, lead, output, segment};

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
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
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
    /// Leads that cannot be read.
    pub unreadable: usize,
}

/// How often a lead is read anew when `score` was faster.
const REREADS: usize = 8;

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
        let enrolled = enroll(args, out).await?;
        if args.json {
            shown::json(&enrolled, out)?
        } else {
            write!(out, "{}", enrolled.said())?
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Lets them in.
///
/// # Errors
/// If there is no such scenario, segment or lead, or the installation does not answer. Whoever entered before that stays in.
pub async fn enroll(args: &EnrollArgs, out: &mut dyn Write) -> anyhow::Result<Enrolled> {
    let found = args.target.open().await?;
    let (live, now) = (found.playbook().await?, found.now());
    let scenario = named(&live, &args.scenario)?;
    let today = || now.to_zoned(live.playbook.setup.time_zone.get().clone()).date().to_string();
    let occasion = args.occasion.clone().unwrap_or_else(today);
    let only = match &args.whom.segment {
        Some(name) => Some(segment::named(&live.playbook, name)?.1),
        None => None,
    };
    let (leads, strangers) = meant(&found, &live, &args.whom).await?;
    let clock = || found.now();
    let door = Door { store: &found.store, now: &clock, live: &live, scenario: &scenario, occasion: &occasion, only };
    let (mut told, entering) = door.all(leads, true).await?;
    told.strangers = strangers;
    if args.dry_run || entering.is_empty() {
        return Ok(Enrolled { dry_run: args.dry_run, ..told });
    }
    if !args.yes {
        write!(out, "{}", Enrolled { dry_run: true, ..told.clone() }.said())?;
        out.flush()?;
        let asked = format!("{} into {scenario} on the occasion \"{occasion}\"?", counted(entering.len(), "lead", "leads"));
        if !output::confirmed(&asked)? {
            bail!("nothing was changed");
        }
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

/// The scenario of this name that is live.
fn named(live: &Versioned, name: &str) -> anyhow::Result<ScenarioId> {
    let found = live.playbook.scenarios.keys().find(|id| id.as_str() == name);
    found.cloned().ok_or_else(|| {
        let names: Vec<&str> = live.playbook.scenarios.keys().map(ScenarioId::as_str).collect();
        anyhow!("no scenario is called \"{name}\": {}", authoring::instead(name, names))
    })
}

/// Who is meant, or may be; and how many addresses are nobody's.
async fn meant(found: &Installation, live: &Versioned, whom: &WhomArgs) -> anyhow::Result<(Vec<LeadId>, usize)> {
    if let Some(file) = &whom.csv {
        let keys = found.keys().await?;
        let columns: &[Named] = &[];
        let hashes = list::hashes(file, columns, &live.playbook, &keys, found.now())?;
        return Ok(list::leads(&found.store, &hashes).await?);
    }
    if whom.segment.is_some() {
        return Ok((everybody::all(&found.store, &live.playbook).await?, 0));
    }
    let mut leads = Vec::new();
    for who in &whom.lead {
        leads.push(lead::meant(found, who).await.with_context(|| who.clone())?);
    }
    leads.sort_unstable();
    leads.dedup();
    Ok((leads, 0))
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
        let Some(before) = self.store.lead(id).await?.filter(|lead| lead.erased.is_none()) else {
            return Ok(Look::KeptOut("there is no such lead any more".to_owned()));
        };
        let log = self.store.log(&LogOwner::Lead(id.clone())).await?;
        // What was taken has happened, whatever this machine's clock says.
        let now = log.records.iter().map(|record| record.received).fold((self.now)(), Ord::max);
        let folded = Folded::of(playbook, &log, now);
        if self.only.is_some_and(|only| !folded.holds(only)) {
            return Ok(Look::NotMeant);
        }
        let entering = michi::scenario::enroll(playbook, version, (self.scenario, scenario), id, &folded, self.occasion, now);
        let entering = match entering {
            Ok(entering) => entering,
            Err(why) => return Ok(Look::KeptOut(words(&why))),
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

/// Why a lead is kept out.
fn words(why: &KeptOut) -> String {
    match why {
        KeptOut::UnderWay => "is under way in it".to_owned(),
        KeptOut::Before => "was in it before, and may not enter again (`again` in its file), or not yet".to_owned(),
        KeptOut::Occasion => "entered on this occasion before: give another `--occasion`".to_owned(),
        KeptOut::Often => "has begun it four times within a day".to_owned(),
        KeptOut::Audience => "is not in its audience".to_owned(),
        KeptOut::Draining => "the scenario takes in nobody any more (`under_way: drain`)".to_owned(),
        KeptOut::WouldLeave(left) => match left {
            Left::Goal => "has reached its goal already".to_owned(),
            Left::Exit(exit) => format!("would leave at once by its exit {exit}"),
            Left::Unsubscribed => "wants no marketing mail, or may get none".to_owned(),
            Left::InSales => "is in sales' hands, or disqualified".to_owned(),
            Left::End | Left::Stopped(_) | Left::StepGone | Left::ScenarioGone | Left::ByHand | Left::Merged => {
                "would be at its end at once".to_owned()
            }
        },
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
        said + &audience::unreadable(self.unreadable).unwrap_or_default()
    }
}
