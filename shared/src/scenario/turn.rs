//! What comes of looking at the step before which a lead stands. To add a kind of step, add it to
//! [`Step`](crate::playbook::scenario::Step) and follow the compiler to [`Walk::turn`], whose match has no catch-all.

use jiff::{SignedDuration, Timestamp};

use super::GRACE;
use super::advance::{Newest, Walk, later};
use super::enrollment::{Left, Owed, Passed, Passing, Skip, Subject, Waiting};
use super::graph::Spot;
use super::owed::LETTER_OF_USE;
use super::runs::runs;
use crate::activity::Kind;
use crate::consent::MailClass;
use crate::fold;
use crate::id::{EnrollmentId, MailId, MessageId, WayId, draw};
use crate::playbook::hours::{self, Hours};
use crate::playbook::scenario::{
    AskStep, BranchStep, Late, MailStep, NotifyStep, SeriesStep, SplitStep, Step, WaitDateStep, WaitForStep,
};

/// How often it is looked whether the mail before has gone out.
const MAIL_LOOK: SignedDuration = SignedDuration::from_hours(1);
/// What follows a deed is planned so long after it: time is told in milliseconds.
pub(super) const MOMENT: SignedDuration = SignedDuration::from_millis(1);
/// What a notice is called among the messages of a step.
const NOTICE: &str = "notice";

/// What comes of a look at a step.
pub(super) struct Turn<'s> {
    /// What was done, if anything.
    pub(super) passed: Vec<Passing>,
    /// What is owed for that.
    pub(super) owed: Option<Owed>,
    /// What comes then.
    pub(super) then: Then<'s>,
}

/// What comes after a look at a step.
pub(super) enum Then<'s> {
    /// The next step, planned for a moment; none: the end.
    Next { step: Option<&'s Step>, planned: Timestamp },
    /// Still this step.
    Stay { waiting: Waiting, due: Timestamp },
    /// Nothing: the enrollment ends.
    Leave(Left),
}

/// Whether something may go out now.
enum Passage {
    Now,
    Later(Timestamp),
    TooLate,
}

/// When the newest mail went out.
enum Went {
    /// That is not known yet.
    NotYet,
    At(Timestamp),
    /// It never does, or there is none.
    Never,
}

impl<'s> Turn<'s> {
    fn stay(waiting: Waiting, due: Timestamp) -> Self {
        Self { passed: vec![], owed: None, then: Then::Stay { waiting, due } }
    }

    fn stay_until(until: Timestamp) -> Self {
        Self::stay(Waiting::Until(until), until)
    }

    fn next(how: Passing, step: Option<&'s Step>, planned: Timestamp) -> Self {
        Self { passed: vec![how], owed: None, then: Then::Next { step, planned } }
    }

    fn owing(self, owed: Owed) -> Self {
        Self { owed: Some(owed), ..self }
    }
}

impl<'w> Walk<'w> {
    /// Looks at the step before which the lead stands.
    pub(super) fn turn(&self, spot: Spot<'w>) -> Turn<'w> {
        let planned = self.planned();
        match spot.step {
            Step::Mail(step) => self.mail(spot, step),
            Step::Wait(step) => self.wait(spot, |from| later(from, step.span.duration())),
            Step::WaitUntil(step) => self.wait(spot, |from| {
                let zone = self.scenario.zone(&self.seen.folded.lead, &self.seen.playbook.setup);
                hours::next(&step.days, step.hour, &zone, from)
            }),
            Step::WaitDate(step) => self.wait_date(spot, step),
            Step::WaitFor(step) => self.wait_for(spot, step),
            Step::Branch(step) => self.branch(spot, step),
            Step::Split(step) => self.split(spot, step),
            Step::Series(step) => self.series(spot, step),
            Step::Ask(step) => self.ask(spot, step),
            Step::Set(step) => {
                let owed = Owed::Attribute { name: step.attribute.clone(), value: step.to.clone() };
                Turn::next(Passing::Done, spot.next, planned).owing(owed)
            }
            Step::Notify(step) => self.notify(spot, step),
            Step::Stop(step) => {
                Turn { passed: vec![Passing::Done], owed: None, then: Then::Leave(Left::Stopped(step.id.clone())) }
            }
            Step::GoTo(step) => match self.scenario.find(&step.step) {
                Some(target) => Turn::next(Passing::Done, Some(target.step), planned),
                None => Turn { passed: vec![], owed: None, then: Then::Leave(Left::StepGone) },
            },
        }
    }

    /// For when the step is planned that is to be taken. Where an edit has put another kind of step in the place of the one
    /// that was waited at, that is now.
    fn planned(&self) -> Timestamp {
        let planned = match &self.at.waiting {
            Waiting::Nothing => self.at.place.since,
            Waiting::Until(until) | Waiting::Series { until, .. } => *until,
            Waiting::Mail(_) => self.at.due,
            Waiting::Behaviour { .. } | Waiting::Answer { .. } | Waiting::Resume { .. } => self.seen.now,
        };
        planned.min(self.seen.now)
    }

    /// Waits until a moment that is settled on arrival, and once more if the mail before it has gone out much later than it
    /// was owed: what lies between two mails lies between their readings.
    fn wait(&self, spot: Spot<'w>, end: impl Fn(Timestamp) -> Timestamp) -> Turn<'w> {
        let settled = if let Waiting::Until(until) = self.at.waiting { until } else { end(self.planned()) };
        match self.after_mail(settled, end) {
            Ok(until) if self.seen.now < until => Turn::stay_until(until),
            Ok(until) => Turn::next(Passing::Done, spot.next, until),
            Err(look) => Turn::stay(Waiting::Until(settled), look),
        }
    }

    /// The end of something that was settled when the newest mail was owed, counted from when that went out if that was
    /// much later. While it is not known: when to look again.
    fn after_mail(&self, settled: Timestamp, end: impl Fn(Timestamp) -> Timestamp) -> Result<Timestamp, Timestamp> {
        match self.went() {
            _ if self.seen.now < settled => Ok(settled),
            Went::NotYet => Err(later(self.seen.now, MAIL_LOOK)),
            Went::At(sent) => {
                // Not because of an edit of the wait, which holds for who comes to it.
                let late = sent.duration_since(self.at.place.since) > GRACE;
                let anew = end(sent);
                Ok(if late && anew.duration_since(settled) > GRACE { anew } else { settled })
            }
            Went::Never => Ok(settled),
        }
    }

    /// When the newest mail went out, if it was owed from here on or shortly before: a mail of long ago has no say.
    fn went(&self) -> Went {
        let Some(newest) = &self.at.mail else { return Went::Never };
        if let Some(sent) = self.seen.folded.history().iter().rev().find_map(|one| match &one.activity.kind {
            Kind::MailSent { message, .. } if message == newest => Some(one.activity.at),
            _ => None,
        }) {
            return Went::At(sent);
        }
        match self.seen.newest {
            Newest::Pending => Went::NotYet,
            Newest::Sent => Went::At(self.seen.now),
            Newest::GivenUp => Went::Never,
        }
    }

    /// A date that is changed meanwhile is followed.
    fn wait_date(&self, spot: Spot<'w>, step: &WaitDateStep) -> Turn<'w> {
        let now = self.seen.now;
        let Some((_, at)) = self.scenario.date(&step.date, &self.seen.folded.lead, &self.seen.playbook.setup) else {
            return Turn::next(Passing::NoDate, spot.next, self.planned());
        };
        let was_to_come = match self.at.waiting {
            Waiting::Until(until) => at >= until,
            _ => at >= self.at.place.since,
        };
        match was_to_come {
            _ if now < at => Turn::stay_until(at),
            true => Turn::next(Passing::Done, spot.next, at),
            false => Turn::next(Passing::PastDate, spot.next, self.planned()),
        }
    }

    /// What came in time counts, also if it is looked at late; a click that is still unclear at the end is waited for.
    fn wait_for(&self, spot: Spot<'w>, step: &'w WaitForStep) -> Turn<'w> {
        let since = self.at.place.since;
        let settled = match self.at.waiting {
            Waiting::Behaviour { until } => until,
            _ => later(since, step.within.duration()),
        };
        let extended = self.after_mail(settled, |sent| later(sent, step.within.duration()));
        let until = extended.unwrap_or(settled);
        let in_time = |one: &&fold::Step<'_>| (since..=until).contains(&one.activity.at) && step.did.is(one);
        let mut history = self.seen.folded.history().iter().filter(in_time);
        let unclear = history.clone().filter_map(|one| one.judged.until).min();
        match history.find(|one| one.counts()) {
            // What led on is not what is waited for next.
            Some(came) => Turn::next(Passing::Came, spot.along(&step.then), later(came.activity.at, MOMENT)),
            None if self.seen.now < until => Turn::stay(Waiting::Behaviour { until }, until),
            None if extended.is_err() => Turn::stay(Waiting::Behaviour { until }, later(self.seen.now, MAIL_LOOK)),
            None => match unclear.filter(|decided| *decided > self.seen.now) {
                Some(decided) => Turn::stay(Waiting::Behaviour { until }, decided),
                None => Turn::next(Passing::Otherwise, spot.along(&step.otherwise), until),
            },
        }
    }

    fn branch(&self, spot: Spot<'w>, step: &'w BranchStep) -> Turn<'w> {
        match step.ways.iter().find(|way| self.seen.folded.holds(&way.when)) {
            Some(way) => Turn::next(Passing::Way(way.id.clone()), spot.along(&way.steps), self.planned()),
            None => Turn::next(Passing::Otherwise, spot.along(&step.otherwise), self.planned()),
        }
    }

    /// Scenario, step and lead draw the way, so that it is the same at each visit.
    fn split(&self, spot: Spot<'w>, step: &'w SplitStep) -> Turn<'w> {
        let shares: u64 = step.ways.iter().map(|way| u64::from(way.share)).sum();
        let causes = ["split", self.at.scenario.as_str(), step.id.as_str(), self.at.lead.as_str()];
        let mut lot = draw(&causes, shares);
        let drawn = step.ways.iter().find(|way| {
            let share = u64::from(way.share);
            let is_drawn = lot < share;
            lot = lot.saturating_sub(share);
            is_drawn
        });
        match drawn {
            Some(way) => Turn::next(Passing::Way(way.id.clone()), spot.along(&way.steps), self.planned()),
            None => Turn::next(Passing::Otherwise, spot.next, self.planned()),
        }
    }

    fn mail(&self, spot: Spot<'w>, step: &MailStep) -> Turn<'w> {
        let Some((passing, owed)) = self.letter(&step.send, 0) else {
            return Turn::next(Passing::Skipped(Skip::NoMail), spot.next, self.planned());
        };
        let sent = || Turn::next(passing, spot.next, self.anew(self.planned())).owing(owed);
        self.send(spot, &step.send, step.late, sent)
    }

    /// The first answer routes; the attribute keeps the newest.
    fn ask(&self, spot: Spot<'w>, step: &'w AskStep) -> Turn<'w> {
        let Waiting::Answer { message, until: settled } = &self.at.waiting else { return self.question(spot, step) };
        let extended = self.after_mail(*settled, |sent| later(sent, step.within.duration()));
        let until = extended.unwrap_or(*settled);
        let answered = self.seen.folded.history().iter().find_map(|one| match &one.activity.kind {
            Kind::Answered { enrollment, step: asked, message: answered, answer, .. }
                if (enrollment, asked, answered) == (&self.at.id, &step.id, message) && one.activity.at <= until =>
            {
                Some((answer, one.activity.at))
            }
            _ => None,
        });
        match answered {
            Some((answer, at)) => {
                let (how, way) = way_of(step, answer);
                Turn::next(how, spot.along(way), at)
            }
            // Nobody was asked.
            None if matches!(self.went(), Went::Never) => {
                Turn::next(Passing::Otherwise, spot.along(&step.otherwise), self.seen.now)
            }
            None if self.seen.now < until => Turn::stay(Waiting::Answer { message: message.clone(), until }, until),
            None if extended.is_err() => Turn::stay(self.at.waiting.clone(), later(self.seen.now, MAIL_LOOK)),
            None => Turn::next(Passing::Otherwise, spot.along(&step.otherwise), until),
        }
    }

    fn question(&self, spot: Spot<'w>, step: &'w AskStep) -> Turn<'w> {
        let Some((passing, owed)) = self.letter(&step.send, 0) else {
            return Turn::next(Passing::Skipped(Skip::NoMail), spot.next, self.planned());
        };
        self.send(spot, &step.send, step.late, || {
            let until = later(self.anew(self.planned()), step.within.duration());
            let message = self.at.message(&step.id, self.at.place.visit, 0, step.send.as_str());
            let then = Then::Stay { waiting: Waiting::Answer { message, until }, due: until };
            Turn { passed: vec![passing], owed: Some(owed), then }
        })
    }

    /// The first mail of the list goes out that this visit is not done with and the lead has not had. Mails are known by
    /// name, so the list may be edited under way.
    fn series(&self, spot: Spot<'w>, step: &'w SeriesStep) -> Turn<'w> {
        let (since, mut done) = match &self.at.waiting {
            Waiting::Series { until, done } => (*until, done.clone()),
            _ => (self.planned(), vec![]),
        };
        let stay = |until: Timestamp, done: Vec<MailId>| Then::Stay { waiting: Waiting::Series { until, done }, due: until };
        let wait = |until: Timestamp| Turn { passed: vec![], owed: None, then: stay(until, self.done().to_vec()) };
        if self.seen.now < since {
            return wait(since);
        }
        if matches!(self.at.waiting, Waiting::Series { .. })
            && let Ok(until) = self.after_mail(since, |sent| later(sent, step.every.duration()))
            && self.seen.now < until
        {
            return wait(until);
        }
        let planned = self.planned();
        let next_at = || later(self.anew(planned), step.every.duration());
        let mut passed = vec![];
        for mail in &step.mails {
            if done.contains(mail) {
                continue;
            }
            let number = u16::try_from(done.len()).unwrap_or(u16::MAX);
            done.push(mail.clone());
            if self.has_had(mail) {
                passed.push(Passing::Skipped(Skip::Had));
                continue;
            }
            let Some((passing, owed)) = self.letter(mail, number) else {
                passed.push(Passing::Skipped(Skip::NoMail));
                continue;
            };
            return match (self.passage(step.late, self.hours(mail)), self.mail_before()) {
                (Passage::Later(until), _) => wait(until),
                (Passage::TooLate, _) => {
                    passed.push(Passing::Skipped(Skip::Late));
                    Turn { passed, owed: None, then: stay(next_at(), done) }
                }
                (Passage::Now, Some(_)) => wait(later(self.seen.now, MAIL_LOOK)),
                (Passage::Now, None) => {
                    passed.push(passing);
                    Turn { passed, owed: Some(owed), then: stay(next_at(), done) }
                }
            };
        }
        passed.push(Passing::Exhausted);
        Turn { passed, owed: None, then: Then::Next { step: spot.next, planned } }
    }

    fn notify(&self, spot: Spot<'w>, step: &NotifyStep) -> Turn<'w> {
        let next = |how| Turn::next(how, spot.next, self.anew(self.planned()));
        if self.seen.playbook.default_owner().is_none() {
            return next(Passing::Skipped(Skip::NoOwner));
        }
        let message = self.at.message(&step.id, self.at.place.visit, 0, NOTICE);
        match self.passage(step.late, self.own_hours()) {
            Passage::Later(until) => Turn::stay_until(until),
            Passage::TooLate => next(Passing::Skipped(Skip::Late)),
            Passage::Now => next(Passing::Done).owing(Owed::Notice { message, say: step.say.clone() }),
        }
    }

    /// Sends a mail if it may go out now: in the window, unless it comes too late, and after the mail before it.
    fn send(&self, spot: Spot<'w>, mail: &MailId, late: Late, sent: impl FnOnce() -> Turn<'w>) -> Turn<'w> {
        match (self.passage(late, self.hours(mail)), self.mail_before()) {
            (Passage::Later(until), _) => Turn::stay_until(until),
            (Passage::TooLate, _) => Turn::next(Passing::Skipped(Skip::Late), spot.next, self.seen.now),
            (Passage::Now, Some(before)) => Turn::stay(Waiting::Mail(before), later(self.seen.now, MAIL_LOOK)),
            (Passage::Now, None) => sent(),
        }
    }

    /// The scenario's own hours.
    fn own_hours(&self) -> Option<Hours<'w>> {
        self.scenario.hours(&self.seen.folded.lead, &self.seen.playbook.setup)
    }

    /// When a mail goes out: what is for sale waits for hours for mail anyway, and what follows is planned from when it goes.
    fn hours(&self, mail: &MailId) -> Option<Hours<'w>> {
        let playbook = self.seen.playbook;
        let marketing = playbook.mail(mail).is_some_and(|mail| mail.class.consent() == Some(MailClass::Marketing));
        self.own_hours().or_else(|| marketing.then(|| playbook.setup.hours()))
    }

    /// Whether lateness and these hours let something out. An opening that was waited for is not late when it comes.
    fn passage(&self, late: Late, hours: Option<Hours<'w>>) -> Passage {
        let (now, setup) = (self.seen.now, &self.seen.playbook.setup);
        if let Waiting::Until(until) = self.at.waiting
            && until > now
        {
            return Passage::Later(until);
        }
        match late {
            Late::Skip if self.is_late(self.planned()) => return Passage::TooLate,
            Late::NextWindow if self.is_late(self.planned()) => {
                return Passage::Later(hours.unwrap_or_else(|| setup.hours()).next_opening(now));
            }
            Late::Do | Late::NextWindow | Late::Skip => {}
        }
        match hours.map(|hours| hours.opening(now)) {
            Some(opens) if opens > now => Passage::Later(opens),
            Some(_) | None => Passage::Now,
        }
    }

    /// The mail before, while it is neither sent nor given up.
    fn mail_before(&self) -> Option<MessageId> {
        self.at.open_mail(self.seen.folded).filter(|_| self.seen.newest == Newest::Pending).cloned()
    }

    /// A mail to the lead; none: there is no such mail for leads.
    fn letter(&self, id: &MailId, number: u16) -> Option<(Passing, Owed)> {
        let mail = self.seen.playbook.mail(id).filter(|mail| mail.class.consent().is_some())?;
        let (language, version) = mail.version(mail.language(&self.seen.folded.lead, self.seen.playbook.setup.language))?;
        let message = self.at.message(&self.at.place.step, self.at.place.visit, number, id.as_str());
        let drawn = draw(&["subject", message.as_str()], version.subjects.len() as u64);
        let number = u16::try_from(drawn).unwrap_or_default();
        let subject = Subject::of(language, version, number)?;
        let passing = Passing::Mailed { mail: id.clone(), message: message.clone(), subject };
        Some((passing, Owed::Mail { message, mail: id.clone(), subject: number, step: self.at.place.step.clone() }))
    }

    /// Whether the lead was sent this mail, or it is on its way by another run that has not taken it back.
    fn has_had(&self, wanted: &MailId) -> bool {
        let runs = runs(self.seen.folded);
        let withdrawn = |id: &EnrollmentId| {
            let run = runs.iter().find(|run| run.enrollment == id);
            run.and_then(|run| run.left).is_some_and(|(_, left)| left.withdraws_mail())
        };
        self.seen.folded.history().iter().any(|one| match &one.activity.kind {
            Kind::MailSent { mail, owner: None, .. } => mail == wanted,
            Kind::Advanced { enrollment, passed, .. } if *enrollment != self.at.id => {
                let is_owed = |one: &Passed| matches!(&one.how, Passing::Mailed { mail, .. } if mail == wanted);
                let lately = self.seen.now.duration_since(one.activity.at) < LETTER_OF_USE;
                lately && passed.iter().any(is_owed) && !withdrawn(enrollment)
            }
            _ => false,
        })
    }

    /// The mails of a series that this visit is done with.
    fn done(&self) -> &[MailId] {
        if let Waiting::Series { done, .. } = &self.at.waiting { done } else { &[] }
    }
}

/// The way of an answer. One that the question does not know any more is like none.
fn way_of<'s>(step: &'s AskStep, given: &WayId) -> (Passing, &'s [Step]) {
    match step.answers.iter().find(|answer| answer.id == *given) {
        Some(answer) => (Passing::Way(given.clone()), &answer.steps),
        None => (Passing::Otherwise, &step.otherwise),
    }
}

impl Step {
    /// Whether it does nothing but wait.
    pub(super) fn waits(&self) -> bool {
        matches!(self, Self::Wait(_) | Self::WaitUntil(_) | Self::WaitDate(_) | Self::WaitFor(_))
    }

    /// The mails that it sends.
    #[must_use]
    pub fn mails(&self) -> &[MailId] {
        match self {
            Self::Mail(step) => std::slice::from_ref(&step.send),
            Self::Ask(step) => std::slice::from_ref(&step.send),
            Self::Series(step) => &step.mails,
            Self::Wait(_)
            | Self::WaitUntil(_)
            | Self::WaitDate(_)
            | Self::WaitFor(_)
            | Self::Branch(_)
            | Self::Split(_)
            | Self::Set(_)
            | Self::Notify(_)
            | Self::Stop(_)
            | Self::GoTo(_) => &[],
        }
    }
}
