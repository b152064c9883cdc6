//! How answers are written: in columns for people, as JSON or CSV for programs.

use std::io::{self, Write};

use anyhow::Context as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::mail::text::cleaned;
use serde::Serialize;
use unicode_width::UnicodeWidthStr as _;

/// In which form a list is wanted.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct Form {
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
    /// As CSV (RFC 4180, UTF-8), with a line of headings
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// A list in columns.
#[derive(Debug)]
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

/// The longest text in a column, in characters.
const CELL: usize = 60;

impl Table {
    /// A list with these headings. One that begins with a blank is of numbers, which stand to the right.
    #[must_use]
    pub fn new(head: &[&'static str]) -> Self {
        Self { head: head.to_vec(), rows: vec![] }
    }

    /// Adds a row, a text for each heading.
    pub fn row(&mut self, row: impl IntoIterator<Item = String>) {
        self.rows.push(row.into_iter().collect());
    }

    /// Writes the columns, each as wide as its widest text on a terminal.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn columns(&self, out: &mut dyn Write) -> io::Result<()> {
        let cells = |row: &[String]| row.iter().map(|text| short(text)).collect::<Vec<_>>();
        let head: Vec<String> = self.head.iter().map(|name| name.trim_start().to_owned()).collect();
        let lines: Vec<Vec<String>> = std::iter::once(head).chain(self.rows.iter().map(|row| cells(row))).collect();
        let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|text| text.width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        for line in &lines {
            let mut text = String::new();
            for ((cell, width), name) in line.iter().zip(&widths).zip(&self.head) {
                let blank = " ".repeat(width.saturating_sub(cell.width()));
                let (before, behind) = if name.starts_with(' ') { (blank.as_str(), "") } else { ("", blank.as_str()) };
                text.push_str(&format!("{before}{cell}{behind}  "));
            }
            writeln!(out, "{}", text.trim_end())?;
        }
        Ok(())
    }

    /// Writes CSV if so wished, else columns; `none` is said where there is no row.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn write(&self, csv: bool, none: &str, out: &mut dyn Write) -> io::Result<()> {
        match (csv, self.rows.is_empty()) {
            (true, _) => self.csv(out),
            (false, true) => writeln!(out, "{none}"),
            (false, false) => self.columns(out),
        }
    }

    /// Writes CSV. A text that a spreadsheet would take for a formula gets an apostrophe before it: what visitors wrote
    /// stands here too.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let line = |cells: Vec<String>| cells.join(",") + "\r\n";
        let head = self.head.iter().map(|name| quoted(&name.trim_start().replace(' ', "_"))).collect();
        write!(out, "{}", line(head))?;
        for row in &self.rows {
            let cells = row.iter().zip(&self.head).map(|(text, name)| match name.starts_with(' ') {
                true => quoted(text),
                false => quoted(&disarmed(text)),
            });
            write!(out, "{}", line(cells.collect()))?;
        }
        Ok(())
    }
}

fn short(text: &str) -> String {
    cleaned(text, CELL)
}

/// With what a text begins that a spreadsheet takes for a formula, in full width, too.
pub const FORMULAS: [char; 11] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n'];

/// The text with an apostrophe before it if a spreadsheet would take it for a formula.
#[must_use]
pub fn disarmed(text: &str) -> String {
    if text.starts_with(FORMULAS) { format!("'{text}") } else { text.to_owned() }
}

/// Undoes [`disarmed`]; none: nothing was done.
#[must_use]
pub fn armed(text: &str) -> Option<&str> {
    text.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULAS))
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Writes JSON on many lines.
///
/// # Errors
/// If nothing can be written.
pub fn json(body: &impl Serialize, out: &mut dyn Write) -> anyhow::Result<()> {
    serde_json::to_writer_pretty(&mut *out, body).context("the answer cannot be written")?;
    Ok(writeln!(out)?)
}

/// A moment as date and time in a time zone.
#[must_use]
pub fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// A number with its noun.
#[must_use]
pub fn counted(number: impl TryInto<u64>, one: &str, many: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A number of things as it is typed, from 1 on.
///
/// # Errors
/// Says what belongs there.
pub fn some(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|number| *number > 0).ok_or("write a whole number, from 1 on")
}

/// Words to be defined and what they mean, the meanings in a column of their own that is `width` wide.
#[must_use]
pub fn definitions<'d>(words: impl IntoIterator<Item = (&'d str, String)>, width: usize) -> String {
    let words: Vec<(&str, String)> = words.into_iter().collect();
    let widest = words.iter().map(|(word, _)| word.width()).max().unwrap_or_default();
    let mut text = String::new();
    for (word, meaning) in words {
        let mut line = format!("  {word}{}  ", " ".repeat(widest - word.width()));
        let indent = line.width();
        for part in meaning.split_whitespace() {
            if line.width() + part.width() > indent + width {
                text.push_str(line.trim_end());
                line = format!("\n{}", " ".repeat(indent));
            }
            line.push_str(part);
            line.push(' ');
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Runs a command to its end, and writes what it says at once.
///
/// # Errors
/// The command's own.
pub fn run<T>(command: impl AsyncFnOnce(&mut Vec<u8>) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime can be started")?;
    let mut said = Vec::new();
    let done = runtime.block_on(command(&mut said));
    match io::stdout().write_all(&said) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        written => written.context("the answer cannot be written")?,
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&[" points", "name", "id"]);
        table.row(["-85.3", "佐藤 美香", "a"].map(str::to_owned));
        table.row(["3", "=Ann, \"the\" boss", "b"].map(str::to_owned));
        table
    }

    #[test]
    fn columns_stand_below_each_other_in_every_script() {
        let mut out = vec![];
        table().columns(&mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        points  name              id
         -85.3  佐藤 美香         a
             3  =Ann, "the" boss  b
        "#);
    }

    #[test]
    fn definitions_stand_in_two_columns() {
        let words = [("a", "one two three four".to_owned()), ("longer", "five".to_owned())];
        assert_eq!(definitions(words, 9), "  a       one two\n          three\n          four\n  longer  five\n");
    }

    #[test]
    fn a_number_of_things_is_a_number_from_one_on() {
        assert_eq!(some("20"), Ok(20));
        assert!(["0", "-1", "many", ""].into_iter().all(|text| some(text).is_err()));
    }

    #[test]
    fn csv_is_quoted_and_no_formula() {
        let mut out = vec![];
        table().csv(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "points,name,id\r\n-85.3,佐藤 美香,a\r\n3,\"'=Ann, \"\"the\"\" boss\",b\r\n");
    }
}
