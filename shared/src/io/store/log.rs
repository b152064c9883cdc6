//! Logs: appending to them, reading them whole, copying a visitor's into a lead's.

use std::time::Duration;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{Put, PutRequest, WriteRequest};
use jiff::{SignedDuration, Timestamp};

use super::super::Error;
use super::actions::{put, put_if_absent, unbuilt};
use super::failure::{condition_failed, failed, transaction_failed};
use super::items::{Token, Wake};
use super::keys::{self, Item};
use super::{CAPACITY, Store, records, together};
use crate::activity::{Log, LogOwner, Record};
use crate::id::{LeadId, VisitorId};

/// What shall come of an appended record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mark {
    /// Nothing: it lies in the log.
    Quiet,
    /// The stream brings it to `score`; if that is lost, the next activity or review makes up for it.
    Hint,
    /// The stream brings it to `score`, and a wake item owes it until a save says it was scored.
    Guaranteed,
}

/// Which records of a log are copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CopyFilter {
    /// Only this visitor's.
    pub visitor: Option<VisitorId>,
    /// Only what happened then or later.
    pub since: Option<Timestamp>,
    /// Only what was taken then or later.
    pub received_since: Option<Timestamp>,
}

/// The stream is given this long before a sweep takes up a wake item.
pub(super) const GRACE: SignedDuration = SignedDuration::from_secs(30);
/// Calls under way at once.
const AT_ONCE: usize = 25;
/// Puts that DynamoDB takes in one batch.
const BATCH: usize = 25;
/// Pauses before the puts that a batch left undone are tried again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(80), Duration::from_millis(320), Duration::from_millis(1280)];

impl Store {
    /// Appends a record. A repeat of one that is there already succeeds and changes nothing, whatever became of it since.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub async fn append(&self, owner: &LogOwner, record: &Record, mark: Mark) -> Result<(), Error> {
        let mut item = records::to_item(owner, record)?;
        match mark {
            Mark::Quiet => self.put_record(item).await,
            Mark::Hint => {
                item.insert(keys::WAKE.to_owned(), keys::text(keys::WAKE_HINT));
                self.put_record(item).await
            }
            Mark::Guaranteed => self.put_record_and_wake(owner, record, item, None).await,
        }
    }

    /// Appends a record with a wake item, and keeps the link token that was made for it until it expires, all or nothing.
    ///
    /// # Errors
    /// If they are not known to be kept.
    pub async fn append_with_token(&self, owner: &LogOwner, record: &Record, id: &str, token: &Token) -> Result<(), Error> {
        self.put_record_and_wake(owner, record, records::to_item(owner, record)?, Some(token.to_item(id)?)).await
    }

    /// Appends many records, in no order. If it fails, some may be kept; a repeat is harmless.
    ///
    /// # Errors
    /// If any of them is not known to be kept; that of the first.
    pub async fn append_all(&self, all: Vec<(LogOwner, Record, Mark)>) -> Result<(), Error> {
        for some in all.chunks(AT_ONCE) {
            let done = together(some.iter().map(|(owner, record, mark)| self.append(owner, record, *mark))).await;
            done.into_iter().collect::<Result<(), Error>>()?;
        }
        Ok(())
    }

    /// The whole log as it is now, however long.
    ///
    /// # Errors
    /// If it, or a record in it, cannot be read.
    pub async fn log(&self, owner: &LogOwner) -> Result<Log, Error> {
        let read = |item| records::from_item(item).map(|(_, record)| record);
        Ok(Log { owner: owner.clone(), records: self.query(self.log_query(owner), usize::MAX, read).await? })
    }

    /// What a log holds that was sent then or later.
    ///
    /// # Errors
    /// If it, or a record in it, cannot be read.
    pub async fn log_since(&self, owner: &LogOwner, since: Timestamp) -> Result<Vec<Record>, Error> {
        let query = self.log_query(owner).key_condition_expression("pk = :pk AND sk >= :since");
        let query = query.expression_attribute_values(":since", keys::text(keys::instant(since)));
        self.query(query, usize::MAX, |item| records::from_item(item).map(|(_, record)| record)).await
    }

    /// One record by its sort key.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn record(&self, owner: &LogOwner, sk: &str) -> Result<Option<Record>, Error> {
        let item = self.get(&self.activities, keys::key(keys::log(owner), sk), true).await?;
        item.map(|item| records::from_item(item).map(|(_, record)| record)).transpose()
    }

    /// Copies a page of a log into a lead's: the same items under the same sort keys, so that a repeat changes nothing.
    /// What `from` no longer keeps at `now` stays behind, deleted or not. Answers where the next page begins; `None`: done.
    ///
    /// # Errors
    /// If any of the page is not known to be copied.
    pub async fn copy_page(
        &self,
        from: &LogOwner,
        to: &LeadId,
        only: &CopyFilter,
        cursor: Option<String>,
        now: Timestamp,
    ) -> Result<Option<String>, Error> {
        let start = cursor.map(|sk| keys::key(keys::log(from), sk));
        let page = self.log_query(from).limit(BATCH as i32).set_exclusive_start_key(start).return_consumed_capacity(CAPACITY);
        let page = page.send().await.map_err(failed("a log cannot be read"))?;
        let to = LogOwner::Lead(to.clone());
        let mut copies = Vec::new();
        for mut item in page.items.unwrap_or_default() {
            let (_, record) = records::from_item(item.clone())?;
            let expired =
                item.contains_key(keys::TTL) && record.at.saturating_add(records::kept(from)).is_ok_and(|end| end <= now);
            let wanted = only.visitor.as_ref().is_none_or(|visitor| record.visitor.as_ref() == Some(visitor))
                && only.since.is_none_or(|since| record.at >= since)
                && only.received_since.is_none_or(|since| record.received >= since);
            if wanted && !expired {
                records::move_to_lead(&mut item, &to, &record);
                copies.push(item);
            }
        }
        self.put_records(copies).await?;
        Ok(page.last_evaluated_key.and_then(|key| key.get(keys::SK)?.as_s().ok().cloned()))
    }

    /// Moves a log into a lead's, a page at a time: each is deleted only when it is kept there. Answers how many records.
    pub(super) async fn move_log(&self, from: &LogOwner, to: &LeadId) -> Result<usize, Error> {
        let to = LogOwner::Lead(to.clone());
        let mut count = 0;
        loop {
            let page = self.log_query(from).limit(BATCH as i32).return_consumed_capacity(CAPACITY);
            let page = page.send().await.map_err(failed("a log cannot be read"))?;
            let (mut copies, mut gone) = (Vec::new(), Vec::new());
            for mut item in page.items.unwrap_or_default() {
                let (_, record) = records::from_item(item.clone())?;
                gone.push(keys::key(keys::log(from), keys::record(record.sent, &record.id)));
                records::move_to_lead(&mut item, &to, &record);
                copies.push(item);
            }
            count += copies.len();
            self.put_records(copies).await?;
            self.delete_all(&self.activities, gone).await?;
            if page.last_evaluated_key.is_none() {
                return Ok(count);
            }
        }
    }

    fn log_query(&self, owner: &LogOwner) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&*self.activities).consistent_read(true);
        query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", keys::text(keys::log(owner)))
    }

    async fn put_record(&self, item: Item) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&*self.activities).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").return_consumed_capacity(CAPACITY);
        match put.send().await {
            Err(error) if condition_failed(&error) => Ok(()),
            done => done.map(|_| ()).map_err(failed("a record cannot be appended")),
        }
    }

    /// All or nothing, so that a repeat never brings a finished wake item back.
    async fn put_record_and_wake(
        &self,
        owner: &LogOwner,
        record: &Record,
        mut item: Item,
        token: Option<Item>,
    ) -> Result<(), Error> {
        item.insert(keys::WAKE.to_owned(), keys::text(keys::wake(&record.id)));
        let wake = Wake::of(owner.clone(), record, GRACE);
        let into_leads = |item| put(Put::builder().table_name(&*self.leads).set_item(Some(item)));
        let mut actions = vec![put_if_absent(&self.activities, item)?, into_leads(wake.to_item()?)?];
        if let Some(token) = token {
            actions.push(into_leads(token)?);
        }
        let call = self.client.transact_write_items().set_transact_items(Some(actions));
        match call.return_consumed_capacity(CAPACITY).send().await {
            Ok(_) => Ok(()),
            Err(error) => match transaction_failed("a record cannot be appended", error) {
                (_, unmet) if !unmet.is_empty() => Ok(()),
                (error, _) => Err(error),
            },
        }
    }

    /// Puts at most [`BATCH`] items, and again what DynamoDB leaves undone.
    async fn put_records(&self, items: Vec<Item>) -> Result<(), Error> {
        let request = |item| PutRequest::builder().set_item(Some(item)).build().map_err(unbuilt);
        let requests = items.into_iter().map(|item| Ok(WriteRequest::builder().put_request(request(item)?).build()));
        let mut left: Vec<WriteRequest> = requests.collect::<Result<_, Error>>()?;
        let mut pauses = PAUSES.into_iter();
        while !left.is_empty() {
            let call = self.client.batch_write_item().request_items(&*self.activities, left).return_consumed_capacity(CAPACITY);
            let answer = call.send().await.map_err(failed("records cannot be copied"))?;
            left = answer.unprocessed_items.unwrap_or_default().remove(&*self.activities).unwrap_or_default();
            if !left.is_empty() {
                let pause = pauses.next().ok_or_else(|| Error::later("records cannot be copied: too much at once"))?;
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }
}
