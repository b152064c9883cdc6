//! SES's events, read into what they say of a message.
//!
//! As documented at <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>; EventBridge
//! wraps them into an envelope with `detail`. SES may add fields and kinds at any time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use michi::id::{AttemptId, LeadId, MessageId, OwnerId};
use michi::io::mailer::untagged;
use michi::mail::bounce::{Judged, Returned, judge};
use michi::mail::text::unaddressed;
use serde::Deserialize;
use serde_json::Value;

/// What SES tells of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The message.
    pub message: MessageId,
    /// The try, if the mail names it.
    pub attempt: Option<AttemptId>,
    /// The lead it is about.
    pub lead: Option<LeadId>,
    /// The owner it went to; none: the lead.
    pub owner: Option<OwnerId>,
    /// SES's id of the mail.
    pub ses: String,
    /// When it happened.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What can happen to a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// SES took it.
    Sent,
    /// The mail server takes its time.
    Delayed,
    /// The mail server took it.
    Delivered,
    /// It came back.
    Bounced {
        /// What that means.
        judged: Judged,
        /// What the mail server said, without addresses.
        why: Option<String>,
    },
    /// The reader called it spam; `known` says that SES knew that she would, so that no reader saw it now.
    Complained {
        /// SES had it on its list.
        known: bool,
    },
    /// SES would not send it after all.
    Rejected {
        /// Why.
        why: String,
    },
}

/// Why an event says nothing of a message of michi's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unmatched {
    /// It has not the form of SES's events.
    #[error("an event that is none of SES's: {0}")]
    Unreadable(String),
    /// It is of a kind that michi does not know.
    #[error("an event of SES's of an unknown kind")]
    Unknown,
    /// It names no message of michi's.
    #[error("an event of SES's about a mail that is not michi's")]
    Foreign,
}

/// The longest reason kept, in characters.
const MAX_WHY: usize = 200;

#[derive(Deserialize)]
struct Envelope {
    detail: Detail,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event_type: String,
    mail: Mail,
    delivery: Option<Stamped>,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery_delay: Option<Stamped>,
    reject: Option<Reject>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    timestamp: Timestamp,
    message_id: String,
    #[serde(default)]
    tags: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Stamped {
    timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    #[serde(default)]
    bounce_type: String,
    #[serde(default)]
    bounce_sub_type: String,
    #[serde(default)]
    bounced_recipients: Vec<Recipient>,
    timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    status: Option<String>,
    diagnostic_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complaint_feedback_type: Option<String>,
    complaint_sub_type: Option<String>,
    timestamp: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Reject {
    reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    error_message: Option<String>,
}

impl Notice {
    /// Reads an event as EventBridge hands it over.
    ///
    /// # Errors
    /// [`Unmatched`] if it says nothing of a message of michi's.
    pub fn read(event: &Value) -> Result<Self, Unmatched> {
        // What serde says names fields and types, never values.
        let Envelope { detail } = Envelope::deserialize(event).map_err(|error| Unmatched::Unreadable(kind_of(&error)))?;
        let tag = |name: &str| detail.mail.tags.get(name).and_then(|values| values.first()).and_then(|value| untagged(value));
        let message = tag("message").and_then(|id| MessageId::parse(id).ok()).ok_or(Unmatched::Foreign)?;
        let lead = tag("lead").and_then(|id| LeadId::parse(id).ok());
        let owner = tag("owner").and_then(|id| OwnerId::parse(id).ok());
        if lead.is_none() && owner.is_none() {
            return Err(Unmatched::Foreign);
        }
        let (what, at) = detail.what()?;
        Ok(Self {
            message,
            attempt: tag("attempt").and_then(|id| AttemptId::parse(id).ok()),
            lead,
            owner,
            ses: unaddressed(&detail.mail.message_id, MAX_WHY),
            at: at.unwrap_or(detail.mail.timestamp),
            what,
        })
    }
}

impl Detail {
    /// What happened, and when if it says so.
    fn what(&self) -> Result<(What, Option<Timestamp>), Unmatched> {
        Ok(match self.event_type.as_str() {
            "Send" => (What::Sent, None),
            "Delivery" => (What::Delivered, self.delivery.as_ref().and_then(|part| part.timestamp)),
            "DeliveryDelay" => (What::Delayed, self.delivery_delay.as_ref().and_then(|part| part.timestamp)),
            "Bounce" => {
                let part = self.bounce.as_ref().ok_or_else(|| Unmatched::Unreadable("a bounce without its part".to_owned()))?;
                (part.what(), part.timestamp)
            }
            "Complaint" => {
                let missing = || Unmatched::Unreadable("a complaint without its part".to_owned());
                let part = self.complaint.as_ref().ok_or_else(missing)?;
                (part.what(), part.timestamp)
            }
            "Reject" => (rejected(self.reject.as_ref().and_then(|part| part.reason.as_deref())), None),
            "Rendering Failure" => (rejected(self.failure.as_ref().and_then(|part| part.error_message.as_deref())), None),
            _ => return Err(Unmatched::Unknown),
        })
    }
}

impl Bounce {
    fn what(&self) -> What {
        let recipient = self.bounced_recipients.first();
        let status = recipient.and_then(|recipient| recipient.status.as_deref()).unwrap_or_default();
        let said = recipient.and_then(|recipient| recipient.diagnostic_code.as_deref()).unwrap_or_default();
        let judged = judge(Returned { kind: &self.bounce_type, subtype: &self.bounce_sub_type, status, said });
        let why = unaddressed(if said.is_empty() { &self.bounce_sub_type } else { said }, MAX_WHY);
        What::Bounced { judged, why: Some(why).filter(|why| !why.is_empty()) }
    }
}

impl Complaint {
    fn what(&self) -> What {
        match self.complaint_feedback_type.as_deref() {
            // The reader took it out of the spam folder.
            Some("not-spam") => What::Delivered,
            _ => What::Complained { known: self.complaint_sub_type.is_some() },
        }
    }
}

fn rejected(why: Option<&str>) -> What {
    What::Rejected { why: unaddressed(why.unwrap_or("no reason given"), MAX_WHY) }
}

/// What is wrong with an event, without what stands in it.
fn kind_of(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let missing = said.starts_with("missing field");
    if missing { said } else { "a field is not as documented".to_owned() }
}

#[cfg(test)]
mod tests;
