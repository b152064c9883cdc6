//! By whose clock a scenario's days and hours count, and when they come.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::lead::Lead;
use crate::mail::letter::OwnHours;
use crate::playbook::hours::{Hours, moment};
use crate::playbook::scenario::{DateAttribute, Scenario, WhoseZone};
use crate::playbook::{Setup, Zone};

/// The attribute that says in which time zone a lead lives, by its IANA name.
const TIME_ZONE: &str = "time_zone";

impl Scenario {
    /// The zone by whose clock days and hours count for this lead.
    #[must_use]
    pub fn zone(&self, lead: &Lead, setup: &Setup) -> TimeZone {
        let by_lead = self.window.as_ref().is_some_and(|window| window.zone == WhoseZone::Lead);
        let named = lead.attribute(TIME_ZONE).filter(|_| by_lead).and_then(|name| TimeZone::get(name).ok());
        named.unwrap_or_else(|| setup.time_zone.get().clone())
    }

    /// When its mails and notices go out to this lead; none: at any time.
    #[must_use]
    pub fn hours<'a>(&'a self, lead: &Lead, setup: &'a Setup) -> Option<Hours<'a>> {
        let window = self.window.as_ref()?;
        Some(Hours { days: &window.days, from: window.from, to: window.to, zone: self.zone(lead, setup), setup })
    }

    /// The same as it is frozen in a letter; none: the playbook's hours for such mail.
    #[must_use]
    pub fn frozen_hours(&self, lead: &Lead, setup: &Setup) -> Option<OwnHours> {
        let Hours { days, from, to, zone, .. } = self.hours(lead, setup)?;
        let zone = Zone::try_from(zone.iana_name()?.to_owned()).ok()?;
        Some(OwnHours { days: days.to_vec(), from, to, zone })
    }

    /// The date that is known of the lead, and the moment counted from it; none: there is no such date.
    #[must_use]
    pub fn date(&self, date: &DateAttribute, lead: &Lead, setup: &Setup) -> Option<(Date, Timestamp)> {
        let day = lead.attribute(&date.attribute).and_then(written)?;
        let offset = date.offset.map_or(SignedDuration::ZERO, |offset| offset.duration());
        // Whole days are days of the calendar: the hour stays what it is when clocks change on the way.
        let days = offset.as_hours() / 24;
        let rest = offset.checked_sub(SignedDuration::from_hours(days * 24))?;
        let at = moment(day.checked_add(days.days()).ok()?, date.hour, &self.zone(lead, setup))?;
        Some((day, at.checked_add(rest).ok()?))
    }
}

/// A date as written: 2027-03-31, also as tables and people have it, 2027/3/31 and 2027年3月31日, with full-width digits, or with
/// a time behind it as programs write it, of which the day counts.
fn written(text: &str) -> Option<Date> {
    let narrow = |c: char| match c {
        // Full-width forms stand in the order of ASCII.
        '０'..='９' | '／' | '－' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '年' | '月' => '-',
        _ => c,
    };
    let text: String = text.trim().chars().map(narrow).collect();
    let day = text.split_once('T').filter(|(_, time)| time.contains(':')).map_or(text.as_str(), |(day, _)| day);
    let mut parts = day.strip_suffix('日').unwrap_or(day).split(['-', '/']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let date = Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    (parts.next().is_none() && year.len() == 4).then_some(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_year_month_and_day() {
        let good = ["2027-03-31", "2027/3/31", " 2027-3-31 ", "2027年3月31日", "２０２７／０３／３１", "2027-03-31T09:00:00Z"];
        for text in good {
            assert_eq!(written(text), Some(Date::constant(2027, 3, 31)), "{text}");
        }
        for bad in
            ["", "31.3.2027", "27-03-31", "2027-02-30", "2027-03", "2027-03-31-1", "2027-03-31T", "2027年3月", "soon", "2027--31"]
        {
            assert_eq!(written(bad), None, "{bad}");
        }
    }
}
