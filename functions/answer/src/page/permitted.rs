//! What mail may be sent to the lead, and why.

use michi::activity::Kind;
use michi::consent::{Ground, words_version};
use michi::fold::Step;
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
    let step = history.iter().find(|step| step.activity.id == ground.activity);
    let Some(Kind::Consented { text, by, .. }) = step.map(|step| &step.activity.kind) else { return vec![] };
    let words = text.as_ref().map(|text| phrases::agreed_words(&line(text), &words_version(text), reader.language));
    words.into_iter().chain(by.as_deref().map(line)).collect()
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
