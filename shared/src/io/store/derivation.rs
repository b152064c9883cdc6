//! The re-derivation: how far all leads have come in being judged by the live playbook, and who was made ready by it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::delivery::{Live, Publication};
use super::failure::failed;
use super::items::read;
use super::keys::{self, Item, Work};
use super::{CAPACITY, Store, together};
use crate::id::{ImportId, LeadId, OwnerId, PlaybookVersion};

/// The judging of all leads by a playbook that has gone live. There is one; the next takes its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Derivation {
    /// The pointer's revision that it follows.
    pub run: u64,
    /// The playbook by which leads are judged.
    pub version: PlaybookVersion,
    /// What is done now.
    pub phase: Phase,
    /// Epochs in which leads may lie, in the order in which they are walked.
    pub epochs: Vec<String>,
    /// How many partitions of the rank index are done.
    #[serde(default)]
    pub parts: usize,
    /// The last lead that was looked at in the partition under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Ranked>,
    /// How many leads there were when it began; none: nobody has counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leads: Option<u64>,
    /// How many it has judged; those of a page that a crash ended are not counted.
    #[serde(default)]
    pub judged: u64,
    /// How many could not be judged; their own reviews come back to them.
    #[serde(default)]
    pub failed: u64,
    /// How many are told to sales as made ready by it.
    #[serde(default)]
    pub ready: u64,
    /// How often in a row it came no further.
    #[serde(default)]
    pub stumbles: u32,
    /// How often it was begun anew after it was cancelled.
    #[serde(default)]
    pub resumed: u32,
    /// Somebody wishes it to end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
    /// Counts the saves.
    pub step: u64,
    /// When the version went live.
    pub began: Timestamp,
    /// Who made it live.
    pub by: String,
    /// What for.
    pub why: String,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// When `score` takes it up next; none: it is over.
    #[serde(default, rename = "due_at", skip_serializing)]
    pub due: Option<Timestamp>,
}

/// What a re-derivation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waits until no function goes on with an older playbook it holds.
    Announced,
    /// Walks through the leads.
    Walking,
    /// Waits for looks under way, then tells each owner who was made ready.
    Telling,
    /// Takes away the notes of who was made ready.
    Clearing,
    /// Is over.
    Done,
}

impl Phase {
    /// Whether those made ready by the rules are gathered for the summary; else each is told at once.
    #[must_use]
    pub fn gathers(self) -> bool {
        match self {
            Self::Announced | Self::Walking => true,
            Self::Telling | Self::Clearing | Self::Done => false,
        }
    }
}

/// A lead's place in the rank index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranked {
    /// The lead.
    pub lead: LeadId,
    /// Its rank, as the index writes it.
    pub rank: String,
}

/// A lead that the rules or a list made ready, to be told to its owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ready {
    /// Who is told.
    pub owner: OwnerId,
    /// Of whom.
    pub lead: LeadId,
    /// The list that did it; none: the rules.
    pub list: Option<ImportId>,
}

impl Ready {
    /// The key of its note.
    pub(super) fn key(&self) -> Item {
        let note = keys::ready(&self.owner, &self.lead);
        match &self.list {
            None => keys::key(keys::READY, note),
            Some(list) => keys::key(keys::import(list), format!("{}{note}", keys::READY_PREFIX)),
        }
    }
}

/// Deletes under way at once.
const AT_ONCE: usize = 25;

impl Derivation {
    /// The one that follows a version's going live; leads may lie in its epoch and in earlier ones.
    pub(super) fn begin(live: &Live, wish: &Publication<'_>, earlier: impl Iterator<Item = String>) -> Self {
        // Where judged leads go is walked first: nobody is met again there that way.
        let mut epochs = vec![wish.epoch.clone()];
        for epoch in earlier {
            if !epochs.contains(&epoch) {
                epochs.push(epoch);
            }
        }
        Self {
            run: live.revision,
            version: live.version.clone(),
            phase: if wish.seen_at_once { Phase::Walking } else { Phase::Announced },
            epochs,
            parts: 0,
            cursor: None,
            leads: wish.leads,
            judged: 0,
            failed: 0,
            ready: 0,
            stumbles: 0,
            resumed: 0,
            cancelled: false,
            step: 0,
            began: live.since,
            by: live.by.clone(),
            why: live.why.clone(),
            ended: None,
            due: Some(live.since),
        }
    }

    /// The partition of the rank index to walk; none: all are done.
    #[must_use]
    pub fn part(&self) -> Option<String> {
        Store::rank_parts(&self.epochs).nth(self.parts)
    }

    pub(super) fn to_item(&self) -> Result<Item, Error> {
        let mut item = keys::item(keys::DERIVATION_PK, keys::DERIVATION, self)?;
        if let Some(due) = self.due {
            keys::set_due(&mut item, Work::Derivation, due);
        }
        Ok(item)
    }
}

impl Store {
    /// The newest re-derivation, over or not.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn derivation(&self) -> Result<Option<Derivation>, Error> {
        self.get(&self.leads, keys::key(keys::DERIVATION_PK, keys::DERIVATION), true).await?.map(read).transpose()
    }

    /// Whether a re-derivation gathers those made ready by the rules, as it was a moment ago.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn gathers_ready(&self) -> Result<bool, Error> {
        let item = self.get(&self.leads, keys::key(keys::DERIVATION_PK, keys::DERIVATION), false).await?;
        Ok(item.map(read::<Derivation>).transpose()?.is_some_and(|derivation| derivation.phase.gathers()))
    }

    /// Saves how far a re-derivation has come, if nobody else saved it, and answers it as saved.
    ///
    /// # Errors
    /// If it is not known to be saved; says to read again if it was saved meanwhile, or superseded, or cancelled.
    pub async fn save_derivation(&self, after: Derivation) -> Result<Derivation, Error> {
        let after = Derivation { step: after.step + 1, ..after };
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(after.to_item()?));
        let put = put
            .condition_expression("run = :run AND step = :step")
            .expression_attribute_values(":run", keys::number(after.run))
            .expression_attribute_values(":step", keys::number(after.step - 1));
        let done = put.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| after).map_err(failed("a re-derivation cannot be moved on"))
    }

    /// The partitions of the rank index that hold all leads of these epochs.
    pub fn rank_parts(epochs: &[String]) -> impl Iterator<Item = String> {
        epochs.iter().flat_map(|epoch| keys::epoch_parts(epoch))
    }

    /// A page of a partition of the rank index, hottest first, and whether there is more behind it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn rank_page(&self, part: &str, after: Option<&Ranked>, limit: usize) -> Result<(Vec<Ranked>, bool), Error> {
        let start = after.map(|after| {
            let mut key = keys::key(keys::lead(&after.lead), keys::LEAD);
            key.insert(keys::RANK_PART.to_owned(), keys::text(part));
            key.insert(keys::RANK.to_owned(), keys::number(&after.rank));
            key
        });
        let query = self.client.query().table_name(&*self.leads).index_name(keys::RANK_INDEX).scan_index_forward(false);
        let query = query
            .key_condition_expression("rank_part = :part")
            .expression_attribute_values(":part", keys::text(part))
            .set_exclusive_start_key(start)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = query.return_consumed_capacity(CAPACITY).send().await.map_err(failed("leads cannot be listed"))?;
        let more = page.last_evaluated_key.is_some();
        Ok((page.items.unwrap_or_default().iter().filter_map(ranked).collect(), more))
    }

    /// Those made ready by a list, or else by the rules, of whom nobody was told yet, at most `limit`.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn ready(&self, list: Option<&ImportId>, limit: usize) -> Result<Vec<Ready>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let (query, prefix) = match list {
            None => (query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", keys::text(keys::READY)), ""),
            Some(list) => {
                let query = query
                    .key_condition_expression("pk = :pk AND begins_with(sk, :ready)")
                    .expression_attribute_values(":pk", keys::text(keys::import(list)))
                    .expression_attribute_values(":ready", keys::text(keys::READY_PREFIX));
                (query, keys::READY_PREFIX)
            }
        };
        let read = |item: Item| {
            let ready = item.get(keys::SK).and_then(|sk| keys::ready_of(sk.as_s().ok()?.strip_prefix(prefix)?));
            let ready = ready.map(|(owner, lead)| Ready { owner, lead, list: list.cloned() });
            ready.ok_or_else(|| super::items::unreadable(keys::READY))
        };
        self.query(query, limit, read).await
    }

    /// Says that these have been told.
    ///
    /// # Errors
    /// If it is not known to be said of all of them.
    pub async fn told(&self, ready: &[Ready]) -> Result<(), Error> {
        for some in ready.chunks(AT_ONCE) {
            let gone = together(some.iter().map(async |one| {
                let call = self.client.delete_item().table_name(&*self.leads).set_key(Some(one.key()));
                let done = call.return_consumed_capacity(CAPACITY).send().await;
                done.map(|_| ()).map_err(failed("a ready lead cannot be told"))
            }));
            gone.await.into_iter().collect::<Result<(), Error>>()?;
        }
        Ok(())
    }
}

fn ranked(item: &Item) -> Option<Ranked> {
    let pk = item.get(keys::PK)?.as_s().ok()?;
    let rank = item.get(keys::RANK)?.as_n().ok()?;
    Some(Ranked { lead: keys::lead_of(pk)?, rank: rank.clone() })
}
