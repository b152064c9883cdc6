//! Lengths of time as marketers write them: `30d`, `12h`, `15m`.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Language;

/// A length of time, in whole minutes, hours, days or weeks; a day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span {
    minutes: i64,
}

/// Why a text is no length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a length of time is a whole number with m, h, d or w behind it, as in 30d")]
pub struct InvalidSpan;

impl Span {
    /// A span of whole days.
    #[must_use]
    pub const fn days(days: i32) -> Self {
        Self { minutes: days as i64 * 24 * 60 }
    }

    /// The span as a duration.
    #[must_use]
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_mins(self.minutes)
    }

    /// The span in milliseconds.
    #[must_use]
    pub fn millis(self) -> f64 {
        self.minutes as f64 * 60_000.0
    }
}

impl Span {
    /// The span as people say it: `14 days`.
    #[must_use]
    pub fn words(self, language: Language) -> String {
        let (count, [en, ja]) = match self.minutes {
            m if m % (24 * 60) == 0 => (m / (24 * 60), ["day", "日"]),
            m if m % 60 == 0 => (m / 60, ["hour", "時間"]),
            m => (m, ["minute", "分"]),
        };
        match language {
            Language::En => format!("{count} {en}{}", if count == 1 { "" } else { "s" }),
            Language::Ja => format!("{count}{ja}"),
        }
    }
}

impl TryFrom<String> for Span {
    type Error = InvalidSpan;
    fn try_from(text: String) -> Result<Self, InvalidSpan> {
        let unit = match text.chars().last() {
            Some('m') => 1,
            Some('h') => 60,
            Some('d') => 24 * 60,
            Some('w') => 7 * 24 * 60,
            _ => return Err(InvalidSpan),
        };
        let digits = text.get(..text.len() - 1).unwrap_or_default();
        if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidSpan);
        }
        match digits.parse::<i64>() {
            Ok(number) if number > 0 => Ok(Self { minutes: number * unit }),
            _ => Err(InvalidSpan),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.minutes;
        if minutes % (24 * 60) == 0 {
            write!(f, "{}d", minutes / (24 * 60))
        } else if minutes % 60 == 0 {
            write!(f, "{}h", minutes / 60)
        } else {
            write!(f, "{minutes}m")
        }
    }
}

/// A length of time before (`-30d`) or after (`30d`) something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Offset {
    before: bool,
    span: Span,
}

/// Why a text is no offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an offset is a whole number with m, h, d or w behind it, as in 30d, or with a minus before it, as in -30d")]
pub struct InvalidOffset;

impl Offset {
    /// The offset as a duration, negative for before.
    #[must_use]
    pub fn duration(self) -> SignedDuration {
        if self.before { -self.span.duration() } else { self.span.duration() }
    }

    /// The offset as people say it: `30 days before`.
    #[must_use]
    pub fn words(self, language: Language) -> String {
        let span = self.span.words(language);
        match (language, self.before) {
            (Language::En, true) => format!("{span} before"),
            (Language::En, false) => format!("{span} after"),
            (Language::Ja, true) => format!("{span}前"),
            (Language::Ja, false) => format!("{span}後"),
        }
    }
}

impl TryFrom<String> for Offset {
    type Error = InvalidOffset;
    fn try_from(text: String) -> Result<Self, InvalidOffset> {
        let (before, rest) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
        let span = Span::try_from(rest.to_owned()).map_err(|_| InvalidOffset)?;
        Ok(Self { before, span })
    }
}

impl From<Offset> for String {
    fn from(offset: Offset) -> Self {
        offset.to_string()
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.before { "-" } else { "" }, self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_and_a_unit() {
        for (text, minutes) in [("15m", 15), ("2h", 120), ("30d", 43_200), ("1w", 10_080)] {
            assert_eq!(Span::try_from(text.to_owned()).map(|s| s.minutes), Ok(minutes));
        }
        for bad in ["", "d", "0d", "-1d", "1.5d", "1 d", "30", "1y", "1234567d", "３d"] {
            assert_eq!(Span::try_from(bad.to_owned()), Err(InvalidSpan), "{bad}");
        }
    }
}
