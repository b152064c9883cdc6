//! Lateness, windows, weekdays and dates.

use super::*;

fn late(policy: &str) -> Value {
    steps(json!([wait("w", "1d"), {"mail": {"id": "m", "send": "a", "late": policy}}, wait("x", "1d"), mail("n", "b")]))
}

/// A scenario with these steps, from nine to six on working days.
fn in_hours(steps: Value) -> Value {
    json!({"window": {"days": ["mon", "tue", "wed", "thu", "fri"], "from": 9, "to": 18}, "steps": steps})
}

#[test]
fn a_late_step_is_done_put_off_or_left_out_as_it_says() {
    let run = |policy: &str, outage: SignedDuration| {
        let mut trip = Trip::of(late(policy));
        trip.playbook.setup.mail = Default::default();
        trip.go(hours(23)).outage(outage).go(hours(24 * 4));
        (trip.told(), trip.owed_after())
    };
    let (within, beyond) = (hours(2), hours(2) + SignedDuration::from_secs(1));
    let all = "w done, m sends a, x done, n sends b, left end";
    for policy in ["do", "next_window", "skip"] {
        assert_eq!(run(policy, within), (all.to_owned(), vec![25, 48]), "{policy}");
    }
    // What follows a late step is planned from the moment it came.
    assert_eq!(run("do", beyond), (all.to_owned(), vec![25, 49]));
    // The playbook's own window opens at eight in the morning, an hour before the time of day at which it began.
    assert_eq!(run("next_window", beyond), (all.to_owned(), vec![47, 71]));
    assert_eq!(run("skip", beyond), ("w done, m skipped:late, x done, n sends b, left end".to_owned(), vec![49]));
}

#[test]
fn lateness_reaches_the_step_that_has_a_rule_for_it() {
    let set = json!({"set": {"id": "s", "attribute": "x", "to": "1"}});
    let branch = json!({"branch": {"id": "b", "ways": [{"id": "y", "when": {"attribute": {"name": "x"}}}]}});
    let mut trip = Trip::of(steps(
        json!([wait("w", "1d"), set, branch, {"mail": {"id": "m", "send": "a", "late": "skip"}}, mail("n", "b")]),
    ));
    trip.outage(hours(30));
    assert_eq!(trip.told(), "w done, s done, b y, m skipped:late, n sends b, left end");
}

#[test]
fn the_window_holds_back_what_goes_out_and_nothing_else() {
    let notice = json!({"notify": {"id": "n", "say": "Call"}});
    let set = json!({"set": {"id": "s", "attribute": "x", "to": "1"}});
    // Monday, nine, and ten hours more: it is seven in the evening.
    let mut trip = Trip::of(in_hours(json!([wait("w", "10h"), set, {"mail": {"id": "m", "send": "a", "late": "skip"}}, notice])));
    trip.go(hours(48));
    assert_eq!(trip.told(), "w done, s done, m sends a, n done, left end");
    assert_eq!(trip.owed_after(), [10, 24, 24]);
}

#[test]
fn a_wait_for_the_window_is_not_lateness_but_missing_it_is() {
    let scenario = || in_hours(json!([wait("w", "10h"), {"mail": {"id": "m", "send": "a", "late": "next_window"}}]));
    let mut missed = Trip::of(scenario());
    // Nothing runs from noon on Monday to noon on Tuesday: the window had opened at nine.
    missed.go(hours(3)).outage(hours(24)).go(hours(48));
    assert_eq!(missed.owed_after(), [48]);
    // A look in between, by whatever happens, changes nothing.
    let mut looked = Trip::of(scenario());
    looked.go(hours(3)).outage(hours(24)).happens(track("x"));
    assert_eq!(looked.go(hours(48)).owed_after(), [48]);
}

#[test]
fn a_weekday_and_an_hour_are_waited_for_by_the_clock_that_counts() {
    let wait_until = |days: Value, hour: u32| json!({"wait_until": {"id": "w", "days": days, "hour": hour}});
    for (days, hour, after) in
        [(json!(["mon"]), 9, 0), (json!(["mon"]), 8, 24 * 7 - 1), (json!(["mon"]), 10, 1), (json!(["tue", "thu"]), 9, 24)]
    {
        let mut trip = Trip::of(steps(json!([wait_until(days.clone(), hour), mail("m", "a")])));
        assert_eq!(trip.go(hours(24 * 9)).owed_after(), [after], "{days} {hour}");
    }
    // By the lead's clock, if that is known: nine in Berlin is five in the afternoon in Tokyo.
    let window = json!({"days": ["mon"], "from": 0, "to": 24, "zone": "lead"});
    for (zone, after) in [("Europe/Berlin", 8), ("Nowhere/Land", 0)] {
        let scenario = json!({"window": window, "steps": [wait_until(json!(["mon"]), 9), mail("m", "a")]});
        let mut trip = Trip::with(scenario, vec![set("time_zone", zone)]);
        assert_eq!(trip.go(hours(24)).owed_after(), [after], "{zone}");
    }
}

#[test]
fn a_date_is_waited_for_followed_and_passed_over_where_there_is_none() {
    let date = json!({"wait_date": {"id": "w", "date": {"attribute": "renewal", "offset": "-30d"}}});
    let scenario = || steps(json!([date, mail("m", "a")]));
    let run = |renewal: &str| {
        let mut trip = Trip::with(scenario(), vec![set("renewal", renewal)]);
        trip.go(hours(24 * 40));
        (trip.told(), trip.owed_after())
    };
    assert_eq!(run("2026-04-03"), ("w done, m sends a, left end".to_owned(), vec![48]));
    assert_eq!(run("2026/4/3"), run("2026-04-03"));
    // It is nine o'clock on that very day.
    assert_eq!(run("2026-04-01"), ("w done, m sends a, left end".to_owned(), vec![0]));
    assert_eq!(run("2026-03-15"), ("w past_date, m sends a, left end".to_owned(), vec![0]));
    assert_eq!(run("next spring"), ("w no_date, m sends a, left end".to_owned(), vec![0]));
    // It is put off, brought forward, and taken away meanwhile.
    let change = |value: &str| {
        let mut trip = Trip::with(scenario(), vec![set("renewal", "2026-04-05")]);
        let kind = Kind::AttributeSet { name: "renewal".to_owned(), value: value.to_owned() };
        trip.go(hours(24)).happens(kind).go(hours(24 * 40));
        (trip.told.first().cloned().unwrap_or_default(), trip.owed_after())
    };
    assert_eq!(change("2026-04-10"), ("w done".to_owned(), vec![9 * 24]));
    assert_eq!(change("2026-04-03"), ("w done".to_owned(), vec![48]));
    assert_eq!(change("2026-03-01"), ("w past_date".to_owned(), vec![24]));
    assert_eq!(change(""), ("w no_date".to_owned(), vec![24]));
}

#[test]
fn holidays_of_the_country_close_the_window() {
    let steps = json!([wait("w", "10h"), mail("m", "a")]);
    let mut trip = Trip::of(in_hours(steps));
    trip.playbook.setup.national_holidays = Some(crate::playbook::NationalHolidays::Japan);
    trip.playbook.setup.holidays = vec![jiff::civil::date(2026, 3, 3)];
    // From the Monday evening over the closed Tuesday to Wednesday, nine o'clock.
    assert_eq!(trip.go(hours(72)).owed_after(), [48]);
}
