//! A scenario as a drawing that a telephone has room for: one path from top to bottom, ways set in and led back to it.

use std::collections::BTreeMap;

use michi::id::StepId;
use michi::playbook::scenario::words::Words;
use michi::playbook::scenario::{Scenario, Step};
use michi::playbook::{Language, Playbook};
use michi::scenario::results::{Counts, Figure};

use super::percent;

/// The drawing's width, in units that are pixels on a telephone.
const WIDTH: u32 = 360;
/// Where the path begins.
const LEFT: u32 = 14;
/// How far a way is set in; ways within ways beyond the sixth are set in no further.
const INDENT: u32 = 18;
const DEEPEST: u32 = 6;
/// From a node to its words.
const BESIDE: u32 = 18;
/// Heights of a line of words and of numbers, and what stands between two steps.
const LINE: u32 = 20;
const SMALL: u32 = 18;
const GAP: u32 = 12;
/// The sizes of words and numbers.
const SIZE: u32 = 14;
const SMALL_SIZE: u32 = 12;
/// Lines that a step's words may have.
const LINES: usize = 4;

/// The drawing.
#[derive(Debug, Default)]
pub(crate) struct Diagram {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) paths: Vec<String>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) texts: Vec<Text>,
}

/// A point on the path.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) x: u32,
    pub(crate) y: u32,
    /// What kind of step it is, as the style names it.
    pub(crate) class: &'static str,
}

/// A line of text.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) x: u32,
    pub(crate) y: u32,
    /// Words or numbers, as the style names them.
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

/// What is drawn, with what it is drawn from.
struct Pen<'p> {
    words: Words<'p>,
    counts: &'p Counts,
    drawn: Diagram,
    /// The bottom of what is drawn.
    y: u32,
}

impl Diagram {
    pub(crate) fn of(playbook: &Playbook, scenario: &Scenario, counts: &Counts, language: Language) -> Self {
        let words = Words { playbook, language };
        let mut pen = Pen { words, counts, drawn: Self { width: WIDTH, ..Self::default() }, y: 4 };
        let whole = |figure: Figure| counts.sum(|mark| mark.step.is_none() && mark.figure == figure);
        let entered = pen.numbers(&[(Figure::Entered, whole(Figure::Entered))], None);
        let start = pen.point(LEFT, "start", &words.trigger(&scenario.trigger), vec![(entered, "numbers")]);
        let end = pen.list(&scenario.steps, 0, start);
        let ended = counts.sum(|mark| matches!(mark.figure, Figure::Left(_)));
        let ended = pen.numbers(&[(Figure::Goal, whole(Figure::Goal)), (LEFT_AT_ALL, ended)], None);
        let last = pen.point(LEFT, "end", pick(language, "End", "終わり"), vec![(ended, "numbers")]);
        if let Some(end) = end {
            pen.drawn.paths.push(format!("M{LEFT} {end}V{last}"));
        }
        pen.drawn.height = pen.y;
        pen.drawn
    }
}

/// Stands for runs that ended for whatever reason: only its name is used.
const LEFT_AT_ALL: Figure = Figure::Left(michi::scenario::Left::End);

fn pick(language: Language, en: &'static str, ja: &'static str) -> &'static str {
    match language {
        Language::En => en,
        Language::Ja => ja,
    }
}

impl Pen<'_> {
    /// Draws a list of steps whose path comes from the height `from`. Answers from where it goes on; none: it ends here.
    fn list(&mut self, steps: &[Step], depth: u32, from: u32) -> Option<u32> {
        let x = LEFT + depth.min(DEEPEST) * INDENT;
        let mut from = Some(from);
        for step in steps {
            let y = self.step(x, step);
            if let Some(from) = from {
                self.drawn.paths.push(format!("M{x} {from}V{y}"));
            }
            let figures = self.of_step(step.id());
            let ends = matches!(step, Step::Stop(_) | Step::GoTo(_));
            let ways = self.words.ways(step);
            for ((way, steps), figure) in ways.into_iter().zip(taken(step)) {
                let count = figures.get(&figure).copied().unwrap_or_default();
                self.way(x, y, depth, &format!("{way}  {count}"), steps);
            }
            from = (!ends).then_some(y);
        }
        from
    }

    /// Draws a way that leaves the path at `x` from the height `y` on, and comes back to it.
    fn way(&mut self, x: u32, y: u32, depth: u32, words: &str, steps: &[Step]) {
        let inner = LEFT + (depth + 1).min(DEEPEST) * INDENT;
        let at = self.point(inner, "way", words, vec![]);
        if inner > x {
            let bend = at.saturating_sub(8);
            self.drawn.paths.push(format!("M{x} {y}V{bend}Q{x} {at} {} {at}H{inner}", x + 8));
        }
        let end = if steps.is_empty() { None } else { self.list(steps, depth + 1, at) };
        if let Some(end) = end.filter(|_| inner > x) {
            let back = self.y;
            self.drawn.paths.push(format!("M{inner} {end}V{}Q{inner} {back} {} {back}H{x}", back.saturating_sub(8), inner - 8));
            self.drawn.paths.push(format!("M{x} {y}V{back}"));
            self.y += GAP / 2;
        }
    }

    fn step(&mut self, x: u32, step: &Step) -> u32 {
        let figures = self.of_step(step.id());
        let number = |figure: &Figure| figures.get(figure).copied().unwrap_or_default();
        let mut lines = vec![];
        let mut here = vec![(Figure::Reached, number(&Figure::Reached))];
        here.extend(Some((Figure::Waiting, number(&Figure::Waiting))).filter(|(_, count)| *count > 0));
        lines.push((self.numbers(&here, None), "numbers"));
        let sent = number(&Figure::Sent);
        if number(&Figure::Owed) > 0 {
            lines.push((self.numbers(&[(Figure::Sent, sent)], None), "numbers"));
            let shares = [Figure::Opened, Figure::Clicked, Figure::Won].map(|figure| (figure.clone(), number(&figure)));
            lines.push((self.numbers(&shares, Some(sent)), "numbers"));
        }
        for (figure, count) in figures.iter().filter(|(figure, _)| matches!(figure, Figure::Skipped(_))) {
            let colon = pick(self.words.language, ": ", "：");
            let name = figure.defined().name(self.words.language);
            lines.push((format!("{name} {count}{colon}{}", figure.reason(self.words.language)), "numbers warm"));
        }
        let words = self.words.step(step);
        self.point(x, class(step), &words, lines)
    }

    /// A point with its words and what stands below them. Answers the height of the point.
    fn point(&mut self, x: u32, class: &'static str, words: &str, below: Vec<(String, &'static str)>) -> u32 {
        let beside = x + BESIDE;
        let top = self.y;
        let y = top + LINE - 5;
        self.drawn.nodes.push(Node { x, y: y - 5, class });
        self.y = y;
        let kind = if class == "way" { "label" } else { "words" };
        for (number, text) in wrapped(words, WIDTH - beside, SIZE, LINES).into_iter().enumerate() {
            self.y = y + LINE * u32::try_from(number).unwrap_or_default();
            self.drawn.texts.push(Text { x: beside, y: self.y, class: kind, text });
        }
        for (text, class) in below {
            for text in wrapped(&text, WIDTH - beside, SMALL_SIZE, 2) {
                self.y += SMALL;
                self.drawn.texts.push(Text { x: beside, y: self.y, class, text });
            }
        }
        self.y += GAP;
        y - 5
    }

    /// Figures on one line; with their shares of `of`, if that is given.
    fn numbers(&self, figures: &[(Figure, u64)], of: Option<u64>) -> String {
        let language = self.words.language;
        let said = figures.iter().map(|(figure, count)| {
            let name = figure.defined().name(language);
            match of.map(|of| percent(*count, of)).filter(|share| !share.is_empty()) {
                Some(share) => format!("{name} {count} ({share})"),
                None => format!("{name} {count}"),
            }
        });
        said.collect::<Vec<_>>().join(" · ")
    }

    /// What was counted at a step, in all versions and of all its letters.
    fn of_step(&self, step: &StepId) -> BTreeMap<Figure, u64> {
        let mut here = BTreeMap::new();
        for (mark, count) in self.counts.iter().filter(|(mark, _)| mark.by.is_none() && mark.step.as_ref() == Some(step)) {
            *here.entry(mark.figure.clone()).or_default() += count;
        }
        here
    }
}

/// By which figure each way of a step is counted, in the order of the ways.
fn taken(step: &Step) -> Vec<Figure> {
    match step {
        Step::WaitFor(_) => vec![Figure::Came, Figure::Otherwise],
        Step::Branch(step) => step.ways.iter().map(|way| Figure::Way(way.id.clone())).chain([Figure::Otherwise]).collect(),
        Step::Split(step) => step.ways.iter().map(|way| Figure::Way(way.id.clone())).collect(),
        Step::Ask(step) => step.answers.iter().map(|way| Figure::Way(way.id.clone())).chain([Figure::Otherwise]).collect(),
        Step::Mail(_)
        | Step::Wait(_)
        | Step::WaitUntil(_)
        | Step::WaitDate(_)
        | Step::Series(_)
        | Step::Set(_)
        | Step::Notify(_)
        | Step::Stop(_)
        | Step::GoTo(_) => vec![],
    }
}

fn class(step: &Step) -> &'static str {
    match step {
        Step::Mail(_) | Step::Series(_) => "mail",
        Step::Ask(_) => "ask",
        Step::Wait(_) | Step::WaitUntil(_) | Step::WaitDate(_) | Step::WaitFor(_) => "wait",
        Step::Branch(_) | Step::Split(_) => "fork",
        Step::Set(_) | Step::Notify(_) => "act",
        Step::Stop(_) | Step::GoTo(_) => "stop",
    }
}

/// The text in lines that fit into `room`, at most `lines` of them; what is left over is cut. How wide a character is
/// depends on the reader's fonts, so a little room is left.
fn wrapped(text: &str, room: u32, size: u32, lines: usize) -> Vec<String> {
    let room = room * 100;
    let wide = |c: char| if c.is_ascii() { 66 * size } else { 102 * size };
    let mut found: Vec<String> = vec![];
    let (mut line, mut used) = (String::new(), 0);
    for word in pieces(text) {
        let width: u32 = word.chars().map(wide).sum();
        if used + width > room && !line.is_empty() {
            found.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 || !word.trim().is_empty() {
            line.push_str(&word);
            used += width;
        }
    }
    found.push(line);
    if found.len() > lines {
        found.truncate(lines);
        if let Some(last) = found.last_mut() {
            last.pop();
            last.push('…');
        }
    }
    found.into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// What may not be torn: a word with the blank behind it; of scripts without blanks each character, with the closing marks
/// behind it.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = vec![];
    let mut open = false;
    for c in text.chars() {
        let closing = "、。，．）」』】！？：…)・".contains(c);
        match pieces.last_mut() {
            Some(last) if open || closing => last.push(c),
            _ => pieces.push(c.to_string()),
        }
        // A very long word is torn all the same.
        open = "（「『【(".contains(c) || (c.is_ascii() && c != ' ' && pieces.last().is_some_and(|last| last.len() < 20));
    }
    pieces
}

#[cfg(test)]
mod tests;
