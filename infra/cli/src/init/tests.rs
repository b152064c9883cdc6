//! What `michi init` asks, and what it writes.

use clap::Parser;
use michi::playbook::authoring;
use michi::playbook::{NationalHolidays, Playbook};

use super::*;
use crate::test::{self, TestArgs};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: InitArgs,
}

/// Runs the command with these arguments and answers; gives the result, what was printed, and the folder.
fn run(arguments: &str, answers: &str, patient: bool) -> (anyhow::Result<()>, String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut args = Line::parse_from(format!("init new {arguments}").split_whitespace()).args;
    args.dir = folder.path().join("new");
    let mut out = Vec::new();
    let asker = Asker { input: answers.as_bytes(), out: &mut out, patient, language: args.language.language() };
    let done = write(&args, &Random::seeded(1), asker);
    let said = String::from_utf8(out).unwrap().replace(&folder.path().display().to_string(), "DIR");
    (done, said, folder)
}

fn loaded(folder: &tempfile::TempDir) -> Playbook {
    authoring::load(&folder.path().join("new")).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn text(folder: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(folder.path().join("new").join(name)).unwrap()
}

#[test]
fn in_english_six_answers_make_a_playbook() {
    let answers = "Acme: Works #1\n1 High Street, Leeds LS1\n\n\nAnn Lee\nAnn.Lee@acme-works.co.uk\n";
    let (done, said, folder) = run("--site https://www.acme-works.co.uk/en/?x=1 --lang en", answers, true);
    done.unwrap();
    insta::assert_snapshot!(said, @r#"
    Name of the company [Acme Works]: Its postal address (it stands at the foot of every mail): How readers can reach it: a mail address, telephone number or page [info@acme-works.co.uk]: Mail address from which michi sends [news@acme-works.co.uk]: Name of the salesperson who gets the leads [Sales team]: Mail address of the salesperson [sales@acme-works.co.uk]: 
    The playbook is in DIR/new. Put this line before </head> on every page of your site:

      <script async src="http://127.0.0.1:7070/michi.js" data-key="pk_e1tbsqmsevk77pw83gnhe9nqgc" data-localhost></script>

    It sends to michi on this machine; to try it on a copy of the site on localhost, add the copy's origin to
    DIR/new/playbook.yaml under sites. For the live site put the address of your installation in place of
    http://127.0.0.1:7070 and take data-localhost away. Go on with

      michi dev --playbook DIR/new    runs michi with this playbook
      michi check DIR/new             checks the playbook after each change
    "#);
    let setup = loaded(&folder).setup;
    assert_eq!((setup.company.name.as_str(), setup.sender.name.as_str()), ("Acme: Works #1", "Acme: Works #1"));
    assert_eq!(setup.company.contact, "info@acme-works.co.uk");
    assert_eq!(setup.sender.address.as_str(), "news@acme-works.co.uk");
    assert_eq!(setup.sites.iter().map(|site| site.origin.as_str()).collect::<Vec<_>>(), ["https://www.acme-works.co.uk"]);
    assert_eq!((setup.language, String::from(setup.time_zone)), (Language::En, "UTC".to_owned()));
    let owner = setup.owners.first().unwrap();
    assert_eq!((owner.id.as_str(), owner.name.as_str()), ("ann.lee", "Ann Lee"));
    let said: Vec<String> = text(&folder, "playbook.yaml")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(str::to_owned)
        .collect();
    insta::assert_snapshot!(said[..14].join("\n"), @r#"
    company:
      name: "Acme: Works #1"
      postal_address: "1 High Street, Leeds LS1"
      contact: info@acme-works.co.uk
    sender:
      name: "Acme: Works #1"
      address: news@acme-works.co.uk
    language: en
    time_zone: UTC
    holidays: []
    write_key: pk_e1tbsqmsevk77pw83gnhe9nqgc
    sites:
      - origin: https://www.acme-works.co.uk
      #- origin: http://localhost:3000
    "#);
}

#[test]
fn in_japanese_questions_comments_and_next_steps_are_japanese() {
    let answers = "株式会社道\n東京都千代田区1-2-3\n03-1234-5678\nnews@michi.example\n佐藤花子\nsato@michi.example\n";
    let (done, said, folder) = run("--site www.michi.example --lang ja", answers, true);
    done.unwrap();
    insta::assert_snapshot!(said, @r#"
    会社名 [Michi]: 会社の住所（すべてのメールの末尾に入ります）: 読者からの連絡先（メールアドレス、電話番号、またはページ） [info@michi.example]: メールの差出人アドレス [news@michi.example]: リードを受け取る営業担当者の名前 [営業担当]: 営業担当者のメールアドレス [sales@michi.example]: 
    DIR/new にプレイブックを書き出しました。サイトの各ページの </head> の前に、次の1行を貼ってください。

      <script async src="http://127.0.0.1:7070/michi.js" data-key="pk_e1tbsqmsevk77pw83gnhe9nqgc" data-localhost></script>

    このタグは、このパソコンで動く michi に送信します。localhost に置いたサイトの写しで試すときは、
    DIR/new/playbook.yaml の sites にその origin を加えてください。
    公開サイトでは http://127.0.0.1:7070 を設置先のアドレスに変え、data-localhost を取り除いてください。続きは次のとおりです。

      michi dev --playbook DIR/new    このプレイブックで michi を動かす
      michi check DIR/new             変更のたびに間違いがないか調べる
    "#);
    let playbook = loaded(&folder);
    assert_eq!(playbook.setup.company.name, "株式会社道");
    assert_eq!(playbook.setup.company.contact, "03-1234-5678");
    assert_eq!((playbook.setup.language, String::from(playbook.setup.time_zone)), (Language::Ja, "Asia/Tokyo".to_owned()));
    assert!(text(&folder, "playbook.yaml").contains("name: 佐藤花子\n"));
    assert_eq!(playbook.setup.national_holidays, Some(NationalHolidays::Japan));
}

#[test]
fn comments_stay_in_the_chosen_language_and_the_rules_stay_as_they_are() {
    let answers = "\n1 High Street\n\n\n\n\n";
    let default = authoring::default_playbook().unwrap();
    for (lang, other) in [("en", "ja"), ("ja", "en")] {
        let (done, _, folder) = run(&format!("--site https://acme.example --lang {lang}"), answers, false);
        done.unwrap();
        let playbook = loaded(&folder);
        assert_eq!((&playbook.segments, &playbook.scenarios), (&default.segments, &default.scenarios));
        assert_eq!(playbook.scoring.interest, default.scoring.interest);
        assert_eq!(playbook.scoring.fit, default.scoring.fit);
        for file in ["playbook.yaml", "scoring.yaml", "segments.yaml", "scenarios/after-white-paper.yaml"] {
            let text = text(&folder, file);
            let prose: Vec<&str> = text.lines().skip(1).filter_map(|line| line.trim_start().strip_prefix("# ")).collect();
            assert!(prose.len() > 5, "{file}");
            let japanese = |line: &&&str| line.chars().any(|c| matches!(c, '\u{3040}'..='\u{9fff}'));
            let wrong = if lang == "ja" { prose.iter().find(|line| !japanese(line)) } else { prose.iter().find(japanese) };
            assert_eq!(wrong, None, "{file} has {other} in it");
            assert!(!text.contains("tsumugi"), "{file}");
            let schema = if file.contains('/') { "../schema/" } else { "schema/" };
            assert!(text.contains(&format!("# yaml-language-server: $schema={schema}")), "{file}");
        }
        let staff = text(&folder, "scoring.yaml");
        assert!(staff.contains("domain: [acme.example]"));
        assert!(folder.path().join("new/schema/segments.schema.json").is_file());
    }
}

#[test]
fn the_examples_that_are_written_hold_in_both_languages() {
    for words in ["--lang en", "--lang ja", "--language ja"] {
        let (done, _, folder) = run(&format!("--site https://acme.example {words}"), "\n1 High Street\n\n\n\n\n", false);
        done.unwrap();
        let args = TestArgs { playbook: Some(folder.path().join("new")), scenario: None, json: false };
        let mut out = vec![];
        let holds = test::show(&args, &mut out).unwrap();
        assert!(holds, "{words}: {}", String::from_utf8(out).unwrap());
    }
}

#[test]
fn every_installation_has_a_key_of_its_own() {
    let answers = "\n1 High Street\n\n\n\n\n";
    let (done, said, folder) = run("--site https://acme.example", answers, false);
    done.unwrap();
    let key = loaded(&folder).setup.write_key;
    assert!(key.as_str().starts_with("pk_") && key.as_str().len() > 20);
    assert!(said.contains(&format!("data-key=\"{key}\"")));
    assert_ne!(michi::playbook::new_write_key(&Random::System.text()), michi::playbook::new_write_key(&Random::System.text()));
}

#[test]
fn on_a_terminal_a_bad_answer_is_asked_again() {
    let answers =
        "\n\n \u{3000}\n1 High Street\u{202e}\n1 High Street\n\nann@gmail.com\nann\nann@acme.example\n\nann at acme\n\n";
    let (done, said, folder) = run("--site https://acme.example", answers, true);
    done.unwrap();
    assert_eq!(said.matches("Its postal address").count(), 4, "{said}");
    assert_eq!(said.matches("one mail address at a domain of the company is needed").count(), 2, "{said}");
    assert_eq!(said.matches("one mail address is needed").count(), 1, "{said}");
    assert_eq!(loaded(&folder).setup.owners.first().unwrap().address.as_str(), "sales@acme.example");
    let (done, ..) = run("--site https://acme.example", "Acme\n", true);
    assert_eq!(done.unwrap_err().to_string(), "stopped; nothing was written");
}

#[test]
fn what_cannot_be_used_stops_it_and_nothing_is_written() {
    let check = |arguments: &str, answers: &str, wanted: &str| {
        let (done, _, folder) = run(arguments, answers, false);
        assert_eq!(format!("{:#}", done.unwrap_err()), wanted);
        assert!(!folder.path().join("new").exists());
    };
    let site = "--site https://acme.example";
    check(
        site,
        "",
        "the input ended before an answer to \"Its postal address (it stands at the foot of every mail)\"; nothing was written: something on one line, of at most 500 characters, is needed",
    );
    check(
        site,
        "Acme\n1 High Street\n\nann@gmail.com\n",
        "\"ann@gmail.com\" is no answer to \"Mail address from which michi sends\"; nothing was written: one mail address at a domain of the company is needed, as in news@example.com",
    );
    check(
        "--site http://acme.example",
        "",
        "--site http://acme.example: over http anybody between can read what visitors type; write \"https://acme.example\"; http without s is taken from localhost and 127.0.0.1 only",
    );
    check(
        "--site ftp://acme.example",
        "",
        "--site ftp://acme.example: \"ftp://acme.example\" is not the address of a site; write scheme and host, each host by itself, as in https://www.example.com",
    );
    check(
        "--site http://localhost:3000 --lang ja",
        "道\n東京\n",
        "the input ended before an answer to \"読者からの連絡先（メールアドレス、電話番号、またはページ）\"; nothing was written: 1行、500文字以内で入力してください",
    );
}

#[test]
fn a_folder_with_something_in_it_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("playbook.yaml"), "mine").unwrap();
    let mut args = Line::parse_from(["init", "new", "--site", "https://acme.example"]).args;
    args.dir = folder.path().to_owned();
    let mut out = Vec::new();
    let asker = Asker { input: "".as_bytes(), out: &mut out, patient: false, language: Language::En };
    let error = write(&args, &Random::System, asker).unwrap_err().to_string();
    assert!(
        error.ends_with("is not empty, and nothing in it was touched: name a new folder, or empty this one first"),
        "{error}"
    );
    assert_eq!(std::fs::read_to_string(folder.path().join("playbook.yaml")).unwrap(), "mine");
    assert!(out.is_empty());
}
