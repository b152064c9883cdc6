//! The event bus: entries are put together and answered one by one.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::error::DisplayErrorContext;
use aws_sdk_eventbridge::primitives::DateTime;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_types::SdkConfig;
use jiff::Timestamp;

use super::Error;

/// The most entries that one call takes.
pub const MOST_ENTRIES: usize = 10;

/// EventBridge, and the bus that facts go to.
#[derive(Debug, Clone)]
pub struct Bus {
    client: Client,
    name: String,
}

/// One thing to put on the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Who tells it.
    pub source: &'static str,
    /// What it is, in plain words.
    pub detail_type: &'static str,
    /// The rest, as a JSON object.
    pub detail: String,
    /// When it became true.
    pub at: Timestamp,
}

/// The bus's answer to one entry: taken, or the code it was refused with.
pub type Answer = Result<(), String>;

impl Bus {
    /// The bus of this name, over this account.
    #[must_use]
    pub fn new(sdk: &SdkConfig, name: &str) -> Self {
        Self { client: Client::new(sdk), name: name.to_owned() }
    }

    /// Puts at most [`MOST_ENTRIES`] entries; the answers stand in the entries' order. An entry may be put twice if an
    /// answer is lost: receivers tell repeats by the id in the detail.
    ///
    /// # Errors
    /// If the call as a whole failed; then nobody knows which entries were taken.
    pub async fn put(&self, entries: &[Entry]) -> Result<Vec<Answer>, Error> {
        let entry = |entry: &Entry| {
            PutEventsRequestEntry::builder()
                .event_bus_name(&self.name)
                .source(entry.source)
                .detail_type(entry.detail_type)
                .detail(&entry.detail)
                .time(DateTime::from_millis(entry.at.as_millisecond()))
                .build()
        };
        let answer = self
            .client
            .put_events()
            .set_entries(Some(entries.iter().map(entry).collect()))
            .send()
            .await
            .map_err(|error| Error::later(format!("the bus does not take facts: {}", DisplayErrorContext(&error))))?;
        let mut results = answer.entries().iter();
        Ok(entries
            .iter()
            .map(|_| match results.next() {
                Some(result) if result.event_id().is_some() => Ok(()),
                Some(result) => Err(result.error_code().unwrap_or("no code").to_owned()),
                None => Err("no answer".to_owned()),
            })
            .collect())
    }
}
