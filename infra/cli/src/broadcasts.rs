//! `michi broadcasts`: which mails were sent to many at once, what came of each, and the end of one.

use std::io::Write;
use std::pin::pin;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::activity::LogOwner;
use michi::fold::history;
use michi::id::LeadId;
use michi::io::store::{DueKey, Found};
use michi::io::{Error, Retry};
use michi::mail::broadcast::{Audience, Broadcast, Stage};
use michi::mail::gate::Refusal;
use michi::mail::message::{Event, Message, Recipient, State};
use michi::mail::results::Results;
use michi::mail::told;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::deliver::By;
use crate::everybody::{self, Unreadable};
use crate::mail::{AT_ONCE, insist};
use crate::shown::{self, Form, Table, counted, moment};

/// What `michi broadcasts` takes.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_long_help = FIGURES)]
pub struct BroadcastsArgs {
    /// To end one; without it, a list or what came of one.
    #[command(subcommand)]
    pub end: Option<End>,
    /// Which ones.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// How a broadcast ends.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum End {
    /// End it: letters that have not gone out by now do not go out; those that have, stay
    Cancel(CancelArgs),
}

/// Which broadcast is cancelled.
#[derive(Debug, Clone, clap::Args)]
pub struct CancelArgs {
    /// Its id, what its id begins with, or its name
    pub id: String,
    /// Who ends it.
    #[command(flatten)]
    pub by: By,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// Which broadcasts are shown.
#[derive(Debug, Clone, clap::Args)]
pub struct ShowArgs {
    /// What came of this one, by its id, what its id begins with, or its name; without it, all are listed
    pub id: Option<String>,
    /// In which form.
    #[command(flatten)]
    pub form: Form,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// Each figure has one definition.
const FIGURES: &str = "\
What the figures say; each lead has one letter, so letters are people:
  leads             in the segment or on the list when it was asked for
  kept back         of them, those who may not be mailed, and were owed no
                    letter
  owed              letters written down; each is in one of the next six
    waiting         not sent yet; `put off` are those of them that the gate
                    lets out later
    unknown         may have been sent: SES did not answer, and proof is
                    awaited
    sent            taken by SES, or shown to have been sent
    not sent        never to be sent, by why
    held            a person must look: `michi messages`
    gone            there no more: the lead was erased, or 400 days have passed
  delivered         taken by the reader's mail server
  bounced           came back, and was not delivered after all; `for good`:
                    there is no such mailbox
  complained        called spam by the reader
  opened            their picture was fetched, and nothing hints at a machine.
                    Many mail programs fetch no pictures, and some fetch all:
                    a hint, no measure
  clicked           one of the links was followed, and nothing hints at a
                    machine
  unsubscribed      chose by this mail to get no more mail, or no more of its
                    topic
Figures behind `sent` come from SES and from readers, and may grow for weeks.";

/// What came of one, in JSON.
#[derive(Serialize)]
struct Told<'a> {
    now: Timestamp,
    broadcast: &'a Broadcast,
    results: &'a Results,
    /// Leads whose log cannot be read: what they did is not counted.
    unreadable: usize,
}

/// What became of the letters of a broadcast that was cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TakenBack {
    /// They do not go out.
    pub cancelled: u64,
    /// They have gone out.
    pub sent: u64,
    /// They are going out at this moment.
    pub leaving: u64,
}

/// Runs `michi broadcasts`.
///
/// # Errors
/// If there is no such broadcast, or the installation does not answer.
pub fn run(args: &BroadcastsArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        match &args.end {
            None => show(&args.show, out).await,
            Some(End::Cancel(one)) => cancel(one, out).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

/// Writes the list, or what came of one.
///
/// # Errors
/// If there is no such broadcast, or the installation does not answer.
pub async fn show(args: &ShowArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let zone = found.playbook().await?.playbook.setup.time_zone.get().clone();
    let all = found.store.broadcasts().await?;
    match &args.id {
        None => list(&all, &zone, args.form, found.now(), out),
        Some(id) => {
            let broadcast = named(&all, id)?;
            let (results, unreadable) = results(&found, broadcast).await?;
            if args.form.json {
                return shown::json(&Told { now: found.now(), broadcast, results: &results, unreadable }, out);
            }
            let figures = figures(broadcast, &results);
            if args.form.csv {
                let mut table = Table::new(&["figure", "why", " letters"]);
                figures.iter().for_each(|(what, why, count)| table.row([(*what).to_owned(), why.clone(), count.to_string()]));
                table.csv(out)?;
                return Ok(());
            }
            writeln!(out, "{}  {} to {}, {}", broadcast.id, broadcast.mail, to(broadcast), stage(broadcast, &zone))?;
            writeln!(out, "asked for by {} on {}\n", broadcast.by, moment(broadcast.created, &zone))?;
            for (what, why, count) in figures {
                let what = if why.is_empty() { what.to_owned() } else { format!("  {what}: {why}") };
                writeln!(out, "{count:>7}  {what}")?;
            }
            if let Some(said) = crate::audience::unreadable(unreadable) {
                write!(out, "{said}")?;
            }
            Ok(())
        }
    }
}

fn list(all: &[Broadcast], zone: &TimeZone, form: Form, now: Timestamp, out: &mut dyn Write) -> anyhow::Result<()> {
    if form.json {
        return shown::json(&serde_json::json!({ "now": now, "broadcasts": all }), out);
    }
    let mut table = Table::new(&["id", "asked for", "by", "name", "mail", "to", "from", " leads", " letters", "state"]);
    for one in all {
        let at = |at: Timestamp| if form.csv { at.to_string() } else { moment(at, zone) };
        let id = if form.csv { one.id.as_str() } else { short(one.id.as_str()) };
        table.row([
            id.to_owned(),
            at(one.created),
            one.by.clone(),
            one.name.clone().unwrap_or_default(),
            one.mail.to_string(),
            to(one),
            at(one.due),
            one.leads.to_string(),
            one.recipients.to_string(),
            stage(one, zone),
        ]);
    }
    Ok(table.write(form.csv, "no mail was sent to many at once: `michi mail` does that", out)?)
}

/// The broadcast meant by its id, the beginning of it, or its name.
fn named<'b>(all: &'b [Broadcast], id: &str) -> anyhow::Result<&'b Broadcast> {
    let named: Vec<&Broadcast> = all.iter().filter(|one| one.name.as_deref() == Some(id)).collect();
    let begins = all.iter().filter(|one| !id.is_empty() && one.id.as_str().starts_with(id));
    let meant: Vec<&Broadcast> = if named.is_empty() { begins.collect() } else { named };
    match meant.as_slice() {
        [one] => Ok(one),
        [] => bail!("no broadcast has the id or the name {id}: `michi broadcasts` lists them"),
        _ => bail!("several broadcasts are meant by {id}: write their id"),
    }
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn to(broadcast: &Broadcast) -> String {
    match &broadcast.to {
        Audience::Segment(name) => format!("segment {name}"),
        Audience::List { file, .. } => format!("list {file}"),
    }
}

fn stage(broadcast: &Broadcast, zone: &TimeZone) -> String {
    match &broadcast.stage {
        Stage::Owing => "broke off, or is being written: the same `michi mail` goes on".to_owned(),
        Stage::Owed { .. } => format!("owed, due from {}", moment(broadcast.due, zone)),
        Stage::Cancelled { at, by } => format!("cancelled by {by} on {}", moment(*at, zone)),
    }
}

/// What came of a broadcast, from its letters and the logs of those it went to; and how many of the logs cannot be read.
async fn results(found: &Installation, broadcast: &Broadcast) -> anyhow::Result<(Results, usize)> {
    let (store, now) = (&found.store, found.now());
    let playbook = found.playbook().await?.playbook;
    let recipients = store.recipients(broadcast).await?;
    let progress = everybody::progress(recipients.len())?;
    let (mut results, mut unreadable) = (Results::default(), Unreadable::default());
    // Recipients are kept as long as letters are.
    let forgotten = usize::try_from(broadcast.recipients)?.saturating_sub(recipients.len());
    results.gone += forgotten as u64;
    results.owed += forgotten as u64;
    for leads in recipients.chunks(BATCH) {
        let letters = insist(|| store.letters(broadcast, leads)).await?;
        let gone = leads.len() - letters.len();
        (0..gone).for_each(|_| results.count(None, &[]));
        // Of a letter that nobody tried to send nobody can have done anything.
        let (tried, untried): (Vec<Message>, Vec<Message>) = letters.into_iter().partition(Message::has_been_tried);
        untried.iter().for_each(|letter| results.count(Some(letter), &[]));
        progress.inc((gone + untried.len()) as u64);
        let log_of = async |letter: Message| {
            let log = match reader(&letter) {
                Some(lead) => store.log(&LogOwner::Lead(lead.clone())).await,
                None => Err(Error::never("a letter goes to a lead")),
            };
            (letter, log)
        };
        let mut logs = pin!(everybody::each(tried, log_of, &progress));
        while let Some((letter, log)) = logs.next().await {
            match unreadable.pass(log)? {
                Some(log) => results.count(Some(&letter), &history(&playbook, &log, now)),
                None => results.count(Some(&letter), &[]),
            }
        }
    }
    progress.finish_and_clear();
    Ok((results, unreadable.count))
}

/// Letters read in one go.
const BATCH: usize = 500;

/// Every figure with its reason, if it has one, in the order in which they are shown.
fn figures(broadcast: &Broadcast, found: &Results) -> Vec<(&'static str, String, u64)> {
    let plain = |what, count| (what, String::new(), count);
    let kept_back: u64 = broadcast.kept_back.values().sum();
    let mut all = vec![plain("leads", broadcast.leads), plain("kept back", kept_back)];
    all.extend(broadcast.kept_back.iter().map(|(why, count)| ("kept back", why.words().to_owned(), *count)));
    if broadcast.strangers > 0 {
        all.push(plain("addresses that are no lead's", broadcast.strangers));
    }
    all.extend([plain("owed", found.owed), plain("waiting", found.waiting)]);
    all.extend(found.put_off.iter().map(|(why, count)| ("put off", told::deferral(*why).to_owned(), *count)));
    all.extend([plain("unknown", found.unknown), plain("sent", found.sent), plain("not sent", found.unsent.values().sum())]);
    all.extend(found.unsent.iter().map(|(why, count)| ("not sent", why.words().to_owned(), *count)));
    all.extend([plain("held", found.held), plain("gone", found.gone), plain("delivered", found.delivered)]);
    all.extend([plain("bounced", found.bounced), ("bounced", "for good".to_owned(), found.bounced_for_good)]);
    all.extend([plain("complained", found.complained), plain("opened", found.opened), plain("clicked", found.clicked)]);
    all.push(plain("unsubscribed", found.unsubscribed));
    all
}

/// Ends a broadcast: what has not gone out by now does not go out.
///
/// # Errors
/// If there is no such broadcast, or not all of its letters are known to be ended; asked for again, it goes on.
pub async fn cancel(args: &CancelArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let by = args.by.name()?;
    let found = args.target.open().await?;
    let id = named(&found.store.broadcasts().await?, &args.id)?.id.clone();
    let broadcast = loop {
        let known = found.store.broadcast(&id).await?.context("the broadcast is there no more")?;
        if matches!(known.stage, Stage::Cancelled { .. }) {
            break known;
        }
        let stage = Stage::Cancelled { at: found.now(), by: by.clone() };
        match found.store.save_broadcast(Broadcast { stage, ..known }).await {
            Ok(saved) => break saved,
            Err(error) if error.retry == Retry::Reread => {}
            Err(error) => return Err(error.into()),
        }
    };
    let TakenBack { cancelled, sent, leaving } = take_back(&found, &broadcast).await?;
    let letters = |number: u64| counted(usize::try_from(number).unwrap_or(usize::MAX), "letter", "letters");
    writeln!(out, "{} cancelled; {} had gone out", letters(cancelled), letters(sent))?;
    if leaving > 0 {
        let leaving = counted(usize::try_from(leaving).unwrap_or(usize::MAX), "letter is", "letters are");
        writeln!(out, "{leaving} going out at this moment; run it again in a minute, in case one is tried again")?;
    }
    Ok(())
}

/// Ends every letter of a cancelled broadcast that has not gone out.
pub(crate) async fn take_back(found: &Installation, broadcast: &Broadcast) -> anyhow::Result<TakenBack> {
    let store = &found.store;
    let recipients = store.recipients(broadcast).await?;
    let progress = everybody::progress(recipients.len())?;
    let mut taken = TakenBack::default();
    for leads in recipients.chunks(AT_ONCE) {
        let letters = insist(|| store.letters(broadcast, leads)).await?;
        progress.inc((leads.len() - letters.len()) as u64);
        let mut ended = pin!(everybody::each(letters, async |letter| insist(|| end(found, &letter)).await, &progress));
        while let Some(state) = ended.next().await {
            match state? {
                Some(State::Sent { .. }) => taken.sent += 1,
                Some(State::Claimed { .. }) => taken.leaving += 1,
                Some(State::Expired | State::Failed) => taken.cancelled += 1,
                Some(State::Pending { .. } | State::Unknown { .. } | State::Held) | None => {}
            }
        }
    }
    progress.finish_and_clear();
    Ok(taken)
}

/// Ends a letter if it has not gone out; where it stands then. None: it had ended before for another reason.
async fn end(found: &Installation, letter: &Message) -> Result<Option<State>, Error> {
    let mut letter = letter.clone();
    loop {
        let event = match letter.state {
            // What may have been sent is not tried again; should it be shown to have been sent, it counts as sent.
            State::Pending { .. } | State::Unknown { .. } => Event::Refused { why: Refusal::Cancelled },
            State::Held => Event::GivenUp,
            State::Sent { .. } | State::Claimed { .. } => return Ok(Some(letter.state)),
            State::Failed | State::Expired => {
                let cancelled = Event::Refused { why: Refusal::Cancelled };
                let so = letter.history.last().is_some_and(|entry| entry.event == cancelled);
                return Ok(so.then_some(letter.state));
            }
        };
        let Ok(after) = letter.after(event, found.now()) else { return Ok(None) };
        match found.store.move_message(&letter, &after).await {
            Ok(()) => return Ok(Some(after.state)),
            Err(error) if error.retry == Retry::Reread => {}
            Err(error) => return Err(error),
        }
        // Somebody else moved it meanwhile.
        let Some(lead) = reader(&letter) else { return Ok(None) };
        let key = DueKey { pk: format!("lead#{lead}"), sk: format!("message#{}", letter.id) };
        match found.store.message(&key).await? {
            Found::One(moved) => letter = moved,
            Found::Nothing | Found::Poison { .. } => return Ok(None),
        }
    }
}

fn reader(letter: &Message) -> Option<&LeadId> {
    match &letter.to {
        Recipient::Lead(lead) => Some(lead),
        Recipient::Owner(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_that_is_shown_is_defined_and_the_other_way_round() {
        let words = |line: &str| line.trim().split("  ").next().unwrap_or_default().to_owned();
        let mut defined: Vec<String> =
            FIGURES.lines().filter(|line| line.starts_with("  ") && !line.starts_with("      ")).map(words).collect();
        let broadcast = serde_json::json!({
            "sk": "b", "mail": "invite", "subject": 0, "to": { "segment": "warm" }, "by": "ann",
            "created": "2026-04-01T00:00:00Z", "playbook": "v", "due": "2026-04-01T00:00:00Z", "expires": "2026-04-04T00:00:00Z",
            "per_second": 10, "leads": 3, "recipients": 3, "digest": "d", "stage": { "is": "owing" }, "revision": 1
        });
        let broadcast: Broadcast = serde_json::from_value(broadcast).unwrap();
        let figures = figures(&broadcast, &Results::default());
        let mut shown: Vec<String> =
            figures.iter().filter(|(_, why, _)| why.is_empty()).map(|(what, ..)| (*what).to_owned()).collect();
        defined.sort();
        shown.sort();
        assert_eq!(shown, defined);
        assert!(named(std::slice::from_ref(&broadcast), "b").is_ok() && named(&[broadcast], "").is_err());
    }
}
