//! A file that must not change while it is read.
//!
//! A file that is cut short, or written anew, in the middle of a pass yields a mixture of
//! two states. Whoever is in neither half looks like somebody who left, so a change is an
//! error that makes the pass incomplete.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// An open file, and what it was like when it was opened.
#[derive(Debug)]
pub(crate) struct SteadyFile {
    file: File,
    path: PathBuf,
    /// Nothing for a pipe, which has neither length nor time.
    opened: Option<Stamp>,
    read: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Option<Self> {
        metadata.is_file().then(|| Self { length: metadata.len(), modified: metadata.modified().ok() })
    }
}

impl SteadyFile {
    /// Opens a file for reading; the error is a sentence without the source's name.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let cannot = |cause: io::Error| format!("cannot open {}: {cause}", path.display());
        let file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            return Err(format!("cannot open {}: it is a folder; name a file in it", path.display()));
        }
        Ok(Self { file, path: path.to_owned(), opened: Stamp::of(&metadata), read: 0 })
    }

    /// Says whether the file, read to its end, is still what it was when it was opened.
    pub(crate) fn check_unchanged(&self) -> Result<(), String> {
        let Some(opened) = &self.opened else { return Ok(()) };
        let metadata = self.file.metadata().map_err(|cause| self.failed(&cause))?;
        if Stamp::of(&metadata).as_ref() == Some(opened) && self.read == opened.length {
            return Ok(());
        }
        Err(format!(
            "{} changed while it was being read ({} bytes at first, {} read, {} now). Write the file under another \
             name and rename it when it is complete, then run again",
            self.path.display(),
            opened.length,
            self.read,
            metadata.len(),
        ))
    }

    /// A sentence for a failure to read.
    pub(crate) fn failed(&self, cause: &io::Error) -> String {
        format!("cannot read {}: {cause}", self.path.display())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Read for SteadyFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_that_grows_shrinks_or_is_rewritten_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        let change_after_reading = |change: &dyn Fn(&mut File)| {
            std::fs::write(&path, "0123456789").unwrap();
            let mut steady = SteadyFile::open(&path).unwrap();
            steady.read_to_end(&mut Vec::new()).unwrap();
            change(&mut File::options().write(true).open(&path).unwrap());
            steady.check_unchanged()
        };
        change_after_reading(&|_| ()).unwrap();
        let shrunk = change_after_reading(&|file| file.set_len(5).unwrap()).unwrap_err();
        assert!(
            shrunk.contains("changed while it was being read (10 bytes at first, 10 read, 5 now)"),
            "{shrunk}"
        );
        change_after_reading(&|file| file.set_len(50).unwrap()).unwrap_err();
        change_after_reading(&|file| {
            file.write_all(b"9876543210").unwrap();
            file.set_modified(SystemTime::now() + std::time::Duration::from_secs(1)).unwrap();
        })
        .unwrap_err();
    }

    #[test]
    fn a_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        assert!(SteadyFile::open(folder.path()).unwrap_err().ends_with("it is a folder; name a file in it"));
    }
}
