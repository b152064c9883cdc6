//! Every key and attribute name of both tables, and how an item gets them.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;

use super::super::Error;
use crate::activity::LogOwner;
use crate::id::{
    ActivityId, BroadcastId, EnrollmentId, FactId, ImportId, LeadId, MessageId, OwnerId, PlaybookVersion, ScenarioId, VisitorId,
};
use crate::lead::Stage;

/// Partition key of both tables.
pub(super) const PK: &str = "pk";
/// Sort key of both tables.
pub(super) const SK: &str = "sk";
/// Version of the form in which an item is stored.
pub(super) const FORM: &str = "v";
/// Second since 1970 after which DynamoDB may delete the item.
pub(super) const TTL: &str = "ttl";
/// On a record: `score` shall look; says whether a wake item owes it, see [`WAKE_HINT`].
pub(super) const WAKE: &str = "wake";
/// On an item of Leads: the stream starts something for it; `message` or `fact`, removed by the first claim.
pub(super) const HINT: &str = "hint";
/// Partition of the due index: function, priority, shard.
pub(super) const DUE_PART: &str = "due_part";
/// When the item is due; sort key of the due index.
pub(super) const DUE_AT: &str = "due_at";
/// Partition of the rank index: epoch, stage, shard.
pub(super) const RANK_PART: &str = "rank_part";
/// Rank in steps of a quarter; sort key of the rank index.
pub(super) const RANK: &str = "rank";

/// The index of what is due.
pub(super) const DUE_INDEX: &str = "due";
/// The index of leads by rank.
pub(super) const RANK_INDEX: &str = "rank";

/// The present version of the form in which items are stored.
const PRESENT_FORM: u8 = 1;
/// The value of `wake` that owes nothing: the record is looked at as soon as the stream brings it. Every other value is
/// the sort key of the wake item that owes the work.
pub(super) const WAKE_HINT: &str = "hint";

/// Sort keys that are the same in every partition of their kind.
pub(super) const LEAD: &str = "lead";
pub(super) const VISITOR: &str = "visitor";
pub(super) const ADDRESS: &str = "address";
pub(super) const TOKEN: &str = "token";
pub(super) const LIMIT: &str = "limit";
pub(super) const CURRENT: &str = "current";
pub(super) const MAILING: &str = "mailing";
pub(super) const PACE: &str = "pace";
pub(super) const ABOUT: &str = "about";
pub(super) const PROPOSAL: &str = "proposal";
pub(super) const DERIVATION: &str = "derivation";

/// Partition key of what mails came to, and the sort key of the watch over it.
pub(super) const MAIL: &str = "mail";
pub(super) const WATCH: &str = "watch";

/// On an owner's mailing item: why nothing may be sent; and the sort key that says so of an address.
pub(super) const SUPPRESSED: &str = "suppressed";
/// On a lead's item: the lead is being erased.
pub(super) const ERASED: &str = "erased";
/// On a lead's item: the lead was merged into another.
pub(super) const MERGED: &str = "merged";
/// On a lane of the pace: until when its mail is booked.
pub(super) const FREE_AT: &str = "free_at";

/// The partition of the due index where work lies that a person must look at. Nobody sweeps it.
pub(super) const HELD: &str = "held";
/// The partition of the due index where enrollments lie that fell due while they were paused. Nobody sweeps it.
pub(super) const PAUSED: &str = "paused";

/// Partition key of what is said of scenarios beside the playbook; a sort key is a scenario's id.
pub(super) const SCENARIOS: &str = "scenario#all";
/// What the sort keys of enrollments begin with.
pub(super) const ENROLLMENT_PREFIX: &str = "enrollment#";

/// Partition key of all lists that were imported; a sort key is a list's id.
pub(super) const IMPORTS: &str = "import#all";
/// What the sort keys begin with that name the leads of a list.
pub(super) const MEMBERS_PREFIX: &str = "leads#";
/// What the sort keys begin with that name those whom a list made ready and who are not told yet.
pub(super) const READY_PREFIX: &str = "ready#";

const WAKE_PREFIX: &str = "wake#";

/// An item as the SDK takes and gives it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The functions that sweep the due index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// Scores leads.
    Score,
    /// Advances scenarios.
    Step,
    /// Sends mail.
    Notify,
    /// Publishes facts.
    Relay,
}

/// What can be due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Work {
    /// An activity that must be scored.
    Wake,
    /// A lead whose answers end.
    Review,
    /// The judging of all leads by a playbook that has gone live.
    Derivation,
    /// A lead under way in a scenario.
    Step,
    /// A message that sales waits for.
    Alert,
    /// Any other message.
    Mail,
    /// A fact to publish.
    Fact,
}

impl Function {
    /// What the function sweeps, most urgent first.
    #[must_use]
    pub fn work(self) -> &'static [Work] {
        match self {
            Self::Score => &[Work::Wake, Work::Review, Work::Derivation],
            Self::Step => &[Work::Step],
            Self::Notify => &[Work::Alert, Work::Mail],
            Self::Relay => &[Work::Fact],
        }
    }
}

impl Work {
    /// Shards of the work. A sweep asks each of them once a minute: two of each kind, one of facts, which are few and gone
    /// at once, and one of the re-derivation, of which there is but one, are twelve queries.
    fn shards(self) -> u32 {
        match self {
            Self::Wake | Self::Review | Self::Step | Self::Alert | Self::Mail => 2,
            Self::Derivation | Self::Fact => 1,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Wake => "score.0",
            Self::Review => "score.1",
            Self::Derivation => "score.2",
            Self::Step => "step.0",
            Self::Alert => "notify.0",
            Self::Mail => "notify.1",
            Self::Fact => "relay.0",
        }
    }

    /// The partitions of the due index that hold this work.
    pub(super) fn parts(self) -> impl Iterator<Item = String> {
        (0..self.shards()).map(move |shard| format!("{}.{shard}", self.prefix()))
    }

    /// The partition of the due index in which an item of this partition key is due.
    pub(super) fn part(self, pk: &str) -> String {
        format!("{}.{}", self.prefix(), shard(pk, self.shards()))
    }
}

const RANK_SHARDS: u32 = 4;

/// The partitions of the rank index that hold a stage.
pub(super) fn rank_parts(epoch: &str, stage: Stage) -> impl Iterator<Item = String> {
    (0..RANK_SHARDS).map(move |shard| format!("{epoch}.{stage}.{shard}"))
}

/// The partitions of the rank index that hold all leads of an epoch.
pub(super) fn epoch_parts(epoch: &str) -> impl Iterator<Item = String> {
    Stage::ALL.into_iter().flat_map(move |stage| rank_parts(epoch, stage))
}

/// The partition of the rank index for a lead.
pub(super) fn rank_part(epoch: &str, stage: Stage, pk: &str) -> String {
    format!("{epoch}.{stage}.{}", shard(pk, RANK_SHARDS))
}

/// FNV-1a: the same on every machine and in every version, which the standard library does not promise of its own hashes.
pub(super) fn shard(pk: &str, shards: u32) -> u32 {
    let hash = pk.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % shards
}

/// An instant as it stands in keys: always as wide, so that text sorts as time does.
pub(super) fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Partition key of a lead, in both tables.
pub(super) fn lead(id: &LeadId) -> String {
    format!("lead#{id}")
}

/// The lead in a partition key.
pub(super) fn lead_of(pk: &str) -> Option<LeadId> {
    LeadId::parse(pk.strip_prefix("lead#")?).ok()
}

/// Partition key of a visitor, in both tables.
pub(super) fn visitor(id: &VisitorId) -> String {
    format!("visitor#{id}")
}

/// Partition key of what concerns somebody in sales.
pub(super) fn owner(id: &OwnerId) -> String {
    format!("owner#{id}")
}

/// Partition key of an address, by its keyed hash.
pub(super) fn address(hash: &str) -> String {
    format!("address#{hash}")
}

/// Partition key of a one-use token.
pub(super) fn token(id: &str) -> String {
    format!("token#{id}")
}

/// Partition key of a counter.
pub(super) fn limit(kind: &str, hash: &str, day: jiff::civil::Date) -> String {
    format!("limit#{kind}#{hash}#{day}")
}

/// Partition key of a day's poison.
pub(super) fn quarantine(day: jiff::civil::Date) -> String {
    format!("quarantine#{day}")
}

/// Partition key of a playbook's version.
pub(super) fn playbook(version: &PlaybookVersion) -> String {
    format!("playbook#{version}")
}

/// Partition key of the pointer to the live playbook.
pub(super) const LIVE_PLAYBOOK: &str = "playbook#live";

/// Partition key of every move of that pointer.
pub(super) const PLAYBOOK_HISTORY: &str = "playbook#history";
/// Partition key of the re-derivation.
pub(super) const DERIVATION_PK: &str = "playbook#derivation";
/// Partition key of those whom a playbook made ready and who are not told yet.
pub(super) const READY: &str = "playbook#ready";

/// Partition key of the broadcasts.
pub(super) const BROADCASTS: &str = "broadcast#all";

/// Partition key of whom a broadcast goes to.
pub(super) fn broadcast(id: &BroadcastId) -> String {
    format!("broadcast#{id}")
}

/// What the sort keys of a broadcast's recipients begin with.
pub(super) fn recipients(digest: &str) -> String {
    format!("recipients#{digest}#")
}

/// What the sort keys of a playbook's parts begin with.
pub(super) const PART_PREFIX: &str = "part#";

/// Sort key of a part of a playbook; three digits, so that parts sort.
pub(super) fn part(number: usize) -> String {
    format!("{PART_PREFIX}{number:03}")
}

/// What the sort keys of a playbook's packed files begin with.
pub(super) fn sources(digest: &str) -> String {
    format!("source#{digest}#")
}

/// Sort key of a part of a playbook's packed files.
pub(super) fn source(digest: &str, number: usize) -> String {
    format!("{}{number:03}", sources(digest))
}

/// Sort key of a mail's text and HTML, which lie with the playbook's version.
pub(super) fn mail(digest: &str) -> String {
    format!("mail#{digest}")
}

/// Sort key of a move of the pointer to the live playbook.
pub(super) fn moved(at: Timestamp, revision: u64) -> String {
    format!("{}#{revision:06}", instant(at))
}

/// Partition key of what belongs to a list that was imported.
pub(super) fn import(id: &ImportId) -> String {
    format!("import#{id}")
}

/// Sort key of a part of a list's leads.
pub(super) fn members(part: u32) -> String {
    format!("{MEMBERS_PREFIX}{part:05}")
}

/// Sort key of a lead that a playbook made ready.
pub(super) fn ready(owner: &OwnerId, lead: &LeadId) -> String {
    format!("{owner}#{lead}")
}

/// The owner and the lead in such a sort key.
pub(super) fn ready_of(sk: &str) -> Option<(OwnerId, LeadId)> {
    let (owner, lead) = sk.split_once('#')?;
    Some((OwnerId::parse(owner).ok()?, LeadId::parse(lead).ok()?))
}

/// Partition key of a log.
pub(super) fn log(owner: &LogOwner) -> String {
    match owner {
        LogOwner::Lead(id) => lead(id),
        LogOwner::Visitor(id) => visitor(id),
    }
}

/// Whose log a partition key names.
pub(super) fn log_owner(pk: &str) -> Option<LogOwner> {
    match pk.split_once('#')? {
        ("lead", id) => LeadId::parse(id).ok().map(LogOwner::Lead),
        ("visitor", id) => VisitorId::parse(id).ok().map(LogOwner::Visitor),
        _ => None,
    }
}

/// Sort key of a record: the sender's own time, then the id of its first activity.
pub(super) fn record(sent: Timestamp, id: &ActivityId) -> String {
    format!("{}#{id}", instant(sent))
}

/// The time and the id in a record's sort key.
pub(super) fn record_of(sk: &str) -> Option<(Timestamp, ActivityId)> {
    let (sent, id) = sk.split_once('#')?;
    Some((sent.parse().ok()?, ActivityId::parse(id).ok()?))
}

/// Sort key of the wake item that an activity owes.
pub(super) fn wake(activity: &ActivityId) -> String {
    format!("{WAKE_PREFIX}{activity}")
}

/// The activity in a wake item's sort key.
pub(super) fn wake_of(sk: &str) -> Option<ActivityId> {
    ActivityId::parse(sk.strip_prefix(WAKE_PREFIX)?).ok()
}

/// Sort key of a message.
pub(super) fn message(id: &MessageId) -> String {
    format!("message#{id}")
}

/// Sort key of an enrollment.
pub(super) fn enrollment(scenario: &ScenarioId, id: &EnrollmentId) -> String {
    format!("{ENROLLMENT_PREFIX}{scenario}#{id}")
}

/// The scenario and the enrollment in such a sort key.
pub(super) fn enrollment_of(sk: &str) -> Option<(ScenarioId, EnrollmentId)> {
    let (scenario, id) = sk.strip_prefix(ENROLLMENT_PREFIX)?.split_once('#')?;
    Some((ScenarioId::parse(scenario).ok()?, EnrollmentId::parse(id).ok()?))
}

/// Sort key of a fact.
pub(super) fn fact(id: &FactId) -> String {
    format!("fact#{id}")
}

/// What every wake item's sort key begins with.
pub(super) fn wakes() -> AttributeValue {
    text(WAKE_PREFIX)
}

/// Sort key of what mails came to on a day, in a shard of one digit.
pub(super) fn outcomes(day: jiff::civil::Date, shard: u32) -> String {
    format!("day#{day}#{shard}")
}

/// The day in such a sort key.
pub(super) fn outcome_day(item: &Item) -> Option<jiff::civil::Date> {
    item.get(SK)?.as_s().ok()?.strip_prefix("day#")?.split('#').next()?.parse().ok()
}

/// A text attribute.
pub(super) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The time to live that ends at this instant.
pub(super) fn ttl(ends: Timestamp) -> AttributeValue {
    number(ends.as_second())
}

/// The primary key of an item.
pub(super) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([(PK.to_owned(), text(pk)), (SK.to_owned(), text(sk))])
}

/// An item under its key, in the present form. What is in the key need not be in `body`.
///
/// # Errors
/// If `body` is something that an item cannot hold.
pub(super) fn item(pk: impl Into<String>, sk: impl Into<String>, body: &impl Serialize) -> Result<Item, Error> {
    let mut item: Item = serde_dynamo::to_item(body).map_err(|error| Error::never(format!("this cannot be stored: {error}")))?;
    item.extend(key(pk, sk));
    item.insert(FORM.to_owned(), number(PRESENT_FORM));
    Ok(item)
}

/// Makes an item due: puts it into the due index.
pub(super) fn set_due(item: &mut Item, work: Work, at: Timestamp) {
    let part = work.part(item.get(PK).and_then(|pk| pk.as_s().ok()).map_or("", String::as_str));
    item.insert(DUE_PART.to_owned(), text(part));
    item.insert(DUE_AT.to_owned(), text(instant(at)));
}

/// Puts an item into a partition of the due index that nobody sweeps.
pub(super) fn lie_in(item: &mut Item, part: &str, at: Timestamp) {
    item.insert(DUE_PART.to_owned(), text(part));
    item.insert(DUE_AT.to_owned(), text(instant(at)));
}

/// Fields that are nowhere but in an item's key: how serde writes them there and finds them again.
macro_rules! in_key {
    ($($name:ident: $type:ty, $write:expr, $read:expr;)*) => {$(
        pub(super) mod $name {
            use super::*;
            use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

            pub(in super::super) fn serialize<S: Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&$write(value))
            }

            pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let text = String::deserialize(from)?;
                $read(&text).ok_or_else(|| D::Error::custom("the item's key is none of its kind"))
            }
        }
    )*};
}

in_key! {
    lead_in_pk: LeadId, lead, lead_of;
    visitor_in_pk: VisitorId, visitor, |pk: &str| pk.strip_prefix("visitor#").and_then(|id| VisitorId::parse(id).ok());
    log_in_pk: LogOwner, log, log_owner;
    wake_in_sk: ActivityId, wake, wake_of;
    import_in_sk: ImportId, ImportId::to_string, |sk: &str| ImportId::parse(sk).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_in_keys_are_always_as_wide() {
        for (given, wanted) in [
            ("2026-11-22T00:52:00Z", "2026-11-22T00:52:00.000Z"),
            ("2026-11-22T00:52:00.1Z", "2026-11-22T00:52:00.100Z"),
            ("2026-11-22T00:52:00.123999Z", "2026-11-22T00:52:00.123Z"),
        ] {
            assert_eq!(instant(given.parse().unwrap()), wanted);
        }
    }

    #[test]
    fn a_records_key_says_when_and_which() {
        let (sent, id) = ("2026-11-22T00:52:00.5Z".parse().unwrap(), ActivityId::parse("m-1").unwrap());
        let sk = record(sent, &id);
        assert_eq!(sk, "2026-11-22T00:52:00.500Z#m-1");
        assert_eq!(record_of(&sk), Some((sent, id)));
        assert_eq!(record_of("lead"), None);
    }

    #[test]
    fn a_logs_key_says_whose() {
        for owner in [LogOwner::Lead(LeadId::parse("l").unwrap()), LogOwner::Visitor(VisitorId::parse("v").unwrap())] {
            assert_eq!(log_owner(&log(&owner)), Some(owner));
        }
        assert_eq!(log_owner("owner#ann"), None);
        assert_eq!(log_owner("lead#"), None);
    }

    #[test]
    fn an_item_is_due_in_a_partition_that_is_swept() {
        let functions = [Function::Score, Function::Step, Function::Notify, Function::Relay];
        for n in 0..20 {
            let pk = lead(&LeadId::derive(&[&n.to_string()]));
            for work in functions.into_iter().flat_map(Function::work) {
                assert!(work.parts().any(|part| part == work.part(&pk)));
            }
            assert!(rank_parts("e", Stage::Mql).any(|part| part == rank_part("e", Stage::Mql, &pk)));
        }
    }

    #[test]
    fn all_sweeps_together_are_at_most_twelve_queries() {
        let functions = [Function::Score, Function::Step, Function::Notify, Function::Relay];
        let queries = functions.into_iter().flat_map(Function::work).flat_map(|work| work.parts()).count();
        assert_eq!(queries, 12);
    }
}
