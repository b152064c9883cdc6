//! How often mail to leads comes back or is called spam, and when marketing mail stops because of it.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::bounce::Fault;
use crate::playbook::mailing::Pause;

/// The days over which it is watched, the present one among them.
pub const DAYS: i64 = 7;
/// Among fewer mails than this a rate says nothing.
const MAILS: u32 = 50;
/// Nor do fewer bounces, or fewer complaints: one reader's mood is no rate.
const BOUNCES: u32 = 5;
const COMPLAINTS: u32 = 2;

/// What a mail to a lead came to, as far as it is counted. A mail that is complained about was delivered before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Outcome {
    Delivered,
    Bounced,
    Complained,
}

/// How many mails came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    /// Delivered.
    pub delivered: u32,
    /// Came back for good.
    pub bounced: u32,
    /// Called spam.
    pub complained: u32,
}

/// Why marketing mail stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Too much of it came back.
    Bounces,
    /// Too many readers called it spam.
    Complaints,
    /// Mail servers refuse the sender.
    Sender(Fault),
}

/// The watch over what mail comes to, and what it has led to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Counts the changes.
    pub revision: u64,
    /// Marketing mail has stopped; none: it goes out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// When a person last let it go on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifted: Option<Timestamp>,
    /// What was counted when a person let it go on, by day: it stops nothing any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forgiven: BTreeMap<Date, Tally>,
}

/// Since when marketing mail has stopped, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub why: Why,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            delivered: self.delivered.saturating_add(other.delivered),
            bounced: self.bounced.saturating_add(other.bounced),
            complained: self.complained.saturating_add(other.complained),
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            delivered: self.delivered.saturating_sub(other.delivered),
            bounced: self.bounced.saturating_sub(other.bounced),
            complained: self.complained.saturating_sub(other.complained),
        }
    }

    /// What it would have to be below for marketing mail to go out; none: it is.
    fn exceeds(self, rule: &Pause) -> Option<Why> {
        let mails = self.delivered.saturating_add(self.bounced);
        let over = |count: u32, least: u32, percent: f64| {
            mails >= MAILS && count >= least && f64::from(count) * 100.0 > percent * f64::from(mails)
        };
        if over(self.complained, COMPLAINTS, rule.complaints) {
            return Some(Why::Complaints);
        }
        over(self.bounced, BOUNCES, rule.bounces).then_some(Why::Bounces)
    }
}

/// The first of the days that are watched today.
#[must_use]
pub fn first_day(today: Date) -> Date {
    today.saturating_sub((DAYS - 1).days())
}

impl Watch {
    /// What was counted on the days that are watched today, but for what is forgiven.
    #[must_use]
    pub fn counted(&self, days: &BTreeMap<Date, Tally>, today: Date) -> Tally {
        let watched = days.range(first_day(today)..=today);
        let left = watched.map(|(day, tally)| tally.minus(self.forgiven.get(day).copied().unwrap_or_default()));
        left.fold(Tally::default(), Tally::plus)
    }

    /// The watch after this was counted, if it stops marketing mail that was going out.
    #[must_use]
    pub fn after_counting(&self, days: &BTreeMap<Date, Tally>, rule: &Pause, today: Date, now: Timestamp) -> Option<Self> {
        let why = self.counted(days, today).exceeds(rule)?;
        self.stopping(why, now)
    }

    /// The watch that stops marketing mail for this reason, unless it has stopped already.
    #[must_use]
    pub fn stopping(&self, why: Why, now: Timestamp) -> Option<Self> {
        let stopped = Some(Stopped { since: now, why });
        self.stopped.is_none().then(|| Self { revision: self.revision + 1, stopped, ..self.clone() })
    }

    /// The watch after a person let marketing mail go on, with what is counted so far forgiven.
    #[must_use]
    pub fn letting_go(&self, days: &BTreeMap<Date, Tally>, today: Date, now: Timestamp) -> Self {
        let forgiven = days.range(first_day(today)..=today).map(|(day, tally)| (*day, *tally)).collect();
        Self { revision: self.revision + 1, stopped: None, lifted: Some(now), forgiven }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::playbook::mailing::MailRules;

    fn tally(delivered: u32, bounced: u32, complained: u32) -> Tally {
        Tally { delivered, bounced, complained }
    }

    #[test]
    fn too_much_that_came_back_stops_marketing_mail() {
        let rule = MailRules::default().pause;
        let check = |tally: Tally, wanted: Option<Why>| assert_eq!(tally.exceeds(&rule), wanted, "{tally:?}");
        check(tally(0, 0, 0), None);
        check(tally(20, 20, 0), None);
        check(tally(96, 4, 0), None);
        check(tally(120, 5, 0), None);
        check(tally(119, 5, 0), Some(Why::Bounces));
        check(tally(100, 0, 1), None);
        check(tally(2500, 0, 2), None);
        check(tally(2499, 0, 2), Some(Why::Complaints));
        check(tally(0, 100, 100), Some(Why::Complaints));
    }

    #[test]
    fn a_week_is_watched_and_what_is_forgiven_counts_no_more() {
        let rule = MailRules::default().pause;
        let (now, today) = (Timestamp::UNIX_EPOCH, date(2026, 11, 22));
        let days = BTreeMap::from([(date(2026, 11, 15), tally(0, 90, 0)), (date(2026, 11, 16), tally(90, 10, 0))]);
        let fresh = Watch::default();
        assert_eq!(fresh.counted(&days, today), tally(90, 10, 0));
        let stopped = fresh.after_counting(&days, &rule, today, now).unwrap();
        assert_eq!(stopped.stopped, Some(Stopped { since: now, why: Why::Bounces }));
        assert_eq!(stopped.after_counting(&days, &rule, today, now), None, "it has stopped already");
        assert_eq!(fresh.after_counting(&days, &rule, date(2026, 11, 23), now), None, "a week is over");

        let lifted = stopped.letting_go(&days, today, now);
        assert_eq!((lifted.stopped, lifted.revision), (None, 2));
        assert_eq!(lifted.after_counting(&days, &rule, today, now), None);
        let more = BTreeMap::from([(date(2026, 11, 16), tally(90, 10, 0)), (today, tally(50, 5, 0))]);
        assert_eq!(lifted.counted(&more, today), tally(50, 5, 0));
        assert!(lifted.after_counting(&more, &rule, today, now).is_some());
    }

    #[test]
    fn a_sender_that_is_refused_stops_at_once() {
        let stopped = Watch::default().stopping(Why::Sender(Fault::Authentication), Timestamp::UNIX_EPOCH).unwrap();
        let json = serde_json::to_value(&stopped).unwrap();
        assert_eq!(json["stopped"]["why"]["sender"], "authentication");
        assert_eq!(serde_json::from_value::<Watch>(json).unwrap(), stopped);
    }
}
