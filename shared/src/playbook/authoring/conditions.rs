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

/// Checks `segments.yaml`, and says how much each segment asks for.
pub(super) fn check_segments<'a>(segments: Place<'a>, names: &Names<'_>, mistakes: &mut Vec<Mistake>) -> Extents<'a> {
    for (_, condition) in segments.entries() {
        check(condition, Scope::Segment, names, mistakes);
    }
    order(segments, mistakes).map(|order| extents(segments, &order, mistakes)).unwrap_or_default()
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
        if key == "form_named" && names.form_names.lacks(name) {
            let remedy = names.form_names.remedy(name, "in playbook.yaml under \"forms\", in the class it belongs to");
            mistakes.push(value.mistake(format!("no form is called {}", quoted(name)), remedy));
        }
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

/// How deep conditions may lie in each other, with those of the segments they ask for: each is a step down for the fold.
const MAX_DEPTH: usize = 20;
/// How many conditions a segment may come to, with those of the segments it asks for, each time it asks.
const MAX_CONDITIONS: usize = 1_000;

/// The segments, each behind those it asks for. None if one is asked for within itself, which is reported once for each
/// circle.
fn order<'a>(segments: Place<'a>, mistakes: &mut Vec<Mistake>) -> Option<Vec<&'a str>> {
    let mut uses = BTreeMap::new();
    for (name, condition) in segments.entries() {
        let mut found = Vec::new();
        segments_in(condition, &mut found);
        uses.insert(name, found);
    }
    let before = mistakes.len();
    // Depth first: `way` leads from where the search began to where it is; what is `done` leads to no new circle.
    let mut order = Vec::new();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    for start in uses.keys() {
        let mut way: Vec<(&str, usize)> = if done.contains(start) { vec![] } else { vec![(start, 0)] };
        while let Some((name, next)) = way.last_mut() {
            let here: &str = name;
            let Some((target, place)) = uses.get(here).and_then(|found| found.get(*next)) else {
                done.insert(here);
                order.push(here);
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
    (mistakes.len() == before).then_some(order)
}

/// How much a condition asks for.
#[derive(Clone, Copy)]
struct Extent<'a> {
    depth: usize,
    conditions: usize,
    /// Where it is deepest.
    deepest: Place<'a>,
}

/// How much each segment asks for.
#[derive(Default)]
pub(super) struct Extents<'a>(BTreeMap<&'a str, Extent<'a>>);

impl Extents<'_> {
    /// What is said of a condition that asks through too many segments, or for too much.
    pub(super) fn trouble(&self, condition: Place<'_>) -> Option<Mistake> {
        trouble(extent_of(condition, &self.0), condition, "the condition")
    }
}

/// Reports segments that ask through too many others, or for too much: each at the first that goes too far.
fn extents<'a>(segments: Place<'a>, order: &[&'a str], mistakes: &mut Vec<Mistake>) -> Extents<'a> {
    let mut known: BTreeMap<&str, Extent<'_>> = BTreeMap::new();
    for name in order {
        let place = segments.key(name);
        let mut found = extent_of(place, &known);
        if let Some(trouble) = trouble(found, place, &format!("the segment \"{name}\"")) {
            mistakes.push(trouble);
            // Whoever asks for it has no mistake of their own.
            (found.depth, found.conditions) = (1, 1);
        }
        known.insert(name, found);
    }
    Extents(known)
}

fn trouble(found: Extent<'_>, place: Place<'_>, name: &str) -> Option<Mistake> {
    if found.depth > MAX_DEPTH {
        let what = format!("{} conditions lie in each other here, with those of the segments asked for", found.depth);
        let remedy = format!("at most {MAX_DEPTH} may: let {name} ask for less deep ones");
        return Some(found.deepest.mistake(what, remedy));
    }
    (found.conditions > MAX_CONDITIONS).then(|| {
        let what = format!("{name} comes to more than {MAX_CONDITIONS} conditions, with those of the segments it asks for");
        place.mistake_at_key(what, "ask for each segment once, in one that the others ask for")
    })
}

fn extent_of<'a>(condition: Place<'a>, known: &BTreeMap<&str, Extent<'_>>) -> Extent<'a> {
    let mut all = Extent { depth: 1, conditions: 1, deepest: condition };
    let mut within = |inner: Extent<'a>| {
        all.conditions = all.conditions.saturating_add(inner.conditions);
        if inner.depth >= all.depth {
            (all.depth, all.deepest) = (inner.depth + 1, inner.deepest);
        }
    };
    for (key, value) in condition.entries() {
        match key {
            "all" | "any" => value.items().for_each(|inner| within(extent_of(inner, known))),
            "not" => within(extent_of(value, known)),
            "segment" => {
                let asked = value.text().and_then(|name| known.get(name));
                within(asked.map_or(Extent { depth: 1, conditions: 1, deepest: value }, |one| Extent {
                    deepest: value,
                    depth: one.depth,
                    conditions: one.conditions,
                }));
            }
            _ => {}
        }
    }
    all
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
