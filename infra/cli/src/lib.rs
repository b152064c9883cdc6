//! The `michi` command, a file or folder per subcommand.

pub mod account;
pub mod call;
pub mod check;
pub mod dev;
pub mod init;
pub mod replay;
