//! `/_michi`: what the suite shows of itself. Pages without a script, and the same as JSON beside each of them.
//!
//! | page | JSON | shows |
//! |---|---|---|
//! | `/_michi` | `/_michi/health.json` | [`overview`]: everything in short, and whether it is well |
//! | `/_michi/mailbox`, `/_michi/mailbox/<id>` | `…/mailbox.json`, `…/<id>.json` | [`mailbox`]: the mails sent |
//! | `/_michi/leads`, `/_michi/leads/<id>` | `…/leads.json`, `…/<id>.json` | [`leads`]: leads by worth now |
//! | `/_michi/clock` | `/_michi/clock.json` | [`clock`]: the time; a POST moves it |
//! | `/_michi/wake-ups` | `/_michi/wake-ups.json` | [`queues`]: what waits, is held or was given up |
//! | `/_michi/messages` | `/_michi/messages.json` | [`messages`]: every mail from wish to outcome |
//! | `/_michi/facts` | `/_michi/facts.json` | [`facts`]: what was told on the bus |
//! | `/_michi/beacons` | `/_michi/beacons.json` | [`beacons`]: what came in from where, and what was refused |
//! | `/_michi/wiring` | `/_michi/wiring.json` | [`wiring`]: the template, and how its functions ran |
//!
//! The JSON is stable: fields are added, never renamed; instants are RFC 3339 in UTC; a list stands under the page's
//! name beside `now`, and takes `?limit=`, 100 unless told, at most 1,000. An error has a status and
//! `{"success":false,"error":{"code","message"}}`, in `.json` and for whoever accepts JSON.
//!
//! A lead's page is the one that sales sees: here its link is only signed. Text from visitors is cleaned on pages
//! ([`text`]) and left as it is in JSON. Around everything stands [`door`].

mod beacons;
mod clock;
mod door;
mod facts;
mod leads;
mod mailbox;
mod messages;
mod overview;
mod page;
mod queues;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod wiring;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use serde::Deserialize;

use crate::Suite;
use door::Refusal;

/// What every handler here gets.
#[derive(Clone)]
struct Console {
    suite: Suite,
    /// What a POST must bring: only a page of this process knows it.
    token: Arc<str>,
}

/// How much of a list is asked for.
#[derive(Debug, Default, Deserialize)]
struct Limit {
    limit: Option<usize>,
}

impl Limit {
    const USUAL: usize = 100;
    const MOST: usize = 1_000;

    fn get(&self) -> usize {
        self.limit.unwrap_or(Self::USUAL).min(Self::MOST)
    }
}

/// Everything under `/_michi`. It has no fallback, so that it can be merged with other routes; it changes nothing but the
/// clock, and no request to it counts as one of a browser that slows the clock down.
pub(crate) fn router(suite: Suite) -> Router {
    let token = suite.own().random.text().into();
    let console = Console { suite, token };
    Router::new()
        .route("/_michi", get(overview::show))
        .route("/_michi/", get(overview::show))
        .route("/_michi/health.json", get(overview::json))
        .route("/_michi/mailbox", get(mailbox::show))
        .route("/_michi/mailbox.json", get(mailbox::json))
        .route("/_michi/mailbox/{id}", get(mailbox::show_one))
        .route("/_michi/mailbox/{id}/html", get(mailbox::html))
        .route("/_michi/leads", get(leads::show))
        .route("/_michi/leads.json", get(leads::json))
        .route("/_michi/leads/{id}", get(leads::one))
        .route("/_michi/clock", get(clock::show).post(clock::advance))
        .route("/_michi/clock.json", get(clock::json))
        .route("/_michi/wake-ups", get(queues::show))
        .route("/_michi/wake-ups.json", get(queues::json))
        .route("/_michi/messages", get(messages::show))
        .route("/_michi/messages.json", get(messages::json))
        .route("/_michi/facts", get(facts::show))
        .route("/_michi/facts.json", get(facts::json))
        .route("/_michi/beacons", get(beacons::show))
        .route("/_michi/beacons.json", get(beacons::json))
        .route("/_michi/wiring", get(wiring::show))
        .route("/_michi/wiring.json", get(wiring::json))
        .route("/_michi/style.css", get(page::style))
        .route("/_michi/{*rest}", get(nothing))
        .layer(from_fn_with_state(console.clone(), door::pass))
        .with_state(console)
}

async fn nothing() -> Refusal {
    Refusal::not_found("there is no such page in the console")
}
