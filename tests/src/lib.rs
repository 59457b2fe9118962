//! What the end-to-end tests, the quickstart and the benchmarks share.
//!
//! - [`people`]: a fictional company of any size, always the same for the same seed
//! - [`teams`]: the same company in groups, and what a provider is to hold of it
//! - [`dice`]: chance that always falls the same way
//! - [`scenario`]: users and groups as they are wanted, and whether a server holds them so
//! - [`servers`]: real service providers that others wrote
//! - [`faults`]: a proxy that loses, cuts, delays and refuses
//! - [`lint`]: an independent judge of PATCH bodies
//! - [`compilers`]: what builds mappings in JavaScript and Python
//! - [`tool`]: the `scimwright` binary, run as a person would run it

pub mod compilers;
pub mod dice;
pub mod faults;
mod install;
pub mod lint;
pub mod people;
pub mod scenario;
pub mod servers;
pub mod teams;
pub mod tool;

#[cfg(test)]
mod observed;
