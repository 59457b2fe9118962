//! Set-up, guests, quickstart, test and bench for people who work on scimwright: `cargo xtask --help`.
//!
//! A thin table of subcommands; each is a module.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "xtask talks to a terminal")]

mod bench;
mod fuzz;
mod guests;
mod quickstart;
mod sdks;
mod steps;
mod test;
mod toolchain;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::ExitCode;

/// Set-up, guests, quickstart, test and bench for people who work on scimwright.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the example mappings into components, in target/guests/modules
    Guests,
    /// The main job, from nothing to a second sync: builds, starts a provider, syncs 1,000 people
    Quickstart,
    /// Everything that has to hold: format, lints, guests, tests against real servers, docs
    Test,
    /// What mapping costs a record, beside its peers; with --memory, how much memory a sync takes; with
    /// --requests, how many requests the client sends in a second
    Bench(bench::Options),
    /// Mutated input at everything that reads what others wrote
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask stands in the workspace")?;
    match Arguments::parse().task {
        Task::Guests => guests::build(root).map(drop),
        Task::Quickstart => quickstart::run(root),
        Task::Test => test::run(root),
        Task::Bench(options) => bench::run(root, options),
        Task::Fuzz(options) => fuzz::run(root, &options),
    }
}
