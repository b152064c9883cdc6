//! What it means that a mail came back: whether the address is to blame, and for how long, or the sender.

use serde::{Deserialize, Serialize};

use crate::activity::Bounce;

/// What is known of a mail that came back, in SES's words and those of the mail server.
#[derive(Debug, Clone, Copy, Default)]
pub struct Returned<'r> {
    /// SES's type: `Permanent`, `Transient` or `Undetermined`.
    pub kind: &'r str,
    /// SES's subtype.
    pub subtype: &'r str,
    /// The mail server's status, as in `5.1.1`.
    pub status: &'r str,
    /// What the mail server said.
    pub said: &'r str,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judged {
    /// For how long mail to the address cannot be delivered.
    pub bounce: Bounce,
    /// What is held against the sender.
    pub fault: Option<Fault>,
    /// Whether it counts among the mails that came back: SES sends nothing to an address that it knows to be bad, so that
    /// no mail server saw it.
    pub counts: bool,
}

/// What a mail server may hold against the sender. Every mail will come back until it is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The mail cannot be shown to be the sender's: SPF, DKIM or DMARC fails.
    Authentication,
    /// Too much unwanted mail came from the sender, its domain or its network.
    Reputation,
}

/// Judges a mail that came back. SES often calls it permanent what a mail server refuses because of the sender, so the
/// server's own words count first.
#[must_use]
pub fn judge(returned: Returned<'_>) -> Judged {
    let by_ses = match returned.kind {
        "Permanent" => Bounce::Permanent,
        "Transient" => Bounce::Transient,
        _ => Bounce::Undetermined,
    };
    if matches!(returned.subtype, "OnAccountSuppressionList" | "Suppressed") {
        return Judged { bounce: by_ses, fault: None, counts: false };
    }
    let fault = fault(&returned);
    // An answer that a machine gives in the reader's absence comes as one "for now", which SES does not count either.
    Judged { bounce: if fault.is_some() { Bounce::Blocked } else { by_ses }, fault, counts: by_ses == Bounce::Permanent }
}

/// What the mail server holds against the sender, by its enhanced status (RFC 3463, RFC 7372 and the large providers' own
/// lists), and where that is too general by its words.
fn fault(returned: &Returned<'_>) -> Option<Fault> {
    let codes: Vec<(u32, u32)> = codes(returned.status).chain(codes(returned.said)).collect();
    // It speaks of the mailbox, whatever else it says.
    if codes.iter().any(|(subject, _)| *subject == 1) {
        return None;
    }
    let by_code = codes.iter().find_map(|code| match code {
        (7, 20..=27 | 30 | 509 | 515) => Some(Fault::Authentication),
        (7, 28 | 501..=503 | 505 | 508 | 511 | 606..=649 | 705 | 708 | 750) => Some(Fault::Reputation),
        _ => None,
    });
    let said = returned.said.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| said.contains(words));
    by_code
        .or_else(|| says(&AUTHENTICATION).then_some(Fault::Authentication))
        .or_else(|| says(&REPUTATION).then_some(Fault::Reputation))
}

/// What mail servers say under 5.7.1 and the like when they do not believe whose the mail is.
const AUTHENTICATION: [&str; 4] =
    ["does not meet the required authentication", "does not have authentication information", "unauthenticated email", "dmarc"];
/// And when they know the sender, or its network, too well.
const REPUTATION: [&str; 9] = [
    "blocked using",
    "spamhaus",
    "on our block list",
    "(s3140)",
    "(s3150)",
    "low reputation",
    "poor reputation",
    "likely unsolicited mail",
    "unusual rate of unsolicited",
];

/// Subject and detail of every enhanced status in a text: `5.7.515` has 7 and 515.
fn codes(text: &str) -> impl Iterator<Item = (u32, u32)> {
    let candidates = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|part| part.trim_matches('.'));
    candidates.filter_map(|candidate| {
        let mut parts = candidate.split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        let whole = parts.next().is_none() && matches!(class, "4" | "5");
        whole.then_some((subject.parse().ok()?, detail.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(kind: &str, subtype: &str, status: &str, said: &str) -> (Bounce, Option<Fault>, bool) {
        let Judged { bounce, fault, counts } = judge(Returned { kind, subtype, status, said });
        (bounce, fault, counts)
    }

    #[test]
    fn permanent_transient_and_undetermined_are_told_apart() {
        let gone = "smtp; 550 5.1.1 user unknown";
        assert_eq!(judged("Permanent", "General", "5.1.1", gone), (Bounce::Permanent, None, true));
        assert_eq!(judged("Permanent", "NoEmail", "", ""), (Bounce::Permanent, None, true));
        assert_eq!(judged("Permanent", "OnAccountSuppressionList", "5.1.1", ""), (Bounce::Permanent, None, false));
        assert_eq!(judged("Permanent", "Suppressed", "5.1.1", ""), (Bounce::Permanent, None, false));
        assert_eq!(judged("Transient", "MailboxFull", "4.2.2", "smtp; 452 full"), (Bounce::Transient, None, false));
        assert_eq!(judged("Transient", "General", "", ""), (Bounce::Transient, None, false));
        assert_eq!(judged("Undetermined", "Undetermined", "", ""), (Bounce::Undetermined, None, false));
        assert_eq!(judged("SomethingNew", "", "", ""), (Bounce::Undetermined, None, false));
    }

    #[test]
    fn what_is_held_against_the_sender_is_not_the_addresses_fault() {
        let check = |status: &str, said: &str, fault| {
            for kind in ["Permanent", "Transient", "Undetermined"] {
                let (bounce, found, _) = judged(kind, "General", status, said);
                assert_eq!((bounce, found), (Bounce::Blocked, Some(fault)), "{said}");
            }
        };
        let domain =
            "smtp; 550 5.7.515 Access denied, sending domain EXAMPLE.COM does not meet the required authentication level.";
        check("5.7.515", domain, Fault::Authentication);
        check("5.0.0", domain, Fault::Authentication);
        check("", "smtp; 550-5.7.26 This mail has been blocked because the sender is unauthenticated.", Fault::Authentication);
        check("5.7.1", "smtp; 550 5.7.1 Email rejected per DMARC policy for example.com", Fault::Authentication);
        check("5.7.1", "smtp; 550 5.7.1 part of their network is on our block list (S3140).", Fault::Reputation);
        check(
            "5.7.1",
            "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
            Fault::Reputation,
        );
        check("5.7.606", "smtp; 550 5.7.606 Access denied, banned sending IP [192.0.2.1]", Fault::Reputation);
    }

    #[test]
    fn a_refusal_that_speaks_of_the_mailbox_is_the_addresses() {
        let said = "smtp; 550 5.1.1 no such user; see our DMARC page";
        assert_eq!(judged("Permanent", "General", "", said), (Bounce::Permanent, None, true));
        // Whom a mailbox takes mail from is its own affair.
        let closed = "smtp; 550 5.7.1 recipient takes no mail from outside";
        assert_eq!(judged("Permanent", "General", "5.7.1", closed), (Bounce::Permanent, None, true));
    }

    #[test]
    fn codes_are_found_where_they_stand() {
        let found = |text| codes(text).collect::<Vec<_>>();
        assert_eq!(found("smtp; 550-5.7.26 x 550 5.7.26 ok."), [(7, 26), (7, 26)]);
        assert_eq!(found("[192.0.2.1] 2.0.0 5.1 5.x.1 5.99999999999.1"), []);
    }
}
