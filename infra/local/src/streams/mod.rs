//! From the tables' streams to the functions, as Lambda's event source mappings do it.
//!
//! Modelled: filters, batches, partial answers by sequence number, halving a batch on error, bounded retries and what
//! is left after them, positions that survive a restart. With [`Disorder`] also several shards, whose records come in
//! any order to each other, and delivery more than once. A table's stream has one shard otherwise.

mod pump;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Now;
use crate::dynamo::{Dynamo, Ledger};
use crate::functions::Functions;
use crate::template::Wiring;
pub(crate) use pump::ABANDONED;
use pump::{Context, Pump};

/// How far from orderly the streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disorder {
    /// The same seed gives the same disorder.
    pub seed: u64,
    /// Shards of each stream. Records of one partition key stay in order, others do not.
    pub shards: u32,
    /// In how many of 100 cases a batch that succeeded is delivered once more.
    pub redelivered_percent: u8,
}

/// Records no try could get through: what a mapping's on-failure destination holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Abandoned {
    /// When it was given up.
    pub at: Timestamp,
    /// The mapping.
    pub mapping: String,
    /// The function.
    pub function: String,
    /// Why the last try failed.
    pub reason: String,
    /// The records, as the function got them.
    pub records: Vec<Value>,
}

pub(crate) struct Streams {
    pumps: Vec<Arc<Pump>>,
    dynamo: Arc<Dynamo>,
    tables: Vec<String>,
    ledger: Ledger,
}

impl Streams {
    pub(crate) fn open(
        wiring: &Wiring,
        dynamo: &Arc<Dynamo>,
        functions: Arc<Functions>,
        now: Now,
        disorder: Option<Disorder>,
        patient: bool,
    ) -> anyhow::Result<Self> {
        let ledger = Ledger::new(Arc::clone(dynamo));
        let context = Arc::new(Context { dynamo: Arc::clone(dynamo), functions, ledger: ledger.clone(), now });
        let pumps = wiring.mappings.iter().map(|mapping| {
            let view = wiring.tables.iter().find(|table| table.name == mapping.table).and_then(|table| table.stream.clone());
            Pump::open(mapping.clone(), view.unwrap_or_default(), disorder, patient, Arc::clone(&context)).map(Arc::new)
        });
        let pumps = pumps.collect::<anyhow::Result<_>>()?;
        let tables = wiring.tables.iter().filter(|table| table.stream.is_some()).map(|table| table.name.clone()).collect();
        Ok(Self { pumps, dynamo: Arc::clone(dynamo), tables, ledger })
    }

    /// Hands over what is in the streams until nothing is left, one mapping after the other. Returns the number of
    /// batches.
    pub(crate) async fn drain(&self) -> anyhow::Result<usize> {
        let mut total = 0;
        loop {
            let mut batches = 0;
            for pump in &self.pumps {
                batches += pump.drain().await?;
            }
            self.trim()?;
            if batches == 0 {
                return Ok(total);
            }
            total += batches;
        }
    }

    /// Hands over each write as it happens, until the future is dropped.
    pub(crate) async fn follow(&self) {
        let follow = |pump: &Arc<Pump>| {
            let pump = Arc::clone(pump);
            let mut written = self.dynamo.written();
            async move {
                loop {
                    written.borrow_and_update();
                    if let Err(error) = pump.drain().await {
                        tracing::error!(mapping = pump.name(), %error, "the stream cannot be read");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        continue;
                    }
                    if written.changed().await.is_err() {
                        return;
                    }
                }
            }
        };
        let trim = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if let Err(error) = self.trim() {
                    tracing::error!(%error, "the streams cannot be trimmed");
                }
            }
        };
        tokio::join!(futures::future::join_all(self.pumps.iter().map(follow)), trim);
    }

    /// Whether every record has been handed over.
    pub(crate) fn is_drained(&self) -> anyhow::Result<bool> {
        for pump in &self.pumps {
            if !pump.pending()?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What was given up, oldest first.
    pub(crate) fn abandoned(&self) -> anyhow::Result<Vec<Abandoned>> {
        self.ledger.entries(ABANDONED)
    }

    fn trim(&self) -> anyhow::Result<()> {
        for table in &self.tables {
            let readers = self.pumps.iter().filter(|pump| pump.table() == table);
            let passed = readers.filter_map(|pump| pump.passed()).min();
            self.dynamo.trim(table, passed.unwrap_or(i64::MAX))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
