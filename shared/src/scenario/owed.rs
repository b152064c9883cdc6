//! What a step says to people: the letter to the lead and the notice to the salesperson that it owes.

use jiff::{SignedDuration, Timestamp};

use super::advance::Seen;
use super::enrollment::{Enrollment, Owed};
use crate::mail::letter::{Cause, Choice, Letter, Question};
use crate::mail::message::Message;
use crate::mail::notice::Notice;
use crate::playbook::Language;
use crate::playbook::scenario::{AskStep, Scenario, Step};

/// What could not be sent within this time is of no use any more: the lead has gone on.
pub const LETTER_OF_USE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The message that a step owes, due at once, with everything frozen as it is now. None: nothing is to be said (an attribute
/// is owed), or it cannot be: the playbook has no such mail, the mail is not for leads, or there is nobody to tell.
#[must_use]
pub fn message(owed: &Owed, enrollment: &Enrollment, scenario: &Scenario, seen: &Seen<'_>) -> Option<Message> {
    let Seen { folded, playbook, version, now, .. } = *seen;
    let (lead, setup) = (&folded.lead, &playbook.setup);
    match owed {
        Owed::Mail { message, mail: id, subject, step } => {
            let mail = playbook.mail(id)?;
            let (language, words) = mail.version(mail.language(lead, setup.language))?;
            let run = (enrollment.scenario.clone(), enrollment.id.clone());
            let cause = Cause::Scenario { scenario: run.0, enrollment: run.1, step: step.clone() };
            let people = (lead, playbook.default_owner());
            let letter = Letter::owed(id, (mail, words), cause, *subject, people, setup)?;
            let asking = questions(&scenario.steps).into_iter().find(|ask| ask.id == *step);
            let question = asking.map(|step| question(step, language));
            let letter = Letter { question, hours: scenario.frozen_hours(lead, setup), ..letter };
            let expires = now.saturating_add(LETTER_OF_USE).unwrap_or(Timestamp::MAX);
            Some(Message::letter(message.clone(), &enrollment.lead, language, version, letter, now, now, expires))
        }
        Owed::Notice { message, say } => {
            let owner = playbook.default_owner()?;
            let language = owner.language.unwrap_or(setup.language);
            let notice = Notice::of(lead, say.in_language(language), scenario.name.in_language(language), now)?;
            Some(Message::notice(message.clone(), &enrollment.lead, &owner.id, language, version, notice, now))
        }
        Owed::Attribute { .. } => None,
    }
}

/// The question of a step as it is asked in this language.
#[must_use]
pub fn question(step: &AskStep, language: Language) -> Question {
    let answers =
        step.answers.iter().map(|answer| Choice { id: answer.id.clone(), text: answer.text.in_language(language).to_owned() });
    Question {
        text: step.question.in_language(language).to_owned(),
        attribute: step.attribute.clone(),
        answers: answers.collect(),
    }
}

/// Every step among these and those they hold that asks something.
#[must_use]
pub fn questions(steps: &[Step]) -> Vec<&AskStep> {
    let found = steps.iter().flat_map(|step| {
        let own = match step {
            Step::Ask(ask) => Some(ask),
            _ => None,
        };
        own.into_iter().chain(step.lists().into_iter().flat_map(questions))
    });
    found.collect()
}

#[cfg(test)]
#[cfg(feature = "authoring")]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::activity::{Log, LogOwner};
    use crate::fold::Folded;
    use crate::id::{EnrollmentId, LeadId, MailId, MessageId, PlaybookVersion, ScenarioId, StepId};
    use crate::mail::message::{Content, Recipient, State};
    use crate::playbook::Text;
    use crate::playbook::authoring::default_playbook;
    use crate::scenario::{Newest, Place, Waiting};

    fn now() -> Timestamp {
        "2026-11-22T05:00:00Z".parse().unwrap()
    }

    fn scenario() -> Scenario {
        serde_json::from_value(serde_json::json!({
            "name": { "en": "After a white paper", "ja": "資料ダウンロード後" },
            "trigger": "by_hand",
            "steps": [
                { "mail": { "id": "hello", "send": "case-study" } },
                { "branch": { "id": "known", "ways": [], "otherwise": [{ "ask": {
                    "id": "role", "send": "case-study", "attribute": "interest_area", "within": "7d",
                    "question": { "en": "What brings you here?", "ja": "ご関心はどちらですか" },
                    "answers": [
                        { "id": "cost", "text": { "en": "Cost", "ja": "費用" } },
                        { "id": "quality", "text": { "en": "Quality", "ja": "品質" } },
                    ],
                } }] } },
            ],
        }))
        .unwrap()
    }

    fn enrollment() -> Enrollment {
        Enrollment {
            id: EnrollmentId::derive(&["e"]),
            lead: LeadId::derive(&["lead"]),
            scenario: ScenarioId::parse("after-white-paper").unwrap(),
            playbook: PlaybookVersion::derive(&["v"]),
            version: "v".to_owned(),
            entered: now(),
            place: Place { step: StepId::parse("known").unwrap(), visit: 1, since: now() },
            waiting: Waiting::Nothing,
            due: now(),
            visits: BTreeMap::new(),
            day: None,
            mail: None,
            tries: 0,
            revision: 0,
        }
    }

    fn owed(owed: &Owed) -> Option<Message> {
        let playbook = default_playbook().unwrap();
        let log = Log { owner: LogOwner::Lead(LeadId::derive(&["lead"])), records: vec![] };
        let (folded, version) = (Folded::of(&playbook, &log, now()), PlaybookVersion::derive(&["v"]));
        let seen = Seen { folded: &folded, playbook: &playbook, version: &version, newest: Newest::GivenUp, now: now() };
        message(owed, &enrollment(), &scenario(), &seen)
    }

    fn mail(mail: &str, step: &str) -> Owed {
        Owed::Mail {
            message: MessageId::derive(&["m"]),
            mail: MailId::parse(mail).unwrap(),
            subject: 1,
            step: StepId::parse(step).unwrap(),
        }
    }

    #[test]
    fn a_letter_is_due_at_once_and_says_what_it_is_sent_for() {
        let message = owed(&mail("case-study", "hello")).unwrap();
        assert_eq!((&message.state, &message.to), (&State::Pending { due: now() }, &Recipient::Lead(LeadId::derive(&["lead"]))));
        assert_eq!(message.expires, now() + SignedDuration::from_hours(14 * 24));
        let Content::Letter(letter) = message.content else { panic!() };
        let Cause::Scenario { scenario, enrollment, step } = letter.cause else { panic!() };
        assert_eq!((scenario.as_str(), step.as_str(), letter.subject), ("after-white-paper", "hello", 1));
        assert_eq!((enrollment, letter.question), (EnrollmentId::derive(&["e"]), None));
    }

    #[test]
    fn a_question_is_frozen_with_its_answers_in_the_language_of_the_mail() {
        let message = owed(&mail("case-study", "role")).unwrap();
        assert_eq!(message.language, Language::En);
        let Content::Letter(letter) = message.content else { panic!() };
        let question = letter.question.unwrap();
        assert_eq!((question.text.as_str(), question.attribute.as_str()), ("What brings you here?", "interest_area"));
        let answers: Vec<_> = question.answers.iter().map(|answer| (answer.id.as_str(), answer.text.as_str())).collect();
        assert_eq!(answers, [("cost", "Cost"), ("quality", "Quality")]);
    }

    #[test]
    fn what_cannot_be_said_is_not_owed() {
        assert_eq!(owed(&mail("no-such-mail", "hello")), None);
        assert_eq!(owed(&mail("alert", "hello")), None, "it goes to sales");
        assert_eq!(owed(&Owed::Attribute { name: "a".to_owned(), value: "b".to_owned() }), None);
    }

    #[test]
    fn a_notice_goes_to_the_salesperson_in_her_language() {
        let say = Text { en: "Call today".to_owned(), ja: "本日お電話を".to_owned() };
        let message = owed(&Owed::Notice { message: MessageId::derive(&["n"]), say }).unwrap();
        assert!(matches!(message.to, Recipient::Owner(_)));
        let Content::Notice(notice) = &message.content else { panic!() };
        assert_eq!((notice.say.as_str(), notice.scenario.as_str()), ("Call today", "After a white paper"));
        let read: Message = serde_json::from_value(serde_json::to_value(&message).unwrap()).unwrap();
        assert_eq!((read.mail().as_str(), &read), ("notice", &message));
    }
}
