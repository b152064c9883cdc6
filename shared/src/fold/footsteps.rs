//! Which activities count, in which order.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use crate::activity::{Activity, Kind, Log, LogOwner, Proof, Record, Retention, Source};
use crate::id::{ClassId, ImportId, MessageId, VisitorId};
use crate::playbook::Playbook;
use crate::verdict::Verdict;
use crate::verdict::mail::{Judged, Trail, at_face_value};

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
    /// When the first verdict that is unclear for now is decided.
    pub(crate) undecided: Option<Timestamp>,
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
    /// Whether a person did it, and until when that is unclear.
    pub judged: Judged,
}

impl Step<'_> {
    /// Whether a person did it; what a machine did counts for nothing, nor does what is unclear.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.judged.verdict == Verdict::Human
    }

    /// Whether the person was seen doing it: on the site or in a mail. What michi does, what servers report and what stands in
    /// lists is not.
    #[must_use]
    pub fn seen(&self) -> bool {
        self.counts() && self.record.source == Source::Site
    }
}

/// What is believed of clicks in mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Belief {
    /// What follows from all that is known of the message.
    Judged,
    /// What the request alone says, as before anything else was known.
    FaceValue,
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
    pub(crate) fn of(playbook: &'a Playbook, log: &'a Log, belief: Belief, now: Timestamp) -> Self {
        let (retention, most) = match log.owner {
            LogOwner::Lead(_) => (Retention::LEAD_DAYS, Retention::LEAD_RECORDS),
            LogOwner::Visitor(_) => (Retention::VISITOR_DAYS, usize::MAX),
        };
        let retention = SignedDuration::from_hours(24 * retention);
        let links = links(log);
        let mut found: Vec<Step<'a>> = Vec::new();
        // The same few pages are read again and again.
        let mut classes: HashMap<&str, Option<&ClassId>> = HashMap::new();
        for record in kept(log, now, most) {
            for activity in &record.activities {
                if activity.kind.retention() == Retention::Passing && now.duration_since(activity.at) >= retention {
                    continue;
                }
                let Some(proof) = proof(&log.owner, &links, record, activity) else { continue };
                let class = match &activity.kind {
                    Kind::PageViewed(page) => *classes.entry(&page.url).or_insert_with(|| playbook.page_class(&page.url)),
                    Kind::FormSubmitted(form) => playbook.form_class(&form.form),
                    _ => None,
                };
                let unconfirmed = proof == Proof::Claimed;
                found.push(Step { activity, record, class, unconfirmed, judged: verdict(record).into() });
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
        let undecided = judge_mail(&mut found, belief, now);
        let steps = found.iter().filter(|step| step.counts()).copied().collect();
        Self { all: found, steps, links, upcoming, undecided, retention }
    }
}

/// Whether a person did it, by the request alone. Servers and michi itself speak for people.
fn verdict(record: &Record) -> Verdict {
    if record.source == Source::Site { record.signals.verdict() } else { Verdict::Human }
}

/// Judges opens and clicks by all that is known of their messages; answers when the first of the unclear is decided.
fn judge_mail(found: &mut [Step<'_>], belief: Belief, now: Timestamp) -> Option<Timestamp> {
    let trails = trails(found);
    let mut undecided = None;
    for step in found.iter_mut().filter(|step| step.record.source == Source::Site) {
        let (at, signals) = (step.activity.at, &step.record.signals);
        step.judged = match &step.activity.kind {
            Kind::MailClicked { .. } if belief == Belief::FaceValue => at_face_value(at, signals, now),
            Kind::MailClicked { message, link, .. } => match trails.get(message) {
                Some(trail) => trail.click(*link, at, signals, now),
                None => continue,
            },
            Kind::MailOpened { message } => match trails.get(message) {
                Some(trail) => trail.open(at, signals).into(),
                None => continue,
            },
            _ => continue,
        };
        undecided = [undecided, step.judged.until].into_iter().flatten().min();
    }
    undecided
}

/// What is known of each message that was opened or clicked.
fn trails<'a>(found: &[Step<'a>]) -> BTreeMap<&'a MessageId, Trail> {
    let mut trails: BTreeMap<&MessageId, Trail> = BTreeMap::new();
    for step in found {
        if let Kind::MailClicked { message, .. } | Kind::MailOpened { message } = &step.activity.kind {
            trails.entry(message).or_default();
        }
    }
    if trails.is_empty() {
        return trails;
    }
    for step in found {
        let at = step.activity.at;
        match &step.activity.kind {
            Kind::MailSent { message, .. } => trails.entry(message).and_modify(|trail| trail.sent.push(at)),
            Kind::MailDelivered { message } => trails.entry(message).and_modify(|trail| trail.delivered.push(at)),
            Kind::MailClicked { message, link, .. } => trails.entry(message).and_modify(|trail| trail.clicks.push((at, *link))),
            _ => continue,
        };
    }
    trails
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

/// Links and cuts as stretches. A link tells whose history it is, so it holds for the time before it was found, too. Where the
/// two leads between which a browser went have become one, the cut and the link that began with it stand in one log.
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
                for link in links.iter_mut().filter(|link| link.visitor == visitor && link.since != Some(*from)) {
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
