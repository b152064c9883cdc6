//! The page against a story, floods and hostile visitors.

mod scenario;
mod story;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use michi::activity::{Kind, Proof, SalesAnswer, Source};
use michi::consent::{Basis, MailClass};
use michi::id::{EnrollmentId, HandoffId, MailId, MessageId, OwnerId, ScenarioId, VisitorId};
use michi::playbook::Language;
use michi::scenario::Entry;
use michi::verdict::{Signals, UserAgent};

use super::scores::{More, Row};
use story::{SITE, Story, Told, buyer};

/// Points as shown, in tenths.
fn tenths(shown: &str) -> i64 {
    let shown = shown.replace('−', "-");
    let (whole, rest) = shown.split_once('.').unwrap_or((&shown, "0"));
    let sign = if whole.starts_with('-') { -1 } else { 1 };
    whole.parse::<i64>().unwrap() * 10 + sign * rest.parse::<i64>().unwrap()
}

/// What stands in the rows sums to what stands above them, and every reason stands in a row or is counted in one.
fn check_sums(told: &Told) {
    let interest = &told.page.interest;
    let sum = |rows: &[Row]| rows.iter().map(|row| tenths(&row.left)).sum::<i64>();
    for month in &interest.older {
        assert_eq!(sum(&month.rows), tenths(&month.left), "{} {}", month.why, month.month);
    }
    let older: i64 = interest.older.iter().map(|month| tenths(&month.left)).sum();
    let rest: i64 = interest.rest.iter().map(|more| tenths(&more.left)).sum();
    assert_eq!(sum(&interest.recent) + older + rest, tenths(&interest.points));

    let more = |more: &More| more.more.chars().filter(char::is_ascii_digit).collect::<String>().parse::<usize>().unwrap();
    let rows = interest.recent.len() + interest.older.iter().map(|month| month.rows.len()).sum::<usize>();
    assert_eq!(rows + interest.rest.iter().map(more).sum::<usize>(), told.lead.interest.reasons.len());

    let fit: i64 = told.page.fit.rules.iter().filter(|rule| rule.met).map(|rule| tenths(&rule.points)).sum();
    assert_eq!(fit, tenths(&told.page.fit.points));
}

#[test]
fn every_reason_is_shown_and_the_rows_sum_to_the_number() {
    let told = buyer().told(Language::En);
    check_sums(&told);
    assert_eq!(told.page.standing.cell, "A1");
    let careers = told.page.interest.recent.iter().find(|row| row.why == "Looked at the jobs").unwrap();
    assert_eq!((careers.granted.as_str(), careers.cut.as_deref()), ("−2", Some("8 more were not there to take")));
    let read = told.page.interest.recent.iter().find(|row| row.about.text.starts_with("Case study: Kansai")).unwrap();
    assert_eq!((read.about.text.as_str(), read.granted.as_str(), read.left.as_str()), ("Case study: Kansai Seiki", "5", "4.8"));
    assert_eq!(read.about.link.as_deref(), Some("http://127.0.0.1:7070/cases/kansai-seiki"));
}

#[test]
fn a_limit_shows_what_it_cut() {
    let mut story = Story::new();
    for n in 0..12 {
        story.page(&format!("/about/{n}"), "About", 0);
    }
    let told = story.linked(Proof::First).told(Language::Ja);
    check_sums(&told);
    let cuts: Vec<_> = told.page.interest.recent.iter().filter_map(|row| row.cut.as_deref()).collect();
    assert_eq!(cuts, ["1日の上限により1点切り捨て"; 2]);
    assert_eq!(told.page.interest.points, "10");
}

#[test]
fn a_long_log_makes_a_page_that_can_be_read() {
    let mut story = Story::new();
    story.linked(Proof::First);
    for n in 0..10_000 {
        // Three things a day for nine years, and the last two thousand within one visit.
        story.pass(if n < 8_000 { 8 * 60 } else { 1 });
        match n % 4 {
            0 => story.form("inquiry", &[("email", "ann@acme.example"), ("message", "Please call")]),
            1 => story.page("/careers", "Careers", 0),
            2 => story.page("/pricing", "Pricing", 30),
            _ => story.page("/", "Home", 0),
        };
    }
    let told = story.told(Language::En);
    check_sums(&told);
    let interest = &told.page.interest;
    assert!(told.lead.interest.reasons.len() >= 4_000, "{}", told.lead.interest.reasons.len());
    assert!(!interest.older.is_empty() && !interest.rest.is_empty());
    assert!(told.html.len() < 600_000, "{} bytes", told.html.len());
    let timeline = &told.page.timeline;
    let entries: usize = timeline.days.iter().flat_map(|day| &day.visits).map(|visit| visit.entries.len()).sum();
    assert_eq!(entries, 500);
    assert!(timeline.days[0].visits[0].more.as_deref().is_some_and(|more| more.starts_with("and 1,")));
    assert!(timeline.earlier.as_deref().is_some_and(|earlier| earlier.starts_with("Before that: ")), "{:?}", timeline.earlier);
}

#[test]
fn half_an_hour_of_silence_ends_a_visit() {
    let mut story = Story::new();
    story.page("/", "Home", 0).pass(30).page("/a", "A", 0).pass(31).page("/b", "B", 45).linked(Proof::First);
    let told = story.told(Language::En);
    let days = &told.page.timeline.days;
    assert_eq!(days.iter().map(|day| day.title.as_str()).collect::<Vec<_>>(), ["Today · Monday 16 November 2026"]);
    let seen: Vec<_> = days[0]
        .visits
        .iter()
        .map(|visit| {
            let until = visit.until.as_ref().map(|until| until.text.as_str());
            (visit.from.text.as_str(), until, visit.summary.join(", "), visit.entries.len())
        })
        .collect();
    assert_eq!(seen, [("10:01", None, "1 page, 45 s".to_owned(), 2), ("09:00", Some("09:30"), "2 pages".to_owned(), 2)]);
    let page = &days[0].visits[0].entries[1];
    assert_eq!(
        (page.what, page.about.text.as_str(), page.engaged.as_deref(), page.points.as_deref()),
        ("Page", "B", Some("45 s"), Some("+1"))
    );
}

#[test]
fn a_visit_past_midnight_belongs_to_the_day_it_began() {
    let mut story = Story::new();
    story.pass(14 * 60 + 50).page("/", "Home", 0).pass(20).page("/a", "A", 0).linked(Proof::First).pass(24 * 60);
    let told = story.told(Language::Ja);
    let day = &told.page.timeline.days[0];
    assert_eq!((day.title.as_str(), day.visits.len()), ("2026年11月16日（月）", 1));
    assert_eq!((day.visits[0].from.text.as_str(), day.visits[0].until.as_ref().unwrap().text.as_str()), ("23:50", "00:10"));
}

#[test]
fn the_page_speaks_japanese() {
    let Told { html, .. } = buyer().told(Language::Ja);
    for said in [
        "<html lang=\"ja\">",
        "山田 花子 <small>様</small>",
        "関心度",
        "適合度",
        "3分35秒",
        "料金ページを閲覧",
        "今日 09:16",
        "11月19日",
        "資料.pdf",
    ] {
        assert!(html.contains(said), "{said}");
    }
    let english = ["Interest", "Points", "Together", "What happened", "What we know", "Since", "Looked at", "ago", " s<"];
    let body = html.split_once("</style>").unwrap().1;
    for word in english {
        assert!(!body.contains(word), "{word}");
    }
}

#[test]
fn a_rule_that_does_not_hold_is_shown_too() {
    let mut story = Story::new();
    story.form("inquiry", &[("email", "ann@gmail.com"), ("company", "Acme")]).linked(Proof::First);
    let told = story.told(Language::En);
    check_sums(&told);
    let met: Vec<_> = told.page.fit.rules.iter().map(|rule| (rule.points.as_str(), rule.met)).collect();
    assert_eq!(met, [("20", false), ("20", true), ("25", false), ("20", false), ("15", false)]);
    assert!(told.html.contains("<tr class=\"unmet\">") && told.html.contains("<s>25</s>"));
}

#[test]
fn an_excluded_lead_says_why() {
    let mut story = Story::new();
    for _ in 0..3 {
        story.page("/careers", "Careers", 0);
    }
    let told = story.form("inquiry", &[("email", "ann@acme.example")]).linked(Proof::First).told(Language::En);
    assert_eq!(
        (told.page.standing.cell.as_str(), told.page.standing.excluded.as_slice()),
        ("–", ["Is looking for a job".to_owned()].as_slice())
    );
    assert!(told.html.contains("Not for sales") && told.html.contains("<li>Is looking for a job</li>"));
}

#[test]
fn what_is_only_claimed_is_marked_and_machines_are_told_apart() {
    let mut story = Story::new();
    story.form("inquiry", &[("email", "ann@acme.example"), ("name", "Ann")]).linked(Proof::First);
    let known = story.told(Language::En);
    assert!(!known.html.contains("unconfirmed"));

    story.visitor = VisitorId::parse("visitor-2").unwrap();
    story
        .pass(60)
        .page("/pricing", "Pricing", 0)
        .form("white-paper", &[("email", "ann@acme.example"), ("phone", "03-1234-5678")]);
    story.linked(Proof::Claimed);
    story.signals = Signals { user_agent: UserAgent::Robot("bot".to_owned()), ..Signals::default() };
    story.page("/cases/a", "Case", 0);
    let told = story.told(Language::En);
    check_sums(&told);
    let entries: Vec<_> = told.page.timeline.days[0].visits[0]
        .entries
        .iter()
        .map(|entry| (entry.what, entry.unconfirmed, entry.idle.is_some()))
        .collect();
    assert_eq!(entries, [("Page", true, true), ("Browser", false, false), ("Form", true, false), ("Page", true, false)]);
    assert!(told.page.interest.recent.iter().filter(|row| row.unconfirmed).count() == 2);
    assert!(!told.page.interest.recent.iter().any(|row| row.why == "Read a case study"));
    let phone = told.page.known.iter().find(|known| known.name == "Phone").unwrap();
    let name = told.page.known.iter().find(|known| known.name == "Name").unwrap();
    assert!(phone.unconfirmed && !name.unconfirmed && told.page.person.reach[0].unconfirmed);
}

#[test]
fn what_belongs_to_somebody_else_is_not_shown() {
    let mut story = Story::new();
    story.form("inquiry", &[("email", "ann@acme.example")]).linked(Proof::First);
    let (visitor, from) = (story.visitor.clone(), story.now + SignedDuration::from_mins(5));
    story.pass(6).form("inquiry", &[("email", "bob@other.example"), ("message", "Bob's secret")]);
    story.add(Source::Michi, Kind::VisitorCut { visitor, from });
    let told = story.told(Language::En);
    check_sums(&told);
    assert!(!told.html.contains("Bob") && !told.html.contains("bob@") && told.html.contains("ann@acme.example"));
}

#[test]
fn hostile_text_is_plain_text() {
    let mut story = Story::new();
    story.page("/x\"onmouseover=\"alert(1)", "<script>alert(1)</script>{{ 7*7 }}", 0);
    story.page("https://evil.example/login", "Click here", 0).page("javascript:alert(1)//x", "", 0);
    story.page("http://127.0.0.1:7070@evil.example/", "Home", 0).page(&format!("/{}", "%".repeat(5_000)), &"W".repeat(5_000), 0);
    story.form(
        "inquiry",
        &[
            ("email", "o'x+y&z@acme.example"),
            ("name", "<img src=x onerror=alert(1)>\u{202e}nnA\r\nBcc: a@b.c"),
            ("phone", "javascript:alert(12345)"),
            ("website", "javascript:alert(1)"),
            ("company", "\u{0}\u{7}Acme\u{2028}\u{200b}"),
            ("</dt><script>", "</dd><script>x</script>"),
            ("message", &"long ".repeat(5_000)),
        ],
    );
    story.add(
        Source::Server,
        Kind::AttributeSet { name: "website".to_owned(), value: "https://acme.example/?a=\"><b>".to_owned() },
    );
    story.add(
        Source::Site,
        Kind::Clicked { page_view: None, target: "javascript:alert(2)".to_owned(), text: Some("<b>Hi</b>".to_owned()) },
    );
    let told = story.linked(Proof::First).told(Language::En);
    let body = told.html.split_once("</style>").unwrap().1;
    for bad in [
        "<script",
        "<img",
        "<b>Hi",
        "onmouseover=\"",
        "href=\"javascript",
        "href=\"https://evil",
        "@evil.example/\"",
        "\u{202e}",
        "\u{200b}",
        "\u{2028}",
        "\0",
        "\u{7}",
        "\r",
    ] {
        assert!(!body.contains(bad), "{bad:?}");
    }
    for shown in
        ["&#60;script&#62;alert(1)&#60;/script&#62;{{ 7*7 }}", "&#60;img src=x onerror=alert(1)&#62;nnA Bcc: a@b.c", "Click here"]
    {
        assert!(body.contains(shown), "{shown}");
    }
    assert_eq!(told.page.person.company.as_deref(), Some("Acme"));
    assert_eq!(told.page.person.reach[1].target.as_deref(), Some("mailto:o%27x%2By%26z@acme.example"));
    // A telephone number is only what can be dialled of it.
    assert_eq!(told.page.person.reach[0].target.as_deref(), Some("tel:12345"));
    assert!(body.len() < 60_000, "{}", body.len());
}

#[test]
fn the_page_runs_and_fetches_nothing() {
    let Told { html, .. } = buyer().told(Language::En);
    for bad in ["<script", " style=", " src=", "onclick", "onload", "onerror", "<link", "<iframe", "<form", "url(", "@import"] {
        assert!(!html.contains(bad), "{bad}");
    }
}

#[test]
fn every_kind_of_thing_has_its_words() {
    let mut story = Story::new();
    let (owner, message, now) = (OwnerId::parse("sales").unwrap(), MessageId::parse("m1").unwrap(), story.now);
    story.form("inquiry", &[("email", "ann@acme.example")]).linked(Proof::Proven);
    let handoff = HandoffId::parse("h1").unwrap();
    for answer in
        [SalesAnswer::Accepted, SalesAnswer::Rejected { reason: "No budget".to_owned() }, SalesAnswer::Recycled { until: now }]
    {
        story.add(Source::Michi, Kind::SalesAnswered { handoff: handoff.clone(), owner: owner.clone(), answer });
    }
    story.add(Source::Michi, Kind::MailSent { message: message.clone(), mail: MailId::parse("welcome").unwrap(), owner: None });
    story.add(Source::Michi, Kind::MailOpened { message: message.clone() });
    story.add(Source::Michi, Kind::MailClicked { message, link: 0, target: format!("{SITE}/pricing?x=1") });
    story.add(Source::Server, Kind::EventAttended { event: "Autumn fair".to_owned() });
    story.add(Source::Server, Kind::CallMade { owner: Some(owner), note: Some("Call again".to_owned()) });
    story.add(
        Source::Server,
        Kind::Tracked { event: "Trial started".to_owned(), properties: BTreeMap::from([("plan".to_owned(), "pro".to_owned())]) },
    );
    story.add(Source::Server, Kind::AttributeSet { name: "role".to_owned(), value: String::new() });
    story.add(
        Source::Server,
        Kind::Consented {
            class: MailClass::Marketing,
            granted: false,
            basis: Basis::Server,
            text: None,
            awaits: false,
            form: None,
            by: None,
        },
    );
    let (scenario, enrollment) = (ScenarioId::parse("nurture").unwrap(), EnrollmentId::parse("e1").unwrap());
    let (version, entry) = ("v1".to_owned(), Entry::State(0));
    story.add(Source::Michi, Kind::Enrolled { scenario, enrollment, version, entry });
    let traits = BTreeMap::from([("department".to_owned(), "IT".to_owned())]);
    story.add(Source::Server, Kind::Identified { address: None, traits, proof: Proof::Proven, token: None });

    let told = story.told(Language::En);
    let entries: Vec<_> =
        told.page.timeline.days[0].visits[0].entries.iter().map(|entry| (entry.what, entry.about.text.as_str())).collect();
    assert_eq!(
        entries,
        [
            ("Identified", ""),
            ("Entered the scenario", "nurture"),
            ("Mail", "Wants no more mail"),
            ("Changed", "Role: removed"),
            ("Event", "Trial started"),
            ("Call", "Hanako Sato"),
            ("Attended", "Autumn fair"),
            ("Mail clicked", "127.0.0.1:7070/pricing"),
            ("Mail opened", ""),
            ("Mail sent", "welcome"),
            ("Sales", "Hanako Sato: not before Monday 16 November 2026"),
            ("Sales", "Hanako Sato: rejected"),
            ("Sales", "Hanako Sato: accepted"),
            ("Browser", "Proven to be this person’s"),
            ("Form", "inquiry"),
        ]
    );
}

#[test]
fn clicks_in_mail_say_in_which_and_whether_a_person_made_them() {
    let mut story = Story::new();
    let message = MessageId::parse("m1").unwrap();
    story.form("inquiry", &[("email", "ann@acme.example")]).linked(Proof::Proven);
    story.add(Source::Michi, Kind::MailSent { message: message.clone(), mail: MailId::parse("welcome").unwrap(), owner: None });
    let clicked = |link| Kind::MailClicked { message: message.clone(), link, target: format!("{SITE}/pricing") };
    let robot = Signals { user_agent: UserAgent::Robot("bot".to_owned()), ..Signals::default() };
    story.pass(60).add(Source::Site, clicked(0));
    story.signals = robot;
    story.pass(60).add(Source::Site, clicked(1));
    story.signals = Signals::default();
    story.pass(60).add(Source::Site, clicked(0));
    let told = story.told(Language::En);
    let entries: Vec<_> = told.page.timeline.days.iter().flat_map(|day| &day.visits).flat_map(|visit| &visit.entries).collect();
    let clicks: Vec<_> =
        entries.iter().filter(|entry| entry.what == "Mail clicked").map(|e| (e.notes.concat(), e.idle)).collect();
    let (machine, unclear) = ("a machine, counts for nothing", "not clear whether a person, counts for nothing");
    let welcome = "welcome".to_owned();
    assert_eq!(clicks, [(welcome.clone(), Some(unclear)), (welcome.clone(), Some(machine)), (welcome, None)]);
    assert!(told.html.contains(machine) && told.html.contains(unclear));
}

#[test]
fn nobody_and_nothing_makes_a_page_too() {
    let mut story = Story::new();
    let told = story.pass(1).told(Language::En);
    check_sums(&told);
    assert!(told.html.contains("Somebody without a name") && told.html.contains("Nothing has given points yet."));
}
