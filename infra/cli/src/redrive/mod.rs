//! `michi redrive`: what was given up goes in again by the same door.
//!
//! Four things wait for it: batches of stream records in the bucket of failures, payloads in quarantine, facts that the bus
//! refused time and again, and leads whose way through a scenario failed as often. Each is dropped only when the function has taken it, so that a redrive may be broken
//! off and repeated; the functions make of a repeat what they made of the first. Forms that look like spam lie in
//! quarantine too, and stay there: `michi suspects` lets in what is none.

mod poison;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use anyhow::Context as _;
use michi::io::store::Poison;
use serde::Serialize;
use serde_json::{Value, json};

use crate::account::{Installation, Target};
use crate::call::{Call, Service};
use crate::shown::{self, counted};
use poison::Door;

/// What `michi redrive` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct RedriveArgs {
    /// Only say what there is
    #[arg(long)]
    pub dry_run: bool,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// What there was, and what became of it.
#[derive(Debug, Default, Serialize)]
pub struct Redriven {
    dry_run: bool,
    /// Batches in the bucket of failures, payloads in quarantine, held facts and enrollments: oldest failures first.
    lots: Vec<Lot>,
}

/// A batch, a payload, or a fact.
#[derive(Debug, Serialize)]
struct Lot {
    /// Where it lies.
    kind: Kind,
    /// Its name there.
    name: String,
    /// The function that takes it.
    function: Option<String>,
    /// How many records it has.
    records: usize,
    /// How many are still there.
    left: usize,
    /// Why they are, or why it lies here.
    why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Failure,
    Quarantine,
    HeldFact,
    HeldEnrollment,
}

/// The most facts looked for.
const MOST: usize = 10_000;

/// Runs `michi redrive`. The exit code is 1 if something is left.
///
/// # Errors
/// If the installation does not answer. What was taken before that is dropped already.
pub fn run(args: &RedriveArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        let redriven = redrive(args, out).await?;
        Ok(if redriven.is_done() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Hands everything over, and says what became of it.
///
/// # Errors
/// If the installation does not answer.
pub async fn redrive(args: &RedriveArgs, out: &mut dyn Write) -> anyhow::Result<Redriven> {
    let found = args.target.open().await?;
    let mut redriven = Redriven { dry_run: args.dry_run, lots: vec![] };
    for (bucket, key) in found.failures().await? {
        redriven.lots.extend(failure(&found, &bucket, &key, args.dry_run).await?);
    }
    quarantine(&found, args.dry_run, &mut redriven.lots).await?;
    held(&found, args.dry_run, &mut redriven.lots).await?;
    if args.json {
        shown::json(&redriven, out)?
    } else {
        redriven.tell(out)?
    }
    Ok(redriven)
}

/// One object of the bucket.
async fn failure(found: &Installation, bucket: &str, key: &str, dry_run: bool) -> anyhow::Result<Option<Lot>> {
    let lot = |function, records, left, why| Lot { kind: Kind::Failure, name: key.to_owned(), function, records, left, why };
    let batch = match found.batch(bucket, key).await {
        Ok(Some(batch)) => batch,
        Ok(None) => return Ok(None),
        Err(error) => return Ok(Some(lot(None, 1, 1, Some(format!("{error:#}"))))),
    };
    let (function, records) = (Some(batch.function.clone()), batch.records.len());
    if dry_run {
        return Ok(Some(lot(function, records, records, None)));
    }
    if !batch.function.starts_with(&format!("{}-", found.stack)) {
        return Ok(Some(lot(function, records, records, Some("it is another installation's".to_owned()))));
    }
    let (left, why) = hand_over(found, &batch.function, batch.records.clone()).await?;
    let count = left.len();
    if count < records {
        found.keep_of_batch(bucket, key, &batch, left).await?;
    }
    Ok(Some(lot(function, records, count, why)))
}

/// What lies in quarantine.
async fn quarantine(found: &Installation, dry_run: bool, lots: &mut Vec<Lot>) -> anyhow::Result<()> {
    let began = found.now();
    let mut poison = found.store.quarantined(began).await?;
    poison.retain(|poison| poison.suspect().is_none());
    let first = lots.len();
    for poison in &poison {
        let door = Door::of(poison);
        let mut lot = Lot {
            kind: Kind::Quarantine,
            name: poison.id.clone(),
            function: door.function().map(|function| found.function(function)),
            records: 1,
            left: 1,
            why: Some(poison.reason.clone()),
        };
        if !dry_run {
            match put_back(found, poison, door).await? {
                None => (lot.left, lot.why) = (0, None),
                Some(why) => lot.why = Some(why),
            }
        }
        lots.push(lot);
    }
    if dry_run || poison.is_empty() {
        return Ok(());
    }
    // What is unreadable still has come to lie there once more.
    let again: BTreeSet<String> = found
        .store
        .quarantined(found.now())
        .await?
        .into_iter()
        .filter(|poison| poison.at >= began)
        .map(|poison| poison.id)
        .collect();
    for lot in lots.iter_mut().skip(first).filter(|lot| lot.left == 0 && again.contains(&lot.name)) {
        (lot.left, lot.why) = (1, Some("the function still cannot read it".to_owned()));
    }
    Ok(())
}

/// What functions gave up. Messages are another matter: a person decides upon each.
async fn held(found: &Installation, dry_run: bool, lots: &mut Vec<Lot>) -> anyhow::Result<()> {
    for held in found.store.held(MOST).await? {
        let (kind, function) = match held.key.enrollment() {
            Some(_) => (Kind::HeldEnrollment, "step"),
            None if held.key.sk.starts_with("fact#") => (Kind::HeldFact, "relay"),
            None => continue,
        };
        let released = match kind {
            _ if dry_run => true,
            Kind::HeldEnrollment => found.store.release_enrollment(&held.key, found.now()).await?,
            _ => found.store.release_fact(&held.key, found.now()).await?,
        };
        let why = (!released).then(|| "it is not held any more".to_owned());
        let (function, left) = (Some(found.function(function)), usize::from(dry_run));
        lots.push(Lot { kind, name: held.key.sk, function, records: 1, left, why });
    }
    Ok(())
}

/// Puts a payload back where it came from; answers what keeps it from that.
async fn put_back(found: &Installation, poison: &Poison, door: Door) -> anyhow::Result<Option<String>> {
    let kept = match door {
        Door::Record { function, record } => {
            let (left, why) = hand_over(found, &found.function(function), vec![record]).await?;
            if left.is_empty() { None } else { Some(why.unwrap_or_default()) }
        }
        Door::Event { function, event } => start(found, &found.function(function), &event).await?.err(),
        Door::Wake(wake) => {
            found.store.return_wake(&wake, found.now()).await?;
            None
        }
        Door::Item(key) => {
            let back = found.store.return_item(&key, found.now()).await?;
            (!back).then(|| "its item is gone, or of a kind that nothing sweeps".to_owned())
        }
        Door::None(why) => Some(why.to_owned()),
    };
    if kept.is_none() && !found.store.drop_poison(poison).await? {
        return Ok(Some("the function still cannot read it".to_owned()));
    }
    Ok(kept)
}

/// Hands records to a function as the stream does, and halves what it fails at until a record stands alone. Answers what
/// it did not take, and why.
async fn hand_over(found: &Installation, function: &str, records: Vec<Value>) -> anyhow::Result<(Vec<Value>, Option<String>)> {
    let (mut left, mut why, mut batches) = (Vec::new(), None, vec![records]);
    while let Some(mut batch) = batches.pop() {
        match invoke(found, function, &batch).await? {
            Ok(failed) => {
                let own = |record: &Value| record.pointer("/dynamodb/SequenceNumber").and_then(Value::as_str).map(str::to_owned);
                let known: BTreeSet<String> = batch.iter().filter_map(own).collect();
                if failed.iter().any(|number| !known.contains(number)) {
                    // As Lambda has it: a number that is not of the batch fails all of it.
                    left.append(&mut batch);
                } else {
                    left.extend(batch.into_iter().filter(|record| own(record).is_some_and(|number| failed.contains(&number))));
                }
                if !left.is_empty() && why.is_none() {
                    why = Some("the function named it as failed for now; its logs say why".to_owned());
                }
            }
            Err(_) if batch.len() > 1 => {
                let rest = batch.split_off(batch.len() / 2);
                batches.extend([rest, batch]);
            }
            Err(error) => {
                why = Some(error);
                left.append(&mut batch);
            }
        }
    }
    Ok((left, why))
}

/// Starts a function with records; answers the numbers of those it failed at, or its error.
async fn invoke(found: &Installation, function: &str, records: &[Value]) -> anyhow::Result<Result<BTreeSet<String>, String>> {
    let answer = match start(found, function, &json!({ "Records": records })).await? {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(error)),
    };
    let failures = answer.get("batchItemFailures").and_then(Value::as_array);
    Ok(match failures {
        Some(failures) => {
            Ok(failures.iter().map(|failure| failure["itemIdentifier"].as_str().unwrap_or_default().to_owned()).collect())
        }
        None => Err("its answer is none that a stream's function gives".to_owned()),
    })
}

/// Starts a function with a payload; answers what it said, or its error.
async fn start(found: &Installation, function: &str, payload: &Value) -> anyhow::Result<Result<Value, String>> {
    let path = format!("/2015-03-31/functions/{function}/invocations");
    let call = Call::post(Service::Lambda, path, payload.to_string().into_bytes());
    let answer = found.ask(&call).await.with_context(|| format!("the function {function} cannot be started"))?;
    let answer: Value = serde_json::from_slice(&answer).context("the function's answer cannot be read")?;
    let error = answer.get("errorMessage").and_then(Value::as_str).map(str::to_owned);
    Ok(error.map_or(Ok(answer), Err))
}

impl Redriven {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.dry_run || self.lots.iter().all(|lot| lot.left == 0)
    }

    fn tell(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for lot in &self.lots {
            let function = lot.function.as_deref().unwrap_or("nobody");
            let records = counted(lot.records, "record", "records");
            let outcome = match (self.dry_run, lot.left) {
                (true, _) => format!("waits for {function}"),
                (false, 0) => format!("taken by {function}"),
                (false, left) => format!("{left} left, not taken by {function}"),
            };
            let why = lot.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            writeln!(out, "{:11} {}\n            {records}, {outcome}{why}", lot.kind.word(), lot.name)?;
        }
        let sum = |kind: Kind| {
            let of_kind = || self.lots.iter().filter(move |lot| lot.kind == kind);
            (of_kind().map(|lot| lot.records).sum::<usize>(), of_kind().map(|lot| lot.left).sum::<usize>())
        };
        let said = |kind: Kind, one: &str, many: &str| {
            let (all, left) = sum(kind);
            let left = if self.dry_run || all == 0 { String::new() } else { format!(" ({} taken, {left} left)", all - left) };
            format!("{}{left}", counted(all, one, many))
        };
        let (failures, quarantine, facts, enrollments) = (
            said(Kind::Failure, "failed record", "failed records"),
            said(Kind::Quarantine, "payload in quarantine", "payloads in quarantine"),
            said(Kind::HeldFact, "held fact", "held facts"),
            said(Kind::HeldEnrollment, "held enrollment", "held enrollments"),
        );
        writeln!(out, "{failures}, {quarantine}, {facts}, {enrollments}")
    }
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Quarantine => "quarantine",
            Self::HeldFact => "held fact",
            Self::HeldEnrollment => "held step",
        }
    }
}
