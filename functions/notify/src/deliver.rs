//! One message: load, ask the gate, claim, send, and keep the outcome.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use michi::activity::LogOwner;
use michi::id::{AttemptId, LeadId};
use michi::io::mailer::{Mail, Outcome};
use michi::io::store::{DueKey, Found};
use michi::io::{App, Error, Mailer, Retry, Versioned};
use michi::mail::gate::{Deferral, Refusal};
use michi::mail::mailing::Mailing;
use michi::mail::message::{Event, Message, Recipient, State};
use michi::playbook::Language;
use michi::playbook::mail::{From, Parts, Version};
use tokio::sync::OnceCell;

use crate::allowance::Allowance;

/// How often a message is looked at anew when somebody else was faster.
const REREADS: usize = 4;
/// Pauses before a write is tried again whose answer decides whether a mail goes out twice.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(500), Duration::from_millis(1500)];
/// How long a message rests that something is wrong with that a person must mend.
const TROUBLE: SignedDuration = SignedDuration::from_mins(15);
/// How long before a message was owed its log is looked through for a sign of it: clocks may differ by minutes.
const SKEW: SignedDuration = SignedDuration::from_mins(10);
/// How long a marketing mail rests while such mail has stopped: then somebody may have let it go on.
const STOPPED: SignedDuration = SignedDuration::from_hours(1);

/// What a mail says, in its reader's language.
pub(crate) struct Words {
    pub(crate) language: Language,
    pub(crate) version: Version,
    pub(crate) parts: Arc<Parts>,
    /// In whose name it comes.
    pub(crate) sender: From,
}

/// What a claim checks beside the message.
pub(crate) enum Claim<'c> {
    /// Mail to an owner at the address of this keyed hash.
    Owner { address: &'c str },
    /// Mail to a lead: its mailing item as it was read and with this mail counted, and the address's keyed hash.
    Lead { mailing: &'c Mailing, counted: &'c Mailing, address: &'c str },
}

/// Takes messages to SES, within its allowance.
pub(crate) struct Courier<'a> {
    pub(crate) app: &'a App,
    mailer: &'a Mailer,
    pub(crate) allowance: Allowance,
    stopped: OnceCell<bool>,
}

impl<'a> Courier<'a> {
    pub(crate) fn new(app: &'a App, mailer: &'a Mailer, allowance: Allowance) -> Self {
        Self { app, mailer, allowance, stopped: OnceCell::new() }
    }

    /// Brings the message under a key as far as it goes now. If it is not due, it is left alone.
    pub(crate) async fn deliver(&self, key: &DueKey) -> Result<(), Error> {
        for _ in 0..REREADS {
            let done = match self.app.store.message(key).await? {
                Found::Nothing => Ok(()),
                Found::One(message) => self.forward(key, &message).await,
                Found::Poison { payload, reason } => {
                    tracing::error!(item.key = key.sk, "{reason} and is in quarantine");
                    self.app.store.set_aside(key, &payload, &reason, self.app.clock.now()).await
                }
            };
            match done {
                Err(error) if error.retry == Retry::Reread => {}
                done => return done,
            }
        }
        Err(Error::later("somebody else was faster each time"))
    }

    /// Moves a message that could not be sent out of the way of the others.
    pub(crate) async fn put_off(&self, key: &DueKey) {
        let now = self.app.clock.now();
        let Ok(Found::One(message)) = self.app.store.message(key).await else { return };
        let until = now.saturating_add(TROUBLE).unwrap_or(now);
        let moved = match message.after(Event::Deferred { until, why: Deferral::Trouble }, now) {
            Ok(deferred) => self.app.store.move_message(&message, &deferred).await,
            Err(_) => return,
        };
        if let Err(error) = moved {
            tracing::error!(%error, message.id = %message.id, "a message could neither be sent nor put off");
        }
    }

    /// The next step of a message, by where it stands.
    async fn forward(&self, key: &DueKey, message: &Message) -> Result<(), Error> {
        let now = self.app.clock.now();
        match &message.state {
            State::Pending { due } | State::Unknown { until: due, .. } if *due <= now => self.attempt(key, message).await,
            State::Claimed { lease, .. } if *lease <= now => self.step(message, Event::LeaseEnded).await,
            State::Pending { .. }
            | State::Unknown { .. }
            | State::Claimed { .. }
            | State::Sent { .. }
            | State::Failed
            | State::Expired
            | State::Held => Ok(()),
        }
    }

    /// Looks for a sign of an earlier try, asks the gate, and does as it says.
    async fn attempt(&self, key: &DueKey, message: &Message) -> Result<(), Error> {
        if message.has_been_tried()
            && let Some(event) = self.sign(message).await?
        {
            return self.step(message, event).await;
        }
        let live = self.app.playbook().await?;
        match &message.to {
            Recipient::Owner(owner) => self.to_owner(key, message, owner, &live).await,
            Recipient::Lead(lead) => self.to_lead(key, message, lead, &live).await,
        }
    }

    /// What the log says of a message that was tried before: any sign of it shows that it was sent.
    async fn sign(&self, message: &Message) -> Result<Option<Event>, Error> {
        let Some(lead) = &message.lead else { return Ok(None) };
        let since = message.created.saturating_sub(SKEW).unwrap_or(message.created);
        let records = self.app.store.log_since(&LogOwner::Lead(lead.clone()), since).await?;
        let report = message.sign_in(records.iter().flat_map(|record| &record.activities));
        Ok(report.map(|report| Event::Reported { report, attempt: None, ses: None }))
    }

    /// Until when marketing mail rests if it has stopped; none: it goes out. Asked once in a run.
    pub(crate) async fn stopped_until(&self) -> Result<Option<Timestamp>, Error> {
        let look = || async { self.app.store.watch().await.map(|watch| watch.stopped.is_some()) };
        let stopped = *self.stopped.get_or_try_init(look).await?;
        let now = self.app.clock.now();
        Ok(stopped.then(|| now.saturating_add(STOPPED).unwrap_or(now)))
    }

    /// Moves a message by one event.
    pub(crate) async fn step(&self, message: &Message, event: Event) -> Result<(), Error> {
        let after = after(message, event, self.app)?;
        self.write(message, &after).await?;
        tell(&after);
        Ok(())
    }

    /// Writes down how a message has moved; if it is sent, the log of its lead learns it too.
    async fn write(&self, before: &Message, after: &Message) -> Result<(), Error> {
        match after.sent_record() {
            Some((lead, record)) => self.app.store.finish_message(before, after, lead, &record).await,
            None => self.app.store.move_message(before, after).await,
        }
    }

    /// What a mail says by a version of the playbook; none: that version has no such mail.
    pub(crate) async fn words(&self, by: &Versioned, message: &Message) -> Result<Option<Words>, Error> {
        let Some(mail) = by.playbook.mail(&message.mail()) else { return Ok(None) };
        let Some((language, version)) = mail.version(message.language) else { return Ok(None) };
        let parts = self.app.mail_parts(&by.version, &version.body).await?;
        Ok(Some(Words { language, version: version.clone(), parts, sender: mail.sender }))
    }

    /// Holds a message whose mail is not there.
    pub(crate) async fn without_words(&self, message: &Message) -> Result<(), Error> {
        self.step(message, Event::Refused { why: Refusal::NoSuchMail }).await
    }

    /// Claims the message. A claim whose answer was lost looks refused when it is repeated: the attempt's own id in what is
    /// read then says that it is ours.
    pub(crate) async fn claim(&self, key: &DueKey, message: &Message, claim: Claim<'_>) -> Result<(Message, AttemptId), Error> {
        let attempt = self.app.random.attempt();
        let claimed = after(message, Event::Claimed { attempt: attempt.clone() }, self.app)?;
        let store = &self.app.store;
        for pause in PAUSES {
            let done = match claim {
                Claim::Owner { address } => store.claim(message, &claimed, address).await,
                Claim::Lead { mailing, counted, address } => {
                    store.claim_letter(message, &claimed, mailing, counted, address).await
                }
            };
            let Err(error) = done else { return Ok((claimed, attempt)) };
            if error.retry == Retry::Never {
                return Err(error);
            }
            tracing::warn!(%error, message.id = %message.id, "a claim was not answered with yes");
            match store.message(key).await {
                Ok(Found::One(stored)) if stored.state == claimed.state => return Ok((claimed, attempt)),
                Ok(Found::One(stored)) if stored.revision == message.revision && error.retry == Retry::Later => {}
                Ok(_) => return Err(Error::reread("the message has moved on")),
                Err(error) => tracing::warn!(%error, message.id = %message.id, "a message cannot be read again"),
            }
            tokio::time::sleep(pause).await;
        }
        Err(Error::later("a message cannot be claimed"))
    }

    /// Hands a mail to SES, once, and keeps what comes of it.
    pub(crate) async fn send(&self, key: &DueKey, claimed: Message, attempt: AttemptId, mail: Result<Mail<'_>, String>) {
        let event = match mail {
            Err(why) => Event::Never { attempt, why },
            Ok(mail) => match self.mailer.send(&mail).await {
                Outcome::Sent { ses } => Event::Accepted { attempt, ses },
                Outcome::NotNow { why } => Event::NotNow { attempt, why },
                Outcome::Never { why } => Event::Never { attempt, why },
                Outcome::Unknown { why } => Event::NoAnswer { attempt, why },
            },
        };
        self.keep(key, claimed, event).await;
    }

    /// Keeps what came of a try: without it the mail would go out once more. So it is tried hard, and what is in the way
    /// is read again each time.
    async fn keep(&self, key: &DueKey, claimed: Message, event: Event) {
        let mut current = claimed;
        for pause in PAUSES {
            let Ok(next) = current.after(event.clone(), self.app.clock.now()) else {
                let known = current.history.iter().any(|entry| entry.event == event || is_report(&entry.event));
                if !known {
                    tracing::error!(message.id = %current.id, "a message moved on before its outcome was kept");
                }
                return;
            };
            let Err(error) = self.write(&current, &next).await else { return tell(&next) };
            tracing::warn!(%error, message.id = %current.id, "an outcome cannot be kept yet");
            tokio::time::sleep(pause).await;
            match self.app.store.message(key).await {
                Ok(Found::One(stored)) => current = stored,
                // Erased meanwhile.
                Ok(_) => return,
                Err(error) => tracing::warn!(%error, message.id = %current.id, "a message cannot be read again"),
            }
        }
        tracing::error!(message.id = %current.id, "an outcome is lost; when its lease ends, the message counts as unanswered");
    }
}

/// SES's own event may be faster than its answer is kept.
fn is_report(event: &Event) -> bool {
    matches!(event, Event::Reported { .. } | Event::Rejected { .. })
}

/// The message after an event; if it has no place there any more, the message must be read again.
fn after(message: &Message, event: Event, app: &App) -> Result<Message, Error> {
    message.after(event, app.clock.now()).map_err(|moved| Error::reread(moved.to_string()))
}

/// Says in the log what became of a message.
fn tell(message: &Message) {
    let (id, lead) = (&message.id, message.lead.as_ref().map(LeadId::as_str));
    // What the gate refuses to a lead is right so, and stands in the message.
    let refused = matches!(why(message), Some(Event::Refused { .. })) && matches!(message.to, Recipient::Lead(_));
    match &message.state {
        State::Sent { .. } => tracing::info!(message.id = %id, lead.id = lead, "a message is sent"),
        State::Pending { due } => tracing::info!(message.id = %id, message.due = %due, "a message is put off"),
        State::Claimed { .. } => {}
        State::Unknown { until, .. } => {
            tracing::warn!(message.id = %id, message.due = %until, "a message may have been sent; its proof is awaited");
        }
        State::Expired => tracing::info!(message.id = %id, lead.id = lead, "a message is not sent any more"),
        State::Failed if refused => tracing::info!(message.id = %id, lead.id = lead, "a lead may not be written to"),
        State::Failed => tracing::error!(message.id = %id, lead.id = lead, message.why = ?why(message), "a message has failed"),
        State::Held => tracing::error!(message.id = %id, lead.id = lead, message.why = ?why(message), "a message is held"),
    }
}

/// The last event, whose reasons hold no address.
fn why(message: &Message) -> Option<&Event> {
    message.history.last().map(|entry| &entry.event)
}
