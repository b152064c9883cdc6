//! The template as wiring, and how the functions ran.

use std::time::Duration;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;

use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::text::plain;
use super::{Console, Limit};
use crate::template::{Function, Grant, Index, Mapping, Schedule, TEMPLATE_NAME, Table};
use crate::{Cause, Run, Suite};

/// `wiring.json`.
#[derive(Serialize)]
struct Wiring {
    now: Timestamp,
    /// The file it was read from.
    template: String,
    functions: Vec<Wired>,
    tables: Vec<Kept>,
    /// The names of the event buses.
    buses: Vec<String>,
    /// The last runs, newest first.
    runs: Vec<Ran>,
}

/// A function, what starts it, what it may do, and how it ran.
#[derive(Serialize)]
struct Wired {
    name: String,
    /// Its name in the template.
    resource: String,
    /// As in `POST /v1/batch`.
    routes: Vec<String>,
    streams: Vec<Stream>,
    schedules: Vec<Every>,
    grants: Vec<Grant>,
    /// How often it ran.
    runs: usize,
    /// How often it failed.
    errors: usize,
    /// The middle one of how long its runs took, in milliseconds.
    median_ms: Option<f64>,
}

/// A stream that starts a function.
#[derive(Serialize)]
struct Stream {
    name: String,
    table: String,
    batch_size: usize,
    /// How often a batch is tried again; null for as long as the stream keeps it.
    retries: Option<u32>,
    bisect: bool,
    /// Whether the function names the records it could not handle.
    partial: bool,
    /// The filters as written; the function sees what matches any of them.
    filters: Vec<String>,
}

/// A start by time.
#[derive(Serialize)]
struct Every {
    name: String,
    seconds: i64,
    input: serde_json::Value,
}

/// A table.
#[derive(Serialize)]
struct Kept {
    name: String,
    /// Partition key and sort key.
    keys: Vec<String>,
    /// Name, partition key and sort key of each index.
    indexes: Vec<(String, Vec<String>)>,
    /// What its stream shows, if it has one.
    stream: Option<String>,
    /// The attribute that says when an item expires.
    ttl: Option<String>,
}

/// One run of a function.
#[derive(Serialize)]
struct Ran {
    function: String,
    cause: Cause,
    at: Timestamp,
    took_ms: f64,
    error: Option<String>,
}

pub(super) async fn json(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    page::json(&wiring(&console.suite, limit?.get()))
}

#[derive(Template)]
#[template(path = "wiring.html")]
struct WiringPage {
    frame: Frame,
    wiring: Wiring,
    runs: Vec<Row>,
}

struct Row {
    at: Moment,
    function: String,
    cause: &'static str,
    took: String,
    error: Option<String>,
}

pub(super) async fn show(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    let (wiring, reader) = (wiring(&console.suite, limit?.get()), Reader::of(&console));
    let runs = wiring.runs.iter().map(|run| Row {
        at: reader.said(run.at),
        function: run.function.clone(),
        cause: match run.cause {
            Cause::Http => "request",
            Cause::Stream => "stream",
            Cause::Event => "event",
            Cause::Schedule => "schedule",
            Cause::Hand => "by hand",
        },
        took: took(run.took_ms),
        error: run.error.as_deref().map(plain),
    });
    let runs = runs.collect();
    page::render(&WiringPage { frame: Frame::new(&console, "/wiring", "Wiring"), wiring, runs })
}

fn wiring(suite: &Suite, limit: usize) -> Wiring {
    let (wiring, runs) = (suite.wiring(), suite.runs());
    let template = suite.options().template.as_ref();
    Wiring {
        now: suite.now(),
        template: template.map_or_else(|| TEMPLATE_NAME.to_owned(), |path| path.display().to_string()),
        functions: wiring.functions.iter().map(|function| Wired::of(function, wiring, &runs)).collect(),
        tables: wiring.tables.iter().map(Kept::of).collect(),
        buses: wiring.buses.clone(),
        runs: runs.iter().rev().take(limit).map(Ran::of).collect(),
    }
}

impl Wired {
    fn of(function: &Function, wiring: &crate::template::Wiring, runs: &[Run]) -> Self {
        let name = &function.name;
        let own = || runs.iter().filter(|run| run.function == *name);
        let mut times: Vec<Duration> = own().map(|run| run.took).collect();
        times.sort();
        Self {
            name: name.clone(),
            resource: function.resource.clone(),
            routes: wiring.routes.iter().filter(|route| route.function == *name).map(|route| route.key.clone()).collect(),
            streams: wiring.mappings.iter().filter(|mapping| mapping.function == *name).map(Stream::of).collect(),
            schedules: function.schedules.iter().map(Every::of).collect(),
            grants: function.grants.clone(),
            runs: times.len(),
            errors: own().filter(|run| run.error.is_some()).count(),
            median_ms: times.get(times.len() / 2).copied().map(millis),
        }
    }

    /// How long a run takes, if any was made.
    fn usual(&self) -> Option<String> {
        self.median_ms.map(took)
    }
}

impl Stream {
    fn of(mapping: &Mapping) -> Self {
        Self {
            name: mapping.name.clone(),
            table: mapping.table.clone(),
            batch_size: mapping.batch_size,
            retries: mapping.retries,
            bisect: mapping.bisect,
            partial: mapping.partial,
            filters: mapping.patterns.clone(),
        }
    }
}

impl Every {
    fn of(schedule: &Schedule) -> Self {
        Self { name: schedule.name.clone(), seconds: schedule.every.as_secs(), input: schedule.input.clone() }
    }

    /// How often, in words.
    fn words(&self) -> String {
        match self.seconds {
            60 => "every minute".to_owned(),
            seconds if seconds % 60 == 0 => format!("every {} minutes", seconds / 60),
            seconds => format!("every {seconds} seconds"),
        }
    }
}

impl Kept {
    fn of(table: &Table) -> Self {
        let index = |index: &Index| (index.name.clone(), index.keys.clone());
        Self {
            name: table.name.clone(),
            keys: table.keys.clone(),
            indexes: table.indexes.iter().map(index).collect(),
            stream: table.stream.clone(),
            ttl: table.ttl.clone(),
        }
    }
}

impl Ran {
    fn of(run: &Run) -> Self {
        let Run { function, cause, at, took, error } = run;
        Self { function: function.clone(), cause: *cause, at: *at, took_ms: millis(*took), error: error.clone() }
    }
}

/// Milliseconds, to the hundredth.
fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 100_000.0).round() / 100.0
}

fn took(millis: f64) -> String {
    if millis < 10.0 { format!("{millis:.1} ms") } else { format!("{millis:.0} ms") }
}
