//! Opens and clicks of mail: whether a person did it follows from all that is known of the message.
//!
//! Scanners look through a mail before its reader does: right when it is delivered, and at all of its links at once. So a
//! click is a machine's if it comes before a person can have read the mail, or with a click on another link of it. That
//! other click may be yet to come, and the word that the mail was delivered may come late: until it is time to decide, a
//! click is unclear, and what becomes known later still changes the verdict.

use jiff::{SignedDuration, Timestamp};

use super::{Signals, Verdict};

/// Nobody reads a mail and clicks in it sooner than this after it is delivered.
pub const READING: SignedDuration = SignedDuration::from_secs(10);
/// Nobody follows two links of a mail in less time than this.
pub const BETWEEN_LINKS: SignedDuration = SignedDuration::from_secs(10);
/// How long the word that a mail was delivered is waited for after a click, which shows that it was.
pub const WORD_OF_DELIVERY: SignedDuration = SignedDuration::from_secs(60);

/// What is known of one message: when it was sent and delivered, and which of its links were followed when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// When it was sent; more than once if its proof was lost.
    pub sent: Vec<Timestamp>,
    /// When mail servers took it.
    pub delivered: Vec<Timestamp>,
    /// Which of its links were followed when, by whomever, oldest first.
    pub clicks: Vec<(Timestamp, u16)>,
}

/// A verdict, and until when it waits for more to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// Whether a person did it.
    pub verdict: Verdict,
    /// When an unclear verdict is decided; none: it is as it stays, unless something else becomes known.
    pub until: Option<Timestamp>,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, until: None }
    }
}

impl Trail {
    /// Who followed this link at `at`, as known at `now`.
    #[must_use]
    pub fn click(&self, link: u16, at: Timestamp, signals: &Signals, now: Timestamp) -> Judged {
        if signals.verdict() != Verdict::Human {
            return signals.verdict().into();
        }
        if self.is_too_soon(at, signals) || self.is_one_of_many(link, at) {
            return Verdict::Machine.into();
        }
        let wait = if self.delivered.is_empty() { WORD_OF_DELIVERY.max(BETWEEN_LINKS) } else { BETWEEN_LINKS };
        decided_after(wait, at, now)
    }

    /// Who opened the mail at `at`. Nothing hangs on it, so nothing is waited for.
    #[must_use]
    pub fn open(&self, at: Timestamp, signals: &Signals) -> Verdict {
        match signals.verdict() {
            Verdict::Human if self.is_too_soon(at, signals) => Verdict::Machine,
            verdict => verdict,
        }
    }

    /// Whether nobody can have read the mail yet. Its delivery tells; while that is not known, its sending.
    fn is_too_soon(&self, at: Timestamp, signals: &Signals) -> bool {
        let before = |moments: &[Timestamp]| moments.iter().copied().filter(|moment| *moment <= at).max();
        let age = if self.delivered.is_empty() {
            let sent = before(&self.sent).map(|sent| at.duration_since(sent));
            let told = signals.since_sent.and_then(|millis| i64::try_from(millis).ok()).map(SignedDuration::from_millis);
            sent.or(told)
        } else {
            // What is clicked before it is delivered is clicked by whoever delivers it.
            Some(before(&self.delivered).map_or(SignedDuration::ZERO, |delivered| at.duration_since(delivered)))
        };
        age.is_some_and(|age| age < READING)
    }

    /// Whether another link was followed at the same time, as far as people go.
    fn is_one_of_many(&self, link: u16, at: Timestamp) -> bool {
        let first = self.clicks.partition_point(|(then, _)| at.duration_since(*then) >= BETWEEN_LINKS);
        let near = self.clicks.iter().skip(first).take_while(|(then, _)| then.duration_since(at) < BETWEEN_LINKS);
        near.into_iter().any(|(_, other)| *other != link)
    }
}

/// Who clicked at `at`, by the request alone: what was thought of it before anything else became known.
#[must_use]
pub fn at_face_value(at: Timestamp, signals: &Signals, now: Timestamp) -> Judged {
    match signals.verdict() {
        Verdict::Human => decided_after(BETWEEN_LINKS, at, now),
        verdict => verdict.into(),
    }
}

fn decided_after(wait: SignedDuration, at: Timestamp, now: Timestamp) -> Judged {
    let until = at.saturating_add(wait).unwrap_or(Timestamp::MAX);
    if now < until { Judged { verdict: Verdict::Unclear, until: Some(until) } } else { Verdict::Human.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::UserAgent;

    /// A moment, in milliseconds from when the mail was sent.
    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    fn trail(sent: &[i64], delivered: &[i64], clicks: &[(i64, u16)]) -> Trail {
        let moments = |millis: &[i64]| millis.iter().copied().map(at).collect();
        let clicks = clicks.iter().map(|(millis, link)| (at(*millis), *link)).collect();
        Trail { sent: moments(sent), delivered: moments(delivered), clicks }
    }

    const DAY: i64 = 86_400_000;

    /// What is thought, long afterwards, of a click on the first link.
    fn late(trail: &Trail, millis: i64) -> Verdict {
        trail.click(0, at(millis), &Signals::default(), at(DAY)).verdict
    }

    #[test]
    fn nobody_clicks_before_reading() {
        let check = |delivered: &[i64], click: i64, wanted: Verdict| {
            assert_eq!(late(&trail(&[0], delivered, &[(click, 0)]), click), wanted, "{delivered:?} {click}");
        };
        check(&[2_000], 11_999, Verdict::Machine);
        check(&[2_000], 12_000, Verdict::Human);
        check(&[2_000], 1_999, Verdict::Machine);
        // While nothing is known of its delivery, its sending counts.
        check(&[], 9_999, Verdict::Machine);
        check(&[], 10_000, Verdict::Human);
        // Word that it was delivered late changes what was thought.
        check(&[3_600_000], 3_605_000, Verdict::Machine);
        // Sent twice: each delivery is looked through.
        check(&[2_000, 900_000], 60_000, Verdict::Human);
        check(&[2_000, 900_000], 909_999, Verdict::Machine);
        check(&[2_000, 900_000], 910_000, Verdict::Human);
    }

    #[test]
    fn what_the_message_said_of_its_sending_counts_while_the_log_says_nothing() {
        let check = |sent: &[i64], since: Option<u64>, wanted: Verdict| {
            let signals = Signals { since_sent: since, ..Signals::default() };
            let click = trail(sent, &[], &[(60_000, 0)]).click(0, at(60_000), &signals, at(DAY));
            assert_eq!(click.verdict, wanted, "{sent:?} {since:?}");
        };
        check(&[], None, Verdict::Human);
        check(&[], Some(9_999), Verdict::Machine);
        check(&[], Some(10_000), Verdict::Human);
        check(&[0], Some(1), Verdict::Human);
    }

    #[test]
    fn nobody_follows_two_links_at_once() {
        let check = |clicks: &[(i64, u16)], click: i64, wanted: Verdict| {
            assert_eq!(late(&trail(&[0], &[1_000], clicks), click), wanted, "{clicks:?} {click}");
        };
        check(&[(60_000, 0), (69_999, 1)], 60_000, Verdict::Machine);
        check(&[(60_000, 0), (70_000, 1)], 60_000, Verdict::Human);
        check(&[(50_001, 1), (60_000, 0)], 60_000, Verdict::Machine);
        check(&[(50_000, 1), (60_000, 0)], 60_000, Verdict::Human);
        // The same link twice is somebody impatient.
        check(&[(60_000, 0), (60_300, 0)], 60_300, Verdict::Human);
        check(&[(60_000, 0), (60_000, 0), (60_000, 0), (60_001, 7)], 60_000, Verdict::Machine);
    }

    #[test]
    fn a_click_is_unclear_until_nothing_more_can_come() {
        let judged = |trail: &Trail, now: i64| trail.click(0, at(60_000), &Signals::default(), at(now));
        let unclear = |until: i64| Judged { verdict: Verdict::Unclear, until: Some(at(until)) };
        let delivered = trail(&[0], &[1_000], &[(60_000, 0)]);
        assert_eq!(judged(&delivered, 60_000), unclear(70_000));
        assert_eq!(judged(&delivered, 69_999), unclear(70_000));
        assert_eq!(judged(&delivered, 70_000), Verdict::Human.into());
        let on_its_way = trail(&[0], &[], &[(60_000, 0)]);
        assert_eq!(judged(&on_its_way, 119_999), unclear(120_000));
        assert_eq!(judged(&on_its_way, 120_000), Verdict::Human.into());
    }

    #[test]
    fn what_gives_itself_away_is_a_machine_at_once() {
        let trail = trail(&[0], &[1_000], &[(60_000, 0)]);
        let judged = |signals: Signals| trail.click(0, at(60_000), &signals, at(60_000));
        assert_eq!(judged(Signals { head: true, ..Signals::default() }), Verdict::Machine.into());
        let robot = Signals { user_agent: UserAgent::Robot("bot".to_owned()), ..Signals::default() };
        assert_eq!(judged(robot.clone()), Verdict::Machine.into());
        assert_eq!(judged(Signals { user_agent: UserAgent::Missing, ..Signals::default() }), Verdict::Unclear.into());
        assert_eq!(trail.open(at(60_000), &robot), Verdict::Machine);
        assert_eq!(trail.open(at(10_999), &Signals::default()), Verdict::Machine);
        assert_eq!(trail.open(at(11_000), &Signals::default()), Verdict::Human);
    }

    #[test]
    fn at_face_value_only_the_request_counts() {
        let judged = |now: i64| at_face_value(at(5), &Signals::default(), at(now)).verdict;
        assert_eq!((judged(10_004), judged(10_005)), (Verdict::Unclear, Verdict::Human));
        let head = Signals { head: true, ..Signals::default() };
        assert_eq!(at_face_value(at(0), &head, at(DAY)), Verdict::Machine.into());
    }
}
