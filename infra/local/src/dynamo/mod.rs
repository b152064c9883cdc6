//! DynamoDB: requests in its JSON protocol, answered by dynoxide over SQLite in memory or in a file.
//!
//! What the engine lacks and michi meets in production is added here: a transaction repeated under its own
//! `ClientRequestToken` is answered, not run again ([`token`]); an identical put leaves no stream record, and old
//! records are trimmed ([`stream`]).

mod ask;
mod ledger;
mod stream;
mod token;

use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use dynoxide::storage::Storage;
use dynoxide::{DynoxideError, actions};
use futures::FutureExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::Now;
use crate::lock::lock;
use crate::template::Table;

pub use ask::text;
pub use ledger::Ledger;
pub use stream::StreamRecord;

/// The tables of one suite: a DynamoDB endpoint without the network.
pub struct Dynamo {
    storage: Mutex<Storage>,
    tokens: Mutex<token::Tokens>,
    now: Now,
    written: watch::Sender<u64>,
    blocks: bool,
}

/// What DynamoDB answers: a status and a JSON body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// 200, 400 or 500.
    pub status: u16,
    /// The response, or DynamoDB's error shape with `__type`.
    pub body: Value,
}

/// dynoxide stamps stream records and judges expiry by the suite's clock, not by the machine's.
struct EngineClock(Now);

impl dynoxide::storage_backend::Clock for EngineClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from((self.0)().as_second()).unwrap_or(0)
    }

    fn now_unix_secs_f64(&self) -> f64 {
        (self.0)().as_microsecond() as f64 / 1e6
    }
}

impl Dynamo {
    /// Tables that end with the process.
    pub fn memory(now: Now) -> anyhow::Result<Self> {
        Self::over(Storage::memory()?, now, false)
    }

    /// Tables in the SQLite file at `path`, made if it is not there. Every answered write survives the end of the
    /// process, however sudden.
    pub fn file(path: &Path, now: Now) -> anyhow::Result<Self> {
        let name = path.to_str().with_context(|| format!("{} is not a name SQLite can open", path.display()))?;
        let storage = Storage::new(name)?;
        // Write-ahead logging without a sync per commit: a killed process loses nothing, a power cut the last moments.
        storage.conn().execute_batch("PRAGMA synchronous = NORMAL")?;
        Self::over(storage, now, true)
    }

    fn over(storage: Storage, now: Now, blocks: bool) -> anyhow::Result<Self> {
        let storage = storage.with_clock(Arc::new(EngineClock(now.clone())));
        ledger::prepare(&storage)?;
        stream::prepare(&storage)?;
        Ok(Self { storage: Mutex::new(storage), tokens: Mutex::default(), now, written: watch::Sender::new(0), blocks })
    }

    /// Makes a table of the template, unless it is already there.
    pub fn create(&self, table: &Table) -> anyhow::Result<()> {
        let storage = lock(&self.storage);
        if storage.table_exists(&table.name)? {
            return Ok(());
        }
        let index = |index: &crate::template::Index| {
            json!({
                "IndexName": index.name,
                "KeySchema": key_schema(&index.keys),
                "Projection": index.projection,
            })
        };
        // Both images, whatever the template asks for: only so can an identical put be told from a change.
        let stream = table.stream.as_ref().map(|_| json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" }));
        let indexes: Vec<Value> = table.indexes.iter().map(index).collect();
        let request = json!({
            "TableName": table.name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": table
                .attributes
                .iter()
                .map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind }))
                .collect::<Vec<_>>(),
            "KeySchema": key_schema(&table.keys),
            "GlobalSecondaryIndexes": Some(indexes).filter(|indexes| !indexes.is_empty()),
            "StreamSpecification": stream,
        });
        let asked = |error: DynoxideError| anyhow::anyhow!("table {} cannot be made: {error}", table.name);
        let created = parse(request).map_err(asked)?;
        ready(actions::create_table::execute(&*storage, created)).map_err(asked)?;
        if let Some(attribute) = &table.ttl {
            let specification = json!({ "AttributeName": attribute, "Enabled": true });
            let request = parse(json!({ "TableName": table.name, "TimeToLiveSpecification": specification })).map_err(asked)?;
            ready(actions::update_time_to_live::execute(&*storage, request)).map_err(asked)?;
        }
        Ok(())
    }

    /// Answers one request. `operation` is what stands after the dot in `X-Amz-Target`.
    pub fn call(&self, operation: &str, body: Value) -> Answer {
        let answer = match operation {
            "TransactWriteItems" => self.transact(body),
            _ => self.act(operation, body),
        };
        match answer {
            Ok(body) => {
                if writes(operation) {
                    self.written.send_modify(|count| *count += 1);
                }
                Answer { status: 200, body }
            }
            Err(error) => Answer {
                status: error.status_code(),
                body: serde_json::from_str(&error.to_json()).unwrap_or_else(|_| json!({ "__type": error.error_type() })),
            },
        }
    }

    /// The first item of each partition of an index, as the index has it. DynamoDB has no such question; the suite asks
    /// it to know how far the clock may go.
    pub(crate) fn index_heads(&self, table: &str, index: &str) -> anyhow::Result<Vec<Value>> {
        let rows = format!("{table}::gsi::{index}").replace('"', "\"\"");
        let storage = lock(&self.storage);
        // SQLite takes the other columns from the row that has the minimum.
        let sql = format!("SELECT item_json, MIN(gsi_sk) FROM \"{rows}\" GROUP BY gsi_pk");
        let mut statement = storage.conn().prepare(&sql)?;
        let heads = statement.query_map([], |row| row.get::<_, String>(0))?;
        heads.map(|item| Ok(serde_json::from_str(&item?)?)).collect()
    }

    /// Whether a call may wait for a disk, so that it should not run on a thread of the async runtime.
    pub fn blocks(&self) -> bool {
        self.blocks
    }

    /// Changes after each write: what the stream pumps wait for.
    pub fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    fn act(&self, operation: &str, body: Value) -> dynoxide::Result<Value> {
        let storage = &*lock(&self.storage);
        match operation {
            "GetItem" => answer(ready(actions::get_item::execute(storage, parse(body)?))?),
            "PutItem" => answer(ready(actions::put_item::execute(storage, parse(body)?))?),
            "UpdateItem" => answer(ready(actions::update_item::execute(storage, parse(body)?))?),
            "DeleteItem" => answer(ready(actions::delete_item::execute(storage, parse(body)?))?),
            "Query" => answer(ready(actions::query::execute(storage, parse(body)?))?),
            "Scan" => answer(ready(actions::scan::execute(storage, parse(body)?))?),
            "BatchGetItem" => answer(ready(actions::batch_get_item::execute(storage, parse(body)?))?),
            "BatchWriteItem" => answer(ready(actions::batch_write_item::execute(storage, parse(body)?))?),
            "TransactGetItems" => answer(ready(actions::transact_get_items::execute(storage, parse(body)?))?),
            "TransactWriteItems" => answer(ready(actions::transact_write_items::execute(storage, parse(body)?))?),
            "DescribeTable" => answer(ready(actions::describe_table::execute(storage, parse(body)?, &Default::default()))?),
            "ListTables" => answer(ready(actions::list_tables::execute(storage, parse(body)?))?),
            _ => Err(DynoxideError::ValidationException(format!("the local suite does not answer DynamoDB's {operation}"))),
        }
    }

    /// A transaction under a token it has already run with is answered as before and not run again, as DynamoDB does
    /// for ten minutes.
    fn transact(&self, mut body: Value) -> dynoxide::Result<Value> {
        let token = body.as_object_mut().and_then(|body| body.remove("ClientRequestToken"));
        let Some(token) = token.as_ref().and_then(Value::as_str) else {
            return self.act("TransactWriteItems", body);
        };
        // Held across the call: of two concurrent requests with one token, the second meets the first one's answer.
        let mut tokens = lock(&self.tokens);
        let items = body.get("TransactItems").cloned().unwrap_or_default();
        if let Some(earlier) = tokens.find(token, &items, (self.now)())? {
            return Ok(earlier);
        }
        let answer = self.act("TransactWriteItems", body)?;
        tokens.keep(token, &items, answer.clone(), (self.now)());
        Ok(answer)
    }
}

impl std::fmt::Debug for Dynamo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Dynamo").field("blocks", &self.blocks).finish_non_exhaustive()
    }
}

/// Whether an operation can change a table.
pub(crate) fn writes(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems")
}

fn key_schema(keys: &[String]) -> Value {
    keys.iter().zip(["HASH", "RANGE"]).map(|(name, kind)| json!({ "AttributeName": name, "KeyType": kind })).collect()
}

/// dynoxide's futures over SQLite are done when first looked at.
fn ready<T>(future: impl Future<Output = dynoxide::Result<T>>) -> dynoxide::Result<T> {
    future.now_or_never().unwrap_or_else(|| Err(DynoxideError::InternalServerError("the engine did not answer".to_owned())))
}

/// The markers under which dynoxide's requests report what they refuse while they are read.
const REFUSALS: [&str; 3] = ["VALIDATION_REQUEST:", "VALIDATION_AS_READ:", "VALIDATION:"];

fn parse<T: DeserializeOwned>(body: Value) -> dynoxide::Result<T> {
    serde_json::from_value(body).map_err(|error| {
        let text = error.to_string();
        match REFUSALS.iter().find_map(|marker| text.split_once(marker)) {
            Some((_, refusal)) => DynoxideError::ValidationException(refusal.trim().to_owned()),
            None => DynoxideError::SerializationException(text),
        }
    })
}

fn answer(response: impl Serialize) -> dynoxide::Result<Value> {
    serde_json::to_value(response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
