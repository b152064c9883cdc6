//! The text of one file, and places in it.

use std::cell::Cell;
use std::ops::Range;

use super::mistake::{At, Mistake};

/// A file of the playbook, as it lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Its name, without the folder.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

impl SourceFile {
    /// A file.
    pub fn new(name: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), bytes: text.into() }
    }
}

/// The largest file that is read: a megabyte, which is many times what anybody writes by hand.
pub(super) const MAX_BYTES: usize = 1_000_000;
/// So many mistakes of a file are told, which is more than anybody mends before checking again.
const MOST_TOLD: usize = 200;
/// So many characters of a line are kept before a place in it, and as many from there on.
const AROUND: usize = 400;

/// A file whose text can be read.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    line_starts: Vec<usize>,
    told: Cell<usize>,
}

impl<'a> Source<'a> {
    /// The file's text.
    pub(super) fn of(file: &'a SourceFile) -> Result<Self, Mistake> {
        if file.bytes.len() > MAX_BYTES {
            let what = format!("the file has {} bytes, and at most {MAX_BYTES} are read", file.bytes.len());
            return Err(Mistake::whole(&file.name, what, "keep only what belongs to the playbook in it"));
        }
        let remedy = "save it as UTF-8; most editors offer this under \"Save as\" or \"Encoding\"";
        let text = match std::str::from_utf8(&file.bytes) {
            Ok(text) => text,
            Err(error) => {
                let readable = file.bytes.get(..error.valid_up_to()).and_then(|bytes| std::str::from_utf8(bytes).ok());
                let readable = Self::new(&file.name, readable.unwrap_or_default());
                let end = readable.text.len();
                return Err(readable.mistake(end..end, "the file is not UTF-8 text: it cannot be read from here on", remedy));
            }
        };
        // Editors on Windows put a byte order mark before the text; it means nothing.
        Ok(Self::new(&file.name, text.strip_prefix('\u{feff}').unwrap_or(text)))
    }

    /// A text under a file's name.
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        let behind_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { name, text, line_starts: std::iter::once(0).chain(behind_breaks).collect(), told: Cell::new(0) }
    }

    /// The file as if it ended at this byte.
    pub(super) fn until(&self, end: usize) -> Self {
        Self::new(self.name, self.text.get(..end).unwrap_or(self.text))
    }

    /// The number of the line, from 1, in which a byte stands.
    pub(super) fn line_of(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte)
    }

    /// A mistake at these bytes; of several lines the first is shown. Of very many mistakes the last are one.
    pub(super) fn mistake(&self, span: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) -> Mistake {
        if self.told.replace(self.told.get() + 1) >= MOST_TOLD {
            return Mistake::whole(
                self.name,
                "there are more mistakes than are told at once",
                "mend the others, and check again",
            );
        }
        let line = self.line_of(span.start);
        let start = self.line_starts.get(line - 1).copied().unwrap_or_default();
        let rest = self.text.get(start..).unwrap_or_default();
        let source = rest.lines().next().unwrap_or_default();
        let count = |range: Range<usize>| {
            source.get(range.start.min(source.len())..range.end.min(source.len())).map_or(0, |t| t.chars().count())
        };
        let (from, to) = (span.start - start, span.end.max(span.start) - start);
        let before = count(0..from);
        let cut = before.saturating_sub(AROUND);
        let source = source.chars().skip(cut).take(2 * AROUND).collect();
        let at = At { line, column: before + 1, source, from: cut + 1, length: count(from..to).max(1) };
        Mistake { file: self.name.to_owned(), at: Some(at), what: what.into(), remedy: remedy.into() }
    }
}
