//! Erasing a person: first a mark that everybody honours, then the deletion, and once more later for what was on its way.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

use super::super::{Error, Retry};
use super::actions::unbuilt;
use super::care::QUARANTINE_DAYS;
use super::derivation::Ready;
use super::failure::{condition_failed, failed};
use super::items::{LeadItem, SettlingVisitor};
use super::keys::{self, Item};
use super::{CAPACITY, Store, limits, mailing, records};
use crate::activity::{Kind, Log, LogOwner};
use crate::address::Address;
use crate::consent::{SuppressedBy, Suppression};
use crate::id::{LeadId, OwnerId, VisitorId};
use crate::mail::message::{Content, Message};
use crate::merge::taken_in;

/// So long after the mark everything is deleted once more: longer than any request lives, any mark is behind in an index
/// and any message is under way.
pub const AGAIN: SignedDuration = SignedDuration::from_mins(10);

/// What a person's log names beside itself, all of which goes with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// The person's addresses.
    pub addresses: BTreeSet<Address>,
    /// The person's browsers, and from when on each was somebody else's.
    pub visitors: BTreeMap<VisitorId, Option<Timestamp>>,
    /// Who was told of the person.
    pub owners: BTreeSet<OwnerId>,
    /// The lists that named the person.
    pub lists: BTreeSet<crate::id::ImportId>,
    /// The leads that were merged into the person's.
    pub merged: BTreeSet<LeadId>,
}

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Erased {
    /// Records of what the person did.
    pub records: usize,
    /// Messages to the person, and to sales about the person.
    pub messages: usize,
    /// Anything else.
    pub others: usize,
}

/// What is counted of a browser, a day each.
const LIMITS: &[&str] = &["identify", "event"];
/// What is counted of an address, by its keyed hash.
const ADDRESS_LIMITS: &[&str] = &["form-address"];
/// Values that DynamoDB takes in one `IN`.
const NAMES: usize = 100;
/// Deletes that DynamoDB takes in one batch.
const BATCH: usize = 25;
/// Pauses before the deletes that a batch left undone are tried again.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(80), Duration::from_millis(320), Duration::from_millis(1280)];

impl Traces {
    /// What a log names.
    #[must_use]
    pub fn of(log: &Log) -> Self {
        let mut traces = Self { merged: taken_in(log).cloned().collect(), ..Self::default() };
        // From when on each browser was the person's at last, and from when on somebody else's.
        let mut linked: BTreeMap<&VisitorId, Timestamp> = BTreeMap::new();
        let mut cut: BTreeMap<&VisitorId, Timestamp> = BTreeMap::new();
        for record in &log.records {
            traces.lists.extend(record.import.clone());
            for activity in &record.activities {
                match &activity.kind {
                    Kind::VisitorLinked { visitor, since, .. } => {
                        let since = since.unwrap_or(Timestamp::MIN);
                        linked.entry(visitor).and_modify(|last| *last = since.max(*last)).or_insert(since);
                    }
                    Kind::VisitorCut { visitor, from } => {
                        cut.entry(visitor).and_modify(|last| *last = (*from).max(*last)).or_insert(*from);
                    }
                    Kind::MailSent { owner: Some(owner), .. } | Kind::SalesAnswered { owner, .. } => {
                        traces.owners.insert(owner.clone());
                    }
                    Kind::AttributeSet { name, value } if name == "email" => traces.addresses.extend(Address::parse(value).ok()),
                    other => traces.addresses.extend(other.address().cloned()),
                }
            }
        }
        for visitor in linked.keys().chain(cut.keys()) {
            let lost = cut.get(visitor).filter(|from| linked.get(visitor).is_none_or(|since| since < *from));
            traces.visitors.insert((*visitor).clone(), lost.copied());
        }
        traces
    }

    /// Whether a text names the person.
    fn are_in(&self, text: &str, lead: &LeadId) -> bool {
        let text = text.to_ascii_lowercase();
        let named = |part: &str| text.contains(&part.to_ascii_lowercase());
        named(lead.as_str())
            || self.addresses.iter().any(|address| named(address.as_str()))
            || self.visitors.keys().any(|visitor| named(visitor.as_str()))
    }
}

impl LeadItem {
    /// The mark that stands in a lead's place while it is being erased: it says nothing of the person, and is due.
    fn erased(lead: &LeadId, before: Option<&Self>, traces: &Traces, now: Timestamp) -> Self {
        let mut mark = Self { erased: Some(now), next_review: Some(now), ..Self::mark(lead, before) };
        let known: BTreeSet<VisitorId> = mark.visitors.iter().map(|known| known.visitor.clone()).collect();
        let own = traces.visitors.iter().filter(|(visitor, lost)| lost.is_none() && !known.contains(*visitor));
        let own = own.map(|(visitor, _)| SettlingVisitor { visitor: visitor.clone(), linked: now, settled: true });
        mark.visitors.extend(own);
        mark
    }

    /// When everything of a lead that is marked is deleted for the last time.
    fn erased_again(&self) -> Timestamp {
        self.erased.and_then(|began| began.checked_add(AGAIN).ok()).unwrap_or(Timestamp::MAX)
    }
}

impl Store {
    /// Marks a lead as being erased, if it still is as it was read: from this commit on nothing is decided about it, and
    /// `score` deletes everything of it even if nobody else does. `suppress`: the keyed hashes of addresses to which nothing
    /// may be sent any more.
    ///
    /// # Errors
    /// If it is not known to be marked; says to read again if the lead was saved meanwhile.
    pub async fn begin_erasure(
        &self,
        lead: &LeadId,
        before: Option<&LeadItem>,
        suppress: &[String],
        now: Timestamp,
    ) -> Result<LeadItem, Error> {
        let why = Suppression { why: SuppressedBy::Erasure, at: now };
        for hash in suppress {
            let put = self.client.put_item().table_name(&*self.leads).set_item(Some(mailing::suppressed_item(hash, &why)?));
            let put = put.condition_expression("attribute_not_exists(pk)").return_consumed_capacity(CAPACITY);
            match put.send().await {
                // It is suppressed already, for a reason of its own.
                Err(error) if condition_failed(&error) => {}
                done => done.map(|_| ()).map_err(failed("an address cannot be suppressed"))?,
            }
        }
        let traces = Traces::of(&self.log(&LogOwner::Lead(lead.clone())).await?);
        let mark = LeadItem::erased(lead, before, &traces, now);
        self.put_lead(&mark, before).await?;
        Ok(mark)
    }

    /// Deletes everything of a lead that is marked, but for the mark, and of the leads that were merged into it. `owners`: who
    /// may have been told of it, beside those its log names. A repeat deletes what came in between.
    ///
    /// # Errors
    /// If anything is not known to be deleted; a repeat goes on.
    pub async fn erase(
        &self,
        mark: &LeadItem,
        owners: &BTreeSet<OwnerId>,
        hash: impl Fn(&Address) -> String,
        now: Timestamp,
    ) -> Result<Erased, Error> {
        let (mut erased, mut marks) = (Erased::default(), vec![mark.clone()]);
        while let Some(mark) = marks.pop() {
            marks.extend(self.wipe(&mark, owners, &hash, now, &mut erased).await?);
        }
        Ok(erased)
    }

    /// Deletes everything of one lead that is marked. Answers the marks of those that were merged into it: each of them is
    /// erased by itself from now on.
    async fn wipe(
        &self,
        mark: &LeadItem,
        owners: &BTreeSet<OwnerId>,
        hash: impl Fn(&Address) -> String,
        now: Timestamp,
        erased: &mut Erased,
    ) -> Result<Vec<LeadItem>, Error> {
        let lead = &mark.lead;
        let log = self.log(&LogOwner::Lead(lead.clone())).await?;
        let mut traces = Traces::of(&log);
        traces.owners.extend(owners.iter().cloned());
        for visitor in &mark.visitors {
            traces.visitors.entry(visitor.visitor.clone()).or_insert(None);
        }
        let mut merged = Vec::new();
        for other in &traces.merged {
            merged.extend(self.erase_merged(other, now).await?);
        }
        // What is not moved yet is still the other's.
        let names: Vec<&LeadId> = std::iter::once(lead).chain(&traces.merged).collect();
        let last = now >= mark.erased_again();
        // The log goes last: it names everything else.
        for hash in traces.addresses.iter().map(hash) {
            erased.others += self.delete_if(keys::key(keys::address(&hash), keys::ADDRESS), &names).await?;
            self.delete_all(&self.leads, limits::counts(ADDRESS_LIMITS, &hash, now).collect()).await?;
        }
        for (visitor, until) in &traces.visitors {
            self.mark_visitor(visitor, &names).await?;
            erased.records += self.erase_visitor(visitor, *until, now).await?;
            if last {
                self.delete_if(keys::key(keys::visitor(visitor), keys::VISITOR), &names).await?;
            }
        }
        for owner in &traces.owners {
            erased.messages += self.erase_told(owner, lead).await?;
        }
        erased.others += self.erase_quarantine(&traces, lead, now).await?;
        let notes = traces.owners.iter().flat_map(|owner| {
            let lists = std::iter::once(None).chain(traces.lists.iter().cloned().map(Some));
            lists.map(|list| Ready { owner: owner.clone(), lead: lead.clone(), list })
        });
        self.told(&notes.collect::<Vec<_>>()).await?;
        let beside = self.keys_of(&self.leads, &keys::lead(lead)).await?;
        let (messages, others): (Vec<Item>, Vec<Item>) =
            beside.into_iter().filter(|key| sk(key) != keys::LEAD).partition(|key| sk(key).starts_with("message#"));
        erased.messages += messages.len();
        erased.others += others.len();
        self.delete_all(&self.leads, [messages, others].concat()).await?;
        let records = self.keys_of(&self.activities, &keys::lead(lead)).await?;
        erased.records += records.len();
        self.delete_all(&self.activities, records).await?;
        Ok(merged)
    }

    /// Marks a lead that was merged into one that is being erased; none: it is marked already, or gone.
    async fn erase_merged(&self, lead: &LeadId, now: Timestamp) -> Result<Option<LeadItem>, Error> {
        loop {
            let Some(before) = self.lead(lead).await?.filter(|item| item.erased.is_none()) else { return Ok(None) };
            match self.begin_erasure(lead, Some(&before), &[], now).await {
                // What still arrives for it was moved just now.
                Err(error) if error.retry == Retry::Reread => {}
                done => return done.map(Some),
            }
        }
    }

    /// Ends an erasure whose time has come, or puts its repeat off until then; whether it is over.
    ///
    /// # Errors
    /// If that is not known; says to read again if the mark was changed meanwhile.
    pub async fn end_erasure(&self, mark: &LeadItem, now: Timestamp) -> Result<bool, Error> {
        let again = mark.erased_again();
        if now < again {
            let later = LeadItem { revision: mark.revision + 1, next_review: Some(again), ..mark.clone() };
            return self.put_lead(&later, Some(mark)).await.map(|()| false);
        }
        let call = self.client.delete_item().table_name(&*self.leads);
        let call = call.set_key(Some(keys::key(keys::lead(&mark.lead), keys::LEAD)));
        let call = call.condition_expression("revision = :r").expression_attribute_values(":r", keys::number(mark.revision));
        match call.return_consumed_capacity(CAPACITY).send().await {
            // Somebody else has ended it.
            Err(error) if condition_failed(&error) => Ok(true),
            done => done.map(|_| true).map_err(failed("an erasure cannot be ended")),
        }
    }

    /// Deletes an address or a browser if it is that of one of these leads; how many there were.
    async fn delete_if(&self, key: Item, leads: &[&LeadId]) -> Result<usize, Error> {
        for some in leads.chunks(NAMES) {
            let (condition, values) = one_of(some);
            let call = self.client.delete_item().table_name(&*self.leads).set_key(Some(key.clone()));
            let call = call.condition_expression(condition).expression_attribute_names("#lead", keys::LEAD);
            let call = call.set_expression_attribute_values(Some(values));
            match call.return_consumed_capacity(CAPACITY).send().await {
                Err(error) if condition_failed(&error) => {}
                done => return done.map(|_| 1).map_err(failed("a key cannot be deleted")),
            }
        }
        Ok(0)
    }

    /// Has nothing kept of what this browser sends, if it is that of one of these leads.
    async fn mark_visitor(&self, visitor: &VisitorId, leads: &[&LeadId]) -> Result<(), Error> {
        for some in leads.chunks(NAMES) {
            let (condition, values) = one_of(some);
            let call = self.client.update_item().table_name(&*self.leads);
            let call = call
                .set_key(Some(keys::key(keys::visitor(visitor), keys::VISITOR)))
                .update_expression("SET erased = :yes")
                .condition_expression(condition)
                .expression_attribute_names("#lead", keys::LEAD)
                .set_expression_attribute_values(Some(values))
                .expression_attribute_values(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true));
            match call.return_consumed_capacity(CAPACITY).send().await {
                Err(error) if condition_failed(&error) => {}
                done => return done.map(|_| ()).map_err(failed("a browser cannot be marked")),
            }
        }
        Ok(())
    }

    /// Deletes what a browser's own log holds of the person: all, or what was before it became somebody else's.
    async fn erase_visitor(&self, visitor: &VisitorId, until: Option<Timestamp>, now: Timestamp) -> Result<usize, Error> {
        let pk = keys::visitor(visitor);
        let query = self.client.query().table_name(&*self.activities).consistent_read(true);
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", keys::text(&pk));
        let mine = |item: Item| {
            let at = records::from_item(item.clone()).map(|(_, record)| record.at).ok();
            Ok((until.is_none() || at.is_none() || at < until).then(|| keys::key(&pk, sk(&item))))
        };
        let records: Vec<Item> = self.query(query, usize::MAX, mine).await?.into_iter().flatten().collect();
        let count = records.len();
        self.delete_all(&self.activities, records).await?;
        if until.is_none() {
            let waiting = self.keys_of(&self.leads, &pk).await?;
            let waiting = waiting.into_iter().filter(|key| sk(key) != keys::VISITOR);
            self.delete_all(&self.leads, waiting.chain(limits::counts(LIMITS, visitor.as_str(), now)).collect()).await?;
        }
        Ok(count)
    }

    /// Deletes what somebody in sales was told of the lead, and its line in summaries.
    async fn erase_told(&self, owner: &OwnerId, lead: &LeadId) -> Result<usize, Error> {
        let mut gone = Vec::new();
        for message in self.messages_to(owner).await? {
            if message.lead.as_ref() == Some(lead) {
                gone.push(keys::key(keys::owner(owner), keys::message(&message.id)));
            } else if let Content::Summary(summary) = &message.content
                && summary.leads.iter().any(|line| line.lead == *lead)
            {
                let mut summary = summary.clone();
                summary.leads.retain(|line| line.lead != *lead);
                let after = Message { content: Content::Summary(summary), revision: message.revision + 1, ..message.clone() };
                self.move_message(&message, &after).await?;
            }
        }
        let count = gone.len();
        self.delete_all(&self.leads, gone).await.map(|()| count)
    }

    async fn erase_quarantine(&self, traces: &Traces, lead: &LeadId, now: Timestamp) -> Result<usize, Error> {
        let today = now.to_zoned(TimeZone::UTC).date();
        let mut gone = Vec::new();
        for ago in 0..=QUARANTINE_DAYS {
            let day = keys::quarantine(today.saturating_sub(Span::new().days(ago)));
            for poison in self.poison_of(day).await? {
                if traces.are_in(&poison.payload, lead) {
                    gone.push(keys::key(poison.day, poison.id));
                }
            }
        }
        let count = gone.len();
        self.delete_all(&self.leads, gone).await.map(|()| count)
    }

    /// The keys in a partition.
    async fn keys_of(&self, table: &str, pk: &str) -> Result<Vec<Item>, Error> {
        let query = self.client.query().table_name(table).consistent_read(true).projection_expression("pk, sk");
        let query = query.key_condition_expression("pk = :pk").expression_attribute_values(":pk", keys::text(pk));
        self.query(query, usize::MAX, |item| Ok(keys::key(pk, sk(&item)))).await
    }

    pub(super) async fn delete_all(&self, table: &str, all: Vec<Item>) -> Result<(), Error> {
        let request = |key: &Item| DeleteRequest::builder().set_key(Some(key.clone())).build().map_err(unbuilt);
        for some in all.chunks(BATCH) {
            let requests = some.iter().map(|key| Ok(WriteRequest::builder().delete_request(request(key)?).build()));
            let mut left: Vec<WriteRequest> = requests.collect::<Result<_, Error>>()?;
            let mut pauses = PAUSES.into_iter();
            while !left.is_empty() {
                let call = self.client.batch_write_item().request_items(table, left).return_consumed_capacity(CAPACITY);
                let answer = call.send().await.map_err(failed("items cannot be deleted"))?;
                left = answer.unprocessed_items.unwrap_or_default().remove(table).unwrap_or_default();
                if !left.is_empty() {
                    let pause = pauses.next().ok_or_else(|| Error::later("items cannot be deleted: too many at once"))?;
                    tokio::time::sleep(pause).await;
                }
            }
        }
        Ok(())
    }
}

/// The condition that an item is that of one of these leads.
fn one_of(leads: &[&LeadId]) -> (String, Item) {
    let name = |place: usize| format!(":lead{place}");
    let names: Vec<String> = (0..leads.len()).map(name).collect();
    let values = names.iter().cloned().zip(leads.iter().map(|lead| keys::text(lead.as_str()))).collect();
    (format!("#lead IN ({})", names.join(", ")), values)
}

fn sk(item: &Item) -> &str {
    item.get(keys::SK).and_then(|sk| sk.as_s().ok()).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::{Proof, Record};
    use crate::id::ActivityId;

    #[test]
    fn a_log_names_whatever_goes_with_it() {
        let at: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let (own, lost) = (VisitorId::parse("own").unwrap(), VisitorId::parse("lost").unwrap());
        let ann = Address::parse("Ann@example.com").unwrap();
        let back = VisitorId::parse("back").unwrap();
        let linked = |visitor: &VisitorId, since| Kind::VisitorLinked { visitor: visitor.clone(), proof: Proof::First, since };
        let other = LeadId::derive(&["another"]);
        let kinds = [
            linked(&back, Some(at)),
            linked(&own, None),
            linked(&lost, None),
            Kind::VisitorCut { visitor: lost.clone(), from: at },
            linked(&back, None),
            Kind::VisitorCut { visitor: back.clone(), from: at },
            Kind::Merged { lead: other.clone(), letters: vec![] },
            Kind::Identified { address: Some(ann.clone()), traits: BTreeMap::new(), proof: Proof::Claimed, token: None },
        ];
        let record = |n: usize, kind: &Kind| Record::decision(ActivityId::derive(&[&n.to_string()]), at, kind.clone());
        let records = kinds.iter().enumerate().map(|(n, kind)| record(n, kind)).collect();
        let lead = LeadId::derive(&["ann"]);
        let traces = Traces::of(&Log { owner: LogOwner::Lead(lead.clone()), records });
        assert_eq!(traces.addresses, BTreeSet::from([ann]));
        assert_eq!(traces.visitors, BTreeMap::from([(own, None), (lost, Some(at)), (back, None)]));
        assert_eq!(traces.merged, BTreeSet::from([other]));
        for (text, wanted) in [("to ann@EXAMPLE.com", true), ("by own", true), (lead.as_str(), true), ("bob@example.com", false)]
        {
            assert_eq!(traces.are_in(text, &lead), wanted, "{text}");
        }
    }
}
