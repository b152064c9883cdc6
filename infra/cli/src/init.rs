//! `michi init`: a playbook for a new site, from six questions.

mod draft;
mod questions;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use michi::io::Random;
use michi::playbook::Language;

use crate::draft::Spoken;
use draft::Draft;
use questions::Asker;

/// What `michi init` is given.
#[derive(Debug, clap::Args)]
pub struct InitArgs {
    /// The folder to write the playbook into; it must be empty, or not there yet
    dir: PathBuf,
    /// The site to watch, as in https://www.example.com
    #[arg(long, value_name = "URL")]
    site: String,
    /// The language of the questions, of the comments in the files and of alerts
    #[arg(long, alias = "lang", value_enum, default_value = "en")]
    language: Spoken,
}

/// Runs `michi init`.
///
/// # Errors
/// Says which answer or folder cannot be used; nothing is written then.
pub fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let input = io::stdin().lock();
    let patient = input.is_terminal();
    let mut out = io::stdout().lock();
    let asker = Asker { input, out: &mut out, patient, language: args.language.language() };
    write(args, &Random::System, asker)?;
    Ok(ExitCode::SUCCESS)
}

/// Asks, writes and says how to go on. Nothing is written before every answer is good.
fn write<I: io::BufRead>(args: &InitArgs, random: &Random, mut asker: Asker<'_, I>) -> anyhow::Result<()> {
    let dir = &args.dir;
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} is not empty, and nothing in it was touched: name a new folder, or empty this one first", dir.display());
    }
    let language = args.language.language();
    let key = michi::playbook::new_write_key(&random.text());
    let draft = Draft::new(&args.site, language, &key)?;
    let draft = asker.ask(draft)?;
    draft.save(dir).with_context(|| format!("the playbook cannot be written to {}", dir.display()))?;
    let told = match language {
        Language::En => in_english(dir, &key),
        Language::Ja => in_japanese(dir, &key),
    };
    write!(asker.out, "{told}").context("what to do next cannot be written")
}

/// The line that goes into every page, for a collector on this machine.
fn snippet(key: &str) -> String {
    format!(r#"<script async src="http://127.0.0.1:7070/michi.js" data-key="{key}" data-localhost></script>"#)
}

fn in_english(dir: &Path, key: &str) -> String {
    let (dir, snippet) = (dir.display(), snippet(key));
    format!(
        "
The playbook is in {dir}. Put this line before </head> on every page of your site:

  {snippet}

It sends to michi on this machine; to try it on a copy of the site on localhost, add the copy's origin to
{dir}/playbook.yaml under sites. For the live site put the address of your installation in place of
http://127.0.0.1:7070 and take data-localhost away. Go on with

  michi dev --playbook {dir}    runs michi with this playbook
  michi check {dir}             checks the playbook after each change
"
    )
}

fn in_japanese(dir: &Path, key: &str) -> String {
    let (dir, snippet) = (dir.display(), snippet(key));
    format!(
        "
{dir} にプレイブックを書き出しました。サイトの各ページの </head> の前に、次の1行を貼ってください。

  {snippet}

このタグは、このパソコンで動く michi に送信します。localhost に置いたサイトの写しで試すときは、
{dir}/playbook.yaml の sites にその origin を加えてください。
公開サイトでは http://127.0.0.1:7070 を設置先のアドレスに変え、data-localhost を取り除いてください。続きは次のとおりです。

  michi dev --playbook {dir}    このプレイブックで michi を動かす
  michi check {dir}             変更のたびに間違いがないか調べる
"
    )
}

#[cfg(test)]
mod tests;
