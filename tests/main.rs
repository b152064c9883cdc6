//! Journeys through the whole suite: one module a feature.

mod answer;
mod browser;
mod budget;
mod faults;
mod harness;
mod ingestion;
mod notify;
mod relay;
mod replay;
mod sdks;
mod spine;
mod store;
mod tidy;
