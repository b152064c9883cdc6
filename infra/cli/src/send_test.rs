//! `michi send-test`: a mail to an address of one's own, to see it as mail programs show it. It goes out in the name of
//! whoever runs the command; no lead, no log and no limit knows of it.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use aws_sdk_sesv2::error::ProvideErrorMetadata as _;
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use michi::address::Address;

use crate::account::Target;
use crate::draft::{Draft, Which, compose};
use crate::shown;

/// What `michi send-test` takes.
#[derive(Debug, clap::Args)]
pub struct SendTestArgs {
    /// Which mail.
    #[command(flatten)]
    pub which: Which,
    /// The address to send it to
    #[arg(long, value_name = "ADDRESS")]
    pub to: String,
    /// Which installation.
    #[command(flatten)]
    pub target: Target,
}

/// What the subject of a test mail begins with, so that nobody takes it for a real one.
const MARK: &str = "[test] ";

/// Runs `michi send-test`.
///
/// # Errors
/// As [`send`].
pub fn run(args: &SendTestArgs) -> anyhow::Result<ExitCode> {
    shown::run(async |out| send(args, out).await.map(|()| ExitCode::SUCCESS))
}

/// Sends the mail, and says so.
///
/// # Errors
/// As [`compose`], and what SES says against it with what to do about that.
pub async fn send(args: &SendTestArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let to = Address::parse(&args.to).map_err(|error| anyhow!("--to: {error}"))?;
    let draft = compose(&args.which, &args.target).await?;
    let installation = args.target.open().await?;
    let sent = aws_sdk_sesv2::Client::new(&installation.account.sdk)
        .send_email()
        .from_email_address(&draft.from)
        .set_reply_to_addresses(draft.reply_to.as_ref().map(|address| vec![address.to_string()]))
        .destination(Destination::builder().to_addresses(to.as_str()).build())
        .content(content(&draft)?)
        .send()
        .await;
    let id = match sent {
        Ok(answer) => answer.message_id.unwrap_or_default(),
        Err(error) => {
            let remedy = remedy(error.as_service_error());
            bail!("{:#}{remedy}", installation.account.explained_sdk(&error));
        }
    };
    let subject = &draft.content.subject;
    writeln!(out, "{MARK}{subject}\nwent to {to} as {id}; its links lead to their targets, and its opt-out nowhere")?;
    Ok(())
}

/// What to do about a refusal.
fn remedy(refused: Option<&SendEmailError>) -> &'static str {
    match refused {
        Some(SendEmailError::MessageRejected(_) | SendEmailError::MailFromDomainNotVerifiedException(_)) => {
            "; SES sends only from what it has verified, and in its sandbox only to such addresses too: `michi doctor` says which"
        }
        Some(refused) if refused.code() == Some("AccessDeniedException") => {
            "; whoever runs this needs the permission ses:SendEmail for the sender's identity"
        }
        _ => "",
    }
}

fn content(draft: &Draft) -> anyhow::Result<EmailContent> {
    let part = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(part(&draft.content.text)?).html(part(&draft.content.html)?).build();
    let subject = part(&format!("{MARK}{}", draft.content.subject))?;
    Ok(EmailContent::builder().simple(Message::builder().subject(subject).body(body).build()).build())
}
