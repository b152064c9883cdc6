//! `step` takes leads along their scenarios: each minute it works off the enrollments that are due, the oldest first.
//!
//! - `walk`: one enrollment, from where it stands to where it waits
//!
//! There is no cursor: whoever was taken along is due later or not at all, so the index itself says what is left. What
//! fails moves its own due time, further each time, and in the end lies where a person looks: it starves nobody.

mod walk;

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use michi::io::store::{DueKey, Function, together};
use michi::io::{Clock, Error, Shelf, Store, Tick};

use walk::Walk;

/// The most enrollments that a tick takes from the index at a time.
const ROUND: usize = 200;
/// How many enrollments are under way at once: most of their time they wait for an answer.
const AT_ONCE: usize = 16;
/// A tick begins nothing new after this time, so that the function's own time never ends within a call.
const SWEEP_TIME: SignedDuration = SignedDuration::from_secs(45);

/// What `step` needs of the world. It sends nothing, signs nothing and reads no address, so it holds no key.
#[derive(Clone)]
pub struct Step {
    /// Both tables.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The live playbook, and those by which leads are under way.
    pub shelf: Shelf,
}

impl Step {
    /// Puts the parts together.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        let shelf = Shelf::new(store.clone(), clock.clone());
        Self { store, clock, shelf }
    }

    /// Opens the connection and fetches the playbook that the first tick would wait for. Before the first playbook is
    /// published there is none to find; who needs one says so.
    pub async fn warm(&self) {
        let _ = self.shelf.live().await;
    }
}

/// Takes along whoever is due, as long as there is time.
///
/// # Errors
/// If the due index, the pauses or the live playbook cannot be read. What fails for a single lead moves its own due time.
pub async fn handle(step: &Step, _tick: Tick) -> Result<(), Error> {
    let end = step.clock.now().saturating_add(SWEEP_TIME).unwrap_or(Timestamp::MAX);
    let mut seen: HashSet<DueKey> = HashSet::new();
    let mut listed_still = 0;
    for round in 0.. {
        let now = step.clock.now();
        // The index may be behind, and what could be moved in no way stays where it is: both are in front of the others still.
        let limit = ROUND + listed_still;
        let due = step.store.due(Function::Step, now, limit).await?;
        if let Some(late) = due.lateness(now).filter(|_| round == 0) {
            tracing::warn!(due.late_minutes = late.as_mins(), "due work is late");
        }
        let listed = due.keys.len();
        let keys: VecDeque<DueKey> = due.keys.into_iter().filter(|key| !seen.contains(key)).collect();
        if now >= end || (keys.is_empty() && listed < limit) {
            return Ok(());
        }
        listed_still = listed - keys.len();
        seen.extend(keys.iter().cloned());
        let walk = Walk { step, live: step.shelf.live().await?, pauses: step.store.pauses().await? };
        drain(&walk, keys, end).await;
    }
    Ok(())
}

/// Takes these along, some at once.
async fn drain(walk: &Walk<'_>, keys: VecDeque<DueKey>, end: Timestamp) {
    let waiting = Mutex::new(keys);
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let work = || async {
        while let Some(key) = next() {
            if walk.step.clock.now() >= end {
                return;
            }
            let Err(error) = walk.go(&key).await else { continue };
            if let Err(worse) = walk.put_off(&key, &error).await {
                tracing::error!(error = %worse, item.key = key.sk, "an enrollment could neither be advanced nor put off");
            }
        }
    };
    together((0..AT_ONCE).map(|_| work())).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_understood() {
        let _: Tick = serde_json::from_str(include_str!("../fixtures/tick.json")).unwrap();
    }
}
