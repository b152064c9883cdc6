//! From a file's bytes to text: which encoding it is in, and which of its rows are in another.

use std::borrow::Cow;

use encoding_rs::{SHIFT_JIS, UTF_16BE, UTF_16LE};

/// The encoding of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, as Excel writes "Unicode text"; known by its byte order mark.
    Utf16,
    /// CP932, which Windows and Excel call Shift_JIS.
    Cp932,
}

/// Why a file is no list at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoText {
    /// A spreadsheet's own format.
    #[error("this is a spreadsheet, not CSV: save it as \"CSV UTF-8\"")]
    Workbook,
    /// Bytes that no text has.
    #[error("this is no text: save the list as \"CSV UTF-8\"")]
    Binary,
    /// Half of a character is missing, or worse.
    #[error("this begins as UTF-16 and is not: save the list as \"CSV UTF-8\"")]
    BrokenUtf16,
}

/// A row that is not in its file's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mixed {
    /// What it seems to be in; none: nothing that is known here.
    pub found: Option<Encoding>,
}

/// How a spreadsheet's file begins: .xlsx and .ods, then .xls.
const WORKBOOKS: [&[u8]; 2] = [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"];

impl Encoding {
    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16 => "UTF-16",
            Self::Cp932 => "CP932 (Shift_JIS)",
        }
    }

    /// What a row seems to say, whatever it is in: for a person to look at.
    #[must_use]
    pub fn shown(self, row: &[u8]) -> String {
        match (self.text(row), self) {
            (Ok(text), _) => text.into_owned(),
            (Err(Mixed { found: Some(Self::Cp932) }), _) | (Err(Mixed { found: None }), Self::Cp932) => {
                SHIFT_JIS.decode_without_bom_handling(row).0.into_owned()
            }
            (Err(_), _) => String::from_utf8_lossy(row).into_owned(),
        }
    }

    /// What a row says, if it is in this encoding. Rows of a UTF-16 file have been turned into UTF-8 with it.
    ///
    /// # Errors
    /// [`Mixed`] says which encoding it seems to be in instead.
    pub fn text(self, row: &[u8]) -> Result<Cow<'_, str>, Mixed> {
        match self {
            Self::Utf8 | Self::Utf16 => {
                std::str::from_utf8(row).map(Cow::Borrowed).map_err(|_| Mixed { found: cp932(row).map(|_| Self::Cp932) })
            }
            Self::Cp932 if is_surely_utf8(row) => Err(Mixed { found: Some(Self::Utf8) }),
            Self::Cp932 => cp932(row).ok_or(Mixed { found: None }),
        }
    }
}

/// The bytes without a byte order mark, UTF-16 as UTF-8, and the encoding of most lines.
///
/// # Errors
/// [`NoText`] says what the file is instead.
pub fn opened(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, Encoding), NoText> {
    if WORKBOOKS.iter().any(|beginning| bytes.starts_with(beginning)) {
        return Err(NoText::Workbook);
    }
    let wide = match bytes {
        [0xff, 0xfe, rest @ ..] => Some((UTF_16LE, rest)),
        [0xfe, 0xff, rest @ ..] => Some((UTF_16BE, rest)),
        _ => None,
    };
    if let Some((encoding, rest)) = wide {
        let text = encoding.decode_without_bom_handling_and_without_replacement(rest).ok_or(NoText::BrokenUtf16)?;
        return Ok((Cow::Owned(text.into_owned().into_bytes()), Encoding::Utf16));
    }
    if bytes.contains(&0) {
        return Err(NoText::Binary);
    }
    if let [0xef, 0xbb, 0xbf, rest @ ..] = bytes {
        return Ok((Cow::Borrowed(rest), Encoding::Utf8));
    }
    Ok((Cow::Borrowed(bytes), of_most_lines(bytes)))
}

fn of_most_lines(bytes: &[u8]) -> Encoding {
    if std::str::from_utf8(bytes).is_ok() {
        return Encoding::Utf8;
    }
    let (mut utf8, mut other) = (0_usize, 0_usize);
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_ascii()) {
        if is_surely_utf8(line) {
            utf8 += 1;
        } else if cp932(line).is_some() {
            other += 1;
        }
    }
    if other > utf8 { Encoding::Cp932 } else { Encoding::Utf8 }
}

/// Bytes of CP932 may be UTF-8 by chance, but hardly of a character as wide as any Japanese one: that takes three bytes
/// which CP932 would have as half-width and broken.
fn is_surely_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().any(|c| c.len_utf8() > 2))
}

fn cp932(bytes: &[u8]) -> Option<Cow<'_, str>> {
    SHIFT_JIS.decode_without_bom_handling_and_without_replacement(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "taro@example.jp,山田 太郎,㈱サンプル,部長\n";

    fn cp932(text: &str) -> Vec<u8> {
        SHIFT_JIS.encode(text).0.into_owned()
    }

    #[track_caller]
    fn check(bytes: &[u8], wanted: Encoding) {
        let (body, encoding) = opened(bytes).unwrap();
        assert_eq!(encoding, wanted);
        assert_eq!(encoding.text(&body).unwrap(), ROW);
    }

    #[test]
    fn the_encoding_is_found_and_a_mark_is_dropped() {
        check(ROW.as_bytes(), Encoding::Utf8);
        check(&[b"\xef\xbb\xbf", ROW.as_bytes()].concat(), Encoding::Utf8);
        check(&cp932(ROW), Encoding::Cp932);
        let wide =
            |of: fn(u16) -> [u8; 2], mark: u16| std::iter::once(mark).chain(ROW.encode_utf16()).flat_map(of).collect::<Vec<u8>>();
        check(&wide(u16::to_le_bytes, 0xfeff), Encoding::Utf16);
        check(&wide(u16::to_be_bytes, 0xfeff), Encoding::Utf16);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for (bytes, wanted) in [
            (&b"PK\x03\x04rest"[..], NoText::Workbook),
            (b"a,b\x00c", NoText::Binary),
            (b"\xff\xfea", NoText::BrokenUtf16),
            (b"\xff\xfe\x00\xd8a\x00", NoText::BrokenUtf16),
        ] {
            assert_eq!(opened(bytes), Err(wanted));
        }
    }

    #[test]
    fn a_row_in_another_encoding_than_most_is_known() {
        let mostly = |rows: &[&[u8]]| opened(&rows.concat()).unwrap().1;
        let (utf8, other) = (ROW.as_bytes().to_vec(), cp932(ROW));
        assert_eq!(mostly(&[&utf8, &other, &utf8]), Encoding::Utf8);
        assert_eq!(mostly(&[&other, &utf8, &other]), Encoding::Cp932);
        assert_eq!(Encoding::Utf8.text(&other), Err(Mixed { found: Some(Encoding::Cp932) }));
        assert_eq!(Encoding::Cp932.text(&utf8), Err(Mixed { found: Some(Encoding::Utf8) }));
        assert_eq!(Encoding::Cp932.text(b"\x81"), Err(Mixed { found: None }));
        assert_eq!(Encoding::Utf8.text(b"\xff\xff\xff"), Err(Mixed { found: None }));
        assert_eq!(Encoding::Cp932.text(b"plain").unwrap(), "plain");
        assert_eq!((Encoding::Utf8.shown(&other), Encoding::Cp932.shown(&utf8)), (ROW.to_owned(), ROW.to_owned()));
        assert_eq!(Encoding::Cp932.shown(&cp932("\"山田")), "\"山田");
        // Half-width katakana that are UTF-8 by chance.
        assert_eq!(Encoding::Cp932.text(&cp932("ﾃｨ")).unwrap(), "ﾃｨ");
    }
}
