//! Streams that are read a page at a time, so that the connection is free in between.

use crate::error::StateError;
use crate::store::Shared;
use crate::tenant::{LinkScope, TenantState, to_millis};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;

/// How many rows are read at a time.
pub(crate) const PAGE: i64 = 500;

/// Calls `read` with the place after which to go on, until a page is empty. `place` says where an item stands.
pub(crate) fn in_pages<T, P, F>(
    first: P,
    place: fn(&T) -> P,
    read: impl Fn(P) -> F + Send + 'static,
) -> BoxStream<'static, Result<T, StateError>>
where
    T: Send + 'static,
    P: Send + 'static,
    F: Future<Output = Result<Vec<T>, StateError>> + Send + 'static,
{
    let pages = futures::stream::try_unfold((first, read), move |(after, read)| async move {
        let page = read(after).await?;
        let last = page.last().map(place);
        Ok::<_, StateError>(last.map(|last| (page, (last, read))))
    });
    pages.map_ok(|page| futures::stream::iter(page.into_iter().map(Ok))).try_flatten().boxed()
}

impl TenantState {
    /// What of a scope is due at `now`, the longest due first. The statement takes the scope, the moment, the place after
    /// which to go on (a moment and a key), and how many.
    pub(crate) fn due<T: Send + 'static>(
        &self,
        (sql, doing): (&'static str, &'static str),
        scope: &LinkScope,
        now: Timestamp,
        place: fn(&T) -> (i64, String),
        read: fn(&Shared, &SqliteRow) -> Result<T, StateError>,
    ) -> BoxStream<'static, Result<T, StateError>> {
        let (state, scope) = (self.clone(), scope.clone());
        in_pages((i64::MIN, String::new()), place, move |(moment, key)| {
            let (state, scope) = (state.clone(), scope.clone());
            async move {
                let query = sqlx::query(sql)
                    .bind(state.tenant())
                    .bind(scope.provider.as_str())
                    .bind(scope.resource_type.as_str())
                    .bind(to_millis(now))
                    .bind(moment)
                    .bind(key)
                    .bind(PAGE);
                let rows = query
                    .fetch_all(&mut *state.shared.reader().await)
                    .await
                    .map_err(state.shared.sql(doing))?;
                rows.iter().map(|row| read(&state.shared, row)).collect()
            }
        })
    }
}
