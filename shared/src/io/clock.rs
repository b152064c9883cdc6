//! The clock: the only place that reads the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// Where `now` comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that is set by hand, in milliseconds since 1970; clones share it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now` until it is set.
    #[must_use]
    pub fn manual(now: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(now.as_millisecond())))
    }

    /// Now, in whole milliseconds, as keys and items hold it.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let millis = match self {
            #[allow(clippy::disallowed_methods, reason = "this is where the clock is read")]
            Self::System => Timestamp::now().as_millisecond(),
            Self::Manual(millis) => millis.load(Ordering::SeqCst),
        };
        Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Waits until then, and answers whether it is. A manual clock stands still, so nobody waits for it.
    pub async fn wait_until(&self, at: Timestamp) -> bool {
        if let Self::System = self {
            let wait = Duration::try_from(at.duration_since(self.now())).unwrap_or_default();
            tokio::time::sleep(wait).await;
        }
        self.now() >= at
    }

    /// Sets a manual clock; the machine's own is left alone.
    pub fn set(&self, now: Timestamp) {
        if let Self::Manual(millis) = self {
            millis.store(now.as_millisecond(), Ordering::SeqCst);
        }
    }
}
