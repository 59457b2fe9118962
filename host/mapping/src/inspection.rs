//! Everything that is known about a loaded module, for people and for `--output json`.

use crate::limits::Limits;
use crate::manifest::Setting;
use crate::text;
use std::time::Duration;

/// What is known about a loaded module.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Inspection {
    /// The tenant it belongs to.
    pub tenant: String,
    /// Its name in the configuration.
    pub module: String,
    /// SHA-256 of its file, in hexadecimal.
    pub digest: String,
    /// The size of its file, in bytes.
    pub file_bytes: u64,
    /// The version of the contract it was built for.
    pub contract: String,
    /// What it imports.
    pub imports: Vec<String>,
    /// Those of its imports that are there and grant it nothing: WASI, which runtimes of languages want.
    pub stubbed: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// The name it gives itself.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// What it does, in a sentence.
    pub description: String,
    /// The source fields that it reads; `*` means all.
    pub reads: Vec<String>,
    /// The attributes that it may return.
    pub writes: Vec<String>,
    /// The sources that it looks things up in.
    pub lookups: Vec<String>,
    /// The settings that it accepts.
    pub settings: Vec<Setting>,
    /// The limits under which it runs.
    pub limits: Limits,
    /// The tools that made it, as they say themselves.
    pub producers: Vec<Producer>,
    /// Whether its compiled code came from the cache.
    pub from_cache: bool,
    /// How long it took to compile, or to read from the cache.
    #[serde(rename = "compile_ms", serialize_with = "text::as_millis")]
    pub compile_time: Duration,
    /// The size of its compiled code in memory, in bytes.
    pub compiled_bytes: usize,
    /// What was wrong with the cache, where something was.
    pub warnings: Vec<String>,
}

/// A tool or language that took part in making a module, from its `producers` section.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Producer {
    /// The part it took: `language`, `processed-by`, `sdk`.
    pub field: String,
    /// Its name: `Rust`, `wit-component`.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Inspection {
    /// Whether it imports WASI, which grants it nothing.
    pub(crate) fn wants_wasi(&self) -> bool {
        !self.stubbed.is_empty()
    }

    /// The languages that the module says it was written in: `Rust`, `JavaScript`.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        let languages = self.producers.iter().filter(|producer| producer.field == "language");
        languages.map(|producer| producer.name.as_str())
    }
}
