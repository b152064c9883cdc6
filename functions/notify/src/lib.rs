//! `notify` sends mail, and nobody else does.
//!
//! - `deliver`: one message, from the gate through the claim to its outcome; `owner`, `letter`: what differs between mail to
//!   sales and mail to a lead
//! - `allowance`: its share of the pace that all sending keeps
//!
//! A record from the stream says that a message was owed just now; the tick takes up whatever is due: messages whose
//! record was lost, that rest after a refusal, whose claim or wait for proof is over.

mod allowance;
mod deliver;
mod letter;
mod owner;

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use aws_lambda_events::event::dynamodb::Event;
use jiff::{SignedDuration, Timestamp};
use michi::io::store::{DueKey, Function, together};
use michi::io::{App, BatchResponse, Error, Mailer, Retry, Trigger};

use allowance::Allowance;
use deliver::Courier;

/// The most messages that a tick takes from the index at a time.
const ROUND: usize = 200;
/// How many messages are under way at once: most of their time they wait for an answer.
const AT_ONCE: usize = 8;
/// A tick begins nothing new after this time, so that the function's own time never ends within a call. It is most of the
/// minute until the next tick, so that letters go out at nearly the pace that is set.
const SWEEP_TIME: SignedDuration = SignedDuration::from_secs(45);

/// Sends what the trigger says is owed.
///
/// # Errors
/// If the tick cannot read the due index. What fails for a single message is answered record by record, or leaves it due.
pub async fn handle(app: &App, mailer: &Mailer, trigger: Trigger) -> Result<BatchResponse, Error> {
    match trigger {
        Trigger::Stream(event) => Ok(batch(app, mailer, &event).await),
        Trigger::Tick(_) => sweep(app, mailer).await.map(|()| BatchResponse::default()),
    }
}

async fn batch(app: &App, mailer: &Mailer, event: &Event) -> BatchResponse {
    let mut response = BatchResponse::default();
    let keys: Vec<DueKey> = event.records.iter().filter_map(|record| DueKey::of(&record.change.keys)).collect();
    let courier = Courier::new(app, mailer, allowance(&keys));
    for record in &event.records {
        let done = match DueKey::of(&record.change.keys) {
            Some(key) => courier.deliver(&key).await,
            None => {
                let payload = serde_json::to_string(record).unwrap_or_default();
                let reason = "a record without a key";
                tracing::error!(event.id = record.event_id, "{reason} is in quarantine");
                app.store.quarantine(&record.event_id, &payload, reason, app.clock.now()).await
            }
        };
        match done {
            Ok(()) => {}
            // The message stays due, and the tick takes it up; the same record again would fail the same way.
            Err(error) if error.retry == Retry::Never => tracing::error!(%error, "a message cannot be sent"),
            Err(error) => {
                tracing::warn!(%error, "a message cannot be sent for now");
                response.failed(record);
            }
        }
    }
    response
}

fn allowance(keys: &[DueKey]) -> Allowance {
    let letters = keys.iter().filter(|key| key.is_to_lead()).count();
    Allowance::for_mails(keys.len() - letters, letters)
}

/// Works off what is due, alerts before all else and the oldest first, as long as there is something to do and time.
async fn sweep(app: &App, mailer: &Mailer) -> Result<(), Error> {
    let end = app.clock.now().saturating_add(SWEEP_TIME).unwrap_or(Timestamp::MAX);
    let mut seen: HashSet<DueKey> = HashSet::new();
    for round in 0.. {
        let now = app.clock.now();
        let due = app.store.due(Function::Notify, now, ROUND).await?;
        if let Some(late) = due.lateness(now).filter(|_| round == 0) {
            tracing::warn!(due.late_minutes = late.as_mins(), "due work is late");
        }
        // What is still due though it was looked at rests until the next tick.
        let keys: Vec<DueKey> = due.keys.into_iter().filter(|key| !seen.contains(key)).collect();
        if keys.is_empty() || now >= end {
            return Ok(());
        }
        let courier = Courier::new(app, mailer, allowance(&keys));
        let left = drain(&courier, keys.iter().cloned().collect(), end).await;
        seen.extend(keys.into_iter().filter(|key| !left.contains(key)));
        if let Some(first) = left.front() {
            let opens = courier.allowance.empty_until(first.is_to_lead(), app.clock.now()).await;
            let Some(opens) = opens.filter(|opens| *opens < end) else { return Ok(()) };
            if !app.clock.wait_until(opens).await {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Delivers these, some at once. Answers what was not begun: its lane is empty, or the time is over.
async fn drain(courier: &Courier<'_>, keys: VecDeque<DueKey>, end: Timestamp) -> VecDeque<DueKey> {
    let (waiting, left) = (Mutex::new(keys), Mutex::new(VecDeque::new()));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || async {
        while let Some(key) = next() {
            let now = courier.app.clock.now();
            if now >= end || courier.allowance.empty_until(key.is_to_lead(), now).await.is_some() {
                left.lock().unwrap_or_else(PoisonError::into_inner).push_back(key);
                continue;
            }
            if let Err(error) = courier.deliver(&key).await {
                tracing::error!(%error, "a message cannot be sent");
                if error.retry == Retry::Never {
                    courier.put_off(&key).await;
                }
            }
        }
    };
    together((0..AT_ONCE).map(|_| work())).await;
    left.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_triggers_are_told_apart() {
        let stream = serde_json::from_str(include_str!("../fixtures/stream.json")).unwrap();
        let Trigger::Stream(event) = stream else { panic!("{stream:?}") };
        let key = DueKey::of(&event.records[0].change.keys).unwrap();
        assert_eq!((key.pk.as_str(), key.sk.split('#').next()), ("owner#sato", Some("message")));
        let tick = serde_json::from_str(include_str!("../fixtures/tick.json")).unwrap();
        assert!(matches!(tick, Trigger::Tick(_)));
    }
}
