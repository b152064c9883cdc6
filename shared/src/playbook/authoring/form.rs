//! What belongs at a place, as its JSON Schema says. This file knows as much of JSON Schema as the derivation from the
//! types writes, and turns it into a [`Form`].

use serde_json::Value;

use super::leaf::otherwise;

/// The pattern of names that may be anything, as those of attributes.
const ANY_NAME: &str = ".";

/// What belongs at a place.
pub(super) struct Form<'s> {
    pub(super) kind: Kind<'s>,
    /// What it is for: the comment beside the field in the types.
    purpose: &'s str,
    /// How it may look; empty if nothing but its purpose says so.
    example: String,
}

/// The kinds of things in the files.
pub(super) enum Kind<'s> {
    /// A map with known keys.
    Map { fields: Vec<(&'s str, &'s Value)>, required: Vec<&'s str> },
    /// A map with names as keys.
    Named { pattern: &'s str, value: &'s Value },
    /// A list.
    List { item: &'s Value, least: usize, most: Option<usize> },
    /// One of some words, or one of some keys with what belongs under it.
    Choice { words: Vec<&'s str>, keys: Vec<(&'s str, &'s Value)> },
    /// Either a text or a map.
    TextOrMap { text: &'s Value, map: &'s Value },
    /// A text.
    Text { pattern: Option<&'s str>, format: Option<&'s str>, may_be_empty: bool },
    /// A number.
    Number { whole: bool, least: Option<f64>, above: Option<f64>, most: Option<f64> },
    /// True or false.
    Truth,
}

impl<'s> Form<'s> {
    /// Reads a part of the schema `root`.
    pub(super) fn of(schema: &'s Value, root: &'s Value) -> Self {
        let purpose = text(schema, "description");
        let schema = resolved(schema, root);
        let example = match array(schema, "examples").first() {
            Some(Value::String(example)) => example.clone(),
            Some(example) => example.to_string(),
            None => String::new(),
        };
        Self { kind: Kind::of(schema, root), purpose: purpose.or(text(schema, "description")).unwrap_or_default(), example }
    }

    /// A remedy: what to write, and what it is for.
    pub(super) fn write(&self, what: &str) -> String {
        let example = if self.example.is_empty() { String::new() } else { format!(", as in {}", self.example) };
        sentences(&format!("write {what}{example}"), self.purpose)
    }

    /// A remedy: the missing line.
    pub(super) fn add(&self, name: &str) -> String {
        let example = match &self.kind {
            _ if !self.example.is_empty() => self.example.as_str(),
            Kind::Map { .. } | Kind::Named { .. } => "",
            Kind::List { .. } => "[…]",
            Kind::Truth => "true",
            Kind::Number { .. } => "10",
            Kind::Choice { words, .. } => words.first().copied().unwrap_or("{…}"),
            Kind::Text { .. } | Kind::TextOrMap { .. } => "…",
        };
        sentences(&format!("add \"{}\"", format!("{name}: {example}").trim_end()), self.purpose)
    }
}

fn sentences(first: &str, second: &str) -> String {
    if second.is_empty() { first.to_owned() } else { format!("{first}. {second}") }
}

impl<'s> Kind<'s> {
    fn of(schema: &'s Value, root: &'s Value) -> Self {
        let variants = array(schema, "oneOf");
        if !variants.is_empty() {
            return Self::Choice {
                words: variants.iter().flat_map(words).collect(),
                keys: variants.iter().flat_map(fields).collect(),
            };
        }
        if let [one, other] = array(schema, "anyOf") {
            let is_map = |choice| text(resolved(choice, root), "type") == Some("object");
            let (text, map) = if is_map(one) { (other, one) } else { (one, other) };
            return Self::TextOrMap { text, map };
        }
        let number = |name: &str| schema.get(name).and_then(Value::as_f64);
        let count = |name: &str| schema.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
        match text(schema, "type") {
            Some("object") => {
                let any_name =
                    schema.get("additionalProperties").filter(|value| value.is_object()).map(|value| (ANY_NAME, value));
                let named = schema.get("patternProperties").and_then(Value::as_object).and_then(|all| all.iter().next());
                match named.map(|(pattern, value)| (pattern.as_str(), value)).or(any_name) {
                    Some((pattern, value)) => Self::Named { pattern, value },
                    None => Self::Map {
                        fields: fields(schema).collect(),
                        required: array(schema, "required").iter().filter_map(Value::as_str).collect(),
                    },
                }
            }
            Some("array") => Self::List {
                item: schema.get("items").unwrap_or(&Value::Null),
                least: count("minItems").unwrap_or(0),
                most: count("maxItems"),
            },
            Some("boolean") => Self::Truth,
            Some(kind @ ("number" | "integer")) => Self::Number {
                whole: kind == "integer",
                least: number("minimum"),
                above: number("exclusiveMinimum"),
                most: number("maximum"),
            },
            _ => match words(schema).collect::<Vec<_>>() {
                words if words.is_empty() => Self::Text {
                    pattern: text(schema, "pattern"),
                    format: text(schema, "format"),
                    // Said in so many words: elsewhere an empty text is a slip.
                    may_be_empty: count("minLength") == Some(0),
                },
                words => Self::Choice { words, keys: Vec::new() },
            },
        }
    }

    /// What is said of a name that may not stand as a key here.
    pub(super) fn refusal(&self) -> String {
        match self {
            Self::Named { pattern, .. } | Self::Text { pattern: Some(pattern), .. } => otherwise(pattern),
            _ => String::new(),
        }
    }
}

/// Follows a reference, which stands alone or in an `allOf` of one.
fn resolved<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    let inner = array(schema, "allOf").first().unwrap_or(schema);
    match text(inner, "$ref").and_then(|reference| reference.strip_prefix('#')).and_then(|pointer| root.pointer(pointer)) {
        Some(definition) => definition,
        None => inner,
    }
}

fn text<'s>(schema: &'s Value, name: &str) -> Option<&'s str> {
    schema.get(name).and_then(Value::as_str)
}

fn array<'s>(schema: &'s Value, name: &str) -> &'s [Value] {
    schema.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn fields(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, field)| (name.as_str(), field))
}

fn words(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("const").into_iter().chain(array(schema, "enum")).filter_map(Value::as_str)
}
