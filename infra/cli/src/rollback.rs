//! `michi rollback`: goes back to a version of the playbook that was live before.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use michi::id::PlaybookVersion;
use michi::io::Store;
use michi::io::store::How;

use crate::account::Target;
use crate::apply::{Consent, follow};
use crate::deliver::{self, Author, By, named};
use crate::output;
use crate::plan::{Candidate, Fold, Plan, short};

/// What `michi rollback` takes.
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// The version, or how it begins [default: the one before the live one]
    version: Option<String>,
    /// What it is for; sales reads it in the summary
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    fold: Fold,
    #[command(flatten)]
    target: Target,
}

/// Runs `michi rollback`. It needs no second person: what it goes back to was live once.
///
/// # Errors
/// Says that there is no such version, who was faster, or that the installation does not answer.
pub fn run(args: &RollbackArgs) -> anyhow::Result<ExitCode> {
    output::block_on(async {
        let by = args.by.name()?;
        let installation = args.target.open().await?;
        let store = &installation.store;
        let version = wanted(store, args.version.as_deref()).await?;
        let candidate = Candidate::kept(store, &version).await?;
        let plan = Plan::of(store, &candidate, args.fold, installation.now()).await?;
        output::write(&plan.to_string())?;
        if !plan.pending {
            return Ok(ExitCode::SUCCESS);
        }
        output::agreed(args.consent.yes, "\nGo back to it?")?;
        let why = args.why.clone().unwrap_or_else(|| format!("back to version {}", short(&version)));
        let author = Author { by, why };
        let live = deliver::publish(store, &candidate, &plan, &author, How::RolledBack, None, installation.now()).await?;
        output::write(&format!("\nVersion {} is live again.\n", short(&live.version)))?;
        follow(&installation, true, args.consent).await
    })
}

/// The version to go back to.
///
/// # Errors
/// If there is none, or what is written is none that was live.
pub async fn wanted(store: &Store, version: Option<&str>) -> anyhow::Result<PlaybookVersion> {
    match version {
        Some(beginning) => Ok(named(&store.playbook_history().await?, beginning)?.live.version.clone()),
        None => {
            let live = store.live_consistent().await?.context("nothing is live yet")?;
            let Some(previous) = live.previous else {
                bail!("version {} is the first: there is none before it", short(&live.version))
            };
            Ok(previous)
        }
    }
}
