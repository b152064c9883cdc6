//! The key ring: the secrets that sign links, hash addresses and know the customer's servers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Error;
use crate::address::Address;
use crate::id::base32;

/// The ring as it is kept: one JSON text.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    #[serde(default)]
    servers: Vec<Key>,
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
        let ring: Self = serde_json::from_str(json)
            .map_err(|e| Error::never(format!("the key ring cannot be read (line {}, column {})", e.line(), e.column())))?;
        if ring.links.contains_key(&ring.current) { Ok(ring) } else { Err(Error::never("the key ring has no current link key")) }
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
        assert!(KeyRing::parse("{}").is_err() && !format!("{ring:?}").contains("links"));
    }
}
