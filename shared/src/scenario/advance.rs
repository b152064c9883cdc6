//! How an enrollment goes on.
//!
//! At each look, whatever it is for, come first the reasons to leave: the goal, then the exits in the order of their names,
//! then an opt-out, then sales. So a lead that reaches the goal in the midst of a long wait leaves then. Next comes the step
//! it stands before: what only chooses a way (`branch`, `split`, `go_to`) is passed at once, and so on until something is
//! waited for, or one thing is owed to the outside (a mail, a notice, an attribute). That is saved before anything else
//! is asked, since it may change the answer: the enrollment is due again at once then.

use jiff::{SignedDuration, Timestamp};

use super::enrollment::{Enrollment, Left, Owed, Passed, Passing, Place, Waiting};
use super::turn::{Then, Turn};
use super::{GRACE, STEPS_A_DAY};
use crate::activity::{Activity, Kind, Record};
use crate::consent::MailClass;
use crate::fold::Folded;
use crate::id::{ActivityId, MessageId, PlaybookVersion};
use crate::lead::Stage;
use crate::playbook::hours::moment;
use crate::playbook::scenario::{InSales, Scenario, Step};
use crate::playbook::{Playbook, mail};

/// What must be known to advance an enrollment.
pub struct Seen<'a> {
    /// The lead, and what can be asked of its log, by this playbook and at this moment.
    pub folded: &'a Folded<'a>,
    /// The playbook by which the lead goes on, as [`bound`](super::bound) says.
    pub playbook: &'a Playbook,
    /// Its version.
    pub version: &'a PlaybookVersion,
    /// What is known of the message of [`Enrollment::open_mail`], if there is one.
    pub newest: Newest,
    /// The moment.
    pub now: Timestamp,
}

/// What has become of the newest mail of an enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Newest {
    /// It is neither sent nor given up.
    Pending,
    /// It was sent, lately enough that the log that was read does not say so.
    Sent,
    /// It never goes out, or there is none.
    GivenUp,
}

/// What has become of an enrollment: saved as a whole, in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Advance {
    /// Where it stands now, its revision one higher; due at once if `due` is not after the moment. None: it ended.
    pub after: Option<Enrollment>,
    /// The scenario's own version by which it went.
    pub version: String,
    /// The steps it passed; a step that does several things (a series, a question) is named with each of them.
    pub passed: Vec<Passed>,
    /// Why it ended, if it did.
    pub left: Option<Left>,
    /// What it owes.
    pub owed: Option<Owed>,
}

/// Advances an enrollment as far as it goes without anything being saved. None: it stays as it is, and is looked at again
/// when it is due or something happens.
#[must_use]
pub fn advance(scenario: &Scenario, enrollment: &Enrollment, seen: &Seen<'_>) -> Option<Advance> {
    if matches!(enrollment.waiting, Waiting::Resume { .. }) {
        return None;
    }
    let version = scenario.version();
    if let Some(left) = ending(scenario, seen.folded, seen.playbook) {
        return Some(Advance::leaving(enrollment, version, left));
    }
    let mut walk = Walk { scenario, seen, at: enrollment.clone(), passed: vec![], owed: None };
    let left = walk.go();
    let Walk { at, mut passed, owed, .. } = walk;
    if left == Some(Left::StepGone) {
        passed.push(at.leaves_here());
    }
    if left.is_none() && at == *enrollment {
        return None;
    }
    let after = Enrollment { playbook: seen.version.clone(), version: version.clone(), revision: at.revision + 1, ..at };
    Some(Advance { after: left.is_none().then_some(after), version, passed, left, owed })
}

/// Why this lead leaves the scenario wherever it stands, or does not enter it in the first place.
#[must_use]
pub fn ending(scenario: &Scenario, folded: &Folded<'_>, playbook: &Playbook) -> Option<Left> {
    let lead = &folded.lead;
    if scenario.goal.as_ref().is_some_and(|goal| folded.holds(goal)) {
        return Some(Left::Goal);
    }
    if let Some((name, _)) = scenario.exits.iter().find(|(_, exit)| folded.holds(exit)) {
        return Some(Left::Exit(name.clone()));
    }
    let unreachable = lead.permissions.opted_out.is_some() || lead.permissions.suppressed.is_some();
    if unreachable && sends_marketing(scenario, playbook) {
        return Some(Left::Unsubscribed);
    }
    let held = scenario.in_sales == InSales::Leave && lead.stage.is_some_and(Stage::holds_mail);
    held.then_some(Left::InSales)
}

fn sends_marketing(scenario: &Scenario, playbook: &Playbook) -> bool {
    let mails = scenario.all_steps().flat_map(Step::mails);
    let class = |mail: &mail::Mail| mail.class.consent() == Some(MailClass::Marketing);
    mails.into_iter().any(|id| playbook.mail(id).is_some_and(class))
}

impl Advance {
    /// An enrollment that ends where no scenario is there to say so: it was taken away, or somebody ended it.
    #[must_use]
    pub fn ended(enrollment: &Enrollment, left: Left) -> Self {
        Self::leaving(enrollment, enrollment.version.clone(), left)
    }

    /// The lead leaves before the step at which it stands.
    fn leaving(enrollment: &Enrollment, version: String, left: Left) -> Self {
        Self { after: None, version, passed: vec![enrollment.leaves_here()], left: Some(left), owed: None }
    }

    /// What the lead's log is told of it, given the enrollment as it was; none: nothing was passed, it only waits anew. An
    /// attribute that is owed is set by it.
    #[must_use]
    pub fn record(&self, before: &Enrollment, now: Timestamp) -> Option<Record> {
        if self.passed.is_empty() && self.left.is_none() {
            return None;
        }
        let advanced = Kind::Advanced {
            scenario: before.scenario.clone(),
            enrollment: before.id.clone(),
            version: self.version.clone(),
            passed: self.passed.clone(),
            left: self.left.clone(),
        };
        let mut record = Record::decision(before.record(), now, advanced);
        if let Some(Owed::Attribute { name, value }) = &self.owed {
            let id = ActivityId::derive(&["set", before.record().as_str()]);
            let kind = Kind::AttributeSet { name: name.clone(), value: value.clone() };
            record.activities.push(Activity { id, at: now, kind });
        }
        Some(record)
    }
}

impl Enrollment {
    /// That the lead leaves before the step at which it stands: it has come there all the same.
    fn leaves_here(&self) -> Passed {
        Passed { step: self.place.step.clone(), visit: self.place.visit, how: Passing::LeftHere }
    }

    /// Its newest mail, unless the log says that it was sent: whether it is pending is to be looked up before the enrollment
    /// is advanced.
    #[must_use]
    pub fn open_mail(&self, folded: &Folded<'_>) -> Option<&MessageId> {
        let is_sent = |newest: &MessageId| {
            let mut history = folded.history().iter().rev();
            history.any(|step| matches!(&step.activity.kind, Kind::MailSent { message, .. } if message == newest))
        };
        self.mail.as_ref().filter(|newest| !is_sent(newest))
    }
}

/// An enrollment on its way from one saved state to the next.
pub(super) struct Walk<'w> {
    pub(super) scenario: &'w Scenario,
    pub(super) seen: &'w Seen<'w>,
    pub(super) at: Enrollment,
    passed: Vec<Passed>,
    owed: Option<Owed>,
}

impl<'w> Walk<'w> {
    /// Goes on to where it must be saved; answers why it ended, if it did.
    fn go(&mut self) -> Option<Left> {
        if self.at.waiting == Waiting::Nothing && self.at.due > self.seen.now {
            // It rests until tomorrow.
            return None;
        }
        loop {
            let Some(spot) = self.scenario.find(&self.at.place.step) else { return Some(Left::StepGone) };
            let turn = self.turn(spot);
            if !turn.passed.is_empty() && self.steps_today() >= STEPS_A_DAY {
                self.rest_until_tomorrow();
                return None;
            }
            let then = self.take(turn);
            match then {
                Then::Leave(left) => return Some(left),
                Then::Stay { waiting, due } => {
                    // A look before its time leaves the time as it is.
                    let still = waiting == self.at.waiting && self.at.due > self.seen.now;
                    self.at.due = if still { self.at.due.min(due) } else { due };
                    self.at.waiting = waiting;
                    return None;
                }
                Then::Next { step: None, .. } => return Some(Left::End),
                Then::Next { step: Some(step), planned } => {
                    self.arrive(step, planned);
                    if self.owed.is_some() {
                        self.settle(step);
                        return None;
                    }
                }
            }
        }
    }

    /// Notes down what a turn passed and owes.
    fn take(&mut self, turn: Turn<'w>) -> Then<'w> {
        if !turn.passed.is_empty() {
            self.at.day = Some((self.today(), self.steps_today() + 1));
        }
        let Place { step, visit, .. } = &self.at.place;
        self.passed.extend(turn.passed.into_iter().map(|how| Passed { step: step.clone(), visit: *visit, how }));
        if let Some(Owed::Mail { message, .. }) = &turn.owed {
            self.at.mail = Some(message.clone());
        }
        self.owed = self.owed.take().or(turn.owed);
        turn.then
    }

    /// Comes to a step that is planned for a moment.
    fn arrive(&mut self, step: &Step, planned: Timestamp) {
        let since = if step.waits() { self.anew(planned) } else { planned };
        let visits = self.at.visits.entry(step.id().clone()).or_default();
        *visits = visits.saturating_add(1);
        self.at.place = Place { step: step.id().clone(), visit: *visits, since };
        self.at.waiting = Waiting::Nothing;
        self.at.due = self.seen.now;
    }

    /// Begins the wait behind what is owed, if that asks nothing of the lead; all else is looked at once it is saved.
    fn settle(&mut self, step: &Step) {
        let asks_nothing = matches!(step, Step::Wait(_) | Step::WaitFor(_));
        if let (true, Some(spot)) = (asks_nothing, self.scenario.find(step.id()))
            && let Then::Stay { waiting, due } = self.turn(spot).then
        {
            (self.at.waiting, self.at.due) = (waiting, due);
        }
    }

    /// Nothing more today: what was to be done is planned for the beginning of tomorrow by the company's clock.
    fn rest_until_tomorrow(&mut self) {
        let midnight = moment(self.today(), 24, self.seen.playbook.setup.time_zone.get());
        let tomorrow = midnight.unwrap_or_else(|| later(self.seen.now, SignedDuration::from_hours(24)));
        match &mut self.at.waiting {
            Waiting::Nothing => self.at.place.since = tomorrow,
            Waiting::Until(until) | Waiting::Series { until, .. } => *until = tomorrow,
            Waiting::Behaviour { .. } | Waiting::Answer { .. } | Waiting::Mail(_) | Waiting::Resume { .. } => {}
        }
        self.at.due = tomorrow;
    }

    fn steps_today(&self) -> u32 {
        self.at.day.filter(|(day, _)| *day == self.today()).map_or(0, |(_, steps)| steps)
    }

    fn today(&self) -> jiff::civil::Date {
        self.seen.playbook.setup.time_zone.get().to_datetime(self.seen.now).date()
    }

    /// The moment from which what follows is planned.
    pub(super) fn anew(&self, planned: Timestamp) -> Timestamp {
        if self.is_late(planned) { self.seen.now } else { planned }
    }

    pub(super) fn is_late(&self, planned: Timestamp) -> bool {
        self.seen.now.duration_since(planned) > GRACE
    }
}

/// A moment so much later; the last there is, if there is none.
pub(super) fn later(from: Timestamp, by: SignedDuration) -> Timestamp {
    from.saturating_add(by).unwrap_or(Timestamp::MAX)
}
