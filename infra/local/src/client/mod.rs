//! The AWS SDK's HTTP client, without the network: each request is handed to the model of its service.
//!
//! On the way it is numbered and recorded ([`Record`]), held against the role of the function that makes it
//! ([`permit`]), and may meet a fault ([`Faults`]) or somebody on the line ([`Tap`]). A function gets a client of its own:
//! [`Client::for_function`].

mod fault;
mod permit;
mod record;
mod roles;
mod tap;
mod touch;
mod wire;

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Now;
use crate::bus::EventBus;
use crate::dynamo::Dynamo;
use crate::invoke::Invocation;
use crate::ses::Mailbox;
use crate::template::Wiring;
use wire::{Answer, Outgoing, count_capacity};

pub(crate) use fault::scramble;
pub use fault::{At, Fault, Faults, Planned};
pub use record::{Call, Mark, Outcome, Record, Sum, Touch, Units};
pub use roles::Roles;
use tap::Line;
pub use tap::{Meanwhile, Request, Tap};
pub(crate) use wire::Refusal;

/// A service that is modelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Service {
    /// DynamoDB.
    DynamoDb,
    /// SES, version 2 of its API.
    Ses,
    /// EventBridge.
    EventBridge,
}

/// Makes calls in the name of a function, or of the suite itself.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    function: Option<Arc<str>>,
}

struct Shared {
    dynamo: Arc<Dynamo>,
    mailbox: Arc<Mailbox>,
    bus: Arc<EventBus>,
    record: Record,
    faults: Faults,
    roles: Roles,
    taps: tap::Taps,
    now: Now,
    partition_keys: touch::PartitionKeys,
}

impl Client {
    /// A client of the suite itself: its calls are recorded without a number, need no role and meet no faults.
    pub fn new(dynamo: Arc<Dynamo>, mailbox: Arc<Mailbox>, bus: Arc<EventBus>, wiring: &Wiring, now: Now) -> Self {
        let roles = Roles::of(wiring);
        let partition_keys =
            wiring.tables.iter().filter_map(|table| Some((table.name.clone(), table.keys.first()?.clone()))).collect();
        let (record, faults, taps) = Default::default();
        let shared = Shared { dynamo, mailbox, bus, record, faults, roles, taps, now, partition_keys };
        Self { shared: Arc::new(shared), function: None }
    }

    /// The same services, called by a function.
    pub fn for_function(&self, name: &str) -> Self {
        Self { shared: Arc::clone(&self.shared), function: Some(name.into()) }
    }

    /// The calls so far.
    pub fn record(&self) -> &Record {
        &self.shared.record
    }

    /// The fault schedule.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// What each function may call.
    pub fn roles(&self) -> &Roles {
        &self.shared.roles
    }

    /// Puts somebody on the line of all functions.
    pub fn tap(&self, tap: Arc<dyn Tap>) {
        self.shared.taps.add(tap);
    }

    /// Nobody is on the line any more.
    pub fn untap(&self) {
        self.shared.taps.remove();
    }

    /// This client in the form the SDK's configuration takes.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    pub(crate) async fn send(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        // A clock at real pace goes on during a run, too.
        (self.shared.now)();
        let outgoing = Outgoing::read(&request)?;
        let Some(function) = self.function.as_deref() else { return self.call(outgoing, &[]).await };
        let taps = self.shared.taps.all();
        if taps.is_empty() {
            return self.call(outgoing, &taps).await;
        }
        let mut result = Answer::nothing().into_response();
        for part in outgoing.through(&taps, function) {
            result = self.insist(part, &taps, function).await;
            if !result.as_ref().is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
        }
        result
    }

    /// Makes a call as often as the taps have it made.
    async fn insist(&self, outgoing: Outgoing, taps: &[Arc<dyn Tap>], function: &str) -> Result<HttpResponse, ConnectorError> {
        let request = outgoing.request(function);
        let attempts = taps.iter().map(|tap| tap.attempts(&request)).max().unwrap_or(1);
        let last = outgoing.attempt + attempts.saturating_sub(1);
        let mut next = outgoing;
        loop {
            let again = Outgoing { attempt: next.attempt + 1, ..next.clone() };
            let result = self.call(next, taps).await;
            if result.is_ok() || again.attempt > last {
                return result;
            }
            next = again;
        }
    }

    /// Makes a call.
    async fn call(&self, outgoing: Outgoing, taps: &[Arc<dyn Tap>]) -> Result<HttpResponse, ConnectorError> {
        let touches = match outgoing.service {
            Service::DynamoDb => touch::touches(&outgoing.operation, &outgoing.body, &self.shared.partition_keys),
            Service::Ses | Service::EventBridge => Vec::new(),
        };
        let request = self.function.as_deref().filter(|_| !taps.is_empty()).map(|function| outgoing.request(function));
        let (mut call, place) = self.shared.record.enter(self.function.as_deref(), &outgoing, touches);
        call.asks = permit::asks(&outgoing, &call.touches);
        call.fault = self.shared.faults.strike(&call, &outgoing.sdk_call);
        let line = Line::new(taps, request.as_ref());
        line.before().await;
        let result = self.meet(&mut call, place, outgoing, &line).await;
        self.shared.record.close(place, call);
        result
    }

    /// Carries a call out, or what its fault leaves of it.
    async fn meet(
        &self,
        call: &mut Call,
        place: Mark,
        outgoing: Outgoing,
        line: &Line<'_>,
    ) -> Result<HttpResponse, ConnectorError> {
        let mut answer = match call.fault {
            Some(Fault::BeforeLeaving) => {
                call.outcome = Outcome::Lost;
                line.after(call).await;
                let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "fault: the connection was refused");
                return Err(ConnectorError::io(refused.into()));
            }
            Some(Fault::CrashBefore) => return Err(self.crash(call, place, line).await),
            Some(Fault::Throttle) => outgoing.throttled(),
            Some(Fault::Conflict) => outgoing.in_conflict(),
            Some(Fault::Refuse) => outgoing.refused(),
            Some(Fault::AfterEffect | Fault::CrashAfter) | None => match self.may(call) {
                Ok(()) => self.answer(outgoing, call).await,
                Err(refusal) => refusal.into(),
            },
        };
        call.outcome = answer.code.clone().map_or(Outcome::Answered, Outcome::Refused);
        line.after(call).await;
        answer.body = line.answer(answer.body);
        match call.fault {
            Some(Fault::AfterEffect) => {
                call.outcome = Outcome::Lost;
                Err(ConnectorError::timeout("fault: the answer was lost".into()))
            }
            Some(Fault::CrashAfter) => Err(self.end(call, place).await),
            _ => answer.into_response(),
        }
    }

    async fn crash(&self, call: &mut Call, place: Mark, line: &Line<'_>) -> ConnectorError {
        call.outcome = Outcome::Crashed;
        line.after(call).await;
        self.end(call, place).await
    }

    /// Ends the run that made this call. Returns only if no run did.
    async fn end(&self, call: &mut Call, place: Mark) -> ConnectorError {
        call.outcome = Outcome::Crashed;
        if let Some(invocation) = Invocation::current() {
            self.shared.record.close(place, call.clone());
            invocation.crash();
            std::future::pending::<()>().await;
        }
        ConnectorError::io("fault: a crash, but of no function's run".into())
    }

    async fn answer(&self, outgoing: Outgoing, call: &mut Call) -> Answer {
        match outgoing.service {
            Service::DynamoDb => {
                let (body, wanted) = count_capacity(&outgoing.operation, outgoing.body);
                let mut answer = self.dynamo(outgoing.operation, body).await;
                call.units = record::units(&call.operation, &answer.body);
                wanted.reduce(&mut answer.body);
                answer
            }
            Service::Ses => self.shared.mailbox.send(&outgoing.body).into(),
            Service::EventBridge => self.shared.bus.put(&outgoing.body).into(),
        }
    }

    async fn dynamo(&self, operation: String, body: Value) -> Answer {
        let dynamo = Arc::clone(&self.shared.dynamo);
        let answer = if dynamo.blocks() {
            tokio::task::spawn_blocking(move || dynamo.call(&operation, body)).await
        } else {
            Ok(dynamo.call(&operation, body))
        };
        match answer {
            Ok(answer) => {
                let code = answer.body.get("__type").and_then(Value::as_str).and_then(|code| code.rsplit('#').next());
                Answer { status: answer.status, code: code.map(str::to_owned), body: answer.body }
            }
            Err(error) => Refusal::new(500, "InternalServerError", error.to_string()).into(),
        }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Client").field("function", &self.function).finish_non_exhaustive()
    }
}

impl HttpConnector for Client {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().send(request))
    }
}

impl HttpClient for Client {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
