//! What is said of files that have another shape than their types, or none.

use super::*;

#[test]
fn a_text_that_is_no_yaml_is_one_mistake_of_its_file_and_hides_no_other_file() {
    let found = mistakes(&files(&[("name: Acme", "name: \"Acme"), ("margin: 3", "margin: three")]));
    assert_eq!(
        found.iter().map(brief).collect::<Vec<_>>(),
        [
            "[\"] a text in quotes begins here and does not end = close it with the same quotation mark",
            "[three] \"three\" stands here, where a number belongs = write a number, with the digits 0 to 9. \
             A level is lost only this many points below its cut.",
        ]
    );
    told(
        r##"
        company:⏎  name => company:⏎⇥name
            [⇥] a tab stands where only blanks may stand = replace the tab with blanks
        ␣␣contact: => ⇥contact:
            [⇥] a tab stands where only blanks may stand = replace the tab with blanks
        company:⏎ => company:⏎⇥⏎
        name: Acme => name: @Acme
            [@] a text may not begin with @ = put the text in quotes
        name: Acme => name: * Acme
            [*] a text may not begin with * or & = put the text in quotes
        name: Acme => name: "a\Acme"
            ["] a backslash in double quotes begins a sign that does not exist = write two backslashes for one, or use 'single quotes'
        name: Acme => name: 'Acme's'
            [s] something follows a text in quotes = put the whole text in quotes, or none of it; in 'single quotes' write '' for '
        "##,
    );
    // What a Japanese keyboard writes for a colon and a blank.
    let colon =
        "[：] a wide colon stands here, which is a letter like any other = write it half width, with a blank behind it: \": \"";
    said("contact: 0312345678", "contact：0312345678", colon);
    let wide = "write the colon half width, as in \"key: value\": a wide one is a letter like any other";
    said(
        "sender: { name: Acme,",
        "sender: { name： Acme, name: Acme,",
        &format!("[name： Acme] \"name： Acme\" is not known here = {wide}"),
    );
    let blank = "write the blank half width, as in \"key: value\": a wide one is a letter like any other";
    said("holidays:", "\u{3000}x: 1\nholidays:", &format!("[\u{3000}x] \"\u{3000}x\" is not known here = {blank}"));
    let remedy = "let the keys of one level begin in the same column, put a blank behind each colon and dash, and put a text that holds \": \" in quotes";
    said("name: Acme", "name: Acme: Leeds", &format!("[:] this does not fit what stands above it = {remedy}"));
    let remedy = "close each [ with ] and each { with }, and put a comma between two things in them";
    said(
        "[acme.example]",
        "[acme.example",
        "[[] what begins with [ does not end as it should = close each [ with ] and each { with }",
    );
    said(
        "{ level: [1, 2] }",
        "{ level: [1, 2]",
        &format!("[b] a list in [ ] or a map in {{ }} is broken here, or does not end before this = {remedy}"),
    );
    let deep = format!("{}level: [1]{}", "{ not: ".repeat(70), " }".repeat(70));
    said(
        "{ level: [1, 2] }",
        &deep,
        "[{] maps and lists lie more than 64 deep in each other = give inner conditions a name in segments.yaml, and let deep steps of a scenario go on at another place",
    );
}

#[test]
fn the_files_know_no_references_and_no_tags() {
    told(
        r##"
        class: pricing⏎    paths: ["/pricing*", "*料金*"] => class: pricing⏎    paths: [/pricing, */ja/pricing]
            [*/ja/pricing] a text that begins with * is a reference in YAML, and the files know none = put the text in quotes: "*/ja/pricing"
        name: 佐藤花子 => name: &sato 佐藤花子
            [&sato] a word with & before it marks something to be repeated in YAML, and the files know no repeating = write things out where they are meant, or give a condition a name in segments.yaml; if it is a text, put it in quotes
        name: 佐藤花子 => name: !!str 佐藤花子
            [!!str] "!!str" is a tag, and the files know none = take it away, or put the text in quotes
        "##,
    );
    // What would be a billion laughs elsewhere is refused at the first reference and never grows.
    let bomb = format!("a: &a [x, x]\n{}", ('b'..='z').map(|c| format!("{c}: &{c} [*a, *a, *a]\n")).collect::<String>());
    assert!(mistakes(&files(&[(SEGMENTS, &bomb)])).len() >= 100);
    told(
        r##"
        company:⏎ => ---⏎company:⏎
        sites:⏎ => ---⏎sites:⏎
            [---] a second document begins here = a file of the playbook is one document: take the line --- away
        "##,
    );
}

#[test]
fn keys_are_known_given_once_and_texts() {
    told(
        r##"
        contact: => contakt:
            [contakt] "contakt" is not known here = did you mean "contact"?
        ␣␣contact: 0312345678⏎ =>
            [company] "contact" is missing here = add "contact: …". Where a reader can reach it: a mail address, a telephone number or a page.
        ␣␣contact: 0312345678⏎ => ␣␣contact:⏎
            [contact] nothing stands here = write a text. Where a reader can reach it: a mail address, a telephone number or a page.
        ␣␣␣␣address: sato@acme.example⏎ =>
            [id] "address" is missing here = add "address: info@example.com". The person's mail address.
        ␣␣name: Acme⏎ => ␣␣name: Acme⏎  name: Acme Corp⏎
            [name] "name" is given twice = it stands in line 2 already: keep one of the two
        warm: { => ? [warm]⏎: {
            [[] a key is a text, and this is a list or a map = write a name before the colon; put a text that begins with [ or { in quotes
            [warm] no segment is called "warm" = give it in segments.yaml, or use one of: back
        warm: { => ~: {
            [~] a key is missing here before the colon ("~" means nothing in YAML) = write a name before the colon
            [warm] no segment is called "warm" = give it in segments.yaml, or use one of: back
        warm: => ウォーム:
            [ウォーム] "ウォーム" cannot be a name here = an id has 1 to 100 printable ASCII characters without '#' and blanks
            [warm] no segment is called "warm" = give it in segments.yaml, or use one of: ウォーム, back
        "##,
    );
    said(
        PLAYBOOK,
        "# nothing\n",
        "[#] nothing stands here = write a map of keys and values. `playbook.yaml`: company, sites, people.",
    );
    said(
        PLAYBOOK,
        "- company\n",
        "[company] a list stands here, where a map of keys and values belongs = write keys below it, indented: company, delivery, forms, holidays, language, mail, national_holidays, owners, pages, sender, sites, spam, time_zone, write_key",
    );
}

#[test]
fn things_are_of_the_kind_that_belongs_there() {
    told(
        r##"
        [contact] => contact
            [contact] "contact" stands here, where a list belongs = put a dash and a blank before each thing in it, or [ ] around it
        [contact] => []
            [forms] this list is empty = write at least one thing in it. Forms that belong to it, by `data-michi-form`.
        name: 佐藤花子 => name: [佐藤, 花子]
            [name] a list stands here, where a text belongs = write a text. The person's name.
        margin: 5 => margin: "5"
            ["5"] "5" stands here, where a number belongs = take the quotes away
        margin: 5 => margin: ５
            [５] "５" stands here, where a number belongs = write a number, with the digits 0 to 9. A grade is lost only this many points below its cut.
        times: 3 => times: 2.5
            [2.5] 2.5 is no whole number = write another number. At least so many times.
        times: 3 => times: 0
            [0] 0 is too small: at least 1 belongs here = write another number. At least so many times.
        business: true => business: yes
            [yes] "yes" stands here, where true or false belongs = write true or false, without quotes
        business: true => business: "true"
            ["true"] "true" stands here, where true or false belongs = write true or false, without quotes
        30d => a month
            [a month] "a month" does not fit here: a length of time is a whole number with m, h, d or w behind it, as in 30d = write another text, as in 30d. After this time half of every point is left.
        "##,
    );
    for infinite in [".inf", "-.inf", ".nan", "inf", "nan", "1e999"] {
        let said = mistakes(&files(&[("points: 50", &format!("points: {infinite}"))]));
        assert_eq!(
            said.iter().map(|m| &m.what).collect::<Vec<_>>(),
            [&format!("\"{infinite}\" stands here, where a number belongs")]
        );
    }
    told(
        r##"
        points: 50 => points: 20000
            [20000] 20000 is too large: at most 10000 belongs here = write another number. The points; below zero they are taken, but never more than there are.
        "##,
    );
}

#[test]
fn texts_are_short_plain_and_on_one_line() {
    told(
        r##"
        name: Acme => name: ' '
            [' '] this text is empty = write something here, or take the line away if nothing is meant
        name: Acme => name: |⏎    Acme⏎    Leeds
            [Acme] this text has several lines = write it on one line, with commas where lines ended
        name: Acme => name: >-⏎    Acme⏎    Leeds
        name: Acme => name: >⏎    Acme Leeds
        "##,
    );
    for hidden in ["\\r", "\\0", "\\x1b", "\\u202e", "\\u2066", "\\u200f", "\\u2028", "\\ufeff", "\\x85"] {
        let found = mistakes(&files(&[("why: Staff", &format!("why: \"St{hidden}aff\""))]));
        assert_eq!(found.len(), 1, "{hidden}");
    }
    said(
        "name: Acme",
        &format!("name: {}", "社".repeat(501)),
        &format!("[{}] this text has 501 characters, and at most 500 are taken = shorten it", "社".repeat(501)),
    );
    said("name: Acme", &format!("name: {}", "社".repeat(500)), "");
}

#[test]
fn one_word_or_one_key_stands_where_one_belongs() {
    told(
        r##"
        on: any_page => on: any_pgae
            [any_pgae] "any_pgae" is not known here = did you mean "any_page"?
        on: any_page => on: page
            [page] "page" alone says too little = write "page: pricing"
        on: any_page => on: { any_page: true }
            [any_page] nothing belongs behind "any_page" = write the word alone, without a colon: any_page
        "##,
    );
    let all = "page, form, form_named, track, plain_page, any_page, download, click, mail_opened, mail_clicked, event_attended, call_made, card_exchanged, visited";
    said("on: any_page", "on:", &format!("[on] nothing stands here = write one of: {all}. What is done."));
    said("on: any_page", "on: {}", &format!("[on] nothing stands here = keep one of: {all}"));
    said("on: any_page", "on: [any_page]", &format!("[on] a list stands here, where one thing belongs = keep one of: {all}"));
    let several = "put each as an item of a list under \"all:\" (every one must hold) or \"any:\" (one is enough)";
    said(
        "{ business: true } }",
        "{ busines: true }, attribute: { nam: role } }",
        &format!(
            "[busines] \"busines\" is not known here = did you mean \"business\"?\n\
         [attribute] 2 keys stand here, where one belongs = {several}\n\
         [nam] \"nam\" is not known here = did you mean \"name\"?"
        ),
    );
    said(
        "{ address: { business: true } }",
        "[{ address: { business: true } }]",
        &format!("[when] a list stands here, where one thing belongs = {several}"),
    );
    told(
        r##"
        language: ja => language: { ja: true }
            [language] keys stand here, where one word belongs = one of: en, ja
        language: ja => language: 日本語
            [日本語] "日本語" is not known here = known here: en, ja
        { en: Company address, ja: 会社のアドレス } => { en: Company address }
            [why] "ja" is missing here = add "ja: …". In Japanese; one text without "en" and "ja" serves for both.
        "##,
    );
}
