//! `[recording]`: calls of modules in real runs, written down as cases.
//!
//! Whoever is recorded is not asked, so nothing is written without the table in the configuration, and nothing that it
//! masks or drops. A recording that cannot be written is told once and never fails a run.

use crate::config::model::Tenant;
use crate::terminal::err;
use scimwright_author::{RecordedCall, Recorder, Redaction};
use scimwright_mapping::Operation;
use scimwright_provision::{CallOutcome, CallRecorder, ModuleCall};
use scimwright_record::ModuleName;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a tenant's configuration asks to be written down, if anything.
pub(crate) fn recorder(tenant: &Tenant) -> Option<Arc<dyn CallRecorder>> {
    let recording = tenant.recording.as_ref()?;
    let redaction = Redaction { mask: recording.mask.clone(), drop: recording.drop.clone() };
    Some(Arc::new(Configured {
        modules: recording.modules.clone(),
        recorder: Recorder::in_folder(recording.folder.clone(), redaction.clone(), recording.limit),
        redaction,
        was_told: AtomicBool::new(false),
    }))
}

/// Records the calls of some modules.
struct Configured {
    modules: Vec<ModuleName>,
    recorder: Recorder,
    redaction: Redaction,
    /// Whether somebody was told that it does not work.
    was_told: AtomicBool,
}

impl CallRecorder for Configured {
    fn called(&self, call: &ModuleCall<'_>) {
        // A plan leaves nothing behind.
        let is_real = call.context.operation != Operation::Preview;
        if !is_real || !self.modules.contains(&call.module.id().name) {
            return;
        }
        // What is recorded of a single module and names a field that it does not read is most likely misspelt.
        let unknown = self.redaction.unknown(call.module.manifest());
        if let ([_], [first, ..]) = (self.modules.as_slice(), unknown.as_slice()) {
            if !self.was_told.swap(true, Ordering::Relaxed) {
                let module = &call.module.id().name;
                err(&format!(
                    "note: nothing is recorded: [recording] masks or drops `{first}`, which is no field that `{module}` \
                     reads"
                ));
            }
            return;
        }
        let outcome = match &call.result {
            Ok(CallOutcome::Mapped(outcome)) => outcome.to_json(),
            Ok(CallOutcome::Defaults(attributes)) => attributes.to_json(),
            Err(error) => error.to_json(),
        };
        let recorded = self.recorder.record(&RecordedCall {
            module: call.module,
            context: call.context,
            record: call.record,
            mapped: call.mapped,
            outcome: &outcome,
            evidence: call.evidence,
        });
        if let Err(error) = recorded
            && !self.was_told.swap(true, Ordering::Relaxed)
        {
            err(&format!("note: {error}; the run goes on without it"));
        }
    }
}
