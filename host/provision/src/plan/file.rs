//! The file of a plan: JSON Lines, written and read as a stream, so that a million records need no memory.
//!
//! The first line says what it is and what was asked for. Then comes a line for each operation and each reference, in
//! the order in which they are carried out, and one for whatever is left out and why. The last two say what all of it
//! rests on, which is known only when everything was read, and how many lines there were, with a digest of them: a file
//! that was cut off or edited is refused. The digest is no signature. Whoever may write the file may write the digest.
//!
//! The file holds people's data. It is its owner's alone, and comes to be under its name only when it is whole.

use crate::event::{Action, PlannedRequest, RecordEvent};
use crate::operation::{Mark, Operation, Step, Waiting};
use crate::plan::basis::Basis;
use crate::plan::filter::PlanFilter;
use jiff::Timestamp;
use scimwright_record::{ProviderName, RecordKey, ResourceTypeName, TenantName};
use scimwright_scim::{Desired, Resource};
use scimwright_state::{Link, LinkScope};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The version of the file's layout.
pub const FORMAT: u32 = 1;

/// What a plan is, and what was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The layout of the file.
    pub format: u32,
    /// The version of scimwright that made it. Another one may mean something else by the same lines.
    pub scimwright: String,
    /// When it was begun.
    pub made_at: Timestamp,
    /// The tenant.
    pub tenant: TenantName,
    /// Only this provider.
    pub provider: Option<ProviderName>,
    /// Only this resource type.
    pub resource_type: Option<ResourceTypeName>,
    /// Whom and what it was cut down to.
    #[serde(default, skip_serializing_if = "PlanFilter::is_all")]
    pub filter: PlanFilter,
    /// How many deprovisions were allowed by hand.
    pub allow_deprovisions: Option<u64>,
    /// How many memberships were allowed to be taken out by hand.
    #[serde(default)]
    pub allow_removals: Option<u64>,
}

/// Why a file cannot be written, or is no plan that can be applied.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It cannot be written.
    #[error("the plan cannot be written to {}: {cause}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It cannot be read.
    #[error("the plan cannot be read from {}: {cause}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It is something else, or only a part of a plan, or was changed.
    #[error("{} cannot be applied: {reason}. Nothing was changed", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "kebab-case")]
pub(crate) enum Line {
    Plan(Header),
    Operation(Box<PlannedOperation>),
    Reference(Box<PlannedReference>),
    Information(Information),
    FoundOut { types: Vec<FoundOut> },
    RestsOn(Basis),
    End(End),
}

/// What making a plan found out about a type, besides what is to be done. Whoever carries it out knows it, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FoundOut {
    #[serde(flatten)]
    pub(crate) scope: LinkScope,
    /// Whether all of its records were looked at.
    #[serde(default)]
    pub(crate) is_treated: bool,
    /// How many memberships its table has, where nobody doubts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) memberships: Option<u64>,
    /// Records that could not be done, with what is noted of whose resource they may be after.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) claims: BTreeMap<RecordKey, String>,
}

/// In which part of a round something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    Records,
    References,
    Deprovisioning,
}

/// What is done, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StepName {
    Remember,
    Create,
    Adopt,
    Update,
    Disable,
    Deactivate,
    Delete,
}

impl StepName {
    /// Whether somebody has less than before.
    pub(crate) fn takes_away(self) -> bool {
        matches!(self, Self::Disable | Self::Deactivate | Self::Delete)
    }
}

/// An operation, with everything that carrying it out needs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlannedOperation {
    #[serde(flatten)]
    pub(crate) scope: LinkScope,
    pub(crate) key: RecordKey,
    pub(crate) action: Action,
    pub(crate) resource_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What would be sent, for whoever reads the plan. It is made anew from what follows.
    #[serde(skip_deserializing)]
    pub(crate) requests: Vec<PlannedRequest>,
    pub(crate) step: StepName,
    pub(crate) desired: Desired,
    /// For an adoption: the resource as it was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) found: Option<Resource>,
    /// For an adoption: an earlier run of ours had begun to make it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ours: bool,
    /// A digest of the link as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<String>,
    /// References of it wait for a line of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) waits: bool,
    /// It is to become inactive, by a line of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) deactivates: bool,
    #[serde(default)]
    pub(crate) mark: Mark,
}

/// References that are filled in when what they point at is there.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlannedReference {
    #[serde(flatten)]
    pub(crate) scope: LinkScope,
    pub(crate) key: RecordKey,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) changes: Vec<String>,
    /// What of them is missing, so that it stays left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
    /// What would be sent. An id that does not exist yet is `<id of User E2>`.
    #[serde(skip_deserializing)]
    pub(crate) requests: Vec<PlannedRequest>,
    pub(crate) waiting: Waiting,
}

/// A record for which nothing is done, and why.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Information {
    #[serde(flatten)]
    scope: LinkScope,
    key: RecordKey,
    action: Action,
    resource_id: Option<String>,
    reason: Option<String>,
}

/// How many lines there were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) operations: u64,
    pub(crate) references: u64,
    pub(crate) information: u64,
    /// Where there is something to be done, in the order of the lines.
    pub(crate) scopes: Vec<LinkScope>,
    /// SHA-256 of all lines before this one.
    pub(crate) digest: String,
}

impl PlannedOperation {
    /// An operation as a line; none where nothing is to be done.
    pub(crate) fn of(
        scope: &LinkScope,
        operation: &Operation,
        requests: Vec<PlannedRequest>,
    ) -> Option<Self> {
        let (step, found, ours, link) = match &operation.step {
            Step::Nothing(_) => return None,
            Step::Create => (StepName::Create, None, false, None),
            Step::Adopt { resource, ours } => (StepName::Adopt, Some(resource.as_ref().clone()), *ours, None),
            Step::Remember(link) => (StepName::Remember, None, false, Some(link)),
            Step::Update(link) => (StepName::Update, None, false, Some(link)),
            Step::Disable(link) => (StepName::Disable, None, false, Some(link)),
            Step::Deactivate(link) => (StepName::Deactivate, None, false, Some(link)),
            Step::Delete(link) => (StepName::Delete, None, false, Some(link)),
        };
        Some(Self {
            scope: scope.clone(),
            key: operation.key.clone(),
            action: operation.action(),
            resource_id: operation.resource_id(),
            changes: operation.changes.clone(),
            reason: operation.reason.clone(),
            requests,
            step,
            desired: operation.desired.clone(),
            found,
            ours,
            link: link.map(|link| link_digest(link)),
            waits: operation.wish.waiting.is_some(),
            deactivates: operation.wish.deactivate,
            mark: operation.wish.mark.clone(),
        })
    }

    /// When it is carried out.
    pub(crate) fn phase(&self) -> Phase {
        match self.step {
            StepName::Remember | StepName::Create | StepName::Adopt | StepName::Update => Phase::Records,
            StepName::Disable | StepName::Deactivate | StepName::Delete => Phase::Deprovisioning,
        }
    }
}

/// What a link says, as one word. By which run and when it was written is left out.
pub(crate) fn link_digest(link: &Link) -> String {
    let parts = serde_json::json!([
        link.key,
        link.resource_id,
        link.ownership.as_str(),
        link.standing.as_str(),
        link.sent,
        link.seen
    ]);
    format!("{:x}", Sha256::digest(parts.to_string()))
}

/// Writes a plan, line by line, to a file that is there only when it is whole.
#[derive(Debug)]
pub struct PlanWriter {
    path: PathBuf,
    part: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: Option<BufWriter<File>>,
    hash: Sha256,
    end: End,
    found: Vec<FoundOut>,
    failure: Option<std::io::Error>,
}

impl PlanWriter {
    /// Begins a plan that is to be this file. What is there under that name stays until the plan is whole.
    ///
    /// # Errors
    /// [`PlanFileError::Write`] when the folder cannot be written to.
    pub fn create(path: &Path, header: &Header) -> Result<Self, PlanFileError> {
        let cannot = |cause| PlanFileError::Write { path: path.to_owned(), cause };
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().ok_or_else(|| cannot(std::io::ErrorKind::InvalidFilename.into()))?);
        name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(name);
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&part).map_err(cannot)?;
        let inner = Inner {
            file: Some(BufWriter::with_capacity(1 << 16, file)),
            hash: Sha256::new(),
            end: End::default(),
            found: Vec::new(),
            failure: None,
        };
        let writer = Self { path: path.to_owned(), part, inner: Mutex::new(inner) };
        writer.write(&Line::Plan(header.clone()))?;
        Ok(writer)
    }

    pub(crate) fn operation(&self, operation: PlannedOperation) -> Result<(), PlanFileError> {
        self.count(&operation.scope, |end| end.operations += 1);
        self.write(&Line::Operation(Box::new(operation)))
    }

    pub(crate) fn reference(&self, reference: PlannedReference) -> Result<(), PlanFileError> {
        self.count(&reference.scope, |end| end.references += 1);
        self.write(&Line::Reference(Box::new(reference)))
    }

    /// Notes for whom nothing is done. That it cannot be written comes out with the next operation, or at the end.
    pub(crate) fn information(&self, scope: &LinkScope, event: &RecordEvent) {
        if !matches!(event.action, Action::Skip | Action::Fail | Action::Wait) {
            return;
        }
        self.lock().end.information += 1;
        let line = Information {
            scope: scope.clone(),
            key: event.key.clone(),
            action: event.action,
            resource_id: event.resource_id.clone(),
            reason: event.reason.clone(),
        };
        let _ = self.write(&Line::Information(line));
    }

    /// Notes what was found out about a type.
    pub(crate) fn found_out(&self, scope: &LinkScope, note: impl FnOnce(&mut FoundOut)) {
        let mut inner = self.lock();
        let place = inner.found.iter().position(|found| found.scope == *scope).unwrap_or_else(|| {
            let scope = scope.clone();
            inner.found.push(FoundOut {
                scope,
                is_treated: false,
                memberships: None,
                claims: BTreeMap::new(),
            });
            inner.found.len() - 1
        });
        if let Some(found) = inner.found.get_mut(place) {
            note(found);
        }
    }

    /// Completes the plan and gives the file its name. Says how many operations and references are in it.
    ///
    /// # Errors
    /// [`PlanFileError::Write`] when any of it could not be written.
    pub fn finish(&self, basis: &Basis) -> Result<(u64, u64), PlanFileError> {
        let found = std::mem::take(&mut self.lock().found);
        self.write(&Line::FoundOut { types: found })?;
        self.write(&Line::RestsOn(basis.clone()))?;
        let end = {
            let mut inner = self.lock();
            inner.end.digest = format!("{:x}", inner.hash.clone().finalize());
            inner.end.clone()
        };
        let counts = (end.operations, end.references);
        self.write(&Line::End(end))?;
        let file = self.lock().file.take();
        let named = || {
            if let Some(file) = file {
                file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            }
            std::fs::rename(&self.part, &self.path)
        };
        named().map_err(|cause| PlanFileError::Write { path: self.path.clone(), cause })?;
        Ok(counts)
    }

    fn count(&self, scope: &LinkScope, count: impl FnOnce(&mut End)) {
        let mut inner = self.lock();
        count(&mut inner.end);
        if !inner.end.scopes.contains(scope) {
            inner.end.scopes.push(scope.clone());
        }
    }

    fn write(&self, line: &Line) -> Result<(), PlanFileError> {
        let mut inner = self.lock();
        let cannot = |cause| PlanFileError::Write { path: self.path.clone(), cause };
        if let Some(failure) = &inner.failure {
            return Err(cannot(std::io::Error::new(failure.kind(), failure.to_string())));
        }
        let written = serde_json::to_vec(line).map_err(std::io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            inner.hash.update(&text);
            inner.file.as_mut().map_or(Ok(()), |file| file.write_all(&text))
        });
        written.map_err(|error| {
            inner.failure = Some(std::io::Error::new(error.kind(), error.to_string()));
            cannot(error)
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PlanWriter {
    fn drop(&mut self) {
        if self.lock().file.take().is_some() {
            // Half a plan is none.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

/// A whole plan, ready to be read.
#[derive(Debug)]
pub struct Plan {
    /// What it is.
    pub header: Header,
    /// What it rests on.
    pub basis: Basis,
    pub(crate) found: Vec<FoundOut>,
    pub(crate) end: End,
    path: PathBuf,
    file: File,
}

/// What the lines begin with that are looked at before anything is done.
const FOUND_OUT: &[u8] = b"{\"line\":\"found-out\"";
const RESTS_ON: &[u8] = b"{\"line\":\"rests-on\"";
const END: &[u8] = b"{\"line\":\"end\"";

impl Plan {
    /// Reads a plan once, to its end, and makes sure that it is whole and as it was written.
    ///
    /// # Errors
    /// [`PlanFileError::Read`] when the file cannot be read, [`PlanFileError::Unusable`] when it is not a whole plan of
    /// this version.
    pub fn open(path: &Path) -> Result<Self, PlanFileError> {
        let unreadable = |cause| PlanFileError::Read { path: path.to_owned(), cause };
        let unusable =
            |reason: String| PlanFileError::Unusable { path: path.to_owned(), reason: reason.clone() };
        let file = File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            // It is looked at from its beginning to its end before anything is done, and then read again.
            let reason = "it is no regular file but a pipe, a folder or a device, and a plan is read more than once; \
                          write it to a file first";
            return Err(unusable(reason.to_owned()));
        }
        let mut lines = BufReader::with_capacity(1 << 16, &file);
        let mut line = Vec::new();
        let mut next = |line: &mut Vec<u8>| {
            line.clear();
            lines.read_until(b'\n', line).map_err(unreadable)
        };
        next(&mut line)?;
        let header = header(&line).map_err(unusable)?;
        let mut hash = Sha256::new();
        let (mut basis, mut end): (Option<Basis>, Option<End>) = (None, None);
        let mut found = Vec::new();
        loop {
            if line.starts_with(END) && line.ends_with(b"\n") {
                match serde_json::from_slice(&line) {
                    Ok(Line::End(found)) => end = Some(found),
                    _ => return Err(unusable("its last line cannot be read; make the plan anew".to_owned())),
                }
                next(&mut line)?;
                break;
            }
            hash.update(&line);
            if line.starts_with(FOUND_OUT)
                && let Ok(Line::FoundOut { types }) = serde_json::from_slice(&line)
            {
                found = types;
            }
            if line.starts_with(RESTS_ON)
                && let Ok(Line::RestsOn(found)) = serde_json::from_slice(&line)
            {
                basis = Some(found);
            }
            if next(&mut line)? == 0 {
                break;
            }
        }
        let Some(end) = end else {
            let reason = "it has no end, so that a part of it is missing; copy it again or make it anew";
            return Err(unusable(reason.to_owned()));
        };
        if !line.is_empty() {
            return Err(unusable("something was added after its end; make the plan anew".to_owned()));
        }
        if format!("{:x}", hash.finalize()) != end.digest {
            let reason = "it is not as it was written: somebody changed it, or a part of it is missing; make it anew, \
                          with --key and --only for a part of it";
            return Err(unusable(reason.to_owned()));
        }
        let Some(basis) = basis else {
            return Err(unusable("it does not say what it rests on; make the plan anew".to_owned()));
        };
        Ok(Self { header, basis, found, end, path: path.to_owned(), file })
    }

    /// What the plan is known by.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.end.digest
    }

    /// The types at providers where it does something.
    #[must_use]
    pub fn scopes(&self) -> &[LinkScope] {
        &self.end.scopes
    }

    /// How many operations, and how many references that are filled in afterwards.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.end.operations, self.end.references)
    }

    /// The lines, from the first on.
    pub(crate) fn lines(&self) -> Result<impl Iterator<Item = Result<Line, PlanFileError>>, PlanFileError> {
        let unreadable = |cause| PlanFileError::Read { path: self.path.clone(), cause };
        let mut file = &self.file;
        file.rewind().map_err(unreadable)?;
        let lines = BufReader::with_capacity(1 << 16, file).split(b'\n').enumerate();
        Ok(lines.map(move |(index, line)| {
            let line = line.map_err(unreadable)?;
            serde_json::from_slice(&line).map_err(|error| PlanFileError::Unusable {
                path: self.path.clone(),
                reason: format!("line {} cannot be read: {error}", index + 1),
            })
        }))
    }
}

fn header(line: &[u8]) -> Result<Header, String> {
    let not_one = "it is no plan; `scimwright plan --out FILE` writes one";
    let value: serde_json::Value = serde_json::from_slice(line).map_err(|_| not_one.to_owned())?;
    if value["line"] != "plan" {
        return Err(not_one.to_owned());
    }
    if value["format"] != FORMAT {
        return Err(format!(
            "it has format {}, and this version of scimwright reads format {FORMAT}; make the plan anew",
            value["format"]
        ));
    }
    match serde_json::from_value(value) {
        Ok(Line::Plan(header)) => Ok(header),
        _ => Err(not_one.to_owned()),
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
