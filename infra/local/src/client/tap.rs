//! A tap on the line between the functions and the services, for tests: it hears what passes, has something else happen
//! between two calls, or falsifies them, as a function with a bug would. Only calls of functions are tapped.

use std::sync::{Arc, Mutex};

use futures::future::BoxFuture;
use serde_json::Value;

use super::record::Call;
use super::{Outgoing, Service};
use crate::lock::lock;

/// Something that happens while a function waits for a call. It may start functions, but hands no stream over: that is
/// under way.
pub type Meanwhile = BoxFuture<'static, ()>;

/// A request on its way to a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The function that makes it.
    pub function: String,
    /// The service.
    pub service: Service,
    /// The operation, as in `PutItem`.
    pub operation: String,
    /// Its body.
    pub body: Value,
}

/// Somebody on the line. Every method leaves things as they are unless it is written anew.
pub trait Tap: Send + Sync {
    /// What happens before the call leaves.
    fn before(&self, _request: &Request) -> Option<Meanwhile> {
        None
    }

    /// What leaves in place of this request, in order: each is a call of its own, the first that fails is the last, and
    /// the last one's answer is the answer. In place of nothing, nothing happens and all is well.
    fn instead(&self, request: Request) -> Vec<Request> {
        vec![request]
    }

    /// How often the client makes this call by itself until it is answered.
    fn attempts(&self, _request: &Request) -> u32 {
        1
    }

    /// What the function reads in place of the answer.
    fn answer(&self, _request: &Request, answer: Value) -> Value {
        answer
    }

    /// What happens when the call has taken effect or failed, before the function hears of it. `call` says how it ended.
    fn after(&self, _request: &Request, _call: &Call) -> Option<Meanwhile> {
        None
    }
}

/// Everybody on the line of one suite, in the order in which they came.
#[derive(Default)]
pub(super) struct Taps(Mutex<Vec<Arc<dyn Tap>>>);

impl Taps {
    pub(super) fn add(&self, tap: Arc<dyn Tap>) {
        lock(&self.0).push(tap);
    }

    pub(super) fn remove(&self) {
        lock(&self.0).clear();
    }

    pub(super) fn all(&self) -> Vec<Arc<dyn Tap>> {
        lock(&self.0).clone()
    }
}

/// One call and whoever is on its line.
pub(super) struct Line<'c> {
    taps: &'c [Arc<dyn Tap>],
    request: Option<&'c Request>,
}

impl<'c> Line<'c> {
    pub(super) fn new(taps: &'c [Arc<dyn Tap>], request: Option<&'c Request>) -> Self {
        Self { taps, request }
    }

    pub(super) async fn before(&self) {
        let Some(request) = self.request else { return };
        for meanwhile in self.taps.iter().filter_map(|tap| tap.before(request)) {
            meanwhile.await;
        }
    }

    pub(super) fn answer(&self, answer: Value) -> Value {
        let Some(request) = self.request else { return answer };
        self.taps.iter().fold(answer, |answer, tap| tap.answer(request, answer))
    }

    pub(super) async fn after(&self, call: &Call) {
        let Some(request) = self.request else { return };
        for meanwhile in self.taps.iter().filter_map(|tap| tap.after(request, call)) {
            meanwhile.await;
        }
    }
}

impl Outgoing {
    /// This call as a tap sees it.
    pub(super) fn request(&self, function: &str) -> Request {
        let (operation, body) = (self.operation.clone(), self.body.clone());
        Request { function: function.to_owned(), service: self.service, operation, body }
    }

    /// What leaves in its place. Several are told apart in the record and in fault schedules.
    pub(super) fn through(self, taps: &[Arc<dyn Tap>], function: &str) -> Vec<Self> {
        let requests = vec![self.request(function)];
        let requests = taps.iter().fold(requests, |passed, tap| passed.into_iter().flat_map(|one| tap.instead(one)).collect());
        let (sdk_call, attempt) = (self.sdk_call, self.attempt);
        let name = |place| if place == 0 { sdk_call.clone() } else { format!("{sdk_call} and {place}") };
        let outgoing = |(place, request): (usize, Request)| {
            let Request { service, operation, body, .. } = request;
            Self { service, operation, body, sdk_call: name(place), attempt }
        };
        requests.into_iter().enumerate().map(outgoing).collect()
    }
}
