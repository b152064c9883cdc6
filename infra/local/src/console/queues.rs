//! What waits, what is held, and what was given up: nothing that is owed may be out of sight.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::tables::{self, Poison};
use super::text::{line, plain};
use super::{Console, Limit};
use crate::{Abandoned, Suite, WakeUp};

/// Schedules come every minute; what has waited twice as long is overdue.
const OVERDUE: SignedDuration = SignedDuration::from_mins(2);
/// The most that is counted.
const MOST: usize = 10_000;

/// `wake-ups.json`.
#[derive(Serialize)]
struct Queues {
    now: Timestamp,
    /// What waits, the earliest first.
    waiting: Vec<Waiting>,
    /// What no function takes up any more, the oldest first: `due` is since when, and a person must look.
    held: Vec<Waiting>,
    /// Stream records that were given up, oldest first.
    given_up: Vec<Abandoned>,
    /// Payloads that could not be read, newest first.
    quarantine: Vec<Poison>,
    /// Forms that look like spam, newest first.
    suspects: Vec<Poison>,
}

/// An item of the due index.
#[derive(Serialize)]
struct Waiting {
    #[serde(flatten)]
    wake_up: WakeUp,
    what: What,
    /// It should have been done minutes ago.
    overdue: bool,
}

/// What an item of the due index stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum What {
    /// A lead whose answers end.
    Review,
    /// An activity to score.
    Activity,
    /// All leads, to be judged by a changed playbook.
    Derivation,
    /// A list that has come in, to be told to sales.
    Import,
    /// A lead under way in a scenario.
    Enrollment,
    /// A mail to send.
    Message,
    /// A fact to publish.
    Fact,
    /// Something of a later version.
    Other,
}

/// How much is in each queue.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Counts {
    /// Items that wait, at most 10,000.
    pub(super) waiting: usize,
    /// Of these, those that should have been done minutes ago.
    pub(super) overdue: usize,
    /// Messages that a person must look at.
    pub(super) held_messages: usize,
    /// Leads that a person must look at who are under way in a scenario.
    pub(super) held_enrollments: usize,
    /// Facts that a person must look at.
    pub(super) held_facts: usize,
    /// Batches of stream records that were given up.
    pub(super) given_up: usize,
    /// Payloads that could not be read.
    pub(super) quarantined: usize,
    /// Forms that look like spam.
    pub(super) suspects: usize,
}

pub(super) async fn json(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    page::json(&queues(&console.suite, limit?.get())?)
}

#[derive(Template)]
#[template(path = "wake_ups.html")]
struct WakeUpsPage {
    frame: Frame,
    waiting: Vec<Line>,
    held: Vec<Line>,
    given_up: Vec<GivenUp>,
    quarantine: Vec<Payload>,
    suspects: Vec<Payload>,
}

struct Line {
    at: Moment,
    what: &'static str,
    function: String,
    key: String,
    overdue: bool,
    link: Option<String>,
}

struct GivenUp {
    at: Moment,
    mapping: String,
    function: String,
    reason: String,
    count: usize,
    records: String,
}

struct Payload {
    at: Moment,
    id: String,
    reason: String,
    payload: String,
}

pub(super) async fn show(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Queues { waiting, held, given_up, quarantine, suspects, .. } = queues(&console.suite, limit?.get())?;
    let reader = Reader::of(&console);
    let given_up = given_up.iter().map(|batch| GivenUp {
        at: reader.said(batch.at),
        mapping: batch.mapping.clone(),
        function: batch.function.clone(),
        reason: plain(&batch.reason),
        count: batch.records.len(),
        records: plain(&serde_json::to_string_pretty(&batch.records).unwrap_or_default()),
    });
    let payload = |poison: Poison| Payload {
        at: reader.said(poison.at),
        id: line(&poison.id),
        reason: plain(&poison.reason),
        payload: plain(&poison.payload),
    };
    page::render(&WakeUpsPage {
        frame: Frame::new(&console, "/wake-ups", "Wake-ups"),
        waiting: waiting.iter().map(|waiting| waiting.line(&reader)).collect(),
        held: held.iter().map(|held| held.line(&reader)).collect(),
        given_up: given_up.collect(),
        quarantine: quarantine.into_iter().map(payload).collect(),
        suspects: suspects.into_iter().map(payload).collect(),
    })
}

/// What a function takes up next.
pub(super) fn next(suite: &Suite) -> anyhow::Result<Option<WakeUp>> {
    Ok(suite.wake_ups(MOST)?.into_iter().find(WakeUp::is_taken_up))
}

pub(super) fn counts(suite: &Suite) -> anyhow::Result<Counts> {
    let (all, now) = (suite.wake_ups(MOST)?, suite.now());
    let (held, waiting): (Vec<&WakeUp>, Vec<&WakeUp>) = all.iter().partition(|wake_up| wake_up.is_held());
    let held = |what| held.iter().filter(|wake_up| What::of(wake_up) == what).count();
    let (quarantine, suspects) = tables::quarantine(suite)?;
    Ok(Counts {
        waiting: waiting.len(),
        overdue: waiting.iter().filter(|wake_up| is_overdue(wake_up, now)).count(),
        held_messages: held(What::Message),
        held_enrollments: held(What::Enrollment),
        held_facts: held(What::Fact),
        given_up: suite.abandoned()?.len(),
        quarantined: quarantine.len(),
        suspects: suspects.len(),
    })
}

fn queues(suite: &Suite, limit: usize) -> anyhow::Result<Queues> {
    let now = suite.now();
    let (held, waiting) = suite.wake_ups(MOST)?.into_iter().partition(WakeUp::is_held);
    let said = |wake_ups: Vec<WakeUp>, waits: bool| {
        let wake_ups = wake_ups.into_iter().take(limit);
        wake_ups
            .map(|wake_up| Waiting { what: What::of(&wake_up), overdue: waits && is_overdue(&wake_up, now), wake_up })
            .collect()
    };
    let (quarantine, suspects) = tables::quarantine(suite)?;
    Ok(Queues { now, waiting: said(waiting, true), held: said(held, false), given_up: suite.abandoned()?, quarantine, suspects })
}

fn is_overdue(wake_up: &WakeUp, now: Timestamp) -> bool {
    wake_up.is_taken_up() && now.duration_since(wake_up.due) > OVERDUE
}

impl Waiting {
    fn line(&self, reader: &Reader) -> Line {
        let WakeUp { due, function, pk, sk } = &self.wake_up;
        let lead = pk.strip_prefix("lead#").map(|lead| format!("/_michi/leads/{lead}"));
        let message = sk.strip_prefix("message#").map(|message| format!("/_michi/messages#{message}"));
        Line {
            at: reader.said(*due),
            what: self.what.words(),
            function: function.clone(),
            key: line(&format!("{pk} {sk}")),
            overdue: self.overdue,
            link: message.or(lead),
        }
    }
}

impl What {
    pub(super) fn of(wake_up: &WakeUp) -> Self {
        if wake_up.pk.starts_with("import#") {
            return Self::Import;
        }
        match wake_up.sk.split('#').next() {
            Some("lead") => Self::Review,
            Some("wake") => Self::Activity,
            Some("derivation") => Self::Derivation,
            Some("enrollment") => Self::Enrollment,
            Some("message") => Self::Message,
            Some("fact") => Self::Fact,
            _ => Self::Other,
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Review => "review of a lead",
            Self::Activity => "activity to score",
            Self::Derivation => "leads to judge by a changed playbook",
            Self::Import => "list to tell sales of",
            Self::Enrollment => "lead under way in a scenario",
            Self::Message => "mail to send",
            Self::Fact => "fact to publish",
            Self::Other => "unknown work",
        }
    }
}
