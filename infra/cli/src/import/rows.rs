//! From text to cells: RFC 4180 to the letter, so that a quotation mark which is never closed spoils its own row and does
//! not swallow the rows behind it.

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// The line that it begins on, from 1.
    pub line: u64,
    /// It as it stands in the file; of a broken one, its first line.
    pub raw: &'a [u8],
    /// Its cells, still in the file's encoding.
    pub cells: Result<Vec<Vec<u8>>, Unbalanced>,
}

/// Quotation marks that do not come in pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unbalanced {
    /// A cell begins with one, and none ends it.
    Open,
    /// Something stands behind the one that ends a cell.
    Behind,
    /// A cell that does not begin with one holds an odd number of them.
    Within,
}

/// The rows of a list, in their order. Empty lines are none.
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    rest: &'a [u8],
    line: u64,
    delimiter: u8,
}

/// No cell is longer than this, in bytes: what is has lost its closing mark.
const LONGEST: usize = 64 * 1024;

impl<'a> Rows<'a> {
    /// The rows of a text. What stands most often between the cells of its first line is what stands between cells: a
    /// comma, a tabulator or a semicolon.
    #[must_use]
    pub fn of(text: &'a [u8]) -> Self {
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let count = |delimiter: u8| first.iter().filter(|byte| **byte == delimiter).count();
        // Of as many, the first counts.
        let delimiter = [b';', b'\t', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',');
        Self { rest: text, line: 1, delimiter }
    }

    /// What stands between cells.
    #[must_use]
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        while let Some(after) = line_end(self.rest) {
            self.rest = after;
            self.line += 1;
        }
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        let (cells, rest) = match cells(self.rest, self.delimiter) {
            Ok((cells, rest)) => (Ok(cells), rest),
            Err(unbalanced) => (Err(unbalanced), first_line(self.rest).1),
        };
        let taken = self.rest.get(..self.rest.len() - rest.len()).unwrap_or_default();
        self.line += taken.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.rest = rest;
        let raw = taken.strip_suffix(b"\n").unwrap_or(taken);
        Some(Row { line, raw: raw.strip_suffix(b"\r").unwrap_or(raw), cells })
    }
}

/// The text behind a line's end, if it begins with one.
fn line_end(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"\r\n").or_else(|| text.strip_prefix(b"\n"))
}

/// The first line without its end, and the lines behind it.
fn first_line(text: &[u8]) -> (&[u8], &[u8]) {
    let at = text.iter().position(|byte| *byte == b'\n');
    at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))).unwrap_or((text, &[]))
}

type Cells<'a> = (Vec<Vec<u8>>, &'a [u8]);

/// The cells of the first row, and the rows behind it.
fn cells(text: &[u8], delimiter: u8) -> Result<Cells<'_>, Unbalanced> {
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        let (cell, behind) = match rest.strip_prefix(b"\"") {
            Some(quoted) => in_quotes(quoted)?,
            None => bare(rest, delimiter)?,
        };
        cells.push(cell);
        match behind {
            [] => return Ok((cells, behind)),
            [byte, more @ ..] if *byte == delimiter => rest = more,
            _ => return line_end(behind).map(|next| (cells, next)).ok_or(Unbalanced::Behind),
        }
    }
}

/// A cell up to its closing mark, and what is behind that.
fn in_quotes(text: &[u8]) -> Result<(Vec<u8>, &[u8]), Unbalanced> {
    let mut cell = Vec::new();
    let mut rest = text;
    loop {
        let at = rest.iter().take(LONGEST).position(|byte| *byte == b'"').ok_or(Unbalanced::Open)?;
        let (part, behind) = rest.split_at(at);
        cell.extend_from_slice(part);
        match behind {
            [b'"', b'"', more @ ..] => {
                cell.push(b'"');
                rest = more;
            }
            [_, more @ ..] => return Ok((cell, more)),
            [] => return Err(Unbalanced::Open),
        }
        if cell.len() > LONGEST {
            return Err(Unbalanced::Open);
        }
    }
}

/// A cell without marks around it, and what is behind it. Marks within it are the text's own, as in `3" disk, 5" disk`
/// they come in pairs.
fn bare(text: &[u8], delimiter: u8) -> Result<(Vec<u8>, &[u8]), Unbalanced> {
    let end = text.iter().position(|byte| *byte == delimiter || *byte == b'\n').unwrap_or(text.len());
    let (mut cell, mut behind) = text.split_at(end);
    if let (Some(shorter), [b'\n', ..]) = (cell.strip_suffix(b"\r"), behind) {
        cell = shorter;
        behind = text.get(shorter.len()..).unwrap_or_default();
    }
    let marks = cell.iter().filter(|byte| **byte == b'"').count();
    if marks % 2 == 1 { Err(Unbalanced::Within) } else { Ok((cell.to_vec(), behind)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (u64, Result<Vec<String>, Unbalanced>);

    fn read(text: &str) -> Vec<Read> {
        let words = |cells: Vec<Vec<u8>>| cells.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect();
        Rows::of(text.as_bytes()).map(|row| (row.line, row.cells.map(words))).collect()
    }

    #[track_caller]
    fn check(text: &str, wanted: &[(u64, Result<&[&str], Unbalanced>)]) {
        let wanted: Vec<Read> = wanted
            .iter()
            .map(|(line, cells)| (*line, cells.map(|cells| cells.iter().map(ToString::to_string).collect())))
            .collect();
        assert_eq!(read(text), wanted, "{text:?}");
    }

    #[test]
    fn cells_are_told_apart() {
        check("a,b\r\n1,2\n", &[(1, Ok(&["a", "b"])), (2, Ok(&["1", "2"]))]);
        check("a,b\n\n\r\n,\n1,", &[(1, Ok(&["a", "b"])), (4, Ok(&["", ""])), (5, Ok(&["1", ""]))]);
        check("a,b\n\"1, \"\"2\"\"\",\"\"", &[(1, Ok(&["a", "b"])), (2, Ok(&["1, \"2\"", ""]))]);
        check("a,b\n\"1\n2\",3\n4,5", &[(1, Ok(&["a", "b"])), (2, Ok(&["1\n2", "3"])), (4, Ok(&["4", "5"]))]);
        check("a\tb, c\td\n1\t2\t3", &[(1, Ok(&["a", "b, c", "d"])), (2, Ok(&["1", "2", "3"]))]);
        check("a;b;c\n1;2,5;3", &[(1, Ok(&["a", "b", "c"])), (2, Ok(&["1", "2,5", "3"]))]);
        check("", &[]);
        check("a", &[(1, Ok(&["a"]))]);
        check("a,b\nthe \"big\" one,5 \"\"", &[(1, Ok(&["a", "b"])), (2, Ok(&["the \"big\" one", "5 \"\""]))]);
    }

    #[test]
    fn a_mark_that_is_not_closed_spoils_its_own_row_only() {
        let (open, behind, within) = (Unbalanced::Open, Unbalanced::Behind, Unbalanced::Within);
        check("a,b\n\"1,2\n3,4\n5,6", &[(1, Ok(&["a", "b"])), (2, Err(open)), (3, Ok(&["3", "4"])), (4, Ok(&["5", "6"]))]);
        // The next row's own marks would close it and leave something behind them.
        check("a,b\n\"1,2\n\"3\",4\n5,6", &[(1, Ok(&["a", "b"])), (2, Err(behind)), (3, Ok(&["3", "4"])), (4, Ok(&["5", "6"]))]);
        check("a,b\n\"1\"x,2\n3,4", &[(1, Ok(&["a", "b"])), (2, Err(behind)), (3, Ok(&["3", "4"]))]);
        check("a,b\n1,2\"\n3,4", &[(1, Ok(&["a", "b"])), (2, Err(within)), (3, Ok(&["3", "4"]))]);
        let long = format!("a,b\n\"{}\",1\n2,3", "x".repeat(LONGEST + 1));
        check(&long, &[(1, Ok(&["a", "b"])), (2, Err(open)), (3, Ok(&["2", "3"]))]);
    }

    #[test]
    fn a_row_is_kept_as_it_stands() {
        let raw = |text: &'static str| Rows::of(text.as_bytes()).map(|row| row.raw).collect::<Vec<_>>();
        assert_eq!(raw("a,b\r\n\"1\n2\",3\r\n\"4,5\n6"), [&b"a,b"[..], b"\"1\n2\",3", b"\"4,5", b"6"]);
    }
}
