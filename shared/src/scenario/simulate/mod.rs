//! A scenario run ahead of time: the same engine, on a copy of a lead, by a clock that jumps from one thing to the next.
//!
//! What is not simulated is said here. Nobody visits, fills in forms or is won but as the assumption says; a lead enters at
//! the beginning as if it met the trigger then, or when its date comes; mail goes out as window and cap allow, without
//! regard to how many may go out a second. Stages move as ever, so that a lead who becomes hot leaves for sales.
//!
//! - `world`: one lead, and what is to come for it
//! - `reader`: what people do, by assumption
//! - `report`: what came of many leads
//! - `trial`: an example, tried

mod reader;
mod report;
#[cfg(test)]
mod tests;
mod trial;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::entry::PAST;
use super::{KeptOut, Left, Passed};
use crate::activity::{Kind, Log, LogOwner, Record};
use crate::condition::What;
use crate::fold::fold;
use crate::id::{ActivityId, EnrollmentId, LeadId, MailId, MessageId, PlaybookVersion, ScenarioId, StepId, WayId};
use crate::lead::Lead;
use crate::playbook::Playbook;
use crate::playbook::scenario::{Scenario, Trigger};
use crate::scenario::owed::LETTER_OF_USE;
use world::{Next, World};

pub use reader::{Assume, Rates, act};
pub use report::{Delays, Report, Stuck};
pub use trial::{Failure, attempt};

/// What is simulated.
pub struct Simulation<'p> {
    /// By this playbook.
    pub playbook: &'p Playbook,
    /// Its version.
    pub version: PlaybookVersion,
    /// Only this scenario; none: all.
    pub only: Option<ScenarioId>,
    /// From this moment on.
    pub begin: Timestamp,
    /// For so many days.
    pub days: u32,
    /// What people do meanwhile.
    pub assume: Assume,
    /// Leads without a ground for marketing mail are taken as having given one: those of a list, say.
    pub agreed: bool,
}

/// What came of one lead.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// The lead.
    pub lead: LeadId,
    /// Its log, with what the simulation added.
    pub log: Log,
    /// Its letters, in the order in which they were owed.
    pub letters: Vec<Letter>,
    /// Its runs.
    pub runs: Vec<Run>,
    /// The scenarios it did not enter, and why.
    pub away: BTreeMap<ScenarioId, Away>,
    /// What it was to do and could not: nothing was there to click in, or to answer.
    pub idle: Vec<(Timestamp, Deed)>,
}

/// Why a lead did not enter a scenario.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Away {
    /// It was kept out.
    KeptOut(KeptOut),
    /// Nothing is known of the date that lets leads in, or it is none.
    NoDate,
    /// Its date passed too long ago to let it in.
    PastDate,
    /// Its date comes after the end of the simulation.
    LaterDate,
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeptOut(why) => why.fmt(f),
            Self::NoDate => f.write_str("has no such date"),
            Self::PastDate => f.write_str("its date passed more than seven days ago"),
            Self::LaterDate => f.write_str("its date comes later than is simulated"),
        }
    }
}

/// One letter.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// The message.
    pub message: MessageId,
    /// The mail.
    pub mail: MailId,
    /// By which scenario.
    pub scenario: ScenarioId,
    /// By which run of it.
    pub enrollment: EnrollmentId,
    /// By which step.
    pub step: StepId,
    /// When it was owed.
    pub owed: Timestamp,
    /// When it went out; none: it did not.
    pub sent: Option<Timestamp>,
    /// What held it back, and until when the last time.
    pub held: BTreeMap<Hold, Timestamp>,
}

impl Letter {
    /// Until when it is of use.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        self.owed.saturating_add(LETTER_OF_USE).unwrap_or(Timestamp::MAX)
    }

    /// Whether at this moment it still waits to go out; else it is sent, or never will be.
    #[must_use]
    pub fn waits(&self, now: Timestamp) -> bool {
        self.sent.is_none()
            && ![Hold::NotAllowed, Hold::TakenBack].iter().any(|never| self.held.contains_key(never))
            && now < self.expires()
    }
}

/// What holds a letter back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// The lead has got as much mail as it may get for now.
    Cap,
    /// It is outside the hours for marketing mail.
    Window,
    /// Sales has the lead in hand.
    InSales,
    /// There is no ground to write to the lead, or it does not want such mail: the letter never goes out.
    NotAllowed,
    /// The lead has left the scenario before it could go out: it never does.
    TakenBack,
}

/// One run of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The scenario.
    pub scenario: ScenarioId,
    /// When the lead entered.
    pub entered: Timestamp,
    /// What it passed, and when.
    pub passed: Vec<(Timestamp, Passed)>,
    /// The steps before which it stood, from when on; the last is where it stands at the end, or stood before it left.
    pub places: Vec<(Timestamp, StepId)>,
    /// When and why it left; none: it is still under way.
    pub left: Option<(Timestamp, Left)>,
}

/// Something that somebody does beside what is assumed.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// This; a click or an opening is of the newest letter.
    Does(What),
    /// It answers the question that is open.
    Answers(WayId),
    /// Something becomes known.
    Becomes {
        /// The attribute.
        name: String,
        /// Its value; empty takes it away.
        value: String,
    },
}

impl Simulation<'_> {
    /// Lets one lead go, from its log as it is at the beginning. `does` is what it does beside the assumption, and when.
    #[must_use]
    pub fn run(&self, lead: &LeadId, log: Log, does: Vec<(Timestamp, Deed)>) -> Course {
        let course = Course { lead: lead.clone(), log, letters: vec![], runs: vec![], away: BTreeMap::new(), idle: vec![] };
        let mut world = World {
            of: self,
            course,
            messages: vec![],
            open: BTreeMap::new(),
            agenda: BTreeMap::new(),
            count: 0,
            now: self.begin,
        };
        for (at, deed) in does {
            world.plan(at, Next::Deed(deed));
        }
        let wanted = self.playbook.scenarios.iter().filter(|(id, _)| self.only.as_ref().is_none_or(|only| only == *id));
        let known = fold(self.playbook, &world.course.log, self.begin);
        for (id, scenario) in wanted {
            match self.entry(scenario, &known) {
                Ok(at) => world.plan(at, Next::Enter(id.clone())),
                Err(away) => drop(world.course.away.insert(id.clone(), away)),
            }
        }
        let end = self.end();
        while let Some(((at, _), next)) = world.agenda.pop_first() {
            if at > end {
                break;
            }
            world.now = at.max(world.now);
            world.happens(next);
        }
        world.course
    }

    /// The last moment that is simulated.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.begin.saturating_add(SignedDuration::from_hours(24 * i64::from(self.days))).unwrap_or(Timestamp::MAX)
    }

    /// When the lead enters: at the beginning, or when its date comes; one that has just passed lets it in at once.
    fn entry(&self, scenario: &Scenario, lead: &Lead) -> Result<Timestamp, Away> {
        match &scenario.trigger {
            Trigger::Date(date) => match scenario.date(date, lead, &self.playbook.setup) {
                None => Err(Away::NoDate),
                Some((_, at)) if at > self.end() => Err(Away::LaterDate),
                Some((_, at)) if self.begin.duration_since(at) > PAST => Err(Away::PastDate),
                Some((_, at)) => Ok(at.max(self.begin)),
            },
            Trigger::Form(_)
            | Trigger::FormNamed(_)
            | Trigger::Track(_)
            | Trigger::Stage(_)
            | Trigger::Cell(_)
            | Trigger::Segment(_)
            | Trigger::ByHand => Ok(self.begin),
        }
    }
}

/// Leads made up for a playbook's simulation: the suitable, the less so, and those of whom little is known.
#[must_use]
pub fn examples(begin: Timestamp) -> Vec<(LeadId, Log)> {
    const PEOPLE: [(&str, &[(&str, &str)]); 4] = [
        ("director", &[("email", "director@example.co.jp"), ("company", "Example"), ("role", "Director"), ("employees", "500")]),
        ("manager", &[("email", "manager@example.com"), ("company", "Example"), ("role", "Manager"), ("employees", "80")]),
        ("engineer", &[("email", "engineer@example.de"), ("company", "Beispiel"), ("role", "Engineer")]),
        ("unknown", &[("email", "unknown@example.org")]),
    ];
    let person = |(name, attributes): (&str, &[(&str, &str)])| {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        listed(name, attributes, begin)
    };
    PEOPLE.into_iter().map(person).collect()
}

/// The log of a person of whom a list says this, a day before the beginning.
#[must_use]
pub fn listed(name: &str, attributes: BTreeMap<String, String>, begin: Timestamp) -> (LeadId, Log) {
    let lead = LeadId::derive(&["simulated", name]);
    let at = begin.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(begin);
    let set = |(name, value): (String, String)| {
        let id = ActivityId::derive(&["listed", lead.as_str(), &name]);
        Record::decision(id, at, Kind::AttributeSet { name, value })
    };
    let records = attributes.into_iter().map(set).collect();
    (lead.clone(), Log { owner: LogOwner::Lead(lead), records })
}

/// The steps to which the runs came.
fn visited(runs: &[Run]) -> BTreeSet<(&ScenarioId, &StepId)> {
    let passed = runs.iter().flat_map(|run| run.passed.iter().map(|(_, passed)| (&run.scenario, &passed.step)));
    let stood = runs.iter().flat_map(|run| run.places.iter().map(|(_, step)| (&run.scenario, step)));
    passed.chain(stood).collect()
}
