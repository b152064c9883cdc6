//! The lead that a log amounts to: a pure function of (playbook, log, now).
//!
//! Nothing is counted up anywhere: the whole retained log is read in (time, id) order each time. So order of arrival
//! and duplicates change nothing, and a changed playbook changes everything it should.
//!
//! - `footsteps`: which activities count, in order
//! - `profile`: attributes, and fit along the way
//! - `interest`: points, limits, decay, levels
//! - `answers`: what follows at one moment, and when it changes

mod answers;
mod footsteps;
mod interest;
mod profile;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use crate::activity::{Kind, Log, LogOwner};
use crate::condition::Condition;
use crate::consent::{Permissions, Voice};
use crate::id::{ActivityId, MessageId, PageViewId};
use crate::lead::{Lead, LinkedVisitor, PageSeen, Stage, StageMove};
use crate::playbook::Playbook;
use crate::scoring::{Fit, Interest, InterestReason};

use answers::Digest;
pub use answers::NEVER_TO_BE_NOTICED;
pub use footsteps::Step;
use footsteps::{Belief, Footsteps};

/// The moment that ranks refer to. Any would do, as long as it never changes.
pub const LANDMARK: Timestamp = Timestamp::constant(1_577_836_800, 0);

/// What the log amounts to at `now`. Activities after `now` have not happened yet; footsteps past their retention are
/// ignored, whether they were deleted or not.
#[must_use]
pub fn fold(playbook: &Playbook, log: &Log, now: Timestamp) -> Lead {
    Folded::of(playbook, log, now).lead
}

/// The same, had each click in mail been what its request alone says: what the lead seemed to be before it was known which
/// clicks were machines'.
#[must_use]
pub fn fold_at_face_value(playbook: &Playbook, log: &Log, now: Timestamp) -> Lead {
    Folded::believing(playbook, log, Belief::FaceValue, now).lead
}

/// A lead, and what else can be asked of its log at that moment.
pub struct Folded<'a> {
    /// What the log amounts to.
    pub lead: Lead,
    digest: Digest<'a>,
    now: Timestamp,
}

impl<'a> Folded<'a> {
    /// As [`fold`].
    #[must_use]
    pub fn of(playbook: &'a Playbook, log: &'a Log, now: Timestamp) -> Self {
        Self::believing(playbook, log, Belief::Judged, now)
    }

    /// Whether a condition holds.
    #[must_use]
    pub fn holds(&self, condition: &Condition) -> bool {
        self.digest.holds(condition, !self.lead.excluded.is_empty(), self.now)
    }

    /// What happened, as [`history`] says it.
    #[must_use]
    pub fn history(&self) -> &[Step<'a>] {
        &self.digest.footsteps.all
    }

    fn believing(playbook: &'a Playbook, log: &'a Log, belief: Belief, now: Timestamp) -> Self {
        let footsteps = Footsteps::of(playbook, log, belief, now);
        let profile = profile::profile(playbook, &footsteps);
        let tally = interest::tally(&playbook.scoring.interest, playbook.setup.time_zone.get(), &footsteps.steps);
        let moves = moves(&footsteps);
        let stage = match log.owner {
            LogOwner::Lead(_) => Some(moves.last().map_or(Stage::Lead, |last| last.to)),
            LogOwner::Visitor(_) => None,
        };
        let digest = Digest { playbook, footsteps, profile, tally, stage };
        Self { lead: lead(&digest, moves, now), digest, now }
    }
}

fn lead(digest: &Digest<'_>, moves: Vec<StageMove>, now: Timestamp) -> Lead {
    let Digest { playbook, footsteps, profile, tally, stage } = digest;
    let answers = digest.answers(now);
    let valid_until = digest.valid_until(now, &answers);

    let half_life = playbook.scoring.interest.half_life;
    let reasons: Vec<InterestReason> = tally
        .grants
        .iter()
        .map(|grant| InterestReason {
            rule: grant.rule.clone(),
            activity: grant.step.activity.id.clone(),
            at: grant.step.activity.at,
            points: grant.points,
            cut: grant.cut,
            now: interest::decayed(grant.points, grant.step.activity.at, now, half_life.millis()),
            unconfirmed: grant.step.unconfirmed,
        })
        .collect();
    Lead {
        stage: *stage,
        fit: Fit {
            points: profile.fit.iter().map(|reason| reason.points).sum(),
            grade: answers.grade,
            reasons: profile.fit.clone(),
        },
        interest: Interest {
            // The sum of nothing is a negative zero, which would be shown as such.
            points: reasons.iter().map(|reason| reason.now).sum::<f64>().max(0.0) + 0.0,
            rank: tally.interest.rank(half_life),
            level: answers.level,
            momentum: tally.momentum.at(now, playbook.scoring.interest.momentum.half_life.millis()),
            surging: answers.surging,
            reasons,
        },
        attributes: profile.attributes.clone(),
        excluded: answers.excluded,
        cell: answers.cell,
        phase: answers.phase,
        segments: answers.segments,
        proposal: answers.proposal,
        visitors: visitors(footsteps),
        pages: pages(footsteps),
        permissions: permissions(playbook, footsteps),
        moves,
        seen: seen(footsteps),
        valid_until,
    }
}

/// What happened to a lead by `now`, as [`fold`] sees it: in (time, id) order, each activity once, without what belongs to
/// others or is past its retention; with what machines did, which [`Step::counts`] tells apart.
#[must_use]
pub fn history<'a>(playbook: &'a Playbook, log: &'a Log, now: Timestamp) -> Vec<Step<'a>> {
    Footsteps::of(playbook, log, Belief::Judged, now).all
}

/// When the person was first and last seen.
fn seen(footsteps: &Footsteps<'_>) -> Option<(Timestamp, Timestamp)> {
    let mut seen = footsteps.all.iter().filter(|step| step.seen()).map(|step| step.activity.at);
    let first = seen.next()?;
    Some((first, seen.next_back().unwrap_or(first)))
}

fn moves(footsteps: &Footsteps<'_>) -> Vec<StageMove> {
    let moved = |step: &Step<'_>| match &step.activity.kind {
        Kind::StageMoved { from, to, cell, alert, corrects, by_rules: _ } => Some(StageMove {
            id: step.activity.id.clone(),
            at: step.activity.at,
            from: *from,
            to: *to,
            cell: *cell,
            alert: alert.clone(),
            corrects: corrects.clone(),
        }),
        _ => None,
    };
    footsteps.all.iter().filter_map(moved).collect()
}

/// What mail may be sent: machines have no say in it. A consent given in a form is worth what the form is. Letters to the
/// address of a lead that was merged into this one say nothing of where mail goes now; what their reader said of mail holds.
fn permissions(playbook: &Playbook, footsteps: &Footsteps<'_>) -> Permissions {
    let forms = footsteps.steps.iter().filter(|step| matches!(step.activity.kind, Kind::FormSubmitted(_)));
    let forms: HashMap<&ActivityId, bool> = forms.map(|step| (&step.activity.id, step.unconfirmed)).collect();
    let elsewhere: HashSet<&MessageId> = footsteps.steps.iter().flat_map(letters_elsewhere).collect();
    let mut permissions = Permissions::default();
    for step in &footsteps.steps {
        if told_of_mailbox(&step.activity.kind).is_some_and(|letter| elsewhere.contains(letter)) {
            continue;
        }
        let unconfirmed = match &step.activity.kind {
            Kind::Consented { form: Some(form), .. } => match forms.get(form) {
                Some(unconfirmed) => *unconfirmed,
                None => continue,
            },
            _ => step.unconfirmed,
        };
        let voice = if unconfirmed { Voice::Claimed } else { Voice::Known };
        permissions.learn(step.activity, voice, &playbook.setup.mail.bounces);
    }
    permissions
}

/// The letters that went to the address of a lead that was merged into this one.
fn letters_elsewhere<'a>(step: &Step<'a>) -> &'a [MessageId] {
    match &step.activity.kind {
        Kind::Merged { letters, .. } => letters,
        _ => &[],
    }
}

/// The letter of whose mailbox this tells something.
fn told_of_mailbox(kind: &Kind) -> Option<&MessageId> {
    match kind {
        Kind::MailDelivered { message } | Kind::MailBounced { message, .. } => Some(message),
        _ => None,
    }
}

/// The browsers still linked, each once, with its best proof.
fn visitors(footsteps: &Footsteps<'_>) -> Vec<LinkedVisitor> {
    let mut linked: Vec<LinkedVisitor> = Vec::new();
    for link in footsteps.links.iter().filter(|link| link.until.is_none()) {
        match linked.iter_mut().find(|known| known.visitor == *link.visitor) {
            Some(known) => known.proof = known.proof.max(link.proof),
            None => linked.push(LinkedVisitor { visitor: link.visitor.clone(), proof: link.proof, at: link.at }),
        }
    }
    linked
}

/// Pages that people saw, newest first, each with the time it was in sight.
fn pages(footsteps: &Footsteps<'_>) -> Vec<PageSeen> {
    let mut engaged: HashMap<&PageViewId, u64> = HashMap::new();
    for step in &footsteps.steps {
        if let Kind::Engaged { page_view, millis, .. } = &step.activity.kind {
            *engaged.entry(page_view).or_default() += u64::from(*millis);
        }
    }
    let seen = |step: &Step<'_>| match &step.activity.kind {
        // A showing that is told twice under different ids has its time in sight told once.
        Kind::PageViewed(page) => Some(PageSeen {
            page_view: page.page_view.clone(),
            at: step.activity.at,
            url: page.url.clone(),
            title: page.title.clone(),
            class: step.class.cloned(),
            engaged: engaged.remove(&page.page_view).unwrap_or(0),
            unconfirmed: step.unconfirmed,
        }),
        _ => None,
    };
    footsteps.steps.iter().rev().filter_map(seen).collect()
}
