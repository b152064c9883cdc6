//! The lead page: what its link opens, for whom, and until when.

use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use jiff::SignedDuration;
use michi::id::{LeadId, OwnerId};
use michi::io::KeyRing;
use michi::link::{VIEW_DAYS, View};
use michi_local::{Fault, Options, Planned, Service, Suite};
use serde_json::json;

use crate::harness::{Visitor, beacon, buyer, ready_lead, suite};
use crate::spine::lead_of;

/// The answer to a request without script or cookie, as a browser that follows a mail's link makes it.
async fn open(suite: &Suite, path: &str) -> (StatusCode, HeaderMap, String) {
    let response = suite.request(Request::get(path).body(Body::empty()).unwrap()).await;
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

/// The path of the link in the newest mail.
fn mailed_link(suite: &Suite) -> String {
    let mails = suite.mailbox().mails();
    let text = mails.last().and_then(|mail| mail.text.clone()).expect("a mail");
    let at = text.find("/view/").expect("a link to the lead page");
    text[at..].split_whitespace().next().unwrap().to_owned()
}

fn link(keys: &KeyRing, lead: &LeadId, owner: &str, now: jiff::Timestamp) -> String {
    let (number, key) = keys.signing().unwrap();
    View::new(lead.clone(), OwnerId::parse(owner).unwrap(), now).url("", number, key.bytes())
}

#[tokio::test]
async fn the_alerts_link_opens_the_lead_page_and_changes_nothing() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v1");
    ready_lead(&suite, &mut visitor).await;
    let (_, lead) = lead_of(&suite, &visitor).await;
    let before = (suite.items("Activities").unwrap(), suite.items("Leads").unwrap());
    let mark = suite.client().record().mark();

    let (status, headers, html) = open(&suite, &mailed_link(&suite)).await;
    assert_eq!(status, StatusCode::OK);
    let cell = lead.cell.unwrap().to_string();
    for part in [
        "佐藤 美香",
        "星野工業",
        "href=\"tel:+81312345678\"",
        "href=\"mailto:mika.sato@hoshino-kogyo.example\"",
        "Ready for sales (MQL)",
        "Read a case study",
        "Kansai Precision",
        "Requested a white paper",
        "Uses a company mail address",
        &format!(">{cell}</p>"),
        "40 s",
    ] {
        assert!(html.contains(part), "{part}");
    }
    for (name, value) in [("cache-control", "no-store"), ("referrer-policy", "no-referrer"), ("x-frame-options", "DENY")] {
        assert_eq!(headers.get(name).unwrap(), value);
    }
    assert!(headers.get("x-robots-tag").unwrap().to_str().unwrap().contains("noindex"));
    assert!(headers.get("content-security-policy").unwrap().to_str().unwrap().starts_with("default-src 'none'"));

    suite.settle().await.unwrap();
    assert_eq!((suite.items("Activities").unwrap(), suite.items("Leads").unwrap()), before);
    let calls = suite.client().record().since(mark);
    assert!(!calls.is_empty());
    assert!(calls.iter().all(|call| ["GetItem", "Query"].contains(&call.operation.as_str())), "{calls:?}");
}

#[tokio::test]
async fn the_page_speaks_its_readers_language() {
    let folder = tempfile::tempdir().unwrap();
    let playbook = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/playbook");
    for name in ["playbook.yaml", "scoring.yaml", "segments.yaml"] {
        let text = std::fs::read_to_string(playbook.join(name)).unwrap();
        let owner = "    address: sales@tsumugi-works.example\n";
        std::fs::write(folder.path().join(name), text.replace(owner, &format!("{owner}    language: ja\n"))).unwrap();
    }
    let options = Options { playbook: Some(folder.path().to_owned()), ..Options::test() };
    let suite = Suite::start(options).await.unwrap();
    ready_lead(&suite, &mut Visitor::new("v1")).await;
    let (status, _, html) = open(&suite, &mailed_link(&suite)).await;
    assert_eq!(status, StatusCode::OK);
    for part in ["<html lang=\"ja\">", "佐藤 美香 <small>様</small>", "導入事例を閲覧", "関心度", "これまでの行動", "40秒"]
    {
        assert!(html.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_link_that_opens_nothing_says_the_same_whatever_is_wrong() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v1");
    ready_lead(&suite, &mut visitor).await;
    let (id, _) = lead_of(&suite, &visitor).await;
    let (keys, now) = (&suite.own().keys, suite.now());
    let good = mailed_link(&suite);
    assert_eq!(open(&suite, &good).await.0, StatusCode::OK);
    assert_eq!(open(&suite, &link(keys, &id, "sales", now)).await.0, StatusCode::OK);

    let nothing = open(&suite, "/view/x").await;
    assert_eq!(nothing.0, StatusCode::NOT_FOUND);
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let nobody = LeadId::parse("nobody").unwrap();
    for (what, path) in [
        ("one character cut off", good[..good.len() - 1].to_owned()),
        ("expired", link(keys, &id, "sales", now - days(VIEW_DAYS))),
        ("signed by another", link(&KeyRing::generate("another"), &id, "sales", now)),
        ("of nobody", link(keys, &nobody, "sales", now)),
        ("to somebody who has left", link(keys, &id, "gone", now)),
    ] {
        let found = open(&suite, &path).await;
        assert_eq!((found.0, &found.1, found.2.as_str()), (nothing.0, &nothing.1, nothing.2.as_str()), "{what}");
    }
    for at in (0..good.len() - "/view/".len()).step_by(11) {
        let at = at + "/view/".len();
        let turned = if &good[at..=at] == "A" { "B" } else { "A" };
        let path = format!("{}{turned}{}", &good[..at], &good[at + 1..]);
        assert_eq!(open(&suite, &path).await.2, nothing.2, "{path}");
    }

    suite.advance(days(VIEW_DAYS)).await.unwrap();
    assert_eq!(open(&suite, &good).await.2, nothing.2, "it expires by itself");
}

#[tokio::test]
async fn a_page_that_cannot_be_put_together_can_be_asked_for_again() {
    let suite = suite().await;
    ready_lead(&suite, &mut Visitor::new("v1")).await;
    let path = mailed_link(&suite);
    suite.client().faults().lay([Planned::nth("answer", Service::DynamoDb, "Query", 1, Fault::Refuse)]);
    let (status, headers, html) = open(&suite, &path).await;
    assert_eq!((status, headers.get("retry-after").unwrap().as_bytes()), (StatusCode::SERVICE_UNAVAILABLE, b"60".as_slice()));
    assert!(!html.contains("佐藤") && html.contains("try again"));
    suite.client().faults().lay([]);
    assert_eq!(open(&suite, &path).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_a_stranger_claims_is_marked_and_its_markup_is_text() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v1");
    ready_lead(&suite, &mut visitor).await;
    let path = mailed_link(&suite);
    assert!(!open(&suite, &path).await.2.contains("unconfirmed"));

    let mut stranger = Visitor::new("v2");
    let title = "<script>alert(1)</script>{{ 7*7 }}\u{202e}";
    beacon(&suite, &stranger.page(suite.now(), "/pricing", title, 5)).await;
    let email = buyer()["email"].clone();
    let fields = json!({"email": email, "department": "<b>Board</b>\r\nBcc: x@y.example", "name": "Mallory"});
    beacon(&suite, &stranger.form(suite.now(), "white-paper", &fields)).await;
    suite.settle().await.unwrap();

    let (_, lead) = lead_of(&suite, &stranger).await;
    assert_eq!((lead.attribute("name"), lead.visitors.len()), (Some("佐藤 美香"), 2));
    let (status, _, html) = open(&suite, &path).await;
    assert_eq!(status, StatusCode::OK);
    let body = html.split_once("</style>").unwrap().1;
    assert!(body.contains("unconfirmed") && body.contains("&#60;script&#62;alert(1)&#60;/script&#62;{{ 7*7 }}<"));
    assert!(body.contains("&#60;b&#62;Board&#60;/b&#62;\nBcc: x@y.example"));
    for bad in ["<script", "<b>Board", "\u{202e}", "\r"] {
        assert!(!body.contains(bad), "{bad:?}");
    }
}
