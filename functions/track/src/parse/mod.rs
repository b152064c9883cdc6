//! From a message's JSON to what happened: pure, so that a log file is read by the same rules as a beacon.
//!
//! What michi keeps of each type of message:
//!
//! | type | activity |
//! |---|---|
//! | `page` | page viewed |
//! | `track` | engaged, clicked, downloaded, form submitted by the snippet's event names; else tracked |
//! | `identify` | identified; from a server also attributes taken back (`null`) and consent (`traits.consent`) |
//!
//! Whose it is: the `anonymousId`. A server may give a `userId` alone, which stands for a browser of its own whose id
//! nobody outside can make; so may a browser whose `userId` the site has signed.

mod event;
mod identify;
pub(crate) mod json;
mod object;
mod page;
mod private;
pub(crate) mod time;

use jiff::Timestamp;
use michi::activity::{Activity, Kind, Source};
use michi::id::{ActivityId, VisitorId};
use michi::io::KeyRing;
use michi::verdict::Signals;
use serde_json::{Map, Value};

use self::object::Object;
use self::time::Times;
use crate::refusal::{Code, Refusal};

/// The largest message, in bytes.
pub const MESSAGE_BYTES: usize = 32 * 1024;

/// What all messages of a request share: who sent it, and when.
#[derive(Debug, Clone)]
pub struct Sender<'a> {
    /// When the request came.
    pub received: Timestamp,
    /// When it left, by the sender's clock.
    pub sent_at: Option<Timestamp>,
    /// By which kind of key it came.
    pub source: Source,
    /// What the request's own user agent hints at, if a browser sent it.
    pub signals: Signals,
    /// The keys by which signatures are checked.
    pub keys: &'a KeyRing,
}

/// The types of message that michi takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A page was shown.
    Page,
    /// Something was done.
    Track,
    /// Somebody says who the visitor is.
    Identify,
}

/// A message that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id: the sender's own, if it has one.
    pub id: ActivityId,
    /// Whose it is. Two, where a server says that a browser and a user of its own are one.
    pub visitors: Vec<VisitorId>,
    /// When it happened by the sender's own clock; none: the sender tells no time.
    pub sent: Option<Timestamp>,
    /// Who says so.
    pub source: Source,
    /// What hints at a machine.
    pub signals: Signals,
    /// What happened; never empty, and all of one retention.
    pub activities: Vec<Activity>,
}

impl Sender<'_> {
    /// Understands one message, which must be well-formed JSON.
    ///
    /// # Errors
    /// If it cannot be kept; the reason is for the sender.
    pub fn read(&self, of_type: Option<Type>, json: &str) -> Result<Message, Refusal> {
        if json.len() > MESSAGE_BYTES {
            return Err(Code::TooLarge.because(format!("a message may have {MESSAGE_BYTES} bytes, this has {}", json.len())));
        }
        json::check(json)?;
        match serde_json::from_str(json) {
            Ok(Value::Object(map)) => self.message(of_type, &map),
            _ => Err(Code::InvalidJson.because("a message must be a JSON object")),
        }
    }

    /// Understands one message.
    ///
    /// # Errors
    /// If it cannot be kept; the reason is for the sender.
    pub fn message(&self, of_type: Option<Type>, map: &Map<String, Value>) -> Result<Message, Refusal> {
        let message = Object::of(map);
        let of_type = of_type.map_or_else(|| named_type(message), Ok)?;
        let sent = message.get("timestamp").map(moment).transpose()?;
        let sent_at = message.get("sentAt").map(moment).transpose()?.or(self.sent_at);
        let times = Times::of(sent, sent_at, self.received);
        let visitors = self.visitors(of_type, message)?;
        let id = self.id(map, message, sent);
        let kinds = match of_type {
            Type::Page => vec![(id.clone(), page::page(&id, message)?)],
            Type::Track => vec![(id.clone(), event::event(&id, message)?)],
            Type::Identify => identify::identify(&id, self, message),
        };
        let activities = kinds.into_iter().map(|(id, kind)| Activity { id, at: times.at, kind }).collect();
        Ok(Message { id, visitors, sent, source: self.source, signals: self.signals_of(message), activities })
    }

    /// The sender's own id of a message. Where there is none it is made from the content, so that a repeat has the same;
    /// of a message without a time, too, a repeat cannot be told from a second one, and counts.
    fn id(&self, map: &Map<String, Value>, message: Object<'_>, sent: Option<Timestamp>) -> ActivityId {
        if let Some(id) = message.text("messageId") {
            return ActivityId::parse(&*id).unwrap_or_else(|_| ActivityId::derive(&["message", &id]));
        }
        let mut content = map.clone();
        content.remove("sentAt");
        let content = serde_json::to_string(&content).unwrap_or_default();
        let received = if sent.is_none() { self.received.to_string() } else { String::new() };
        ActivityId::derive(&["message without an id", &content, &received])
    }

    fn visitors(&self, of_type: Type, message: Object<'_>) -> Result<Vec<VisitorId>, Refusal> {
        let browser = message
            .text("anonymousId")
            .map(|text| VisitorId::parse(&*text).unwrap_or_else(|_| VisitorId::derive(&["anonymous id", &text])));
        // A visitor id is a secret: one that could be made from a user id alone would let anybody write as that user.
        let user = |id: String| VisitorId::derive(&["user", &self.keys.site_signature(&id)]);
        let may_name_users = self.source == Source::Server || self.signed(message);
        let user = message.text("userId").filter(|_| may_name_users).map(user);
        match (browser, user) {
            (Some(browser), Some(user)) if of_type == Type::Identify && self.source == Source::Server => Ok(vec![browser, user]),
            (Some(browser), _) => Ok(vec![browser]),
            (None, Some(user)) => Ok(vec![user]),
            (None, None) => Err(Code::MissingVisitor.because(
                "anonymousId is missing; userId alone is taken from servers with a secret key, or signed (context.signature)",
            )),
        }
    }

    /// Whether the site has signed the user id.
    fn signed(&self, message: Object<'_>) -> bool {
        let signature = message.object("context").text("signature");
        signature
            .zip(message.text("userId"))
            .is_some_and(|(signature, user)| self.source == Source::Site && self.keys.site_signed(&user, &signature))
    }

    fn signals_of(&self, message: Object<'_>) -> Signals {
        if self.source != Source::Site {
            return Signals::default();
        }
        let context = message.object("context");
        let told = context.text("userAgent").map(|user_agent| Signals::of(Some(&user_agent)));
        let mut signals = told.unwrap_or_else(|| self.signals.clone());
        signals.automated |= context.is_true("webdriver");
        signals
    }
}

impl Message {
    /// Whether it says whose the browser is.
    #[must_use]
    pub fn identifies(&self) -> bool {
        self.activities.iter().any(|activity| identifies(&activity.kind))
    }
}

/// Whether an activity says whose the browser is.
pub(crate) fn identifies(kind: &Kind) -> bool {
    kind.address().is_some() || matches!(kind, Kind::Identified { token: Some(_), .. })
}

fn moment(value: &Value) -> Result<Timestamp, Refusal> {
    time::moment(value.as_str().unwrap_or_default())
}

fn named_type(message: Object<'_>) -> Result<Type, Refusal> {
    let name = message.text("type").unwrap_or_default();
    match name.as_str() {
        "page" => Ok(Type::Page),
        "track" => Ok(Type::Track),
        "identify" => Ok(Type::Identify),
        "alias" | "group" | "screen" => {
            Err(Code::UnsupportedType.because(format!("michi has no use for messages of the type {name}")))
        }
        "" => Err(Code::UnknownType.because("the message has no type; it may be page, track or identify")),
        _ => {
            let name: String = name.chars().filter(|c| c.is_alphanumeric()).take(40).collect();
            Err(Code::UnknownType.because(format!("{name} is no type of message; it may be page, track or identify")))
        }
    }
}

#[cfg(test)]
mod tests;
