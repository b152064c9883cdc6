//! A letter: a mail of the playbook's to a lead, as it is owed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fields::values;
use crate::consent::MailClass;
use crate::id::{ActivityId, BroadcastId, EnrollmentId, MailId, ScenarioId, StepId, TopicId, WayId};
use crate::lead::Lead;
use crate::playbook::mail::{Mail, Version};
use crate::playbook::{Owner, Setup};

/// What a message to a lead says. Everything that can change until it is sent is frozen when it is owed; the text itself is
/// that of the playbook's version that the message names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Which mail of the playbook.
    pub mail: MailId,
    /// Its class.
    pub class: MailClass,
    /// Its topic, if readers may choose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<TopicId>,
    /// What it is sent for.
    pub cause: Cause,
    /// Which of the mail's subjects, from 0.
    pub subject: u16,
    /// The values of its fields, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
    /// Where its links lead, by number: a link in a mail names lead, message and number, never a target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
    /// The question that it asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

/// A question to a lead, as it is asked: a later change of the scenario changes nothing in what was mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The question, in the reader's language.
    pub text: String,
    /// The attribute that keeps the answer.
    pub attribute: String,
    /// The answers, in order.
    pub answers: Vec<Choice>,
}

/// One of the answers to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the attribute keeps.
    pub id: WayId,
    /// What readers see, in their language.
    pub text: String,
}

impl Letter {
    /// A letter as it is owed now, with its values frozen, that asks nothing; none: the mail is not for leads.
    #[must_use]
    pub fn owed(
        id: &MailId,
        (mail, version): (&Mail, &Version),
        cause: Cause,
        subject: u16,
        (lead, owner): (&Lead, Option<&Owner>),
        setup: &Setup,
    ) -> Option<Self> {
        Some(Self {
            mail: id.clone(),
            class: mail.class.consent()?,
            topic: mail.topic.clone(),
            cause,
            subject,
            values: values(version, lead, owner, setup),
            links: version.links.clone(),
            question: None,
        })
    }
}

/// What a letter is sent for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A consent that counts only once it is confirmed.
    Confirmation(ActivityId),
    /// A mail to many at once.
    Broadcast(BroadcastId),
    /// A step of a scenario.
    Scenario {
        /// The scenario.
        scenario: ScenarioId,
        /// The lead's run of it.
        enrollment: EnrollmentId,
        /// The step.
        step: StepId,
    },
}
