//! `michi erase`: everything about one person goes.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use jiff::SignedDuration;
use michi::activity::{Log, LogOwner};
use michi::address::Address;
use michi::id::{LeadId, OwnerId};
use michi::io::store::{AGAIN, Erased, LeadItem, Traces};
use michi::io::{Error, KeyRing, Retry};

use crate::account::{Installation, Target};
use crate::lead::meant;
use crate::output;
use crate::shown::{self, counted};

/// What `michi erase` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct EraseArgs {
    /// The lead's id, or its mail address
    #[arg(value_name = "ID|ADDRESS")]
    pub who: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Let mail be sent to the address again, if the person comes back or a list names it; without it the address stays
    /// suppressed, as a digest that cannot be read back
    #[arg(long)]
    pub allow_mail: bool,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// Who erases: the installation, with what must be known of it.
pub(crate) struct Eraser<'a> {
    pub(crate) found: &'a Installation,
    keys: KeyRing,
    owners: BTreeSet<OwnerId>,
}

/// What stays for a while, and goes by itself.
const LEFT: &str = "\
What of it was kept aside goes by itself: in failure objects and the archive within 30 days, in backups within 35; counts
against abuse, which hold a digest of the address, within 3 days. What the event bus was told names the lead's id only.
Where the person's data was taken elsewhere, by an export or a receiver of the bus, it must be erased there.
";

impl<'a> Eraser<'a> {
    pub(crate) async fn of(found: &'a Installation) -> anyhow::Result<Self> {
        let live = found.playbook().await?;
        let owners = live.playbook.setup.owners.iter().map(|owner| owner.id.clone()).collect();
        Ok(Self { found, keys: found.keys().await?, owners })
    }

    /// Marks a lead and deletes everything of it; `score` does so once more in ten minutes. `suppress`: addresses to which
    /// nothing may be sent any more.
    pub(crate) async fn erase(
        &self,
        lead: &LeadId,
        before: Option<&LeadItem>,
        suppress: &BTreeSet<Address>,
    ) -> Result<Erased, Error> {
        let (store, hash) = (&self.found.store, |address: &Address| self.keys.address_hash(address));
        let suppress: Vec<String> = suppress.iter().map(hash).collect();
        let mark = store.begin_erasure(lead, before, &suppress, self.found.now()).await?;
        let erased = store.erase(&mark, &self.owners, hash, self.found.now()).await?;
        match store.end_erasure(&mark, self.found.now()).await {
            // `score` was at it as well.
            Err(error) if error.retry == Retry::Reread => Ok(erased),
            done => done.map(|_| erased),
        }
    }
}

/// The person's addresses, those of leads whose merging is under way among them.
async fn addresses(found: &Installation, log: &Log) -> Result<BTreeSet<Address>, Error> {
    let Traces { mut addresses, merged, .. } = Traces::of(log);
    for lead in merged {
        addresses.extend(Traces::of(&found.store.log(&LogOwner::Lead(lead)).await?).addresses);
    }
    Ok(addresses)
}

/// Runs `michi erase`.
///
/// # Errors
/// If there is no such lead, or it is not known to be erased.
pub fn run(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| erase(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Erases a person, and says what stays.
///
/// # Errors
/// If there is no such lead, or it is not known to be erased.
pub async fn erase(args: &EraseArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let lead = meant(&found, &args.who).await?;
    let eraser = Eraser::of(&found).await?;
    loop {
        let before = found.store.lead(&lead).await?;
        let log = found.store.log(&LogOwner::Lead(lead.clone())).await?;
        if before.as_ref().is_some_and(|before| before.erased.is_some()) {
            bail!("the lead {lead} is being erased already: whatever comes in on the way is deleted once more in ten minutes");
        }
        if before.is_none() && log.records.is_empty() {
            bail!("there is no lead {lead}");
        }
        let name = before.as_ref().and_then(|before| before.name.clone()).unwrap_or_else(|| "without a name".to_owned());
        let question = format!(
            "The lead {lead} ({name}) and all that is known of it, {}, will be deleted for good. Go on?",
            counted(log.records.len(), "record", "records")
        );
        if !args.yes && !output::confirmed(&question)? {
            writeln!(out, "Nothing was changed.")?;
            return Ok(());
        }
        let suppress = if args.allow_mail { BTreeSet::new() } else { addresses(&found, &log).await? };
        let erased = match eraser.erase(&lead, before.as_ref(), &suppress).await {
            Err(error) if error.retry == Retry::Reread => continue,
            erased => erased?,
        };
        if args.json {
            let again = found.now() + SignedDuration::from_secs(AGAIN.as_secs());
            let told = serde_json::json!({ "id": lead, "erased": erased, "again": again, "suppressed": !suppress.is_empty() });
            return shown::json(&told, out);
        }
        let (records, messages) = (counted(erased.records, "record", "records"), counted(erased.messages, "message", "messages"));
        writeln!(out, "{lead} is erased: {records}, {messages} and {} more.", counted(erased.others, "item", "items"))?;
        writeln!(out, "In ten minutes all is deleted once more, for what was on its way; until then nothing of it is kept.")?;
        match suppress.is_empty() {
            false => writeln!(out, "The address stays suppressed, as a digest: nothing is ever sent to it.")?,
            true => writeln!(out, "The address is not suppressed beyond what it was.")?,
        }
        write!(out, "{LEFT}")?;
        return Ok(());
    }
}
