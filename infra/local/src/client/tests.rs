//! Through the real SDK clients.

use std::path::Path;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, ConditionCheck, Put, ReturnConsumedCapacity, TransactWriteItem};
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sesv2::types as mail;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::{RetryConfig, SharedCredentialsProvider};
use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::dynamo::Ledger;
use crate::invoke::{Ended, invoke};

struct Fixture {
    client: Client,
    mailbox: Arc<Mailbox>,
    bus: Arc<EventBus>,
}

fn fixture() -> Fixture {
    let now: crate::Now = Arc::new(|| "2026-04-01T09:00:00Z".parse::<Timestamp>().unwrap());
    let wiring =
        Wiring::built_in(crate::template::Deployed { collector_url: "http://127.0.0.1:7070", sender: "example.com" }).unwrap();
    let dynamo = Arc::new(Dynamo::memory(now.clone()).unwrap());
    wiring.tables.iter().for_each(|table| dynamo.create(table).unwrap());
    let ledger = Ledger::new(Arc::clone(&dynamo));
    let mailbox = Arc::new(Mailbox::open(&wiring, ledger.clone(), now.clone()).unwrap());
    let bus = Arc::new(EventBus::open(wiring.buses.clone(), ledger, now.clone()).unwrap());
    Fixture { client: Client::new(dynamo, Arc::clone(&mailbox), Arc::clone(&bus), &wiring, now), mailbox, bus }
}

fn config(client: &Client, attempts: u32) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("local"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "local")))
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .retry_config(
            RetryConfig::standard().with_max_attempts(attempts).with_initial_backoff(std::time::Duration::from_millis(1)),
        )
        .http_client(client.http_client())
        .build()
}

fn tables(client: &Client, attempts: u32) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(&config(client, attempts))
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn lead(id: &str) -> TransactWriteItem {
    let put = Put::builder().table_name("Leads").item("pk", s(id)).item("sk", s("lead"));
    TransactWriteItem::builder().put(put.condition_expression("attribute_not_exists(pk)").build().unwrap()).build()
}

#[tokio::test]
async fn the_sdk_speaks_to_the_tables() {
    let fixture = fixture();
    fixture.client.roles().lift();
    let tables = tables(&fixture.client.for_function("score"), 1);
    let mark = fixture.client.record().mark();
    let put =
        tables.put_item().table_name("Leads").item("pk", s("lead#1")).item("sk", s("lead")).item("due_part", s("score.0.0"));
    put.item("due_at", s("2026-04-01")).send().await.unwrap();
    let found = tables
        .query()
        .table_name("Leads")
        .key_condition_expression("pk = :pk")
        .expression_attribute_values(":pk", s("lead#1"))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
        .send()
        .await
        .unwrap();
    assert_eq!(found.items().len(), 1);
    assert_eq!(found.consumed_capacity().unwrap().table().unwrap().capacity_units(), Some(0.5));
    let calls = fixture.client.record().since(mark);
    let [put, query] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((put.ordinal, put.function.as_deref(), put.operation.as_str()), (Some(1), Some("score"), "PutItem"));
    assert_eq!(put.units.get("Leads").unwrap().write, 1.0);
    assert_eq!(put.units.get("Leads/due").unwrap().write, 1.0);
    assert_eq!(put.total(), Units { read: 0.0, write: 2.0 });
    assert_eq!(query.touches.first().unwrap().partition, "lead#1");
    assert_eq!(query.touches.first().unwrap().noun(), "lead");
    assert_eq!(query.total(), Units { read: 0.5, write: 0.0 });
    let sums = fixture.client.record().sums();
    let sum = |operation: &str| sums.get(&(Some("score".to_owned()), operation.to_owned())).unwrap();
    assert_eq!((sums.len(), sum("PutItem").calls, sum("Query").calls), (2, 1, 1));
    assert_eq!((&sum("PutItem").units, &sum("Query").units), (&put.units, &query.units));
}

#[tokio::test]
async fn a_failed_condition_comes_back_typed() {
    let fixture = fixture();
    let tables = tables(&fixture.client, 1);
    tables.transact_write_items().transact_items(lead("lead#1")).send().await.unwrap();
    let check = ConditionCheck::builder().table_name("Leads").key("pk", s("lead#2")).key("sk", s("lead"));
    let check = check.condition_expression("attribute_not_exists(pk)").build().unwrap();
    let check = TransactWriteItem::builder().condition_check(check).build();
    let error = tables.transact_write_items().transact_items(check).transact_items(lead("lead#1")).send().await.unwrap_err();
    let TransactWriteItemsError::TransactionCanceledException(error) = error.into_service_error() else { panic!() };
    let codes: Vec<_> = error.cancellation_reasons().iter().map(|reason| reason.code().unwrap()).collect();
    assert_eq!(codes, ["None", "ConditionalCheckFailed"]);
    let put = tables.put_item().table_name("Leads").item("pk", s("lead#1")).item("sk", s("lead"));
    let error = put.condition_expression("attribute_not_exists(pk)").send().await.unwrap_err().into_service_error();
    assert!(error.is_conditional_check_failed_exception());
}

#[tokio::test]
async fn a_transaction_whose_answer_was_lost_is_answered_on_the_retry() {
    let fixture = fixture();
    let track = fixture.client.for_function("track");
    fixture.client.faults().lay([Planned::call(1, Fault::AfterEffect).first_attempt()]);
    tables(&track, 2).transact_write_items().transact_items(lead("lead#1")).send().await.unwrap();
    let attempts: Vec<_> = fixture.client.record().calls().iter().map(|call| (call.ordinal, call.attempt)).collect();
    assert_eq!(attempts, [(Some(1), 1), (Some(1), 2)]);
}

#[tokio::test]
async fn a_plain_put_whose_answer_was_lost_meets_itself_on_the_retry() {
    let fixture = fixture();
    fixture.client.faults().lay([Planned::call(1, Fault::AfterEffect).first_attempt()]);
    let put = tables(&fixture.client.for_function("score"), 2).put_item().table_name("Leads").item("pk", s("lead#1"));
    let put = put.item("sk", s("lead")).condition_expression("attribute_not_exists(pk)");
    assert!(put.send().await.unwrap_err().into_service_error().is_conditional_check_failed_exception());
}

/// Each kind of fault on each service: what the caller sees, and whether the call took effect.
#[tokio::test]
async fn faults_strike_before_or_after_the_effect() {
    for (fault, code, effect) in [
        (Fault::BeforeLeaving, None, false),
        (Fault::AfterEffect, None, true),
        (Fault::Throttle, Some("ThrottlingException"), false),
        (Fault::Conflict, Some("TransactionCanceledException"), false),
        (Fault::Refuse, Some("ValidationException"), false),
    ] {
        let fixture = fixture();
        fixture.client.faults().lay([Planned::nth("score", Service::DynamoDb, "TransactWriteItems", 1, fault)]);
        let score = tables(&fixture.client.for_function("score"), 2);
        let error = score.transact_write_items().transact_items(lead("lead#1")).send().await.unwrap_err();
        assert_eq!(error.code(), code, "{fault:?}");
        assert_eq!(fixture.client.faults().struck(), [Planned::call(1, fault)]);
        let found = tables(&fixture.client, 1).scan().table_name("Leads").send().await.unwrap().count();
        assert_eq!(found == 1, effect, "{fault:?}");
    }
}

#[tokio::test]
async fn a_crash_drops_the_function_where_it_stands() {
    for (fault, effect) in [(Fault::CrashBefore, false), (Fault::CrashAfter, true)] {
        let fixture = fixture();
        fixture.client.faults().lay([Planned::call(1, fault)]);
        let score = tables(&fixture.client.for_function("score"), 3);
        let run = invoke(async { score.transact_write_items().transact_items(lead("lead#1")).send().await });
        assert_eq!(run.await.err(), Some(Ended::Crashed));
        assert_eq!(fixture.client.record().calls().first().unwrap().outcome, Outcome::Crashed);
        let found = tables(&fixture.client, 1).scan().table_name("Leads").send().await.unwrap().count();
        assert_eq!(found == 1, effect, "{fault:?}");
    }
}

#[tokio::test]
async fn chance_is_the_same_for_the_same_seed() {
    let run = async |seed| {
        let fixture = fixture();
        fixture.client.faults().lay_random(seed, 40, &[Fault::BeforeLeaving, Fault::AfterEffect, Fault::Throttle], true);
        let score = tables(&fixture.client.for_function("score"), 1);
        for id in 0..20 {
            let _outcome = score.transact_write_items().transact_items(lead(&format!("lead#{id}"))).send().await;
        }
        fixture.client.faults().struck()
    };
    let struck = run(7).await;
    assert_eq!(struck, run(7).await);
    assert_ne!(struck, run(8).await);
    assert!((3..16).contains(&struck.len()), "{struck:?}");
}

#[tokio::test]
async fn a_function_may_do_what_the_template_allows() {
    let fixture = fixture();
    let answer = fixture.client.for_function("answer");
    let error = tables(&answer, 1).transact_write_items().transact_items(lead("address#1")).send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert!(error.message().unwrap().contains("dynamodb:PutItem on resource: arn:aws:dynamodb:local:000000000000:table/Leads"));
    let error = send(&answer, "a@example.com", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 403);
}

/// One statement must allow all that a transaction does to a table.
#[tokio::test]
async fn a_transaction_needs_every_partition_it_touches() {
    let fixture = fixture();
    let transact = async |keys: &[&str]| {
        let items = keys.iter().map(|key| lead(key)).collect();
        let call = tables(&fixture.client.for_function("score"), 1).transact_write_items().set_transact_items(Some(items));
        call.send().await.map(|_| ()).map_err(|error| error.message().unwrap().to_owned())
    };
    assert_eq!(transact(&["lead#1", "visitor#1"]).await, Ok(()));
    let refused = transact(&["lead#2", "playbook#live"]).await.unwrap_err();
    assert!(refused.contains("dynamodb:LeadingKeys lead#2 playbook#live"), "{refused}");
}

#[tokio::test]
async fn mail_comes_only_from_the_sender() {
    let fixture = fixture();
    let notify = fixture.client.for_function("notify");
    for (from, allowed) in [
        ("news@example.com", true),
        ("News <news@example.com>", true),
        ("news@example.com.evil.example", false),
        ("\"news@example.com\" <news@evil.example>", false),
    ] {
        let code = send_from(&notify, from, "a@elsewhere.example", &[]).await.err().and_then(|e| e.code().map(str::to_owned));
        assert_eq!(code.as_deref(), (!allowed).then_some("AccessDeniedException"), "{from}");
    }
}

type Sent = Result<String, aws_sdk_sesv2::error::SdkError<aws_sdk_sesv2::operation::send_email::SendEmailError>>;

async fn send(client: &Client, to: &str, headers: &[(&str, &str)]) -> Sent {
    send_from(client, "michi <michi@example.com>", to, headers).await
}

async fn send_from(client: &Client, from: &str, to: &str, headers: &[(&str, &str)]) -> Sent {
    let text = |data: &str| mail::Content::builder().data(data).build().unwrap();
    let headers = headers.iter().map(|(name, value)| mail::MessageHeader::builder().name(*name).value(*value).build().unwrap());
    let message = mail::Message::builder()
        .subject(text("資料のご案内"))
        .body(mail::Body::builder().text(text("text")).html(text("<p>html</p>")).build())
        .set_headers(Some(headers.collect()))
        .build();
    aws_sdk_sesv2::Client::new(&config(client, 1))
        .send_email()
        .from_email_address(from)
        .destination(mail::Destination::builder().to_addresses(to).build())
        .content(mail::EmailContent::builder().simple(message).build())
        .email_tags(mail::MessageTag::builder().name("lead").value("abc-1_2").build().unwrap())
        .configuration_set_name("Mail")
        .send()
        .await
        .map(|answer| answer.message_id().unwrap().to_owned())
}

#[tokio::test]
async fn a_mail_arrives_in_the_mailbox() {
    let fixture = fixture();
    let id =
        send(&fixture.client.for_function("notify"), "a@example.com", &[("List-Unsubscribe", "<https://a.example/u>")]).await;
    let mail = fixture.mailbox.mail(&id.unwrap()).unwrap();
    assert_eq!(
        (mail.subject.as_str(), mail.text.as_deref(), mail.html.as_deref()),
        ("資料のご案内", Some("text"), Some("<p>html</p>"))
    );
    assert_eq!(mail.headers, [("List-Unsubscribe".to_owned(), "<https://a.example/u>".to_owned())]);
    assert_eq!(mail.tags.get("lead").unwrap(), "abc-1_2");
}

#[tokio::test]
async fn ses_refuses_what_ses_would_refuse() {
    let fixture = fixture();
    let long = "x".repeat(871);
    for (to, header) in [
        ("nobody", ("X-A", "b")),
        ("名前 <a@example.com>", ("X-A", "b")),
        ("a@例え.jp", ("X-A", "b")),
        ("a@example.com", ("Subject", "b")),
        ("a@example.com", ("X A", "b")),
        ("a@example.com", ("X-A", "b\r\nBcc: c@example.com")),
        ("a@example.com", ("X-A", "日本")),
        ("a@example.com", ("X-A", &long)),
    ] {
        let error = send(&fixture.client.for_function("notify"), to, &[header]).await.unwrap_err();
        assert_eq!(error.code(), Some("BadRequestException"), "{to} {header:?}");
    }
    assert!(fixture.mailbox.mails().is_empty());
    fixture.client.faults().lay([Planned::nth("notify", Service::Ses, "SendEmail", 1, Fault::Throttle)]);
    let error = send(&fixture.client.for_function("notify"), "a@example.com", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some("TooManyRequestsException"));
}

#[tokio::test]
async fn the_bus_answers_entry_by_entry() {
    let fixture = fixture();
    let entry = |detail: &str, bus: &str| {
        PutEventsRequestEntry::builder().source("michi").detail_type("Lead Identified").detail(detail).event_bus_name(bus).build()
    };
    let relay = aws_sdk_eventbridge::Client::new(&config(&fixture.client.for_function("relay"), 1));
    fixture.bus.refuse_next([0]);
    let sent =
        relay.put_events().entries(entry("{}", "Facts")).entries(entry("{\"a\":1}", "Facts")).entries(entry("[]", "Facts"));
    let answer = sent.send().await.unwrap();
    let codes: Vec<_> = answer.entries().iter().map(|entry| entry.error_code()).collect();
    assert_eq!((answer.failed_entry_count(), codes), (2, vec![Some("InternalFailure"), None, Some("MalformedDetail")]));
    assert_eq!(fixture.bus.entries().iter().map(|entry| entry.detail.clone()).collect::<Vec<_>>(), [json!({"a": 1})]);
    let error = relay.put_events().entries(entry("{}", "Elsewhere")).send().await.unwrap_err();
    assert_eq!(error.code(), Some("AccessDeniedException"));
}

#[tokio::test]
async fn an_unknown_call_says_so() {
    let fixture = fixture();
    let error = aws_sdk_sesv2::Client::new(&config(&fixture.client, 1)).get_account().send().await.unwrap_err();
    let text = aws_sdk_sesv2::error::DisplayErrorContext(&error).to_string();
    assert!(text.contains("the local suite does not model this call: GET"), "{text}");
}

#[tokio::test]
async fn everything_is_kept_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let now: crate::Now = Arc::new(|| "2026-04-01T09:00:00Z".parse::<Timestamp>().unwrap());
    let open = |path: &Path| {
        let wiring = Wiring::built_in(crate::template::Deployed { collector_url: "", sender: "example.com" }).unwrap();
        let dynamo = Arc::new(Dynamo::file(&path.join("michi.sqlite"), now.clone()).unwrap());
        wiring.tables.iter().for_each(|table| dynamo.create(table).unwrap());
        let ledger = Ledger::new(Arc::clone(&dynamo));
        let mailbox = Arc::new(Mailbox::open(&wiring, ledger.clone(), now.clone()).unwrap());
        let bus = Arc::new(EventBus::open(wiring.buses.clone(), ledger.clone(), now.clone()).unwrap());
        (Client::new(dynamo, Arc::clone(&mailbox), bus, &wiring, now.clone()), mailbox, ledger)
    };
    let (client, _, ledger) = open(folder.path());
    tables(&client, 1).transact_write_items().transact_items(lead("lead#1")).send().await.unwrap();
    let id = send(&client, "a@example.com", &[]).await.unwrap();
    ledger.put("position", &17).unwrap();
    drop((client, ledger));
    let (client, mailbox, ledger) = open(folder.path());
    assert_eq!(tables(&client, 1).scan().table_name("Leads").send().await.unwrap().count(), 1);
    assert_eq!(mailbox.mails().first().unwrap().id, id);
    assert_eq!(ledger.get::<u32>("position").unwrap(), Some(17));
}

/// What a bug would do, by the operation it is in.
#[derive(Default)]
struct Meddler {
    heard: std::sync::Mutex<Vec<String>>,
}

impl Tap for Meddler {
    fn before(&self, request: &Request) -> Option<Meanwhile> {
        self.heard.lock().unwrap().push(format!("{} {}", request.function, request.operation));
        None
    }

    fn instead(&self, request: Request) -> Vec<Request> {
        match request.operation.as_str() {
            "TransactWriteItems" => {
                let items = request.body["TransactItems"].as_array().unwrap().iter();
                items.map(|item| Request { body: json!({ "TransactItems": [item] }), ..request.clone() }).collect()
            }
            "DeleteItem" => vec![],
            _ => vec![request],
        }
    }

    fn attempts(&self, request: &Request) -> u32 {
        if request.operation == "PutItem" { 3 } else { 1 }
    }

    fn answer(&self, request: &Request, mut answer: Value) -> Value {
        if request.operation == "Scan" {
            answer["Count"] = json!(99);
        }
        answer
    }

    fn after(&self, request: &Request, call: &Call) -> Option<Meanwhile> {
        self.heard.lock().unwrap().push(format!("{} {:?} {:?}", request.operation, call.fault, call.outcome));
        None
    }
}

#[tokio::test]
async fn a_tap_hears_and_falsifies_what_functions_send() {
    let fixture = fixture();
    fixture.client.roles().lift();
    let meddler = Arc::new(Meddler::default());
    fixture.client.tap(meddler.clone());
    let tables_of = |client: &Client| tables(client, 1);
    let score = tables_of(&fixture.client.for_function("score"));
    let heard = || std::mem::take(&mut *meddler.heard.lock().unwrap());

    // One transaction becomes two, and a crash comes between them.
    fixture.client.faults().lay([Planned::call(2, Fault::BeforeLeaving)]);
    let both = || score.transact_write_items().transact_items(lead("lead#1")).transact_items(lead("lead#2"));
    both().send().await.unwrap_err();
    assert_eq!(score.scan().table_name("Leads").send().await.unwrap().count(), 99);
    assert_eq!(tables_of(&fixture.client).scan().table_name("Leads").send().await.unwrap().count(), 1);
    assert_eq!(
        heard(),
        [
            "score TransactWriteItems",
            "TransactWriteItems None Answered",
            "score TransactWriteItems",
            "TransactWriteItems Some(BeforeLeaving) Lost",
            "score Scan",
            "Scan None Answered"
        ]
    );
    // The first that is refused is the last.
    both().send().await.unwrap_err();
    assert_eq!(heard().len(), 2);

    // A call is made anew until it is answered; what is taken away has never been.
    fixture.client.faults().lay([Planned::call(1, Fault::AfterEffect).first_attempt()]);
    let put = |id| score.put_item().table_name("Leads").item("pk", s(id)).item("sk", s("lead")).send();
    put("lead#3").await.unwrap();
    assert_eq!(heard().len(), 4);
    score.delete_item().table_name("Leads").key("pk", s("lead#3")).key("sk", s("lead")).send().await.unwrap();
    assert_eq!((heard().len(), tables_of(&fixture.client).scan().table_name("Leads").send().await.unwrap().count()), (0, 2));

    fixture.client.untap();
    put("lead#4").await.unwrap();
    assert!(heard().is_empty());
}

/// Does something once, while a call is under way.
struct Once(std::sync::Mutex<Option<Meanwhile>>);

impl Tap for Once {
    fn after(&self, _: &Request, _: &Call) -> Option<Meanwhile> {
        self.0.lock().unwrap().take()
    }
}

#[tokio::test]
async fn something_may_happen_between_effect_and_answer() {
    let fixture = fixture();
    let own = tables(&fixture.client, 1);
    let other = async move { drop(own.transact_write_items().transact_items(lead("lead#2")).send().await.unwrap()) };
    fixture.client.tap(Arc::new(Once(std::sync::Mutex::new(Some(Box::pin(other))))));
    fixture.client.faults().lay([Planned::call(1, Fault::CrashAfter)]);
    let score = tables(&fixture.client.for_function("score"), 1);
    let run = invoke(async { score.transact_write_items().transact_items(lead("lead#1")).send().await });
    assert_eq!(run.await.err(), Some(Ended::Crashed));
    assert_eq!(tables(&fixture.client, 1).scan().table_name("Leads").send().await.unwrap().count(), 2);
}
