//! A list of people may make hundreds of them ready for sales at once: each owner gets one mail about all of them, as soon
//! as the list is in.
//!
//! They are gathered as long as the list comes in, and a little longer. The list's item is due then, behind every wake-up
//! and review: when it is taken up, its rows have been scored.

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Log, Record};
use michi::id::{ActivityId, ImportId};
use michi::io::store::{Import, Wake};
use michi::io::{App, Error};
use michi::mail::summary::Summary;
use michi::mail::text::Plain;

use crate::derivation::owe;

/// How long looks may be under way that began while ready leads were still gathered: longer than any run.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// So long after it is told to have happened, it has: times are kept in whole milliseconds.
const AFTERWARDS: SignedDuration = SignedDuration::from_millis(1);

/// The lists among the news whose leads are gathered for a summary.
pub(crate) async fn gathering(app: &App, log: &Log, news: &[ActivityId]) -> Result<Vec<ImportId>, Error> {
    let mut gathering: Vec<ImportId> = Vec::new();
    for list in log.records.iter().filter(|record| news.contains(&record.id)).filter_map(|record| record.import.as_ref()) {
        if !gathering.contains(list) && app.store.import(list).await?.is_some_and(|import| import.gathers) {
            gathering.push(list.clone());
        }
    }
    Ok(gathering)
}

/// Those of the wake-ups whose records have happened. A list's clock may be ahead of ours: what it brings is put off until
/// it has happened, since it would be no news then, and whom it makes ready would be told one by one.
pub(crate) async fn ripe(app: &App, log: &Log, wakes: &[Wake], now: Timestamp) -> Result<Vec<Wake>, Error> {
    let mut ripe = Vec::new();
    for wake in wakes {
        let of_a_list = |record: &&Record| record.id == wake.activity && record.import.is_some() && record.at > now;
        match log.records.iter().find(of_a_list) {
            None => ripe.push(wake.clone()),
            Some(early) => app.store.defer_wake(wake, early.at + AFTERWARDS, None, wake.tries).await?,
        }
    }
    Ok(ripe)
}

/// Tells sales who was made ready by a list, if that is due: first nobody is gathered any more, then those gathered are told.
pub(crate) async fn tell(app: &App, list: &ImportId) -> Result<(), Error> {
    let now = app.clock.now();
    let Some(import) = app.store.import(list).await?.filter(|import| import.due.is_some_and(|due| due <= now)) else {
        return Ok(());
    };
    if import.gathers {
        let settling = Import { gathers: false, due: Some(now + SETTLED), ..import };
        return app.store.save_import(settling).await.map(|_| ());
    }
    let live = app.playbook().await?;
    let ready = app.store.ready(Some(list), usize::MAX).await?;
    // A list that was broken off and taken up again tells again, of others.
    let time = import.step.to_string();
    let summary = Summary {
        at: now,
        changed: import.began,
        list: Plain::of(&import.file),
        by: Plain::of(&import.by),
        why: None,
        count: 0,
        leads: vec![],
    };
    let told = owe(app, &live, &ready, &["list", list.as_str(), &time], &summary).await?;
    app.store.told(&ready).await?;
    app.store.save_import(Import { ready: import.ready + told, due: None, ..import }).await.map(|_| ())
}
