//! Calls of modules, written down as cases.
//!
//! A recording holds personal data, so it is made only where somebody asked for it, holds only the fields that the module
//! reads, without what is to be redacted, and is readable by its owner alone. What is expected of a case is found out by
//! running the redacted case again: the replay is exact, and tells nothing that the case does not.

use crate::redaction::Redaction;
use scimwright_mapping::case::{CaseLookup, CaseModule, lasting};
use scimwright_mapping::{AttributeMap, CallContext, Case, Evidence, MappingModule};
use scimwright_record::{ModuleName, Record};
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The ending of a recording.
pub const ENDING: &str = ".cases.jsonl";

/// Writes calls down, in a file for each module.
#[derive(Debug)]
pub struct Recorder {
    place: RecordingPlace,
    redaction: Redaction,
    limit: u64,
    files: Mutex<HashMap<PathBuf, Open>>,
}

/// Where recordings go.
#[derive(Debug)]
enum RecordingPlace {
    Folder(PathBuf),
    File(PathBuf),
}

#[derive(Debug)]
struct Open {
    file: File,
    cases: u64,
    /// The file's length after what was counted; another length means that somebody else writes, too.
    length: u64,
}

/// A call that is to be written down.
#[derive(Debug, Clone, Copy)]
pub struct RecordedCall<'a> {
    /// The module that was called.
    pub module: &'a MappingModule,
    /// What it was told.
    pub context: &'a CallContext,
    /// The record.
    pub record: &'a Record,
    /// What was mapped already, where it was asked for default values.
    pub mapped: Option<&'a AttributeMap>,
    /// What came out, as [`Outcome::to_json`](scimwright_mapping::Outcome::to_json) and its like have it.
    pub outcome: &'a Value,
    /// What the call left behind.
    pub evidence: &'a Evidence,
}

/// What became of a call that was to be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was.
    Written,
    /// The file has as many cases as it may.
    Full,
}

/// A call that could not be written down. Nothing that matters depends on it: the call itself is as it was.
#[derive(Debug, thiserror::Error)]
#[error("the recording {} cannot be written: {cause}", .path.display())]
pub struct RecordingError {
    /// The file.
    pub path: PathBuf,
    /// Why not.
    pub cause: io::Error,
}

impl Recorder {
    /// Records into a folder, `MODULE.cases.jsonl` for each module, at most `limit` cases each.
    #[must_use]
    pub fn in_folder(folder: PathBuf, redaction: Redaction, limit: u64) -> Self {
        Self { place: RecordingPlace::Folder(folder), redaction, limit, files: Mutex::default() }
    }

    /// Records into one file, at most `limit` cases.
    #[must_use]
    pub fn in_file(file: PathBuf, redaction: Redaction, limit: u64) -> Self {
        Self { place: RecordingPlace::File(file), redaction, limit, files: Mutex::default() }
    }

    /// Where the calls of a module go.
    #[must_use]
    pub fn path(&self, module: &ModuleName) -> PathBuf {
        match &self.place {
            RecordingPlace::Folder(folder) => folder.join(format!("{module}{ENDING}")),
            RecordingPlace::File(file) => file.clone(),
        }
    }

    /// Writes a call down.
    ///
    /// # Errors
    /// [`RecordingError`] when the file cannot be written.
    pub fn record(&self, call: &RecordedCall<'_>) -> Result<Recorded, RecordingError> {
        let path = self.path(&call.module.id().name);
        let failed = |cause| RecordingError { path: path.clone(), cause };
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match files.entry(path.clone()) {
            std::collections::hash_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Open::new(&path).map_err(failed)?)
            }
        };
        open.look_again().map_err(failed)?;
        if open.cases >= self.limit {
            return Ok(Recorded::Full);
        }
        let line = format!("{}\n", self.case(call).to_json());
        // In one piece, so that two processes that record do not mix their lines.
        open.file.write_all(line.as_bytes()).map_err(failed)?;
        open.cases += 1;
        open.length += line.len() as u64;
        Ok(Recorded::Written)
    }

    /// The call as a case, redacted.
    #[must_use]
    pub fn case(&self, call: &RecordedCall<'_>) -> Case {
        let module = call.module;
        let reads = &module.manifest().reads;
        let case = Case {
            name: None,
            record: call.record.clone().cut(|name| reads.contains(name)),
            context: call.context.clone(),
            settings: module.settings().to_vec(),
            mapped: call.mapped.cloned(),
            lookups: call.evidence.tape.iter().cloned().map(CaseLookup::from).collect(),
            module: Some(CaseModule {
                name: module.id().name.to_string(),
                digest: module.digest().to_owned(),
            }),
            expected: Some(lasting(call.outcome)),
        };
        if self.redaction.is_empty() {
            return case;
        }
        let mut redacted = self.redaction.apply(&case);
        redacted.expected = Some(lasting(&redacted.run(module).outcome));
        redacted
    }
}

impl Open {
    /// Opens a recording to go on with it, and counts what it has.
    fn new(path: &Path) -> io::Result<Self> {
        if let Some(folder) =
            path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(path)?;
        // One that was there already may have been made with other rights.
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
        let mut open = Self { file, cases: 0, length: 0 };
        open.look_again()?;
        Ok(open)
    }

    /// Counts the cases again where the file is not as it was left.
    fn look_again(&mut self) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        if length == self.length {
            return Ok(());
        }
        let mut lines = BufReader::new(&self.file);
        lines.seek(io::SeekFrom::Start(0))?;
        let (mut cases, mut line) = (0, Vec::new());
        while lines.read_until(b'\n', &mut line)? > 0 {
            cases += 1;
            line.clear();
        }
        (self.cases, self.length) = (cases, length);
        Ok(())
    }
}
