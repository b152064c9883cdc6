//! A mail's body as plain text that is good to read: an address stands in angle brackets behind its words, a button's on a
//! line of its own.

use super::code::Codes;
use super::html::{code, soft};
use super::tags::Tag;
use super::tree::{Node, Target, What, placeholder};
use crate::playbook::Language;

/// The body as text.
pub(super) fn written(root: &Node, tags: &[Tag], links: &[String], language: Language, codes: &mut Codes) -> String {
    let mut writer = Writer { tags, links, language, codes };
    root.inside.iter().map(|node| writer.block(node)).collect()
}

struct Writer<'c> {
    tags: &'c [Tag],
    links: &'c [String],
    language: Language,
    codes: &'c mut Codes,
}

impl Writer<'_> {
    /// A block with the empty line below it; a condition takes no line of its own.
    fn block(&mut self, node: &Node) -> String {
        match &node.what {
            What::Tag(tag) if self.tags.get(*tag).is_some_and(|tag| tag.kind.is_statement()) => placeholder(*tag),
            // What a heading stands above begins right below it.
            What::Heading(2..) => format!("{}\n", self.inline(node)),
            _ => format!("{}\n\n", self.inline(node)),
        }
    }

    fn inside(&mut self, node: &Node) -> String {
        let mut text = String::new();
        for (number, inner) in node.inside.iter().enumerate() {
            match inner.what {
                What::Soft => text.push_str(soft(
                    number.checked_sub(1).and_then(|before| node.inside.get(before)),
                    node.inside.get(number + 1),
                )),
                _ => text.push_str(&self.inline(inner)),
            }
        }
        text
    }

    fn inline(&mut self, node: &Node) -> String {
        match &node.what {
            What::Mail | What::Paragraph | What::Heading(_) | What::Code | What::Literal | What::Strong | What::Emphasis => {
                self.inside(node)
            }
            What::Text(text) => text.clone(),
            What::Tag(tag) => placeholder(*tag),
            What::Break => "\n".to_owned(),
            What::Soft => " ".to_owned(),
            What::Rule => "* * *".to_owned(),
            What::Image { described, .. } => format!("[{described}]"),
            What::Link(target) => {
                let words = self.inside(node);
                let address = self.codes.place(code(target));
                if self.shows_itself(target, &words) { address } else { format!("{words} <{address}>") }
            }
            What::Button(target) => {
                let colon = if self.language == Language::Ja { "：" } else { ":" };
                let words = self.inside(node);
                format!("{words}{colon}\n{}", self.codes.place(code(target)))
            }
            What::List(first) => {
                let mut number = *first;
                let mut lines = Vec::new();
                for item in &node.inside {
                    if item.what != What::Item {
                        lines.push(self.inline(item));
                        continue;
                    }
                    let mark = number.map_or_else(|| "- ".to_owned(), |number| format!("{number}. "));
                    number = number.map(|number| number + 1);
                    lines.push(hung(&mark, &self.item(item)));
                }
                lines.join("\n")
            }
            What::Item => self.item(node),
            What::Quote => {
                let blocks: Vec<String> = node.inside.iter().map(|inner| self.inline(inner)).collect();
                let lines: Vec<String> = blocks.join("\n\n").lines().map(|line| format!("> {line}")).collect();
                lines.join("\n")
            }
        }
    }

    /// What stands in an item: text, and lists below it.
    fn item(&mut self, node: &Node) -> String {
        let mut text = String::new();
        for inner in &node.inside {
            match inner.what {
                What::List(_) | What::Paragraph | What::Quote | What::Code => {
                    text.push_str(if text.is_empty() { "" } else { "\n" });
                    text.push_str(&self.inline(inner));
                }
                _ => text.push_str(&self.inline(inner)),
            }
        }
        text
    }

    /// Whether a link's words are its target.
    fn shows_itself(&self, target: &Target, words: &str) -> bool {
        let Target::Numbered(number) = target else { return false };
        self.links.get(*number).is_some_and(|link| link.trim_end_matches('/') == words.trim_end_matches('/'))
    }
}

/// A text with a mark before it, and its further lines below its first.
fn hung(mark: &str, text: &str) -> String {
    let margin = " ".repeat(mark.len());
    let mut lines = text.lines();
    let first = format!("{mark}{}", lines.next().unwrap_or_default());
    lines.fold(first, |all, line| format!("{all}\n{margin}{line}"))
}
