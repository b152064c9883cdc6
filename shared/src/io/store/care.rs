//! What a person looks at and puts right: work that waits or is held, and quarantine. No function needs any of it.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::failure::{condition_failed, failed};
use super::found::Found;
use super::items::{Wake, read};
use super::keys::{self, Function, Item, Work};
use super::quarantine::Suspect;
use super::wakes::DueKey;
use super::{CAPACITY, Store, together};
use crate::id::{LeadId, OwnerId};
use crate::mail::message::Message;

/// An item of the due index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Since when it is due, or held.
    pub due: Timestamp,
    /// Its key.
    #[serde(flatten)]
    pub key: DueKey,
}

/// A payload that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poison {
    /// The partition it lies in: its day.
    #[serde(rename = "pk")]
    pub day: String,
    /// Its id, from its cause.
    #[serde(rename = "sk")]
    pub id: String,
    /// When it came.
    pub at: Timestamp,
    /// What is wrong with it.
    pub reason: String,
    /// All of it.
    pub payload: String,
}

impl Poison {
    /// The form that looks like spam, if it is one: a person may let it in.
    #[must_use]
    pub fn suspect(&self) -> Option<Suspect> {
        serde_json::from_str(&self.payload).ok()
    }
}

/// Days that quarantine is kept, and the one it began on.
pub(super) const QUARANTINE_DAYS: i64 = 30;

impl Store {
    /// What is due for a function at the latest at `until`, the earliest first, at most `limit`.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub async fn waiting(&self, function: Function, until: Timestamp, limit: usize) -> Result<Vec<Waiting>, Error> {
        let parts = function.work().iter().flat_map(|work| work.parts()).map(|part| self.due_in(part, until, limit));
        let found: Vec<Vec<Item>> = together(parts).await.into_iter().collect::<Result<_, Error>>()?;
        let mut waiting: Vec<Waiting> = found.into_iter().flatten().filter_map(waiting).collect();
        waiting.sort_by(|one, other| (one.due, &one.key.sk).cmp(&(other.due, &other.key.sk)));
        waiting.truncate(limit);
        Ok(waiting)
    }

    /// What a person must look at, the longest held first, at most `limit`.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub async fn held(&self, limit: usize) -> Result<Vec<Waiting>, Error> {
        let held = self.due_in(keys::HELD.to_owned(), Timestamp::MAX, limit).await?;
        Ok(held.into_iter().filter_map(waiting).collect())
    }

    /// Every message to somebody in sales, in no order: as many reads as there are messages.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn messages_to(&self, owner: &OwnerId) -> Result<Vec<Message>, Error> {
        self.messages_in(keys::owner(owner)).await
    }

    /// Every letter to a lead, in no order.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn letters_to(&self, lead: &LeadId) -> Result<Vec<Message>, Error> {
        self.messages_in(keys::lead(lead)).await
    }

    async fn messages_in(&self, pk: String) -> Result<Vec<Message>, Error> {
        let query =
            self.client.query().table_name(&*self.leads).key_condition_expression("pk = :pk AND begins_with(sk, :message)");
        let query = query
            .expression_attribute_values(":pk", keys::text(pk))
            .expression_attribute_values(":message", keys::text("message#"));
        // What cannot be read is in quarantine.
        let found = self.query(query, usize::MAX, |item| Ok(read::<Message>(item).ok())).await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Makes a fact due again that the bus refused time and again. Answers whether it was held.
    ///
    /// # Errors
    /// If it is not known to be due.
    pub async fn release_fact(&self, key: &DueKey, now: Timestamp) -> Result<bool, Error> {
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(keys::key(&key.pk, &key.sk)));
        let call = call
            .update_expression("SET due_part = :part, due_at = :now, tries = :none REMOVE held")
            .condition_expression("due_part = :held AND attribute_exists(held)")
            .expression_attribute_values(":part", keys::text(Work::Fact.part(&key.pk)))
            .expression_attribute_values(":held", keys::text(keys::HELD))
            .expression_attribute_values(":now", keys::text(keys::instant(now)))
            .expression_attribute_values(":none", keys::number(0));
        match call.return_consumed_capacity(CAPACITY).send().await {
            Err(error) if condition_failed(&error) => Ok(false),
            done => done.map(|_| true).map_err(failed("a fact cannot be released")),
        }
    }

    /// What lies in quarantine, the newest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn quarantined(&self, now: Timestamp) -> Result<Vec<Poison>, Error> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let days = (0..=QUARANTINE_DAYS).map(|ago| today.saturating_sub(Span::new().days(ago)));
        let parts = together(days.map(|day| self.poison_of(keys::quarantine(day)))).await;
        let mut found: Vec<Poison> = parts.into_iter().collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect();
        found.sort_by(|one, other| (other.at, &one.id).cmp(&(one.at, &other.id)));
        Ok(found)
    }

    pub(super) async fn poison_of(&self, day: String) -> Result<Vec<Poison>, Error> {
        let query = self.client.query().table_name(&*self.leads).key_condition_expression("pk = :day").consistent_read(true);
        self.query(query.expression_attribute_values(":day", keys::text(day)), usize::MAX, read).await
    }

    /// Drops a payload from quarantine, unless it came there anew since it was read. Answers whether it is gone.
    ///
    /// # Errors
    /// If neither is known.
    pub async fn drop_poison(&self, poison: &Poison) -> Result<bool, Error> {
        let call = self.client.delete_item().table_name(&*self.leads).set_key(Some(keys::key(&poison.day, &poison.id)));
        let call = call.condition_expression("attribute_not_exists(pk) OR #at = :at").expression_attribute_names("#at", "at");
        let call = call.expression_attribute_values(":at", keys::text(keys::instant(poison.at)));
        match call.return_consumed_capacity(CAPACITY).send().await {
            Err(error) if condition_failed(&error) => Ok(false),
            done => done.map(|_| true).map_err(failed("poison cannot be dropped")),
        }
    }

    /// Puts a wake item back that was given up, due at once; one that is there stays as it is.
    ///
    /// # Errors
    /// If it is not known to be there.
    pub async fn return_wake(&self, wake: &Wake, now: Timestamp) -> Result<(), Error> {
        let item = Wake { due: now, tries: 0, ..wake.clone() }.to_item()?;
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").return_consumed_capacity(CAPACITY);
        match put.send().await {
            Err(error) if condition_failed(&error) => Ok(()),
            done => done.map(|_| ()).map_err(failed("a wake item cannot be put back")),
        }
    }

    /// Makes an item due again that was set aside because it could not be read. Answers whether there is such an item.
    ///
    /// # Errors
    /// If it is not known to be due.
    pub async fn return_item(&self, key: &DueKey, now: Timestamp) -> Result<bool, Error> {
        let work = match key.sk.split('#').next() {
            Some("message") => Work::Alert,
            Some("fact") => Work::Fact,
            Some("enrollment") => Work::Step,
            _ => return Ok(false),
        };
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(keys::key(&key.pk, &key.sk)));
        let call = call
            .update_expression("SET due_part = :part, due_at = :now")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":part", keys::text(work.part(&key.pk)))
            .expression_attribute_values(":now", keys::text(keys::instant(now)));
        match call.return_consumed_capacity(CAPACITY).send().await {
            Err(error) if condition_failed(&error) => Ok(false),
            done => done.map(|_| true).map_err(failed("an item cannot be made due again")),
        }
    }

    /// The message that is held under an id, or under what it begins with; none if no held one is meant, or more than one.
    ///
    /// # Errors
    /// If held messages cannot be read.
    pub async fn held_message(&self, id: &str) -> Result<Option<Message>, Error> {
        let held = self.held(usize::MAX).await?;
        let mut meant = held.iter().filter(|held| held.key.sk.strip_prefix("message#").is_some_and(|own| own.starts_with(id)));
        let (Some(one), None) = (meant.next(), meant.next()) else { return Ok(None) };
        Ok(match self.message(&one.key).await? {
            Found::One(message) => Some(message),
            Found::Nothing | Found::Poison { .. } => None,
        })
    }
}

fn waiting(item: Item) -> Option<Waiting> {
    let text = |name| item.get(name)?.as_s().ok().cloned();
    Some(Waiting { due: text(keys::DUE_AT)?.parse().ok()?, key: DueKey { pk: text(keys::PK)?, sk: text(keys::SK)? } })
}
