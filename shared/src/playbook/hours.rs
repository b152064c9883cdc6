//! Days and hours: when a clock shows them, and when they are open.
//!
//! Clocks are changed, and every rule about hours says here what happens then: an hour that does not exist begins at the
//! next moment there is, and one that comes twice begins once, the first time.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::Setup;
use super::mailing::Day;

/// Days looked through for one that is open: a year of holidays would be a mistake.
const MOST_DAYS: i64 = 400;

/// Hours of some days of the week, by one zone's clock, without the playbook's holidays.
#[derive(Debug, Clone)]
pub struct Hours<'a> {
    /// Days of the week.
    pub days: &'a [Day],
    /// From this hour on, from 0 to 23.
    pub from: u32,
    /// Until this hour, from 1 to 24.
    pub to: u32,
    /// By this zone's clock.
    pub zone: TimeZone,
    /// Whose holidays.
    pub setup: &'a Setup,
}

impl Hours<'_> {
    /// The first moment from `now` on at which they are open: `now`, or when they open next.
    #[must_use]
    pub fn opening(&self, now: Timestamp) -> Timestamp {
        let open = self.openings(now).find(|(_, closes)| now < *closes);
        open.map_or_else(|| a_day_after(now), |(opens, _)| opens.max(now))
    }

    /// When they open for the first time after `now`, whether they are open now or not.
    #[must_use]
    pub fn next_opening(&self, now: Timestamp) -> Timestamp {
        let open = self.openings(now).find(|(opens, _)| *opens > now);
        open.map_or_else(|| a_day_after(now), |(opens, _)| opens)
    }

    /// From when to when they are open, from the day of `now` on. Where the clock leaves the hours out, they are not.
    fn openings(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let today = self.zone.to_datetime(now).date();
        let dates = (0..MOST_DAYS).filter_map(move |day| today.checked_add(day.days()).ok());
        let dates = dates.filter(|date| is_one_of(self.days, *date) && !self.setup.is_holiday(*date));
        let open = dates.filter_map(|date| Some((moment(date, self.from, &self.zone)?, moment(date, self.to, &self.zone)?)));
        open.map(|(opens, closes)| (opens, self.until_set_back(opens, closes))).filter(|(opens, closes)| opens < closes)
    }

    /// When they close that open then: also where the clock is set back to before the hour at which they opened.
    fn until_set_back(&self, opens: Timestamp, closes: Timestamp) -> Timestamp {
        let change = self.zone.following(opens).next().map(|change| change.timestamp()).filter(|change| *change < closes);
        let is_before = |at: &Timestamp| u32::try_from(self.zone.to_datetime(*at).hour()).is_ok_and(|hour| hour < self.from);
        change.filter(is_before).unwrap_or(closes)
    }
}

/// Where no day is open for a year, one looks again: somebody has to mend the playbook.
fn a_day_after(now: Timestamp) -> Timestamp {
    now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now)
}

/// The first moment from `start` on at which it is this hour, from 0 to 23, on one of these days.
#[must_use]
pub fn next(days: &[Day], hour: u32, zone: &TimeZone, start: Timestamp) -> Timestamp {
    let today = zone.to_datetime(start).date();
    // An hour of yesterday that does not exist may begin with today; and today's may be past, a week before the next.
    let dates = (-1..=7).filter_map(|day: i64| today.checked_add(day.days()).ok()).filter(|date| is_one_of(days, *date));
    dates.filter_map(|date| moment(date, hour, zone)).find(|at| *at >= start).unwrap_or(start)
}

/// When it is this hour on this day, from 0 to 24.
#[must_use]
pub fn moment(date: Date, hour: u32, zone: &TimeZone) -> Option<Timestamp> {
    let shown: DateTime = date.at(0, 0, 0, 0).checked_add(i64::from(hour).hours()).ok()?;
    let ambiguous = zone.to_ambiguous_timestamp(shown);
    match ambiguous.offset() {
        // The clock jumps over it: what comes next is the jump itself, the newest one before just after it.
        AmbiguousOffset::Gap { .. } => {
            let after = ambiguous.later().ok()?.checked_add(SignedDuration::from_secs(1)).ok()?;
            zone.preceding(after).next().map(|jump| jump.timestamp())
        }
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
    }
}

fn is_one_of(days: &[Day], date: Date) -> bool {
    days.iter().any(|day| day.weekday() == date.weekday())
}

#[cfg(test)]
mod tests;
