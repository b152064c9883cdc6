//! The town: what its leads are owed, and what they do with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request};
use jiff::{SignedDuration, Timestamp};
use michi::consent::MailClass;
use michi::id::{BroadcastId, LeadId, MailId, MessageId, TopicId};
use michi::io::store::Save;
use michi::link::{OfLetter, Purpose};
use michi::mail::letter::{Cause, Letter};
use michi::mail::message::Message;
use michi::playbook::Playbook;
use michi_local::{Fate as Delivery, Mail, Meanwhile, Options, Suite};
use serde_json::json;

use super::cast::{Fate, LETTERS, Meant, Person, Settled, address, found};
use super::line::{Seen, Witness};
use super::weather::{Deed, Door, Weather};
use crate::harness::{BROWSER, ORIGIN, Visitor, ready_lead};

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
    /// A reader ends mail by one click.
    OptOut { url: String, of: String, message: String },
    /// A scanner looks at a link.
    Scan { url: String },
}

/// How often somebody tries who is not answered well, a minute apart.
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
        let reports = suite.mailbox().reports();
        reports.lay_fate(address(Person::Bounces).as_str(), Delivery::no_such_mailbox());
        reports.lay_fate(address(Person::Complains).as_str(), Delivery::Complained("abuse".to_owned()));
        weather.post.lay(reports);
        let witness = Arc::new(Witness::new(suite.clock().clone()));
        let playbook = suite.desk().playbook().clone();
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
            let report = self.suite.mailbox().reports().next();
            let next = [errand, next, report].into_iter().flatten().min().unwrap_or(now).max(now);
            self.pass(next.duration_since(now)).await;
        }
        vec!["work that never ends".to_owned()]
    }

    /// What comes of the mails that have come since.
    fn look_into_mailboxes(&mut self) {
        let mails = self.suite.mailbox().mails();
        for mail in mails.get(self.read..).unwrap_or_default() {
            let of = mail.tags.get("lead").map(|lead| format!("lead#{lead}")).unwrap_or_default();
            let person = self.person(&of);
            let (Some(url), message) = (unsubscribe_url(mail), mail.tags["message"].clone()) else { continue };
            let at = self.suite.now() + SignedDuration::from_mins(5);
            self.errands.push(Errand { at, tries: 0, what: What::Scan { url: url.clone() } });
            if person == Some(Person::Leaves) {
                self.errands.push(Errand { at, tries: 0, what: What::OptOut { url, of, message } });
            }
        }
        self.read = mails.len();
    }

    /// Runs the first errand that is due, if one is.
    async fn run_errand(&mut self) -> bool {
        let now = self.suite.now();
        let due = self.errands.iter().enumerate().filter(|(_, errand)| errand.at <= now);
        let Some(place) = due.min_by_key(|(_, errand)| errand.at).map(|(place, _)| place) else { return false };
        let errand = self.errands.remove(place);
        let done = match &errand.what {
            What::OptOut { url, of, message } => opt_out(&self.suite, &self.witness, url, of, message).await,
            What::Scan { url } => self.scan(url).await,
        };
        if !done && errand.tries + 1 < TRIES {
            self.errands.push(Errand { at: now + SignedDuration::from_mins(1), tries: errand.tries + 1, what: errand.what });
        }
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
                witness.saw(Seen::Suppressed { address: format!("address#{hash}") });
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
            witness.saw(Seen::Proven { message: message.to_owned() });
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

/// Where a mail program posts that its reader wants no more.
fn unsubscribe_url(mail: &Mail) -> Option<String> {
    let (_, value) = mail.headers.iter().find(|(name, _)| name == "List-Unsubscribe")?;
    let urls = value.split(',').filter_map(|url| url.trim().strip_prefix('<')?.strip_suffix('>'));
    urls.filter(|url| url.starts_with("http")).map(str::to_owned).next()
}
