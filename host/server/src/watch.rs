//! A tenant's modules: the folder is compared with what is known of it, and what came of it is written down for
//! whoever asks from outside.

use crate::event::Happening;
use crate::quarantine::Quarantines;
use crate::setup::{TenantSetup, Trouble};
use jiff::Timestamp;
use scimwright_mapping::{ModuleStatus, Registry};
use scimwright_state::{ModuleFile, TenantState};
use std::time::Duration;
use tokio::time::Instant;

/// How long the modules of a tenant are waited for before its first sync. Those that take longer are used as soon
/// as they are loaded.
const FIRST_LOAD: Duration = Duration::from_secs(60);

/// Keeps the modules of one tenant.
pub(crate) struct Watch<'a> {
    pub(crate) setup: &'a dyn TenantSetup,
    pub(crate) state: TenantState,
    pub(crate) registry: Registry,
    pub(crate) say: &'a (dyn Fn(Happening) + Sync),
    pub(crate) interval: Duration,
}

/// What was said already.
#[derive(Default)]
struct Said {
    files: Option<Vec<ModuleFile>>,
    trouble: Option<String>,
    configuration: bool,
    quarantines: Quarantines,
}

impl Watch<'_> {
    /// Looks again and again. Sends once when the modules that were there at the start are known to the end.
    pub(crate) async fn run(&self, ready: tokio::sync::oneshot::Sender<()>) -> Result<(), Trouble> {
        let mut said = Said::default();
        let mut ready = Some(ready);
        let begun = Instant::now();
        loop {
            self.look(&mut said).await?;
            if ready.is_some()
                && (self.registry.is_settled() || begun.elapsed() > FIRST_LOAD)
                && let Some(ready) = ready.take()
            {
                // What was loaded since the look is to be seen before the first sync is.
                self.look(&mut said).await?;
                let _ = ready.send(());
            }
            let pause =
                if ready.is_some() { self.interval.min(Duration::from_millis(50)) } else { self.interval };
            tokio::time::sleep(pause).await;
        }
    }

    async fn look(&self, said: &mut Said) -> Result<(), Trouble> {
        let registry = self.registry.clone();
        // A folder may lie on a slow share.
        let scanned = tokio::task::spawn_blocking(move || {
            let changed = registry.scan(Timestamp::now());
            (changed, registry.status(), registry.trouble())
        });
        let (changed, status, trouble) = scanned
            .await
            .map_err(|error| Trouble(format!("the modules folder cannot be scanned: {error}")))?;
        for status in changed {
            (self.say)(Happening::Module(Box::new(status)));
        }
        if said.trouble != trouble {
            said.trouble.clone_from(&trouble);
            if let Some(reason) = trouble {
                (self.say)(Happening::FolderTrouble { reason });
            }
        }
        let files: Vec<ModuleFile> = status.into_iter().map(module_file).collect();
        if said.files.as_ref() != Some(&files) {
            self.state.put_module_files(&files).await.map_err(|error| Trouble(error.to_string()))?;
            said.files = Some(files);
        }
        let slots = self.registry.slots();
        let released = said.quarantines.keep(&self.state, &slots).await;
        for module in released.map_err(|error| Trouble(error.to_string()))? {
            (self.say)(Happening::Released { module });
        }
        if !said.configuration && self.setup.has_changed() {
            said.configuration = true;
            (self.say)(Happening::ConfigurationChanged);
        }
        Ok(())
    }
}

/// What is known of a file, as it is written down.
#[must_use]
pub fn module_file(status: ModuleStatus) -> ModuleFile {
    let serving = status.served_by_another().map(|serving| serving.digest.clone());
    ModuleFile {
        file: status.file.unwrap_or_default(),
        module: status.module,
        state: status.state.as_str().to_owned(),
        digest: status.digest,
        version: status.version,
        reason: status.reason,
        serving,
        used: status.used,
        since: status.since,
    }
}
