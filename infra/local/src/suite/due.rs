//! The due index: what waits, for which function, and until when.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use crate::dynamo::{Dynamo, text};
use crate::template::Wiring;

/// The index's name. Its partitions are named `<function>.<priority>.<shard>`.
const INDEX: &str = "due";
/// The partition that no function sweeps: a person must look.
const HELD: &str = "held";
/// That of what is paused: it waits for somebody to go on with it.
const PAUSED: &str = "paused";

/// An item that waits for a function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct WakeUp {
    /// From when on the function may take it.
    pub due: Timestamp,
    /// The function.
    pub function: String,
    /// The item's partition key.
    pub pk: String,
    /// The item's sort key.
    pub sk: String,
}

impl WakeUp {
    /// Whether no function takes it up any more, so that a person must look.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.function == HELD
    }

    /// Whether a function takes it up when it is due; what is paused waits for somebody to go on with it.
    #[must_use]
    pub fn is_taken_up(&self) -> bool {
        !self.is_held() && self.function != PAUSED
    }
}

pub(super) struct Due {
    dynamo: Arc<Dynamo>,
    table: String,
    part: String,
    at: String,
}

impl Due {
    /// The due index of the template, if it has one.
    pub(super) fn of(wiring: &Wiring, dynamo: &Arc<Dynamo>) -> Option<Self> {
        let (table, index) =
            wiring.tables.iter().find_map(|table| Some((table, table.indexes.iter().find(|index| index.name == INDEX)?)))?;
        let [part, at] = index.keys.as_slice() else { return None };
        Some(Self { dynamo: Arc::clone(dynamo), table: table.name.clone(), part: part.clone(), at: at.clone() })
    }

    /// The earliest due time of each function that has anything due.
    pub(super) fn earliest(&self) -> anyhow::Result<BTreeMap<String, Timestamp>> {
        let mut earliest: BTreeMap<String, Timestamp> = BTreeMap::new();
        for head in self.dynamo.index_heads(&self.table, INDEX)? {
            let at: Timestamp = text(&head, &self.at).parse()?;
            let function = function(text(&head, &self.part));
            earliest.entry(function).and_modify(|earliest| *earliest = at.min(*earliest)).or_insert(at);
        }
        Ok(earliest)
    }

    /// Everything that waits, the earliest first, at most `limit`.
    pub(super) fn all(&self, limit: usize) -> anyhow::Result<Vec<WakeUp>> {
        let mut waiting = Vec::new();
        for head in self.dynamo.index_heads(&self.table, INDEX)? {
            let part = text(&head, &self.part);
            let query = json!({
                "TableName": self.table,
                "IndexName": INDEX,
                "KeyConditionExpression": "#part = :part",
                "ExpressionAttributeNames": { "#part": self.part },
                "ExpressionAttributeValues": { ":part": { "S": part } },
                "Limit": limit,
            });
            for item in self.dynamo.items("Query", query).take(limit) {
                let item = item?;
                let (pk, sk) = (text(&item, "pk").to_owned(), text(&item, "sk").to_owned());
                waiting.push(WakeUp { due: text(&item, &self.at).parse()?, function: function(part), pk, sk });
            }
        }
        waiting.sort();
        waiting.truncate(limit);
        Ok(waiting)
    }
}

fn function(part: &str) -> String {
    part.split('.').next().unwrap_or_default().to_owned()
}
