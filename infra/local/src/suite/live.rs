//! A suite that runs by itself: streams followed, schedules kept, the clock going, the playbook watched.

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};

use super::{Pace, Suite};
use crate::lock::lock;

/// How often the clock is looked at, when it runs fast and when it does not. Writes are handed over at once, whatever
/// these are.
const FAST_BEAT: Duration = Duration::from_millis(20);
const BEAT: Duration = Duration::from_millis(200);
/// How often what is kept beside the tables is kept, and the playbook's files are looked at.
const CARE: Duration = Duration::from_secs(1);
/// How often items are looked for that have outlived their time.
const EXPIRY: SignedDuration = SignedDuration::from_hours(1);

impl Suite {
    /// Runs the suite. Never returns; dropping the future stops it where it stands, and nothing is lost by that.
    pub async fn live(&self) {
        tokio::join!(self.inner.streams.follow(), self.keep_time(), self.care());
    }

    async fn keep_time(&self) {
        let beat = if matches!(self.options().pace, Pace::Fast(_)) { FAST_BEAT } else { BEAT };
        loop {
            if let Err(error) = self.beat().await {
                tracing::error!(%error, "the clock stumbled");
            }
            tokio::time::sleep(beat).await;
        }
    }

    /// Moves the clock as far as it may go, and starts what is due.
    async fn beat(&self) -> anyhow::Result<()> {
        let now = self.now();
        self.hand_over_events().await?;
        let due: Vec<String> = match self.inner.time.reach() {
            None => self.scheduled(now)?,
            Some(reach) => {
                if *self.inner.functions.running().borrow() > 0 || !self.inner.streams.is_drained()? {
                    return Ok(());
                }
                let starts = self.next_starts()?;
                let next = starts.iter().map(|(at, _)| *at).chain(self.inner.mailbox.reports().next()).min();
                self.inner.time.jump(next.map_or(reach, |next| next.min(reach)));
                let now = self.clock().now();
                starts.into_iter().filter(|(at, _)| *at <= now).map(|(_, function)| function).collect()
            }
        };
        if !due.is_empty() {
            self.keep_clock()?;
        }
        for failed in join_all(due.iter().map(|function| self.tick(function))).await.into_iter().filter_map(Result::err) {
            tracing::warn!("{failed}");
        }
        Ok(())
    }

    /// At real pace: the functions whose schedule has come round.
    fn scheduled(&self, now: Timestamp) -> anyhow::Result<Vec<String>> {
        let started = lock(&self.inner.started).clone();
        let mut due = Vec::new();
        for function in &self.wiring().functions {
            let Some(schedule) = function.schedules.first() else { continue };
            let next = started.get(&function.name).map(|last| last.checked_add(schedule.every)).transpose()?;
            if next.is_none_or(|next| next <= now) {
                due.push(function.name.clone());
            }
        }
        Ok(due)
    }

    async fn care(&self) {
        let mut swept = self.now();
        loop {
            tokio::time::sleep(CARE).await;
            let now = self.now();
            let mut cares = vec![self.keep_clock(), self.notice_playbook().await];
            if now.duration_since(swept) >= EXPIRY {
                swept = now;
                cares.push(self.inner.dynamo.expire().map(|_| ()));
            }
            for error in cares.into_iter().filter_map(Result::err) {
                tracing::error!(%error, "the suite cannot keep itself");
            }
        }
    }
}
