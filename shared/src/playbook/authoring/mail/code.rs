//! From placeholders to the engine's code: text of any kind in which the tags stand as numbers becomes a template.

use super::tags::Found;
use super::tree::{CLOSE, OPEN, placeholder};

/// The engine's code for each number.
#[derive(Debug, Clone, Default)]
pub(super) struct Codes(Vec<String>);

impl Codes {
    /// The code of the tags that were found, by their own numbers.
    pub(super) fn of(found: &Found) -> Self {
        Self(found.tags.iter().map(|tag| tag.code.clone()).collect())
    }

    /// A place for further code.
    pub(super) fn place(&mut self, code: String) -> String {
        self.0.push(code);
        placeholder(self.0.len() - 1)
    }

    /// A place for text that stands as it is.
    pub(super) fn text(&mut self, text: &str) -> String {
        self.place(literal(text))
    }

    /// The template: code where the placeholders are, and everything else as it stands, whatever the engine would make of it.
    pub(super) fn template(&self, text: &str) -> String {
        let mut template = String::with_capacity(text.len());
        let mut parts = text.split(OPEN);
        template.push_str(&literal(parts.next().unwrap_or_default()));
        for part in parts {
            let (number, behind) = part.split_once(CLOSE).unwrap_or(("", part));
            let code = number.parse::<usize>().ok().and_then(|number| self.0.get(number));
            template.push_str(code.map_or("", String::as_str));
            template.push_str(&literal(behind));
        }
        template
    }
}

/// Text in which no brace can begin a tag, not even with what follows it.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('{', None | Some('{' | '%' | '#')) => literal.push_str("{{ '{' }}"),
            _ => literal.push(c),
        }
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::template::{Syntax, Values, filled};

    #[test]
    fn what_is_no_tag_stays_as_it_stands() {
        let mut codes = Codes::default();
        let place = codes.place("{{ name }}".to_owned());
        let values = Values::from([("name".to_owned(), "Ann".into())]);
        for (text, wanted) in [
            (format!("a {place}, b"), "a Ann, b"),
            (format!("{{{place}}}"), "{Ann}"),
            ("{{ 7*7 }} {% if x %} {# y #} {".to_owned(), "{{ 7*7 }} {% if x %} {# y #} {"),
            ("{{{{".to_owned(), "{{{{"),
        ] {
            let template = codes.template(&text);
            assert_eq!(filled(&template, Syntax::Text, &values).unwrap(), wanted, "{template}");
        }
    }
}
