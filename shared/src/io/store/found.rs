//! What stands under a key that an index or a stream named: the truth, whatever the hint said.

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::super::Error;
use super::failure::{condition_failed, failed};
use super::items::unreadable;
use super::keys::{self, Item};
use super::wakes::DueKey;
use super::{CAPACITY, Store};
use crate::id::derive;

/// What stands under a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Found<T> {
    /// Nothing any more.
    Nothing,
    /// What was looked for.
    One(T),
    /// Something that cannot be read.
    Poison {
        /// All of it, as JSON.
        payload: String,
        /// What is wrong with it, without its content.
        reason: String,
    },
}

impl DueKey {
    /// The key of an item, from a stream's record of it.
    #[must_use]
    pub fn of(item: &serde_dynamo::Item) -> Option<Self> {
        let text = |name| match item.get(name) {
            Some(serde_dynamo::AttributeValue::S(text)) => Some(text.clone()),
            _ => None,
        };
        Some(Self { pk: text(keys::PK)?, sk: text(keys::SK)? })
    }
}

impl Store {
    /// What stands under a key, read strongly.
    pub(super) async fn find<T: DeserializeOwned>(&self, key: &DueKey) -> Result<Found<T>, Error> {
        let Some(item) = self.get(&self.leads, keys::key(&key.pk, &key.sk), true).await? else { return Ok(Found::Nothing) };
        Ok(found(&key.sk, item))
    }

    /// Puts an item that cannot be read into quarantine, and takes it out of the index.
    ///
    /// # Errors
    /// If it is not known to be both.
    pub async fn set_aside(&self, key: &DueKey, payload: &str, reason: &str, now: Timestamp) -> Result<(), Error> {
        let id = derive(&["set aside", &key.pk, &key.sk]);
        self.quarantine(&id, payload, reason, now).await?;
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(keys::key(&key.pk, &key.sk)));
        let call = call.update_expression("REMOVE due_part, due_at, hint").condition_expression("attribute_exists(pk)");
        match call.return_consumed_capacity(CAPACITY).send().await {
            Err(error) if condition_failed(&error) => Ok(()),
            done => done.map(|_| ()).map_err(failed("an item cannot be set aside")),
        }
    }
}

fn found<T: DeserializeOwned>(sk: &str, item: Item) -> Found<T> {
    match serde_dynamo::from_item(item.clone()) {
        Ok(one) => Found::One(one),
        Err(_) => {
            let plain: Result<serde_json::Value, _> = serde_dynamo::from_item(item);
            Found::Poison {
                payload: plain.map(|plain| plain.to_string()).unwrap_or_default(),
                reason: unreadable(sk).to_string(),
            }
        }
    }
}
