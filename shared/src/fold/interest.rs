//! Interest: points for what was done, limited when granted, fading ever after.
//!
//! A grant of p points at time t is worth p·2^(−(now−t)/h) now. Since every grant fades alike, one sum at the time of
//! the newest grant stands for them all (Cormode, Shkapenyuk, Srivastava, Xu: "Forward Decay", ICDE 2009).

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::footsteps::Step;
use crate::condition::What;
use crate::id::RuleId;
use crate::lead::Level;
use crate::playbook::span::Span;
use crate::scoring::rank;
use crate::scoring::rules::{InterestRule, InterestRules};

/// A sum that fades: what it was at the time of its newest part.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fading {
    sum: f64,
    at: Timestamp,
}

/// Every grant, and what they amount to.
pub(crate) struct Tally<'a> {
    pub(crate) grants: Vec<Grant<'a>>,
    pub(crate) interest: Fading,
    pub(crate) momentum: Fading,
    /// The level right after the newest grant.
    level: Level,
}

/// Points given or taken for one activity.
pub(crate) struct Grant<'a> {
    pub(crate) rule: &'a RuleId,
    pub(crate) step: Step<'a>,
    /// Below zero if taken.
    pub(crate) points: f64,
    /// What a limit cut off, or what was not there to take.
    pub(crate) cut: f64,
}

/// What is left at `now` of points granted at `at`; all of them if that is not past.
pub(crate) fn decayed(points: f64, at: Timestamp, now: Timestamp, half_life: f64) -> f64 {
    let age = millis_between(at, now).max(0.0);
    points * (-age / half_life).exp2()
}

fn millis_between(from: Timestamp, to: Timestamp) -> f64 {
    (to.as_millisecond() - from.as_millisecond()) as f64
}

impl Fading {
    /// The sum at `now`.
    pub(crate) fn at(&self, now: Timestamp, half_life: f64) -> f64 {
        decayed(self.sum, self.at, now, half_life)
    }

    /// log₂ of the sum brought to the landmark.
    pub(crate) fn rank(&self, half_life: Span) -> Option<f64> {
        rank(self.sum, self.at, half_life)
    }

    /// The first millisecond after `now` at which the sum is below `mark`; none if it is already, or never will be.
    pub(crate) fn falls_below(&self, mark: f64, now: Timestamp, half_life: f64) -> Option<Timestamp> {
        if mark <= 0.0 || self.at(now, half_life) < mark {
            return None;
        }
        let guess = self.at.as_millisecond() as f64 + half_life * (self.sum / mark).log2();
        // The guess is right to a few milliseconds; the sum itself decides.
        let below = |millis: i64| Timestamp::from_millisecond(millis).is_ok_and(|t| self.at(t, half_life) < mark);
        let mut millis = guess as i64 - 2;
        while millis > now.as_millisecond() && below(millis) {
            millis -= 1;
        }
        while !below(millis) {
            millis += 1;
            if millis as f64 > guess + 1_000.0 {
                return None;
            }
        }
        Timestamp::from_millisecond(millis.max(now.as_millisecond() + 1)).ok()
    }

    fn add(&mut self, points: f64, at: Timestamp, half_life: f64) -> f64 {
        let before = self.at(at, half_life);
        let added = points.max(-before);
        *self = Self { sum: before + added, at };
        added
    }
}

impl Tally<'_> {
    /// The level at `now`, which the newest grant does not come after.
    pub(crate) fn level(&self, rules: &InterestRules, now: Timestamp) -> Level {
        fallen(rules, self.level, self.interest.at(now, rules.half_life.millis()))
    }

    /// When the level of `now` is lost.
    pub(crate) fn level_falls(&self, rules: &InterestRules, now: Timestamp) -> Option<Timestamp> {
        let level = self.level(rules, now);
        cut(rules, level).and_then(|cut| self.interest.falls_below(cut - rules.margin, now, rules.half_life.millis()))
    }
}

/// From how many points on a level is given.
fn cut(rules: &InterestRules, level: Level) -> Option<f64> {
    match level.number() {
        1 => Some(rules.levels.level_1),
        2 => Some(rules.levels.level_2),
        3 => Some(rules.levels.level_3),
        _ => None,
    }
}

/// The level that is left when the sum has come down to `sum`: each is lost only `margin` below its cut.
fn fallen(rules: &InterestRules, level: Level, sum: f64) -> Level {
    let kept = |candidate: &Level| *candidate >= level && cut(rules, *candidate).is_none_or(|cut| sum >= cut - rules.margin);
    Level::ALL.into_iter().find(kept).unwrap_or(Level::COLDEST)
}

/// The level that is reached when the sum has gone up to `sum`.
fn risen(rules: &InterestRules, level: Level, sum: f64) -> Level {
    let reached = |candidate: &Level| cut(rules, *candidate).is_none_or(|cut| sum >= cut);
    level.min(Level::ALL.into_iter().find(reached).unwrap_or(Level::COLDEST))
}

/// Grants points to each step in turn.
pub(crate) fn tally<'a>(rules: &'a InterestRules, zone: &TimeZone, steps: &[Step<'a>]) -> Tally<'a> {
    let (half_life, momentum_half_life) = (rules.half_life.millis(), rules.momentum.half_life.millis());
    let mut tally = Tally { grants: Vec::new(), interest: Fading::default(), momentum: Fading::default(), level: Level::COLDEST };
    let mut limits = Limits { rules, day: None, granted: HashMap::new() };
    for step in steps {
        let Some(rule) = rules.rules.iter().find(|rule| rule.on.is(step)) else { continue };
        if rule.points == 0.0 {
            continue;
        }
        let at = step.activity.at;
        let allowed = limits.allow(rule, step, zone.to_datetime(at).date());
        // Decay first: a level is lost, and points may be taken, only from what is left by then.
        tally.level = fallen(rules, tally.level, tally.interest.at(at, half_life));
        let points = tally.interest.add(allowed, at, half_life);
        tally.momentum.add(allowed, at, momentum_half_life);
        tally.level = risen(rules, fallen(rules, tally.level, tally.interest.sum), tally.interest.sum);
        tally.grants.push(Grant { rule: &rule.id, step: *step, points, cut: (rule.points - points).abs() });
    }
    tally
}

/// What was granted on one day of the playbook's time zone, by rule, by group, and to unconfirmed browsers.
struct Limits<'a> {
    rules: &'a InterestRules,
    day: Option<Date>,
    granted: HashMap<Limit<'a>, f64>,
}

#[derive(PartialEq, Eq, Hash, Clone, Copy)]
enum Limit<'a> {
    Rule(&'a RuleId),
    Group(&'a RuleId),
    Unconfirmed,
}

impl<'a> Limits<'a> {
    /// How many of the rule's points may still be granted on this day.
    fn allow(&mut self, rule: &'a InterestRule, step: &Step<'_>, day: Date) -> f64 {
        // Steps come in order of time, so a new day never returns to an old one.
        if self.day.replace(day) != Some(day) {
            self.granted.clear();
        }
        let group = rule.group.as_ref().and_then(|id| Some((Limit::Group(id), self.rules.groups.get(id)?.daily)));
        let unconfirmed = step.unconfirmed.then_some((Limit::Unconfirmed, self.rules.unconfirmed_daily));
        let limits = [rule.daily.map(|daily| (Limit::Rule(&rule.id), daily)), group, unconfirmed];
        let left = |(limit, daily): &(Limit<'a>, f64)| (daily - self.granted.get(limit).copied().unwrap_or(0.0)).max(0.0);
        let allowed = limits.iter().flatten().map(left).fold(rule.points.abs(), f64::min);
        for (limit, _) in limits.into_iter().flatten() {
            *self.granted.entry(limit).or_default() += allowed;
        }
        allowed.copysign(rule.points)
    }
}

impl What {
    /// Whether an activity is this.
    pub(crate) fn is(&self, step: &Step<'_>) -> bool {
        use crate::activity::Kind;
        match (self, &step.activity.kind) {
            (Self::Page(class), Kind::PageViewed(_)) | (Self::Form(class), Kind::FormSubmitted(_)) => step.class == Some(class),
            (Self::PlainPage, Kind::PageViewed(_)) => step.class.is_none(),
            (Self::FormNamed(form), Kind::FormSubmitted(sent)) => sent.form == *form,
            (Self::Track(name), Kind::Tracked { event, .. }) => event == name,
            (Self::AnyPage, Kind::PageViewed(_))
            | (Self::Download, Kind::Downloaded { .. })
            | (Self::Click, Kind::Clicked { .. })
            | (Self::MailOpened, Kind::MailOpened { .. })
            | (Self::MailClicked, Kind::MailClicked { .. })
            | (Self::EventAttended, Kind::EventAttended { .. })
            | (Self::CallMade, Kind::CallMade { .. })
            | (Self::CardExchanged, Kind::CardExchanged { .. })
            | (Self::Visited, Kind::Visited { .. }) => true,
            _ => false,
        }
    }
}
