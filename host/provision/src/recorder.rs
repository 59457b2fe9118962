//! Whoever wants to keep what modules were asked and what they answered.

use scimwright_mapping::{AttributeMap, CallContext, Evidence, MapError, MappingModule, Outcome};
use scimwright_record::Record;

/// One call of a module, after it ended.
#[derive(Debug)]
pub struct ModuleCall<'a> {
    /// The module, in the version that was called.
    pub module: &'a MappingModule,
    /// What it was told besides the record.
    pub context: &'a CallContext,
    /// The record, cut down to the fields that the module may see.
    pub record: &'a Record,
    /// For default values: what the mapping had made of the record.
    pub mapped: Option<&'a AttributeMap>,
    /// What it answered.
    pub result: Result<CallOutcome<'a>, &'a MapError>,
    /// What the call left behind.
    pub evidence: &'a Evidence,
}

/// What a module answered.
#[derive(Debug, Clone, Copy)]
pub enum CallOutcome<'a> {
    /// `map`: attributes, or the reason why the record is out of scope.
    Mapped(&'a Outcome),
    /// `defaults`: default values.
    Defaults(&'a AttributeMap),
}

/// Is told of every call of a module. Called on the thread that maps, many threads at once, and waited for.
pub trait CallRecorder: Send + Sync {
    /// A call ended.
    fn called(&self, call: &ModuleCall<'_>);
}
