//! One story, told again and again with something going wrong: a form, a letter, a day, a look at prices, what follows
//! from it. And what the pure engine makes of the same form and the same look, to hold it against.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner, PageView, Record};
use michi::id::{ActivityId, LeadId, PageViewId, ScenarioId, VisitorId};
use michi::io::store::{Lies, Mark, Open, Pause};
use michi::playbook::{Playbook, authoring};
use michi_cli::scenarios::go_on;
use michi_local::{Meanwhile, Options, Planned, Request, Suite, Tap};
use serde_json::{Value, json};

use super::engine::Engine;
use super::{DAY, HOUR, MINUTE, how, publish};
use crate::harness::{ORIGIN, Visitor, insist};

/// What happens beside the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    /// Nothing.
    None,
    /// The form is sent a second time.
    FormAgain,
    /// The look at prices comes while `step` saves that it is waited for.
    Race,
    /// The scenario is paused from the first day to the sixth.
    Paused,
    /// It is gone on with while `step` lays the enrollment aside.
    ResumeRace,
    /// A version with another last letter goes live for those who enter from then on.
    Edited,
    /// The lead is erased while `step` saves its last step.
    Erased,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// Scenario, step and how it was passed, in order.
    pub(crate) path: Vec<String>,
    /// When each of these was, and by which version of the scenario.
    pub(crate) when: Vec<(Timestamp, String)>,
    /// When which letter was owed.
    pub(crate) letters: Vec<(Timestamp, String)>,
    /// Mails that reached the lead.
    pub(crate) mails: usize,
    /// How often which scenario was entered.
    pub(crate) entered: Vec<String>,
}

/// The scenarios: the story's own, and one that follows from what it sets.
pub(crate) fn scenarios() -> Value {
    json!({
        "story": {
            "name": "Story", "trigger": { "form": "white-paper" }, "under_way": "stay",
            "steps": [
                { "mail": { "id": "hello", "send": "welcome" } },
                { "wait": { "id": "day", "for": "1d" } },
                { "wait_for": { "id": "prices", "did": { "page": "pricing" }, "within": "14d",
                    "then": [{ "set": { "id": "keen", "attribute": "mood", "to": "keen" } }],
                    "otherwise": [{ "mail": { "id": "cases", "send": "case-study" } }] } },
                { "mail": { "id": "last", "send": "talk" } }
            ]
        },
        "keen": {
            "name": "Keen", "trigger": { "segment": "keen" },
            "steps": [{ "set": { "id": "noted", "attribute": "noted", "to": "yes" } }]
        }
    })
}

/// A folder with a playbook of just these scenarios: read once.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        // What other scenarios ask is asked by nobody here.
        let others = |name: &str| name.starts_with("scenarios/") || name.starts_with("mail/how-far");
        for mut file in authoring::default_files().into_iter().filter(|file| !others(&file.name)) {
            if file.name == "segments.yaml" {
                file.bytes.extend(b"\nkeen: { attribute: { name: mood, any_of: [keen] } }\n");
            }
            write(&file.name, &file.bytes);
        }
        for (name, scenario) in scenarios().as_object().unwrap() {
            write(&format!("scenarios/{name}.yaml"), scenario.to_string().as_bytes());
        }
        let path = folder.path().to_owned();
        (folder, path)
    });
    path
}

pub(crate) async fn stage() -> Suite {
    Suite::start(Options { playbook: Some(folder().to_owned()), ..Options::test() }).await.unwrap()
}

/// Plays the story; answers what came of it, or what is wrong.
pub(crate) async fn play(suite: &Suite, faults: &[Planned], twist: Twist) -> Result<Told, String> {
    let store = &suite.own().store;
    let id = ScenarioId::parse("story").unwrap();
    let mut visitor = Visitor::new("mori");
    suite.client().faults().lay(faults.to_vec());
    let beside = Beside::of(suite, twist);
    if let Some(beside) = &beside {
        suite.client().tap(Arc::clone(beside) as Arc<dyn Tap>);
    }
    insist(suite, &visitor.form(suite.now(), "white-paper", &json!({ "email": "mori@aoba.example" }))).await;
    suite.advance(HOUR).await.unwrap();
    if twist == Twist::FormAgain {
        insist(suite, &visitor.form(suite.now(), "white-paper", &json!({ "email": "mori@aoba.example" }))).await;
    }
    if matches!(twist, Twist::Paused | Twist::ResumeRace) {
        store.pause(&id, &Pause { since: suite.now(), by: "ann".to_owned() }).await.unwrap();
    }
    if twist == Twist::Edited {
        let mut edited = scenarios();
        edited["story"]["steps"][3]["mail"]["send"] = json!("case-study");
        publish(suite, &edited).await;
    }
    suite.advance(DAY * 2 - HOUR).await.unwrap();
    let looked = suite.now();
    if twist != Twist::Race {
        insist(suite, &visitor.page(suite.now(), "/pricing", "Pricing", 40)).await;
    }
    suite.advance(MINUTE * 20).await.unwrap();
    if twist == Twist::Paused {
        let mails = suite.mailbox().mails().len();
        if mails != 1 {
            return Err(format!("{mails} mails while it is paused"));
        }
        suite.advance(DAY * 5).await.unwrap();
        resume(suite, &id).await;
        // What was done before the wait began is not what is waited for.
        suite.advance(HOUR).await.unwrap();
        insist(suite, &visitor.page(suite.now(), "/pricing", "Pricing", 40)).await;
    }
    // What is left behind shows soon, and would be tried each minute.
    for step in [MINUTE * 30; 4].into_iter().chain([HOUR * 6; 80]) {
        suite.advance(step).await.unwrap();
        let open = store.open_enrollments(None).await.unwrap();
        let behind = |open: &&Open| open.lies == Lies::Due && suite.now().duration_since(open.due) > MINUTE * 20;
        if let Some(open) = open.iter().find(behind) {
            return Err(format!("left behind: {open:?}"));
        }
    }
    let left = suite.finish(HOUR * 3).await.unwrap();
    let lead = store.visitor_consistent(&VisitorId::parse("mori").unwrap()).await.unwrap();
    let open = store.open_enrollments(None).await.unwrap();
    if !open.is_empty() || !left.is_empty() {
        return Err(format!("left: {open:?} {left:?}"));
    }
    if twist == Twist::Erased {
        let mails = suite.mailbox().mails().len();
        return if mails == 1 {
            Ok(told(&Log { owner: owner(&LeadId::derive(&["gone"])), records: vec![] }, 1))
        } else {
            Err(format!("{mails} mails, and the lead was erased before the second"))
        };
    }
    let log = store.log(&owner(&lead.ok_or("nobody is linked")?.lead)).await.unwrap();
    if let Some(noticed) = passed_at(&log, "prices") {
        let looked = beside.and_then(|beside| *beside.struck.lock().unwrap()).unwrap_or(looked);
        let late = noticed.duration_since(looked);
        let paused = matches!(twist, Twist::Paused | Twist::ResumeRace);
        if !paused && late > MINUTE * 15 {
            return Err(format!("what was waited for was noticed after {late:#}"));
        }
    }
    if let (Some(set), Some(entered)) = (passed_at(&log, "keen"), entered_at(&log, "keen"))
        && entered.duration_since(set) > MINUTE * 15
    {
        return Err("what was set was not looked at".to_owned());
    }
    Ok(told(&log, suite.mailbox().mails().len()))
}

/// As `michi resume` does.
async fn resume(suite: &Suite, scenario: &ScenarioId) {
    let store = &suite.own().store;
    store.unpause(scenario).await.unwrap();
    let open = store.open_enrollments(Some(scenario)).await.unwrap();
    for open in open.iter().filter(|open| open.lies == Lies::Paused) {
        go_on(store, open.key(), false, suite.now()).await.unwrap();
    }
}

fn owner(lead: &LeadId) -> LogOwner {
    LogOwner::Lead(lead.clone())
}

/// What a log tells of the way.
pub(crate) fn told(log: &Log, mails: usize) -> Told {
    let mut all: Vec<&Activity> = log.records.iter().flat_map(|record| &record.activities).collect();
    // Within a moment clocks may differ by milliseconds: who leaves does so at last.
    all.sort_by_key(|one| (one.at.as_second(), matches!(one.kind, Kind::Advanced { left: Some(_), .. })));
    let mut told = Told { path: vec![], when: vec![], letters: vec![], mails, entered: vec![] };
    let mut path: Vec<(&ScenarioId, String, Timestamp, &str)> = vec![];
    for activity in all {
        match &activity.kind {
            Kind::Enrolled { scenario, .. } => told.entered.push(scenario.to_string()),
            Kind::Advanced { scenario, passed, left, version, .. } => {
                for one in passed {
                    let how = how(one);
                    if let Some(mail) = how.strip_prefix("mailed ") {
                        told.letters.push((activity.at, mail.to_owned()));
                    }
                    path.push((scenario, format!("{scenario} {} {}: {how}", one.step, one.visit), activity.at, version));
                }
                path.extend(left.iter().map(|left| (scenario, format!("{scenario}: {left:?}"), activity.at, version.as_str())));
            }
            _ => {}
        }
    }
    // Two scenarios go their ways beside each other.
    path.sort_by_key(|(scenario, ..)| scenario.to_string());
    for (_, said, at, version) in path {
        told.path.push(said);
        told.when.push((at, version.to_owned()));
    }
    told.entered.sort();
    told
}

fn passed_at(log: &Log, step: &str) -> Option<Timestamp> {
    find(log, |kind| matches!(kind, Kind::Advanced { passed, .. } if passed.iter().any(|one| one.step.as_str() == step)))
}

fn entered_at(log: &Log, name: &str) -> Option<Timestamp> {
    find(log, |kind| matches!(kind, Kind::Enrolled { scenario, .. } if scenario.as_str() == name))
}

fn find(log: &Log, is: impl Fn(&Kind) -> bool) -> Option<Timestamp> {
    log.records.iter().flat_map(|record| &record.activities).find(|activity| is(&activity.kind)).map(|activity| activity.at)
}

/// What the engine alone makes of what came from outside.
pub(crate) fn oracle(playbook: &Playbook, lead: &LeadId, log: &Log, until: Timestamp) -> Told {
    let version = playbook.version();
    let playbooks = BTreeMap::from([(version.clone(), playbook.clone())]);
    Engine::new(&playbooks, &version, lead, log).run(until).told
}

/// Does what a twist asks for beside one call of `step`, once.
pub(crate) struct Beside {
    suite: Suite,
    twist: Twist,
    /// When it has happened.
    struck: Mutex<Option<Timestamp>>,
}

impl Beside {
    fn of(suite: &Suite, twist: Twist) -> Option<Arc<Self>> {
        let beside = matches!(twist, Twist::Race | Twist::ResumeRace | Twist::Erased);
        beside.then(|| Arc::new(Self { suite: suite.clone(), twist, struck: Mutex::new(None) }))
    }
}

impl Tap for Beside {
    fn before(&self, request: &Request) -> Option<Meanwhile> {
        if request.function != "step" || request.operation != "TransactWriteItems" || self.struck.lock().unwrap().is_some() {
            return None;
        }
        let body = request.body.to_string();
        let wanted = match self.twist {
            Twist::Race => body.contains(r#""behaviour""#),
            Twist::ResumeRace => body.contains("scenario#all"),
            _ => body.contains(r#""last""#) && body.contains("message#"),
        };
        if !wanted {
            return None;
        }
        *self.struck.lock().unwrap() = Some(self.suite.now());
        let (suite, twist) = (self.suite.clone(), self.twist);
        Some(Box::pin(async move {
            let store = &suite.own().store;
            let lead = store.visitor_consistent(&VisitorId::parse("mori").unwrap()).await.unwrap().unwrap().lead;
            match twist {
                Twist::ResumeRace => resume(&suite, &ScenarioId::parse("story").unwrap()).await,
                Twist::Race => {
                    // `score` has looked at it before the wait was there: nobody else comes to notice it.
                    let view = PageView {
                        page_view: PageViewId::derive(&["race"]),
                        url: format!("{ORIGIN}/pricing"),
                        title: None,
                        referrer: None,
                        previous: None,
                        campaign: BTreeMap::new(),
                    };
                    // What came at the very moment from which on it is waited for led there.
                    let at = suite.now() + SignedDuration::from_millis(1);
                    let record = Record::decision(ActivityId::derive(&["race"]), at, Kind::PageViewed(view));
                    store.append(&owner(&lead), &record, Mark::Quiet).await.unwrap();
                }
                _ => {
                    let before = store.lead(&lead).await.unwrap();
                    store.begin_erasure(&lead, before.as_ref(), &[], suite.now()).await.unwrap();
                }
            }
        }))
    }
}

/// Whether two ways are the same, letters within a quarter of an hour of each other; what is wrong, if not.
pub(crate) fn same(found: &Told, wanted: &Told, on_time: bool) -> Result<(), String> {
    let letters = |told: &Told| told.letters.iter().map(|(_, mail)| mail.clone()).collect::<Vec<_>>();
    let alike = (&found.path, letters(found), &found.entered, found.mails)
        == (&wanted.path, letters(wanted), &wanted.entered, wanted.mails);
    if !alike {
        return Err(format!("another way: {found:#?}"));
    }
    let late = found.letters.iter().zip(&wanted.letters).map(|((at, _), (planned, _))| at.duration_since(*planned).abs()).max();
    match late.filter(|late| on_time && *late > SignedDuration::from_mins(15)) {
        Some(late) => Err(format!("a letter was owed {late:#} off its time")),
        None => Ok(()),
    }
}
