//! A scenario run ahead of time: the same engine, on a copy of a lead, by a clock that jumps from one thing to the next.
//!
//! What is not simulated is said here. Nobody visits, fills in forms or is won but as the assumption says; a lead enters at
//! the beginning as if it met the trigger then, or when its date comes; mail goes out as window and cap allow, without
//! regard to how many may go out a second. Stages move as ever, so that a lead who becomes hot leaves for sales.
//!
//! - `reader`: what people do, by assumption
//! - `report`: what came of many leads

mod reader;
mod report;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::owed::LETTER_OF_USE;
use super::{Enrollment, KeptOut, Left, Owed, Passed, Seen, Waiting, advance, enroll};
use crate::activity::{Activity, Kind, Log, LogOwner, Record, Source};
use crate::consent::MailClass;
use crate::fold::{Folded, fold};
use crate::id::{ActivityId, EnrollmentId, LeadId, MailId, MessageId, PlaybookVersion, ScenarioId, StepId};
use crate::lead::{Lead, Stage};
use crate::lifecycle::{Change, decide};
use crate::playbook::Playbook;
use crate::playbook::scenario::{Scenario, Trigger};

pub use reader::{Assume, Rates, act};
pub use report::{Delays, Report, Stuck};

/// How long a letter rests to a lead that sales has in hand.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(6);

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
    /// The scenarios it did not enter.
    pub kept_out: BTreeMap<ScenarioId, KeptOut>,
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
    /// Where it stands at the end, or stood before it left.
    pub step: StepId,
    /// When and why it left; none: it is still under way.
    pub left: Option<(Timestamp, Left)>,
}

/// What happens next in a lead's course.
#[derive(Debug, Clone)]
enum Next {
    Enter(ScenarioId),
    Look(EnrollmentId),
    Send(usize),
    Does(Kind),
}

impl Simulation<'_> {
    /// Lets one lead go, from its log as it is at the beginning. `does` is what it does beside the assumption, and when.
    #[must_use]
    pub fn run(&self, lead: &LeadId, log: Log, does: Vec<(Timestamp, Kind)>) -> Course {
        let course = Course { lead: lead.clone(), log, letters: vec![], runs: vec![], kept_out: BTreeMap::new() };
        let mut world = World { of: self, course, open: BTreeMap::new(), agenda: BTreeMap::new(), count: 0, now: self.begin };
        for (at, kind) in does {
            world.plan(at, Next::Does(kind));
        }
        let wanted = self.playbook.scenarios.iter().filter(|(id, _)| self.only.as_ref().is_none_or(|only| only == *id));
        let known = fold(self.playbook, &world.course.log, self.begin);
        for (id, scenario) in wanted {
            if let Some(at) = self.entry(scenario, &known) {
                world.plan(at, Next::Enter(id.clone()));
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

    /// When the lead enters: at the beginning, or when its date comes; none: it has no such date.
    fn entry(&self, scenario: &Scenario, lead: &Lead) -> Option<Timestamp> {
        match &scenario.trigger {
            Trigger::Date(date) => {
                let (_, at) = scenario.date(date, lead, &self.playbook.setup)?;
                (at >= self.begin).then_some(at)
            }
            Trigger::Form(_)
            | Trigger::FormNamed(_)
            | Trigger::Track(_)
            | Trigger::Stage(_)
            | Trigger::Cell(_)
            | Trigger::Segment(_)
            | Trigger::ByHand => Some(self.begin),
        }
    }
}

/// One lead, and what is to come for it.
struct World<'s> {
    of: &'s Simulation<'s>,
    course: Course,
    /// Its open enrollments, each with its run.
    open: BTreeMap<EnrollmentId, (Enrollment, usize)>,
    /// What is to come, in order; what is planned for the same moment, in the order in which it was planned.
    agenda: BTreeMap<(Timestamp, u64), Next>,
    count: u64,
    now: Timestamp,
}

impl World<'_> {
    fn plan(&mut self, at: Timestamp, next: Next) {
        self.count += 1;
        self.agenda.insert((at, self.count), next);
    }

    fn happens(&mut self, next: Next) {
        match next {
            Next::Enter(id) => self.enter(&id),
            Next::Look(id) => self.look(&id),
            Next::Send(letter) => self.send(letter),
            Next::Does(kind) => {
                self.tell(kind);
                let _decided = decide(
                    self.of.playbook,
                    &self.of.version,
                    &self.course.lead,
                    &mut self.course.log,
                    Change::default(),
                    self.now,
                );
                let open: Vec<EnrollmentId> = self.open.keys().cloned().collect();
                open.iter().for_each(|id| self.advance(id));
            }
        }
    }

    /// Writes something into the log that the lead, or somebody for it, did.
    fn tell(&mut self, kind: Kind) {
        self.count += 1;
        let id = ActivityId::derive(&["simulated", self.course.lead.as_str(), &self.count.to_string()]);
        self.course.log.records.push(Record { source: Source::Server, ..Record::decision(id, self.now, kind) });
    }

    fn enter(&mut self, id: &ScenarioId) {
        let Some(scenario) = self.of.playbook.scenarios.get(id) else { return };
        let (playbook, version) = (self.of.playbook, &self.of.version);
        let folded = Folded::of(playbook, &self.course.log, self.now);
        match enroll(playbook, version, (id, scenario), &self.course.lead, &folded, "simulated", self.now) {
            Err(why) => {
                self.course.kept_out.insert(id.clone(), why);
            }
            Ok(entering) => {
                let enrollment = entering.enrollment;
                let step = enrollment.place.step.clone();
                self.course.log.records.push(entering.record);
                self.course.runs.push(Run { scenario: id.clone(), entered: self.now, passed: vec![], step, left: None });
                let key = enrollment.id.clone();
                self.open.insert(key.clone(), (enrollment, self.course.runs.len() - 1));
                self.look(&key);
            }
        }
    }

    /// Looks at an enrollment if it is due.
    fn look(&mut self, id: &EnrollmentId) {
        if self.open.get(id).is_some_and(|(at, _)| at.due <= self.now) {
            self.advance(id);
        }
    }

    /// Takes an enrollment as far as it goes.
    fn advance(&mut self, id: &EnrollmentId) {
        let Some((mut at, run)) = self.open.remove(id) else { return };
        let Some(scenario) = self.of.playbook.scenarios.get(&at.scenario) else { return };
        loop {
            let folded = Folded::of(self.of.playbook, &self.course.log, self.now);
            let mail_pending = at.mail.as_ref().is_some_and(|mail| self.is_pending(mail));
            let (playbook, version, now) = (self.of.playbook, &self.of.version, self.now);
            let seen = Seen { folded: &folded, playbook, version, mail_pending, now };
            let Some(advance) = advance(scenario, &at, &seen) else { break };
            let record = advance.record(&at, now);
            self.course.log.records.extend(record);
            if let Some(told) = self.course.runs.get_mut(run) {
                told.passed.extend(advance.passed.iter().map(|passed| (now, passed.clone())));
                told.left = advance.left.clone().map(|left| (now, left));
                told.step = advance.after.as_ref().map_or_else(|| at.place.step.clone(), |after| after.place.step.clone());
            }
            if let Some(Owed::Mail { message, mail, step, .. }) = advance.owed {
                let (scenario, enrollment, owed) = (at.scenario.clone(), at.id.clone(), now);
                let letter = Letter { message, mail, scenario, enrollment, step, owed, sent: None, held: BTreeMap::new() };
                self.course.letters.push(letter);
                self.plan(now, Next::Send(self.course.letters.len() - 1));
            }
            let Some(after) = advance.after else { return };
            if after.waiting != at.waiting {
                self.wait(scenario, &after);
            }
            at = after;
            if at.due > now {
                break;
            }
        }
        self.plan(at.due.max(self.now), Next::Look(id.clone()));
        self.open.insert(id.clone(), (at, run));
    }

    /// Lets the lead do what is waited for, if it is assumed to.
    fn wait(&mut self, scenario: &Scenario, at: &Enrollment) {
        let Waiting::Behaviour { until } = at.waiting else { return };
        let did = self.of.assume.does(self.of.playbook, scenario, at);
        if let Some((after, kind)) = did {
            let moment = self.now.saturating_add(after).unwrap_or(until).min(until);
            self.plan(moment, Next::Does(kind));
        }
    }

    fn is_pending(&self, message: &MessageId) -> bool {
        let letter = self.course.letters.iter().find(|letter| letter.message == *message);
        letter.is_some_and(|letter| {
            let given_up = letter.held.contains_key(&Hold::NotAllowed) || self.now >= expires(letter);
            letter.sent.is_none() && !given_up
        })
    }

    /// Sends a letter if it may go out now, or puts it off, as the send gate does.
    fn send(&mut self, place: usize) {
        let Some(letter) = self.course.letters.get(place) else { return };
        let hold = self.hold(letter);
        if self.now >= expires(letter) {
            return;
        }
        match hold {
            Some((why, until)) => {
                let until = until.min(expires(letter));
                if let Some(letter) = self.course.letters.get_mut(place) {
                    letter.held.insert(why, until);
                }
                if why != Hold::NotAllowed {
                    self.plan(until, Next::Send(place));
                }
            }
            None => self.sent(place),
        }
    }

    fn hold(&self, letter: &Letter) -> Option<(Hold, Timestamp)> {
        let (playbook, now) = (self.of.playbook, self.now);
        let mail = playbook.mail(&letter.mail)?;
        let lead = fold(playbook, &self.course.log, now);
        let allowed = &lead.permissions;
        let marketing = mail.class.consent() == Some(MailClass::Marketing);
        let refused = allowed.suppressed.is_some()
            || marketing
                && (allowed.opted_out.is_some()
                    || allowed.marketing.is_none() && !self.of.agreed
                    || !allowed.wants(mail.topic.as_ref()));
        if refused {
            return Some((Hold::NotAllowed, now));
        }
        if !marketing {
            return None;
        }
        if lead.stage.is_some_and(Stage::holds_mail) {
            return Some((Hold::InSales, now + LOOK_AGAIN));
        }
        if let Some(until) = self.capped_until() {
            return Some((Hold::Cap, until));
        }
        let opens = playbook.setup.opens(now);
        (opens > now).then_some((Hold::Window, opens))
    }

    /// Until when the lead has got as much marketing mail as it may get; none: it may get more.
    fn capped_until(&self) -> Option<Timestamp> {
        let (playbook, cap) = (self.of.playbook, self.of.playbook.setup.mail.cap);
        let counts = |mail: &MailId| playbook.mail(mail).is_some_and(|mail| mail.class.consent() == Some(MailClass::Marketing));
        let sent = |activity: &Activity| match &activity.kind {
            Kind::MailSent { mail, owner: None, .. } if counts(mail) => Some(activity.at),
            _ => None,
        };
        let activities = self.course.log.records.iter().flat_map(|record| &record.activities);
        let mut sent: Vec<Timestamp> = activities.filter_map(sent).collect();
        sent.sort_unstable_by(|a, b| b.cmp(a));
        let oldest = sent.get((cap.mails as usize).checked_sub(1)?)?;
        oldest.checked_add(cap.within.duration()).ok().filter(|until| *until > self.now)
    }

    fn sent(&mut self, place: usize) {
        let now = self.now;
        let Some(letter) = self.course.letters.get_mut(place) else { return };
        letter.sent = Some(now);
        let letter = letter.clone();
        self.tell(Kind::MailSent { message: letter.message.clone(), mail: letter.mail.clone(), owner: None });
        for (after, kind) in self.of.assume.reads(self.of.playbook, &letter) {
            self.plan(now.saturating_add(after).unwrap_or(Timestamp::MAX), Next::Does(kind));
        }
    }
}

fn expires(letter: &Letter) -> Timestamp {
    letter.owed.saturating_add(LETTER_OF_USE).unwrap_or(Timestamp::MAX)
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
    passed.chain(runs.iter().map(|run| (&run.scenario, &run.step))).collect()
}
