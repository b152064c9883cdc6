//! The styles of the pages: what all share, and each its own. They stand in the pages, whose security policy names their
//! digests.

/// Palette, fonts and what else all pages of michi share.
pub const BASE: &str = include_str!("../templates/base.css");
/// What sales reads.
pub(crate) const LEAD: &str = concat!(include_str!("../templates/base.css"), include_str!("../templates/page.css"));
/// What leads read.
pub(crate) const CHOICES: &str = concat!(include_str!("../templates/base.css"), include_str!("../templates/choices.css"));
/// What marketers read.
pub(crate) const RESULTS: &str = concat!(include_str!("../templates/base.css"), include_str!("../templates/results.css"));
