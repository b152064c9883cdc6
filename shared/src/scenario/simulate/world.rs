//! One lead in a simulation, and what is to come for it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{Away, Course, Deed, Hold, Letter, Run, Simulation, act};
use crate::activity::{Activity, Kind, Record, Source};
use crate::consent::MailClass;
use crate::fold::{Folded, fold};
use crate::id::{ActivityId, EnrollmentId, MailId, MessageId, ScenarioId};
use crate::lead::Stage;
use crate::lifecycle::{Change, decide};
use crate::playbook::scenario::{Scenario, Step, Trigger};
use crate::scenario::{Enrollment, Entering, KeptOut, News, Owed, Seen, Waiting, advance, enroll, entering, inside};

/// How long a letter rests to a lead that sales has in hand.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(6);

/// What happens next in a lead's course.
#[derive(Debug, Clone)]
pub(super) enum Next {
    Enter(ScenarioId),
    Look(EnrollmentId),
    Send(usize),
    Does(Kind),
    Deed(Deed),
}

/// One lead, and what is to come for it.
pub(super) struct World<'s> {
    pub(super) of: &'s Simulation<'s>,
    pub(super) course: Course,
    /// Its open enrollments, each with its run.
    pub(super) open: BTreeMap<EnrollmentId, (Enrollment, usize)>,
    /// What is to come, in order; what is planned for the same moment, in the order in which it was planned.
    pub(super) agenda: BTreeMap<(Timestamp, u64), Next>,
    pub(super) count: u64,
    pub(super) now: Timestamp,
}

impl World<'_> {
    pub(super) fn plan(&mut self, at: Timestamp, next: Next) {
        self.count += 1;
        self.agenda.insert((at, self.count), next);
    }

    pub(super) fn happens(&mut self, next: Next) {
        match next {
            Next::Enter(id) => self.enter(&id),
            Next::Look(id) => self.look(&id),
            Next::Send(letter) => self.send(letter),
            Next::Deed(deed) => match self.deed(&deed) {
                Some(kind) => self.happens(Next::Does(kind)),
                None => self.course.idle.push((self.now, deed)),
            },
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

    /// What a deed is at this moment; none: there is nothing to answer, or to click in.
    fn deed(&self, deed: &Deed) -> Option<Kind> {
        let sent = self.course.letters.iter().rev().find(|letter| letter.sent.is_some()).map(|letter| &letter.message);
        match deed {
            Deed::Does(what) => act(self.of.playbook, what, sent),
            Deed::Becomes { name, value } => Some(Kind::AttributeSet { name: name.clone(), value: value.clone() }),
            Deed::Answers(answer) => self.open.values().find_map(|(at, _)| {
                let Waiting::Answer { message, .. } = &at.waiting else { return None };
                let scenario = self.of.playbook.scenarios.get(&at.scenario)?;
                let Step::Ask(ask) = scenario.find(&at.place.step)?.step else { return None };
                let answer = ask.answers.iter().map(|known| &known.id).find(|known| *known == answer)?.clone();
                let (enrollment, step, message) = (at.id.clone(), ask.id.clone(), message.clone());
                Some(Kind::Answered { enrollment, step, message, attribute: ask.attribute.clone(), answer })
            }),
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
        match self.entering(id, scenario) {
            Err(why) => {
                self.course.away.insert(id.clone(), Away::KeptOut(why));
            }
            Ok(entering) => {
                let enrollment = entering.enrollment;
                let places = vec![(self.now, enrollment.place.step.clone())];
                self.course.log.records.push(entering.record);
                self.course.runs.push(Run { scenario: id.clone(), entered: self.now, passed: vec![], places, left: None });
                let key = enrollment.id.clone();
                self.open.insert(key.clone(), (enrollment, self.course.runs.len() - 1));
                self.look(&key);
            }
        }
    }

    /// The lead's entry at this moment. A date lets it in as it does at `score`, so that what is late by then is late here.
    fn entering(&self, id: &ScenarioId, scenario: &Scenario) -> Result<Entering, KeptOut> {
        let (playbook, version, lead, now) = (self.of.playbook, &self.of.version, &self.course.lead, self.now);
        let folded = Folded::of(playbook, &self.course.log, now);
        let by_hand = enroll(playbook, version, (id, scenario), lead, &folded, "simulated", now)?;
        if !matches!(scenario.trigger, Trigger::Date(_)) {
            return Ok(by_hand);
        }
        let news = News { records: &[], inside: &inside(playbook, &folded), before: None };
        let mut all = entering(playbook, version, lead, &folded, news, now).into_iter();
        // Nothing but an entry for the same date keeps it out now.
        all.find(|entering| entering.enrollment.scenario == *id).ok_or(KeptOut::Before)
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
                told.places.extend(advance.after.as_ref().map(|after| (now, after.place.step.clone())));
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
        letter.is_some_and(|letter| letter.waits(self.now))
    }

    /// Sends a letter if it may go out now, or puts it off, as the send gate does.
    fn send(&mut self, place: usize) {
        let Some(letter) = self.course.letters.get(place) else { return };
        let hold = self.hold(letter);
        if self.now >= letter.expires() {
            return;
        }
        match hold {
            Some((why, until)) => {
                let until = until.min(letter.expires());
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
