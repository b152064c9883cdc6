//! What came of a scenario: counted from the logs of the leads that entered it, and from the letters it owed them.
//!
//! A number is a [`Figure`] at a place; a lead is behind it when [`marks`] says so, and the same function finds the leads
//! again. What each figure means stands in `words`, and nowhere else.

mod interval;
mod letters;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::enrollment::{Enrollment, Left, Passed, Passing, Skip, Subject};
use crate::activity::Kind;
use crate::fold::Step;
use crate::id::{EnrollmentId, MailId, MessageId, ScenarioId, StepId, WayId};
use crate::lead::Stage;
use crate::mail::broadcast::Unsent;
use crate::mail::gate::Deferral;
use crate::mail::message::{Event, Message, Report as OfLetter, State, told_of};
use crate::mail::results::{Deeds, unsent};

pub use interval::wilson;
pub use letters::Letters;
pub use words::{DEFINED, Defined};

/// What is counted. Of the scenario and of its steps runs are counted, of letters letters: a lead that enters anew is a new
/// run, and each letter goes to one person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "what each means stands in `words`, for readers of the numbers, too")]
pub enum Figure {
    Entered,
    UnderWay,
    Goal,
    Mql,
    Left(Left),
    Reached,
    Waiting,
    Done,
    Way(WayId),
    Came,
    Otherwise,
    NoDate,
    PastDate,
    Exhausted,
    Skipped(Skip),
    LeftHere,
    Owed,
    Pending,
    PutOff(Deferral),
    Unknown,
    Sent,
    Unsent(Unsent),
    Held,
    Gone,
    Delivered,
    Bounced,
    Complained,
    Opened,
    Clicked,
    Unsubscribed,
    Won,
}

/// A letter as it can be told from others of the same step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Variant {
    /// Which mail.
    pub mail: MailId,
    /// With which subject.
    pub subject: Subject,
}

/// A figure at its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// The scenario's own version by which it came about.
    pub version: String,
    /// The step; none: it is of the scenario as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The letter; none: it is of no letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letter: Option<Variant>,
    /// What was so of the lead when the letter was owed, or when it entered, where that is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What.
    pub figure: Figure,
}

/// What is known of one lead.
pub struct Known<'k> {
    /// What happened, as [`history`](crate::fold::history) says it.
    pub history: &'k [Step<'k>],
    /// The letters to it that are there.
    pub letters: &'k [Message],
    /// Its open enrollments.
    pub open: &'k [Enrollment],
    /// What was so of it at a moment, where that is asked.
    pub by: Option<&'k dyn Fn(Timestamp) -> String>,
}

/// One run of a scenario.
struct Run<'k> {
    scenario: &'k ScenarioId,
    /// The version by which it began.
    version: &'k str,
    began: Timestamp,
    /// What it passed, by which version and when.
    passed: Vec<(&'k Passed, &'k str, Timestamp)>,
    /// Why it ended, by which version and when.
    left: Option<(&'k Left, &'k str, Timestamp)>,
}

/// Every figure behind which the lead stands, by scenario: each counts one.
#[must_use]
pub fn marks(known: &Known<'_>) -> Vec<(ScenarioId, Mark)> {
    let letters: BTreeMap<&MessageId, &Message> = known.letters.iter().map(|letter| (&letter.id, letter)).collect();
    let of_run = |(id, run): (&EnrollmentId, Run<'_>)| -> Vec<(ScenarioId, Mark)> {
        let open = known.open.iter().find(|open| open.id == *id);
        let whole = run.whole(known).into_iter().chain(run.steps(open));
        let all = whole.chain(run.letters(known, &letters));
        all.map(|mark| (run.scenario.clone(), mark)).collect()
    };
    runs(known.history).into_iter().flat_map(of_run).collect()
}

fn runs<'k>(history: &'k [Step<'k>]) -> BTreeMap<&'k EnrollmentId, Run<'k>> {
    let mut runs: BTreeMap<&EnrollmentId, Run<'k>> = BTreeMap::new();
    for step in history {
        let (Kind::Enrolled { scenario, enrollment, version, .. } | Kind::Advanced { scenario, enrollment, version, .. }) =
            &step.activity.kind
        else {
            continue;
        };
        let at = step.activity.at;
        let run = runs.entry(enrollment).or_insert(Run { scenario, version, began: at, passed: vec![], left: None });
        if let Kind::Advanced { passed, left, .. } = &step.activity.kind {
            run.passed.extend(passed.iter().map(|passed| (passed, version.as_str(), at)));
            run.left = run.left.or(left.as_ref().map(|left| (left, version.as_str(), at)));
        }
    }
    runs
}

impl Run<'_> {
    /// What is counted of the scenario as a whole, and once more by what was so of the lead when it entered.
    fn whole(&self, known: &Known<'_>) -> Vec<Mark> {
        let mark = |version: &str, figure| Mark { version: version.to_owned(), step: None, letter: None, by: None, figure };
        let end = self.left.map_or(Timestamp::MAX, |(.., at)| at);
        let during = |step: &&Step<'_>| step.activity.at >= self.began && step.activity.at <= end;
        let mut moves = known.history.iter().filter(during);
        let won = moves.any(|step| matches!(step.activity.kind, Kind::StageMoved { to: Stage::Mql, .. }));
        let newest = self.passed.last().map_or(self.version, |(_, version, _)| version);
        let how = match self.left {
            None => mark(newest, Figure::UnderWay),
            Some((Left::Goal, version, _)) => mark(version, Figure::Goal),
            Some((left, version, _)) => mark(version, Figure::Left(left.clone())),
        };
        let won = won.then(|| mark(newest, Figure::Mql));
        let mut all: Vec<Mark> = [mark(self.version, Figure::Entered), how].into_iter().chain(won).collect();
        if let Some(by) = known.by.map(|by| by(self.began)) {
            let told: Vec<Mark> = all.iter().map(|mark| Mark { by: Some(by.clone()), ..mark.clone() }).collect();
            all.extend(told);
        }
        all
    }

    /// What is counted of its steps: each at most once, however often the run came by, and by whichever versions; by the first.
    fn steps(&self, open: Option<&Enrollment>) -> Vec<Mark> {
        let mut told: BTreeMap<(&StepId, Figure), &str> = BTreeMap::new();
        for (passed, version, _) in &self.passed {
            told.entry((&passed.step, Figure::Reached)).or_insert(version);
            if let Some(how) = passing(&passed.how) {
                told.entry((&passed.step, how)).or_insert(version);
            }
        }
        if let Some(open) = open.filter(|_| self.left.is_none()) {
            for figure in [Figure::Reached, Figure::Waiting] {
                told.entry((&open.place.step, figure)).or_insert(&open.version);
            }
        }
        let mark = |((step, figure), version): ((&StepId, Figure), &str)| Mark {
            version: version.to_owned(),
            step: Some(step.clone()),
            letter: None,
            by: None,
            figure,
        };
        told.into_iter().map(mark).collect()
    }

    /// What is counted of the letters that it owed.
    fn letters(&self, known: &Known<'_>, letters: &BTreeMap<&MessageId, &Message>) -> Vec<Mark> {
        let goal = match self.left {
            Some((Left::Goal, _, at)) => Some(at),
            _ => None,
        };
        let mut all = vec![];
        for (passed, version, at) in &self.passed {
            let Passing::Mailed { mail, message, subject } = &passed.how else { continue };
            let mut figures = letter(message, letters.get(message).copied(), known.history);
            let sent = known.history.iter().find_map(|step| match &step.activity.kind {
                Kind::MailSent { message: sent, .. } if sent == message => Some(step.activity.at),
                _ => None,
            });
            figures.extend(sent.zip(goal).filter(|(sent, goal)| sent < goal).map(|_| Figure::Won));
            let by = known.by.map(|by| by(*at));
            let mark = |figure, by: Option<String>| Mark {
                version: (*version).to_owned(),
                step: Some(passed.step.clone()),
                letter: Some(Variant { mail: mail.clone(), subject: subject.clone() }),
                by,
                figure,
            };
            all.extend(by.iter().flat_map(|by| figures.iter().map(|figure| mark(figure.clone(), Some(by.clone())))));
            all.extend(figures.iter().map(|figure| mark(figure.clone(), None)));
        }
        all
    }
}

fn passing(how: &Passing) -> Option<Figure> {
    Some(match how {
        Passing::Done => Figure::Done,
        // What came of the mail is counted with it.
        Passing::Mailed { .. } => return None,
        Passing::Way(way) => Figure::Way(way.clone()),
        Passing::Came => Figure::Came,
        Passing::Otherwise => Figure::Otherwise,
        Passing::NoDate => Figure::NoDate,
        Passing::PastDate => Figure::PastDate,
        Passing::Exhausted => Figure::Exhausted,
        Passing::Skipped(why) => Figure::Skipped(*why),
        Passing::LeftHere => Figure::LeftHere,
    })
}

/// What came of a letter; none: it is there no more, and the log alone tells.
fn letter(id: &MessageId, letter: Option<&Message>, history: &[Step<'_>]) -> Vec<Figure> {
    let told = told_of(id, history.iter().map(|step| step.activity));
    let report = letter.and_then(|letter| letter.report).max(told);
    let mut figures = vec![Figure::Owed];
    match letter.map(|letter| (letter, &letter.state)) {
        Some((_, State::Sent { .. })) => figures.push(Figure::Sent),
        // The log may know first.
        _ if report.is_some() => figures.push(Figure::Sent),
        Some((_, State::Pending { .. } | State::Claimed { .. })) => figures.push(Figure::Pending),
        Some((_, State::Unknown { .. })) => figures.push(Figure::Unknown),
        Some((letter, State::Failed | State::Expired)) => figures.push(Figure::Unsent(unsent(letter))),
        Some((_, State::Held)) => figures.push(Figure::Held),
        None => figures.push(Figure::Gone),
    }
    let put_off = letter.into_iter().flat_map(|letter| &letter.history).filter_map(|entry| match entry.event {
        Event::Deferred { why, .. } => Some(Figure::PutOff(why)),
        _ => None,
    });
    figures.extend(put_off.collect::<BTreeSet<Figure>>());
    let deeds = Deeds::of(id, history);
    for (so, figure) in [
        (matches!(report, Some(OfLetter::Delivered | OfLetter::Complained)), Figure::Delivered),
        (matches!(report, Some(OfLetter::Bounced(_))), Figure::Bounced),
        (report == Some(OfLetter::Complained), Figure::Complained),
        (deeds.opened, Figure::Opened),
        (deeds.clicked, Figure::Clicked),
        (deeds.unsubscribed, Figure::Unsubscribed),
    ] {
        figures.extend(so.then_some(figure));
    }
    figures
}

/// How many leads, runs or letters stand behind each mark.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Mark, u64)>", into = "Vec<(Mark, u64)>")]
pub struct Counts(BTreeMap<Mark, u64>);

impl From<Vec<(Mark, u64)>> for Counts {
    fn from(all: Vec<(Mark, u64)>) -> Self {
        Self(all.into_iter().collect())
    }
}

impl From<Counts> for Vec<(Mark, u64)> {
    fn from(counts: Counts) -> Self {
        counts.0.into_iter().collect()
    }
}

impl Counts {
    /// Counts one more.
    pub fn add(&mut self, mark: Mark) {
        *self.0.entry(mark).or_default() += 1;
    }

    /// Every mark with its number.
    pub fn iter(&self) -> impl Iterator<Item = (&Mark, u64)> {
        self.0.iter().map(|(mark, count)| (mark, *count))
    }

    /// What stands behind all marks of this kind together.
    pub fn sum(&self, of: impl Fn(&Mark) -> bool) -> u64 {
        self.iter().filter(|(mark, _)| of(mark)).map(|(_, count)| count).sum()
    }

    /// Only one version's.
    #[must_use]
    pub fn of_version(&self, version: &str) -> Self {
        Self(self.0.iter().filter(|(mark, _)| mark.version == version).map(|(mark, count)| (mark.clone(), *count)).collect())
    }
}

/// What came of one scenario, as it was counted at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// When.
    pub at: Timestamp,
    /// How many leads were looked at.
    pub leads: u64,
    /// How many of them could not be read: what they did is not counted.
    pub unreadable: u64,
    /// What was asked of the leads as they were when their letters were owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The numbers.
    pub counts: Counts,
}

impl Results {
    /// The name under which the results of a scenario are kept; `by` is what is asked of the leads beside.
    #[must_use]
    pub fn kept_as(scenario: &ScenarioId, by: Option<&str>) -> String {
        match by {
            None => format!("scenario#{scenario}"),
            Some(by) => format!("scenario#{scenario}#by#{by}"),
        }
    }
}

#[cfg(test)]
mod tests;
