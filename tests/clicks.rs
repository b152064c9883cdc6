//! Opens and clicks of mail: what is written down, whose doing it is, and whose browser a click shows it to be.

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Kind, LogOwner, Proof, Record};
use michi::consent::MailClass;
use michi::fold::{fold, history};
use michi::id::{ActivityId, AttemptId, BroadcastId, LeadId, MailId, MessageId, VisitorId};
use michi::io::KeyRing;
use michi::io::store::{Mark, Save};
use michi::lead::{Lead, Stage};
use michi::link::{Click, OfLetter, Purpose};
use michi::mail::letter::{Cause, Letter};
use michi::mail::message::{Event, Message};
use michi::playbook::Language;
use michi::verdict::Verdict;
use michi_local::{Fault, Mishap, Planned, Service, Suite};
use serde_json::json;

use crate::harness::{BROWSER, ORIGIN, Visitor, beacon, buyer, insist, post, suite, write_key};
use crate::spine::lead_of;

/// A letter that was sent.
pub(crate) struct Sent {
    lead: LeadId,
    pub(crate) message: MessageId,
}

/// What a link was answered with.
#[derive(Debug, PartialEq)]
pub(crate) struct Followed {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Followed {
    fn location(&self) -> &str {
        self.headers.get("location").and_then(|to| to.to_str().ok()).unwrap_or_default()
    }

    /// The token that the target is given.
    pub(crate) fn token(&self) -> Option<String> {
        let (_, token) = self.location().split_once("michi_token=")?;
        Some(token.split(['&', '#']).next()?.to_owned())
    }
}

async fn ask(suite: &Suite, method: Method, path: &str, agent: &str) -> Followed {
    let path = path.strip_prefix("http://collector.test").unwrap_or(path);
    let request = Request::builder().method(method).uri(path).header("user-agent", agent).body(Body::empty()).unwrap();
    let (parts, body) = suite.request(request).await.into_parts();
    let body = axum::body::to_bytes(body, 1_000_000).await.unwrap().to_vec();
    Followed { status: parts.status, headers: parts.headers, body }
}

/// Sends a letter with these links to a lead.
pub(crate) async fn letter(suite: &Suite, lead: &LeadId, links: &[&str]) -> Sent {
    letter_sent(suite, lead, links, suite.now()).await
}

/// The same, as of some time ago.
pub(crate) async fn letter_sent(suite: &Suite, lead: &LeadId, links: &[&str], now: Timestamp) -> Sent {
    let store = &suite.own().store;
    let id = MessageId::derive(&["letter", lead.as_str(), &now.to_string()]);
    let letter = Letter {
        mail: MailId::parse("autumn").unwrap(),
        class: MailClass::Marketing,
        topic: None,
        cause: Cause::Broadcast(BroadcastId::derive(&["autumn"])),
        subject: 0,
        values: std::collections::BTreeMap::new(),
        links: links.iter().map(|link| (*link).to_owned()).collect(),
        question: None,
        hours: None,
    };
    let version = suite.own().playbook().await.unwrap().version;
    let expires = now + SignedDuration::from_hours(1);
    let owed = Message::letter(id.clone(), lead, Language::En, &version, letter, now, now, expires);
    store.save(Save { messages: vec![owed.clone()], ..Save::default() }).await.unwrap();
    let attempt = AttemptId::derive(&["attempt"]);
    let claimed = owed.after(Event::Claimed { attempt: attempt.clone() }, now).unwrap();
    store.move_message(&owed, &claimed).await.unwrap();
    let sent = claimed.after(Event::Accepted { attempt, ses: "ses-1".to_owned() }, now).unwrap();
    let told = Kind::MailSent { message: id.clone(), mail: MailId::parse("autumn").unwrap(), owner: None };
    let record = Record::decision(ActivityId::derive(&["mail sent", id.as_str()]), now, told);
    store.finish_message(&claimed, &sent, lead, &record).await.unwrap();
    Sent { lead: lead.clone(), message: id }
}

impl Sent {
    pub(crate) fn link(&self, suite: &Suite, link: u16) -> String {
        let (number, key) = suite.own().keys.signing().unwrap();
        Click { lead: self.lead.clone(), message: self.message.clone(), link }.url("", number, key.bytes())
    }

    pub(crate) fn pixel(&self, suite: &Suite) -> String {
        let (number, key) = suite.own().keys.signing().unwrap();
        OfLetter { lead: self.lead.clone(), message: self.message.clone() }.pixel_url("", number, key.bytes())
    }

    /// Follows a link as a browser does.
    pub(crate) async fn click(&self, suite: &Suite, link: u16) -> Followed {
        ask(suite, Method::GET, &self.link(suite, link), BROWSER).await
    }

    /// Fetches the pixel as a mail program does.
    pub(crate) async fn open(&self, suite: &Suite) -> Followed {
        ask(suite, Method::GET, &self.pixel(suite), BROWSER).await
    }

    /// Word that a mail server took it some seconds ago.
    pub(crate) async fn delivered(&self, suite: &Suite, seconds_ago: i64) {
        let at = suite.now() - SignedDuration::from_secs(seconds_ago);
        let kind = Kind::MailDelivered { message: self.message.clone() };
        let record = Record::decision(ActivityId::derive(&["delivered", self.message.as_str()]), at, kind);
        suite.own().store.append(&LogOwner::Lead(self.lead.clone()), &record, Mark::Guaranteed).await.unwrap();
        suite.settle().await.unwrap();
    }
}

/// A reader who fits, with nothing done that counts: a lead, and no more.
async fn reader(suite: &Suite) -> (Visitor, LeadId) {
    let mut visitor = Visitor::new("reader");
    insist(suite, &visitor.form(suite.now(), "newsletter", &buyer())).await;
    suite.settle().await.unwrap();
    let (lead, folded) = lead_of(suite, &visitor).await;
    assert_eq!(folded.stage, Some(Stage::Lead));
    (visitor, lead)
}

async fn folded(suite: &Suite, lead: &LeadId) -> Lead {
    let log = suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    fold(&suite.own().playbook().await.unwrap().playbook, &log, suite.now())
}

/// What was seen of mail, and who did it.
async fn seen(suite: &Suite, lead: &LeadId) -> Vec<(&'static str, Verdict)> {
    let log = suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    let live = suite.own().playbook().await.unwrap();
    let what = |kind: &Kind| match kind {
        Kind::MailClicked { .. } => Some("click"),
        Kind::MailOpened { .. } => Some("open"),
        _ => None,
    };
    let steps = history(&live.playbook, &log, suite.now());
    steps.iter().filter_map(|step| Some((what(&step.activity.kind)?, step.judged.verdict))).collect()
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

async fn is_quiet(suite: &Suite) {
    let left = suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_click_leads_on_and_counts_once_it_is_clear_whose_it_is() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let letter = letter(&suite, &lead, &["https://partner.example/a?x=1&y=%20z#part", &format!("{ORIGIN}/pricing?a=b#c")]).await;
    suite.advance(seconds(30)).await.unwrap();
    letter.delivered(&suite, 28).await;
    let away = letter.click(&suite, 0).await;
    assert_eq!((away.status, away.location()), (StatusCode::FOUND, "https://partner.example/a?x=1&y=%20z#part"));
    for (name, value) in [("cache-control", "no-store"), ("referrer-policy", "no-referrer")] {
        assert_eq!(away.headers.get(name).unwrap(), value);
    }
    suite.settle().await.unwrap();
    assert_eq!(seen(&suite, &lead).await, [("click", Verdict::Unclear)]);
    assert_eq!(folded(&suite, &lead).await.interest.points, 0.0);
    suite.advance(seconds(70)).await.unwrap();
    assert_eq!(seen(&suite, &lead).await, [("click", Verdict::Human)]);
    // The schedule that looked at it again saved it, without anything having happened.
    let saved = suite.own().store.lead(&lead).await.unwrap().unwrap();
    assert!(saved.rank.is_some());
    let points: Vec<_> = folded(&suite, &lead).await.interest.reasons.iter().map(|r| (r.rule.to_string(), r.points)).collect();
    assert_eq!(points, [("mail-clicked".to_owned(), 3.0)]);
    // To a page of the site it brings a token, and keeps what the address says.
    let home = letter.click(&suite, 1).await;
    let token = home.token().expect("a token");
    assert_eq!(home.location(), format!("{ORIGIN}/pricing?a=b&michi_token={token}#c"));
    is_quiet(&suite).await;
}

#[tokio::test]
async fn machines_are_told_by_what_they_are_and_by_what_they_do() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let links = [format!("{ORIGIN}/pricing"), format!("{ORIGIN}/cases/a"), format!("{ORIGIN}/")];
    let letter = letter(&suite, &lead, &links.each_ref().map(String::as_str)).await;
    // Right when it is delivered, a scanner that calls itself a browser; then others that do not.
    suite.advance(seconds(5)).await.unwrap();
    letter.delivered(&suite, 3).await;
    assert_eq!(letter.click(&suite, 0).await.token(), None);
    suite.advance(seconds(115)).await.unwrap();
    assert_eq!(ask(&suite, Method::HEAD, &letter.link(&suite, 1), BROWSER).await.token(), None);
    assert_eq!(ask(&suite, Method::GET, &letter.link(&suite, 1), "BarracudaCentral-bot/1.0").await.token(), None);
    suite.advance(seconds(600)).await.unwrap();
    // And one that follows all links within seconds, long after.
    let first = letter.click(&suite, 0).await;
    assert!(first.token().is_some(), "nothing gives it away yet");
    suite.advance(seconds(5)).await.unwrap();
    letter.click(&suite, 2).await;
    suite.advance(seconds(120)).await.unwrap();
    assert_eq!(seen(&suite, &lead).await, [("click", Verdict::Machine); 5]);
    let lead = folded(&suite, &lead).await;
    assert_eq!((lead.interest.reasons.len(), lead.stage), (0, Some(Stage::Lead)));
    assert_eq!(suite.mailbox().mails().len(), 0);
    is_quiet(&suite).await;
}

#[tokio::test]
async fn an_open_is_seen_and_scores_nothing() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let letter = letter(&suite, &lead, &[]).await;
    suite.advance(seconds(30)).await.unwrap();
    let gif = letter.open(&suite).await;
    assert_eq!((gif.status, gif.headers.get("content-type").unwrap().as_bytes()), (StatusCode::OK, b"image/gif".as_slice()));
    assert!(gif.body.starts_with(b"GIF89a") && gif.body.ends_with(b";") && gif.body.len() == 43);
    // Again and again: once an hour is enough to know.
    letter.open(&suite).await;
    ask(&suite, Method::GET, letter.pixel(&suite).trim_end_matches(".gif"), BROWSER).await;
    ask(&suite, Method::HEAD, &letter.pixel(&suite), BROWSER).await;
    suite.settle().await.unwrap();
    assert_eq!(seen(&suite, &lead).await, [("open", Verdict::Human), ("open", Verdict::Machine)]);
    assert_eq!(folded(&suite, &lead).await.interest.points, 0.0);
    suite.advance(SignedDuration::from_hours(1)).await.unwrap();
    letter.open(&suite).await;
    assert_eq!(seen(&suite, &lead).await.len(), 3);
    is_quiet(&suite).await;
}

#[tokio::test]
async fn who_does_not_want_to_be_seen_is_not_seen() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let letter = letter(&suite, &lead, &[&format!("{ORIGIN}/pricing")]).await;
    suite.advance(seconds(120)).await.unwrap();
    let chosen = Kind::TrackingChosen { opens: false, clicks: false };
    let record = Record::decision(ActivityId::derive(&["chosen"]), suite.now(), chosen);
    suite.own().store.append(&LogOwner::Lead(lead.clone()), &record, Mark::Guaranteed).await.unwrap();
    suite.settle().await.unwrap();
    let before = (suite.items("Activities").unwrap(), suite.items("Leads").unwrap());
    assert_eq!(letter.open(&suite).await.status, StatusCode::OK);
    let followed = letter.click(&suite, 0).await;
    assert_eq!((followed.status, followed.location()), (StatusCode::FOUND, format!("{ORIGIN}/pricing").as_str()));
    suite.settle().await.unwrap();
    assert_eq!((suite.items("Activities").unwrap(), suite.items("Leads").unwrap()), before);
}

#[tokio::test]
async fn a_link_that_is_none_leads_nowhere() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let target = format!("{ORIGIN}/pricing");
    let letter = letter(&suite, &lead, &[&target, "ftp://files.example/x", "javascript:alert(1)"]).await;
    suite.advance(seconds(120)).await.unwrap();
    let good = letter.link(&suite, 0);
    let token = good.strip_prefix("/c/").unwrap();
    let (number, key) = suite.own().keys.signing().unwrap();
    let (id, other) = (letter.message.clone(), OfLetter { lead: lead.clone(), message: letter.message.clone() });
    let strangers = KeyRing::generate("another");
    let (theirs, their_key) = strangers.signing().unwrap();
    let mut bad = vec![
        ("another purpose", format!("/c/{}", other.token(Purpose::Open, number, key.bytes()))),
        ("another purpose", format!("/c/{}", other.token(Purpose::Unsubscribe, number, key.bytes()))),
        ("an unknown key", Click { lead: lead.clone(), message: id.clone(), link: 0 }.url("", 77, key.bytes())),
        ("somebody else's key", Click { lead: lead.clone(), message: id, link: 0 }.url("", theirs, their_key.bytes())),
        ("4 KB", format!("/c/{}", "A".repeat(4096))),
        ("4 KB behind a good one", format!("/c/{token}{}", "A".repeat(4096))),
        ("no text", "/c/%FF".to_owned()),
        ("no such link", letter.link(&suite, 3)),
        ("no web page", letter.link(&suite, 1)),
        ("no web page", letter.link(&suite, 2)),
        ("no such letter", Sent { lead: lead.clone(), message: MessageId::derive(&["no"]) }.link(&suite, 0)),
        ("no such lead", Sent { lead: LeadId::derive(&["no"]), message: letter.message.clone() }.link(&suite, 0)),
    ];
    for at in (0..token.len()).step_by(9) {
        let turned = if &token[at..=at] == "A" { "B" } else { "A" };
        bad.push(("a bit", format!("/c/{}{turned}{}", &token[..at], &token[at + 1..])));
    }
    let before = suite.items("Activities").unwrap();
    let nowhere = ask(&suite, Method::GET, "/c/x", BROWSER).await;
    assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
    for (what, path) in bad {
        assert_eq!(ask(&suite, Method::GET, &path, BROWSER).await, nowhere, "{what}");
    }
    assert_eq!(suite.items("Activities").unwrap(), before);
    for query in ["?url=https://evil.example/", "?url=//evil.example&link=7", "?michi_token=x"] {
        let followed = ask(&suite, Method::GET, &format!("{good}{query}"), BROWSER).await;
        assert_eq!(followed.status, StatusCode::FOUND);
        assert!(followed.location().starts_with(&format!("{target}?michi_token=")) && !followed.location().contains("evil"));
    }
}

#[tokio::test]
async fn a_pixel_looks_the_same_whatever_its_token() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let letter = letter(&suite, &lead, &[]).await;
    let good = letter.open(&suite).await;
    suite.settle().await.unwrap();
    let before = suite.items("Activities").unwrap();
    let (number, key) = suite.own().keys.signing().unwrap();
    let of = OfLetter { lead: lead.clone(), message: letter.message.clone() };
    let token = of.token(Purpose::Open, number, key.bytes());
    let gone = OfLetter { lead: LeadId::derive(&["gone"]), message: letter.message.clone() };
    for (what, path) in [
        ("a bit", format!("/o/B{}.gif", &token[1..])),
        ("another purpose", format!("/o/{}.gif", of.token(Purpose::Unsubscribe, number, key.bytes()))),
        ("a click's", letter.link(&suite, 0).replace("/c/", "/o/")),
        ("an unknown key", format!("/o/{}.gif", of.token(Purpose::Open, 77, key.bytes()))),
        ("4 KB", format!("/o/{}.gif", "A".repeat(4096))),
        ("no text", "/o/%FF".to_owned()),
        ("of nobody", format!("/o/{}.gif", gone.token(Purpose::Open, number, key.bytes()))),
    ] {
        assert_eq!(ask(&suite, Method::GET, &path, BROWSER).await, good, "{what}");
    }
    suite.settle().await.unwrap();
    assert_eq!(suite.items("Activities").unwrap(), before);
}

#[tokio::test]
async fn whoever_follows_a_link_gets_there_though_nothing_can_be_written() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let target = format!("{ORIGIN}/pricing");
    let letter = letter(&suite, &lead, &[&target]).await;
    suite.advance(seconds(120)).await.unwrap();
    for operation in ["UpdateItem", "TransactWriteItems"] {
        suite.client().faults().lay([Planned::nth("track", Service::DynamoDb, operation, 1, Fault::Refuse)]);
        let followed = letter.click(&suite, 0).await;
        assert_eq!((followed.status, followed.location()), (StatusCode::FOUND, target.as_str()), "{operation}");
    }
    suite.client().faults().lay([Planned::nth("track", Service::DynamoDb, "GetItem", 1, Fault::Refuse)]);
    let unknown = letter.click(&suite, 0).await;
    assert_eq!((unknown.status, unknown.location()), (StatusCode::SERVICE_UNAVAILABLE, ""));
    suite.client().faults().lay([Planned::nth("track", Service::DynamoDb, "PutItem", 1, Fault::Refuse)]);
    assert_eq!(letter.open(&suite).await.status, StatusCode::OK);
    suite.client().faults().lay([]);
    assert_eq!(seen(&suite, &lead).await, []);
}

#[tokio::test]
async fn a_link_followed_without_end_is_written_down_so_often_and_no_more() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let letter = letter(&suite, &lead, &["https://partner.example/"]).await;
    for _ in 0..205 {
        assert_eq!(letter.click(&suite, 0).await.status, StatusCode::FOUND);
    }
    assert_eq!(seen(&suite, &lead).await.len(), 200);
}

async fn redeem(suite: &Suite, visitor: &str, token: &str) {
    let message = json!({"writeKey": write_key(suite), "anonymousId": visitor, "messageId": format!("i-{visitor}"),
        "timestamp": suite.now().to_string(), "context": {"token": token}});
    assert!(post(suite, "/v1/identify", &message).await.status.is_success());
    suite.settle().await.unwrap();
}

async fn whose(suite: &Suite, visitor: &str) -> Option<(LeadId, Proof)> {
    let known = suite.own().store.visitor_consistent(&VisitorId::parse(visitor).unwrap()).await.unwrap();
    known.map(|known| (known.lead, known.proof))
}

#[tokio::test]
async fn a_persons_click_proves_whose_browser_it_is() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let letter = letter(&suite, &lead, &[&format!("{ORIGIN}/pricing"), &format!("{ORIGIN}/cases/a")]).await;
    // Within a minute of sending no click says whose browser it is.
    suite.advance(seconds(59)).await.unwrap();
    assert_eq!(letter.click(&suite, 0).await.token(), None);
    letter.delivered(&suite, 57).await;
    suite.advance(seconds(61)).await.unwrap();
    let token = letter.click(&suite, 0).await.token().expect("a token");
    let mut phone = Visitor::new("phone");
    beacon(&suite, &phone.page(suite.now(), "/pricing", "Pricing", 20)).await;
    redeem(&suite, "phone", &token).await;
    assert_eq!(whose(&suite, "phone").await, None, "another link may still be followed");
    suite.advance(seconds(70)).await.unwrap();
    assert_eq!(whose(&suite, "phone").await, Some((lead.clone(), Proof::Proven)));
    beacon(&suite, &phone.page(suite.now(), "/cases/a", "A", 20)).await;
    suite.settle().await.unwrap();
    let pages: Vec<_> = folded(&suite, &lead).await.pages.iter().map(|page| (page.url.clone(), page.unconfirmed)).collect();
    assert_eq!(pages, [(format!("{ORIGIN}/cases/a"), false), (format!("{ORIGIN}/pricing"), false)]);
    // Once only.
    redeem(&suite, "thief", &token).await;
    suite.advance(seconds(120)).await.unwrap();
    assert_eq!(whose(&suite, "thief").await, None);
    is_quiet(&suite).await;
}

#[tokio::test]
async fn a_machine_that_runs_scripts_is_nobody() {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let letter = letter(&suite, &lead, &[&format!("{ORIGIN}/pricing"), &format!("{ORIGIN}/cases/a")]).await;
    suite.advance(seconds(600)).await.unwrap();
    letter.delivered(&suite, 590).await;
    let tokens = [letter.click(&suite, 0).await.token(), letter.click(&suite, 1).await.token()];
    for (n, token) in tokens.iter().enumerate() {
        redeem(&suite, &format!("scanner-{n}"), token.as_ref().expect("a token")).await;
    }
    suite.advance(seconds(600)).await.unwrap();
    assert_eq!([whose(&suite, "scanner-0").await, whose(&suite, "scanner-1").await], [None, None]);
    // The link came in time, but the second followed it within ten seconds.
    let early = letter.click(&suite, 0).await.token().expect("a token");
    redeem(&suite, "scanner-2", &early).await;
    suite.advance(seconds(9)).await.unwrap();
    letter.click(&suite, 1).await;
    suite.advance(seconds(600)).await.unwrap();
    assert_eq!(whose(&suite, "scanner-2").await, None);
    // Ten minutes later a token is worth nothing.
    let late = letter.click(&suite, 0).await.token().expect("a token");
    suite.advance(seconds(601)).await.unwrap();
    redeem(&suite, "late", &late).await;
    suite.advance(seconds(120)).await.unwrap();
    assert_eq!(whose(&suite, "late").await, None);
    is_quiet(&suite).await;
}

#[tokio::test]
async fn an_alert_that_rested_on_a_machines_clicks_is_taken_back_by_mail() {
    let suite = suite().await;
    let mut visitor = Visitor::new("reader");
    ready_lead_but_for_a_click(&suite, &mut visitor).await;
    let (lead, before) = lead_of(&suite, &visitor).await;
    assert_eq!((before.stage, suite.mailbox().mails().len()), (Some(Stage::Lead), 0));
    let letter = letter(&suite, &lead, &["https://partner.example/"]).await;
    suite.advance(seconds(300)).await.unwrap();
    letter.click(&suite, 0).await;
    suite.advance(seconds(180)).await.unwrap();
    assert_eq!(folded(&suite, &lead).await.stage, Some(Stage::Mql));
    assert_eq!(suite.mailbox().mails().len(), 1);
    // The word that it was delivered comes late: five minutes after the sending, a second before the click.
    letter.delivered(&suite, 181).await;
    suite.advance(seconds(120)).await.unwrap();
    let after = folded(&suite, &lead).await;
    assert_eq!((after.stage, after.proposal), (Some(Stage::Lead), None));
    let mails = suite.mailbox().mails();
    assert_eq!(mails.len(), 2);
    let correction = &mails[1];
    assert!(correction.subject.starts_with("Correction: 佐藤 美香"), "{}", correction.subject);
    let text = correction.text.as_deref().unwrap();
    assert!(text.contains("a machine had followed") && text.contains("/view/"), "{text}");
    assert_eq!(mails[0].to, correction.to);
    is_quiet(&suite).await;
    assert_eq!(suite.mailbox().mails().len(), 2);
    assert_eq!(suite.own().store.lead(&lead).await.unwrap().unwrap().stage, Stage::Lead);
}

/// Whether `score` is told of a letter's delivery, of which SES's event comes so much later.
async fn is_looked_at(late: SignedDuration) -> bool {
    let suite = suite().await;
    let (_, lead) = reader(&suite).await;
    let live = suite.own().playbook().await.unwrap();
    let mail = MailId::parse("welcome").unwrap();
    let (written, reader) = (&live.playbook.mails[&mail], folded(&suite, &lead).await);
    let version = written.version(Language::En).unwrap().1;
    let cause = Cause::Broadcast(BroadcastId::derive(&["welcome"]));
    let letter = Letter::owed(&mail, (written, version), cause, 0, (&reader, None), &live.playbook.setup).unwrap();
    let letter = Letter { class: MailClass::Service, ..letter };
    let (id, now) = (MessageId::derive(&["welcome"]), suite.now());
    let owed = Message::letter(id, &lead, Language::En, &live.version, letter, now, now, now + seconds(3_600));
    // The second of a mail's events says that it was delivered.
    suite.mailbox().reports().lay([(2, Mishap::Late(late))]);
    suite.own().store.save(Save { messages: vec![owed], ..Save::default() }).await.unwrap();
    suite.settle().await.unwrap();
    assert_eq!(suite.mailbox().mails().len(), 1);
    suite.advance(late).await.unwrap();
    let items = suite.items("Activities").unwrap();
    let delivered = items.iter().find(|item| item["activities"].to_string().contains("mail_delivered")).expect("a delivery");
    is_quiet(&suite).await;
    delivered.get("wake").is_some()
}

#[tokio::test]
async fn word_of_a_delivery_that_comes_late_has_the_lead_looked_at_again() {
    assert!(!is_looked_at(seconds(59)).await, "no click is decided yet");
    assert!(is_looked_at(seconds(60)).await);
}

/// A reader who fits and lacks a click to be ready.
async fn ready_lead_but_for_a_click(suite: &Suite, visitor: &mut Visitor) {
    insist(suite, &visitor.form(suite.now(), "newsletter", &buyer())).await;
    for path in ["/cases/a", "/a", "/b", "/c", "/d"] {
        insist(suite, &visitor.page(suite.now(), path, "A page", 20)).await;
        suite.advance(seconds(60)).await.unwrap();
    }
    suite.settle().await.unwrap();
}
