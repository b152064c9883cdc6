//! What is said of scenarios.

use std::time::{Duration, Instant};

use super::*;
use crate::id::ScenarioId;

pub(super) const SCENARIO: &str = r#"name: { en: Nurture, ja: 育成 }
trigger: { form: inquiry }
audience: { level: [2, 3] }
goal: { segment: warm }
exits:
  lost: { attribute: { name: lost_to } }
again: { after: 90d }
window: { days: [mon, tue], from: 9, to: 17, zone: lead }
steps:
  - mail: { id: first, send: hello }
  - wait: { id: pause, for: 3d }
  - wait_for:
      id: looks
      did: { page: pricing }
      within: 14d
      then:
        - notify: { id: tell, say: Looks at the prices }
      otherwise:
        - series: { id: more, mails: [hello, other], every: 7d }
  - branch:
      id: size
      ways:
        - id: big
          when: { attribute: { name: employees, at_least: 50 } }
          steps: [{ set: { id: mark, attribute: size, to: big } }]
        - id: small
          when: { grade: [D] }
          steps: [{ stop: { id: enough } }]
  - split: { id: half, ways: [{ id: a, share: 1 }, { id: b, share: 3 }] }
  - ask:
      id: why
      send: question
      question: Why?
      attribute: reason
      within: 30d
      answers: [{ id: cost, text: Cost }, { id: quality, text: Quality }]
  - wait_until: { id: monday, days: [mon], hour: 9 }
  - wait_date: { id: renewal, date: { attribute: renewal, offset: -30d } }
  - go_to: { id: once-more, step: pause }
"#;

/// The playbook of the other tests with this scenario in it, with some texts of it replaced, or of its mails.
pub(super) fn with(changes: &[(&str, &str)]) -> Vec<SourceFile> {
    let mail = |text: &str| format!("---\nsubject: x\n---\n{text}\n");
    let mut texts = vec![
        ("scenarios/nurture.yaml", SCENARIO.to_owned()),
        ("mail/hello.md", mail("Hello")),
        ("mail/other.md", mail("Other")),
        ("mail/question.md", mail("Tell us.\n\n{{ question }}")),
    ];
    for (from, to) in changes {
        let (_, text) = texts.iter_mut().find(|(_, text)| text.contains(from)).unwrap_or_else(|| panic!("{from:?} is nowhere"));
        *text = text.replacen(from, to, 1);
    }
    files(&[]).into_iter().chain(texts.into_iter().map(|(name, text)| SourceFile::new(name, text))).collect()
}

pub(super) fn cases(cases: &str) {
    told_of(with, cases);
}

#[test]
fn a_scenario_without_a_mistake_becomes_types() {
    let playbook = check(&with(&[])).unwrap();
    let scenario = &playbook.scenarios[&ScenarioId::parse("nurture").unwrap()];
    assert_eq!((scenario.steps.len(), scenario.steps[2].lists().len()), (9, 2));
    let compiled = serde_json::to_string(&playbook).unwrap();
    assert_eq!(serde_json::from_str::<Playbook>(&compiled).unwrap(), playbook);
    // A scenario is a part of the playbook's version.
    assert_ne!(check(&with(&[("for: 3d", "for: 4d")])).unwrap().version(), playbook.version());
    // What it sets, asks and waits for is known to mails.
    let fields = "{{ size | default(\"x\") }} {{ reason | default(\"x\") }} {{ renewal | default(\"x\") }}";
    assert_eq!(mistakes(&with(&[("Hello", fields)])), []);
    // An empty text takes an attribute away.
    assert_eq!(mistakes(&with(&[("to: big", "to: \"\"")])), []);
}

#[test]
fn a_mistake_in_a_scenario_is_shown_with_its_line_and_the_place_in_it() {
    let said = check(&with(&[("send: hello", "send: helo"), ("step: pause", "step: puase"), ("within: 14d", "within: 500d")]));
    insta::assert_snapshot!(said.unwrap_err().to_string(), @r#"
    scenarios/nurture.yaml:10:30: no mail is called "helo"
       |
    10 |   - mail: { id: first, send: helo }
       |                              ^^^^
       = did you mean "hello"? These names are given in the folder mail, as in mail/NAME.md

    scenarios/nurture.yaml:15:15: 500d is longer than footsteps are kept
       |
    15 |       within: 500d
       |               ^^^^
       = write 400d or less

    scenarios/nurture.yaml:39:35: no step is called "puase"
       |
    39 |   - go_to: { id: once-more, step: puase }
       |                                   ^^^^^
       = did you mean "pause"? These names are given to a step of this scenario
    "#);
}

#[test]
fn what_a_scenario_names_is_given_somewhere() {
    cases(
        r##"
        send: hello => send: welcome
            [welcome] no mail is called "welcome" = give it in the folder mail, as in mail/NAME.md, or use one of: hello, other, question
        mails: [hello, other] => mails: [hello, othr]
            [othr] no mail is called "othr" = did you mean "other"? These names are given in the folder mail, as in mail/NAME.md
        send: question => send: questoin
            [questoin] no mail is called "questoin" = did you mean "question"? These names are given in the folder mail, as in mail/NAME.md
        form: inquiry => form: inqiry
            [inqiry] no class of forms is called "inqiry" = did you mean "inquiry"? These names are given in playbook.yaml under "forms"
        form: inquiry => form_named: contcat
            [contcat] no form is called "contcat" = did you mean "contact"? These names are given in playbook.yaml under "forms", in the class it belongs to
        form: inquiry => segment: wram
            [wram] no segment is called "wram" = did you mean "warm"? These names are given in segments.yaml
        goal: { segment: warm } => goal: { segment: wram }
            [wram] no segment is called "wram" = did you mean "warm"? These names are given in segments.yaml
        did: { page: pricing } => did: { page: inquiry }
            [inquiry] no class of pages is called "inquiry" = there is a class of forms of that name: if that is meant, write "form: inquiry"
        step: pause => step: puase
            [puase] no step is called "puase" = did you mean "pause"? These names are given to a step of this scenario
        "##,
    );
    // A step whose id is broken may be the one that is meant.
    cases(
        r##"
        id: pause, => ide: pause,
            [ide] "ide" is not known here = did you mean "id"?
        "##,
    );
}

#[test]
fn ids_are_given_once() {
    cases(
        r##"
        id: tell => id: Pause
            [Pause] "Pause" is used for a second step = line 11 has it already: choose another, or put the two together
        id: small => id: big
            [big] "big" is used for a second way = line 23 has it already: choose another, or put the two together
        id: b, => id: a,
            [a] "a" is used for a second way = line 29 has it already: choose another, or put the two together
        id: quality => id: cost
            [cost] "cost" is used for a second answer = line 36 has it already: choose another, or put the two together
        [hello, other] => [hello, other, hello]
            [hello] "hello" is used for a second mail of the series = line 19 has it already: choose another, or put the two together
        "##,
    );
}

#[test]
fn only_mails_for_leads_are_sent_and_each_as_it_is_meant() {
    cases(
        r##"
        send: hello => send: alert
            [alert] the mail "alert" goes to sales, and to no lead = name a mail that is written for leads
        [hello, other] => [hello, summary]
            [summary] the mail "summary" goes to sales, and to no lead = name a mail that is written for leads
        send: hello => send: confirm
            [confirm] the mail "confirm" answers a form, and is sent for nothing else = name another mail
        send: hello => send: question
            [question] the mail "question" asks a question, which nothing but "ask" can put = send it with "ask", or name another mail
        send: question => send: other
            [mail/other.md] a scenario asks a question with this mail, and {{ question }} is missing = write {{ question }} on a line of its own, where question and answers shall stand
            [question] "question" may not stand here = take it away, or let a scenario send this mail with a step "ask": that step has the question and its answers
            [other] the mail "other" asks a question, which nothing but "ask" can put = send it with "ask", or name another mail
        {{ question }} => {{ question }} or not
            [{{ question }}] this field is a whole block, and stands within a text = put it on a line of its own, with an empty line above and below it
        "##,
    );
    // Mail that somebody asked for may be sent by a scenario, too.
    assert_eq!(mistakes(&with(&[("subject: x\n---\nOther", "subject: x\nclass: service\n---\nOther")])), []);
}

#[test]
fn a_lead_is_known_by_its_address() {
    cases(
        r##"
        attribute: size => attribute: email
            [email] "email" cannot be set: it is by its address that a lead is known = choose another attribute
        attribute: reason => attribute: Email
            [Email] "Email" cannot be set: it is by its address that a lead is known = choose another attribute
        "##,
    );
}

#[test]
fn times_are_such_as_come() {
    cases(
        r##"
        within: 14d => within: 401d
            [401d] 401d is longer than footsteps are kept = write 400d or less
        within: 30d => within: 60w
            [60w] 420d is longer than footsteps are kept = write 400d or less
        { level: [2, 3] } => { did: { what: any_page, within: 500d } }
            [500d] 500d is longer than footsteps are kept = write 400d or less
        for: 3d => for: 3660d
            [3660d] 3660d is more than ten years = write 3650d or less
        for: 3d => for: 3 days
            [3 days] "3 days" does not fit here: a length of time is a whole number with m, h, d or w behind it, as in 30d = write another text, as in 30d. How long.
        after: 90d => after: 999999w
            [999999w] 6999993d is more than ten years = write 3650d or less
        every: 7d => every: 600w
            [600w] 4200d is more than ten years = write 3650d or less
        offset: -30d => offset: -36h
            [-36h] -36h is no number of whole days = write days, as in -30d; the hour stands behind "hour:"
        offset: -30d => offset: 99999d
            [99999d] 99999d is more than ten years = write at most ten years
        from: 9, to: 17 => from: 17, to: 9
            [9] this window never opens: it ends at 9 and begins at 17 = write a later hour, of the same day; 24 is its end
        from: 9, to: 17 => from: 9, to: 9
            [9] this window never opens: it ends at 9 and begins at 9 = write a later hour, of the same day; 24 is its end
        from: 9, to: 17 => from: 9, to: 25
            [25] 25 is too large: at most 24 belongs here = write another number. Until this hour.
        days: [mon], hour: 9 => days: [mon], hour: 24
            [24] 24 is too large: at most 23 belongs here = write another number. The hour.
        days: [mon, tue] => days: [mon, thurs]
            [thurs] "thurs" is not known here = known here: mon, tue, wed, thu, fri, sat, sun
        "##,
    );
    // The playbook's own window is judged in the same way.
    said(
        "owners:",
        "mail: { cap: { mails: 3, within: 7d }, window: { days: [mon], from: 9, to: 8 } }\nowners:",
        "[8] this window never opens: it ends at 8 and begins at 9 = write a later hour, of the same day; 24 is its end",
    );
}

#[test]
fn lists_hold_as_many_things_as_mean_something() {
    cases(
        r##"
        days: [mon, tue] => days: []
            [days] this list is empty = write at least one thing in it. Days of the week.
        mails: [hello, other] => mails: []
            [mails] this list is empty = write at least one thing in it. The mails, in order.
        ways: [{ id: a, share: 1 }, { id: b, share: 3 }] => ways: [{ id: a, share: 1 }]
            [ways] 1 thing in this list, where at least 2 belong = write at least 2. The ways.
        share: 1 } => share: 0 }
            [0] 0 is too small: at least 1 belongs here = write another number. How many take it, in relation to the other ways.
        share: 1 } => share: 1.5 }
            [1.5] 1.5 is no whole number = write another number. How many take it, in relation to the other ways.
        answers: [{ id: cost, text: Cost }, { id: quality, text: Quality }] => answers: [{ id: cost, text: Cost }]
            [answers] 1 thing in this list, where at least 2 belong = write at least 2. The answers.
        "##,
    );
    let many: String = (0..11).map(|n| format!("{{ id: a{n}, text: A }}, ")).collect();
    said_of(
        with,
        "{ id: cost, text: Cost }, { id: quality, text: Quality }",
        &many,
        "[answers] 11 things in this list, where at most 10 belong = write at most 10. The answers.",
    );
    let at = SCENARIO.find("steps:").unwrap();
    said_of(
        with,
        &SCENARIO[at..],
        "steps: []",
        "[question] \"question\" may not stand here = take it away, or let a scenario send this mail with a step \"ask\": that step has the question and its answers\n[steps] this list is empty = write at least one thing in it. What happens, in order.",
    );
}

#[test]
fn a_trigger_lets_somebody_in() {
    cases(
        r##"
        trigger: { form: inquiry } => trigger: { stage: [mql, sal] }
            [stage] whoever comes to these stages is in sales or disqualified, and leaves at once = add "in_sales: stay", or name other stages
        trigger: { form: inquiry } => trigger: { stage: [customer, sal] }
        trigger: { form: inquiry } => trigger: { stage: [sal] }⏎in_sales: stay
        trigger: { form: inquiry } => trigger: { form: inquiry }⏎who: both
            [both] "both" is for those who are in a stage, cell or segment already = take it away: what happens once lets in whom it happens to
        trigger: { form: inquiry } => trigger: by_hand⏎who: existing
            [existing] "existing" is for those who are in a stage, cell or segment already = take it away: what happens once lets in whom it happens to
        trigger: { form: inquiry } => trigger: { segment: warm }⏎who: both
        trigger: { form: inquiry } => trigger: { date: { attribute: renewal, offset: 1h } }
            [1h] 1h is no number of whole days = write days, as in -30d; the hour stands behind "hour:"
        trigger: { form: inquiry } => trigger: { form: inquiry, track: trial }
            [track] 2 keys stand here, where one belongs = keep one of: form, form_named, track, stage, cell, segment, date, by_hand
        trigger: { form: inquiry } => trigger: { forn: inquiry }
            [forn] "forn" is not known here = did you mean "form"?
        trigger: { form: inquiry }⏎ =>
            [name] "trigger" is missing here = add "trigger: by_hand". What lets a lead in.
        "##,
    );
}

#[test]
fn a_condition_asks_neither_too_deep_nor_for_too_much() {
    let nested = format!("goal: {}{{ level: [1] }}{}", "{ not: ".repeat(20), " }".repeat(20));
    said_of(
        with,
        "goal: { segment: warm }",
        &nested,
        "[not] 21 conditions lie in each other here, with those of the segments asked for = at most 20 may: let the condition ask for less deep ones",
    );
    let within = nested.replacen("{ level: [1] }", "{ segment: back }", 1).replacen("{ not: ", "", 2).replacen(" } }", "", 1);
    let found: Vec<String> = mistakes(&with(&[("goal: { segment: warm }", &within)])).iter().map(brief).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("with those of the segments asked for"), "{found:?}");
    let wide = format!("goal: {{ any: [{}] }}", vec!["{ level: [1] }"; 1_001].join(", "));
    said_of(
        with,
        "goal: { segment: warm }",
        &wide,
        "[goal] the condition comes to more than 1000 conditions, with those of the segments it asks for = ask for each segment once, in one that the others ask for",
    );
}

#[test]
fn steps_are_not_too_many_and_lie_not_too_deep() {
    let with_steps = |steps: &str| {
        let text = format!("name: x\ntrigger: by_hand\nsteps:\n{steps}");
        with(&[(SCENARIO, &text), ("\n\n{{ question }}", "")])
    };
    let steps = |count: usize| (0..count).map(|n| format!("  - wait: {{ id: w{n}, for: 1d }}\n")).collect::<String>();
    assert_eq!(mistakes(&with_steps(&steps(500))), []);
    for count in [501, 10_000] {
        let begun = Instant::now();
        let found = mistakes(&with_steps(&steps(count)));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        insta::allow_duplicates! {
            insta::assert_snapshot!(found.concat(), @r"
            scenarios/nurture.yaml:504:5: this scenario has more than 500 steps: this is the first too many
                |
            504 |   - wait: { id: w500, for: 1d }
                |     ^^^^
                = part it in several scenarios: one can set an attribute that lets leads into the next
            ");
        }
    }
    let nested = |depth: usize| {
        (0..depth).fold("{ stop: { id: end } }".to_owned(), |inner, n| {
            format!("{{ wait_for: {{ id: w{n}, did: any_page, within: 1d, then: [{inner}] }} }}")
        })
    };
    assert_eq!(mistakes(&with_steps(&format!("  - {}\n", nested(7)))), []);
    let found: Vec<String> = mistakes(&with_steps(&format!("  - {}\n", nested(10)))).iter().map(brief).collect();
    assert_eq!(
        found,
        [
            "[then] lists of steps lie more than 8 deep in each other here = let these ways go on with \"go_to\" at a step that lies less deep"
        ]
    );
    let found: Vec<String> = mistakes(&with_steps(&format!("  - {}\n", nested(40)))).iter().map(brief).collect();
    assert!(found.len() == 1 && found[0].contains("maps and lists lie more than 64 deep in each other"), "{found:?}");
}

#[test]
fn a_scenario_is_plain_yaml_in_a_file_of_its_name() {
    cases(
        r##"
        - mail: { id: first => - &m mail: { id: first
            [&m] a word with & before it marks something to be repeated in YAML, and the files know no repeating = write things out where they are meant, or give a condition a name in segments.yaml; if it is a text, put it in quotes
        send: hello => send: *m
            [*m] a text that begins with * is a reference in YAML, and the files know none = put the text in quotes: "*m"
        - mail: { id: first, send: hello } => - mail: { id: first, send: hello }⏎    wait: { id: x, for: 1d }
            [wait] 2 keys stand here, where one belongs = keep one of: mail, wait, wait_until, wait_date, wait_for, branch, split, series, ask, set, notify, stop, go_to
        - mail: { id: first, send: hello } => - mial: { id: first, send: hello }
            [mial] "mial" is not known here = did you mean "mail"?
        - mail: { id: first, send: hello } => - mail
            [mail] "mail" alone says too little = write "mail:". Sends a mail.
        id: first, =>
            [mail] "id" is missing here = add "id: first-mail". The step's id.
        id: first, => id: premier étage,
            [premier étage] "premier étage" does not fit here: an id has 1 to 100 printable ASCII characters without '#' and blanks = write another text, as in first-mail. The step's id.
        zone: lead => zone: Asia/Tokyo
            [Asia/Tokyo] "Asia/Tokyo" is not known here = known here: company, lead
        ␣␣lost: => ␣␣lost one:
            [lost one] "lost one" cannot be a name here = an id has 1 to 100 printable ASCII characters without '#' and blanks
        "##,
    );
    let mut given = with(&[]);
    for name in ["scenarios/Second.yaml", "scenarios/third.yml"] {
        given.push(SourceFile::new(name, "name: x\ntrigger: by_hand\nsteps: [{ stop: { id: end } }]\n"));
    }
    given.push(SourceFile::new("scenarios/fourth.yaml", "name: ["));
    assert_eq!(
        mistakes(&given).iter().map(brief).map(|said| said.split(" = ").next().unwrap().to_owned()).collect::<Vec<_>>(),
        [
            "[scenarios/Second.yaml] \"Second\" cannot be the name of a scenario",
            "[[] what begins with [ does not end as it should",
            "[scenarios/third.yml] this file is no scenario",
        ]
    );
}

#[test]
fn the_scenario_in_the_readme_is_one() {
    let readme = include_str!("../../../../../README.md");
    let text = readme.split("## Nurture with a scenario").nth(1).and_then(|part| part.split("```\n").nth(1)).unwrap();
    let mut given = default_files();
    given.push(SourceFile::new("scenarios/after-trial.yaml", text));
    assert_eq!(check(&given).map(|playbook| playbook.scenarios.len()).map_err(|mistakes| mistakes.to_string()), Ok(3));
}

#[test]
fn all_mistakes_of_a_scenario_are_told_at_once() {
    let changes = [
        ("form: inquiry", "form: inqiry"),
        ("level: [2, 3]", "level: [2, 5]"),
        ("segment: warm", "segment: wram"),
        ("from: 9, to: 17", "from: 9, to: 8"),
        ("send: hello", "send: helo"),
        ("for: 3d", "for: 3"),
        ("within: 14d", "within: 500d"),
        ("id: small", "id: big"),
        ("attribute: size", "attribute: email"),
        ("share: 3", "share: 3000"),
        ("step: pause", "step: puase"),
    ];
    let found: Vec<usize> = mistakes(&with(&changes)).iter().map(|mistake| mistake.at.as_ref().unwrap().line).collect();
    assert_eq!(found, [2, 3, 4, 8, 10, 11, 15, 25, 26, 29, 39]);
}
