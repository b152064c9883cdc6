//! The mail as its readers get it.

use super::*;
use crate::mail::text::Plain;

pub(super) fn setup() -> Setup {
    serde_json::from_value(serde_json::json!({
        "company": { "name": "Kikai KK", "postal_address": "1-1 Chiyoda, Tokyo", "contact": "https://kikai.example" },
        "sender": { "name": "Kikai", "address": "michi@kikai.example" },
        "language": "en",
        "time_zone": "Asia/Tokyo",
        "write_key": "pk_1",
        "sites": [{ "origin": "https://kikai.example" }],
        "owners": [{ "id": "sato", "name": "Sato", "address": "sato@kikai.example" }],
    }))
    .unwrap()
}

pub(super) fn now() -> Timestamp {
    "2026-11-22T14:05:30+09:00".parse().unwrap()
}

/// One of michi's own mails in a language, as every playbook has it.
pub(super) fn own(name: &str, language: Language) -> ((Language, &'static Version), &'static Parts) {
    let mail = &crate::playbook::mail::built_in()[&crate::id::MailId::parse(name).unwrap()];
    let (language, version) = mail.version(language).unwrap();
    ((language, version), version.body.parts().unwrap())
}

fn composed(alert: &Alert, language: Language) -> Composed {
    let (setup, (version, parts)) = (setup(), own("alert", language));
    super::alert(version, parts, alert, &setup, &setup.owners[0], "https://m.example/view/abc", now()).unwrap()
}

#[test]
fn an_alert_in_english() {
    let mail = composed(&Alert::sample(now()), En);
    assert_eq!(mail.subject, "Ann Lee, Acme Ltd: Requested the white paper · B2");
    insta::assert_snapshot!(mail.text);
}

#[test]
fn an_alert_in_japanese() {
    let mail = composed(&Alert::sample(now()), Ja);
    assert_eq!(mail.subject, "Ann Lee 様（Acme Ltd）：資料を請求・B2");
    insta::assert_snapshot!(mail.text);
}

#[test]
fn html_looks_as_agreed() {
    insta::assert_snapshot!(composed(&Alert::sample(now()), En).html);
}

/// What a reader sees of HTML: text between tags, with blanks drawn together.
fn seen(html: &str) -> String {
    let body = html.split_once("<h1").map_or("", |(_, body)| body);
    let text: String = body.split('<').map(|part| part.split_once('>').map_or("", |(_, text)| text)).collect();
    let entities = [
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#38;", "&"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ];
    entities.iter().fold(text, |text, (entity, sign)| text.replace(entity, sign))
}

#[test]
fn text_and_html_say_the_same() {
    for language in [En, Ja] {
        let mut sample = Alert::sample(now());
        sample.company = Some(Known { text: Plain::of("R&D <Works>").unwrap(), unconfirmed: true });
        let mail = composed(&sample, language);
        let squeezed = |text: &str| text.split_whitespace().collect::<String>();
        let html = squeezed(&seen(&mail.html));
        for line in mail.text.lines().filter(|line| !line.contains("https://") && !line.is_empty()) {
            // Pages stand in a table in one part and on a line in the other, a button has no colon.
            let words = line.trim_start_matches("- ").replace(['(', ')', ',', '（', '）', '・', ':', '：'], " ");
            for word in words.split_whitespace() {
                assert!(html.contains(word), "{word} of {line} is missing in {html}");
            }
        }
        assert!(mail.html.contains("href=\"https://m.example/view/abc\""));
    }
}

#[test]
fn a_telephone_can_call_and_write_from_the_mail() {
    let html = composed(&Alert::sample(now()), En).html;
    assert!(html.contains("href=\"tel:+81312345678\"") && html.contains("href=\"mailto:ann.lee@acme.example\""));
    let mut sample = Alert::sample(now());
    sample.phone = Some(Known { text: Plain::of("ask for Ann").unwrap(), unconfirmed: false });
    let html = composed(&sample, En).html;
    assert!(html.contains("ask for Ann") && !html.contains("tel:"));
}

#[test]
fn hostile_text_is_plain_text() {
    let hostile = "<script>{{ 7*7 }}</script>\r\nBcc: x@y.z\u{202e}\" onclick=\"x";
    let known = || Some(Known { text: Plain::of(hostile).unwrap(), unconfirmed: true });
    let mut sample = Alert::sample(now());
    (sample.name, sample.company, sample.role, sample.phone) = (known(), known(), known(), known());
    sample.pages[0].title = Plain::of(&hostile.repeat(1000)).unwrap();
    for language in [En, Ja] {
        let Composed { subject, text, html } = composed(&sample, language);
        assert!(!subject.contains(char::is_control) && subject.chars().count() <= MAX_SUBJECT);
        assert!(subject.starts_with("<script>{{ 7*7 }}</script> Bcc: x@y.z\""), "{subject}");
        assert!(text.starts_with("<script>{{ 7*7 }}</script> Bcc: x@y.z\""), "{text}");
        assert!(!html.contains("<script") && !html.contains("\" onclick"), "{html}");
        assert!(html.contains("{{ 7*7 }}"));
        for part in [&subject, &text, &html] {
            assert!(!part.contains(['\u{202e}', '\r', '\0']));
        }
    }
}

#[test]
fn little_known_is_said_without_gaps() {
    let mut sample = Alert::sample(now());
    (sample.name, sample.company, sample.role, sample.phone) = (None, None, None, None);
    (sample.before, sample.rise, sample.reading, sample.cell) = (None, None, None, None);
    (sample.deeds, sample.pages) = (vec![], vec![]);
    let mail = composed(&sample, En);
    assert_eq!(mail.subject, "ann.lee@acme.example: Ready for sales (MQL)");
    insta::assert_snapshot!(mail.text);
    assert!(!mail.html.contains("Last pages"));
    sample.address = None;
    assert!(composed(&sample, Ja).text.starts_with("名前不明の見込み客"));
}
