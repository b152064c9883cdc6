//! Signed links: what a mail's link says, and proof that michi said it.
//!
//! A token is `v1 | kid | purpose | ids | tag` in base64url: one byte each for the form, the number of the ring's key and
//! the purpose; the purpose's own fields; 128 bits of HMAC-SHA-256 over all of it. Each purpose has a key of its own,
//! drawn from the ring's by HKDF, so that a link of one purpose never opens another's door.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use crate::id::{ActivityId, LeadId, MessageId, OwnerId, ScenarioId};

/// The form of the tokens made here.
const FORM: u8 = 1;
/// Bytes of the tag.
const TAG: usize = 16;
/// The longest token that is looked at; no link that michi makes comes near it.
const MAX_TOKEN: usize = 1024;
/// How long a salesperson's link to a lead's page works, in days.
pub const VIEW_DAYS: i64 = 30;
/// How long a link that confirms a consent works, in days.
pub const CONFIRM_DAYS: i64 = 7;
/// How long a marketer's link to a scenario's results works, in days.
pub const RESULTS_DAYS: i64 = 30;

/// What a link is for. The numbers stand in links that were mailed long ago: none is ever given to another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To where a link in a mail leads.
    Click = 1,
    /// The pixel that tells that a mail was opened.
    Open = 2,
    /// No more mail.
    Unsubscribe = 3,
    /// Sales answers a hand-off.
    Answer = 4,
    /// Sales looks at a lead.
    View = 5,
    /// A form with the lead's fields filled in.
    Form = 6,
    /// A consent is confirmed from the mailbox.
    Confirm = 7,
    /// A lead answers the question of a scenario.
    Question = 8,
    /// A marketer looks at what came of a scenario.
    Results = 9,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Open => "open",
            Self::Unsubscribe => "unsubscribe",
            Self::Answer => "answer",
            Self::View => "view",
            Self::Form => "form",
            Self::Confirm => "confirm",
            Self::Question => "question",
            Self::Results => "results",
        }
    }
}

/// The token opens nothing: altered, made for another purpose, by an unknown key, expired, or no token at all. Which of
/// these is nobody's business outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no such link")]
pub struct NoSuchLink;

/// A link to a lead's page, for one owner, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Whose page.
    pub lead: LeadId,
    /// Whom it was mailed to.
    pub owner: OwnerId,
    /// From when on it opens nothing; in whole seconds.
    pub expires: Timestamp,
}

impl View {
    /// A link that works for [`VIEW_DAYS`] from `now`.
    #[must_use]
    pub fn new(lead: LeadId, owner: OwnerId, now: Timestamp) -> Self {
        Self { lead, owner, expires: days_after(now, VIEW_DAYS) }
    }

    /// The token, signed with the key of this number.
    #[must_use]
    pub fn token(&self, number: u8, key: &[u8; 32]) -> String {
        let mut ids = vec![];
        put(&mut ids, self.lead.as_str());
        put(&mut ids, self.owner.as_str());
        ids.extend_from_slice(&self.expires.as_second().to_be_bytes());
        seal(Purpose::View, &ids, number, key)
    }

    /// The whole link: `collector` is where the world reaches michi, without a slash at the end.
    #[must_use]
    pub fn url(&self, collector: &str, number: u8, key: &[u8; 32]) -> String {
        format!("{collector}/view/{}", self.token(number, key))
    }

    /// Reads a token; `key` finds the ring's key of a number.
    ///
    /// # Errors
    /// [`NoSuchLink`] for every defect alike.
    pub fn open<'k>(token: &str, key: impl FnOnce(u8) -> Option<&'k [u8; 32]>, now: Timestamp) -> Result<Self, NoSuchLink> {
        let ids = unseal(Purpose::View, token, key)?;
        let (lead, rest) = take(&ids)?;
        let (owner, rest) = take(rest)?;
        let expires = until(rest, now)?;
        let lead = LeadId::parse(lead).map_err(|_| NoSuchLink)?;
        let owner = OwnerId::parse(owner).map_err(|_| NoSuchLink)?;
        Ok(Self { lead, owner, expires })
    }
}

/// A link in a letter: to where the letter's link table leads under this number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Click {
    /// To whom the letter went.
    pub lead: LeadId,
    /// The letter.
    pub message: MessageId,
    /// The number of the link, from 0.
    pub link: u16,
}

impl Click {
    /// The whole link.
    #[must_use]
    pub fn url(&self, collector: &str, number: u8, key: &[u8; 32]) -> String {
        let mut ids = vec![];
        put(&mut ids, self.lead.as_str());
        put(&mut ids, self.message.as_str());
        ids.extend_from_slice(&self.link.to_be_bytes());
        format!("{collector}/c/{}", seal(Purpose::Click, &ids, number, key))
    }

    /// Reads a token; `key` finds the ring's key of a number.
    ///
    /// # Errors
    /// [`NoSuchLink`] for every defect alike.
    pub fn open<'k>(token: &str, key: impl FnOnce(u8) -> Option<&'k [u8; 32]>) -> Result<Self, NoSuchLink> {
        let ids = unseal(Purpose::Click, token, key)?;
        let (lead, rest) = take(&ids)?;
        let (message, rest) = take(rest)?;
        let link = u16::from_be_bytes(rest.try_into().map_err(|_| NoSuchLink)?);
        let lead = LeadId::parse(lead).map_err(|_| NoSuchLink)?;
        let message = MessageId::parse(message).map_err(|_| NoSuchLink)?;
        Ok(Self { lead, message, link })
    }
}

/// A link that confirms a consent from the mailbox, until it expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confirm {
    /// Whose consent.
    pub lead: LeadId,
    /// The activity that gave it.
    pub consent: ActivityId,
    /// From when on it opens nothing; in whole seconds.
    pub expires: Timestamp,
}

impl Confirm {
    /// A link that works for [`CONFIRM_DAYS`] from when its letter was owed.
    #[must_use]
    pub fn new(lead: LeadId, consent: ActivityId, owed: Timestamp) -> Self {
        Self { lead, consent, expires: days_after(owed, CONFIRM_DAYS) }
    }

    /// The whole link.
    #[must_use]
    pub fn url(&self, collector: &str, number: u8, key: &[u8; 32]) -> String {
        let mut ids = vec![];
        put(&mut ids, self.lead.as_str());
        put(&mut ids, self.consent.as_str());
        ids.extend_from_slice(&self.expires.as_second().to_be_bytes());
        format!("{collector}/confirm/{}", seal(Purpose::Confirm, &ids, number, key))
    }

    /// Reads a token; `key` finds the ring's key of a number.
    ///
    /// # Errors
    /// [`NoSuchLink`] for every defect alike.
    pub fn open<'k>(token: &str, key: impl FnOnce(u8) -> Option<&'k [u8; 32]>, now: Timestamp) -> Result<Self, NoSuchLink> {
        let ids = unseal(Purpose::Confirm, token, key)?;
        let (lead, rest) = take(&ids)?;
        let (consent, rest) = take(rest)?;
        let expires = until(rest, now)?;
        let lead = LeadId::parse(lead).map_err(|_| NoSuchLink)?;
        let consent = ActivityId::parse(consent).map_err(|_| NoSuchLink)?;
        Ok(Self { lead, consent, expires })
    }
}

/// A link that chooses one of the answers to the question of a letter. It does not expire: a late answer is an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Who is asked.
    pub lead: LeadId,
    /// The letter that asks.
    pub message: MessageId,
    /// The number of the answer, from 0.
    pub answer: u16,
}

impl Question {
    /// The whole link.
    #[must_use]
    pub fn url(&self, collector: &str, number: u8, key: &[u8; 32]) -> String {
        let mut ids = vec![];
        put(&mut ids, self.lead.as_str());
        put(&mut ids, self.message.as_str());
        ids.extend_from_slice(&self.answer.to_be_bytes());
        format!("{collector}/question/{}", seal(Purpose::Question, &ids, number, key))
    }

    /// Reads a token; `key` finds the ring's key of a number.
    ///
    /// # Errors
    /// [`NoSuchLink`] for every defect alike.
    pub fn open<'k>(token: &str, key: impl FnOnce(u8) -> Option<&'k [u8; 32]>) -> Result<Self, NoSuchLink> {
        let ids = unseal(Purpose::Question, token, key)?;
        let (lead, rest) = take(&ids)?;
        let (message, rest) = take(rest)?;
        let answer = u16::from_be_bytes(rest.try_into().map_err(|_| NoSuchLink)?);
        let lead = LeadId::parse(lead).map_err(|_| NoSuchLink)?;
        let message = MessageId::parse(message).map_err(|_| NoSuchLink)?;
        Ok(Self { lead, message, answer })
    }
}

/// A link to what came of a scenario, until it expires. The page behind it says nothing of any single person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// Which scenario.
    pub scenario: ScenarioId,
    /// From when on it opens nothing; in whole seconds.
    pub expires: Timestamp,
}

impl Results {
    /// A link that works for [`RESULTS_DAYS`] from `now`.
    #[must_use]
    pub fn new(scenario: ScenarioId, now: Timestamp) -> Self {
        Self { scenario, expires: days_after(now, RESULTS_DAYS) }
    }

    /// The whole link.
    #[must_use]
    pub fn url(&self, collector: &str, number: u8, key: &[u8; 32]) -> String {
        let mut ids = vec![];
        put(&mut ids, self.scenario.as_str());
        ids.extend_from_slice(&self.expires.as_second().to_be_bytes());
        format!("{collector}/results/{}", seal(Purpose::Results, &ids, number, key))
    }

    /// Reads a token; `key` finds the ring's key of a number.
    ///
    /// # Errors
    /// [`NoSuchLink`] for every defect alike.
    pub fn open<'k>(token: &str, key: impl FnOnce(u8) -> Option<&'k [u8; 32]>, now: Timestamp) -> Result<Self, NoSuchLink> {
        let ids = unseal(Purpose::Results, token, key)?;
        let (scenario, rest) = take(&ids)?;
        let expires = until(rest, now)?;
        let scenario = ScenarioId::parse(scenario).map_err(|_| NoSuchLink)?;
        Ok(Self { scenario, expires })
    }
}

/// What names a lead and one of its messages: the pixel of a letter, and the link to the lead's choices, which never expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfLetter {
    /// To whom the letter went.
    pub lead: LeadId,
    /// The letter.
    pub message: MessageId,
}

impl OfLetter {
    /// The token for a purpose: [`Purpose::Open`] or [`Purpose::Unsubscribe`].
    #[must_use]
    pub fn token(&self, purpose: Purpose, number: u8, key: &[u8; 32]) -> String {
        let mut ids = vec![];
        put(&mut ids, self.lead.as_str());
        put(&mut ids, self.message.as_str());
        seal(purpose, &ids, number, key)
    }

    /// The whole link to the letter's pixel.
    #[must_use]
    pub fn pixel_url(&self, collector: &str, number: u8, key: &[u8; 32]) -> String {
        format!("{collector}/o/{}.gif", self.token(Purpose::Open, number, key))
    }

    /// The whole link to the lead's choices: the page behind it ends mail with one press and offers everything else, and
    /// the reader's mail program may post to it by itself (RFC 8058).
    #[must_use]
    pub fn unsubscribe_url(&self, collector: &str, number: u8, key: &[u8; 32]) -> String {
        format!("{collector}/unsubscribe/{}", self.token(Purpose::Unsubscribe, number, key))
    }

    /// Reads a token made for a purpose; `key` finds the ring's key of a number.
    ///
    /// # Errors
    /// [`NoSuchLink`] for every defect alike.
    pub fn open<'k>(purpose: Purpose, token: &str, key: impl FnOnce(u8) -> Option<&'k [u8; 32]>) -> Result<Self, NoSuchLink> {
        let ids = unseal(purpose, token, key)?;
        let (lead, rest) = take(&ids)?;
        let (message, []) = take(rest)? else { return Err(NoSuchLink) };
        let lead = LeadId::parse(lead).map_err(|_| NoSuchLink)?;
        let message = MessageId::parse(message).map_err(|_| NoSuchLink)?;
        Ok(Self { lead, message })
    }
}

/// So many days later, in whole seconds.
fn days_after(from: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_second(from.as_second().saturating_add(days * 24 * 60 * 60)).unwrap_or(Timestamp::MAX)
}

/// Until when a link works, if it still does.
fn until(bytes: &[u8], now: Timestamp) -> Result<Timestamp, NoSuchLink> {
    let seconds = i64::from_be_bytes(bytes.try_into().map_err(|_| NoSuchLink)?);
    Timestamp::from_second(seconds).ok().filter(|expires| now < *expires).ok_or(NoSuchLink)
}

/// A text with its length before it; ids have at most 100 bytes.
fn put(to: &mut Vec<u8>, text: &str) {
    to.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    to.extend_from_slice(text.as_bytes());
}

fn take(from: &[u8]) -> Result<(&str, &[u8]), NoSuchLink> {
    let (length, rest) = from.split_first().ok_or(NoSuchLink)?;
    let (text, rest) = rest.split_at_checked(usize::from(*length)).ok_or(NoSuchLink)?;
    Ok((std::str::from_utf8(text).map_err(|_| NoSuchLink)?, rest))
}

fn seal(purpose: Purpose, ids: &[u8], number: u8, key: &[u8; 32]) -> String {
    let mut bytes = vec![FORM, number, purpose as u8];
    bytes.extend_from_slice(ids);
    let tag = tag(purpose, key, &bytes);
    bytes.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The fields of a token whose tag holds.
fn unseal<'k>(purpose: Purpose, token: &str, key: impl FnOnce(u8) -> Option<&'k [u8; 32]>) -> Result<Vec<u8>, NoSuchLink> {
    if token.len() > MAX_TOKEN {
        return Err(NoSuchLink);
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| NoSuchLink)?;
    let given = bytes.split_off(bytes.len().checked_sub(TAG).ok_or(NoSuchLink)?);
    let [form, number, named, ids @ ..] = bytes.as_slice() else { return Err(NoSuchLink) };
    let key = key(*number).ok_or(NoSuchLink)?;
    let wanted = tag(purpose, key, &bytes);
    let holds = bool::from(wanted.ct_eq(&given));
    if holds && *form == FORM && *named == purpose as u8 { Ok(ids.to_vec()) } else { Err(NoSuchLink) }
}

/// 128 bits of HMAC-SHA-256 by the purpose's key.
fn tag(purpose: Purpose, key: &[u8; 32], bytes: &[u8]) -> [u8; TAG] {
    let mut own = [0; 32];
    // 32 bytes are one block of SHA-256 and so never too many for HKDF, and HMAC takes keys of every length: the errors
    // that these two functions name cannot come.
    let drawn = Hkdf::<Sha256>::new(None, key).expand_multi_info(&[b"michi link v1 ", purpose.name().as_bytes()], &mut own);
    debug_assert!(drawn.is_ok());
    let mut tag = [0; TAG];
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&own) {
        mac.update(bytes);
        tag.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
    }
    tag
}

#[cfg(test)]
mod tests;
