//! What must be so in `scoring.yaml` beyond its shape.

use std::collections::BTreeMap;

use super::conditions::{self, Scope, check_what, check_within};
use super::mistake::{Mistake, quoted};
use super::names::{Known, Names, each_once};
use super::place::Place;
use crate::playbook::span::Span;

pub(super) fn check(scoring: Place<'_>, names: &Names<'_>, mistakes: &mut Vec<Mistake>) {
    let (fit, interest) = (scoring.key("fit"), scoring.key("interest"));
    let lists = [fit.key("rules"), interest.key("rules"), scoring.key("exclusions")];
    each_once(lists.into_iter().flat_map(Place::items).map(|rule| rule.key("id")), "rule", mistakes);

    fit.key("rules").items().for_each(|rule| conditions::check(rule.key("when"), Scope::Fit, names, mistakes));
    scoring.key("exclusions").items().for_each(|rule| conditions::check(rule.key("when"), Scope::Exclusion, names, mistakes));
    check_cuts(fit.key("grades"), ["a", "b", "c"], fit.key("margin"), mistakes);
    check_cuts(interest.key("levels"), ["level_1", "level_2", "level_3"], interest.key("margin"), mistakes);
    check_half_lives(interest, mistakes);
    check_interest_rules(interest, names, mistakes);
    check_phases(scoring.key("phases"), names, mistakes);
}

/// Cuts fall from the best to the least, and the margin fits between any two of them: else a lead could hold on to a
/// grade for ever, or lose two at once.
fn check_cuts(cuts: Place<'_>, order: [&str; 3], margin: Place<'_>, mistakes: &mut Vec<Mistake>) {
    let mut narrowest: Option<f64> = None;
    let mut above: Option<(&str, f64)> = None;
    for name in order {
        let Some(cut) = cuts.key(name).number() else { return };
        if let Some((better, points)) = above {
            if cut >= points {
                let what = format!("\"{name}\" begins at {cut} points, and the better \"{better}\" at {points}");
                mistakes.push(cuts.key(name).mistake(what, format!("write less than {points}")));
                return;
            }
            narrowest = Some(narrowest.map_or(points - cut, |narrow| narrow.min(points - cut)));
        }
        above = Some((name, cut));
    }
    let narrowest = narrowest.into_iter().chain(above.map(|(_, lowest)| lowest)).reduce(f64::min);
    if let (Some(given), Some(narrowest)) = (margin.number(), narrowest)
        && given >= narrowest
        && narrowest > 0.0
    {
        let what = format!("a margin of {given} is wider than the cuts are apart: the narrowest gap is {narrowest}");
        mistakes.push(margin.mistake(what, format!("write less than {narrowest}")));
    }
}

fn check_half_lives(interest: Place<'_>, mistakes: &mut Vec<Mistake>) {
    let places = [interest.key("half_life"), interest.key("momentum").key("half_life")];
    let lives = places.map(|place| place.read::<Span>());
    for (place, life) in places.into_iter().zip(lives) {
        if life.is_some_and(|life| life.millis() < 3_600_000.0) {
            mistakes.push(place.mistake("points would be gone before anybody can act on them", "write 1h or more"));
        }
    }
    if let [Some(life), Some(momentum)] = lives
        && momentum >= life
    {
        let what = format!("momentum is to fade faster than interest, which has a half-life of {life}");
        mistakes.push(interest.key("momentum").key("half_life").mistake(what, format!("write less than {life}, as in 3d")));
    }
}

fn check_interest_rules(interest: Place<'_>, names: &Names<'_>, mistakes: &mut Vec<Mistake>) {
    let groups: BTreeMap<&str, Place<'_>> = interest.key("groups").entries().collect();
    let known = Known::these(groups.keys().copied());
    // What a rule asks for, with the rule: of two that ask for the same, the later never gives anything.
    let mut earlier: Vec<(String, Place<'_>)> = Vec::new();
    for rule in interest.key("rules").items() {
        check_what(rule.key("on"), names, mistakes);
        let (points, daily, group) = (rule.key("points").number(), rule.key("daily"), rule.key("group"));
        if let Some(name) = group.text().filter(|name| known.lacks(name)) {
            let what = format!("no group is called {}", quoted(name));
            mistakes.push(group.mistake(what, known.remedy(name, "under \"groups\"")));
        }
        let shared = group.text().and_then(|name| groups.get(name)).map(|group| group.key("daily"));
        for (place, limit) in [(daily, Some(daily)), (group, shared)] {
            if let (Some(points), Some(limit)) = (points, limit.and_then(Place::number))
                && limit < points.abs()
            {
                let what = format!("at most {limit} points a day cut off a part of each {points}");
                mistakes.push(
                    place.mistake(what, format!("let the limit be {} or more, or the points {limit} or less", points.abs())),
                );
            }
        }
        let Some(on) = asked(rule.key("on")) else { continue };
        let takes_all = |other: &str| other == on || (other == "any_page" && (on == "plain_page" || on.starts_with("page: ")));
        match earlier.iter().find(|(other, _)| takes_all(other)) {
            Some((_, first)) => {
                let what = "this rule never gives anything: the first that fits an activity gives its points".to_owned();
                mistakes.push(
                    rule.key("on")
                        .mistake(what, format!("put it before the rule of line {}, or take one of them away", first.line())),
                );
            }
            None => earlier.push((on, rule)),
        }
    }
}

/// What a rule asks for, as one text.
fn asked(on: Place<'_>) -> Option<String> {
    match (on.text(), on.entries().next()) {
        (Some(word), _) => Some(word.to_owned()),
        (None, Some((key, value))) => value.text().map(|name| format!("{key}: {name}")),
        (None, None) => None,
    }
}

fn check_phases(phases: Place<'_>, names: &Names<'_>, mistakes: &mut Vec<Mistake>) {
    for (_, phase) in phases.entries() {
        check_within(phase.key("within"), mistakes);
        for class in phase.key("classes").items() {
            if let Some(name) = class.text().filter(|name| names.pages.lacks(name) && names.forms.lacks(name)) {
                let what = format!("no class of pages or forms is called {}", quoted(name));
                mistakes.push(class.mistake(what, names.pages.remedy(name, "in playbook.yaml under \"pages\" or \"forms\"")));
            }
        }
    }
}
