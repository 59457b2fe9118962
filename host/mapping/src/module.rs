//! A module that was loaded and may be called.

use crate::attributes::AttributeMap;
use crate::breaker::{Breaker, Health, Quarantine};
use crate::call::{Call, Finished, Permits};
use crate::contract::{ATTRIBUTE_MAPPING, DEFAULT_VALUES, attribute_mapping, default_values, types};
use crate::convert::{self, Weight};
use crate::error::{Concern, Fault, Function, MapError, Place};
use crate::evidence::Evidence;
use crate::host::Shared;
use crate::inspection::Inspection;
use crate::instances::Owner;
use crate::integers::Integers;
use crate::limits::Limits;
use crate::live::{Exports, Home};
use crate::manifest::Manifest;
use crate::text;
use crate::wasi::Moment;
use jiff::Timestamp;
use scimwright_record::{
    ModuleName, ProviderName, Record, RecordKey, RecordLookup, ResourceTypeName, TenantName,
};
use std::fmt;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

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
/// one record does to it no other ever sees. Where the module asks for it and the operator grants it, an instance
/// maps several records, one after the other.
#[derive(Clone)]
pub struct MappingModule {
    pub(crate) code: Arc<Code>,
    pub(crate) terms: Arc<Terms>,
}

/// What was loaded from the file.
pub(crate) struct Code {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: ModuleId,
    pub(crate) instances: InstancePre<Call>,
    /// Whether it imports WASI besides the contract.
    pub(crate) wants_wasi: bool,
    pub(crate) mapping: Option<attribute_mapping::GuestIndices>,
    pub(crate) defaults: Option<default_values::GuestIndices>,
    pub(crate) integers: Integers,
    pub(crate) manifest: Manifest,
    pub(crate) inspection: Inspection,
    pub(crate) breaker: Breaker,
}

/// What the configuration says of it.
pub(crate) struct Terms {
    pub(crate) limits: Limits,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) permits: Arc<Permits>,
    /// How many records an instance may map; 0 as 1.
    pub(crate) reuse: u32,
    /// Whether what the module logs stays out of the host's own log.
    quiet: bool,
    owner: Arc<Owner>,
    shared: Arc<Shared>,
}

impl Terms {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        tenant: &TenantName,
        limits: Limits,
        settings: Vec<(String, String)>,
        permits: Arc<Permits>,
        reuse: u32,
    ) -> Self {
        let owner = shared.instances.owner(tenant, limits.instances);
        Self { limits, settings, permits, reuse, quiet: false, owner, shared: Arc::clone(shared) }
    }
}

impl Drop for Terms {
    fn drop(&mut self) {
        // Instances that wait for another record of these terms wait in vain.
        self.shared.instances.forget(&self.owner);
    }
}

impl fmt::Debug for MappingModule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappingModule")
            .field("id", &self.code.id)
            .field("digest", &self.digest())
            .finish_non_exhaustive()
    }
}

impl MappingModule {
    /// Which module it is.
    #[must_use]
    pub fn id(&self) -> &ModuleId {
        &self.code.id
    }

    /// What it says of itself.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.code.manifest
    }

    /// SHA-256 of its file, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.code.inspection.digest
    }

    /// The limits under which it runs.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.terms.limits
    }

    /// The settings that it was given.
    #[must_use]
    pub fn settings(&self) -> &[(String, String)] {
        &self.terms.settings
    }

    /// Whether it maps records.
    #[must_use]
    pub fn exports_mapping(&self) -> bool {
        self.code.mapping.is_some()
    }

    /// Whether it supplies default values.
    #[must_use]
    pub fn exports_defaults(&self) -> bool {
        self.code.defaults.is_some()
    }

    /// Everything that is known about it.
    #[must_use]
    pub fn inspection(&self) -> &Inspection {
        &self.code.inspection
    }

    /// Whether it is in quarantine.
    #[must_use]
    pub fn health(&self) -> Health {
        self.code.breaker.health()
    }

    /// Ends its quarantine by hand.
    pub fn release(&self) {
        self.code.breaker.release();
    }

    /// Goes on with a quarantine that another process began.
    pub fn restore_quarantine(&self, quarantine: Quarantine) {
        self.code.breaker.restore(quarantine);
    }

    /// Maps a record. Blocks for as long as the module runs, at most [`Limits::wall`] and a tick, and for its turn
    /// where all places for instances are held.
    ///
    /// # Errors
    /// [`MapError`]: the mapping refused the record, crashed, ran over a limit, or returned something that
    /// it may not.
    pub fn map(&self, context: &CallContext, record: &Record) -> Result<Mapped, MapError> {
        let code = &self.code;
        let Some(indices) = code.mapping.as_ref() else {
            return Err(self.not_exported(Function::Map, record, ATTRIBUTE_MAPPING));
        };
        self.check_integers(Function::Map, record, None)?;
        let (outcome, evidence) = self.call(
            Function::Map,
            context,
            record,
            |store, instance, exports, context, source| {
                exports.mapping(indices, store, instance)?.call_map(store, context, source)
            },
            |value| match value.map_err(convert::refusal)? {
                types::Outcome::Provision(attributes) => {
                    Ok(Outcome::Provision(convert::attribute_map(attributes, &code.manifest, code.integers)?))
                }
                types::Outcome::Skip(reason) => Ok(Outcome::Skip(text::tame_message(&reason))),
            },
        )?;
        Ok(Mapped { outcome, evidence })
    }

    /// Asks for default values for what `mapped` leaves open. Blocks as [`map`](Self::map) does.
    ///
    /// # Errors
    /// [`MapError`], as for [`map`](Self::map).
    pub fn defaults(
        &self,
        context: &CallContext,
        record: &Record,
        mapped: &AttributeMap,
    ) -> Result<MappedDefaults, MapError> {
        let code = &self.code;
        let Some(indices) = code.defaults.as_ref() else {
            return Err(self.not_exported(Function::Defaults, record, DEFAULT_VALUES));
        };
        self.check_integers(Function::Defaults, record, Some(mapped))?;
        let mapped = convert::attributes(mapped);
        let (attributes, evidence) = self.call(
            Function::Defaults,
            context,
            record,
            |store, instance, exports, context, source| {
                exports.defaults(indices, store, instance)?.call_defaults(store, context, source, &mapped)
            },
            |value| convert::attribute_map(value.map_err(convert::refusal)?, &code.manifest, code.integers),
        )?;
        Ok(MappedDefaults { attributes, evidence })
    }

    /// The same module with other settings. Compiled code is shared, and so are the limits.
    ///
    /// # Errors
    /// A sentence for each setting that the module does not accept, or lacks.
    pub fn with_settings(&self, settings: Vec<(String, String)>) -> Result<Self, Vec<String>> {
        self.code.manifest.check_settings(&settings)?;
        Ok(self.changed(|terms| terms.settings = settings))
    }

    /// The same module with another place to look records up in. What it may look up stays as it was granted.
    #[must_use]
    pub fn with_reader(&self, reader: Arc<dyn RecordLookup>) -> Self {
        let sources = self.terms.permits.sources.clone();
        self.changed(|terms| terms.permits = Arc::new(Permits { sources, reader: Some(reader) }))
    }

    /// The same module with instances that map so many records, whatever it asks for and whatever was granted: to
    /// see whether a record leaves something behind for the next one, and what it would save.
    #[must_use]
    pub fn reused(&self, records: u32) -> Self {
        self.changed(|terms| terms.reuse = records)
    }

    /// The same module, for trying it out: what it logs is returned and is no part of the host's own log, where it
    /// would look as if a record had been mapped.
    #[must_use]
    pub(crate) fn quiet(&self) -> Self {
        self.changed(|terms| terms.quiet = true)
    }

    /// The same code under other terms.
    fn changed(&self, change: impl FnOnce(&mut Terms)) -> Self {
        let (Code { shared, id, .. }, own) = (&*self.code, &*self.terms);
        let (settings, permits) = (own.settings.clone(), Arc::clone(&own.permits));
        let mut terms = Terms::new(shared, &id.tenant, own.limits, settings, permits, own.reuse);
        terms.quiet = own.quiet;
        change(&mut terms);
        Self { code: Arc::clone(&self.code), terms: Arc::new(terms) }
    }

    /// One call: what the guest gets, the guest, and what it returned, judged.
    fn call<R: Weight, T>(
        &self,
        function: Function,
        context: &CallContext,
        record: &Record,
        guest: impl FnOnce(
            &mut Store<Call>,
            &Instance,
            &mut Exports,
            &types::Context,
            &types::SourceRecord,
        ) -> wasmtime::Result<R>,
        judge: impl FnOnce(R) -> Result<T, Fault>,
    ) -> Result<(T, Evidence), MapError> {
        let Code { shared, id, instances, manifest, breaker, .. } = &*self.code;
        if let Err(quarantine) = breaker.admit(Timestamp::now(), self.terms.limits.wall) {
            return Err(self.error(
                function,
                record.key(),
                Fault::Quarantined(quarantine),
                Evidence::default(),
            ));
        }
        let moment = self
            .code
            .wants_wasi
            .then(|| Moment::of_record(record.source().as_str(), record.key().as_str(), &context.now));
        let permits = Arc::clone(&self.terms.permits);
        let call =
            Call::new(id.clone(), Some(record.key().clone()), permits, self.terms.limits, moment.as_ref())
                .with_integers(self.code.integers)
                .quiet(self.terms.quiet);
        let context = convert::context(context, &self.terms.settings);
        let source = convert::cut_record(record, |name| manifest.reads.contains(name));

        let home = Home { shared, owner: &self.terms.owner, instances, reuse: self.terms.reuse };
        let Finished { value, mut evidence, mut kept } =
            home.run(call, |store, instance, exports| guest(store, instance, exports, &context, &source));
        let judged = value.and_then(|value| {
            evidence.usage.output_bytes = value.weight();
            judge(value)
        });
        let result = judged.map_err(|fault| self.error(function, record.key(), fault, evidence.clone()));
        let spoilt = result.as_ref().is_err_and(|error| error.concern() != Concern::Record);
        if !spoilt && let Some(live) = kept.take() {
            home.keep(live);
        }
        breaker.settle(Timestamp::now(), result.as_ref().err());
        result.map(|value| (value, evidence))
    }

    /// Refuses a call whose numbers would not arrive as they are.
    fn check_integers(
        &self,
        function: Function,
        record: &Record,
        mapped: Option<&AttributeMap>,
    ) -> Result<(), MapError> {
        let Code { integers, manifest, .. } = &*self.code;
        integers
            .check_record(record, |name| manifest.reads.contains(name))
            .and_then(|()| mapped.map_or(Ok(()), |mapped| integers.check_attributes(mapped)))
            .map_err(|fault| self.error(function, record.key(), fault, Evidence::default()))
    }

    fn not_exported(&self, function: Function, record: &Record, export: &'static str) -> MapError {
        let fault = Fault::NotExported { export, exports: self.code.inspection.exports.clone() };
        self.error(function, record.key(), fault, Evidence::default())
    }

    fn error(&self, function: Function, record: &RecordKey, fault: Fault, evidence: Evidence) -> MapError {
        let place = Box::new(Place { module: self.code.id.clone(), record: Some(record.clone()), function });
        MapError { place, fault, evidence: Box::new(evidence) }
    }
}
