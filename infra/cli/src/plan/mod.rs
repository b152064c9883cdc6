//! `michi plan`: what would change if the playbook in a folder were live. It writes nothing.

mod difference;
mod entering;
mod leads;
mod report;
mod under_way;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::id::PlaybookVersion;
use michi::io::Store;
use michi::io::store::Live;
use michi::playbook::authoring::{self, Part, SourceFile};
use michi::playbook::{Playbook, Site};
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::{everybody, output};

pub use difference::{Change, Difference, Field, differences};
pub use entering::Enters;
pub use leads::{Flow, Leads, Ready};
pub use under_way::{Becomes, Fate, UnderWay};

/// What `michi plan` takes. Exit codes: 0 if there is nothing to apply, 2 if there is, 1 if that cannot be told.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// The folder of the playbook [default: ./playbook if there is one, else the current folder]
    dir: Option<PathBuf>,
    #[command(flatten)]
    fold: Fold,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// How many leads are folded.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Fold {
    /// Fold only so many leads, chosen by chance but the same each time; without it all
    #[arg(long, value_name = "LEADS")]
    pub sample: Option<usize>,
}

/// What would change.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Whether anything would.
    pub pending: bool,
    /// What is live, as it was when the plan was made; none: nothing yet.
    pub live: Option<Live>,
    /// The version that would be.
    pub version: PlaybookVersion,
    /// Where it comes from.
    pub from: String,
    /// The files of both.
    pub files: Vec<FileChange>,
    /// What the rules would say otherwise.
    pub differences: Vec<Difference>,
    /// What would become of the leads; none if nothing would change, or nothing is live.
    pub leads: Option<Leads>,
    /// What would become of those under way in scenarios that differ.
    pub under_way: Vec<UnderWay>,
    /// By which clock times are told.
    #[serde(skip)]
    pub zone: TimeZone,
}

/// A file of the playbook, compared with what is live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileChange {
    /// Its name.
    pub name: String,
    /// How it differs.
    pub how: Touched,
}

/// How a file differs from what is live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Touched {
    Added,
    Changed,
    Removed,
    Same,
}

impl Touched {
    fn sign(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Changed => "~",
            Self::Removed => "-",
            Self::Same => "=",
        }
    }
}

/// A playbook that may go live.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The playbook.
    pub playbook: Playbook,
    /// Its files.
    pub files: Vec<SourceFile>,
    /// Where it comes from, in words.
    pub from: String,
}

impl Candidate {
    /// The playbook in a folder.
    ///
    /// # Errors
    /// That there is none, or every mistake in it.
    pub fn load(dir: &Path) -> anyhow::Result<Self> {
        if !Part::ALL.iter().any(|part| dir.join(part.file_name()).is_file()) {
            bail!("there is no playbook at {}: `michi init {0} --site https://www.example.com` writes a new one", dir.display());
        }
        let loaded = authoring::load_with_files(dir);
        let (playbook, files) = loaded.map_err(|mistakes| anyhow!("the playbook has mistakes\n{mistakes}"))?;
        Ok(Self { playbook, files, from: format!("in {}", dir.display()) })
    }

    /// The same where it shall go live: a local suite lets its own origin send, where its demonstration site is, whatever
    /// the files say.
    #[must_use]
    pub fn within(mut self, installation: &Installation) -> Self {
        let origin = &installation.settings.collector_url;
        if origin.starts_with("http://127.0.0.1:") && !self.playbook.allows_origin(origin) {
            self.playbook.setup.sites.push(Site { origin: origin.clone() });
        }
        self
    }

    /// A version that is kept.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn kept(store: &Store, version: &PlaybookVersion) -> anyhow::Result<Self> {
        let playbook = store.playbook(version).await?;
        Ok(Self { playbook, files: files(store, version).await?, from: "as it was kept".to_owned() })
    }
}

/// Runs `michi plan`.
///
/// # Errors
/// Says what is wrong with the playbook, or that the installation does not answer.
pub fn run(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    output::block_on(async {
        let candidate = Candidate::load(&folder(args.dir.as_deref()))?;
        let installation = args.target.open().await?;
        let candidate = candidate.within(&installation);
        let plan = Plan::of(&installation.store, &candidate, args.fold, installation.now()).await?;
        let text = if args.json { serde_json::to_string_pretty(&plan)? + "\n" } else { plan.to_string() };
        output::write(&text)?;
        Ok(if plan.pending { ExitCode::from(2) } else { ExitCode::SUCCESS })
    })
}

/// The folder meant when none is named.
pub fn folder(dir: Option<&Path>) -> PathBuf {
    let here = Path::new("playbook");
    dir.map_or_else(|| if here.is_dir() { here.to_owned() } else { PathBuf::from(".") }, Path::to_owned)
}

impl Plan {
    /// Compares a candidate with what is live; writes nothing. While it works, a terminal shows how far it is.
    ///
    /// # Errors
    /// If what is live cannot be read.
    pub async fn of(store: &Store, candidate: &Candidate, fold: Fold, now: Timestamp) -> anyhow::Result<Self> {
        let live = store.live_consistent().await?;
        let version = candidate.playbook.version();
        let (from, zone) = (candidate.from.clone(), candidate.playbook.setup.time_zone.get().clone());
        let Some(live) = live else {
            let files = compared(&[], &candidate.files);
            return Ok(Self {
                pending: true,
                live: None,
                version,
                from,
                files,
                differences: vec![],
                leads: None,
                under_way: vec![],
                zone,
            });
        };
        let files = compared(&files(store, &live.version).await?, &candidate.files);
        if live.version == version {
            let (live, differences, under_way) = (Some(live), vec![], vec![]);
            return Ok(Self { pending: false, live, version, from, files, differences, leads: None, under_way, zone });
        }
        let before = store.playbook(&live.version).await?;
        let all = everybody::all(store, &before).await?;
        let count = all.len();
        let some = fold.sample.map_or(all.clone(), |size| everybody::sample(all, size));
        let progress = everybody::progress(some.len())?;
        let compared = leads::compare(store, some, &before, &candidate.playbook, now, &progress).await;
        progress.finish_and_clear();
        let leads = Some(Leads { count, ..compared? });
        let differences = differences(&before, &candidate.playbook);
        let under_way = under_way::under_way(store, &before, &candidate.playbook).await?;
        Ok(Self { pending: true, live: Some(live), version, from, files, differences, leads, under_way, zone })
    }
}

/// The files of a version; none are kept of one that an early michi published.
async fn files(store: &Store, version: &PlaybookVersion) -> anyhow::Result<Vec<SourceFile>> {
    match store.playbook_about(version).await? {
        Some(about) => Ok(authoring::unpack(&store.playbook_files(version, &about).await?)?),
        None => Ok(Vec::new()),
    }
}

fn compared(live: &[SourceFile], wanted: &[SourceFile]) -> Vec<FileChange> {
    let bytes = |files: &[SourceFile], name: &str| files.iter().find(|file| file.name == name).map(|file| file.bytes.clone());
    let mut names: Vec<&String> = live.iter().chain(wanted).map(|file| &file.name).collect();
    names.sort();
    names.dedup();
    let change = |name: &String| {
        let how = match (bytes(live, name), bytes(wanted, name)) {
            (None, _) => Touched::Added,
            (_, None) => Touched::Removed,
            (before, now) if before == now => Touched::Same,
            _ => Touched::Changed,
        };
        FileChange { name: name.clone(), how }
    };
    names.into_iter().map(change).collect()
}

/// A version as people write it.
#[must_use]
pub fn short(version: &PlaybookVersion) -> &str {
    version.as_str().get(..8).unwrap_or(version.as_str())
}
