//! Everything that touches the world. It decides nothing.
//!
//! - [`App`]: what a handler gets
//! - [`Store`]: both tables
//! - [`Clock`], [`Random`], [`KeyRing`], [`Settings`]: time, chance, secrets, surroundings
//! - [`mailer`], [`mod@bus`]: mail by SES, facts on EventBridge
//! - [`Trigger`]: what starts a function
//! - [`aws`]: the SDK's clients over one HTTP client; [`telemetry`]: logs
//! - [`Error`]: what went wrong, and whether a retry can help

mod app;
pub mod aws;
pub mod bus;
mod clock;
mod error;
mod keyring;
pub mod mailer;
mod random;
mod settings;
mod shelf;
pub mod store;
pub mod telemetry;
mod trigger;

pub use app::App;
pub use bus::Bus;
pub use clock::Clock;
pub use error::{Error, Retry};
pub use keyring::{Key, KeyRing, hmac};
pub use mailer::Mailer;
pub use random::Random;
pub use settings::Settings;
pub use shelf::{PLAYBOOK_AGE, Shelf, Versioned};
pub use store::Store;
pub use trigger::{BatchItemFailure, BatchResponse, Tick, Trigger};
