//! Writing down the letters of a broadcast: in paced batches, each letter once however often this is begun.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::future::join_all;
use michi::activity::LogOwner;
use michi::id::LeadId;
use michi::io::store::Owed;
use michi::io::{Error, Retry};
use michi::mail::broadcast::{Broadcast, Stage};
use michi::mail::message::Recipient;
use michi::playbook::Playbook;
use michi::playbook::mail::Mail;
use tokio::time::{MissedTickBehavior, interval};

use crate::account::Installation;
use crate::broadcasts;
use crate::everybody::{self, judged};
use crate::shown::counted;

/// Letters under way at once.
pub(crate) const AT_ONCE: usize = 25;
/// So often a batch is begun: 200 letters a second, which leaves the tables room for what visitors do.
const PACE: Duration = Duration::from_millis(125);
/// Pauses before a call is made again that may succeed later.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(3),
    Duration::from_secs(8),
];

/// What was written down.
pub(super) struct Written {
    broadcast: Broadcast,
    /// Letters that are owed from now on.
    pub(super) written: u64,
    /// Letters that were owed before.
    before: u64,
    /// Leads that are gone, or whose log cannot be read.
    lost: u64,
}

/// Owes the letters of a broadcast that are not owed yet, and says that all are.
///
/// # Errors
/// If it broke off, with what to do; or if somebody cancelled it meanwhile.
pub(super) async fn letters(found: &Installation, broadcast: Broadcast) -> anyhow::Result<Written> {
    let store = &found.store;
    let playbook = store.playbook(&broadcast.playbook).await?;
    let mail = playbook.mail(&broadcast.mail).context("the playbook by which it was asked for has no such mail")?;
    let recipients = store.recipients(&broadcast).await?;
    let mut written = Written { broadcast, written: 0, before: 0, lost: 0 };
    let progress = everybody::progress(recipients.len())?;
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (batch, leads) in recipients.chunks(AT_ONCE).enumerate() {
        pace.tick().await;
        let place = (batch * AT_ONCE) as u64;
        let done = match owe(found, &mut written, (&playbook, mail), (place, leads)).await {
            Ok(()) => insist(|| store.broadcast(&written.broadcast.id)).await,
            Err(error) => Err(error),
        };
        progress.inc(leads.len() as u64);
        match done {
            Ok(Some(known)) if matches!(known.stage, Stage::Cancelled { .. }) => break,
            Ok(_) => {}
            Err(error) => {
                progress.abandon();
                let (done, all) = (progress.position(), recipients.len());
                return Err(anyhow::Error::from(error).context(format!(
                    "it broke off at letter {done} of {all}: run the same command again, and it goes on where it is"
                )));
            }
        }
    }
    progress.finish_and_clear();
    finish(found, &mut written).await?;
    Ok(written)
}

/// Owes a batch of letters; those that are owed already are left alone.
async fn owe(
    found: &Installation,
    written: &mut Written,
    (playbook, mail): (&Playbook, &Mail),
    (place, leads): (u64, &[LeadId]),
) -> Result<(), Error> {
    let (store, broadcast) = (&found.store, &written.broadcast);
    let owed: HashSet<LeadId> = insist(|| store.letters(broadcast, leads))
        .await?
        .into_iter()
        .filter_map(|letter| match letter.to {
            Recipient::Lead(lead) => Some(lead),
            Recipient::Owner(_) => None,
        })
        .collect();
    let missing = (place..).zip(leads).filter(|(_, lead)| !owed.contains(lead));
    let now = found.now();
    let one = async |place: u64, id: &LeadId| -> Result<Owed, Error> {
        let mut log = match store.log(&LogOwner::Lead(id.clone())).await {
            // One log that nobody can read keeps no other letter back.
            Err(error) if error.retry == Retry::Never => return Ok(Owed::LeadGone),
            log => log?,
        };
        let lead = judged(playbook, id, &mut log, now);
        match broadcast.letter(place, (id, &lead), mail, playbook.default_owner(), &playbook.setup, now) {
            Some(letter) => store.owe_letter(&letter, now).await,
            None => Err(Error::never("the mail has no version")),
        }
    };
    let done = join_all(missing.map(|(place, id)| insist(move || one(place, id)))).await;
    written.before += owed.len() as u64;
    for one in done {
        match one {
            Ok(Owed::Now) => written.written += 1,
            Ok(Owed::Before) => written.before += 1,
            Ok(Owed::LeadGone) => written.lost += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Says that all letters are owed; if somebody cancelled it meanwhile, takes back what was written since.
async fn finish(found: &Installation, written: &mut Written) -> anyhow::Result<()> {
    let (store, broadcast) = (&found.store, written.broadcast.clone());
    let owed = Broadcast { stage: Stage::Owed { at: found.now() }, ..broadcast.clone() };
    match store.save_broadcast(owed).await {
        Ok(saved) => written.broadcast = saved,
        Err(error) if error.retry == Retry::Reread => {
            let known = store.broadcast(&broadcast.id).await?.context("the broadcast is there no more")?;
            if let Stage::Cancelled { by, .. } = &known.stage {
                let by = by.clone();
                broadcasts::take_back(found, &known).await?;
                bail!("{by} cancelled it meanwhile: what had not gone out by then does not go out");
            }
            written.broadcast = known;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Makes a call again as long as that may help.
///
/// # Errors
/// The call's last.
pub(crate) async fn insist<T, F: Future<Output = Result<T, Error>>>(call: impl Fn() -> F) -> Result<T, Error> {
    for pause in PAUSES {
        match call().await {
            Err(error) if error.retry == Retry::Later => tokio::time::sleep(pause).await,
            done => return done,
        }
    }
    call().await
}

impl Written {
    /// What was done, in a few lines.
    pub(super) fn said(&self) -> String {
        let letters = |number: u64| counted(usize::try_from(number).unwrap_or(usize::MAX), "letter is", "letters are");
        let mut said = format!("\n{} owed", letters(self.written));
        if self.before > 0 {
            said += &format!("; {} were owed already", self.before);
        }
        if self.lost > 0 {
            said += &format!("; {} of the leads are gone or cannot be read", self.lost);
        }
        let id = self.broadcast.id.as_str();
        let id = id.get(..8).unwrap_or(id);
        said + &format!(
            ".\nThe gate looks at each again when its time has come.\n  michi broadcasts {id}          what comes of it\n  michi broadcasts cancel {id}   ends it\n"
        )
    }
}
