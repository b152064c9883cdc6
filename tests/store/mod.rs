//! The store over its real protocol: what it keeps, what it refuses, and what that consumes.

mod cost;
mod due;
mod log;
mod saving;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner, PageView, Proof, Record, Source};
use michi::fact::{Fact, FactKind};
use michi::id::{ActivityId, LeadId, MessageId, OwnerId, PageViewId, PlaybookVersion, VisitorId};
use michi::io::aws::{Account, sdk_config};
use michi::io::store::{About, How, LeadItem, Publication, SettlingVisitor, VisitorItem, Wake};
use michi::io::{Error, Retry, Store};
use michi::lead::{Level, Phase, Stage};
use michi::mail::alert::Alert;
use michi::mail::message::Message;
use michi::playbook::Language;
use michi::verdict::Signals;
use michi_local::bus::EventBus;
use michi_local::client::{Client, Fault, Planned, Service, Units};
use michi_local::dynamo::{Dynamo, Ledger};
use michi_local::ses::Mailbox;
use michi_local::template::{Deployed, Wiring};

/// Both tables as the template has them, empty.
struct Tables {
    /// As `score` uses it, by its role and exposed to faults.
    store: Store,
    /// As the suite itself does.
    own: Store,
    client: Client,
    raw: aws_sdk_dynamodb::Client,
}

impl Tables {
    fn new() -> Self {
        let now: michi_local::Now = Arc::new(|| at(0));
        let wiring = Wiring::built_in(Deployed { collector_url: "http://127.0.0.1:7070", sender: "example.com" }).unwrap();
        let dynamo = Arc::new(Dynamo::memory(now.clone()).unwrap());
        wiring.tables.iter().for_each(|table| dynamo.create(table).unwrap());
        let ledger = Ledger::new(Arc::clone(&dynamo));
        let mailbox = Arc::new(Mailbox::open(&wiring, ledger.clone(), now.clone()).unwrap());
        let bus = Arc::new(EventBus::open(wiring.buses.clone(), ledger, now.clone()).unwrap());
        let client = Client::new(dynamo, mailbox, bus, &wiring, now);
        // The calls of all functions are made in the name of one.
        client.roles().lift();
        let credentials = aws_sdk_dynamodb::config::Credentials::new("local", "local", None, None, "local");
        let dynamo = |client: &Client| {
            let account = Account { region: "local".to_owned(), credentials: credentials.clone(), endpoint: None };
            let config = aws_sdk_dynamodb::config::Builder::from(&sdk_config(account, client.http_client()));
            let quick = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
            aws_sdk_dynamodb::Client::from_conf(config.retry_config(quick).build())
        };
        let raw = dynamo(&client);
        let store = |client| Store::new(client, "Activities", "Leads");
        Self { store: store(dynamo(&client.for_function("score"))), own: store(raw.clone()), client, raw }
    }

    /// What the calls consume that this makes.
    async fn units<T>(&self, work: impl Future<Output = Result<T, Error>>) -> (f64, f64) {
        let mark = self.client.record().mark();
        work.await.unwrap();
        let Units { read, write } = self.client.record().since(mark).iter().map(|call| call.total()).sum();
        (read, write)
    }

    /// The answer to the next call of this kind is lost for good, though it took effect.
    fn lose_answer(&self, operation: &str) {
        self.client.faults().lay([Planned::nth("score", Service::DynamoDb, operation, 1, Fault::AfterEffect)]);
    }

    async fn item(&self, table: &str, pk: &str, sk: &str) -> Option<std::collections::HashMap<String, AttributeValue>> {
        let get = self.raw.get_item().table_name(table).key("pk", AttributeValue::S(pk.to_owned()));
        get.key("sk", AttributeValue::S(sk.to_owned())).send().await.unwrap().item
    }
}

/// So many seconds into the test.
fn at(seconds: i64) -> Timestamp {
    "2026-11-22T00:00:00Z".parse::<Timestamp>().unwrap().checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn lead() -> LeadId {
    LeadId::parse("ann").unwrap()
}

fn anns() -> LogOwner {
    LogOwner::Lead(lead())
}

fn browser() -> VisitorId {
    VisitorId::parse("018f3c1e-7a54-4c1b-9f0e-3b8f5d2a4cff").unwrap()
}

fn browsers() -> LogOwner {
    LogOwner::Visitor(browser())
}

/// The nth page view, as a browser sends it.
fn view(n: i64) -> Record {
    let id = ActivityId::parse(format!("018f3c1e-7a54-7c1b-9f0e-{n:012}")).unwrap();
    let (page_view, url) = (PageViewId::derive(&[id.as_str()]), format!("https://www.example.co.jp/case-studies/{n}"));
    let page = PageView {
        page_view: page_view.clone(),
        url: url.clone(),
        title: Some("導入事例|サンプルテック株式会社".to_owned()),
        referrer: Some("https://www.example.co.jp/products/".to_owned()),
        previous: Some(PageViewId::derive(&["before"])),
        campaign: [("utm_source".to_owned(), "newsletter".to_owned())].into(),
    };
    let engaged = Kind::Engaged { page_view: page_view.clone(), url, millis: 12_345 };
    let clicked = Kind::Clicked {
        page_view: Some(page_view),
        target: "https://www.example.co.jp/pricing".to_owned(),
        text: Some("価格を見る".to_owned()),
    };
    let kinds = [Kind::PageViewed(page), clicked, engaged];
    let activities = kinds.into_iter().enumerate().map(|(place, kind)| Activity {
        id: if place == 0 { id.clone() } else { ActivityId::parse(format!("{id}-{place}")).unwrap() },
        at: at(n),
        kind,
    });
    Record {
        id: id.clone(),
        sent: at(n),
        at: at(n),
        received: at(n + 1),
        visitor: Some(browser()),
        source: Source::Site,
        import: None,
        signals: Signals::default(),
        activities: activities.collect(),
    }
}

/// The nth thing that must be scored.
fn download(n: i64) -> Record {
    let id = ActivityId::parse(format!("download-{n}")).unwrap();
    let kind = Kind::Downloaded { page_view: None, target: "https://www.example.co.jp/paper.pdf".to_owned() };
    Record { activities: vec![Activity { id: id.clone(), at: at(n), kind }], id, ..view(n) }
}

fn decision(n: i64) -> Record {
    let kind = Kind::StageMoved { from: Stage::Lead, to: Stage::Mql, cell: None, alert: None, corrects: None, by_rules: false };
    Record::decision(ActivityId::derive(&["decision", &n.to_string()]), at(n), kind)
}

fn alert() -> Message {
    let alert = Alert {
        at: at(5),
        name: None,
        company: None,
        role: None,
        phone: None,
        address: None,
        stage: Stage::Mql,
        cell: None,
        phase: Phase::Deciding,
        fit: 60.0,
        interest: 70.0,
        before: None,
        rise: None,
        deeds: vec![],
        reading: None,
        pages: vec![],
    };
    let owner = OwnerId::parse("sato").unwrap();
    let version = PlaybookVersion::derive(&["playbook"]);
    Message::alert(MessageId::derive(&["alert"]), &lead(), &owner, Language::Ja, &version, alert, at(5))
}

fn fact() -> Fact {
    let what = FactKind::LeadStageMoved { from: Stage::Lead, to: Stage::Mql, cell: None };
    Fact::of(&lead(), &decision(1).id, at(5), &PlaybookVersion::derive(&["playbook"]), what)
}

fn ann() -> LeadItem {
    LeadItem {
        mailing: None,
        inside: Default::default(),
        lead: lead(),
        revision: 1,
        stage: Stage::Lead,
        grade: None,
        level: Level::COLDEST,
        fit: 20.0,
        rank: Some(3.3),
        momentum_rank: Some(1.0),
        phase: Phase::Gathering,
        excluded: false,
        name: Some("Ann Lee".to_owned()),
        company: Some("Sample Manufacturing".to_owned()),
        visitors: vec![SettlingVisitor { visitor: browser(), linked: at(0), settled: false }],
        playbook: PlaybookVersion::derive(&["playbook"]),
        epoch: "1".to_owned(),
        erased: None,
        merged: None,
        next_review: Some(at(3600)),
        last_seen: Some(at(0)),
    }
}

fn link() -> VisitorItem {
    VisitorItem { visitor: browser(), lead: lead(), since: at(5), proof: Proof::First, erased: false }
}

fn sorted(log: Log) -> Vec<Record> {
    let mut records = log.records;
    records.sort_by(|one, other| (one.sent, &one.id).cmp(&(other.sent, &other.id)));
    records
}

fn retry<T: std::fmt::Debug>(result: Result<T, Error>) -> Retry {
    result.unwrap_err().retry
}

async fn wake_of(tables: &Tables, owner: &LogOwner, record: &Record) -> Option<Wake> {
    tables.store.wakes_of(owner).await.unwrap().into_iter().find(|wake| wake.activity == record.id)
}

#[tokio::test]
async fn a_playbook_of_any_size_is_published_and_can_go_live_again() {
    let Tables { store, .. } = &Tables::new();
    assert_eq!(store.live().await.unwrap(), None);
    let small = michi::playbook::authoring::default_playbook().unwrap();
    let mut large = small.clone();
    large.setup.company.postal_address = "道".repeat(300_000);
    let publish = async |playbook: &michi::playbook::Playbook, now| {
        let about = About {
            by: "ann".to_owned(),
            at: now,
            why: "because".to_owned(),
            based_on: None,
            files: vec![("a.yaml".to_owned(), "digest".to_owned())],
            packed: String::new(),
        };
        // Packed files longer than an item.
        let version = store.keep_playbook(playbook, &about, &vec![7; 600_000]).await.unwrap();
        let base = store.live_consistent().await.unwrap();
        let wish = Publication {
            version: &version,
            epoch: playbook.scoring.interest.epoch(),
            base: base.as_ref(),
            by: "ann",
            why: "because",
            how: How::Applied,
            proposal: None,
            leads: None,
            seen_at_once: false,
        };
        (store.publish(&wish, now).await.unwrap(), base)
    };
    let (first, none) = publish(&small, at(0)).await;
    assert_eq!((first.revision, none, store.derivation().await.unwrap()), (1, None, None));
    let (second, base) = publish(&large, at(1)).await;
    assert_eq!(base.as_ref(), Some(&first));
    assert_eq!(store.live().await.unwrap().as_ref(), Some(&second));
    assert_eq!(store.playbook(&second.version).await.unwrap(), large);
    let (third, _) = publish(&small, at(2)).await;
    assert_eq!((&third.version, third.revision, third.previous), (&first.version, 3, Some(second.version)));
    assert_eq!(store.playbook(&first.version).await.unwrap(), small);
    // The texts of mails lie beside the version, and come when they are asked for.
    let (kept, id) = (store.playbook(&first.version).await.unwrap(), michi::id::MailId::parse("welcome").unwrap());
    for (language, version) in &kept.mails[&id].versions {
        assert!(version.body.parts().is_none());
        let parts = store.mail_parts(&first.version, &version.body).await.unwrap();
        assert_eq!(Some(&parts), small.mails[&id].versions[language].body.parts());
        let other = PlaybookVersion::derive(&["none"]);
        assert_eq!(retry(store.mail_parts(&other, &version.body).await), Retry::Never);
    }
    let about = store.playbook_about(&first.version).await.unwrap().unwrap();
    assert_eq!(store.playbook_files(&first.version, &about).await.unwrap(), vec![7; 600_000]);
    let history = store.playbook_history().await.unwrap();
    assert_eq!(history.iter().map(|moved| moved.live.revision).collect::<Vec<_>>(), [3, 2, 1]);
    assert_eq!(store.derivation().await.unwrap().map(|derivation| derivation.run), Some(3));
    assert_eq!(retry(store.playbook(&PlaybookVersion::derive(&["none"])).await), Retry::Never);
}

#[tokio::test]
async fn a_limit_counts_per_somebody_and_day() {
    let Tables { store, .. } = &Tables::new();
    let today = "2026-11-22".parse().unwrap();
    for wanted in [true, true, false, false] {
        assert_eq!(store.count("form", "a", today, 2).await.unwrap(), wanted);
    }
    assert!(store.count("form", "b", today, 2).await.unwrap());
    assert!(store.count("token", "a", today, 2).await.unwrap());
    assert!(store.count("form", "a", "2026-11-23".parse().unwrap(), 2).await.unwrap());
}

#[tokio::test]
async fn poison_is_kept_with_its_reason_for_thirty_days() {
    let tables = Tables::new();
    for _ in 0..2 {
        tables.store.quarantine("1-2-3", "{\"pk\":", "not JSON", at(0)).await.unwrap();
    }
    let item = tables.item("Leads", "quarantine#2026-11-22", "1-2-3").await.unwrap();
    assert_eq!(item["payload"].as_s().unwrap(), "{\"pk\":");
    assert_eq!(item["reason"].as_s().unwrap(), "not JSON");
    assert_eq!(item["ttl"].as_n().unwrap(), &at(30 * 86_400).as_second().to_string());
}
