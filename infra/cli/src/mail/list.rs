//! A list of addresses, and whose they are.

use std::path::Path;

use anyhow::{Context as _, bail};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use michi::id::LeadId;
use michi::io::{Error, KeyRing, Store};
use michi::playbook::Playbook;

use crate::import::columns::Named;
use crate::import::list::{self as rows, Known, Reading};
use crate::import::refused::Problem;

/// Addresses looked up at once.
const AT_ONCE: usize = 16;

/// Who stands on a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listed {
    /// The keyed hashes of the addresses, each once and in an order of their own, so that the same people are the same list.
    pub(crate) hashes: Vec<String>,
    /// Rows that cannot be used: where, why, and what to do about it.
    pub(crate) refused: Vec<String>,
}

/// Reads the addresses in a CSV file. `columns` names what headings do not say by themselves; what is not an address is left
/// aside.
///
/// # Errors
/// Says what is wrong with the file, or that none of its rows can be used.
pub(crate) fn read(
    file: &Path,
    columns: &[Named],
    playbook: &Playbook,
    keys: &KeyRing,
    now: Timestamp,
) -> anyhow::Result<Listed> {
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let setup = &playbook.setup;
    let known = Known { zone: setup.time_zone.get(), owners: &setup.owners, now };
    let reading = Reading { named: columns.to_vec(), ignore_unknown: true, ..Reading::default() };
    let list = rows::read(&bytes, &reading, &known).with_context(|| file.display().to_string())?;
    let refused: Vec<String> = list
        .refused
        .iter()
        .filter(|row| !row.problem.is_doubt() && !matches!(row.problem, Problem::Twice(_)))
        .map(|row| format!("{}:{}: {}; {}", file.display(), row.line, row.problem.what(), row.problem.remedy()))
        .collect();
    let mut hashes: Vec<String> = list.people.iter().map(|person| keys.address_hash(&person.address)).collect();
    hashes.sort();
    hashes.dedup();
    if hashes.is_empty() {
        bail!("{} holds no address{}", file.display(), told(&refused).map(|told| format!("\n{told}")).unwrap_or_default());
    }
    Ok(Listed { hashes, refused })
}

/// What is said of rows that cannot be used; none if all can.
#[must_use]
pub(crate) fn told(refused: &[String]) -> Option<String> {
    const SHOWN: usize = 10;
    if refused.is_empty() {
        return None;
    }
    let cannot = if refused.len() == 1 {
        "row of the list cannot be used, and is left out"
    } else {
        "rows of the list cannot be used, and are left out"
    };
    let mut told = format!("{:>7}  {cannot}:\n", refused.len());
    refused.iter().take(SHOWN).for_each(|row| told.push_str(&format!("         {row}\n")));
    match refused.len().saturating_sub(SHOWN) {
        0 => {}
        more => told.push_str(&format!("         and {more} more; `michi import --dry-run` writes all of them into a file\n")),
    }
    Some(told)
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
