//! The mailing item of a lead, and addresses to which nothing may be sent.

use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};

use super::super::Error;
use super::actions::{self, put_if_absent};
use super::failure::transaction_failed;
use super::found::Found;
use super::items::{Wake, read};
use super::keys::{self, Item};
use super::wakes::DueKey;
use super::{CAPACITY, Store, records, together};
use crate::activity::{LogOwner, Record};
use crate::consent::Suppression;
use crate::id::{LeadId, MessageId};
use crate::mail::mailing::Mailing;
use crate::mail::message::Message;

/// What stands in the way of a letter to a lead, as far as it is not in the message or the playbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// Who is reached: the lead that was asked for, unless it was merged into this one.
    pub lead: LeadId,
    /// The lead is there and not being erased.
    pub lead_exists: bool,
    /// What must be known to write to it; none: nothing was ever agreed to.
    pub mailing: Option<Mailing>,
}

/// Nobody changed the item since it was read.
const UNCHANGED: &str = "revision = :r";

impl Store {
    /// What must be known to write to a lead.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn mailing(&self, lead: &LeadId) -> Result<Option<Mailing>, Error> {
        self.get(&self.leads, keys::key(keys::lead(lead), keys::MAILING), true).await?.map(read).transpose()
    }

    /// The same of whoever the lead is now, with whether it is there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn reach(&self, lead: &LeadId) -> Result<Reach, Error> {
        let wanted = [keys::LEAD, keys::MAILING].map(|sk| self.get(&self.leads, keys::key(keys::lead(lead), sk), true));
        let mut found = together(wanted).await.into_iter();
        let mut next = || found.next().transpose().map(Option::flatten);
        let (item, mailing) = (next()?, next()?);
        if item.as_ref().is_some_and(|item| item.contains_key(keys::MERGED)) {
            return Box::pin(self.reach(&self.home(lead).await?)).await;
        }
        Ok(Reach {
            lead: lead.clone(),
            lead_exists: item.is_some_and(|item| !item.contains_key(keys::ERASED)),
            mailing: mailing.map(read).transpose()?,
        })
    }

    /// A letter to a lead, if it is still there and can be read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn letter(&self, lead: &LeadId, message: &MessageId) -> Result<Option<Message>, Error> {
        let key = DueKey { pk: keys::lead(lead), sk: keys::message(message) };
        Ok(match self.message(&key).await? {
            Found::One(letter) => Some(letter),
            _ => None,
        })
    }

    /// Why nothing may be sent to the address of this keyed hash; none: it may.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn suppression(&self, address: &str) -> Result<Option<Suppression>, Error> {
        self.get(&self.leads, keys::key(keys::address(address), keys::SUPPRESSED), true).await?.map(read).transpose()
    }

    /// Writes down what a lead chose, both in its mailing item and in its log, with a wake item for `score`: from this commit
    /// on no mail is claimed that the choice forbids.
    ///
    /// # Errors
    /// If it is not known to be written; says to read again if the item was changed since `before` was read.
    pub async fn choose(
        &self,
        lead: &LeadId,
        before: Option<&Mailing>,
        after: Option<&Mailing>,
        record: &Record,
        now: Timestamp,
    ) -> Result<(), Error> {
        let log = LogOwner::Lead(lead.clone());
        let mut item = records::to_item(&log, record)?;
        let wake = Wake { due: now, ..Wake::of(log, record, SignedDuration::ZERO) };
        item.insert(keys::WAKE.to_owned(), keys::text(keys::wake(&record.id)));
        let mut actions = vec![put_if_absent(&self.activities, item)?, put_if_absent(&self.leads, wake.to_item()?)?];
        if let Some(after) = after {
            actions.push(mailing_put(&self.leads, lead, before, after)?);
        }
        let call = self.client.transact_write_items().set_transact_items(Some(actions)).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(|error| transaction_failed("a choice cannot be kept", error).0)
    }

    /// The check that nothing forbids mail to the address of this keyed hash.
    pub(super) fn check_address(&self, address: &str) -> Result<TransactWriteItem, Error> {
        let check = ConditionCheck::builder().table_name(&*self.leads);
        let check = check.set_key(Some(keys::key(keys::address(address), keys::SUPPRESSED)));
        actions::check(check.condition_expression("attribute_not_exists(pk)"))
    }
}

/// The put that suppresses an address, unless it is suppressed already.
pub(super) fn suppress(table: &str, address: &str, why: &Suppression) -> Result<TransactWriteItem, Error> {
    put_if_absent(table, suppressed_item(address, why)?)
}

pub(super) fn suppressed_item(address: &str, why: &Suppression) -> Result<Item, Error> {
    keys::item(keys::address(address), keys::SUPPRESSED, why)
}

/// The put of a lead's mailing item, if it is as it was read.
pub(super) fn mailing_put(
    table: &str,
    lead: &LeadId,
    before: Option<&Mailing>,
    after: &Mailing,
) -> Result<TransactWriteItem, Error> {
    let put = Put::builder().table_name(table).set_item(Some(keys::item(keys::lead(lead), keys::MAILING, after)?));
    actions::put(match before {
        None => put.condition_expression("attribute_not_exists(pk)"),
        Some(before) => put.condition_expression(UNCHANGED).expression_attribute_values(":r", keys::number(before.revision)),
    })
}
