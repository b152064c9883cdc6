//! `notify` sends mail, and nobody else does.
//!
//! - `deliver`: one message, from the gate through the claim to its outcome
//! - `allowance`: its share of the pace that all sending keeps
//!
//! A record from the stream says that a message was owed just now; the tick takes up whatever is due: messages whose
//! record was lost, that rest after a refusal, whose claim or wait for proof is over.

mod allowance;
mod deliver;

use aws_lambda_events::event::dynamodb::Event;
use jiff::SignedDuration;
use michi::io::store::{DueKey, Function};
use michi::io::{App, BatchResponse, Error, Mailer, Retry, Trigger};

use allowance::Allowance;
use deliver::Courier;

/// The most messages that one tick takes up.
const SWEEP: usize = 200;
/// A tick begins nothing new after this time, so that the function's own time never ends within a call.
const SWEEP_TIME: SignedDuration = SignedDuration::from_secs(15);

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
    let mut courier = Courier::new(app, mailer, Allowance::for_mails(event.records.len()));
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

/// Works off what is due, alerts before all else and the oldest first.
async fn sweep(app: &App, mailer: &Mailer) -> Result<(), Error> {
    let began = app.clock.now();
    let due = app.store.due(Function::Notify, began, SWEEP).await?;
    if let Some(late) = due.lateness(began) {
        tracing::warn!(due.late_minutes = late.as_mins(), "due work is late");
    }
    let mut courier = Courier::new(app, mailer, Allowance::for_mails(due.keys.len()));
    for key in &due.keys {
        if courier.is_out_of_allowance() || app.clock.now().duration_since(began) > SWEEP_TIME {
            break;
        }
        if let Err(error) = courier.deliver(key).await {
            tracing::error!(%error, "a message cannot be sent");
            if error.retry == Retry::Never {
                courier.put_off(key).await;
            }
        }
    }
    Ok(())
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
