//! `michi suspects`: forms that look like spam, and so made no lead; and what a person decides about them.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use michi::activity::Kind;
use michi::io::store::{Poison, Suspect};
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::shown::{self, Form, Table};

/// What `michi suspects` takes.
#[derive(Debug, Clone, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct SuspectsArgs {
    /// A decision; without one, a list.
    #[command(subcommand)]
    pub decide: Option<Decide>,
    /// How to list them.
    #[command(flatten)]
    pub list: ListArgs,
}

/// What a person may decide about a form that looks like spam.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum Decide {
    /// Let forms in, as if they came now: each makes a lead, or tells more of one
    Admit(SomeArgs),
    /// Drop forms before their thirty days are over
    Drop(SomeArgs),
}

/// Which forms.
#[derive(Debug, Clone, clap::Args)]
pub struct SomeArgs {
    /// Their ids, or what an id begins with
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// How to list them.
#[derive(Debug, Clone, clap::Args)]
pub struct ListArgs {
    /// In which form.
    #[command(flatten)]
    pub form: Form,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// The list in JSON.
#[derive(Serialize)]
struct Suspects {
    now: Timestamp,
    suspects: Vec<Listed>,
}

#[derive(Serialize)]
struct Listed {
    id: String,
    /// When it came.
    at: Timestamp,
    /// Why it looks like spam.
    why: String,
    /// All of it.
    #[serde(flatten)]
    suspect: Suspect,
}

/// Runs `michi suspects`.
///
/// # Errors
/// If there is no such form, or the installation does not answer.
pub fn run(args: &SuspectsArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        match &args.decide {
            None => show(&args.list, out).await,
            Some(Decide::Admit(some)) => decide(some, true, out).await,
            Some(Decide::Drop(some)) => decide(some, false, out).await,
        }
        .map(|()| ExitCode::SUCCESS)
    })
}

/// Writes the list, the newest first.
///
/// # Errors
/// If the installation does not answer.
pub async fn show(args: &ListArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let suspects = all(&found).await?;
    if args.form.json {
        let listed =
            suspects.into_iter().map(|(poison, suspect)| Listed { id: poison.id, at: poison.at, why: poison.reason, suspect });
        return shown::json(&Suspects { now: found.now(), suspects: listed.collect() }, out);
    }
    let live = found.playbook().await?;
    let zone = live.playbook.setup.time_zone.get();
    let mut table = Table::new(&["id", "came", "form", "address", "name", "company", "why"]);
    for (poison, suspect) in &suspects {
        let came = if args.form.csv { poison.at.to_string() } else { shown::moment(poison.at, zone) };
        let [form, address, name, company] = said(suspect);
        table.row([poison.id.clone(), came, form, address, name, company, poison.reason.clone()]);
    }
    table.write(args.form.csv, "no form looks like spam", out)?;
    if !args.form.csv && !suspects.is_empty() {
        writeln!(out, "\nmichi suspects admit ID lets one in; each is kept for thirty days")?;
    }
    Ok(())
}

/// Form, address, name and company, as far as they were told.
fn said(suspect: &Suspect) -> [String; 4] {
    let told = suspect.form.activities.iter().find_map(|activity| match &activity.kind {
        Kind::FormSubmitted(form) => Some((form.form.to_string(), form.address.as_ref(), &form.fields)),
        Kind::Identified { address, traits, .. } => Some(("identify".to_owned(), address.as_ref(), traits)),
        _ => None,
    });
    let Some((form, address, fields)) = told else { return Default::default() };
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    [form, address.map(ToString::to_string).unwrap_or_default(), field("name"), field("company")]
}

async fn all(found: &Installation) -> anyhow::Result<Vec<(Poison, Suspect)>> {
    let poison = found.store.quarantined(found.now()).await?;
    Ok(poison.into_iter().filter_map(|poison| poison.suspect().map(|suspect| (poison, suspect))).collect())
}

/// Lets forms in, or drops them. One that was let in and not dropped yet may be let in again: it counts once.
///
/// # Errors
/// If an id names none, or several; those before it are done with. If the installation does not answer.
pub async fn decide(args: &SomeArgs, admit: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let suspects = all(&found).await?;
    for id in &args.ids {
        let mut named = suspects.iter().filter(|(poison, _)| poison.id.starts_with(id.as_str()));
        let (poison, suspect) = named.next().with_context(|| format!("no form that looks like spam has the id {id}"))?;
        if named.next().is_some() {
            bail!("the ids of several forms begin with {id}: write more of it");
        }
        if admit {
            found.store.admit(suspect).await?;
        }
        if !found.store.drop_poison(poison).await? {
            bail!("the form {} came once more meanwhile: `michi suspects` lists it", poison.id);
        }
        writeln!(out, "{} is {}", poison.id, if admit { "let in: it is looked at within a minute" } else { "dropped" })?;
    }
    Ok(())
}
