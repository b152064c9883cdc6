//! Logs: appended once, read whole, copied into others.

use jiff::Timestamp;
use michi::activity::{Log, LogOwner, Record};
use michi::id::{LeadId, VisitorId};
use michi::io::store::{CopyFilter, DueKey, Function, Mark, Save};
use michi::io::{Retry, Store};
use michi::verdict::{Signals, UserAgent};

use super::{Tables, anns, at, browser, browsers, download, lead, retry, sorted, view};

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
