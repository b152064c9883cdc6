//! Quarantine: payloads that could not be read, kept aside so that they hold up nothing; and forms that look like spam,
//! kept aside so that they make no lead.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::Error;
use super::failure::failed;
use super::{CAPACITY, Mark, Store, keys};
use crate::activity::{LogOwner, Record};
use crate::id::{VisitorId, derive};

#[derive(Serialize)]
struct Poison<'a> {
    payload: &'a str,
    reason: &'a str,
    at: String,
}

/// A form that looks like spam, or whatever else said whose a browser is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The browser that sent it.
    pub visitor: VisitorId,
    /// What it sent, as it would have been appended.
    pub form: Record,
}

/// How long poison is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Store {
    /// Puts a payload aside for thirty days. `id` comes from its cause, so that a repeat is the same poison.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub async fn quarantine(&self, id: &str, payload: &str, reason: &str, now: Timestamp) -> Result<(), Error> {
        let day = now.to_zoned(TimeZone::UTC).date();
        let poison = Poison { payload, reason, at: keys::instant(now) };
        let mut item = keys::item(keys::quarantine(day), id, &poison)?;
        item.insert(keys::TTL.to_owned(), keys::ttl(now.saturating_add(KEPT).unwrap_or(now)));
        let put = self.client.put_item().table_name(&*self.leads).set_item(Some(item));
        put.return_consumed_capacity(CAPACITY).send().await.map_err(failed("poison cannot be kept"))?;
        Ok(())
    }

    /// Puts a form aside that looks like spam.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub async fn suspect(&self, suspect: &Suspect, why: &str, now: Timestamp) -> Result<(), Error> {
        let payload =
            serde_json::to_string(suspect).map_err(|error| Error::never(format!("a form cannot be put aside: {error}")))?;
        // Whoever knows the id of somebody's message does not know the browser, and so takes nobody's place.
        let id = derive(&["suspect", suspect.visitor.as_str(), suspect.form.id.as_str()]);
        self.quarantine(&id, &payload, why, now).await
    }

    /// Lets a form in that looked like spam, as if it came now: into the log of the lead whose browser sent it, if that is
    /// known, else into the browser's own. A repeat changes nothing.
    ///
    /// # Errors
    /// If it is not known to be kept.
    pub async fn admit(&self, suspect: &Suspect) -> Result<(), Error> {
        let known = self.visitor_consistent(&suspect.visitor).await?;
        let owner = known.map_or_else(|| LogOwner::Visitor(suspect.visitor.clone()), |known| LogOwner::Lead(known.lead));
        self.append(&owner, &suspect.form, Mark::Guaranteed).await
    }
}
