//! `scoring.yaml`: the rules and figures by which fit and interest are scored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::condition::{Condition, What};
use crate::id::{ClassId, RuleId};
use crate::lead::{Cell, Proposal};
use crate::playbook::Text;
use crate::playbook::span::Span;

/// All of scoring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Scoring {
    /// How well a lead suits.
    pub fit: FitRules,
    /// How much a lead wants.
    pub interest: InterestRules,
    /// Who gets no grade and is proposed to nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclusions: Vec<Exclusion>,
    /// What tells the phases apart.
    pub phases: Phases,
    /// Which cells are proposed for what; a cell that is not named proposes nothing.
    pub matrix: BTreeMap<Cell, Proposal>,
    /// No second alert about a lead within this time, unless its cell improves.
    pub alert_window: Span,
}

/// How well a lead suits: points for what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct FitRules {
    /// The rules; each that holds gives its points.
    pub rules: Vec<FitRule>,
    /// From how many points on a grade is given.
    pub grades: GradeCuts,
    /// A grade is lost only this many points below its cut.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0)))]
    pub margin: f64,
}

/// Points for something known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct FitRule {
    /// The rule's name.
    pub id: RuleId,
    /// What sales reads about it.
    pub why: Text,
    /// The points.
    #[cfg_attr(feature = "authoring", schemars(range(min = -10_000, max = 10_000)))]
    pub points: f64,
    /// What must be so; of the address and the attributes only.
    pub when: Condition,
}

/// From how many points on a grade is given; below C it is D.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the field's name is the grade")]
pub struct GradeCuts {
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub a: f64,
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub b: f64,
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub c: f64,
}

/// How much a lead wants: points for what it does, which fade.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct InterestRules {
    /// After this time half of every point is left.
    pub half_life: Span,
    /// The same sum with a short half-life.
    pub momentum: Momentum,
    /// From how many points on a level is given.
    pub levels: LevelCuts,
    /// A level is lost only this many points below its cut.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0)))]
    pub margin: f64,
    /// The rules; the first that fits an activity gives its points.
    pub rules: Vec<InterestRule>,
    /// Limits that several rules share.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<RuleId, Group>,
    /// At most so many points a day from browsers that only claim to be the lead's.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0)))]
    pub unconfirmed_daily: f64,
}

/// Who is moving now.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Momentum {
    /// After this time half of every point is left.
    pub half_life: Span,
    /// From this sum on the lead is surging.
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub surging: f64,
}

/// From how many points on a level is given; below level 3 it is 4.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct LevelCuts {
    /// The cut of level 1, the hottest.
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub level_1: f64,
    /// The cut of level 2.
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub level_2: f64,
    /// The cut of level 3.
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub level_3: f64,
}

/// Points for something done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct InterestRule {
    /// The rule's name.
    pub id: RuleId,
    /// What sales reads about it.
    pub why: Text,
    /// What is done.
    pub on: What,
    /// The points; below zero they are taken, but never more than there are.
    #[cfg_attr(feature = "authoring", schemars(range(min = -10_000, max = 10_000)))]
    pub points: f64,
    /// At most so many points a day by this rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub daily: Option<f64>,
    /// The limit it shares with other rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<RuleId>,
}

/// A limit that several rules share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Group {
    /// At most so many points a day by all of them together.
    #[cfg_attr(feature = "authoring", schemars(extend("exclusiveMinimum" = 0)))]
    pub daily: f64,
}

/// Who gets no grade and is proposed to nobody.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Exclusion {
    /// The rule's name.
    pub id: RuleId,
    /// What sales reads about it.
    pub why: Text,
    /// What must be so; of the address, the attributes and what was done only.
    pub when: Condition,
}

/// What tells the phases apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Phases {
    /// What a lead about to decide does.
    pub deciding: PhaseRule,
    /// What a lead that compares does.
    pub comparing: PhaseRule,
}

/// Pages or forms of one of these classes, within this time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct PhaseRule {
    /// Classes of pages and forms.
    pub classes: Vec<ClassId>,
    /// Within this time before now; none: as far as the log is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}
