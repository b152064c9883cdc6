//! Who enters a scenario, how often, and when.

use super::*;

fn triggered(trigger: Value) -> Value {
    json!({"trigger": trigger, "again": "always", "steps": [wait("w", "1d")]})
}

/// What lets a lead with these records in at `now`, as `kind key`, by what is new.
fn enters(playbook: &Playbook, log: &Log, news: News<'_>, now: Timestamp) -> Vec<Entering> {
    let folded = Folded::of(playbook, log, now);
    entering(playbook, &PlaybookVersion::derive(&["p"]), &lead(), &folded, news, now)
}

fn nothing(inside: &Inside) -> News<'_> {
    News { records: &[], inside, before: None }
}

fn sent(minutes: i64, name: &str) -> Record {
    let at = time(BEGIN) + SignedDuration::from_mins(minutes);
    let record = record("form", 0, &visitor("v"), form(name, &[("email", "a@corp.example")]));
    let activities = vec![Activity { at, ..record.activities[0].clone() }];
    Record { at, sent: at, received: at, activities, ..record }
}

#[test]
fn an_event_lets_in_when_it_is_the_news_and_once() {
    let now = time(BEGIN);
    let mut log = lead_log(vec![sent(0, "white-paper"), link("l", 0, &visitor("v"), crate::activity::Proof::First)]);
    let news = [ActivityId::parse("form").unwrap()];
    let outside = Inside::new();
    let new = News { records: &news, ..nothing(&outside) };
    for (trigger, entering) in [
        (json!({"form": "white-paper"}), 1),
        (json!({"form_named": "white-paper"}), 1),
        (json!({"form": "inquiry"}), 0),
        (json!({"track": "white-paper"}), 0),
        (json!("by_hand"), 0),
    ] {
        let playbook = playbook(triggered(trigger.clone()));
        assert_eq!(enters(&playbook, &log, new, now).len(), entering, "{trigger}");
        assert!(enters(&playbook, &log, nothing(&outside), now).is_empty());
    }
    // The same news again, also after the lead has left: nobody enters twice for one thing.
    let playbook = playbook(triggered(json!({"form": "white-paper"})));
    let first = enters(&playbook, &log, new, now).remove(0);
    assert_eq!((first.enrollment.due, first.enrollment.place.visit), (now, 1));
    log.records.push(first.record);
    assert!(enters(&playbook, &log, new, now).is_empty());
    let ended = Advance::ended(&first.enrollment, Left::ByHand).record(&first.enrollment, now).unwrap();
    log.records.push(ended);
    assert!(enters(&playbook, &log, new, now).is_empty());
}

#[test]
fn a_state_lets_in_whom_it_means() {
    let now = time(BEGIN);
    let log = lead_log(vec![set("company", "Corp")]);
    for (who, new, existing) in [("new", 1, 0), ("existing", 0, 1), ("both", 1, 1)] {
        let mut scenario = triggered(json!({"stage": ["lead"]}));
        scenario["who"] = json!(who);
        let playbook = playbook(scenario);
        let folded = Folded::of(&playbook, &log, now);
        let outside = Inside::new();
        assert_eq!(enters(&playbook, &log, nothing(&outside), now).len(), new, "{who}");
        let judged_anew = News { before: Some(&folded), ..nothing(&outside) };
        assert_eq!(enters(&playbook, &log, judged_anew, now).len(), existing, "{who}");
        // It was in it before.
        let inside = inside(&playbook, &folded);
        assert_eq!(inside.len(), 1);
        assert!(enters(&playbook, &log, nothing(&inside), now).is_empty());
    }
}

#[test]
fn an_edit_of_who_is_meant_lets_in_whom_it_newly_means() {
    let (now, log) = (time(BEGIN), lead_log(vec![set("company", "Corp")]));
    let by = |who: &str, stages: &[&str]| {
        let mut scenario = triggered(json!({"stage": stages}));
        scenario["who"] = json!(who);
        playbook(scenario)
    };
    let before = by("new", &["lead"]);
    let inside = inside(&before, &Folded::of(&before, &log, now));
    let entering = |after: &Playbook| {
        let folded = Folded::of(after, &log, now);
        enters(after, &log, News { before: Some(&folded), ..nothing(&inside) }, now).len()
    };
    assert_eq!(entering(&by("new", &["lead"])), 0);
    assert_eq!(entering(&by("both", &["lead"])), 1);
    assert_eq!(entering(&by("existing", &["lead"])), 1);
    // Another state, which held before it was asked for.
    assert_eq!((entering(&by("new", &["lead", "mql"])), entering(&by("both", &["lead", "mql"]))), (0, 1));
}

#[test]
fn scenarios_that_let_in_into_each_other_end_there() {
    let (begin, mut log) = (time(BEGIN), lead_log(vec![set("company", "Corp")]));
    let (playbook, outside) = (playbook(triggered(json!({"stage": ["lead"]}))), Inside::new());
    let mut runs = 0;
    // It leaves the state and comes back every other minute.
    for minute in 0..60 {
        let now = begin + SignedDuration::from_mins(2 * minute);
        for entering in enters(&playbook, &log, nothing(&outside), now) {
            runs += 1;
            let left =
                Advance::ended(&entering.enrollment, Left::End).record(&entering.enrollment, now + SignedDuration::from_mins(1));
            log.records.extend([entering.record, left.unwrap()]);
        }
    }
    assert_eq!(runs, crate::scenario::RUNS_A_DAY);
    assert_eq!(enters(&playbook, &log, nothing(&outside), begin + hours(25)).len(), 1);
}

#[test]
fn a_run_that_was_ended_by_a_slow_clock_is_over() {
    let (now, mut log) = (time(BEGIN), lead_log(vec![set("company", "Corp")]));
    let (playbook, outside) = (playbook(triggered(json!({"stage": ["lead"]}))), Inside::new());
    let entering = enters(&playbook, &log, nothing(&outside), now).remove(0);
    let ended = Advance::ended(&entering.enrollment, Left::ByHand).record(&entering.enrollment, now - hours(1)).unwrap();
    log.records.extend([entering.record, ended]);
    let folded = Folded::of(&playbook, &log, now);
    assert!(runs(&folded)[0].left.is_some());
    assert_eq!(enters(&playbook, &log, nothing(&outside), now + hours(1)).len(), 1);
}

#[test]
fn a_date_lets_in_once_when_it_comes_and_not_long_after() {
    let scenario = triggered(json!({"date": {"attribute": "renewal", "offset": "-2d", "hour": 10}}));
    let playbook = playbook(scenario);
    let mut log = lead_log(vec![set("renewal", "2026-03-06")]);
    let outside = Inside::new();
    let moment = time("2026-03-04T01:00:00Z");
    let folded = Folded::of(&playbook, &log, time(BEGIN));
    assert_eq!(next_entry(&playbook, &folded.lead, time(BEGIN)), Some(moment));
    assert_eq!(next_entry(&playbook, &folded.lead, moment), None);
    assert!(enters(&playbook, &log, nothing(&outside), moment - hours(1)).is_empty());
    assert!(enters(&playbook, &log, nothing(&outside), moment + hours(24 * 7 + 1)).is_empty());
    // Two days late by an outage: the first step knows that it is late.
    let entering = enters(&playbook, &log, nothing(&outside), moment + hours(48)).remove(0);
    assert_eq!(entering.enrollment.place.since, moment);
    log.records.push(entering.record);
    let ended = Advance::ended(&entering.enrollment, Left::End).record(&entering.enrollment, moment + hours(49)).unwrap();
    log.records.push(ended);
    assert!(enters(&playbook, &log, nothing(&outside), moment + hours(50)).is_empty());
}

#[test]
fn who_may_not_enter_is_told_why() {
    let now = time(BEGIN);
    let try_ = |scenario: Value, records: Vec<Record>| {
        let playbook = playbook(scenario);
        let log = lead_log(records);
        let folded = Folded::of(&playbook, &log, now);
        let scenario = &playbook.scenarios[&scenario_id()];
        enroll(&playbook, &playbook.version(), (&scenario_id(), scenario), &lead(), &folded, "x", now).map(|_| ())
    };
    let before = |left: Option<Left>| {
        let trip = Trip::of(steps(json!([wait("w", "1d")])));
        let at = trip.at.unwrap();
        let record = |left| Advance::ended(&at, left).record(&at, now - hours(24)).unwrap();
        let enrolled =
            trip.log.records.into_iter().map(|one| Record::decision(one.id, now - hours(48), one.activities[0].kind.clone()));
        enrolled.chain(left.map(record)).collect::<Vec<_>>()
    };
    let again = |rule: Value| json!({"again": rule, "steps": [wait("w", "1d")]});
    assert_eq!(try_(again(json!("always")), before(None)), Err(KeptOut::UnderWay));
    assert_eq!(try_(again(json!("never")), before(Some(Left::End))), Err(KeptOut::Before));
    assert_eq!(try_(again(json!({"after": "2d"})), before(Some(Left::End))), Err(KeptOut::Before));
    assert_eq!(try_(again(json!({"after": "1d"})), before(Some(Left::End))), Ok(()));
    let only = |key: &str, condition: Value| {
        let mut scenario = steps(json!([wait("w", "1d")]));
        scenario[key] = condition;
        try_(scenario, vec![set("size", "9")])
    };
    let large = json!({"attribute": {"name": "size", "at_least": 5}});
    assert_eq!(only("audience", large.clone()), Ok(()));
    assert_eq!(only("audience", json!({"not": large})), Err(KeptOut::Audience));
    assert_eq!(only("goal", large.clone()), Err(KeptOut::WouldLeave(Left::Goal)));
    assert_eq!(only("under_way", json!("drain")), Err(KeptOut::Draining));
    // By hand on the same occasion, which was over before.
    let by_hand = || before(Some(Left::ByHand)).into_iter();
    let known = by_hand().next().unwrap();
    assert!(matches!(&known.activities[0].kind, Kind::Enrolled { entry: Entry::ByHand(occasion), .. } if occasion == "now"));
    let playbook = playbook(again(json!("always")));
    let log = lead_log(by_hand().collect());
    let folded = Folded::of(&playbook, &log, now);
    let enroll = |occasion| {
        let scenario = (&scenario_id(), &playbook.scenarios[&scenario_id()]);
        enroll(&playbook, &playbook.version(), scenario, &lead(), &folded, occasion, now).map(|_| ())
    };
    assert_eq!((enroll("now"), enroll("later")), (Err(KeptOut::Occasion), Ok(())));
}
