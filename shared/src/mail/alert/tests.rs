//! What an alert says of a lead that did this and that.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::id::{ActivityId, ClassId, PageViewId};
use crate::lead::Level;
use crate::scoring::{Fit, Interest};

impl Alert {
    /// An alert about a lead of whom everything is known.
    pub(crate) fn sample(now: Timestamp) -> Self {
        let ago = |minutes| now.checked_sub(SignedDuration::from_mins(minutes)).unwrap();
        let known = |text| Some(Known { text: Plain::of(text).unwrap(), unconfirmed: false });
        let page = |title, minutes, engaged| PageLine {
            title: Plain::of(title).unwrap(),
            at: ago(minutes),
            engaged,
            unconfirmed: false,
        };
        let what = |en: &str, ja: &str| Text { en: en.to_owned(), ja: ja.to_owned() };
        Self {
            at: now,
            name: known("Ann Lee"),
            company: known("Acme Ltd"),
            role: known("Head of production"),
            phone: known("+81 3-1234-5678"),
            address: Some(Address::parse("ann.lee@acme.example").unwrap()),
            stage: Stage::Mql,
            cell: Some(Cell::try_from("B2".to_owned()).unwrap()),
            phase: Phase::Deciding,
            fit: 65.0,
            interest: 46.8,
            before: Some(Before { fit: 20.0, cell: Some(Cell::try_from("C3".to_owned()).unwrap()) }),
            rise: Some(Rise { from: 12.2, within: Within::ThreeDays }),
            deeds: vec![
                Deed { what: what("Requested the white paper", "資料を請求"), times: 1, last: ago(2), unconfirmed: false },
                Deed { what: what("Looked at pricing", "料金ページを閲覧"), times: 3, last: ago(10), unconfirmed: false },
            ],
            reading: Some(page("Pricing", 10, 80_000)),
            pages: vec![page("White paper", 3, 45_000), page("Pricing", 10, 80_000), page("Case study: Kansai Works", 12, 0)],
        }
    }
}

fn playbook() -> Playbook {
    let rule = |id: &str, points: i32| json!({ "id": id, "why": { "en": id, "ja": id }, "on": "any_page", "points": points });
    serde_json::from_value(json!({
        "setup": {
            "company": { "name": "Kikai", "postal_address": "1 Road", "contact": "x@kikai.example" },
            "sender": { "name": "Kikai", "address": "michi@kikai.example" },
            "language": "en", "time_zone": "Asia/Tokyo", "write_key": "pk_1", "sites": [],
            "owners": [{ "id": "sato", "name": "Sato", "address": "sato@kikai.example" }],
        },
        "scoring": {
            "fit": { "rules": [], "grades": { "a": 75, "b": 50, "c": 25 }, "margin": 5 },
            "interest": {
                "half_life": "30d", "momentum": { "half_life": "3d", "surging": 20 },
                "levels": { "level_1": 60, "level_2": 30, "level_3": 10 }, "margin": 3,
                "rules": [rule("paper", 20), rule("pricing", 10), rule("page", 1), rule("careers", -10)],
                "unconfirmed_daily": 20,
            },
            "phases": { "deciding": { "classes": [] }, "comparing": { "classes": [] } },
            "matrix": {}, "alert_window": "7d",
        },
        "segments": {},
    }))
    .unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T14:00:00+09:00".parse().unwrap()
}

fn ago(hours: i64) -> Timestamp {
    now() - SignedDuration::from_hours(hours)
}

/// A reason as the fold gives it: what the points have come to since.
fn reason(rule: &str, hours: i64, points: f64) -> InterestReason {
    InterestReason {
        rule: RuleId::parse(rule).unwrap(),
        activity: ActivityId::derive(&[rule, &hours.to_string()]),
        at: ago(hours),
        points,
        cut: 0.0,
        now: points * (-(hours as f64) / (30.0 * 24.0)).exp2(),
        unconfirmed: false,
    }
}

fn page(path: &str, hours: i64, engaged: u64, class: Option<&str>) -> PageSeen {
    PageSeen {
        page_view: PageViewId::derive(&[path, &hours.to_string()]),
        at: ago(hours),
        url: format!("https://kikai.example{path}"),
        title: None,
        class: class.map(|class| ClassId::parse(class).unwrap()),
        engaged,
        unconfirmed: false,
    }
}

fn lead(reasons: Vec<InterestReason>, pages: Vec<PageSeen>) -> Lead {
    let points = reasons.iter().map(|reason| reason.now).sum();
    Lead {
        permissions: crate::consent::Permissions::default(),
        stage: Some(Stage::Mql),
        attributes: BTreeMap::new(),
        fit: Fit { points: 60.0, grade: None, reasons: vec![] },
        interest: Interest { points, rank: None, level: Level::COLDEST, momentum: 0.0, surging: false, reasons },
        excluded: vec![],
        cell: None,
        phase: Phase::Deciding,
        segments: BTreeSet::new(),
        proposal: None,
        visitors: vec![],
        pages,
        moves: vec![],
        seen: None,
        valid_until: None,
    }
}

fn alert(reasons: Vec<InterestReason>, pages: Vec<PageSeen>) -> Alert {
    Alert::of(&playbook(), &lead(reasons, pages), None, now())
}

#[test]
fn interest_rises_within_the_shortest_time_that_saw_most_of_it() {
    let check = |reasons: Vec<InterestReason>, wanted: Option<(f64, Within)>| {
        let found = alert(reasons, vec![]).rise.map(|rise| (rise.from.round(), rise.within));
        assert_eq!(found, wanted);
    };
    check(vec![], None);
    check(vec![reason("paper", 0, 20.0)], Some((0.0, Within::Hour)));
    check(vec![reason("paper", 48, 20.0), reason("pricing", 47, 10.0)], Some((0.0, Within::ThreeDays)));
    // What was there before has decayed since; it is told as it was then.
    check(vec![reason("paper", 30 * 24, 20.0), reason("paper", 2, 20.0)], Some((10.0, Within::Day)));
    // Little of it came lately, most of it this week.
    check(vec![reason("paper", 100, 20.0), reason("page", 0, 1.0)], Some((0.0, Within::Week)));
    // It falls.
    check(vec![reason("paper", 40 * 24, 20.0)], None);
    check(vec![reason("paper", 40 * 24, 20.0), reason("careers", 1, -5.0)], None);
}

#[test]
fn deeds_are_the_weightiest_of_late_newest_first() {
    let mut claimed = reason("pricing", 3, 10.0);
    claimed.unconfirmed = true;
    let mut reasons = vec![reason("page", 1, 1.0), reason("paper", 2, 20.0), claimed.clone(), reason("careers", 1, -10.0)];
    reasons.extend([reason("paper", 8 * 24, 20.0), reason("gone", 1, 99.0)]);
    let told = |reasons: &[InterestReason]| -> Vec<(String, u32, bool)> {
        let deeds = alert(reasons.to_vec(), vec![]).deeds;
        deeds.into_iter().map(|deed| (deed.what.en, deed.times, deed.unconfirmed)).collect()
    };
    assert_eq!(told(&reasons), [("paper".to_owned(), 1, false), ("pricing".to_owned(), 1, true)]);
    // Once more, by somebody certain: two times, and confirmed.
    reasons.push(reason("pricing", 1, 10.0));
    assert_eq!(told(&reasons), [("pricing".to_owned(), 2, false), ("paper".to_owned(), 1, false)]);
}

#[test]
fn reading_is_what_was_read_longest_on_the_last_day() {
    let read = |pages: Vec<PageSeen>| alert(vec![], pages).reading.map(|page| (page.title.to_string(), page.engaged));
    let pricing = |hours, engaged| page("/pricing", hours, engaged, Some("pricing"));
    assert_eq!(read(vec![]), None);
    assert_eq!(read(vec![pricing(1, 4_000)]), None, "a glance");
    assert_eq!(read(vec![pricing(1, 4_000), page("/pricing?a=b", 2, 4_000, None)]), Some(("/pricing".to_owned(), 8_000)));
    let about = page("/about", 1, 90_000, None);
    assert_eq!(read(vec![about.clone(), pricing(2, 20_000)]), Some(("/pricing".to_owned(), 20_000)), "a page with a class");
    let case = page("/cases/a", 2, 20_000, Some("case-study"));
    assert_eq!(read(vec![pricing(1, 20_000), case]), Some(("/pricing".to_owned(), 20_000)), "the newer of equals");
    // Fourteen hours before is yesterday, in Tokyo.
    assert_eq!(read(vec![about.clone(), pricing(15, 20_000)]), Some(("/about".to_owned(), 90_000)));
    assert_eq!(read(vec![pricing(8 * 24, 20_000)]), None, "long ago");
}

#[test]
fn what_is_known_is_cleaned_and_marked() {
    let attribute = |value: &str, unconfirmed| Attribute { value: value.to_owned(), at: now(), unconfirmed };
    let mut lead = lead(vec![], (0..9).map(|n| page("/a\u{202e}", n, 0, None)).collect());
    lead.attributes = BTreeMap::from([
        ("name".to_owned(), attribute("Ann\r\nBcc: x@y.z", true)),
        ("company".to_owned(), attribute("\u{200b} ", false)),
        ("phone".to_owned(), attribute(&"1".repeat(999), false)),
        ("email".to_owned(), attribute("ann@acme.example", false)),
    ]);
    let mut before = lead.clone();
    before.fit.points = 20.0;
    let alert = Alert::of(&playbook(), &lead, Some(&before), now());
    assert_eq!(alert.name.as_ref().map(|name| (name.text.as_str(), name.unconfirmed)), Some(("Ann Bcc: x@y.z", true)));
    assert_eq!(alert.company, None);
    assert_eq!(alert.phone.as_ref().map(|phone| phone.text.as_str().chars().count()), Some(120));
    assert_eq!(alert.address.as_ref().map(Address::as_str), Some("ann@acme.example"));
    assert_eq!(alert.before, Some(Before { fit: 20.0, cell: None }));
    assert_eq!((alert.pages.len(), alert.pages[0].title.as_str()), (PAGES, "/a"));
    assert!(alert.is_unconfirmed());
}
