//! What becomes of a mail, as its recipient's address says or a test has laid down.

use serde::{Deserialize, Serialize};

/// What becomes of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fate {
    /// The mail server takes it.
    Delivered,
    /// The mail server takes it after a while.
    Delayed,
    /// It comes back.
    Bounced {
        /// SES's type: `Permanent`, `Transient` or `Undetermined`.
        kind: String,
        /// SES's subtype, as in `General` or `MailboxFull`.
        subtype: String,
        /// The mail server's status, as in `5.1.1`.
        status: String,
        /// What the mail server says.
        said: String,
    },
    /// The mail server takes it, and an answer comes by itself since nobody is there.
    Away,
    /// The mail server takes it, and the reader calls it spam; `abuse`, or another of SES's feedback types.
    Complained(String),
    /// SES takes it, and finds a virus in it.
    Rejected,
    /// SES takes it and tells nothing more of it.
    Silent,
}

impl Fate {
    /// There is no such mailbox.
    pub fn no_such_mailbox() -> Self {
        Self::bounced("Permanent", "General", "5.1.1", "smtp; 550 5.1.1 user unknown")
    }

    /// The mailbox is full.
    pub fn full() -> Self {
        Self::bounced("Transient", "MailboxFull", "4.2.2", "smtp; 452 4.2.2 mailbox full")
    }

    /// SES knows the address to be bad and tries nothing.
    pub fn suppressed() -> Self {
        let said = "Amazon SES did not send the message to this address because it is on the suppression list";
        Self::bounced("Permanent", "OnAccountSuppressionList", "", said)
    }

    /// The mail server believes nothing that comes from this sender.
    pub fn sender_refused() -> Self {
        let said = "smtp; 550 5.7.515 Access denied, sending domain does not meet the required authentication level.";
        Self::bounced("Permanent", "General", "5.7.515", said)
    }

    /// It comes back like this.
    pub fn bounced(kind: &str, subtype: &str, status: &str, said: &str) -> Self {
        let [kind, subtype, status, said] = [kind, subtype, status, said].map(str::to_owned);
        Self::Bounced { kind, subtype, status, said }
    }

    /// What SES's mailbox simulator does at one of its addresses, whatever label stands behind a `+`; anywhere else mail is
    /// delivered.
    pub(super) fn of(address: &str) -> Self {
        let Some(name) = address.to_lowercase().strip_suffix("@simulator.amazonses.com").map(str::to_owned) else {
            return Self::Delivered;
        };
        match name.split('+').next().unwrap_or_default() {
            "bounce" => Self::no_such_mailbox(),
            "ooto" => Self::Away,
            "complaint" => Self::Complained("abuse".to_owned()),
            "suppressionlist" => {
                Self::bounced("Permanent", "Suppressed", "5.1.1", "Amazon SES has suppressed sending to this address")
            }
            _ => Self::Delivered,
        }
    }
}
