//! Mail to a lead.

use michi::consent::MailClass;
use michi::id::LeadId;
use michi::io::mailer::{Mail, Tags};
use michi::io::store::DueKey;
use michi::io::{Error, Retry, Versioned};
use michi::link::{Click, Confirm, OfLetter, Question};
use michi::mail::compose::{self, Ask, Composed, Urls};
use michi::mail::footer::OptOut;
use michi::mail::gate::{self, ForLead, Passage};
use michi::mail::header;
use michi::mail::letter::{Cause, Letter};
use michi::mail::mailing::Mailing;
use michi::mail::message::{Content, Event, Message};
use michi::mail::pace::Lane;
use michi::playbook::Setup;
use michi::playbook::mail::Class;

use crate::deliver::{Claim, Courier, Words};

/// The addresses that one letter's reader finds in it, and her mail program in its headers.
struct Addresses {
    links: Vec<String>,
    pixel: Option<String>,
    unsubscribe: String,
    preferences: String,
    confirm: Option<String>,
    /// The page for each answer to the letter's question.
    answers: Vec<String>,
}

impl Courier<'_> {
    pub(crate) async fn to_lead(&self, key: &DueKey, message: &Message, lead: &LeadId, live: &Versioned) -> Result<(), Error> {
        let Content::Letter(letter) = &message.content else { return Err(Error::never("only a letter goes to a lead")) };
        let setup = &live.playbook.setup;
        let marketing = letter.class == MailClass::Marketing;
        let lane = Lane::Letters { per_second: setup.mail.per_second };
        let reach = self.app.store.reach(lead).await?;
        let address = reach.mailing.as_ref().map(|mailing| self.app.keys.address_hash(&mailing.address)).unwrap_or_default();
        let address_suppressed = !address.is_empty() && self.app.store.suppression(&address).await?.is_some();
        let paused_until = if marketing { self.stopped_until().await? } else { None };
        let paced_until = self.allowance.take(self.app, lane).await?;
        let seen = ForLead {
            lead_exists: reach.lead_exists,
            merged: reach.lead != *lead,
            mailing: reach.mailing.as_ref(),
            address_suppressed,
            paused_until,
            paced_until,
        };
        let now = self.app.clock.now();
        let passage = gate::for_lead(message, letter, seen, setup, now);
        if paced_until.is_none() && !matches!(passage, Passage::Send { .. }) {
            self.allowance.give_back(lane).await;
        }
        match passage {
            Passage::Send { to: mailing } => {
                let Some(words) = self.pinned_words(live, message).await? else { return self.without_words(message).await };
                let counted = if marketing { mailing.counting(&message.id, &setup.mail.cap, now) } else { mailing.clone() };
                let claim = Claim::Lead { mailing, counted: &counted, address: &address };
                let (claimed, attempt) = self.claim(key, message, claim).await?;
                let addresses = self.addresses(message, lead, letter, mailing);
                let composed = addresses.as_ref().map_err(|why| (*why).to_owned()).and_then(|addresses| {
                    compose(letter, &words, addresses, setup).map(|composed| (composed, headers(letter, addresses)))
                });
                let owner = live.playbook.default_owner();
                let (from, reply_to) = header::sender(words.sender, setup, owner);
                let tags = Tags { lead: Some(lead), message: &message.id, attempt: &attempt.clone(), owner: None };
                let mail = composed.as_ref().map_err(Clone::clone).map(|(content, headers)| Mail {
                    from,
                    reply_to: reply_to.map(|address| address.to_string()),
                    to: &mailing.address,
                    content,
                    headers,
                    tags,
                });
                self.send(key, claimed, attempt, mail).await;
                Ok(())
            }
            Passage::Defer { until, why } => self.step(message, Event::Deferred { until, why }).await,
            Passage::Refuse { why } => self.step(message, Event::Refused { why }).await,
        }
    }

    /// What the letter says by the playbook by which it was owed; none: that has no such mail, or is not there.
    async fn pinned_words(&self, live: &Versioned, message: &Message) -> Result<Option<Words>, Error> {
        if live.version == message.playbook {
            return self.words(live, message).await;
        }
        match self.app.playbook_of(&message.playbook).await {
            Ok(pinned) => self.words(&pinned, message).await,
            Err(error) if error.retry == Retry::Never => {
                tracing::error!(%error, message.id = %message.id, "a letter's playbook cannot be read");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The addresses in a letter. Where the reader does not want to be seen, links lead where they lead and there is no pixel.
    fn addresses(&self, message: &Message, lead: &LeadId, letter: &Letter, mailing: &Mailing) -> Result<Addresses, &'static str> {
        let (number, key) = self.app.keys.signing().ok_or("the key ring has no key that signs links")?;
        let collector = &self.app.settings.collector_url;
        let of = OfLetter { lead: lead.clone(), message: message.id.clone() };
        let choices = || of.unsubscribe_url(collector, number, key.bytes());
        let permissions = &mailing.permissions;
        let signed = |link| Click { lead: lead.clone(), message: message.id.clone(), link }.url(collector, number, key.bytes());
        let links = match permissions.no_clicks {
            true => letter.links.clone(),
            false => (0..).zip(&letter.links).map(|(link, _)| signed(link)).collect(),
        };
        let answer =
            |answer| Question { lead: lead.clone(), message: message.id.clone(), answer }.url(collector, number, key.bytes());
        let answers = letter.question.as_ref().map(|question| question.answers.as_slice()).unwrap_or_default();
        Ok(Addresses {
            answers: (0..).zip(answers).map(|(number, _)| answer(number)).collect(),
            links,
            pixel: (!permissions.no_opens).then(|| of.pixel_url(collector, number, key.bytes())),
            unsubscribe: choices(),
            // One page does both.
            preferences: choices() + "#topics",
            confirm: match &letter.cause {
                Cause::Confirmation(consent) => {
                    let confirm = Confirm::new(lead.clone(), consent.clone(), message.created);
                    Some(confirm.url(collector, number, key.bytes()))
                }
                Cause::Broadcast(_) | Cause::Scenario { .. } => None,
            },
        })
    }
}

fn compose(letter: &Letter, words: &Words, addresses: &Addresses, setup: &Setup) -> Result<Composed, String> {
    let class = match letter.class {
        MailClass::Marketing => Class::Marketing,
        MailClass::Service => Class::Service,
    };
    let urls = Urls {
        links: &addresses.links,
        pixel: addresses.pixel.as_deref(),
        opt_out: Some(OptOut { unsubscribe: &addresses.unsubscribe, preferences: &addresses.preferences }),
        confirm: addresses.confirm.as_deref(),
        ask: letter.question.as_ref().map(|question| Ask { question, answers: &addresses.answers }),
    };
    // Who we are is as the foot of the mail has it, by the live playbook.
    let mut values = letter.values.clone();
    values.extend(
        [("our_company", &setup.company.name), ("our_contact", &setup.company.contact)]
            .map(|(name, value)| (name.to_owned(), value.clone())),
    );
    let version = (words.language, &words.version);
    let composed = compose::letter(version, &words.parts, class, usize::from(letter.subject), &values, &urls, setup);
    composed.map_err(|error| error.to_string())
}

/// What a mail program needs for its own button (RFC 8058). Service mail has nothing to be unsubscribed from.
fn headers(letter: &Letter, addresses: &Addresses) -> Vec<(&'static str, String)> {
    match letter.class {
        MailClass::Service => vec![],
        MailClass::Marketing => vec![
            ("List-Unsubscribe", format!("<{}>", addresses.unsubscribe)),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()),
        ],
    }
}
