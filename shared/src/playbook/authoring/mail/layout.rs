//! The layout that frames every mail: MJML with a place for the body and one for the foot. michi has one; a playbook may
//! bring another as `mail/layout.mjml`.

use std::collections::HashMap;
use std::ops::Range;

use mrml::prelude::parser::{Error, ParserOptions, Span};
use mrml::prelude::render::RenderOptions;

use super::super::mistake::Mistake;
use super::super::source::{Source, SourceFile};
use super::code::Codes;
use super::tags::{Found, Kind, Piece, Scope, scan};
use crate::playbook::Language;

/// The name of a playbook's own layout.
pub(super) const FILE: &str = "mail/layout.mjml";
const OWN: &str = include_str!("../../../../templates/mail/layout.mjml");

/// What may stand in a layout.
const BLOCKS: [&str; 2] = ["body", "footer"];
const FIELDS: [&str; 5] = ["subject", "preheader", "language", "our_company", "our_contact"];

/// A layout without mistakes.
#[derive(Debug)]
pub(super) struct Layout {
    text: String,
    found: Found,
}

impl Layout {
    /// michi's own file.
    pub(super) fn own() -> SourceFile {
        SourceFile::new(FILE, OWN)
    }

    /// Reads a layout. `None` if it cannot be used, which is then reported.
    pub(super) fn read(file: &SourceFile, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let source = Source::of(file).map_err(|mistake| mistakes.push(mistake)).ok()?;
        let before = mistakes.len();
        let scope = Scope { sure: FIELDS.to_vec(), blocks: BLOCKS.to_vec(), ..Scope::default() };
        let found = scan(&source, 0..source.text.len(), &scope, mistakes);
        for block in BLOCKS {
            let uses: Vec<Range<usize>> = found
                .tags
                .iter()
                .filter(|tag| matches!(&tag.kind, Kind::Show(Some(name)) if name == block))
                .map(|tag| tag.at.clone())
                .collect();
            match uses.as_slice() {
                [] => mistakes.push(Mistake::whole(
                    source.name,
                    format!("{{{{ {block} }}}} is missing in the layout"),
                    "put it into an <mj-column>, where it shall stand in every mail; the foot may not be left out",
                )),
                [_] => {}
                [_, second, ..] => {
                    mistakes.push(source.mistake(second.clone(), "this stands here a second time", "take one of them away"));
                }
            }
        }
        for tag in found.tags.iter().filter(|tag| tag.kind.is_statement()) {
            let remedy = "write it into the mails that it is about";
            mistakes.push(source.mistake(tag.at.clone(), "a layout has no conditions", remedy));
        }
        let layout = Self { text: source.text.to_owned(), found };
        layout.judge(&source, mistakes);
        (mistakes.len() == before).then_some(layout)
    }

    /// Lets MJML read the layout alone, with each tag as so many letters, so that its places are the file's.
    fn judge(&self, source: &Source<'_>, mistakes: &mut Vec<Mistake>) {
        let mut probe = self.text.clone();
        for tag in &self.found.tags {
            probe.replace_range(tag.at.clone(), &"x".repeat(tag.at.len()));
        }
        match mrml::parse_with_options(&probe, &ParserOptions::default()) {
            Ok(parsed) => {
                for warning in parsed.warnings {
                    let remedy = "take it away, or compare it with https://documentation.mjml.io";
                    mistakes.push(source.mistake(bytes(&warning.span), "MJML knows no such attribute here", remedy));
                }
            }
            Err(error) => mistakes.push(refused(source, &error)),
        }
        if let (Some(start), Some(footer)) = (probe.find("<!--"), self.found.tags.iter().find(|tag| tag.code == "{{ footer }}"))
            && hidden(&probe, start, footer.at.start)
        {
            let remedy = "take it out of the comment: the law asks for it in every mail";
            mistakes.push(source.mistake(footer.at.clone(), "the foot stands in a comment, where no reader sees it", remedy));
        }
    }

    /// The HTML of a mail with this body, with placeholders for its tags. `codes` are those of the mail.
    ///
    /// # Errors
    /// What MJML says; a layout that was read and a body made here do not come to that.
    pub(super) fn framed(&self, body: &str, preheader: &str, language: Language, codes: &mut Codes) -> Result<String, String> {
        let mut mjml = String::with_capacity(self.text.len() + body.len());
        for piece in &self.found.pieces {
            match piece {
                Piece::Plain(range) => mjml.push_str(self.text.get(range.clone()).unwrap_or_default()),
                Piece::Tag(tag) => {
                    let Some(tag) = self.found.tags.get(*tag) else { continue };
                    match &tag.kind {
                        Kind::Show(Some(name)) if name == "body" => mjml.push_str(body),
                        Kind::Show(Some(name)) if name == "preheader" => mjml.push_str(preheader),
                        Kind::Show(Some(name)) if name == "language" => mjml.push_str(language.tag()),
                        _ => mjml.push_str(&codes.place(tag.code.clone())),
                    }
                }
            }
        }
        let parsed = mrml::parse(&mjml).map_err(|error| error.to_string())?;
        // No fonts are fetched from elsewhere: that would tell others who opens what.
        let options = RenderOptions { disable_comments: true, fonts: HashMap::new(), ..RenderOptions::default() };
        let html = parsed.element.render(&options).map_err(|error| error.to_string())?;
        let pixel = codes.place("{{ pixel }}".to_owned());
        Ok(match html.rsplit_once("</body>") {
            Some((before, behind)) => format!("{before}{pixel}</body>{behind}"),
            None => html + &pixel,
        })
    }

    /// Fields that the layout itself shows.
    pub(super) fn fields(&self) -> impl Iterator<Item = String> {
        self.found.fields.iter().filter(|field| field.starts_with("our_")).cloned()
    }
}

/// Whether a byte lies in a comment, of which the first begins at `start`.
fn hidden(text: &str, start: usize, byte: usize) -> bool {
    let mut start = start;
    loop {
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.find("-->").map_or(text.len(), |end| start + end + 3);
        if (start..end).contains(&byte) {
            return true;
        }
        match text.get(end..).and_then(|behind| behind.find("<!--")) {
            Some(next) => start = end + next,
            None => return false,
        }
    }
}

fn bytes(span: &Span) -> Range<usize> {
    span.start..span.end
}

fn refused(source: &Source<'_>, error: &Error) -> Mistake {
    let remedy = "compare it with https://documentation.mjml.io";
    match error {
        Error::UnexpectedElement { position, .. } => source.mistake(bytes(position), "MJML knows no such element here", remedy),
        Error::UnexpectedToken { position, .. } | Error::InvalidFormat { position, .. } => {
            source.mistake(bytes(position), "this does not belong here in MJML", remedy)
        }
        Error::MissingAttribute { name, position, .. } => {
            source.mistake(bytes(position), format!("the attribute {name} is missing here"), remedy)
        }
        Error::InvalidAttribute { position, .. } => source.mistake(bytes(position), "this attribute is none", remedy),
        Error::IncludeLoaderError { position, .. } => {
            source.mistake(bytes(position), "a layout takes in no other file", "write what stands in it here")
        }
        Error::EndOfStream { .. } => Mistake::whole(source.name, "an element is never closed", "close it, as in </mj-section>"),
        Error::ParserError { source: why, .. } => Mistake::whole(source.name, format!("this is not MJML: {why}"), remedy),
        Error::SizeLimit { .. } | Error::NoRootNode => {
            Mistake::whole(source.name, "this is not MJML: there is no <mjml> element", remedy)
        }
    }
}
