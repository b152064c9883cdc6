//! What must be so in a scenario beyond its shape: each name is known, each window opens, each step can be done.

use super::super::conditions::{self, Extents, Scope, check_what, check_within};
use super::super::mistake::{Mistake, quoted};
use super::super::names::{Known, Names, each_once};
use super::super::place::Place;
use super::steps::{Step, Steps};
use crate::lead::Stage;
use crate::playbook::span::{Offset, Span};

/// The longest wait, in days.
const LONGEST: i32 = 3_650;
const DAY: i64 = 24 * 60;

pub(super) fn check(
    scenario: Place<'_>,
    steps: &Steps<'_>,
    names: &Names<'_>,
    segments: &Extents<'_>,
    mistakes: &mut Vec<Mistake>,
) {
    check_trigger(scenario, names, mistakes);
    check_span(scenario.key("again").key("after"), mistakes);
    let exits = scenario.key("exits").entries().map(|(_, exit)| exit);
    for condition in [scenario.key("audience"), scenario.key("goal")].into_iter().chain(exits) {
        check_condition(condition, names, segments, mistakes);
    }
    mistakes.extend(window_trouble(scenario.key("window")));

    mistakes.extend(steps.too_deep.iter().map(|list| Steps::depth_trouble(*list)));
    each_once(steps.all.iter().map(|step| step.body.key("id")), "step", mistakes);
    let ids = Known::at(steps.all.iter().map(|step| step.body.key("id")));
    for step in &steps.all {
        check_step(step, &ids, names, segments, mistakes);
    }
}

fn check_trigger(scenario: Place<'_>, names: &Names<'_>, mistakes: &mut Vec<Mistake>) {
    let trigger = scenario.key("trigger");
    check_what(trigger, names, mistakes);
    check_segment(trigger.key("segment"), names, mistakes);
    check_date(trigger.key("date"), mistakes);

    let stages = trigger.key("stage");
    let mut read = stages.items().map(|stage| Stage::ALL.into_iter().find(|one| Some(one.as_str()) == stage.text())).peekable();
    let leaves = scenario.key("in_sales").text().is_none_or(|word| word != "stay");
    if leaves && read.peek().is_some() && read.all(|stage| stage.is_some_and(Stage::holds_mail)) {
        let what = "whoever comes to these stages is in sales or disqualified, and leaves at once";
        mistakes.push(stages.mistake_at_key(what, "add \"in_sales: stay\", or name other stages"));
    }

    let who = scenario.key("who");
    let state = ["stage", "cell", "segment"].into_iter().any(|key| trigger.key(key).node().is_some());
    if let (Some(word @ ("existing" | "both")), false) = (who.text(), state)
        && trigger.node().is_some()
    {
        let what = format!("{} is for those who are in a stage, cell or segment already", quoted(word));
        mistakes.push(who.mistake(what, "take it away: what happens once lets in whom it happens to"));
    }
}

fn check_condition(condition: Place<'_>, names: &Names<'_>, segments: &Extents<'_>, mistakes: &mut Vec<Mistake>) {
    conditions::check(condition, Scope::Segment, names, mistakes);
    mistakes.extend(segments.trouble(condition));
}

fn check_segment(place: Place<'_>, names: &Names<'_>, mistakes: &mut Vec<Mistake>) {
    if let Some(name) = place.text().filter(|name| names.segments.lacks(name)) {
        let what = format!("no segment is called {}", quoted(name));
        mistakes.push(place.mistake(what, names.segments.remedy(name, "in segments.yaml")));
    }
}

/// An offset counts days, since the hour is said beside it.
fn check_date(date: Place<'_>, mistakes: &mut Vec<Mistake>) {
    let place = date.key("offset");
    let Some(offset) = place.read::<Offset>() else { return };
    let minutes = offset.duration().as_mins();
    if minutes % DAY != 0 {
        mistakes.push(
            place.mistake(
                format!("{offset} is no number of whole days"),
                "write days, as in -30d; the hour stands behind \"hour:\"",
            ),
        );
    } else if minutes.abs() > i64::from(LONGEST) * DAY {
        mistakes.push(place.mistake(format!("{offset} is more than ten years"), "write at most ten years"));
    }
}

fn check_span(place: Place<'_>, mistakes: &mut Vec<Mistake>) {
    if let Some(span) = place.read::<Span>().filter(|span| *span > Span::days(LONGEST)) {
        mistakes.push(place.mistake(format!("{span} is more than ten years"), format!("write {LONGEST}d or less")));
    }
}

/// A window that is never open.
pub(in super::super) fn window_trouble(window: Place<'_>) -> Option<Mistake> {
    let (from, to) = (window.key("from").number()?, window.key("to").number()?);
    let what = format!("this window never opens: it ends at {to} and begins at {from}");
    (from >= to).then(|| window.key("to").mistake(what, "write a later hour, of the same day; 24 is its end"))
}

fn check_step(step: &Step<'_>, ids: &Known<'_>, names: &Names<'_>, segments: &Extents<'_>, mistakes: &mut Vec<Mistake>) {
    let body = step.body;
    match step.kind {
        "mail" => mistakes.extend(mail_trouble(body.key("send"), false, names)),
        "wait" => check_span(body.key("for"), mistakes),
        "wait_date" => check_date(body.key("date"), mistakes),
        "wait_for" => {
            check_what(body.key("did"), names, mistakes);
            check_within(body.key("within"), mistakes);
        }
        "branch" => {
            each_once(body.key("ways").items().map(|way| way.key("id")), "way", mistakes);
            body.key("ways").items().for_each(|way| check_condition(way.key("when"), names, segments, mistakes));
        }
        "split" => each_once(body.key("ways").items().map(|way| way.key("id")), "way", mistakes),
        "series" => {
            each_once(body.key("mails").items(), "mail of the series", mistakes);
            mistakes.extend(body.key("mails").items().filter_map(|mail| mail_trouble(mail, false, names)));
            check_span(body.key("every"), mistakes);
        }
        "ask" => {
            mistakes.extend(mail_trouble(body.key("send"), true, names));
            mistakes.extend(attribute_trouble(body.key("attribute")));
            each_once(body.key("answers").items().map(|answer| answer.key("id")), "answer", mistakes);
            check_within(body.key("within"), mistakes);
        }
        "set" => mistakes.extend(attribute_trouble(body.key("attribute"))),
        "go_to" => {
            let place = body.key("step");
            if let Some(name) = place.text().filter(|name| ids.lacks(name)) {
                let what = format!("no step is called {}", quoted(name));
                mistakes.push(place.mistake(what, ids.remedy(name, "to a step of this scenario")));
            }
        }
        // What is left has nothing to be judged by, or is unknown and reported with the shape.
        _ => {}
    }
}

fn mail_trouble(place: Place<'_>, asks: bool, names: &Names<'_>) -> Option<Mistake> {
    let name = place.text()?;
    match name {
        "alert" | "correction" | "summary" | "notice" => Some(place.mistake(
            format!("the mail {} goes to sales, and to no lead", quoted(name)),
            "name a mail that is written for leads",
        )),
        "confirm" => {
            Some(place.mistake("the mail \"confirm\" answers a form, and is sent for nothing else", "name another mail"))
        }
        _ if names.mails.lacks(name) => {
            let remedy = names.mails.remedy(name, "in the folder mail, as in mail/NAME.md");
            Some(place.mistake(format!("no mail is called {}", quoted(name)), remedy))
        }
        _ if !asks && names.asking.has(name) => {
            let what = format!("the mail {} asks a question, which nothing but \"ask\" can put", quoted(name));
            Some(place.mistake(what, "send it with \"ask\", or name another mail"))
        }
        _ => None,
    }
}

/// By its address a lead is known.
fn attribute_trouble(place: Place<'_>) -> Option<Mistake> {
    let name = place.text().filter(|name| name.trim().eq_ignore_ascii_case("email"))?;
    let what = format!("{} cannot be set: it is by its address that a lead is known", quoted(name));
    Some(place.mistake(what, "choose another attribute"))
}
