//! For whom, when and by which playbook the page is written; and how text from outside gets onto it.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use michi::mail::text::cleaned;
use michi::playbook::{Language, Playbook};

use super::phrases;
use super::words::Words;

/// The longest line that anything from outside gets, in characters.
const LINE: usize = 120;
/// The longest text of many lines, in characters: an inquiry is read whole, a flood is not.
const TEXT: usize = 4_000;

/// The reader's point of view.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) playbook: &'a Playbook,
    pub(crate) now: Timestamp,
    pub(crate) zone: &'a TimeZone,
    pub(crate) language: Language,
    pub(crate) words: &'static Words,
}

/// A moment, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// RFC 3339, for `<time datetime>`.
    pub(crate) machine: String,
    /// Date and time of day, for those who point at it.
    pub(crate) full: String,
    /// What is read.
    pub(crate) text: String,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(playbook: &'a Playbook, now: Timestamp, language: Language) -> Self {
        Self { playbook, now, zone: playbook.setup.time_zone.get(), language, words: Words::of(language) }
    }

    /// A moment as one says it now.
    pub(crate) fn when(&self, at: Timestamp) -> Stamp {
        self.stamp(at, phrases::when(&self.zoned(at), &self.zoned(self.now), self.language))
    }

    /// A moment as date and time.
    pub(crate) fn moment(&self, at: Timestamp) -> Stamp {
        self.stamp(at, phrases::moment(&self.zoned(at), self.language))
    }

    /// The time of day.
    pub(crate) fn clock(&self, at: Timestamp) -> Stamp {
        self.stamp(at, self.zoned(at).strftime("%H:%M").to_string())
    }

    /// A moment in the playbook's time zone.
    pub(crate) fn zoned(&self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }

    fn stamp(&self, at: Timestamp, text: String) -> Stamp {
        Stamp { machine: at.to_string(), full: phrases::moment(&self.zoned(at), self.language), text }
    }

    /// Where a page's address may lead from here: only to the company's own sites, since a visitor can send any address.
    pub(crate) fn own_page(&self, url: &str) -> Option<String> {
        let behind_scheme = url.find("://")? + 3;
        let end = url.get(behind_scheme..)?.find(['/', '?', '#']).map_or(url.len(), |at| behind_scheme + at);
        self.playbook.allows_origin(url.get(..end)?).then(|| web(url)).flatten()
    }
}

/// The address as a link's target, if it leads to the web and nowhere else.
pub(crate) fn web(url: &str) -> Option<String> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase())?;
    let clean = !url.chars().any(|c| c.is_control() || c.is_whitespace()) && url.len() <= 2_000;
    (clean && matches!(scheme.as_str(), "http" | "https")).then(|| url.to_owned())
}

/// One line of text from outside.
pub(crate) fn line(text: &str) -> String {
    cleaned(text, LINE)
}

/// Text from outside that may have lines of its own.
pub(crate) fn lines(text: &str) -> String {
    let end = text.char_indices().nth(TEXT).map(|(at, _)| at);
    let short = end.and_then(|end| text.get(..end)).unwrap_or(text);
    let mut lines: Vec<String> = short.lines().map(|line| cleaned(line, TEXT)).collect();
    lines.dedup_by(|a, b| a.is_empty() && b.is_empty());
    let mut text = lines.join("\n").trim().to_owned();
    if end.is_some() {
        text.push('…');
    }
    text
}
