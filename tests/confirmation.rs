//! Consent that counts once a person confirms it from the mailbox.

use http::{Request, StatusCode};
use jiff::SignedDuration;
use michi::id::{LeadId, MessageId};
use michi::link::Confirm;
use michi::mail::letter::Cause;
use michi::mail::message::{Content, Message, Recipient};
use michi_local::Suite;
use serde_json::json;

use crate::consent::{JAPANESE, ask, choices, choices_made, get, mailing, one_click, permissions, post, suite_with};
use crate::harness::{Visitor, beacon, buyer};
use crate::spine::lead_of;

/// The letters that ask for a confirmation.
async fn asked(suite: &Suite, lead: &LeadId) -> Vec<Message> {
    let mut letters = vec![];
    for item in suite.items("Leads").unwrap().into_iter().filter(|item| item["pk"]["S"] == format!("lead#{lead}")) {
        let Some(id) = item["sk"]["S"].as_str().and_then(|sk| sk.strip_prefix("message#")) else { continue };
        letters.extend(suite.own().store.letter(lead, &MessageId::parse(id).unwrap()).await.unwrap());
    }
    letters.retain(|letter| letter.mail().as_str() == "confirm");
    letters
}

fn confirm_link(suite: &Suite, message: &Message) -> String {
    let (Content::Letter(letter), Recipient::Lead(lead)) = (&message.content, &message.to) else { panic!() };
    let Cause::Confirmation(consent) = &letter.cause else { panic!() };
    let (number, key) = suite.own().keys.signing().unwrap();
    Confirm::new(lead.clone(), consent.clone(), message.created).url("", number, key.bytes())
}

#[tokio::test]
async fn a_consent_counts_once_a_person_confirms_it_from_the_mailbox() {
    let (suite, _folder) = suite_with(&JAPANESE).await;
    let mut visitor = Visitor::new("v1");
    let mut fields = buyer();
    fields["name"] = json!("{{7*7}}<script>");
    beacon(&suite, &visitor.form(suite.now(), "white-paper", &fields)).await;
    suite.settle().await.unwrap();
    let (lead, _) = lead_of(&suite, &visitor).await;
    assert!(permissions(&suite, &lead).await.ground().is_none());
    let letters = asked(&suite, &lead).await;
    assert_eq!(letters.len(), 1);
    let Content::Letter(letter) = &letters[0].content else { panic!() };
    assert!(!serde_json::to_string(letter).unwrap().contains("7*7"), "nothing that a visitor wrote");
    let path = confirm_link(&suite, &letters[0]);
    suite.advance(SignedDuration::from_mins(2)).await.unwrap();
    let mails = suite.mailbox().mails();
    let mail = mails.iter().find(|mail| mail.text.as_ref().is_some_and(|text| text.contains("/confirm/"))).expect("the letter");
    let said = format!("{} {} {}", mail.subject, mail.text.as_ref().unwrap(), mail.html.as_ref().unwrap());
    assert!(said.matches(&path).count() >= 2 && !said.contains("7*7") && !said.contains("<script"), "{said}");

    // Scanners look, press, and ask for the head.
    let before = mailing(&suite, &lead).await;
    let page = get(&suite, &path).await;
    assert!(page.status == StatusCode::OK && page.page.contains("はい、メールを受け取ります") && page.page.contains("m•••@"));
    ask(&suite, Request::head(&path), "").await;
    for agent in [None, Some("curl/8.5.0"), Some("Mozilla/5.0 (compatible; SafetyScanner bot/1.0)")] {
        let request = Request::post(&path).header("content-type", "application/x-www-form-urlencoded");
        let request = agent.into_iter().fold(request, |request, agent| request.header("user-agent", agent));
        let page = ask(&suite, request, "confirm=yes").await;
        assert!(page.status == StatusCode::OK && page.page.contains("はい、メールを受け取ります"), "{agent:?}");
    }
    assert_eq!(post(&suite, &path, "confirm=no").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(mailing(&suite, &lead).await, before);

    let confirmed = post(&suite, &path, "confirm=yes").await;
    assert!(confirmed.status == StatusCode::OK && confirmed.page.contains("ありがとうございます"), "{}", confirmed.page);
    assert!(mailing(&suite, &lead).await.permissions.ground().is_some());
    suite.settle().await.unwrap();
    assert!(permissions(&suite, &lead).await.ground().is_some());
    assert!(post(&suite, &path, "confirm=yes").await.page.contains("ありがとうございます"), "twice is once");
    assert_eq!(choices_made(&suite, &lead).await.len(), 1);

    // Who has ended mail since does not get it back by the old link.
    one_click(&suite, &choices(&suite.own().keys, &lead)).await;
    assert!(post(&suite, &path, "confirm=yes").await.page.contains("確認が必要なお申し込みはありません"));
    suite.settle().await.unwrap();
    assert!(permissions(&suite, &lead).await.ground().is_none());
    suite.advance(SignedDuration::from_hours(7 * 24)).await.unwrap();
    assert_eq!(get(&suite, &path).await.status, StatusCode::NOT_FOUND, "it expires");
}

#[tokio::test]
async fn an_address_is_asked_at_most_once_a_day_and_the_letter_speaks_for_all_forms_of_the_day() {
    let (suite, _folder) = suite_with(&JAPANESE).await;
    let (mut one, mut other) = (Visitor::new("v1"), Visitor::new("v2"));
    for visitor in [&mut one, &mut other] {
        for _ in 0..2 {
            beacon(&suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
            suite.settle().await.unwrap();
        }
    }
    let (lead, _) = lead_of(&suite, &one).await;
    assert_eq!(asked(&suite, &lead).await.len(), 1);
    suite.advance(SignedDuration::from_hours(23)).await.unwrap();
    beacon(&suite, &one.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    assert_eq!(asked(&suite, &lead).await.len(), 1);
    suite.advance(SignedDuration::from_hours(2)).await.unwrap();
    beacon(&suite, &one.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    let mut letters = asked(&suite, &lead).await;
    assert_eq!(letters.len(), 2);
    letters.sort_by_key(|letter| letter.created);
    post(&suite, &confirm_link(&suite, &letters[0]), "confirm=yes").await;
    suite.settle().await.unwrap();
    assert!(permissions(&suite, &lead).await.ground().is_some(), "the older letter is as good");
    suite.advance(SignedDuration::from_hours(48)).await.unwrap();
    beacon(&suite, &one.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    assert_eq!(asked(&suite, &lead).await.len(), 2, "who has agreed is asked no more");
}
