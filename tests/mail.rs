//! Letters to leads: the gate and the send protocol. What SES tells of them afterwards is in `feedback`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Kind, LogOwner, OptOut, Record};
use michi::consent::MailClass;
use michi::id::{ActivityId, BroadcastId, LeadId, MailId, MessageId};
use michi::io::store::{DueKey, Found, Mark, Save};
use michi::lead::Lead;
use michi::mail::fields;
use michi::mail::gate::{Deferral, Refusal};
use michi::mail::letter::{Cause, Letter};
use michi::mail::message::{Event, Message, Report, State};
use michi_local::{Fault, Mail, Mishap, Planned, Service, Suite};
use serde_json::{Value, json};

use crate::harness::{Visitor, insist, suite};
use crate::spine::lead_of;

/// A suite with one lead, who has agreed to mail, on a Wednesday at nine in Tokyo.
pub(crate) struct Post {
    pub(crate) suite: Suite,
    pub(crate) lead: LeadId,
    pub(crate) address: String,
    /// As it was folded first.
    folded: Lead,
}

impl Post {
    pub(crate) async fn open() -> Self {
        Self::to("mika.sato@hoshino-kogyo.example").await
    }

    pub(crate) async fn to(address: &str) -> Self {
        Self::in_suite(suite().await, address).await
    }

    pub(crate) async fn in_suite(suite: Suite, address: &str) -> Self {
        let mut visitor = Visitor::new("reader");
        let fields = json!({"email": address, "name": "佐藤 美香"});
        insist(&suite, &visitor.form(suite.now(), "survey", &fields)).await;
        suite.settle().await.unwrap();
        let (lead, folded) = lead_of(&suite, &visitor).await;
        let post = Self { suite, lead, address: address.to_owned(), folded };
        // The form's consent may await its confirmation; here the person has given it.
        post.append(Kind::MailChosen { topic: None, wanted: true, by: OptOut::Page, message: None }, "agreed").await;
        post
    }

    /// Something that the lead's log learns, and `score` with it.
    pub(crate) async fn append(&self, kind: Kind, id: &str) {
        self.suite.advance(SignedDuration::from_secs(1)).await.unwrap();
        let record = Record::decision(ActivityId::derive(&[id]), self.suite.now(), kind);
        let log = LogOwner::Lead(self.lead.clone());
        self.suite.own().store.append(&log, &record, Mark::Guaranteed).await.unwrap();
        self.suite.settle().await.unwrap();
    }

    /// A letter as `michi mail` owes it.
    pub(crate) fn letter(&self, n: usize, class: MailClass) -> Message {
        let playbook = self.suite.desk().playbook().clone();
        let id = MailId::parse("welcome").unwrap();
        let (language, version) = playbook.mail(&id).unwrap().version(playbook.setup.language).unwrap();
        let mut values = fields::values(version, &self.folded, None, &playbook.setup);
        values.insert("name".to_owned(), "佐藤 {{7*7}} <script>".to_owned());
        let cause = Cause::Broadcast(BroadcastId::derive(&["test"]));
        let links = version.links.clone();
        let letter = Letter { mail: id, class, topic: None, cause, subject: 0, values, links, question: None, hours: None };
        let now = self.suite.now();
        let expires = now + SignedDuration::from_hours(24 * 14);
        Message::letter(message_id(n), &self.lead, language, &playbook.version(), letter, now, now, expires)
    }

    pub(crate) async fn owe(&self, n: usize) {
        self.owe_any(self.letter(n, MailClass::Marketing)).await;
    }

    pub(crate) async fn owe_any(&self, message: Message) {
        self.suite.own().store.save(Save { messages: vec![message], ..Save::default() }).await.unwrap();
    }

    pub(crate) async fn found(&self, n: usize) -> Message {
        match self.suite.own().store.message(&DueKey::of_letter(&self.lead, &message_id(n))).await.unwrap() {
            Found::One(message) => message,
            other => panic!("{other:?}"),
        }
    }

    /// The mails to the lead.
    pub(crate) fn mails(&self) -> Vec<Arc<Mail>> {
        self.suite.mailbox().mails().into_iter().filter(|mail| mail.to == [self.address.as_str()]).collect()
    }

    async fn kinds(&self) -> Vec<Kind> {
        let log = self.suite.own().store.log(&LogOwner::Lead(self.lead.clone())).await.unwrap();
        log.records.into_iter().flat_map(|record| record.activities).map(|activity| activity.kind).collect()
    }

    /// How often the log has an activity like this.
    pub(crate) async fn logged(&self, wanted: fn(&Kind) -> bool) -> usize {
        self.kinds().await.iter().filter(|kind| wanted(kind)).count()
    }

    pub(crate) async fn settle(&self) {
        self.suite.settle().await.unwrap();
    }

    /// Lets everything that is owed be done; nothing is left.
    pub(crate) async fn finish(&self) {
        let left = self.suite.finish(SignedDuration::from_hours(24)).await.unwrap();
        assert_eq!(left, [""; 0]);
    }

    pub(crate) fn put(&self, table: &str, item: Value) {
        let answer = self.suite.dynamo().call("PutItem", json!({ "TableName": table, "Item": item }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

pub(crate) fn message_id(n: usize) -> MessageId {
    MessageId::derive(&["letter", &n.to_string()])
}

pub(crate) fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

pub(crate) fn is_sent(message: &Message) -> bool {
    matches!(message.state, State::Sent { .. })
}

pub(crate) fn sent(kind: &Kind) -> bool {
    matches!(kind, Kind::MailSent { owner: None, .. })
}

#[tokio::test]
async fn a_letter_goes_out_with_a_way_out_and_its_outcome_comes_back() {
    let post = Post::open().await;
    post.owe(0).await;
    post.settle().await;
    let [mail] = &post.mails()[..] else { panic!("{:?} {:?}", post.found(0).await, post.suite.mailbox().mails()) };
    let message = post.found(0).await;
    let State::Sent { attempt, ses } = &message.state else { panic!("{message:?}") };
    assert_eq!((ses, message.report), (&mail.id, Some(Report::Delivered)));

    let header = |name: &str| mail.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap();
    let unsubscribe = header("List-Unsubscribe");
    assert!(unsubscribe.starts_with("<http://127.0.0.1:7070/unsubscribe/") && unsubscribe.ends_with('>'), "{unsubscribe}");
    assert_eq!(header("List-Unsubscribe-Post"), "List-Unsubscribe=One-Click");
    let wanted = [("attempt", attempt.as_str()), ("lead", post.lead.as_str()), ("message", message.id.as_str())];
    assert_eq!(mail.tags.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect::<Vec<_>>(), wanted);

    let (text, html) = (mail.text.as_deref().unwrap(), mail.html.as_deref().unwrap());
    for part in [text, html] {
        assert!(part.contains("http://127.0.0.1:7070/c/") && part.contains("http://127.0.0.1:7070/unsubscribe/"), "{part}");
        assert!(!part.contains("http://127.0.0.1:7070/cases"), "targets stand in the link table alone");
    }
    assert!(text.contains("佐藤 {{7*7}} <script>") && html.contains("佐藤 {{7*7}} &lt;script&gt;"), "{html}");
    assert!(html.contains("http://127.0.0.1:7070/o/") && !text.contains("/o/"));

    assert_eq!(post.logged(sent).await, 1);
    assert_eq!(post.logged(|kind| matches!(kind, Kind::MailDelivered { .. })).await, 1);
    post.finish().await;
    assert_eq!(post.mails().len(), 1);
}

#[tokio::test]
async fn who_does_not_want_to_be_seen_is_not() {
    let post = Post::open().await;
    post.append(Kind::TrackingChosen { opens: false, clicks: false }, "unseen").await;
    post.owe(0).await;
    post.settle().await;
    let mail = post.mails().pop().unwrap();
    for part in [mail.text.as_deref().unwrap(), mail.html.as_deref().unwrap()] {
        assert!(part.contains("http://127.0.0.1:7070/cases") && !part.contains("/c/") && !part.contains("/o/"), "{part}");
        assert!(part.contains("/unsubscribe/"));
    }
}

#[tokio::test]
async fn what_the_gate_says_is_kept_in_the_message() {
    let check = async |kinds: Vec<Kind>, class: MailClass, wanted: Option<Refusal>| {
        let post = Post::open().await;
        for (n, kind) in kinds.into_iter().enumerate() {
            post.append(kind, &n.to_string()).await;
        }
        post.owe_any(post.letter(0, class)).await;
        post.settle().await;
        let message = post.found(0).await;
        let last = message.history.iter().rev().find_map(|entry| match &entry.event {
            Event::Refused { why } => Some(*why),
            _ => None,
        });
        assert_eq!((last, post.mails().len()), (wanted, usize::from(wanted.is_none())), "{message:?}");
        post.finish().await;
    };
    let out = || Kind::MailChosen { topic: None, wanted: false, by: OptOut::OneClick, message: None };
    check(vec![out()], MailClass::Marketing, Some(Refusal::OptedOut)).await;
    check(vec![out()], MailClass::Service, None).await;
    let complained = || Kind::MailComplained { message: message_id(9) };
    check(vec![complained()], MailClass::Service, Some(Refusal::Suppressed)).await;
}

#[tokio::test]
async fn an_address_that_is_suppressed_gets_nothing_whoever_it_belongs_to_now() {
    let post = Post::open().await;
    let hash = post.suite.own().keys.address_hash(&michi::address::Address::parse(&post.address).unwrap());
    post.put(
        "Leads",
        json!({"pk": {"S": format!("address#{hash}")}, "sk": {"S": "suppressed"}, "why": {"S": "erasure"},
        "at": {"S": post.suite.now().to_string()}}),
    );
    post.owe(0).await;
    post.settle().await;
    assert_eq!((post.found(0).await.state, post.mails().len()), (State::Failed, 0));
}

#[tokio::test]
async fn outside_the_hours_and_over_the_cap_it_waits_and_goes_out_later() {
    let post = Post::open().await;
    // Nine in the evening.
    post.suite.advance(SignedDuration::from_hours(12)).await.unwrap();
    for n in 0..5 {
        post.owe(n).await;
    }
    post.settle().await;
    assert_eq!(post.mails().len(), 0);
    let State::Pending { due } = post.found(0).await.state else { panic!() };
    assert_eq!(due, "2026-04-01T23:00:00Z".parse::<Timestamp>().unwrap(), "eight in the morning");
    post.suite.advance(SignedDuration::from_hours(12)).await.unwrap();
    assert_eq!(post.mails().len(), 3, "the cap of a week");
    let mut capped = 0;
    for n in 0..5 {
        let history = post.found(n).await.history;
        capped += usize::from(history.iter().any(|e| matches!(e.event, Event::Deferred { why: Deferral::Cap, .. })));
    }
    assert_eq!(capped, 2);
    post.suite.advance(SignedDuration::from_hours(24 * 8)).await.unwrap();
    assert_eq!(post.mails().len(), 5);
}

#[tokio::test]
async fn a_letter_that_waited_too_long_expires() {
    let post = Post::open().await;
    let mut message = post.letter(0, MailClass::Marketing);
    message.expires = post.suite.now() + SignedDuration::from_hours(15);
    post.suite.advance(SignedDuration::from_hours(12)).await.unwrap();
    post.owe_any(message).await;
    post.suite.advance(SignedDuration::from_hours(24)).await.unwrap();
    assert_eq!((post.found(0).await.state, post.mails().len()), (State::Expired, 0));
}

#[tokio::test]
async fn an_unanswered_letter_waits_for_proof_and_ses_brings_it() {
    let post = Post::open().await;
    let lost = Planned::nth("notify", Service::Ses, "SendEmail", 1, Fault::AfterEffect);
    post.suite.client().faults().lay([lost]);
    // The answer is lost, and the events come after ten minutes.
    post.suite.mailbox().reports().lay([(1, Mishap::Late(minutes(10))), (2, Mishap::Late(minutes(11)))]);
    post.owe(0).await;
    post.settle().await;
    let State::Unknown { until, .. } = post.found(0).await.state else { panic!("{:?}", post.found(0).await) };
    assert_eq!(until, post.suite.now() + minutes(30));
    post.suite.advance(minutes(40)).await.unwrap();
    let message = post.found(0).await;
    assert!(is_sent(&message) && message.report == Some(Report::Delivered), "{message:?}");
    assert_eq!((post.mails().len(), post.logged(sent).await), (1, 1));
    post.finish().await;
}

#[tokio::test]
async fn a_second_try_first_looks_for_a_sign_of_the_first() {
    let post = Post::open().await;
    let lost = Planned::nth("notify", Service::Ses, "SendEmail", 1, Fault::AfterEffect);
    post.suite.client().faults().lay([lost]);
    post.suite.mailbox().reports().lay([(1, Mishap::Lost), (2, Mishap::Lost)]);
    post.owe(0).await;
    post.settle().await;
    post.append(Kind::MailOpened { message: message_id(0) }, "opened").await;
    post.suite.advance(minutes(40)).await.unwrap();
    assert!(is_sent(&post.found(0).await));
    assert_eq!((post.mails().len(), post.logged(sent).await), (1, 1));

    // Without any sign it is tried once more, and then nobody knows.
    let post = Post::open().await;
    post.suite
        .client()
        .faults()
        .lay([1, 2].map(|nth| Planned::nth("notify", Service::Ses, "SendEmail", nth, Fault::AfterEffect)));
    post.suite.mailbox().reports().lay((1..=4).map(|n| (n, Mishap::Lost)));
    post.owe(0).await;
    post.settle().await;
    post.suite.advance(minutes(120)).await.unwrap();
    assert_eq!((post.mails().len(), post.found(0).await.state), (2, State::Held));
}
