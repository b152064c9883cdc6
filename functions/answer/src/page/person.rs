//! Who it is, how to reach them, where they stand, and what else is known.

use michi::lead::Lead;
use michi::mail::text::{cleaned, dialled, mailto};
use michi::mail::words as shared;

use super::phrases;
use super::reader::{Reader, Stamp, line, lines, web};
use super::words;

/// Who it is and how to reach them.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// Whether the name is one, or what stands in its place.
    pub(crate) named: bool,
    pub(crate) role: Option<String>,
    pub(crate) company: Option<String>,
    /// The quickest first.
    pub(crate) reach: Vec<Contact>,
}

/// A way to reach somebody.
#[derive(Debug)]
pub(crate) struct Contact {
    pub(crate) way: &'static str,
    pub(crate) text: String,
    /// Where a tap leads; none if the text is no number.
    pub(crate) target: Option<String>,
    pub(crate) unconfirmed: bool,
}

/// Where the lead stands.
#[derive(Debug)]
pub(crate) struct Standing {
    pub(crate) stage: Option<&'static str>,
    /// A1 to D4; a dash if excluded.
    pub(crate) cell: String,
    pub(crate) cell_words: Option<String>,
    pub(crate) phase: &'static str,
    pub(crate) surging: bool,
    /// Why the lead has no grade.
    pub(crate) excluded: Vec<String>,
    pub(crate) first_seen: Option<Stamp>,
    pub(crate) last_seen: Option<Stamp>,
}

/// One thing known.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) link: Option<String>,
    pub(crate) since: Stamp,
    pub(crate) unconfirmed: bool,
}

pub(crate) fn person(lead: &Lead, reader: &Reader<'_>) -> Person {
    let known = |name: &str| lead.attribute(name).map(|value| cleaned(value, 80)).filter(|value| !value.is_empty());
    let unconfirmed = |name: &str| lead.attributes.get(name).is_some_and(|attribute| attribute.unconfirmed);
    let name = known("name");
    let address = lead.address();
    let phone = known("phone").map(|text| Contact {
        way: reader.words.phone,
        target: dialled(&text).map(|number| format!("tel:{number}")),
        text,
        unconfirmed: unconfirmed("phone"),
    });
    let mail = address.as_ref().map(|address| Contact {
        way: reader.words.mail,
        target: Some(mailto(address.as_str())),
        text: line(address.as_str()),
        unconfirmed: unconfirmed("email"),
    });
    Person {
        named: name.is_some(),
        name: name
            .or_else(|| address.as_ref().map(|address| line(address.as_str())))
            .unwrap_or_else(|| reader.words.nobody.to_owned()),
        role: known("role"),
        company: known("company"),
        reach: [phone, mail].into_iter().flatten().collect(),
    }
}

pub(crate) fn standing(lead: &Lead, reader: &Reader<'_>) -> Standing {
    let exclusions = &reader.playbook.scoring.exclusions;
    let why = |id: &michi::id::RuleId| match exclusions.iter().find(|rule| rule.id == *id) {
        Some(rule) => rule.why.in_language(reader.language).to_owned(),
        None => id.to_string(),
    };
    Standing {
        stage: lead.stage.map(|stage| shared::stage(stage, reader.language)),
        cell: lead.cell.map_or_else(|| "–".to_owned(), |cell| cell.to_string()),
        cell_words: lead.cell.map(|cell| phrases::cell(cell, reader.language)),
        phase: shared::phase(lead.phase, reader.language),
        surging: lead.interest.surging,
        excluded: lead.excluded.iter().map(why).collect(),
        first_seen: lead.seen.map(|(first, _)| reader.when(first)),
        last_seen: lead.seen.filter(|(first, last)| first != last).map(|(_, last)| reader.when(last)),
    }
}

/// What is known.
pub(crate) fn known(lead: &Lead, reader: &Reader<'_>) -> Vec<Known> {
    let mut attributes: Vec<_> = lead.attributes.iter().collect();
    attributes.sort_by_key(|(name, _)| words::place(name));
    let known = |(name, attribute): (&String, &michi::lead::Attribute)| Known {
        name: words::attribute(name, reader.language).into_owned(),
        value: lines(&attribute.value),
        link: (name == "website").then(|| web(&attribute.value)).flatten(),
        since: reader.when(attribute.at),
        unconfirmed: attribute.unconfirmed,
    };
    attributes.into_iter().map(known).collect()
}
