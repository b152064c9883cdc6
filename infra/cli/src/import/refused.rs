//! What is wrong with a row, what to do about it, and the file that says so beside the list.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use michi::address::InvalidAddress;

use super::encoding::Mixed;
use super::list::Refused;
use super::rows::Unbalanced;
use crate::shown::disarmed;

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Its quotation marks are not in pairs.
    Unbalanced(Unbalanced),
    /// It is in another encoding than the list.
    Mixed(Mixed),
    /// It has more or fewer cells than there are headings.
    Cells {
        /// So many.
        given: usize,
        /// Instead of so many.
        wanted: usize,
    },
    /// It has no address.
    NoAddress,
    /// Its address is none.
    Address(InvalidAddress),
    /// A cell is longer than so many characters.
    TooLong(usize),
    /// It says the same as this line.
    Twice(u64),
    /// It does not say what happened.
    Deed,
    /// It does not say when.
    Moment,
    /// What it tells has not happened yet.
    ToCome,
    /// It does not say at which event.
    Event,
    /// It names somebody of ours whom the playbook does not know.
    Owner,
    /// A cell begins as a formula does.
    Formula,
}

impl Problem {
    /// What is wrong, in words; what stands in the row is not told.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Unbalanced(Unbalanced::Open) => "a quotation mark begins a cell and none ends it".to_owned(),
            Self::Unbalanced(Unbalanced::Behind) => "text stands behind the quotation mark that ends a cell".to_owned(),
            Self::Unbalanced(Unbalanced::Within) => "a quotation mark stands alone in a cell".to_owned(),
            Self::Mixed(Mixed { found: Some(found) }) => {
                format!("the row is in another encoding than the list: {}", found.name())
            }
            Self::Mixed(Mixed { found: None }) => "the row is in an encoding that is not known".to_owned(),
            Self::Cells { given, wanted } => format!("the row has {given} cells where there are {wanted} headings"),
            Self::NoAddress => "there is no address".to_owned(),
            Self::Address(invalid) => invalid.to_string(),
            Self::TooLong(most) => format!("the text has more than {most} characters"),
            Self::Twice(line) => format!("line {line} says the same of this address"),
            Self::Deed => "what happened is not known".to_owned(),
            Self::Moment => "this is no date".to_owned(),
            Self::ToCome => "this date is to come".to_owned(),
            Self::Event => "the name of the event is missing".to_owned(),
            Self::Owner => "nobody in sales is known by this".to_owned(),
            Self::Formula => "the text begins as a formula does".to_owned(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Unbalanced(_) => "write a quotation mark within a cell twice, and put one at either end of the cell",
            Self::Mixed(_) => "open the whole list in one program and save it as CSV UTF-8",
            Self::Cells { .. } => {
                "put a cell that holds a comma or a line break between quotation marks, and add what is missing"
            }
            Self::NoAddress => "add the address, or leave the row out",
            Self::Address(InvalidAddress::LocalPart) => "ask for an address in plain letters: mail cannot be sent to this one",
            Self::Address(_) => "write one address and nothing else, as in ann@example.com",
            Self::TooLong(_) => "shorten it, or leave the column out with --column 'HEADING='",
            Self::Twice(_) => "join both rows, and leave one out",
            Self::Deed => "write event, card, call or visit; or イベント, 名刺交換, 電話 or 訪問",
            Self::Moment => "write it as 2026-11-20, 2026/11/20 14:30 or 2026年11月20日",
            Self::ToCome => "leave the row out until it has happened",
            Self::Event => "add it in the column Event (イベント名), or for all rows with --event",
            Self::Owner => "write an owner's id, name or address as in playbook.yaml, or add the owner there",
            Self::Formula => "nothing, if that is what is meant: it was taken as text",
        }
    }

    /// Whether the row was taken all the same.
    #[must_use]
    pub fn is_doubt(&self) -> bool {
        matches!(self, Self::Formula)
    }
}

/// The most characters of a cell that a report holds: no cell that long is taken, and what reads lists reads reports.
const MOST_SHOWN: usize = 4_000;

/// Where the report on a list stands: beside it.
#[must_use]
pub fn beside(list: &Path) -> PathBuf {
    let name = list.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    list.with_file_name(format!("{name}.errors.csv"))
}

/// The headings of the report; those of the list follow, over the rows as they were.
const HEADINGS: [&str; 5] = ["michi line", "michi column", "michi problem", "michi remedy", "michi imported"];

/// Whether a column is one of a report's own, so that a report can be put right and imported.
#[must_use]
pub fn is_reports(heading: &str) -> bool {
    HEADINGS.contains(&heading)
}

/// The report as CSV, for spreadsheets: UTF-8 with its mark, and no cell a formula.
///
/// # Errors
/// If it cannot be written.
pub fn report(headings: &[String], refused: &[Refused]) -> anyhow::Result<Vec<u8>> {
    let mut csv =
        csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(b"\xef\xbb\xbf".to_vec());
    let own: Vec<bool> = headings.iter().map(|heading| is_reports(heading)).collect();
    let theirs = headings.iter().filter(|heading| !is_reports(heading));
    csv.write_record(HEADINGS.iter().map(ToString::to_string).chain(theirs.map(|heading| disarmed(&shortened(heading)))))?;
    for one in refused {
        let told = [
            one.line.to_string(),
            one.column.clone().unwrap_or_default(),
            one.problem.what(),
            one.problem.remedy().to_owned(),
            if one.problem.is_doubt() { "yes" } else { "no" }.to_owned(),
        ];
        // A row that could not be told into cells stands in one.
        let cells = one.cells.iter().enumerate().filter(|(place, _)| one.cells.len() == 1 || own.get(*place) != Some(&true));
        csv.write_record(told.into_iter().chain(cells.map(|(_, cell)| shortened(cell))).map(|cell| disarmed(&cell)))?;
    }
    csv.into_inner().context("the report cannot be written")
}

fn shortened(cell: &str) -> String {
    match cell.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", cell.get(..end).unwrap_or_default()),
        None => cell.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::rows::Rows;

    #[test]
    fn a_report_stands_beside_its_list() {
        assert_eq!(beside(Path::new("lists/expo 2026.csv")), Path::new("lists/expo 2026.errors.csv"));
        assert_eq!(beside(Path::new("expo")), Path::new("expo.errors.csv"));
    }

    #[test]
    fn a_report_keeps_the_rows_and_holds_no_formula() {
        let text = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let refused = |line, problem, cells: &[&str]| Refused { line, column: None, problem, cells: text(cells) };
        let all = [
            refused(3, Problem::NoAddress, &["", "=cmd()", "山田, 太郎"]),
            refused(4, Problem::Unbalanced(Unbalanced::Open), &["\"a@example.com,b"]),
        ];
        let written = String::from_utf8(report(&text(&["Email", "Name", "Company"]), &all).unwrap()).unwrap();
        insta::assert_snapshot!(written.trim_start_matches('\u{feff}').replace('\r', ""), @r#"
        michi line,michi column,michi problem,michi remedy,michi imported,Email,Name,Company
        3,,there is no address,"add the address, or leave the row out",no,,'=cmd(),"山田, 太郎"
        4,,a quotation mark begins a cell and none ends it,"write a quotation mark within a cell twice, and put one at either end of the cell",no,"""a@example.com,b"
        "#);
        let long = "\"\"".repeat(40_000);
        let odd = report(&text(&["Email", "=cmd()"]), &[refused(2, Problem::TooLong(1_000), &["a", &long])]).unwrap();
        let rows: Vec<_> = Rows::of(&odd).map(|row| row.cells.unwrap()).collect();
        assert!(rows[0].ends_with(&[b"'=cmd()".to_vec()]) && rows[1].last().unwrap().ends_with("\"…".as_bytes()));
        let again = report(&text(&["michi line", "Email"]), &[refused(2, Problem::NoAddress, &["9", "x"])]).unwrap();
        assert!(String::from_utf8(again).unwrap().ends_with(",no,x\r\n"));
    }
}
