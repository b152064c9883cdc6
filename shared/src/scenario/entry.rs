//! Who enters a scenario, and when.
//!
//! An event (a form, a tracked action) lets a lead in when it is the news; a state (a stage, a cell, a segment) when the
//! lead comes into it; a date when its moment comes. Whoever is under way does not enter a second time, nor does anybody
//! whom the scenario would let go at once: who has reached the goal already was not won by it.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::advance::{ending, later};
use super::enrollment::{Enrollment, Entry, Left, Place, Waiting};
use super::runs::{Run, runs};
use super::turn::MOMENT;
use super::{GRACE, RUNS_A_DAY};
use crate::activity::{Kind, Record};
use crate::condition::What;
use crate::fold::Folded;
use crate::id::{ActivityId, LeadId, PlaybookVersion, ScenarioId, derive};
use crate::lead::Lead;
use crate::playbook::Playbook;
use crate::playbook::scenario::{Again, Scenario, Trigger, UnderWay, Who};

/// A date that passed longer ago lets nobody in: it was not missed, it was there before.
pub(super) const PAST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A lead that enters: both are saved in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Entering {
    /// The enrollment, due at once.
    pub enrollment: Enrollment,
    /// What the log is told of it.
    pub record: Record,
}

/// What is new about a lead at a look.
#[derive(Clone, Copy)]
pub struct News<'a> {
    /// The records this look is for.
    pub records: &'a [ActivityId],
    /// What [`inside`] said when the lead was looked at before; empty: it never was.
    pub inside: &'a Inside,
    /// The lead without these records, by the playbook of this look, if it was judged by another one before: what held then
    /// already did not come with the news, but with the playbook.
    pub before: Option<&'a Folded<'a>>,
}

/// The scenarios with a state for a trigger in whose state a lead is, each with a digest of trigger and `who`: another state,
/// or other people meant, has not been looked at before.
pub type Inside = BTreeMap<ScenarioId, String>;

/// Why a lead does not enter a scenario.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeptOut {
    /// It is under way in it.
    UnderWay,
    /// It was in it before, and may not enter again, or not yet.
    Before,
    /// It entered on this occasion before.
    Occasion,
    /// It has begun as many runs of it within a day as anybody may.
    Often,
    /// It is not in the audience.
    Audience,
    /// It would leave at once, for this reason.
    WouldLeave(Left),
    /// The scenario takes in nobody any more.
    Draining,
}

/// In which states the lead is: saved with it, to see at the next look into which it has come.
#[must_use]
pub fn inside(playbook: &Playbook, folded: &Folded<'_>) -> Inside {
    let inside = playbook.scenarios.iter().filter(|(_, scenario)| is_in_state(&scenario.trigger, &folded.lead));
    inside.map(|(id, scenario)| (id.clone(), meant(scenario))).collect()
}

/// A digest of who is meant by a scenario; six characters tell the few versions of one scenario apart.
fn meant(scenario: &Scenario) -> String {
    let (trigger, who) = (&scenario.trigger, &scenario.who);
    let said = serde_json::to_string(&(trigger, who)).unwrap_or_default();
    derive(&["meant", &said]).chars().take(6).collect()
}

/// The scenarios that the lead enters at this look.
#[must_use]
pub fn entering(
    playbook: &Playbook,
    version: &PlaybookVersion,
    lead: &LeadId,
    folded: &Folded<'_>,
    news: News<'_>,
    now: Timestamp,
) -> Vec<Entering> {
    let runs = runs(folded);
    let enters = |(id, scenario): (&ScenarioId, &Scenario)| {
        let runs: Vec<&Run<'_>> = runs.iter().filter(|run| run.scenario == id).collect();
        let (entry, planned) = triggered(playbook, (id, scenario), lead, folded, &runs, news, now)?;
        kept_out(playbook, scenario, folded, &runs, now).is_none().then(|| {
            let planned = if matches!(entry, Entry::Date(_)) || now.duration_since(planned) <= GRACE { planned } else { now };
            begin(version, (id, scenario), lead, entry, planned, now)
        })?
    };
    playbook.scenarios.iter().filter_map(enters).collect()
}

/// Lets in a lead by hand, on an occasion that makes this entry the same when it is repeated.
///
/// # Errors
/// Why the lead is kept out; none of the triggers matters, everything else does.
pub fn enroll(
    playbook: &Playbook,
    version: &PlaybookVersion,
    (id, scenario): (&ScenarioId, &Scenario),
    lead: &LeadId,
    folded: &Folded<'_>,
    occasion: &str,
    now: Timestamp,
) -> Result<Entering, KeptOut> {
    let runs = runs(folded);
    let runs: Vec<&Run<'_>> = runs.iter().filter(|run| run.scenario == id).collect();
    if let Some(why) = kept_out(playbook, scenario, folded, &runs, now) {
        return Err(why);
    }
    let entry = Entry::ByHand(occasion.to_owned());
    if is_known(&runs, &Enrollment::id(id, lead, &entry)) {
        return Err(KeptOut::Occasion);
    }
    // A scenario without a step passes no check; who enters it would be at its end.
    begin(version, (id, scenario), lead, entry, now, now).ok_or(KeptOut::WouldLeave(Left::End))
}

/// When a date that is known of the lead lets it in next, if nothing happens; none: never.
#[must_use]
pub fn next_entry(playbook: &Playbook, lead: &Lead, now: Timestamp) -> Option<Timestamp> {
    let moment = |scenario: &Scenario| match &scenario.trigger {
        Trigger::Date(date) if scenario.under_way != UnderWay::Drain => scenario.date(date, lead, &playbook.setup),
        _ => None,
    };
    playbook.scenarios.values().filter_map(moment).map(|(_, at)| at).filter(|at| *at > now).min()
}

/// What lets the lead into a scenario at this look, and the moment for which that was planned.
fn triggered(
    playbook: &Playbook,
    (id, scenario): (&ScenarioId, &Scenario),
    lead: &LeadId,
    folded: &Folded<'_>,
    runs: &[&Run<'_>],
    news: News<'_>,
    now: Timestamp,
) -> Option<(Entry, Timestamp)> {
    let happened = |what: What| {
        let is_new = |step: &&crate::fold::Step<'_>| news.records.contains(&step.record.id) && step.counts() && what.is(step);
        // What lets in is not what the first step may wait for.
        let entry = |step: &crate::fold::Step<'_>| (Entry::Activity(step.activity.id.clone()), later(step.activity.at, MOMENT));
        let mut entries = folded.history().iter().filter(is_new).map(entry);
        entries.find(|(entry, _)| !is_known(runs, &Enrollment::id(id, lead, entry)))
    };
    match &scenario.trigger {
        Trigger::Form(class) => happened(What::Form(class.clone())),
        Trigger::FormNamed(form) => happened(What::FormNamed(form.clone())),
        Trigger::Track(name) => happened(What::Track(name.clone())),
        Trigger::Stage(_) | Trigger::Cell(_) | Trigger::Segment(_) => {
            let comes = is_in_state(&scenario.trigger, &folded.lead) && news.inside.get(id) != Some(&meant(scenario));
            let existing = news.before.is_some_and(|before| is_in_state(&scenario.trigger, &before.lead));
            let is_meant = match scenario.who {
                Who::New => !existing,
                Who::Existing => existing,
                Who::Both => true,
            };
            let before = u32::try_from(runs.len()).unwrap_or(u32::MAX);
            (comes && is_meant).then_some((Entry::State(before), now))
        }
        Trigger::Date(date) => {
            let (day, at) = scenario.date(date, &folded.lead, &playbook.setup)?;
            let entry = Entry::Date(day.to_string());
            let is_time = at <= now && now.duration_since(at) <= PAST;
            (is_time && !is_known(runs, &Enrollment::id(id, lead, &entry))).then_some((entry, at))
        }
        Trigger::ByHand => None,
    }
}

fn is_in_state(trigger: &Trigger, lead: &Lead) -> bool {
    match trigger {
        Trigger::Stage(stages) => lead.stage.is_some_and(|stage| stages.contains(&stage)),
        Trigger::Cell(cells) => lead.cell.is_some_and(|cell| cells.contains(&cell)),
        Trigger::Segment(segment) => lead.segments.contains(segment),
        Trigger::Form(_) | Trigger::FormNamed(_) | Trigger::Track(_) | Trigger::Date(_) | Trigger::ByHand => false,
    }
}

fn kept_out(playbook: &Playbook, scenario: &Scenario, folded: &Folded<'_>, runs: &[&Run<'_>], now: Timestamp) -> Option<KeptOut> {
    if scenario.under_way == UnderWay::Drain {
        return Some(KeptOut::Draining);
    }
    if runs.iter().any(|run| run.left.is_none()) {
        return Some(KeptOut::UnderWay);
    }
    let last = runs.iter().filter_map(|run| run.left).map(|(at, _)| at).max();
    let again = last.is_none_or(|left| match scenario.again {
        Again::Never => false,
        Again::Always => true,
        Again::After(span) => now.duration_since(left) >= span.duration(),
    });
    if !again {
        return Some(KeptOut::Before);
    }
    let today = runs.iter().filter(|run| now.duration_since(run.entered) < SignedDuration::from_hours(24));
    if today.count() >= RUNS_A_DAY {
        return Some(KeptOut::Often);
    }
    if scenario.audience.as_ref().is_some_and(|audience| !folded.holds(audience)) {
        return Some(KeptOut::Audience);
    }
    ending(scenario, folded, playbook).map(KeptOut::WouldLeave)
}

fn is_known(runs: &[&Run<'_>], enrollment: &crate::id::EnrollmentId) -> bool {
    runs.iter().any(|run| run.enrollment == enrollment)
}

/// The enrollment of a lead that enters now, its first step planned for a moment; none: the scenario has no step.
fn begin(
    playbook: &PlaybookVersion,
    (id, scenario): (&ScenarioId, &Scenario),
    lead: &LeadId,
    entry: Entry,
    planned: Timestamp,
    now: Timestamp,
) -> Option<Entering> {
    let step = scenario.steps.first()?.id().clone();
    let version = scenario.version();
    let enrollment = Enrollment {
        id: Enrollment::id(id, lead, &entry),
        lead: lead.clone(),
        scenario: id.clone(),
        playbook: playbook.clone(),
        version: version.clone(),
        entered: now,
        place: Place { step: step.clone(), visit: 1, since: planned },
        waiting: Waiting::Nothing,
        due: now,
        visits: BTreeMap::from([(step, 1)]),
        day: None,
        mail: None,
        tries: 0,
        revision: 0,
    };
    let kind = Kind::Enrolled { scenario: id.clone(), enrollment: enrollment.id.clone(), version, entry };
    let record = Record::decision(ActivityId::derive(&["enrolled", enrollment.id.as_str()]), now, kind);
    Some(Entering { enrollment, record })
}
