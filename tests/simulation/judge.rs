//! What must hold when everything is over, whatever went wrong on the way. The mails that SES took are the ledger.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use michi::activity::{Bounce, LogOwner};

use michi::fold::fold;
use michi::id::{LeadId, TopicId};
use michi::mail::mailing::Mailing;
use michi::mail::message::Report;
use michi_local::{Fault, Mishap};
use serde_json::{Value, json};

use super::cast::{Fate, Person};
use super::line::{Seen, Taken, text};
use super::town::Town;

/// How long after an unanswered call nothing may be sent again: mail to sales, and mail to leads.
const EVIDENCE: [SignedDuration; 2] = [SignedDuration::from_mins(2), SignedDuration::from_mins(30)];

/// How a run ended in which nothing was wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) runs: usize,
    pub(super) messages: usize,
    pub(super) mails: usize,
    /// Copies that the protocol cannot avoid: SES took a mail, and nobody learnt of it within the window.
    pub(super) copies: usize,
    pub(super) held: usize,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.messages += other.messages;
        self.mails += other.mails;
        self.copies += other.copies;
        self.held += other.held;
    }
}

/// A message as it is stored in the end.
struct Ended {
    of: String,
    state: String,
    letter: bool,
    /// What it is said to have come to.
    report: Option<Report>,
    /// What happened to it, in short.
    history: Vec<String>,
}

/// Everything that the judge looks at.
struct Case<'t> {
    town: &'t Town,
    seen: Vec<Seen>,
    messages: BTreeMap<String, Ended>,
    wrong: Vec<String>,
}

/// Judges a town in which everything is done that can be; says all that is wrong.
pub(super) async fn judge(town: &Town, left: &[String]) -> Result<Tally, Vec<String>> {
    let items = town.suite.items("Leads").unwrap();
    let mut case = Case { town, seen: town.witness.seen(), messages: messages(&items), wrong: vec![] };
    case.wrong.extend(left.iter().map(|left| format!("left: {left}")));
    case.ends();
    let copies = case.copies();
    case.claims();
    case.caps();
    case.fates();
    case.reports();
    case.caches(&items).await;
    let held = case.messages.values().filter(|message| message.state == "held").count();
    let (messages, mails) = (case.messages.len(), case.taken().count());
    if case.wrong.is_empty() { Ok(Tally { runs: 1, messages, mails, copies, held }) } else { Err(case.wrong) }
}

fn messages(items: &[Value]) -> BTreeMap<String, Ended> {
    let found = items.iter().filter(|item| text(item, "sk").starts_with("message#"));
    let ended = |item: &Value| {
        let state = item.pointer("/state/M/is/S").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ended {
            of: text(item, "pk").to_owned(),
            state,
            letter: text(item, "mail") == "letter",
            report: report(item),
            history: history(item),
        }
    };
    found.map(|item| (text(item, "sk").trim_start_matches("message#").to_owned(), ended(item))).collect()
}

/// What happened to a message, in short: `claimed`, `refused opted_out`.
fn history(item: &Value) -> Vec<String> {
    let entries = item.pointer("/history/L").and_then(Value::as_array).into_iter().flatten();
    let said = |entry: &Value| ["event", "why"].map(|name| text(&entry["M"], name).to_owned()).join(" ").trim().to_owned();
    entries.map(said).collect()
}

/// What the item of a message says that it came to.
fn report(item: &Value) -> Option<Report> {
    let report = item.get("report")?;
    let plain = |value: &Value| value.get("S").cloned();
    let bounced = || Some(json!({ "bounced": plain(report.pointer("/M/bounced")?)? }));
    serde_json::from_value(plain(report).or_else(bounced)?).ok()
}

impl Case<'_> {
    fn taken(&self) -> impl Iterator<Item = &Taken> {
        self.seen.iter().filter_map(|seen| match seen {
            Seen::Taken(taken) => Some(taken),
            _ => None,
        })
    }

    fn is_taken(&self, message: &str) -> bool {
        self.taken().any(|taken| taken.message == message)
    }

    /// Whether SES took the mail, and the script kept everybody from hearing of it in the ordinary way.
    fn is_unheard(&self, message: &str) -> bool {
        self.seen.iter().enumerate().any(|(place, seen)| match seen {
            Seen::Taken(taken) if taken.message == message => self.went_unheard(place, taken),
            _ => false,
        })
    }

    /// Whether SES's answer was lost, or the script struck the run that was to write it down.
    fn went_unheard(&self, place: usize, taken: &Taken) -> bool {
        let lost = matches!(taken.fault, Some(Fault::AfterEffect | Fault::CrashAfter));
        let after = self.seen.iter().skip(place + 1);
        lost || after.clone().any(|seen| matches!(seen, Seen::Struck { run } if run.is_some() && *run == taken.run))
    }

    /// Whether what was seen at this place told michi for good that the message was sent: a reader's deed that was
    /// acknowledged, or the end of a run of `feedback` that nothing struck.
    fn proves(&self, place: usize, message: &str) -> bool {
        let later = self.seen.iter().skip(place + 1);
        match self.seen.get(place) {
            Some(Seen::Proven { message: proven }) => proven == message,
            Some(Seen::Reported { run, message: reported }) if reported == message => {
                let goes_on = later.clone().any(|seen| matches!(seen, Seen::Reported { run: other, .. } if other == run));
                let struck = self.seen.iter().any(|seen| matches!(seen, Seen::Struck { run: other } if other == run));
                !goes_on && !struck
            }
            _ => false,
        }
    }

    fn is_proven(&self, message: &str) -> bool {
        (0..self.seen.len()).any(|place| self.proves(place, message))
    }

    /// Every message comes to an end, and none is said to be sent that was not.
    fn ends(&mut self) {
        let mut wrong = vec![];
        let expected: BTreeSet<&str> = self.town.owed.iter().map(|owed| owed.id.as_str()).collect();
        for (id, message) in &self.messages {
            let end = message.state.as_str();
            if !["sent", "failed", "expired", "held"].contains(&end) {
                wrong.push(format!("message {id} stays {end}"));
            }
            if end == "sent" && !self.is_taken(id) {
                wrong.push(format!("message {id} is called sent and is in no mailbox"));
            }
            if ["failed", "expired"].contains(&end) && self.is_taken(id) && !self.is_unheard(id) {
                wrong.push(format!("message {id} is called {end} and is in a mailbox"));
            }
            let struck = self.seen.iter().filter(|seen| matches!(seen, Seen::Struck { .. })).count();
            if end == "held" && struck < 2 {
                wrong.push(format!("message {id} is held after {struck} faults"));
            }
            if !message.letter && ["failed", "expired"].contains(&end) {
                wrong.push(format!("alert {id} is {end}"));
            }
            if message.letter && message.of != self.town.partition(Person::Asked) && !expected.contains(id.as_str()) {
                wrong.push(format!("nobody owed the letter {id}"));
            }
        }
        wrong.extend(expected.iter().filter(|id| !self.messages.contains_key(**id)).map(|id| format!("message {id} is gone")));
        let alerts = self.messages.values().filter(|message| !message.letter).count();
        if alerts != usize::from(self.town.lives_here(Person::Hot)) {
            wrong.push(format!("{alerts} alerts are owed"));
        }
        self.wrong.append(&mut wrong);
    }

    /// A second copy is forgiven if the answer to the first was lost by the script, nothing showed within the window that it
    /// had been sent, and the window was waited for.
    fn copies(&mut self) -> usize {
        let mut copies = 0;
        let mut wrong = vec![];
        for (place, seen) in self.seen.iter().enumerate() {
            let Seen::Taken(first) = seen else { continue };
            let later = self.seen.iter().enumerate().skip(place + 1).find_map(|(place, seen)| match seen {
                Seen::Taken(taken) if taken.message == first.message => Some((place, taken)),
                _ => None,
            });
            let Some((again, second)) = later else { continue };
            copies += 1;
            let message = &first.message;
            let letter = self.messages.get(message).is_some_and(|message| message.letter);
            let window = EVIDENCE[usize::from(letter)];
            if !self.went_unheard(place, first) {
                wrong.push(format!("message {message} went out twice though SES was heard"));
            }
            let waited = second.at.duration_since(first.at);
            if waited < window {
                wrong.push(format!("message {message} went out again after {waited}"));
            }
            let claimed =
                self.seen.iter().take(again).rposition(|seen| matches!(seen, Seen::Claimed { message: m, .. } if m == message));
            if (place..claimed.unwrap_or(again)).any(|place| self.proves(place, message)) {
                wrong.push(format!("message {message} went out again though it was known to be sent"));
            }
        }
        self.wrong.append(&mut wrong);
        copies
    }

    /// After a lead was told that mail has ended, or an address was suppressed, nothing of it is claimed.
    fn claims(&mut self) {
        let mut out: BTreeSet<(&str, Option<&str>)> = BTreeSet::new();
        let mut suppressed: BTreeSet<String> = BTreeSet::new();
        let mut wrong = vec![];
        for seen in &self.seen {
            match seen {
                Seen::OptedOut { of, topic } => drop(out.insert((of, topic.as_deref()))),
                Seen::Suppressed { address } => suppressed.extend(self.town.at(address)),
                Seen::Claimed { message, of, marketing, topic, .. } => {
                    let ended =
                        out.contains(&(of, None)) || topic.as_deref().is_some_and(|topic| out.contains(&(of, Some(topic))));
                    if *marketing && ended {
                        wrong.push(format!("message {message} was claimed after its reader had ended such mail"));
                    }
                    if suppressed.contains(of.as_str()) {
                        wrong.push(format!("message {message} was claimed after its address was suppressed"));
                    }
                }
                Seen::Permitted { of } if out.contains(&(of, None)) => {
                    wrong.push(format!("{:?} had ended mail, and that was forgotten", self.town.person(of)));
                }
                Seen::Permitted { .. }
                | Seen::Taken(_)
                | Seen::Struck { .. }
                | Seen::Proven { .. }
                | Seen::Reported { .. }
                | Seen::Wished { .. }
                | Seen::Confirmed { .. } => {}
            }
        }
        self.wrong.append(&mut wrong);
    }

    /// Nobody gets more marketing mail than the cap allows, each message counted once.
    fn caps(&mut self) {
        let cap = self.town.playbook().setup.mail.cap;
        let within = cap.within.duration();
        let mut claimed: BTreeMap<&str, BTreeMap<&str, Timestamp>> = BTreeMap::new();
        for seen in &self.seen {
            if let Seen::Claimed { message, of, marketing: true, at, .. } = seen {
                claimed.entry(of).or_default().entry(message).or_insert(*at);
            }
        }
        for (of, messages) in &claimed {
            for first in messages.values() {
                let such = messages.values().filter(|at| **at >= *first && at.duration_since(*first) < within - super::SKEW * 2);
                let count = such.count();
                if count > cap.mails as usize {
                    self.wrong.push(format!("{count} marketing mails were claimed for {of} within {within}"));
                }
            }
        }
    }

    /// What becomes of each letter is what the model says.
    fn fates(&mut self) {
        let mut wrong = vec![];
        for owed in &self.town.owed {
            let (id, of) = (owed.id.as_str(), self.town.partition(owed.person));
            let Some(message) = self.messages.get(id) else { continue };
            let claimed = self.seen.iter().position(|seen| matches!(seen, Seen::Claimed { message, .. } if message == id));
            let ended = self.seen.iter().position(|seen| match seen {
                Seen::OptedOut { of: out, topic } => {
                    owed.marketing
                        && *out == of
                        && (topic.is_none() || topic.as_deref() == owed.topic.as_ref().map(TopicId::as_str))
                }
                Seen::Suppressed { address } => self.town.at(address).as_ref() == Some(&of),
                _ => false,
            });
            let proven = self.is_proven(id);
            // A wish that was not acknowledged may hold all the same; a confirmation that was not, too.
            let wished =
                owed.marketing && self.seen.iter().any(|seen| matches!(seen, Seen::Wished { of: who, .. } if *who == of));
            let confirmed = self.seen.iter().any(|seen| matches!(seen, Seen::Confirmed { of: who } if *who == of));
            let unsure = owed.person == Person::Asked && !confirmed;
            // What was claimed before its reader ended such mail goes out; nothing else does.
            let fate = match (claimed, ended) {
                (None, Some(_)) if owed.fate == Fate::Sent => Fate::Refused,
                _ => owed.fate,
            };
            let fits = match (fate, message.state.as_str()) {
                (_, "failed") if unsure => true,
                (Fate::Sent, "sent") | (Fate::Refused, "failed") | (Fate::Expires, "expired") => true,
                // The script kept its outcome from being known; what is unknown may yet be forbidden.
                (Fate::Sent, "held") => !proven,
                (Fate::Sent, "failed") => (ended.is_some() || wished) && !proven,
                _ => false,
            };
            if !fits {
                let Ended { state, history, .. } = message;
                wrong.push(format!("letter {id} to {:?} is {state}, not {fate:?}: {history:?}", owed.person));
            }
            if fate != Fate::Sent && self.is_taken(id) {
                wrong.push(format!("letter {id} to {:?} went out, and is to be {fate:?}", owed.person));
            }
        }
        self.wrong.append(&mut wrong);
    }

    /// Of all that SES told of a message and that came, the furthest is what it is said to have come to.
    fn reports(&mut self) {
        let mailbox = self.town.suite.mailbox();
        let mut furthest: BTreeMap<String, Report> = BTreeMap::new();
        for posted in mailbox.reports().posted().iter().filter(|posted| posted.mishap != Some(Mishap::Lost)) {
            let message = mailbox.mail(&posted.ses).unwrap().tags["message"].clone();
            let report = match posted.detail_type {
                "Email Delivered" => Report::Delivered,
                "Email Bounced" => Report::Bounced(Bounce::Permanent),
                "Email Complaint Received" => Report::Complained,
                _ => Report::Sent,
            };
            let known = furthest.entry(message).or_insert(report);
            *known = report.max(*known);
        }
        for (message, wanted) in furthest {
            let found = self.messages.get(&message).and_then(|message| message.report);
            // That SES took it needs no report where its answer was heard.
            if found.unwrap_or(Report::Sent) != wanted {
                self.wrong.push(format!("message {message} came to {wanted:?} and is said to have come to {found:?}"));
            }
        }
    }

    /// What is kept beside the logs is what they say.
    async fn caches(&mut self, items: &[Value]) {
        let store = &self.town.suite.own().store;
        let playbook = self.town.playbook();
        let now = self.town.suite.now() + super::SKEW * 2;
        for pk in items.iter().filter(|item| text(item, "sk") == "lead").map(|item| text(item, "pk")) {
            let id = LeadId::parse(pk.trim_start_matches("lead#")).unwrap();
            let log = store.log(&LogOwner::Lead(id.clone())).await.unwrap();
            let lead = fold(playbook, &log, now);
            let (kept, mailing) = (store.lead(&id).await.unwrap().unwrap(), store.mailing(&id).await.unwrap());
            let said = mailing.as_ref().map(Mailing::digest);
            let wanted = Mailing::of(&lead, None).map(|mailing| mailing.digest());
            if said != wanted || kept.mailing != wanted {
                self.wrong.push(format!("what may be mailed to {:?} is not what its log says", self.town.person(pk)));
            }
            let hash = lead.address().map(|address| self.town.suite.own().keys.address_hash(&address)).unwrap_or_default();
            if lead.permissions.suppressed.is_some() && store.suppression(&hash).await.unwrap().is_none() {
                self.wrong.push(format!("the address of {:?} is to be suppressed and is not", self.town.person(pk)));
            }
            let ranks = [kept.rank, lead.interest.rank].map(|rank| rank.unwrap_or_default());
            if (ranks[0] - ranks[1]).abs() > 1e-9 || kept.stage != lead.stage.unwrap() {
                self.wrong.push(format!("{:?} has rank {} and {} by its log", self.town.person(pk), ranks[0], ranks[1]));
            }
        }
    }
}
