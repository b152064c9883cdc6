//! What a page view costs, in counts: units, requests, invocations. These are gates; a change that makes michi dearer
//! fails here.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use michi_local::{Call, Suite, Units};
use serde_json::Value;

use crate::harness::{Visitor, beacon, buyer, suite};

/// What came of one beacon: units read and written, and runs by function.
struct Cost {
    units: Units,
    runs: BTreeMap<String, usize>,
}

async fn cost(suite: &Suite, messages: &[Value]) -> Cost {
    let (mark, runs) = (suite.client().record().mark(), suite.runs().len());
    assert!(beacon(suite, messages).await.status.is_success());
    suite.settle().await.unwrap();
    let mut by_function = BTreeMap::new();
    for run in suite.runs().into_iter().skip(runs) {
        *by_function.entry(run.function).or_default() += 1;
    }
    Cost { units: suite.client().record().since(mark).iter().map(Call::total).sum(), runs: by_function }
}

fn say(what: &str, cost: &Cost) {
    println!("{what}: {} read and {} write units, runs {:?}", cost.units.read, cost.units.write, cost.runs);
}

/// A suite whose functions hold the playbook, as they do but for one request in thirty seconds.
async fn warm_suite() -> Suite {
    let suite = suite().await;
    let mut visitor = Visitor::new("warm");
    beacon(&suite, &visitor.form(suite.now(), "inquiry", &buyer())).await;
    suite.finish(SignedDuration::from_mins(10)).await.unwrap();
    warm(&suite).await;
    suite
}

async fn warm(suite: &Suite) {
    for function in ["track", "score", "notify"] {
        suite.app(function).unwrap().playbook().await.unwrap();
    }
}

#[tokio::test]
async fn an_anonymous_page_view_is_half_a_read_and_one_write() {
    let suite = warm_suite().await;
    let mut visitor = Visitor::new("anonymous");
    let messages = visitor.page(suite.now(), "/cases/kansai-precision", "“No longer the department that stops the line”", 48);
    let cost = cost(&suite, &messages).await;
    say("one anonymous page view with its engaged time", &cost);
    assert_eq!((cost.units.read, cost.units.write), (0.5, 1.0));
    assert_eq!(cost.runs, BTreeMap::from([("track".to_owned(), 1)]));
}

#[tokio::test]
async fn an_identification_copies_ten_pages() {
    let suite = warm_suite().await;
    let mut visitor = Visitor::new("reader");
    for n in 0..10 {
        beacon(&suite, &visitor.page(suite.now(), &format!("/product/{n}"), "Product", 20)).await;
    }
    warm(&suite).await;
    let mut fields = buyer();
    fields["email"] = Value::from("other@works.example");
    let cost = cost(&suite, &visitor.form(suite.now(), "white-paper", &fields)).await;
    say("one identification with ten earlier pages, to the last mail and fact", &cost);
    assert!(cost.units.read <= 40.0 && cost.units.write <= 90.0);
}

#[tokio::test]
async fn a_page_view_of_a_known_lead_reads_its_log_once() {
    for earlier in [10_u32, 100, 1_000] {
        let suite = warm_suite().await;
        let mut visitor = Visitor::new("known");
        let mut fields = buyer();
        fields["email"] = Value::from("known@works.example");
        beacon(&suite, &visitor.form(suite.now(), "white-paper", &fields)).await;
        suite.finish(SignedDuration::from_mins(10)).await.unwrap();
        // Each page brings two activities in one record.
        for n in 0..earlier / 2 {
            beacon(&suite, &visitor.page(suite.now(), &format!("/product/{n}"), "Product", 20)).await;
        }
        suite.settle().await.unwrap();
        let bytes: usize = suite
            .items("Activities")
            .unwrap()
            .iter()
            .filter(|item| item["pk"]["S"].as_str().unwrap().starts_with("lead#"))
            .map(|item| item.to_string().len())
            .sum();
        warm(&suite).await;
        let cost = cost(&suite, &visitor.page(suite.now(), "/pricing", "Pricing", 20)).await;
        say(&format!("one page view of a lead with {earlier} earlier activities"), &cost);
        // Stored items are smaller than their JSON; one read unit for 4 KB of log, and three beside.
        assert!(cost.units.read <= bytes as f64 / 4096.0 + 3.5, "{} read units for {bytes} bytes", cost.units.read);
        assert!(cost.units.write <= 6.0, "{} write units", cost.units.write);
        assert_eq!(cost.runs, BTreeMap::from([("score".to_owned(), 1), ("track".to_owned(), 1)]));
    }
}
