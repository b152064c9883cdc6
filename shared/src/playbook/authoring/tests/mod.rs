//! What is said of which mistake.

mod doubts;
mod examples;
mod flow;
mod mail;
mod scenario;
mod sense;
mod shape;
mod story;

use proptest::prelude::*;

use super::*;

const PLAYBOOK: &str = r#"company:
  name: Acme
  postal_address: 1 High Street, Leeds
  contact: 0312345678
sender: { name: Acme, address: news@acme.example }
language: ja
time_zone: Asia/Tokyo
holidays: [2026-05-04]
write_key: pk_1
sites:
  - origin: https://www.acme.example
pages:
  - class: pricing
    paths: ["/pricing*", "*料金*"]
  - class: cases
    paths: ["/cases/*"]
forms:
  - class: inquiry
    forms: [contact]
owners:
  - id: sato
    name: 佐藤花子
    address: sato@acme.example
"#;

const SCORING: &str = r#"fit:
  rules:
    - id: business
      why: { en: Company address, ja: 会社のアドレス }
      points: 60
      when: { address: { business: true } }
  grades: { a: 75, b: 50, c: 25 }
  margin: 5
interest:
  half_life: 30d
  momentum: { half_life: 3d, surging: 20 }
  levels: { level_1: 60, level_2: 30, level_3: 10 }
  margin: 3
  rules:
    - id: sent
      why: 問い合わせ
      on: { form: inquiry }
      points: 50
    - id: prices
      why: Prices
      on: { page: pricing }
      points: 10
    - id: page
      why: Page
      on: any_page
      points: 1
      group: pages
  groups: { pages: { daily: 10 } }
  unconfirmed_daily: 20
exclusions:
  - id: staff
    why: Staff
    when: { address: { domain: [acme.example] } }
phases:
  deciding: { classes: [pricing, inquiry], within: 14d }
  comparing: { classes: [cases] }
matrix: { A1: mql, B1: mql }
alert_window: 7d
"#;

const SEGMENTS: &str = "warm: { level: [1, 2] }
back:
  all:
    - segment: warm
    - did: { what: any_page, times: 3, within: 7d }
";

/// The playbook above with some texts of it replaced.
fn files(changes: &[(&str, &str)]) -> Vec<SourceFile> {
    let mut texts = [PLAYBOOK, SCORING, SEGMENTS].map(str::to_owned);
    for (from, to) in changes {
        let text = texts.iter_mut().find(|text| text.contains(from)).unwrap_or_else(|| panic!("{from:?} is nowhere"));
        *text = text.replacen(from, to, 1);
    }
    Part::ALL.iter().zip(texts).map(|(part, text)| SourceFile::new(part.file_name(), text)).collect()
}

fn mistakes(files: &[SourceFile]) -> Vec<Mistake> {
    check(files).map(|_| Vec::new()).unwrap_or_else(|mistakes| mistakes.list().to_vec())
}

/// One mistake in a line: what stands above the carets, what is wrong, and the remedy.
fn brief(mistake: &Mistake) -> String {
    let marked = mistake.at.as_ref().map(|at| at.source.chars().skip(at.column - at.from).take(at.length).collect::<String>());
    format!("[{}] {} = {}", marked.unwrap_or_else(|| mistake.file.clone()), mistake.what, mistake.remedy)
}

/// Checks what is said when one text is replaced: each mistake as in [`brief`], one a line.
fn said(from: &str, to: &str, wanted: &str) {
    said_of(files, from, to, wanted);
}

/// The same of files that are made otherwise.
fn said_of(files: fn(&[(&str, &str)]) -> Vec<SourceFile>, from: &str, to: &str, wanted: &str) {
    let found: Vec<String> = mistakes(&files(&[(from, to)])).iter().map(brief).collect();
    assert_eq!(found.join("\n"), wanted, "{from:?} as {to:?}");
}

/// Checks many such cases: `from => to`, and below it, further in, what is said. `⏎`, `⇥` and `␣` stand for breaks, tabs and
/// blanks at an end.
fn told(cases: &str) {
    told_of(files, cases);
}

/// The same of files that are made otherwise.
fn told_of(files: fn(&[(&str, &str)]) -> Vec<SourceFile>, cases: &str) {
    let mut case: Option<(String, String)> = None;
    let mut wanted: Vec<&str> = Vec::new();
    let finish = |case: &mut Option<(String, String)>, wanted: &mut Vec<&str>| {
        if let Some((from, to)) = case.take() {
            said_of(files, &from, &to, &std::mem::take(wanted).join("\n").replace('⇥', "\t"));
        }
    };
    for line in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Some((from, to)) = line.split_once(" =>") else {
            wanted.push(line);
            continue;
        };
        finish(&mut case, &mut wanted);
        let text = |text: &str| text.replace('⏎', "\n").replace('⇥', "\t").replace('␣', " ");
        case = Some((text(from), text(to.strip_prefix(' ').unwrap_or(to))));
    }
    finish(&mut case, &mut wanted);
}

#[test]
fn a_playbook_without_a_mistake_becomes_types() {
    let playbook = check(&files(&[])).unwrap();
    // What looks like a number is a text where a text belongs, and one text serves for both languages.
    assert_eq!(playbook.setup.company.contact, "0312345678");
    assert_eq!(playbook.scoring.interest.rules[0].why.en, "問い合わせ");
    let compiled = serde_json::to_string(&playbook).unwrap();
    assert_eq!(serde_json::from_str::<Playbook>(&compiled).unwrap(), playbook);
}

#[test]
fn the_default_playbook_has_no_mistake() {
    assert_eq!(default_playbook().map(drop).map_err(|mistakes| mistakes.to_string()), Ok(()));
}

#[test]
fn a_file_without_any_segment_is_empty() {
    said(SEGMENTS, "# none yet\n", "");
    said(SEGMENTS, "", "");
}

#[test]
fn a_mistake_is_shown_with_its_line_and_the_place_in_it() {
    let rendered = |changes: &[(&str, &str)]| check(&files(changes)).unwrap_err().to_string();
    insta::assert_snapshot!(rendered(&[("half_life: 30d", "halflife: 30d")]), @r#"
    scoring.yaml:10:3: "halflife" is not known here
       |
    10 |   halflife: 30d
       |   ^^^^^^^^
       = did you mean "half_life"?
    "#);
    insta::assert_snapshot!(rendered(&[("name: 佐藤花子", "name: { 姓: 佐藤 }"), ("[\"/pricing*\", \"*料金*\"]", "[料金, *料金*]")]), @r#"
    playbook.yaml:14:13: "料金" does not fit here: a path begins with / or *, and holds no ? and no #
       |
    14 |     paths: [料金, *料金*]
       |             ^^^^
       = write another text, as in /pricing*

    playbook.yaml:14:17: a text that begins with * is a reference in YAML, and the files know none
       |
    14 |     paths: [料金, *料金*]
       |                   ^^^^^^
       = put the text in quotes: "*料金*"

    playbook.yaml:22:5: a map of keys and values stands here, where a text belongs
       |
    22 |     name: { 姓: 佐藤 }
       |     ^^^^
       = write a text. The person's name.
    "#);
    // Whatever could steer a terminal or turn the reading direction is shown as a code, and a tab as one blank.
    insta::assert_snapshot!(rendered(&[("1 High Street", "\u{202e}1 High\tStreet\u{7}")]), @r"
    playbook.yaml:3:33: a character that nobody can see stands here: U+0007
      |
    3 |   postal_address: \u{202e}1 High Street\u{7}, Leeds
      |                                        ^^^^^
      = type the text anew instead of pasting it
    ");
    // Of a long line the part around the place is shown.
    let long = format!("contact: {}\n  fax: 1{}", "x".repeat(200), "0".repeat(200));
    insta::assert_snapshot!(rendered(&[("contact: 0312345678", &long), ("{ level: [1, 2] }", &format!("{{{:200}level: [1, 5]{:200}}}", "", ""))]), @r#"
    playbook.yaml:5:3: "fax" is not known here
      |
    5 |   fax: 10000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000…
      |   ^^^
      = known here: contact, name, postal_address

    segments.yaml:1:219: 5 is too large: at most 4 belongs here
      |
    1 | …                                                 level: [1, 5]                                                                                                  …
      |                                                              ^
      = write another number, as in 1
    "#);
}

#[test]
fn on_a_terminal_a_mistake_has_colours() {
    let mistakes = check(&files(&[("half_life: 30d", "halflife: 30d")])).unwrap_err();
    let coloured = format!("{mistakes:#}");
    assert!(coloured.contains("\x1b[1;31m\"halflife\" is not known here\x1b[0m"), "{coloured:?}");
    let plain = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(&coloured, "").into_owned();
    assert_eq!(plain, mistakes.to_string());
}

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let changes = [
        ("language: ja", "language: jp"),
        ("https://www.acme.example", "https://www.acme.example/"),
        ("2026-05-04", "2026-02-30"),
        ("  - id: sato", "  - name: 鈴木"),
        ("points: 60", "points: sixty"),
        ("half_life: 30d", "half_live: 30d"),
        ("{ page: pricing }", "{ page: pricng }"),
        ("margin: 3", "margin: 30"),
        ("unconfirmed_daily: 20", "unconfirmed_daily: -1"),
        ("{ A1: mql, B1: mql }", "{ A1: mql, E1: mql }"),
        ("segment: warm", "segment: back"),
    ];
    let found: Vec<String> =
        mistakes(&files(&changes)).iter().map(|m| format!("{}:{}", m.file, m.at.as_ref().unwrap().line)).collect();
    assert_eq!(
        found,
        [
            "playbook.yaml:6",
            "playbook.yaml:8",
            "playbook.yaml:11",
            "playbook.yaml:21",
            "playbook.yaml:22",
            "scoring.yaml:5",
            "scoring.yaml:10",
            "scoring.yaml:13",
            "scoring.yaml:21",
            "scoring.yaml:29",
            "scoring.yaml:37",
            "segments.yaml:4",
        ]
    );
}

#[test]
fn files_are_there_readable_and_no_others_lie_beside_them() {
    let mut given = files(&[]);
    given.remove(1);
    given.push(SourceFile::new("scoring.yml", SCORING));
    given.push(SourceFile::new("old.yaml", ""));
    given.push(SourceFile::new("segment.yaml", ""));
    assert_eq!(
        mistakes(&given).iter().map(brief).collect::<Vec<_>>(),
        [
            "[old.yaml] this file is none of a playbook's = move it out of the folder: a playbook is playbook.yaml, scoring.yaml, segments.yaml, scenarios/*.yaml and mail/*.md",
            "[scoring.yaml] this file is missing = copy the default scoring.yaml into the folder; `michi init` writes a whole playbook",
            "[scoring.yml] this file is none of a playbook's = rename it to scoring.yaml, or move it out of the folder",
            "[segment.yaml] this file is none of a playbook's = rename it to segments.yaml, or move it out of the folder",
        ]
    );
    let with = |bytes: Vec<u8>| {
        let mut given = files(&[]);
        given[0].bytes = bytes;
        mistakes(&given).iter().map(|m| m.to_string()).collect::<String>()
    };
    // Shift_JIS, as some editors save Japanese.
    insta::assert_snapshot!(with([b"company:\n  name: ".as_slice(), &[0x8a, 0x94, 0x8e, 0xae]].concat()), @r#"
    playbook.yaml:2:9: the file is not UTF-8 text: it cannot be read from here on
      |
    2 |   name: 
      |         ^
      = save it as UTF-8; most editors offer this under "Save as" or "Encoding"
    "#);
    insta::assert_snapshot!(with(vec![b'#'; 1_000_001]), @"
    playbook.yaml: the file has 1000001 bytes, and at most 1000000 are read
      = keep only what belongs to the playbook in it
    ");
    assert_eq!(with([b"\xef\xbb\xbf", PLAYBOOK.as_bytes()].concat()), "");
    assert_eq!(with(PLAYBOOK.replace('\n', "\r\n").into_bytes()), "");
}

#[test]
fn very_many_mistakes_in_a_very_long_line_are_told_in_few_words() {
    let words: String = (0..20_000).map(|n| format!("rule-{n}: 0, ")).collect();
    let found = check(&files(&[(SEGMENTS, &format!("{{ {words} }}"))])).unwrap_err();
    assert_eq!(found.list().len(), 201);
    let brief: Vec<String> = found.list().iter().map(brief).collect();
    assert!(
        brief[0].starts_with("[segments.yaml] there are more mistakes than are told at once = mend the others")
            && brief[150].starts_with("[0] ")
            && brief[150].contains("is not known here"),
        "{:?}",
        &brief[..2]
    );
    assert!(serde_json::to_string(&found).unwrap().len() < 400_000 && found.to_string().len() < 200_000);
    let far = found.list()[200].to_string();
    assert!(far.contains("| …") && far.contains("…\n") && far.lines().all(|line| line.chars().count() < 200), "{far}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever is done to the files, the check gives an answer, and every place it names is in the file.
    #[test]
    fn no_text_makes_the_check_fail(
        part in 0..3_usize,
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, prop_oneof![
            "[-:{}\\[\\],&*!|>'\"%@`#?~\n\t 0-9a-d料]{0,12}", any::<String>(),
        ]), 1..4),
    ) {
        let mut given = files(&[]);
        let mut text: Vec<char> = Part::ALL[part].default_text().chars().collect();
        for (at, length, new) in cuts {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, new.chars());
        }
        let text: String = text.into_iter().collect();
        given[part] = SourceFile::new(Part::ALL[part].file_name(), text.clone());
        for mistake in mistakes(&given) {
            prop_assert!(!mistake.what.is_empty() && !mistake.remedy.is_empty());
            prop_assert!(!mistake.what.contains("variant") && !mistake.what.contains("invalid type"), "{}", mistake.what);
            if let Some(at) = mistake.at {
                prop_assert!(at.line <= text.split('\n').count().max(40));
                prop_assert!(at.column <= at.source.chars().count() + 1);
            }
        }
    }
}
