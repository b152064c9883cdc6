//! Mails of a playbook: what passes the check can be composed for every lead, whatever is known of it, with the foot that the
//! law asks for and without anything that runs.

use michi::lead::{Attribute, Lead};
use michi::mail::alert::Alert;
use michi::mail::compose::{self, Composed, Urls};
use michi::mail::correction::Correction;
use michi::mail::fields::values;
use michi::mail::footer::OptOut;
use michi::mail::notice::Notice;
use michi::mail::summary::Summary;
use michi::mail::template::escaped;
use michi::playbook::authoring::{DEFAULT_MAILS, SourceFile, check};
use michi::playbook::mail::{Class, Mail, Version};
use michi::playbook::{Language, Playbook};
use proptest::prelude::*;
use proptest::sample::select;

use super::bytes::{Input, changed};
use super::playbooks::{PARTS, defaults, judged, now, told};
use super::{cases, in_proportion, soon};
use crate::tidy::read;

const LAYOUT: &str = "mail/layout.mjml";
const UNSUBSCRIBE: &str = "https://m.example/unsubscribe/abc?a=1&b=2";
const PREFERENCES: &str = "https://m.example/preferences/abc";
const LEAD_PAGE: &str = "https://m.example/view/abc";
/// Gmail cuts off what is longer than this.
const GMAIL: usize = 102_000;

/// A lead of whom everything is known, and nothing of it is what it seems.
const HOSTILE: [&str; 4] =
    ["<script>alert(1)</script>", "{{ 7*7 }}{% if x %}", "\"><img src=x onerror=a>", "a\r\nBcc: x@y.z\u{202e}"];

/// A playbook's files: YAML as ever, and a mail or the layout with something done to it. The other mails are michi's own,
/// which are compiled already.
fn files() -> impl Strategy<Value = (SourceFile, Input)> {
    let mails: Vec<Vec<u8>> = DEFAULT_MAILS.map(|(_, text)| text.as_bytes().to_vec()).to_vec();
    let primary: Vec<&str> = DEFAULT_MAILS.map(|(name, _)| name).into_iter().filter(|name| !name.ends_with(".ja.md")).collect();
    let layout = read("shared/templates/mail/layout.mjml").into_bytes();
    let named = |name: String| SourceFile::new(name, "");
    prop_oneof![
        6 => (select(primary.clone()), changed(mails.clone())).prop_map(move |(name, text)| (named(name.to_owned()), text)),
        1 => (select(primary), changed(mails)).prop_map(move |(name, text)| (named(name.replace(".md", ".ja.md")), text)),
        1 => changed(vec![layout]).prop_map(move |text| (named(LAYOUT.to_owned()), text)),
    ]
}

/// The playbook with this file in it, and the mail that a translation or a layout is for.
fn with(file: &SourceFile) -> Vec<SourceFile> {
    let beside = if file.name == LAYOUT { "mail/welcome.md".to_owned() } else { file.name.replace(".ja.md", ".md") };
    let mut files = defaults(|name| PARTS.contains(&name) || name == beside && name != file.name);
    files.push(file.clone());
    files
}

fn composed(
    playbook: &Playbook,
    name: &str,
    mail: &Mail,
    (language, version): (Language, &Version),
    subject: usize,
    lead: &Lead,
) -> Composed {
    let (setup, owner) = (&playbook.setup, playbook.default_owner().unwrap());
    let parts = version.body.parts().unwrap();
    let version = (language, version);
    let composed = match (mail.class, name) {
        (Class::Sales, "summary") => {
            let summary = Summary { at: now(), changed: now(), list: None, by: None, why: None, count: 0, leads: vec![] };
            compose::summary(version, parts, &summary, setup, owner, |_| LEAD_PAGE.to_owned(), now())
        }
        (Class::Sales, "correction") => {
            compose::correction(version, parts, &Correction::of(lead, now(), now()), setup, owner, LEAD_PAGE, now())
        }
        (Class::Sales, "notice") => {
            let notice = Notice::of(lead, "<b>Call</b> {{ them }}", "A scenario", now()).unwrap();
            compose::notice(version, parts, &notice, setup, owner, LEAD_PAGE, now())
        }
        (Class::Sales, _) => {
            compose::alert(version, parts, &Alert::of(playbook, lead, None, now()), setup, owner, LEAD_PAGE, now())
        }
        (class, _) => {
            let values = values(version.1, lead, Some(owner), setup);
            let opt_out = Some(OptOut { unsubscribe: UNSUBSCRIBE, preferences: PREFERENCES });
            let (pixel, confirm) = (Some("https://m.example/o/abc.gif"), Some("https://m.example/confirm/abc"));
            // Only a mail that a scenario asks with has a question, and there is no scenario here.
            let urls = Urls { links: &[], pixel, opt_out, confirm, ask: None };
            compose::letter(version, parts, class, subject, &values, &urls, setup)
        }
    };
    composed.expect("what passes the check can be composed")
}

/// HTML without its comments, and with one writing of what is escaped.
fn seen(html: &str) -> String {
    let html = html.replace("&#38;", "&amp;");
    let mut parts = html.split("<!--");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |seen, part| seen + part.split_once("-->").map_or("", |(_, behind)| behind))
}

fn sound(composed: &Composed, class: Class, playbook: &Playbook) {
    let Composed { subject, text, html } = composed;
    assert!(!subject.contains(char::is_control) && subject.chars().count() <= 120, "{subject:?}");
    let (seen, company) = (seen(html), &playbook.setup.company);
    if class != Class::Sales {
        for foot in [&company.name, &company.postal_address, &company.contact] {
            assert!(text.contains(foot.as_str()) && seen.contains(&escaped(foot)), "{foot} is missing: {text}\n{seen}");
        }
    }
    if class == Class::Marketing {
        assert!(text.contains(UNSUBSCRIBE), "no way out: {text}");
        assert!(seen.contains(&format!("href=\"{}\"", escaped(UNSUBSCRIBE))), "no way out: {seen}");
    }
}

/// What a marketer's text, and what is known of a lead, cannot bring into a mail in michi's own layout.
fn harmless(composed: &Composed) {
    let html = composed.html.to_ascii_lowercase();
    for tag in ["<script", "<iframe", "<object", "<form", "<svg", "<img src=x"] {
        assert!(!html.contains(tag), "{tag}: {html}");
    }
    for target in html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| target.starts_with(scheme)), "{target}");
    }
    assert!(!composed.html.contains(['\u{10600}', '\u{10601}']) && !composed.text.contains(['\u{10600}', '\u{10601}', '\r']));
    assert!(composed.html.trim_end().ends_with("</html>") && composed.html.len() < GMAIL, "{} bytes", composed.html.len());
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn what_passes_the_check_can_be_sent_to_anybody((file, given) in files()) {
        soon(move || {
            let Input(bytes) = given;
            let file = SourceFile { bytes, ..file };
            let files = with(&file);
            let playbook = match check(&files) {
                Ok(playbook) => playbook,
                Err(mistakes) => return told(&files, &mistakes),
            };
            let known = judged(&playbook);
            for (id, mail) in &playbook.mails {
                let field = |n: usize| HOSTILE[n % HOSTILE.len()].to_owned();
                let attribute = |value| Attribute { value, at: now(), unconfirmed: false };
                let fields = mail.versions.values().flat_map(|version| version.fields.clone()).enumerate();
                let hostile = Lead { attributes: fields.map(|(n, name)| (name, attribute(field(n)))).collect(), ..known.clone() };
                let unknown = Lead { attributes: [].into(), ..known.clone() };
                for (language, version) in &mail.versions {
                    in_proportion(serde_json::to_string(version.body.parts().unwrap()).unwrap().len(), 30, file.bytes.len(), 100_000);
                    for subject in 0..version.subjects.len().min(3) {
                        for lead in [&known, &hostile, &unknown] {
                            let composed = composed(&playbook, id.as_str(), mail, (*language, version), subject, lead);
                            sound(&composed, mail.class, &playbook);
                            if file.name != LAYOUT {
                                harmless(&composed);
                            }
                        }
                    }
                }
            }
        });
    }
}
