//! The shares of the pace that one run has taken and not yet used.

use jiff::Timestamp;
use michi::io::{App, Error};
use michi::mail::pace::{Block, Lane};
use tokio::sync::Mutex;

/// The most mails asked for at once: what is taken and not used is lost to the others for a while.
const BLOCK: usize = 10;

/// Mails that this run may send, lane by lane. The messages of a run share it.
#[derive(Debug, Default)]
pub(crate) struct Allowance {
    alerts: Mutex<Share>,
    letters: Mutex<Share>,
}

#[derive(Debug, Default)]
struct Share {
    /// How many more mails this run has to send.
    wanted: usize,
    left: u32,
    /// The lane gave nothing more, and does so until then.
    empty: Option<Timestamp>,
}

impl Allowance {
    /// For a run with so many mails to send.
    pub(crate) fn for_mails(alerts: usize, letters: usize) -> Self {
        let share = |wanted| Mutex::new(Share { wanted, ..Share::default() });
        Self { alerts: share(alerts), letters: share(letters) }
    }

    fn share(&self, lane: Lane) -> &Mutex<Share> {
        match lane {
            Lane::Alerts => &self.alerts,
            Lane::Letters { .. } => &self.letters,
        }
    }

    /// Takes the place of one mail; until when it must wait if there is none.
    pub(crate) async fn take(&self, app: &App, lane: Lane) -> Result<Option<Timestamp>, Error> {
        let mut share = self.share(lane).lock().await;
        if share.left == 0 {
            let wanted = u32::try_from(share.wanted.clamp(1, BLOCK)).unwrap_or(1);
            match app.store.take_pace(lane, wanted, app.clock.now()).await? {
                Block::Granted { mails, .. } => (share.left, share.empty) = (mails, None),
                Block::Empty { until } => {
                    share.empty = Some(until);
                    return Ok(Some(until));
                }
            }
        }
        share.left -= 1;
        share.wanted = share.wanted.saturating_sub(1);
        Ok(None)
    }

    /// Gives back the place of a mail that was not sent after all.
    pub(crate) async fn give_back(&self, lane: Lane) {
        self.share(lane).lock().await.left += 1;
    }

    /// Until when the lane of letters, or that of alerts, gives nothing more.
    pub(crate) async fn empty_until(&self, letters: bool, now: Timestamp) -> Option<Timestamp> {
        let share = if letters { &self.letters } else { &self.alerts };
        share.lock().await.empty.filter(|until| *until > now)
    }
}
