//! What readers do with their mail, and what scanners do with it before them.

use std::sync::Arc;

use axum::body::Body;
use http::{Method, Request, header};
use jiff::{SignedDuration, Timestamp};
use michi::id::{LeadId, MessageId};
use michi::link::{OfLetter, Purpose};
use michi_local::{Mail, Meanwhile, Suite};
use serde_json::json;

use super::cast::{Person, address};
use super::line::{Seen, Witness};
use super::town::Town;
use super::weather::{Deed, Door};
use crate::harness::BROWSER;

/// Something that a reader or a scanner does.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    /// When.
    pub(super) at: Timestamp,
    tries: u32,
    what: What,
    url: String,
    /// In whose mail the link was.
    of: String,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// A scanner looks at the link that ends mail.
    Scan,
    /// A reader follows a link.
    Click,
    /// A mail program ends mail for its reader.
    OneClick,
    /// A reader turns a topic off.
    NoEvents,
    /// A reader confirms a consent.
    Confirm,
}

/// How often somebody tries who is not answered well, a minute apart.
const TRIES: u32 = 10;
/// How long a mail lies there until somebody looks at it.
const LYING: SignedDuration = SignedDuration::from_mins(5);

impl What {
    fn body(self) -> &'static str {
        match self {
            Self::Scan | Self::Click => "",
            Self::OneClick => "List-Unsubscribe=One-Click",
            Self::NoEvents => "choice=save&topics=shown&topic=news&opens=yes&clicks=yes",
            Self::Confirm => "confirm=yes",
        }
    }
}

/// What comes of a mail: a scanner is there first, then its reader.
pub(super) fn errands(person: Option<Person>, mail: &Mail, now: Timestamp) -> Vec<Errand> {
    let of = mail.tags.get("lead").map(|lead| format!("lead#{lead}")).unwrap_or_default();
    let message = mail.tags["message"].clone();
    let after = |minutes: i64, what, url: Option<String>| {
        let at = now + LYING + SignedDuration::from_mins(minutes);
        url.map(|url| Errand { at, tries: 0, what, url, of: of.clone(), message: message.clone() })
    };
    let unsubscribe = || unsubscribe_url(mail);
    let reader = match person {
        Some(Person::Agreed) => after(1, What::Click, link_to(mail, "/c/")),
        Some(Person::Leaves) => after(1, What::OneClick, unsubscribe()),
        Some(Person::Picky) => after(1, What::NoEvents, unsubscribe()),
        Some(Person::Asked) => after(1, What::Confirm, link_to(mail, "/confirm/")),
        _ => None,
    };
    after(0, What::Scan, unsubscribe()).into_iter().chain(reader).collect()
}

impl Errand {
    /// Does it; answers when it is to be tried again, if it was not answered well.
    pub(super) async fn run(mut self, town: &Town) -> Option<Self> {
        if self.done(&town.suite, &town.witness, town.door).await {
            return None;
        }
        self.at = town.suite.now() + SignedDuration::from_mins(1);
        self.tries += 1;
        (self.tries < TRIES).then_some(self)
    }

    async fn done(&self, suite: &Suite, witness: &Witness, door: Door) -> bool {
        let (mut method, mut body) = (Method::POST, self.what.body());
        match self.what {
            What::Scan if door.get_acts => body = What::OneClick.body(),
            What::Scan | What::Click => method = Method::GET,
            What::OneClick | What::NoEvents | What::Confirm => {
                witness.saw(Seen::Wished { of: self.of.clone(), message: self.message.clone() });
            }
        }
        let path = self.url.strip_prefix(&suite.options().collector_url).unwrap();
        let request = Request::builder().method(method).uri(path).header("user-agent", BROWSER);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(Body::from(body)).unwrap();
        let answer = suite.request(request).await;
        let (status, to) = (answer.status(), answer.headers().get(header::LOCATION));
        assert!(status.is_success() || status.is_redirection() || status.is_server_error(), "{:?}: {status}", self.what);
        if status.is_server_error() {
            return false;
        }
        match self.what {
            What::Scan => {}
            // Whoever follows a link gets where it leads, written down or not; the token says that it was.
            What::Click if to.is_some_and(|to| to.to_str().unwrap().contains("michi_token")) => self.proves(witness),
            What::Click => {}
            What::OneClick => self.holds(witness, None),
            What::NoEvents => self.holds(witness, Some("events")),
            What::Confirm => {
                self.proves(witness);
                witness.saw(Seen::Confirmed { of: self.of.clone() });
            }
        }
        true
    }

    fn proves(&self, witness: &Witness) {
        witness.saw(Seen::Proven { message: self.message.clone() });
    }

    /// The reader was told that what was chosen holds.
    fn holds(&self, witness: &Witness, topic: Option<&str>) {
        // What was so already by another mail's link is not written down again, and proves nothing of this mail.
        let mut seen = witness.seen().into_iter();
        if !seen.any(|seen| matches!(seen, Seen::Wished { of, message } if of == self.of && message != self.message)) {
            self.proves(witness);
        }
        witness.saw(Seen::OptedOut { of: self.of.clone(), topic: topic.map(str::to_owned) });
    }
}

/// What happens beside a call, as it will.
pub(super) fn meanwhile(town: &Town, deed: Deed) -> Meanwhile {
    let (suite, witness, door) = (town.suite.clone(), Arc::clone(&town.witness), town.door);
    let (person, of) = (town.someone(), town.partition(town.someone()));
    match deed {
        Deed::Tick => Box::pin(async move { drop(suite.tick("notify").await) }),
        Deed::OptOut => Box::pin(async move {
            let lead = LeadId::parse(of.trim_start_matches("lead#")).unwrap();
            let (number, key) = suite.own().keys.signing().unwrap();
            let message = MessageId::derive(&["an older letter"]);
            let token = OfLetter { lead, message: message.clone() }.token(Purpose::Unsubscribe, number, key.bytes());
            let url = format!("{}/unsubscribe/{token}", suite.options().collector_url);
            let errand = Errand { at: suite.now(), tries: 0, what: What::OneClick, url, of, message: message.to_string() };
            errand.done(&suite, &witness, door).await;
        }),
        Deed::Suppress => Box::pin(async move {
            let hash = suite.own().keys.address_hash(&address(person));
            let item = json!({ "pk": { "S": format!("address#{hash}") }, "sk": { "S": "suppressed" },
                "why": { "S": "erasure" }, "at": { "S": suite.now().to_string() } });
            let put = json!({ "TableName": "Leads", "Item": item });
            assert_eq!(suite.dynamo().call("PutItem", put).status, 200);
            witness.saw(Seen::Suppressed { address: format!("address#{hash}") });
        }),
    }
}

/// Where a mail program posts that its reader wants no more.
fn unsubscribe_url(mail: &Mail) -> Option<String> {
    let (_, value) = mail.headers.iter().find(|(name, _)| name == "List-Unsubscribe")?;
    let urls = value.split(',').filter_map(|url| url.trim().strip_prefix('<')?.strip_suffix('>'));
    urls.filter(|url| url.starts_with("http")).map(str::to_owned).next()
}

/// The first link in a mail's text under this path of michi's.
fn link_to(mail: &Mail, path: &str) -> Option<String> {
    let words = mail.text.as_deref()?.split(|c: char| c.is_whitespace() || "<>()[]\"".contains(c));
    words.filter(|word| word.starts_with("http") && word.contains(path)).map(str::to_owned).next()
}
