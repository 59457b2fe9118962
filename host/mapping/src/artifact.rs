//! A module's file, taken apart without running or compiling anything.
//!
//! Compiling is the expensive and the delicate step, so everything that can be refused earlier is: what is
//! no component, what asks for more than the contract, what was built for another version of it, what
//! starts with more memory than it may ever have.

use crate::contract::{self, InterfaceName};
use crate::core_module;
use crate::inspection::Producer;
use crate::integers::Integers;
use crate::load::LoadFailure;
use crate::text;
use crate::wasi;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use wasmparser::{
    ComponentExternalKind, Encoding, KnownCustom, MemoryType, Parser, Payload, ProducersSectionReader,
};

/// Every WebAssembly binary begins with this.
const MAGIC: &[u8] = b"\0asm";

/// The most producers that are remembered; the list is for people.
const MAX_PRODUCERS: usize = 32;

/// The contract-level facts of a component, and its bytes.
#[derive(Debug)]
pub(crate) struct Artifact<'a> {
    /// The component's binary form.
    pub(crate) wasm: Cow<'a, [u8]>,
    /// SHA-256 of the file as it was read, in hexadecimal.
    pub(crate) digest: String,
    /// The size of the file as it was read, in bytes.
    pub(crate) file_bytes: u64,
    /// What it imports: `scimwright:mapping/log@0.1.0`.
    pub(crate) imports: Vec<String>,
    /// Those of its imports that grant it nothing.
    pub(crate) stubbed: Vec<String>,
    /// What it exports.
    pub(crate) exports: Vec<String>,
    /// The version of the contract it was built for.
    pub(crate) contract: String,
    /// Which integers arrive in its language as they are.
    pub(crate) integers: Integers,
    /// The tools that made it.
    pub(crate) producers: Vec<Producer>,
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, LoadFailure> {
    let unreadable = |cause| LoadFailure::Unreadable { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, whatever its metadata says.
    let read = File::open(path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    if read as u64 > limit { Err(LoadFailure::TooLarge { limit }) } else { Ok(bytes) }
}

impl<'a> Artifact<'a> {
    /// Takes a file apart: a component's binary or text form, of at most `file_bytes`, whose memories start
    /// with at most `memory_bytes` together.
    pub(crate) fn parse(bytes: &'a [u8], file_bytes: u64, memory_bytes: usize) -> Result<Self, LoadFailure> {
        if bytes.len() as u64 > file_bytes {
            return Err(LoadFailure::TooLarge { limit: file_bytes });
        }
        let wasm = component(binary(bytes)?)?;
        let mut facts = Facts::gather(&wasm)?;
        facts.name_the_language();
        facts.check_imports()?;
        let contract = facts.check_exports()?;
        if facts.initial_memory > memory_bytes as u64 {
            let (wanted, limit) = (facts.initial_memory, memory_bytes as u64);
            return Err(LoadFailure::InitialMemory { wanted, limit });
        }
        Ok(Self {
            integers: facts.integers(),
            digest: hex(&Sha256::digest(bytes)),
            file_bytes: bytes.len() as u64,
            stubbed: facts.imports.iter().filter(|name| wasi::is_stubbed(name)).cloned().collect(),
            imports: facts.imports,
            exports: facts.exports,
            producers: facts.producers,
            contract,
            wasm,
        })
    }

    /// Whether it exports this interface of the contract.
    pub(crate) fn exports(&self, interface: &str) -> bool {
        exports(&self.exports, interface)
    }
}

fn exports(names: &[String], interface: &str) -> bool {
    names
        .iter()
        .map(|name| InterfaceName::parse(name))
        .any(|name| name.is_ours() && name.interface == interface)
}

/// Bytes in hexadecimal, lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The binary form of a file that is either form.
pub(crate) fn binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>, LoadFailure> {
    if bytes.starts_with(MAGIC) {
        return Ok(Cow::Borrowed(bytes));
    }
    if bytes.is_empty() {
        return Err(LoadFailure::NotWasm { found: "the file is empty".to_owned() });
    }
    // The text form begins with a parenthesis or a comment.
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.trim_start().starts_with(['(', ';']));
    let Some(text) = text else {
        let start: Vec<_> = bytes.iter().take(4).copied().collect();
        return Err(LoadFailure::NotWasm {
            found: format!("the file begins with the bytes {}", hex(&start)),
        });
    };
    wat::parse_str(text).map(Cow::Owned).map_err(|error| LoadFailure::Text { message: error.to_string() })
}

/// A component as it is, or a core module that says what it exports made into one.
fn component(wasm: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, LoadFailure> {
    if core_module::is_core_module(&wasm) {
        core_module::componentize(&wasm).map(Cow::Owned)
    } else {
        Ok(wasm)
    }
}

/// A function that every component of componentize-qjs has in it. It leaves nothing else behind to know it by.
const QUICKJS: &str = "local:init/module-loader";

/// What componentize-py leaves in a component: a tool of its own, and an instance of this name.
const PYTHON_TOOL: &str = "component-init-transform";
/// See [`PYTHON_TOOL`].
const PYTHON_EXPORT: &str = "exports";

/// What a component's sections say.
#[derive(Debug, Default)]
struct Facts {
    imports: Vec<String>,
    exports: Vec<String>,
    producers: Vec<Producer>,
    /// What all memories of all core modules start with, in bytes.
    initial_memory: u64,
    /// It was made by componentize-qjs.
    quickjs: bool,
}

impl Facts {
    fn gather(wasm: &[u8]) -> Result<Self, LoadFailure> {
        let mut facts = Self::default();
        // How deep the parser is inside nested modules and components.
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload.map_err(LoadFailure::broken)? {
                Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                    return Err(LoadFailure::CoreModule);
                }
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentImportSection(section) if depth == 0 => {
                    for import in section {
                        facts.imports.push(import.map_err(LoadFailure::broken)?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    for export in section {
                        let export = export.map_err(LoadFailure::broken)?;
                        if export.kind == ComponentExternalKind::Instance {
                            facts.exports.push(export.name.name.to_owned());
                        }
                    }
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        facts.quickjs |= export.map_err(LoadFailure::broken)?.name.contains(QUICKJS);
                    }
                }
                Payload::MemorySection(section) => {
                    for memory in section {
                        facts.add_memory(memory.map_err(LoadFailure::broken)?);
                    }
                }
                Payload::CustomSection(section) => {
                    // Made by tools and read by people: what cannot be understood is passed over.
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        facts.add_producers(producers);
                    }
                }
                _ => {}
            }
        }
        Ok(facts)
    }

    /// The runtimes of JavaScript and Python are components written in Rust, and name that as their language. The
    /// author's is the one that people look for.
    fn name_the_language(&mut self) {
        let language = if self.quickjs {
            "JavaScript"
        } else if self.producers.iter().any(|tool| tool.name == PYTHON_TOOL)
            && self.exports.iter().any(|name| name == PYTHON_EXPORT)
        {
            "Python"
        } else {
            return;
        };
        self.producers.retain(|tool| tool.field != "language");
        let (field, name) = ("language".to_owned(), language.to_owned());
        self.producers.insert(0, Producer { field, name, version: String::new() });
    }

    /// JavaScript's numbers are doubles. A tool that says which language it compiled is believed.
    fn integers(&self) -> Integers {
        let named = |producer: &Producer| producer.field == "language" && producer.name == "JavaScript";
        if self.quickjs || self.producers.iter().any(named) { Integers::UpTo53Bits } else { Integers::All }
    }

    fn add_memory(&mut self, memory: MemoryType) {
        let page = 1_u64.checked_shl(memory.page_size_log2.unwrap_or(16)).unwrap_or(u64::MAX);
        self.initial_memory = self.initial_memory.saturating_add(memory.initial.saturating_mul(page));
    }

    fn add_producers(&mut self, section: ProducersSectionReader<'_>) {
        for field in section.into_iter().flatten() {
            for value in field.values.into_iter().flatten() {
                let producer = Producer {
                    field: text::tame(field.name, 64),
                    name: text::tame(value.name, 128),
                    version: text::tame(value.version, 128),
                };
                if self.producers.len() < MAX_PRODUCERS && !self.producers.contains(&producer) {
                    self.producers.push(producer);
                }
            }
        }
    }

    /// Refuses whatever is neither the contract nor something that is answered with nothing.
    fn check_imports(&self) -> Result<(), LoadFailure> {
        let allowed = |name: &&String| {
            let name = InterfaceName::parse(name);
            name.is_ours() && contract::IMPORTS.contains(&name.interface)
        };
        let others = self.imports.iter().filter(|name| !wasi::is_stubbed(name));
        let (ours, forbidden): (Vec<_>, Vec<_>) = others.partition(allowed);
        if !forbidden.is_empty() {
            let imports = forbidden.into_iter().map(|name| text::tame(name, 128)).collect();
            return Err(LoadFailure::ForbiddenImports { imports });
        }
        ours.into_iter().try_for_each(|name| check_version(name).map(drop))
    }

    /// Refuses a module without the exports of a mapping module, and returns its contract's version.
    fn check_exports(&self) -> Result<String, LoadFailure> {
        // A module of another version is told so before it is told what it lacks.
        let ours = self.exports.iter().filter(|name| InterfaceName::parse(name).is_ours());
        let versions = ours.map(|name| check_version(name)).collect::<Result<Vec<_>, _>>()?;

        let mut missing = Vec::new();
        if !exports(&self.exports, contract::ABOUT) {
            missing.push(contract::ABOUT.to_owned());
        }
        let works = [contract::ATTRIBUTE_MAPPING, contract::DEFAULT_VALUES];
        if !works.iter().any(|interface| exports(&self.exports, interface)) {
            missing.push(works.join("` or `"));
        }
        match versions.into_iter().max() {
            Some(version) if missing.is_empty() => Ok(version),
            _ => Err(LoadFailure::MissingExports {
                missing,
                exports: self.exports.iter().map(|name| text::tame(name, 128)).collect(),
            }),
        }
    }
}

/// The version in the name of one of the contract's interfaces, if a module built for it can run here.
fn check_version(name: &str) -> Result<String, LoadFailure> {
    let parsed = InterfaceName::parse(name);
    let version = text::tame(parsed.version.unwrap_or("unknown"), 32);
    if parsed.is_compatible() { Ok(version) } else { Err(LoadFailure::OtherContract { version }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(bytes: &[u8]) -> String {
        Artifact::parse(bytes, 1 << 20, 1 << 20).unwrap_err().to_string()
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert!(failure(b"").contains("empty"), "{}", failure(b""));
        assert!(failure(b"PK\x03\x04zip").contains("504b0304"), "{}", failure(b"PK\x03\x04zip"));
        let core = wat::parse_str("(module)").unwrap();
        assert!(failure(&core).contains("core module"), "{}", failure(&core));
        let cut = &wat::parse_str("(component (core module (func)))").unwrap()[..20];
        assert!(failure(cut).contains("cut off or damaged"), "{}", failure(cut));
        let text = failure(b"(component\n  (core modul))");
        assert!(text.contains("2:") && text.contains("modul"), "{text}");
    }

    #[test]
    fn memory_in_a_nested_module_counts_from_the_start() {
        let text = b"(component (component (core module (memory 3) (memory 14))))";
        let facts = Facts::gather(&wat::parse_bytes(text).unwrap()).unwrap();
        assert_eq!(facts.initial_memory, 17 * 65_536);
    }

    #[test]
    fn a_file_over_the_limit_is_not_looked_at() {
        let error = Artifact::parse(b"(component)", 4, 1 << 20).unwrap_err();
        assert!(matches!(error, LoadFailure::TooLarge { limit: 4 }), "{error}");
    }
}
