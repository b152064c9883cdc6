//! A mail of the playbook's to a lead.

use std::collections::BTreeMap;

use askama::Template;
use minijinja::Value;

use super::{Composed, MAX_SUBJECT, Unfilled};
use crate::mail::fields::QUESTION;
use crate::mail::footer::{Footer, OptOut};
use crate::mail::letter::Question;
use crate::mail::template::{Syntax, Values, escaped, filled, markup};
use crate::mail::text::cleaned;
use crate::playbook::mail::{Class, Parts, Version};
use crate::playbook::{Language, Setup};

/// The addresses in one message, each made for it by whoever sends it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Urls<'u> {
    /// What stands for each entry of the link table, by number; where one is missing, the target itself.
    pub links: &'u [String],
    /// The picture that tells of an opening; none: nobody is to know.
    pub pixel: Option<&'u str>,
    /// How to get no more of it. Marketing mail is not composed without one.
    pub opt_out: Option<OptOut<'u>>,
    /// The page that confirms a consent.
    pub confirm: Option<&'u str>,
    /// The question that the letter asks.
    pub ask: Option<Ask<'u>>,
}

/// A question with the pages on which it is answered.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'u> {
    /// The question.
    pub question: &'u Question,
    /// The page for each answer, in their order.
    pub answers: &'u [String],
}

/// A question in the reader's language, as a block. None of it is markup.
struct View<'u> {
    text: String,
    answers: Vec<Line<'u>>,
}

struct Line<'u> {
    text: String,
    url: &'u str,
}

#[derive(Template)]
#[template(path = "mail/question.txt")]
struct TextQuestion<'v> {
    view: &'v View<'v>,
}

#[derive(Template)]
#[template(path = "mail/question.html")]
struct HtmlQuestion<'v> {
    view: &'v View<'v>,
}

impl Ask<'_> {
    /// The block as text and as HTML.
    fn blocks(&self) -> Result<(String, String), askama::Error> {
        let said = |text: &str| cleaned(text, MAX_VALUE);
        let answers = self.question.answers.iter().zip(self.answers);
        let answers = answers.map(|(answer, url)| Line { text: said(&answer.text), url }).collect();
        let view = View { text: said(&self.question.text), answers };
        Ok((TextQuestion { view: &view }.render()?, HtmlQuestion { view: &view }.render()?))
    }
}

/// Composes one version of a mail for one lead. `values` are those of [`values`](crate::mail::fields::values), frozen when
/// the mail was owed; `subject` is the number of the subject.
///
/// # Errors
/// [`Unfilled`] if marketing mail has no way out, or a template cannot be filled in.
pub fn letter(
    (language, version): (Language, &Version),
    parts: &Parts,
    class: Class,
    subject: usize,
    values: &BTreeMap<String, String>,
    urls: &Urls<'_>,
    setup: &Setup,
) -> Result<Composed, Unfilled> {
    let opt_out = match class {
        Class::Marketing => Some(urls.opt_out.ok_or(Unfilled::NoOptOut)?),
        Class::Service | Class::Sales => None,
    };
    let footer = Footer::of(setup, language, opt_out)?;
    let template = version.subjects.get(subject).or_else(|| version.subjects.first()).ok_or(Unfilled::NoSubject)?;
    let line = |text: &str| Value::from(cleaned(text, MAX_VALUE));
    let mut all: Values = version.fields.iter().map(|field| (field.clone(), Value::from(""))).collect();
    all.extend(values.iter().map(|(name, value)| (name.clone(), line(value))));
    let subject = cleaned(&filled(template, Syntax::Text, &all)?, MAX_SUBJECT);
    all.insert("subject".to_owned(), Value::from(subject.clone()));

    let own = [
        ("unsubscribe_url", urls.opt_out.map(|out| out.unsubscribe)),
        ("preferences_url", urls.opt_out.map(|out| out.preferences)),
        ("confirm_url", urls.confirm),
    ];
    let own = own.into_iter().filter_map(|(name, url)| Some((name.to_owned(), url?.to_owned())));
    let links = version.links.iter().enumerate().map(|(number, target)| {
        let url = urls.links.get(number).unwrap_or(target);
        (format!("link_{number}"), url.clone())
    });
    let addresses: BTreeMap<String, String> = own.chain(links).collect();
    let picture =
        |url| format!("<img src=\"{}\" width=\"1\" height=\"1\" alt=\"\" style=\"display:block;border:0;\">", escaped(url));
    let pixel = urls.pixel.map(picture).unwrap_or_default();

    // A letter that asks nothing shows nothing in the question's place.
    let (asked_text, asked_html) = urls.ask.map(|ask| ask.blocks()).transpose()?.unwrap_or_default();

    let with = |syntax: Syntax, footer: String, pixel: String, asked: String| {
        let url = |url: &String| if syntax == Syntax::Html { markup(escaped(url)) } else { Value::from(url.clone()) };
        let mut all = all.clone();
        all.extend(addresses.iter().map(|(name, address)| (name.clone(), url(address))));
        let made = [("footer", footer), ("pixel", pixel), (QUESTION, asked)];
        all.extend(made.map(|(name, block)| (name.to_owned(), markup(block.trim().to_owned()))));
        all
    };
    let text = filled(&parts.text, Syntax::Text, &with(Syntax::Text, footer.text, String::new(), asked_text))?;
    let html = filled(&parts.html, Syntax::Html, &with(Syntax::Html, footer.html, pixel, asked_html))?;
    Ok(Composed { subject, text: tidied(&text), html })
}

/// The longest value, in characters.
const MAX_VALUE: usize = 200;

/// Text with one empty line where conditions left several, and none at its ends.
pub(super) fn tidied(text: &str) -> String {
    let mut tidy = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        if line.is_empty() {
            empty += 1;
            continue;
        }
        if !tidy.is_empty() {
            tidy.push_str(if empty > 0 { "\n\n" } else { "\n" });
        }
        tidy.push_str(line);
        empty = 0;
    }
    tidy.push('\n');
    tidy
}
