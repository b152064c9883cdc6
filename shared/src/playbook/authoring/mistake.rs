//! Mistakes: where each is, what is wrong there and what to do about it.

use std::fmt;
use std::ops::Range;

use serde::Serialize;
use unicode_width::UnicodeWidthChar;

/// Everything that is wrong with a playbook, in the order of the files. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mistakes(Vec<Mistake>);

/// One thing that is wrong.
///
/// Shown with `{}` it is plain text; with `{:#}` it has a terminal's colours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// The file.
    pub file: String,
    /// Where in the file; none: it is about the file as a whole.
    pub at: Option<At>,
    /// What is wrong, in plain words.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// A place in a file. Lines and columns count from 1; a column is a character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct At {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The text of the line; of a very long one, what stands around the place.
    pub source: Box<str>,
    /// The column at which that text begins.
    pub from: usize,
    /// How many characters of the line are meant; at least 1.
    pub length: usize,
}

impl Mistakes {
    /// The mistakes, by file and place, each once; `None` if there are none.
    pub(super) fn of(mut mistakes: Vec<Mistake>) -> Option<Self> {
        let place = |mistake: &Mistake| (mistake.file.clone(), mistake.at.as_ref().map(|at| (at.line, at.column)));
        mistakes.sort_by_key(place);
        mistakes.dedup();
        if mistakes.is_empty() { None } else { Some(Self(mistakes)) }
    }

    /// Each of them.
    #[must_use]
    pub fn list(&self) -> &[Mistake] {
        &self.0
    }

    /// The same, with the files named by where they lie.
    #[must_use]
    pub(super) fn under(mut self, folder: &std::path::Path) -> Self {
        for mistake in &mut self.0 {
            let place = if mistake.file.is_empty() { folder.to_owned() } else { folder.join(&mistake.file) };
            mistake.file = place.display().to_string();
        }
        self
    }
}

impl Mistake {
    /// A mistake about a file as a whole.
    pub(super) fn whole(file: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), at: None, what: what.into(), remedy: remedy.into() }
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, mistake) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            mistake.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [bold, red, green, blue, plain] =
            if f.alternate() { ["\x1b[1m", "\x1b[1;31m", "\x1b[32m", "\x1b[34m", "\x1b[0m"] } else { [""; 5] };
        let (file, what, remedy) = (visible(&self.file), visible(&self.what), visible(&self.remedy));
        let Some(at) = &self.at else {
            writeln!(f, "{bold}{file}{plain}: {red}{what}{plain}")?;
            return writeln!(f, "  {blue}={plain} {green}{remedy}{plain}");
        };
        let number = at.line.to_string();
        let margin = " ".repeat(number.len());
        let (line, gap, carets) = at.drawn();
        writeln!(f, "{bold}{file}:{}:{}{plain}: {red}{what}{plain}", at.line, at.column)?;
        writeln!(f, "{margin} {blue}|{plain}")?;
        writeln!(f, "{blue}{number} |{plain} {line}")?;
        writeln!(f, "{margin} {blue}|{plain} {gap}{red}{carets}{plain}")?;
        writeln!(f, "{margin} {blue}={plain} {green}{remedy}{plain}")
    }
}

/// How many columns of a terminal are shown before and from the place that is meant, so that a very long line stays
/// readable.
const SHOWN: Range<usize> = 60..100;

impl At {
    /// The line as it is shown, the blanks up to the carets, and the carets. Wide characters take two columns.
    fn drawn(&self) -> (String, String, String) {
        let characters: Vec<String> = self.source.chars().map(|c| visible_character(c, true)).collect();
        let width = |c: &String| c.chars().filter_map(UnicodeWidthChar::width).sum::<usize>();
        let (before, rest) = characters.split_at((self.column - self.from).min(characters.len()));
        let (meant, behind) = rest.split_at(self.length.min(rest.len()));

        let mut room = SHOWN.start;
        let kept = before.iter().rev().take_while(|c| take(&mut room, width(c))).count();
        let (cut, before) = before.split_at(before.len() - kept);
        let mut room = SHOWN.end;
        let shown: Vec<&String> = meant.iter().chain(behind).take_while(|c| take(&mut room, width(c))).collect();

        let ellipsis = if cut.is_empty() && self.from == 1 { "" } else { "…" };
        let tail = if shown.len() < meant.len() + behind.len() { "…" } else { "" };
        let line = format!("{ellipsis}{}{}{tail}", before.concat(), shown.iter().map(|c| c.as_str()).collect::<String>());
        let gap = " ".repeat(before.iter().map(width).sum::<usize>() + ellipsis.chars().count());
        let carets = "^".repeat(shown.iter().take(meant.len()).map(|c| width(c)).sum::<usize>().max(1));
        (line, gap, carets)
    }
}

fn take(room: &mut usize, width: usize) -> bool {
    room.checked_sub(width).map(|left| *room = left).is_some()
}

/// A text of the files within a message: in quotes, and of a very long one the beginning.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 60;
    let beginning: String = text.chars().take(SHOWN).collect();
    let tail = if beginning.len() < text.len() { "…" } else { "" };
    format!("\"{beginning}{tail}\"")
}

/// A text in which nothing can steer a terminal or turn the reading direction.
fn visible(text: &str) -> String {
    text.chars().map(|c| visible_character(c, false)).collect()
}

fn visible_character(c: char, tab_is_a_blank: bool) -> String {
    match c {
        '\t' if tab_is_a_blank => " ".to_owned(),
        c if is_hidden(c) => c.escape_unicode().to_string(),
        c => c.to_string(),
    }
}

/// Characters that no name and no text in the files may hold: controls, and marks that turn the reading direction.
/// What the files hold reaches the headers of mails.
pub(super) fn is_hidden(c: char) -> bool {
    let direction = matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || direction || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}
