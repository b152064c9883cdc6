//! Event patterns: the part of EventBridge's pattern language that stream filters use.

use serde_json::{Map, Value};

/// A pattern that an event matches or not.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Vec<(String, Field)>);

#[derive(Debug, Clone, PartialEq)]
enum Field {
    Below(Pattern),
    AnyOf(Vec<Test>),
}

#[derive(Debug, Clone, PartialEq)]
enum Test {
    Is(Value),
    Exists(bool),
    Prefix(String),
    Suffix(String),
    Numeric(Vec<(Comparison, f64)>),
    AnythingBut(Vec<Value>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

impl Pattern {
    /// Reads a pattern from its JSON.
    ///
    /// # Errors
    ///
    /// In words, if it is not JSON, not of a pattern's shape, or uses a test that is not modelled here.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        Self::from_value(&value)
    }

    fn from_value(value: &Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("a pattern is an object")?;
        fields
            .iter()
            .map(|(name, below)| {
                let field = match below {
                    Value::Object(_) => Field::Below(Self::from_value(below)?),
                    Value::Array(tests) if !tests.is_empty() => {
                        Field::AnyOf(tests.iter().map(Test::from_value).collect::<Result<_, _>>()?)
                    }
                    _ => return Err(format!("`{name}` must be an object or a list with at least one test")),
                };
                Ok((name.clone(), field))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether the event has every field the pattern names, with a value one of its tests accepts.
    pub fn matches(&self, event: &Value) -> bool {
        let none = Map::new();
        let fields = event.as_object().unwrap_or(&none);
        self.0.iter().all(|(name, field)| match (field, fields.get(name)) {
            (Field::Below(pattern), Some(below)) => pattern.matches(below),
            // Only a test for absence can hold below what is not there.
            (Field::Below(pattern), None) => pattern.matches(&Value::Null),
            (Field::AnyOf(tests), value) => tests.iter().any(|test| test.accepts(value)),
        })
    }
}

impl Test {
    fn from_value(value: &Value) -> Result<Self, String> {
        let Value::Object(test) = value else {
            return if value.is_array() { Err("a test is a value or an object".to_owned()) } else { Ok(Self::Is(value.clone())) };
        };
        let mut tests = test.iter();
        let (Some((name, argument)), None) = (tests.next(), tests.next()) else {
            return Err("a test has one name".to_owned());
        };
        match (name.as_str(), argument) {
            ("exists", Value::Bool(exists)) => Ok(Self::Exists(*exists)),
            ("prefix", Value::String(prefix)) => Ok(Self::Prefix(prefix.clone())),
            ("suffix", Value::String(suffix)) => Ok(Self::Suffix(suffix.clone())),
            ("numeric", Value::Array(parts)) => numeric(parts).map(Self::Numeric),
            ("anything-but", Value::Array(values)) => Ok(Self::AnythingBut(values.clone())),
            ("anything-but", Value::String(_) | Value::Number(_)) => Ok(Self::AnythingBut(vec![argument.clone()])),
            _ => Err(format!("the test `{name}: {argument}` is not modelled in the local suite")),
        }
    }

    fn accepts(&self, value: Option<&Value>) -> bool {
        let leaf = value.filter(|value| !value.is_object());
        if let Self::Exists(wanted) = self {
            return leaf.is_some() == *wanted;
        }
        match leaf {
            Some(Value::Array(values)) => values.iter().any(|value| self.accepts_leaf(value)),
            Some(value) => self.accepts_leaf(value),
            None => false,
        }
    }

    fn accepts_leaf(&self, value: &Value) -> bool {
        match self {
            Self::Is(wanted) => same(wanted, value),
            Self::Exists(wanted) => *wanted,
            Self::Prefix(prefix) => value.as_str().is_some_and(|text| text.starts_with(prefix)),
            Self::Suffix(suffix) => value.as_str().is_some_and(|text| text.ends_with(suffix)),
            Self::Numeric(bounds) => {
                value.as_f64().is_some_and(|number| bounds.iter().all(|(how, bound)| how.holds(number, *bound)))
            }
            Self::AnythingBut(values) => !values.iter().any(|unwanted| same(unwanted, value)),
        }
    }
}

/// Numbers are compared by value: 3 and 3.0 are the same.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn numeric(parts: &[Value]) -> Result<Vec<(Comparison, f64)>, String> {
    let (pairs, rest) = parts.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        return Err("`numeric` takes pairs of a comparison and a number".to_owned());
    }
    pairs
        .iter()
        .map(|[how, bound]| {
            let how = match how.as_str() {
                Some("=") => Comparison::Equal,
                Some("<") => Comparison::Less,
                Some("<=") => Comparison::LessOrEqual,
                Some(">") => Comparison::More,
                Some(">=") => Comparison::MoreOrEqual,
                _ => return Err(format!("`{how}` is not a comparison")),
            };
            Ok((how, bound.as_f64().ok_or_else(|| format!("`{bound}` is not a number"))?))
        })
        .collect()
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => number == bound,
            Self::Less => number < bound,
            Self::LessOrEqual => number <= bound,
            Self::More => number > bound,
            Self::MoreOrEqual => number >= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(pattern: &str, event: &Value, matches: bool) {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(event), matches, "{pattern} on {event}");
    }

    #[test]
    fn tests_accept_what_eventbridge_accepts() {
        let woken = json!({"dynamodb": {"NewImage": {"wake": {"S": "1"}, "n": {"N": "4"}}}});
        let plain = json!({"dynamodb": {"NewImage": {"n": {"N": "4"}}}});
        let exists = r#"{"dynamodb":{"NewImage":{"wake":{"S":[{"exists":true}]}}}}"#;
        check(exists, &woken, true);
        check(exists, &plain, false);
        check(exists, &json!({"dynamodb": {"Keys": {}}}), false);
        let absent = r#"{"dynamodb":{"NewImage":{"wake":{"S":[{"exists":false}]}}}}"#;
        check(absent, &woken, false);
        check(absent, &plain, true);
        check(r#"{"a":["x","y"]}"#, &json!({"a": "y"}), true);
        check(r#"{"a":["x","y"]}"#, &json!({"a": "z"}), false);
        check(r#"{"a":["x"]}"#, &json!({"a": ["z", "x"]}), true);
        check(r#"{"a":[3]}"#, &json!({"a": 3.0}), true);
        check(r#"{"a":[null]}"#, &json!({}), false);
        check(r#"{"a":[{"prefix":"lead#"}]}"#, &json!({"a": "lead#1"}), true);
        check(r#"{"a":[{"suffix":".com"}]}"#, &json!({"a": "lead#1"}), false);
        check(r#"{"a":[{"anything-but":["x"]}]}"#, &json!({"a": "y"}), true);
        check(r#"{"a":[{"anything-but":"x"}]}"#, &json!({"a": "x"}), false);
        check(r#"{"a":[{"anything-but":"x"}]}"#, &json!({}), false);
        check(r#"{"a":[{"numeric":[">",1,"<=",4]}]}"#, &json!({"a": 4}), true);
        check(r#"{"a":[{"numeric":[">",1,"<=",4]}]}"#, &json!({"a": 4.1}), false);
        check(r#"{"a":["x"],"b":["y"]}"#, &json!({"a": "x"}), false);
    }

    #[test]
    fn what_is_not_modelled_is_refused() {
        for pattern in
            ["[]", r#"{"a":"x"}"#, r#"{"a":[]}"#, r#"{"a":[{"cidr":"10.0.0.0/8"}]}"#, r#"{"a":[{"numeric":[">"]}]}"#, "{"]
        {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
