//! Times: the sender's clock is data, corrected by what it says of itself; the server's decides.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::refusal::{Code, Refusal};

/// What happened longer ago is kept but triggers nothing.
pub(crate) const LATE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// When something happened, as told and as believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// By the sender's own clock; when it was received, if the sender tells no time.
    pub(crate) sent: Timestamp,
    /// Corrected; never after it was received.
    pub(crate) at: Timestamp,
}

impl Times {
    /// A sender's clock that is wrong is as wrong about when the request left: the difference to when it came corrects
    /// both. Without that time the sender's clock is believed, but not into the future.
    pub(crate) fn of(timestamp: Option<Timestamp>, sent_at: Option<Timestamp>, received: Timestamp) -> Self {
        let Some(sent) = timestamp else { return Self { sent: received, at: received } };
        let skew = sent_at.map_or(SignedDuration::ZERO, |sent_at| received.duration_since(sent_at));
        Self { sent, at: sent.saturating_add(skew).unwrap_or(received).min(received) }
    }
}

/// A moment as senders write it: ISO 8601, in UTC where no offset is given; in whole milliseconds, as keys have it.
///
/// # Errors
/// If it is none, or none since 1970.
pub(crate) fn moment(text: &str) -> Result<Timestamp, Refusal> {
    let text = text.trim();
    let found = text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    });
    found
        .filter(|moment| *moment >= Timestamp::UNIX_EPOCH)
        .and_then(|moment| Timestamp::from_millisecond(moment.as_millisecond()).ok())
        .ok_or_else(|| Code::InvalidTime.because("a time must be a date as in 2026-11-22T09:30:00.000Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_since_1970() {
        let check = |text: &str, wanted: Option<&str>| {
            assert_eq!(moment(text).ok().map(|m| m.to_string()).as_deref(), wanted, "{text}");
        };
        check("2026-11-22T09:30:00.123456Z", Some("2026-11-22T09:30:00.123Z"));
        check("2026-11-22T09:30:00+09:00", Some("2026-11-22T00:30:00Z"));
        check("2026-11-22 09:30:00.5", Some("2026-11-22T09:30:00.5Z"));
        check("2026-11-22", Some("2026-11-22T00:00:00Z"));
        for bad in ["", "yesterday", "1763803800", "1969-12-31T23:59:59Z", "-000001-01-01T00:00:00Z", "2026-13-01", "10000-01-01"]
        {
            check(bad, None);
        }
    }

    #[test]
    fn the_skew_of_a_clock_is_taken_out_and_the_future_cut_off() {
        let at = |text: &str| moment(text).unwrap();
        let received = at("2026-11-22T10:00:00Z");
        let check = |timestamp: Option<&str>, sent_at: Option<&str>, wanted: &str| {
            let times = Times::of(timestamp.map(at), sent_at.map(at), received);
            assert_eq!(times.at, at(wanted));
            assert_eq!(times.sent, timestamp.map_or(received, at));
        };
        check(None, None, "2026-11-22T10:00:00Z");
        check(None, Some("2020-01-01"), "2026-11-22T10:00:00Z");
        check(Some("2026-11-22T09:00:00Z"), None, "2026-11-22T09:00:00Z");
        check(Some("2026-11-22T09:00:00Z"), Some("2026-11-22T09:30:00Z"), "2026-11-22T09:30:00Z");
        // A clock a year ahead, that says so itself or not.
        check(Some("2027-11-22T09:00:00Z"), Some("2027-11-22T10:00:00Z"), "2026-11-22T09:00:00Z");
        check(Some("2027-11-22T09:00:00Z"), None, "2026-11-22T10:00:00Z");
        check(Some("9999-12-30T00:00:00Z"), Some("1970-01-01T00:00:00Z"), "2026-11-22T10:00:00Z");
    }
}
