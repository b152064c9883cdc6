//! On the line between functions and services: who remembers what passed, and who comes between two calls.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use michi::io::Clock;
use michi_local::{Call, Fault, Meanwhile, Outcome, Request, Service, Tap};
use serde_json::Value;

/// Something that took effect, in the order in which it did.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    /// SES took a mail.
    Taken(Taken),
    /// A message was claimed.
    Claimed {
        message: String,
        /// The partition it lies in: its recipient's.
        of: String,
        marketing: bool,
        topic: Option<String>,
        at: Timestamp,
    },
    /// A fault struck a call of this run.
    Struck { run: Option<u64> },
    /// A reader posted a wish by a link in this message, whatever came of it.
    Wished { of: String, message: String },
    /// A lead confirmed a consent and was told that it is so.
    Confirmed { of: String },
    /// A lead ended marketing mail, or mail of a topic, and was told that it is so.
    OptedOut { of: String, topic: Option<String> },
    /// What may be mailed to a lead was saved as if it had never ended marketing mail.
    Permitted { of: String },
    /// Nothing may be sent any more to the address under this key.
    Suppressed { address: String },
    /// A reader did what only somebody can who got the message, and michi has acknowledged it.
    Proven { message: String },
    /// A run of `feedback` has come further with a report on a message.
    Reported { run: Option<u64>, message: String },
}

/// A mail that SES took.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub(super) message: String,
    pub(super) at: Timestamp,
    pub(super) run: Option<u64>,
    /// What became of SES's answer, if anything did.
    pub(super) fault: Option<Fault>,
}

/// Remembers what passed.
pub(super) struct Witness {
    clock: Clock,
    seen: Mutex<Vec<Seen>>,
    /// On what each run of `feedback` reports.
    about: Mutex<BTreeMap<u64, String>>,
}

impl Witness {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, seen: Mutex::default(), about: Mutex::default() }
    }

    pub(super) fn saw(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
    }

    /// The message of which a run of `feedback` has read what is kept.
    fn about(&self, request: &Request, run: u64) -> Option<String> {
        let mut about = self.about.lock().unwrap();
        if request.operation == "GetItem"
            && let Some(message) = text(&request.body["Key"], "sk").strip_prefix("message#")
        {
            about.insert(run, message.to_owned());
        }
        about.get(&run).cloned()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Tap for Witness {
    fn after(&self, request: &Request, call: &Call) -> Option<Meanwhile> {
        if call.fault.is_some() {
            self.saw(Seen::Struck { run: call.invocation });
        }
        if call.outcome != Outcome::Answered {
            return None;
        }
        if request.service == Service::Ses {
            let (message, at) = (tag(&request.body, "message"), self.clock.now());
            self.saw(Seen::Taken(Taken { message, at, run: call.invocation, fault: call.fault }));
        }
        if request.function == "feedback"
            && let Some(message) = call.invocation.and_then(|run| self.about(request, run))
        {
            self.saw(Seen::Reported { run: call.invocation, message });
        }
        for put in puts(request) {
            if text(put, "sk") == "mailing" && put.pointer("/permissions/M/opted_out").is_none() {
                self.saw(Seen::Permitted { of: text(put, "pk").to_owned() });
            }
            if text(put, "sk") == "suppressed" {
                self.saw(Seen::Suppressed { address: text(put, "pk").to_owned() });
            }
            if state(put) == Some("claimed") {
                let letter = put.pointer("/values/M");
                let of = |name: &str| letter.and_then(|letter| letter.pointer(&format!("/{name}/S"))?.as_str());
                let marketing = of("class") == Some("marketing");
                let (message, to) = (text(put, "id").to_owned(), text(put, "pk").to_owned());
                let topic = of("topic").map(str::to_owned);
                self.saw(Seen::Claimed { message, of: to, marketing, topic, at: self.clock.now() });
            }
        }
        None
    }
}

/// The value of a mail's tag in a call of SendEmail.
fn tag(body: &Value, name: &str) -> String {
    let tags = body["EmailTags"].as_array().into_iter().flatten();
    let mut values = tags.filter(|tag| tag["Name"] == name).filter_map(|tag| tag["Value"].as_str());
    values.next().unwrap_or_default().to_owned()
}

/// The items that a call writes whole.
pub(crate) fn puts(request: &Request) -> Vec<&Value> {
    match request.operation.as_str() {
        "PutItem" => vec![&request.body["Item"]],
        "TransactWriteItems" => {
            let items = request.body["TransactItems"].as_array().into_iter().flatten();
            items.filter_map(|item| item.get("Put")?.get("Item")).collect()
        }
        _ => vec![],
    }
}

/// Where a message stands, if the item is one.
pub(super) fn state(item: &Value) -> Option<&str> {
    text(item, "sk").strip_prefix("message#")?;
    item.pointer("/state/M/is/S")?.as_str()
}

/// A text attribute of an item.
pub(super) fn text<'v>(item: &'v Value, name: &str) -> &'v str {
    item[name]["S"].as_str().unwrap_or_default()
}

/// Has something happen beside the nth call of functions from when it comes on the line: before it leaves, or when it has
/// taken effect and nobody has heard of it.
pub(super) struct Beside {
    nth: u64,
    after: bool,
    calls: AtomicU64,
    deed: Mutex<Option<Meanwhile>>,
}

impl Beside {
    pub(super) fn new(nth: u64, after: bool, deed: Meanwhile) -> Arc<Self> {
        Arc::new(Self { nth, after, calls: AtomicU64::new(0), deed: Mutex::new(Some(deed)) })
    }

    fn deed(&self, here: bool) -> Option<Meanwhile> {
        here.then(|| self.deed.lock().unwrap().take()).flatten()
    }
}

impl Tap for Beside {
    fn before(&self, _: &Request) -> Option<Meanwhile> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        self.deed(call == self.nth && !self.after)
    }

    fn after(&self, _: &Request, _: &Call) -> Option<Meanwhile> {
        self.deed(self.calls.load(Ordering::Relaxed) == self.nth && self.after)
    }
}
