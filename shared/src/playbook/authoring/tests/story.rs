//! What the default playbook makes of visitors.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::activity::{Activity, Kind, Log, LogOwner, Proof, Record, Source};
use crate::fold::fold;
use crate::id::{ActivityId, LeadId, VisitorId};
use crate::lead::{Grade, Lead, Phase, Proposal};
use crate::verdict::Signals;

const SITE: &str = "http://127.0.0.1:7070";

fn page(path: &str) -> Value {
    json!({ "kind": "page_viewed", "page_view": path, "url": format!("{SITE}{path}") })
}

fn form(form: &str, fields: Value) -> Value {
    json!({ "kind": "form_submitted", "form": form, "address": fields["email"], "fields": fields })
}

/// The lead of one browser that did these things, a minute apart.
fn lead(steps: Vec<Value>) -> Lead {
    let playbook = default_playbook().unwrap();
    let start: Timestamp = "2026-03-02T01:00:00Z".parse().unwrap();
    let visitor = VisitorId::parse("v").unwrap();
    let mut records: Vec<Record> = Vec::new();
    for (minute, mut step) in (0_i64..).zip(steps) {
        let at = start + SignedDuration::from_mins(minute);
        let id = ActivityId::parse(format!("a{minute}")).unwrap();
        // The path of the page is no id, since it may hold letters beyond ASCII.
        if step.get("page_view").is_some() {
            step["page_view"] = json!(id.as_str());
        }
        let activity = Activity { id: id.clone(), at, kind: serde_json::from_value(step).unwrap() };
        let (signals, visitor) = (Signals::default(), Some(visitor.clone()));
        records.push(Record {
            id,
            sent: at,
            at,
            received: at,
            visitor,
            source: Source::Site,
            import: None,
            signals,
            activities: vec![activity],
        });
    }
    let now = start + SignedDuration::from_hours(1);
    let link = Kind::VisitorLinked { visitor, proof: Proof::First, since: None };
    records.push(Record::decision(ActivityId::parse("link").unwrap(), now, link));
    fold(&playbook, &Log { owner: LogOwner::Lead(LeadId::parse("l").unwrap()), records }, now)
}

fn points(lead: &Lead) -> Vec<(&str, f64)> {
    lead.interest.reasons.iter().map(|reason| (reason.rule.as_str(), reason.points)).collect()
}

#[test]
fn who_reads_cases_and_prices_and_asks_for_the_white_paper_is_offered_to_sales() {
    let english = json!({ "email": "ann@kansai-gear.example", "name": "Ann Lee", "company": "Kansai Gear", "role": "Director",
        "industry": "Machinery", "employees": "300–999" });
    let japanese = json!({ "email": "hanako@kansai-gear.example", "name": "山田花子", "company": "関西歯車", "role": "工場長",
        "industry": "機械製造", "employees": "50〜299名" });
    for (prefix, fields) in [("", english), ("/ja", japanese)] {
        let steps = ["/", "/cases/kansai-precision", "/cases/isonami-foods", "/pricing", "/white-paper"];
        let mut steps: Vec<Value> = steps.iter().map(|path| page(&format!("{prefix}{path}"))).collect();
        steps.push(form("white-paper", fields));
        let lead = lead(steps);
        assert_eq!((lead.fit.points, lead.fit.grade), (100.0, Some(Grade::A)));
        let wanted = [
            ("page", 1.0),
            ("case-study-page", 5.0),
            ("case-study-page", 5.0),
            ("pricing-page", 10.0),
            ("page", 1.0),
            ("white-paper", 20.0),
        ];
        assert_eq!(points(&lead), wanted);
        assert_eq!(lead.interest.level.number(), 2);
        assert_eq!((lead.phase, lead.proposal, lead.excluded.len()), (Phase::Deciding, Some(Proposal::Mql), 0));
        assert!(lead.interest.surging);
    }
}

#[test]
fn who_is_none_of_ours_is_left_out_with_the_reason() {
    let check = |email: &str, paths: &[&str], wanted: &[&str]| {
        let mut steps: Vec<Value> = paths.iter().map(|path| page(path)).collect();
        steps.push(form("contact", json!({ "email": email, "company": "Acme", "role": "CTO" })));
        let lead = lead(steps);
        assert_eq!(lead.excluded.iter().map(RuleId::as_str).collect::<Vec<_>>(), wanted, "{email}");
        assert_eq!(lead.proposal.is_none(), !wanted.is_empty());
    };
    check("cto@acme.example", &["/careers", "/recruit/"], &[]);
    check("sato@tsumugi-works.example", &[], &["own-staff"]);
    check("cto@lab.competitor.example", &[], &["competitor"]);
    check("cto@acme.example", &["/careers", "/jobs/1", "/採用/技術職"], &["applicant"]);
}

#[test]
fn pages_fall_into_their_classes_in_both_languages() {
    let playbook = default_playbook().unwrap();
    let check = |class: &str, paths: &[&str]| {
        for path in paths {
            let found = playbook.page_class(&format!("https://www.example.com{path}?utm_source=x"));
            assert_eq!(found.map_or("none", |class| class.as_str()), class, "{path}");
        }
    };
    check("pricing", &["/pricing", "/ja/pricing/", "/price-list", "/product/plans", "/料金", "/%E6%96%99%E9%87%91%E8%A1%A8"]);
    check("case-study", &["/cases/kansai", "/ja/case-studies", "/customers/acme", "/導入事例/関西", "/jirei/1.html"]);
    check("white-paper", &["/white-paper", "/ja/whitepapers/2", "/資料請求", "/download/"]);
    check("careers", &["/careers", "/recruit/product-planner", "/jobs/pricing-analyst", "/採用情報"]);
    check("seminar", &["/events/2026", "/webinars", "/セミナー"]);
    check("product", &["/product", "/products/board", "/製品情報", "/services"]);
    check("none", &["/", "/ja/", "/contact", "/company", "/blog/what-customers-ask", "/thanks"]);
}

#[test]
fn pages_of_a_class_without_a_rule_count_as_any_page_within_the_daily_limit() {
    let lead = lead((0..15).map(|n| page(if n % 2 == 0 { "/product" } else { "/about" })).collect());
    let granted: Vec<f64> = points(&lead).into_iter().map(|(_, points)| points).collect();
    assert_eq!((granted.len(), granted.iter().sum::<f64>()), (15, 10.0));
}
