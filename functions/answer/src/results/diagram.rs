//! A scenario as a drawing that a telephone has room for: one path from top to bottom, ways set in and led back to it.

mod lines;

use std::collections::BTreeMap;

use michi::id::StepId;
use michi::playbook::scenario::words::Words;
use michi::playbook::scenario::{Scenario, Step};
use michi::playbook::{Language, Playbook};
use michi::scenario::results::{Counts, Figure};

use super::percent;
use lines::{Part, Piece, lines, words};

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
const LINES: usize = 6;

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
    pub(crate) sign: Sign,
}

/// A line of text.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) x: u32,
    pub(crate) y: u32,
    /// Words or numbers, as the style names them.
    pub(crate) class: &'static str,
    pub(crate) parts: Vec<Part>,
}

/// How a point looks: by what happens there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    /// Where the scenario begins and ends.
    Ends,
    Mail,
    Ask,
    Wait,
    Fork,
    Act,
    Stop,
    /// A way from a fork on.
    Way,
}

impl Sign {
    fn of(step: &Step) -> Self {
        match step {
            Step::Mail(_) | Step::Series(_) => Self::Mail,
            Step::Ask(_) => Self::Ask,
            Step::Wait(_) | Step::WaitUntil(_) | Step::WaitDate(_) | Step::WaitFor(_) => Self::Wait,
            Step::Branch(_) | Step::Split(_) => Self::Fork,
            Step::Set(_) | Step::Notify(_) => Self::Act,
            Step::Stop(_) | Step::GoTo(_) => Self::Stop,
        }
    }

    /// What each sign means that the drawing of a scenario has.
    pub(crate) fn legend(scenario: &Scenario, language: Language) -> Vec<(Self, &'static str)> {
        let signs = [
            (Self::Mail, "sends mail", "メールを送る"),
            (Self::Ask, "asks a question", "質問する"),
            (Self::Wait, "waits", "待つ"),
            (Self::Fork, "parts the ways", "分岐する"),
            (Self::Act, "sets or tells something", "設定・通知する"),
            (Self::Stop, "ends, or goes on elsewhere", "終わる・別のステップに進む"),
            (Self::Way, "a way, with how many took it", "分岐先と進んだ数"),
        ];
        let has = |sign| match sign {
            Self::Way => scenario.all_steps().any(|step| !step.lists().is_empty()),
            sign => scenario.all_steps().any(|step| Self::of(step) == sign),
        };
        signs.into_iter().filter(|(sign, ..)| has(*sign)).map(|(sign, en, ja)| (sign, pick(language, en, ja))).collect()
    }

    /// The style's word for it.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Ends => "ends",
            Self::Mail => "mail",
            Self::Ask => "ask",
            Self::Wait => "wait",
            Self::Fork => "fork",
            Self::Act => "act",
            Self::Stop => "stop",
            Self::Way => "way",
        }
    }

    pub(crate) fn radius(self) -> u32 {
        match self {
            Self::Way => 3,
            Self::Ends => 5,
            _ => 7,
        }
    }
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
        let trigger = words.trigger(&scenario.trigger);
        let trigger = if language == Language::En { capitalised(&trigger) } else { trigger };
        let trigger = pen.words(&trigger, LEFT);
        let start = pen.point(LEFT, Sign::Ends, trigger, vec![(entered, "numbers")]);
        let end = pen.list(&scenario.steps, 0, start);
        let ended = counts.sum(|mark| matches!(mark.figure, Figure::Left(_)));
        let ended = pen.numbers(&[(Figure::Goal, whole(Figure::Goal)), (LEFT_AT_ALL, ended)], None);
        let end_of_all = pen.words(pick(language, "End", "終わり"), LEFT);
        let last = pen.point(LEFT, Sign::Ends, end_of_all, vec![(ended, "numbers")]);
        if let Some(end) = end {
            pen.drawn.paths.push(format!("M{LEFT} {end}V{last}"));
        }
        pen.drawn.height = pen.y;
        pen.drawn
    }
}

/// Stands for runs that ended for whatever reason: only its name is used.
const LEFT_AT_ALL: Figure = Figure::Left(michi::scenario::Left::End);

/// What parts a number from the words behind it: blanks alone would be drawn as one.
const GAP_BEHIND_COUNT: &str = "\u{2002}";

/// With a capital letter in front, as a heading has it.
fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

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
                self.way(x, y, depth, (count, &way), steps);
            }
            from = (!ends).then_some(y);
        }
        from
    }

    /// Draws a way that leaves the path at `x` from the height `y` on, and comes back to it.
    fn way(&mut self, x: u32, y: u32, depth: u32, (count, words): (u64, &str), steps: &[Step]) {
        let inner = LEFT + (depth + 1).min(DEEPEST) * INDENT;
        let mut label = vec![Piece { before: "", parts: vec![Part::count(count), Part::text(GAP_BEHIND_COUNT)] }];
        label.extend(self.words(words, inner));
        let at = self.point(inner, Sign::Way, label, vec![]);
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
            let mut skipped = self.numbers(&[(figure.clone(), *count)], None);
            let why = pick(self.words.language, ": ", "：").to_owned() + &figure.reason(self.words.language);
            skipped.extend(words(&why, WIDTH - x - BESIDE, SMALL_SIZE));
            lines.push((skipped, "numbers warm"));
        }
        let says = self.words(&self.words.step(step), x);
        self.point(x, Sign::of(step), says, lines)
    }

    /// The words beside a point at `x`.
    fn words(&self, text: &str, x: u32) -> Vec<Piece> {
        words(text, WIDTH - x - BESIDE, SIZE)
    }

    /// A point with its words and what stands below them. Answers the height of the point.
    fn point(&mut self, x: u32, sign: Sign, words: Vec<Piece>, below: Vec<(Vec<Piece>, &'static str)>) -> u32 {
        let beside = x + BESIDE;
        let y = self.y + LINE - 5;
        self.drawn.nodes.push(Node { x, y: y - 5, sign });
        self.y = y;
        let class = if sign == Sign::Way { "label" } else { "words" };
        for (number, parts) in lines(words, WIDTH - beside, SIZE, LINES).into_iter().enumerate() {
            self.y = y + LINE * u32::try_from(number).unwrap_or_default();
            self.drawn.texts.push(Text { x: beside, y: self.y, class, parts });
        }
        for (pieces, class) in below {
            for parts in lines(pieces, WIDTH - beside, SMALL_SIZE, 2) {
                self.y += SMALL;
                self.drawn.texts.push(Text { x: beside, y: self.y, class, parts });
            }
        }
        self.y += GAP;
        y - 5
    }

    /// Figures, each with its number; with their shares of `of`, if that is given.
    fn numbers(&self, figures: &[(Figure, u64)], of: Option<u64>) -> Vec<Piece> {
        let said = figures.iter().map(|(figure, count)| {
            let name = Part::text(format!("{} ", figure.defined().name(self.words.language)));
            let share = of.map(|of| percent(*count, of)).filter(|share| !share.is_empty());
            let share = share.map(|share| Part::text(format!(" ({share})")));
            Piece { before: " · ", parts: [name, Part::count(*count)].into_iter().chain(share).collect() }
        });
        said.collect()
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

#[cfg(test)]
mod tests;
