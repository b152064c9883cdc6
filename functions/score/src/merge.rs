//! A lead that was merged into another is marked, and the mark is due like a review until all of it is moved, and once more ten
//! minutes later. It stays as a redirect: whatever still arrives for the lead wakes it, and is moved the same way.

use michi::io::store::LeadItem;
use michi::io::{App, Error};

/// Moves what there is of a merged lead to where it is now.
pub(crate) async fn go_on(app: &App, mark: &LeadItem) -> Result<(), Error> {
    let now = app.clock.now();
    let moved = app.store.merge(mark, |address| app.keys.address_hash(address), now).await?;
    if app.store.end_merge(mark, now).await? {
        tracing::info!(lead.id = %mark.lead, lead.records = moved.records, "a lead is merged");
    }
    Ok(())
}
