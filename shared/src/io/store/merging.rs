//! Merging a lead into another: a mark that makes it a redirect, and the moving of all that lies with it or still arrives.

use aws_sdk_dynamodb::types::Delete;
use jiff::Timestamp;

use super::super::Error;
use super::actions::{self, put_if_absent};
use super::erasure::{AGAIN, Traces};
use super::failure::{condition_failed, failed};
use super::items::{LeadItem, Merged, Wake};
use super::keys;
use super::mailing::mailing_put;
use super::save::UNCHANGED;
use super::{CAPACITY, Store, facts, records};
use crate::activity::{LogOwner, Record};
use crate::address::Address;
use crate::fact::Fact;
use crate::id::{LeadId, VisitorId};
use crate::mail::mailing::Mailing;
use crate::merge::decision_id;
use crate::scenario::{Advance, Enrollment, Left};

/// How often a lead may have been merged from one into the next: more would be a ring, which nothing makes.
const HOPS: usize = 100;

const WHAT: &str = "a lead cannot be merged";

/// What was moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Transfer {
    /// Records of what happened to the lead.
    pub records: usize,
    /// Scenarios that ended for it.
    pub enrollments: usize,
}

impl Store {
    /// Where a lead is now: where it always was, unless it was merged into another. Says nothing of whether one is there.
    ///
    /// # Errors
    /// If that cannot be read.
    pub async fn home(&self, lead: &LeadId) -> Result<LeadId, Error> {
        self.lead_at_home(lead).await.map(|(home, _)| home)
    }

    /// The same, with the lead as it is there.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn lead_at_home(&self, lead: &LeadId) -> Result<(LeadId, Option<LeadItem>), Error> {
        let mut home = lead.clone();
        for _ in 0..HOPS {
            match self.lead(&home).await? {
                Some(LeadItem { merged: Some(merged), .. }) => home = merged.into,
                item => return Ok((home, item)),
            }
        }
        Err(Error::never(format!("the lead {lead} was merged from one into the next, and has no end")))
    }

    /// Merges a lead into another, if both are as they were read: the mark, what the winner's log learns, and the fact that
    /// tells it. From this commit on nothing is decided about the loser, and `score` moves all there is of it even if nobody
    /// else does.
    ///
    /// # Errors
    /// If it is not known to be merged; says to read again if either was saved meanwhile.
    pub async fn begin_merge(
        &self,
        loser: &LeadItem,
        winner: &LeadItem,
        decision: &Record,
        fact: &Fact,
        now: Timestamp,
    ) -> Result<LeadItem, Error> {
        if !(loser.is_itself() && winner.is_itself()) {
            return Err(Error::never("a lead that is being erased or was merged is merged no more"));
        }
        let merged = Merged { into: winner.lead.clone(), at: decision.at };
        let mark = LeadItem { merged: Some(merged), next_review: Some(now), ..LeadItem::mark(&loser.lead, Some(loser)) };
        let log = LogOwner::Lead(winner.lead.clone());
        let effects = vec![
            actions::put(self.lead_put(&mark, Some(loser))?)?,
            self.check_lead(winner)?,
            put_if_absent(&self.activities, records::to_item(&log, decision)?)?,
        ];
        self.transact(WHAT, effects, vec![facts::owed(&self.leads, fact)?]).await?;
        Ok(mark)
    }

    /// Moves all there is of a merged lead to where it is now. A repeat moves what came in between. If the other is being
    /// erased, so is this one.
    ///
    /// # Errors
    /// If anything is not known to be moved; a repeat goes on.
    pub async fn merge(&self, mark: &LeadItem, hash: impl Fn(&Address) -> String, now: Timestamp) -> Result<Transfer, Error> {
        let Some(merged) = &mark.merged else { return Err(Error::never("a lead that was not merged stays where it is")) };
        let from = &mark.lead;
        let (to, winner) = self.lead_at_home(from).await?;
        if winner.is_none_or(|winner| winner.erased.is_some()) {
            return self.begin_erasure(from, Some(mark), &[], now).await.map(|_| Transfer::default());
        }
        let (old, new) = (LogOwner::Lead(from.clone()), LogOwner::Lead(to.clone()));
        // What comes later has its record behind in the log still, when the log is moved.
        let wakes = self.wakes_of(&old).await?;
        let mut moved = Transfer::default();
        for open in self.enrollments_of(from).await? {
            self.end_enrollment(&open, &new, now).await?;
            moved.enrollments += 1;
        }
        moved.records = self.move_log(&old, &to).await?;
        for wake in &wakes {
            let there = Wake { owner: new.clone(), cursor: None, ..wake.clone() };
            self.put_wake(&there).await?;
            self.finish(wake).await?;
        }
        if mark.next_review.is_some() {
            // Afterwards nothing leads to the lead any more but what was mailed to it.
            let traces = Traces::of(&self.log(&new).await?);
            for visitor in traces.visitors.keys().chain(mark.visitors.iter().map(|known| &known.visitor)) {
                self.give_visitor(visitor, from, &to).await?;
            }
            for hash in traces.addresses.iter().map(hash) {
                self.give(keys::address(&hash), keys::ADDRESS, from, &to).await?;
            }
        }
        self.unite_mailing(from, &to).await?;
        if moved.records > 0 || mark.next_review.is_some() {
            let activity = decision_id(&merged.into, from);
            let record_sk = keys::record(merged.at, &activity);
            self.put_wake(&Wake { owner: new, activity, record_sk, due: now, cursor: None, tries: 0 }).await?;
        }
        Ok(moved)
    }

    /// Puts the repeat of a merge off until whatever raced past the mark has landed, or ends it: what is left then is a
    /// redirect. Answers whether it has just ended.
    ///
    /// # Errors
    /// If that is not known; says to read again if the mark was changed meanwhile.
    pub async fn end_merge(&self, mark: &LeadItem, now: Timestamp) -> Result<bool, Error> {
        let due = mark.next_review.is_some_and(|due| due <= now);
        let Some(merged) = mark.merged.as_ref().filter(|_| due) else { return Ok(false) };
        let again = merged.at.saturating_add(AGAIN).unwrap_or(Timestamp::MAX);
        let after = LeadItem { revision: mark.revision + 1, next_review: Some(again), ..mark.clone() };
        if now < again {
            return self.put_lead(&after, Some(mark)).await.map(|()| false);
        }
        let redirect = LeadItem { next_review: None, visitors: vec![], ..after };
        self.put_lead(&redirect, Some(mark)).await.map(|()| true)
    }

    /// Ends a merged lead's way along a scenario, and says so where its log is now.
    async fn end_enrollment(&self, open: &Enrollment, log: &LogOwner, now: Timestamp) -> Result<(), Error> {
        let key = keys::key(keys::lead(&open.lead), keys::enrollment(&open.scenario, &open.id));
        let delete = Delete::builder().table_name(&*self.leads).set_key(Some(key)).condition_expression(UNCHANGED);
        let delete = delete.expression_attribute_values(":r", keys::number(open.revision));
        let mut effects = vec![actions::delete(delete)?];
        if let Some(record) = Advance::ended(open, Left::Merged).record(open, now) {
            effects.push(put_if_absent(&self.activities, records::to_item(log, &record)?)?);
        }
        self.transact("an enrollment cannot be ended", effects, vec![]).await
    }

    /// What was mailed to the loser counts for the winner's cap; what else its mailing item said stands in the log.
    async fn unite_mailing(&self, from: &LeadId, to: &LeadId) -> Result<(), Error> {
        let Some(gone) = self.mailing(from).await? else { return Ok(()) };
        if let Some(before) = self.mailing(to).await? {
            let mut counted = before.counted.clone();
            counted.extend(gone.counted);
            if counted != before.counted {
                let after = Mailing { revision: before.revision + 1, counted, ..before.clone() };
                self.transact(WHAT, vec![mailing_put(&self.leads, to, Some(&before), &after)?], vec![]).await?;
            }
        }
        let call = self.client.delete_item().table_name(&*self.leads);
        let call = call.set_key(Some(keys::key(keys::lead(from), keys::MAILING))).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(failed(WHAT))
    }

    async fn give_visitor(&self, visitor: &VisitorId, from: &LeadId, to: &LeadId) -> Result<(), Error> {
        self.give(keys::visitor(visitor), keys::VISITOR, from, to).await
    }

    /// Gives a browser or an address to another lead, if it is this one's.
    async fn give(&self, pk: String, sk: &str, from: &LeadId, to: &LeadId) -> Result<(), Error> {
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(keys::key(pk, sk)));
        let call = call
            .update_expression("SET #lead = :to")
            .condition_expression("#lead = :from")
            .expression_attribute_names("#lead", keys::LEAD)
            .expression_attribute_values(":from", keys::text(from.as_str()))
            .expression_attribute_values(":to", keys::text(to.as_str()));
        match call.return_consumed_capacity(CAPACITY).send().await {
            Err(error) if condition_failed(&error) => Ok(()),
            done => done.map(|_| ()).map_err(failed(WHAT)),
        }
    }

    async fn put_wake(&self, wake: &Wake) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(wake.to_item()?));
        put.return_consumed_capacity(CAPACITY).send().await.map(|_| ()).map_err(failed(WHAT))
    }
}
