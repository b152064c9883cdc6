//! Bugs, planted one at a time into what `step` and `score` send and read, as if their code had them: each is caught by the
//! story with its twist, which the code as it is shipped passes.

use std::sync::{Arc, Mutex};

use michi_local::{Fault, Planned, Request, Tap};
use serde_json::{Value, json};

use super::faults::{fair_weather, on_a_still_clock};
use super::story::{Told, Twist, play, same, stage};

/// A bug.
struct Bug {
    what: &'static str,
    twist: Twist,
    /// Also with each of these calls of `step` dying.
    dying: bool,
    tap: fn() -> Arc<dyn Tap>,
}

/// Changes what a function sends, by the sort key of what is put, deleted or checked; `None`: it never was.
pub(super) struct Sends {
    pub(super) function: &'static str,
    pub(super) change: fn(&str, &mut Value) -> bool,
}

impl Tap for Sends {
    fn instead(&self, mut request: Request) -> Vec<Request> {
        if request.function != self.function || request.operation != "TransactWriteItems" {
            return vec![request];
        }
        let items = request.body["TransactItems"].as_array_mut().unwrap();
        items.retain_mut(|item| {
            let sk = sk(item);
            (self.change)(&sk, item)
        });
        if request.body["TransactItems"].as_array().unwrap().is_empty() { vec![] } else { vec![request] }
    }
}

pub(super) fn sk(item: &Value) -> String {
    let action = item.as_object().unwrap().values().next().unwrap();
    let key = action.get("Key").or_else(|| action.get("Item")).unwrap();
    key["sk"]["S"].as_str().unwrap().to_owned()
}

/// Reads something else than what is there.
pub(super) struct Reads {
    pub(super) function: &'static str,
    pub(super) read: fn(&Request, &mut Value),
}

impl Tap for Reads {
    fn answer(&self, request: &Request, mut answer: Value) -> Value {
        if request.function == self.function {
            (self.read)(request, &mut answer);
        }
        answer
    }
}

/// A sweep goes on where the one before it ended.
#[derive(Default)]
struct Cursor(Mutex<String>);

impl Tap for Cursor {
    fn instead(&self, mut request: Request) -> Vec<Request> {
        if request.function == "step" && request.body["IndexName"] == "due" {
            request.body["KeyConditionExpression"] = json!("due_part = :part AND due_at BETWEEN :cursor AND :now");
            // Behind what was seen last.
            let cursor = format!("{}~", self.0.lock().unwrap());
            let now = request.body["ExpressionAttributeValues"][":now"]["S"].as_str().unwrap().to_owned();
            request.body["ExpressionAttributeValues"][":cursor"] = json!({ "S": cursor.min(now) });
        }
        vec![request]
    }

    fn answer(&self, request: &Request, answer: Value) -> Value {
        if request.function == "step" && request.body["IndexName"] == "due" {
            let seen = answer["Items"].as_array().into_iter().flatten().filter_map(|item| item["due_at"]["S"].as_str()).max();
            let mut cursor = self.0.lock().unwrap();
            if let Some(seen) = seen.filter(|seen| **seen > **cursor) {
                *cursor = seen.to_owned();
            }
        }
        answer
    }
}

/// Ids are made by chance, and nobody looks who has entered.
#[derive(Default)]
struct Random(Mutex<u32>);

impl Tap for Random {
    fn instead(&self, mut request: Request) -> Vec<Request> {
        let enrolls = request.body.to_string().contains(r#""enrolled""#);
        if request.function == "score" && request.operation == "TransactWriteItems" && enrolls {
            let mut text = request.body.to_string();
            let mut count = self.0.lock().unwrap();
            *count += 1;
            for id in ids(&request.body) {
                text = text.replace(&id, &format!("{id}x{count}"));
            }
            request.body = serde_json::from_str(&text).unwrap();
        }
        vec![request]
    }

    fn answer(&self, request: &Request, mut answer: Value) -> Value {
        if request.function == "score" && request.operation == "Query" {
            keep(&mut answer, |item| !item.to_string().contains(r#""enrolled""#));
        }
        answer
    }
}

/// The ids of the enrollments in a transaction, and of the records of them.
fn ids(body: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    for item in body["TransactItems"].as_array().unwrap() {
        let sk = sk(item);
        if let Some(rest) = sk.strip_prefix("enrollment#") {
            ids.extend(rest.split_once('#').map(|(_, id)| id.to_owned()));
        } else if item.to_string().contains(r#""enrolled""#) {
            ids.extend(sk.split_once('#').map(|(_, id)| id.to_owned()));
        }
    }
    ids
}

pub(super) fn keep(answer: &mut Value, wanted: impl Fn(&Value) -> bool) {
    if let Some(items) = answer["Items"].as_array_mut() {
        items.retain(wanted);
    }
}

pub(super) fn is_enrollment(sk: &str) -> bool {
    sk.starts_with("enrollment#")
}

fn waits_for(item: &Value, what: &str) -> bool {
    item["Put"]["Item"]["waiting"].to_string().contains(what)
}

/// Mails are written before what they come of.
struct Mails;

impl Tap for Mails {
    fn instead(&self, mut request: Request) -> Vec<Request> {
        if request.function != "step" || request.operation != "TransactWriteItems" {
            return vec![request];
        }
        let mut later = Vec::new();
        request.body["TransactItems"].as_array_mut().unwrap().retain(|item| {
            let mail = sk(item).starts_with("message#");
            if mail {
                later.push(Request { operation: "PutItem".to_owned(), body: item["Put"].clone(), ..request_of("step") });
            }
            !mail
        });
        std::iter::once(request).chain(later).collect()
    }
}

fn request_of(function: &str) -> Request {
    let service = michi_local::Service::DynamoDb;
    Request { function: function.to_owned(), service, operation: String::new(), body: Value::Null }
}

/// Everybody goes by the version that is live now.
#[derive(Default)]
pub(super) struct Mixed(Mutex<Option<String>>);

impl Tap for Mixed {
    fn answer(&self, request: &Request, mut answer: Value) -> Value {
        let item = &mut answer["Item"];
        if let Some(version) = item["version"]["S"].as_str().filter(|_| item["sk"]["S"] == "current") {
            *self.0.lock().unwrap() = Some(version.to_owned());
        }
        let enrollment = item["sk"]["S"].as_str().is_some_and(is_enrollment);
        if let Some(version) = self.0.lock().unwrap().as_ref().filter(|_| request.function == "step" && enrollment) {
            item["playbook"] = json!({ "S": version });
        }
        answer
    }
}

fn bugs() -> Vec<Bug> {
    let bug = |what, twist, tap: fn() -> Arc<dyn Tap>| Bug { what, twist, dying: false, tap };
    vec![
        bug("the sweep has a cursor", Twist::Paused, || Arc::new(Cursor::default())),
        bug("a second form enters again", Twist::FormAgain, || Arc::new(Random::default())),
        bug("a timer is moved later by days", Twist::None, || {
            Arc::new(Sends {
                function: "step",
                change: |sk, item| {
                    if is_enrollment(sk) && waits_for(item, "until") && !waits_for(item, "behaviour") {
                        let due = item["Put"]["Item"]["due_at"]["S"].as_str().unwrap();
                        let later = due.parse::<jiff::Timestamp>().unwrap() + super::DAY * 3;
                        item["Put"]["Item"]["due_at"] = json!({ "S": format!("{later:.3}") });
                    }
                    true
                },
            })
        }),
        bug("versions are mixed", Twist::Edited, || Arc::new(Mixed::default())),
        Bug { dying: true, ..bug("a mail is owed outside the transaction", Twist::None, || Arc::new(Mails)) },
        bug("a wait has no second look", Twist::Race, || {
            Arc::new(Sends {
                function: "step",
                change: |sk, item| {
                    if is_enrollment(sk) && waits_for(item, "behaviour") {
                        item["Put"]["Item"]["due_at"] = json!({ "S": "2026-04-16T00:00:00.000Z" });
                        item["Put"]["Item"]["due"] = json!({ "S": "2026-04-16T00:00:00Z" });
                    }
                    true
                },
            })
        }),
        bug("what was passed is not written down", Twist::None, || {
            let change = |sk: &str, _: &mut Value| !sk.starts_with("2026-");
            Arc::new(Sends { function: "step", change })
        }),
        bug("an enrollment that is over stays", Twist::None, || {
            let change = |sk: &str, item: &mut Value| !(is_enrollment(sk) && item.get("Delete").is_some());
            Arc::new(Sends { function: "step", change })
        }),
        bug("an attribute that is set wakes nobody", Twist::None, || {
            Arc::new(Sends { function: "step", change: |sk, _| !sk.starts_with("wake#") })
        }),
        bug("nobody asks what is paused", Twist::Paused, || {
            let read = |request: &Request, answer: &mut Value| {
                if request.body.to_string().contains("scenario#all") {
                    keep(answer, |_| false);
                }
            };
            Arc::new(Reads { function: "step", read })
        }),
        bug("what is paused is laid aside unasked", Twist::ResumeRace, || {
            let change = |sk: &str, item: &mut Value| !(sk == "story" && item.get("ConditionCheck").is_some());
            Arc::new(Sends { function: "step", change })
        }),
        bug("what is waited for hastens nobody", Twist::None, || {
            let change = |sk: &str, item: &mut Value| !(is_enrollment(sk) && item["Put"]["Item"]["revision"]["N"] != "0");
            Arc::new(Sends { function: "score", change })
        }),
    ]
}

/// What a twist asks for: the same way as without it, but for the erased.
fn judged(played: Result<Told, String>, twist: Twist, wanted: &Told) -> Result<(), String> {
    let found = played?;
    match twist {
        Twist::Erased => Ok(()),
        // Then days are others than without it.
        Twist::Paused | Twist::ResumeRace | Twist::Race => same(&found, wanted, false),
        Twist::None | Twist::FormAgain | Twist::Edited => same(&found, wanted, true),
    }
}

#[test]
fn every_planted_bug_is_caught_and_the_code_as_it_is_passes() {
    let (wanted, calls) = fair_weather();
    let try_it = |twist, tap: Option<fn() -> Arc<dyn Tap>>, faults: &[Planned]| {
        on_a_still_clock(async {
            let suite = stage().await;
            if let Some(tap) = tap {
                suite.client().tap(tap());
            }
            judged(play(&suite, faults, twist).await, twist, &wanted)
        })
    };
    for twist in [Twist::FormAgain, Twist::Race, Twist::Paused, Twist::ResumeRace, Twist::Edited, Twist::Erased] {
        if let Err(what) = try_it(twist, None, &[]) {
            panic!("{twist:?}: {what}");
        }
    }
    let mut missed = Vec::new();
    for bug in bugs() {
        let deaths =
            calls.iter().filter(|(_, reads)| bug.dying && !reads).map(|(call, _)| vec![Planned::call(*call, Fault::CrashAfter)]);
        let mut schedules = std::iter::once(vec![]).chain(deaths);
        match schedules.find_map(|faults| try_it(bug.twist, Some(bug.tap), &faults).err()) {
            Some(caught) => println!("{}: {}", bug.what, caught.lines().next().unwrap_or_default()),
            None => missed.push(bug.what),
        }
    }
    assert!(missed.is_empty(), "not caught: {missed:?}");
}
