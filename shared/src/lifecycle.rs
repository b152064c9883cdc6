//! What to do about a lead: the moves between stages that its scores propose, the alert that a move owes to sales, and
//! the facts the world is told. Every decision is an activity, so that the next fold sees it.
//!
//! A move that a changed playbook causes owes no alert. Nothing happened that sales could speak about, and one change may
//! make hundreds of leads ready at once: they are told in one summary. Whose doing a move is follows from the log
//! alone: the rules' if what was known before the change already proposes it under the new rules, else the news'. What a
//! list says of hundreds of people is told in a summary likewise, where the same log without it proposes nothing.

use jiff::{SignedDuration, Timestamp};

use crate::activity::{Kind, Log, Record};
use crate::fact::{Fact, FactKind};
use crate::fold::fold;
use crate::id::{ActivityId, ImportId, LeadId, MessageId, OwnerId, PlaybookVersion};
use crate::lead::{Lead, Proposal, Stage};
use crate::mail::alert::Alert;
use crate::mail::message::Message;
use crate::playbook::Playbook;

/// After so long without a page a visit is over.
pub const SESSION_GAP: SignedDuration = SignedDuration::from_mins(30);

/// More moves than this from one look at a log would mean a playbook whose matrix contradicts itself.
const MOST_MOVES: usize = 4;

/// What a look at a lead's log leads to.
#[derive(Debug)]
pub struct Decision {
    /// The lead, with the decisions taken.
    pub lead: Lead,
    /// The decisions, to be appended to the log.
    pub records: Vec<Record>,
    /// Mails owed.
    pub messages: Vec<Message>,
    /// Facts to tell.
    pub facts: Vec<Fact>,
    /// In whose summary the lead belongs: the rules or a list made it ready, and nobody was alerted.
    pub summary: Option<OwnerId>,
    /// The list in whose summary it belongs, if it is not that of the rules.
    pub list: Option<ImportId>,
}

/// What may have moved the lead beside itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    /// When a playbook went live other than the one by which the lead was last judged. What was taken from then on is news,
    /// whoever looked at it meanwhile. None: it was judged by this one.
    pub since: Option<Timestamp>,
    /// What this look is for: news too, whenever it was taken.
    pub news: &'a [ActivityId],
    /// Lists whose leads are told in a summary, as far as they are in the news.
    pub lists: &'a [ImportId],
}

impl Change<'_> {
    /// Whether the rules propose this without the news.
    fn is_by_rules(&self, playbook: &Playbook, log: &Log, proposal: Proposal, now: Timestamp) -> bool {
        let Some(since) = self.since else { return false };
        let known = |record: &Record| record.received < since && !self.news.contains(&record.id);
        fold(playbook, &without(log, |record| !known(record)), now).proposal == Some(proposal)
    }

    /// The list without whose news nobody would propose this.
    fn list(&self, playbook: &Playbook, log: &Log, proposal: Proposal, now: Timestamp) -> Option<ImportId> {
        let of = |record: &Record| record.import.clone().filter(|one| self.lists.contains(one) && self.news.contains(&record.id));
        let list = log.records.iter().find_map(of)?;
        let proposed = fold(playbook, &without(log, |record| of(record).is_some()), now).proposal;
        (proposed != Some(proposal)).then_some(list)
    }
}

/// The log without the news. Moves stay in it, whoever took them: they say where the lead stands.
fn without(log: &Log, news: impl Fn(&Record) -> bool) -> Log {
    let moves = |record: &Record| record.activities.iter().all(|one| matches!(one.kind, Kind::StageMoved { .. }));
    let records = log.records.iter().filter(|record| moves(record) || !news(record)).cloned().collect();
    Log { owner: log.owner.clone(), records }
}

/// Folds the log and takes the decisions it proposes at `now`; they are appended to `log` as well. Moves that are the doing
/// of changed rules or of a list alert nobody.
#[must_use]
pub fn decide(
    playbook: &Playbook,
    version: &PlaybookVersion,
    id: &LeadId,
    log: &mut Log,
    change: Change<'_>,
    now: Timestamp,
) -> Decision {
    let lead = fold(playbook, log, now);
    let mut decision = Decision { lead, records: Vec::new(), messages: Vec::new(), facts: Vec::new(), summary: None, list: None };
    while let Some(proposal) = decision.lead.proposal
        && decision.records.len() < MOST_MOVES
    {
        let Some(from) = decision.lead.stage else { break };
        let to = match proposal {
            Proposal::Mql => Stage::Mql,
            Proposal::Lead => Stage::Lead,
        };
        // The ordinal makes the id: a second look that knows of as many moves decides the same one.
        let activity = ActivityId::derive(&["stage", id.as_str(), &decision.lead.moves.len().to_string()]);
        let owner = playbook.default_owner().filter(|_| to == Stage::Mql && alert_is_due(playbook, &decision.lead, now));
        let by_rules = change.is_by_rules(playbook, log, proposal, now);
        decision.list = if by_rules { None } else { change.list(playbook, log, proposal, now) };
        let alerts = !by_rules && decision.list.is_none();
        decision.summary = owner.filter(|_| !alerts).map(|owner| owner.id.clone());
        let owner = owner.filter(|_| alerts);
        let alert = owner.map(|_| MessageId::derive(&["alert", id.as_str(), activity.as_str()]));
        let cell = decision.lead.cell;
        let moved = Kind::StageMoved { from, to, cell, alert: alert.clone(), by_rules };
        let record = Record::decision(activity.clone(), now, moved);
        log.records.push(record.clone());
        decision.records.push(record);
        decision.lead = fold(playbook, log, now);
        if let (Some(owner), Some(message)) = (owner, alert) {
            let before =
                visit_began(&decision.lead, now).map(|began| fold(playbook, log, began - SignedDuration::from_millis(1)));
            let values = Alert::of(playbook, &decision.lead, before.as_ref(), now);
            let language = owner.language.unwrap_or(playbook.setup.language);
            decision.messages.push(Message::alert(message, id, &owner.id, language, version, values, now));
        }
        decision.facts.push(Fact::of(id, &activity, now, version, FactKind::LeadStageMoved { from, to, cell }));
    }
    decision
}

/// No second alert within the window, unless the cell has improved since.
fn alert_is_due(playbook: &Playbook, lead: &Lead, now: Timestamp) -> bool {
    let window = playbook.scoring.alert_window.duration();
    let last = lead.moves.iter().rev().find(|earlier| earlier.alert.is_some() && now.duration_since(earlier.at) < window);
    match (last.map(|earlier| earlier.cell), lead.cell) {
        (None, _) => true,
        (Some(Some(then)), Some(now)) => now.improves_on(then),
        (Some(_), _) => false,
    }
}

/// When the visit under way began: the first page of the newest run without a long gap.
fn visit_began(lead: &Lead, now: Timestamp) -> Option<Timestamp> {
    let mut began = now;
    for page in &lead.pages {
        if began.duration_since(page.at) > SESSION_GAP {
            break;
        }
        began = page.at;
    }
    (began != now).then_some(began)
}

#[cfg(test)]
mod tests;
