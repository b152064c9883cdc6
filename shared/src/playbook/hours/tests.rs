//! What holds by every zone's clock, whenever it is changed.

use jiff::tz::TimeZoneDatabase;

use super::*;

fn setup() -> Setup {
    crate::fold::tests::playbook().setup
}

const ALL: [Day; 7] = [Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri, Day::Sat, Day::Sun];

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn an_hour_that_does_not_exist_begins_with_the_jump_and_one_that_comes_twice_begins_once() {
    for (zone_name, day, hour, begins) in [
        ("Europe/Berlin", "2026-03-29", 1, "2026-03-29T00:00:00Z"),
        ("Europe/Berlin", "2026-03-29", 2, "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29", 3, "2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-10-25", 2, "2026-10-25T00:00:00Z"),
        ("Europe/Berlin", "2026-10-25", 3, "2026-10-25T02:00:00Z"),
        ("Europe/Berlin", "2026-10-25", 24, "2026-10-25T23:00:00Z"),
        // Half an hour is left out: at two it is half past two at once.
        ("Australia/Lord_Howe", "2026-10-04", 2, "2026-10-03T15:30:00Z"),
        // The day begins at one.
        ("Africa/Cairo", "2026-04-24", 0, "2026-04-23T22:00:00Z"),
        // Two hours are left out.
        ("Antarctica/Troll", "2026-03-29", 2, "2026-03-29T01:00:00Z"),
        ("Asia/Tokyo", "2026-03-29", 2, "2026-03-28T17:00:00Z"),
    ] {
        assert_eq!(moment(day.parse().unwrap(), hour, &zone(zone_name)), Some(time(begins)), "{zone_name} {day} {hour}");
    }
}

#[test]
fn hours_without_a_day_are_looked_at_again() {
    let setup = Setup { holidays: (0..500).map(|day| Date::constant(2026, 1, 1) + day.days()).collect(), ..setup() };
    let hours = Hours { days: &ALL, from: 9, to: 18, zone: zone("Asia/Tokyo"), setup: &setup };
    let now = time("2026-01-05T00:00:00Z");
    assert_eq!(hours.opening(now), time("2026-01-06T00:00:00Z"));
    assert_eq!(hours.next_opening(now), time("2026-01-06T00:00:00Z"));
}

#[test]
fn national_holidays_are_closed() {
    let setup = Setup { national_holidays: Some(crate::playbook::NationalHolidays::Japan), ..setup() };
    let hours = Hours { days: &ALL, from: 9, to: 18, zone: zone("Asia/Tokyo"), setup: &setup };
    // Saturday evening; Sunday to Wednesday are holidays, the Tuesday since it lies between two.
    assert_eq!(hours.opening(time("2026-09-19T10:00:00Z")), time("2026-09-20T00:00:00Z"));
    assert_eq!(hours.opening(time("2026-09-20T10:00:00Z")), time("2026-09-24T00:00:00Z"));
    assert_eq!(hours.next_opening(time("2026-09-24T03:00:00Z")), time("2026-09-25T00:00:00Z"));
}

/// Every moment from 2024 to 2035 at which a zone changes its clock, with the moments around it.
fn changes(zone: &TimeZone) -> Vec<Timestamp> {
    let end = time("2036-01-01T00:00:00Z");
    zone.following(time("2024-01-01T00:00:00Z")).map(|change| change.timestamp()).take_while(|at| *at < end).collect()
}

/// Zones of which each has its own clock: others are only other names of the same one.
fn zones() -> Vec<(String, TimeZone, Vec<Timestamp>)> {
    let mut met = std::collections::HashSet::new();
    let named = TimeZoneDatabase::bundled();
    let zones = named.available().filter_map(|name| {
        let zone = TimeZone::get(name.as_str()).unwrap();
        let changes = changes(&zone);
        let clock: Vec<_> = changes.iter().map(|at| (*at, zone.to_offset(*at))).collect();
        (!changes.is_empty() && met.insert(clock)).then(|| (name.to_string(), zone, changes))
    });
    zones.collect()
}

#[test]
fn every_change_of_every_clock_leaves_windows_whole() {
    let setup = setup();
    let zones = zones();
    assert!(zones.len() > 30, "{}", zones.len());
    for (name, zone, changes) in &zones {
        for (from, to) in [(0, 24), (8, 19), (1, 3), (2, 3), (0, 1), (23, 24)] {
            let hours = Hours { days: &ALL, from, to, zone: zone.clone(), setup: &setup };
            for change in changes {
                // From two days before to two days after, it opens once on each day on which it has an hour, in order.
                let day = |days: i64| zone.to_datetime(*change).date() + days.days();
                let mut at = moment(day(-2), 0, zone).unwrap() - SignedDuration::from_secs(1);
                for date in (-2..=2).map(day) {
                    let opens = moment(date, from, zone).unwrap();
                    let closes = hours.until_set_back(opens, moment(date, to, zone).unwrap());
                    if opens == closes {
                        // The clock leaves the hours out on that day.
                        assert_eq!(opens, *change, "{name} {from}-{to} {date}");
                        continue;
                    }
                    assert_eq!(hours.next_opening(at), opens, "{name} {from}-{to} {date}");
                    at = opens;
                    let last = closes - SignedDuration::from_nanos(1);
                    for inside in [opens, last, change.clamp(&opens, &last).to_owned()] {
                        assert_eq!(hours.opening(inside), inside, "{name} {from}-{to}");
                        let shown = zone.to_datetime(inside);
                        let hour = u32::try_from(shown.hour()).unwrap();
                        assert!(shown.date() == date && (from..to).contains(&hour), "{name} {from}-{to} {shown}");
                    }
                    if to != 24 || from != 0 {
                        assert!(hours.opening(closes) > closes, "{name} {from}-{to} {date}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_change_of_every_clock_leaves_each_day_its_hour_once() {
    for (name, zone, changes) in &zones() {
        for change in changes {
            let day = |days: i64| zone.to_datetime(*change).date() + days.days();
            for hour in [0, 1, 2, 3, 9, 23] {
                let mut at = moment(day(-3), hour, zone).unwrap();
                for date in (-2..=2).map(day) {
                    let met = next(&ALL, hour, zone, at + SignedDuration::from_secs(1));
                    assert_eq!(Some(met), moment(date, hour, zone), "{name} {hour} {date}");
                    assert_eq!(next(&ALL, hour, zone, met), met, "{name} {hour} {date}");
                    let shown = zone.to_datetime(met);
                    let shows = shown == date.at(i8::try_from(hour).unwrap(), 0, 0, 0);
                    assert!(met > at && (shows || met == *change), "{name} {hour} {date}: {shown}");
                    at = met;
                }
            }
        }
    }
}
