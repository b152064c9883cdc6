//! Playbooks: immutable versions in parts, each with the files it was made of.
//!
//! Nothing of a version is ever written twice: a part that is there already is the same part, since the version is the
//! digest of what it holds. So keeping a version that was interrupted half-way is done by keeping it again.

use std::sync::Arc;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::failure::{condition_failed, failed};
use super::items::{read, unreadable};
use super::keys::{self, Item};
use super::{CAPACITY, Store};
use crate::id::{PlaybookVersion, derive};
use crate::playbook::Playbook;
use crate::playbook::mail::{Body, Parts};

/// A part of a version's compiled JSON.
#[derive(Serialize, Deserialize)]
struct Part {
    /// How many parts the version has.
    parts: usize,
    text: String,
}

/// Where a version comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// Who kept it first.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What for.
    pub why: String,
    /// The version that was live then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub based_on: Option<PlaybookVersion>,
    /// Its files, by name, each with the digest of what it holds.
    pub files: Vec<(String, String)>,
    /// The digest of the packed files, under which their parts are found.
    pub packed: String,
}

/// Bytes in a part; an item may have 400 KB.
pub(super) const PART_BYTES: usize = 290_000;

const BYTES: &str = "bytes";

impl Store {
    /// Keeps a version: its compiled form, its mails, and last of all where it comes from with its packed files. It is not live by
    /// that. Of a version that is there already nothing changes.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub async fn keep_playbook(&self, playbook: &Playbook, about: &About, packed: &[u8]) -> Result<PlaybookVersion, Error> {
        let version = playbook.version();
        let compiled =
            serde_json::to_string(playbook).map_err(|error| Error::never(format!("the playbook cannot be compiled: {error}")))?;
        let pk = keys::playbook(&version);
        let texts = split(&compiled, PART_BYTES);
        for (number, text) in texts.iter().enumerate() {
            let part = Part { parts: texts.len(), text: (*text).to_owned() };
            self.keep_part(keys::item(&pk, keys::part(number), &part)?).await?;
        }
        for body in playbook.mails.values().flat_map(|mail| mail.versions.values()).map(|version| &version.body) {
            if let Some(parts) = body.parts() {
                self.keep_part(keys::item(&pk, keys::mail(body.digest()), parts)?).await?;
            }
        }
        let about = About { packed: files_digest(packed), ..about.clone() };
        for (number, bytes) in packed.chunks(PART_BYTES).enumerate() {
            let mut part = keys::key(&pk, keys::source(&about.packed, number));
            part.insert(BYTES.to_owned(), AttributeValue::B(Blob::new(bytes)));
            self.keep_part(part).await?;
        }
        self.keep_part(keys::item(&pk, keys::ABOUT, &about)?).await?;
        Ok(version)
    }

    async fn keep_part(&self, item: Item) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
        let put = put.condition_expression("attribute_not_exists(pk)").return_consumed_capacity(CAPACITY);
        match put.send().await {
            Err(error) if condition_failed(&error) => Ok(()),
            done => done.map(|_| ()).map_err(failed("a playbook cannot be kept")),
        }
    }

    /// A version of the playbook.
    ///
    /// # Errors
    /// If it was never kept whole, or it cannot be read.
    pub async fn playbook(&self, version: &PlaybookVersion) -> Result<Playbook, Error> {
        let parts: Vec<Part> = self.parts(version, keys::PART_PREFIX, read).await?;
        if parts.is_empty() || parts.iter().any(|part| part.parts != parts.len()) {
            return Err(Error::never(format!("version {version} of the playbook is not there")));
        }
        let compiled: String = parts.into_iter().map(|part| part.text).collect();
        serde_json::from_str(&compiled).map_err(|error| {
            Error::never(format!("version {version} of the playbook cannot be read (column {})", error.column()))
        })
    }

    /// Text and HTML of a mail of this version; those at hand cost nothing.
    ///
    /// # Errors
    /// If they are not there or cannot be read.
    pub async fn mail_parts(&self, version: &PlaybookVersion, body: &Body) -> Result<Arc<Parts>, Error> {
        if let Some(parts) = body.parts() {
            return Ok(Arc::clone(parts));
        }
        let found: Vec<Parts> = self.parts(version, &keys::mail(body.digest()), read).await?;
        let parts = found.into_iter().next();
        parts.map(Arc::new).ok_or_else(|| Error::never(format!("a mail of version {version} of the playbook is not there")))
    }

    /// Where a version comes from; none if it was never kept whole.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn playbook_about(&self, version: &PlaybookVersion) -> Result<Option<About>, Error> {
        self.get(&self.leads, keys::key(keys::playbook(version), keys::ABOUT), true).await?.map(read).transpose()
    }

    /// The packed files of a version.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn playbook_files(&self, version: &PlaybookVersion, about: &About) -> Result<Vec<u8>, Error> {
        let bytes = |mut item: Item| match item.remove(BYTES) {
            Some(AttributeValue::B(bytes)) => Ok(bytes.into_inner()),
            _ => Err(unreadable("source")),
        };
        let packed = self.parts(version, &keys::sources(&about.packed), bytes).await?.concat();
        if files_digest(&packed) == about.packed {
            Ok(packed)
        } else {
            Err(Error::never(format!("the files of version {version} of the playbook are not whole")))
        }
    }

    async fn parts<T>(
        &self,
        version: &PlaybookVersion,
        prefix: &str,
        read: impl Fn(Item) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", keys::text(keys::playbook(version)))
            .expression_attribute_values(":prefix", keys::text(prefix));
        self.query(query, usize::MAX, read).await
    }
}

/// The digest that names a version's files. It stands in stored keys, so it stays as it is.
fn files_digest(bytes: &[u8]) -> String {
    derive(&["files", &bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()])
}

/// Cuts a text into parts of at most `bytes`, never within a character.
pub(super) fn split(text: &str, bytes: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.floor_char_boundary(bytes));
        parts.push(part);
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_never_cut_a_character() {
        assert_eq!(split("ab道c", 4), ["ab", "道c"]);
        assert_eq!(split("abcd", 4), ["abcd"]);
        assert!(split("", 4).is_empty());
    }
}
