//! What a person does with scenarios: let leads in, look who is under way, pause, go on, stop, mend, and plan a change.

use clap::Parser;
use michi::activity::Kind;
use michi::id::ScenarioId;
use michi::io::store::{DueKey, Lies};
use michi::scenario::{Left, Waiting};
use michi_cli::account::Target;
use michi_cli::export_lead::{self, ExportLeadArgs};
use michi_cli::lead::{self, LeadArgs};
use michi_cli::plan::{Fold, Plan};
use michi_cli::redrive::{self, RedriveArgs};
use michi_cli::scenarios::{self, EnrollArgs, PauseArgs, ResumeArgs, ScenariosArgs, StopArgs};
use michi_local::{Fault, Planned, Service, Suite};
use serde_json::{Value, json};

use super::{DAY, HOUR, MINUTE, Reader, nurture, publish};
use crate::harness::insist;
use crate::operator::served;
use crate::playbook::changed;

/// Commands as they are typed.
#[derive(Parser)]
enum Typed {
    Scenarios(ScenariosArgs),
    Enroll(EnrollArgs),
    Pause(PauseArgs),
    Resume(ResumeArgs),
    Stop(StopArgs),
    ExportLead(ExportLeadArgs),
    Lead(LeadArgs),
    Redrive(RedriveArgs),
}

/// What a command says as JSON, or why it does nothing.
async fn said(target: &Target, line: &str) -> Result<Value, String> {
    let port = format!("--local={}", target.local.unwrap());
    let words = ["michi"].into_iter().chain(line.split(' ')).chain([port.as_str()]);
    let mut out = Vec::new();
    let wrong = |error: &dyn std::fmt::Display| format!("{error:#}");
    let typed = Typed::try_parse_from(words).map_err(|misuse| misuse.to_string())?;
    let value = match typed {
        Typed::Scenarios(args) => scenarios::show(&args, &mut out).await.map(|()| None),
        Typed::Enroll(args) => scenarios::enroll(&args).await.map(|done| Some(json!(done))),
        Typed::Pause(args) => scenarios::pause(&args).await.map(|done| Some(json!(done))),
        Typed::Resume(args) => scenarios::resume(&args).await.map(|done| Some(json!(done))),
        Typed::Stop(args) => scenarios::stop(&args).await.map(|done| Some(json!(done))),
        Typed::ExportLead(args) => export_lead::export(&args, &mut out).await.map(|()| None),
        Typed::Lead(args) => lead::show(&args, &mut out).await.map(|()| None),
        Typed::Redrive(args) => redrive::redrive(&args, &mut out).await.map(|_| None),
    };
    let text = || Value::String(String::from_utf8_lossy(&out).into_owned());
    let value = value.map_err(|error| wrong(&error))?;
    Ok(value.unwrap_or_else(|| serde_json::from_slice(&out).unwrap_or_else(|_| text())))
}

async fn nurturing() -> (Suite, Target) {
    let (suite, target) = served().await;
    publish(&suite, &json!({ "nurture": nurture() })).await;
    (suite, target)
}

#[tokio::test]
async fn leads_are_let_in_by_hand_once_an_occasion() {
    let (suite, target) = nurturing().await;
    let [reader, other] = [Reader::sending(&suite, "mori", "survey").await, Reader::sending(&suite, "kato", "survey").await];
    let dry = said(&target, "enroll nurture --lead mori@aoba.example --occasion expo --dry-run").await.unwrap();
    assert_eq!((&dry["entered"], reader.open(&suite).await.len()), (&json!(1), 0));
    let done = said(&target, "enroll nurture --lead mori@aoba.example --occasion expo --yes").await.unwrap();
    assert_eq!((&done["entered"], reader.open(&suite).await.len()), (&json!(1), 1));
    let again = said(&target, "enroll nurture --lead mori@aoba.example --occasion expo --yes").await.unwrap();
    assert_eq!((&again["entered"], &again["kept_out"]), (&json!(0), &json!({ "is under way in it": 1 })));
    suite.advance(HOUR).await.unwrap();
    assert_eq!(reader.got(&suite).await.len(), 1);

    // A list: one has been in it, one is new, one is nobody's.
    let list = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    std::fs::write(list.path(), "email\nmori@aoba.example\nkato@aoba.example\nno address\nnobody@aoba.example\n").unwrap();
    let line = format!("enroll nurture --csv {} --occasion expo -y", list.path().display());
    let done = said(&target, &line).await.unwrap();
    let refused = done["refused"][0].as_str().unwrap();
    assert!(refused.contains(":4: ") && done["refused"][1].is_null(), "{refused}");
    assert_eq!((&done["entered"], &done["strangers"], &done["leads"]), (&json!(1), &json!(1), &json!(2)));
    assert_eq!(other.entered(&suite).await, 1);
    for (line, wrong) in [
        ("enroll nurtre --lead mori@aoba.example", "did you mean \"nurture\"?"),
        ("enroll nurture --segment none", "no segment is called"),
        ("enroll nurture", "required"),
        ("enroll nurture --lead mori@aoba.example --json", "--dry-run or --yes"),
        ("stop nurtre --yes", "did you mean \"nurture\"?"),
        ("stop nurture --json", "--yes"),
        // Nobody sits at a terminal here, so that a question is an error.
        ("stop nurture", "give --yes"),
        ("enroll nurture --lead sato@aoba.example", "no lead has this address"),
        ("pause none --by ann", "no scenario is called"),
    ] {
        let error = said(&target, line).await.unwrap_err();
        assert!(error.contains(wrong), "{line}: {error}");
    }
}

#[tokio::test]
async fn a_pause_holds_everybody_and_going_on_takes_them_up_again() {
    let (suite, target) = nurturing().await;
    let reader = Reader::of(&suite, "mori").await;
    suite.advance(HOUR).await.unwrap();
    assert_eq!(said(&target, "pause nurture --by ann").await.unwrap()["under_way"], 1);
    let young = Reader::of(&suite, "kato").await;
    suite.advance(DAY * 8).await.unwrap();
    assert_eq!((reader.got(&suite).await.len(), young.got(&suite).await.len()), (1, 0));
    let listed = said(&target, "scenarios --json").await.unwrap();
    let listed = &listed["scenarios"][0];
    assert_eq!((&listed["under_way"], &listed["aside"], &listed["paused"]["by"]), (&json!(2), &json!(2), &json!("ann")));
    let told = said(&target, "scenarios").await.unwrap();
    assert!(told.as_str().unwrap().contains("paused since"), "{told}");
    assert_eq!(said(&target, "resume nurture").await.unwrap()["leads"], 2);
    suite.advance(DAY).await.unwrap();
    assert_eq!((reader.got(&suite).await.len(), young.got(&suite).await.len()), (2, 1));
    // Again: nothing lies aside any more.
    assert_eq!(said(&target, "resume nurture").await.unwrap()["leads"], 0);
    assert_eq!(suite.own().store.pauses().await.unwrap().len(), 0);
}

#[tokio::test]
async fn one_lead_rests_by_itself_and_one_is_stopped() {
    let (suite, target) = nurturing().await;
    let [reader, other] = [Reader::of(&suite, "mori").await, Reader::of(&suite, "kato").await];
    suite.advance(HOUR).await.unwrap();
    said(&target, "pause nurture --lead mori@aoba.example --by ann").await.unwrap();
    assert!(matches!(reader.open(&suite).await[0].waiting, Waiting::Resume { .. }));
    // Neither what the lead does nor that all go on wakes it.
    said(&target, "pause nurture --by ann").await.unwrap();
    let rests = said(&target, "pause nurture --lead mori@aoba.example --by ann").await.unwrap();
    assert_eq!((&rests["lead"], &rests["paused"]["by"], &rests["under_way"]), (&json!(reader.lead), &json!("ann"), &json!(1)));
    let on = said(&target, "resume nurture").await.unwrap();
    assert!(on["paused"].is_null() && on["lead"].is_null(), "{on}");
    suite.advance(DAY * 8).await.unwrap();
    assert_eq!((reader.got(&suite).await.len(), other.got(&suite).await.len()), (1, 2));
    said(&target, "resume nurture --lead mori@aoba.example").await.unwrap();
    suite.advance(DAY).await.unwrap();
    assert_eq!(reader.got(&suite).await.len(), 2);

    assert_eq!(said(&target, "stop nurture --lead mori@aoba.example --yes").await.unwrap()["leads"], 1);
    assert_eq!((reader.left(&suite).await, other.open(&suite).await.len()), (vec![Left::ByHand], 1));
    assert_eq!(said(&target, "stop nurture --yes").await.unwrap()["leads"], 1);
    assert_eq!(said(&target, "stop nurture --yes").await.unwrap()["leads"], 0);
    assert_eq!(other.left(&suite).await, [Left::ByHand]);
}

#[tokio::test]
async fn what_a_lead_did_while_it_rested_by_itself_counts_when_it_goes_on() {
    let (suite, target) = nurturing().await;
    let mut reader = Reader::of(&suite, "mori").await;
    suite.advance(DAY * 7).await.unwrap();
    assert!(matches!(reader.open(&suite).await[0].waiting, Waiting::Behaviour { .. }));
    said(&target, "pause nurture --lead mori@aoba.example --by ann").await.unwrap();
    insist(&suite, &reader.visitor.page(suite.now(), "/pricing", "Pricing", 40)).await;
    suite.advance(DAY).await.unwrap();
    assert_eq!(reader.path(&suite).await.len(), 3);
    said(&target, "resume nurture --lead mori@aoba.example").await.unwrap();
    suite.advance(MINUTE).await.unwrap();
    assert_eq!(reader.path(&suite).await[3..], ["prices: came", "keen: done", "talk: mailed talk"]);
}

#[tokio::test]
async fn what_fails_time_and_again_is_held_lets_others_pass_and_goes_on_when_it_is_mended() {
    let (suite, target) = nurturing().await;
    let reader = Reader::of(&suite, "mori").await;
    // Each try to save what becomes of it fails.
    let fails = (1..=8).map(|nth| Planned::nth("step", Service::DynamoDb, "TransactWriteItems", nth, Fault::Refuse));
    suite.client().faults().lay(fails);
    suite.advance(MINUTE / 2).await.unwrap();
    let tries = reader.open(&suite).await[0].tries;
    assert!(tries == 1, "{tries} {:?}", suite.client().faults().struck());
    suite.advance(DAY).await.unwrap();
    let held = suite.own().store.open_enrollments(None).await.unwrap();
    assert_eq!(held.iter().map(|open| open.lies).collect::<Vec<_>>(), [Lies::Held]);
    suite.client().faults().lift();
    let other = Reader::of(&suite, "kato").await;
    suite.advance(HOUR).await.unwrap();
    assert_eq!((reader.got(&suite).await.len(), other.got(&suite).await.len()), (0, 1));
    let exported = said(&target, "export-lead mori@aoba.example").await.unwrap();
    assert_eq!(exported["enrollments"][0]["tries"], 8);
    let mended = said(&target, "redrive").await.unwrap();
    assert!(mended.as_str().unwrap().contains("1 held enrollment (1 taken, 0 left)"), "{mended}");
    suite.advance(HOUR).await.unwrap();
    assert_eq!(reader.got(&suite).await.len(), 1);
}

#[tokio::test]
async fn a_lead_is_shown_with_where_it_stands() {
    let (suite, target) = nurturing().await;
    let reader = Reader::of(&suite, "mori").await;
    suite.advance(HOUR).await.unwrap();
    let shown = async || said(&target, "lead mori@aoba.example").await.unwrap().as_str().unwrap().to_owned();
    let told = shown().await;
    assert!(told.contains("Under way\n  Nurture (since ") && told.contains("): Wait 3 days.\n    Until "), "{told}");
    said(&target, "pause nurture --by ann").await.unwrap();
    said(&target, "pause nurture --by ann --lead mori@aoba.example").await.unwrap();
    let told = shown().await;
    for part in ["    The scenario is paused since ", ", by ann\n    This lead alone is paused in it\n"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let json = said(&target, "lead mori@aoba.example --json").await.unwrap();
    let course = &json["under_way"][0];
    assert_eq!(
        (&course["scenario"], &course["name"], &course["says"], &course["lies"], &course["paused"]["by"]),
        (&json!("nurture"), &json!("Nurture"), &json!("Wait 3 days."), &json!("paused"), &json!("ann"))
    );
    assert_eq!(course["until"].as_str(), reader.open(&suite).await[0].due.to_string().as_str().into());
    said(&target, "stop nurture --yes").await.unwrap();
    suite.advance(MINUTE).await.unwrap();
    let told = shown().await;
    assert!(!told.contains("Under way") && told.contains("Left the scenario: Nurture · ended by hand"), "{told}");
}

#[tokio::test]
async fn a_plan_says_what_becomes_of_those_under_way() {
    let (suite, _target) = nurturing().await;
    let reader = Reader::of(&suite, "mori").await;
    suite.advance(HOUR).await.unwrap();
    let planned = async |change: fn(&mut Value)| {
        let mut scenario = json!({ "nurture": nurture() });
        change(&mut scenario);
        let candidate = changed(&suite, |playbook| playbook.scenarios = serde_json::from_value(scenario).unwrap());
        Plan::of(&suite.own().store, &candidate, Fold::default(), suite.now()).await.unwrap()
    };
    for (change, wanted) in [
        (
            (|all| all["nurture"]["name"] = json!("Other")) as fn(&mut Value),
            "1  go on by the new version, from the step at which",
        ),
        (
            |all| {
                all["nurture"]["name"] = json!("Other");
                all["nurture"]["under_way"] = json!("stay");
            },
            "1  go on by the version that they entered",
        ),
        (
            |all| {
                all["nurture"]["steps"].as_array_mut().unwrap().remove(1);
            },
            "1  leave: their step days is gone",
        ),
        (|all| *all = json!({}), "1  leave: the scenario is gone"),
    ] {
        let plan = planned(change).await;
        let said = plan.to_string();
        assert!(said.contains("nurture: 1 lead under way") && said.contains(wanted), "{said}");
        assert_eq!(plan.under_way[0].leads, 1);
    }
    // Nothing was written.
    assert_eq!(reader.open(&suite).await.len(), 1);
}

#[tokio::test]
async fn a_plan_says_who_would_enter_at_once() {
    let (suite, _target) = nurturing().await;
    let [_mori, _kato] = [Reader::sending(&suite, "mori", "survey").await, Reader::sending(&suite, "kato", "survey").await];
    suite.advance(HOUR).await.unwrap();
    let planned = async |who: &str| {
        let scenario = json!({ "name": "Trial", "trigger": { "stage": ["lead"] }, "who": who,
            "steps": [{ "wait": { "id": "w", "for": "1d" } }, { "stop": { "id": "end" } }] });
        let candidate = changed(&suite, |playbook| {
            let id = ScenarioId::parse("trial").unwrap();
            playbook.scenarios.insert(id, serde_json::from_value(scenario).unwrap());
        });
        let plan = Plan::of(&suite.own().store, &candidate, Fold::default(), suite.now()).await.unwrap();
        (plan.to_string(), plan.leads.unwrap().entering)
    };
    for who in ["existing", "both"] {
        let (said, entering) = planned(who).await;
        assert_eq!(entering.iter().map(|one| (one.scenario.as_str(), one.leads)).collect::<Vec<_>>(), [("trial", 2)], "{said}");
        let mailable = entering[0].mailable;
        assert!(said.contains(&format!("trial: 2 leads would enter at once, {mailable} of them may be mailed")), "{said}");
        assert!(said.contains("    + scenario trial: 2 steps, begins when a lead comes to stage lead\n"), "{said}");
        assert!(!said.contains("under_way"), "{said}");
    }
    let (said, entering) = planned("new").await;
    assert!(entering.is_empty() && !said.contains("would enter at once"), "{said}");
}

#[tokio::test]
async fn a_message_says_for_which_scenario_it_is() {
    let (suite, _target) = nurturing().await;
    let reader = Reader::of(&suite, "mori").await;
    suite.advance(HOUR).await.unwrap();
    let open = reader.open(&suite).await;
    let key = DueKey::of_enrollment(&open[0]);
    assert_eq!(key.enrollment().map(|(_, scenario, _)| scenario), ScenarioId::parse("nurture").ok());
    let letters = suite.own().store.letters_to(&reader.lead).await.unwrap();
    assert!(michi_cli::messages::cause(&letters[0]).is_some_and(|cause| cause.contains("nurture, step hello")));
    let log = reader.log(&suite).await;
    assert!(log.records.iter().flat_map(|record| &record.activities).any(|one| matches!(one.kind, Kind::MailSent { .. })));
}
