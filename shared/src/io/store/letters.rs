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
    /// Its reader: whom it went to, unless that lead was merged into this one.
    pub reader: LeadId,
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
        let (reader, mailing) = match mailing {
            Some(mailing) => (lead.clone(), Some(read(mailing)?)),
            None => self.merged_reader(lead).await?,
        };
        Ok(Some(Followed { message, reader, mailing }))
    }

    /// Who reads the mail to a lead, and what that reader lets be seen of it, as far as the table has heard: half a read unit.
    /// None: the lead is gone.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn reader(&self, lead: &LeadId) -> Result<(LeadId, Option<Mailing>), Error> {
        match self.mailing_as_heard(lead).await? {
            Some(mailing) => Ok((lead.clone(), Some(mailing))),
            None => self.merged_reader(lead).await,
        }
    }

    /// The same of a lead without a mailing item: it was merged into another, or is gone.
    async fn merged_reader(&self, lead: &LeadId) -> Result<(LeadId, Option<Mailing>), Error> {
        let home = self.home(lead).await?;
        let mailing = if home == *lead { None } else { self.mailing_as_heard(&home).await? };
        Ok((home, mailing))
    }

    async fn mailing_as_heard(&self, lead: &LeadId) -> Result<Option<Mailing>, Error> {
        self.get(&self.leads, keys::key(keys::lead(lead), keys::MAILING), false).await?.map(read).transpose()
    }
}
