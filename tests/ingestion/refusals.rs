//! What is refused, and how the sender is told.

use axum::body::Body;
use http::{Request, StatusCode};
use michi::activity::Kind;
use michi_local::{Fault, Outcome, Planned, Service};
use serde_json::{Value, json};

use super::{from_site, gzip, log_of, message, page, refusal, refused, send};
use crate::harness::{ORIGIN, Visitor, beacon, read, suite, write_key};
use crate::spine::lead_of;

#[tokio::test]
async fn only_listed_origins_and_servers_may_send() {
    let suite = suite().await;
    let body = json!({"writeKey": write_key(&suite), "batch": [page("m")]}).to_string();
    for origin in ["https://evil.example", "null", "http://127.0.0.1:7070.evil.example", "http://127.0.0.1"] {
        for method in ["POST", "OPTIONS"] {
            let request =
                Request::builder().method(method).uri("/v1/batch").header("origin", origin).header("content-type", "text/plain");
            let response = send(&suite, request, body.clone()).await;
            assert!(!response.headers().keys().any(|name| name.as_str().starts_with("access-control")), "{origin}");
            assert_eq!(refusal(response).await, refused(403, "origin_not_listed"), "{origin}");
        }
    }
    assert!(suite.items("Activities").unwrap().is_empty());
    let request = Request::post("/v1/batch").header("content-type", "application/json");
    let response = send(&suite, request, body.clone()).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!response.headers().contains_key("access-control-allow-origin"));

    let ask = Request::options("/v1/batch").header("origin", ORIGIN).header("access-control-request-method", "POST");
    let response = send(&suite, ask, Body::empty()).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    let expected = [
        ("access-control-allow-origin", ORIGIN),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "authorization, content-encoding, content-type"),
        ("access-control-max-age", "86400"),
        ("vary", "origin"),
    ];
    for (name, value) in expected {
        assert_eq!(response.headers()[name], value, "{name}");
    }
    assert!(!response.headers().contains_key("access-control-allow-credentials"));
    let response = send(&suite, from_site("/v1/batch"), body).await;
    assert_eq!(
        (&response.headers()["access-control-allow-origin"], &response.headers()["vary"]),
        (&ORIGIN.parse().unwrap(), &"origin".parse().unwrap())
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused_unread() {
    let suite = suite().await;
    let key = write_key(&suite);
    let padded = |message: Value, length: usize| {
        let mut text = json!({"writeKey": key, "batch": [message]}).to_string();
        text.push_str(&" ".repeat(length - text.len()));
        text
    };
    let batch = async |body: Vec<u8>, encoding: &str| {
        send(&suite, from_site("/v1/batch").header("content-encoding", encoding), body).await
    };
    assert_eq!(batch(padded(page("a"), 500 * 1024).into(), "identity").await.status(), StatusCode::OK);
    // Not even JSON: it is refused for its size.
    let nonsense = "{".repeat(500 * 1024 + 1);
    assert_eq!(refusal(batch(nonsense.clone().into(), "identity").await).await, refused(413, "too_large"));
    assert_eq!(batch(gzip(&padded(page("b"), 500 * 1024)), "gzip").await.status(), StatusCode::OK);
    assert_eq!(refusal(batch(gzip(&nonsense), "gzip").await).await, refused(413, "too_large"));
    let bomb = gzip(&"0".repeat(200_000_000));
    assert!(bomb.len() < 250_000);
    assert_eq!(refusal(batch(bomb, "gzip").await).await, refused(413, "too_large"));
    assert_eq!(refusal(batch(b"{}".into(), "gzip").await).await, refused(400, "invalid_encoding"));
    assert_eq!(refusal(batch(b"{}".into(), "br").await).await, refused(415, "unsupported_encoding"));

    let single = |length: usize| {
        let mut body = page("c");
        body["writeKey"] = json!(key);
        let body = body.to_string();
        format!("{body}{}", " ".repeat(length - body.len()))
    };
    assert_eq!(send(&suite, from_site("/v1/page"), single(32 * 1024)).await.status(), StatusCode::OK);
    assert_eq!(refusal(send(&suite, from_site("/v1/page"), single(32 * 1024 + 1)).await).await, refused(413, "too_large"));
    // A length that is announced is believed before a byte of it has come.
    let announced = from_site("/v1/page").header("content-length", "9999999");
    assert_eq!(refusal(send(&suite, announced, "{}").await).await, refused(413, "too_large"));

    let many = |count: usize| {
        let batch: Vec<Value> = (0..count).map(|n| page(&format!("m-{n}"))).collect();
        json!({"writeKey": key, "batch": batch}).to_string()
    };
    assert_eq!(send(&suite, from_site("/v1/batch"), many(500)).await.status(), StatusCode::OK);
    assert_eq!(refusal(send(&suite, from_site("/v1/batch"), many(501)).await).await, refused(413, "too_many_messages"));
}

#[tokio::test]
async fn other_content_is_refused() {
    let suite = suite().await;
    let body = json!({"writeKey": write_key(&suite), "batch": [page("m")]}).to_string();
    let with = |path: &str, content_type: &str| Request::post(path).header("origin", ORIGIN).header("content-type", content_type);
    for (path, content_type) in [
        ("/v1/batch", "application/xml"),
        ("/v1/batch", "application/x-www-form-urlencoded"),
        ("/v1/identify", "multipart/form-data; boundary=b"),
        ("/v1/track", "multipart/form-data"),
        ("/v1/batch", ""),
    ] {
        let response = send(&suite, with(path, content_type), body.clone()).await;
        assert_eq!(refusal(response).await, refused(415, "unsupported_content_type"), "{path} {content_type}");
    }
    for content_type in ["application/json", "text/plain;charset=UTF-8"] {
        assert_eq!(send(&suite, with("/v1/batch", content_type), body.clone()).await.status(), StatusCode::OK);
    }
    for (body, code) in [("", "invalid_json"), ("[]", "invalid_json"), ("{\"batch\":[{]}", "invalid_json"), ("{}", "no_messages")]
    {
        assert_eq!(refusal(send(&suite, from_site("/v1/batch"), body).await).await, refused(400, code), "{body}");
    }
}

#[tokio::test]
async fn a_bad_message_is_refused_and_spoils_no_other() {
    let suite = suite().await;
    let key = write_key(&suite);
    let nested = format!("{}1{}", r#"{"a":"#.repeat(7), "}".repeat(7));
    let keys: Vec<String> = (0..100).map(|n| format!(r#""k{n}":1"#)).collect();
    let track = |properties: &str| {
        format!(r#"{{"type":"track","event":"x","messageId":"bad","anonymousId":"v1","properties":{properties}}}"#)
    };
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            track(r#"{"a":"caf\u00e9"}"#)
                .replace("caf\\u00e9", "caf?")
                .into_bytes()
                .iter()
                .map(|b| if *b == b'?' { 0xe9 } else { *b })
                .collect(),
            "invalid_utf8",
        ),
        (track(r#"{"a":"\u0000"}"#).into(), "nul"),
        (track("{\"a\":\"\0\"}").into(), "nul"),
        (track(r#"{"a":"\ud83d"}"#).into(), "lone_surrogate"),
        (track(&format!(r#"{{"a":{nested}}}"#)).into(), "too_deep"),
        (track(&format!("{{{}}}", keys.join(","))).into(), "too_many_keys"),
        (track(r#"{"a":1e400}"#).into(), "number_out_of_range"),
        (track(&format!(r#"{{"a":"{}"}}"#, "x".repeat(32 * 1024))).into(), "too_large"),
        (message("bad", "purchase", json!({})).to_string().into(), "unknown_type"),
        (message("bad", "group", json!({})).to_string().into(), "unsupported_type"),
        (message("bad", "track", json!({})).to_string().into(), "missing_property"),
        (message("bad", "page", json!({"timestamp": "soon"})).to_string().into(), "invalid_time"),
        (
            message("bad", "track", json!({"event": "x", "anonymousId": null, "userId": "ann"})).to_string().into(),
            "missing_visitor",
        ),
        (b"7".into(), "invalid_json"),
    ];
    for (n, (bad, code)) in cases.iter().enumerate() {
        let good = [page(&format!("before-{n}")).to_string(), page(&format!("behind-{n}")).to_string()];
        let mut body = format!(r#"{{"writeKey":"{key}","batch":[{},"#, good[0]).into_bytes();
        body.extend(bad);
        body.extend(format!(",{}]}}", good[1]).bytes());
        let answer = read(send(&suite, from_site("/v1/batch"), body).await).await;
        assert_eq!((answer.status, &answer.body["success"]), (StatusCode::OK, &json!(true)), "{code}: {answer:?}");
        let errors = answer.body["errors"].as_array().unwrap();
        assert_eq!((errors.len(), &errors[0]["index"], &errors[0]["code"]), (1, &json!(1), &json!(code)), "{answer:?}");
        // Only what can be read at all has an id to name.
        if !matches!(*code, "invalid_utf8" | "nul" | "lone_surrogate" | "number_out_of_range" | "invalid_json") {
            assert_eq!(errors[0]["messageId"], "bad", "{code}");
        }

        let mut alone = format!(r#"{{"writeKey":"{key}","batch":["#).into_bytes();
        alone.extend(bad);
        alone.extend(b"]}");
        assert_eq!(refusal(send(&suite, from_site("/v1/batch"), alone).await).await, refused(400, code));
    }
    let log = log_of(&suite, "v1").await;
    let kept = log.records.iter().flat_map(|record| &record.activities);
    assert_eq!(kept.filter(|activity| matches!(activity.kind, Kind::PageViewed(_))).count(), 2 * cases.len());
    let purchase = json!({"writeKey": key, "batch": [message("m", "purchase", json!({}))]});
    let answer = read(send(&suite, from_site("/v1/batch"), purchase.to_string()).await).await;
    assert!(answer.body["error"]["message"].as_str().unwrap().contains("purchase"), "{answer:?}");
}

#[tokio::test]
async fn a_table_that_does_not_answer_asks_for_a_repeat() {
    for fault in [Fault::BeforeLeaving, Fault::AfterEffect, Fault::Throttle] {
        let suite = suite().await;
        let mut visitor = Visitor::new("v1");
        let batch = visitor.form(suite.now(), "inquiry", &json!({"email": "ann@acme.example"}));
        beacon(&suite, &Visitor::new("v0").page(suite.now(), "/", "Home", 0)).await;
        suite.client().faults().lay([Planned::nth("track", Service::DynamoDb, "TransactWriteItems", 1, fault)]);
        let body = json!({"writeKey": write_key(&suite), "batch": batch}).to_string();
        let response = send(&suite, from_site("/v1/batch"), body).await;
        assert_eq!(response.headers()["retry-after"], "5");
        assert_eq!(refusal(response).await, refused(503, "try_later"), "{fault:?}");
        let calls = suite.client().record().calls();
        assert!(calls.iter().any(|call| call.outcome != Outcome::Answered));
        assert_eq!(beacon(&suite, &batch).await.status, StatusCode::OK);
        suite.settle().await.unwrap();
        let (_, lead) = lead_of(&suite, &visitor).await;
        assert_eq!(lead.interest.reasons.len(), 1, "{fault:?}");
    }
}
