//! A lead as the fold sees it: grade, level, cell, phase, stage, and everything that led to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::activity::Proof;
use crate::address::Address;
use crate::consent::Permissions;
use crate::id::{ActivityId, ClassId, MessageId, PageViewId, RuleId, VisitorId};
use crate::scoring::{Fit, Interest};

/// What the fold says of a lead, or of a visitor who is none yet, at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lead {
    /// Where the lead stands with us; none: it is a visitor.
    pub stage: Option<Stage>,
    /// What is known of the person and the company, by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// How well the lead suits us.
    pub fit: Fit,
    /// How much the lead wants it.
    pub interest: Interest,
    /// Why the lead has no grade and no proposal, by rule; usually empty.
    pub excluded: Vec<RuleId>,
    /// Grade and level together; none if excluded.
    pub cell: Option<Cell>,
    /// How far the lead is on its way to a decision.
    pub phase: Phase,
    /// The segments it is in.
    pub segments: BTreeSet<RuleId>,
    /// What the scores propose from where the lead stands.
    pub proposal: Option<Proposal>,
    /// The browsers known to be the lead's.
    pub visitors: Vec<LinkedVisitor>,
    /// Pages seen, newest first.
    pub pages: Vec<PageSeen>,
    /// The moves between stages, oldest first.
    pub moves: Vec<StageMove>,
    /// What mail may be sent to it.
    pub permissions: Permissions,
    /// When the person was first and last seen, on the site or in a mail; none: never yet.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// The first moment at which any of these answers changes if nothing happens; none: never.
    pub valid_until: Option<Timestamp>,
}

/// One thing known of a lead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// What it is.
    pub value: String,
    /// Since when.
    pub at: Timestamp,
    /// Nobody but an unproven visitor says so.
    pub unconfirmed: bool,
}

/// A browser known to be the lead's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedVisitor {
    /// The browser.
    pub visitor: VisitorId,
    /// How it is known.
    pub proof: Proof,
    /// When it was linked.
    pub at: Timestamp,
}

/// One showing of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageSeen {
    /// Its id.
    pub page_view: PageViewId,
    /// When it was shown.
    pub at: Timestamp,
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// Its class, if the playbook gives it one.
    pub class: Option<ClassId>,
    /// Milliseconds in sight and in focus.
    pub engaged: u64,
    /// Seen in a browser that only claims to be the lead's.
    pub unconfirmed: bool,
}

/// One logged move between stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageMove {
    /// The activity that logged it.
    pub id: ActivityId,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub from: Stage,
    /// To where.
    pub to: Stage,
    /// The cell at that moment.
    pub cell: Option<Cell>,
    /// The alert it owed to sales.
    pub alert: Option<MessageId>,
    /// The alert that it took back: what had led to it was a machine's doing.
    pub corrects: Option<MessageId>,
}

/// Where a lead stands with us. Stages move only by logged decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Stage {
    /// Known, not ready.
    Lead,
    /// Ready by marketing's judgement: offered to sales.
    Mql,
    /// Accepted by sales.
    Sal,
    /// Worked by sales as an opportunity.
    Sql,
    /// Bought.
    Customer,
    /// Recommends us.
    Advocate,
    /// Given back by sales for later.
    Recycled,
    /// None of ours.
    Disqualified,
}

impl Stage {
    /// Every stage, in order.
    pub const ALL: [Self; 8] =
        [Self::Lead, Self::Mql, Self::Sal, Self::Sql, Self::Customer, Self::Advocate, Self::Recycled, Self::Disqualified];

    /// The stage's word, as in files, keys and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Mql => "mql",
            Self::Sal => "sal",
            Self::Sql => "sql",
            Self::Customer => "customer",
            Self::Advocate => "advocate",
            Self::Recycled => "recycled",
            Self::Disqualified => "disqualified",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How well a lead suits what we sell; A is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
#[allow(missing_docs, reason = "the four grades speak for themselves")]
pub enum Grade {
    A,
    B,
    C,
    D,
}

impl Grade {
    /// Every grade, best first.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::D];
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        })
    }
}

/// How much a lead wants it; 1 is hottest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    /// Every level, hottest first.
    pub const ALL: [Self; 4] = [Self(1), Self(2), Self(3), Self(4)];
    /// Where everybody begins.
    pub const COLDEST: Self = Self(4);

    /// The level as a number from 1, hottest, to 4.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

/// Why a number is no level, or a text no cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a level is 1, 2, 3 or 4, and a cell a grade A to D with a level behind it, as in B2")]
pub struct InvalidCell;

impl TryFrom<u8> for Level {
    type Error = InvalidCell;
    fn try_from(number: u8) -> Result<Self, InvalidCell> {
        if (1..=4).contains(&number) { Ok(Self(number)) } else { Err(InvalidCell) }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Grade and level together, A1 to D4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cell {
    /// How well it suits.
    pub grade: Grade,
    /// How much it wants.
    pub level: Level,
}

impl Cell {
    /// Better in one and worse in none.
    #[must_use]
    pub fn improves_on(self, other: Self) -> bool {
        self != other && self.grade <= other.grade && self.level <= other.level
    }
}

impl TryFrom<String> for Cell {
    type Error = InvalidCell;
    fn try_from(text: String) -> Result<Self, InvalidCell> {
        let mut characters = text.chars();
        let grade = match characters.next() {
            Some('A') => Grade::A,
            Some('B') => Grade::B,
            Some('C') => Grade::C,
            Some('D') => Grade::D,
            _ => return Err(InvalidCell),
        };
        let level = characters.next().and_then(|c| c.to_digit(10)).ok_or(InvalidCell)?;
        if characters.next().is_some() {
            return Err(InvalidCell);
        }
        Ok(Self { grade, level: u8::try_from(level).map_err(|_| InvalidCell)?.try_into()? })
    }
}

impl From<Cell> for String {
    fn from(cell: Cell) -> Self {
        cell.to_string()
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.grade, self.level)
    }
}

/// How far a lead is on its way to a decision, from the classes of the pages it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Phase {
    /// Looks around.
    Gathering,
    /// Weighs one thing against another.
    Comparing,
    /// About to decide.
    Deciding,
}

/// What the scores propose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Proposal {
    /// Offer it to sales.
    Mql,
    /// It has cooled before sales took it: back to nurturing.
    Lead,
}

impl Stage {
    /// Whether sales has the lead in hand, or wants no more of it: no marketing mail goes to such a lead.
    #[must_use]
    pub fn holds_mail(self) -> bool {
        match self {
            Self::Mql | Self::Sal | Self::Sql | Self::Disqualified => true,
            Self::Lead | Self::Customer | Self::Advocate | Self::Recycled => false,
        }
    }
}

impl Lead {
    /// The lead's mail address.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        self.attribute("email").and_then(|text| Address::parse(text).ok())
    }

    /// An attribute's value.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(|attribute| attribute.value.as_str())
    }
}
