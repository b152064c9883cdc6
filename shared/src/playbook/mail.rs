//! Mails of the playbook, compiled: `mail/NAME.md` and its other language version `mail/NAME.ja.md` or `mail/NAME.en.md`.
//!
//! What the functions get of a mail is small. Its text and HTML are kept apart from the playbook, each under its digest,
//! and only whoever sends the mail fetches them. A playbook that lacks one of michi's own mails has the built-in one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Language, Playbook};
use crate::consent::MailClass;
use crate::id::{MailId, TopicId, derive};
use crate::lead::{Lead, Stage};

/// A mail in all its languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// What kind of mail it is.
    pub class: Class,
    /// The topic by which readers choose; none: it goes to everybody who takes marketing mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicId>,
    /// In whose name it comes.
    #[serde(default)]
    pub sender: From,
    /// For which kinds of people it is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub personas: Vec<String>,
    /// For leads in which stages it is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// The day on which somebody looks whether it still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Date>,
    /// What it says, by language; at least one.
    pub versions: BTreeMap<Language, Version>,
}

/// The kinds of mail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Class {
    /// To leads who agreed to mail; each can be declined.
    #[default]
    Marketing,
    /// To leads, because of something they asked for themselves.
    Service,
    /// To our own salespeople.
    Sales,
}

/// In whose name a mail comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum From {
    /// The company.
    #[default]
    Company,
    /// The salesperson who has the lead; answers go to that person.
    Owner,
}

/// What a mail says in one language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its subjects, as templates; at least one.
    pub subjects: Vec<String>,
    /// The fields that it shows or asks for.
    pub fields: BTreeSet<String>,
    /// Where its links lead, by number.
    pub links: Vec<String>,
    /// Its text and HTML.
    pub body: Body,
}

/// Text and HTML of a mail, known by their digest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Body {
    digest: String,
    /// Only who has just compiled the mail holds them.
    #[serde(skip)]
    parts: Option<Arc<Parts>>,
}

/// Text and HTML of a mail, as templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl Body {
    /// The body with these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { digest: derive(&["mail", &parts.text, &parts.html]), parts: Some(Arc::new(parts)) }
    }

    /// By what it is known and kept.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Its parts, if they are at hand: those of a mail just compiled, and of one built in.
    #[must_use]
    pub fn parts(&self) -> Option<&Arc<Parts>> {
        self.parts.as_ref()
    }
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Body {}

impl Class {
    /// The class for which a lead gives or takes back consent; none: the mail is not for leads.
    #[must_use]
    pub fn consent(self) -> Option<MailClass> {
        match self {
            Self::Marketing => Some(MailClass::Marketing),
            Self::Service => Some(MailClass::Service),
            Self::Sales => None,
        }
    }
}

impl Version {
    /// Whether it shows a question, which only an `ask` step has.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.fields.contains(crate::mail::fields::QUESTION)
    }
}

impl Mail {
    /// What it says in this language, or in another if it is not written in this one; and in which.
    #[must_use]
    pub fn version(&self, wanted: Language) -> Option<(Language, &Version)> {
        let own = self.versions.get_key_value(&wanted);
        own.or_else(|| self.versions.first_key_value()).map(|(language, version)| (*language, version))
    }

    /// The language in which a lead gets it: the one its attribute `language` names, if the mail has it; else the playbook's.
    #[must_use]
    pub fn language(&self, lead: &Lead, playbook: Language) -> Language {
        let named = lead.attribute("language").and_then(Language::named);
        let wanted = named.filter(|language| self.versions.contains_key(language)).unwrap_or(playbook);
        self.version(wanted).map_or(playbook, |(language, _)| language)
    }
}

impl Language {
    /// The language that a person means by a word or a tag, as in `ja`, `ja-JP`, `Japanese` or `日本語`.
    #[must_use]
    pub fn named(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        match text.split(['-', '_']).next().unwrap_or_default() {
            "en" | "english" | "英語" => Some(Self::En),
            "ja" | "jp" | "japanese" | "日本語" => Some(Self::Ja),
            _ => None,
        }
    }

    /// The language that a playbook's file names.
    #[cfg(feature = "authoring")]
    pub(crate) fn written(text: &str) -> Option<Self> {
        [Self::En, Self::Ja].into_iter().find(|language| language.tag() == text)
    }

    /// Its tag, as in HTML and in the names of files.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }
}

impl Playbook {
    /// A mail by its name: the playbook's own, else michi's.
    #[must_use]
    pub fn mail(&self, id: &MailId) -> Option<&Mail> {
        self.mails.get(id).or_else(|| built_in().get(id))
    }
}

/// michi's own mails, which every playbook has unless it brings others of these names: `alert`,
/// `correction`, `summary`, `notice` and `confirm`.
#[must_use]
pub fn built_in() -> &'static BTreeMap<MailId, Mail> {
    static MAILS: OnceLock<BTreeMap<MailId, Mail>> = OnceLock::new();
    // A test sees to it that the file can be read.
    MAILS.get_or_init(|| serde_json::from_str::<BuiltIn>(include_str!("built_in.json")).unwrap_or_default().mails())
}

/// michi's own mails with their bodies, as `built_in.json` has them.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct BuiltIn {
    mails: BTreeMap<MailId, Mail>,
    /// By digest.
    bodies: BTreeMap<String, Parts>,
}

impl BuiltIn {
    fn mails(mut self) -> BTreeMap<MailId, Mail> {
        for version in self.mails.values_mut().flat_map(|mail| mail.versions.values_mut()) {
            version.body.parts = self.bodies.get(&version.body.digest).cloned().map(Arc::new);
        }
        self.mails
    }
}
#[cfg(all(test, feature = "authoring"))]
impl BuiltIn {
    /// The file's content for these mails.
    pub(crate) fn of(mails: BTreeMap<MailId, Mail>) -> Self {
        let versions = mails.values().flat_map(|mail| mail.versions.values());
        let bodies = versions.filter_map(|version| Some((version.body.digest.clone(), Parts::clone(version.body.parts()?))));
        Self { bodies: bodies.collect(), mails }
    }
}
