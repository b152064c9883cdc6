//! A playbook's YAML: its check makes a playbook of it or says what is wrong and where, and what it lets pass can judge leads.

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, FormSubmission, Kind, Log, LogOwner, PageView, Proof, Record, Source};
use michi::address::Address;
use michi::fold::fold;
use michi::id::{ActivityId, FormId, LeadId, PageViewId};
use michi::lead::Lead;
use michi::mail::alert::Alert;
use michi::playbook::Playbook;
use michi::playbook::authoring::{Mistakes, SourceFile, check, default_files};
use michi::verdict::Signals;
use proptest::prelude::*;

use super::bytes::{Input, changed};
use super::{cases, in_proportion, soon};
use crate::tidy::read;

/// What a playbook cannot do without.
pub(super) const PARTS: [&str; 3] = ["playbook.yaml", "scoring.yaml", "segments.yaml"];

/// The default playbook's files of these names.
pub(super) fn defaults(wanted: impl Fn(&str) -> bool) -> Vec<SourceFile> {
    default_files().into_iter().filter(|file| wanted(&file.name)).collect()
}

pub(super) fn now() -> Timestamp {
    "2026-11-22T00:52:00Z".parse().unwrap()
}

/// Each mistake is told so that it can be found and mended.
pub(super) fn told(files: &[SourceFile], mistakes: &Mistakes) {
    let size = files.iter().map(|file| file.bytes.len()).sum();
    for mistake in mistakes.list() {
        assert!(!mistake.what.is_empty() && !mistake.remedy.is_empty());
        let Some(at) = &mistake.at else { continue };
        let file = files.iter().find(|file| file.name == mistake.file).expect("a place lies in a file");
        let readable = file.bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let text = readable.strip_prefix('\u{feff}').unwrap_or(readable);
        let line = text.split('\n').nth(at.line - 1).unwrap_or_else(|| panic!("line {} is in the file", at.line));
        assert!(at.column >= 1 && at.column <= line.chars().count() + 1, "{mistake}");
        assert!(at.length >= 1 && line.contains(&*at.source), "{mistake}");
    }
    // Of very many in one file the last are one.
    assert!(files.iter().all(|file| mistakes.list().iter().filter(|mistake| mistake.file == file.name).count() <= 250));
    let said = mistakes.to_string();
    assert!(!said.contains(|c: char| c.is_control() && c != '\n'), "nothing steers the terminal: {said:?}");
    in_proportion(said.len(), 100, size, 1_000);
    in_proportion(serde_json::to_string(mistakes).unwrap().len(), 100, size, 1_000);
}

/// A lead by a playbook's rules, who has read pages and sent a form.
pub(super) fn judged(playbook: &Playbook) -> Lead {
    let ago = |hours: i64| now() - SignedDuration::from_hours(hours);
    let record = |n: i64, kind: Kind| {
        let (id, at) = (ActivityId::derive(&["activity", &n.to_string()]), ago(30 - n));
        let activities = vec![Activity { id: id.clone(), at, kind }];
        let (source, signals) = (Source::Site, Signals::default());
        Record { id, sent: at, at, received: at, visitor: None, source, import: None, signals, activities }
    };
    let origin = playbook.setup.sites.first().map(|site| site.origin.clone()).unwrap_or_default();
    let view = |n: i64, path: &str| {
        let page_view = PageViewId::derive(&["view", &n.to_string()]);
        let url = format!("{origin}{path}");
        let (title, referrer, previous, campaign) = (Some("Pricing <b>".to_owned()), None, None, [].into());
        record(n, Kind::PageViewed(PageView { page_view, url, title, referrer, previous, campaign }))
    };
    let address = Some(Address::parse("hana@aoba.example").unwrap());
    let traits =
        [("name", "森 花"), ("company", "<script>{{ x }}"), ("role", "部長"), ("employees", "300"), ("country", "Japan")];
    let traits = traits.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let form = FormSubmission {
        form: FormId::parse("inquiry").unwrap(),
        page_view: None,
        url: None,
        address: address.clone(),
        fields: [].into(),
        consent: None,
        millis: Some(9_000),
    };
    let pages = ["/pricing", "/cases/kansai-steel", "/cases/1", "/news"];
    let mut records: Vec<Record> = (1..).zip(pages).map(|(n, path)| view(n, path)).collect();
    records.push(record(10, Kind::Identified { address, traits, proof: Proof::Claimed, token: None }));
    records.push(record(11, Kind::FormSubmitted(form)));
    fold(playbook, &Log { owner: LogOwner::Lead(LeadId::derive(&["lead"])), records }, now())
}

fn seeds() -> Vec<Vec<u8>> {
    let own = PARTS.map(|name| read(format!("tests/fixtures/semicomplete/{name}")).into_bytes());
    let usual: Vec<Vec<u8>> = defaults(|name| PARTS.contains(&name)).into_iter().map(|file| file.bytes).chain(own).collect();
    // The same with lengths of time that are no whole days or hours.
    let uneven = |bytes: &Vec<u8>| {
        let text = String::from_utf8_lossy(bytes);
        let text = [("30d", "43199m"), ("14d", "20159m"), ("7d", "10079m"), ("3d", "4321m")]
            .iter()
            .fold(text.into_owned(), |text, (days, minutes)| text.replace(days, minutes));
        text.into_bytes()
    };
    let uneven: Vec<Vec<u8>> = usual.iter().map(uneven).collect();
    // Of names that nobody knows there are very many, and some would steer a terminal.
    let strange: String = (0..300).map(|n| format!("\"\\x1b[{n}A\": 1\n")).collect();
    let strange = usual.iter().take(2).map(|bytes| [bytes.as_slice(), strange.as_bytes()].concat()).collect();
    [usual.clone(), uneven, strange].concat()
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn a_check_finds_a_playbook_or_mistakes_in_its_files(part in 0..3_usize, given in changed(seeds())) {
        soon(move || {
            let mut files = defaults(|name| PARTS.contains(&name));
            let Input(bytes) = given;
            files[part].bytes = bytes;
            match check(&files) {
                Ok(playbook) => {
                    let kept = serde_json::to_value(&playbook).unwrap();
                    assert!(serde_json::from_value::<Playbook>(kept).unwrap() == playbook, "it comes back as it is kept");
                    let lead = judged(&playbook);
                    assert!(lead.interest.points.is_finite() && lead.fit.points.is_finite());
                    drop(Alert::of(&playbook, &lead, None, now()));
                }
                Err(mistakes) => told(&files, &mistakes),
            }
        });
    }
}
