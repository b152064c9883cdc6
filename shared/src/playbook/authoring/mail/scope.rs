//! Which fields which mail may show, and which class it may have.

use super::super::mistake::{Mistake, quoted};
use super::super::names::Names;
use super::super::place::Place;
use super::tags::Scope;
use crate::id::MailId;
use crate::mail::compose::{ALERT, CORRECTION, NOTICE, SUMMARY, Shown};
use crate::mail::fields::{CONFIRM_URL, LEAD, OURS, OWNER, QUESTION, URLS};
use crate::playbook::mail::Class;

/// The mail that asks to confirm a consent.
const CONFIRM: &str = "confirm";
const STRANGER: &str = "take it away: until the address is confirmed, anybody may have typed what a form says, and michi sends no such words to strangers";
const NO_CHOICE: &str = "take it away: only marketing mail can be declined; its foot says how by itself";
const ONLY_CONFIRM: &str = "only mail/confirm.md has a page to confirm";
const NO_CONFIRM: (&str, &str) =
    ("the link with {{ confirm_url }} is missing", "write it as [Confirm]({{ confirm_url }} \"button\")");
const ONLY_ASK: &str =
    "take it away, or let a scenario send this mail with a step \"ask\": that step has the question and its answers";
const NO_QUESTION: (&str, &str) = (
    "a scenario asks a question with this mail, and {{ question }} is missing",
    "write {{ question }} on a line of its own, where question and answers shall stand",
);

/// What the files say that decides over fields.
#[derive(Debug)]
pub(super) struct Scopes<'a> {
    pub(super) names: &'a Names<'a>,
}

impl<'a> Scopes<'a> {
    /// What a mail may show.
    pub(super) fn of(&self, id: &MailId, class: Class) -> Scope<'a> {
        match (id.as_str(), class) {
            ("alert", Class::Sales) => sales(&ALERT),
            ("correction", Class::Sales) => sales(&CORRECTION),
            ("summary", Class::Sales) => sales(&SUMMARY),
            ("notice", Class::Sales) => sales(&NOTICE),
            (CONFIRM, _) => {
                let attributes = self.names.attributes.iter().copied().chain(LEAD).chain(OWNER);
                Scope {
                    sure: OURS.to_vec(),
                    urls: vec![CONFIRM_URL],
                    barred: attributes.map(|name| (name, STRANGER)).chain(URLS.map(|name| (name, NO_CHOICE))).collect(),
                    needed: Some((CONFIRM_URL, NO_CONFIRM)),
                    ..Scope::default()
                }
            }
            _ => {
                let mut unsure: Vec<&str> = LEAD.into_iter().filter(|name| *name != "email").collect();
                unsure.extend(
                    self.names
                        .attributes
                        .iter()
                        .copied()
                        .filter(|name| !LEAD.contains(name) && *name != QUESTION && is_name(name)),
                );
                let mut barred = vec![(CONFIRM_URL, ONLY_CONFIRM)];
                // Where a scenario cannot be read, nobody knows whether it asks.
                let asks = !self.names.asking.lacks(id.as_str());
                if !asks {
                    barred.push((QUESTION, ONLY_ASK));
                }
                if class == Class::Service {
                    barred.extend(URLS.map(|name| (name, NO_CHOICE)));
                }
                Scope {
                    unsure,
                    sure: ["email"].into_iter().chain(OWNER).chain(OURS).collect(),
                    urls: if class == Class::Marketing { URLS.to_vec() } else { vec![] },
                    barred,
                    blocks: if asks { vec![QUESTION] } else { vec![] },
                    attributes: true,
                    needed: self.names.asking.has(id.as_str()).then_some((QUESTION, NO_QUESTION)),
                }
            }
        }
    }

    /// Sees to it that class and topic fit the mail.
    pub(super) fn judge(&self, id: &MailId, class: Option<Class>, place: Place<'_>, mistakes: &mut Vec<Mistake>) {
        let topic = place.key("topic");
        if let Some(name) = topic.text() {
            if matches!(class, Some(Class::Service | Class::Sales)) {
                mistakes.push(topic.mistake("only marketing mail has a topic", "take it away: other mail cannot be declined"));
            } else if self.names.topics.lacks(name) {
                let what = format!("no topic is called {}", quoted(name));
                mistakes.push(topic.mistake(what, self.names.topics.remedy(name, "in playbook.yaml under \"mail: topics:\"")));
            }
        }
        let Some(class) = class else { return };
        let mut wrong = |what: String, remedy: &str| {
            let at = place.key("class");
            mistakes.push(at.mistake(what, remedy));
        };
        match (id.as_str(), class) {
            ("alert" | "correction" | "summary" | "notice", Class::Marketing | Class::Service) => {
                wrong(format!("the mail \"{id}\" goes to sales"), "write \"class: sales\", or give the mail another name");
            }
            (CONFIRM, Class::Marketing | Class::Sales) => {
                wrong("the mail \"confirm\" is sent because somebody asked for it".to_owned(), "write \"class: service\"");
            }
            ("alert" | "correction" | "summary" | "notice", Class::Sales) | (_, Class::Marketing | Class::Service) => {}
            (_, Class::Sales) => {
                wrong(
                    "only \"alert\", \"correction\", \"summary\" and \"notice\" go to sales".to_owned(),
                    "write \"class: marketing\" or \"class: service\"",
                );
            }
        }
    }
}

fn sales(shown: &'static Shown) -> Scope<'static> {
    Scope {
        unsure: shown.unsure.to_vec(),
        sure: shown.sure.to_vec(),
        blocks: shown.blocks.to_vec(),
        urls: shown.urls.to_vec(),
        ..Scope::default()
    }
}

/// Whether a tag can name it: other attributes serve rules alone.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
