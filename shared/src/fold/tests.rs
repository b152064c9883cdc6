//! What must hold for every log, and the cases that explain the rules. `clicks`: those of clicks in mail.

pub(crate) mod clicks;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::fold;
use crate::activity::{Activity, FormSubmission, Kind, Log, LogOwner, PageView, Proof, Record, Source};
use crate::address::Address;
use crate::id::{ActivityId, FormId, LeadId, MailId, MessageId, PageViewId, VisitorId};
use crate::lead::{Lead, Proposal, Stage};
use crate::playbook::Playbook;
use crate::verdict::{Signals, UserAgent};

pub(crate) fn playbook() -> Playbook {
    let rule =
        |id: &str, on: serde_json::Value, points: i32| json!({"id": id, "why": {"en": id, "ja": id}, "on": on, "points": points});
    let mut plain = rule("page", json!("any_page"), 1);
    plain["group"] = json!("pages");
    let fit = |id: &str, points: i32, when: serde_json::Value| json!({"id": id, "why": {"en": id, "ja": id}, "points": points, "when": when});
    let value = json!({
        "setup": {
            "company": {"name": "Acme", "postal_address": "1 Road", "contact": "x@acme.example"},
            "sender": {"name": "Acme", "address": "news@acme.example"},
            "language": "en", "time_zone": "Asia/Tokyo", "write_key": "pk_test",
            "sites": [{"origin": "https://acme.example"}],
            "pages": [
                {"class": "pricing", "paths": ["/pricing*"]}, {"class": "case-study", "paths": ["/cases/*"]},
                {"class": "careers", "paths": ["/careers*"]}
            ],
            "forms": [{"class": "inquiry", "forms": ["inquiry"]}, {"class": "white-paper", "forms": ["white-paper"]}],
            "owners": [{"id": "sales", "name": "Sales", "address": "sales@acme.example"}]
        },
        "scoring": {
            "fit": {
                "rules": [
                    fit("business", 40, json!({"address": {"business": true}})),
                    fit("company", 20, json!({"attribute": {"name": "company"}})),
                    fit("role", 25, json!({"attribute": {"name": "role", "contains": ["director"]}}))
                ],
                "grades": {"a": 75, "b": 50, "c": 25}, "margin": 5
            },
            "interest": {
                "half_life": "30d", "momentum": {"half_life": "3d", "surging": 20},
                "levels": {"level_1": 60, "level_2": 30, "level_3": 10}, "margin": 3,
                "rules": [
                    rule("inquiry", json!({"form": "inquiry"}), 50), rule("white-paper", json!({"form": "white-paper"}), 20),
                    rule("pricing", json!({"page": "pricing"}), 10), rule("case-study", json!({"page": "case-study"}), 5),
                    rule("careers", json!({"page": "careers"}), -10), plain
                ],
                "groups": {"pages": {"daily": 10}}, "unconfirmed_daily": 20
            },
            "exclusions": [{"id": "applicant", "why": {"en": "a", "ja": "a"}, "when": {"did": {"what": {"page": "careers"}, "times": 3, "within": "30d"}}}],
            "phases": {"deciding": {"classes": ["pricing", "inquiry"], "within": "14d"}, "comparing": {"classes": ["case-study", "white-paper"]}},
            "matrix": {"A1": "mql", "A2": "mql", "A3": "mql", "B1": "mql", "B2": "mql", "C1": "mql"},
            "alert_window": "7d"
        },
        "segments": {
            "returning": {"did": {"what": "any_page", "times": 3, "within": "7d"}},
            "warm": {"all": [{"segment": "returning"}, {"not": {"level": [4]}}]}
        }
    });
    serde_json::from_value(value).unwrap()
}

pub(crate) const DAY: i64 = 24 * 60;

pub(crate) fn at(minutes: i64) -> Timestamp {
    "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
}

pub(crate) fn visitor(name: &str) -> VisitorId {
    VisitorId::parse(name).unwrap()
}

pub(crate) fn record(id: &str, minutes: i64, visitor: &VisitorId, kind: Kind) -> Record {
    let id = ActivityId::parse(id).unwrap();
    Record {
        id: id.clone(),
        sent: at(minutes),
        at: at(minutes),
        received: at(minutes),
        visitor: Some(visitor.clone()),
        source: Source::Site,
        import: None,
        signals: Signals::default(),
        activities: vec![Activity { id, at: at(minutes), kind }],
    }
}

pub(crate) fn page(path: &str, id: &str) -> Kind {
    Kind::PageViewed(PageView {
        page_view: PageViewId::derive(&[id]),
        url: format!("https://acme.example{path}"),
        title: None,
        referrer: None,
        previous: None,
        campaign: BTreeMap::new(),
    })
}

pub(crate) fn form(name: &str, fields: &[(&str, &str)]) -> Kind {
    let fields: BTreeMap<String, String> = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Kind::FormSubmitted(FormSubmission {
        form: FormId::parse(name).unwrap(),
        page_view: None,
        url: None,
        address: fields.get("email").and_then(|text| Address::parse(text).ok()),
        fields,
        consent: None,
        millis: None,
    })
}

pub(crate) fn link(id: &str, minutes: i64, visitor: &VisitorId, proof: Proof) -> Record {
    Record::decision(
        ActivityId::parse(id).unwrap(),
        at(minutes),
        Kind::VisitorLinked { visitor: visitor.clone(), proof, since: None },
    )
}

pub(crate) fn lead_log(records: Vec<Record>) -> Log {
    Log { owner: LogOwner::Lead(LeadId::parse("l").unwrap()), records }
}

/// What a reader acts on: all answers whose change a validity must foresee.
pub(crate) fn answers(lead: &Lead) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        (lead.stage, lead.cell, lead.fit.grade, lead.interest.level, lead.phase),
        (lead.interest.surging, lead.segments.clone(), lead.excluded.clone(), lead.proposal),
    )
}

fn anything(id: String, visitor: VisitorId) -> impl Strategy<Value = Record> {
    let kinds = prop_oneof![
        4 => Just(0), 4 => Just(1), 4 => Just(2), 2 => Just(3), 2 => Just(4), 1 => Just(5), 1 => Just(6)
    ];
    (kinds, 0..60 * DAY, any::<bool>()).prop_map(move |(kind, minutes, robot)| {
        let kind = match kind {
            0 => page("/", &id),
            1 => page("/pricing", &id),
            2 => page("/cases/x", &id),
            3 => page("/careers", &id),
            4 => form("white-paper", &[("email", "a@corp.example"), ("company", "Corp"), ("role", "Director")]),
            5 => form("inquiry", &[("email", "a@corp.example"), ("role", "Clerk")]),
            _ => Kind::Engaged { page_view: PageViewId::derive(&[&id]), url: "/".into(), millis: 1000 },
        };
        let mut record = record(&id, minutes, &visitor, kind);
        if robot && minutes % 5 == 0 {
            record.signals = Signals { user_agent: UserAgent::Robot("bot".into()), ..Signals::default() };
        }
        record
    })
}

pub(crate) fn logs(visitors: &'static [&'static str]) -> impl Strategy<Value = Vec<Record>> {
    prop::collection::vec(0..visitors.len(), 0..40).prop_flat_map(move |whose| {
        let records: Vec<_> =
            whose.into_iter().enumerate().map(|(n, v)| anything(format!("a{n}"), visitor(visitors[v]))).collect();
        (records, Just(visitors)).prop_map(|(mut records, visitors)| {
            records.extend(visitors.iter().map(|v| link(&format!("link-{v}"), 0, &visitor(v), Proof::First)));
            records
        })
    })
}

proptest! {
    #[test]
    fn order_and_repetition_change_nothing(
        (records, shuffled) in logs(&["v1", "v2"]).prop_flat_map(|records| {
            let again = records.iter().chain(records.iter().step_by(3)).cloned().collect::<Vec<_>>();
            (Just(records), Just(again).prop_shuffle())
        }),
        now in 0..90 * DAY,
    ) {
        let playbook = playbook();
        prop_assert_eq!(fold(&playbook, &lead_log(records), at(now)), fold(&playbook, &lead_log(shuffled), at(now)));
    }

    #[test]
    fn two_visitors_united_are_one_visitor(records in logs(&["v1", "v2"]), now in 0..90 * DAY) {
        let playbook = playbook();
        let one: Vec<Record> = records
            .iter()
            .cloned()
            .map(|mut record| {
                record.visitor = record.visitor.map(|_| visitor("v1"));
                record
            })
            .collect();
        let (two, one) = (fold(&playbook, &lead_log(records), at(now)), fold(&playbook, &lead_log(one), at(now)));
        prop_assert_eq!(&two.interest, &one.interest);
        prop_assert_eq!((&two.fit, &two.attributes, &two.pages), (&one.fit, &one.attributes, &one.pages));
        prop_assert_eq!((answers(&two), two.valid_until), (answers(&one), one.valid_until));
    }

    #[test]
    fn an_answer_stays_true_until_its_validity_ends_and_not_longer(
        records in logs(&["v1"]), now in 0..90 * DAY, part in 0.0..1.0_f64,
    ) {
        let playbook = playbook();
        let log = lead_log(records);
        let lead = fold(&playbook, &log, at(now));
        // Without an end, three hundred days on will do; footsteps pass out of the log after four hundred.
        let end = lead.valid_until.unwrap_or_else(|| at(now + 300 * DAY));
        let span = (end.as_millisecond() - at(now).as_millisecond()) as f64;
        let between = Timestamp::from_millisecond(at(now).as_millisecond() + (span * part) as i64).unwrap();
        for moment in [between, end - SignedDuration::from_millis(1)] {
            prop_assert_eq!(answers(&lead), answers(&fold(&playbook, &log, moment)), "at {}", moment);
        }
        let upcoming = log.records.iter().any(|record| Some(record.at) == lead.valid_until);
        if lead.valid_until.is_some() && !upcoming {
            prop_assert_ne!(answers(&lead), answers(&fold(&playbook, &log, end)), "at {}", end);
        }
    }

    #[test]
    fn reasons_sum_to_the_score(records in logs(&["v1", "v2"]), now in 0..90 * DAY) {
        let lead = fold(&playbook(), &lead_log(records), at(now));
        let sum: f64 = lead.interest.reasons.iter().map(|reason| reason.now).sum();
        prop_assert!((sum - lead.interest.points).abs() < 1e-6, "{} {}", sum, lead.interest.points);
        prop_assert_eq!(lead.fit.reasons.iter().map(|reason| reason.points).sum::<f64>(), lead.fit.points);
    }

    #[test]
    fn rank_gives_back_the_points_at_any_moment(records in logs(&["v1"]), now in 60 * DAY..90 * DAY) {
        let lead = fold(&playbook(), &lead_log(records), at(now));
        let age = (at(now).as_millisecond() - super::LANDMARK.as_millisecond()) as f64 / (30.0 * 86_400_000.0);
        let points = lead.interest.rank.map_or(0.0, |rank| (rank - age).exp2());
        prop_assert!((points - lead.interest.points).abs() < 1e-6);
    }
}

pub(crate) fn points(lead: &Lead) -> Vec<(String, f64, f64)> {
    lead.interest.reasons.iter().map(|r| (r.rule.to_string(), r.points, r.cut)).collect()
}

#[test]
fn a_visit_that_asks_for_the_white_paper_is_proposed_to_sales() {
    let v = visitor("v");
    let fields = [("email", "a@corp.example"), ("company", "Corp"), ("role", "Sales Director")];
    let log = lead_log(vec![
        record("1", 0, &v, page("/cases/x", "1")),
        record("2", 2, &v, page("/cases/y", "2")),
        record("3", 4, &v, page("/pricing", "3")),
        record("4", 5, &v, form("white-paper", &fields)),
        link("link", 5, &v, Proof::First),
    ]);
    let lead = fold(&playbook(), &log, at(5));
    assert_eq!((lead.fit.points, lead.cell.unwrap().to_string().as_str()), (85.0, "A2"));
    assert!((lead.interest.points - 40.0).abs() < 0.1);
    assert_eq!((lead.stage, lead.proposal), (Some(Stage::Lead), Some(Proposal::Mql)));
    assert_eq!(lead.attribute("email"), Some("a@corp.example"));
    // Until momentum is below the mark: 40 points halve in three days.
    assert!(lead.valid_until.unwrap() > at(5 + 2 * DAY) && lead.valid_until.unwrap() < at(5 + 3 * DAY));
}

#[test]
fn limits_hold_for_a_day_of_the_playbooks_zone() {
    let v = visitor("v");
    // 15:00 UTC is midnight in Tokyo: twelve plain pages before it, three behind it.
    let before = (0..12).map(|n| record(&format!("b{n}"), 14 * 60 + n, &v, page("/", &format!("b{n}"))));
    let behind = (0..3).map(|n| record(&format!("c{n}"), 15 * 60 + n, &v, page("/", &format!("c{n}"))));
    let log = Log { owner: LogOwner::Visitor(v.clone()), records: before.chain(behind).collect() };
    let lead = fold(&playbook(), &log, at(16 * 60));
    let granted: f64 = points(&lead).iter().map(|p| p.1).sum();
    let cut: f64 = points(&lead).iter().map(|p| p.2).sum();
    assert!((granted - 13.0).abs() < 1e-9 && (cut - 2.0).abs() < 1e-9, "{granted} {cut}");
    assert_eq!((lead.stage, lead.proposal), (None, None));
}

#[test]
fn points_are_taken_only_as_far_as_there_are_any() {
    let v = visitor("v");
    let log = Log {
        owner: LogOwner::Visitor(v.clone()),
        records: vec![
            record("1", 0, &v, page("/cases/x", "1")),
            record("2", 0, &v, page("/careers", "2")),
            record("3", 1, &v, page("/pricing", "3")),
        ],
    };
    let lead = fold(&playbook(), &log, at(1));
    assert_eq!(
        points(&lead),
        vec![("case-study".into(), 5.0, 0.0), ("careers".into(), -5.0, 5.0), ("pricing".into(), 10.0, 0.0)]
    );
    assert!((lead.interest.points - 10.0).abs() < 1e-9);
}

#[test]
fn what_is_only_claimed_fills_what_is_empty_and_counts_up_to_a_limit() {
    let (own, other) = (visitor("own"), visitor("other"));
    let mut records = vec![
        record("1", 0, &own, form("white-paper", &[("email", "a@corp.example"), ("company", "Corp")])),
        link("l1", 0, &own, Proof::First),
        link("l2", 10, &other, Proof::Claimed),
        record("2", 10, &other, form("white-paper", &[("email", "a@corp.example"), ("company", "Evil"), ("role", "Director")])),
    ];
    records.extend((0..3).map(|n| record(&format!("p{n}"), 11 + n, &other, page("/pricing", &format!("p{n}")))));
    let lead = fold(&playbook(), &lead_log(records.clone()), at(20));
    assert_eq!((lead.attribute("company"), lead.attribute("role")), (Some("Corp"), Some("Director")));
    assert!(lead.attributes["role"].unconfirmed && !lead.attributes["company"].unconfirmed);
    let claimed: f64 = lead.interest.reasons.iter().filter(|r| r.unconfirmed).map(|r| r.points).sum();
    assert!((claimed - 20.0).abs() < 1e-9);
    // Once the browser is proven, what it did is confirmed.
    records.push(link("l3", 21, &other, Proof::Proven));
    let lead = fold(&playbook(), &lead_log(records), at(22));
    assert!(lead.interest.reasons.iter().all(|r| !r.unconfirmed));
    assert_eq!(lead.attribute("company"), Some("Evil"));
}

#[test]
fn a_history_is_cut_where_another_address_is_given() {
    let v = visitor("v");
    let cut = Kind::VisitorCut { visitor: v.clone(), from: at(10) };
    let log = lead_log(vec![
        record("1", 0, &v, page("/pricing", "1")),
        record("2", 20, &v, page("/pricing", "2")),
        record("3", 5, &visitor("stranger"), page("/pricing", "3")),
        link("l", 5, &v, Proof::First),
        Record::decision(ActivityId::parse("cut").unwrap(), at(25), cut),
    ]);
    let lead = fold(&playbook(), &log, at(30));
    assert_eq!(lead.pages.iter().map(|page| page.at).collect::<Vec<_>>(), vec![at(0)]);
    assert!(lead.visitors.is_empty());
}

#[test]
fn only_what_a_person_did_is_a_sight_of_them() {
    let v = visitor("v");
    let sent = Kind::MailSent { message: MessageId::derive(&["m"]), mail: MailId::parse("welcome").unwrap(), owner: None };
    let attended = Kind::EventAttended { event: "fair".to_owned() };
    let mut robot = record("r", 3 * DAY, &v, page("/pricing", "r"));
    robot.signals = Signals { user_agent: UserAgent::Robot("bot".into()), ..Signals::default() };
    let mut records = vec![
        Record { visitor: None, source: Source::Server, ..record("a", -5, &v, attended) },
        link("l", 20, &v, Proof::First),
        Record::decision(ActivityId::parse("s").unwrap(), at(2 * DAY), sent),
        robot,
    ];
    let playbook = playbook();
    assert_eq!(fold(&playbook, &lead_log(records.clone()), at(4 * DAY)).seen, None);
    records.push(record("1", 10, &v, page("/", "1")));
    assert_eq!(fold(&playbook, &lead_log(records.clone()), at(4 * DAY)).seen, Some((at(10), at(10))));
    records.push(record("2", 40, &v, page("/pricing", "2")));
    assert_eq!(fold(&playbook, &lead_log(records), at(4 * DAY)).seen, Some((at(10), at(40))));
}

#[test]
fn whoever_looks_for_a_job_is_proposed_to_nobody_until_it_is_past() {
    let v = visitor("v");
    let mut records = vec![
        record("f", 0, &v, form("inquiry", &[("email", "a@corp.example"), ("company", "Corp"), ("role", "Director")])),
        link("l", 0, &v, Proof::First),
        record("i", 1, &v, form("inquiry", &[("email", "a@corp.example")])),
    ];
    records.extend((0..3).map(|n| record(&format!("c{n}"), 2 + n, &v, page("/careers", &format!("c{n}")))));
    let lead = fold(&playbook(), &lead_log(records.clone()), at(DAY));
    assert_eq!((lead.excluded.len(), lead.cell, lead.proposal), (1, None, None));
    let later = fold(&playbook(), &lead_log(records), at(2 + 30 * DAY));
    assert_eq!((later.excluded.len(), later.proposal), (0, Some(Proposal::Mql)));
}

#[test]
fn a_level_is_kept_within_its_margin_and_lost_below_it() {
    let v = visitor("v");
    let log = Log {
        owner: LogOwner::Visitor(v.clone()),
        records: (0..3).map(|n| record(&n.to_string(), 0, &v, page("/pricing", &n.to_string()))).collect(),
    };
    let playbook = playbook();
    let level = |now| fold(&playbook, &log, now).interest.level.number();
    // 30 points reach level 2; 27 keep it, after 30 days × log₂(30/27).
    let end = at(0) + SignedDuration::from_millis((30.0 * 86_400_000.0 * (30.0_f64 / 27.0).log2()) as i64);
    assert_eq!(
        (level(at(0)), level(end - SignedDuration::from_millis(1)), level(end + SignedDuration::from_millis(1))),
        (2, 2, 3)
    );
}
