//! A mail as it travels: the MIME source that SES makes of a call with simple content, for mail programs and for parsers.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use michi::mail::header::unstructured;

use crate::Mail;

/// The most of a body in one line, in characters of base 64 (RFC 2045).
const LINE: usize = 76;

impl Mail {
    /// The source of the mail, with line ends as mail has them.
    #[must_use]
    pub fn source(&self) -> String {
        let boundary = format!("michi-{}", self.id);
        let date = self.at.strftime("%a, %d %b %Y %H:%M:%S +0000");
        let mut source = String::new();
        let mut header = |name: &str, value: &str| {
            // Between encoded words a line may end.
            let _infallible = write!(source, "{name}: {}\r\n", value.replace("?= =?", "?=\r\n =?"));
        };
        header("From", &self.from);
        header("To", &self.to.join(", "));
        if !self.reply_to.is_empty() {
            header("Reply-To", &self.reply_to.join(", "));
        }
        header("Subject", &unstructured(&self.subject));
        header("Date", &date.to_string());
        header("Message-ID", &format!("<{}@local>", self.id));
        self.headers.iter().for_each(|(name, value)| header(name, value));
        header("MIME-Version", "1.0");
        header("Content-Type", &format!("multipart/alternative; boundary=\"{boundary}\""));
        for (kind, part) in [("plain", &self.text), ("html", &self.html)] {
            let Some(part) = part else { continue };
            let _infallible = write!(
                source,
                "\r\n--{boundary}\r\nContent-Type: text/{kind}; charset=UTF-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}",
                lines(part)
            );
        }
        let _infallible = write!(source, "\r\n--{boundary}--\r\n");
        source
    }
}

fn lines(part: &str) -> String {
    let encoded = STANDARD.encode(part.replace("\r\n", "\n").replace('\n', "\r\n"));
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / LINE * 2);
    for (number, c) in encoded.chars().enumerate() {
        if number > 0 && number % LINE == 0 {
            lines.push_str("\r\n");
        }
        lines.push(c);
    }
    lines
}
