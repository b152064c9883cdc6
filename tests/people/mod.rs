//! People: the commands that import, export, merge and erase, against a suite that is served as `michi dev` serves it.

mod erasing;
mod exporting;
mod importing;
pub(crate) mod merging;

use std::path::{Path, PathBuf};

use clap::Parser;
use jiff::SignedDuration;
use michi::activity::LogOwner;
use michi::address::Address;
use michi::fold::fold;
use michi::id::LeadId;
use michi::lead::Lead;
use michi_cli::account::Target;
use michi_cli::import::{self, ImportArgs, Told};
use michi_local::Suite;

use crate::harness::{Visitor, beacon};
use serde_json::json;

/// A command line of `michi import`, without the options that name the installation.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    import: ImportArgs,
}

fn line(target: &Target, words: &[&str]) -> ImportArgs {
    let line = Line::try_parse_from([&["import", "--by", "mika"], words].concat()).unwrap();
    ImportArgs { target: target.clone(), ..line.import }
}

/// A list in a folder of its own.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// Imports a list; what is told of it, and in which words.
pub(crate) async fn imported(target: &Target, file: &Path, words: &[&str]) -> (Told, String) {
    let mut out = vec![];
    let told = import::import(&line(target, &[&[file.to_str().unwrap()], words].concat()), &mut out).await.unwrap();
    (told, String::from_utf8(out).unwrap())
}

async fn refused(target: &Target, file: &Path, words: &[&str]) -> String {
    let args = line(target, &[&[file.to_str().unwrap()], words].concat());
    format!("{:#}", import::import(&args, &mut vec![]).await.unwrap_err())
}

/// Takes a list back.
async fn undone(target: &Target, told: &Told) -> String {
    let mut out = vec![];
    import::undo(&line(target, &["--yes", "--undo", told.id.as_str()]), told.id.as_str(), &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

/// Lets what a command has written happen: its clock goes on while that of the suite stands.
async fn settled(suite: &Suite) {
    suite.settle().await.unwrap();
    suite.advance(SignedDuration::from_secs(10)).await.unwrap();
    suite.settle().await.unwrap();
}

pub(crate) async fn id_of(suite: &Suite, address: &str) -> Option<LeadId> {
    let hash = suite.own().keys.address_hash(&Address::parse(address).unwrap());
    suite.own().store.address_owner(&hash).await.unwrap()
}

/// Whoever has the address, folded now.
async fn whoever(suite: &Suite, address: &str) -> Lead {
    let id = id_of(suite, address).await.expect("a lead");
    let log = suite.own().store.log(&LogOwner::Lead(id)).await.unwrap();
    fold(&suite.own().playbook().await.unwrap().playbook, &log, suite.now())
}

/// Somebody who fills in a form, and says so much of themselves.
async fn fills_in(suite: &Suite, visitor: &str, form: &str, fields: serde_json::Value) -> Visitor {
    let mut visitor = Visitor::new(visitor);
    beacon(suite, &visitor.form(suite.now(), form, &fields)).await;
    suite.settle().await.unwrap();
    visitor
}

/// Two who want it and of whom michi does not know that they fit.
pub(crate) async fn two_readers(suite: &Suite) {
    for (visitor, address) in [("reader-1", "ann@corp-a.example"), ("reader-2", "bob@corp-b.example")] {
        fills_in(suite, visitor, "inquiry", json!({ "email": address })).await;
    }
}
