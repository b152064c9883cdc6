//! Logs: one line of JSON each, on standard output. No address, token or body ever stands in one.

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer};

/// Starts logging for a Lambda function; `MICHI_LOG` sets the level, WARN where it is not set.
pub fn start() {
    let filter = EnvFilter::try_from_env("MICHI_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    // A second start, as in tests, changes nothing.
    let _ = tracing_subscriber::registry().with(lines(std::io::stdout).with_filter(filter)).try_init();
}

/// Lines as a function writes them.
pub fn lines<S, W>(writer: W) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    tracing_subscriber::fmt::layer().json().with_current_span(false).with_writer(writer)
}
