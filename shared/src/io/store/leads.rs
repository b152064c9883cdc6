//! Leads: reading one, putting off its review, finding the hottest.

use std::cmp::Ordering;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use jiff::Timestamp;

use super::super::Error;
use super::actions::unbuilt;
use super::failure::failed;
use super::items::{LeadItem, read};
use super::keys::{self, Item, Work};
use super::save::UNCHANGED;
use super::{CAPACITY, Store, together};
use crate::id::LeadId;
use crate::lead::Stage;

/// Keys that DynamoDB takes in one batch of reads.
const BATCH: usize = 100;

impl Store {
    /// The lead as it is now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn lead(&self, lead: &LeadId) -> Result<Option<LeadItem>, Error> {
        self.get(&self.leads, keys::key(keys::lead(lead), keys::LEAD), true).await?.map(read).transpose()
    }

    /// Moves the next review of a lead that could not be reviewed now.
    ///
    /// # Errors
    /// If it is not known to be moved; says to read again if the lead was saved meanwhile.
    pub async fn defer_review(&self, lead: &LeadItem, due: Timestamp) -> Result<(), Error> {
        let pk = keys::lead(&lead.lead);
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(keys::key(&pk, keys::LEAD)));
        let call = call.update_expression("SET due_part = :part, due_at = :at").condition_expression(UNCHANGED);
        let call = call
            .expression_attribute_values(":part", keys::text(Work::Review.part(&pk)))
            .expression_attribute_values(":at", keys::text(keys::instant(due)))
            .expression_attribute_values(":r", keys::number(lead.revision));
        let done = call.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| ()).map_err(failed("a review cannot be put off"))
    }

    /// The hottest leads of a stage under a scoring formula, hottest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn leads_by_rank(&self, epoch: &str, stage: Stage, limit: usize) -> Result<Vec<LeadItem>, Error> {
        let parts = together(keys::rank_parts(epoch, stage).map(|part| self.ranked(part, limit))).await;
        let mut ranked: Vec<Item> = parts.into_iter().collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect();
        ranked.sort_by(|one, other| rank_of(other).total_cmp(&rank_of(one)));
        ranked.truncate(limit);
        let ranked = ranked.iter().filter_map(|item| item.get(keys::PK)?.as_s().ok()).map(|pk| keys::key(pk, keys::LEAD));
        let mut leads: Vec<LeadItem> = self.get_all(ranked.collect()).await?;
        // The index may be behind the items.
        leads.retain(|lead| lead.is_itself() && lead.stage == stage && lead.epoch == epoch);
        leads.sort_by(hotter);
        Ok(leads)
    }

    /// The leads of these ids that are there, in no order.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn leads(&self, leads: impl IntoIterator<Item = &LeadId>) -> Result<Vec<LeadItem>, Error> {
        self.get_all(leads.into_iter().map(|lead| keys::key(keys::lead(lead), keys::LEAD)).collect()).await
    }

    async fn ranked(&self, part: String, limit: usize) -> Result<Vec<Item>, Error> {
        let query = self.client.query().table_name(&*self.leads).index_name(keys::RANK_INDEX);
        let query = query.key_condition_expression("rank_part = :part").expression_attribute_values(":part", keys::text(part));
        self.query(query.scan_index_forward(false).limit(i32::try_from(limit).unwrap_or(i32::MAX)), limit, Ok).await
    }

    async fn get_all(&self, keys: Vec<Item>) -> Result<Vec<LeadItem>, Error> {
        let mut found = Vec::new();
        let mut left = keys;
        while !left.is_empty() {
            let now = left.split_off(left.len().saturating_sub(BATCH));
            let wanted = KeysAndAttributes::builder().set_keys(Some(now)).build().map_err(unbuilt)?;
            let call = self.client.batch_get_item().request_items(&*self.leads, wanted).return_consumed_capacity(CAPACITY);
            let answer = call.send().await.map_err(failed("leads cannot be read"))?;
            for item in answer.responses.unwrap_or_default().remove(&*self.leads).unwrap_or_default() {
                found.push(read(item)?);
            }
            let mut undone = answer.unprocessed_keys.unwrap_or_default();
            left.extend(undone.remove(&*self.leads).into_iter().flat_map(|undone| undone.keys));
        }
        Ok(found)
    }
}

fn rank_of(item: &Item) -> f64 {
    item.get(keys::RANK).and_then(|rank| rank.as_n().ok()?.parse().ok()).unwrap_or(f64::NEG_INFINITY)
}

fn hotter(one: &LeadItem, other: &LeadItem) -> Ordering {
    let rank = |lead: &LeadItem| lead.rank.unwrap_or(f64::NEG_INFINITY);
    rank(other).total_cmp(&rank(one)).then_with(|| one.lead.cmp(&other.lead))
}
