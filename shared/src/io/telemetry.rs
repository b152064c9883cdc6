//! Logs: one line of JSON each, on standard output. No address, token or body ever stands in one.

use tracing_subscriber::EnvFilter;

/// Starts logging for a Lambda function; `MICHI_LOG` sets the level, WARN where it is not set.
pub fn start() {
    let filter = EnvFilter::try_from_env("MICHI_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second start, as in tests, changes nothing.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_current_span(false).try_init();
}
