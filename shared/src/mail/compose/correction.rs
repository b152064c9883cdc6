//! The mail that takes an alert back.

use askama::Template;
use jiff::Timestamp;

use super::{Composed, MAX_SUBJECT, MAX_WORDS, Teller, Unfilled};
use crate::mail::correction::Correction;
use crate::mail::text::cleaned;
use crate::mail::words;
use crate::playbook::{Language, Owner, Setup};

/// Composes a correction for `owner`, with `url` leading to the lead's page; times are told as they are at `now`.
///
/// # Errors
/// [`Unfilled`] if a template cannot be filled in.
pub fn correction(
    correction: &Correction,
    setup: &Setup,
    owner: &Owner,
    url: &str,
    language: Language,
    now: Timestamp,
) -> Result<Composed, Unfilled> {
    let teller = Teller { language, zone: setup.time_zone.get(), now };
    let view = teller.correction(correction, setup, owner, url);
    let text = TextBody { view: &view }.render()?;
    let html = HtmlBody { view: &view }.render()?;
    Ok(Composed { subject: view.subject, text, html })
}

#[derive(Template)]
#[template(path = "mail/correction.txt")]
struct TextBody<'v> {
    view: &'v View,
}

#[derive(Template)]
#[template(path = "mail/correction.html")]
struct HtmlBody<'v> {
    view: &'v View,
}

/// Everything the templates show, in the reader's language. None of it is markup.
struct View {
    lang: &'static str,
    subject: String,
    heading: String,
    who: String,
    said: Vec<String>,
    open: &'static str,
    colon: &'static str,
    url: String,
    notes: Vec<String>,
}

impl Teller<'_> {
    fn correction(&self, correction: &Correction, setup: &Setup, owner: &Owner, url: &str) -> View {
        let who = self.whom(correction);
        let alerted = words::when(correction.alerted, self.now, self.zone, self.language);
        let heading = self.pick("Please do not call for now", "現時点では架電をお控えください").to_owned();
        let (company, name) = (cleaned(&setup.company.name, MAX_WORDS), cleaned(&owner.name, MAX_WORDS));
        let zone = self.zone.iana_name().unwrap_or("UTC");
        View {
            lang: self.pick("en", "ja"),
            subject: cleaned(
                &self.pick(format!("Correction: {who}: please do not call for now"), format!("訂正：{who}：架電をお控えください")),
                MAX_SUBJECT,
            ),
            said: vec![
                self.pick(
                    format!(
                        "The alert that you were sent about {who} ({alerted}) was a mistake: it rested on links in our mail which, \
                         as we know now, a machine had followed, such as a scanner that checks incoming mail. We are sorry."
                    ),
                    format!(
                        "{who}についてお送りしたアラート（{alerted}）は誤りでした。根拠としたメール内リンクのクリックは、\
                         受信メールを検査するセキュリティ製品などの機械によるものと判明しました。申し訳ございません。"
                    ),
                ),
                self.standing_now(correction),
            ],
            open: self.pick("Look at the lead", "見込み客のページを開く"),
            colon: self.pick(":", "："),
            url: url.to_owned(),
            notes: vec![self.pick(
                format!("Times are in {zone}. {company}'s playbook names {name} for this lead."),
                format!("時刻は{zone}です。{company}のプレイブックが{name}様をこの見込み客の担当に指定しています。"),
            )],
            heading,
            who,
        }
    }

    fn whom(&self, correction: &Correction) -> String {
        match (&correction.name, &correction.company) {
            (Some(name), Some(company)) => {
                self.pick(format!("{}, {}", name.text, company.text), format!("{} 様（{}）", name.text, company.text))
            }
            (Some(name), None) => self.pick(name.text.to_string(), format!("{} 様", name.text)),
            (None, Some(company)) => company.text.to_string(),
            (None, None) => self.pick("a lead without a name", "名前不明の見込み客").to_owned(),
        }
    }

    /// What is left of it without the machine.
    fn standing_now(&self, correction: &Correction) -> String {
        let interest = words::points(correction.interest);
        match correction.cell.map(|cell| words::cell(cell, self.language)) {
            Some(cell) => self.pick(
                format!("Without it the interest is {interest} ({cell}), and the lead goes back to marketing. You hear of it again as soon as the person does something."),
                format!("これを除いた関心スコアは{interest}（{cell}）で、見込み客はマーケティングに戻ります。ご本人の行動があれば、あらためてお知らせします。"),
            ),
            None => self.pick(
                "The lead goes back to marketing. You hear of it again as soon as the person does something.".to_owned(),
                "見込み客はマーケティングに戻ります。ご本人の行動があれば、あらためてお知らせします。".to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{now, setup};
    use super::*;
    use crate::lead::Cell;
    use crate::mail::alert::Known;
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
        let setup = setup();
        super::correction(&correction, &setup, &setup.owners[0], "https://m.example/view/x", language, now()).unwrap()
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
        for part in
            ["Please do not call", "R&#38;D &#60;Works&#62;", "a machine had followed", "href=\"https://m.example/view/x\""]
        {
            assert!(html.contains(part), "{part} is missing in {html}");
        }
    }
}
