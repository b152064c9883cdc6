//! The local suite: everything of one michi installation in one process, connected as `infra/template.yaml` says.
//!
//! A development and proof tool, never production.
//!
//! - [`Suite`]: the whole; what `michi dev` runs and every test starts
//! - [`template`]: the template as wiring; [`filter`]: its stream filters
//! - [`client`]: the AWS SDK's HTTP client without the network, with fault layer, record and roles
//! - [`dynamo`], [`ses`], [`bus`]: the services behind it
//! - [`streams`], [`functions`]: what starts functions, and what became of it
//! - [`logs`]: the functions' last lines
//! - [`server`]: the suite over HTTP, with a demonstration site `console`, its own pages at `/_michi`, and
//!   `operator`, AWS's protocol for the `michi` command at `/_michi/aws`
//!
//! # In a test
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! use michi_local::{Fate, Fault, Mishap, Options, Planned, Service, Suite};
//!
//! let suite = Suite::start(Options::test()).await?;
//! // Nothing moves by itself. A request runs its function at once; what follows from it waits in the streams.
//! let request = http::Request::post("/v1/batch").header("origin", "http://127.0.0.1:7070");
//! let response = suite.request(request.body(axum::body::Body::from("{}"))?).await;
//! suite.settle().await?; // hands the streams over until nothing is left
//! suite.advance(jiff::SignedDuration::from_hours(24)).await?; // stops at everything that falls due on the way
//! suite.tick("notify").await.map_err(anyhow::Error::msg)?; // as its schedule does
//! assert_eq!(suite.mailbox().mails().len(), 1);
//! assert!(suite.leftovers()?.is_empty());
//!
//! // What was called, by whom, and what it consumed.
//! let mark = suite.client().record().mark();
//! let units: michi_local::Units = suite.client().record().since(mark).iter().map(michi_local::Call::total).sum();
//!
//! // The second transaction of `score` takes effect, and its answer is lost, on every attempt of the SDK.
//! suite.client().faults().lay([Planned::nth("score", Service::DynamoDb, "TransactWriteItems", 2, Fault::AfterEffect)]);
//! // The seventh call of any function fails once, and the SDK's own retry goes through.
//! suite.client().faults().lay([Planned::call(7, Fault::BeforeLeaving).first_attempt()]);
//! // SES loses its first event, tells the second twice, and the third comes after the evidence window.
//! let hour = jiff::SignedDuration::from_hours(1);
//! suite.mailbox().reports().lay([(1, Mishap::Lost), (2, Mishap::Twice(hour)), (3, Mishap::Late(hour))]);
//! // Mail to this address comes back; SES's mailbox simulator is modelled too.
//! suite.mailbox().reports().lay_fate("ann@example.com", Fate::no_such_mailbox());
//! // Everything sleeps for a day: nothing is handed over and no schedule starts anything.
//! suite.sleep(jiff::SignedDuration::from_hours(24))?;
//! // Everything owed is done, moving the clock to each thing due, within an hour; answers what is left.
//! let left = suite.finish(jiff::SignedDuration::from_hours(1)).await?;
//! # Ok(()) }
//! ```
//!
//! Handlers can also be called directly: `score::handle(suite.app("score").unwrap(), trigger)`. Calls through
//! [`Suite::app`] count as the function's, need its role in the template and meet faults; those through [`Suite::own`]
//! do not. [`Options`] choose a data folder, a playbook, the pace of the clock, functions whose clocks are wrong and
//! [`Disorder`] of the streams. A [`Tap`] hears every call of a function, has something happen beside it, or falsifies it.

pub mod bus;
pub mod client;
mod console;
pub mod dynamo;
mod eml;
pub mod filter;
pub mod functions;
mod invoke;
mod lock;
pub mod logs;
mod operator;
pub mod server;
pub mod ses;
pub mod streams;
mod suite;
pub mod template;

pub use client::{
    At, Call, Client, Fault, Faults, Meanwhile, Outcome, Planned, Record, Request, Service, Sum, Tap, Touch, Units,
};
pub use functions::{Cause, Run};
pub use invoke::Ended;
pub use ses::{Fate, Mail, Mailbox, Mishap, Posted, Reports};
pub use streams::{Abandoned, Disorder};
pub use suite::{Beacon, Desk, Observed, Options, Pace, Refused, Suite, WakeUp};

/// Where the parts of a suite read the time.
pub type Now = std::sync::Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;
