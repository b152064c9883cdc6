//! What is said of a text that is no YAML.

use serde_saphyr::granit_parser::{ErrorKind, ScanError};

use super::mistake::{Mistake, is_hidden};
use super::source::Source;
use super::yaml::MAX_DEPTH;

/// What a Japanese keyboard writes for a colon.
const WIDE_COLON: char = '\u{ff1a}';
/// What is said of a tab.
const TAB: (&str, &str) = ("a tab stands where only blanks may stand", "replace the tab with blanks");

/// A text that is no YAML, in words for somebody who writes settings and no parsers.
pub(super) fn broken(source: &Source<'_>, error: &ScanError) -> Mistake {
    let at = error.marker().byte_offset().unwrap_or_default().min(source.text.len());
    let before = source.text.get(..at).unwrap_or_default();
    if let Some(tab) = tab_before(before) {
        return source.mistake(tab..tab + 1, TAB.0, TAB.1);
    }
    if let Some(colon) = wide_colon(source.text, at) {
        let what = "a wide colon stands here, which is a letter like any other";
        return source.mistake(colon..colon + WIDE_COLON.len_utf8(), what, "write it half width, with a blank behind it: \": \"");
    }
    let (what, remedy) = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            let tab = at + source.text.get(at..).and_then(|text| text.find('\t')).unwrap_or_default();
            return source.mistake(tab..tab + 1, TAB.0, TAB.1);
        }
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar | ErrorKind::InvalidQuotedScalarIndent => {
            // What is wrong is where the text begins, not where the reader gave up.
            let begin = before.rfind(['"', '\'']).unwrap_or(at);
            return source.mistake(
                begin..begin + 1,
                "a text in quotes begins here and does not end",
                "close it with the same quotation mark",
            );
        }
        ErrorKind::UnclosedFlowCollection { open } | ErrorKind::MismatchedFlowCollectionEnd { open, .. } => {
            (format!("what begins with {open} does not end as it should"), "close each [ with ] and each { with }")
        }
        ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::MisplacedFlowCollectionEnd => (
            "a list in [ ] or a map in { } is broken here, or does not end before this".to_owned(),
            "close each [ with ] and each { with }, and put a comma between two things in them",
        ),
        ErrorKind::UnknownQuotedScalarEscape
        | ErrorKind::InvalidQuotedScalarHexEscape
        | ErrorKind::InvalidLowSurrogateHexEscape
        | ErrorKind::InvalidLowSurrogate
        | ErrorKind::MissingLowSurrogate
        | ErrorKind::UnpairedLowSurrogate
        | ErrorKind::InvalidUnicodeEscape => (
            "a backslash in double quotes begins a sign that does not exist".to_owned(),
            "write two backslashes for one, or use 'single quotes'",
        ),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => (
            "something follows a text in quotes".to_owned(),
            "put the whole text in quotes, or none of it; in 'single quotes' write '' for '",
        ),
        ErrorKind::UnexpectedCharacter { character } if is_hidden(*character) => {
            let here = at + source.text.get(at..).and_then(|text| text.find(*character)).unwrap_or_default();
            let what = format!("a character that nobody can see stands here: U+{:04X}", u32::from(*character));
            return source.mistake(here..here + character.len_utf8(), what, "type the text anew instead of pasting it");
        }
        ErrorKind::UnexpectedCharacter { character } => {
            (format!("a text may not begin with {character}"), "put the text in quotes")
        }
        ErrorKind::MissingAnchorOrAliasName => ("a text may not begin with * or &".to_owned(), "put the text in quotes"),
        ErrorKind::RecursionLimitExceeded => (
            format!("maps and lists lie more than {MAX_DEPTH} deep in each other"),
            "give inner conditions a name in segments.yaml, and let deep steps of a scenario go on at another place",
        ),
        ErrorKind::CommentNotSeparated | ErrorKind::CommentInterceptedScalar => {
            ("a comment stands where none may stand".to_owned(), "put a blank before #, or the text in quotes")
        }
        ErrorKind::MappingValueNotAllowed
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::ExpectedNodeContent
        | ErrorKind::InvalidColonPlacement
        | ErrorKind::InvalidMappingValueWhitespace
        | ErrorKind::InvalidBlockEntryWhitespace => (
            "this does not fit what stands above it".to_owned(),
            "let the keys of one level begin in the same column, put a blank behind each colon and dash, and put a text that holds \": \" in quotes",
        ),
        other => (
            format!("this is not YAML: {other}"),
            "compare it with the default playbook; a text with special signs belongs in quotes",
        ),
    };
    source.mistake(at..at, what, remedy)
}

/// A wide colon where a key should end, in the line at which the reader gave up or in the one before: with it the key is a
/// text, which goes on in the next line.
fn wide_colon(text: &str, at: usize) -> Option<usize> {
    let end = text.get(at..).and_then(|rest| rest.find('\n')).map_or(text.len(), |end| at + end);
    let mut begin = end;
    text.get(..end)?.rsplit('\n').take(2).find_map(|line| {
        let start = begin - line.len();
        begin = start.saturating_sub(1);
        let colon =
            line.find(WIDE_COLON).filter(|colon| !line.get(..*colon).is_some_and(|key| key.contains([':', '"', '\'', '#'])))?;
        Some(start + colon)
    })
}

/// A tab that indents one of the last lines of a text: the reader may notice it only lines later.
fn tab_before(text: &str) -> Option<usize> {
    let mut end = text.len();
    text.rsplit('\n').take(3).find_map(|line| {
        let (start, last) = (end - line.len(), end == text.len());
        end = start.saturating_sub(1);
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        let tab = line.get(..indent).and_then(|indent| indent.find('\t'))?;
        // A line of nothing but blanks indents nothing, unless the reader stopped within it.
        (last || indent < line.len()).then_some(start + tab)
    })
}
