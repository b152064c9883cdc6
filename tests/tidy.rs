//! Each fact stands in one place; where copies must exist, they agree. And the core touches nothing of the world.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub(crate) fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(root().join(path.as_ref())).unwrap()
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

fn folders(under: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root().join(under)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_core_does_not_touch_the_world() {
    let io = root().join("shared/src/io");
    for path in sources("shared/src").into_iter().filter(|path| !path.starts_with(&io)) {
        let text = fs::read_to_string(&path).unwrap();
        // Tests may ask whether to refresh what they compare with.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for word in ["crate::io", "super::io", "aws_", "tokio::", "std::env", "std::net", "async fn", "Timestamp::now", "uuid::"]
        {
            // Not within a longer name, as `aws_` is in `draws_lots`.
            let begins = |before: &str| !before.ends_with(|last: char| last.is_alphanumeric() || last == '_');
            let uses = |line: &&str| line.match_indices(word).any(|(at, _)| begins(&line[..at]));
            let found = text.lines().find(|line| uses(line) && !line.trim_start().starts_with("//"));
            assert!(found.is_none(), "{}: the core must not use {word}: {}", path.display(), found.unwrap());
        }
        // The one part of the core that reads files reads what a marketer writes.
        if !path.components().any(|part| part.as_os_str() == "authoring") {
            assert!(!text.contains("std::fs"), "{}: the core must not use std::fs", path.display());
        }
    }
}

#[test]
fn functions_know_neither_each_other_nor_the_local_suite() {
    let functions = folders("functions");
    for function in &functions {
        let manifest = read(format!("functions/{function}/Cargo.toml"));
        assert!(!manifest.contains("michi-local"), "{function} imports the local suite");
        assert!(manifest.contains(&format!("name = \"{function}\"")), "{function}: folder and crate have different names");
        for other in functions.iter().filter(|other| *other != function) {
            assert!(!manifest.contains(&format!("\n{other}.workspace")), "{function} imports {other}");
        }
    }
}

#[test]
fn every_function_is_in_the_template_and_every_setting_too() {
    let (template, telemetry) = (read("infra/template.yaml"), read("shared/src/io/telemetry.rs"));
    for function in folders("functions") {
        let name = function[..1].to_uppercase() + &function[1..];
        assert!(template.contains(&format!("\n  {name}:\n    Type: AWS::Serverless::Function")), "the template lacks {name}");
        assert!(telemetry.contains(&format!("\"{function}\"")), "telemetry does not hear {function}");
    }
    let settings = read("shared/src/io/settings.rs");
    for name in
        settings.split("read(\"").skip(1).filter_map(|rest| rest.split('"').next()).filter(|name| name.starts_with("MICHI_"))
    {
        assert!(template.contains(name), "the template does not set {name}");
    }
}

/// An alarm whose phrase nobody logs would never fire.
#[test]
fn what_the_alarms_count_is_logged() {
    let template = read("infra/template.yaml");
    let mut phrases = 0;
    for filter in template.split("Type: AWS::Logs::MetricFilter").skip(1) {
        let (_, rest) = filter.split_once("LogGroupName:\n        Ref: ").unwrap();
        let function = rest.split("Logs\n").next().unwrap().to_lowercase();
        let (_, pattern) = rest.split_once("FilterPattern: '").unwrap();
        let logged: String = sources(&format!("functions/{function}/src")).iter().map(read).collect();
        for phrase in pattern.split('\'').next().unwrap().split('"').skip(1).step_by(2) {
            let line = logged.lines().find(|line| line.contains(phrase) && line.contains("tracing::"));
            assert!(line.is_some_and(|line| !line.contains("info!")), "{function} logs no warning that says: {phrase}");
            phrases += 1;
        }
    }
    assert!(phrases >= 10, "the test reads the template no more");
}

/// What a deleted stack leaves is taken over by a template of its own, which says the same of it.
#[test]
fn what_is_retained_is_described_once() {
    let (template, retained) = (read("infra/template.yaml"), read("infra/retained.yaml"));
    let block = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("\n  {name}:\n")).unwrap_or_else(|| panic!("there is no {name}"));
        let deeper = |line: &&str| line.is_empty() || line.starts_with("    ");
        rest.lines().take_while(deeper).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    };
    for name in ["Activities", "Leads", "Keys", "MaxReadUnits", "MaxWriteUnits"] {
        assert_eq!(block(&template, name), block(&retained, name), "{name}");
    }
}

#[test]
fn the_top_level_holds_what_it_should() {
    let wanted =
        ["Cargo.toml", "Cargo.lock", "functions", "shared", "infra", "tests", "README.md", "LICENSE-APACHE", "LICENSE-MIT"];
    for name in folders(".") {
        let known = name.starts_with('.') || wanted.contains(&name.as_str()) || name == "target";
        assert!(known, "{name} has no place at the top");
    }
}
