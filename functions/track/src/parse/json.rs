//! What is wrong with a message's JSON beyond its grammar.
//!
//! A batch is first cut into messages without looking into them, so that one bad message spoils no other. Bytes that
//! no JSON text may hold at all would already fail the cutting; [`marked`] replaces them with characters that no
//! honest text holds (noncharacters, which Unicode keeps for such uses), by which [`check`] finds them again.

use std::borrow::Cow;

use crate::refusal::{Code, Refusal};

/// Objects and arrays within each other.
const DEEPEST: usize = 8;
/// Names in all objects of a message together.
const MOST_KEYS: usize = 100;
/// Bytes of all names, each with those that it lies under: so are they kept, and a long one above many would swell.
const MOST_IN_NAMES: usize = 32 * 1024;

const NOT_UTF8: char = '\u{fdd0}';
const NUL: char = '\u{fdd1}';

/// The body as text, with marks where it is none.
pub(crate) fn marked(body: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(body) {
        Ok(text) if !body.contains(&0) => Cow::Borrowed(text),
        _ => {
            let mut text = String::with_capacity(body.len() + 16);
            for chunk in body.utf8_chunks() {
                text.extend(chunk.valid().chars().map(|c| if c == '\0' { NUL } else { c }));
                if !chunk.invalid().is_empty() {
                    text.push(NOT_UTF8);
                }
            }
            Cow::Owned(text)
        }
    }
}

/// Refuses JSON that is well-formed but nothing to keep. `json` must be well-formed.
pub(crate) fn check(json: &str) -> Result<(), Refusal> {
    if json.contains(NOT_UTF8) {
        return Err(Code::InvalidUtf8.because("the message is not UTF-8"));
    }
    if json.contains(NUL) {
        return Err(nul());
    }
    let mut rest = json.as_bytes();
    // How long the last text was, and the name of what is read now; the names above it; all names so far, written out.
    let (mut text, mut name, mut above, mut written) = (0, 0, Vec::new(), 0);
    let mut keys = 0_usize;
    while let Some((first, after)) = rest.split_first() {
        match first {
            b'{' | b'[' => {
                above.push(std::mem::take(&mut name));
                rest = after;
                if above.len() > DEEPEST {
                    return Err(Code::TooDeep.because(format!("the message is more than {DEEPEST} levels deep")));
                }
            }
            b'}' | b']' => {
                above.pop();
                rest = after;
            }
            b':' => {
                keys += 1;
                name = text;
                written += above.iter().sum::<usize>() + name;
                rest = after;
                if written > MOST_IN_NAMES {
                    let what =
                        format!("the names in the message, each with those above it, have more than {MOST_IN_NAMES} bytes");
                    return Err(Code::TooLarge.because(what));
                }
                if keys > MOST_KEYS {
                    return Err(Code::TooManyKeys.because(format!("the message has more than {MOST_KEYS} keys")));
                }
            }
            b',' => {
                name = 0;
                rest = after;
            }
            b'"' => {
                rest = behind_string(after)?;
                text = after.len() - rest.len();
            }
            b'-' | b'0'..=b'9' => rest = behind_number(rest)?,
            _ => rest = after,
        }
    }
    Ok(())
}

fn nul() -> Refusal {
    Code::Nul.because("the message has a NUL character")
}

/// What stands behind a string, of which the opening quote is gone.
fn behind_string(mut rest: &[u8]) -> Result<&[u8], Refusal> {
    loop {
        match rest {
            [b'"', after @ ..] => return Ok(after),
            [b'\\', b'u', after @ ..] => {
                let (unit, after) = unit(after);
                rest = match unit {
                    0 => return Err(nul()),
                    0xd800..=0xdbff => match after {
                        [b'\\', b'u', low @ ..] if (0xdc00..=0xdfff).contains(&self::unit(low).0) => self::unit(low).1,
                        _ => return Err(lone()),
                    },
                    0xdc00..=0xdfff => return Err(lone()),
                    _ => after,
                };
            }
            [b'\\', _, after @ ..] | [_, after @ ..] => rest = after,
            [] => return Ok(rest),
        }
    }
}

fn lone() -> Refusal {
    Code::LoneSurrogate.because("the message has half of a surrogate pair")
}

/// The code unit that four hexadecimal digits make, and what stands behind them.
fn unit(digits: &[u8]) -> (u32, &[u8]) {
    let (four, after) = digits.split_at_checked(4).unwrap_or((digits, &[]));
    let unit = four.iter().fold(0, |unit, digit| (unit << 4) | char::from(*digit).to_digit(16).unwrap_or(0));
    (unit, after)
}

/// What stands behind a number, which must be one that arithmetic can hold.
fn behind_number(rest: &[u8]) -> Result<&[u8], Refusal> {
    let length = rest.iter().take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')).count();
    let (number, after) = rest.split_at(length);
    let value = std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok());
    if value.is_some_and(f64::is_finite) {
        Ok(after)
    } else {
        Err(Code::NumberOutOfRange.because("the message has a number that is too large"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, wanted: Option<Code>) {
        let found = super::check(&marked(json.as_bytes())).err().map(|refusal| refusal.code);
        assert_eq!(found, wanted, "{json}");
    }

    #[test]
    fn texts_that_cannot_be_kept_are_found() {
        check(r#"{"a":"\u0041 \\u0000 \ud83d\ude00 \"x\""}"#, None);
        check(r#"{"a":"\u0000"}"#, Some(Code::Nul));
        check("{\"a\":\"x\0y\"}", Some(Code::Nul));
        check(r#"{"a":"\ud83d"}"#, Some(Code::LoneSurrogate));
        check(r#"{"a":"\ud83d\u0041"}"#, Some(Code::LoneSurrogate));
        check(r#"{"a":"\ud83d\ud83d\ude00"}"#, Some(Code::LoneSurrogate));
        check(r#"{"\ude00":1}"#, Some(Code::LoneSurrogate));
        check(r#"{"a":"\\ud83d"}"#, None);
        let found = super::check(&marked(b"{\"a\":\"caf\xe9\"}"));
        assert_eq!(found.unwrap_err().code, Code::InvalidUtf8);
        let cut = super::check(&marked(b"{\"a\":\"\xf0\x9f\x98\"}"));
        assert_eq!(cut.unwrap_err().code, Code::InvalidUtf8);
    }

    #[test]
    fn depth_keys_and_numbers_have_limits() {
        let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        check(&nested(8), None);
        check(&nested(9), Some(Code::TooDeep));
        check(&"[".repeat(9), Some(Code::TooDeep));
        let keys = |count: usize| format!("{{{}}}", (0..count).map(|n| format!(r#""k{n}":":{{""#)).collect::<Vec<_>>().join(","));
        check(&keys(100), None);
        check(&keys(101), Some(Code::TooManyKeys));
        // Kept, each of the names below would stand behind the long one above them.
        let below = |length: usize| {
            let names: Vec<String> = (0..90).map(|n| format!(r#""n{n:02}":1"#)).collect();
            format!(r#"{{"properties":{{"{}":{{{}}}}}}}"#, "x".repeat(length), names.join(","))
        };
        check(&below(300), None);
        check(&below(400), Some(Code::TooLarge));
        check(&format!(r#"{{"{}":1,"a":[{{"b":1}},{{"c":2}}]}}"#, "x".repeat(30_000)), None);
        check(r#"{"a":[1e308,-1.5E-7,0]}"#, None);
        check(r#"{"a":1e309}"#, Some(Code::NumberOutOfRange));
        check(&format!(r#"{{"a":-{}}}"#, "9".repeat(400)), Some(Code::NumberOutOfRange));
        check(r#"{"a":"1e309"}"#, None);
    }
}
