//! The foot of every mail to a lead, which the law asks for: who sends, from where, how to be reached, and how to get no
//! more of it. It is added when a mail is sent, from the playbook that is live then.

use askama::Template;

use super::text::{cleaned, mailto};
use crate::playbook::Language::{self, En, Ja};
use crate::playbook::Setup;

/// The longest of the playbook's own texts, in characters.
const MAX_WORDS: usize = 300;

/// How a reader gets no more mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptOut<'u> {
    /// The page that ends all marketing mail.
    pub unsubscribe: &'u str,
    /// The page with all choices.
    pub preferences: &'u str,
}

/// A foot as text and as HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) text: String,
    pub(super) html: String,
}

#[derive(Template)]
#[template(path = "mail/footer.txt")]
struct TextFooter<'v> {
    view: &'v View<'v>,
}

#[derive(Template)]
#[template(path = "mail/footer.html")]
struct HtmlFooter<'v> {
    view: &'v View<'v>,
}

struct View<'v> {
    company: String,
    postal_address: String,
    contact: String,
    contact_label: &'static str,
    /// Where the contact leads, if it is a mail address or a page.
    contact_href: Option<String>,
    why: &'static str,
    unsubscribe: &'static str,
    preferences: &'static str,
    colon: &'static str,
    opt_out: Option<OptOut<'v>>,
}

impl Footer {
    /// The foot of a mail in this language; without a way out only where the reader asked for the mail.
    pub(super) fn of(setup: &Setup, language: Language, opt_out: Option<OptOut<'_>>) -> Result<Self, askama::Error> {
        let pick = |en, ja| match language {
            En => en,
            Ja => ja,
        };
        let contact = cleaned(&setup.company.contact, MAX_WORDS);
        let view = View {
            company: cleaned(&setup.company.name, MAX_WORDS),
            postal_address: cleaned(&setup.company.postal_address, MAX_WORDS),
            contact_label: pick("Contact", "お問い合わせ"),
            contact_href: href(&contact),
            contact,
            why: match opt_out {
                Some(_) => pick(
                    "You get this mail because you agreed to hear from us or we know each other from business.",
                    "このメールは、配信に同意いただいた方、またはお取引・名刺交換などでご縁のある方にお送りしています。",
                ),
                None => pick(
                    "You get this mail because of something you asked us for.",
                    "このメールは、お客様のお手続きに伴ってお送りしています。",
                ),
            },
            unsubscribe: pick("Unsubscribe", "配信を停止する"),
            preferences: pick("Choose what you get", "配信内容を変更する"),
            colon: pick(": ", "："),
            opt_out,
        };
        Ok(Self { text: TextFooter { view: &view }.render()?, html: HtmlFooter { view: &view }.render()? })
    }
}

/// Where a contact leads that is a mail address or a page.
fn href(contact: &str) -> Option<String> {
    if contact.starts_with("https://") || contact.starts_with("http://") {
        return Some(contact.to_owned());
    }
    (contact.contains('@') && !contact.contains(' ')).then(|| mailto(contact))
}
