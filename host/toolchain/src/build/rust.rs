//! Rust: cargo builds a core module, which becomes a component here, without another tool.
//!
//! The profile is `guest`: small, fast, with the names and lines that a backtrace needs. A project that says nothing
//! about it gets the one below; what its `Cargo.toml` says of it counts as well.

use crate::component;
use crate::error::ToolchainError;
use crate::process::Program;
use crate::project::Project;
use crate::rust_toolchain::RustToolchain;
use serde_json::Value;
use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A first build fetches and compiles what the SDK needs, and the standard library where only its sources are there.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// The profile, for projects that have none of this name.
const PROFILE: [&str; 2] = ["profile.guest.inherits=\"release\"", "profile.guest.panic=\"abort\""];

pub(super) fn build(project: &Project, notes: &mut Vec<String>) -> Result<Vec<u8>, ToolchainError> {
    let manifest = project.folder().join("Cargo.toml");
    if !manifest.is_file() {
        return Err(ToolchainError::project(
            &manifest,
            "there is no such file, and a Rust mapping is a crate",
        ));
    }
    let toolchain = RustToolchain::find()?;
    if toolchain == RustToolchain::Debian {
        notes.push(
            "built with Debian's compiler, and its standard library from sources: the first build takes a minute \
             more. CARGO_TARGET_DIR lets projects share it"
                .into(),
        );
    }
    let folder = std::path::absolute(project.folder()).map_err(ToolchainError::io(project.folder()))?;
    let mut cargo = toolchain.cargo(&toolchain.remapped_paths(&folder));
    cargo.current_dir(&folder).args(["build", "--quiet", "--lib", "--profile", "guest"]);
    for setting in PROFILE {
        cargo.args(["--config", setting]);
    }
    cargo
        .args(["--message-format", "json-render-diagnostics", "--target-dir"])
        .arg(target_folder(&folder))
        .args(toolchain.target_arguments());
    let hint = "cargo may have waited for the network, or for another cargo in the same target folder";
    let printed = Program { tool: "cargo", limit: LIMIT, hint }.run(&mut cargo)?;
    if !printed.success {
        return Err(ToolchainError::CompileFailed {
            tool: "cargo".into(),
            output: printed.stderr.trim().into(),
        });
    }
    if !printed.stderr.trim().is_empty() {
        notes.push(printed.stderr.trim().to_owned());
    }
    let core = core_module(&printed.stdout).ok_or_else(|| {
        let problem = "its library is no WebAssembly module; [lib] needs crate-type = [\"cdylib\", \"rlib\"]";
        ToolchainError::project(&manifest, problem)
    })?;
    component::from_core_module(&core)
}

/// Where cargo builds: where the author wants it, else in the project.
fn target_folder(project: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| project.join("target"), PathBuf::from)
}

/// The module among what cargo says it made, one JSON object a line; the project's own comes last.
fn core_module(messages: &str) -> Option<PathBuf> {
    let mut files = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let made = message.get("reason")?.as_str()? == "compiler-artifact";
        let files = message.get("filenames")?.as_array()?;
        let module = files.iter().filter_map(Value::as_str).find(|file| file.ends_with(".wasm"))?;
        made.then(|| PathBuf::from(module))
    });
    files.next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_found_among_what_cargo_says() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"filenames\":[\"/t/libserde.rlib\"]}\n",
            "{\"reason\":\"compiler-artifact\",\"filenames\":[\"/t/people.wasm\",\"/t/libpeople.rlib\"]}\n",
            "not JSON\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(core_module(messages), Some("/t/people.wasm".into()));
        assert_eq!(core_module("{\"reason\":\"build-finished\"}"), None);
    }
}
