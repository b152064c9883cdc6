//! Mail by SES: one call, one answer. Whether to call again is the message's to decide, so the SDK never repeats it.

use std::error::Error as StdError;

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag};
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::SdkConfig;
use hyper_util::client::legacy;

use crate::address::Address;
use crate::id::{AttemptId, LeadId, MessageId, OwnerId};
use crate::mail::compose::Composed;
use crate::mail::text::unaddressed;

/// The longest reason kept of what SES says, in characters.
const MAX_WHY: usize = 200;

/// SES, and the configuration set every mail is sent with.
#[derive(Debug, Clone)]
pub struct Mailer {
    client: Client,
    configuration_set: String,
}

/// One mail, to one recipient.
#[derive(Debug)]
pub struct Mail<'m> {
    /// From whom, as the header has it.
    pub from: String,
    /// Where answers go, as the header has it; none: to where it comes from.
    pub reply_to: Option<String>,
    /// To whom.
    pub to: &'m Address,
    /// What.
    pub content: &'m Composed,
    /// Further headers.
    pub headers: &'m [(&'static str, String)],
    /// What SES repeats in each event about it.
    pub tags: Tags<'m>,
}

/// What SES repeats in each event about a mail.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Tags<'m> {
    pub lead: Option<&'m LeadId>,
    pub message: &'m MessageId,
    pub attempt: &'m AttemptId,
    pub owner: Option<&'m OwnerId>,
}

/// What came of a call. No reason holds an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// SES took the mail.
    Sent {
        /// SES's id for it.
        ses: String,
    },
    /// It was surely not sent; later it may be.
    NotNow {
        /// What came back.
        why: String,
    },
    /// It was surely not sent and never will be.
    Never {
        /// What came back.
        why: String,
    },
    /// Nobody knows whether it was sent.
    Unknown {
        /// What came back, if anything did.
        why: String,
    },
}

impl Mailer {
    /// Over this account.
    #[must_use]
    pub fn new(sdk: &SdkConfig, configuration_set: &str) -> Self {
        let config = aws_sdk_sesv2::config::Builder::from(sdk).retry_config(RetryConfig::disabled()).build();
        Self { client: Client::from_conf(config), configuration_set: configuration_set.to_owned() }
    }

    /// Sends one mail, with one call.
    pub async fn send(&self, mail: &Mail<'_>) -> Outcome {
        let Some(content) = content(mail.content, mail.headers) else {
            return Outcome::Never { why: "the mail has an empty part".to_owned() };
        };
        let call = self
            .client
            .send_email()
            .from_email_address(&mail.from)
            .set_reply_to_addresses(mail.reply_to.clone().map(|to| vec![to]))
            .destination(Destination::builder().to_addresses(mail.to.as_str()).build())
            .content(content)
            .configuration_set_name(&self.configuration_set)
            .set_email_tags(Some(mail.tags.to_ses()));
        match call.send().await {
            Ok(answer) => Outcome::Sent { ses: answer.message_id().unwrap_or_default().to_owned() },
            Err(error) => outcome(&error),
        }
    }
}

/// Subject and bodies as UTF-8, which SES encodes for the wire.
fn content(composed: &Composed, headers: &[(&str, String)]) -> Option<EmailContent> {
    let part = |text: &str| Content::builder().data(text).charset("UTF-8").build().ok().filter(|_| !text.is_empty());
    let body = Body::builder().text(part(&composed.text)?).html(part(&composed.html)?).build();
    let header = |(name, value): &(&str, String)| MessageHeader::builder().name(*name).value(value).build().ok();
    let headers: Option<Vec<_>> = headers.iter().map(header).collect();
    let headers = headers?;
    let simple = Message::builder().subject(part(&composed.subject)?).body(body);
    let simple = simple.set_headers((!headers.is_empty()).then_some(headers)).build();
    Some(EmailContent::builder().simple(simple).build())
}

impl Tags<'_> {
    fn to_ses(&self) -> Vec<MessageTag> {
        let lead = self.lead.map(|lead| ("lead", lead.as_str()));
        let owner = self.owner.map(|owner| ("owner", owner.as_str()));
        lead.into_iter()
            .chain(owner)
            .chain([("message", self.message.as_str()), ("attempt", self.attempt.as_str())])
            .filter_map(|(name, value)| MessageTag::builder().name(name).value(tag(value)).build().ok())
            .collect()
    }
}

/// An id as SES takes it in a tag: what is neither a letter, a digit nor `-` is written as `_` and its code in hexadecimal.
/// michi's own ids have nothing of that kind.
#[must_use]
pub fn tag(id: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    id.chars().map(|c| if plain(c) { c.to_string() } else { format!("_{:02x}", u32::from(c)) }).collect()
}

/// The id in such a tag; none: it is no tag of michi's.
#[must_use]
pub fn untagged(tag: &str) -> Option<String> {
    let mut parts = tag.split('_');
    let mut id = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        id.push(char::from(u8::from_str_radix(code, 16).ok()?));
        id.push_str(rest);
    }
    Some(id)
}

/// What an error says of the mail. In doubt it may have been sent.
fn outcome(error: &SdkError<SendEmailError, HttpResponse>) -> Outcome {
    match error {
        SdkError::ConstructionFailure(_) => Outcome::NotNow { why: "the call could not be made".to_owned() },
        SdkError::DispatchFailure(failure) if failure.is_user() || never_left(error) => {
            Outcome::NotNow { why: "no connection".to_owned() }
        }
        SdkError::ServiceError(refusal) => refused(refusal.err(), refusal.raw().status().as_u16()),
        SdkError::TimeoutError(_) => Outcome::Unknown { why: "no answer in time".to_owned() },
        SdkError::DispatchFailure(_) => Outcome::Unknown { why: "the connection broke".to_owned() },
        SdkError::ResponseError(_) => Outcome::Unknown { why: "the answer cannot be read".to_owned() },
        // The SDK may add kinds; of those nothing is known.
        _ => Outcome::Unknown { why: "the call failed".to_owned() },
    }
}

/// What SES's own refusal says of the mail.
fn refused(error: &SendEmailError, status: u16) -> Outcome {
    let why = reason(error, status);
    match error {
        SendEmailError::AccountSuspendedException(_)
        | SendEmailError::BadRequestException(_)
        | SendEmailError::MailFromDomainNotVerifiedException(_)
        | SendEmailError::MessageRejected(_)
        | SendEmailError::NotFoundException(_) => Outcome::Never { why },
        SendEmailError::LimitExceededException(_)
        | SendEmailError::SendingPausedException(_)
        | SendEmailError::TooManyRequestsException(_) => Outcome::NotNow { why },
        // Turned away before the mail was looked at: throttled, not let in, a clock that is wrong. Mending that is
        // another's work, and the mail waits for it.
        _ if (400..500).contains(&status) => Outcome::NotNow { why },
        _ => Outcome::Unknown { why },
    }
}

/// SES's code and words, without the addresses that stand in them.
fn reason(error: &SendEmailError, status: u16) -> String {
    let (code, words) = (error.code().unwrap_or("no code"), error.message().unwrap_or_default());
    unaddressed(&format!("{code} ({status}) {words}"), MAX_WHY)
}

/// Whether the failure was in finding the host or in reaching it, so that no part of the request was sent.
fn never_left(error: &(dyn StdError + 'static)) -> bool {
    use std::io::ErrorKind::{AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
    let unreached = [AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable];
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<legacy::Error>().is_some_and(legacy::Error::is_connect)
            || cause.downcast_ref::<std::io::Error>().is_some_and(|io| unreached.contains(&io.kind()))
            || cause.is::<ResolveDnsError>()
        {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener, TcpStream};

    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_runtime_api::http::{Response, StatusCode};
    use aws_smithy_types::body::SdkBody;

    use super::super::aws::{Account, http_client, sdk_config};
    use super::*;

    fn kind(outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Sent { .. } => "sent",
            Outcome::NotNow { .. } => "not now",
            Outcome::Never { .. } => "never",
            Outcome::Unknown { .. } => "unknown",
        }
    }

    #[test]
    fn without_an_answer_it_is_unknown_unless_nothing_left() {
        let check =
            |error: SdkError<SendEmailError, HttpResponse>, wanted| assert_eq!(kind(&outcome(&error)), wanted, "{error:?}");
        let io = |kind| ConnectorError::io(std::io::Error::new(kind, "x").into());
        check(SdkError::construction_failure("x"), "not now");
        check(SdkError::dispatch_failure(io(std::io::ErrorKind::ConnectionRefused)), "not now");
        check(SdkError::dispatch_failure(ConnectorError::user("x".into())), "not now");
        check(SdkError::dispatch_failure(ConnectorError::io(ResolveDnsError::new("x").into())), "not now");
        check(SdkError::dispatch_failure(io(std::io::ErrorKind::ConnectionReset)), "unknown");
        check(SdkError::dispatch_failure(io(std::io::ErrorKind::BrokenPipe)), "unknown");
        check(SdkError::dispatch_failure(ConnectorError::timeout("x".into())), "unknown");
        check(SdkError::dispatch_failure(ConnectorError::other("x".into(), None)), "unknown");
        check(SdkError::timeout_error("x"), "unknown");
        let answer = Response::new(StatusCode::try_from(200).unwrap(), SdkBody::empty());
        check(SdkError::response_error("x", answer), "unknown");
    }

    async fn sent_to(endpoint: String) -> Outcome {
        let credentials = Credentials::new("a", "b", None, None, "test");
        let account = Account { region: "us-east-1".to_owned(), credentials, endpoint: Some(endpoint) };
        let mailer = Mailer::new(&sdk_config(account, http_client().unwrap()), "set");
        let composed = Composed { subject: "s".to_owned(), text: "t".to_owned(), html: "h".to_owned() };
        let (lead, message) = (LeadId::derive(&["l"]), MessageId::derive(&["m"]));
        let tags = Tags { lead: Some(&lead), message: &message, attempt: &AttemptId::derive(&["a"]), owner: None };
        let to = Address::parse("a@b.example").unwrap();
        let from = "x@y.example".to_owned();
        mailer.send(&Mail { from, reply_to: None, to: &to, content: &composed, headers: &[], tags }).await
    }

    /// A port where somebody reads so many bytes at most, does something, and hangs up.
    fn somebody(bytes: usize, does: impl Fn(&mut TcpStream) + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.read(&mut vec![0; bytes]);
                does(&mut stream);
            }
        });
        port
    }

    #[tokio::test]
    async fn what_never_left_is_told_from_what_broke() {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(kind(&sent_to(format!("http://{closed}")).await), "not now", "nobody listens");
        let no_tls = somebody(1, |_| {});
        assert_eq!(kind(&sent_to(format!("https://{no_tls}")).await), "not now", "no TLS came about");
        let broken = somebody(65_536, |_| {});
        assert_eq!(kind(&sent_to(format!("http://{broken}")).await), "unknown", "the request went out");
        let babble = somebody(65_536, |stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{{{").unwrap());
        assert_eq!(kind(&sent_to(format!("http://{babble}")).await), "unknown", "an answer that is none");
    }

    /// What comes of SES answering like this.
    async fn answered(status: u16, code: &str, message: &str) -> Outcome {
        let body = serde_json::json!({ "message": message }).to_string();
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\nx-amzn-ErrorType: {code}\r\nContent-Length: {length}\r\n\r\n{body}");
        let ses = somebody(65_536, move |stream| stream.write_all(answer.as_bytes()).unwrap());
        sent_to(format!("http://{ses}")).await
    }

    #[tokio::test]
    async fn a_refusal_says_whether_to_try_again() {
        for (status, code, wanted) in [
            (400, "MessageRejected", "never"),
            (400, "BadRequestException", "never"),
            (404, "NotFoundException", "never"),
            (400, "MailFromDomainNotVerifiedException", "never"),
            (400, "AccountSuspendedException", "never"),
            (400, "SendingPausedException", "not now"),
            (400, "LimitExceededException", "not now"),
            (429, "TooManyRequestsException", "not now"),
            (400, "ThrottlingException", "not now"),
            (403, "AccessDeniedException", "not now"),
            (500, "InternalServiceErrorException", "unknown"),
            (503, "ServiceUnavailable", "unknown"),
        ] {
            let outcome = answered(status, code, "").await;
            assert_eq!(kind(&outcome), wanted, "{outcome:?}");
            let (Outcome::NotNow { why } | Outcome::Never { why } | Outcome::Unknown { why }) = outcome else { panic!() };
            assert_eq!(why, format!("{code} ({status})"));
        }
    }

    #[tokio::test]
    async fn a_reason_names_no_address() {
        let words = "Email address is not verified: Ann <ann@acme.example>, b@c.example";
        let why = "MessageRejected (400) Email address is not verified: Ann … …".to_owned();
        assert_eq!(answered(400, "MessageRejected", words).await, Outcome::Never { why });
    }

    #[test]
    fn tags_are_made_of_what_ses_takes() {
        assert_eq!(tag("a.b@c-d_9"), "a_2eb_40c-d_5f9");
        for id in ["", "a.b@c-d_9", "_", "0x"] {
            assert_eq!(untagged(&tag(id)).as_deref(), Some(id));
        }
        for bad in ["a_", "a_1", "a_zz", "_é"] {
            assert_eq!(untagged(bad), None, "{bad}");
        }
    }
}
