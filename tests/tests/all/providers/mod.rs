//! The client at service providers that others wrote: two hundred users and ten groups are created, changed,
//! disabled and deleted, and after each step the server holds what is wanted.
//!
//! - `driver`: brings a directory about, as a program with several tasks would
//! - `life`: the steps, what is checked after each, and what each costs
//! - one file for each server, one for a bad line in between, one for the tool

#![allow(clippy::print_stderr, reason = "who runs the tests is told what is skipped, and what a step costs")]

mod canaille;
mod cli;
mod driver;
mod faults;
mod life;
mod scim2_server;
mod scimmy;

use scimwright_client::{Authentication, ProviderSettings, ProxySettings};
use scimwright_profile::Profile;
use scimwright_tests::servers::{Server, TOKEN, installed};
use scimwright_tests::tool::root;
use std::path::PathBuf;

/// The seed of every directory here.
const SEED: u64 = 7;

/// The program of a server, or none after saying that its test is skipped.
fn program(name: &str) -> Option<PathBuf> {
    let found = installed(&root(), name);
    if found.is_none() {
        eprintln!("skipped: {name} is not installed; `cargo xtask test` installs it");
    }
    found
}

fn bearer() -> Authentication {
    Authentication::bearer(TOKEN)
}

/// Settings for a server at an address, which may be that of a proxy in front of it.
fn settings(server: &dyn Server, base_url: &str, auth: Authentication) -> ProviderSettings {
    let settings = ProviderSettings::new(server.name(), base_url.parse().unwrap(), auth);
    ProviderSettings { proxy: ProxySettings::None, ..settings }
}

fn profile(name: &str) -> Profile {
    Profile::builtin(name).unwrap().clone()
}
