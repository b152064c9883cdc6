//! The files that make up a playbook.

/// A file of the playbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Company, sites, people.
    Playbook,
    /// How fit and interest are scored.
    Scoring,
    /// Named conditions.
    Segments,
}

impl Part {
    /// Every file.
    pub const ALL: [Self; 3] = [Self::Playbook, Self::Scoring, Self::Segments];

    /// The file's name.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Playbook => "playbook.yaml",
            Self::Scoring => "scoring.yaml",
            Self::Segments => "segments.yaml",
        }
    }

    /// The file of the default playbook.
    #[must_use]
    pub fn default_text(self) -> &'static str {
        match self {
            Self::Playbook => include_str!("../../../../infra/playbook/playbook.yaml"),
            Self::Scoring => include_str!("../../../../infra/playbook/scoring.yaml"),
            Self::Segments => include_str!("../../../../infra/playbook/segments.yaml"),
        }
    }

    /// The name of the file's JSON Schema, which lies in the folder `schema` beside it.
    #[must_use]
    pub fn schema_name(self) -> &'static str {
        match self {
            Self::Playbook => "playbook.schema.json",
            Self::Scoring => "scoring.schema.json",
            Self::Segments => "segments.schema.json",
        }
    }

    /// The file's JSON Schema as text, for the folders of customers.
    #[must_use]
    pub fn schema_text(self) -> &'static str {
        match self {
            Self::Playbook => include_str!("../../../../infra/playbook/schema/playbook.schema.json"),
            Self::Scoring => include_str!("../../../../infra/playbook/schema/scoring.schema.json"),
            Self::Segments => include_str!("../../../../infra/playbook/schema/segments.schema.json"),
        }
    }
}
