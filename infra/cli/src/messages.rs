//! `michi messages`: what waits to be sent or is held, and why; and what a person decides about held ones.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::activity::{Log, LogOwner};
use michi::id::{LeadId, OwnerId};
use michi::io::Retry;
use michi::io::store::{Found, Function};
use michi::mail::letter::Cause;
use michi::mail::message::{Content, Event, Message, Recipient, Report, State};
use michi::mail::told;
use michi::merge::taken_in;
use michi::playbook::Playbook;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::lead;
use crate::shown::{self, Form, Table};

/// What `michi messages` takes.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct MessagesArgs {
    /// A decision; without one, a list.
    #[command(subcommand)]
    pub decide: Option<Decide>,
    /// Which messages to list.
    #[command(flatten)]
    pub list: ListArgs,
}

/// What a person may decide about a message that is held.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Decide {
    /// Let a held message go on, as if it had just been owed; it may go out twice if an earlier try was not answered
    Release(OneArgs),
    /// Give a held message up: it will not be sent
    GiveUp(OneArgs),
    /// Let marketing mail go on that has stopped because mail came back, or mail to somebody in sales
    Resume(ResumeArgs),
}

/// What shall go on.
#[derive(Debug, Clone, clap::Args)]
pub struct ResumeArgs {
    /// Mail to this owner, whose mailbox is well again; without it, marketing mail
    #[arg(long, value_name = "ID")]
    pub owner: Option<String>,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// Which message.
#[derive(Debug, Clone, clap::Args)]
pub struct OneArgs {
    /// Its id, or what its id begins with
    pub id: String,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// Which messages.
#[derive(Debug, Clone, clap::Args)]
pub struct ListArgs {
    /// Where they stand. Without it: held ones, then those under way. `sent`, `failed` and `expired` read every message to
    /// the playbook's owners, the others only themselves; letters that are done are found with --lead
    #[arg(long)]
    pub state: Option<Where>,
    /// Only those about this lead, letters to it too; all of them, unless --state says which
    #[arg(long, value_name = "ID|ADDRESS")]
    pub lead: Option<String>,
    /// How many
    #[arg(long, default_value = "50", value_name = "N", value_parser = shown::some)]
    pub limit: usize,
    /// In which form.
    #[command(flatten)]
    pub form: Form,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[allow(missing_docs, reason = "the states of a message, explained there")]
pub enum Where {
    Held,
    Pending,
    Claimed,
    Unknown,
    Sent,
    Failed,
    Expired,
}

impl Where {
    fn of(state: &State) -> Self {
        match state {
            State::Held => Self::Held,
            State::Pending { .. } => Self::Pending,
            State::Claimed { .. } => Self::Claimed,
            State::Unknown { .. } => Self::Unknown,
            State::Sent { .. } => Self::Sent,
            State::Failed => Self::Failed,
            State::Expired => Self::Expired,
        }
    }

    /// Whether its messages stand in the due index.
    fn is_open(self) -> bool {
        matches!(self, Self::Held | Self::Pending | Self::Claimed | Self::Unknown)
    }
}

/// The list in JSON.
#[derive(Serialize)]
struct Messages {
    now: Timestamp,
    messages: Vec<Message>,
}

/// The most that is looked through in the due index.
const MOST: usize = 10_000;

/// Runs `michi messages`.
///
/// # Errors
/// If there is no such message, or the installation does not answer.
pub fn run(args: &MessagesArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        match &args.decide {
            None => show(&args.list, out).await,
            Some(Decide::Release(one)) => decide(one, Event::Released, out).await,
            Some(Decide::GiveUp(one)) => decide(one, Event::GivenUp, out).await,
            Some(Decide::Resume(args)) => resume(args, out).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

/// Writes the list.
///
/// # Errors
/// If the installation does not answer.
pub async fn show(args: &ListArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let live = found.playbook().await?;
    let lead = match &args.lead {
        Some(who) => Some(meant(&found, who).await?),
        None => None,
    };
    let mut messages = match (args.state, &lead) {
        (_, Some(lead)) => {
            let log = found.store.log(&LogOwner::Lead(lead.clone())).await?;
            let mut all = about(&found, &log, &live.playbook).await?;
            all.reverse();
            all
        }
        (Some(state), None) if !state.is_open() => {
            let mut all = Vec::new();
            for owner in &live.playbook.setup.owners {
                all.extend(found.store.messages_to(&owner.id).await?);
            }
            all.sort_by(|one, other| (other.created, &one.id).cmp(&(one.created, &other.id)));
            all
        }
        _ => open(&found).await?,
    };
    messages.retain(|message| args.state.is_none_or(|state| Where::of(&message.state) == state));
    messages.truncate(args.limit);
    if args.form.json {
        return shown::json(&Messages { now: found.now(), messages }, out);
    }
    let zone = live.playbook.setup.time_zone.get();
    let mut table = Table::new(&["id", "owed", "mail", "for", "to", "about", "state", "last"]);
    for message in &messages {
        let owed = if args.form.csv { message.created.to_string() } else { shown::moment(message.created, zone) };
        let (mail, state) = (message.mail().to_string(), said(message, zone));
        table.row([
            message.id.to_string(),
            owed,
            mail,
            cause(message).unwrap_or_default(),
            recipient(message),
            message.lead.as_ref().map(ToString::to_string).unwrap_or_default(),
            state,
            last(message, zone).unwrap_or_default(),
        ]);
    }
    table.write(args.form.csv, "no such messages", out)?;
    for message in messages.iter().filter(|message| message.state == State::Held && !args.form.csv) {
        writeln!(out, "\nmichi messages release {0}, or michi messages give-up {0}", message.id)?;
    }
    Ok(())
}

/// The lead that is meant, if there is anything of it.
async fn meant(found: &Installation, who: &str) -> anyhow::Result<LeadId> {
    let lead = lead::meant(found, who).await?;
    if found.store.lead(&lead).await?.is_none() && found.store.log(&LogOwner::Lead(lead.clone())).await?.records.is_empty() {
        bail!("there is no lead {lead}; `michi leads` lists them");
    }
    Ok(lead)
}

/// The messages about a lead whose log this is, the oldest first: letters to it, and those to everybody in sales whom the
/// playbook knows; and those about the leads that were merged into it.
pub(crate) async fn about(found: &Installation, log: &Log, playbook: &Playbook) -> anyhow::Result<Vec<Message>> {
    let leads = names(log);
    let mut messages = Vec::new();
    for lead in &leads {
        messages.extend(found.store.letters_to(lead).await?);
    }
    for owner in &playbook.setup.owners {
        let sent = found.store.messages_to(&owner.id).await?;
        messages.extend(sent.into_iter().filter(|message| message.lead.as_ref().is_some_and(|lead| leads.contains(lead))));
    }
    messages.sort_by(|one, other| (one.created, &one.id).cmp(&(other.created, &other.id)));
    Ok(messages)
}

/// Under which ids a lead whose log this is was written to and spoken of.
pub(crate) fn names(log: &Log) -> BTreeSet<LeadId> {
    let own = match &log.owner {
        LogOwner::Lead(lead) => Some(lead),
        LogOwner::Visitor(_) => None,
    };
    own.into_iter().chain(taken_in(log)).cloned().collect()
}

/// What is held, and what is under way.
async fn open(found: &Installation) -> anyhow::Result<Vec<Message>> {
    let held = found.store.held(MOST).await?;
    let under_way = found.store.waiting(Function::Notify, Timestamp::MAX, MOST).await?;
    let mut messages = Vec::new();
    for waiting in held.iter().chain(&under_way).filter(|waiting| waiting.key.sk.starts_with("message#")) {
        // The index may be behind the item.
        if let Found::One(message) = found.store.message(&waiting.key).await? {
            messages.push(message);
        }
    }
    Ok(messages)
}

/// Moves a held message on by what a person decided.
///
/// # Errors
/// If none is held under the id, or it is not known to be moved.
pub async fn decide(args: &OneArgs, event: Event, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let held = found.store.held_message(&args.id).await?;
    let message = held.with_context(|| format!("no held message, or more than one, has the id {}", args.id))?;
    let Ok(after) = message.after(event, found.now()) else { bail!("the message {} is not held any more", message.id) };
    match found.store.move_message(&message, &after).await {
        Ok(()) => {}
        Err(error) if error.retry == Retry::Reread => bail!("somebody else moved the message {} meanwhile", message.id),
        Err(error) => return Err(error.into()),
    }
    match after.state {
        State::Pending { .. } => writeln!(out, "{} is released: it goes out within a minute", after.id)?,
        _ => writeln!(out, "{} is given up", after.id)?,
    }
    Ok(())
}

/// Lets mail go on that has stopped by itself.
///
/// # Errors
/// If nothing has stopped, or the installation does not answer.
pub async fn resume(args: &ResumeArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    if let Some(owner) = &args.owner {
        let owner = OwnerId::parse(owner.as_str()).map_err(|_| anyhow::anyhow!("`{owner}` is no owner's id"))?;
        found.store.unreachable(&owner).await?.with_context(|| format!("mail to {owner} has not stopped"))?;
        found.store.reach_again(&owner).await?;
        writeln!(out, "mail to {owner} goes on")?;
        return Ok(());
    }
    let (now, watch) = (found.now(), found.store.watch().await?);
    if watch.stopped.is_none() {
        bail!("marketing mail has not stopped");
    }
    let today = now.to_zoned(TimeZone::UTC).date();
    let after = watch.letting_go(&found.store.outcomes(today).await?, today, now);
    match found.store.set_watch(&watch, &after).await {
        Ok(()) => {}
        Err(error) if error.retry == Retry::Reread => bail!("somebody else changed it meanwhile"),
        Err(error) => return Err(error.into()),
    }
    writeln!(out, "marketing mail goes on: what waits goes out within an hour, and what came back until now is forgotten")?;
    Ok(())
}

/// What a letter is sent for; none: it is no letter.
#[must_use]
pub fn cause(message: &Message) -> Option<String> {
    let Content::Letter(letter) = &message.content else { return None };
    Some(match &letter.cause {
        Cause::Confirmation(_) => "a consent".to_owned(),
        Cause::Broadcast(broadcast) => format!("broadcast {broadcast}"),
        Cause::Scenario { scenario, step, .. } => format!("{scenario}, step {step}"),
    })
}

/// To whom a message goes.
pub(crate) fn recipient(message: &Message) -> String {
    match &message.to {
        Recipient::Owner(owner) => owner.to_string(),
        Recipient::Lead(lead) => format!("lead {lead}"),
    }
}

/// Where it stands, and until when.
pub(crate) fn said(message: &Message, zone: &TimeZone) -> String {
    let state = match (&message.state, message.report) {
        (State::Sent { .. }, Some(report)) if report > Report::Sent => {
            return format!("sent: {}", told::report_words(report));
        }
        (state, _) => told::state(state),
    };
    message.due().map_or_else(|| state.to_owned(), |due| format!("{state}, due {}", shown::moment(due, zone)))
}

/// What last happened to it.
pub(crate) fn last(message: &Message, zone: &TimeZone) -> Option<String> {
    let entry = message.history.last()?;
    Some(format!("{} {}", shown::moment(entry.at, zone), told::event(&entry.event, |at| shown::moment(at, zone))))
}
