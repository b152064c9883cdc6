//! Logs: one line of JSON each, on standard output. No address, token or body ever stands in one.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use super::settings;

/// Starts logging for a Lambda function; `MICHI_LOG` names the level of michi's own lines, WARN where it names none. The
/// crates below it could show what they carry, so of them only warnings are heard.
pub fn start() {
    let level = settings::log_level().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::WARN);
    let own = ["michi", "track", "score", "notify", "relay", "answer"].map(|name| (name, level));
    let lines = tracing_subscriber::fmt::layer().json().with_current_span(false);
    let heard = Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(own);
    // A second start, as in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(lines.with_filter(heard)).try_init();
}
