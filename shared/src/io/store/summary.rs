//! Leads in a list: as they were last saved, with their points decayed to now.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::super::{Error, Versioned};
use super::{LeadItem, Store};
use crate::id::{LeadId, PlaybookVersion};
use crate::lead::{Cell, Grade, Level, Phase, Stage};
use crate::playbook::Playbook;
use crate::scoring::worth;

/// A lead in a list.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Its id.
    pub id: LeadId,
    /// The person's name.
    pub name: Option<String>,
    /// The company.
    pub company: Option<String>,
    /// Where it stands.
    pub stage: Stage,
    /// How well it suits; none if excluded.
    pub grade: Option<Grade>,
    /// How much it wants.
    pub level: Level,
    /// Grade and level together.
    pub cell: Option<Cell>,
    /// Points of fit.
    pub fit: f64,
    /// Points of interest, now.
    pub interest: f64,
    /// Points of momentum, now.
    pub momentum: f64,
    /// It moves now.
    pub surging: bool,
    /// How far it is.
    pub phase: Phase,
    /// A rule excludes it.
    pub excluded: bool,
    /// When the person was last seen, on the site or in a mail; none: never yet.
    pub last_seen: Option<Timestamp>,
    /// When it is folded again though nothing happens.
    pub next_review: Option<Timestamp>,
    /// The playbook it was folded with.
    pub playbook: PlaybookVersion,
}

impl Summary {
    /// What a saved lead is worth now, by the playbook it was folded with.
    #[must_use]
    pub fn of(item: &LeadItem, playbook: &Playbook, now: Timestamp) -> Self {
        let rules = &playbook.scoring.interest;
        let momentum = worth(item.momentum_rank, now, rules.momentum.half_life);
        Self {
            id: item.lead.clone(),
            name: item.name.clone(),
            company: item.company.clone(),
            stage: item.stage,
            grade: item.grade,
            level: item.level,
            cell: item.grade.map(|grade| Cell { grade, level: item.level }),
            fit: item.fit,
            interest: worth(item.rank, now, rules.half_life),
            momentum,
            surging: momentum >= rules.momentum.surging,
            phase: item.phase,
            excluded: item.excluded,
            last_seen: item.last_seen,
            next_review: item.next_review,
            playbook: item.playbook.clone(),
        }
    }
}

/// The playbooks that leads were folded with, read once each: a rank means what its own playbook says.
#[derive(Debug)]
pub struct Playbooks<'a> {
    store: &'a Store,
    read: HashMap<PlaybookVersion, Arc<Playbook>>,
}

impl<'a> Playbooks<'a> {
    /// Begins with the live one.
    #[must_use]
    pub fn new(store: &'a Store, live: &Versioned) -> Self {
        Self { store, read: HashMap::from([(live.version.clone(), Arc::clone(&live.playbook))]) }
    }

    /// A version.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn get(&mut self, version: &PlaybookVersion) -> Result<Arc<Playbook>, Error> {
        if let Some(playbook) = self.read.get(version) {
            return Ok(Arc::clone(playbook));
        }
        let playbook = Arc::new(self.store.playbook(version).await?);
        self.read.insert(version.clone(), Arc::clone(&playbook));
        Ok(playbook)
    }

    /// What a saved lead is worth now.
    ///
    /// # Errors
    /// If its playbook cannot be read.
    pub async fn summary(&mut self, item: &LeadItem, now: Timestamp) -> Result<Summary, Error> {
        Ok(Summary::of(item, &*self.get(&item.playbook).await?, now))
    }
}
