//! What every handler gets: the store, the clock, chance, keys, settings, and the live playbook.

use std::sync::Arc;

use super::shelf::{Shelf, Versioned};
use super::{Clock, Error, KeyRing, Random, Settings, Store};
use crate::id::PlaybookVersion;
use crate::playbook::mail::{Body, Parts};

/// Everything a handler needs of the world. Clones share it.
#[derive(Clone)]
pub struct App {
    /// Both tables.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub random: Random,
    /// Secrets.
    pub keys: Arc<KeyRing>,
    /// What the surroundings say.
    pub settings: Arc<Settings>,
    /// The live playbook, and others.
    pub shelf: Shelf,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Store, clock: Clock, random: Random, keys: KeyRing, settings: Settings) -> Self {
        let shelf = Shelf::new(store.clone(), clock.clone());
        Self { store, clock, random, keys: Arc::new(keys), settings: Arc::new(settings), shelf }
    }

    /// The live playbook, at most 30 seconds old.
    ///
    /// # Errors
    /// If none was ever published, or the table does not answer and none was read before.
    pub async fn playbook(&self) -> Result<Versioned, Error> {
        self.shelf.live().await
    }

    /// A version of the playbook, live or not.
    ///
    /// # Errors
    /// If there is no such version, or it cannot be read.
    pub async fn playbook_of(&self, version: &PlaybookVersion) -> Result<Versioned, Error> {
        self.shelf.version(version).await
    }

    /// Text and HTML of a mail of a version of the playbook.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn mail_parts(&self, version: &PlaybookVersion, body: &Body) -> Result<Arc<Parts>, Error> {
        self.shelf.mail_parts(version, body).await
    }

    /// Forgets the playbook held, so that the next reader sees what was just published.
    pub async fn forget_playbook(&self) {
        self.shelf.forget().await;
    }
}
