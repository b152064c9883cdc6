//! Enrollments: one item for each lead under way in a scenario, moved on only as it was read. It is always in the due
//! index: where it is swept, where it lies while it is paused, or where a person must look at it. So the index alone
//! says who is under way where.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::actions::{self, put_if_absent, unbuilt};
use super::failure::{condition_failed, failed};
use super::found::Found;
use super::items::{Wake, read};
use super::keys::{self, Function, Item, Work};
use super::log::GRACE;
use super::save::UNCHANGED;
use super::wakes::DueKey;
use super::{CAPACITY, Store, messages, records, together};
use crate::activity::{LogOwner, Record};
use crate::id::{EnrollmentId, LeadId, ScenarioId};
use crate::mail::gate::Refusal;
use crate::mail::message::{Event, Message, State};
use crate::scenario::{Enrollment, Left};

/// An enrollment that has moved, and what comes of that; all or nothing.
#[derive(Debug)]
pub struct Progress<'a> {
    /// As it was read.
    pub before: &'a Enrollment,
    /// As it shall be, its revision one higher; none: it is over.
    pub after: Option<&'a Enrollment>,
    /// What the lead's log learns; none: nothing was passed.
    pub record: Option<&'a Record>,
    /// The record changes what is known of the lead: it must be scored.
    pub scores: bool,
    /// A mail that is owed. One that is there already was owed by the same step before, and stays as it is.
    pub message: Option<&'a Message>,
    /// A mail that is taken back, as it was read and as it shall be.
    pub taken_back: Option<&'a (Message, Message)>,
}

/// Where in the due index an enrollment lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lies {
    /// It is taken up when it is due.
    Due,
    /// It fell due while it was paused, and waits for somebody to go on with it.
    Paused,
    /// It failed time and again, and waits for somebody to look at it.
    Held,
}

/// An enrollment as the due index has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    /// Which scenario.
    pub scenario: ScenarioId,
    /// Who.
    pub lead: LeadId,
    /// Which run.
    pub enrollment: EnrollmentId,
    /// When it is looked at next.
    pub due: Timestamp,
    /// Where it lies.
    pub lies: Lies,
}

impl Open {
    /// The key of the enrollment.
    #[must_use]
    pub fn key(&self) -> DueKey {
        DueKey { pk: keys::lead(&self.lead), sk: keys::enrollment(&self.scenario, &self.enrollment) }
    }
}

/// Nobody goes on in a scenario until somebody takes this away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Who said so.
    pub by: String,
}

const WHAT: &str = "an enrollment cannot be moved on";

impl DueKey {
    /// The key of an enrollment.
    #[must_use]
    pub fn of_enrollment(enrollment: &Enrollment) -> Self {
        let sk = keys::enrollment(&enrollment.scenario, &enrollment.id);
        Self { pk: keys::lead(&enrollment.lead), sk }
    }

    /// Whose enrollment in what it is, if the key is that of one.
    #[must_use]
    pub fn enrollment(&self) -> Option<(LeadId, ScenarioId, EnrollmentId)> {
        let (scenario, enrollment) = keys::enrollment_of(&self.sk)?;
        Some((keys::lead_of(&self.pk)?, scenario, enrollment))
    }
}

impl Store {
    /// The enrollment under a key.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn enrollment(&self, key: &DueKey) -> Result<Found<Enrollment>, Error> {
        self.find(key).await
    }

    /// The open enrollments of a lead, by scenario.
    ///
    /// # Errors
    /// If they cannot be read. One alone that cannot is left out: its own turn finds it.
    pub async fn enrollments_of(&self, lead: &LeadId) -> Result<Vec<Enrollment>, Error> {
        Ok(self.enrollments_lying(lead).await?.into_iter().map(|(enrollment, _)| enrollment).collect())
    }

    /// The same, each with where it lies.
    ///
    /// # Errors
    /// As [`enrollments_of`](Self::enrollments_of).
    pub async fn enrollments_lying(&self, lead: &LeadId) -> Result<Vec<(Enrollment, Lies)>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let query = query
            .key_condition_expression("pk = :pk AND begins_with(sk, :enrollment)")
            .expression_attribute_values(":pk", keys::text(keys::lead(lead)))
            .expression_attribute_values(":enrollment", keys::text(keys::ENROLLMENT_PREFIX));
        let lying = |item: Item| {
            let lies = lies(&item);
            Ok(read::<Enrollment>(item).ok().map(|enrollment| (enrollment, lies)))
        };
        Ok(self.query(query, usize::MAX, lying).await?.into_iter().flatten().collect())
    }

    /// Moves an enrollment on, with what comes of it, if it is as it was read and its lead is there and not being erased.
    ///
    /// # Errors
    /// If it is not known to be moved; says to read again if somebody else was faster.
    pub async fn advance(&self, progress: &Progress<'_>) -> Result<(), Error> {
        let Progress { before, after, record, scores, message, taken_back } = progress;
        let mut effects = vec![match after {
            Some(after) => actions::put(self.enrollment_put(before, to_item(after, Lies::Due)?))?,
            None => actions::delete(
                Delete::builder()
                    .table_name(&*self.leads)
                    .set_key(Some(keys::key(keys::lead(&before.lead), keys::enrollment(&before.scenario, &before.id))))
                    .condition_expression(UNCHANGED)
                    .expression_attribute_values(":r", keys::number(before.revision)),
            )?,
        }];
        effects.push(self.check_alive(&before.lead)?);
        if let Some(record) = record {
            let owner = LogOwner::Lead(before.lead.clone());
            let mut item = records::to_item(&owner, record)?;
            if *scores {
                item.insert(keys::WAKE.to_owned(), keys::text(keys::wake(&record.id)));
                effects.push(put_if_absent(&self.leads, Wake::of(owner, record, GRACE).to_item()?)?);
            }
            effects.push(put_if_absent(&self.activities, item)?);
        }
        if let Some((before, after)) = taken_back {
            effects.push(actions::put(self.message_put(before, after)?)?);
        }
        let owed = message.iter().map(|message| messages::owed(&self.leads, message)).collect::<Result<_, Error>>()?;
        self.transact(WHAT, effects, owed).await
    }

    /// The newest letter of an enrollment that ends for this reason, as it is and as it shall be once it is taken back; none:
    /// it is not waiting to be sent, or goes out all the same.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn taken_back(
        &self,
        enrollment: &Enrollment,
        left: &Left,
        now: Timestamp,
    ) -> Result<Option<(Message, Message)>, Error> {
        let Some(mail) = enrollment.mail.as_ref().filter(|_| left.withdraws_mail()) else { return Ok(None) };
        let Found::One(letter) = self.message(&DueKey::of_letter(&enrollment.lead, mail)).await? else { return Ok(None) };
        if !matches!(letter.state, State::Pending { .. }) {
            return Ok(None);
        }
        let after = letter.after(Event::Refused { why: Refusal::Cancelled }, now).ok();
        Ok(after.map(|after| (letter, after)))
    }

    /// Moves when an enrollment is looked at, or where it lies, if it is as it was read: `after` has its revision one higher.
    ///
    /// # Errors
    /// If it is not known to be moved; says to read again if somebody else was faster.
    pub async fn put_off_enrollment(&self, before: &Enrollment, after: &Enrollment, lies: Lies) -> Result<(), Error> {
        let put = self.enrollment_put(before, to_item(after, lies)?).build().map_err(unbuilt)?;
        let call = self.client.put_item().table_name(put.table_name).set_item(Some(put.item));
        let call = call.set_condition_expression(put.condition_expression);
        let call = call.set_expression_attribute_values(put.expression_attribute_values).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(failed(WHAT))
    }

    /// Lays an enrollment of a paused scenario aside, if it is as it was read and the scenario is paused still: whoever goes
    /// on with it takes the pause away first, and then finds all that lies aside.
    ///
    /// # Errors
    /// If it is not known to lie there; says to read again if somebody else was faster.
    pub async fn park_enrollment(&self, before: &Enrollment) -> Result<(), Error> {
        let after = Enrollment { revision: before.revision + 1, ..before.clone() };
        let paused = ConditionCheck::builder().table_name(&*self.leads).condition_expression("attribute_exists(pk)");
        let paused = paused.set_key(Some(keys::key(keys::SCENARIOS, before.scenario.as_str())));
        let put = actions::put(self.enrollment_put(before, to_item(&after, Lies::Paused)?))?;
        self.transact("an enrollment cannot be paused", vec![put, actions::check(paused)?], vec![]).await
    }

    /// Makes an enrollment due at once that was held, with all its tries. Answers whether it was.
    ///
    /// # Errors
    /// If it is not known to be due.
    pub async fn release_enrollment(&self, key: &DueKey, now: Timestamp) -> Result<bool, Error> {
        let call = self.client.update_item().table_name(&*self.leads).set_key(Some(keys::key(&key.pk, &key.sk)));
        let call = call
            .update_expression("SET due_part = :part, due_at = :at, due = :now, tries = :none, revision = revision + :one")
            .condition_expression("due_part = :held")
            .expression_attribute_values(":part", keys::text(Work::Step.part(&key.pk)))
            .expression_attribute_values(":held", keys::text(keys::HELD))
            .expression_attribute_values(":at", keys::text(keys::instant(now)))
            .expression_attribute_values(":now", keys::text(now.to_string()))
            .expression_attribute_values(":none", keys::number(0))
            .expression_attribute_values(":one", keys::number(1));
        match call.return_consumed_capacity(CAPACITY).send().await {
            Err(error) if condition_failed(&error) => Ok(false),
            done => done.map(|_| true).map_err(failed("an enrollment cannot be released")),
        }
    }

    fn enrollment_put(&self, before: &Enrollment, item: Item) -> PutBuilder {
        let put = Put::builder().table_name(&*self.leads).set_item(Some(item)).condition_expression(UNCHANGED);
        put.expression_attribute_values(":r", keys::number(before.revision))
    }

    /// What enters a lead into a scenario.
    pub(super) fn enrolled(&self, enrollment: &Enrollment) -> Result<TransactWriteItem, Error> {
        put_if_absent(&self.leads, to_item(enrollment, Lies::Due)?)
    }

    /// What makes an enrollment due at once, if it is as it was read.
    pub(super) fn hastened(&self, before: &Enrollment, now: Timestamp) -> Result<TransactWriteItem, Error> {
        let after = Enrollment { due: now, revision: before.revision + 1, ..before.clone() };
        actions::put(self.enrollment_put(before, to_item(&after, Lies::Due)?))
    }

    /// Everybody who is under way, in these scenarios or in all, the earliest due first: keys alone, from the index, which
    /// may be a moment behind.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub async fn open_enrollments(&self, of: Option<&ScenarioId>) -> Result<Vec<Open>, Error> {
        let mut parts: Vec<(String, Lies)> =
            Function::Step.work().iter().flat_map(|work| work.parts()).map(|part| (part, Lies::Due)).collect();
        parts.push((keys::HELD.to_owned(), Lies::Held));
        parts.push((keys::PAUSED.to_owned(), Lies::Paused));
        let found = together(parts.into_iter().map(|(part, lies)| async move {
            let items = self.due_in(part, Timestamp::MAX, usize::MAX).await?;
            Ok::<_, Error>(items.into_iter().filter_map(move |item| open(&item, lies)).collect::<Vec<Open>>())
        }));
        let found: Vec<Vec<Open>> = found.await.into_iter().collect::<Result<_, Error>>()?;
        let mut found: Vec<Open> = found.into_iter().flatten().filter(|open| of.is_none_or(|of| open.scenario == *of)).collect();
        found.sort_by(|one, other| (one.due, &one.enrollment).cmp(&(other.due, &other.enrollment)));
        Ok(found)
    }

    /// The scenarios in which nobody goes on for now.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn pauses(&self) -> Result<BTreeMap<ScenarioId, Pause>, Error> {
        let query = self.client.query().table_name(&*self.leads).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", keys::text(keys::SCENARIOS));
        let paused = |item: Item| {
            let id = item.get(keys::SK).and_then(|sk| sk.as_s().ok()).and_then(|sk| ScenarioId::parse(sk.as_str()).ok());
            Ok(id.zip(Some(read::<Pause>(item)?)))
        };
        Ok(self.query(query, usize::MAX, paused).await?.into_iter().flatten().collect())
    }

    /// Lets nobody go on in a scenario. One that is paused stays as it is; answers whether it is paused by this.
    ///
    /// # Errors
    /// If it is not known to be paused.
    pub async fn pause(&self, scenario: &ScenarioId, pause: &Pause) -> Result<bool, Error> {
        let item = keys::item(keys::SCENARIOS, scenario.as_str(), pause)?;
        let call = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
        let call = call.condition_expression("attribute_not_exists(pk)").return_consumed_capacity(CAPACITY);
        match call.send().await {
            Err(error) if condition_failed(&error) => Ok(false),
            done => done.map(|_| true).map_err(failed("a scenario cannot be paused")),
        }
    }

    /// Takes the pause of a scenario away; what lies aside is to be made due afterwards.
    ///
    /// # Errors
    /// If it is not known to be gone.
    pub async fn unpause(&self, scenario: &ScenarioId) -> Result<(), Error> {
        let call = self.client.delete_item().table_name(&*self.leads);
        let call = call.set_key(Some(keys::key(keys::SCENARIOS, scenario.as_str()))).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(failed("a scenario cannot be gone on with"))
    }
}

/// An enrollment as an item.
fn to_item(enrollment: &Enrollment, lies: Lies) -> Result<Item, Error> {
    let sk = keys::enrollment(&enrollment.scenario, &enrollment.id);
    let mut item = keys::item(keys::lead(&enrollment.lead), sk, enrollment)?;
    item.retain(|_, value| !value.is_null());
    match lies {
        Lies::Due => keys::set_due(&mut item, Work::Step, enrollment.due),
        Lies::Paused => keys::lie_in(&mut item, keys::PAUSED, enrollment.due),
        Lies::Held => keys::lie_in(&mut item, keys::HELD, enrollment.due),
    }
    Ok(item)
}

/// Where the enrollment of an item lies.
fn lies(item: &Item) -> Lies {
    match item.get(keys::DUE_PART).and_then(|part| part.as_s().ok()).map(String::as_str) {
        Some(keys::HELD) => Lies::Held,
        Some(keys::PAUSED) => Lies::Paused,
        _ => Lies::Due,
    }
}

fn open(item: &Item, lies: Lies) -> Option<Open> {
    let text = |name| item.get(name)?.as_s().ok().cloned();
    let key = DueKey { pk: text(keys::PK)?, sk: text(keys::SK)? };
    let (lead, scenario, enrollment) = key.enrollment()?;
    Some(Open { scenario, lead, enrollment, due: text(keys::DUE_AT)?.parse().ok()?, lies })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{MessageId, PlaybookVersion, StepId};
    use crate::scenario::{Place, Waiting};

    fn waiting() -> Enrollment {
        let now: Timestamp = "2026-11-22T00:52:00Z".parse().unwrap();
        let lead = LeadId::derive(&["ann"]);
        let step = StepId::parse("first").unwrap();
        Enrollment {
            id: EnrollmentId::derive(&["e"]),
            lead,
            scenario: ScenarioId::parse("after-a-paper").unwrap(),
            playbook: PlaybookVersion::derive(&["p"]),
            version: crate::id::derive(&["v"]),
            entered: now,
            place: Place { step: step.clone(), visit: 1, since: now },
            waiting: Waiting::Resume { before: Box::new(Waiting::Mail(MessageId::derive(&["m"]))) },
            due: now,
            visits: BTreeMap::from([(step, 2)]),
            day: Some((jiff::civil::date(2026, 11, 22), 3)),
            mail: None,
            tries: 0,
            revision: 7,
        }
    }

    #[test]
    fn an_enrollment_comes_back_as_it_was_and_is_found_where_it_lies() {
        for (lies, wanted) in [(Lies::Due, "step.0."), (Lies::Paused, "paused"), (Lies::Held, "held")] {
            let item = to_item(&waiting(), lies).unwrap();
            assert_eq!(super::lies(&item), lies);
            assert!(item[keys::DUE_PART].as_s().unwrap().starts_with(wanted), "{item:?}");
            assert_eq!(item[keys::DUE_AT], keys::text("2026-11-22T00:52:00.000Z"));
            let found = open(&item, lies).unwrap();
            assert_eq!((found.lead, found.enrollment, found.lies), (waiting().lead, waiting().id, lies));
            assert_eq!(read::<Enrollment>(item).unwrap(), waiting());
        }
    }

    #[test]
    fn an_enrollment_that_waits_is_one_write_unit() {
        assert!(super::super::weight(&to_item(&waiting(), Lies::Due).unwrap()) <= 1024);
    }
}
