//! What a simulation says, on a small playbook.

use serde_json::json;

use super::*;
use crate::activity::Source;
use crate::fold::Folded;
use crate::fold::tests::playbook;

const BEGIN: &str = "2026-03-02T00:00:00Z";

pub(super) fn with(steps: serde_json::Value) -> Playbook {
    let mut playbook = playbook();
    for name in ["a", "b"] {
        let version = json!({"subjects": ["one"], "fields": [], "links": ["https://acme.example/"], "body": name});
        let mail = json!({"class": "marketing", "versions": {"en": version}});
        playbook.mails.insert(MailId::parse(name).unwrap(), serde_json::from_value(mail).unwrap());
    }
    let scenario = json!({"name": "S", "trigger": "by_hand", "steps": steps});
    playbook.scenarios.insert(ScenarioId::parse("s").unwrap(), serde_json::from_value(scenario).unwrap());
    playbook
}

fn simulated(playbook: &Playbook, days: u32, assume: Assume) -> (Vec<Course>, Report) {
    let begin = BEGIN.parse().unwrap();
    let simulation = Simulation { playbook, version: playbook.version(), only: None, begin, days, assume, agreed: true };
    let courses: Vec<Course> = examples(begin).into_iter().map(|(lead, log)| simulation.run(&lead, log, vec![])).collect();
    let report = Report::of(&simulation, &courses);
    (courses, report)
}

fn mail(id: &str, send: &str) -> serde_json::Value {
    json!({"mail": {"id": id, "send": send}})
}

#[test]
fn who_gets_what_when_with_window_and_cap() {
    // Nine on a Monday in Tokyo. Of letters in a row each waits until it is seen that the one before has gone out; three a
    // week may go out.
    let playbook = with(json!([mail("1", "a"), mail("2", "b"), mail("3", "a"), mail("4", "b")]));
    let (courses, report) = simulated(&playbook, 30, Assume::Nothing);
    assert_eq!(report.leads, 4);
    let sent = |courses: &[Course]| courses[0].letters.iter().map(|one| one.sent.unwrap().to_string()).collect::<Vec<_>>();
    let expected = ["2026-03-02T00:00:00Z", "2026-03-02T01:00:00Z", "2026-03-02T02:00:00Z", "2026-03-09T00:00:00Z"];
    assert_eq!(sent(&courses), expected);
    assert_eq!(report.held, BTreeMap::from([(Hold::Cap, Delays { letters: 4, longest_hours: 165 })]));
    assert_eq!(report.days.values().copied().collect::<Vec<_>>(), [12, 4]);
    assert_eq!(report.left[&ScenarioId::parse("s").unwrap()][&Left::End], 4);
    // Nothing is owed on the Saturday, but on Monday at eight, when the playbook's window opens.
    let saturday = json!({"wait_until": {"id": "sat", "days": ["sat"], "hour": 9}});
    let (courses, report) = simulated(&with(json!([saturday, mail("1", "a")])), 30, Assume::Nothing);
    assert_eq!(sent(&courses), ["2026-03-08T23:00:00Z"]);
    assert_eq!((report.held, courses[0].letters[0].owed.to_string()), (BTreeMap::new(), "2026-03-08T23:00:00Z".to_owned()));
    assert!(report.under_way.is_empty() && report.unreached.is_empty());
}

#[test]
fn what_people_do_decides_the_way_and_what_nobody_reaches_is_said() {
    let playbook = with(json!([
        mail("1", "a"),
        {"wait_for": {"id": "w", "did": "mail_clicked", "within": "3d", "then": [mail("yes", "b")], "otherwise": [{"wait": {"id": "long", "for": "60d"}}]}},
        {"ask": {"id": "q", "send": "a", "question": "?", "attribute": "x", "within": "2d",
            "answers": [{"id": "first", "text": "1"}, {"id": "second", "text": "2"}]}}
    ]));
    let unreached = |report: &Report| report.unreached.values().next().cloned().unwrap_or_default();
    let (_, best) = simulated(&playbook, 30, Assume::Best);
    assert_eq!(unreached(&best), ["long", "q/second"]);
    assert_eq!(best.left.values().next().unwrap()[&Left::End], 4);
    let (_, none) = simulated(&playbook, 30, Assume::Nothing);
    assert_eq!(unreached(&none), ["yes", "q"]);
    let stuck = &none.under_way.values().next().unwrap()[&StepId::parse("long").unwrap()];
    assert_eq!((stuck.leads, stuck.some.len()), (4, 4));
    // By what the logs of the best show, everybody does everything again.
    let (courses, _) = simulated(&playbook, 30, Assume::Best);
    let end = BEGIN.parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * 30);
    let rates = Rates::of(&playbook, courses.iter().map(|course| &course.log), end);
    assert_eq!((rates.opened, rates.clicked, rates.answered, rates.came), (1.0, 1.0, 1.0, 1.0));
    assert_eq!(simulated(&playbook, 30, Assume::History(rates)).1, best);
    assert_eq!(simulated(&playbook, 30, Assume::History(Rates::default())).1, none);
}

#[test]
fn who_may_not_be_written_to_gets_nothing() {
    let playbook = with(json!([mail("1", "a"), mail("2", "b")]));
    let begin = BEGIN.parse().unwrap();
    let simulation = Simulation {
        playbook: &playbook,
        version: playbook.version(),
        only: None,
        begin,
        days: 30,
        assume: Assume::Best,
        agreed: false,
    };
    let (lead, log) = examples(begin).remove(0);
    let course = simulation.run(&lead, log, vec![]);
    assert_eq!(course.letters.len(), 2);
    assert!(course.letters.iter().all(|letter| letter.sent.is_none() && letter.held.contains_key(&Hold::NotAllowed)));
    let report = Report::of(&simulation, &[course]);
    assert_eq!((report.unsent, report.waiting), (2, 0));
}

#[test]
fn a_letter_that_still_waits_at_the_end_is_none_that_never_goes_out() {
    // The fourth letter of a week waits for the cap, and the end comes first.
    let playbook = with(json!([mail("1", "a"), mail("2", "b"), mail("3", "a"), mail("4", "b")]));
    let (_, report) = simulated(&playbook, 3, Assume::Nothing);
    assert_eq!((report.waiting, report.unsent), (4, 0));
    let said = serde_json::to_value(&report).unwrap();
    assert_eq!(said["waiting"], 4);
}

#[test]
fn a_date_lets_in_as_it_does_when_it_is_real() {
    let mut playbook = with(json!([mail("1", "a")]));
    let scenario = playbook.scenarios.get_mut(&ScenarioId::parse("s").unwrap()).unwrap();
    scenario.trigger = serde_json::from_value(json!({"date": {"attribute": "renewal"}})).unwrap();
    let begin = BEGIN.parse().unwrap();
    let (version, only, agreed) = (playbook.version(), None, true);
    let simulation = Simulation { playbook: &playbook, version, only, begin, days: 30, assume: Assume::Nothing, agreed };
    let courses: Vec<Course> =
        [None, Some("2026-02-20"), Some("2026-02-26"), Some("2026-03-10"), Some("2026-05-01"), Some("soon")]
            .into_iter()
            .map(|date| {
                let date = date.map(|date| ("renewal".to_owned(), date.to_owned()));
                let all = [("email".to_owned(), "a@example.com".to_owned())].into_iter().chain(date).collect();
                let (lead, log) = listed(&format!("{all:?}"), all, begin);
                simulation.run(&lead, log, vec![])
            })
            .collect();
    let went: Vec<String> = courses
        .iter()
        .map(|course| match course.away.values().next() {
            Some(away) => away.to_string(),
            None => format!("entered {}, sent {}", course.runs[0].entered, course.letters[0].sent.unwrap()),
        })
        .collect();
    assert_eq!(
        went,
        [
            "has no such date",
            "its date passed more than seven days ago",
            "entered 2026-03-02T00:00:00Z, sent 2026-03-02T00:00:00Z",
            "entered 2026-03-10T00:00:00Z, sent 2026-03-10T00:00:00Z",
            "its date comes later than is simulated",
            "has no such date",
        ]
    );
    let report = Report::of(&simulation, &courses);
    assert_eq!(report.kept_out.values().next().unwrap()[&Away::NoDate], 2);
    let said = serde_json::to_value(&report).unwrap();
    assert_eq!(said["kept_out"]["s"]["has no such date"], 2);
}

#[test]
fn everything_that_can_be_waited_for_can_be_done() {
    use crate::condition::What;
    let playbook = playbook();
    let message = MessageId::derive(&["m"]);
    let class = |name: &str| serde_json::from_value(json!(name)).unwrap();
    let begin: Timestamp = BEGIN.parse().unwrap();
    for what in [
        What::Page(class("pricing")),
        What::PlainPage,
        What::AnyPage,
        What::Form(class("inquiry")),
        What::Download,
        What::Click,
        What::Track("demo".to_owned()),
        What::MailOpened,
        What::MailClicked,
        What::EventAttended,
        What::CallMade,
        What::CardExchanged,
        What::Visited,
    ] {
        let kind = act(&playbook, &what, Some(&message)).unwrap();
        let record = Record { source: Source::Server, ..Record::decision(ActivityId::derive(&["x"]), begin, kind) };
        let log = Log { owner: LogOwner::Lead(LeadId::derive(&["l"])), records: vec![record] };
        let folded = Folded::of(&playbook, &log, begin);
        assert!(folded.history().iter().any(|step| step.counts() && what.is(step)), "{what:?}");
    }
    assert!(act(&playbook, &What::Form(class("unknown")), None).is_none());
}
