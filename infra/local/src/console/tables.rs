//! Questions to the tables that no function asks: what the store has no call for, in production for good reason.

use anyhow::{Context as _, ensure};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use michi::io::store::Suspect;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::Suite;
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
            let count = all_pages(
                suite,
                "Query",
                json!({
                    "IndexName": index,
                    "Select": "COUNT",
                    "KeyConditionExpression": "#key = :name",
                    "ExpressionAttributeNames": { "#key": key },
                    "ExpressionAttributeValues": { ":name": { "S": name } },
                }),
            )?;
            let count = count.iter().filter_map(|page| page.get("Count")?.as_u64()).sum::<u64>();
            Ok((name, usize::try_from(count)?))
        })
        .collect()
}

/// Every item of the table of leads whose sort key begins so, and how many of them could not be read.
pub(super) fn scan<T: DeserializeOwned>(suite: &Suite, sort_key: &str) -> anyhow::Result<(Vec<T>, usize)> {
    let pages = all_pages(
        suite,
        "Scan",
        json!({
            "FilterExpression": "begins_with(sk, :sk)",
            "ExpressionAttributeValues": { ":sk": { "S": sort_key } },
        }),
    )?;
    let (mut read, mut unreadable) = (Vec::new(), 0);
    for item in items(&pages) {
        let item = serde_json::from_value::<serde_dynamo::Item>(item.clone());
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
        let pages = all_pages(
            suite,
            "Query",
            json!({
                "KeyConditionExpression": "pk = :day",
                "ExpressionAttributeValues": { ":day": { "S": format!("quarantine#{day}") } },
            }),
        )?;
        for item in items(&pages) {
            let text = |name| text(item, name).to_owned();
            found.push(Poison { id: text("sk"), at: text("at").parse()?, reason: text("reason"), payload: text("payload") });
        }
    }
    found.sort_by(|one, other| (other.at, &one.id).cmp(&(one.at, &other.id)));
    Ok(found.into_iter().partition(|poison: &Poison| !poison.is_suspect()))
}

/// The answers to a question about the table of leads, page by page.
fn all_pages(suite: &Suite, operation: &str, mut request: Value) -> anyhow::Result<Vec<Value>> {
    set(&mut request, "TableName", json!(suite.own().settings.leads_table));
    let mut pages = Vec::new();
    loop {
        let answer = suite.dynamo().call(operation, request.clone());
        ensure!(answer.status == 200, "the table of leads does not answer: {}", answer.body);
        let next = answer.body.get("LastEvaluatedKey").cloned();
        pages.push(answer.body);
        let Some(next) = next else { return Ok(pages) };
        set(&mut request, "ExclusiveStartKey", next);
    }
}

fn set(request: &mut Value, name: &str, value: Value) {
    if let Some(fields) = request.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn items(pages: &[Value]) -> impl Iterator<Item = &Value> {
    pages.iter().filter_map(|page| page.get("Items")?.as_array()).flatten()
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(|value| value.get("S")?.as_str()).unwrap_or_default()
}
