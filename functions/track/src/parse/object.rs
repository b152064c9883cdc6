//! Looking into JSON objects whose shape is the sender's business.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// An object that may not be there; nothing is in one that is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a>(Option<&'a Map<String, Value>>);

impl<'a> Object<'a> {
    pub(crate) fn of(map: &'a Map<String, Value>) -> Self {
        Self(Some(map))
    }

    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0?.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn object(self, name: &str) -> Self {
        Self(self.get(name).and_then(Value::as_object))
    }

    pub(crate) fn is_there(self) -> bool {
        self.0.is_some()
    }

    /// A text, a number or a truth value, as text; an empty text is none.
    pub(crate) fn text(self, name: &str) -> Option<String> {
        self.get(name).and_then(scalar).filter(|text| !text.is_empty())
    }

    pub(crate) fn is_true(self, name: &str) -> bool {
        self.get(name) == Some(&Value::Bool(true))
    }

    /// Names whose value is null: the sender takes them back.
    pub(crate) fn nulls(self) -> impl Iterator<Item = &'a str> {
        self.0.into_iter().flatten().filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str())
    }

    /// Everything in it as text: what lies deeper under names joined by dots, lists with commas between.
    pub(crate) fn flat(self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (name, value) in self.0.into_iter().flatten() {
            flatten(name.clone(), value, &mut found);
        }
        found
    }
}

fn flatten(name: String, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(inner) => inner.iter().for_each(|(deeper, value)| flatten(format!("{name}.{deeper}"), value, found)),
        Value::Array(items) => {
            let text = items.iter().map(in_list).collect::<Vec<_>>().join(", ");
            found.insert(name, text);
        }
        value => {
            if let Some(text) = scalar(value) {
                found.insert(name, text);
            }
        }
    }
}

/// An entry of a list: what is no plain value stays JSON.
fn in_list(value: &Value) -> String {
    scalar(value).unwrap_or_else(|| value.to_string())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_becomes_text() {
        let value = json!({
            "plan": "team", "seats": 20, "price": 9.5, "trial": false, "gone": null,
            "company": {"name": "Acme", "tags": ["a", 1, {"b": null}]}, "none": {},
        });
        let object = Object::of(value.as_object().unwrap());
        let expected = [
            ("company.name", "Acme"),
            ("company.tags", "a, 1, {\"b\":null}"),
            ("plan", "team"),
            ("price", "9.5"),
            ("seats", "20"),
            ("trial", "false"),
        ];
        let expected: BTreeMap<_, _> = expected.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        assert_eq!(object.flat(), expected);
        assert_eq!(object.nulls().collect::<Vec<_>>(), ["gone"]);
        assert_eq!(object.object("company").text("name").as_deref(), Some("Acme"));
        assert_eq!(object.object("plan").text("name"), None);
    }
}
