//! `score` looks at a lead when something happened or time has changed an answer: it finds whose a browser is, folds
//! the log, takes the decisions that follow, and saves all of it in one transaction.
//!
//! - `identify`: a browser gave an address, so its history becomes a lead's
//! - `review`: a lead's log is folded, decided upon and saved
//! - `consent`: what a form's ticked box gives, and the letter that asks for its confirmation
//! - `derivation`: all leads are judged by a playbook that has gone live
//! - `scenarios`: which of them a look lets the lead into, and in which it goes on at once
//! - `lists`: who was made ready by a list is told in one mail
//! - `erase`: a person who is to be erased is
//! - `merge`: what arrives for a lead that was merged into another goes on there
//!
//! A record from the stream is a hint, a wake-up in the due index the guarantee; both lead to the same work, which
//! changes nothing when it is done twice.

mod consent;
mod derivation;
mod erase;
mod identify;
mod lists;
mod merge;
mod review;
mod scenarios;

use std::collections::HashMap;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use jiff::{SignedDuration, Timestamp};
use michi::activity::LogOwner;
use michi::id::{ActivityId, LeadId};
use michi::io::store::{Arrival, DueKey, Function, Save, Wake};
use michi::io::{App, BatchResponse, Error, Retry, Trigger};

/// How many due items a tick takes from the index at a time, and how often.
const SWEEP: (usize, usize) = (25, 40);

/// How long a tick begins new steps of a re-derivation, so that the function's own time never ends within one.
const SWEEP_TIME: SignedDuration = SignedDuration::from_secs(15);

/// A wake-up that failed so often is put into quarantine.
const TRIES: u32 = 8;

/// How often one piece of work is begun anew when somebody else was faster.
const REREADS: usize = 5;

/// Does what the trigger calls for.
///
/// # Errors
/// If the sweep cannot read the due index. What fails for single leads is answered record by record, or moves their
/// own due time.
pub async fn handle(app: &App, trigger: Trigger) -> Result<BatchResponse, Error> {
    match trigger {
        Trigger::Stream(event) => Ok(batch(app, event).await),
        Trigger::Tick(_) => sweep(app).await.map(|()| BatchResponse::default()),
    }
}

/// All records of one log in a batch lead to one look at it.
async fn batch(app: &App, event: Event) -> BatchResponse {
    let mut response = BatchResponse::default();
    let mut logs: HashMap<LogOwner, News<'_>> = HashMap::new();
    for record in &event.records {
        match Arrival::read(&record.change.new_image) {
            Ok(None) => {}
            Ok(Some(arrival)) => {
                let news = logs.entry(arrival.owner.clone()).or_insert_with(|| News::of(arrival.owner));
                news.records.push(record);
                news.arrived.push(arrival.record.id);
                match arrival.wake {
                    Some(wake) => news.wakes.push(wake),
                    None => news.footsteps = true,
                }
            }
            Err(error) => quarantine(app, &record.change.new_image, &error, &mut response, record).await,
        }
    }
    for news in logs.into_values() {
        match work(app, &news).await {
            Ok(()) => {}
            // What has a wake-up comes again by it, and ends in quarantine there if need be.
            Err(error) if error.retry == Retry::Never && !news.footsteps => tracing::error!(%error, "a lead cannot be scored"),
            Err(error) if error.retry == Retry::Never => {
                for record in news.records {
                    quarantine(app, &record.change.new_image, &error, &mut response, record).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a lead cannot be scored for now");
                news.records.into_iter().for_each(|record| response.failed(record));
            }
        }
    }
    response
}

/// What is new in one log.
struct News<'a> {
    owner: LogOwner,
    /// The wake-ups of what must be scored.
    wakes: Vec<DueKey>,
    /// Whether there are plain page views among it: they have no wake-up, the stream itself is their guarantee.
    footsteps: bool,
    records: Vec<&'a EventRecord>,
    /// What is new.
    arrived: Vec<ActivityId>,
}

impl News<'_> {
    fn of(owner: LogOwner) -> Self {
        Self { owner, wakes: Vec::new(), footsteps: false, records: Vec::new(), arrived: Vec::new() }
    }
}

async fn quarantine(app: &App, image: &serde_dynamo::Item, error: &Error, response: &mut BatchResponse, record: &EventRecord) {
    let payload = serde_json::to_string(image).unwrap_or_default();
    let id = record.event_id.as_str();
    if let Err(failed) = app.store.quarantine(id, &payload, &error.to_string(), app.clock.now()).await {
        tracing::error!(error = %failed, "poison cannot be put into quarantine");
        response.failed(record);
    } else {
        tracing::error!(%error, event.id = id, "a record is in quarantine");
    }
}

/// Does the work of one log: its wake-ups in turn, then a look at the lead.
async fn work(app: &App, news: &News<'_>) -> Result<(), Error> {
    let mut wakes = Vec::new();
    for key in &news.wakes {
        wakes.extend(app.store.wake(key).await?);
    }
    match &news.owner {
        LogOwner::Visitor(_) => {
            for wake in &wakes {
                again(|| identify::identify(app, wake)).await?;
            }
            Ok(())
        }
        // Worked off before.
        LogOwner::Lead(_) if wakes.is_empty() && !news.footsteps => Ok(()),
        LogOwner::Lead(lead) => {
            // Another address in a known browser is another lead's; what is left belongs to this one.
            let mut own = Vec::new();
            for wake in wakes {
                if !again(|| identify::moved_on(app, lead, &wake)).await? {
                    own.push(wake);
                }
            }
            if own.is_empty() && !news.footsteps {
                return Ok(());
            }
            again(|| review::review(app, lead, &own, &news.arrived)).await
        }
    }
}

/// Begins anew as long as somebody else was faster.
async fn again<T, F: Future<Output = Result<T, Error>>>(mut work: impl FnMut() -> F) -> Result<T, Error> {
    for _ in 0..REREADS {
        match work().await {
            Err(error) if error.retry == Retry::Reread => {}
            done => return done,
        }
    }
    Err(Error::later("somebody else was faster each time"))
}

/// Works off what is due, most urgent and oldest first. What fails moves its own due time, so it starves nobody.
async fn sweep(app: &App) -> Result<(), Error> {
    let (at_once, rounds) = SWEEP;
    let until = app.clock.now() + SWEEP_TIME;
    for round in 0..rounds {
        let now = app.clock.now();
        let due = app.store.due(Function::Score, now, at_once).await?;
        if let Some(late) = due.lateness(now).filter(|_| round == 0) {
            tracing::warn!(due.late_minutes = late.as_mins(), "due work is late");
        }
        for key in &due.keys {
            if let Err(error) = work_off(app, key, until).await {
                tracing::error!(%error, "a due item could neither be worked off nor put off");
            }
        }
        if due.keys.len() < at_once {
            break;
        }
    }
    Ok(())
}

async fn work_off(app: &App, key: &DueKey, until: Timestamp) -> Result<(), Error> {
    if let Some(lead) = key.lead() {
        let Err(error) = again(|| review::review(app, &lead, &[], &[])).await else { return Ok(()) };
        tracing::error!(%error, lead.id = %lead, "a review is put off");
        return put_off_review(app, &lead).await;
    }
    if let Some(list) = key.import() {
        return again(|| lists::tell(app, &list)).await;
    }
    if key.is_derivation() {
        return again(|| derivation::step(app, until)).await;
    }
    let Some(wake) = app.store.wake(key).await? else { return Ok(()) };
    if wake.due > app.clock.now() {
        return Ok(());
    }
    let news = News { wakes: vec![key.clone()], ..News::of(wake.owner.clone()) };
    match work(app, &news).await {
        Ok(()) => Ok(()),
        Err(error) => put_off(app, &wake, &error).await,
    }
}

/// Moves the review of a lead that cannot be judged now.
async fn put_off_review(app: &App, lead: &LeadId) -> Result<(), Error> {
    let Some(item) = app.store.lead(lead).await? else { return Ok(()) };
    app.store.defer_review(&item, app.clock.now() + SignedDuration::from_mins(5)).await
}

/// Ends a wake-up that calls for nothing more.
async fn finish(app: &App, wake: &Wake) -> Result<(), Error> {
    app.store.save(Save { done: Some(wake.clone()), ..Save::default() }).await
}

/// Moves a failed wake-up's due time, further each time, and in the end out of the way.
async fn put_off(app: &App, wake: &Wake, error: &Error) -> Result<(), Error> {
    let now = app.clock.now();
    let tries = wake.tries + 1;
    if tries >= TRIES || error.retry == Retry::Never {
        tracing::error!(%error, activity.id = %wake.activity, "a wake-up is in quarantine");
        let payload = serde_json::to_string(wake).unwrap_or_default();
        app.store.quarantine(wake.activity.as_str(), &payload, &error.to_string(), now).await?;
        return finish(app, wake).await;
    }
    tracing::warn!(%error, activity.id = %wake.activity, "a wake-up is put off");
    let wait = SignedDuration::from_secs(15 << tries.min(8));
    app.store.defer_wake(wake, now + wait, wake.cursor.clone(), tries).await
}
