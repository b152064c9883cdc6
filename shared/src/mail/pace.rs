//! How fast mail goes out: one allowance for all functions that run at the same time, taken in blocks.
//!
//! The allowance of a lane is one moment, `free_at`: how far ahead its mail is booked. A block of n mails moves it n
//! intervals on, and it may lie [`Lane::burst`] intervals ahead of now and no further. So an idle lane has `burst` mails to
//! spend at once and gets `per_second` back each second.

use jiff::Timestamp;

/// A share of the pace. Alerts have one of their own, so that no campaign can hold one up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Mail to sales about a lead.
    Alerts,
    /// Mail to leads.
    Letters {
        /// Mails a second in the long run, as the playbook has it.
        per_second: u32,
    },
}

/// What a lane gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// So many mails may go out; the lane is booked until then.
    Granted {
        /// How many, at least one.
        mails: u32,
        /// The lane's new `free_at`.
        free_at: Timestamp,
    },
    /// None before this moment.
    Empty {
        /// When there is one again.
        until: Timestamp,
    },
}

impl Lane {
    /// The lane's word, as in keys.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Letters { .. } => "letters",
        }
    }

    /// Milliseconds from one mail to the next in the long run. SES lets a new account send 14 a second in all; where an
    /// account may send less, it throttles, and the message waits its time.
    fn interval(self) -> i64 {
        match self {
            Self::Alerts => 100,
            Self::Letters { per_second } => i64::from(1000_u32.div_ceil(per_second.max(1))),
        }
    }

    /// Mails at once after a rest: of letters a second's, since SES counts by the second.
    fn burst(self) -> i64 {
        match self {
            Self::Alerts => 50,
            Self::Letters { per_second } => i64::from(per_second.max(1)),
        }
    }

    /// A block of up to `wanted` mails, given how far the lane is booked.
    #[must_use]
    pub fn block(self, booked: Option<Timestamp>, wanted: u32, now: Timestamp) -> Block {
        let interval = self.interval();
        let now = now.as_millisecond();
        let booked = booked.map_or(now, |at| at.as_millisecond().max(now));
        let left = (now + self.burst() * interval - booked) / interval;
        let at = |millis| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
        match u32::try_from(left.clamp(0, i64::from(wanted.max(1)))) {
            Ok(mails) if mails > 0 => Block::Granted { mails, free_at: at(booked + i64::from(mails) * interval) },
            _ => Block::Empty { until: at(booked - (self.burst() - 1) * interval) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_lane_at_rest_spends_its_burst_and_then_keeps_pace() {
        let mut booked = None;
        let mut sent = 0;
        loop {
            match Lane::Alerts.block(booked, 20, at(0)) {
                Block::Granted { mails, free_at } => {
                    sent += mails;
                    booked = Some(free_at);
                }
                Block::Empty { until } => {
                    assert_eq!(until, at(100));
                    break;
                }
            }
        }
        assert_eq!(sent, 50);
        assert_eq!(Lane::Alerts.block(booked, 20, at(99)), Block::Empty { until: at(100) });
        assert_eq!(Lane::Alerts.block(booked, 20, at(100)), Block::Granted { mails: 1, free_at: at(5100) });
        assert_eq!(Lane::Alerts.block(booked, 20, at(1000)), Block::Granted { mails: 10, free_at: at(6000) });
    }

    #[test]
    fn letters_keep_the_pace_of_the_playbook() {
        let lane = Lane::Letters { per_second: 300 };
        assert_eq!(lane.block(None, 1000, at(0)), Block::Granted { mails: 300, free_at: at(1200) }, "never more than 300");
        assert_eq!(lane.block(Some(at(1200)), 1000, at(3)), Block::Empty { until: at(4) });
        assert_eq!(Lane::Letters { per_second: 0 }.block(None, 9, at(0)), Block::Granted { mails: 1, free_at: at(1000) });
    }

    #[test]
    fn rest_is_not_hoarded() {
        assert_eq!(Lane::Alerts.block(Some(at(-1_000_000)), 500, at(0)), Block::Granted { mails: 50, free_at: at(5000) });
        assert_eq!(Lane::Alerts.block(Some(at(-1)), 1, at(0)), Block::Granted { mails: 1, free_at: at(100) });
        assert_eq!(Lane::Alerts.block(None, 0, at(0)), Block::Granted { mails: 1, free_at: at(100) }, "nobody asks for none");
    }
}
