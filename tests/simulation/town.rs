//! A town of leads with different permissions, the letters they are owed, and what they do with those.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Bounce, Kind, LogOwner, OptOut, Proof, Record, Source};
use michi::address::Address;
use michi::consent::{Basis, MailClass};
use michi::id::{ActivityId, BroadcastId, LeadId, MailId, MessageId, TopicId, VisitorId};
use michi::io::store::{Mark, Save};
use michi::link::{OfLetter, Purpose};
use michi::mail::letter::{Cause, Letter};
use michi::mail::message::{Message, Report};
use michi::playbook::Playbook;
use michi_local::{Mail, Meanwhile, Options, Suite};
use serde_json::{Value, json};

use super::SKEW;
use super::line::{Seen, Witness, text};
use super::weather::{Deed, Door, Reports, Weather};
use crate::harness::{BROWSER, ORIGIN, Visitor, buyer, ready_lead};

/// Who lives in the town.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Person {
    /// Has agreed, and clicks.
    Agreed,
    /// Has agreed to nothing.
    Silent,
    /// Has agreed and taken it back.
    OptedOut,
    /// Does not want one topic.
    Picky,
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
struct Planned {
    day: usize,
    to: Person,
    name: &'static str,
    class: MailClass,
    topic: Option<&'static str>,
    fate: Fate,
}

/// Marketing mail on a day.
const fn news(day: usize, to: Person, name: &'static str, fate: Fate) -> Planned {
    Planned { day, to, name, class: MailClass::Marketing, topic: None, fate }
}

/// Mail that somebody asked for.
const fn service(day: usize, to: Person, name: &'static str) -> Planned {
    Planned { day, to, name, class: MailClass::Service, topic: None, fate: Fate::Sent }
}

/// The letters of three days.
const LETTERS: &[Planned] = &[
    news(0, Person::Agreed, "first", Fate::Sent),
    news(1, Person::Agreed, "second", Fate::Sent),
    news(2, Person::Agreed, "third", Fate::Sent),
    news(0, Person::Silent, "first", Fate::Refused),
    service(0, Person::Silent, "asked"),
    news(0, Person::OptedOut, "first", Fate::Refused),
    service(1, Person::OptedOut, "asked"),
    Planned { topic: Some("events"), ..news(0, Person::Picky, "events", Fate::Refused) },
    news(1, Person::Picky, "second", Fate::Sent),
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
    door: Door,
    reports: Reports,
    /// How many mails have been looked at.
    read: usize,
    errands: Vec<Errand>,
}

/// Something that somebody outside michi does.
struct Errand {
    at: Timestamp,
    tries: u32,
    what: What,
}

#[derive(Clone)]
enum What {
    /// SES reports on a mail.
    Report { mail: Arc<Mail>, report: Report },
    /// A reader ends mail by one click.
    OptOut { url: String, of: String, message: String },
    /// A scanner looks at a link.
    Scan { url: String },
}

/// How often somebody tries who is not answered well, a minute apart: SES's events come three times, then they are lost.
const TRIES: u32 = 3;
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long it takes until everything is over: the cap lets go after a week.
const OVER: SignedDuration = SignedDuration::from_hours(24 * 21);
/// The most steps until then.
const STEPS: usize = 2000;

impl Town {
    /// A town where these persons live, on a morning on which nobody has been written to.
    pub(super) async fn new(persons: &[Person], weather: &Weather, door: Door) -> Self {
        let settled = Settled::of(persons).await;
        let options = Options { skew: weather.skew.clone(), disorder: weather.disorder, ..Options::test() };
        let suite = Suite::start(options).await.unwrap();
        settled.load(&suite);
        let witness = Arc::new(Witness::new(suite.clock().clone()));
        let playbook = suite.desk().playbook().clone();
        let (owed, errands) = Default::default();
        let (persons, leads, reports) = (persons.to_vec(), settled.leads.clone(), weather.reports);
        Self { suite, witness, owed, persons, leads, playbook, door, reports, read: 0, errands }
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

    /// Who it is whose partition this is.
    pub(super) fn person(&self, partition: &str) -> Option<Person> {
        let id = partition.strip_prefix("lead#")?;
        self.leads.iter().find(|(_, lead)| lead.as_str() == id).map(|(person, _)| *person)
    }

    pub(super) fn lives_here(&self, person: Person) -> bool {
        self.persons.contains(&person)
    }

    /// Owes a letter, and once more, as whoever is not sure of having done so does.
    async fn owe(&mut self, letter: &Planned) {
        let Planned { to, name, class, topic, fate, .. } = *letter;
        let Some(lead) = self.lead(to).await else { return };
        let marketing = class == MailClass::Marketing;
        let mail = MailId::parse(if marketing { "case-study" } else { "confirm" }).unwrap();
        let topic = topic.and_then(|topic| TopicId::parse(topic).ok());
        let now = self.suite.now();
        let broadcast = BroadcastId::derive(&[name]);
        let id = MessageId::derive(&["broadcast", broadcast.as_str(), lead.as_str()]);
        let links = vec![format!("{ORIGIN}/cases/kansai-precision")];
        // Mail that was asked for and no confirmation there is none yet; it asks for nothing that anybody awaits.
        let cause = if marketing { Cause::Broadcast(broadcast) } else { Cause::Confirmation(ActivityId::derive(&[name])) };
        let letter = Letter { mail, class, topic: topic.clone(), cause, subject: 0, values: BTreeMap::new(), links };
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
            if day == 0 && self.lives_here(Person::Hot) {
                ready_lead(&self.suite, &mut Visitor::new("hot")).await;
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
            let left = self.suite.leftovers().unwrap();
            if (left.is_empty() && self.errands.is_empty()) || self.suite.now() >= end {
                return left;
            }
            let now = self.suite.now();
            let errand = self.errands.iter().map(|errand| errand.at).min();
            let next = self.suite.wake_ups(1).unwrap().first().map(|wake_up| wake_up.due);
            let next = [errand, next].into_iter().flatten().min().unwrap_or(now).max(now);
            self.pass(next.duration_since(now)).await;
        }
        vec!["work that never ends".to_owned()]
    }

    /// What comes of the mails that have come since.
    fn look_into_mailboxes(&mut self) {
        let mails = self.suite.mailbox().mails();
        for mail in mails.get(self.read..).unwrap_or_default() {
            let of = mail.tags.get("lead").map(|lead| format!("lead#{lead}")).unwrap_or_default();
            let person = self.person(&of).filter(|_| is_letter(mail));
            self.expect_reports(person, mail);
            let (Some(url), message) = (unsubscribe_url(mail), mail.tags["message"].clone()) else { continue };
            let at = self.suite.now() + SignedDuration::from_mins(5);
            self.errands.push(Errand { at, tries: 0, what: What::Scan { url: url.clone() } });
            if person == Some(Person::Leaves) {
                self.errands.push(Errand { at, tries: 0, what: What::OptOut { url, of, message } });
            }
        }
        self.read = mails.len();
    }

    /// What SES will report of a mail, and when.
    fn expect_reports(&mut self, reader: Option<Person>, mail: &Arc<Mail>) {
        if self.reports.lost {
            return;
        }
        let mut reports = match reader {
            Some(Person::Bounces) => vec![Report::Sent, Report::Bounced(Bounce::Permanent)],
            Some(Person::Complains) => vec![Report::Sent, Report::Delivered, Report::Complained],
            _ => vec![Report::Sent, Report::Delivered],
        };
        if self.reports.backwards {
            reports.reverse();
        }
        for (place, report) in (1..).zip(reports) {
            let at = self.suite.now() + self.reports.late + SignedDuration::from_secs(place);
            let what = What::Report { mail: Arc::clone(mail), report };
            let again = self.reports.doubled.then(|| at + SignedDuration::from_mins(1));
            self.errands.extend([Some(at), again].into_iter().flatten().map(|at| Errand { at, tries: 0, what: what.clone() }));
        }
    }

    /// Runs the first errand that is due, if one is.
    async fn run_errand(&mut self) -> bool {
        let now = self.suite.now();
        let due = self.errands.iter().enumerate().filter(|(_, errand)| errand.at <= now);
        let Some(place) = due.min_by_key(|(_, errand)| errand.at).map(|(place, _)| place) else { return false };
        let errand = self.errands.remove(place);
        let done = match &errand.what {
            What::Report { mail, report } => self.report(mail, *report).await,
            What::OptOut { url, of, message } => opt_out(&self.suite, &self.witness, url, of, message).await,
            What::Scan { url } => self.scan(url).await,
        };
        if !done && errand.tries + 1 < TRIES {
            self.errands.push(Errand { at: now + SignedDuration::from_mins(1), tries: errand.tries + 1, what: errand.what });
        }
        true
    }

    /// SES reports on a mail; whether it was heard.
    async fn report(&self, mail: &Mail, report: Report) -> bool {
        let message = mail.tags.get("message").cloned().unwrap_or_default();
        self.witness.saw(Seen::Proven { message, report });
        true
    }

    /// A scanner follows a link that ends mail; that must change nothing.
    async fn scan(&self, url: &str) -> bool {
        let path = url.strip_prefix(&self.suite.options().collector_url).unwrap().to_owned();
        let (method, body) = if self.door.get_acts { (Method::POST, ONE_CLICK) } else { (Method::GET, "") };
        request(&self.suite, method, &path, body).await
    }

    /// What happens beside a call, as it will.
    pub(super) fn deed(&self, deed: Deed) -> Meanwhile {
        let (suite, witness) = (self.suite.clone(), Arc::clone(&self.witness));
        let of = self.partition(Person::Leaves);
        let lead = LeadId::parse(of.trim_start_matches("lead#")).unwrap();
        match deed {
            Deed::Tick => Box::pin(async move { drop(suite.tick("notify").await) }),
            Deed::OptOut => Box::pin(async move {
                let (number, key) = suite.own().keys.signing().unwrap();
                let message = MessageId::derive(&["another letter"]);
                let token = OfLetter { lead, message: message.clone() }.token(Purpose::Unsubscribe, number, key.bytes());
                let url = format!("{}/unsubscribe/{token}", suite.options().collector_url);
                opt_out(&suite, &witness, &url, &of, message.as_str()).await;
            }),
            Deed::Suppress => Box::pin(async move {
                let hash = suite.own().keys.address_hash(&address(Person::Leaves));
                let item = json!({ "pk": { "S": format!("address#{hash}") }, "sk": { "S": "suppressed" },
                    "why": { "S": "erasure" }, "at": { "S": suite.now().to_string() } });
                let put = json!({ "TableName": "Leads", "Item": item });
                assert_eq!(suite.dynamo().call("PutItem", put).status, 200);
                witness.saw(Seen::Suppressed { of });
            }),
        }
    }
}

/// What a mail program posts for its reader, by RFC 8058.
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// Ends mail by one click; whether that was acknowledged.
async fn opt_out(suite: &Suite, witness: &Witness, url: &str, of: &str, message: &str) -> bool {
    let path = url.strip_prefix(&suite.options().collector_url).unwrap().to_owned();
    let done = request(suite, Method::POST, &path, ONE_CLICK).await;
    if done {
        // What was so already is not written down again, and so proves nothing.
        if !witness.seen().iter().any(|seen| matches!(seen, Seen::OptedOut { of: out, .. } if out == of)) {
            witness.saw(Seen::Proven { message: message.to_owned(), report: Report::Sent });
        }
        witness.saw(Seen::OptedOut { of: of.to_owned(), topic: None });
    }
    done
}

async fn request(suite: &Suite, method: Method, path: &str, body: &'static str) -> bool {
    let request = Request::builder().method(method).uri(path).header("user-agent", BROWSER);
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(body)).unwrap();
    let status = suite.request(request).await.status();
    assert!(status.is_success() || status.is_server_error(), "{status}");
    status.is_success()
}

fn is_letter(mail: &Mail) -> bool {
    mail.to.iter().any(|to| to.contains("@town.example"))
}

/// Where a mail program posts that its reader wants no more.
fn unsubscribe_url(mail: &Mail) -> Option<String> {
    let (_, value) = mail.headers.iter().find(|(name, _)| name == "List-Unsubscribe")?;
    let urls = value.split(',').filter_map(|url| url.trim().strip_prefix('<')?.strip_suffix('>'));
    urls.filter(|url| url.starts_with("http")).map(str::to_owned).next()
}

fn address(person: Person) -> Address {
    let name = format!("{person:?}").to_lowercase();
    let of_the_buyer = buyer()["email"].as_str().unwrap().to_owned();
    Address::parse(&if person == Person::Hot { of_the_buyer } else { format!("{name}@town.example") }).unwrap()
}

/// What the tables hold when some persons have moved in and everything that comes of it is done: thousands of towns begin
/// so.
struct Settled {
    items: Vec<(&'static str, Value)>,
    leads: Vec<(Person, LeadId)>,
    now: Timestamp,
}

/// Every choice of persons is settled once.
static SETTLED: Mutex<BTreeMap<Vec<Person>, Arc<Settled>>> = Mutex::new(BTreeMap::new());

impl Settled {
    async fn of(persons: &[Person]) -> Arc<Self> {
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
        let there: Vec<Person> = persons.iter().copied().filter(|person| *person != Person::Hot).collect();
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
        let items = ["Activities", "Leads"].into_iter().flat_map(|table| {
            let items = suite.items(table).unwrap().into_iter();
            items.filter(|item| !text(item, "pk").starts_with("playbook#")).map(move |item| (table, item))
        });
        Self { items: items.collect(), leads, now: suite.now() }
    }

    /// Puts all of it into a suite that has just been started. Nothing is to be started for it.
    fn load(&self, suite: &Suite) {
        for (table, item) in &self.items {
            let mut item = item.clone();
            item.as_object_mut().unwrap().retain(|name, _| name != "wake" && name != "hint");
            let answer = suite.dynamo().call("PutItem", json!({ "TableName": table, "Item": item }));
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        suite.sleep(self.now.duration_since(suite.now())).unwrap();
    }
}

async fn found(suite: &Suite, person: Person) -> Option<LeadId> {
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
    let refuses = |topic| Kind::MailChosen { topic, wanted: false, by: OptOut::Page, message: None };
    kinds.extend(match person {
        Person::Silent => vec![],
        Person::OptedOut => vec![agrees, refuses(None)],
        Person::Picky => vec![agrees, refuses(TopicId::parse("events").ok())],
        _ => vec![agrees],
    });
    let now = suite.now();
    let activities = (0..).zip(kinds).map(|(place, kind)| {
        let id = ActivityId::derive(&["moves in", &name, &format!("{place}")]);
        Activity { id, at: now + SignedDuration::from_millis(place), kind }
    });
    let activities: Vec<Activity> = activities.collect();
    let visitor = VisitorId::parse(&format!("visitor-{name}")).unwrap();
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
