//! What mail came to: reports written down with all they change, and the watch over how often it comes back.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::super::Error;
use super::actions::{self, put_if_absent, unbuilt};
use super::failure::failed;
use super::items::{Wake, read};
use super::keys::{self, Item};
use super::mailing::{mailing_put, suppress};
use super::{CAPACITY, Store, records};
use crate::activity::{LogOwner, Record};
use crate::consent::Suppression;
use crate::id::{LeadId, OwnerId};
use crate::mail::mailing::Mailing;
use crate::mail::message::Message;
use crate::mail::outcome::{Outcome, Tally, Watch, first_day};

/// What a report on a mail changes, all or nothing.
#[derive(Debug)]
pub struct Reported<'r> {
    /// The message as it was read.
    pub before: &'r Message,
    /// The message as it shall be.
    pub after: &'r Message,
    /// What the lead's log keeps of it.
    pub appends: Vec<(LeadId, Record)>,
    /// Whether `score` must look at the record that is appended last.
    pub look: bool,
    /// What it changes in what may be sent to the lead that is written to, as it was read and as it shall be.
    pub mailing: Option<(LeadId, Mailing, Mailing)>,
    /// The address to which nothing may be sent any more, by its keyed hash.
    pub suppressed: Option<(String, Suppression)>,
    /// The same of somebody in sales, at the address of this keyed hash.
    pub unreachable: Option<(OwnerId, String, Suppression)>,
    /// What it counts as, on a day.
    pub counted: Option<(Date, Outcome)>,
}

const WHAT: &str = "a report on a mail cannot be kept";

/// Reports come many at once; each counts in the shard of its message, so that they seldom meet.
const SHARDS: u32 = 8;

/// Days that counts are kept.
const KEPT: i64 = 30;

impl Store {
    /// Writes a report down, if message and mailing item are as they were read; else the error says to read again.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub async fn report(&self, report: Reported<'_>, now: Timestamp) -> Result<(), Error> {
        let Reported { before, after, appends, look, mailing, suppressed, unreachable, counted } = report;
        let mut effects = vec![actions::put(self.message_put(before, after)?)?];
        let last = appends.len().saturating_sub(1);
        for (place, (lead, record)) in appends.iter().enumerate() {
            let log = LogOwner::Lead(lead.clone());
            let mut item = records::to_item(&log, record)?;
            if look && place == last {
                let record_sk = keys::record(record.sent, &record.id);
                let wake = Wake { owner: log, activity: record.id.clone(), record_sk, due: now, cursor: None, tries: 0 };
                item.insert(keys::WAKE.to_owned(), keys::text(keys::wake(&record.id)));
                effects.push(put_if_absent(&self.leads, wake.to_item()?)?);
            }
            effects.push(put_if_absent(&self.activities, item)?);
        }
        if let Some((lead, before, after)) = &mailing {
            effects.push(mailing_put(&self.leads, lead, Some(before), after)?);
        }
        if let Some((owner, address, why)) = &unreachable {
            effects.push(self.suppress_owner(owner, address, why)?);
        }
        if let Some((day, outcome)) = counted {
            effects.push(self.count_outcome(before, day, outcome)?);
        }
        let owed = suppressed.map(|(address, why)| suppress(&self.leads, &address, &why)).transpose()?;
        self.transact(WHAT, effects, owed.into_iter().collect()).await
    }

    fn suppress_owner(&self, owner: &OwnerId, address: &str, why: &Suppression) -> Result<TransactWriteItem, Error> {
        let why =
            serde_dynamo::to_attribute_value(why).map_err(|error| Error::never(format!("this cannot be stored: {error}")))?;
        let update = Update::builder().table_name(&*self.leads).set_key(Some(keys::key(keys::owner(owner), keys::MAILING)));
        let update = update
            .update_expression("SET suppressed = :why, address = :address")
            .expression_attribute_values(":why", why)
            .expression_attribute_values(":address", keys::text(address));
        actions::update(update)
    }

    fn count_outcome(&self, message: &Message, day: Date, outcome: Outcome) -> Result<TransactWriteItem, Error> {
        let ends = (day + KEPT.days()).to_zoned(TimeZone::UTC).map_err(|_| Error::never("a count is for no day of ours"))?;
        let shard = keys::shard(message.id.as_str(), SHARDS);
        let name = match outcome {
            Outcome::Delivered => "delivered",
            Outcome::Bounced => "bounced",
            Outcome::Complained => "complained",
        };
        let update = Update::builder().table_name(&*self.leads).set_key(Some(keys::key(keys::MAIL, keys::outcomes(day, shard))));
        let update = update
            .update_expression("SET #ttl = :ttl ADD #n :one")
            .expression_attribute_names("#n", name)
            .expression_attribute_names("#ttl", keys::TTL)
            .expression_attribute_values(":ttl", keys::ttl(ends.timestamp()))
            .expression_attribute_values(":one", keys::number(1));
        actions::update(update)
    }

    /// What mails to leads came to on each of the days that are watched today.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn outcomes(&self, today: Date) -> Result<BTreeMap<Date, Tally>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", keys::text(keys::MAIL))
            .expression_attribute_values(":first", keys::text(keys::outcomes(first_day(today), 0)))
            .expression_attribute_values(":last", keys::text(keys::outcomes(today, SHARDS)));
        let mut days: BTreeMap<Date, Tally> = BTreeMap::new();
        for (day, tally) in
            self.query(query, usize::MAX, |item: Item| Ok((keys::outcome_day(&item), read::<Tally>(item)?))).await?
        {
            let Some(day) = day else { continue };
            let sum = days.entry(day).or_default();
            *sum = sum.plus(tally);
        }
        Ok(days)
    }

    /// The watch over what mails come to.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn watch(&self) -> Result<Watch, Error> {
        let item = self.get(&self.leads, keys::key(keys::MAIL, keys::WATCH), true).await?;
        item.map_or_else(|| Ok(Watch::default()), read)
    }

    /// Changes the watch, if it is as it was read.
    ///
    /// # Errors
    /// If it is not known to be changed; says to read again if somebody else changed it.
    pub async fn set_watch(&self, before: &Watch, after: &Watch) -> Result<(), Error> {
        let put = Put::builder().table_name(&*self.leads).set_item(Some(keys::item(keys::MAIL, keys::WATCH, after)?));
        let put = put.build().map_err(unbuilt)?;
        let call = self.client.put_item().table_name(put.table_name).set_item(Some(put.item));
        let call = call
            .condition_expression("attribute_not_exists(pk) OR revision = :r")
            .expression_attribute_values(":r", keys::number(before.revision));
        let done = call.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| ()).map_err(failed("the watch over mail cannot be changed"))
    }

    /// Why nothing may be sent to somebody in sales, and the keyed hash of the address where; none: it may.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn unreachable(&self, owner: &OwnerId) -> Result<Option<(String, Suppression)>, Error> {
        let item = self.get(&self.leads, keys::key(keys::owner(owner), keys::MAILING), true).await?;
        let Some(mut item) = item else { return Ok(None) };
        let address = item.get(keys::ADDRESS).and_then(|address| address.as_s().ok()).cloned().unwrap_or_default();
        let Some(why) = item.remove(keys::SUPPRESSED) else { return Ok(None) };
        let why = serde_dynamo::from_attribute_value(why).map_err(|error| Error::never(format!("an owner's item: {error}")))?;
        Ok(Some((address, why)))
    }

    /// Lets mail go out to somebody in sales again.
    ///
    /// # Errors
    /// If it is not known to be so.
    pub async fn reach_again(&self, owner: &OwnerId) -> Result<(), Error> {
        let call = self.client.update_item().table_name(&*self.leads);
        let call = call.set_key(Some(keys::key(keys::owner(owner), keys::MAILING)));
        let done = call.update_expression("REMOVE suppressed, address").return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| ()).map_err(failed("mail to an owner cannot be let out again"))
    }
}
