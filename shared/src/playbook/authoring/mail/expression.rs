//! What may stand in a tag: a field, a text or a number; `default(…)` behind it; `or`, `and`, `not` and comparisons. It is
//! a part of what minijinja takes, with every field known by its place.

use std::collections::BTreeSet;
use std::ops::Range;

/// What a tag asks for.
#[derive(Debug, PartialEq)]
pub(super) enum Expression {
    Field {
        name: String,
        at: Range<usize>,
    },
    /// A text or a number as it stands; whether nothing of it can be seen.
    Literal {
        empty: bool,
    },
    /// `first or second`, and `first | default(second)`.
    Or(Box<Expression>, Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Not(Box<Expression>),
    /// A comparison of two things.
    Compare {
        equal: bool,
        sides: Box<(Expression, Expression)>,
    },
}

/// What is wrong in a tag, where, and the remedy.
pub(super) type Trouble = (Range<usize>, String, String);

/// More words and signs no tag needs; however they lie in each other, reading so few cannot exhaust the stack.
const MOST_TOKENS: usize = 100;

impl Expression {
    /// Reads the inside of a tag, which begins at this byte.
    pub(super) fn read(text: &str, start: usize) -> Result<Self, Trouble> {
        let end = start + text.len();
        let tokens = tokens(text, start)?;
        if tokens.len() > MOST_TOKENS {
            let what = format!("this tag has more than {MOST_TOKENS} words and signs");
            return Err((start..end, what, "say it in several tags, one within the other".to_owned()));
        }
        let mut reader = Reader { tokens, next: 0, end };
        let expression = reader.or()?;
        match reader.peek() {
            None => Ok(expression),
            Some((_, at)) => Err((at.clone(), "this does not belong here".to_owned(), SHAPE.to_owned())),
        }
    }

    /// Every field in it.
    pub(super) fn fields(&self) -> Vec<(&str, &Range<usize>)> {
        match self {
            Self::Field { name, at } => vec![(name, at)],
            Self::Literal { .. } => vec![],
            Self::Or(one, other) | Self::And(one, other) => [one.fields(), other.fields()].concat(),
            Self::Not(inner) => inner.fields(),
            Self::Compare { sides, .. } => [sides.0.fields(), sides.1.fields()].concat(),
        }
    }

    /// The field that would leave a hole where this is shown; `known` says of which it is sure that they are known.
    pub(super) fn hole(&self, known: &dyn Fn(&str) -> bool) -> Option<(&str, &Range<usize>)> {
        match self {
            Self::Field { name, at } => (!known(name)).then_some((name, at)),
            Self::Or(one, other) => one.hole(known).and_then(|hole| match other.as_ref() {
                Self::Literal { empty: true } => Some(hole),
                other => other.hole(known),
            }),
            Self::And(one, other) => one.hole(known).or_else(|| other.hole(known)),
            Self::Literal { .. } | Self::Not(_) | Self::Compare { .. } => None,
        }
    }

    /// Fields that are surely known where this holds, or where it does not.
    pub(super) fn known(&self, holds: bool) -> BTreeSet<String> {
        match self {
            Self::Field { name, .. } if holds => BTreeSet::from([name.clone()]),
            Self::Not(inner) => inner.known(!holds),
            Self::And(one, other) if holds => &one.known(true) | &other.known(true),
            Self::Or(one, other) if !holds => &one.known(false) | &other.known(false),
            Self::Compare { equal, sides } if *equal == holds => match sides.as_ref() {
                (Self::Field { name, .. }, Self::Literal { empty: false })
                | (Self::Literal { empty: false }, Self::Field { name, .. }) => BTreeSet::from([name.clone()]),
                _ => BTreeSet::new(),
            },
            _ => BTreeSet::new(),
        }
    }
}

const SHAPE: &str = "a tag is a field with what stands in its place if it is not known, as in {{ name | default(\"there\") }}, or a condition of fields with and, or, not, == and !=";

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number,
    Sign(&'static str),
}

const SIGNS: [&str; 9] = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "|"];

fn tokens(text: &str, start: usize) -> Result<Vec<(Token, Range<usize>)>, Trouble> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let begin = start + text.len() - rest.len();
        let taken = |length: usize| (begin..begin + length, rest.get(length..).unwrap_or_default());
        let (token, (at, behind)) = match c {
            c if c.is_ascii_whitespace() => {
                rest = taken(1).1;
                continue;
            }
            '"' | '\'' => {
                let Some(length) = rest.get(1..).and_then(|inner| inner.find(c)) else {
                    let remedy = format!("write {c} at its end too");
                    return Err((taken(rest.len()).0, "this text is never closed".to_owned(), remedy));
                };
                let inner = rest.get(1..=length).unwrap_or_default();
                if inner.contains('\\') {
                    let remedy = "take it away; a text with one kind of quotes in it stands between the other kind".to_owned();
                    return Err((taken(length + 2).0, "a backslash stands in this text".to_owned(), remedy));
                }
                (Token::Text(inner.to_owned()), taken(length + 2))
            }
            c if c.is_ascii_alphabetic() || c == '_' => {
                let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                (Token::Word(rest.get(..length).unwrap_or_default().to_owned()), taken(length))
            }
            c if c.is_ascii_digit() => {
                let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                (Token::Number, taken(length))
            }
            c => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Token::Sign(sign), taken(sign.len())),
                None => {
                    let remedy = match c {
                        '“' | '”' | '「' | '」' | '＂' | '‘' | '’' => "write plain quotes, as in \"there\"".to_owned(),
                        '｜' => "write a plain |".to_owned(),
                        _ => SHAPE.to_owned(),
                    };
                    return Err((taken(c.len_utf8()).0, format!("{c} means nothing in a tag"), remedy));
                }
            },
        };
        found.push((token, at));
        rest = behind;
    }
    Ok(found)
}

struct Reader {
    tokens: Vec<(Token, Range<usize>)>,
    next: usize,
    end: usize,
}

impl Reader {
    fn peek(&self) -> Option<&(Token, Range<usize>)> {
        self.tokens.get(self.next)
    }

    fn takes(&mut self, token: &Token) -> bool {
        let there = self.peek().is_some_and(|(next, _)| next == token);
        self.next += usize::from(there);
        there
    }

    fn word(&mut self, word: &str) -> bool {
        self.takes(&Token::Word(word.to_owned()))
    }

    fn or(&mut self) -> Result<Expression, Trouble> {
        let mut left = self.and()?;
        while self.word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expression, Trouble> {
        let mut left = self.not()?;
        while self.word("and") {
            left = Expression::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Expression, Trouble> {
        if self.word("not") { Ok(Expression::Not(Box::new(self.not()?))) } else { self.compare() }
    }

    fn compare(&mut self) -> Result<Expression, Trouble> {
        let left = self.defaulted()?;
        for sign in ["==", "!=", "<=", ">=", "<", ">"] {
            if self.takes(&Token::Sign(sign)) {
                return Ok(Expression::Compare { equal: sign == "==", sides: Box::new((left, self.defaulted()?)) });
            }
        }
        Ok(left)
    }

    fn defaulted(&mut self) -> Result<Expression, Trouble> {
        let mut value = self.value()?;
        while self.takes(&Token::Sign("|")) {
            let missing = self.end..self.end;
            let at = self.peek().map_or(missing, |(_, at)| at.clone());
            let refused = |at: Range<usize>, what: &str| {
                Err((at, what.to_owned(), "only default is known behind |, as in {{ name | default(\"there\") }}".to_owned()))
            };
            if !self.word("default") {
                return refused(at, "this is not known behind |");
            }
            if !self.takes(&Token::Sign("(")) {
                return refused(at, "what stands in the place of a field that is not known is missing here");
            }
            let other = self.value()?;
            if !self.takes(&Token::Sign(")")) {
                return refused(at, "the bracket behind default is never closed");
            }
            value = Expression::Or(Box::new(value), Box::new(other));
        }
        Ok(value)
    }

    fn value(&mut self) -> Result<Expression, Trouble> {
        let Some((token, at)) = self.peek().cloned() else {
            return Err((self.end..self.end, "something is missing here".to_owned(), SHAPE.to_owned()));
        };
        self.next += 1;
        match token {
            Token::Word(word) if matches!(word.as_str(), "or" | "and" | "not" | "default" | "if" | "else" | "in" | "is") => {
                Err((at, format!("\"{word}\" stands where a field belongs"), SHAPE.to_owned()))
            }
            Token::Word(name) => Ok(Expression::Field { name, at }),
            Token::Text(text) => Ok(Expression::Literal { empty: text.trim().is_empty() }),
            Token::Number => Ok(Expression::Literal { empty: false }),
            Token::Sign("(") => {
                let inner = self.or()?;
                if self.takes(&Token::Sign(")")) {
                    Ok(inner)
                } else {
                    Err((at, "this bracket is never closed".to_owned(), "write ) at its end".to_owned()))
                }
            }
            Token::Sign(_) => Err((at, "this does not belong here".to_owned(), SHAPE.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::mail::template;

    fn read(text: &str) -> Expression {
        Expression::read(text, 0).unwrap_or_else(|trouble| panic!("{text}: {trouble:?}"))
    }

    #[test]
    fn a_field_without_anything_in_its_place_leaves_a_hole() {
        let check = |text: &str, wanted: Option<&str>| {
            let expression = read(text);
            assert_eq!(expression.hole(&|name| name == "email").map(|(name, _)| name), wanted, "{text}");
        };
        check("name", Some("name"));
        check("email", None);
        check("name | default(\"there\")", None);
        check("name | default(\" \")", Some("name"));
        check("name | default(company)", Some("company"));
        check("name or company or 'you'", None);
        check("name or company", Some("company"));
        check("name or email", None);
        check("'x'", None);
    }

    #[test]
    fn a_condition_says_what_is_known_where_it_holds() {
        let check = |text: &str, holds: &[&str], else_: &[&str]| {
            let expression = read(text);
            let known = |holds| expression.known(holds).into_iter().collect::<Vec<_>>();
            assert_eq!(
                (known(true), known(false)),
                (holds.iter().map(|s| (*s).to_owned()).collect(), else_.iter().map(|s| (*s).to_owned()).collect()),
                "{text}"
            );
        };
        check("name", &["name"], &[]);
        check("not name", &[], &["name"]);
        check("name and (company or role)", &["name"], &[]);
        check("not name or not company", &[], &["company", "name"]);
        check("industry == \"food\"", &["industry"], &[]);
        check("industry != \"food\"", &[], &["industry"]);
        check("industry == \"\"", &[], &[]);
    }

    #[test]
    fn what_a_tag_may_not_hold_is_named_with_its_place() {
        for (text, at, what) in [
            ("name | upper", 7..12, "not known behind |"),
            ("name | default", 7..14, "is missing here"),
            ("name | default(", 15..15, "something is missing"),
            ("name | default(\"a\"", 7..14, "never closed"),
            ("\"abc", 0..4, "never closed"),
            ("(name", 0..1, "never closed"),
            ("name company", 5..12, "does not belong"),
            ("range(3)", 5..6, "does not belong"),
            ("lead.name", 4..5, ". means nothing"),
            ("“x”", 0..3, "“ means nothing"),
            ("", 0..0, "something is missing"),
            ("or", 0..2, "where a field belongs"),
            ("\"a\\\"", 0..4, "backslash"),
        ] {
            let (found, said, remedy) = Expression::read(text, 0).unwrap_err();
            assert_eq!(found, at, "{text}");
            assert!(said.contains(what) && !remedy.is_empty(), "{text}: {said}");
        }
        assert!(Expression::read(&"(".repeat(100_000), 0).is_err());
        assert!(Expression::read(&"not ".repeat(100_000), 0).is_err());
    }

    proptest! {
        /// What passes here is understood by the engine that fills it in.
        #[test]
        fn what_is_read_here_is_read_by_the_engine(text in "[a-z\"'()|=!<> ]{0,16}|name( or | and | == |\\|default)[(]?['\"]?[a-z]{0,3}['\"]?[)]?") {
            if Expression::read(&text, 0).is_ok() {
                prop_assert!(template::read(&format!("{{{{ {text} }}}}")).is_ok(), "{text}");
            }
        }
    }
}
