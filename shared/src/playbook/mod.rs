//! The playbook: everything a marketer writes, in the form the functions work with.
//!
//! These types are both: what the files hold, once read and checked (`authoring`), and what is published as compiled
//! JSON. A rule that names an unknown class, segment or owner does not pass the check.

#[cfg(feature = "authoring")]
pub mod authoring;
pub mod example;
pub mod explain;
mod holidays;
pub mod hours;
pub mod mail;
pub mod mailing;
pub mod pattern;
pub mod scenario;
pub mod spam;
pub mod span;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::condition::Condition;
use crate::id::{ClassId, FormId, MailId, OwnerId, PlaybookVersion, RuleId, ScenarioId, WriteKey, derive};
use crate::scoring::rules::Scoring;
use mail::Mail;
use mailing::MailRules;
use pattern::Pattern;
use scenario::Scenario;
use spam::SpamRules;

/// A whole playbook: `playbook.yaml`, `scoring.yaml`, `segments.yaml`, `scenarios/*.yaml` and `mail/*.md` together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    /// Company, sites, people.
    pub setup: Setup,
    /// How fit and interest are scored.
    pub scoring: Scoring,
    /// Named conditions.
    pub segments: BTreeMap<RuleId, Condition>,
    /// The mails it brings; [`Playbook::mail`] also knows michi's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub mails: BTreeMap<MailId, Mail>,
    /// How leads are nurtured.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scenarios: BTreeMap<ScenarioId, Scenario>,
}

/// `playbook.yaml`: company, sites, people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Setup {
    /// Who sends.
    pub company: Company,
    /// From whom mail comes.
    pub sender: Sender,
    /// The language of alerts and pages, where nothing else decides.
    pub language: Language,
    /// Whose days and hours count.
    pub time_zone: Zone,
    /// Days on which nobody works.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Date>,
    /// A country whose public holidays are days on which nobody works, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub national_holidays: Option<NationalHolidays>,
    /// The public key that the snippet carries; it may do no more than any visitor may.
    pub write_key: WriteKey,
    /// The sites that are watched.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub sites: Vec<Site>,
    /// Classes of pages; the first that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<PageClass>,
    /// Classes of forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub forms: Vec<FormClass>,
    /// The people in sales. The first gets what nobody else is named for.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub owners: Vec<Owner>,
    /// How mail to leads is sent.
    #[serde(default, skip_serializing_if = "MailRules::is_plain")]
    pub mail: MailRules,
    /// When a form looks like spam.
    #[serde(default, skip_serializing_if = "SpamRules::is_plain")]
    pub spam: SpamRules,
    /// How a changed playbook goes live.
    #[serde(default, skip_serializing_if = "Delivery::is_plain")]
    pub delivery: Delivery,
}

/// A country whose public holidays michi knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum NationalHolidays {
    /// Japan, with substitute holidays and those between two others.
    Japan,
}

/// How a changed playbook goes live.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Delivery {
    /// Whether somebody else must agree; the playbook that is live decides for the next.
    pub approval: Approval,
}

/// Whether somebody else must agree to a changed playbook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Approval {
    /// Nobody: who applies it makes it live.
    #[default]
    None,
    /// A second person approves it.
    SecondPerson,
}

impl Delivery {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// Who sends, for the footer of every mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Company {
    /// The company's name, for the foot of every mail.
    pub name: String,
    /// The company's postal address, on one line.
    pub postal_address: String,
    /// Where a reader can reach it: a mail address, a telephone number or a page.
    pub contact: String,
}

/// From whom mail comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Sender {
    /// The name readers see.
    pub name: String,
    /// The address, at a domain that SES may send for.
    pub address: Address,
}

/// The languages that michi itself speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Language {
    /// English.
    En,
    /// Japanese.
    Ja,
}

/// A text in the languages that michi speaks. In the files one text alone serves for both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenText")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Text {
    /// In English.
    pub en: String,
    /// In Japanese.
    pub ja: String,
}

/// A text as it may be written.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
enum WrittenText {
    /// One text in whatever language the readers share.
    Shared(String),
    /// A text for each language.
    Each {
        /// In English; one text without "en" and "ja" serves for both.
        en: String,
        /// In Japanese; one text without "en" and "ja" serves for both.
        ja: String,
    },
}

impl From<WrittenText> for Text {
    fn from(written: WrittenText) -> Self {
        match written {
            WrittenText::Shared(text) => Self { en: text.clone(), ja: text },
            WrittenText::Each { en, ja } => Self { en, ja },
        }
    }
}

impl Text {
    /// The text in one language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::En => &self.en,
            Language::Ja => &self.ja,
        }
    }
}

/// A time zone by its IANA name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(TimeZone);

/// Why a text is no time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time zone; write one as Asia/Tokyo or Europe/Berlin")]
pub struct InvalidZone(String);

impl Zone {
    /// The zone itself.
    #[must_use]
    pub fn get(&self) -> &TimeZone {
        &self.0
    }
}

impl TryFrom<String> for Zone {
    type Error = InvalidZone;
    fn try_from(name: String) -> Result<Self, InvalidZone> {
        TimeZone::get(&name).map(Self).map_err(|_| InvalidZone(name))
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0.iana_name().unwrap_or("UTC").to_owned()
    }
}

/// A site that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Site {
    /// Scheme and host, as a browser sends it: `https://www.example.com`.
    #[cfg_attr(feature = "authoring", schemars(extend("examples" = ["https://www.example.com"])))]
    pub origin: String,
}

/// A class of pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct PageClass {
    /// The class's name, by which rules call it.
    pub class: ClassId,
    /// Paths that belong to it; `*` stands for anything.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub paths: Vec<Pattern>,
}

/// A class of forms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct FormClass {
    /// The class's name, by which rules call it.
    #[cfg_attr(feature = "authoring", schemars(extend("examples" = ["inquiry"])))]
    pub class: ClassId,
    /// Forms that belong to it, by `data-michi-form`.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub forms: Vec<FormId>,
    /// Whether consent given in these forms counts only once it is confirmed from the mailbox (double opt-in).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirm: bool,
}

/// Somebody in sales.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Owner {
    /// A short name, never reused for somebody else.
    pub id: OwnerId,
    /// The person's name.
    pub name: String,
    /// The person's mail address.
    pub address: Address,
    /// The person's language; none: the playbook's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
}

impl Playbook {
    /// The version: the digest of the compiled form, so that equal playbooks are one version.
    #[must_use]
    pub fn version(&self) -> PlaybookVersion {
        // The types hold nothing that JSON cannot; an empty text would still be a valid cause.
        let compiled = serde_json::to_string(self).unwrap_or_default();
        PlaybookVersion::derive(&["playbook", &compiled])
    }

    /// The class of a page, by the path of its address: the first class that fits.
    #[must_use]
    pub fn page_class(&self, url: &str) -> Option<&ClassId> {
        let path = pattern::path_of(url);
        let path = pattern::readable(path);
        self.setup.pages.iter().find(|page| page.paths.iter().any(|p| p.fits(&path))).map(|page| &page.class)
    }

    /// Whether consent given in this form counts only once it is confirmed from the mailbox.
    #[must_use]
    pub fn confirms(&self, form: &FormId) -> bool {
        self.setup.forms.iter().find(|class| class.forms.contains(form)).is_some_and(|class| class.confirm)
    }

    /// The class of a form.
    #[must_use]
    pub fn form_class(&self, form: &FormId) -> Option<&ClassId> {
        self.setup.forms.iter().find(|class| class.forms.contains(form)).map(|class| &class.class)
    }

    /// The person who gets what nobody else is named for.
    #[must_use]
    pub fn default_owner(&self) -> Option<&Owner> {
        self.setup.owners.first()
    }

    /// Whether a browser on this origin may send.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.setup.sites.iter().any(|site| site.origin.eq_ignore_ascii_case(origin))
    }
}

/// A fresh public key for a new playbook, made from the caller's randomness.
#[must_use]
pub fn new_write_key(random: &str) -> String {
    format!("pk_{}", derive(&["write key", random]))
}
