//! The lead page as a salesperson reads it: a pure function of (playbook, lead, where it is under way, now, language).
//!
//! - `reader`: for whom and when it is written, and how text from outside gets onto it
//! - `person`: who it is, where they stand, what is known
//! - `permitted`: what mail may be sent, and why
//! - `scores`: fit and interest with every reason, in `points` that visibly sum
//! - `under_way`: where they stand in scenarios
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
mod under_way;
mod words;

use askama::Template;
use jiff::Timestamp;
use michi::fold::Folded;
use michi::playbook::{Language, Playbook};

use permitted::Permitted;
use person::{Known, Person, Standing};
use reader::{Reader, Stamp};
use scores::{FitView, InterestView};
use timeline::Timeline;
use under_way::Course;
pub use under_way::UnderWay;
use words::Words;

use crate::style::LEAD as STYLE;

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
    under_way: Vec<Course>,
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
    under_way: &'a [Course],
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
        let Self { words, person, standing, fit, interest, under_way, timeline, known, permitted, unconfirmed, .. } = self;
        let unconfirmed = *unconfirmed;
        Plain { words, person, standing, fit, interest, under_way, timeline, known, permitted, unconfirmed }.render()
    }

    /// Writes the page. `folded` is what the lead's log amounts to at `now` by `playbook`, the live one.
    #[must_use]
    pub fn new(playbook: &Playbook, folded: &Folded<'_>, under_way: &[UnderWay], now: Timestamp, language: Language) -> Self {
        let reader = Reader::new(playbook, now, language);
        let (lead, history) = (&folded.lead, folded.history());
        Self {
            words: reader.words,
            company: playbook.setup.company.name.clone(),
            as_of: reader.moment(now),
            person: person::person(lead, &reader),
            standing: person::standing(lead, &reader),
            fit: scores::fit(lead, &reader),
            interest: scores::interest(lead, history, &reader),
            under_way: under_way::courses(under_way, &reader),
            timeline: timeline::timeline(lead, history, &reader),
            known: person::known(lead, &reader),
            permitted: permitted::permitted(lead, history, &reader),
            unconfirmed: history.iter().any(|step| step.unconfirmed),
        }
    }
}
