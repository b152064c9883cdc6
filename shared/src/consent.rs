//! Consent: which class of mail may go to a lead, and on what ground.

use serde::{Deserialize, Serialize};

/// The classes of mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailClass {
    /// News, invitations, nurturing: needs a ground, ends with an opt-out.
    Marketing,
    /// What the person asked for.
    Service,
}

/// On what ground mail may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A form, with the words shown.
    Form,
    /// The customer's own system says so, by a secret key.
    Server,
}
