//! Leads: reading one, saving one with everything its decisions owe, finding the hottest.

use std::cmp::Ordering;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, KeysAndAttributes, Put, TransactWriteItem};
use jiff::Timestamp;

use super::super::Error;
use super::actions::{self, put_if_absent, unbuilt};
use super::failure::{failed, transaction_failed};
use super::items::{LeadItem, VisitorItem, Wake, read};
use super::keys::{self, Item, Work};
use super::{CAPACITY, Store, records, together};
use crate::activity::{LogOwner, Record};
use crate::fact::Fact;
use crate::id::LeadId;
use crate::lead::Stage;
use crate::mail::message::Message;

/// Everything that one round of decisions changes, all or nothing.
#[derive(Debug, Default)]
pub struct Save {
    /// The lead as it was read; none: there must be none.
    pub before: Option<LeadItem>,
    /// The lead as it shall be, its revision one higher; none: as it is.
    pub lead: Option<LeadItem>,
    /// Decisions, each into a lead's log.
    pub appends: Vec<(LeadId, Record)>,
    /// Messages owed.
    pub messages: Vec<Message>,
    /// Facts owed.
    pub facts: Vec<Fact>,
    /// Whose browser it shall be from now on.
    pub link: Option<VisitorItem>,
    /// Whose browser it was when read.
    pub link_before: Option<VisitorItem>,
    /// The link token that is used up.
    pub token: Option<String>,
    /// The wake item that is satisfied.
    pub done: Option<Wake>,
}

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

    /// Saves what was decided, if lead, browser and token are still as they were read: else the error says to read and
    /// decide again. So does a repeat after a lost answer; whoever reads again then finds nothing left to do.
    ///
    /// # Errors
    /// If it is not known to be saved.
    pub async fn save(&self, save: Save) -> Result<(), Error> {
        let Save { before, lead, appends, messages, facts, link, link_before, token, done } = save;
        let mut owed = Vec::new();
        for (lead, record) in &appends {
            owed.push(put_if_absent(&self.activities, records::to_item(&LogOwner::Lead(lead.clone()), record)?)?);
        }
        for message in &messages {
            owed.push(super::messages::owed(&self.leads, message)?);
        }
        for fact in &facts {
            owed.push(super::facts::owed(&self.leads, fact)?);
        }
        if let Some(link) = &link {
            owed.push(self.put_link(link, link_before.as_ref())?);
        }
        if let Some(token) = &token {
            let key = keys::key(keys::token(token), keys::TOKEN);
            owed.push(actions::delete(self.delete(key).condition_expression("attribute_exists(pk)"))?);
        }
        match (&lead, done) {
            (None, None) if owed.is_empty() => return Ok(()),
            (None, Some(wake)) if owed.is_empty() => return self.finish(&wake).await,
            (Some(lead), None) if owed.is_empty() => return self.put_lead(lead, before.as_ref()).await,
            (_, done) => {
                if let Some(wake) = done {
                    owed.push(actions::delete(self.delete(wake.key()))?);
                }
            }
        }
        match (&lead, &before) {
            (Some(lead), before) => owed.push(actions::put(self.lead_put(lead, before.as_ref())?)?),
            (None, Some(before)) => owed.push(self.check_lead(before)?),
            (None, None) => {}
        }
        self.transact(owed).await
    }

    async fn transact(&self, actions: Vec<TransactWriteItem>) -> Result<(), Error> {
        let call = self.client.transact_write_items().set_transact_items(Some(actions)).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(|error| transaction_failed("a lead cannot be saved", error).0)
    }

    fn lead_put(&self, lead: &LeadItem, before: Option<&LeadItem>) -> Result<PutBuilder, Error> {
        let put = Put::builder().table_name(&*self.leads).set_item(Some(lead.to_item()?));
        Ok(match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put.condition_expression(UNCHANGED).expression_attribute_values(":r", keys::number(before.revision)),
        })
    }

    async fn put_lead(&self, lead: &LeadItem, before: Option<&LeadItem>) -> Result<(), Error> {
        let put = self.lead_put(lead, before)?.build().map_err(unbuilt)?;
        let call = self.client.put_item().table_name(put.table_name).set_item(Some(put.item));
        let call = call.set_condition_expression(put.condition_expression);
        let call = call.set_expression_attribute_values(put.expression_attribute_values).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(failed("a lead cannot be saved"))
    }

    fn check_lead(&self, before: &LeadItem) -> Result<TransactWriteItem, Error> {
        let check = ConditionCheck::builder().table_name(&*self.leads).condition_expression(UNCHANGED);
        let check = check.set_key(Some(keys::key(keys::lead(&before.lead), keys::LEAD)));
        actions::check(check.expression_attribute_values(":r", keys::number(before.revision)))
    }

    fn put_link(&self, link: &VisitorItem, before: Option<&VisitorItem>) -> Result<TransactWriteItem, Error> {
        let put = Put::builder().table_name(&*self.leads).set_item(Some(link.to_item()?));
        actions::put(match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("lead = :lead AND since = :since")
                .expression_attribute_values(":lead", keys::text(before.lead.as_str()))
                .expression_attribute_values(":since", keys::number(before.since.as_millisecond())),
        })
    }

    fn delete(&self, key: Item) -> aws_sdk_dynamodb::types::builders::DeleteBuilder {
        Delete::builder().table_name(&*self.leads).set_key(Some(key))
    }

    async fn finish(&self, wake: &Wake) -> Result<(), Error> {
        let call = self.client.delete_item().table_name(&*self.leads).set_key(Some(wake.key()));
        let done = call.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| ()).map_err(failed("a wake item cannot be removed"))
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
        leads.retain(|lead| lead.stage == stage && lead.epoch == epoch);
        leads.sort_by(|one, other| hotter(one, other));
        Ok(leads)
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

/// Nobody saved the lead since it was read.
const UNCHANGED: &str = "revision = :r";

fn rank_of(item: &Item) -> f64 {
    item.get(keys::RANK).and_then(|rank| rank.as_n().ok()?.parse().ok()).unwrap_or(f64::NEG_INFINITY)
}

fn hotter(one: &LeadItem, other: &LeadItem) -> Ordering {
    let rank = |lead: &LeadItem| lead.rank.unwrap_or(f64::NEG_INFINITY);
    rank(other).total_cmp(&rank(one)).then_with(|| one.lead.cmp(&other.lead))
}
