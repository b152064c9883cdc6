//! Reading the examples beside the scenarios: `scenarios/NAME.test.yaml`. They are no part of the playbook, so a mistake in
//! them keeps none from going live.

use super::mistake::{Mistake, Mistakes};
use super::source::{Source, SourceFile};
use super::{Place, SCENARIO_FOLDER, schema, shape, yaml};
use crate::id::ScenarioId;
use crate::playbook::Playbook;
use crate::playbook::example::{Example, Examples};

const ENDING: &str = ".test.yaml";

/// Whether a file holds examples, by its name.
pub(super) fn is_one(file: &SourceFile) -> bool {
    file.name.starts_with(SCENARIO_FOLDER) && file.name.ends_with(ENDING)
}

/// An example, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The scenario.
    pub scenario: ScenarioId,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The example.
    pub example: Example,
}

/// The examples among a playbook's files.
///
/// # Errors
/// Everything that is wrong with them.
pub fn examples(files: &[SourceFile], playbook: &Playbook) -> Result<Vec<Placed>, Mistakes> {
    let (mut found, mut mistakes) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| is_one(file)) {
        if let Err(mistake) = read(file, playbook, &mut found, &mut mistakes) {
            mistakes.push(mistake);
        }
    }
    Mistakes::of(mistakes).map_or(Ok(found), Err)
}

fn read(file: &SourceFile, playbook: &Playbook, found: &mut Vec<Placed>, mistakes: &mut Vec<Mistake>) -> Result<(), Mistake> {
    let stem = file.name.strip_prefix(SCENARIO_FOLDER).and_then(|name| name.strip_suffix(ENDING)).unwrap_or_default();
    let Some(scenario) = playbook.scenarios.keys().find(|id| id.as_str() == stem) else {
        let remedy =
            format!("name it after the scenario whose examples it holds: scenarios/NAME.yaml has scenarios/NAME{ENDING}");
        return Err(Mistake::whole(&file.name, format!("there is no scenario \"{stem}\""), remedy));
    };
    let source = Source::of(file)?;
    let Some(tree) = yaml::read(&source, mistakes) else { return Ok(()) };
    let place = Place::root(&source, &tree);
    let Some(value) = shape::read(&schema::examples_schema(), place, mistakes) else { return Ok(()) };
    // The shape is derived from the types; should the two ever differ, this names the file.
    let remedy = "compare it with an example of the default playbook";
    let read: Examples = serde_json::from_value(value).map_err(|error| Mistake::whole(&file.name, error.to_string(), remedy))?;
    for (example, place) in read.examples.into_iter().zip(place.key("examples").items()) {
        for (happening, place) in example.happens.iter().zip(place.key("happens").items()) {
            if happening.does.is_none() && happening.answers.is_none() && happening.becomes.is_empty() {
                let remedy = "say what the lead \"does\" or \"answers\", or what it \"becomes\"";
                mistakes.push(place.mistake("nothing happens here", remedy));
            }
        }
        for (expectation, place) in example.expect.iter().zip(place.key("expect").items()) {
            if expectation.mail.is_none() && expectation.at.is_none() && expectation.left.is_none() {
                mistakes.push(place.mistake(
                    "nothing is expected here",
                    "say which \"mail\" goes out, \"at\" which step the lead stands, or why it has \"left\"",
                ));
            }
        }
        let (scenario, file, line) = (scenario.clone(), file.name.clone(), place.line());
        found.push(Placed { scenario, file, line, example });
    }
    Ok(())
}
