//! EventBridge: an event bus that keeps what is put on it, and refuses what EventBridge would refuse.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Now;
use crate::client::Refusal;
use crate::dynamo::Ledger;
use crate::lock::lock;

/// Every entry that was accepted, oldest first.
pub struct EventBus {
    entries: Mutex<Vec<Arc<Entry>>>,
    refusals: Mutex<VecDeque<BTreeSet<usize>>>,
    names: Vec<String>,
    ledger: Ledger,
    now: Now,
}

/// An event on a bus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was accepted.
    pub at: Timestamp,
    /// The id EventBridge answered with.
    pub id: String,
    /// The bus.
    pub bus: String,
    /// Who speaks.
    pub source: String,
    /// What happened.
    pub detail_type: String,
    /// The rest.
    pub detail: Value,
}

const KIND: &str = "event";
const ENTRIES: usize = 10;
const BYTES: usize = 256 * 1024;

impl EventBus {
    /// The buses of these names, with the entries the ledger has kept.
    pub fn open(names: Vec<String>, ledger: Ledger, now: Now) -> anyhow::Result<Self> {
        let entries = ledger.entries(KIND)?.into_iter().map(Arc::new).collect();
        Ok(Self { entries: Mutex::new(entries), refusals: Mutex::default(), names, ledger, now })
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> Vec<Arc<Entry>> {
        lock(&self.entries).clone()
    }

    /// The next call's entries at these places will be refused, as EventBridge does under load; calls line up.
    pub fn refuse_next(&self, places: impl IntoIterator<Item = usize>) {
        lock(&self.refusals).push_back(places.into_iter().collect());
    }

    /// Answers `PutEvents`: entry by entry, in the request's order.
    pub(crate) fn put(&self, request: &Value) -> Result<Value, Refusal> {
        let put = Put::deserialize(request)
            .map_err(|error| Refusal::new(400, "ValidationException", format!("not as modelled in the local suite: {error}")))?;
        if put.entries.is_empty() || put.entries.len() > ENTRIES {
            return Err(Refusal::new(400, "ValidationException", format!("between 1 and {ENTRIES} entries are required")));
        }
        if put.entries.iter().map(PutEntry::size).sum::<usize>() > BYTES {
            return Err(Refusal::new(400, "ValidationException", format!("the entries are larger than {BYTES} bytes")));
        }
        let refused = lock(&self.refusals).pop_front().unwrap_or_default();
        let mut failed = 0;
        let mut answers = Vec::new();
        for (place, entry) in put.entries.into_iter().enumerate() {
            let outcome = if refused.contains(&place) { Err(("InternalFailure", "refused for now")) } else { self.accept(entry) };
            answers.push(outcome.map_or_else(
                |(code, message)| {
                    failed += 1;
                    json!({ "ErrorCode": code, "ErrorMessage": message })
                },
                |id| json!({ "EventId": id }),
            ));
        }
        Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
    }

    fn accept(&self, entry: PutEntry) -> Result<String, (&'static str, &'static str)> {
        let (Some(source), Some(detail_type), Some(detail)) = (entry.source, entry.detail_type, entry.detail) else {
            return Err(("InvalidArgument", "Source, DetailType and Detail are required"));
        };
        let detail: Value = serde_json::from_str(&detail).map_err(|_| ("MalformedDetail", "Detail is malformed"))?;
        if !detail.is_object() {
            return Err(("MalformedDetail", "Detail is malformed"));
        }
        let bus = entry.event_bus_name.unwrap_or_else(|| "default".to_owned());
        let bus = bus.rsplit('/').next().unwrap_or_default().to_owned();
        if bus != "default" && !self.names.contains(&bus) {
            return Err(("ResourceNotFoundException", "there is no such bus"));
        }
        let mut entries = lock(&self.entries);
        let id = format!("00000000-0000-4000-8000-{:012x}", entries.len());
        let entry = Entry { at: (self.now)(), id: id.clone(), bus, source, detail_type, detail };
        self.ledger.append(KIND, &entry).map_err(|_| ("InternalFailure", "the ledger cannot be written"))?;
        entries.push(Arc::new(entry));
        Ok(id)
    }
}

impl std::fmt::Debug for EventBus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EventBus").field("entries", &lock(&self.entries).len()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Put {
    entries: Vec<PutEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutEntry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
}

impl PutEntry {
    fn size(&self) -> usize {
        [&self.source, &self.detail_type, &self.detail].into_iter().flatten().map(String::len).sum()
    }
}
