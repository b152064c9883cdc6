//! `michi export-lead`: everything that is kept of one person, for the person.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use jiff::Timestamp;
use michi::activity::{LogOwner, Record};
use michi::consent::Suppression;
use michi::fold::fold;
use michi::id::{LeadId, OwnerId, PlaybookVersion};
use michi::io::store::{Playbooks, Summary, Traces};
use michi::lead::Lead;
use michi::mail::mailing::Mailing;
use michi::mail::message::Message;
use michi::scenario::Enrollment;
use serde::Serialize;

use crate::account::Target;
use crate::lead::meant;
use crate::messages::names;
use crate::shown;

/// What `michi export-lead` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct ExportLeadArgs {
    /// The lead's id, or its mail address
    #[arg(value_name = "ID|ADDRESS")]
    pub who: String,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// All that is kept of a person. Fields are added, never renamed.
#[derive(Serialize)]
struct Everything {
    exported: Timestamp,
    id: LeadId,
    /// The live playbook, by which it is judged.
    playbook: PlaybookVersion,
    /// As last saved.
    summary: Option<Summary>,
    /// What is known of the person, the points and their reasons, browsers, pages, moves, and what mail may be sent why.
    lead: Lead,
    /// What must be known to write to the person: the address, choices, counts.
    mailing: Option<Mailing>,
    /// Addresses to which nothing may be sent, and why.
    suppressed: Vec<(String, Suppression)>,
    /// The log, oldest first: all that happened and was decided, with consents, their words and what they rest on.
    records: Vec<Record>,
    /// The scenarios in which the person is under way.
    enrollments: Vec<Enrollment>,
    /// Mail to the person, with the links in it.
    letters: Vec<Message>,
    /// What sales was told of the person.
    told: Vec<Message>,
}

/// Runs `michi export-lead`.
///
/// # Errors
/// If there is no such lead, or the installation does not answer.
pub fn run(args: &ExportLeadArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| export(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Writes everything about a person, as JSON.
///
/// # Errors
/// If there is no such lead, or the installation does not answer.
pub async fn export(args: &ExportLeadArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let (store, keys) = (&found.store, found.keys().await?);
    let id = meant(&found, &args.who).await?;
    let (live, now) = (found.playbook().await?, found.now());
    let item = store.lead(&id).await?.filter(|item| item.erased.is_none());
    let mut log = store.log(&LogOwner::Lead(id.clone())).await?;
    if item.is_none() && log.records.is_empty() {
        bail!("there is no lead {id}, or it was erased");
    }
    let (traces, names) = (Traces::of(&log), names(&log));
    let mut suppressed = Vec::new();
    for address in &traces.addresses {
        suppressed.extend(store.suppression(&keys.address_hash(address)).await?.map(|why| (address.to_string(), why)));
    }
    let owners: BTreeSet<OwnerId> = live.playbook.setup.owners.iter().map(|owner| owner.id.clone()).collect();
    let mut told = Vec::new();
    for owner in owners.union(&traces.owners) {
        let about = |message: &Message| message.lead.as_ref().is_some_and(|lead| names.contains(lead));
        told.extend(store.messages_to(owner).await?.into_iter().filter(about));
    }
    let mut letters = Vec::new();
    for name in &names {
        letters.extend(store.letters_to(name).await?);
    }
    for messages in [&mut told, &mut letters] {
        messages.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
    }
    let summary = match &item {
        Some(item) => Some(Playbooks::new(store, &live).summary(item, now).await?),
        None => None,
    };
    let lead = fold(&live.playbook, &log, now);
    log.records.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
    let (mailing, records) = (store.mailing(&id).await?, log.records);
    let (playbook, enrollments) = (live.version, store.enrollments_of(&id).await?);
    let exported = now;
    let everything =
        Everything { exported, id, playbook, summary, lead, mailing, suppressed, records, enrollments, letters, told };
    shown::json(&everything, out)
}
