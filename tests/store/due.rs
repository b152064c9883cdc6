//! The indexes: what is due, and who is hottest.

use michi::activity::LogOwner;
use michi::id::LeadId;
use michi::io::Retry;
use michi::io::store::{Function, LeadItem, Mark, Save, Wake};
use michi::lead::Stage;

use super::{Tables, ann, at, browsers, download, lead, retry};

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
