//! Lists what the binary carries: the SDKs, the contract, the templates of new projects.
//!
//! The folders are walked, so that a file which somebody adds to an SDK comes along by itself. What comes out is
//! one slice of paths and texts, `FILES` in `src/embedded.rs`.

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// What is carried, from the workspace's root.
const FOLDERS: [&str; 5] =
    ["guest-sdk/rust", "guest-sdk/js", "guest-sdk/python", "wit", "host/toolchain/templates"];
/// Single files that are carried as well: the versions of what the Rust SDK depends on.
const FILES: [&str; 1] = ["Cargo.toml"];
/// Folders that no author needs: tests of the SDKs, and what tools leave behind. So is whatever has a dot in front.
const LEFT_OUT: [&str; 5] = ["target", "node_modules", "test", "tests", "__pycache__"];
/// The kinds of files that make up an SDK or a template.
const KINDS: [&str; 11] = ["rs", "toml", "md", "js", "mjs", "ts", "json", "py", "pyi", "wit", "txt"];
/// Files without one of these kinds.
const NAMES: [&str; 2] = ["gitignore", "py.typed"];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let root = here.ancestors().nth(2).ok_or("the crate stands two folders below the workspace")?;
    let mut files = Vec::new();
    for folder in FOLDERS {
        // cargo looks at every file below a folder, new ones included.
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
        if root.join(folder).is_dir() {
            walk(&root.join(folder), &mut files)?;
        }
    }
    for file in FILES {
        println!("cargo::rerun-if-changed={}", root.join(file).display());
        files.push(root.join(file));
    }
    files.sort();

    let mut list = String::from("&[\n");
    for file in files {
        let name = file.strip_prefix(root)?.to_str().ok_or("a path is not UTF-8")?.replace('\\', "/");
        let path = file.to_str().ok_or("a path is not UTF-8")?;
        writeln!(list, "    EmbeddedFile {{ path: {name:?}, text: include_str!({path:?}) }},")?;
    }
    list.push_str("]\n");
    fs::write(PathBuf::from(variable("OUT_DIR")?).join("embedded.rs"), list)?;
    Ok(())
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        if LEFT_OUT.contains(&name) || name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            walk(&path, files)?;
        } else if KINDS.contains(&kind) || NAMES.contains(&name) {
            files.push(path);
        }
    }
    Ok(())
}

/// A variable that cargo always sets for a build script.
fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}
