//! Who is meant by a segment or a list, and what would become of a mail to each of them.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt as _;
use indicatif::ProgressBar;
use jiff::Timestamp;
use michi::activity::{Kind, Log, LogOwner};
use michi::id::LeadId;
use michi::io::{Error, KeyRing, Store};
use michi::lead::{Lead, Stage};
use michi::mail::broadcast::{self, Broadcast, Outlook, Unsent};
use michi::mail::compose::{self, Urls};
use michi::mail::footer::OptOut;
use michi::mail::gate::{self, Deferral, ForLead};
use michi::mail::letter::Letter;
use michi::mail::mailing::Mailing;
use michi::mail::message::{Content, Message};
use michi::mail::told;
use michi::playbook::mail::{Mail, Parts};
use michi::playbook::{Language, Playbook};
use serde::Serialize;

use crate::everybody::{self, Unreadable, judged};
use crate::shown::counted;

/// What leads are asked.
#[derive(Debug, Clone, Copy)]
pub struct Survey<'a> {
    /// Where they are.
    pub store: &'a Store,
    /// By which addresses are looked up.
    pub keys: &'a KeyRing,
    /// By which they are judged.
    pub playbook: &'a Playbook,
    /// Now.
    pub now: Timestamp,
    /// When the mail would go out.
    pub at: Timestamp,
    /// Marketing mail has stopped: too much of it came back.
    pub stopped: bool,
    /// Which mail; none: any marketing mail.
    pub draft: Option<&'a Draft<'a>>,
}

/// A mail that is to be sent.
#[derive(Debug, Clone)]
pub struct Draft<'a> {
    /// To whom and when.
    pub broadcast: &'a Broadcast,
    /// What.
    pub mail: &'a Mail,
    /// Its text and HTML.
    pub parts: BTreeMap<Language, Arc<Parts>>,
}

/// A lead that is meant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Meant {
    /// Its id.
    pub id: LeadId,
    /// The person's name.
    pub name: Option<String>,
    /// The company.
    pub company: Option<String>,
    /// The mail address.
    pub email: Option<String>,
    /// Where it stands.
    pub stage: Option<Stage>,
    /// Its cell; none: it is excluded.
    pub cell: Option<String>,
    /// What it is worth now.
    pub interest: f64,
    /// What would become of the mail.
    #[serde(serialize_with = "in_a_word")]
    pub mail: Outlook,
    /// Why the mail cannot be made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unmade: Option<String>,
    /// It was sent this mail before.
    pub again: bool,
    /// In which language it would get it; none: no mail is chosen.
    #[serde(skip)]
    pub language: Option<Language>,
    /// Which language it is known to speak.
    #[serde(skip)]
    pub speaks: Option<Language>,
}

/// Everybody who is meant.
#[derive(Debug, Clone, Default)]
pub struct Audience {
    /// They, the most interested first.
    pub leads: Vec<Meant>,
    /// How many leads cannot be read, by which nobody knows whether they are.
    pub unreadable: usize,
}

/// How many of them may be mailed, and why the others may not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// How many there are.
    pub leads: usize,
    /// How many would be sent it, at its time or later.
    pub mailable: usize,
    /// Those of them who would be sent it later, by why.
    pub later: BTreeMap<Deferral, usize>,
    /// How many would get none, by why.
    pub kept_back: BTreeMap<Unsent, usize>,
}

/// Whether marketing mail may go to a lead at all, as far as its log tells.
#[must_use]
pub fn may_be_mailed(playbook: &Playbook, id: &LeadId, lead: &Lead, now: Timestamp) -> bool {
    let probe = broadcast::probe(id, now);
    let Content::Letter(letter) = &probe.content else { return false };
    let mailing = Mailing::of(lead, None);
    let seen = ForLead {
        lead_exists: true,
        merged: false,
        mailing: mailing.as_ref(),
        address_suppressed: false,
        paused_until: None,
        paced_until: None,
    };
    !matches!(Outlook::of(&gate::for_lead(&probe, letter, seen, &playbook.setup, now)), Outlook::KeptBack(_))
}

impl Survey<'_> {
    /// Looks at leads, and keeps those that are wanted. `progress` is moved by one for each.
    ///
    /// # Errors
    /// If leads cannot be read for now.
    pub async fn of(
        &self,
        leads: Vec<LeadId>,
        wanted: impl Fn(&Lead) -> bool,
        progress: &ProgressBar,
    ) -> Result<Audience, Error> {
        let mut looks = pin!(everybody::each(leads, |lead| self.look(lead, &wanted), progress));
        let (mut audience, mut unreadable) = (Audience::default(), Unreadable::default());
        while let Some(look) = looks.next().await {
            audience.leads.extend(unreadable.pass(look)?.flatten());
        }
        audience.leads.sort_by(|one, other| other.interest.total_cmp(&one.interest).then_with(|| one.id.cmp(&other.id)));
        audience.unreadable = unreadable.count;
        Ok(audience)
    }

    async fn look(&self, id: LeadId, wanted: &impl Fn(&Lead) -> bool) -> Result<Option<Meant>, Error> {
        let mut log = self.store.log(&LogOwner::Lead(id.clone())).await?;
        let lead = judged(self.playbook, &id, &mut log, self.now);
        if !wanted(&lead) {
            return Ok(None);
        }
        let reach = self.store.reach(&id).await?;
        let mailing = Mailing::of(&lead, reach.mailing.as_ref());
        let address_suppressed = match &mailing {
            Some(mailing) => self.store.suppression(&self.keys.address_hash(&mailing.address)).await?.is_some(),
            None => false,
        };
        let seen = ForLead {
            lead_exists: reach.lead_exists,
            merged: reach.lead != id,
            mailing: mailing.as_ref(),
            address_suppressed,
            paused_until: self.stopped.then_some(Timestamp::MAX),
            paced_until: None,
        };
        let letter = match self.draft {
            Some(draft) => draft.letter(&id, &lead, self),
            None => Some(broadcast::probe(&id, self.now)),
        };
        let (mail, unmade) = self.outlook(letter.as_ref(), seen);
        let attribute = |name| lead.attribute(name).map(str::to_owned);
        Ok(Some(Meant {
            name: attribute("name"),
            company: attribute("company"),
            email: attribute("email"),
            stage: lead.stage,
            cell: lead.cell.map(|cell| cell.to_string()),
            interest: lead.interest.points,
            mail,
            unmade,
            again: self.draft.is_some_and(|draft| draft.was_sent(&log)),
            speaks: lead.attribute("language").and_then(Language::named),
            language: letter.filter(|_| self.draft.is_some()).map(|letter| letter.language),
            id,
        }))
    }

    /// What the gate says; and why the mail cannot be made, if it says nothing against it.
    fn outlook(&self, letter: Option<&Message>, seen: ForLead<'_>) -> (Outlook, Option<String>) {
        let Some((message, Content::Letter(letter))) = letter.map(|message| (message, &message.content)) else {
            return (Outlook::KeptBack(Unsent::Unmade), Some("it is written in no language".to_owned()));
        };
        let outlook = Outlook::of(&gate::for_lead(message, letter, seen, &self.playbook.setup, self.at));
        let draft = self.draft.filter(|_| !matches!(outlook, Outlook::KeptBack(_)));
        match draft.map(|draft| draft.make(message, letter, self.playbook)) {
            Some(Err(why)) => (Outlook::KeptBack(Unsent::Unmade), Some(why)),
            Some(Ok(())) | None => (outlook, None),
        }
    }
}

impl Draft<'_> {
    fn letter(&self, id: &LeadId, lead: &Lead, survey: &Survey<'_>) -> Option<Message> {
        let setup = &survey.playbook.setup;
        self.broadcast.letter(0, (id, lead), self.mail, survey.playbook.default_owner(), setup, survey.now)
    }

    /// Makes the mail for this lead, to see whether that can be done.
    fn make(&self, message: &Message, letter: &Letter, playbook: &Playbook) -> Result<(), String> {
        let language = message.language;
        let written = self.mail.versions.get(&language).zip(self.parts.get(&language));
        let (version, parts) = written.ok_or_else(|| format!("it is not written in \"{}\"", language.tag()))?;
        let any = "https://www.example.com";
        let urls = Urls { opt_out: Some(OptOut { unsubscribe: any, preferences: any }), ..Urls::default() };
        let (class, subject) = (self.mail.class, usize::from(letter.subject));
        let made = compose::letter((language, version), parts, class, subject, &letter.values, &urls, &playbook.setup);
        made.map(drop).map_err(|error| error.to_string())
    }

    /// Whether the log says that this mail was sent before.
    fn was_sent(&self, log: &Log) -> bool {
        let mut activities = log.records.iter().flat_map(|record| &record.activities);
        activities.any(|one| matches!(&one.kind, Kind::MailSent { mail, owner: None, .. } if *mail == self.broadcast.mail))
    }
}

impl Audience {
    /// How many of them may be mailed.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally { leads: self.leads.len(), ..Tally::default() };
        for lead in &self.leads {
            match lead.mail {
                Outlook::Sent => tally.mailable += 1,
                Outlook::Later(why) => {
                    tally.mailable += 1;
                    *tally.later.entry(why).or_default() += 1;
                }
                Outlook::KeptBack(why) => *tally.kept_back.entry(why).or_default() += 1,
            }
        }
        tally
    }

    /// Who would be sent it.
    pub fn mailable(&self) -> impl Iterator<Item = &Meant> {
        self.leads.iter().filter(|lead| !matches!(lead.mail, Outlook::KeptBack(_)))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, count: usize, what: &str| writeln!(f, "{count:>7}  {what}");
        line(f, self.leads, if self.leads == 1 { "lead" } else { "leads" })?;
        line(f, self.mailable, "may be mailed")?;
        for (why, count) in &self.later {
            line(f, *count, &format!("  of them later: {}", told::deferral(*why)))?;
        }
        for (why, count) in &self.kept_back {
            line(f, *count, &format!("kept back: {}", why.words()))?;
        }
        Ok(())
    }
}

/// What is said of leads that cannot be read; none, if all can.
#[must_use]
pub fn unreadable(count: usize) -> Option<String> {
    let logs = counted(count, "log", "logs");
    (count > 0).then(|| format!("{logs} cannot be read, and nothing is said of them; `michi redrive` may mend them\n"))
}

/// An outlook in a word or few, for lists.
#[must_use]
pub fn said(outlook: Outlook) -> String {
    match outlook {
        Outlook::Sent => "yes".to_owned(),
        Outlook::Later(why) => format!("later: {}", told::deferral(why)),
        Outlook::KeptBack(why) => format!("no: {}", why.words()),
    }
}

fn in_a_word<S: serde::Serializer>(outlook: &Outlook, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&said(*outlook))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meant(n: u8, mail: Outlook) -> Meant {
        Meant {
            id: LeadId::derive(&[&n.to_string()]),
            name: None,
            company: None,
            email: None,
            stage: None,
            cell: None,
            interest: 0.0,
            mail,
            unmade: None,
            again: false,
            language: None,
            speaks: None,
        }
    }

    #[test]
    fn everybody_is_counted_in_one_place() {
        let kept = |why| Outlook::KeptBack(why);
        let all = [
            Outlook::Sent,
            Outlook::Sent,
            Outlook::Later(Deferral::Cap),
            kept(Unsent::OptedOut),
            kept(Unsent::InSales),
            kept(Unsent::OptedOut),
        ];
        let leads = (0..).zip(all).map(|(n, mail)| meant(n, mail)).collect();
        let audience = Audience { leads, unreadable: 0 };
        let tally = audience.tally();
        assert_eq!(tally.leads, tally.mailable + tally.kept_back.values().sum::<usize>());
        assert_eq!(audience.mailable().count(), tally.mailable);
        insta::assert_snapshot!(tally, @r"
              6  leads
              3  may be mailed
              1    of them later: the lead has got as much mail as it may get for now
              2  kept back: opted out of marketing mail
              1  kept back: in sales' hands, or disqualified
        ");
    }
}
