//! Playbooks: immutable versions in parts, and the pointer to the live one.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::failure::{condition_failed, failed};
use super::items::read;
use super::{CAPACITY, Store, keys};
use crate::id::PlaybookVersion;
use crate::playbook::Playbook;

/// A part of a version's compiled JSON.
#[derive(Serialize, Deserialize)]
struct Part {
    /// How many parts the version has.
    parts: usize,
    text: String,
}

/// Which version is live.
#[derive(Serialize, Deserialize)]
struct Live {
    version: PlaybookVersion,
    since: String,
}

/// Bytes in a part; an item may have 400 KB.
const PART_BYTES: usize = 290_000;

impl Store {
    /// Keeps a playbook and makes it the live one. Publishing it again makes it live again.
    ///
    /// # Errors
    /// If it is not known to be live.
    pub async fn publish_playbook(&self, playbook: &Playbook, now: Timestamp) -> Result<PlaybookVersion, Error> {
        let version = playbook.version();
        let compiled =
            serde_json::to_string(playbook).map_err(|error| Error::never(format!("the playbook cannot be compiled: {error}")))?;
        let texts = split(&compiled, PART_BYTES);
        for (number, text) in texts.iter().enumerate() {
            let part = Part { parts: texts.len(), text: (*text).to_owned() };
            let item = keys::item(keys::playbook(&version), keys::part(number), &part)?;
            let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
            let put = put.condition_expression("attribute_not_exists(pk)").return_consumed_capacity(CAPACITY);
            match put.send().await {
                Err(error) if !condition_failed(&error) => return Err(failed("a playbook cannot be kept")(error)),
                _ => {}
            }
        }
        let live = Live { version, since: keys::instant(now) };
        let item = keys::item(keys::LIVE_PLAYBOOK, keys::CURRENT, &live)?;
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item)).return_consumed_capacity(CAPACITY);
        put.send().await.map_err(failed("a playbook cannot be made live"))?;
        Ok(live.version)
    }

    /// The live playbook's version.
    ///
    /// # Errors
    /// If none was ever published, or it cannot be read.
    pub async fn live_version(&self) -> Result<PlaybookVersion, Error> {
        let item = self.get(&self.leads, keys::key(keys::LIVE_PLAYBOOK, keys::CURRENT), false).await?;
        let item = item.ok_or_else(|| Error::never("no playbook has been published"))?;
        read::<Live>(item).map(|live| live.version)
    }

    /// A version of the playbook.
    ///
    /// # Errors
    /// If it was never published, or it cannot be read.
    pub async fn playbook(&self, version: &PlaybookVersion) -> Result<Playbook, Error> {
        let query = self.client.query().table_name(&*self.leads).key_condition_expression("pk = :pk").consistent_read(true);
        let query = query.expression_attribute_values(":pk", keys::text(keys::playbook(version)));
        let parts = self.query(query, usize::MAX, read::<Part>).await?;
        if parts.is_empty() || parts.iter().any(|part| part.parts != parts.len()) {
            return Err(Error::never(format!("version {version} of the playbook is not there")));
        }
        let compiled: String = parts.into_iter().map(|part| part.text).collect();
        serde_json::from_str(&compiled).map_err(|error| {
            Error::never(format!("version {version} of the playbook cannot be read (column {})", error.column()))
        })
    }
}

/// Cuts a text into parts of at most `bytes`, never within a character.
fn split(text: &str, bytes: usize) -> Vec<&str> {
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
