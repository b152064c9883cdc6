//! Calls of those services of AWS for which michi has no client: a few questions each, signed by the SDK's signer and
//! sent over its connection. Their whole clients would take longer to build than everything else together.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use michi::io::Clock;

/// A service that is asked so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Functions and what starts them.
    Lambda,
    /// Objects.
    S3,
    /// Metrics.
    CloudWatch,
    /// Logs.
    Logs,
    /// Queues.
    Sqs,
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    service: Service,
    method: &'static str,
    /// Path and query, encoded.
    path: String,
    /// What is called, where a header says it.
    target: Option<&'static str>,
    content: Option<&'static str>,
    body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Unanswered {
    /// The service refused.
    Refused {
        /// The status.
        status: u16,
        /// The service's own word for it.
        code: String,
        /// Its sentence.
        message: String,
    },
    /// Nothing came back.
    NoAnswer(String),
}

/// How calls leave.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) connector: Arc<Connector>,
    pub(crate) region: String,
    pub(crate) endpoint: Option<String>,
}

/// Pauses before a call that may pass is made again.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1200)];

impl Service {
    /// Under which name it signs.
    fn name(self) -> &'static str {
        match self {
            Self::Lambda => "lambda",
            Self::S3 => "s3",
            Self::CloudWatch => "monitoring",
            Self::Logs => "logs",
            Self::Sqs => "sqs",
        }
    }
}

impl Call {
    /// A question by its address. `path` begins with a slash and is encoded.
    #[must_use]
    pub fn get(service: Service, path: impl Into<String>) -> Self {
        Self { service, method: "GET", path: path.into(), target: None, content: None, body: vec![] }
    }

    /// Something to be done at an address.
    #[must_use]
    pub fn post(service: Service, path: impl Into<String>, body: Vec<u8>) -> Self {
        Self { method: "POST", body, ..Self::get(service, path) }
    }

    /// Something to be put in place of what stands there.
    #[must_use]
    pub fn put(service: Service, path: impl Into<String>, body: Vec<u8>) -> Self {
        Self { method: "PUT", body, ..Self::get(service, path) }
    }

    /// Something to be deleted.
    #[must_use]
    pub fn delete(service: Service, path: impl Into<String>) -> Self {
        Self { method: "DELETE", ..Self::get(service, path) }
    }

    /// A question in the form of a form.
    #[must_use]
    pub fn form(service: Service, form: String) -> Self {
        Self { content: Some("application/x-www-form-urlencoded; charset=utf-8"), ..Self::post(service, "/", form.into_bytes()) }
    }

    /// A question in JSON. `target` is the operation with its interface's name before it.
    #[must_use]
    pub fn json(service: Service, target: &'static str, body: &serde_json::Value) -> Self {
        // Queues speak version 1.0 of the protocol, the others 1.1.
        let content = Some(if service == Service::Sqs { "application/x-amz-json-1.0" } else { "application/x-amz-json-1.1" });
        Self { target: Some(target), content, ..Self::post(service, "/", body.to_string().into_bytes()) }
    }
}

impl Line {
    /// Makes a call, again where that may help.
    pub(crate) async fn send(&self, credentials: &Credentials, call: &Call) -> anyhow::Result<Result<Vec<u8>, Unanswered>> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let outcome = self.attempt(credentials, call).await?;
            match (&outcome, pauses.next()) {
                (Err(unanswered), Some(pause)) if unanswered.may_pass() => tokio::time::sleep(pause).await,
                _ => return Ok(outcome),
            }
        }
    }

    fn url(&self, call: &Call) -> String {
        let host = match &self.endpoint {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => {
                let domain = if self.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
                format!("https://{}.{}.{domain}", call.service.name(), self.region)
            }
        };
        format!("{host}{}", call.path)
    }

    /// Fetches a page of the web, unsigned: its status and body.
    pub(crate) async fn fetch(&self, url: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let request = http::Request::get(url).body(SdkBody::empty()).with_context(|| format!("{url} is no address"))?;
        let request = HttpRequest::try_from(request).context("it cannot be asked")?;
        let answer = self.connector.call(request).await.map_err(|error| anyhow::anyhow!(chain(&error)))?;
        let (parts, body) = answer.try_into_http1x().context("its answer cannot be read")?.into_parts();
        let body = http_body_util::BodyExt::collect(body).await.map_err(|error| anyhow::anyhow!(error.to_string()))?;
        Ok((parts.status.as_u16(), body.to_bytes().to_vec()))
    }

    async fn attempt(&self, credentials: &Credentials, call: &Call) -> anyhow::Result<Result<Vec<u8>, Unanswered>> {
        let request = self.signed(credentials, call, SystemTime::from(Clock::System.now()))?;
        let answer = match self.connector.call(request).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(Unanswered::NoAnswer(chain(&error)))),
        };
        let (parts, body) = answer.try_into_http1x().context("an answer cannot be read")?.into_parts();
        let body = match http_body_util::BodyExt::collect(body).await {
            Ok(body) => body.to_bytes().to_vec(),
            Err(error) => return Ok(Err(Unanswered::NoAnswer(error.to_string()))),
        };
        if parts.status.is_success() {
            return Ok(Ok(body));
        }
        let code = parts.headers.get("x-amzn-errortype").and_then(|code| code.to_str().ok()).unwrap_or_default();
        Ok(Err(refusal(parts.status.as_u16(), code, &body)))
    }

    fn signed(&self, credentials: &Credentials, call: &Call, at: SystemTime) -> anyhow::Result<HttpRequest> {
        let url = self.url(call);
        let mut request = http::Request::builder().method(call.method).uri(&url);
        if let Some(target) = call.target {
            request = request.header("x-amz-target", target);
        }
        if let Some(content) = call.content {
            request = request.header("content-type", content);
        }
        let mut request = request.body(SdkBody::from(call.body.clone())).with_context(|| format!("{url} is no address"))?;
        let mut settings = SigningSettings::default();
        if call.service == Service::S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        let identity = credentials.clone().into();
        let params = v4::SigningParams::builder().identity(&identity).region(&self.region).name(call.service.name());
        let params = params.time(at).settings(settings).build().context("a call cannot be signed")?.into();
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect();
        let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let signable = SignableRequest::new(call.method, &url, headers, SignableBody::Bytes(&call.body));
        let signable = signable.context("a call cannot be signed")?;
        let (signature, _) = sign(signable, &params).context("a call cannot be signed")?.into_parts();
        signature.apply_to_request_http1x(&mut request);
        HttpRequest::try_from(request).context("a call cannot be sent")
    }
}

impl Unanswered {
    fn may_pass(&self) -> bool {
        match self {
            // A call that came through and was not answered is harmless to repeat: all of them are.
            Self::NoAnswer(_) => true,
            Self::Refused { status, code, .. } => *status >= 500 || *status == 429 || code.contains("Throttl"),
        }
    }

    /// The service's own word for its refusal; empty if there was none.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Refused { code, .. } => code,
            Self::NoAnswer(_) => "",
        }
    }
}

/// What a service says in a header, in JSON or in XML.
fn refusal(status: u16, header: &str, body: &[u8]) -> Unanswered {
    let text = String::from_utf8_lossy(body);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let in_json = |names: &[&str]| names.iter().find_map(|name| json.get(name)?.as_str().map(str::to_owned));
    let xml = roxmltree::Document::parse(&text).ok();
    let in_xml = |name: &str| {
        let found = xml.as_ref()?.descendants().find(|node| node.has_tag_name(name))?;
        found.text().map(str::to_owned)
    };
    let code = Some(header.to_owned()).filter(|code| !code.is_empty());
    let code = code.or_else(|| in_json(&["__type", "code"])).or_else(|| in_xml("Code")).unwrap_or_default();
    // Some add the address of a page or an interface's name.
    let code = code.split(':').next().and_then(|code| code.rsplit('#').next()).unwrap_or_default().to_owned();
    let message = in_json(&["message", "Message"]).or_else(|| in_xml("Message")).unwrap_or_else(|| format!("status {status}"));
    Unanswered::Refused { status, code, message }
}

/// An error with what lies behind it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_said = cause.to_string();
        if !said.contains(&cause_said) {
            said = format!("{said}: {cause_said}");
        }
        next = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_read_in_every_form() {
        let check = |header: &str, body: &str, wanted: (&str, &str)| {
            let Unanswered::Refused { code, message, .. } = refusal(400, header, body.as_bytes()) else { panic!("{body}") };
            assert_eq!((code.as_str(), message.as_str()), wanted);
        };
        check("ResourceNotFoundException:http://x/", r#"{"Message":"none"}"#, ("ResourceNotFoundException", "none"));
        check("", r#"{"__type":"com.amazon#ExpiredToken","message":"old"}"#, ("ExpiredToken", "old"));
        check(
            "",
            "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>",
            ("NoSuchBucket", "gone"),
        );
        check("", "nonsense", ("", "status 400"));
    }
}
