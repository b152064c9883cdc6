//! The mail by which a scenario tells a salesperson something of a lead.

use jiff::Timestamp;
use minijinja::Value;

use super::{Composed, Shown, Teller, Unfilled, to_sales};
use crate::mail::notice::Notice;
use crate::mail::template::Values;
use crate::mail::words;
use crate::playbook::mail::{Parts, Version};
use crate::playbook::{Language, Owner, Setup};

/// What a notice may show.
pub static NOTICE: Shown =
    Shown { sure: &["say", "scenario", "person", "interest", "decided"], unsure: &["cell"], blocks: &[], urls: &["lead_url"] };

/// Composes a notice for `owner`, with `url` leading to the lead's page; times are told as they are at `now`.
///
/// # Errors
/// [`Unfilled`] if a template cannot be filled in.
pub fn notice(
    (language, version): (Language, &Version),
    parts: &Parts,
    notice: &Notice,
    setup: &Setup,
    owner: &Owner,
    url: &str,
    now: Timestamp,
) -> Result<Composed, Unfilled> {
    let teller = Teller { language, zone: setup.time_zone.get(), now };
    let cell = notice.cell.map(|cell| words::cell(cell, language)).unwrap_or_default();
    let said = Values::from([
        ("say".to_owned(), Value::from(notice.say.as_str())),
        ("scenario".to_owned(), Value::from(notice.scenario.as_str())),
        ("person".to_owned(), Value::from(teller.whom(notice.name.as_ref(), notice.company.as_ref()))),
        ("interest".to_owned(), Value::from(words::points(notice.interest))),
        ("decided".to_owned(), Value::from(words::when(notice.at, now, teller.zone, language))),
        ("cell".to_owned(), Value::from(cell)),
    ]);
    let (text, html) = teller.foot(setup, owner)?;
    to_sales(version, parts, said, ([("footer", text)], [("footer", html)]), &[("lead_url", url)], setup)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{now, own, setup};
    use super::*;
    use crate::lead::Cell;
    use crate::mail::alert::Known;
    use crate::mail::text::Plain;
    use crate::playbook::Language::{En, Ja};

    fn composed(language: Language, say: &str) -> Composed {
        let known = |text: &str| Plain::of(text).map(|text| Known { text, unconfirmed: false });
        let notice = Notice {
            at: now() - jiff::SignedDuration::from_mins(5),
            say: Plain::of(say).unwrap(),
            scenario: Plain::of("After a white paper").unwrap(),
            name: known("Ann Lee"),
            company: known("R&D <Works>"),
            cell: Cell::try_from("B3".to_owned()).ok(),
            interest: 12.4,
        };
        let (setup, (version, parts)) = (setup(), own("notice", language));
        super::notice(version, parts, &notice, &setup, &setup.owners[0], "https://m.example/view/x", now()).unwrap()
    }

    #[test]
    fn a_notice_in_english() {
        let mail = composed(En, "Asks for a demonstration");
        assert_eq!(mail.subject, "Ann Lee, R&D <Works>: Asks for a demonstration");
        insta::assert_snapshot!(mail.text);
    }

    #[test]
    fn a_notice_in_japanese() {
        let mail = composed(Ja, "デモをご希望です");
        assert_eq!(mail.subject, "Ann Lee 様（R&D <Works>）：デモをご希望です");
        insta::assert_snapshot!(mail.text);
    }

    #[test]
    fn html_says_the_same_and_holds_no_markup_from_outside() {
        let html = composed(En, "{{ 7 * 7 }} <b>").html;
        for part in ["{{ 7 * 7 }} &lt;b&gt;", "R&amp;D &lt;Works&gt;", "After a white paper", "href=\"https://m.example/view/x\""]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }
}
