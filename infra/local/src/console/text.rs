//! Text from outside, as the console shows it: one line, or many with everything hidden made visible.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use michi::mail::text::cleaned;

/// The longest line shown, in characters.
const LINE: usize = 200;
/// The longest text of many lines, in characters.
const TEXT: usize = 200_000;

/// One line of text.
pub(super) fn line(text: &str) -> String {
    cleaned(text, LINE)
}

/// Text as it is, with its lines and blanks. Where a character cannot be seen or turns the direction of writing, its
/// number stands instead: whoever looks here wants to know that it is there.
pub(super) fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (count, c) in text.replace("\r\n", "\n").chars().enumerate() {
        if count == TEXT {
            shown.push('…');
            break;
        }
        if is_plain(c) { shown.push(c) } else { shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))) }
    }
    shown
}

fn is_plain(c: char) -> bool {
    let blank = c.is_whitespace() && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    matches!(c, '\n' | '\t') || blank || !cleaned(c.encode_utf8(&mut [0; 4]), 1).is_empty()
}

/// The value of a mail header as a reader shows it: base-64 words of UTF-8 (RFC 2047) decoded, blanks between them
/// dropped. Words of other encodings stay as they are.
pub(super) fn header(value: &str) -> String {
    let mut read = String::new();
    let mut after_word = false;
    for part in value.split(' ') {
        let word = part.strip_prefix("=?UTF-8?B?").and_then(|word| word.strip_suffix("?="));
        let word = word.and_then(|word| String::from_utf8(STANDARD.decode(word).ok()?).ok());
        let joined = after_word && word.is_some();
        if !joined && !read.is_empty() {
            read.push(' ');
        }
        after_word = word.is_some();
        read.push_str(word.as_deref().unwrap_or(part));
    }
    line(&read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_shown_and_the_rest_stays() {
        let check = |text: &str, wanted: &str| assert_eq!(plain(text), wanted);
        check("a\r\n  ^ b\tc\u{3000}道", "a\n  ^ b\tc\u{3000}道");
        check("\u{202e}gpj\0.exe\u{7f}", "⟨U+202E⟩gpj⟨U+0000⟩.exe⟨U+007F⟩");
        check("a\u{2028}b\u{200b}\rc", "a⟨U+2028⟩b⟨U+200B⟩⟨U+000D⟩c");
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(plain(&"道".repeat(TEXT + 9)).chars().count(), TEXT + 1);
    }

    #[test]
    fn encoded_words_are_read() {
        let check = |value: &str, wanted: &str| assert_eq!(header(value), wanted);
        check("=?UTF-8?B?5Za25qWt?= =?UTF-8?B?6YOo?= <a@example.com>", "営業部 <a@example.com>");
        check("\"Ann  Lee\" <a@example.com>", "\"Ann Lee\" <a@example.com>");
        check("=?UTF-8?B?4oCu?= =?UTF-8?Q?x?= =?UTF-8?B?!?=", "=?UTF-8?Q?x?= =?UTF-8?B?!?=");
    }
}
