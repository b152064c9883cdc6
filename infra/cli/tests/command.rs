//! The command as it is called from a shell.
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use std::process::Command;

fn michi(arguments: &[&str]) -> (Option<i32>, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_michi")).args(arguments).output().unwrap();
    (done.status.code(), String::from_utf8([done.stdout, done.stderr].concat()).unwrap())
}

#[test]
fn help_names_every_command_and_a_wrong_one_is_refused() {
    let (code, help) = michi(&["--help"]);
    assert_eq!(code, Some(0));
    for command in [
        "dev", "init", "check", "replay", "plan", "apply", "rollback", "history", "leads", "lead", "messages", "redrive",
        "doctor",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(command)), "{command} is not in the help:\n{help}");
    }
    let (code, said) = michi(&["aply"]);
    // Not 2, which `michi plan` keeps for changes that are pending.
    assert_eq!(code, Some(1));
    assert!(said.contains("apply"), "{said}");
}
