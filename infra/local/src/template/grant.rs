//! What roles allow, read as IAM reads it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The partition keys that a call touches, as a condition names them. For a query of an index, the index's.
pub const LEADING_KEYS: &str = "dynamodb:LeadingKeys";
/// From whom a mail is, without the display name.
pub const FROM_ADDRESS: &str = "ses:FromAddress";

/// One allowing statement of a function's role. In actions and resources `*` and `?` are wild.
#[derive(Debug, Clone, Serialize)]
pub struct Grant {
    /// Why, in a word.
    pub sid: String,
    /// As in `dynamodb:PutItem`.
    pub actions: Vec<String>,
    /// ARNs.
    pub resources: Vec<String>,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
}

/// A condition of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// How the call's values are compared.
    pub test: Test,
    /// Which of the call's values.
    pub key: String,
    /// What they are compared with. `*` and `?` are wild.
    pub values: Vec<String>,
}

/// How a condition compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Test {
    /// `ForAllValues:StringLike`: each value of the call is like one of the condition's. A call without any passes!
    EachLike,
    /// `StringLike`: the call's value is like one of the condition's.
    Like,
    /// `Null: false`: the call has a value.
    Present,
}

/// What a call asks of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Access {
    /// As in `dynamodb:PutItem`.
    pub action: String,
    /// An ARN.
    pub resource: String,
    /// What conditions can ask for, by their keys.
    pub context: BTreeMap<&'static str, Vec<String>>,
}

impl Grant {
    /// Whether this statement allows what a call asks.
    pub fn allows(&self, access: &Access) -> bool {
        self.actions.iter().any(|pattern| wild(&pattern.to_lowercase(), &access.action.to_lowercase()))
            && self.resources.iter().any(|pattern| wild(pattern, &access.resource))
            && self.conditions.iter().all(|condition| condition.holds(access))
    }

    /// The partition keys to which this statement is limited, if it is.
    pub fn leading_keys(&self) -> Option<&[String]> {
        let limit = |condition: &&Condition| condition.key == LEADING_KEYS && condition.test == Test::EachLike;
        self.conditions.iter().find(limit).map(|condition| condition.values.as_slice())
    }
}

impl Condition {
    /// Reads the `Condition` of a statement; says what in it is not modelled, since to pass over a condition would be to
    /// prove nothing.
    pub(super) fn read(conditions: &Value) -> Result<Vec<Self>, String> {
        let entries = |value: &Value| value.as_object().map(|object| object.clone().into_iter().collect::<Vec<_>>());
        let mut read = Vec::new();
        for (operator, tests) in entries(conditions).ok_or("a condition is a map")? {
            for (key, wanted) in entries(&tests).ok_or_else(|| format!("`{operator}` is a map"))? {
                let one = || wanted.as_str().map(|one| vec![one.to_owned()]);
                let list = || wanted.as_array()?.iter().map(|value| value.as_str().map(str::to_owned)).collect();
                let values: Option<Vec<String>> =
                    one().or_else(list).or_else(|| wanted.as_bool().map(|flag| vec![flag.to_string()]));
                let (values, test) = match (operator.as_str(), values) {
                    ("ForAllValues:StringLike", Some(values)) => (values, Test::EachLike),
                    ("StringLike", Some(values)) => (values, Test::Like),
                    ("Null", Some(values)) if values == ["false"] => (Vec::new(), Test::Present),
                    _ => return Err(format!("the condition `{operator}: {{ {key}: {wanted} }}` is not modelled")),
                };
                if ![LEADING_KEYS, FROM_ADDRESS].contains(&key.as_str()) {
                    return Err(format!("a condition on `{key}` is not modelled"));
                }
                read.push(Self { test, key, values });
            }
        }
        Ok(read)
    }

    fn holds(&self, access: &Access) -> bool {
        let values = access.context.get(self.key.as_str()).map(Vec::as_slice).unwrap_or_default();
        let alike = |value: &String| self.values.iter().any(|pattern| wild(pattern, value));
        match self.test {
            Test::EachLike => values.iter().all(alike),
            Test::Like => values.iter().any(alike),
            Test::Present => !values.is_empty(),
        }
    }
}

impl std::fmt::Display for Access {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} on resource: {}", self.action, self.resource)?;
        self.context.iter().try_for_each(|(key, values)| write!(formatter, ", {key} {}", values.join(" ")))
    }
}

/// Whether `text` is what `pattern` says, `*` standing for any characters and `?` for one.
pub fn wild(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = rest.as_str();
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| text.get(at..).is_some_and(|tail| wild(rest, tail)))
        }
        Some(first) => {
            let mut tail = text.chars();
            tail.next().is_some_and(|character| first == '?' || first == character) && wild(rest.as_str(), tail.as_str())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("dynamodb:*", "dynamodb:putitem", true),
            ("a*c*e", "abcde", true),
            ("a*c", "ab", false),
            ("table/Leads", "table/Leads/index/due", false),
            ("table/?eads/*", "table/Leads/index/due", true),
            ("*", "", true),
        ] {
            assert_eq!(wild(pattern, text), expected, "{pattern} {text}");
        }
    }

    fn allows(conditions: Value, key: &'static str, values: &[&str]) -> bool {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        let context = BTreeMap::from([(key, values)]).into_iter().filter(|(_, values)| !values.is_empty()).collect();
        let access = Access { action: "dynamodb:PutItem".to_owned(), resource: "table".to_owned(), context };
        let grant = Grant {
            sid: "Test".to_owned(),
            actions: vec!["dynamodb:PutItem".to_owned()],
            resources: vec!["table".to_owned()],
            conditions: Condition::read(&conditions).unwrap(),
        };
        grant.allows(&access)
    }

    #[test]
    fn conditions_hold_as_in_iam() {
        let keys = json!({ "ForAllValues:StringLike": { "dynamodb:LeadingKeys": ["lead#*", "pace"] } });
        assert!(allows(keys.clone(), LEADING_KEYS, &["lead#1", "pace"]));
        assert!(!allows(keys.clone(), LEADING_KEYS, &["lead#1", "token#1"]));
        assert!(allows(keys, LEADING_KEYS, &[]), "IAM's trap: all of nothing is like anything");
        let guarded = json!({ "Null": { "dynamodb:LeadingKeys": "false" }, "ForAllValues:StringLike": { "dynamodb:LeadingKeys": "lead#*" } });
        assert!(allows(guarded.clone(), LEADING_KEYS, &["lead#1"]) && !allows(guarded, LEADING_KEYS, &[]));
        let sender = json!({ "StringLike": { "ses:FromAddress": "*@example.com" } });
        assert!(allows(sender.clone(), FROM_ADDRESS, &["news@example.com"]));
        assert!(!allows(sender.clone(), FROM_ADDRESS, &["news@example.com.evil"]) && !allows(sender, FROM_ADDRESS, &[]));
    }

    #[test]
    fn a_condition_that_is_not_modelled_is_a_mistake() {
        for condition in [
            json!({ "StringEquals": { "dynamodb:LeadingKeys": "a" } }),
            json!({ "StringLike": { "aws:SourceIp": "10.*" } }),
            json!({ "Null": { "dynamodb:LeadingKeys": "true" } }),
            json!({ "StringLike": { "ses:FromAddress": 1 } }),
            json!("none"),
        ] {
            assert!(Condition::read(&condition).is_err(), "{condition}");
        }
    }
}
