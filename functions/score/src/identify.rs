//! A browser gave an address, so its history becomes a lead's.
//!
//! First the address is claimed, then the browser's log is copied in pages, and only when that is complete one
//! transaction links the browser and saves the lead. A crash anywhere before it leaves the wake-up, and the next try
//! goes on from its cursor; a record that raced past the link is fetched two minutes later.

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner, Proof, Record, Source};
use michi::fold::history;
use michi::id::{ActivityId, LeadId, VisitorId};
use michi::io::store::{CopyFilter, Mark, Token, VisitorItem, Wake};
use michi::io::{App, Error};
use michi::verdict::Verdict;
use michi::verdict::mail::Judged;

use crate::finish;
use crate::review::{Linking, Look, SETTLING, conclude};

/// How long copying goes on before it lets others pass.
const YIELD: SignedDuration = SignedDuration::from_secs(5);

/// Whom a browser's activity names, and how that is known.
struct Named {
    lead: LeadId,
    proof: Proof,
    /// The one-use token to consume.
    token: Option<String>,
}

/// Who sits at a browser, by what it tells.
enum Whose {
    Nobody,
    Of(Named),
    /// That is clear only then.
    NotYet(Timestamp),
}

/// Works off the wake-up of a record in a visitor's log.
pub(crate) async fn identify(app: &App, wake: &Wake) -> Result<(), Error> {
    match told(app, wake).await? {
        Some((record, visitor, Whose::Of(named))) => link(app, wake, &record, &visitor, named).await,
        Some((_, _, Whose::NotYet(until))) => app.store.defer_wake(wake, until, wake.cursor.clone(), wake.tries).await,
        Some((_, _, Whose::Nobody)) | None => finish(app, wake).await,
    }
}

/// Whether the record that woke this lead names somebody else; if so, the browser's history goes on there, and the
/// wake-up is worked off, or put off until that is clear.
pub(crate) async fn moved_on(app: &App, lead: &LeadId, wake: &Wake) -> Result<bool, Error> {
    let (record, visitor, named) = match told(app, wake).await? {
        Some((record, visitor, Whose::Of(named))) => (record, visitor, named),
        Some((_, _, Whose::NotYet(until))) => {
            return app.store.defer_wake(wake, until, wake.cursor.clone(), wake.tries).await.map(|()| true);
        }
        Some((_, _, Whose::Nobody)) | None => return Ok(false),
    };
    if named.lead != *lead {
        // Where the log was merged into another, what woke it goes there first.
        if app.store.lead(lead).await?.is_some_and(|item| item.merged.is_some()) {
            return Ok(false);
        }
    } else {
        // The same lead again; worth a new link only if the browser is better known by it.
        let known = app.store.visitor_consistent(&visitor).await?;
        if named.proof != Proof::Proven || known.is_some_and(|known| known.proof == Proof::Proven) {
            return Ok(false);
        }
    }
    link(app, wake, &record, &visitor, named).await.map(|()| true)
}

/// The record behind a wake-up, its browser, and who sits there by the first of its activities that tells.
async fn told(app: &App, wake: &Wake) -> Result<Option<(Record, VisitorId, Whose)>, Error> {
    let Some(record) = app.store.record(&wake.owner, &wake.record_sk).await? else { return Ok(None) };
    let Some(visitor) = record.visitor.clone() else { return Ok(None) };
    for activity in &record.activities {
        let whose = match by_token(app, &record, activity).await? {
            Whose::Nobody => by_address(app, &record, activity).await?,
            whose => whose,
        };
        if !matches!(whose, Whose::Nobody) {
            return Ok(Some((record, visitor, whose)));
        }
    }
    Ok(None)
}

async fn by_token(app: &App, record: &Record, activity: &Activity) -> Result<Whose, Error> {
    let Kind::Identified { token: Some(id), .. } = &activity.kind else { return Ok(Whose::Nobody) };
    // What came in time is good, however long it lay.
    let found = app.store.token(id).await?.filter(|found| found.expires > record.received);
    let Some(Token { lead, click, .. }) = found else { return Ok(Whose::Nobody) };
    let (lead, item) = app.store.lead_at_home(&lead).await?;
    if item.is_none() {
        return Ok(Whose::Nobody);
    }
    let log = app.store.log(&LogOwner::Lead(lead.clone())).await?;
    // The click has happened, whatever this machine's clock says.
    let now = log.records.iter().map(|known| known.received).fold(app.clock.now().max(record.received), Timestamp::max);
    let live = app.playbook().await?;
    let steps = history(&live.playbook, &log, now);
    let clicked = steps.iter().find(|step| step.activity.id == click);
    Ok(match clicked.map(|step| step.judged) {
        Some(Judged { verdict: Verdict::Human, .. }) => Whose::Of(Named { lead, proof: Proof::Proven, token: Some(id.clone()) }),
        Some(Judged { verdict: Verdict::Unclear, until: Some(until) }) => Whose::NotYet(until),
        Some(Judged { verdict: Verdict::Unclear | Verdict::Machine, .. }) | None => Whose::Nobody,
    })
}

async fn by_address(app: &App, record: &Record, activity: &Activity) -> Result<Whose, Error> {
    let Some(address) = activity.kind.address() else { return Ok(Whose::Nobody) };
    let hash = app.keys.address_hash(address);
    let lead = match app.store.address_owner(&hash).await? {
        Some(lead) => lead,
        None => app.store.claim_address(&hash, &LeadId::derive(&["lead", &hash, record.id.as_str()])).await?.0,
    };
    let proven = record.source == Source::Server || matches!(activity.kind, Kind::Identified { proof: Proof::Proven, .. });
    Ok(Whose::Of(Named { lead, proof: if proven { Proof::Proven } else { Proof::Claimed }, token: None }))
}

/// What a browser has told around the moment at which it told whose it is, and what lets leads into scenarios: a form, or an
/// event of the customer's own. Before that nobody looked at it.
pub(crate) fn around(log: &Log, visitor: &VisitorId, told: Timestamp) -> Vec<ActivityId> {
    let tells = |record: &&Record| {
        let lets_in = |one: &Activity| matches!(one.kind, Kind::FormSubmitted(_) | Kind::Tracked { .. });
        record.visitor.as_ref() == Some(visitor)
            && record.received.duration_since(told).abs() <= SETTLING
            && record.activities.iter().any(lets_in)
    };
    log.records.iter().filter(tells).map(|record| record.id.clone()).collect()
}

async fn link(app: &App, wake: &Wake, record: &Record, visitor: &VisitorId, named: Named) -> Result<(), Error> {
    let now = app.clock.now();
    let known = app.store.visitor_consistent(visitor).await?;
    let other = known.as_ref().map(|known| &known.lead).filter(|lead| **lead != named.lead);
    // What the browser did before it gave another address stays with whom it named first.
    let since = other.map(|_| record.at);
    if let Some(other) = other {
        let cut = ActivityId::derive(&["cut", other.as_str(), visitor.as_str(), record.id.as_str()]);
        let kind = Kind::VisitorCut { visitor: visitor.clone(), from: record.at };
        app.store.append(&LogOwner::Lead(other.clone()), &Record::decision(cut, now, kind), Mark::Guaranteed).await?;
    }
    let only = CopyFilter { visitor: Some(visitor.clone()), since, received_since: None };
    if wake.owner != LogOwner::Lead(named.lead.clone()) {
        let mut cursor = wake.cursor.clone();
        loop {
            cursor = app.store.copy_page(&wake.owner, &named.lead, &only, cursor, now).await?;
            if cursor.is_none() {
                break;
            }
            if app.clock.now().duration_since(now) > YIELD {
                return app.store.defer_wake(wake, app.clock.now(), cursor, wake.tries).await;
            }
        }
    }
    let before = app.store.lead(&named.lead).await?;
    if before.as_ref().is_some_and(|before| before.erased.is_some()) {
        return finish(app, wake).await;
    }
    if before.as_ref().is_some_and(|before| before.merged.is_some()) {
        return Err(Error::later("the lead was merged just now, and its address is about to follow"));
    }
    let log = app.store.log(&LogOwner::Lead(named.lead.clone())).await?;
    // Nobody could pretend to be somebody who was not there; whom a list has brought is there, scored or not.
    let new = before.is_none() && log.records.iter().all(|record| record.import.is_none());
    let proof = if new { named.proof.max(Proof::First) } else { named.proof };
    let id = ActivityId::derive(&["link", named.lead.as_str(), visitor.as_str(), record.id.as_str()]);
    let kind = Kind::VisitorLinked { visitor: visitor.clone(), proof, since };
    let linking = Linking {
        visitor: VisitorItem { visitor: visitor.clone(), lead: named.lead.clone(), since: now, proof, erased: false },
        before: known,
        record: Record::decision(id, now, kind),
        token: named.token,
    };
    let wakes = std::slice::from_ref(wake);
    let news = around(&log, visitor, record.received);
    let look = Look { id: &named.lead, before, log, wakes, news: &news, linking: Some(linking), settled: &[], now };
    conclude(app, look).await
}
