//! `cargo xtask guests`: builds the example mappings into components.
//!
//! Those in Rust in one cargo invocation, into a target folder of their own, so that the standard library is built
//! at most once and native builds never wait for it. Those in JavaScript and Python as their authors build them, with
//! tools that are installed into `target/tools`; they take seconds each, so one whose sources are as they were is
//! left alone.

use crate::toolchain;
use anyhow::{Context, Result, ensure};
use scimwright_tests::compilers;
use scimwright_toolchain::rust_toolchain::TARGET;
use scimwright_toolchain::{Language, Project, Tools, component, inputs_digest, project};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The target folder of guests, below the workspace's root.
const FOLDER: &str = "target/guests";

/// A guest that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Guest {
    /// The module's name: `corp-user`.
    pub(crate) name: String,
    /// The component: `target/guests/modules/corp-user.wasm`.
    pub(crate) path: PathBuf,
}

/// Builds all guests of the workspace whose root this is. What is up to date stays untouched, with its
/// time stamp, so that nothing behind it is built again.
///
/// # Errors
/// When there is no toolchain for guests, one does not compile, or one is no module that a host would load.
pub(crate) fn build(root: &Path) -> Result<Vec<Guest>> {
    let examples = Examples::discover(root)?;
    let mut guests = build_named(root, &examples.crates)?;
    if !examples.projects.is_empty() {
        let tools = compilers::install(root, |line| println!("{line}"))?;
        for project in &examples.projects {
            guests.push(build_project(root, project, &tools)?);
        }
    }
    Ok(guests)
}

/// Builds these packages of the workspace, as [`build`] does.
///
/// # Errors
/// As for [`build`].
pub(crate) fn build_named(root: &Path, names: &[String]) -> Result<Vec<Guest>> {
    let began = Instant::now();
    compile(root, root, names)?;
    let mut guests = Vec::new();
    for name in names {
        let guest = Guest { name: name.clone(), path: modules(root).join(format!("{name}.wasm")) };
        let component = component::from_core_module(&core_module(root, name))?;
        component::check(&component).map_err(|problem| anyhow::anyhow!("guest `{name}`: {problem}"))?;
        let changed = guest.write(&component)?;
        guest.tell(component.len() as u64, changed, None);
        guests.push(guest);
    }
    println!(
        "guests: {} in {:.1} s, in {}",
        guests.len(),
        began.elapsed().as_secs_f32(),
        modules(root).display()
    );
    Ok(guests)
}

/// Builds a project in JavaScript or Python that stands in this folder, with the tools in `target/tools`.
///
/// # Errors
/// When a tool cannot be installed, or it does not build.
pub(crate) fn build_folder(root: &Path, folder: &Path) -> Result<Guest> {
    let tools = compilers::install(root, |line| println!("{line}"))?;
    build_project(root, &Project::open(folder)?, &tools)
}

/// Builds a project in JavaScript or Python, unless nothing changed since it was built.
fn build_project(root: &Path, project: &Project, tools: &Tools) -> Result<Guest> {
    let name = project.name().to_owned();
    let guest = Guest { path: modules(root).join(format!("{name}.wasm")), name };
    let stamp = root.join(FOLDER).join("inputs").join(&guest.name);
    let inputs = inputs_digest(project)?;
    if let (true, Ok(size)) =
        (fs::read_to_string(&stamp).is_ok_and(|built| built == inputs), fs::metadata(&guest.path))
    {
        guest.tell(size.len(), false, None);
        return Ok(guest);
    }
    let built =
        scimwright_toolchain::build(project, tools).with_context(|| format!("guest `{}`", guest.name))?;
    let component = fs::read(&built.path).with_context(|| built.path.display().to_string())?;
    let changed = guest.write(&component)?;
    // Last: a build that was broken off is done again.
    component::write_whole(&stamp, inputs.as_bytes())?;
    guest.tell(built.bytes, changed, Some(built.took.as_secs_f32()));
    for note in &built.notes {
        println!("guests: {note}");
    }
    Ok(guest)
}

impl Guest {
    /// Writes the component, unless it is there already, and returns whether it did.
    fn write(&self, component: &[u8]) -> Result<bool> {
        let changed = fs::read(&self.path).ok().is_none_or(|before| before != component);
        if changed {
            component::write_whole(&self.path, component)?;
        }
        Ok(changed)
    }

    fn tell(&self, bytes: u64, changed: bool, seconds: Option<f32>) {
        let state = if changed { "built" } else { "up to date" };
        let took = seconds.map(|seconds| format!(" in {seconds:.1} s")).unwrap_or_default();
        println!("guests: {:<24} {:>6} KB  {state}{took}", self.name, bytes.div_ceil(1024));
    }
}

/// Where the components are.
fn modules(root: &Path) -> PathBuf {
    root.join(FOLDER).join("modules")
}

/// Builds a package of another workspace inside this one to a core module, for a host that knows no components.
///
/// # Errors
/// When there is no toolchain for guests, or it does not compile.
pub(crate) fn build_core(root: &Path, workspace: &Path, name: &str) -> Result<PathBuf> {
    compile(root, workspace, &[name.to_owned()])?;
    Ok(core_module(root, name))
}

/// Where cargo leaves the core module of a package.
fn core_module(root: &Path, name: &str) -> PathBuf {
    root.join(FOLDER).join(TARGET).join("guest").join(format!("{}.wasm", name.replace('-', "_")))
}

/// What there is in `mappings-examples`, by name.
struct Examples {
    /// Folders with a Rust package, which has the folder's name and is a member of the workspace.
    crates: Vec<String>,
    /// Folders with a `mapping.toml` in another language.
    projects: Vec<Project>,
}

impl Examples {
    fn discover(root: &Path) -> Result<Self> {
        let folder = root.join("mappings-examples");
        let entries = fs::read_dir(&folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let mut folders: Vec<_> = entries
            .with_context(|| format!("cannot read {}", folder.display()))?
            .into_iter()
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
            .collect();
        folders.sort();
        let mut examples = Self { crates: Vec::new(), projects: Vec::new() };
        for (name, path) in folders {
            if path.join("Cargo.toml").is_file() {
                examples.crates.push(name);
            } else if path.join(project::MANIFEST).is_file() {
                let project = Project::open(&path)?;
                ensure!(
                    project.language() != Language::Rust && project.name() == name,
                    "{}: an example in {} is named as its folder; one in Rust has a Cargo.toml",
                    path.display(),
                    project.language()
                );
                examples.projects.push(project);
            }
        }
        ensure!(!examples.crates.is_empty(), "{} has no folder with a Cargo.toml", folder.display());
        Ok(examples)
    }
}

/// Compiles guests of a workspace to core modules, in the one target folder.
fn compile(root: &Path, workspace: &Path, names: &[String]) -> Result<()> {
    let toolchain = toolchain::find()?;
    let mut cargo = toolchain.cargo(&toolchain.remapped_paths(root));
    cargo
        .current_dir(workspace)
        // The lock file is the workspace's, and another cargo might like to write it differently.
        .args(["build", "--locked", "--lib", "--profile", "guest", "--target-dir"])
        .arg(root.join(FOLDER))
        .args(toolchain.target_arguments());
    for name in names {
        cargo.args(["--package", name]);
    }
    let status = cargo.status().context("cannot run cargo")?;
    ensure!(status.success(), "the guests do not compile ({status}); the messages are above");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let names = Examples::discover(root).unwrap().crates;
        assert!(["corp-defaults", "corp-user"].iter().all(|name| names.iter().any(|found| found == name)));
    }

    #[test]
    fn an_example_in_another_language_is_found_by_its_manifest() {
        let root = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("a/Cargo.toml", ""),
            ("b/mapping.toml", "name = \"b\"\nlanguage = \"python\""),
            ("notes/README.md", ""),
        ] {
            let path = root.path().join("mappings-examples").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let examples = Examples::discover(root.path()).unwrap();
        assert_eq!(examples.crates, ["a"]);
        assert_eq!(examples.projects.iter().map(Project::name).collect::<Vec<_>>(), ["b"]);
    }
}
