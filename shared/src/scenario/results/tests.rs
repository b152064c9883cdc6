//! Who stands behind which number.

use super::*;
use crate::activity::{Log, OptOut, Record};
use crate::consent::MailClass;
use crate::fold::history;
use crate::fold::tests::{at, lead_log, playbook};
use crate::id::{ActivityId, AttemptId, LeadId, PlaybookVersion, RuleId};
use crate::mail::gate::Refusal;
use crate::mail::letter::{Cause, Letter};
use crate::playbook::Language;
use crate::scenario::{Entry, Place, Waiting};
use crate::verdict::Verdict;

fn scenario() -> ScenarioId {
    ScenarioId::parse("nurture").unwrap()
}

fn enrollment(run: &str) -> EnrollmentId {
    EnrollmentId::derive(&[run])
}

fn message(run: &str) -> MessageId {
    MessageId::derive(&["letter", run])
}

fn step(id: &str) -> StepId {
    StepId::parse(id).unwrap()
}

fn record(minute: i64, kind: Kind) -> Record {
    let id = ActivityId::derive(&[&minute.to_string(), &serde_json::to_string(&kind).unwrap()]);
    Record::decision(id, at(minute), kind)
}

fn enrolled(minute: i64, run: &str, version: &str) -> Record {
    let (scenario, enrollment, version) = (scenario(), enrollment(run), version.to_owned());
    record(minute, Kind::Enrolled { scenario, enrollment, version, entry: Entry::ByHand(run.to_owned()) })
}

fn advanced(minute: i64, run: &str, version: &str, passed: &[(&str, Passing)], left: Option<Left>) -> Record {
    let passed = passed.iter().map(|(id, how)| Passed { step: step(id), visit: 1, how: how.clone() }).collect();
    let (scenario, enrollment, version) = (scenario(), enrollment(run), version.to_owned());
    record(minute, Kind::Advanced { scenario, enrollment, version, passed, left })
}

fn subject(number: u16) -> Subject {
    Subject { language: Language::En, number, words: "4f9k2a".to_owned() }
}

fn mailed(run: &str, number: u16) -> Passing {
    Passing::Mailed { mail: MailId::parse("hello").unwrap(), message: message(run), subject: subject(number) }
}

fn sent(minute: i64, run: &str) -> Record {
    record(minute, Kind::MailSent { message: message(run), mail: MailId::parse("hello").unwrap(), owner: None })
}

/// The letter of a run after these events.
fn letter(run: &str, events: &[Event]) -> Message {
    let cause = Cause::Scenario { scenario: scenario(), enrollment: enrollment(run), step: step("hello") };
    let (mail, class) = (MailId::parse("hello").unwrap(), MailClass::Marketing);
    let letter = Letter {
        mail,
        class,
        topic: None,
        cause,
        subject: 0,
        values: BTreeMap::new(),
        links: vec![],
        question: None,
        hours: None,
    };
    let (lead, version) = (LeadId::derive(&["lead"]), PlaybookVersion::derive(&["v"]));
    let fresh = Message::letter(message(run), &lead, Language::En, &version, letter, at(1), at(1), Timestamp::MAX);
    events.iter().fold(fresh, |message, event| message.after(event.clone(), at(1)).unwrap())
}

fn open(run: &str, place: &str) -> Enrollment {
    Enrollment {
        id: enrollment(run),
        lead: LeadId::derive(&["lead"]),
        scenario: scenario(),
        playbook: PlaybookVersion::derive(&["v"]),
        version: "v".to_owned(),
        entered: at(0),
        place: Place { step: step(place), visit: 1, since: at(0) },
        waiting: Waiting::Nothing,
        due: at(0),
        visits: BTreeMap::new(),
        day: None,
        mail: None,
        tries: 0,
        revision: 0,
    }
}

/// The figures of the scenario in the words of the command line, each with its place and number.
fn counted(
    records: Vec<Record>,
    letters: &[Message],
    open: &[Enrollment],
    by: Option<&dyn Fn(Timestamp) -> String>,
) -> Vec<String> {
    let (playbook, log): (_, Log) = (playbook(), lead_log(records));
    let history = history(&playbook, &log, at(10_000));
    let mut counts = Counts::default();
    let marks = marks(&Known { history: &history, letters, open, by });
    assert!(marks.iter().all(|(of, _)| *of == scenario()));
    marks.into_iter().for_each(|(_, mark)| counts.add(mark));
    let read: Counts = serde_json::from_str(&serde_json::to_string(&counts).unwrap()).unwrap();
    assert_eq!(read, counts);
    let said = |(mark, count): (&Mark, u64)| {
        let step = mark.step.as_ref().map(|step| format!(" {step}")).unwrap_or_default();
        let letter = mark.letter.as_ref().map(|letter| format!(" {}/{}", letter.mail, letter.subject.number)).unwrap_or_default();
        let by = mark.by.as_ref().map(|by| format!(" [{by}]")).unwrap_or_default();
        let why = Some(mark.figure.why()).filter(|why| !why.is_empty()).map(|why| format!(":{why}")).unwrap_or_default();
        format!("{}{step}{letter}{by} {}{why} {count}", mark.version, mark.figure.defined().key)
    };
    counts.iter().map(said).collect()
}

#[test]
fn a_run_is_counted_where_it_came_by_and_how_it_ended() {
    let log = vec![
        enrolled(1, "a", "v1"),
        advanced(2, "a", "v1", &[("hello", mailed("a", 1)), ("wait", Passing::Done)], None),
        sent(3, "a"),
        // By the next version it goes round once more; the same step counts once.
        advanced(4, "a", "v2", &[("wait", Passing::Done), ("wait", Passing::Done)], None),
        record(
            5,
            Kind::StageMoved { from: Stage::Lead, to: Stage::Mql, cell: None, alert: None, corrects: None, by_rules: false },
        ),
        advanced(6, "a", "v2", &[("fork", Passing::Way(WayId::parse("north").unwrap()))], Some(Left::Goal)),
    ];
    let found = counted(log, &[], &[], None);
    let wanted = [
        "v1 entered 1",
        "v1 hello reached 1",
        "v1 hello hello/1 owed 1",
        "v1 hello hello/1 sent 1",
        "v1 hello hello/1 won 1",
        "v1 wait reached 1",
        "v1 wait done 1",
        "v2 goal 1",
        "v2 mql 1",
        "v2 fork reached 1",
        "v2 fork way:north 1",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn two_runs_of_one_lead_are_two_and_the_open_one_waits_at_its_step() {
    let exit = Left::Exit(RuleId::parse("bought").unwrap());
    let log = vec![
        enrolled(1, "a", "v"),
        advanced(2, "a", "v", &[("hello", Passing::Skipped(Skip::Had))], Some(exit)),
        enrolled(3, "b", "v"),
        advanced(4, "b", "v", &[("hello", Passing::Skipped(Skip::Late))], None),
    ];
    // The item of a run that has ended since it was read says nothing.
    let found = counted(log, &[], &[open("b", "wait"), open("a", "hello")], None);
    let wanted = [
        "v entered 2",
        "v under-way 1",
        "v left:exit:bought 1",
        "v hello reached 2",
        "v hello skipped:late 1",
        "v hello skipped:had 1",
        "v wait reached 1",
        "v wait waiting 1",
    ];
    assert_eq!(found, wanted);
}

#[test]
fn whoever_leaves_at_a_step_has_reached_it() {
    let enters = |run: &str| enrolled(1, run, "v");
    let waits = counted(vec![enters("a"), enters("b")], &[], &[open("a", "wait"), open("b", "wait")], None);
    assert!(waits.contains(&"v wait reached 2".to_owned()), "{waits:?}");
    let leaves = advanced(2, "a", "v", &[("wait", Passing::LeftHere)], Some(Left::Goal));
    let left = counted(vec![enters("a"), enters("b"), leaves], &[], &[open("b", "wait")], None);
    for told in ["v wait reached 2", "v wait waiting 1", "v wait left-here 1"] {
        assert!(left.contains(&told.to_owned()), "{left:?}");
    }
}

#[test]
fn a_letter_that_went_out_after_the_goal_has_not_won_it() {
    let log = |sent_at: i64| {
        let passed = [("hello", mailed("a", 0))];
        vec![
            enrolled(1, "a", "v"),
            advanced(2, "a", "v", &passed, None),
            advanced(5, "a", "v", &[], Some(Left::Goal)),
            sent(sent_at, "a"),
        ]
    };
    let won = |sent_at| counted(log(sent_at), &[], &[], None).iter().any(|line| line.contains(" won "));
    assert_eq!((won(3), won(7)), (true, false));
}

/// The figures of one letter that was owed, with these words in the log.
#[track_caller]
fn check(letter: Option<Message>, told: Vec<Kind>, wanted: &str) {
    let said = (5..).zip(told).map(|(minute, kind)| record(minute, kind));
    let log = [enrolled(1, "a", "v"), advanced(2, "a", "v", &[("hello", mailed("a", 0))], None)];
    let found = counted(log.into_iter().chain(said).collect(), letter.as_slice(), &[], None);
    let found: Vec<&str> = found.iter().filter_map(|line| line.strip_prefix("v hello hello/0 ")).collect();
    assert_eq!(found.iter().map(|line| line.trim_end_matches(" 1")).collect::<Vec<_>>().join(" "), wanted);
}

#[test]
fn a_letter_stands_in_one_place_with_its_reason() {
    let attempt = AttemptId::derive(&["a"]);
    let claimed = Event::Claimed { attempt: attempt.clone() };
    let accepted = Event::Accepted { attempt: attempt.clone(), ses: "s".to_owned() };
    check(Some(letter("a", &[])), vec![], "owed pending");
    let deferred = Event::Deferred { until: at(9), why: Deferral::Window };
    check(Some(letter("a", &[deferred])), vec![], "owed pending put-off:window");
    check(Some(letter("a", std::slice::from_ref(&claimed))), vec![], "owed pending");
    check(Some(letter("a", &[Event::Refused { why: Refusal::OptedOut }])), vec![], "owed unsent:opted_out");
    check(Some(letter("a", &[claimed.clone(), Event::NoAnswer { attempt, why: String::new() }])), vec![], "owed unknown");
    check(Some(letter("a", &[claimed, accepted])), vec![], "owed sent");
    check(None, vec![], "owed gone");
}

#[test]
fn what_readers_did_is_counted_once_and_machines_not_at_all() {
    let own = message("a");
    let opened = || Kind::MailOpened { message: own.clone() };
    let clicked = |of: &str| Kind::MailClicked { message: message(of), link: 0, target: "https://a".to_owned() };
    let delivered = || Kind::MailDelivered { message: own.clone() };
    check(None, vec![opened(), opened(), delivered()], "owed sent delivered opened");
    check(Some(letter("a", &[])), vec![delivered()], "owed sent delivered");
    check(None, vec![clicked("another")], "owed gone");
    let ended = Kind::MailChosen { topic: None, wanted: false, by: OptOut::Page, message: Some(own.clone()) };
    check(None, vec![ended], "owed sent unsubscribed");
    check(None, vec![Kind::MailComplained { message: own.clone() }], "owed sent delivered complained");

    // What the history judges to be a machine's counts for nothing.
    let (playbook, log) = (playbook(), lead_log(vec![record(4, clicked("a")), record(5, opened())]));
    let mut history = history(&playbook, &log, at(100));
    history.iter_mut().for_each(|step| step.judged = Verdict::Machine.into());
    assert_eq!(super::letter(&own, None, &history), [Figure::Owed, Figure::Sent]);
}

#[test]
fn letters_are_told_apart_by_what_was_so_when_they_were_owed() {
    let log = vec![enrolled(1, "a", "v"), advanced(2, "a", "v", &[("hello", mailed("a", 0))], None), sent(3, "a")];
    let by = |moment: Timestamp| if moment == at(2) { "maker".to_owned() } else { "user".to_owned() };
    let found = counted(log, &[], &[], Some(&by));
    assert!(found.contains(&"v [user] entered 1".to_owned()), "{found:?}");
    let letters: Vec<&String> = found.iter().filter(|line| line.contains("hello/0")).collect();
    assert_eq!(
        letters,
        ["v hello hello/0 owed 1", "v hello hello/0 sent 1", "v hello hello/0 [maker] owed 1", "v hello hello/0 [maker] sent 1"]
    );
}

#[test]
fn every_figure_is_defined_once() {
    let mut keys: Vec<&str> = DEFINED.iter().map(|one| one.key).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), DEFINED.len());
    assert_eq!((Figure::Entered.defined().key, Figure::Won.defined().key), ("entered", "won"));
    assert_eq!(Figure::Left(Left::InSales).why(), "in_sales");
    assert_eq!(Figure::Unsent(Unsent::OptedOut).reason(Language::Ja), "配信停止済み");
}
