//! The share of the pace that one run has taken and not yet used.

use jiff::Timestamp;
use michi::io::{App, Error};
use michi::mail::pace::{Block, Lane};

/// The most mails asked for at once: what is taken and not used is lost to the others for a while.
const BLOCK: usize = 10;

/// Mails that this run may send.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// How many more mails this run has to send.
    wanted: usize,
    left: u32,
    empty: bool,
}

impl Allowance {
    /// For a run with this many mails to send.
    pub(crate) fn for_mails(wanted: usize) -> Self {
        Self { wanted, left: 0, empty: false }
    }

    /// Until when the next mail must wait; none: it may go now.
    pub(crate) async fn wait(&mut self, app: &App) -> Result<Option<Timestamp>, Error> {
        if self.left > 0 {
            return Ok(None);
        }
        let wanted = u32::try_from(self.wanted.clamp(1, BLOCK)).unwrap_or(1);
        match app.store.take_pace(Lane::Alerts, wanted, app.clock.now()).await? {
            Block::Granted { mails, .. } => {
                self.left = mails;
                Ok(None)
            }
            Block::Empty { until } => {
                self.empty = true;
                Ok(Some(until))
            }
        }
    }

    /// Uses the place of one mail.
    pub(crate) fn spend(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.wanted = self.wanted.saturating_sub(1);
    }

    /// Whether the pace gave nothing more.
    pub(crate) fn is_empty(&self) -> bool {
        self.empty
    }
}
