//! Mapping modules, as they are remembered: which are in quarantine, and what a running service says of its files.
//!
//! A quarantine outlives the process that found it necessary: the next run has to know of it. So it is a row, one
//! for each module of a tenant, and no row means that nothing is known against the module. It is lifted by hand
//! also while a service works on the state, by [`StateStore::lift_quarantine`]: the row goes, and whoever wrote it
//! notices.
//!
//! What a service says of the files in a tenant's modules folder is for whoever asks from outside
//! (`scimwright status`). It is true for as long as the service lives, so whoever opens the state for writing
//! forgets what an earlier process said.

use crate::error::StateError;
use crate::store::StateStore;
use crate::tenant::{Reading, TenantState, to_millis};
use jiff::Timestamp;
use scimwright_record::{ModuleName, TenantName};
use sqlx::{Connection, SqliteConnection};
use std::path::Path;

const DOING_MODULE_FILES: &str = "write down the state of the modules";

/// A module that is not called for a while, since it kept failing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Quarantine {
    /// The module.
    pub module: ModuleName,
    /// SHA-256 of the version that failed, in hexadecimal. Another version starts with a clean slate.
    pub digest: String,
    /// How many calls failed, one after the other.
    pub failures: u32,
    /// How the last one did.
    pub reason: String,
    /// When the quarantine began.
    pub since: Timestamp,
    /// When one record is let through to see whether it works again.
    pub until: Timestamp,
}

/// What a running service says of one file in the modules folder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ModuleFile {
    /// The file's name; empty for a module that has none.
    pub file: String,
    /// The module: the file's name without its ending.
    pub module: String,
    /// `live`, `refused`, `superseded`, `loading`, `quarantined` or `removed`.
    pub state: String,
    /// SHA-256 of the file, in hexadecimal, where it was read.
    pub digest: Option<String>,
    /// The version that the module gives itself, where it could be asked.
    pub version: Option<String>,
    /// Why it is in this state, and what to do.
    pub reason: Option<String>,
    /// SHA-256 of the version that serves, where that is another one than the file's.
    pub serving: Option<String>,
    /// Whether a resource of the configuration uses the module.
    pub used: bool,
    /// Since when it is in this state.
    pub since: Timestamp,
}

impl TenantState {
    /// The modules in quarantine, in the order of their names. Those whose time is over are among them, until a
    /// record got through.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn quarantines(&self) -> Result<Vec<Quarantine>, StateError> {
        const SQL: &str = "SELECT module, digest, failures, reason, since, until FROM quarantines \
                           WHERE tenant = ?1 ORDER BY module";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read which modules are in quarantine"))?;
        rows.iter()
            .map(|row| {
                let reading = Reading { shared: &self.shared, what: "a quarantine", row };
                Ok(Quarantine {
                    module: reading.parse("module", ModuleName::parse)?,
                    digest: reading.get("digest")?,
                    failures: reading.get("failures")?,
                    reason: reading.get("reason")?,
                    since: reading.moment("since")?,
                    until: reading.moment("until")?,
                })
            })
            .collect()
    }

    /// Puts a module into quarantine, or makes the one it is in last longer.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn put_quarantine(&self, quarantine: &Quarantine) -> Result<(), StateError> {
        const DOING: &str = "put a module into quarantine";
        const SQL: &str = "INSERT OR REPLACE INTO quarantines \
                           (tenant, module, digest, failures, reason, since, until) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let mut connection = self.shared.writer(DOING).await?;
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(quarantine.module.as_str())
            .bind(&quarantine.digest)
            .bind(i64::from(quarantine.failures))
            .bind(&quarantine.reason)
            .bind(to_millis(quarantine.since))
            .bind(to_millis(quarantine.until))
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        Ok(())
    }

    /// Ends a module's quarantine. False where it was in none.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn end_quarantine(&self, module: &ModuleName) -> Result<bool, StateError> {
        const DOING: &str = "end a quarantine";
        let mut connection = self.shared.writer(DOING).await?;
        delete_quarantine(&mut connection, self.name(), module).await.map_err(self.shared.sql(DOING))
    }

    /// Says what the files in the modules folder are, in place of what was said before.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn put_module_files(&self, files: &[ModuleFile]) -> Result<(), StateError> {
        let context = (self.clone(), files.to_vec());
        let write = self.shared.write(DOING_MODULE_FILES, context, |(state, files), connection| {
            Box::pin(state.put_module_files_on(connection, files))
        });
        write.await
    }

    async fn put_module_files_on(
        &self,
        connection: &mut SqliteConnection,
        files: &[ModuleFile],
    ) -> Result<(), StateError> {
        const SQL: &str = "INSERT OR REPLACE INTO module_files \
                           (tenant, file, module, state, digest, version, reason, serving, used, since) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let sql = self.shared.sql(DOING_MODULE_FILES);
        sqlx::query("DELETE FROM module_files WHERE tenant = ?1")
            .bind(self.tenant())
            .execute(&mut *connection)
            .await
            .map_err(&sql)?;
        for file in files {
            sqlx::query(SQL)
                .bind(self.tenant())
                .bind(&file.file)
                .bind(&file.module)
                .bind(&file.state)
                .bind(&file.digest)
                .bind(&file.version)
                .bind(&file.reason)
                .bind(&file.serving)
                .bind(file.used)
                .bind(to_millis(file.since))
                .execute(&mut *connection)
                .await
                .map_err(&sql)?;
        }
        Ok(())
    }

    /// What a running service says of the files in the modules folder, in the order of their names. `None` where no
    /// service says anything.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn module_files(&self) -> Result<Option<Vec<ModuleFile>>, StateError> {
        const SQL: &str = "SELECT file, module, state, digest, version, reason, serving, used, since \
                           FROM module_files WHERE tenant = ?1 ORDER BY module, file";
        let rows = sqlx::query(SQL)
            .bind(self.tenant())
            .fetch_all(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read the state of the modules"))?;
        // Asked after the rows were read: a service that ended meanwhile has let go of the lock.
        if rows.is_empty() || !self.shared.is_being_written() {
            return Ok(None);
        }
        let files = rows.iter().map(|row| {
            let reading = Reading { shared: &self.shared, what: "a module file", row };
            Ok(ModuleFile {
                file: reading.get("file")?,
                module: reading.get("module")?,
                state: reading.get("state")?,
                digest: reading.get("digest")?,
                version: reading.get("version")?,
                reason: reading.get("reason")?,
                serving: reading.get("serving")?,
                used: reading.get("used")?,
                since: reading.moment("since")?,
            })
        });
        files.collect::<Result<Vec<_>, _>>().map(Some)
    }
}

impl StateStore {
    /// Ends a module's quarantine by hand, also while another process works on the state. False where the module
    /// was in none.
    ///
    /// # Errors
    /// [`StateError`] as for [`open`](Self::open) and [`open_read_only`](Self::open_read_only), and when the file
    /// cannot be written.
    pub async fn lift_quarantine(
        path: &Path,
        tenant: &TenantName,
        module: &ModuleName,
    ) -> Result<bool, StateError> {
        let Some(mut connection) = Self::connect_beside(path).await? else {
            // Of an older format, or none at all: nobody works on it then who could be disturbed.
            return match path.exists() {
                true => Self::open(path).await?.tenant(tenant).end_quarantine(module).await,
                false => Ok(false),
            };
        };
        let sql = |cause| StateError::from_sql(path, "end a quarantine", cause);
        let lifted = delete_quarantine(&mut connection, tenant, module).await.map_err(sql)?;
        connection.close().await.map_err(sql)?;
        Ok(lifted)
    }
}

async fn delete_quarantine(
    connection: &mut SqliteConnection,
    tenant: &TenantName,
    module: &ModuleName,
) -> Result<bool, sqlx::Error> {
    sqlx::query("DELETE FROM quarantines WHERE tenant = ?1 AND module = ?2")
        .bind(tenant.as_str())
        .bind(module.as_str())
        .execute(connection)
        .await
        .map(|done| done.rows_affected() > 0)
}

/// Forgets what an earlier process said of its files, of all tenants. Only for the holder of the lock.
pub(crate) async fn forget_module_files(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM module_files").execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scratch, moment};

    fn quarantine(module: &str) -> Quarantine {
        Quarantine {
            module: ModuleName::parse(module).unwrap(),
            digest: "ab".repeat(32),
            failures: 5,
            reason: "the guest crashed".into(),
            since: moment(0),
            until: moment(60_000),
        }
    }

    fn file(name: &str, state: &str) -> ModuleFile {
        ModuleFile {
            file: format!("{name}.wasm"),
            module: name.into(),
            state: state.into(),
            digest: Some("cd".repeat(32)),
            version: None,
            reason: Some("it is cut off".into()),
            serving: Some("ef".repeat(32)),
            used: true,
            since: moment(7),
        }
    }

    #[tokio::test]
    async fn a_quarantine_outlives_the_process_and_belongs_to_one_tenant() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let state = store.tenant(&TenantName::default());
        let other = store.tenant(&TenantName::parse("other").unwrap());
        state.put_quarantine(&quarantine("b")).await.unwrap();
        state.put_quarantine(&quarantine("a")).await.unwrap();
        let longer = Quarantine { failures: 9, until: moment(120_000), ..quarantine("a") };
        state.put_quarantine(&longer).await.unwrap();
        assert_eq!(other.quarantines().await.unwrap(), []);
        assert!(!other.end_quarantine(&longer.module).await.unwrap());
        drop((store, state, other));

        let state = StateStore::open(&path).await.unwrap().tenant(&TenantName::default());
        assert_eq!(state.quarantines().await.unwrap(), [longer, quarantine("b")]);
        assert!(state.end_quarantine(&quarantine("b").module).await.unwrap());
        assert!(!state.end_quarantine(&quarantine("b").module).await.unwrap());
    }

    #[tokio::test]
    async fn a_quarantine_is_lifted_by_hand_beside_the_process_that_holds_the_state() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let tenant = TenantName::default();
        let state = store.tenant(&tenant);
        state.put_quarantine(&quarantine("a")).await.unwrap();
        let name = quarantine("a").module;
        assert!(StateStore::lift_quarantine(&path, &tenant, &name).await.unwrap());
        assert!(!StateStore::lift_quarantine(&path, &tenant, &name).await.unwrap());
        assert_eq!(state.quarantines().await.unwrap(), []);
        // Where there is no state, nothing is made.
        let absent = path.with_file_name("absent.db");
        assert!(!StateStore::lift_quarantine(&absent, &tenant, &name).await.unwrap());
        assert!(!absent.exists());
    }

    #[tokio::test]
    async fn what_a_service_says_of_its_files_is_true_while_it_lives() {
        let Scratch { store, path, _folder } = Scratch::open().await;
        let tenant = TenantName::default();
        let state = store.tenant(&tenant);
        let reader = async || StateStore::open_read_only(&path).await.unwrap().tenant(&tenant);
        assert_eq!(reader().await.module_files().await.unwrap(), None);
        state.put_module_files(&[file("a", "live"), file("gone", "live")]).await.unwrap();
        let files = [file("a", "refused"), file("b", "live")];
        state.put_module_files(&files).await.unwrap();
        assert_eq!(reader().await.module_files().await.unwrap().unwrap(), files);
        drop((store, state));
        assert_eq!(reader().await.module_files().await.unwrap(), None, "nobody is there who says so");
        let later = StateStore::open(&path).await.unwrap().tenant(&tenant);
        assert_eq!(later.module_files().await.unwrap(), None, "nor does whoever comes next");
    }
}
