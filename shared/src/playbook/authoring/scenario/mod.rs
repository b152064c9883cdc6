//! The scenarios of a playbook: `scenarios/NAME.yaml`.
//!
//! The steps of a file are laid out as a list with ways between them (`steps`, `flow`), so that loops, steps that nobody
//! reaches and ways that lead nowhere are found before the file becomes a [`Scenario`]; `sense` judges each step, `letters`
//! what comes too close or twice.

mod flow;
mod letters;
mod sense;
mod steps;

use std::collections::BTreeMap;

use super::conditions::Extents;
use super::mistake::{Mistake, quoted};
use super::names::{Known, Names};
use super::place::Place;
use super::source::{Source, SourceFile};
use super::yaml::{self, Node};
use super::{examples, schema, shape};
use crate::id::ScenarioId;
use crate::playbook::scenario::Scenario;
use steps::Steps;

pub(super) use sense::window_trouble;

/// The folder in which scenarios lie.
pub(super) const FOLDER: &str = "scenarios/";
const NAMING: &str = "a scenario is called scenarios/NAME.yaml, with small letters, digits and dashes in NAME";

/// Whether a file belongs to the scenarios by its place.
pub(super) fn is_one(file: &SourceFile) -> bool {
    file.name.starts_with(FOLDER) && !examples::is_one(file)
}

/// A file with a scenario.
pub(super) struct Script<'a> {
    id: Option<ScenarioId>,
    source: Source<'a>,
    /// What it holds, if that can be judged.
    tree: Option<Node>,
}

impl Script<'_> {
    /// The whole of the file; none if nothing can be said of it.
    pub(super) fn place(&self) -> Option<Place<'_>> {
        Some(Place::root(&self.source, self.tree.as_ref()?))
    }

    /// The mails with which it asks questions.
    pub(super) fn asking(&self) -> Known<'_> {
        self.place().map(|place| Known::at(Steps::of(place).of_kind("ask").map(|ask| ask.body.key("send")))).unwrap_or_default()
    }
}

impl<'a> Script<'a> {
    /// The attributes that its steps set, or ask the lead for.
    pub(super) fn made(&'a self) -> Vec<&'a str> {
        let steps = self.place().map(|place| Steps::of(place).all).unwrap_or_default();
        let made = steps.iter().filter(|step| matches!(step.kind, "set" | "ask"));
        made.filter_map(|step| step.body.key("attribute").text()).collect()
    }

    /// What is probably not meant about its letters.
    pub(super) fn letters(&self) -> Vec<Mistake> {
        self.place().map(|place| letters::doubts(&Steps::of(place))).unwrap_or_default()
    }
}

/// The scenarios among the files. One that is no YAML or has far too many steps is reported, and not looked into.
pub(super) fn scripts<'a>(files: &'a [SourceFile], mistakes: &mut Vec<Mistake>) -> Vec<Script<'a>> {
    let mut scripts = Vec::new();
    for file in files.iter().filter(|file| is_one(file)) {
        let id = named(file, mistakes);
        let Ok(source) = Source::of(file).map_err(|mistake| mistakes.push(mistake)) else { continue };
        let tree = yaml::read(&source, mistakes);
        let mut script = Script { id, source, tree };
        let trouble = script.place().and_then(|place| Steps::of(place).too_many());
        if let Some(trouble) = trouble {
            mistakes.push(trouble);
            script.tree = None;
        }
        scripts.push(script);
    }
    scripts
}

/// Checks the scenarios and makes types of them. What is wrong is reported, and leaves its scenario out.
pub(super) fn read(
    scripts: &[Script<'_>],
    names: &Names<'_>,
    segments: &Extents<'_>,
    mistakes: &mut Vec<Mistake>,
) -> BTreeMap<ScenarioId, Scenario> {
    let schema = schema::scenario_schema();
    let mut scenarios = BTreeMap::new();
    for script in scripts {
        let Some(place) = script.place() else { continue };
        let value = shape::read(&schema, place, mistakes);
        let steps = Steps::of(place);
        sense::check(place, &steps, names, segments, mistakes);
        flow::check(&steps, mistakes);
        let Some((id, value)) = script.id.clone().zip(value) else { continue };
        match serde_json::from_value(value) {
            Ok(scenario) => drop(scenarios.insert(id, scenario)),
            // The shape is derived from the types; should the two ever differ, this names the file.
            Err(error) => {
                let remedy = "compare it with a scenario of the default playbook";
                mistakes.push(Mistake::whole(script.source.name, error.to_string(), remedy));
            }
        }
    }
    scenarios
}

fn named(file: &SourceFile, mistakes: &mut Vec<Mistake>) -> Option<ScenarioId> {
    let name = file.name.strip_prefix(FOLDER).unwrap_or_default();
    let Some(stem) = name.strip_suffix(".yaml") else {
        let remedy = "rename it to end in .yaml, or move it out of the folder";
        mistakes.push(Mistake::whole(&file.name, "this file is no scenario", remedy));
        return None;
    };
    let clean = !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let id = ScenarioId::parse(stem).ok().filter(|_| clean);
    if id.is_none() {
        mistakes.push(Mistake::whole(&file.name, format!("{} cannot be the name of a scenario", quoted(stem)), NAMING));
    }
    id
}
