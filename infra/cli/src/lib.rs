//! The `michi` command, a file or folder per subcommand.

pub mod account;
pub mod apply;
pub mod approve;
pub mod call;
pub mod check;
pub mod deliver;
pub mod derivation;
pub mod dev;
pub mod history;
pub mod init;
pub mod output;
pub mod plan;
pub mod replay;
pub mod rollback;
