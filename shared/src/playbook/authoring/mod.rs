//! Reading and checking the files a marketer writes.
//!
//! A file is read into a tree with places (`yaml`), its shape is compared with the JSON Schema of its types
//! (`shape`), and what a schema cannot say is checked on the tree (`setup`, `scoring`, `conditions`, `scenario`). None of
//! these stops at a mistake, and none waits for another: all mistakes of all files are told at once. Only a playbook
//! without any becomes a [`Playbook`].

mod archive;
mod conditions;
mod doubts;
mod edit;
mod examples;
mod folder;
mod form;
mod leaf;
mod mail;
mod mistake;
mod names;
mod near;
mod part;
mod place;
mod scenario;
mod schema;
mod scoring;
mod setup;
mod shape;
mod source;
mod syntax;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

pub use archive::{digest, pack, unpack};
pub use doubts::{attributes_of, doubts};
pub use edit::with_text;
pub use examples::{Placed, examples};
pub use mistake::{At, Mistake, Mistakes};
pub use near::{instead, slip_of};
pub use part::{DEFAULT_EXAMPLES, DEFAULT_MAILS, DEFAULT_SCENARIOS, EXAMPLES_SCHEMA, MAIL_SCHEMA, Part, SCENARIO_SCHEMA};
pub use schema::{examples_schema, mail_schema, scenario_schema, schema};
pub use source::SourceFile;

use crate::condition::Condition;
use crate::id::{MailId, RuleId, ScenarioId};
use crate::playbook::mail::Mail;
use crate::playbook::scenario::Scenario;
use crate::playbook::{Language, Playbook};
use names::Names;
use place::Place;
use scenario::FOLDER as SCENARIO_FOLDER;
use source::Source;

/// `segments.yaml`.
type Segments = BTreeMap<RuleId, Condition>;

/// The playbook that works untouched for a new site.
///
/// # Errors
/// None: a test keeps it free of mistakes.
pub fn default_playbook() -> Result<Playbook, Mistakes> {
    check(&default_files())
}

/// Reads and checks the playbook in a folder.
///
/// # Errors
/// Everything that is wrong with it, and a folder or file that cannot be read. Files are named with the folder.
pub fn load(folder: &Path) -> Result<Playbook, Mistakes> {
    load_with_files(folder).map(|(playbook, _)| playbook)
}

/// The same, with the files it was read from in the order of their names.
///
/// # Errors
/// As [`load`].
pub fn load_with_files(folder: &Path) -> Result<(Playbook, Vec<SourceFile>), Mistakes> {
    let mut mistakes = Vec::new();
    let files = folder::read(folder, &mut mistakes).map_err(|mistake| Mistakes::from(mistake).under(folder));
    let mut files = files?;
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let playbook = judge(&files, mistakes).map_err(|mistakes| mistakes.under(folder))?;
    Ok((playbook, files))
}

/// The files of the playbook that works untouched for a new site.
#[must_use]
pub fn default_files() -> Vec<SourceFile> {
    let parts = Part::ALL.into_iter().map(|part| SourceFile::new(part.file_name(), part.default_text()));
    let others = DEFAULT_SCENARIOS.into_iter().chain(DEFAULT_EXAMPLES).chain(DEFAULT_MAILS);
    parts.chain(others.map(|(name, text)| SourceFile::new(name, text))).collect()
}

/// Checks a playbook by what its files hold; it touches no disk.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(files: &[SourceFile]) -> Result<Playbook, Mistakes> {
    judge(files, Vec::new())
}

fn judge(files: &[SourceFile], mut mistakes: Vec<Mistake>) -> Result<Playbook, Mistakes> {
    strangers(files, &mut mistakes);
    let sources = Part::ALL.map(|part| source(part, files, &mut mistakes));
    let trees =
        sources.each_ref().map(|source| source.as_ref().and_then(|source| Some((source, yaml::read(source, &mut mistakes)?))));
    let [setup, scoring, segments] = trees.each_ref().map(|tree| tree.as_ref().map(|(source, node)| Place::root(source, node)));

    let values = [(Part::Playbook, setup), (Part::Scoring, scoring), (Part::Segments, segments)]
        .map(|(part, place)| place.and_then(|place| shaped(part, place, &mut mistakes)));

    let scripts = scenario::scripts(files, &mut mistakes);
    let names = Names::of([setup, scoring, segments], &scripts, mail::names(files));
    if let Some(setup) = setup {
        setup::check(setup, &mut mistakes);
    }
    if let Some(scoring) = scoring {
        scoring::check(scoring, &names, &mut mistakes);
    }
    let extents = segments.map(|segments| conditions::check_segments(segments, &names, &mut mistakes)).unwrap_or_default();
    let scenarios = scenario::read(&scripts, &names, &extents, &mut mistakes);
    let language = setup.and_then(|setup| Language::written(setup.key("language").text()?));
    let mails = mail::read(files, language, &names, &mut mistakes);
    match Mistakes::of(mistakes) {
        Some(mistakes) => Err(mistakes),
        None => typed(values.map(Option::unwrap_or_default), mails, scenarios),
    }
}

/// Reports files that are none of a playbook's.
fn strangers(files: &[SourceFile], mistakes: &mut Vec<Mistake>) {
    let names = Part::ALL.map(Part::file_name);
    for file in files.iter().filter(|file| {
        !names.contains(&file.name.as_str()) && !mail::is_one(file) && !scenario::is_one(file) && !examples::is_one(file)
    }) {
        let remedy = match near::nearest(&file.name, names) {
            Some(near) => format!("rename it to {near}, or move it out of the folder"),
            None => format!("move it out of the folder: a playbook is {}, scenarios/*.yaml and mail/*.md", near::listed(names)),
        };
        mistakes.push(Mistake::whole(&file.name, "this file is none of a playbook's", remedy));
    }
}

/// The text of a file; one that is missing is reported, unless it is there and was reported as unreadable.
fn source<'a>(part: Part, files: &'a [SourceFile], mistakes: &mut Vec<Mistake>) -> Option<Source<'a>> {
    let name = part.file_name();
    match files.iter().find(|file| file.name == name) {
        Some(file) => Source::of(file).map_err(|mistake| mistakes.push(mistake)).ok(),
        None => {
            if !mistakes.iter().any(|mistake| mistake.file == name) {
                let remedy = format!("copy the default {name} into the folder; `michi init` writes a whole playbook");
                mistakes.push(Mistake::whole(name, "this file is missing", remedy));
            }
            None
        }
    }
}

/// What a file holds, if it has the shape it should have.
fn shaped(part: Part, place: Place<'_>, mistakes: &mut Vec<Mistake>) -> Option<Value> {
    // A playbook may do without segments; their file then holds nothing but comments.
    let nothing = place.node().is_some_and(yaml::Node::is_nothing);
    if nothing && part == Part::Segments { Some(json!({})) } else { shape::read(&schema(part), place, mistakes) }
}

/// The shape is derived from the types, so what has it can be read; should the two ever differ, this names the file.
fn typed(
    [setup, scoring, segments]: [Value; 3],
    mails: BTreeMap<MailId, Mail>,
    scenarios: BTreeMap<ScenarioId, Scenario>,
) -> Result<Playbook, Mistakes> {
    let refused = |part: Part, error: serde_json::Error| {
        Mistakes::from(Mistake::whole(part.file_name(), error.to_string(), "compare it with the default file"))
    };
    Ok(Playbook {
        setup: serde_json::from_value(setup).map_err(|error| refused(Part::Playbook, error))?,
        scoring: serde_json::from_value(scoring).map_err(|error| refused(Part::Scoring, error))?,
        segments: serde_json::from_value(segments).map_err(|error| refused(Part::Segments, error))?,
        mails,
        scenarios,
    })
}
