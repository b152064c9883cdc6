//! Bugs, planted one at a time into what functions send and read, as if their code had them. The functions themselves are
//! as they are shipped.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use michi_local::{Request, Service, Tap};
use serde_json::{Value, json};

use super::cast::Person;
use super::line::{puts, state, text};
use super::weather::Door;

/// A bug.
pub(super) struct Bug {
    /// What the function does wrong.
    pub(super) what: &'static str,
    /// How it is done on the wire.
    pub(super) wire: Option<fn() -> Arc<dyn Tap>>,
    /// How requests come in.
    pub(super) door: Door,
    /// Which schedules are to catch it.
    pub(super) under: Under,
    /// Whose story they are about.
    pub(super) persons: &'static [Person],
    /// Beside whose calls it shows soonest.
    pub(super) near: &'static str,
}

/// The families of schedules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Under {
    /// Nothing goes wrong.
    FairWeather,
    /// One call fails.
    OneFault,
    /// A reader ends mail beside any call.
    OptOuts,
    /// An address is suppressed beside any call.
    Suppressions,
    /// A schedule fires once more beside any call.
    Ticks,
    /// Reports of SES come in another order.
    Reports,
}

/// What to do with one action of a transaction, or with a whole put.
enum Change {
    /// Leave it.
    Keep,
    /// It never was.
    Drop,
    /// It happens whatever is there.
    Unchecked,
    /// It happens a call later, whatever is there.
    Afterwards,
}

/// Changes single actions of the transactions of a function.
struct Actions {
    function: &'static str,
    /// By the sort key of an action, and whether the transaction claims a message.
    change: fn(&str, bool) -> Change,
}

impl Tap for Actions {
    fn instead(&self, mut request: Request) -> Vec<Request> {
        if request.function != self.function || request.operation != "TransactWriteItems" {
            return vec![request];
        }
        let claims = puts(&request).iter().any(|put| state(put) == Some("claimed"));
        let mut later = vec![];
        let items = request.body["TransactItems"].as_array_mut().unwrap();
        items.retain_mut(|item| match (self.change)(&sk(item), claims) {
            Change::Keep => true,
            Change::Drop => false,
            Change::Unchecked => {
                unchecked(item);
                true
            }
            Change::Afterwards => {
                unchecked(item);
                later.push(item["Put"].clone());
                false
            }
        });
        let later = later.into_iter().map(|put| Request { operation: "PutItem".to_owned(), body: put, ..request.clone() });
        let later: Vec<Request> = later.collect();
        let now = (!request.body["TransactItems"].as_array().unwrap().is_empty()).then_some(request);
        now.into_iter().chain(later).collect()
    }
}

fn unchecked(item: &mut Value) {
    for (_, action) in item.as_object_mut().unwrap() {
        let fields = action.as_object_mut().unwrap();
        fields.retain(|name, _| {
            !["ConditionExpression", "ExpressionAttributeValues", "ExpressionAttributeNames"].contains(&name.as_str())
        });
    }
}

/// The sort key of what an action is about.
fn sk(item: &Value) -> String {
    let action = item.as_object().unwrap().values().next().unwrap();
    let key = action.get("Key").or_else(|| action.get("Item")).unwrap();
    text(key, "sk").to_owned()
}

/// The client repeats SendEmail by itself.
struct Insists;

impl Tap for Insists {
    fn attempts(&self, request: &Request) -> u32 {
        if request.service == Service::Ses { 3 } else { 1 }
    }
}

/// A message is claimed only when its outcome is written down.
#[derive(Default)]
struct MarksAfterwards(Mutex<BTreeMap<String, Request>>);

impl Tap for MarksAfterwards {
    fn instead(&self, request: Request) -> Vec<Request> {
        if request.function != "notify" {
            return vec![request];
        }
        let found = puts(&request).into_iter().find_map(|put| Some((text(put, "id").to_owned(), state(put)? == "claimed")));
        match found {
            Some((id, true)) => {
                self.0.lock().unwrap().insert(id, request);
                vec![]
            }
            Some((id, false)) => self.0.lock().unwrap().remove(&id).into_iter().chain([request]).collect(),
            None => vec![request],
        }
    }
}

/// A claim holds nobody off.
struct NoLease;

impl Tap for NoLease {
    fn instead(&self, mut request: Request) -> Vec<Request> {
        if request.function == "notify" {
            for item in items_mut(&mut request.body).filter(|item| state(item) == Some("claimed")) {
                item["due_at"] = json!({ "S": "2020-01-01T00:00:00.000Z" });
            }
        }
        vec![request]
    }

    fn answer(&self, request: &Request, mut answer: Value) -> Value {
        if request.function == "notify" && request.operation == "GetItem" && state(&answer["Item"]) == Some("claimed") {
            answer["Item"]["state"] = json!({ "M": { "is": { "S": "pending" }, "due": answer["Item"]["created"].clone() } });
        }
        answer
    }
}

/// What nobody answered is sent again at once.
struct NoWindow;

impl Tap for NoWindow {
    fn instead(&self, mut request: Request) -> Vec<Request> {
        if request.function == "notify" {
            for item in items_mut(&mut request.body).filter(|item| state(item) == Some("unknown")) {
                item["due_at"] = json!({ "S": "2020-01-01T00:00:00.000Z" });
                item["state"]["M"]["until"] = item["created"].clone();
            }
        }
        vec![request]
    }
}

/// Reads something else than what is there.
struct Misreads {
    function: &'static str,
    operation: &'static str,
    reads: fn(&mut Value),
}

impl Tap for Misreads {
    fn answer(&self, request: &Request, mut answer: Value) -> Value {
        if request.function == self.function && request.operation == self.operation {
            (self.reads)(&mut answer);
        }
        answer
    }
}

/// Both.
struct Both<One, Other>(One, Other);

impl<One: Tap, Other: Tap> Tap for Both<One, Other> {
    fn instead(&self, request: Request) -> Vec<Request> {
        self.0.instead(request).into_iter().flat_map(|request| self.1.instead(request)).collect()
    }

    fn answer(&self, request: &Request, answer: Value) -> Value {
        self.1.answer(request, self.0.answer(request, answer))
    }
}

/// The items that a call writes whole.
fn items_mut(body: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    if body.get("TransactItems").is_some() {
        let items = body["TransactItems"].as_array_mut().into_iter().flatten();
        return Box::new(items.filter_map(|item| item.get_mut("Put")?.get_mut("Item")));
    }
    Box::new(body.get_mut("Item").into_iter())
}

/// Never makes calls that write such an item.
struct Forgets {
    function: &'static str,
    what: fn(&Value) -> bool,
}

impl Tap for Forgets {
    fn instead(&self, request: Request) -> Vec<Request> {
        let forgotten = request.function == self.function && puts(&request).into_iter().any(self.what);
        if forgotten { vec![] } else { vec![request] }
    }
}

/// Every bug, with the schedules that catch it.
pub(super) fn bugs() -> Vec<Bug> {
    let bug = |what, under, wire: fn() -> Arc<dyn Tap>| Bug {
        what,
        wire: Some(wire),
        door: Door::default(),
        under,
        persons: &[Person::Leaves],
        near: "notify",
    };
    vec![
        Bug {
            what: "GET of the link that ends mail ends it",
            wire: None,
            door: Door { get_acts: true },
            under: Under::FairWeather,
            persons: &[Person::Agreed],
            near: "answer",
        },
        bug("the SDK repeats SendEmail", Under::OneFault, || Arc::new(Insists)),
        bug("a message is marked only after it was sent", Under::Ticks, || Arc::new(MarksAfterwards::default())),
        bug("a claim does not check the message's revision", Under::Ticks, || {
            Arc::new(Actions {
                function: "notify",
                change: |sk, claims| if claims && sk.starts_with("message#") { Change::Unchecked } else { Change::Keep },
            })
        }),
        bug("a claim does not check the revision of what may be mailed", Under::OptOuts, || {
            Arc::new(Actions {
                function: "notify",
                change: |sk, claims| if claims && sk == "mailing" { Change::Unchecked } else { Change::Keep },
            })
        }),
        bug("a claim does not check whether the address is suppressed", Under::Suppressions, || {
            let change = |sk: &str, _| if sk == "suppressed" { Change::Drop } else { Change::Keep };
            Arc::new(Actions { function: "notify", change })
        }),
        Bug {
            persons: &[Person::Popular],
            ..bug("the cap is counted outside the claim", Under::Ticks, || {
                Arc::new(Actions {
                    function: "notify",
                    change: |sk, claims| if claims && sk == "mailing" { Change::Afterwards } else { Change::Keep },
                })
            })
        },
        bug("a claim holds nobody off", Under::Ticks, || Arc::new(NoLease)),
        bug("the outcome of a call is not written down", Under::Reports, || {
            let of_a_call = |put: &Value| {
                let last = put.pointer("/history/L").and_then(Value::as_array).and_then(|history| history.last());
                state(put) == Some("sent") && last.is_some_and(|last| text(&last["M"], "event") == "accepted")
            };
            Arc::new(Forgets { function: "notify", what: of_a_call })
        }),
        bug("what was not answered is sent again at once", Under::Reports, || Arc::new(NoWindow)),
        bug("a second try does not look for signs of the first", Under::Reports, || {
            let blind = |answer: &mut Value| {
                let items = answer["Items"].as_array();
                if items.is_some_and(|items| items.iter().any(|item| item.get("activities").is_some())) {
                    answer["Items"] = json!([]);
                }
            };
            Arc::new(Misreads { function: "notify", operation: "Query", reads: blind })
        }),
        bug("a report takes a message back", Under::Reports, || {
            Arc::new(Misreads { function: "feedback", operation: "GetItem", reads: |answer| forget(answer, "report") })
        }),
        bug("a report is taken in and not kept", Under::OneFault, || {
            Arc::new(Forgets { function: "feedback", what: |put| state(put).is_some() })
        }),
        bug("a choice has no wake item", Under::FairWeather, || {
            let change = |sk: &str, _| if sk.starts_with("wake#") { Change::Drop } else { Change::Keep };
            Arc::new(Actions { function: "answer", change })
        }),
        Bug {
            persons: &[Person::Agreed],
            ..bug("a click has no wake item", Under::FairWeather, || {
                let change = |sk: &str, _| if sk.starts_with("wake#") { Change::Drop } else { Change::Keep };
                Arc::new(Actions { function: "track", change })
            })
        },
        Bug {
            persons: &[Person::Bounces],
            ..bug("mail that came back suppresses nothing", Under::FairWeather, || {
                let change = |sk: &str, _| if ["mailing", "suppressed"].contains(&sk) { Change::Drop } else { Change::Keep };
                Arc::new(Actions { function: "feedback", change })
            })
        },
        Bug {
            persons: &[Person::Hot],
            ..bug("what holds back a lead's mail holds back the mail to sales", Under::FairWeather, || {
                let held = |answer: &mut Value| {
                    if text(&answer["Item"], "sk") == "lead" && text(&answer["Item"], "stage") == "mql" {
                        answer["Item"]["erased"] = json!({ "BOOL": true });
                    }
                };
                Arc::new(Misreads { function: "notify", operation: "GetItem", reads: held })
            })
        },
        bug("an opt-out is written into the log alone", Under::OptOuts, || {
            Arc::new(Actions { function: "answer", change: |sk, _| if sk == "mailing" { Change::Drop } else { Change::Keep } })
        }),
        Bug {
            persons: &[Person::Picky],
            near: "score",
            ..bug("score saves over a newer choice", Under::OptOuts, || {
                let change = |sk: &str, _| if sk == "mailing" { Change::Unchecked } else { Change::Keep };
                let read = Misreads { function: "score", operation: "GetItem", reads: |answer| forget(answer, "latest") };
                Arc::new(Both(Actions { function: "score", change }, read))
            })
        },
    ]
}

fn forget(answer: &mut Value, attribute: &str) {
    if let Some(item) = answer["Item"].as_object_mut() {
        item.remove(attribute);
    }
}
