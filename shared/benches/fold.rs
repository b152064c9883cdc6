//! How long it takes to fold a lead's log: `cargo bench -p michi --features authoring`.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench, not a library")]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner, PageView, Proof, Record, Source};
use michi::fold::fold;
use michi::id::{ActivityId, LeadId, PageViewId, VisitorId};
use michi::playbook::authoring::default_playbook;
use michi::verdict::Signals;

/// A lead that reads pages of all kinds, three an hour; a record holds the page and the time it was in sight.
fn log(activities: i64) -> Log {
    let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
    let visitor = VisitorId::parse("v").unwrap();
    let paths = ["/", "/product", "/pricing", "/cases/kansai", "/blog/a-long-title-of-a-post", "/careers"];
    let mut records: Vec<Record> = (0..activities / 2)
        .map(|n| {
            let at = start + SignedDuration::from_mins(20 * n % (300 * 24 * 60));
            let id = ActivityId::parse(format!("a{n}")).unwrap();
            let page_view = PageViewId::parse(format!("p{n}")).unwrap();
            let url = format!("https://www.example.com{}", paths[usize::try_from(n).unwrap() % paths.len()]);
            let page = PageView {
                page_view: page_view.clone(),
                url: url.clone(),
                title: Some("A page of the site".into()),
                referrer: None,
                previous: None,
                campaign: BTreeMap::new(),
            };
            let engaged = Kind::Engaged { page_view, url, millis: 12_000 };
            let activities = vec![
                Activity { id: id.clone(), at, kind: Kind::PageViewed(page) },
                Activity { id: ActivityId::parse(format!("e{n}")).unwrap(), at, kind: engaged },
            ];
            let (signals, visitor) = (Signals::default(), Some(visitor.clone()));
            Record { id, sent: at, at, received: at, visitor, source: Source::Site, import: None, signals, activities }
        })
        .collect();
    let link = Kind::VisitorLinked { visitor, proof: Proof::First, since: None };
    records.push(Record::decision(ActivityId::parse("link").unwrap(), start, link));
    Log { owner: LogOwner::Lead(LeadId::parse("l").unwrap()), records }
}

fn folding(criterion: &mut Criterion) {
    let playbook = default_playbook().unwrap();
    let now: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
    for activities in [1_000, 10_000] {
        let log = log(activities);
        criterion.bench_function(&format!("fold of {activities} activities"), |b| {
            b.iter(|| fold(black_box(&playbook), black_box(&log), now));
        });
    }
}

criterion_group!(benches, folding);
criterion_main!(benches);
