//! Sees to it that this machine can build guests in Rust.
//!
//! Looking is done by `scimwright-toolchain`, as it is for authors, and nothing is installed there. Here, whoever runs
//! `cargo xtask` wants to get on, so what is missing is installed, in this order:
//!
//! 1. rustup fetches the target's standard library, unless `RUSTUP_AUTO_INSTALL=0` says that rustup may not.
//! 2. Debian's packages of a current compiler bring the library's sources, and cargo builds it with the guests. This
//!    also works where only package registries can be reached.

use anyhow::{Context, Result, bail};
use scimwright_toolchain::RustToolchain;
use scimwright_toolchain::rust_toolchain::{DEBIAN_PACKAGES, TARGET, debian_install};
use std::env;
use std::process::{Command, Stdio};

/// Finds a toolchain for guests, installs what is missing, and says what it does.
///
/// # Errors
/// When there is none and none can be installed, with the command that would help.
pub(crate) fn find() -> Result<RustToolchain> {
    if let Ok(RustToolchain::Installed) = RustToolchain::find() {
        return Ok(RustToolchain::Installed);
    }
    if rustup_may_install() {
        println!("guests: no standard library for {TARGET}; running `rustup target add {TARGET}`");
        let added = Command::new("rustup").args(["target", "add", TARGET]).status();
        if let (true, Ok(RustToolchain::Installed)) =
            (added.is_ok_and(|status| status.success()), RustToolchain::find())
        {
            return Ok(RustToolchain::Installed);
        }
        println!("guests: rustup could not add it; looking for Debian's packages");
    }
    if let Err(missing) = RustToolchain::find() {
        install_debian().context(missing)?;
    }
    println!("guests: building with Debian's compiler, and its standard library from sources");
    Ok(RustToolchain::find()?)
}

fn rustup_may_install() -> bool {
    env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0")
        && goes_well(Command::new("rustup").arg("--version"))
}

/// Installs Debian's packages.
fn install_debian() -> Result<()> {
    let install = debian_install();
    if !goes_well(Command::new("apt-get").arg("--version")) {
        bail!("rustup is missing, failed, or is told not to install anything (RUSTUP_AUTO_INSTALL=0)");
    }
    let root = Command::new("id").arg("-u").output().is_ok_and(|printed| printed.stdout.trim_ascii() == b"0");
    if !root {
        bail!("Debian's packages are installed by root, and this is somebody else");
    }
    println!("guests: no standard library for {TARGET}; running `{install}`");
    let known = DEBIAN_PACKAGES.iter().all(|name| goes_well(Command::new("apt-cache").args(["show", name])));
    let installed = known && apt_get(&install)?;
    if !installed {
        // The package lists are missing, or too old to be downloaded from.
        apt_get("apt-get update")?;
        if !apt_get(&install)? {
            bail!("`{install}` failed");
        }
    }
    Ok(())
}

/// Runs an apt-get command line. It prints to the terminal only what goes wrong.
fn apt_get(line: &str) -> Result<bool> {
    let mut words = line.split(' ');
    let program = words.next().unwrap_or_default();
    let status = Command::new(program)
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot run `{line}`"))?;
    Ok(status.success())
}

/// Whether a command can be run, and ends well. What it prints is not wanted.
fn goes_well(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
