//! One lead in a simulation, and what is to come for it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Away, Course, Deed, Hold, Letter, Run, Simulation, act};
use crate::activity::{Activity, Kind, Record, Source};
use crate::consent::{Basis, Ground, MailClass};
use crate::fold::{Folded, fold};
use crate::id::{ActivityId, EnrollmentId, MailId, MessageId, ScenarioId};
use crate::lead::Attribute;
use crate::lifecycle::{Change, decide};
use crate::mail::gate::{self, Deferral, ForLead, Passage, Refusal};
use crate::mail::mailing::{Claimed, Mailing};
use crate::mail::message::{Content, Message};
use crate::playbook::scenario::{Scenario, Step, Trigger};
use crate::scenario::owed::message;
use crate::scenario::{
    Enrollment, Entering, KeptOut, Left, Newest, News, Owed, Seen, Waiting, advance, enroll, entering, inside,
};

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
    /// The letters of the course, as the send gate is asked for them.
    pub(super) messages: Vec<Message>,
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
            let newest = at.mail.as_ref().map_or(Newest::GivenUp, |mail| self.newest(mail));
            let (playbook, version, now) = (self.of.playbook, &self.of.version, self.now);
            let seen = Seen { folded: &folded, playbook, version, newest, now };
            let Some(advance) = advance(scenario, &at, &seen) else { break };
            let said = advance.owed.as_ref().and_then(|owed| message(owed, &at, scenario, &seen));
            let record = advance.record(&at, now);
            self.course.log.records.extend(record);
            if let Some(told) = self.course.runs.get_mut(run) {
                told.passed.extend(advance.passed.iter().map(|passed| (now, passed.clone())));
                told.left = advance.left.clone().map(|left| (now, left));
                told.places.extend(advance.after.as_ref().map(|after| (now, after.place.step.clone())));
            }
            if let (Some(Owed::Mail { message, mail, step, .. }), Some(said)) = (&advance.owed, said) {
                let (message, mail, step) = (message.clone(), mail.clone(), step.clone());
                let (scenario, enrollment, owed) = (at.scenario.clone(), at.id.clone(), now);
                let letter = Letter { message, mail, scenario, enrollment, step, owed, sent: None, held: BTreeMap::new() };
                self.course.letters.push(letter);
                self.messages.push(said);
                self.plan(now, Next::Send(self.course.letters.len() - 1));
            }
            if advance.left.as_ref().is_some_and(Left::withdraws_mail) {
                let newest = self.course.letters.iter_mut().find(|letter| Some(&letter.message) == at.mail.as_ref());
                if let Some(letter) = newest.filter(|letter| letter.sent.is_none()) {
                    letter.held.insert(Hold::TakenBack, now);
                }
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

    fn newest(&self, message: &MessageId) -> Newest {
        match self.course.letters.iter().find(|letter| letter.message == *message) {
            Some(letter) if letter.sent.is_some() => Newest::Sent,
            Some(letter) if letter.waits(self.now) => Newest::Pending,
            Some(_) | None => Newest::GivenUp,
        }
    }

    /// Sends a letter if the send gate lets it out now, or puts it off.
    fn send(&mut self, place: usize) {
        if self.course.letters.get(place).is_none_or(|letter| letter.held.contains_key(&Hold::TakenBack)) {
            return;
        }
        let Some(message) = self.messages.get(place) else { return };
        let (why, until) = match self.passage(message) {
            None | Some(Passage::Refuse { why: Refusal::TooLate }) => return,
            Some(Passage::Send { .. }) => return self.sent(place),
            Some(Passage::Refuse { .. }) => (Hold::NotAllowed, self.now),
            Some(Passage::Defer { until, why }) => match why {
                Deferral::InSales => (Hold::InSales, until),
                Deferral::Cap => (Hold::Cap, until),
                Deferral::Window | Deferral::Paused | Deferral::Pacing | Deferral::Trouble => (Hold::Window, until),
            },
        };
        if let Some(letter) = self.course.letters.get_mut(place) {
            letter.held.insert(why, until);
        }
        if why != Hold::NotAllowed {
            self.plan(until, Next::Send(place));
        }
    }

    /// What the send gate says of a letter now; none: it is no letter.
    fn passage(&self, message: &Message) -> Option<Passage<()>> {
        let Content::Letter(letter) = &message.content else { return None };
        let mut lead = fold(self.of.playbook, &self.course.log, self.now);
        if self.of.agreed {
            // Of an example it need not be said that it has an address, and has agreed to mail.
            let ground = Ground { basis: Basis::Import, at: self.of.begin, activity: ActivityId::derive(&[]) };
            lead.permissions.marketing.get_or_insert(ground);
            let address = Attribute { value: "somebody@example.com".to_owned(), at: self.of.begin, unconfirmed: false };
            lead.attributes.entry("email".to_owned()).or_insert(address);
        }
        let mailing = Mailing::of(&lead, None).map(|mailing| Mailing { counted: self.counted(), ..mailing });
        let seen = ForLead {
            lead_exists: true,
            merged: false,
            mailing: mailing.as_ref(),
            address_suppressed: false,
            paused_until: None,
            paced_until: None,
        };
        Some(match gate::for_lead(message, letter, seen, &self.of.playbook.setup, self.now) {
            Passage::Send { .. } => Passage::Send { to: () },
            Passage::Defer { until, why } => Passage::Defer { until, why },
            Passage::Refuse { why } => Passage::Refuse { why },
        })
    }

    /// The marketing mail that the lead has got, as the cap counts it.
    fn counted(&self) -> BTreeMap<MessageId, Claimed> {
        let playbook = self.of.playbook;
        let counts = |mail: &MailId| playbook.mail(mail).is_some_and(|mail| mail.class.consent() == Some(MailClass::Marketing));
        let sent = |activity: &Activity| match &activity.kind {
            Kind::MailSent { message, mail, owner: None } if counts(mail) => Some((message.clone(), Claimed(activity.at))),
            _ => None,
        };
        self.course.log.records.iter().flat_map(|record| &record.activities).filter_map(sent).collect()
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
