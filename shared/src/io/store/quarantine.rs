//! Quarantine: payloads that could not be read, kept aside so that they hold up nothing.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::super::Error;
use super::failure::failed;
use super::{CAPACITY, Store, keys};

#[derive(Serialize)]
struct Poison<'a> {
    payload: &'a str,
    reason: &'a str,
    at: String,
}

/// How long poison is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Store {
    /// Puts a payload aside for thirty days. `id` comes from its cause, so that a repeat is the same poison.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub async fn quarantine(&self, id: &str, payload: &str, reason: &str, now: Timestamp) -> Result<(), Error> {
        let day = now.to_zoned(TimeZone::UTC).date();
        let poison = Poison { payload, reason, at: keys::instant(now) };
        let mut item = keys::item(keys::quarantine(day), id, &poison)?;
        item.insert(keys::TTL.to_owned(), keys::ttl(now.saturating_add(KEPT).unwrap_or(now)));
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
        put.return_consumed_capacity(CAPACITY).send().await.map_err(failed("poison cannot be kept"))?;
        Ok(())
    }
}
