//! `michi check`: whether a playbook can be used.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use michi::id::{MailId, RuleId, ScenarioId};
use michi::io::Clock;
use michi::playbook::Playbook;
use michi::playbook::authoring::{self, Part};

use crate::output;
use crate::plan::folder;
use crate::shown::counted;

/// Exit codes: 0 without a mistake, 1 with one or more, 2 if the folder cannot be read.
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// The folder of the playbook, or a file in it [default: ./playbook if there is one, else the current folder]
    dir: Option<PathBuf>,
}

/// The exit code for a folder that cannot be read.
const UNREADABLE: u8 = 2;

/// Runs `michi check`.
///
/// # Errors
/// The result cannot be written.
pub fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let dir = match meant(folder(args.dir.as_deref())) {
        Ok(dir) => dir,
        Err(said) => {
            eprintln!("michi: {said}");
            return Ok(ExitCode::from(UNREADABLE));
        }
    };
    #[allow(clippy::disallowed_methods, reason = "NO_COLOR is a wish of whoever sits at the terminal, not a setting of michi")]
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let today = Clock::System.now().to_zoned(TimeZone::system()).date();
    let mut said = Vec::new();
    let fine = report(&dir, colour, today, &mut said).context("the result cannot be written")?;
    output::write(&String::from_utf8_lossy(&said))?;
    Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The folder of the playbook that is meant by it, or by a file in it.
///
/// # Errors
/// What is said where there is none, or none that can be read.
fn meant(path: PathBuf) -> Result<PathBuf, String> {
    let said = path.display();
    if path.is_file() {
        let whole = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let is_home = |dir: &Path| Part::ALL.iter().any(|part| dir.join(part.file_name()).is_file());
        // As it was typed, as far as that leads.
        let near = path.ancestors().skip(1).map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
        let home = near.chain(whole.ancestors().skip(1)).find(|dir| is_home(dir));
        return home.map(Path::to_owned).ok_or_else(|| format!("{said} is a file in no playbook: name a playbook's folder"));
    }
    match std::fs::read_dir(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(format!(
            "there is no playbook at {said}: `michi init {said} --site https://www.example.com` writes a new one there"
        )),
        Err(error) => Err(format!("the folder {said} cannot be read: {error}")),
    }
}

/// Says what is wrong with the playbook, or what is in it; answers whether it can be used.
fn report(dir: &Path, colour: bool, today: Date, out: &mut dyn Write) -> io::Result<bool> {
    match authoring::load_with_files(dir) {
        Ok((playbook, files)) => {
            writeln!(out, "ok: {}", dir.display())?;
            writeln!(out, "  {}", contents(&playbook))?;
            writeln!(out, "  version {}", playbook.version())?;
            for (name, review) in overdue(&playbook, today) {
                writeln!(out, "warning: mail/{name}.md was to be looked at again by {review}")?;
                writeln!(out, "  = see whether it still holds, and write the next day behind \"review:\"")?;
            }
            for (name, over) in over_at_once(&playbook) {
                writeln!(out, "warning: in scenarios/{name}.yaml {over} holds for everybody who enters: they leave at once")?;
                writeln!(out, "  = let it ask for something that trigger and audience do not ask for")?;
            }
            for doubt in authoring::doubts(&files) {
                let at = doubt.at.as_ref().map(|at| format!(":{}:{}", at.line, at.column)).unwrap_or_default();
                writeln!(out, "warning: {}{at}: {}", doubt.file, doubt.what)?;
                writeln!(out, "  = {}", doubt.remedy)?;
            }
            Ok(true)
        }
        Err(mistakes) => {
            if colour {
                writeln!(out, "{mistakes:#}")?
            } else {
                writeln!(out, "{mistakes}")?
            }
            writeln!(out, "{} in {}", counted(mistakes.list().len(), "mistake", "mistakes"), dir.display())?;
            Ok(false)
        }
    }
}

/// The mails whose day of review has come, and which day that was.
fn overdue(playbook: &Playbook, today: Date) -> impl Iterator<Item = (&MailId, Date)> {
    let mails = playbook.mails.iter().filter_map(|(name, mail)| Some((name, mail.review?)));
    mails.filter(move |(_, review)| *review <= today)
}

/// The scenarios that end as they begin, and what ends them.
fn over_at_once(playbook: &Playbook) -> impl Iterator<Item = (&ScenarioId, String)> {
    playbook.scenarios.iter().flat_map(|(name, scenario)| {
        let said = |exit: Option<&RuleId>| exit.map_or_else(|| "the goal".to_owned(), |id| format!("the exit \"{id}\""));
        scenario.over_at_once().into_iter().map(move |over| (name, said(over)))
    })
}

/// How much of what is in a playbook.
fn contents(playbook: &Playbook) -> String {
    let (setup, scoring) = (&playbook.setup, &playbook.scoring);
    [
        counted(setup.sites.len(), "site", "sites"),
        counted(setup.owners.len(), "owner", "owners"),
        counted(setup.pages.len(), "class of pages", "classes of pages"),
        counted(setup.forms.len(), "class of forms", "classes of forms"),
        counted(scoring.fit.rules.len(), "fit rule", "fit rules"),
        counted(scoring.interest.rules.len(), "interest rule", "interest rules"),
        counted(scoring.exclusions.len(), "exclusion", "exclusions"),
        counted(playbook.segments.len(), "segment", "segments"),
        counted(playbook.scenarios.len(), "scenario", "scenarios"),
        counted(playbook.mails.len(), "mail", "mails"),
    ]
    .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(change: impl Fn(&str) -> String) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for part in Part::ALL {
            std::fs::write(folder.path().join(part.file_name()), change(part.default_text())).unwrap();
        }
        folder
    }

    fn reported(folder: &Path, colour: bool) -> (bool, String) {
        let mut out = Vec::new();
        let fine = report(folder, colour, jiff::civil::date(2027, 6, 2), &mut out).unwrap();
        (fine, String::from_utf8(out).unwrap().replace(&folder.display().to_string(), "DIR"))
    }

    #[test]
    fn a_playbook_without_a_mistake_is_counted() {
        let (fine, said) = reported(written(str::to_owned).path(), true);
        let said = said.lines().take(2).collect::<Vec<_>>().join("\n");
        assert!(fine);
        insta::assert_snapshot!(said, @r"
        ok: DIR
          2 sites, 1 owner, 6 classes of pages, 3 classes of forms, 5 fit rules, 9 interest rules, 4 exclusions, 5 segments, 0 scenarios, 0 mails
        ");
    }

    #[test]
    fn a_mail_that_nobody_has_looked_at_for_long_is_named() {
        let folder = written(str::to_owned);
        std::fs::create_dir(folder.path().join("mail")).unwrap();
        for (name, day) in [("old", "2027-06-02"), ("new", "2027-06-03")] {
            let text = format!("---\nsubject: x\nreview: {day}\n---\nHello\n");
            std::fs::write(folder.path().join(format!("mail/{name}.md")), text).unwrap();
        }
        let (fine, said) = reported(folder.path(), false);
        assert!(fine && said.contains("2 mails"), "{said}");
        assert!(
            said.contains("warning: mail/old.md was to be looked at again by 2027-06-02") && !said.contains("new.md"),
            "{said}"
        );
    }

    #[test]
    fn a_scenario_that_ends_as_it_begins_is_named() {
        let folder = written(str::to_owned);
        std::fs::create_dir(folder.path().join("scenarios")).unwrap();
        let scenario = "name: x
trigger: { form: inquiry }
audience: { all: [{ grade: [A] }, { phase: [deciding] }] }
goal: { any: [{ segment: quiet }, { did: { what: { form: inquiry } } }] }
exits: { decided: { phase: [deciding] }, often: { did: { what: { form: inquiry }, times: 2 } } }
steps: [{ stop: { id: end } }]
";
        std::fs::write(folder.path().join("scenarios/x.yaml"), scenario).unwrap();
        let (fine, said) = reported(folder.path(), false);
        assert!(fine, "{said}");
        let warnings: Vec<&str> = said.lines().filter(|line| line.starts_with("warning")).collect();
        assert_eq!(
            warnings,
            [
                "warning: in scenarios/x.yaml the goal holds for everybody who enters: they leave at once",
                "warning: in scenarios/x.yaml the exit \"decided\" holds for everybody who enters: they leave at once",
            ]
        );
    }

    #[test]
    fn what_is_probably_not_meant_is_told_and_refuses_nothing() {
        let folder = written(str::to_owned);
        std::fs::create_dir(folder.path().join("scenarios")).unwrap();
        let scenario = "name: x
trigger: by_hand
audience: { attribute: { name: compnay, any_of: [Acme] } }
steps: [{ stop: { id: end } }]
";
        std::fs::write(folder.path().join("scenarios/x.yaml"), scenario).unwrap();
        let (fine, said) = reported(folder.path(), false);
        assert!(fine);
        let said: Vec<&str> = said.lines().skip(3).collect();
        insta::assert_snapshot!(said.join("\n"), @r#"
        warning: scenarios/x.yaml:3:32: "compnay" is an attribute that nothing else knows
          = did you mean "company"? If not, let it be
        "#);
    }

    #[test]
    fn a_file_that_lies_too_deep_to_be_read_is_a_mistake() {
        let folder = written(str::to_owned);
        for name in [
            "scenarios/2027/spring.yaml",
            "scenarios/2027/.hidden.yaml",
            "mail/old/a/invite.md",
            "mail/old/photo.png",
            "mail/x.md",
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "---\nsubject: x\n---\nHello\n").unwrap();
        }
        let (fine, said) = reported(folder.path(), false);
        assert!(!fine);
        insta::assert_snapshot!(said, @r#"
        DIR/mail/old/a/invite.md: this file lies too deep to be read
          = move it to mail/invite.md: folders within mail are not read

        DIR/scenarios/2027/spring.yaml: this file lies too deep to be read
          = move it to scenarios/spring.yaml: folders within scenarios are not read

        2 mistakes in DIR
        "#);
    }

    #[test]
    fn a_file_stands_for_the_playbook_it_lies_in() {
        let folder = written(str::to_owned);
        let within = |name: &str| folder.path().join(name);
        std::fs::create_dir(within("mail")).unwrap();
        std::fs::write(within("mail/x.md"), "").unwrap();
        for name in ["", "scoring.yaml", "mail/x.md"] {
            assert_eq!(meant(within(name)).unwrap().components().collect::<PathBuf>(), folder.path(), "{name}");
        }
        let other = tempfile::NamedTempFile::new().unwrap();
        assert!(meant(other.path().to_owned()).unwrap_err().contains("a file in no playbook"));
        let said = meant(within("none")).unwrap_err();
        assert!(said.contains("there is no playbook at") && said.contains("michi init"), "{said}");
    }

    #[test]
    fn mistakes_are_named_with_their_folder_and_counted() {
        let folder = written(|text| text.replace("margin: 5", "margin: five").replace("language: en", "language: eng"));
        std::fs::write(folder.path().join("notes.yml"), "x").unwrap();
        std::fs::create_dir(folder.path().join("old.yaml")).unwrap();
        let (fine, said) = reported(folder.path(), false);
        assert!(!fine);
        insta::assert_snapshot!(said, @r#"
        DIR/notes.yml: this file is none of a playbook's
          = move it out of the folder: a playbook is playbook.yaml, scoring.yaml, segments.yaml, scenarios/*.yaml and mail/*.md

        DIR/playbook.yaml:24:11: "eng" is not known here
           |
        24 | language: eng
           |           ^^^
           = did you mean "en"?

        DIR/scoring.yaml:70:11: "five" stands here, where a number belongs
           |
        70 |   margin: five
           |           ^^^^
           = write a number, with the digits 0 to 9. A grade is lost only this many points below its cut.

        3 mistakes in DIR
        "#);
        let (_, coloured) = reported(folder.path(), true);
        assert!(coloured.contains('\u{1b}') && !said.contains('\u{1b}'));
    }
}
