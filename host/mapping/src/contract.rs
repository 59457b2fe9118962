//! The contract with mapping modules, as Rust: types and typed calls generated from `wit/`.
//!
//! One world is enough. `mapper-and-defaulter` imports and exports everything that the other two do, and
//! the generated code looks each exported interface up on its own, so a module that exports only one of
//! them is served by the same types.

wasmtime::component::bindgen!({
    world: "mapper-and-defaulter",
    path: "../../wit",
    imports: { default: trappable },
});

pub(crate) use exports::scimwright::mapping::{about, attribute_mapping, default_values};
pub(crate) use scimwright::mapping::{log, lookup, types};

/// The version of the contract that this host speaks.
///
/// A module is accepted when it was built for the same `0.MINOR`: a released version never changes a type,
/// so patch versions differ in additions only.
pub const CONTRACT_VERSION: &str = "0.1.0";

/// The released versions whose modules run here, each as long as there is a stored module to try it with. One
/// that differs from [`CONTRACT_VERSION`] in more than its last number has a variant in `guest.rs`.
pub const CONTRACT_VERSIONS: [&str; 1] = ["0.1.0"];

/// The package that every import and export of a module belongs to.
pub(crate) const PACKAGE: &str = "scimwright:mapping";

/// The interfaces a module may import. `types` holds no functions.
pub(crate) const IMPORTS: [&str; 3] = ["types", "log", "lookup"];

/// The interface every module exports.
pub(crate) const ABOUT: &str = "about";
/// The interface of a module that maps records.
pub(crate) const ATTRIBUTE_MAPPING: &str = "attribute-mapping";
/// The interface of a module that supplies default values.
pub(crate) const DEFAULT_VALUES: &str = "default-values";

/// The name of an import or export, taken apart: `scimwright:mapping/log@0.1.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InterfaceName<'a> {
    /// `scimwright:mapping`, or the whole name where it has no interface in it.
    pub(crate) package: &'a str,
    /// `log`; empty where the name has no interface in it.
    pub(crate) interface: &'a str,
    /// `0.1.0`, where the name has one.
    pub(crate) version: Option<&'a str>,
}

impl<'a> InterfaceName<'a> {
    /// Takes a name apart. Every text is some name.
    pub(crate) fn parse(name: &'a str) -> Self {
        let (path, version) = match name.split_once('@') {
            Some((path, version)) => (path, Some(version)),
            None => (name, None),
        };
        let (package, interface) = path.split_once('/').unwrap_or((path, ""));
        Self { package, interface, version }
    }

    /// Whether the name belongs to the contract, whatever its version.
    pub(crate) fn is_ours(&self) -> bool {
        self.package == PACKAGE
    }

    /// Whether a module built for this version of the contract can run here.
    pub(crate) fn is_compatible(&self) -> bool {
        let line = |version: &str| version.rsplit_once('.').map(|(line, _patch)| line.to_owned());
        let wanted = self.version.and_then(line);
        wanted.is_some() && CONTRACT_VERSIONS.into_iter().any(|served| line(served) == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_named_here_is_the_one_in_the_wit_package() {
        let wit = include_str!("../../../wit/scimwright.wit");
        assert!(wit.contains(&format!("package {PACKAGE}@{CONTRACT_VERSION};")));
    }

    #[test]
    fn a_name_is_taken_apart() {
        let name = InterfaceName::parse("scimwright:mapping/log@0.1.3");
        assert_eq!((name.package, name.interface, name.version), (PACKAGE, "log", Some("0.1.3")));
        assert!(name.is_ours() && name.is_compatible());
        assert!(!InterfaceName::parse("scimwright:mapping/log@0.2.0").is_compatible());
        assert!(!InterfaceName::parse("scimwright:mapping/log@1.1.0").is_compatible());
        assert!(!InterfaceName::parse("scimwright:mapping/log").is_compatible());
        assert!(!InterfaceName::parse("wasi:cli/environment@0.2.0").is_ours());
        assert!(!InterfaceName::parse("free-function").is_ours());
    }
}
