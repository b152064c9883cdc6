//! The server's doors and pages, with michi's own functions behind them.

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode, header};
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::{Options, Pace};

async fn started() -> (Suite, Router) {
    let suite = Suite::start(Options::test()).await.unwrap();
    let router = router(&suite, 7070);
    (suite, router)
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, "127.0.0.1:7070").body(Body::empty()).unwrap()
}

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, http::HeaderMap, String) {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

/// A visitor reads what interests a buyer and leaves an address.
async fn visit(suite: &Suite, router: &Router, name: &str) {
    let now = suite.now();
    let page = |number: usize, path: &str| {
        json!({ "type": "page", "messageId": format!("m-{number}"), "properties": {
            "url": format!("http://127.0.0.1:7070{path}"), "title": path, "page_view": format!("p-{number}") } })
    };
    let form = json!({ "type": "track", "event": "Form Submitted", "messageId": "m-9", "properties": {
        "url": "http://127.0.0.1:7070/white-paper", "page_view": "p-9", "form": "white-paper", "fields": {
            "email": "yamada@big-maker.example", "name": name, "company": "大きな製造", "role": "Director", "industry": "manufacturing",
            "employees": "500" } } });
    let mut batch = vec![page(1, "/cases/gears"), page(2, "/pricing"), page(3, "/cases/sea"), form];
    for message in &mut batch {
        message["anonymousId"] = json!("0f8fad5b-d9cb-469f-a165-70867728950e");
        message["timestamp"] = json!(now.to_string());
    }
    let body = json!({ "writeKey": suite.desk().playbook().setup.write_key, "sentAt": now.to_string(), "batch": batch });
    let request = Request::post("/v1/batch").header(header::HOST, "127.0.0.1:7070").header("content-type", "application/json");
    let request = request.header(header::ORIGIN, "http://127.0.0.1:7070");
    let request = request.header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    let (status, _, body) = ask(router, request.body(Body::from(body.to_string())).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    suite.settle().await.unwrap();
}

#[tokio::test]
async fn only_this_machines_own_names_are_answered() {
    let (_suite, router) = started().await;
    for (host, status) in [
        ("127.0.0.1:7070", StatusCode::OK),
        ("localhost:7070", StatusCode::OK),
        ("LOCALHOST:7070", StatusCode::OK),
        ("127.0.0.1:7071", StatusCode::MISDIRECTED_REQUEST),
        ("rebound.example:7070", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1.nip.example", StatusCode::MISDIRECTED_REQUEST),
    ] {
        for path in ["/_michi/health.json", "/michi.js"] {
            let request = Request::get(path).header(header::HOST, host).body(Body::empty()).unwrap();
            assert_eq!(ask(&router, request).await.0, status, "{host}{path}");
        }
    }
    let nameless = Request::get("/_michi/health.json").body(Body::empty()).unwrap();
    assert_eq!(ask(&router, nameless).await.0, StatusCode::MISDIRECTED_REQUEST);
}

#[tokio::test]
async fn the_console_answers_only_to_its_own_pages() {
    let (_suite, router) = started().await;
    let asked = async |origin: Option<&str>, fetch: &[(&str, &str)]| {
        let mut request = get("/_michi/leads.json");
        if let Some(origin) = origin {
            request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
        }
        for (name, value) in fetch {
            request.headers_mut().insert(http::HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
        }
        ask(&router, request).await.0
    };
    assert_eq!(asked(None, &[]).await, StatusCode::OK);
    assert_eq!(asked(Some("http://localhost:7070"), &[]).await, StatusCode::OK);
    for origin in ["https://elsewhere.example", "null", "https://127.0.0.1:7070", "http://127.0.0.1:70700"] {
        assert_eq!(asked(Some(origin), &[]).await, StatusCode::FORBIDDEN, "{origin}");
    }
    let embedded = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")];
    assert_eq!(asked(None, &embedded).await, StatusCode::FORBIDDEN);
    let followed = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(asked(None, &followed).await, StatusCode::OK);
}

#[tokio::test]
async fn the_demonstration_site_carries_the_snippet() {
    let (suite, router) = started().await;
    let key = suite.desk().playbook().setup.write_key.to_string();
    for path in ["/", "/ja/", "/ja", "/pricing", "/ja/cases/kansai-precision", "/thanks"] {
        let (status, headers, body) = ask(&router, get(path)).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        assert!(body.contains("http://127.0.0.1:7070/michi.js") && body.contains(&key) && !body.contains("{{"), "{path}");
        assert_eq!(body.contains("<html lang=\"ja\""), path.starts_with("/ja"), "{path}");
    }
    let form =
        Request::post("/ja/thanks").header(header::HOST, "127.0.0.1:7070").body(Body::from("email=a%40b.example")).unwrap();
    assert_eq!(ask(&router, form).await.0, StatusCode::OK, "a form without script is answered");
    let (status, headers, _) = ask(&router, get("/assets/site.css")).await;
    assert_eq!((status, headers[header::CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, "text/css; charset=utf-8"));
    for path in ["/nothing", "/../Cargo.toml", "/en/../../build.rs"] {
        assert_eq!(ask(&router, get(path)).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let form = Request::post("/pricing").header(header::HOST, "127.0.0.1:7070").body(Body::empty()).unwrap();
    assert_eq!(ask(&router, form).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_busy_port_says_so_and_what_to_do() {
    let held = bind(0).await.unwrap();
    let port = held.local_addr().unwrap().port();
    assert!(held.local_addr().unwrap().ip().is_loopback());
    let error = bind(port).await.unwrap_err().to_string();
    assert!(error.contains(&format!("port {port} is in use")) && error.contains("--port"), "{error}");
}

/// Served over a real connection, with a clock at real pace: the alert is there within a moment.
#[tokio::test(flavor = "multi_thread")]
async fn it_runs_by_itself() {
    let listener = bind(0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options { pace: Pace::Real, collector_url: format!("http://127.0.0.1:{port}"), ..Options::test() };
    let suite = Suite::start(options).await.unwrap();
    let served = suite.clone();
    let serving = tokio::spawn(async move { serve(&served, listener).await });
    let router = router(&suite, 7070);
    let mut arrived = suite.mailbox().arrived();
    visit(&suite, &router, "山田 太郎").await;
    let alert = tokio::time::timeout(std::time::Duration::from_secs(5), arrived.wait_for(|mails| *mails > 0)).await;
    assert!(alert.is_ok(), "{:?} {:?}", suite.leftovers(), suite.runs());
    serving.abort();
}
