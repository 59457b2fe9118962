//! Quarantines, as they are between a module in memory and its row in the state.
//!
//! The two may differ for three reasons. The module went into quarantine, or came out of it: then the row follows.
//! The row was there before the module was loaded: then the module follows. Or somebody took the row away by hand:
//! then the module follows as well. What was last written tells these apart.

use jiff::{Timestamp, Unit};
use scimwright_mapping::{self as mapping, Health, ModuleSlot};
use scimwright_record::ModuleName;
use scimwright_state::{Quarantine, StateError, TenantState};
use std::collections::BTreeMap;

/// A loaded module, as far as its quarantine is concerned.
pub trait Patient {
    /// Its name.
    fn module(&self) -> &ModuleName;
    /// SHA-256 of the version that is loaded, in hexadecimal; `None` where none is.
    fn digest(&self) -> Option<String>;
    /// The quarantine that it is in.
    fn quarantine(&self) -> Option<Quarantine>;
    /// Puts it into the quarantine that an earlier process found necessary.
    fn confine(&self, quarantine: &Quarantine);
    /// Ends its quarantine.
    fn release(&self);
}

impl Patient for ModuleSlot {
    fn module(&self) -> &ModuleName {
        &self.id().name
    }

    fn digest(&self) -> Option<String> {
        self.loaded().ok().map(|module| module.digest().to_owned())
    }

    fn quarantine(&self) -> Option<Quarantine> {
        let module = self.loaded().ok()?;
        let Health::Quarantined(quarantine) = module.health() else { return None };
        let mapping::Quarantine { failures, reason, since, until } = quarantine;
        let (name, digest) = (module.id().name.clone(), module.digest().to_owned());
        // The state keeps milliseconds.
        let kept = |moment: Timestamp| moment.round(Unit::Millisecond).unwrap_or(moment);
        Some(Quarantine { module: name, digest, failures, reason, since: kept(since), until: kept(until) })
    }

    fn confine(&self, quarantine: &Quarantine) {
        let Ok(module) = self.loaded() else { return };
        let Quarantine { failures, reason, since, until, .. } = quarantine.clone();
        module.restore_quarantine(mapping::Quarantine { failures, reason, since, until });
    }

    fn release(&self) {
        if let Ok(module) = self.loaded() {
            module.release();
        }
    }
}

/// What has to be done for one module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Both say the same.
    Nothing,
    /// The row is written as the module is.
    Write,
    /// The row goes.
    Forget,
    /// The module goes into quarantine as the row says.
    Confine,
    /// The module comes out of it, as somebody wants.
    Release,
}

/// Decides for one module: what it is, which version is loaded, what the row says, and what was last written.
fn step(
    now: Option<&Quarantine>,
    digest: Option<&str>,
    row: Option<&Quarantine>,
    written: Option<&Quarantine>,
) -> Step {
    match (now, row) {
        (Some(now), Some(row)) if now == row => Step::Nothing,
        // The row was written by us, and it is gone: somebody wants the module back.
        (Some(now), None) if written.is_some_and(|written| written.digest == now.digest) => Step::Release,
        (Some(_), _) => Step::Write,
        // Not ours, and about the version that is loaded: an earlier process knew it.
        (None, Some(row)) if written.is_none() && digest == Some(row.digest.as_str()) => Step::Confine,
        // Nothing is loaded yet that could be compared with it.
        (None, Some(_)) if digest.is_none() => Step::Nothing,
        (None, Some(_)) => Step::Forget,
        (None, None) => Step::Nothing,
    }
}

/// Keeps the modules of a tenant and their rows alike.
#[derive(Debug, Default)]
pub struct Quarantines {
    written: BTreeMap<ModuleName, Quarantine>,
}

impl Quarantines {
    /// Compares every module with its row, and returns the modules that were released by hand since the last time.
    ///
    /// # Errors
    /// [`StateError`] when the state cannot be read or written.
    pub async fn keep<P: Patient>(
        &mut self,
        state: &TenantState,
        patients: &[P],
    ) -> Result<Vec<ModuleName>, StateError> {
        let rows = state.quarantines().await?;
        let mut released = Vec::new();
        for patient in patients {
            let name = patient.module();
            let row = rows.iter().find(|row| row.module == *name);
            let (now, digest) = (patient.quarantine(), patient.digest());
            match step(now.as_ref(), digest.as_deref(), row, self.written.get(name)) {
                Step::Nothing => {}
                Step::Write => {
                    if let Some(now) = now {
                        state.put_quarantine(&now).await?;
                        self.written.insert(name.clone(), now);
                    }
                }
                Step::Forget => {
                    state.end_quarantine(name).await?;
                    self.written.remove(name);
                }
                Step::Confine => {
                    if let Some(row) = row {
                        patient.confine(row);
                        self.written.insert(name.clone(), row.clone());
                    }
                }
                Step::Release => {
                    patient.release();
                    self.written.remove(name);
                    released.push(name.clone());
                }
            }
        }
        Ok(released)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use scimwright_record::TenantName;
    use scimwright_state::StateStore;
    use std::cell::RefCell;

    /// A module that does as it is told.
    struct Module {
        name: ModuleName,
        digest: &'static str,
        quarantine: RefCell<Option<Quarantine>>,
    }

    impl Module {
        fn new(digest: &'static str) -> Self {
            Self { name: "corp-user".parse().unwrap(), digest, quarantine: RefCell::default() }
        }

        fn fails(&self, failures: u32) {
            let moment = |seconds| Timestamp::from_second(1_772_000_000 + seconds).unwrap();
            *self.quarantine.borrow_mut() = Some(Quarantine {
                module: self.name.clone(),
                digest: self.digest.to_owned(),
                failures,
                reason: "the guest crashed".into(),
                since: moment(0),
                until: moment(i64::from(failures) * 30),
            });
        }

        fn is_confined(&self) -> bool {
            self.quarantine.borrow().is_some()
        }
    }

    impl Patient for &Module {
        fn module(&self) -> &ModuleName {
            &self.name
        }

        fn digest(&self) -> Option<String> {
            Some(self.digest.to_owned())
        }

        fn quarantine(&self) -> Option<Quarantine> {
            self.quarantine.borrow().clone()
        }

        fn confine(&self, quarantine: &Quarantine) {
            *self.quarantine.borrow_mut() = Some(quarantine.clone());
        }

        fn release(&self) {
            *self.quarantine.borrow_mut() = None;
        }
    }

    #[tokio::test]
    async fn a_quarantine_is_remembered_lengthened_known_to_the_next_process_and_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let tenant = TenantName::default();
        let state = StateStore::open(&path).await.unwrap().tenant(&tenant);
        let (module, mut kept) = (Module::new("one"), Quarantines::default());
        for failures in [5, 6] {
            module.fails(failures);
            assert!(kept.keep(&state, &[&module]).await.unwrap().is_empty());
            assert_eq!(state.quarantines().await.unwrap()[0].failures, failures);
        }

        // The next process has loaded the same version: it is in quarantine from the start.
        let (again, mut later) = (Module::new("one"), Quarantines::default());
        later.keep(&state, &[&again]).await.unwrap();
        assert!(again.is_confined());
        // It works again: the row goes.
        again.quarantine.take();
        later.keep(&state, &[&again]).await.unwrap();
        assert_eq!(state.quarantines().await.unwrap(), []);
        assert!(!again.is_confined());
    }

    #[tokio::test]
    async fn another_version_starts_with_a_clean_slate() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateStore::open(&folder.path().join("state.db")).await.unwrap();
        let state = state.tenant(&TenantName::default());
        let module = Module::new("one");
        module.fails(5);
        Quarantines::default().keep(&state, &[&module]).await.unwrap();
        let repaired = Module::new("two");
        Quarantines::default().keep(&state, &[&repaired]).await.unwrap();
        assert!(!repaired.is_confined());
        assert_eq!(state.quarantines().await.unwrap(), []);
    }

    #[tokio::test]
    async fn a_hand_that_takes_the_row_away_releases_the_module_until_it_fails_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let tenant = TenantName::default();
        let state = StateStore::open(&path).await.unwrap().tenant(&tenant);
        let (module, mut kept) = (Module::new("one"), Quarantines::default());
        module.fails(5);
        kept.keep(&state, &[&module]).await.unwrap();
        assert!(StateStore::lift_quarantine(&path, &tenant, &module.name).await.unwrap());
        // Even if it failed once more in between.
        module.fails(6);
        let released = kept.keep(&state, &[&module]).await.unwrap();
        assert_eq!(released, std::slice::from_ref(&module.name));
        assert!(!module.is_confined());
        assert_eq!(state.quarantines().await.unwrap(), []);
        module.fails(5);
        kept.keep(&state, &[&module]).await.unwrap();
        assert_eq!(state.quarantines().await.unwrap().len(), 1);
    }
}
