//! What happens at each kind of step, told as a list of words. `entry`: who enters; `time`: lateness, windows, dates;
//! `anything`: what holds for every scenario.

mod anything;
mod entry;
mod time;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::activity::{Activity, Kind, Log, LogOwner, Record, Source};
use crate::fold::Folded;
use crate::fold::tests::{form, lead_log, link, record, visitor};
use crate::id::{ActivityId, EnrollmentId, LeadId, MessageId, PlaybookVersion, ScenarioId, WayId};
use crate::playbook::{Language, Playbook};

/// A Monday, nine o'clock in Tokyo.
const BEGIN: &str = "2026-03-02T00:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn lead() -> LeadId {
    LeadId::parse("l").unwrap()
}

fn scenario_id() -> ScenarioId {
    ScenarioId::parse("s").unwrap()
}

/// A playbook with one scenario, mails `a` to `e` with two subjects each, and mail at all hours.
fn playbook(scenario: Value) -> Playbook {
    let mut playbook = crate::fold::tests::playbook();
    playbook.setup.mail.window = serde_json::from_value(json!({
        "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": 0, "to": 24,
    }))
    .unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        let version = json!({"subjects": ["one", "two"], "fields": [], "links": [], "body": name});
        let mail = json!({"class": "marketing", "versions": {"en": version}});
        playbook.mails.insert(serde_json::from_value(json!(name)).unwrap(), serde_json::from_value(mail).unwrap());
    }
    playbook.scenarios.insert(scenario_id(), serde_json::from_value(with_name(scenario)).unwrap());
    playbook
}

fn with_name(mut scenario: Value) -> Value {
    scenario["name"] = json!({"en": "S", "ja": "S"});
    if scenario.get("trigger").is_none() {
        scenario["trigger"] = json!("by_hand");
    }
    scenario
}

fn steps(steps: Value) -> Value {
    json!({"steps": steps})
}

/// A lead going along a scenario, its clock jumping from one due time to the next.
struct Trip {
    playbook: Playbook,
    log: Log,
    now: Timestamp,
    at: Option<Enrollment>,
    /// What was passed and why it ended, as `step how`.
    told: Vec<String>,
    /// When what was owed was owed.
    owed: Vec<(Timestamp, Owed)>,
    /// What becomes of mails: what the log does not know as sent is this.
    newest: Newest,
}

impl Trip {
    fn of(scenario: Value) -> Self {
        Self::with(scenario, vec![])
    }

    /// With what happened before the lead enters.
    fn with(scenario: Value, records: Vec<Record>) -> Self {
        let playbook = playbook(scenario);
        let (now, mut log) = (time(BEGIN), lead_log(records));
        let folded = Folded::of(&playbook, &log, now);
        let scenario = &playbook.scenarios[&scenario_id()];
        let entering = enroll(&playbook, &playbook.version(), (&scenario_id(), scenario), &lead(), &folded, "now", now).unwrap();
        log.records.push(entering.record);
        Self { playbook, log, now, at: Some(entering.enrollment), told: vec![], owed: vec![], newest: Newest::Sent }
    }

    /// Advances once at this moment, if there is anything to advance; what is owed happens.
    fn look(&mut self, now: Timestamp) -> bool {
        self.now = now;
        let Some(at) = &self.at else { return false };
        let folded = Folded::of(&self.playbook, &self.log, now);
        let version = PlaybookVersion::derive(&["p"]);
        let seen = Seen { folded: &folded, playbook: &self.playbook, version: &version, newest: self.newest, now };
        let Some(scenario) = self.playbook.scenarios.get(&scenario_id()) else { return false };
        let Some(advance) = advance(scenario, at, &seen) else { return false };
        let record = advance.record(at, now);
        if let Some(after) = &advance.after {
            assert_eq!(after.revision, at.revision + 1);
        }
        self.log.records.extend(record);
        self.told.extend(advance.passed.iter().map(words));
        self.told.extend(advance.left.iter().map(|left| format!("left {}", short(left))));
        if let Some(Owed::Mail { message, mail, .. }) = &advance.owed
            && self.newest == Newest::Sent
        {
            let kind = Kind::MailSent { message: message.clone(), mail: mail.clone(), owner: None };
            self.log.records.push(Record::decision(ActivityId::derive(&["sent", message.as_str()]), now, kind));
        }
        self.owed.extend(advance.owed.map(|owed| (now, owed)));
        self.at = advance.after;
        true
    }

    /// Goes on for so long, each time at the moment when it is due.
    fn go(&mut self, span: SignedDuration) -> &mut Self {
        let end = self.now + span;
        while let Some(due) = self.at.as_ref().map(|at| at.due).filter(|due| *due <= end) {
            let now = due.max(self.now);
            assert!(self.look(now), "due, and nothing comes of it: {:?}", self.at);
            assert!(self.told.len() < 5_000);
        }
        self.now = end;
        self
    }

    /// Nothing runs for so long; then it goes on.
    fn outage(&mut self, span: SignedDuration) -> &mut Self {
        self.now += span;
        self.go(SignedDuration::ZERO)
    }

    /// Something happens now, and whoever scores it looks at the enrollment.
    fn happens(&mut self, kind: Kind) -> &mut Self {
        let id = ActivityId::derive(&["happens", &self.log.records.len().to_string()]);
        self.log.records.push(Record { source: Source::Server, ..Record::decision(id, self.now, kind) });
        while self.look(self.now) && self.at.as_ref().is_some_and(|at| at.due <= self.now) {}
        self
    }

    fn told(&self) -> String {
        self.told.join(", ")
    }

    /// Hours from the beginning to each thing that was owed.
    fn owed_after(&self) -> Vec<i64> {
        self.owed.iter().map(|(at, _)| at.duration_since(time(BEGIN)).as_hours()).collect()
    }
}

fn words(passed: &Passed) -> String {
    let how = match &passed.how {
        Passing::Mailed { mail, .. } => format!("sends {mail}"),
        Passing::Way(way) => way.to_string(),
        how => short(how),
    };
    format!("{} {how}", passed.step)
}

fn short(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().to_string().replace(['"', '{', '}'], "").to_lowercase()
}

fn mail(id: &str, send: &str) -> Value {
    json!({"mail": {"id": id, "send": send}})
}

fn wait(id: &str, span: &str) -> Value {
    json!({"wait": {"id": id, "for": span}})
}

fn track(event: &str) -> Kind {
    Kind::Tracked { event: event.to_owned(), properties: Default::default() }
}

fn set(name: &str, value: &str) -> Record {
    let kind = Kind::AttributeSet { name: name.to_owned(), value: value.to_owned() };
    Record::decision(ActivityId::derive(&["before", name]), time(BEGIN) - hours(1), kind)
}

#[test]
fn mails_and_waits_follow_each_other_and_the_end_is_the_end() {
    let mut trip = Trip::of(steps(json!([mail("first", "a"), wait("rest", "3d"), mail("second", "b")])));
    trip.go(hours(24 * 10));
    assert_eq!(trip.told(), "first sends a, rest done, second sends b, left end");
    assert_eq!(trip.owed_after(), [0, 72]);
    let subjects: Vec<_> = trip.owed.iter().map(|(_, owed)| matches!(owed, Owed::Mail { subject: 0 | 1, .. })).collect();
    assert_eq!(subjects, [true, true]);
}

#[test]
fn a_wait_is_not_prolonged_by_the_sweeps_delay() {
    let mut trip = Trip::of(steps(json!([wait("one", "1d"), mail("m", "a"), wait("two", "1d"), mail("n", "b")])));
    trip.go(hours(23)).outage(SignedDuration::from_mins(100)).go(hours(30));
    let after: Vec<_> = trip.owed.iter().map(|(at, _)| at.duration_since(time(BEGIN)).as_mins()).collect();
    assert_eq!(after, [24 * 60 + 40, 48 * 60]);
}

#[test]
fn what_is_waited_for_routes_also_if_it_is_looked_at_late() {
    let scenario = || {
        steps(json!([
            {"wait_for": {"id": "w", "did": {"track": "demo"}, "within": "2d", "then": [mail("yes", "a")], "otherwise": [mail("no", "b")]}},
            {"stop": {"id": "end"}}
        ]))
    };
    let mut came = Trip::of(scenario());
    came.go(hours(5)).happens(track("other")).happens(track("demo"));
    assert_eq!(came.told(), "w came, yes sends a, end done, left stopped:end");
    let mut not = Trip::of(scenario());
    not.go(hours(49));
    assert_eq!(not.told(), "w otherwise, no sends b, end done, left stopped:end");
    // It came in time, and nothing ran until after the limit.
    let mut late = Trip::of(scenario());
    late.go(hours(47));
    let kind = track("demo");
    late.log.records.push(Record::decision(ActivityId::derive(&["d"]), late.now, kind));
    late.outage(hours(24));
    assert!(late.told().starts_with("w came, yes sends a"), "{}", late.told());
    // After the limit is too late, whenever it is looked at.
    let mut too_late = Trip::of(scenario());
    let at = time(BEGIN) + hours(50);
    too_late.log.records.push(Record::decision(ActivityId::derive(&["d"]), at, track("demo")));
    too_late.outage(hours(72));
    assert!(too_late.told().starts_with("w otherwise"), "{}", too_late.told());
}

#[test]
fn a_click_that_is_still_unclear_at_the_end_is_waited_for() {
    let step = json!({"wait_for": {"id": "w", "did": "mail_clicked", "within": "1h"}});
    let mut trip = Trip::of(steps(json!([step])));
    let click = Kind::MailClicked { message: MessageId::derive(&["m"]), link: 0, target: "https://acme.example".to_owned() };
    let at = time(BEGIN) + hours(1) - SignedDuration::from_secs(5);
    let record = Record::decision(ActivityId::derive(&["c"]), at, click);
    trip.log.records.push(Record { source: Source::Site, ..record });
    trip.go(hours(2));
    assert_eq!(trip.told(), "w came, left end");
}

#[test]
fn a_branch_takes_the_first_way_that_fits_and_goes_on_behind_itself() {
    let way = |id: &str, value: &str, mail_id: &str| json!({"id": id, "when": {"attribute": {"name": "size", "any_of": [value]}}, "steps": [mail(id, mail_id)]});
    let branch =
        json!({"branch": {"id": "b", "ways": [way("small", "1", "a"), way("large", "9", "b")], "otherwise": [wait("o", "1d")]}});
    for (size, told) in [
        ("1", "b small, small sends a, last sends c, left end"),
        ("9", "b large, large sends b, last sends c, left end"),
        ("5", "b otherwise, o done, last sends c, left end"),
    ] {
        let mut trip = Trip::with(steps(json!([branch, mail("last", "c")])), vec![set("size", size)]);
        assert_eq!(trip.go(hours(48)).told(), told);
    }
}

#[test]
fn a_split_is_stable_by_lead_and_holds_its_shares() {
    let step = json!({"split": {"id": "p", "ways": [{"id": "x", "share": 3}, {"id": "y", "share": 1}]}});
    let playbook = playbook(steps(json!([step])));
    let scenario = &playbook.scenarios[&scenario_id()];
    let (mut x, version, now) = (0, playbook.version(), time(BEGIN));
    for n in 0..4_000 {
        let lead = LeadId::derive(&["lead", &n.to_string()]);
        let log = Log { owner: LogOwner::Lead(lead.clone()), records: vec![] };
        let folded = Folded::of(&playbook, &log, now);
        let ways: BTreeSet<String> = ["once", "twice"]
            .map(|occasion| {
                let entering = enroll(&playbook, &version, (&scenario_id(), scenario), &lead, &folded, occasion, now).unwrap();
                let seen = Seen { folded: &folded, playbook: &playbook, version: &version, newest: Newest::GivenUp, now };
                words(&advance(scenario, &entering.enrollment, &seen).unwrap().passed[0])
            })
            .into();
        assert_eq!(ways.len(), 1);
        x += usize::from(ways.contains("p x"));
    }
    assert!((2_900..3_100).contains(&x), "{x}");
}

#[test]
fn a_series_sends_what_was_not_had_and_reports_that_it_is_exhausted() {
    let had = Kind::MailSent {
        message: MessageId::derive(&["broadcast"]),
        mail: serde_json::from_value(json!("b")).unwrap(),
        owner: None,
    };
    let had = Record::decision(ActivityId::derive(&["had"]), time(BEGIN) - hours(9), had);
    let series = |mails: Value| steps(json!([{"series": {"id": "s", "mails": mails, "every": "7d"}}, mail("after", "e")]));
    let mut trip = Trip::with(series(json!(["a", "b", "c"])), vec![had.clone()]);
    trip.go(hours(24 * 30));
    assert_eq!(trip.told(), "s sends a, s skipped:had, s sends c, s exhausted, after sends e, left end");
    assert_eq!(trip.owed_after(), [0, 168, 336]);
    // The list is edited under way: what is new in it goes out, whatever its place, and nothing twice.
    let mut edited = Trip::with(series(json!(["a", "c"])), vec![had]);
    edited.go(hours(24 * 8));
    edited.playbook = playbook(series(json!(["d", "c", "a"])));
    edited.go(hours(24 * 30));
    assert_eq!(edited.told(), "s sends a, s sends c, s sends d, s exhausted, after sends e, left end");
    let messages: BTreeSet<_> = edited.owed.iter().map(|(_, owed)| format!("{owed:?}")).collect();
    assert_eq!(messages.len(), 4);
}

#[test]
fn a_question_is_routed_by_the_first_answer_in_time() {
    let scenario = || {
        let answers = json!([
            {"id": "yes", "text": "Yes", "steps": [mail("glad", "b")]}, {"id": "no", "text": "No"}
        ]);
        steps(json!([
            {"ask": {"id": "q", "send": "a", "question": "?", "attribute": "interest", "answers": answers,
                "within": "5d", "otherwise": [mail("pity", "c")]}},
            {"set": {"id": "asked", "attribute": "asked", "to": "1"}}
        ]))
    };
    let answered = |trip: &Trip, answer: &str| {
        let at = trip.at.as_ref().unwrap();
        let Waiting::Answer { message, .. } = &at.waiting else { panic!("{at:?}") };
        Kind::Answered {
            enrollment: at.id.clone(),
            step: at.place.step.clone(),
            message: message.clone(),
            attribute: "interest".to_owned(),
            answer: WayId::parse(answer).unwrap(),
        }
    };
    for (answer, told) in [
        ("yes", "q sends a, q yes, glad sends b, asked done, left end"),
        ("no", "q sends a, q no, asked done, left end"),
        ("gone", "q sends a, q otherwise, pity sends c, asked done, left end"),
    ] {
        let mut trip = Trip::of(scenario());
        trip.go(hours(30));
        let kind = answered(&trip, answer);
        assert_eq!(trip.happens(kind).told(), told);
    }
    let mut none = Trip::of(scenario());
    assert_eq!(none.go(hours(24 * 6)).told(), "q sends a, q otherwise, pity sends c, asked done, left end");
    let folded = Folded::of(&none.playbook, &none.log, none.now);
    assert_eq!(folded.lead.attribute("asked"), Some("1"));
}

#[test]
fn a_loop_comes_to_each_step_anew_with_messages_of_its_own() {
    let mut trip = Trip::of(steps(json!([mail("m", "a"), wait("w", "1d"), {"go_to": {"id": "g", "step": "m"}}])));
    trip.go(hours(24 * 3));
    assert_eq!(trip.told(), "m sends a, w done, g done, m sends a, w done, g done, m sends a, w done, g done, m sends a");
    let ids: BTreeSet<String> = trip
        .owed
        .iter()
        .map(|(_, owed)| if let Owed::Mail { message, .. } = owed { message.to_string() } else { String::new() })
        .collect();
    assert_eq!(ids.len(), 4);
    assert_eq!(trip.at.unwrap().place.visit, 4);
}

#[test]
fn no_lead_takes_more_steps_a_day_than_it_may() {
    let loop_ = json!([{"set": {"id": "m", "attribute": "x", "to": "1"}}, {"go_to": {"id": "g", "step": "m"}}]);
    let mut trip = Trip::of(steps(loop_));
    // From nine in the morning to midnight in Tokyo, and two whole days.
    trip.go(hours(15 + 47));
    assert_eq!(trip.told.len(), 150);
    let midnight = time(BEGIN) + hours(15 + 48);
    assert_eq!(trip.at.as_ref().map(|at| at.due), Some(midnight));
    assert!(!trip.look(midnight - hours(1)));
}

#[test]
fn the_goal_exits_an_opt_out_and_sales_are_looked_at_first_and_at_any_time() {
    let scenario = || {
        json!({
            "goal": {"did": {"what": {"track": "bought"}}},
            "exits": {"left-us": {"did": {"what": {"track": "gone"}}}, "also": {"did": {"what": {"track": "gone"}}}},
            "steps": [mail("m", "a"), wait("w", "30d"), mail("n", "b")]
        })
    };
    let ends = |kind: Kind| {
        let mut trip = Trip::of(scenario());
        trip.go(hours(24)).happens(kind);
        trip.told()
    };
    assert_eq!(ends(track("bought")), "m sends a, w left_here, left goal");
    assert_eq!(ends(track("gone")), "m sends a, w left_here, left exit:also");
    let out = Kind::MailChosen { topic: None, wanted: false, by: crate::activity::OptOut::Page, message: None };
    assert_eq!(ends(out), "m sends a, w left_here, left unsubscribed");
    let moved = || Kind::StageMoved {
        from: crate::lead::Stage::Lead,
        to: crate::lead::Stage::Sal,
        cell: None,
        alert: None,
        corrects: None,
        by_rules: false,
    };
    assert_eq!(ends(moved()), "m sends a, w left_here, left in_sales");
    let mut stays = scenario();
    stays["in_sales"] = json!("stay");
    let mut trip = Trip::of(stays);
    assert_eq!(trip.happens(moved()).go(hours(24 * 31)).told(), "m sends a, w done, n sends b, left end");
}

#[test]
fn one_letter_at_a_time() {
    let mut trip = Trip::of(steps(json!([mail("m", "a"), mail("n", "b")])));
    trip.newest = Newest::Pending;
    trip.go(hours(30));
    assert_eq!(trip.told(), "m sends a");
    assert!(matches!(trip.at.as_ref().unwrap().waiting, Waiting::Mail(_)));
    // Given up: it goes on at the next look, and is not late though it waited for a day.
    trip.newest = Newest::GivenUp;
    trip.go(hours(1));
    assert_eq!(trip.told(), "m sends a, n sends b, left end");
}

#[test]
fn steps_that_cannot_be_done_are_left_out_with_the_reason() {
    let mut playbook = playbook(steps(json!([
        mail("m", "unknown"), mail("sales", "alert"), {"notify": {"id": "n", "say": "Call"}}
    ])));
    playbook.setup.owners.clear();
    let mut trip = Trip::of(steps(json!([wait("w", "1d")])));
    trip.playbook = playbook;
    trip.at.as_mut().unwrap().place.step = serde_json::from_value(json!("m")).unwrap();
    trip.go(hours(1));
    assert_eq!(trip.told(), "m skipped:no_mail, sales skipped:no_mail, n skipped:no_owner, left end");
}

#[test]
fn an_edit_is_followed_by_the_steps_id() {
    let before = steps(json!([mail("m", "a"), wait("w", "3d"), mail("n", "b")]));
    let mut moved = Trip::of(before.clone());
    moved.go(hours(24));
    let entered = moved.at.clone().unwrap();
    let mut live = playbook(steps(json!([wait("w", "9d"), mail("new", "c")])));
    assert!(matches!(bound(&live, &entered), Bound::Live(_)));
    moved.playbook = live.clone();
    // The wait under way ends when it was to end.
    assert_eq!(moved.go(hours(49)).told(), "m sends a, w done, new sends c, left end");
    // Its step is gone.
    let mut gone = Trip::of(before);
    gone.go(hours(24));
    gone.playbook = playbook(steps(json!([mail("new", "c")])));
    assert_eq!(gone.go(hours(49)).told(), "m sends a, w left_here, left step_gone");
    // Others go on by what they entered, unless the scenario itself has stayed the same.
    live.scenarios.get_mut(&scenario_id()).unwrap().under_way = crate::playbook::scenario::UnderWay::Stay;
    assert_eq!(bound(&live, &entered), Bound::Pinned);
    let same = Enrollment { version: live.scenarios[&scenario_id()].version(), ..entered.clone() };
    assert!(matches!(bound(&live, &same), Bound::Live(_)));
    live.scenarios.clear();
    assert_eq!(bound(&live, &entered), Bound::Gone);
}

#[test]
fn another_kind_of_step_under_the_same_id_is_planned_for_now() {
    let mut trip = Trip::of(steps(json!([{"wait_for": {"id": "x", "did": "click", "within": "9d"}}])));
    trip.go(hours(24 * 3));
    trip.playbook = playbook(steps(json!([{"mail": {"id": "x", "send": "a", "late": "skip"}}])));
    trip.look(trip.now);
    assert_eq!(trip.told(), "x sends a, left end");
}

#[test]
fn what_lies_between_two_mails_is_counted_from_when_the_first_went_out() {
    let ask = json!({"ask": {
        "id": "q", "send": "a", "question": {"en": "?", "ja": "?"}, "attribute": "asked", "within": "2d",
        "answers": [{"id": "yes", "text": {"en": "y", "ja": "y"}}],
    }});
    let series = json!({"series": {"id": "q", "mails": ["a", "b"], "every": "2d"}});
    let waits = json!({"wait_for": {"id": "w", "did": "click", "within": "2d"}});
    let on_monday = json!({"wait_until": {"id": "w", "days": ["mon"], "hour": 9}});
    for (scenario, from, wanted) in [
        (json!([mail("m", "a"), wait("w", "2d"), mail("n", "b")]), 72, 120),
        (json!([mail("m", "a"), waits, mail("n", "b")]), 72, 120),
        (json!([ask, mail("n", "b")]), 72, 120),
        (json!([series]), 72, 120),
        // It was to wait until the Monday after the mail, which went out later than that.
        (json!([mail("m", "a"), on_monday, mail("n", "b")]), 24 * 8, 24 * 14),
    ] {
        let mut trip = Trip::of(steps(scenario.clone()));
        trip.newest = Newest::Pending;
        trip.go(hours(from));
        assert_eq!(trip.owed.len(), 1, "{}", trip.told());
        let Owed::Mail { message, mail, .. } = trip.owed[0].1.clone() else { panic!() };
        let sent = Record::decision(ActivityId::derive(&["went"]), trip.now, Kind::MailSent { message, mail, owner: None });
        trip.log.records.push(sent);
        trip.newest = Newest::Sent;
        trip.go(hours(24 * 20));
        assert_eq!(trip.owed_after()[..2], [0, wanted], "{scenario}: {}", trip.told());
    }
}

#[test]
fn a_question_that_nobody_was_asked_is_not_waited_for() {
    let ask = json!({"ask": {
        "id": "q", "send": "a", "question": {"en": "?", "ja": "?"}, "attribute": "asked", "within": "9d",
        "answers": [{"id": "yes", "text": {"en": "y", "ja": "y"}}], "otherwise": [mail("pity", "b")],
    }});
    let mut trip = Trip::of(steps(json!([ask])));
    trip.newest = Newest::GivenUp;
    trip.go(hours(1));
    assert_eq!(trip.told(), "q sends a");
    trip.look(trip.now);
    assert!(trip.told().starts_with("q sends a, q otherwise"), "{}", trip.told());
}

#[test]
fn one_deed_is_not_waited_for_twice() {
    let visit = |id: &str| json!({"wait_for": {"id": id, "did": {"track": "demo"}, "within": "2d"}});
    let mut trip = Trip::of(steps(json!([visit("one"), visit("two")])));
    trip.go(hours(5)).happens(track("demo"));
    assert_eq!(trip.told(), "one came");
    trip.go(hours(1)).happens(track("demo"));
    assert_eq!(trip.told(), "one came, two came, left end");
}

#[test]
fn marketing_mail_is_owed_in_the_hours_for_it_so_that_waits_begin_when_it_goes_out() {
    // From Monday nine in the morning in Tokyo to Saturday.
    let mut trip = Trip::of(steps(json!([wait("w", "5d"), mail("m", "a"), wait("v", "2d"), mail("n", "b")])));
    trip.playbook.setup.mail = Default::default();
    trip.go(hours(24 * 12));
    let monday = 24 * 7 - 1;
    assert_eq!(trip.owed_after(), [monday, monday + 48]);
}

#[test]
fn a_series_does_not_repeat_what_is_on_its_way_by_another_run() {
    let scenario = || steps(json!([{"series": {"id": "s", "mails": ["a", "b"], "every": "1d"}}]));
    let other = |left: Option<Left>, days: i64| {
        let version = playbook(scenario()).mails.values().next().unwrap().versions[&Language::En].clone();
        let (subject, mail) = (Subject::of(Language::En, &version, 0).unwrap(), serde_json::from_value(json!("a")).unwrap());
        let mailed = Passing::Mailed { mail, message: MessageId::derive(&["other"]), subject };
        let passed = vec![Passed { step: serde_json::from_value(json!("x")).unwrap(), visit: 1, how: mailed }];
        let (scenario, enrollment) = (ScenarioId::parse("other").unwrap(), EnrollmentId::derive(&["other"]));
        let entry = Entry::ByHand("x".to_owned());
        let at = time(BEGIN) - hours(24 * days);
        let version = "v".to_owned();
        let enrolled =
            Kind::Enrolled { scenario: scenario.clone(), enrollment: enrollment.clone(), version: version.clone(), entry };
        let advanced = Kind::Advanced { scenario, enrollment, version, passed, left };
        [("e", enrolled), ("a", advanced)]
            .map(|(id, kind)| Record::decision(ActivityId::derive(&["other", id]), at, kind))
            .to_vec()
    };
    let told = |records| Trip::with(scenario(), records).go(hours(72)).told();
    assert_eq!(told(other(None, 1)), "s skipped:had, s sends b, s exhausted, left end");
    assert_eq!(told(other(Some(Left::End), 1)), "s skipped:had, s sends b, s exhausted, left end");
    // It was taken back, or has not gone out while it was of use.
    for gone in [other(Some(Left::Goal), 1), other(None, 15)] {
        assert_eq!(told(gone), "s sends a, s sends b, s exhausted, left end");
    }
}
