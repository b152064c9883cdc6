//! One run of a function, which the client can end at any of its calls, as a lost machine would.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::FutureExt;
use tokio::sync::Notify;

tokio::task_local! {
    static CURRENT: Invocation;
}

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A run of a function.
#[derive(Clone, Debug)]
pub(crate) struct Invocation {
    pub(crate) number: u64,
    crash: Arc<Notify>,
}

/// Why a run ended without an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// A fault of the schedule ended it between two calls.
    Crashed,
    /// It panicked.
    Panicked,
}

impl Invocation {
    /// The run this task is part of.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Ends the run: its future is dropped where it stands.
    pub(crate) fn crash(&self) {
        self.crash.notify_one();
    }
}

/// Runs a function to its answer, or to its end.
pub(crate) async fn invoke<T>(function: impl Future<Output = T>) -> Result<T, Ended> {
    let invocation = Invocation { number: NUMBER.fetch_add(1, Ordering::Relaxed), crash: Arc::default() };
    let crash = Arc::clone(&invocation.crash);
    tokio::select! {
        biased;
        () = crash.notified() => Err(Ended::Crashed),
        answer = CURRENT.scope(invocation, AssertUnwindSafe(function).catch_unwind()) => answer.map_err(|_| Ended::Panicked),
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Crashed => "ended by a crash of the fault schedule",
            Self::Panicked => "panicked",
        })
    }
}
