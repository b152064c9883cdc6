//! What mail may be sent: agreed to, confirmed, ended; and that an end is an end from its commit on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use michi::activity::{Kind, LogOwner, OptOut};
use michi::consent::Permissions;
use michi::id::{ActivityId, AttemptId, LeadId, MailId, MessageId};
use michi::io::store::Save;
use michi::io::{KeyRing, Retry};
use michi::link::{Confirm, OfLetter, Purpose, View};
use michi::mail::letter::{Cause, Letter};
use michi::mail::mailing::Mailing;
use michi::mail::message::{Event, Message};
use michi_local::{Fault, Meanwhile, Options, Planned, Service, Suite, Tap};
use serde_json::{Value, json};

use crate::harness::{BROWSER, Visitor, beacon, buyer, suite};
use crate::spine::lead_of;

/// What came back: status, header "content-security-policy", page.
pub(crate) struct Said {
    pub(crate) status: StatusCode,
    pub(crate) policy: String,
    pub(crate) page: String,
}

pub(crate) async fn ask(suite: &Suite, request: http::request::Builder, body: impl Into<Body>) -> Said {
    let response = suite.request(request.body(body.into()).unwrap()).await;
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    let policy = parts.headers.get("content-security-policy").map(|policy| policy.to_str().unwrap().to_owned());
    Said { status: parts.status, policy: policy.unwrap_or_default(), page: String::from_utf8(bytes.to_vec()).unwrap() }
}

pub(crate) async fn get(suite: &Suite, path: &str) -> Said {
    ask(suite, Request::get(path), "").await
}

/// Posts a form as a browser does.
pub(crate) async fn post(suite: &Suite, path: &str, body: &str) -> Said {
    let request = Request::post(path).header("user-agent", BROWSER);
    ask(suite, request.header("content-type", "application/x-www-form-urlencoded"), body.to_owned()).await
}

/// Posts as a mail program does.
pub(crate) async fn one_click(suite: &Suite, path: &str) -> Said {
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    ask(suite, request, "List-Unsubscribe=One-Click").await
}

/// Everything that is kept.
fn everything(suite: &Suite) -> Vec<Value> {
    [suite.items("Activities").unwrap(), suite.items("Leads").unwrap()].concat()
}

/// A lead that has agreed to mail, and the link in its mail.
async fn agreed(suite: &Suite) -> (LeadId, String) {
    let mut visitor = Visitor::new("v1");
    beacon(suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    let (lead, _) = lead_of(suite, &visitor).await;
    let path = choices(&suite.own().keys, &lead);
    (lead, path)
}

pub(crate) fn choices(keys: &KeyRing, lead: &LeadId) -> String {
    let (number, key) = keys.signing().unwrap();
    OfLetter { lead: lead.clone(), message: MessageId::derive(&["m"]) }.unsubscribe_url("", number, key.bytes())
}

pub(crate) async fn mailing(suite: &Suite, lead: &LeadId) -> Mailing {
    suite.own().store.mailing(lead).await.unwrap().expect("a mailing item")
}

/// What holds: as a claim sees it and as the log says, which must be one.
pub(crate) async fn permissions(suite: &Suite, lead: &LeadId) -> Permissions {
    let own = suite.own();
    let log = own.store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    // The clock stands still in a journey, and a choice comes a moment after what was said before it.
    let now = suite.now() + SignedDuration::from_secs(1);
    let folded = michi::fold::fold(&own.playbook().await.unwrap().playbook, &log, now).permissions;
    let stored = mailing(suite, lead).await.permissions;
    assert_eq!(stored, folded);
    stored
}

pub(crate) async fn choices_made(suite: &Suite, lead: &LeadId) -> Vec<Kind> {
    let log = suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    let kinds = log.records.into_iter().flat_map(|record| record.activities).map(|activity| activity.kind);
    kinds.filter(|kind| matches!(kind, Kind::MailChosen { .. } | Kind::TrackingChosen { .. } | Kind::Confirmed { .. })).collect()
}

/// The default playbook with changes, without scenarios and with no mails but michi's own, which speak both languages.
pub(crate) async fn suite_with(changes: &[(&str, &str)]) -> (Suite, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for file in michi::playbook::authoring::default_files().into_iter().filter(|file| !file.name.contains('/')) {
        let mut text = String::from_utf8(file.bytes.clone()).unwrap();
        for (from, to) in changes.iter().filter(|_| file.name == "playbook.yaml") {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        let path = folder.path().join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let options = Options { playbook: Some(folder.path().to_owned()), ..Options::test() };
    (Suite::start(options).await.unwrap(), folder)
}

/// Topics, and forms that ask for a confirmation, in Japanese.
pub(crate) const JAPANESE: [(&str, &str); 3] = [
    ("language: en", "language: ja"),
    ("forms: [white-paper, ", "confirm: true\n    forms: [white-paper, "),
    (
        "holidays: []",
        "holidays: []\nmail:\n  topics:\n    - { id: news, name: { en: News, ja: お知らせ } }\n    \
         - { id: events, name: { en: Events, ja: セミナー } }",
    ),
];

async fn is_quiet(suite: &Suite) {
    let left = suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn looking_changes_nothing_and_a_mail_program_ends_mail_by_one_click() {
    let suite = suite().await;
    let (lead, path) = agreed(&suite).await;
    assert!(permissions(&suite, &lead).await.ground().is_some());
    let before = everything(&suite);

    let page = get(&suite, &path).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in ["<html lang=\"en\">", "m•••@hoshino-kogyo.example", "Send me no more mail", "1-2-3 Sample-cho", "Tsumugi Works"]
    {
        assert!(page.page.contains(part), "{part} is missing");
    }
    assert!(page.policy.starts_with("default-src 'none'") && page.policy.contains("form-action 'self'"), "{}", page.policy);
    assert!(!page.page.contains("mika.sato") && !page.page.contains("<script"));
    assert_eq!(ask(&suite, Request::head(&path), "").await.status, StatusCode::OK);
    for (kind, body) in [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=Two-Click"),
        ("application/x-www-form-urlencoded", "list-unsubscribe=one-click"),
        ("application/x-www-form-urlencoded", ""),
        ("application/x-www-form-urlencoded", "choice=everything"),
        ("application/json", "{\"List-Unsubscribe\": \"One-Click\"}"),
        ("text/plain", "List-Unsubscribe=One-Click"),
        ("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"List-Unsub"),
    ] {
        let refused = ask(&suite, Request::post(&path).header("content-type", kind), body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{kind} {body}");
        assert!(refused.page.contains("Nothing was changed"), "{kind} {body}");
    }
    assert_eq!(
        ask(&suite, Request::post(format!("{path}?List-Unsubscribe=One-Click")), "").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(everything(&suite), before);

    assert_eq!(one_click(&suite, &path).await.status, StatusCode::OK);
    assert!(mailing(&suite, &lead).await.permissions.opted_out.is_some(), "from the commit on, before anybody looks at it");
    // Twice more, once by the other encoding: it is so already.
    one_click(&suite, &path).await;
    let part = "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n";
    let multipart = Request::post(&path).header("content-type", "multipart/form-data; boundary=b");
    assert_eq!(ask(&suite, multipart, part).await.status, StatusCode::OK);
    suite.settle().await.unwrap();
    assert!(permissions(&suite, &lead).await.ground().is_none());
    let message = Some(MessageId::derive(&["m"]));
    assert_eq!(
        choices_made(&suite, &lead).await,
        [Kind::MailChosen { topic: None, wanted: false, by: OptOut::OneClick, message }]
    );
    assert!(get(&suite, &path).await.page.contains("no news or offers to this address any more"));
    is_quiet(&suite).await;
}

#[tokio::test]
async fn multipart_alone_ends_mail_and_the_page_brings_it_back() {
    let suite = suite().await;
    let (lead, path) = agreed(&suite).await;
    let part = "--x\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
    let multipart = Request::post(&path).header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(ask(&suite, multipart, part).await.status, StatusCode::OK);
    assert!(mailing(&suite, &lead).await.permissions.opted_out.is_some());
    suite.advance(SignedDuration::from_mins(1)).await.unwrap();

    let again = post(&suite, &path, "choice=again").await;
    assert!(again.status == StatusCode::OK && again.page.contains("Your choice is kept") && again.page.contains("no more mail"));
    assert!(mailing(&suite, &lead).await.permissions.ground().is_some());
    suite.advance(SignedDuration::from_mins(1)).await.unwrap();
    assert!(permissions(&suite, &lead).await.ground().is_some());
    assert_eq!(choices_made(&suite, &lead).await.len(), 2);
    is_quiet(&suite).await;
}

#[tokio::test]
async fn topics_and_what_may_be_seen_are_switched_one_by_one_in_the_readers_language() {
    let (suite, _folder) = suite_with(&JAPANESE[2..]).await;
    let (lead, path) = agreed(&suite).await;
    let page = get(&suite, &path).await.page;
    assert!(
        page.contains("value=\"news\" checked")
            && page.contains("Events")
            && page.contains("name=\"opens\" value=\"yes\" checked")
    );

    let kept = post(&suite, &path, "choice=save&topics=shown&topic=events&clicks=yes").await;
    assert!(kept.page.contains("value=\"events\" checked") && !kept.page.contains("value=\"news\" checked"));
    let now = mailing(&suite, &lead).await.permissions;
    assert!(now.no_opens && !now.no_clicks && now.unwanted.len() == 1 && now.ground().is_some());
    suite.settle().await.unwrap();
    assert_eq!(permissions(&suite, &lead).await, now);
    assert_eq!(choices_made(&suite, &lead).await.len(), 2, "one topic, one switch, in one record");
    let before = everything(&suite);
    post(&suite, &path, "choice=save&topics=shown&topic=events&topic=other&clicks=yes").await;
    assert_eq!(everything(&suite), before, "it is so already, and there is no such topic");
    post(&suite, &path, "choice=save&topics=shown&topic=news&topic=events&opens=yes&clicks=yes").await;
    suite.settle().await.unwrap();
    let back = permissions(&suite, &lead).await;
    assert!(!back.no_opens && back.unwanted.is_empty());
    is_quiet(&suite).await;

    let (suite, _folder) = suite_with(&JAPANESE).await;
    let (_, path) = agreed(&suite).await;
    let page = get(&suite, &path).await.page;
    for part in ["<html lang=\"ja\">", "メール配信の設定", "開封を計測してもよい"] {
        assert!(page.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_link_that_opens_nothing_is_not_found_and_touches_nothing() {
    let suite = suite().await;
    let (lead, path) = agreed(&suite).await;
    let (keys, now) = (&suite.own().keys, suite.now());
    let (number, key) = keys.signing().unwrap();
    let before = everything(&suite);
    let token = path.strip_prefix("/unsubscribe/").unwrap().to_owned();
    let consent = ActivityId::derive(&["c"]);
    let confirm = Confirm::new(lead.clone(), consent.clone(), now).url("", number, key.bytes());
    let confirm = confirm.strip_prefix("/confirm/").unwrap().to_owned();
    let of_letter = OfLetter { lead: lead.clone(), message: MessageId::derive(&["m"]) };
    let view = View::new(lead.clone(), michi::id::OwnerId::parse("sales").unwrap(), now).token(number, key.bytes());
    let open = of_letter.token(Purpose::Open, number, key.bytes());
    let unknown = of_letter.token(Purpose::Unsubscribe, 99, key.bytes());
    let stranger = choices(&KeyRing::generate("another"), &lead);
    let long = "A".repeat(4096);
    let turned = |at: usize| {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &token[..at], &token[at + 1..])
    };
    let mut bad: Vec<String> =
        [&confirm, &view, &open, &unknown, stranger.strip_prefix("/unsubscribe/").unwrap(), &long].map(str::to_owned).to_vec();
    bad.extend((0..token.len()).step_by(7).map(turned));
    for bad in &bad {
        let path = format!("/unsubscribe/{bad}");
        let answers = [get(&suite, &path).await, one_click(&suite, &path).await, post(&suite, &path, "choice=none").await];
        assert!(answers.iter().all(|said| said.status == StatusCode::NOT_FOUND), "{path}");
    }
    let expired = Confirm::new(lead, consent, now - SignedDuration::from_hours(7 * 24)).url("", number, key.bytes());
    let expired = expired.strip_prefix("/confirm/").unwrap();
    for bad in [&token, &view, &open, &long, expired] {
        let path = format!("/confirm/{bad}");
        assert_eq!(get(&suite, &path).await.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(post(&suite, &path, "confirm=yes").await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(everything(&suite), before);
}

/// A marketing letter that is owed, and the same as its first try would claim it.
async fn owed(suite: &Suite, lead: &LeadId) -> (Message, Message) {
    let own = suite.own();
    let live = own.playbook().await.unwrap();
    let letter = Letter {
        mail: MailId::parse("news").unwrap(),
        class: michi::consent::MailClass::Marketing,
        topic: None,
        cause: Cause::Broadcast(michi::id::BroadcastId::derive(&["b"])),
        subject: 0,
        values: Default::default(),
        links: vec![],
        question: None,
        hours: None,
    };
    let (now, language) = (suite.now(), live.playbook.setup.language);
    let later = now + SignedDuration::from_hours(24);
    let message = Message::letter(MessageId::derive(&["news"]), lead, language, &live.version, letter, now, now, later);
    own.store.save(Save { messages: vec![message.clone()], ..Save::default() }).await.unwrap();
    let claimed = message.after(Event::Claimed { attempt: AttemptId::derive(&["1"]) }, now).unwrap();
    (message, claimed)
}

#[tokio::test]
async fn no_mail_is_claimed_after_the_end_is_committed() {
    let suite = suite().await;
    let (lead, path) = agreed(&suite).await;
    let (message, claimed) = owed(&suite, &lead).await;
    let (seen, cap) = (mailing(&suite, &lead).await, suite.desk().playbook().setup.mail.cap);
    // Everything is read, the gate has let it out, and then the reader presses the button.
    assert_eq!(one_click(&suite, &path).await.status, StatusCode::OK);
    let hash = suite.own().keys.address_hash(&seen.address);
    let counted = seen.counting(&message.id, &cap, suite.now());
    let refused = suite.own().store.claim_letter(&message, &claimed, &seen, &counted, &hash).await.unwrap_err();
    assert_eq!(refused.retry, Retry::Reread, "{refused}");
}

/// Ends mail by one click while `score` waits for a call.
struct Meddler {
    suite: Suite,
    path: String,
    /// Before which of the calls of `score` that touch the lead.
    turn: usize,
    met: AtomicUsize,
}

impl Tap for Meddler {
    fn before(&self, request: &michi_local::Request) -> Option<Meanwhile> {
        if request.function != "score" || self.met.fetch_add(1, Ordering::SeqCst) != self.turn {
            return None;
        }
        let (suite, path) = (self.suite.clone(), self.path.clone());
        Some(Box::pin(async move {
            assert_eq!(one_click(&suite, &path).await.status, StatusCode::OK);
        }))
    }
}

#[tokio::test]
async fn an_end_that_comes_between_any_two_calls_of_score_is_never_undone() {
    let mut calls = 0;
    for turn in 0.. {
        let suite = suite().await;
        let (lead, path) = agreed(&suite).await;
        let mut visitor = Visitor::new("v1");
        visitor.page(suite.now(), "/", "Home", 0);
        suite.advance(SignedDuration::from_mins(3)).await.unwrap();
        let tap = Arc::new(Meddler { suite: suite.clone(), path: path.clone(), turn, met: AtomicUsize::new(0) });
        suite.client().tap(tap.clone());
        // The same person agrees once more, and says something new, so that everything is written.
        let mut fields = buyer();
        fields["role"] = json!(format!("Director {turn}"));
        beacon(&suite, &visitor.form(suite.now(), "inquiry", &fields)).await;
        suite.settle().await.unwrap();
        suite.client().untap();
        if tap.met.load(Ordering::SeqCst) <= turn {
            break;
        }
        calls += 1;
        assert!(mailing(&suite, &lead).await.permissions.ground().is_none(), "before call {turn} of score");
        suite.finish(SignedDuration::from_hours(1)).await.unwrap();
        assert!(permissions(&suite, &lead).await.opted_out.is_some(), "before call {turn} of score");
    }
    assert!(calls >= 5, "{calls} calls");
}

#[tokio::test]
async fn a_form_that_is_looked_at_late_does_not_bring_mail_back() {
    let suite = suite().await;
    let (lead, path) = agreed(&suite).await;
    let mut visitor = Visitor::new("v1");
    visitor.page(suite.now(), "/", "Home", 0);
    suite.advance(SignedDuration::from_mins(5)).await.unwrap();
    // `score` cannot work for a while, and the reader ends mail meanwhile.
    suite.client().faults().lay((1..=2).map(|nth| Planned::nth("score", Service::DynamoDb, "Query", nth, Fault::Throttle)));
    beacon(&suite, &visitor.form(suite.now(), "inquiry", &buyer())).await;
    suite.settle().await.unwrap();
    suite.clock().set(suite.now() + SignedDuration::from_secs(5));
    one_click(&suite, &path).await;
    suite.finish(SignedDuration::from_hours(2)).await.unwrap();
    let now = permissions(&suite, &lead).await;
    assert!(now.ground().is_none() && now.opted_out.is_some(), "{now:?}");
    // A form sent afterwards does.
    suite.advance(SignedDuration::from_mins(5)).await.unwrap();
    beacon(&suite, &visitor.form(suite.now(), "inquiry", &buyer())).await;
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert!(permissions(&suite, &lead).await.ground().is_some());
}

#[tokio::test]
async fn a_stranger_who_types_the_address_does_not_bring_mail_back() {
    let suite = suite().await;
    let (lead, path) = agreed(&suite).await;
    one_click(&suite, &path).await;
    suite.advance(SignedDuration::from_mins(5)).await.unwrap();
    let mut stranger = Visitor::new("v2");
    beacon(&suite, &stranger.form(suite.now(), "white-paper", &buyer())).await;
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert_eq!(lead_of(&suite, &stranger).await.0, lead);
    assert!(permissions(&suite, &lead).await.ground().is_none());
}

#[tokio::test]
async fn a_choice_survives_what_goes_wrong_and_is_written_once() {
    for fault in [Fault::AfterEffect, Fault::Throttle, Fault::Conflict, Fault::BeforeLeaving, Fault::CrashAfter] {
        let suite = suite().await;
        let (lead, path) = agreed(&suite).await;
        let planned = Planned::nth("answer", Service::DynamoDb, "TransactWriteItems", 1, fault);
        suite.client().faults().lay([planned]);
        let first = one_click(&suite, &path).await.status;
        suite.client().faults().lay([]);
        if !first.is_success() {
            // As a mail program does, it asks once more.
            assert!(first.is_server_error(), "{fault:?} {first}");
            assert_eq!(one_click(&suite, &path).await.status, StatusCode::OK, "{fault:?}");
        }
        is_quiet(&suite).await;
        assert!(permissions(&suite, &lead).await.opted_out.is_some(), "{fault:?}");
        assert_eq!(choices_made(&suite, &lead).await.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn of_somebody_who_is_gone_nothing_is_shown_and_nothing_written() {
    let suite = suite().await;
    let (lead, path) = agreed(&suite).await;
    let key = json!({"pk": {"S": format!("lead#{lead}")}, "sk": {"S": "lead"}});
    let erased = json!({"TableName": "Leads", "Key": key, "UpdateExpression": "SET erased = :now",
        "ExpressionAttributeValues": {":now": {"S": suite.now().to_string()}}});
    assert_eq!(suite.dynamo().call("UpdateItem", erased).status, 200);
    let before = everything(&suite);
    for said in [get(&suite, &path).await, one_click(&suite, &path).await, post(&suite, &path, "choice=again").await] {
        assert!(said.status == StatusCode::OK && said.page.contains("no data about you") && !said.page.contains("•••@"));
    }
    assert_eq!(everything(&suite), before);
}
