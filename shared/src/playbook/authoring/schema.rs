//! The JSON Schemas of the files: for editors, and for [`shape`](super::shape).

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::mail::FrontMatter;
use super::{Part, Segments};
use crate::playbook::Setup;
use crate::playbook::example::Examples;
use crate::playbook::scenario::Scenario;
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

/// The JSON Schema (draft 7) of what stands above the text of a mail.
#[must_use]
pub fn mail_schema() -> Value {
    of::<FrontMatter>()
}

/// The JSON Schema (draft 7) of a scenario.
#[must_use]
pub fn scenario_schema() -> Value {
    of::<Scenario>()
}

/// The JSON Schema (draft 7) of the examples of a scenario.
#[must_use]
pub fn examples_schema() -> Value {
    of::<Examples>()
}

/// The JSON Schema of one type.
pub(super) fn of<T: JsonSchema>() -> Value {
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
    use super::super::{EXAMPLES_SCHEMA, MAIL_SCHEMA, SCENARIO_SCHEMA};
    use super::*;

    /// Compares the committed schemas with the types; `MICHI_REFRESH=1 cargo test -p michi --features authoring schema`
    /// writes them anew.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a switch for whoever changes the format; nothing that ships reads it")]
    fn the_committed_schemas_are_those_of_the_types() {
        let all = Part::ALL.map(|part| (part.schema_name(), schema(part))).into_iter();
        let others =
            [(MAIL_SCHEMA.0, mail_schema()), (SCENARIO_SCHEMA.0, scenario_schema()), (EXAMPLES_SCHEMA.0, examples_schema())];
        for (name, schema) in all.chain(others) {
            let path = format!("{}/../infra/playbook/schema/{name}", env!("CARGO_MANIFEST_DIR"));
            let fresh = format!("{schema:#}\n");
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
