//! All leads: who they are, and each as it stands now by a playbook.

use futures::{Stream, StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use michi::activity::Log;
use michi::id::{LeadId, derive};
use michi::io::{Error, Retry, Store};
use michi::lead::Lead;
use michi::lifecycle::{Change, decide};
use michi::playbook::Playbook;

/// Leads read at once.
const AT_ONCE: usize = 16;
/// Leads in a page of the index.
const PAGE: usize = 1_000;

/// The ids of all leads, as the index has them. `live` is the playbook that is live.
///
/// # Errors
/// If the index cannot be read.
pub async fn all(store: &Store, live: &Playbook) -> Result<Vec<LeadId>, Error> {
    let mut epochs: Vec<String> = store.playbook_history().await?.into_iter().map(|moved| moved.epoch).collect();
    epochs.push(live.scoring.interest.epoch());
    epochs.sort();
    epochs.dedup();
    let mut leads = Vec::new();
    for part in Store::rank_parts(&epochs) {
        let mut after = None;
        loop {
            let (page, more) = store.rank_page(&part, after.as_ref(), PAGE).await?;
            after = page.last().cloned();
            leads.extend(page.into_iter().map(|one| one.lead));
            if !more {
                break;
            }
        }
    }
    leads.sort_unstable();
    leads.dedup();
    Ok(leads)
}

/// So many of the leads, the same ones each time and chosen without regard to anything they are or did.
#[must_use]
pub fn sample(mut leads: Vec<LeadId>, size: usize) -> Vec<LeadId> {
    leads.sort_by_cached_key(|lead| derive(&["sample", lead.as_str()]));
    leads.truncate(size);
    leads
}

/// The lead as it would stand when `score` had looked at it now.
#[must_use]
pub fn judged(playbook: &Playbook, id: &LeadId, log: &mut Log, now: Timestamp) -> Lead {
    decide(playbook, &playbook.version(), id, log, Change::default(), now).lead
}

/// Looks at many things at once. Results come in no order, and `progress` is moved by one for each.
pub fn each<T, F: Future>(all: Vec<T>, look: impl Fn(T) -> F, progress: &ProgressBar) -> impl Stream<Item = F::Output> {
    stream::iter(all).map(look).buffer_unordered(AT_ONCE).inspect(|_| progress.inc(1))
}

/// How far so many leads have been looked at, for whoever sits at a terminal.
///
/// # Errors
/// None that the fixed template could have.
pub fn progress(leads: usize) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} leads, {eta} left")?;
    Ok(ProgressBar::new(leads as u64).with_style(style))
}

/// Counts leads that cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unreadable {
    read: usize,
    /// How many.
    pub count: usize,
}

impl Unreadable {
    /// What was read of a lead; none: it cannot be, and is counted. One log may hold what nobody can read; if none can be
    /// read, it is not for what they hold.
    ///
    /// # Errors
    /// If leads cannot be read for now.
    pub fn pass<T>(&mut self, read: Result<T, Error>) -> Result<Option<T>, Error> {
        match read {
            Ok(read) => {
                self.read += 1;
                Ok(Some(read))
            }
            Err(error) if error.retry == Retry::Never && (self.read > 0 || self.count < AT_ONCE) => {
                self.count += 1;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_same_each_time_and_never_more_than_there_are() {
        let all: Vec<LeadId> = (0..100).map(|n| LeadId::derive(&[&n.to_string()])).collect();
        let some = sample(all.clone(), 10);
        let mut reversed = all.clone();
        reversed.reverse();
        assert_eq!((some.len(), &sample(reversed, 10)), (10, &some));
        assert!(some.iter().all(|lead| all.contains(lead)));
        assert_eq!(sample(all, 1_000).len(), 100);
    }

    #[test]
    fn a_few_logs_may_be_unreadable_but_not_all() {
        let (never, later) =
            (|| Err::<(), _>(Error::never("a record cannot be read")), || Err::<(), _>(Error::later("no answer")));
        let mut found = Unreadable::default();
        assert!(matches!(found.pass(never()), Ok(None)) && matches!(found.pass(Ok(())), Ok(Some(()))));
        assert!((0..100).all(|_| found.pass(never()).is_ok()) && found.count == 101);
        assert!(found.pass(later()).is_err());
        let mut none = Unreadable::default();
        assert!((0..=AT_ONCE).any(|_| none.pass(never()).is_err()));
    }
}
