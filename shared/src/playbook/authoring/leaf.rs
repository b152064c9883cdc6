//! How the smallest parts of the files look, for editors and for the check: the pattern of each, the words for what
//! does not fit it (the type's own), and examples.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::address::Address;
use crate::id::{ClassId, FormId, InvalidId, MailId, OwnerId, RuleId, StepId, TopicId, WayId, WriteKey};
use crate::lead::{Cell, InvalidCell, Level};
use crate::playbook::Zone;
use crate::playbook::pattern::{InvalidPattern, Pattern};
use crate::playbook::span::{InvalidOffset, InvalidSpan, Offset, Span};

/// The format of a mail address, as JSON Schema calls it.
pub(super) const EMAIL: &str = "email";
/// The format of a day, as JSON Schema calls it.
pub(super) const DATE: &str = "date";
/// The format of a time zone; JSON Schema has no word for it, and editors pass over formats they do not know.
pub(super) const TIME_ZONE: &str = "time-zone";

macro_rules! leaves {
    ($($type:ident: $schema:expr;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

leaves! {
    Address: json_schema!({ "type": "string", "format": EMAIL, "examples": ["info@example.com"] });
    Cell: matching(CELL, &["A1", "B2"]);
    ClassId: id(&["pricing"]);
    FormId: id(&["contact"]);
    Level: json_schema!({ "type": "integer", "minimum": 1, "maximum": 4, "examples": [1] });
    MailId: id(&["welcome"]);
    Offset: matching(OFFSET, &["-30d", "7d"]);
    OwnerId: id(&["sato"]);
    Pattern: matching(PATH, &["/pricing*", "*/cases/*"]);
    RuleId: id(&["pricing-page"]);
    Span: matching(SPAN, &["30d", "12h"]);
    StepId: id(&["first-mail"]);
    TopicId: id(&["news"]);
    WayId: id(&["yes"]);
    WriteKey: id(&["pk_0123456789"]);
    Zone: json_schema!({ "type": "string", "format": TIME_ZONE, "examples": ["Asia/Tokyo", "UTC"] });
}

fn id(examples: &[&str]) -> Schema {
    matching(ID, examples)
}

/// A text by pattern. `patternErrorMessage` is what editors on the YAML language server show.
fn matching(pattern: &str, examples: &[&str]) -> Schema {
    json_schema!({
        "type": "string",
        "pattern": pattern,
        "patternErrorMessage": otherwise(pattern),
        "examples": examples,
    })
}

const CELL: &str = "^[A-D][1-4]$";
const ID: &str = r##"^[!-"$-~]{1,100}$"##;
const OFFSET: &str = "^-?[1-9][0-9]{0,5}[mhdw]$";
const PATH: &str = "^[/*][^?#]*$";
const SPAN: &str = "^[1-9][0-9]{0,5}[mhdw]$";

/// What is said of a text that does not match, in the words of the type that would refuse it.
pub(super) fn otherwise(pattern: &str) -> String {
    match pattern {
        CELL => InvalidCell.to_string(),
        OFFSET => InvalidOffset.to_string(),
        PATH => InvalidPattern.to_string(),
        SPAN => InvalidSpan.to_string(),
        _ => InvalidId.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    proptest! {
        /// What passes the pattern passes the type, so that reading the types cannot fail after the check.
        #[test]
        fn a_text_that_matches_is_taken_by_its_type(text in "[A-E0-9mhdwy/*?# \\-é料]{0,8}") {
            let matches = |pattern: &str| Regex::new(pattern).unwrap().is_match(&text);
            prop_assert_eq!(matches(CELL), Cell::try_from(text.clone()).is_ok());
            prop_assert_eq!(matches(ID), RuleId::try_from(text.clone()).is_ok());
            prop_assert_eq!(matches(PATH), Pattern::try_from(text.clone()).is_ok());
            // The type also takes zeros in front.
            prop_assert!(!matches(SPAN) || Span::try_from(text.clone()).is_ok());
            prop_assert!(!matches(OFFSET) || Offset::try_from(text.clone()).is_ok());
        }
    }
}
