//! The lead page as a salesperson reads it: a pure function of (playbook, lead, log, now, language).
//!
//! - `reader`: for whom and when it is written, and how text from outside gets onto it
//! - `person`: who it is, where they stand, what is known
//! - `permitted`: what mail may be sent, and why
//! - `scores`: fit and interest with every reason, in `points` that visibly sum
//! - `timeline`, `entry`, `about`: what happened
//! - `words`, `phrases`: the page's labels, and what it says with a number in it

mod about;
mod entry;
mod permitted;
mod person;
pub(crate) mod phrases;
mod points;
mod reader;
mod scores;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use askama::Template;
use jiff::Timestamp;
use michi::activity::Log;
use michi::fold;
use michi::lead::Lead;
use michi::playbook::{Language, Playbook};

use permitted::Permitted;
use person::{Known, Person, Standing};
use reader::{Reader, Stamp};
use scores::{FitView, InterestView};
use timeline::Timeline;
use words::Words;

use crate::STYLE;

/// Everything on the page, in words. It renders itself as HTML, where whatever came from outside is plain text.
#[derive(Debug, Template)]
#[template(path = "lead.html")]
pub struct Page {
    words: &'static Words,
    company: String,
    as_of: Stamp,
    person: Person,
    standing: Standing,
    fit: FitView,
    interest: InterestView,
    timeline: Timeline,
    known: Vec<Known>,
    permitted: [Permitted; 2],
    /// Whether anything on the page is only claimed.
    unconfirmed: bool,
}

/// The same for a terminal: what the page hides behind a touch is told in sums.
#[derive(Template)]
#[template(path = "lead.txt", escape = "none")]
struct Plain<'a> {
    words: &'static Words,
    person: &'a Person,
    standing: &'a Standing,
    fit: &'a FitView,
    interest: &'a InterestView,
    timeline: &'a Timeline,
    known: &'a [Known],
    permitted: &'a [Permitted],
    unconfirmed: bool,
}

impl Page {
    /// The page as plain text, for whoever looks in without a browser.
    ///
    /// # Errors
    /// None that could come of what is shown.
    pub fn plain(&self) -> Result<String, askama::Error> {
        let Self { words, person, standing, fit, interest, timeline, known, permitted, unconfirmed, .. } = self;
        let unconfirmed = *unconfirmed;
        Plain { words, person, standing, fit, interest, timeline, known, permitted, unconfirmed }.render()
    }

    /// Writes the page. `lead` is what `log` amounts to at `now` by `playbook`.
    #[must_use]
    pub fn new(playbook: &Playbook, lead: &Lead, log: &Log, now: Timestamp, language: Language) -> Self {
        let reader = Reader::new(playbook, now, language);
        let history = fold::history(playbook, log, now);
        Self {
            words: reader.words,
            company: playbook.setup.company.name.clone(),
            as_of: reader.moment(now),
            person: person::person(lead, &reader),
            standing: person::standing(lead, &history, &reader),
            fit: scores::fit(lead, &reader),
            interest: scores::interest(lead, &history, &reader),
            timeline: timeline::timeline(lead, &history, &reader),
            known: person::known(lead, &reader),
            permitted: permitted::permitted(lead, &history, &reader),
            unconfirmed: history.iter().any(|step| step.unconfirmed),
        }
    }
}
