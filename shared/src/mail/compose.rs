//! Mails ready to be sent. The playbook gives words and order; michi fills in the fields and the ready-made blocks, which
//! say the same in text and in HTML.
//!
//! Here is the alert to sales: who, why now, and where to look. `correction` takes one back, `summary` tells of several
//! leads at once, `notice` what a scenario says of one; `letter` is a mail to a lead.

mod correction;
mod letter;
mod notice;
mod summary;

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use minijinja::Value;

use super::alert::{Alert, Deed, Known, PageLine};
use super::template::{Syntax, Values, escaped, filled, markup};
use super::text::{cleaned, dialled, mailto};
use super::words;
use crate::playbook::Language::{self, En, Ja};
use crate::playbook::mail::{Parts, Version};
use crate::playbook::{Owner, Setup};

/// The longest subject, in characters. Telephones show forty of them: who and why come first.
const MAX_SUBJECT: usize = 120;
/// The longest of the playbook's own texts, in characters.
const MAX_WORDS: usize = 160;

pub use correction::{CORRECTION, correction};
pub use letter::{Ask, Urls, letter};
pub use notice::{NOTICE, notice};
pub use summary::{SUMMARY, summary};

/// A mail ready to be sent, but for its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Composed {
    /// The subject, on one line.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// Why a mail cannot be composed. None of these holds a value.
#[derive(Debug, thiserror::Error)]
pub enum Unfilled {
    /// A block of michi's own cannot be filled in; that does not happen.
    #[error("a block of the mail cannot be filled in: {0}")]
    Block(#[from] askama::Error),
    /// A template of the playbook's cannot be filled in; `michi check` lets no such one pass.
    #[error("the mail's template cannot be filled in: {0}")]
    Template(#[from] minijinja::Error),
    /// Nobody made the addresses by which a reader gets no more mail.
    #[error("marketing mail must say how to get no more of it")]
    NoOptOut,
    /// The mail has no subject in any language.
    #[error("the mail has no subject")]
    NoSubject,
}

/// What a mail to sales may show.
#[derive(Debug)]
pub struct Shown {
    /// Fields that always say something.
    pub sure: &'static [&'static str],
    /// Fields that may have nothing to say.
    pub unsure: &'static [&'static str],
    /// Ready-made blocks.
    pub blocks: &'static [&'static str],
    /// Addresses.
    pub urls: &'static [&'static str],
}

/// What an alert may show.
pub static ALERT: Shown = Shown {
    sure: &["who", "person", "headline", "first_reason", "standing"],
    unsure: &["about", "cell"],
    blocks: &["contact", "verdict", "why", "scores", "pages"],
    urls: &["lead_url"],
};

/// Composes an alert for `owner`, with `url` leading to the lead's page; times are told as they are at `now`.
///
/// # Errors
/// [`Unfilled`] if a template cannot be filled in.
pub fn alert(
    (language, version): (Language, &Version),
    parts: &Parts,
    alert: &Alert,
    setup: &Setup,
    owner: &Owner,
    url: &str,
    now: Timestamp,
) -> Result<Composed, Unfilled> {
    let teller = Teller { language, zone: setup.time_zone.get(), now };
    let view = teller.view(alert, setup, owner);
    let said = Values::from([
        ("who".to_owned(), Value::from(view.who.clone())),
        ("person".to_owned(), Value::from(teller.person(alert))),
        ("headline".to_owned(), Value::from(teller.headline(alert))),
        ("first_reason".to_owned(), Value::from(view.why.first().cloned().unwrap_or_default())),
        ("standing".to_owned(), Value::from(view.standing.clone())),
        ("about".to_owned(), Value::from(view.about.clone())),
        ("cell".to_owned(), Value::from(view.cell.clone().unwrap_or_default())),
    ]);
    let text = [
        ("contact", text::Contact { view: &view }.render()?),
        ("verdict", text::Verdict { view: &view }.render()?),
        ("why", text::Why { view: &view }.render()?),
        ("scores", text::Scores { view: &view }.render()?),
        ("pages", text::Pages { view: &view }.render()?),
        ("footer", text::Notes { view: &view }.render()?),
    ];
    let html = [
        ("contact", html::Contact { view: &view }.render()?),
        ("verdict", html::Verdict { view: &view }.render()?),
        ("why", html::Why { view: &view }.render()?),
        ("scores", html::Scores { view: &view }.render()?),
        ("pages", html::Pages { view: &view }.render()?),
        ("footer", html::Notes { view: &view }.render()?),
    ];
    to_sales(version, parts, said, (text, html), &[("lead_url", url)], setup)
}

/// Ready-made blocks by the names of their fields.
type Blocks<'n, const N: usize> = [(&'n str, String); N];

/// A mail to sales, from its fields, its blocks in both forms, and its addresses.
fn to_sales<const N: usize>(
    version: &Version,
    parts: &Parts,
    mut said: Values,
    (text, html): (Blocks<'_, N>, Blocks<'_, N>),
    urls: &[(&str, &str)],
    setup: &Setup,
) -> Result<Composed, Unfilled> {
    let named = |name: &str, value: Value| (name.to_owned(), value);
    said.insert("our_company".to_owned(), Value::from(cleaned(&setup.company.name, MAX_WORDS)));
    said.insert("our_contact".to_owned(), Value::from(cleaned(&setup.company.contact, MAX_WORDS)));
    let subject = version.subjects.first().ok_or(Unfilled::NoSubject)?;
    let subject = cleaned(&filled(subject, Syntax::Text, &said)?, MAX_SUBJECT);
    said.extend([named("subject", Value::from(subject.clone())), named("pixel", Value::from(""))]);
    // What marketers link to from here is nobody's to count.
    let links = version.links.iter().enumerate().map(|(number, target)| (format!("link_{number}"), target.as_str()));
    let urls: Vec<(String, &str)> = urls.iter().map(|(name, url)| ((*name).to_owned(), *url)).chain(links).collect();

    let mut plain = said.clone();
    plain.extend(text.into_iter().map(|(name, block)| named(name, Value::from(block.trim()))));
    plain.extend(urls.iter().map(|(name, url)| (name.clone(), Value::from(*url))));
    said.extend(html.into_iter().map(|(name, block)| named(name, markup(block.trim().to_owned()))));
    said.extend(urls.iter().map(|(name, url)| (name.clone(), markup(escaped(url)))));
    let text = letter::tidied(&filled(&parts.text, Syntax::Text, &plain)?);
    Ok(Composed { subject, text, html: filled(&parts.html, Syntax::Html, &said)? })
}

macro_rules! blocks {
    ($($module:ident: $path:literal { $($name:ident = $block:literal),* })*) => {$(
        mod $module {
            use super::View;
            use askama::Template;
            $(
                #[derive(Template)]
                #[template(path = $path, block = $block)]
                pub(super) struct $name<'v> {
                    pub(super) view: &'v View,
                }
            )*
        }
    )*};
}

blocks! {
    text: "mail/alert.txt" {
        Contact = "contact", Verdict = "verdict", Why = "why", Scores = "scores", Pages = "pages", Notes = "notes"
    }
    html: "mail/alert.html" {
        Contact = "contact", Verdict = "verdict", Why = "why", Scores = "scores", Pages = "pages", Notes = "notes"
    }
}

/// Everything the blocks show, in the reader's language. None of it is markup.
struct View {
    who: String,
    about: String,
    phone: Option<Link>,
    address: Option<Link>,
    cell: Option<String>,
    standing: String,
    why: Vec<String>,
    scores: Vec<Score>,
    pages: Vec<Page>,
    notes: Vec<String>,
    labels: Labels,
}

struct Link {
    text: String,
    href: Option<String>,
}

struct Score {
    label: &'static str,
    before: Option<String>,
    now: String,
}

struct Page {
    title: String,
    when: String,
    read: Option<String>,
    /// All of it on one line.
    line: String,
}

struct Labels {
    phone: &'static str,
    mail: &'static str,
    colon: &'static str,
}

/// Says things in one language, as of one moment.
struct Teller<'z> {
    language: Language,
    zone: &'z TimeZone,
    now: Timestamp,
}

impl Teller<'_> {
    fn view(&self, alert: &Alert, setup: &Setup, owner: &Owner) -> View {
        View {
            who: self.who(alert),
            about: self.about(alert),
            phone: alert.phone.as_ref().map(|phone| Link { text: self.known(phone), href: self.dial(phone) }),
            address: alert
                .address
                .as_ref()
                .map(|address| Link { text: address.to_string(), href: Some(mailto(address.as_str())) }),
            cell: alert.cell.map(|cell| words::cell(cell, self.language)),
            standing: self.standing(alert),
            why: self.why(alert),
            scores: self.scores(alert),
            pages: alert.pages.iter().map(|page| self.page(page)).collect(),
            notes: self.notes(alert, setup, owner),
            labels: Labels {
                phone: self.pick("Phone:", "電話："),
                mail: self.pick("Mail:", "メール："),
                colon: self.pick(":", "："),
            },
        }
    }

    fn pick<T>(&self, en: T, ja: T) -> T {
        match self.language {
            En => en,
            Ja => ja,
        }
    }

    /// The person; the company or the address where no name is known.
    fn who(&self, alert: &Alert) -> String {
        match (&alert.name, &alert.company, &alert.address) {
            (Some(name), _, _) => match self.language {
                En => self.known(name),
                Ja => self.marked(format!("{} 様", name.text), name.unconfirmed),
            },
            (None, Some(company), _) => self.known(company),
            (None, None, Some(address)) => address.to_string(),
            (None, None, None) => self.pick("A lead without a name", "名前不明の見込み客").to_owned(),
        }
    }

    /// Role and company, as far as they are not said already.
    fn about(&self, alert: &Alert) -> String {
        let company = alert.company.as_ref().filter(|_| alert.name.is_some());
        let parts: Vec<String> = match self.language {
            En => alert.role.iter().chain(company).map(|part| self.known(part)).collect(),
            Ja => company.into_iter().chain(alert.role.iter()).map(|part| self.known(part)).collect(),
        };
        parts.join(self.pick(", ", " "))
    }

    /// The person with the company, for the subject.
    fn person(&self, alert: &Alert) -> String {
        match (&alert.name, &alert.company) {
            (Some(name), Some(company)) => {
                self.pick(format!("{}, {}", name.text, company.text), format!("{} 様（{}）", name.text, company.text))
            }
            (Some(_), None) | (None, _) => self.who(alert),
        }
    }

    /// What it did and where it stands, in few words.
    fn headline(&self, alert: &Alert) -> String {
        let cell = alert.cell.map(|cell| words::cell(cell, self.language));
        let deed = alert.deeds.first().map(|deed| self.what(deed));
        match (deed, alert.cell, cell) {
            (Some(deed), Some(short), _) => self.pick(format!("{deed} · {short}"), format!("{deed}・{short}")),
            (Some(deed), None, _) => deed,
            (None, _, Some(cell)) => cell,
            (None, _, None) => words::stage(alert.stage, self.language).to_owned(),
        }
    }

    fn standing(&self, alert: &Alert) -> String {
        let (stage, phase) = (words::stage(alert.stage, self.language), words::phase(alert.phase, self.language));
        self.pick(format!("Stage: {stage} · Phase: {phase}"), format!("ステージ：{stage}／検討段階：{phase}"))
    }

    /// Why to call now, in at most four sentences and never none.
    fn why(&self, alert: &Alert) -> Vec<String> {
        let mut why: Vec<String> = alert.deeds.iter().map(|deed| self.deed(deed)).collect();
        if let Some(reading) = &alert.reading {
            let (title, lasted) = (&reading.title, words::lasting(reading.engaged, self.language));
            let day = words::day(reading.at, self.now, self.zone, self.language);
            let said = self.pick(format!("Read “{title}” for {lasted} {day}"), format!("「{title}」を{lasted}閲覧（{day}）"));
            why.push(self.marked(said, reading.unconfirmed));
        }
        if let Some(rise) = alert.rise {
            let (from, to) = (words::points(rise.from), words::points(alert.interest));
            let within = words::within(rise.within, self.language);
            why.push(self.pick(
                format!("Interest rose from {from} to {to} {within}"),
                format!("関心スコアが{within}で{from}から{to}に上昇"),
            ));
        }
        if why.is_empty() {
            let stage = words::stage(alert.stage, self.language);
            why.push(
                self.pick(format!("Fit and interest together make it: {stage}"), format!("適合度と関心から「{stage}」と判定")),
            );
        }
        why
    }

    fn deed(&self, deed: &Deed) -> String {
        let what = self.what(deed);
        let when = words::when(deed.last, self.now, self.zone, self.language);
        let said = match deed.times {
            0 | 1 => self.pick(format!("{what}, {when}"), format!("{what}（{when}）")),
            times => self.pick(format!("{what}, {times} times, last {when}"), format!("{what}（{times}回、最後は{when}）")),
        };
        self.marked(said, deed.unconfirmed)
    }

    fn what(&self, deed: &Deed) -> String {
        cleaned(deed.what.in_language(self.language), MAX_WORDS)
    }

    fn scores(&self, alert: &Alert) -> Vec<Score> {
        let changed = |before: Option<f64>, now: f64| before.map(words::points).filter(|before| *before != words::points(now));
        let mut scores = vec![
            Score {
                label: self.pick("Interest", "関心"),
                before: changed(alert.rise.map(|rise| rise.from), alert.interest),
                now: words::points(alert.interest),
            },
            Score {
                label: self.pick("Fit", "適合度"),
                before: changed(alert.before.map(|before| before.fit), alert.fit),
                now: words::points(alert.fit),
            },
        ];
        if let Some(cell) = alert.cell {
            let before = alert.before.and_then(|before| before.cell).filter(|before| *before != cell);
            let before = before.map(|before| before.to_string());
            scores.push(Score { label: self.pick("Cell", "ランク"), before, now: cell.to_string() });
        }
        scores
    }

    fn page(&self, page: &PageLine) -> Page {
        let title = self.marked(page.title.to_string(), page.unconfirmed);
        let when = words::when(page.at, self.now, self.zone, self.language);
        let read = (page.engaged >= 1000).then(|| words::lasting(page.engaged, self.language));
        let line = match &read {
            Some(read) => self.pick(format!("{title} ({when}, {read})"), format!("{title}（{when}・{read}）")),
            None => self.pick(format!("{title} ({when})"), format!("{title}（{when}）")),
        };
        Page { title, when, read, line }
    }

    fn notes(&self, alert: &Alert, setup: &Setup, owner: &Owner) -> Vec<String> {
        let mut notes = vec![];
        if alert.is_unconfirmed() {
            notes.push(self.pick(
                "“Unconfirmed”: it comes from a browser that gave this person's address without proof, so it may be somebody else.".to_owned(),
                "「未確認」は、本人のアドレスを入力しただけのブラウザーからの情報で、別の人の可能性があります。".to_owned(),
            ));
        }
        let as_of = words::when(alert.at, self.now, self.zone, self.language);
        let zone = self.zone.iana_name().unwrap_or("UTC");
        notes.push(self.pick(format!("Decided {as_of}. Times are in {zone}."), format!("判定：{as_of}（時刻は{zone}）")));
        let (owner, company) = (cleaned(&owner.name, MAX_WORDS), cleaned(&setup.company.name, MAX_WORDS));
        notes.push(self.pick(
            format!("{company}'s playbook names {owner} for new leads."),
            format!("{company}のプレイブックが{owner}様を新しい見込み客の担当に指定しています。"),
        ));
        notes
    }

    fn known(&self, known: &Known) -> String {
        self.marked(known.text.to_string(), known.unconfirmed)
    }

    fn marked(&self, text: String, unconfirmed: bool) -> String {
        if unconfirmed { self.pick(format!("{text} (unconfirmed)"), format!("{text}（未確認）")) } else { text }
    }

    fn dial(&self, phone: &Known) -> Option<String> {
        dialled(phone.text.as_str()).map(|number| format!("tel:{number}"))
    }
}

#[cfg(test)]
mod tests;
