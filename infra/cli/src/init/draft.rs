//! The files of a new playbook: those of the default one, with what is the customer's own put in their places.

use std::path::Path;

use anyhow::{Context, anyhow};
use michi::address::Address;
use michi::playbook::Language;
use michi::playbook::authoring::{Part, SourceFile, check, with_text};

/// The company of the default playbook has this domain, which gives way to the customer's wherever it stands.
const DEMO_DOMAIN: &str = "tsumugi-works.example";

/// The sites of the default playbook are those of the demonstration.
const DEMO_SITES: &str = "  - origin: http://127.0.0.1:7070
  - origin: http://localhost:7070
  #- origin: https://www.example.com
";

/// In their place: the customer's site, and a hint for trying things out.
const SITES: &str = "  - origin: https://www.example.com
  #- origin: http://localhost:3000
";

/// A playbook without mistakes, not yet written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    files: [SourceFile; 3],
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
        let texts = Part::ALL.map(|part| (part, in_language(part.default_text(), language).replace(DEMO_SITES, SITES)));
        let draft = Self { files: texts.map(|(part, text)| SourceFile::new(part.file_name(), text)), domain };
        let draft = draft.with(&[("language", word), ("time_zone", zone), ("write_key", write_key)])?;
        draft.with(&[("sites.0.origin", &format!("{scheme}://{authority}"))]).with_context(|| format!("--site {site}"))
    }

    /// The draft with other texts at these places of `playbook.yaml`; a path has points between its keys.
    ///
    /// # Errors
    /// With them it would have a mistake, which is said.
    pub(super) fn with(&self, changes: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut draft = self.clone();
        let [setup, ..] = &mut draft.files;
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
        for part in Part::ALL {
            std::fs::write(schemas.join(part.schema_name()), part.schema_text())?;
        }
        self.files.iter().try_for_each(|file| std::fs::write(dir.join(&file.name), &file.bytes))
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
