//! Every way a function can go, with all it touches, rare ways too.

use std::collections::BTreeSet;

use axum::body::Body;
use http::Request;
use jiff::SignedDuration;
use michi::activity::{Kind, LogOwner, Record};
use michi::consent::MailClass;
use michi::id::{ActivityId, MessageId, OwnerId, ScenarioId, VisitorId};
use michi::io::store::{Mark, Pause};
use michi::link::{self, OfLetter, View};
use michi::scenario::results::Results;
use michi_local::template::Access;
use michi_local::{Fate, Fault, Planned, Service, Suite};
use serde_json::{Value, json};

use crate::clicks::letter;
use crate::harness::{ORIGIN, Visitor, beacon, buyer, insist, post, ready_lead, suite, write_key};
use crate::mail::Post;
use crate::operator::served;
use crate::people::merging::begun;
use crate::people::{Folder, id_of, imported, two_readers};
use crate::playbook::{alike, applied, changed, people};
use crate::scenario::{Reader, publish};
use crate::spine::lead_of;

/// The domain of the default playbook's sender.
pub(super) const SENDER: &str = "tsumugi-works.example";

/// What every function asks of its role on these journeys, by the function's name.
pub(super) async fn used() -> BTreeSet<(String, Access)> {
    let mut used = BTreeSet::new();
    for suite in [
        a_lead_is_won().await,
        others_use_its_browser().await,
        what_cannot_be_read_is_put_aside().await,
        calls_fail().await,
        the_playbook_is_changed().await,
        a_list_comes_and_a_person_goes().await,
        letters_go_out().await,
        leads_go_along_a_scenario().await,
        two_leads_are_one().await,
    ] {
        let calls = suite.client().record().calls();
        assert!(
            calls.first().is_some_and(|call| call.function.is_none()),
            "the first calls are forgotten: make the journeys shorter"
        );
        for call in calls {
            let function = call.function.clone();
            used.extend(function.into_iter().flat_map(|name| call.asks.iter().map(move |access| (name.clone(), access.clone()))));
        }
    }
    used
}

/// A suite in which every function may call what it likes.
async fn open() -> Suite {
    let suite = suite().await;
    suite.client().roles().lift();
    suite
}

async fn finish(suite: &Suite) {
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    for function in ["score", "step", "notify", "relay"] {
        suite.tick(function).await.unwrap();
    }
}

/// A visit, a form, the alert, the page behind its link, another visit and another form.
async fn a_lead_is_won() -> Suite {
    let suite = open().await;
    let mut visitor = Visitor::new("buyer");
    ready_lead(&suite, &mut visitor).await;
    let mail = suite.mailbox().mails().last().cloned().unwrap();
    let text = mail.text.as_deref().unwrap();
    let link = text.split_whitespace().find_map(|word| Some(&word[word.find("/view/")?..])).unwrap();
    let page = suite.request(Request::get(link).body(Body::empty()).unwrap()).await;
    assert!(page.status().is_success());
    insist(&suite, &visitor.page(suite.now(), "/pricing", "Pricing", 20)).await;
    // A form that says nothing new of the lead: it is held still while the form's fact is owed.
    for _ in 0..2 {
        insist(&suite, &visitor.form(suite.now(), "survey", &json!({"email": buyer()["email"]}))).await;
        suite.settle().await.unwrap();
    }
    // What the lead chooses for itself, and a form that looks like spam.
    let (lead, _) = lead_of(&suite, &visitor).await;
    let link = OfLetter { lead, message: MessageId::derive(&["m"]) };
    let (number, key) = suite.own().keys.signing().unwrap();
    let request = Request::post(link.unsubscribe_url("", number, key.bytes()));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let chosen = suite.request(request.body(Body::from("List-Unsubscribe=One-Click")).unwrap()).await;
    assert!(chosen.status().is_success());
    let mut quick = Visitor::new("program").form(suite.now(), "inquiry", &json!({"email": "p@program.example"}));
    quick[0]["properties"]["millis"] = json!(1);
    insist(&suite, &quick).await;
    suite.advance(SignedDuration::from_mins(5)).await.unwrap();
    finish(&suite).await;
    suite
}

/// Another playbook goes live, and makes leads ready; somebody looks at what came of a scenario.
async fn the_playbook_is_changed() -> Suite {
    let suite = open().await;
    let scenario = ScenarioId::parse("after-white-paper").unwrap();
    let results = json!({ "at": suite.now(), "leads": 0, "unreadable": 0, "counts": [] });
    suite.own().store.keep_report(&Results::kept_as(&scenario, None), &results, suite.now()).await.unwrap();
    let (number, key) = suite.own().keys.signing().unwrap();
    let link = link::Results::new(scenario, suite.now()).url("", number, key.bytes());
    let page = suite.request(Request::get(link).body(Body::empty()).unwrap()).await;
    assert!(page.status().is_success());
    people(&suite, 5, 0).await;
    applied(&suite, &changed(&suite, alike), "mika").await;
    finish(&suite).await;
    suite
}

/// A list makes leads ready, and one of them is erased.
async fn a_list_comes_and_a_person_goes() -> Suite {
    let (suite, target) = served().await;
    suite.client().roles().lift();
    two_readers(&suite).await;
    let (folder, now) = (Folder::new(), suite.now());
    let person = "Director,A,Manufacturing,300";
    let rows = format!("ann@corp-a.example,{person}\nbob@corp-b.example,{person}\nnew@corp-c.example,{person}\n");
    let list = folder.file("expo.csv", format!("Email,Role,Company,Industry,Employees\n{rows}"));
    imported(&target, &list, &[]).await;
    suite.advance(SignedDuration::from_mins(5)).await.unwrap();
    // Somebody of whom sales was told, one line of a summary, and a form that came too late to be copied.
    ready_lead(&suite, &mut Visitor::new("buyer")).await;
    let (late, buyer) = (VisitorId::parse("buyer").unwrap(), buyer()["email"].as_str().unwrap().to_owned());
    let form = Kind::Tracked { event: "Trial".to_owned(), properties: std::collections::BTreeMap::new() };
    let record = Record::decision(ActivityId::parse("late").unwrap(), suite.now(), form);
    let store = &suite.own().store;
    store.append(&LogOwner::Visitor(late), &record, Mark::Guaranteed).await.unwrap();
    for address in ["ann@corp-a.example", &buyer] {
        let lead = id_of(&suite, address).await.unwrap();
        store.quarantine(address, lead.as_str(), "unreadable", now).await.unwrap();
        let before = store.lead(&lead).await.unwrap();
        store.begin_erasure(&lead, before.as_ref(), &[], suite.now()).await.unwrap();
    }
    suite.tick("score").await.unwrap();
    suite.advance(SignedDuration::from_mins(12)).await.unwrap();
    finish(&suite).await;
    suite
}

/// Two leads are merged while one is under way along a scenario, and a link in mail to it is followed afterwards.
async fn two_leads_are_one() -> Suite {
    let suite = open().await;
    let (gone, kept) = (Reader::of(&suite, "mori").await, Reader::sending(&suite, "hana", "newsletter").await);
    let letter = letter(&suite, &gone.lead, &[&format!("{ORIGIN}/pricing")]).await;
    begun(&suite, &gone.lead, &kept.lead).await;
    suite.advance(SignedDuration::from_mins(12)).await.unwrap();
    letter.open(&suite).await;
    letter.click(&suite, 0).await;
    finish(&suite).await;
    suite
}

/// Another address in the lead's browser, and a click in a mail to the lead in another browser.
async fn others_use_its_browser() -> Suite {
    let suite = open().await;
    let mut visitor = Visitor::new("shared");
    ready_lead(&suite, &mut visitor).await;
    let (lead, _) = lead_of(&suite, &visitor).await;
    let mut colleague = buyer();
    colleague["email"] = json!("kenji@other.example");
    insist(&suite, &visitor.form(suite.now(), "inquiry", &colleague)).await;
    suite.settle().await.unwrap();
    let letter = letter(&suite, &lead, &[&format!("{ORIGIN}/pricing")]).await;
    suite.advance(SignedDuration::from_mins(2)).await.unwrap();
    letter.open(&suite).await;
    let token = letter.click(&suite, 0).await.token().expect("a token");
    let message = json!({"writeKey": write_key(&suite), "anonymousId": "clicker", "messageId": "i",
        "timestamp": suite.now().to_string(), "context": {"token": token}});
    assert!(post(&suite, "/v1/identify", &message).await.status.is_success());
    finish(&suite).await;
    suite
}

/// A letter that takes two tries, one that nobody can read, and what SES tells of mail to leads and to sales.
async fn letters_go_out() -> Suite {
    let post = Post::in_suite(open().await, "reader@acme.example").await;
    let (suite, reports) = (post.suite.clone(), post.suite.mailbox().reports());
    suite.client().faults().lay([Planned::nth("notify", Service::Ses, "SendEmail", 1, Fault::Throttle)]);
    post.owe(0).await;
    suite.settle().await.unwrap();
    suite.advance(SignedDuration::from_mins(5)).await.unwrap();
    let poison = json!({"pk": {"S": format!("lead#{}", post.lead)}, "sk": {"S": "message#poison"}, "hint": {"S": "message"},
        "state": {"S": "?"}, "due_part": {"S": "notify.1.0"}, "due_at": {"S": format!("{:.3}", suite.now())}});
    put(&suite, "Leads", poison);
    feedback::handle(suite.app("feedback").unwrap(), json!({})).await.unwrap();
    // Back for the sender's sake, then for good.
    for (n, fate) in [(1, Fate::sender_refused()), (2, Fate::no_such_mailbox())] {
        reports.lay_fate(&post.address, fate);
        post.owe_any(post.letter(n, MailClass::Service)).await;
        suite.settle().await.unwrap();
    }
    let sales = suite.desk().playbook().setup.owners[0].address.clone();
    reports.lay_fate(sales.as_str(), Fate::Complained("abuse".to_owned()));
    ready_lead(&suite, &mut Visitor::new("other")).await;
    finish(&suite).await;
    suite
}

/// A form leads to a mail, an attribute and a word to sales; one enrollment cannot be read, one is paused.
async fn leads_go_along_a_scenario() -> Suite {
    let suite = open().await;
    publish(
        &suite,
        &json!({
            "told": { "name": "Told", "trigger": { "form": "white-paper" }, "steps": [
                { "mail": { "id": "hello", "send": "welcome" } },
                { "set": { "id": "noted", "attribute": "noted", "to": "yes" } },
                { "notify": { "id": "say", "say": "Would like to talk." } },
                { "wait": { "id": "day", "for": "1d" } },
                { "mail": { "id": "again", "send": "case-study" } }
            ] },
            "short": { "name": "Short", "trigger": { "form": "white-paper" }, "steps": [
                { "set": { "id": "seen", "attribute": "seen", "to": "yes" } }
            ] }
        }),
    )
    .await;
    let reader = Reader::of(&suite, "mori").await;
    suite.advance(SignedDuration::from_hours(1)).await.unwrap();
    let poison = json!({"pk": {"S": format!("lead#{}", reader.lead)}, "sk": {"S": "enrollment#told#poison"},
        "due_part": {"S": "step.0.0"}, "due_at": {"S": format!("{:.3}", suite.now())}});
    put(&suite, "Leads", poison);
    let pause = Pause { since: suite.now(), by: "ann".to_owned() };
    let told = ScenarioId::parse("told").unwrap();
    suite.own().store.pause(&told, &pause).await.unwrap();
    suite.advance(SignedDuration::from_hours(48)).await.unwrap();
    // Sales looks where the lead stands.
    let (number, key) = suite.own().keys.signing().unwrap();
    let link = View::new(reader.lead.clone(), OwnerId::parse("sales").unwrap(), suite.now()).url("", number, key.bytes());
    let page = suite.request(Request::get(link).body(Body::empty()).unwrap()).await;
    assert!(page.status().is_success());
    finish(&suite).await;
    suite
}

/// Something nobody can read lies wherever a function looks.
async fn what_cannot_be_read_is_put_aside() -> Suite {
    let suite = open().await;
    let mut visitor = Visitor::new("reader");
    ready_lead(&suite, &mut visitor).await;
    let (lead, _) = lead_of(&suite, &visitor).await;
    let owner = OwnerId::parse("sales").unwrap();
    let now = format!("{:.3}", suite.now());
    put(
        &suite,
        "Leads",
        json!({"pk": {"S": format!("owner#{owner}")}, "sk": {"S": "message#poison"}, "hint": {"S": "message"},
        "state": {"S": "?"}, "due_part": {"S": "notify.0.0"}, "due_at": {"S": now}}),
    );
    put(
        &suite,
        "Leads",
        json!({"pk": {"S": format!("lead#{lead}")}, "sk": {"S": "fact#poison"}, "hint": {"S": "fact"},
        "what": {"S": "?"}, "due_part": {"S": "relay.0.0"}, "due_at": {"S": now}}),
    );
    suite.settle().await.unwrap();
    // Its log cannot be folded any more, so its review is put off.
    let record = json!({"pk": {"S": format!("lead#{lead}")}, "sk": {"S": format!("{now}#poison")}, "wake": {"S": "hint"}});
    put(&suite, "Activities", record);
    suite.settle().await.unwrap();
    suite.clock().set(suite.now() + SignedDuration::from_hours(24 * 60));
    suite.tick("score").await.unwrap();
    suite
}

/// Calls fail, so that work is put off and taken up again.
async fn calls_fail() -> Suite {
    let suite = open().await;
    let mut visitor = Visitor::new("unlucky");
    let fail = |function, operation, nth| Planned::nth(function, Service::DynamoDb, operation, nth, Fault::Throttle);
    suite.client().faults().lay((1..=3).map(|nth| fail("score", "BatchWriteItem", nth)));
    beacon(&suite, &visitor.page(suite.now(), "/pricing", "Pricing", 20)).await;
    insist(&suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.client().faults().lay([Planned::nth("notify", Service::Ses, "SendEmail", 1, Fault::Throttle)]);
    finish(&suite).await;
    suite
}

fn put(suite: &Suite, table: &str, item: Value) {
    let answer = suite.dynamo().call("PutItem", json!({"TableName": table, "Item": item}));
    assert_eq!(answer.status, 200, "{}", answer.body);
}
