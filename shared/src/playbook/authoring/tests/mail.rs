//! What is said of mails, and what they become.

use super::*;
use crate::id::{MailId, WayId};
use crate::lead::{Attribute, Lead};
use crate::mail::compose::{Ask, Composed, Unfilled, Urls, letter};
use crate::mail::fields;
use crate::mail::footer::OptOut;
use crate::mail::letter::{Choice, Question};
use crate::playbook::Language::{self, En, Ja};
use crate::playbook::mail::Class;

/// The playbook of the other tests with these mails in it.
fn with(mails: &[(&str, &str)]) -> Vec<SourceFile> {
    let mails = mails.iter().map(|(name, text)| SourceFile::new(format!("mail/{name}"), *text));
    files(&[]).into_iter().chain(mails).collect()
}

/// Checks what is said of a mail with this text below a good subject, or of one that is nothing but this text.
fn body(text: &str, wanted: &[&str]) {
    let text = if text.starts_with("---") { text.to_owned() } else { format!("---\nsubject: x\n---\n{text}") };
    let found: Vec<String> = mistakes(&with(&[("x.md", &text)])).iter().map(brief).collect();
    assert_eq!(found.len(), wanted.len(), "{text:?}: {found:#?}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(found.starts_with(wanted), "{text:?}: {found}, not {wanted}");
    }
}

#[test]
fn a_mistake_in_a_mail_is_shown_with_its_line_and_the_place_in_it() {
    let text = "---\nsubject: \"{{ nmae | default('x') }}\"\ntopik: news\n---\n# 道\n\nDear {{ name }},\n\n{% for x in y %}\n\n[here](www.acme.example)\n";
    let said = check(&with(&[("x.md", text)])).unwrap_err().to_string();
    insta::assert_snapshot!(said, @r#"
    mail/x.md:2:14: there is no field called "nmae" here
      |
    2 | subject: "{{ nmae | default('x') }}"
      |              ^^^^
      = did you mean "name"?

    mail/x.md:3:1: "topik" is not known here
      |
    3 | topik: news
      | ^^^^^
      = did you mean "topic"?

    mail/x.md:7:9: of some leads "name" is not known, and a hole would stand here
      |
    7 | Dear {{ name }},
      |         ^^^^
      = say what stands there then: {{ name | default("…") }}; or put it between {% if name %} and {% endif %}

    mail/x.md:9:1: "for" is not known in a mail: it has no loops
      |
    9 | {% for x in y %}
      | ^^^^^^^^^^^^^^^^
      = a mail knows {% if … %}, {% elif … %}, {% else %} and {% endif %}

    mail/x.md:11:1: "www.acme.example" is no whole address
       |
    11 | [here](www.acme.example)
       | ^^^^^^^^^^^^^^^^^^^^^^^^
       = write a whole address, as in https://www.example.com/pricing
    "#);
}

#[test]
fn tags_are_fields_and_conditions_and_nothing_else() {
    body("{{ name", &["[{{ name] this {{ is never closed = write }}"]);
    body("{{ name {{ role | default(\"x\") }}", &["[{{ name {{ role | default(\"x\") }}] this {{ is never closed"]);
    body("{% if name %}x", &["[{% if name %}] this {% if %} is never closed"]);
    body("x{% endif %}", &["[{% endif %}] there is no {% if %} to this endif"]);
    body("{% if name %}a{% else %}b{% else %}c{% endif %}", &["[{% else %}] this else comes after the else"]);
    body(
        "{% if name %}a{% else if role %}b{% endif %}",
        &["[{% else if role %}] two words stand here, where one belongs = write elif"],
    );
    body(
        "{% fi name %}",
        &["[{% fi name %}] \"fi\" is not known in a mail: it has conditions, and nothing else = did you mean \"if\"?"],
    );
    body(
        "{% for x in range(1000000000) %}x{% endfor %}",
        &["[{% for x in range(1000000000) %}] \"for\" is not known in a mail: it has no loops", "[{% endfor %}] \"endfor\" is"],
    );
    body(
        "{% include \"/etc/passwd\" %}",
        &["[{% include \"/etc/passwd\" %}] \"include\" is not known in a mail: it takes in no other file"],
    );
    body("{% macro x() %}", &["[{% macro x() %}] \"macro\" is not known in a mail: it has no macros and no variables"]);
    body("{% set x = 1 %}", &["[{% set x = 1 %}] \"set\" is not known"]);
    body("{{ name | safe }}", &["[safe] this is not known behind |"]);
    body("{{ email == \"x\" }}", &["[{{ email == \"x\" }}] a condition shows nothing"]);
    body("｛｛ name ｝｝", &["[｛｛] these are full-width braces", "[｝｝] these are full-width braces"]);
    body("{# only for us: {{ nothing }} #}x", &[]);
    body("{# only for us: {{ nothing }}\n\n{{ nothing }}", &["[{# only for us: {{ nothing }}] this {# is never closed"]);
}

#[test]
fn a_field_is_one_that_a_lead_can_have_and_leaves_no_hole() {
    body("{{ compny | default(\"x\") }}", &["[compny] there is no field called \"compny\" here = did you mean \"company\"?"]);
    body("{{ lead.name }}", &["[.] . means nothing in a tag"]);
    body(
        "{{ name }}",
        &[
            "[name] of some leads \"name\" is not known, and a hole would stand here = say what stands there then: {{ name | default(\"…\") }}",
        ],
    );
    body("{{ name | default(\"\") }}", &["[name] of some leads"]);
    for good in [
        "{{ name | default(\"there\") }} {{ name or company or \"x\" }} {{ email }} {{ owner_name }} {{ our_company }}",
        "{% if name %}{{ name }}{% endif %}",
        "{% if name and company %}{{ name }} {{ company }}{% elif not role %}x{% else %}{{ role }}{% endif %}",
        "{% if not name %}x{% else %}{{ name }}{% endif %}",
        "{% if industry == \"food\" %}{{ industry }}{% endif %}",
    ] {
        body(good, &[]);
    }
    body("{% if name %}x{% else %}{{ name }}{% endif %}", &["[name] of some leads"]);
    body("{% if name or company %}{{ name }}{% endif %}", &["[name] of some leads"]);
    body("{{ confirm_url }}", &["[confirm_url] \"confirm_url\" may not stand here = only mail/confirm.md"]);
    // What a segment asks for, leads can have.
    let mut all = with(&[("x.md", "---\nsubject: x\n---\n{{ plan | default(\"none\") }}")]);
    assert_eq!(mistakes(&all).len(), 1);
    all[2] = SourceFile::new("segments.yaml", "paying: { any: [{ attribute: { name: plan } }] }");
    assert_eq!(mistakes(&all), []);
}

#[test]
fn a_link_leads_to_a_whole_address_that_is_the_same_for_all() {
    body("[x](https://a.example/{{ email }})", &["[[x](https://a.example/{{ email }})] a field stands in the target of a link"]);
    body("[x]({{ email }})", &["[[x]({{ email }})] a field stands in the target of a link"]);
    body("[x](javascript:alert(1))", &["[[x](javascript:alert(1))] \"javascript:\" is no address of the web"]);
    body("[x](/pricing)", &["[[x](/pricing)] \"/pricing\" is no whole address"]);
    body("<ann@acme.example>", &["[<ann@acme.example>] only pages of the web can be linked"]);
    body("[](https://a.example/)", &["[[](https://a.example/)] this link has no words"]);
    body("[x](https://a.example/ \"Title\")", &["[[x](https://a.example/ \"Title\")] \"Title\" behind a link means nothing"]);
    body("a [x](https://a.example/ \"button\") b", &["[a [x](https://a.example/ \"button\") b] a button stands in the midst"]);
    body("![](https://a.example/x.png)", &["[![](https://a.example/x.png)] plain words that say what the picture shows"]);
    body("x ![y](https://a.example/x.png)", &["[x ![y](https://a.example/x.png)] an image stands in the midst"]);
    body("<script>alert(1)</script>", &["[<script>alert(1)</script>] HTML stands here"]);
    body("a <b>x</b>", &["[<b>] HTML stands here", "[</b>] HTML stands here"]);
    body("|a|b|\n|-|-|", &[]);
    body("    x", &["[x] four blanks before a line"]);
    body("これは**「大切」**です", &["[*] these asterisks make nothing bold", "[*] these asterisks make nothing bold"]);
    body("[choices]({{ preferences_url }}) [out]({{ unsubscribe_url }} )", &[]);
}

#[test]
fn a_condition_lies_within_one_part_of_the_text() {
    body(
        "**a {% if name %}b** c{% endif %}",
        &["[{% if name %}] this condition begins in one part", "[{% endif %}] this condition begins"],
    );
    body("- a {% if name %}b\n- c {% endif %}", &["[{% if name %}] this condition", "[{% endif %}] this condition"]);
    for good in [
        "a {% if name %}**b**{% endif %} c",
        "{% if name %}\n- a\n- b\n{% else %}\n\nc\n{% endif %}",
        "- a\n- b {% if name %}c{% endif %}",
    ] {
        body(good, &[]);
    }
}

#[test]
fn nothing_lies_so_deep_that_it_cannot_be_read() {
    for mark in ["> ", "- ", "*a **b "] {
        let text = format!("---\nsubject: x\n---\n{}x\n", mark.repeat(5_000));
        let found = check(&with(&[("x.md", &text)])).unwrap_err();
        assert!(found.list().iter().any(|mistake| mistake.what.contains("more than 32 deep") || mark.contains('*')), "{mark}");
    }
    body(&format!("{{{{ {}name }}}}", "(".repeat(5_000)), &["[(((("]);
    body(&format!("{{% if {}name %}}x{{% endif %}}", "not ".repeat(5_000)), &["["]);
    body(&format!("{}x", "> ".repeat(30)), &[]);
}

#[test]
fn the_front_matter_says_what_the_mail_is() {
    body(
        "---\nsubject: {{ name }}\n---\nx",
        &["[subject] a map of keys and values stands here, where a text belongs = write a text", "[{] a key is a text"],
    );
    body("---\nsubject: x\n", &["[---] the line --- that ends the front matter is missing"]);
    body("---\nclass: marketing\n---\nx", &["[class] \"subject\" is missing here = add \"subject: "]);
    body("---\nsubject: x\nclass: promo\n---\nx", &["[promo] \"promo\" is not known here"]);
    body(
        "---\nsubject: x\nclass: sales\n---\nx",
        &["[sales] only \"alert\", \"correction\", \"summary\" and \"notice\" go to sales"],
    );
    body(
        "---\nsubject: x\ntopic: news\n---\nx",
        &["[news] no topic is called \"news\" = give it in playbook.yaml under \"mail: topics:\""],
    );
    body("---\nsubject: x\nclass: service\ntopic: news\n---\nx", &["[news] only marketing mail has a topic"]);
    body("---\nsubject: x\nreview: 2026-02-30\n---\nx", &["[2026-02-30] \"2026-02-30\" is no day of the calendar"]);
    body(
        "---\nsubject: x\nsender: boss\nstages: [mql, won]\n---\nx",
        &["[boss] \"boss\" is not known here", "[won] \"won\" is not known here"],
    );
    body("---\nsubject: \"a\\nb\"\n---\nx", &["[\"a\\nb\"] this text has several lines"]);
    body("---\nsubject: '{{ name }}'\npreheader: \"{{ nmae }}\"\n---\nx", &["[name] of some leads", "[nmae] there is no field"]);
    body("---\nsubject: x\n---\n", &["[] this mail has no text"]);
    let all = |mails: &[(&str, &str)], wanted: &[&str]| {
        let found: Vec<String> = mistakes(&with(mails)).iter().map(brief).collect();
        assert_eq!(found.len(), wanted.len(), "{found:#?}");
        assert!(found.iter().zip(wanted).all(|(found, wanted)| found.starts_with(wanted)), "{found:#?}");
    };
    let fine = "---\nsubject: x\n---\nx";
    all(&[("x.md", "Hello")], &["[Hello] a mail begins with its subject"]);
    all(
        &[("x.md", fine), ("x.en.md", "---\nsubject: x\nclass: service\n---\nx")],
        &["[class] this is said once for all languages"],
    );
    all(&[("x.en.md", fine)], &["[mail/x.en.md] the mail that this is another language version of is missing"]);
    all(&[("x.md", fine), ("x.ja.md", fine)], &["[mail/x.ja.md] mails in the playbook's own language have no language"]);
    all(&[("x.fr.md", fine)], &["[mail/x.fr.md] \"fr\" is no language that michi speaks"]);
    all(&[("X y.md", fine)], &["[mail/X y.md] \"X y\" cannot be the name of a mail"]);
    all(&[("x.markdown", fine)], &["[mail/x.markdown] this file is no mail"]);
    all(&[("alert.md", fine)], &["[subject] the mail \"alert\" goes to sales"]);
    all(&[("x.md", &format!("---\nsubject: x\n---\n{}", "long text\n\n".repeat(2_000)))], &["[mail/x.md] this mail has"]);
}

#[test]
fn the_mail_that_confirms_holds_nothing_from_a_form() {
    let confirm = |text: &str| {
        let text = format!("---\nsubject: x\nclass: service\n---\n{text}");
        mistakes(&with(&[("confirm.md", &text)])).iter().map(brief).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(confirm("[yes]({{ confirm_url }}) {{ our_company }}"), "");
    assert!(
        confirm("[yes]({{ confirm_url }}) {{ name | default(\"x\") }}")
            .starts_with("[name] \"name\" may not stand here = take it away: until the address is confirmed")
    );
    assert!(confirm("Hello").starts_with("[mail/confirm.md] the link with {{ confirm_url }} is missing"));
    assert!(
        confirm("[yes]({{ confirm_url }}) [no]({{ unsubscribe_url }})")
            .starts_with("[unsubscribe_url] \"unsubscribe_url\" may not stand here")
    );
}

#[test]
fn a_layout_of_ones_own_has_body_and_foot() {
    let layout = |text: &str| {
        let all = with(&[("layout.mjml", text), ("x.md", "---\nsubject: x\n---\nHello")]);
        check(&all).map_err(|mistakes| mistakes.list().iter().map(brief).collect::<Vec<_>>().join("\n"))
    };
    let frame = |inner: &str| format!("<mjml><mj-body><mj-section><mj-column>{inner}</mj-column></mj-section></mj-body></mjml>");
    let fine = layout(&frame("{{ body }}<mj-text>{{ footer }}</mj-text>")).unwrap();
    let html = fine.mails[&MailId::parse("x").unwrap()].versions[&Ja].body.parts().unwrap().html.clone();
    assert!(html.contains("Hello") && html.contains("{{ footer }}"));
    let refused = |text: &str, wanted: &str| {
        let said = layout(text).unwrap_err();
        assert!(said.starts_with(wanted), "{said}");
    };
    refused(&frame("{{ body }}"), "[mail/layout.mjml] {{ footer }} is missing in the layout");
    refused(&frame("{{ body }}<!-- {{ footer }} -->"), "[{{ footer }}] the foot stands in a comment");
    refused(&frame("{{ body }}{{ body }}<mj-text>{{ footer }}</mj-text>"), "[{{ body }}] this stands here a second time");
    refused(&frame("{{ body }}<mj-text>{{ footer }} {{ name }}</mj-text>"), "[name] there is no field called \"name\" here");
    let odd = frame("{{ body }}<mj-text>{{ footer }}</mj-text>").replace("<mjml>", "<mjml colour=\"red\">");
    refused(&odd, "[colour=\"red\"] MJML knows no such attribute");
    refused(&frame("{{ body }}<mj-include path=\"x.mjml\" /><mj-text>{{ footer }}</mj-text>"), "[");
    refused("<mjml><mj-body>{{ body }}{{ footer }}", "[mail/layout.mjml] ");
    refused("{{ body }} {{ footer }}", "[");
}

/// A lead of whom this is known.
fn lead(known: &[(&str, &str)]) -> Lead {
    let playbook = default_playbook().unwrap();
    let at = "2026-03-02T01:00:00Z".parse().unwrap();
    let log = crate::activity::Log { owner: crate::activity::LogOwner::Lead(crate::id::LeadId::derive(&["l"])), records: vec![] };
    let mut lead = crate::fold::fold(&playbook, &log, at);
    let attribute = |value: &str| Attribute { value: value.to_owned(), at, unconfirmed: false };
    lead.attributes = known.iter().map(|(name, value)| ((*name).to_owned(), attribute(value))).collect();
    lead
}

const URLS: [&str; 2] = ["https://m.example/u/abc", "https://m.example/p/abc"];

/// A mail of a playbook as a lead gets it.
fn sent(playbook: &Playbook, name: &str, language: Language, lead: &Lead) -> Result<Composed, Unfilled> {
    let mail = &playbook.mails[&MailId::parse(name).unwrap()];
    let (language, version) = mail.version(language).unwrap();
    let values = fields::values(version, lead, playbook.default_owner(), &playbook.setup);
    let links: Vec<String> = (0..version.links.len()).map(|number| format!("https://m.example/c/{number}?a=1&b=2")).collect();
    let urls = Urls {
        links: &links,
        pixel: Some("https://m.example/o/abc.gif"),
        opt_out: Some(OptOut { unsubscribe: URLS[0], preferences: URLS[1] }),
        confirm: Some("https://m.example/y/abc"),
        ask: None,
    };
    letter((language, version), version.body.parts().unwrap(), mail.class, 0, &values, &urls, &playbook.setup)
}

fn hana() -> Lead {
    lead(&[
        ("name", "森 花"),
        ("company", "青葉機械株式会社"),
        ("industry", "機械製造"),
        ("email", "hana@aoba.example"),
        ("phone", "03-1234-5678"),
    ])
}

#[test]
fn one_mail_in_both_languages() {
    let playbook = default_playbook().unwrap();
    for language in [En, Ja] {
        let mail = sent(&playbook, "welcome", language, &hana()).unwrap();
        insta::assert_snapshot!(format!("a_mail_{}", language.tag()), format!("{}\n\n{}", mail.subject, mail.text));
    }
}

#[test]
fn every_default_mail_reads_well_for_who_is_known_and_who_is_not() {
    let playbook = default_playbook().unwrap();
    for (id, mail) in playbook.mails.iter().filter(|(_, mail)| mail.class != Class::Sales) {
        for (language, lead) in [(En, hana()), (En, lead(&[])), (Ja, hana()), (Ja, lead(&[]))] {
            let composed = sent(&playbook, id.as_str(), language, &lead).unwrap();
            for part in [&composed.subject, &composed.text, &composed.html] {
                assert!(!part.contains("{{") && !part.contains("{%") && !part.contains(['\u{10600}', '\u{e000}']), "{part}");
            }
            assert!(
                !composed.text.contains("\n\n\n") && !composed.text.contains(" ,") && !composed.text.contains("  様"),
                "{}",
                composed.text
            );
            for part in [&composed.text, &composed.html] {
                assert!(
                    part.contains("Tsumugi Works")
                        && part.contains("1-2-3 Sample-cho")
                        && part.contains("info@tsumugi-works.example")
                );
                let out = mail.class == Class::Marketing;
                assert!(URLS.iter().all(|url| part.contains(url) == out), "{id}: {part}");
            }
            assert_eq!(composed.html.matches("o/abc.gif").count(), 1);
            assert!(composed.html.ends_with("</body></html>") && composed.html.contains(&format!("lang=\"{}\"", language.tag())));
        }
    }
}

#[test]
fn marketing_mail_is_not_composed_without_a_way_out() {
    let playbook = default_playbook().unwrap();
    let mail = &playbook.mails[&MailId::parse("welcome").unwrap()];
    let version = mail.version(En).unwrap();
    let parts = version.1.body.parts().unwrap();
    let composed = letter(version, parts, mail.class, 0, &BTreeMap::new(), &Urls::default(), &playbook.setup);
    assert!(matches!(composed, Err(Unfilled::NoOptOut)));
}

#[test]
fn what_a_lead_is_called_is_text() {
    let playbook = default_playbook().unwrap();
    for hostile in [
        "{{7*7}}",
        "<script>alert(1)</script>",
        "{% if x %}",
        "\"><img src=x onerror=alert(1)>",
        "a\r\nBcc: x@y.z",
        "\u{202e}gpj",
    ] {
        let lead = lead(&[("name", hostile), ("company", hostile), ("industry", hostile)]);
        for language in [En, Ja] {
            for name in ["welcome", "talk", "case-study"] {
                let mail = sent(&playbook, name, language, &lead).unwrap();
                assert!(!mail.subject.contains(char::is_control) && !mail.text.contains(['\r', '\u{202e}']), "{}", mail.subject);
                assert!(!mail.html.contains("<script") && !mail.html.contains("<img src=x"), "{}", mail.html);
                assert!(!mail.text.contains("49") && !mail.html.contains("\"><img"));
                if !hostile.contains(['\r', '\u{202e}']) {
                    assert!(mail.text.contains(hostile), "{hostile}: {}", mail.text);
                }
            }
        }
    }
}

#[test]
fn what_a_stranger_says_of_a_lead_is_not_said_to_the_lead() {
    let playbook = default_playbook().unwrap();
    let mut lead = hana();
    lead.attributes.get_mut("name").unwrap().unconfirmed = true;
    assert!(!sent(&playbook, "welcome", Ja, &lead).unwrap().text.contains("森 花"));
}

#[test]
fn a_link_is_its_entry_of_the_table_and_stands_in_both_parts() {
    let text = "---\nsubject: x\n---\n[one](https://a.example/1) and [two](https://a.example/2)\n\n[three](https://a.example/3 \"button\")\n";
    let playbook = check(&with(&[("x.md", text)])).unwrap();
    let mail = &playbook.mails[&MailId::parse("x").unwrap()];
    assert_eq!(mail.versions[&Ja].links, ["https://a.example/1", "https://a.example/2", "https://a.example/3"]);
    let composed = sent(&playbook, "x", Ja, &lead(&[])).unwrap();
    assert!(composed.text.starts_with("one <https://m.example/c/0?a=1&b=2> and two <https://m.example/c/1?a=1&b=2>\n\nthree：\nhttps://m.example/c/2?a=1&b=2\n"), "{}", composed.text);
    for number in 0..3 {
        assert!(composed.html.contains(&format!("href=\"https://m.example/c/{number}?a=1&amp;b=2\"")), "{}", composed.html);
    }
    assert!(!composed.html.contains("a.example/"));
    // Without tracking the targets themselves stand there.
    let version = mail.version(Ja).unwrap();
    let urls = Urls { opt_out: Some(OptOut { unsubscribe: URLS[0], preferences: URLS[1] }), ..Urls::default() };
    let plain =
        letter(version, version.1.body.parts().unwrap(), Class::Marketing, 0, &BTreeMap::new(), &urls, &playbook.setup).unwrap();
    assert!(plain.html.contains("href=\"https://a.example/3\"") && !plain.html.contains(".gif"));
}

#[test]
fn a_leads_own_language_counts_where_the_mail_has_it() {
    let playbook = default_playbook().unwrap();
    let mail = &playbook.mails[&MailId::parse("welcome").unwrap()];
    for (known, wanted) in [(&[("language", "ja-JP")][..], Ja), (&[("language", "fr")], En), (&[], En)] {
        assert_eq!(mail.language(&lead(known), En), wanted);
    }
    let mut english = mail.clone();
    english.versions.remove(&Ja);
    assert_eq!(english.language(&lead(&[("language", "日本語")]), En), En);
}

#[test]
fn all_default_mails_are_in_the_list() {
    let folder = format!("{}/../infra/playbook/mail", env!("CARGO_MANIFEST_DIR"));
    let mut there: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| format!("mail/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    there.sort();
    assert_eq!(DEFAULT_MAILS.map(|(name, _)| name.to_owned()).to_vec(), there);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever a mail holds, the check gives an answer, and what passes can be composed.
    #[test]
    fn no_text_makes_a_mail_fail(text in "(\\{\\{ ?(name|email|x)?( ?\\| ?default\\(\"a\"\\))? ?\\}\\}|\\{% ?(if|elif|else|endif|for)?( name)? ?%\\}|[-#>*_`\\[\\]()!<&\"'\n a料]|https://a.example/|\\{\\{|\\}\\}){0,14}") {
        let text = format!("---\nsubject: x\n---\nA\n{text}\n");
        match check(&with(&[("x.md", &text)])) {
            Ok(playbook) => drop(sent(&playbook, "x", Ja, &lead(&[])).unwrap()),
            Err(mistakes) => {
                for mistake in mistakes.list() {
                    prop_assert!(!mistake.what.is_empty() && !mistake.remedy.is_empty());
                    prop_assert!(mistake.at.as_ref().is_none_or(|at| at.line <= text.split('\n').count()), "{mistake}");
                }
            }
        }
    }
}

/// The same with a scenario that asks a question with the mail `ask`.
fn asking(mails: &[(&str, &str)]) -> Vec<SourceFile> {
    let scenario = "name: Asks
trigger: by_hand
steps:
  - ask:
      id: why
      send: ask
      question: Why?
      attribute: why
      within: 7d
      answers: [{ id: cost, text: Cost }, { id: quality, text: Quality }]
";
    with(mails).into_iter().chain([SourceFile::new("scenarios/asks.yaml", scenario)]).collect()
}

#[test]
fn a_question_stands_in_its_mail_with_its_answers_as_links() {
    let text = "---\nsubject: A question\n---\nHello\n\n{{ question }}\n\nBye";
    let playbook = check(&asking(&[("ask.md", text)])).unwrap();
    let mail = &playbook.mails[&MailId::parse("ask").unwrap()];
    let (language, version) = mail.version(Ja).unwrap();
    assert!(version.asks());
    let choice = |id: &str, text: &str| Choice { id: WayId::parse(id).unwrap(), text: text.to_owned() };
    let question = Question {
        text: "費用？ <b>{{ x }}".to_owned(),
        attribute: "why".to_owned(),
        answers: vec![choice("cost", "Cost & price"), choice("quality", "品質")],
    };
    let answers = ["https://m.example/q/1?a=1&b=2".to_owned(), "https://m.example/q/2".to_owned()];
    let composed = |ask| {
        let urls = Urls { opt_out: Some(OptOut { unsubscribe: URLS[0], preferences: URLS[1] }), ask, ..Urls::default() };
        let values = [("question".to_owned(), "what a stranger wrote".to_owned())].into();
        letter((language, version), version.body.parts().unwrap(), mail.class, 0, &values, &urls, &playbook.setup).unwrap()
    };
    let mail = composed(Some(Ask { question: &question, answers: &answers }));
    let wanted = "Hello\n\n費用？ <b>{{ x }}\n\n* Cost & price\n  <https://m.example/q/1?a=1&b=2>\n\n* 品質\n  <https://m.example/q/2>\n\nBye";
    assert!(mail.text.starts_with(wanted), "{}", mail.text);
    for part in ["費用？ &#60;b&#62;{{ x }}", "Cost &#38; price</a>", "href=\"https://m.example/q/1?a=1&#38;b=2\"", "品質</a>"]
    {
        assert!(mail.html.contains(part), "{part} is missing in {}", mail.html);
    }
    let without = composed(None);
    assert!(without.text.starts_with("Hello\n\nBye") && !without.html.contains("stranger"), "{}", without.text);
}

#[test]
fn a_question_stands_by_itself() {
    let text = "---\nsubject: A question\n---\nSay: {{ question }}!";
    let found: Vec<String> = mistakes(&asking(&[("ask.md", text)])).iter().map(brief).collect();
    assert!(matches!(found.as_slice(), [one] if one.starts_with("[{{ question }}] this field is a whole block")), "{found:?}");
}
