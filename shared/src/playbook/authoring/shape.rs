//! Whether a file has the shape that its types ask for: known keys, nothing missing, numbers where numbers belong.
//!
//! Every mistake is said in the words of whoever writes the files, where a validator would speak of schemas; and the
//! walk gives the value in the form that the types read, so that `0312345678` stays a telephone number.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Number, Value};

use super::form::{Form, Kind};
use super::leaf::{DATE, EMAIL, TIME_ZONE};
use super::mistake::{Mistake, is_hidden, quoted};
use super::near::{instead, listed, nearest};
use super::place::Place;
use super::yaml::{Content, Node};
use crate::address::Address;
use crate::playbook::Zone;

/// The longest text, in characters. Names and reasons stand in the headers of mails.
const MAX_TEXT: usize = 500;

/// Reads what stands at a place by a schema. `None` if there is a mistake in it, which is then reported.
pub(super) fn read(schema: &Value, place: Place<'_>, mistakes: &mut Vec<Mistake>) -> Option<Value> {
    Reader { root: schema, mistakes, patterns: BTreeMap::new() }.read(schema, place)
}

struct Reader<'s, 'm> {
    root: &'s Value,
    mistakes: &'m mut Vec<Mistake>,
    patterns: BTreeMap<&'s str, Option<Regex>>,
}

impl<'s> Reader<'s, '_> {
    fn read(&mut self, schema: &'s Value, place: Place<'_>) -> Option<Value> {
        let node = place.node()?;
        let form = Form::of(schema, self.root);
        match (&form.kind, &node.content) {
            (_, Content::Broken) => None,
            (Kind::Choice { words, keys }, _) if node.is_nothing() => {
                let names = listed(keys.iter().map(|(name, _)| *name).chain(words.iter().copied()));
                self.wrong(place, "nothing stands here", form.write(&format!("one of: {names}")))
            }
            _ if node.is_nothing() => self.wrong(place, "nothing stands here", form.write(expected(&form.kind))),
            (Kind::Map { fields, required }, Content::Map(_)) => self.map(fields, required, place),
            (Kind::Named { pattern, value }, Content::Map(_)) => self.named(pattern, value, &form, place),
            (Kind::List { least: 1, .. }, Content::List(nodes)) if nodes.is_empty() => {
                self.wrong(place, "this list is empty", form.write("at least one thing in it"))
            }
            (Kind::List { item, least, most }, Content::List(nodes)) => {
                let most = most.unwrap_or(usize::MAX);
                if nodes.len() < *least || nodes.len() > most {
                    let bound = if nodes.len() > most { format!("at most {most}") } else { format!("at least {least}") };
                    let things = if nodes.len() == 1 { "thing" } else { "things" };
                    let what = format!("{} {things} in this list, where {bound} belong", nodes.len());
                    return self.wrong(place, what, form.write(&bound));
                }
                let read: Vec<_> = place.items().map(|place| self.read(item, place)).collect();
                read.into_iter().collect::<Option<Vec<_>>>().map(Value::Array)
            }
            (Kind::Choice { words, keys }, _) => self.choice(words, keys, place, node),
            (Kind::TextOrMap { map, .. }, Content::Map(_)) => self.read(map, place),
            (Kind::TextOrMap { text, .. }, _) => self.read(text, place),
            (Kind::Text { may_be_empty: true, .. }, Content::Text { text, .. }) if text.is_empty() => {
                Some(Value::String(String::new()))
            }
            (Kind::Text { pattern, format, .. }, Content::Text { text, .. }) => {
                match text_trouble(text)
                    .or_else(|| self.misfit(text, *pattern, &form))
                    .or_else(|| format_trouble(text, *format, &form))
                {
                    Some((what, remedy)) => self.wrong(place, what, remedy),
                    None => Some(Value::String(text.clone())),
                }
            }
            (Kind::Number { .. }, Content::Text { .. }) => match number(&form, place) {
                Ok(number) => Some(number),
                Err((what, remedy)) => self.wrong(place, what, remedy),
            },
            (Kind::Truth, Content::Text { text, plain: true }) if matches!(text.as_str(), "true" | "True" | "TRUE") => {
                Some(true.into())
            }
            (Kind::Truth, Content::Text { text, plain: true }) if matches!(text.as_str(), "false" | "False" | "FALSE") => {
                Some(false.into())
            }
            (kind, _) => {
                let belongs = expected(kind);
                let remedy = match kind {
                    Kind::Map { fields, .. } => {
                        format!("write keys below it, indented: {}", listed(fields.iter().map(|(name, _)| *name)))
                    }
                    Kind::List { .. } => "put a dash and a blank before each thing in it, or [ ] around it".to_owned(),
                    Kind::Truth => "write true or false, without quotes".to_owned(),
                    _ => form.write(belongs),
                };
                self.wrong(place, format!("{} stands here, where {belongs} belongs", said(node)), remedy)
            }
        }
    }

    /// Notes a mistake; there is no value then.
    fn wrong(&mut self, place: Place<'_>, what: impl Into<String>, remedy: impl Into<String>) -> Option<Value> {
        self.mistakes.push(place.mistake(what, remedy));
        None
    }

    fn unknown<'a>(&mut self, name: &str, known: impl IntoIterator<Item = &'a str> + Clone, value: Place<'_>) {
        self.mistakes.push(value.mistake_at_key(
            format!("{} is not known here", quoted(name)),
            half_width(name).unwrap_or_else(|| instead(name, known)),
        ));
    }

    fn map(&mut self, fields: &[(&'s str, &'s Value)], required: &[&str], place: Place<'_>) -> Option<Value> {
        let schema_of = |name: &str| fields.iter().find(|(known, _)| *known == name).map(|(_, schema)| *schema);
        let known = fields.iter().map(|(name, _)| *name);
        let mut read = Map::new();
        let mut whole = true;
        for (name, value) in place.entries() {
            match schema_of(name) {
                None => self.unknown(name, known.clone(), value),
                Some(schema) => {
                    if let Some(value) = self.read(schema, value) {
                        read.insert(name.to_owned(), value);
                        continue;
                    }
                }
            }
            whole = false;
        }
        for name in required {
            if place.entries().any(|(given, _)| given == *name) {
                continue;
            }
            whole = false;
            // Of a slip in the name one mistake is enough.
            let slipped =
                place.entries().any(|(given, _)| schema_of(given).is_none() && nearest(given, known.clone()) == Some(name));
            if let (false, Some(schema)) = (slipped, schema_of(name)) {
                let remedy = Form::of(schema, self.root).add(name);
                self.mistakes.push(place.mistake_at_key(format!("\"{name}\" is missing here"), remedy));
            }
        }
        whole.then_some(Value::Object(read))
    }

    fn named(&mut self, pattern: &'s str, schema: &'s Value, form: &Form<'_>, place: Place<'_>) -> Option<Value> {
        let mut read = Map::new();
        let mut whole = true;
        for (name, value) in place.entries() {
            if !self.matches(pattern, name) {
                self.mistakes.push(value.mistake_at_key(format!("{} cannot be a name here", quoted(name)), form.kind.refusal()));
                whole = false;
            }
            match self.read(schema, value) {
                Some(value) => drop(read.insert(name.to_owned(), value)),
                None => whole = false,
            }
        }
        whole.then_some(Value::Object(read))
    }

    /// One of some words, or one of some keys with what belongs under it.
    fn choice(&mut self, words: &[&str], keys: &[(&'s str, &'s Value)], place: Place<'_>, node: &Node) -> Option<Value> {
        let schema_of = |name: &str| keys.iter().find(|(known, _)| *known == name).map(|(_, schema)| *schema);
        let known = keys.iter().map(|(name, _)| *name).chain(words.iter().copied());
        let several = if schema_of("all").is_some() {
            "put each as an item of a list under \"all:\" (every one must hold) or \"any:\" (one is enough)".to_owned()
        } else {
            format!("keep one of: {}", listed(known.clone()))
        };
        match &node.content {
            Content::Text { text, .. } if words.contains(&text.as_str()) => Some(Value::String(text.clone())),
            Content::Text { text, .. } => {
                let Some(schema) = schema_of(text) else {
                    let remedy = half_width(text).unwrap_or_else(|| instead(text, known));
                    return self.wrong(place, format!("{} is not known here", quoted(text)), remedy);
                };
                let remedy = Form::of(schema, self.root).add(text).replacen("add", "write", 1);
                self.wrong(place, format!("\"{text}\" alone says too little"), remedy)
            }
            Content::Map(_) if keys.is_empty() => {
                self.wrong(place, "keys stand here, where one word belongs", format!("one of: {}", listed(words.iter().copied())))
            }
            Content::Map(entries) => {
                let mut read = None;
                for (name, value) in place.entries() {
                    match schema_of(name) {
                        Some(schema) => read = self.read(schema, value).map(|value| Map::from_iter([(name.to_owned(), value)])),
                        None if words.contains(&name) => {
                            let remedy = format!("write the word alone, without a colon: {name}");
                            self.mistakes.push(value.mistake_at_key(format!("nothing belongs behind \"{name}\""), remedy));
                        }
                        None => self.unknown(name, known.clone(), value),
                    }
                }
                match place.entries().nth(1) {
                    _ if entries.is_empty() => self.wrong(place, "nothing stands here", several),
                    Some((_, second)) => {
                        let what = format!("{} keys stand here, where one belongs", entries.len());
                        self.mistakes.push(second.mistake_at_key(what, several));
                        None
                    }
                    None => read.map(Value::Object),
                }
            }
            Content::List(_) => self.wrong(place, "a list stands here, where one thing belongs", several),
            Content::Broken => None,
        }
    }

    fn misfit(&mut self, text: &str, pattern: Option<&'s str>, form: &Form<'_>) -> Option<Trouble> {
        let misfits = pattern.is_some_and(|pattern| !self.matches(pattern, text));
        misfits.then(|| (format!("{} does not fit here: {}", quoted(text), form.kind.refusal()), form.write("another text")))
    }

    fn matches(&mut self, pattern: &'s str, text: &str) -> bool {
        let regex = self.patterns.entry(pattern).or_insert_with(|| Regex::new(pattern).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

/// The remedy for a key that is written with a Japanese keyboard's wide signs.
fn half_width(name: &str) -> Option<String> {
    let sign = match (name.contains('\u{ff1a}'), name.contains('\u{3000}')) {
        (true, _) => "the colon",
        (false, true) => "the blank",
        (false, false) => return None,
    };
    Some(format!("write {sign} half width, as in \"key: value\": a wide one is a letter like any other"))
}

/// What is wrong, and the remedy.
type Trouble = (String, String);

/// What no text may be or hold.
fn text_trouble(text: &str) -> Option<Trouble> {
    let trouble = |what: String, remedy: &str| Some((what, remedy.to_owned()));
    let length = text.chars().count();
    if text.trim().is_empty() {
        return trouble("this text is empty".to_owned(), "write something here, or take the line away if nothing is meant");
    }
    if text.contains(['\n', '\r']) {
        return trouble("this text has several lines".to_owned(), "write it on one line, with commas where lines ended");
    }
    if let Some(hidden) = text.chars().find(|c| is_hidden(*c)) {
        let what = format!("a character that nobody can see stands in this text: U+{:04X}", u32::from(hidden));
        return trouble(what, "type the text anew instead of pasting it: such characters can make a mail say what it does not");
    }
    if length > MAX_TEXT {
        return trouble(format!("this text has {length} characters, and at most {MAX_TEXT} are taken"), "shorten it");
    }
    None
}

fn format_trouble(text: &str, format: Option<&str>, form: &Form<'_>) -> Option<Trouble> {
    match format {
        Some(EMAIL) => {
            let error = Address::parse(text).err()?;
            Some((format!("{error}: {}", quoted(text)), form.write("one address")))
        }
        Some(DATE) => {
            text.parse::<jiff::civil::Date>().err()?;
            Some((
                format!("{} is no day of the calendar", quoted(text)),
                "write year, month and day, as in 2026-05-04".to_owned(),
            ))
        }
        Some(TIME_ZONE) => {
            Zone::try_from(text.to_owned()).err()?;
            let zones: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
            let remedy = match nearest(text, zones.iter().map(String::as_str)) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => form.write("continent and city in English"),
            };
            Some((format!("{} is no time zone", quoted(text)), remedy))
        }
        _ => None,
    }
}

fn number(form: &Form<'_>, place: Place<'_>) -> Result<Value, Trouble> {
    let Kind::Number { whole, least, above, most } = form.kind else { return Ok(Value::Null) };
    let Some(number) = place.number() else {
        let quoted = place.text().is_some_and(|text| text.parse::<f64>().is_ok_and(f64::is_finite));
        let remedy = if quoted { "take the quotes away".to_owned() } else { form.write("a number, with the digits 0 to 9") };
        return Err((format!("{} stands here, where a number belongs", place.node().map(said).unwrap_or_default()), remedy));
    };
    let trouble = |what: String| Err((format!("{number} {what}"), form.write("another number")));
    match (least, above, most) {
        (Some(least), ..) if number < least => trouble(format!("is too small: at least {least} belongs here")),
        (_, Some(above), _) if number <= above => trouble(format!("is too small: more than {above} belongs here")),
        (.., Some(most)) if number > most => trouble(format!("is too large: at most {most} belongs here")),
        _ if whole && number.fract() != 0.0 => trouble("is no whole number".to_owned()),
        #[allow(clippy::cast_possible_truncation, reason = "it is whole, and every whole number in the files has bounds")]
        _ if whole => Ok(Value::from(number as i64)),
        _ => Ok(Number::from_f64(number).map_or(Value::Null, Value::Number)),
    }
}

/// The name of a kind of thing.
fn expected(kind: &Kind<'_>) -> &'static str {
    match kind {
        Kind::Map { .. } | Kind::Named { .. } => "a map of keys and values",
        Kind::List { .. } => "a list",
        Kind::Choice { .. } => "one of the known words",
        Kind::TextOrMap { .. } | Kind::Text { .. } => "a text",
        Kind::Number { .. } => "a number",
        Kind::Truth => "true or false",
    }
}

/// What stands at a place, in a word.
fn said(node: &Node) -> String {
    match &node.content {
        Content::Text { text, .. } => quoted(text),
        Content::List(_) => "a list".to_owned(),
        Content::Map(_) => "a map of keys and values".to_owned(),
        Content::Broken => "something broken".to_owned(),
    }
}
