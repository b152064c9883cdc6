//! Mails as marketers see them before anybody gets them, and as a parser reads them afterwards.

use std::path::PathBuf;

use clap::Parser;
use mail_parser::MessageParser;
use michi_cli::preview::{self, PreviewArgs};
use michi_cli::send_test::{self, SendTestArgs};

use crate::harness::{Visitor, ready_lead};
use crate::operator::served;

/// Commands as they are typed.
#[derive(Parser)]
enum Typed {
    Preview(PreviewArgs),
    SendTest(SendTestArgs),
}

fn default_playbook() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../infra/playbook")
}

/// What a command says, or why it does nothing.
async fn said(line: &str) -> Result<String, String> {
    let playbook = default_playbook();
    let words = ["michi"].into_iter().chain(line.split(' ')).chain(["--playbook", playbook.to_str().unwrap()]);
    let mut out = Vec::new();
    let done = match Typed::try_parse_from(words).map_err(|misuse| misuse.to_string())? {
        Typed::Preview(args) => preview::show(&args, &mut out).await,
        Typed::SendTest(args) => send_test::send(&args, &mut out).await,
    };
    done.map(|()| String::from_utf8(out).unwrap()).map_err(|error| format!("{error:#}"))
}

/// The same of a command that works.
pub(crate) async fn html(line: &str) -> String {
    said(line).await.unwrap()
}

#[tokio::test]
async fn a_mail_is_seen_before_anybody_gets_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("welcome.html");
    let told = said(&format!("preview welcome --language ja --out {}", file.display())).await.unwrap();
    assert!(
        told.starts_with("From: \"Tsumugi Works\" <news@tsumugi-works.example>\nTo: hana.mori@aoba.example\nSubject: はじめに"),
        "{told}"
    );
    assert!(
        told.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
            && told.contains("link 1: http://127.0.0.1:7070/ja/cases")
    );
    assert!(told.contains("森 花 様") && told.contains("配信を停止する："));
    let page = std::fs::read_to_string(file).unwrap();
    assert!(page.contains("width:760px") && page.contains("width:390px") && page.contains("森 花 様"));
    // Every mail of the default playbook can be seen, those to sales too.
    for mail in ["alert", "summary", "confirm", "case-study", "talk", "mail/talk.ja.md"] {
        let text = said(&format!("preview {mail} --part text")).await.unwrap();
        assert!(text.len() > 100, "{text}");
    }
    let headers = said("preview talk --part headers").await.unwrap();
    assert!(headers.contains("Reply-To: sales@tsumugi-works.example"), "{headers}");

    assert!(said("preview welcom").await.unwrap_err().contains("no mail is called \"welcom\": did you mean \"welcome\"?"));
    assert!(said("preview welcome --subject 3").await.unwrap_err().contains("the mail has 2 subjects"));
}

#[tokio::test]
async fn a_lead_of_an_installation_is_filled_in() {
    let (suite, target) = served().await;
    ready_lead(&suite, &mut Visitor::new("v1")).await;
    let local = target.local.unwrap();
    let before = suite.mailbox().mails().len();
    let lead = "mika.sato@hoshino-kogyo.example";
    let text = said(&format!("preview case-study --part text --lead {lead} --local={local}")).await.unwrap();
    assert!(text.starts_with("From chasing faults to planning ahead\n\nHello 佐藤 美香,\n"), "{text}");
    assert_eq!(suite.mailbox().mails().len(), before);
}

#[tokio::test]
async fn a_test_mail_is_marked_and_touches_no_lead() {
    let (suite, target) = served().await;
    let local = target.local.unwrap();
    let told = said(&format!("send-test welcome --language ja --to ann@tsumugi-works.example --local={local}")).await.unwrap();
    assert!(told.starts_with("[test] はじめにご覧いただきたい3つのページ\nwent to ann@tsumugi-works.example as "), "{told}");
    let mails = suite.mailbox().mails();
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    assert_eq!((mail.to.as_slice(), mail.tags.len()), (&["ann@tsumugi-works.example".to_owned()][..], 0));
    assert!(suite.own().store.messages_to(&suite.desk().playbook().default_owner().unwrap().id).await.unwrap().is_empty());

    let refused = said(&format!("send-test welcome --to ann@x,bob@y --local={local}")).await.unwrap_err();
    assert!(refused.starts_with("--to: "), "{refused}");
    let nobody = said("send-test welcome --to ann@tsumugi-works.example --local=1").await.unwrap_err();
    assert!(nobody.contains("nothing listens at http://127.0.0.1:1: `michi dev` starts"), "{nobody}");
}

/// What another program reads of a mail is what was written.
#[tokio::test]
async fn a_parser_reads_japanese_as_it_was_written() {
    let (suite, target) = served().await;
    let local = target.local.unwrap();
    said(&format!("send-test talk --language ja --to ann@tsumugi-works.example --local={local}")).await.unwrap();
    let mail = suite.mailbox().mails().last().cloned().unwrap();
    let source = mail.source();
    assert!(source.is_ascii() && source.split("\r\n").all(|line| line.len() <= 998), "{source}");
    let read = MessageParser::default().parse(source.as_bytes()).unwrap();
    assert_eq!(read.subject(), Some("[test] 20分ほどお話をうかがえませんか"));
    let from = read.from().and_then(|from| from.first()).unwrap();
    assert_eq!((from.name(), from.address()), (Some("Hanako Sato, Tsumugi Works"), Some("news@tsumugi-works.example")));
    assert_eq!(read.reply_to().and_then(|to| to.first()).and_then(|to| to.address()), Some("sales@tsumugi-works.example"));
    let lines = |text: &str| text.replace("\r\n", "\n");
    assert_eq!(read.body_text(0).as_deref().map(lines), mail.text);
    assert_eq!(read.body_html(0).as_deref().map(lines), mail.html);
    assert!(
        read.body_text(0).unwrap().starts_with("青葉機械株式会社\r\n\r\n森 花 様\r\n\r\nTsumugi WorksのHanako Satoと申します。")
    );
}
