//! A core module that says itself what its functions take and return, made into a component.
//!
//! Bindings of every toolchain leave the types in a custom section, from which `wit-component` makes the
//! component that is otherwise made on the author's machine. The section is a stranger's, and the libraries
//! that read it were written for those of trusted tools: packages that need each other in a circle make them
//! recurse until the process ends. So the packages are looked at first.

use crate::load::LoadFailure;
use crate::text;
use std::collections::{BTreeMap, BTreeSet};
use wasmparser::{Encoding, Parser, Payload};

/// The start of the section's name.
const COMPONENT_TYPE: &str = "component-type";
/// What a section of the format before the present one begins with.
const OLD_FORMAT: u8 = 3;

/// Whether it is a core module at all.
pub(crate) fn is_core_module(wasm: &[u8]) -> bool {
    let first = Parser::new(0).parse_all(wasm).next();
    matches!(first, Some(Ok(Payload::Version { encoding: Encoding::Module, .. })))
}

/// The component that a core module describes.
pub(crate) fn componentize(wasm: &[u8]) -> Result<Vec<u8>, LoadFailure> {
    let sections = type_sections(wasm)?;
    if sections.is_empty() {
        return Err(LoadFailure::CoreModule);
    }
    let not_one = |message: String| LoadFailure::NotAComponent { message: text::tame_message(&message) };
    // Where a library gives up on what it reads, only this module is refused.
    let encoded = std::panic::catch_unwind(|| {
        check_packages(&sections)?;
        let mut encoder = wit_component::ComponentEncoder::default();
        encoder.validate(true).module(wasm).and_then(wit_component::ComponentEncoder::encode).map_err(print)
    });
    match encoded {
        Ok(component) => component.map_err(not_one),
        Err(_) => Err(not_one("its types cannot be read".to_owned())),
    }
}

fn print(error: impl std::fmt::Display) -> String {
    format!("{error:#}")
}

/// What the sections with types hold.
fn type_sections(wasm: &[u8]) -> Result<Vec<&[u8]>, LoadFailure> {
    let mut sections = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(LoadFailure::broken)?;
        if let Payload::CustomSection(section) = payload
            && section.name().starts_with(COMPONENT_TYPE)
        {
            sections.push(section.data());
        }
    }
    Ok(sections)
}

/// Refuses packages that need each other in a circle, in one section or across several.
fn check_packages(sections: &[&[u8]]) -> Result<(), String> {
    let mut needs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for section in sections {
        if section.first() == Some(&OLD_FORMAT) {
            return Err("its types are in a format of old tools".to_owned());
        }
        let (resolve, _) = wit_parser::decoding::decode_world(section).map_err(print)?;
        for (id, package) in resolve.packages.iter() {
            let names = resolve.package_direct_deps(id).map(|id| resolve.packages[id].name.to_string());
            needs.entry(package.name.to_string()).or_default().extend(names);
        }
    }
    // What needs nothing that is left is taken away, until nothing is left.
    while !needs.is_empty() {
        let left: BTreeSet<String> = needs.keys().cloned().collect();
        needs.retain(|_, wanted| wanted.iter().any(|name| left.contains(name)));
        if needs.len() == left.len() {
            let names: Vec<_> = left.into_iter().take(8).collect();
            return Err(format!(
                "among its packages some need each other in a circle: {}",
                text::list(&names)
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wit_component::{StringEncoding, metadata};
    use wit_parser::Resolve;

    fn section(packages: &[&str], world: &str) -> Vec<u8> {
        let mut resolve = Resolve::default();
        for package in packages {
            resolve.push_str("test.wit", package).unwrap();
        }
        let ids: Vec<_> = resolve.packages.iter().map(|(id, _)| id).collect();
        let world = resolve.select_world(&ids, Some(world)).unwrap();
        metadata::encode(&resolve, world, StringEncoding::UTF8, None).unwrap()
    }

    #[test]
    fn packages_that_need_each_other_across_two_sections_are_refused() {
        let low = "package a:low@0.1.0; interface t { type id = u32; }";
        let high = "package a:high@0.1.0; interface t { use a:low/t@0.1.0.{id}; f: func() -> id; }
                    world w { import t; }";
        let there = section(&[low, high], "a:high/w");
        let low = "package a:high@0.1.0; interface t { type id = u32; }";
        let high = "package a:low@0.1.0; interface t { use a:high/t@0.1.0.{id}; f: func() -> id; }
                    world w { import t; }";
        let back = section(&[low, high], "a:low/w");
        assert_eq!(check_packages(&[&there]), Ok(()));
        assert_eq!(check_packages(&[&back, &back]), Ok(()));
        let error = check_packages(&[&there, &back]).unwrap_err();
        assert!(error.contains("`a:high@0.1.0` and `a:low@0.1.0`"), "{error}");
    }

    #[test]
    fn a_section_of_old_tools_is_not_read() {
        assert!(check_packages(&[&[OLD_FORMAT, 0]]).unwrap_err().contains("old tools"));
    }
}
