//! Saving what was decided of a lead, with everything the decisions owe, in one transaction.

use aws_sdk_dynamodb::types::builders::{DeleteBuilder, PutBuilder};
use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, TransactWriteItem};

use jiff::Timestamp;

use super::super::Error;
use super::actions::{self, put_if_absent, unbuilt};
use super::derivation::Ready;
use super::failure::{failed, transaction_failed};
use super::items::{LeadItem, VisitorItem, Wake};
use super::keys::{self, Item};
use super::mailing::mailing_put;
use super::{CAPACITY, Store, facts, messages, records};
use crate::activity::{LogOwner, Record};
use crate::fact::Fact;
use crate::id::LeadId;
use crate::mail::mailing::Mailing;
use crate::mail::message::Message;
use crate::scenario::Enrollment;

/// Everything that one round of decisions changes, all or nothing.
#[derive(Debug, Default)]
pub struct Save {
    /// The lead as it was read; none: there must be none.
    pub before: Option<LeadItem>,
    /// The lead as it shall be, its revision one higher; none: as it is.
    pub lead: Option<LeadItem>,
    /// Decisions, each into a lead's log.
    pub appends: Vec<(LeadId, Record)>,
    /// What must be known to write to the lead, as it was read and as it shall be; none: as it is.
    pub mailing: Option<(Option<Mailing>, Mailing)>,
    /// Messages owed. One that is there already was owed by the same cause before, and stays as it is.
    pub messages: Vec<Message>,
    /// Facts owed. One that is there already stays as it is.
    pub facts: Vec<Fact>,
    /// Scenarios that the lead enters.
    pub enrolled: Vec<Enrollment>,
    /// Enrollments that are to be taken up now, as they were read, and the moment.
    pub hastened: Vec<(Enrollment, Timestamp)>,
    /// In whose summary the lead belongs, since the rules or a list made it ready.
    pub ready: Option<Ready>,
    /// Whose browser it shall be from now on.
    pub link: Option<VisitorItem>,
    /// Whose browser it was when read.
    pub link_before: Option<VisitorItem>,
    /// The link token that is used up.
    pub token: Option<String>,
    /// The wake item that is satisfied.
    pub done: Option<Wake>,
}

/// Nobody saved the lead since it was read.
pub(super) const UNCHANGED: &str = "revision = :r";

const WHAT: &str = "a lead cannot be saved";

impl Store {
    /// Saves what was decided, if lead, browser and token are still as they were read: else the error says to read and
    /// decide again. So does a repeat after a lost answer; whoever reads again then finds nothing left to do.
    ///
    /// # Errors
    /// If it is not known to be saved.
    pub async fn save(&self, save: Save) -> Result<(), Error> {
        let owed = self.owed(&save)?;
        let mut effects = self.effects(&save)?;
        let Save { before, lead, done, .. } = save;
        if owed.is_empty() && effects.is_empty() {
            match (&lead, &done) {
                (None, None) => return Ok(()),
                (None, Some(wake)) => return self.finish(wake).await,
                (Some(lead), None) => return self.put_lead(lead, before.as_ref()).await,
                (Some(_), Some(_)) => {}
            }
        }
        match (&lead, &before) {
            (Some(lead), before) => effects.push(actions::put(self.lead_put(lead, before.as_ref())?)?),
            (None, Some(before)) => effects.push(self.check_lead(before)?),
            (None, None) => {}
        }
        if let Some(wake) = done {
            effects.push(actions::delete(self.delete(wake.key()))?);
        }
        self.transact(WHAT, effects, owed).await
    }

    /// What must find everything as it was read.
    fn effects(&self, save: &Save) -> Result<Vec<TransactWriteItem>, Error> {
        let mut effects = Vec::new();
        for (lead, record) in &save.appends {
            effects.push(put_if_absent(&self.activities, records::to_item(&LogOwner::Lead(lead.clone()), record)?)?);
        }
        if let (Some((before, after)), Some(lead)) = (&save.mailing, &save.lead) {
            effects.push(mailing_put(&self.leads, &lead.lead, before.as_ref(), after)?);
        }
        for enrollment in &save.enrolled {
            effects.push(self.enrolled(enrollment)?);
        }
        for (enrollment, now) in &save.hastened {
            effects.push(self.hastened(enrollment, *now)?);
        }
        if let Some(ready) = &save.ready {
            effects.push(actions::put(Put::builder().table_name(&*self.leads).set_item(Some(ready.key())))?);
        }
        if let Some(link) = &save.link {
            effects.push(self.put_link(link, save.link_before.as_ref())?);
        }
        if let Some(token) = &save.token {
            let key = keys::key(keys::token(token), keys::TOKEN);
            effects.push(actions::delete(self.delete(key).condition_expression("attribute_exists(pk)"))?);
        }
        Ok(effects)
    }

    /// What may be there already.
    fn owed(&self, save: &Save) -> Result<Vec<TransactWriteItem>, Error> {
        let messages = save.messages.iter().map(|message| messages::owed(&self.leads, message));
        messages.chain(save.facts.iter().map(|fact| facts::owed(&self.leads, fact))).collect()
    }

    /// Makes all these changes or none. What is owed may be there already; `what` says what cannot be done if it fails.
    pub(super) async fn transact(
        &self,
        what: &'static str,
        effects: Vec<TransactWriteItem>,
        mut owed: Vec<TransactWriteItem>,
    ) -> Result<(), Error> {
        loop {
            let actions = effects.iter().chain(&owed).cloned().collect();
            let call = self.client.transact_write_items().set_transact_items(Some(actions));
            let Err(error) = call.return_consumed_capacity(CAPACITY).send().await else { return Ok(()) };
            let (error, unmet) = transaction_failed(what, error);
            if unmet.is_empty() || unmet.iter().any(|place| *place < effects.len()) {
                return Err(error);
            }
            // All is as it was read, but some of what is owed was owed before: two wake items may stand for one activity,
            // if a browser was linked between two tries to send it.
            let mut place = effects.len()..;
            owed.retain(|_| place.next().is_none_or(|place| !unmet.contains(&place)));
            if effects.is_empty() && owed.is_empty() {
                return Ok(());
            }
        }
    }

    pub(super) fn lead_put(&self, lead: &LeadItem, before: Option<&LeadItem>) -> Result<PutBuilder, Error> {
        let put = Put::builder().table_name(&*self.leads).set_item(Some(lead.to_item()?));
        Ok(match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put.condition_expression(UNCHANGED).expression_attribute_values(":r", keys::number(before.revision)),
        })
    }

    pub(super) async fn put_lead(&self, lead: &LeadItem, before: Option<&LeadItem>) -> Result<(), Error> {
        let put = self.lead_put(lead, before)?.build().map_err(unbuilt)?;
        let call = self.client.put_item().table_name(put.table_name).set_item(Some(put.item));
        let call = call.set_condition_expression(put.condition_expression);
        let call = call.set_expression_attribute_values(put.expression_attribute_values).return_consumed_capacity(CAPACITY);
        call.send().await.map(|_| ()).map_err(failed(WHAT))
    }

    pub(super) fn check_lead(&self, before: &LeadItem) -> Result<TransactWriteItem, Error> {
        let check = ConditionCheck::builder().table_name(&*self.leads).condition_expression(UNCHANGED);
        let check = check.set_key(Some(keys::key(keys::lead(&before.lead), keys::LEAD)));
        actions::check(check.expression_attribute_values(":r", keys::number(before.revision)))
    }

    fn put_link(&self, link: &VisitorItem, before: Option<&VisitorItem>) -> Result<TransactWriteItem, Error> {
        let put = Put::builder().table_name(&*self.leads).set_item(Some(link.to_item()?));
        actions::put(match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(before) => put
                .condition_expression("#lead = :lead AND since = :since")
                .expression_attribute_names("#lead", keys::LEAD)
                .expression_attribute_values(":lead", keys::text(before.lead.as_str()))
                .expression_attribute_values(":since", keys::number(before.since.as_millisecond())),
        })
    }

    fn delete(&self, key: Item) -> DeleteBuilder {
        Delete::builder().table_name(&*self.leads).set_key(Some(key))
    }

    pub(super) async fn finish(&self, wake: &Wake) -> Result<(), Error> {
        let call = self.client.delete_item().table_name(&*self.leads).set_key(Some(wake.key()));
        let done = call.return_consumed_capacity(CAPACITY).send().await;
        done.map(|_| ()).map_err(failed("a wake item cannot be removed"))
    }
}
