//! A list of addresses, and whose they are.

use std::path::Path;

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use michi::id::LeadId;
use michi::io::{Error, KeyRing, Store};
use michi::playbook::Playbook;

use crate::import::columns::Named;
use crate::import::list::{self, Known, Reading};
use crate::import::refused::Problem;

/// Addresses looked up at once.
const AT_ONCE: usize = 16;

/// The keyed hashes of the addresses in a CSV file, each once and in an order of their own, so that the same people are the
/// same list. `columns` names what headings do not say by themselves; what is not an address is left aside.
///
/// # Errors
/// Says what is wrong with the file, or with its rows: a mail that somebody should get is not left out in silence.
pub(crate) fn hashes(
    file: &Path,
    columns: &[Named],
    playbook: &Playbook,
    keys: &KeyRing,
    now: Timestamp,
) -> anyhow::Result<Vec<String>> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let setup = &playbook.setup;
    let known = Known { zone: setup.time_zone.get(), owners: &setup.owners, now };
    let reading = Reading { named: columns.to_vec(), ignore_unknown: true, ..Reading::default() };
    let list = list::read(&bytes, &reading, &known).with_context(|| file.display().to_string())?;
    let wrong: Vec<String> = list
        .refused
        .iter()
        .filter(|row| !row.problem.is_doubt() && !matches!(row.problem, Problem::Twice(_)))
        .map(|row| format!("{}:{}: {}; {}", file.display(), row.line, row.problem.what(), row.problem.remedy()))
        .collect();
    if !wrong.is_empty() {
        const SHOWN: usize = 10;
        let more = if wrong.len() > SHOWN { format!("\nand {} more", wrong.len() - SHOWN) } else { String::new() };
        bail!(
            "the list has rows that cannot be used\n{}{more}",
            wrong.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n")
        );
    }
    let mut hashes: Vec<String> = list.people.iter().map(|person| keys.address_hash(&person.address)).collect();
    hashes.sort();
    hashes.dedup();
    if hashes.is_empty() {
        bail!("{} holds no address", file.display());
    }
    Ok(hashes)
}

/// The leads that own these addresses, each once, and how many addresses are nobody's.
///
/// # Errors
/// If they cannot be read.
pub(crate) async fn leads(store: &Store, hashes: &[String]) -> Result<(Vec<LeadId>, usize), Error> {
    let owners = stream::iter(hashes).map(|hash| store.address_owner(hash)).buffer_unordered(AT_ONCE);
    let owners: Vec<Option<LeadId>> = owners.try_collect().await?;
    let strangers = owners.iter().filter(|owner| owner.is_none()).count();
    let mut leads: Vec<LeadId> = owners.into_iter().flatten().collect();
    leads.sort_unstable();
    leads.dedup();
    Ok((leads, strangers))
}
