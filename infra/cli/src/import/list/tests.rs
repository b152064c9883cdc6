use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::import::rows::Unbalanced;
use michi::address::InvalidAddress;

fn zone() -> TimeZone {
    TimeZone::get("Asia/Tokyo").unwrap()
}

/// Those of the default playbook, which takes a while to check.
static OWNERS: LazyLock<Vec<Owner>> = LazyLock::new(|| michi::playbook::authoring::default_playbook().unwrap().setup.owners);

fn read_as(text: &[u8], reading: &Reading) -> Result<List, NoList> {
    let zone = zone();
    read(text, reading, &Known { zone: &zone, owners: &OWNERS, now: "2026-11-22T03:30:00Z".parse().unwrap() })
}

fn list(text: &str) -> List {
    read_as(text.as_bytes(), &Reading::default()).unwrap()
}

fn said(person: &Person) -> String {
    let attributes = person.attributes.iter().map(|(name, value)| format!(" {name}={value}"));
    format!("{}:{}", person.address, attributes.collect::<String>())
}

/// The problem of the one row that is refused in a list of three, whose others are taken.
#[track_caller]
fn problem(row: &str) -> Problem {
    let list = list(&format!("Email,Name,Company\nann@example.com,Ann,A\n{row}\nbob@example.com,Bob,B\n"));
    let taken: Vec<_> = list.people.iter().map(|person| person.address.as_str()).collect();
    assert_eq!(taken, ["ann@example.com", "bob@example.com"], "{row}");
    assert_eq!((list.refused.len(), list.refused[0].line), (1, 3), "{row}");
    list.refused[0].problem.clone()
}

#[test]
fn a_list_in_either_language_says_the_same() {
    let english = list(
        "Email,Last name,First name,Company,Title,Phone,Employees\nTaro@Example.jp,山田,太郎,㈱サンプル,部長,０３－１２３４,1200\n",
    );
    let japanese = list(
        "メールアドレス,氏名,会社名,役職,電話番号,従業員数\nＴａｒｏ＠Example.jp,山田　太郎,（株）サンプル,部長,03-1234,1200\n",
    );
    assert_eq!(
        said(&english.people[0]),
        "Taro@example.jp: company=株式会社サンプル employees=1200 name=山田 太郎 phone=03-1234 role=部長"
    );
    assert_eq!(english.people, japanese.people);
    let latin = list("Email,Last name,First name\nann@example.com,Lee,Ann\n");
    assert_eq!(said(&latin.people[0]), "ann@example.com: name=Ann Lee");
}

#[test]
fn what_is_wrong_with_a_row_is_said_of_that_row() {
    let cells = |given| Problem::Cells { given, wanted: 3 };
    assert_eq!(problem("\"eve@example.com,Eve,E"), Problem::Unbalanced(Unbalanced::Open));
    assert_eq!(problem("eve@example.com,Eve \"E,E"), Problem::Unbalanced(Unbalanced::Within));
    assert_eq!(problem("eve@example.com,Eve"), cells(2));
    assert_eq!(problem("eve@example.com,Eve,E,Tokyo"), cells(4));
    assert_eq!(problem(",Eve,E"), Problem::NoAddress);
    for (address, wanted) in [
        ("eve", InvalidAddress::Malformed),
        ("eve@example.com;mal@example.com", InvalidAddress::Malformed),
        ("\"eve@example.com, mal@example.com\"", InvalidAddress::Malformed),
        ("\"eve@example.com\nBcc: mal@example.com\"", InvalidAddress::Malformed),
        ("エヴァ@example.jp", InvalidAddress::LocalPart),
        ("eve@localhost", InvalidAddress::Domain),
    ] {
        assert_eq!(problem(&format!("{address},Eve,E")), Problem::Address(wanted), "{address}");
    }
    let long = format!("{}@{}.com", "e".repeat(64), ["x"; 4].map(|x| x.repeat(60)).join("."));
    assert_eq!(problem(&format!("{long},Eve,E")), Problem::Address(InvalidAddress::TooLong));
    assert_eq!(problem("ANN@example.com,Ann again,A"), Problem::Twice(2));
    assert_eq!(problem(&format!("eve@example.com,{},E", "x".repeat(1_001))), Problem::TooLong(1_000));
}

#[test]
fn an_international_domain_becomes_punycode() {
    assert_eq!(list("Email\ninfo@例え.jp\n").people[0].address.as_str(), "info@xn--r8jz45g.jp");
}

#[test]
fn a_row_in_another_encoding_is_refused_by_itself() {
    let sjis = |text: &str| encoding_rs::SHIFT_JIS.encode(text).0.into_owned();
    let (head, one, two) = ("メール,氏名\n", "a@example.com,山田\n", "b@example.com,佐藤\n");
    let mixed = [head.as_bytes(), one.as_bytes(), &sjis(two)].concat();
    let found = read_as(&mixed, &Reading::default()).unwrap();
    assert_eq!((found.encoding, found.people.len()), (Encoding::Utf8, 1));
    assert!(matches!(found.refused[0].problem, Problem::Mixed(mixed) if mixed.found == Some(Encoding::Cp932)));
    let other = [sjis(head), sjis(one), two.as_bytes().to_vec(), sjis("c@example.com,鈴木\n")].concat();
    let found = read_as(&other, &Reading::default()).unwrap();
    assert_eq!((found.encoding, found.people.len(), found.refused[0].line), (Encoding::Cp932, 2, 3));
}

#[test]
fn a_formula_is_text_and_doubted_once() {
    let found =
        list("Email,Name,Company,Phone\na@example.com,\"=HYPERLINK(\"\"x\"\")\",@home,+81 3 1234\nb@example.com,'=1+1,-5,'+1\n");
    assert_eq!(said(&found.people[0]), "a@example.com: company=@home name==HYPERLINK(\"x\") phone=+81 3 1234");
    assert_eq!(said(&found.people[1]), "b@example.com: company=-5 name==1+1 phone=+1");
    let doubts: Vec<_> = found.refused.iter().map(|one| (one.line, one.column.as_deref(), one.problem.is_doubt())).collect();
    assert_eq!(doubts, [(2, Some("Name"), true), (2, Some("Company"), true)]);
}

#[test]
fn rows_without_anything_are_none_and_parts_can_be_taken() {
    let text = "Email,Name,\na@example.com,A,\n,,\nb@example.com,B,\nc@example.com,C,\n";
    assert_eq!((list(text).rows, list(text).refused.len()), (3, 0));
    let part = |rows| read_as(text.as_bytes(), &Reading { rows: Some(rows), ..Reading::default() });
    let taken: Vec<_> = part(2..=9).unwrap().people.iter().map(|person| person.line).collect();
    assert_eq!(taken, [4, 5]);
    assert_eq!(part(4..=5).unwrap_err(), NoList::NoSuchRows(4, 5, 3));
}

#[test]
fn too_many_rows_are_refused_with_how_to_split() {
    let mut text = "Email\n".to_owned();
    for n in 0..=MOST_ROWS {
        text.push_str(&format!("p{n}@example.com\n"));
    }
    let said = read_as(text.as_bytes(), &Reading::default()).unwrap_err().to_string();
    assert!(said.contains("100001 rows") && said.contains("--rows 1-100000, then --rows 100001-100001"), "{said}");
    assert_eq!(
        read_as(text.as_bytes(), &Reading { rows: Some(1..=MOST_ROWS), ..Reading::default() }).unwrap().people.len(),
        MOST_ROWS
    );
}

#[test]
fn a_list_can_say_what_happened() {
    let deeds = Reading { deeds: true, ..Reading::default() };
    let text = "メール,氏名,種別,日付,イベント名,自社担当,備考\n\
        a@example.com,A,展示会,2026-11-20,Expo,,\n\
        a@example.com,A,名刺交換,2026/11/20 15:00,,Hanako Sato,ブースにて\n\
        a@example.com,A,展示会,2026-11-20,Expo,,\n\
        b@example.com,B,電話,2026-11-22,,sales,\n\
        c@example.com,C,電話,2026-11-23,,,\n\
        d@example.com,D,電話,last week,,,\n\
        e@example.com,E,電話,2026-11-20,,nobody,\n\
        f@example.com,F,展示会,2026-11-20,,,\n\
        g@example.com,G,lunch,2026-11-20,,,\n";
    let found = read_as(text.as_bytes(), &deeds).unwrap();
    let told = |person: &Person| {
        let Meeting { deed, at, event, owner, note } = person.meeting.clone().unwrap();
        format!("{} {deed:?} {at} {event:?} {owner:?} {note:?}", person.line)
    };
    insta::assert_snapshot!(found.people.iter().map(told).collect::<Vec<_>>().join("\n"), @r#"
    2 Event 2026-11-20T03:00:00Z Some("Expo") None None
    3 Card 2026-11-20T06:00:00Z None Some(OwnerId("sales")) Some("ブースにて")
    5 Call 2026-11-22T03:00:00Z None Some(OwnerId("sales")) None
    "#);
    let refused: Vec<_> = found.refused.iter().map(|one| (one.line, one.problem.clone())).collect();
    let wanted = [Problem::Twice(2), Problem::ToCome, Problem::Moment, Problem::Owner, Problem::Event, Problem::Deed];
    assert_eq!(refused, (4..).take(1).chain(6..).zip(wanted).collect::<Vec<_>>());

    let plain = b"Email,Name\na@example.com,A\n";
    let when = "2026-11-21T03:00:00Z".parse().ok();
    let all = Reading { deed: Some(Deed::Event), event: Some("Expo".to_owned()), when, ..deeds.clone() };
    let found = read_as(plain, &all).unwrap();
    assert_eq!(found.people[0].meeting.as_ref().and_then(|meeting| meeting.event.as_deref()), Some("Expo"));
    for missing in [Reading { when: None, ..all.clone() }, Reading { deed: None, ..all }] {
        assert!(matches!(read_as(plain, &missing), Err(NoList::Headings(BadHeadings::NoDeed(..)))));
    }
}

#[test]
fn a_list_of_people_keeps_a_note_and_knows_no_dates() {
    assert_eq!(said(&list("Email,Memo\na@example.com,met at the fair\n").people[0]), "a@example.com: note=met at the fair");
    assert!(matches!(
        read_as(b"Email,Date\na@example.com,2026-11-20\n", &Reading::default()),
        Err(NoList::Headings(BadHeadings::Unknown(_)))
    ));
}

/// What lists are made of, and what breaks them.
fn cell() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"ann@example.com",
        b"b@x.jp",
        b"\"",
        b"\"\"",
        b",",
        b"\n",
        b"\r\n",
        "山田".as_bytes(),
        b"\x8eR\x93c",
        b"\x82",
        b"\xff\xfe",
        b"=",
        b"'",
        b"\t",
        b";",
        "（株）".as_bytes(),
        b"\0",
        b" ",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..4).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_stands_in_a_file_each_row_is_taken_or_refused(cells in prop::collection::vec((cell(), cell(), cell()), 0..12)) {
        let mut text = b"Email,Name,Company\n".to_vec();
        for (one, two, three) in &cells {
            text.extend([one, &b","[..].to_vec(), two, &b","[..].to_vec(), three, &b"\n"[..].to_vec()].into_iter().flatten());
        }
        let read = read_as(&text, &Reading { ignore_unknown: true, ..Reading::default() });
        prop_assert_eq!(text.contains(&0), read.is_err());
        if let Ok(list) = read {
            let refused = list.refused.iter().filter(|one| !one.problem.is_doubt()).count();
            prop_assert_eq!(list.people.len() + refused, list.rows);
            let addresses: std::collections::BTreeSet<_> = list.people.iter().map(|person| person.address.key()).collect();
            prop_assert_eq!(addresses.len(), list.people.len());
            let headings: Vec<String> = list.columns.iter().map(|(heading, _)| heading.clone()).collect();
            let report = crate::import::refused::report(&headings, &list.refused).unwrap();
            for row in Rows::of(&report) {
                prop_assert!(row.cells.unwrap().iter().all(|cell| !cell.starts_with(b"=")));
            }
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _refused = read_as(&bytes, &Reading { deeds: true, ..Reading::default() });
    }
}
