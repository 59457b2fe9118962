//! Released versions of the contract: modules that were built for them once, kept here as they were, still run.
//!
//! The files in `tests/contracts/VERSION` are never built again. One that no longer loads means that a promise
//! to whoever has such a module would be broken.

use crate::guests::{context, host, id, record};
use scimwright_mapping::{
    AttributeMap, AttributeValue, CONTRACT_VERSION, CONTRACT_VERSIONS, Grants, Limits, MappingModule, Outcome,
};
use scimwright_scim::AttributePath;
use std::path::{Path, PathBuf};

fn kept(version: &str, file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts").join(version).join(file)
}

fn load(version: &str, file: &str) -> MappingModule {
    let settings = Vec::new();
    host().load(id(), &kept(version, file), Limits::default(), settings, Grants::default()).unwrap()
}

/// The text without comments, each word once spaced.
fn bare(wit: &str) -> String {
    let lines = wit.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_module_of_every_released_version_still_runs() {
    for version in CONTRACT_VERSIONS {
        let mapper = load(version, "echo.wasm");
        assert_eq!(mapper.inspection().contract, version);
        let mapped = mapper.map(&context(), &record()).unwrap();
        let Outcome::Provision(attributes) = mapped.outcome else { panic!("{mapped:?}") };
        assert_eq!(attributes.iter().count(), 2);

        let defaulter = load(version, "corp-defaults.wasm");
        assert_eq!(defaulter.manifest().name, "corp-defaults");
        let returned = defaulter.defaults(&context(), &record(), &AttributeMap::new()).unwrap();
        let user_type = returned.attributes.get(&AttributePath::parse("userType").unwrap());
        assert!(matches!(user_type, Some(AttributeValue::One(_))), "{returned:?}");
    }
}

#[test]
fn the_text_of_a_released_version_has_not_changed() {
    let released = std::fs::read_to_string(kept(CONTRACT_VERSION, "scimwright.wit")).unwrap();
    let now =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit/scimwright.wit")).unwrap();
    assert_eq!(bare(&now), bare(&released), "a released version never changes; make a new one");
}

#[test]
fn the_version_spoken_is_one_of_those_served_and_each_has_its_modules() {
    assert!(CONTRACT_VERSIONS.contains(&CONTRACT_VERSION));
    for version in CONTRACT_VERSIONS {
        for file in ["echo.wasm", "corp-defaults.wasm", "scimwright.wit"] {
            assert!(kept(version, file).is_file(), "{version}: {file}");
        }
    }
}
