//! A look at a lead: fold, decide, save.

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner, Record};
use michi::consent::{Basis, MailClass};
use michi::fact::{Fact, FactKind};
use michi::id::{ActivityId, LeadId};
use michi::io::store::{CopyFilter, LeadItem, Save, SettlingVisitor, VisitorItem, Wake};
use michi::io::{App, Error, Versioned};
use michi::lead::Lead;
use michi::lifecycle::decide;
use michi::mail::text::cleaned;

use crate::finish;

/// How long after a browser was linked its old log is looked at again, for what raced past the link.
pub(crate) const SETTLING: SignedDuration = SignedDuration::from_mins(2);

/// How long before the link such a record can have been taken: longer than any request lives.
const RACING: SignedDuration = SignedDuration::from_mins(1);

/// The most characters of a name in the lead's item, which stays within 1 KB.
const LIST_WIDTH: usize = 60;

/// What a browser's identification adds to a look at its lead.
pub(crate) struct Linking {
    /// The browser, as it will be known.
    pub(crate) visitor: VisitorItem,
    /// As it was known.
    pub(crate) before: Option<VisitorItem>,
    /// The link, to be appended to the lead's log.
    pub(crate) record: Record,
    /// The one-use token that proved it.
    pub(crate) token: Option<String>,
}

/// Folds the lead's log, takes the decisions that follow, and saves them with what the wake-ups ask for.
pub(crate) async fn review(app: &App, id: &LeadId, wakes: &[Wake]) -> Result<(), Error> {
    let now = app.clock.now();
    let Some(before) = app.store.lead(id).await? else {
        // Erased, or never finished: nobody waits for this any more.
        for wake in wakes {
            finish(app, wake).await?;
        }
        return Ok(());
    };
    let settled = settle(app, &before, now).await?;
    let log = app.store.log(&LogOwner::Lead(id.clone())).await?;
    conclude(app, id, Some(before), log, wakes, None, &settled, now).await
}

/// Takes over what raced past the link of each browser linked long enough ago; names those it is done with.
async fn settle(app: &App, lead: &LeadItem, now: Timestamp) -> Result<Vec<SettlingVisitor>, Error> {
    let mut settled = Vec::new();
    for visitor in lead.visitors.iter().filter(|visitor| !visitor.settled && now.duration_since(visitor.linked) >= SETTLING) {
        let only = CopyFilter { received_since: Some(visitor.linked - RACING), ..CopyFilter::default() };
        let from = LogOwner::Visitor(visitor.visitor.clone());
        let mut cursor = None;
        loop {
            cursor = app.store.copy_page(&from, &lead.lead, &only, cursor, now).await?;
            if cursor.is_none() {
                break;
            }
        }
        settled.push(visitor.clone());
    }
    Ok(settled)
}

/// Decides upon a log that is complete, and saves.
#[allow(clippy::too_many_arguments, reason = "the parts of one transaction; both callers have just made them")]
pub(crate) async fn conclude(
    app: &App,
    id: &LeadId,
    before: Option<LeadItem>,
    mut log: Log,
    wakes: &[Wake],
    linking: Option<Linking>,
    settled: &[SettlingVisitor],
    now: Timestamp,
) -> Result<(), Error> {
    let live = app.playbook().await?;
    let mut records: Vec<Record> = Vec::new();
    let mut facts = Vec::new();
    if let Some(linking) = &linking {
        facts.push(Fact::of(id, &linking.record.id, now, &live.version, FactKind::LeadIdentified));
        records.push(linking.record.clone());
    }
    for activity in woken(&log, wakes) {
        if let Kind::FormSubmitted(form) = &activity.kind {
            let what = FactKind::FormSubmitted { form: form.form.clone() };
            facts.push(Fact::of(id, &activity.id, activity.at, &live.version, what));
            records.extend(consent(id, activity, now));
        }
    }
    records.retain(|new| !log.records.iter().any(|known| known.id == new.id));
    log.records.extend(records.iter().cloned());

    let mut decision = decide(&live.playbook, &live.version, id, &mut log, now);
    records.append(&mut decision.records);
    facts.append(&mut decision.facts);
    let lead = item(&live, id, &decision.lead, before.as_ref(), settled, now);
    let unchanged = before.as_ref().is_some_and(|before| lead == LeadItem { revision: lead.revision, ..before.clone() });
    let (visitor, visitor_before, token) = linking.map_or((None, None, None), |l| (Some(l.visitor), l.before, l.token));
    app.store
        .save(Save {
            before,
            lead: (!unchanged || visitor.is_some()).then_some(lead),
            appends: records.into_iter().map(|record| (id.clone(), record)).collect(),
            messages: decision.messages,
            facts,
            link: visitor,
            link_before: visitor_before,
            token,
            done: wakes.first().cloned(),
        })
        .await?;
    // What the others ask for is in the same save; a crash here only has them looked at once more.
    for wake in wakes.iter().skip(1) {
        finish(app, wake).await?;
    }
    Ok(())
}

/// The activities that the wake-ups are about.
fn woken<'a>(log: &'a Log, wakes: &'a [Wake]) -> impl Iterator<Item = &'a Activity> {
    let records = log.records.iter().filter(|record| wakes.iter().any(|wake| wake.activity == record.id));
    records.flat_map(|record| &record.activities)
}

/// The consent that a form's ticked box gives, with the words beside it. An empty box takes nothing away.
fn consent(id: &LeadId, activity: &Activity, now: Timestamp) -> Option<Record> {
    let Kind::FormSubmitted(form) = &activity.kind else { return None };
    let given = form.consent.as_ref().filter(|consent| consent.granted)?;
    let cause = ActivityId::derive(&["consent", id.as_str(), activity.id.as_str()]);
    let kind = Kind::Consented { class: MailClass::Marketing, granted: true, basis: Basis::Form, text: Some(given.text.clone()) };
    Some(Record::decision(cause, now, kind))
}

/// The lead's item: what others need to know without folding.
fn item(
    live: &Versioned,
    id: &LeadId,
    lead: &Lead,
    before: Option<&LeadItem>,
    settled: &[SettlingVisitor],
    now: Timestamp,
) -> LeadItem {
    let is_settled = |visitor: &michi::lead::LinkedVisitor| {
        let earlier = |known: &&SettlingVisitor| known.visitor == visitor.visitor && known.linked == visitor.at;
        settled.iter().any(|done| earlier(&done))
            || before.is_some_and(|before| before.visitors.iter().find(earlier).is_some_and(|known| known.settled))
    };
    let visitors: Vec<SettlingVisitor> = lead
        .visitors
        .iter()
        .map(|visitor| SettlingVisitor { visitor: visitor.visitor.clone(), linked: visitor.at, settled: is_settled(visitor) })
        .collect();
    let settling = visitors.iter().filter(|visitor| !visitor.settled).map(|visitor| visitor.linked + SETTLING).min();
    let earliest = [lead.valid_until, settling].into_iter().flatten().min();
    // A review once set is not moved later by an activity, so that the index is not written for each of them; when it
    // comes, it sets the next.
    let kept =
        before.and_then(|before| before.next_review).filter(|review| *review > now && earliest.is_none_or(|e| *review <= e));
    let interest = &live.playbook.scoring.interest;
    LeadItem {
        lead: id.clone(),
        revision: before.map_or(1, |before| before.revision + 1),
        stage: lead.stage.unwrap_or(michi::lead::Stage::Lead),
        grade: lead.fit.grade,
        level: lead.interest.level,
        fit: lead.fit.points,
        rank: lead.interest.rank,
        momentum_rank: michi::scoring::rank(lead.interest.momentum, now, interest.momentum.half_life),
        phase: lead.phase,
        excluded: !lead.excluded.is_empty(),
        name: lead.attribute("name").map(|name| cleaned(name, LIST_WIDTH)),
        company: lead.attribute("company").map(|company| cleaned(company, LIST_WIDTH)),
        visitors,
        playbook: live.version.clone(),
        epoch: interest.epoch(),
        next_review: kept.or(earliest),
        last_seen: lead.seen.map(|(_, last)| last),
    }
}
