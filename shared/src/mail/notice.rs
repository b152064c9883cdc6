//! What a scenario tells the lead's salesperson.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::{Known, known};
use super::text::Plain;
use crate::lead::{Cell, Lead};

/// What a scenario tells of a lead, with what is so then, frozen when it is owed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The moment it speaks of.
    pub at: Timestamp,
    /// What it says.
    pub say: Plain,
    /// The scenario's name.
    pub scenario: Plain,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Known>,
    /// The company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Known>,
    /// Grade and level, if it has a grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// Interest, in points.
    pub interest: f64,
}

impl Notice {
    /// What the scenario of this name has to say of the lead at `now`; none: it says nothing.
    #[must_use]
    pub fn of(lead: &Lead, say: &str, scenario: &str, now: Timestamp) -> Option<Self> {
        Some(Self {
            at: now,
            say: Plain::of(say)?,
            scenario: Plain::of(scenario)?,
            name: known(lead, "name"),
            company: known(lead, "company"),
            cell: lead.cell,
            interest: lead.interest.points,
        })
    }
}
