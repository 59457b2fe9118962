//! Finds what builds Rust mappings: a compiler that can target `wasm32-unknown-unknown`.
//!
//! That target is the right one because such a mapping imports nothing but the contract: no WASI, no libc. What a
//! machine may lack is the target's standard library. There are two ways to it, tried in this order:
//!
//! 1. The compiler in use has it, from rustup.
//! 2. Debian's packages of a current compiler bring the library's sources, and cargo builds it with the mapping
//!    (`-Z build-std`). This also works where only package registries can be reached.
//!
//! Nothing is installed here: what is missing is named, with the command that brings it.

use crate::error::ToolchainError;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The target of Rust mappings.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages: compiler, cargo, sources of the standard library, LLVM for WebAssembly, linker.
pub const DEBIAN_PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-22"];

/// The oldest compiler that builds the SDK: `rust-version` in the root `Cargo.toml`.
pub const OLDEST: &str = env!("CARGO_PKG_RUST_VERSION");

/// A compiler that can build Rust mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RustToolchain {
    /// The compiler in use has the target's standard library.
    Installed,
    /// Debian's compiler, which builds the standard library from its sources.
    Debian,
}

impl RustToolchain {
    /// Finds one.
    ///
    /// # Errors
    /// When there is none, with the commands that would bring one.
    pub fn find() -> Result<Self, ToolchainError> {
        if standard_library().is_some() {
            return Ok(Self::Installed);
        }
        if debian_is_ready() {
            return Ok(Self::Debian);
        }
        let needs = String::from("mappings in Rust are built with it");
        if printed(Command::new("rustc").arg("--version")).is_none() {
            return Err(ToolchainError::MissingTool {
                needs,
                tool: "a Rust compiler".into(),
                install: format!("rustup, from https://rustup.rs, and then `rustup target add {TARGET}`"),
            });
        }
        Err(ToolchainError::MissingTool {
            needs,
            tool: format!("the standard library for {TARGET}"),
            install: format!(
                "`rustup target add {TARGET}`; on Debian without rustup, as root `{}`",
                debian_install()
            ),
        })
    }

    /// A cargo that builds mappings with the flags given to each `rustc`.
    #[must_use]
    pub fn cargo(self, rustflags: &[String]) -> Command {
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
        // What an outer cargo set for this process, or what is meant for native builds.
        for name in ["CARGO", "RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_DIR"]
        {
            cargo.env_remove(name);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\u{1f}"));
        cargo
    }

    /// The arguments of `cargo build` that choose the target.
    #[must_use]
    pub fn target_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Installed => &["--target", TARGET],
            // No features of the library: this target can neither unwind nor walk its own stack.
            Self::Debian => {
                &["--target", TARGET, "-Z", "build-std=std,panic_abort", "-Z", "build-std-features="]
            }
        }
    }

    /// Flags that make paths in panic messages and backtraces start at `root`, the crate, or `rust/`, instead of
    /// where this machine keeps them. So the same sources give the same bytes elsewhere, and nobody's home folder
    /// is in a log.
    #[must_use]
    pub fn remapped_paths(self, root: &Path) -> Vec<String> {
        let mut prefixes = vec![(root.to_owned(), "")];
        if let Some(sources) = self.library_sources() {
            if let Ok(real) = fs::canonicalize(&sources) {
                prefixes.push((real, "rust"));
            }
            prefixes.push((sources, "rust"));
        }
        let home = env::var_os("CARGO_HOME").map(PathBuf::from);
        let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
        let registries = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
        for registry in registries.into_iter().flatten().flatten() {
            prefixes.push((registry.path(), ""));
        }
        // rustc takes the last prefix that fits.
        prefixes.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
    }

    /// Where the compiler keeps the sources of the standard library, whether they are there or not.
    fn library_sources(self) -> Option<PathBuf> {
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

/// The command that installs Debian's packages.
#[must_use]
pub fn debian_install() -> String {
    format!("apt-get install -y --no-install-recommends {}", DEBIAN_PACKAGES.join(" "))
}

/// The folder of the target's standard library, where the compiler in use has one.
fn standard_library() -> Option<PathBuf> {
    let folder = printed(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]))?;
    Some(PathBuf::from(folder)).filter(|folder| folder.is_dir())
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

/// Debian's programs first: cargo finds the linker through it.
fn debian_path() -> OsString {
    let mut path = OsString::from("/usr/bin");
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

    #[test]
    fn the_project_s_own_folder_is_not_in_its_backtraces() {
        let flags = RustToolchain::Installed.remapped_paths(Path::new("/home/ada/people"));
        assert_eq!(flags[0], "--remap-path-prefix=/home/ada/people=");
    }
}
