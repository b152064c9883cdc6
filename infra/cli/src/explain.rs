//! `michi explain`: a scenario or a segment in plain words.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use michi::id::{RuleId, ScenarioId};
use michi::playbook::explain::{self, Explained};
use michi::playbook::{Language, Playbook, authoring};
use unicode_width::UnicodeWidthStr as _;

use crate::draft::Spoken;
use crate::plan::{Candidate, folder};
use crate::shown;

/// What `michi explain` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct ExplainArgs {
    /// A scenario or a segment, by its name in the playbook; without one, all are listed
    #[arg(value_name = "SCENARIO|SEGMENT")]
    pub name: Option<String>,
    /// The language [default: the playbook's]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub language: Option<Spoken>,
    /// The folder of the playbook [default: ./playbook if there is one, else the current folder]
    #[arg(long, value_name = "DIR")]
    pub playbook: Option<PathBuf>,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
}

/// Runs `michi explain`.
///
/// # Errors
/// As [`show`].
pub fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| show(args, out).map(|()| ExitCode::SUCCESS))
}

/// Writes what a scenario or a segment says; without a name, what each is in a line.
///
/// # Errors
/// Says what is wrong with the playbook, or that it has nothing of that name.
pub fn show(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let playbook = Candidate::load(&folder(args.playbook.as_deref()))?.playbook;
    let language = match args.language {
        Some(Spoken::En) => Language::En,
        Some(Spoken::Ja) => Language::Ja,
        None => playbook.setup.language,
    };
    let found = match &args.name {
        Some(name) => named(&playbook, name, language)?,
        None => all(&playbook, language),
    };
    if args.json {
        return match (found.as_slice(), &args.name) {
            ([one], Some(_)) => shown::json(one, out),
            (several, _) => shown::json(&several, out),
        };
    }
    for (number, one) in found.iter().enumerate() {
        if number > 0 {
            writeln!(out)?;
        }
        if args.name.is_some() { whole(one, language, out)? } else { brief(one, out)? }
    }
    Ok(())
}

/// What has this name; a scenario and a segment may share it.
fn named(playbook: &Playbook, name: &str, language: Language) -> anyhow::Result<Vec<Explained>> {
    let scenario = ScenarioId::parse(name).ok().and_then(|id| explain::scenario(playbook, &id, language));
    let segment = RuleId::parse(name).ok().and_then(|id| explain::segment(playbook, &id, language));
    let found: Vec<Explained> = scenario.into_iter().chain(segment).collect();
    if found.is_empty() {
        let scenarios = playbook.scenarios.keys().map(ScenarioId::as_str);
        let names: Vec<&str> = scenarios.chain(playbook.segments.keys().map(RuleId::as_str)).collect();
        bail!("no scenario and no segment is called \"{name}\": {}", authoring::instead(name, names));
    }
    Ok(found)
}

fn all(playbook: &Playbook, language: Language) -> Vec<Explained> {
    let scenarios = playbook.scenarios.keys().filter_map(|id| explain::scenario(playbook, id, language));
    scenarios.chain(playbook.segments.keys().filter_map(|id| explain::segment(playbook, id, language))).collect()
}

/// The title and what lets a lead in.
fn brief(one: &Explained, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "{}", one.title)?;
    for fact in one.facts.iter().take(1) {
        writeln!(out, "  {}", fact.says.join("; "))?;
    }
    Ok(())
}

fn whole(one: &Explained, language: Language, out: &mut dyn Write) -> anyhow::Result<()> {
    let (colon, mark) = match language {
        Language::En => (": ", "- "),
        Language::Ja => ("：", "・"),
    };
    writeln!(out, "{}\n", one.title)?;
    let widest = one.facts.iter().map(|fact| fact.about.width()).max().unwrap_or_default();
    for fact in &one.facts {
        let about = format!("{}{colon}{}", fact.about, " ".repeat(widest - fact.about.width()));
        let several = fact.says.len() > 1;
        for (number, says) in fact.says.iter().enumerate() {
            let before = if number == 0 { about.clone() } else { " ".repeat(about.width()) };
            writeln!(out, "{before}{}{says}", if several { mark } else { "" })?;
        }
    }
    writeln!(out)?;
    for line in &one.lines {
        let indent = "  ".repeat(line.depth);
        match &line.step {
            Some(id) => writeln!(out, "{indent}{mark}{} [{id}]", line.text)?,
            None => writeln!(out, "{indent}{}", line.text)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of something in the default playbook.
    fn said(command: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        for file in authoring::default_files() {
            let path = dir.path().join(&file.name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.bytes).unwrap();
        }
        let args = |name: &str, language, json| ExplainArgs {
            name: (!name.is_empty()).then(|| name.to_owned()),
            language,
            playbook: Some(dir.path().to_owned()),
            json,
        };
        let mut words = command.split(' ');
        let name = words.next().unwrap();
        let (language, json) = words.fold((None, false), |(language, json), word| match word {
            "ja" => (Some(Spoken::Ja), json),
            "en" => (Some(Spoken::En), json),
            "json" => (language, true),
            other => panic!("{other}"),
        });
        let mut out = Vec::new();
        match show(&args(name, language, json), &mut out) {
            Ok(()) => String::from_utf8(out).unwrap(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn the_starter_scenarios_are_told_in_english() {
        insta::assert_snapshot!(said("after-white-paper"), @"");
        insta::assert_snapshot!(said("wake-the-quiet"), @"");
    }

    #[test]
    fn the_starter_scenarios_are_told_in_japanese() {
        insta::assert_snapshot!(said("after-white-paper ja"), @"");
        insta::assert_snapshot!(said("wake-the-quiet ja"), @"");
    }

    #[test]
    fn a_segment_is_told_with_those_it_asks_for() {
        insta::assert_snapshot!(said("moving-now"), @"");
        insta::assert_snapshot!(said("quiet ja"), @"");
    }

    #[test]
    fn without_a_name_all_are_listed() {
        insta::assert_snapshot!(said(""), @"");
    }

    #[test]
    fn a_name_that_there_is_not_is_refused_with_the_one_that_was_meant() {
        assert_eq!(
            said("wake-the-quite"),
            "no scenario and no segment is called \"wake-the-quite\": did you mean \"wake-the-quiet\"?"
        );
    }

    #[test]
    fn programs_read_the_same_as_json() {
        let said: serde_json::Value = serde_json::from_str(&said("wake-the-quiet en json")).unwrap();
        assert_eq!(said["lines"][0]["step"], "letters");
        assert_eq!(said["facts"][0]["about"], "Begins");
        let all: serde_json::Value = serde_json::from_str(&self::said(" json")).unwrap();
        assert_eq!(all.as_array().unwrap().len(), 7);
    }
}
