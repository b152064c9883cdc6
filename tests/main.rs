//! Journeys through the whole suite: one module a feature.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says by a panic what is wrong; the lint's own exemption sees test functions only, not what they call"
)]

mod answer;
mod browser;
mod budget;
mod clicks;
mod cost;
mod deployment;
mod faults;
mod harness;
mod identity;
mod ingestion;
mod mails;
mod notify;
mod operator;
mod permissions;
mod playbook;
mod relay;
mod replay;
mod sdks;
mod simulation;
mod spine;
mod store;
mod tidy;
