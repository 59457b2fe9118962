//! Python: componentize-py imports the module once and takes a snapshot of CPython.
//!
//! The tool gets a copy of the project's `.py` files and nothing else: it would take in whatever lies in the folders
//! that it is given, the virtual environment and the last build included.

use crate::error::ToolchainError;
use crate::language::Language;
use crate::process::Program;
use crate::project::Project;
use crate::sdk;
use crate::tools::Tools;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(300);
/// Folders of a project that hold no sources of the mapping.
const LEFT_OUT: [&str; 6] = ["target", "sdk", "cases", "tests", "node_modules", "__pycache__"];

pub(super) fn build(
    project: &Project,
    tools: &Tools,
    notes: &mut Vec<String>,
) -> Result<Vec<u8>, ToolchainError> {
    let source = super::read_entry(project)?;
    let tool = tools.python(project.folder())?;
    notes.extend(tool.note());
    let scratch = super::scratch(&project.folder().join("target"))?;
    let scratch_folder = std::path::absolute(scratch.path()).map_err(ToolchainError::io(scratch.path()))?;
    let own_sdk = project.folder().join("sdk");
    let contract = sdk::contract_for(&own_sdk, &scratch_folder)?;
    let contract = std::path::absolute(&contract).map_err(ToolchainError::io(&contract))?;

    let app = scratch_folder.join("app");
    copy_sources(project.folder(), &app, &LEFT_OUT)?;
    if own_sdk.join("scimwright").is_dir() {
        copy_sources(&own_sdk, &app, &[])?;
    } else {
        let files = sdk::files(Language::Python);
        let package: Vec<_> = files.into_iter().filter(|file| file.path.starts_with("scimwright/")).collect();
        sdk::unpack(&package, &app)?;
    }

    let output = scratch_folder.join("component.wasm");
    let world = project.world().unwrap_or_else(|| super::world_of(&source, "@mapping", "@defaults"));
    let mut command = Command::new(&tool.path);
    command
        .current_dir(&scratch_folder)
        .env("RUST_BACKTRACE", "0")
        .arg("--wit-path")
        .arg(&contract)
        .args(["--world", world.name(), "--quiet", "componentize", &module_name(project.entry_name())])
        .arg("--python-path")
        .arg(&app)
        .arg("--output")
        .arg(&output);
    let hint =
        "the module is imported once while it is built; a loop outside of its functions may have no end";
    let printed = Program { tool: tool.name, limit: LIMIT, hint }.run(&mut command)?;
    if !printed.success {
        let output = readable(&format!("{}{}", printed.stdout, printed.stderr));
        return Err(ToolchainError::CompileFailed { tool: tool.name.into(), output });
    }
    fs::read(&output).map_err(ToolchainError::io(&output))
}

/// `people/mapping.py` as Python imports it: `people.mapping`.
fn module_name(entry: &str) -> String {
    entry.strip_suffix(".py").unwrap_or(entry).replace('/', ".")
}

/// Copies the `.py` files of a folder and of those in it. Names with a dot in front are left out.
fn copy_sources(from: &Path, to: &Path, left_out: &[&str]) -> Result<(), ToolchainError> {
    fs::create_dir_all(to).map_err(ToolchainError::io(to))?;
    for entry in fs::read_dir(from).map_err(ToolchainError::io(from))? {
        let path = entry.map_err(ToolchainError::io(from))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if name.starts_with('.') || left_out.contains(&name) {
            continue;
        }
        if path.is_dir() {
            copy_sources(&path, &to.join(name), left_out)?;
        } else if Path::new(name).extension().is_some_and(|kind| kind == "py" || kind == "json") {
            fs::copy(&path, to.join(name)).map_err(ToolchainError::io(&path))?;
        }
    }
    Ok(())
}

/// What Python says, without the tool's own frames, and with paths as they are in the project.
fn readable(said: &str) -> String {
    let said = said.split("\nCaused by:").next().unwrap_or(said);
    // The tool is itself a Python program, and what the author has to see is in its own traceback.
    let said = said.split_once("AssertionError: ").map_or(said, |(_, author)| author);
    said.trim().replace("File \"/0/", "File \"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tool_sees_sources_and_no_environment() {
        let project = tempfile::tempdir().unwrap();
        for file in
            ["mapping.py", "people/names.py", ".venv/lib/x.py", "target/y.py", "sdk/z.py", "README.md"]
        {
            let path = project.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let copy = project.path().join("target/copy");
        copy_sources(project.path(), &copy, &LEFT_OUT).unwrap();
        assert!(copy.join("mapping.py").is_file() && copy.join("people/names.py").is_file());
        assert_eq!(fs::read_dir(&copy).unwrap().count(), 2);
    }

    #[test]
    fn a_mistake_is_told_with_the_author_s_file_and_line() {
        let said = "Traceback (most recent call last):\n  File \"/venv/bin/componentize-py\", line 8, in <module>\n\
                    AssertionError: Traceback (most recent call last):\n  File \"/0/mapping.py\", line 3, in <module>\n\
                    NameError: name 'x' is not defined\n\n\nCaused by:\n    NameError\n\nStack backtrace:\n   0: f";
        assert_eq!(
            readable(said),
            "Traceback (most recent call last):\n  File \"mapping.py\", line 3, in <module>\n\
             NameError: name 'x' is not defined"
        );
        let said = "Traceback (most recent call last):\n  File \"/venv/bin/componentize-py\", line 8, in <module>\n\
                    AssertionError:   File \"/0/mapping.py\", line 17\n    f(\n     ^\nSyntaxError: '(' was never closed\n";
        assert_eq!(
            readable(said),
            "File \"mapping.py\", line 17\n    f(\n     ^\nSyntaxError: '(' was never closed"
        );
    }

    #[test]
    fn an_entry_is_imported_by_its_name() {
        assert_eq!(module_name("mapping.py"), "mapping");
        assert_eq!(module_name("people/mapping.py"), "people.mapping");
    }
}
