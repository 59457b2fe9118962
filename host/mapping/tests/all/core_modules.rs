//! Core modules that say themselves what they export: made into components on the way in.

use crate::guests::{Guest, Says, contract, host, id, map};
use scimwright_mapping::{Grants, Limits, LoadError, LoadFailure, MappingModule};
use wit_component::{StringEncoding, embed_component_metadata};

/// The usual guest's core module, with the types in a section as every toolchain's bindings leave them.
fn typed(text: &str) -> Vec<u8> {
    let mut core = wat::parse_str(text).unwrap();
    let resolve = contract();
    let (package, _) = resolve.packages.iter().next().unwrap();
    let world = resolve.select_world(&[package], Some("mapper")).unwrap();
    embed_component_metadata(&mut core, &resolve, world, StringEncoding::UTF8).unwrap();
    core
}

fn load(bytes: &[u8]) -> Result<MappingModule, LoadError> {
    host().load_bytes(id(), bytes, Limits::default(), Vec::new(), Grants::default())
}

#[test]
fn a_core_module_that_carries_its_types_runs_as_it_is_in_both_forms() {
    let core = typed(&Guest::echo(Says::default()).text());
    let module = load(&core).unwrap();
    map(&module).unwrap();
    assert_eq!(module.inspection().file_bytes, core.len() as u64);
    let text = wasmprinter(&core);
    let module = load(text.as_bytes()).unwrap();
    map(&module).unwrap();
    assert_eq!(module.inspection().contract, "0.1.0");
}

/// The binary as text: a module whose sections are given as they are would be no test, so the types' section is
/// written out beside the guest's own text.
fn wasmprinter(core: &[u8]) -> String {
    let mut section = None;
    for payload in wasmparser::Parser::new(0).parse_all(core) {
        if let wasmparser::Payload::CustomSection(custom) = payload.unwrap()
            && custom.name().starts_with("component-type")
        {
            let bytes: String = custom.data().iter().map(|byte| format!("\\{byte:02x}")).collect();
            section = Some(format!("(@custom \"{}\" \"{bytes}\")", custom.name()));
        }
    }
    let text = Guest::echo(Says::default()).text();
    format!("{}{})", text.strip_suffix(')').unwrap(), section.unwrap())
}

#[test]
fn one_that_wants_something_nobody_has_is_told_what() {
    let import = r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))"#;
    let text = Guest::echo(Says::default()).text().replacen("(module", import, 1);
    let error = load(&typed(&text)).unwrap_err();
    assert!(matches!(error.failure, LoadFailure::NotAComponent { .. }), "{error}");
    assert!(error.to_string().contains("wasi_snapshot_preview1"), "{error}");
}

#[test]
fn types_that_are_damaged_anywhere_are_a_refusal_and_never_a_crash() {
    let core = typed(&Guest::echo(Says::default()).text());
    let at = core.windows(14).rposition(|bytes| bytes == b"component-type").unwrap();
    let host = host();
    for place in (at..core.len()).step_by(5) {
        for flip in [0x01, 0xff] {
            let mut damaged = core.clone();
            damaged[place] ^= flip;
            // Some damage is in a name that nobody looks at.
            let _ = host.load_bytes(id(), &damaged, Limits::default(), Vec::new(), Grants::default());
        }
    }
    let cut = load(&core[..core.len() - 9]).unwrap_err();
    assert!(matches!(cut.failure, LoadFailure::Broken { .. }), "{cut}");
}
