//! Questions to the tables that no function asks: what the store has no call for, in production for good reason.

use anyhow::Context as _;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use michi::io::store::Suspect;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::Suite;
use crate::dynamo::text;
use crate::template::Index;

/// How long the store keeps a payload in quarantine, in days.
const QUARANTINE_DAYS: i64 = 30;

/// A payload that could not be read.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Poison {
    /// Its id.
    pub(super) id: String,
    /// When it was put aside.
    pub(super) at: Timestamp,
    /// What is wrong with it.
    pub(super) reason: String,
    /// All of it.
    pub(super) payload: String,
}

/// The partitions of an index that hold anything, by name, and how many items each holds.
pub(super) fn partitions(suite: &Suite, index: &str) -> anyhow::Result<Vec<(String, usize)>> {
    let table = &suite.own().settings.leads_table;
    let indexes = suite.wiring().tables.iter().filter(|known| known.name == *table).flat_map(|known| &known.indexes);
    let key = indexes.filter(|known| known.name == index).find_map(|Index { keys, .. }| keys.first());
    let key = key.with_context(|| format!("the template has no index {index}"))?;
    let heads = suite.dynamo().index_heads(table, index)?;
    let names = heads.iter().map(|head| text(head, key).to_owned());
    names
        .map(|name| {
            let query = json!({
                "TableName": table,
                "IndexName": index,
                "Select": "COUNT",
                "KeyConditionExpression": "#key = :name",
                "ExpressionAttributeNames": { "#key": key },
                "ExpressionAttributeValues": { ":name": { "S": name } },
            });
            let pages = suite.dynamo().pages("Query", query);
            let count: u64 = pages
                .map(|page| Ok(page?.get("Count").and_then(|count| count.as_u64()).unwrap_or_default()))
                .sum::<anyhow::Result<u64>>()?;
            Ok((name, usize::try_from(count)?))
        })
        .collect()
}

/// Every item of the table of leads whose sort key begins so, and how many of them could not be read.
pub(super) fn scan<T: DeserializeOwned>(suite: &Suite, sort_key: &str) -> anyhow::Result<(Vec<T>, usize)> {
    let scan = json!({
        "TableName": suite.own().settings.leads_table,
        "FilterExpression": "begins_with(sk, :sk)",
        "ExpressionAttributeValues": { ":sk": { "S": sort_key } },
    });
    let (mut read, mut unreadable) = (Vec::new(), 0);
    for item in suite.dynamo().items("Scan", scan) {
        let item = serde_json::from_value::<serde_dynamo::Item>(item?);
        match item.ok().and_then(|item| serde_dynamo::from_item(item).ok()) {
            Some(item) => read.push(item),
            None => unreadable += 1,
        }
    }
    Ok((read, unreadable))
}

impl Poison {
    /// Whether it is a form that looks like spam: nothing is wrong with it, and a person may let it in.
    pub(super) fn is_suspect(&self) -> bool {
        serde_json::from_str::<Suspect>(&self.payload).is_ok()
    }
}

/// What lies in quarantine, newest first: what could not be read, and what looks like spam.
pub(super) fn quarantine(suite: &Suite) -> anyhow::Result<(Vec<Poison>, Vec<Poison>)> {
    let today = suite.now().to_zoned(TimeZone::UTC).date();
    let mut found = Vec::new();
    for ago in 0..=QUARANTINE_DAYS {
        let day = today.checked_sub(Span::new().days(ago))?;
        let query = json!({
            "TableName": suite.own().settings.leads_table,
            "KeyConditionExpression": "pk = :day",
            "ExpressionAttributeValues": { ":day": { "S": format!("quarantine#{day}") } },
        });
        for item in suite.dynamo().items("Query", query) {
            let item = item?;
            let text = |name| text(&item, name).to_owned();
            found.push(Poison { id: text("sk"), at: text("at").parse()?, reason: text("reason"), payload: text("payload") });
        }
    }
    found.sort_by(|one, other| (other.at, &one.id).cmp(&(one.at, &other.id)));
    Ok(found.into_iter().partition(|poison: &Poison| !poison.is_suspect()))
}
