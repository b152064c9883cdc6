//! Broadcasts: one mail to many leads at once, and whom each goes to.
//!
//! All of them lie in one partition: there are few. Whom one goes to lies in parts of its own, under the digest of it, so that two
//! who ask for the same at once cannot mix what they found.

use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::actions::unbuilt;
use super::failure::failed;
use super::items::read;
use super::keys;
use super::{CAPACITY, Store};
use crate::id::{BroadcastId, LeadId, derive};
use crate::mail::broadcast::Broadcast;
use crate::mail::message::Message;

/// What became of a letter that was to be owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// It is owed from now on.
    Now,
    /// It was owed before.
    Before,
    /// Its lead is gone, or is being erased.
    LeadGone,
}

/// A part of whom a broadcast goes to.
#[derive(Serialize, Deserialize)]
struct Part {
    leads: Vec<LeadId>,
}

/// Leads in a part; an item may have 400 KB.
const PART: usize = 5_000;
/// How long recipients are kept: as long as their letters.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// Keys that DynamoDB takes in one batch of reads.
const BATCH: usize = 100;

impl Store {
    /// A broadcast.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn broadcast(&self, id: &BroadcastId) -> Result<Option<Broadcast>, Error> {
        self.get(&self.leads, keys::key(keys::BROADCASTS, id.as_str()), true).await?.map(read).transpose()
    }

    /// All broadcasts, the newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn broadcasts(&self) -> Result<Vec<Broadcast>, Error> {
        let query = self.client.query().table_name(&*self.leads).key_condition_expression("pk = :pk").consistent_read(true);
        let query = query.expression_attribute_values(":pk", keys::text(keys::BROADCASTS));
        let mut found: Vec<Broadcast> = self.query(query, usize::MAX, read).await?;
        found.sort_by(|one, other| (other.created, &one.id).cmp(&(one.created, &other.id)));
        Ok(found)
    }

    /// Saves a broadcast, if nobody else saved it since it was read, and answers it as saved. One of revision 0 is new.
    ///
    /// # Errors
    /// If it is not known to be saved; says to read again if it was saved meanwhile.
    pub async fn save_broadcast(&self, after: Broadcast) -> Result<Broadcast, Error> {
        let before = after.revision;
        let after = Broadcast { revision: before + 1, ..after };
        let item = keys::item(keys::BROADCASTS, after.id.as_str(), &after)?;
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
        let put = match before {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            _ => put.condition_expression("revision = :r").expression_attribute_values(":r", keys::number(before)),
        };
        let done = put.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| after).map_err(failed("a broadcast cannot be saved"))
    }

    /// Keeps whom a broadcast goes to, in this order, and answers the digest under which they are found.
    ///
    /// # Errors
    /// If they are not known to be kept.
    pub async fn keep_recipients(&self, id: &BroadcastId, leads: &[LeadId], now: Timestamp) -> Result<String, Error> {
        let digest = derive(&leads.iter().map(LeadId::as_str).collect::<Vec<_>>());
        for (number, some) in leads.chunks(PART).enumerate() {
            let sk = format!("{}{number:03}", keys::recipients(&digest));
            let mut item = keys::item(keys::broadcast(id), sk, &Part { leads: some.to_vec() })?;
            item.insert(keys::TTL.to_owned(), keys::ttl(now.saturating_add(KEPT).unwrap_or(now)));
            let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
            let done = put.return_consumed_capacity(CAPACITY).send().await;
            done.map_err(failed("recipients cannot be kept"))?;
        }
        Ok(digest)
    }

    /// Whom a broadcast goes to, in the order in which its letters fall due. Nobody, if they are not kept any more.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn recipients(&self, broadcast: &Broadcast) -> Result<Vec<LeadId>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :parts)")
            .expression_attribute_values(":pk", keys::text(keys::broadcast(&broadcast.id)))
            .expression_attribute_values(":parts", keys::text(keys::recipients(&broadcast.digest)));
        let parts: Vec<Part> = self.query(query, usize::MAX, read).await?;
        Ok(parts.into_iter().flat_map(|part| part.leads).collect())
    }

    /// The letters of a broadcast to these leads that are there, in no order.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn letters(&self, broadcast: &Broadcast, leads: &[LeadId]) -> Result<Vec<Message>, Error> {
        let mut found = Vec::new();
        for some in leads.chunks(BATCH) {
            let wanted = some.iter().map(|lead| keys::key(keys::lead(lead), keys::message(&broadcast.message(lead))));
            let mut left: Vec<_> = wanted.collect();
            while !left.is_empty() {
                let wanted = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build().map_err(unbuilt)?;
                let call = self.client.batch_get_item().request_items(&*self.leads, wanted).return_consumed_capacity(CAPACITY);
                let answer = call.send().await.map_err(failed("letters cannot be read"))?;
                let items = answer.responses.unwrap_or_default().remove(&*self.leads).unwrap_or_default();
                // What cannot be read is in quarantine.
                found.extend(items.into_iter().filter_map(|item| read::<Message>(item).ok()));
                let undone = answer.unprocessed_keys.unwrap_or_default().remove(&*self.leads);
                left = undone.map(|undone| undone.keys).unwrap_or_default();
            }
        }
        Ok(found)
    }
}
