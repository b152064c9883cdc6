//! Mail: from the wish to send one to its outcome.
//!
//! - [`message`]: one mail to one person, and the states it goes through; [`told`]: what became of it, in words
//! - [`bounce`]: what it means that a mail came back; [`outcome`]: how often it did
//! - [`gate`]: the only door for mail; [`pace`]: how fast it lets mail out
//! - [`alert`]: what sales is told of a lead; [`correction`]: of an alert that was a mistake; [`summary`]: of all that a
//!   changed playbook made ready; [`notice`]: what a scenario tells of one
//! - [`broadcast`]: one mail to many leads at once; [`results`]: what came of it
//! - [`compose`]: the mails that say it; [`words`]: the words for it
//! - [`fields`]: what a playbook's mail may show; [`template`]: filling it in; [`footer`]: what stands below
//! - [`text`], [`header`]: text from outside, made fit for a mail and for its headers

pub mod alert;
pub mod bounce;
pub mod broadcast;
pub mod compose;
pub mod correction;
pub mod fields;
pub mod footer;
pub mod gate;
pub mod header;
pub mod letter;
pub mod mailing;
pub mod message;
pub mod notice;
pub mod outcome;
pub mod pace;
pub mod results;
pub mod summary;
pub mod template;
pub mod text;
pub mod told;
pub mod words;
