//! Which activities count, in which order.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::activity::{Activity, Kind, Log, LogOwner, Proof, Record, Retention, Source};
use crate::id::{ClassId, ImportId, VisitorId};
use crate::playbook::Playbook;
use crate::verdict::Verdict;

/// The log in (time, id) order, without duplicates, without what belongs to others, without what has not happened yet.
pub(crate) struct Footsteps<'a> {
    /// Everything that counts as having happened, oldest first.
    pub(crate) all: Vec<Step<'a>>,
    /// What people did: `all` without what machines did.
    pub(crate) steps: Vec<Step<'a>>,
    /// Whose browsers were whose.
    pub(crate) links: Vec<Link<'a>>,
    /// The first activity that has not happened yet.
    pub(crate) upcoming: Option<Timestamp>,
    /// How long footsteps are kept.
    pub(crate) retention: SignedDuration,
}

/// One activity that counts.
#[derive(Clone, Copy)]
pub struct Step<'a> {
    /// What happened.
    pub activity: &'a Activity,
    /// The record it came in.
    pub record: &'a Record,
    /// The class of its page or form.
    pub class: Option<&'a ClassId>,
    /// Nobody but a browser that claims to be the lead's says so.
    pub unconfirmed: bool,
}

impl Step<'_> {
    /// Whether a person did it; what a machine did counts for nothing.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.record.source != Source::Site || self.record.signals.verdict() == Verdict::Human
    }
}

/// A stretch of a browser's history that is this lead's.
pub(crate) struct Link<'a> {
    pub(crate) visitor: &'a VisitorId,
    pub(crate) proof: Proof,
    pub(crate) at: Timestamp,
    since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl Link<'_> {
    fn covers(&self, visitor: &VisitorId, at: Timestamp) -> bool {
        self.visitor == visitor && self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

impl<'a> Footsteps<'a> {
    pub(crate) fn of(playbook: &'a Playbook, log: &'a Log, now: Timestamp) -> Self {
        let (retention, most) = match log.owner {
            LogOwner::Lead(_) => (Retention::LEAD_DAYS, Retention::LEAD_RECORDS),
            LogOwner::Visitor(_) => (Retention::VISITOR_DAYS, usize::MAX),
        };
        let retention = SignedDuration::from_hours(24 * retention);
        let links = links(log);
        let mut found: Vec<Step<'a>> = Vec::new();
        for record in kept(log, now, most) {
            for activity in &record.activities {
                if activity.kind.retention() == Retention::Passing && now.duration_since(activity.at) >= retention {
                    continue;
                }
                let Some(proof) = proof(&log.owner, &links, record, activity) else { continue };
                let class = match &activity.kind {
                    Kind::PageViewed(page) => playbook.page_class(&page.url),
                    Kind::FormSubmitted(form) => playbook.form_class(&form.form),
                    _ => None,
                };
                found.push(Step { activity, record, class, unconfirmed: proof == Proof::Claimed });
            }
        }
        // Among several tellings of one activity the earliest counts, whichever came first.
        found.sort_by(|a, b| {
            (a.activity.at, &a.activity.id, a.record.received).cmp(&(b.activity.at, &b.activity.id, b.record.received))
        });
        let mut met = HashSet::with_capacity(found.len());
        found.retain(|step| met.insert(&step.activity.id));

        let happened = found.partition_point(|step| step.activity.at <= now);
        let upcoming = found.get(happened).map(|step| step.activity.at);
        found.truncate(happened);
        let steps = found.iter().filter(|step| step.counts()).copied().collect();
        Self { all: found, steps, links, upcoming, retention }
    }
}

/// The log's records, each once, of the footsteps only the newest so many,
/// without what came with a list that was taken back.
fn kept(log: &Log, now: Timestamp, most: usize) -> impl Iterator<Item = &Record> {
    let mut met = HashSet::with_capacity(log.records.len());
    let undone: HashSet<&ImportId> = log
        .records
        .iter()
        .flat_map(|record| &record.activities)
        .filter_map(|activity| match &activity.kind {
            Kind::ImportUndone { import } => Some(import),
            _ => None,
        })
        .collect();
    let (mut passing, mut kept): (Vec<_>, Vec<_>) = log
        .records
        .iter()
        .filter(|record| record.import.as_ref().is_none_or(|import| !undone.contains(import)))
        .filter(|record| met.insert(&record.id))
        .partition(|record| record.retention() == Retention::Passing && record.at <= now);
    if passing.len() > most {
        passing.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
        passing.truncate(most);
    }
    kept.append(&mut passing);
    kept.into_iter()
}

/// Links and cuts as stretches. A link tells whose history it is, so it holds for the time before it was found, too.
fn links(log: &Log) -> Vec<Link<'_>> {
    let mut events: BTreeMap<(Timestamp, &str), &Kind> = BTreeMap::new();
    for activity in log.records.iter().flat_map(|record| &record.activities) {
        if matches!(activity.kind, Kind::VisitorLinked { .. } | Kind::VisitorCut { .. }) {
            events.insert((activity.at, activity.id.as_str()), &activity.kind);
        }
    }
    let mut links: Vec<Link<'_>> = Vec::new();
    for ((at, _), kind) in events {
        match kind {
            Kind::VisitorLinked { visitor, proof, since } => {
                links.push(Link { visitor, proof: *proof, at, since: *since, until: None });
            }
            Kind::VisitorCut { visitor, from } => {
                for link in links.iter_mut().filter(|link| link.visitor == visitor) {
                    link.until = Some(link.until.map_or(*from, |until| until.min(*from)));
                }
            }
            _ => {}
        }
    }
    links
}

/// How far an activity of this record is believed; none: it is somebody else's.
fn proof(owner: &LogOwner, links: &[Link<'_>], record: &Record, activity: &Activity) -> Option<Proof> {
    match (owner, &record.visitor, record.source) {
        (LogOwner::Visitor(_), _, _) | (_, None, _) | (_, _, Source::Michi) => Some(Proof::Proven),
        (LogOwner::Lead(_), Some(visitor), source) => {
            let linked = links.iter().filter(|link| link.covers(visitor, activity.at)).map(|link| link.proof).max()?;
            Some(if source == Source::Server { Proof::Proven } else { linked })
        }
    }
}
