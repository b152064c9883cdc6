//! Mail headers: a mailbox with the name before it (RFC 5322), in ASCII whatever the name (RFC 2047).
//!
//! SES takes subject and body as UTF-8 and encodes them itself, but wants names in addresses encoded by the caller.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text::cleaned;
use crate::address::Address;
use crate::playbook::mail::From;
use crate::playbook::{Language, Owner, Setup};

/// The longest name, in characters: what is longer no reader shows.
const MAX_NAME: usize = 60;
/// An encoded word may have 75 characters; what is left of them for base 64 behind `=?UTF-8?B?` and before `?=`.
const MAX_ENCODED: usize = 75 - 12;

/// `name <address>`, with the name quoted or encoded as it needs.
#[must_use]
pub fn mailbox(name: &str, address: &Address) -> String {
    let name = cleaned(name, MAX_NAME);
    if name.is_empty() {
        address.to_string()
    } else if name.is_ascii() {
        format!("{} <{address}>", quoted(&name))
    } else {
        format!("{} <{address}>", encoded(&name))
    }
}

/// A text as the value of a header that is no address, as a subject is: in ASCII, whatever it says.
#[must_use]
pub fn unstructured(text: &str) -> String {
    let text = cleaned(text, usize::MAX);
    if text.is_ascii() { text } else { encoded(&text) }
}

/// From whom a mail to a lead comes, and where answers go if not there. SES sends for one domain, so the address is always
/// the playbook's; in an owner's mail the name is the owner's, and answers go to the owner.
#[must_use]
pub fn sender(from: From, setup: &Setup, owner: Option<&Owner>) -> (String, Option<Address>) {
    match (from, owner) {
        (From::Owner, Some(owner)) => {
            let name = match setup.language {
                Language::En => format!("{}, {}", owner.name, setup.sender.name),
                Language::Ja => format!("{}（{}）", owner.name, setup.sender.name),
            };
            (mailbox(&name, &setup.sender.address), Some(owner.address.clone()))
        }
        (From::Owner, None) | (From::Company, _) => (mailbox(&setup.sender.name, &setup.sender.address), None),
    }
}

fn quoted(name: &str) -> String {
    let mut text = String::from('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('"');
    text
}

/// Encoded words with one blank between them, which readers drop; a character is never torn.
fn encoded(name: &str) -> String {
    let mut words: Vec<String> = vec![];
    let mut word = String::new();
    let flush = |word: &mut String, words: &mut Vec<String>| {
        if !word.is_empty() {
            words.push(format!("=?UTF-8?B?{}?=", STANDARD.encode(word.as_bytes())));
            word.clear();
        }
    };
    for c in name.chars() {
        if (word.len() + c.len_utf8()).div_ceil(3) * 4 > MAX_ENCODED {
            flush(&mut word, &mut words);
        }
        word.push(c);
    }
    flush(&mut word, &mut words);
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_ascii_and_one_line() {
        let address = Address::parse("sales@example.com").unwrap();
        let check = |name: &str, wanted: &str| assert_eq!(mailbox(name, &address), wanted, "{name}");
        check("", "sales@example.com");
        check("Sales", "\"Sales\" <sales@example.com>");
        check("O\"Neil, \\ Ann", "\"O\\\"Neil, \\\\ Ann\" <sales@example.com>");
        check("a\r\nBcc: x@y.z", "\"a Bcc: x@y.z\" <sales@example.com>");
        check("営業部", "=?UTF-8?B?5Za25qWt6YOo?= <sales@example.com>");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let address = Address::parse("sales@example.com").unwrap();
        let name = "あ".repeat(40);
        let header = mailbox(&name, &address);
        let words: Vec<&str> = header.split(' ').filter(|word| word.starts_with("=?")).collect();
        assert!(words.len() > 1 && words.iter().all(|word| word.len() <= 75), "{header}");
        let again: String = words
            .iter()
            .map(|word| word.strip_prefix("=?UTF-8?B?").and_then(|word| word.strip_suffix("?=")).unwrap())
            .map(|word| String::from_utf8(STANDARD.decode(word).unwrap()).unwrap())
            .collect();
        assert_eq!(again, name);
    }
}
