//! What the page says with a number, a time or a name in it, in both languages.

use jiff::Zoned;
use jiff::civil::{Date, Weekday};
use michi::activity::{Bounce, Proof};
use michi::consent::{Basis, SuppressedBy};
use michi::lead::Cell;
use michi::mail::words as shared;
use michi::playbook::Language;

use super::words::Words;

/// A count of something: `1 page`, `6 pages`, `6ページ`.
pub(crate) fn count(count: usize, what: Counted, language: Language) -> String {
    let number = grouped(count);
    let (one, many, ja) = match what {
        Counted::Pages => ("page", "pages", format!("{number}ページ")),
        Counted::Times => ("time", "times", format!("{number}回")),
        Counted::Forms => ("form", "forms", format!("フォーム{number}件")),
        Counted::Downloads => ("download", "downloads", format!("ダウンロード{number}件")),
        Counted::Entries => ("entry", "entries", format!("{number}件")),
        Counted::Visits => ("visit", "visits", format!("訪問{number}回")),
        Counted::Leads => ("lead", "leads", format!("リード{number}件")),
    };
    match language {
        Language::En => format!("{number} {}", if count == 1 { one } else { many }),
        Language::Ja => ja,
    }
}

/// What [`count`] can count.
#[derive(Clone, Copy)]
pub(crate) enum Counted {
    Pages,
    Times,
    Forms,
    Downloads,
    Entries,
    Visits,
    Leads,
}

/// A whole number with a comma between thousands, as both languages write it.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What the page does not show of the past.
pub(crate) fn earlier(visits: usize, entries: usize, language: Language) -> String {
    let (visits, entries) = (count(visits, Counted::Visits, language), count(entries, Counted::Entries, language));
    match language {
        Language::En => format!("Before that: {visits} with {entries}."),
        Language::Ja => format!("それ以前：{visits}、{entries}"),
    }
}

/// When something was, short enough for a column: `today 14:05`, `16 Nov 14:05`, and the year where it is another.
pub(crate) fn when(at: &Zoned, now: &Zoned, language: Language) -> String {
    let (day, today) = (at.date(), now.date());
    let clock = at.strftime("%H:%M");
    let words = Words::of(language);
    if day == today {
        return format!("{} {clock}", words.today.to_lowercase());
    }
    if day.tomorrow().is_ok_and(|next| next == today) {
        return format!("{} {clock}", words.yesterday.to_lowercase());
    }
    let same_year = day.year() == today.year();
    match language {
        Language::En if same_year => format!("{} {clock}", day.strftime("%-d %b")),
        Language::En => format!("{} {clock}", day.strftime("%-d %b %Y")),
        Language::Ja if same_year => format!("{} {clock}", day.strftime("%-m月%-d日")),
        Language::Ja => format!("{} {clock}", day.strftime("%Y年%-m月%-d日")),
    }
}

/// Date and time in full: `22 November 2026, 14:05`, `2026年11月22日 14:05`.
pub(crate) fn moment(at: &Zoned, language: Language) -> String {
    match language {
        Language::En => at.strftime("%-d %B %Y, %H:%M").to_string(),
        Language::Ja => at.strftime("%Y年%-m月%-d日 %H:%M").to_string(),
    }
}

/// Grade and level in words, beside the cell's own name.
pub(crate) fn cell(cell: Cell, language: Language) -> String {
    let (grade, level) = (shared::grade(cell.grade, language), shared::level(cell.level, language));
    match language {
        Language::En => format!("{grade}, {level}"),
        Language::Ja => format!("{grade}・{level}"),
    }
}

/// A day with its name: `Sunday 22 November 2026`, `2026年11月22日（日）`.
pub(crate) fn date(day: Date, language: Language) -> String {
    match language {
        Language::En => day.strftime("%A %-d %B %Y").to_string(),
        Language::Ja => {
            let name = match day.weekday() {
                Weekday::Monday => "月",
                Weekday::Tuesday => "火",
                Weekday::Wednesday => "水",
                Weekday::Thursday => "木",
                Weekday::Friday => "金",
                Weekday::Saturday => "土",
                Weekday::Sunday => "日",
            };
            format!("{}（{name}）", day.strftime("%Y年%-m月%-d日"))
        }
    }
}

/// What michi's own mails are called.
pub(crate) fn own_mail(name: &str, language: Language) -> Option<&'static str> {
    let (en, ja) = match name {
        "alert" => ("Alert", "アラート"),
        "correction" => ("Correction of an alert", "アラートの訂正"),
        "notice" => ("Notice", "お知らせ"),
        _ => return None,
    };
    Some(match language {
        Language::En => en,
        Language::Ja => ja,
    })
}

/// `and 120 more`.
pub(crate) fn and_more(number: usize, language: Language) -> String {
    match language {
        Language::En => format!("and {} more", grouped(number)),
        Language::Ja => format!("ほか{}件", grouped(number)),
    }
}

/// What a limit cut off the points of an activity, or what a rule that takes points did not find to take.
pub(crate) fn cut(points: &str, taken: bool, language: Language) -> String {
    match (taken, language) {
        (false, Language::En) => format!("{points} cut by the limit per day"),
        (false, Language::Ja) => format!("1日の上限により{points}点切り捨て"),
        (true, Language::En) => format!("{points} more were not there to take"),
        (true, Language::Ja) => format!("{points}点は残っておらず差し引けず"),
    }
}

/// How points fade.
pub(crate) fn fading(half_life: &str, language: Language) -> String {
    match language {
        Language::En => format!("Half of every point is left after {half_life}."),
        Language::Ja => format!("得点は{half_life}で半分になります。"),
    }
}

/// What momentum is made of.
pub(crate) fn momentum(points: &str, half_life: &str, mark: &str, language: Language) -> String {
    match language {
        Language::En => {
            format!("Momentum {points}: the same points with a half-life of {half_life}. From {mark} on somebody is moving now.")
        }
        Language::Ja => format!("勢い {points}：同じ得点を半減期{half_life}で数えたもの。{mark}以上で「いま動いています」。"),
    }
}

/// From how many points on each grade or level is given: `A from 75 · B from 50`.
pub(crate) fn cuts(cuts: &[(&str, String)], language: Language) -> String {
    let say = |(name, points): &(&str, String)| match language {
        Language::En => format!("{name} from {points}"),
        Language::Ja => format!("{name}：{points}以上"),
    };
    cuts.iter().map(say).collect::<Vec<_>>().join(match language {
        Language::En => " · ",
        Language::Ja => "　",
    })
}

/// Points out of the most there are.
pub(crate) fn out_of(most: &str, language: Language) -> String {
    match language {
        Language::En => format!("of {most}"),
        Language::Ja => format!("／{most}"),
    }
}

/// For how long a mail cannot be delivered.
pub(crate) fn bounce(bounce: Bounce, language: Language) -> &'static str {
    match (bounce, language) {
        (Bounce::Permanent, Language::En) => "There is no such mailbox",
        (Bounce::Permanent, Language::Ja) => "宛先が存在しません",
        (Bounce::Transient, Language::En) => "For now",
        (Bounce::Transient, Language::Ja) => "一時的に届きません",
        (Bounce::Blocked, Language::En) => "The mail server refuses us as a sender",
        (Bounce::Blocked, Language::Ja) => "送信元として拒否されています",
        (Bounce::Undetermined, Language::En) => "For a reason unknown",
        (Bounce::Undetermined, Language::Ja) => "理由は不明です",
    }
}

/// On what ground mail may be sent.
pub(crate) fn basis(basis: Basis, language: Language) -> &'static str {
    match (basis, language) {
        (Basis::Form, Language::En) => "agreed in a form",
        (Basis::Form, Language::Ja) => "フォームで同意",
        (Basis::Server, Language::En) => "your own system says so",
        (Basis::Server, Language::Ja) => "自社システムからの登録",
        (Basis::BusinessCard, Language::En) => "handed over a business card",
        (Basis::BusinessCard, Language::Ja) => "名刺交換",
        (Basis::Dealings, Language::En) => "there are dealings already",
        (Basis::Dealings, Language::Ja) => "取引関係あり",
        (Basis::Published, Language::En) => "the address is published",
        (Basis::Published, Language::Ja) => "公表されたアドレス",
        (Basis::Import, Language::En) => "agreed elsewhere, by a list",
        (Basis::Import, Language::Ja) => "リストによる（別途同意済み）",
        (Basis::Preferences, Language::En) => "asked for it on the page of choices",
        (Basis::Preferences, Language::Ja) => "配信設定ページで希望",
    }
}

/// Why nothing may be sent.
pub(crate) fn suppressed(why: SuppressedBy, language: Language) -> &'static str {
    match (why, language) {
        (SuppressedBy::Bounce, Language::En) => "there is no such mailbox",
        (SuppressedBy::Bounce, Language::Ja) => "宛先が存在しない",
        (SuppressedBy::Bounces, Language::En) => "mail came back again and again",
        (SuppressedBy::Bounces, Language::Ja) => "不達が続いた",
        (SuppressedBy::Complaint, Language::En) => "called a mail spam",
        (SuppressedBy::Complaint, Language::Ja) => "迷惑メールとして報告",
        (SuppressedBy::Erasure, Language::En) => "the person was erased",
        (SuppressedBy::Erasure, Language::Ja) => "データを消去済み",
    }
}

/// The words that somebody agreed to, with the short name of their version.
pub(crate) fn agreed_words(words: &str, version: &str, language: Language) -> String {
    match language {
        Language::En => format!("“{words}” (version {version})"),
        Language::Ja => format!("「{words}」（文面 {version}）"),
    }
}

/// How it is known whose browser it is.
pub(crate) fn proof(proof: Proof, language: Language) -> &'static str {
    match (proof, language) {
        (Proof::Claimed, Language::En) => "Known by an address that somebody typed",
        (Proof::Claimed, Language::Ja) => "入力されたメールアドレスによる（本人確認なし）",
        (Proof::First, Language::En) => "Known by its first address",
        (Proof::First, Language::Ja) => "初めて入力されたメールアドレスによる",
        (Proof::Proven, Language::En) => "Proven to be this person’s",
        (Proof::Proven, Language::Ja) => "本人のものと確認済み",
    }
}
