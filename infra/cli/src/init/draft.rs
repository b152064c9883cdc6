//! The files of a new playbook: those of the default one, with what is the customer's own put in their places.

use std::path::Path;

use anyhow::{Context, anyhow};
use michi::address::Address;
use michi::playbook::Language;
use michi::playbook::authoring::{
    DEFAULT_EXAMPLES, DEFAULT_MAILS, DEFAULT_SCENARIOS, EXAMPLES_SCHEMA, MAIL_SCHEMA, Part, SCENARIO_SCHEMA, SourceFile, check,
    with_text,
};

/// The company of the default playbook has this domain, which gives way to the customer's wherever it stands.
const DEMO_DOMAIN: &str = "tsumugi-works.example";

/// The sites of the default playbook are those of the demonstration.
const DEMO_SITES: &str = "  - origin: http://127.0.0.1:7070
  - origin: http://localhost:7070
  #- origin: https://www.example.com
";

/// Where the default mails' links lead.
const DEMO: &str = "http://127.0.0.1:7070";

/// In their place: the customer's site, and a hint for trying things out.
const SITES: &str = "  - origin: https://www.example.com
  #- origin: http://localhost:3000
";

/// The line of the default playbook that brings Japan's holidays.
const HOLIDAYS: &str = "#national_holidays: japan";

/// A playbook without mistakes, not yet written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    files: Vec<SourceFile>,
    /// The site's domain without `www.`; `None` if it has no name that mail could be sent to.
    pub(super) domain: Option<String>,
}

impl Draft {
    /// The default playbook for a site. A site without scheme is meant with https; what follows the host is left out.
    pub(super) fn new(site: &str, language: Language, write_key: &str) -> anyhow::Result<Self> {
        let site = site.trim();
        let (scheme, rest) = site.split_once("://").unwrap_or(("https", site));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_lowercase();
        let host = authority.split(':').next().unwrap_or_default();
        let named = host.contains('.') && host.chars().any(char::is_alphabetic);
        let domain = named.then(|| host.strip_prefix("www.").unwrap_or(host).to_owned());

        let (word, zone) = match language {
            Language::En => ("en", "UTC"),
            Language::Ja => ("ja", "Asia/Tokyo"),
        };
        let origin = format!("{scheme}://{authority}");
        // Who answers in Japanese keeps Japan's holidays.
        let holidays = match language {
            Language::En => HOLIDAYS,
            Language::Ja => HOLIDAYS.trim_start_matches('#'),
        };
        let text = |part: Part| in_language(part.default_text(), language).replace(DEMO_SITES, SITES).replace(HOLIDAYS, holidays);
        let parts = Part::ALL.map(|part| SourceFile::new(part.file_name(), text(part)));
        let draft = Self { files: parts.to_vec(), domain };
        let draft = draft.with(&[("language", word), ("time_zone", zone), ("write_key", write_key)])?;
        let mut draft = draft.with(&[("sites.0.origin", &origin)]).with_context(|| format!("--site {site}"))?;
        let scenarios = DEFAULT_SCENARIOS.into_iter().chain(DEFAULT_EXAMPLES);
        draft.files.extend(scenarios.map(|(name, text)| SourceFile::new(name, in_language(text, language))));
        draft.files.extend(mails(language, &origin));
        draft.with(&[])
    }

    /// The draft with other texts at these places of `playbook.yaml`; a path has points between its keys.
    ///
    /// # Errors
    /// With them it would have a mistake, which is said.
    pub(super) fn with(&self, changes: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut draft = self.clone();
        let setup = draft.files.first_mut().context("a playbook has files")?;
        for (path, text) in changes {
            let keys: Vec<&str> = path.split('.').collect();
            *setup = with_text(setup, &keys, text).with_context(|| format!("the default playbook has no {path}"))?;
        }
        let found = |mistakes: michi::playbook::authoring::Mistakes| {
            let said: Vec<String> =
                mistakes.list().iter().map(|mistake| format!("{}; {}", mistake.what, mistake.remedy)).collect();
            anyhow!(said.join(", "))
        };
        check(&draft.files).map_err(found)?;
        Ok(draft)
    }

    /// The draft with the sender's domain wherever the default company's own stands: its staff is told by it.
    pub(super) fn at_home(mut self, sender: &Address) -> Self {
        for file in &mut self.files {
            let text = String::from_utf8_lossy(&file.bytes).replace(DEMO_DOMAIN, sender.domain());
            file.bytes = text.into_bytes();
        }
        self
    }

    /// Writes the files, and the schemas by which editors help with them.
    pub(super) fn save(&self, dir: &Path) -> std::io::Result<()> {
        let schemas = dir.join("schema");
        std::fs::create_dir_all(&schemas)?;
        for folder in ["scenarios", "mail"] {
            std::fs::create_dir_all(dir.join(folder))?;
        }
        let others = [SCENARIO_SCHEMA, EXAMPLES_SCHEMA, MAIL_SCHEMA];
        for (name, text) in Part::ALL.map(|part| (part.schema_name(), part.schema_text())).into_iter().chain(others) {
            std::fs::write(schemas.join(name), text)?;
        }
        self.files.iter().try_for_each(|file| std::fs::write(dir.join(&file.name), &file.bytes))
    }
}

/// The default mails with links to the customer's site. Those in the playbook's own language have no language in their
/// names.
fn mails(language: Language, origin: &str) -> Vec<SourceFile> {
    let mail = |(name, text): (&str, &str)| {
        let name = match (language, name.strip_suffix(".ja.md"), name.strip_suffix(".md")) {
            (Language::Ja, Some(stem), _) => format!("{stem}.md"),
            (Language::Ja, None, Some(stem)) => format!("{stem}.en.md"),
            _ => name.to_owned(),
        };
        (name, text.replace(&format!("{DEMO}/ja"), origin).replace(DEMO, origin))
    };
    let mut mails: Vec<(String, String)> = DEFAULT_MAILS.into_iter().map(mail).collect();
    if language == Language::Ja {
        move_shared(&mut mails);
    }
    mails.into_iter().map(|(name, text)| SourceFile::new(name, text)).collect()
}

/// What holds for every language of a mail stands in the file without a language in its name.
fn move_shared(mails: &mut [(String, String)]) {
    let shared =
        |line: &str| ["class:", "topic:", "sender:", "personas:", "stages:", "review:"].iter().any(|key| line.starts_with(key));
    let mut moved: Vec<(String, String)> = Vec::new();
    for (name, text) in mails.iter_mut() {
        let Some(stem) = name.strip_suffix(".en.md") else { continue };
        let lines: String = text.split_inclusive('\n').filter(|line| shared(line)).collect();
        *text = text.split_inclusive('\n').filter(|line| !shared(line)).collect();
        moved.push((format!("{stem}.md"), lines));
    }
    for (name, lines) in moved {
        for (_, text) in mails.iter_mut().filter(|(other, _)| *other == name) {
            *text = text.replacen("\n---\n", &format!("\n{lines}---\n"), 1);
        }
    }
}

/// A default file with its comments in one language only. Prose follows `# `; a commented-out line follows `#`
/// directly, and stays.
fn in_language(text: &str, language: Language) -> String {
    let kept = |line: &&str| match line.trim_start().strip_prefix("# ") {
        Some(prose) if !prose.starts_with("yaml-language-server:") => is_japanese(prose) == (language == Language::Ja),
        _ => true,
    };
    text.split_inclusive('\n').filter(kept).collect()
}

fn is_japanese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}
