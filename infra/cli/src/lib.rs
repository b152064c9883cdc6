//! The `michi` command, a file or folder per subcommand.

pub mod account;
pub mod apply;
pub mod approve;
pub mod call;
pub mod check;
pub mod deliver;
pub mod derivation;
pub mod dev;
pub mod doctor;
pub mod draft;
pub mod everybody;
mod failures;
pub mod history;
pub mod import;
pub mod init;
pub mod lead;
pub mod leads;
pub mod messages;
pub mod output;
pub mod plan;
pub mod preview;
pub mod redrive;
pub mod replay;
pub mod rollback;
pub mod send_test;
pub mod shown;
pub mod suspects;
