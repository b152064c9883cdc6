//! The one condition language: who is meant. It serves fit rules, exclusions, segments and whatever asks "is this so?"
//! later, and says of itself until when its answer holds.

mod words;

pub(crate) use words::or;

use serde::{Deserialize, Serialize};

use crate::id::{ClassId, FormId, RuleId};
use crate::lead::{Cell, Grade, Level, Phase, Stage};
use crate::playbook::span::Span;

/// A typed tree; each node is one key in the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum Condition {
    /// Every one of these.
    All(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Condition>),
    /// At least one of these.
    Any(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Condition>),
    /// Not this.
    Not(Box<Condition>),
    /// What is known of the lead.
    Attribute(AttributeTest),
    /// The lead's mail address.
    Address(AddressTest),
    /// What the lead did.
    Did(Did),
    /// The lead stands in one of these stages.
    Stage(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Stage>),
    /// The lead is in one of these cells.
    Cell(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Cell>),
    /// The lead has one of these grades.
    Grade(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Grade>),
    /// The lead has one of these levels.
    Level(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Level>),
    /// The lead is in one of these phases.
    Phase(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<Phase>),
    /// The lead is in this segment.
    Segment(RuleId),
    /// The lead's momentum is (or is not) at or above the mark.
    Surging(bool),
}

/// A test of one attribute. All that is given must hold; a test with nothing but a name asks whether it is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct AttributeTest {
    /// The attribute's name, as in the form's field.
    pub name: String,
    /// It is one of these, without regard to case and width.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub any_of: Vec<String>,
    /// It holds one of these words: whole words in Latin script, any part in others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "authoring", schemars(length(min = 1)))]
    pub contains: Vec<String>,
    /// The first number in it is at least this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The first number in it is at most this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<f64>,
}

/// A test of the lead's mail address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum AddressTest {
    /// At a company (true), or at a provider of private mailboxes (false).
    Business(bool),
    /// Under one of these domains.
    Domain(#[cfg_attr(feature = "authoring", schemars(length(min = 1)))] Vec<String>),
}

/// So many times within so long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub struct Did {
    /// What was done.
    pub what: What,
    /// At least so many times.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    #[cfg_attr(feature = "authoring", schemars(range(min = 1, max = 10_000)))]
    pub times: u32,
    /// Within this time before now; none: ever, as far as the log is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

fn once() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_once(times: &u32) -> bool {
    *times == 1
}

/// What can be asked of an activity, in conditions and in interest rules. Only what people did counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "authoring", derive(schemars::JsonSchema))]
pub enum What {
    /// Saw a page of this class.
    Page(ClassId),
    /// Saw a page of no class.
    PlainPage,
    /// Saw any page.
    AnyPage,
    /// Sent a form of this class.
    Form(ClassId),
    /// Sent this form.
    FormNamed(FormId),
    /// Downloaded any file.
    Download,
    /// Clicked any link that is watched.
    Click,
    /// Did something of the customer's own, by the name it is tracked under.
    Track(String),
    /// Opened a mail.
    MailOpened,
    /// Clicked a link in a mail.
    MailClicked,
    /// Came to an event.
    EventAttended,
    /// Spoke with us.
    CallMade,
    /// Handed over a business card.
    CardExchanged,
    /// Visited us, or was visited.
    Visited,
}

impl AttributeTest {
    /// Whether a value passes.
    #[must_use]
    pub fn fits(&self, value: &str) -> bool {
        let folded = folded(value);
        let number = || first_number(&folded);
        (self.any_of.is_empty() || self.any_of.iter().any(|wanted| self::folded(wanted) == folded))
            && (self.contains.is_empty() || self.contains.iter().any(|word| has_word(&folded, &self::folded(word))))
            && self.at_least.is_none_or(|least| number().is_some_and(|n| n >= least))
            && self.at_most.is_none_or(|most| number().is_some_and(|n| n <= most))
    }
}

/// A text in the form in which texts are compared: lower case, full-width Latin letters and digits as plain ones.
fn folded(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    };
    text.trim().chars().map(plain).flat_map(char::to_lowercase).collect()
}

/// Whether a word stands in a text: between other than letters and digits if it is in Latin script, else anywhere.
fn has_word(text: &str, word: &str) -> bool {
    if word.is_empty() {
        return false;
    }
    if !word.is_ascii() {
        return text.contains(word);
    }
    let joined = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let behind = text.get(at + found.len()..).and_then(|tail| tail.chars().next());
        !joined(before) && !joined(behind)
    })
}

/// The first number in a text; `1,200 people` is 1200.
fn first_number(text: &str) -> Option<f64> {
    let tail = text.get(text.find(|c: char| c.is_ascii_digit())?..)?;
    let mut digits: String =
        tail.chars().take_while(|c| c.is_ascii_digit() || matches!(c, ',' | '.')).filter(|c| *c != ',').collect();
    while digits.ends_with('.') {
        digits.pop();
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_passes_when_all_that_is_given_holds() {
        let check = |test: &AttributeTest, value: &str, wanted: bool| assert_eq!(test.fits(value), wanted, "{value}");
        let contains = |words: &[&str]| AttributeTest {
            contains: words.iter().map(ToString::to_string).collect(),
            ..AttributeTest::default()
        };
        check(&contains(&["vp", "director"]), "Managing Director", true);
        check(&contains(&["vp"]), "MVP", false);
        check(&contains(&["vp"]), "ＶＰ, Sales", true);
        check(&contains(&["部長"]), "営業部長", true);
        check(&contains(&["director"]), "Directorate", false);
        let size = AttributeTest { at_least: Some(50.0), at_most: Some(2000.0), ..AttributeTest::default() };
        check(&size, "1,200名", true);
        check(&size, "51-200", true);
        check(&size, "5000+", false);
        check(&size, "many", false);
        let industry = AttributeTest { any_of: vec!["Manufacturing".into(), "製造".into()], ..AttributeTest::default() };
        check(&industry, " manufacturing ", true);
        check(&industry, "製造業", false);
        check(&AttributeTest::default(), "anything", true);
    }
}
