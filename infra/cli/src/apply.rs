//! `michi apply`: makes the playbook in a folder live, after showing what that changes.

use std::path::PathBuf;
use std::process::ExitCode;

use michi::io::store::{Derivation, Phase};
use michi::io::{Retry, Store};

use crate::account::{Installation, Target};
use crate::deliver::{self, Author, By, Delivered};
use crate::plan::{Candidate, Fold, Plan, folder, short};
use crate::{derivation, output};

/// What `michi apply` takes.
#[derive(Debug, clap::Args)]
pub struct ApplyArgs {
    /// The folder of the playbook [default: ./playbook if there is one, else the current folder]
    dir: Option<PathBuf>,
    /// What the change is for; sales reads it in the summary
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    by: By,
    /// Apply a version that was live before all the same; `michi rollback` is made for that
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    fold: Fold,
    #[command(flatten)]
    target: Target,
}

/// What is asked, and what is waited for.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Consent {
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Do not wait until all leads are judged by it
    #[arg(long)]
    pub no_wait: bool,
}

/// Runs `michi apply`.
///
/// # Errors
/// Says what is wrong with the playbook, who was faster, or that the installation does not answer.
pub fn run(args: &ApplyArgs) -> anyhow::Result<ExitCode> {
    output::block_on(async {
        let author = Author { by: args.by.name()?, why: args.why.clone() };
        let candidate = Candidate::load(&folder(args.dir.as_deref()))?;
        let installation = args.target.open().await?;
        let candidate = candidate.within(&installation);
        let store = &installation.store;
        let plan = Plan::of(store, &candidate, args.fold, installation.now()).await?;
        output::write(&plan.to_string())?;
        if !plan.pending {
            return go_on(&installation, args.consent).await;
        }
        output::agreed(args.consent.yes, "\nMake it live?")?;
        match deliver::apply(store, &candidate, &plan, &author, args.force, installation.now()).await? {
            Delivered::Proposed(proposal) => {
                output::write(&format!(
                    "\nVersion {} is kept and waits for a second person: anybody but {} makes it live with `michi approve`.\n",
                    short(&proposal.version),
                    proposal.by
                ))?;
                Ok(ExitCode::SUCCESS)
            }
            Delivered::Live(live) => {
                output::write(&format!("\nVersion {} is live.\n", short(&live.version)))?;
                follow(&installation, live.previous.is_some(), args.consent).await
            }
        }
    })
}

/// Watches the leads being judged, unless nobody is to wait for it.
pub(crate) async fn follow(installation: &Installation, judged: bool, consent: Consent) -> anyhow::Result<ExitCode> {
    if !judged {
        return Ok(ExitCode::SUCCESS);
    }
    if consent.no_wait {
        output::write("All leads are being judged by it; `michi derivation` shows how far that is.\n")?;
        return Ok(ExitCode::SUCCESS);
    }
    derivation::watch(&installation.store).await
}

/// What is live is what is wanted: an apply that ended half-way goes on from here, and a re-derivation that was cancelled
/// too.
async fn go_on(installation: &Installation, consent: Consent) -> anyhow::Result<ExitCode> {
    let store = &installation.store;
    match store.derivation().await? {
        None | Some(Derivation { phase: Phase::Done, cancelled: false, .. }) => Ok(ExitCode::SUCCESS),
        Some(Derivation { cancelled: true, .. }) => {
            if !consent.yes && !output::confirmed("Judging all leads by it was cancelled. Begin it anew?")? {
                return Ok(ExitCode::SUCCESS);
            }
            resume(store, installation.now()).await?;
            follow(installation, true, consent).await
        }
        Some(_) => follow(installation, true, consent).await,
    }
}

/// Begins a cancelled re-derivation anew; leads that are judged already are left alone.
///
/// # Errors
/// If it is not known to be begun.
pub async fn resume(store: &Store, now: jiff::Timestamp) -> anyhow::Result<()> {
    while let Some(found) = store.derivation().await?.filter(|found| found.cancelled) {
        let anew = Derivation {
            phase: Phase::Walking,
            cancelled: false,
            parts: 0,
            cursor: None,
            failed: 0,
            ended: None,
            // Told once already, a run tells again under another id.
            resumed: found.resumed + 1,
            due: Some(now),
            ..found
        };
        match store.save_derivation(anew).await {
            Err(error) if error.retry == Retry::Reread => {}
            done => return done.map(|_| ()).map_err(Into::into),
        }
    }
    Ok(())
}
