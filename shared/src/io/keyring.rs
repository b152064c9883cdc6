//! The key ring: the secrets that sign links, hash addresses and know the customer's servers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Error;
use crate::address::Address;
use crate::id::base32;

/// The ring. It is kept as one JSON text: `{"seed": …}` as the deployment makes it, whatever else stands beside the
/// seed in place of what would come from it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Kept")]
pub struct KeyRing {
    /// The number of the key that signs now.
    current: u8,
    /// Keys that sign or once signed links, by number; none is ever dropped, since unsubscribe links never expire.
    links: BTreeMap<u8, Key>,
    /// Hashes mail addresses. It never rotates: every suppression would be forgotten.
    addresses: Key,
    /// The site signs its users' ids with this.
    site: Key,
    /// SHA-256 digests of the secret write keys of the customer's servers.
    servers: Vec<Key>,
}

/// The ring as it is kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// A text nobody can guess, from which every key comes that is not named.
    seed: Option<String>,
    current: Option<u8>,
    #[serde(default)]
    links: BTreeMap<u8, Key>,
    addresses: Option<Key>,
    site: Option<Key>,
    #[serde(default)]
    servers: Vec<Key>,
}

/// A seed has at least so many characters.
const SEED_LENGTH: usize = 32;

impl TryFrom<Kept> for KeyRing {
    type Error = &'static str;
    fn try_from(mut kept: Kept) -> Result<Self, Self::Error> {
        let seeded = match &kept.seed {
            Some(seed) if seed.len() < SEED_LENGTH => return Err("its seed has fewer than 32 characters"),
            seed => seed.as_deref().map(Self::generate),
        };
        if let Some(seeded) = &seeded {
            // A key that was added signs from now on, unless `current` says otherwise; what the first signed stays valid.
            for (&number, key) in &seeded.links {
                kept.links.entry(number).or_insert_with(|| key.clone());
            }
        }
        let current = kept.current.or_else(|| kept.links.keys().next_back().copied());
        let own = |named: Option<Key>, of: fn(Self) -> Key| named.or_else(|| seeded.clone().map(of));
        Ok(Self {
            current: current.filter(|current| kept.links.contains_key(current)).ok_or("it has no current link key")?,
            links: kept.links,
            addresses: own(kept.addresses, |ring| ring.addresses).ok_or("it has no key for addresses")?,
            site: own(kept.site, |ring| ring.site).ok_or("it has no key for the site")?,
            servers: kept.servers,
        })
    }
}

/// 32 secret bytes, in base 64 where they are kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key([u8; 32]);

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyRing(secret)")
    }
}

impl TryFrom<String> for Key {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD.decode(text).map_err(|_| "a key is not base 64")?;
        bytes.try_into().map(Self).map_err(|_| "a key has not 32 bytes")
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        STANDARD.encode(key.0)
    }
}

impl Key {
    /// The bytes themselves.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl KeyRing {
    /// A fresh ring from a text nobody can guess.
    #[must_use]
    pub fn generate(random: &str) -> Self {
        let key = |purpose: &str| Key(hmac(random.as_bytes(), &[purpose.as_bytes()]));
        Self {
            current: 1,
            links: BTreeMap::from([(1, key("links"))]),
            addresses: key("addresses"),
            site: key("site"),
            servers: vec![],
        }
    }

    /// Reads a ring as kept.
    ///
    /// # Errors
    /// Says what is wrong with it, without its content.
    pub fn parse(json: &str) -> Result<Self, Error> {
        const REMEDY: &str =
            "the secret must hold {\"seed\": \"32 random characters or more\"}; infra/template.yaml generates it";
        if json.trim().is_empty() {
            return Err(Error::never(format!("the key ring is empty: {REMEDY}")));
        }
        // A syntax error names its place; serde's other texts could quote a key.
        let kept: Kept = serde_json::from_str(json).map_err(|e| {
            Error::never(format!("the key ring cannot be read (line {}, column {}): {REMEDY}", e.line(), e.column()))
        })?;
        Self::try_from(kept).map_err(|wrong| Error::never(format!("the key ring cannot be used: {wrong}; {REMEDY}")))
    }

    /// The ring as it is kept.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Lets a server of the customer's in by this secret write key.
    #[must_use]
    pub fn with_server(mut self, secret: &str) -> Self {
        self.servers.push(Key(Sha256::digest(secret).into()));
        self
    }

    /// The key that signs links now, with its number.
    #[must_use]
    pub fn signing(&self) -> Option<(u8, &Key)> {
        self.links.get(&self.current).map(|key| (self.current, key))
    }

    /// The link key of this number.
    #[must_use]
    pub fn link(&self, number: u8) -> Option<&Key> {
        self.links.get(&number)
    }

    /// The digest under which an address stands in keys.
    #[must_use]
    pub fn address_hash(&self, address: &Address) -> String {
        base32(hmac(&self.addresses.0, &[address.key().as_bytes()]).into_iter().take(16))
    }

    /// The digest under which a network's requests of one day are counted: of its /24, or /48 in the sixth version of the
    /// protocol. Neither address nor network can be found from it, and what it says of one day tells nothing of the next.
    #[must_use]
    pub fn network_hash(&self, from: IpAddr, day: Date) -> String {
        let network: Vec<u8> = match from.to_canonical() {
            IpAddr::V4(four) => four.octets().into_iter().take(3).collect(),
            IpAddr::V6(six) => six.octets().into_iter().take(6).collect(),
        };
        let day = day.to_string();
        base32(hmac(&self.addresses.0, &[b"network ", day.as_bytes(), &network]).into_iter().take(16))
    }

    /// Whether this is the secret write key of one of the customer's servers.
    #[must_use]
    pub fn is_server(&self, secret: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        self.servers.iter().fold(false, |found, key| found | bool::from(key.0.ct_eq(&digest)))
    }

    /// Whether the site signed this user id: hex HMAC-SHA-256 by the site's key.
    #[must_use]
    pub fn site_signed(&self, user_id: &str, signature: &str) -> bool {
        bool::from(self.site_signature(user_id).as_bytes().ct_eq(signature.to_ascii_lowercase().as_bytes()))
    }

    /// The signature that the site gives a user id.
    #[must_use]
    pub fn site_signature(&self, user_id: &str) -> String {
        hmac(&self.site.0, &[user_id.as_bytes()]).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// HMAC-SHA-256 over the parts, one after the other.
#[must_use]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of every length, so the error never comes; a key of zeros would fail every check.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return [0; 32] };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_survives_being_kept() {
        let ring = KeyRing::generate("chance").with_server("sk_1");
        let again = KeyRing::parse(&ring.to_json()).unwrap();
        let address = Address::parse("Ann@Example.com").unwrap();
        assert_eq!(again.address_hash(&address), ring.address_hash(&Address::parse("ann@example.com").unwrap()));
        assert!(again.is_server("sk_1") && !again.is_server("sk_2"));
        assert!(again.site_signed("u1", &ring.site_signature("u1")) && !again.site_signed("u2", &ring.site_signature("u1")));
        assert!(!format!("{ring:?}").contains("links"));
    }

    #[test]
    fn a_network_has_one_digest_a_day() {
        let ring = KeyRing::generate("chance");
        let (today, tomorrow) = (jiff::civil::date(2026, 11, 22), jiff::civil::date(2026, 11, 23));
        let hash = |from: &str, day| ring.network_hash(from.parse().unwrap(), day);
        assert_eq!(hash("192.0.2.17", today), hash("192.0.2.200", today));
        assert_eq!(hash("192.0.2.17", today), hash("::ffff:192.0.2.1", today));
        assert_ne!(hash("192.0.2.17", today), hash("192.0.3.17", today));
        assert_ne!(hash("192.0.2.17", today), hash("192.0.2.17", tomorrow));
        assert_eq!(hash("2001:db8:1:2::3", today), hash("2001:db8:1:ffff::", today));
        assert_ne!(hash("2001:db8:1:2::3", today), hash("2001:db8:2:2::3", today));
        let address = Address::parse("a@b.example").unwrap();
        assert_ne!(ring.address_hash(&address), hash("192.0.2.17", today));
    }

    #[test]
    fn a_seed_is_a_whole_ring_and_keys_named_beside_it_win() {
        let seed = "0123456789abcdef0123456789abcdef";
        let seeded = KeyRing::parse(&format!(r#"{{"seed": "{seed}"}}"#)).unwrap();
        assert_eq!(seeded.to_json(), KeyRing::generate(seed).to_json());
        let more =
            r#"{"seed": "0123456789abcdef0123456789abcdef", "links": {"2": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}"#;
        let rotated = KeyRing::parse(more).unwrap();
        assert_eq!(rotated.signing().unwrap().0, 2);
        assert_eq!(rotated.link(1).unwrap().bytes(), seeded.link(1).unwrap().bytes());
        assert_eq!(rotated.site_signature("u"), seeded.site_signature("u"));
    }

    #[test]
    fn an_unusable_ring_says_what_is_missing_and_nothing_of_itself() {
        let key = r#""AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=""#;
        for (json, wanted) in [
            ("", "is empty"),
            ("{}", "no current link key"),
            ("{\n \"seed\": x", "(line 2, column 10)"),
            (r#"{"seed": "short"}"#, "fewer than 32"),
            (&format!(r#"{{"links": {{"1": {key}}}}}"#), "no key for addresses"),
            (&format!(r#"{{"links": {{"1": {key}}}, "addresses": {key}}}"#), "no key for the site"),
            (&format!(r#"{{"links": {{"1": {key}}}, "current": 2, "addresses": {key}}}"#), "no current link key"),
        ] {
            let error = KeyRing::parse(json).unwrap_err().to_string();
            assert!(error.contains(wanted) && error.contains("infra/template.yaml"), "{json}: {error}");
            assert!(!error.contains("AAAA") && !error.contains("short"), "{error}");
        }
    }
}
