//! From a file to a module, and every way in which that is refused.

use crate::guests::{Guest, Says, componentize, host, id, map};
use scimwright_mapping::{CONTRACT_VERSION, Grants, Limits, LoadError, LoadFailure, MappingModule};
use std::path::Path;

fn load(bytes: &[u8]) -> Result<MappingModule, LoadError> {
    host().load_bytes(id(), bytes, Limits::default(), Vec::new(), Grants::default())
}

fn failure(bytes: &[u8]) -> LoadFailure {
    load(bytes).unwrap_err().failure
}

#[test]
fn a_file_is_loaded_and_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest.wasm");
    let wasm = Guest::echo(Says::default()).component();
    std::fs::write(&path, &wasm).unwrap();
    let module = host().load(id(), &path, Limits::default(), Vec::new(), Grants::default()).unwrap();
    map(&module).unwrap();
    let inspection = module.inspection();
    assert_eq!(inspection.digest.len(), 64);
    assert_eq!(inspection.digest, module.digest());
    assert_eq!(inspection.file_bytes, wasm.len() as u64);
    assert_eq!(inspection.contract, CONTRACT_VERSION);
    assert!(inspection.imports.contains(&"scimwright:mapping/log@0.1.0".to_owned()), "{inspection:?}");
    assert_eq!(
        inspection.exports,
        ["scimwright:mapping/about@0.1.0", "scimwright:mapping/attribute-mapping@0.1.0"]
    );
    assert_eq!((inspection.name.as_str(), inspection.version.as_str()), ("test-guest", "1.2.3"));
    assert!(inspection.producers.iter().any(|producer| producer.name == "wit-component"), "{inspection:?}");
    assert!(!inspection.from_cache && inspection.warnings.is_empty());
    assert!(inspection.compiled_bytes > 0);
}

#[test]
fn a_file_that_is_missing_or_too_large_is_named() {
    let path = Path::new("/nonexistent/guest.wasm");
    let error = host().load(id(), path, Limits::default(), Vec::new(), Grants::default()).unwrap_err();
    assert!(error.to_string().contains("`/nonexistent/guest.wasm` cannot be read"), "{error}");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("guest.wasm");
    std::fs::write(&path, vec![0; 5000]).unwrap();
    let limits = Limits { file_bytes: 4096, ..Limits::default() };
    let error = host().load(id(), &path, limits, Vec::new(), Grants::default()).unwrap_err();
    assert!(matches!(error.failure, LoadFailure::TooLarge { limit: 4096 }), "{error}");
}

#[test]
fn a_component_in_text_form_is_loaded() {
    let text = wasmprinter(&Guest::echo(Says::default()).component());
    map(&load(text.as_bytes()).unwrap()).unwrap();
}

/// A component as text: the core module is kept as it is, in one line of escapes inside a binary component.
fn wasmprinter(wasm: &[u8]) -> String {
    let bytes: String = wasm.iter().map(|byte| format!("\\{byte:02x}")).collect();
    format!(";; a component\n(component binary \"{bytes}\")")
}

#[test]
fn a_mistake_in_the_text_is_shown_with_its_line() {
    let text = failure(b"(component\n  (import \"a\" (fnc)))").to_string();
    assert!(text.contains("2:16") && text.contains("(fnc)"), "{text}");
}

#[test]
fn a_core_module_is_told_how_to_become_a_component() {
    let core = wat::parse_str(Guest::mapping("unreachable").text()).unwrap();
    let text = failure(&core).to_string();
    assert!(text.contains("core module") && text.contains("wasm-tools component new"), "{text}");
}

#[test]
fn a_component_cut_off_anywhere_is_refused_as_damaged() {
    let wasm = Guest::echo(Says::default()).component();
    for at in (9..wasm.len()).step_by(211) {
        let failure = failure(&wasm[..at]);
        // A cut between two sections leaves a whole component that lacks something.
        let expected = matches!(failure, LoadFailure::Broken { .. } | LoadFailure::MissingExports { .. });
        assert!(expected, "cut to {at}: {failure}");
    }
}

#[test]
fn what_is_no_webassembly_at_all_is_said_to_be_none() {
    for bytes in [&b""[..], b"\x7fELF\x02\x01", b"#!/bin/sh\n", b"\xff\xff"] {
        let failure = failure(bytes);
        assert!(matches!(failure, LoadFailure::NotWasm { .. }), "{failure}");
    }
}

#[test]
fn forbidden_imports_are_all_named_with_the_remedy() {
    let text = r#"(component
        (import "wasi:http/outgoing-handler@0.2.0" (instance))
        (import "wasi:cli/environment@0.3.0" (instance))
        (import "wasi:cli/environment@0.2.0" (instance))
        (import "wasi:keyvalue/store@0.2.0" (instance))
        (import "wasi:clocks/timezone@0.2.0" (instance))
        (import "scimwright:mapping/log@0.1.0" (instance))
        (import "scimwright:mapping/secrets@0.1.0" (instance))
        (import "free" (func)))"#;
    let error = load(text.as_bytes()).unwrap_err();
    let LoadFailure::ForbiddenImports { imports } = &error.failure else { panic!("{error}") };
    assert_eq!(
        *imports,
        [
            "wasi:http/outgoing-handler@0.2.0",
            "wasi:cli/environment@0.3.0",
            "wasi:keyvalue/store@0.2.0",
            "wasi:clocks/timezone@0.2.0",
            "scimwright:mapping/secrets@0.1.0",
            "free"
        ]
    );
    let text = error.to_string();
    assert!(
        text.starts_with("module `guest` of tenant `default` cannot be loaded: it imports `wasi:http"),
        "{text}"
    );
    assert!(text.contains("build it without what uses these imports"), "{text}");
}

/// The usual guest, built for another version of the contract.
fn built_for(version: &str) -> Vec<u8> {
    let wit =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/scimwright.wit")).unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let wit = wit.replace("scimwright:mapping@0.1.0", &format!("scimwright:mapping@{version}"));
    resolve.push_str("scimwright.wit", &wit).unwrap();
    let core = Guest::echo(Says::default()).text().replace("@0.1.0", &format!("@{version}"));
    componentize(&wat::parse_str(core).unwrap(), &resolve, "mapper")
}

#[test]
fn a_module_of_another_version_of_the_contract_is_told_both_versions() {
    for version in ["0.2.0", "1.0.0"] {
        let failure = failure(&built_for(version));
        let text = failure.to_string();
        assert!(matches!(failure, LoadFailure::OtherContract { .. }), "{failure}");
        assert!(
            text.contains(version) && text.contains(CONTRACT_VERSION) && text.contains("build it again"),
            "{text}"
        );
    }
}

#[test]
fn a_module_of_a_later_patch_version_runs_while_it_needs_nothing_new() {
    let module = load(&built_for("0.1.7")).unwrap();
    assert_eq!(module.inspection().contract, "0.1.7");
    map(&module).unwrap();
}

#[test]
fn missing_exports_are_named() {
    let text = failure(b"(component)").to_string();
    assert!(text.contains("`about`") && text.contains("`attribute-mapping` or `default-values`"), "{text}");
}

#[test]
fn an_export_of_another_shape_than_the_contracts_is_refused_when_it_is_loaded() {
    let text = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func $f (canon lift (core func $i "f")))
        (instance $about (export "describe" (func $f)))
        (instance $map (export "map" (func $f)))
        (export "scimwright:mapping/about@0.1.0" (instance $about))
        (export "scimwright:mapping/attribute-mapping@0.1.0" (instance $map)))"#;
    let failure = failure(text.as_bytes());
    assert!(matches!(failure, LoadFailure::Mismatch { .. }), "{failure}");
}

#[test]
fn settings_are_checked_against_the_manifest() {
    let says = Says { settings: vec![("domain".into(), true), ("locale".into(), false)], ..Says::default() };
    let wasm = Guest::echo(says).component();
    let load = |settings: &[(&str, &str)]| {
        let settings =
            settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        host().load_bytes(id(), &wasm, Limits::default(), settings, Grants::default())
    };
    assert!(load(&[("domain", "example.com")]).is_ok());
    let error = load(&[("locales", "en")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "module `guest` of tenant `default` cannot be loaded: its settings are not right: there is no setting \
         `locales`; did you mean `locale`?; the setting `domain` is required (A setting of the tests)"
    );
}

#[test]
fn reading_every_field_needs_a_grant() {
    let says = Says { reads: vec!["*".into()], ..Says::default() };
    let error = Guest::echo(says).load(&host(), Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "module `guest` of tenant `default` cannot be loaded: it wants every field of a record; grant it in the \
         configuration if you trust it with that: [module.guest] grants = { all_fields = true }"
    );
}

#[test]
fn a_limit_above_the_hosts_own_is_refused() {
    let limits = Limits { memory_bytes: 2 << 30, ..Limits::default() };
    let error = Guest::echo(Says::default()).load(&host(), limits).unwrap_err();
    assert!(matches!(error.failure, LoadFailure::LimitTooHigh { .. }), "{error}");
}
