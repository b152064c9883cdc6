//! `michi approve`: a second person makes a proposed playbook live.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use michi::io::Store;
use michi::io::store::{How, Live, Proposal};

use crate::account::Target;
use crate::apply::{Consent, follow};
use crate::deliver::{self, Author, By};
use crate::output;
use crate::plan::{Candidate, Fold, Plan, short};

/// What `michi approve` takes.
#[derive(Debug, clap::Args)]
pub struct ApproveArgs {
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    consent: Consent,
    #[command(flatten)]
    fold: Fold,
    #[command(flatten)]
    target: Target,
}

/// Runs `michi approve`.
///
/// # Errors
/// Says that nothing is proposed, that it is one's own proposal, who was faster, or that the installation does not answer.
pub fn run(args: &ApproveArgs) -> anyhow::Result<ExitCode> {
    output::block_on(async {
        let by = args.by.name()?;
        let installation = args.target.open().await?;
        let store = &installation.store;
        let proposal = store.proposal().await?.context("nothing waits to be approved")?;
        let candidate = Candidate::kept(store, &proposal.version).await?;
        let plan = Plan::of(store, &candidate, args.fold, installation.now()).await?;
        output::write(&format!("{} proposed at {:.0}: {}\n{plan}", proposal.by, proposal.at, proposal.why))?;
        second(&proposal, &by)?;
        output::agreed(args.consent.yes, "\nMake it live?")?;
        let live = approve(store, &candidate, &plan, &proposal, &by, installation.now()).await?;
        output::write(&format!("\nVersion {} is live.\n", short(&live.version)))?;
        follow(&installation, live.previous.is_some(), args.consent).await
    })
}

fn second(proposal: &Proposal, by: &str) -> anyhow::Result<()> {
    if proposal.by == by {
        bail!("{by} proposed it, and somebody else must approve");
    }
    Ok(())
}

/// Makes a proposal live in the name of somebody else.
///
/// # Errors
/// If it is one's own, was replaced meanwhile, or is not known to be live.
pub async fn approve(
    store: &Store,
    candidate: &Candidate,
    plan: &Plan,
    proposal: &Proposal,
    by: &str,
    now: Timestamp,
) -> anyhow::Result<Live> {
    second(proposal, by)?;
    let author = Author { by: by.to_owned(), why: proposal.why.clone() };
    deliver::publish(store, candidate, plan, &author, How::Approved, Some(proposal), now).await
}
