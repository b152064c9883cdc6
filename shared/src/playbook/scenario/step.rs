//! The steps of a scenario.

use serde::{Deserialize, Serialize};

use super::{DateAttribute, is_default};
use crate::condition::{Condition, What};
use crate::id::{MailId, StepId, WayId};
use crate::playbook::Text;
use crate::playbook::mailing::Day;
use crate::playbook::span::Span;

/// One step. Each has an id that stays the same when the scenario is edited: by it a lead under way finds its place again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Step {
    /// Sends a mail.
    Mail(MailStep),
    /// Waits for a time.
    Wait(WaitStep),
    /// Waits until a weekday and an hour.
    WaitUntil(WaitUntilStep),
    /// Waits until a day that is known of the lead.
    WaitDate(WaitDateStep),
    /// Waits until the lead does something, with a time limit.
    WaitFor(WaitForStep),
    /// Takes the first way whose condition holds.
    Branch(BranchStep),
    /// Parts the leads by shares; the same lead always takes the same way.
    Split(SplitStep),
    /// Sends mails one after the other, none of them twice to the same lead.
    Series(SeriesStep),
    /// Asks one question by mail, and takes the way of the answer.
    Ask(AskStep),
    /// Sets an attribute.
    Set(SetStep),
    /// Tells the lead's salesperson something.
    Notify(NotifyStep),
    /// Ends the scenario.
    Stop(StopStep),
    /// Goes on at another step.
    GoTo(GoToStep),
}

/// What to do with a step that comes late, since everything stood still: by more than an hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Late {
    /// Do it now.
    #[default]
    Do,
    /// Do it when the window opens the next time.
    NextWindow,
    /// Leave it out.
    Skip,
}

/// Sends a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct MailStep {
    /// The step's id.
    pub id: StepId,
    /// The mail, as its file is named. Its subjects are shared out among the leads.
    pub send: MailId,
    /// What to do if it comes late.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: Late,
}

/// Waits for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct WaitStep {
    /// The step's id.
    pub id: StepId,
    /// How long.
    #[serde(rename = "for")]
    pub span: Span,
}

/// Waits until a weekday and an hour, in the scenario's zone; on such a day before the hour it waits for that hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct WaitUntilStep {
    /// The step's id.
    pub id: StepId,
    /// One of these days.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub days: Vec<Day>,
    /// The hour.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0, max = 23)))]
    pub hour: u32,
}

/// Waits until a day that is known of the lead. Where there is no such date, or it is past, the lead goes on at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct WaitDateStep {
    /// The step's id.
    pub id: StepId,
    /// The day.
    pub date: DateAttribute,
}

/// Waits until the lead does something, from the moment on at which the step before was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct WaitForStep {
    /// The step's id.
    pub id: StepId,
    /// What.
    pub did: What,
    /// How long at most.
    pub within: Span,
    /// What happens when it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Step>,
    /// What happens when it does not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Step>,
}

/// Takes the first way whose condition holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct BranchStep {
    /// The step's id.
    pub id: StepId,
    /// The ways.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub ways: Vec<Way>,
    /// What happens when none of them fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Step>,
}

/// One way of a branch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Way {
    /// Its id, which differs from those of the step's other ways.
    pub id: WayId,
    /// Who takes it.
    pub when: Condition,
    /// What happens on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// Parts the leads by shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct SplitStep {
    /// The step's id.
    pub id: StepId,
    /// The ways.
    #[cfg_attr(feature = "authoring", schemars(length(min = 2)))]
    pub ways: Vec<Share>,
}

/// One way of a split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Share {
    /// Its id, which differs from those of the step's other ways.
    pub id: WayId,
    /// How many take it, in relation to the other ways.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 1_000)))]
    pub share: u32,
    /// What happens on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// Sends mails one after the other. One that the lead has had already, from here or elsewhere, is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct SeriesStep {
    /// The step's id.
    pub id: StepId,
    /// The mails, in order.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub mails: Vec<MailId>,
    /// How long after each of them the next one goes out; the step is over so long after the last.
    pub every: Span,
    /// What to do with one that comes late.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: Late,
}

/// Asks one question by mail: the mail shows it where its text says `{{ question }}`, each answer as a link to a page on
/// which it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct AskStep {
    /// The step's id.
    pub id: StepId,
    /// The mail.
    pub send: MailId,
    /// The question.
    pub question: Text,
    /// The attribute that keeps the answer's id: it outranks what forms and lists say.
    pub attribute: String,
    /// The answers.
    #[cfg_attr(feature = "authoring", schemars(length(min = 2, max = 10)))]
    pub answers: Vec<Answer>,
    /// How long at most.
    pub within: Span,
    /// What happens when no answer comes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Step>,
    /// What to do if it comes late.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: Late,
}

/// One answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Answer {
    /// Its id, which differs from those of the other answers: what the attribute keeps.
    pub id: WayId,
    /// What readers see.
    pub text: Text,
    /// What happens when it is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
}

/// Sets an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct SetStep {
    /// The step's id.
    pub id: StepId,
    /// The attribute's name.
    pub attribute: String,
    /// Its value; an empty one ("") takes the attribute away.
    #[cfg_attr(feature = "authoring", schemars(length(min = 0)))]
    pub to: String,
}

/// Tells the lead's salesperson something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct NotifyStep {
    /// The step's id.
    pub id: StepId,
    /// What.
    pub say: Text,
    /// What to do if it comes late.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: Late,
}

/// Ends the scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct StopStep {
    /// The step's id.
    pub id: StepId,
}

/// Goes on at another step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct GoToStep {
    /// The step's id.
    pub id: StepId,
    /// The id of the step to go on at.
    pub step: StepId,
}

impl Step {
    /// The step's id.
    #[must_use]
    pub fn id(&self) -> &StepId {
        match self {
            Self::Mail(step) => &step.id,
            Self::Wait(step) => &step.id,
            Self::WaitUntil(step) => &step.id,
            Self::WaitDate(step) => &step.id,
            Self::WaitFor(step) => &step.id,
            Self::Branch(step) => &step.id,
            Self::Split(step) => &step.id,
            Self::Series(step) => &step.id,
            Self::Ask(step) => &step.id,
            Self::Set(step) => &step.id,
            Self::Notify(step) => &step.id,
            Self::Stop(step) => &step.id,
            Self::GoTo(step) => &step.id,
        }
    }

    /// The lists of steps that it holds, in the order in which they stand.
    #[must_use]
    pub fn lists(&self) -> Vec<&[Step]> {
        match self {
            Self::WaitFor(step) => vec![&step.then, &step.otherwise],
            Self::Branch(step) => step.ways.iter().map(|way| &*way.steps).chain([&*step.otherwise]).collect(),
            Self::Split(step) => step.ways.iter().map(|way| &*way.steps).collect(),
            Self::Ask(step) => step.answers.iter().map(|answer| &*answer.steps).chain([&*step.otherwise]).collect(),
            Self::Mail(_)
            | Self::Wait(_)
            | Self::WaitUntil(_)
            | Self::WaitDate(_)
            | Self::Series(_)
            | Self::Set(_)
            | Self::Notify(_)
            | Self::Stop(_)
            | Self::GoTo(_) => vec![],
        }
    }
}
