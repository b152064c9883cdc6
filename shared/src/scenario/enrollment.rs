//! One lead in one scenario: where it stands, what it waits for, and what is said of that in its log.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{
    ActivityId, EnrollmentId, LeadId, MailId, MessageId, PlaybookVersion, RuleId, ScenarioId, StepId, WayId, derive,
};
use crate::playbook::mail::Version;
use crate::playbook::{Language, Playbook, Text};

/// One lead in one scenario. It is there as long as the lead is under way; what has become of it stands in the lead's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enrollment {
    /// Its id, from scenario, lead and what let it in.
    pub id: EnrollmentId,
    /// Who.
    pub lead: LeadId,
    /// Which scenario.
    pub scenario: ScenarioId,
    /// The playbook by which the lead goes along it.
    pub playbook: PlaybookVersion,
    /// The scenario's own version in it.
    pub version: String,
    /// When the lead entered.
    pub entered: Timestamp,
    /// Where it stands.
    pub place: Place,
    /// What it waits for there.
    pub waiting: Waiting,
    /// When it is looked at next.
    pub due: Timestamp,
    /// How often it has come to each step, where that is more than never.
    pub visits: BTreeMap<StepId, u32>,
    /// The day on which it took its newest step, and how many it took on that day.
    pub day: Option<(Date, u32)>,
    /// Its newest mail: the next one waits until that has been sent or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MessageId>,
    /// How often in a row it could not be advanced.
    #[serde(default)]
    pub tries: u32,
    /// Goes up by one with each save: who writes names the revision that was read.
    pub revision: u64,
}

/// Where an enrollment stands: before this step, which is not done yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The step.
    pub step: StepId,
    /// For the how many-th time, from 1.
    pub visit: u32,
    /// The moment for which it was planned, so that a sweep's delay does not add up. A wait that begins later than that by
    /// more than [`GRACE`](super::GRACE) begins when it came.
    pub since: Timestamp,
}

/// What an enrollment waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waiting {
    /// Nothing: the step is to be taken.
    Nothing,
    /// A moment: the wait's end, or the opening of the window.
    Until(Timestamp),
    /// Something the lead does, at most until then.
    Behaviour {
        /// Until when.
        until: Timestamp,
    },
    /// The answer to a question that was owed with this message, at most until then.
    Answer {
        /// The message.
        message: MessageId,
        /// Until when.
        until: Timestamp,
    },
    /// The mail before this one to be sent or given up.
    Mail(MessageId),
    /// The next mail of a series.
    Series {
        /// From when on.
        until: Timestamp,
        /// Its mails that this visit is done with, sent or not.
        done: Vec<MailId>,
    },
    /// Somebody to go on with it: it is paused.
    Resume {
        /// What it waited for before.
        before: Box<Waiting>,
    },
}

/// What let a lead in: with scenario and lead it makes the enrollment's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// What it did.
    Activity(ActivityId),
    /// It came into the state; it had entered so often before.
    State(u32),
    /// A date that is known of it, as written.
    Date(String),
    /// Somebody enrolled it, on this occasion.
    ByHand(String),
}

/// One step that was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// The step.
    pub step: StepId,
    /// For the how many-th time, from 1.
    pub visit: u32,
    /// How.
    pub how: Passing,
}

/// How a step was passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passing {
    /// It was done.
    Done,
    /// A mail is owed.
    Mailed {
        /// Which.
        mail: MailId,
        /// The message.
        message: MessageId,
        /// With which of its subjects.
        subject: Subject,
    },
    /// By this way of a branch, a split or a question.
    Way(WayId),
    /// What was waited for came.
    Came,
    /// None of the ways fitted, or what was waited for did not come in time.
    Otherwise,
    /// There is no such date, or it cannot be read.
    NoDate,
    /// The date had passed.
    PastDate,
    /// All mails of the series have been had.
    Exhausted,
    /// It was left out.
    Skipped(Skip),
    /// It was not passed: the lead left the scenario before it.
    LeftHere,
}

/// A subject of a mail as it was when a letter was owed: mails are edited and have several languages, and what came of one
/// wording says nothing of another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subject {
    /// The language of the mail.
    pub language: Language,
    /// Its place among the mail's subjects, from 0.
    pub number: u16,
    /// A digest of its words.
    pub words: String,
}

impl Subject {
    /// One of the subjects of a mail in this language; none: it has not so many.
    #[must_use]
    pub fn of(language: Language, version: &Version, number: u16) -> Option<Self> {
        version.subjects.get(usize::from(number)).map(|words| Self { language, number, words: Self::digest(words) })
    }

    /// Its words, if the playbook's mail has them still, in whatever place.
    #[must_use]
    pub fn text<'p>(&self, mail: &MailId, playbook: &'p Playbook) -> Option<&'p str> {
        let subjects = &playbook.mail(mail)?.versions.get(&self.language)?.subjects;
        subjects.iter().find(|words| Self::digest(words) == self.words).map(String::as_str)
    }

    fn digest(words: &str) -> String {
        derive(&["subject", words]).chars().take(6).collect()
    }
}

/// Why a step was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// It came late, and says to leave it out then.
    Late,
    /// The lead has had the mail already, or it is on its way by another cause.
    Had,
    /// The playbook has no such mail, or the mail could not be made for the lead.
    NoMail,
    /// There is nobody to tell.
    NoOwner,
}

/// What a step asks for beside moving on; it is saved in the same transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Owed {
    /// A mail to the lead.
    Mail {
        /// The message.
        message: MessageId,
        /// Which mail.
        mail: MailId,
        /// Which of its subjects, from 0.
        subject: u16,
        /// The step that owes it: of an `ask` step the mail asks the question.
        step: StepId,
    },
    /// A notice to the lead's salesperson.
    Notice {
        /// The message.
        message: MessageId,
        /// What it says.
        say: Text,
    },
    /// An attribute to be set.
    Attribute {
        /// Its name.
        name: String,
        /// Its value; empty takes it away.
        value: String,
    },
}

/// Why an enrollment ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Left {
    /// It came to the end.
    End,
    /// It reached the goal.
    Goal,
    /// One of the scenario's exits.
    Exit(RuleId),
    /// A step that ends it.
    Stopped(StepId),
    /// The lead wants no marketing mail, or none may be sent to it.
    Unsubscribed,
    /// Sales has the lead in hand, or wants no more of it.
    InSales,
    /// The step it stood at was taken away.
    StepGone,
    /// The scenario was taken away.
    ScenarioGone,
    /// Somebody ended it.
    ByHand,
    /// The lead was merged into another, which goes its own ways.
    Merged,
}

impl Left {
    /// Whether a letter that is still to go out goes no more: the lead did not come to the scenario's own end, so what was
    /// to be said on the way does not fit any more.
    #[must_use]
    pub fn withdraws_mail(&self) -> bool {
        match self {
            Self::End | Self::Stopped(_) => false,
            Self::Goal
            | Self::Exit(_)
            | Self::Unsubscribed
            | Self::InSales
            | Self::StepGone
            | Self::ScenarioGone
            | Self::ByHand
            | Self::Merged => true,
        }
    }
}

impl Enrollment {
    /// The id of a lead's enrollment in a scenario by what let it in.
    #[must_use]
    pub fn id(scenario: &ScenarioId, lead: &LeadId, entry: &Entry) -> EnrollmentId {
        let place;
        let [kind, key] = match entry {
            Entry::Activity(activity) => ["activity", activity.as_str()],
            Entry::State(before) => {
                place = before.to_string();
                ["state", &place]
            }
            Entry::Date(date) => ["date", date],
            Entry::ByHand(occasion) => ["by hand", occasion],
        };
        EnrollmentId::derive(&["enrollment", scenario.as_str(), lead.as_str(), kind, key])
    }

    /// The id of the message that a visit of a step owes. `what` is the mail, since an edit may put another in its place.
    #[must_use]
    pub fn message(&self, step: &StepId, visit: u32, number: u16, what: &str) -> MessageId {
        MessageId::derive(&["scenario", self.id.as_str(), step.as_str(), &visit.to_string(), &number.to_string(), what])
    }

    /// The id of the record that says what became of it from this revision on.
    #[must_use]
    pub fn record(&self) -> ActivityId {
        ActivityId::derive(&["advanced", self.id.as_str(), &self.revision.to_string()])
    }
}
