//! Every way a message can go.

use super::*;
use crate::activity::{Activity, Bounce, Kind};
use crate::id::ActivityId;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
}

fn attempt(n: u8) -> AttemptId {
    AttemptId::derive(&["attempt", &n.to_string()])
}

fn claimed(n: u8) -> Event {
    Event::Claimed { attempt: attempt(n) }
}

fn accepted(n: u8) -> Event {
    Event::Accepted { attempt: attempt(n), ses: "ses".to_owned() }
}

fn not_now(n: u8) -> Event {
    Event::NotNow { attempt: attempt(n), why: "throttled".to_owned() }
}

fn never(n: u8) -> Event {
    Event::Never { attempt: attempt(n), why: "rejected".to_owned() }
}

fn no_answer(n: u8) -> Event {
    Event::NoAnswer { attempt: attempt(n), why: "no answer in time".to_owned() }
}

fn refused(why: Refusal) -> Event {
    Event::Refused { why }
}

/// Takes a fresh message through events at their times, and says where it ends and when it is due.
fn check(events: &[(i64, Event)], wanted: Result<(&str, Option<i64>), OutOfPlace>) {
    let fresh = Message::sample(at(0));
    let last = events.iter().try_fold(fresh, |message, (millis, event)| message.after(event.clone(), at(*millis)));
    let found = last.as_ref().map(|message| {
        let state = serde_json::to_value(&message.state).unwrap()["is"].as_str().unwrap().to_owned();
        assert_eq!(message.revision, events.len() as u64);
        assert_eq!(message.history.last().map(|entry| entry.event.clone()), events.last().map(|(_, event)| event.clone()));
        (state, message.due().map(|due| due.as_millisecond() - at(0).as_millisecond()))
    });
    let found = found.as_ref().map(|(state, due)| (state.as_str(), *due)).map_err(|error| **error);
    assert_eq!(found, wanted, "{events:?}");
}

#[test]
fn a_message_is_due_at_once_and_sent() {
    check(&[], Ok(("pending", Some(0))));
    check(&[(5, claimed(1))], Ok(("claimed", Some(5 + 60 * SECOND))));
    check(&[(5, claimed(1)), (9, accepted(1))], Ok(("sent", None)));
}

#[test]
fn surely_not_sent_is_tried_again_and_at_last_held() {
    check(&[(0, claimed(1)), (10, not_now(1))], Ok(("pending", Some(10 + MINUTE))));
    check(&[(0, claimed(1)), (10, not_now(1)), (11, claimed(2))], Err(OutOfPlace));
    let mut events = vec![];
    let mut now = 0;
    for (n, rest) in (1..=8).zip([1, 2, 4, 8, 16, 32, 64, 0]) {
        events.extend([(now, claimed(n)), (now, not_now(n))]);
        if n < 8 {
            now += rest * MINUTE;
            check(&events, Ok(("pending", Some(now))));
        }
    }
    check(&events, Ok(("held", None)));
}

#[test]
fn permanently_refused_is_failed() {
    check(&[(0, claimed(1)), (9, never(1))], Ok(("failed", None)));
}

#[test]
fn unanswered_waits_for_proof_is_tried_once_more_and_then_held() {
    let unknown = [(0, claimed(1)), (9, no_answer(1))];
    check(&unknown, Ok(("unknown", Some(9 + 2 * MINUTE))));
    let again = [&unknown[..], &[(8 + 2 * MINUTE, claimed(2))]].concat();
    check(&again, Err(OutOfPlace));
    let again = [&unknown[..], &[(9 + 2 * MINUTE, claimed(2))]].concat();
    check(&again, Ok(("claimed", Some(9 + 3 * MINUTE))));
    check(&[&again[..], &[(3 * MINUTE, accepted(2))]].concat(), Ok(("sent", None)));
    check(&[&again[..], &[(3 * MINUTE, no_answer(2))]].concat(), Ok(("held", None)));
    // A second try that was surely in vain leaves the one unanswered call as it was: one more may follow.
    let in_vain = [&again[..], &[(3 * MINUTE, not_now(2))]].concat();
    check(&in_vain, Ok(("pending", Some(4 * MINUTE))));
    check(&[&in_vain[..], &[(4 * MINUTE, claimed(3)), (4 * MINUTE, no_answer(3))]].concat(), Ok(("held", None)));
}

#[test]
fn a_claim_whose_time_is_over_is_unknown_since_then() {
    check(&[(0, claimed(1)), (MINUTE - 1, Event::LeaseEnded)], Err(OutOfPlace));
    check(&[(0, claimed(1)), (MINUTE, Event::LeaseEnded)], Ok(("unknown", Some(3 * MINUTE))));
    check(&[(0, claimed(1)), (99 * MINUTE, Event::LeaseEnded)], Ok(("unknown", Some(3 * MINUTE))));
    let twice = [(0, claimed(1)), (MINUTE, Event::LeaseEnded), (3 * MINUTE, claimed(2)), (4 * MINUTE, Event::LeaseEnded)];
    check(&twice, Ok(("held", None)));
}

#[test]
fn a_late_answer_counts_while_no_other_try_was_begun() {
    let over = [(0, claimed(1)), (MINUTE, Event::LeaseEnded)];
    check(&[&over[..], &[(MINUTE, accepted(1))]].concat(), Ok(("sent", None)));
    check(&[&over[..], &[(MINUTE, never(1))]].concat(), Ok(("failed", None)));
    let in_vain = [&over[..], &[(MINUTE, not_now(1))]].concat();
    check(&in_vain, Ok(("pending", Some(2 * MINUTE))));
    check(&[&in_vain[..], &[(2 * MINUTE, claimed(2)), (2 * MINUTE, no_answer(2))]].concat(), Ok(("unknown", Some(4 * MINUTE))));
    let begun = [&over[..], &[(3 * MINUTE, claimed(2))]].concat();
    check(&begun, Ok(("claimed", Some(4 * MINUTE))));
    for late in [accepted(1), never(1), not_now(1), no_answer(1)] {
        check(&[&begun[..], &[(3 * MINUTE, late)]].concat(), Err(OutOfPlace));
    }
}

#[test]
fn the_gate_defers_and_refuses() {
    let deferred = Event::Deferred { until: at(500), why: Deferral::Pacing };
    check(&[(0, deferred.clone())], Ok(("pending", Some(500))));
    check(&[(0, deferred.clone()), (499, claimed(1))], Err(OutOfPlace));
    check(&[(0, refused(Refusal::Suppressed))], Ok(("failed", None)));
    check(&[(0, refused(Refusal::LeadGone))], Ok(("expired", None)));
    check(&[(0, refused(Refusal::TooLate))], Ok(("expired", None)));
    check(&[(0, refused(Refusal::NoSuchOwner))], Ok(("held", None)));
    check(&[(0, claimed(1)), (1, no_answer(1)), (1, deferred)], Ok(("unknown", Some(500))));
    check(&[(0, claimed(1)), (1, refused(Refusal::LeadGone))], Err(OutOfPlace));
}

#[test]
fn an_end_is_an_end() {
    let every = [claimed(1), accepted(1), not_now(1), never(1), no_answer(1), Event::LeaseEnded, refused(Refusal::TooLate)];
    let deferred = Event::Deferred { until: at(0), why: Deferral::Pacing };
    for end in [accepted(1), never(1)] {
        for event in every.iter().chain([&deferred]) {
            check(&[(0, claimed(1)), (1, end.clone()), (9 * MINUTE, event.clone())], Err(OutOfPlace));
        }
    }
}

#[test]
fn a_held_message_moves_only_by_a_persons_decision() {
    let held = [(0, claimed(1)), (1, no_answer(1)), (3 * MINUTE, claimed(2)), (3 * MINUTE + 1, no_answer(2))];
    let then = |more: &[(i64, Event)]| [&held, more].concat();
    check(&held, Ok(("held", None)));
    check(&then(&[(9 * MINUTE, Event::GivenUp)]), Ok(("failed", None)));
    let released = (9 * MINUTE, Event::Released);
    check(&then(std::slice::from_ref(&released)), Ok(("pending", Some(9 * MINUTE))));
    // It begins anew: one call without an answer does not hold it again.
    let again = [released.clone(), (9 * MINUTE, claimed(3)), (10 * MINUTE, no_answer(3))];
    check(&then(&again), Ok(("unknown", Some(12 * MINUTE))));
    for event in [Event::Released, Event::GivenUp] {
        check(&[(0, event.clone())], Err(OutOfPlace));
        check(&then(&[released.clone(), (9 * MINUTE, event)]), Err(OutOfPlace));
    }
}

#[test]
fn only_the_newest_of_many_events_are_kept() {
    let mut message = Message::sample(at(0));
    for n in 0..100 {
        message = message.after(Event::Deferred { until: at(n), why: Deferral::Pacing }, at(n)).unwrap();
    }
    assert_eq!((message.history.len(), message.revision), (20, 100));
    assert_eq!(message.history.last().map(|entry| entry.at), Some(at(99)));
}

#[test]
fn a_message_survives_being_kept() {
    let message = Message::sample(at(0)).after(claimed(1), at(0)).unwrap().after(no_answer(1), at(1)).unwrap();
    let json = serde_json::to_value(&message).unwrap();
    assert_eq!((&json["mail"], &json["state"]["is"]), (&"alert".into(), &"unknown".into()));
    assert_eq!(serde_json::from_value::<Message>(json).unwrap(), message);
    assert_eq!(message.mail().as_str(), "alert");
}

fn reported(report: Report) -> Event {
    Event::Reported { report, attempt: Some(attempt(1)), ses: Some("ses".to_owned()) }
}

#[test]
fn proof_that_it_was_sent_is_believed_in_every_state() {
    let proof = (9 * MINUTE, reported(Report::Sent));
    let then = |before: &[(i64, Event)]| [before, std::slice::from_ref(&proof)].concat();
    check(&then(&[]), Err(OutOfPlace));
    check(&then(&[(0, refused(Refusal::TooLate))]), Err(OutOfPlace));
    for before in [
        vec![(0, claimed(1))],
        vec![(0, claimed(1)), (1, no_answer(1))],
        vec![(0, claimed(1)), (1, not_now(1))],
        vec![(0, claimed(1)), (1, never(1))],
        vec![(0, claimed(1)), (1, no_answer(1)), (1, refused(Refusal::TooLate))],
        vec![(0, claimed(1)), (1, no_answer(1)), (3 * MINUTE, claimed(2)), (4 * MINUTE, no_answer(2))],
    ] {
        check(&then(&before), Ok(("sent", None)));
        // Whatever is known already changes nothing.
        check(&[then(&before), vec![proof.clone()]].concat(), Err(OutOfPlace));
    }
    check(&then(&[(0, claimed(1)), (1, accepted(1))]), Err(OutOfPlace));
}

#[test]
fn reports_move_it_forward_only_in_whatever_order_they_come() {
    use Report::{Bounced, Complained, Delayed, Delivered, Sent};
    let cases = [
        (vec![Sent, Delayed, Delivered], Delivered),
        (vec![Sent, Delivered, Bounced(Bounce::Transient)], Delivered),
        (vec![Sent, Bounced(Bounce::Undetermined), Bounced(Bounce::Transient)], Bounced(Bounce::Transient)),
        (vec![Sent, Delivered, Bounced(Bounce::Permanent)], Bounced(Bounce::Permanent)),
        (vec![Sent, Delivered, Complained], Complained),
    ];
    for (reports, wanted) in cases {
        for turn in 0..6 {
            let mut order = reports.clone();
            order.rotate_left(turn % 3);
            if turn > 2 {
                order.reverse();
            }
            let sent = Message::sample(at(0)).after(claimed(1), at(0)).unwrap();
            let last = order.iter().chain(&order).fold(sent, |message, report| {
                let next = message.after(reported(*report), at(1));
                assert!(next.is_ok() || message.report >= Some(*report), "{message:?} {report:?}");
                next.unwrap_or(message)
            });
            assert_eq!((last.report, matches!(last.state, State::Sent { .. })), (Some(wanted), true), "{order:?}");
        }
    }
}

#[test]
fn what_ses_would_not_send_has_failed_for_good() {
    let rejected = (5, Event::Rejected { why: "virus".to_owned() });
    let then = |before: &[(i64, Event)]| [before, std::slice::from_ref(&rejected)].concat();
    check(&then(&[]), Err(OutOfPlace));
    for before in [
        vec![(0, claimed(1))],
        vec![(0, claimed(1)), (1, accepted(1))],
        vec![(0, claimed(1)), (1, no_answer(1))],
        vec![(0, claimed(1)), (1, accepted(1)), (2, reported(Report::Delayed))],
    ] {
        check(&then(&before), Ok(("failed", None)));
        check(&[then(&before), vec![(9, reported(Report::Sent))]].concat(), Err(OutOfPlace));
    }
    check(&then(&[(0, claimed(1)), (1, reported(Report::Delivered))]), Err(OutOfPlace));
}

#[test]
fn the_log_shows_that_it_was_sent() {
    let message = Message::sample(at(0));
    let activity = |kind| Activity { id: ActivityId::derive(&["a"]), at: at(0), kind };
    let (own, other) = (message.id.clone(), MessageId::derive(&["other"]));
    let sign = |kinds: Vec<Kind>| {
        let activities: Vec<Activity> = kinds.into_iter().map(activity).collect();
        message.sign_in(&activities)
    };
    assert_eq!(sign(vec![]), None);
    assert_eq!(sign(vec![Kind::MailOpened { message: other.clone() }, Kind::MailDelivered { message: other }]), None);
    assert_eq!(sign(vec![Kind::MailOpened { message: own.clone() }]), Some(Report::Sent));
    let clicked = Kind::MailClicked { message: own.clone(), link: 0, target: "https://example.com/".to_owned() };
    assert_eq!(sign(vec![clicked.clone(), Kind::MailDelivered { message: own.clone() }]), Some(Report::Delivered));
    let chosen = Kind::MailChosen { topic: None, wanted: false, by: crate::activity::OptOut::OneClick, message: Some(own) };
    assert_eq!(sign(vec![clicked, chosen]), Some(Report::Sent));
}

#[test]
fn tries_are_remembered_longer_than_deferrals() {
    let mut message = Message::sample(at(0)).after(claimed(1), at(0)).unwrap().after(not_now(1), at(1)).unwrap();
    for n in 0..100 {
        message = message.after(Event::Deferred { until: at(n), why: Deferral::Window }, at(n)).unwrap();
    }
    assert!(message.has_been_tried() && message.history.len() == 20, "{:?}", message.history);
}
