//! CloudWatch Logs: the functions' last lines, as they write them in production.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Mutex;

use jiff::Timestamp;
use michi::io::Clock;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::registry::LookupSpan;

use crate::lock::lock;

/// The most lines kept.
const KEPT: usize = 2_000;

/// The lines of this process, by the machine's clock. Logging is the process's, so all suites in it share them.
static LINES: Mutex<VecDeque<(Timestamp, String)>> = Mutex::new(VecDeque::new());

/// Keeps what is said at WARN or above, beside wherever else it goes.
pub fn keep<S: Subscriber + for<'span> LookupSpan<'span>>() -> impl Layer<S> {
    michi::io::telemetry::lines(Keeper).with_filter(LevelFilter::WARN)
}

/// The lines of a function since an instant, oldest first. Lines of the suite itself are nobody's.
pub(crate) fn of(function: &str, since: Timestamp) -> Vec<(Timestamp, String)> {
    let target = format!("\"target\":\"{function}::");
    let own = |(at, line): &&(Timestamp, String)| *at >= since && line.contains(&target);
    lock(&LINES).iter().filter(own).cloned().collect()
}

struct Keeper;

/// A line in the making.
struct Line(Vec<u8>);

impl<'a> MakeWriter<'a> for Keeper {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(Vec::new())
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut lines = lock(&LINES);
        lines.push_back((Clock::System.now(), String::from_utf8_lossy(&self.0).trim_end().to_owned()));
        if lines.len() > KEPT {
            lines.pop_front();
        }
    }
}
