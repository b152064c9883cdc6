//! Letters of one scenario that come too close to each other, or twice.

use super::super::mistake::{Mistake, quoted};
use super::super::place::Place;
use super::flow::Flow;
use super::steps::{Step, Steps};

/// What is probably not meant about the letters on the ways through these steps.
pub(super) fn doubts(steps: &Steps<'_>) -> Vec<Mistake> {
    let flow = Flow::of(steps);
    let letters = |(number, step): (usize, &Step<'_>)| letters(step).next().map(|_| number);
    let mut doubts = Vec::new();
    for later in steps.all.iter().enumerate().filter_map(letters) {
        // A series leaves out by itself what the lead has had, and waits behind each of its mails; so does a question.
        doubts.extend((0..steps.all.len()).find_map(|first| close(steps, &flow, first, later)));
        doubts.extend((0..later).find_map(|first| twice(steps, &flow, first, later)));
    }
    doubts
}

/// The mails that a step sends.
fn letters<'a>(step: &Step<'a>) -> impl Iterator<Item = Place<'a>> {
    let (one, several) = match step.kind {
        "mail" | "ask" => (Some(step.body.key("send")), None),
        "series" => (None, Some(step.body.key("mails").items())),
        _ => (None, None),
    };
    one.into_iter().chain(several.into_iter().flatten())
}

/// A letter to which one comes from another one without a wait.
fn close(steps: &Steps<'_>, flow: &Flow, first: usize, later: usize) -> Option<Mistake> {
    let (one, other) = (steps.all.get(first).filter(|step| step.kind == "mail")?, steps.all.get(later)?);
    let passes = |step: usize| {
        steps.all.get(step).is_some_and(|step| matches!(step.kind, "branch" | "split" | "set" | "notify" | "go_to"))
    };
    if first == later || !flow.leads(first, later, passes) {
        return None;
    }
    let what = format!("nothing waits between the mail of the step {} and this one", quoted(one.id()?));
    Some(other.body.mistake_at_key(what, "put a wait between them, so that two letters do not come on top of each other"))
}

/// A mail that an earlier step on the same way has sent.
fn twice(steps: &Steps<'_>, flow: &Flow, first: usize, later: usize) -> Option<Mistake> {
    let (one, other) = (steps.all.get(first)?, steps.all.get(later).filter(|step| step.kind != "series")?);
    let again = letters(other).next()?;
    let mail = again.text()?;
    if !letters(one).any(|sent| sent.text() == Some(mail)) || !flow.leads(first, later, |_| true) {
        return None;
    }
    let what = format!("who comes here has had the mail {} from the step {}", quoted(mail), quoted(one.id()?));
    Some(again.mistake(what, "name another mail, or send them as a \"series\", which sends none twice"))
}
