//! One enrollment: load, decide, save what comes of it, and on until it waits.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, LogOwner};
use michi::fold::Folded;
use michi::id::ScenarioId;
use michi::io::store::{DueKey, Found, Lies, Pause, Progress};
use michi::io::{Error, Retry, Versioned};
use michi::mail::message::{Message, State};
use michi::playbook::scenario::Scenario;
use michi::scenario::owed::message;
use michi::scenario::{Advance, Bound, Enrollment, Left, Owed, Passing, Seen, Skip, Waiting, advance, bound};

use crate::Step;

/// Times that are further apart are not those of one moment.
const JUMP: SignedDuration = SignedDuration::from_secs(1);
/// How often an enrollment is looked at anew when somebody else was faster.
const REREADS: usize = 4;
/// An enrollment that failed so often in a row is held.
const TRIES: u32 = 8;
/// The first rest after a failure, four times as long each time, and the longest: all together most of a day.
const REST: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(1), SignedDuration::from_hours(6));
/// What a lead does while the wait for it is being saved is seen by a second look, so long afterwards.
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
        let by = self.by(&enrollment).await?;
        let mut log = store.log(&LogOwner::Lead(enrollment.lead.clone())).await?;
        let mut current = enrollment;
        let mut newest = newest(&current, &log);
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
            let record = advance.record(&current, now);
            store
                .advance(&Progress {
                    before: &current,
                    after: advance.after.as_ref(),
                    record: record.as_ref(),
                    scores: matches!(advance.owed, Some(Owed::Attribute { .. })),
                    message: message.as_ref(),
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

    /// The playbook by which a lead under way goes on; none: its scenario was taken away.
    async fn by(&self, enrollment: &Enrollment) -> Result<Option<Versioned>, Error> {
        Ok(match bound(&self.live.playbook, enrollment) {
            Bound::Live(_) => Some(self.live.clone()),
            Bound::Pinned => Some(self.step.shelf.version(&enrollment.playbook).await?),
            Bound::Gone => None,
        })
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
        let mail_pending = match before.open_mail(&folded) {
            Some(mail) => self.is_pending(&DueKey::of_letter(&before.lead, mail)).await?,
            None => false,
        };
        let Some(mut advance) = advance(scenario, before, &Seen { folded: &folded, playbook, version, mail_pending, now }) else {
            return Ok(None);
        };
        let owed = advance.owed.as_ref();
        let said = owed.and_then(|owed| message(owed, before, scenario, &folded.lead, playbook, version, now));
        if said.is_none() {
            unsaid(&mut advance);
        }
        if let Some(after) = &mut advance.after {
            after.tries = 0;
            let waits = matches!(after.waiting, Waiting::Behaviour { .. } | Waiting::Answer { .. });
            if waits && after.waiting != before.waiting {
                after.due = after.due.min(now + SECOND_LOOK);
            }
        }
        Ok(Some((advance, said)))
    }

    /// Whether a mail is neither sent nor given up.
    async fn is_pending(&self, mail: &DueKey) -> Result<bool, Error> {
        Ok(match self.step.store.message(mail).await? {
            Found::One(message) => match message.state {
                State::Pending { .. } | State::Claimed { .. } | State::Unknown { .. } | State::Held => true,
                State::Sent { .. } | State::Failed | State::Expired => false,
            },
            // It is kept no more, or lies in quarantine.
            Found::Nothing | Found::Poison { .. } => false,
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

/// What was owed cannot be said: the step was left out.
fn unsaid(advance: &mut Advance) {
    let (owed, why) = match &advance.owed {
        Some(Owed::Mail { message, .. }) => (message.clone(), Skip::NoMail),
        Some(Owed::Notice { message, .. }) => (message.clone(), Skip::NoOwner),
        Some(Owed::Attribute { .. }) | None => return,
    };
    if let Some(after) = &mut advance.after
        && after.mail.as_ref() == Some(&owed)
    {
        after.mail = None;
    }
    if let Some(passed) = advance.passed.last_mut() {
        passed.how = Passing::Skipped(why);
    }
    advance.owed = None;
}

/// Says in the log how far a lead has come.
fn tell(before: &Enrollment, advance: &Advance) {
    let (id, lead) = (&before.id, &before.lead);
    match &advance.left {
        Some(left) => tracing::info!(enrollment.id = %id, lead.id = %lead, why = ?left, "a lead has left a scenario"),
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
