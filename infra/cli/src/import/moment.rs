//! When something happened, as lists write it.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time, time};
use jiff::tz::TimeZone;

/// A day without a time is told as its noon, so that it stays that day a few zones away.
const NOON: Time = time(12, 0, 0, 0);

/// The moment of a text like `2026-11-20`, `2026/11/20 14:30`, `2026年11月20日` or `2026-11-20T14:30:00+09:00`; without an
/// offset it is told by the clocks of `zone`. None: the text says no moment, or one in a form that is read differently in
/// different countries.
#[must_use]
pub fn moment(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(exact) = text.parse::<Timestamp>() {
        return Some(exact);
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '/' | '.' | '年' | '月' => plain.push('-'),
            '日' | 'T' => plain.push(' '),
            '時' => plain.push(':'),
            '分' => {}
            other => plain.push(other),
        }
    }
    let mut words = plain.split_whitespace();
    let date = day(words.next()?)?;
    let time = words.next().map_or(Some(NOON), hour)?;
    if words.next().is_some() {
        return None;
    }
    DateTime::from_parts(date, time).to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

fn day(text: &str) -> Option<Date> {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else { return None };
    if year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn hour(text: &str) -> Option<Time> {
    let mut parts = text.trim_end_matches(':').split(':').map(str::parse::<i8>);
    let hour = parts.next()?.ok()?;
    let mut next = || parts.next().map_or(Some(0), Result::ok);
    let (minute, second) = (next()?, next()?);
    Time::new(hour, minute, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_the_forms_that_cannot_be_mistaken() {
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        let read = |text: &str| moment(text, &tokyo).map(|at| at.to_string());
        for text in ["2026-11-20", "2026/11/20", "2026年11月20日", "2026.11.20", "2026/11/20 12:00", "2026-11-20T12:00:00+09:00"]
        {
            assert_eq!(read(text).as_deref(), Some("2026-11-20T03:00:00Z"), "{text}");
        }
        assert_eq!(read("2026/1/5 9:05").as_deref(), Some("2026-01-05T00:05:00Z"));
        assert_eq!(read("2026年1月5日 9時5分").as_deref(), Some("2026-01-05T00:05:00Z"));
        assert_eq!(read("2026-01-05T09:05:30").as_deref(), Some("2026-01-05T00:05:30Z"));
        for bad in ["", "11/20/2026", "20.11.2026", "45981", "2026-02-30", "2026-11-20 25:00", "yesterday", "26-11-20"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
