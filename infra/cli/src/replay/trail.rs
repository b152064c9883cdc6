//! What one visitor left in the log: address and user agent together stand for a browser.

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Log, LogOwner, Record, Source};
use michi::id::VisitorId;
use michi::io::KeyRing;
use michi::verdict::{Signals, Verdict};
use serde_json::{Map, Value, json};
use track::pack::pack;
use track::parse::{Sender, Type};

use super::line::Line;

/// After this long without a page another session begins.
const SESSION_GAP: SignedDuration = SignedDuration::from_mins(30);

/// One visitor's requests.
pub(super) struct Trail {
    pub(super) visitor: VisitorId,
    pub(super) address: String,
    pub(super) signals: Signals,
    pub(super) requests: u64,
    /// Images, styles, scripts and fonts among them.
    pub(super) parts: u64,
    pub(super) asked_for_robots_txt: bool,
    /// Pages and downloads, as `track` would have kept them.
    pub(super) records: Vec<Record>,
    downloading: Option<(String, Timestamp)>,
}

impl Trail {
    /// A visitor first seen in a line, whose user agent hints at this.
    pub(super) fn of(line: &Line<'_>, signals: Signals) -> Self {
        Self {
            visitor: VisitorId::derive(&["log", line.address, line.user_agent.unwrap_or_default()]),
            address: line.address.to_owned(),
            signals,
            requests: 0,
            parts: 0,
            asked_for_robots_txt: false,
            records: Vec::new(),
            downloading: None,
        }
    }

    pub(super) fn is_human(&self) -> bool {
        self.signals.verdict() == Verdict::Human
    }

    /// Whether this is one more piece of a download: readers fetch a file in many.
    pub(super) fn goes_on_downloading(&mut self, line: &Line<'_>) -> bool {
        let goes_on = line.status == 206
            && self
                .downloading
                .as_ref()
                .is_some_and(|(target, at)| target == line.target && line.at.duration_since(*at).abs() < SESSION_GAP);
        self.downloading = Some((line.target.to_owned(), line.at));
        goes_on
    }

    /// Keeps what the snippet would have told of a page.
    pub(super) fn saw(&mut self, id: &str, line: &Line<'_>, site: &Site) {
        let (campaign, click_ids) = campaign(line.target);
        let message = json!({
            "properties": { "url": site.address(line.target), "referrer": line.referrer, "page_view": id },
            "context": { "campaign": campaign, "click_ids": click_ids },
        });
        self.keep(Type::Page, id, line, message, site);
    }

    /// Keeps what the snippet would have told of a download.
    pub(super) fn downloaded(&mut self, id: &str, line: &Line<'_>, site: &Site) {
        let message = json!({ "event": "File Downloaded", "properties": { "target": site.address(line.target) } });
        self.keep(Type::Track, id, line, message, site);
    }

    /// Has a message read and packed by `track` itself, at the moment the log names.
    fn keep(&mut self, of_type: Type, id: &str, line: &Line<'_>, message: Value, site: &Site) {
        let Value::Object(mut message) = message else { return };
        let head = [("messageId", id.to_owned()), ("anonymousId", self.visitor.to_string()), ("timestamp", line.at.to_string())];
        message.extend(head.map(|(name, text)| (name.to_owned(), Value::String(text))));
        let sender =
            Sender { received: line.at, sent_at: None, source: Source::Site, signals: self.signals.clone(), keys: &site.keys };
        if let Ok(message) = sender.message(Some(of_type), &message) {
            self.records.extend(pack(&[message], line.at).into_iter().map(|packed| packed.record));
        }
    }

    /// How many sessions the pages make.
    pub(super) fn sessions(&self) -> u64 {
        let mut times: Vec<Timestamp> = self.records.iter().map(|record| record.at).collect();
        times.sort_unstable();
        let gaps = times.windows(2).filter(|pair| matches!(pair, [a, b] if b.duration_since(*a) > SESSION_GAP));
        u64::from(!times.is_empty()) + gaps.count() as u64
    }

    pub(super) fn into_log(self) -> Log {
        Log { owner: LogOwner::Visitor(self.visitor), records: self.records }
    }
}

/// The site whose log it is.
pub(super) struct Site {
    /// Scheme and host; logs name paths only.
    pub(super) origin: String,
    /// Keys of nobody's: a log holds no signatures.
    pub(super) keys: KeyRing,
}

impl Site {
    fn address(&self, target: &str) -> String {
        if target.starts_with('/') { format!("{}{target}", self.origin) } else { target.to_owned() }
    }
}

/// Campaign parameters and click ids in an address, as the snippet sends them.
fn campaign(target: &str) -> (Map<String, Value>, Map<String, Value>) {
    const CLICK_IDS: [&str; 8] = ["gclid", "gbraid", "wbraid", "msclkid", "fbclid", "li_fat_id", "yclid", "ttclid"];
    let (mut campaign, mut click_ids) = (Map::new(), Map::new());
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = form_urlencoded::parse(query.as_bytes());
    for (name, value) in pairs.filter(|(name, _)| name.starts_with("utm_") || CLICK_IDS.contains(&&**name)) {
        let value = Value::String(value.chars().take(200).collect());
        match name.strip_prefix("utm_") {
            Some("campaign") => campaign.insert("name".to_owned(), value),
            Some(rest) => campaign.insert(rest.to_owned(), value),
            None => click_ids.insert(name.into_owned(), value),
        };
    }
    (campaign, click_ids)
}
