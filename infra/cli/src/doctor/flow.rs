//! Whether work is done: streams and schedules, what waits, what is held, what was given up.

use std::collections::BTreeMap;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use michi::consent::SuppressedBy;
use michi::io::store::Function;
use michi::mail::bounce::Fault;
use michi::mail::outcome::{DAYS, Why};
use serde::Deserialize;
use serde_json::{Value, json};

use super::metrics::{self, Sum};
use super::{Check, Patient};
use crate::call::{Call, Service};
use crate::failures::STREAMED;
use crate::shown::counted;

/// Work that has waited longer than this is late: a sweep comes every minute.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// And longer than this, nobody works.
const STUCK: SignedDuration = SignedDuration::from_mins(30);
/// Within this time a schedule that is alive has started its function many times.
const ALIVE: SignedDuration = SignedDuration::from_mins(15);
/// The functions that work off what is due.
const SWEEPING: [(Function, &str); 4] =
    [(Function::Score, "score"), (Function::Step, "step"), (Function::Notify, "notify"), (Function::Relay, "relay")];
/// The most that is looked at of what is held.
const MOST: usize = 10_000;

pub(super) async fn look(patient: &Patient<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for function in STREAMED {
        checks.push(stream(patient, function).await);
    }
    checks.extend(schedules(patient).await.unwrap_or_else(|error| vec![Check::unseen("schedules", &error)]));
    checks.push(dead_letters(patient).await.unwrap_or_else(|error| Check::unseen("dead letters", &error)));
    checks.push(oldest(patient).await.unwrap_or_else(|error| Check::unseen("oldest work", &error)));
    checks.push(failures(patient).await.unwrap_or_else(|error| Check::unseen("failures", &error)));
    checks.extend(held(patient).await.unwrap_or_else(|error| vec![Check::unseen("held", &error)]));
    checks.extend(stopped(patient).await.unwrap_or_else(|error| vec![Check::unseen("marketing mail", &error)]));
    checks
}

/// Whether mail has stopped by itself.
async fn stopped(patient: &Patient<'_>) -> anyhow::Result<Vec<Check>> {
    let what = "marketing mail";
    let today = patient.now.to_zoned(TimeZone::UTC).date();
    let (store, watch) = (&patient.found.store, patient.found.store.watch().await?);
    let counted = watch.counted(&store.outcomes(today).await?, today);
    let figures = format!(
        "in {DAYS} days {} delivered, {} came back, {} called spam",
        counted.delivered, counted.bounced, counted.complained
    );
    let mut checks = vec![match watch.stopped {
        None => Check::ok(what, figures),
        Some(stopped) => {
            let (why, mend) = match stopped.why {
                Why::Bounces => ("too much of it came back", "take the bad addresses out of the lists that were mailed"),
                Why::Complaints => ("too many readers called it spam", "look at who was mailed, and why they did not expect it"),
                Why::Sender(Fault::Authentication) => {
                    ("mail servers do not believe that it is the sender's", "mend SPF, DKIM and DMARC of the sender's domain")
                }
                Why::Sender(Fault::Reputation) => {
                    ("mail servers refuse the sender for its reputation", "see what they say of it: michi messages --state sent")
                }
            };
            let said = format!("has stopped since {}, because {why}; {figures}", patient.said(stopped.since));
            Check::failed(what, said, format!("{mend}; then: michi messages resume"))
        }
    }];
    for owner in patient.live.iter().flat_map(|live| &live.playbook.setup.owners) {
        if let Some((_, why)) = store.unreachable(&owner.id).await? {
            let why = if why.why == SuppressedBy::Complaint { "it was called spam" } else { "there is no such mailbox" };
            checks.push(Check::failed(
                "mail to sales",
                format!("nothing goes to {}: {why}", owner.id),
                format!("mend the owner's address in playbook.yaml; if it is right: michi messages resume --owner {}", owner.id),
            ));
        }
    }
    Ok(checks)
}

async fn stream(patient: &Patient<'_>, function: &str) -> Check {
    let what = "stream";
    let name = patient.found.function(function);
    let mappings = match patient.found.mappings(function).await {
        Ok(mappings) => mappings,
        Err(error) => return Check::unseen(what, &error),
    };
    let Some(mapping) = mappings.first() else {
        return Check::failed(what, format!("nothing reads a stream for {name}"), "deploy infra/template.yaml again");
    };
    let state = mapping.state.as_deref().unwrap_or("unknown");
    if state != "Enabled" {
        let remedy = format!("enable the event source mapping of {name}; what was written meanwhile waits there for a day");
        return Check::failed(what, format!("the stream's reader for {name} is {state}"), remedy);
    }
    match mapping.last_processing_result.as_deref() {
        Some(problem) if problem.starts_with("PROBLEM") => {
            Check::warning(what, format!("{name}: {problem}"), format!("the logs of {name} say what it failed at"))
        }
        _ => Check::ok(what, format!("is read for {name}")),
    }
}

/// Whether the schedules start their functions, and whether these fail.
async fn schedules(patient: &Patient<'_>) -> anyhow::Result<Vec<Check>> {
    let names = STREAMED.map(|function| patient.found.function(function));
    let of = |metric| names.iter().map(move |name| (name, metric));
    let asked: Vec<Sum<'_>> = of("Invocations")
        .chain(of("Errors"))
        .map(|(name, metric)| Sum { namespace: "AWS/Lambda", name: metric, dimension: ("FunctionName", name), period: 60 })
        .collect();
    let values = metrics::ask(patient.found, &asked, ALIVE, patient.now).await?;
    let (invocations, errors) = values.split_at(names.len().min(values.len()));
    let sum = |values: &metrics::Values| values.iter().map(|(_, value)| value).sum::<f64>();
    let mut checks = Vec::new();
    for ((name, invocations), errors) in names.iter().zip(invocations).zip(errors) {
        let (runs, failed) = (sum(invocations), sum(errors));
        checks.push(match (runs, failed) {
            (0.0, _) => Check::failed(
                "schedule",
                format!("{name} was not started in {} minutes", ALIVE.as_mins()),
                format!(
                    "is its schedule enabled (EventBridge Scheduler)? is its concurrency above 0? Runs are counted in {}",
                    patient.found.account.place()
                ),
            ),
            (_, 0.0) => Check::ok("schedule", format!("{name} was started {runs} times in {} minutes", ALIVE.as_mins())),
            _ => Check::warning(
                "schedule",
                format!("{name} failed {failed} times of {runs} in {} minutes", ALIVE.as_mins()),
                format!("the logs of {name} say what it failed at"),
            ),
        });
    }
    Ok(checks)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Queues {
    #[serde(default)]
    queue_urls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attributes {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// What lies in the stack's queues: all of them are for what could not be delivered.
async fn dead_letters(patient: &Patient<'_>) -> anyhow::Result<Check> {
    const WAITING: &str = "ApproximateNumberOfMessages";
    let what = "dead letters";
    let ask = async |target, body: Value| -> anyhow::Result<Vec<u8>> {
        patient.found.ask(&Call::json(Service::Sqs, target, &body)).await.context("the queues cannot be read")
    };
    let prefix = format!("{}-", patient.found.stack);
    let answer = ask("AmazonSQS.ListQueues", json!({ "QueueNamePrefix": prefix })).await?;
    let queues: Queues = serde_json::from_slice(&answer).context("SQS's answer cannot be read")?;
    for url in queues.queue_urls {
        let asked = json!({ "QueueUrl": url, "AttributeNames": [WAITING] });
        let answer = ask("AmazonSQS.GetQueueAttributes", asked).await?;
        let told: Attributes = serde_json::from_slice(&answer).context("SQS's answer cannot be read")?;
        let letters = told.attributes.get(WAITING).map_or("0", String::as_str);
        if letters != "0" {
            let queue = url.rsplit('/').next().unwrap_or_default();
            let remedy = "read them in SQS: their attributes say what was not delivered and why";
            return Ok(Check::warning(what, format!("{letters} lie in the queue {queue}"), remedy));
        }
    }
    Ok(Check::ok(what, "none"))
}

/// The work that has waited longest.
async fn oldest(patient: &Patient<'_>) -> anyhow::Result<Check> {
    let what = "oldest work";
    let mut oldest: Option<(Timestamp, String)> = None;
    for (function, name) in SWEEPING {
        let first = patient.found.store.waiting(function, patient.now, 1).await?.into_iter().next();
        let first = first.map(|waiting| (waiting.due, patient.found.function(name)));
        oldest = [oldest, first].into_iter().flatten().min();
    }
    let Some((due, name)) = oldest else { return Ok(Check::ok(what, "nothing is overdue")) };
    let said = format!("something for {name} is due since {}", patient.said(due));
    let remedy = format!("the logs of {name} say what keeps it; it is worked off as soon as that is gone");
    Ok(match patient.now.duration_since(due) {
        waited if waited > STUCK => Check::failed(what, said, remedy),
        waited if waited > LATE => Check::warning(what, said, remedy),
        _ => Check::ok(what, said),
    })
}

async fn failures(patient: &Patient<'_>) -> anyhow::Result<Check> {
    let count = patient.found.failures().await?.len();
    Ok(match count {
        0 => Check::ok("failures", "no batch of stream records was given up"),
        _ => Check::warning(
            "failures",
            format!("{} of stream records given up; each is kept for thirty days", counted(count, "batch", "batches")),
            "mend what the logs name, then: michi redrive",
        ),
    })
}

/// What a person must look at.
async fn held(patient: &Patient<'_>) -> anyhow::Result<Vec<Check>> {
    let held = patient.found.store.held(MOST).await?;
    let of = |kind: &str| held.iter().filter(|held| held.key.sk.starts_with(kind)).count();
    let poison = patient.found.store.quarantined(patient.now).await?;
    let suspects = poison.iter().filter(|poison| poison.suspect().is_some()).count();
    let quarantined = poison.len() - suspects;
    let check = |what, count, one, many, remedy: &str| match count {
        0 => Check::ok(what, "none"),
        _ => Check::warning(what, counted(count, one, many), remedy),
    };
    Ok(vec![
        check("held messages", of("message#"), "message waits", "messages wait", "michi messages --state held"),
        check(
            "held steps",
            of("enrollment#"),
            "lead is held in a scenario",
            "leads are held in scenarios",
            "the logs of step say why; mend that, then: michi redrive",
        ),
        check("held facts", of("fact#"), "fact waits", "facts wait", "mend the event bus, then: michi redrive"),
        check("quarantine", quarantined, "payload could not be read", "payloads could not be read", "michi redrive --dry-run"),
        // Spam is no illness; a person among it should be found all the same.
        match suspects {
            0 => Check::ok("suspects", "no form looks like spam"),
            _ => Check::ok("suspects", format!("{} like spam: michi suspects", counted(suspects, "form looks", "forms look"))),
        },
    ])
}
