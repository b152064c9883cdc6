//! michi's functions, by the names the template gives them.

use std::sync::Arc;

use aws_types::SdkConfig;
use axum::Router;
use michi::io::{App, Bus, Error, Mailer};
use relay::Relay;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use step::Step;

use crate::functions::Handler;

/// A function that has been started.
pub(crate) enum Started {
    /// It answers requests.
    Http(Router),
    /// It handles events.
    Events(Handler),
}

/// Starts the function of this name, as its `main` does.
pub(super) fn start_function(name: &str, app: App, sdk: &SdkConfig) -> Option<Started> {
    let settings = Arc::clone(&app.settings);
    Some(match name {
        "track" => Started::Http(track::router(app)),
        "answer" => Started::Http(answer::router(app)),
        "score" => Started::Events(events(move |trigger| {
            let app = app.clone();
            async move { score::handle(&app, trigger).await }
        })),
        "step" => {
            let step = Step { store: app.store, clock: app.clock, shelf: app.shelf };
            Started::Events(events(move |trigger| {
                let step = step.clone();
                async move { step::handle(&step, trigger).await }
            }))
        }
        "notify" => {
            let mailer = Mailer::new(sdk, &settings.configuration_set);
            Started::Events(events(move |trigger| {
                let (app, mailer) = (app.clone(), mailer.clone());
                async move { notify::handle(&app, &mailer, trigger).await }
            }))
        }
        "feedback" => Started::Events(events(move |event| {
            let app = app.clone();
            async move { feedback::handle(&app, event).await }
        })),
        "relay" => {
            let relay = Relay { store: app.store, clock: app.clock, bus: Bus::new(sdk, &settings.bus) };
            Started::Events(events(move |trigger| {
                let relay = relay.clone();
                async move { relay::handle(&relay, trigger).await }
            }))
        }
        _ => return None,
    })
}

/// A handler as Lambda calls it: JSON in, JSON out.
pub(super) fn events<F, Event, Answer, Said>(handle: F) -> Handler
where
    F: Fn(Event) -> Answer + Send + Sync + 'static,
    Event: DeserializeOwned,
    Answer: Future<Output = Result<Said, Error>> + Send + 'static,
    Said: Serialize,
{
    Arc::new(move |payload: Value| {
        let answer = serde_json::from_value(payload).map(&handle);
        Box::pin(async move {
            let answer = answer.map_err(|error| format!("the payload cannot be read: {error}"))?.await;
            let answer = answer.map_err(|error| error.to_string())?;
            serde_json::to_value(answer).map_err(|error| error.to_string())
        })
    })
}
