//! Bugs of such moments, planted one at a time into what functions send and read, as if their code had them: for each there is a
//! moment at which the same deed ends otherwise. The code as it is passes all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use michi_local::{Request, Tap};
use serde_json::Value;

use super::deeds::{Deed, UnderWay};
use super::{alone, schedules};
use crate::scenario::planted::{Mixed, Reads, Sends, is_enrollment, keep};

/// How many moments, the likeliest first, are tried for a bug.
const TRIES: usize = 30;

/// A bug, and a deed that it harms.
struct Bug {
    what: &'static str,
    deed: Deed,
    /// The function beside whose calls it is looked for first.
    near: &'static str,
    tap: fn() -> Arc<dyn Tap>,
}

/// What was read once is believed for ever.
struct Once {
    is: fn(&Request, &Value) -> bool,
    first: Mutex<BTreeMap<String, Value>>,
}

impl Once {
    fn of(is: fn(&Request, &Value) -> bool) -> Arc<Self> {
        Arc::new(Self { is, first: Mutex::default() })
    }
}

impl Tap for Once {
    fn answer(&self, request: &Request, answer: Value) -> Value {
        if !(self.is)(request, &answer) {
            return answer;
        }
        self.first.lock().unwrap().entry(request.function.clone()).or_insert(answer).clone()
    }
}

/// An item is put or deleted whatever it has become meanwhile.
fn unasked(item: &mut Value) {
    for action in item.as_object_mut().unwrap().values_mut() {
        let action = action.as_object_mut().unwrap();
        action.retain(|name, _| !["ConditionExpression", "ExpressionAttributeValues"].contains(&name.as_str()));
    }
}

fn bugs() -> Vec<Bug> {
    let bug = |what, deed, near, tap: fn() -> Arc<dyn Tap>| Bug { what, deed, near, tap };
    vec![
        bug("an enrollment is saved whatever has become of it", Deed::Stop, "step", || {
            let change = |sk: &str, item: &mut Value| {
                if is_enrollment(sk) {
                    unasked(item);
                }
                true
            };
            Arc::new(Sends { function: "step", change })
        }),
        bug("a lead that is being erased is taken along", Deed::Mark, "step", || {
            let change = |sk: &str, item: &mut Value| !(sk == "lead" && item.get("ConditionCheck").is_some());
            Arc::new(Sends { function: "step", change })
        }),
        bug("a lead that is another by now is taken along", Deed::Merging, "step", || {
            let change = |sk: &str, item: &mut Value| !(sk == "lead" && item.get("ConditionCheck").is_some());
            Arc::new(Sends { function: "step", change })
        }),
        bug("who is hastened is put back as it was read", Deed::PauseOne, "score", || {
            let change = |sk: &str, item: &mut Value| {
                if is_enrollment(sk) && item["Put"]["Item"]["revision"]["N"] != "0" {
                    unasked(item);
                }
                true
            };
            Arc::new(Sends { function: "score", change })
        }),
        bug("two may let a lead in at once", Deed::Enroll, "score", || {
            let change = |sk: &str, item: &mut Value| {
                if sk == "lead" && item.get("Put").is_some() {
                    unasked(item);
                }
                true
            };
            Arc::new(Sends { function: "score", change })
        }),
        bug("the live playbook is read once", Deed::Insert(UnderWay::Move), "step", || {
            Once::of(|request, answer| request.function == "step" && answer["Item"]["sk"]["S"] == "current")
        }),
        bug("versions are mixed", Deed::Remove(UnderWay::Stay), "step", || Arc::new(Mixed::default())),
        bug("what is paused is asked for once", Deed::PauseAll, "step", || {
            Once::of(|request, _| request.function == "step" && request.body.to_string().contains("scenario#all"))
        }),
        bug("what the lead chose about mail is not read", Deed::OptOut, "step", || {
            let read = |_: &Request, answer: &mut Value| keep(answer, |item| !item.to_string().contains("mail_chosen"));
            Arc::new(Reads { function: "step", read })
        }),
        bug("an opt-out wakes nobody", Deed::OptOut, "step", || {
            let change = |sk: &str, item: &mut Value| {
                if let Some(put) = item["Put"]["Item"].as_object_mut() {
                    put.retain(|name, _| name != "wake");
                }
                !sk.starts_with("wake#")
            };
            Arc::new(Sends { function: "answer", change })
        }),
    ]
}

#[test]
fn every_bug_of_such_a_moment_is_caught() {
    let began = Instant::now();
    let sides = alone(None, None).unwrap();
    let mut missed = Vec::new();
    for bug in bugs() {
        let mut schedules = schedules(bug.deed, &sides);
        schedules.sort_by_key(|beside| {
            let side = &sides[usize::try_from(beside.nth).unwrap() - 1];
            (side.function != bug.near || side.reads, beside.after)
        });
        let caught = schedules.iter().take(TRIES).enumerate().find_map(|(tries, beside)| {
            let wrong = alone(Some(*beside), Some(bug.tap)).err()?;
            Some((tries + 1, wrong))
        });
        match caught {
            Some((tries, wrong)) => {
                println!("{}: after {tries} schedules: {}", bug.what, wrong.lines().next().unwrap_or_default());
            }
            None => missed.push(bug.what),
        }
    }
    println!("{:.1} s", began.elapsed().as_secs_f64());
    assert!(missed.is_empty(), "not caught: {missed:#?}");
}
