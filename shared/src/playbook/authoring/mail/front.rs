//! The front matter of a mail: what stands between two lines of `---` above its text.

use std::ops::Range;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

use super::super::mistake::Mistake;
use super::super::place::Place;
use super::super::source::Source;
use super::super::{schema, shape, yaml};
use crate::id::TopicId;
use crate::lead::Stage;
use crate::playbook::mail::{Class, From};

/// What stands above a mail's text. The other language version of a mail says only its subject, variants and preheader.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "its texts are read with their places, and it says what shape they have")]
pub(crate) struct Front {
    /// What readers see before they open it. A text with {{ }} stands in quotes.
    #[schemars(extend("examples" = ["\"Three questions before you choose\""]))]
    pub(super) subject: String,
    /// Further subjects; each goes to a part of the readers.
    #[serde(default)]
    pub(super) variants: Vec<String>,
    /// What telephones show beside the subject.
    #[serde(default)]
    pub(super) preheader: Option<String>,
    /// What kind of mail it is; without it marketing mail.
    #[serde(default)]
    pub(super) class: Option<Class>,
    /// The topic by which readers choose, from playbook.yaml.
    #[serde(default)]
    pub(super) topic: Option<TopicId>,
    /// In whose name it comes; without it in the company's.
    #[serde(default)]
    pub(super) sender: Option<From>,
    /// For which kinds of people it is written, in your own words.
    #[serde(default)]
    pub(super) personas: Vec<String>,
    /// For leads in which stages it is written.
    #[serde(default)]
    pub(super) stages: Vec<Stage>,
    /// The day on which somebody shall look whether it still holds.
    #[serde(default)]
    pub(super) review: Option<Date>,
}

/// What is the same in every language, and so stands in `mail/NAME.md` alone.
const SHARED: [&str; 6] = ["class", "topic", "sender", "personas", "stages", "review"];

/// A file in its two halves.
#[derive(Debug)]
pub(super) struct Halves {
    /// Where the front matter ends.
    front: usize,
    /// Where the text begins.
    pub(super) body: usize,
}

/// Finds the front matter. `None` if there is none, which is reported.
pub(super) fn halves(source: &Source<'_>, mistakes: &mut Vec<Mistake>) -> Option<Halves> {
    const SHAPE: &str =
        "begin the file with a line ---, then subject: and what else there is to say, then another line ---, then the text";
    let is_fence = |line: &str| line.trim_end() == "---";
    let mut at = 0;
    let mut lines = source.text.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    if !is_fence(first) {
        mistakes.push(source.mistake(
            0..first.trim_end().len(),
            "a mail begins with its subject, between two lines of ---",
            SHAPE,
        ));
        return None;
    }
    at += first.len();
    for line in lines {
        if is_fence(line) {
            return Some(Halves { front: at, body: at + line.len() });
        }
        at += line.len();
    }
    mistakes.push(source.mistake(0..3, "the line --- that ends the front matter is missing", SHAPE));
    None
}

/// Reads the front matter, and hands its places to `with`.
pub(super) fn read<T>(
    source: &Source<'_>,
    halves: &Halves,
    translation: bool,
    mistakes: &mut Vec<Mistake>,
    with: impl FnOnce(Option<Front>, Place<'_>, &mut Vec<Mistake>) -> T,
) -> Option<T> {
    let front = source.until(halves.front);
    let tree = yaml::read(&front, mistakes)?;
    let place = Place::root(&front, &tree);
    let value = shape::read(&schema::of::<Front>(), place, mistakes);
    if translation {
        for (_, shared) in place.entries().filter(|(key, _)| SHARED.contains(key)) {
            let remedy = "take it away: it stands in the file without a language in its name, and holds for every language";
            mistakes.push(shared.mistake_at_key("this is said once for all languages", remedy));
        }
    }
    let front = value.and_then(|value| match serde_json::from_value(value) {
        Ok(front) => Some(front),
        Err(error) => {
            mistakes.push(Mistake::whole(source.name, error.to_string(), "compare it with a mail of the default playbook"));
            None
        }
    });
    Some(with(front, place, mistakes))
}

/// The bytes of a text of the front matter, without the quotes around it.
pub(super) fn inner(source: &Source<'_>, place: Place<'_>) -> Option<Range<usize>> {
    let span = place.node()?.span.clone();
    let written = source.text.get(span.clone())?;
    let quoted = written.len() >= 2
        && (written.starts_with('"') && written.ends_with('"') || written.starts_with('\'') && written.ends_with('\''));
    Some(if quoted { span.start + 1..span.end - 1 } else { span })
}
