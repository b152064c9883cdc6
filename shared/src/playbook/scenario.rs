//! `scenarios/NAME.yaml`: when, to whom, what and how.
//!
//! A scenario is a list of steps, some of which have lists of their own. Whoever has passed the last step of such a list
//! goes on behind the step that holds it; behind the last step of all the scenario ends. So no step can dangle, and the
//! only reference, `go_to`, is checked before the playbook goes live.

mod step;
pub mod words;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Text;
use super::mailing::Day;
use super::span::{Offset, Span};
use crate::condition::{Condition, What};
use crate::id::{ClassId, FormId, RuleId};
use crate::lead::{Cell, Stage};

pub use step::{
    Answer, AskStep, BranchStep, GoToStep, Late, MailStep, NotifyStep, SeriesStep, SetStep, Share, SplitStep, Step, StopStep,
    WaitDateStep, WaitForStep, WaitStep, WaitUntilStep, Way,
};

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

impl Scenario {
    /// The scenario's own version: the digest of its compiled form. A change elsewhere in the playbook leaves it as it is.
    #[must_use]
    pub fn version(&self) -> String {
        crate::id::derive(&["scenario", &serde_json::to_string(self).unwrap_or_default()])
    }

    /// The goal (`None`) and the exits that hold for everybody who enters, as far as trigger and audience alone show it.
    #[must_use]
    pub fn over_at_once(&self) -> Vec<Option<&RuleId>> {
        let goal = self.goal.iter().map(|goal| (None, goal));
        let all = goal.chain(self.exits.iter().map(|(id, exit)| (Some(id), exit)));
        all.filter(|(_, condition)| self.lets_in_only(condition)).map(|(id, _)| id).collect()
    }

    fn lets_in_only(&self, condition: &Condition) -> bool {
        let asked = |audience: &Condition| match audience {
            Condition::All(parts) => audience == condition || parts.contains(condition),
            one => one == condition,
        };
        let triggered = match (&self.trigger, condition) {
            (Trigger::Form(class), Condition::Did(did)) => did.what == What::Form(class.clone()) && did.times <= 1,
            (Trigger::FormNamed(form), Condition::Did(did)) => did.what == What::FormNamed(form.clone()) && did.times <= 1,
            (Trigger::Track(event), Condition::Did(did)) => did.what == What::Track(event.clone()) && did.times <= 1,
            (Trigger::Stage(stages), Condition::Stage(wanted)) => stages.iter().all(|stage| wanted.contains(stage)),
            (Trigger::Cell(cells), Condition::Cell(wanted)) => cells.iter().all(|cell| wanted.contains(cell)),
            (Trigger::Segment(name), Condition::Segment(wanted)) => name == wanted,
            _ => false,
        };
        triggered
            || self.audience.as_ref().is_some_and(asked)
            || match condition {
                Condition::All(parts) => parts.iter().all(|part| self.lets_in_only(part)),
                Condition::Any(parts) => parts.iter().any(|part| self.lets_in_only(part)),
                _ => false,
            }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
