//! The `michi` command, a file or folder per subcommand.

pub mod account;
pub mod call;
pub mod check;
pub mod dev;
pub mod doctor;
mod failures;
pub mod init;
pub mod lead;
pub mod leads;
pub mod messages;
pub mod redrive;
pub mod replay;
pub mod shown;
