//! What keeps spam from becoming leads: a form that looks like it is put into quarantine, and its sender is told nothing.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use michi::activity::{FormSubmission, Kind, Proof, Record, Source};
use michi::address::Address;
use michi::id::VisitorId;
use michi::io::store::Suspect;
use michi::io::{App, Error};
use michi::playbook::Playbook;
use michi::playbook::spam::{SpamRules, Suspicion};

/// The most that one browser may say of whose it is in a day.
pub(crate) const PER_VISITOR: u32 = 50;

/// What is known of a request beside its messages.
#[derive(Clone, Copy)]
pub(crate) struct Guard<'a> {
    pub(crate) app: &'a App,
    pub(crate) playbook: &'a Playbook,
    /// The network address it came from, if that is known. It is never kept.
    pub(crate) from: Option<IpAddr>,
    pub(crate) received: Timestamp,
}

/// What of a record the guard looks at.
struct Claim<'a> {
    address: &'a Address,
    form: Option<&'a FormSubmission>,
}

impl Guard<'_> {
    /// Why a record looks like spam; none: it does not, or could make no lead. What a server says by its secret key, or the
    /// site has signed, is believed; and a browser whose lead is known may say again who it is.
    ///
    /// # Errors
    /// If it cannot be counted.
    pub(crate) async fn suspects(&self, visitor: &VisitorId, record: &Record, known: bool) -> Result<Option<Suspicion>, Error> {
        let Some(claim) = claim(record, known) else { return Ok(None) };
        let rules = &self.playbook.setup.spam;
        match rules.suspects(claim.form, &record.signals) {
            None => self.counted(rules, visitor, &claim).await,
            suspicion => Ok(suspicion),
        }
    }

    /// Counts the record against every limit; answers the first that is reached.
    async fn counted(&self, rules: &SpamRules, visitor: &VisitorId, claim: &Claim<'_>) -> Result<Option<Suspicion>, Error> {
        let Self { app, from, received, .. } = self;
        let day = received.to_zoned(TimeZone::UTC).date();
        let address = app.keys.address_hash(claim.address);
        let network = from.map(|from| app.keys.network_hash(from, day));
        let (visitor, address, network, form) = futures::join!(
            within(app, "identify", Some(visitor.as_str()), day, PER_VISITOR),
            within(app, "form-address", Some(&address), day, rules.per_address),
            within(app, "form-network", network.as_deref(), day, rules.per_network),
            within(app, "form", claim.form.map(|form| form.form.as_str()), day, rules.per_form),
        );
        let limits = [
            (visitor?, Suspicion::Visitor),
            (address?, Suspicion::Address),
            (network?, Suspicion::Network),
            (form?, Suspicion::Form),
        ];
        Ok(limits.into_iter().find(|(within, _)| !within).map(|(_, suspicion)| suspicion))
    }

    /// Puts a record into quarantine, without what the traps caught.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub(crate) async fn put_aside(&self, visitor: VisitorId, mut record: Record, why: Suspicion) -> Result<(), Error> {
        for activity in &mut record.activities {
            if let Kind::FormSubmitted(form) = &mut activity.kind {
                form.fields.retain(|name, _| !self.playbook.setup.spam.traps.contains(name));
            }
        }
        tracing::info!(record.id = %record.id, reason = why.words(), "a form looks like spam and is in quarantine");
        self.app.store.suspect(&Suspect { visitor, form: record }, why.words(), self.received).await
    }
}

/// Whether the guard looks at a record, and counts it.
pub(crate) fn looks_at(record: &Record, known: bool) -> bool {
    claim(record, known).is_some()
}

/// Whom a record names on a browser's word alone.
fn claim(record: &Record, known: bool) -> Option<Claim<'_>> {
    if record.source != Source::Site {
        return None;
    }
    record.activities.iter().find_map(|activity| match &activity.kind {
        Kind::FormSubmitted(form) => form.address.as_ref().map(|address| Claim { address, form: Some(form) }),
        Kind::Identified { address: Some(address), proof: Proof::Claimed, token: None, .. } if !known => {
            Some(Claim { address, form: None })
        }
        _ => None,
    })
}

async fn within(app: &App, kind: &str, whose: Option<&str>, day: Date, at_most: u32) -> Result<bool, Error> {
    match whose {
        Some(whose) => app.store.count(kind, whose, day, at_most).await,
        None => Ok(true),
    }
}
