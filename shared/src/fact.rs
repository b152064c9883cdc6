//! Facts: what is told to the outside world on the bus. Documented, and only ever added to.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ActivityId, FactId, FormId, LeadId, PlaybookVersion};
use crate::lead::{Cell, Stage};

/// The `source` of every fact.
pub const SOURCE: &str = "michi";

/// One thing to tell. It names ids only, no personal data: who may know more asks michi.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// Its id, by which receivers tell repeats.
    pub id: FactId,
    /// Whom it is about.
    pub lead: LeadId,
    /// When it became true.
    pub at: Timestamp,
    /// By which playbook.
    pub version: PlaybookVersion,
    /// What it is.
    #[serde(flatten)]
    pub what: FactKind,
}

/// What can be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum FactKind {
    /// A visitor became a lead, or another browser of a known lead was found.
    LeadIdentified,
    /// A lead sent a form.
    FormSubmitted {
        /// Which.
        form: FormId,
    },
    /// A lead moved to another stage.
    LeadStageMoved {
        /// From where.
        from: Stage,
        /// To where.
        to: Stage,
        /// The cell at that moment.
        cell: Option<Cell>,
    },
    /// Another lead turned out to be the same person, and is this one from now on.
    LeadMerged {
        /// The other lead.
        other: LeadId,
    },
}

impl Fact {
    /// The fact that an activity gives rise to; its id comes from both.
    #[must_use]
    pub fn of(lead: &LeadId, activity: &ActivityId, at: Timestamp, version: &PlaybookVersion, what: FactKind) -> Self {
        let id = FactId::derive(&["fact", lead.as_str(), what.detail_type(), activity.as_str()]);
        Self { id, lead: lead.clone(), at, version: version.clone(), what }
    }
}

impl FactKind {
    /// The bus entry's `detail-type`.
    #[must_use]
    pub fn detail_type(&self) -> &'static str {
        match self {
            Self::LeadIdentified => "Lead Identified",
            Self::FormSubmitted { .. } => "Form Submitted",
            Self::LeadStageMoved { .. } => "Lead Stage Moved",
            Self::LeadMerged { .. } => "Lead Merged",
        }
    }
}
