//! Loads and runs guests, good ones and hostile ones.
//!
//! Every guest is written here as WebAssembly text, so that the tests need no toolchain and can do what no
//! compiler would: return pointers to nowhere, lie, or try to take the host's memory and time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml lifts these in test functions, and helpers of tests are tests too"
)]

mod cache;
mod cases;
mod contract;
mod core_modules;
mod garbage;
mod guests;
mod hostile;
mod integers;
mod loading;
mod lookups;
mod quarantine;
mod registry;
mod released;
mod reuse;
mod wasi;
