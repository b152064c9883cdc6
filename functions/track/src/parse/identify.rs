//! `identify` messages: somebody says who the visitor is.

use std::collections::BTreeMap;

use michi::activity::{Kind, Proof, Source};
use michi::address::Address;
use michi::consent::{Basis, MailClass};
use michi::id::ActivityId;

use super::Sender;
use super::event::consent;
use super::object::Object;
use super::private::is_secret;

/// Names under which the Segment spec keeps what michi's forms call otherwise.
const RENAMED: [(&str, &str); 6] = [
    ("company.name", "company"),
    ("company.industry", "industry"),
    ("company.employee_count", "employees"),
    ("company.website", "website"),
    ("address.country", "country"),
    ("title", "role"),
];

/// The activities that an `identify` message tells, the identification first.
pub(super) fn identify(id: &ActivityId, sender: &Sender<'_>, message: Object<'_>) -> Vec<(ActivityId, Kind)> {
    let (traits, context) = (message.object("traits"), message.object("context"));
    let user = message.text("userId");
    let user_address = user.as_deref().and_then(|user| Address::parse(user).ok());
    let trait_address = traits.text("email").and_then(|text| Address::parse(&text).ok());
    let server = sender.source == Source::Server;
    let signed = user_address.is_some() && sender.signed(message);
    // What is signed is the user id, so that is whom the signature proves; else the trait says it more plainly.
    let address = if signed { user_address } else { trait_address.or(user_address) };

    let mut attributes = attributes(traits);
    if let Some(user) = user.filter(|user| Address::parse(user).is_err()) {
        attributes.entry("user_id".to_owned()).or_insert(user);
    }
    let mut told = vec![(
        id.clone(),
        Kind::Identified {
            address,
            traits: attributes,
            proof: if server || signed { Proof::Proven } else { Proof::Claimed },
            token: context.text("token").filter(|_| !server),
        },
    )];
    if server {
        for name in traits.nulls() {
            let cause = ActivityId::derive(&["attribute removed", id.as_str(), name]);
            told.push((cause, Kind::AttributeSet { name: name.to_owned(), value: String::new() }));
        }
        if let Some(consent) = consent(traits) {
            told.push((
                ActivityId::derive(&["consent", id.as_str()]),
                Kind::Consented {
                    class: MailClass::Marketing,
                    granted: consent.granted,
                    basis: Basis::Server,
                    text: Some(consent.text).filter(|text| !text.is_empty()),
                    awaits: false,
                    form: None,
                    by: None,
                },
            ));
        }
    }
    told
}

/// Traits as attributes. The address has a place of its own, and consent is none.
fn attributes(traits: Object<'_>) -> BTreeMap<String, String> {
    let mut found = traits.flat();
    found.retain(|name, value| {
        let first = name.split('.').next().unwrap_or(name);
        !value.is_empty() && first != "email" && first != "consent" && !is_secret(name, value)
    });
    for (spec, ours) in RENAMED {
        if let Some(value) = found.remove(spec) {
            found.entry(ours.to_owned()).or_insert(value);
        }
    }
    let parts: Vec<String> = ["firstName", "lastName"].iter().filter_map(|name| traits.text(name)).collect();
    if !parts.is_empty() {
        found.entry("name".to_owned()).or_insert_with(|| parts.join(" "));
    }
    found
}
