//! YAML, read into a tree that knows where each thing stands.
//!
//! Of YAML only what people write in settings is taken: maps, lists and texts. Anchors, aliases, tags and a second
//! document are mistakes, so that what stands in the file is what it means, and nothing multiplies.

use std::collections::HashMap;
use std::ops::Range;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, Span, options};

use super::mistake::{Mistake, quoted};
use super::source::Source;
use super::syntax::broken;

/// How deep maps and lists may lie in each other.
pub(super) const MAX_DEPTH: usize = 64;

/// One thing in a file.
#[derive(Debug)]
pub(super) struct Node {
    /// Its bytes; of a map or a list only the first.
    pub(super) span: Range<usize>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// A text; `plain` if it stands without quotes, so that it may also be a number, a truth value or nothing.
    Text {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something reported already; nothing more is to be said of it.
    Broken,
}

/// A key and what stands under it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) key: Range<usize>,
    pub(super) value: Node,
}

impl Node {
    fn new(span: Range<usize>, content: Content) -> Self {
        Self { span, content }
    }

    /// Whether nothing stands there: no text at all, or a plain `null` or `~`.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(&self.content, Content::Text { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }
}

/// A map or list that is not yet closed. A map holds the names that were given in it, with their places.
enum Open {
    List { span: Range<usize>, items: Vec<Node> },
    Map { span: Range<usize>, entries: Vec<Entry>, names: HashMap<String, usize>, key: Key },
}

/// What the next node in a map is.
enum Key {
    /// The next key.
    Awaited,
    /// What stands under this key.
    Read { name: String, span: Range<usize> },
    /// What stands under a key that was reported.
    Broken,
}

/// Reads a file. A text that is no YAML at all gives one mistake and `None`: what follows the place cannot be judged.
pub(super) fn read(source: &Source<'_>, mistakes: &mut Vec<Mistake>) -> Option<Node> {
    let options = options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut tree = Tree { source, mistakes, open: Vec::new(), root: None };
    let mut documents = 0;
    for next in Parser::new_from_str_with_options(source.text, options) {
        let (event, span) = match next {
            Ok(next) => next,
            Err(error) => {
                let mistake = broken(source, &error);
                tree.mistakes.push(mistake);
                return None;
            }
        };
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                let remedy = "a file of the playbook is one document: take the line --- away";
                tree.report(bytes(&span), "a second document begins here", remedy);
                return None;
            }
        }
        tree.take(event, &span);
    }
    // A file with nothing but comments has no node at all.
    Some(tree.root.unwrap_or(Node::new(0..0, Content::Text { text: String::new(), plain: true })))
}

fn bytes(span: &Span) -> Range<usize> {
    // Every span of a text that lies in memory has byte offsets.
    span.byte_range().unwrap_or_default()
}

struct Tree<'a, 'm> {
    source: &'a Source<'a>,
    mistakes: &'m mut Vec<Mistake>,
    open: Vec<Open>,
    root: Option<Node>,
}

impl Tree<'_, '_> {
    fn report(&mut self, span: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        self.mistakes.push(self.source.mistake(span, what, remedy));
    }

    fn take(&mut self, event: Event<'_>, span: &Span) {
        if let Some(tag) = event.tag() {
            let what = format!("{} is a tag, and the files know none", quoted(&tag.original()));
            self.report(
                span.tag_span().map_or_else(|| bytes(span), |tag| bytes(&tag)),
                what,
                "take it away, or put the text in quotes",
            );
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                // The break that ends a block belongs to the notation, not to the text.
                let text = match style {
                    ScalarStyle::Literal | ScalarStyle::Folded => text.trim_end_matches('\n').to_owned(),
                    _ => text.into_owned(),
                };
                self.add(Node::new(bytes(span), Content::Text { text, plain }));
            }
            Event::SequenceStart(..) => self.open.push(Open::List { span: bytes(span), items: Vec::new() }),
            Event::MappingStart(..) => {
                self.open.push(Open::Map { span: bytes(span), entries: Vec::new(), names: HashMap::new(), key: Key::Awaited });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { span, items }) => self.add(Node::new(span, Content::List(items))),
                Some(Open::Map { span, entries, .. }) => self.add(Node::new(span, Content::Map(entries))),
                None => {}
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let text = self.source.text.get(bytes(span)).unwrap_or_default().to_owned();
                let remedy = format!("put the text in quotes: {}", quoted(&text));
                self.report(bytes(span), "a text that begins with * is a reference in YAML, and the files know none", remedy);
                self.add(Node::new(bytes(span), Content::Broken));
            }
            Event::Anchor(..) => {
                let remedy = "write things out where they are meant, or give a condition a name in segments.yaml; if it is a text, put it in quotes";
                self.report(
                    bytes(span),
                    "a word with & before it marks something to be repeated in YAML, and the files know no repeating",
                    remedy,
                );
            }
            // Starts and ends of the stream and its documents.
            _ => {}
        }
    }

    /// Puts a finished node where it belongs.
    fn add(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match std::mem::replace(key, Key::Awaited) {
                Key::Read { name, span } => entries.push(Entry { name, key: span, value: node }),
                Key::Broken => {}
                Key::Awaited => self.add_key(node),
            },
        }
    }

    /// Takes a node as the next key of the innermost map.
    fn add_key(&mut self, node: Node) {
        let Some(Open::Map { names, key, .. }) = self.open.last_mut() else { return };
        *key = Key::Broken;
        let (what, remedy) = match node.content {
            Content::Text { ref text, .. } if node.is_nothing() => {
                let what = match text.as_str() {
                    "" => "a key is missing here before the colon".to_owned(),
                    word => format!("a key is missing here before the colon (\"{word}\" means nothing in YAML)"),
                };
                (what, "write a name before the colon".to_owned())
            }
            Content::Text { text, .. } => match names.get(&text) {
                Some(earlier) => {
                    let line = self.source.line_of(*earlier);
                    (
                        format!("{} is given twice", quoted(&text)),
                        format!("it stands in line {line} already: keep one of the two"),
                    )
                }
                None => {
                    names.insert(text.clone(), node.span.start);
                    *key = Key::Read { name: text, span: node.span };
                    return;
                }
            },
            Content::List(_) | Content::Map(_) => (
                "a key is a text, and this is a list or a map".to_owned(),
                "write a name before the colon; put a text that begins with [ or { in quotes".to_owned(),
            ),
            Content::Broken => return,
        };
        self.report(node.span, what, remedy);
    }
}
