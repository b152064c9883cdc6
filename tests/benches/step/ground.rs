//! Many leads: who they are, what is known of them, and where they stand in a scenario. They are written once, into a
//! folder of which each part of the bench gets a copy.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, FormSubmission, Kind, Log, LogOwner, PageView, Proof, Record, Source};
use michi::address::Address;
use michi::fold::{Folded, fold};
use michi::id::{ActivityId, FormId, LeadId, PageViewId, ScenarioId, VisitorId};
use michi::io::Versioned;
use michi::io::store::{LeadItem, Mark, Save, together};
use michi::lead::Stage;
use michi::playbook::authoring::{self, SourceFile};
use michi::scenario::{Advance, Entering, Newest, Seen, advance, enroll};
use michi::verdict::Signals;
use michi_local::{Options, Pace, Suite};
use tempfile::TempDir;

/// The scenario, by the name of its file. Its days are over when the bench begins.
pub(crate) const SCENARIO: &str = "nurture";
const FILE: &str = "\
name: Nurture
trigger: by_hand
goal: { did: { what: { form: inquiry }, within: 90d } }
exits:
  excluded: { not: { grade: [A, B, C, D] } }
steps:
  - wait: { id: days, for: 3d }
  - mail: { id: letter, send: case-study }
  - set: { id: mood, attribute: mood, to: keen }
  - wait: { id: rest, for: 30d }
";
/// The wait that ends.
const DAYS: SignedDuration = SignedDuration::from_hours(3 * 24);
/// What each lead has looked at before.
const PAGES: usize = 10;
/// Leads written at once.
const AT_ONCE: usize = 25;

/// The leads, and the playbook by which they go.
pub(crate) struct Ground {
    folder: TempDir,
    leads: usize,
    /// Records and bytes of a log.
    log: (usize, usize),
}

impl Ground {
    pub(crate) async fn lay(leads: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let playbook = folder.path().join("playbook");
        let own = SourceFile::new(format!("scenarios/{SCENARIO}.yaml"), FILE);
        for file in authoring::default_files().into_iter().chain([own]) {
            let path = playbook.join(file.name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.bytes).unwrap();
        }
        let suite = open(&playbook, &folder.path().join("ground")).await;
        let live = suite.own().playbook().await.unwrap();
        let numbers: Vec<usize> = (0..leads).collect();
        for some in numbers.chunks(AT_ONCE) {
            together(some.iter().map(|n| write(&suite, &live, *n))).await;
        }
        let log = suite.own().store.log(&LogOwner::Lead(lead(0))).await.unwrap();
        let bytes = log.records.iter().map(|record| serde_json::to_string(record).unwrap().len()).sum();
        Self { folder, leads, log: (log.records.len(), bytes) }
    }

    pub(crate) fn leads(&self) -> usize {
        self.leads
    }

    pub(crate) fn playbook(&self) -> PathBuf {
        self.folder.path().join("playbook")
    }

    pub(crate) fn said(&self) -> String {
        let (records, bytes) = self.log;
        format!(
            "each lead: a wait ends, a mail is owed, an attribute is set, the next wait begins: 3 steps in 2 advances, each a \
             transaction;\nits log before that: {records} records and that of its enrollment, {:.1} KB of JSON",
            bytes as f64 / 1e3
        )
    }

    /// A folder with all leads in it, of its own.
    pub(crate) fn copy(&self, name: &str) -> PathBuf {
        let (from, to) = (self.folder.path().join("ground"), self.folder.path().join(name));
        std::fs::create_dir(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        to
    }

    /// A suite over this folder.
    pub(crate) async fn open(&self, data: &Path) -> Suite {
        open(&self.playbook(), data).await
    }

    /// Enrolls every lead, each as if it had entered three days before its wait ends.
    pub(crate) async fn enroll(&self, suite: &Suite, due: impl Fn(usize) -> Timestamp) {
        let live = suite.own().playbook().await.unwrap();
        let numbers: Vec<usize> = (0..self.leads).collect();
        for some in numbers.chunks(AT_ONCE) {
            together(some.iter().map(|n| enter(suite, &live, *n, due(*n)))).await;
        }
    }
}

/// A suite at real pace over a folder.
pub(crate) async fn open(playbook: &Path, data: &Path) -> Suite {
    let (playbook, data) = (Some(playbook.to_owned()), Some(data.to_owned()));
    Suite::start(Options { pace: Pace::Real, playbook, data, ..Options::test() }).await.unwrap()
}

pub(crate) fn lead(n: usize) -> LeadId {
    LeadId::derive(&["person", &n.to_string()])
}

async fn write(suite: &Suite, live: &Versioned, n: usize) {
    let (store, now, owner) = (&suite.own().store, suite.now(), LogOwner::Lead(lead(n)));
    let records = history(n, now - SignedDuration::from_hours(24 * 20));
    let log = Log { owner: owner.clone(), records: records.clone() };
    let known = fold(&live.playbook, &log, now);
    store.append_all(records.into_iter().map(|record| (owner.clone(), record, Mark::Quiet)).collect()).await.unwrap();
    let item = LeadItem {
        lead: lead(n),
        revision: 1,
        stage: Stage::Lead,
        grade: known.fit.grade,
        level: known.interest.level,
        fit: known.fit.points,
        rank: known.interest.rank,
        momentum_rank: None,
        phase: known.phase,
        excluded: false,
        name: known.attribute("name").map(str::to_owned),
        company: known.attribute("company").map(str::to_owned),
        visitors: vec![],
        mailing: None,
        inside: Default::default(),
        playbook: live.version.clone(),
        epoch: live.playbook.scoring.interest.epoch(),
        erased: None,
        merged: None,
        next_review: None,
        last_seen: None,
    };
    store.save(Save { lead: Some(item), ..Save::default() }).await.unwrap();
}

async fn enter(suite: &Suite, live: &Versioned, n: usize, due: Timestamp) {
    let (store, lead) = (&suite.own().store, lead(n));
    let (playbook, version, entered) = (&*live.playbook, &live.version, due - DAYS);
    let id = ScenarioId::parse(SCENARIO).unwrap();
    let scenario = &playbook.scenarios[&id];
    let mut log = store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    let folded = Folded::of(playbook, &log, entered);
    let Entering { enrollment, record } = enroll(playbook, version, (&id, scenario), &lead, &folded, "bench", entered).unwrap();
    log.records.push(record.clone());
    let folded = Folded::of(playbook, &log, entered);
    let seen = Seen { folded: &folded, playbook, version, newest: Newest::GivenUp, now: entered };
    let Some(Advance { after: Some(waiting), .. }) = advance(scenario, &enrollment, &seen) else { panic!("it waits") };
    assert_eq!(waiting.due, due);
    let before = store.lead(&lead).await.unwrap();
    let save = Save { before, appends: vec![(lead, record)], enrolled: vec![waiting], ..Save::default() };
    store.save(save).await.unwrap();
}

/// A form, the browser it came from, and pages looked at for some seconds each, one a day.
fn history(n: usize, at: Timestamp) -> Vec<Record> {
    let visitor = VisitorId::parse(format!("visitor-{n}")).unwrap();
    let address = format!("buyer{n}@works{n}.example");
    let fields = [
        ("email", address.clone()),
        ("name", format!("Buyer {n}")),
        ("company", format!("Works {n}")),
        ("role", "Director".to_owned()),
        ("industry", ["Manufacturing", "Construction", "Food"][n % 3].to_owned()),
        ("employees", "250".to_owned()),
    ];
    let form = FormSubmission {
        form: FormId::parse("newsletter").unwrap(),
        page_view: None,
        url: Some("http://127.0.0.1:7070/news".to_owned()),
        address: Address::parse(&address).ok(),
        fields: fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        consent: None,
        millis: Some(20_000),
    };
    let link = Kind::VisitorLinked { visitor: visitor.clone(), proof: Proof::First, since: None };
    let mut records = vec![
        record(&format!("form-{n}"), at, Some(visitor.clone()), vec![Kind::FormSubmitted(form)]),
        record(&format!("link-{n}"), at, None, vec![link]),
    ];
    for page in 0..PAGES {
        let page_view = PageViewId::derive(&[&n.to_string(), &page.to_string()]);
        let url = format!("http://127.0.0.1:7070/product/{page}");
        let title = Some("Product".to_owned());
        let view = PageView {
            page_view: page_view.clone(),
            url: url.clone(),
            title,
            referrer: None,
            previous: None,
            campaign: Default::default(),
        };
        let kinds = vec![Kind::PageViewed(view), Kind::Engaged { page_view, url, millis: 12_000 }];
        let at = at + SignedDuration::from_hours(24 * page as i64);
        records.push(record(&format!("page-{n}-{page}"), at, Some(visitor.clone()), kinds));
    }
    records
}

fn record(id: &str, at: Timestamp, visitor: Option<VisitorId>, kinds: Vec<Kind>) -> Record {
    let source = if visitor.is_some() { Source::Site } else { Source::Michi };
    let named = |(place, kind)| Activity { id: ActivityId::parse(format!("{id}-{place}")).unwrap(), at, kind };
    let activities = kinds.into_iter().enumerate().map(named).collect();
    let id = ActivityId::parse(id).unwrap();
    Record { id, sent: at, at, received: at, visitor, source, import: None, signals: Signals::default(), activities }
}
