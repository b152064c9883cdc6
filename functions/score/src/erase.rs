//! A person who is to be erased is marked, and the mark is due like a review until everything is gone, and once more ten
//! minutes later: what raced past the mark is deleted then, and the mark with it.

use std::collections::BTreeSet;

use michi::id::OwnerId;
use michi::io::store::LeadItem;
use michi::io::{App, Error};

/// Deletes what there is of a marked lead, if it is time.
pub(crate) async fn go_on(app: &App, mark: &LeadItem) -> Result<(), Error> {
    let now = app.clock.now();
    if mark.next_review.is_none_or(|due| due > now) {
        return Ok(());
    }
    let live = app.playbook().await?;
    let owners: BTreeSet<OwnerId> = live.playbook.setup.owners.iter().map(|owner| owner.id.clone()).collect();
    app.store.erase(mark, &owners, |address| app.keys.address_hash(address), now).await?;
    if app.store.end_erasure(mark, now).await? {
        tracing::info!(lead.id = %mark.lead, "a lead is erased");
    }
    Ok(())
}
