//! What calls consume.

use michi::activity::LogOwner;
use michi::id::LeadId;
use michi::io::store::{CopyFilter, Function, LeadItem, Mark, Save};

use super::{Tables, ann, anns, at, browser, browsers, download, lead, view, wake_of};

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
