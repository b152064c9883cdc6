//! `michi dev`: everything in one process, with a demonstration site.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::Context;
use clap::Args;
use michi::playbook::span::Span;
use michi_local::{Options, Pace, Suite, logs, server};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// What `michi dev` takes.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// The port on 127.0.0.1.
    #[arg(long, default_value_t = 7070, value_name = "PORT")]
    port: u16,
    /// The playbook's folder; edits are taken over at once. Without it the default playbook is used.
    #[arg(long, value_name = "DIR")]
    playbook: Option<PathBuf>,
    /// Where everything is kept across restarts. Without it nothing is.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Lets time run faster: how much of it passes in how many real seconds. The clock then jumps from one thing due to
    /// the next, and goes at real pace for 30 seconds after a browser's request.
    #[arg(long, value_name = "1d=1s")]
    speed: Option<Speed>,
}

/// A pace, as in `1d=1s`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Speed(f64);

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WANTED: &str = "write how much time passes in how many real seconds, as in 1d=1s or 12h=10s";
        let (passes, real) = text.split_once('=').ok_or(WANTED)?;
        let passes = Span::try_from(passes.to_owned()).map_err(|_| WANTED)?;
        let real: f64 = real.strip_suffix('s').and_then(|seconds| seconds.parse().ok()).ok_or(WANTED)?;
        let factor = passes.millis() / 1000.0 / real;
        if factor.is_finite() && factor >= 1.0 { Ok(Self(factor)) } else { Err("time can only run faster than it does") }
    }
}

/// Runs the suite until it is interrupted.
///
/// # Errors
/// Says what keeps it from starting, and what to do about it.
pub fn run(args: &DevArgs) -> anyhow::Result<ExitCode> {
    let filter = EnvFilter::try_from_env("MICHI_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let shown = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter);
    tracing_subscriber::registry().with(shown).with(logs::keep()).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads can be started")?;
    runtime.block_on(async {
        // First the port: that it is taken should not cost a start.
        let listener = server::bind(args.port).await?;
        let address = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
        let suite = Suite::start(Options {
            template: None,
            playbook: args.playbook.clone(),
            data: args.data.clone(),
            collector_url: address.clone(),
            pace: args.speed.map_or(Pace::Real, |Speed(factor)| Pace::Fast(factor)),
            seed: None,
            disorder: None,
            skew: std::collections::BTreeMap::new(),
        })
        .await?;
        greet(&address, args, &suite);
        tokio::select! {
            served = server::serve(&suite, listener) => served?,
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

#[allow(clippy::print_stdout, reason = "the command's own output")]
fn greet(address: &str, args: &DevArgs, suite: &Suite) {
    let desk = suite.desk();
    let (company, key) = (&desk.playbook().setup.company.name, &desk.playbook().setup.write_key);
    let playbook = args.playbook.as_ref().map_or("the default one".to_owned(), |folder| folder.display().to_string());
    let data = args.data.as_ref().map_or("in memory; --data DIR keeps it".to_owned(), |folder| folder.display().to_string());
    println!(
        "michi runs for {company}. Ctrl-C ends it.\n\n  \
         site       {address}/          a company's site that carries the snippet\n  \
         mailbox    {address}/_michi/mailbox\n  \
         console    {address}/_michi\n\n  \
         playbook   {playbook}\n  \
         data       {data}\n\n\
         To watch a site of your own, paste this into it:\n\n  \
         <script async src=\"{address}/michi.js\" data-key=\"{key}\" data-localhost></script>\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_so_much_time_in_so_many_seconds() {
        let factor = |text: &str| text.parse::<Speed>().map(|speed| speed.0);
        assert_eq!(factor("1d=1s"), Ok(86_400.0));
        assert_eq!(factor("12h=10s"), Ok(4_320.0));
        for bad in ["", "1d", "1d=1", "1d=0s", "1d=-1s", "1m=90s", "fast=1s"] {
            assert!(factor(bad).is_err(), "{bad}");
        }
    }
}
