//! A list as it is read: each row is a person, or is refused with what is wrong and what to do about it.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use michi::address::Address;
use michi::id::OwnerId;
use michi::playbook::Owner;

use super::columns::{BadHeadings, Column, Named, columns};
use super::encoding::{Encoding, NoText, opened};
use super::moment::moment;
use super::normal::{self, plain};
use super::refused::Problem;
use super::rows::{Row, Rows};
use crate::shown::{FORMULAS, armed};

/// The most rows that are taken at once.
pub const MOST_ROWS: usize = 100_000;
/// The longest value of an attribute, in characters.
const LONGEST: usize = 1_000;

/// How a list is to be read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// What columns say that are not known by their headings, or differently.
    pub named: Vec<Named>,
    /// Columns that are not known are left out instead of refused.
    pub ignore_unknown: bool,
    /// The list says what happened.
    pub deeds: bool,
    /// What happened, in every row that does not say it.
    pub deed: Option<Deed>,
    /// At which event, in every row that does not say it.
    pub event: Option<String>,
    /// When, in every row that does not say it.
    pub when: Option<Timestamp>,
    /// Only these rows, counted from 1 without the headings.
    pub rows: Option<RangeInclusive<usize>>,
}

/// What must be known to read it.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// By which clocks days are told.
    pub zone: &'a TimeZone,
    /// Who sells.
    pub owners: &'a [Owner],
    /// Nothing happened later than this.
    pub now: Timestamp,
}

/// What somebody did with us away from the site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Deed {
    /// Came to an event
    Event,
    /// Handed over a business card
    Card,
    /// Spoke with us by telephone
    Call,
    /// Visited us, or was visited
    Visit,
}

/// A list that was read.
#[derive(Debug)]
pub struct List {
    /// The encoding that most of it is in.
    pub encoding: Encoding,
    /// The headings, with what their columns say.
    pub columns: Vec<(String, Column)>,
    /// How many rows it has.
    pub rows: usize,
    /// Who it names, in its order.
    pub people: Vec<Person>,
    /// What cannot be taken, and what was taken with a doubt.
    pub refused: Vec<Refused>,
}

/// A row that can be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The line it begins on.
    pub line: u64,
    /// The address.
    pub address: Address,
    /// What is said of the person, by attribute.
    pub attributes: BTreeMap<String, String>,
    /// What happened, if the list says so.
    pub meeting: Option<Meeting>,
}

/// Something that happened away from the site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Meeting {
    /// What.
    pub deed: Deed,
    /// When; on the day itself perhaps a little later than now.
    pub at: Timestamp,
    /// At which event.
    pub event: Option<String>,
    /// Who of ours was there.
    pub owner: Option<OwnerId>,
    /// What came of it.
    pub note: Option<String>,
}

/// A row with a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line it begins on.
    pub line: u64,
    /// The heading of the cell, if it is one cell's.
    pub column: Option<String>,
    /// What is wrong.
    pub problem: Problem,
    /// The row as it stands, as far as it can be told apart.
    pub cells: Vec<String>,
}

/// Why nothing of a list can be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum NoList {
    #[error(transparent)]
    NoText(#[from] NoText),
    #[error(transparent)]
    Headings(#[from] BadHeadings),
    #[error("the line of headings cannot be read: {}; {}", .0.what(), .0.remedy())]
    Unreadable(Problem),
    #[error("the list has {0} rows, and at most {MOST_ROWS} are taken at once: import it in parts, with {1}")]
    TooLong(usize, String),
    #[error("the list has no rows {0} to {1}: it has {2}")]
    NoSuchRows(usize, usize, usize),
}

/// Reads a list.
///
/// # Errors
/// [`NoList`], if nothing of it can be taken, with what to do about it.
pub fn read(bytes: &[u8], reading: &Reading, known: &Known<'_>) -> Result<List, NoList> {
    let (text, encoding) = opened(bytes)?;
    let mut rows = Rows::of(&text);
    let first = rows.next().ok_or(BadHeadings::Empty)?;
    let headings = cells(&first, encoding).map_err(NoList::Unreadable)?;
    let headings: Vec<String> = trimmed(headings).iter().map(|heading| plain(armed(heading).unwrap_or(heading))).collect();
    let found = columns(&headings, &reading.named, reading.deeds, reading.ignore_unknown)?;
    for (needed, there, said) in [
        (Column::Deed, reading.deed.is_some(), ("what happened (Activity, 種別)", "--activity")),
        (Column::When, reading.when.is_some(), ("when (Date, 日付)", "--date")),
    ] {
        if reading.deeds && !there && !found.contains(&needed) {
            return Err(BadHeadings::NoDeed(said.0, said.1).into());
        }
    }
    let total = rows.clone().filter(|row| !is_blank(row)).count();
    let wanted = wanted(reading.rows.as_ref(), total)?;
    let reader = Reader { reading, known, columns: headings.into_iter().zip(found).collect(), encoding };
    let mut list = List { encoding, columns: vec![], rows: wanted.clone().count(), people: Vec::new(), refused: Vec::new() };
    let mut met: HashMap<(String, Option<Meeting>), u64> = HashMap::new();
    for (number, row) in (1..).zip(rows.filter(|row| !is_blank(row))) {
        if wanted.contains(&number) {
            reader.row(&row, &mut list, &mut met);
        }
    }
    list.columns = reader.columns;
    Ok(list)
}

/// The rows that are wanted of so many.
fn wanted(rows: Option<&RangeInclusive<usize>>, total: usize) -> Result<RangeInclusive<usize>, NoList> {
    let wanted = match rows {
        Some(rows) if *rows.start() > total || rows.start() > rows.end() || *rows.start() == 0 => {
            return Err(NoList::NoSuchRows(*rows.start(), *rows.end(), total));
        }
        Some(rows) => *rows.start()..=total.min(*rows.end()),
        None => 1..=total,
    };
    if wanted.clone().count() > MOST_ROWS {
        let parts = (0..).map(|n| n * MOST_ROWS + wanted.start()).take_while(|from| from <= wanted.end());
        let parts: Vec<String> =
            parts.map(|from| format!("--rows {from}-{}", (from + MOST_ROWS - 1).min(*wanted.end()))).collect();
        return Err(NoList::TooLong(wanted.count(), parts.join(", then ")));
    }
    Ok(wanted)
}

/// A row of nothing but delimiters, as spreadsheets leave them at the end.
fn is_blank(row: &Row<'_>) -> bool {
    row.cells.as_ref().is_ok_and(|cells| cells.iter().all(|cell| cell.iter().all(u8::is_ascii_whitespace)))
}

fn cells(row: &Row<'_>, encoding: Encoding) -> Result<Vec<String>, Problem> {
    let cells = row.cells.as_ref().map_err(|unbalanced| Problem::Unbalanced(*unbalanced))?;
    encoding.text(row.raw).map_err(Problem::Mixed)?;
    let text = |cell: &Vec<u8>| encoding.text(cell).map(std::borrow::Cow::into_owned).map_err(Problem::Mixed);
    cells.iter().map(text).collect()
}

/// The headings without empty ones at the end.
fn trimmed(mut headings: Vec<String>) -> Vec<String> {
    while headings.last().is_some_and(|last| last.trim().is_empty()) {
        headings.pop();
    }
    headings
}

struct Reader<'a> {
    reading: &'a Reading,
    known: &'a Known<'a>,
    columns: Vec<(String, Column)>,
    encoding: Encoding,
}

/// What is wrong with a cell.
type Bad = (Option<String>, Problem);

impl Reader<'_> {
    fn row(&self, row: &Row<'_>, list: &mut List, met: &mut HashMap<(String, Option<Meeting>), u64>) {
        let read = cells(row, self.encoding);
        let kept = || match &read {
            Ok(cells) => cells.clone(),
            Err(_) => vec![self.encoding.shown(row.raw)],
        };
        let mut refuse = |(column, problem): Bad| list.refused.push(Refused { line: row.line, column, problem, cells: kept() });
        let cells = match &read {
            Ok(cells) => cells,
            Err(problem) => return refuse((None, problem.clone())),
        };
        let (person, doubts) = match self.person(row.line, cells) {
            Ok(read) => read,
            Err(bad) => return refuse(bad),
        };
        // Who came twice has two rows that say so; what is the same in both is one row too many.
        let key = (person.address.key(), person.meeting.clone());
        if let Some(earlier) = met.get(&key) {
            return refuse((None, Problem::Twice(*earlier)));
        }
        doubts.into_iter().for_each(refuse);
        met.insert(key, row.line);
        list.people.push(person);
    }

    fn person(&self, line: u64, cells: &[String]) -> Result<(Person, Vec<Bad>), Bad> {
        let (given, wanted) = (cells.len(), self.columns.len());
        let beyond = cells.get(wanted..).unwrap_or_default();
        if given < wanted || beyond.iter().any(|cell| !cell.trim().is_empty()) {
            return Err((None, Problem::Cells { given, wanted }));
        }
        let mut address = None;
        let mut attributes = BTreeMap::new();
        let (mut last, mut first) = (String::new(), String::new());
        let (mut deed, mut when, mut event, mut owner, mut note) =
            (self.reading.deed, self.reading.when, self.reading.event.clone(), None, None);
        let mut doubts = Vec::new();
        for ((heading, column), cell) in self.columns.iter().zip(cells) {
            let bad = |problem| (Some(heading.clone()), problem);
            let meant = armed(cell);
            let is_meant = meant.is_some();
            let cell = meant.unwrap_or(cell);
            let text = plain(cell);
            if text.is_empty() || *column == Column::Left {
                continue;
            }
            if text.chars().count() > LONGEST {
                return Err(bad(Problem::TooLong(LONGEST)));
            }
            match column {
                Column::Address => {
                    let parsed = Address::parse(&normal::address(cell));
                    address = Some(parsed.map_err(|invalid| bad(Problem::Address(invalid)))?);
                }
                Column::LastName => last = text,
                Column::FirstName => first = text,
                Column::Deed => deed = Some(done(&text).ok_or_else(|| bad(Problem::Deed))?),
                Column::When => when = Some(moment(&text, self.known.zone).ok_or_else(|| bad(Problem::Moment))?),
                Column::Event => event = Some(text),
                Column::Owner => owner = Some(self.owner(&text).ok_or_else(|| bad(Problem::Owner))?),
                Column::Note => note = Some(text),
                Column::Attribute(name) => {
                    let value = match name.as_str() {
                        "company" => normal::company(cell),
                        "phone" | "mobile" | "fax" => normal::phone(cell),
                        _ => text,
                    };
                    if !is_meant && is_formula(&value, name) {
                        doubts.push(bad(Problem::Formula));
                    }
                    attributes.insert(name.clone(), value);
                }
                Column::Left => {}
            }
        }
        let address = address.ok_or((Some(self.heading(&Column::Address)), Problem::NoAddress))?;
        if let Some(name) = whole_name(&last, &first) {
            attributes.entry("name".to_owned()).or_insert(name);
        }
        let meeting = match (self.reading.deeds, deed, when) {
            (false, ..) => None,
            (true, None, _) => return Err((Some(self.heading(&Column::Deed)), Problem::Deed)),
            (true, _, None) => return Err((Some(self.heading(&Column::When)), Problem::Moment)),
            (true, Some(Deed::Event), _) if event.is_none() => return Err((None, Problem::Event)),
            // A day that is not over is told by its noon.
            (true, Some(_), Some(at)) if at > self.known.now && !is_today(at, self.known) => {
                return Err((Some(self.heading(&Column::When)), Problem::ToCome));
            }
            (true, Some(deed), Some(at)) => Some(Meeting { deed, at, event, owner, note }),
        };
        Ok((Person { line, address, attributes, meeting }, doubts))
    }

    fn heading(&self, wanted: &Column) -> String {
        self.columns.iter().find(|(_, column)| column == wanted).map(|(heading, _)| heading.clone()).unwrap_or_default()
    }

    fn owner(&self, text: &str) -> Option<OwnerId> {
        let owners = self.known.owners.iter();
        let same =
            |owner: &&Owner| owner.id.as_str() == text || owner.name == text || owner.address.as_str().eq_ignore_ascii_case(text);
        owners.into_iter().find(same).map(|owner| owner.id.clone())
    }
}

fn is_today(at: Timestamp, known: &Known<'_>) -> bool {
    let day = |at: Timestamp| at.to_zoned(known.zone.clone()).date();
    day(at) == day(known.now)
}

/// A telephone number may begin with a plus sign, and a number with a minus sign.
fn is_formula(text: &str, attribute: &str) -> bool {
    let number = text.chars().skip(1).all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | ','));
    text.starts_with(FORMULAS) && !number && !matches!(attribute, "phone" | "mobile" | "fax")
}

/// Family name first where names are written so.
fn whole_name(last: &str, first: &str) -> Option<String> {
    match (last, first) {
        ("", "") => None,
        (one, "") | ("", one) => Some(one.to_owned()),
        (last, first) if last.is_ascii() && first.is_ascii() => Some(format!("{first} {last}")),
        (last, first) if last.chars().chain(first.chars()).any(is_japanese) => Some(format!("{last} {first}")),
        (last, first) => Some(format!("{first} {last}")),
    }
}

fn is_japanese(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}' | '々')
}

/// What a word says that happened.
fn done(word: &str) -> Option<Deed> {
    let word: String = word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    Some(match word.as_str() {
        "event" | "eventattended" | "seminar" | "webinar" | "tradeshow" | "exhibition" | "イベント" | "イベント参加"
        | "セミナー" | "セミナー参加" | "ウェビナー" | "展示会" => Deed::Event,
        "card" | "businesscard" | "businesscardexchanged" | "cardexchanged" | "名刺" | "名刺交換" => Deed::Card,
        "call" | "phone" | "phonecall" | "callmade" | "telephone" | "電話" | "架電" | "通話" | "コール" => Deed::Call,
        "visit" | "visited" | "meeting" | "訪問" | "来社" | "来訪" | "面談" | "商談" | "打ち合わせ" | "打合せ" => {
            Deed::Visit
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
