//! A look at a lead: fold, decide, save.

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner, Record};
use michi::fact::{Fact, FactKind};
use michi::id::{ActivityId, LeadId, PlaybookVersion};
use michi::io::store::{CopyFilter, LeadItem, Ready, Save, SettlingVisitor, VisitorItem, Wake};
use michi::io::{App, Error, Versioned};
use michi::lead::{Lead, Stage};
use michi::lifecycle::{Change, decide};
use michi::mail::mailing::Mailing;
use michi::mail::text::cleaned;
use michi::scenario::Enrollment;

use crate::identify::around;
use crate::scenarios::{self, Ways};
use crate::{consent, erase, finish, lists, merge};

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

/// One look at a lead whose log is complete.
pub(crate) struct Look<'a> {
    /// The lead.
    pub(crate) id: &'a LeadId,
    /// As it was last saved; none: it is new.
    pub(crate) before: Option<LeadItem>,
    /// Everything that happened.
    pub(crate) log: Log,
    /// The wake-ups it satisfies.
    pub(crate) wakes: &'a [Wake],
    /// Records that are looked at for the first time.
    pub(crate) news: &'a [ActivityId],
    /// What a browser's identification adds.
    pub(crate) linking: Option<Linking>,
    /// Browsers that are done with.
    pub(crate) settled: &'a [SettlingVisitor],
    /// The moment.
    pub(crate) now: Timestamp,
}

/// Folds the lead's log, takes the decisions that follow, and saves them with what the wake-ups ask for. `news` are
/// records that the stream has just brought.
pub(crate) async fn review(app: &App, id: &LeadId, wakes: &[Wake], news: &[ActivityId]) -> Result<(), Error> {
    match app.store.lead(id).await? {
        Some(before) if before.erased.is_some() => {
            for wake in wakes {
                finish(app, wake).await?;
            }
            erase::go_on(app, &before).await
        }
        // What arrived for it is moved, and what woke it with it.
        Some(before) if before.merged.is_some() => merge::go_on(app, &before).await,
        Some(before) => look(app, before, wakes, news).await,
        None => begin(app, id, wakes).await,
    }
}

/// The first look at a lead that nobody has saved: a list has brought it. Any other was erased, or never finished, and
/// nobody waits for it any more.
async fn begin(app: &App, id: &LeadId, wakes: &[Wake]) -> Result<(), Error> {
    let now = app.clock.now();
    let log = app.store.log(&LogOwner::Lead(id.clone())).await?;
    let listed = woken(&log, wakes).find_map(|activity| match &activity.kind {
        Kind::Listed { address, .. } => Some(address.clone()),
        _ => None,
    });
    // Who was erased has left the address.
    let owner = match listed {
        Some(address) => app.store.address_owner(&app.keys.address_hash(&address)).await?,
        None => None,
    };
    if owner.as_ref() == Some(id) {
        let wakes = lists::ripe(app, &log, wakes, now).await?;
        if wakes.is_empty() {
            return Ok(());
        }
        let wakes = wakes.as_slice();
        return conclude(app, Look { id, before: None, log, wakes, news: &[], linking: None, settled: &[], now }).await;
    }
    for wake in wakes {
        finish(app, wake).await?;
    }
    Ok(())
}

/// The same for a lead that was not yet judged by this version of the playbook; any other is left alone. Whether it was
/// judged now.
pub(crate) async fn judge(app: &App, id: &LeadId, version: &PlaybookVersion) -> Result<bool, Error> {
    match app.store.lead(id).await? {
        Some(before) if before.is_itself() && before.playbook != *version => look(app, before, &[], &[]).await.map(|()| true),
        Some(_) | None => Ok(false),
    }
}

async fn look(app: &App, before: LeadItem, wakes: &[Wake], news: &[ActivityId]) -> Result<(), Error> {
    let now = app.clock.now();
    let id = before.lead.clone();
    let settled = settle(app, &before, now).await?;
    let log = app.store.log(&LogOwner::Lead(id.clone())).await?;
    let ripe = lists::ripe(app, &log, wakes, now).await?;
    if ripe.is_empty() && !wakes.is_empty() && news.iter().all(|id| wakes.iter().any(|wake| wake.activity == *id)) {
        return Ok(());
    }
    let raced = settled.iter().flat_map(|visitor| around(&log, &visitor.visitor, visitor.linked));
    let news: Vec<ActivityId> = news.iter().cloned().chain(raced).collect();
    let (before, wakes) = (Some(before), ripe.as_slice());
    conclude(app, Look { id: &id, before, log, wakes, news: &news, linking: None, settled: &settled, now }).await
}

/// Whether the lead was last judged by another playbook, so that the rules may be what moves it: a lead that they make
/// ready while a re-derivation gathers such leads is told in its summary. Afterwards nobody gathers, and the few that are
/// left, whose logs could not be read before, are told like any other.
async fn is_judged_anew(app: &App, live: &Versioned, before: Option<&LeadItem>) -> Result<bool, Error> {
    match before {
        Some(before) if before.playbook == live.version => Ok(false),
        Some(before) if before.stage == Stage::Lead => app.store.gathers_ready().await,
        before => Ok(before.is_some()),
    }
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
pub(crate) async fn conclude(app: &App, look: Look<'_>) -> Result<(), Error> {
    let Look { id, before, mut log, wakes, news, linking, settled, now } = look;
    // What was taken has happened, whatever this machine's clock says: else a choice about mail that another machine has
    // just written down would not count yet.
    let now = log.records.iter().map(|record| record.received).max().map_or(now, |newest| newest.max(now));
    let live = app.playbook().await?;
    let mut records: Vec<Record> = Vec::new();
    let mut facts = Vec::new();
    if let Some(linking) = &linking {
        facts.push(Fact::of(id, &linking.record.id, now, &live.version, FactKind::LeadIdentified));
        records.push(linking.record.clone());
    } else if let (None, Some(first)) = (&before, wakes.first()) {
        facts.push(Fact::of(id, &first.activity, now, &live.version, FactKind::LeadIdentified));
    }
    for activity in woken(&log, wakes) {
        if let Kind::FormSubmitted(form) = &activity.kind {
            let what = FactKind::FormSubmitted { form: form.form.clone() };
            facts.push(Fact::of(id, &activity.id, activity.at, &live.version, what));
            let known = || Log { owner: log.owner.clone(), records: log.records.iter().chain(&records).cloned().collect() };
            let given = consent::given(&live.playbook, id, activity, known, now);
            records.extend(given);
        }
    }
    records.retain(|new| !log.records.iter().any(|known| known.id == new.id));
    log.records.extend(records.iter().cloned());

    let news: Vec<ActivityId> = wakes.iter().map(|wake| &wake.activity).chain(news).cloned().collect();
    let anew = is_judged_anew(app, &live, before.as_ref()).await?;
    let lists = lists::gathering(app, &log, &news).await?;
    let change = Change { since: anew.then_some(live.since), news: &news, lists: &lists };
    let mut decision = decide(&live.playbook, &live.version, id, &mut log, change, now);
    records.append(&mut decision.records);
    facts.append(&mut decision.facts);
    decision.messages.extend(consent::asked(app, &live, id, &decision.lead, &records, now));
    let mailing = mailing(app, id, &decision.lead, &log, before.as_ref()).await?;
    let ways = scenarios::ways(app, &live, id, &log, before.as_ref(), &news, now).await?;
    let mut lead = item(&live, id, &decision.lead, before.as_ref(), (settled, &ways), now);
    if let Some((_, mailing)) = &mailing {
        lead.mailing = Some(mailing.digest());
    }
    let unchanged = before.as_ref().is_some_and(|before| lead == LeadItem { revision: lead.revision, ..before.clone() });
    let (visitor, visitor_before, token) = linking.map_or((None, None, None), |l| (Some(l.visitor), l.before, l.token));
    // Whoever enters is saved: else two looks at once could let it into the same scenario for different reasons.
    let enters = !ways.entering.is_empty();
    let (enrolled, entries): (Vec<Enrollment>, Vec<Record>) =
        ways.entering.into_iter().map(|entering| (entering.enrollment, entering.record)).unzip();
    records.extend(entries);
    app.store
        .save(Save {
            before,
            lead: (!unchanged || visitor.is_some() || enters).then_some(lead),
            appends: records.into_iter().map(|record| (id.clone(), record)).collect(),
            mailing,
            messages: decision.messages,
            facts,
            enrolled,
            hastened: ways.hastened.into_iter().map(|enrollment| (enrollment, now)).collect(),
            ready: decision.summary.map(|owner| Ready { owner, lead: id.clone(), list: decision.list }),
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

/// What must be known to write to the lead, if that has changed: as it is stored and as it shall be. It is read only then.
async fn mailing(
    app: &App,
    id: &LeadId,
    lead: &Lead,
    log: &Log,
    before: Option<&LeadItem>,
) -> Result<Option<(Option<Mailing>, Mailing)>, Error> {
    let said = Mailing::of(lead, None).map(|mailing| mailing.digest());
    if said.is_none() || said.as_ref() == before.and_then(|before| before.mailing.as_ref()) {
        return Ok(None);
    }
    let stored = app.store.mailing(id).await?;
    if let Some(latest) = stored.as_ref().and_then(|stored| stored.latest.as_ref())
        && log.records.iter().all(|record| record.id != *latest)
    {
        return Err(Error::reread("a choice about mail was made after the log was read"));
    }
    let wanted = Mailing::of(lead, stored.as_ref());
    Ok(wanted.map(|wanted| (stored, wanted)))
}

/// The activities that the wake-ups are about.
fn woken<'a>(log: &'a Log, wakes: &'a [Wake]) -> impl Iterator<Item = &'a Activity> {
    let records = log.records.iter().filter(|record| wakes.iter().any(|wake| wake.activity == record.id));
    records.flat_map(|record| &record.activities)
}

/// The lead's item: what others need to know without folding.
fn item(
    live: &Versioned,
    id: &LeadId,
    lead: &Lead,
    before: Option<&LeadItem>,
    (settled, ways): (&[SettlingVisitor], &Ways),
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
    let earliest = [lead.valid_until, settling, ways.next_entry].into_iter().flatten().min();
    // A review once set is not moved later by an activity, so that the index is not written for each of them; when it
    // comes, it sets the next.
    let kept =
        before.and_then(|before| before.next_review).filter(|review| *review > now && earliest.is_none_or(|e| *review <= e));
    let interest = &live.playbook.scoring.interest;
    LeadItem {
        lead: id.clone(),
        revision: before.map_or(1, |before| before.revision + 1),
        stage: lead.stage.unwrap_or(Stage::Lead),
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
        mailing: before.and_then(|before| before.mailing.clone()),
        inside: ways.inside.clone(),
        playbook: live.version.clone(),
        epoch: interest.epoch(),
        erased: None,
        merged: None,
        next_review: kept.or(earliest),
        last_seen: lead.seen.map(|(_, last)| last),
    }
}
