//! Places: a way through the tree of a file that never fails. What is missing or of another kind is simply not there,
//! so that one mistake does not hide the next; the shape of the files is judged in [`shape`](super::shape).

use std::ops::Range;

use super::mistake::Mistake;
use super::source::Source;
use super::yaml::{Content, Node};

/// A place in a file: the node that stands there, if one does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    source: &'a Source<'a>,
    /// The key it stands under; of what is missing, the key of the map in which it is missing.
    key: Option<&'a Range<usize>>,
    /// The map in which it is missing.
    lacking: Option<&'a Node>,
    node: Option<&'a Node>,
}

impl<'a> Place<'a> {
    /// The whole of a file.
    pub(super) fn root(source: &'a Source<'a>, node: &'a Node) -> Self {
        Self { source, key: None, lacking: None, node: Some(node) }
    }

    /// What stands here.
    pub(super) fn node(self) -> Option<&'a Node> {
        self.node
    }

    /// What stands under a key; nothing, if there is no such key.
    pub(super) fn key(self, name: &str) -> Self {
        self.entries().find(|(key, ..)| *key == name).map_or(Self { node: None, lacking: self.node, ..self }, |(_, place)| place)
    }

    /// The entries of a map.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, Self)> {
        let entries = match self.node.map(|node| &node.content) {
            Some(Content::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries.iter().map(move |entry| (entry.name.as_str(), Self { key: Some(&entry.key), node: Some(&entry.value), ..self }))
    }

    /// The items of a list.
    pub(super) fn items(self) -> impl Iterator<Item = Self> {
        let items = match self.node.map(|node| &node.content) {
            Some(Content::List(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(move |item| Self { key: None, node: Some(item), ..self })
    }

    /// The text, if one stands here.
    pub(super) fn text(self) -> Option<&'a str> {
        match self.node.map(|node| &node.content) {
            Some(Content::Text { text, .. }) if !self.node.is_some_and(Node::is_nothing) => Some(text),
            _ => None,
        }
    }

    /// The number, if one stands here.
    pub(super) fn number(self) -> Option<f64> {
        match self.node.map(|node| &node.content) {
            Some(Content::Text { text, plain: true }) => number(text),
            _ => None,
        }
    }

    /// What the text here says, as one of the types of the playbook.
    pub(super) fn read<T: TryFrom<String>>(self) -> Option<T> {
        self.text().and_then(|text| T::try_from(text.to_owned()).ok())
    }

    /// Where a mistake about this place is shown: the text itself; of a map or list, and of what is missing, the key.
    fn span(self) -> Range<usize> {
        match (self.node, self.key) {
            (Some(node), None) => node.first(),
            (Some(node), Some(key)) => match node.content {
                Content::Text { .. } | Content::Broken if !node.span.is_empty() => node.span.clone(),
                _ => key.clone(),
            },
            (None, Some(key)) => key.clone(),
            (None, None) => self.lacking.map_or(0..0, Node::first),
        }
    }

    /// A mistake at this place.
    pub(super) fn mistake(self, what: impl Into<String>, remedy: impl Into<String>) -> Mistake {
        self.source.mistake(self.span(), what, remedy)
    }

    /// A mistake at the key above this place.
    pub(super) fn mistake_at_key(self, what: impl Into<String>, remedy: impl Into<String>) -> Mistake {
        let key = self.key.cloned().unwrap_or_else(|| self.span());
        self.source.mistake(key, what, remedy)
    }

    /// The line in which a mistake about this place is shown.
    pub(super) fn line(self) -> usize {
        self.source.line_of(self.span().start)
    }
}

impl Node {
    /// The first thing in it that has a place.
    fn first(&self) -> Range<usize> {
        match &self.content {
            Content::Map(entries) => entries.first().map_or(self.span.clone(), |entry| entry.key.clone()),
            Content::List(items) => items.first().map_or(self.span.clone(), Self::first),
            Content::Text { .. } | Content::Broken => self.span.clone(),
        }
    }
}

/// A finite number as people write it: digits, a sign, a point. Words such as `.inf` are none.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if begins { text.parse().ok().filter(|number: &f64| number.is_finite()) } else { None }
}
