//! Scenarios: which of them a look at a lead lets it into, and in which it goes on at once because of what the look found.

use jiff::Timestamp;
use michi::activity::{Kind, Log};
use michi::fold::Folded;
use michi::id::{ActivityId, LeadId};
use michi::io::store::LeadItem;
use michi::io::{App, Error, Versioned};
use michi::scenario::{
    Bound, Enrollment, Entering, Inside, Newest, News, Seen, advance, bound, entering, inside, next_entry, runs,
};

/// What a look finds out about scenarios.
#[derive(Default)]
pub(crate) struct Ways {
    /// Those that the lead enters.
    pub(crate) entering: Vec<Entering>,
    /// Open enrollments that would go on before they are due.
    pub(crate) hastened: Vec<Enrollment>,
    /// Those in whose state the lead is.
    pub(crate) inside: Inside,
    /// When a date lets the lead in next.
    pub(crate) next_entry: Option<Timestamp>,
}

/// Looks at a log that is complete, with all decisions of this look in it. Enrollments are read only if the log tells of any
/// that are open.
pub(crate) async fn ways(
    app: &App,
    live: &Versioned,
    id: &LeadId,
    log: &Log,
    before: Option<&LeadItem>,
    news: &[ActivityId],
    now: Timestamp,
) -> Result<Ways, Error> {
    let mut activities = log.records.iter().flat_map(|record| &record.activities);
    if live.playbook.scenarios.is_empty() && !activities.any(|one| matches!(one.kind, Kind::Enrolled { .. })) {
        return Ok(Ways::default());
    }
    let (playbook, version) = (&*live.playbook, &live.version);
    let folded = Folded::of(playbook, log, now);
    let known = before.filter(|before| before.playbook != live.version).map(|_| without_news(log, news, live.since));
    let earlier = known.as_ref().map(|known| Folded::of(playbook, known, now));
    let nowhere = Inside::new();
    let was_inside = before.map_or(&nowhere, |before| &before.inside);
    let news = News { records: news, inside: was_inside, before: earlier.as_ref() };
    let mut ways = Ways {
        entering: entering(playbook, version, id, &folded, news, now),
        hastened: vec![],
        inside: inside(playbook, &folded),
        next_entry: next_entry(playbook, &folded.lead, now),
    };
    if runs(&folded).iter().any(|run| run.left.is_none()) {
        for enrollment in app.store.enrollments_of(id).await? {
            // One that failed rests first.
            if enrollment.due > now && enrollment.tries == 0 && goes_on(app, live, &folded, log, &enrollment, now).await? {
                ways.hastened.push(enrollment);
            }
        }
    }
    Ok(ways)
}

/// What was known before the news: what was taken since the playbook went live is news, whoever has looked at it meanwhile.
fn without_news(log: &Log, news: &[ActivityId], since: Timestamp) -> Log {
    let known = log.records.iter().filter(|record| record.received < since && !news.contains(&record.id));
    Log { owner: log.owner.clone(), records: known.cloned().collect() }
}

/// Whether an enrollment would go on now, or sooner than it is due.
async fn goes_on(
    app: &App,
    live: &Versioned,
    folded: &Folded<'_>,
    log: &Log,
    enrollment: &Enrollment,
    now: Timestamp,
) -> Result<bool, Error> {
    match bound(&live.playbook, enrollment) {
        Bound::Gone => Ok(true),
        Bound::Live(_) => Ok(would_go_on(live, folded, enrollment, now)),
        Bound::Pinned => {
            let pinned = app.playbook_of(&enrollment.playbook).await?;
            Ok(would_go_on(&pinned, &Folded::of(&pinned.playbook, log, now), enrollment, now))
        }
    }
}

fn would_go_on(by: &Versioned, folded: &Folded<'_>, enrollment: &Enrollment, now: Timestamp) -> bool {
    let Some(scenario) = by.playbook.scenarios.get(&enrollment.scenario) else { return true };
    // A mail that the log does not know as sent may be pending: whoever waits for it looks every hour.
    let seen = Seen { folded, playbook: &by.playbook, version: &by.version, newest: Newest::Pending, now };
    advance(scenario, enrollment, &seen).is_some_and(|advance| {
        let sooner = advance.after.as_ref().is_none_or(|after| after.due < enrollment.due);
        sooner || !advance.passed.is_empty()
    })
}
