//! `scimwright`: provisions SCIM service providers through sandboxed WebAssembly mappings.
//!
//! This crate is the only one that reads configuration files, prints, or picks exit codes.
//!
//! - [`args`]: the command line
//! - [`config`]: the configuration folder
//! - [`assemble`]: from a configuration to the parts that do the work
//! - [`modules`]: modules loaded for one command, or kept live in their folder
//! - [`commands`]: one file a command
//! - [`probe`]: trying out what a provider does
//! - [`recording`]: calls of modules, written down where the configuration asks for it
//! - [`report`]: runs, as people and programs see them
//! - [`signals`]: SIGINT and SIGTERM end a run, and a second one the process
//! - [`states`]: state files that are open for writing, and closed in the end
//! - [`terminal`]: standard output and standard error
//! - [`wish`]: what a command and a running service say to each other
//! - [`exit`]: exit codes

mod args;
mod assemble;
mod commands;
mod config;
mod exit;
mod modules;
mod probe;
mod recording;
mod report;
mod signals;
mod states;
mod terminal;
mod wish;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => {
            let exit = if help.use_stderr() { exit::Exit::Usage } else { exit::Exit::Success };
            // Nothing is left to do where even this cannot be printed.
            let _ = help.print();
            return exit.into();
        }
    };
    init_tracing(cli.common.verbose);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            terminal::err(&format!("error: the runtime cannot be started: {error}"));
            return exit::Exit::Failure.into();
        }
    };
    let exit = runtime.block_on(commands::run(cli));
    // Threads that still read a source must not hold the process up.
    runtime.shutdown_background();
    exit.into()
}

/// Diagnostics go to standard error; `SCIMWRIGHT_LOG` filters them, otherwise `--verbose` does.
fn init_tracing(verbose: u8) {
    let default = match verbose {
        0 => "error",
        1 => "warn,scimwright_mapping=info",
        _ => "info,scimwright=debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("SCIMWRIGHT_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(default));
    let colour = terminal::shows_progress() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .init();
}
