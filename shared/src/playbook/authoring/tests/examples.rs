//! What is said of names in examples that nothing has.

use super::*;

#[test]
fn every_name_in_an_example_is_one_that_there_is() {
    let text = "examples:
  - name: x
    happens:
      - { day: 5, does: { form: inquirry } }
      - { day: 6, does: { page: nothing-like-it } }
      - { day: 7, answers: redy }
      - { day: 8, does: mail_clicked, becomes: { anything: goes } }
    expect:
      - { day: 2, mail: three-qestions }
      - { day: 3, mail: welcome }
      - { day: 9, at: how-fra }
      - { day: 10, left: stoped with-sales }
      - { day: 11, left: exit exclded }
      - { day: 12, left: kept out }
";
    let name = "scenarios/after-white-paper.test.yaml";
    let mut files: Vec<SourceFile> = default_files().into_iter().filter(|file| file.name != name).collect();
    files.push(SourceFile::new(name, text));
    let playbook = check(&files).unwrap();
    let mistakes = super::super::examples(&files, &playbook).unwrap_err();
    let brief = |one: &Mistake| {
        let at = one.at.as_ref().unwrap();
        format!("{}:{} {}; {}", at.line, at.column, one.what, one.remedy)
    };
    let told: Vec<String> = mistakes.list().iter().map(brief).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    4:33 no class of forms is called "inquirry"; did you mean "inquiry"?
    5:33 no class of pages is called "nothing-like-it"; known here: careers, pricing, case-study, white-paper, seminar, product
    6:28 no question of the scenario has the answer "redy"; did you mean "ready"?
    9:25 the scenario sends no mail called "three-qestions"; did you mean "three-questions"?
    10:25 the scenario sends no mail called "welcome"; known here: three-questions, how-far, making-the-case
    11:23 the scenario has no step called "how-fra"; did you mean "how-far"?
    12:26 nobody leaves the scenario for "stoped with-sales"; did you mean "stopped with-sales"?
    13:26 nobody leaves the scenario for "exit exclded"; did you mean "exit excluded"?
    "#);
}
