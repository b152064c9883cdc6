//! The console over a suite with michi's own functions, in memory.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use michi::playbook::authoring::Part;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;
use crate::{Fault, Mishap, Options, Planned, Service};

/// Everything that hostile text may try on a page: markup, quotes, template braces, line breaks, marks of direction.
const HOSTILE: &str = "<script>alert(1)</script>\"'&{{x}}\r\n\u{202e}txt.exe";
const PAGES: [&str; 9] = [
    "/_michi",
    "/_michi/mailbox",
    "/_michi/leads",
    "/_michi/messages",
    "/_michi/wake-ups",
    "/_michi/facts",
    "/_michi/beacons",
    "/_michi/wiring",
    "/_michi/clock",
];

struct Visitor {
    suite: Suite,
    router: Router,
}

impl Visitor {
    async fn start(options: Options) -> Self {
        let suite = Suite::start(options).await.unwrap();
        Self { router: router(suite.clone()), suite }
    }

    async fn new() -> Self {
        Self::start(Options::test()).await
    }

    /// Sends the beacons of somebody who reads the prices and then inquires, and lets what follows happen.
    async fn inquire(&self, number: u32, name: &str, company: &str) {
        let now = self.suite.now();
        let message = |id: u32, mut message: Value| {
            message["messageId"] = json!(format!("message-{number}-{id}"));
            message["anonymousId"] = json!(format!("visitor-{number}"));
            message["timestamp"] = json!(now.to_string());
            message
        };
        let (url, page_view) = ("http://127.0.0.1:7070/pricing", format!("view-{number}"));
        let page = json!({ "type": "page", "properties": { "url": url, "title": "料金 | 道", "page_view": page_view } });
        let email = format!("ann{number}@buyer{number}.example");
        let fields = json!({ "email": email, "name": name, "company": company, "role": "Head of purchasing" });
        let form = json!({ "type": "track", "event": "Form Submitted",
            "properties": { "page_view": page_view, "url": url, "form": "inquiry", "fields": fields } });
        let batch = json!({ "writeKey": "pk_demo", "sentAt": now.to_string(), "batch": [message(1, page), message(2, form)] });
        assert_eq!(self.send("http://127.0.0.1:7070", &batch).await, StatusCode::OK);
        self.suite.settle().await.unwrap();
    }

    async fn send(&self, origin: &str, batch: &Value) -> StatusCode {
        let request = Request::post("/v1/batch").header(header::ORIGIN, origin).header(header::CONTENT_TYPE, "text/plain");
        let request = request.header(header::USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0");
        self.suite.request(request.body(Body::from(batch.to_string())).unwrap()).await.status()
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> (StatusCode, HeaderMap, String) {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    async fn page(&self, path: &str) -> String {
        let (status, headers, body) = self.get(path).await;
        assert_eq!(
            (status, headers[header::CONTENT_TYPE].as_bytes()),
            (StatusCode::OK, &b"text/html; charset=utf-8"[..]),
            "{path}"
        );
        body
    }

    async fn json(&self, path: &str) -> Value {
        let (status, headers, body) = self.get(path).await;
        assert_eq!(
            (status, headers[header::CONTENT_TYPE].as_bytes()),
            (StatusCode::OK, &b"application/json"[..]),
            "{path}: {body}"
        );
        serde_json::from_str(&body).unwrap()
    }

    /// Presses a button on the clock's page.
    async fn press(&self, form: &str, accept: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::post("/_michi/clock").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.header(header::ACCEPT, accept).body(Body::from(form.to_owned())).unwrap()).await
    }

    async fn token(&self) -> String {
        let page = self.page("/_michi/clock").await;
        page.split_once("name=\"token\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned()
    }
}

#[tokio::test]
async fn every_page_answers_before_and_after_something_happened() {
    let visitor = Visitor::new().await;
    for path in PAGES {
        visitor.page(path).await;
    }
    visitor.inquire(1, "佐藤 安奈", "株式会社サンプル").await;
    for path in PAGES {
        visitor.page(path).await;
        let json = if path == "/_michi" { "/_michi/health.json".to_owned() } else { format!("{path}.json") };
        let now = visitor.json(&json).await["now"].clone();
        assert_eq!(now, json!(visitor.suite.now()), "{json}");
    }
    assert!(visitor.page("/_michi/").await.contains("Playbook in use"));
}

#[tokio::test]
async fn nobody_keeps_an_answer_and_nothing_in_it_runs() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, "Ann", "Buyer").await;
    let all = PAGES.into_iter().chain(["/_michi/style.css", "/_michi/leads.json", "/_michi/none", "/_michi/leads/none"]);
    for path in all {
        let (_, headers, body) = visitor.get(path).await;
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            // With no-referrer, browsers would send forms with the origin `null`, which the server refuses.
            ("referrer-policy", "same-origin"),
        ] {
            assert_eq!(headers.get_all(name).iter().collect::<Vec<_>>(), [value], "{path} {name}");
        }
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("script"), "{path}: {policy}");
        assert!(!body.contains("<script") && !body.contains("<style") && !body.contains(" style="), "{path}");
        let handler = |rest: &str| rest.trim_start_matches(|c: char| c.is_ascii_alphabetic()).starts_with('=');
        assert!(!body.split(" on").skip(1).any(handler), "{path}");
    }
}

#[tokio::test]
async fn a_mail_is_listed_newest_first_and_shown_in_a_sandbox() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, "佐藤 安奈", "株式会社サンプル").await;
    visitor.suite.advance(SignedDuration::from_hours(1)).await.unwrap();
    visitor.inquire(2, "Ann", "Buyer").await;
    let mailbox = visitor.json("/_michi/mailbox.json").await;
    assert_eq!((&mailbox["count"], mailbox["mails"].as_array().unwrap().len()), (&json!(2), 2));
    let [newest, oldest] = [0, 1].map(|n| &mailbox["mails"][n]);
    assert!(newest["at"].as_str() > oldest["at"].as_str());
    assert!(newest["to"][0].as_str().unwrap().contains("sales@tsumugi-works.example"), "{newest}");
    assert_eq!(visitor.json("/_michi/mailbox.json?limit=1").await["mails"], json!([newest]));

    let (id, lead) = (oldest["id"].as_str().unwrap(), oldest["tags"]["lead"].as_str().unwrap());
    let list = visitor.page("/_michi/mailbox").await;
    assert!(list.contains(&format!("href=\"/_michi/mailbox/{id}\"")) && list.contains("佐藤 安奈"), "{list}");
    let page = visitor.page(&format!("/_michi/mailbox/{id}")).await;
    let sandbox = "sandbox=\"allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation\"";
    assert!(page.contains(&format!("src=\"/_michi/mailbox/{id}/html\" {sandbox}")), "{page}");
    assert!(page.contains(&format!("href=\"/_michi/leads/{lead}\"")), "{page}");
    let whole = visitor.json(&format!("/_michi/mailbox/{id}.json")).await;
    let (status, headers, html) = visitor.get(&format!("/_michi/mailbox/{id}/html")).await;
    assert_eq!((status, headers["x-frame-options"].as_bytes()), (StatusCode::OK, &b"SAMEORIGIN"[..]));
    assert_eq!(html.replace("<base target=\"_top\">", ""), whole["html"].as_str().unwrap());
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("sandbox allow-popups ") && policy.contains("; default-src 'none'; style-src 'unsafe-inline';"));
    assert!(!policy.contains("allow-scripts") && !policy.contains("allow-same-origin"), "{policy}");

    let text = visitor.page(&format!("/_michi/mailbox/{id}?part=text")).await;
    let first = whole["text"].as_str().unwrap().lines().next().unwrap();
    assert!(text.contains(&format!("<pre class=\"text\">{first}")) && !text.contains("<iframe"), "{text}");
    assert!(text.contains("<a href=\"http://127.0.0.1:7070/view/"), "{text}");
    let raw = visitor.page(&format!("/_michi/mailbox/{id}?part=headers")).await;
    assert!(raw.contains("(SES message id)") && raw.contains(id), "{raw}");
    assert_eq!(visitor.get(&format!("/_michi/mailbox/{id}?part=none")).await.0, StatusCode::BAD_REQUEST);
    for path in ["/_michi/mailbox/none", "/_michi/mailbox/none.json", "/_michi/mailbox/none/html"] {
        assert_eq!(visitor.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn leads_stand_by_what_they_are_worth_now() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, "First", "One").await;
    visitor.suite.advance(SignedDuration::from_hours(30 * 24)).await.unwrap();
    visitor.inquire(2, "Second", "Two").await;
    let leads = visitor.json("/_michi/leads.json").await;
    let [second, first] = [0, 1].map(|n| &leads["leads"][n]);
    assert_eq!((&second["name"], &first["name"]), (&json!("Second"), &json!("First")));
    let worth = |lead: &Value| (lead["interest"].as_f64().unwrap() * 1000.0).round() / 1000.0;
    assert_eq!((worth(second), worth(first)), (60.0, 30.0), "a half-life is 30 days");
    assert_eq!(leads["counts"], json!({ "mql": 2 }));
    assert_eq!(second["cell"], "B1");

    let page = visitor.page("/_michi/leads").await;
    assert!(page.find("Second").unwrap() < page.find("First").unwrap());
    assert!(page.contains("<td data-label=\"Interest\" class=\"number\">30.0</td>"), "{page}");
    assert_eq!(visitor.json("/_michi/leads.json?stage=mql&limit=1").await["leads"].as_array().unwrap().len(), 1);
    assert_eq!(visitor.json("/_michi/leads.json?stage=customer").await["leads"], json!([]));
    assert!(visitor.page("/_michi/leads?stage=customer").await.contains("No lead stands there."));
    assert!(visitor.page("/_michi/leads?limit=1").await.contains("hottest first: 1 of 2"));
    let (status, _, body) = visitor.get("/_michi/leads.json?stage=warm").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body.contains("lead, mql, sal"), "{body}");
}

#[tokio::test]
async fn a_lead_without_a_name_stands_under_its_address() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, "", "").await;
    assert_eq!(visitor.json("/_michi/leads.json").await["leads"][0]["name"], Value::Null);
    let page = visitor.page("/_michi/leads").await;
    assert!(page.contains("<bdi>ann1@buyer1.example</bdi></a>"), "{page}");
}

#[tokio::test]
async fn a_lead_leads_to_the_page_that_sales_sees() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, "Ann", "Buyer").await;
    let lead = &visitor.json("/_michi/leads.json").await["leads"][0];
    let id = lead["id"].as_str().unwrap();
    let (status, headers, _) = visitor.get(&format!("/_michi/leads/{id}")).await;
    assert_eq!((status, headers[header::LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, lead["view"].as_str().unwrap()));
    let view = Request::get(lead["view"].as_str().unwrap()).body(Body::empty()).unwrap();
    assert_eq!(visitor.suite.request(view).await.status(), StatusCode::OK);
    assert!(visitor.page("/_michi/leads").await.contains(&format!("<a href=\"{}\">", lead["view"].as_str().unwrap())));

    let whole = visitor.json(&format!("/_michi/leads/{id}.json")).await;
    assert_eq!((&whole["summary"], &whole["lead"]["stage"]), (lead, &json!("mql")));
    let kinds: Vec<&str> = whole["records"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|record| record["activities"].as_array().unwrap())
        .map(|activity| activity["kind"].as_str().unwrap())
        .collect();
    for kind in ["page_viewed", "form_submitted", "visitor_linked", "stage_moved", "mail_sent"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    for path in ["/_michi/leads/none", "/_michi/leads/none.json", "/_michi/leads/a%20b", "/_michi/leads/a%23b.json"] {
        assert_eq!(visitor.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn leads_of_an_earlier_playbook_are_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    for part in Part::ALL {
        std::fs::write(folder.path().join(part.file_name()), part.default_text()).unwrap();
    }
    let visitor = Visitor::start(Options { playbook: Some(folder.path().to_owned()), ..Options::test() }).await;
    visitor.inquire(1, "Before", "One").await;
    let scoring = folder.path().join("scoring.yaml");
    let text = std::fs::read_to_string(&scoring).unwrap();
    assert!(text.contains("half_life: 30d"));
    std::fs::write(&scoring, text.replace("half_life: 30d", "half_life: 20d")).unwrap();
    visitor.suite.reload_playbook().await.unwrap();
    let leads = visitor.json("/_michi/leads.json").await;
    assert_eq!((leads["leads"].as_array().unwrap().len(), leads["leads"][0]["interest"].as_f64().unwrap().round()), (1, 60.0));
    assert!(visitor.page("/_michi/leads").await.contains("scored by an earlier playbook"));
}

#[tokio::test]
async fn hostile_text_stays_text() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, HOSTILE, HOSTILE).await;
    let mail = visitor.json("/_michi/mailbox.json").await["mails"][0]["id"].as_str().unwrap().to_owned();
    let mail = ["html", "text", "headers"].map(|part| format!("/_michi/mailbox/{mail}?part={part}"));
    let mut shown = 0;
    for path in PAGES.into_iter().map(str::to_owned).chain(mail) {
        let page = visitor.page(&path).await;
        assert!(!page.contains("<script") && !page.contains('\u{202e}') && !page.contains('\r'), "{path}: {page}");
        shown += page.matches("&#60;script&#62;alert(1)").count();
    }
    assert!(shown >= 4, "it is shown {shown} times");
    let lead = &visitor.json("/_michi/leads.json").await["leads"][0];
    assert!(lead["name"].as_str().unwrap().contains("<script>alert(1)</script>"), "{lead}");
}

#[tokio::test]
async fn the_clock_moves_only_for_this_process_own_form() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, "Ann", "Buyer").await;
    let (began, token) = (visitor.suite.now(), visitor.token().await);
    let wrong = format!("{}x", token.get(1..).unwrap());
    for bad in ["by=hour".to_owned(), "token=&by=hour".to_owned(), format!("token={wrong}&by=hour")] {
        let (status, _, body) = visitor.press(&bad, "text/html").await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{bad}");
        assert!(body.starts_with("<!doctype html>") && body.contains("load the page again"), "{body}");
        let (status, _, body) = visitor.press(&bad, "application/json").await;
        let error: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &error["success"], &error["error"]["code"]),
            (StatusCode::FORBIDDEN, &json!(false), &json!("wrong_token"))
        );
    }
    let press = async |by: &str| {
        let (status, headers, body) = visitor.press(&format!("token={token}&by={by}"), "text/html").await;
        assert_eq!((status, headers[header::LOCATION].as_bytes()), (StatusCode::SEE_OTHER, &b"/_michi/clock"[..]), "{body}");
        visitor.suite.now()
    };
    assert_eq!(visitor.suite.now(), began);
    let due: Timestamp = visitor.json("/_michi/clock.json").await["next_due"]["due"].as_str().unwrap().parse().unwrap();
    assert_eq!(press("next").await, due);
    assert_eq!(press("hour").await, due + SignedDuration::from_hours(1));
    assert_eq!(press("day").await, due + SignedDuration::from_hours(25));
    assert_eq!(press("week").await, due + SignedDuration::from_hours(25 + 7 * 24));
    let (status, ..) = visitor.press(&format!("token={token}&by=year"), "text/html").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn only_the_clock_takes_a_post() {
    let visitor = Visitor::new().await;
    for path in ["/_michi", "/_michi/leads", "/_michi/mailbox.json", "/_michi/nothing"] {
        let request = Request::builder().method(Method::POST).uri(path).body(Body::empty()).unwrap();
        let (status, _, body) = visitor.ask(request).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert!(body.contains("only the clock takes a POST"), "{body}");
    }
    let (status, _, body) = visitor.get("/_michi/nothing.json").await;
    let error: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &error["error"]["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    assert_eq!(visitor.get("/_michi/leads?limit=many").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_nobody_answered_is_held_in_sight() {
    let visitor = Visitor::new().await;
    let unanswered = [1, 2].map(|n| Planned::nth("notify", Service::Ses, "SendEmail", n, Fault::AfterEffect));
    visitor.suite.client().faults().lay(unanswered);
    // Nor does SES tell of them.
    visitor.suite.mailbox().reports().lay_random(1, 100, &[Mishap::Lost]);
    visitor.inquire(1, "Ann", "Buyer").await;
    let messages = visitor.json("/_michi/messages.json").await;
    assert_eq!((&messages["unknown"], &messages["messages"][0]["state"]["is"]), (&json!(1), &json!("unknown")));
    assert!(visitor.page("/_michi/messages").await.contains("1 may have been sent"));
    let health = visitor.json("/_michi/health.json").await;
    assert_eq!((&health["ok"], &health["queues"]["held_messages"]), (&json!(true), &json!(0)), "{health}");

    visitor.suite.advance(SignedDuration::from_mins(10)).await.unwrap();
    visitor.inquire(2, "Bob", "Seller").await;
    let messages = visitor.json("/_michi/messages.json").await;
    let states: Vec<_> = messages["messages"].as_array().unwrap().iter().map(|message| &message["state"]["is"]).collect();
    assert_eq!((&messages["held"], states), (&json!(1), vec![&json!("held"), &json!("sent")]), "held ones stand first");
    let page = visitor.page("/_michi/messages").await;
    assert!(page.contains("1 held") && page.contains("no answer"), "{page}");
    let queues = visitor.json("/_michi/wake-ups.json").await;
    assert_eq!((&queues["held"][0]["what"], &queues["held"][0]["overdue"]), (&json!("message"), &json!(false)));
    assert!(visitor.page("/_michi/wake-ups").await.contains("Held: a person must look"));
    let health = visitor.json("/_michi/health.json").await;
    assert_eq!((&health["ok"], &health["queues"]["held_messages"]), (&json!(false), &json!(1)), "{health}");
    let next = visitor.json("/_michi/clock.json").await["next_due"].clone();
    assert_ne!(next["function"], "held", "nobody sweeps what is held");
}

#[tokio::test]
async fn what_waits_too_long_and_what_cannot_be_read_is_in_sight() {
    let visitor = Visitor::new().await;
    let now = visitor.suite.now();
    let put = |item: Value| {
        let answer = visitor.suite.dynamo().call("PutItem", json!({ "TableName": "Leads", "Item": item }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let due = |name: &str, minutes: i64| {
        let at = format!("{:.3}", now - SignedDuration::from_mins(minutes));
        put(json!({ "pk": { "S": "lead#x" }, "sk": { "S": name }, "due_part": { "S": "relay.0.0" }, "due_at": { "S": at } }));
    };
    due("fact#late", 3);
    due("wake#now", 1);
    put(json!({ "pk": { "S": "owner#x" }, "sk": { "S": "message#x" } }));
    visitor.suite.own().store.quarantine("poison", "{\"a\":\"\u{202e}\"}", "not as it should be", now).await.unwrap();
    let queues = visitor.json("/_michi/wake-ups.json").await;
    let waiting = [0, 1].map(|n| (&queues["waiting"][n]["what"], &queues["waiting"][n]["overdue"]));
    assert_eq!(waiting, [(&json!("fact"), &json!(true)), (&json!("activity"), &json!(false))]);
    assert_eq!(queues["quarantine"][0]["id"], "poison");
    let page = visitor.page("/_michi/wake-ups").await;
    assert!(page.contains("overdue</b>") && page.contains("not as it should be") && page.contains("⟨U+202E⟩"), "{page}");
    assert_eq!(visitor.json("/_michi/messages.json").await["unreadable"], json!(1));
    let health = visitor.json("/_michi/health.json").await;
    let queues = json!({ "waiting": 2, "overdue": 1, "held_messages": 0, "held_enrollments": 0, "held_facts": 0, "given_up": 0, "quarantined": 1,
        "suspects": 0 });
    assert_eq!((&health["ok"], &health["queues"]), (&json!(false), &queues));
}

#[tokio::test]
async fn a_refusal_comes_with_its_remedy() {
    let visitor = Visitor::new().await;
    let batch = json!({ "writeKey": "pk_demo", "batch": [] });
    assert_eq!(visitor.send("https://shop.example", &batch).await, StatusCode::FORBIDDEN);
    assert_eq!(
        visitor.send("http://127.0.0.1:7070", &json!({ "writeKey": "pk_old", "batch": [{}] })).await,
        StatusCode::UNAUTHORIZED
    );
    let beacons = visitor.json("/_michi/beacons.json").await;
    let of = |origin: &str| {
        let found = beacons["beacons"].as_array().unwrap().iter().find(|beacon| beacon["origin"] == origin);
        found.unwrap().clone()
    };
    let shop = of("https://shop.example");
    assert_eq!((&shop["allowed"], &shop["refusals"][0]["code"]), (&json!(false), &json!("origin_not_listed")));
    assert_eq!(shop["refusals"][0]["remedy"], "add it to playbook.yaml under sites, as in `- origin: https://shop.example`");
    assert!(of("http://127.0.0.1:7070")["refusals"][0]["remedy"].as_str().unwrap().contains("`pk_demo`"));
    let page = visitor.page("/_michi/beacons").await;
    assert!(page.contains("- origin: https://shop.example") && page.contains("not in the playbook"), "{page}");
}

#[tokio::test]
async fn a_broken_playbook_is_shown_in_full() {
    let folder = tempfile::tempdir().unwrap();
    for part in Part::ALL {
        std::fs::write(folder.path().join(part.file_name()), part.default_text()).unwrap();
    }
    let visitor = Visitor::start(Options { playbook: Some(folder.path().to_owned()), ..Options::test() }).await;
    let before = visitor.json("/_michi/health.json").await["playbook"].clone();
    assert_eq!((&before["folder"], &before["error"]), (&json!(folder.path()), &Value::Null));
    let file = folder.path().join("playbook.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("language: en", "language: <tlh>")).unwrap();
    visitor.suite.reload_playbook().await.unwrap();
    let health = visitor.json("/_michi/health.json").await;
    let error = health["playbook"]["error"].as_str().unwrap();
    assert_eq!((&health["ok"], &health["playbook"]["version"]), (&json!(false), &before["version"]));
    let page = visitor.page("/_michi").await;
    let shown = page.split_once("<pre class=\"mistakes\">").unwrap().1.split_once("</pre>").unwrap().0;
    assert_eq!(
        shown.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'").replace("&#38;", "&"),
        error
    );
    assert!(visitor.page("/_michi/leads").await.contains("See what to mend"));
}

#[tokio::test]
async fn facts_and_wiring_say_what_there_is() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, "Ann", "Buyer").await;
    let facts = visitor.json("/_michi/facts.json").await;
    let kinds: Vec<_> = facts["facts"].as_array().unwrap().iter().map(|fact| fact["detail_type"].as_str().unwrap()).collect();
    assert_eq!(facts["count"], json!(kinds.len()));
    assert!(kinds.contains(&"Lead Stage Moved"), "{kinds:?}");
    let page = visitor.page("/_michi/facts").await;
    assert!(page.contains("<b>Lead Stage Moved</b>") && page.contains("<span>to</span> mql"), "{page}");
    let wiring = visitor.json("/_michi/wiring.json").await;
    let function = |name: &str| {
        let functions = wiring["functions"].as_array().unwrap();
        functions.iter().find(|function| function["name"] == name).unwrap().clone()
    };
    assert!(function("track")["routes"].as_array().unwrap().contains(&json!("POST /v1/batch")), "{wiring}");
    assert_eq!((&function("notify")["schedules"][0]["seconds"], &function("track")["runs"]), (&json!(60), &json!(1)));
    assert_eq!(wiring["runs"].as_array().unwrap().len(), visitor.suite.runs().len());
    let page = visitor.page("/_michi/wiring").await;
    assert!(
        page.contains("POST /v1/batch") && page.contains("every minute") && page.contains("as <code>infra/template.yaml</code>")
    );
}

/// Every page, with what a reader of the sources cannot see: that links lead somewhere.
#[tokio::test]
async fn no_link_leads_nowhere() {
    let visitor = Visitor::new().await;
    visitor.inquire(1, "Ann", "Buyer").await;
    let mail = format!("/_michi/mailbox/{}", visitor.suite.mailbox().mails().first().unwrap().id);
    let mut links = std::collections::BTreeSet::new();
    for path in PAGES.into_iter().chain([mail.as_str()]) {
        let page = visitor.page(path).await;
        for link in page.split("href=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0) {
            let link = link.split('#').next().unwrap();
            links.insert(if link.starts_with('?') { format!("{path}{link}") } else { link.to_owned() });
        }
    }
    assert!(links.len() > 15, "{links:?}");
    for link in links.iter().filter(|link| link.starts_with("/_michi")) {
        let (status, ..) = visitor.get(link).await;
        assert!(status.is_success() || status == StatusCode::SEE_OTHER, "{link}: {status}");
    }
}
