//! Which files are mails, and what their names say.

use std::collections::BTreeSet;

use super::super::mistake::{Mistake, quoted};
use super::super::names::Known;
use super::super::source::SourceFile;
use super::layout;
use crate::id::MailId;
use crate::playbook::Language;

/// A file with a mail in one language.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) id: MailId,
    pub(super) language: Language,
    /// Whether it is the other language version of `mail/NAME.md`.
    pub(super) translation: bool,
    pub(super) file: &'a SourceFile,
}

const FOLDER: &str = "mail/";
const NAMING: &str = "a mail is called mail/NAME.md, with small letters, digits and dashes in NAME, and in its other language mail/NAME.ja.md or mail/NAME.en.md";

/// Whether a file belongs to the mails by its place.
pub(in super::super) fn is_one(file: &SourceFile) -> bool {
    file.name.starts_with(FOLDER)
}

/// The names of the mails that are written for leads.
pub(in super::super) fn names(files: &[SourceFile]) -> Known<'_> {
    let own = |name: &&str| matches!(*name, "alert" | "correction" | "summary" | "notice" | "confirm");
    let names = files.iter().filter_map(|file| file.name.strip_prefix(FOLDER)?.strip_suffix(".md"));
    Known::these(
        names.map(|name| name.split('.').next().unwrap_or(name)).filter(|name| !own(name)).collect::<BTreeSet<_>>().into_iter(),
    )
}

/// The mails among the files, each before its other language version. A name that cannot be is reported.
pub(super) fn mails<'a>(files: &'a [SourceFile], language: Language, mistakes: &mut Vec<Mistake>) -> Vec<Written<'a>> {
    let mut mails: Vec<Written<'a>> = files
        .iter()
        .filter(|file| is_one(file) && file.name != layout::FILE)
        .filter_map(|file| named(file, language, mistakes))
        .collect();
    mails.sort_by(|one, other| (&one.id, one.translation).cmp(&(&other.id, other.translation)));
    for translation in mails.iter().filter(|mail| mail.translation) {
        if !mails.iter().any(|mail| !mail.translation && mail.id == translation.id) {
            let remedy =
                format!("write it in the playbook's language as mail/{}.md, or rename this file to that", translation.id);
            mistakes.push(Mistake::whole(
                &translation.file.name,
                "the mail that this is another language version of is missing",
                remedy,
            ));
        }
    }
    mails
}

fn named<'a>(file: &'a SourceFile, language: Language, mistakes: &mut Vec<Mistake>) -> Option<Written<'a>> {
    let refused = |what: String, remedy: &str| Err(Mistake::whole(&file.name, what, remedy));
    let judged = || {
        let name = file.name.strip_prefix(FOLDER).unwrap_or_default();
        let Some(stem) = name.strip_suffix(".md") else {
            return refused(
                "this file is no mail".to_owned(),
                "rename it to end in .md, or move it out of the folder; mail/layout.mjml is the layout",
            );
        };
        let (stem, other) = match stem.split_once('.') {
            Some((stem, tag)) => match [Language::En, Language::Ja].into_iter().find(|language| language.tag() == tag) {
                Some(other) => (stem, Some(other)),
                None => return refused(format!("{} is no language that michi speaks", quoted(tag)), NAMING),
            },
            None => (stem, None),
        };
        let clean = !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let Some(id) = MailId::parse(stem).ok().filter(|_| clean) else {
            return refused(format!("{} cannot be the name of a mail", quoted(stem)), NAMING);
        };
        if other == Some(language) {
            let remedy =
                format!("call this file mail/{stem}.md; if that one is in another language, give it that language in its name");
            return Err(Mistake::whole(
                &file.name,
                "mails in the playbook's own language have no language in their names",
                remedy,
            ));
        }
        Ok(Written { id, language: other.unwrap_or(language), translation: other.is_some(), file })
    };
    judged().map_err(|mistake| mistakes.push(mistake)).ok()
}
