//! From a beacon to the mail in a salesperson's box, and what time makes of a lead afterwards.

use jiff::SignedDuration;
use michi::activity::LogOwner;
use michi::fold::fold;
use michi::id::{LeadId, VisitorId};
use michi::lead::{Lead, Stage};
use michi_local::Suite;

use crate::harness::{Visitor, beacon, buyer, ready_lead, suite};

/// The lead that a browser is linked to, folded now.
pub(crate) async fn lead_of(suite: &Suite, visitor: &Visitor) -> (LeadId, Lead) {
    let own = suite.own();
    let linked = own.store.visitor_consistent(&VisitorId::parse(visitor.id.clone()).unwrap()).await.unwrap().expect("a link");
    let log = own.store.log(&LogOwner::Lead(linked.lead.clone())).await.unwrap();
    let lead = fold(&own.playbook().await.unwrap().playbook, &log, suite.now());
    (linked.lead, lead)
}

#[tokio::test]
async fn a_visit_becomes_a_scored_lead_and_a_mail_to_sales() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v1");
    ready_lead(&suite, &mut visitor).await;

    let (id, lead) = lead_of(&suite, &visitor).await;
    assert_eq!(lead.stage, Some(Stage::Mql));
    assert_eq!((lead.pages.len(), lead.attribute("company")), (3, Some("星野工業")));
    let cell = lead.cell.unwrap().to_string();
    assert!(["A1", "A2", "B1", "B2"].contains(&cell.as_str()), "{cell}");
    let sum: f64 = lead.interest.reasons.iter().map(|reason| reason.now).sum();
    assert!((sum - lead.interest.points).abs() < 1e-6);

    let mails = suite.mailbox().mails();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].subject.contains("佐藤 美香"), "{}", mails[0].subject);
    let (text, html) = (mails[0].text.as_deref().unwrap(), mails[0].html.as_deref().unwrap());
    for part in ["星野工業", "mika.sato@hoshino-kogyo.example", "+81 3 1234 5678", "/view/"] {
        assert!(text.contains(part) && html.contains(part), "{part} is missing in\n{text}");
    }
    let told: Vec<String> = suite.bus().entries().iter().map(|entry| entry.detail_type.clone()).collect();
    let mut told: Vec<&str> = told.iter().map(String::as_str).collect();
    told.sort_unstable();
    assert_eq!(told, ["Form Submitted", "Lead Identified", "Lead Stage Moved"]);
    let left = suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(suite.own().store.lead(&id).await.unwrap().unwrap().stage, Stage::Mql);
}

#[tokio::test]
async fn a_second_visit_of_a_known_lead_is_scored_at_once() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v1");
    ready_lead(&suite, &mut visitor).await;
    let before = lead_of(&suite, &visitor).await.1.interest.points;
    let answer = beacon(&suite, &visitor.page(suite.now(), "/pricing", "Pricing", 20)).await;
    assert_eq!(answer.body["known"], true);
    suite.settle().await.unwrap();
    let (id, lead) = lead_of(&suite, &visitor).await;
    assert!(lead.interest.points > before + 9.0);
    let item = suite.own().store.lead(&id).await.unwrap().unwrap();
    assert_eq!(item.rank, lead.interest.rank);
    assert_eq!(suite.mailbox().mails().len(), 1, "one alert in seven days");
}

#[tokio::test]
async fn a_lead_that_cools_goes_back_and_is_offered_again_when_it_returns() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v1");
    ready_lead(&suite, &mut visitor).await;
    suite.advance(SignedDuration::from_hours(24 * 120)).await.unwrap();
    let (id, lead) = lead_of(&suite, &visitor).await;
    assert_eq!((lead.stage, lead.moves.len()), (Some(Stage::Lead), 2));
    assert_eq!(suite.own().store.lead(&id).await.unwrap().unwrap().stage, Stage::Lead);
    beacon(&suite, &visitor.form(suite.now(), "inquiry", &buyer())).await;
    suite.settle().await.unwrap();
    assert_eq!(lead_of(&suite, &visitor).await.1.stage, Some(Stage::Mql));
    let alerts = suite.mailbox().mails().into_iter().filter(|mail| mail.to != ["mika.sato@hoshino-kogyo.example"]).count();
    assert_eq!(alerts, 2);
    assert!(
        suite.leftovers().unwrap().iter().all(|left| left.contains("wake#") || left.contains("enrollment#")),
        "{:?}",
        suite.leftovers()
    );
}
