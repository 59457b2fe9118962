//! The last steps to a component: from a core module, checked, with the author's cases in it, written whole.

use crate::error::ToolchainError;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use tempfile::NamedTempFile;
use wasm_encoder::{ComponentSection as _, CustomSection};
use wit_component::{ComponentEncoder, DecodedWasm};

/// The custom section of a component that holds its golden cases, one JSON object a line.
pub const CASES_SECTION: &str = "scimwright:cases";

/// What a module may import of the contract.
const CONTRACT: &str = "scimwright:mapping/";
/// What the runtimes of JavaScript and Python import besides. The host provides it, and it grants nothing.
const WASI: [&str; 6] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/", "wasi:sockets/"];

/// Turns a core module, as a Rust compiler leaves it, into a component.
///
/// # Errors
/// When it has no embedded component type (no `export!`), or is no module.
pub fn from_core_module(core: &Path) -> Result<Vec<u8>, ToolchainError> {
    let bytes = fs::read(core).map_err(ToolchainError::io(core))?;
    let encoded =
        ComponentEncoder::default().validate(true).module(&bytes).and_then(ComponentEncoder::encode);
    encoded.map_err(|error| ToolchainError::BadComponent {
        path: core.to_owned(),
        problem: format!(
            "it cannot be made a component: {error:#}. A mapping in Rust has one \
             `scimwright_guest::export!(…)` and the crate type `cdylib`"
        ),
    })
}

/// Refuses a component that no host would load, by what it imports and exports.
///
/// # Errors
/// When it imports anything but the contract and WASI 0.2, or exports no mapping.
pub fn check(component: &[u8]) -> Result<(), String> {
    let decoded =
        wit_component::decode(component).map_err(|error| format!("it is no component: {error:#}"))?;
    let DecodedWasm::Component(resolve, world) = decoded else {
        return Err("it is a package of WIT and not a component".into());
    };
    let world = &resolve.worlds[world];
    let imports = world.imports.keys().map(|key| resolve.name_world_key(key));
    let foreign: Vec<String> = imports.filter(|name| !is_provided(name)).collect();
    if !foreign.is_empty() {
        return Err(format!(
            "it imports {}, which no host provides; a mapping may import {CONTRACT}… and WASI 0.2",
            foreign.join(", ")
        ));
    }
    let exported: Vec<String> = world.exports.keys().map(|key| resolve.name_world_key(key)).collect();
    let exports = |name: &str| exported.iter().any(|found| found.starts_with(&format!("{CONTRACT}{name}@")));
    if !exports("about") || !(exports("attribute-mapping") || exports("default-values")) {
        return Err(format!(
            "it exports {}, which is no mapping; that takes {CONTRACT}about, and attribute-mapping or default-values",
            if exported.is_empty() { "nothing".to_owned() } else { exported.join(", ") }
        ));
    }
    Ok(())
}

fn is_provided(import: &str) -> bool {
    let wasi = WASI.iter().any(|package| import.starts_with(package));
    import.starts_with(CONTRACT) || (wasi && import.contains("@0.2."))
}

/// The component with its golden cases in it: JSON objects, one a line.
#[must_use]
pub fn with_cases(mut component: Vec<u8>, cases: &str) -> Vec<u8> {
    let section = CustomSection { name: CASES_SECTION.into(), data: cases.as_bytes().into() };
    section.append_to_component(&mut component);
    component
}

/// Writes a file in one step: whoever watches the folder never sees half of it.
///
/// # Errors
/// When the folder cannot be made, or the file cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ToolchainError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(ToolchainError::io(folder))?;
    let mut part = NamedTempFile::new_in(folder).map_err(ToolchainError::io(folder))?;
    part.write_all(bytes).map_err(ToolchainError::io(path))?;
    #[cfg(unix)]
    {
        // A temporary file is its owner's alone; a module is for whoever runs it.
        use std::os::unix::fs::PermissionsExt as _;
        let readable = fs::Permissions::from_mode(0o644);
        part.as_file().set_permissions(readable).map_err(ToolchainError::io(path))?;
    }
    part.persist(path).map_err(|error| ToolchainError::Io { path: path.to_owned(), error: error.error })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component that imports and exports instances of these names.
    fn component(imports: &[&str], exports: &[&str]) -> Vec<u8> {
        let imports: String = imports.iter().map(|name| format!("(import \"{name}\" (instance))")).collect();
        let exports: String = exports
            .iter()
            .enumerate()
            .map(|(at, name)| format!("(instance $i{at}) (export \"{name}\" (instance $i{at}))"))
            .collect();
        wat::parse_str(format!("(component {imports} {exports})")).unwrap()
    }

    const MAPPER: [&str; 2] =
        ["scimwright:mapping/about@0.1.0", "scimwright:mapping/attribute-mapping@0.1.0"];

    #[test]
    fn a_mapping_may_import_the_contract_and_wasi() {
        check(&component(&["scimwright:mapping/log@0.1.0", "wasi:clocks/wall-clock@0.2.6"], &MAPPER))
            .unwrap();
    }

    #[test]
    fn what_no_host_provides_is_refused_by_name() {
        for name in ["wasi:http/types@0.2.0", "wasi:cli/environment@0.3.0", "acme:vault/keys"] {
            let problem = check(&component(&["scimwright:mapping/log@0.1.0", name], &MAPPER)).unwrap_err();
            assert!(problem.starts_with(&format!("it imports {name},")), "{problem}");
        }
    }

    #[test]
    fn a_component_that_maps_nothing_is_refused() {
        let problem = check(&component(&[], &MAPPER[..1])).unwrap_err();
        assert!(
            problem.starts_with("it exports scimwright:mapping/about@0.1.0, which is no mapping"),
            "{problem}"
        );
        assert!(check(b"\0asm").unwrap_err().starts_with("it is no component"));
    }

    #[test]
    fn cases_travel_inside_a_component_that_stays_valid() {
        let with = with_cases(component(&[], &MAPPER), "{\"key\":\"E1\"}\n");
        check(&with).unwrap();
        let text = String::from_utf8_lossy(&with).into_owned();
        assert!(text.contains("scimwright:cases{\"key\":\"E1\"}\n"));
    }

    #[test]
    fn a_file_is_replaced_in_one_step_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("target").join("a.wasm");
        write_whole(&path, b"one").unwrap();
        write_whole(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
