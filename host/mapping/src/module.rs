//! A module that was loaded and may be called.

use crate::attributes::AttributeMap;
use crate::call::{Call, Finished, Permits};
use crate::contract::{ATTRIBUTE_MAPPING, DEFAULT_VALUES, attribute_mapping, default_values};
use crate::convert::{self, Weight as _};
use crate::error::{Fault, Function, MapError, Place};
use crate::evidence::Evidence;
use crate::host::Shared;
use crate::inspection::Inspection;
use crate::limits::Limits;
use crate::manifest::Manifest;
use crate::text;
use crate::wasi::Moment;
use scimwright_record::{
    ModuleName, ProviderName, Record, RecordKey, RecordLookup, ResourceTypeName, TenantName,
};
use std::fmt;
use std::sync::Arc;
use wasmtime::component::InstancePre;

/// Which module: its tenant, and its name in that tenant's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct ModuleId {
    /// Whose it is.
    pub tenant: TenantName,
    /// Its name: that of its file, without the ending.
    pub name: ModuleName,
}

impl fmt::Display for ModuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "module `{}` of tenant `{}`", self.name, self.tenant)
    }
}

/// Why a mapping is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// No resource is known for the record yet.
    Create,
    /// The record has a resource.
    Update,
    /// Somebody wants to see the outcome; nothing will be sent.
    Preview,
}

/// What a mapping may know besides the record. A module's settings are its own and come from its loading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallContext {
    /// On whose behalf the module runs.
    pub tenant: TenantName,
    /// The provider that the resource is for.
    pub provider: ProviderName,
    /// The resource type that is wanted.
    pub resource_type: ResourceTypeName,
    /// Why the mapping is asked.
    pub operation: Operation,
    /// The moment of the run as RFC 3339 text in UTC: the module's only clock.
    pub now: String,
}

/// What a mapping decided about a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is to be provisioned with these attributes.
    Provision(AttributeMap),
    /// It is out of scope, for the reason given.
    Skip(String),
}

/// A mapping's decision, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// The decision.
    pub outcome: Outcome,
    /// What the call left behind.
    pub evidence: Evidence,
}

/// Default values, and what they took.
#[derive(Debug, Clone, PartialEq)]
pub struct MappedDefaults {
    /// The attributes. [`AttributeMap::fill_from`] takes those that the mapping left open.
    pub attributes: AttributeMap,
    /// What the call left behind.
    pub evidence: Evidence,
}

/// A loaded module. Cheap to clone, and may be called from many threads at once.
///
/// Every call makes a fresh instance, so a module remembers nothing from one record to the next, and what
/// one record does to it no other ever sees.
#[derive(Clone)]
pub struct MappingModule {
    pub(crate) loaded: Arc<Loaded>,
}

/// What every call of a module needs.
pub(crate) struct Loaded {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: ModuleId,
    pub(crate) instances: InstancePre<Call>,
    /// Whether it imports WASI besides the contract.
    pub(crate) wants_wasi: bool,
    pub(crate) mapping: Option<attribute_mapping::GuestIndices>,
    pub(crate) defaults: Option<default_values::GuestIndices>,
    pub(crate) manifest: Manifest,
    pub(crate) limits: Limits,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) permits: Arc<Permits>,
    pub(crate) inspection: Inspection,
}

impl fmt::Debug for MappingModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappingModule")
            .field("id", &self.loaded.id)
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}

impl MappingModule {
    /// Which module it is.
    #[must_use]
    pub fn id(&self) -> &ModuleId {
        &self.loaded.id
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.loaded.manifest
    }

    /// SHA-256 of its file, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.loaded.inspection.digest
    }

    /// The limits under which it runs.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.loaded.limits
    }

    /// The settings that it was given.
    #[must_use]
    pub fn settings(&self) -> &[(String, String)] {
        &self.loaded.settings
    }

    /// Whether it maps records.
    #[must_use]
    pub fn exports_mapping(&self) -> bool {
        self.loaded.mapping.is_some()
    }

    /// Whether it supplies default values.
    #[must_use]
    pub fn exports_defaults(&self) -> bool {
        self.loaded.defaults.is_some()
    }

    /// Everything that is known about it.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.loaded.inspection
    }

    /// Maps a record, in a fresh instance. Blocks for as long as the module runs, at most
    /// [`Limits::wall`] and a tick.
    ///
    /// # Errors
    /// [`MapError`]: the mapping refused the record, crashed, ran over a limit, or returned something that
    /// it may not.
    pub fn map(&self, context: &CallContext, record: &Record) -> Result<Mapped, MapError> {
        let Some(guest) = self.loaded.mapping.as_ref() else {
            return Err(self.not_exported(Function::Map, record, ATTRIBUTE_MAPPING));
        };
        let call = self.call(context, record);
        let context = convert::context(context, &self.loaded.settings);
        let source = convert::cut_record(record, |name| self.loaded.manifest.reads.contains(name));
        let Finished { value, mut evidence } =
            call.run(&self.loaded.shared, &self.loaded.instances, |store, instance| {
                guest.load(&mut *store, instance)?.call_map(store, &context, &source)
            });
        let outcome = value.and_then(|value| {
            evidence.usage.output_bytes = value.weight();
            Ok(match value.map_err(convert::refusal)? {
                crate::contract::types::Outcome::Provision(attributes) => {
                    Outcome::Provision(convert::attribute_map(attributes, &self.loaded.manifest)?)
                }
                crate::contract::types::Outcome::Skip(reason) => Outcome::Skip(text::tame_message(&reason)),
            })
        });
        match outcome {
            Ok(outcome) => Ok(Mapped { outcome, evidence }),
            Err(fault) => Err(self.error(Function::Map, record.key(), fault, evidence)),
        }
    }

    /// Asks for default values for what `mapped` leaves open, in a fresh instance. Blocks as
    /// [`map`](Self::map) does.
    ///
    /// # Errors
    /// [`MapError`], as for [`map`](Self::map).
    pub fn defaults(
        &self,
        context: &CallContext,
        record: &Record,
        mapped: &AttributeMap,
    ) -> Result<MappedDefaults, MapError> {
        let Some(guest) = self.loaded.defaults.as_ref() else {
            return Err(self.not_exported(Function::Defaults, record, DEFAULT_VALUES));
        };
        let call = self.call(context, record);
        let context = convert::context(context, &self.loaded.settings);
        let source = convert::cut_record(record, |name| self.loaded.manifest.reads.contains(name));
        let mapped = convert::attributes(mapped);
        let Finished { value, mut evidence } =
            call.run(&self.loaded.shared, &self.loaded.instances, |store, instance| {
                guest.load(&mut *store, instance)?.call_defaults(store, &context, &source, &mapped)
            });
        let attributes = value.and_then(|value| {
            evidence.usage.output_bytes = value.weight();
            convert::attribute_map(value.map_err(convert::refusal)?, &self.loaded.manifest)
        });
        match attributes {
            Ok(attributes) => Ok(MappedDefaults { attributes, evidence }),
            Err(fault) => Err(self.error(Function::Defaults, record.key(), fault, evidence)),
        }
    }

    /// The same module with other settings. Compiled code is shared, and so are the limits.
    ///
    /// # Errors
    /// A sentence for each setting that the module does not accept, or lacks.
    pub fn with_settings(&self, settings: Vec<(String, String)>) -> Result<Self, Vec<String>> {
        self.loaded.manifest.check_settings(&settings)?;
        Ok(self.variant(|loaded| loaded.settings = settings))
    }

    /// The same module with another place to look records up in. What it may look up stays as it was granted.
    #[must_use]
    pub fn with_reader(&self, reader: Arc<dyn RecordLookup>) -> Self {
        let sources = self.loaded.permits.sources.clone();
        self.variant(|loaded| loaded.permits = Arc::new(Permits { sources, reader: Some(reader) }))
    }

    /// The same module, changed in something that does not touch its code.
    fn variant(&self, change: impl FnOnce(&mut Loaded)) -> Self {
        let loaded = &self.loaded;
        let mut variant = Loaded {
            shared: Arc::clone(&loaded.shared),
            id: loaded.id.clone(),
            instances: loaded.instances.clone(),
            wants_wasi: loaded.wants_wasi,
            mapping: loaded.mapping.clone(),
            defaults: loaded.defaults.clone(),
            manifest: loaded.manifest.clone(),
            limits: loaded.limits,
            settings: loaded.settings.clone(),
            permits: Arc::clone(&loaded.permits),
            inspection: loaded.inspection.clone(),
        };
        change(&mut variant);
        Self { loaded: Arc::new(variant) }
    }

    fn call(&self, context: &CallContext, record: &Record) -> Call {
        let loaded = &self.loaded;
        let moment = loaded
            .wants_wasi
            .then(|| Moment::of_record(record.source().as_str(), record.key().as_str(), &context.now));
        let (permits, key) = (Arc::clone(&loaded.permits), record.key().clone());
        Call::new(loaded.id.clone(), Some(key), permits, loaded.limits, moment.as_ref())
    }

    fn not_exported(&self, function: Function, record: &Record, export: &'static str) -> MapError {
        let fault = Fault::NotExported { export, exports: self.loaded.inspection.exports.clone() };
        self.error(function, record.key(), fault, Evidence::default())
    }

    fn error(&self, function: Function, record: &RecordKey, fault: Fault, evidence: Evidence) -> MapError {
        let place =
            Box::new(Place { module: self.loaded.id.clone(), record: Some(record.clone()), function });
        MapError { place, fault, evidence: Box::new(evidence) }
    }
}
