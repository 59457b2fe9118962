//! Finds what builds guests: a Rust compiler that can target `wasm32-unknown-unknown`.
//!
//! That target is the right one because a guest imports nothing but the contract: no WASI, no libc. What a
//! machine may lack is the target's standard library. There are three ways to it, tried in this order:
//!
//! 1. It is installed: nothing to do.
//! 2. rustup fetches it, unless `RUSTUP_AUTO_INSTALL=0` says that rustup may not.
//! 3. Debian's packages of a current compiler bring the library's sources, and cargo builds it with the
//!    guests (`-Z build-std`). This also works where only package registries can be reached.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target of guests.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages: compiler, cargo, sources of the standard library, LLVM for WebAssembly, linker.
const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// The oldest compiler that builds this workspace: `rust-version` in the root `Cargo.toml`.
const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// A compiler that can build guests.
#[derive(Debug)]
pub(crate) enum Toolchain {
    /// The compiler in use has the target's standard library.
    Installed,
    /// Debian's compiler, which builds the standard library from its sources.
    Debian,
}

impl Toolchain {
    /// Finds one, installs what is missing, and says what it does.
    ///
    /// # Errors
    /// When there is none and none can be installed, with the command that would help.
    pub(crate) fn find() -> Result<Self> {
        if standard_library().is_some() {
            return Ok(Self::Installed);
        }
        if rustup_may_install() {
            println!("guests: no standard library for {TARGET}; running `rustup target add {TARGET}`");
            let added = Command::new("rustup").args(["target", "add", TARGET]).status();
            if added.is_ok_and(|status| status.success()) && standard_library().is_some() {
                return Ok(Self::Installed);
            }
            println!("guests: rustup could not add it; looking for Debian's packages");
        }
        if !debian_is_ready() {
            install_debian()?;
        }
        println!("guests: building with Debian's compiler, and its standard library from sources");
        Ok(Self::Debian)
    }

    /// A cargo that builds guests with the flags given to each `rustc`.
    pub(crate) fn cargo(&self, rustflags: &[String]) -> Command {
        let mut cargo = match self {
            Self::Installed => Command::new("cargo"),
            Self::Debian => {
                let mut cargo = Command::new("/usr/bin/cargo");
                cargo
                    .env("PATH", debian_path())
                    .env("RUSTC", "/usr/bin/rustc")
                    // `-Z` on a stable compiler; the same escape hatch that distributions build with.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env_remove("RUSTUP_TOOLCHAIN")
                    // `cargo run` puts the other compiler's libraries in here.
                    .env_remove("LD_LIBRARY_PATH");
                cargo
            }
        };
        // What the outer cargo set for this process, or what is meant for native builds.
        for name in ["CARGO", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"]
        {
            cargo.env_remove(name);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\u{1f}"));
        cargo
    }

    /// The arguments of `cargo build` that choose the target.
    pub(crate) fn target_arguments(&self) -> &'static [&'static str] {
        match self {
            Self::Installed => &["--target", TARGET],
            // No features of the library: this target can neither unwind nor walk its own stack.
            Self::Debian => {
                &["--target", TARGET, "-Z", "build-std=std,panic_abort", "-Z", "build-std-features="]
            }
        }
    }

    /// Where the compiler keeps the sources of the standard library, whether they are there or not.
    pub(crate) fn library_sources(&self) -> Option<PathBuf> {
        let rustc = match self {
            Self::Installed => "rustc",
            Self::Debian => "/usr/bin/rustc",
        };
        Some(
            Path::new(&printed(Command::new(rustc).args(["--print", "sysroot"]))?)
                .join("lib/rustlib/src/rust"),
        )
    }
}

/// The folder of the target's standard library, where the compiler in use has one.
fn standard_library() -> Option<PathBuf> {
    let folder = printed(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    Some(PathBuf::from(folder)).filter(|folder| folder.is_dir())
}

fn rustup_may_install() -> bool {
    env::var_os("RUSTUP_AUTO_INSTALL").is_none_or(|value| value != "0")
        && printed(Command::new("rustup").arg("--version")).is_some()
}

/// Whether Debian's compiler is there, new enough, and has all it needs to build the standard library.
fn debian_is_ready() -> bool {
    let version = printed(Command::new("/usr/bin/rustc").arg("--version").env_remove("LD_LIBRARY_PATH"));
    let new_enough = version
        .and_then(|text| version_of(text.split_whitespace().nth(1)?))
        .is_some_and(|version| Some(version) >= version_of(OLDEST));
    let sources = "/usr/lib/rustlib/src/rust/library/Cargo.lock";
    new_enough && ["/usr/bin/cargo", "/usr/bin/rust-lld", sources].iter().all(|path| Path::new(path).exists())
}

/// Installs Debian's packages.
fn install_debian() -> Result<()> {
    let install = format!("apt-get install -y --no-install-recommends {}", PACKAGES.join(" "));
    if printed(Command::new("apt-get").arg("--version")).is_none() {
        bail!(
            "guests are built for {TARGET}, and this machine has no standard library for it. Run `rustup \
             target add {TARGET}`; this was not done because rustup is missing, failed, or is told not to \
             (RUSTUP_AUTO_INSTALL=0)"
        );
    }
    if printed(Command::new("id").arg("-u")).as_deref() != Some("0") {
        bail!(
            "guests are built for {TARGET}, and this machine has no standard library for it. Run `rustup \
             target add {TARGET}`, or as root `{install}`"
        );
    }
    println!("guests: no standard library for {TARGET}; running `{install}`");
    let known = PACKAGES.iter().all(|name| printed(Command::new("apt-cache").args(["show", name])).is_some());
    let installed = known && apt_get(&install)?;
    if !installed {
        // The package lists are missing, or too old to be downloaded from.
        apt_get("apt-get update")?;
        if !apt_get(&install)? {
            bail!("`{install}` failed; guests need {TARGET}, which rustup or these packages bring");
        }
    }
    if !debian_is_ready() {
        bail!(
            "`{install}` went well, but /usr/bin/rustc is older than {OLDEST} or has no rust-lld beside it"
        );
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

/// Debian's programs first: cargo finds the linker through it.
fn debian_path() -> std::ffi::OsString {
    let mut path = std::ffi::OsString::from("/usr/bin");
    if let Some(rest) = env::var_os("PATH") {
        path.push(":");
        path.push(rest);
    }
    path
}

/// What a command printed, where it ran and went well.
fn printed(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Major and minor version: `1.96.0` and `1.95` compare by them.
fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(['.', '-']).map(str::parse);
    match (numbers.next()?, numbers.next()?) {
        (Ok(major), Ok(minor)) => Some((major, minor)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(version_of("1.100.0") > version_of("1.95"));
        assert!(version_of("1.95.0-nightly") >= version_of(OLDEST));
        assert!(version_of("1.63.0") < version_of(OLDEST));
        assert_eq!(version_of("rustc"), None);
    }
}
