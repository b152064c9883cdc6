//! One line of an access log in combined format.
//!
//! ```text
//! 192.0.2.1 - ann [17/May/2015:10:05:03 +0000] "GET /pricing HTTP/1.1" 200 5316 "https://example.com/" "Mozilla/5.0 (…)"
//! ```
//!
//! What some servers write before the address (the virtual host) belongs to the address; what they write behind the user
//! agent is left alone.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// A request, as the log tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Who asked.
    pub(super) address: &'a str,
    /// When.
    pub(super) at: Timestamp,
    /// How; empty if the request was none.
    pub(super) method: &'a str,
    /// For what: a path with its query, or a whole address.
    pub(super) target: &'a str,
    /// What the server answered.
    pub(super) status: u16,
    /// The page that led there.
    pub(super) referrer: Option<&'a str>,
    /// What asked.
    pub(super) user_agent: Option<&'a str>,
}

impl<'a> Line<'a> {
    /// Reads a line; none if it is not one in combined format.
    #[must_use]
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (who, rest) = line.split_once(" [")?;
        let (time, rest) = rest.split_once("] ")?;
        let (request, rest) = quoted(rest)?;
        let mut numbers = rest.trim_start().splitn(3, ' ');
        let status = numbers.next()?.parse().ok().filter(|status| (100..1000).contains(status))?;
        let size = numbers.next()?;
        if size != "-" && !size.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (referrer, rest) = quoted(numbers.next()?.trim_start())?;
        let (user_agent, _) = quoted(rest.trim_start())?;

        // Address, identity, user: the last two are single words, so that a virtual host may stand before them.
        let mut words = who.rsplitn(3, ' ');
        let address = words.nth(2).filter(|address| !address.is_empty())?;
        let (method, target) = asked_for(request).unwrap_or_default();
        Some(Self { address, at: moment(time)?, method, target, status, referrer: told(referrer), user_agent: told(user_agent) })
    }
}

/// What stands in quotes at the start, in which a quote is written `\"`; and what stands behind.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    Some((inside.get(..end)?, inside.get(end + 1..)?))
}

fn told(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty() && *text != "-")
}

/// Method and target of a request line; the oldest clients leave the version away.
fn asked_for(request: &str) -> Option<(&str, &str)> {
    let (method, rest) = request.split_once(' ')?;
    let known = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let target = rest.rsplit_once(" HTTP/").map_or(rest, |(target, _)| target);
    (known && !target.is_empty()).then_some((method, target))
}

/// `17/May/2015:10:05:03 +0000`.
fn moment(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    if text.len() != 26 || !text.is_ascii() {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
    let small = |from: usize, to: usize| i8::try_from(number(from, to)?).ok();
    let marks = [(2, "/"), (6, "/"), (11, ":"), (14, ":"), (17, ":"), (20, " ")];
    if marks.iter().any(|(at, mark)| text.get(*at..at + 1) != Some(*mark)) {
        return None;
    }
    let month = MONTHS.iter().position(|month| text.get(3..6) == Some(month))?;
    let day = Date::new(number(7, 11)?, i8::try_from(month + 1).ok()?, small(0, 2)?).ok()?;
    let time = Time::new(small(12, 14)?, small(15, 17)?, small(18, 20)?, 0).ok()?;
    let sign = match text.get(21..22)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let seconds = sign * (i32::from(number(22, 24)?) * 60 + i32::from(number(24, 26)?)) * 60;
    Offset::from_seconds(seconds).ok()?.to_timestamp(day.to_datetime(time)).ok()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const AGENT: &str = r#""Mozilla/5.0 (X11; \"x\")""#;

    fn moment_of(text: &str) -> Option<String> {
        moment(text).map(|moment| moment.to_string())
    }

    #[test]
    fn a_line_is_read_with_what_may_stand_around_it() {
        let line = format!(
            r#"192.0.2.1 - ann [17/May/2015:10:05:03 +0200] "GET /a?b=\"c\" HTTP/1.1" 200 5316 "http://x.test/" {AGENT}"#
        );
        let read = Line {
            address: "192.0.2.1",
            at: date(2015, 5, 17).at(8, 5, 3, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp(),
            method: "GET",
            target: r#"/a?b=\"c\""#,
            status: 200,
            referrer: Some("http://x.test/"),
            user_agent: Some(r#"Mozilla/5.0 (X11; \"x\")"#),
        };
        assert_eq!(Line::parse(&line), Some(read));
        assert_eq!(Line::parse(&format!("{line} \"198.51.100.7\" 0.012")), Some(read));
        let virtual_host = format!("www.example.com:443 {line}");
        assert_eq!(Line::parse(&virtual_host), Some(Line { address: "www.example.com:443 192.0.2.1", ..read }));
    }

    #[test]
    fn a_request_that_is_none_is_still_a_line() {
        let check = |request: &str, wanted: (&str, &str)| {
            let line = format!(r#"::1 - - [17/May/2015:10:05:03 +0000] "{request}" 400 - "-" "-""#);
            let read = Line::parse(&line).unwrap();
            assert_eq!((read.method, read.target, read.referrer, read.user_agent), (wanted.0, wanted.1, None, None), "{request}");
        };
        check("-", ("", ""));
        check(r"\x16\x03\x01", ("", ""));
        check("GET /old", ("GET", "/old"));
        check("GET /with blank HTTP/1.1", ("GET", "/with blank"));
        check("GET  HTTP/1.1", ("", ""));
    }

    #[test]
    fn what_is_no_line_is_told() {
        let whole = format!(r#"192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5316 "-" {AGENT}"#);
        assert!(Line::parse(&whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(Line::parse(&whole[..end]), None, "{}", &whole[..end]);
        }
        for bad in
            [whole.replace("200", "20x"), whole.replace("5316", "many"), whole.replace("May", "Mai"), "\u{feff}".to_owned()]
        {
            assert_eq!(Line::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn times_are_read_with_their_offset() {
        assert_eq!(moment_of("29/Feb/2016:23:59:59 -0330").as_deref(), Some("2016-03-01T03:29:59Z"));
        for bad in [
            "29/Feb/2015:23:59:59 +0000",
            "1/Mar/2015:00:00:00 +0000",
            "01/Mar/2015:24:00:00 +0000",
            "01/Mar/2015:00:00:00 0000",
            "01-Mar-2015:00:00:00 +0000",
        ] {
            assert_eq!(moment_of(bad), None, "{bad}");
        }
    }
}
