//! The fields of a mail: what `{{ name }}` and its like stand for. A value is a line of plain text, whatever it holds.

use std::collections::BTreeMap;

use super::text::Plain;
use crate::lead::Lead;
use crate::playbook::mail::Version;
use crate::playbook::{Owner, Setup};

/// What may be known of any lead. What rules and segments ask for beside these is known too.
pub const LEAD: [&str; 12] = [
    "name",
    "first_name",
    "last_name",
    "company",
    "department",
    "role",
    "phone",
    "email",
    "industry",
    "employees",
    "country",
    "language",
];
/// The salesperson who has the lead.
pub const OWNER: [&str; 2] = ["owner_name", "owner_email"];
/// Ourselves.
pub const OURS: [&str; 2] = ["our_company", "our_contact"];
/// Addresses that are made for each message, in a mail to a lead; they stand as the whole target of a link.
pub const URLS: [&str; 2] = ["preferences_url", "unsubscribe_url"];
/// The address that confirms a consent; only the mail that asks for it has one.
pub const CONFIRM_URL: &str = "confirm_url";

/// The question of a scenario with its answers; it stands on a line of its own. A mail that shows it is sent by an `ask` step.
pub const QUESTION: &str = "question";

/// The values of the fields that a mail shows, as they are now. Of a lead only what its own person said: what a stranger
/// typed into a form beside its address is no value. A field without a value is left out.
#[must_use]
pub fn values(version: &Version, lead: &Lead, owner: Option<&Owner>, setup: &Setup) -> BTreeMap<String, String> {
    let value = |field: &str| -> Option<String> {
        let text = match field {
            "owner_name" => owner?.name.as_str(),
            "owner_email" => owner?.address.as_str(),
            "our_company" => setup.company.name.as_str(),
            "our_contact" => setup.company.contact.as_str(),
            QUESTION => return None,
            name => lead.attributes.get(name).filter(|attribute| !attribute.unconfirmed)?.value.as_str(),
        };
        Plain::of(text).map(String::from)
    };
    version.fields.iter().filter_map(|field| Some((field.clone(), value(field)?))).collect()
}
