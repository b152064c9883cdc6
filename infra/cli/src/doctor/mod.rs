//! `michi doctor`: whether an installation is well, and what to do where it is not.
//!
//! - `parts`: tables, key ring, playbook, collector
//! - `mail`: whether mail can be sent and is believed
//! - `flow`: whether work is done: streams, schedules, what waits, what was given up
//! - `beacons`: what came in lately, and what was refused

mod beacons;
mod flow;
mod mail;
mod metrics;
mod parts;

use std::io::Write;
use std::process::ExitCode;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::io::Versioned;
use serde::Serialize;

use crate::account::{Installation, Target};
use crate::shown;

/// Exit codes: 0 if nothing has failed, 1 otherwise.
#[derive(Debug, Clone, clap::Args)]
pub struct DoctorArgs {
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    now: Timestamp,
    stack: String,
    checks: Vec<Check>,
}

/// One thing looked at.
#[derive(Debug, Clone, Serialize)]
struct Check {
    what: &'static str,
    verdict: Verdict,
    said: String,
    /// What to do, where there is anything to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    /// It could not be seen; nothing is known to be wrong.
    Unknown,
    Warning,
    Failed,
}

impl Check {
    fn ok(what: &'static str, said: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Ok, said: said.into(), remedy: None }
    }

    fn unknown(what: &'static str, said: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::ok(what, said) }
    }

    fn warning(what: &'static str, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warning, remedy: Some(remedy.into()), ..Self::ok(what, said) }
    }

    fn failed(what: &'static str, said: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Failed, remedy: Some(remedy.into()), ..Self::ok(what, said) }
    }

    /// Something could not be looked at.
    fn unseen(what: &'static str, error: &anyhow::Error) -> Self {
        Self::warning(what, format!("{error:#}"), "allow your own role this question, or ask again later")
    }
}

/// Whom the checks ask.
struct Patient<'a> {
    found: &'a Installation,
    live: Option<&'a Versioned>,
    now: Timestamp,
    zone: TimeZone,
}

impl Patient<'_> {
    fn said(&self, at: Timestamp) -> String {
        shown::moment(at, &self.zone)
    }
}

/// Runs `michi doctor`.
///
/// # Errors
/// If there is no such installation, or it does not answer at all.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        let diagnosis = examine(&args.target).await?;
        if args.json {
            shown::json(&diagnosis, out)?
        } else {
            diagnosis.tell(out)?
        }
        Ok(if diagnosis.is_well() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

/// Looks at everything; nothing is changed by it.
///
/// # Errors
/// If there is no such installation, or it does not answer at all.
pub async fn examine(target: &Target) -> anyhow::Result<Diagnosis> {
    let found = target.open().await?;
    let playbook = found.playbook().await;
    let zone = playbook.as_ref().map_or(TimeZone::UTC, |live| live.playbook.setup.time_zone.get().clone());
    let patient = Patient { found: &found, live: playbook.as_ref().ok(), now: found.now(), zone };
    let (tables, keys, collector, mail, flow, beacons) = tokio::join!(
        parts::tables(&patient),
        parts::keys(&patient),
        parts::collector(&patient),
        mail::look(&patient),
        flow::look(&patient),
        beacons::look(&patient),
    );
    let mut checks = tables;
    checks.extend([keys, parts::playbook(&playbook), collector]);
    checks.extend(mail);
    checks.extend(flow);
    checks.extend(beacons);
    Ok(Diagnosis { now: patient.now, stack: found.stack.clone(), checks })
}

impl Diagnosis {
    /// Whether nothing has failed.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.checks.iter().all(|check| check.verdict != Verdict::Failed)
    }

    /// Writes a line for each check, and the remedies below theirs.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn tell(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for check in &self.checks {
            writeln!(out, "{:8} {:14} {}", check.verdict.word(), check.what, check.said)?;
            if let Some(remedy) = &check.remedy {
                writeln!(out, "{:8} {:14} = {remedy}", "", "")?;
            }
        }
        let count = |verdict| self.checks.iter().filter(|check| check.verdict == verdict).count();
        let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
        match (failed, warnings) {
            (0, 0) => writeln!(out, "\nStack {} is well.", self.stack),
            _ => writeln!(out, "\nStack {}: {failed} failed, {}.", self.stack, shown::counted(warnings, "warning", "warnings")),
        }
    }
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
        }
    }
}
