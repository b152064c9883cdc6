//! What must be so in conditions beyond their shape.

use std::collections::{BTreeMap, BTreeSet};

use super::mistake::{Mistake, quoted};
use super::names::Names;
use super::place::Place;
use crate::activity::Retention;
use crate::playbook::span::Span;

/// Where a condition stands, and so what it may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// A fit rule: the address and the attributes.
    Fit,
    /// An exclusion: these, and what was done.
    Exclusion,
    /// A segment: anything.
    Segment,
}

impl Scope {
    fn allows(self, key: &str) -> bool {
        match key {
            "all" | "any" | "not" | "attribute" | "address" => true,
            "did" => self != Self::Fit,
            _ => self == Self::Segment,
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Fit => "a fit rule may ask for the address and for attributes; what people do belongs under interest",
            Self::Exclusion | Self::Segment => "an exclusion may ask for the address, for attributes and for what was done",
        }
    }
}

/// Checks `segments.yaml`.
pub(super) fn check_segments(segments: Place<'_>, names: &Names<'_>, mistakes: &mut Vec<Mistake>) {
    for (_, condition) in segments.entries() {
        check(condition, Scope::Segment, names, mistakes);
    }
    circles(segments, mistakes);
}

/// Checks one condition and all within it.
pub(super) fn check(condition: Place<'_>, scope: Scope, names: &Names<'_>, mistakes: &mut Vec<Mistake>) {
    for (key, value) in condition.entries() {
        match key {
            "all" | "any" => value.items().for_each(|inner| check(inner, scope, names, mistakes)),
            "not" => check(value, scope, names, mistakes),
            "attribute" => mistakes.extend(range_trouble(value)),
            "address" => value.key("domain").items().for_each(|domain| mistakes.extend(domain_trouble(domain))),
            "did" if scope.allows(key) => {
                check_what(value.key("what"), names, mistakes);
                check_within(value.key("within"), mistakes);
            }
            "segment" if scope.allows(key) => {
                if let Some(name) = value.text().filter(|name| names.segments.lacks(name)) {
                    mistakes.push(value.mistake(
                        format!("no segment is called {}", quoted(name)),
                        names.segments.remedy(name, "in segments.yaml"),
                    ));
                }
            }
            "did" | "segment" | "stage" | "cell" | "grade" | "level" | "phase" | "surging" if !scope.allows(key) => {
                mistakes.push(value.mistake_at_key(format!("\"{key}\" cannot be asked here"), scope.remedy()));
            }
            // What is left is allowed here, or unknown everywhere and reported with the shape.
            _ => {}
        }
    }
}

/// Checks the classes that an activity is named by.
pub(super) fn check_what(what: Place<'_>, names: &Names<'_>, mistakes: &mut Vec<Mistake>) {
    for (key, value) in what.entries() {
        let Some(name) = value.text() else { continue };
        let (known, others, kind, other) = match key {
            "page" => (&names.pages, &names.forms, "pages", "form"),
            "form" => (&names.forms, &names.pages, "forms", "page"),
            _ => continue,
        };
        if !known.lacks(name) {
            continue;
        }
        let remedy = if others.has(name) {
            format!("there is a class of {other}s of that name: if that is meant, write \"{other}: {name}\"")
        } else {
            known.remedy(name, &format!("in playbook.yaml under \"{kind}\""))
        };
        mistakes.push(value.mistake(format!("no class of {kind} is called {}", quoted(name)), remedy));
    }
}

/// Nothing can be asked about a time of which the log keeps nothing.
pub(super) fn check_within(place: Place<'_>, mistakes: &mut Vec<Mistake>) {
    let kept = Retention::LEAD_DAYS;
    let longest = Span::try_from(format!("{kept}d"));
    if let (Some(within), Ok(longest)) = (place.read::<Span>(), longest)
        && within > longest
    {
        mistakes.push(place.mistake(format!("{within} is longer than footsteps are kept"), format!("write {kept}d or less")));
    }
}

fn range_trouble(attribute: Place<'_>) -> Option<Mistake> {
    let (least, most) = (attribute.key("at_least").number()?, attribute.key("at_most").number()?);
    let remedy = "make at_most the larger of the two";
    (least > most).then(|| attribute.key("at_most").mistake(format!("no number is at least {least} and at most {most}"), remedy))
}

/// Domains are compared in the form that mail uses.
fn domain_trouble(place: Place<'_>) -> Option<Mistake> {
    let text = place.text()?;
    let remedy = "write what stands behind the @, as in example.com; what lies below it is meant too";
    let dns = idna::domain_to_ascii_strict(text).ok().filter(|domain| domain.contains('.') && !domain.ends_with('.'));
    match dns {
        None => Some(place.mistake(format!("{} is no domain", quoted(text)), remedy)),
        Some(dns) if !dns.eq_ignore_ascii_case(text) => {
            Some(place.mistake(format!("mail knows {} under another name", quoted(text)), format!("write \"{dns}\"")))
        }
        Some(_) => None,
    }
}

/// Reports segments that are asked for within themselves, once for each circle.
fn circles(segments: Place<'_>, mistakes: &mut Vec<Mistake>) {
    let mut uses = BTreeMap::new();
    for (name, condition) in segments.entries() {
        let mut found = Vec::new();
        segments_in(condition, &mut found);
        uses.insert(name, found);
    }
    // Depth first: `way` leads from where the search began to where it is; what is `done` leads to no new circle.
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in uses.keys() {
        let mut way: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((name, next)) = way.last_mut() {
            let here: &str = name;
            let Some((target, place)) = uses.get(here).and_then(|found| found.get(*next)) else {
                done.insert(here);
                way.pop();
                continue;
            };
            *next += 1;
            if let Some(begin) = way.iter().position(|(name, _)| name == target) {
                let circle: Vec<&str> = way.iter().skip(begin).map(|(name, _)| *name).chain([*target]).collect();
                let what = format!("the segment \"{target}\" is asked for within itself: {}", circle.join(" > "));
                mistakes.push(place.mistake(what, "let one of them do without the other"));
            } else if !done.contains(target) {
                way.push((target, 0));
            }
        }
    }
}

/// The segments that a condition asks for, each where it does so first.
fn segments_in<'a>(condition: Place<'a>, found: &mut Vec<(&'a str, Place<'a>)>) {
    for (key, value) in condition.entries() {
        match key {
            "all" | "any" => value.items().for_each(|inner| segments_in(inner, found)),
            "not" => segments_in(value, found),
            "segment" => {
                let new = value.text().filter(|name| found.iter().all(|(other, _)| other != name));
                found.extend(new.map(|name| (name, value)));
            }
            _ => {}
        }
    }
}
