//! The steps from a file to a module that may be called, and what a refusal says.
//!
//! Read, digest, look at imports and exports, compile or take from the cache, let the module describe
//! itself, check its manifest against settings and grants. Each step refuses what it can, so that the
//! costly ones see only modules that have a chance.

use crate::artifact::{self, Artifact};
use crate::breaker::Breaker;
use crate::call::{Call, Finished, Permits};
use crate::case::{CaseFileError, CasesFailed, bundled_cases, verify_bundled};
use crate::contract::{self, CONTRACT_VERSION, about, attribute_mapping, default_values};
use crate::error::{Function, MapError, Place};
use crate::grants::Grants;
use crate::host::Shared;
use crate::inspection::Inspection;
use crate::integers::Integers;
use crate::limits::Limits;
use crate::live::Home;
use crate::manifest::{Manifest, Reads};
use crate::module::{Code, MappingModule, ModuleId, Terms};
use crate::text;
use crate::wasi::Moment;
use scimwright_record::SourceName;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use wasmtime::component::{Component, InstancePre};

/// A module that was not loaded.
#[derive(Debug, thiserror::Error)]
#[error("{module} cannot be loaded: {failure}")]
pub struct LoadError {
    /// Which module.
    pub module: ModuleId,
    /// Why not. Part of the message, and so not a source of its own: printing both would say it twice.
    pub failure: LoadFailure,
}

/// Why a module was not loaded. Each text ends in what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadFailure {
    /// The file is a script that was not made into a component.
    #[error("{reason}")]
    Script {
        /// Why not, and what to do.
        reason: String,
    },
    /// The file cannot be read.
    #[error("`{}` cannot be read: {cause}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        cause: std::io::Error,
    },
    /// The file is larger than a module may be.
    #[error("it is larger than {}; build it in release mode, or allow larger modules", text::bytes(*.limit))]
    TooLarge {
        /// [`Limits::file_bytes`].
        limit: u64,
    },
    /// The file is no WebAssembly in either form.
    #[error("it is no WebAssembly: {found}, where a component in binary or text form is needed")]
    NotWasm {
        /// What was found instead.
        found: String,
    },
    /// The file is a core module that does not say what its functions take and return.
    #[error(
        "it is a core module, not a component; turn it into one with `wasm-tools component new`, or build it \
         with the SDK"
    )]
    CoreModule,
    /// The file is a core module that says what its functions take and return, and cannot be made a component
    /// all the same.
    #[error(
        "it is a core module that cannot be turned into a component: {message}; build it for \
         `wasm32-unknown-unknown` or `wasm32-wasip2`, or turn it into one with `wasm-tools component new --adapt`"
    )]
    NotAComponent {
        /// What is in the way.
        message: String,
    },
    /// The text form has a mistake.
    #[error("its text has a mistake: {message}")]
    Text {
        /// What and where.
        message: String,
    },
    /// The binary form has a mistake.
    #[error("it is cut off or damaged at byte {offset}: {message}; copy or build it again")]
    Broken {
        /// What is wrong.
        message: String,
        /// Where, from the start of the file's binary form.
        offset: usize,
    },
    /// It asks for more than the contract offers.
    #[error(
        "it imports {}, and a mapping module may import nothing but `scimwright:mapping`, and `wasi:cli`, \
         `wasi:clocks`, `wasi:filesystem`, `wasi:io`, `wasi:random` and `wasi:sockets` of version 0.2, which grant \
         it nothing; build it without what uses these imports: a mapping has what it is handed, and a look-up \
         for the rest",
        text::list(.imports)
    )]
    ForbiddenImports {
        /// What it imports beyond the contract.
        imports: Vec<String>,
    },
    /// It was built for another version of the contract.
    #[error(
        "it was built for version {version} of the contract `scimwright:mapping`, and this scimwright speaks \
         {CONTRACT_VERSION}; build it again with an SDK of the version that belongs to this scimwright"
    )]
    OtherContract {
        /// The version it was built for.
        version: String,
    },
    /// It lacks what a mapping module exports.
    #[error(
        "it does not export {}; it exports {}. A mapping module exports `about`, and `attribute-mapping` or \
         `default-values` of `scimwright:mapping@{CONTRACT_VERSION}`: see the SDK's export macro",
        text::list(.missing), text::list(.exports)
    )]
    MissingExports {
        /// What is missing.
        missing: Vec<String>,
        /// What is there.
        exports: Vec<String>,
    },
    /// Its memories start out larger than they may ever be.
    #[error(
        "its memory starts with {}, {} are allowed; its author should use less, or an operator may raise \
         `memory_mb`",
        text::bytes(*.wanted), text::bytes(*.limit)
    )]
    InitialMemory {
        /// What all its memories start with, in bytes.
        wanted: u64,
        /// [`Limits::memory_bytes`].
        limit: u64,
    },
    /// The limit asked for is above the process's own.
    #[error(
        "its limit of {} of memory is above what any module may have, {}; lower `memory_mb`",
        text::bytes(*.wanted), text::bytes(*.limit)
    )]
    LimitTooHigh {
        /// [`Limits::memory_bytes`].
        wanted: u64,
        /// [`HostOptions::max_memory_bytes`](crate::HostOptions::max_memory_bytes).
        limit: u64,
    },
    /// wasmtime refuses the component: it is not valid, or larger than the pool's instances.
    #[error("it is not a component that can run here: {message}; build it again with current tools")]
    Invalid {
        /// What wasmtime said.
        message: String,
    },
    /// It uses an interface of the contract in another way than the contract says.
    #[error(
        "it does not fit the contract `scimwright:mapping@{CONTRACT_VERSION}`, although it was built for \
         {version}: {message}; build it again with an SDK of the version that belongs to this scimwright"
    )]
    Mismatch {
        /// The version it was built for.
        version: String,
        /// What does not fit.
        message: String,
    },
    /// It could not say what it is.
    #[error(transparent)]
    Describe(Box<MapError>),
    /// What it says of itself is not right.
    #[error("its manifest is not right: {}; its author has to correct it", .problems.join("; "))]
    Manifest {
        /// A sentence for each mistake.
        problems: Vec<String>,
    },
    /// The configuration's settings do not fit.
    #[error("its settings are not right: {}", .problems.join("; "))]
    Settings {
        /// A sentence for each mistake.
        problems: Vec<String>,
    },
    /// It wants more than the configuration grants.
    #[error("it wants {}; grant it in the configuration if you trust it with that: {remedy}", .wants.join(" and "))]
    NotGranted {
        /// What it wants: "every field of a record".
        wants: Vec<String>,
        /// The line of configuration that grants it.
        remedy: String,
    },
    /// The cases that it carries cannot be read.
    #[error("the cases that it carries cannot be read: {0}; its author has to build it again")]
    UnreadableCases(CaseFileError),
    /// It does not pass the cases that it carries.
    #[error(transparent)]
    Cases(CasesFailed),
}

impl LoadFailure {
    /// What a damaged binary is told.
    pub(crate) fn broken(error: wasmparser::BinaryReaderError) -> Self {
        Self::Broken { message: error.message().to_owned(), offset: error.offset() }
    }
}

/// Loads a module from a file.
pub(crate) fn from_file(
    shared: &Arc<Shared>,
    id: ModuleId,
    path: &Path,
    limits: Limits,
    settings: Vec<(String, String)>,
    grants: Grants,
) -> Result<MappingModule, LoadError> {
    match artifact::read(path, limits.file_bytes) {
        Ok(bytes) => from_bytes(shared, id, &bytes, limits, settings, grants),
        Err(failure) => Err(LoadError { module: id, failure }),
    }
}

/// Loads a module from its bytes.
pub(crate) fn from_bytes(
    shared: &Arc<Shared>,
    id: ModuleId,
    bytes: &[u8],
    limits: Limits,
    settings: Vec<(String, String)>,
    grants: Grants,
) -> Result<MappingModule, LoadError> {
    let loaded = Loading { shared, id: &id, limits }.run(bytes, settings, grants);
    let proven = loaded.and_then(|module| prove(module, bytes));
    proven.map_err(|failure| LoadError { module: id, failure })
}

/// Lets a module show that it passes the cases that it carries.
fn prove(module: MappingModule, bytes: &[u8]) -> Result<MappingModule, LoadFailure> {
    let cases = bundled_cases(bytes).map_err(LoadFailure::UnreadableCases)?;
    verify_bundled(&module, &cases).map_err(LoadFailure::Cases)?;
    Ok(module)
}

/// Loads a module for its author: whatever it declares is granted, without anything behind it, and nothing is
/// asked of its settings and its own cases yet.
pub(crate) fn for_author(
    shared: &Arc<Shared>,
    id: ModuleId,
    path: &Path,
    limits: Limits,
) -> Result<MappingModule, LoadError> {
    let loading = Loading { shared, id: &id, limits };
    let described = artifact::read(path, limits.file_bytes).and_then(|bytes| loading.describe_bytes(&bytes));
    match described {
        Ok(described) => {
            let permits = Permits { sources: described.manifest.lookups.clone(), reader: None };
            Ok(loading.finish(described, Vec::new(), permits, 0))
        }
        Err(failure) => Err(LoadError { module: id, failure }),
    }
}

/// Describes a module from a file, whatever it wants.
pub(crate) fn inspect_file(
    shared: &Arc<Shared>,
    id: ModuleId,
    path: &Path,
    limits: Limits,
) -> Result<Inspection, LoadError> {
    let loading = Loading { shared, id: &id, limits };
    let described = artifact::read(path, limits.file_bytes).and_then(|bytes| loading.describe_bytes(&bytes));
    match described {
        Ok(described) => Ok(described.inspection),
        Err(failure) => Err(LoadError { module: id, failure }),
    }
}

/// A module that has described itself, before anybody asked whether it may have what it wants.
struct Described {
    inspection: Inspection,
    instances: InstancePre<Call>,
    mapping: Option<attribute_mapping::GuestIndices>,
    defaults: Option<default_values::GuestIndices>,
    integers: Integers,
    manifest: Manifest,
}

/// A component that was compiled, or taken from the cache.
struct Compiled {
    component: Component,
    from_cache: bool,
    time: std::time::Duration,
    warnings: Vec<String>,
}

/// One load, step by step.
struct Loading<'a> {
    shared: &'a Arc<Shared>,
    id: &'a ModuleId,
    limits: Limits,
}

impl Loading<'_> {
    fn run(
        &self,
        bytes: &[u8],
        settings: Vec<(String, String)>,
        grants: Grants,
    ) -> Result<MappingModule, LoadFailure> {
        let described = self.describe_bytes(bytes)?;
        let refused = |problems| LoadFailure::Settings { problems };
        described.manifest.check_settings(&settings).map_err(refused)?;
        let reuse = grants.reuse;
        let permits = self.check_grants(&described.manifest, grants)?;
        Ok(self.finish(described, settings, permits, reuse))
    }

    /// The module, once it is clear what it may do.
    fn finish(
        &self,
        described: Described,
        settings: Vec<(String, String)>,
        permits: Permits,
        reuse: u32,
    ) -> MappingModule {
        let Described { inspection, instances, mapping, defaults, integers, manifest } = described;
        // Both have to want it, and the smaller number counts.
        let reuse = manifest.reuse.unwrap_or(0).min(reuse);
        let (tenant, permits) = (&self.id.tenant, Arc::new(permits));
        let terms = Terms::new(self.shared, tenant, self.limits, settings, permits, reuse);
        let code = Code {
            shared: Arc::clone(self.shared),
            id: self.id.clone(),
            wants_wasi: inspection.wants_wasi(),
            inspection,
            instances,
            mapping,
            defaults,
            integers,
            manifest,
            breaker: Breaker::default(),
        };
        MappingModule { code: Arc::new(code), terms: Arc::new(terms) }
    }

    /// Everything up to the manifest.
    fn describe_bytes(&self, bytes: &[u8]) -> Result<Described, LoadFailure> {
        let (wanted, limit) = (self.limits.memory_bytes, self.shared.options.max_memory_bytes);
        if wanted > limit {
            return Err(LoadFailure::LimitTooHigh { wanted: wanted as u64, limit: limit as u64 });
        }
        let artifact = Artifact::parse(bytes, self.limits.file_bytes, self.limits.memory_bytes)?;
        let compiled = self.compile(&artifact)?;

        let mismatch = |error: wasmtime::Error| LoadFailure::Mismatch {
            version: artifact.contract.clone(),
            message: format!("{error:#}"),
        };
        let wants_wasi = !artifact.stubbed.is_empty();
        let linker = if wants_wasi { &self.shared.linker_with_wasi } else { &self.shared.linker };
        let instances = linker.instantiate_pre(&compiled.component).map_err(mismatch)?;
        let exports = |interface| artifact.exports(interface);
        let mapping = exports(contract::ATTRIBUTE_MAPPING)
            .then(|| attribute_mapping::GuestIndices::new(&instances))
            .transpose()
            .map_err(mismatch)?;
        let defaults = exports(contract::DEFAULT_VALUES)
            .then(|| default_values::GuestIndices::new(&instances))
            .transpose()
            .map_err(mismatch)?;
        let about = about::GuestIndices::new(&instances).map_err(mismatch)?;

        let moment = wants_wasi.then(Moment::of_describing);
        let call = Call::new(self.id.clone(), None, Arc::default(), self.limits, moment.as_ref());
        let described = self.describe(call, &instances, &about, mapping.as_ref(), defaults.as_ref())?;
        let manifest = described
            .map_err(|message| LoadFailure::Mismatch { version: artifact.contract.clone(), message })?;
        let manifest = Manifest::check(manifest).map_err(|problems| LoadFailure::Manifest { problems })?;
        let integers = artifact.integers;
        let inspection = self.inspection(artifact, compiled, &manifest);
        Ok(Described { inspection, instances, mapping, defaults, integers, manifest })
    }

    /// The component's code, from the cache where there is a sound entry.
    fn compile(&self, artifact: &Artifact<'_>) -> Result<Compiled, LoadFailure> {
        let started = Instant::now();
        let engine = &self.shared.engine;
        let mut warnings = Vec::new();
        let mut note = |problem: Option<String>| {
            if let Some(problem) = problem {
                tracing::warn!(module = %self.id, "compiled-code cache: {problem}");
                warnings.push(problem);
            }
        };
        if let Some(cache) = &self.shared.cache {
            let (component, problem) = cache.fetch(engine, &artifact.digest);
            note(problem);
            if let Some(component) = component {
                return Ok(Compiled { component, from_cache: true, time: started.elapsed(), warnings });
            }
        }
        let component = Component::from_binary(engine, &artifact.wasm)
            .map_err(|error| LoadFailure::Invalid { message: text::tame_message(&format!("{error:#}")) })?;
        let time = started.elapsed();
        if let Some(cache) = &self.shared.cache {
            note(cache.store(engine, &artifact.digest, &component));
        }
        Ok(Compiled { component, from_cache: false, time, warnings })
    }

    /// Asks the module what it is, under its limits. All its exports are checked against the contract's
    /// types on the way; the inner error says what does not fit.
    fn describe(
        &self,
        call: Call,
        instances: &InstancePre<Call>,
        about: &about::GuestIndices,
        mapping: Option<&attribute_mapping::GuestIndices>,
        defaults: Option<&default_values::GuestIndices>,
    ) -> Result<Result<about::Manifest, String>, LoadFailure> {
        let owner = &self.shared.instances.owner(&self.id.tenant, self.limits.instances);
        let home = Home { shared: self.shared, owner, instances, reuse: 0 };
        let finished = home.run(call, |store, instance, _| {
            let checked = (|| {
                if let Some(mapping) = mapping {
                    mapping.load(&mut *store, instance)?;
                }
                if let Some(defaults) = defaults {
                    defaults.load(&mut *store, instance)?;
                }
                about.load(&mut *store, instance)
            })();
            match checked {
                Ok(about) => about.call_describe(store).map(Ok),
                Err(error) => Ok(Err(format!("{error:#}"))),
            }
        });
        let place =
            || Box::new(Place { module: self.id.clone(), record: None, function: Function::Describe });
        let Finished { value, evidence, .. } = finished;
        value.map_err(|fault| {
            let evidence = Box::new(evidence);
            LoadFailure::Describe(Box::new(MapError { place: place(), fault, evidence }))
        })
    }

    /// What the module may look up: what it declares, all of which has to be granted.
    fn check_grants(&self, manifest: &Manifest, grants: Grants) -> Result<Permits, LoadFailure> {
        let (mut wants, mut lines) = (Vec::new(), Vec::new());
        if manifest.reads == Reads::All && !grants.all_fields {
            wants.push("every field of a record".to_owned());
            lines.push("all_fields = true".to_owned());
        }
        let missing: Vec<_> =
            manifest.lookups.iter().filter(|source| !grants.lookups.contains(source)).collect();
        if !missing.is_empty() {
            wants.push(format!("look-ups in {}", text::list(&missing)));
            let all: Vec<_> = grants.lookups.iter().chain(missing).map(SourceName::as_str).collect();
            lines.push(format!("lookups = {all:?}"));
        }
        if !wants.is_empty() {
            let remedy = format!("[module.{}] grants = {{ {} }}", self.id.name, lines.join(", "));
            return Err(LoadFailure::NotGranted { wants, remedy });
        }
        Ok(Permits { sources: manifest.lookups.clone(), reader: grants.reader })
    }

    fn inspection(&self, artifact: Artifact<'_>, compiled: Compiled, manifest: &Manifest) -> Inspection {
        Inspection {
            tenant: self.id.tenant.to_string(),
            module: self.id.name.to_string(),
            digest: artifact.digest,
            file_bytes: artifact.file_bytes,
            contract: artifact.contract,
            imports: artifact.imports,
            stubbed: artifact.stubbed,
            exports: artifact.exports,
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            reads: match &manifest.reads {
                Reads::All => vec!["*".to_owned()],
                Reads::Fields(names) => names.clone(),
            },
            writes: manifest.writes.iter().map(ToString::to_string).collect(),
            lookups: manifest.lookups.iter().map(ToString::to_string).collect(),
            settings: manifest.settings.clone(),
            limits: self.limits,
            producers: artifact.producers,
            from_cache: compiled.from_cache,
            compile_time: compiled.time,
            compiled_bytes: compiled.component.image_range().end as usize
                - compiled.component.image_range().start as usize,
            warnings: compiled.warnings,
        }
    }
}
