//! Who lives in the town, with which permissions, and which letters they are owed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, LogOwner, OptOut, Proof, Record, Source};
use michi::address::Address;
use michi::consent::{Basis, MailClass};
use michi::id::{ActivityId, FormId, LeadId, TopicId, VisitorId};
use michi::io::store::{About, How, Mark, Publication};
use michi::playbook::mailing::Topic;
use michi::playbook::{Playbook, Text};
use michi_local::{Options, Suite};
use serde_json::{Value, json};

use super::SKEW;
use crate::harness::buyer;

/// Who lives in the town.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Person {
    /// Has agreed, and clicks.
    Agreed,
    /// Has agreed to nothing.
    Silent,
    /// Has agreed and taken it back.
    OptedOut,
    /// Turns one topic off when the first mail has come.
    Picky,
    /// Agrees in a form, and confirms it when asked.
    Asked,
    /// Gets more than the cap allows.
    Popular,
    /// Has no such mailbox any more.
    Bounces,
    /// Calls the first mail spam.
    Complains,
    /// Ends mail by one click when the first has come.
    Leaves,
    /// Is hot enough to be told to sales, who then have the lead in hand.
    Hot,
}

/// All of them.
pub(super) const EVERYBODY: &[Person] = &[
    Person::Agreed,
    Person::Silent,
    Person::OptedOut,
    Person::Picky,
    Person::Asked,
    Person::Popular,
    Person::Bounces,
    Person::Complains,
    Person::Leaves,
    Person::Hot,
];

/// What becomes of a letter if nobody changes their mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is sent.
    Sent,
    /// It may not be sent.
    Refused,
    /// It is not sent in time.
    Expires,
}

/// A letter that somebody means to send.
pub(super) struct Meant {
    pub(super) day: usize,
    pub(super) to: Person,
    pub(super) name: &'static str,
    pub(super) class: MailClass,
    pub(super) topic: Option<&'static str>,
    pub(super) fate: Fate,
}

/// Marketing mail on a day.
const fn news(day: usize, to: Person, name: &'static str, fate: Fate) -> Meant {
    Meant { day, to, name, class: MailClass::Marketing, topic: None, fate }
}

/// Mail that somebody asked for.
const fn service(day: usize, to: Person, name: &'static str) -> Meant {
    Meant { day, to, name, class: MailClass::Service, topic: None, fate: Fate::Sent }
}

/// The letters of three days.
pub(super) const LETTERS: &[Meant] = &[
    news(0, Person::Agreed, "first", Fate::Sent),
    news(1, Person::Agreed, "second", Fate::Sent),
    news(2, Person::Agreed, "third", Fate::Sent),
    news(0, Person::Silent, "first", Fate::Refused),
    service(0, Person::Silent, "asked"),
    news(0, Person::OptedOut, "first", Fate::Refused),
    service(1, Person::OptedOut, "asked"),
    Meant { topic: Some("news"), ..news(0, Person::Picky, "news", Fate::Sent) },
    Meant { topic: Some("events"), ..news(1, Person::Picky, "events", Fate::Sent) },
    Meant { topic: Some("news"), ..news(2, Person::Picky, "more news", Fate::Sent) },
    news(1, Person::Asked, "second", Fate::Sent),
    news(0, Person::Popular, "first", Fate::Sent),
    news(0, Person::Popular, "one more", Fate::Sent),
    news(0, Person::Popular, "yet one more", Fate::Sent),
    news(0, Person::Popular, "one too many", Fate::Sent),
    news(0, Person::Bounces, "first", Fate::Sent),
    news(1, Person::Bounces, "second", Fate::Sent),
    service(2, Person::Bounces, "asked"),
    news(0, Person::Complains, "first", Fate::Sent),
    news(1, Person::Complains, "second", Fate::Sent),
    news(0, Person::Leaves, "first", Fate::Sent),
    news(1, Person::Leaves, "second", Fate::Sent),
    service(2, Person::Leaves, "asked"),
    news(1, Person::Hot, "second", Fate::Expires),
];

pub(super) fn address(person: Person) -> Address {
    let name = format!("{person:?}").to_lowercase();
    let of_the_buyer = buyer()["email"].as_str().unwrap().to_owned();
    Address::parse(&if person == Person::Hot { of_the_buyer } else { format!("{name}@town.example") }).unwrap()
}

/// What the tables hold when some persons have moved in and everything that comes of it is done: thousands of towns begin
/// so.
pub(super) struct Settled {
    items: Vec<(&'static str, Value)>,
    pub(super) leads: Vec<(Person, LeadId)>,
    pub(super) playbook: Playbook,
    now: Timestamp,
}

/// Every choice of persons is settled once.
static SETTLED: Mutex<BTreeMap<Vec<Person>, Arc<Settled>>> = Mutex::new(BTreeMap::new());

impl Settled {
    pub(super) async fn of(persons: &[Person]) -> Arc<Self> {
        let known = SETTLED.lock().unwrap().get(persons).cloned();
        let settled = match known {
            Some(settled) => settled,
            None => Arc::new(Self::new(persons).await),
        };
        SETTLED.lock().unwrap().insert(persons.to_vec(), Arc::clone(&settled));
        settled
    }

    async fn new(persons: &[Person]) -> Self {
        let suite = Suite::start(Options::test()).await.unwrap();
        let playbook = publish(&suite).await;
        let comes_later = |person: &Person| [Person::Hot, Person::Asked].contains(person);
        let there: Vec<Person> = persons.iter().copied().filter(|person| !comes_later(person)).collect();
        for person in &there {
            move_in(&suite, *person).await;
        }
        suite.settle().await.unwrap();
        suite.advance(SKEW * 3).await.unwrap();
        assert!(suite.leftovers().unwrap().is_empty());
        let mut leads = vec![];
        for person in there {
            leads.push((person, found(&suite, person).await.unwrap()));
        }
        let items = ["Activities", "Leads"]
            .into_iter()
            .flat_map(|table| suite.items(table).unwrap().into_iter().map(move |item| (table, item)));
        Self { items: items.collect(), leads, playbook, now: suite.now() }
    }

    /// Puts all of it into a suite that has just been started. Nothing is to be started for it.
    pub(super) async fn load(&self, suite: &Suite) {
        for (table, item) in &self.items {
            let mut item = item.clone();
            item.as_object_mut().unwrap().retain(|name, _| name != "wake" && name != "hint");
            let answer = suite.dynamo().call("PutItem", json!({ "TableName": table, "Item": item }));
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        suite.sleep(self.now.duration_since(suite.now())).unwrap();
        for function in &suite.wiring().functions {
            suite.app(&function.name).unwrap().forget_playbook().await;
        }
    }
}

/// Makes a playbook live in which forms ask for a confirmation and readers may choose topics.
async fn publish(suite: &Suite) -> Playbook {
    let mut playbook = suite.desk().playbook().clone();
    let seminar = FormId::parse("seminar").unwrap();
    playbook.setup.forms.iter_mut().filter(|class| class.forms.contains(&seminar)).for_each(|class| class.confirm = true);
    let topic = |id: &str| Topic { id: TopicId::parse(id).unwrap(), name: Text { en: id.to_owned(), ja: id.to_owned() } };
    playbook.setup.mail.topics = ["news", "events"].map(topic).to_vec();
    let (store, now) = (&suite.own().store, suite.now());
    let about = About {
        by: "the simulation".to_owned(),
        at: now,
        why: String::new(),
        based_on: None,
        files: vec![],
        packed: String::new(),
    };
    let version = store.keep_playbook(&playbook, &about, b"").await.unwrap();
    let base = store.live_consistent().await.unwrap();
    let wish = Publication {
        version: &version,
        epoch: playbook.scoring.interest.epoch(),
        base: base.as_ref(),
        by: &about.by,
        why: "",
        how: How::Applied,
        proposal: None,
        leads: None,
        seen_at_once: true,
    };
    store.publish(&wish, now).await.unwrap();
    for function in &suite.wiring().functions {
        suite.app(&function.name).unwrap().forget_playbook().await;
    }
    playbook
}

pub(super) async fn found(suite: &Suite, person: Person) -> Option<LeadId> {
    let hash = suite.own().keys.address_hash(&address(person));
    suite.own().store.address_owner(&hash).await.unwrap()
}

/// A lead comes to be, with what it has agreed to.
async fn move_in(suite: &Suite, person: Person) {
    let name = format!("{person:?}");
    let mut kinds = vec![Kind::Identified {
        address: Some(address(person)),
        traits: BTreeMap::from([("name".to_owned(), name.clone())]),
        proof: Proof::Proven,
        token: None,
    }];
    let agrees = Kind::Consented {
        class: MailClass::Marketing,
        granted: true,
        basis: Basis::Server,
        text: None,
        awaits: false,
        form: None,
        by: None,
    };
    let refuses = Kind::MailChosen { topic: None, wanted: false, by: OptOut::Page, message: None };
    kinds.extend(match person {
        Person::Silent => vec![],
        Person::OptedOut => vec![agrees, refuses],
        _ => vec![agrees],
    });
    let now = suite.now();
    let activities = (0..).zip(kinds).map(|(place, kind)| {
        let id = ActivityId::derive(&["moves in", &name, &format!("{place}")]);
        Activity { id, at: now + SignedDuration::from_millis(place), kind }
    });
    let activities: Vec<Activity> = activities.collect();
    let visitor = VisitorId::parse(format!("visitor-{name}")).unwrap();
    let record = Record {
        id: activities[0].id.clone(),
        sent: now,
        at: now,
        received: now + SignedDuration::from_millis(9),
        visitor: Some(visitor.clone()),
        source: Source::Server,
        import: None,
        signals: michi::verdict::Signals::default(),
        activities,
    };
    suite.own().store.append(&LogOwner::Visitor(visitor), &record, Mark::Guaranteed).await.unwrap();
}
