//! What is said of mails, and what they become.

use super::*;
use crate::id::MailId;
use crate::mail::compose::{Urls, letter};
use crate::mail::footer::OptOut;
use crate::playbook::mail::{BuiltIn, Class, Mail};

/// The playbook of the other tests with one mail in it.
fn with(name: &str, text: &str) -> Vec<SourceFile> {
    let mut all = files(&[]);
    all.push(SourceFile::new(format!("mail/{name}.md"), text));
    all
}

/// Compares michi's own mails with the default playbook's files; `MICHI_REFRESH=1 cargo test -p michi --features authoring
/// built_in` writes them anew.
#[test]
#[allow(clippy::disallowed_methods, reason = "a switch for whoever changes the mails; nothing that ships reads it")]
fn the_built_in_mails_are_those_of_the_default_playbook() {
    let own = |id: &MailId| matches!(id.as_str(), "alert" | "summary" | "confirm");
    let mails: BTreeMap<MailId, Mail> = default_playbook().unwrap().mails.into_iter().filter(|(id, _)| own(id)).collect();
    assert_eq!(mails.len(), 3);
    let fresh = format!("{}\n", serde_json::to_string_pretty(&BuiltIn::of(mails.clone())).unwrap());
    let path = format!("{}/src/playbook/built_in.json", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("MICHI_REFRESH").is_ok() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == fresh, "run MICHI_REFRESH=1 cargo test -p michi --features authoring built_in");
    let known = crate::playbook::mail::built_in();
    assert!(
        *known == mails && known.values().flat_map(|mail| mail.versions.values()).all(|version| version.body.parts().is_some())
    );
}
