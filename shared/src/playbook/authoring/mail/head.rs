//! Subjects and preheader: texts of one line with tags in them.

use std::collections::BTreeSet;

use super::super::mistake::Mistake;
use super::super::place::Place;
use super::super::source::Source;
use super::code::Codes;
use super::front::inner;
use super::tags::{Found, Piece, Scope, scan};
use super::tree::placeholder;
use crate::mail::template::escaped;

/// What stands above a mail's text, compiled.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// Templates for text.
    pub(super) subjects: Vec<String>,
    /// A template for HTML; empty if there is none.
    pub(super) preheader: String,
    /// The fields in them.
    pub(super) fields: BTreeSet<String>,
}

impl Head {
    /// Reads the texts of the front matter at `place`.
    pub(super) fn of(source: &Source<'_>, place: Place<'_>, scope: &Scope<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        // Blocks and addresses stand in the text alone.
        let barred = scope.blocks.iter().chain(&scope.urls).map(|name| (*name, "write it into the text below"));
        let scope =
            Scope { blocks: vec![], urls: vec![], barred: scope.barred.iter().copied().chain(barred).collect(), ..scope.clone() };
        let mut head = Self::default();
        for subject in [place.key("subject")].into_iter().chain(place.key("variants").items()) {
            if let Some((text, codes)) = head.line(source, subject, &scope, mistakes) {
                head.subjects.push(codes.template(&text));
            }
        }
        if let Some((text, codes)) = head.line(source, place.key("preheader"), &scope, mistakes) {
            head.preheader = codes.template(&escaped(&text));
        }
        head
    }

    /// A text with placeholders for its tags, and their codes.
    fn line(
        &mut self,
        source: &Source<'_>,
        place: Place<'_>,
        scope: &Scope<'_>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<(String, Codes)> {
        let text = place.text()?;
        let span = inner(source, place)?;
        let (found, line) = if source.text.get(span.clone()) == Some(text) {
            let found = scan(source, span, scope, mistakes);
            let line = joined(source, &found);
            (found, line)
        } else {
            // With escapes in it the text is another than the file's, and has no places of its own in it.
            let read = Source::new(source.name, text);
            let mut inside = Vec::new();
            let found = scan(&read, 0..text.len(), scope, &mut inside);
            mistakes.extend(inside.into_iter().map(|mistake| place.mistake(mistake.what, mistake.remedy)));
            let line = joined(&read, &found);
            (found, line)
        };
        self.fields.extend(found.fields.iter().cloned());
        Some((line, Codes::of(&found)))
    }
}

fn joined(source: &Source<'_>, found: &Found) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Plain(range) => source.text.get(range.clone()).unwrap_or_default().to_owned(),
        Piece::Tag(tag) => placeholder(*tag),
    };
    found.pieces.iter().map(piece).collect()
}
