//! Delivery: which version of the playbook is live, who made it so, and what was live before.
//!
//! The pointer moves only from where its mover saw it, in one transaction with its entry in the history and the
//! re-derivation of all leads that follows: so two people cannot overwrite each other, and no version goes live without
//! its leads being judged by it.

use aws_sdk_dynamodb::types::{Delete, Put};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::actions::{self, put_if_absent};
use super::derivation::Derivation;
use super::failure::{failed, transaction_failed};
use super::items::read;
use super::{CAPACITY, Store, keys};
use crate::id::PlaybookVersion;

/// The live version of the playbook, and how it came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The version.
    pub version: PlaybookVersion,
    /// Since when, by the clock of whoever made it live.
    pub since: Timestamp,
    /// Counts the moves of the pointer, from 1.
    #[serde(default)]
    pub revision: u64,
    /// Who moved it.
    #[serde(default)]
    pub by: String,
    /// What for.
    #[serde(default)]
    pub why: String,
    /// The version before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PlaybookVersion>,
}

/// A move of the pointer to the live version. The history never expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The pointer after it.
    #[serde(flatten)]
    pub live: Live,
    /// How it was moved.
    pub how: How,
    /// Who wished for it, if it needed somebody else to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_by: Option<String>,
    /// The epoch of the version's ranks: leads judged by it lie there.
    pub epoch: String,
}

/// How the pointer was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// A version was applied.
    Applied,
    /// A version was applied by one person and approved by another.
    Approved,
    /// An earlier version was taken up again.
    RolledBack,
}

/// A version that waits for a second person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The version.
    pub version: PlaybookVersion,
    /// Who wishes for it.
    pub by: String,
    /// When it was proposed.
    pub at: Timestamp,
    /// What for.
    pub why: String,
}

/// A wish to make a version live.
#[derive(Debug, Clone)]
pub struct Publication<'a> {
    /// The version; it must have been kept.
    pub version: &'a PlaybookVersion,
    /// The epoch of its ranks.
    pub epoch: String,
    /// The pointer as it was read; none: nothing is live yet.
    pub base: Option<&'a Live>,
    /// Who.
    pub by: &'a str,
    /// What for.
    pub why: &'a str,
    /// How.
    pub how: How,
    /// The proposal that it fulfils.
    pub proposal: Option<&'a Proposal>,
    /// How many leads there are, for whoever watches; none: nobody has counted.
    pub leads: Option<u64>,
    /// No function goes on with an older version it holds; else they are given the time after which they look again.
    pub seen_at_once: bool,
}

/// Nothing can be judged yet.
pub(crate) fn nothing_live() -> Error {
    Error::never("no playbook has been published: `michi apply` makes one live")
}

impl Store {
    /// The pointer to the live version; none if there never was one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn live(&self) -> Result<Option<Live>, Error> {
        self.get(&self.leads, keys::key(keys::LIVE_PLAYBOOK, keys::CURRENT), false).await?.map(read).transpose()
    }

    /// The live version, where one must be.
    ///
    /// # Errors
    /// If none ever was, or it cannot be read.
    pub async fn live_version(&self) -> Result<PlaybookVersion, Error> {
        self.live().await?.map(|live| live.version).ok_or_else(nothing_live)
    }

    /// The same as it is now, for whoever is about to move it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn live_consistent(&self) -> Result<Option<Live>, Error> {
        self.get(&self.leads, keys::key(keys::LIVE_PLAYBOOK, keys::CURRENT), true).await?.map(read).transpose()
    }

    /// Makes a version live, if the pointer still is as it was read, and has all leads judged by it.
    ///
    /// # Errors
    /// If it is not known to be live; says to read again if somebody else moved the pointer or the proposal meanwhile.
    pub async fn publish(&self, wish: &Publication<'_>, now: Timestamp) -> Result<Live, Error> {
        let before = wish.base.map_or(0, |base| base.revision);
        let live = Live {
            version: wish.version.clone(),
            since: now,
            revision: before + 1,
            by: wish.by.to_owned(),
            why: wish.why.to_owned(),
            previous: wish.base.map(|base| base.version.clone()),
        };
        let moved = Moved {
            live: live.clone(),
            how: wish.how,
            proposed_by: wish.proposal.map(|proposal| proposal.by.clone()),
            epoch: wish.epoch.clone(),
        };
        let pointer = keys::item(keys::LIVE_PLAYBOOK, keys::CURRENT, &live)?;
        let pointer = Put::builder().table_name(&*self.leads).set_item(Some(pointer));
        let pointer = match (wish.base, before) {
            (None, _) => pointer.condition_expression("attribute_not_exists(pk)"),
            (Some(base), 0) => pointer
                .condition_expression("attribute_not_exists(revision) AND version = :v")
                .expression_attribute_values(":v", keys::text(base.version.as_str())),
            (Some(_), before) => {
                pointer.condition_expression("revision = :r").expression_attribute_values(":r", keys::number(before))
            }
        };
        let entry = keys::item(keys::PLAYBOOK_HISTORY, keys::moved(now, live.revision), &moved)?;
        let proposal = Delete::builder().table_name(&*self.leads);
        let proposal = proposal.set_key(Some(keys::key(keys::LIVE_PLAYBOOK, keys::PROPOSAL)));
        let proposal = match wish.proposal {
            None => proposal,
            Some(wished) => proposal
                .condition_expression("version = :v AND #at = :at")
                .expression_attribute_names("#at", "at")
                .expression_attribute_values(":v", keys::text(wished.version.as_str()))
                .expression_attribute_values(":at", keys::text(wished.at.to_string())),
        };
        let mut actions = vec![actions::put(pointer)?, put_if_absent(&self.leads, entry)?, actions::delete(proposal)?];
        // Before anything was live nobody could be judged.
        if wish.base.is_some() {
            let epochs = self.playbook_history().await?.into_iter().map(|moved| moved.epoch);
            let derivation = Derivation::begin(&live, wish, epochs).to_item()?;
            actions.push(actions::put(Put::builder().table_name(&*self.leads).set_item(Some(derivation)))?);
        }
        let call = self.client.transact_write_items().set_transact_items(Some(actions)).return_consumed_capacity(CAPACITY);
        match call.send().await {
            Ok(_) => Ok(live),
            Err(error) => {
                let (error, unmet) = transaction_failed("a playbook cannot be made live", error);
                // After a lost answer the pointer is where this very wish has put it.
                if !unmet.is_empty() && self.live_consistent().await?.as_ref() == Some(&live) { Ok(live) } else { Err(error) }
            }
        }
    }

    /// Every move of the pointer, the newest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn playbook_history(&self) -> Result<Vec<Moved>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true).scan_index_forward(false);
        let query =
            query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", keys::text(keys::PLAYBOOK_HISTORY));
        self.query(query, usize::MAX, read).await
    }

    /// The version that waits for a second person, if one does.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn proposal(&self) -> Result<Option<Proposal>, Error> {
        self.get(&self.leads, keys::key(keys::LIVE_PLAYBOOK, keys::PROPOSAL), true).await?.map(read).transpose()
    }

    /// Proposes a version, in place of an earlier proposal.
    ///
    /// # Errors
    /// If it is not known to be proposed.
    pub async fn propose(&self, proposal: &Proposal) -> Result<(), Error> {
        let item = keys::item(keys::LIVE_PLAYBOOK, keys::PROPOSAL, proposal)?;
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item)).return_consumed_capacity(CAPACITY);
        put.send().await.map(|_| ()).map_err(failed("a playbook cannot be proposed"))
    }
}
