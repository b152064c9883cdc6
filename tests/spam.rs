//! Forms that look like spam make no lead, are told nothing of it, and can be let in.

use axum::body::Body;
use http::{Request, StatusCode};
use jiff::SignedDuration;
use michi::address::Address;
use michi::id::VisitorId;
use michi_cli::account::Target;
use michi_cli::redrive::{self, RedriveArgs};
use michi_cli::shown::Form;
use michi_cli::suspects::{self, ListArgs, SomeArgs};
use michi_local::Suite;
use serde_json::{Value, json};

use crate::consent::suite_with;
use crate::harness::{Answer, BROWSER, ORIGIN, Visitor, beacon, buyer, read, suite, write_key};
use crate::operator::served;
use crate::spine::lead_of;

/// What lies in quarantine, and why.
async fn aside(suite: &Suite) -> Vec<String> {
    let poison = suite.own().store.quarantined(suite.now()).await.unwrap();
    assert!(poison.iter().all(|poison| poison.suspect().is_some()));
    let mut reasons: Vec<String> = poison.into_iter().map(|poison| poison.reason).collect();
    reasons.sort();
    reasons
}

async fn is_known(suite: &Suite, address: &str) -> bool {
    let hash = suite.own().keys.address_hash(&Address::parse(address).unwrap());
    suite.own().store.address_owner(&hash).await.unwrap().is_some()
}

/// A form from a network address, as the API passes it on.
async fn from(suite: &Suite, network: &str, messages: &[Value]) -> Answer {
    let body = json!({"writeKey": write_key(suite), "batch": messages}).to_string();
    let request = Request::post("/v1/batch").header("origin", ORIGIN).header("content-type", "text/plain");
    // What a sender says of itself stands first, and is not believed.
    let request = request.header("user-agent", BROWSER).header("x-forwarded-for", format!("198.51.100.1, {network}"));
    read(suite.request(request.body(Body::from(body)).unwrap()).await).await
}

fn form(suite: &Suite, n: usize, changes: &[(&str, Value)]) -> Vec<Value> {
    let mut fields = buyer();
    fields["email"] = json!(format!("p{n}@works{n}.example"));
    let mut messages = Visitor::new(&format!("v{n}")).form(suite.now(), "inquiry", &fields);
    for (place, value) in changes {
        messages[0]["properties"][*place] = value.clone();
    }
    messages
}

#[tokio::test]
async fn what_a_form_says_of_itself_puts_it_aside_and_its_sender_is_told_nothing() {
    let suite = suite().await;
    let trapped = json!({"email": "p1@works1.example", "name": "Ann", "web_address": "http://spam.example"});
    let good = beacon(&suite, &form(&suite, 0, &[("millis", json!(9_000))])).await;
    let answers = [
        beacon(&suite, &form(&suite, 1, &[("fields", trapped)])).await,
        beacon(&suite, &form(&suite, 2, &[("millis", json!(300))])).await,
    ];
    let mut robot = form(&suite, 3, &[]);
    robot[0]["context"] = json!({"userAgent": "curl/8.5.0"});
    let robot = beacon(&suite, &robot).await;
    for answer in answers.iter().chain([&robot]) {
        assert_eq!((answer.status, &answer.body), (good.status, &good.body));
    }
    // A form without script, whose page a person would see.
    let urlencoded = async |body: String| {
        let request = Request::post("/v1/track").header("origin", ORIGIN).header("user-agent", BROWSER);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        read(suite.request(request.body(Body::from(body)).unwrap()).await).await
    };
    let body = format!("writeKey={}&form=inquiry&web_address=", write_key(&suite));
    let person = urlencoded(format!("{body}&email=p4@works4.example")).await;
    let program = urlencoded(format!("{body}x&email=p5@works5.example")).await;
    assert_eq!((person.status, &person.body), (program.status, &program.body));
    suite.settle().await.unwrap();

    for (n, wanted) in [(0, true), (1, false), (2, false), (3, false), (4, true), (5, false)] {
        assert_eq!(is_known(&suite, &format!("p{n}@works{n}.example")).await, wanted, "{n}");
    }
    assert_eq!(
        aside(&suite).await,
        [
            "a field was filled in that people do not see",
            "a field was filled in that people do not see",
            "a program sent it",
            "it was sent sooner than anybody can write"
        ]
    );
    let activities = suite.items("Activities").unwrap();
    assert!(!activities.iter().any(|item| item.to_string().contains("works1.example")), "not even in the browser's log");
}

#[tokio::test]
async fn an_office_full_of_people_is_let_in() {
    let suite = suite().await;
    for n in 0..150 {
        let network = format!("192.0.2.{}", n % 250);
        assert_eq!(from(&suite, &network, &form(&suite, n, &[("millis", json!(20_000))])).await.status, StatusCode::OK);
    }
    assert_eq!(aside(&suite).await, [""; 0]);
}

#[tokio::test]
async fn limits_hold_for_address_network_and_form_and_for_a_day() {
    let rules = "spam: { per_address: 2, per_network: 3, per_form: 5 }\nholidays: []";
    let (suite, _folder) = suite_with(&[("holidays: []", rules)]).await;
    let good = from(&suite, "192.0.2.1", &form(&suite, 0, &[])).await;
    for n in 1..3 {
        from(&suite, &format!("192.0.2.{n}"), &form(&suite, n, &[])).await;
    }
    let over = from(&suite, "192.0.2.77", &form(&suite, 3, &[])).await;
    assert_eq!((over.status, &over.body), (good.status, &good.body));
    assert_eq!(aside(&suite).await, ["its network has sent as much as is taken in a day"]);
    // Another network; but the form has been sent four times now, with the one that was put aside.
    from(&suite, "2001:db8:1::1", &form(&suite, 4, &[])).await;
    from(&suite, "2001:db8:2::1", &form(&suite, 5, &[])).await;
    assert_eq!(aside(&suite).await.first().map(String::as_str), Some("its network has sent as much as is taken in a day"));
    assert_eq!(aside(&suite).await.last().map(String::as_str), Some("the form was sent as often as is taken in a day"));
    let kept = suite.items("Leads").unwrap();
    assert!(!kept.iter().any(|item| item.to_string().contains("192.0.2.") || item.to_string().contains("2001:db8")));

    suite.clock().set(suite.now() + SignedDuration::from_hours(24));
    let mut same = Visitor::new("same");
    let mut taken = 0;
    for n in 0..3 {
        let browser = &mut Visitor::new(&format!("browser-{n}"));
        let messages = browser.form(suite.now(), &format!("form-{n}"), &buyer());
        from(&suite, &format!("203.0.{n}.1"), &messages).await;
        taken += usize::from(aside(&suite).await.len() == 2);
    }
    assert_eq!(taken, 2);
    assert!(aside(&suite).await.iter().any(|why| why == "its address was named as often as is taken in a day"));
    // Who is known may say so as often as a page that asks for it is looked at.
    let identify = |n: usize| {
        json!({"type": "identify", "messageId": format!("i{n}"), "anonymousId": "same", "timestamp": suite.now().to_string(),
            "traits": {"email": "own@works.example"}})
    };
    beacon(&suite, &same.form(suite.now(), "survey", &json!({"email": "own@works.example"}))).await;
    suite.settle().await.unwrap();
    let before = aside(&suite).await.len();
    beacon(&suite, &(0..10).map(identify).collect::<Vec<_>>()).await;
    assert_eq!(aside(&suite).await.len(), before);
}

async fn listed(target: &Target) -> String {
    let mut out = vec![];
    suspects::show(&ListArgs { form: Form::default(), target: target.clone() }, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn a_person_among_the_suspects_is_let_in_by_the_same_door() {
    let (suite, target) = served().await;
    let mut visitor = Visitor::new("0f8fad5b-d9cb-469f-a165-70867728950e");
    beacon(&suite, &visitor.page(suite.now(), "/pricing", "Pricing", 40)).await;
    let mut quick = visitor.form(suite.now(), "white-paper", &buyer());
    quick[0]["properties"]["millis"] = json!(700);
    quick[0]["properties"]["fields"]["web_address"] = json!("https://hoshino-kogyo.example");
    beacon(&suite, &quick).await;
    beacon(&suite, &form(&suite, 1, &[("millis", json!(0))])).await;
    suite.settle().await.unwrap();
    assert!(!is_known(&suite, "mika.sato@hoshino-kogyo.example").await);

    // What could not be read is handed over again, and suspects stay.
    let mut out = vec![];
    let args = RedriveArgs { dry_run: false, json: false, target: target.clone() };
    assert!(redrive::redrive(&args, &mut out).await.unwrap().is_done());
    assert!(String::from_utf8(out).unwrap().contains("0 payloads in quarantine"));
    let said = listed(&target).await;
    assert!(said.contains("mika.sato@hoshino-kogyo.example") && said.contains("p1@works1.example"), "{said}");

    suite.advance(SignedDuration::from_hours(30)).await.unwrap();
    let id = |address: &str| said.lines().find(|line| line.contains(address)).unwrap().split(' ').next().unwrap().to_owned();
    let decide = async |ids: Vec<String>, admit| {
        let mut out = vec![];
        let args = SomeArgs { ids, target: target.clone() };
        suspects::decide(&args, admit, &mut out).await.map(|()| String::from_utf8(out).unwrap())
    };
    assert!(decide(vec!["nothing".to_owned()], true).await.is_err());
    assert!(decide(vec![id("mika.sato")], true).await.unwrap().contains("is let in"));
    assert!(decide(vec![id("p1@works1")], false).await.unwrap().contains("is dropped"));
    suite.settle().await.unwrap();
    let (_, lead) = lead_of(&suite, &visitor).await;
    assert_eq!((lead.attribute("name"), lead.attribute("web_address"), lead.pages.len()), (Some("佐藤 美香"), None, 1));
    assert!(lead.permissions.ground().is_some());
    assert!(!is_known(&suite, "p1@works1.example").await);
    assert!(listed(&target).await.contains("no form looks like spam"));
    let left = suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn nobody_takes_anothers_place_in_quarantine() {
    let suite = suite().await;
    let mut forms = form(&suite, 1, &[("millis", json!(0))]);
    beacon(&suite, &forms).await;
    // The same message id from another browser.
    forms[0]["anonymousId"] = json!("other");
    beacon(&suite, &forms).await;
    let poison = suite.own().store.quarantined(suite.now()).await.unwrap();
    let visitors: std::collections::BTreeSet<VisitorId> =
        poison.iter().filter_map(|poison| poison.suspect()).map(|suspect| suspect.visitor).collect();
    assert_eq!(visitors.len(), 2);
}
