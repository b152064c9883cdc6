//! How a message moves: one match over states and events, without a catch-all.

use jiff::{SignedDuration, Timestamp};

use super::{Content, Entry, Event, LEASE, Message, OutOfPlace, Report, State, later};
use crate::id::AttemptId;
use crate::mail::gate::Refusal;

/// How long to wait for proof that an unanswered mail to sales was sent after all.
const EVIDENCE: SignedDuration = SignedDuration::from_mins(2);
/// The same for mail to a lead: nobody waits for it, and twice is worse than late.
const LETTER_EVIDENCE: SignedDuration = SignedDuration::from_mins(30);
/// After so many refusals "for now" a message is held; with [`backoff`] that is about two hours.
const MAX_TRIES: u32 = 8;
/// After so many calls without an answer a message is held.
const MAX_UNANSWERED: u32 = 2;
/// How many of the newest events a message keeps.
const MAX_HISTORY: usize = 20;

impl Message {
    /// The message after an event.
    ///
    /// # Errors
    /// [`OutOfPlace`] if the event cannot happen to it as it stands.
    pub fn after(&self, event: Event, now: Timestamp) -> Result<Self, OutOfPlace> {
        let mut next = self.clone();
        next.state = next.step(&event, now)?;
        next.revision += 1;
        next.history.push(Entry { at: now, event });
        if next.history.len() > MAX_HISTORY {
            // A message may be put off for weeks; its tries are remembered longer than that.
            let dispensable =
                next.history.iter().take(MAX_HISTORY).position(|entry| matches!(entry.event, Event::Deferred { .. }));
            next.history.remove(dispensable.unwrap_or(0));
        }
        Ok(next)
    }

    /// Where the event leads, with the counts moved along.
    fn step(&mut self, event: &Event, now: Timestamp) -> Result<State, OutOfPlace> {
        use Event::{
            Accepted, Claimed, Deferred, GivenUp, LeaseEnded, Never, NoAnswer, NotNow, Refused, Rejected, Released, Reported,
        };
        let state = self.state.clone();
        Ok(match (&state, event) {
            (State::Pending { due: free } | State::Unknown { until: free, .. }, Claimed { attempt }) if *free <= now => {
                State::Claimed { attempt: attempt.clone(), lease: later(now, LEASE) }
            }

            (State::Pending { .. }, Deferred { until, .. }) => State::Pending { due: *until },
            (State::Unknown { attempt, .. }, Deferred { until, .. }) => {
                State::Unknown { attempt: attempt.clone(), until: *until }
            }
            (State::Pending { .. } | State::Unknown { .. }, Refused { why }) => match why {
                Refusal::Suppressed | Refusal::NoConsent | Refusal::OptedOut | Refusal::Unwanted | Refusal::NoAddress => {
                    State::Failed
                }
                Refusal::LeadGone | Refusal::Merged | Refusal::TooLate | Refusal::Cancelled => State::Expired,
                Refusal::NoSuchOwner | Refusal::NoSuchMail => State::Held,
            },

            // An answer that comes after its lease is as good as one in time, while no other try was begun.
            (State::Claimed { attempt: own, .. } | State::Unknown { attempt: own, .. }, Accepted { attempt, ses })
                if own == attempt =>
            {
                State::Sent { attempt: attempt.clone(), ses: ses.clone() }
            }
            (State::Claimed { attempt: own, .. } | State::Unknown { attempt: own, .. }, Never { attempt, .. })
                if own == attempt =>
            {
                State::Failed
            }
            (State::Claimed { attempt: own, .. } | State::Unknown { attempt: own, .. }, NotNow { attempt, .. })
                if own == attempt =>
            {
                if matches!(state, State::Unknown { .. }) {
                    self.unanswered = self.unanswered.saturating_sub(1);
                }
                self.tries += 1;
                if self.tries < MAX_TRIES { State::Pending { due: later(now, backoff(self.tries)) } } else { State::Held }
            }

            (State::Claimed { attempt: own, .. }, NoAnswer { attempt, .. }) if own == attempt => self.open_since(now, own),
            // The wait for proof began when the call was over, however late somebody notices.
            (State::Claimed { attempt, lease }, LeaseEnded) if *lease <= now => self.open_since(*lease, attempt),

            // Proof that it was sent is believed whatever was thought of it, but for SES's own word that it did not go on
            // with it; what is known already changes nothing.
            (State::Sent { .. }, Reported { report, .. }) if self.report.unwrap_or(Report::Sent) < *report => {
                self.report = Some(*report);
                state
            }
            (
                State::Pending { .. }
                | State::Claimed { .. }
                | State::Unknown { .. }
                | State::Failed
                | State::Expired
                | State::Held,
                Reported { report, attempt, ses },
            ) if self.has_been_tried() && !self.was_rejected() => {
                self.report = Some(*report);
                let attempt = attempt.clone().or_else(|| self.last_attempt()).unwrap_or_else(|| AttemptId::derive(&["unknown"]));
                State::Sent { attempt, ses: ses.clone().unwrap_or_default() }
            }
            (
                State::Pending { .. } | State::Claimed { .. } | State::Unknown { .. } | State::Sent { .. } | State::Held,
                Rejected { .. },
            ) if self.has_been_tried() && self.report.is_none_or(|known| known < Report::Delivered) => State::Failed,

            (State::Held, Released) => {
                (self.tries, self.unanswered) = (0, 0);
                State::Pending { due: now }
            }
            (State::Held, GivenUp) => State::Failed,

            (
                State::Pending { .. }
                | State::Claimed { .. }
                | State::Unknown { .. }
                | State::Sent { .. }
                | State::Failed
                | State::Expired
                | State::Held,
                Claimed { .. }
                | Accepted { .. }
                | NotNow { .. }
                | Never { .. }
                | NoAnswer { .. }
                | LeaseEnded
                | Deferred { .. }
                | Refused { .. }
                | Reported { .. }
                | Rejected { .. }
                | Released
                | GivenUp,
            ) => return Err(OutOfPlace),
        })
    }

    /// Nobody knows whether this try sent it.
    fn open_since(&mut self, over: Timestamp, attempt: &AttemptId) -> State {
        self.unanswered += 1;
        if self.unanswered < MAX_UNANSWERED {
            State::Unknown { attempt: attempt.clone(), until: later(over, self.evidence()) }
        } else {
            State::Held
        }
    }

    /// Whether any try was ever begun: nothing can be reported of a mail that nobody tried to send.
    #[must_use]
    pub fn has_been_tried(&self) -> bool {
        self.last_attempt().is_some()
    }

    fn was_rejected(&self) -> bool {
        self.history.iter().any(|entry| matches!(entry.event, Event::Rejected { .. }))
    }

    /// The newest try; the history keeps the newest events, of which the tries are a part.
    fn last_attempt(&self) -> Option<AttemptId> {
        match &self.state {
            State::Claimed { attempt, .. } | State::Unknown { attempt, .. } | State::Sent { attempt, .. } => {
                Some(attempt.clone())
            }
            State::Pending { .. } | State::Failed | State::Expired | State::Held => {
                self.history.iter().rev().find_map(|entry| match &entry.event {
                    Event::Claimed { attempt } => Some(attempt.clone()),
                    _ => None,
                })
            }
        }
    }

    /// How long to wait for proof that an unanswered try sent it.
    fn evidence(&self) -> SignedDuration {
        match self.content {
            Content::Alert(_) | Content::Correction(_) | Content::Summary(_) | Content::Notice(_) => EVIDENCE,
            Content::Letter(_) => LETTER_EVIDENCE,
        }
    }
}

/// How long a message rests after its nth refusal "for now": a minute, doubled each time.
#[must_use]
fn backoff(tries: u32) -> SignedDuration {
    SignedDuration::from_mins(1_i64 << tries.saturating_sub(1).min(6))
}
