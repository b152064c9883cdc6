//! `michi preview`: a mail as its reader will see it, on a desktop and on a telephone, as text, and with its headers.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;
use michi::mail::template::escaped;
use michi::playbook::mail::Class;

use crate::account::Target;
use crate::draft::{Draft, Which, compose};
use crate::shown;

/// What `michi preview` takes.
#[derive(Debug, clap::Args)]
pub struct PreviewArgs {
    /// Which mail.
    #[command(flatten)]
    pub which: Which,
    /// Where to write the page with both widths [default: MAIL.preview.html in the current folder]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Print one part of the mail and write no file
    #[arg(long, value_enum, conflicts_with = "out")]
    pub part: Option<Part>,
    /// Which installation a lead is taken from.
    #[command(flatten)]
    pub target: Target,
}

/// A part of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The HTML part
    Html,
    /// The text part
    Text,
    /// The headers
    Headers,
}

/// Runs `michi preview`.
///
/// # Errors
/// As [`show`].
pub fn run(args: &PreviewArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| show(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Writes the page, or the part that is wanted.
///
/// # Errors
/// As [`compose`], and if the page cannot be written.
pub async fn show(args: &PreviewArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let draft = compose(&args.which, &args.target).await?;
    match args.part {
        Some(Part::Html) => out.write_all(draft.content.html.as_bytes())?,
        Some(Part::Text) => out.write_all(draft.content.text.as_bytes())?,
        Some(Part::Headers) => out.write_all(headers(&draft).as_bytes())?,
        None => {
            let file = args.out.clone().unwrap_or_else(|| PathBuf::from(format!("{}.preview.html", draft.id)));
            std::fs::write(&file, page(&draft)).with_context(|| format!("{} cannot be written", file.display()))?;
            writeln!(out, "{}\n{}\nopen {}", headers(&draft), draft.content.text, file.display())?;
        }
    }
    Ok(())
}

/// The headers, and what else is worth knowing before it goes out.
fn headers(draft: &Draft) -> String {
    let mut lines = format!("From: {}\nTo: {}\nSubject: {}\n", draft.from, draft.to, draft.content.subject);
    if let Some(address) = &draft.reply_to {
        lines.push_str(&format!("Reply-To: {address}\n"));
    }
    if draft.class == Class::Marketing {
        lines.push_str("List-Unsubscribe: <made for each reader>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n");
    }
    let class = match draft.class {
        Class::Marketing => "marketing",
        Class::Service => "service",
        Class::Sales => "sales",
    };
    let (html, text) = (draft.content.html.len().div_ceil(1000), draft.content.text.chars().count());
    let _infallible =
        writeln!(lines, "\nclass: {class} · language: {} · {html} KB of HTML, {text} characters of text", draft.language.tag());
    for (number, subject) in draft.subjects.iter().enumerate().filter(|_| draft.subjects.len() > 1) {
        let _infallible = writeln!(lines, "subject {}: {subject}", number + 1);
    }
    for (number, link) in draft.links.iter().enumerate() {
        let _infallible = writeln!(lines, "link {}: {link}", number + 1);
    }
    lines
}

/// A page with the mail in both widths beside each other, and its other parts below.
fn page(draft: &Draft) -> String {
    // Of a mail nothing may run, and its links open elsewhere.
    let frame = |label: &str, width: u32| {
        format!(
            "<figure><figcaption>{label}, {width} px</figcaption><iframe sandbox=\"allow-popups\" title=\"{label}\" style=\"width:{width}px\" srcdoc=\"{}\"></iframe></figure>",
            escaped(&draft.content.html)
        )
    };
    format!(
        "<!doctype html>
<html lang=\"{}\">
<meta charset=\"utf-8\">
<title>{} · preview</title>
<style>
body {{ margin: 24px; font: 15px/1.5 system-ui, 'Hiragino Sans', 'Yu Gothic UI', Meiryo, sans-serif; background: #dfe4ea; color: #16202c; }}
main {{ display: flex; flex-wrap: wrap; gap: 24px; align-items: flex-start; }}
figure {{ margin: 0; }} figcaption {{ margin: 0 0 6px; color: #4a5766; }}
iframe {{ height: 1000px; border: 1px solid #b9c3ce; border-radius: 8px; background: #fff; }}
pre {{ white-space: pre-wrap; max-width: 78ch; padding: 16px; background: #fff; border: 1px solid #b9c3ce; border-radius: 8px; }}
</style>
<h1>{}</h1>
<main>{}{}</main>
<h2>Headers</h2><pre>{}</pre>
<h2>Text</h2><pre>{}</pre>
</html>
",
        draft.language.tag(),
        escaped(draft.id.as_str()),
        escaped(&draft.content.subject),
        frame("desktop", 760),
        frame("telephone", 390),
        escaped(&headers(draft)),
        escaped(&draft.content.text),
    )
}
