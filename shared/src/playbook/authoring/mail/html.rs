//! A mail's body as MJML, piece by piece; the layout frames it.

use super::code::Codes;
use super::tags::Tag;
use super::tree::{Node, Target, What, placeholder};
use crate::mail::template::escaped;

/// The body as MJML to stand in a column.
pub(super) fn written(root: &Node, tags: &[Tag], codes: &mut Codes) -> String {
    let mut writer = Writer { tags, codes, out: String::new() };
    root.inside.iter().for_each(|node| writer.block(node));
    writer.out
}

struct Writer<'c> {
    tags: &'c [Tag],
    codes: &'c mut Codes,
    out: String,
}

const CODE: &str = "font-family:Consolas,Menlo,monospace;font-size:14px;";

impl Writer<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// A part of the whole, in an element of MJML's.
    fn block(&mut self, node: &Node) {
        match &node.what {
            // Between the rows of a column nothing may stand but rows and the conditions around them.
            What::Tag(tag) if self.tags.get(*tag).is_some_and(|tag| tag.kind.is_statement()) => {
                self.push(&format!("<mj-raw>{}</mj-raw>", placeholder(*tag)));
            }
            What::Button(target) => {
                let href = self.href(target);
                self.push(&format!("<mj-button href=\"{href}\">"));
                self.inside(node);
                self.push("</mj-button>");
            }
            What::Image { source, described } => {
                // MJML's own escapes in attributes are not HTML's, so texts come to stand there afterwards.
                let [source, described] = [source, described].map(|text| self.codes.text(&escaped(text)));
                self.push(&format!("<mj-image src=\"{source}\" alt=\"{described}\" />"));
            }
            What::Rule => self.push("<mj-divider />"),
            what => {
                // A heading stands near what it is above of.
                self.push(match what {
                    What::Heading(1) => "<mj-text padding-bottom=\"14px\">",
                    What::Heading(_) => "<mj-text padding-bottom=\"8px\">",
                    _ => "<mj-text>",
                });
                self.inline(node);
                self.push("</mj-text>");
            }
        }
    }

    fn inside(&mut self, node: &Node) {
        for (number, inner) in node.inside.iter().enumerate() {
            if inner.what == What::Soft {
                let gap = soft(number.checked_sub(1).and_then(|before| node.inside.get(before)), node.inside.get(number + 1));
                self.push(gap);
            } else {
                self.inline(inner);
            }
        }
    }

    fn element(&mut self, open: &str, node: &Node, close: &str) {
        self.push(open);
        self.inside(node);
        self.push(close);
    }

    fn inline(&mut self, node: &Node) {
        match &node.what {
            What::Mail => self.inside(node),
            What::Paragraph => self.element("<p style=\"margin:0;\">", node, "</p>"),
            What::Heading(1) => self.element("<h1 style=\"margin:8px 0 0;font-size:24px;line-height:1.3;\">", node, "</h1>"),
            What::Heading(2) => self.element("<h2 style=\"margin:8px 0 0;font-size:18px;line-height:1.4;\">", node, "</h2>"),
            What::Heading(_) => self.element("<h3 style=\"margin:0;font-size:16px;line-height:1.4;\">", node, "</h3>"),
            What::List(None) => self.element("<ul style=\"margin:0;padding:0 0 0 22px;\">", node, "</ul>"),
            What::List(Some(first)) => {
                self.element(&format!("<ol start=\"{first}\" style=\"margin:0;padding:0 0 0 24px;\">"), node, "</ol>");
            }
            What::Item => self.element("<li style=\"margin:0 0 6px;\">", node, "</li>"),
            What::Quote => self.element(
                "<blockquote style=\"margin:0;padding:0 0 0 14px;border-left:3px solid #c9d2dc;\">",
                node,
                "</blockquote>",
            ),
            What::Code => self.element(&format!("<p style=\"margin:0;white-space:pre-wrap;{CODE}\">"), node, "</p>"),
            What::Literal => self.element(&format!("<code style=\"{CODE}\">"), node, "</code>"),
            What::Strong => self.element("<strong>", node, "</strong>"),
            What::Emphasis => self.element("<em>", node, "</em>"),
            What::Link(target) | What::Button(target) => {
                let href = self.href(target);
                self.element(&format!("<a href=\"{href}\">"), node, "</a>");
            }
            What::Image { described, .. } => self.push(&escaped(described)),
            What::Text(text) => self.push(&escaped(text)),
            What::Rule => self.push("<hr />"),
            What::Break => self.push("<br />"),
            What::Soft => self.push(" "),
            What::Tag(tag) => self.push(&placeholder(*tag)),
        }
    }

    fn href(&mut self, target: &Target) -> String {
        self.codes.place(code(target))
    }
}

/// The code that gives a target's address.
pub(super) fn code(target: &Target) -> String {
    match target {
        Target::Numbered(number) => format!("{{{{ link_{number} }}}}"),
        Target::Own(name) => format!("{{{{ {name} }}}}"),
    }
}

/// What stands between two lines of one paragraph: nothing beside Chinese and Japanese characters, which know no blanks
/// between words, else a blank.
pub(super) fn soft(before: Option<&Node>, behind: Option<&Node>) -> &'static str {
    let ends = before.and_then(|node| edge(node, true)).is_some_and(is_cjk);
    let begins = behind.and_then(|node| edge(node, false)).is_some_and(is_cjk);
    if ends || begins { "" } else { " " }
}

/// The first or last character of a piece of text.
fn edge(node: &Node, last: bool) -> Option<char> {
    match &node.what {
        What::Text(text) if last => text.chars().next_back(),
        What::Text(text) => text.chars().next(),
        _ if last => edge(node.inside.last()?, last),
        _ => edge(node.inside.first()?, last),
    }
}

fn is_cjk(c: char) -> bool {
    matches!(c, '\u{3000}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}')
}
