//! What was called, by whom, and what it consumed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use serde::Serialize;
use serde_json::Value;

use super::fault::Fault;
use super::{Outgoing, Service};
use crate::lock::lock;
use crate::template::Access;

/// One attempt of one call to a service.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    /// Its number among the calls of functions, from 1; the attempts of a call share it. None if no function called.
    pub ordinal: Option<u64>,
    /// The function that called.
    pub function: Option<String>,
    /// The run of the function.
    pub invocation: Option<u64>,
    /// The service.
    pub service: Service,
    /// The operation, as in `PutItem`.
    pub operation: String,
    /// 1 for the first attempt, more for the SDK's retries.
    pub attempt: u32,
    /// What it touches in the tables.
    pub touches: Vec<Touch>,
    /// What it asks of the caller's role.
    pub asks: Vec<Access>,
    /// Consumed capacity, by table (`Leads`) and index (`Leads/due`).
    pub units: BTreeMap<String, Units>,
    /// How it ended.
    pub outcome: Outcome,
    /// The fault that struck it.
    pub fault: Option<Fault>,
}

/// A part of a call: one action on one item or one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Touch {
    /// The action as a role names it, without the service.
    pub action: String,
    /// The table.
    pub table: String,
    /// The index.
    pub index: Option<String>,
    /// The partition key; empty where a request names none.
    pub partition: String,
}

/// Capacity units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Outcome {
    /// The service answered.
    Answered,
    /// The service refused, with this code.
    Refused(String),
    /// No answer came.
    Lost,
    /// The function ended with this call.
    Crashed,
    /// No answer yet.
    UnderWay,
}

/// What calls of one operation by one caller came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Sum {
    /// How many attempts have ended.
    pub calls: u64,
    /// What they consumed, by table and index.
    pub units: BTreeMap<String, Units>,
}

/// The calls of a suite, the newest last. Old ones are forgotten, and stay in the sums.
#[derive(Debug, Default)]
pub struct Record(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    calls: VecDeque<Call>,
    sums: BTreeMap<(Option<String>, String), Sum>,
    /// How many calls stood before the oldest one kept.
    forgotten: u64,
    ordinal: u64,
    ordinals: VecDeque<(String, u64)>,
}

/// The most calls kept.
const KEPT: usize = 50_000;
/// The most calls whose retries are still recognised.
const RETRIED: usize = 256;

/// A place in the record, to read on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(u64);

impl Record {
    /// The present end.
    pub fn mark(&self) -> Mark {
        let log = lock(&self.0);
        Mark(log.forgotten + log.calls.len() as u64)
    }

    /// The calls since a mark.
    pub fn since(&self, mark: Mark) -> Vec<Call> {
        let log = lock(&self.0);
        let skipped = usize::try_from(mark.0.saturating_sub(log.forgotten)).unwrap_or(usize::MAX);
        log.calls.iter().skip(skipped).cloned().collect()
    }

    /// All calls kept.
    pub fn calls(&self) -> Vec<Call> {
        self.since(Mark(0))
    }

    /// What all calls so far came to, by the function that called, if one did, and the operation.
    pub fn sums(&self) -> BTreeMap<(Option<String>, String), Sum> {
        lock(&self.0).sums.clone()
    }

    /// Enters a call that is about to be made. Returns it and its place.
    pub(super) fn enter(&self, function: Option<&str>, outgoing: &Outgoing, touches: Vec<Touch>) -> (Call, Mark) {
        let log = &mut *lock(&self.0);
        let ordinal = function.map(|_| log.number(&outgoing.sdk_call));
        let call = Call {
            ordinal,
            function: function.map(str::to_owned),
            invocation: crate::invoke::Invocation::current().map(|invocation| invocation.number),
            service: outgoing.service,
            operation: outgoing.operation.clone(),
            attempt: outgoing.attempt,
            touches,
            asks: Vec::new(),
            units: BTreeMap::new(),
            outcome: Outcome::UnderWay,
            fault: None,
        };
        log.calls.push_back(call.clone());
        if log.calls.len() > KEPT {
            log.calls.pop_front();
            log.forgotten += 1;
        }
        (call, Mark(log.forgotten + log.calls.len() as u64 - 1))
    }

    pub(super) fn close(&self, place: Mark, call: Call) {
        let log = &mut *lock(&self.0);
        log.count(&call);
        let entered = place.0.checked_sub(log.forgotten).and_then(|index| log.calls.get_mut(usize::try_from(index).ok()?));
        if let Some(entered) = entered {
            *entered = call;
        }
    }
}

impl Log {
    fn count(&mut self, call: &Call) {
        let sum = self.sums.entry((call.function.clone(), call.operation.clone())).or_default();
        sum.calls += 1;
        for (table, units) in &call.units {
            let all = sum.units.entry(table.clone()).or_default();
            *all = [*all, *units].into_iter().sum();
        }
    }

    fn number(&mut self, sdk_call: &str) -> u64 {
        if let Some((_, ordinal)) = self.ordinals.iter().find(|(known, _)| known == sdk_call) {
            return *ordinal;
        }
        self.ordinal += 1;
        self.ordinals.push_back((sdk_call.to_owned(), self.ordinal));
        if self.ordinals.len() > RETRIED {
            self.ordinals.pop_front();
        }
        self.ordinal
    }
}

impl Call {
    /// The capacity of all tables and indexes together.
    pub fn total(&self) -> Units {
        self.units.values().copied().sum()
    }
}

impl std::iter::Sum for Units {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        units.fold(Self::default(), |sum, units| Self { read: sum.read + units.read, write: sum.write + units.write })
    }
}

impl Touch {
    /// The partition key up to its first `#`: `lead` of `lead#1234`.
    pub fn noun(&self) -> &str {
        self.partition.split('#').next().unwrap_or_default()
    }
}

/// Reads `ConsumedCapacity` of an answer, one object or a list.
pub(super) fn units(operation: &str, answer: &Value) -> BTreeMap<String, Units> {
    let mut units: BTreeMap<String, Units> = BTreeMap::new();
    let consumed = answer.get("ConsumedCapacity");
    let parts = consumed
        .and_then(Value::as_array)
        .map_or_else(|| consumed.into_iter().collect(), |parts| parts.iter().collect::<Vec<_>>());
    for part in parts {
        let number = |value: &Value| value.get("CapacityUnits").and_then(Value::as_f64).unwrap_or_default();
        let table = part.get("TableName").and_then(Value::as_str).unwrap_or_default();
        let mut add = |name: String, amount: f64| {
            let sum = units.entry(name).or_default();
            if crate::dynamo::writes(operation) { sum.write += amount } else { sum.read += amount }
        };
        if let Some(base) = part.get("Table") {
            add(table.to_owned(), number(base));
        }
        for (index, amount) in part.get("GlobalSecondaryIndexes").and_then(Value::as_object).into_iter().flatten() {
            add(format!("{table}/{index}"), number(amount));
        }
    }
    units.retain(|_, units| units.read != 0.0 || units.write != 0.0);
    units
}
