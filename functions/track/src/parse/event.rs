//! `track` messages: the events that michi knows by name, and the customer's own.

use std::collections::BTreeMap;

use michi::activity::{FormConsent, FormSubmission, Kind};
use michi::address::Address;
use michi::id::{ActivityId, FormId, PageViewId};
use serde_json::Value;

use super::object::Object;
use super::page::page_view;
use super::private::is_secret;
use crate::refusal::{Code, Refusal};

/// Nobody looks at a page for longer between two messages.
const LONGEST_LOOK: u32 = 24 * 60 * 60 * 1_000;

/// The activity that a `track` message tells.
///
/// # Errors
/// If it says too little.
pub(super) fn event(id: &ActivityId, message: Object<'_>) -> Result<Kind, Refusal> {
    let event = message.text("event").ok_or_else(|| Refusal::missing("event"))?;
    let properties = message.object("properties");
    let url = || properties.text("url").or_else(|| message.object("context").object("page").text("url"));
    let target = || properties.text("target").ok_or_else(|| Refusal::missing("target"));
    Ok(match event.as_str() {
        "Page Engaged" => Kind::Engaged {
            page_view: page_view(properties, "page_view").unwrap_or_else(|| PageViewId::derive(&["page view of", id.as_str()])),
            url: url().ok_or_else(|| Refusal::missing("url"))?,
            millis: millis(properties)?,
        },
        "Link Clicked" => {
            Kind::Clicked { page_view: page_view(properties, "page_view"), target: target()?, text: properties.text("text") }
        }
        "File Downloaded" => Kind::Downloaded { page_view: page_view(properties, "page_view"), target: target()? },
        "Form Submitted" => Kind::FormSubmitted(form(properties, url())),
        _ => Kind::Tracked { event, properties: properties.flat() },
    })
}

fn millis(properties: Object<'_>) -> Result<u32, Refusal> {
    let value = properties.get("millis").ok_or_else(|| Refusal::missing("millis"))?;
    if value.as_f64().is_none() {
        return Err(Refusal::invalid("millis", "a number of milliseconds"));
    }
    in_a_day(value).ok_or_else(|| Code::NumberOutOfRange.because("the property millis must lie between 0 and a day"))
}

/// A number of milliseconds, if it is one and lies between 0 and a day.
fn in_a_day(value: &Value) -> Option<u32> {
    let number = value.as_f64().filter(|number| (0.0..=f64::from(LONGEST_LOOK)).contains(number))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the line above says it fits")]
    let millis = number.round() as u32;
    Some(millis)
}

/// What else stands among the properties when a form's fields stand there directly.
const NO_FIELDS: [&str; 6] = ["form", "fields", "url", "page_view", "consent", "millis"];

fn form(properties: Object<'_>, url: Option<String>) -> FormSubmission {
    let mut fields = properties.object("fields").flat();
    if !properties.object("fields").is_there() {
        fields = properties.flat();
        fields.retain(|name, _| !NO_FIELDS.contains(&name.split('.').next().unwrap_or(name)));
    }
    fields.retain(|name, value| !value.is_empty() && !is_secret(name, value));
    let box_of_form = fields.remove("consent").map(|value| consent_box(&value));
    FormSubmission {
        form: form_id(properties.text("form").as_deref()),
        page_view: page_view(properties, "page_view"),
        url,
        address: address(&fields),
        consent: consent(properties).or_else(|| properties.text("consent").map(|value| consent_box(&value))).or(box_of_form),
        millis: properties.get("millis").and_then(in_a_day),
        fields,
    }
}

/// A form whose name is none that a playbook can hold is kept all the same, as one without a name.
fn form_id(name: Option<&str>) -> FormId {
    let named = name.and_then(|name| FormId::parse(name.trim()).ok());
    named.or_else(|| FormId::parse("unnamed").ok()).unwrap_or_else(|| FormId::derive(&["unnamed"]))
}

/// The first good address under a name that asks for the sender's own.
fn address(fields: &BTreeMap<String, String>) -> Option<Address> {
    const NAMES: &[&str] = &[
        "email",
        "mail",
        "emailaddress",
        "mailaddress",
        "youremail",
        "yourmail",
        "workemail",
        "businessemail",
        "companyemail",
        "メール",
        "eメール",
        "メールアドレス",
    ];
    let asks = |name: &str| {
        let name: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
        NAMES.contains(&name.as_str())
    };
    let named = fields.get("email").into_iter();
    let similar = fields.iter().filter(|(name, _)| asks(name)).map(|(_, value)| value);
    named.chain(similar).find_map(|value| Address::parse(value).ok())
}

/// `{granted, text}`.
pub(super) fn consent(properties: Object<'_>) -> Option<FormConsent> {
    let consent = properties.object("consent");
    let granted = consent.get("granted").and_then(Value::as_bool)?;
    Some(FormConsent { granted, text: consent.text("text").unwrap_or_default() })
}

/// A box as forms send it: its value says yes, or is the words that were agreed to.
fn consent_box(value: &str) -> FormConsent {
    match value.trim().to_lowercase().as_str() {
        "false" | "no" | "off" | "0" => FormConsent { granted: false, text: String::new() },
        "true" | "yes" | "on" | "1" => FormConsent { granted: true, text: String::new() },
        _ => FormConsent { granted: true, text: value.to_owned() },
    }
}
