//! The tick that takes along whoever is due, where the index does not help it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use michi::activity::LogOwner;
use michi::fold::Folded;
use michi::id::ScenarioId;
use michi::io::store::{Function, Save};
use michi::scenario::enroll;
use michi_local::{Request, Suite, Tap};
use serde_json::{Value, json};

use super::{nurture, suite_with};
use crate::playbook::{people, person};

/// More than a round takes.
const LEADS: usize = 230;

/// The due index is behind: what it has listed once it goes on listing, in front of all else.
#[derive(Default)]
struct Behind(Mutex<BTreeMap<String, Vec<Value>>>);

impl Tap for Behind {
    fn answer(&self, request: &Request, mut answer: Value) -> Value {
        if request.function == "step" && request.body["IndexName"] == "due" {
            let part = request.body["ExpressionAttributeValues"][":part"]["S"].as_str().unwrap();
            let limit = request.body["Limit"].as_u64().unwrap() as usize;
            let mut listed = self.0.lock().unwrap();
            let listed = listed.entry(part.to_owned()).or_default();
            let found = answer["Items"].as_array().cloned().unwrap_or_default();
            listed.extend(found.into_iter().filter(|item| !listed.contains(item)).collect::<Vec<_>>());
            answer["Items"] = listed.iter().take(limit).cloned().collect();
            answer.as_object_mut().unwrap().remove("LastEvaluatedKey");
        }
        answer
    }
}

async fn enter(suite: &Suite, n: usize) {
    let (store, lead, now) = (&suite.own().store, person(n), suite.now());
    let live = suite.own().playbook().await.unwrap();
    let id = ScenarioId::parse("nurture").unwrap();
    let log = store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    let folded = Folded::of(&live.playbook, &log, now);
    let scenario = (&id, &live.playbook.scenarios[&id]);
    let entering = enroll(&live.playbook, &live.version, scenario, &lead, &folded, "a test", now).unwrap();
    let before = store.lead(&lead).await.unwrap();
    let save = Save { before, appends: vec![(lead, entering.record)], enrolled: vec![entering.enrollment], ..Save::default() };
    store.save(save).await.unwrap();
}

#[tokio::test]
async fn a_tick_goes_on_behind_what_the_index_lists_still() {
    let suite = suite_with(&json!({ "nurture": nurture() })).await;
    people(&suite, LEADS, 0).await;
    for n in 0..LEADS {
        enter(&suite, n).await;
    }
    suite.client().tap(Arc::new(Behind::default()));
    suite.tick("step").await.unwrap();
    let left = suite.own().store.due(Function::Step, suite.now(), LEADS).await.unwrap();
    assert_eq!(left.keys.len(), 0);
}
