//! A modules folder that is live: what is dropped into it serves, and what is broken in it does not.
//!
//! Nothing is watched. The owner calls [`Registry::scan`] every now and then, and the folder is compared with what
//! is known of it. That works on every file system, and half-written files have to be waited for anyhow: a file
//! counts when its size and times have not changed for a while ([`RegistryOptions::settle`]).
//!
//! A file that counts is read, checked, compiled and tried on a thread of its own, while records flow through the
//! version that serves. Only a candidate that passed everything takes its place, in one step ([`ModuleSlot`]). On
//! any failure the last good version goes on, and the candidate's error is in [`Registry::status`]. A file that is
//! removed takes its module with it; a folder that cannot be listed proves nothing, and takes nothing.
//!
//! - `listing`: what lies in the folder
//! - `loader`: from a file to a module, off the way of the records
//! - `status`: what is known of each file

mod listing;
mod loader;
mod status;

pub use listing::file_of;
pub use status::{FileState, ModuleStatus, Serving};

use crate::grants::Grants;
use crate::host::MappingHost;
use crate::limits::Limits;
use crate::module::{MappingModule, ModuleId};
use crate::slot::ModuleSlot;
use jiff::{SignedDuration, Timestamp};
use listing::{Form, Listed, Stamp};
use loader::Job;
use scimwright_record::{ModuleName, TenantName};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a file that could not be read, or whose module was too slow to describe itself, is left alone before
/// it is tried again: the reason may have been the machine's.
const TRY_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// What the configuration says about one module.
#[derive(Debug, Clone, Default)]
pub struct ModuleTerms {
    /// What one call may use.
    pub limits: Limits,
    /// Its settings.
    pub settings: Vec<(String, String)>,
    /// What it is allowed.
    pub grants: Grants,
    /// Whether a resource uses it.
    pub used: bool,
}

/// Knows what the configuration says about modules.
pub trait ModuleSettings: Send + Sync {
    /// What it says about this one; the defaults where it says nothing.
    fn terms(&self, module: &ModuleName) -> ModuleTerms;
}

/// Builds modules from scripts.
pub trait ScriptBuilder: Send + Sync {
    /// Makes a component of a script file. Blocks for as long as the tools take.
    ///
    /// # Errors
    /// A sentence for whoever dropped the file: what is wrong, and what to do.
    fn build(&self, module: &ModuleName, script: &Path) -> Result<Vec<u8>, String>;
}

/// How a folder is kept.
#[derive(Clone)]
pub struct RegistryOptions {
    /// How long a file must not have changed before it is looked at, and how long it must be missing before it
    /// counts as removed: 500 ms.
    pub settle: Duration,
    /// What the configuration says about modules.
    pub settings: Arc<dyn ModuleSettings>,
    /// What builds `.js` files. `None`: they are refused.
    pub scripts: Option<Arc<dyn ScriptBuilder>>,
}

impl RegistryOptions {
    /// The usual options, with these settings.
    #[must_use]
    pub fn new(settings: Arc<dyn ModuleSettings>) -> Self {
        Self { settle: Duration::from_millis(500), settings, scripts: None }
    }
}

impl fmt::Debug for RegistryOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegistryOptions")
            .field("settle", &self.settle)
            .field("scripts", &self.scripts.is_some())
            .finish_non_exhaustive()
    }
}

/// A registry that could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the thread that loads modules: {0}")]
pub struct RegistryError(std::io::Error);

/// The modules of one tenant's folder. Cheap to clone; all clones are one registry.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
    /// Gone with the last clone, which ends the loader's thread.
    jobs: Sender<Job>,
}

/// What the registry and its loader share.
struct Inner {
    host: MappingHost,
    tenant: TenantName,
    folder: PathBuf,
    options: RegistryOptions,
    book: Mutex<Book>,
}

/// What is known of the folder.
#[derive(Default)]
struct Book {
    files: BTreeMap<String, Entry>,
    modules: BTreeMap<ModuleName, Place>,
    /// Files whose state changed since the last scan.
    changed: Vec<ModuleStatus>,
    /// Why the folder could not be listed, if so.
    trouble: Option<String>,
    scanned: bool,
}

/// What is known of one file.
struct Entry {
    stem: String,
    /// The module, where the file's name can be one.
    module: Option<ModuleName>,
    path: PathBuf,
    form: Form,
    leads_to: Option<PathBuf>,
    /// The file as it was last seen, and since when it has been so.
    seen: Option<Stamp>,
    seen_since: Timestamp,
    missing_since: Option<Timestamp>,
    /// What the loader has in hand.
    in_hand: Option<Stamp>,
    /// What the state below is about.
    examined: Option<Stamp>,
    /// Whether the refusal may have been the machine's doing.
    transient: bool,
    state: FileState,
    digest: Option<String>,
    reason: Option<String>,
    since: Timestamp,
}

/// Where a module serves from.
struct Place {
    slot: ModuleSlot,
    serving: Option<Serving>,
    /// Somebody holds the slot.
    wanted: bool,
    since: Timestamp,
    /// Why there is no file.
    reason: String,
}

/// What came of a candidate.
enum Verdict {
    /// The file changed while it was read.
    Moved,
    /// It holds what serves already.
    Same,
    /// It passed everything.
    Passed { digest: String, module: Box<MappingModule> },
    /// It did not.
    Refused { digest: Option<String>, reason: String, transient: bool },
}

impl Registry {
    /// A registry of this folder, which need not exist yet. Nothing is loaded before the first
    /// [`scan`](Self::scan).
    ///
    /// # Errors
    /// [`RegistryError`] where the thread that loads modules cannot be started.
    pub fn new(
        host: MappingHost,
        tenant: TenantName,
        folder: PathBuf,
        options: RegistryOptions,
    ) -> Result<Self, RegistryError> {
        let inner = Arc::new(Inner { host, tenant, folder, options, book: Mutex::default() });
        let jobs = loader::start(Arc::clone(&inner)).map_err(RegistryError)?;
        Ok(Self { inner, jobs })
    }

    /// Compares the folder with what is known of it, and sends what is new on its way. Does not wait for anything
    /// to be loaded. Returns the files whose state has changed since the last scan.
    pub fn scan(&self, now: Timestamp) -> Vec<ModuleStatus> {
        let listing = listing::list(&self.inner.folder);
        let mut book = self.inner.book();
        match listing {
            Ok(listing) => {
                book.trouble = None;
                self.inner.take_in(&mut book, listing, now);
                for job in self.inner.due(&mut book, now) {
                    // Fails only when the loader's thread is gone, which ends with us.
                    let _ = self.jobs.send(job);
                }
            }
            Err(error) => {
                let folder = self.inner.folder.display();
                book.trouble = Some(format!("the folder {folder} cannot be listed: {error}"));
            }
        }
        book.scanned = true;
        std::mem::take(&mut book.changed)
    }

    /// Whether nothing is being waited for or loaded: what the last scan found is known to the end.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let book = self.inner.book();
        book.scanned && !book.files.values().any(Entry::is_under_way)
    }

    /// The place of a module, whether or not there is a file for it.
    #[must_use]
    pub fn slot(&self, name: &ModuleName) -> ModuleSlot {
        let mut book = self.inner.book();
        let place = self.inner.place(&mut book, name, Timestamp::now());
        place.wanted = true;
        place.slot.clone()
    }

    /// The places of all modules that were asked for.
    #[must_use]
    pub fn slots(&self) -> Vec<ModuleSlot> {
        let book = self.inner.book();
        book.modules.values().filter(|place| place.wanted).map(|place| place.slot.clone()).collect()
    }

    /// Why the folder could not be listed at the last scan, if so. Its modules go on as they were.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.inner.book().trouble.clone()
    }

    /// What is known of each file, and of each module that should have one, in the order of the modules' names.
    #[must_use]
    pub fn status(&self) -> Vec<ModuleStatus> {
        let book = self.inner.book();
        let mut all: Vec<_> =
            book.files.keys().filter_map(|file| self.inner.file_status(&book, file)).collect();
        for (name, place) in &book.modules {
            let has_file = book.files.values().any(|entry| entry.module.as_ref() == Some(name));
            let used = self.inner.options.settings.terms(name).used;
            if !has_file && (used || place.wanted) {
                all.push(place.missing(name, used));
            }
        }
        all.sort_by(|a, b| (&a.module, &a.file).cmp(&(&b.module, &b.file)));
        all
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("tenant", &self.inner.tenant)
            .field("folder", &self.inner.folder)
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it holds the book; if something did, it is still the best there is.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, name: &ModuleName) -> ModuleId {
        ModuleId { tenant: self.tenant.clone(), name: name.clone() }
    }

    fn place<'b>(&self, book: &'b mut Book, name: &ModuleName, now: Timestamp) -> &'b mut Place {
        book.modules.entry(name.clone()).or_insert_with(|| {
            let reason =
                format!("there is no file {name}.wasm in {}; put the module there", self.folder.display());
            let slot = ModuleSlot::empty(self.id(name), reason.clone());
            Place { slot, serving: None, wanted: false, since: now, reason }
        })
    }

    /// Notes what the folder holds now.
    fn take_in(&self, book: &mut Book, listing: Vec<Listed>, now: Timestamp) {
        for entry in book.files.values_mut() {
            entry.missing_since.get_or_insert(now);
        }
        for listed in listing {
            self.take_in_file(book, listed, now);
        }
        let gone: Vec<String> = book
            .files
            .iter()
            .filter(|(_, entry)| entry.missing_since.is_some_and(|since| self.has_settled(since, now)))
            .map(|(file, _)| file.clone())
            .collect();
        for file in gone {
            self.remove(book, &file, now);
        }
        self.choose(book, now);
    }

    fn take_in_file(&self, book: &mut Book, listed: Listed, now: Timestamp) {
        let Listed { name, stem, path, form, stamp, leads_to } = listed;
        let entry = book.files.entry(name.clone()).or_insert_with(|| Entry {
            module: status::module_name(&stem).ok(),
            stem,
            path,
            form,
            leads_to: None,
            seen: None,
            seen_since: now,
            missing_since: None,
            in_hand: None,
            examined: None,
            transient: false,
            state: FileState::Loading,
            digest: None,
            reason: None,
            since: now,
        });
        entry.missing_since = None;
        entry.leads_to = leads_to;
        let reason = match stamp {
            Ok(stamp) => {
                if entry.seen.as_ref() != Some(&stamp) {
                    entry.seen = Some(stamp);
                    entry.seen_since = now;
                }
                // A clock that was set back must not make a file wait for ever.
                entry.seen_since = entry.seen_since.min(now);
                status::module_name(&entry.stem).err()
            }
            Err(reason) => {
                entry.seen = None;
                Some(reason)
            }
        };
        if let Some(reason) = reason
            && (entry.state, entry.reason.as_ref()) != (FileState::Refused, Some(&reason))
        {
            entry.examined = None;
            self.refuse(book, &name, None, reason, now);
        }
    }

    /// Of several files with one name the first in the order of preference counts.
    fn choose(&self, book: &mut Book, now: Timestamp) {
        let mut by_module: BTreeMap<&ModuleName, Vec<(Form, &String)>> = BTreeMap::new();
        for (file, entry) in &book.files {
            if let Some(module) = &entry.module {
                by_module.entry(module).or_default().push((entry.form, file));
            }
        }
        let mut superseded = Vec::new();
        let mut chosen = Vec::new();
        for mut files in by_module.into_values() {
            files.sort_unstable();
            let mut files = files.into_iter().map(|(_, file)| file.clone());
            let Some(first) = files.next() else { continue };
            superseded.extend(files.map(|file| (file, first.clone())));
            chosen.push(first);
        }
        for (file, by) in superseded {
            let Some(entry) = book.files.get_mut(&file) else { continue };
            if entry.state != FileState::Superseded {
                entry.examined = None;
                let reason = format!("{by} has the same name and is preferred; remove one of the two");
                self.set(book, &file, FileState::Superseded, None, Some(reason), now);
            }
        }
        for file in chosen {
            // Whatever stood before it is gone.
            if book.files.get(&file).is_some_and(|entry| entry.state == FileState::Superseded) {
                self.set(book, &file, FileState::Loading, None, None, now);
            }
        }
    }

    /// The files that have settled and were not looked at since they changed.
    fn due(&self, book: &mut Book, now: Timestamp) -> Vec<Job> {
        let mut jobs = Vec::new();
        let mut waiting = Vec::new();
        for (file, entry) in &mut book.files {
            let (Some(module), Some(seen)) = (&entry.module, &entry.seen) else { continue };
            if entry.state == FileState::Superseded
                || entry.in_hand.is_some()
                || entry.missing_since.is_some()
            {
                continue;
            }
            if entry.transient && now.duration_since(entry.since) >= TRY_AGAIN {
                entry.examined = None;
            }
            if entry.examined.as_ref() == Some(seen) {
                continue;
            }
            if entry.state != FileState::Loading && entry.state != FileState::Live {
                waiting.push(file.clone());
            }
            let written = seen.modified().unwrap_or(now);
            if !self.has_settled(written, now) && !self.has_settled(entry.seen_since, now) {
                continue;
            }
            entry.in_hand = Some(seen.clone());
            jobs.push(Job {
                file: file.clone(),
                module: module.clone(),
                path: entry.path.clone(),
                form: entry.form,
                stamp: seen.clone(),
                serving: None,
            });
        }
        for file in waiting {
            self.set(book, &file, FileState::Loading, None, None, now);
        }
        for job in &mut jobs {
            let serving = book.modules.get(&job.module).and_then(|place| place.serving.as_ref());
            job.serving =
                serving.filter(|serving| serving.file == job.file).map(|serving| serving.digest.clone());
        }
        jobs
    }

    fn has_settled(&self, since: Timestamp, now: Timestamp) -> bool {
        now.duration_since(since).unsigned_abs() >= self.options.settle && now >= since
    }

    fn remove(&self, book: &mut Book, file: &str, now: Timestamp) {
        let Some(entry) = book.files.remove(file) else { return };
        let Some(module) = entry.module else { return };
        if book.files.values().any(|other| other.module.as_ref() == Some(&module)) {
            return;
        }
        let used = self.options.settings.terms(&module).used;
        let folder = self.folder.display();
        let place = self.place(book, &module, now);
        place.reason =
            format!("its file {file} was removed from {folder}; put it back, or another version of it");
        place.since = now;
        place.serving = None;
        place.slot.withdraw(place.reason.clone());
        let status = place.missing(&module, used);
        if !place.wanted && !used {
            book.modules.remove(&module);
        }
        book.changed.push(ModuleStatus { file: Some(file.to_owned()), ..status });
    }

    /// Carries out what the loader found.
    fn settle(&self, job: &Job, verdict: Verdict, now: Timestamp) {
        let book = &mut *self.book();
        let Some(entry) = book.files.get_mut(&job.file) else { return };
        if entry.in_hand.as_ref() != Some(&job.stamp) {
            return;
        }
        entry.in_hand = None;
        if entry.state == FileState::Superseded || matches!(verdict, Verdict::Moved) {
            return;
        }
        entry.examined = Some(job.stamp.clone());
        entry.transient = false;
        match verdict {
            Verdict::Moved => {}
            Verdict::Same => {
                let serving = book.modules.get(&job.module).and_then(|place| place.serving.as_ref());
                if serving.map(|serving| &serving.digest) == job.serving.as_ref() {
                    self.set(book, &job.file, FileState::Live, job.serving.clone(), None, now);
                } else {
                    // Withdrawn in between: the file went and came back.
                    entry.examined = None;
                }
            }
            Verdict::Passed { digest, module } => {
                let place = self.place(book, &job.module, now);
                place.serving = Some(Serving {
                    file: job.file.clone(),
                    digest: digest.clone(),
                    version: module.manifest().version.clone(),
                });
                place.slot.serve(*module);
                self.set(book, &job.file, FileState::Live, Some(digest), None, now);
            }
            Verdict::Refused { digest, reason, transient } => {
                entry.transient = transient;
                self.refuse(book, &job.file, digest, reason, now);
            }
        }
    }

    /// Refuses a file. Where nothing serves, its module cannot be used for the same reason.
    fn refuse(&self, book: &mut Book, file: &str, digest: Option<String>, reason: String, now: Timestamp) {
        let module = book.files.get(file).and_then(|entry| entry.module.clone());
        if let Some(module) = module {
            let place = self.place(book, &module, now);
            if place.serving.is_none() {
                place.slot.withdraw(format!("{file} is refused: {reason}"));
            }
        }
        self.set(book, file, FileState::Refused, digest, Some(reason), now);
    }

    fn set(
        &self,
        book: &mut Book,
        file: &str,
        state: FileState,
        digest: Option<String>,
        reason: Option<String>,
        now: Timestamp,
    ) {
        let Some(entry) = book.files.get_mut(file) else { return };
        if (entry.state, &entry.digest, &entry.reason) == (state, &digest, &reason) {
            return;
        }
        entry.since = now;
        (entry.state, entry.digest, entry.reason) = (state, digest, reason);
        if state == FileState::Loading {
            return;
        }
        if let Some(status) = self.file_status(book, file) {
            book.changed.push(status);
        }
    }

    fn file_status(&self, book: &Book, file: &str) -> Option<ModuleStatus> {
        let entry = book.files.get(file)?;
        let place = entry.module.as_ref().and_then(|module| book.modules.get(module));
        let serving = place.and_then(|place| place.serving.clone());
        let is_live = entry.state == FileState::Live;
        Some(ModuleStatus {
            file: Some(file.to_owned()),
            module: entry.stem.clone(),
            state: entry.state,
            digest: entry.digest.clone(),
            version: serving.as_ref().filter(|_| is_live).map(|serving| serving.version.clone()),
            reason: entry.reason.clone(),
            serving,
            used: entry.module.as_ref().is_some_and(|module| self.options.settings.terms(module).used),
            leads_to: entry.leads_to.clone(),
            since: entry.since,
        })
    }
}

impl Entry {
    /// Whether what it holds now is not known to the end.
    fn is_under_way(&self) -> bool {
        let unread = self.seen.is_some() && self.seen != self.examined;
        let counts = self.module.is_some() && self.state != FileState::Superseded;
        self.missing_since.is_some() || self.in_hand.is_some() || (counts && unread)
    }
}

impl Place {
    fn missing(&self, name: &ModuleName, used: bool) -> ModuleStatus {
        ModuleStatus {
            file: None,
            module: name.to_string(),
            state: FileState::Removed,
            digest: None,
            version: None,
            reason: Some(self.reason.clone()),
            serving: None,
            used,
            leads_to: None,
            since: self.since,
        }
    }
}
