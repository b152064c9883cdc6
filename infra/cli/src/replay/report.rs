//! The report of a replay: what was in the log, and who was hottest at its end.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use michi::activity::Kind;
use michi::fold::fold;
use michi::id::RuleId;
use michi::lead::{Lead, Level, Phase};
use michi::playbook::Playbook;
use michi::verdict::{Signals, UserAgent};
use serde::Serialize;

use super::asked::NoPage;
use super::trail::Trail;
use super::{Place, Replay};

/// How many of the hottest visitors are named.
const HOTTEST: usize = 20;
/// How long a visitor's name is.
const NAME: usize = 8;

/// What a log says. Each request is counted once: as a page, a download, no page, or a page that a robot asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Lines that are not empty.
    pub lines: u64,
    /// Lines that could be read.
    pub requests: u64,
    /// Lines that could not be read.
    pub unreadable: u64,
    /// Where they stand; the first thousand.
    pub unreadable_lines: Vec<Place>,
    /// The first and the last request.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Pages that people saw.
    pub pages: u64,
    /// Files that people downloaded.
    pub downloads: u64,
    /// People: addresses with a user agent that saw a page or downloaded a file.
    pub visitors: u64,
    /// Their sessions: 30 minutes without a page end one.
    pub sessions: u64,
    /// Visitors among them that may be programs all the same.
    pub doubtful: Doubtful,
    /// Requests that were no pages.
    pub no_page: BTreeMap<NoPage, u64>,
    /// What robots did.
    pub robots: Robots,
    /// The visitors with most interest at the end of the log.
    pub hottest: Vec<Hot>,
}

/// Visitors that call themselves browsers and do not behave so. They count: a log cannot tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubtful {
    /// They never loaded an image, style, script or font.
    pub without_parts: u64,
    /// They asked for robots.txt.
    pub asked_for_robots_txt: u64,
}

/// What robots did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Robots {
    /// Addresses with a robot's user agent.
    pub visitors: u64,
    /// All their requests.
    pub requests: u64,
    /// The pages and downloads among them.
    pub pages: u64,
    /// Why they were taken for robots, most requests first.
    pub why: Vec<Why>,
}

/// One sign of robots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Why {
    /// The word in the user agent; none: there was no user agent.
    pub word: Option<String>,
    /// Visitors with it.
    pub visitors: u64,
    /// Their requests.
    pub requests: u64,
}

/// A visitor with interest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hot {
    /// The beginning of a hash of address and user agent: enough to tell visitors apart.
    pub visitor: String,
    /// The address, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Pages seen.
    pub pages: u64,
    /// Files downloaded.
    pub downloads: u64,
    /// Sessions.
    pub sessions: u64,
    /// The newest page or download.
    pub last: Option<Timestamp>,
    /// Interest at the end of the log.
    pub interest: f64,
    /// Its level.
    pub level: Level,
    /// Moving at the end of the log.
    pub surging: bool,
    /// How far on the way to a decision.
    pub phase: Phase,
    /// It may be a program: it never loaded what a page needs, or asked for robots.txt.
    pub doubtful: bool,
    /// What the interest comes from, most first.
    pub reasons: Vec<Reason>,
}

/// What one rule gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The rule.
    pub rule: RuleId,
    /// What it means.
    pub why: String,
    /// How often it gave or would have given something.
    pub times: u64,
    /// The points it gave.
    pub points: f64,
    /// The points that limits cut off.
    pub cut: f64,
    /// What is left of the points at the end of the log.
    pub now: f64,
}

impl Replay<'_> {
    /// Folds every visitor at the log's last moment.
    pub(super) fn report(self, show_addresses: bool) -> Report {
        let Replay { playbook, trails, no_page, lines, requests, robot_pages, unreadable, unreadable_places, times, .. } = self;
        let mut report = Report {
            lines,
            requests,
            unreadable,
            unreadable_lines: unreadable_places,
            times,
            pages: 0,
            downloads: 0,
            visitors: 0,
            sessions: 0,
            doubtful: Doubtful { without_parts: 0, asked_for_robots_txt: 0 },
            no_page,
            robots: Robots { visitors: 0, requests: 0, pages: robot_pages, why: Vec::new() },
            hottest: Vec::new(),
        };
        let now = times.map_or(Timestamp::UNIX_EPOCH, |(_, last)| last);
        let mut words: BTreeMap<Option<String>, (u64, u64)> = BTreeMap::new();
        for trail in trails.into_values() {
            if let Some(word) = robot(&trail.signals) {
                report.robots.visitors += 1;
                report.robots.requests += trail.requests;
                let (visitors, requests) = words.entry(word).or_default();
                *visitors += 1;
                *requests += trail.requests;
            } else if !trail.records.is_empty() {
                report.person(trail, playbook, now, show_addresses);
            }
        }
        let why = words.into_iter().map(|(word, (visitors, requests))| Why { word, visitors, requests });
        report.robots.why = why.collect();
        report.robots.why.sort_by_key(|why| std::cmp::Reverse(why.requests));
        report.keep_hottest(HOTTEST);
        report
    }
}

/// Why these are a robot's signals, if they are; no user agent is no person's either.
fn robot(signals: &Signals) -> Option<Option<String>> {
    match &signals.user_agent {
        UserAgent::Browser => None,
        UserAgent::Missing => Some(None),
        UserAgent::Robot(word) => Some(Some(word.clone())),
    }
}

impl Report {
    fn person(&mut self, trail: Trail, playbook: &Playbook, now: Timestamp, show_addresses: bool) {
        let downloads = trail.records.iter().flat_map(|record| &record.activities);
        let downloads = downloads.filter(|activity| matches!(activity.kind, Kind::Downloaded { .. })).count() as u64;
        let pages = trail.records.len() as u64 - downloads;
        let (sessions, without_parts, robots_txt) = (trail.sessions(), trail.parts == 0, trail.asked_for_robots_txt);
        let address = show_addresses.then(|| trail.address.clone());
        let visitor = trail.visitor.as_str().chars().take(NAME).collect();
        self.visitors += 1;
        self.pages += pages;
        self.downloads += downloads;
        self.sessions += sessions;
        self.doubtful.without_parts += u64::from(without_parts);
        self.doubtful.asked_for_robots_txt += u64::from(robots_txt);

        let lead = fold(playbook, &trail.into_log(), now);
        if lead.interest.points <= 0.0 {
            return;
        }
        self.hottest.push(Hot {
            visitor,
            address,
            pages,
            downloads,
            sessions,
            last: lead.seen.map(|(_, last)| last),
            interest: lead.interest.points,
            level: lead.interest.level,
            surging: lead.interest.surging,
            phase: lead.phase,
            doubtful: without_parts || robots_txt,
            reasons: reasons(playbook, &lead),
        });
        if self.hottest.len() >= 50 * HOTTEST {
            self.keep_hottest(HOTTEST);
        }
    }

    fn keep_hottest(&mut self, most: usize) {
        let newer = |a: &Hot, b: &Hot| (b.last, &a.visitor).cmp(&(a.last, &b.visitor));
        self.hottest.sort_by(|a, b| b.interest.total_cmp(&a.interest).then_with(|| newer(a, b)));
        self.hottest.truncate(most);
    }
}

fn reasons(playbook: &Playbook, lead: &Lead) -> Vec<Reason> {
    let mut sums: Vec<Reason> = Vec::new();
    for given in &lead.interest.reasons {
        let place = sums.iter().position(|sum| sum.rule == given.rule).unwrap_or_else(|| {
            let rule = playbook.scoring.interest.rules.iter().find(|rule| rule.id == given.rule);
            let why =
                rule.map_or_else(|| given.rule.to_string(), |rule| rule.why.in_language(playbook.setup.language).to_owned());
            sums.push(Reason { rule: given.rule.clone(), why, times: 0, points: 0.0, cut: 0.0, now: 0.0 });
            sums.len() - 1
        });
        if let Some(sum) = sums.get_mut(place) {
            sum.times += 1;
            sum.points += given.points;
            sum.cut += given.cut;
            sum.now += given.now;
        }
    }
    sums.sort_by(|a, b| b.now.total_cmp(&a.now));
    sums
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = grouped;
        writeln!(f, "{} lines, {} requests{}", many(self.lines), many(self.requests), self.span())?;
        if self.unreadable > 0 {
            let places: Vec<String> =
                self.unreadable_lines.iter().take(10).map(|place| format!("{}:{}", place.file, place.line)).collect();
            let more = if self.unreadable > 10 { ", …" } else { "" };
            writeln!(f, "{} unreadable: {}{more}", many(self.unreadable), places.join(", "))?;
        }
        if self.lines == 0 {
            return Ok(());
        }
        if self.requests == 0 {
            return writeln!(
                f,
                "No line is in combined format, as in\n\
                 192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET / HTTP/1.1\" 200 512 \"https://referrer/\" \"user agent\""
            );
        }
        writeln!(f)?;
        writeln!(f, "People     {} visitors in {} sessions", many(self.visitors), many(self.sessions))?;
        writeln!(f, "           saw {} pages and downloaded {} files", many(self.pages), many(self.downloads))?;
        let Doubtful { without_parts, asked_for_robots_txt } = self.doubtful;
        if without_parts + asked_for_robots_txt > 0 {
            let (without, robots_txt) = (many(without_parts), many(asked_for_robots_txt));
            writeln!(
                f,
                "           perhaps programs: {without} never loaded what a page needs, {robots_txt} asked for robots.txt"
            )?;
        }
        writeln!(
            f,
            "Robots     {} visitors with {} requests, {} of them for pages",
            many(self.robots.visitors),
            many(self.robots.requests),
            many(self.robots.pages)
        )?;
        let why = self.robots.why.iter().map(|why| {
            let word = why.word.as_deref().unwrap_or("(no user agent)");
            format!("{word} {}", many(why.requests))
        });
        wrapped(f, "           because of: ", why.take(30), if self.robots.why.len() > 30 { ", …" } else { "" })?;
        writeln!(f, "No page    {} requests", many(self.no_page.values().sum()))?;
        let mut kinds: Vec<(&NoPage, &u64)> = self.no_page.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        wrapped(f, "           ", kinds.into_iter().map(|(kind, count)| format!("{} {}", kind.word(), many(*count))), "")?;
        writeln!(f)?;
        match self.hottest.len() {
            0 => writeln!(f, "Nobody showed interest by this playbook's rules."),
            count => {
                writeln!(f, "The {count} hottest visitors at the end of the log")?;
                self.hottest.iter().zip(1..).try_for_each(|(hot, place)| write!(f, "{place:3}  {hot}"))
            }
        }
    }
}

impl Report {
    fn span(&self) -> String {
        let day = |moment: Timestamp| moment.strftime("%-d %b %Y %H:%M").to_string();
        self.times.map_or_else(String::new, |(first, last)| format!(" from {} to {} (UTC)", day(first), day(last)))
    }
}

impl fmt::Display for Hot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address.as_ref().map_or_else(String::new, |address| format!(" ({address})"));
        let phase = match self.phase {
            Phase::Gathering => "gathering",
            Phase::Comparing => "comparing",
            Phase::Deciding => "deciding",
        };
        let surging = if self.surging { ", surging" } else { "" };
        let last = self.last.map_or_else(String::new, |last| last.strftime(", last on %-d %b at %H:%M").to_string());
        let doubtful = if self.doubtful { "; perhaps a program" } else { "" };
        let (pages, downloads, sessions) =
            (counted(self.pages, "page"), counted(self.downloads, "download"), counted(self.sessions, "session"));
        let downloads = if self.downloads > 0 { format!(" and {downloads}") } else { String::new() };
        writeln!(f, "{}{address}  interest {:.1}, level {}, {phase}{surging}", self.visitor, self.interest, self.level)?;
        writeln!(f, "     {pages}{downloads} in {sessions}{last}{doubtful}")?;
        for reason in &self.reasons {
            let cut = if reason.cut > 0.05 { format!(", {:.1} more cut by a limit", reason.cut) } else { String::new() };
            writeln!(f, "     {:6.1}  {} × {} ({:.1} points{cut})", reason.now, reason.times, reason.why, reason.points)?;
        }
        Ok(())
    }
}

fn counted(number: u64, word: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {word}{s}", grouped(number))
}

/// A number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Entries with commas between, in lines of readable width.
fn wrapped(f: &mut fmt::Formatter<'_>, lead: &str, entries: impl Iterator<Item = String>, end: &str) -> fmt::Result {
    const WIDTH: usize = 100;
    let mut line = lead.to_owned();
    let mut empty = true;
    for entry in entries {
        if !empty {
            line.push_str(", ");
        }
        if line.chars().count() + entry.chars().count() > WIDTH && !empty {
            writeln!(f, "{}", line.trim_end())?;
            line = " ".repeat(11);
        }
        line.push_str(&entry);
        empty = false;
    }
    if empty { Ok(()) } else { writeln!(f, "{line}{end}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
