//! What must hold in the end, whatever was done and when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Log, LogOwner};
use michi::id::{LeadId, MessageId, PlaybookVersion, VisitorId};
use michi::mail::letter::Cause;
use michi::mail::message::{Content, Message, State};
use michi::playbook::Playbook;
use michi_local::Mail;

use super::deeds::{Deed, MENDED, story};
use super::{ADDRESS, ASKED, OTHER, Struck, Tale, WHO};
use crate::scenario::engine::{Act, Done, Engine, Letter, Ran};
use crate::scenario::story::{Told, told};

/// How far apart the same thing may be in the engine and in the suite, whose sweeps come by the minute and whose playbooks are
/// half a minute old.
const NEAR: SignedDuration = SignedDuration::from_mins(15);

/// What the suite came to.
struct End {
    told: Told,
    letters: BTreeMap<MessageId, Letter>,
}

/// What is wrong with the end of a story, if anything is.
pub(super) async fn judge(tale: &Tale) -> Result<(), String> {
    let suite = &tale.suite;
    let mails: Vec<_> = suite.mailbox().mails().into_iter().filter(|mail| mail.to == [ADDRESS] || mail.to == [OTHER]).collect();
    let sent: BTreeSet<&str> = mails.iter().map(|mail| mail.tags["message"].as_str()).collect();
    if sent.len() < mails.len() {
        return Err(format!("{} mails of {} messages: one came twice", mails.len(), sent.len()));
    }
    let struck = tale.moment.struck().filter(|struck| struck.act.is_some());
    let deed = tale.moment.beside.map(|beside| beside.deed).filter(|_| struck.is_some());
    // Whoever asks for something anew afterwards is somebody to whom one may write anew.
    let afterwards = struck.as_ref().is_some_and(|struck| struck.at < tale.began + ASKED);
    let erased = deed.is_some_and(Deed::erases);
    if let Some(struck) = &struck
        && (erased || deed == Some(Deed::OptOut) && !afterwards)
        && mails.len() > struck.mails
    {
        return Err(format!("{} mails, of which {} had been sent before", mails.len(), struck.mails));
    }
    if let Some(struck) = struck.as_ref().filter(|_| erased) {
        return if afterwards { Ok(()) } else { nothing_left(tale, struck) };
    }

    let linked = suite.own().store.visitor_consistent(&VisitorId::parse(WHO).unwrap()).await.unwrap();
    let home = linked.ok_or("nobody is linked")?.lead;
    let log = suite.own().store.log(&LogOwner::Lead(home.clone())).await.unwrap();
    let mut messages = suite.own().store.letters_to(&home).await.unwrap();
    let merged = struck.as_ref().filter(|_| deed.is_some_and(Deed::merges));
    let lead = merged.and_then(|struck| struck.lead.clone()).unwrap_or_else(|| home.clone());
    if let Some(struck) = merged {
        messages.extend(suite.own().store.letters_to(&lead).await.unwrap());
        moved(tale, struck, (&lead, &home), &mails).await?;
    }
    let mended = match struck.as_ref().and_then(|struck| struck.act.as_ref()) {
        Some(Act::Edit(version)) if deed == Some(Deed::Mend) => Some(version),
        _ => None,
    };
    for message in &messages {
        outcome(message, &mails, deed, mended)?;
    }
    let found = End { told: told(&log, 0), letters: messages.iter().filter_map(letter).collect() };
    let playbooks = playbooks(tale, struck.as_ref()).await;
    expected(tale, &playbooks, (&lead, &log), struck.as_ref(), &found)
}

/// Every letter has come to an end: it was sent, once, or that which was done is a reason why not.
fn outcome(
    message: &Message,
    mails: &[std::sync::Arc<Mail>],
    deed: Option<Deed>,
    mended: Option<&PlaybookVersion>,
) -> Result<(), String> {
    let mail = mails.iter().find(|mail| mail.tags["message"] == message.id.as_str());
    match (&message.state, mail) {
        (State::Sent { .. }, Some(mail)) => {
            let text = mail.text.as_deref().unwrap_or_default();
            let says = text.contains(MENDED);
            let shall = mended == Some(&message.playbook);
            (says == shall).then_some(()).ok_or_else(|| format!("a mail owed by another version: {}", mail.subject))
        }
        (State::Failed | State::Expired, None) if deed.is_some_and(Deed::stops_mail) => Ok(()),
        (state, mail) => Err(format!("{:?} is {state:?}, and in the mailbox: {}", message.id, mail.is_some())),
    }
}

/// Who was merged is the other: all of it went there, and no mail goes to the old address any more.
async fn moved(
    tale: &Tale,
    struck: &Struck,
    (lead, home): (&LeadId, &LeadId),
    mails: &[std::sync::Arc<Mail>],
) -> Result<(), String> {
    let store = &tale.suite.own().store;
    if home == lead || store.home(lead).await.unwrap() != *home {
        return Err("who was merged is not the other".to_owned());
    }
    let left = store.log(&LogOwner::Lead(lead.clone())).await.unwrap().records.len();
    if left > 0 {
        return Err(format!("{left} records stayed with who was merged"));
    }
    let late = mails.iter().skip(struck.mails).find(|mail| mail.to == [ADDRESS]);
    late.map_or(Ok(()), |late| Err(format!("a mail to who was merged: {}", late.subject)))
}

/// A letter of the story.
fn letter(message: &Message) -> Option<(MessageId, Letter)> {
    let Content::Letter(letter) = &message.content else { return None };
    if !matches!(letter.cause, Cause::Scenario { .. }) {
        return None;
    }
    let (mail, subject, playbook) = (letter.mail.clone(), letter.subject, message.playbook.clone());
    Some((message.id.clone(), Letter { at: message.created, mail, subject, playbook }))
}

/// The versions that were live.
async fn playbooks(tale: &Tale, struck: Option<&Struck>) -> BTreeMap<PlaybookVersion, Playbook> {
    let edited = match struck.and_then(|struck| struck.act.clone()) {
        Some(Act::Edit(version)) => Some(version),
        _ => None,
    };
    let mut all = BTreeMap::new();
    for version in std::iter::once(tale.before.clone()).chain(edited) {
        let playbook = tale.suite.own().store.playbook(&version).await.unwrap();
        all.insert(version, playbook);
    }
    all
}

/// The end is one to which the engine comes that is told of the same, at the same moment, between two of its turns: no earlier
/// than the lead had come, and no later either if it holds at once.
fn expected(
    tale: &Tale,
    playbooks: &BTreeMap<PlaybookVersion, Playbook>,
    (lead, log): (&LeadId, &Log),
    struck: Option<&Struck>,
    found: &End,
) -> Result<(), String> {
    let (until, mut log) = (tale.suite.now(), log.clone());
    let done =
        struck.and_then(|struck| Some(Done { act: struck.act.clone()?, of: story(), at: struck.at, resumed: tale.resumed }));
    if let Some(Done { act: Act::Learn(kind), .. }) = &done {
        log.records.retain(|record| record.activities.iter().all(|activity| activity.kind != *kind));
    }
    let engine = || Engine::new(playbooks, &tale.before, lead, &log);
    let (Some(struck), Some(done)) = (struck, done) else {
        return differs(found, &engine().run(until)).map_or(Ok(()), Err);
    };
    let at_once = tale.moment.beside.is_some_and(|beside| beside.deed.holds_at_once());
    let mut why = Vec::new();
    for turn in engine().with(&done, None).run(until).turns_near(done.at, NEAR) {
        let ran = engine().with(&done, Some(turn)).run(until);
        if ran.moved.is_none_or(|moved| moved < struck.moved || at_once && moved > struck.moved) {
            continue;
        }
        match differs(found, &ran) {
            None => return Ok(()),
            Some(what) => why.push(format!("  done before turn {turn}: {what}")),
        }
    }
    let Done { act, at, resumed, .. } = done;
    Err(format!("{act:?} at {at}, resumed {resumed:?}: no end of the engine's\n{:#?}\n{}", found.told, why.join("\n")))
}

/// In what the suite's end is not the engine's.
fn differs(found: &End, ran: &Ran) -> Option<String> {
    let (one, other) = (&found.told, &ran.told);
    if one.path != other.path || one.entered != other.entered {
        return Some(format!("the way is {:?}, entered {:?}", other.path, other.entered));
    }
    let far = |one: Timestamp, other: Timestamp| one.duration_since(other).abs() > NEAR;
    for (said, (one, other)) in one.path.iter().zip(one.when.iter().zip(&other.when)) {
        if one.1 != other.1 || far(one.0, other.0) {
            return Some(format!("{said} was {one:?}, not {other:?}"));
        }
    }
    let alike = |(one, other): ((&MessageId, &Letter), (&MessageId, &Letter))| {
        one.0 == other.0 && !far(one.1.at, other.1.at) && Letter { at: one.1.at, ..other.1.clone() } == *one.1
    };
    let letters = found.letters.len() == ran.letters.len() && found.letters.iter().zip(&ran.letters).all(alike);
    (!letters).then(|| format!("the letters are {:?}, not {:?}", found.letters, ran.letters))
}

/// Nothing of the erased lead is left, and nothing was written about it once the erasure had begun.
fn nothing_left(tale: &Tale, struck: &Struck) -> Result<(), String> {
    let Some(lead) = &struck.lead else { return Ok(()) };
    let written = tale.moment.written.lock().unwrap();
    if let Some(first) = written.first() {
        return Err(format!("the lead is being erased, and {first}"));
    }
    for table in ["Activities", "Leads"] {
        for item in tale.suite.items(table).unwrap() {
            let text = item.to_string();
            if text.contains(lead.as_str()) || text.contains(ADDRESS) {
                return Err(format!("of the erased lead there is in {table}: {text}"));
            }
        }
    }
    Ok(())
}
