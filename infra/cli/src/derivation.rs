//! `michi derivation`: how far all leads have come in being judged by the live playbook; and its end, if one wishes.

use std::process::ExitCode;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use michi::io::store::{Derivation, Phase};
use michi::io::{Retry, Store};

use crate::account::Target;
use crate::output;
use crate::plan::short;
use crate::shown::counted;

/// What `michi derivation` takes.
#[derive(Debug, clap::Args)]
pub struct DerivationArgs {
    /// End it: leads it has not reached are judged when they next do something or their time comes, each told by itself
    #[arg(long)]
    cancel: bool,
    /// Say how far it is, without waiting for its end
    #[arg(long)]
    no_wait: bool,
    /// Say how far it is as JSON, without waiting for its end; null if there is none
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// How often it is looked after.
const LOOK: Duration = Duration::from_secs(2);

/// Runs `michi derivation`.
///
/// # Errors
/// If the installation does not answer.
pub fn run(args: &DerivationArgs) -> anyhow::Result<ExitCode> {
    output::block_on(async {
        let installation = args.target.open().await?;
        let store = &installation.store;
        if args.cancel {
            let cancelled = cancel(store, installation.now()).await?;
            let said = match cancelled {
                _ if args.json => &format!("{}\n", serde_json::json!({ "now": installation.now(), "cancelled": cancelled })),
                true => "It ends with the leads it is at. Those made ready by then are told to sales in one mail.\n",
                false => "There is nothing to cancel.\n",
            };
            output::write(said)?;
            return Ok(ExitCode::SUCCESS);
        }
        match store.derivation().await? {
            found if args.json => {
                let said = serde_json::json!({ "now": installation.now(), "derivation": found });
                output::write(&(serde_json::to_string_pretty(&said)? + "\n"))?;
            }
            None => output::write("No playbook has followed another yet, so no lead had to be judged anew.\n")?,
            Some(found) if args.no_wait => output::write(&(said(&found) + "\n"))?,
            Some(_) => return watch(store).await,
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Asks the re-derivation to end; whether there was one to end.
///
/// # Errors
/// If it is not known to be asked.
pub async fn cancel(store: &Store, now: Timestamp) -> anyhow::Result<bool> {
    loop {
        let found = store.derivation().await?.filter(|found| found.phase.gathers() && !found.cancelled);
        let Some(found) = found else { return Ok(false) };
        match store.save_derivation(Derivation { cancelled: true, due: Some(now), ..found }).await {
            // `score` has just come further.
            Err(error) if error.retry == Retry::Reread => {}
            done => return done.map(|_| true).map_err(Into::into),
        }
    }
}

/// Shows how far it is until it is over. Ctrl-C ends the watching, not the work.
pub(crate) async fn watch(store: &Store) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template("{bar:40} {msg}")?);
    let mut run = None;
    loop {
        let Some(found) = store.derivation().await? else { return Ok(ExitCode::SUCCESS) };
        if *run.get_or_insert(found.run) != found.run {
            bar.finish_and_clear();
            output::write(&format!(
                "Another playbook was published meanwhile; leads are judged by version {} now.\n",
                short(&found.version)
            ))?;
            return Ok(ExitCode::SUCCESS);
        }
        bar.set_length(found.leads.unwrap_or(found.judged).max(found.judged));
        bar.set_position(if found.phase.gathers() { found.judged } else { bar.length().unwrap_or_default() });
        bar.set_message(said(&found));
        if found.phase == Phase::Done {
            bar.finish_and_clear();
            output::write(&(said(&found) + "\n"))?;
            return Ok(ExitCode::SUCCESS);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                bar.finish_and_clear();
                output::write("It goes on without you: `michi derivation` shows how far it is, --cancel ends it.\n")?;
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

/// How far it is, in a sentence.
fn said(found: &Derivation) -> String {
    let leads = |number: u64| counted(number, "lead", "leads");
    let judged = match found.leads {
        Some(all) if found.phase.gathers() => format!("{} of {}", found.judged, leads(all.max(found.judged))),
        _ => leads(found.judged),
    };
    let failed = if found.failed > 0 { format!(", {} could not be judged yet", leads(found.failed)) } else { String::new() };
    let version = short(&found.version);
    match found.phase {
        Phase::Announced => format!("version {version}: waits a minute or two until every function has seen it"),
        Phase::Walking => format!("version {version}: {judged} judged{failed}"),
        Phase::Telling | Phase::Clearing => format!("version {version}: {judged} judged{failed}; sales is told next"),
        Phase::Done => {
            let ready = match found.ready {
                0 => "nobody is newly ready for sales".to_owned(),
                ready => format!("{} newly ready for sales, told in one mail for each owner", leads(ready)),
            };
            let end = if found.cancelled { "was cancelled" } else { "is done" };
            format!("version {version}: judging all leads {end}: {judged} judged{failed}; {ready}")
        }
    }
}
