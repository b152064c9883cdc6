//! What follows from a log at one moment, and the first moment at which it changes though nothing happens.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::footsteps::{Footsteps, Step};
use super::interest::Tally;
use super::profile::Profile;
use crate::activity::Retention;
use crate::address::Address;
use crate::condition::{AddressTest, Condition, Did};
use crate::id::RuleId;
use crate::lead::{Attribute, Cell, Grade, Level, Phase, Proposal, Stage};
use crate::playbook::Playbook;
use crate::scoring::rules::PhaseRule;

/// Points too few to matter: when a footstep that is worth less than this passes out of the log, no review is due.
pub const NEVER_TO_BE_NOTICED: f64 = 0.01;

/// How many moments at which a part changes are looked at for one at which an answer does. When all of them change
/// nothing, the last is named: a review too early is harmless.
const MOMENTS: usize = 100;

/// Everything the answers at any moment from the newest activity on follow from.
pub(crate) struct Digest<'a> {
    pub(crate) playbook: &'a Playbook,
    pub(crate) footsteps: Footsteps<'a>,
    pub(crate) profile: Profile,
    pub(crate) tally: Tally<'a>,
    pub(crate) stage: Option<Stage>,
}

/// The answers at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answers {
    pub(crate) excluded: Vec<RuleId>,
    pub(crate) grade: Option<Grade>,
    pub(crate) level: Level,
    pub(crate) cell: Option<Cell>,
    pub(crate) phase: Phase,
    pub(crate) surging: bool,
    pub(crate) segments: BTreeSet<RuleId>,
    pub(crate) proposal: Option<Proposal>,
}

/// What a condition can ask about, at one moment. What is not known yet while fit is scored is empty; the playbook's
/// check sees to it that no rule asks for it there.
pub(crate) struct View<'a> {
    playbook: &'a Playbook,
    attributes: &'a BTreeMap<String, Attribute>,
    address: Option<&'a Address>,
    steps: &'a [Step<'a>],
    retention: SignedDuration,
    now: Timestamp,
    stage: Option<Stage>,
    grade: Option<Grade>,
    level: Level,
    phase: Phase,
    surging: bool,
}

impl<'a> View<'a> {
    /// What is known of the person alone.
    pub(crate) fn of_profile(
        playbook: &'a Playbook,
        attributes: &'a BTreeMap<String, Attribute>,
        address: Option<&'a Address>,
        now: Timestamp,
    ) -> Self {
        Self {
            playbook,
            attributes,
            address,
            steps: &[],
            retention: SignedDuration::ZERO,
            now,
            stage: None,
            grade: None,
            level: Level::COLDEST,
            phase: Phase::Gathering,
            surging: false,
        }
    }
}

/// Whether the condition holds.
pub(crate) fn holds(condition: &Condition, view: &View<'_>) -> bool {
    match condition {
        Condition::All(parts) => parts.iter().all(|part| holds(part, view)),
        Condition::Any(parts) => parts.iter().any(|part| holds(part, view)),
        Condition::Not(part) => !holds(part, view),
        Condition::Attribute(test) => view.attributes.get(&test.name).is_some_and(|attribute| test.fits(&attribute.value)),
        Condition::Address(AddressTest::Business(wanted)) => view.address.is_some_and(|address| address.is_business() == *wanted),
        Condition::Address(AddressTest::Domain(domains)) => {
            view.address.is_some_and(|address| domains.iter().any(|domain| address.is_under(domain)))
        }
        Condition::Did(did) => did_moments(did, view).nth(did.times.saturating_sub(1) as usize).is_some(),
        Condition::Stage(stages) => view.stage.is_some_and(|stage| stages.contains(&stage)),
        Condition::Cell(cells) => view.grade.is_some_and(|grade| cells.contains(&Cell { grade, level: view.level })),
        Condition::Grade(grades) => view.grade.is_some_and(|grade| grades.contains(&grade)),
        Condition::Level(levels) => levels.contains(&view.level),
        Condition::Phase(phases) => phases.contains(&view.phase),
        // The playbook's check refuses segments that lead back to themselves.
        Condition::Segment(id) => view.playbook.segments.get(id).is_some_and(|segment| holds(segment, view)),
        Condition::Surging(wanted) => view.surging == *wanted,
    }
}

/// When what is asked for stops counting, newest first, for what still counts.
fn did_moments<'v>(did: &'v Did, view: &'v View<'_>) -> impl Iterator<Item = Timestamp> + 'v {
    view.steps.iter().rev().filter(|step| did.what.is(step)).filter_map(move |step| {
        let kept = (step.activity.kind.retention() == Retention::Passing).then_some(view.retention);
        let counts_for = [did.within.map(|within| within.duration()), kept].into_iter().flatten().min();
        let until = counts_for.map_or(Timestamp::MAX, |span| step.activity.at.checked_add(span).unwrap_or(Timestamp::MAX));
        (until > view.now).then_some(until)
    })
}

/// Moments after the view's at which some part of the condition may change.
fn turning_points(condition: &Condition, view: &View<'_>, into: &mut Vec<Timestamp>) {
    match condition {
        Condition::All(parts) | Condition::Any(parts) => parts.iter().for_each(|part| turning_points(part, view, into)),
        Condition::Not(part) => turning_points(part, view, into),
        Condition::Did(did) => {
            // The condition fails as soon as fewer than `times` of the moments lie ahead.
            let mut moments: Vec<Timestamp> = did_moments(did, view).collect();
            moments.sort_unstable_by(|a, b| b.cmp(a));
            into.extend(moments.get(did.times.saturating_sub(1) as usize).filter(|moment| **moment < Timestamp::MAX));
        }
        Condition::Segment(id) => {
            if let Some(segment) = view.playbook.segments.get(id) {
                turning_points(segment, view, into);
            }
        }
        Condition::Attribute(_)
        | Condition::Address(_)
        | Condition::Stage(_)
        | Condition::Cell(_)
        | Condition::Grade(_)
        | Condition::Level(_)
        | Condition::Phase(_)
        | Condition::Surging(_) => {}
    }
}

impl Digest<'_> {
    fn view(&self, now: Timestamp) -> View<'_> {
        let interest = &self.playbook.scoring.interest;
        let momentum = self.tally.momentum.at(now, interest.momentum.half_life.millis());
        View {
            playbook: self.playbook,
            attributes: &self.profile.attributes,
            address: self.profile.address.as_ref(),
            steps: &self.footsteps.steps,
            retention: self.footsteps.retention,
            now,
            stage: self.stage,
            grade: Some(self.profile.grade),
            level: self.tally.level(interest, now),
            phase: self.phase(now),
            surging: momentum >= interest.momentum.surging,
        }
    }

    /// Whether a condition holds at a moment which the newest activity does not come after, for a lead that is `excluded`
    /// or not.
    pub(crate) fn holds(&self, condition: &Condition, excluded: bool, now: Timestamp) -> bool {
        let mut view = self.view(now);
        if excluded {
            view.grade = None;
        }
        holds(condition, &view)
    }

    /// The answers at a moment which the newest activity does not come after.
    pub(crate) fn answers(&self, now: Timestamp) -> Answers {
        let mut view = self.view(now);
        let rules = &self.playbook.scoring;
        let excluded: Vec<RuleId> =
            rules.exclusions.iter().filter(|rule| holds(&rule.when, &view)).map(|rule| rule.id.clone()).collect();
        if !excluded.is_empty() {
            view.grade = None;
        }
        let segments = self.playbook.segments.iter().filter(|(_, when)| holds(when, &view)).map(|(id, _)| id.clone()).collect();
        let cell = view.grade.map(|grade| Cell { grade, level: view.level });
        Answers {
            excluded,
            grade: view.grade,
            level: view.level,
            cell,
            phase: view.phase,
            surging: view.surging,
            segments,
            proposal: self.proposal(cell),
        }
    }

    /// What the cell proposes from where the lead stands. Cells keep their margins, so a proposal does not flutter.
    fn proposal(&self, cell: Option<Cell>) -> Option<Proposal> {
        let proposed = cell.and_then(|cell| self.playbook.scoring.matrix.get(&cell).copied());
        match self.stage? {
            Stage::Lead => proposed.filter(|proposal| *proposal == Proposal::Mql),
            Stage::Mql => (proposed != Some(Proposal::Mql)).then_some(Proposal::Lead),
            Stage::Sal | Stage::Sql | Stage::Customer | Stage::Advocate | Stage::Recycled | Stage::Disqualified => None,
        }
    }

    fn phase(&self, now: Timestamp) -> Phase {
        let phases = &self.playbook.scoring.phases;
        if self.phase_until(&phases.deciding, now).is_some() {
            Phase::Deciding
        } else if self.phase_until(&phases.comparing, now).is_some() {
            Phase::Comparing
        } else {
            Phase::Gathering
        }
    }

    /// Until when a phase's rule holds, if it does.
    fn phase_until(&self, rule: &PhaseRule, now: Timestamp) -> Option<Timestamp> {
        let until = |step: &Step<'_>| {
            let kept = (step.activity.kind.retention() == Retention::Passing).then_some(self.footsteps.retention);
            let span = [rule.within.map(|within| within.duration()), kept].into_iter().flatten().min();
            span.map_or(Timestamp::MAX, |span| step.activity.at.checked_add(span).unwrap_or(Timestamp::MAX))
        };
        let fits = |step: &&Step<'_>| step.class.is_some_and(|class| rule.classes.contains(class));
        self.footsteps.steps.iter().filter(fits).map(until).max().filter(|until| *until > now)
    }

    /// The first moment after `now` at which an answer differs from `answers`, which are those of `now`.
    pub(crate) fn valid_until(&self, now: Timestamp, answers: &Answers) -> Option<Timestamp> {
        let mut moment = now;
        let mut tried = 0;
        let changed = loop {
            match self.next_turn(moment) {
                None => break None,
                Some(turn) if tried == MOMENTS || self.answers(turn) != *answers => break Some(turn),
                Some(turn) => moment = turn,
            }
            tried += 1;
        };
        [changed, self.footsteps.upcoming, self.footsteps.undecided, self.passing_out(now)].into_iter().flatten().min()
    }

    /// The next moment at which a part of the answers changes.
    fn next_turn(&self, now: Timestamp) -> Option<Timestamp> {
        let rules = &self.playbook.scoring;
        let view = self.view(now);
        let mut turns = Vec::new();
        rules.exclusions.iter().for_each(|rule| turning_points(&rule.when, &view, &mut turns));
        self.playbook.segments.values().for_each(|when| turning_points(when, &view, &mut turns));
        turns
            .extend([&rules.phases.deciding, &rules.phases.comparing].into_iter().filter_map(|rule| self.phase_until(rule, now)));
        turns.extend(self.tally.level_falls(&rules.interest, now));
        let momentum = rules.interest.momentum;
        turns.extend(self.tally.momentum.falls_below(momentum.surging, now, momentum.half_life.millis()));
        turns.into_iter().filter(|turn| *turn < Timestamp::MAX).min()
    }

    /// When the first footstep passes out of the log that is still worth a notice then.
    fn passing_out(&self, now: Timestamp) -> Option<Timestamp> {
        let half_life = self.playbook.scoring.interest.half_life.millis();
        let left = (-(self.footsteps.retention.as_millis() as f64) / half_life).exp2();
        let noticed = |grant: &&super::interest::Grant<'_>| {
            grant.step.activity.kind.retention() == Retention::Passing && grant.points.abs() * left >= NEVER_TO_BE_NOTICED
        };
        let first = self.tally.grants.iter().find(noticed)?;
        first.step.activity.at.checked_add(self.footsteps.retention).ok().filter(|moment| *moment > now)
    }
}
