//! What came in lately, and what was refused, by origin, as the logs of `track` have it.

use std::collections::BTreeMap;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use michi::mail::text::cleaned;
use serde::Deserialize;
use serde_json::json;

use super::metrics::{self, Sum};
use super::{Check, Patient};
use crate::call::{Call, Service};

/// How far back is looked, for beacons and for refusals.
const BACK: SignedDuration = SignedDuration::from_hours(24);
/// The origins that are named.
const NAMED: usize = 5;
/// What `track` says of each refusal.
const REFUSED: &str = "refused what was sent";

pub(super) async fn look(patient: &Patient<'_>) -> Vec<Check> {
    let last = last(patient).await.unwrap_or_else(|error| Check::unseen("last beacon", &error));
    let mut checks = vec![last];
    checks.extend(refusals(patient).await.unwrap_or_else(|error| vec![Check::unseen("refusals", &error)]));
    checks
}

/// When anything was last written to a log: within five minutes, by the table's own count.
async fn last(patient: &Patient<'_>) -> anyhow::Result<Check> {
    let (what, table) = ("last beacon", patient.found.settings.activities_table.as_str());
    let written =
        Sum { namespace: "AWS/DynamoDB", name: "ConsumedWriteCapacityUnits", dimension: ("TableName", table), period: 300 };
    let values = metrics::ask(patient.found, &[written], BACK, patient.now).await?;
    let newest = values.iter().flatten().filter(|(_, units)| *units > 0.0).map(|(at, _)| *at).max();
    Ok(match newest {
        Some(at) => Check::ok(what, format!("the logs of visitors were last written to about {}", patient.said(at))),
        None => Check::warning(
            what,
            "nothing was written to a visitor's log in 24 hours",
            "is the snippet in the site's pages? data-debug in its script tag says in the browser what it does",
        ),
    })
}

/// A line of `track`'s log.
#[derive(Deserialize)]
struct Line {
    fields: Fields,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "http.origin")]
    origin: String,
    code: String,
    #[serde(default)]
    messages: u64,
}

/// What was refused of one origin for one reason.
#[derive(Default)]
struct Refused {
    messages: u64,
    last: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Events {
    #[serde(default)]
    events: Vec<Event>,
    #[serde(rename = "nextToken")]
    next: Option<String>,
}

#[derive(Deserialize)]
struct Event {
    timestamp: i64,
    message: String,
}

/// Pages of the log that are read: a search may answer with empty ones.
const PAGES: usize = 20;

async fn refusals(patient: &Patient<'_>) -> anyhow::Result<Vec<Check>> {
    let group = format!("/aws/lambda/{}", patient.found.function("track"));
    let since = patient.now.saturating_sub(BACK)?.as_millisecond();
    let mut refused: BTreeMap<(String, String), Refused> = BTreeMap::new();
    let mut next = None;
    for _ in 0..PAGES {
        let asked =
            json!({ "logGroupName": group, "startTime": since, "filterPattern": format!("\"{REFUSED}\""), "nextToken": next });
        let call = Call::json(Service::Logs, "Logs_20140328.FilterLogEvents", &without_null(asked));
        let answer = match patient.found.account.call(&call).await? {
            Ok(answer) => answer,
            // A function that has never logged has no group.
            Err(refusal) if refusal.code() == "ResourceNotFoundException" => break,
            Err(unanswered) => {
                return Err(patient.found.account.explained(&unanswered).context(format!("the log {group} cannot be read")));
            }
        };
        let page: Events = serde_json::from_slice(&answer).context("the logs' answer cannot be read")?;
        for event in page.events {
            let Ok(line) = serde_json::from_str::<Line>(&event.message) else { continue };
            let at = Timestamp::from_millisecond(event.timestamp).ok();
            let entry = refused.entry((line.fields.origin, line.fields.code)).or_default();
            entry.messages += line.fields.messages.max(1);
            entry.last = entry.last.max(at);
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    if refused.is_empty() {
        return Ok(vec![Check::ok("refusals", "none in 24 hours")]);
    }
    let mut refused: Vec<_> = refused.into_iter().collect();
    refused.sort_by_key(|(_, refusals)| std::cmp::Reverse(refusals.last));
    let more = refused.len().saturating_sub(NAMED);
    let mut checks: Vec<Check> = refused
        .into_iter()
        .take(NAMED)
        .map(|((origin, code), refused)| {
            let last = refused.last.map(|at| patient.said(at)).unwrap_or_default();
            let origin = cleaned(&origin, 100);
            let said = format!("{origin}: {code}, {} in 24 hours, last {last}", refused.messages);
            Check::warning("refusals", said, remedy(&code, &origin))
        })
        .collect();
    if more > 0 {
        checks.push(Check::warning(
            "refusals",
            format!("{more} further kinds"),
            format!("search the log {group} for: {REFUSED}"),
        ));
    }
    Ok(checks)
}

fn without_null(mut body: serde_json::Value) -> serde_json::Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

fn remedy(code: &str, origin: &str) -> String {
    match code {
        "origin_not_listed" => format!("if this site is yours, add {origin} to `sites` in playbook.yaml"),
        "unknown_write_key" => {
            "the snippet's data-key must be the playbook's write_key; a server's key must be in the key ring".to_owned()
        }
        "daily_limit" => "one visitor sends more than a person does: a robot, or a page that sends in a loop".to_owned(),
        "too_large" | "too_many_messages" => "send smaller batches: 32 KB a message, 500 KB a batch".to_owned(),
        _ => "the sender gets the reason with its answer: look at the response in its browser or log".to_owned(),
    }
}
