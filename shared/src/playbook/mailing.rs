//! `mail` in `playbook.yaml`: how much mail a lead gets, and when.

use jiff::Timestamp;
use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

use super::hours::Hours;
use super::span::Span;
use super::{Setup, Text};
use crate::id::TopicId;

/// How mail to leads is sent. Every figure has a default that suits a small company.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct MailRules {
    /// What a reader may choose to get or not to get.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<Topic>,
    /// How much marketing mail one lead gets.
    pub cap: Cap,
    /// When marketing mail goes out.
    pub window: Window,
    /// When mail that cannot be delivered is given up.
    pub bounces: BounceRule,
    /// When marketing mail stops by itself.
    pub pause: Pause,
    /// Mails to leads a second in the long run, as far as SES allows it.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 500)))]
    pub per_second: u32,
}

/// Something that readers may choose to get or not to get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Topic {
    /// A short name, by which mails call it.
    pub id: TopicId,
    /// What readers see.
    pub name: Text,
}

/// At most so many marketing mails to one lead within this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Cap {
    /// How many.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 100)))]
    pub mails: u32,
    /// Within how long.
    pub within: Span,
}

/// Days and hours, by the playbook's time zone and without its holidays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Window {
    /// Days of the week.
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub days: Vec<Day>,
    /// From this hour on.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0, max = 23)))]
    pub from: u32,
    /// Until this hour.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 24)))]
    pub to: u32,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the days of the week")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// An address is given up when mail to it bounced "for now" so often within this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct BounceRule {
    /// How often.
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 100)))]
    pub times: u32,
    /// Within how long.
    pub within: Span,
}

/// Marketing mail stops when more of it than this comes back, in per cent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Pause {
    /// Bounces, in per cent of what was sent.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0.1, max = 100)))]
    pub bounces: f64,
    /// Complaints, in per cent of what was sent.
    #[cfg_attr(feature = "authoring", schemars(range(min = 0.01, max = 100)))]
    pub complaints: f64,
}

impl Default for MailRules {
    /// Pauses below the rates at which SES looks into an account: 5 % and 0.1 %, see
    /// <https://docs.aws.amazon.com/ses/latest/dg/reputationdashboardmessages.html>.
    fn default() -> Self {
        Self {
            topics: vec![],
            cap: Cap { mails: 3, within: Span::days(7) },
            window: Window { days: vec![Day::Mon, Day::Tue, Day::Wed, Day::Thu, Day::Fri], from: 8, to: 19 },
            bounces: BounceRule { times: 3, within: Span::days(30) },
            pause: Pause { bounces: 4.0, complaints: 0.08 },
            per_second: 10,
        }
    }
}

impl MailRules {
    pub(super) fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

impl Day {
    pub(crate) fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

impl Setup {
    /// When marketing mail may go out that is wanted at `now`: now, or when the window opens next.
    #[must_use]
    pub fn opens(&self, now: Timestamp) -> Timestamp {
        self.hours().opening(now)
    }

    /// The days and hours of marketing mail.
    #[must_use]
    pub fn hours(&self) -> Hours<'_> {
        let window = &self.mail.window;
        let zone = self.time_zone.get().clone();
        Hours { days: &window.days, from: window.from, to: window.to, zone, setup: self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_opens_on_the_next_working_day() {
        let mut setup = crate::fold::tests::playbook().setup;
        setup.holidays = vec![jiff::civil::date(2026, 11, 23)];
        for (now, opens) in [
            // Friday noon in Tokyo, early, late; Monday is a holiday.
            ("2026-11-20T03:00:00Z", "2026-11-20T03:00:00Z"),
            ("2026-11-19T20:00:00Z", "2026-11-19T23:00:00Z"),
            ("2026-11-20T10:00:00Z", "2026-11-23T23:00:00Z"),
            ("2026-11-22T03:00:00Z", "2026-11-23T23:00:00Z"),
        ] {
            assert_eq!(setup.opens(now.parse().unwrap()), opens.parse::<Timestamp>().unwrap(), "{now}");
        }
    }
}
