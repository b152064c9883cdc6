//! The playbook a suite runs on: read at the start, and again whenever its files change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use anyhow::Context;
use michi::io::store::{About, How, Publication};
use michi::playbook::authoring::{self, Mistakes, SourceFile};
use michi::playbook::{Playbook, Site};

use super::start::read_wiring;
use super::{Options, Suite};
use crate::lock::lock;

/// The playbook in use, and what is wrong with its files if they have been broken since.
#[derive(Debug, Clone)]
pub struct Desk {
    folder: Option<PathBuf>,
    playbook: Playbook,
    files: Vec<SourceFile>,
    mistakes: Option<String>,
    /// When each file was last written, as far as it has been read.
    written: BTreeMap<PathBuf, SystemTime>,
}

impl Desk {
    /// The playbook in use.
    pub fn playbook(&self) -> &Playbook {
        &self.playbook
    }

    /// What keeps the files from being used, if anything does; then the playbook before stays in use.
    pub fn mistakes(&self) -> Option<&str> {
        self.mistakes.as_deref()
    }

    /// Where the files are; None for the built-in ones.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    pub(super) fn open(options: &Options) -> anyhow::Result<Self> {
        let written = options.playbook.as_deref().map(written).unwrap_or_default();
        let (playbook, files) = read(options)?;
        Ok(Self { folder: options.playbook.clone(), playbook, files, mistakes: None, written })
    }
}

impl Suite {
    /// The playbook in use and the state of its files.
    pub fn desk(&self) -> Desk {
        lock(&self.inner.desk).clone()
    }

    /// Reads the playbook's files again. With mistakes in them the playbook before stays in use.
    ///
    /// # Errors
    ///
    /// If a sound playbook cannot be published.
    pub async fn reload_playbook(&self) -> anyhow::Result<()> {
        match read(&self.inner.options) {
            Ok((playbook, files)) => {
                let wiring = read_wiring(&self.inner.options, &playbook)?;
                self.inner.client.roles().take(&wiring);
                {
                    let mut desk = lock(&self.inner.desk);
                    desk.playbook = playbook;
                    desk.files = files;
                    desk.mistakes = None;
                }
                self.publish().await
            }
            Err(mistakes) => {
                tracing::warn!("the playbook has mistakes; the one before stays in use\n{mistakes}");
                lock(&self.inner.desk).mistakes = Some(mistakes.to_string());
                Ok(())
            }
        }
    }

    /// Reads the playbook again if one of its files has changed.
    pub(super) async fn notice_playbook(&self) -> anyhow::Result<()> {
        let changed = {
            let mut desk = lock(&self.inner.desk);
            let now = desk.folder.as_deref().map(written).unwrap_or_default();
            let changed = now != desk.written;
            desk.written = now;
            changed
        };
        if changed {
            self.reload_playbook().await?;
            // Whoever edits watches: the leads are judged anew now, not when the schedule comes round.
            let _failed = self.tick("score").await;
        }
        Ok(())
    }

    /// What a data folder holds live, if somebody applied it there and no folder of files says otherwise.
    pub(super) async fn take_over_live(&self) -> anyhow::Result<()> {
        let store = &self.own().store;
        if let Some(live) = store.live_consistent().await?.filter(|live| live.by != BY && self.options().playbook.is_none()) {
            let playbook = store.playbook(&live.version).await?;
            let about = store.playbook_about(&live.version).await?.context("the live playbook is not whole")?;
            let files = authoring::unpack(&store.playbook_files(&live.version, &about).await?)?;
            let mut desk = lock(&self.inner.desk);
            (desk.playbook, desk.files) = (playbook, files);
        }
        Ok(())
    }

    /// Publishes the playbook by the same path as `michi apply`, and lets every function see it at once.
    pub(super) async fn publish(&self) -> anyhow::Result<()> {
        let (playbook, files) = {
            let desk = lock(&self.inner.desk);
            (desk.playbook.clone(), desk.files.clone())
        };
        let (store, now) = (&self.own().store, self.now());
        let live = store.live_consistent().await.context("the live playbook cannot be read")?;
        let version = playbook.version();
        if live.as_ref().is_none_or(|live| live.version != version) {
            let why = if live.is_some() { "the playbook's files were edited" } else { "the suite's first start" };
            let about = About {
                by: BY.to_owned(),
                at: now,
                why: why.to_owned(),
                based_on: live.as_ref().map(|live| live.version.clone()),
                files: files.iter().map(|file| (file.name.clone(), authoring::digest(file))).collect(),
                packed: String::new(),
            };
            let kept = store.keep_playbook(&playbook, &about, &authoring::pack(&files)).await;
            kept.context("the playbook cannot be kept")?;
            let wish = Publication {
                version: &version,
                epoch: playbook.scoring.interest.epoch(),
                base: live.as_ref(),
                by: BY,
                why,
                how: How::Applied,
                proposal: None,
                leads: None,
                seen_at_once: true,
            };
            store.publish(&wish, now).await.context("the playbook cannot be published")?;
        }
        for app in self.inner.apps.values().chain([self.own()]) {
            app.forget_playbook().await;
        }
        Ok(())
    }
}

/// Who publishes what lies in the suite's folder.
const BY: &str = "the local suite";

/// The playbook with its files. It allows the suite's own origin whatever they say: the demonstration site is there.
fn read(options: &Options) -> Result<(Playbook, Vec<SourceFile>), Mistakes> {
    let (mut playbook, files) = match &options.playbook {
        Some(folder) => authoring::load_with_files(folder)?,
        None => (default_playbook()?, authoring::default_files()),
    };
    if !playbook.allows_origin(&options.collector_url) {
        playbook.setup.sites.push(Site { origin: options.collector_url.clone() });
    }
    Ok((playbook, files))
}

/// Read once: tests start many suites.
fn default_playbook() -> Result<Playbook, Mistakes> {
    static DEFAULT: OnceLock<Playbook> = OnceLock::new();
    match DEFAULT.get() {
        Some(playbook) => Ok(playbook.clone()),
        None => authoring::default_playbook().map(|playbook| DEFAULT.get_or_init(|| playbook).clone()),
    }
}

/// When each file of the folder was last written. What cannot be looked at counts as not there.
fn written(folder: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let mut written = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => folders.push(entry.path()),
                Ok(about) => written.extend(about.modified().ok().map(|at| (entry.path(), at))),
                Err(_) => {}
            }
        }
    }
    written
}
