//! The words of grades, levels, stages and times, as sales reads them in mails and on pages.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::alert::Within;
use crate::lead::{Cell, Grade, Level, Phase, Stage};
use crate::playbook::Language;
use Language::{En, Ja};

/// A cell in words: `B2 — good fit, wants it`.
#[must_use]
pub fn cell(cell: Cell, language: Language) -> String {
    match language {
        En => format!("{cell} — {}, {}", grade(cell.grade, language), level(cell.level, language)),
        Ja => format!("{cell}：{}・{}", grade(cell.grade, language), level(cell.level, language)),
    }
}

/// How well a lead suits.
#[must_use]
pub fn grade(grade: Grade, language: Language) -> &'static str {
    match (grade, language) {
        (Grade::A, En) => "excellent fit",
        (Grade::B, En) => "good fit",
        (Grade::C, En) => "fair fit",
        (Grade::D, En) => "poor fit",
        (Grade::A, Ja) => "適合度 とても高い",
        (Grade::B, Ja) => "適合度 高い",
        (Grade::C, Ja) => "適合度 普通",
        (Grade::D, Ja) => "適合度 低い",
    }
}

/// How much a lead wants it.
#[must_use]
pub fn level(level: Level, language: Language) -> &'static str {
    match (level.number(), language) {
        (1, En) => "wants it now",
        (2, En) => "wants it",
        (3, En) => "is interested",
        (_, En) => "shows little interest",
        (1, Ja) => "関心 とても高い",
        (2, Ja) => "関心 高い",
        (3, Ja) => "関心 あり",
        (_, Ja) => "関心 低い",
    }
}

/// Where a lead stands.
#[must_use]
pub fn stage(stage: Stage, language: Language) -> &'static str {
    match (stage, language) {
        (Stage::Lead, En) => "Lead",
        (Stage::Mql, En) => "Ready for sales (MQL)",
        (Stage::Sal, En) => "Accepted by sales (SAL)",
        (Stage::Sql, En) => "Opportunity (SQL)",
        (Stage::Customer, En) => "Customer",
        (Stage::Advocate, En) => "Advocate",
        (Stage::Recycled, En) => "Given back for later",
        (Stage::Disqualified, En) => "Disqualified",
        (Stage::Lead, Ja) => "見込み客",
        (Stage::Mql, Ja) => "営業への引き渡し（MQL）",
        (Stage::Sal, Ja) => "営業が受領（SAL）",
        (Stage::Sql, Ja) => "商談中（SQL）",
        (Stage::Customer, Ja) => "顧客",
        (Stage::Advocate, Ja) => "推奨者",
        (Stage::Recycled, Ja) => "再育成",
        (Stage::Disqualified, Ja) => "対象外",
    }
}

/// How far a lead is on its way to a decision.
#[must_use]
pub fn phase(phase: Phase, language: Language) -> &'static str {
    match (phase, language) {
        (Phase::Gathering, En) => "gathering information",
        (Phase::Comparing, En) => "comparing",
        (Phase::Deciding, En) => "deciding",
        (Phase::Gathering, Ja) => "情報収集",
        (Phase::Comparing, Ja) => "比較検討",
        (Phase::Deciding, Ja) => "導入判断",
    }
}

/// When something was, as a reader in this zone says it at `now`.
#[must_use]
pub fn when(at: Timestamp, now: Timestamp, zone: &TimeZone, language: Language) -> String {
    let minutes = now.duration_since(at).as_mins();
    match (minutes, language) {
        (..1, En) => return "just now".to_owned(),
        (..1, Ja) => return "たった今".to_owned(),
        (1, En) => return "1 minute ago".to_owned(),
        (2..60, En) => return format!("{minutes} minutes ago"),
        (1..60, Ja) => return format!("{minutes}分前"),
        (60.., En | Ja) => {}
    }
    let clock = at.to_zoned(zone.clone()).strftime("%H:%M").to_string();
    match language {
        En => format!("{} at {clock}", day(at, now, zone, language)),
        Ja => format!("{} {clock}", day(at, now, zone, language)),
    }
}

/// On which day something was, as a reader in this zone says it at `now`.
#[must_use]
pub fn day(at: Timestamp, now: Timestamp, zone: &TimeZone, language: Language) -> String {
    let (date, today) = (at.to_zoned(zone.clone()).date(), now.to_zoned(zone.clone()).date());
    let before = |days: i32| today.checked_sub(jiff::Span::new().days(days)).is_ok_and(|day| day == date);
    match language {
        En if before(0) => "today".to_owned(),
        En if before(1) => "yesterday".to_owned(),
        En if date.year() == today.year() => format!("on {}", date.strftime("%-d %b")),
        En => format!("on {}", date.strftime("%-d %b %Y")),
        Ja if before(0) => "今日".to_owned(),
        Ja if before(1) => "昨日".to_owned(),
        Ja if date.year() == today.year() => format!("{}月{}日", date.month(), date.day()),
        Ja => format!("{}年{}月{}日", date.year(), date.month(), date.day()),
    }
}

/// A length of time, in its two largest units: `1 min 20 s`.
#[must_use]
pub fn lasting(millis: u64, language: Language) -> String {
    let seconds = millis / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, language) {
        (0, 0, En) => format!("{seconds} s"),
        (0, _, En) if seconds == 0 => format!("{minutes} min"),
        (0, _, En) => format!("{minutes} min {seconds} s"),
        (_, _, En) => format!("{hours} h {minutes} min"),
        (0, 0, Ja) => format!("{seconds}秒"),
        (0, _, Ja) if seconds == 0 => format!("{minutes}分"),
        (0, _, Ja) => format!("{minutes}分{seconds}秒"),
        (_, _, Ja) => format!("{hours}時間{minutes}分"),
    }
}

/// The time within which something happened.
#[must_use]
pub fn within(within: Within, language: Language) -> &'static str {
    match (within, language) {
        (Within::Hour, En) => "within an hour",
        (Within::Day, En) => "within a day",
        (Within::ThreeDays, En) => "in three days",
        (Within::Week, En) => "in a week",
        (Within::Month, En) => "in a month",
        (Within::Hour, Ja) => "1時間",
        (Within::Day, Ja) => "1日",
        (Within::ThreeDays, Ja) => "3日間",
        (Within::Week, Ja) => "1週間",
        (Within::Month, Ja) => "1か月",
    }
}

/// Points as people read them: whole, and never minus nothing.
#[must_use]
pub fn points(points: f64) -> String {
    let whole = points.round();
    if whole == 0.0 { "0".to_owned() } else { format!("{whole}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_as_people_say_it() {
        let zone = TimeZone::get("Asia/Tokyo").unwrap();
        let now: Timestamp = "2026-01-03T01:00:00+09:00".parse().unwrap();
        let check = |at: &str, en: &str, ja: &str| {
            let at = at.parse().unwrap();
            assert_eq!((when(at, now, &zone, En).as_str(), when(at, now, &zone, Ja).as_str()), (en, ja));
        };
        check("2026-01-03T00:59:30+09:00", "just now", "たった今");
        check("2026-01-03T01:00:30+09:00", "just now", "たった今");
        check("2026-01-03T00:59:00+09:00", "1 minute ago", "1分前");
        check("2026-01-03T00:00:30+09:00", "59 minutes ago", "59分前");
        check("2026-01-03T00:00:00+09:00", "today at 00:00", "今日 00:00");
        check("2026-01-02T23:30:00+09:00", "yesterday at 23:30", "昨日 23:30");
        check("2026-01-01T09:05:00+09:00", "on 1 Jan at 09:05", "1月1日 09:05");
        check("2025-12-31T09:05:00+09:00", "on 31 Dec 2025 at 09:05", "2025年12月31日 09:05");
    }

    #[test]
    fn a_length_of_time_has_two_units_at_most() {
        for (millis, en, ja) in [
            (900, "0 s", "0秒"),
            (45_000, "45 s", "45秒"),
            (60_000, "1 min", "1分"),
            (80_999, "1 min 20 s", "1分20秒"),
            (3_900_000, "1 h 5 min", "1時間5分"),
        ] {
            assert_eq!((lasting(millis, En).as_str(), lasting(millis, Ja).as_str()), (en, ja));
        }
    }

    #[test]
    fn a_cell_is_said_in_words() {
        let b2 = Cell::try_from("B2".to_owned()).unwrap();
        assert_eq!(cell(b2, En), "B2 — good fit, wants it");
        assert_eq!(cell(b2, Ja), "B2：適合度 高い・関心 高い");
        assert_eq!((points(-0.2), points(46.5), points(-10.4)), ("0".to_owned(), "47".to_owned(), "-10".to_owned()));
    }
}
