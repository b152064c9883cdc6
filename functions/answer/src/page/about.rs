//! What an activity was about, in one line.

use michi::activity::{Kind, PageView};
use michi::fold::Step;
use michi::playbook::pattern::{path_of, readable};

use super::reader::{Reader, line};

/// What it was about, and the page to look at, if that is one of the company's own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) text: String,
    pub(crate) link: Option<String>,
}

impl About {
    fn text(text: &str) -> Self {
        Self { text: line(text), link: None }
    }
}

/// What a step was about: the page's title, the form's name, the file.
pub(crate) fn about(step: &Step<'_>, reader: &Reader<'_>) -> About {
    match &step.activity.kind {
        Kind::PageViewed(page) => {
            About { text: page_name(page, &reader.playbook.setup.company.name), link: reader.own_page(&page.url) }
        }
        Kind::Downloaded { target, .. } => About { text: file_name(target), link: reader.own_page(target) },
        Kind::Clicked { target, text, .. } => match text.as_deref().map(line).filter(|text| !text.is_empty()) {
            Some(text) => About { text: format!("{text} ({})", place(target)), link: None },
            None => About { text: place(target), link: None },
        },
        Kind::MailClicked { target, .. } => About { text: place(target), link: reader.own_page(target) },
        Kind::Tracked { event, .. } | Kind::EventAttended { event } => About::text(event),
        Kind::FormSubmitted(form) => About::text(form.form.as_str()),
        Kind::CallMade { note, .. } | Kind::CardExchanged { note, .. } | Kind::Visited { note, .. } => {
            About::text(note.as_deref().unwrap_or_default())
        }
        Kind::Engaged { url, .. } => About { text: place(url), link: reader.own_page(url) },
        Kind::Identified { address, .. } => About::text(address.as_ref().map_or("", |address| address.as_str())),
        Kind::Listed { address, .. } => About::text(address.as_str()),
        Kind::AttributeSet { name, .. } => About::text(name),
        Kind::Consented { text, .. } => About::text(text.as_deref().unwrap_or_default()),
        Kind::Enrolled { scenario, .. } | Kind::Advanced { scenario, .. } => {
            let known = reader.playbook.scenarios.get(scenario);
            About::text(known.map_or(scenario.as_str(), |known| known.name.in_language(reader.language)))
        }
        Kind::Answered { answer, .. } => About::text(answer.as_str()),
        Kind::MailSent { mail, .. } => About::text(mail.as_str()),
        Kind::VisitorLinked { .. }
        | Kind::VisitorCut { .. }
        | Kind::StageMoved { .. }
        | Kind::SalesAnswered { .. }
        | Kind::Confirmed { .. }
        | Kind::MailChosen { .. }
        | Kind::TrackingChosen { .. }
        | Kind::MailDelivered { .. }
        | Kind::MailBounced { .. }
        | Kind::MailComplained { .. }
        | Kind::ImportUndone { .. }
        | Kind::Merged { .. }
        | Kind::MailOpened { .. } => About::default(),
    }
}

/// The page's title without the company's name behind it; its path where it has none.
fn page_name(page: &PageView, company: &str) -> String {
    let title = page.title.as_deref().map(line).filter(|title| !title.is_empty());
    title.map_or_else(|| line(&decoded(path_of(&page.url))), |title| without(&title, company).to_owned())
}

/// A title without the ` | Company` that every page of a site carries.
fn without<'t>(title: &'t str, company: &str) -> &'t str {
    let Some(front) = title.strip_suffix(company) else { return title };
    let short = front.trim_end_matches(|c: char| c.is_whitespace() || PARTING.contains(c));
    let parted = front.get(short.len()..).is_some_and(|between| between.contains(|c| PARTING.contains(c)));
    if parted && !short.is_empty() { short } else { title }
}

/// What stands between a title and the company's name.
const PARTING: &str = "|｜-–—:：·・";

/// The last part of the path; the whole place where that is empty.
fn file_name(target: &str) -> String {
    match path_of(target).rsplit('/').next() {
        Some(name) if !name.is_empty() => line(&decoded(name)),
        _ => place(target),
    }
}

/// Host and path, without scheme and query: what people call an address.
pub(crate) fn place(url: &str) -> String {
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = behind_scheme.find(['?', '#']).unwrap_or(behind_scheme.len());
    line(decoded(behind_scheme.get(..end).unwrap_or_default()).trim_end_matches('/'))
}

/// The host of an address, if it has one.
pub(crate) fn host(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest.get(..end).map(line).filter(|host| !host.is_empty())
}

/// As it can be read: letters beyond ASCII and blanks as they are.
fn decoded(text: &str) -> String {
    readable(text).replace("%20", " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_said_as_people_say_them() {
        for (url, said) in [
            ("https://www.example.com/cases/a/?x=1#y", "www.example.com/cases/a"),
            ("https://example.com", "example.com"),
            ("/files/%E8%B3%87%E6%96%99.pdf", "/files/資料.pdf"),
            ("/files/white%20paper%2F2.pdf", "/files/white paper%2F2.pdf"),
            ("/files/%FF%zz%", "/files/%FF%zz%"),
            ("javascript:alert(1)", "javascript:alert(1)"),
        ] {
            assert_eq!(place(url), said);
        }
        assert_eq!(file_name("https://example.com/files/%E8%B3%87%E6%96%99.pdf?v=2"), "資料.pdf");
        assert_eq!(file_name("https://example.com/files/"), "example.com/files");
        for (title, short) in [
            ("Prices | Acme", "Prices"),
            ("料金｜Acme", "料金"),
            ("Prices – Acme", "Prices"),
            ("Acme", "Acme"),
            ("| Acme", "| Acme"),
            ("About Acme", "About Acme"),
            ("ProAcme", "ProAcme"),
            ("Acme | Prices", "Acme | Prices"),
            ("Prices -", "Prices -"),
        ] {
            assert_eq!(without(title, "Acme"), short, "{title}");
        }
        assert_eq!(host("https://www.example.com/x").as_deref(), Some("www.example.com"));
        assert_eq!(host("mailto:a@b.c"), None);
    }
}
