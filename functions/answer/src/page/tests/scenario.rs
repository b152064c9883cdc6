//! What the page says of scenarios: where the lead stands in them, and what they did with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use michi::activity::{Kind, Proof, Source};
use michi::id::{EnrollmentId, MailId, MessageId, PlaybookVersion, RuleId, ScenarioId, StepId, WayId};
use michi::io::store::{Lies, Pause};
use michi::playbook::Language;
use michi::scenario::{Enrollment, Entry, Left, Passed, Passing, Place, Subject, Waiting};

use super::super::UnderWay;
use super::story::{Story, Told, playbook};

const SCENARIO: &str = "after-white-paper";

fn id<T>(text: &str, parse: impl FnOnce(String) -> Result<T, michi::id::InvalidId>) -> T {
    parse(text.to_owned()).unwrap()
}

fn scenario() -> ScenarioId {
    id(SCENARIO, ScenarioId::parse)
}

fn advanced(passed: Vec<Passed>, left: Option<Left>) -> Kind {
    Kind::Advanced { scenario: scenario(), enrollment: EnrollmentId::derive(&["e"]), version: "v1".to_owned(), passed, left }
}

fn passed(step: &str, how: Passing) -> Passed {
    Passed { step: id(step, StepId::parse), visit: 1, how }
}

/// The second English subject.
fn subject_sent() -> Subject {
    let playbook = playbook();
    let mail = playbook.mail(&id("three-questions", MailId::parse)).unwrap();
    Subject::of(Language::En, &mail.versions[&Language::En], 1).unwrap()
}

/// Somebody who got the second subject of a letter, answered, and left.
fn reader() -> Story {
    let mut story = Story::new();
    let (message, mail) = (MessageId::derive(&["m"]), id("three-questions", MailId::parse));
    story.form("white-paper", &[("email", "ann@acme.example")]).linked(Proof::First);
    let (enrollment, version) = (EnrollmentId::derive(&["e"]), "v1".to_owned());
    story.add(
        Source::Michi,
        Kind::Enrolled { scenario: scenario(), enrollment: enrollment.clone(), version, entry: Entry::State(0) },
    );
    let mailed = Passing::Mailed { mail: mail.clone(), message: message.clone(), subject: subject_sent() };
    story.pass(2 * 24 * 60).add(Source::Michi, advanced(vec![passed("time-to-read", Passing::Done)], None));
    story.pass(60).add(Source::Michi, advanced(vec![passed("three-questions", mailed)], None));
    story.add(Source::Michi, Kind::MailSent { message: message.clone(), mail, owner: None });
    for _ in 0..3 {
        story.pass(24 * 60).add(Source::Michi, advanced(vec![passed("a-week", Passing::Done)], None));
    }
    let answer = Kind::Answered {
        enrollment,
        step: id("how-far", StepId::parse),
        message,
        attribute: "how_far".to_owned(),
        answer: id("comparing", WayId::parse),
    };
    story.add(Source::Michi, answer);
    story.pass(24 * 60).add(Source::Michi, advanced(vec![], Some(Left::Exit(id("excluded", RuleId::parse)))));
    story
}

/// Every entry as it is read, the newest first.
fn entries(told: &Told) -> Vec<String> {
    let entries = told.page.timeline.days.iter().flat_map(|day| &day.visits).flat_map(|visit| &visit.entries);
    entries
        .map(|entry| {
            [&[entry.what, entry.about.text.as_str()], &*entry.notes.iter().map(String::as_str).collect::<Vec<_>>()]
                .concat()
                .join(" | ")
        })
        .collect()
}

#[test]
fn the_history_has_names_and_causes_and_no_empty_days() {
    let told = reader().told(Language::En);
    assert_eq!(
        entries(&told)[..4],
        [
            "Left the scenario | After a white paper | the exit “excluded”",
            "Answered | We are comparing offers | Where do you stand?",
            "Mail sent | Before you compare offers, agree on these three things",
            "Entered the scenario | After a white paper",
        ]
    );
    let timeline = &told.page.timeline;
    assert_eq!(timeline.days.len(), 4, "the days on which something is told: {:?}", entries(&told));
    assert!(timeline.days.iter().flat_map(|day| &day.visits).all(|visit| !visit.entries.is_empty() && visit.more.is_none()));
    let japanese = entries(&reader().told(Language::Ja));
    assert_eq!(
        japanese[..3],
        [
            "シナリオ終了 | 資料請求のあと | 終了条件「excluded」",
            "回答 | いくつかを比較しています | ご検討の状況をお聞かせください",
            "メール送信 | Before you compare offers, agree on these three things",
        ]
    );
}

#[test]
fn what_the_playbook_has_no_more_is_told_by_its_id() {
    let mut story = Story::new();
    story.form("white-paper", &[("email", "ann@acme.example")]).linked(Proof::First);
    let (message, mail) = (MessageId::derive(&["m"]), id("spring-letter", MailId::parse));
    story.add(Source::Michi, Kind::MailSent { message, mail, owner: None });
    // Of several subjects nobody knows which one it was.
    let (message, mail) = (MessageId::derive(&["n"]), id("three-questions", MailId::parse));
    story.add(Source::Michi, Kind::MailSent { message, mail, owner: None });
    let gone = Kind::Advanced {
        scenario: id("spring", ScenarioId::parse),
        enrollment: EnrollmentId::derive(&["e"]),
        version: "v1".to_owned(),
        passed: vec![],
        left: Some(Left::ScenarioGone),
    };
    story.add(Source::Michi, gone);
    assert_eq!(
        entries(&story.told(Language::En))[..3],
        ["Left the scenario | spring | the scenario was taken away", "Mail sent | three-questions", "Mail sent | spring-letter",]
    );
}

fn enrollment(step: &str, waiting: Waiting, entered: Timestamp, due: Timestamp) -> Enrollment {
    Enrollment {
        id: EnrollmentId::derive(&["e"]),
        lead: michi::id::LeadId::derive(&["l"]),
        scenario: scenario(),
        playbook: PlaybookVersion::derive(&["p"]),
        version: "v1".to_owned(),
        entered,
        place: Place { step: id(step, StepId::parse), visit: 1, since: entered },
        waiting,
        due,
        visits: BTreeMap::new(),
        day: None,
        mail: None,
        tries: 0,
        revision: 1,
    }
}

#[test]
fn the_page_says_where_the_lead_stands_and_what_it_waits_for() {
    let mut story = Story::new();
    let (entered, now): (Timestamp, Timestamp) =
        ("2026-11-16T09:00:00+09:00".parse().unwrap(), "2026-11-16T12:00:00+09:00".parse().unwrap());
    let until: Timestamp = "2026-11-18T09:00:00+09:00".parse().unwrap();
    story.form("white-paper", &[("email", "ann@acme.example")]).linked(Proof::First);
    story.now = now;
    let mut said = |step: &str, waiting: Waiting, due, change: fn(&mut UnderWay), language| {
        let by = Some(Arc::new(playbook()));
        let mut one = UnderWay { enrollment: enrollment(step, waiting, entered, due), lies: Lies::Due, paused: None, by };
        change(&mut one);
        story.under_way = vec![one];
        let told = story.told(language);
        let course = &told.page.under_way[0];
        let until = course.waits.until.as_ref().map(|until| until.text.as_str()).unwrap_or_default();
        let waits = format!("{} {until}{}", course.waits.before, course.waits.after);
        assert!(told.html.contains("id=\"under-way\"") && told.page.plain().unwrap().contains(waits.trim()));
        [
            &[course.name.as_str(), course.says.as_str(), waits.trim()],
            &*course.halts.iter().map(String::as_str).collect::<Vec<_>>(),
        ]
        .concat()
        .join(" | ")
    };
    let as_it_is: fn(&mut UnderWay) = |_| {};
    let (en, ja) = (Language::En, Language::Ja);
    let wait = || Waiting::Until(until);
    assert_eq!(said("time-to-read", wait(), until, as_it_is, en), "After a white paper | Wait 2 days. | Until 18 Nov 09:00");
    assert_eq!(said("time-to-read", wait(), until, as_it_is, ja), "資料請求のあと | 2日待つ。 | 11月18日 09:00まで待機");
    let mail = "Send the mail making-the-case (\"Making the case in one page\").";
    let window = said("making-the-case", wait(), until, as_it_is, en);
    assert!(
        window.ends_with("Until its hours begin, 18 Nov 09:00") && window.contains("Send the mail making-the-case"),
        "{mail} {window}"
    );
    assert!(
        said("time-to-read", wait(), now, |one| one.enrollment.waiting = Waiting::Nothing, en)
            .ends_with("Goes on within a minute or two")
    );
    let answer = Waiting::Answer { message: MessageId::derive(&["m"]), until };
    assert!(said("how-far", answer, until, as_it_is, ja).ends_with("最長 11月18日 09:00まで回答を待機"));
    let before = Waiting::Mail(MessageId::derive(&["m"]));
    assert!(said("making-the-case", before, until, as_it_is, en).ends_with("Waits until the mail before it is sent or given up"));

    // Why it does not go on.
    let paused: fn(&mut UnderWay) = |one| {
        one.paused = Some(Pause { since: one.enrollment.entered, by: "Mika".to_owned() });
        one.lies = Lies::Paused;
    };
    assert!(
        said("time-to-read", wait(), until, paused, en)
            .ends_with("Until 18 Nov 09:00 | The scenario is paused since today 09:00, by Mika")
    );
    let rests: fn(&mut UnderWay) = |one| {
        one.enrollment.waiting = Waiting::Resume { before: Box::new(one.enrollment.waiting.clone()) };
    };
    assert!(said("time-to-read", wait(), until, rests, en).ends_with("Until 18 Nov 09:00 | This lead alone is paused in it"));
    assert!(
        said("time-to-read", wait(), until, |one| one.lies = Lies::Held, ja)
            .ends_with("失敗が続いたため保留中（担当者の確認が必要）")
    );
    assert!(
        said("time-to-read", wait(), until, |one| one.by = None, en)
            .starts_with("after-white-paper | the scenario was taken away | ")
    );
    assert!(said("no-such-step", wait(), until, as_it_is, en).starts_with("After a white paper | the step was taken away | "));
}
