//! `michi mail`: one mail to everybody in a segment or on a list, through the same gate as all mail.

pub(crate) mod list;
mod owe;
mod wish;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use michi::io::Retry;
use michi::mail::broadcast::{Audience as To, Broadcast, Stage};
use michi::mail::gate::Deferral;
use michi::playbook::Language;
use michi::playbook::span::Span;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::audience::{self, Audience, Survey, Tally};
use crate::deliver::By;
use crate::import::columns::Named;
use crate::plan::short;
use crate::shown::{self, counted, moment};
use crate::{everybody, output};

pub(crate) use owe::{AT_ONCE, insist};
use wish::Wish;

/// What `michi mail` takes. Exit codes: 0 if the letters are owed, or would be; 1 if not.
#[derive(Debug, Clone, clap::Args)]
pub struct MailArgs {
    /// The mail, by the name of its file: `invite` for mail/invite.md
    pub mail: String,
    /// To whom.
    #[command(flatten)]
    pub to: ToArgs,
    /// What a column of the list says, where its heading is not known: `Adresse=email`; `Private mail=` leaves it out. May be
    /// given again
    #[arg(long = "column", value_name = "HEADING=ATTRIBUTE", requires = "list")]
    pub columns: Vec<Named>,
    /// From when on: `2026-12-01 09:00` by the playbook's clocks, or with an offset as in `2026-12-01T09:00+09:00`
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub at: String,
    /// How long it is of use, from the moment it may first go out: what has not gone out by then does not
    #[arg(long, value_name = "SPAN", default_value = "3d", value_parser = span)]
    pub expires: Span,
    /// Which of the mail's subjects, from 1
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub subject: u16,
    /// A name for this broadcast: the same mail to the same people is sent a second time only under another name
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Who asks for it.
    #[command(flatten)]
    pub by: By,
    /// Say how many would be sent it, and when; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Say it as JSON; asks nothing, so it goes with --dry-run or --yes
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// To whom.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub struct ToArgs {
    /// Everybody who is in this segment now
    #[arg(long, value_name = "NAME")]
    pub segment: Option<String>,
    /// Everybody whose address stands in this CSV file and is a lead's: `michi segment NAME --csv` writes one
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
}

/// What is said in JSON.
#[derive(Serialize)]
struct Said<'a> {
    broadcast: &'a Broadcast,
    /// Who is meant; none: that was settled before.
    tally: Option<&'a Tally>,
    /// Rows of the list that cannot be used, and are left out.
    refused: &'a [String],
    /// How many were sent this mail before.
    again: usize,
    /// How many letters are owed now; none: nothing was written.
    owed: Option<u64>,
}

fn span(text: &str) -> Result<Span, String> {
    Span::try_from(text.to_owned()).map_err(|error| error.to_string())
}

/// Runs `michi mail`.
///
/// # Errors
/// Says why the mail cannot be sent to them, or that the installation does not answer.
pub fn run(args: &MailArgs) -> anyhow::Result<ExitCode> {
    output::block_on(send(args, &mut std::io::stdout()))
}

/// Owes a letter to everybody who is meant and may be mailed, once: asked for again, it goes on where it broke off, or
/// says that all are owed.
///
/// # Errors
/// Says why the mail cannot be sent to them, or that the installation does not answer.
pub async fn send(args: &MailArgs, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    output::asks_no_program(args.json, args.yes || args.dry_run, "--dry-run or --yes")?;
    // Who only asks what would be need not say who they are.
    let by = if args.dry_run { args.by.name().unwrap_or_default() } else { args.by.name()? };
    let found = args.target.open().await?;
    let live = found.playbook().await?;
    let (keys, now) = (found.keys().await?, found.now());
    let wish = Wish::of(args, &live, &keys, &by, now)?;
    if let Some(known) = found.store.broadcast(&wish.broadcast.id).await? {
        return again(args, &found, known, out).await;
    }
    wish.check_time(now)?;

    let draft = wish.draft(&found.store).await?;
    let (at, stopped) = (wish.broadcast.due, found.store.watch().await?.stopped.is_some());
    let survey = Survey { store: &found.store, keys: &keys, playbook: &live.playbook, now, at, stopped, draft: Some(&draft) };
    let (audience, strangers) = match &wish.broadcast.to {
        To::Segment(name) => {
            let leads = everybody::all(&found.store, &live.playbook).await?;
            let progress = everybody::progress(leads.len())?;
            let audience = survey.of(leads, |lead| lead.segments.contains(name), &progress).await;
            progress.finish_and_clear();
            (audience?, 0)
        }
        To::List { .. } => {
            let progress = everybody::progress(wish.list.hashes.len())?;
            let (leads, strangers) = list::leads(&found.store, &wish.list.hashes).await?;
            let audience = survey.of(leads, |_| true, &progress).await;
            progress.finish_and_clear();
            (audience?, strangers)
        }
    };
    let tally = audience.tally();
    let broadcast = Broadcast {
        leads: tally.leads as u64,
        kept_back: tally.kept_back.iter().map(|(why, count)| (*why, *count as u64)).collect(),
        strangers: strangers as u64,
        recipients: tally.mailable as u64,
        ..wish.broadcast.clone()
    };
    let again = audience.mailable().filter(|lead| lead.again).count();
    let said = |owed| Said { broadcast: &broadcast, tally: Some(&tally), refused: &wish.list.refused, again, owed };
    if !args.json {
        write!(out, "{}", wish.head(&broadcast))?;
        write!(out, "{}", forecast(&wish, &broadcast, &audience, &tally))?;
    }
    if args.dry_run || tally.mailable == 0 {
        match args.json {
            true => shown::json(&said(None), out)?,
            false => {
                writeln!(out, "\n{}Nothing was written.", if tally.mailable == 0 { "Nobody would be sent it. " } else { "" })?
            }
        }
        return Ok(if args.dry_run { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let question = format!("\nSend it to {}?", counted(tally.mailable, "lead", "leads"));
    if !args.yes && !output::confirmed(&question)? {
        writeln!(out, "Nothing was written.")?;
        return Ok(ExitCode::FAILURE);
    }

    let recipients: Vec<_> = audience.mailable().map(|lead| lead.id.clone()).collect();
    let digest = found.store.keep_recipients(&broadcast.id, &recipients, found.now()).await?;
    let saved = match found.store.save_broadcast(Broadcast { digest, created: found.now(), ..broadcast.clone() }).await {
        Ok(saved) => saved,
        Err(error) if error.retry == Retry::Reread => bail!(
            "somebody else has asked for the same at the same time, or an answer was lost: run it again, it goes on where it is"
        ),
        Err(error) => return Err(error.into()),
    };
    let owed = owe::letters(&found, saved).await?;
    if args.json {
        shown::json(&said(Some(owed.written)), out)?;
    } else {
        write!(out, "{}", owed.said())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The broadcast is there already: it goes on, or all is done.
async fn again(args: &MailArgs, found: &Installation, known: Broadcast, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let zone = found.playbook().await?.playbook.setup.time_zone.get().clone();
    let (id, when, by) = (known.id.to_string(), moment(known.created, &zone), known.by.clone());
    let id = id.get(..8).unwrap_or(&id);
    let letters = |number: u64| counted(usize::try_from(number).unwrap_or(usize::MAX), "letter", "letters");
    let told = |owed| Said { broadcast: &known, tally: None, refused: &[], again: 0, owed };
    match &known.stage {
        Stage::Owed { .. } if args.json => shown::json(&told(None), out).map(|()| ExitCode::SUCCESS),
        Stage::Owed { .. } => {
            writeln!(
                out,
                "{} owed already: {by} asked for the same on {when}. Nothing was written.\n`michi broadcasts {id}` shows what came of it. To send it to them once more, give it a --name of its own.",
                counted(usize::try_from(known.recipients)?, "letter of it is", "letters of it are")
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Stage::Cancelled { at, by } => bail!(
            "the same was asked for on {when}, and {by} cancelled it on {}; to send it after all, give it a --name of its own",
            moment(*at, &zone)
        ),
        Stage::Owing if found.now() >= known.expires => bail!(
            "the same was asked for on {when}, broke off, and was of use until {}: `michi broadcasts cancel {id}` ends it",
            moment(known.expires, &zone)
        ),
        Stage::Owing if args.json => {
            let owed = if args.dry_run { None } else { Some(owe::letters(found, known.clone()).await?.written) };
            shown::json(&told(owed), out).map(|()| ExitCode::SUCCESS)
        }
        Stage::Owing => {
            writeln!(
                out,
                "{by} asked for the same on {when}, and it broke off before all {} were owed.",
                letters(known.recipients)
            )?;
            if args.dry_run {
                writeln!(out, "Without --dry-run it goes on from there, to the leads it was meant for then.")?;
                return Ok(ExitCode::SUCCESS);
            }
            let owed = owe::letters(found, known.clone()).await?;
            write!(out, "{}", owed.said())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// How many would be sent it, and what one should know before.
fn forecast(wish: &Wish<'_>, broadcast: &Broadcast, audience: &Audience, tally: &Tally) -> String {
    let mut said = format!("\n{tally}");
    let mut note = |text: String| said.push_str(&format!("{text}\n"));
    if broadcast.strangers > 0 {
        note(format!("{:>7}  addresses of the list are no lead's: `michi import` takes them in", broadcast.strangers));
    }
    if let Some(told) = list::told(&wish.list.refused) {
        note(told.trim_end().to_owned());
    }
    let mut notes = Vec::new();
    let zone = wish.setup().time_zone.get();
    if tally.later.contains_key(&Deferral::Window) {
        notes.push(format!("outside the hours for such mail: it goes out from {} on", moment(wish.opens(), zone)));
    }
    if tally.later.contains_key(&Deferral::Paused) {
        notes.push("marketing mail has stopped, since too much of it came back: `michi doctor` says why".to_owned());
    }
    let last = broadcast.due_of(broadcast.recipients.saturating_sub(1));
    let minutes = last.duration_since(broadcast.due).as_mins();
    if minutes > 0 {
        notes.push(format!("at {} a second the last goes out {minutes} min after the first", broadcast.per_second));
    }
    if last >= broadcast.expires {
        notes.push("the last ones would expire before they can go out: give a longer --expires".to_owned());
    }
    let count = |is: &dyn Fn(&audience::Meant) -> bool| audience.mailable().filter(|lead| is(lead)).count();
    let leads = |number| counted(number, "lead was", "leads were");
    match count(&|lead| lead.again) {
        0 => {}
        again => notes.push(format!("{} sent this mail before", leads(again))),
    }
    let stages = &wish.mail.stages;
    match count(&|lead| !stages.is_empty() && lead.stage.is_some_and(|stage| !stages.contains(&stage))) {
        0 => {}
        others => {
            let written: Vec<&str> = stages.iter().map(|stage| stage.as_str()).collect();
            notes.push(format!("the mail is written for {}; {others} of them stand elsewhere", written.join(", ")));
        }
    }
    let setup = wish.setup();
    for (language, name) in [(Language::En, "English"), (Language::Ja, "Japanese")] {
        match count(&|lead| lead.language == Some(language)) {
            other if other > 0 && language != setup.language => notes.push(format!("{other} of them get it in {name}")),
            _ => {}
        }
        match count(&|lead| lead.speaks == Some(language) && lead.language != Some(language)) {
            0 => {}
            foreign => notes.push(format!("{foreign} of them speak {name}, in which the mail is not written")),
        }
    }
    if let Some(why) = audience.leads.iter().find_map(|lead| lead.unmade.as_ref()) {
        notes.push(format!("why it cannot be made: {why}"));
    }
    if let Some(text) = audience::unreadable(audience.unreadable) {
        notes.push(text.trim_end().to_owned());
    }
    if !notes.is_empty() {
        said.push('\n');
    }
    notes.iter().for_each(|note| said.push_str(&format!("note: {note}\n")));
    said
}

impl Wish<'_> {
    /// What is asked for, in a few lines.
    fn head(&self, broadcast: &Broadcast) -> String {
        let zone = self.setup().time_zone.get();
        let to = match &broadcast.to {
            To::Segment(name) => format!("segment {name}: {}", self.asks),
            To::List { file, .. } => format!("the list {file}"),
        };
        let version = short(&broadcast.playbook);
        let (due, expires) = (moment(broadcast.due, zone), moment(broadcast.expires, zone));
        format!(
            "mail  {}: {}, as in version {version}\nto    {to}\nfrom  {due}, of use until {expires}\n",
            broadcast.mail, self.title
        )
    }
}
