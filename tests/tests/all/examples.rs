//! The golden cases of every example mapping, through the real host: the module that an admin would drop in.
//!
//! The same cases run natively in the examples themselves, so a difference between the two is a difference
//! between the SDK and the host.

use scimwright_mapping::case::CaseFile;
use scimwright_mapping::{HostOptions, Limits, MappingHost, ModuleId};
use scimwright_record::{ModuleName, TenantName};
use scimwright_tests::tool::root;

#[test]
fn corp_user_maps_every_case_as_expected() {
    check("corp-user");
}

#[test]
fn corp_defaults_offers_what_every_case_expects() {
    check("corp-defaults");
}

/// Runs all cases of an example and compares.
fn check(name: &str) {
    let host = MappingHost::new(HostOptions::default()).unwrap();
    let id = ModuleId { tenant: TenantName::default(), name: ModuleName::parse(name).unwrap() };
    let file = root().join("target/guests/modules").join(format!("{name}.wasm"));
    let module = host.load_for_cases(id, &file, Limits::default()).unwrap();
    let cases = CaseFile::all(&root().join("mappings-examples").join(name).join("cases")).unwrap();
    assert!(cases.len() >= 5, "{name} has only {} cases", cases.len());
    for file in cases {
        let report = file.case.run(&module);
        assert!(file.case.expected.is_some(), "{} expects nothing", file.name);
        assert!(report.matches, "{}: {:#}", file.name, report.outcome);
    }
}
