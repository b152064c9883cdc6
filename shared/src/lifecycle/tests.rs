//! Whose doing a move is, and who is told of it.

use proptest::prelude::*;

use super::*;
use crate::activity::Proof;
use crate::fold::tests::{DAY, at, clicks, form, lead_log, link, logs, page, playbook, record, visitor};

fn id() -> LeadId {
    LeadId::parse("l").unwrap()
}

fn decided(playbook: &Playbook, log: &mut Log, change: Change<'_>, minutes: i64) -> Decision {
    decide(playbook, &playbook.version(), &id(), log, change, at(minutes))
}

/// The rules by which everything counts less, so that nobody below an inquiry is ready.
fn strict() -> Playbook {
    let mut strict = playbook();
    strict.scoring.interest.levels.level_1 = 600.0;
    strict.scoring.interest.levels.level_2 = 300.0;
    strict.scoring.interest.levels.level_3 = 100.0;
    strict
}

/// Somebody who fits, with a white paper in the first minute: ready by the rules, not by the strict ones.
fn reader() -> Log {
    let v = visitor("v1");
    let fields = [("email", "a@corp.example"), ("company", "Corp"), ("role", "Director")];
    lead_log(vec![record("paper", 1, &v, form("white-paper", &fields)), link("link", 2, &v, Proof::First)])
}

fn change(minutes: i64) -> Change<'static> {
    Change { since: Some(at(minutes)), ..Change::default() }
}

/// Which moves were the rules' doing, who was alerted, and in whose summary the lead belongs.
fn told(decision: &Decision) -> (Vec<bool>, usize, Option<&str>) {
    let by_rules = decision.records.iter().flat_map(|record| &record.activities).filter_map(|one| match &one.kind {
        Kind::StageMoved { by_rules, alert, .. } => {
            assert!(!*by_rules || alert.is_none());
            Some(*by_rules)
        }
        _ => None,
    });
    (by_rules.collect(), decision.messages.len(), decision.summary.as_ref().map(OwnerId::as_str))
}

#[test]
fn what_the_rules_do_alerts_nobody_and_what_happens_does() {
    let check = |log: &Log, change: Change<'_>, wanted: (Vec<bool>, usize, Option<&str>)| {
        let decision = decided(&playbook(), &mut log.clone(), change, 100);
        assert_eq!(told(&decision), wanted);
        assert_eq!(decision.lead.stage, Some(if wanted.0.is_empty() { Stage::Lead } else { Stage::Mql }));
    };
    // The same lead: looked at for what it did, and because the rules changed after it.
    check(&reader(), Change::default(), (vec![false], 1, None));
    check(&reader(), change(50), (vec![true], 0, Some("sales")));
    // What came after the change made it ready, or what is looked at now.
    check(&reader(), change(0), (vec![false], 1, None));
    let news = [ActivityId::parse("paper").unwrap()];
    check(&reader(), Change { news: &news, ..change(50) }, (vec![false], 1, None));
    // Something came after the change, but the lead was ready without it.
    let mut more = reader();
    more.records.push(record("late", 60, &visitor("v1"), page("/pricing", "late")));
    check(&more, change(50), (vec![true], 0, Some("sales")));
    // What came after the change takes it out of the question.
    let careers = (60..63).map(|n| record(&format!("c{n}"), n, &visitor("v1"), page("/careers", &n.to_string())));
    more.records.extend(careers);
    check(&more, change(50), (vec![], 0, None));
}

#[test]
fn rules_that_would_take_a_lead_back_are_outdone_by_what_happens() {
    let mut log = reader();
    decided(&playbook(), &mut log, Change::default(), 10);
    let mut quiet = log.clone();
    assert_eq!(told(&decided(&strict(), &mut quiet, change(50), 100)), (vec![true], 0, None));
    let inquiries = (60..72).map(|n| record(&format!("i{n}"), n, &visitor("v1"), form("inquiry", &[])));
    log.records.extend(inquiries);
    assert_eq!(told(&decided(&strict(), &mut log, change(50), 100)), (vec![], 0, None));
}

#[test]
fn a_lead_that_the_rules_made_ready_alerts_when_it_comes_back_by_itself() {
    let mut log = reader();
    assert_eq!(told(&decided(&playbook(), &mut log, change(50), 100)), (vec![true], 0, Some("sales")));
    assert_eq!(told(&decided(&strict(), &mut log, change(200), 300)), (vec![true], 0, None));
    let inquiries = (400..410).map(|n| record(&format!("i{n}"), n, &visitor("v1"), form("inquiry", &[])));
    log.records.extend(inquiries);
    // Within the alert window of the first move, which alerted nobody.
    assert_eq!(told(&decided(&strict(), &mut log, Change::default(), 500)), (vec![false], 1, None));
}

#[test]
fn who_was_alerted_lately_is_in_no_summary() {
    let mut log = reader();
    assert_eq!(told(&decided(&playbook(), &mut log, Change::default(), 10)), (vec![false], 1, None));
    decided(&strict(), &mut log, change(50), 100);
    assert_eq!(told(&decided(&playbook(), &mut log.clone(), change(150), 200)), (vec![true], 0, None));
    assert_eq!(told(&decided(&playbook(), &mut log, change(150), 200 + 7 * DAY)), (vec![true], 0, Some("sales")));
}

/// What a list says of somebody, in the log at this minute.
fn listed(id: &str, minute: i64, list: &ImportId, attributes: &[(&str, &str)]) -> Record {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let address = "a@corp.example".to_owned().try_into().unwrap();
    let kind = Kind::Listed { address, attributes, collisions: std::collections::BTreeMap::new() };
    let decision = Record::decision(ActivityId::parse(id).unwrap(), at(minute), kind);
    Record { import: Some(list.clone()), ..decision }
}

#[test]
fn what_a_list_does_is_told_in_its_summary_and_what_the_lead_does_alerts() {
    let v = visitor("v1");
    let (list, other) = (ImportId::parse("expo").unwrap(), ImportId::parse("other").unwrap());
    let said = [("company", "Corp"), ("role", "Director")];
    let paper = |minute| record("paper", minute, &v, form("white-paper", &[("email", "a@corp.example")]));
    // The white paper alone leaves it at a grade that nobody offers to sales; the list says who it is.
    let log = lead_log(vec![paper(1), link("link", 2, &v, Proof::First), listed("row", 50, &list, &said)]);
    let (row, form) = (ActivityId::parse("row").unwrap(), ActivityId::parse("paper").unwrap());
    let check = |news: &[ActivityId], lists: &[ImportId], wanted: (usize, Option<&str>, Option<&str>)| {
        let decision = decided(&playbook(), &mut log.clone(), Change { since: None, news, lists }, 100);
        let summary = decision.summary.as_ref().map(OwnerId::as_str);
        assert_eq!((decision.messages.len(), summary, decision.list.as_ref().map(ImportId::as_str)), wanted);
        assert_eq!(decision.lead.stage, Some(Stage::Mql));
    };
    check(std::slice::from_ref(&row), std::slice::from_ref(&list), (0, Some("sales"), Some("expo")));
    check(&[row.clone(), form.clone()], std::slice::from_ref(&list), (0, Some("sales"), Some("expo")));
    // A list that nobody gathers for any more, or one that is no news: who comes is told at once.
    check(std::slice::from_ref(&row), &[other], (1, None, None));
    check(&[form], std::slice::from_ref(&list), (1, None, None));
    // Ready by itself, whatever the list adds.
    let mut ready = reader();
    ready.records.push(listed("row", 50, &list, &[("phone", "1")]));
    let news = Change { since: None, news: std::slice::from_ref(&row), lists: std::slice::from_ref(&list) };
    assert_eq!(told(&decided(&playbook(), &mut ready, news, 100)), (vec![false], 1, None));
}

proptest! {
    #[test]
    fn a_change_decides_who_is_told_and_nothing_else(
        records in logs(&["v1"]), since in 0..60 * DAY, now in 60 * DAY..70 * DAY
    ) {
        let mut log = lead_log(records);
        log.records.push(link("link", 0, &visitor("v1"), Proof::First));
        let (mut plain, mut changed) = (log.clone(), log.clone());
        let (plain, changed) = (decided(&playbook(), &mut plain, Change::default(), now), decided(&playbook(), &mut changed, change(since), now));
        prop_assert_eq!(plain.lead.stage, changed.lead.stage);
        let ids = |decision: &Decision| decision.records.iter().map(|record| record.id.clone()).collect::<Vec<_>>();
        prop_assert_eq!(ids(&plain), ids(&changed));
        prop_assert_eq!(plain.messages.len(), changed.messages.len() + usize::from(changed.summary.is_some()));
        // Without news the rules did it; with nothing but news they did not.
        let of = |since| told(&decided(&playbook(), &mut log.clone(), change(since), now)).1;
        prop_assert_eq!(of(now), 0);
        prop_assert_eq!(of(-1), plain.messages.len());
    }
}

/// Somebody who fits and has clicked in a mail, in a playbook in which that is enough.
fn clicker() -> Log {
    let v = visitor("v1");
    let fields = [("email", "a@corp.example"), ("company", "Corp"), ("role", "Director")];
    let mut log = lead_log(vec![record("f", 0, &v, form("other", &fields)), link("link", 0, &v, Proof::First)]);
    log.records.extend([clicks::sent(1, 0), clicks::clicked(1, 0, 300)]);
    log
}

fn looked(log: &mut Log, seconds: i64) -> Decision {
    let playbook = clicks::playbook(30.0);
    decide(&playbook, &playbook.version(), &id(), log, Change::default(), clicks::second(seconds))
}

fn mails(decision: &Decision) -> Vec<String> {
    decision.messages.iter().map(|message| message.mail().to_string()).collect()
}

#[test]
fn an_alert_that_rested_on_a_machines_clicks_is_corrected_once() {
    let mut log = clicker();
    assert_eq!(mails(&looked(&mut log, 300)), [""; 0]);
    let first = looked(&mut log, 400);
    assert_eq!((mails(&first), first.lead.stage), (vec!["alert".to_owned()], Some(Stage::Mql)));
    assert_eq!(mails(&looked(&mut log, 500)), [""; 0]);
    // The word comes late that the mail was delivered a moment before the click.
    log.records.push(clicks::delivered(1, 295));
    let again = log.clone();
    let second = looked(&mut log, 600);
    assert_eq!((mails(&second), second.lead.stage), (vec!["correction".to_owned()], Some(Stage::Lead)));
    assert_eq!(second.messages[0].id, looked(&mut again.clone(), 700).messages[0].id);
    assert_eq!(second.lead.moves[1].corrects, first.lead.moves[0].alert);
    assert_eq!(mails(&looked(&mut log, 700)), [""; 0]);
    // What the person does then alerts again, though the window of the first alert is not over.
    log.records.push(clicks::clicked(1, 1, 3_000));
    let third = looked(&mut log, 3_100);
    assert_eq!((mails(&third), third.lead.stage), (vec!["alert".to_owned()], Some(Stage::Mql)));
    assert_ne!(third.messages[0].id, first.messages[0].id);
}

#[test]
fn an_alert_is_not_corrected_that_was_right_or_that_sales_has_answered() {
    // The lead is ready for other reasons, too.
    let mut log = clicker();
    log.records.push(record("paper", 4, &visitor("v1"), form("inquiry", &[])));
    assert_eq!(mails(&looked(&mut log, 400)), ["alert"]);
    log.records.push(clicks::delivered(1, 295));
    assert_eq!(mails(&looked(&mut log, 600)), [""; 0]);
    let cooled = looked(&mut log, 400 * 86_400);
    assert_eq!((mails(&cooled), cooled.lead.stage), (vec![], Some(Stage::Lead)));

    // The clicks were a person's, and have cooled.
    let mut log = clicker();
    looked(&mut log, 400);
    let cooled = looked(&mut log, 400 * 86_400);
    assert_eq!((mails(&cooled), cooled.lead.stage), (vec![], Some(Stage::Lead)));

    let mut log = clicker();
    looked(&mut log, 400);
    let answer = Kind::SalesAnswered {
        handoff: crate::id::HandoffId::derive(&["h"]),
        owner: OwnerId::parse("sales").unwrap(),
        answer: crate::activity::SalesAnswer::Accepted,
    };
    log.records.push(Record::decision(ActivityId::derive(&["answer"]), clicks::second(500), answer));
    log.records.push(clicks::delivered(1, 295));
    assert_eq!(mails(&looked(&mut log, 600)), [""; 0]);
}
