//! Segment's own packages, with nothing changed but the host. Their first answer is lost, so that they send again.
//!
//! `tests/run` installs them and sets `MICHI_SDKS` to the Python interpreter that has its package.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use jiff::SignedDuration;
use michi::activity::{Kind, Log, LogOwner, Proof, Source};
use michi::id::VisitorId;
use michi_local::{Fault, Planned, Service, Suite};
use tokio::process::Command;

use crate::harness::{suite, write_key};
use crate::ingestion::with_server;

/// The interpreter to run Python with; none, and said so, if the packages are not installed.
fn python() -> Option<String> {
    #[allow(clippy::disallowed_methods, reason = "tests/run says by it whether the packages are there")]
    let python = std::env::var("MICHI_SDKS").ok();
    if python.is_none() {
        println!("skipped: the SDKs are not installed; tests/run installs them and sets MICHI_SDKS");
    }
    python
}

async fn log(suite: &Suite, owner: LogOwner) -> Log {
    suite.own().store.log(&owner).await.unwrap()
}

fn told(log: &Log) -> BTreeSet<String> {
    let activities = log.records.iter().flat_map(|record| &record.activities);
    let words = activities.filter_map(|activity| match &activity.kind {
        Kind::Identified { address, traits, .. } => {
            let traits: Vec<String> = traits.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Some(format!("identified {} {}", address.as_ref()?, traits.join(" ")))
        }
        Kind::PageViewed(page) => Some(format!("page {} {}", page.url, page.title.as_ref()?)),
        Kind::Tracked { event, properties } => {
            let properties: Vec<String> = properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Some(format!("tracked {event} {}", properties.join(" ")))
        }
        _ => None,
    });
    words.collect()
}

fn texts<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
    texts.map(str::to_owned).into()
}

/// Runs a program that sends as `<name>-user` and `<name>-browser`, and looks at what has become of it.
async fn check(name: &str, program: &str, script: &str) {
    let suite = suite().await;
    let router = with_server(&suite, "sk_test").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });

    // It took effect, and nobody hears of it.
    suite.client().faults().lay([Planned::nth("track", Service::DynamoDb, "TransactWriteItems", 1, Fault::AfterEffect)]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sdks");
    let mut command = Command::new(program);
    command.arg(script).current_dir(folder).stdin(Stdio::null());
    command.env("HOST", &host).env("SERVER_KEY", "sk_test").env("SITE_KEY", write_key(&suite));
    let output = command.output().await.unwrap();
    server.abort();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(suite.client().faults().waiting(), 0, "the fault did strike");

    suite.settle().await.unwrap();
    let browser = log(&suite, LogOwner::Visitor(VisitorId::parse(format!("{name}-browser")).unwrap())).await;
    assert_eq!(told(&browser), texts(["page https://www.example.com/cases/kansai 導入事例", "tracked Video Watched "]));
    assert!(browser.records.iter().all(|record| record.source == Source::Site));
    let at = |event: &str| {
        let mut activities = browser.records.iter().flat_map(|record| &record.activities);
        activities.find(|activity| matches!(&activity.kind, Kind::Tracked { event: found, .. } if found == event)).unwrap().at
    };
    let ago = suite.now().duration_since(at("Video Watched"));
    assert!((SignedDuration::from_secs(55)..SignedDuration::from_secs(120)).contains(&ago), "{ago}");

    let address = michi::address::Address::parse(&format!("{name}@acme.example")).unwrap();
    let lead = suite.own().store.address_owner(&suite.own().keys.address_hash(&address)).await.unwrap().expect("a lead");
    let log = log(&suite, LogOwner::Lead(lead)).await;
    let traits = "company=Acme company.employees=120 firstName=Ann lastName=Lee name=Ann Lee";
    let identified = format!("identified {address} {traits} user_id={name}-user");
    assert_eq!(
        told(&log),
        texts([&identified, "page https://www.example.com/pricing Pricing", "tracked Plan Chosen plan=team seats=20"])
    );
    let linked: Vec<Proof> = log
        .records
        .iter()
        .flat_map(|record| &record.activities)
        .filter_map(|activity| if let Kind::VisitorLinked { proof, .. } = activity.kind { Some(proof) } else { None })
        .collect();
    assert_eq!(linked, [Proof::Proven]);
    // What was sent twice counts once.
    let ids: Vec<_> = log.records.iter().flat_map(|record| &record.activities).map(|activity| &activity.id).collect();
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_node_works_by_its_host_alone() {
    if python().is_some() {
        check("node", "node", "send.mjs").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn analytics_python_works_by_its_host_alone() {
    if let Some(python) = python() {
        check("python", &python, "send.py").await;
    }
}
