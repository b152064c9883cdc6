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
    insta::assert_snapshot!(told.join("\n"), @"");
}
