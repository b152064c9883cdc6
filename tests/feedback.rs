//! What SES tells of mails, and what follows: messages move forward, addresses are suppressed, the sender is stopped.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use michi::activity::{Bounce, Kind};
use michi::consent::{MailClass, SuppressedBy};
use michi::id::{LeadId, MessageId};
use michi::io::store::{DueKey, Found, Save};
use michi::mail::gate::Deferral;
use michi::mail::mailing::Mailing;
use michi::mail::message::{Event, Message, Recipient, Report, State};
use michi::mail::outcome::{Tally, Why};
use michi_local::{Fate, Fault, Mishap, Planned, Service, Units};
use serde_json::{Value, json};

use crate::mail::{Post, is_sent, message_id, minutes, sent};
use crate::playbook::{applied, changed};

#[tokio::test]
async fn a_bounce_for_good_and_a_complaint_suppress_lead_and_address() {
    for (address, why, report) in [
        ("bounce@simulator.amazonses.com", SuppressedBy::Bounce, Report::Bounced(Bounce::Permanent)),
        ("suppressionlist@simulator.amazonses.com", SuppressedBy::Bounce, Report::Bounced(Bounce::Permanent)),
        ("complaint+x@simulator.amazonses.com", SuppressedBy::Complaint, Report::Complained),
    ] {
        let post = Post::to(address).await;
        post.owe(0).await;
        post.settle().await;
        let message = post.found(0).await;
        assert_eq!((is_sent(&message), message.report), (true, Some(report)), "{message:?}");
        let mailing = post.suite.own().store.mailing(&post.lead).await.unwrap().unwrap();
        assert_eq!(mailing.permissions.suppressed.unwrap().why, why);
        let hash = post.suite.own().keys.address_hash(&mailing.address);
        assert_eq!(post.suite.own().store.suppression(&hash).await.unwrap().unwrap().why, why);
        post.owe_any(post.letter(1, MailClass::Service)).await;
        post.settle().await;
        assert_eq!((post.found(1).await.state, post.mails().len()), (State::Failed, 1));
        post.finish().await;
        // The fold says the same as the item that was written at once.
        assert_eq!(post.suite.own().store.mailing(&post.lead).await.unwrap().unwrap().permissions, mailing.permissions);
    }
}

#[tokio::test]
async fn an_answer_in_the_readers_absence_is_no_bounce() {
    let post = Post::to("ooto@simulator.amazonses.com").await;
    post.owe(0).await;
    post.settle().await;
    assert_eq!(post.found(0).await.report, Some(Report::Delivered));
    let mailing = post.suite.own().store.mailing(&post.lead).await.unwrap().unwrap();
    assert!(mailing.permissions.transient.is_empty());
    assert_eq!(post.logged(|kind| matches!(kind, Kind::MailBounced { .. })).await, 0);
}

#[tokio::test]
async fn so_many_bounces_for_now_suppress() {
    let post = Post::open().await;
    post.suite.mailbox().reports().lay_fate(&post.address, Fate::full());
    for n in 0..3 {
        assert!(post.suite.own().store.mailing(&post.lead).await.unwrap().unwrap().permissions.suppressed.is_none());
        post.owe(n).await;
        post.settle().await;
        post.suite.advance(SignedDuration::from_hours(1)).await.unwrap();
    }
    let suppressed = post.suite.own().store.mailing(&post.lead).await.unwrap().unwrap().permissions.suppressed;
    assert_eq!(suppressed.unwrap().why, SuppressedBy::Bounces);
    post.finish().await;
}

#[tokio::test]
async fn events_twice_late_and_in_any_order_change_nothing_more() {
    let post = Post::to("complaint@simulator.amazonses.com").await;
    let reports = post.suite.mailbox().reports();
    reports.lay([(1, Mishap::Late(minutes(9))), (2, Mishap::Late(minutes(6))), (3, Mishap::Twice(minutes(3)))]);
    post.owe(0).await;
    post.settle().await;
    assert_eq!(post.found(0).await.report, Some(Report::Complained));
    post.suite.advance(minutes(20)).await.unwrap();
    assert_eq!(post.found(0).await.report, Some(Report::Complained));
    assert_eq!(post.logged(|kind| matches!(kind, Kind::MailComplained { .. })).await, 1);
    assert_eq!((post.mails().len(), post.logged(sent).await), (1, 1));
    let told: Vec<_> = reports.posted().into_iter().map(|posted| (posted.detail_type, posted.mishap.is_some())).collect();
    let told: Vec<_> = told.into_iter().rev().take(3).collect();
    assert_eq!(told, [("Email Complaint Received", true), ("Email Delivered", true), ("Email Sent", true)]);
}

#[tokio::test]
async fn what_ses_would_not_send_has_failed() {
    let post = Post::open().await;
    post.suite.mailbox().reports().lay_fate(&post.address, Fate::Rejected);
    post.owe(0).await;
    post.settle().await;
    assert_eq!(post.found(0).await.state, State::Failed);
    post.finish().await;
}

#[tokio::test]
async fn a_sender_that_is_refused_is_stopped_and_not_the_lead() {
    let post = Post::open().await;
    post.suite.mailbox().reports().lay_fate(&post.address, Fate::sender_refused());
    post.owe(0).await;
    post.settle().await;
    assert_eq!(post.found(0).await.report, Some(Report::Bounced(Bounce::Blocked)));
    let store = &post.suite.own().store;
    assert!(store.mailing(&post.lead).await.unwrap().unwrap().permissions.suppressed.is_none());
    let stopped = store.watch().await.unwrap();
    assert!(matches!(stopped.stopped.unwrap().why, Why::Sender(_)));

    // Marketing mail waits, service mail goes out, and a person lets the other go on.
    post.suite.mailbox().reports().lay_fate(&post.address, Fate::Delivered);
    post.owe(1).await;
    post.owe_any(post.letter(2, MailClass::Service)).await;
    post.suite.advance(minutes(70)).await.unwrap();
    let waiting = post.found(1).await;
    assert!(
        waiting.history.iter().all(|entry| matches!(entry.event, Event::Deferred { why: Deferral::Paused, .. })),
        "{waiting:?}"
    );
    assert!(is_sent(&post.found(2).await));
    let today = post.suite.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let lifted = stopped.letting_go(&store.outcomes(today).await.unwrap(), today, post.suite.now());
    store.set_watch(&stopped, &lifted).await.unwrap();
    post.suite.advance(minutes(70)).await.unwrap();
    assert!(is_sent(&post.found(1).await));
}

#[tokio::test]
async fn events_that_match_nothing_are_put_aside_or_change_nothing() {
    let post = Post::open().await;
    let app = post.suite.app("feedback").unwrap();
    let own = |kind: &str, message: &MessageId| {
        json!({"id": "e-1", "detail": {"eventType": kind, "mail": {"timestamp": post.suite.now().to_string(), "messageId": "x",
            "tags": {"lead": [post.lead.as_str()], "message": [message.as_str()]}},
            "bounce": {"bounceType": "Permanent", "bounceSubType": "General", "timestamp": post.suite.now().to_string()}}})
    };
    // A bounce before it was sent, and of a message that is none.
    post.owe_any(Message { state: State::Held, ..post.letter(0, MailClass::Marketing) }).await;
    feedback::handle(app, own("Bounce", &message_id(0))).await.unwrap();
    feedback::handle(app, own("Bounce", &message_id(7))).await.unwrap();
    assert_eq!((post.found(0).await.state, post.found(0).await.report), (State::Held, None));
    assert!(post.suite.own().store.mailing(&post.lead).await.unwrap().unwrap().permissions.suppressed.is_none());
    assert_eq!(post.suite.own().store.quarantined(post.suite.now()).await.unwrap().len(), 0);
    for odd in [own("Teleport", &message_id(0)), json!({"detail": 1}), Value::Null] {
        feedback::handle(app, odd).await.unwrap();
    }
    assert_eq!(post.suite.own().store.quarantined(post.suite.now()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_report_whose_run_failed_comes_again_and_is_given_up_in_sight() {
    let refused = |nth| Planned::nth("feedback", Service::DynamoDb, "GetItem", nth, Fault::Refuse);
    let post = Post::open().await;
    post.suite.client().faults().lay([refused(1)]);
    post.owe(0).await;
    post.settle().await;
    // The first was refused; the second came through.
    assert_eq!(post.found(0).await.report, Some(Report::Delivered));
    assert_eq!(post.suite.leftovers().unwrap().len(), 1, "{:?}", post.suite.leftovers());
    post.finish().await;

    let post = Post::open().await;
    post.suite.client().faults().lay((1..=6).map(refused));
    post.owe(0).await;
    post.suite.advance(minutes(10)).await.unwrap();
    assert_eq!((is_sent(&post.found(0).await), post.found(0).await.report), (true, None), "SES's own answer said so");
    let left = post.suite.leftovers().unwrap();
    assert!(left.len() == 2 && left.iter().all(|left| left.starts_with("an event is given up: Email ")), "{left:?}");
}

/// So many leads like the post's own, without a history, each with a letter that is owed.
async fn crowd(post: &Post, from: usize, count: usize) -> Vec<LeadId> {
    let store = &post.suite.own().store;
    let (item, mailing) = (store.lead(&post.lead).await.unwrap().unwrap(), store.mailing(&post.lead).await.unwrap().unwrap());
    let mut leads = vec![];
    for n in from..from + count {
        let lead = LeadId::derive(&["crowd", &n.to_string()]);
        let address = michi::address::Address::parse(&format!("reader{n}@crowd.example")).unwrap();
        let own = Mailing { address, revision: 1, ..mailing.clone() };
        let letter = post.letter(n, MailClass::Marketing);
        let letter = Message { lead: Some(lead.clone()), to: Recipient::Lead(lead.clone()), ..letter };
        let lead_item = michi::io::store::LeadItem { lead: lead.clone(), revision: 1, next_review: None, ..item.clone() };
        let save = Save { lead: Some(lead_item), mailing: Some((None, own)), messages: vec![letter], ..Save::default() };
        store.save(save).await.unwrap();
        leads.push(lead);
    }
    leads
}

#[tokio::test]
async fn too_much_that_comes_back_stops_marketing_mail() {
    let post = Post::open().await;
    let reports = post.suite.mailbox().reports();
    for n in 0..6 {
        reports.lay_fate(&format!("reader{n}@crowd.example"), Fate::no_such_mailbox());
    }
    crowd(&post, 0, 60).await;
    post.suite.advance(minutes(10)).await.unwrap();
    let store = &post.suite.own().store;
    let today = post.suite.now().to_zoned(TimeZone::UTC).date();
    let counted = store.outcomes(today).await.unwrap();
    // Six bounces among more than fifty mails; the rest of them waits already.
    assert_eq!(counted[&today], Tally { delivered: 45, bounced: 6, complained: 0 });
    assert_eq!(post.suite.mailbox().mails().len(), 51);
    let watch = store.watch().await.unwrap();
    assert_eq!(watch.stopped.unwrap().why, Why::Bounces);

    // What comes now waits, until a person has looked.
    let waiting = crowd(&post, 60, 3).await;
    post.suite.advance(minutes(5)).await.unwrap();
    let state = async |n: usize| match store.message(&DueKey::of_letter(&waiting[n], &message_id(60 + n))).await.unwrap() {
        Found::One(message) => message,
        other => panic!("{other:?}"),
    };
    let paused = |event: &Event| matches!(event, Event::Deferred { why: Deferral::Paused, .. });
    assert!(state(0).await.history.iter().any(|entry| paused(&entry.event)), "{:?}", state(0).await);
    store.set_watch(&watch, &watch.letting_go(&counted, today, post.suite.now())).await.unwrap();
    post.suite.advance(minutes(65)).await.unwrap();
    assert!(is_sent(&state(0).await) && is_sent(&state(2).await));
    assert_eq!(post.suite.mailbox().mails().len(), 63);
    assert!(store.watch().await.unwrap().stopped.is_none());
}

/// How fast letters go through gate, claim and outcome, and what each takes, of as many as `MICHI_LETTERS` says; the engine
/// runs in the same process: `MICHI_LETTERS=1000 cargo test --workspace --test michi -- --nocapture through_the_gate`.
#[tokio::test]
async fn letters_go_through_the_gate_for_so_much_each() {
    #[allow(clippy::disallowed_methods, reason = "whoever measures says how many")]
    let letters: usize = std::env::var("MICHI_LETTERS").map_or(40, |letters| letters.parse().unwrap());
    let post = Post::open().await;
    let candidate = changed(&post.suite, |playbook| playbook.setup.mail.per_second = 500);
    applied(&post.suite, &candidate, "mika").await;
    post.suite.advance(minutes(2)).await.unwrap();
    crowd(&post, 0, letters).await;
    let mark = post.suite.client().record().mark();
    let began = std::time::Instant::now();
    while post.suite.mailbox().mails().len() < letters {
        post.suite.clock().set(post.suite.now() + SignedDuration::from_secs(1));
        post.suite.tick("notify").await.unwrap();
    }
    let took = began.elapsed();
    let calls = post.suite.client().record().since(mark);
    let units: Units = calls.iter().filter(|call| call.function.as_deref() == Some("notify")).map(michi_local::Call::total).sum();
    let sends = calls.iter().filter(|call| call.service == Service::Ses).count();
    assert_eq!(sends, letters);
    assert!(units.write / (letters as f64) < 25.0 && units.read / (letters as f64) < 8.0, "{units:?}");
    println!(
        "{letters} letters in {took:.1?}: {:.0} a second; {:.2} read and {:.2} write units each",
        letters as f64 / took.as_secs_f64(),
        units.read / letters as f64,
        units.write / letters as f64
    );
    let mark = post.suite.client().record().mark();
    let began = std::time::Instant::now();
    post.suite.settle().await.unwrap();
    let calls = post.suite.client().record().since(mark);
    let units: Units =
        calls.iter().filter(|call| call.function.as_deref() == Some("feedback")).map(michi_local::Call::total).sum();
    println!(
        "their reports in {:.1?}; {:.2} read and {:.2} write units each",
        began.elapsed(),
        units.read / letters as f64,
        units.write / letters as f64
    );
}
