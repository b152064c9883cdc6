//! Whether what a number is asked by has a name that there is.

use std::collections::BTreeSet;

use anyhow::{bail, ensure};
use michi::id::ScenarioId;
use michi::playbook::scenario::{Scenario, Step};
use michi::playbook::{Playbook, authoring};
use michi::scenario::Left;
use michi::scenario::results::{Figure, Mark, Results};

use super::ResultsArgs;
use super::scan::UNKNOWN;
use super::told::versions;
use crate::named::unknown;

/// What is so of every lead beside its attributes.
const STANDING: [&str; 4] = ["cell", "grade", "level", "stage"];

/// The version that is meant by what its id begins with.
///
/// # Errors
/// If it is none, or several, which are listed.
pub(super) fn version(results: &Results, scenario: &ScenarioId, begins: &str) -> anyhow::Result<String> {
    let all = versions(results);
    let meant: Vec<&str> = all.keys().copied().filter(|version| version.starts_with(begins)).collect();
    let listed = |versions: &[&str]| versions.join(", ");
    match meant.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => bail!(
            "no version of {scenario} begins with \"{begins}\"; counted are: {}",
            listed(&all.keys().copied().collect::<Vec<_>>())
        ),
        several => bail!("several versions of {scenario} begin with \"{begins}\": {}", listed(several)),
    }
}

/// What letters may be told apart by, as far as the playbook knows.
pub(super) fn attributes(playbook: &Playbook) -> BTreeSet<String> {
    STANDING.iter().map(ToString::to_string).chain(authoring::attributes_of(playbook)).collect()
}

/// That the letters are told apart by something that is known of anybody.
///
/// # Errors
/// If of no reader anything was known by that name.
pub(super) fn told_apart(results: &Results, playbook: &Playbook) -> anyhow::Result<()> {
    let Some(by) = &results.by else { return Ok(()) };
    let mut values = results.counts.iter().filter_map(|(mark, _)| mark.by.as_deref()).peekable();
    let nothing = values.peek().is_some() && values.all(|value| value == UNKNOWN);
    if nothing && !attributes(playbook).contains(by) {
        return Err(unknown("attribute of any reader", by, attributes(playbook).iter().map(String::as_str)));
    }
    Ok(())
}

/// That step, mail, subject and reason are such as the figure may have in this scenario.
///
/// # Errors
/// At the first that is not, with those there are.
pub(super) fn check(results: &Results, live: Option<&Scenario>, figure: &str, args: &ResultsArgs) -> anyhow::Result<()> {
    let marks: Vec<&Mark> = results.counts.iter().map(|(mark, _)| mark).collect();
    let letters = || marks.iter().filter_map(|mark| mark.letter.as_ref());
    if let Some(step) = &args.step {
        let counted = marks.iter().filter_map(|mark| mark.step.as_ref());
        let steps: BTreeSet<&str> =
            counted.chain(live.iter().flat_map(|live| live.all_steps().map(Step::id))).map(|id| id.as_str()).collect();
        ensure!(steps.contains(step.as_str()), unknown("step", step, steps));
    }
    if let Some(mail) = &args.mail {
        let sent = live.iter().flat_map(|live| live.all_steps()).flat_map(mails);
        let mails: BTreeSet<&str> = letters().map(|letter| letter.mail.as_str()).chain(sent).collect();
        ensure!(mails.contains(mail.as_str()), unknown("mail of this scenario", mail, mails));
    }
    if let Some(number) = args.subject {
        let of_mail = |mail: &str| args.mail.as_deref().is_none_or(|wanted| wanted == mail);
        let most = letters()
            .filter(|letter| of_mail(letter.mail.as_str()))
            .map(|letter| letter.subject.number + 1)
            .max()
            .unwrap_or_default();
        ensure!((1..=most).contains(&number), "no letter was owed with subject {number}: they are counted from 1, to {most}");
    }
    if let Some(why) = &args.why {
        let of_figure = |found: &&Mark| found.figure.defined().key == figure;
        let counted = marks.iter().copied().filter(of_figure).map(|mark| mark.figure.why());
        let possible = live.map(figures).unwrap_or_default().into_iter().filter(|one| one.defined().key == figure);
        let whys: BTreeSet<String> = counted.chain(possible.map(|figure| figure.why())).filter(|why| !why.is_empty()).collect();
        ensure!(!whys.is_empty(), "\"{figure}\" has no reasons or ways: leave --why away");
        ensure!(whys.contains(why), unknown(&format!("reason or way of \"{figure}\""), why, whys.iter().map(String::as_str)));
    }
    Ok(())
}

/// The mails that a step sends.
fn mails(step: &Step) -> Vec<&str> {
    match step {
        Step::Mail(step) => vec![step.send.as_str()],
        Step::Ask(step) => vec![step.send.as_str()],
        Step::Series(step) => step.mails.iter().map(|mail| mail.as_str()).collect(),
        Step::Wait(_)
        | Step::WaitUntil(_)
        | Step::WaitDate(_)
        | Step::WaitFor(_)
        | Step::Branch(_)
        | Step::Split(_)
        | Step::Set(_)
        | Step::Notify(_)
        | Step::Stop(_)
        | Step::GoTo(_) => vec![],
    }
}

/// The ways on and the ends that a scenario has by its file.
fn figures(scenario: &Scenario) -> Vec<Figure> {
    let mut figures: Vec<Figure> = [Left::End, Left::Unsubscribed, Left::InSales, Left::ByHand].map(Figure::Left).into();
    figures.extend(scenario.exits.keys().map(|exit| Figure::Left(Left::Exit(exit.clone()))));
    for step in scenario.all_steps() {
        match step {
            Step::Branch(step) => figures.extend(step.ways.iter().map(|way| Figure::Way(way.id.clone()))),
            Step::Split(step) => figures.extend(step.ways.iter().map(|way| Figure::Way(way.id.clone()))),
            Step::Ask(step) => figures.extend(step.answers.iter().map(|answer| Figure::Way(answer.id.clone()))),
            Step::Stop(step) => figures.push(Figure::Left(Left::Stopped(step.id.clone()))),
            Step::Mail(_)
            | Step::Wait(_)
            | Step::WaitUntil(_)
            | Step::WaitDate(_)
            | Step::WaitFor(_)
            | Step::Series(_)
            | Step::Set(_)
            | Step::Notify(_)
            | Step::GoTo(_) => {}
        }
    }
    figures
}
