//! The pages as their reader sees them: pure.

use askama::Template;
use michi::consent::{Permissions, SuppressedBy};
use michi::mail::mailing::Mailing;
use michi::playbook::{Company, Language, Setup};

use super::words::Words;
use crate::style::CHOICES as STYLE;

/// What is said of what was just posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// It holds.
    Kept,
    /// It was nothing that is known here.
    NotUnderstood,
}

/// Where the lead stands, as far as mail goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It gets marketing mail.
    Subscribed,
    /// It never agreed to any.
    NoGround,
    /// It wants none.
    OptedOut,
    /// It called a mail spam.
    Complained,
    /// Nothing can be delivered.
    Undeliverable,
    /// Nothing is known of it any more.
    Gone,
}

/// The page on which a reader chooses.
#[derive(Debug, Template)]
#[template(path = "choices.html")]
pub(crate) struct Choices {
    words: &'static Words,
    company: Company,
    address: Option<String>,
    standing: Standing,
    notice: Option<Notice>,
    topics: Vec<Switch>,
    opens: bool,
    clicks: bool,
}

/// A topic that can be switched on and off.
#[derive(Debug)]
struct Switch {
    id: String,
    name: String,
    on: bool,
}

impl Standing {
    /// Where a lead with these permissions stands.
    pub(crate) fn of(permissions: &Permissions) -> Self {
        match permissions.suppressed.map(|suppression| suppression.why) {
            Some(SuppressedBy::Complaint) => Self::Complained,
            Some(SuppressedBy::Bounce | SuppressedBy::Bounces) => Self::Undeliverable,
            Some(SuppressedBy::Erasure) => Self::Gone,
            None if permissions.opted_out.is_some() => Self::OptedOut,
            None if permissions.marketing.is_some() => Self::Subscribed,
            None => Self::NoGround,
        }
    }

    fn words(self, words: &Words) -> &'static str {
        match self {
            Self::Subscribed => words.subscribed,
            Self::NoGround => words.no_ground,
            Self::OptedOut => words.opted_out,
            Self::Complained => words.complained,
            Self::Undeliverable => words.undeliverable,
            Self::Gone => words.gone,
        }
    }

    /// Whether mail can still be ended here. Who gets none may say so all the same: it keeps others from bringing it back.
    fn may_stop(self) -> bool {
        matches!(self, Self::Subscribed | Self::NoGround)
    }

    fn may_return(self) -> bool {
        matches!(self, Self::OptedOut)
    }

    fn may_choose(self) -> bool {
        matches!(self, Self::Subscribed | Self::NoGround | Self::OptedOut)
    }
}

impl Choices {
    /// The page of a lead; without one, of somebody of whom nothing is known any more.
    pub(crate) fn new(setup: &Setup, language: Language, lead: Option<Option<&Mailing>>, notice: Option<Notice>) -> Self {
        let mailing = lead.flatten();
        let permissions = mailing.map(|mailing| mailing.permissions.clone()).unwrap_or_default();
        let standing = if lead.is_some() { Standing::of(&permissions) } else { Standing::Gone };
        let topics = setup.mail.topics.iter().map(|topic| Switch {
            id: topic.id.to_string(),
            name: topic.name.in_language(language).to_owned(),
            on: permissions.wants(Some(&topic.id)),
        });
        Self {
            words: Words::of(language),
            company: setup.company.clone(),
            address: mailing.filter(|_| standing != Standing::Gone).map(|mailing| mailing.address.masked()),
            standing,
            notice,
            topics: topics.collect(),
            opens: !permissions.no_opens,
            clicks: !permissions.no_clicks,
        }
    }

    fn headline(&self) -> &str {
        self.words.heading
    }

    fn shows_topics(&self) -> bool {
        self.standing == Standing::Subscribed && !self.topics.is_empty()
    }
}

/// The page on which a consent is confirmed.
#[derive(Debug, Template)]
#[template(path = "confirm.html")]
pub(crate) struct Confirmation {
    words: &'static Words,
    company: Company,
    address: Option<String>,
    asks: Asks,
}

/// How far a confirmation has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asks {
    /// It can be given.
    Open,
    /// It is given.
    Given,
    /// The lead has chosen otherwise since, or is gone.
    Overtaken,
}

impl Confirmation {
    pub(crate) fn new(setup: &Setup, language: Language, mailing: Option<&Mailing>, asks: Asks) -> Self {
        Self {
            words: Words::of(language),
            company: setup.company.clone(),
            address: mailing.filter(|_| asks != Asks::Overtaken).map(|mailing| mailing.address.masked()),
            asks,
        }
    }

    fn headline(&self) -> &str {
        self.words.confirm
    }
}
