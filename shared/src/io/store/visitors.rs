//! Whose a browser is, whose an address is, and the tokens that prove it.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::failure::failed;
use super::items::{Token, VisitorItem, read};
use super::keys::{self, Item};
use super::{CAPACITY, Store};
use crate::id::{LeadId, VisitorId};

/// Whose an address is.
#[derive(Serialize, Deserialize)]
pub(super) struct AddressItem {
    pub(super) lead: LeadId,
}

impl Store {
    /// Whose browser this is, as far as the table has heard: half a read unit, up to a second old.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn visitor(&self, visitor: &VisitorId) -> Result<Option<VisitorItem>, Error> {
        self.read_visitor(visitor, false).await
    }

    /// Whose browser this is, for certain: one read unit.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn visitor_consistent(&self, visitor: &VisitorId) -> Result<Option<VisitorItem>, Error> {
        self.read_visitor(visitor, true).await
    }

    async fn read_visitor(&self, visitor: &VisitorId, consistent: bool) -> Result<Option<VisitorItem>, Error> {
        let key = keys::key(keys::visitor(visitor), keys::VISITOR);
        self.get(&self.leads, key, consistent).await?.map(read).transpose()
    }

    /// The lead that owns the address of this keyed hash: `candidate`, if nobody did. True if it is `candidate`, whose id
    /// must come from the activity that brought the address, so that a repeat of this call gives the same answer.
    ///
    /// # Errors
    /// If the answer is not known.
    pub async fn claim_address(&self, hash: &str, candidate: &LeadId) -> Result<(LeadId, bool), Error> {
        let claim = AddressItem { lead: candidate.clone() };
        let item = keys::item(keys::address(hash), keys::ADDRESS, &claim)?;
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").return_consumed_capacity(CAPACITY);
        let put = put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok((claim.lead, true)) };
        match held_by(&error) {
            Some(held) => {
                let AddressItem { lead } = read(held)?;
                let new = lead == *candidate;
                Ok((lead, new))
            }
            None => Err(failed("an address cannot be claimed")(error)),
        }
    }

    /// The lead that owns the address of this keyed hash.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn address_owner(&self, hash: &str) -> Result<Option<LeadId>, Error> {
        let item = self.get(&self.leads, keys::key(keys::address(hash), keys::ADDRESS), true).await?;
        Ok(item.map(read::<AddressItem>).transpose()?.map(|address| address.lead))
    }

    /// A link token, which a save may consume. It may be there still though it has expired.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn token(&self, id: &str) -> Result<Option<Token>, Error> {
        self.get(&self.leads, keys::key(keys::token(id), keys::TOKEN), true).await?.map(read).transpose()
    }
}

/// The item that was there already.
fn held_by(error: &SdkError<PutItemError>) -> Option<Item> {
    match error.as_service_error()? {
        PutItemError::ConditionalCheckFailedException(refusal) => refusal.item().cloned(),
        _ => None,
    }
}
