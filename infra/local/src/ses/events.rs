//! SES's events, as EventBridge hands them over.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Fate, Mail};
use crate::template::{ACCOUNT, REGION};

/// A kind of event by its three names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kind {
    /// As a configuration set asks for it.
    pub(super) asked: &'static str,
    /// As EventBridge's `detail-type` has it.
    pub(super) detail_type: &'static str,
    /// As SES's own `eventType` has it.
    event_type: &'static str,
    /// Under which name its own part stands.
    part: &'static str,
}

const fn kind(asked: &'static str, detail_type: &'static str, event_type: &'static str, part: &'static str) -> Kind {
    Kind { asked, detail_type, event_type, part }
}

const SEND: Kind = kind("SEND", "Email Sent", "Send", "send");
const DELIVERY: Kind = kind("DELIVERY", "Email Delivered", "Delivery", "delivery");
const BOUNCE: Kind = kind("BOUNCE", "Email Bounced", "Bounce", "bounce");
const COMPLAINT: Kind = kind("COMPLAINT", "Email Complaint Received", "Complaint", "complaint");
const REJECT: Kind = kind("REJECT", "Email Rejected", "Reject", "reject");
const DELAY: Kind = kind("DELIVERY_DELAY", "Email Delivery Delayed", "DeliveryDelay", "deliveryDelay");

/// The events that a mail of this fate brings about, in their order.
pub(super) fn events(mail: &Mail, fate: &Fate) -> Vec<(Kind, Value)> {
    let at = stamp(mail.at);
    let to = mail.to.first().map(String::as_str).unwrap_or_default();
    let delivery = || {
        let part = json!({ "timestamp": at, "processingTimeMillis": 400, "recipients": mail.to,
            "smtpResponse": "250 2.6.0 Message received", "reportingMTA": "mta.example.com" });
        (DELIVERY, part)
    };
    let bounce = |kind: &str, subtype: &str, recipient: Value| {
        let part = json!({ "bounceType": kind, "bounceSubType": subtype, "bouncedRecipients": [recipient], "timestamp": at,
            "feedbackId": format!("{}-feedback", mail.id), "reportingMTA": "dsn; mta.example.com" });
        (BOUNCE, part)
    };
    let sent = (SEND, json!({}));
    let parts = match fate {
        Fate::Silent => vec![sent],
        Fate::Delivered => vec![sent, delivery()],
        Fate::Delayed => {
            let part = json!({ "delayType": "MailboxFull", "timestamp": at, "reportingMTA": "mta.example.com",
                "delayedRecipients": [{ "emailAddress": to, "status": "4.2.2", "diagnosticCode": "452 4.2.2 mailbox full" }] });
            vec![sent, (DELAY, part), delivery()]
        }
        Fate::Bounced { kind, subtype, status, said } => {
            let recipient = json!({ "emailAddress": to, "action": "failed", "status": status, "diagnosticCode": said });
            vec![sent, bounce(kind, subtype, recipient)]
        }
        Fate::Away => vec![sent, delivery(), bounce("Transient", "General", json!({ "emailAddress": to }))],
        Fate::Complained(feedback) => {
            let part = json!({ "complainedRecipients": [{ "emailAddress": to }], "timestamp": at,
                "feedbackId": format!("{}-feedback", mail.id), "userAgent": "the local suite",
                "complaintFeedbackType": feedback, "complaintSubType": null, "arrivalDate": at });
            vec![sent, delivery(), (COMPLAINT, part)]
        }
        Fate::Rejected => vec![sent, (REJECT, json!({ "reason": "Bad content" }))],
    };
    parts.into_iter().map(|(kind, part)| (kind, event(mail, kind, &part))).collect()
}

/// One event with its envelope.
fn event(mail: &Mail, kind: Kind, part: &Value) -> Value {
    let set = mail.configuration_set.as_deref().unwrap_or_default();
    let header = |name: &str, value: &str| json!({ "name": name, "value": value });
    let mut headers = vec![header("From", &mail.from), header("To", &mail.to.join(", ")), header("Subject", &mail.subject)];
    headers.extend(mail.headers.iter().map(|(name, value)| header(name, value)));
    let mut tags: BTreeMap<&str, Vec<&str>> =
        mail.tags.iter().map(|(name, value)| (name.as_str(), vec![value.as_str()])).collect();
    tags.insert("ses:configuration-set", vec![set]);
    let at = stamp(mail.at);
    let mut detail = json!({
        "eventType": kind.event_type,
        "mail": {
            "timestamp": at, "source": mail.from, "sendingAccountId": ACCOUNT, "messageId": mail.id, "destination": mail.to,
            "headersTruncated": false, "headers": headers,
            "commonHeaders": { "from": [mail.from], "to": mail.to, "messageId": mail.id, "subject": mail.subject },
            "tags": tags,
        },
    });
    if let Some(detail) = detail.as_object_mut() {
        detail.insert(kind.part.to_owned(), part.clone());
    }
    json!({
        "version": "0", "id": format!("{}-{}", mail.id, kind.part), "detail-type": kind.detail_type, "source": "aws.ses",
        "account": ACCOUNT, "time": at, "region": REGION,
        "resources": [format!("arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/{set}")],
        "detail": detail,
    })
}

fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}
