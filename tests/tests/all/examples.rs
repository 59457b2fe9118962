//! The golden cases of every example mapping, through the real host: the module that an admin would drop in.
//!
//! The same cases run natively in the examples themselves, so a difference between the two is a difference
//! between the SDK and the host.

use scimwright_mapping::case::CaseFile;
use scimwright_mapping::{HostOptions, Limits, MappingHost, ModuleId};
use scimwright_record::{ModuleName, TenantName};
use scimwright_tests::tool::root;
use std::path::{Path, PathBuf};

#[test]
fn the_examples_in_rust_map_every_case_as_expected() {
    check("Rust");
}

#[test]
fn the_examples_in_javascript_map_every_case_as_expected() {
    check("JavaScript");
}

#[test]
fn the_examples_in_python_map_every_case_as_expected() {
    check("Python");
}

/// Runs all cases of all examples in a language, each in a fresh instance and all in one that is reused.
fn check(language: &str) {
    // Runtimes of languages take seconds to compile, so what was compiled stays for the next run.
    let cache_dir = Some(root().join("target/tmp/compiled-examples"));
    let host = MappingHost::new(HostOptions { cache_dir, ..HostOptions::default() }).unwrap();
    let examples: Vec<_> = examples().into_iter().filter(|folder| language_of(folder) == language).collect();
    assert!(examples.len() >= 3, "{examples:?}");
    for folder in examples {
        let name = folder.file_name().unwrap().to_str().unwrap();
        let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse(name).unwrap() };
        let file = root().join("target/guests/modules").join(format!("{name}.wasm"));
        let module = host.load_for_cases(id, &file, Limits::default()).unwrap();
        assert_eq!(module.manifest().name, name);
        assert_eq!(module.inspection().languages().collect::<Vec<_>>(), [language]);
        let cases = CaseFile::all(&folder.join("cases")).unwrap();
        assert!(cases.len() >= 5, "{name} has only {} cases", cases.len());
        for module in [&module, &module.reused(u32::MAX)] {
            for file in &cases {
                let report = file.case.run(module);
                assert!(file.case.expected.is_some(), "{name}/{} expects nothing", file.name);
                assert!(report.matches, "{name}/{}: {:#}", file.name, report.outcome);
            }
        }
    }
}

/// The folders of all examples.
fn examples() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(root().join("mappings-examples")).unwrap();
    folder.map(|entry| entry.unwrap().path()).filter(|path| path.join("cases").is_dir()).collect()
}

fn language_of(folder: &Path) -> &'static str {
    let has = |file: &str| folder.join(file).is_file();
    match (has("Cargo.toml"), has("mapping.js"), has("mapping.py")) {
        (true, false, false) => "Rust",
        (false, true, false) => "JavaScript",
        (false, false, true) => "Python",
        _ => panic!("{} is in no language, or in several", folder.display()),
    }
}
