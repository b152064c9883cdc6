//! What was told to the outside world.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::text::{line, plain};
use super::{Console, Limit};
use crate::bus::Entry;

/// `facts.json`: what is on the bus, newest first.
#[derive(Serialize)]
struct Facts<'a> {
    now: Timestamp,
    /// How many there are in all.
    count: usize,
    facts: Vec<&'a Entry>,
}

pub(super) async fn json(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    let entries = console.suite.bus().entries();
    let facts = entries.iter().rev().take(limit?.get()).map(AsRef::as_ref).collect();
    page::json(&Facts { now: console.suite.now(), count: entries.len(), facts })
}

#[derive(Template)]
#[template(path = "facts.html")]
struct FactsPage {
    frame: Frame,
    count: usize,
    facts: Vec<Row>,
}

struct Row {
    at: Moment,
    what: String,
    /// What the fact says beside whom it is about, name and value.
    said: Vec<(String, String)>,
    lead: Option<String>,
    detail: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    let (entries, reader) = (console.suite.bus().entries(), Reader::of(&console));
    let facts = entries.iter().rev().take(limit?.get()).map(|entry| Row {
        at: reader.said(entry.at),
        what: line(&entry.detail_type),
        said: said(&entry.detail),
        lead: entry.detail.get("lead").and_then(Value::as_str).map(line),
        detail: plain(&serde_json::to_string_pretty(&entry.detail).unwrap_or_default()),
    });
    let frame = Frame::new(&console, "/facts", "Facts");
    page::render(&FactsPage { frame, count: entries.len(), facts: facts.collect() })
}

/// What every fact has, and need not be said in a line.
const COMMON: [&str; 5] = ["id", "version", "lead", "at", "what"];

fn said(detail: &Value) -> Vec<(String, String)> {
    let fields = detail.as_object().into_iter().flatten().filter(|(name, _)| !COMMON.contains(&name.as_str()));
    fields.filter_map(|(name, value)| Some((line(name), line(value.as_str()?)))).collect()
}
