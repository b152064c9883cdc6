//! What all pages share: their frame, moments as people read them, style.

use askama::Template;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::lead::Stage;
use michi::mail::words;
use michi::playbook::Language;
use serde::Serialize;

use super::Console;
use super::door::Refusal;
use super::text::line;

/// The pages, in the order of the menu: path below `/_michi`, name.
const PAGES: [(&str, &str); 9] = [
    ("", "Overview"),
    ("/mailbox", "Mailbox"),
    ("/leads", "Leads"),
    ("/messages", "Messages"),
    ("/wake-ups", "Wake-ups"),
    ("/facts", "Facts"),
    ("/beacons", "Beacons"),
    ("/wiring", "Wiring"),
    ("/clock", "Clock"),
];

/// What stands around a page.
pub(super) struct Frame {
    pub(super) title: String,
    /// The menu: path, name, whether it is this page.
    pub(super) menu: Vec<(&'static str, &'static str, bool)>,
    pub(super) company: String,
    pub(super) now: Moment,
    /// The playbook's files have mistakes.
    pub(super) mistakes: bool,
    /// After how many seconds the page loads itself again.
    pub(super) refresh: Option<u32>,
}

/// The point of view of a page.
pub(super) struct Reader {
    pub(super) now: Timestamp,
    zone: TimeZone,
}

/// An instant, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    /// RFC 3339.
    pub(super) machine: String,
    /// Date, time and zone.
    pub(super) full: String,
    /// What is read.
    pub(super) text: String,
}

/// A page that says why there is no other.
#[derive(Template)]
#[template(path = "refused.html")]
pub(super) struct Refused<'a> {
    pub(super) frame: Frame,
    pub(super) message: &'a str,
}

impl Frame {
    /// The frame of the page at a path below `/_michi`, or of one below that.
    pub(super) fn new(console: &Console, path: &str, title: &str) -> Self {
        let desk = console.suite.desk();
        Self {
            title: title.to_owned(),
            menu: PAGES.iter().map(|(page, name)| (*page, *name, *page == path)).collect(),
            company: line(&desk.playbook().setup.company.name),
            now: Reader::of(console).at(console.suite.now()),
            mistakes: desk.mistakes().is_some(),
            refresh: None,
        }
    }

    /// The same, for a page that people leave open.
    pub(super) fn refreshing(self) -> Self {
        Self { refresh: Some(5), ..self }
    }
}

impl Reader {
    /// Who reads now, in the time zone of the playbook.
    pub(super) fn of(console: &Console) -> Self {
        let zone = console.suite.desk().playbook().setup.time_zone.get().clone();
        Self { now: console.suite.now(), zone }
    }

    /// A moment as date and time.
    pub(super) fn at(&self, at: Timestamp) -> Moment {
        let full = at.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        Moment { machine: at.to_string(), text: full.clone(), full }
    }

    /// A moment as one says it now: how long ago, or how long till then.
    pub(super) fn said(&self, at: Timestamp) -> Moment {
        let ahead = at.duration_since(self.now);
        let text = if ahead.is_positive() {
            let days = ahead.as_hours() / 24;
            match days {
                0..2 => format!("in {}", words::lasting(u64::try_from(ahead.as_millis()).unwrap_or(0), Language::En)),
                _ => format!("in {days} days"),
            }
        } else {
            words::when(at, self.now, &self.zone, Language::En)
        };
        Moment { text, ..self.at(at) }
    }
}

/// Where a lead stands, in a word.
pub(super) fn stage(stage: Stage) -> &'static str {
    words::stage(stage, Language::En)
}

/// A page as HTML.
pub(super) fn render(page: &impl Template) -> Result<Response, Refusal> {
    Ok(Html(page.render()?).into_response())
}

/// An answer for programs, laid out for people too.
pub(super) fn json(value: &impl Serialize) -> Result<Response, Refusal> {
    let mut text = serde_json::to_string_pretty(value).map_err(anyhow::Error::from)?;
    text.push('\n');
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

pub(super) async fn style() -> Response {
    let style = [answer::style::BASE, include_str!("../../templates/style.css")].concat();
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], style).into_response()
}
