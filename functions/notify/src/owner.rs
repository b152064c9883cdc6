//! Mail to somebody in sales.

use michi::id::{LeadId, OwnerId};
use michi::io::mailer::{Mail, Tags};
use michi::io::store::DueKey;
use michi::io::{Error, Versioned};
use michi::link::View;
use michi::mail::compose::{self, Composed};
use michi::mail::gate::{self, ForOwner, Passage};
use michi::mail::header::mailbox;
use michi::mail::message::{Content, Event, Message};
use michi::mail::pace::Lane;
use michi::playbook::{Owner, Setup};

use crate::deliver::{Claim, Courier, Words};

impl Courier<'_> {
    pub(crate) async fn to_owner(&self, key: &DueKey, message: &Message, to: &OwnerId, live: &Versioned) -> Result<(), Error> {
        let setup = &live.playbook.setup;
        let owner = setup.owners.iter().find(|owner| owner.id == *to);
        let address = owner.map(|owner| self.app.keys.address_hash(&owner.address)).unwrap_or_default();
        let standing = self.app.store.standing(to, &address, message.lead.as_ref()).await?;
        if let Some(merged) = message.lead.as_ref().filter(|_| standing.merged) {
            return self.about_another(message, merged).await;
        }
        let paced_until = self.allowance.take(self.app, Lane::Alerts).await?;
        let seen = ForOwner { suppressed: standing.suppressed, owner, lead_exists: standing.lead_exists, paced_until };
        let passage = gate::for_owner(message, seen, self.app.clock.now());
        if paced_until.is_none() && !matches!(passage, Passage::Send { .. }) {
            self.allowance.give_back(Lane::Alerts).await;
        }
        match passage {
            Passage::Send { to: owner } => {
                // Fetched before the claim: what cannot be read now must not cost the message a try.
                let Some(words) = self.words(live, message).await? else { return self.without_words(message).await };
                let (claimed, attempt) = self.claim(key, message, Claim::Owner { address: &address }).await?;
                let composed = self.compose_for(&claimed, setup, owner, &words);
                let tags =
                    Tags { lead: message.lead.as_ref(), message: &message.id, attempt: &attempt.clone(), owner: Some(&owner.id) };
                let from = mailbox(&setup.sender.name, &setup.sender.address);
                let mail = |content| Mail { from, reply_to: None, to: &owner.address, content, headers: &[], tags };
                self.send(key, claimed, attempt, composed.as_ref().map(mail).map_err(Clone::clone)).await;
                Ok(())
            }
            Passage::Defer { until, why } => self.step(message, Event::Deferred { until, why }).await,
            Passage::Refuse { why } => self.step(message, Event::Refused { why }).await,
        }
    }

    /// The lead of a mail to sales was merged: the mail is about the other from now on.
    async fn about_another(&self, message: &Message, merged: &LeadId) -> Result<(), Error> {
        let home = self.app.store.home(merged).await?;
        let after = Message { lead: Some(home), revision: message.revision + 1, ..message.clone() };
        self.app.store.move_message(message, &after).await?;
        Err(Error::reread("the message is about another lead now"))
    }

    fn compose_for(&self, message: &Message, setup: &Setup, owner: &Owner, words: &Words) -> Result<Composed, String> {
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
            Content::Correction(correction) => {
                let lead = message.lead.as_ref().ok_or("a correction is about nobody")?;
                compose::correction(version, &words.parts, correction, setup, owner, &url(lead), now)
            }
            Content::Summary(summary) => compose::summary(version, &words.parts, summary, setup, owner, url, now),
            Content::Notice(notice) => {
                let lead = message.lead.as_ref().ok_or("a notice is about nobody")?;
                compose::notice(version, &words.parts, notice, setup, owner, &url(lead), now)
            }
            Content::Letter(_) => return Err("a letter goes to a lead".to_owned()),
        };
        composed.map_err(|error| error.to_string())
    }
}
