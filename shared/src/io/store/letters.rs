//! A letter as its reader opens it and follows its links.

use super::super::Error;
use super::items::read;
use super::{Store, keys, together};
use crate::id::{LeadId, MessageId};
use crate::mail::mailing::Mailing;
use crate::mail::message::Message;

/// A letter whose link was followed.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed {
    /// The letter.
    pub message: Message,
    /// What its reader lets be seen; none: the lead is gone.
    pub mailing: Option<Mailing>,
}

impl Store {
    /// The letter to a lead, as far as the table has heard: half a read unit for each 4 KB of it, and half a unit for what
    /// its reader lets be seen.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn followed(&self, lead: &LeadId, message: &MessageId) -> Result<Option<Followed>, Error> {
        let wanted = [keys::message(message), keys::MAILING.to_owned()];
        let wanted = wanted.map(|sk| self.get(&self.leads, keys::key(keys::lead(lead), sk), false));
        let mut found = together(wanted).await.into_iter();
        let mut next = || found.next().transpose().map(Option::flatten);
        let (message, mailing) = (next()?, next()?);
        let Some(message) = message.map(read::<Message>).transpose()? else { return Ok(None) };
        Ok(Some(Followed { message, mailing: mailing.map(read).transpose()? }))
    }

    /// What the reader of mail lets be seen of it, as far as the table has heard: half a read unit. None: the lead is gone.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn mailing_as_heard(&self, lead: &LeadId) -> Result<Option<Mailing>, Error> {
        self.get(&self.leads, keys::key(keys::lead(lead), keys::MAILING), false).await?.map(read).transpose()
    }
}
