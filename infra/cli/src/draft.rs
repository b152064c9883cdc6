//! A mail as one lead would get it, composed on this machine: what `preview` and `send-test` share.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use michi::activity::{FormSubmission, Kind, Log, LogOwner, PageView, Proof, Record};
use michi::address::Address;
use michi::fold::fold;
use michi::id::{ActivityId, FormId, LeadId, MailId, PageViewId, VisitorId};
use michi::lead::Lead;
use michi::mail::alert::Alert;
use michi::mail::compose::{self, Ask, Composed, Urls};
use michi::mail::correction::Correction;
use michi::mail::fields;
use michi::mail::footer::OptOut;
use michi::mail::header::{mailbox, sender};
use michi::mail::letter::Question;
use michi::mail::notice::Notice;
use michi::mail::summary::{ReadyLine, Summary};
use michi::mail::text::Plain;
use michi::playbook::mail::{Class, Mail, Version};
use michi::playbook::{Language, Owner, Playbook};
use michi::scenario::owed;

use crate::account::Target;
use crate::lead::meant;
use crate::named;
use crate::plan::{Candidate, folder};

/// Which mail, and for whom.
#[derive(Debug, Clone, clap::Args)]
pub struct Which {
    /// The mail's name: that of its file in the folder `mail`, without .md
    #[arg(value_name = "MAIL")]
    pub mail: String,
    /// The folder of the playbook [default: ./playbook if there is one, else the current folder]
    #[arg(long, value_name = "DIR")]
    pub playbook: Option<PathBuf>,
    /// A lead of an installation whose values are filled in; without it a made-up person
    #[arg(long, value_name = "ID|ADDRESS")]
    pub lead: Option<String>,
    /// The language [default: the lead's, else the playbook's]
    #[arg(long, value_enum, value_name = "LANGUAGE")]
    pub language: Option<Spoken>,
    /// Which of the mail's subjects, from 1
    #[arg(long, value_name = "NUMBER", default_value = "1")]
    pub subject: usize,
}

/// A language on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Spoken {
    /// English
    En,
    /// 日本語
    Ja,
}

impl Spoken {
    /// The language itself.
    #[must_use]
    pub fn language(self) -> Language {
        match self {
            Self::En => Language::En,
            Self::Ja => Language::Ja,
        }
    }
}

/// A mail composed for one lead.
#[derive(Debug)]
pub struct Draft {
    /// The mail's name.
    pub id: MailId,
    /// Its class.
    pub class: Class,
    /// The language it is in.
    pub language: Language,
    /// From whom.
    pub from: String,
    /// Where answers go, if not there.
    pub reply_to: Option<Address>,
    /// To whom it would go.
    pub to: String,
    /// What it says.
    pub content: Composed,
    /// All its subjects, as they are written.
    pub subjects: Vec<String>,
    /// Where its links lead.
    pub links: Vec<String>,
}

/// Where the addresses that are made for each message would lead. Nothing is there.
const UNSUBSCRIBE: &str = "https://example.com/michi-makes-this-link-for-each-reader/unsubscribe";
const PREFERENCES: &str = "https://example.com/michi-makes-this-link-for-each-reader/preferences";
const CONFIRM: &str = "https://example.com/michi-makes-this-link-for-each-reader/confirm";
const ANSWER: &str = "https://example.com/michi-makes-this-link-for-each-reader/answer";
/// What the notice says that nobody has asked for.
const NOTICE_SAYS: &str = "This is where the words of the step stand";
const NOTICE_SCENARIO: &str = "A scenario";
const LEAD_PAGE: &str = "https://example.com/michi-makes-this-link-for-each-reader/lead";

/// Composes a mail of the playbook in a folder.
///
/// # Errors
/// Says what is wrong with the playbook, that there is no such mail or lead, or that the installation does not answer.
pub async fn compose(which: &Which, target: &Target) -> anyhow::Result<Draft> {
    let candidate = Candidate::load(&folder(which.playbook.as_deref()))?;
    let playbook = candidate.playbook;
    let (lead, now) = match &which.lead {
        Some(who) => {
            let found = target.open().await?;
            let id = meant(&found, who).await?;
            let log = found.store.log(&LogOwner::Lead(id.clone())).await?;
            if log.records.is_empty() {
                bail!("there is no lead {id}; `michi leads` lists them");
            }
            (fold(&playbook, &log, found.now()), found.now())
        }
        None => {
            let now = michi::io::Clock::System.now();
            (made_up(&playbook, which.language(&playbook), now)?, now)
        }
    };
    drafted(which, &playbook, &lead, now)
}

impl Which {
    fn language(&self, playbook: &Playbook) -> Language {
        self.language.map_or(playbook.setup.language, Spoken::language)
    }
}

fn drafted(which: &Which, playbook: &Playbook, lead: &Lead, now: Timestamp) -> anyhow::Result<Draft> {
    let (id, mail) = named::mail(playbook, &which.mail, |_| true)?;
    let setup = &playbook.setup;
    let owner = playbook.default_owner().context("the playbook names nobody in sales")?;
    let wanted = match which.language {
        Some(_) => which.language(playbook),
        None if mail.class == Class::Sales => owner.language.unwrap_or(setup.language),
        None => mail.language(lead, setup.language),
    };
    let (language, version) = mail.version(wanted).context("the mail is written in no language")?;
    if which.language.is_some() && language != wanted {
        bail!("mail/{id}.md has no version in this language: write mail/{id}.{}.md", wanted.tag());
    }
    let subject = which.subject.checked_sub(1).filter(|number| *number < version.subjects.len());
    let subject = subject.ok_or_else(|| anyhow!("the mail has {} subjects, counted from 1", version.subjects.len()))?;
    let content = content(playbook, (&id, mail), (language, version), subject, (lead, owner), now)?;
    let (from, reply_to) = sender(mail.sender, setup, Some(owner));
    let to = match mail.class {
        Class::Sales => mailbox(&owner.name, &owner.address),
        Class::Marketing | Class::Service => lead.address().map(|address| address.to_string()).unwrap_or_default(),
    };
    let (subjects, links) = (version.subjects.clone(), version.links.clone());
    Ok(Draft { id, class: mail.class, language, from, reply_to, to, content, subjects, links })
}

fn content(
    playbook: &Playbook,
    (id, mail): (&MailId, &Mail),
    (language, version): (Language, &Version),
    subject: usize,
    (lead, owner): (&Lead, &Owner),
    now: Timestamp,
) -> anyhow::Result<Composed> {
    let setup = &playbook.setup;
    let parts = version.body.parts().context("the mail was not compiled")?;
    let composed = match (mail.class, id.as_str()) {
        (Class::Sales, "summary") => {
            let summary = summary(lead, now);
            compose::summary((language, version), parts, &summary, setup, owner, |_| LEAD_PAGE.to_owned(), now)
        }
        (Class::Sales, "notice") => {
            let notice = Notice::of(lead, NOTICE_SAYS, NOTICE_SCENARIO, now).context("a notice says nothing")?;
            compose::notice((language, version), parts, &notice, setup, owner, LEAD_PAGE, now)
        }
        (Class::Sales, "correction") => {
            let alerted = now.saturating_sub(SignedDuration::from_mins(10)).unwrap_or(now);
            let correction = Correction::of(lead, alerted, now);
            compose::correction((language, version), parts, &correction, setup, owner, LEAD_PAGE, now)
        }
        (Class::Sales, _) => {
            let alert = Alert::of(playbook, lead, None, now);
            compose::alert((language, version), parts, &alert, setup, owner, LEAD_PAGE, now)
        }
        (class, _) => {
            let values = fields::values(version, lead, Some(owner), setup);
            let question = asked(playbook, id, language);
            let pages: Vec<String> = question.iter().flat_map(|question| &question.answers).map(|_| ANSWER.to_owned()).collect();
            let urls = Urls {
                links: &[],
                pixel: None,
                opt_out: Some(OptOut { unsubscribe: UNSUBSCRIBE, preferences: PREFERENCES }),
                confirm: Some(CONFIRM),
                ask: question.as_ref().map(|question| Ask { question, answers: &pages }),
            };
            compose::letter((language, version), parts, class, subject, &values, &urls, setup)
        }
    };
    Ok(composed?)
}

/// The question that a scenario asks with this mail, if one does.
fn asked(playbook: &Playbook, mail: &MailId, language: Language) -> Option<Question> {
    playbook.scenarios.values().find_map(|scenario| {
        let step = owed::questions(&scenario.steps).into_iter().find(|step| step.send == *mail)?;
        Some(owed::question(step, language))
    })
}

/// A summary that speaks of one lead.
fn summary(lead: &Lead, now: Timestamp) -> Summary {
    let plain = |name: &str| lead.attribute(name).and_then(Plain::of);
    let line = ReadyLine {
        lead: LeadId::derive(&["preview"]),
        name: plain("name"),
        company: plain("company"),
        cell: lead.cell,
        interest: lead.interest.points,
    };
    Summary { at: now, changed: now, list: None, by: Plain::of("preview"), why: None, count: 1, leads: vec![line] }
}

/// A person of whom all is known that mails ask for, and who has read two pages and filled in a form.
fn made_up(playbook: &Playbook, language: Language, now: Timestamp) -> anyhow::Result<Lead> {
    let said = |en: &str, ja: &str| match language {
        Language::En => en.to_owned(),
        Language::Ja => ja.to_owned(),
    };
    let known = [
        ("name", said("Hana Mori", "森 花")),
        ("first_name", said("Hana", "花")),
        ("last_name", said("Mori", "森")),
        ("company", said("Aoba Machinery", "青葉機械株式会社")),
        ("department", said("Production", "生産技術部")),
        ("role", said("Head of Production", "生産技術部長")),
        ("phone", "03-1234-5678".to_owned()),
        ("industry", said("machinery", "機械製造")),
        ("employees", "300".to_owned()),
        ("country", said("Japan", "日本")),
        ("language", language.tag().to_owned()),
        ("email", "hana.mori@aoba.example".to_owned()),
    ];
    let origin = playbook.setup.sites.first().map(|site| site.origin.clone()).unwrap_or_default();
    let ago = |minutes| now.saturating_sub(SignedDuration::from_mins(minutes)).unwrap_or(now);
    let visitor = VisitorId::derive(&["preview"]);
    let page = |path: &str, title: String| {
        Kind::PageViewed(PageView {
            page_view: PageViewId::derive(&["preview", path]),
            url: format!("{origin}{path}"),
            title: Some(title),
            referrer: None,
            previous: None,
            campaign: [].into(),
        })
    };
    let form = playbook.setup.forms.iter().flat_map(|class| &class.forms).next().cloned();
    let submitted = Kind::FormSubmitted(FormSubmission {
        form: form.or_else(|| FormId::parse("contact").ok()).context("no form can be named")?,
        page_view: None,
        url: None,
        millis: None,
        address: Address::parse("hana.mori@aoba.example").ok(),
        fields: known.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        consent: None,
    });
    let steps = [
        (ago(60), page("/cases/preview", said("A case study", "導入事例"))),
        (ago(40), page("/pricing", said("Pricing", "料金"))),
        (ago(3), submitted),
        (ago(2), Kind::VisitorLinked { visitor: visitor.clone(), proof: Proof::First, since: None }),
    ];
    let records = steps.into_iter().enumerate().map(|(number, (at, kind))| {
        let own = !matches!(kind, Kind::VisitorLinked { .. });
        let record = Record::decision(ActivityId::derive(&["preview", &number.to_string()]), at, kind);
        Record {
            visitor: own.then(|| visitor.clone()),
            source: if own { michi::activity::Source::Site } else { record.source },
            ..record
        }
    });
    let log = Log { owner: LogOwner::Lead(LeadId::derive(&["preview"])), records: records.collect() };
    Ok(fold(&Arc::new(playbook.clone()), &log, now))
}
