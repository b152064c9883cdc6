//! The functions of the template, ready to be started, and what became of each start.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use crate::Now;
use crate::invoke::invoke;
use crate::lock::lock;

/// A function as Lambda starts it: a JSON payload in, a JSON answer or an error out.
pub type Handler = Arc<dyn Fn(Value) -> BoxFuture<'static, Result<Value, String>> + Send + Sync>;

/// What started a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// A request.
    Http,
    /// Records of a stream.
    Stream,
    /// An event of a bus.
    Event,
    /// A schedule.
    Schedule,
    /// A person.
    Hand,
}

/// One run of a function.
#[derive(Debug, Clone, Serialize)]
pub struct Run {
    /// The function.
    pub function: String,
    /// What started it.
    pub cause: Cause,
    /// When, by the suite's clock.
    pub at: Timestamp,
    /// How long it took, by the machine's clock.
    pub took: Duration,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// All functions.
pub(crate) struct Functions {
    handlers: BTreeMap<String, Handler>,
    running: watch::Sender<usize>,
    runs: Mutex<VecDeque<Run>>,
    now: Now,
}

/// The most runs kept.
const KEPT: usize = 50_000;

impl Functions {
    /// `running` is told of every run.
    pub(crate) fn new(handlers: BTreeMap<String, Handler>, running: watch::Sender<usize>, now: Now) -> Self {
        Self { handlers, running, runs: Mutex::default(), now }
    }

    /// Starts a function with a payload.
    pub(crate) async fn start(&self, function: &str, cause: Cause, payload: Value) -> Result<Value, String> {
        let Some(handler) = self.handlers.get(function) else {
            return Err(format!("there is no function {function}"));
        };
        self.run(function, cause, handler(payload)).await.and_then(|answer| answer)
    }

    /// Runs a future as a run of a function: it can be ended by a fault, and the clock stands still meanwhile.
    pub(crate) async fn run<T>(&self, function: &str, cause: Cause, run: impl Future<Output = T>) -> Result<T, String>
    where
        T: Failing,
    {
        let (at, began) = ((self.now)(), Instant::now());
        let busy = Busy::over(&self.running);
        let outcome = invoke(run).await.map_err(|ended| format!("{function} {ended}"));
        drop(busy);
        let error = outcome.as_ref().map_or_else(|error| Some(error.clone()), Failing::failure);
        let mut runs = lock(&self.runs);
        runs.push_back(Run { function: function.to_owned(), cause, at, took: began.elapsed(), error });
        if runs.len() > KEPT {
            runs.pop_front();
        }
        outcome
    }

    /// How many runs are under way; changes with each.
    pub(crate) fn running(&self) -> watch::Receiver<usize> {
        self.running.subscribe()
    }

    /// The runs so far, oldest first.
    pub(crate) fn runs(&self) -> Vec<Run> {
        lock(&self.runs).iter().cloned().collect()
    }
}

/// An answer that may be a failure.
pub(crate) trait Failing {
    fn failure(&self) -> Option<String>;
}

impl<T> Failing for Result<T, String> {
    fn failure(&self) -> Option<String> {
        self.as_ref().err().cloned()
    }
}

impl Failing for Result<axum::response::Response, std::convert::Infallible> {
    fn failure(&self) -> Option<String> {
        let status = self.as_ref().map(axum::response::Response::status).ok()?;
        status.is_server_error().then(|| status.to_string())
    }
}

/// Counts a run for as long as it lives, also where its future is dropped half-way.
struct Busy<'a>(&'a watch::Sender<usize>);

impl<'a> Busy<'a> {
    fn over(running: &'a watch::Sender<usize>) -> Self {
        running.send_modify(|running| *running += 1);
        Self(running)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running = running.saturating_sub(1));
    }
}
