//! From a record to an attribute map: rows, modules, defaults, in that order.
//!
//! Each layer lies on those before it: a later one wins, attribute by attribute. Default-values modules
//! come last and fill only what is still absent; an attribute that was cleared is not absent.

use crate::rows::{AttributeRow, RowError};
use scimwright_mapping::{
    AttributeMap, CallContext, Evidence, MapError, MappingModule, ModuleSlot, Outcome, Reads, Unavailable,
};
use scimwright_record::{ModuleName, Record};

/// The layers of one resource type at one provider.
#[derive(Clone)]
pub struct Layers {
    /// Attribute rows of the configuration.
    pub rows: Vec<AttributeRow>,
    /// Mapping modules, in order.
    pub modules: Vec<ModuleSlot>,
    /// Default-values modules, in order.
    pub defaults: Vec<ModuleSlot>,
    /// Whether the records have columns, so that a field they lack is a mistake.
    pub columns: bool,
}

/// What the layers made of a record.
#[derive(Debug)]
pub struct Layered {
    /// Attributes, or the reason why the record is out of scope.
    pub outcome: Outcome,
    /// What each call of a module left behind, in order.
    pub calls: Vec<Evidence>,
}

/// Why no attribute map came out.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// An attribute row could not be filled.
    #[error(transparent)]
    Row(#[from] RowError),
    /// A module failed.
    #[error(transparent)]
    Module(#[from] MapError),
    /// A module cannot be used at all, for this record or any other.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// The modules that serve now in these slots.
fn serving(slots: &[ModuleSlot]) -> Result<Vec<MappingModule>, Unavailable> {
    slots.iter().map(ModuleSlot::current).collect()
}

impl Layers {
    /// The fields that modules read and the record lacks, with the module: to them such a field is empty, and
    /// what they make of it may go at the provider.
    #[must_use]
    pub fn missing_fields(&self, record: &Record) -> Vec<(ModuleName, String)> {
        let mut missing = Vec::new();
        let serving = self.modules.iter().chain(&self.defaults).filter_map(|slot| slot.current().ok());
        for module in serving {
            let Reads::Fields(fields) = &module.manifest().reads else { continue };
            for field in fields.iter().filter(|field| record.field(field).is_none()) {
                missing.push((module.id().name.clone(), field.clone()));
            }
        }
        missing
    }

    /// Maps one record. Runs guest code on the calling thread, up to the wall-clock limits of its modules.
    ///
    /// # Errors
    /// [`LayerError`] of the first layer that fails; what earlier layers made is dropped.
    pub fn map(&self, context: &CallContext, record: &Record) -> Result<Layered, LayerError> {
        // Whatever is replaced from here on, this record is mapped by the versions that serve now.
        let modules = serving(&self.modules)?;
        let defaults = serving(&self.defaults)?;
        let mut attributes = AttributeMap::new();
        for row in &self.rows {
            row.apply(record, self.columns, &mut attributes)?;
        }
        let mut layered = Layered { outcome: Outcome::Skip(String::new()), calls: Vec::new() };
        for module in &modules {
            let mapped = module.map(context, record)?;
            layered.calls.push(mapped.evidence);
            match mapped.outcome {
                Outcome::Provision(later) => attributes.overlay(later),
                skip @ Outcome::Skip(_) => return Ok(Layered { outcome: skip, ..layered }),
            }
        }
        for module in &defaults {
            let supplied = module.defaults(context, record, &attributes)?;
            layered.calls.push(supplied.evidence);
            attributes.fill_from(supplied.attributes);
        }
        Ok(Layered { outcome: Outcome::Provision(attributes), ..layered })
    }
}
