//! Patterns over the paths of pages.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A path with `*` for any run of characters, slashes too: `/cases/*`. Letters beyond ASCII stand as they are read,
/// also where they were copied from an address bar as `%E4%BA%8B`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a path begins with / or *, and holds no ? and no #")]
pub struct InvalidPattern;

impl Pattern {
    /// Whether the whole path fits, without regard to case and to a slash at the end.
    #[must_use]
    pub fn fits(&self, path: &str) -> bool {
        let fits = |pattern: &str, path: &str| {
            let mut parts = pattern.split('*');
            let Some(rest) = parts.next().and_then(|first| strip_prefix_ignoring_case(path, first)) else { return false };
            let mut rest = rest;
            let mut last = None;
            for part in parts {
                // What stands between two stars is looked for as early as it comes; only the last part must end the path.
                if let Some(earlier) = last.replace(part) {
                    match find_ignoring_case(rest, earlier) {
                        Some(behind) => rest = behind,
                        None => return false,
                    }
                }
            }
            match last {
                None => rest.is_empty(),
                Some(end) => ends_with_ignoring_case(rest, end),
            }
        };
        let trimmed = |text| str::strip_suffix(text, "/").filter(|short| !short.is_empty()).unwrap_or(text);
        let short = (trimmed(&self.0), trimmed(path));
        fits(&self.0, path) || (short != (&self.0, path) && fits(short.0, short.1))
    }
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

fn ends_with_ignoring_case(text: &str, end: &str) -> bool {
    text.len().checked_sub(end.len()).and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn find_ignoring_case<'a>(text: &'a str, part: &str) -> Option<&'a str> {
    text.char_indices().map(|(at, _)| at).chain([text.len()]).find_map(|at| strip_prefix_ignoring_case(text.get(at..)?, part))
}

/// A path as people read it: browsers send letters beyond ASCII percent-encoded. What encodes ASCII, such as `%2F`, is
/// left alone, since it means something else than the sign itself.
#[must_use]
pub fn readable(path: &str) -> Cow<'_, str> {
    let mut text = String::new();
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, encoded) = rest.split_at(at);
        let run: Vec<u8> = encoded.as_bytes().chunks_exact(3).take(4).map_while(beyond_ascii).collect();
        let letters = match std::str::from_utf8(&run) {
            Ok(letters) => letters,
            Err(error) => run.get(..error.valid_up_to()).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or_default(),
        };
        // No letter has more than four bytes, of three signs each; where nothing was decoded, the sign itself is passed over.
        let taken = if letters.is_empty() { 1 } else { letters.len() * 3 };
        text.push_str(before);
        text.push_str(if letters.is_empty() { "%" } else { letters });
        rest = encoded.get(taken..).unwrap_or_default();
    }
    if text.is_empty() { Cow::Borrowed(path) } else { Cow::Owned(text + rest) }
}

/// The byte that `%E4` stands for, if it is part of a letter beyond ASCII.
fn beyond_ascii(encoded: &[u8]) -> Option<u8> {
    let digits = encoded.strip_prefix(b"%").and_then(|digits| std::str::from_utf8(digits).ok())?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| !byte.is_ascii())
}

/// The path of an address; `/` where it has none.
#[must_use]
pub fn path_of(url: &str) -> &str {
    let behind_scheme = url
        .find("://")
        .and_then(|at| url.get(at + 3..))
        .map(|rest| rest.find(['/', '?', '#']).and_then(|at| rest.get(at..)).unwrap_or("/"));
    let path = behind_scheme.unwrap_or(url);
    let end = path.find(['?', '#']).unwrap_or(path.len());
    match path.get(..end) {
        None | Some("") => "/",
        Some(path) => path,
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        if !text.starts_with(['/', '*']) || text.contains(['?', '#']) {
            return Err(InvalidPattern);
        }
        Ok(Self(readable(&text).into_owned()))
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_whole_paths() {
        let check = |pattern: &str, path: &str, wanted: bool| {
            let pattern = Pattern::try_from(pattern.to_owned()).unwrap();
            assert_eq!(pattern.fits(path), wanted, "{pattern} {path}");
        };
        check("/pricing", "/pricing", true);
        check("/pricing", "/Pricing/", true);
        check("/pricing", "/pricing/plans", false);
        check("/pricing*", "/pricing/plans", true);
        check("*/pricing", "/ja/pricing", true);
        check("*/cases/*", "/ja/cases/kansai", true);
        check("*/cases/*", "/cases", false);
        check("/a*b*c", "/abbc", true);
        check("/a*b*c", "/acb", false);
        check("/", "/", true);
        check("/料金*", "/料金表", true);
        check("*.pdf", "/files/paper.PDF", true);
    }

    #[test]
    fn letters_are_compared_as_they_are_read() {
        let check = |path: &str, wanted: &str| assert_eq!(readable(path), wanted, "{path}");
        check("/ja/%E6%96%99%E9%87%91", "/ja/料金");
        check("/%e4%ba%8b%E4%BE%8B/%41", "/事例/%41");
        check("/a%2Fb%3F%", "/a%2Fb%3F%");
        check("/%E6%96", "/%E6%96");
        check("/%E6%96%99%E6x", "/料%E6x");
        check("/100%25%料", "/100%25%料");
        check("/plain", "/plain");
        let pasted = Pattern::try_from("*/%E6%96%99%E9%87%91*".to_owned()).unwrap();
        assert_eq!(pasted.to_string(), "*/料金*");
        assert!(pasted.fits("/ja/料金表"));
    }

    #[test]
    fn the_path_is_what_stands_between_host_and_query() {
        for (url, path) in [
            ("https://x.test/a/b?c=/d#e", "/a/b"),
            ("https://x.test", "/"),
            ("https://x.test?q=1", "/"),
            ("/a?b", "/a"),
            ("", "/"),
            ("?x", "/"),
        ] {
            assert_eq!(path_of(url), path, "{url}");
        }
    }
}
