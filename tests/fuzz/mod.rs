//! Whatever reads what others write gets good input with something done to it. On none may it panic or hang or grow out of
//! proportion, and on all it keeps its promises.
//!
//! - `bytes`, `trees`: what is done to bytes, and to JSON
//! - `links`, `messages`, `events`: what the world sends
//! - `playbooks`, `mails`, `lists`: what marketers write

mod bytes;
mod events;
mod links;
mod lists;
mod mails;
mod messages;
mod playbooks;
mod trees;

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use proptest::test_runner::{Config, FileFailurePersistence};

/// What takes longer hangs. No input is as long as 200 KB, and most take milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// So many cases, unless `PROPTEST_CASES` says how many. One that fails is written into a file `.regressions` beside its
/// target, and from then on tried before all others.
fn cases(cases: u32) -> Config {
    let failure_persistence = FileFailurePersistence::WithSource("regressions");
    // What hangs takes all our patience each time that a shorter input is tried.
    Config { cases, failure_persistence: Some(Box::new(failure_persistence)), max_shrink_time: 120_000, ..Config::default() }
}

/// Does the work, but not for ever.
fn soon<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, awaited) = channel();
    let worker = thread::spawn(move || done.send(work()));
    match awaited.recv_timeout(PATIENCE) {
        Ok(found) => found,
        Err(RecvTimeoutError::Timeout) => panic!("this takes more than {PATIENCE:?}"),
        Err(RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => resume_unwind(panic),
            Ok(_) => panic!("the work ended without a result"),
        },
    }
}

/// What comes out is at most so many times as large as what went in, but for what every output has.
#[track_caller]
fn in_proportion(out: usize, times: usize, into: usize, always: usize) {
    assert!(out <= times * into + always, "{into} bytes became {out}");
}
