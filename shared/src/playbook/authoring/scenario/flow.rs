//! Whether every lead gets on: no loop without a wait, no step that nobody reaches.

use std::collections::{BTreeMap, VecDeque};

use super::super::mistake::{Mistake, quoted};
use super::steps::{Step, Steps};
use crate::playbook::span::Span;

/// The shortest wait that breaks a loop, in milliseconds.
const BREATH: f64 = 3_600_000.0;

/// Where each step leads.
pub(super) struct Flow {
    /// The steps that may come next; at the end of the scenario there is none.
    next: Vec<Vec<usize>>,
    /// Those of them that may come next at once.
    at_once: Vec<Vec<usize>>,
    /// Whether every `go_to` names a step that there is.
    known: bool,
}

pub(super) fn check(steps: &Steps<'_>, mistakes: &mut Vec<Mistake>) {
    let flow = Flow::of(steps);
    loops(steps, &flow, mistakes);
    // Where something is missing it only looks as if nobody came there.
    if steps.whole && flow.known && steps.too_deep.is_empty() {
        unreached(steps, &flow, mistakes);
    }
}

impl Flow {
    pub(super) fn of(steps: &Steps<'_>) -> Self {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for (number, step) in steps.all.iter().enumerate() {
            if let Some(id) = step.id() {
                places.entry(id).or_insert(number);
            }
        }
        let none = vec![vec![]; steps.all.len()];
        let mut flow = Self { next: none.clone(), at_once: none, known: true };
        flow.link(steps, &steps.outermost, None, &places);
        flow
    }

    /// Links the steps of a list; behind the last of them comes `after`.
    fn link(&mut self, steps: &Steps<'_>, list: &[usize], after: Option<usize>, places: &BTreeMap<&str, usize>) {
        for (at, number) in list.iter().enumerate() {
            let Some(step) = steps.all.get(*number) else { continue };
            let behind = list.get(at + 1).copied().or(after);
            let next: Vec<usize> = match step.kind {
                "stop" => vec![],
                "go_to" => {
                    let target = step.body.key("step").text().and_then(|id| places.get(id));
                    self.known &= target.is_some();
                    target.into_iter().copied().collect()
                }
                _ if step.ways.is_empty() => behind.into_iter().collect(),
                _ => step.ways.iter().filter_map(|way| way.first().copied().or(behind)).collect(),
            };
            let at_once = match hold(step) {
                Hold::Nobody => next.clone(),
                Hold::WhoDoesNothing => step.ways.first().and_then(|then| then.first().copied().or(behind)).into_iter().collect(),
                Hold::Everybody => vec![],
            };
            if let (Some(all), Some(soon)) = (self.next.get_mut(*number), self.at_once.get_mut(*number)) {
                (*all, *soon) = (next, at_once);
            }
            step.ways.iter().for_each(|way| self.link(steps, way, behind, places));
        }
    }

    fn next(&self, step: usize) -> &[usize] {
        self.next.get(step).map_or(&[], Vec::as_slice)
    }

    /// Whether a way leads from one step to another through nothing but such steps.
    pub(super) fn leads(&self, from: usize, to: usize, passes: impl Fn(usize) -> bool) -> bool {
        let mut seen = vec![false; self.next.len()];
        let mut open = vec![from];
        while let Some(step) = open.pop() {
            for next in self.next(step) {
                if *next == to {
                    return true;
                }
                if let Some(seen) = seen.get_mut(*next).filter(|seen| !**seen && passes(*next)) {
                    *seen = true;
                    open.push(*next);
                }
            }
        }
        false
    }

    /// The steps from one to another, both with it, on a way on which nothing waits.
    fn rush(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut before: BTreeMap<usize, usize> = BTreeMap::new();
        let mut open = VecDeque::from([from]);
        while let Some(step) = open.pop_front() {
            if step == to {
                let mut way = vec![step];
                way.extend(std::iter::successors(Some(step), |step| before.get(step).copied()).skip(1));
                way.reverse();
                return Some(way);
            }
            for next in self.at_once.get(step).into_iter().flatten() {
                if *next != from && !before.contains_key(next) {
                    before.insert(*next, step);
                    open.push_back(*next);
                }
            }
        }
        None
    }
}

/// Whom a step holds for an hour at least, each time they come to it.
enum Hold {
    Nobody,
    /// Whoever does not do what is waited for.
    WhoDoesNothing,
    Everybody,
}

/// A weekday and hour hold nobody who comes back at that very hour, a series nobody who has had its mails, and what has been
/// done just now is done for a second visit, too. What cannot be read gets the benefit of the doubt.
fn hold(step: &Step<'_>) -> Hold {
    let long = |key: &str| step.body.key(key).read::<Span>().is_none_or(|span| span.millis() >= BREATH);
    match step.kind {
        "wait" if long("for") => Hold::Everybody,
        "ask" if long("within") => Hold::Everybody,
        "wait_for" if long("within") => Hold::WhoDoesNothing,
        _ => Hold::Nobody,
    }
}

/// Every other way leads onwards in the file, so that each loop has a `go_to` that leads back.
fn loops(steps: &Steps<'_>, flow: &Flow, mistakes: &mut Vec<Mistake>) {
    for (number, step) in steps.all.iter().enumerate().filter(|(_, step)| step.kind == "go_to") {
        let target = flow.next(number).first().copied().filter(|target| *target <= number);
        let Some(way) = target.and_then(|target| flow.rush(target, number)) else { continue };
        let ids: Vec<&str> = way.iter().chain(target.iter()).filter_map(|step| steps.all.get(*step)?.id()).collect();
        let what = format!("nothing waits in this loop: {}", told(ids));
        let remedy = "put a wait of 1h or more into it: wait_until lets pass at the very hour, wait_for at once after the deed, and a series whoever has had its mails";
        mistakes.push(step.body.key("step").mistake(what, remedy));
    }
}

/// The steps of a loop; of a long one its beginning and its end.
fn told(mut ids: Vec<&str>) -> String {
    let (shown, between) = (12, ids.len().saturating_sub(12));
    if between > 0 {
        ids.splice(shown / 2..shown / 2 + between, ["…"]);
    }
    ids.join(" > ")
}

/// Reports each first step behind which nobody comes.
fn unreached(steps: &Steps<'_>, flow: &Flow, mistakes: &mut Vec<Mistake>) {
    let mut reached = vec![false; steps.all.len()];
    let mut open: Vec<usize> = steps.outermost.first().copied().into_iter().collect();
    while let Some(step) = open.pop() {
        if let Some(seen) = reached.get_mut(step).filter(|seen| !**seen) {
            *seen = true;
            open.extend(flow.next(step));
        }
    }
    let is_reached = |step: &usize| reached.get(*step).is_some_and(|seen| *seen);
    let held = steps.all.iter().enumerate().filter(|(number, _)| is_reached(number)).flat_map(|(_, step)| &step.ways);
    for list in std::iter::once(&steps.outermost).chain(held) {
        for pair in list.windows(2) {
            let [before, here] = pair else { continue };
            let (Some(before), Some(step)) =
                (steps.all.get(*before).filter(|_| is_reached(before)), steps.all.get(*here).filter(|_| !is_reached(here)))
            else {
                continue;
            };
            let what = match before.id() {
                Some(id) => format!("nobody comes to this step: every way through {} leads elsewhere", quoted(id)),
                None => "nobody comes to this step".to_owned(),
            };
            mistakes.push(step.body.mistake_at_key(what, "take it away, or let a \"go_to\" lead here"));
        }
    }
}
