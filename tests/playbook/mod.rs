//! Playbook delivery: what is live, who made it so, and all leads judged by it without an alert for each.

mod delivery;
mod storm;

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, FormSubmission, Kind, Log, LogOwner, PageView, Proof, Record, Source};
use michi::address::Address;
use michi::fold::fold;
use michi::id::{ActivityId, FormId, LeadId, PageViewId, PlaybookVersion, VisitorId};
use michi::io::store::{Derivation, LeadItem, Live, Mark, Phase, Save, VisitorItem};
use michi::lead::{Level, Phase as Interest, Stage};
use michi::mail::mailing::Mailing;
use michi::playbook::{Playbook, authoring};
use michi::verdict::Signals;
use michi_cli::deliver::{self, Author, Delivered};
use michi_cli::plan::{Candidate, Fold, Plan};
use michi_cli::{apply, derivation};
use michi_local::Suite;
use serde_json::Value;

use crate::harness::{ORIGIN, Visitor, buyer, insist, ready_lead, suite};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The suite's playbook with a change, and other files.
pub(crate) fn changed(suite: &Suite, change: impl FnOnce(&mut Playbook)) -> Candidate {
    let mut playbook = suite.desk().playbook().clone();
    change(&mut playbook);
    let mut files = authoring::default_files();
    files[1].bytes.extend(format!("# {}\n", playbook.version()).into_bytes());
    Candidate { playbook, files, from: "in a test".to_owned() }
}

/// The rules by which only who does a great deal is ready.
fn strict(playbook: &mut Playbook) {
    let levels = &mut playbook.scoring.interest.levels;
    (levels.level_1, levels.level_2, levels.level_3) = (900.0, 700.0, 500.0);
}

/// Rules that say the same to all leads here.
pub(crate) fn alike(playbook: &mut Playbook) {
    playbook.setup.company.contact = "someone@else.example".to_owned();
}

fn author(by: &str) -> Author {
    Author { by: by.to_owned(), why: "Prices count more".to_owned() }
}

async fn planned(suite: &Suite, candidate: &Candidate) -> Plan {
    Plan::of(&suite.own().store, candidate, Fold::default(), suite.now()).await.unwrap()
}

/// Applies a candidate as `michi apply` does.
pub(crate) async fn applied(suite: &Suite, candidate: &Candidate, by: &str) -> Live {
    let plan = planned(suite, candidate).await;
    let done = deliver::apply(&suite.own().store, candidate, &plan, &author(by), false, suite.now()).await.unwrap();
    let Delivered::Live(live) = done else { panic!("{done:?}") };
    live
}

pub(crate) fn person(n: usize) -> LeadId {
    LeadId::derive(&["person", &n.to_string()])
}

/// So many leads of yesterday, judged by a playbook of long ago. Every fourth has asked for a white paper, which makes a
/// director ready by the default rules; the others have looked at a page.
pub(crate) async fn people(suite: &Suite, count: usize, pages: usize) {
    let (store, yesterday) = (&suite.own().store, suite.now() - SignedDuration::from_hours(24));
    let epoch = suite.desk().playbook().scoring.interest.epoch();
    for n in 0..count {
        let lead = person(n);
        let owner = LogOwner::Lead(lead.clone());
        let mut records = history_of(n, yesterday);
        records.extend((0..pages).map(|page| view(n, page, yesterday - SignedDuration::from_hours(page as i64))));
        let log = Log { owner: owner.clone(), records: records.clone() };
        let mailing = Mailing::of(&fold(suite.desk().playbook(), &log, suite.now()), None);
        store.append_all(records.into_iter().map(|record| (owner.clone(), record, Mark::Quiet)).collect()).await.unwrap();
        let item = LeadItem {
            mailing: mailing.as_ref().map(Mailing::digest),
            lead,
            revision: 1,
            stage: Stage::Lead,
            grade: None,
            level: Level::COLDEST,
            fit: 0.0,
            rank: Some(n as f64 % 7.0),
            momentum_rank: None,
            phase: Interest::Gathering,
            excluded: false,
            name: None,
            company: None,
            visitors: vec![],
            inside: Default::default(),
            playbook: PlaybookVersion::derive(&["long ago"]),
            epoch: epoch.clone(),
            erased: None,
            merged: None,
            next_review: None,
            last_seen: None,
        };
        let link = VisitorItem { visitor: visitor(n), lead: person(n), since: yesterday, proof: Proof::First, erased: false };
        let mailing = mailing.map(|mailing| (None, mailing));
        store.save(Save { lead: Some(item), mailing, link: Some(link), ..Save::default() }).await.unwrap();
    }
}

fn record(id: String, at: Timestamp, visitor: Option<VisitorId>, source: Source, kind: Kind) -> Record {
    let id = ActivityId::parse(id).unwrap();
    let activities = vec![Activity { id: id.clone(), at, kind }];
    Record { id, sent: at, at, received: at, visitor, source, import: None, signals: Signals::default(), activities }
}

fn visitor(n: usize) -> VisitorId {
    VisitorId::parse(format!("v{n}")).unwrap()
}

fn view(n: usize, page: usize, at: Timestamp) -> Record {
    let view = PageView {
        page_view: PageViewId::derive(&["view", &n.to_string(), &page.to_string()]),
        url: format!("{ORIGIN}/product/{page}"),
        title: Some("Product".to_owned()),
        referrer: None,
        previous: None,
        campaign: Default::default(),
    };
    record(format!("page-{n}-{page}"), at, Some(visitor(n)), Source::Site, Kind::PageViewed(view))
}

fn history_of(n: usize, at: Timestamp) -> Vec<Record> {
    let fields = [
        ("email", format!("buyer{n}@works{n}.example")),
        ("name", format!("Buyer {n}")),
        ("company", format!("Works {n}")),
        ("role", "Director".to_owned()),
        ("industry", "Manufacturing".to_owned()),
        ("employees", "250".to_owned()),
    ];
    let form = if n.is_multiple_of(4) { "white-paper" } else { "newsletter" };
    let form = FormSubmission {
        form: FormId::parse(form).unwrap(),
        page_view: None,
        url: None,
        address: Address::parse(&fields[0].1).ok(),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        consent: None,
        millis: None,
    };
    let link = Kind::VisitorLinked { visitor: visitor(n), proof: Proof::First, since: None };
    vec![
        record(format!("form-{n}"), at, Some(visitor(n)), Source::Site, Kind::FormSubmitted(form)),
        record(format!("link-{n}"), at, None, Source::Michi, link),
    ]
}

async fn item(suite: &Suite, n: usize) -> LeadItem {
    suite.own().store.lead(&person(n)).await.unwrap().unwrap()
}

async fn derived(suite: &Suite) -> Derivation {
    suite.own().store.derivation().await.unwrap().unwrap()
}

fn subjects(suite: &Suite) -> Vec<String> {
    suite.mailbox().mails().iter().map(|mail| mail.subject.clone()).collect()
}

/// Every person is judged by this version, who should be is ready, and nobody was alerted.
async fn all_judged(suite: &Suite, version: &PlaybookVersion, count: usize) {
    for n in 0..count {
        let item = item(suite, n).await;
        assert_eq!(item.playbook, *version, "person {n}");
        assert_eq!(item.stage, if n.is_multiple_of(4) { Stage::Mql } else { Stage::Lead }, "person {n}");
    }
    assert!(suite.own().store.ready(None, 1).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_lead_is_judged_and_sales_gets_one_mail() {
    let suite = suite().await;
    people(&suite, 200, 0).await;
    let live = applied(&suite, &changed(&suite, alike), "mika").await;
    let left = suite.finish(HOUR).await.unwrap();
    assert!(left.is_empty(), "{left:?}");

    all_judged(&suite, &live.version, 200).await;
    let found = derived(&suite).await;
    assert_eq!((found.phase, found.failed, found.ready), (Phase::Done, 0, 50));
    assert_eq!((found.judged, found.leads), (200, Some(200)));
    let mails = suite.mailbox().mails();
    assert_eq!(subjects(&suite), ["50 leads are newly ready for sales: the scoring rules were changed"]);
    let text = mails[0].text.as_deref().unwrap();
    for part in ["by mika", "Prices count more", "And 30 more", "/view/", "Works "] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(text.matches("/view/").count(), 20);
    // The world is told of each, and each log says why it moved.
    assert_eq!(suite.bus().entries().len(), 50);
    let log = suite.own().store.log(&LogOwner::Lead(person(0))).await.unwrap();
    let moved = log.records.iter().flat_map(|record| &record.activities).find_map(|one| match &one.kind {
        Kind::StageMoved { by_rules, alert, .. } => Some((*by_rules, alert.is_some())),
        _ => None,
    });
    assert_eq!(moved, Some((true, false)));
    // Nothing is left to be done by another one.
    suite.advance(HOUR).await.unwrap();
    assert_eq!(subjects(&suite).len(), 1);
}

#[tokio::test]
async fn every_function_sees_a_new_version_within_thirty_seconds() {
    let suite = suite().await;
    // All that read it.
    let functions = ["track", "score", "notify", "answer"].map(|name| suite.app(name).unwrap());
    let before = suite.desk().playbook().version();
    for app in functions {
        assert_eq!(app.playbook().await.unwrap().version, before);
    }
    let live = applied(&suite, &changed(&suite, strict), "mika").await;
    suite.clock().set(suite.now() + SignedDuration::from_secs(29));
    assert_eq!(functions[0].playbook().await.unwrap().version, before, "it is held for thirty seconds");
    suite.clock().set(suite.now() + SignedDuration::from_secs(1));
    for app in functions {
        let seen = app.playbook().await.unwrap();
        assert_eq!((seen.version, seen.since), (live.version.clone(), live.since));
    }
}

#[tokio::test]
async fn whoever_does_something_meanwhile_is_told_at_once() {
    let suite = suite().await;
    people(&suite, 20, 0).await;
    applied(&suite, &changed(&suite, alike), "mika").await;
    // Somebody new becomes ready while the others wait to be judged.
    suite.advance(SignedDuration::from_secs(40)).await.unwrap();
    insist(&suite, &Visitor::new("busy").form(suite.now(), "inquiry", &buyer())).await;
    suite.settle().await.unwrap();
    assert_eq!(subjects(&suite).len(), 1);
    // One who waits, and would not be ready, sends an inquiry; another, who is ready by the new rules, looks at a page.
    insist(&suite, &Visitor::new("v1").form(suite.now(), "inquiry", &serde_json::json!({"note": "call me"}))).await;
    insist(&suite, &Visitor::new("v4").page(suite.now(), "/product", "Product", 20)).await;
    suite.settle().await.unwrap();
    assert_eq!(derived(&suite).await.phase, Phase::Walking, "it has not come to them");
    assert_eq!((item(&suite, 1).await.stage, item(&suite, 4).await.stage), (Stage::Mql, Stage::Mql));
    let told = subjects(&suite);
    assert!(told.len() == 2 && told[1].starts_with("Buyer 1, Works 1"), "{told:?}");
    suite.finish(HOUR).await.unwrap();
    let told = subjects(&suite);
    assert!(told.len() == 3 && told[2].starts_with("5 leads are newly ready"), "{told:?}");
}

#[tokio::test]
async fn a_lead_that_the_rules_take_back_and_its_own_doing_brings_again_alerts() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v-own");
    ready_lead(&suite, &mut visitor).await;
    applied(&suite, &changed(&suite, strict), "mika").await;
    suite.finish(HOUR).await.unwrap();
    assert_eq!(subjects(&suite).len(), 1, "the alert of the visit, and no summary of a lead that went back");
    let back = suite.desk().playbook().version();
    let candidate = Candidate::kept(&suite.own().store, &back).await.unwrap();
    let plan = planned(&suite, &candidate).await;
    let leads = plan.leads.as_ref().unwrap();
    assert_eq!((leads.newly_ready, leads.cells.len(), leads.ready[0].company.as_deref()), (1, 1, Some("星野工業")));
    suite.advance(SignedDuration::from_hours(8 * 24)).await.unwrap();
    let how = michi::io::store::How::RolledBack;
    deliver::publish(&suite.own().store, &candidate, &plan, &author("ann"), how, None, suite.now()).await.unwrap();
    suite.finish(HOUR).await.unwrap();
    assert_eq!(subjects(&suite)[1..], ["1 lead is newly ready for sales: the scoring rules were changed"]);
}

#[tokio::test]
async fn a_cancelled_derivation_tells_what_it_found_and_can_go_on() {
    let suite = suite().await;
    people(&suite, 8, 0).await;
    let live = applied(&suite, &changed(&suite, alike), "mika").await;
    let store = &suite.own().store;
    assert!(derivation::cancel(store, suite.now()).await.unwrap());
    assert!(!derivation::cancel(store, suite.now()).await.unwrap());
    suite.finish(HOUR).await.unwrap();
    let found = derived(&suite).await;
    assert_eq!((found.phase, found.cancelled, found.judged), (Phase::Done, true, 0));
    assert!(subjects(&suite).is_empty());
    assert_ne!(item(&suite, 0).await.playbook, live.version);
    apply::resume(store, suite.now()).await.unwrap();
    suite.finish(HOUR).await.unwrap();
    all_judged(&suite, &live.version, 8).await;
    assert_eq!(subjects(&suite), ["2 leads are newly ready for sales: the scoring rules were changed"]);
}

#[tokio::test]
async fn a_newer_version_takes_over_what_the_older_one_began() {
    for (next, wanted) in [(alike as fn(&mut Playbook), 2), (strict, 0)] {
        let suite = suite().await;
        people(&suite, 8, 0).await;
        applied(&suite, &changed(&suite, |playbook| playbook.setup.company.name = "First".to_owned()), "mika").await;
        while derived(&suite).await.phase != Phase::Telling {
            suite.advance_to_next_due().await.unwrap();
        }
        assert_eq!(item(&suite, 0).await.stage, Stage::Mql);
        let live = applied(&suite, &changed(&suite, next), "ann").await;
        let left = suite.finish(HOUR).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
        for n in 0..8 {
            assert_eq!(item(&suite, n).await.playbook, live.version);
        }
        // Those the first one found are told by the second, if they still are what it found.
        let found = derived(&suite).await;
        assert_eq!((found.run, found.phase, found.ready), (3, Phase::Done, wanted));
        assert_eq!(subjects(&suite).len(), usize::from(wanted > 0));
    }
}

#[tokio::test]
async fn a_lead_that_cannot_be_judged_holds_up_nobody_and_is_told_when_it_can() {
    let suite = suite().await;
    people(&suite, 8, 0).await;
    let poison = |activities: Value| {
        let item = serde_json::json!({
            "pk": { "S": format!("lead#{}", person(0)) }, "sk": { "S": "2026-01-01T00:00:00.000Z#poison" }, "v": { "N": "1" },
            "at": { "N": "1767225600000" }, "received": { "N": "1767225600000" }, "activities": activities,
        });
        let answer = suite.dynamo().call("PutItem", serde_json::json!({ "TableName": "Activities", "Item": item }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    poison(serde_json::json!({ "S": "?" }));
    let live = applied(&suite, &changed(&suite, alike), "mika").await;
    while derived(&suite).await.phase != Phase::Done {
        suite.advance_to_next_due().await.unwrap();
    }
    let found = derived(&suite).await;
    assert_eq!((found.failed, found.ready, found.judged), (1, 1, 7));
    assert_eq!(item(&suite, 4).await.playbook, live.version);
    assert_eq!(subjects(&suite), ["1 lead is newly ready for sales: the scoring rules were changed"]);
    // Mended, its own review judges it; nobody gathers any more, so it is told by itself.
    poison(serde_json::json!({ "L": [] }));
    suite.advance(MINUTE * 10).await.unwrap();
    assert_eq!((item(&suite, 0).await.stage, item(&suite, 0).await.playbook), (Stage::Mql, live.version));
    assert_eq!(subjects(&suite).len(), 2);
}

#[tokio::test]
async fn edits_in_the_suites_folder_judge_leads_too() {
    let folder = tempfile::tempdir().unwrap();
    for file in authoring::default_files() {
        let path = folder.path().join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.bytes).unwrap();
    }
    let options = michi_local::Options { playbook: Some(folder.path().to_owned()), ..michi_local::Options::test() };
    let suite = Suite::start(options).await.unwrap();
    people(&suite, 8, 0).await;
    let edited = folder.path().join("playbook.yaml");
    let text = std::fs::read_to_string(&edited).unwrap().replace("name: Hanako Sato", "name: Hanako Suzuki");
    std::fs::write(&edited, text).unwrap();
    suite.reload_playbook().await.unwrap();
    let left = suite.finish(HOUR).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    all_judged(&suite, &suite.desk().playbook().version(), 8).await;
    assert_eq!(subjects(&suite).len(), 1);
}

/// What judging a base takes, in ticks, units and time, of as many leads as `MICHI_LEADS` says: `MICHI_LEADS=10000 cargo test
/// -p tests --profile local --test michi -- --nocapture a_whole_base`.
#[tokio::test]
async fn a_whole_base_is_judged_for_so_much_a_lead_and_alerts_nobody() {
    #[allow(clippy::disallowed_methods, reason = "whoever measures says how many")]
    let count: usize = std::env::var("MICHI_LEADS").map_or(200, |leads| leads.parse().unwrap());
    let suite = suite().await;
    people(&suite, count, 10).await;
    let began = std::time::Instant::now();
    let candidate = changed(&suite, alike);
    let plan = planned(&suite, &candidate).await;
    println!("plan: {} leads folded by both in {:.1?}", plan.leads.as_ref().unwrap().folded, began.elapsed());
    let runs = suite.runs().len();
    let began = std::time::Instant::now();
    let live = applied(&suite, &candidate, "mika").await;
    let start = suite.now();
    let left = suite.finish(HOUR * 6).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    all_judged(&suite, &live.version, count).await;
    let found = derived(&suite).await;
    let sums = suite.client().record().sums();
    let scores = sums.iter().filter(|((function, _), _)| function.as_deref() == Some("score"));
    let units: michi_local::Units = scores.flat_map(|(_, sum)| sum.units.values().copied()).sum();
    let steps = suite.runs()[runs..].iter().filter(|run| run.function == "score" && run.took.as_millis() > 100).count();
    let longest = suite.runs()[runs..].iter().filter(|run| run.function == "score").map(|run| run.took).max();
    println!(
        "re-derivation: {} judged, {} ready, {} failed; {:.1?} of this machine in {steps} steps, the longest {longest:.1?}; \
         over after {:#} of the suite's clock (a deployed step comes once a minute)",
        found.judged,
        found.ready,
        found.failed,
        began.elapsed(),
        found.ended.unwrap().duration_since(start),
    );
    let (summaries, alerts): (Vec<_>, Vec<_>) = subjects(&suite).into_iter().partition(|subject| subject.contains("newly ready"));
    assert_eq!((alerts.len(), summaries.len(), found.failed), (0, 1, 0));
    let per_lead = |units: f64| units / count as f64;
    assert!(per_lead(units.write) < 12.0 && per_lead(units.read) < 8.0, "{units:?}");
    println!(
        "units of score: {} read and {} write, per lead {:.2} and {:.2}",
        units.read,
        units.write,
        per_lead(units.read),
        per_lead(units.write),
    );
}
