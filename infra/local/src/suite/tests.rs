//! With small functions of the tests' own, over the real template.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_types::SdkConfig;
use axum::body::Body;
use axum::routing::post;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use michi::io::{BatchResponse, Error, Trigger};

use super::functions::{Started, events};
use super::*;
use crate::client::{Fault, Planned, Service};

fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// `track` appends, `score` owes a message an hour ahead, `notify` drops what is due.
fn small(name: &str, app: App, sdk: &SdkConfig) -> Option<Started> {
    let tables = aws_sdk_dynamodb::Client::new(sdk);
    Some(match name {
        "track" => Started::Http(Router::new().route("/v1/batch", post(async move |id: String| track(&tables, &id).await))),
        "score" => Started::Events(events(move |trigger| {
            let (tables, app) = (tables.clone(), app.clone());
            async move { score(&tables, &app, trigger).await }
        })),
        "notify" => Started::Events(events(move |trigger| {
            let (tables, app) = (tables.clone(), app.clone());
            async move { notify(&tables, &app, trigger).await }
        })),
        "step" | "relay" => Started::Events(events(async |_: Trigger| Ok(BatchResponse::default()))),
        "feedback" => Started::Events(events(async |_: serde_json::Value| Ok(()))),
        "answer" => Started::Http(Router::new()),
        _ => return None,
    })
}

async fn track(tables: &aws_sdk_dynamodb::Client, id: &str) -> (StatusCode, String) {
    if id == "bad" {
        return (StatusCode::BAD_REQUEST, r#"{"success":false,"code":"nul","message":"take the NUL out"}"#.to_owned());
    }
    let put = tables.put_item().table_name("Activities").item("pk", s("visitor#1")).item("sk", s(id)).item("wake", s("hint"));
    match put.send().await {
        Ok(_) => (StatusCode::OK, r#"{"success":true}"#.to_owned()),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
    }
}

async fn score(tables: &aws_sdk_dynamodb::Client, app: &App, trigger: Trigger) -> Result<BatchResponse, Error> {
    let mut response = BatchResponse::default();
    let Trigger::Stream(event) = trigger else { return Ok(response) };
    for record in &event.records {
        let due = app.clock.now() + SignedDuration::from_hours(1);
        let put = tables.put_item().table_name("Leads").item("pk", s("owner#1")).item("sk", s("message#1"));
        let put = put.item("due_part", s("notify.0.0")).item("due_at", s(format!("{due:.3}")));
        if put.send().await.is_err() {
            response.failed(record);
        }
    }
    Ok(response)
}

static DROPPED: AtomicU32 = AtomicU32::new(0);

async fn notify(tables: &aws_sdk_dynamodb::Client, app: &App, trigger: Trigger) -> Result<BatchResponse, Error> {
    if let Trigger::Tick(_) = trigger {
        let now = format!("{:.3}", app.clock.now());
        let query =
            tables.query().table_name("Leads").index_name("due").key_condition_expression("due_part = :p AND due_at <= :n");
        let query = query.expression_attribute_values(":p", s("notify.0.0")).expression_attribute_values(":n", s(now));
        let due = query.send().await.map_err(|error| Error::later(error.to_string()))?;
        for item in due.items() {
            let update = tables.update_item().table_name("Leads").key("pk", item["pk"].clone()).key("sk", item["sk"].clone());
            let update = update.update_expression("REMOVE due_part, due_at").send().await;
            update.map_err(|error| Error::later(error.to_string()))?;
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
    Ok(BatchResponse::default())
}

async fn suite(options: Options) -> Suite {
    Suite::start_with(options, small).await.unwrap()
}

async fn post_batch(suite: &Suite, id: &str) -> StatusCode {
    let request = Request::post("/v1/batch").header("origin", "http://site.example").body(Body::from(id.to_owned())).unwrap();
    suite.request(request).await.status()
}

#[tokio::test]
async fn a_request_goes_through_streams_and_schedules() {
    let suite = suite(Options::test()).await;
    let began = suite.now();
    assert_eq!(post_batch(&suite, "1").await, StatusCode::OK);
    assert_eq!(suite.leftovers().unwrap(), ["records in a stream"]);
    assert_eq!(suite.settle().await.unwrap(), 1);
    let [waiting] = suite.wake_ups(10).unwrap().try_into().unwrap();
    assert_eq!((waiting.function.as_str(), waiting.due), ("notify", began + SignedDuration::from_hours(1)));
    suite.advance(SignedDuration::from_mins(59)).await.unwrap();
    assert_eq!(suite.leftovers().unwrap().len(), 1);
    assert_eq!(suite.advance_to_next_due().await.unwrap(), Some(began + SignedDuration::from_hours(1)));
    assert!(suite.leftovers().unwrap().is_empty());
    assert_eq!(suite.advance_to_next_due().await.unwrap(), None);
    let causes: Vec<_> = suite.runs().into_iter().map(|run| (run.function, run.cause)).collect();
    let started = |function: &str, cause| (function.to_owned(), cause);
    use crate::functions::Cause::{Http, Schedule, Stream};
    assert_eq!(causes, [started("track", Http), started("score", Stream), started("notify", Schedule)]);
}

#[tokio::test]
async fn what_a_function_left_undone_waits_for_the_next_minute() {
    let suite = suite(Options::test()).await;
    let began = suite.now();
    post_batch(&suite, "1").await;
    suite.client().faults().lay([Planned::nth("notify", Service::DynamoDb, "Query", 1, Fault::BeforeLeaving)]);
    let left = suite.finish(SignedDuration::from_hours(2)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(suite.now(), began + SignedDuration::from_mins(61));
    let failed: Vec<_> = suite.runs().into_iter().filter_map(|run| run.error).collect();
    assert_eq!(failed.len(), 1);
}

#[tokio::test]
async fn a_crashed_request_is_answered_like_a_lost_function() {
    let suite = suite(Options::test()).await;
    suite.client().faults().lay([Planned::call(1, Fault::CrashAfter)]);
    assert_eq!(post_batch(&suite, "1").await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(suite.runs().last().unwrap().error.as_deref(), Some("track ended by a crash of the fault schedule"));
    assert_eq!(suite.items("Activities").unwrap().len(), 1);
}

#[tokio::test]
async fn what_an_origin_sent_last_is_seen_with_the_remedy() {
    let suite = suite(Options::test()).await;
    post_batch(&suite, "1").await;
    post_batch(&suite, "bad").await;
    let observed = suite.observed();
    let beacon = observed.origins.get("http://site.example").unwrap();
    assert_eq!(beacon.last, Some(suite.now()));
    let [refused] = beacon.refusals.as_slice() else { panic!("{beacon:?}") };
    assert_eq!((refused.status, refused.code.as_str(), refused.message.as_str()), (400, "nul", "take the NUL out"));
    let unknown = suite.request(Request::get("/nothing").body(Body::empty()).unwrap()).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_data_folder_keeps_items_positions_clock_and_keys() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { data: Some(folder.path().join("data")), seed: None, ..Options::test() };
    let first = suite(options()).await;
    let keys = first.own().keys.to_json();
    post_batch(&first, "1").await;
    first.advance(SignedDuration::from_mins(30)).await.unwrap();
    post_batch(&first, "2").await;
    let now = first.now();
    let taken = Suite::start_with(options(), small).await.unwrap_err().to_string();
    assert!(taken.contains("in use by another michi"), "{taken}");
    drop(first);
    let again = suite(options()).await;
    assert_eq!((again.now(), again.own().keys.to_json()), (now, keys));
    assert_eq!(again.settle().await.unwrap(), 1, "the second record alone");
    assert_eq!(again.wake_ups(10).unwrap().len(), 1);
}

/// What a killed process leaves are the files as they stand; a suite over a copy of them goes on from there.
#[tokio::test]
async fn a_killed_process_loses_nothing_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    let killed = suite(Options { data: Some(data.clone()), ..Options::test() }).await;
    post_batch(&killed, "1").await;
    killed.settle().await.unwrap();
    killed.advance(SignedDuration::from_mins(10)).await.unwrap();
    post_batch(&killed, "2").await;
    std::fs::create_dir(&copy).unwrap();
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
    }
    let again = suite(Options { data: Some(copy), ..Options::test() }).await;
    assert_eq!((again.now(), again.items("Activities").unwrap()), (killed.now(), killed.items("Activities").unwrap()));
    assert_eq!(again.settle().await.unwrap(), 1);
    assert_eq!(again.runs().len(), 1, "what was handed over before is not handed over again");
}

#[tokio::test]
async fn what_is_no_database_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("michi.sqlite"), "this is no database, whatever its name says").unwrap();
    let options = Options { data: Some(folder.path().to_owned()), ..Options::test() };
    let error = Suite::start_with(options, small).await.unwrap_err().to_string();
    assert!(error.contains("is no database of michi's") && error.contains("--data"), "{error}");
}

#[tokio::test]
async fn a_template_with_another_function_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, crate::template::TEMPLATE.replace("../functions/answer", "../functions/console")).unwrap();
    let options = Options { template: Some(path.clone()), ..Options::test() };
    let error = Suite::start_with(options, small).await.unwrap_err().to_string();
    assert!(error.contains("a function Answer (console), which this program has not"), "{error}");
    std::fs::write(&path, "Resources:\n  X:\n    Type: AWS::Fancy::Thing\n    Properties: {}\n").unwrap();
    let options = Options { template: Some(path.clone()), ..Options::test() };
    let error = Suite::start_with(options, small).await.unwrap_err().to_string();
    assert_eq!(error, format!("{}:2:3: `X` is a AWS::Fancy::Thing, which the local suite cannot wire", path.display()));
}

#[tokio::test]
async fn a_broken_playbook_is_shown_and_the_one_before_stays() {
    let folder = tempfile::tempdir().unwrap();
    use michi::playbook::authoring::Part;
    for part in Part::ALL {
        std::fs::write(folder.path().join(part.file_name()), part.default_text()).unwrap();
    }
    let suite = suite(Options { playbook: Some(folder.path().to_owned()), ..Options::test() }).await;
    let before = suite.app("track").unwrap().playbook().await.unwrap().version;
    let file = folder.path().join("playbook.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("language: en", "language: tlh")).unwrap();
    suite.reload_playbook().await.unwrap();
    assert!(suite.desk().mistakes().unwrap().contains("playbook.yaml"), "{:?}", suite.desk().mistakes());
    assert_eq!(suite.app("track").unwrap().playbook().await.unwrap().version, before);
    std::fs::write(&file, text.replace("language: en", "language: ja")).unwrap();
    suite.reload_playbook().await.unwrap();
    assert_eq!(suite.desk().mistakes(), None);
    assert_ne!(suite.app("track").unwrap().playbook().await.unwrap().version, before);
}

#[tokio::test]
async fn at_speed_the_clock_jumps_from_one_due_thing_to_the_next() {
    let options = Options { pace: Pace::Fast(86_400.0), ..Options::test() };
    let suite = suite(options).await;
    let put = |name: &str, at: jiff::Timestamp| {
        let item = serde_json::json!({ "pk": { "S": name }, "sk": { "S": "message#1" }, "due_part": { "S": "notify.0.0" },
            "due_at": { "S": format!("{at:.3}") } });
        suite.dynamo().call("PutItem", serde_json::json!({ "TableName": "Leads", "Item": item }))
    };
    let began = suite.now();
    for (name, hours) in [("owner#1", 6), ("owner#2", 18)] {
        assert_eq!(put(name, began + SignedDuration::from_hours(hours)).status, 200);
    }
    let done = async {
        while !suite.wake_ups(1).unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = suite.live() => {}
        () = done => {}
        () = tokio::time::sleep(std::time::Duration::from_secs(20)) => panic!("{:?} at {}", suite.wake_ups(9), suite.now()),
    }
    let ticks: Vec<_> = suite.runs().into_iter().map(|run| run.at.duration_since(began).as_hours()).collect();
    assert_eq!(ticks, [6, 18]);
}

/// michi's own functions, on the default playbook: a page view is taken and leaves nothing to do.
#[tokio::test]
async fn michis_own_functions_run() {
    let suite = Suite::start(Options::test()).await.unwrap();
    let playbook = suite.desk().playbook().clone();
    let message = serde_json::json!({
        "type": "page", "messageId": "m-1", "anonymousId": "0f8fad5b-d9cb-469f-a165-70867728950e", "timestamp": suite.now().to_string(),
        "properties": { "url": "http://127.0.0.1:7070/pricing", "title": "Pricing", "page_view": "p-1" },
    });
    let batch =
        serde_json::json!({ "writeKey": playbook.setup.write_key, "sentAt": suite.now().to_string(), "batch": [message] });
    let request = Request::post("/v1/batch").header("origin", "http://127.0.0.1:7070").header("content-type", "application/json");
    let request = request.header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0");
    let response = suite.request(request.body(Body::from(batch.to_string())).unwrap()).await;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
    suite.settle().await.unwrap();
    assert_eq!(suite.items("Activities").unwrap().len(), 1);
    assert_eq!(suite.leftovers().unwrap(), Vec::<String>::new());
}
