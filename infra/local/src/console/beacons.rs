//! What came in from where, and what was refused, with the remedy.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use michi::playbook::Playbook;
use serde::Serialize;

use super::Console;
use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::text::line;
use crate::Observed;
use crate::suite::Refused;

/// `beacons.json`: one entry for each origin.
#[derive(Serialize)]
struct Beacons {
    now: Timestamp,
    beacons: Vec<Origin>,
}

/// An origin in `beacons.json`.
#[derive(Serialize)]
struct Origin {
    /// The origin; empty for requests without one, which are servers'.
    origin: String,
    /// Whether the playbook in use allows it.
    allowed: bool,
    /// When the last beacon was taken.
    last: Option<Timestamp>,
    /// The last refusals, newest first.
    refusals: Vec<WithRemedy>,
}

#[derive(Serialize)]
struct WithRemedy {
    #[serde(flatten)]
    refused: Refused,
    /// What to do, where more can be said than in `message`.
    remedy: Option<String>,
}

pub(super) async fn json(State(console): State<Console>) -> Result<Response, Refusal> {
    page::json(&Beacons { now: console.suite.now(), beacons: origins(&console) })
}

#[derive(Template)]
#[template(path = "beacons.html")]
struct BeaconsPage {
    frame: Frame,
    origins: Vec<Shown>,
}

struct Shown {
    origin: String,
    allowed: bool,
    last: Option<Moment>,
    refusals: Vec<Row>,
}

struct Row {
    at: Moment,
    path: String,
    status: u16,
    code: String,
    message: String,
    remedy: Option<String>,
}

pub(super) async fn show(State(console): State<Console>) -> Result<Response, Refusal> {
    let reader = Reader::of(&console);
    let row = |refusal: &WithRemedy| Row {
        at: reader.said(refusal.refused.at),
        path: line(&refusal.refused.path),
        status: refusal.refused.status,
        code: line(&refusal.refused.code),
        message: line(&refusal.refused.message),
        remedy: refusal.remedy.as_deref().map(line),
    };
    let origins = origins(&console).into_iter().map(|origin| Shown {
        origin: line(&origin.origin),
        allowed: origin.allowed,
        last: origin.last.map(|at| reader.said(at)),
        refusals: origin.refusals.iter().map(row).collect(),
    });
    page::render(&BeaconsPage { frame: Frame::new(&console, "/beacons", "Beacons"), origins: origins.collect() })
}

/// The origins, the one heard of last first.
fn origins(console: &Console) -> Vec<Origin> {
    let (Observed { origins }, desk) = (console.suite.observed(), console.suite.desk());
    let playbook = desk.playbook();
    let mut origins: Vec<Origin> = origins
        .into_iter()
        .map(|(origin, beacon)| Origin {
            allowed: origin.is_empty() || playbook.allows_origin(&origin),
            last: beacon.last,
            refusals: beacon
                .refusals
                .into_iter()
                .map(|refused| WithRemedy { remedy: remedy(&refused.code, &origin, playbook), refused })
                .collect(),
            origin,
        })
        .collect();
    let heard = |origin: &Origin| origin.refusals.first().map(|refusal| refusal.refused.at).max(origin.last);
    origins.sort_by_key(|origin| std::cmp::Reverse(heard(origin)));
    origins
}

/// What to do about a refusal, as far as it lies in the playbook.
fn remedy(code: &str, origin: &str, playbook: &Playbook) -> Option<String> {
    match code {
        "origin_not_listed" if playbook.allows_origin(origin) => {
            Some("the playbook lists this origin now: load the page again".to_owned())
        }
        "origin_not_listed" => Some(format!("add it to playbook.yaml under sites, as in `- origin: {origin}`")),
        "unknown_write_key" => {
            Some(format!("the playbook's write_key is `{}`: the snippet carries it as data-key", playbook.setup.write_key))
        }
        _ => None,
    }
}
