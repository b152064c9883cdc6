//! What a step takes and how late it comes: `cargo bench --workspace --bench step`, some fifteen minutes; for less,
//! `cargo bench --workspace --bench step -- --leads 1000 --minutes 2 --only once spread`.
//!
//! - `ground`: leads, what is known of them, and where they stand in a scenario
//! - `sweep`: the schedule that takes them along, and what came of that
//! - `spent`: calls, units, time
//! - `command`: `michi simulate` and `michi results`
//!
//! Everything runs at real pace over tables in a file. Of the functions only `step` runs: what it owes (letters, scores)
//! lies in the tables, and its schedule is kept by this bench. The engine behind the tables runs on threads of its own, so
//! its processor time is told apart from that of `step`, the SDK and the line between them, which share one thread.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a bench"
)]

mod command;
mod ground;
mod spent;
mod sweep;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use ground::Ground;
use spent::Load;

#[derive(Parser)]
struct Wanted {
    /// How many leads
    #[arg(long, default_value_t = 10_000)]
    leads: usize,
    /// Over how many minutes the ends of their waits are spread
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// Only these parts
    #[arg(long, value_enum, num_args = 1..)]
    only: Vec<Part>,
    /// The schedule's first tick: this process is one that may be killed
    #[arg(long, hide = true, requires = "data")]
    keep: Option<Timestamp>,
    #[arg(long, hide = true)]
    data: Option<PathBuf>,
    #[arg(long, hide = true)]
    playbook: Option<PathBuf>,
    /// Cargo says so to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Part {
    /// All due at once: calls, units, time and lateness
    Once,
    /// Due over some minutes: lateness
    Spread,
    /// All due at once, and the process is killed half-way
    Killed,
    /// `michi simulate`
    Simulate,
    /// `michi results`
    Results,
}

fn main() {
    let wanted = Wanted::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match &wanted.keep {
            Some(first) => {
                sweep::keep_telling(wanted.playbook.as_deref().unwrap(), wanted.data.as_deref().unwrap(), *first).await
            }
            None => measure(&wanted).await,
        }
    });
}

async fn measure(wanted: &Wanted) {
    let wants = |part: Part| wanted.only.is_empty() || wanted.only.contains(&part);
    println!("{} leads; {}\n", wanted.leads, Load::now());
    let ground = Ground::lay(wanted.leads).await;
    println!("{}\n", ground.said());
    if wants(Part::Once) {
        sweep::at_once(&ground).await;
    }
    if wants(Part::Spread) {
        sweep::spread(&ground, SignedDuration::from_mins(i64::from(wanted.minutes))).await;
    }
    if wants(Part::Killed) {
        sweep::killed(&ground).await;
    }
    if wants(Part::Simulate) {
        command::simulate(&ground).await;
    }
    if wants(Part::Results) {
        command::results(&ground).await;
    }
    println!("\n{}", Load::now());
}
