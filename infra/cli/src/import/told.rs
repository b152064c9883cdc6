//! What came of an import, in words and as JSON; and the imports there were.

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::id::ImportId;
use serde::Serialize;

use super::list::List;
use super::{How, ImportArgs};
use crate::shown::{self, Table, counted};

/// What came of an import, or would.
#[derive(Debug, Serialize)]
pub struct Told {
    /// Its id, by which it is taken back.
    pub id: ImportId,
    /// A digest of what is in it and how it was taken.
    #[serde(skip)]
    pub content: String,
    /// The name of the file.
    pub file: String,
    /// In which encoding most of it is.
    pub encoding: &'static str,
    /// The headings, with what their columns say.
    pub columns: Vec<Says>,
    /// How many rows there are.
    pub rows: usize,
    /// How many of them are taken.
    pub taken: usize,
    /// How many are not.
    pub refused: usize,
    /// How many are taken with a doubt.
    pub doubted: usize,
    /// How many people the rows name.
    pub people: usize,
    /// How many of them are new.
    pub new: usize,
    /// To how many of them nothing may be sent.
    pub suppressed: usize,
    /// Whether the others may be mailed.
    pub mailable: bool,
    /// Where the report on rows with a problem is.
    pub report: Option<PathBuf>,
    /// Rows that were in before: an import that was broken off went on there.
    pub resumed: usize,
    /// Whether it was done.
    pub done: Done,
}

/// A column of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Says {
    pub heading: String,
    pub says: String,
}

/// Whether an import was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// No: it was a trial, or there is nobody to import.
    No,
    /// Now.
    Now,
    /// Earlier: this very list was imported before.
    Before(Option<Timestamp>),
}

impl Told {
    pub(super) fn of(file: &Path, id: ImportId, content: String, list: &List, how: &How, report: Option<PathBuf>) -> Self {
        let doubted = list.refused.iter().filter(|one| one.problem.is_doubt()).count();
        let says = |(heading, column): &(String, super::Column)| Says { heading: heading.clone(), says: column.to_string() };
        Self {
            id,
            content,
            file: file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            encoding: list.encoding.name(),
            columns: list.columns.iter().map(says).collect(),
            rows: list.rows,
            taken: list.people.len(),
            refused: list.refused.len() - doubted,
            doubted,
            people: 0,
            new: 0,
            suppressed: 0,
            mailable: how.basis.is_some(),
            report,
            resumed: 0,
            done: Done::No,
        }
    }

    pub(super) fn write(&self, args: &ImportArgs, zone: &TimeZone, out: &mut dyn Write) -> anyhow::Result<()> {
        if args.json {
            return shown::json(self, out);
        }
        let columns: Vec<String> = self.columns.iter().map(|column| format!("{} → {}", column.heading, column.says)).collect();
        writeln!(out, "{}: {}, {}", self.file, self.encoding, counted(self.rows, "row", "rows"))?;
        writeln!(out, "  columns     {}", columns.join(", "))?;
        let known = self.people.saturating_sub(self.new);
        writeln!(out, "  people      {}: {} new, {known} known already", self.people, self.new)?;
        if self.refused > 0 || self.doubted > 0 {
            writeln!(out, "  refused     {}", counted(self.refused, "row", "rows"))?;
            if self.doubted > 0 {
                writeln!(out, "  doubted     {}, taken as text", counted(self.doubted, "cell", "cells"))?;
            }
        }
        let mail = match (self.mailable, self.suppressed) {
            (false, _) => "may not be sent to them: give --basis and --proof".to_owned(),
            (true, 0) => "may be sent to them, but for those who have opted out".to_owned(),
            (true, some) => {
                format!("may be sent to them, but for those who have opted out, and {some} whose addresses are suppressed")
            }
        };
        writeln!(out, "  mail        {mail}")?;
        if let Some(report) = &self.report {
            writeln!(
                out,
                "  report      {}: each row with its problem and what to do; put right, it can be imported",
                report.display()
            )?;
        }
        match self.done {
            Done::No if args.dry_run => writeln!(out, "Nothing was imported: this was a trial.")?,
            Done::No => writeln!(out, "There is nobody to import.")?,
            Done::Before(Some(at)) => {
                writeln!(out, "This very list was imported before, at {}: nothing was done.", shown::moment(at, zone))?;
            }
            Done::Before(None) | Done::Now => {
                if self.resumed > 0 {
                    writeln!(out, "{} were in before; it went on from there.", counted(self.resumed, "row", "rows"))?;
                }
                writeln!(out, "All are in and are being scored. Whoever the list makes ready for sales is told in one mail.")?;
                writeln!(out, "`michi import --undo {}` takes the list back.", self.id)?;
            }
        }
        Ok(())
    }
}

/// Shows the imports there were.
pub(super) async fn imports(args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let found = args.target.open().await?;
    let imports = found.store.imports().await?;
    if args.json {
        return shown::json(&imports, out);
    }
    if imports.is_empty() {
        writeln!(out, "no list was imported yet")?;
        return Ok(());
    }
    let zone = found.playbook().await?.playbook.setup.time_zone.get().clone();
    let mut table = Table::new(&["began", "file", "by", " rows", " in", " new", " ready", "state", "id"]);
    for import in imports {
        let state = match (&import.undone, import.ended) {
            (Some(undone), _) if undone.ended.is_some() => format!("taken back by {}", undone.by),
            (Some(_), _) => "being taken back: the same command goes on".to_owned(),
            (None, Some(_)) => "in".to_owned(),
            (None, None) => "under way or broken off: the same command goes on".to_owned(),
        };
        let numbers = [import.rows, import.done, import.new, import.ready].map(|number| number.to_string());
        let row = [shown::moment(import.began, &zone), import.file, import.by].into_iter().chain(numbers);
        table.row(row.chain([state, import.id.to_string()]));
    }
    Ok(table.columns(out)?)
}
