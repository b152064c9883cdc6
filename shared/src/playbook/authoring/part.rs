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

/// The mails of the default playbook, by the names of their files.
pub const DEFAULT_MAILS: [(&str, &str); 28] = [
    ("mail/alert.ja.md", include_str!("../../../../infra/playbook/mail/alert.ja.md")),
    ("mail/alert.md", include_str!("../../../../infra/playbook/mail/alert.md")),
    ("mail/case-study.ja.md", include_str!("../../../../infra/playbook/mail/case-study.ja.md")),
    ("mail/case-study.md", include_str!("../../../../infra/playbook/mail/case-study.md")),
    ("mail/confirm.ja.md", include_str!("../../../../infra/playbook/mail/confirm.ja.md")),
    ("mail/confirm.md", include_str!("../../../../infra/playbook/mail/confirm.md")),
    ("mail/correction.ja.md", include_str!("../../../../infra/playbook/mail/correction.ja.md")),
    ("mail/correction.md", include_str!("../../../../infra/playbook/mail/correction.md")),
    ("mail/how-far.ja.md", include_str!("../../../../infra/playbook/mail/how-far.ja.md")),
    ("mail/how-far.md", include_str!("../../../../infra/playbook/mail/how-far.md")),
    ("mail/making-the-case.ja.md", include_str!("../../../../infra/playbook/mail/making-the-case.ja.md")),
    ("mail/making-the-case.md", include_str!("../../../../infra/playbook/mail/making-the-case.md")),
    ("mail/notice.ja.md", include_str!("../../../../infra/playbook/mail/notice.ja.md")),
    ("mail/notice.md", include_str!("../../../../infra/playbook/mail/notice.md")),
    ("mail/one-idea.ja.md", include_str!("../../../../infra/playbook/mail/one-idea.ja.md")),
    ("mail/one-idea.md", include_str!("../../../../infra/playbook/mail/one-idea.md")),
    ("mail/shall-we-stop.ja.md", include_str!("../../../../infra/playbook/mail/shall-we-stop.ja.md")),
    ("mail/shall-we-stop.md", include_str!("../../../../infra/playbook/mail/shall-we-stop.md")),
    ("mail/still-of-use.ja.md", include_str!("../../../../infra/playbook/mail/still-of-use.ja.md")),
    ("mail/still-of-use.md", include_str!("../../../../infra/playbook/mail/still-of-use.md")),
    ("mail/summary.ja.md", include_str!("../../../../infra/playbook/mail/summary.ja.md")),
    ("mail/summary.md", include_str!("../../../../infra/playbook/mail/summary.md")),
    ("mail/talk.ja.md", include_str!("../../../../infra/playbook/mail/talk.ja.md")),
    ("mail/talk.md", include_str!("../../../../infra/playbook/mail/talk.md")),
    ("mail/three-questions.ja.md", include_str!("../../../../infra/playbook/mail/three-questions.ja.md")),
    ("mail/three-questions.md", include_str!("../../../../infra/playbook/mail/three-questions.md")),
    ("mail/welcome.ja.md", include_str!("../../../../infra/playbook/mail/welcome.ja.md")),
    ("mail/welcome.md", include_str!("../../../../infra/playbook/mail/welcome.md")),
];

/// The scenarios of the default playbook, by the names of their files.
pub const DEFAULT_SCENARIOS: [(&str, &str); 2] = [
    ("scenarios/after-white-paper.yaml", include_str!("../../../../infra/playbook/scenarios/after-white-paper.yaml")),
    ("scenarios/wake-the-quiet.yaml", include_str!("../../../../infra/playbook/scenarios/wake-the-quiet.yaml")),
];

/// The examples beside the scenarios of the default playbook, by the names of their files.
pub const DEFAULT_EXAMPLES: [(&str, &str); 2] = [
    ("scenarios/after-white-paper.test.yaml", include_str!("../../../../infra/playbook/scenarios/after-white-paper.test.yaml")),
    ("scenarios/wake-the-quiet.test.yaml", include_str!("../../../../infra/playbook/scenarios/wake-the-quiet.test.yaml")),
];

/// The JSON Schema of what stands above the text of a mail: its name in the folder `schema`, and its text.
pub const MAIL_SCHEMA: (&str, &str) = ("mail.schema.json", include_str!("../../../../infra/playbook/schema/mail.schema.json"));

/// The JSON Schema of a scenario: its name in the folder `schema`, and its text.
pub const SCENARIO_SCHEMA: (&str, &str) =
    ("scenario.schema.json", include_str!("../../../../infra/playbook/schema/scenario.schema.json"));

/// The JSON Schema of the examples of a scenario: its name in the folder `schema`, and its text.
pub const EXAMPLES_SCHEMA: (&str, &str) =
    ("examples.schema.json", include_str!("../../../../infra/playbook/schema/examples.schema.json"));

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
