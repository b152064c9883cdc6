//! What every journey starts with: a suite in memory whose clock is moved by hand, and somebody who visits the site.

use axum::body::Body;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use michi_local::{Options, Suite};
use serde_json::{Value, json};

/// The site that the default playbook watches, as a browser names it.
pub(crate) const ORIGIN: &str = "http://127.0.0.1:7070";

/// A browser of today.
pub(crate) const BROWSER: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

/// A suite in memory.
pub(crate) async fn suite() -> Suite {
    Suite::start(Options::test()).await.unwrap()
}

/// Somebody's browser, with the snippet in it.
pub(crate) struct Visitor {
    pub(crate) id: String,
    count: u32,
}

/// An answer of a function, read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

impl Visitor {
    pub(crate) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), count: 0 }
    }

    pub(crate) fn message(&mut self, now: Timestamp, rest: Value) -> Value {
        self.count += 1;
        let mut message = json!({
            "messageId": format!("{}-{}", self.id, self.count), "anonymousId": self.id, "timestamp": now.to_string()
        });
        message.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        message
    }

    /// A page, read for so many seconds.
    pub(crate) fn page(&mut self, now: Timestamp, path: &str, title: &str, seconds: u32) -> Vec<Value> {
        let view = format!("pv-{}-{}", self.id, self.count);
        let url = format!("{ORIGIN}{path}");
        let mut messages =
            vec![self.message(now, json!({"type": "page", "properties": {"url": url, "title": title, "page_view": view}}))];
        if seconds > 0 {
            let engaged = json!({"page_view": view, "url": url, "millis": seconds * 1000});
            messages.push(self.message(now, json!({"type": "track", "event": "Page Engaged", "properties": engaged})));
        }
        messages
    }

    /// A form.
    pub(crate) fn form(&mut self, now: Timestamp, form: &str, fields: &Value) -> Vec<Value> {
        let sent = json!({"url": format!("{ORIGIN}/{form}"), "page_view": format!("pv-{}", self.id), "form": form, "fields": fields,
            "consent": {"granted": true, "text": "Yes, write to me."}});
        vec![self.message(now, json!({"type": "track", "event": "Form Submitted", "properties": sent}))]
    }
}

/// Sends one beacon, as the snippet does.
pub(crate) async fn beacon(suite: &Suite, messages: &[Value]) -> Answer {
    let body = json!({"writeKey": write_key(suite), "sentAt": suite.now().to_string(), "batch": messages});
    post(suite, "/v1/batch", &body).await
}

/// Sends a beacon again and again until it is taken, as the snippet does.
pub(crate) async fn insist(suite: &Suite, messages: &[Value]) -> Answer {
    for _ in 0..6 {
        let answer = beacon(suite, messages).await;
        if answer.status.is_success() {
            return answer;
        }
        assert!(answer.status.is_server_error(), "{answer:?}");
        suite.advance(SignedDuration::from_secs(2)).await.unwrap();
    }
    panic!("the beacon was not taken");
}

/// Posts JSON from the site.
pub(crate) async fn post(suite: &Suite, path: &str, body: &Value) -> Answer {
    let request = Request::post(path).header("origin", ORIGIN).header("content-type", "text/plain").header("user-agent", BROWSER);
    read(suite.request(request.body(Body::from(body.to_string())).unwrap()).await).await
}

/// Reads an answer.
pub(crate) async fn read(response: axum::response::Response) -> Answer {
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 10_000_000).await.unwrap();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Answer { status, body }
}

pub(crate) fn write_key(suite: &Suite) -> String {
    suite.desk().playbook().setup.write_key.to_string()
}

/// What a buyer at a company writes into the form.
pub(crate) fn buyer() -> Value {
    json!({"email": "mika.sato@hoshino-kogyo.example", "name": "佐藤 美香", "company": "星野工業", "role": "Director",
        "industry": "Manufacturing", "employees": "250", "phone": "+81 3 1234 5678"})
}

/// The visit that makes a lead ready: two case studies, pricing, the white paper. Answers once everything owed is done.
pub(crate) async fn ready_lead(suite: &Suite, visitor: &mut Visitor) {
    let minute = SignedDuration::from_mins(1);
    for (path, title) in
        [("/cases/kansai-precision", "Kansai Precision"), ("/cases/nordic-foods", "Nordic Foods"), ("/pricing", "Pricing")]
    {
        insist(suite, &visitor.page(suite.now(), path, title, 40)).await;
        suite.advance(minute).await.unwrap();
    }
    insist(suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
}

/// Compares what was found with a committed file beside the tests; with `MICHI_REFRESH` set, writes it.
#[allow(clippy::disallowed_methods, reason = "a switch for whoever changes what is committed; nothing that ships reads it")]
pub(crate) fn compare_with_file(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    if std::env::var("MICHI_REFRESH").is_ok() {
        std::fs::write(&path, found).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = |(new, old): &(&str, &str)| new != old;
    if let Some((new, old)) = found.lines().zip(committed.lines().chain(std::iter::repeat(""))).find(differs) {
        panic!(
            "tests/{name} is not what was found. The first line that differs\n  was {old}\n  is  {new}\nIf that is meant, MICHI_REFRESH=1 writes it anew."
        );
    }
    assert!(found == committed, "tests/{name} has lines that are not found any more; MICHI_REFRESH=1 writes it anew");
}

/// Rows as columns, each as wide as its widest cell.
pub(crate) fn columns<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let heads = heads.map(str::to_owned);
    let width = |column: usize| rows.iter().chain([&heads]).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    let rule = line(&std::array::from_fn(|column| "-".repeat(widths[column])));
    [line(&heads), rule].into_iter().chain(rows.iter().map(line)).collect()
}

/// How many times as much is to be played of what takes long: the variable `MICHI_THOROUGH`, once if it is not set. Of
/// large families of schedules the usual run plays one in so many; eight times that is all of them.
#[allow(clippy::disallowed_methods, reason = "for whoever wants more than the usual run; nothing that ships reads it")]
pub(crate) fn thorough() -> usize {
    std::env::var("MICHI_THOROUGH").ok().and_then(|times| times.parse().ok()).unwrap_or(1)
}

/// Of these one in so many, in the usual run.
pub(crate) fn some<T>(all: Vec<T>, one_in: usize) -> Vec<T> {
    all.into_iter().step_by((one_in / thorough()).max(1)).collect()
}
