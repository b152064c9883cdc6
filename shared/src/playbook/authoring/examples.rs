//! Reading the examples beside the scenarios: `scenarios/NAME.test.yaml`. They are no part of the playbook, so a mistake in
//! them keeps none from going live.

use super::mistake::{Mistake, Mistakes, quoted};
use super::near::instead;
use super::source::{Source, SourceFile};
use super::{Place, SCENARIO_FOLDER, schema, shape, yaml};
use crate::condition::What;
use crate::id::{ClassId, FormId, MailId, RuleId, ScenarioId, StepId, WayId};
use crate::playbook::Playbook;
use crate::playbook::example::{Example, Examples, KEPT_OUT};
use crate::playbook::scenario::{Scenario, Step};

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
    let Some((id, scenario)) = playbook.scenarios.iter().find(|(id, _)| id.as_str() == stem) else {
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
    let names = Names::of(scenario, playbook);
    for (example, place) in read.examples.into_iter().zip(place.key("examples").items()) {
        for (happening, place) in example.happens.iter().zip(place.key("happens").items()) {
            if happening.does.is_none() && happening.answers.is_none() && happening.becomes.is_empty() {
                let remedy = "say what the lead \"does\" or \"answers\", or what it \"becomes\"";
                mistakes.push(place.mistake("nothing happens here", remedy));
            }
            if let Some(answer) = &happening.answers {
                mistakes.extend(names.answer(answer, place.key("answers")));
            }
            if let Some(what) = &happening.does {
                let does = place.key("does");
                mistakes.extend(names.what(what, does.entries().next().map_or(does, |(_, named)| named)));
            }
        }
        for (expectation, place) in example.expect.iter().zip(place.key("expect").items()) {
            if expectation.mail.is_none() && expectation.at.is_none() && expectation.left.is_none() {
                mistakes.push(place.mistake(
                    "nothing is expected here",
                    "say which \"mail\" goes out, \"at\" which step the lead stands, or why it has \"left\"",
                ));
            }
            mistakes.extend(expectation.mail.as_ref().and_then(|mail| names.mail(mail, place.key("mail"))));
            mistakes.extend(expectation.at.as_ref().and_then(|step| names.step(step, place.key("at"))));
            mistakes.extend(expectation.left.as_ref().and_then(|cause| names.cause(cause, place.key("left"))));
        }
        let (scenario, file, line) = (id.clone(), file.name.clone(), place.line());
        found.push(Placed { scenario, file, line, example });
    }
    Ok(())
}

/// What examples of a scenario may name.
struct Names<'p> {
    mails: Vec<&'p str>,
    steps: Vec<&'p str>,
    answers: Vec<&'p str>,
    pages: Vec<&'p str>,
    forms: Vec<&'p str>,
    form_names: Vec<&'p str>,
    /// What may be told for having left.
    causes: Vec<String>,
}

impl<'p> Names<'p> {
    fn of(scenario: &'p Scenario, playbook: &'p Playbook) -> Self {
        let (mut mails, mut answers, mut stops) = (vec![], vec![], vec![]);
        for step in scenario.all_steps() {
            match step {
                Step::Mail(step) => mails.push(step.send.as_str()),
                Step::Series(step) => mails.extend(step.mails.iter().map(MailId::as_str)),
                Step::Ask(step) => {
                    mails.push(step.send.as_str());
                    answers.extend(step.answers.iter().map(|answer| answer.id.as_str()));
                }
                Step::Stop(step) => stops.push(step.id.as_str()),
                Step::Wait(_)
                | Step::WaitUntil(_)
                | Step::WaitDate(_)
                | Step::WaitFor(_)
                | Step::Branch(_)
                | Step::Split(_)
                | Step::Set(_)
                | Step::Notify(_)
                | Step::GoTo(_) => {}
            }
        }
        let plain = ["end", "goal", "unsubscribed", "in_sales", KEPT_OUT].map(str::to_owned);
        let exits = scenario.exits.keys().map(|exit: &RuleId| format!("exit {exit}"));
        let setup = &playbook.setup;
        Self {
            mails,
            answers,
            steps: scenario.all_steps().map(|step| step.id().as_str()).collect(),
            pages: setup.pages.iter().map(|page| page.class.as_str()).collect(),
            forms: setup.forms.iter().map(|form| form.class.as_str()).collect(),
            form_names: setup.forms.iter().flat_map(|form| &form.forms).map(FormId::as_str).collect(),
            causes: plain.into_iter().chain(exits).chain(stops.iter().map(|stop| format!("stopped {stop}"))).collect(),
        }
    }

    fn mail(&self, mail: &MailId, place: Place<'_>) -> Option<Mistake> {
        unknown(mail.as_str(), &self.mails, "the scenario sends no mail called", place)
    }

    fn step(&self, step: &StepId, place: Place<'_>) -> Option<Mistake> {
        unknown(step.as_str(), &self.steps, "the scenario has no step called", place)
    }

    fn answer(&self, answer: &WayId, place: Place<'_>) -> Option<Mistake> {
        unknown(answer.as_str(), &self.answers, "no question of the scenario has the answer", place)
    }

    fn cause(&self, cause: &str, place: Place<'_>) -> Option<Mistake> {
        let causes: Vec<&str> = self.causes.iter().map(String::as_str).collect();
        unknown(cause, &causes, "nobody leaves the scenario for", place)
    }

    fn what(&self, what: &What, place: Place<'_>) -> Option<Mistake> {
        let class = |class: &ClassId, known, said| unknown(class.as_str(), known, said, place);
        match what {
            What::Page(page) => class(page, &self.pages, "no class of pages is called"),
            What::Form(form) => class(form, &self.forms, "no class of forms is called"),
            What::FormNamed(form) => unknown(form.as_str(), &self.form_names, "no form is called", place),
            // What is left names nothing of the playbook's.
            _ => None,
        }
    }
}

fn unknown(name: &str, known: &[&str], said: &str, place: Place<'_>) -> Option<Mistake> {
    (!known.contains(&name)).then(|| place.mistake(format!("{said} {}", quoted(name)), instead(name, known.iter().copied())))
}
