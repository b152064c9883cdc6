//! What sales is told when a changed playbook or a list makes leads ready: one mail with all of them, instead of an alert for each.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::text::Plain;
use crate::id::LeadId;
use crate::lead::Cell;

/// How many leads a summary lists; of the others it says how many they are.
pub const LISTED: usize = 20;

/// The leads that a changed playbook or a list made ready, for one owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The moment it speaks of.
    pub at: Timestamp,
    /// When the playbook was changed, or the list imported.
    pub changed: Timestamp,
    /// The file of the list that did it; none: the playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<Plain>,
    /// Who did that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Plain>,
    /// What for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Plain>,
    /// How many leads there are in all.
    pub count: usize,
    /// Those that are worth most, the first the most.
    pub leads: Vec<ReadyLine>,
}

/// One lead of a summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadyLine {
    /// The lead.
    pub lead: LeadId,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Plain>,
    /// The company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Plain>,
    /// Grade and level, if it has a grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// Interest now, in points.
    pub interest: f64,
}

impl Summary {
    /// Leaves the leads that are worth most, the most first.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.leads.sort_by(|one, other| other.interest.total_cmp(&one.interest).then_with(|| one.lead.cmp(&other.lead)));
        self.leads.truncate(LISTED);
        self
    }
}
