//! What the suite keeps for itself in the tables' file: mails, bus entries, stream positions, the clock, the keys.

use dynoxide::storage::Storage;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Dynamo;
use crate::lock::lock;

/// A place to keep things under a kind, in order, or under a name, the newest only. It lives as long as the tables.
#[derive(Debug, Clone)]
pub struct Ledger(std::sync::Arc<Dynamo>);

pub(super) fn prepare(storage: &Storage) -> anyhow::Result<()> {
    storage.conn().execute_batch(
        "CREATE TABLE IF NOT EXISTS michi_entries (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL);
         CREATE TABLE IF NOT EXISTS michi_state (name TEXT PRIMARY KEY, body TEXT NOT NULL);",
    )?;
    Ok(())
}

impl Ledger {
    /// The ledger beside these tables.
    pub fn new(dynamo: std::sync::Arc<Dynamo>) -> Self {
        Self(dynamo)
    }

    /// Adds an entry of a kind. Answers its number.
    pub fn append(&self, kind: &str, entry: &impl Serialize) -> anyhow::Result<i64> {
        let body = serde_json::to_string(entry)?;
        let storage = lock(&self.0.storage);
        storage.conn().execute("INSERT INTO michi_entries (kind, body) VALUES (?1, ?2)", (kind, body))?;
        Ok(storage.conn().last_insert_rowid())
    }

    /// The entries of a kind, oldest first.
    pub fn entries<T: DeserializeOwned>(&self, kind: &str) -> anyhow::Result<Vec<T>> {
        let storage = lock(&self.0.storage);
        let mut statement = storage.conn().prepare("SELECT body FROM michi_entries WHERE kind = ?1 ORDER BY id")?;
        let bodies = statement.query_map([kind], |row| row.get::<_, String>(0))?;
        bodies.map(|body| Ok(serde_json::from_str(&body?)?)).collect()
    }

    /// The same, each with its number.
    pub fn numbered<T: DeserializeOwned>(&self, kind: &str) -> anyhow::Result<Vec<(i64, T)>> {
        let storage = lock(&self.0.storage);
        let mut statement = storage.conn().prepare("SELECT id, body FROM michi_entries WHERE kind = ?1 ORDER BY id")?;
        let entries = statement.query_map([kind], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        entries.map(|entry| entry.map_err(Into::into).and_then(|(id, body)| Ok((id, serde_json::from_str(&body)?)))).collect()
    }

    /// Drops an entry.
    pub fn remove(&self, number: i64) -> anyhow::Result<()> {
        lock(&self.0.storage).conn().execute("DELETE FROM michi_entries WHERE id = ?1", [number])?;
        Ok(())
    }

    /// Puts an entry in place of another.
    pub fn replace(&self, number: i64, entry: &impl Serialize) -> anyhow::Result<()> {
        let body = serde_json::to_string(entry)?;
        lock(&self.0.storage).conn().execute("UPDATE michi_entries SET body = ?2 WHERE id = ?1", (number, body))?;
        Ok(())
    }

    /// Keeps a value under a name, in place of what stood there.
    pub fn put(&self, name: &str, value: &impl Serialize) -> anyhow::Result<()> {
        let body = serde_json::to_string(value)?;
        lock(&self.0.storage).conn().execute("INSERT OR REPLACE INTO michi_state (name, body) VALUES (?1, ?2)", (name, body))?;
        Ok(())
    }

    /// What stands under a name.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let storage = lock(&self.0.storage);
        let mut statement = storage.conn().prepare("SELECT body FROM michi_state WHERE name = ?1")?;
        let mut bodies = statement.query_map([name], |row| row.get::<_, String>(0))?;
        Ok(bodies.next().transpose()?.map(|body| serde_json::from_str(&body)).transpose()?)
    }
}
