//! How far a plan was carried out: a small file beside the state, one for each plan that was ever begun.
//!
//! A plan rests on the links as they were, and carrying it out changes them. So once it was begun, the runs that
//! carried it out are known by name: what they changed is as planned, and what anybody else changed is not.

use jiff::Timestamp;
use scimwright_state::RunId;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// How far one plan was carried out.
#[derive(Debug)]
pub struct Progress {
    path: PathBuf,
    noted: Mutex<Noted>,
}

/// What stands in the file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Noted {
    plan: String,
    begun_at: Option<Timestamp>,
    runs: Vec<RunId>,
    finished_at: Option<Timestamp>,
}

/// The file cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("how far the plan was carried out cannot be {what} in {}: {cause}", .path.display())]
pub struct ProgressError {
    path: PathBuf,
    what: &'static str,
    cause: std::io::Error,
}

impl Progress {
    /// Reads how far the plan with this digest was carried out. `folder` is made when something is noted.
    ///
    /// # Errors
    /// [`ProgressError`] when there is a file and it cannot be read.
    pub fn open(folder: &Path, plan: &str) -> Result<Self, ProgressError> {
        let path = folder.join(format!("{plan}.json"));
        let unreadable = |cause| ProgressError { path: path.clone(), what: "read", cause };
        let noted = match std::fs::read(&path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|error| unreadable(std::io::Error::other(error)))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Noted { plan: plan.to_owned(), begun_at: None, runs: Vec::new(), finished_at: None }
            }
            Err(cause) => return Err(unreadable(cause)),
        };
        Ok(Self { path, noted: Mutex::new(noted) })
    }

    /// When somebody first began to carry it out.
    #[must_use]
    pub fn begun_at(&self) -> Option<Timestamp> {
        self.noted().begun_at
    }

    /// When its end was reached.
    #[must_use]
    pub fn finished_at(&self) -> Option<Timestamp> {
        self.noted().finished_at
    }

    /// The runs that carried it out.
    #[must_use]
    pub fn runs(&self) -> Vec<RunId> {
        self.noted().runs
    }

    /// Notes that it is begun, where nobody has begun it. Gives the moment of the first beginning.
    ///
    /// # Errors
    /// [`ProgressError`] when the file cannot be written.
    pub fn begin(&self) -> Result<Timestamp, ProgressError> {
        let begun_at = self.begun_at().unwrap_or_else(Timestamp::now);
        self.change(|noted| noted.begun_at = Some(begun_at))?;
        Ok(begun_at)
    }

    /// Notes a run that carries it out.
    ///
    /// # Errors
    /// [`ProgressError`] when the file cannot be written.
    pub fn add_run(&self, run: RunId) -> Result<(), ProgressError> {
        self.change(|noted| noted.runs.push(run))
    }

    /// Notes that its end was reached.
    ///
    /// # Errors
    /// [`ProgressError`] when the file cannot be written.
    pub fn finish(&self) -> Result<(), ProgressError> {
        self.change(|noted| noted.finished_at = Some(Timestamp::now()))
    }

    fn noted(&self) -> Noted {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut Noted)) -> Result<(), ProgressError> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut noted);
        write(&self.path, &noted).map_err(|cause| ProgressError {
            path: self.path.clone(),
            what: "written",
            cause,
        })
    }
}

/// In one step: whoever is killed leaves the old file or the new one.
fn write(path: &Path, noted: &Noted) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let part = path.with_extension("part");
    let mut file = std::fs::File::create(&part)?;
    file.write_all(&serde_json::to_vec(noted)?)?;
    file.sync_all()?;
    std::fs::rename(&part, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_carried_a_plan_out_is_known_after_the_process_ended() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("plans");
        let progress = Progress::open(&folder, "abc").unwrap();
        assert_eq!((progress.begun_at(), progress.finished_at()), (None, None));
        assert!(!folder.exists(), "looking leaves nothing behind");
        let (begun, run) = (progress.begin().unwrap(), RunId::generate());
        progress.add_run(run).unwrap();

        let later = Progress::open(&folder, "abc").unwrap();
        assert_eq!((later.begin().unwrap(), later.runs()), (begun, vec![run]));
        later.finish().unwrap();
        assert!(Progress::open(&folder, "abc").unwrap().finished_at().is_some());
        assert_eq!(Progress::open(&folder, "abd").unwrap().begun_at(), None);
    }
}
