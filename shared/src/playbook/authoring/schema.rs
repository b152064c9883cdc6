//! The JSON Schemas of the files: for editors, and for [`shape`](super::shape).

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::{Part, Segments};
use crate::playbook::Setup;
use crate::scoring::rules::Scoring;

/// The JSON Schema (draft 7) of one of the files.
#[must_use]
pub fn schema(part: Part) -> Value {
    match part {
        Part::Playbook => of::<Setup>(),
        Part::Scoring => of::<Scoring>(),
        Part::Segments => of::<Segments>(),
    }
}

fn of<T: JsonSchema>() -> Value {
    let generator = SchemaSettings::draft07().with_transform(WithoutNull).into_generator();
    let mut schema: Value = generator.into_root_schema_for::<T>().into();
    // Whether `serde_json` keeps the order of insertion depends on what else is built; the schemas must not.
    schema.sort_all_objects();
    schema
}

/// What need not be given is left out; an empty place is a mistake.
#[derive(Debug, Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(Value::Array(types)) = schema.get_mut("type") {
            types.retain(|kind| kind != "null");
            if let [kind] = types.as_slice() {
                let kind = kind.clone();
                schema.insert("type".to_owned(), kind);
            }
        }
        if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
            choices.retain(|choice| choice.get("type").is_none_or(|kind| kind != "null"));
            if let [_] = choices.as_slice()
                && let Some(one) = schema.remove("anyOf")
            {
                schema.insert("allOf".to_owned(), one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the committed schemas with the types; `MICHI_REFRESH=1 cargo test -p michi --features authoring schema`
    /// writes them anew.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a switch for whoever changes the format; nothing that ships reads it")]
    fn the_committed_schemas_are_those_of_the_types() {
        for part in Part::ALL {
            let path = format!("{}/../infra/playbook/schema/{}", env!("CARGO_MANIFEST_DIR"), part.schema_name());
            let fresh = format!("{:#}\n", schema(part));
            if std::env::var("MICHI_REFRESH").is_ok() {
                std::fs::write(&path, &fresh).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                committed == fresh,
                "{path} is not what the types say; run MICHI_REFRESH=1 cargo test -p michi --features authoring schema"
            );
        }
    }
}
