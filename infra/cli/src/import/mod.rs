//! `michi import`: people from a list, and what they did away from the site.
//!
//! - `encoding`, `rows`: from bytes to cells
//! - `columns`, `normal`, `moment`: what a cell means
//! - `list`: each row is a person, or is refused; `refused` says so in a file beside the list
//! - `carry`: people go into the logs of their leads
//! - `undo`: a list is taken back

mod carry;
pub mod columns;
pub mod encoding;
pub mod list;
pub mod moment;
pub mod normal;
pub mod refused;
pub mod rows;
mod told;
mod undo;

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{Context as _, bail};
use michi::collision::Collision;
use michi::consent::Basis;
use michi::id::{ImportId, derive, digest};

use crate::account::{Installation, Target};
use crate::deliver::By;
use crate::shown;
use columns::{Column, Named, is_attribute};
use list::{Deed, Known, List, Reading, read};
pub use told::Told;
pub use undo::undo;

/// What `michi import` takes.
#[derive(Debug, Clone, clap::Args)]
pub struct ImportArgs {
    /// The list: CSV with a line of headings, in UTF-8, UTF-16 or CP932
    #[arg(value_name = "FILE", required_unless_present_any = ["undo", "list"])]
    pub file: Option<PathBuf>,
    /// What is in the list and how it is taken.
    #[command(flatten)]
    pub how: How,
    /// Say what would be imported, and write the report on rows with a problem; import nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not wait for scoring on the way: quicker, but what visitors do meanwhile is scored after the whole list
    #[arg(long)]
    pub at_once: bool,
    /// Take a list back: what it said counts no more, and leads that only it brought are erased
    #[arg(long, value_name = "ID", conflicts_with_all = ["file", "list", "dry_run"])]
    pub undo: Option<String>,
    /// Show the lists that were imported
    #[arg(long, conflicts_with_all = ["file", "dry_run"])]
    pub list: bool,
    /// Do not ask before a list is taken back
    #[arg(long)]
    pub yes: bool,
    /// As JSON: fields are added, never renamed
    #[arg(long)]
    pub json: bool,
    /// Who does it.
    #[command(flatten)]
    pub by: By,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// What is in a list and how it is taken.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct How {
    /// What a column says, where its heading is not known: `Firma=company`; `Firma=` leaves it out. May be given again
    #[arg(long, value_name = "HEADING=ATTRIBUTE")]
    pub column: Vec<Named>,
    /// Leave columns out whose headings are not known
    #[arg(long)]
    pub ignore_unknown: bool,
    /// What counts where something is known already: `fill` what is empty, `overwrite`, or `never` touch a lead that was there
    /// before; for all attributes, or as in `role=overwrite` for one. May be given again
    #[arg(long, value_name = "[ATTRIBUTE=]RULE")]
    pub collision: Vec<Rule>,
    /// On what ground these people may be mailed; without it they are imported and may not
    #[arg(long, value_enum, requires = "proof")]
    pub basis: Option<ListBasis>,
    /// How that can be shown: where and when the cards were taken, which contract, where the consents are kept
    #[arg(long, value_name = "TEXT", requires = "basis")]
    pub proof: Option<String>,
    /// The list says what happened: its columns Activity and Date (種別, 日付), and perhaps Event, Owner and Note
    #[arg(long)]
    pub activities: bool,
    /// What happened, in rows that do not say it
    #[arg(long, value_enum)]
    pub activity: Option<Deed>,
    /// The name of the event, in rows that do not say it
    #[arg(long, value_name = "NAME")]
    pub event: Option<String>,
    /// When it happened, in rows that do not say it: 2026-11-20, or 2026-11-20 14:30
    #[arg(long, value_name = "DATE")]
    pub date: Option<String>,
    /// Only these rows, counted from 1 without the headings: 1-100000
    #[arg(long, value_name = "FROM-TO", value_parser = rows_of)]
    pub rows: Option<RangeInclusive<usize>>,
    /// A name for this import of your own; without it, one that comes from the list and these options, so that the same
    /// import is never made twice
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
}

/// What counts where something is known already, for one attribute or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The attribute; none: all.
    pub attribute: Option<String>,
    /// What counts.
    pub collision: Collision,
}

/// On what ground the people of a list may be mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ListBasis {
    /// They handed over business cards
    BusinessCard,
    /// There are dealings with them already
    Dealings,
    /// They have published their addresses, and no wish to get no mail
    Published,
    /// They agreed elsewhere
    Import,
}

impl ListBasis {
    fn basis(self) -> Basis {
        match self {
            Self::BusinessCard => Basis::BusinessCard,
            Self::Dealings => Basis::Dealings,
            Self::Published => Basis::Published,
            Self::Import => Basis::Import,
        }
    }
}

impl FromStr for Rule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (attribute, rule) = text.split_once('=').map_or((None, text), |(attribute, rule)| (Some(attribute), rule));
        let collision = match rule {
            "fill" => Collision::Fill,
            "overwrite" => Collision::Overwrite,
            "never" => Collision::Never,
            _ => return Err("a rule is fill, overwrite or never, for all attributes or for one, as in role=overwrite"),
        };
        if attribute.is_some_and(|name| !is_attribute(name)) {
            return Err("a rule names an attribute as michi does, as in role=overwrite; --dry-run shows which column is which");
        }
        Ok(Self { attribute: attribute.map(str::to_owned), collision })
    }
}

fn rows_of(text: &str) -> Result<RangeInclusive<usize>, &'static str> {
    let range = text.split_once('-').and_then(|(from, to)| Some(from.trim().parse().ok()?..=to.trim().parse().ok()?));
    range.filter(|range| *range.start() > 0 && range.start() <= range.end()).ok_or("rows are named as in 1-100000")
}

impl How {
    /// What counts for each of these attributes, where it is not the usual.
    fn collisions<'a>(&self, attributes: impl Iterator<Item = &'a str>) -> BTreeMap<String, Collision> {
        let rule = |name: &str| {
            let fits = |attribute: Option<&str>| self.collision.iter().rev().find(|rule| rule.attribute.as_deref() == attribute);
            fits(Some(name)).or_else(|| fits(None)).map(|rule| rule.collision).unwrap_or_default()
        };
        attributes.map(|name| (name.to_owned(), rule(name))).filter(|(_, rule)| *rule != Collision::Fill).collect()
    }

    /// A digest of the list's content and of whatever decides what is made of it.
    fn content(&self, bytes: &[u8]) -> String {
        let Self { column, ignore_unknown, collision, basis, proof, activities, activity, event, date, rows, id: _ } = self;
        let options = format!(
            "{column:?} {ignore_unknown} {collision:?} {basis:?} {proof:?} {activities} {activity:?} {event:?} {date:?} {rows:?}"
        );
        derive(&["import", &digest(bytes), &options])
    }

    /// The id of this import.
    fn import_id(&self, content: &str) -> anyhow::Result<ImportId> {
        let id = self.id.as_deref().unwrap_or(content);
        // One partition of the table is that of all imports.
        ImportId::parse(id).ok().filter(|id| id.as_str() != "all").with_context(|| format!("`{id}` cannot be an id"))
    }

    fn reading(&self, zone: &jiff::tz::TimeZone) -> anyhow::Result<Reading> {
        let read =
            |date: &String| moment::moment(date, zone).with_context(|| format!("`{date}` is no date: write it as 2026-11-20"));
        Ok(Reading {
            named: self.column.clone(),
            ignore_unknown: self.ignore_unknown,
            deeds: self.activities || self.activity.is_some(),
            deed: self.activity,
            event: self.event.clone(),
            when: self.date.as_ref().map(read).transpose()?,
            rows: self.rows.clone(),
        })
    }
}

/// Runs `michi import`.
///
/// # Errors
/// Says why nothing can be imported, and what to do about it.
pub fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| {
        if args.list {
            told::imports(args, out).await.map(|()| ExitCode::SUCCESS)
        } else if let Some(id) = &args.undo {
            undo::undo(args, id, out).await.map(|()| ExitCode::SUCCESS)
        } else {
            let told = import(args, out).await?;
            // What is left to be put right is no success.
            Ok(if told.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    })
}

/// Imports a list, and writes what came of it.
///
/// # Errors
/// Says why nothing can be imported, and what to do about it.
pub async fn import(args: &ImportArgs, out: &mut dyn Write) -> anyhow::Result<Told> {
    let file = args.file.as_deref().context("which list?")?;
    let bytes = std::fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let found = args.target.open().await?;
    let live = found.playbook().await?;
    let setup = &live.playbook.setup;
    let (zone, now) = (setup.time_zone.get(), found.now());
    let known = Known { zone, owners: &setup.owners, now };
    let list =
        read(&bytes, &args.how.reading(zone)?, &known).with_context(|| format!("{} cannot be imported", file.display()))?;
    args.how.fits(&list)?;
    let report = reported(file, &list)?;
    let content = args.how.content(&bytes);
    let mut told = Told::of(file, args.how.import_id(&content)?, content, &list, &args.how, report);
    carry::carry(args, &found, &list, &mut told).await?;
    told.write(args, zone, out)?;
    Ok(told)
}

impl How {
    /// Whether rules name attributes that the list has.
    fn fits(&self, list: &List) -> anyhow::Result<()> {
        let there: Vec<&str> = list.attributes().collect();
        for name in self.collision.iter().filter_map(|rule| rule.attribute.as_deref()) {
            if !there.contains(&name) {
                bail!("--collision names `{name}`, which the list does not say: it says {}", there.join(", "));
            }
        }
        Ok(())
    }
}

impl List {
    /// The attributes that the list says.
    fn attributes(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter_map(|(_, column)| match column {
            Column::Attribute(name) => Some(name.as_str()),
            Column::LastName | Column::FirstName => Some("name"),
            _ => None,
        })
    }
}

/// Writes the report on a list beside it, if there is anything to say; an earlier one goes.
fn reported(file: &Path, list: &List) -> anyhow::Result<Option<PathBuf>> {
    let path = refused::beside(file);
    if path == file {
        bail!("{} is the name of a report: copy the list to another name first", file.display());
    }
    if list.refused.is_empty() {
        if path.exists() {
            std::fs::remove_file(&path).with_context(|| format!("the earlier report {} cannot be removed", path.display()))?;
        }
        return Ok(None);
    }
    let headings: Vec<String> = list.columns.iter().map(|(heading, _)| heading.clone()).collect();
    std::fs::write(&path, refused::report(&headings, &list.refused)?)
        .with_context(|| format!("the report {} cannot be written", path.display()))?;
    Ok(Some(path))
}

/// The list that an id means, whole or by what it begins with.
async fn meant(found: &Installation, id: &str) -> anyhow::Result<michi::io::store::Import> {
    let mut imports = found.store.imports().await?;
    imports.retain(|import| import.id.as_str().starts_with(id));
    match imports.len() {
        1 => imports.pop().context("one is one"),
        0 => bail!("no list was imported as {id}: `michi import --list` names them"),
        _ => bail!("more than one list was imported as {id}…: give more of the id"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_for_one_attribute_or_for_all() {
        let how = |rules: &[&str]| How { collision: rules.iter().map(|rule| rule.parse().unwrap()).collect(), ..How::default() };
        let found = how(&["overwrite", "role=never", "company=fill"]).collisions(["company", "name", "role"].into_iter());
        assert_eq!(found, BTreeMap::from([("name".to_owned(), Collision::Overwrite), ("role".to_owned(), Collision::Never)]));
        assert!(how(&[]).collisions(["company"].into_iter()).is_empty());
        for bad in ["always", "role=", "Role=fill"] {
            assert!(bad.parse::<Rule>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_import_is_known_by_its_content_and_what_is_made_of_it() {
        let (plain, own) = (How::default(), How { id: Some("expo".to_owned()), ..How::default() });
        let rule = How { collision: vec!["overwrite".parse().unwrap()], ..How::default() };
        let id = |how: &How, bytes: &[u8]| how.import_id(&how.content(bytes)).unwrap();
        assert_eq!(id(&plain, b"a"), id(&plain, b"a"));
        assert_ne!(id(&plain, b"a"), id(&plain, b"b"));
        assert_ne!(id(&plain, b"a"), id(&rule, b"a"));
        assert_ne!(id(&plain, b"\x82"), id(&plain, b"\x83"), "bytes that are no UTF-8");
        assert_eq!(id(&own, b"a").as_str(), "expo");
    }

    #[test]
    fn rows_are_named_from_one_on() {
        assert_eq!(rows_of("1-100000"), Ok(1..=100_000));
        for bad in ["", "5", "0-3", "7-3", "a-b"] {
            assert!(rows_of(bad).is_err(), "{bad}");
        }
    }
}
