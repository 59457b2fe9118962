//! Compiled code, kept between starts.
//!
//! Loading compiled code means running it outside any sandbox, so an entry is used only when it is ours
//! beyond doubt: the folder and the file belong to this user and nobody else may touch them, and a keyed
//! hash (HMAC-SHA256 under a random key in the same folder) covers the digest of the module, the engine's
//! settings and the code. The folder's permissions are the protection; the hash finds damage, entries
//! copied from elsewhere, and entries under a wrong name. On any doubt the module is compiled again and the
//! entry rewritten. The cache never makes a load fail.

use crate::artifact::hex;
use hmac::{Hmac, Mac as _};
use rustix::fs::{Mode, OFlags};
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, File, Metadata};
use std::hash::{Hash as _, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use wasmtime::Engine;
use wasmtime::component::Component;

/// What every entry begins with; the number is the version of this layout.
const MAGIC: &[u8] = b"scimwright-code-1\n";
/// The bytes of the key, and of the hash.
const KEY_BYTES: usize = 32;
/// The name of the key's file.
const KEY_FILE: &str = "key";
/// The ending of an entry's file.
const ENTRY: &str = "code";
/// The most entries that are kept; the ones written longest ago go first.
const MAX_ENTRIES: usize = 256;
/// The largest file that is read. A Python module compiles to some hundred megabytes.
const MAX_ENTRY_BYTES: u64 = 1 << 30;

/// A folder of compiled code.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

/// Why an entry or the folder was not used, for people.
#[derive(Debug, thiserror::Error)]
enum Doubt {
    #[error("`{}`: {cause}", .path.display())]
    Io { path: PathBuf, cause: io::Error },
    #[error("`{}` {reason}", .path.display())]
    NotOurs { path: PathBuf, reason: &'static str },
    #[error("`{}` is damaged or was made by somebody else; the module is compiled again", .path.display())]
    Forged { path: PathBuf },
    #[error("`{}` cannot be used ({message}); the module is compiled again", .path.display())]
    Unusable { path: PathBuf, message: String },
}

impl Cache {
    /// The cache in this folder, which is made when it is first written to.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The code of a module, when there is a sound entry for it; and what was wrong, where something was.
    pub(crate) fn fetch(&self, engine: &Engine, digest: &str) -> (Option<Component>, Option<String>) {
        match self.try_fetch(engine, digest) {
            Ok(component) => (component, None),
            Err(doubt) => (None, Some(doubt.to_string())),
        }
    }

    fn try_fetch(&self, engine: &Engine, digest: &str) -> Result<Option<Component>, Doubt> {
        if !self.folder.exists() {
            return Ok(None);
        }
        self.check_folder()?;
        let Some(key) = read_private(&self.folder.join(KEY_FILE))? else { return Ok(None) };
        let name = entry_name(engine, digest);
        let path = self.folder.join(&name);
        let Some(entry) = read_private(&path)? else { return Ok(None) };
        let code = open(&entry, &key, &name).ok_or_else(|| Doubt::Forged { path: path.clone() })?;
        let component = deserialize(engine, code)
            .map_err(|error| Doubt::Unusable { path, message: format!("{error:#}") })?;
        Ok(Some(component))
    }

    /// Keeps the code of a module. Returns what was wrong, where something was.
    pub(crate) fn store(&self, engine: &Engine, digest: &str, component: &Component) -> Option<String> {
        self.try_store(engine, digest, component).err().map(|doubt| doubt.to_string())
    }

    fn try_store(&self, engine: &Engine, digest: &str, component: &Component) -> Result<(), Doubt> {
        let io = |cause| Doubt::Io { path: self.folder.clone(), cause };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(io)?;
        self.check_folder()?;
        let key = self.key()?;
        let name = entry_name(engine, digest);
        let path = self.folder.join(&name);
        let code = component
            .serialize()
            .map_err(|error| Doubt::Unusable { path: path.clone(), message: format!("{error:#}") })?;
        self.write(&seal(&code, &key, &name))?.persist(&path).map_err(|error| io(error.error))?;
        self.prune(&path);
        Ok(())
    }

    /// The key, made on first use.
    fn key(&self) -> Result<Vec<u8>, Doubt> {
        let path = self.folder.join(KEY_FILE);
        if let Some(key) = read_private(&path)? {
            return Ok(key);
        }
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key)
            .map_err(|error| Doubt::Io { path: path.clone(), cause: io::Error::other(error) })?;
        // Another process may be faster: then its key counts, and ours is forgotten.
        match self.write(&key)?.persist_noclobber(&path) {
            Ok(_) => Ok(key.to_vec()),
            Err(_) => read_private(&path)?.ok_or(Doubt::NotOurs { path, reason: "cannot be made" }),
        }
    }

    /// A complete file under a name of its own, readable by this user only, ready to be renamed.
    fn write(&self, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Doubt> {
        let write = || -> io::Result<tempfile::NamedTempFile> {
            let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        write().map_err(|cause| Doubt::Io { path: self.folder.clone(), cause })
    }

    fn check_folder(&self) -> Result<(), Doubt> {
        let io = |cause| Doubt::Io { path: self.folder.clone(), cause };
        check_private(&self.folder, &fs::symlink_metadata(&self.folder).map_err(io)?, Metadata::is_dir)
    }

    /// Deletes the oldest entries beyond [`MAX_ENTRIES`], never the one just written. Failing to is no harm.
    fn prune(&self, fresh: &Path) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        let age = |path: &Path| {
            fs::metadata(path).and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let mut entries: Vec<_> = files
            .flatten()
            .map(|file| file.path())
            .filter(|path| path != fresh && path.extension().is_some_and(|ending| ending == ENTRY))
            .map(|path| (age(&path), path))
            .collect();
        entries.sort();
        let excess = (entries.len() + 1).saturating_sub(MAX_ENTRIES);
        for (_, path) in entries.into_iter().take(excess) {
            let _ = fs::remove_file(path);
        }
    }
}

/// The file for a module's code under an engine's settings.
fn entry_name(engine: &Engine, digest: &str) -> String {
    let mut settings = Settings(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    format!("{digest}-{}.{ENTRY}", &hex(&settings.0.finalize())[..16])
}

/// Feeds what the engine hashes to SHA-256: the standard library's hasher may change between releases.
struct Settings(Sha256);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Only asked for by those who want a short hash, which nobody here does.
    fn finish(&self) -> u64 {
        0
    }
}

/// An entry: magic, hash, code.
fn seal(code: &[u8], key: &[u8], name: &str) -> Vec<u8> {
    let mut entry = MAGIC.to_vec();
    if let Some(mac) = mac(code, key, name) {
        entry.extend(mac.finalize().into_bytes());
        entry.extend(code);
    }
    entry
}

/// The code in an entry, if its hash is right for this key and this name.
fn open<'a>(entry: &'a [u8], key: &[u8], name: &str) -> Option<&'a [u8]> {
    let rest = entry.strip_prefix(MAGIC)?;
    let (hash, code) = rest.split_at_checked(KEY_BYTES)?;
    // `verify_slice` takes the same time whatever it finds.
    mac(code, key, name)?.verify_slice(hash).ok()?;
    Some(code)
}

/// The hash of an entry. `None` for a key that is not one of ours.
fn mac(code: &[u8], key: &[u8], name: &str) -> Option<Hmac<Sha256>> {
    if key.len() != KEY_BYTES {
        return None;
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(MAGIC);
    mac.update(name.as_bytes());
    mac.update(&[0]);
    mac.update(code);
    Some(mac)
}

/// A file's bytes, if it is a plain file of ours that nobody else may read or write. What is checked is the
/// file that was opened, not whatever has its name a moment later.
fn read_private(path: &Path) -> Result<Option<Vec<u8>>, Doubt> {
    let io = |cause: io::Error| Doubt::Io { path: path.to_owned(), cause };
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT) => return Ok(None),
        Err(error) => return Err(io(error.into())),
    };
    let metadata = file.metadata().map_err(io)?;
    check_private(path, &metadata, Metadata::is_file)?;
    if metadata.len() > MAX_ENTRY_BYTES {
        return Err(Doubt::NotOurs { path: path.to_owned(), reason: "is too large to be an entry" });
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(io)?;
    Ok(Some(bytes))
}

fn check_private(path: &Path, metadata: &Metadata, right_kind: fn(&Metadata) -> bool) -> Result<(), Doubt> {
    let reason = if !right_kind(metadata) {
        "is not what it should be (a folder of files); remove it"
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        "belongs to another user; remove it, or use another cache folder"
    } else if metadata.mode() & 0o077 != 0 {
        "is open to other users; remove it, or take their permissions away"
    } else {
        return Ok(());
    };
    Err(Doubt::NotOurs { path: path.to_owned(), reason })
}

/// Turns compiled code into a component.
#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `Component::deserialize` trusts its bytes to be what `Component::serialize` returned. The only
    // caller hands in bytes whose HMAC was verified under a key that this user alone can read, in a folder
    // that this user alone can write: they are the bytes that `Cache::store` wrote. wasmtime itself checks
    // that its version and settings are the same.
    unsafe { Component::deserialize(engine, code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; KEY_BYTES] = [7; KEY_BYTES];

    #[test]
    fn an_entry_opens_only_whole_under_its_own_name_and_key() {
        let entry = seal(b"code", &KEY, "a.code");
        assert_eq!(open(&entry, &KEY, "a.code"), Some(&b"code"[..]));
        assert_eq!(open(&entry, &KEY, "b.code"), None);
        assert_eq!(open(&entry, &[8; KEY_BYTES], "a.code"), None);
        assert_eq!(open(&entry, b"short", "a.code"), None);
        for at in 0..entry.len() {
            let mut damaged = entry.clone();
            damaged[at] ^= 1;
            assert_eq!(open(&damaged, &KEY, "a.code"), None, "byte {at}");
            assert_eq!(open(&entry[..at], &KEY, "a.code"), None, "cut to {at}");
        }
    }

    #[test]
    fn the_oldest_entries_go_when_there_are_too_many() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().to_owned());
        for number in 0..MAX_ENTRIES + 3 {
            let file = File::create(folder.path().join(format!("{number:04}.{ENTRY}"))).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number as u64))
                .unwrap();
        }
        cache.prune(&folder.path().join(format!("0000.{ENTRY}")));
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left.len(), MAX_ENTRIES);
        assert_eq!(left[0], "0000.code");
        assert_eq!(left[1], "0004.code");
    }
}
