//! Messages: read by key, claimed and moved on only as they were read; and the pace they share.

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{ConditionCheck, Put, TransactWriteItem};
use jiff::{SignedDuration, Timestamp};

use super::super::Error;
use super::actions::{self, put_if_absent, unbuilt};
use super::broadcasts::Owed;
use super::failure::{condition_failed, failed, transaction_failed};
use super::found::Found;
use super::keys::{self, Item, Work};
use super::mailing::mailing_put;
use super::wakes::DueKey;
use super::{CAPACITY, Store, records, together};
use crate::activity::{LogOwner, Record};
use crate::id::{LeadId, OwnerId};
use crate::mail::mailing::Mailing;
use crate::mail::message::{Content, Message, Recipient, State};
use crate::mail::pace::{Block, Lane};

/// What stands in the way of a mail to somebody in sales.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Nothing may be sent to the owner.
    pub suppressed: bool,
    /// The lead, if the mail is about one, is there and not being erased.
    pub lead_exists: bool,
    /// The lead was merged into another.
    pub merged: bool,
}

/// How long a message is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);
/// How often a block is asked for when others are faster.
const PACE_TRIES: u32 = 4;
/// Only a message that nobody has moved since it was read is written.
const UNCHANGED: &str = "revision = :r";

impl Store {
    /// The message under a key.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn message(&self, key: &DueKey) -> Result<Found<Message>, Error> {
        self.find(key).await
    }

    /// What stands in the way of a mail to this owner at the address of this keyed hash, about this lead if it is about one,
    /// as it is now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn standing(&self, owner: &OwnerId, address: &str, lead: Option<&LeadId>) -> Result<Standing, Error> {
        let mut wanted = vec![keys::key(keys::owner(owner), keys::MAILING)];
        wanted.extend(lead.map(|lead| keys::key(keys::lead(lead), keys::LEAD)));
        let mut found = together(wanted.into_iter().map(|key| self.get(&self.leads, key, true))).await.into_iter();
        let mut next = || found.next().transpose().map(Option::flatten);
        let (mailing, found) = (next()?, next()?);
        Ok(Standing {
            suppressed: mailing.is_some_and(|item| {
                let other = item.get(keys::ADDRESS).is_some_and(|known| *known != keys::text(address));
                item.contains_key(keys::SUPPRESSED) && !other
            }),
            merged: found.as_ref().is_some_and(|item| item.contains_key(keys::MERGED)),
            lead_exists: lead.is_none() || found.is_some_and(|item| !item.contains_key(keys::ERASED)),
        })
    }

    /// Claims a message, if it is as it was read, its owner may be written to at the address of this keyed hash, and its
    /// lead, if it has one, is there. Else the error says to read again; a repeat after a lost answer then finds its own
    /// attempt.
    ///
    /// # Errors
    /// If it is not known to be claimed.
    pub async fn claim(&self, before: &Message, claimed: &Message, address: &str) -> Result<(), Error> {
        let Recipient::Owner(owner) = &before.to else { return Err(Error::never("a letter is claimed by its lead")) };
        let reachable = ConditionCheck::builder().table_name(&*self.leads);
        let reachable = reachable
            .set_key(Some(keys::key(keys::owner(owner), keys::MAILING)))
            .condition_expression("attribute_not_exists(suppressed) OR (attribute_exists(address) AND address <> :address)")
            .expression_attribute_values(":address", keys::text(address));
        let mut actions = vec![actions::put(self.message_put(before, claimed)?)?, actions::check(reachable)?];
        if let Some(lead) = &before.lead {
            actions.push(self.check_alive(lead)?);
        }
        self.move_on(actions, "a message cannot be claimed").await
    }

    /// The check that a lead is there, neither being erased nor merged into another.
    pub(super) fn check_alive(&self, lead: &LeadId) -> Result<TransactWriteItem, Error> {
        let check = ConditionCheck::builder().table_name(&*self.leads).set_key(Some(keys::key(keys::lead(lead), keys::LEAD)));
        let alive = "attribute_exists(pk) AND attribute_not_exists(#erased) AND attribute_not_exists(#merged)";
        let check = check.condition_expression(alive).expression_attribute_names("#erased", keys::ERASED);
        actions::check(check.expression_attribute_names("#merged", keys::MERGED))
    }

    /// Claims a letter, if it is as it was read, the lead is there, its mailing item is as it was read (its counts become
    /// those of `counted`), and the address of this keyed hash is not suppressed. Else the error says to read again.
    ///
    /// # Errors
    /// If it is not known to be claimed.
    pub async fn claim_letter(
        &self,
        before: &Message,
        claimed: &Message,
        mailing: &Mailing,
        counted: &Mailing,
        address: &str,
    ) -> Result<(), Error> {
        let Recipient::Lead(lead) = &before.to else { return Err(Error::never("only a letter goes to a lead")) };
        let actions = vec![
            actions::put(self.message_put(before, claimed)?)?,
            mailing_put(&self.leads, lead, Some(mailing), counted)?,
            self.check_alive(lead)?,
            self.check_address(address)?,
        ];
        self.move_on(actions, "a letter cannot be claimed").await
    }

    /// Owes a letter, if it is not owed yet and its lead is there. One that is due now is taken up at once.
    ///
    /// # Errors
    /// If it is not known whether it is owed.
    pub async fn owe_letter(&self, letter: &Message, now: Timestamp) -> Result<Owed, Error> {
        let Recipient::Lead(lead) = &letter.to else { return Err(Error::never("only a letter goes to a lead")) };
        let put = if letter.due().is_some_and(|due| due <= now) {
            owed(&self.leads, letter)?
        } else {
            put_if_absent(&self.leads, to_item(letter)?)?
        };
        let call = self.client.transact_write_items().transact_items(put).transact_items(self.check_alive(lead)?);
        let Err(error) = call.return_consumed_capacity(CAPACITY).send().await else { return Ok(Owed::Now) };
        match transaction_failed("a letter cannot be owed", error) {
            (_, unmet) if unmet.contains(&0) => Ok(Owed::Before),
            (_, unmet) if unmet.contains(&1) => Ok(Owed::LeadGone),
            (error, _) => Err(error),
        }
    }

    /// Moves a message on, if it is as it was read.
    ///
    /// # Errors
    /// If it is not known to be moved; says to read again if somebody else moved it.
    pub async fn move_message(&self, before: &Message, after: &Message) -> Result<(), Error> {
        let put = self.message_put(before, after)?.build().map_err(unbuilt)?;
        let call = self.client.put_item().table_name(put.table_name).set_item(Some(put.item));
        let call = call.set_condition_expression(put.condition_expression);
        let call = call.set_expression_attribute_values(put.expression_attribute_values).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(failed("a message cannot be moved on"))
    }

    /// Moves a message on and appends to the log of the lead it is about what came of it, both or neither.
    ///
    /// # Errors
    /// If it is not known to be moved; says to read again if somebody else moved it.
    pub async fn finish_message(&self, before: &Message, after: &Message, lead: &LeadId, record: &Record) -> Result<(), Error> {
        let log = LogOwner::Lead(lead.clone());
        let put = actions::put(self.message_put(before, after)?)?;
        let append = put_if_absent(&self.activities, records::to_item(&log, record)?)?;
        self.move_on(vec![put, append], "a message cannot be finished").await
    }

    /// The messages that a person must look at, oldest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn held_messages(&self, limit: usize) -> Result<Vec<Message>, Error> {
        let query = self.client.query().table_name(&*self.leads).index_name(keys::DUE_INDEX);
        let query =
            query.key_condition_expression("due_part = :part").expression_attribute_values(":part", keys::text(keys::HELD));
        let text = |item: &Item, name| item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default();
        let key = |item: Item| Ok(DueKey { pk: text(&item, keys::PK), sk: text(&item, keys::SK) });
        let mut held = vec![];
        for key in self.query(query, limit, key).await? {
            // Facts may be held too; and the index may be behind the item.
            if let Found::One(message @ Message { state: State::Held, .. }) = self.message(&key).await? {
                held.push(message);
            }
        }
        Ok(held)
    }

    /// Takes a block of up to `wanted` mails from a lane of the pace.
    ///
    /// # Errors
    /// If none is known to be taken.
    pub async fn take_pace(&self, lane: Lane, wanted: u32, now: Timestamp) -> Result<Block, Error> {
        let key = || keys::key(keys::PACE, lane.as_str());
        let mut tries = 0;
        loop {
            tries += 1;
            let item = self.get(&self.leads, key(), true).await?.unwrap_or_default();
            let booked = item.get(keys::FREE_AT).and_then(|at| at.as_n().ok()?.parse().ok());
            let block = lane.block(booked.and_then(|at| Timestamp::from_millisecond(at).ok()), wanted, now);
            let Block::Granted { free_at, .. } = block else { return Ok(block) };
            let call = self.client.update_item().table_name(&*self.leads).set_key(Some(key()));
            let call = call
                .update_expression("SET free_at = :next")
                .expression_attribute_values(":next", keys::number(free_at.as_millisecond()));
            let call = match booked {
                None => call.condition_expression("attribute_not_exists(free_at)"),
                Some(booked) => {
                    call.condition_expression("free_at = :booked").expression_attribute_values(":booked", keys::number(booked))
                }
            };
            match call.return_consumed_capacity(CAPACITY).send().await {
                Ok(_) => return Ok(block),
                Err(error) if condition_failed(&error) && tries < PACE_TRIES => {}
                Err(error) => return Err(failed("the pace cannot be kept")(error)),
            }
        }
    }

    pub(super) fn message_put(&self, before: &Message, after: &Message) -> Result<PutBuilder, Error> {
        let put = Put::builder().table_name(&*self.leads).set_item(Some(to_item(after)?));
        Ok(put.condition_expression(UNCHANGED).expression_attribute_values(":r", keys::number(before.revision)))
    }

    async fn move_on(&self, actions: Vec<TransactWriteItem>, what: &'static str) -> Result<(), Error> {
        let call = self.client.transact_write_items().set_transact_items(Some(actions)).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(|error| transaction_failed(what, error).0)
    }
}

/// The put that owes a message: with the hint for the stream, and due, unless it is there already.
pub(super) fn owed(table: &str, message: &Message) -> Result<TransactWriteItem, Error> {
    let mut item = to_item(message)?;
    item.insert(keys::HINT.to_owned(), keys::text("message"));
    put_if_absent(table, item)
}

/// A message as an item. Without the hint: what is written later starts nothing.
fn to_item(message: &Message) -> Result<Item, Error> {
    let pk = match &message.to {
        Recipient::Owner(owner) => keys::owner(owner),
        Recipient::Lead(lead) => keys::lead(lead),
    };
    let mut item = keys::item(pk, keys::message(&message.id), message)?;
    item.retain(|_, value| !value.is_null());
    item.insert(keys::TTL.to_owned(), keys::ttl(message.created.saturating_add(KEPT).unwrap_or(message.created)));
    let work = match message.content {
        Content::Alert(_) | Content::Correction(_) => Work::Alert,
        Content::Summary(_) | Content::Notice(_) | Content::Letter(_) => Work::Mail,
    };
    if let Some(due) = message.due() {
        keys::set_due(&mut item, work, due);
    } else if message.state == State::Held {
        keys::lie_in(&mut item, keys::HELD, message.history.last().map_or(message.created, |entry| entry.at));
    }
    Ok(item)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::message::Event;

    #[test]
    fn a_message_comes_back_as_it_was_and_is_found_where_it_is_due() {
        let now: Timestamp = "2026-11-22T00:52:00Z".parse().unwrap();
        let pending = Message::sample(now);
        let item = to_item(&pending).unwrap();
        assert_eq!(serde_dynamo::from_item::<_, Message>(item.clone()).unwrap(), pending);
        assert!(Work::Alert.parts().any(|part| item[keys::DUE_PART] == keys::text(part)));
        assert_eq!(item[keys::DUE_AT], keys::text("2026-11-22T00:52:00.000Z"));
        assert!(!item.contains_key(keys::HINT));

        let attempt = crate::id::AttemptId::derive(&["1"]);
        let claimed = pending.after(Event::Claimed { attempt: attempt.clone() }, now).unwrap();
        assert_eq!(to_item(&claimed).unwrap()[keys::DUE_AT], keys::text("2026-11-22T00:53:00.000Z"));

        let sent = claimed.after(Event::Accepted { attempt, ses: "s".to_owned() }, now).unwrap();
        let item = to_item(&sent).unwrap();
        assert_eq!(serde_dynamo::from_item::<_, Message>(item.clone()).unwrap(), sent);
        assert!(!item.contains_key(keys::DUE_PART) && !item.contains_key(keys::DUE_AT));
    }

    #[test]
    fn a_held_message_is_swept_by_nobody_and_found() {
        let now: Timestamp = "2026-11-22T00:52:00Z".parse().unwrap();
        let held = Message { state: State::Held, ..Message::sample(now) };
        assert_eq!(to_item(&held).unwrap()[keys::DUE_PART], keys::text("held"));
    }
}
