//! What whoever runs an installation asks of it: the commands against a suite that is served as `michi dev` serves it.

use michi_cli::account::{Installation, Target};
use michi_local::{Suite, server};

use crate::harness::suite;

/// A suite on a free port, whose clock is moved by hand.
pub(crate) async fn served() -> (Suite, Target) {
    let suite = suite().await;
    let listener = server::bind(0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = server::router(&suite, port);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (suite, Target::local(port))
}

async fn refused(target: &Target) -> String {
    format!("{:#}", target.open().await.map(|found: Installation| found.stack).unwrap_err())
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
    assert!(said.contains(&format!("http://127.0.0.1:{port}/_michi/aws")) && said.contains("does not answer"), "{said}");
    let long = Target { local: None, endpoint: Some(format!("http://127.0.0.1:{port}/_michi/aws/")), ..Target::local(port) };
    assert_eq!(refused(&long).await.matches("does not answer").count(), 1);
}
