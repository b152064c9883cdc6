//! Two leads turn out to be one person: what the log of the one that stays learns of it.
//!
//! Merging unites logs, and the fold over both says the rest: points, consents, browsers, pages. Only what a union cannot
//! say is decided, in one record: that the winner's address is the address, and its stage the stage.

use jiff::{SignedDuration, Timestamp};

use crate::activity::{Activity, Kind, Log, LogOwner, Record};
use crate::fold::fold;
use crate::id::{ActivityId, LeadId, MessageId};
use crate::lead::{Lead, Stage};
use crate::playbook::Playbook;

/// The id of the record by which `winner` takes in `loser`: the same however often they are merged.
#[must_use]
pub fn decision_id(winner: &LeadId, loser: &LeadId) -> ActivityId {
    ActivityId::derive(&["merged", loser.as_str(), winner.as_str()])
}

/// The record by which a lead's log takes in another's. `letters` are those kept of the other, sent or not. It happens after
/// everything that either log tells, so that it has the last word on what they disagree about.
#[must_use]
pub fn decision(
    playbook: &Playbook,
    (winner, log): (&LeadId, &Log),
    (loser, other): (&LeadId, &Log),
    letters: impl IntoIterator<Item = MessageId>,
    now: Timestamp,
) -> Record {
    let newest = log.records.iter().chain(&other.records).map(|record| record.received).max();
    let after = newest.and_then(|newest| newest.checked_add(SignedDuration::from_millis(1)).ok());
    let now = after.map_or(now, |after| after.max(now));
    // As logs keep it.
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    let before = fold(playbook, log, now);
    let union =
        Log { owner: LogOwner::Lead(winner.clone()), records: log.records.iter().chain(&other.records).cloned().collect() };
    let union = fold(playbook, &union, now);

    let mut letters: Vec<MessageId> = letters.into_iter().chain(sent(other)).collect();
    letters.sort_unstable();
    letters.dedup();
    let merged = Kind::Merged { lead: loser.clone(), letters };
    let kinds = [Some(merged), address_kept(&before), stage_kept(&before, &union)].into_iter().flatten();

    let id = decision_id(winner, loser);
    let activity = |(place, kind): (usize, Kind)| Activity {
        id: if place == 0 { id.clone() } else { ActivityId::derive(&[id.as_str(), &place.to_string()]) },
        at: now,
        kind,
    };
    let activities: Vec<Activity> = kinds.enumerate().map(activity).collect();
    Record { activities, ..Record::decision(id.clone(), now, Kind::Merged { lead: loser.clone(), letters: vec![] }) }
}

/// The leads whose logs are in this one, too.
pub fn taken_in(log: &Log) -> impl Iterator<Item = &LeadId> {
    log.records.iter().flat_map(|record| &record.activities).filter_map(|activity| match &activity.kind {
        Kind::Merged { lead, .. } => Some(lead),
        _ => None,
    })
}

/// The letters that a log knows as sent to its lead.
fn sent(log: &Log) -> impl Iterator<Item = MessageId> {
    log.records.iter().flat_map(|record| &record.activities).filter_map(|activity| match &activity.kind {
        Kind::MailSent { message, owner: None, .. } => Some(message.clone()),
        _ => None,
    })
}

/// The winner's address stays its address: the fold would take the one that was given first.
fn address_kept(before: &Lead) -> Option<Kind> {
    let value = before.address()?.to_string();
    Some(Kind::AttributeSet { name: "email".to_owned(), value })
}

/// The winner's stage stays its stage, where the other's last move would say otherwise. Nobody is told of it.
fn stage_kept(before: &Lead, union: &Lead) -> Option<Kind> {
    let (to, from) = (before.stage.unwrap_or(Stage::Lead), union.stage.unwrap_or(Stage::Lead));
    (from != to).then_some(Kind::StageMoved { from, to, cell: None, alert: None, corrects: None, by_rules: false })
}

#[cfg(test)]
mod tests;
