//! What stands under a key that an index or a stream named: the truth, whatever the hint said.

use serde::de::DeserializeOwned;

use super::super::Error;
use super::failure::failed;
use super::items::unreadable;
use super::keys::{self, Item};
use super::wakes::DueKey;
use super::{CAPACITY, Store};

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

impl Store {
    /// What stands under a key, read strongly.
    pub(super) async fn find<T: DeserializeOwned>(&self, key: &DueKey) -> Result<Found<T>, Error> {
        let Some(item) = self.get(&self.leads, keys::key(&key.pk, &key.sk), true).await? else { return Ok(Found::Nothing) };
        Ok(found(&key.sk, item))
    }

    /// Takes an item that cannot be worked on out of all sight; whoever does so has put its content into quarantine.
    ///
    /// # Errors
    /// If it is not known to be out of the index.
    pub async fn park(&self, key: &DueKey) -> Result<(), Error> {
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(keys::key(&key.pk, &key.sk)));
        let call = call.update_expression("REMOVE due_part, due_at, hint").condition_expression("attribute_exists(pk)");
        match call.return_consumed_capacity(CAPACITY).send().await {
            Err(error) if super::failure::condition_failed(&error) => Ok(()),
            done => done.map(|_| ()).map_err(failed("an item cannot be parked")),
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
