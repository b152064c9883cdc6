//! Logs: one line of JSON each, on standard output. No address, token or body ever stands in one.

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use super::settings;

/// Starts logging for a Lambda function; `MICHI_LOG` names the level of michi's own lines, WARN where it names none. The
/// crates below it could show what they carry, so of them only warnings are heard.
pub fn start() {
    let level = settings::log_level().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::WARN);
    let own = ["michi", "track", "score", "step", "notify", "relay", "feedback", "answer"].map(|name| (name, level));
    let heard = Targets::new().with_default(level.min(LevelFilter::WARN)).with_targets(own);
    // A second start, as in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(lines(std::io::stdout).with_filter(heard)).try_init();
}

/// Lines as a function writes them.
pub fn lines<S, W>(writer: W) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer().json().with_current_span(false).with_writer(writer)
}
