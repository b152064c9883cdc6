//! `feedback` hears from SES what became of each mail.
//!
//! - [`notice`]: SES's events, read into what they say of a message
//! - `report`: what follows from one
//!
//! Events come late, twice, in any order, or never. Each only moves its message forward, in one transaction with all it
//! changes, so that a repeat finds nothing left to do.

pub mod notice;
mod report;

use std::time::Duration;

use michi::id::derive;
use michi::io::{App, Error, Retry};
use serde_json::Value;

use notice::{Notice, Unmatched};

/// Pauses before a report is tried again that met others on its way.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(160),
    Duration::from_millis(640),
    Duration::from_millis(1500),
];

/// Takes one event of SES's from the default bus. What cannot be read lies in quarantine afterwards.
///
/// # Errors
/// If it is not known to be kept: then it must come again.
pub async fn handle(app: &App, event: Value) -> Result<(), Error> {
    let notice = match Notice::read(&event) {
        Ok(notice) => notice,
        Err(unmatched) => return set_aside(app, &event, &unmatched).await,
    };
    let mut last = Error::later("a report was not taken up");
    for pause in PAUSES {
        match report::take(app, &notice).await {
            Ok(()) => return Ok(()),
            Err(error) if error.retry == Retry::Never => return Err(error),
            Err(error) => last = error,
        }
        tokio::time::sleep(pause).await;
    }
    Err(last)
}

/// Puts an event aside that says nothing of a message of michi's.
async fn set_aside(app: &App, event: &Value, why: &Unmatched) -> Result<(), Error> {
    let payload = event.to_string();
    let id = event.get("id").and_then(Value::as_str).map_or_else(|| derive(&["event", &payload]), |id| derive(&["event", id]));
    tracing::error!(event.id = id, "{why}: it is in quarantine");
    app.store.quarantine(&id, &payload, &why.to_string(), app.clock.now()).await
}
