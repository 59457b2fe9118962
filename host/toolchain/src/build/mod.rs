//! From a project to `target/NAME.wasm`.
//!
//! - `rust`: cargo, then a component of the core module it leaves
//! - `javascript`: componentize-qjs
//! - `python`: componentize-py
//!
//! What they have in common is here: the golden cases go in, what no host would load is refused, and the file is
//! written whole.

pub(crate) mod javascript;
mod python;
mod rust;

use crate::cases;
use crate::component;
use crate::error::ToolchainError;
use crate::language::Language;
use crate::project::{Project, World};
use crate::tools::Tools;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A component that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// How long it took, compilers included.
    pub took: Duration,
    /// How many golden cases travel in it.
    pub cases: usize,
    /// What the author should know, a sentence or some lines each: warnings, other versions of tools.
    pub notes: Vec<String>,
}

/// Builds a project. Nothing is installed; what is missing is named with the command that brings it.
///
/// # Errors
/// When a tool is missing, refuses the sources or does not end, or what comes out is no mapping.
pub fn build(project: &Project, tools: &Tools) -> Result<Built, ToolchainError> {
    let begun = Instant::now();
    // First: a mistake in a case is found in no time.
    let cases = cases::gather(&project.cases())?;
    let mut notes = Vec::new();
    for name in &cases.open {
        notes.push(format!(
            "the case {name} expects nothing yet, and is left out; `scimwright mapping test --update` takes what comes out"
        ));
    }
    let mut component = match project.language() {
        Language::Rust => rust::build(project, &mut notes)?,
        Language::JavaScript => javascript::build(project, tools, &mut notes)?,
        Language::Python => python::build(project, tools, &mut notes)?,
    };
    let path = project.component();
    component::check(&component)
        .map_err(|problem| ToolchainError::BadComponent { path: path.clone(), problem })?;
    if cases.count > 0 {
        component = component::with_cases(component, &cases.lines);
    }
    component::write_whole(&path, &component)?;
    Ok(Built { bytes: component.len() as u64, path, took: begun.elapsed(), cases: cases.count, notes })
}

/// The source that a build begins at, as text.
fn read_entry(project: &Project) -> Result<String, ToolchainError> {
    let path = project.entry();
    if !path.is_file() {
        let problem = format!(
            "there is no such file, where the mapping should begin; `entry` in {} names another",
            crate::project::MANIFEST
        );
        return Err(ToolchainError::project(&path, problem));
    }
    std::fs::read_to_string(&path).map_err(ToolchainError::io(&path))
}

/// The world of a module that exports these, by the words for them in its source.
fn world_of(source: &str, maps: &str, supplies: &str) -> World {
    match (source.contains(maps), source.contains(supplies)) {
        (true, true) => World::MapperAndDefaulter,
        (false, true) => World::Defaulter,
        _ => World::Mapper,
    }
}

/// A folder of its own for what a build leaves behind, gone when it is dropped. It stands in `target/`, so that it
/// is on the same disk and nobody looks at it.
fn scratch(folder: &Path) -> Result<tempfile::TempDir, ToolchainError> {
    std::fs::create_dir_all(folder).map_err(ToolchainError::io(folder))?;
    tempfile::Builder::new().prefix(".build-").tempdir_in(folder).map_err(ToolchainError::io(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_follows_from_what_a_source_exports() {
        let world = |source| world_of(source, "attributeMapping", "defaultValues");
        assert_eq!(world("export const { about, attributeMapping } ="), World::Mapper);
        assert_eq!(world("export const { about, defaultValues } ="), World::Defaulter);
        assert_eq!(
            world("export const { about, attributeMapping, defaultValues } ="),
            World::MapperAndDefaulter
        );
    }

    #[test]
    fn an_entry_that_is_not_there_is_told_with_where_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mapping.toml"), "name = \"a\"\nlanguage = \"javascript\"")
            .unwrap();
        let error = read_entry(&Project::open(folder.path()).unwrap()).unwrap_err().to_string();
        assert!(
            error.contains("mapping.js: there is no such file") && error.contains("`entry` in mapping.toml")
        );
    }
}
