//! Signals hint at a machine and are stored; the verdict is derived from them, so it can change.
//!
//! - [`mail`]: what else is known of a mail that was opened or clicked

pub mod mail;
mod robots;

use serde::{Deserialize, Serialize};

/// What hints at a machine, as seen when a record was taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Signals {
    /// What the user agent says it is.
    #[serde(default, skip_serializing_if = "UserAgent::is_browser")]
    pub user_agent: UserAgent,
    /// The browser itself says that a program drives it (`navigator.webdriver`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automated: bool,
    /// The request was a HEAD.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub head: bool,
    /// Milliseconds since the mail was handed over to be sent, as its message said when it was clicked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_sent: Option<u64>,
}

/// What a user agent says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserAgent {
    /// A browser, as far as it tells.
    #[default]
    Browser,
    /// It sent none.
    Missing,
    /// A robot, by the word in it that gives it away.
    Robot(String),
}

/// Whether a person did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As far as can be told.
    Human,
    /// It counts for nothing.
    Machine,
    /// It counts for nothing until more is known.
    Unclear,
}

impl UserAgent {
    /// Reads a `User-Agent` header; an empty one is none.
    #[must_use]
    pub fn of(header: Option<&str>) -> Self {
        match header.map(str::trim).filter(|text| !text.is_empty()) {
            None => Self::Missing,
            Some(text) => robots::word_in(text).map_or(Self::Browser, Self::Robot),
        }
    }

    fn is_browser(&self) -> bool {
        *self == Self::Browser
    }
}

impl Signals {
    /// What a `User-Agent` header alone hints at.
    #[must_use]
    pub fn of(user_agent: Option<&str>) -> Self {
        Self { user_agent: UserAgent::of(user_agent), ..Self::default() }
    }

    /// Whether there is nothing to store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What the signals say. It is asked of browsers only: a customer's server that sends by its secret key is a machine
    /// that speaks for people.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.user_agent {
            UserAgent::Robot(_) => Verdict::Machine,
            _ if self.automated || self.head => Verdict::Machine,
            UserAgent::Missing => Verdict::Unclear,
            UserAgent::Browser => Verdict::Human,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_signal_of_a_machine_is_enough() {
        let browser = Signals::of(Some("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"));
        assert!(browser.is_empty());
        assert_eq!(browser.verdict(), Verdict::Human);
        assert_eq!(Signals { automated: true, ..browser.clone() }.verdict(), Verdict::Machine);
        assert_eq!(Signals { head: true, ..browser }.verdict(), Verdict::Machine);
        assert_eq!(Signals::of(Some("curl/8.5.0")).verdict(), Verdict::Machine);
        assert_eq!(Signals::of(Some(" ")).verdict(), Verdict::Unclear);
        assert_eq!(Signals::of(None), Signals { user_agent: UserAgent::Missing, ..Signals::default() });
    }
}
