//! JavaScript: componentize-qjs runs the module once, up to its exports, and takes a snapshot of QuickJS.
//!
//! `import … from "scimwright"` is resolved as everywhere: in `node_modules`. npm puts a link to the project's `sdk/`
//! there; where nobody ran npm, the build puts a copy.

use crate::component::write_whole;
use crate::error::ToolchainError;
use crate::language::Language;
use crate::process::Program;
use crate::project::{Project, World};
use crate::sdk::{self, SdkFile};
use crate::tools::{Tool, Tools};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
/// In our copy of the SDK, and in no other: what has it may be written anew.
const MARK: &str = ".copied-by-scimwright";

/// A JavaScript module to build.
pub(crate) struct Sources<'a> {
    /// The folder that imports are resolved in.
    pub(crate) root: &'a Path,
    /// The file to begin at, in that folder.
    pub(crate) entry: &'a str,
    /// What it exports.
    pub(crate) world: World,
    /// The contract's folder.
    pub(crate) contract: &'a Path,
}

pub(super) fn build(
    project: &Project,
    tools: &Tools,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, ToolchainError> {
    let source = super::read_entry(project)?;
    let tool = tools.javascript(project.folder(), &project.folder().display().to_string())?;
    notes.extend(tool.note());
    let sdk = project.folder().join("sdk");
    make_importable(project.folder(), &own_sdk(&sdk)?)?;
    let scratch = super::scratch(&project.folder().join("target"))?;
    let sources = Sources {
        root: project.folder(),
        entry: project.entry_name(),
        world: project.world().unwrap_or_else(|| world_of(&source)),
        contract: &sdk::contract_for(&sdk, scratch.path())?,
    };
    componentize(&tool, &sources, scratch.path())
}

/// What a source exports, as the SDK has authors write it.
pub(crate) fn world_of(source: &str) -> World {
    super::world_of(source, "attributeMapping", "defaultValues")
}

/// The SDK in the project, or ours where it has none.
fn own_sdk(folder: &Path) -> Result<Vec<SdkFile>, ToolchainError> {
    if !folder.join("package.json").is_file() {
        return Ok(sdk::files(Language::JavaScript));
    }
    let mut files = Vec::new();
    read_files(folder, "", &mut files)?;
    Ok(files)
}

/// The files of a folder and of those in it, by their paths from there.
fn read_files(folder: &Path, below: &str, files: &mut Vec<SdkFile>) -> Result<(), ToolchainError> {
    for entry in fs::read_dir(folder).map_err(ToolchainError::io(folder))? {
        let path = entry.map_err(ToolchainError::io(folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let below = format!("{below}{name}");
        if path.is_dir() {
            read_files(&path, &format!("{below}/"), files)?;
        } else {
            let text = fs::read_to_string(&path).map_err(ToolchainError::io(&path))?;
            files.push(SdkFile { path: below, text });
        }
    }
    Ok(())
}

/// Sees to it that `scimwright` can be imported in this folder.
pub(crate) fn make_importable(folder: &Path, files: &[SdkFile]) -> Result<(), ToolchainError> {
    let package = folder.join("node_modules").join("scimwright");
    let mark = package.join(MARK);
    if package.exists() && !mark.is_file() {
        return Ok(()); // npm's own.
    }
    if package.is_symlink() {
        fs::remove_file(&package).map_err(ToolchainError::io(&package))?; // To where nothing is any more.
    }
    write_whole(&mark, b"")?;
    for file in files {
        let path = package.join(&file.path);
        // Most often it is there already.
        if fs::read_to_string(&path).ok().as_deref() != Some(&*file.text) {
            write_whole(&path, file.text.as_bytes())?;
        }
    }
    Ok(())
}

/// Runs the tool.
///
/// # Errors
/// When it refuses the sources or does not end.
pub(crate) fn componentize(
    tool: &Tool,
    sources: &Sources<'_>,
    scratch: &Path,
) -> Result<Vec<u8>, ToolchainError> {
    let absolute = |path: &Path| std::path::absolute(path).map_err(ToolchainError::io(path));
    let root = absolute(sources.root)?;
    let output = absolute(scratch)?.join("component.wasm");
    let mut command = Command::new(&tool.path);
    command
        .current_dir(&root)
        .arg("--wit")
        .arg(absolute(sources.contract)?)
        .arg("--js")
        .arg(root.join(sources.entry))
        .arg("--module-root")
        .arg(&root)
        .args(["--world", sources.world.name(), "--sync", "--output"])
        .arg(&output);
    let hint = "the module is run once while it is built; a loop outside of its functions may have no end";
    let printed = Program { tool: tool.name, limit: LIMIT, hint }.run(&mut command)?;
    if !printed.success {
        return Err(ToolchainError::CompileFailed {
            tool: tool.name.into(),
            output: readable(&printed.stderr),
        });
    }
    fs::read(&output).map_err(ToolchainError::io(&output))
}

/// What the tool says, without what it says of itself, and with paths as they are in the project.
fn readable(stderr: &str) -> String {
    let mut text = stderr.trim();
    for stage in ["Failed to declare JavaScript module: ", "Failed to finish JavaScript module evaluation: "]
    {
        if let Some((_, rest)) = text.split_once(stage) {
            text = rest;
        }
    }
    let text = text.strip_prefix("Error: ").unwrap_or(text);
    let text =
        text.trim_start().replace("(/", "(").replace("    at /", "    at ").replace("from '/", "from '");
    // Where in the SDK a mistake was noticed is nothing to an author.
    let telling = |line: &&str| !(line.contains("(node_modules/scimwright/") || line.ends_with("(native)"));
    text.lines().filter(telling).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_with_the_author_s_file_and_line() {
        let said = "Error: : Failed to evaluate user JavaScript module: Failed to declare JavaScript module: \
                    Error: unexpected token in expression: ';'\n    at /mapping.js:3:47\n\n";
        assert_eq!(readable(said), "unexpected token in expression: ';'\n    at mapping.js:3:47");
    }

    #[test]
    fn a_mistake_that_the_sdk_noticed_is_told_with_the_author_s_line_only() {
        let said = "Failed to finish JavaScript module evaluation: Error: `nam` is nothing it takes\n    \
                    at wrong (/node_modules/scimwright/mapping.js:120:95)\n    at <anonymous> (/mapping.js:4:44)\n    \
                    at <anonymous> (native)\n";
        assert_eq!(readable(said), "`nam` is nothing it takes\n    at <anonymous> (mapping.js:4:44)");
    }

    #[test]
    fn the_sdk_can_be_imported_without_npm_and_npm_s_own_stays() {
        let folder = tempfile::tempdir().unwrap();
        let files = |text: &str| vec![SdkFile { path: "scimwright.js".into(), text: text.into() }];
        let copy = folder.path().join("node_modules/scimwright/scimwright.js");
        make_importable(folder.path(), &files("one")).unwrap();
        make_importable(folder.path(), &files("two")).unwrap();
        assert_eq!(fs::read_to_string(&copy).unwrap(), "two", "a newer SDK comes along");

        fs::remove_file(copy.with_file_name(MARK)).unwrap();
        make_importable(folder.path(), &files("three")).unwrap();
        assert_eq!(fs::read_to_string(&copy).unwrap(), "two");
    }
}
