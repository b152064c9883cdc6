//! # michi
//!
//! A lead is a fold over its log. In reading order:
//!
//! - [`id`]: a type for each id; ids come from causes
//! - [`activity`]: what can happen, and the records the log keeps
//! - [`collision`]: where a list meets what is known
//! - [`address`], [`verdict`], [`consent`]: mail addresses, signs of machines, leave to mail
//! - [`lead`]: grade, level, cell, phase, stage
//! - [`playbook`]: what a marketer writes
//! - [`condition`]: the one language that says who is meant
//! - [`scoring`]: fit and interest, with reasons that sum
//! - [`mod@fold`]: the lead that a log amounts to
//! - [`lifecycle`]: what to do about it
//! - [`merge`]: two leads turn out to be one person
//! - [`scenario`]: how a lead goes along a scenario
//! - [`mail`], [`link`]: messages, the send gate, signed links
//! - [`fact`]: what the outside world is told
//!
//! All of these are pure: nothing in them reads a clock, chance, the environment or the network. [`io`] touches the
//! world and decides nothing.

pub mod activity;
pub mod address;
pub mod collision;
pub mod condition;
pub mod consent;
pub mod fact;
pub mod fold;
pub mod id;
pub mod io;
pub mod lead;
pub mod lifecycle;
pub mod link;
pub mod mail;
pub mod merge;
pub mod playbook;
pub mod scenario;
pub mod scoring;
pub mod verdict;
