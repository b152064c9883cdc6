//! What sales is told when an alert was a mistake: the clicks that had led to it were a machine's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::alert::{Known, known};
use crate::lead::{Cell, Lead};

/// An alert taken back, with what is so now, frozen when it is owed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// The moment it speaks of.
    pub at: Timestamp,
    /// When the alert was owed.
    pub alerted: Timestamp,
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

impl Correction {
    /// What there is to say of the lead at `now`, of which sales was alerted at `alerted`.
    #[must_use]
    pub fn of(lead: &Lead, alerted: Timestamp, now: Timestamp) -> Self {
        Self {
            at: now,
            alerted,
            name: known(lead, "name"),
            company: known(lead, "company"),
            cell: lead.cell,
            interest: lead.interest.points,
        }
    }
}
