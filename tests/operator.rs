//! What whoever runs an installation asks of it: the commands against a suite that is served as `michi dev` serves it.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse as _;
use http::StatusCode;
use jiff::SignedDuration;
use michi::activity::LogOwner;
use michi::mail::message::Event;
use michi_cli::account::{Installation, Target};
use michi_cli::lead::{self, LeadArgs};
use michi_cli::leads::{self, LeadsArgs};
use michi_cli::messages::{self, ListArgs, OneArgs};
use michi_cli::redrive::{self, RedriveArgs};
use michi_cli::{doctor, shown::Form};
use michi_local::{Fault, Mishap, Options, Planned, Service, Suite, logs, server};
use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::harness::{Visitor, beacon, buyer, ready_lead};

/// A suite on a free port, whose clock is moved by hand.
pub(crate) async fn served() -> (Suite, Target) {
    served_by(|router| router).await
}

/// The same with something between the command and the suite.
async fn served_by(between: impl FnOnce(Router) -> Router) -> (Suite, Target) {
    let listener = server::bind(0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = Options { collector_url: format!("http://127.0.0.1:{port}"), ..Options::test() };
    let suite = Suite::start(options).await.unwrap();
    let router = between(server::router(&suite, port));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (suite, Target::local(port))
}

async fn refused(target: &Target) -> String {
    format!("{:#}", target.open().await.map(|found: Installation| found.stack).unwrap_err())
}

fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn an_installation_is_found_by_its_stack() {
    let (suite, target) = served().await;
    let found = target.open().await.unwrap();
    assert_eq!(found.settings.collector_url, suite.own().settings.collector_url);
    assert_eq!(found.store.live_version().await.unwrap(), suite.own().store.live_version().await.unwrap());
    let ahead = found.now().duration_since(suite.now());
    assert!((0..60).contains(&ahead.as_secs()), "the suite's clock stands, the command's goes on from there: {ahead}");

    let other = Target { stack: "other".to_owned(), ..target.clone() };
    let said = refused(&other).await;
    assert!(said.contains("no function other-notify") && said.contains("--stack"), "{said}");
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_named() {
    let port = server::bind(0).await.unwrap().local_addr().unwrap().port();
    let said = refused(&Target::local(port)).await;
    assert!(said.contains(&format!("nothing listens at http://127.0.0.1:{port}: `michi dev` starts")), "{said}");
    let long = Target { local: None, endpoint: Some(format!("http://127.0.0.1:{port}/_michi/aws/")), ..Target::local(port) };
    assert_eq!(refused(&long).await.matches("nothing listens").count(), 1);
}

#[tokio::test]
async fn refused_credentials_are_said_to_be_and_nothing_is_touched() {
    for (code, wanted) in [("ExpiredTokenException", "have expired: sign in again"), ("UnrecognizedClientException", "not valid")]
    {
        let refuse = move |_: Request, _: Next| async move {
            (StatusCode::FORBIDDEN, [("x-amzn-errortype", code)], json!({ "message": "no" }).to_string()).into_response()
        };
        let (suite, target) = served_by(|router| router.layer(from_fn(refuse))).await;
        let mark = suite.client().record().mark();
        let said = refused(&target).await;
        assert!(said.contains(wanted), "{said}");
        assert!(suite.client().record().since(mark).is_empty());
    }
}

fn leads(target: &Target) -> LeadsArgs {
    LeadsArgs { stage: None, cell: None, limit: 20, form: Form::default(), target: target.clone() }
}

async fn listed(args: LeadsArgs) -> String {
    let mut out = vec![];
    leads::show(&args, &mut out).await.unwrap();
    text(out)
}

/// One lead that sales was told of, and one that only looked.
async fn two_leads(suite: &Suite) {
    ready_lead(suite, &mut Visitor::new("0f8fad5b-d9cb-469f-a165-70867728950e")).await;
    let mut other = Visitor::new("7c9e6679-7425-40de-944b-e07fc1f90ae7");
    let fields = json!({ "email": "bob@freemail.example", "name": "Bob", "company": "=cmd()" });
    beacon(suite, &other.form(suite.now(), "newsletter", &fields)).await;
    suite.settle().await.unwrap();
}

#[tokio::test]
async fn leads_are_listed_by_what_they_are_worth_now() {
    let (suite, target) = served().await;
    assert_eq!(listed(leads(&target)).await, "no leads here\n");
    two_leads(&suite).await;
    let all = listed(leads(&target)).await;
    insta::assert_snapshot!(all);
    let told: Value =
        serde_json::from_str(&listed(LeadsArgs { form: Form { json: true, csv: false }, ..leads(&target) }).await).unwrap();
    let interest: Vec<f64> = told["leads"].as_array().unwrap().iter().map(|lead| lead["interest"].as_f64().unwrap()).collect();
    assert!(interest.len() == 2 && interest[0] > interest[1], "{interest:?}");

    let mql = listed(LeadsArgs { stage: "mql".parse().ok(), ..leads(&target) }).await;
    let a = listed(LeadsArgs { cell: "A2".parse().ok(), ..leads(&target) }).await;
    assert!(mql.contains("佐藤 美香") && !mql.contains("Bob") && a == mql, "{mql}{a}");
    assert_eq!(listed(LeadsArgs { limit: 1, ..leads(&target) }).await, mql);
    let csv = listed(LeadsArgs { form: Form { json: false, csv: true }, ..leads(&target) }).await;
    assert!(csv.lines().count() == 3 && csv.contains(",'=cmd(),"), "{csv}");

    // Half a life later they are worth half, and nobody has touched them.
    suite.clock().set(suite.now() + SignedDuration::from_hours(30 * 24));
    let later: Value =
        serde_json::from_str(&listed(LeadsArgs { form: Form { json: true, csv: false }, ..leads(&target) }).await).unwrap();
    let now = later["leads"][0]["interest"].as_f64().unwrap();
    assert!((now * 2.0 - interest[0]).abs() < 0.1, "{now} {interest:?}");
}

#[tokio::test]
async fn a_lead_is_shown_as_sales_sees_it() {
    let (suite, target) = served().await;
    two_leads(&suite).await;
    let show = async |who: &str, json| {
        let mut out = vec![];
        let args = LeadArgs { who: who.to_owned(), json, target: target.clone() };
        lead::show(&args, &mut out).await.map(|()| text(out)).map_err(|error| error.to_string())
    };
    let shown = show("Mika.Sato@hoshino-kogyo.example", false).await.unwrap();
    insta::assert_snapshot!(shown);
    let id = shown.lines().last().unwrap().strip_prefix("id ").unwrap().to_owned();
    assert_eq!(show(&id, false).await.unwrap(), shown);

    let whole: Value = serde_json::from_str(&show(&id, true).await.unwrap()).unwrap();
    let reasons = whole["lead"]["interest"]["reasons"].as_array().unwrap();
    let sum: f64 = reasons.iter().map(|reason| reason["now"].as_f64().unwrap()).sum();
    assert!((sum - whole["lead"]["interest"]["points"].as_f64().unwrap()).abs() < 1e-9);
    assert_eq!((whole["messages"].as_array().unwrap().len(), whole["records"].as_array().unwrap().len() > 3), (1, true));

    assert!(show("nobody@example.com", false).await.unwrap_err().contains("no lead has this address"));
    assert!(show("no-such-lead", false).await.unwrap_err().contains("there is no lead"));
}

#[tokio::test]
async fn a_held_message_is_listed_with_its_reason_and_released_or_given_up() {
    let (suite, target) = served().await;
    let unanswered = |nth| Planned::nth("notify", Service::Ses, "SendEmail", nth, Fault::AfterEffect);
    suite.client().faults().lay([unanswered(1), unanswered(2)]);
    suite.mailbox().reports().lay_random(1, 100, &[Mishap::Lost]);
    ready_lead(&suite, &mut Visitor::new("0f8fad5b-d9cb-469f-a165-70867728950e")).await;
    suite.advance(SignedDuration::from_mins(10)).await.unwrap();
    let list = async |state: Option<&str>, json| {
        let state = state.map(|state| clap::ValueEnum::from_str(state, true).unwrap());
        let form = Form { json, csv: false };
        let mut out = vec![];
        messages::show(&ListArgs { state, lead: None, limit: 50, form, target: target.clone() }, &mut out).await.unwrap();
        text(out)
    };
    let held = list(Some("held"), false).await;
    insta::assert_snapshot!(held);
    assert_eq!(list(None, false).await, held);
    assert_eq!(list(Some("sent"), false).await, "no such messages\n");

    let told: Value = serde_json::from_str(&list(Some("held"), true).await).unwrap();
    let id = told["messages"][0]["id"].as_str().unwrap().to_owned();
    let decide = async |id: &str, event| {
        let mut out = vec![];
        let done = messages::decide(&OneArgs { id: id.to_owned(), target: target.clone() }, event, &mut out).await;
        done.map(|()| text(out)).map_err(|error| error.to_string())
    };
    assert!(decide("x", Event::Released).await.unwrap_err().contains("no held message"));
    assert!(decide(&id[..8], Event::Released).await.unwrap().contains("is released"));
    assert!(decide(&id, Event::GivenUp).await.is_err(), "it is not held any more");
    suite.advance(SignedDuration::from_mins(2)).await.unwrap();
    assert_eq!(suite.mailbox().mails().len(), 3, "SES took all three; two answers were lost");
    assert!(list(Some("sent"), false).await.contains(&id));
    assert!(suite.leftovers().unwrap().is_empty(), "{:?}", suite.leftovers());
}

async fn redriven(target: &Target, dry_run: bool) -> (bool, String) {
    let mut out = vec![];
    let args = RedriveArgs { dry_run, json: false, target: target.clone() };
    let done = redrive::redrive(&args, &mut out).await.unwrap().is_done();
    (done, text(out))
}

#[tokio::test]
async fn what_was_given_up_goes_in_again_and_only_what_was_taken_is_dropped() {
    let (suite, target) = served().await;
    for visitor in ["0f8fad5b-d9cb-469f-a165-70867728950e", "7c9e6679-7425-40de-944b-e07fc1f90ae7"] {
        let mut fields = buyer();
        fields["email"] = json!(format!("{}@hoshino-kogyo.example", &visitor[..3]));
        beacon(&suite, &Visitor::new(visitor).form(suite.now(), "white-paper", &fields)).await;
    }
    suite.client().faults().lay_random(1, 100, &[Fault::Throttle], true);
    suite.settle().await.unwrap();
    suite.client().faults().lift();
    let batches = suite.abandoned().unwrap();
    let records: usize = batches.iter().map(|batch| batch.records.len()).sum();
    assert_eq!(records, 2, "{batches:?}");

    let (_, said) = redriven(&target, true).await;
    insta::assert_snapshot!(said);
    assert_eq!(suite.abandoned().unwrap().len(), batches.len(), "nothing is touched");

    // One of the two fails once more, and only that one stays.
    suite.client().faults().lay([Planned::nth("score", Service::DynamoDb, "TransactWriteItems", 1, Fault::Throttle)]);
    let (done, said) = redriven(&target, false).await;
    assert!(!done && said.contains("1 left"), "{said}");
    let left: usize = suite.abandoned().unwrap().iter().map(|batch| batch.records.len()).sum();
    assert_eq!(left, 1);
    let (done, said) = redriven(&target, false).await;
    assert!(done && said.contains("1 failed record (1 taken, 0 left)"), "{said}");
    assert!(suite.abandoned().unwrap().is_empty());
    let (done, said) = redriven(&target, false).await;
    assert!(done && said.starts_with("0 failed records, 0 payloads"), "{said}");
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    let found = target.open().await.unwrap();
    let live = found.playbook().await.unwrap();
    let epoch = live.playbook.scoring.interest.epoch();
    let stage = |stage| found.store.leads_by_rank(&epoch, stage, 10);
    let leads = stage(michi::lead::Stage::Lead).await.unwrap().len() + stage(michi::lead::Stage::Mql).await.unwrap().len();
    assert_eq!(leads, 2, "both forms have become leads");
}

#[tokio::test]
async fn quarantine_goes_back_by_the_door_it_came_through() {
    let (suite, target) = served().await;
    ready_lead(&suite, &mut Visitor::new("0f8fad5b-d9cb-469f-a165-70867728950e")).await;
    let store = &suite.own().store;
    let hottest =
        store.leads_by_rank(&suite.desk().playbook().scoring.interest.epoch(), michi::lead::Stage::Mql, 1).await.unwrap();
    let log = LogOwner::Lead(hottest[0].lead.clone());
    let record = store.log(&log).await.unwrap().records.into_iter().next_back().unwrap();
    // A wake-up that was given up, a record that nobody can read, and something of no known kind.
    let sk = format!("{:.3}#{}", record.at, record.id);
    let wake =
        json!({ "pk": format!("lead#{}", hottest[0].lead), "sk": format!("wake#{}", record.id), "record": sk, "tries": 8 });
    store.quarantine("given-up", &wake.to_string(), "it failed time and again", suite.now()).await.unwrap();
    let item = json!({ "pk": { "S": "lead#x" }, "sk": { "S": "2026-04-01T00:00:00.000Z#m" }, "wake": { "S": "hint" }, "at": { "S": "?" } });
    suite.dynamo().call("PutItem", json!({ "TableName": "Activities", "Item": item }));
    suite.settle().await.unwrap();
    store.quarantine("strange", "[]", "nobody knows", suite.now()).await.unwrap();
    suite.advance(SignedDuration::from_mins(1)).await.unwrap();

    let (_, listed) = redriven(&target, true).await;
    assert_eq!(listed.matches("quarantine ").count(), 3, "{listed}");
    let (done, said) = redriven(&target, false).await;
    assert!(!done && said.contains("3 payloads in quarantine (1 taken, 2 left)"), "{said}");
    assert!(said.contains("still cannot read it") && said.contains("of no known kind"), "{said}");
    let left = store.quarantined(suite.now()).await.unwrap();
    assert!(left.len() == 2 && left.iter().all(|poison| poison.id != "given-up"), "{left:?}");
    assert_eq!(suite.wake_ups(10).unwrap().iter().filter(|wake| wake.sk.starts_with("wake#")).count(), 1);
    suite.advance(SignedDuration::from_mins(1)).await.unwrap();
    assert_eq!(suite.wake_ups(10).unwrap().iter().filter(|wake| wake.sk.starts_with("wake#")).count(), 0, "it is worked off");
}

async fn examined(target: &Target) -> (bool, String) {
    let diagnosis = doctor::examine(target).await.unwrap();
    let mut out = vec![];
    diagnosis.tell(&mut out).unwrap();
    (diagnosis.is_well(), text(out))
}

#[tokio::test]
async fn doctor_finds_a_fresh_suite_well() {
    let (suite, target) = served().await;
    two_leads(&suite).await;
    suite.advance(SignedDuration::from_mins(1)).await.unwrap();
    let (well, said) = examined(&target).await;
    assert!(well, "{said}");
    assert_eq!(said.lines().filter(|line| line.starts_with("ok       schedule ")).count(), 3, "{said}");
    // How often each ran is not the point; what name servers say is of the world, and logs are of the whole process.
    let own = |line: &&str| {
        let what = line.get(9..).unwrap_or_default();
        line.get(..8).is_some_and(|verdict| !verdict.trim().is_empty() && !verdict.starts_with("Stack"))
            && !["schedule", "DMARC", "refusals"].iter().any(|other| what.starts_with(other))
    };
    let own: Vec<&str> = said.lines().filter(own).collect();
    let version = suite.own().store.live_version().await.unwrap();
    let port = target.local.unwrap().to_string();
    insta::assert_snapshot!(own.join("\n").replace(version.as_str(), "VERSION").replace(&port, "PORT"), @r"
    ok       table          Activities is there, with a stream
    ok       table          Leads is there, with a stream
    ok       key ring       can be fetched and read
    ok       playbook       VERSION is live, for Tsumugi Works
    ok       collector      http://127.0.0.1:PORT/michi.js answers
    ok       sending        SES sends for this account, 0 of 50000 mails sent in 24 hours
    ok       sender         SES has verified news@tsumugi-works.example
    ok       DKIM           mail from tsumugi-works.example is signed
    ok       SPF            amazonses.com's own holds: bounces go there, and DMARC rests on DKIM
    ok       stream         is read for michi-score
    ok       stream         is read for michi-notify
    ok       stream         is read for michi-relay
    ok       dead letters   none
    ok       oldest work    nothing is overdue
    ok       failures       no batch of stream records was given up
    ok       held messages  none
    ok       held steps     none
    ok       held facts     none
    ok       quarantine     none
    ok       suspects       no form looks like spam
    ok       marketing mail in 7 days 0 delivered, 0 came back, 0 called spam
    ok       last beacon    the logs of visitors were last written to about 2026-04-01 09:00
    ");
}

#[tokio::test]
async fn doctor_says_what_was_refused_of_whom() {
    let _ = tracing_subscriber::registry().with(logs::keep()).try_init();
    let (suite, target) = served().await;
    let stranger = "https://operator-test.example";
    // Only the newest kinds are named, and other tests of this process are refused a lot.
    for _ in 0..20 {
        let request = http::Request::post("/v1/batch").header("origin", stranger).header("content-type", "text/plain");
        let answer = suite.request(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let (_, said) = examined(&target).await;
        if said.contains(&format!("{stranger}: origin_not_listed")) {
            assert!(said.contains(&format!("add {stranger} to `sites`")), "{said}");
            return;
        }
    }
    panic!("{}", examined(&target).await.1);
}

/// Answers in the suite's place where a question matches.
fn instead(matches: fn(&Request) -> bool, status: StatusCode, code: &'static str, body: Value) -> impl FnOnce(Router) -> Router {
    let answer = move |request: Request, next: Next| {
        let body = body.to_string();
        async move {
            if matches(&request) {
                return (status, [("x-amzn-errortype", code)], body).into_response();
            }
            next.run(request).await
        }
    };
    move |router| router.layer(from_fn(answer))
}

fn targets(request: &Request, target: &str) -> bool {
    request.headers().get("x-amz-target").is_some_and(|own| own == target)
}

#[tokio::test]
async fn doctor_names_what_is_wrong_with_its_remedy() {
    let check = async |between: Box<dyn FnOnce(Router) -> Router>, wanted: &[&str]| {
        let (_suite, target) = served_by(between).await;
        let (well, said) = examined(&target).await;
        assert!(!well && wanted.iter().all(|wanted| said.contains(wanted)), "{wanted:?}: {said}");
    };
    let ok = StatusCode::OK;
    let empty = json!({ "Name": "Keys", "SecretString": "" });
    check(
        Box::new(instead(|request| targets(request, "secretsmanager.GetSecretValue"), ok, "", empty)),
        &["FAILED   key ring", "the key ring is empty", "never generate it anew"],
    )
    .await;
    let streamless = json!({ "Table": { "TableName": "Leads", "TableStatus": "ACTIVE" } });
    check(
        Box::new(instead(|request| targets(request, "DynamoDB_20120810.DescribeTable"), ok, "", streamless)),
        &["FAILED   table", "Leads has no stream"],
    )
    .await;
    check(
        Box::new(instead(
            |request| targets(request, "DynamoDB_20120810.DescribeTable"),
            StatusCode::BAD_REQUEST,
            "ResourceNotFoundException",
            json!({ "__type": "ResourceNotFoundException", "message": "Requested resource not found" }),
        )),
        &["FAILED   table", "Activities does not exist"],
    )
    .await;
    check(
        Box::new(instead(
            |request| request.uri().path().contains("/v2/email/identities/"),
            StatusCode::NOT_FOUND,
            "NotFoundException",
            json!({ "message": "Email identity does not exist." }),
        )),
        &["FAILED   sender", "verified neither news@tsumugi-works.example nor tsumugi-works.example", "DKIM"],
    )
    .await;
    check(
        Box::new(instead(|request| request.uri().path() == "/michi.js", StatusCode::BAD_GATEWAY, "", json!({}))),
        &["FAILED   collector", "status 502"],
    )
    .await;
}

#[tokio::test]
async fn doctor_sees_what_waits_and_what_was_given_up() {
    let (suite, target) = served().await;
    beacon(&suite, &Visitor::new("0f8fad5b-d9cb-469f-a165-70867728950e").form(suite.now(), "white-paper", &buyer())).await;
    suite.client().faults().lay_random(1, 100, &[Fault::Throttle], true);
    suite.settle().await.unwrap();
    suite.clock().set(suite.now() + SignedDuration::from_mins(45));
    suite.own().store.quarantine("q", "{}", "unreadable", suite.now()).await.unwrap();
    let (well, said) = examined(&target).await;
    assert!(!well, "work that waits for so long is done by nobody: {said}");
    for wanted in [
        "FAILED   oldest work",
        "something for michi-score is due since",
        "warning  failures",
        "then: michi redrive",
        "warning  quarantine     1 payload",
        "Stack michi: 1 failed",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}
