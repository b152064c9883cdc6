//! Things of a playbook by the names that people give them.

use anyhow::anyhow;
use michi::id::{MailId, ScenarioId};
use michi::playbook::mail::{Mail, built_in};
use michi::playbook::scenario::Scenario;
use michi::playbook::{Playbook, authoring};

/// The scenario of a name.
///
/// # Errors
/// If there is none, with the one that was probably meant.
pub fn scenario<'p>(playbook: &'p Playbook, name: &str) -> anyhow::Result<(&'p ScenarioId, &'p Scenario)> {
    let found = playbook.scenarios.iter().find(|(id, _)| id.as_str() == name);
    found.ok_or_else(|| unknown("scenario", name, playbook.scenarios.keys().map(ScenarioId::as_str)))
}

/// The mail of a name, or of its file's name. If there is none, one of those that are `wanted` was meant.
///
/// # Errors
/// If there is none, with the one that was probably meant.
pub fn mail<'p>(playbook: &'p Playbook, name: &str, wanted: impl Fn(&Mail) -> bool) -> anyhow::Result<(MailId, &'p Mail)> {
    let stem = name.strip_prefix("mail/").unwrap_or(name);
    let stem = stem.strip_suffix(".md").map_or(stem, |stem| stem.split('.').next().unwrap_or_default());
    let found = MailId::parse(stem).ok().and_then(|id| Some((id.clone(), playbook.mail(&id)?)));
    found.ok_or_else(|| {
        let all = playbook.mails.keys().chain(built_in().keys());
        let mut names: Vec<&str> = all.filter(|id| playbook.mail(id).is_some_and(&wanted)).map(MailId::as_str).collect();
        names.sort_unstable();
        names.dedup();
        unknown("mail", name, names)
    })
}

/// What is said of a name that is nobody's: the one that was probably meant, or those there are.
#[must_use]
pub fn unknown<'n>(what: &str, name: &str, known: impl IntoIterator<Item = &'n str>) -> anyhow::Error {
    let known: Vec<&str> = known.into_iter().collect();
    let instead = if known.is_empty() { "there is none yet".to_owned() } else { authoring::instead(name, known) };
    anyhow!("no {what} is called \"{name}\": {instead}")
}

#[cfg(test)]
mod tests {
    use michi::playbook::authoring::default_playbook;

    use super::*;

    #[test]
    fn a_mail_is_found_by_its_name_and_by_its_files() {
        let playbook = default_playbook().unwrap();
        for name in ["case-study", "mail/case-study.md", "case-study.ja.md", "alert"] {
            assert!(mail(&playbook, name, |_| true).is_ok(), "{name}");
        }
        let said = |name: &str| mail(&playbook, name, |_| true).unwrap_err().to_string();
        assert_eq!(said("case-stduy"), "no mail is called \"case-stduy\": did you mean \"case-study\"?");
        assert!(said("nothing like it").contains("known here: alert, case-study"), "{}", said("nothing like it"));
    }

    #[test]
    fn a_scenario_that_there_is_not_is_refused_with_the_one_that_was_meant() {
        let mut playbook = default_playbook().unwrap();
        assert!(scenario(&playbook, "wake-the-quiet").is_ok());
        let said = |playbook: &Playbook| scenario(playbook, "wake-the-quite").unwrap_err().to_string();
        assert_eq!(said(&playbook), "no scenario is called \"wake-the-quite\": did you mean \"wake-the-quiet\"?");
        playbook.scenarios.clear();
        assert_eq!(said(&playbook), "no scenario is called \"wake-the-quite\": there is none yet");
    }
}
