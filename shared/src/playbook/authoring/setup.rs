//! What must be so in `playbook.yaml` beyond its shape.

use url::Url;

use super::mistake::{Mistake, quoted};
use super::names::each_once;
use super::place::Place;
use super::scenario::window_trouble;
use crate::address::Address;

pub(super) fn check(setup: Place<'_>, mistakes: &mut Vec<Mistake>) {
    let sites = || setup.key("sites").items().map(|site| site.key("origin"));
    sites().for_each(|origin| mistakes.extend(origin_trouble(origin)));
    each_once(sites(), "site", mistakes);

    let sender = setup.key("sender").key("address");
    if let Some(address) = sender.read::<Address>().filter(|address| !address.is_business()) {
        let what = format!("mail cannot be sent in the name of {}", address.domain());
        mistakes.push(sender.mistake(what, "write an address at a domain of your own company"));
    }

    mistakes.extend(window_trouble(setup.key("mail").key("window")));
    each_once(setup.key("holidays").items(), "holiday", mistakes);
    each_once(setup.key("mail").key("topics").items().map(|topic| topic.key("id")), "topic", mistakes);
    each_once(setup.key("owners").items().map(|owner| owner.key("id")), "owner", mistakes);
    let lists =
        |classes: &'static str, list: &'static str| setup.key(classes).items().flat_map(move |class| class.key(list).items());
    each_once(setup.key("pages").items().map(|page| page.key("class")), "class of pages", mistakes);
    each_once(lists("pages", "paths"), "path", mistakes);
    each_once(setup.key("forms").items().map(|form| form.key("class")), "class of forms", mistakes);
    each_once(lists("forms", "forms"), "form", mistakes);
    each_once(setup.key("spam").key("traps").items(), "trap", mistakes);
    mistakes.extend(setup.key("spam").key("traps").items().filter_map(trap_trouble));
}

/// Fields that people fill in catch people.
fn trap_trouble(place: Place<'_>) -> Option<Mistake> {
    const FILLED_IN: [&str; 12] = [
        "email",
        "name",
        "company",
        "role",
        "department",
        "phone",
        "industry",
        "employees",
        "country",
        "website",
        "message",
        "consent",
    ];
    let text = place.text()?;
    let what = match text {
        _ if text.trim() != text || text.is_empty() => format!("no form has a field with the name {}", quoted(text)),
        _ if FILLED_IN.contains(&text) => format!("people fill in {}: all their forms would be put aside", quoted(text)),
        _ => return None,
    };
    Some(place.mistake(what, "write the name of a field that no form shows, as in web_address"))
}

/// A site is named by its origin, exactly as a browser sends it.
fn origin_trouble(place: Place<'_>) -> Option<Mistake> {
    let text = place.text()?;
    let mistake = |what: String, remedy: String| Some(place.mistake(what, remedy));
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && !text.contains(['*', ' ']));
    let Some(url) = url else {
        let remedy = "write scheme and host, each host by itself, as in https://www.example.com";
        return mistake(format!("{} is not the address of a site", quoted(text)), remedy.to_owned());
    };
    let origin = url.origin().ascii_serialization();
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if url.scheme() == "http" && !local {
        let remedy = format!(
            "write \"{}\"; http without s is taken from localhost and 127.0.0.1 only",
            origin.replacen("http", "https", 1)
        );
        return mistake("over http anybody between can read what visitors type".to_owned(), remedy);
    }
    if !origin.eq_ignore_ascii_case(text) {
        let what = format!("browsers name this site in another way than {}", quoted(text));
        return mistake(what, format!("write \"{origin}\", without path and without a slash at the end"));
    }
    None
}
