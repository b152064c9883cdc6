//! The playbook a suite runs on: read at the start, and again whenever its files change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use anyhow::Context;
use michi::playbook::authoring::{self, Mistakes};
use michi::playbook::{Playbook, Site};

use super::start::read_wiring;
use super::{Options, Suite};
use crate::lock::lock;

/// The playbook in use, and what is wrong with its files if they have been broken since.
#[derive(Debug, Clone)]
pub struct Desk {
    folder: Option<PathBuf>,
    playbook: Playbook,
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
        let playbook = read(options)?;
        Ok(Self { folder: options.playbook.clone(), playbook, mistakes: None, written })
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
            Ok(playbook) => {
                let wiring = read_wiring(&self.inner.options, &playbook)?;
                self.inner.client.roles().take(&wiring);
                {
                    let mut desk = lock(&self.inner.desk);
                    desk.playbook = playbook;
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
        if changed { self.reload_playbook().await } else { Ok(()) }
    }

    /// Publishes the playbook and lets every function see it at once.
    pub(super) async fn publish(&self) -> anyhow::Result<()> {
        let playbook = lock(&self.inner.desk).playbook.clone();
        self.own().store.publish_playbook(&playbook, self.now()).await.context("the playbook cannot be published")?;
        for app in self.inner.apps.values().chain([self.own()]) {
            app.forget_playbook().await;
        }
        Ok(())
    }
}

/// The playbook, which allows the suite's own origin whatever it says: the demonstration site is there.
fn read(options: &Options) -> Result<Playbook, Mistakes> {
    let mut playbook = match &options.playbook {
        Some(folder) => authoring::load(folder)?,
        None => default_playbook()?,
    };
    if !playbook.allows_origin(&options.collector_url) {
        playbook.setup.sites.push(Site { origin: options.collector_url.clone() });
    }
    Ok(playbook)
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
