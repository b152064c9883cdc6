//! Text from outside, made fit for a mail: one line, bounded, without what could deceive a reader or break a header.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest text kept, in characters.
const MAX_CHARS: usize = 120;

/// A line of plain text. It holds no control characters, line breaks or marks that turn the direction of writing, and has
/// at most 120 characters; markup and template braces in it are characters like any other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Plain(String);

impl Plain {
    /// The text as a line, or none if nothing of it can be seen.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let line = Self(cleaned(text, MAX_CHARS));
        if line.0.is_empty() { None } else { Some(line) }
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Plain {
    fn from(text: String) -> Self {
        Self(cleaned(&text, MAX_CHARS))
    }
}

impl From<Plain> for String {
    fn from(line: Plain) -> Self {
        line.0
    }
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text on one line of at most `most` characters: runs of blanks and line breaks become one blank, what cannot be
/// seen goes, and an ellipsis stands where it was cut.
#[must_use]
pub fn cleaned(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    let mut blank = false;
    for c in text.chars() {
        if c.is_whitespace() || matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}') {
            blank = length > 0;
            continue;
        }
        if is_unseen(c) {
            continue;
        }
        // One place is kept for the ellipsis until it is known that nothing more comes.
        let needed = if blank { 2 } else { 1 };
        if length + needed > most {
            while length >= most.max(1) {
                line.pop();
                length -= 1;
            }
            line.push('…');
            return line;
        }
        if blank {
            line.push(' ');
            blank = false;
        }
        line.push(c);
        length += needed;
    }
    line
}

/// Characters that turn the direction of writing, join nothing visible, or carry hidden text.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'
            ..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e00ff}'
            // Not U+E0100 to U+E01EF: they choose the form of a character, as Japanese names need.
            | '\u{e01f0}'..='\u{e0fff}'
    )
}

/// A telephone number as a `tel:` link's target: digits, with a plus before them if one is written; full-width characters
/// count as their narrow twins. None if there are fewer than five digits or more than fifteen (ITU-T E.164).
#[must_use]
pub fn dialled(phone: &str) -> Option<String> {
    let mut number = String::new();
    for c in phone.chars() {
        let c = match c {
            '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
            '＋' => '+',
            c => c,
        };
        match c {
            '0'..='9' => number.push(c),
            '+' if number.is_empty() => number.push(c),
            _ => {}
        }
    }
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    (5..=15).contains(&digits).then_some(number)
}

/// A mail address as a `mailto:` link's target (RFC 6068): what is not a letter, a digit or one of `-._~@` stands encoded.
#[must_use]
pub fn mailto(address: &str) -> String {
    let mut target = String::from("mailto:");
    for byte in address.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@".contains(&byte) {
            target.push(char::from(byte));
        } else {
            target.push_str(&format!("%{byte:02X}"));
        }
    }
    target
}

/// What a mail system said, as one line of at most `most` characters, without the addresses that stand in it.
#[must_use]
pub fn unaddressed(text: &str, most: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().map(|word| if word.contains('@') { "…" } else { word }).collect();
    cleaned(&words.join(" "), most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_one_and_seen_as_it_is() {
        let check = |text: &str, wanted: &str| assert_eq!(cleaned(text, 12), wanted, "{text:?}");
        check("  Ann \t Lee ", "Ann Lee");
        check("Ann\r\nBcc: x", "Ann Bcc: x");
        check("a\u{2028}b\u{85}c\0d", "a b c d");
        check("\u{202e}gpj.exe\u{202c}", "gpj.exe");
        check("\u{2066}a\u{2069}\u{200f}b\u{feff}", "ab");
        check("<b>{{x}}</b>", "<b>{{x}}</b>");
        check("株式会社 道　営業部", "株式会社 道 営業部");
        check("0123456789abcdef", "0123456789a…");
        check("0123456789a bcd", "0123456789a…");
        check("0123456789ab", "0123456789ab");
        check("0123456789ab  ", "0123456789ab");
        check("👩\u{200d}💻", "👩\u{200d}💻");
        check("辻\u{e0100}\u{e0041}", "辻\u{e0100}");
        check("\n\u{200b}", "");
        assert_eq!(Plain::of("\n"), None);
    }

    #[test]
    fn a_number_can_be_dialled() {
        let check = |text: &str, wanted: Option<&str>| assert_eq!(dialled(text).as_deref(), wanted, "{text}");
        check("03-1234-5678", Some("0312345678"));
        check("＋８１　３（１２３４）５６７８", Some("+81312345678"));
        check("+1 (415) 555-0100 ext", Some("+14155550100"));
        check("1+2+3+4+5", Some("12345"));
        check("javascript:alert(1)", None);
        check("call me", None);
        check("1234567890123456", None);
    }

    #[test]
    fn what_is_kept_of_a_mail_systems_words_names_nobody() {
        assert_eq!(unaddressed("550 <a@b.example>: user\n unknown a@b.example", 99), "550 … user unknown …");
    }

    #[test]
    fn an_address_stays_within_its_link() {
        assert_eq!(mailto("a.b+c@example.com"), "mailto:a.b%2Bc@example.com");
        assert_eq!(mailto("a?cc=x&b@example.com"), "mailto:a%3Fcc%3Dx%26b@example.com");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_bounded_line(text in any::<String>(), most in 1_usize..40) {
            let line = cleaned(&text, most);
            prop_assert!(line.chars().count() <= most);
            prop_assert!(!line.chars().any(|c| c.is_control() || is_unseen(c)));
            prop_assert_eq!(line.trim(), line.as_str());
            prop_assert_eq!(cleaned(&line, most), line.clone());
        }
    }
}
