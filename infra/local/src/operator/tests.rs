//! The door for the `michi` command: who is let in, and what is not modelled.

use tower::ServiceExt;

use super::*;
use crate::{Options, server};

async fn asked(headers: &[(&'static str, &str)], path: &str) -> (StatusCode, Value) {
    let suite = Suite::start(Options::test()).await.unwrap();
    let mut request = Request::get(path).header(header::HOST, "127.0.0.1:7070");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = server::router(&suite, 7070).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    (status, serde_json::from_slice(&to_bytes(answer.into_body(), LARGEST).await.unwrap()).unwrap_or_default())
}

const SIGNED: (&str, &str) = ("authorization", "AWS4-HMAC-SHA256 Credential=local");
const CONFIGURATION: &str = "/_michi/aws/2015-03-31/functions/michi-notify/configuration";

#[tokio::test]
async fn a_function_says_what_it_is_told() {
    let (status, told) = asked(&[SIGNED], CONFIGURATION).await;
    assert_eq!(status, StatusCode::OK, "{told}");
    let variables = &told["Environment"]["Variables"];
    assert_eq!(
        (&variables["MICHI_LEADS_TABLE"], &variables["MICHI_LOCAL_NOW"]),
        (&"Leads".into(), &"2026-04-01T00:00:00Z".into())
    );
}

#[tokio::test]
async fn only_a_signed_call_from_no_page_is_answered() {
    assert_eq!(asked(&[], CONFIGURATION).await.0, StatusCode::FORBIDDEN);
    let page = ("origin", "https://elsewhere.example");
    assert_eq!(asked(&[SIGNED, page], CONFIGURATION).await.0, StatusCode::FORBIDDEN);
    assert_eq!(asked(&[SIGNED], "/_michi/aws/2015-03-31/functions/other-notify/configuration").await.0, StatusCode::NOT_FOUND);
    assert_eq!(asked(&[SIGNED], "/_michi/aws/2015-03-31/functions").await.0, StatusCode::BAD_REQUEST);
}
