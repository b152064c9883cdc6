//! Clicks in mail count once it is clear that a person made them, and what becomes known later changes that.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::{answers, at, form, lead_log, link, page, points, visitor};
use crate::activity::{Kind, Log, Proof, Record, Source};
use crate::fold::{fold, history};
use crate::id::{ActivityId, MailId, MessageId};
use crate::lead::Proposal;
use crate::playbook::Playbook;
use crate::verdict::{Signals, UserAgent, Verdict};

/// The playbook of the other tests, in which a click in a mail is worth as much as asked.
pub(crate) fn playbook(click: f64) -> Playbook {
    let mut playbook = super::playbook();
    let rule = json!({"id": "mail-clicked", "why": {"en": "c", "ja": "c"}, "on": "mail_clicked", "points": click});
    playbook.scoring.interest.rules.push(serde_json::from_value(rule).unwrap());
    playbook.segments.insert(
        serde_json::from_value(json!("clickers")).unwrap(),
        serde_json::from_value(json!({"did": {"what": "mail_clicked", "times": 1, "within": "7d"}})).unwrap(),
    );
    playbook
}

/// A moment, in seconds.
pub(crate) fn second(seconds: i64) -> Timestamp {
    at(0) + SignedDuration::from_secs(seconds)
}

fn message(n: u8) -> MessageId {
    MessageId::derive(&["letter", &n.to_string()])
}

fn of(n: u8, what: &str, seconds: i64, kind: Kind) -> Record {
    Record::decision(ActivityId::derive(&[what, &n.to_string(), &seconds.to_string()]), second(seconds), kind)
}

pub(crate) fn sent(n: u8, seconds: i64) -> Record {
    of(n, "sent", seconds, Kind::MailSent { message: message(n), mail: MailId::parse("news").unwrap(), owner: None })
}

pub(crate) fn delivered(n: u8, seconds: i64) -> Record {
    of(n, "delivered", seconds, Kind::MailDelivered { message: message(n) })
}

pub(crate) fn clicked(n: u8, link: u16, seconds: i64) -> Record {
    let kind = Kind::MailClicked { message: message(n), link, target: "https://acme.example/pricing".to_owned() };
    Record { source: Source::Site, ..of(n, &format!("click {link}"), seconds, kind) }
}

pub(crate) fn robot(record: Record) -> Record {
    Record { signals: Signals { user_agent: UserAgent::Robot("bot".to_owned()), ..Signals::default() }, ..record }
}

fn verdicts(log: &Log, now: i64) -> Vec<Verdict> {
    let playbook = playbook(3.0);
    let is_click = |kind: &Kind| matches!(kind, Kind::MailClicked { .. });
    history(&playbook, log, second(now))
        .iter()
        .filter(|step| is_click(&step.activity.kind))
        .map(|step| step.judged.verdict)
        .collect()
}

#[test]
fn a_click_counts_from_the_moment_on_at_which_it_is_clear() {
    let playbook = playbook(3.0);
    let log = lead_log(vec![sent(1, 0), delivered(1, 2), clicked(1, 0, 300)]);
    let before = fold(&playbook, &log, second(309));
    assert_eq!((points(&before), before.segments.len()), (vec![], 0));
    assert_eq!(before.valid_until, Some(second(310)));
    let after = fold(&playbook, &log, second(310));
    assert_eq!(points(&after), [("mail-clicked".to_owned(), 3.0, 0.0)]);
    assert_eq!((after.interest.reasons[0].at, after.segments.len()), (second(300), 1));
}

#[test]
fn what_a_machine_does_counts_for_nothing_whenever_it_becomes_known() {
    use Verdict::{Human, Machine, Unclear};
    let log = |more: &[Record]| lead_log([sent(1, 0), clicked(1, 0, 300)].iter().chain(more).cloned().collect());
    assert_eq!(verdicts(&log(&[]), 300), [Unclear]);
    assert_eq!(verdicts(&log(&[]), 400), [Human]);
    assert_eq!(verdicts(&log(&[clicked(1, 1, 305)]), 305), [Machine, Machine]);
    assert_eq!(verdicts(&log(&[clicked(2, 1, 305)]), 400), [Human, Human], "another mail's");
    assert_eq!(verdicts(&log(&[delivered(1, 295)]), 400), [Machine]);
    // A robot's own click tells of another link's at the same time, too.
    assert_eq!(verdicts(&log(&[robot(clicked(1, 1, 305))]), 400), [Machine, Machine]);
    assert_eq!(verdicts(&log(&[robot(clicked(1, 0, 305))]), 400), [Human, Machine]);
    let playbook = playbook(30.0);
    let scanned = fold(&playbook, &log(&[clicked(1, 1, 305)]), second(400));
    assert_eq!((points(&scanned), scanned.segments.len(), scanned.interest.rank), (vec![], 0, None));
}

#[test]
fn a_click_on_a_mail_that_proves_whose_it_is_moves_a_lead() {
    let playbook = playbook(30.0);
    let v = visitor("v");
    let fields = [("email", "a@corp.example"), ("company", "Corp"), ("role", "Director")];
    let mut records = vec![super::record("f", 0, &v, form("other", &fields)), link("l", 0, &v, Proof::First)];
    records.extend([sent(1, 0), delivered(1, 2), clicked(1, 0, 300)]);
    let proposal = |now: i64| fold(&playbook, &lead_log(records.clone()), second(now)).proposal;
    assert_eq!((proposal(309), proposal(310)), (None, Some(Proposal::Mql)));
}

/// What can happen to three mails within some minutes.
fn anything() -> impl Strategy<Value = Record> {
    (0..6_u8, 0..3_u8, 0..3_u16, 0..200_i64).prop_map(|(what, n, link, seconds)| match what {
        0 => sent(n, seconds),
        1 => delivered(n, seconds),
        // A click of its own: one and the same click has one and the same sender.
        2 => robot(clicked(n, link + 3, seconds)),
        3 => super::record(&format!("p{n}-{seconds}"), seconds / 60, &visitor("v1"), page("/pricing", &seconds.to_string())),
        _ => clicked(n, link, seconds),
    })
}

proptest! {
    #[test]
    fn order_and_repetition_change_nothing(
        (records, shuffled) in prop::collection::vec(anything(), 0..25).prop_flat_map(|records| {
            let again = records.iter().chain(records.iter().step_by(2)).cloned().collect::<Vec<_>>();
            (Just(records), Just(again).prop_shuffle())
        }),
        now in 0..400_i64,
    ) {
        let playbook = playbook(3.0);
        let (one, other) = (lead_log(records), lead_log(shuffled));
        prop_assert_eq!(verdicts(&one, now), verdicts(&other, now));
        prop_assert_eq!(fold(&playbook, &one, second(now)), fold(&playbook, &other, second(now)));
    }

    #[test]
    fn an_answer_stays_true_until_its_validity_ends(
        records in prop::collection::vec(anything(), 0..25), now in 0..400_i64, part in 0.0..1.0_f64,
    ) {
        let (playbook, log, now) = (playbook(12.0), lead_log(records), second(now));
        let lead = fold(&playbook, &log, now);
        let end = lead.valid_until.unwrap_or(now + SignedDuration::from_hours(300 * 24));
        let span = (end.as_millisecond() - now.as_millisecond()) as f64;
        let between = Timestamp::from_millisecond(now.as_millisecond() + (span * part) as i64).unwrap();
        for moment in [between, end - SignedDuration::from_millis(1)] {
            prop_assert_eq!(answers(&lead), answers(&fold(&playbook, &log, moment)), "at {}", moment);
        }
    }

    #[test]
    fn what_is_decided_stays_unless_something_becomes_known(records in prop::collection::vec(anything(), 0..25), now in 200..400_i64) {
        let log = lead_log(records);
        for (then, later) in verdicts(&log, now).into_iter().zip(verdicts(&log, now + 100_000)) {
            prop_assert!(then == later || then == Verdict::Unclear, "{:?} {:?}", then, later);
        }
    }
}
