//! `michi import`: people from a list.

pub mod columns;
pub mod encoding;
pub mod list;
pub mod moment;
pub mod normal;
pub mod refused;
pub mod rows;
