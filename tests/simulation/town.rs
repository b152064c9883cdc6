//! The town: what its leads are owed, and what they do with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use michi::consent::MailClass;
use michi::id::{BroadcastId, LeadId, MailId, MessageId, TopicId};
use michi::io::store::Save;
use michi::mail::letter::{Cause, Letter};
use michi::mail::message::Message;
use michi::playbook::Playbook;
use michi_local::{Fate as Delivery, Options, Suite};
use serde_json::json;

use super::cast::{Fate, LETTERS, Meant, Person, Settled, address, found};
use super::line::Witness;
use super::readers::{Errand, errands};
use super::weather::{Door, Weather};
use crate::harness::{ORIGIN, Visitor, insist, ready_lead};

/// A letter that is owed.
#[derive(Debug, Clone)]
pub(super) struct Owed {
    pub(super) id: MessageId,
    pub(super) person: Person,
    pub(super) marketing: bool,
    pub(super) topic: Option<TopicId>,
    pub(super) fate: Fate,
}

/// The town, and what has happened in it.
pub(super) struct Town {
    pub(super) suite: Suite,
    pub(super) witness: Arc<Witness>,
    pub(super) owed: Vec<Owed>,
    persons: Vec<Person>,
    /// Who is which lead, as far as it is known.
    leads: Vec<(Person, LeadId)>,
    playbook: Playbook,
    pub(super) door: Door,
    /// How many mails have been looked at.
    read: usize,
    errands: Vec<Errand>,
}

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long it takes until everything is over: the cap lets go after a week.
const OVER: SignedDuration = SignedDuration::from_hours(24 * 21);
/// The most steps until then.
const STEPS: usize = 1000;

impl Town {
    /// A town where these persons live, on a morning on which nobody has been written to.
    pub(super) async fn new(persons: &[Person], weather: &Weather, door: Door) -> Self {
        let settled = Settled::of(persons).await;
        let options = Options { skew: weather.skew.clone(), disorder: weather.disorder, ..Options::test() };
        let suite = Suite::start(options).await.unwrap();
        settled.load(&suite).await;
        let reports = suite.mailbox().reports();
        reports.lay_fate(address(Person::Bounces).as_str(), Delivery::no_such_mailbox());
        reports.lay_fate(address(Person::Complains).as_str(), Delivery::Complained("abuse".to_owned()));
        weather.post.lay(reports);
        let witness = Arc::new(Witness::new(suite.clock().clone()));
        let playbook = settled.playbook.clone();
        let (owed, errands) = Default::default();
        let (persons, leads) = (persons.to_vec(), settled.leads.clone());
        Self { suite, witness, owed, persons, leads, playbook, door, read: 0, errands }
    }

    pub(super) fn playbook(&self) -> &Playbook {
        &self.playbook
    }

    /// Which lead a person is; none: no such person has been heard of.
    async fn lead(&mut self, person: Person) -> Option<LeadId> {
        if let Some((_, lead)) = self.leads.iter().find(|(other, _)| *other == person) {
            return Some(lead.clone());
        }
        let lead = found(&self.suite, person).await?;
        self.leads.push((person, lead.clone()));
        Some(lead)
    }

    /// The partition in which what concerns a person lies.
    pub(super) fn partition(&self, person: Person) -> String {
        let lead = self.leads.iter().find(|(other, _)| *other == person).map(|(_, lead)| lead.as_str());
        format!("lead#{}", lead.unwrap_or("nobody"))
    }

    /// The partition of the lead whose address is under this key.
    pub(super) fn at(&self, key: &str) -> Option<String> {
        let keys = &self.suite.own().keys;
        let lives_there = |person: &&Person| key == format!("address#{}", keys.address_hash(&address(**person)));
        self.persons.iter().find(lives_there).map(|person| self.partition(*person))
    }

    /// Who it is whose partition this is.
    pub(super) fn person(&self, partition: &str) -> Option<Person> {
        let id = partition.strip_prefix("lead#")?;
        self.leads.iter().find(|(_, lead)| lead.as_str() == id).map(|(person, _)| *person)
    }

    /// Of whom more happens than the story says.
    pub(super) fn someone(&self) -> Person {
        if self.lives_here(Person::Leaves) { Person::Leaves } else { self.persons[0] }
    }

    pub(super) fn lives_here(&self, person: Person) -> bool {
        self.persons.contains(&person)
    }

    /// Owes a letter, and once more, as whoever is not sure of having done so does.
    async fn owe(&mut self, letter: &Meant) {
        let Meant { to, name, class, topic, fate, .. } = *letter;
        let Some(lead) = self.lead(to).await else { return };
        let marketing = class == MailClass::Marketing;
        let mail = MailId::parse("case-study").unwrap();
        let topic = topic.and_then(|topic| TopicId::parse(topic).ok());
        let now = self.suite.now();
        let broadcast = BroadcastId::derive(&[name]);
        let id = MessageId::derive(&["broadcast", broadcast.as_str(), lead.as_str()]);
        let links = vec![format!("{ORIGIN}/cases/kansai-precision")];
        let letter = Letter {
            mail,
            class,
            topic: topic.clone(),
            cause: Cause::Broadcast(broadcast),
            subject: 0,
            values: BTreeMap::new(),
            links,
            question: None,
            hours: None,
        };
        let (language, version) = (self.playbook.setup.language, self.playbook.version());
        let of_use = if fate == Fate::Expires { DAY } else { DAY * 14 };
        let message = Message::letter(id.clone(), &lead, language, &version, letter, now, now, now + of_use);
        for _ in 0..2 {
            self.suite.own().store.save(Save { messages: vec![message.clone()], ..Save::default() }).await.unwrap();
        }
        self.owed.push(Owed { id, person: to, marketing, topic, fate });
    }

    /// The days of the town. On one of them everything may sleep for a day when letters have just been owed.
    pub(super) async fn live(&mut self, sleeps: Option<usize>) {
        for day in 0..3 {
            if day == 0 {
                self.visit().await;
            }
            for letter in LETTERS.iter().filter(|letter| letter.day == day) {
                self.owe(letter).await;
            }
            if sleeps == Some(day) {
                self.suite.sleep(DAY).unwrap();
            }
            self.pass(DAY).await;
        }
    }

    /// Who comes to the site does so now.
    async fn visit(&self) {
        if self.lives_here(Person::Hot) {
            ready_lead(&self.suite, &mut Visitor::new("hot")).await;
        }
        if self.lives_here(Person::Asked) {
            let mut visitor = Visitor::new("asked");
            let fields = json!({ "email": address(Person::Asked).as_str(), "name": "Asked" });
            insist(&self.suite, &visitor.form(self.suite.now(), "seminar", &fields)).await;
        }
    }

    /// Lets so much time pass, in which everybody does what is due.
    pub(super) async fn pass(&mut self, by: SignedDuration) {
        let end = self.suite.now() + by;
        loop {
            self.suite.sweep().await.unwrap();
            self.look_into_mailboxes();
            while self.run_errand().await {
                self.suite.sweep().await.unwrap();
                self.look_into_mailboxes();
            }
            let now = self.suite.now();
            if now >= end {
                return;
            }
            let errand = self.errands.iter().map(|errand| errand.at).min();
            // What a function left undone, its schedule brings again.
            let due = self.suite.wake_ups(1).unwrap().first().map(|wake_up| wake_up.due.max(now + SignedDuration::from_mins(1)));
            let next = [errand, due].into_iter().flatten().min().unwrap_or(end).min(end);
            self.suite.advance(next.duration_since(now)).await.unwrap();
        }
    }

    /// Lets time pass until everything is over; answers what is left then.
    pub(super) async fn end(&mut self) -> Vec<String> {
        let end = self.suite.now() + OVER;
        for _ in 0..STEPS {
            self.pass(SignedDuration::from_mins(1)).await;
            let given_up = !self.suite.mailbox().reports().dead().unwrap().is_empty();
            let done = self.suite.is_done().unwrap() && self.errands.is_empty();
            if done || given_up || self.suite.now() >= end {
                return self.suite.leftovers().unwrap();
            }
            let now = self.suite.now();
            let errand = self.errands.iter().map(|errand| errand.at).min();
            let next = self.suite.wake_ups(1).unwrap().first().map(|wake_up| wake_up.due);
            let report = self.suite.mailbox().reports().next();
            let next = [errand, next, report].into_iter().flatten().min().unwrap_or(now).max(now);
            self.pass(next.duration_since(now)).await;
        }
        let left = self.suite.leftovers().unwrap();
        left.into_iter().chain(["work that never ends".to_owned()]).collect()
    }

    /// What comes of the mails that have come since.
    fn look_into_mailboxes(&mut self) {
        let mails = self.suite.mailbox().mails();
        for mail in mails.get(self.read..).unwrap_or_default() {
            let lead = mail.tags.get("lead").map(|lead| format!("lead#{lead}"));
            self.errands.extend(errands(lead.and_then(|lead| self.person(&lead)), mail, self.suite.now()));
        }
        self.read = mails.len();
    }

    /// Runs the first errand that is due, if one is.
    async fn run_errand(&mut self) -> bool {
        let now = self.suite.now();
        let due = self.errands.iter().enumerate().filter(|(_, errand)| errand.at <= now);
        let Some(place) = due.min_by_key(|(_, errand)| errand.at).map(|(place, _)| place) else { return false };
        let errand = self.errands.remove(place);
        let again = errand.run(self).await;
        self.errands.extend(again);
        true
    }
}
