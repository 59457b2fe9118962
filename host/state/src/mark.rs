//! How far a scope was read: the watermark of its source, when everybody was last seen, and how large its membership
//! table was.
//!
//! A watermark is the source's own value (of its change column, say) and means nothing here. It is moved only
//! when everything up to it is done, so whoever loses it reads everything again and nothing is missed.

use crate::error::StateError;
use crate::tenant::{LinkScope, TenantState, to_millis};
use jiff::Timestamp;
use scimwright_record::ProviderName;
use sqlx::SqliteConnection;

impl TenantState {
    /// Up to where the source of a scope was read; `None` means that everything has to be read.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn watermark(&self, scope: &LinkScope) -> Result<Option<String>, StateError> {
        const SQL: &str =
            "SELECT watermark FROM scope_marks WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3";
        self.mark(SQL, scope).await
    }

    /// Remembers up to where the source of a scope was read; `None` has everything read again.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn set_watermark(&self, scope: &LinkScope, watermark: Option<&str>) -> Result<(), StateError> {
        const SQL: &str = "INSERT INTO scope_marks (tenant, provider, resource_type, watermark) \
                           VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET watermark = excluded.watermark";
        self.set_mark(SQL, scope, watermark).await
    }

    /// When a cycle last read and settled everybody of a scope.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn full_cycle_at(&self, scope: &LinkScope) -> Result<Option<Timestamp>, StateError> {
        const SQL: &str = "SELECT full_cycle_at FROM scope_marks WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3";
        let millis = self.mark::<i64>(SQL, scope).await?;
        millis.map(Timestamp::from_millisecond).transpose().map_err(|cause| {
            StateError::unreadable(self.shared.path(), "column full_cycle_at of a scope", cause)
        })
    }

    /// Remembers when a cycle read and settled everybody of a scope.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn set_full_cycle_at(&self, scope: &LinkScope, at: Timestamp) -> Result<(), StateError> {
        const SQL: &str = "INSERT INTO scope_marks (tenant, provider, resource_type, full_cycle_at) \
                           VALUES (?1, ?2, ?3, ?4) \
                           ON CONFLICT DO UPDATE SET full_cycle_at = excluded.full_cycle_at";
        self.set_mark(SQL, scope, to_millis(at)).await
    }

    /// How many memberships the table of a scope had when it last counted; `None` where that is not known.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn memberships(&self, scope: &LinkScope) -> Result<Option<u64>, StateError> {
        const SQL: &str =
            "SELECT memberships FROM scope_marks WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3";
        Ok(self.mark::<i64>(SQL, scope).await?.map(i64::unsigned_abs))
    }

    /// Remembers how many memberships the table of a scope has.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn set_memberships(&self, scope: &LinkScope, count: u64) -> Result<(), StateError> {
        const SQL: &str = "INSERT INTO scope_marks (tenant, provider, resource_type, memberships) \
                           VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET memberships = excluded.memberships";
        self.set_mark(SQL, scope, i64::try_from(count).unwrap_or(i64::MAX)).await
    }

    /// Has everything that goes to a provider read again.
    pub(crate) async fn forget_marks_on(
        &self,
        connection: &mut SqliteConnection,
        provider: &ProviderName,
    ) -> Result<(), StateError> {
        const SQL: &str = "UPDATE scope_marks SET watermark = NULL, full_cycle_at = NULL \
                           WHERE tenant = ?1 AND provider = ?2";
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(provider.as_str())
            .execute(connection)
            .await
            .map_err(self.shared.sql("forget how far a provider's types were read"))?;
        Ok(())
    }

    async fn mark<T>(&self, sql: &'static str, scope: &LinkScope) -> Result<Option<T>, StateError>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + Send + Unpin,
    {
        let mark = sqlx::query_scalar::<_, Option<T>>(sql)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .fetch_optional(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read how far a scope was read"))?;
        Ok(mark.flatten())
    }

    async fn set_mark<'q, T>(
        &'q self,
        sql: &'static str,
        scope: &'q LinkScope,
        value: T,
    ) -> Result<(), StateError>
    where
        T: sqlx::Encode<'q, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite> + Send + 'q,
    {
        const DOING: &str = "remember how far a scope was read";
        let mut connection = self.shared.writer(DOING).await?;
        sqlx::query(sql)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(value)
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql(DOING))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::{Scratch, moment, scope, scope_of};

    #[tokio::test]
    async fn the_marks_of_a_scope_do_not_disturb_each_other() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        assert_eq!(state.watermark(&scope()).await.unwrap(), None);
        assert_eq!(state.full_cycle_at(&scope()).await.unwrap(), None);
        state.set_watermark(&scope(), Some("2026-03-01T08:00:00Z")).await.unwrap();
        assert_eq!(state.full_cycle_at(&scope()).await.unwrap(), None);
        state.set_full_cycle_at(&scope(), moment(3)).await.unwrap();
        assert_eq!(state.watermark(&scope()).await.unwrap().as_deref(), Some("2026-03-01T08:00:00Z"));
        state.set_watermark(&scope(), None).await.unwrap();
        assert_eq!(state.watermark(&scope()).await.unwrap(), None);
        assert_eq!(state.full_cycle_at(&scope()).await.unwrap(), Some(moment(3)));
        assert_eq!(state.full_cycle_at(&scope_of("acme", "Group")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_link_that_is_forgotten_has_every_type_of_its_provider_read_again() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let (groups, elsewhere) = (scope_of("acme", "Group"), scope_of("other", "User"));
        for scope in [&scope(), &groups, &elsewhere] {
            state.set_watermark(scope, Some("7")).await.unwrap();
            state.set_full_cycle_at(scope, moment(3)).await.unwrap();
            state.set_memberships(scope, 12).await.unwrap();
        }
        let key = scimwright_record::RecordKey::parse("jdoe").unwrap();
        state.forget_link(&scope(), &key).await.unwrap();
        for scope in [&scope(), &groups] {
            assert_eq!(state.watermark(scope).await.unwrap(), None);
            assert_eq!(state.full_cycle_at(scope).await.unwrap(), None);
            // Whoever is gone makes a table that was cut short no better.
            assert_eq!(state.memberships(scope).await.unwrap(), Some(12));
        }
        assert_eq!(state.watermark(&elsewhere).await.unwrap().as_deref(), Some("7"));
        assert_eq!(state.full_cycle_at(&elsewhere).await.unwrap(), Some(moment(3)));
        assert_eq!(state.memberships(&elsewhere).await.unwrap(), Some(12));
    }
}
