//! Taking what was understood: into which log each record goes, and what shall come of it.

use std::collections::{BTreeSet, HashMap};

use futures::future::join_all;
use jiff::tz::TimeZone;
use michi::activity::{LogOwner, Record, Retention, Source};
use michi::id::{LeadId, VisitorId};
use michi::io::store::Mark;
use michi::io::{App, Error};
use michi::verdict::Verdict;

use crate::guard::{self, Guard, PER_VISITOR};
use crate::pack::{Packed, pack};
use crate::parse::{Message, identifies, time};

/// Reads under way at once.
const AT_ONCE: usize = 25;

/// Whose log a known visitor's records go into.
enum Known {
    Lead(LeadId),
    /// Its person is being erased: nothing is kept.
    Erased,
}

/// What became of a request's messages.
pub(crate) struct Taken {
    /// All of their visitors are leads.
    pub(crate) known: bool,
    /// Messages that went beyond what a visitor may leave in a day, by place.
    pub(crate) beyond: BTreeSet<usize>,
}

/// Writes all messages down. When this returns, they are kept for good, what looks like spam in quarantine.
///
/// # Errors
/// If any of them is not known to be kept; a repeat is harmless.
pub(crate) async fn take(guard: Guard<'_>, messages: &[Message]) -> Result<Taken, Error> {
    let Guard { app, received, .. } = guard;
    let packed = pack(messages, received);
    let visitors: BTreeSet<VisitorId> = packed.iter().map(|packed| packed.visitor.clone()).collect();
    let known = leads(app, visitors.iter().collect()).await?;
    let mut beyond = BTreeSet::new();
    let mut records = Vec::new();
    for Packed { visitor, record, messages } in packed {
        let lead = match known.get(&visitor) {
            Some(Known::Erased) => continue,
            Some(Known::Lead(lead)) => Some(lead),
            None => None,
        };
        if let Some(why) = guard.suspects(&visitor, &record, lead.is_some()).await? {
            guard.put_aside(visitor, record, why).await?;
            continue;
        }
        let mark = mark(&record, lead.is_some());
        let counted = guard::looks_at(&record, lead.is_some());
        if mark == Mark::Guaranteed && !counted && !within_daily_limit(app, &visitor, &record).await? {
            beyond.extend(messages);
            continue;
        }
        let owner = lead.map_or_else(|| LogOwner::Visitor(visitor.clone()), |lead| LogOwner::Lead(lead.clone()));
        records.push((owner, record, mark));
    }
    app.store.append_all(records).await?;
    Ok(Taken { known: known.len() == visitors.len(), beyond })
}

/// The leads of those visitors that are known. A link that is a moment old may not be seen yet: what lands in the
/// visitor's log then is fetched by `score`.
async fn leads(app: &App, visitors: Vec<&VisitorId>) -> Result<HashMap<VisitorId, Known>, Error> {
    let mut known = HashMap::new();
    for some in visitors.chunks(AT_ONCE) {
        for found in join_all(some.iter().map(|visitor| app.store.visitor(visitor))).await {
            known.extend(found?.map(|item| (item.visitor, if item.erased { Known::Erased } else { Known::Lead(item.lead) })));
        }
    }
    Ok(known)
}

/// What shall come of a record.
fn mark(record: &Record, known: bool) -> Mark {
    let late = record.activities.iter().all(|activity| record.received.duration_since(activity.at) > time::LATE);
    let by_machine = record.source == Source::Site && record.signals.verdict() == Verdict::Machine;
    let names_somebody = record.activities.iter().any(|activity| identifies(&activity.kind));
    match record.retention() {
        _ if late => Mark::Quiet,
        Retention::Passing if known && !by_machine => Mark::Hint,
        Retention::Lasting if known || names_somebody => Mark::Guaranteed,
        Retention::Passing | Retention::Lasting => Mark::Quiet,
    }
}

/// Who knows a visitor's id may write to its log. What costs work and stays for good is limited, so that a thief, or a
/// page that runs wild, does not get far; page views are bounded by what a day's worth of them can score.
async fn within_daily_limit(app: &App, visitor: &VisitorId, record: &Record) -> Result<bool, Error> {
    if record.source != Source::Site {
        return Ok(true);
    }
    let names_somebody = record.activities.iter().any(|activity| identifies(&activity.kind));
    let (kind, at_most) = if names_somebody { ("identify", PER_VISITOR) } else { ("event", 500) };
    let day = record.received.to_zoned(TimeZone::UTC).date();
    app.store.count(kind, visitor.as_str(), day, at_most).await
}

#[cfg(test)]
mod tests {
    use michi::id::ActivityId;
    use michi::io::KeyRing;
    use michi::verdict::Signals;
    use serde_json::{Value, json};

    use super::*;
    use crate::parse::Sender;

    fn check(message: Value, known: bool, wanted: Mark) {
        let keys = KeyRing::generate("test");
        let received = "2026-11-22T10:00:00Z".parse().unwrap();
        let sender = Sender { received, sent_at: None, source: Source::Site, signals: Signals::default(), keys: &keys };
        let mut message = message;
        message["anonymousId"] = json!("v-1");
        let read = sender.read(None, &message.to_string()).unwrap();
        let packed = pack(&[read], received);
        assert_eq!(mark(&packed[0].record, known), wanted, "{message} {known}");
        assert_eq!(packed[0].record.id, ActivityId::parse(message["messageId"].as_str().unwrap()).unwrap());
    }

    #[test]
    fn only_what_can_matter_wakes_somebody() {
        let page = || json!({"type": "page", "messageId": "m", "properties": {"url": "/"}});
        let with = |mut message: Value, name: &str, value: Value| {
            message[name] = value;
            message
        };
        check(page(), false, Mark::Quiet);
        check(page(), true, Mark::Hint);
        check(with(page(), "timestamp", json!("2026-10-22T10:00:00Z")), true, Mark::Quiet);
        check(with(page(), "timestamp", json!("2026-10-24T10:00:00Z")), true, Mark::Hint);
        check(with(page(), "context", json!({"userAgent": "curl/8.5.0"})), true, Mark::Quiet);

        let track =
            |event: &str, properties: Value| json!({"type": "track", "messageId": "m", "event": event, "properties": properties});
        check(track("Price Calculated", json!({})), false, Mark::Quiet);
        check(track("Price Calculated", json!({})), true, Mark::Guaranteed);
        let form = |email: &str| track("Form Submitted", json!({"form": "inquiry", "fields": {"email": email}}));
        check(form("ann@example.com"), false, Mark::Guaranteed);
        check(form("nobody"), false, Mark::Quiet);
        check(form("nobody"), true, Mark::Guaranteed);
        check(with(form("ann@example.com"), "timestamp", json!("2026-10-01")), false, Mark::Quiet);

        let identify = |more: Value| with(json!({"type": "identify", "messageId": "m"}), "context", more);
        check(identify(json!({})), false, Mark::Quiet);
        check(identify(json!({"token": "t"})), false, Mark::Guaranteed);
        check(with(identify(json!({})), "userId", json!("ann@example.com")), false, Mark::Guaranteed);
    }
}
