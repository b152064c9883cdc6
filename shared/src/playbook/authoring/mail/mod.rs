//! The mails of a playbook: `mail/NAME.md` in the playbook's language, and `mail/NAME.ja.md` or `mail/NAME.en.md`, the same
//! mail in the other.
//!
//! Everything is judged and compiled here, so that the functions never see Markdown, YAML or MJML: tags are found with
//! their places (`tags`), the Markdown between them becomes a tree (`tree`), the tree becomes MJML (`html`) and text
//! (`text`), MJML becomes HTML in the layout (`layout`), and what is left are templates for minijinja (`code`).

mod code;
mod expression;
mod files;
mod front;
mod head;
mod html;
mod layout;
mod scope;
mod tags;
mod target;
mod text;
mod tree;

use std::collections::BTreeMap;

use super::mistake::Mistake;
use super::names::Names;
use super::source::{Source, SourceFile};
use crate::id::MailId;
use crate::mail::fields::QUESTION;
use crate::mail::template;
use crate::playbook::Language;
use crate::playbook::mail::{Body, Class, Mail, Parts, Version};
use code::Codes;
use files::Written;
use front::Front;
use head::Head;
use layout::Layout;
use scope::Scopes;
use tags::scan;

pub(super) use files::{is_one, names};
pub(super) use front::Front as FrontMatter;

/// The largest mail, in bytes of HTML: Gmail shows no more than about 102 KB of one.
const MAX_HTML: usize = 90_000;
/// What an address made for a message takes at most, in bytes.
const MAX_URL: usize = 220;

/// Reads and compiles the mails among the files. What is wrong is reported, and leaves its mail out.
pub(super) fn read(
    files: &[SourceFile],
    language: Option<Language>,
    names: &Names<'_>,
    mistakes: &mut Vec<Mistake>,
) -> BTreeMap<MailId, Mail> {
    let own = Layout::own();
    let layout = files.iter().find(|file| file.name == layout::FILE).unwrap_or(&own);
    let layout = Layout::read(layout, mistakes);
    let scopes = Scopes { names };
    let mut mails: BTreeMap<MailId, Mail> = BTreeMap::new();
    // Without the playbook's own language nobody knows in which a mail is written.
    let Some(language) = language else { return mails };
    let written = files::mails(files, language, mistakes);
    for Written { id, language, translation, file } in written {
        let class = mails.get(&id).map(|mail| mail.class);
        let Some((front, version)) = one(file, &id, language, translation.then_some(class), &scopes, layout.as_ref(), mistakes)
        else {
            continue;
        };
        match mails.get_mut(&id) {
            Some(mail) => drop(mail.versions.insert(language, version)),
            None if translation => {}
            None => drop(mails.insert(id, mail(front, language, version))),
        }
    }
    mails
}

fn mail(front: Front, language: Language, version: Version) -> Mail {
    Mail {
        class: front.class.unwrap_or_default(),
        topic: front.topic,
        sender: front.sender.unwrap_or_default(),
        personas: front.personas,
        stages: front.stages,
        review: front.review,
        versions: BTreeMap::from([(language, version)]),
    }
}

/// One file. `class` is given for a translation: the class of the mail, if that could be read.
fn one(
    file: &SourceFile,
    id: &MailId,
    language: Language,
    class: Option<Option<Class>>,
    scopes: &Scopes<'_>,
    layout: Option<&Layout>,
    mistakes: &mut Vec<Mistake>,
) -> Option<(Front, Version)> {
    let source = Source::of(file).map_err(|mistake| mistakes.push(mistake)).ok()?;
    let halves = front::halves(&source, mistakes)?;
    let before = mistakes.len();
    let read = front::read(&source, &halves, class.is_some(), mistakes, |front, place, mistakes| {
        let class = class.unwrap_or_else(|| Some(front.as_ref()?.class.unwrap_or_default()));
        scopes.judge(id, class, place, mistakes);
        let scope = scopes.of(id, class.unwrap_or_default());
        let head = Head::of(&source, place, &scope, mistakes);
        (front, scope, head)
    });
    let (front, scope, head) = read?;
    let said = mistakes.len();
    let found = scan(&source, halves.body..source.text.len(), &scope, mistakes);
    let sound = mistakes.len() == said;
    let body = tree::read(&source, &found, &scope, sound, mistakes);
    if body.root.inside.is_empty() && mistakes.len() == before {
        let end = source.text.len();
        mistakes.push(source.mistake(end..end, "this mail has no text", "write it below the second line ---"));
    }
    if let Some((what, remedy)) =
        scope.needed.filter(|(needed, _)| !found.fields.contains(*needed) && mistakes.len() == before).map(|(_, said)| said)
    {
        mistakes.push(Mistake::whole(source.name, what, remedy));
    }
    if mistakes.len() > before {
        return None;
    }
    let front = front?;
    let mut codes = Codes::of(&found);
    let mjml = html::written(&body.root, &found.tags, &mut codes);
    let plain = text::written(&body.root, &found.tags, &body.links, language, &mut codes);
    let plain = plain + &codes.place("{{ footer }}".to_owned());
    let preheader = codes.place(head.preheader);
    let layout = layout?;
    let framed = match layout.framed(&mjml, &preheader, language, &mut codes) {
        Ok(framed) => framed,
        Err(why) => {
            mistakes.push(Mistake::whole(
                source.name,
                format!("the layout cannot take this mail in: {why}"),
                "simplify one of the two",
            ));
            return None;
        }
    };
    let parts = Parts { text: codes.template(&plain), html: codes.template(&framed) };
    mistakes.extend(trouble(&source, &parts, body.links.len()));
    let mut fields = &head.fields | &found.fields;
    // That it asks a question is known by the field.
    fields.retain(|field| field == QUESTION || !scope.is_made(field));
    fields.extend(layout.fields());
    let version = Version { subjects: head.subjects, fields, links: body.links, body: Body::new(parts) };
    (mistakes.len() == before).then_some((front, version))
}

/// What can only be said of the whole.
fn trouble(source: &Source<'_>, parts: &Parts, links: usize) -> Option<Mistake> {
    let size = parts.html.len() + links * MAX_URL;
    if size > MAX_HTML {
        let what = format!("this mail has {} KB with its layout, and at most {} KB are taken", size / 1000, MAX_HTML / 1000);
        return Some(Mistake::whole(source.name, what, "shorten it: Gmail cuts longer mails off, and the foot with them"));
    }
    let error = [&parts.text, &parts.html].into_iter().find_map(|part| template::read(part).err())?;
    Some(Mistake::whole(source.name, format!("this mail cannot be compiled: {error}"), "write its tags more simply"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::authoring::default_playbook;
    use crate::playbook::mail::{BuiltIn, built_in};

    /// Compares michi's own mails with the default playbook's files; `MICHI_REFRESH=1 cargo test -p michi --features authoring
    /// built_in` writes them anew.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a switch for whoever changes the mails; nothing that ships reads it")]
    fn the_built_in_mails_are_those_of_the_default_playbook() {
        let own = |id: &MailId| matches!(id.as_str(), "alert" | "correction" | "summary" | "notice" | "confirm");
        let mails: BTreeMap<MailId, Mail> = default_playbook().unwrap().mails.into_iter().filter(|(id, _)| own(id)).collect();
        assert_eq!(mails.len(), 5);
        let fresh = format!("{}\n", serde_json::to_string_pretty(&BuiltIn::of(mails.clone())).unwrap());
        let path = format!("{}/src/playbook/built_in.json", env!("CARGO_MANIFEST_DIR"));
        if std::env::var("MICHI_REFRESH").is_ok() {
            std::fs::write(&path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(committed == fresh, "run MICHI_REFRESH=1 cargo test -p michi --features authoring built_in");
        let known = built_in();
        assert!(
            *known == mails
                && known.values().flat_map(|mail| mail.versions.values()).all(|version| version.body.parts().is_some())
        );
    }
}
