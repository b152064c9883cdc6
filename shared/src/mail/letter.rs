//! A letter: a mail of the playbook's to a lead, as it is owed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fields::values;
use crate::consent::MailClass;
use crate::id::{ActivityId, BroadcastId, EnrollmentId, MailId, ScenarioId, StepId, TopicId, WayId};
use crate::lead::Lead;
use crate::playbook::hours::Hours;
use crate::playbook::mail::{Mail, Version};
use crate::playbook::mailing::Day;
use crate::playbook::{Owner, Setup, Zone};

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
    /// When it may go out, if it is marketing mail; none: in the playbook's hours for such mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<OwnHours>,
}

/// Hours for a letter of its own, as the scenario that owes it has them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnHours {
    /// Days of the week.
    pub days: Vec<Day>,
    /// From this hour on, from 0 to 23.
    pub from: u32,
    /// Until this hour, from 1 to 24.
    pub to: u32,
    /// By this zone's clock.
    pub zone: Zone,
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
            hours: None,
        })
    }

    /// The first moment from `now` on at which it may go out, if it is marketing mail. Holidays are those of the playbook.
    #[must_use]
    pub fn opens(&self, setup: &Setup, now: Timestamp) -> Timestamp {
        let own = |own: &OwnHours| {
            Hours { days: &own.days, from: own.from, to: own.to, zone: own.zone.get().clone(), setup }.opening(now)
        };
        self.hours.as_ref().map_or_else(|| setup.opens(now), own)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_its_own_come_before_the_playbooks() {
        let setup = crate::fold::tests::playbook().setup;
        let days = vec![Day::Tue, Day::Wed, Day::Thu];
        let zone = Zone::try_from("America/New_York".to_owned()).unwrap();
        let letter = |hours| Letter {
            mail: MailId::parse("hello").unwrap(),
            class: MailClass::Marketing,
            topic: None,
            cause: Cause::Broadcast(BroadcastId::derive(&["b"])),
            subject: 0,
            values: BTreeMap::new(),
            links: vec![],
            question: None,
            hours,
        };
        // Tuesday noon in New York, at night in Tokyo, whose hours are from eight in the morning on.
        let noon: Timestamp = "2026-11-24T17:00:00Z".parse().unwrap();
        let own = letter(Some(OwnHours { days, from: 9, to: 17, zone }));
        assert_eq!(own.opens(&setup, noon), noon);
        assert_eq!(letter(None).opens(&setup, noon), "2026-11-24T23:00:00Z".parse::<Timestamp>().unwrap());
        let friday = "2026-11-27T17:00:00Z".parse().unwrap();
        assert_eq!(own.opens(&setup, friday), "2026-12-01T14:00:00Z".parse::<Timestamp>().unwrap());
    }
}
