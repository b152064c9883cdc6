//! Making a version of the playbook live, and what may stand in the way: what `apply`, `approve` and `rollback` share.

use std::time::Duration;

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use michi::io::store::{About, How, Live, Moved, Proposal, Publication};
use michi::io::{Error, Retry, Store};
use michi::playbook::{Approval, authoring};

use crate::plan::{Candidate, Plan, short};

/// Who changes something, and what for.
#[derive(Debug, Clone)]
pub struct Author {
    /// Who.
    pub by: String,
    /// What for.
    pub why: String,
}

/// Who somebody is.
#[derive(Debug, Clone, clap::Args)]
pub struct By {
    /// Who you are, for the history [default: the name you are signed in with on this machine]
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// What became of a wish to make a version live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivered {
    /// It is live.
    Live(Live),
    /// It waits for a second person.
    Proposed(Proposal),
}

/// How often a publication that met somebody else's transaction is tried.
const TRIES: u32 = 5;
/// The pause before each of them.
const PAUSE: Duration = Duration::from_millis(300);

impl By {
    /// This name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { by: Some(name.to_owned()) }
    }

    /// The name.
    ///
    /// # Errors
    /// If none is given and the machine knows none.
    pub fn name(&self) -> anyhow::Result<String> {
        #[allow(clippy::disallowed_methods, reason = "who sits at the machine is no setting of michi's")]
        let signed_in = || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        let name = self.by.clone().or_else(signed_in).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        name.ok_or_else(|| anyhow!("it must be known who does this: give --by NAME"))
    }
}

/// Keeps a candidate and makes it live; or, where the live playbook asks for a second person, proposes it. `plan` says
/// what is live: if that has changed since, nothing is.
///
/// # Errors
/// If somebody else was faster, which says who; if the version is an earlier one and that was not meant; or if it is not
/// known to be live.
pub async fn apply(
    store: &Store,
    candidate: &Candidate,
    plan: &Plan,
    author: &Author,
    force: bool,
    now: Timestamp,
) -> anyhow::Result<Delivered> {
    let history = store.playbook_history().await?;
    if let Some(earlier) = history.iter().find(|moved| moved.live.version == plan.version).filter(|_| !force) {
        let (version, since) = (short(&plan.version), earlier.live.since);
        bail!(
            "version {version} is older than the live one: it was live from {since:.0} on. `michi rollback {version}` goes back to it; --force applies it all the same"
        );
    }
    let about = About {
        by: author.by.clone(),
        at: now,
        why: author.why.clone(),
        based_on: plan.live.as_ref().map(|live| live.version.clone()),
        files: candidate.files.iter().map(|file| (file.name.clone(), authoring::digest(file))).collect(),
        packed: String::new(),
    };
    store.keep_playbook(&candidate.playbook, &about, &authoring::pack(&candidate.files)).await?;
    if let Some(live) = &plan.live
        && store.playbook(&live.version).await?.setup.delivery.approval == Approval::SecondPerson
    {
        let Author { by, why } = author.clone();
        let proposal = Proposal { version: plan.version.clone(), by, at: now, why };
        store.propose(&proposal).await?;
        return Ok(Delivered::Proposed(proposal));
    }
    publish(store, candidate, plan, author, How::Applied, None, now).await.map(Delivered::Live)
}

/// Makes a version live that is kept already.
///
/// # Errors
/// As [`apply`].
pub async fn publish(
    store: &Store,
    candidate: &Candidate,
    plan: &Plan,
    author: &Author,
    how: How,
    proposal: Option<&Proposal>,
    now: Timestamp,
) -> anyhow::Result<Live> {
    let wish = Publication {
        version: &plan.version,
        epoch: candidate.playbook.scoring.interest.epoch(),
        base: plan.live.as_ref(),
        by: &author.by,
        why: &author.why,
        how,
        proposal,
        leads: plan.leads.as_ref().map(|leads| leads.count as u64),
        seen_at_once: false,
    };
    let mut tries = 1;
    loop {
        match store.publish(&wish, now).await {
            Ok(live) => return Ok(live),
            Err(error) if error.retry == Retry::Reread => return Err(overtaken(store, &error).await),
            // `score` may be moving the re-derivation on at this moment.
            Err(error) if error.retry == Retry::Later && tries < TRIES => {
                tries += 1;
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Who published what meanwhile.
async fn overtaken(store: &Store, error: &Error) -> anyhow::Error {
    match store.live_consistent().await {
        Ok(Some(Live { version, since, by, why, .. })) => anyhow!(
            "what is live has changed meanwhile: {by} published version {} at {since:.0} ({why}). Nothing of yours was changed; run `michi plan` again",
            short(&version)
        ),
        _ => anyhow!("what is live has changed meanwhile; run `michi plan` again ({error})"),
    }
}

/// The version meant by its beginning, among those that were ever live.
///
/// # Errors
/// If it is none of them, or of several.
pub fn named<'h>(history: &'h [Moved], beginning: &str) -> anyhow::Result<&'h Moved> {
    let mut found: Vec<&Moved> = history.iter().filter(|moved| moved.live.version.as_str().starts_with(beginning)).collect();
    found.dedup_by(|one, other| one.live.version == other.live.version);
    found.sort_by(|one, other| one.live.version.cmp(&other.live.version));
    found.dedup_by(|one, other| one.live.version == other.live.version);
    match found.as_slice() {
        [one] => Ok(one),
        [] => bail!("no version that begins with {beginning:?} was ever live: `michi history` lists them"),
        _ => bail!("several versions begin with {beginning:?}: write more of it"),
    }
}
