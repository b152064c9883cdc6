//! One message: load, ask the gate, claim, compose, send, and keep the outcome.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use michi::activity::{Kind, Record};
use michi::id::{ActivityId, AttemptId, LeadId};
use michi::io::mailer::{Mail, Outcome, Tags};
use michi::io::store::{DueKey, Found};
use michi::io::{App, Error, Mailer, Retry, Versioned};
use michi::link::View;
use michi::mail::compose::{self, Composed};
use michi::mail::gate::{self, Deferral, ForOwner, Passage};
use michi::mail::header::mailbox;
use michi::mail::message::{Content, Event, Message, Recipient, State};
use michi::playbook::mail::{Parts, Version};
use michi::playbook::{Language, Owner, Setup};

use crate::allowance::Allowance;

/// How often a message is looked at anew when somebody else was faster.
const REREADS: usize = 4;
/// Pauses before a write is tried again whose answer decides whether a mail goes out twice.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(20), Duration::from_millis(100), Duration::from_millis(500), Duration::from_millis(1500)];
/// How long a message rests that something is wrong with that a person must mend.
const TROUBLE: SignedDuration = SignedDuration::from_mins(15);

/// What a mail says.
struct Words {
    language: Language,
    version: Version,
    parts: Arc<Parts>,
}

/// Takes messages to SES, within its allowance.
pub(crate) struct Courier<'a> {
    app: &'a App,
    mailer: &'a Mailer,
    allowance: Allowance,
}

impl<'a> Courier<'a> {
    pub(crate) fn new(app: &'a App, mailer: &'a Mailer, allowance: Allowance) -> Self {
        Self { app, mailer, allowance }
    }

    /// Whether nothing more may be sent for now.
    pub(crate) fn is_out_of_allowance(&self) -> bool {
        self.allowance.is_empty()
    }

    /// Brings the message under a key as far as it goes now. If it is not due, it is left alone.
    pub(crate) async fn deliver(&mut self, key: &DueKey) -> Result<(), Error> {
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
    async fn forward(&mut self, key: &DueKey, message: &Message) -> Result<(), Error> {
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

    /// Asks the gate, and does as it says.
    async fn attempt(&mut self, key: &DueKey, message: &Message) -> Result<(), Error> {
        let live = self.app.playbook().await?;
        let setup = &live.playbook.setup;
        let Recipient::Owner(to) = &message.to else { return Ok(()) };
        let standing = self.app.store.standing(to, message.lead.as_ref()).await?;
        let seen = ForOwner {
            suppressed: standing.suppressed,
            owner: setup.owners.iter().find(|owner| owner.id == *to),
            lead_exists: standing.lead_exists,
            paced_until: self.allowance.wait(self.app).await?,
        };
        match gate::for_owner(message, seen, self.app.clock.now()) {
            Passage::Send { to: owner } => {
                self.allowance.spend();
                // Fetched before the claim: what cannot be read now must not cost the message a try.
                let words = self.words(&live, message).await?;
                let (claimed, attempt) = self.claim(key, message).await?;
                let event = self.send(&claimed, &attempt, setup, owner, &words).await;
                self.keep(key, claimed, event).await;
                Ok(())
            }
            Passage::Defer { until, why } => self.step(message, Event::Deferred { until, why }).await,
            Passage::Refuse { why } => self.step(message, Event::Refused { why }).await,
        }
    }

    /// Moves a message by one event.
    async fn step(&self, message: &Message, event: Event) -> Result<(), Error> {
        let after = after(message, event, self.app)?;
        self.app.store.move_message(message, &after).await?;
        tell(&after);
        Ok(())
    }

    /// Claims the message. A claim whose answer was lost looks refused when it is repeated: the attempt's own id in what is
    /// read then says that it is ours.
    async fn claim(&self, key: &DueKey, message: &Message) -> Result<(Message, AttemptId), Error> {
        let attempt = self.app.random.attempt();
        let claimed = after(message, Event::Claimed { attempt: attempt.clone() }, self.app)?;
        for pause in PAUSES {
            let Err(error) = self.app.store.claim(message, &claimed).await else { return Ok((claimed, attempt)) };
            if error.retry == Retry::Never {
                return Err(error);
            }
            tracing::warn!(%error, message.id = %message.id, "a claim was not answered with yes");
            match self.app.store.message(key).await {
                Ok(Found::One(stored)) if stored.state == claimed.state => return Ok((claimed, attempt)),
                Ok(Found::One(stored)) if stored.revision == message.revision && error.retry == Retry::Later => {}
                Ok(_) => return Err(Error::reread("the message has moved on")),
                Err(error) => tracing::warn!(%error, message.id = %message.id, "a message cannot be read again"),
            }
            tokio::time::sleep(pause).await;
        }
        Err(Error::later("a message cannot be claimed"))
    }

    /// What the live playbook says in this mail, in its reader's language.
    async fn words(&self, live: &Versioned, message: &Message) -> Result<Words, Error> {
        let missing = || Error::never(format!("there is no mail {}", message.mail()));
        let mail = live.playbook.mail(&message.mail()).ok_or_else(missing)?;
        let (language, version) = mail.version(message.language).ok_or_else(missing)?;
        let parts = self.app.store.mail_parts(&live.version, &version.body).await?;
        Ok(Words { language, version: version.clone(), parts })
    }

    /// Composes the mail and hands it to SES, once.
    async fn send(&self, message: &Message, attempt: &AttemptId, setup: &Setup, owner: &Owner, words: &Words) -> Event {
        let attempt = attempt.clone();
        let composed = match self.compose(message, setup, owner, words) {
            Ok(composed) => composed,
            Err(why) => return Event::Never { attempt, why },
        };
        let mail = Mail {
            from: mailbox(&setup.sender.name, &setup.sender.address),
            to: &owner.address,
            content: &composed,
            tags: Tags { lead: message.lead.as_ref(), message: &message.id, attempt: &attempt },
        };
        match self.mailer.send(&mail).await {
            Outcome::Sent { ses } => Event::Accepted { attempt, ses },
            Outcome::NotNow { why } => Event::NotNow { attempt, why },
            Outcome::Never { why } => Event::Never { attempt, why },
            Outcome::Unknown { why } => Event::NoAnswer { attempt, why },
        }
    }

    fn compose(&self, message: &Message, setup: &Setup, owner: &Owner, words: &Words) -> Result<Composed, String> {
        let now = self.app.clock.now();
        let (number, key) = self.app.keys.signing().ok_or("the key ring has no key that signs links")?;
        let url = |lead: &LeadId| {
            let view = View::new(lead.clone(), owner.id.clone(), now);
            view.url(&self.app.settings.collector_url, number, key.bytes())
        };
        let version = (words.language, &words.version);
        let composed = match &message.content {
            Content::Alert(alert) => {
                let lead = message.lead.as_ref().ok_or("an alert is about nobody")?;
                compose::alert(version, &words.parts, alert, setup, owner, &url(lead), now)
            }
            Content::Summary(summary) => compose::summary(version, &words.parts, summary, setup, owner, url, now),
            Content::Letter(_) => return Err("a letter goes to a lead".to_owned()),
        };
        composed.map_err(|error| error.to_string())
    }

    /// Keeps what came of a try: without it the mail would go out once more. So it is tried hard, and what is in the way
    /// is read again each time.
    async fn keep(&self, key: &DueKey, claimed: Message, event: Event) {
        let mut current = claimed;
        for pause in PAUSES {
            let Ok(next) = current.after(event.clone(), self.app.clock.now()) else {
                if current.history.iter().all(|entry| entry.event != event) {
                    tracing::error!(message.id = %current.id, "a message moved on before its outcome was kept");
                }
                return;
            };
            let kept = match sent(&next) {
                Some((lead, record)) => self.app.store.finish_message(&current, &next, lead, &record).await,
                None => self.app.store.move_message(&current, &next).await,
            };
            let Err(error) = kept else { return tell(&next) };
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

/// The message after an event; if it has no place there any more, the message must be read again.
fn after(message: &Message, event: Event, app: &App) -> Result<Message, Error> {
    message.after(event, app.clock.now()).map_err(|moved| Error::reread(moved.to_string()))
}

/// What the log of the lead it is about keeps of a mail that was sent.
fn sent(message: &Message) -> Option<(&LeadId, Record)> {
    let State::Sent { .. } = &message.state else { return None };
    let lead = message.lead.as_ref()?;
    let at = message.history.last()?.at;
    let owner = match &message.to {
        Recipient::Owner(owner) => Some(owner.clone()),
        Recipient::Lead(_) => None,
    };
    let sent = Kind::MailSent { message: message.id.clone(), mail: message.mail(), owner };
    Some((lead, Record::decision(ActivityId::derive(&["mail sent", message.id.as_str()]), at, sent)))
}

/// Says in the log what became of a message.
fn tell(message: &Message) {
    let (id, lead) = (&message.id, message.lead.as_ref().map(LeadId::as_str));
    match &message.state {
        State::Sent { .. } => tracing::info!(message.id = %id, lead.id = lead, "a message is sent"),
        State::Pending { due } => tracing::info!(message.id = %id, message.due = %due, "a message is put off"),
        State::Claimed { .. } => {}
        State::Unknown { until, .. } => {
            tracing::warn!(message.id = %id, message.due = %until, "a message may have been sent; its proof is awaited");
        }
        State::Expired => tracing::info!(message.id = %id, lead.id = lead, "a message is not sent any more"),
        State::Failed => tracing::error!(message.id = %id, lead.id = lead, message.why = ?why(message), "a message has failed"),
        State::Held => tracing::error!(message.id = %id, lead.id = lead, message.why = ?why(message), "a message is held"),
    }
}

/// The last event, whose reasons hold no address.
fn why(message: &Message) -> Option<&Event> {
    message.history.last().map(|entry| &entry.event)
}
