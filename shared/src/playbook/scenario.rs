//! `scenarios/NAME.yaml`: when, to whom, what and how.
//!
//! A scenario is a list of steps, some of which have lists of their own. Whoever has passed the last step of such a list
//! goes on behind the step that holds it; behind the last step of all the scenario ends. So no step can dangle, and the
//! only reference, `go_to`, is checked before the playbook goes live.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Text;
use super::mailing::Day;
use super::span::{Offset, Span};
use crate::condition::{Condition, What};
use crate::id::{ClassId, FormId, MailId, RuleId, StepId, WayId};
use crate::lead::{Cell, Stage};

/// One scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Scenario {
    /// What people call it.
    pub name: Text,
    /// What lets a lead in.
    pub trigger: Trigger,
    /// Whether those are let in who meet the trigger already when the scenario goes live.
    #[serde(default, skip_serializing_if = "is_default")]
    pub who: Who,
    /// Who of them enters; none: everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<Condition>,
    /// What it is for: who reaches it leaves, and is counted as won.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Condition>,
    /// What else ends it, by name; looked at before every step, the goal first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub exits: BTreeMap<RuleId, Condition>,
    /// Whether a lead may enter again after it has left.
    #[serde(default, skip_serializing_if = "is_default")]
    pub again: Again,
    /// What becomes of a lead that sales takes in hand.
    #[serde(default, skip_serializing_if = "is_default")]
    pub in_sales: InSales,
    /// When its mails and notices go out; none: at any time that the playbook's own window allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<ScenarioWindow>,
    /// What becomes of leads under way when a changed version goes live.
    #[serde(default, skip_serializing_if = "is_default")]
    pub under_way: UnderWay,
    /// What happens, in order.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub steps: Vec<Step>,
}

/// What lets a lead in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Trigger {
    /// It sends a form of this class.
    Form(ClassId),
    /// It sends this form.
    FormNamed(FormId),
    /// It does something of the customer's own, by the name it is tracked under.
    Track(String),
    /// It comes to one of these stages.
    Stage(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Stage>),
    /// It comes into one of these cells.
    Cell(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Cell>),
    /// It comes into this segment.
    Segment(RuleId),
    /// A day that is known of it comes near or has passed.
    Date(DateAttribute),
    /// Somebody says so with `michi enroll`, and nothing else does.
    ByHand,
}

/// A moment counted from a date that is known of the lead: written as 2027-03-31, in the scenario's zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct DateAttribute {
    /// The attribute that holds the date.
    pub attribute: String,
    /// So long before (-30d) or after (30d) it; none: on the day itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<Offset>,
    /// At this hour.
    #[serde(default = "morning")]
    #[cfg_attr(feature = "authoring", schemars(range(min = 0, max = 23)))]
    pub hour: u32,
}

fn morning() -> u32 {
    9
}

/// Whom a trigger means that is a state: those who come into it, or those who are in it when the scenario goes live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Who {
    /// Those who come into it from now on.
    #[default]
    New,
    /// Those who are in it when the scenario goes live.
    Existing,
    /// Both.
    Both,
}

/// Whether a lead may enter again after it has left; while it is under way it never enters a second time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Again {
    /// Once is all.
    #[default]
    Never,
    /// Each time.
    Always,
    /// So long after it left.
    After(Span),
}

/// What becomes of a lead that sales takes in hand, or that is disqualified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum InSales {
    /// It leaves: who is spoken with gets no mass mail.
    #[default]
    Leave,
    /// It goes on; the send gate still holds marketing mail back.
    Stay,
}

/// When a scenario's mails and notices go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct ScenarioWindow {
    /// Days of the week.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub days: Vec<Day>,
    /// From this hour on.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0, max = 23)))]
    pub from: u32,
    /// Until this hour.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 24)))]
    pub to: u32,
    /// By whose clock.
    #[serde(default, skip_serializing_if = "is_default")]
    pub zone: WhoseZone,
}

/// By whose clock days and hours count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum WhoseZone {
    /// The playbook's.
    #[default]
    Company,
    /// The lead's, by its attribute `time_zone`; the playbook's if that is not known or is none.
    Lead,
}

/// What becomes of leads under way when a changed version goes live. A scenario that is taken away ends for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum UnderWay {
    /// They go on by the new version from the step of the same id; where that is gone, they leave.
    #[default]
    Move,
    /// They go on by the version they entered.
    Stay,
    /// They go on by the version they entered, and nobody enters any more.
    Drain,
}

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
    /// Its value; empty takes it away.
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

impl Scenario {
    /// The scenario's own version: the digest of its compiled form. A change elsewhere in the playbook leaves it as it is.
    #[must_use]
    pub fn version(&self) -> String {
        crate::id::derive(&["scenario", &serde_json::to_string(self).unwrap_or_default()])
    }
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

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
