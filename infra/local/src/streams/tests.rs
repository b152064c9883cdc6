use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tokio::sync::watch;

use super::*;
use crate::filter::Pattern;
use crate::functions::{Cause, Handler};
use crate::lock::lock;
use crate::template::{Mapping, Table};

/// What a function saw: the sort keys of each batch.
type Seen = Arc<Mutex<Vec<Vec<String>>>>;

struct Fixture {
    dynamo: Arc<Dynamo>,
    streams: Streams,
    seen: Seen,
}

fn mapping() -> Mapping {
    let pattern = r#"{"dynamodb":{"NewImage":{"wake":{"S":[{"exists":true}]}}}}"#;
    Mapping {
        name: "M".to_owned(),
        table: "Things".to_owned(),
        function: "f".to_owned(),
        batch_size: 10,
        bisect: true,
        partial: true,
        retries: Some(2),
        failures: None,
        filters: vec![Pattern::parse(pattern).unwrap()],
        patterns: vec![pattern.to_owned()],
    }
}

fn now() -> Now {
    Arc::new(|| "2026-04-01T09:00:00Z".parse().unwrap())
}

/// A function that sees a batch and answers with what `answer` makes of its records.
fn fixture(
    mapping: Mapping,
    disorder: Option<Disorder>,
    answer: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
) -> Fixture {
    let dynamo = Arc::new(Dynamo::memory(now()).unwrap());
    over(dynamo, mapping, disorder, answer)
}

fn over(
    dynamo: Arc<Dynamo>,
    mapping: Mapping,
    disorder: Option<Disorder>,
    answer: impl Fn(&[Value]) -> Result<Value, String> + Send + Sync + 'static,
) -> Fixture {
    let text = |text: &str| text.to_owned();
    let table = Table {
        name: text("Things"),
        attributes: vec![(text("pk"), text("S")), (text("sk"), text("S"))],
        keys: vec![text("pk"), text("sk")],
        indexes: vec![],
        stream: Some(text("NEW_IMAGE")),
        ttl: Some(text("ttl")),
    };
    dynamo.create(&table).unwrap();
    let seen = Seen::default();
    let sees = Arc::clone(&seen);
    let handler: Handler = Arc::new(move |payload| {
        let records = payload["Records"].as_array().unwrap().clone();
        lock(&sees).push(records.iter().map(|record| text_of(record, "sk")).collect());
        let answer = answer(&records);
        Box::pin(async move { answer })
    });
    let functions = Arc::new(Functions::new(BTreeMap::from([(text("f"), handler)]), watch::Sender::new(0), now()));
    let wiring = Wiring { mappings: vec![mapping], tables: vec![table], ..Wiring::default() };
    let streams = Streams::open(&wiring, &dynamo, functions, now(), disorder, false).unwrap();
    Fixture { dynamo, streams, seen }
}

fn text_of(record: &Value, key: &str) -> String {
    record["dynamodb"]["Keys"][key]["S"].as_str().unwrap().to_owned()
}

fn fine(_: &[Value]) -> Result<Value, String> {
    Ok(json!({ "batchItemFailures": [] }))
}

impl Fixture {
    fn put(&self, pk: &str, sk: &str, more: Value) {
        let mut item = json!({ "pk": { "S": pk }, "sk": { "S": sk } });
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.dynamo.call("PutItem", json!({ "TableName": "Things", "Item": item }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    fn seen(&self) -> Vec<String> {
        lock(&self.seen).iter().map(|batch| batch.join(" ")).collect()
    }
}

fn wake() -> Value {
    json!({ "wake": { "S": "hint" } })
}

#[tokio::test]
async fn the_function_sees_what_its_filter_lets_through() {
    let fixture = fixture(mapping(), None, fine);
    fixture.put("a", "1", wake());
    fixture.put("a", "2", json!({}));
    fixture.put("a", "3", wake());
    assert!(!fixture.streams.is_drained().unwrap());
    assert_eq!(fixture.streams.drain().await.unwrap(), 1);
    assert_eq!(fixture.seen(), ["1 3"]);
    assert!(fixture.streams.is_drained().unwrap());
    assert_eq!(fixture.streams.drain().await.unwrap(), 0);
}

#[tokio::test]
async fn an_identical_put_is_no_change() {
    let fixture = fixture(mapping(), None, fine);
    fixture.put("a", "1", wake());
    fixture.put("a", "1", wake());
    fixture.put("a", "1", json!({ "wake": { "S": "other" } }));
    fixture.streams.drain().await.unwrap();
    assert_eq!(fixture.seen(), ["1 1"]);
}

#[tokio::test]
async fn the_event_has_lambdas_shape() {
    let seen: Arc<Mutex<Option<Value>>> = Arc::default();
    let sees = Arc::clone(&seen);
    let fixture = fixture(mapping(), None, move |records| {
        *lock(&sees) = records.last().cloned();
        fine(records)
    });
    fixture.put("a", "1", wake());
    fixture.put("a", "1", json!({ "wake": { "S": "x" }, "n": { "N": "1.5" } }));
    fixture.streams.drain().await.unwrap();
    let record = lock(&seen).take().unwrap();
    let change = &record["dynamodb"];
    assert_eq!(record["eventName"], "MODIFY");
    assert_eq!(change["NewImage"], json!({ "pk": { "S": "a" }, "sk": { "S": "1" }, "wake": { "S": "x" }, "n": { "N": "1.5" } }));
    assert_eq!(change.get("OldImage"), None);
    assert_eq!(change["ApproximateCreationDateTime"], 1_775_034_000.0);
    let event: aws_lambda_events::event::dynamodb::Event = serde_json::from_value(json!({ "Records": [record] })).unwrap();
    assert_eq!(event.records.first().unwrap().change.sequence_number.as_ref().unwrap().len(), 21);
}

#[tokio::test]
async fn only_what_failed_comes_again() {
    let tries = AtomicUsize::new(0);
    let fixture = fixture(mapping(), None, move |records| {
        let failed = records.iter().find(|record| text_of(record, "sk") == "2" && tries.fetch_add(1, Ordering::SeqCst) == 0);
        let failed: Vec<Value> =
            failed.map(|record| json!({ "itemIdentifier": record["dynamodb"]["SequenceNumber"] })).into_iter().collect();
        Ok(json!({ "batchItemFailures": failed }))
    });
    for sk in ["1", "2", "3"] {
        fixture.put("a", sk, wake());
    }
    fixture.streams.drain().await.unwrap();
    assert_eq!(fixture.seen(), ["1 2 3", "2 3"]);
}

#[tokio::test]
async fn poison_is_cornered_and_given_up() {
    let fixture = fixture(mapping(), None, |records| {
        if records.iter().any(|record| text_of(record, "sk") == "3") { Err("poison".to_owned()) } else { fine(records) }
    });
    for sk in ["1", "2", "3", "4"] {
        fixture.put("a", sk, wake());
    }
    fixture.streams.drain().await.unwrap();
    assert_eq!(fixture.seen(), ["1 2 3 4", "1 2", "3 4", "3", "3", "3", "4"]);
    let abandoned = fixture.streams.abandoned().unwrap();
    let [abandoned] = abandoned.as_slice() else { panic!("{abandoned:?}") };
    assert_eq!((abandoned.reason.as_str(), abandoned.records.len()), ("poison", 1));
    assert!(fixture.streams.is_drained().unwrap());
}

#[tokio::test]
async fn without_halving_the_whole_batch_is_given_up() {
    let fixture = fixture(Mapping { bisect: false, ..mapping() }, None, |_| Err("no".to_owned()));
    fixture.put("a", "1", wake());
    fixture.put("a", "2", wake());
    fixture.streams.drain().await.unwrap();
    assert_eq!(fixture.seen(), ["1 2", "1 2", "1 2"]);
    assert_eq!(fixture.streams.abandoned().unwrap().first().unwrap().records.len(), 2);
}

#[tokio::test]
async fn a_panic_fails_the_batch_like_an_error() {
    let fixture = fixture(mapping(), None, |_| Ok(json!({})));
    let handler: Handler = Arc::new(|_| Box::pin(async { panic!("a test's panic") }));
    let functions = Functions::new(BTreeMap::from([("f".to_owned(), handler)]), watch::Sender::new(0), now());
    let error = functions.start("f", Cause::Stream, json!({})).await.unwrap_err();
    assert_eq!((error.as_str(), functions.runs().len(), *functions.running().borrow()), ("f panicked", 1, 0));
    drop(fixture);
}

#[tokio::test]
async fn shards_come_in_any_order_but_each_in_its_own() {
    let run = async |seed| {
        let disorder = Disorder { seed, shards: 3, redelivered_percent: 30 };
        let fixture = fixture(Mapping { batch_size: 2, ..mapping() }, Some(disorder), fine);
        for number in 0..30 {
            fixture.put(&format!("pk{}", number % 5), &format!("{}-{number:02}", number % 5), wake());
        }
        fixture.streams.drain().await.unwrap();
        fixture.seen()
    };
    let seen = run(1).await;
    assert_eq!(seen, run(1).await, "the same seed, the same order");
    assert_ne!(seen, run(2).await);
    let mut flat: Vec<String> = seen.iter().flat_map(|batch| batch.split(' ').map(str::to_owned)).collect();
    assert!(flat.len() > 30, "some came twice");
    let mut first = Vec::new();
    flat.retain(|sk| {
        !first.contains(sk) && {
            first.push(sk.clone());
            true
        }
    });
    for item in 0..5 {
        let of_item: Vec<_> = flat.iter().filter(|sk| sk.starts_with(&format!("{item}-"))).collect();
        assert!(of_item.len() == 6 && of_item.is_sorted(), "{of_item:?}");
    }
}

#[tokio::test]
async fn positions_survive_the_process() {
    let fixture = fixture(mapping(), None, fine);
    fixture.put("a", "1", wake());
    fixture.streams.drain().await.unwrap();
    fixture.put("a", "2", wake());
    let again = over(Arc::clone(&fixture.dynamo), mapping(), None, fine);
    again.streams.drain().await.unwrap();
    assert_eq!(again.seen(), ["2"]);
}

#[tokio::test]
async fn expiry_is_a_removal_and_starts_nothing() {
    let fixture = fixture(mapping(), None, fine);
    fixture.put("a", "1", json!({ "wake": { "S": "hint" }, "ttl": { "N": "1775033999" } }));
    fixture.put("a", "2", json!({ "wake": { "S": "hint" }, "ttl": { "N": "1775034001" } }));
    fixture.streams.drain().await.unwrap();
    assert_eq!(fixture.dynamo.expire().unwrap(), 1);
    fixture.streams.drain().await.unwrap();
    assert_eq!(fixture.seen(), ["1 2"]);
}

#[tokio::test]
async fn a_write_is_handed_over_at_once() {
    let fixture = fixture(mapping(), None, fine);
    let follow = fixture.streams.follow();
    let write = async {
        for sk in ["1", "2"] {
            tokio::task::yield_now().await;
            fixture.put("a", sk, wake());
            while !fixture.streams.is_drained().unwrap() {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::select! {
        () = follow => panic!("following ends only with the suite"),
        () = write => {}
        () = tokio::time::sleep(Duration::from_secs(5)) => panic!("a write was not handed over"),
    }
    assert_eq!(fixture.seen(), ["1", "2"]);
}
