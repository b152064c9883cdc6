//! The playbook that is live, and those that were: what never changes once it is published is read once.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::{Clock, Error, Store, store};
use crate::id::PlaybookVersion;
use crate::playbook::Playbook;
use crate::playbook::mail::{Body, Parts};

/// How long a playbook is used before the pointer to the live one is read again.
pub const PLAYBOOK_AGE: SignedDuration = SignedDuration::from_secs(30);

/// How many versions of the playbook, and how many mails' texts, are kept at hand.
const KEPT: usize = 16;

/// Playbooks at hand. Clones share them.
#[derive(Clone)]
pub struct Shelf {
    store: Store,
    clock: Clock,
    live: Arc<Mutex<Option<Live>>>,
    kept: Arc<Mutex<Kept>>,
}

/// What never changes once it is published, as far as it was needed lately.
#[derive(Default)]
struct Kept {
    playbooks: VecDeque<Versioned>,
    parts: VecDeque<(String, Arc<Parts>)>,
}

/// A playbook and its version.
#[derive(Clone)]
pub struct Versioned {
    /// The version.
    pub version: PlaybookVersion,
    /// Since when it is live.
    pub since: Timestamp,
    /// The playbook.
    pub playbook: Arc<Playbook>,
}

struct Live {
    read: Timestamp,
    live: Versioned,
}

impl Shelf {
    /// An empty one.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, live: Arc::default(), kept: Arc::default() }
    }

    /// The live playbook, at most 30 seconds old.
    ///
    /// # Errors
    /// If none was ever published, or the table does not answer and none was read before.
    pub async fn live(&self) -> Result<Versioned, Error> {
        let now = self.clock.now();
        let mut held = self.live.lock().await;
        if let Some(live) = held.as_ref()
            && now.duration_since(live.read) < PLAYBOOK_AGE
            && now >= live.read
        {
            return Ok(live.live.clone());
        }
        let pointer = match self.store.live().await {
            Ok(pointer) => pointer.ok_or_else(store::nothing_live)?,
            // An old playbook is better than none while the table does not answer.
            Err(error) => return held.as_ref().map(|live| live.live.clone()).ok_or(error),
        };
        self.hold(&mut held, pointer, now).await
    }

    /// Takes the playbook to which the pointer points for the live one.
    async fn hold(&self, held: &mut Option<Live>, pointer: store::Live, now: Timestamp) -> Result<Versioned, Error> {
        let playbook = match held.as_ref().filter(|held| held.live.version == pointer.version) {
            Some(held) => Arc::clone(&held.live.playbook),
            None => Arc::new(self.store.playbook(&pointer.version).await?),
        };
        let live = Versioned { version: pointer.version, since: pointer.since, playbook };
        *held = Some(Live { read: now, live: live.clone() });
        Ok(live)
    }

    /// The playbook that is live at this moment, whatever was read before.
    ///
    /// # Errors
    /// If none was ever published, or the table does not answer.
    pub async fn newest(&self) -> Result<Versioned, Error> {
        let now = self.clock.now();
        let mut held = self.live.lock().await;
        let pointer = self.store.live_consistent().await?.ok_or_else(store::nothing_live)?;
        self.hold(&mut held, pointer, now).await
    }

    /// A version of the playbook, live or not.
    ///
    /// # Errors
    /// If there is no such version, or it cannot be read.
    pub async fn version(&self, version: &PlaybookVersion) -> Result<Versioned, Error> {
        let mut kept = self.kept.lock().await;
        if let Some(known) = kept.playbooks.iter().find(|known| known.version == *version) {
            return Ok(known.clone());
        }
        let playbook = Arc::new(self.store.playbook(version).await?);
        let found = Versioned { version: version.clone(), since: Timestamp::UNIX_EPOCH, playbook };
        kept.playbooks.push_back(found.clone());
        if kept.playbooks.len() > KEPT {
            kept.playbooks.pop_front();
        }
        Ok(found)
    }

    /// Text and HTML of a mail of a version of the playbook.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn mail_parts(&self, version: &PlaybookVersion, body: &Body) -> Result<Arc<Parts>, Error> {
        let mut kept = self.kept.lock().await;
        if let Some((_, parts)) = kept.parts.iter().find(|(digest, _)| digest == body.digest()) {
            return Ok(Arc::clone(parts));
        }
        let parts = self.store.mail_parts(version, body).await?;
        kept.parts.push_back((body.digest().to_owned(), Arc::clone(&parts)));
        if kept.parts.len() > KEPT {
            kept.parts.pop_front();
        }
        Ok(parts)
    }

    /// Forgets the playbook held, so that the next reader sees what was just published.
    pub async fn forget(&self) {
        *self.live.lock().await = None;
    }
}
