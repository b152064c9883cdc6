//! What work takes: requests, runs, units, entries, mails, bytes.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use michi_local::client::Mark;
use michi_local::{Call, Outcome, Service, Suite, Units};
use serde_json::Value;

/// What work is done for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// Page views of nobody known.
    AnonymousPages,
    /// Fetching the snippet.
    Scripts,
    /// Page views of leads.
    KnownPages,
    /// Finding out who a browser's lead is, and looking at the lead again as time passes.
    Leads,
    /// Mail to sales.
    Mails,
    /// Pages of leads that sales opens.
    LeadPages,
    /// Links that leads follow in mail, judged and scored.
    Clicks,
    /// Mails that leads open.
    Opens,
    /// Looking every minute whether anything is due.
    Idle,
}

/// Milliseconds for which a run is taken to be billed: its own, and for each call it makes, one after the other. No model
/// of a cloud knows them; DynamoDB's own word is single-digit milliseconds.
pub(super) const OWN_MILLIS: u64 = 5;
pub(super) const CALL_MILLIS: u64 = 5;
pub(super) const MAIL_MILLIS: u64 = 100;

/// What some work takes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Taken {
    pub(super) requests: u64,
    /// By function.
    pub(super) runs: BTreeMap<String, u64>,
    pub(super) millis: u64,
    /// By table and index.
    pub(super) units: BTreeMap<String, Units>,
    pub(super) entries: u64,
    pub(super) mails: u64,
    pub(super) log_bytes: u64,
    pub(super) bytes_out: u64,
}

/// What all work of a suite took.
pub(super) struct Counts {
    pub(super) of: BTreeMap<Work, Taken>,
    pub(super) anonymous_pages: u64,
    pub(super) known_pages: u64,
    mark: Mark,
    published: usize,
    logged: Arc<Logged>,
    noted: u64,
}

impl Counts {
    pub(super) fn new(suite: &Suite, logged: Arc<Logged>) -> Self {
        let mark = suite.client().record().mark();
        let noted = logged.bytes();
        Self { of: BTreeMap::new(), anonymous_pages: 0, known_pages: 0, mark, published: 0, logged, noted }
    }

    /// Counts a request that was answered with so many bytes.
    pub(super) fn request(&mut self, work: Work, bytes_out: u64) {
        let taken = self.of.entry(work).or_default();
        taken.requests += 1;
        taken.bytes_out += bytes_out;
        if work == Work::Scripts {
            // It makes no call by which its run would be seen.
            *taken.runs.entry("track".to_owned()).or_default() += 1;
            taken.millis += OWN_MILLIS;
        }
    }

    /// Counts what was called since the last time.
    pub(super) fn take(&mut self, suite: &Suite, work: Work) {
        let calls = suite.client().record().since(self.mark);
        self.mark = suite.client().record().mark();
        let mut runs: BTreeMap<(String, u64), Vec<Call>> = BTreeMap::new();
        for call in calls {
            if let Some((function, run)) = call.function.clone().zip(call.invocation) {
                runs.entry((function, run)).or_default().push(call);
            }
        }
        for ((function, _), calls) in runs {
            let mails = matches!(function.as_str(), "notify" | "feedback");
            let work = if mails && work != Work::Idle { Work::Mails } else { work };
            let looks = |call: &Call| call.touches.iter().any(|touch| touch.index.as_deref() == Some("due"));
            // The schedule starts this run every minute, whether anything is due or not: it is part of being idle.
            let scheduled = work != Work::Idle && calls.iter().any(looks);
            let taken = self.of.entry(work).or_default();
            if !scheduled {
                *taken.runs.entry(function).or_default() += 1;
                taken.millis += OWN_MILLIS;
            }
            calls.iter().filter(|call| !scheduled || !looks(call)).for_each(|call| taken.add(call));
        }
        let (published, logged) = (suite.bus().entries().len(), self.logged.bytes());
        let taken = self.of.entry(work).or_default();
        taken.entries += (published - self.published) as u64;
        taken.log_bytes += logged - self.noted;
        (self.published, self.noted) = (published, logged);
    }
}

impl Taken {
    fn add(&mut self, call: &Call) {
        match call.service {
            Service::DynamoDb | Service::EventBridge => self.millis += CALL_MILLIS,
            Service::Ses => {
                self.millis += MAIL_MILLIS;
                self.mails += 1;
            }
        }
        for (name, units) in &call.units {
            self.consume(name, *units);
        }
        // A write whose condition fails is paid all the same, and its answer does not say how much: at least this.
        if let Outcome::Refused(code) = &call.outcome
            && ["ConditionalCheckFailedException", "TransactionCanceledException"].contains(&code.as_str())
        {
            let each = if call.operation.starts_with("Transact") { 2.0 } else { 1.0 };
            call.touches.iter().for_each(|touch| self.consume(&touch.table, Units { read: 0.0, write: each }));
        }
    }

    fn consume(&mut self, name: &str, units: Units) {
        let sum = self.units.entry(name.to_owned()).or_default();
        sum.read += units.read;
        sum.write += units.write;
    }

    pub(super) fn total(&self) -> Units {
        self.units.values().copied().sum()
    }
}

/// Counts the bytes of logs, as the functions write them.
#[derive(Debug, Default)]
pub(super) struct Logged(AtomicU64);

impl Logged {
    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Write for &Logged {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.fetch_add(line.len() as u64, Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What an item is billed as, stored: its names and values and a hundred bytes.
pub(super) fn stored(item: &Value) -> u64 {
    let bytes: usize = item.as_object().unwrap().iter().map(|(name, value)| name.len() + size(value)).sum();
    bytes as u64 + 100
}

/// The entry of an item in an index that holds keys only.
pub(super) fn indexed(item: &Value, keys: [&str; 4]) -> Option<u64> {
    let of = |name: &str| Some(name.len() + size(item.get(name)?));
    let sizes: Option<Vec<usize>> = keys.into_iter().map(of).collect();
    Some(sizes?.into_iter().sum::<usize>() as u64 + 100)
}

fn size(value: &Value) -> usize {
    let (kind, value) = value.as_object().and_then(|value| value.iter().next()).unwrap();
    match kind.as_str() {
        "S" => value.as_str().unwrap().len(),
        // Base 64, four letters for three bytes.
        "B" => value.as_str().unwrap().len() / 4 * 3,
        "N" => value.as_str().unwrap().trim_matches('-').len().div_ceil(2) + 1,
        "BOOL" | "NULL" => 1,
        "L" => 3 + value.as_array().unwrap().iter().map(|value| 1 + size(value)).sum::<usize>(),
        "M" => 3 + value.as_object().unwrap().iter().map(|(name, value)| 1 + name.len() + size(value)).sum::<usize>(),
        _ => panic!("no item has {kind}"),
    }
}
