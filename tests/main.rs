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
mod broadcast;
mod browser;
mod budget;
mod clicks;
mod confirmation;
mod consent;
mod cost;
mod deployment;
mod faults;
mod feedback;
mod fuzz;
mod harness;
mod identity;
mod ingestion;
mod mail;
mod mails;
mod notify;
mod operator;
mod people;
mod permissions;
mod playbook;
mod question;
mod relay;
mod replay;
mod results;
mod scenario;
mod sdks;
mod simulation;
mod spam;
mod spine;
mod store;
mod tidy;
