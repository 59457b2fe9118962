//! The SDKs as a project gets them: files in a folder, with the contract beside them.
//!
//! The JavaScript and the Python SDK are copied as they are. The Rust SDK is a member of this workspace, and in a
//! project it stands alone: its `Cargo.toml` is written anew with the workspace's versions, and the path to `wit/`
//! leads into its own folder.

use crate::component::write_whole;
use crate::embedded;
use crate::error::ToolchainError;
use crate::language::Language;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The contract's folder, inside an unpacked SDK.
const CONTRACT: &str = "wit";

/// A file of an SDK, by its path from the SDK's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SdkFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The SDK of a language, as it lies in a project's `sdk/`.
pub(crate) fn files(language: Language) -> Vec<SdkFile> {
    let own = match language {
        Language::Rust => rust(),
        Language::JavaScript => copied("guest-sdk/js", ""),
        Language::Python => copied("guest-sdk/python", ""),
    };
    own.into_iter().chain(copied("wit", "wit/")).collect()
}

/// The contract alone.
pub(crate) fn contract() -> Vec<SdkFile> {
    copied("wit", "")
}

/// Writes files into a folder, each whole, and returns their paths.
pub(crate) fn unpack(files: &[SdkFile], folder: &Path) -> Result<Vec<PathBuf>, ToolchainError> {
    let write = |file: &SdkFile| {
        let path = folder.join(&file.path);
        write_whole(&path, file.text.as_bytes())?;
        Ok(path)
    };
    files.iter().map(write).collect()
}

/// The contract that a project's SDK was made for: its own copy. A project without one gets ours, in `scratch`.
pub(crate) fn contract_for(sdk: &Path, scratch: &Path) -> Result<PathBuf, ToolchainError> {
    let own = sdk.join(CONTRACT);
    if own.is_dir() {
        return Ok(own);
    }
    let folder = scratch.join(CONTRACT);
    unpack(&contract(), &folder)?;
    Ok(folder)
}

fn copied(folder: &str, below: &str) -> Vec<SdkFile> {
    let copy = |file: embedded::EmbeddedFile| SdkFile {
        path: format!("{below}{}", file.path),
        text: file.text.to_owned(),
    };
    embedded::below(folder).map(copy).collect()
}

fn rust() -> Vec<SdkFile> {
    let mut files = copied("guest-sdk/rust", "");
    for file in &mut files {
        if file.path == "Cargo.toml" {
            file.text = standalone_manifest(&file.text, workspace());
        } else if file.path.ends_with(".rs") {
            file.text = file.text.replace("\"../../wit\"", &format!("\"{CONTRACT}\""));
        }
    }
    files
}

fn workspace() -> &'static str {
    embedded::below("").find(|file| file.path == "Cargo.toml").map_or("", |file| file.text)
}

/// The SDK's `Cargo.toml` without its workspace: whatever it inherits is written out.
fn standalone_manifest(member: &str, workspace: &str) -> String {
    let (Ok(mut member), Ok(workspace)) = (member.parse::<Table>(), workspace.parse::<Table>()) else {
        return member.to_owned(); // Both are files of this repository, and a test reads them.
    };
    let inherited = workspace.get("workspace").and_then(Value::as_table).cloned().unwrap_or_default();
    // Lints are for those who work on the SDK, and so are its tests.
    member.remove("lints");
    member.remove("dev-dependencies");
    write_out(&mut member, "package", inherited.get("package"));
    write_out(&mut member, "dependencies", inherited.get("dependencies"));
    write_out(&mut member, "build-dependencies", inherited.get("dependencies"));
    member.to_string()
}

/// Replaces each `name = { workspace = true, … }` of a section by what the workspace has under that name.
fn write_out(member: &mut Table, section: &str, inherited: Option<&Value>) {
    let Some(entries) = member.get_mut(section).and_then(Value::as_table_mut) else { return };
    for (name, value) in entries.iter_mut() {
        let Some(local) = value.as_table().filter(|local| local.contains_key("workspace")) else { continue };
        let Some(shared) = inherited.and_then(|inherited| inherited.get(name)) else { continue };
        *value = merged(shared, local);
    }
}

/// What the workspace says of a dependency, with what the member adds: features.
fn merged(shared: &Value, local: &Table) -> Value {
    let mut local = local.clone();
    local.remove("workspace");
    if local.is_empty() {
        return shared.clone();
    }
    let mut whole = match shared {
        Value::Table(table) => table.clone(),
        version => Table::from_iter([("version".to_owned(), version.clone())]),
    };
    for (key, value) in local {
        match (whole.get_mut(&key), value) {
            (Some(Value::Array(features)), Value::Array(more)) => features.extend(more),
            (_, value) => {
                whole.insert(key, value);
            }
        }
    }
    Value::Table(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust_file(path: &str) -> String {
        files(Language::Rust)
            .into_iter()
            .find(|file| file.path == path)
            .unwrap_or_else(|| panic!("{path}"))
            .text
    }

    #[test]
    fn the_rust_sdk_stands_alone_with_the_versions_of_the_workspace() {
        let manifest: Table = rust_file("Cargo.toml").parse().unwrap();
        assert!(!manifest.to_string().contains("workspace"), "{manifest}");
        let workspace: Table = workspace().parse().unwrap();
        let shared = &workspace["workspace"]["dependencies"];
        for section in ["dependencies", "build-dependencies"] {
            for (name, value) in manifest[section].as_table().unwrap() {
                let version = |value: &Value| value.get("version").unwrap_or(value).clone();
                assert_eq!(version(value), version(&shared[name]), "{name}");
            }
        }
        assert_eq!(manifest["package"]["rust-version"], workspace["workspace"]["package"]["rust-version"]);
        assert_eq!(manifest["package"]["name"].as_str(), Some("scimwright-guest"));
    }

    #[test]
    fn no_path_of_the_rust_sdk_leads_out_of_its_folder() {
        let files = files(Language::Rust);
        assert!(files.iter().any(|file| file.path == "wit/scimwright.wit"));
        for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
            let depth = file.path.matches('/').count();
            for (at, _) in file.text.match_indices("\"../") {
                let path = file.text[at + 1..].split('"').next().unwrap();
                assert!(path.matches("../").count() <= depth, "{}: {path}", file.path);
            }
        }
    }

    #[test]
    fn what_a_member_adds_to_a_dependency_stays() {
        let manifest = standalone_manifest(
            "[dependencies]\na.workspace = true\nb = { workspace = true, features = [\"y\"] }\nc = \"3\"",
            "[workspace.dependencies]\na = \"1\"\nb = { version = \"2\", features = [\"x\"] }",
        );
        let read: Table = manifest.parse().unwrap();
        let expected: Table =
            "[dependencies]\na = \"1\"\nb = { version = \"2\", features = [\"x\", \"y\"] }\nc = \"3\""
                .parse()
                .unwrap();
        assert_eq!(read, expected);
    }

    #[test]
    fn every_sdk_brings_the_contract() {
        for language in Language::ALL {
            let files = files(language);
            assert!(files.iter().any(|file| file.path == "wit/scimwright.wit"), "{language}");
        }
    }
}
