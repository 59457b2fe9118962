//! The tools that others wrote, which turn JavaScript and Python into components: where they are, and which version.

use crate::error::ToolchainError;
use crate::process::Program;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Explicit paths of tools. What is `None` is looked for: in the project or just around it, then in
/// `PATH`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tools {
    /// `componentize-qjs`, for JavaScript.
    pub componentize_qjs: Option<PathBuf>,
    /// `componentize-py`, for Python.
    pub componentize_py: Option<PathBuf>,
}

/// The version of componentize-qjs that this scimwright was tried with.
pub const COMPONENTIZE_QJS: &str = "0.4.5";
/// The version of componentize-py that this scimwright was tried with.
pub const COMPONENTIZE_PY: &str = "0.25.1";

/// How many folders are looked into for a tool: that of the sources and the two around it, which is where a
/// configuration folder keeps what its `modules/` and its cache need. Not all the way up, as Node.js does: a program
/// that anybody could put into `/tmp` is not run.
const NEAR: usize = 3;

/// A tool that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    /// What it says of itself, where it does.
    pub(crate) version: Option<String>,
    tried: &'static str,
}

impl Tools {
    /// Finds componentize-qjs for sources in this folder. `place` is where somebody would install it.
    ///
    /// # Errors
    /// [`ToolchainError::MissingTool`], with the command that installs it.
    pub(crate) fn javascript(&self, folder: &Path, place: &str) -> Result<Tool, ToolchainError> {
        let name = "componentize-qjs";
        let path = find(self.componentize_qjs.as_deref(), folder, "node_modules/.bin", name);
        let path = path.ok_or_else(|| ToolchainError::MissingTool {
            needs: "mappings in JavaScript are built with it".into(),
            tool: self.componentize_qjs.as_ref().map_or(name.into(), |path| path.display().to_string()),
            install: format!("`npm install --save-dev {name}@{COMPONENTIZE_QJS}` in {place}"),
        })?;
        let version = version_of_package(&path);
        Ok(Tool { name, path, version, tried: COMPONENTIZE_QJS })
    }

    /// Finds componentize-py for sources in this folder.
    ///
    /// # Errors
    /// [`ToolchainError::MissingTool`], with the command that installs it.
    pub(crate) fn python(&self, folder: &Path) -> Result<Tool, ToolchainError> {
        let name = "componentize-py";
        let path = find(self.componentize_py.as_deref(), folder, ".venv/bin", name);
        let path = path.ok_or_else(|| ToolchainError::MissingTool {
            needs: "mappings in Python are built with it".into(),
            tool: self.componentize_py.as_ref().map_or(name.into(), |path| path.display().to_string()),
            install: format!(
                "`python3 -m venv .venv && .venv/bin/pip install {name}=={COMPONENTIZE_PY}` in {}",
                folder.display()
            ),
        })?;
        let version =
            Program { tool: name, limit: Duration::from_secs(30), hint: "it was asked for its version" }
                .run(Command::new(&path).arg("--version"))?;
        let version = version.stdout.split_whitespace().last().map(str::to_owned);
        Ok(Tool { name, path, version, tried: COMPONENTIZE_PY })
    }
}

impl Tool {
    /// Its version, for digests and for people.
    pub(crate) fn version(&self) -> &str {
        self.version.as_deref().unwrap_or("unknown")
    }

    /// A sentence where it is another version than the one that was tried.
    pub(crate) fn note(&self) -> Option<String> {
        let Self { name, tried, .. } = self;
        (self.version() != *tried)
            .then(|| format!("{name} is version {}; this scimwright was tried with {tried}", self.version()))
    }
}

/// The tool's path. One that was given explicitly is not replaced by another.
fn find(explicit: Option<&Path>, folder: &Path, local: &str, name: &str) -> Option<PathBuf> {
    if let Some(path) = explicit {
        return program(path);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    // Whoever calls may stand elsewhere than the project.
    let folder = std::path::absolute(folder).ok()?;
    let near = folder.ancestors().take(NEAR).map(|folder| folder.join(local));
    let mut folders = near.chain(env::split_paths(&path));
    folders.find_map(|folder| program(&folder.join(name)))
}

/// The path with the ending that programs have on this system.
fn program(path: &Path) -> Option<PathBuf> {
    let endings = if cfg!(windows) { &["exe", "cmd"][..] } else { &[] };
    let with_ending = endings.iter().map(|ending| path.with_extension(ending));
    with_ending.chain([path.to_owned()]).find(|path| path.is_file())
}

/// The version in the `package.json` of the npm package that a program belongs to. It has no `--version`.
fn version_of_package(program: &Path) -> Option<String> {
    let real = program.canonicalize().ok()?;
    let manifest = real
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join("package.json"))
        .find(|path| path.is_file())?;
    let text = std::fs::read_to_string(manifest).ok()?;
    let package: serde_json::Value = serde_json::from_str(&text).ok()?;
    Some(package.get("version")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A folder with an npm package installed in it.
    fn installed(version: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("node_modules/componentize-qjs");
        fs::create_dir_all(package.join("bin")).unwrap();
        fs::write(package.join("package.json"), format!("{{\"version\":\"{version}\"}}")).unwrap();
        fs::write(package.join("bin/componentize-qjs"), "").unwrap();
        let bin = folder.path().join("node_modules/.bin");
        fs::create_dir_all(&bin).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("../componentize-qjs/bin/componentize-qjs", bin.join("componentize-qjs"))
            .unwrap();
        folder
    }

    #[cfg(unix)]
    #[test]
    fn the_project_s_own_tool_is_found_with_its_version() {
        let folder = installed("0.4.5");
        let tool = Tools::default().javascript(folder.path(), "the project").unwrap();
        assert!(tool.path.starts_with(folder.path()), "{tool:?}");
        assert_eq!((tool.version(), tool.note()), ("0.4.5", None));
        let other = Tools::default().javascript(installed("0.5.0").path(), "the project").unwrap();
        assert_eq!(
            other.note().unwrap(),
            "componentize-qjs is version 0.5.0; this scimwright was tried with 0.4.5"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_tool_of_the_folder_around_is_found_and_one_far_above_is_not() {
        let folder = installed("0.4.5");
        let find = |path: &str| {
            let local = "node_modules/.bin";
            super::find(None, &folder.path().join(path), local, "componentize-qjs")
                .filter(|path| path.starts_with(folder.path()))
        };
        assert!(find("modules").is_some() && find("state/cache").is_some());
        assert_eq!(find("a/b/c"), None);
    }

    #[test]
    fn a_tool_that_was_named_and_is_not_there_is_not_replaced_by_another() {
        let tools = Tools { componentize_qjs: Some("/nowhere/qjs".into()), ..Tools::default() };
        let error = tools.javascript(installed("0.4.5").path(), "the project").unwrap_err().to_string();
        assert!(
            error.contains(
                "/nowhere/qjs is missing: mappings in JavaScript are built with it. To install it: `npm install --save-dev componentize-qjs@0.4.5` in the project"
            ),
            "{error}"
        );
    }

    #[test]
    fn the_command_that_installs_the_python_tool_is_named() {
        let tools = Tools { componentize_py: Some("/nowhere/py".into()), ..Tools::default() };
        let error = tools.python(Path::new("people")).unwrap_err().to_string();
        assert!(error.contains("pip install componentize-py==0.25.1` in people"), "{error}");
    }
}
