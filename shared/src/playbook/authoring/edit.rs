//! Changing one text in a file and nothing else: comments, order and blanks stay as they are.

use super::mistake::is_hidden;
use super::place::Place;
use super::source::{Source, SourceFile};
use super::yaml;

/// The file with another text at a place. The place is a path of keys and, in lists, of numbers from 0; `None` if no
/// text stands there, or if the file cannot be read.
#[must_use]
pub fn with_text(file: &SourceFile, path: &[&str], text: &str) -> Option<SourceFile> {
    let source = Source::of(file).ok()?;
    let root = yaml::read(&source, &mut Vec::new())?;
    let place = at(Place::root(&source, &root), path);
    place.text()?;
    let span = place.node()?.span.clone();
    let (before, behind) = (source.text.get(..span.start)?, source.text.get(span.end..)?);
    let with = |new: &str| SourceFile::new(&file.name, [before, new, behind].concat());

    // Without quotes if it is the same text then, and no editor takes it for a number or a truth value.
    let word = text.starts_with(char::is_alphabetic) && !is_special(text) && !text.contains(is_hidden);
    let plain = with(text);
    if word && reads(&plain, path, text) {
        return Some(plain);
    }
    // JSON's quotes and escapes are those of a text in double quotes in YAML.
    Some(with(&serde_json::to_string(text).ok()?))
}

fn at<'a>(root: Place<'a>, path: &[&str]) -> Place<'a> {
    path.iter().fold(root, |place, step| match step.parse::<usize>() {
        Ok(number) => place.items().nth(number).unwrap_or_else(|| place.key(step)),
        Err(_) => place.key(step),
    })
}

/// Whether this text stands at a place of a file.
fn reads(file: &SourceFile, path: &[&str], text: &str) -> bool {
    let Ok(source) = Source::of(file) else { return false };
    let mut mistakes = Vec::new();
    yaml::read(&source, &mut mistakes).is_some_and(|root| at(Place::root(&source, &root), path).text() == Some(text))
        && mistakes.is_empty()
}

/// Words that mean something else than themselves, in one version of YAML or another.
fn is_special(text: &str) -> bool {
    ["true", "false", "yes", "no", "on", "off", "y", "n", "null"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_changes_and_all_else_stays() {
        let check = |text: &str, path: &[&str], new: &str, wanted: Option<&str>| {
            let found = with_text(&SourceFile::new("a.yaml", text), path, new);
            let found = found.map(|file| String::from_utf8(file.bytes).unwrap());
            assert_eq!(found.as_deref(), wanted);
        };
        let block = |new: &str, wanted: &str| {
            check("# 会社\na:\n  b: x   # 社名\n", &["a", "b"], new, Some(&format!("# 会社\na:\n  b: {wanted}   # 社名\n")));
        };
        block("株式会社道", "株式会社道");
        block("Acme, Inc. [UK]", "Acme, Inc. [UK]");
        block("a: b", "\"a: b\"");
        block("Acme #1", "\"Acme #1\"");
        block("Acme \"道\"\n", "\"Acme \\\"道\\\"\\n\"");
        block("012", "\"012\"");
        block("No", "\"No\"");
        block("*x", "\"*x\"");
        block("a\u{202e}b", "\"a\u{202e}b\"");
        let flow = "c: [1, { d: \"y\" }]\n";
        check(flow, &["c", "1", "d"], "z", Some("c: [1, { d: z }]\n"));
        check(flow, &["c", "1", "d"], "z, e: f", Some("c: [1, { d: \"z, e: f\" }]\n"));
        check(flow, &["c", "2"], "z", None);
        check(flow, &["c"], "z", None);
        check("a: [", &["a"], "z", None);
    }
}
