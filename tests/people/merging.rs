//! Two leads turn out to be one person: what becomes of their logs, browsers, addresses, mail and links, whatever happens
//! meanwhile. `faults`: whatever fails.

mod faults;

use http::StatusCode;
use jiff::SignedDuration;
use michi::activity::{Kind, Log, LogOwner, Record};
use michi::consent::SuppressedBy;
use michi::fact::{Fact, FactKind};
use michi::fold::fold;
use michi::id::{ActivityId, LeadId, MessageId, VisitorId};
use michi::io::Retry;
use michi::io::store::{DueKey, Found, LeadItem, Mark, Progress, Save};
use michi::lead::{Lead, Stage};
use michi::link::View;
use michi::mail::gate::Refusal;
use michi::mail::message::{Event, Message, State};
use michi::mail::notice::Notice;
use michi::merge::decision;
use michi::playbook::Language;
use michi::scenario::Left;
use michi_cli::account::Target;
use michi_cli::erase::{self, EraseArgs};
use michi_cli::export_lead::{self, ExportLeadArgs};
use michi_cli::lead::{self, LeadArgs};
use michi_cli::merge::{self, MergeArgs};
use michi_local::Suite;
use serde_json::{Value, json};

use super::{fills_in, id_of, settled, whoever};
use crate::clicks::{Sent, letter_sent};
use crate::consent::{choices, get, one_click, permissions};
use crate::harness::{ORIGIN, Visitor, beacon, insist, post, write_key};
use crate::operator::served;

const OLD: &str = "mika.sato@old-corp.example";
const NEW: &str = "mika.sato@new-corp.example";
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// Two leads who are one person: the one wrote from her old firm, is under way along a scenario and was sent a letter; the
/// other writes from her new one.
pub(super) struct Two {
    suite: Suite,
    target: Target,
    old: LeadId,
    new: LeadId,
    old_browser: Visitor,
    letter: Sent,
}

impl Two {
    async fn met() -> Self {
        let (suite, target) = served().await;
        Self::in_suite(suite, target).await
    }

    async fn in_suite(suite: Suite, target: Target) -> Self {
        let mut old_browser = Visitor::new("old-browser");
        insist(&suite, &old_browser.page(suite.now(), "/cases/nordic-foods", "Nordic Foods", 40)).await;
        let fields = json!({ "email": OLD, "name": "佐藤 美香", "company": "星野工業", "role": "Director" });
        insist(&suite, &old_browser.form(suite.now(), "white-paper", &fields)).await;
        suite.settle().await.unwrap();
        suite.advance(MINUTE).await.unwrap();
        let fields = json!({ "email": NEW, "name": "佐藤 美香", "company": "青葉商会" });
        fills_in(&suite, "new-browser", "newsletter", fields).await;
        let (old, new) = (id_of(&suite, OLD).await.unwrap(), id_of(&suite, NEW).await.unwrap());
        let sent = suite.now() - SignedDuration::from_hours(2);
        let letter = letter_sent(&suite, &old, &[&format!("{ORIGIN}/pricing")], sent).await;
        assert_eq!(suite.own().store.enrollments_of(&old).await.unwrap().len(), 1, "under way");
        Self { suite, target, old, new, old_browser, letter }
    }

    /// Merges the old one into the new, as the command does.
    async fn merge(&self) -> String {
        let said = merged(&self.target, OLD, NEW).await.unwrap();
        settled(&self.suite).await;
        self.suite.advance(MINUTE).await.unwrap();
        said
    }

    async fn log(&self, lead: &LeadId) -> Log {
        self.suite.own().store.log(&LogOwner::Lead(lead.clone())).await.unwrap()
    }

    /// How often the log of whoever stays tells something like this.
    async fn told(&self, is: impl Fn(&Kind) -> bool) -> usize {
        activities(&self.log(&self.new).await).filter(|kind| is(kind)).count()
    }

    async fn folded(&self, log: &Log) -> Lead {
        fold(&self.suite.own().playbook().await.unwrap().playbook, log, self.suite.now() + MINUTE)
    }

    /// What of the old one is there still, but for the redirect and the letters.
    fn left_behind(&self) -> Vec<String> {
        let own = |item: &Value| item["pk"]["S"] == format!("lead#{}", self.old);
        let kept = |item: &Value| {
            let sk = item["sk"]["S"].as_str().unwrap();
            sk == "lead" || sk.starts_with("message#") || sk.starts_with("fact#")
        };
        let items = [self.suite.items("Leads").unwrap(), self.suite.items("Activities").unwrap()].concat();
        items.iter().filter(|item| own(item) && !kept(item)).map(ToString::to_string).collect()
    }

    /// What in either table still names either of the two.
    fn traces(&self) -> Vec<String> {
        let names = [self.old.as_str(), self.new.as_str(), OLD, NEW, "old-browser", "new-browser", "佐藤", "星野"];
        let items = [self.suite.items("Leads").unwrap(), self.suite.items("Activities").unwrap()].concat();
        let text = items.iter().map(ToString::to_string);
        text.filter(|text| names.iter().any(|name| text.contains(name))).collect()
    }

    async fn erase(&self, who: &str) -> String {
        let (who, target) = (who.to_owned(), self.target.clone());
        let mut out = vec![];
        erase::erase(&EraseArgs { who, yes: true, allow_mail: false, json: false, target }, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }
}

fn activities(log: &Log) -> impl Iterator<Item = &Kind> {
    log.records.iter().flat_map(|record| &record.activities).map(|activity| &activity.kind)
}

async fn merged(target: &Target, who: &str, into: &str) -> Result<String, String> {
    let mut out = vec![];
    let args = MergeArgs { who: who.to_owned(), into: into.to_owned(), yes: true, json: false, target: target.clone() };
    let done = merge::merge(&args, &mut out).await;
    done.map(|()| String::from_utf8(out).unwrap()).map_err(|error| format!("{error:#}"))
}

/// As far as a command comes that ends at once: the mark, and what the other's log learns.
pub(crate) async fn begun(suite: &Suite, old: &LeadId, new: &LeadId) -> LeadItem {
    begin(suite, old, new).await.unwrap()
}

async fn begin(suite: &Suite, old: &LeadId, new: &LeadId) -> Result<LeadItem, michi::io::Error> {
    let (store, live) = (&suite.own().store, suite.own().playbook().await.unwrap());
    let (gone, kept) = (store.lead(old).await.unwrap().unwrap(), store.lead(new).await.unwrap().unwrap());
    let log = async |lead: &LeadId| store.log(&LogOwner::Lead(lead.clone())).await.unwrap();
    let letters = store.letters_to(old).await.unwrap().into_iter().map(|letter| letter.id);
    let record = decision(&live.playbook, (new, &log(new).await), (old, &log(old).await), letters, suite.now());
    let what = FactKind::LeadMerged { other: old.clone() };
    let fact = Fact::of(new, &record.id, record.at, &live.version, what);
    store.begin_merge(&gone, &kept, &record, &fact, suite.now()).await
}

#[tokio::test]
async fn two_leads_become_one_with_all_that_either_did() {
    let two = Two::met().await;
    let (suite, store) = (&two.suite, &two.suite.own().store);
    let (old, new) = (two.log(&two.old).await, two.log(&two.new).await);
    let said = two.merge().await;
    assert!(
        said.contains(&format!("{} is merged into {}: {} records moved, 1 scenario ended", two.old, two.new, old.records.len())),
        "{said}"
    );

    // The log is what a union says, and one of the two addresses.
    let union = Log { records: [old.records, new.records].concat(), ..new };
    let (lead, wanted) = (whoever(suite, NEW).await, two.folded(&union).await);
    assert!((lead.interest.points - wanted.interest.points).abs() < 0.1 && lead.interest.points > 15.0, "{lead:?}");
    assert_eq!((&lead.pages.len(), &lead.visitors.len()), (&wanted.pages.len(), &2));
    assert_eq!((lead.attribute("email"), lead.attribute("company")), (Some(NEW), Some("青葉商会")));
    assert_eq!(lead.attribute("role"), Some("Director"));
    assert_eq!(id_of(suite, OLD).await.as_ref(), Some(&two.new));
    assert_eq!(two.left_behind(), [""; 0]);
    // What is saved, listed and mailed is the same.
    let item = store.lead(&two.new).await.unwrap().unwrap();
    assert_eq!((item.fit.to_bits(), item.level), (lead.fit.points.to_bits(), lead.interest.level));
    let mut listed = vec![];
    for stage in Stage::ALL {
        listed.extend(store.leads_by_rank(&item.epoch, stage, 10).await.unwrap());
    }
    assert_eq!(listed.iter().map(|one| &one.lead).collect::<Vec<_>>(), [&two.new]);
    assert!(permissions(suite, &two.new).await.marketing.is_some());
    // The way along the scenario ended, and the other's did not begin by it.
    assert!(store.enrollments_of(&two.old).await.unwrap().is_empty());
    assert_eq!(two.told(|kind| matches!(kind, Kind::Advanced { left: Some(Left::Merged), .. })).await, 1);
    let facts = suite.bus().entries();
    let told = facts.iter().find(|fact| fact.detail_type == "Lead Merged").expect("a fact").detail.to_string();
    assert!(told.contains(two.old.as_str()) && told.contains(two.new.as_str()) && !told.contains("sato"), "{told}");

    // By its old id it is found, and cannot be merged again.
    let refused = async |who: &str, into: &str| merged(&two.target, who, into).await.unwrap_err();
    assert!(refused(two.old.as_str(), NEW).await.contains(&format!("was merged already: it is {} now", two.new)));
    assert!(refused(OLD, NEW).await.contains("there is nothing to merge"));
    assert!(refused(NEW, two.old.as_str()).await.contains("was merged already"));
    assert!(refused("nobody", NEW).await.contains("there is no lead nobody"));
    let mut out = vec![];
    let args = LeadArgs { who: two.old.to_string(), json: false, target: two.target.clone() };
    lead::show(&args, &mut out).await.unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(shown.contains(&format!("id {}", two.new)) && shown.contains("autumn →") && shown.contains("Merged"), "{shown}");
    let mut out = vec![];
    let args = ExportLeadArgs { who: two.old.to_string(), target: two.target.clone() };
    export_lead::export(&args, &mut out).await.unwrap();
    let all: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!((all["id"].as_str(), all["letters"].as_array().unwrap().len()), (Some(two.new.as_str()), 1));

    suite.advance(MINUTE * 12).await.unwrap();
    let redirect = store.lead(&two.old).await.unwrap().unwrap();
    assert_eq!((redirect.next_review, redirect.visitors.len()), (None, 0));
    assert_eq!(suite.finish(SignedDuration::from_hours(1)).await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn whatever_still_knows_the_old_one_reaches_the_new() {
    let mut two = Two::met().await;
    let token = two.letter.click(&two.suite, 0).await.token().expect("a token");
    two.merge().await;
    two.suite.advance(MINUTE).await.unwrap();
    let (suite, store) = (&two.suite, &two.suite.own().store);
    let linked = async |visitor: &str| {
        let known = store.visitor_consistent(&VisitorId::parse(visitor).unwrap()).await.unwrap();
        known.map(|known| known.lead)
    };
    // A token that was minted before, links, the pixel.
    let body = json!({ "writeKey": write_key(suite), "anonymousId": "phone", "messageId": "i1", "context": { "token": token } });
    assert!(post(suite, "/v1/identify", &body).await.status.is_success());
    suite.settle().await.unwrap();
    suite.advance(MINUTE).await.unwrap();
    assert_eq!(linked("phone").await.as_ref(), Some(&two.new));
    let clicks = |kind: &Kind| matches!(kind, Kind::MailClicked { message, .. } if *message == two.letter.message);
    let before = two.told(clicks).await;
    assert_eq!(two.letter.click(suite, 0).await.status, StatusCode::FOUND);
    two.letter.open(suite).await;
    suite.settle().await.unwrap();
    assert_eq!((two.told(clicks).await, two.told(|kind| matches!(kind, Kind::MailOpened { .. })).await), (before + 1, 1));

    // The browser, the address.
    beacon(suite, &two.old_browser.page(suite.now(), "/pricing", "Pricing", 20)).await;
    fills_in(suite, "tablet", "inquiry", json!({ "email": OLD })).await;
    assert_eq!((linked("tablet").await.as_ref(), linked("old-browser").await.as_ref()), (Some(&two.new), Some(&two.new)));
    let lead = whoever(suite, NEW).await;
    assert!(lead.pages.iter().any(|page| page.url.ends_with("/pricing")), "{:?}", lead.pages);
    assert_eq!((lead.attribute("email"), lead.visitors.len()), (Some(NEW), 4));

    // The page that sales opens from an old alert.
    let owner = suite.desk().playbook().default_owner().unwrap().id.clone();
    let (number, key) = suite.own().keys.signing().unwrap();
    let page = get(suite, &View::new(two.old.clone(), owner, suite.now()).url("", number, key.bytes())).await;
    assert!(page.status == StatusCode::OK && page.page.contains(NEW), "{}", page.page);

    // A bounce of the old letter says nothing of the new address; an end of mail, or a word of spam, is the person's.
    let tell = async |kind: &str, id: &str| {
        let at = suite.now().to_string();
        let mail = json!({ "timestamp": at, "messageId": "x",
            "tags": { "lead": [two.old.as_str()], "message": [two.letter.message.as_str()] } });
        let bounce = json!({ "bounceType": "Permanent", "bounceSubType": "General", "timestamp": at });
        let event = json!({ "id": id, "detail": { "eventType": kind, "mail": mail, "bounce": bounce, "complaint": { "timestamp": at } } });
        feedback::handle(suite.app("feedback").unwrap(), event).await.unwrap();
        suite.settle().await.unwrap();
        suite.advance(MINUTE).await.unwrap();
    };
    tell("Bounce", "e-1").await;
    assert_eq!(two.told(|kind| matches!(kind, Kind::MailBounced { .. })).await, 1);
    assert!(permissions(suite, &two.new).await.ground().is_some());
    assert_eq!(one_click(suite, &choices(&suite.own().keys, &two.old)).await.status, StatusCode::OK);
    suite.settle().await.unwrap();
    assert!(permissions(suite, &two.new).await.opted_out.is_some());
    tell("Complaint", "e-2").await;
    assert_eq!(permissions(suite, &two.new).await.suppressed.map(|found| found.why), Some(SuppressedBy::Complaint));
    assert_eq!(two.left_behind(), [""; 0]);
}

#[tokio::test]
async fn a_mark_is_enough_and_what_is_on_its_way_is_taken_along() {
    let two = Two::met().await;
    let (suite, store) = (&two.suite, &two.suite.own().store);
    let log = LogOwner::Lead(two.old.clone());
    // A form that nobody has looked at yet, a letter that waits, and one to sales.
    let mut form = two
        .log(&two.old)
        .await
        .records
        .into_iter()
        .find(|record| record.activities.iter().any(|activity| matches!(activity.kind, Kind::FormSubmitted(_))));
    let form = form.as_mut().unwrap();
    let later = suite.now();
    (form.id, form.sent, form.at, form.received) = (ActivityId::derive(&["late form"]), later, later, later);
    for activity in &mut form.activities {
        (activity.id, activity.at) = (form.id.clone(), later);
    }
    store.append(&log, form, Mark::Guaranteed).await.unwrap();
    let Found::One(sent) = store.message(&DueKey::of_letter(&two.old, &two.letter.message)).await.unwrap() else { panic!() };
    let due = suite.now() + MINUTE * 30;
    let waiting = Message {
        id: MessageId::derive(&["waits"]),
        state: State::Pending { due },
        history: vec![],
        expires: due + MINUTE * 90,
        ..sent
    };
    let owner = suite.desk().playbook().default_owner().unwrap().id.clone();
    let notice = Notice::of(&whoever(suite, OLD).await, "Look", "Story", suite.now()).unwrap();
    let version = suite.own().playbook().await.unwrap().version;
    let notice = Message::notice(MessageId::derive(&["notice"]), &two.old, &owner, Language::En, &version, notice, suite.now());
    let notice = Message { state: State::Pending { due }, ..notice };
    for message in [waiting.clone(), notice.clone()] {
        store.save(Save { messages: vec![message], ..Save::default() }).await.unwrap();
    }
    begun(suite, &two.old, &two.new).await;
    suite.advance(MINUTE * 12).await.unwrap();
    assert_eq!(two.left_behind(), [""; 0]);
    let consents = |kind: &Kind| matches!(kind, Kind::Consented { form: Some(id), .. } if *id == form.id);
    assert_eq!(two.told(consents).await, 1, "the form was looked at where it is now");
    assert_eq!(store.home(&two.old).await.unwrap(), two.new);

    suite.advance(MINUTE * 30).await.unwrap();
    let Found::One(letter) = store.message(&DueKey::of_letter(&two.old, &waiting.id)).await.unwrap() else { panic!() };
    let why = letter.history.last().map(|entry| entry.event.clone());
    assert_eq!((letter.state, why), (State::Expired, Some(Event::Refused { why: Refusal::Merged })));
    let Found::One(told) = store.message(&DueKey::of_mail_to_owner(&owner, &notice.id)).await.unwrap() else { panic!() };
    assert_eq!((matches!(told.state, State::Sent { .. }), told.lead.as_ref()), (true, Some(&two.new)));
    let to_owner = |kind: &Kind| matches!(kind, Kind::MailSent { message, .. } if *message == notice.id);
    assert_eq!((two.told(to_owner).await, two.left_behind().len()), (1, 0));
}

#[tokio::test]
async fn only_what_is_as_it_was_read_is_merged() {
    let two = Two::met().await;
    let (suite, store) = (&two.suite, &two.suite.own().store);
    let before = store.lead(&two.new).await.unwrap().unwrap();
    begun(suite, &two.old, &two.new).await;
    let mark = store.lead(&two.old).await.unwrap().unwrap();
    // A repeat of the same, and whoever read before.
    let stale = LeadItem { merged: None, revision: mark.revision - 1, ..mark.clone() };
    let record =
        Record::decision(ActivityId::derive(&["again"]), suite.now(), Kind::Merged { lead: two.old.clone(), letters: vec![] });
    let version = suite.own().playbook().await.unwrap().version;
    let fact = Fact::of(&two.new, &record.id, record.at, &version, FactKind::LeadMerged { other: two.old.clone() });
    let done = store.begin_merge(&stale, &before, &record, &fact, suite.now()).await;
    assert_eq!(done.unwrap_err().retry, Retry::Reread);
    let done = store.begin_merge(&mark, &before, &record, &fact, suite.now()).await;
    assert_eq!(done.unwrap_err().retry, Retry::Never);
    assert_eq!(two.told(|kind| matches!(kind, Kind::Merged { .. })).await, 1);
    // Nothing is decided about the old one any more.
    let moved = LeadItem { revision: stale.revision + 1, next_review: None, ..stale.clone() };
    let save = Save { before: Some(stale), lead: Some(moved), ..Save::default() };
    assert_eq!(store.save(save).await.unwrap_err().retry, Retry::Reread);
    let open = &store.enrollments_of(&two.old).await.unwrap()[0];
    let ended = Progress { before: open, after: None, record: None, scores: false, message: None, taken_back: None };
    assert_eq!(store.advance(&ended).await.unwrap_err().retry, Retry::Reread);
    // Somebody gives the old address while it is the old one's still.
    let fields = json!({ "email": OLD });
    insist(suite, &Visitor::new("tablet").form(suite.now(), "newsletter", &fields)).await;
    suite.settle().await.unwrap();
    assert_eq!(store.lead(&two.old).await.unwrap(), Some(mark), "nobody takes the mark away");
    suite.advance(MINUTE * 2).await.unwrap();
    let tablet = store.visitor_consistent(&VisitorId::parse("tablet").unwrap()).await.unwrap();
    assert_eq!(tablet.map(|known| known.lead), Some(two.new.clone()));
}

#[tokio::test]
async fn erasing_the_one_that_stays_leaves_nothing_of_either() {
    // Whether all was moved, or nothing yet.
    for moved in [true, false] {
        let mut two = Two::met().await;
        if moved {
            two.merge().await;
            two.suite.advance(MINUTE * 12).await.unwrap();
        } else {
            begun(&two.suite, &two.old, &two.new).await;
        }
        let said = two.erase(two.old.as_str()).await;
        assert!(said.contains(&format!("{} is erased", two.new)), "{said}");
        let left = two.traces();
        assert!(left.iter().all(|item| item.contains("\"erased\"")), "only marks stay: {left:#?}");
        // Whatever comes now is not kept; nor does a link lead anywhere.
        beacon(&two.suite, &two.old_browser.page(two.suite.now(), "/pricing", "Pricing", 20)).await;
        assert_eq!(two.letter.click(&two.suite, 0).await.status, StatusCode::NOT_FOUND);
        two.letter.open(&two.suite).await;
        two.suite.settle().await.unwrap();
        two.suite.advance(MINUTE * 14).await.unwrap();
        assert_eq!(two.traces(), [""; 0], "moved: {moved}");
        for address in [OLD, NEW] {
            let hash = two.suite.own().keys.address_hash(&michi::address::Address::parse(address).unwrap());
            let why = two.suite.own().store.suppression(&hash).await.unwrap().map(|found| found.why);
            assert_eq!(why, Some(SuppressedBy::Erasure), "{address}, moved: {moved}");
        }
        assert_eq!(two.suite.finish(SignedDuration::from_hours(1)).await.unwrap(), [""; 0]);
    }
}

#[tokio::test]
async fn whoever_is_merged_into_one_that_is_merged_itself_ends_where_that_one_does() {
    let two = Two::met().await;
    let suite = &two.suite;
    fills_in(suite, "third-browser", "newsletter", json!({ "email": "mika@third.example" })).await;
    let third = id_of(suite, "mika@third.example").await.unwrap();
    begun(suite, &two.old, &two.new).await;
    begun(suite, &two.new, &third).await;
    suite.advance(MINUTE * 12).await.unwrap();
    let store = &suite.own().store;
    assert_eq!((store.home(&two.old).await.unwrap(), store.home(&two.new).await.unwrap()), (third.clone(), third.clone()));
    for address in [OLD, NEW] {
        assert_eq!(id_of(suite, address).await.as_ref(), Some(&third));
    }
    let lead = whoever(suite, "mika@third.example").await;
    assert_eq!((lead.attribute("email"), lead.visitors.len()), (Some("mika@third.example"), 3));
    assert!(two.left_behind().is_empty() && two.log(&two.new).await.records.is_empty());
    // Round in a ring goes nothing.
    assert!(merged(&two.target, third.as_str(), two.old.as_str()).await.unwrap_err().contains("was merged already"));
    let said = two.erase(OLD).await;
    assert!(said.contains(&format!("{third} is erased")), "{said}");
    suite.advance(MINUTE * 14).await.unwrap();
    assert_eq!(two.traces(), [""; 0]);
}

#[tokio::test]
async fn nobody_is_alerted_by_a_stage_that_is_kept() {
    let (suite, target) = served().await;
    crate::harness::ready_lead(&suite, &mut Visitor::new("old-browser")).await;
    suite.finish(SignedDuration::from_hours(1)).await.unwrap();
    let old = id_of(&suite, "mika.sato@hoshino-kogyo.example").await.unwrap();
    fills_in(&suite, "new-browser", "newsletter", json!({ "email": NEW })).await;
    let new = id_of(&suite, NEW).await.unwrap();
    // Sold to already.
    let bought =
        Kind::StageMoved { from: Stage::Lead, to: Stage::Customer, cell: None, alert: None, corrects: None, by_rules: false };
    let record = Record::decision(ActivityId::derive(&["bought"]), suite.now(), bought);
    suite.own().store.append(&LogOwner::Lead(new.clone()), &record, Mark::Guaranteed).await.unwrap();
    suite.settle().await.unwrap();
    let alerts = suite.mailbox().mails().len();
    merged(&target, old.as_str(), new.as_str()).await.unwrap();
    settled(&suite).await;
    suite.advance(MINUTE * 12).await.unwrap();
    assert_eq!((whoever(&suite, NEW).await.stage, suite.mailbox().mails().len()), (Some(Stage::Customer), alerts));
    let item = suite.own().store.lead(&new).await.unwrap().unwrap();
    assert_eq!(item.stage, Stage::Customer);
}
