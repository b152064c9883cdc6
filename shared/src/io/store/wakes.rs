//! Wake-ups: what is due, and the wake items of activities that must be scored.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::super::Error;
use super::failure::failed;
use super::items::{Wake, read};
use super::keys::{self, Function, Item};
use super::{CAPACITY, Store, together};
use crate::activity::LogOwner;
use crate::id::{ImportId, LeadId, MessageId, OwnerId};

/// The key of an item that is due, as the index has it: a hint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct DueKey {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// What a function has to do.
#[derive(Debug, Clone, Default)]
pub struct Due {
    /// The most urgent first, the oldest of it first.
    pub keys: Vec<DueKey>,
    /// When the oldest of it was due.
    pub oldest: Option<Timestamp>,
}

/// Work that has waited longer than this is late: every function looks at its own each minute.
const LATE: SignedDuration = SignedDuration::from_mins(10);

impl Due {
    /// For how long the oldest of it has been due, if that is so long that somebody should know.
    #[must_use]
    pub fn lateness(&self, now: Timestamp) -> Option<SignedDuration> {
        self.oldest.map(|oldest| now.duration_since(oldest)).filter(|waited| *waited > LATE)
    }
}

impl DueKey {
    /// The lead to review, if the key is a lead's own.
    #[must_use]
    pub fn lead(&self) -> Option<LeadId> {
        (self.sk == keys::LEAD).then(|| keys::lead_of(&self.pk)).flatten()
    }

    /// The key of a letter to a lead.
    #[must_use]
    pub fn of_letter(lead: &LeadId, message: &MessageId) -> Self {
        Self { pk: keys::lead(lead), sk: keys::message(message) }
    }

    /// The key of a mail to somebody in sales.
    #[must_use]
    pub fn of_mail_to_owner(owner: &OwnerId, message: &MessageId) -> Self {
        Self { pk: keys::owner(owner), sk: keys::message(message) }
    }

    /// Whether the key is that of something that goes to a lead.
    #[must_use]
    pub fn is_to_lead(&self) -> bool {
        keys::lead_of(&self.pk).is_some()
    }

    /// Whether the key is the re-derivation's.
    #[must_use]
    pub fn is_derivation(&self) -> bool {
        self.sk == keys::DERIVATION
    }

    /// The list that has somebody to tell, if the key is a list's.
    #[must_use]
    pub fn import(&self) -> Option<ImportId> {
        (self.pk == keys::IMPORTS).then(|| ImportId::parse(self.sk.as_str()).ok()).flatten()
    }

    /// Whose log an activity waits in to be scored, if the key is a wake item's.
    #[must_use]
    pub fn waking(&self) -> Option<LogOwner> {
        keys::wake_of(&self.sk).and_then(|_| keys::log_owner(&self.pk))
    }
}

impl Store {
    /// What a function has to do: the most urgent work first, the oldest of it first, at most `limit`.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub async fn due(&self, function: Function, now: Timestamp, limit: usize) -> Result<Due, Error> {
        let mut due = Due::default();
        for work in function.work() {
            let left = limit.saturating_sub(due.keys.len());
            if left == 0 {
                break;
            }
            let parts = together(work.parts().map(|part| self.due_in(part, now, left))).await;
            let mut found: Vec<Item> = parts.into_iter().collect::<Result<Vec<_>, Error>>()?.into_iter().flatten().collect();
            found.sort_by(|one, other| text(one, keys::DUE_AT).cmp(text(other, keys::DUE_AT)));
            let oldest = found.first().and_then(|item| text(item, keys::DUE_AT).parse().ok());
            due.oldest = [due.oldest, oldest].into_iter().flatten().min();
            let found = found.iter().take(left);
            due.keys
                .extend(found.map(|item| DueKey { pk: text(item, keys::PK).to_owned(), sk: text(item, keys::SK).to_owned() }));
        }
        Ok(due)
    }

    pub(super) async fn due_in(&self, part: String, now: Timestamp, limit: usize) -> Result<Vec<Item>, Error> {
        let query = self.client.query().table_name(&*self.leads).index_name(keys::DUE_INDEX);
        let query = query
            .key_condition_expression("due_part = :part AND due_at <= :now")
            .expression_attribute_values(":part", keys::text(part))
            .expression_attribute_values(":now", keys::text(keys::instant(now)));
        self.query(query.limit(i32::try_from(limit).unwrap_or(i32::MAX)), limit, Ok).await
    }

    /// The wake item under this key, if it is still there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn wake(&self, key: &DueKey) -> Result<Option<Wake>, Error> {
        self.get(&self.leads, keys::key(&key.pk, &key.sk), true).await?.map(read).transpose()
    }

    /// The wake items of a log.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn wakes_of(&self, owner: &LogOwner) -> Result<Vec<Wake>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :wakes)")
            .expression_attribute_values(":pk", keys::text(keys::log(owner)))
            .expression_attribute_values(":wakes", keys::wakes());
        self.query(query, usize::MAX, read).await
    }

    /// Puts off a wake item, with how far its work has come and how often it was taken up.
    ///
    /// # Errors
    /// If it is not known to be put off; says to read again if it was finished or put off meanwhile.
    pub async fn defer_wake(&self, wake: &Wake, due: Timestamp, cursor: Option<String>, tries: u32) -> Result<(), Error> {
        let deferred = Wake { due, cursor, tries, ..wake.clone() };
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(deferred.to_item()?));
        let put = put.condition_expression("due_at = :before");
        let put = put.expression_attribute_values(":before", keys::text(keys::instant(wake.due)));
        let done = put.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| ()).map_err(failed("a wake item cannot be put off"))
    }
}

fn text<'a>(item: &'a Item, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.as_s().ok()).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_late_when_its_oldest_has_waited_long() {
        let now: Timestamp = "2026-11-22T05:00:00Z".parse().unwrap();
        let lateness = |oldest: Option<&str>| {
            let oldest = oldest.map(|at| at.parse().unwrap());
            Due { keys: vec![], oldest }.lateness(now).map(|late| late.as_mins())
        };
        assert_eq!(lateness(None), None);
        assert_eq!(lateness(Some("2026-11-22T04:50:00Z")), None);
        assert_eq!(lateness(Some("2026-11-22T04:49:00Z")), Some(11));
    }
}
