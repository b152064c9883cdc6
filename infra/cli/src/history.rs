//! `michi history`: which playbook was live from when on, by whom, and what for.

use std::fmt::Write as _;
use std::process::ExitCode;

use jiff::tz::TimeZone;
use michi::io::store::{How, Moved};

use crate::account::Target;
use crate::output;
use crate::plan::short;
use crate::shown::moment;

/// What `michi history` takes.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// Print it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// Runs `michi history`.
///
/// # Errors
/// If the installation does not answer.
pub fn run(args: &HistoryArgs) -> anyhow::Result<ExitCode> {
    output::block_on(async {
        let installation = args.target.open().await?;
        let history = installation.store.playbook_history().await?;
        let proposal = installation.store.proposal().await?;
        if args.json {
            let all = serde_json::json!({ "history": history, "proposal": proposal });
            output::write(&(serde_json::to_string_pretty(&all)? + "\n"))?;
            return Ok(ExitCode::SUCCESS);
        }
        let zone = match installation.store.live().await? {
            Some(_) => installation.playbook().await?.playbook.setup.time_zone.get().clone(),
            None => TimeZone::UTC,
        };
        let mut text = shown(&history, &zone)?;
        if let Some(proposal) = proposal {
            let (version, by, why) = (short(&proposal.version), &proposal.by, &proposal.why);
            writeln!(
                text,
                "\nVersion {version} waits for a second person; {by} proposed it on {}: {why}",
                moment(proposal.at, &zone)
            )?;
        }
        output::write(&text)?;
        Ok(ExitCode::SUCCESS)
    })
}

/// The history as a table, the newest first, its times by this clock.
///
/// # Errors
/// None that a text could have.
pub fn shown(history: &[Moved], zone: &TimeZone) -> anyhow::Result<String> {
    if history.is_empty() {
        return Ok("No playbook has been live yet: `michi apply` makes one live.\n".to_owned());
    }
    let mut text = String::new();
    for (n, moved) in history.iter().enumerate() {
        let live = &moved.live;
        let how = match (moved.how, &moved.proposed_by) {
            (How::Applied, _) => format!("applied by {}", live.by),
            (How::Approved, Some(first)) => format!("applied by {first}, approved by {}", live.by),
            (How::Approved, None) => format!("approved by {}", live.by),
            (How::RolledBack, _) => format!("rolled back by {}", live.by),
        };
        let mark = if n == 0 { "*" } else { " " };
        writeln!(text, "{mark} {}  {}  {how}: {}", short(&live.version), moment(live.since, zone), live.why)?;
    }
    Ok(text)
}
