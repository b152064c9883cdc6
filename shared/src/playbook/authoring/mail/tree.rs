//! A mail's Markdown as a tree, with its tags in it. What Markdown has and a mail has not is a mistake.

use std::iter::Peekable;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, OffsetIter, Options, Parser, Tag as Start};

use super::super::mistake::{Mistake, quoted};
use super::super::source::Source;
use super::tags::{Found, Kind, Piece, Scope};
use super::target;

/// A part of a mail.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    pub(super) what: What,
    pub(super) inside: Vec<Node>,
}

#[derive(Debug, PartialEq)]
pub(super) enum What {
    /// The whole.
    Mail,
    Paragraph,
    /// With its rank from 1.
    Heading(u8),
    /// With the first number, if its items are numbered.
    List(Option<u64>),
    Item,
    Quote,
    Code,
    Rule,
    /// A link that stands alone and calls to act.
    Button(Target),
    Image {
        source: String,
        described: String,
    },
    /// Text as it is.
    Text(String),
    Strong,
    Emphasis,
    Literal,
    Link(Target),
    /// The end of a line that the writer wants.
    Break,
    /// The end of a line in the file, where the text goes on.
    Soft,
    /// A tag by its number.
    Tag(usize),
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// To an entry of the link table.
    Numbered(usize),
    /// To an address made for the message, by its field.
    Own(String),
}

/// A tag stands in the Markdown as its number between these two letters of Linear A, a script that nobody has been able to
/// read for 3,400 years: Markdown and MJML take them for letters like any others.
pub(super) const OPEN: char = '\u{10600}';
pub(super) const CLOSE: char = '\u{10601}';

/// The place that a tag takes until the engine's code is put there.
pub(super) fn placeholder(tag: usize) -> String {
    format!("{OPEN}{tag}{CLOSE}")
}

/// How deep quotes, lists and the like may lie in each other.
const MAX_DEPTH: usize = 32;

/// What was read of a body.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) root: Node,
    pub(super) links: Vec<String>,
}

/// Reads a body whose tags were found.
///
/// `sound`: nothing is wrong with the tags by themselves.
pub(super) fn read(source: &Source<'_>, found: &Found, scope: &Scope<'_>, sound: bool, mistakes: &mut Vec<Mistake>) -> Body {
    let (text, map) = prepared(source, found);
    let events = Parser::new_ext(&text, Options::empty()).into_offset_iter().peekable();
    let mut reader = Reader { source, found, scope, sound, map, links: Vec::new(), mistakes, events, depth: 0 };
    let inside = reader.until_end();
    reader.settle(&inside, true);
    Body { root: Node { what: What::Mail, inside }, links: reader.links }
}

/// The Markdown with placeholders for its tags, and from which byte of it on which byte of the file is meant. A condition
/// that has a line for itself is a block of its own, so that it can hold whole paragraphs.
fn prepared(source: &Source<'_>, found: &Found) -> (String, Vec<(usize, usize)>) {
    let mut text = String::new();
    let mut map = Vec::new();
    for (number, piece) in found.pieces.iter().enumerate() {
        match piece {
            Piece::Plain(range) => {
                map.push((text.len(), range.start));
                let plain = source.text.get(range.clone()).unwrap_or_default();
                text.extend(plain.chars().filter(|c| !matches!(*c, OPEN | CLOSE)));
            }
            Piece::Tag(tag) => {
                let Some(known) = found.tags.get(*tag) else { continue };
                map.push((text.len(), known.at.start));
                let before = source.text.get(..known.at.start).unwrap_or_default();
                let behind = source.text.get(known.at.end..).unwrap_or_default();
                let margin = before.rsplit('\n').next().unwrap_or_default();
                let alone = margin.trim().is_empty() && behind.lines().next().unwrap_or_default().trim().is_empty();
                if known.kind.is_statement() && alone {
                    let first = number == 0;
                    text.push_str(if first { "" } else { "\n\n" });
                    text.push_str(margin);
                    text.push_str(&placeholder(*tag));
                    text.push_str("\n\n");
                } else {
                    text.push_str(&placeholder(*tag));
                }
            }
        }
    }
    (text, map)
}

struct Reader<'a, 'm> {
    source: &'a Source<'a>,
    found: &'a Found,
    scope: &'a Scope<'a>,
    sound: bool,
    map: Vec<(usize, usize)>,
    links: Vec<String>,
    mistakes: &'m mut Vec<Mistake>,
    events: Peekable<OffsetIter<'a>>,
    depth: usize,
}

impl Reader<'_, '_> {
    /// The bytes of the file that are meant.
    fn place(&self, range: &Range<usize>) -> Range<usize> {
        let byte = |at: usize| {
            let next = self.map.partition_point(|(from, _)| *from <= at);
            let (from, meant) = next.checked_sub(1).and_then(|n| self.map.get(n)).copied().unwrap_or_default();
            (meant + at - from).min(self.source.text.len())
        };
        let start = byte(range.start);
        start..byte(range.end.max(range.start + 1) - 1).max(start) + 1
    }

    fn report(&mut self, at: &Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        let place = self.place(at);
        self.mistakes.push(self.source.mistake(place, what, remedy));
    }

    /// What stands up to the end of what is open.
    fn until_end(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        while let Some((event, at)) = self.events.next() {
            match event {
                Event::End(_) => break,
                Event::Start(start) => nodes.extend(self.deeper(start, &at)),
                Event::Text(text) => self.text(&text, &at, &mut nodes),
                Event::Code(code) => {
                    let mut inside = Vec::new();
                    self.text(&code, &at, &mut inside);
                    nodes.push(Node { what: What::Literal, inside });
                }
                Event::SoftBreak => nodes.push(leaf(What::Soft)),
                Event::HardBreak => nodes.push(leaf(What::Break)),
                Event::Rule => nodes.push(leaf(What::Rule)),
                Event::Html(html) | Event::InlineHtml(html) => {
                    // A comment says nothing to a reader.
                    if !html.trim_start().starts_with("<!--") {
                        let remedy = "write it as Markdown; what frames all mails is HTML's and stands in mail/layout.mjml. For a < in the text write \\<";
                        self.report(&at, "HTML stands here, where a mail has Markdown", remedy);
                    }
                }
                // Neither footnotes nor tasks nor mathematics are switched on.
                Event::FootnoteReference(_) | Event::TaskListMarker(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
            }
        }
        nodes
    }

    /// What begins here, unless it lies deeper than anything in a mail does.
    fn deeper(&mut self, start: Start<'_>, at: &Range<usize>) -> Option<Node> {
        if self.depth == MAX_DEPTH {
            let what = format!("quotes, lists or the like lie more than {MAX_DEPTH} deep in each other");
            self.report(at, what, "write fewer of them within each other");
            self.leave_out();
            return None;
        }
        self.depth += 1;
        let node = self.node(start, at);
        self.depth -= 1;
        node
    }

    /// Goes behind the end of what has just begun.
    fn leave_out(&mut self) {
        let mut open = 1_usize;
        while open > 0
            && let Some((event, _)) = self.events.next()
        {
            match event {
                Event::Start(_) => open += 1,
                Event::End(_) => open -= 1,
                _ => {}
            }
        }
    }

    fn node(&mut self, start: Start<'_>, at: &Range<usize>) -> Option<Node> {
        let plain = |what: What, inside: Vec<Node>, reader: &mut Self| {
            reader.settle(&inside, false);
            Some(Node { what, inside })
        };
        match start {
            Start::Paragraph => {
                let mut inside = self.until_end();
                match self.standing_alone(&mut inside, at) {
                    Some(node) => Some(node),
                    None => plain(What::Paragraph, inside, self),
                }
            }
            Start::Heading { level, .. } => {
                let inside = self.until_end();
                plain(What::Heading(rank(level)), inside, self)
            }
            Start::List(first) => {
                let inside = self.until_end();
                plain(What::List(first), inside, self)
            }
            Start::Item => {
                let inside = self.until_end();
                plain(What::Item, inside, self)
            }
            Start::BlockQuote(_) => {
                let inside = self.until_end();
                plain(What::Quote, inside, self)
            }
            Start::CodeBlock(kind) => {
                if kind == CodeBlockKind::Indented {
                    let remedy = "begin the line at its margin; for text that shall stay as it is, put ``` above and below it";
                    self.report(at, "four blanks before a line make it a piece of code", remedy);
                }
                let inside = self.until_end();
                plain(What::Code, inside, self)
            }
            Start::Strong => {
                let inside = self.until_end();
                plain(What::Strong, inside, self)
            }
            Start::Emphasis => {
                let inside = self.until_end();
                plain(What::Emphasis, inside, self)
            }
            Start::Link { dest_url, title, .. } => {
                let inside = self.until_end();
                self.link(&dest_url, &title, inside, at)
            }
            Start::Image { dest_url, .. } => {
                let inside = self.until_end();
                self.image(&dest_url, &inside, at)
            }
            Start::HtmlBlock => {
                self.until_end();
                None
            }
            _ => {
                self.report(at, "a mail has nothing of this kind", "write paragraphs, headings, lists, links, images and quotes");
                self.until_end();
                None
            }
        }
    }

    /// Text with its tags. What the parser gives in pieces is one text again.
    fn text(&mut self, text: &str, at: &Range<usize>, nodes: &mut Vec<Node>) {
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once(OPEN) {
            self.plain(before, at, nodes);
            let (number, after) = behind.split_once(CLOSE).unwrap_or((behind, ""));
            nodes.extend(number.parse().ok().map(|tag| leaf(What::Tag(tag))));
            rest = after;
        }
        self.plain(rest, at, nodes);
    }

    fn plain(&mut self, text: &str, at: &Range<usize>, nodes: &mut Vec<Node>) {
        if text.is_empty() {
            return;
        }
        let torn = match nodes.last_mut() {
            Some(Node { what: What::Text(earlier), .. }) => {
                let torn = more_pairs(earlier, text);
                earlier.push_str(text);
                torn
            }
            _ => {
                nodes.push(leaf(What::Text(text.to_owned())));
                more_pairs("", text)
            }
        };
        if torn {
            let remedy = "put the asterisks directly around words: beside 「」 or other punctuation leave a blank outside, or take the punctuation out of them";
            self.report(at, "these asterisks make nothing bold here, and readers would see them", remedy);
        }
    }

    /// What a paragraph is that holds nothing but one button, image, ready-made block or condition.
    fn standing_alone(&mut self, inside: &mut Vec<Node>, at: &Range<usize>) -> Option<Node> {
        let buttons = inside.iter().filter(|node| matches!(node.what, What::Button(_))).count();
        match inside.as_slice() {
            [Node { what: What::Button(_) | What::Image { .. }, .. }] => return inside.pop(),
            [Node { what: What::Tag(tag), .. }] if self.is_block(*tag) || self.is_statement(*tag) => return inside.pop(),
            _ => {}
        }
        let remedy = "put an empty line above and below it";
        if buttons > 0 {
            self.report(at, "a button stands in the midst of text", remedy);
        }
        if inside.iter().any(|node| matches!(node.what, What::Image { .. })) {
            self.report(at, "an image stands in the midst of text", remedy);
        }
        None
    }

    fn is_statement(&self, tag: usize) -> bool {
        self.found.tags.get(tag).is_some_and(|tag| tag.kind.is_statement())
    }

    fn is_block(&self, tag: usize) -> bool {
        let name = self.found.tags.get(tag).and_then(|tag| match &tag.kind {
            Kind::Show(name) => name.as_deref(),
            _ => None,
        });
        name.is_some_and(|name| self.scope.blocks.contains(&name))
    }

    /// Sees to it that every condition among these begins and ends here, and that ready-made blocks stand for themselves.
    fn settle(&mut self, nodes: &[Node], whole: bool) {
        let mut open: Vec<usize> = Vec::new();
        let mut torn: Vec<usize> = Vec::new();
        for node in nodes {
            let What::Tag(number) = node.what else { continue };
            let Some(tag) = self.found.tags.get(number) else { continue };
            if !whole && self.is_block(number) {
                let remedy = "put it on a line of its own, with an empty line above and below it";
                self.mistakes.push(self.source.mistake(
                    tag.at.clone(),
                    "this field is a whole block, and stands within a text",
                    remedy,
                ));
            }
            match &tag.kind {
                Kind::If => open.push(number),
                Kind::Else if open.is_empty() => torn.push(number),
                Kind::EndIf if open.pop().is_none() => torn.push(number),
                Kind::Else | Kind::EndIf | Kind::Show(_) | Kind::Broken => {}
            }
        }
        // Of what the tags alone show to be wrong enough is said.
        let torn = torn.into_iter().chain(open).filter(|_| self.sound);
        for tag in torn.filter_map(|tag| self.found.tags.get(tag)) {
            let what = "this condition begins in one part of the text and ends in another";
            let remedy = "put {% if … %} and {% endif %} on lines of their own around whole paragraphs or lists, or both into the same sentence";
            self.mistakes.push(self.source.mistake(tag.at.clone(), what, remedy));
        }
    }

    fn link(&mut self, url: &str, title: &str, inside: Vec<Node>, at: &Range<usize>) -> Option<Node> {
        self.settle(&inside, false);
        if !title.is_empty() && title != "button" {
            let what = format!("{} behind a link means nothing", quoted(title));
            self.report(at, what, "write \"button\" there to make it a button, or take it away");
        }
        if inside.is_empty() {
            self.report(at, "this link has no words", "write what readers click on between [ and ]");
        }
        let target = self.target(url, at)?;
        Some(Node { what: if title == "button" { What::Button(target) } else { What::Link(target) }, inside })
    }

    fn target(&mut self, url: &str, at: &Range<usize>) -> Option<Target> {
        let name = url.strip_prefix(OPEN).and_then(|url| url.strip_suffix(CLOSE)).and_then(|number| number.parse::<usize>().ok());
        if let Some(tag) = name.and_then(|number| self.found.tags.get(number))
            && let Kind::Show(Some(name)) = &tag.kind
            && self.scope.urls.contains(&name.as_str())
        {
            return Some(Target::Own(name.clone()));
        }
        let mut tags = self.found.tags.iter().enumerate();
        if tags.any(|(number, tag)| tag.kind == Kind::Broken && url.contains(&placeholder(number))) {
            return None;
        }
        if url.contains(OPEN) {
            let remedy = "write the whole address: where a link leads is the same for every reader, so that nobody can change it from outside";
            self.report(at, "a field stands in the target of a link", remedy);
            return None;
        }
        match target::clean(url) {
            Ok(clean) => {
                self.links.push(clean);
                Some(Target::Numbered(self.links.len() - 1))
            }
            Err((what, remedy)) => {
                self.report(at, what, remedy);
                None
            }
        }
    }

    fn image(&mut self, url: &str, inside: &[Node], at: &Range<usize>) -> Option<Node> {
        let described: String = inside
            .iter()
            .map(|node| match &node.what {
                What::Text(text) => text.as_str(),
                _ => "",
            })
            .collect();
        if described.trim().is_empty() || inside.iter().any(|node| matches!(node.what, What::Tag(_))) {
            let remedy = "write it between ![ and ]: many readers see it in the picture's place";
            self.report(at, "plain words that say what the picture shows are missing", remedy);
            return None;
        }
        match target::clean(url) {
            Ok(source) => Some(leaf(What::Image { source, described })),
            Err((what, remedy)) => {
                self.report(at, what, remedy);
                None
            }
        }
    }
}

fn leaf(what: What) -> Node {
    Node { what, inside: Vec::new() }
}

fn rank(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        _ => 3,
    }
}

/// Whether a text has more pairs of asterisks once this stands behind it.
fn more_pairs(before: &str, text: &str) -> bool {
    let (ending, rest) = (before.len() - before.trim_end_matches('*').len(), text.trim_start_matches('*'));
    let beginning = text.len() - rest.len();
    (ending + beginning) / 2 > ending / 2 || rest.contains("**")
}
