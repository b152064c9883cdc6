//! `notify` on its own: messages owed by hand, sent through the local suite, with every way a call can fail.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Bounce, Kind, LogOwner};
use michi::address::Address;
use michi::consent::SuppressedBy;
use michi::id::{LeadId, MessageId, OwnerId};
use michi::io::store::{DueKey, Found, LeadItem, Save};
use michi::lead::{Cell, Level, Phase, Stage};
use michi::mail::alert::{Alert, Known};
use michi::mail::message::{Event, Message, Report, State};
use michi::mail::text::Plain;
use michi::playbook::Playbook;
use michi_local::{Fate, Fault, Mail, Mishap, Options, Planned, Service, Suite};

/// A suite with one lead, of whom nothing was said to sales yet.
struct Office {
    suite: Suite,
}

impl Office {
    async fn open() -> Self {
        let office = Self { suite: Suite::start(Options::test()).await.unwrap() };
        office.save(Save { lead: Some(office.lead()), ..Save::default() }).await;
        office
    }

    fn playbook(&self) -> Playbook {
        self.suite.desk().playbook().clone()
    }

    fn owner(&self) -> OwnerId {
        self.playbook().default_owner().unwrap().id.clone()
    }

    fn lead(&self) -> LeadItem {
        LeadItem {
            mailing: None,
            inside: Default::default(),
            lead: ann(),
            revision: 1,
            stage: Stage::Mql,
            grade: None,
            level: Level::COLDEST,
            fit: 20.0,
            rank: None,
            momentum_rank: None,
            phase: Phase::Gathering,
            excluded: false,
            name: None,
            company: None,
            visitors: vec![],
            playbook: self.playbook().version(),
            epoch: "1".to_owned(),
            erased: None,
            merged: None,
            next_review: None,
            last_seen: None,
        }
    }

    fn message(&self, n: usize, owner: &OwnerId) -> Message {
        let known = |text| Some(Known { text: Plain::of(text).unwrap(), unconfirmed: false });
        let alert = Alert {
            at: self.suite.now(),
            name: known("Ann Lee"),
            company: known("株式会社アクメ"),
            role: None,
            phone: known("03-1234-5678"),
            address: Address::parse("ann@acme.example").ok(),
            stage: Stage::Mql,
            cell: Cell::try_from("B2".to_owned()).ok(),
            phase: Phase::Deciding,
            fit: 65.0,
            interest: 46.8,
            before: None,
            rise: None,
            deeds: vec![],
            reading: None,
            pages: vec![],
        };
        let playbook = self.playbook();
        let id = MessageId::derive(&["alert", &n.to_string()]);
        Message::alert(id, &ann(), owner, playbook.setup.language, &playbook.version(), alert, self.suite.now())
    }

    /// Owes a message to the default owner.
    async fn owe(&self) {
        self.save(Save { messages: vec![self.message(0, &self.owner())], ..Save::default() }).await;
    }

    async fn save(&self, save: Save) {
        self.suite.own().store.save(save).await.unwrap();
    }

    /// The message, if it was sent to the default owner.
    async fn found(&self) -> Message {
        let key = DueKey { pk: format!("owner#{}", self.owner()), sk: format!("message#{}", MessageId::derive(&["alert", "0"])) };
        match self.suite.own().store.message(&key).await.unwrap() {
            Found::One(message) => message,
            other => panic!("{other:?}"),
        }
    }

    fn mails(&self) -> Vec<Arc<Mail>> {
        self.suite.mailbox().mails()
    }

    /// How often the lead's log says that the mail was sent.
    async fn logged(&self) -> usize {
        let log = self.suite.own().store.log(&LogOwner::Lead(ann())).await.unwrap();
        let sent = |kind: &Kind| matches!(kind, Kind::MailSent { owner: Some(owner), .. } if *owner == self.owner());
        log.records.iter().flat_map(|record| &record.activities).filter(|activity| sent(&activity.kind)).count()
    }

    fn lay(&self, planned: Planned) {
        self.suite.client().faults().lay([planned]);
    }

    fn put(&self, item: serde_json::Value) {
        let answer = self.suite.dynamo().call("PutItem", serde_json::json!({ "TableName": "Leads", "Item": item }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn ann() -> LeadId {
    LeadId::derive(&["ann"])
}

fn send_email(fault: Fault) -> Planned {
    Planned::nth("notify", Service::Ses, "SendEmail", 1, fault)
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn is_sent(message: &Message) -> bool {
    matches!(message.state, State::Sent { .. })
}

#[tokio::test]
async fn an_alert_goes_out_as_soon_as_it_is_owed() {
    let office = Office::open().await;
    office.owe().await;
    office.suite.settle().await.unwrap();

    let [mail] = &office.mails()[..] else { panic!("{:?}", office.mails()) };
    let message = office.found().await;
    let State::Sent { attempt, ses } = &message.state else { panic!("{message:?}") };
    assert_eq!((ses, mail.at), (&mail.id, office.suite.now()));
    let setup = office.playbook().setup;
    assert_eq!(mail.to, [setup.owners[0].address.as_str()]);
    assert!(mail.from.ends_with(&format!("<{}>", setup.sender.address)), "{}", mail.from);
    assert!(mail.headers.is_empty() && mail.reply_to.is_empty(), "an owner's mail needs no way out of a list");
    assert!(mail.subject.starts_with("Ann Lee") && mail.configuration_set.is_some());
    let tags: Vec<(&str, &str)> = mail.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let (lead, owner) = (ann(), office.owner());
    let wanted =
        [("attempt", attempt.as_str()), ("lead", lead.as_str()), ("message", message.id.as_str()), ("owner", owner.as_str())];
    assert_eq!(tags, wanted);
    assert_eq!(message.report, Some(Report::Delivered));
    assert!(mail.text.as_ref().unwrap().contains("http://127.0.0.1:7070/view/"));

    assert_eq!(office.logged().await, 1);
    assert_eq!(office.suite.leftovers().unwrap(), [""; 0]);
    office.suite.tick("notify").await.unwrap();
    assert_eq!(office.mails().len(), 1);
}

#[tokio::test]
async fn an_alert_whose_record_was_lost_is_found_by_the_tick() {
    let office = Office::open().await;
    office.owe().await;
    office.suite.tick("notify").await.unwrap();
    assert!(is_sent(&office.found().await));
    // The record comes after all, and changes nothing.
    office.suite.settle().await.unwrap();
    assert_eq!((office.mails().len(), office.logged().await), (1, 1));
    assert_eq!(office.suite.leftovers().unwrap(), [""; 0]);
}

/// However a single call fails, the mail goes out once and is logged once; it goes out twice only if SES took it, nobody
/// could keep that it did, and SES's own events are lost.
#[tokio::test]
async fn no_lost_call_loses_or_doubles_a_mail() {
    let office = Office::open().await;
    office.owe().await;
    office.lay(Planned::call(1_000, Fault::Refuse));
    office.suite.mailbox().reports().lay_random(1, 100, &[Mishap::Lost]);
    let mark = office.suite.client().record().mark();
    office.suite.settle().await.unwrap();
    let calls: Vec<_> = office.suite.client().record().since(mark).into_iter().filter(|call| call.ordinal.is_some()).collect();
    let sends = calls.iter().position(|call| call.service == Service::Ses).unwrap();

    let mut cases = tokio::task::JoinSet::new();
    for place in 0..calls.len() {
        use Fault::{AfterEffect, BeforeLeaving, Conflict, CrashAfter, CrashBefore, Throttle};
        for fault in [BeforeLeaving, AfterEffect, Throttle, Conflict, CrashBefore, CrashAfter] {
            let unproven = match fault {
                AfterEffect | CrashAfter if place == sends => 2,
                CrashBefore if place > sends => 2,
                _ => 1,
            };
            for (copies, lost) in [(1, 0), (unproven, 100)] {
                cases.spawn(async move {
                    let office = Office::open().await;
                    office.owe().await;
                    office.suite.mailbox().reports().lay_random(1, lost, &[Mishap::Lost]);
                    office.lay(Planned::call(place as u64 + 1, fault));
                    let left = office.suite.finish(minutes(30)).await.unwrap();
                    let (message, context) = (office.found().await, format!("{fault:?} of call {}, {lost} % lost", place + 1));
                    assert!(is_sent(&message), "{context}: {message:?}");
                    assert_eq!(
                        (office.mails().len(), office.logged().await, left),
                        (copies, 1, vec![]),
                        "{context}: {message:?}"
                    );
                });
            }
        }
    }
    while let Some(case) = cases.join_next().await {
        case.unwrap();
    }
}

#[tokio::test]
async fn throttled_by_ses_it_rests_a_minute() {
    let office = Office::open().await;
    office.owe().await;
    office.lay(send_email(Fault::Throttle));
    office.suite.settle().await.unwrap();
    assert_eq!(office.found().await.state, State::Pending { due: office.suite.now() + minutes(1) });
    office.suite.advance(minutes(1)).await.unwrap();
    assert!(is_sent(&office.found().await));
    assert_eq!(office.mails().len(), 1);
}

#[tokio::test]
async fn refused_by_ses_it_has_failed() {
    let office = Office::open().await;
    office.owe().await;
    office.lay(send_email(Fault::Refuse));
    office.suite.settle().await.unwrap();
    assert_eq!(office.found().await.state, State::Failed);
    office.suite.advance(minutes(60)).await.unwrap();
    assert_eq!((office.mails().len(), office.logged().await), (0, 0));
    assert_eq!(office.suite.leftovers().unwrap(), [""; 0]);
}

#[tokio::test]
async fn unanswered_it_is_tried_once_more_after_two_minutes_and_then_held_in_sight() {
    let office = Office::open().await;
    office.owe().await;
    let lost = |nth| Planned::nth("notify", Service::Ses, "SendEmail", nth, Fault::AfterEffect);
    office.suite.client().faults().lay([lost(1), lost(2)]);
    office.suite.mailbox().reports().lay_random(1, 100, &[Mishap::Lost]);
    office.suite.settle().await.unwrap();
    let State::Unknown { until, .. } = office.found().await.state else { panic!("{:?}", office.found().await) };
    assert_eq!(until, office.suite.now() + minutes(2));
    office.suite.advance(minutes(1)).await.unwrap();
    assert_eq!(office.mails().len(), 1);
    office.suite.advance(minutes(1)).await.unwrap();
    assert_eq!((office.mails().len(), office.found().await.state), (2, State::Held));
    office.suite.advance(minutes(600)).await.unwrap();
    assert_eq!((office.mails().len(), office.logged().await), (2, 0));
    assert_eq!(office.suite.own().store.held_messages(10).await.unwrap(), [office.found().await]);
}

#[tokio::test]
async fn what_the_gate_refuses_is_not_sent() {
    let check = async |spoil: &dyn Fn(&Office), wanted: State| {
        let office = Office::open().await;
        spoil(&office);
        office.owe().await;
        office.suite.settle().await.unwrap();
        assert_eq!((office.found().await.state, office.mails().len()), (wanted, 0));
    };
    let suppressed = |office: &Office| {
        office.put(serde_json::json!({
            "pk": { "S": format!("owner#{}", office.owner()) }, "sk": { "S": "mailing" }, "suppressed": { "S": "bounced" },
        }));
    };
    check(&suppressed, State::Failed).await;
    let erased = |office: &Office| {
        office.put(serde_json::json!({
            "pk": { "S": format!("lead#{}", ann()) }, "sk": { "S": "lead" }, "erased": { "BOOL": true },
        }));
    };
    check(&erased, State::Expired).await;
}

#[tokio::test]
async fn an_alert_to_somebody_the_playbook_does_not_know_is_held() {
    let office = Office::open().await;
    let stranger = OwnerId::parse("nobody").unwrap();
    office.save(Save { messages: vec![office.message(0, &stranger)], ..Save::default() }).await;
    office.suite.settle().await.unwrap();
    let held = office.suite.own().store.held_messages(10).await.unwrap();
    assert_eq!((held.len(), office.mails().len()), (1, 0));
}

#[tokio::test]
async fn an_alert_that_slept_too_long_is_not_sent_any_more() {
    let office = Office::open().await;
    office.owe().await;
    office.suite.clock().set(office.suite.now() + minutes(7 * 24 * 60));
    office.suite.settle().await.unwrap();
    assert_eq!((office.found().await.state, office.mails().len()), (State::Expired, 0));
}

#[tokio::test]
async fn many_alerts_go_out_at_the_pace() {
    let office = Office::open().await;
    for n in 0..7 {
        let messages = (0..10).map(|m| office.message(10 * n + m, &office.owner())).collect();
        office.save(Save { messages, ..Save::default() }).await;
    }
    office.suite.settle().await.unwrap();
    assert_eq!(office.mails().len(), 50, "as many as may go at once");
    office.suite.advance(SignedDuration::from_millis(100)).await.unwrap();
    assert!(office.mails().len() < 70);
    office.suite.advance(minutes(5)).await.unwrap();
    assert_eq!(office.mails().len(), 70);
    assert_eq!(office.suite.leftovers().unwrap(), [""; 0]);
    let message = office.found().await;
    assert!(message.history.iter().all(|entry| !matches!(entry.event, Event::LeaseEnded)));
}

#[tokio::test]
async fn poison_is_put_aside_and_the_rest_goes_on() {
    let office = Office::open().await;
    let now: Timestamp = office.suite.now();
    office.put(serde_json::json!({
        "pk": { "S": "owner#x" }, "sk": { "S": "message#poison" }, "hint": { "S": "message" }, "state": { "S": "?" },
        "due_part": { "S": "notify.0.0" }, "due_at": { "S": format!("{now:.3}") },
    }));
    office.owe().await;
    office.suite.settle().await.unwrap();
    assert_eq!(office.mails().len(), 1);
    let left = office.suite.leftovers().unwrap();
    assert!(left.len() == 1 && left[0].starts_with("in quarantine"), "{left:?}");
}

#[tokio::test]
async fn an_owner_whose_mailbox_is_gone_gets_nothing_until_the_address_is_mended() {
    let office = Office::open().await;
    let address = office.playbook().setup.owners[0].address.clone();
    office.suite.mailbox().reports().lay_fate(address.as_str(), Fate::no_such_mailbox());
    office.owe().await;
    office.suite.settle().await.unwrap();
    assert_eq!(office.found().await.report, Some(Report::Bounced(Bounce::Permanent)));
    let store = &office.suite.own().store;
    let (known, why) = store.unreachable(&office.owner()).await.unwrap().unwrap();
    assert_eq!((known, why.why), (office.suite.own().keys.address_hash(&address), SuppressedBy::Bounce));
    // It is nothing that the lead's own log should learn.
    let log = store.log(&LogOwner::Lead(ann())).await.unwrap();
    let bounced = |kind: &Kind| matches!(kind, Kind::MailBounced { .. } | Kind::MailDelivered { .. });
    assert!(!log.records.iter().flat_map(|record| &record.activities).any(|activity| bounced(&activity.kind)));

    let second = office.message(1, &office.owner());
    let found = async || match store.message(&DueKey::of_mail_to_owner(&office.owner(), &second.id)).await.unwrap() {
        Found::One(message) => message,
        other => panic!("{other:?}"),
    };
    office.save(Save { messages: vec![second.clone()], ..Save::default() }).await;
    office.suite.settle().await.unwrap();
    assert_eq!((found().await.state, office.mails().len()), (State::Failed, 1));
    // Another address in the playbook is another mailbox.
    assert!(!store.standing(&office.owner(), &known_as("other@example.com", &office), None).await.unwrap().suppressed);
    store.reach_again(&office.owner()).await.unwrap();
    assert!(store.unreachable(&office.owner()).await.unwrap().is_none());
}

fn known_as(address: &str, office: &Office) -> String {
    office.suite.own().keys.address_hash(&Address::parse(address).unwrap())
}
