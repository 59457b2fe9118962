//! From a file to a module, on a thread of its own: compiling takes its time, and records must not wait for it.
//!
//! One thread for each tenant: a tenant whose modules take long to compile keeps its own waiting, nobody else's.

use super::listing::{Form, Stamp};
use super::{Inner, Verdict};
use crate::artifact;
use crate::load::{LoadError, LoadFailure};
use jiff::Timestamp;
use scimwright_record::ModuleName;
use sha2::{Digest as _, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

/// A file to be looked at.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) file: String,
    pub(super) module: ModuleName,
    pub(super) path: PathBuf,
    pub(super) form: Form,
    /// What the file was when it was found to be settled.
    pub(super) stamp: Stamp,
    /// The digest of what serves from this file already.
    pub(super) serving: Option<String>,
}

/// Starts the thread. It ends when nobody can send it anything any more.
pub(super) fn start(inner: Arc<Inner>) -> std::io::Result<Sender<Job>> {
    let (sender, jobs) = channel::<Job>();
    thread::Builder::new().name(format!("modules of {}", inner.tenant)).spawn(move || {
        for job in jobs {
            let verdict = catch_unwind(AssertUnwindSafe(|| inner.examine(&job)));
            let verdict = verdict.unwrap_or_else(|_| Verdict::Refused {
                digest: None,
                reason: "scimwright failed while it loaded the file; this is a defect, please report it"
                    .to_owned(),
                transient: false,
            });
            inner.settle(&job, verdict, Timestamp::now());
        }
    })?;
    Ok(sender)
}

impl Inner {
    /// Takes a candidate all the way, up to the point where it could serve.
    fn examine(&self, job: &Job) -> Verdict {
        let terms = self.options.settings.terms(&job.module);
        let bytes = match artifact::read(&job.path, terms.limits.file_bytes) {
            Ok(bytes) => bytes,
            Err(failure) => {
                let transient = matches!(failure, LoadFailure::Unreadable { .. });
                return Verdict::Refused { digest: None, reason: failure.to_string(), transient };
            }
        };
        // Written while it was read: what was read may be half of each.
        let unchanged = std::fs::metadata(&job.path).is_ok_and(|now| Stamp::of(&now) == job.stamp);
        if !unchanged {
            return Verdict::Moved;
        }
        let digest = artifact::hex(&Sha256::digest(&bytes));
        if job.serving.as_ref() == Some(&digest) {
            return Verdict::Same;
        }
        let refused =
            |reason, transient| Verdict::Refused { digest: Some(digest.clone()), reason, transient };
        let bytes = match (job.form, &self.options.scripts) {
            (Form::Binary | Form::Text, _) => bytes,
            (Form::Script, None) => {
                let reason = "JavaScript files are not allowed here; set [scripts] javascript = true, or build the \
                              file and put the .wasm here";
                return refused(reason.to_owned(), false);
            }
            (Form::Script, Some(builder)) => match builder.build(&job.module, &job.path) {
                Ok(component) => component,
                Err(reason) => return refused(reason, false),
            },
        };
        match self.host.load_bytes(self.id(&job.module), &bytes, terms.limits, terms.settings, terms.grants) {
            Ok(module) => Verdict::Passed { digest, module: Box::new(module) },
            Err(LoadError { failure, .. }) => {
                let transient = matches!(failure, LoadFailure::Describe(_));
                refused(failure.to_string(), transient)
            }
        }
    }
}
