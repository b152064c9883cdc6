//! The question of a scenario: mailed, answered on its page, and what the answer changes.

use axum::body::Body;
use http::{Request, StatusCode};
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Kind, LogOwner, Record};
use michi::fold::{Folded, fold};
use michi::id::{ActivityId, EnrollmentId, LeadId, MailId, MessageId, ScenarioId, StepId};
use michi::io::store::{Mark, Save};
use michi::playbook::scenario::Scenario;
use michi::scenario::{Enrollment, Left, Newest, Owed, Place, Seen, Waiting, owed};
use michi_local::{Options, Suite};
use serde_json::json;

use crate::consent::{ask, get, post};
use crate::harness::{Visitor, beacon, buyer};
use crate::spine::lead_of;

/// The question, with answers that mean something in HTML.
fn scenario() -> Scenario {
    serde_json::from_value(json!({
        "name": { "en": "After a white paper", "ja": "資料ダウンロード後" },
        "trigger": "by_hand",
        "steps": [{ "ask": {
            "id": "why", "send": "ask", "attribute": "main_concern", "within": "7d",
            "question": { "en": "What matters most to you?", "ja": "最も重視される点をお聞かせください" },
            "answers": [
                { "id": "cost", "text": { "en": "Cost & <b>price</b>", "ja": "費用・価格" } },
                { "id": "quality", "text": { "en": "Quality of each part", "ja": "品質" } },
                { "id": "time", "text": { "en": "Delivery on time", "ja": "納期" } },
            ],
        } }],
    }))
    .unwrap()
}

/// A suite whose playbook has a mail that asks, besides michi's own.
pub(crate) async fn suite_that_asks(language: &str, options: Options) -> (Suite, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let own = |name: &str| !name.starts_with("mail/") && !name.starts_with("scenarios/");
    for file in michi::playbook::authoring::default_files().into_iter().filter(|file| own(&file.name)) {
        let path = folder.path().join(&file.name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = String::from_utf8(file.bytes.clone()).unwrap();
        std::fs::write(path, text.replacen("language: en", &format!("language: {language}"), 1)).unwrap();
    }
    std::fs::create_dir_all(folder.path().join("mail")).unwrap();
    let mail = "---\nsubject: One question\nclass: service\n---\nHello\n\n{{ question }}\n\nThank you";
    std::fs::write(folder.path().join("mail/ask.md"), mail).unwrap();
    std::fs::create_dir_all(folder.path().join("scenarios")).unwrap();
    let asking = serde_json::to_string(&scenario()).unwrap();
    std::fs::write(folder.path().join("scenarios/asking.yaml"), asking).unwrap();
    let options = Options { playbook: Some(folder.path().to_owned()), ..options };
    (Suite::start(options).await.unwrap(), folder)
}

/// A lead that was asked; answers to whom.
pub(crate) async fn asked(suite: &Suite) -> LeadId {
    let mut visitor = Visitor::new("v1");
    beacon(suite, &visitor.form(suite.now(), "white-paper", &buyer())).await;
    suite.settle().await.unwrap();
    let (id, _) = lead_of(suite, &visitor).await;
    let (live, now) = (suite.own().playbook().await.unwrap(), suite.now());
    let step = StepId::parse("why").unwrap();
    let enrollment = Enrollment {
        id: enrollment(),
        lead: id.clone(),
        scenario: ScenarioId::parse("after-white-paper").unwrap(),
        playbook: live.version.clone(),
        version: scenario().version(),
        entered: now,
        place: Place { step: step.clone(), visit: 1, since: now },
        waiting: Waiting::Nothing,
        due: now,
        visits: std::collections::BTreeMap::new(),
        day: None,
        mail: None,
        tries: 0,
        revision: 0,
    };
    let owed = Owed::Mail { message: asking(), mail: MailId::parse("ask").unwrap(), subject: 0, step };
    let log = suite.own().store.log(&LogOwner::Lead(id.clone())).await.unwrap();
    let (playbook, version) = (&*live.playbook, &live.version);
    let folded = Folded::of(playbook, &log, now);
    let seen = Seen { folded: &folded, playbook, version, newest: Newest::GivenUp, now };
    let message = owed::message(&owed, &enrollment, &scenario(), &seen).unwrap();
    suite.own().store.save(Save { messages: vec![message], ..Save::default() }).await.unwrap();
    id
}

fn enrollment() -> EnrollmentId {
    EnrollmentId::derive(&["enrollment"])
}

pub(crate) fn asking() -> MessageId {
    MessageId::derive(&["question"])
}

/// The link of each answer, as the lead's mail has them.
pub(crate) async fn mailed(suite: &Suite) -> Vec<String> {
    suite.advance(SignedDuration::from_mins(2)).await.unwrap();
    let mails = suite.mailbox().mails();
    let mail = mails.iter().find(|mail| mail.subject == "One question").expect("the letter");
    let (text, html) = (mail.text.as_ref().unwrap(), mail.html.as_ref().unwrap());
    let links: Vec<String> = text
        .split_whitespace()
        .filter_map(|word| Some(word[word.find("/question/")?..].trim_end_matches('>').to_owned()))
        .collect();
    assert!(links.len() == 3 && links.iter().all(|link| html.contains(link)), "{text}");
    links
}

/// The answers that were given, oldest first, and what the attribute says.
async fn given(suite: &Suite, lead: &LeadId) -> (Vec<String>, Option<String>) {
    let log = suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    let activities = log.records.iter().flat_map(|record| &record.activities);
    let mut answers: Vec<(Timestamp, String)> = activities
        .filter_map(|activity| match &activity.kind {
            Kind::Answered { answer, .. } => Some((activity.at, answer.to_string())),
            _ => None,
        })
        .collect();
    answers.sort();
    // The clock stands still in a journey, and an answer comes a moment after the one before it.
    let now = suite.now() + SignedDuration::from_secs(1);
    let lead = fold(&suite.own().playbook().await.unwrap().playbook, &log, now);
    (answers.into_iter().map(|(_, answer)| answer).collect(), lead.attribute("main_concern").map(str::to_owned))
}

fn chosen(page: &str) -> Vec<&str> {
    page.split("<input").filter(|input| input.contains(" checked>")).filter_map(|input| input.split('"').nth(5)).collect()
}

#[tokio::test]
async fn a_question_is_answered_on_its_page_by_a_person() {
    let (suite, _folder) = suite_that_asks("en", Options::test()).await;
    let lead = asked(&suite).await;
    let links = mailed(&suite).await;

    // Scanners look, press, and ask for the head.
    for (link, answer) in links.iter().zip(["cost", "quality", "time"]) {
        let page = get(&suite, link).await;
        assert_eq!((page.status, chosen(&page.page)), (StatusCode::OK, vec![answer]), "{}", page.page);
        assert!(page.page.contains("<h1>What matters most to you?</h1>") && page.page.contains("Cost &#38; &#60;b&#62;price"));
        assert!(page.policy.contains("form-action 'self'") && page.policy.contains("default-src 'none'"));
        ask(&suite, Request::head(link), Body::empty()).await;
        for agent in [None, Some("curl/8.5.0"), Some("Mozilla/5.0 (compatible; SafetyScanner bot/1.0)")] {
            let request = Request::post(link).header("content-type", "application/x-www-form-urlencoded");
            let request = agent.into_iter().fold(request, |request, agent| request.header("user-agent", agent));
            let page = ask(&suite, request, "answer=cost").await;
            assert!(page.status == StatusCode::OK && page.page.contains("Send this answer"), "{agent:?}");
        }
    }
    for nonsense in ["", "answer=", "answer=none", "choice=cost"] {
        let page = post(&suite, &links[0], nonsense).await;
        assert!(page.status == StatusCode::BAD_REQUEST && page.page.contains("Nothing was changed"), "{nonsense}");
    }
    assert_eq!(given(&suite, &lead).await, (vec![], None));

    // Once is once; another answer takes its place, and the first may come back.
    for _ in 0..2 {
        let page = post(&suite, &links[0], "answer=cost").await;
        assert!(page.page.contains("Your answer is kept") && chosen(&page.page) == ["cost"], "{}", page.page);
    }
    assert_eq!(given(&suite, &lead).await, (vec!["cost".to_owned()], Some("cost".to_owned())));
    // What is chosen on the page counts, whichever link led there.
    let page = post(&suite, &links[0], "answer=time").await;
    assert_eq!(chosen(&page.page), ["time"]);
    suite.settle().await.unwrap();
    let page = get(&suite, &links[1]).await.page;
    assert!(chosen(&page) == ["quality"] && page.contains("your answer so far") && page.contains("Change my answer"));
    post(&suite, &links[0], "answer=cost").await;
    let answers = ["cost", "time", "cost"].map(str::to_owned).to_vec();
    assert_eq!(given(&suite, &lead).await, (answers, Some("cost".to_owned())));
    let left = suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    assert!(left.is_empty(), "every answer was scored: {left:?}");
}

#[tokio::test]
async fn two_posts_at_once_are_one_answer() {
    let (suite, _folder) = suite_that_asks("en", Options::test()).await;
    let lead = asked(&suite).await;
    let links = mailed(&suite).await;
    let (one, other) = tokio::join!(post(&suite, &links[1], "answer=quality"), post(&suite, &links[1], "answer=quality"));
    assert_eq!([one.status, other.status], [StatusCode::OK; 2]);
    assert_eq!(given(&suite, &lead).await.0, ["quality"]);
}

#[tokio::test]
async fn a_late_answer_is_kept_and_one_of_nobody_is_not() {
    let (suite, _folder) = suite_that_asks("ja", Options::test()).await;
    let lead = asked(&suite).await;
    let links = mailed(&suite).await;
    let left = Kind::Advanced {
        scenario: ScenarioId::parse("after-white-paper").unwrap(),
        enrollment: enrollment(),
        version: "v".to_owned(),
        passed: vec![],
        left: Some(Left::End),
    };
    let record = Record::decision(ActivityId::derive(&["left"]), suite.now(), left);
    suite.own().store.append(&LogOwner::Lead(lead.clone()), &record, Mark::Quiet).await.unwrap();
    suite.advance(SignedDuration::from_hours(24 * 60)).await.unwrap();
    let page = get(&suite, &links[2]).await.page;
    assert!(page.contains("配信を終了しております") && page.contains("最も重視される点") && page.contains("この内容で回答する"));
    assert!(post(&suite, &links[2], "answer=time").await.page.contains("ご回答ありがとうございます"));
    assert_eq!(given(&suite, &lead).await.1.as_deref(), Some("time"));

    let key = json!({ "pk": { "S": format!("lead#{lead}") }, "sk": { "S": "lead" } });
    let erased = json!({"TableName": "Leads", "Key": key, "UpdateExpression": "SET erased = :now",
        "ExpressionAttributeValues": { ":now": { "S": suite.now().to_string() } }});
    assert_eq!(suite.dynamo().call("UpdateItem", erased).status, 200);
    for page in [get(&suite, &links[0]).await, post(&suite, &links[0], "answer=cost").await] {
        assert!(page.status == StatusCode::NOT_FOUND && page.page.contains("このご質問は終了しました"), "{}", page.page);
        assert!(page.page.contains("Nothing was changed") && !page.page.contains("最も重視"));
    }
    assert_eq!(given(&suite, &lead).await.0, ["time"]);
    let altered = get(&suite, &format!("{}A", links[0])).await;
    assert_eq!(altered.page, get(&suite, &links[0]).await.page, "which of the two it is, is nobody's business");
}
