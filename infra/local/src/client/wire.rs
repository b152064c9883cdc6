//! The wire's two sides: what leaves the SDK, and what comes back to it.

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};

use super::Service;

/// A request as it leaves the SDK.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) service: Service,
    pub(super) operation: String,
    pub(super) body: Value,
    /// The same for all attempts of one call.
    pub(super) sdk_call: String,
    pub(super) attempt: u32,
}

/// A service's answer that is an error.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// Status, code and body, as they are sent.
    pub(crate) fn parts(self) -> (u16, &'static str, Value) {
        (self.status, self.code, json!({ "__type": self.code, "message": self.message }))
    }
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    /// The error's short name, if it is one.
    pub(super) code: Option<String>,
}

impl Outgoing {
    pub(super) fn read(request: &HttpRequest) -> Result<Self, ConnectorError> {
        let header = |name: &str| request.headers().get(name).unwrap_or_default();
        let path = request.uri().split_once("://").map_or(request.uri(), |(_, rest)| rest);
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let (service, operation) = match header("x-amz-target").split_once('.') {
            Some(("DynamoDB_20120810", operation)) => (Service::DynamoDb, operation),
            Some(("AWSEvents", "PutEvents")) => (Service::EventBridge, "PutEvents"),
            None if request.method() == "POST" && path == "v2/email/outbound-emails" => (Service::Ses, "SendEmail"),
            _ => {
                let what = format!("{} {} {}", request.method(), request.uri(), header("x-amz-target"));
                return Err(ConnectorError::user(format!("the local suite does not model this call: {what}").into()));
            }
        };
        let bytes =
            request.body().bytes().ok_or_else(|| ConnectorError::user("the local suite takes no streamed body".into()))?;
        let body = serde_json::from_slice(bytes).map_err(|error| ConnectorError::user(error.into()))?;
        let attempt = header("amz-sdk-request").split(';').find_map(|part| part.trim().strip_prefix("attempt=")?.parse().ok());
        Ok(Self {
            service,
            operation: operation.to_owned(),
            body,
            sdk_call: header("amz-sdk-invocation-id").to_owned(),
            attempt: attempt.unwrap_or(1),
        })
    }

    pub(super) fn throttled(&self) -> Answer {
        let (status, code) = match self.service {
            Service::DynamoDb | Service::EventBridge => (400, "ThrottlingException"),
            Service::Ses => (429, "TooManyRequestsException"),
        };
        Refusal::new(status, code, "fault: rate exceeded").into()
    }

    pub(super) fn refused(&self) -> Answer {
        let (status, code) = match self.service {
            Service::DynamoDb | Service::EventBridge => (400, "ValidationException"),
            Service::Ses => (400, "MessageRejected"),
        };
        Refusal::new(status, code, "fault: refused").into()
    }

    pub(super) fn in_conflict(&self) -> Answer {
        let Some(items) = self.body.get("TransactItems").and_then(Value::as_array) else {
            return Refusal::new(400, "TransactionConflictException", "Transaction is ongoing for the item").into();
        };
        let reasons: Vec<Value> = items
            .iter()
            .enumerate()
            .map(|(place, _)| match place {
                0 => json!({ "Code": "TransactionConflict", "Message": "Transaction is ongoing for the item" }),
                _ => json!({ "Code": "None" }),
            })
            .collect();
        let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason.get("Code")?.as_str()).collect();
        let message =
            format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{}]", codes.join(", "));
        let code = "TransactionCanceledException";
        let body = json!({ "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "Message": message, "CancellationReasons": reasons });
        Answer { status: 400, body, code: Some(code.to_owned()) }
    }
}

impl Answer {
    /// All is well, and there is nothing to say.
    pub(super) fn nothing() -> Self {
        Self { status: 200, body: json!({}), code: None }
    }

    pub(super) fn into_response(self) -> Result<HttpResponse, ConnectorError> {
        let status = self.status.try_into().map_err(|_| ConnectorError::user("not a status".into()))?;
        let mut response = HttpResponse::new(status, SdkBody::from(self.body.to_string()));
        response.headers_mut().insert("content-type", "application/json");
        if let Some(code) = self.code {
            response.headers_mut().insert("x-amzn-errortype", code);
        }
        Ok(response)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let (status, code, body) = refusal.parts();
        Self { status, body, code: Some(code.to_owned()) }
    }
}

impl From<Result<Value, Refusal>> for Answer {
    fn from(answer: Result<Value, Refusal>) -> Self {
        answer.map_or_else(Self::from, |body| Self { status: 200, body, code: None })
    }
}

/// How much of the consumed capacity the caller asked for. The record always gets all of it.
pub(super) struct Wanted(Option<String>);

pub(super) fn count_capacity(operation: &str, mut body: Value) -> (Value, Wanted) {
    let Some(fields) = body.as_object_mut().filter(|_| !matches!(operation, "ListTables" | "DescribeTable")) else {
        return (body, Wanted(None));
    };
    let asked = fields.insert("ReturnConsumedCapacity".to_owned(), "INDEXES".into());
    (body, Wanted(asked.and_then(|asked| asked.as_str().map(str::to_owned))))
}

impl Wanted {
    pub(super) fn reduce(&self, answer: &mut Value) {
        let Some(fields) = answer.as_object_mut() else { return };
        match self.0.as_deref() {
            Some("INDEXES") => {}
            Some("TOTAL") => {
                let parts = match fields.get_mut("ConsumedCapacity") {
                    Some(Value::Array(parts)) => parts.as_mut_slice(),
                    Some(part) => std::slice::from_mut(part),
                    None => &mut [],
                };
                for part in parts.iter_mut().filter_map(Value::as_object_mut) {
                    part.retain(|name, _| name == "TableName" || name.ends_with("CapacityUnits"));
                }
            }
            _ => {
                fields.remove("ConsumedCapacity");
            }
        }
    }
}
