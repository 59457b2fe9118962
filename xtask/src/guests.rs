//! `cargo xtask guests`: builds the example mappings into components.
//!
//! All in one cargo invocation, into a target folder of their own, so that the standard library is built at
//! most once and native builds never wait for it. cargo leaves core modules; turning them into components
//! happens in this process. Each component is checked before it is written: a guest that imports more than the
//! contract would be refused by the host, and it is better to hear of it here.

use crate::toolchain::{TARGET, Toolchain};
use anyhow::{Context, Result, bail, ensure};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;
use wit_component::{ComponentEncoder, DecodedWasm};

/// What a guest may import, and nothing else.
const CONTRACT: &str = "scimwright:mapping/";
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
/// When there is no toolchain for guests, one does not compile, or one imports more than the contract.
pub(crate) fn build(root: &Path) -> Result<Vec<Guest>> {
    build_named(root, &discover(root)?)
}

/// Builds these packages of the workspace, as [`build`] does.
///
/// # Errors
/// As for [`build`].
pub(crate) fn build_named(root: &Path, names: &[String]) -> Result<Vec<Guest>> {
    let folder = root.join(FOLDER);
    let began = Instant::now();
    compile(root, root, names)?;
    let modules = folder.join("modules");
    fs::create_dir_all(&modules).with_context(|| format!("cannot create {}", modules.display()))?;

    let mut guests = Vec::new();
    for name in names {
        let core = core_module(root, name);
        let path = modules.join(format!("{name}.wasm"));
        let component = componentize(&core).with_context(|| format!("guest `{name}`"))?;
        let changed = fs::read(&path).ok().is_none_or(|before| before != component);
        if changed {
            write_whole(&path, &component)?;
        }
        let state = if changed { "built" } else { "up to date" };
        println!("guests: {:<16} {:>4} KB  {state}", name, component.len().div_ceil(1024));
        guests.push(Guest { name: name.clone(), path });
    }
    println!("guests: {} in {:.1} s, in {}", guests.len(), began.elapsed().as_secs_f32(), modules.display());
    Ok(guests)
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

/// The names of the guests: the folders of `mappings-examples` that hold a Rust package. The package has
/// the folder's name.
fn discover(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("mappings-examples");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        if entry.path().join("Cargo.toml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    ensure!(!names.is_empty(), "{} has no folder with a Cargo.toml", folder.display());
    names.sort();
    Ok(names)
}

/// Compiles guests of a workspace to core modules, in the one target folder.
fn compile(root: &Path, workspace: &Path, names: &[String]) -> Result<()> {
    let toolchain = Toolchain::find()?;
    let mut cargo = toolchain.cargo(&remapped_paths(root, &toolchain));
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

/// Flags that make paths in panic messages and backtraces start at the workspace, the crate, or `rust/`,
/// instead of where this machine keeps them. So the same sources give the same bytes elsewhere, and nobody's
/// home folder is in a log.
fn remapped_paths(root: &Path, toolchain: &Toolchain) -> Vec<String> {
    let mut prefixes = vec![(root.to_owned(), "")];
    if let Some(sources) = toolchain.library_sources() {
        if let Ok(real) = fs::canonicalize(&sources) {
            prefixes.push((real, "rust"));
        }
        prefixes.push((sources, "rust"));
    }
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let registries = home.and_then(|home| fs::read_dir(home.join("registry/src")).ok());
    for registry in registries.into_iter().flatten().flatten() {
        prefixes.push((registry.path(), ""));
    }
    // rustc takes the last prefix that fits.
    prefixes.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
}

/// Turns a core module into a component and checks it.
fn componentize(core: &Path) -> Result<Vec<u8>> {
    let bytes = fs::read(core).with_context(|| format!("cannot read {}", core.display()))?;
    let component = ComponentEncoder::default().validate(true).module(&bytes)?.encode()?;
    check_imports(&component)?;
    Ok(component)
}

/// Refuses a component that imports more than the contract.
fn check_imports(component: &[u8]) -> Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("it is a package of WIT and not a component");
    };
    let imports = resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key));
    let foreign: Vec<String> = imports.filter(|name| !name.starts_with(CONTRACT)).collect();
    ensure!(
        foreign.is_empty(),
        "it imports {}, which no host provides; a mapping may only import {CONTRACT}…",
        foreign.join(", ")
    );
    Ok(())
}

/// Writes a file in one step: whoever watches the folder never sees half of it.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let part = path.with_extension("wasm.part");
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component that imports an instance of this name.
    fn importing(name: &str) -> Vec<u8> {
        wat::parse_str(format!("(component (import \"{name}\" (instance)))")).unwrap()
    }

    #[test]
    fn a_guest_may_import_the_contract() {
        check_imports(&importing("scimwright:mapping/log@0.1.0")).unwrap();
    }

    #[test]
    fn a_guest_that_imports_more_than_the_contract_is_refused_by_name() {
        let error = check_imports(&importing("wasi:cli/environment@0.2.0")).unwrap_err();
        assert!(error.to_string().starts_with("it imports wasi:cli/environment@0.2.0,"), "{error}");
    }

    #[test]
    fn the_examples_are_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let names = discover(root).unwrap();
        assert!(["corp-defaults", "corp-user"].iter().all(|name| names.iter().any(|found| found == name)));
    }
}
