//! Limits: counters per kind, somebody and day.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};

use super::super::Error;
use super::failure::{condition_failed, failed};
use super::keys::Item;
use super::{CAPACITY, Store, keys};

/// The keys of what may be counted of somebody, by a hash: after two days a count is over everywhere.
pub(super) fn counts(kinds: &[&'static str], hash: &str, now: Timestamp) -> impl Iterator<Item = Item> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let days = (-1..=2).map(move |ago| today.saturating_sub(ago.days()));
    let keys = |day| kinds.iter().map(move |kind| keys::key(keys::limit(kind, hash, day), keys::LIMIT));
    days.flat_map(keys).collect::<Vec<_>>().into_iter()
}

impl Store {
    /// Counts once for somebody, by a hash, on a day; false, and nothing counted, if `at_most` is reached. A lost answer
    /// may count twice.
    ///
    /// # Errors
    /// If the count is not known.
    pub async fn count(&self, kind: &str, hash: &str, day: Date, at_most: u32) -> Result<bool, Error> {
        let key = keys::key(keys::limit(kind, hash, day), keys::LIMIT);
        // Two days on, the day is over in every time zone.
        let ends = (day + 2.days()).to_zoned(TimeZone::UTC).map_err(|_| Error::never("a count is for no day of ours"))?;
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(key));
        let call = call
            .update_expression("SET #ttl = :ttl ADD #n :one")
            .condition_expression("attribute_not_exists(#n) OR #n < :most")
            .expression_attribute_names("#n", "count")
            .expression_attribute_names("#ttl", keys::TTL)
            .expression_attribute_values(":ttl", keys::ttl(ends.timestamp()))
            .expression_attribute_values(":one", keys::number(1))
            .expression_attribute_values(":most", keys::number(at_most));
        match call.return_consumed_capacity(CAPACITY).send().await {
            Ok(_) => Ok(true),
            Err(error) if condition_failed(&error) => Ok(false),
            Err(error) => Err(failed("a limit cannot be counted")(error)),
        }
    }
}
