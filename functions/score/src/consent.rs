//! The consent that a form gives, and the letter that asks for its confirmation where the playbook wants one.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{Activity, Kind, Log, Record};
use michi::consent::{Basis, MailClass};
use michi::fold::fold;
use michi::id::{ActivityId, LeadId, MailId, MessageId};
use michi::io::{App, Versioned};
use michi::lead::Lead;
use michi::link::CONFIRM_DAYS;
use michi::mail::fields::{OURS, values};
use michi::mail::letter::{Cause, Letter};
use michi::mail::message::Message;
use michi::playbook::Playbook;

/// The mail that asks for a confirmation.
const CONFIRM: &str = "confirm";

/// How long such a letter is of use: whoever waits for it still knows why. Its link works on for days.
const OF_USE: SignedDuration = SignedDuration::from_hours(24);
const _: () = assert!(CONFIRM_DAYS > 1);

/// The consent that a form's ticked box gives, with the words beside it. An empty box takes nothing away. It counts from
/// when the form was sent, however late it is looked at: who has opted out since stays so. One that must be confirmed is
/// written down if a letter may ask for it: else the letter that is out speaks for this form too. `known` is the log so far.
pub(crate) fn given(
    playbook: &Playbook,
    lead: &LeadId,
    activity: &Activity,
    known: impl FnOnce() -> Log,
    now: Timestamp,
) -> Option<Record> {
    let Kind::FormSubmitted(form) = &activity.kind else { return None };
    let given = form.consent.as_ref().filter(|consent| consent.granted)?;
    let awaits = playbook.confirms(&form.form);
    if awaits && !fold(playbook, &known(), now).permissions.may_ask(activity.at) {
        return None;
    }
    let cause = ActivityId::derive(&["consent", lead.as_str(), activity.id.as_str()]);
    let kind = Kind::Consented {
        class: MailClass::Marketing,
        granted: true,
        basis: Basis::Form,
        text: Some(given.text.clone()).filter(|text| !text.is_empty()),
        awaits,
        form: Some(activity.id.clone()),
        by: None,
    };
    Some(Record { received: now, ..Record::decision(cause, activity.at, kind) })
}

/// The letters that ask the lead to confirm what these records say, of which there is at most one an address and day. Nothing
/// that a visitor wrote stands in them: whose address it is, is not known yet.
pub(crate) fn asked(app: &App, live: &Versioned, id: &LeadId, lead: &Lead, records: &[Record], now: Timestamp) -> Vec<Message> {
    let (Some(address), Ok(name)) = (lead.address(), MailId::parse(CONFIRM)) else { return vec![] };
    let Some(mail) = live.playbook.mail(&name) else { return vec![] };
    let (setup, hash) = (&live.playbook.setup, app.keys.address_hash(&address));
    let Some((language, version)) = mail.version(mail.language(lead, setup.language)) else { return vec![] };
    // Of the lead's own fields not one.
    let own: BTreeMap<String, String> =
        values(version, lead, None, setup).into_iter().filter(|(field, _)| OURS.contains(&field.as_str())).collect();
    let consents = records.iter().filter(|record| lead.permissions.awaits(&record.id));
    let letter = |consent: &Record| {
        let day = consent.at.to_zoned(TimeZone::UTC).date().to_string();
        let letter = Letter {
            mail: name.clone(),
            class: MailClass::Service,
            topic: None,
            cause: Cause::Confirmation(consent.id.clone()),
            subject: 0,
            values: own.clone(),
            links: version.links.clone(),
            question: None,
            hours: None,
        };
        let expires = now.saturating_add(OF_USE).unwrap_or(now);
        Message::letter(MessageId::derive(&[CONFIRM, &hash, &day]), id, language, &live.version, letter, now, now, expires)
    };
    consents.map(letter).collect()
}
