//! What came of a scenario, for people and for programs.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::Timestamp;
use michi::id::{MailId, ScenarioId, StepId};
use michi::mail::text::cleaned;
use michi::playbook::Language::{self, En};
use michi::playbook::Playbook;
use michi::playbook::scenario::Scenario;
use michi::scenario::Subject;
use michi::scenario::results::{Counts, Figure, Mark, Results, Variant, wilson};
use serde::Serialize;

use crate::shown::{Table, counted, moment};

/// Figures whose share of the letters sent is of interest.
const OF_SENT: [Figure; 7] =
    [Figure::Delivered, Figure::Bounced, Figure::Complained, Figure::Opened, Figure::Clicked, Figure::Unsubscribed, Figure::Won];

/// A number with its place.
#[derive(Debug, Serialize)]
struct Row<'r> {
    #[serde(flatten)]
    place: Place<'r>,
    figure: &'static str,
    /// Its reason or way.
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
    count: u64,
    /// Of how many letters sent it is a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<u64>,
    /// The interval in which the true share lies with 95 % confidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<(f64, f64)>,
}

#[derive(Debug, Serialize)]
struct Place<'r> {
    version: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'r StepId>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    letter: Option<Told<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'r str>,
}

/// A letter as it is told: its subject counts from 1.
#[derive(Debug, Clone, Copy, Serialize)]
struct Told<'r> {
    mail: &'r MailId,
    language: Language,
    subject: u16,
    /// A digest of the subject's words: it is another one where they were edited.
    words: &'r str,
}

impl<'r> Told<'r> {
    fn of(letter: &'r Variant) -> Self {
        let Subject { language, number, words } = &letter.subject;
        Self { mail: &letter.mail, language: *language, subject: number + 1, words }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Whole<'r> {
    now: Timestamp,
    scenario: &'r ScenarioId,
    at: Timestamp,
    leads: u64,
    unreadable: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<&'r str>,
    figures: Vec<Row<'r>>,
}

/// Everything that was counted, in JSON.
pub(super) fn json<'r>(scenario: &'r ScenarioId, results: &'r Results, now: Timestamp) -> Whole<'r> {
    let Results { at, leads, unreadable, by, counts } = results;
    Whole { now, scenario, at: *at, leads: *leads, unreadable: *unreadable, by: by.as_deref(), figures: all(counts) }
}

fn all(counts: &Counts) -> Vec<Row<'_>> {
    let sent = counts.iter().filter(|(mark, _)| mark.figure == Figure::Sent);
    let sent: BTreeMap<Mark, u64> = sent.map(|(mark, count)| (mark.clone(), count)).collect();
    counts.iter().map(|(mark, count)| Row::of(mark, count, &sent)).collect()
}

impl<'r> Row<'r> {
    fn of(mark: &'r Mark, count: u64, sent: &BTreeMap<Mark, u64>) -> Self {
        let Mark { version, step, letter, by, figure } = mark;
        let of = OF_SENT.contains(figure).then(|| Mark { figure: Figure::Sent, ..mark.clone() });
        let of = of.and_then(|place| sent.get(&place).copied());
        let place = Place { version, step: step.as_ref(), letter: letter.as_ref().map(Told::of), by: by.as_deref() };
        Self { place, figure: figure.defined().key, why: figure.why(), count, of, interval: of.and_then(|of| wilson(count, of)) }
    }
}

/// Everything that was counted, as a table for programs.
pub(super) fn rows(results: &Results) -> Table {
    let head =
        ["version", "step", "mail", "language", " subject", "words", "by", "figure", "why", " count", " of", " low", " high"];
    let mut table = Table::new(&head);
    for row in all(&results.counts) {
        let text = |text: Option<String>| text.unwrap_or_default();
        table.row([
            row.place.version.to_owned(),
            text(row.place.step.map(ToString::to_string)),
            text(row.place.letter.map(|letter| letter.mail.to_string())),
            text(row.place.letter.map(|letter| code(letter.language))),
            text(row.place.letter.map(|letter| letter.subject.to_string())),
            text(row.place.letter.map(|letter| letter.words.to_owned())),
            text(row.place.by.map(str::to_owned)),
            row.figure.to_owned(),
            row.why,
            row.count.to_string(),
            text(row.of.map(|of| of.to_string())),
            text(row.interval.map(|(low, _)| format!("{low:.4}"))),
            text(row.interval.map(|(_, high)| format!("{high:.4}"))),
        ]);
    }
    table
}

/// The versions with how many entered by each.
pub(super) fn versions(results: &Results) -> BTreeMap<&str, u64> {
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    for (mark, count) in results.counts.iter().filter(|(mark, _)| mark.by.is_none()) {
        *versions.entry(mark.version.as_str()).or_default() += if mark.figure == Figure::Entered { count } else { 0 };
    }
    versions
}

/// Everything of interest, for people.
pub(super) fn page(id: &ScenarioId, playbook: &Playbook, results: &Results, out: &mut dyn Write) -> anyhow::Result<()> {
    let (scenario, zone) = (playbook.scenarios.get(id), playbook.setup.time_zone.get());
    let named = |scenario: &Scenario| scenario.name.in_language(playbook.setup.language).to_owned();
    let name = scenario.map_or_else(|| "taken out of the playbook".to_owned(), named);
    writeln!(out, "{id}: {name}")?;
    let leads = counted(results.leads, "lead", "leads");
    writeln!(out, "counted on {}, over {leads}; --fresh counts anew", moment(results.at, zone))?;
    if results.unreadable > 0 {
        writeln!(out, "{} of them cannot be read, and are not counted; `michi redrive` may mend them", results.unreadable)?;
    }
    let live = scenario.map(Scenario::version);
    for (version, entered) in versions(results) {
        let live = if live.as_deref() == Some(version) { ", live" } else { "" };
        writeln!(out, "  version {}: {entered} entered{live}", version.get(..8).unwrap_or(version))?;
    }
    writeln!(out)?;
    let mut whole: BTreeMap<&Figure, u64> = BTreeMap::new();
    for (mark, count) in results.counts.iter().filter(|(mark, _)| mark.step.is_none() && mark.by.is_none()) {
        *whole.entry(&mark.figure).or_default() += count;
    }
    for (figure, count) in &whole {
        writeln!(out, "{count:>7}  {}", said(figure))?;
    }
    if let Some(by) = &results.by {
        writeln!(out, "\nby {by}, as it was when the lead entered:")?;
        let mut table = Table::new(&["value", " entered", " under way", " goal", "of entered (95 %)", " mql"]);
        let mut values: BTreeMap<&str, BTreeMap<&Figure, u64>> = BTreeMap::new();
        for (mark, count) in results.counts.iter().filter(|(mark, _)| mark.step.is_none()) {
            let Some(value) = &mark.by else { continue };
            *values.entry(value).or_default().entry(&mark.figure).or_default() += count;
        }
        for (value, figures) in values {
            let number = |figure: Figure| figures.get(&figure).copied().unwrap_or_default();
            let [entered, goal] = [Figure::Entered, Figure::Goal].map(number);
            let [entered_told, under_way, goal_told, mql] =
                [entered, number(Figure::UnderWay), goal, number(Figure::Mql)].map(|number| number.to_string());
            table.row([value.to_owned(), entered_told, under_way, goal_told, share(goal, entered), mql]);
        }
        table.columns(out)?;
    }
    let steps = steps(scenario, &results.counts);
    if !steps.is_empty() {
        writeln!(out)?;
        let mut table = Table::new(&["step", " reached", " waiting", "how they went on"]);
        for step in &steps {
            let here = of_step(&results.counts, step);
            let sum = |figure| here.get(&figure).copied().unwrap_or_default().to_string();
            let went = here.iter().filter(|(figure, _)| !matches!(figure, Figure::Reached | Figure::Waiting));
            let went = went.map(|(figure, count)| match figure {
                Figure::Way(way) => format!("{way} {count}"),
                figure => format!("{} {count}", said(figure)),
            });
            let went: Vec<String> = went.collect();
            table.row([step.to_string(), sum(Figure::Reached), sum(Figure::Waiting), went.join(", ")]);
        }
        table.columns(out)?;
    }
    letters(&steps, results, playbook, out)
}

fn said(figure: &Figure) -> String {
    let (name, why) = (figure.defined().name(En), figure.reason(En));
    if why.is_empty() { name.to_owned() } else { format!("{name}: {why}") }
}

/// The steps, in their order; those that the scenario has no more come last.
fn steps<'s>(scenario: Option<&'s Scenario>, counts: &'s Counts) -> Vec<&'s StepId> {
    let mut steps: Vec<&StepId> =
        scenario.map(|scenario| scenario.all_steps().map(|step| step.id()).collect()).unwrap_or_default();
    for step in counts.iter().filter_map(|(mark, _)| mark.step.as_ref()) {
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    steps
}

fn of_step(counts: &Counts, step: &StepId) -> BTreeMap<Figure, u64> {
    let mut here = BTreeMap::new();
    for (mark, count) in counts.iter().filter(|(mark, _)| mark.letter.is_none() && mark.step.as_ref() == Some(step)) {
        *here.entry(mark.figure.clone()).or_default() += count;
    }
    here
}

/// The letters, each subject of each mail of each step; and once more by what was so of their readers.
fn letters(steps: &[&StepId], results: &Results, playbook: &Playbook, out: &mut dyn Write) -> anyhow::Result<()> {
    for by in [false, true] {
        type Letter<'l> = (usize, &'l Variant, Option<&'l str>);
        let mut found: BTreeMap<Letter<'_>, BTreeMap<&Figure, u64>> = BTreeMap::new();
        for (mark, count) in results.counts.iter().filter(|(mark, _)| mark.by.is_some() == by) {
            let place = steps.iter().position(|step| mark.step.as_ref() == Some(step));
            let (Some(place), Some(letter)) = (place, &mark.letter) else { continue };
            *found.entry((place, letter, mark.by.as_deref())).or_default().entry(&mark.figure).or_default() += count;
        }
        if found.is_empty() {
            continue;
        }
        let told = results.by.as_deref().filter(|_| by);
        writeln!(out)?;
        if let Some(told) = told {
            writeln!(out, "by {told}, as it was when the letter was owed:")?;
        }
        let head = [
            "step",
            "mail",
            "subject",
            " owed",
            " sent",
            " delivered",
            " opened",
            " clicked",
            "of sent (95 %)",
            " ended mail",
            " goal",
            "of sent (95 %)",
        ];
        let mut table = Table::new(&by.then_some("by").into_iter().chain(head).collect::<Vec<_>>());
        for ((place, letter, value), figures) in &found {
            let number = |figure: Figure| figures.get(&figure).copied().unwrap_or_default();
            let share = |figure: Figure| share(number(figure), number(Figure::Sent));
            let text = |figure| number(figure).to_string();
            let row = [
                steps.get(*place).map(ToString::to_string).unwrap_or_default(),
                letter.mail.to_string(),
                subject(letter, playbook),
                text(Figure::Owed),
                text(Figure::Sent),
                text(Figure::Delivered),
                text(Figure::Opened),
                text(Figure::Clicked),
                share(Figure::Clicked),
                text(Figure::Unsubscribed),
                text(Figure::Won),
                share(Figure::Won),
            ];
            table.row(value.map(str::to_owned).into_iter().chain(row));
        }
        table.columns(out)?;
        let reasons = found.iter().filter(|_| !by).flat_map(|((place, letter, _), figures)| {
            let why = figures.iter().filter(|(figure, _)| !figure.why().is_empty());
            why.map(move |(figure, count)| (place, letter, said(figure), *count))
        });
        for (place, letter, why, count) in reasons {
            let step = steps.get(*place).map(ToString::to_string).unwrap_or_default();
            writeln!(out, "{count:>7}  {step}, {} {}: {why}", letter.mail, letter.subject.number + 1)?;
        }
    }
    Ok(())
}

/// A language as files and programs call it.
fn code(language: Language) -> String {
    serde_json::to_value(language).ok().and_then(|code| code.as_str().map(str::to_owned)).unwrap_or_default()
}

/// A subject in a line: its number and words, in which language.
fn subject(letter: &Variant, playbook: &Playbook) -> String {
    let words = letter.subject.text(&letter.mail, playbook).map_or_else(|| "edited since".to_owned(), |words| cleaned(words, 40));
    format!("{} {}: {words}", letter.subject.number + 1, code(letter.subject.language))
}

/// A share with its interval, in per cent.
fn share(some: u64, of: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "there are fewer leads than 2^52")]
    match wilson(some, of) {
        Some((low, high)) => format!("{:.1} % ({:.1}–{:.1})", some as f64 * 100.0 / of as f64, low * 100.0, high * 100.0),
        None => String::new(),
    }
}
