//! What sales is told of a lead: the values of an alert, frozen when it is owed, so that it says what was so when it was
//! decided. What a visitor wrote is cleaned here, once.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::text::Plain;
use crate::address::Address;
use crate::id::RuleId;
use crate::lead::{Attribute, Cell, Lead, PageSeen, Phase, Stage};
use crate::playbook::pattern::path_of;
use crate::playbook::{Playbook, Text};
use crate::scoring::InterestReason;

/// How many pages an alert lists.
const PAGES: usize = 5;
/// How many things done an alert names.
const DEEDS: usize = 2;
/// What lies longer back is no answer to "why now".
const LATELY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Reading shorter than this is not worth a sentence.
const READING: u64 = 5_000;

/// What sales is told of a lead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The moment it speaks of.
    pub at: Timestamp,
    /// The person's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Known>,
    /// The company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Known>,
    /// The person's role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Known>,
    /// The telephone number, as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Known>,
    /// The mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Address>,
    /// Where the lead stands now.
    pub stage: Stage,
    /// Grade and level, if it has a grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
    /// How far it is on its way to a decision.
    pub phase: Phase,
    /// Fit, in points.
    pub fit: f64,
    /// Interest, in points.
    pub interest: f64,
    /// What fit and cell were before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// How interest has risen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rise: Option<Rise>,
    /// What it did lately that counts most, newest first.
    pub deeds: Vec<Deed>,
    /// What it read longest on the day it was last seen reading.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<PageLine>,
    /// The last pages it saw, newest first.
    pub pages: Vec<PageLine>,
}

/// One thing known of the lead, as given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What it is.
    pub text: Plain,
    /// Only a browser says so that anybody could sit at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
}

/// What fit and cell were before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Before {
    /// Fit, in points.
    pub fit: f64,
    /// Grade and level, if it had a grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cell: Option<Cell>,
}

/// How interest has risen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rise {
    /// From how many points.
    pub from: f64,
    /// Within which time.
    pub within: Within,
}

/// The time within which something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Within {
    Hour,
    Day,
    ThreeDays,
    Week,
    Month,
}

/// Something done that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// What, in the rule's words.
    pub what: Text,
    /// How often lately.
    pub times: u32,
    /// When last.
    pub last: Timestamp,
    /// Done in a browser that only claims to be the lead's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
}

/// A page, and how long it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLine {
    /// Its title, or its path if it has none.
    pub title: Plain,
    /// When it was shown last.
    pub at: Timestamp,
    /// Milliseconds in sight and in focus.
    pub engaged: u64,
    /// Seen in a browser that only claims to be the lead's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
}

impl Alert {
    /// What there is to say of the lead at `now`; `before` is the same lead when sales last knew of it, or before what has
    /// just happened.
    #[must_use]
    pub fn of(playbook: &Playbook, lead: &Lead, before: Option<&Lead>, now: Timestamp) -> Self {
        Self {
            at: now,
            name: known(lead, "name"),
            company: known(lead, "company"),
            role: known(lead, "role"),
            phone: known(lead, "phone"),
            address: lead.address(),
            stage: lead.stage.unwrap_or(Stage::Lead),
            cell: lead.cell,
            phase: lead.phase,
            fit: lead.fit.points,
            interest: lead.interest.points,
            before: before.map(|before| Before { fit: before.fit.points, cell: before.cell }),
            rise: rise(&lead.interest.reasons, lead.interest.points, playbook.scoring.interest.half_life.millis(), now),
            deeds: deeds(playbook, &lead.interest.reasons, now),
            reading: reading(&lead.pages, playbook.setup.time_zone.get(), now),
            pages: lead.pages.iter().take(PAGES).filter_map(|page| line(page, page.engaged)).collect(),
        }
    }
}

impl Alert {
    /// Whether anything in it comes from a browser that only claims to be the lead's.
    #[must_use]
    pub fn is_unconfirmed(&self) -> bool {
        [&self.name, &self.company, &self.role, &self.phone].into_iter().flatten().any(|known| known.unconfirmed)
            || self.deeds.iter().any(|deed| deed.unconfirmed)
            || self.reading.iter().chain(&self.pages).any(|page| page.unconfirmed)
    }
}

/// An attribute as given.
pub(super) fn known(lead: &Lead, name: &str) -> Option<Known> {
    let Attribute { value, unconfirmed, .. } = lead.attributes.get(name)?;
    Some(Known { text: Plain::of(value)?, unconfirmed: *unconfirmed })
}

fn line(page: &PageSeen, engaged: u64) -> Option<PageLine> {
    let title = page.title.as_deref().and_then(Plain::of).or_else(|| Plain::of(path_of(&page.url)))?;
    Some(PageLine { title, at: page.at, engaged, unconfirmed: page.unconfirmed })
}

/// How interest has risen: within the shortest time that saw most of it.
fn rise(reasons: &[InterestReason], points: f64, half_life: f64, now: Timestamp) -> Option<Rise> {
    // Every point decays alike, so what a reason amounts to now says what it amounted to then.
    let windows = Within::ALL.map(|within| {
        let then = now.checked_sub(within.duration()).unwrap_or(Timestamp::MIN);
        let grown = (within.duration().as_secs_f64() * 1000.0 / half_life).exp2();
        let from: f64 = reasons.iter().filter(|reason| reason.at <= then).map(|reason| reason.now * grown).sum();
        Rise { from: from.max(0.0), within }
    });
    let most = windows.iter().map(|rise| points - rise.from).fold(0.0, f64::max);
    windows.into_iter().find(|rise| points - rise.from >= 0.8 * most && points.round() > rise.from.round())
}

/// What counts most of what was done lately, a line for each rule, newest first.
fn deeds(playbook: &Playbook, reasons: &[InterestReason], now: Timestamp) -> Vec<Deed> {
    let mut found: Vec<(&RuleId, f64, Deed)> = vec![];
    for reason in reasons.iter().filter(|reason| reason.points >= 0.0 && now.duration_since(reason.at) <= LATELY) {
        let Some(rule) = playbook.scoring.interest.rules.iter().find(|rule| rule.id == reason.rule && rule.points > 0.0) else {
            continue;
        };
        if let Some((_, sum, deed)) = found.iter_mut().find(|(id, ..)| *id == &reason.rule) {
            *sum += reason.now;
            deed.times += 1;
            deed.last = deed.last.max(reason.at);
            deed.unconfirmed &= reason.unconfirmed;
        } else {
            let deed = Deed { what: rule.why.clone(), times: 1, last: reason.at, unconfirmed: reason.unconfirmed };
            found.push((&reason.rule, reason.now, deed));
        }
    }
    found.sort_by(|(_, a, _), (_, b, _)| b.total_cmp(a));
    found.truncate(DEEDS);
    let mut deeds: Vec<Deed> = found.into_iter().map(|(_, _, deed)| deed).collect();
    deeds.sort_by_key(|deed| std::cmp::Reverse(deed.last));
    deeds
}

/// The page read longest on the last day of reading: pages that have a class before those that have none, since a
/// marketer has named them.
fn reading(pages: &[PageSeen], zone: &TimeZone, now: Timestamp) -> Option<PageLine> {
    let newest = pages.iter().map(|page| page.at).max().filter(|at| now.duration_since(*at) <= LATELY)?;
    let day = newest.to_zoned(zone.clone()).date();
    let mut read: Vec<(&PageSeen, u64)> = vec![];
    for page in pages.iter().filter(|page| page.at.to_zoned(zone.clone()).date() == day) {
        match read.iter_mut().find(|(other, _)| path_of(&other.url) == path_of(&page.url)) {
            Some((_, engaged)) => *engaged += page.engaged,
            None => read.push((page, page.engaged)),
        }
    }
    let (page, engaged) = read
        .into_iter()
        // Of two read as long the newer, which stands first: the last of equals is taken.
        .rev()
        .filter(|(_, engaged)| *engaged >= READING)
        .max_by_key(|(page, engaged)| (page.class.is_some(), *engaged))?;
    line(page, engaged)
}

impl Within {
    /// Every one, shortest first.
    const ALL: [Self; 5] = [Self::Hour, Self::Day, Self::ThreeDays, Self::Week, Self::Month];

    fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(match self {
            Self::Hour => 1,
            Self::Day => 24,
            Self::ThreeDays => 3 * 24,
            Self::Week => 7 * 24,
            Self::Month => 30 * 24,
        })
    }
}

#[cfg(test)]
mod tests;
