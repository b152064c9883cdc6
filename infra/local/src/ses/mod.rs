//! SES: a mailbox that takes what SES would take and refuses what SES would refuse.
//!
//! Modelled is `SendEmail` with simple content, and what SES tells of each mail afterwards: [`Reports`]. Addresses are not
//! verified and nothing leaves the process.

mod events;
mod fate;
mod reports;
mod request;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::Now;
use crate::client::Refusal;
use crate::dynamo::Ledger;
use crate::lock::lock;
use crate::template::Wiring;

pub use fate::Fate;
pub use reports::{Mishap, Posted, Reports};

/// Every mail SES accepted, oldest first.
pub struct Mailbox {
    mails: Mutex<Vec<Arc<Mail>>>,
    arrived: watch::Sender<usize>,
    ledger: Ledger,
    reports: Reports,
    now: Now,
}

/// A mail as it was handed to SES.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// When it was accepted.
    pub at: Timestamp,
    /// The id SES answered with.
    pub id: String,
    /// The sender, with a display name if there is one.
    pub from: String,
    /// The recipients.
    pub to: Vec<String>,
    /// Where answers go.
    pub reply_to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: Option<String>,
    /// The HTML part.
    pub html: Option<String>,
    /// Further headers, in order.
    pub headers: Vec<(String, String)>,
    /// Message tags.
    pub tags: BTreeMap<String, String>,
    /// The configuration set.
    pub configuration_set: Option<String>,
}

const KIND: &str = "mail";

impl Mailbox {
    /// A mailbox with the mails the ledger has kept.
    pub fn open(wiring: &Wiring, ledger: Ledger, now: Now) -> anyhow::Result<Self> {
        let mails: Vec<Arc<Mail>> = ledger.entries(KIND)?.into_iter().map(Arc::new).collect();
        let reports = Reports::open(wiring, ledger.clone(), now.clone())?;
        Ok(Self { arrived: watch::Sender::new(mails.len()), mails: Mutex::new(mails), ledger, reports, now })
    }

    /// What SES tells of these mails, and how it gets to the functions.
    pub fn reports(&self) -> &Reports {
        &self.reports
    }

    /// All mails, oldest first.
    pub fn mails(&self) -> Vec<Arc<Mail>> {
        lock(&self.mails).clone()
    }

    /// The mail of this id.
    pub fn mail(&self, id: &str) -> Option<Arc<Mail>> {
        lock(&self.mails).iter().find(|mail| mail.id == id).cloned()
    }

    /// The number of mails so far; changes as each arrives.
    pub fn arrived(&self) -> watch::Receiver<usize> {
        self.arrived.subscribe()
    }

    /// Answers `SendEmail`.
    pub(crate) fn send(&self, request: &Value) -> Result<Value, Refusal> {
        let mut mail = request::read(request).map_err(|reason| Refusal::new(400, "BadRequestException", reason))?;
        let mut mails = lock(&self.mails);
        mail.at = (self.now)();
        mail.id = format!("0100{:012x}-{:08x}-000000", mail.at.as_millisecond(), mails.len());
        let kept = self.ledger.append(KIND, &mail);
        kept.map_err(|error| Refusal::new(500, "InternalServiceErrorException", error.to_string()))?;
        let answer = json!({ "MessageId": mail.id });
        let reported = self.reports.tell(&mail);
        reported.map_err(|error| Refusal::new(500, "InternalServiceErrorException", error.to_string()))?;
        mails.push(Arc::new(mail));
        self.arrived.send_replace(mails.len());
        Ok(answer)
    }
}

impl std::fmt::Debug for Mailbox {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mailbox").field("mails", &lock(&self.mails).len()).finish_non_exhaustive()
    }
}
