//! Benchmarks of scimwright: what one record's mapping costs, and how much memory a sync takes.
//!
//! `cargo xtask bench` builds and runs them; `README.md` says what is measured, and has the numbers.
//!
//! - [`example`]: the benchmark's record as the host has it, and what a mapping made of it as JSON
//! - [`reused`]: the same module in wasmtime alone, one instance for all records
//!
//! The programs are `bench-mapping` and `bench-memory`. What the peers share with them is in the crate
//! `bench-workload`, and the peers are a workspace of their own, `peers/`: they bring another wasmtime.

pub mod example;
pub mod reused;
