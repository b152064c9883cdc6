//! What starts a function that has no caller: a batch from a table's stream, or the schedule.

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use serde::{Deserialize, Serialize};

/// What started the function.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Trigger {
    /// Changes in a table, in order per item.
    Stream(Event),
    /// The schedule: look for what is due.
    Tick(Tick),
}

/// The schedule's payload, of which nothing matters.
#[derive(Debug, Default, Deserialize)]
pub struct Tick {}

/// The records of a batch that failed for now, so that only these come again.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    /// The failed records.
    pub batch_item_failures: Vec<BatchItemFailure>,
}

/// One record that failed for now.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    /// Its sequence number.
    pub item_identifier: String,
}

impl BatchResponse {
    /// Says that this record must come again.
    pub fn failed(&mut self, record: &EventRecord) {
        if let Some(number) = &record.change.sequence_number {
            self.batch_item_failures.push(BatchItemFailure { item_identifier: number.clone() });
        }
    }
}
