//! What SES understands of a request, and what it refuses.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::Mail;

const HEADERS: usize = 15;
const HEADER_NAME: usize = 126;
const HEADER_VALUE: usize = 870;
const RECIPIENTS: usize = 50;
const TAGS: usize = 50;
const TAG: usize = 256;

/// Headers SES writes from other fields of the request.
const RESERVED: [&str; 12] = [
    "bcc",
    "cc",
    "content-disposition",
    "content-transfer-encoding",
    "content-type",
    "date",
    "from",
    "message-id",
    "mime-version",
    "reply-to",
    "subject",
    "to",
];

/// The part of a request that is understood. Other fields are refused rather than dropped without a word.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Request {
    from_email_address: Option<String>,
    #[serde(default)]
    destination: Destination,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    content: Content,
    #[serde(default)]
    email_tags: Vec<Pair>,
    configuration_set_name: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destination {
    #[serde(default)]
    to_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Content {
    simple: Simple,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Simple {
    subject: Data,
    body: Body,
    #[serde(default)]
    headers: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Body {
    text: Option<Data>,
    html: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Data {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    name: String,
    value: String,
}

pub(super) fn read(request: &Value) -> Result<Mail, String> {
    let request = Request::deserialize(request).map_err(|error| format!("not as modelled in the local suite: {error}"))?;
    let from = request.from_email_address.ok_or("FromEmailAddress is required")?;
    let recipients = &request.destination.to_addresses;
    if recipients.is_empty() || recipients.len() > RECIPIENTS {
        return Err(format!("between 1 and {RECIPIENTS} recipients are required"));
    }
    for address in recipients.iter().chain([&from]).chain(&request.reply_to_addresses) {
        check_address(address)?;
    }
    let Content { simple } = request.content;
    if simple.subject.data.chars().any(char::is_control) {
        return Err("the subject has a control character".to_owned());
    }
    if simple.body.text.is_none() && simple.body.html.is_none() {
        return Err("the body has neither text nor HTML".to_owned());
    }
    check_headers(&simple.headers)?;
    check_tags(&request.email_tags)?;
    Ok(Mail {
        at: Timestamp::UNIX_EPOCH,
        id: String::new(),
        from,
        to: request.destination.to_addresses,
        reply_to: request.reply_to_addresses,
        subject: simple.subject.data,
        text: simple.body.text.map(|part| part.data),
        html: simple.body.html.map(|part| part.data),
        headers: simple.headers.into_iter().map(|header| (header.name, header.value)).collect(),
        tags: request.email_tags.into_iter().map(|tag| (tag.name, tag.value)).collect(),
        configuration_set: request.configuration_set_name,
    })
}

/// `a@b.c` or `Name <a@b.c>`, in ASCII: SES wants names as encoded words and domains in Punycode.
fn check_address(address: &str) -> Result<(), String> {
    let bare = match address.strip_suffix('>').and_then(|address| address.rsplit_once('<')) {
        Some((_, bare)) => bare,
        None => address,
    };
    let whole = address.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let sound = bare.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && local.len() <= 64
            && !domain.is_empty()
            && domain.len() <= 255
            && !local.contains([' ', '<', '>', ','])
            && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    });
    if whole && sound { Ok(()) } else { Err("an address is not one SES accepts".to_owned()) }
}

fn check_headers(headers: &[Pair]) -> Result<(), String> {
    if headers.len() > HEADERS {
        return Err(format!("there may be {HEADERS} headers"));
    }
    for Pair { name, value } in headers {
        if name.is_empty() || name.len() > HEADER_NAME || !name.bytes().all(|byte| (b'!'..=b'~').contains(&byte) && byte != b':')
        {
            return Err(format!("`{name}` is no name for a header"));
        }
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(format!("the header {name} is set by SES"));
        }
        if value.is_empty() || value.len() > HEADER_VALUE || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(format!("the value of header {name} is not 1 to {HEADER_VALUE} printable ASCII characters"));
        }
    }
    Ok(())
}

fn check_tags(tags: &[Pair]) -> Result<(), String> {
    if tags.len() > TAGS {
        return Err(format!("there may be {TAGS} tags"));
    }
    for (index, Pair { name, value }) in tags.iter().enumerate() {
        let fits = |text: &str| {
            (1..=TAG).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        if !fits(name) || !fits(value) {
            return Err(format!("the tag `{name}` is not made of letters, digits, `_` and `-`, at most {TAG}"));
        }
        if tags.iter().take(index).any(|earlier| earlier.name == *name) {
            return Err(format!("the tag `{name}` stands twice"));
        }
    }
    Ok(())
}
