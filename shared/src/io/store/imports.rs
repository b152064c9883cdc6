//! Lists of people: how far each has come in, whom it names, and the rows themselves.
//!
//! A row claims its address, if nobody has, and goes into the lead's log with a wake item, all in one transaction: so
//! `score` finds the lead whatever else happens, and a visitor who gives the same address meets the same lead. The rows of
//! a list that was broken off are written again when it is imported again, and change nothing.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::{KeysAndAttributes, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::{Error, Retry};
use super::actions::{put_if_absent, unbuilt};
use super::failure::{failed, transaction_failed};
use super::items::{Wake, read};
use super::keys::{self, Item, Work};
use super::log::{GRACE, Mark};
use super::visitors::AddressItem;
use super::{CAPACITY, Store, records, together};
use crate::activity::{LogOwner, Record};
use crate::consent::Basis;
use crate::id::{ActivityId, ImportId, LeadId};

/// A list that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Its id.
    #[serde(rename = "sk", with = "keys::import_in_sk")]
    pub id: ImportId,
    /// A digest of what is in it and how it was taken.
    pub content: String,
    /// The name of its file.
    pub file: String,
    /// Who imported it.
    pub by: String,
    /// When that began: the time at which its rows stand in the logs.
    pub began: Timestamp,
    /// On what ground its people may be mailed; none: they may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// How that can be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<String>,
    /// How many rows it brings.
    pub rows: u64,
    /// How many of them are in logs.
    #[serde(default)]
    pub done: u64,
    /// How many leads it brought that were not known before.
    #[serde(default)]
    pub new: u64,
    /// When all were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Those whom it makes ready for sales are gathered for a summary; else each is told at once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gathers: bool,
    /// How many were told to sales as made ready by it.
    #[serde(default)]
    pub ready: u64,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone: Option<Undone>,
    /// Counts the saves.
    pub step: u64,
    /// When `score` tells who was made ready; none: nobody waits for that.
    #[serde(default, rename = "due_at", skip_serializing)]
    pub due: Option<Timestamp>,
}

/// That a list was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// Who did it.
    pub by: String,
    /// When it began.
    pub at: Timestamp,
    /// When it was done with; none: it was broken off, and goes on when it is asked for again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
}

/// A row of a list, on its way into a log.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedRow {
    /// The keyed hash of its address.
    pub hash: String,
    /// The lead that owns the address, or shall.
    pub lead: LeadId,
    /// Nobody owns the address yet.
    pub new: bool,
    /// What goes into the log.
    pub record: Record,
}

/// The leads that a part of a list names.
#[derive(Serialize, Deserialize)]
struct Members {
    leads: Vec<LeadId>,
}

/// Rows in one transaction: DynamoDB takes 100 actions, a row is three at most.
const TOGETHER: usize = 33;
/// Keys that DynamoDB takes in one batch of reads.
const BATCH: usize = 100;
/// Calls under way at once.
const AT_ONCE: usize = 8;
/// Milliseconds to wait before rows for which there was no capacity are tried again.
const PAUSES: [u64; 6] = [100, 300, 1_000, 3_000, 9_000, 27_000];

impl Import {
    fn to_item(&self) -> Result<Item, Error> {
        let mut item = keys::item(keys::IMPORTS, self.id.as_str(), self)?;
        if let Some(due) = self.due {
            keys::set_due(&mut item, Work::Derivation, due);
        }
        Ok(item)
    }
}

impl Store {
    /// A list that was imported.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn import(&self, id: &ImportId) -> Result<Option<Import>, Error> {
        self.get(&self.leads, keys::key(keys::IMPORTS, id.as_str()), true).await?.map(read).transpose()
    }

    /// All lists that were imported, the newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn imports(&self) -> Result<Vec<Import>, Error> {
        let query = self.client.query().table_name(&*self.leads);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", keys::text(keys::IMPORTS));
        let mut found: Vec<Import> = self.query(query, usize::MAX, read).await?;
        found.sort_by(|one, other| (other.began, &one.id).cmp(&(one.began, &other.id)));
        Ok(found)
    }

    /// Saves how far a list has come, if nobody else saved it, and answers it as saved. One whose `step` is 0 is new.
    ///
    /// # Errors
    /// If it is not known to be saved; says to read again if it was saved meanwhile.
    pub async fn save_import(&self, after: Import) -> Result<Import, Error> {
        let before = after.step;
        let after = Import { step: before + 1, ..after };
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(after.to_item()?));
        let put = match before {
            0 => put.condition_expression("attribute_not_exists(pk)"),
            _ => put.condition_expression("step = :step").expression_attribute_values(":step", keys::number(before)),
        };
        let done = put.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| after).map_err(failed("a list cannot be moved on"))
    }

    /// Whose addresses these are, by their keyed hashes; of those that are nobody's nothing.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn address_owners(&self, hashes: &[String]) -> Result<HashMap<String, LeadId>, Error> {
        let pairs = self.address_items(hashes, keys::ADDRESS).await?;
        pairs.into_iter().map(|(hash, item)| Ok((hash, read::<AddressItem>(item)?.lead))).collect()
    }

    /// Which of these addresses nothing may be sent to, by their keyed hashes.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn suppressed(&self, hashes: &[String]) -> Result<HashSet<String>, Error> {
        Ok(self.address_items(hashes, keys::SUPPRESSED).await?.into_iter().map(|(hash, _)| hash).collect())
    }

    async fn address_items(&self, hashes: &[String], sk: &str) -> Result<Vec<(String, Item)>, Error> {
        let unique: Vec<&String> = hashes.iter().collect::<HashSet<_>>().into_iter().collect();
        let mut found = Vec::new();
        for some in unique.chunks(BATCH * AT_ONCE) {
            let batches =
                some.chunks(BATCH).map(|batch| self.items(batch.iter().map(|hash| keys::key(keys::address(hash), sk)).collect()));
            for batch in together(batches).await {
                for item in batch? {
                    let pk = item.get(keys::PK).and_then(|pk| pk.as_s().ok()).map_or("", String::as_str);
                    found.push((pk.trim_start_matches("address#").to_owned(), item));
                }
            }
        }
        Ok(found)
    }

    /// At most [`BATCH`] items of Leads, read strongly, in no order.
    async fn items(&self, wanted: Vec<Item>) -> Result<Vec<Item>, Error> {
        let mut found = Vec::new();
        let mut left = wanted;
        while !left.is_empty() {
            let now = KeysAndAttributes::builder().set_keys(Some(left)).consistent_read(true).build().map_err(unbuilt)?;
            let call = self.client.batch_get_item().request_items(&*self.leads, now).return_consumed_capacity(CAPACITY);
            let answer = call.send().await.map_err(failed("addresses cannot be read"))?;
            found.extend(answer.responses.unwrap_or_default().remove(&*self.leads).unwrap_or_default());
            let undone = answer.unprocessed_keys.unwrap_or_default().remove(&*self.leads);
            left = undone.map(|undone| undone.keys).unwrap_or_default();
        }
        Ok(found)
    }

    /// Keeps which leads a part of a list names, in place of what was kept of it.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub async fn put_members(&self, id: &ImportId, part: u32, leads: Vec<LeadId>) -> Result<(), Error> {
        let item = keys::item(keys::import(id), keys::members(part), &Members { leads })?;
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
        put.return_consumed_capacity(CAPACITY).send().await.map(|_| ()).map_err(failed("a list's leads cannot be kept"))
    }

    /// The leads that a list names, each once.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn members(&self, id: &ImportId) -> Result<Vec<LeadId>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :leads)")
            .expression_attribute_values(":pk", keys::text(keys::import(id)))
            .expression_attribute_values(":leads", keys::text(keys::MEMBERS_PREFIX));
        let parts: Vec<Members> = self.query(query, usize::MAX, read).await?;
        let mut met = HashSet::new();
        Ok(parts.into_iter().flat_map(|part| part.leads).filter(|lead| met.insert(lead.clone())).collect())
    }

    /// Takes rows into logs, a wake item for each. Answers the leads they went to, in their order: an address that
    /// somebody claimed meanwhile is that lead's. A repeat changes nothing.
    ///
    /// # Errors
    /// If any of them is not known to be taken; a repeat is harmless.
    pub async fn take_in(&self, rows: Vec<ListedRow>) -> Result<Vec<LeadId>, Error> {
        let mut leads = Vec::with_capacity(rows.len());
        let transactions: Vec<&[ListedRow]> = rows.chunks(TOGETHER).collect();
        for some in transactions.chunks(AT_ONCE) {
            for done in together(some.iter().map(|rows| self.take_in_together(rows))).await {
                leads.extend(done?);
            }
        }
        Ok(leads)
    }

    async fn take_in_together(&self, rows: &[ListedRow]) -> Result<Vec<LeadId>, Error> {
        let mut actions = Vec::with_capacity(rows.len() * 3);
        let mut claimed = HashSet::new();
        for row in rows {
            let owner = LogOwner::Lead(row.lead.clone());
            if row.new && claimed.insert(&row.hash) {
                actions.push(self.own(&row.hash, &row.lead)?);
            }
            let mut item = records::to_item(&owner, &row.record)?;
            item.insert(keys::WAKE.to_owned(), keys::text(keys::wake(&row.record.id)));
            actions.push(put_if_absent(&self.activities, item)?);
            actions.push(put_if_absent(&self.leads, Wake::of(owner, &row.record, GRACE).to_item()?)?);
        }
        let mut pauses = PAUSES.into_iter();
        loop {
            let call = self.client.transact_write_items().set_transact_items(Some(actions.clone()));
            let Err(error) = call.return_consumed_capacity(CAPACITY).send().await else {
                return Ok(rows.iter().map(|row| row.lead.clone()).collect());
            };
            match transaction_failed("rows cannot be taken in", error) {
                // Some were taken before, or somebody else has claimed an address: each goes its own way.
                (_, unmet) if !unmet.is_empty() => {
                    return together(rows.iter().map(|row| self.take_in_one(row))).await.into_iter().collect();
                }
                // A table that was idle grows into its load.
                (error, _) if error.retry == Retry::Later => {
                    tokio::time::sleep(Duration::from_millis(pauses.next().ok_or(error)?)).await;
                }
                (error, _) => return Err(error),
            }
        }
    }

    async fn take_in_one(&self, row: &ListedRow) -> Result<LeadId, Error> {
        let (lead, _) = self.claim_address(&row.hash, &row.lead).await?;
        self.append(&LogOwner::Lead(lead.clone()), &row.record, Mark::Guaranteed).await.map(|()| lead)
    }

    fn own(&self, hash: &str, lead: &LeadId) -> Result<TransactWriteItem, Error> {
        let claim = AddressItem { lead: lead.clone() };
        put_if_absent(&self.leads, keys::item(keys::address(hash), keys::ADDRESS, &claim)?)
    }

    /// How many of these activities wait to be scored.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn unscored(&self, activities: &[(LeadId, ActivityId)]) -> Result<usize, Error> {
        let wanted = activities.iter().map(|(lead, activity)| keys::key(keys::lead(lead), keys::wake(activity)));
        let mut waiting = 0;
        for batch in wanted.collect::<Vec<_>>().chunks(BATCH) {
            waiting += self.items(batch.to_vec()).await?.len();
        }
        Ok(waiting)
    }
}
