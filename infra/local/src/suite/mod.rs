//! Everything of one installation in one process: tables, streams, functions, mailbox, bus, clock.

mod due;
mod folder;
mod functions;
mod live;
mod playbook;
mod requests;
mod run;
mod start;
mod time;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use jiff::{SignedDuration, Timestamp};
use michi::io::{App, Clock};

use crate::bus::EventBus;
use crate::client::Client;
use crate::dynamo::{Dynamo, Ledger};
use crate::functions::{Functions, Run};
use crate::ses::Mailbox;
use crate::streams::{ABANDONED, Abandoned, Disorder, Streams};
use crate::template::Wiring;

pub use due::WakeUp;
pub use playbook::Desk;
pub use requests::{Beacon, Observed, Refused};
pub use time::Pace;

/// What a suite is started with.
#[derive(Debug, Clone)]
pub struct Options {
    /// A template instead of the one built in.
    pub template: Option<PathBuf>,
    /// The playbook's folder; None for the default playbook built in.
    pub playbook: Option<PathBuf>,
    /// Where everything is kept; None for memory.
    pub data: Option<PathBuf>,
    /// Where browsers reach this suite, without a slash at the end. The playbook in use allows it as an origin.
    pub collector_url: String,
    /// How the clock goes.
    pub pace: Pace,
    /// A seed for the few ids that no cause determines; None for true chance.
    pub seed: Option<u64>,
    /// How the streams misbehave; None for in order and once.
    pub disorder: Option<Disorder>,
    /// Functions whose clocks are wrong, and by how much.
    pub skew: BTreeMap<String, SignedDuration>,
}

/// Everything of one installation. Clones share it; it ends with the last.
#[derive(Clone)]
pub struct Suite {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    wiring: Wiring,
    client: Client,
    dynamo: Arc<Dynamo>,
    mailbox: Arc<Mailbox>,
    bus: Arc<EventBus>,
    ledger: Ledger,
    time: Arc<time::Time>,
    functions: Arc<Functions>,
    streams: Streams,
    due: Option<due::Due>,
    apps: BTreeMap<String, App>,
    routers: BTreeMap<String, Router>,
    own: App,
    desk: Mutex<Desk>,
    observed: Mutex<Observed>,
    /// When each schedule last started its function.
    started: Mutex<BTreeMap<String, Timestamp>>,
    _folder: Option<folder::Folder>,
}

impl Options {
    /// In memory, with a clock that stands on a Wednesday morning in Tokyo, and with chance that repeats.
    #[must_use]
    pub fn test() -> Self {
        let start = Timestamp::from_second(1_775_001_600).unwrap_or(Timestamp::UNIX_EPOCH);
        Self {
            template: None,
            playbook: None,
            data: None,
            collector_url: "http://127.0.0.1:7070".to_owned(),
            pace: Pace::Manual(start),
            seed: Some(1),
            disorder: None,
            skew: BTreeMap::new(),
        }
    }
}

impl Suite {
    /// What the functions call, with the record of their calls and the fault schedule.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The mails sent.
    pub fn mailbox(&self) -> &Mailbox {
        &self.inner.mailbox
    }

    /// The events published.
    pub fn bus(&self) -> &EventBus {
        &self.inner.bus
    }

    /// The clock that the functions read, but for those whose clock is wrong.
    pub fn clock(&self) -> &Clock {
        self.inner.time.clock()
    }

    /// Now, by that clock.
    pub fn now(&self) -> Timestamp {
        self.inner.time.flow(*self.inner.functions.running().borrow() > 0);
        self.clock().now()
    }

    /// What a function gets. Its calls count as the function's.
    pub fn app(&self, function: &str) -> Option<&App> {
        self.inner.apps.get(function)
    }

    /// The same for the suite itself and for tests: its calls need no role, meet no faults and have no number.
    pub fn own(&self) -> &App {
        &self.inner.own
    }

    /// The tables themselves, below the SDK.
    pub fn dynamo(&self) -> &Dynamo {
        &self.inner.dynamo
    }

    /// What the template connects.
    pub fn wiring(&self) -> &Wiring {
        &self.inner.wiring
    }

    /// What the suite was started with.
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// The runs of functions so far, oldest first.
    pub fn runs(&self) -> Vec<Run> {
        self.inner.functions.runs()
    }

    /// Stream records that were given up.
    pub fn abandoned(&self) -> anyhow::Result<Vec<Abandoned>> {
        self.inner.streams.abandoned()
    }

    /// The same with a number each, under which it can be dropped or kept in part.
    pub(crate) fn given_up(&self) -> anyhow::Result<Vec<(i64, Abandoned)>> {
        self.inner.ledger.numbered(ABANDONED)
    }

    pub(crate) fn drop_given_up(&self, number: i64) -> anyhow::Result<()> {
        self.inner.ledger.remove(number)
    }

    pub(crate) fn keep_given_up(&self, number: i64, batch: &Abandoned) -> anyhow::Result<()> {
        self.inner.ledger.replace(number, batch)
    }

    /// What waits in the due index, the earliest first, at most `limit`.
    pub fn wake_ups(&self, limit: usize) -> anyhow::Result<Vec<WakeUp>> {
        self.inner.due.as_ref().map_or_else(|| Ok(Vec::new()), |due| due.all(limit))
    }
}

impl std::fmt::Debug for Suite {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Suite").field("options", &self.inner.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
