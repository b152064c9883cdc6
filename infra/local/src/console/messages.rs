//! Every mail from wish to outcome, those that a person must look at first.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use jiff::Timestamp;
use michi::mail::alert::Known;
use michi::mail::message::{Content, Entry, Message, Recipient, Report, State as Standing};
use michi::mail::told;
use serde::Serialize;

use super::door::Refusal;
use super::page::{self, Frame, Moment, Reader};
use super::tables;
use super::text::line;
use super::{Console, Limit};
use crate::Suite;

/// `messages.json`: messages as they are kept, held ones first, then those under way, then the rest, each newest first.
#[derive(Serialize)]
struct Messages {
    now: Timestamp,
    /// How many there are in all.
    count: usize,
    /// How many a person must look at.
    held: usize,
    /// How many may have been sent, which will be tried once more or held.
    unknown: usize,
    /// How many cannot be read.
    unreadable: usize,
    messages: Vec<Message>,
}

pub(super) async fn json(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    page::json(&messages(&console.suite, limit?.get())?)
}

#[derive(Template)]
#[template(path = "messages.html")]
struct MessagesPage {
    frame: Frame,
    count: usize,
    held: usize,
    unknown: usize,
    unreadable: usize,
    messages: Vec<Row>,
}

/// A message in the list.
struct Row {
    id: String,
    created: Moment,
    mail: String,
    to: String,
    /// None: it is about several.
    lead: Option<String>,
    who: Option<String>,
    state: &'static str,
    /// What SES reported of it.
    report: Option<&'static str>,
    /// How it looks: `held`, `under-way`, `done` or `ended`.
    class: &'static str,
    /// What comes next, and when.
    next: Option<(&'static str, Moment)>,
    /// The mail in the mailbox.
    sent: Option<String>,
    history: Vec<(Moment, String)>,
}

pub(super) async fn show(
    State(console): State<Console>,
    limit: Result<Query<Limit>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Messages { count, held, unknown, unreadable, messages, .. } = messages(&console.suite, limit?.get())?;
    let reader = Reader::of(&console);
    page::render(&MessagesPage {
        frame: Frame::new(&console, "/messages", "Messages"),
        count,
        held,
        unknown,
        unreadable,
        messages: messages.iter().map(|message| Row::of(message, &reader)).collect(),
    })
}

fn messages(suite: &Suite, limit: usize) -> anyhow::Result<Messages> {
    let (mut messages, unreadable) = tables::scan::<Message>(suite, "message#")?;
    messages.sort_by(|one, other| {
        urgency(&one.state).cmp(&urgency(&other.state)).then_with(|| (other.created, &one.id).cmp(&(one.created, &other.id)))
    });
    let count_of = |wanted: fn(&Standing) -> bool| messages.iter().filter(|message| wanted(&message.state)).count();
    let (held, unknown) =
        (count_of(|state| matches!(state, Standing::Held)), count_of(|state| matches!(state, Standing::Unknown { .. })));
    let count = messages.len();
    messages.truncate(limit);
    Ok(Messages { now: suite.now(), count, held, unknown, unreadable, messages })
}

fn urgency(state: &Standing) -> u8 {
    match state {
        Standing::Held => 0,
        Standing::Unknown { .. } => 1,
        Standing::Claimed { .. } | Standing::Pending { .. } => 2,
        Standing::Sent { .. } | Standing::Failed | Standing::Expired => 3,
    }
}

impl Row {
    fn of(message: &Message, reader: &Reader) -> Self {
        let named = |name: &Option<Known>, company: &Option<Known>| {
            name.as_ref().or(company.as_ref()).map(|known| line(known.text.as_str()))
        };
        let who = match &message.content {
            Content::Alert(alert) => named(&alert.name, &alert.company),
            Content::Correction(correction) => named(&correction.name, &correction.company),
            Content::Summary(summary) => Some(format!("{} made ready by a changed playbook", summary.count)),
            Content::Notice(notice) => named(&notice.name, &notice.company),
            Content::Letter(_) => None,
        };
        let (class, next, sent) = match &message.state {
            Standing::Pending { due } => ("under-way", Some(("to be sent", *due)), None),
            Standing::Claimed { lease, .. } => ("under-way", Some(("claimed until", *lease)), None),
            Standing::Unknown { until, .. } => ("held", Some(("tried once more", *until)), None),
            Standing::Sent { ses, .. } => ("done", None, Some(ses.clone())),
            Standing::Failed | Standing::Expired => ("ended", None, None),
            Standing::Held => ("held", None, None),
        };
        Self {
            id: message.id.to_string(),
            created: reader.said(message.created),
            mail: message.mail().to_string(),
            to: match &message.to {
                Recipient::Owner(owner) => owner.to_string(),
                Recipient::Lead(_) => "the lead".to_owned(),
            },
            lead: message.lead.as_ref().map(ToString::to_string),
            who,
            state: told::state(&message.state),
            report: message.report.filter(|report| *report > Report::Sent).map(told::report_words),
            class,
            next: next.map(|(what, at)| (what, reader.said(at))),
            sent,
            history: message
                .history
                .iter()
                .map(|Entry { at, event }| (reader.at(*at), told::event(event, |at| reader.at(at).full)))
                .collect(),
        }
    }
}
