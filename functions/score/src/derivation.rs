//! The re-derivation: after another playbook has gone live, every lead is judged by it.
//!
//! It is one wake-up that walks through the rank index, in which every lead is: a bounded share a tick, the hottest
//! leads of a partition first. How far it has come is saved after each page, only if nobody else saved it, so that a crash
//! anywhere repeats one page at most; a lead that carries the live version already is left alone.
//!
//! Nobody is missed, though leads move in the index meanwhile. A lead moves there only when it is saved; whoever saves
//! it judges it by the playbook it holds; and nobody holds an older one by the time the walk begins, since that is longer
//! after the pointer moved than a playbook is held or the index is behind. So what moves past the walk, or is made during
//! it, is judged already. Epochs of all versions that were ever live are walked, so the index has no corner where a lead
//! could lie unseen.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use michi::id::{LeadId, MessageId, OwnerId};
use michi::io::store::{Derivation, LeadItem, Phase, Ranked, Ready, Save, together};
use michi::io::{App, Error, PLAYBOOK_AGE, Retry, Versioned};
use michi::lead::{Cell, Stage};
use michi::mail::message::Message;
use michi::mail::summary::{ReadyLine, Summary};
use michi::mail::text::Plain;
use michi::scoring::worth;

use crate::{again, review};

/// From when on no function goes on with an older playbook: what each holds is looked after within [`PLAYBOOK_AGE`], and
/// no run is longer than this.
const SEEN: SignedDuration = PLAYBOOK_AGE.saturating_mul(2);
/// How long looks may be under way that began while ready leads were still gathered: longer than any run.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);
/// How long a step holds the re-derivation: longer than any run.
const LEASE: SignedDuration = SignedDuration::from_secs(90);
/// Between two steps; the schedule comes once a minute.
const PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// Leads that a step looks at, so that scoring what happens now is not slowed down by it.
const SHARE: usize = 2_000;
/// Leads between two saves of how far it has come.
const PAGE: usize = 100;
/// Leads under way at once.
const AT_ONCE: usize = 10;
/// After so many failures in a row at one place it goes on without whoever fails there.
const STUMBLES: u32 = 3;

/// Brings the re-derivation on by a step, if it is due. Nothing new is begun after `until`.
pub(crate) async fn step(app: &App, until: Timestamp) -> Result<(), Error> {
    let now = app.clock.now();
    let Some(found) = app.store.derivation().await? else { return Ok(()) };
    if found.due.is_none_or(|due| due > now) || now >= until {
        return Ok(());
    }
    let derivation = app.store.save_derivation(Derivation { due: Some(now + LEASE), ..found }).await?;
    match derivation.phase {
        Phase::Announced | Phase::Walking if derivation.cancelled => settle(app, derivation).await,
        // The first to see it is `score` itself, by its own clock; whoever moved the pointer may have a wrong one.
        Phase::Announced => {
            let walking = Derivation { phase: Phase::Walking, due: Some(now + SEEN), ..derivation };
            app.store.save_derivation(walking).await.map(|_| ())
        }
        Phase::Walking => walk(app, derivation, until).await,
        Phase::Telling => tell(app, derivation).await,
        Phase::Clearing => clear(app, derivation).await,
        Phase::Done => app.store.save_derivation(Derivation { due: None, ..derivation }).await.map(|_| ()),
    }
}

/// Ends the walk; looks that began before may still gather ready leads.
async fn settle(app: &App, derivation: Derivation) -> Result<(), Error> {
    let due = Some(app.clock.now() + SETTLED);
    app.store.save_derivation(Derivation { phase: Phase::Telling, cursor: None, due, ..derivation }).await.map(|_| ())
}

/// The playbook that the leads are judged by; none: this function does not see it yet.
async fn playbook(app: &App, derivation: &Derivation) -> Result<Option<Versioned>, Error> {
    let live = app.playbook().await?;
    if live.version == derivation.version {
        return Ok(Some(live));
    }
    app.forget_playbook().await;
    Ok(Some(app.playbook().await?).filter(|live| live.version == derivation.version))
}

async fn walk(app: &App, mut derivation: Derivation, until: Timestamp) -> Result<(), Error> {
    let Some(live) = playbook(app, &derivation).await? else {
        let due = Some(app.clock.now() + PAUSE);
        return app.store.save_derivation(Derivation { due, ..derivation }).await.map(|_| ());
    };
    let mut share = 0;
    loop {
        let Some(part) = derivation.part() else { return settle(app, derivation).await };
        let (page, more) = app.store.rank_page(&part, derivation.cursor.as_ref(), PAGE).await?;
        let stumbled = judge(app, &live, &page, &mut derivation).await?;
        share += page.len();
        if !stumbled && !more {
            derivation.parts += 1;
            derivation.cursor = None;
        }
        let now = app.clock.now();
        let over = stumbled || share >= SHARE || now >= until;
        derivation.due = Some(now + if over { PAUSE } else { LEASE });
        // An empty partition is walked past without a word.
        if over || !page.is_empty() {
            derivation = app.store.save_derivation(derivation).await?;
        }
        if over {
            return Ok(());
        }
    }
}

/// Judges a page of leads, and says how far that went; whether it got stuck for now.
async fn judge(app: &App, live: &Versioned, page: &[Ranked], derivation: &mut Derivation) -> Result<bool, Error> {
    for some in page.chunks(AT_ONCE) {
        let judged = together(some.iter().map(|one| again(|| review::judge(app, &one.lead, &live.version)))).await;
        let mut count = 0;
        let mut failed: Vec<(&LeadId, Error)> = Vec::new();
        for (one, judged) in some.iter().zip(judged) {
            match judged {
                Ok(judged) => count += u64::from(judged),
                Err(error) => failed.push((&one.lead, error)),
            }
        }
        derivation.judged += count;
        if derivation.stumbles < STUMBLES && failed.iter().any(|(_, error)| error.retry != Retry::Never) {
            derivation.stumbles += 1;
            return Ok(true);
        }
        for (lead, error) in &failed {
            tracing::error!(%error, lead.id = %lead, "a lead is left to its own review");
            if let Err(error) = crate::put_off_review(app, lead).await {
                tracing::error!(%error, lead.id = %lead, "a review can be put off neither");
            }
        }
        derivation.failed += failed.len() as u64;
        derivation.stumbles = 0;
        derivation.cursor = some.last().cloned();
    }
    Ok(false)
}

/// Owes each owner one mail about those made ready. Its id comes from the run, so a repeat owes the same one.
async fn tell(app: &App, derivation: Derivation) -> Result<(), Error> {
    let Some(live) = playbook(app, &derivation).await? else {
        let due = Some(app.clock.now() + PAUSE);
        return app.store.save_derivation(Derivation { due, ..derivation }).await.map(|_| ());
    };
    let now = app.clock.now();
    let ready = app.store.ready(None, usize::MAX).await?;
    let run = format!("{}.{}", derivation.run, derivation.resumed);
    let cause = ["summary", &run, derivation.version.as_str()];
    let (by, why) = (Plain::of(&derivation.by), Plain::of(&derivation.why));
    let summary = Summary { at: now, changed: derivation.began, list: None, by, why, count: 0, leads: vec![] };
    let told = owe(app, &live, &ready, &cause, &summary).await?;
    let clearing = Derivation { phase: Phase::Clearing, ready: told, due: Some(now + LEASE), ..derivation };
    clear(app, app.store.save_derivation(clearing).await?).await
}

/// Owes each owner one mail about those made ready, as many of them as still are; how many these are. The mails' ids come
/// from their cause, so a repeat owes the same ones.
pub(crate) async fn owe(app: &App, live: &Versioned, ready: &[Ready], cause: &[&str], summary: &Summary) -> Result<u64, Error> {
    let mut owners: BTreeMap<&OwnerId, Vec<&LeadId>> = BTreeMap::new();
    for ready in ready {
        owners.entry(&ready.owner).or_default().push(&ready.lead);
    }
    let (setup, half_life) = (&live.playbook.setup, live.playbook.scoring.interest.half_life);
    let line = |lead: &LeadItem| ReadyLine {
        lead: lead.lead.clone(),
        name: lead.name.as_deref().and_then(Plain::of),
        company: lead.company.as_deref().and_then(Plain::of),
        cell: lead.grade.map(|grade| Cell { grade, level: lead.level }),
        interest: worth(lead.rank, summary.at, half_life),
    };
    let mut told = 0;
    for (owner, leads) in owners {
        let mut ready = app.store.leads(leads).await?;
        // Who is not ready any more is no news.
        ready.retain(|lead| lead.stage == Stage::Mql);
        if ready.is_empty() {
            continue;
        }
        told += ready.len() as u64;
        let id = MessageId::derive(&[cause, &[owner.as_str()]].concat());
        let language = setup.owners.iter().find(|known| known.id == *owner).and_then(|known| known.language);
        let language = language.unwrap_or(setup.language);
        let summary = Summary { count: ready.len(), leads: ready.iter().map(line).collect(), ..summary.clone() }.sorted();
        let message = Message::summary(id, owner, language, &live.version, summary, app.clock.now());
        app.store.save(Save { messages: vec![message], ..Save::default() }).await?;
    }
    Ok(told)
}

/// Takes away the notes of who was made ready: they are told.
async fn clear(app: &App, derivation: Derivation) -> Result<(), Error> {
    app.store.told(&app.store.ready(None, usize::MAX).await?).await?;
    let ended = Some(app.clock.now());
    app.store.save_derivation(Derivation { phase: Phase::Done, ended, due: None, ..derivation }).await?;
    tracing::info!("all leads are judged by the live playbook");
    Ok(())
}
