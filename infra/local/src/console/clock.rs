//! The clock: where it stands, what falls due next, and moving it there.

use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::extract::rejection::FormRejection;
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Console;
use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::queues::{self, What};
use crate::{Pace, WakeUp};

/// `clock.json`.
#[derive(Serialize)]
struct Clock {
    now: Timestamp,
    pace: PaceNamed,
    /// What falls due next; null: nothing does.
    next_due: Option<WakeUp>,
}

/// How the clock goes: `manual`, `real`, or `fast` with how many times as fast.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct PaceNamed {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
}

pub(super) async fn json(State(console): State<Console>) -> Result<Response, Refusal> {
    let next_due = queues::next(&console.suite)?;
    page::json(&Clock { now: console.suite.now(), pace: pace(&console), next_due })
}

#[derive(Template)]
#[template(path = "clock.html")]
struct ClockPage {
    frame: Frame,
    token: String,
    pace: PaceNamed,
    speed: String,
    next: Option<(Moment, &'static str, String)>,
}

pub(super) async fn show(State(console): State<Console>) -> Result<Response, Refusal> {
    let reader = Reader::of(&console);
    let next = queues::next(&console.suite)?;
    let pace = pace(&console);
    page::render(&ClockPage {
        frame: Frame::new(&console, "/clock", "Clock").refreshing(),
        token: console.token.to_string(),
        pace,
        speed: pace.speed.map(speed).unwrap_or_default(),
        next: next.map(|next| (reader.said(next.due), What::of(&next).words(), next.function)),
    })
}

/// What the form on the clock's page says.
#[derive(Deserialize)]
pub(super) struct Advance {
    #[serde(default)]
    token: String,
    by: By,
}

/// How far the clock is moved.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Hour,
    Day,
    Week,
    /// To the next thing due.
    Next,
}

/// Moves the clock: `POST /_michi/clock` with `token` (it stands in the page's form) and `by`: `hour`, `day`, `week` or
/// `next`. Everything that falls due on the way is done before the answer, which leads back to the page.
pub(super) async fn advance(
    State(console): State<Console>,
    form: Result<Form<Advance>, FormRejection>,
) -> Result<Response, Refusal> {
    let Form(Advance { token, by }) = form?;
    console.admit(&token)?;
    let hours = match by {
        By::Hour => 1,
        By::Day => 24,
        By::Week => 7 * 24,
        By::Next => {
            console.suite.advance_to_next_due().await?;
            return Ok(back());
        }
    };
    console.suite.advance(SignedDuration::from_hours(hours)).await?;
    Ok(back())
}

fn back() -> Response {
    Redirect::to("/_michi/clock").into_response()
}

pub(super) fn pace(console: &Console) -> PaceNamed {
    match console.suite.options().pace {
        Pace::Manual(_) => PaceNamed { kind: "manual", speed: None },
        Pace::Real => PaceNamed { kind: "real", speed: None },
        Pace::Fast(speed) => PaceNamed { kind: "fast", speed: Some(speed) },
    }
}

impl PaceNamed {
    /// The pace in a few words.
    pub(super) fn words(self) -> String {
        match self.speed {
            Some(times) => speed(times),
            None if self.kind == "real" => "real pace".to_owned(),
            None => "stands still".to_owned(),
        }
    }
}

/// `1 day = 1 s`, or how many times as fast.
fn speed(times: f64) -> String {
    match times {
        86_400.0 => "1 day = 1 s".to_owned(),
        3_600.0 => "1 hour = 1 s".to_owned(),
        60.0 => "1 minute = 1 s".to_owned(),
        _ => format!("{times} times as fast"),
    }
}
