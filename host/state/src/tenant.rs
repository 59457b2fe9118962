//! What one tenant may see: the only way to any row.
//!
//! Every statement in this crate that touches a table binds the tenant of the handle it was
//! called on. The queries stand with the nouns they serve ([`link`](crate::link),
//! [`intent`](crate::intent), [`client_log`](crate::client_log), [`run`](crate::run)).

use crate::error::StateError;
use crate::store::Shared;
use scimwright_record::{ProviderName, ResourceTypeName, TenantName};
use std::fmt;
use std::sync::Arc;

/// The provider and the resource type that links, intents and runs belong to. Record keys and resource
/// ids are unique within it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct LinkScope {
    /// The service provider's name in the configuration.
    pub provider: ProviderName,
    /// The SCIM resource type: `User`.
    pub resource_type: ResourceTypeName,
}

impl fmt::Display for LinkScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.resource_type)
    }
}

/// One tenant's part of the state. Cheap to clone.
#[derive(Clone)]
pub struct TenantState {
    pub(crate) shared: Arc<Shared>,
    tenant: TenantName,
}

impl TenantState {
    pub(crate) fn new(shared: Arc<Shared>, tenant: TenantName) -> Self {
        Self { shared, tenant }
    }

    /// Whose state this is.
    #[must_use]
    pub fn name(&self) -> &TenantName {
        &self.tenant
    }

    /// Closes the file, for all tenants: see [`StateStore::close`](crate::StateStore::close).
    pub async fn close(&self) {
        self.shared.close().await;
    }

    pub(crate) fn tenant(&self) -> &str {
        self.tenant.as_str()
    }
}

impl fmt::Debug for TenantState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantState")
            .field("path", &self.shared.path())
            .field("tenant", &self.tenant)
            .finish()
    }
}

/// A moment as it stands in the file.
pub(crate) fn to_millis(at: jiff::Timestamp) -> i64 {
    at.as_millisecond()
}

/// Reads values back out of a row; everything that does not fit is a damaged file.
pub(crate) struct Reading<'a> {
    pub(crate) shared: &'a Shared,
    /// What is being read: `a link`.
    pub(crate) what: &'static str,
    pub(crate) row: &'a sqlx::sqlite::SqliteRow,
}

impl Reading<'_> {
    /// The value of a column, as SQLite has it.
    pub(crate) fn get<'r, T>(&'r self, column: &'static str) -> Result<T, StateError>
    where
        T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        use sqlx::Row;
        self.row.try_get(column).map_err(|cause| self.damaged(column, cause))
    }

    /// A column whose text has to be read further.
    pub(crate) fn parse<T, E: fmt::Display>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, StateError> {
        parse(self.get::<&str>(column)?).map_err(|cause| self.damaged(column, cause))
    }

    /// A column of JSON text.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StateError> {
        self.parse(column, |text| serde_json::from_str(text))
    }

    /// A column holding one of a few words.
    pub(crate) fn word<T>(
        &self,
        column: &'static str,
        from_word: fn(&str) -> Option<T>,
    ) -> Result<T, StateError> {
        self.parse(column, |word| from_word(word).ok_or_else(|| format!("`{word}` is not known")))
    }

    /// A column holding a moment.
    pub(crate) fn moment(&self, column: &'static str) -> Result<jiff::Timestamp, StateError> {
        jiff::Timestamp::from_millisecond(self.get(column)?).map_err(|cause| self.damaged(column, cause))
    }

    /// A column that may hold a moment.
    pub(crate) fn moment_or_none(&self, column: &'static str) -> Result<Option<jiff::Timestamp>, StateError> {
        let millis = self.get::<Option<i64>>(column)?.map(jiff::Timestamp::from_millisecond);
        millis.transpose().map_err(|cause| self.damaged(column, cause))
    }

    pub(crate) fn damaged(&self, column: &str, cause: impl fmt::Display) -> StateError {
        StateError::unreadable(self.shared.path(), &format!("column {column} of {}", self.what), cause)
    }
}
