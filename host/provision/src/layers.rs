//! From a record to an attribute map: rows, modules, defaults, in that order.
//!
//! Each layer lies on those before it: a later one wins, attribute by attribute. Default-values modules
//! come last and fill only what is still absent; an attribute that was cleared is not absent.
//!
//! Before the first layer the record is widened by the fields of other records that rows and modules name
//! (see [`walk`](crate::walk)), and the modules that rows take from are called, each once.

use crate::digest::Parts;
use crate::origin::{ModuleVersion, Origin, Origins};
use crate::recorder::{CallOutcome, CallRecorder, ModuleCall};
use crate::rows::{AttributeRow, RowError, RowValue, Scripted};
use crate::target::RowTarget;
use crate::walk::{References, TooFar, Walk, WalkError};
use scimwright_mapping::{
    AttributeMap, CallContext, Evidence, Fault, Limits, MapError, MappedDefaults, MappingModule, ModuleSlot,
    Outcome, Reads, Unavailable,
};
use scimwright_record::{HeldSources, ModuleName, Record, RecordLookup, SourceName};
use scimwright_scim::AttributePath;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long the fields of other records may take, for one record. Modules have limits of their own.
const WALKS: Duration = Duration::from_secs(10);

/// The layers of one resource type at one provider.
#[derive(Clone, Default)]
pub struct Layers {
    /// Attribute rows of the configuration.
    pub rows: Vec<AttributeRow>,
    /// The modules that rows take single attributes from.
    pub scripts: Vec<ModuleSlot>,
    /// Mapping modules, in order.
    pub modules: Vec<ModuleSlot>,
    /// Default-values modules, in order.
    pub defaults: Vec<ModuleSlot>,
    /// Whether the records have columns, so that a field they lack is a mistake.
    pub columns: bool,
    /// Which fields lead to other records.
    pub references: References,
    /// Where other records come from; the same that the modules ask.
    pub lookups: Option<Arc<dyn RecordLookup>>,
    /// Is told of every call of a module.
    pub recorder: Option<Arc<dyn CallRecorder>>,
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers")
            .field("rows", &self.rows.len())
            .field("scripts", &self.scripts)
            .field("modules", &self.modules)
            .field("defaults", &self.defaults)
            .finish_non_exhaustive()
    }
}

/// What the layers made of a record.
#[derive(Debug)]
pub struct Layered {
    /// Attributes, or the reason why the record is out of scope.
    pub outcome: Outcome,
    /// Which layer gave each attribute.
    pub origins: Vec<(AttributePath, Origin)>,
    /// What counts only where the resource is created; an existing one keeps what it has.
    pub create_only: Vec<RowTarget>,
    /// The calls of modules, in order.
    pub calls: Vec<Called>,
}

/// A call of a module that ended well.
#[derive(Debug)]
pub struct Called {
    /// The module, in the version that was called.
    pub module: ModuleVersion,
    /// The limits that it had.
    pub limits: Limits,
    /// What it used, logged and looked up.
    pub evidence: Evidence,
}

/// Why no attribute map came out.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// An attribute row could not be filled.
    #[error(transparent)]
    Row(#[from] RowError),
    /// A field of another record could not be had.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// A row or a module names a field too far away.
    #[error(transparent)]
    TooFar(#[from] TooFar),
    /// A module failed.
    #[error(transparent)]
    Module(#[from] MapError),
    /// A module cannot be used at all, for this record or any other.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What is known of a record from the time before.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    /// The fingerprint with which its resource is up to date.
    pub(crate) linked: Option<String>,
    /// What it was when it failed, as long as it waits for another try.
    pub(crate) failed: Option<String>,
    /// What else has a part in what becomes of it.
    pub(crate) salt: String,
}

/// What the layers made of a record that may be known.
#[derive(Debug)]
pub(crate) struct Mapped {
    /// What decides all that becomes of the record; none where modules ask other sources.
    pub(crate) fingerprint: Option<String>,
    /// What the record and its mapping are.
    pub(crate) identity: Option<String>,
    /// What came out; nothing where it is known.
    pub(crate) result: Result<Option<Layered>, LayerError>,
}

/// The modules that serve now, whatever is replaced from here on.
struct Serving {
    scripts: Vec<MappingModule>,
    modules: Vec<MappingModule>,
    defaults: Vec<MappingModule>,
}

impl Serving {
    /// A digest of the record and its mapping. With modules the day counts too: they know what time it is.
    fn identity(&self, context: &CallContext, record: &Record, salt: &str) -> String {
        let mut parts = Parts::default();
        parts.take(salt);
        for module in self.all() {
            parts.take(&ModuleVersion::of(module).digest);
            parts.take(context.now.get(..10).unwrap_or_default());
        }
        parts.take_fields(record);
        parts.hex()
    }

    /// Whether a module asks other sources by itself.
    fn asks(&self) -> bool {
        self.all().any(|module| !module.manifest().lookups.is_empty())
    }

    fn all(&self) -> impl Iterator<Item = &MappingModule> {
        self.scripts.iter().chain(&self.modules).chain(&self.defaults)
    }
}

/// One record on its way through the layers.
struct Course<'a> {
    layers: &'a Layers,
    context: &'a CallContext,
    record: Cow<'a, Record>,
    calls: Vec<Called>,
    origins: Origins,
}

impl LayerError {
    /// The module that cannot be used for any record, if that is what is wrong.
    pub(crate) fn unavailable(&self) -> Option<Unavailable> {
        match self {
            Self::Unavailable(unavailable) => Some(unavailable.clone()),
            Self::Module(error) if matches!(error.fault, Fault::Quarantined(_)) => {
                let (module, reason) = (error.place.module.clone(), error.fault.to_string());
                Some(Unavailable { module, reason })
            }
            _ => None,
        }
    }
}

impl Layers {
    /// Whether nothing but rows makes the mapping: no module is called, and no other source asked.
    pub(crate) fn are_rows_only(&self) -> bool {
        let no_modules = self.scripts.is_empty() && self.modules.is_empty() && self.defaults.is_empty();
        // A dot in a field may lead to another source, which may be slow.
        no_modules && !self.row_fields().any(|field| field.contains('.'))
    }

    /// Whether all modules can be used at this moment.
    ///
    /// # Errors
    /// [`Unavailable`] for the first that cannot.
    pub fn available(&self) -> Result<(), Unavailable> {
        self.serving().map(drop)
    }

    fn serving(&self) -> Result<Serving, Unavailable> {
        let current =
            |slots: &[ModuleSlot]| slots.iter().map(ModuleSlot::current).collect::<Result<Vec<_>, _>>();
        Ok(Serving {
            scripts: current(&self.scripts)?,
            modules: current(&self.modules)?,
            defaults: current(&self.defaults)?,
        })
    }

    /// The modules that serve now, as far as there are any.
    fn present(&self) -> impl Iterator<Item = MappingModule> {
        let slots = self.scripts.iter().chain(&self.modules).chain(&self.defaults);
        slots.filter_map(|slot| slot.current().ok())
    }

    /// The versions that serve now, as far as there are any.
    pub fn versions(&self) -> impl Iterator<Item = ModuleVersion> {
        self.present().map(|module| ModuleVersion::of(&module))
    }

    /// The fields that modules read and the record lacks, with the module: to them such a field is empty, and
    /// what they make of it may go at the provider.
    #[must_use]
    pub fn missing_fields(&self, record: &Record) -> Vec<(ModuleName, String)> {
        let mut missing = Vec::new();
        let leads_on = |field: &str| !matches!(self.references.walk(record.source(), field), Ok(None));
        for module in self.present() {
            let Reads::Fields(fields) = &module.manifest().reads else { continue };
            for field in fields.iter().filter(|field| record.field(field).is_none() && !leads_on(field)) {
                missing.push((module.id().name.clone(), field.clone()));
            }
        }
        missing
    }

    /// The sources in which records of `source` need look-ups, for a row or a module.
    #[must_use]
    pub fn looked_up(&self, source: &SourceName) -> Vec<SourceName> {
        let mut sources: Vec<SourceName> = Vec::new();
        let mut add = |found: &SourceName| {
            if !sources.contains(found) {
                sources.push(found.clone());
            }
        };
        let add_walk = |path: &str, add: &mut dyn FnMut(&SourceName)| {
            if let Ok(Some(walk)) = self.references.walk(source, path) {
                walk.sources().for_each(add);
            }
        };
        self.row_fields().for_each(|field| add_walk(field, &mut add));
        for module in self.present() {
            module.manifest().lookups.iter().for_each(&mut add);
            if let Reads::Fields(fields) = &module.manifest().reads {
                fields.iter().for_each(|field| add_walk(field, &mut add));
            }
        }
        sources
    }

    /// Makes ready what look-ups for records of `source` need; they see one state of it until it is dropped.
    pub async fn hold(&self, source: &SourceName) -> HeldSources {
        match (&self.lookups, self.looked_up(source)) {
            (Some(lookups), sources) if !sources.is_empty() => lookups.hold(&sources).await,
            _ => HeldSources::default(),
        }
    }

    /// Maps one record, unless it is as it was when it was last looked at.
    pub(crate) fn map_unless_known(&self, context: &CallContext, record: &Record, recall: &Recall) -> Mapped {
        let prepared = self.serving().map_err(LayerError::from).and_then(|serving| {
            let record = self.widened(record, &serving)?;
            Ok((serving, record))
        });
        let (serving, record) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Mapped { fingerprint: None, identity: None, result: Err(error) },
        };
        let identity = Some(serving.identity(context, &record, &recall.salt));
        // What a module will be told by other sources, nobody knows before.
        let fingerprint = identity.clone().filter(|_| !serving.asks());
        let as_linked = fingerprint.is_some() && recall.linked == fingerprint;
        let as_failed = identity.is_some() && recall.failed == identity;
        if as_linked || as_failed {
            return Mapped { fingerprint, identity, result: Ok(None) };
        }
        let course = Course { layers: self, context, record, calls: Vec::new(), origins: Origins::default() };
        Mapped { fingerprint, identity, result: course.run(&serving).map(Some) }
    }

    /// Maps one record. Runs guest code on the calling thread, up to the wall-clock limits of its modules.
    ///
    /// # Errors
    /// [`LayerError`] of the first layer that fails; what earlier layers made is dropped.
    pub fn map(&self, context: &CallContext, record: &Record) -> Result<Layered, LayerError> {
        let serving = self.serving()?;
        let record = self.widened(record, &serving)?;
        let course = Course { layers: self, context, record, calls: Vec::new(), origins: Origins::default() };
        course.run(&serving)
    }

    /// The record with the fields of other records that rows and modules name.
    pub(crate) fn widen(&self, record: &Record) -> Result<Record, LayerError> {
        Ok(self.widened(record, &self.serving()?)?.into_owned())
    }

    fn row_fields(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(AttributeRow::field)
    }

    /// The record with the fields of other records that rows and modules name.
    fn widened<'r>(&self, record: &'r Record, serving: &Serving) -> Result<Cow<'r, Record>, LayerError> {
        let mut walks: Vec<Walk> = Vec::new();
        let read = serving.all().flat_map(|module| match &module.manifest().reads {
            Reads::Fields(fields) => fields.as_slice(),
            Reads::All => &[],
        });
        for path in self.row_fields().chain(read.map(String::as_str)) {
            // A field of its own is nearer than any other record's.
            let is_known = record.field(path).is_some() || walks.iter().any(|walk| walk.path == path);
            if !is_known && let Some(walk) = self.references.walk(record.source(), path)? {
                walks.push(walk);
            }
        }
        if walks.is_empty() {
            return Ok(Cow::Borrowed(record));
        }
        let mut wide = record.clone();
        let deadline = Instant::now() + WALKS;
        for walk in walks {
            let reader = self.lookups.as_deref().ok_or_else(|| WalkError {
                key: record.key().clone(),
                path: walk.path.clone(),
                reason: "nothing can be looked up here".to_owned(),
            })?;
            let value = walk.follow(record, &self.references, reader, deadline)?;
            wide.push(walk.path, value);
        }
        Ok(Cow::Owned(wide))
    }
}

impl Course<'_> {
    fn run(mut self, serving: &Serving) -> Result<Layered, LayerError> {
        let mut scripted = Vec::new();
        for module in &serving.scripts {
            match self.map(module)? {
                Outcome::Provision(attributes) => scripted.push(Scripted {
                    module: &module.id().name,
                    writes: &module.manifest().writes,
                    attributes,
                }),
                skip @ Outcome::Skip(_) => return Ok(self.finish(skip)),
            }
        }
        let mut attributes = AttributeMap::new();
        for row in &self.layers.rows {
            let filled = row.apply(&self.record, self.layers.columns, &scripted, &mut attributes)?;
            let module = match &row.value {
                RowValue::Script { module, .. } => {
                    serving.scripts.iter().find(|script| script.id().name == *module).map(ModuleVersion::of)
                }
                _ => None,
            };
            self.origins.row(row, filled, module);
        }
        for module in &serving.modules {
            match self.map(module)? {
                Outcome::Provision(later) => {
                    self.origins.module(&ModuleVersion::of(module), &later);
                    attributes.overlay(later);
                }
                skip @ Outcome::Skip(_) => return Ok(self.finish(skip)),
            }
        }
        for module in &serving.defaults {
            let supplied = self.defaults(module, &attributes)?;
            let taken = attributes.fill_from(supplied);
            self.origins.defaults(&ModuleVersion::of(module), taken);
        }
        Ok(self.finish(Outcome::Provision(attributes)))
    }

    fn finish(self, outcome: Outcome) -> Layered {
        let (origins, create_only) = match outcome {
            Outcome::Provision(_) => self.origins.finish(),
            Outcome::Skip(_) => Default::default(),
        };
        Layered { outcome, origins, create_only, calls: self.calls }
    }

    fn map(&mut self, module: &MappingModule) -> Result<Outcome, MapError> {
        let result = module.map(self.context, &self.record);
        match &result {
            Ok(mapped) => {
                self.record_call(module, None, Ok(CallOutcome::Mapped(&mapped.outcome)), &mapped.evidence);
            }
            Err(error) => self.record_call(module, None, Err(error), &error.evidence),
        }
        let mapped = result?;
        self.note_call(module, mapped.evidence);
        Ok(mapped.outcome)
    }

    fn defaults(&mut self, module: &MappingModule, mapped: &AttributeMap) -> Result<AttributeMap, MapError> {
        let result = module.defaults(self.context, &self.record, mapped);
        match &result {
            Ok(MappedDefaults { attributes, evidence }) => {
                self.record_call(module, Some(mapped), Ok(CallOutcome::Defaults(attributes)), evidence);
            }
            Err(error) => self.record_call(module, Some(mapped), Err(error), &error.evidence),
        }
        let supplied = result?;
        self.note_call(module, supplied.evidence);
        Ok(supplied.attributes)
    }

    fn note_call(&mut self, module: &MappingModule, evidence: Evidence) {
        self.calls.push(Called { module: ModuleVersion::of(module), limits: *module.limits(), evidence });
    }

    fn record_call(
        &self,
        module: &MappingModule,
        mapped: Option<&AttributeMap>,
        result: Result<CallOutcome<'_>, &MapError>,
        evidence: &Evidence,
    ) {
        let Some(recorder) = &self.layers.recorder else { return };
        let reads = &module.manifest().reads;
        let record = self.record.as_ref().clone().cut(|field| reads.contains(field));
        let context = self.context;
        recorder.called(&ModuleCall { module, context, record: &record, mapped, result, evidence });
    }
}
