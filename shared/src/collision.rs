//! Where what a list says meets what is known already.

use serde::{Deserialize, Serialize};

/// What counts where a list says something of a lead who is known already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collision {
    /// The list, where nothing is known, or only what an unproven visitor said.
    #[default]
    Fill,
    /// The list.
    Overwrite,
    /// What is known, even if it is nothing: the list counts only for those whom it brings.
    Never,
}

impl Collision {
    /// Whether the list's word is taken. `known` says that somebody who is believed has said something, `new` that the list
    /// brings the lead.
    #[must_use]
    pub fn takes(self, known: bool, new: bool) -> bool {
        match self {
            Self::Fill => !known,
            Self::Overwrite => true,
            Self::Never => new,
        }
    }
}
