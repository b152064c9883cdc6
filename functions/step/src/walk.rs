//! One enrollment: load, decide, save what comes of it, and on until it waits.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner};
use michi::fold::Folded;
use michi::id::ScenarioId;
use michi::io::store::{DueKey, Found, Lies, Pause, Progress};
use michi::io::{Error, Retry, Shelf, Versioned};
use michi::mail::message::{Message, State};
use michi::playbook::scenario::Scenario;
use michi::scenario::owed::message;
use michi::scenario::{Advance, Bound, Enrollment, Left, Newest, Owed, Seen, Waiting, advance, bound};

use crate::Step;

/// Times that are further apart are not those of one moment.
const JUMP: SignedDuration = SignedDuration::from_secs(1);
/// How often an enrollment is looked at anew when somebody else was faster.
const REREADS: usize = 4;
/// An enrollment that failed so often in a row is held.
const TRIES: u32 = 8;
/// The first rest after a failure, four times as long each time, and the longest: all together most of a day.
const REST: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(1), SignedDuration::from_hours(6));
/// What a lead does while a wait is being saved is seen by a second look, so long afterwards.
const SECOND_LOOK: SignedDuration = SignedDuration::from_mins(2);

/// Takes enrollments along, by what was read at the beginning of a round.
pub(crate) struct Walk<'s> {
    pub(crate) step: &'s Step,
    pub(crate) live: Versioned,
    pub(crate) pauses: BTreeMap<ScenarioId, Pause>,
}

impl Walk<'_> {
    /// Brings the enrollment under a key as far as it goes now. If it is not due, it is left alone.
    pub(crate) async fn go(&self, key: &DueKey) -> Result<(), Error> {
        let store = &self.step.store;
        for _ in 0..REREADS {
            let done = match store.enrollment(key).await? {
                Found::Nothing => Ok(()),
                Found::One(enrollment) => self.forward(enrollment).await,
                Found::Poison { payload, reason } => {
                    tracing::error!(item.key = key.sk, "{reason} and is in quarantine");
                    store.set_aside(key, &payload, &reason, self.step.clock.now()).await
                }
            };
            match done {
                Err(error) if error.retry == Retry::Reread => {}
                done => return done,
            }
        }
        if let Some((lead, ..)) = key.enrollment()
            && store.lead(&lead).await?.is_none_or(|lead| !lead.is_itself())
        {
            // Whoever erases or merges the lead ends this, too.
            return Ok(());
        }
        Err(Error::later("somebody else was faster each time"))
    }

    async fn forward(&self, enrollment: Enrollment) -> Result<(), Error> {
        let Step { store, clock, .. } = self.step;
        if enrollment.due > clock.now() {
            return Ok(());
        }
        if matches!(enrollment.waiting, Waiting::Resume { .. }) {
            let after = Enrollment { revision: enrollment.revision + 1, ..enrollment.clone() };
            return store.put_off_enrollment(&enrollment, &after, Lies::Paused).await;
        }
        if self.pauses.contains_key(&enrollment.scenario) {
            return match store.park_enrollment(&enrollment).await {
                // Somebody goes on with it just now: the next tick takes it along.
                Err(error) if error.retry == Retry::Reread => Ok(()),
                done => done,
            };
        }
        let mut by = by(&self.step.shelf, &self.live, &enrollment).await?;
        let mut log = store.log(&LogOwner::Lead(enrollment.lead.clone())).await?;
        let mut current = enrollment;
        let mut newest = newest(&current, &log);
        let mut is_newest = false;
        loop {
            let now = behind(newest, clock.now());
            newest = now;
            let taken = match by.as_ref().and_then(|by| Some((by, by.playbook.scenarios.get(&current.scenario)?))) {
                Some((by, scenario)) => self.take(&current, by, scenario, &log, now).await?,
                None => Some((Advance::ended(&current, Left::ScenarioGone), None)),
            };
            let Some((advance, message)) = taken else {
                return Err(Error::never("an enrollment is due, and nothing comes of it"));
            };
            if !is_newest && matches!(advance.left, Some(Left::ScenarioGone | Left::StepGone)) {
                // That is final, and the playbook at hand may be older than the one by which the lead entered.
                by = self::by(&self.step.shelf, &self.step.shelf.newest().await?, &current).await?;
                is_newest = true;
                continue;
            }
            let taken_back = match &advance.left {
                Some(left) => store.taken_back(&current, left, now).await?,
                None => None,
            };
            let record = advance.record(&current, now);
            store
                .advance(&Progress {
                    before: &current,
                    after: advance.after.as_ref(),
                    record: record.as_ref(),
                    scores: matches!(advance.owed, Some(Owed::Attribute { .. })),
                    message: message.as_ref(),
                    taken_back: taken_back.as_ref(),
                })
                .await?;
            tell(&current, &advance);
            log.records.extend(record);
            match advance.after {
                Some(after) if after.due <= now => current = after,
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// What becomes of an enrollment now, up to its next effect, and the message that it owes; none: it stays as it is.
    async fn take(
        &self,
        before: &Enrollment,
        by: &Versioned,
        scenario: &Scenario,
        log: &Log,
        now: Timestamp,
    ) -> Result<Option<(Advance, Option<Message>)>, Error> {
        let Versioned { playbook, version, .. } = by;
        let folded = Folded::of(playbook, log, now);
        let newest = match before.open_mail(&folded) {
            Some(mail) => self.newest(&DueKey::of_letter(&before.lead, mail)).await?,
            None => Newest::GivenUp,
        };
        let seen = Seen { folded: &folded, playbook, version, newest, now };
        let Some(mut advance) = advance(scenario, before, &seen) else { return Ok(None) };
        let message = match &advance.owed {
            Some(Owed::Attribute { .. }) | None => None,
            Some(owed) => {
                let message = message(owed, before, scenario, &seen);
                Some(message.ok_or_else(|| Error::never("a step owes something that cannot be said"))?)
            }
        };
        if let Some(after) = &mut advance.after {
            after.tries = 0;
            if after.waiting != Waiting::Nothing && after.waiting != before.waiting {
                after.due = after.due.min(now + SECOND_LOOK);
            }
        }
        Ok(Some((advance, message)))
    }

    /// What has become of a mail that the log does not know as sent.
    async fn newest(&self, mail: &DueKey) -> Result<Newest, Error> {
        Ok(match self.step.store.message(mail).await? {
            Found::One(message) => match message.state {
                State::Pending { .. } | State::Claimed { .. } | State::Unknown { .. } | State::Held => Newest::Pending,
                State::Sent { .. } => Newest::Sent,
                State::Failed | State::Expired => Newest::GivenUp,
            },
            // It is kept no more, or lies in quarantine.
            Found::Nothing | Found::Poison { .. } => Newest::GivenUp,
        })
    }

    /// Moves an enrollment out of the way of the others that could not be taken along.
    pub(crate) async fn put_off(&self, key: &DueKey, error: &Error) -> Result<(), Error> {
        let Found::One(enrollment) = self.step.store.enrollment(key).await? else { return Ok(()) };
        let now = self.step.clock.now();
        if enrollment.due > now {
            return Ok(());
        }
        let after = failed(&enrollment, now);
        let (id, lead) = (&enrollment.id, &enrollment.lead);
        let lies = if after.tries < TRIES {
            tracing::warn!(%error, enrollment.id = %id, lead.id = %lead, "a lead cannot go on in a scenario for now");
            Lies::Due
        } else {
            tracing::error!(%error, enrollment.id = %id, lead.id = %lead, "a step failed time and again: it is held");
            Lies::Held
        };
        self.step.store.put_off_enrollment(&enrollment, &after, lies).await
    }
}

/// The playbook by which a lead under way goes on; none: its scenario was taken away.
async fn by(shelf: &Shelf, live: &Versioned, enrollment: &Enrollment) -> Result<Option<Versioned>, Error> {
    Ok(match bound(&live.playbook, enrollment) {
        Bound::Live(_) => Some(live.clone()),
        Bound::Pinned => Some(shelf.version(&enrollment.playbook).await?),
        Bound::Gone => None,
    })
}

/// An enrollment after another failure.
fn failed(enrollment: &Enrollment, now: Timestamp) -> Enrollment {
    let (first, longest) = REST;
    let rest = first.saturating_mul(4_i32.saturating_pow(enrollment.tries.min(TRIES))).min(longest);
    let due = now.saturating_add(rest).unwrap_or(Timestamp::MAX);
    Enrollment { due, tries: enrollment.tries + 1, revision: enrollment.revision + 1, ..enrollment.clone() }
}

/// When the newest of what the log tells of an enrollment happened.
fn newest(enrollment: &Enrollment, log: &Log) -> Timestamp {
    let own = |activity: &&Activity| match &activity.kind {
        Kind::Advanced { enrollment: id, .. } => *id == enrollment.id,
        _ => false,
    };
    let told = log.records.iter().flat_map(|record| &record.activities).filter(own).map(|activity| activity.at);
    told.fold(enrollment.entered, Ord::max)
}

/// Now, and behind what was told before, so that the log has the order in which it was. A clock that has jumped is let be.
fn behind(newest: Timestamp, now: Timestamp) -> Timestamp {
    let next = newest.saturating_add(SignedDuration::from_millis(1)).unwrap_or(now);
    if now < next && next.duration_since(now) < JUMP { next } else { now }
}

/// Says in the log how far a lead has come.
fn tell(before: &Enrollment, advance: &Advance) {
    let (id, lead) = (&before.id, &before.lead);
    match &advance.left {
        Some(left) => tracing::info!(enrollment.id = %id, lead.id = %lead, why = ?left, "a lead has left a scenario"),
        None if advance.passed.is_empty() => {}
        None => tracing::info!(enrollment.id = %id, lead.id = %lead, "a lead goes on in a scenario"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_rests_longer_each_time() {
        let now: Timestamp = "2026-11-22T00:52:00Z".parse().unwrap();
        let mut enrollment: Enrollment = serde_json::from_value(serde_json::json!({
            "id": "e", "lead": "l", "scenario": "s", "playbook": "p", "version": "v", "entered": now,
            "place": { "step": "first", "visit": 1, "since": now }, "waiting": "nothing", "due": now, "visits": {}, "day": null,
            "revision": 0,
        }))
        .unwrap();
        let mut minutes = Vec::new();
        for _ in 0..TRIES {
            enrollment = failed(&enrollment, now);
            minutes.push(enrollment.due.duration_since(now).as_mins());
        }
        assert_eq!(minutes, [1, 4, 16, 64, 256, 360, 360, 360]);
        assert_eq!((enrollment.tries, enrollment.revision), (TRIES, 8));
    }
}
