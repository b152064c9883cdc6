//! What can be done as it is written, and is probably not meant: told beside, and no reason to refuse a playbook.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::mistake::{Mistake, quoted};
use super::names::attributes;
use super::near::is_slip;
use super::place::Place;
use super::scenario::{self, Script};
use super::source::{Source, SourceFile};
use super::{Part, yaml};
use crate::mail::fields::LEAD;
use crate::playbook::Playbook;

/// Attributes that mean something to michi beside those that mails know.
const BUILT_IN: [&str; 4] = ["time_zone", "kana", "mobile", "fax"];

/// What is probably not meant in the scenarios of a playbook without mistakes, in the order of the files.
#[must_use]
pub fn doubts(files: &[SourceFile]) -> Vec<Mistake> {
    // What is wrong with them was told by `check`.
    let mut told = Vec::new();
    let scripts = scenario::scripts(files, &mut told);
    let rules = [Part::Scoring, Part::Segments].map(|part| files.iter().find(|file| file.name == part.file_name()));
    let sources: Vec<Source<'_>> = rules.into_iter().flatten().filter_map(|file| Source::of(file).ok()).collect();
    let trees: Vec<_> = sources.iter().filter_map(|source| Some((source, yaml::read(source, &mut told)?))).collect();
    let rules: Vec<Place<'_>> = trees.iter().map(|(source, node)| Place::root(source, node)).collect();
    let used = Used::of(&rules, &scripts);
    let of_one = |script: &Script<'_>| {
        let mut doubts = used.slips(script);
        doubts.extend(script.letters());
        doubts.sort_by_key(|doubt| doubt.at.as_ref().map(|at| (at.line, at.column)));
        doubts
    };
    scripts.iter().flat_map(of_one).collect()
}

/// The attributes that mean something to michi, and those for which the playbook's rules and scenarios ask, or which they set.
#[must_use]
pub fn attributes_of(playbook: &Playbook) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = LEAD.into_iter().chain(BUILT_IN).map(str::to_owned).collect();
    // The types hold nothing that JSON cannot.
    let parts = [
        serde_json::to_value(&playbook.scoring),
        serde_json::to_value(&playbook.segments),
        serde_json::to_value(&playbook.scenarios),
    ];
    let mut open: Vec<Value> = parts.into_iter().flatten().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                let named = fields.get("attribute").map(|named| named.get("name").unwrap_or(named));
                found.extend(named.and_then(Value::as_str).map(str::to_owned));
                open.extend(fields.into_iter().map(|(_, value)| value));
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// The attributes that a playbook names.
struct Used<'a> {
    /// How often each is.
    times: BTreeMap<&'a str, usize>,
    /// Those that a step sets or asks for: they are not known from elsewhere.
    made: BTreeSet<&'a str>,
}

impl<'a> Used<'a> {
    fn of(rules: &[Place<'a>], scripts: &'a [Script<'a>]) -> Self {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        let scenarios = scripts.iter().filter_map(Script::place);
        for name in rules.iter().copied().chain(scenarios).flat_map(attributes).filter_map(Place::text) {
            *times.entry(name).or_default() += 1;
        }
        Self { times, made: scripts.iter().flat_map(Script::made).collect() }
    }

    /// Attributes in a scenario that are a slip away from one that is known better.
    fn slips(&self, script: &Script<'_>) -> Vec<Mistake> {
        let places = script.place().map(attributes).unwrap_or_default();
        let slip = |place: Place<'_>| {
            let name = place.text()?;
            let meant = self.meant(name)?;
            let what = format!("{} is an attribute that nothing else knows", quoted(name));
            Some(place.mistake(what, format!("did you mean {}? If not, let it be", quoted(meant))))
        };
        places.into_iter().filter_map(slip).collect()
    }

    /// The attribute that was probably meant by this one.
    fn meant(&self, name: &str) -> Option<&'a str> {
        let built_in = || LEAD.into_iter().chain(BUILT_IN);
        if built_in().any(|known| known == name) {
            return None;
        }
        if let Some(known) = built_in().find(|known| is_slip(name, known)) {
            return Some(known);
        }
        let times = |name: &str| self.times.get(name).copied().unwrap_or_default();
        // What a step makes is as good as known; of two that are asked for it is the one that is asked for more often.
        let better = |other: &str| match (self.made.contains(name), self.made.contains(other)) {
            (false, true) => true,
            (true, false) => false,
            _ => times(other) > times(name),
        };
        self.times.keys().copied().find(|other| *other != name && is_slip(name, other) && better(other))
    }
}
