//! Mail addresses: parsed once into a form that can stand in a header, a key and a comparison.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A mail address: local part as given, domain in lower case and punycode.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// Why a text is no address that mail can be sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// Nothing stands there.
    #[error("the address is empty")]
    Empty,
    /// RFC 5321 allows 254 bytes.
    #[error("the address is longer than 254 characters")]
    TooLong,
    /// SES takes ASCII local parts only.
    #[error("the part before the @ has characters other than ASCII letters, digits and punctuation")]
    LocalPart,
    /// The domain is none.
    #[error("the part after the @ is no internet domain")]
    Domain,
    /// Anything else.
    #[error("this is not one mail address")]
    Malformed,
}

impl Address {
    /// Parses one address; blanks around it are dropped, full-width characters are not guessed at.
    ///
    /// # Errors
    /// [`InvalidAddress`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim_matches(|c: char| c == ' ' || c == '\u{3000}');
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        if text.len() > 1024 || text.chars().any(|c| c.is_control() || c.is_whitespace() || "<>()[],;:\\\"".contains(c)) {
            return Err(InvalidAddress::Malformed);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::Malformed)?;
        if local.contains('@') || local.is_empty() {
            return Err(InvalidAddress::Malformed);
        }
        if !local.is_ascii() {
            return Err(InvalidAddress::LocalPart);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidAddress::Domain)?;
        if !domain.contains('.') || domain.ends_with('.') {
            return Err(InvalidAddress::Domain);
        }
        let address = format!("{local}@{domain}");
        if address.len() > 254 {
            return Err(InvalidAddress::TooLong);
        }
        if !email_address::EmailAddress::is_valid(&address) {
            return Err(InvalidAddress::Malformed);
        }
        Ok(Self(address))
    }

    /// The address as mail is sent to it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address as it may be shown to whoever holds a link: its reader knows it again, and nobody else learns it.
    #[must_use]
    pub fn masked(&self) -> String {
        let first = self.0.chars().next().unwrap_or_default();
        format!("{first}•••@{}", self.domain())
    }

    /// The domain, in lower case and punycode.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The form under which two spellings are one person: all in lower case. No provider that B2B buyers use tells
    /// local parts apart by case; dots and plus tags are kept, since elsewhere they do name different mailboxes.
    #[must_use]
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Whether the domain is `other` or below it.
    #[must_use]
    pub fn is_under(&self, other: &str) -> bool {
        let (domain, other) = (self.domain(), other.to_ascii_lowercase());
        domain == other || domain.strip_suffix(other.as_str()).is_some_and(|front| front.ends_with('.'))
    }

    /// Whether it is at a company rather than at a provider of private mailboxes.
    #[must_use]
    pub fn is_business(&self) -> bool {
        let registrable = psl::domain_str(self.domain()).unwrap_or(self.domain());
        // A provider's name under any suffix (yahoo.co.jp, yahoo.de), or one of the exact domains.
        let name = registrable.split('.').next().unwrap_or(registrable);
        !PRIVATE_NAMES.contains(&name) && !PRIVATE_DOMAINS.contains(&registrable) && psl::domain_str(self.domain()).is_some()
    }
}

/// Providers whose name means a private mailbox under every suffix.
const PRIVATE_NAMES: &[&str] = &[
    "gmail",
    "googlemail",
    "yahoo",
    "ymail",
    "hotmail",
    "outlook",
    "live",
    "msn",
    "icloud",
    "aol",
    "gmx",
    "protonmail",
    "yandex",
];

/// Providers whose name alone would also catch companies.
const PRIVATE_DOMAINS: &[&str] = &[
    "me.com",
    "mac.com",
    "proton.me",
    "pm.me",
    "web.de",
    "t-online.de",
    "freenet.de",
    "mail.com",
    "mail.ru",
    "qq.com",
    "163.com",
    "126.com",
    "sina.com",
    "naver.com",
    "daum.net",
    "hanmail.net",
    "orange.fr",
    "wanadoo.fr",
    "free.fr",
    "laposte.net",
    "libero.it",
    "zoho.com",
    "tutanota.com",
    "fastmail.com",
    "hey.com",
    "docomo.ne.jp",
    "ezweb.ne.jp",
    "au.com",
    "softbank.ne.jp",
    "i.softbank.jp",
    "nifty.com",
    "biglobe.ne.jp",
    "ocn.ne.jp",
    "so-net.ne.jp",
    "plala.or.jp",
    "excite.co.jp",
    "goo.jp",
    "infoseek.jp",
    "rediffmail.com",
    "comcast.net",
    "verizon.net",
    "att.net",
    "sbcglobal.net",
    "bellsouth.net",
    "cox.net",
    "btinternet.com",
];

impl TryFrom<String> for Address {
    type Error = InvalidAddress;
    fn try_from(text: String) -> Result<Self, InvalidAddress> {
        Self::parse(&text)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_and_plain() {
        let check = |text: &str, wanted: Result<&str, InvalidAddress>| {
            let found = Address::parse(text);
            assert_eq!(found.as_ref().map(Address::as_str), wanted.as_ref().map(|s| *s), "{text:?}");
        };
        check(" Ann.Lee+news@Example.COM ", Ok("Ann.Lee+news@example.com"));
        check("太郎@example.jp", Err(InvalidAddress::LocalPart));
        check("info@例え.jp", Ok("info@xn--r8jz45g.jp"));
        check("", Err(InvalidAddress::Empty));
        for bad in ["a@b.com,c@d.com", "a@b.com\nBcc: x@y.z", "<a@b.com>", "a@@b.com", "a b@c.com", "ann", "a..b@example.com"] {
            check(bad, Err(InvalidAddress::Malformed));
        }
        check("ann@localhost", Err(InvalidAddress::Domain));
        check(&format!("{}@example.com", "x".repeat(60)), Ok(&format!("{}@example.com", "x".repeat(60))));
        check(&format!("a@{}com", "x23456789.".repeat(26)), Err(InvalidAddress::Domain));
    }

    #[test]
    fn private_mailboxes_are_no_business_addresses() {
        for (text, business) in [
            ("a@gmail.com", false),
            ("a@yahoo.co.jp", false),
            ("a@docomo.ne.jp", false),
            ("a@ocn.ne.jp", false),
            ("a@mail.example.co.jp", true),
            ("a@acme.io", true),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_business(), business, "{text}");
        }
    }

    #[test]
    fn under_a_domain_means_it_or_below_it() {
        let address = Address::parse("a@tokyo.acme.co.jp").unwrap();
        assert!(address.is_under("acme.co.jp") && address.is_under("Tokyo.acme.co.jp"));
        assert!(!address.is_under("cme.co.jp"));
    }
}
