//! The store over its real protocol: what it keeps, what it refuses, and what that consumes.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner, PageView, Proof, Record, Source};
use michi::fact::{Fact, FactKind};
use michi::id::{ActivityId, LeadId, MessageId, OwnerId, PageViewId, PlaybookVersion, VisitorId};
use michi::io::aws::{Account, sdk_config};
use michi::io::store::{
    About, CopyFilter, DueKey, Found, Function, How, LeadItem, Mark, Publication, Save, SettlingVisitor, Token, VisitorItem, Wake,
};
use michi::io::{Error, Retry, Store};
use michi::lead::{Level, Phase, Stage};
use michi::mail::alert::Alert;
use michi::mail::message::Message;
use michi::playbook::Language;
use michi::verdict::{Signals, UserAgent};
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
async fn a_record_is_appended_once_however_often_it_comes() {
    let tables = Tables::new();
    for mark in [Mark::Quiet, Mark::Hint, Mark::Guaranteed] {
        tables.store.append(&browsers(), &view(1), mark).await.unwrap();
        let later = Record { received: at(900), ..view(1) };
        tables.store.append(&browsers(), &later, mark).await.unwrap();
        assert_eq!(tables.store.log(&browsers()).await.unwrap(), Log { owner: browsers(), records: vec![view(1)] });
    }
    assert_eq!(tables.store.wakes_of(&browsers()).await.unwrap(), []);
}

#[tokio::test]
async fn what_must_be_scored_stays_owed_until_a_save_says_it_was() {
    let Tables { store, .. } = &Tables::new();
    let record = download(1);
    store.append(&browsers(), &record, Mark::Guaranteed).await.unwrap();
    assert_eq!(store.due(Function::Score, at(31), 10).await.unwrap().keys, []);
    let due = store.due(Function::Score, at(32), 10).await.unwrap().keys;
    let key = DueKey { pk: format!("visitor#{}", browser()), sk: format!("wake#{}", record.id) };
    assert_eq!(due, std::slice::from_ref(&key));
    assert_eq!((key.waking(), key.lead()), (Some(browsers()), None));
    let wake = store.wake(&key).await.unwrap().unwrap();
    assert_eq!(store.record(&wake.owner, &wake.record_sk).await.unwrap(), Some(record.clone()));

    for _ in 0..2 {
        store.save(Save { done: Some(wake.clone()), ..Save::default() }).await.unwrap();
        assert_eq!(store.wake(&key).await.unwrap(), None);
    }
    store.append(&browsers(), &record, Mark::Guaranteed).await.unwrap();
    assert_eq!(store.wake(&key).await.unwrap(), None, "a repeat must not bring a finished wake item back");
    assert_eq!(store.due(Function::Score, at(99), 10).await.unwrap().keys, []);
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_may_be_repeated() {
    let tables = Tables::new();
    for (mark, operation, record) in [
        (Mark::Quiet, "PutItem", view(1)),
        (Mark::Hint, "PutItem", view(2)),
        (Mark::Guaranteed, "TransactWriteItems", download(3)),
    ] {
        tables.lose_answer(operation);
        assert_eq!(retry(tables.store.append(&browsers(), &record, mark).await), Retry::Later);
        tables.store.append(&browsers(), &record, mark).await.unwrap();
    }
    assert_eq!(sorted(tables.store.log(&browsers()).await.unwrap()), [view(1), view(2), download(3)]);
    assert_eq!(tables.store.wakes_of(&browsers()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_whole_batch_is_appended() {
    let Tables { store, .. } = &Tables::new();
    let all = (0..60).map(|n| match n % 3 {
        0 => (browsers(), view(n), Mark::Quiet),
        1 => (anns(), view(n), Mark::Hint),
        _ => (anns(), download(n), Mark::Guaranteed),
    });
    let all: Vec<_> = all.collect();
    for _ in 0..2 {
        store.append_all(all.clone()).await.unwrap();
    }
    for owner in [browsers(), anns()] {
        let wanted: Vec<Record> = all.iter().filter(|(whose, ..)| *whose == owner).map(|(_, record, _)| record.clone()).collect();
        assert_eq!(sorted(store.log(&owner).await.unwrap()), wanted);
    }
    assert_eq!(store.wakes_of(&anns()).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_log_longer_than_a_page_is_read_whole() {
    let tables = Tables::new();
    let long =
        |n| Record { signals: Signals { user_agent: UserAgent::Robot("x".repeat(5_000)), ..Signals::default() }, ..view(n) };
    let records: Vec<Record> = (0..400).map(long).collect();
    tables.store.append_all(records.iter().map(|record| (anns(), record.clone(), Mark::Quiet)).collect()).await.unwrap();
    let mark = tables.client.record().mark();
    assert_eq!(sorted(tables.store.log(&anns()).await.unwrap()), records);
    assert!(tables.client.record().since(mark).len() > 1, "this must be more than one page");
}

/// Copies to the end, and says in how many pages.
async fn copy(store: &Store, from: &LogOwner, only: &CopyFilter, now: Timestamp) -> usize {
    let mut cursor = None;
    for pages in 1.. {
        cursor = store.copy_page(from, &lead(), only, cursor, now).await.unwrap();
        if cursor.is_none() {
            return pages;
        }
    }
    0
}

#[tokio::test]
async fn a_visitors_log_is_copied_into_a_leads() {
    let tables = Tables::new();
    let Tables { store, .. } = &tables;
    let records: Vec<Record> = (0..59).map(view).chain([download(59)]).collect();
    for record in &records {
        store
            .append(&browsers(), record, if record.id == download(59).id { Mark::Guaranteed } else { Mark::Quiet })
            .await
            .unwrap();
    }
    // What track appended to the lead's log itself meanwhile.
    store.append(&anns(), &view(3), Mark::Hint).await.unwrap();
    store.append(&anns(), &view(70), Mark::Hint).await.unwrap();
    for _ in 0..2 {
        assert_eq!(copy(store, &browsers(), &CopyFilter::default(), at(100)).await, 3);
        let wanted: Vec<Record> = records.iter().cloned().chain([view(70)]).collect();
        assert_eq!(sorted(store.log(&anns()).await.unwrap()), wanted);
    }
    assert_eq!(store.wakes_of(&anns()).await.unwrap(), []);

    // A copy is what track would have appended.
    let sk = format!("2026-11-22T00:00:07.000Z#{}", view(7).id);
    let copied = tables.item("Activities", "lead#ann", &sk).await.unwrap();
    let other = Tables::new();
    other.store.append(&anns(), &view(7), Mark::Quiet).await.unwrap();
    assert_eq!(Some(copied), other.item("Activities", "lead#ann", &sk).await);
}

#[tokio::test]
async fn only_what_belongs_to_the_lead_is_copied() {
    let Tables { store, .. } = &Tables::new();
    let stranger = Record { visitor: Some(VisitorId::parse("stranger").unwrap()), ..view(4) };
    let bob = LogOwner::Lead(LeadId::parse("bob").unwrap());
    let held_up = Record { received: at(50), ..view(2) };
    for record in [view(1), held_up.clone(), view(3), stranger, download(5)] {
        store.append(&bob, &record, Mark::Quiet).await.unwrap();
    }
    let only = CopyFilter { received_since: Some(at(40)), ..CopyFilter::default() };
    copy(store, &bob, &only, at(100)).await;
    assert_eq!(sorted(store.log(&anns()).await.unwrap()), std::slice::from_ref(&held_up));
    let only = CopyFilter { visitor: Some(browser()), since: Some(at(2)), received_since: None };
    copy(store, &bob, &only, at(100)).await;
    assert_eq!(sorted(store.log(&anns()).await.unwrap()), [held_up, view(3), download(5)]);
}

#[tokio::test]
async fn footsteps_that_are_no_longer_kept_are_not_brought_back_by_a_copy() {
    let Tables { store, .. } = &Tables::new();
    for record in [view(0), download(1), view(86_400)] {
        store.append(&browsers(), &record, Mark::Quiet).await.unwrap();
    }
    copy(store, &browsers(), &CopyFilter::default(), at(90 * 86_400)).await;
    assert_eq!(sorted(store.log(&anns()).await.unwrap()), [download(1), view(86_400)]);
}

#[tokio::test]
async fn an_address_has_one_owner_and_a_repeat_gets_the_same_answer() {
    let tables = Tables::new();
    let Tables { store, .. } = &tables;
    let (ann, bob) = (lead(), LeadId::parse("bob").unwrap());
    tables.lose_answer("PutItem");
    assert_eq!(retry(store.claim_address("h", &ann).await), Retry::Later);
    for _ in 0..2 {
        assert_eq!(store.claim_address("h", &ann).await.unwrap(), (ann.clone(), true));
        assert_eq!(store.claim_address("h", &bob).await.unwrap(), (ann.clone(), false));
    }
    assert_eq!(store.address_owner("h").await.unwrap(), Some(ann));
    assert_eq!(store.address_owner("other").await.unwrap(), None);
}

#[tokio::test]
async fn a_lead_is_saved_only_as_it_was_read() {
    let Tables { store, .. } = &Tables::new();
    assert_eq!(store.lead(&lead()).await.unwrap(), None);
    let new = Save { lead: Some(ann()), ..Save::default() };
    store.save(new).await.unwrap();
    assert_eq!(store.lead(&lead()).await.unwrap(), Some(ann()));
    let again = Save { lead: Some(ann()), ..Save::default() };
    assert_eq!(retry(store.save(again).await), Retry::Reread);

    let second = LeadItem { revision: 2, stage: Stage::Mql, next_review: None, ..ann() };
    let save = || Save { before: Some(ann()), lead: Some(second.clone()), ..Save::default() };
    store.save(save()).await.unwrap();
    assert_eq!(store.lead(&lead()).await.unwrap(), Some(second.clone()));
    assert_eq!(retry(store.save(save()).await), Retry::Reread);
    // Nothing of a save with effects takes place beside somebody else's.
    let save = Save { appends: vec![(lead(), decision(1))], ..save() };
    assert_eq!(retry(store.save(save).await), Retry::Reread);
    let save = Save { before: Some(ann()), appends: vec![(lead(), decision(1))], ..Save::default() };
    assert_eq!(retry(store.save(save).await), Retry::Reread);
    assert_eq!(store.log(&anns()).await.unwrap().records, []);
}

/// A save of everything at once: a browser proves by a link that it is Ann's.
async fn identification(tables: &Tables) -> impl Fn() -> Save {
    let token = Token { lead: lead(), click: download(1).id, expires: at(600) };
    tables.store.append_with_token(&browsers(), &download(1), "t", &token).await.unwrap();
    assert_eq!(tables.store.token("t").await.unwrap(), Some(token));
    let wake = wake_of(tables, &browsers(), &download(1)).await.unwrap();
    move || Save {
        lead: Some(ann()),
        appends: vec![(lead(), decision(1)), (lead(), decision(2))],
        messages: vec![alert()],
        facts: vec![fact()],
        link: Some(link()),
        token: Some("t".to_owned()),
        done: Some(wake.clone()),
        ..Save::default()
    }
}

async fn assert_identified(store: &Store) {
    assert_eq!(store.lead(&lead()).await.unwrap(), Some(ann()));
    assert_eq!(sorted(store.log(&anns()).await.unwrap()), [decision(1), decision(2)]);
    assert_eq!(store.visitor(&browser()).await.unwrap(), Some(link()));
    assert_eq!(store.visitor_consistent(&browser()).await.unwrap(), Some(link()));
    assert_eq!(store.token("t").await.unwrap(), None);
    assert_eq!(store.wakes_of(&browsers()).await.unwrap(), []);
    let alerts = store.due(Function::Notify, at(5), 10).await.unwrap().keys;
    assert_eq!(store.message(&alerts[0]).await.unwrap(), Found::One(alert()));
    let facts = store.due(Function::Relay, at(60), 10).await.unwrap().keys;
    let Found::One(owed) = store.fact(&facts[0]).await.unwrap() else { panic!("the fact is not there") };
    assert_eq!((alerts.len(), facts.len(), owed.fact), (1, 1, fact()));
}

#[tokio::test]
async fn a_save_takes_place_whole_or_not_at_all() {
    let tables = Tables::new();
    let Tables { store, .. } = &tables;
    let save = identification(&tables).await;

    let used = Save { token: Some("used".to_owned()), ..save() };
    assert_eq!(retry(store.save(used).await), Retry::Reread);
    let other = Save { link_before: Some(link()), ..save() };
    assert_eq!(retry(store.save(other).await), Retry::Reread);
    assert_eq!(store.lead(&lead()).await.unwrap(), None);
    assert_eq!(store.visitor(&browser()).await.unwrap(), None);
    assert_eq!(store.wakes_of(&browsers()).await.unwrap().len(), 1);
    for function in [Function::Notify, Function::Relay] {
        assert_eq!(store.due(function, at(99), 10).await.unwrap().keys, []);
    }

    store.save(save()).await.unwrap();
    assert_identified(store).await;

    let moved = VisitorItem { since: at(50), lead: LeadId::parse("bob").unwrap(), ..link() };
    let relink = || Save { link: Some(moved.clone()), link_before: Some(link()), ..Save::default() };
    store.save(relink()).await.unwrap();
    assert_eq!(store.visitor(&browser()).await.unwrap(), Some(moved.clone()));
    assert_eq!(retry(store.save(relink()).await), Retry::Reread);
}

#[tokio::test]
async fn what_was_owed_before_is_not_owed_again_and_stops_nothing() {
    let Tables { store, .. } = &Tables::new();
    let owe = |before, lead| Save { before, lead: Some(lead), messages: vec![alert()], facts: vec![fact()], ..Save::default() };
    store.save(owe(None, ann())).await.unwrap();
    let facts = store.due(Function::Relay, at(60), 10).await.unwrap().keys;
    store.publish_fact(&fact(), at(60)).await.unwrap();

    let second = LeadItem { revision: 2, ..ann() };
    store.save(Save { appends: vec![(lead(), decision(3))], ..owe(Some(ann()), second.clone()) }).await.unwrap();
    assert_eq!(store.lead(&lead()).await.unwrap(), Some(second));
    assert_eq!(store.log(&anns()).await.unwrap().records, [decision(3)]);
    assert_eq!(store.due(Function::Relay, at(999), 10).await.unwrap().keys, [], "a published fact must not be published again");
    assert!(matches!(store.fact(&facts[0]).await.unwrap(), Found::One(_)));
    assert_eq!(retry(store.save(owe(Some(ann()), ann())).await), Retry::Reread);
}

#[tokio::test]
async fn a_save_whose_answer_was_lost_leaves_nothing_to_do() {
    let tables = Tables::new();
    let save = identification(&tables).await;
    tables.lose_answer("TransactWriteItems");
    assert_eq!(retry(tables.store.save(save()).await), Retry::Later);
    assert_eq!(retry(tables.store.save(save()).await), Retry::Reread);
    assert_identified(&tables.store).await;
}

#[tokio::test]
async fn a_lost_answer_that_the_client_itself_repeats_is_a_success() {
    let tables = Tables::new();
    let save = identification(&tables).await;
    let lost = Planned::nth("score", Service::DynamoDb, "TransactWriteItems", 1, Fault::AfterEffect).first_attempt();
    tables.client.faults().lay([lost]);
    tables.store.save(save()).await.unwrap();
    assert_identified(&tables.store).await;
}

#[tokio::test]
async fn somebody_in_the_way_is_worth_a_retry_and_a_refusal_is_not() {
    let tables = Tables::new();
    let save = identification(&tables).await;
    for (fault, wanted) in [
        (Fault::Conflict, Retry::Later),
        (Fault::Throttle, Retry::Later),
        (Fault::BeforeLeaving, Retry::Later),
        (Fault::Refuse, Retry::Never),
    ] {
        tables.client.faults().lay([Planned::nth("score", Service::DynamoDb, "TransactWriteItems", 1, fault)]);
        assert_eq!(retry(tables.store.save(save()).await), wanted, "{fault:?}");
    }
    tables.store.save(save()).await.unwrap();
}

#[tokio::test]
async fn sweeps_find_the_most_urgent_and_oldest_first() {
    let Tables { store, .. } = &Tables::new();
    for n in 0..6 {
        let id = LeadId::parse(format!("lead-{n}")).unwrap();
        let item = LeadItem { lead: id.clone(), next_review: Some(at(10 * n)), ..ann() };
        store.save(Save { lead: Some(item), ..Save::default() }).await.unwrap();
        store.append(&LogOwner::Lead(id), &download(100 - n), Mark::Guaranteed).await.unwrap();
    }
    let due = |now, limit| async move {
        let keys = store.due(Function::Score, at(now), limit).await.unwrap().keys;
        keys.iter().map(|key| key.lead().map_or(key.sk.clone(), |lead| lead.to_string())).collect::<Vec<_>>()
    };
    assert_eq!(due(20, 10).await, ["lead-0", "lead-1", "lead-2"]);
    assert_eq!(due(20, 2).await, ["lead-0", "lead-1"]);
    assert_eq!(due(127, 4).await, ["wake#download-95", "wake#download-96", "lead-0", "lead-1"]);
    assert_eq!(due(200, 3).await, ["wake#download-95", "wake#download-96", "wake#download-97"]);
    assert_eq!(due(200, 50).await.len(), 12);
    for function in [Function::Notify, Function::Relay] {
        assert_eq!(store.due(function, at(999), 50).await.unwrap().keys, []);
    }
}

#[tokio::test]
async fn work_that_failed_is_put_off() {
    let Tables { store, .. } = &Tables::new();
    store.append(&browsers(), &download(1), Mark::Guaranteed).await.unwrap();
    let key = &store.due(Function::Score, at(60), 10).await.unwrap().keys[0];
    let wake = store.wake(key).await.unwrap().unwrap();
    store.defer_wake(&wake, at(300), Some("half".to_owned()), 1).await.unwrap();
    assert_eq!(retry(store.defer_wake(&wake, at(400), None, 1).await), Retry::Reread);
    let deferred = Wake { due: at(300), cursor: Some("half".to_owned()), tries: 1, ..wake };
    assert_eq!(store.wake(key).await.unwrap(), Some(deferred.clone()));
    assert_eq!(store.due(Function::Score, at(299), 10).await.unwrap().keys, []);
    assert_eq!(store.due(Function::Score, at(300), 10).await.unwrap().keys, std::slice::from_ref(key));
    store.save(Save { done: Some(deferred.clone()), ..Save::default() }).await.unwrap();
    assert_eq!(retry(store.defer_wake(&deferred, at(400), None, 2).await), Retry::Reread);
    assert_eq!(store.wake(key).await.unwrap(), None, "a finished wake item must not come back");

    store.save(Save { lead: Some(ann()), ..Save::default() }).await.unwrap();
    store.defer_review(&ann(), at(7200)).await.unwrap();
    assert_eq!(store.lead(&lead()).await.unwrap(), Some(LeadItem { next_review: Some(at(7200)), ..ann() }));
    assert_eq!(store.due(Function::Score, at(7199), 10).await.unwrap().keys, []);
    let saved = LeadItem { revision: 2, ..ann() };
    store.save(Save { before: Some(ann()), lead: Some(saved), ..Save::default() }).await.unwrap();
    assert_eq!(retry(store.defer_review(&ann(), at(9000)).await), Retry::Reread);
}

#[tokio::test]
async fn leads_come_hottest_first() {
    let Tables { own: store, .. } = &Tables::new();
    let ranks = [Some(3.30), Some(3.31), Some(-7.0), None, Some(12.0), Some(3.29)];
    for (n, rank) in ranks.into_iter().enumerate() {
        let item = LeadItem { lead: LeadId::parse(format!("{n}")).unwrap(), rank, ..ann() };
        store.save(Save { lead: Some(item), ..Save::default() }).await.unwrap();
    }
    let others = [
        LeadItem { stage: Stage::Mql, ..ann() },
        LeadItem { lead: LeadId::parse("old").unwrap(), epoch: "0".to_owned(), ..ann() },
    ];
    for other in others {
        store.save(Save { lead: Some(other), ..Save::default() }).await.unwrap();
    }
    let found = |limit| async move {
        let leads = store.leads_by_rank("1", Stage::Lead, limit).await.unwrap();
        leads.into_iter().map(|lead| lead.lead.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(found(10).await, ["4", "1", "0", "5", "2", "3"]);
    assert_eq!(found(1).await, ["4"]);
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

#[tokio::test]
async fn every_call_keeps_its_budget() {
    let tables = Tables::new();
    let store = &tables.store;
    // An anonymous page view with its engaged time and a click: half a read unit and one write unit.
    assert_eq!(tables.units(store.visitor(&browser())).await, (0.5, 0.0));
    assert_eq!(tables.units(store.append(&browsers(), &view(1), Mark::Quiet)).await, (0.0, 1.0));
    // Of a known lead: one more for the save when no index key moves, five when both do.
    assert_eq!(tables.units(store.append(&anns(), &view(1), Mark::Hint)).await, (0.0, 1.0));
    store.save(Save { lead: Some(ann()), ..Save::default() }).await.unwrap();
    let saved = |before: &LeadItem, rank, review| LeadItem {
        revision: before.revision + 1,
        rank: Some(rank),
        erased: None,
        next_review: Some(at(review)),
        ..before.clone()
    };
    let save =
        |before: &LeadItem, lead: &LeadItem| Save { before: Some(before.clone()), lead: Some(lead.clone()), ..Save::default() };
    let first = ann();
    let second = saved(&first, 3.45, 3600);
    assert_eq!(tables.units(store.save(save(&first, &second))).await, (0.0, 1.0));
    let third = saved(&second, 4.0, 3600);
    assert_eq!(tables.units(store.save(save(&second, &third))).await, (0.0, 3.0));
    let fourth = saved(&third, 5.0, 1800);
    assert_eq!(tables.units(store.save(save(&third, &fourth))).await, (0.0, 5.0));
    assert_eq!(tables.units(store.lead(&lead())).await, (1.0, 0.0));
    // What must be scored: two items in a transaction, and one index.
    assert_eq!(tables.units(store.append(&browsers(), &download(2), Mark::Guaranteed)).await, (0.0, 5.0));
    let wake = wake_of(&tables, &browsers(), &download(2)).await.unwrap();
    assert_eq!(tables.units(store.save(Save { done: Some(wake), ..Save::default() })).await, (0.0, 2.0));
    // A quiet minute of score's sweep.
    assert_eq!(tables.units(store.due(Function::Score, at(0), 100)).await, (2.5, 0.0));
}

#[tokio::test]
async fn reading_a_log_costs_a_unit_for_four_kilobytes() {
    let tables = Tables::new();
    for (records, most) in [(10, 3.0), (100, 25.0), (1000, 250.0)] {
        let owner = LogOwner::Lead(LeadId::parse(format!("{records}")).unwrap());
        let all = (0..records).map(|n| (owner.clone(), view(n), Mark::Quiet)).collect();
        tables.store.append_all(all).await.unwrap();
        let (read, write) = tables.units(tables.store.log(&owner)).await;
        assert!(read <= most && write == 0.0, "{records} records: {read} units");
    }
}

#[tokio::test]
async fn copying_ten_pages_writes_ten_units() {
    let tables = Tables::new();
    let all = (0..10).map(|n| (browsers(), view(n), Mark::Quiet)).collect();
    tables.store.append_all(all).await.unwrap();
    let (from, to, all) = (browsers(), lead(), CopyFilter::default());
    let copy = tables.store.copy_page(&from, &to, &all, None, at(100));
    let (read, write) = tables.units(copy).await;
    assert!(read <= 3.0 && write == 10.0, "{read} read and {write} write units");
}
