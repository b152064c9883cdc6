//! Tags: `{{ a field }}` and `{% if … %}`, found in a text with their places and judged. There are no loops, includes,
//! macros or variables.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::mistake::{Mistake, quoted};
use super::super::near::{listed, nearest};
use super::super::source::Source;
use super::expression::Expression;

/// What the tags of a text may name.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope<'a> {
    /// Fields whose value may be unknown.
    pub(super) unsure: Vec<&'a str>,
    /// Fields that always have a value.
    pub(super) sure: Vec<&'a str>,
    /// Ready-made blocks, which stand on lines of their own.
    pub(super) blocks: Vec<&'a str>,
    /// Addresses, which are the whole target of a link.
    pub(super) urls: Vec<&'a str>,
    /// Fields that there are elsewhere, but not here, and what to do about that.
    pub(super) barred: Vec<(&'a str, &'a str)>,
    /// Whether attributes of the customer's own are fields too.
    pub(super) attributes: bool,
    /// A field that must be used; and what is said where it is missing, with the remedy.
    pub(super) needed: Option<(&'a str, (&'a str, &'a str))>,
}

impl Scope<'_> {
    pub(super) fn all(&self) -> impl Iterator<Item = &str> + Clone {
        [&self.unsure, &self.sure, &self.blocks, &self.urls].into_iter().flatten().copied()
    }

    /// Whether a field is made for each message, and so has no value in the lead's own.
    pub(super) fn is_made(&self, name: &str) -> bool {
        self.blocks.contains(&name) || self.urls.contains(&name)
    }
}

/// A part of a text: plain, or a tag by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Plain(Range<usize>),
    Tag(usize),
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Its bytes in the file.
    pub(super) at: Range<usize>,
    pub(super) kind: Kind,
    /// What the engine gets of it.
    pub(super) code: String,
}

/// What a tag does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// Shows something; the field's name if nothing but one field stands in it.
    Show(Option<String>),
    /// Was to show something, and is reported.
    Broken,
    If,
    /// `elif` or `else`.
    Else,
    EndIf,
}

impl Kind {
    pub(super) fn is_statement(&self) -> bool {
        matches!(self, Self::If | Self::Else | Self::EndIf)
    }
}

/// What was found in a text.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) pieces: Vec<Piece>,
    pub(super) tags: Vec<Tag>,
    /// The fields that are used.
    pub(super) fields: BTreeSet<String>,
}

/// Finds and judges the tags in these bytes of a file.
pub(super) fn scan(source: &Source<'_>, range: Range<usize>, scope: &Scope<'_>, mistakes: &mut Vec<Mistake>) -> Found {
    let mut scanner = Scanner { source, scope, mistakes, found: Found::default(), open: Vec::new() };
    scanner.run(range);
    for open in std::mem::take(&mut scanner.open) {
        scanner.report(open.at, "this {% if %} is never closed", "write {% endif %} behind the part that it is about");
    }
    scanner.found
}

/// An `if` that is not closed yet.
struct Open {
    at: Range<usize>,
    /// What is surely known in the part that is open.
    known: BTreeSet<String>,
    /// What is surely known if none of the conditions so far holds.
    otherwise: BTreeSet<String>,
    last: bool,
}

struct Scanner<'a, 'm> {
    source: &'a Source<'a>,
    scope: &'a Scope<'a>,
    mistakes: &'m mut Vec<Mistake>,
    found: Found,
    open: Vec<Open>,
}

const OPENERS: [(&str, &str); 3] = [("{{", "}}"), ("{%", "%}"), ("{#", "#}")];
const CONDITIONS: &str = "a mail knows {% if … %}, {% elif … %}, {% else %} and {% endif %}";

impl Scanner<'_, '_> {
    fn report(&mut self, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        self.mistakes.push(self.source.mistake(at, what, remedy));
    }

    fn run(&mut self, range: Range<usize>) {
        let text = self.source.text;
        let mut at = range.start;
        while at < range.end {
            let rest = text.get(at..range.end).unwrap_or_default();
            let next = rest.match_indices('{').find_map(|(start, _)| {
                let behind = rest.get(start..).unwrap_or_default();
                OPENERS.iter().find(|(opener, _)| behind.starts_with(opener)).map(|pair| (start, pair))
            });
            let Some((start, (opener, closer))) = next else { break };
            self.plain(at..at + start);
            let begin = at + start;
            let inner = begin + 2;
            let behind = text.get(inner..range.end).unwrap_or_default();
            let Some(length) = closing(behind, closer) else {
                let line = behind.lines().next().unwrap_or_default().len();
                let remedy = format!("write {closer} at its end");
                self.report(begin..inner + line, format!("this {opener} is never closed"), remedy);
                // Behind a comment that has no end nothing is text.
                at = if *opener == "{#" { range.end } else { inner + line };
                continue;
            };
            let end = inner + length + closer.len();
            let inside = behind.get(..length).unwrap_or_default();
            match *opener {
                "{{" => self.show(begin..end, inside, inner),
                "{%" => self.statement(begin..end, inside, inner),
                _ => {}
            }
            at = end;
        }
        self.plain(at.min(range.end)..range.end);
    }

    fn plain(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        let text = self.source.text.get(range.clone()).unwrap_or_default();
        for (wide, plain) in [("｛｛", "{{"), ("｝｝", "}}"), ("｛％", "{%"), ("｛%", "{%")] {
            if let Some(at) = text.find(wide) {
                let at = range.start + at;
                self.report(
                    at..at + wide.len(),
                    "these are full-width braces, which readers would see",
                    format!("write {plain}"),
                );
            }
        }
        self.found.pieces.push(Piece::Plain(range));
    }

    fn push(&mut self, at: Range<usize>, kind: Kind, code: String) {
        self.found.pieces.push(Piece::Tag(self.found.tags.len()));
        self.found.tags.push(Tag { at, kind, code });
    }

    fn show(&mut self, at: Range<usize>, inside: &str, start: usize) {
        let (inside, start) = trimmed(inside, start);
        let kind = self.shown(&at, inside, start).unwrap_or(Kind::Broken);
        self.push(at, kind, format!("{{{{ {inside} }}}}"));
    }

    /// What is shown; none if it cannot be, which is reported.
    fn shown(&mut self, at: &Range<usize>, inside: &str, start: usize) -> Option<Kind> {
        let expression = match Expression::read(inside, start) {
            Ok(expression) => expression,
            Err((place, what, remedy)) => {
                self.report(place, what, remedy);
                return None;
            }
        };
        if matches!(expression, Expression::Compare { .. } | Expression::Not(_)) {
            let remedy = "put it into {% if … %}, and what depends on it behind that";
            self.report(at.clone(), "a condition shows nothing", remedy);
            return None;
        }
        if !self.knows(&expression) {
            return None;
        }
        let guarded = |name: &str| !self.scope.unsure.contains(&name) || self.open.iter().any(|open| open.known.contains(name));
        if let Some((name, place)) = expression.hole(&guarded) {
            let what = format!("of some leads {} is not known, and a hole would stand here", quoted(name));
            let remedy = format!(
                "say what stands there then: {{{{ {name} | default(\"…\") }}}}; or put it between {{% if {name} %}} and {{% endif %}}"
            );
            let place = place.clone();
            self.report(place, what, remedy);
            return None;
        }
        Some(Kind::Show(match expression {
            Expression::Field { name, .. } => Some(name),
            _ => None,
        }))
    }

    /// Whether all fields are known here; those that are not are reported.
    fn knows(&mut self, expression: &Expression) -> bool {
        let mut all = true;
        for (name, at) in expression.fields() {
            if self.scope.all().any(|known| known == name) {
                self.found.fields.insert(name.to_owned());
                continue;
            }
            all = false;
            match self.scope.barred.iter().find(|(barred, _)| *barred == name) {
                Some((_, why)) => self.report(at.clone(), format!("{} may not stand here", quoted(name)), *why),
                None => {
                    let remedy = match nearest(name, self.scope.all()) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None if self.scope.attributes => format!("known are {}; {HOME}", listed(self.scope.all())),
                        None => format!("known are {}", listed(self.scope.all())),
                    };
                    self.report(at.clone(), format!("there is no field called {} here", quoted(name)), remedy);
                }
            }
        }
        all
    }

    fn statement(&mut self, at: Range<usize>, inside: &str, start: usize) {
        let (inside, start) = trimmed(inside, start);
        let word = inside.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        let rest = inside.get(word.len()..).unwrap_or_default();
        match word {
            "if" | "elif" => {
                let condition = match Expression::read(rest, start + word.len()) {
                    Ok(condition) => condition,
                    Err((place, what, remedy)) => {
                        // What follows it is judged as if it were right.
                        self.turn(word, &at, &Expression::Literal { empty: false });
                        return self.report(place, what, remedy);
                    }
                };
                self.knows(&condition);
                if self.turn(word, &at, &condition) {
                    let kind = if word == "if" { Kind::If } else { Kind::Else };
                    self.push(at, kind, format!("{{% {word} {} %}}", rest.trim()));
                }
            }
            "else" | "endif" if rest.trim().is_empty() => {
                if self.turn(word, &at, &Expression::Literal { empty: false }) {
                    let kind = if word == "else" { Kind::Else } else { Kind::EndIf };
                    self.push(at, kind, format!("{{% {word} %}}"));
                }
            }
            "else" if rest.trim_start().starts_with("if") => {
                self.report(at, "two words stand here, where one belongs", "write elif")
            }
            "else" | "endif" => {
                self.report(at, format!("nothing belongs behind {word}"), format!("write {{% {word} %}}"));
            }
            _ => {
                let what = format!("{} is not known in a mail: {}", quoted(word), refusal(word));
                let near = nearest(word, ["if", "elif", "else", "endif"]);
                let remedy = near.map_or_else(|| CONDITIONS.to_owned(), |near| format!("did you mean \"{near}\"? {CONDITIONS}"));
                self.report(at, what, remedy);
            }
        }
    }

    /// Moves on from one part of a condition to the next; whether there is one to move on from.
    fn turn(&mut self, word: &str, at: &Range<usize>, condition: &Expression) -> bool {
        if word == "if" {
            let (known, otherwise) = (condition.known(true), condition.known(false));
            self.open.push(Open { at: at.clone(), known, otherwise, last: false });
            return true;
        }
        let Some(open) = self.open.last_mut() else {
            let remedy = "write {% if … %} before the part that it is about, or take it away";
            self.report(at.clone(), format!("there is no {{% if %}} to this {word}"), remedy);
            return false;
        };
        if word == "endif" {
            self.open.pop();
            return true;
        }
        if open.last {
            self.report(
                at.clone(),
                format!("this {word} comes after the else"),
                "let {% else %} be the last part before {% endif %}",
            );
            return false;
        }
        open.last = word == "else";
        open.known = if word == "else" { open.otherwise.clone() } else { &condition.known(true) | &open.otherwise };
        open.otherwise = &open.otherwise | &condition.known(false);
        true
    }
}

const HOME: &str = "an attribute of your own is known once a rule in scoring.yaml or a segment asks for it";

fn refusal(word: &str) -> &'static str {
    match word {
        "for" | "endfor" => "it has no loops",
        "include" | "import" | "from" | "extends" | "block" | "endblock" => "it takes in no other file",
        "macro" | "call" | "endmacro" | "set" | "with" => "it has no macros and no variables",
        _ => "it has conditions, and nothing else",
    }
}

/// Without blanks and the dashes that other tools take for blanks to leave out.
fn trimmed(inside: &str, start: usize) -> (&str, usize) {
    let begun = inside.strip_prefix('-').unwrap_or(inside).trim_start();
    let start = start + inside.len() - begun.len();
    (begun.strip_suffix('-').unwrap_or(begun).trim_end(), start)
}

/// Where a tag ends: at its closer, outside of texts in quotes, and before another tag opens.
fn closing(text: &str, closer: &str) -> Option<usize> {
    if closer == "#}" {
        return text.find(closer);
    }
    let mut quote: Option<char> = None;
    let mut dangling = false;
    for (at, c) in text.char_indices() {
        let rest = text.get(at..).unwrap_or_default();
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) if c != '\n' => {}
            Some(_) => (quote, dangling) = (None, true),
            None if rest.starts_with(closer) => return Some(at),
            None if OPENERS.iter().any(|(opener, _)| rest.starts_with(opener)) => break,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => {}
        }
    }
    // A text in quotes that is never closed is named by itself.
    let torn = dangling || quote.is_some();
    torn.then(|| text.lines().next().and_then(|line| line.find(closer))).flatten()
}
