//! Lists that come in, once, whatever happens meanwhile; and lists that are taken back.

use std::time::Instant;

use jiff::SignedDuration;
use michi::activity::Proof;
use michi::consent::Basis;
use michi::io::store::Import;
use michi::lead::Stage;
use michi_local::{Fault, Planned, Service};
use serde_json::json;

use super::{Folder, fills_in, id_of, imported, refused, settled, two_readers, undone, whoever};
use crate::harness::{Visitor, beacon};
use crate::operator::served;

const PROOF: [&str; 4] = ["--basis", "business-card", "--proof", "Expo Tokyo 2026, booth 12, box 3"];

fn sjis(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

#[tokio::test]
async fn a_list_comes_in_and_each_bad_row_is_told_with_its_remedy() {
    let (suite, target) = served().await;
    let folder = Folder::new();
    let list = folder.file(
        "expo.csv",
        sjis(
            "メールアドレス,氏名,会社名,役職,電話番号\r\n\
             taro@hoshino.example,山田　太郎,㈱星野工業,営業部長,０３－１２３４－５６７８\r\n\
             hanako@例え.jp,佐藤 花子,星野工業（株）,=1+1,\r\n\
             TARO@hoshino.example,山田 太郎,星野,部長,\r\n\
             ,鈴木 一郎,鈴木商店,,\r\n\
             \"jiro@hoshino.example,田中 次郎,田中,,\r\n\
             saburo@hoshino.example,高橋 三郎\r\n",
        ),
    );
    let (told, said) = imported(&target, &list, &PROOF).await;
    insta::assert_snapshot!(said.replace(folder.0.path().to_str().unwrap(), "…").replace(told.id.as_str(), "ID"));
    let report = std::fs::read_to_string(told.report.unwrap()).unwrap();
    insta::assert_snapshot!(report.replace('\r', ""));
    settled(&suite).await;
    let taro = whoever(&suite, "Taro@Hoshino.example").await;
    assert_eq!((taro.attribute("company"), taro.attribute("phone")), (Some("株式会社星野工業"), Some("03-1234-5678")));
    assert_eq!(taro.permissions.marketing.map(|ground| ground.basis), Some(Basis::BusinessCard));
    let hanako = whoever(&suite, "hanako@xn--r8jz45g.jp").await;
    assert_eq!((hanako.attribute("company"), hanako.attribute("role")), (Some("星野工業株式会社"), Some("=1+1")));
    let item = suite.own().store.lead(&id_of(&suite, "taro@hoshino.example").await.unwrap()).await.unwrap().unwrap();
    assert_eq!((item.stage, item.name.as_deref()), (Stage::Lead, Some("山田 太郎")));
    let told: Vec<String> = suite.bus().entries().iter().map(|entry| entry.detail_type.clone()).collect();
    assert_eq!(told, ["Lead Identified", "Lead Identified"]);
    assert!(suite.finish(SignedDuration::from_hours(1)).await.unwrap().is_empty());
    assert!(suite.mailbox().mails().is_empty());
}

#[tokio::test]
async fn a_trial_counts_and_changes_nothing() {
    let (suite, target) = served().await;
    fills_in(&suite, "v", "newsletter", json!({ "email": "ann@corp.example" })).await;
    let folder = Folder::new();
    let list = folder.file("people.csv", "Email,Name\nann@corp.example,Ann\nbob@corp.example,Bob\nnobody,X\n");
    let tables = || ["Leads", "Activities"].map(|table| suite.items(&table_of(&suite, table)).unwrap().len());
    let before = tables();
    let (told, said) = imported(&target, &list, &["--dry-run"]).await;
    assert_eq!((told.rows, told.taken, told.refused, told.people, told.new), (3, 2, 1, 2, 1));
    assert!(said.contains("this was a trial") && said.contains("give --basis and --proof"), "{said}");
    assert_eq!(tables(), before);
    assert!(folder.0.path().join("people.errors.csv").exists());
}

fn table_of(suite: &michi_local::Suite, table: &str) -> String {
    let settings = &suite.own().settings;
    if table == "Leads" { settings.leads_table.clone() } else { settings.activities_table.clone() }
}

#[tokio::test]
async fn without_a_basis_nobody_may_be_mailed() {
    let (suite, target) = served().await;
    let list = Folder::new();
    let list = list.file("people.csv", "Email\nann@corp.example\n");
    imported(&target, &list, &[]).await;
    settled(&suite).await;
    assert_eq!(whoever(&suite, "ann@corp.example").await.permissions.marketing, None);
}

#[tokio::test]
async fn a_list_that_is_no_list_is_refused_with_a_remedy() {
    let (_suite, target) = served().await;
    let folder = Folder::new();
    for (name, content, words, wanted) in [
        ("a.csv", "Email,Shoe size\na@example.com,9\n", &[][..], "not known: Shoe size; say it with --column"),
        ("b.csv", "Name\nAnn\n", &[], "no column holds addresses"),
        ("c.csv", "ann@example.com,Ann\n", &[], "put a line above it"),
        ("d.csv", "", &[], "the file is empty"),
        ("e.csv", "Email,Name\na@example.com,A\n", &["--collision", "role=overwrite"], "which the list does not say"),
        ("f.csv", "Email\na@example.com\n", &["--rows", "5-9"], "the list has no rows 5 to 9"),
        ("g.xlsx", "PK\u{3}\u{4}", &[], "save it as \"CSV UTF-8\""),
        ("h.csv", "Email\na@example.com\n", &["--activity", "call"], "no column says when"),
        ("i.csv", "Email\na@example.com\n", &["--activity", "call", "--date", "soon"], "is no date"),
    ] {
        let said = refused(&target, &folder.file(name, content), words).await;
        assert!(said.contains(wanted), "{said}");
    }
    assert!(refused(&target, &folder.0.path().join("none.csv"), &[]).await.contains("none.csv cannot be read"));
}

#[tokio::test]
async fn the_same_list_again_doubles_nothing_and_a_broken_off_one_goes_on() {
    let (suite, target) = served().await;
    let folder = Folder::new();
    let rows: String = (0..40).map(|n| format!("p{n}@corp.example,Person {n}\n")).collect();
    let list = folder.file("people.csv", format!("Email,Name\n{rows}"));
    let (told, _) = imported(&target, &list, &PROOF).await;
    settled(&suite).await;
    let count = || ["Leads", "Activities"].map(|table| suite.items(&table_of(&suite, table)).unwrap().len());
    let before = count();
    assert_eq!((told.new, told.people), (40, 40));

    let (again, said) = imported(&target, &list, &PROOF).await;
    assert!(said.contains("was imported before") && again.id == told.id, "{said}");
    // As it stands when it was broken off before any row was known to be in.
    let store = &suite.own().store;
    let ended = store.import(&told.id).await.unwrap().unwrap();
    store.save_import(Import { done: 0, new: 0, ended: None, ..ended }).await.unwrap();
    let (again, _) = imported(&target, &list, &PROOF).await;
    assert_eq!((again.new, again.people), (40, 40));
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert_eq!(count(), before);
    // The same people in another file: known already, and nothing happened twice.
    let other = folder.file("more.csv", format!("Email,Name\n{rows}new@corp.example,New\n"));
    assert_eq!(imported(&target, &other, &[]).await.0.new, 1);
}

#[tokio::test]
async fn lost_answers_and_throttles_double_nothing() {
    let (suite, target) = served().await;
    let folder = Folder::new();
    let rows: String = (0..70).map(|n| format!("p{n}@corp.example,Person {n}\n")).collect();
    let list = folder.file("people.csv", format!("Email,Name\n{rows}"));
    let struck = |(nth, fault)| Planned::nth("score", Service::DynamoDb, "TransactWriteItems", nth, fault);
    let faults = [(1, Fault::AfterEffect), (2, Fault::Throttle), (5, Fault::AfterEffect), (9, Fault::BeforeLeaving)];
    suite.client().faults().lay(faults.map(struck));
    let (told, _) = imported(&target, &list, &PROOF).await;
    settled(&suite).await;
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert_eq!(told.new, 70);
    for n in 0..70 {
        let lead = whoever(&suite, &format!("p{n}@corp.example")).await;
        assert_eq!(lead.attribute("name"), Some(format!("Person {n}").as_str()));
    }
    let identified = suite.bus().entries().iter().filter(|entry| entry.detail_type == "Lead Identified").count();
    assert_eq!(identified, 70);
}

#[tokio::test]
async fn a_form_with_the_same_address_meets_the_same_lead() {
    let (suite, target) = served().await;
    let folder = Folder::new();
    let list = folder.file("people.csv", "Email,Company,Role\nann@corp.example,List Inc,Director\nbob@corp.example,List Inc,\n");
    // Bob's form is in, and not scored yet, when the list comes; Ann's comes before the list is scored.
    let mut bob = Visitor::new("bob");
    beacon(&suite, &bob.form(suite.now(), "newsletter", &json!({ "email": "bob@corp.example", "company": "Bob's" }))).await;
    imported(&target, &list, &PROOF).await;
    let mut ann = Visitor::new("ann");
    beacon(&suite, &ann.form(suite.now(), "newsletter", &json!({ "email": "ann@corp.example", "company": "Evil" }))).await;
    settled(&suite).await;
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    for (visitor, address) in [("bob", "bob@corp.example"), ("ann", "ann@corp.example")] {
        let (linked, lead) = crate::spine::lead_of(&suite, &Visitor::new(visitor)).await;
        assert_eq!(Some(linked), id_of(&suite, address).await);
        assert_eq!(lead.visitors.len(), 1, "{address}");
    }
    let ann = whoever(&suite, "ann@corp.example").await;
    assert_eq!((ann.attribute("company"), ann.visitors[0].proof), (Some("List Inc."), Proof::Claimed), "the list was first");
}

#[tokio::test]
async fn rules_say_what_counts_where_the_list_meets_what_is_known() {
    let (suite, target) = served().await;
    let fields = json!({ "email": "ann@corp.example", "company": "Own", "role": "Own" });
    fills_in(&suite, "v", "newsletter", fields).await;
    let folder = Folder::new();
    let list = folder.file(
        "people.csv",
        "Email,Company,Role,Phone,Industry\nann@corp.example,List,List,1,List\nbob@corp.example,List,List,1,List\n",
    );
    imported(&target, &list, &["--collision", "role=overwrite", "--collision", "industry=never"]).await;
    settled(&suite).await;
    let said = |lead: michi::lead::Lead| {
        ["company", "role", "phone", "industry"].map(|name| lead.attribute(name).unwrap_or("-").to_owned()).join(" ")
    };
    assert_eq!(said(whoever(&suite, "ann@corp.example").await), "Own List 1 -");
    assert_eq!(said(whoever(&suite, "bob@corp.example").await), "List List 1 List");
}

#[tokio::test]
async fn whom_a_list_makes_ready_sales_is_told_in_one_mail() {
    let (suite, target) = served().await;
    two_readers(&suite).await;
    assert!(suite.mailbox().mails().is_empty());
    let folder = Folder::new();
    let list = folder.file(
        "expo.csv",
        "Email,Name,Company,Role,Industry,Employees\n\
         ann@corp-a.example,Ann,A,Director,Manufacturing,300\n\
         bob@corp-b.example,Bob,B,Director,Manufacturing,300\n\
         eve@corp-c.example,Eve,C,Director,Manufacturing,300\n",
    );
    imported(&target, &list, &PROOF).await;
    settled(&suite).await;
    assert!(suite.mailbox().mails().is_empty(), "nobody is told of each");
    assert_eq!(whoever(&suite, "ann@corp-a.example").await.stage, Some(Stage::Mql));
    suite.advance(SignedDuration::from_mins(4)).await.unwrap();
    let mails = suite.mailbox().mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "2 leads are newly ready for sales: a list was imported");
    let text = mails[0].text.as_deref().unwrap();
    assert!(text.contains("The list “expo.csv”") && text.contains("by mika") && text.contains("Ann, A"), "{text}");
    assert!(suite.finish(SignedDuration::from_hours(1)).await.unwrap().is_empty());
    assert_eq!(suite.mailbox().mails().len(), 1);
    // Who comes by itself afterwards is told at once.
    fills_in(&suite, "reader-3", "inquiry", json!({ "email": "eve@corp-c.example" })).await;
    assert_eq!(suite.mailbox().mails().len(), 2);
}

#[tokio::test]
async fn what_happened_away_from_the_site_counts_once() {
    let (suite, target) = served().await;
    let folder = Folder::new();
    let day = suite.now().to_zoned(jiff::tz::TimeZone::UTC).date().yesterday().unwrap();
    let rows = format!(
        "Email,Activity,Date,Event,Owner,Note\n\
         ann@corp.example,event,{day},Expo,,\n\
         ann@corp.example,business card,{day} 15:00,,sales,at the booth\n\
         ann@corp.example,call,{day} 16:00,,sales,wants a quote\n\
         bob@corp.example,visit,{day},,Hanako Sato,\n"
    );
    let list = folder.file("expo.csv", format!("{rows}eve@corp.example,lunch,{day},,,\n"));
    let (told, _) = imported(&target, &list, &["--activities"]).await;
    assert_eq!((told.taken, told.refused, told.people), (4, 1, 2));
    settled(&suite).await;
    let deeds = async |address: &str| {
        let id = id_of(&suite, address).await.unwrap();
        let log = suite.own().store.log(&michi::activity::LogOwner::Lead(id)).await.unwrap();
        let playbook = suite.own().playbook().await.unwrap().playbook;
        let mut kinds: Vec<String> = michi::fold::history(&playbook, &log, suite.now())
            .iter()
            .map(|step| serde_json::to_value(&step.activity.kind).unwrap()["kind"].as_str().unwrap().to_owned())
            .filter(|kind| kind != "listed")
            .collect();
        kinds.sort();
        kinds.join(" ")
    };
    assert_eq!(deeds("ann@corp.example").await, "call_made card_exchanged event_attended");
    assert_eq!(deeds("bob@corp.example").await, "visited");
    // Put right and imported again, all of it: the rows that were in before tell nothing twice.
    let right = folder.file("right.csv", format!("{rows}eve@corp.example,call,{day},,,\n"));
    imported(&target, &right, &["--activities"]).await;
    settled(&suite).await;
    assert_eq!(deeds("ann@corp.example").await, "call_made card_exchanged event_attended");
    // A plain list of who came.
    let came = folder.file("came.csv", "Email\nann@corp.example\n");
    imported(&target, &came, &["--activity", "event", "--event", "Summit", "--date", &day.to_string()]).await;
    settled(&suite).await;
    assert_eq!(deeds("ann@corp.example").await, "call_made card_exchanged event_attended event_attended");
}

#[tokio::test]
async fn a_list_that_is_taken_back_leaves_nothing_of_its_own() {
    let (suite, target) = served().await;
    fills_in(&suite, "v", "newsletter", json!({ "email": "ann@corp.example", "name": "Ann" })).await;
    let folder = Folder::new();
    let list = folder.file("people.csv", "Email,Company\nann@corp.example,List\nbob@corp.example,List\neve@corp.example,List\n");
    let (told, _) = imported(&target, &list, &PROOF).await;
    settled(&suite).await;
    // Eve comes by herself.
    fills_in(&suite, "eve", "newsletter", json!({ "email": "eve@corp.example" })).await;
    assert_eq!(whoever(&suite, "ann@corp.example").await.attribute("company"), Some("List"));

    let said = undone(&target, &told).await;
    assert!(said.contains("1 lead, which only it had brought") && said.contains("2 leads, of which it counts no more"), "{said}");
    settled(&suite).await;
    let ann = whoever(&suite, "ann@corp.example").await;
    assert_eq!((ann.attribute("company"), ann.attribute("name")), (None, Some("Ann")));
    let basis = |lead: michi::lead::Lead| lead.permissions.marketing.map(|ground| ground.basis);
    assert_eq!((basis(ann), basis(whoever(&suite, "eve@corp.example").await)), (Some(Basis::Form), Some(Basis::Form)));
    assert_eq!(id_of(&suite, "bob@corp.example").await, None);
    assert!(suite.finish(SignedDuration::from_hours(1)).await.unwrap().is_empty());
    let said = refused(&target, &list, &PROOF).await;
    assert!(said.contains("was taken back") && said.contains("--id"), "{said}");
    // Under another name it comes again, and Bob is not held to be erased for ever.
    imported(&target, &list, &[&PROOF[..], &["--id", "again"]].concat()).await;
    settled(&suite).await;
    assert_eq!(whoever(&suite, "bob@corp.example").await.attribute("company"), Some("List"));
}

#[tokio::test]
async fn ten_thousand_rows_come_in() {
    let (suite, target) = served().await;
    let folder = Folder::new();
    let rows: String = (0..10_000)
        .map(|n| {
            format!(
                "person{n}@company{}.example,山田 太郎{n},㈱サンプル{},部長,03-1234-{n:04},製造業,{}\r\n",
                n % 700,
                n % 700,
                n % 900
            )
        })
        .collect();
    let list = folder.file("all.csv", sjis(&format!("メール,氏名,会社名,役職,電話番号,業種,従業員数\r\n{rows}")));
    let mark = suite.client().record().mark();
    let began = Instant::now();
    let (told, _) = imported(&target, &list, &[&PROOF[..], &["--at-once"]].concat()).await;
    let taken = began.elapsed();
    assert_eq!((told.people, told.new), (10_000, 10_000));
    let calls = suite.client().record().since(mark);
    let written: f64 = calls.iter().map(|call| call.total().write).sum();
    assert!(calls.len() < 1_000 && written < 90_000.0, "{} calls and {written} write units for 10,000 rows", calls.len());
    println!(
        "10,000 rows in {taken:?}, {:.0} a second; {} calls, {written} write units",
        10_000.0 / taken.as_secs_f64(),
        calls.len()
    );
}

#[tokio::test]
async fn a_person_costs_a_few_units() {
    let (suite, target) = served().await;
    let folder = Folder::new();
    let rows: String = (0..100).map(|n| format!("p{n}@corp.example,Person {n},㈱サンプル,部長,製造業\n")).collect();
    let list = folder.file("people.csv", format!("Email,Name,Company,Title,Industry\n{rows}"));
    let mark = suite.client().record().mark();
    imported(&target, &list, &PROOF).await;
    settled(&suite).await;
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    let units: michi_local::Units = suite.client().record().since(mark).iter().map(michi_local::Call::total).sum();
    let (read, written) = (units.read / 100.0, units.write / 100.0);
    assert!(read < 20.0 && written < 45.0, "{read} read and {written} write units a person");
    println!("{read} read and {written} write units a person, from the row to the fact on the bus");
}
