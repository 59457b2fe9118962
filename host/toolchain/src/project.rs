//! A mapping project: a folder with a `mapping.toml`.
//!
//! ```toml
//! name = "corp-user"          # the module: target/corp-user.wasm
//! language = "javascript"     # rust, javascript or python
//! entry = "mapping.js"        # optional: the file that the build begins at
//! world = "mapper"            # optional: mapper, defaulter or mapper-and-defaulter
//! ```
//!
//! This is the author's manifest and no configuration: the tool that provisions never reads it.

use crate::error::ToolchainError;
use crate::language::Language;
use scimwright_record::ModuleName;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::Spanned;

/// The file that makes a folder a mapping project.
pub const MANIFEST: &str = "mapping.toml";

/// A mapping project.
#[derive(Debug, Clone)]
pub struct Project {
    folder: PathBuf,
    name: String,
    language: Language,
    entry: String,
    world: Option<World>,
}

/// What a module exports, by the worlds of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// It maps records.
    Mapper,
    /// It supplies default values.
    Defaulter,
    /// It does both.
    MapperAndDefaulter,
}

impl World {
    /// Its name in `wit/` and in `mapping.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mapper => "mapper",
            Self::Defaulter => "defaulter",
            Self::MapperAndDefaulter => "mapper-and-defaulter",
        }
    }
}

impl FromStr for World {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Mapper, Self::Defaulter, Self::MapperAndDefaulter]
            .into_iter()
            .find(|world| world.name() == text)
            .ok_or_else(|| {
                format!("`{text}` is no world; there are mapper, defaulter and mapper-and-defaulter")
            })
    }
}

/// The manifest as it is written. Places are kept, for errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    name: Spanned<String>,
    language: Spanned<String>,
    entry: Option<Spanned<String>>,
    world: Option<Spanned<String>>,
}

impl Project {
    /// Reads the project in this folder.
    ///
    /// # Errors
    /// When there is no `mapping.toml`, or it has a mistake; with its line and what would be right.
    pub fn open(folder: &Path) -> Result<Self, ToolchainError> {
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Err(ToolchainError::project(
                folder,
                format!(
                    "this is no mapping project: there is no {MANIFEST}. `scimwright mapping new NAME --lang …` \
                     makes one"
                ),
            ));
        }
        let text = fs::read_to_string(&path).map_err(ToolchainError::io(&path))?;
        Self::read(folder, &text).map_err(|problem| ToolchainError::project(&path, problem))
    }

    fn read(folder: &Path, text: &str) -> Result<Self, String> {
        let manifest: Manifest = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            format!("{place}{}", error.message())
        })?;
        let at = |spanned: &Spanned<String>, problem: String| {
            format!("line {}: {problem}", line_of(text, spanned.span().start))
        };
        let read_name = ModuleName::parse(manifest.name.get_ref());
        read_name.map_err(|error| at(&manifest.name, error.to_string()))?;
        let language: Language =
            manifest.language.get_ref().parse().map_err(|problem| at(&manifest.language, problem))?;
        let world = manifest
            .world
            .as_ref()
            .map(|world| world.get_ref().parse().map_err(|problem| at(world, problem)));
        let entry = match &manifest.entry {
            Some(_) if language == Language::Rust => {
                return Err("a Rust project has no `entry`; its Cargo.toml says where it begins".into());
            }
            Some(entry) => {
                check_entry(entry.get_ref()).map_err(|problem| at(entry, problem))?;
                entry.get_ref().clone()
            }
            None => default_entry(language).to_owned(),
        };
        let name = manifest.name.into_inner();
        Ok(Self { folder: folder.to_owned(), name, language, entry, world: world.transpose()? })
    }

    /// The module's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is written in.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// The project's folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of its golden cases, whether it is there or not.
    #[must_use]
    pub fn cases(&self) -> PathBuf {
        self.folder.join("cases")
    }

    /// The component that a build writes, whether it has been built or not.
    #[must_use]
    pub fn component(&self) -> PathBuf {
        self.folder.join("target").join(format!("{}.wasm", self.name))
    }

    /// The file that the build begins at.
    pub(crate) fn entry(&self) -> PathBuf {
        self.folder.join(&self.entry)
    }

    /// The entry as the manifest has it: from the project's folder.
    pub(crate) fn entry_name(&self) -> &str {
        &self.entry
    }

    /// The world, where the manifest names one.
    pub(crate) fn world(&self) -> Option<World> {
        self.world
    }
}

fn default_entry(language: Language) -> &'static str {
    match language {
        Language::Rust => "Cargo.toml",
        Language::JavaScript => "mapping.js",
        Language::Python => "mapping.py",
    }
}

/// An entry stays inside its project: the compilers see nothing else.
fn check_entry(entry: &str) -> Result<(), String> {
    let path = Path::new(entry);
    let inside = path.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if inside && !entry.is_empty() {
        return Ok(());
    }
    Err(format!("`{entry}` is not a file of this project; write its path from this folder, as `mapping.js`"))
}

/// The number of the line that this byte stands in.
fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or(text).matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Project, String> {
        Project::read(Path::new("people"), text)
    }

    #[test]
    fn a_manifest_needs_only_a_name_and_a_language() {
        let project = read("name = \"people\"\nlanguage = \"javascript\"\n").unwrap();
        assert_eq!((project.name(), project.language()), ("people", Language::JavaScript));
        assert_eq!(project.entry(), Path::new("people/mapping.js"));
        assert_eq!(project.component(), Path::new("people/target/people.wasm"));
        assert_eq!(project.world(), None);
    }

    #[test]
    fn a_mistake_is_named_with_its_line_and_what_would_be_right() {
        for (text, line, part) in [
            ("name = \"people\"\nlanguage = \"rst\"", "line 2:", "there are rust, javascript and python"),
            ("name = \"a b\"\nlanguage = \"rust\"", "line 1:", "use letters, digits"),
            ("name = \"a\"\nlanguage = \"python\"\nworld = \"map\"", "line 3:", "mapper-and-defaulter"),
            ("name = \"a\"\nlanguage = \"python\"\nentry = \"../x.py\"", "line 3:", "path from this folder"),
            ("name = \"a\"\nlanguage = \"python\"\nentyr = \"x.py\"", "line 3:", "entry"),
            ("name = \"a\"\nlanguage = ", "line 2:", ""),
            ("name = \"a\"\n", "", "language"),
        ] {
            let problem = read(text).unwrap_err();
            assert!(problem.contains(line) && problem.contains(part), "{text}\n{problem}");
        }
    }

    #[test]
    fn a_folder_without_a_manifest_is_told_how_to_get_one() {
        let problem = Project::open(Path::new("nowhere")).unwrap_err().to_string();
        assert!(problem.contains("there is no mapping.toml. `scimwright mapping new"), "{problem}");
    }
}
