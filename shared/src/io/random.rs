//! Chance: the few ids that no cause determines.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::{AttemptId, VisitorId, derive};

/// Where chance comes from.
#[derive(Debug, Clone)]
pub enum Random {
    /// The machine's.
    System,
    /// A row that repeats for the same seed, for tests; clones share it.
    Seeded(Arc<(u64, AtomicU64)>),
}

impl Random {
    /// A row that repeats for the same seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new((seed, AtomicU64::new(0))))
    }

    /// 26 characters nobody can guess, good as an id.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            #[allow(clippy::disallowed_methods, reason = "this is where chance is drawn")]
            Self::System => crate::id::base32(uuid::Uuid::new_v4().into_bytes().into_iter()),
            Self::Seeded(state) => derive(&["seeded", &state.0.to_string(), &state.1.fetch_add(1, Ordering::SeqCst).to_string()]),
        }
    }

    /// An id for one try to send.
    #[must_use]
    pub fn attempt(&self) -> AttemptId {
        AttemptId::derive(&["attempt", &self.text()])
    }

    /// An id for a browser that brought none.
    #[must_use]
    pub fn visitor(&self) -> VisitorId {
        VisitorId::derive(&["visitor", &self.text()])
    }

    /// A number in 0..`below`, for spreading over shards and for back-off; 0 when `below` is 0.
    #[must_use]
    pub fn below(&self, below: u32) -> u32 {
        let drawn = self.text().bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
        drawn.checked_rem(below).unwrap_or(0)
    }
}
