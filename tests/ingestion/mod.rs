//! What `track` takes, what it refuses and with which words, and what that costs.

mod forms;
mod refusals;

use std::collections::BTreeMap;
use std::io::Write as _;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::response::Response;
use base64::Engine as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{Request, StatusCode, header};
use jiff::SignedDuration;
use michi::activity::{Kind, Log, LogOwner, Proof, Source};
use michi::id::VisitorId;
use michi::io::{App, Clock, Random};
use michi_local::{Suite, Units};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::harness::{BROWSER, ORIGIN, Visitor, beacon, read, ready_lead, suite, write_key};
use crate::spine::lead_of;

/// A request as it comes from a page of the site.
fn from_site(path: &str) -> http::request::Builder {
    Request::post(path).header("origin", ORIGIN).header("content-type", "text/plain").header("user-agent", BROWSER)
}

async fn send(suite: &Suite, request: http::request::Builder, body: impl Into<Body>) -> Response {
    suite.request(request.body(body.into()).unwrap()).await
}

/// Status and code of an answer that refuses.
async fn refusal(response: Response) -> (u16, String) {
    let answer = read(response).await;
    assert_eq!(answer.body["success"], false);
    assert!(answer.body["error"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{answer:?}");
    (answer.status.as_u16(), answer.body["error"]["code"].as_str().unwrap().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn log_of(suite: &Suite, visitor: &str) -> Log {
    suite.own().store.log(&LogOwner::Visitor(VisitorId::parse(visitor).unwrap())).await.unwrap()
}

fn message(id: &str, of_type: &str, more: Value) -> Value {
    let mut message = json!({"messageId": id, "type": of_type, "anonymousId": "v1", "timestamp": "2026-03-31T23:59:00Z"});
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

fn page(id: &str) -> Value {
    message(id, "page", json!({"properties": {"url": format!("{ORIGIN}/product"), "title": "Product"}}))
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn everything(suite: &Suite) -> Vec<Value> {
    [suite.items("Activities").unwrap(), suite.items("Leads").unwrap()].concat()
}

/// The collector with a server of the customer's known to it.
pub(crate) async fn with_server(suite: &Suite, secret: &str) -> Router {
    let track = suite.app("track").unwrap();
    let keys = (*track.keys).clone().with_server(secret);
    let (clock, random): (Clock, Random) = (track.clock.clone(), track.random.clone());
    track::router(App::new(track.store.clone(), clock, random, keys, (*track.settings).clone()))
}

#[tokio::test]
async fn every_route_takes_its_message_in_each_form() {
    let suite = suite().await;
    let key = write_key(&suite);
    let mut bodies = BTreeMap::new();
    for (route, of_type) in
        [("page", "page"), ("p", "page"), ("track", "track"), ("t", "track"), ("identify", "identify"), ("i", "identify")]
    {
        let mut body = message(route, "", json!({"event": "Tried", "properties": {"url": "/"}, "writeKey": key}));
        body.as_object_mut().unwrap().remove("type");
        bodies.insert(route, (of_type, body));
    }
    for (route, (_, body)) in &bodies {
        let answer = read(send(&suite, from_site(&format!("/v1/{route}")), body.to_string()).await).await;
        assert_eq!((answer.status, answer.body), (StatusCode::OK, json!({"success": true, "known": false})), "{route}");
    }
    let log = log_of(&suite, "v1").await;
    let mut kinds = BTreeMap::new();
    for activity in log.records.iter().flat_map(|record| &record.activities) {
        let of_type = match activity.kind {
            Kind::PageViewed(_) => "page",
            Kind::Tracked { .. } => "track",
            Kind::Identified { .. } => "identify",
            _ => "",
        };
        kinds.insert(activity.id.to_string(), of_type);
    }
    let expected = bodies.iter().map(|(route, (of_type, _))| ((*route).to_owned(), *of_type)).collect();
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn the_write_key_comes_by_authentication_in_the_batch_or_in_a_message() {
    let suite = suite().await;
    let key = write_key(&suite);
    let basic = |key: &str| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{key}:")));
    let batch = |key: Option<&str>| json!({"writeKey": key, "batch": [page("m")]}).to_string();
    let mut in_message = page("m");
    in_message["writeKey"] = json!(key);
    let in_message = json!({"batch": [page("n"), in_message]}).to_string();
    let check = async |authorization: Option<String>, body: String, wanted: u16| {
        let mut request = from_site("/v1/batch");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let response = send(&suite, request, body.clone()).await;
        assert_eq!(response.status().as_u16(), wanted, "{body}");
        assert_eq!(response.headers()["access-control-allow-origin"], ORIGIN);
        if wanted == 401 {
            assert_eq!(refusal(response).await, refused(401, "unknown_write_key"));
        }
    };
    check(Some(basic(&key)), batch(None), 200).await;
    check(None, batch(Some(&key)), 200).await;
    check(None, in_message, 200).await;
    check(Some(basic("pk_wrong")), batch(Some(&key)), 401).await;
    check(None, batch(Some("pk_wrong")), 401).await;
    check(None, batch(None), 401).await;
}

#[tokio::test]
async fn wrong_clocks_change_neither_order_nor_future() {
    let suite = suite().await;
    let now = suite.now();
    let ahead = (now + SignedDuration::from_hours(365 * 24)).to_string();
    let old = (now - SignedDuration::from_hours(40 * 24)).to_string();
    let form = |id: &str, timestamp: &str| {
        let properties = json!({"form": "inquiry", "fields": {"email": "ann@acme.example"}});
        message(id, "track", json!({"event": "Form Submitted", "properties": properties, "timestamp": timestamp}))
    };
    let body = json!({"writeKey": write_key(&suite), "batch": [form("old", &old), message("ahead", "page", json!({"properties": {"url": "/"}, "timestamp": ahead}))]});
    assert_eq!(send(&suite, from_site("/v1/batch"), body.to_string()).await.status(), StatusCode::OK);
    assert_eq!(suite.settle().await.unwrap(), 0, "what is old triggers nothing");
    assert!(suite.finish(SignedDuration::from_hours(1)).await.unwrap().is_empty());
    let log = log_of(&suite, "v1").await;
    let at = |id: &str| log.records.iter().find(|record| record.id.as_str() == id).map(|record| record.at);
    assert_eq!(at("ahead"), Some(now));
    assert_eq!(at("old"), Some(now - SignedDuration::from_hours(40 * 24)));

    // A sender that says when it sent corrects its own clock.
    let skewed = json!({"writeKey": write_key(&suite), "sentAt": ahead, "batch": [message("skewed", "page", json!({"properties": {"url": "/"},
        "timestamp": (now + SignedDuration::from_hours(365 * 24) - SignedDuration::from_mins(5)).to_string()}))]});
    assert_eq!(send(&suite, from_site("/v1/batch"), skewed.to_string()).await.status(), StatusCode::OK);
    let log = log_of(&suite, "v1").await;
    let record = log.records.iter().find(|record| record.id.as_str() == "skewed").unwrap();
    assert_eq!(record.at, now - SignedDuration::from_mins(5));
}

#[tokio::test]
async fn a_repeat_changes_nothing() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v1");
    let mut batch = visitor.page(suite.now(), "/pricing", "Pricing", 40);
    batch.extend(visitor.page(suite.now(), "/product", "Product", 10));
    batch.extend(visitor.form(suite.now(), "inquiry", &json!({"email": "ann@acme.example"})));
    beacon(&suite, &batch).await;
    suite.settle().await.unwrap();
    suite.advance(SignedDuration::from_mins(3)).await.unwrap();
    let before = suite.items("Activities").unwrap();
    let lead = lead_of(&suite, &visitor).await.1;
    for _ in 0..2 {
        assert_eq!(beacon(&suite, &batch).await.body["success"], true);
        suite.settle().await.unwrap();
    }
    let again = lead_of(&suite, &visitor).await.1;
    assert_eq!(again.interest.reasons.len(), lead.interest.reasons.len());
    assert_eq!((again.pages.len(), again.visitors), (lead.pages.len(), lead.visitors));
    let keys = |items: &[Value]| items.iter().map(|item| (item["pk"].to_string(), item["sk"].to_string())).collect::<Vec<_>>();
    let (before, after) = (keys(&before), keys(&suite.items("Activities").unwrap()));
    // The identification is taken down again in the lead's own log; what it tells counts once.
    let new: Vec<_> = after.iter().filter(|key| !before.contains(key)).collect();
    assert!(new.is_empty(), "{new:?}");
}

#[tokio::test]
async fn a_page_view_costs_what_it_may() {
    let suite = suite().await;
    let mut visitor = Visitor::new("0b0e9a52-9d53-4e39-8a53-1f5f2d0c7abc");
    let mut batch =
        visitor.page(suite.now(), "/cases/kansai-precision", "Kansai Precision halves its downtime – Tsumugi Works", 40);
    let click = json!({"page_view": batch[1]["properties"]["page_view"], "url": format!("{ORIGIN}/cases/kansai-precision"),
        "target": "https://partner.example/", "text": "Our partner"});
    batch.push(message("click-1", "track", json!({"event": "Link Clicked", "anonymousId": visitor.id, "properties": click})));
    // The playbook is read every half minute at most, whatever comes.
    beacon(&suite, &Visitor::new("v0").page(suite.now(), "/", "Home", 0)).await;
    let mark = suite.client().record().mark();
    beacon(&suite, &batch).await;
    let calls = suite.client().record().since(mark);
    let operations: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
    assert_eq!(operations, ["GetItem", "PutItem"]);
    assert_eq!(calls.iter().map(|call| call.total()).sum::<Units>(), Units { read: 0.5, write: 1.0 });
    assert_eq!(suite.settle().await.unwrap(), 0, "anonymous visits start nothing");

    let mut known = Visitor::new("v2");
    ready_lead(&suite, &mut known).await;
    let mark = suite.client().record().mark();
    beacon(&suite, &known.page(suite.now(), "/product", "Product", 0)).await;
    let of_track = suite.client().record().since(mark);
    let of_track = of_track.iter().filter(|call| call.function.as_deref() == Some("track"));
    assert_eq!(of_track.map(|call| call.total()).sum::<Units>(), Units { read: 0.5, write: 1.0 });
}

#[tokio::test]
async fn records_of_a_large_batch_cost_a_unit_each() {
    let suite = suite().await;
    let mut visitor = Visitor::new("0b0e9a52-9d53-4e39-8a53-1f5f2d0c7abc");
    let mut batch = Vec::new();
    for n in 0..100_u32 {
        let title = "長い題名".repeat(n as usize % 7);
        batch.extend(visitor.page(suite.now(), &format!("/cases/{}", "x".repeat(n as usize % 60)), &title, n % 3));
    }
    let mark = suite.client().record().mark();
    assert_eq!(beacon(&suite, &batch).await.body["success"], true);
    let puts: Vec<_> = suite.client().record().since(mark).into_iter().filter(|call| call.operation == "PutItem").collect();
    assert!(puts.len() < batch.len() / 3, "{} records for {} messages", puts.len(), batch.len());
    let large: Vec<f64> = puts.iter().map(|call| call.total().write).filter(|units| *units > 1.0).collect();
    assert!(large.is_empty(), "{large:?}");
    let kept: usize = log_of(&suite, &visitor.id).await.records.iter().map(|record| record.activities.len()).sum();
    assert_eq!(kept, batch.len());
}

#[tokio::test]
async fn a_visitor_leaves_only_so_much_in_a_day() {
    let suite = suite().await;
    let form = |n: usize| {
        let properties = json!({"form": "inquiry", "fields": {"email": format!("ann{n}@acme.example")}});
        message(
            &format!("form-{n}"),
            "track",
            json!({"event": "Form Submitted", "properties": properties, "timestamp": suite.now().to_string()}),
        )
    };
    let answer = beacon(&suite, &(0..60).map(form).collect::<Vec<_>>()).await;
    assert_eq!(answer.body, json!({"success": true, "known": false}), "whoever sends forms is told nothing");
    let aside = suite.own().store.quarantined(suite.now()).await.unwrap();
    assert_eq!(aside.len(), 10, "{:?}", aside.iter().map(|poison| &poison.reason).collect::<Vec<_>>());
    let token = |n: usize| {
        let context = json!({"timestamp": suite.now().to_string(), "context": {"token": format!("t-{n}")}});
        message(&format!("token-{n}"), "identify", context)
    };
    let answer = beacon(&suite, &[token(0), page("page-in-between"), token(1)]).await;
    let errors = answer.body["errors"].as_array().unwrap();
    assert_eq!((errors.len(), &errors[0]["code"], &errors[1]["messageId"]), (2, &json!("daily_limit"), &json!("token-1")));
    let answer = beacon(&suite, &[token(2)]).await;
    assert_eq!((answer.status, &answer.body["error"]["code"]), (StatusCode::BAD_REQUEST, &json!("daily_limit")));
    let pages: Vec<Value> = (0..60).map(|n| page(&format!("page-{n}"))).collect();
    assert_eq!(beacon(&suite, &pages).await.body, json!({"success": true, "known": false}));
    suite.client().faults().lift();
    suite.clock().set(suite.now() + SignedDuration::from_hours(24));
    assert_eq!(beacon(&suite, &[form(62)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn servers_are_believed_and_speak_for_users() {
    let suite = suite().await;
    let router = with_server(&suite, "sk_test").await;
    let send = async |messages: Vec<Value>| {
        let body = json!({"writeKey": "sk_test", "batch": messages}).to_string();
        let request =
            Request::post("/v1/batch").header("content-type", "application/json").header("user-agent", "analytics-python/2.3");
        read(router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()).await
    };
    let user = |id: &str, of_type: &str, more: Value| {
        let mut message =
            message(id, of_type, json!({"anonymousId": null, "userId": "u-1", "timestamp": suite.now().to_string()}));
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        message
    };
    let traits = json!({"email": "ann@acme.example", "name": "Ann", "company": {"name": "Acme", "employee_count": 120},
        "consent": {"granted": true, "text": "news"}});
    let answer = send(vec![
        user("s-1", "identify", json!({"traits": traits, "anonymousId": "v1"})),
        user("s-2", "track", json!({"event": "Plan Chosen", "properties": {"plan": "team"}})),
    ])
    .await;
    assert_eq!(answer.body, json!({"success": true, "known": false}));
    suite.settle().await.unwrap();
    let visitor = Visitor::new("v1");
    let (id, lead) = lead_of(&suite, &visitor).await;
    assert_eq!(
        (lead.attribute("company"), lead.attribute("employees"), lead.attribute("email")),
        (Some("Acme"), Some("120"), Some("ann@acme.example"))
    );
    assert!(lead.visitors.iter().all(|visitor| visitor.proof == Proof::Proven));
    assert_eq!(lead.visitors.len(), 2, "the browser, and the user as such");
    let log = suite.own().store.log(&LogOwner::Lead(id)).await.unwrap();
    let records = || log.records.iter().filter(|record| record.source == Source::Server).flat_map(|record| &record.activities);
    assert!(records().any(|activity| matches!(activity.kind, Kind::Consented { granted: true, .. })));
    assert!(records().any(|activity| matches!(&activity.kind, Kind::Tracked { event, .. } if event == "Plan Chosen")));

    let answer = send(vec![
        user("s-3", "track", json!({"event": "Plan Chosen"})),
        user("s-4", "identify", json!({"traits": {"name": null, "company": {"name": "Acme Works"}}})),
    ])
    .await;
    assert_eq!(answer.body["known"], true);
    suite.settle().await.unwrap();
    let (_, lead) = lead_of(&suite, &visitor).await;
    assert_eq!((lead.attribute("name"), lead.attribute("company")), (None, Some("Acme Works")));
}

#[tokio::test]
async fn what_is_kept_tells_no_address_of_the_network() {
    let suite = suite().await;
    let mut batch = vec![page("m")];
    batch[0]["context"] = json!({"ip": "192.0.2.77"});
    let body = json!({"writeKey": write_key(&suite), "batch": batch}).to_string();
    let request = from_site("/v1/batch").header("x-forwarded-for", "192.0.2.17").header("forwarded", "for=192.0.2.17");
    assert_eq!(send(&suite, request, body).await.status(), StatusCode::OK);
    let kept = everything(&suite);
    assert!(kept.iter().any(|item| item["sk"]["S"].as_str().is_some_and(|sk| sk.ends_with("#m"))));
    assert!(!kept.iter().any(|item| item.to_string().contains("192.0.2.")));
}

#[tokio::test]
async fn hostile_text_is_kept_as_it_is() {
    let suite = suite().await;
    let hostile = "<script>alert(1)</script> {{ secret }} \r\nBcc: x@evil.example \u{202e}txt";
    let mut sent = page("m");
    sent["properties"]["title"] = json!(hostile);
    beacon(&suite, &[sent]).await;
    let Kind::PageViewed(page) = log_of(&suite, "v1").await.records[0].activities[0].kind.clone() else { panic!() };
    assert_eq!(page.title.as_deref(), Some(hostile));
}

#[tokio::test]
async fn the_snippet_is_cached_for_a_day() {
    let suite = suite().await;
    let get = async |tag: Option<&str>| {
        let request = Request::get("/michi.js").header("if-none-match", tag.unwrap_or("\"other\""));
        send(&suite, request, Body::empty()).await
    };
    let response = get(None).await;
    let headers = response.headers().clone();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        (&headers["cache-control"], &headers["content-type"]),
        (&"public, max-age=86400".parse().unwrap(), &"text/javascript; charset=utf-8".parse().unwrap())
    );
    let script: Bytes = to_bytes(response.into_body(), 100_000).await.unwrap();
    assert!(String::from_utf8_lossy(&script).contains("/v1/batch"));
    let tag = headers["etag"].to_str().unwrap();
    for held in [tag.to_owned(), format!("W/{tag}, \"x\"")] {
        let response = get(Some(&held)).await;
        assert_eq!((response.status(), &response.headers()[header::ETAG]), (StatusCode::NOT_MODIFIED, &headers["etag"]));
        assert!(to_bytes(response.into_body(), 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_known_browser_is_told_so() {
    let suite = suite().await;
    let mut visitor = Visitor::new("v1");
    assert_eq!(beacon(&suite, &visitor.page(suite.now(), "/", "Home", 0)).await.body["known"], false);
    ready_lead(&suite, &mut visitor).await;
    assert_eq!(beacon(&suite, &visitor.page(suite.now(), "/", "Home", 0)).await.body["known"], true);
    let mut both = visitor.page(suite.now(), "/", "Home", 0);
    both.extend(Visitor::new("v2").page(suite.now(), "/", "Home", 0));
    assert_eq!(beacon(&suite, &both).await.body["known"], false, "not all of them are");
}
