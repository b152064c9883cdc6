//! Ids: a type for each thing that has one, and [`derive`], which makes an id from what caused it.
//!
//! A repeat of the same cause meets its own earlier result, because it computes the same id.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest id taken from outside, in bytes.
pub const MAX_ID_BYTES: usize = 100;

/// Why a text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id has 1 to {MAX_ID_BYTES} printable ASCII characters without '#' and blanks")]
pub struct InvalidId;

fn check(text: &str) -> Result<(), InvalidId> {
    let fits = (1..=MAX_ID_BYTES).contains(&text.len());
    let clean = text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    if fits && clean { Ok(()) } else { Err(InvalidId) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text as this id.
            ///
            /// # Errors
            /// [`InvalidId`] if it is empty, too long, or holds anything but printable ASCII without `#`.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check(&text).map(|()| Self(text))
            }

            /// The id of what these causes, in this order, bring about.
            #[must_use]
            pub fn derive(causes: &[&str]) -> Self {
                Self(derive(causes))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

ids! {
    /// A person we may come to sell to.
    LeadId;
    /// A browser. A bearer secret: who knows it may write to its log.
    VisitorId;
    /// One activity; for those that come from outside, the sender's own message id.
    ActivityId;
    /// One showing of a page, shared by its view, its engaged time and its clicks.
    PageViewId;
    /// One mail to one person, from wish to outcome.
    MessageId;
    /// One try to send a message.
    AttemptId;
    /// One offer of a lead to sales.
    HandoffId;
    /// One thing told to the outside world.
    FactId;
    /// One lead in one scenario.
    EnrollmentId;
    /// Somebody in sales, as named in the playbook.
    OwnerId;
    /// A scoring rule, a limit group, an exclusion or a segment, as named in the playbook.
    RuleId;
    /// A class of pages or forms, as named in the playbook.
    ClassId;
    /// A form, as the site names it.
    FormId;
    /// A scenario, as named in the playbook.
    ScenarioId;
    /// A step of a scenario, as named in the playbook.
    StepId;
    /// One way on from a step, or an answer to a question, as named in the playbook.
    WayId;
    /// A mail, as named in the playbook.
    MailId;
    /// Something that readers choose to get or not to get, as named in the playbook.
    TopicId;
    /// One mail to many leads at once.
    BroadcastId;
    /// One list of people taken in.
    ImportId;
    /// The public key that a site's snippet carries.
    WriteKey;
    /// An immutable version of the playbook: the digest of its compiled form.
    PlaybookVersion;
}

/// H(causes): 128 bits of SHA-256 over the causes, each with its length before it, in 26 characters of base 32
/// (Crockford's alphabet in lower case), so that an id fits a key, a URL and an SES tag.
#[must_use]
pub fn derive(causes: &[&str]) -> String {
    base32(hash(causes).into_iter().take(16))
}

/// The lot that falls to these causes, from 0 up to `of` exclusive, each as likely as any other; 0 if there is but one. The
/// same causes always draw the same.
#[must_use]
pub fn draw(causes: &[&str], of: u64) -> u64 {
    let number = hash(causes).into_iter().take(8).fold(0, |number: u64, byte| (number << 8) | u64::from(byte));
    number % of.max(1)
}

fn hash(causes: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for cause in causes {
        hash.update((cause.len() as u64).to_be_bytes());
        hash.update(cause.as_bytes());
    }
    hash.finalize().into()
}

/// A digest of bytes; not what [`derive`] makes of the same.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    base32(Sha256::digest(bytes).iter().take(16).copied())
}

/// Base 32 without padding, five bits a character, most significant first.
pub fn base32(bytes: impl Iterator<Item = u8>) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0_u32);
    let mut push = |five: u32| text.push(char::from(ALPHABET.get(five as usize & 31).copied().unwrap_or(b'0')));
    for byte in bytes {
        held = (held << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push(held >> bits);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        push(held << (5 - bits));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_each_cause_and_on_where_causes_end() {
        let ids = [derive(&["a", "bc"]), derive(&["ab", "c"]), derive(&["abc"]), derive(&["a", "bc", ""])];
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(id.len(), 26);
            assert!(ids.iter().skip(n + 1).all(|other| other != id));
        }
        assert_eq!(derive(&["a", "bc"]), ids[0]);
    }

    #[test]
    fn base32_keeps_every_bit() {
        assert_eq!(base32([0xff, 0x00].into_iter()), "zw00");
        assert_eq!(base32([].into_iter()), "");
    }

    #[test]
    fn an_id_from_outside_cannot_break_out_of_a_key() {
        for bad in ["", "a#b", "a b", "ä", "a\n", &"x".repeat(101)] {
            assert_eq!(VisitorId::parse(bad), Err(InvalidId), "{bad:?}");
        }
        assert!(VisitorId::parse("x".repeat(100)).is_ok());
    }
}
