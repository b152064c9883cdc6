//! Letting things happen: streams handed over, schedules started, the clock moved.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Suite, WakeUp};
use crate::dynamo::{StreamRecord, text};
use crate::functions::Cause;
use crate::lock::lock;

/// The most starts by schedule in one move of the clock, so that work which never ends is noticed.
const STARTS: usize = 100_000;

impl Suite {
    /// Hands over what is in the streams, and events that are due, until nothing is left. Returns the number of batches and
    /// events.
    ///
    /// # Errors
    ///
    /// If the tables cannot be read. What functions fail at is in [`Suite::runs`] and [`Suite::abandoned`].
    pub async fn settle(&self) -> anyhow::Result<usize> {
        let mut total = 0;
        loop {
            let handed = self.inner.streams.drain().await? + self.hand_over_events().await?;
            if handed == 0 {
                return Ok(total);
            }
            total += handed;
        }
    }

    /// Hands over the events that are due. Returns how many.
    pub(super) async fn hand_over_events(&self) -> anyhow::Result<usize> {
        let reports = self.inner.mailbox.reports();
        let mut handed = 0;
        while let Some(delivery) = reports.take()? {
            handed += 1;
            let done = self.inner.functions.start(&delivery.function, Cause::Event, delivery.event.clone()).await;
            if let Err(reason) = done {
                reports.failed(delivery, &reason)?;
            }
        }
        Ok(handed)
    }

    /// Starts a function as its schedule does.
    ///
    /// # Errors
    ///
    /// The function's own, in words.
    pub async fn tick(&self, function: &str) -> Result<Value, String> {
        let schedules = self.wiring().function(function).map(|function| function.schedules.as_slice()).unwrap_or_default();
        let input = schedules.first().map_or(Value::Null, |schedule| schedule.input.clone());
        lock(&self.inner.started).insert(function.to_owned(), self.now());
        let payload = if input.is_null() { json!({}) } else { input };
        self.inner.functions.start(function, Cause::Schedule, payload).await
    }

    /// Starts a function with a payload, as a person may.
    pub(crate) async fn invoke(&self, function: &str, payload: Value) -> Result<Value, String> {
        self.inner.functions.start(function, Cause::Hand, payload).await
    }

    /// Starts every scheduled function that has something due now, and hands over what follows, until nothing more
    /// comes of it.
    ///
    /// # Errors
    ///
    /// As [`Suite::settle`].
    pub async fn sweep(&self) -> anyhow::Result<()> {
        self.settle().await?;
        let now = self.now();
        for (at, function) in self.next_starts()? {
            if at <= now {
                // What fails stays due, and its schedule comes again.
                let _failed = self.tick(&function).await;
                self.settle().await?;
            }
        }
        Ok(())
    }

    /// Moves the clock on, stopping at everything that falls due on the way.
    ///
    /// # Errors
    ///
    /// As [`Suite::settle`]; or if the work on the way never ends.
    pub async fn advance(&self, by: SignedDuration) -> anyhow::Result<()> {
        let end = self.now().checked_add(by)?;
        self.sweep().await?;
        let mut starts = 0;
        while let Some(at) = self.next_stop()?.filter(|at| *at <= end) {
            starts += 1;
            anyhow::ensure!(starts < STARTS, "work falls due without end: {:?}", self.wake_ups(3)?);
            self.inner.time.jump(at);
            self.sweep().await?;
        }
        self.inner.time.jump(end);
        self.inner.dynamo.expire()?;
        self.settle().await?;
        self.keep_clock()
    }

    /// Moves the clock on while everything sleeps: nothing is handed over, and no schedule starts anything.
    ///
    /// # Errors
    ///
    /// If there is no such time.
    pub fn sleep(&self, by: SignedDuration) -> anyhow::Result<()> {
        self.inner.time.jump(self.now().checked_add(by)?);
        Ok(())
    }

    /// Moves the clock to the next thing due, and does it. Returns when that was; None if nothing is due.
    ///
    /// # Errors
    ///
    /// As [`Suite::settle`].
    pub async fn advance_to_next_due(&self) -> anyhow::Result<Option<Timestamp>> {
        self.settle().await?;
        let Some(at) = self.next_stop()? else { return Ok(None) };
        self.inner.time.jump(at);
        self.sweep().await?;
        self.keep_clock()?;
        Ok(Some(at))
    }

    /// Lets everything that is owed be done, moving the clock to each thing due, for at most `limit`. Reviews of leads
    /// and steps of scenarios are not waited for: there is always a next one. Answers what is left then, as [`Suite::leftovers`].
    ///
    /// # Errors
    ///
    /// As [`Suite::settle`].
    pub async fn finish(&self, limit: SignedDuration) -> anyhow::Result<Vec<String>> {
        let end = self.now().checked_add(limit)?;
        loop {
            self.settle().await?;
            match self.next_stop()? {
                Some(at) if at <= end && !self.is_done()? => {
                    self.inner.time.jump(at);
                    self.sweep().await?;
                }
                _ => return self.leftovers(),
            }
        }
    }

    /// What a finished journey must not leave behind: records not handed over or given up, anything due but reviews of
    /// leads and steps of scenarios that lie ahead, and quarantined payloads. One line each.
    ///
    /// # Errors
    ///
    /// If the tables cannot be read.
    pub fn leftovers(&self) -> anyhow::Result<Vec<String>> {
        let mut left = self.undone()?;
        for item in self.items(&self.own().settings.leads_table)? {
            if text(&item, "pk").starts_with("quarantine#") {
                left.push(format!("in quarantine: {} {}", text(&item, "sk"), text(&item, "reason")));
            }
        }
        Ok(left)
    }

    /// Whether nothing waits to be done but reviews of leads and steps of scenarios that lie ahead.
    ///
    /// # Errors
    ///
    /// If the tables cannot be read.
    pub fn is_done(&self) -> anyhow::Result<bool> {
        Ok(self.undone()?.is_empty())
    }

    fn undone(&self) -> anyhow::Result<Vec<String>> {
        let mut left = Vec::new();
        if !self.inner.streams.is_drained()? {
            left.push("records in a stream".to_owned());
        }
        for given_up in self.abandoned()? {
            left.push(format!("given up by {}: {} records, {}", given_up.mapping, given_up.records.len(), given_up.reason));
        }
        for (reason, event) in self.inner.mailbox.reports().dead()? {
            let what = event.get("detail-type").and_then(|what| what.as_str()).unwrap_or_default();
            left.push(format!("an event is given up: {what}, {reason}"));
        }
        let now = self.now();
        if let Some(at) = self.inner.mailbox.reports().next() {
            left.push(format!("an event is on its way until {at}"));
        }
        for WakeUp { due, function, pk, sk } in self.wake_ups(10_000)? {
            let waits = sk == "lead" || sk.starts_with("enrollment#");
            if !waits || due <= now {
                left.push(format!("due for {function} at {due}: {pk} {sk}"));
            }
        }
        Ok(left)
    }

    /// All items of a table in DynamoDB's JSON, in the order of their keys.
    ///
    /// # Errors
    ///
    /// If there is no such table.
    pub fn items(&self, table: &str) -> anyhow::Result<Vec<Value>> {
        let scan = self.inner.dynamo.items("Scan", json!({ "TableName": table }));
        let mut items: Vec<Value> = scan.collect::<anyhow::Result<_>>()?;
        let key = |item: &Value| ["pk", "sk"].map(|name| item.get(name).map(Value::to_string));
        items.sort_by_key(key);
        Ok(items)
    }

    /// The next records of a table's stream after a position, at most `limit`, as they were written.
    ///
    /// # Errors
    ///
    /// If the stream cannot be read.
    pub fn stream(&self, table: &str, after: i64, limit: usize) -> anyhow::Result<Vec<StreamRecord>> {
        Ok(self.inner.dynamo.records(table, after, limit)?.records)
    }

    /// The next moment at which anything is due.
    fn next_stop(&self) -> anyhow::Result<Option<Timestamp>> {
        let starts = self.next_starts()?.into_iter().map(|(at, _)| at);
        Ok(starts.chain(self.inner.mailbox.reports().next().map(|at| at.max(self.now()))).min())
    }

    /// When each scheduled function is to be started next because something is due: at its time, or, if it has been
    /// started since and left it undone, when its schedule comes again.
    pub(super) fn next_starts(&self) -> anyhow::Result<Vec<(Timestamp, String)>> {
        let earliest = self.inner.due.as_ref().map(super::due::Due::earliest).transpose()?.unwrap_or_default();
        let (now, started) = (self.now(), lock(&self.inner.started).clone());
        let mut starts = Vec::new();
        for function in &self.wiring().functions {
            let (Some(schedule), Some(due)) = (function.schedules.first(), earliest.get(&function.name)) else { continue };
            let again = started.get(&function.name).filter(|last| *due <= **last).map(|last| last.checked_add(schedule.every));
            let at = again.transpose()?.unwrap_or(*due).max(now);
            starts.push((at, function.name.clone()));
        }
        Ok(starts)
    }
}
