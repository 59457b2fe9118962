//! What the end-to-end tests, the quickstart and the benchmarks share.
//!
//! - [`people`]: a fictional company of any size, always the same for the same seed
//! - [`servers`]: real service providers that others wrote
//! - [`tool`]: the `scimwright` binary, run as a person would run it

pub mod people;
pub mod servers;
pub mod tool;
