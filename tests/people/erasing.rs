//! One person goes, with everything that names the person, whatever is on its way.

use jiff::SignedDuration;
use michi::id::{LeadId, VisitorId};
use michi_cli::account::Target;
use michi_cli::erase::{self, EraseArgs};
use michi_local::Suite;
use serde_json::{Value, json};

use super::{Folder, fills_in, id_of, imported, whoever};
use crate::harness::{Visitor, beacon, buyer, insist, ready_lead};
use crate::operator::served;

const ADDRESS: &str = "mika.sato@hoshino-kogyo.example";
const BROWSER: &str = "0f8fad5b-d9cb-469f-a165-70867728950e";

fn args(target: &Target, who: &str) -> EraseArgs {
    EraseArgs { who: who.to_owned(), yes: true, allow_mail: false, json: false, target: target.clone() }
}

async fn erased(args: &EraseArgs) -> Result<String, String> {
    let mut out = vec![];
    let done = erase::erase(args, &mut out).await;
    done.map(|()| String::from_utf8(out).unwrap()).map_err(|error| format!("{error:#}"))
}

/// What in either table still names the person.
fn traces(suite: &Suite, lead: &LeadId) -> Vec<String> {
    let settings = &suite.own().settings;
    let items = [&settings.leads_table, &settings.activities_table].map(|table| suite.items(table).unwrap());
    let text = |item: &Value| item.to_string();
    let names = |text: &String| [lead.as_str(), ADDRESS, BROWSER, "佐藤", "星野"].iter().any(|part| text.contains(part));
    items.iter().flatten().map(text).filter(names).collect()
}

#[tokio::test]
async fn everything_goes_and_nothing_comes_back() {
    let (suite, target) = served().await;
    let mut visitor = Visitor::new(BROWSER);
    ready_lead(&suite, &mut visitor).await;
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    let lead = id_of(&suite, ADDRESS).await.unwrap();
    let now = suite.now();
    suite.own().store.quarantine("poison", &format!("{{\"pk\":\"lead#{lead}\"}}"), "unreadable", now).await.unwrap();
    suite.own().store.quarantine("other", "{\"pk\":\"lead#somebody\"}", "unreadable", now).await.unwrap();
    assert!(traces(&suite, &lead).len() > 8);

    let said = erased(&args(&target, ADDRESS)).await.unwrap();
    assert!(said.contains("stays suppressed") && said.contains("failure objects") && said.contains("35"), "{said}");
    let left = traces(&suite, &lead);
    assert!(left.iter().all(|item| item.contains("\"erased\"")), "only marks stay: {left:#?}");
    assert_eq!(suite.own().store.quarantined(now).await.unwrap().len(), 1, "somebody else's");

    // What is on its way is not kept; nor is a form, from the same browser.
    beacon(&suite, &visitor.page(suite.now(), "/pricing", "Pricing", 20)).await;
    beacon(&suite, &visitor.form(suite.now(), "inquiry", &buyer())).await;
    suite.settle().await.unwrap();
    assert!(erased(&args(&target, lead.as_str())).await.unwrap_err().contains("being erased already"));
    suite.advance(SignedDuration::from_mins(12)).await.unwrap();
    assert_eq!(traces(&suite, &lead), Vec::<String>::new());
    assert!(erased(&args(&target, lead.as_str())).await.unwrap_err().contains("there is no lead"));
    let left = suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert!(left.len() == 1 && left[0].contains("other"), "the quarantine of others: {left:?}");
    assert_eq!(suite.mailbox().mails().len(), 1, "sales was told before, and of nothing since");

    // A list that names the person brings somebody new, to whom nothing is sent.
    let list = Folder::new();
    let list = list.file("people.csv", format!("Email\n{ADDRESS}\n"));
    let (told, said) = imported(&target, &list, &["--basis", "dealings", "--proof", "contract 7"]).await;
    assert_eq!((told.new, told.suppressed), (1, 1), "{said}");
    suite.settle().await.unwrap();
    assert_ne!(id_of(&suite, ADDRESS).await.unwrap(), lead);
}

#[tokio::test]
async fn a_mark_is_enough_whatever_becomes_of_the_command() {
    let (suite, target) = served().await;
    ready_lead(&suite, &mut Visitor::new(BROWSER)).await;
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    let lead = id_of(&suite, ADDRESS).await.unwrap();
    let store = target.open().await.unwrap().store;
    let before = store.lead(&lead).await.unwrap();
    // As far as a command came that ended at once.
    store.begin_erasure(&lead, before.as_ref(), &[], suite.now()).await.unwrap();
    suite.advance(SignedDuration::from_mins(1)).await.unwrap();
    let left = traces(&suite, &lead);
    assert!(left.iter().all(|item| item.contains("\"erased\"")), "only marks stay: {left:#?}");
    suite.advance(SignedDuration::from_mins(12)).await.unwrap();
    assert_eq!(traces(&suite, &lead), Vec::<String>::new());
}

#[tokio::test]
async fn what_raced_past_the_mark_goes_the_second_time() {
    let (suite, target) = served().await;
    let mut visitor = Visitor::new(BROWSER);
    ready_lead(&suite, &mut visitor).await;
    let lead = id_of(&suite, ADDRESS).await.unwrap();
    let known = suite.own().store.visitor_consistent(&VisitorId::parse(BROWSER).unwrap()).await.unwrap().unwrap();
    erased(&args(&target, lead.as_str())).await.unwrap();
    // A page view whose `track` read the browser's item before the mark was on it.
    let log = michi::activity::LogOwner::Lead(known.lead.clone());
    let late = michi::activity::Record::decision(
        michi::id::ActivityId::parse("late").unwrap(),
        suite.now(),
        michi::activity::Kind::AttributeSet { name: "company".to_owned(), value: "星野".to_owned() },
    );
    suite.own().store.append(&log, &late, michi::io::store::Mark::Guaranteed).await.unwrap();
    suite.settle().await.unwrap();
    suite.advance(SignedDuration::from_mins(12)).await.unwrap();
    assert_eq!(traces(&suite, &lead), Vec::<String>::new());
}

#[tokio::test]
async fn a_person_may_come_back() {
    let (suite, target) = served().await;
    fills_in(&suite, BROWSER, "newsletter", json!({ "email": ADDRESS })).await;
    let lead = id_of(&suite, ADDRESS).await.unwrap();
    let allowed = EraseArgs { allow_mail: true, ..args(&target, ADDRESS) };
    assert!(erased(&allowed).await.unwrap().contains("not suppressed"));
    suite.advance(SignedDuration::from_mins(12)).await.unwrap();
    let mut again = Visitor::new(BROWSER);
    insist(&suite, &again.page(suite.now(), "/pricing", "Pricing", 20)).await;
    fills_in(&suite, "other", "newsletter", json!({ "email": ADDRESS })).await;
    assert_ne!(id_of(&suite, ADDRESS).await.unwrap(), lead);
    assert_eq!(whoever(&suite, ADDRESS).await.pages.len(), 0);
    assert!(erased(&args(&target, "nobody@example.com")).await.unwrap_err().contains("no lead has this address"));
}
