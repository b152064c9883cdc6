//! A save takes place whole or not at all, as it was read.

use michi::id::LeadId;
use michi::io::store::{Found, Function, LeadItem, Save, Token, VisitorItem};
use michi::io::{Retry, Store};
use michi::lead::Stage;
use michi_local::client::{Fault, Planned, Service};

use super::{Tables, alert, ann, anns, at, browser, browsers, decision, download, fact, lead, link, retry, sorted, wake_of};

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
