//! What somebody wishes to be sent, to whom and when: checked before anybody is looked at.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};
use michi::id::{MailId, derive};
use michi::io::{KeyRing, Store, Versioned};
use michi::mail::broadcast::{Audience, Broadcast, Stage};
use michi::playbook::mail::{Class, Mail, Version, built_in};
use michi::playbook::{Language, Playbook, Setup};

use super::list::{self, Listed};
use super::{MailArgs, ToArgs};
use crate::audience::Draft;
use crate::import::moment::moment;
use crate::{named, segment};

/// A wish that can be granted.
pub(super) struct Wish<'a> {
    playbook: &'a Playbook,
    /// The mail.
    pub(super) mail: &'a Mail,
    /// The subject that is chosen, in the playbook's language.
    pub(super) title: String,
    /// What the segment asks.
    pub(super) asks: String,
    /// Who stands on the list; nobody, where a segment is meant.
    pub(super) list: Listed,
    /// The broadcast, to which only what is counted is wanting.
    pub(super) broadcast: Broadcast,
}

/// A time that has just passed is as good as now.
const JUST: SignedDuration = SignedDuration::from_mins(5);
/// Nobody plans a mail further ahead.
const FARTHEST: SignedDuration = SignedDuration::from_hours(366 * 24);

impl<'a> Wish<'a> {
    /// Reads what is wished for.
    ///
    /// # Errors
    /// Says what is wrong with it, and what to do about it.
    pub(super) fn of(args: &MailArgs, live: &'a Versioned, keys: &KeyRing, by: &str, now: Timestamp) -> anyhow::Result<Self> {
        let playbook = &*live.playbook;
        let (id, mail) = named::mail(playbook, &args.mail, is_sendable)?;
        let subject = args.subject.saturating_sub(1);
        let title = checked(&id, mail, usize::from(subject), playbook.setup.language)?;
        let mut list = Listed::default();
        let mut asks = String::new();
        let to = match &args.to {
            ToArgs { segment: Some(name), .. } => {
                let (segment, condition) = segment::meant(playbook, name)?;
                asks = condition.to_string();
                Audience::Segment(segment.clone())
            }
            ToArgs { list: Some(file), .. } => {
                list = list::read(file, &args.columns, playbook, keys, now)?;
                let digest = derive(&list.hashes.iter().map(String::as_str).collect::<Vec<_>>());
                let file = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned();
                Audience::List { file, digest }
            }
            ToArgs { segment: None, list: None } => bail!("say to whom: --segment NAME or --list FILE"),
        };
        let at = time(&args.at, &playbook.setup)?;
        let occasion = match (&args.name, at) {
            (Some(name), _) => format!("name {name}"),
            (None, Some(at)) => at.to_string(),
            (None, None) => "now".to_owned(),
        };
        let due = at.unwrap_or(now);
        let opens = playbook.setup.opens(due);
        let broadcast = Broadcast {
            id: Broadcast::id(&id, &to, &occasion),
            mail: id,
            subject,
            to,
            name: args.name.clone(),
            by: by.to_owned(),
            created: now,
            playbook: live.version.clone(),
            due,
            expires: opens.checked_add(args.expires.duration()).context("--expires lies too far ahead")?,
            per_second: playbook.setup.mail.per_second,
            leads: 0,
            kept_back: BTreeMap::new(),
            strangers: 0,
            recipients: 0,
            digest: String::new(),
            stage: Stage::Owing,
            revision: 0,
        };
        Ok(Self { playbook, mail, title, asks, list, broadcast })
    }

    /// The live playbook's setup.
    pub(super) fn setup(&self) -> &'a Setup {
        &self.playbook.setup
    }

    /// When it may first go out.
    pub(super) fn opens(&self) -> Timestamp {
        self.setup().opens(self.broadcast.due)
    }

    /// Whether the time is one that is still to come; what is there already is looked at before.
    ///
    /// # Errors
    /// If it is not.
    pub(super) fn check_time(&self, now: Timestamp) -> anyhow::Result<()> {
        let ahead = self.broadcast.due.duration_since(now);
        if ahead < -JUST {
            bail!("--at lies in the past; leave it away to send the mail now");
        }
        if ahead > FARTHEST {
            bail!("--at lies more than a year ahead");
        }
        Ok(())
    }

    /// The mail with its text and HTML, to see for whom it can be made.
    ///
    /// # Errors
    /// If these cannot be read.
    pub(super) async fn draft(&self, store: &Store) -> anyhow::Result<Draft<'_>> {
        let mut parts = BTreeMap::new();
        for (language, version) in &self.mail.versions {
            parts.insert(*language, store.mail_parts(&self.broadcast.playbook, &version.body).await?);
        }
        Ok(Draft { broadcast: &self.broadcast, mail: self.mail, parts })
    }
}

/// Whether a mail is of those that may go to many.
fn is_sendable(mail: &Mail) -> bool {
    mail.class == Class::Marketing
}

/// Whether this mail may go to many at once; its subject.
fn checked(id: &MailId, mail: &Mail, subject: usize, language: Language) -> anyhow::Result<String> {
    match mail.class {
        Class::Marketing => {}
        Class::Sales => bail!("{id} is written for our own salespeople, and goes to no lead"),
        Class::Service if built_in().contains_key(id) => bail!("{id} is sent by michi itself, to one person at a time"),
        Class::Service => bail!(
            "{id} is of class service: that is for what one person asked for, and needs no consent. To many at once goes marketing mail: write `class: marketing` in mail/{id}.md if it is that"
        ),
    }
    if mail.versions.values().any(Version::asks) {
        bail!("{id} asks a question, which nothing but a scenario's step \"ask\" can put: see `michi explain`");
    }
    let Some(own) = mail.versions.get(&language) else {
        bail!("{id} is not written in the playbook's language: add mail/{id}.md in it, and publish it with `michi apply`");
    };
    for (language, version) in &mail.versions {
        if subject >= version.subjects.len() {
            let subjects = version.subjects.len();
            bail!("{id} has no subject {} in \"{}\": it has {subjects} there", subject + 1, language.tag());
        }
    }
    own.subjects.get(subject).cloned().with_context(|| format!("{id} has no subject"))
}

/// The time that is wished for; none: now.
fn time(text: &str, setup: &Setup) -> anyhow::Result<Option<Timestamp>> {
    let text = text.trim();
    if text == "now" {
        return Ok(None);
    }
    // A day alone would be its noon, which nobody has said.
    let at = text.contains([':', '時']).then(|| moment(text, setup.time_zone.get())).flatten();
    at.map(Some).with_context(|| format!("--at is no time: \"{text}\"; write it as 2026-12-01 09:00"))
}

#[cfg(test)]
mod tests {
    use michi::playbook::authoring::default_playbook;

    use super::*;

    #[test]
    fn a_time_is_told_by_the_playbooks_clocks() {
        let setup = default_playbook().unwrap().setup;
        let at = |text: &str| time(text, &setup).map(|at| at.map(|at| at.to_string()));
        assert_eq!(at("now").unwrap(), None);
        let zone = setup.time_zone.get().clone();
        let local: Timestamp = jiff::civil::date(2026, 12, 1).at(9, 0, 0, 0).to_zoned(zone).unwrap().timestamp();
        assert_eq!(at("2026-12-01 09:00").unwrap(), Some(local.to_string()));
        assert_eq!(at("2026-12-01T09:00:00+09:00").unwrap().as_deref(), Some("2026-12-01T00:00:00Z"));
        for bad in ["2026-12-01", "tomorrow", "09:00", "12/01/2026 09:00", ""] {
            assert!(at(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mail_that_is_none_for_many_is_refused_with_a_remedy() {
        let mut playbook = default_playbook().unwrap();
        let refused = |playbook: &Playbook, name: &str, subject| {
            let (id, mail) = match named::mail(playbook, name, is_sendable) {
                Ok(found) => found,
                Err(error) => return error.to_string(),
            };
            checked(&id, mail, subject, playbook.setup.language).unwrap_err().to_string()
        };
        assert!(refused(&playbook, "case-stduy", 0).contains("did you mean \"case-study\"?"));
        assert!(refused(&playbook, "alert", 0).contains("salespeople"));
        assert!(refused(&playbook, "confirm", 0).contains("by michi itself"));
        assert!(refused(&playbook, "how-far", 0).contains("asks a question"));
        assert!(refused(&playbook, "case-study", 9).contains("no subject 10"));
        let id = MailId::parse("case-study").unwrap();
        playbook.mails.get_mut(&id).unwrap().class = Class::Service;
        assert!(refused(&playbook, "case-study", 0).contains("class: marketing"));
        playbook.mails.get_mut(&id).unwrap().class = Class::Marketing;
        let own = playbook.setup.language;
        playbook.mails.get_mut(&id).unwrap().versions.remove(&own);
        assert!(refused(&playbook, "case-study", 0).contains("not written in the playbook's language"));
    }
}
