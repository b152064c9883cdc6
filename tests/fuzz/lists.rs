//! Lists of people: each row is taken or refused, whatever stands in it and in whichever encoding.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::tz::TimeZone;
use michi::playbook::Owner;
use michi::playbook::authoring::default_playbook;
use michi_cli::import::list::{Known, List, Reading, read};
use michi_cli::import::refused::report;
use michi_cli::import::rows::Rows;
use proptest::prelude::*;
use proptest::sample::select;

use super::bytes::{Input, changed};
use super::{cases, in_proportion, soon};

const PEOPLE: &str = "Email,Name,Company,Title,Phone,Employees\r\n\
    ann@example.com,Ann Lee,Acme,CTO,+81 3 1234,120\r\n\
    bob@example.com,\"Lee, \"\"Bob\"\"\",=1+1,,,\r\n\
    ,,,,,\r\n\
    ann@example.com,Ann again,Acme,CTO,,\r\n\
    info@例え.jp,,\"two\nlines\",,,\r\n";
const JAPANESE: &str = "メールアドレス,姓,名,会社名,役職,電話番号,従業員数\n\
    taro@example.jp,山田,太郎,㈱サンプル,部長,０３－１２３４,1200\n\
    hana@example.jp,森,花,\"（株）道, 東京\",,03-1234,\n\
    jiro@example.jp,佐藤,ｼﾞﾛｳ,ｻﾝﾌﾟﾙ,,,\n";
const DEEDS: &str = "メール\t氏名\t種別\t日付\tイベント名\t自社担当\t備考\n\
    a@example.com\tA\t展示会\t2026-11-20\tExpo\t\t\n\
    a@example.com\tA\t名刺交換\t2026/11/20 15:00\t\tHanako Sato\tブースにて\n\
    b@example.com\tB\t電話\t2026年11月20日\t\tsales\t\n\
    c@example.com\tC\t訪問\t2026-11-23\t\t\t\n";

static OWNERS: LazyLock<Vec<Owner>> = LazyLock::new(|| default_playbook().unwrap().setup.owners);

/// The lists in all encodings that are read.
fn lists() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for text in [PEOPLE, JAPANESE, DEEDS, &PEOPLE.replace(',', ";")] {
        let wide = std::iter::once(0xfeff).chain(text.encode_utf16());
        all.push(text.as_bytes().to_vec());
        all.push([b"\xef\xbb\xbf", text.as_bytes()].concat());
        all.push(encoding_rs::SHIFT_JIS.encode(text).0.into_owned());
        all.push(wide.clone().flat_map(u16::to_le_bytes).collect());
        all.push(wide.flat_map(u16::to_be_bytes).collect());
    }
    all
}

fn reading() -> impl Strategy<Value = Reading> {
    let plain = Reading { ignore_unknown: true, ..Reading::default() };
    let deeds = Reading { deeds: true, when: "2026-11-20T03:00:00Z".parse().ok(), ..plain.clone() };
    select(vec![plain.clone(), Reading { rows: Some(2..=4), ..plain }, deeds, Reading::default()])
}

fn judged(bytes: &[u8], list: &List, deeds: bool) {
    let refused = list.refused.iter().filter(|one| !one.problem.is_doubt()).count();
    assert_eq!(list.people.len() + refused, list.rows);
    let who: BTreeSet<_> = list.people.iter().map(|person| (person.address.key(), format!("{:?}", person.meeting))).collect();
    assert_eq!(who.len(), list.people.len(), "nobody is there twice");
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
    for person in &list.people {
        assert!(person.line >= 2 && person.line <= lines && person.meeting.is_some() == deeds, "{person:?}");
        assert!(person.attributes.values().all(|value| !value.is_empty() && value.chars().count() <= 4_100), "{person:?}");
    }
    assert!(list.refused.iter().all(|one| one.line >= 2 && one.line <= lines && !one.problem.what().is_empty()));
    let headings: Vec<String> = list.columns.iter().map(|(heading, _)| heading.clone()).collect();
    let report = report(&headings, &list.refused).unwrap();
    for row in Rows::of(&report) {
        let cells = row.cells.expect("the report is a list");
        assert!(cells.iter().all(|cell| !cell.starts_with(b"=") && !cell.starts_with(b"@")), "{cells:?}");
    }
    // What is said of a refused row takes some three hundred bytes, and a row of an empty cell two.
    in_proportion(report.len(), 200, bytes.len(), 1_000);
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn each_row_is_taken_or_refused(Input(bytes) in changed(lists()), reading in reading()) {
        soon(move || {
            let (zone, now) = (TimeZone::get("Asia/Tokyo").unwrap(), "2026-11-22T03:30:00Z".parse().unwrap());
            match read(&bytes, &reading, &Known { zone: &zone, owners: &OWNERS, now }) {
                Ok(list) => judged(&bytes, &list, reading.deeds),
                Err(none) => in_proportion(none.to_string().len(), 10, bytes.len(), 1_000),
            }
        });
    }
}
