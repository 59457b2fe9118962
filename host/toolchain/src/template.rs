//! `mapping new`: a small project that works, to be changed.
//!
//! The templates are real files in `templates/`, a folder for each language and one for what they share. Their
//! module is called `my-mapping`; that name is replaced, nothing else is.

use crate::component::write_whole;
use crate::embedded;
use crate::error::ToolchainError;
use crate::language::Language;
use crate::sdk;
use scimwright_record::ModuleName;
use std::fs;
use std::path::{Path, PathBuf};

/// The module's name in the templates.
const PLACEHOLDER: &str = "my-mapping";

/// Writes a new project into a folder, and returns the files that somebody may want to look at: all but the SDK's.
///
/// # Errors
/// When the name cannot be one, or the folder exists and has something in it.
pub fn new_project(folder: &Path, name: &str, language: Language) -> Result<Vec<PathBuf>, ToolchainError> {
    check_name(folder, name)?;
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) || folder.is_file() {
        let problem =
            "it exists and is not empty, and nothing in it is overwritten; choose another name, or empty it";
        return Err(ToolchainError::project(folder, problem));
    }
    let own = match language {
        Language::Rust => "host/toolchain/templates/rust",
        Language::JavaScript => "host/toolchain/templates/js",
        Language::Python => "host/toolchain/templates/python",
    };
    let mut written = Vec::new();
    for file in embedded::below(own).chain(embedded::below("host/toolchain/templates/common")) {
        // With the dot, git would heed it in our own repository.
        let path = folder.join(if file.path == "gitignore" { ".gitignore" } else { file.path });
        write_whole(&path, file.text.replace(PLACEHOLDER, name).as_bytes())?;
        written.push(path);
    }
    sdk::unpack(&sdk::files(language), &folder.join("sdk"))?;
    written.sort();
    Ok(written)
}

/// A name that is good everywhere: as a module, a folder, a crate and an npm package.
fn check_name(folder: &Path, name: &str) -> Result<(), ToolchainError> {
    let refuse = |problem: String| Err(ToolchainError::project(folder, problem));
    if let Err(error) = ModuleName::parse(name) {
        return refuse(error.to_string());
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.contains(|c: char| c.is_ascii_uppercase())
    {
        return refuse(format!(
            "`{name}` is no name for a project: it starts with a lower-case letter and has lower-case letters, \
             digits, `-` and `_`, as `corp-user`"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;
    use crate::project::Project;

    fn made(language: Language) -> (tempfile::TempDir, PathBuf) {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("people");
        new_project(&folder, "people", language).unwrap();
        (parent, folder)
    }

    #[test]
    fn a_new_project_is_whole_and_called_by_its_name() {
        for language in Language::ALL {
            let (_parent, folder) = made(language);
            let project = Project::open(&folder).unwrap();
            assert_eq!((project.name(), project.language()), ("people", language));
            assert!(project.entry().is_file(), "{language}");
            assert!(cases::gather(&project.cases()).unwrap().count >= 2);
            for file in ["README.md", ".gitignore", "mapping.toml"] {
                let text = fs::read_to_string(folder.join(file)).unwrap();
                assert!(!text.is_empty() && !text.contains(PLACEHOLDER), "{language}: {file}");
            }
            let readme = fs::read_to_string(folder.join("README.md")).unwrap();
            for command in ["mapping build", "mapping test", "mapping run", "mapping inspect"] {
                assert!(readme.contains(&format!("scimwright {command}")), "{language}: {command}");
            }
            assert!(folder.join("sdk/wit/scimwright.wit").is_file());
        }
    }

    #[test]
    fn every_language_maps_the_same_cases() {
        let lines: Vec<_> = Language::ALL
            .into_iter()
            .map(|language| {
                let (_parent, folder) = made(language);
                cases::gather(&folder.join("cases")).unwrap().lines
            })
            .collect();
        assert!(lines.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_rust_project_stands_alone_on_the_unpacked_sdk() {
        let (_parent, folder) = made(Language::Rust);
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        assert!(manifest.contains_key("workspace"), "it belongs to no workspace around it");
        let sdk = manifest["dependencies"]["scimwright-guest"]["path"].as_str().unwrap();
        assert!(folder.join(sdk).join("Cargo.toml").is_file());
    }

    #[test]
    fn nothing_is_overwritten() {
        let (_parent, folder) = made(Language::Python);
        let error = new_project(&folder, "people", Language::Rust).unwrap_err().to_string();
        assert!(error.contains("exists and is not empty"), "{error}");
    }

    #[test]
    fn an_empty_folder_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(new_project(folder.path(), "people", Language::JavaScript).unwrap().len() >= 6);
    }

    #[test]
    fn a_name_that_no_module_can_have_is_refused_with_what_would_be_right() {
        for name in ["", "a b", "../x", "9lives", "Corp", "-x"] {
            let folder = tempfile::tempdir().unwrap();
            let error = new_project(folder.path(), name, Language::Rust).unwrap_err().to_string();
            assert!(error.contains("letter") || error.contains("empty"), "{name}: {error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{name}");
        }
    }
}
