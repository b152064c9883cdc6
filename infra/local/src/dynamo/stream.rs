//! The tables' streams: what changed, in order, as DynamoDB would tell it.

use dynoxide::storage::Storage;
use serde_json::{Value, json};

use super::Dynamo;
use crate::lock::lock;

/// One change of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRecord {
    /// The position in the stream of its table; grows with time.
    pub position: i64,
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub event: String,
    /// The item's key, in DynamoDB's JSON.
    pub keys: Value,
    /// The item after the change.
    pub new_image: Option<Value>,
    /// The item before the change.
    pub old_image: Option<Value>,
    /// Seconds since 1970.
    pub created_at: i64,
}

/// Sequence numbers are 21 digits or more, so that text and number sort alike.
const SEQUENCE_BASE: u128 = 100_000_000_000_000_000_000;

impl StreamRecord {
    /// The record's sequence number as a function sees it.
    pub fn sequence_number(&self) -> String {
        (SEQUENCE_BASE + self.position.max(0) as u128).to_string()
    }

    /// The record as Lambda hands it to a function: an element of `Records`.
    pub fn to_event(&self, stream_arn: &str, view: &str) -> Value {
        let shows = |views: [&str; 2], image: &Option<Value>| image.clone().filter(|_| views.contains(&view));
        let mut change = json!({
            "ApproximateCreationDateTime": self.created_at as f64,
            "Keys": self.keys,
            "NewImage": shows(["NEW_IMAGE", "NEW_AND_OLD_IMAGES"], &self.new_image),
            "OldImage": shows(["OLD_IMAGE", "NEW_AND_OLD_IMAGES"], &self.old_image),
            "SequenceNumber": self.sequence_number(),
            "SizeBytes": self.keys.to_string().len() + self.new_image.as_ref().map_or(0, |image| image.to_string().len()),
            "StreamViewType": view,
        });
        if let Some(fields) = change.as_object_mut() {
            fields.retain(|_, value| !value.is_null());
        }
        json!({
            "eventID": format!("{:032x}", self.position),
            "eventName": self.event,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "local",
            "dynamodb": change,
            "eventSourceARN": stream_arn,
        })
    }

    /// A put of what already stood there. DynamoDB writes no record for it; dynoxide does.
    fn changes_nothing(&self) -> bool {
        self.event == "MODIFY" && self.new_image == self.old_image
    }
}

/// Records of a stream after a position, and how far they reach.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) records: Vec<StreamRecord>,
    /// The position up to which this page accounts for the stream.
    pub(crate) reached: i64,
}

/// Every write looks for the highest number among all records of its table, and dynoxide keeps numbers as text: without
/// this index each write would cost more than the one before, for as long as nobody reads the stream.
pub(super) fn prepare(storage: &Storage) -> anyhow::Result<()> {
    let index = "CREATE INDEX IF NOT EXISTS _stream_order ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";
    Ok(storage.conn().execute_batch(index)?)
}

impl Dynamo {
    /// At most `limit` records of the table's stream after `position`.
    pub(crate) fn records(&self, table: &str, position: i64, limit: usize) -> anyhow::Result<Page> {
        let shard = dynoxide::streams::shard_id(table);
        let raw = lock(&self.storage).get_stream_records(table, &shard, position, limit)?;
        let mut page = Page { records: Vec::with_capacity(raw.len()), reached: position };
        for raw in raw {
            let image = |text: Option<String>| text.map(|text| serde_json::from_str(&text)).transpose();
            let record = StreamRecord {
                position: raw.sequence_number.parse()?,
                event: raw.event_name,
                keys: serde_json::from_str(&raw.keys_json)?,
                new_image: image(raw.new_image)?,
                old_image: image(raw.old_image)?,
                created_at: raw.created_at,
            };
            page.reached = record.position;
            if !record.changes_nothing() {
                page.records.push(record);
            }
        }
        Ok(page)
    }

    /// Forgets records up to `position`, which every reader of the stream has passed.
    ///
    /// The newest record stays: dynoxide numbers on from it, whatever the clock does.
    pub(crate) fn trim(&self, table: &str, position: i64) -> anyhow::Result<()> {
        lock(&self.storage).conn().execute(
            "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2 \
             AND id < (SELECT MAX(id) FROM _stream_records WHERE table_name = ?1)",
            (table, position),
        )?;
        Ok(())
    }

    /// Deletes what has outlived its TTL by the suite's clock. Returns how many items went.
    pub fn expire(&self) -> anyhow::Result<usize> {
        let storage = lock(&self.storage);
        let deleted = super::ready(dynoxide::ttl::sweep_expired_items(&*storage))?;
        drop(storage);
        if deleted > 0 {
            self.written.send_modify(|count| *count += 1);
        }
        Ok(deleted)
    }
}
