use super::*;
use crate::activity::{Bounce, OptOut, Proof};
use crate::consent::{Basis, MailClass, SuppressedBy};
use crate::fold::tests::{at, form, page, playbook, record, visitor};
use crate::id::MailId;

fn id(name: &str) -> LeadId {
    LeadId::parse(name).unwrap()
}

fn log(name: &str, records: Vec<Record>) -> Log {
    Log { owner: LogOwner::Lead(id(name)), records }
}

fn says(id: &str, minute: i64, kind: Kind) -> Record {
    Record::decision(ActivityId::derive(&[id]), at(minute), kind)
}

/// Somebody who gave this address at this minute, and agreed to mail.
fn gave(name: &str, minute: i64) -> Vec<Record> {
    let browser = visitor(name);
    let fields = [("email", format!("{name}@corp.example")), ("company", name.to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let linked = Kind::VisitorLinked { visitor: browser.clone(), proof: Proof::First, since: None };
    let agreed = Kind::Consented {
        class: MailClass::Marketing,
        granted: true,
        basis: Basis::Import,
        text: None,
        awaits: false,
        form: None,
        by: None,
    };
    vec![
        record(&format!("form-{name}"), minute, &browser, form("inquiry", &fields)),
        says(&format!("link-{name}"), minute, linked),
        says(&format!("agreed-{name}"), minute, agreed),
    ]
}

fn moved(id: &str, minute: i64, from: Stage, to: Stage) -> Record {
    says(id, minute, Kind::StageMoved { from, to, cell: None, alert: None, corrects: None, by_rules: false })
}

fn sent(letter: &str, minute: i64) -> Record {
    let (message, mail) = (MessageId::derive(&[letter]), MailId::parse("autumn").unwrap());
    says(&format!("sent-{letter}"), minute, Kind::MailSent { message, mail, owner: None })
}

fn bounced(letter: &str, minute: i64) -> Record {
    let kind = Kind::MailBounced { message: MessageId::derive(&[letter]), bounce: Bounce::Permanent, why: None };
    says(&format!("bounced-{letter}"), minute, kind)
}

/// The log of `new` after `old` was merged into it, with what came later.
fn united(new: Vec<Record>, old: Vec<Record>, later: Vec<Record>) -> Lead {
    let (new, old) = (log("new", new), log("old", old));
    let record = decision(&playbook(), (&id("new"), &new), (&id("old"), &old), [], at(1_000));
    let records = [new.records, old.records, vec![record], later].concat();
    fold(&playbook(), &log("new", records), at(2_000))
}

#[test]
fn the_winners_address_and_stage_stay_whoever_gave_and_moved_what_first() {
    let customer = || vec![moved("a", 200, Stage::Lead, Stage::Customer)];
    let ready = || vec![moved("b", 300, Stage::Lead, Stage::Mql)];
    let lead = united([gave("new", 100), customer()].concat(), [gave("old", 50), ready()].concat(), vec![]);
    assert_eq!((lead.attribute("email"), lead.stage), (Some("new@corp.example"), Some(Stage::Customer)));
    assert_eq!(lead.moves.last().map(|last| (last.from, last.to, last.alert.clone())), Some((Stage::Mql, Stage::Customer, None)));
    // What else both say of themselves is a union: here the later word counts.
    assert_eq!((lead.attribute("company"), lead.visitors.len()), (Some("new"), 2));

    let lead = united(gave("new", 100), [gave("old", 150), ready()].concat(), vec![]);
    assert_eq!((lead.attribute("company"), lead.stage), (Some("old"), Some(Stage::Lead)));
    // Whose last move the union ends with anyway is moved by nobody.
    let lead = united([gave("new", 100), vec![moved("a", 400, Stage::Lead, Stage::Customer)]].concat(), ready(), vec![]);
    assert_eq!((lead.stage, lead.moves.len()), (Some(Stage::Customer), 2));
    assert_eq!(united(gave("new", 100), gave("old", 50), vec![]).moves, []);
}

#[test]
fn the_union_is_worth_what_both_did() {
    let seen = |name: &str| record(&format!("prices-{name}"), 400, &visitor(name), page("/pricing", name));
    let (new, old) = ([gave("new", 100), vec![seen("new")]].concat(), [gave("old", 50), vec![seen("old")]].concat());
    let points = |records: &[Record]| fold(&playbook(), &log("any", records.to_vec()), at(2_000)).interest.points;
    let lead = united(new.clone(), old.clone(), vec![]);
    assert!((lead.interest.points - points(&new) - points(&old)).abs() < 1e-9);
    assert_eq!(lead.pages.len(), 2);
}

#[test]
fn it_happens_after_all_that_either_log_tells() {
    // The other's machine is ahead of this one's.
    let ahead = moved("b", 1_100, Stage::Lead, Stage::Mql);
    let (new, old) = (log("new", gave("new", 100)), log("old", vec![ahead]));
    let record = decision(&playbook(), (&id("new"), &new), (&id("old"), &old), [], at(1_000));
    assert_eq!(record.at, at(1_100) + SignedDuration::from_millis(1));
    assert_eq!((&record.id, &record.activities[0].id), (&decision_id(&id("new"), &id("old")), &record.id));
    assert_eq!(record.activities.len(), 3);
    let again = decision(&playbook(), (&id("new"), &new), (&id("old"), &old), [], at(1_500));
    assert_eq!(again.id, record.id);
}

#[test]
fn a_browser_that_went_from_one_to_the_other_is_whole_again() {
    let browser = visitor("shared");
    let seen = |n: &str, minute| record(n, minute, &browser, page("/pricing", n));
    let went = at(300);
    let linked = |since| Kind::VisitorLinked { visitor: browser.clone(), proof: Proof::First, since };
    let cut = Kind::VisitorCut { visitor: browser.clone(), from: went };
    // Cut and link are written at the same moment: their ids alone say which comes first.
    for names in [["x1", "x2"], ["x2", "x1"]] {
        let [cut_id, link_id] = names.map(|name| ActivityId::parse(name).unwrap());
        let cut = Record::decision(cut_id, at(301), cut.clone());
        let old = vec![seen("before", 200), says("first", 100, linked(None)), cut];
        let new = vec![seen("after", 400), Record::decision(link_id, at(301), linked(Some(went)))];
        let lead = united(new, old, vec![]);
        assert_eq!((lead.pages.len(), lead.visitors.len()), (2, 1));
        // Whoever gets it next takes it from the whole.
        let lost = says("lost", 1_200, Kind::VisitorCut { visitor: browser.clone(), from: at(1_200) });
        let lead = united(vec![seen("after", 400)], vec![says("first", 100, linked(None))], vec![lost, seen("later", 1_300)]);
        assert_eq!((lead.pages.len(), lead.visitors.len()), (1, 0));
    }
}

#[test]
fn what_mail_servers_say_of_the_old_address_says_nothing_of_the_new() {
    let old = || [gave("old", 50), vec![sent("old", 200)]].concat();
    let suppressed = |new: Vec<Record>, old: Vec<Record>, later: Vec<Record>| united(new, old, later).permissions.suppressed;
    assert_eq!(suppressed(gave("new", 100), [old(), vec![bounced("old", 210)]].concat(), vec![]), None);
    assert_eq!(suppressed(gave("new", 100), old(), vec![bounced("old", 1_100)]), None);
    // Of its own address it does, before and after.
    let new = || [gave("new", 100), vec![sent("new", 200)]].concat();
    for (new, later) in [([new(), vec![bounced("new", 210)]].concat(), vec![]), (new(), vec![bounced("new", 1_100)])] {
        assert_eq!(suppressed(new, old(), later).map(|found| found.why), Some(SuppressedBy::Bounce));
    }
    // A letter that was under way is known by the letters that are kept.
    let (new, old) = (log("new", gave("new", 100)), log("old", gave("old", 50)));
    let kept = decision(&playbook(), (&id("new"), &new), (&id("old"), &old), [MessageId::derive(&["open"])], at(1_000));
    let later = vec![kept, sent("open", 1_001), bounced("open", 1_002)];
    let union = fold(&playbook(), &log("new", [new.records, old.records, later].concat()), at(2_000));
    assert_eq!(union.permissions.suppressed, None);
}

#[test]
fn what_the_person_said_of_mail_holds_wherever_it_was_said() {
    let out = Kind::MailChosen { topic: None, wanted: false, by: OptOut::OneClick, message: None };
    let lead = united(gave("new", 100), [gave("old", 50), vec![says("out", 300, out)]].concat(), vec![]);
    assert_eq!(lead.permissions.ground(), None);
    let spam = says("spam", 300, Kind::MailComplained { message: MessageId::derive(&["old"]) });
    let lead = united(gave("new", 100), [gave("old", 50), vec![sent("old", 200), spam]].concat(), vec![]);
    assert_eq!(lead.permissions.suppressed.map(|found| found.why), Some(SuppressedBy::Complaint));
    assert!(united(gave("new", 100), vec![], vec![]).permissions.ground().is_some());
}

#[test]
fn leads_merged_one_into_the_next_leave_the_last_ones_address() {
    let (a, b, c) = (log("a", gave("a", 10)), log("b", gave("b", 20)), log("c", gave("c", 30)));
    let first = decision(&playbook(), (&id("b"), &b), (&id("a"), &a), [], at(1_000));
    let b = log("b", [b.records, a.records, vec![first, sent("b", 1_010)]].concat());
    let second = decision(&playbook(), (&id("c"), &c), (&id("b"), &b), [], at(1_100));
    let c = log("c", [c.records, b.records, vec![second, bounced("b", 1_200)]].concat());
    let lead = fold(&playbook(), &c, at(2_000));
    assert_eq!((lead.attribute("email"), lead.permissions.suppressed), (Some("c@corp.example"), None));
    let mut merged: Vec<&LeadId> = taken_in(&c).collect();
    merged.sort();
    assert_eq!(merged, [&id("a"), &id("b")]);
}
