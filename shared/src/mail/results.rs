//! What came of a broadcast: counted from its messages and from the logs of the leads it went to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::broadcast::Unsent;
use super::gate::Deferral;
use super::message::{Event, Message, Report, State};
use crate::activity::{Bounce, Kind};
use crate::fold::Step;
use crate::id::MessageId;

/// What came of a broadcast, in letters; each lead has one. Every letter is in one of `waiting`, `unknown`, `sent`,
/// `unsent`, `held` and `gone`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Results {
    /// Letters owed.
    pub owed: u64,
    /// Not sent yet.
    pub waiting: u64,
    /// Those of them that the gate has put off, by why.
    pub put_off: BTreeMap<Deferral, u64>,
    /// May have been sent: SES did not answer, and proof is awaited.
    pub unknown: u64,
    /// Taken by SES, or shown to have been sent.
    pub sent: u64,
    /// Never to be sent, by why.
    pub unsent: BTreeMap<Unsent, u64>,
    /// A person must look.
    pub held: u64,
    /// The letter is there no more: the lead was erased, or 400 days have passed.
    pub gone: u64,
    /// Taken by the reader's mail server.
    pub delivered: u64,
    /// Came back, and was not delivered after all.
    pub bounced: u64,
    /// Those of them that came back for good: there is no such mailbox.
    pub bounced_for_good: u64,
    /// Called spam by the reader.
    pub complained: u64,
    /// People who opened it: its picture was fetched, and nothing hints at a machine.
    pub opened: u64,
    /// People who followed one of its links, and nothing hints at a machine.
    pub clicked: u64,
    /// People who chose by it to get no more mail, or none of its topic.
    pub unsubscribed: u64,
}

impl Results {
    /// Counts one letter as it stands, with what its lead's log says of it; none: it is there no more.
    pub fn count(&mut self, letter: Option<&Message>, history: &[Step<'_>]) {
        self.owed += 1;
        let Some(letter) = letter else {
            self.gone += 1;
            return;
        };
        match &letter.state {
            State::Pending { .. } | State::Claimed { .. } => {
                self.waiting += 1;
                if let (State::Pending { .. }, Some(Event::Deferred { why, .. })) = (&letter.state, last(letter)) {
                    *self.put_off.entry(*why).or_default() += 1;
                }
            }
            State::Unknown { .. } => self.unknown += 1,
            State::Sent { .. } => self.sent += 1,
            State::Failed | State::Expired => *self.unsent.entry(unsent(letter)).or_default() += 1,
            State::Held => self.held += 1,
        }
        // The letter and the log may each know first.
        let report = letter.report.max(letter.sign_in(history.iter().map(|step| step.activity)));
        let deeds = Deeds::of(&letter.id, history);
        for (count, so) in [
            (&mut self.delivered, matches!(report, Some(Report::Delivered | Report::Complained))),
            (&mut self.bounced, matches!(report, Some(Report::Bounced(_)))),
            (&mut self.bounced_for_good, report == Some(Report::Bounced(Bounce::Permanent))),
            (&mut self.complained, report == Some(Report::Complained)),
            (&mut self.opened, deeds.opened),
            (&mut self.clicked, deeds.clicked),
            (&mut self.unsubscribed, deeds.unsubscribed),
        ] {
            *count += u64::from(so);
        }
    }
}

/// What one reader did.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    /// A person opened it.
    pub(crate) opened: bool,
    /// A person followed one of its links.
    pub(crate) clicked: bool,
    /// By it the reader chose to get no more mail.
    pub(crate) unsubscribed: bool,
}

impl Deeds {
    pub(crate) fn of(letter: &MessageId, history: &[Step<'_>]) -> Self {
        let mut found = Self::default();
        for step in history {
            match &step.activity.kind {
                Kind::MailOpened { message } if message == letter => found.opened |= step.counts(),
                Kind::MailClicked { message, .. } if message == letter => found.clicked |= step.counts(),
                // Many mail providers press the button for their users.
                Kind::MailChosen { wanted: false, message: Some(message), .. } if message == letter => found.unsubscribed = true,
                _ => {}
            }
        }
        found
    }
}

fn last(letter: &Message) -> Option<&Event> {
    letter.history.last().map(|entry| &entry.event)
}

/// Why a letter is not sent, by what ended it. What came after it was sent is no reason.
pub(crate) fn unsent(letter: &Message) -> Unsent {
    letter.history.iter().rev().find_map(|entry| ended_by(&entry.event)).unwrap_or(Unsent::BySes)
}

fn ended_by(event: &Event) -> Option<Unsent> {
    match event {
        Event::Refused { why } => Some(Unsent::from(*why)),
        Event::Never { .. } | Event::Rejected { .. } => Some(Unsent::BySes),
        Event::GivenUp => Some(Unsent::GivenUp),
        Event::Claimed { .. }
        | Event::Accepted { .. }
        | Event::NotNow { .. }
        | Event::NoAnswer { .. }
        | Event::Reported { .. }
        | Event::LeaseEnded
        | Event::Deferred { .. }
        | Event::Released => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::activity::{Activity, OptOut, Record};
    use crate::consent::MailClass;
    use crate::id::{ActivityId, AttemptId, BroadcastId, LeadId, MailId, PlaybookVersion};
    use crate::mail::gate::Refusal;
    use crate::mail::letter::{Cause, Letter};
    use crate::playbook::Language;
    use crate::verdict::Verdict;

    fn now() -> Timestamp {
        "2026-04-01T00:00:00Z".parse().unwrap()
    }

    fn letter(events: &[Event]) -> Message {
        let cause = Cause::Broadcast(BroadcastId::derive(&["b"]));
        let mail = MailId::parse("invite").unwrap();
        let class = MailClass::Marketing;
        let letter = Letter {
            mail,
            class,
            topic: None,
            cause,
            subject: 0,
            values: BTreeMap::new(),
            links: vec![],
            question: None,
            hours: None,
        };
        let (id, lead, version) = (MessageId::derive(&["m"]), LeadId::derive(&["l"]), PlaybookVersion::derive(&["v"]));
        let fresh = Message::letter(id, &lead, Language::En, &version, letter, now(), now(), Timestamp::MAX);
        events.iter().fold(fresh, |message, event| message.after(event.clone(), now()).unwrap())
    }

    fn attempt() -> AttemptId {
        AttemptId::derive(&["a"])
    }

    fn sent() -> Vec<Event> {
        vec![Event::Claimed { attempt: attempt() }, Event::Accepted { attempt: attempt(), ses: "s".to_owned() }]
    }

    #[test]
    fn every_letter_is_counted_in_one_place() {
        let reported = |report| [sent(), vec![Event::Reported { report, attempt: None, ses: None }]].concat();
        let claimed = Event::Claimed { attempt: attempt() };
        let letters = [
            letter(&[]),
            letter(&[Event::Deferred { until: now(), why: Deferral::Cap }]),
            letter(std::slice::from_ref(&claimed)),
            letter(&[claimed.clone(), Event::NoAnswer { attempt: attempt(), why: String::new() }]),
            letter(&[claimed.clone(), Event::Never { attempt: attempt(), why: String::new() }]),
            letter(&[Event::Refused { why: Refusal::OptedOut }]),
            letter(&[Event::Refused { why: Refusal::Cancelled }]),
            letter(&[sent(), vec![Event::Rejected { why: String::new() }]].concat()),
            letter(&sent()),
            letter(&reported(Report::Delivered)),
            letter(&reported(Report::Bounced(Bounce::Permanent))),
            letter(&reported(Report::Bounced(Bounce::Transient))),
            letter(&reported(Report::Complained)),
        ];
        let mut found = Results::default();
        letters.iter().for_each(|letter| found.count(Some(letter), &[]));
        found.count(None, &[]);
        let unsent = BTreeMap::from([(Unsent::BySes, 2), (Unsent::OptedOut, 1), (Unsent::Cancelled, 1)]);
        let wanted = Results {
            owed: 14,
            waiting: 3,
            put_off: BTreeMap::from([(Deferral::Cap, 1)]),
            unknown: 1,
            sent: 5,
            unsent,
            gone: 1,
            delivered: 2,
            bounced: 2,
            bounced_for_good: 1,
            complained: 1,
            ..Results::default()
        };
        assert_eq!(found, wanted);
        assert_eq!(
            found.owed,
            found.waiting + found.unknown + found.sent + found.unsent.values().sum::<u64>() + found.held + found.gone
        );
    }

    #[test]
    fn people_are_counted_once_and_machines_not_at_all() {
        let (own, other) = (MessageId::derive(&["m"]), MessageId::derive(&["another"]));
        let counted = |kinds: Vec<Kind>| {
            let records: Vec<Record> = kinds
                .into_iter()
                .enumerate()
                .map(|(n, kind)| Record::decision(ActivityId::derive(&[&n.to_string()]), now(), kind))
                .collect();
            let step = |record: &'static Record| -> Step<'static> {
                let activity: &'static Activity = &record.activities[0];
                Step { activity, record, class: None, unconfirmed: false, judged: Verdict::Human.into() }
            };
            let records: &'static [Record] = Box::leak(records.into_boxed_slice());
            let history: Vec<Step<'_>> = records.iter().map(step).collect();
            let mut found = Results::default();
            found.count(Some(&letter(&sent())), &history);
            [found.delivered, found.bounced, found.complained, found.opened, found.clicked, found.unsubscribed]
        };
        let opened = |message: &MessageId| Kind::MailOpened { message: message.clone() };
        let clicked =
            |message: &MessageId| Kind::MailClicked { message: message.clone(), link: 0, target: "https://a".to_owned() };
        let chosen = |wanted| Kind::MailChosen { topic: None, wanted, by: OptOut::Page, message: Some(own.clone()) };
        assert_eq!(counted(vec![opened(&own), opened(&own), clicked(&own)]), [0, 0, 0, 1, 1, 0]);
        assert_eq!(counted(vec![opened(&other), clicked(&other), chosen(true)]), [0; 6]);
        assert_eq!(counted(vec![Kind::MailDelivered { message: own.clone() }, chosen(false)]), [1, 0, 0, 0, 0, 1]);
    }
}
