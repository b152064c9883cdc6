//! What follows from a notice: the message moves forward, the log learns of it, an address or a sender may be stopped.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use michi::activity::{Activity, Bounce, Kind, Record};
use michi::consent::{SuppressedBy, Suppression};
use michi::id::{ActivityId, LeadId, OwnerId};
use michi::io::store::{DueKey, Found, Reported};
use michi::io::{App, Error};
use michi::mail::bounce::Judged;
use michi::mail::mailing::Mailing;
use michi::mail::message::{Event, Message, Report};
use michi::mail::outcome::{Outcome, Watch, Why};
use michi::playbook::mailing::MailRules;
use michi::verdict::mail::WORD_OF_DELIVERY;

use crate::notice::{Notice, What};

/// Takes a notice in, with all that follows.
pub(crate) async fn take(app: &App, notice: &Notice) -> Result<(), Error> {
    let Some(key) = key(notice) else { return Ok(()) };
    let message = match app.store.message(&key).await? {
        Found::One(message) => message,
        Found::Nothing => {
            // Erased, or of another installation that sends with the same configuration set.
            tracing::warn!(message.id = %notice.message, "an event of SES's is about no message that is kept");
            return Ok(());
        }
        Found::Poison { reason, .. } => return Err(Error::never(reason)),
    };
    let now = app.clock.now();
    let live = app.playbook().await?;
    let rules = &live.playbook.setup.mail;
    if let Ok(after) = message.after(event(notice), now) {
        let report = match (&notice.owner, &notice.lead) {
            (Some(owner), _) => of_owner(app, notice, owner, &live.playbook.setup.owners, &message, &after).await?,
            (None, Some(lead)) => of_lead(app, notice, lead, rules, &message, &after, now).await?,
            (None, None) => return Ok(()),
        };
        let counted = report.counted;
        app.store.report(report, now).await?;
        tell(notice);
        if counted.is_some_and(|(_, outcome)| outcome != Outcome::Delivered) {
            watch(app, rules, today(now), now).await?;
        }
    } else if !message.has_been_tried() {
        tracing::warn!(message.id = %message.id, "an event of SES's is about a message that was never sent");
        return Ok(());
    }
    // A repeat looks once more: whoever took the notice first may have ended before this.
    stop_sender(app, notice, now).await
}

/// Where the message is kept.
fn key(notice: &Notice) -> Option<DueKey> {
    Some(match (&notice.owner, &notice.lead) {
        (Some(owner), _) => DueKey::of_mail_to_owner(owner, &notice.message),
        (None, Some(lead)) => DueKey::of_letter(lead, &notice.message),
        (None, None) => return None,
    })
}

/// What the notice is to its message.
fn event(notice: &Notice) -> Event {
    let report = match &notice.what {
        What::Sent => Report::Sent,
        What::Delayed => Report::Delayed,
        What::Delivered => Report::Delivered,
        What::Bounced { judged, .. } => Report::Bounced(judged.bounce),
        What::Complained { .. } => Report::Complained,
        What::Rejected { why } => return Event::Rejected { why: why.clone() },
    };
    Event::Reported { report, attempt: notice.attempt.clone(), ses: Some(notice.ses.clone()) }
}

/// What a report on mail to somebody in sales changes: nothing in the log of the lead it is about, but that it was sent.
async fn of_owner<'r>(
    app: &App,
    notice: &Notice,
    owner: &OwnerId,
    owners: &[michi::playbook::Owner],
    before: &'r Message,
    after: &'r Message,
) -> Result<Reported<'r>, Error> {
    let address = owners.iter().find(|known| known.id == *owner).map(|owner| app.keys.address_hash(&owner.address));
    let why = match &notice.what {
        What::Bounced { judged: Judged { bounce: Bounce::Permanent, .. }, .. } => Some(SuppressedBy::Bounce),
        What::Complained { .. } => Some(SuppressedBy::Complaint),
        _ => None,
    };
    let unreachable = why.zip(address).map(|(why, address)| (owner.clone(), address, Suppression { why, at: notice.at }));
    let appends = became_sent(app, before, after).await?;
    Ok(Reported { before, after, appends, look: false, mailing: None, suppressed: None, unreachable, counted: None })
}

/// What a report on a letter changes.
async fn of_lead<'r>(
    app: &App,
    notice: &Notice,
    lead: &LeadId,
    rules: &MailRules,
    before: &'r Message,
    after: &'r Message,
    now: Timestamp,
) -> Result<Reported<'r>, Error> {
    let mut appends = became_sent(app, before, after).await?;
    let (mut mailing, mut suppressed, mut look) = (None, None, false);
    let counted = match &notice.what {
        What::Delivered => Some(Outcome::Delivered),
        What::Bounced { judged, .. } if judged.counts => Some(Outcome::Bounced),
        What::Complained { known: false } => Some(Outcome::Complained),
        _ => None,
    };
    if let Some(record) = activity(notice, now) {
        let (reader, stored) = reader(app, lead).await?;
        // What a mailbox says of itself is said of the one that the letter went to; what its reader says, of all mail.
        let of_reader = reader == *lead || matches!(notice.what, What::Complained { .. });
        if let Some(stored) = stored.filter(|_| of_reader) {
            let learned = record.activities.iter().fold(stored.clone(), |mailing, activity| learning(&mailing, activity, rules));
            suppressed = newly_suppressed(app, &stored, &learned);
            mailing = (learned.permissions != stored.permissions).then(|| (reader.clone(), stored, learned));
        }
        // What SES tells late may change what a click in the mail was taken for.
        look = mailing.is_some() || now.duration_since(notice.at) >= WORD_OF_DELIVERY;
        appends.push((reader, record));
    }
    let counted = counted.map(|outcome| (today(now), outcome));
    Ok(Reported { before, after, appends, look, mailing, suppressed, unreachable: None, counted })
}

/// Who reads the mail to a lead: the lead itself, unless it was merged into another.
async fn reader(app: &App, lead: &LeadId) -> Result<(LeadId, Option<Mailing>), Error> {
    if let Some(mailing) = app.store.mailing(lead).await? {
        return Ok((lead.clone(), Some(mailing)));
    }
    let home = app.store.home(lead).await?;
    let mailing = if home == *lead { None } else { app.store.mailing(&home).await? };
    Ok((home, mailing))
}

fn learning(mailing: &Mailing, activity: &Activity, rules: &MailRules) -> Mailing {
    mailing.learning(activity, &rules.bounces)
}

/// The address to which nothing may be sent any more, if that was learned just now.
fn newly_suppressed(app: &App, before: &Mailing, after: &Mailing) -> Option<(String, Suppression)> {
    let suppression = after.permissions.suppressed.filter(|_| before.permissions.suppressed.is_none())?;
    Some((app.keys.address_hash(&after.address), suppression))
}

/// What the log keeps once a message turns out to have been sent.
async fn became_sent(app: &App, before: &Message, after: &Message) -> Result<Vec<(LeadId, Record)>, Error> {
    match after.sent_record().filter(|_| before.sent_record().is_none()) {
        Some((lead, record)) => Ok(vec![(app.store.home(lead).await?, record)]),
        None => Ok(vec![]),
    }
}

/// What the lead's log keeps of the notice. Its id comes from message and kind: each counts once.
fn activity(notice: &Notice, now: Timestamp) -> Option<Record> {
    let message = notice.message.clone();
    let (name, kind) = match &notice.what {
        What::Delivered => ("mail delivered", Kind::MailDelivered { message }),
        What::Bounced { judged, why } => {
            let name = match judged.bounce {
                Bounce::Permanent => "mail bounced for good",
                Bounce::Transient => "mail bounced for now",
                Bounce::Blocked => "mail blocked",
                Bounce::Undetermined => "mail bounced",
            };
            (name, Kind::MailBounced { message, bounce: judged.bounce, why: why.clone() })
        }
        What::Complained { .. } => ("mail complained", Kind::MailComplained { message }),
        What::Sent | What::Delayed | What::Rejected { .. } => return None,
    };
    Some(Record::decision(ActivityId::derive(&[name, notice.message.as_str()]), notice.at.min(now), kind))
}

/// Stops marketing mail if too much of it came back.
async fn watch(app: &App, rules: &MailRules, today: Date, now: Timestamp) -> Result<(), Error> {
    let (before, days) = (app.store.watch().await?, app.store.outcomes(today).await?);
    match before.after_counting(&days, &rules.pause, today, now) {
        Some(after) => stop(app, &before, &after).await,
        None => Ok(()),
    }
}

/// Stops marketing mail if mail servers refuse the sender: every further mail would come back, too.
async fn stop_sender(app: &App, notice: &Notice, now: Timestamp) -> Result<(), Error> {
    let What::Bounced { judged: Judged { fault: Some(fault), .. }, .. } = &notice.what else { return Ok(()) };
    let before = app.store.watch().await?;
    // What came back before a person let mail go on is no news.
    if before.lifted.is_some_and(|lifted| notice.at <= lifted) {
        return Ok(());
    }
    match before.stopping(Why::Sender(*fault), now) {
        Some(after) => stop(app, &before, &after).await,
        None => Ok(()),
    }
}

async fn stop(app: &App, before: &Watch, after: &Watch) -> Result<(), Error> {
    app.store.set_watch(before, after).await?;
    if let Some(stopped) = after.stopped {
        tracing::error!(mail.why = ?stopped.why, "marketing mail is stopped: michi doctor says what to do");
    }
    Ok(())
}

/// Says in the log what somebody should know.
fn tell(notice: &Notice) {
    let id = &notice.message;
    match (&notice.owner, &notice.what) {
        (Some(owner), What::Complained { .. } | What::Bounced { .. }) => {
            tracing::error!(message.id = %id, owner.id = %owner, "mail to sales comes back: michi doctor says what to do");
        }
        (_, What::Rejected { why }) => tracing::error!(message.id = %id, mail.why = why, "SES would not send a mail"),
        (_, What::Delayed) => tracing::info!(message.id = %id, "a mail server takes its time"),
        (_, What::Bounced { .. }) => tracing::info!(message.id = %id, "a mail came back"),
        (_, What::Complained { .. }) => tracing::info!(message.id = %id, "a mail was called spam"),
        (_, What::Sent | What::Delivered) => {}
    }
}

/// Today in the time zone in which mail is counted.
fn today(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}
