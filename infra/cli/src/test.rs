//! `michi test`: whether the scenarios do what the examples beside them say.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use michi::playbook::authoring;
use michi::scenario::simulate::attempt;
use serde_json::json;

use crate::named;
use crate::plan::{Candidate, folder};
use crate::shown::{self, counted};

/// What `michi test` takes. Exit codes: 0 if all examples hold, 1 if one does not or cannot be read.
#[derive(Debug, Clone, clap::Args)]
pub struct TestArgs {
    /// The folder of the playbook [default: ./playbook if there is one, else the current folder]
    #[arg(long, value_name = "DIR")]
    pub playbook: Option<PathBuf>,
    /// Only the examples of this scenario
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
}

/// Runs `michi test`.
///
/// # Errors
/// As [`show`].
pub fn run(args: &TestArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        let holds = show(args, out)?;
        Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Tries the examples and says what came of them; answers whether all hold.
///
/// # Errors
/// Says what is wrong with the playbook or the examples, or that there are none.
pub fn show(args: &TestArgs, out: &mut dyn Write) -> anyhow::Result<bool> {
    let Candidate { playbook, files, .. } = Candidate::load(&folder(args.playbook.as_deref()))?;
    if let Some(name) = &args.scenario {
        named::scenario(&playbook, name)?;
    }
    let examples = authoring::examples(&files, &playbook);
    let mut examples = examples.map_err(|mistakes| anyhow!("the examples have mistakes\n{mistakes}"))?;
    if let Some(wanted) = &args.scenario {
        examples.retain(|placed| placed.scenario.as_str() == wanted);
    }
    if examples.is_empty() {
        let name = args.scenario.as_deref().unwrap_or("NAME");
        return Err(anyhow!("there are no examples: write them in scenarios/{name}.test.yaml"));
    }
    let tried: Vec<_> =
        examples.iter().map(|placed| (placed, attempt(&playbook, &placed.scenario, &placed.example).err())).collect();
    let failed = tried.iter().filter(|(_, failure)| failure.is_some()).count();
    if args.json {
        let one = |(placed, failure): &(&authoring::Placed, _)| {
            let (scenario, file, line) = (&placed.scenario, &placed.file, placed.line);
            json!({ "scenario": scenario, "file": file, "line": line, "name": placed.example.name, "failure": failure })
        };
        shown::json(&json!({ "failed": failed, "examples": tried.iter().map(one).collect::<Vec<_>>() }), out)?;
        return Ok(failed == 0);
    }
    for (placed, failure) in &tried {
        let (scenario, name) = (&placed.scenario, &placed.example.name);
        match failure {
            None => writeln!(out, "ok      {scenario}: {name}")?,
            Some(failure) => {
                writeln!(out, "failed  {scenario}: {name}\n  {}:{}\n{failure}", placed.file, placed.line)?;
            }
        }
    }
    let number = counted(tried.len(), "example", "examples");
    writeln!(out, "{number}, {}", if failed == 0 { "all hold".to_owned() } else { format!("{failed} failed") })?;
    Ok(failed == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tested(change: impl Fn(&str, String) -> String) -> anyhow::Result<(bool, String)> {
        let folder = tempfile::tempdir().unwrap();
        for file in authoring::default_files() {
            let path = folder.path().join(&file.name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, change(&file.name, String::from_utf8(file.bytes).unwrap())).unwrap();
        }
        let mut out = vec![];
        let args = TestArgs { playbook: Some(folder.path().to_owned()), scenario: None, json: false };
        let holds = show(&args, &mut out)?;
        Ok((holds, String::from_utf8(out).unwrap()))
    }

    #[test]
    fn the_starters_do_what_their_examples_say() {
        let (holds, said) = tested(|_, text| text).unwrap();
        assert!(holds, "{said}");
        assert!(said.ends_with("5 examples, all hold\n"), "{said}");
    }

    #[test]
    fn a_changed_scenario_fails_with_what_came_instead() {
        let slower = |name: &str, text: String| {
            if name == "scenarios/after-white-paper.yaml" { text.replace("for: 2d", "for: 3d") } else { text }
        };
        let (holds, said) = tested(slower).unwrap();
        assert!(!holds);
        for part in [
            "failed  after-white-paper: who is silent gets three letters\n  scenarios/after-white-paper.test.yaml:6\n",
            "  expected on day 2: the mail three-questions; that day no mail went out\n",
            "  not expected: the mail three-questions on day 3\n",
            "5 examples, 3 failed\n",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }

    #[test]
    fn a_scenario_that_there_is_not_is_refused_with_the_one_that_was_meant() {
        let folder = tempfile::tempdir().unwrap();
        for file in authoring::default_files() {
            let path = folder.path().join(&file.name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file.bytes).unwrap();
        }
        let args =
            TestArgs { playbook: Some(folder.path().to_owned()), scenario: Some("wake-the-quite".to_owned()), json: false };
        let said = show(&args, &mut vec![]).unwrap_err().to_string();
        assert!(said.ends_with("did you mean \"wake-the-quiet\"?"), "{said}");
    }

    #[test]
    fn a_mistake_in_an_example_has_its_place() {
        let wrong = |name: &str, text: String| {
            if name.ends_with("quiet.test.yaml") { text.replace("does: any_page", "dose: any_page") } else { text }
        };
        let said = tested(wrong).unwrap_err().to_string();
        assert!(said.contains("scenarios/wake-the-quiet.test.yaml:17:") && said.contains("dose"), "{said}");
    }
}
