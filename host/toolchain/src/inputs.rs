//! What a component depends on, as one digest: whoever keeps it beside a component knows when to build again.

use crate::embedded;
use crate::error::ToolchainError;
use crate::project::Project;
use crate::tools::{COMPONENTIZE_PY, COMPONENTIZE_QJS};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;

/// Folders of a project that tools fill.
const LEFT_OUT: [&str; 4] = ["target", "node_modules", "__pycache__", ".venv"];

/// A SHA-256 over texts and bytes, each with its length: no two lists of them look alike.
#[derive(Default)]
pub(crate) struct InputsDigest(Sha256);

impl InputsDigest {
    pub(crate) fn add(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let bytes = bytes.as_ref();
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn finish(self) -> String {
        self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The digest of a project's files, the SDKs, the contract, and the versions of the tools that are wanted. For a
/// Rust project that is not all: its dependencies are cargo's to know.
///
/// # Errors
/// When a file of the project cannot be read.
pub fn inputs_digest(project: &Project) -> Result<String, ToolchainError> {
    let mut digest = InputsDigest::default();
    digest.add(COMPONENTIZE_QJS).add(COMPONENTIZE_PY);
    for folder in ["guest-sdk", "wit"] {
        for file in embedded::below(folder) {
            digest.add(file.path).add(file.text);
        }
    }
    add_folder(&mut digest, project.folder())?;
    Ok(digest.finish())
}

fn add_folder(digest: &mut InputsDigest, folder: &Path) -> Result<(), ToolchainError> {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut paths: Vec<_> =
        entries.map_err(ToolchainError::io(folder))?.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if LEFT_OUT.contains(&name) {
            continue;
        }
        digest.add(name);
        if path.is_dir() {
            add_folder(digest, &path)?;
        } else {
            digest.add(fs::read(&path).map_err(ToolchainError::io(&path))?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_a_source_or_a_case_is_seen_and_what_tools_leave_behind_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("mapping.toml", "name = \"a\"\nlanguage = \"python\"");
        write("mapping.py", "one");
        let project = Project::open(folder.path()).unwrap();
        let first = inputs_digest(&project).unwrap();
        write("target/a.wasm", "x");
        write("node_modules/scimwright/a.js", "x");
        assert_eq!(inputs_digest(&project).unwrap(), first);
        write("cases/a.record.json", "{}");
        let second = inputs_digest(&project).unwrap();
        assert_ne!(second, first);
        write("mapping.py", "two");
        assert_ne!(inputs_digest(&project).unwrap(), second);
    }
}
