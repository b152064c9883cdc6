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
use crate::fold::{fold, fold_at_face_value};
use crate::id::{ActivityId, ImportId, LeadId, MessageId, OwnerId, PlaybookVersion};
use crate::lead::{Lead, Proposal, Stage, StageMove};
use crate::mail::alert::Alert;
use crate::mail::correction::Correction;
use crate::mail::message::Message;
use crate::playbook::{Owner, Playbook};

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
        let mistake = if to == Stage::Lead { mistaken(playbook, &decision.lead, log) } else { None };
        let corrects = mistake.as_ref().map(|mistake| mistake.alert.clone());
        let moved = Kind::StageMoved { from, to, cell, alert: alert.clone(), corrects, by_rules };
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
        if let Some(Mistake { alert, at }) = mistake
            && let Some(owner) = alerted(playbook, log, &alert)
        {
            let message = MessageId::derive(&["correction", alert.as_str()]);
            let values = Correction::of(&decision.lead, at, now);
            let language = owner.language.unwrap_or(playbook.setup.language);
            decision.messages.push(Message::correction(message, id, &owner.id, language, version, values, now));
        }
        decision.facts.push(Fact::of(id, &activity, now, version, FactKind::LeadStageMoved { from, to, cell }));
    }
    decision
}

/// No second alert within the window, unless the cell has improved since. One that was taken back is none.
fn alert_is_due(playbook: &Playbook, lead: &Lead, now: Timestamp) -> bool {
    let window = playbook.scoring.alert_window.duration();
    let stands = |alert: &MessageId| lead.moves.iter().all(|later| later.corrects.as_ref() != Some(alert));
    let alerted = |earlier: &&StageMove| earlier.alert.as_ref().is_some_and(stands) && now.duration_since(earlier.at) < window;
    let last = lead.moves.iter().rev().find(alerted);
    match (last.map(|earlier| earlier.cell), lead.cell) {
        (None, _) => true,
        (Some(Some(then)), Some(now)) => now.improves_on(then),
        (Some(_), _) => false,
    }
}

/// An alert that sales should not have got, and when it was owed.
struct Mistake {
    alert: MessageId,
    at: Timestamp,
}

/// Whether the lead stands where it does by a mistake of which sales was alerted, and has not answered: clicks in mail made
/// it ready, and turned out to be a machine's. So it was ready by what the clicks seemed to be, and not by what they were.
fn mistaken(playbook: &Playbook, lead: &Lead, log: &Log) -> Option<Mistake> {
    let moved = lead.moves.last().filter(|moved| moved.to == Stage::Mql)?;
    let alert = moved.alert.clone()?;
    let mut activities = log.records.iter().flat_map(|record| &record.activities);
    if activities.any(|one| one.at >= moved.at && matches!(one.kind, Kind::SalesAnswered { .. })) {
        return None;
    }
    let is_later_move = |record: &Record| {
        record.at >= moved.at && record.activities.iter().all(|one| matches!(one.kind, Kind::StageMoved { .. }))
    };
    let records = log.records.iter().filter(|record| !is_later_move(record)).cloned().collect();
    let then = Log { owner: log.owner.clone(), records };
    let seemed = fold_at_face_value(playbook, &then, moved.at).proposal == Some(Proposal::Mql);
    let was = seemed && fold(playbook, &then, moved.at).proposal == Some(Proposal::Mql);
    (seemed && !was).then_some(Mistake { alert, at: moved.at })
}

/// Whom an alert went to; whoever would get it now, while it is not known to be sent.
fn alerted<'p>(playbook: &'p Playbook, log: &Log, alert: &MessageId) -> Option<&'p Owner> {
    let sent_to = log.records.iter().flat_map(|record| &record.activities).find_map(|activity| match &activity.kind {
        Kind::MailSent { message, owner, .. } if message == alert => owner.as_ref(),
        _ => None,
    });
    let known = sent_to.and_then(|id| playbook.setup.owners.iter().find(|owner| owner.id == *id));
    known.or_else(|| playbook.default_owner())
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
