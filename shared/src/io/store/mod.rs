//! The store: both tables, over the real SDK. Keys and attribute names are in [`keys`], a file per noun beside it.
//!
//! **Activities** is append-only. A record is one item, at most 1 KB where that is possible: it names nothing that is
//! in its key already, leaves out what is empty, and counts times in milliseconds since 1970.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `lead#…`, `visitor#…` | `<sent>#<activity>` | a record; `wake` if `score` shall look; `ttl` on footsteps |
//!
//! **Leads** holds everything that changes.
//!
//! | pk | sk | item |
//! |---|---|---|
//! | `lead#…` | `lead` | [`LeadItem`]; due for review; ranked. Of one that was merged: where it is now |
//! | `lead#…`, `visitor#…` | `wake#<activity>` | [`Wake`]; due for `score` |
//! | `lead#…`, `owner#…` | `message#…` | a message; due until it is finished |
//! | `lead#…` | `enrollment#<scenario>#…` | an [`Enrollment`](crate::scenario::Enrollment) that is open; due for `step` |
//! | `scenario#all` | id | the [`Pause`] of a scenario |
//! | `lead#…` | `fact#…` | a fact; due until it is published |
//! | `visitor#…` | `visitor` | [`VisitorItem`] |
//! | `address#<keyed hash>` | `address` | the lead that owns the address |
//! | `playbook#<version>` | `part#…` | compiled JSON of an immutable version, in parts |
//! | `playbook#<version>` | `about`, `source#<digest>#…` | [`About`] it; its packed files, in parts |
//! | `playbook#live` | `current`, `proposal` | which version is [`Live`]; the [`Proposal`] that waits for a second person |
//! | `playbook#history` | `<time>#<revision>` | when what was [`Moved`] live, by whom, what for |
//! | `playbook#derivation` | `derivation` | [`Derivation`]; due for `score` |
//! | `import#all` | id | an [`Import`]; due for `score` |
//! | `import#<id>` | `leads#…`, `ready#<owner>#<lead>` | whom a list names; whom it made ready, until the owner is told |
//! | `playbook#ready` | `<owner>#<lead>` | a lead that a playbook made ready, until its owner is told |
//! | `lead#…` | `mailing` | [`Mailing`](crate::mail::mailing::Mailing): address, permissions, counts: what a claim checks |
//! | `owner#…` | `mailing` | whether anything may be sent to somebody in sales |
//! | `address#<keyed hash>` | `suppressed` | nothing may be sent there, and why; survives the lead |
//! | `broadcast#all` | id | a [`Broadcast`](crate::mail::broadcast::Broadcast) |
//! | `broadcast#…` | `recipients#<digest>#…` | whom it goes to, in parts; `ttl` |
//! | `mail` | `day#<day>#<shard>` | what mails to leads came to on a day; `ttl` |
//! | `mail` | `watch` | the [`Watch`](crate::mail::outcome::Watch) over it |
//! | `pace` | `alerts`, … | until when a lane's mail is booked |
//! | `token#…` | `token` | [`Token`]; `ttl` |
//! | `limit#<kind>#<hash>#<day>` | `limit` | a count; `ttl` |
//! | `quarantine#<day>` | id | a payload that could not be read, or a [`Suspect`], and why; `ttl` |
//!
//! Two indexes, `due` and `rank`, hold keys only and are hints: what they name is read again, and every write is
//! conditional on what was read.

mod actions;
mod broadcasts;
mod care;
mod delivery;
mod derivation;
mod enrollments;
mod erasure;
mod facts;
mod failure;
mod found;
mod imports;
mod items;
mod keys;
mod leads;
mod letters;
mod limits;
mod log;
mod mailing;
mod merging;
mod messages;
mod outcomes;
mod playbooks;
mod quarantine;
mod records;
mod reports;
mod save;
mod summary;
mod visitors;
mod wakes;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::ReturnConsumedCapacity;

use self::failure::failed;
use self::keys::Item;
use super::Error;

pub use broadcasts::Owed;
pub use care::{Poison, Waiting};
pub(super) use delivery::nothing_live;
pub use delivery::{How, Live, Moved, Proposal, Publication};
pub use derivation::{Derivation, Phase, Ranked, Ready};
pub use enrollments::{Lies, Open, Pause, Progress};
pub use erasure::{AGAIN, Erased, Traces};
pub use facts::FactItem;
pub use found::Found;
pub use imports::{Import, ListedRow, Undone};
pub use items::{LeadItem, Merged, SettlingVisitor, Token, VisitorItem, Wake};
pub use keys::{Function, Work};
pub use letters::Followed;
pub use log::{CopyFilter, Mark};
pub use mailing::Reach;
pub use merging::Transfer;
pub use messages::Standing;
pub use outcomes::Reported;
pub use playbooks::About;
pub use quarantine::Suspect;
pub use records::Arrival;
pub use save::Save;
pub use summary::{Playbooks, Summary};
pub use wakes::{Due, DueKey};

/// Both tables. Clones share the client.
#[derive(Debug, Clone)]
pub struct Store {
    client: Client,
    activities: Arc<str>,
    leads: Arc<str>,
}

/// Every call says what it consumed, so that tests can hold it to the budget.
const CAPACITY: ReturnConsumedCapacity = ReturnConsumedCapacity::Indexes;

impl Store {
    /// The tables of these names.
    #[must_use]
    pub fn new(client: Client, activities: &str, leads: &str) -> Self {
        Self { client, activities: activities.into(), leads: leads.into() }
    }

    /// One item.
    async fn get(&self, table: &str, key: Item, consistent: bool) -> Result<Option<Item>, Error> {
        let call = self.client.get_item().table_name(table).set_key(Some(key)).consistent_read(consistent);
        let answer = call.return_consumed_capacity(CAPACITY).send().await.map_err(failed("an item cannot be read"))?;
        Ok(answer.item)
    }

    /// What a query finds, on all pages, at most `limit`, each item read as it comes.
    async fn query<T>(
        &self,
        query: QueryFluentBuilder,
        limit: usize,
        read: impl Fn(Item) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let page = query.clone().return_consumed_capacity(CAPACITY).set_exclusive_start_key(start).send().await;
            let page = page.map_err(failed("items cannot be read"))?;
            for item in page.items.unwrap_or_default().into_iter().take(limit - found.len()) {
                found.push(read(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }
}

/// Waits for all futures together, first polled in their order, and yields their results in it.
pub async fn together<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|one| (Box::pin(one), None)).collect();
    poll_fn(|context| {
        let mut waiting = false;
        for (future, result) in running.iter_mut().filter(|(_, result)| result.is_none()) {
            match future.as_mut().poll(context) {
                Poll::Ready(output) => *result = Some(output),
                Poll::Pending => waiting = true,
            }
        }
        if waiting { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    running.into_iter().filter_map(|(_, result)| result).collect()
}

/// What an item weighs by DynamoDB's rules: a write unit is 1,024.
#[cfg(test)]
fn weight(item: &Item) -> usize {
    use aws_sdk_dynamodb::types::AttributeValue;
    fn of(value: &AttributeValue) -> usize {
        match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(number) => number.trim_matches('-').len().div_ceil(2) + 1,
            AttributeValue::Bool(_) | AttributeValue::Null(_) => 1,
            AttributeValue::L(list) => 3 + list.iter().map(|value| 1 + of(value)).sum::<usize>(),
            AttributeValue::M(map) => 3 + map.iter().map(|(name, value)| 1 + name.len() + of(value)).sum::<usize>(),
            other => panic!("no item has {other:?}"),
        }
    }
    item.iter().map(|(name, value)| name.len() + of(value)).sum()
}
