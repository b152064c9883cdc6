//! How long it takes from the activity that makes a lead ready to the mail in sales' box, over 200 leads, through the
//! whole suite at real pace: `cargo bench -p tests --bench latency`.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench"
)]

use std::time::{Duration, Instant};

use axum::body::Body;
use http::Request;
use michi_local::{Options, Pace, Suite};
use serde_json::json;

const LEADS: usize = 200;
const ORIGIN: &str = "http://127.0.0.1:7070";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let suite = Suite::start(Options { pace: Pace::Real, ..Options::test() }).await.unwrap();
        let alive = suite.clone();
        tokio::spawn(async move { alive.live().await });
        let mut times = Vec::new();
        for lead in 0..LEADS {
            // Alerts keep a pace of ten a second in the long run: what is measured is the way, not the queue.
            tokio::time::sleep(Duration::from_millis(150)).await;
            for page in ["/cases/kansai-precision", "/pricing", "/pricing/plant"] {
                send(&suite, lead, &json!({"type": "page", "messageId": format!("{lead}{page}"), "properties": {"url": format!("{ORIGIN}{page}")}})).await;
            }
            let fields = json!({"email": format!("buyer{lead}@works{lead}.example"), "company": "Works", "role": "Director", "industry": "Manufacturing", "employees": "250"});
            let form = json!({"type": "track", "event": "Form Submitted", "messageId": format!("{lead}-form"), "properties": {"form": "white-paper", "fields": fields}});
            let mut arrived = suite.mailbox().arrived();
            arrived.borrow_and_update();
            let began = Instant::now();
            send(&suite, lead, &form).await;
            while suite.mailbox().mails().len() <= lead {
                tokio::time::timeout(Duration::from_secs(10), arrived.changed()).await.expect("a mail within ten seconds").unwrap();
            }
            times.push(began.elapsed());
        }
        times.sort();
        let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize];
        println!("activity to mailbox over {LEADS} leads: p50 {:?}, p95 {:?}, worst {:?}", at(0.5), at(0.95), at(1.0));
    });
}

async fn send(suite: &Suite, lead: usize, message: &serde_json::Value) {
    let mut message = message.clone();
    message["anonymousId"] = json!(format!("visitor-{lead}"));
    message["timestamp"] = json!(suite.now().to_string());
    let body = json!({"writeKey": "pk_demo", "sentAt": suite.now().to_string(), "batch": [message]});
    let agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
    let request =
        Request::post("/v1/batch").header("origin", ORIGIN).header("user-agent", agent).header("content-type", "text/plain");
    let answer = suite.request(request.body(Body::from(body.to_string())).unwrap()).await;
    assert!(answer.status().is_success(), "{}", answer.status());
}
