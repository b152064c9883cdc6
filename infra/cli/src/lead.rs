//! `michi lead`: one lead in full, as sales sees it, and the messages about it.

use std::io::Write;
use std::process::ExitCode;

use answer::page::{Page, UnderWay};
use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::activity::{LogOwner, Record};
use michi::address::Address;
use michi::fold::Folded;
use michi::id::{LeadId, PlaybookVersion};
use michi::io::store::{Lies, Pause, Playbooks, Summary};
use michi::lead::Lead;
use michi::mail::message::Message;
use michi::playbook::Language;
use michi::scenario::Enrollment;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::messages::{about, last, recipient, said};
use crate::shown;

/// What `michi lead` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct LeadArgs {
    /// The lead's id, or its mail address. An address is looked up by the key ring's digest of it
    #[arg(value_name = "ID|ADDRESS")]
    pub who: String,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// A lead in JSON.
#[derive(Serialize)]
struct Whole<'a> {
    now: Timestamp,
    /// The live playbook.
    playbook: PlaybookVersion,
    /// As last saved; null until it was first saved.
    summary: Option<Summary>,
    /// What the log amounts to now, by the live playbook.
    lead: &'a Lead,
    /// The scenarios in which it is under way.
    under_way: Vec<Course<'a>>,
    /// The log, oldest first.
    records: &'a [Record],
    /// The messages about it, oldest first.
    messages: Vec<Message>,
}

/// A scenario in which the lead is under way.
#[derive(Serialize)]
struct Course<'a> {
    /// What the scenario is called.
    name: String,
    /// What the step says before which the lead stands.
    says: String,
    /// When it goes on, at the latest; none: what it waits for has no time.
    until: Option<Timestamp>,
    lies: Lies,
    /// Since when the scenario is paused, and by whom.
    paused: Option<&'a Pause>,
    #[serde(flatten)]
    enrollment: &'a Enrollment,
}

impl<'a> Course<'a> {
    fn of(one: &'a UnderWay, language: Language) -> Self {
        let UnderWay { enrollment, lies, paused, .. } = one;
        let (name, says) = (one.name(language), one.says(language));
        Self { name, says, until: one.until(), lies: *lies, paused: paused.as_ref(), enrollment }
    }
}

/// Runs `michi lead`.
///
/// # Errors
/// If there is no such lead, or the installation does not answer.
pub fn run(args: &LeadArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| show(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Writes what there is about a lead.
///
/// # Errors
/// If there is no such lead, or the installation does not answer.
pub async fn show(args: &LeadArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let id = meant(&found, &args.who).await?;
    let live = found.playbook().await?;
    let item = found.store.lead(&id).await?;
    let mut log = found.store.log(&LogOwner::Lead(id.clone())).await?;
    if item.is_none() && log.records.is_empty() {
        bail!("there is no lead {id}; `michi leads` lists them");
    }
    let now = found.now();
    log.records.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
    let folded = Folded::of(&live.playbook, &log, now);
    let language = live.playbook.setup.language;
    let under_way = UnderWay::of(&found.store, &live, &id, &folded).await?;
    let messages = about(&found, &log, &live.playbook).await?;
    if args.json {
        let summary = match &item {
            Some(item) => Some(Playbooks::new(&found.store, &live).summary(item, now).await?),
            None => None,
        };
        let (lead, records) = (&folded.lead, &log.records);
        let under_way = under_way.iter().map(|one| Course::of(one, language)).collect();
        return shown::json(&Whole { now, playbook: live.version, summary, lead, under_way, records, messages }, out);
    }
    let page = Page::new(&live.playbook, &folded, &under_way, now, language).plain();
    writeln!(out, "{}", page.context("the lead cannot be shown")?.trim_end())?;
    tell(&messages, live.playbook.setup.time_zone.get(), out)?;
    writeln!(out, "\nid {id}")?;
    Ok(())
}

/// The lead that an id or an address means; of one that was merged into another, that one.
///
/// # Errors
/// If it means none, or the installation does not answer.
pub async fn meant(found: &Installation, who: &str) -> anyhow::Result<LeadId> {
    Ok(found.store.home(&named(found, who).await?).await?)
}

/// The lead that an id or an address names, whatever became of it.
///
/// # Errors
/// If it names none, or the installation does not answer.
pub(crate) async fn named(found: &Installation, who: &str) -> anyhow::Result<LeadId> {
    if !who.contains('@') {
        return LeadId::parse(who.strip_prefix("lead#").unwrap_or(who)).map_err(|_| anyhow::anyhow!("`{who}` is no lead's id"));
    }
    let address = Address::parse(who).map_err(|_| anyhow::anyhow!("this is no mail address that michi takes"))?;
    let hash = found.keys().await?.address_hash(&address);
    found.store.address_owner(&hash).await?.context("no lead has this address")
}

fn tell(messages: &[Message], zone: &TimeZone, out: &mut dyn Write) -> std::io::Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nMessages")?;
    for message in messages {
        let (created, what) = (shown::moment(message.created, zone), format!("{} → {}", message.mail(), recipient(message)));
        writeln!(out, "  {created}  {what} · {} · {}", said(message, zone), message.id)?;
        if let Some(last) = last(message, zone) {
            writeln!(out, "                    {last}")?;
        }
    }
    Ok(())
}
