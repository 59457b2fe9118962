//! The tests of the SDKs and examples in JavaScript and Python, run as their authors run them: without WebAssembly.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs `node --test` and `python3 -m unittest` over SDKs and examples.
///
/// # Errors
/// When a test fails, or Node.js or Python is missing.
pub(crate) fn test(root: &Path) -> Result<()> {
    let sdk = root.join("guest-sdk");
    run("node", &["--test", "test/"], &sdk.join("js"))?;
    run("python3", &["-m", "unittest", "discover", "--start-directory", "tests"], &sdk.join("python"))?;
    let examples = root.join("mappings-examples");
    for folder in folders_with(&examples, "mapping.test.js")? {
        run("node", &["--test"], &folder)?;
    }
    for folder in folders_with(&examples, "test_mapping.py")? {
        run("python3", &["-m", "unittest"], &folder)?;
    }
    Ok(())
}

/// The folders that hold a file of this name.
fn folders_with(parent: &Path, name: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent).with_context(|| format!("cannot read {}", parent.display()))? {
        let path = entry?.path();
        if path.join(name).is_file() {
            found.push(path);
        }
    }
    ensure!(!found.is_empty(), "{} has no folder with a {name}", parent.display());
    found.sort();
    Ok(found)
}

/// Runs a command; shows what it said where it failed.
fn run(program: &str, arguments: &[&str], folder: &Path) -> Result<()> {
    println!("    $ {program} {}   in {}", arguments.join(" "), folder.display());
    let output = Command::new(program)
        .args(arguments)
        // Where Python is told not to, it leaves no compiled files behind.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(folder)
        .output()
        .with_context(|| format!("{program} cannot be started"))?;
    if !output.status.success() {
        print!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    ensure!(output.status.success(), "{program} {} failed ({})", arguments.join(" "), output.status);
    Ok(())
}
