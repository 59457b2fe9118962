//! What lies in a modules folder: the files that may be modules, and what tells one version of a file from another.
//!
//! Half-written files are the rule, not the exception: copies take their time, editors write beside a file and
//! rename. So names that tools use while they work are passed over, and every file carries a [`Stamp`] that
//! changes with whatever happens to it.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// The form in which a module lies in the folder, in the order of preference where two files have one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// `.wasm`: what was built.
    Binary,
    /// `.wat`: the same as text.
    Text,
    /// `.js`: what has to be built first.
    Script,
}

impl Form {
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "wasm" => Some(Self::Binary),
            "wat" => Some(Self::Text),
            "js" => Some(Self::Script),
            _ => None,
        }
    }
}

/// Tells one version of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified: Option<jiff::Timestamp>,
    /// Device, inode, and the last change of any kind: a rename puts another inode in place, and a tool that sets
    /// the modification time back cannot set this one.
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| jiff::Timestamp::try_from(time).ok());
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        #[cfg(not(unix))]
        let identity = (0, 0, 0, 0);
        Self { size: metadata.len(), modified, identity }
    }

    /// When the file was last written.
    pub(super) fn modified(&self) -> Option<jiff::Timestamp> {
        self.modified
    }
}

/// One file of the folder.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// Its name.
    pub(super) name: String,
    /// Its name without the ending.
    pub(super) stem: String,
    pub(super) path: PathBuf,
    pub(super) form: Form,
    /// What it is now, or why that is not to be known.
    pub(super) stamp: Result<Stamp, String>,
    /// Where it lies, for a link that leads out of the folder.
    pub(super) leads_to: Option<PathBuf>,
}

/// The files of a folder that may be modules, in the order of preference.
pub(super) fn list(folder: &Path) -> io::Result<Vec<Listed>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let (Some(form), Some(stem)) = (Form::of(&path), path.file_stem().and_then(|stem| stem.to_str()))
        else {
            continue;
        };
        if is_temporary(name) {
            continue;
        }
        let (name, stem) = (name.to_owned(), stem.to_owned());
        let stamp = match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(Stamp::of(&metadata)),
            Ok(_) => Err("it is no file; put the module itself there".to_owned()),
            // Gone since the folder was listed, unless it is a link to nowhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() => continue,
            Err(error) if path.is_symlink() => Err(format!(
                "it is a link to a file that cannot be read: {error}; mend the link or remove it"
            )),
            Err(error) => Err(format!("it cannot be read: {error}; check its owner and permissions")),
        };
        let leads_to = path.is_symlink().then(|| outside(folder, &path)).flatten();
        files.push(Listed { name, stem, path, form, stamp, leads_to });
    }
    files.sort_by(|a, b| (a.form, &a.name).cmp(&(b.form, &b.name)));
    Ok(files)
}

/// The file of this name that is used, where a folder has one: the first in the order of preference.
#[must_use]
pub fn file_of(folder: &Path, name: &scimwright_record::ModuleName) -> Option<PathBuf> {
    ["wasm", "wat", "js"]
        .iter()
        .map(|ending| folder.join(format!("{name}.{ending}")))
        .find(|path| path.is_file())
}

/// Names that editors and copying tools use while they work: `.x.wasm.swp`, `.#x.wasm`, `~x.wasm`. Most end in
/// something else than a module's ending and are not looked at for that: `x.wasm.part`, `x.wasm~`.
fn is_temporary(name: &str) -> bool {
    name.starts_with(['.', '~', '#'])
}

fn outside(folder: &Path, path: &Path) -> Option<PathBuf> {
    let target = path.canonicalize().ok()?;
    let folder = folder.canonicalize().ok()?;
    (!target.starts_with(folder)).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tools_at_work_and_other_files_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "a.wasm",
            "b.wat",
            "c.js",
            "d.WASM",
            ".e.wasm",
            "f.wasm.part",
            "g.wasm~",
            "#h.wasm#",
            "~i.wasm",
            ".j.wasm.swp",
            "README.md",
            "k.wasm.tmp",
            "wasm",
        ] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let names: Vec<_> = list(folder.path()).unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["a.wasm", "d.WASM", "b.wat", "c.js"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_followed_and_said_to_lead_elsewhere() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(other.path().join("real.wasm"), "x").unwrap();
        std::os::unix::fs::symlink(other.path().join("real.wasm"), folder.path().join("a.wasm")).unwrap();
        std::os::unix::fs::symlink(other.path().join("absent.wasm"), folder.path().join("b.wasm")).unwrap();
        let files = list(folder.path()).unwrap();
        assert!(files[0].stamp.is_ok());
        assert_eq!(files[0].leads_to, other.path().canonicalize().unwrap().join("real.wasm").into());
        assert!(files[1].stamp.as_ref().unwrap_err().contains("a link to a file that cannot be read"));
    }

    #[test]
    fn a_stamp_changes_with_a_rename_that_keeps_size_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = || list(folder.path()).unwrap()[0].stamp.clone().unwrap();
        let path = folder.path().join("a.wasm");
        std::fs::write(&path, "old").unwrap();
        let before = stamp();
        assert_eq!(before, stamp());
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        let beside = folder.path().join("a.part");
        std::fs::write(&beside, "new").unwrap();
        std::fs::File::options().append(true).open(&beside).unwrap().set_modified(time).unwrap();
        std::fs::rename(&beside, &path).unwrap();
        assert_ne!(before, stamp());
    }
}
