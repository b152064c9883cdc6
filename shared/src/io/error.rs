//! Errors of the outer layer. The core has none: what can be wrong is refused where it comes in.
//!
//! [`Error`] is for handlers and the store, and says whether a retry can help; an HTTP handler turns what its caller did
//! wrong into its own answer and never into this type; binaries wrap it in `anyhow`.

use std::fmt;

/// Why something could not be done.
#[derive(Debug)]
pub struct Error {
    /// Whether the same call may succeed later.
    pub retry: Retry,
    /// What was being done, and what came back; without personal data.
    message: String,
}

/// Whether a retry can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Yes, as it is: throttled, no answer, in somebody's way.
    Later,
    /// Yes, after reading again: somebody else was faster.
    Reread,
    /// No: it will fail the same way.
    Never,
}

impl Error {
    /// An error that may pass.
    pub fn later(message: impl Into<String>) -> Self {
        Self { retry: Retry::Later, message: message.into() }
    }

    /// An error that means: read again, decide again.
    pub fn reread(message: impl Into<String>) -> Self {
        Self { retry: Retry::Reread, message: message.into() }
    }

    /// An error that stays.
    pub fn never(message: impl Into<String>) -> Self {
        Self { retry: Retry::Never, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
