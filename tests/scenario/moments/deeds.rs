//! What is done to a lead under way, or to its scenario, as the command or the page does it that people have for it.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Request;
use michi::activity::{Kind, LogOwner, Record};
use michi::address::Address;
use michi::id::{ActivityId, LeadId, MessageId, ScenarioId};
use michi::io::store::{DueKey, Lies, Mark, Pause, Traces};
use michi::io::{Error, Retry};
use michi::lead::Stage;
use michi::link::{OfLetter, Purpose};
use michi::playbook::Playbook;
use michi::playbook::mail::{Body as Words, Parts};
use michi_cli::scenarios::{end, go_on, let_in, rest};
use michi_local::Suite;
use serde_json::{Value, json};

use super::{ADDRESS, OTHER};
use crate::harness::BROWSER;
use crate::people::merging::begun;
use crate::scenario::edit;
use crate::scenario::engine::{Act, moves};
use crate::scenario::story::scenarios;

/// What an edit makes of those under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnderWay {
    Stay,
    Move,
    Drain,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// The mails say something else.
    Mend,
    /// A letter is put in behind the first wait.
    Insert(UnderWay),
    /// The wait for a look at prices is taken away.
    Remove(UnderWay),
    /// The whole scenario rests for a day.
    PauseAll,
    /// The lead alone rests for a day.
    PauseOne,
    /// The lead is erased.
    Erase,
    /// The same, and whoever does it dies once the lead is marked.
    Mark,
    /// The lead wants no more mail.
    OptOut,
    /// Sales takes the lead in hand.
    Sales,
    /// Somebody ends the scenario for it.
    Stop,
    /// Somebody lets it in.
    Enroll,
    /// It turns out to be another lead.
    Merge,
    /// The same, and whoever says so dies once the lead is marked.
    Merging,
}

/// All of them.
pub(super) const EVERY: &[Deed] = &[
    Deed::Mend,
    Deed::Insert(UnderWay::Stay),
    Deed::Insert(UnderWay::Move),
    Deed::Insert(UnderWay::Drain),
    Deed::Remove(UnderWay::Stay),
    Deed::Remove(UnderWay::Move),
    Deed::Remove(UnderWay::Drain),
    Deed::PauseAll,
    Deed::PauseOne,
    Deed::Erase,
    Deed::Mark,
    Deed::OptOut,
    Deed::Sales,
    Deed::Stop,
    Deed::Enroll,
    Deed::Merge,
    Deed::Merging,
];

/// What mended mails say, each once.
pub(super) const MENDED: &str = "Mended words.";
const OCCASION: &str = "a fair";

pub(super) fn story() -> ScenarioId {
    ScenarioId::parse("story").unwrap()
}

/// The lead, if it is known by its address.
pub(super) async fn known(suite: &Suite) -> Option<LeadId> {
    owner_of(suite, ADDRESS).await
}

async fn owner_of(suite: &Suite, address: &str) -> Option<LeadId> {
    let hash = suite.own().keys.address_hash(&Address::parse(address).unwrap());
    suite.own().store.address_owner(&hash).await.unwrap()
}

/// How often the lead has moved in the story.
pub(super) async fn moves_of(suite: &Suite, lead: &LeadId) -> usize {
    moves(&suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap(), &story())
}

impl Deed {
    /// Does it. Answers what it is to the engine; none: there is nobody yet to do it to.
    pub(super) async fn done(self, suite: &Suite, lead: Option<&LeadId>) -> Option<Act> {
        let store = &suite.own().store;
        match self {
            Self::Mend => Some(published(suite, mended).await),
            Self::Insert(under_way) => {
                let letter = json!({ "mail": { "id": "between", "send": "case-study" } });
                Some(published(suite, change(under_way, |steps| steps.insert(2, letter))).await)
            }
            Self::Remove(under_way) => Some(published(suite, change(under_way, |steps| drop(steps.remove(2)))).await),
            Self::PauseAll => {
                store.pause(&story(), &Pause { since: suite.now(), by: "ann".to_owned() }).await.unwrap();
                Some(Act::PauseAll)
            }
            Self::PauseOne => {
                for key in open_of(suite, lead?).await {
                    rest(store, key).await.unwrap();
                }
                Some(Act::PauseOne)
            }
            Self::Erase | Self::Mark => {
                // The engine is not asked: nothing is left of which it could tell.
                erase(suite, lead?, self == Self::Erase).await.then_some(Act::Stop)
            }
            Self::OptOut => opt_out(suite, lead?).await,
            Self::Sales => {
                let (from, to) = (Stage::Lead, Stage::Sal);
                let moved = Kind::StageMoved { from, to, cell: None, alert: None, corrects: None, by_rules: false };
                let record = Record::decision(ActivityId::derive(&["taken in hand"]), suite.now(), moved.clone());
                store.append(&LogOwner::Lead(lead?.clone()), &record, Mark::Guaranteed).await.unwrap();
                Some(Act::Learn(moved))
            }
            Self::Stop => {
                for key in open_of(suite, lead?).await {
                    end(store, key, suite.now()).await.unwrap();
                }
                Some(Act::Stop)
            }
            Self::Enroll => {
                let live = suite.own().playbook().await.unwrap();
                store.lead(lead?).await.unwrap()?;
                let_in(store, &live, &story(), OCCASION, lead?, suite.now()).await.unwrap();
                Some(Act::Enroll(OCCASION))
            }
            Self::Merge | Self::Merging => merge(suite, lead?, self == Self::Merge).await,
        }
    }

    /// Whether the lead is to be forgotten.
    pub(super) fn erases(self) -> bool {
        matches!(self, Self::Erase | Self::Mark)
    }

    /// Whether a letter that is still to go out may go no more.
    pub(super) fn stops_mail(self) -> bool {
        matches!(self, Self::OptOut | Self::Sales | Self::Stop | Self::Remove(UnderWay::Move)) || self.merges()
    }

    /// Whether the lead turns out to be another.
    pub(super) fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::Merging)
    }

    /// Whether nothing that `step` or `score` has begun before may take effect afterwards. An edit or a pause of all is seen
    /// when they look next, and so is what the log learns; whatever was owed by then goes through the gate.
    pub(super) fn holds_at_once(self) -> bool {
        matches!(self, Self::PauseOne | Self::Stop | Self::Enroll | Self::Merge | Self::Merging)
    }

    /// Whether it is over after a while.
    pub(super) fn pauses(self) -> bool {
        matches!(self, Self::PauseAll | Self::PauseOne)
    }

    /// Goes on with what it paused.
    pub(super) async fn resume(self, suite: &Suite) {
        let store = &suite.own().store;
        if self == Self::PauseOne {
            let Some(lead) = known(suite).await else { return };
            for key in open_of(suite, &lead).await {
                go_on(store, key, true, suite.now()).await.unwrap();
            }
            return;
        }
        store.unpause(&story()).await.unwrap();
        let open = store.open_enrollments(Some(&story())).await.unwrap();
        for open in open.iter().filter(|open| open.lies == Lies::Paused) {
            go_on(store, open.key(), false, suite.now()).await.unwrap();
        }
    }
}

/// The keys of what the lead is under way in, as a command about the story finds them.
async fn open_of(suite: &Suite, lead: &LeadId) -> Vec<DueKey> {
    let all = suite.own().store.enrollments_of(lead).await.unwrap();
    all.iter().filter(|one| one.scenario == story()).map(DueKey::of_enrollment).collect()
}

async fn published(suite: &Suite, change: impl FnOnce(&mut Playbook)) -> Act {
    edit(suite, change).await;
    Act::Edit(suite.own().playbook().await.unwrap().version)
}

fn mended(playbook: &mut Playbook) {
    for version in playbook.mails.values_mut().flat_map(|mail| mail.versions.values_mut()) {
        if let Some(parts) = version.body.parts() {
            version.body = Words::new(Parts { text: format!("{}\n{MENDED}\n", parts.text), html: parts.html.clone() });
        }
    }
}

/// The scenarios with other steps in the story.
fn change(under_way: UnderWay, steps: impl FnOnce(&mut Vec<Value>)) -> impl FnOnce(&mut Playbook) {
    move |playbook| {
        let mut all = scenarios();
        all["story"]["under_way"] = json!(match under_way {
            UnderWay::Stay => "stay",
            UnderWay::Move => "move",
            UnderWay::Drain => "drain",
        });
        steps(all["story"]["steps"].as_array_mut().unwrap());
        playbook.scenarios = serde_json::from_value(all).unwrap();
    }
}

/// As `michi erase` does, to its end or until the lead is marked; not a lead of which nothing is known yet.
async fn erase(suite: &Suite, lead: &LeadId, to_its_end: bool) -> bool {
    let (store, hash) = (&suite.own().store, |address: &Address| suite.own().keys.address_hash(address));
    let mark = loop {
        let before = store.lead(lead).await.unwrap();
        let log = store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
        if before.is_none() && log.records.is_empty() {
            return false;
        }
        let suppress: Vec<String> = Traces::of(&log).addresses.iter().map(hash).collect();
        match store.begin_erasure(lead, before.as_ref(), &suppress, suite.now()).await {
            Err(Error { retry: Retry::Reread, .. }) => {}
            mark => break mark.unwrap(),
        }
    };
    if to_its_end {
        store.erase(&mark, &BTreeSet::new(), hash, suite.now()).await.unwrap();
        store.end_erasure(&mark, suite.now()).await.unwrap();
    }
    true
}

/// As `michi merge` does, to its end or until the lead is marked; none: it was not looked at yet, which the command refuses.
async fn merge(suite: &Suite, lead: &LeadId, to_its_end: bool) -> Option<Act> {
    let (store, hash) = (&suite.own().store, |address: &Address| suite.own().keys.address_hash(address));
    let into = owner_of(suite, OTHER).await?;
    store.lead(lead).await.unwrap()?;
    let log = LogOwner::Lead(into.clone());
    let own = store.log(&log).await.unwrap().records;
    let mark = begun(suite, lead, &into).await;
    let learned = store.log(&log).await.unwrap().records.into_iter().find(|record| !own.contains(record)).unwrap();
    if to_its_end {
        store.merge(&mark, hash, suite.now()).await.unwrap();
        store.end_merge(&mark, suite.now()).await.unwrap();
    }
    Some(Act::Merge { into, own, learns: Box::new(learned) })
}

/// By the link of a letter, as a mail program does; none: there is nobody to whom anything could be written yet.
async fn opt_out(suite: &Suite, lead: &LeadId) -> Option<Act> {
    let store = &suite.own().store;
    store.mailing(lead).await.unwrap()?;
    let (number, key) = suite.own().keys.signing().unwrap();
    let link = OfLetter { lead: lead.clone(), message: MessageId::derive(&["an older letter"]) };
    let path = format!("/unsubscribe/{}", link.token(Purpose::Unsubscribe, number, key.bytes()));
    let request = Request::post(path).header("user-agent", BROWSER);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = suite.request(request.body(Body::from("List-Unsubscribe=One-Click")).unwrap()).await;
    assert!(answer.status().is_success(), "{}", answer.status());
    let log = store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    let mut kinds = log.records.into_iter().flat_map(|record| record.activities).map(|activity| activity.kind);
    kinds.find(|kind| matches!(kind, Kind::MailChosen { .. })).map(Act::Learn)
}
