//! Reports: what a scan over all leads has counted, kept with its time until it is counted anew.
//!
//! A report lies in parts below the size of an item. Its head names those that belong to it and is written last, so that
//! who reads while it is written anew sees the one or the other.

use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::failure::failed;
use super::items::read;
use super::keys::{self, Item};
use super::playbooks::{PART_BYTES, split};
use super::{CAPACITY, Store};
use crate::id::derive;

/// How long a report is kept that nobody counts anew.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Partition key of a report.
fn key_of(name: &str) -> String {
    format!("report#{name}")
}

/// Sort key of what says which parts belong to a report.
const HEAD: &str = "head";

/// What the sort keys of a report's parts begin with.
fn parts_of(digest: &str) -> String {
    format!("part#{digest}#")
}

/// Sort key of a part of a report; four digits, so that parts sort.
fn part(digest: &str, number: usize) -> String {
    format!("{}{number:04}", parts_of(digest))
}

/// What of a partition is the report.
#[derive(Serialize, Deserialize)]
struct Head {
    /// The digest of the whole, under which its parts lie.
    digest: String,
    /// How many they are.
    parts: usize,
}

#[derive(Serialize, Deserialize)]
struct Part {
    text: String,
}

impl Store {
    /// Keeps a report in place of the one of this name that was kept before.
    ///
    /// # Errors
    /// If it is not known to be kept; the earlier one may be there still.
    pub async fn keep_report(&self, name: &str, report: &impl Serialize, now: Timestamp) -> Result<(), Error> {
        let text = serde_json::to_string(report).map_err(|error| Error::never(format!("a report cannot be written: {error}")))?;
        let (pk, digest) = (key_of(name), derive(&["report", &text]));
        let texts = split(&text, PART_BYTES);
        let ttl = keys::ttl(now.saturating_add(KEPT).unwrap_or(now));
        let put = async |mut item: Item| {
            item.insert(keys::TTL.to_owned(), ttl.clone());
            let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
            put.return_consumed_capacity(CAPACITY).send().await.map(|_| ()).map_err(failed("a report cannot be kept"))
        };
        for (number, text) in texts.iter().enumerate() {
            put(keys::item(&pk, part(&digest, number), &Part { text: (*text).to_owned() })?).await?;
        }
        put(keys::item(&pk, HEAD, &Head { digest: digest.clone(), parts: texts.len() })?).await?;
        let earlier = |sk: &String| sk != HEAD && !sk.starts_with(&parts_of(&digest));
        self.drop_in_report(&pk, earlier).await
    }

    /// The report of this name; none: it was never counted, or so long ago that it is there no more.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn kept_report<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let pk = key_of(name);
        let key = keys::key(&pk, HEAD);
        let Some(head) = self.get(&self.leads, key, true).await?.map(read::<Head>).transpose()? else { return Ok(None) };
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :parts)")
            .expression_attribute_values(":pk", keys::text(&pk))
            .expression_attribute_values(":parts", keys::text(parts_of(&head.digest)));
        let parts = self.query(query, usize::MAX, read::<Part>).await?;
        if parts.len() != head.parts {
            return Err(Error::later("the report is being written anew at this moment"));
        }
        let text: String = parts.into_iter().map(|part| part.text).collect();
        let unreadable = |error: serde_json::Error| Error::never(format!("a report cannot be read: {error}"));
        serde_json::from_str(&text).map(Some).map_err(unreadable)
    }

    /// Takes a report away, if there is one of this name.
    ///
    /// # Errors
    /// If it is not known to be gone.
    pub async fn drop_report(&self, name: &str) -> Result<(), Error> {
        self.drop_in_report(&key_of(name), |_| true).await
    }

    async fn drop_in_report(&self, pk: &str, which: impl Fn(&String) -> bool) -> Result<(), Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", keys::text(pk)).projection_expression("pk, sk");
        let sk = |item: Item| Ok(item.get(keys::SK).and_then(|sk| sk.as_s().ok().cloned()));
        let found: Vec<Option<String>> = self.query(query, usize::MAX, sk).await?;
        for sk in found.into_iter().flatten().filter(which) {
            let call = self.client.delete_item().table_name(&*self.leads).set_key(Some(keys::key(pk, sk)));
            call.return_consumed_capacity(CAPACITY).send().await.map_err(failed("a report cannot be taken away"))?;
        }
        Ok(())
    }
}
