//! Whose browser it is: first, claimed and proven links, a second address in one browser, and the race around linking.

use jiff::SignedDuration;
use michi::activity::{Activity, Kind, LogOwner, PageView, Proof, Record, Source};
use michi::address::Address;
use michi::id::{ActivityId, LeadId, MessageId, PageViewId, VisitorId};
use michi::io::store::{Mark, Token};
use michi::verdict::Signals;
use michi_local::Suite;
use serde_json::{Value, json};

use crate::harness::{Visitor, beacon, buyer, post, suite, write_key};
use crate::spine::lead_of;

async fn proof_of(suite: &Suite, visitor: &str) -> Option<(LeadId, Proof)> {
    let known = suite.own().store.visitor_consistent(&VisitorId::parse(visitor).unwrap()).await.unwrap();
    known.map(|known| (known.lead, known.proof))
}

fn with(mut fields: Value, changes: &[(&str, &str)]) -> Value {
    for (name, value) in changes {
        fields[*name] = Value::from(*value);
    }
    fields
}

async fn is_quiet(suite: &Suite) {
    let left = suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn who_only_claims_to_be_a_lead_corrects_nothing() {
    let suite = suite().await;
    let (mut own, mut other) = (Visitor::new("own"), Visitor::new("other"));
    let first = with(buyer(), &[("phone", "")]);
    let answer = beacon(&suite, &own.form(suite.now(), "white-paper", &first)).await;
    suite.settle().await.unwrap();
    let claim = with(buyer(), &[("company", "Evil Inc."), ("phone", "666")]);
    let again = beacon(&suite, &other.form(suite.now(), "white-paper", &claim)).await;
    assert_eq!(answer.body, again.body, "the answer does not tell new from known addresses");
    suite.settle().await.unwrap();
    for n in 0..4 {
        beacon(&suite, &other.page(suite.now(), &format!("/pricing/{n}"), "Pricing", 5)).await;
    }
    suite.settle().await.unwrap();
    let (lead, proof) = proof_of(&suite, "other").await.unwrap();
    assert_eq!((Some((lead.clone(), Proof::First)), proof), (proof_of(&suite, "own").await, Proof::Claimed));
    let (_, folded) = lead_of(&suite, &own).await;
    assert_eq!((folded.attribute("company"), folded.attribute("phone")), (Some("星野工業"), Some("666")));
    assert!(folded.attributes["phone"].unconfirmed);
    let claimed: f64 = folded.interest.reasons.iter().filter(|reason| reason.unconfirmed).map(|reason| reason.points).sum();
    assert!((claimed - 20.0).abs() < 1e-9, "{claimed} points from a browser that only claims");
    is_quiet(&suite).await;
}

#[tokio::test]
async fn two_browsers_that_give_a_new_address_at_once_make_one_lead() {
    let suite = suite().await;
    let (mut one, mut two) = (Visitor::new("one"), Visitor::new("two"));
    beacon(&suite, &one.form(suite.now(), "white-paper", &buyer())).await;
    beacon(&suite, &two.form(suite.now(), "inquiry", &buyer())).await;
    suite.settle().await.unwrap();
    let proofs = [proof_of(&suite, "one").await.unwrap(), proof_of(&suite, "two").await.unwrap()];
    assert_eq!(proofs[0].0, proofs[1].0);
    assert_eq!([proofs[0].1, proofs[1].1].iter().filter(|proof| **proof == Proof::First).count(), 1);
    assert_eq!(suite.mailbox().mails().len(), 1);
    is_quiet(&suite).await;
}

#[tokio::test]
async fn a_second_address_under_one_visitor_id_is_another_lead_from_then_on() {
    let suite = suite().await;
    let mut visitor = Visitor::new("shared");
    beacon(&suite, &visitor.page(suite.now(), "/pricing", "Pricing", 10)).await;
    beacon(&suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    let (first, before) = lead_of(&suite, &visitor).await;
    assert_eq!(before.pages.len(), 1);
    suite.advance(SignedDuration::from_mins(10)).await.unwrap();
    let colleague = with(buyer(), &[("email", "kenji@other.example"), ("name", "Kenji Mori"), ("company", "Other")]);
    beacon(&suite, &visitor.form(suite.now(), "inquiry", &colleague)).await;
    suite.settle().await.unwrap();
    suite.advance(SignedDuration::from_mins(1)).await.unwrap();
    beacon(&suite, &visitor.page(suite.now(), "/cases/x", "Case", 10)).await;
    suite.settle().await.unwrap();

    let (second, after) = lead_of(&suite, &visitor).await;
    assert_ne!(first, second);
    assert_eq!(after.pages.iter().map(|page| page.url.as_str()).collect::<Vec<_>>(), ["http://127.0.0.1:7070/cases/x"]);
    assert_eq!(after.attribute("name"), Some("Kenji Mori"));
    let log = suite.own().store.log(&LogOwner::Lead(first)).await.unwrap();
    let first = michi::fold::fold(&suite.own().playbook().await.unwrap().playbook, &log, suite.now());
    assert_eq!((first.pages.len(), first.attribute("name"), first.visitors.len()), (1, Some("佐藤 美香"), 0));
    is_quiet(&suite).await;
}

async fn identify(suite: &Suite, visitor: &str, id: &str, rest: Value) {
    let mut message =
        json!({"writeKey": write_key(suite), "anonymousId": visitor, "messageId": id, "timestamp": suite.now().to_string()});
    message.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    let answer = post(suite, "/v1/identify", &message).await;
    assert!(answer.status.is_success(), "{answer:?}");
    suite.settle().await.unwrap();
}

#[tokio::test]
async fn the_sites_own_signature_proves_whose_a_browser_is() {
    let suite = suite().await;
    let mut visitor = Visitor::new("form");
    beacon(&suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    let address = "mika.sato@hoshino-kogyo.example";
    let signature = suite.own().keys.site_signature(address);
    identify(&suite, "signed", "i1", json!({"userId": address, "context": {"signature": signature}})).await;
    identify(&suite, "forged", "i2", json!({"userId": address, "context": {"signature": signature.replace('a', "b")}})).await;
    assert_eq!(proof_of(&suite, "signed").await.unwrap().1, Proof::Proven);
    assert_eq!(proof_of(&suite, "forged").await.unwrap().1, Proof::Claimed);
    is_quiet(&suite).await;
}

/// A click in a mail that turned out to be a person's, and its token.
async fn clicked(suite: &Suite, lead: &LeadId, token: &str) {
    let (id, at) = (ActivityId::derive(&["click", token]), suite.now() - SignedDuration::from_mins(2));
    let kind = Kind::MailClicked { message: MessageId::derive(&[token]), link: 0, target: "https://example.com/".to_owned() };
    let click = Record { source: Source::Site, ..Record::decision(id.clone(), at, kind) };
    let token_about = Token { lead: lead.clone(), click: id, expires: suite.now() + SignedDuration::from_mins(10) };
    suite.own().store.append_with_token(&LogOwner::Lead(lead.clone()), &click, token, &token_about).await.unwrap();
    suite.settle().await.unwrap();
}

#[tokio::test]
async fn a_link_token_proves_whose_a_browser_is_and_is_good_once() {
    let suite = suite().await;
    let mut visitor = Visitor::new("form");
    beacon(&suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    let (lead, _) = lead_of(&suite, &visitor).await;
    for id in ["t1", "t2"] {
        clicked(&suite, &lead, id).await;
    }
    identify(&suite, "clicker", "i1", json!({"context": {"token": "t1"}})).await;
    identify(&suite, "thief", "i2", json!({"context": {"token": "t1"}})).await;
    suite.advance(SignedDuration::from_mins(11)).await.unwrap();
    identify(&suite, "late", "i3", json!({"context": {"token": "t2"}})).await;
    assert_eq!(proof_of(&suite, "clicker").await, Some((lead, Proof::Proven)));
    assert_eq!((proof_of(&suite, "thief").await, proof_of(&suite, "late").await), (None, None));
    is_quiet(&suite).await;
}

#[tokio::test]
async fn what_races_past_the_link_is_fetched_two_minutes_later() {
    let suite = suite().await;
    let mut visitor = Visitor::new("racer");
    beacon(&suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    // `track` had read the visitor before it was linked, and wrote after.
    let id = ActivityId::parse("raced").unwrap();
    let now = suite.now();
    let page = PageView {
        page_view: PageViewId::parse("pv").unwrap(),
        url: "http://127.0.0.1:7070/pricing".into(),
        title: None,
        referrer: None,
        previous: None,
        campaign: std::collections::BTreeMap::new(),
    };
    let raced = Record {
        id: id.clone(),
        sent: now,
        at: now,
        received: now,
        visitor: Some(VisitorId::parse("racer").unwrap()),
        source: Source::Site,
        import: None,
        signals: Signals::default(),
        activities: vec![Activity { id, at: now, kind: Kind::PageViewed(page) }],
    };
    suite.own().store.append(&LogOwner::Visitor(VisitorId::parse("racer").unwrap()), &raced, Mark::Quiet).await.unwrap();
    assert_eq!(lead_of(&suite, &visitor).await.1.pages.len(), 0);
    suite.advance(SignedDuration::from_mins(3)).await.unwrap();
    assert_eq!(lead_of(&suite, &visitor).await.1.pages.len(), 1);
    is_quiet(&suite).await;
}

#[tokio::test]
async fn a_beacon_sent_twice_changes_nothing() {
    let suite = suite().await;
    let mut visitor = Visitor::new("twice");
    let messages = visitor.form(suite.now(), "white-paper", &buyer());
    beacon(&suite, &messages).await;
    suite.finish(SignedDuration::from_mins(5)).await.unwrap();
    let (before, items) = (lead_of(&suite, &visitor).await, suite.items("Activities").unwrap().len());
    beacon(&suite, &messages).await;
    is_quiet(&suite).await;
    let after = lead_of(&suite, &visitor).await;
    assert_eq!(before.1.interest.reasons.len(), after.1.interest.reasons.len());
    assert_eq!((before.1.moves, suite.mailbox().mails().len()), (after.1.moves, 1));
    assert!(suite.items("Activities").unwrap().len() <= items + 1);
}

#[tokio::test]
async fn addresses_in_keys_are_hashed() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v");
    beacon(&suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    let address = Address::parse("mika.sato@hoshino-kogyo.example").unwrap();
    for table in ["Activities", "Leads"] {
        for item in suite.items(table).unwrap() {
            assert!(!item["pk"].to_string().contains(address.domain()) && !item["sk"].to_string().contains(address.domain()));
        }
    }
}
