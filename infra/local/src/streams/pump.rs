//! One event source mapping: reads its table's stream and hands batches to its function.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Abandoned, Disorder};
use crate::Now;
use crate::client::scramble;
use crate::dynamo::{Dynamo, Ledger, StreamRecord};
use crate::functions::{Cause, Functions};
use crate::lock::lock;
use crate::template::{ACCOUNT, Mapping, REGION};

/// One event source mapping.
pub(super) struct Pump {
    mapping: Mapping,
    view: String,
    arn: String,
    /// How far each shard has been read.
    positions: Mutex<Vec<i64>>,
    disorder: Option<Disorder>,
    /// Draws so far, so that the disorder goes on and does not repeat.
    draws: Mutex<u64>,
    /// One reader at a time: a test's or a console's drain does not run into the follower.
    turn: tokio::sync::Mutex<()>,
    /// Whether failed batches wait before they come again. In tests they do not: the clock stands still.
    patient: bool,
    context: Arc<Context>,
}

/// What all mappings share.
pub(super) struct Context {
    pub(super) dynamo: Arc<Dynamo>,
    pub(super) functions: Arc<Functions>,
    pub(super) ledger: Ledger,
    pub(super) now: Now,
}

/// The kind of ledger entry for what was given up.
pub(crate) const ABANDONED: &str = "abandoned";
/// Records read at a time.
const PAGE: usize = 1000;
/// Tries of a batch where the template sets no bound: a day of Lambda's growing waits.
const UNBOUNDED: u32 = 100;

impl Pump {
    pub(super) fn open(
        mapping: Mapping,
        view: String,
        disorder: Option<Disorder>,
        patient: bool,
        context: Arc<Context>,
    ) -> anyhow::Result<Self> {
        let shards = disorder.map_or(1, |disorder| disorder.shards.max(1)) as usize;
        let kept: Vec<i64> = context.ledger.get(&place(&mapping))?.unwrap_or_default();
        // With another number of shards than before, each begins where the slowest stood.
        let positions = if kept.len() == shards { kept } else { vec![kept.into_iter().min().unwrap_or(0); shards] };
        Ok(Self {
            arn: format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{}/stream/local", mapping.table),
            mapping,
            view,
            positions: Mutex::new(positions),
            disorder,
            draws: Mutex::new(disorder.map_or(0, |disorder| disorder.seed)),
            turn: tokio::sync::Mutex::default(),
            patient,
            context,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.mapping.name
    }

    pub(super) fn table(&self) -> &str {
        &self.mapping.table
    }

    /// The position that every shard has passed.
    pub(super) fn passed(&self) -> Option<i64> {
        lock(&self.positions).iter().copied().min()
    }

    /// Hands over everything there is now. Returns the number of batches.
    pub(super) async fn drain(&self) -> anyhow::Result<usize> {
        let _turn = self.turn.lock().await;
        let mut batches = 0;
        loop {
            let pending = self.pending()?;
            let Some(shard) = self.choose(pending.keys().copied().collect()) else {
                return Ok(batches);
            };
            let mut records =
                pending.into_iter().find(|(pending, _)| *pending == shard).map(|(_, records)| records).unwrap_or_default();
            while let Some(last) = records.get(..self.mapping.batch_size).unwrap_or(&records).last().map(|record| record.position)
            {
                let rest = records.split_off(self.mapping.batch_size.min(records.len()));
                batches += 1;
                self.deliver(records).await?;
                if self.again() {
                    break;
                }
                self.pass(shard, last)?;
                // In disorder another shard may be read next.
                records = if self.disorder.is_some() { Vec::new() } else { rest };
            }
        }
    }

    /// What is still to be handed over, by shard, without what the filters leave out.
    pub(super) fn pending(&self) -> anyhow::Result<BTreeMap<usize, Vec<StreamRecord>>> {
        let mut pending: BTreeMap<usize, Vec<StreamRecord>> = BTreeMap::new();
        loop {
            let positions = lock(&self.positions).clone();
            let from = positions.iter().copied().min().unwrap_or(0);
            let page = self.context.dynamo.records(&self.mapping.table, from, PAGE)?;
            if page.reached == from {
                return Ok(pending);
            }
            for record in page.records {
                let shard = self.shard(&record);
                let read = positions.get(shard).is_none_or(|position| record.position <= *position);
                if !read && self.wants(&record) {
                    pending.entry(shard).or_default().push(record);
                }
            }
            if !pending.is_empty() {
                return Ok(pending);
            }
            // Nothing on this page concerns the function: all shards have passed it.
            for position in lock(&self.positions).iter_mut() {
                *position = page.reached.max(*position);
            }
        }
    }

    fn wants(&self, record: &StreamRecord) -> bool {
        let filters = &self.mapping.filters;
        filters.is_empty() || {
            let event = record.to_event(&self.arn, &self.view);
            filters.iter().any(|filter| filter.matches(&event))
        }
    }

    fn shard(&self, record: &StreamRecord) -> usize {
        let Some(disorder) = self.disorder else { return 0 };
        let key = record.keys.get("pk").map(Value::to_string).unwrap_or_default();
        let hash = key.bytes().fold(disorder.seed, |hash, byte| scramble(hash ^ u64::from(byte)));
        usize::try_from(hash % u64::from(disorder.shards.max(1))).unwrap_or(0)
    }

    /// The shard to read next: the first, or any in disorder.
    fn choose(&self, shards: Vec<usize>) -> Option<usize> {
        match self.disorder {
            Some(_) => shards.get(usize::try_from(self.draw()).unwrap_or(0).checked_rem(shards.len())?).copied(),
            None => shards.first().copied(),
        }
    }

    /// Whether a batch that has been handled comes once more.
    fn again(&self) -> bool {
        self.disorder.is_some_and(|disorder| self.draw() % 100 < u64::from(disorder.redelivered_percent))
    }

    fn draw(&self) -> u64 {
        let mut draws = lock(&self.draws);
        *draws = draws.wrapping_add(1);
        // Half of the bits, so that the result fits every integer it is turned into.
        scramble(*draws) >> 33
    }

    fn pass(&self, shard: usize, position: i64) -> anyhow::Result<()> {
        let mut positions = lock(&self.positions);
        if let Some(passed) = positions.get_mut(shard) {
            *passed = position;
        }
        self.context.ledger.put(&place(&self.mapping), &*positions)
    }

    /// Hands a batch over, again and again in parts, until all of it is done or given up.
    async fn deliver(&self, records: Vec<StreamRecord>) -> anyhow::Result<()> {
        // A stack: what comes first in the stream stands on top.
        let mut batches = vec![(records, 0_u32)];
        while let Some((mut batch, failures)) = batches.pop() {
            let outcome = self.invoke(&batch).await;
            let (done, reason) = match self.handled(&outcome, &batch) {
                None => continue,
                Some(failure) => failure,
            };
            let rest = batch.split_off(done);
            if done > 0 {
                batches.push((rest, failures));
            } else if self.mapping.bisect && rest.len() > 1 {
                // Halving does not count as a try.
                let mut first = rest;
                let second = first.split_off(first.len() / 2);
                batches.push((second, failures));
                batches.push((first, failures));
            } else if failures < self.mapping.retries.unwrap_or(UNBOUNDED) {
                if self.patient {
                    tokio::time::sleep(Duration::from_millis(100 << failures.min(6))).await;
                }
                batches.push((rest, failures + 1));
            } else {
                self.abandon(&rest, reason)?;
            }
        }
        Ok(())
    }

    async fn invoke(&self, batch: &[StreamRecord]) -> Result<Value, String> {
        let records: Vec<Value> = batch.iter().map(|record| record.to_event(&self.arn, &self.view)).collect();
        self.context.functions.start(&self.mapping.function, Cause::Stream, json!({ "Records": records })).await
    }

    /// None if the whole batch is done; else how many of its records are, and what kept the next one.
    fn handled(&self, outcome: &Result<Value, String>, batch: &[StreamRecord]) -> Option<(usize, String)> {
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return Some((0, error.clone())),
        };
        let failures = answer.get("batchItemFailures").and_then(Value::as_array).filter(|_| self.mapping.partial)?;
        let failed = failures.iter().map(|failure| {
            let number = failure.get("itemIdentifier").and_then(Value::as_str);
            // A number that is not of this batch fails all of it.
            number.and_then(|number| batch.iter().position(|record| record.sequence_number() == number)).unwrap_or(0)
        });
        failed.min().map(|done| (done, "the function named it as failed".to_owned()))
    }

    fn abandon(&self, records: &[StreamRecord], reason: String) -> anyhow::Result<()> {
        let Mapping { name, function, .. } = &self.mapping;
        tracing::error!(mapping = name, function, records = records.len(), reason, "records are given up");
        let abandoned = Abandoned {
            at: (self.context.now)(),
            mapping: name.clone(),
            function: function.clone(),
            reason,
            records: records.iter().map(|record| record.to_event(&self.arn, &self.view)).collect(),
        };
        self.context.ledger.append(ABANDONED, &abandoned).map(|_| ())
    }
}

fn place(mapping: &Mapping) -> String {
    format!("stream/{}", mapping.name)
}
