//! What mail may be sent to the lead, and why.

use michi::activity::Kind;
use michi::consent::{Ground, words_version};
use michi::fold::Step;
use michi::id::ActivityId;
use michi::lead::Lead;

use super::phrases;
use super::reader::{Reader, Stamp, line};

/// What may be sent of one class of mail.
#[derive(Debug)]
pub(crate) struct Permitted {
    pub(crate) class: &'static str,
    pub(crate) may: bool,
    /// Why, or why not.
    pub(crate) why: &'static str,
    /// Since when, if it was ever said.
    pub(crate) since: Option<Stamp>,
    /// The words that were agreed to, who says so, what is not wanted.
    pub(crate) notes: Vec<String>,
}

/// Marketing mail first, then what the lead asks for itself.
pub(crate) fn permitted(lead: &Lead, history: &[Step<'_>], reader: &Reader<'_>) -> [Permitted; 2] {
    let (words, language, known) = (reader.words, reader.language, &lead.permissions);
    let suppressed = known.suppressed.map(|found| (phrases::suppressed(found.why, language), reader.when(found.at)));
    let refused = |class, (why, since): &(&'static str, Stamp)| Permitted {
        class,
        may: false,
        why,
        since: Some(since.clone()),
        notes: vec![],
    };
    let class = words.marketing;
    let marketing = if let Some(suppressed) = &suppressed {
        refused(class, suppressed)
    } else if let Some(since) = known.opted_out {
        refused(class, &(words.wants_none, reader.when(since)))
    } else if let Some(ground) = &known.marketing {
        let mut notes = said(ground, history, reader);
        notes.extend(unwanted(lead, reader));
        Permitted { class, may: true, why: phrases::basis(ground.basis, language), since: Some(reader.when(ground.at)), notes }
    } else if let Some(ground) = known.awaiting.last() {
        Permitted { notes: said(ground, history, reader), ..refused(class, &(words.awaits, reader.when(ground.at))) }
    } else {
        Permitted { class, may: false, why: words.no_ground, since: None, notes: vec![] }
    };
    let class = words.service;
    let service = match &suppressed {
        Some(suppressed) => refused(class, suppressed),
        None => Permitted { class, may: true, why: words.asked_for, since: None, notes: tracking(lead, reader) },
    };
    [marketing, service]
}

/// By which words, and on whose word, the lead agreed.
fn said(ground: &Ground, history: &[Step<'_>], reader: &Reader<'_>) -> Vec<String> {
    let step = |id: &ActivityId| history.iter().find(|step| step.activity.id == *id);
    let Some(Kind::Consented { text, form, by, .. }) = step(&ground.activity).map(|step| &step.activity.kind) else {
        return vec![];
    };
    let words = text.as_ref().map(|text| phrases::agreed_words(&line(text), &words_version(text), reader.language));
    let claimed = form.as_ref().and_then(step).is_some_and(|form| form.unconfirmed);
    words.into_iter().chain(by.as_deref().map(line)).chain(claimed.then(|| reader.words.unconfirmed.to_owned())).collect()
}

/// The topics that the lead does not want, by their names.
fn unwanted(lead: &Lead, reader: &Reader<'_>) -> Option<String> {
    let topics = reader.playbook.setup.mail.topics.iter().filter(|topic| !lead.permissions.wants(Some(&topic.id)));
    let names: Vec<&str> = topics.map(|topic| topic.name.in_language(reader.language)).collect();
    (!names.is_empty()).then(|| format!("{} {}", reader.words.unwanted, names.join(reader.words.comma)))
}

/// What the lead does not want to be seen doing.
fn tracking(lead: &Lead, reader: &Reader<'_>) -> Vec<String> {
    let unseen = [(lead.permissions.no_opens, reader.words.no_opens), (lead.permissions.no_clicks, reader.words.no_clicks)];
    unseen.into_iter().filter(|(chosen, _)| *chosen).map(|(_, words)| words.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use michi::activity::{Activity, Log, LogOwner, OptOut, Record};
    use michi::consent::{Basis, MailClass};
    use michi::fold::{fold, history};
    use michi::id::{LeadId, TopicId};
    use michi::playbook::authoring::default_playbook;
    use michi::playbook::mailing::Topic;
    use michi::playbook::{Language, Text};

    use super::*;

    /// What the page says after these, a minute apart.
    fn told(kinds: &[Kind], language: Language) -> Vec<String> {
        let mut playbook = default_playbook().unwrap();
        let name = Text { en: "News".to_owned(), ja: "お知らせ".to_owned() };
        playbook.setup.mail.topics = vec![Topic { id: TopicId::parse("news").unwrap(), name }];
        let at = |minute: usize| Timestamp::from_second(1_800_000_000 + 60 * i64::try_from(minute).unwrap()).unwrap();
        let record = |(minute, kind): (usize, &Kind)| {
            let id = ActivityId::derive(&[&minute.to_string()]);
            let activities = vec![Activity { id: id.clone(), at: at(minute), kind: kind.clone() }];
            Record { activities, ..Record::decision(id, at(minute), kind.clone()) }
        };
        let records = kinds.iter().enumerate().map(record).collect();
        let log = Log { owner: LogOwner::Lead(LeadId::derive(&["l"])), records };
        let now = at(60);
        let (lead, steps) = (fold(&playbook, &log, now), history(&playbook, &log, now));
        let line = |permitted: Permitted| {
            let since = permitted.since.map(|since| since.machine).unwrap_or_default();
            format!("{} {} {since} {}", permitted.may, permitted.why, permitted.notes.join("; ")).trim().to_owned()
        };
        permitted(&lead, &steps, &Reader::new(&playbook, now, language)).map(line).to_vec()
    }

    fn agrees(awaits: bool) -> Kind {
        Kind::Consented {
            class: MailClass::Marketing,
            granted: true,
            basis: Basis::Form,
            text: Some("Send me news".to_owned()),
            awaits,
            form: None,
            by: None,
        }
    }

    fn chooses(topic: Option<&str>, wanted: bool) -> Kind {
        let topic = topic.map(|topic| TopicId::parse(topic).unwrap());
        Kind::MailChosen { topic, wanted, by: OptOut::Page, message: None }
    }

    #[test]
    fn the_page_says_what_may_be_sent_and_why() {
        let check = |kinds: &[Kind], wanted: [&str; 2]| assert_eq!(told(kinds, Language::En), wanted);
        let words = format!("“Send me news” (version {})", words_version("Send me news"));
        let free = "true needs no consent";
        check(&[], ["false nobody has agreed to it", free]);
        check(&[agrees(false)], [&format!("true agreed in a form 2027-01-15T08:00:00Z {words}"), free]);
        check(&[agrees(true)], [&format!("false not yet confirmed from the mailbox 2027-01-15T08:00:00Z {words}"), free]);
        check(&[agrees(false), chooses(None, false)], ["false wants none 2027-01-15T08:01:00Z", free]);
        let seen = Kind::TrackingChosen { opens: false, clicks: true };
        check(
            &[agrees(false), chooses(Some("news"), false), seen],
            [
                &format!("true agreed in a form 2027-01-15T08:00:00Z {words}; without News"),
                "true needs no consent  does not want to be seen opening mail",
            ],
        );
        let complained = Kind::MailComplained { message: michi::id::MessageId::derive(&["m"]) };
        let never = "false called a mail spam 2027-01-15T08:01:00Z";
        check(&[agrees(false), complained], [never, never]);
        assert_eq!(told(&[chooses(None, true)], Language::Ja)[0], "true 配信設定ページで希望 2027-01-15T08:00:00Z");
    }
}
