//! `relay` tells the world what became true: each fact of the due index goes to the event bus, at least once.
//!
//! # What stands on the bus
//!
//! The public extension point: anything may be built on it, and it is only ever added to. `source` is `michi`,
//! `detail-type` says what it is in plain words, `time` is when it became true, and `detail` is a JSON object:
//!
//! | field | |
//! |---|---|
//! | `id` | the fact's id: the same fact may come twice, and then has the same id |
//! | `lead` | whom it is about, by id; no fact holds personal data |
//! | `at` | when it became true, as RFC 3339 |
//! | `version` | the playbook by which it was decided |
//! | `what` | the detail-type as one word: `lead_identified`, `form_submitted`, `lead_stage_moved`, `lead_merged` |
//!
//! | detail-type | and the fields |
//! |---|---|
//! | `Lead Identified` | |
//! | `Form Submitted` | `form`: the form's name on the site |
//! | `Lead Stage Moved` | `from`, `to`: `lead`, `mql`, `sal`, `sql`, `customer`, `advocate`, `recycled`, `disqualified`; `cell`: as in `B2`, or null |
//! | `Lead Merged` | `other`: the id of the lead that is `lead` from now on |

use std::collections::HashSet;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use jiff::{SignedDuration, Timestamp};
use michi::fact::{Fact, SOURCE};
use michi::io::bus::{Entry, MOST_ENTRIES};
use michi::io::store::{DueKey, FactItem, Found, Function};
use michi::io::{BatchResponse, Bus, Clock, Error, Retry, Store, Trigger};

/// The most facts that one tick takes up.
const SWEEP: usize = 200;
/// A tick begins nothing new after this time.
const SWEEP_TIME: SignedDuration = SignedDuration::from_secs(15);
/// A fact that the bus refused so often is held.
const MOST_TRIES: u32 = 10;
/// Pauses before it is tried again to keep that facts are on the bus.
const PAUSES: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(500)];

/// What `relay` needs of the world. It signs nothing and reads no address, so it holds no key.
#[derive(Clone)]
pub struct Relay {
    /// Both tables.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Where facts go.
    pub bus: Bus,
}

impl Relay {
    /// Opens the connection that the first record would wait for, by asking what a tick asks.
    ///
    /// # Errors
    /// If the due index cannot be read.
    pub async fn warm(&self) -> Result<(), Error> {
        self.store.due(Function::Relay, self.clock.now(), 1).await.map(drop)
    }
}

/// Publishes what the trigger says is owed.
///
/// # Errors
/// If the tick cannot read the due index. What fails for a single fact is answered record by record, or leaves it due.
pub async fn handle(relay: &Relay, trigger: Trigger) -> Result<BatchResponse, Error> {
    match trigger {
        Trigger::Stream(event) => Ok(batch(relay, &event).await),
        Trigger::Tick(_) => sweep(relay).await.map(|()| BatchResponse::default()),
    }
}

async fn batch(relay: &Relay, event: &Event) -> BatchResponse {
    let mut response = BatchResponse::default();
    let mut keys = vec![];
    for record in &event.records {
        if let Some(key) = DueKey::of(&record.change.keys) {
            keys.push(key);
            continue;
        }
        let payload = serde_json::to_string(record).unwrap_or_default();
        let reason = "a record without a key";
        tracing::error!(event.id = record.event_id, "{reason} is in quarantine");
        if let Err(error) = relay.store.quarantine(&record.event_id, &payload, reason, relay.clock.now()).await {
            tracing::error!(%error, "a record cannot be put into quarantine");
            response.failed(record);
        }
    }
    let mut failed = HashSet::new();
    for some in keys.chunks(MOST_ENTRIES) {
        failed.extend(publish(relay, some).await);
    }
    let comes_again = |key: Option<DueKey>| key.is_some_and(|key| failed.contains(&key));
    for record in event.records.iter().filter(|record| comes_again(DueKey::of(&record.change.keys))) {
        response.failed(record);
    }
    response
}

/// Works off what is due, the oldest first.
async fn sweep(relay: &Relay) -> Result<(), Error> {
    let began = relay.clock.now();
    let due = relay.store.due(Function::Relay, began, SWEEP).await?;
    if let Some(late) = due.lateness(began) {
        tracing::warn!(due.late_minutes = late.as_mins(), "due work is late");
    }
    for some in due.keys.chunks(MOST_ENTRIES) {
        if relay.clock.now().duration_since(began) > SWEEP_TIME {
            break;
        }
        // What failed stays due.
        publish(relay, some).await;
    }
    Ok(())
}

/// Publishes the facts under these keys; answers those for which the same call may succeed later.
async fn publish(relay: &Relay, keys: &[DueKey]) -> Vec<DueKey> {
    let mut failed = vec![];
    let mut facts = vec![];
    for key in keys {
        match load(relay, key).await {
            Ok(Some((fact, entry))) => facts.push((key, fact, entry)),
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "a fact cannot be read");
                failed.extend((error.retry != Retry::Never).then(|| key.clone()));
            }
        }
    }
    if facts.is_empty() {
        return failed;
    }
    let entries: Vec<Entry> = facts.iter().map(|(_, _, entry)| entry.clone()).collect();
    let answers = match relay.bus.put(&entries).await {
        Ok(answers) => answers,
        Err(error) => {
            tracing::warn!(%error, "facts cannot be published for now");
            failed.extend(facts.into_iter().map(|(key, ..)| key.clone()));
            return failed;
        }
    };
    for ((_, item, _), answer) in facts.iter().zip(answers) {
        match answer {
            Ok(()) => finish(relay, &item.fact).await,
            Err(code) => put_off(relay, item, &code).await,
        }
    }
    failed
}

/// The fact under a key, if it is still to be published, and its entry.
async fn load(relay: &Relay, key: &DueKey) -> Result<Option<(FactItem, Entry)>, Error> {
    match relay.store.fact(key).await? {
        Found::Nothing => Ok(None),
        Found::One(item) if item.due.is_none() || item.held.is_some() => Ok(None),
        Found::One(item) => {
            let entry = entry(&item.fact)?;
            Ok(Some((item, entry)))
        }
        Found::Poison { payload, reason } => {
            tracing::error!(item.key = key.sk, "{reason} and is in quarantine");
            relay.store.set_aside(key, &payload, &reason, relay.clock.now()).await.map(|()| None)
        }
    }
}

fn entry(fact: &Fact) -> Result<Entry, Error> {
    let detail = serde_json::to_string(fact).map_err(|error| Error::never(format!("a fact is no JSON: {error}")))?;
    Ok(Entry { source: SOURCE, detail_type: fact.what.detail_type(), detail, at: fact.at })
}

/// Keeps that a fact is on the bus, or it would be put there once more.
async fn finish(relay: &Relay, fact: &Fact) {
    for pause in PAUSES {
        match relay.store.publish_fact(fact, relay.clock.now()).await {
            Ok(()) => return tracing::info!(fact.id = %fact.id, lead.id = %fact.lead, "a fact is published"),
            Err(error) => tracing::warn!(%error, fact.id = %fact.id, "a fact cannot be finished yet"),
        }
        tokio::time::sleep(pause).await;
    }
    tracing::error!(fact.id = %fact.id, "a fact is on the bus and still due: it will be told once more");
}

/// Moves the due time of a fact that the bus refused, further each time, and in the end holds it.
async fn put_off(relay: &Relay, item: &FactItem, code: &str) {
    let id = &item.fact.id;
    let after = refused(item, relay.clock.now());
    if after.held.is_some() {
        tracing::error!(fact.id = %id, fact.why = code, "the bus refuses a fact time and again: it is held");
    } else {
        tracing::warn!(fact.id = %id, fact.why = code, "the bus refuses a fact: it is put off");
    }
    if let Err(error) = relay.store.defer_fact(item, &after).await {
        tracing::warn!(%error, fact.id = %id, "a fact cannot be put off");
    }
}

/// A fact after another refusal: half a minute's rest, doubled each time.
fn refused(item: &FactItem, now: Timestamp) -> FactItem {
    let tries = item.tries + 1;
    let rest = SignedDuration::from_secs(30 << tries.saturating_sub(1).min(7));
    if tries < MOST_TRIES {
        FactItem { due: now.checked_add(rest).ok(), tries, ..item.clone() }
    } else {
        FactItem { due: None, tries, held: Some(now), ..item.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use michi::fact::FactKind;
    use michi::id::{ActivityId, FormId, LeadId, PlaybookVersion};
    use michi::lead::{Cell, Stage};

    fn at() -> Timestamp {
        "2026-11-22T00:52:00.500Z".parse().unwrap()
    }

    fn fact(what: FactKind) -> Fact {
        let (lead, version) = (LeadId::parse("lead-1").unwrap(), PlaybookVersion::parse("playbook-1").unwrap());
        Fact::of(&lead, &ActivityId::parse("activity-1").unwrap(), at(), &version, what)
    }

    /// What others have built upon: a change here is a change for them.
    #[test]
    fn an_entry_looks_as_documented() {
        let check = |what: FactKind, detail_type: &str, own: &str| {
            let fact = fact(what);
            let entry = entry(&fact).unwrap();
            assert_eq!((entry.source, entry.detail_type, entry.at), ("michi", detail_type, at()));
            let wanted =
                format!(r#"{{"id":"{}","lead":"lead-1","at":"2026-11-22T00:52:00.5Z","version":"playbook-1",{own}}}"#, fact.id);
            assert_eq!(entry.detail, wanted);
        };
        check(FactKind::LeadIdentified, "Lead Identified", r#""what":"lead_identified""#);
        let form = FormId::parse("white-paper").unwrap();
        check(FactKind::FormSubmitted { form }, "Form Submitted", r#""what":"form_submitted","form":"white-paper""#);
        let cell = Cell::try_from("B2".to_owned()).ok();
        check(
            FactKind::LeadStageMoved { from: Stage::Lead, to: Stage::Mql, cell },
            "Lead Stage Moved",
            r#""what":"lead_stage_moved","from":"lead","to":"mql","cell":"B2""#,
        );
        check(
            FactKind::LeadStageMoved { from: Stage::Mql, to: Stage::Lead, cell: None },
            "Lead Stage Moved",
            r#""what":"lead_stage_moved","from":"mql","to":"lead","cell":null"#,
        );
        let other = LeadId::parse("l-2").unwrap();
        check(FactKind::LeadMerged { other }, "Lead Merged", r#""what":"lead_merged","other":"l-2""#);
    }

    #[test]
    fn a_refused_fact_rests_longer_each_time_and_is_held_at_last() {
        let mut item = FactItem { fact: fact(FactKind::LeadIdentified), due: Some(at()), tries: 0, held: None };
        for seconds in [30, 60, 120, 240, 480, 960, 1920, 3840, 3840] {
            item = refused(&item, at());
            assert_eq!(item.due, Some(at() + SignedDuration::from_secs(seconds)));
        }
        item = refused(&item, at());
        assert_eq!((item.due, item.held, item.tries), (None, Some(at()), 10));
    }

    #[test]
    fn the_triggers_are_told_apart() {
        let stream = serde_json::from_str(include_str!("../fixtures/stream.json")).unwrap();
        let Trigger::Stream(event) = stream else { panic!("{stream:?}") };
        let key = DueKey::of(&event.records[0].change.keys).unwrap();
        assert_eq!((key.pk.split('#').next(), key.sk.split('#').next()), (Some("lead"), Some("fact")));
        let tick = serde_json::from_str(include_str!("../fixtures/tick.json")).unwrap();
        assert!(matches!(tick, Trigger::Tick(_)));
    }
}
