//! The mail that takes an alert back.

use askama::Template;
use jiff::Timestamp;
use minijinja::Value;

use super::{Composed, MAX_WORDS, Shown, Teller, Unfilled, to_sales};
use crate::mail::alert::Known;
use crate::mail::correction::Correction;
use crate::mail::template::Values;
use crate::mail::text::cleaned;
use crate::mail::words;
use crate::playbook::mail::{Parts, Version};
use crate::playbook::{Language, Owner, Setup};

/// What a correction may show.
pub static CORRECTION: Shown =
    Shown { sure: &["person", "alerted", "interest"], unsure: &["cell"], blocks: &[], urls: &["lead_url"] };

/// Composes a correction for `owner`, with `url` leading to the lead's page; times are told as they are at `now`.
///
/// # Errors
/// [`Unfilled`] if a template cannot be filled in.
pub fn correction(
    (language, version): (Language, &Version),
    parts: &Parts,
    correction: &Correction,
    setup: &Setup,
    owner: &Owner,
    url: &str,
    now: Timestamp,
) -> Result<Composed, Unfilled> {
    let teller = Teller { language, zone: setup.time_zone.get(), now };
    let cell = correction.cell.map(|cell| words::cell(cell, language)).unwrap_or_default();
    let said = Values::from([
        ("person".to_owned(), Value::from(teller.whom(correction.name.as_ref(), correction.company.as_ref()))),
        ("alerted".to_owned(), Value::from(words::when(correction.alerted, now, teller.zone, language))),
        ("interest".to_owned(), Value::from(words::points(correction.interest))),
        ("cell".to_owned(), Value::from(cell)),
    ]);
    let (text, html) = teller.foot(setup, owner)?;
    to_sales(version, parts, said, ([("footer", text)], [("footer", html)]), &[("lead_url", url)], setup)
}

#[derive(Template)]
#[template(path = "mail/summary.txt", block = "notes")]
struct TextNotes<'v> {
    view: &'v View,
}

#[derive(Template)]
#[template(path = "mail/summary.html", block = "notes")]
struct HtmlNotes<'v> {
    view: &'v View,
}

/// What the blocks show, in the reader's language. None of it is markup.
struct View {
    notes: Vec<String>,
}

impl Teller<'_> {
    /// The person with the company, within a sentence.
    pub(super) fn whom(&self, name: Option<&Known>, company: Option<&Known>) -> String {
        match (name, company) {
            (Some(name), Some(company)) => {
                self.pick(format!("{}, {}", name.text, company.text), format!("{} 様（{}）", name.text, company.text))
            }
            (Some(name), None) => self.pick(name.text.to_string(), format!("{} 様", name.text)),
            (None, Some(company)) => company.text.to_string(),
            (None, None) => self.pick("a lead without a name", "名前不明の見込み客").to_owned(),
        }
    }

    /// What stands below a mail to sales about one lead, as text and as HTML.
    pub(super) fn foot(&self, setup: &Setup, owner: &Owner) -> Result<(String, String), askama::Error> {
        let (company, name) = (cleaned(&setup.company.name, MAX_WORDS), cleaned(&owner.name, MAX_WORDS));
        let zone = self.zone.iana_name().unwrap_or("UTC");
        let note = self.pick(
            format!("Times are in {zone}. {company}'s playbook names {name} for this lead."),
            format!("時刻は{zone}です。{company}のプレイブックが{name}様をこの見込み客の担当に指定しています。"),
        );
        let view = View { notes: vec![note] };
        Ok((TextNotes { view: &view }.render()?, HtmlNotes { view: &view }.render()?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{now, own, setup};
    use super::*;
    use crate::lead::Cell;
    use crate::mail::text::Plain;
    use crate::playbook::Language::{En, Ja};

    fn composed(language: Language) -> Composed {
        let known = |text: &str| Plain::of(text).map(|text| Known { text, unconfirmed: false });
        let correction = Correction {
            at: now(),
            alerted: now() - jiff::SignedDuration::from_hours(2),
            name: known("Ann Lee"),
            company: known("R&D <Works>"),
            cell: Cell::try_from("B3".to_owned()).ok(),
            interest: 12.4,
        };
        let (setup, (version, parts)) = (setup(), own("correction", language));
        super::correction(version, parts, &correction, &setup, &setup.owners[0], "https://m.example/view/x", now()).unwrap()
    }

    #[test]
    fn a_correction_in_english() {
        let mail = composed(En);
        assert_eq!(mail.subject, "Correction: Ann Lee, R&D <Works>: please do not call for now");
        insta::assert_snapshot!(mail.text);
    }

    #[test]
    fn a_correction_in_japanese() {
        let mail = composed(Ja);
        assert_eq!(mail.subject, "訂正：Ann Lee 様（R&D <Works>）：架電をお控えください");
        insta::assert_snapshot!(mail.text);
    }

    #[test]
    fn html_says_the_same_and_holds_no_markup_from_outside() {
        let html = composed(En).html;
        for part in ["Please do not call", "R&amp;D &lt;Works&gt;", "a machine had followed", "href=\"https://m.example/view/x\""]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }
}
