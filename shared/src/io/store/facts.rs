//! Facts: owed with the decision that made them true, kept after they are published so that a repeat is known.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::super::Error;
use super::actions::put_if_absent;
use super::failure::{condition_failed, failed};
use super::found::Found;
use super::keys::{self, Item, Work};
use super::wakes::DueKey;
use super::{CAPACITY, Store};
use crate::fact::Fact;

/// A fact, and how far its publishing has come.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FactItem {
    /// The fact.
    #[serde(flatten)]
    pub fact: Fact,
    /// When to publish it, or since when it is held; none: it is published.
    #[serde(default, rename = "due_at")]
    pub due: Option<Timestamp>,
    /// How often the bus refused it.
    #[serde(default)]
    pub tries: u32,
    /// Since when a person must look.
    #[serde(default)]
    pub held: Option<Timestamp>,
}

/// The stream is given this long before a sweep takes up a fact.
const GRACE: SignedDuration = SignedDuration::from_secs(30);
/// How long a published fact is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

impl Store {
    /// The fact under a key.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn fact(&self, key: &DueKey) -> Result<Found<FactItem>, Error> {
        self.find(key).await
    }

    /// Says that a fact is published: nothing is due any more.
    ///
    /// # Errors
    /// If it is not known to be said.
    pub async fn publish_fact(&self, fact: &Fact, now: Timestamp) -> Result<(), Error> {
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(key(fact)));
        let call = call
            .update_expression("SET #ttl = :ttl REMOVE due_part, due_at, hint")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#ttl", keys::TTL)
            .expression_attribute_values(":ttl", keys::ttl(now.saturating_add(KEPT).unwrap_or(now)));
        match call.return_consumed_capacity(CAPACITY).send().await {
            // It was erased meanwhile: nothing is due either.
            Err(error) if condition_failed(&error) => Ok(()),
            done => done.map(|_| ()).map_err(failed("a fact cannot be finished")),
        }
    }

    /// Puts off a fact that the bus refused, or holds it, if nobody has touched it since it was read.
    ///
    /// # Errors
    /// If it is not known to be put off; says to read again if somebody else was faster.
    pub async fn defer_fact(&self, before: &FactItem, after: &FactItem) -> Result<(), Error> {
        let Some(read) = before.due else { return Ok(()) };
        let pk = keys::lead(&after.fact.lead);
        let (part, at) = match (after.due, after.held) {
            (Some(due), _) => (Work::Fact.part(&pk), due),
            (None, since) => (keys::HELD.to_owned(), since.unwrap_or(read)),
        };
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(key(&after.fact)));
        let held = after.held.map(|since| keys::text(keys::instant(since)));
        let call = call
            .update_expression(match held {
                Some(_) => "SET due_part = :part, due_at = :at, tries = :tries, held = :held REMOVE hint",
                None => "SET due_part = :part, due_at = :at, tries = :tries REMOVE hint",
            })
            .condition_expression("due_at = :read")
            .expression_attribute_values(":part", keys::text(part))
            .expression_attribute_values(":at", keys::text(keys::instant(at)))
            .expression_attribute_values(":tries", keys::number(after.tries))
            .expression_attribute_values(":read", keys::text(keys::instant(read)));
        let call = match held {
            Some(held) => call.expression_attribute_values(":held", held),
            None => call,
        };
        let done = call.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| ()).map_err(failed("a fact cannot be put off"))
    }
}

/// The put that owes a fact: with the hint for the stream, and due, unless it is there already.
pub(super) fn owed(table: &str, fact: &Fact) -> Result<TransactWriteItem, Error> {
    let mut item = to_item(fact, fact.at.saturating_add(GRACE).unwrap_or(fact.at))?;
    item.insert(keys::HINT.to_owned(), keys::text("fact"));
    put_if_absent(table, item)
}

fn key(fact: &Fact) -> Item {
    keys::key(keys::lead(&fact.lead), keys::fact(&fact.id))
}

fn to_item(fact: &Fact, due: Timestamp) -> Result<Item, Error> {
    let mut item = keys::item(keys::lead(&fact.lead), keys::fact(&fact.id), fact)?;
    item.retain(|_, value| !value.is_null());
    keys::set_due(&mut item, Work::Fact, due);
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::FactKind;
    use crate::id::{ActivityId, LeadId, PlaybookVersion};
    use crate::lead::Stage;

    #[test]
    fn a_fact_comes_back_as_it_was_and_is_found_where_it_is_due() {
        let at: Timestamp = "2026-11-22T00:52:00Z".parse().unwrap();
        let (lead, activity) = (LeadId::derive(&["lead"]), ActivityId::derive(&["move"]));
        let what = FactKind::LeadStageMoved { from: Stage::Lead, to: Stage::Mql, cell: None };
        let fact = Fact::of(&lead, &activity, at, &PlaybookVersion::derive(&["1"]), what);
        let item = to_item(&fact, at).unwrap();
        assert!(Work::Fact.parts().any(|part| item[keys::DUE_PART] == keys::text(part)));
        let due = FactItem { fact, due: Some(at), tries: 0, held: None };
        assert_eq!(serde_dynamo::from_item::<_, FactItem>(item).unwrap(), due);
    }
}
