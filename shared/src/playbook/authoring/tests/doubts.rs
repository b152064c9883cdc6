//! What is said of what is probably not meant.

use super::super::doubts;
use super::*;

/// What is doubtful in a scenario with these lines behind its name and trigger, beside the default playbook.
fn doubted(lines: &str) -> Vec<String> {
    let mut files = default_files();
    let text = format!("name: x\ntrigger: by_hand\n{lines}");
    files.push(SourceFile::new("scenarios/x.yaml", text));
    check(&files).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let brief = |one: &Mistake| {
        let at = one.at.as_ref().unwrap();
        format!("{}:{}:{} {}; {}", one.file, at.line, at.column, one.what, one.remedy)
    };
    doubts(&files).iter().map(brief).collect()
}

#[test]
fn the_default_playbook_leaves_no_doubt() {
    assert_eq!(doubts(&default_files()), []);
}

#[test]
fn an_attribute_that_is_a_slip_away_from_a_known_one_is_doubted() {
    let said = doubted(
        "audience: { attribute: { name: compny, any_of: [Acme] } }
goal: { all: [{ attribute: { name: how_fra, any_of: [ready] } }, { attribute: { name: budget_2, at_least: 1 } }] }
exits: { had: { attribute: { name: budget_1, at_least: 1 } } }
steps:
  - wait_date: { id: a, date: { attribute: renewall, offset: -3d } }
  - wait_date: { id: b, date: { attribute: renewal } }
  - set: { id: c, attribute: renewal, to: \"\" }
  - set: { id: d, attribute: Industry, to: x }
",
    );
    insta::assert_snapshot!(said.join("\n"), @r#"
    scenarios/x.yaml:3:32 "compny" is an attribute that nothing else knows; did you mean "company"? If not, let it be
    scenarios/x.yaml:4:36 "how_fra" is an attribute that nothing else knows; did you mean "how_far"? If not, let it be
    scenarios/x.yaml:7:44 "renewall" is an attribute that nothing else knows; did you mean "renewal"? If not, let it be
    scenarios/x.yaml:10:30 "Industry" is an attribute that nothing else knows; did you mean "industry"? If not, let it be
    "#);
}

#[test]
fn letters_on_top_of_each_other_and_twice_are_doubted() {
    let said = doubted(
        "steps:
  - mail: { id: first, send: welcome }
  - branch:
      id: who
      ways:
        - { id: good, when: { grade: [A] }, steps: [{ mail: { id: second, send: case-study } }, { stop: { id: end } }] }
        - { id: other, when: { grade: [B] }, steps: [{ wait: { id: some, for: 1d } }, { mail: { id: third, send: case-study } }] }
  - wait: { id: more, for: 7d }
  - mail: { id: fourth, send: welcome }
  - wait: { id: rest, for: 7d }
  - series: { id: all, mails: [welcome, case-study, one-idea], every: 7d }
  - mail: { id: fifth, send: one-idea }
",
    );
    insta::assert_snapshot!(said.join("\n"), @r#"
    scenarios/x.yaml:8:55 nothing waits between the mail of the step "first" and this one; put a wait between them, so that two letters do not come on top of each other
    scenarios/x.yaml:11:31 who comes here has had the mail "welcome" from the step "first"; name another mail, or send them as a "series", which sends none twice
    scenarios/x.yaml:14:30 who comes here has had the mail "one-idea" from the step "all"; name another mail, or send them as a "series", which sends none twice
    "#);
}
