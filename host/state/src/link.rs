//! A link: the remembered pair of a record and the resource it became.
//!
//! The diff of a later run is made against [`Link::sent`] and [`Link::seen`], so a provider
//! that normalises a value does not have it rewritten for ever. Both are kept as JSON text
//! in the form that `scimwright-scim` gives them.

use crate::error::StateError;
use crate::page::{PAGE, in_pages};
use crate::rows::{Cell, Rows, Statement};
use crate::run::RunId;
use crate::store::Shared;
use crate::tenant::{LinkScope, Reading, TenantState, to_millis};
use crate::words::words;
use futures::stream::BoxStream;
use jiff::Timestamp;
use scimwright_record::RecordKey;
use scimwright_scim::{Desired, Resource};
use sqlx::SqliteConnection;
use sqlx::sqlite::SqliteRow;

/// The columns of a link, in one place so that every query reads the same ones.
macro_rules! link_columns {
    () => {
        concat!(
            "l.key, l.resource_id, l.ownership, l.standing, l.sent, l.seen, l.version, ",
            "l.created_at, l.updated_at, l.run, l.fingerprint, l.due_at"
        )
    };
}
pub(crate) use link_columns;

words! {
    /// How a resource came to be linked.
    pub enum Ownership {
        /// We created it.
        Created = "created",
        /// It was there before, and matched.
        Adopted = "adopted",
    }
}

words! {
    /// Whether the resource is in use.
    pub enum Standing {
        /// It is.
        Active = "active",
        /// Its record left scope, and it was disabled.
        Disabled = "disabled",
    }
}

/// The remembered pair of a record and a resource, with the last state sent and seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The record's key in its source.
    pub key: RecordKey,
    /// The provider's `id` of the resource (RFC 7643 section 3.1).
    pub resource_id: String,
    /// How the resource came to be linked.
    pub ownership: Ownership,
    /// Whether it is in use.
    pub standing: Standing,
    /// What we last asked for.
    pub sent: Desired,
    /// What the provider last showed.
    pub seen: Resource,
    /// The provider's entity tag for what was seen (RFC 7644 section 3.14).
    pub version: Option<String>,
    /// When the link was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The run that last changed it.
    pub run: RunId,
    /// What the record and its mapping were when the resource was last brought up to date; `None` has them looked
    /// at again next time.
    pub fingerprint: Option<String>,
    /// From when the resource has to be looked at again although its record did not change: an end date.
    pub due_at: Option<Timestamp>,
}

/// Links in the order of their keys, read in pages. The connection is free between pages, so links may be
/// changed while the stream is being consumed.
pub type LinkStream = BoxStream<'static, Result<Link, StateError>>;

impl TenantState {
    /// The link of a record.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn link(&self, scope: &LinkScope, key: &RecordKey) -> Result<Option<Link>, StateError> {
        const SQL: &str = concat!(
            "SELECT ",
            link_columns!(),
            " FROM links l WHERE l.tenant = ?1 AND l.provider = ?2 AND l.resource_type = ?3 AND l.key = ?4"
        );
        self.one_link(SQL, scope, key.as_str()).await
    }

    /// The link of a resource, by the provider's id.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn link_by_resource(
        &self,
        scope: &LinkScope,
        resource_id: &str,
    ) -> Result<Option<Link>, StateError> {
        const SQL: &str = concat!(
            "SELECT ",
            link_columns!(),
            " FROM links l WHERE l.tenant = ?1 AND l.provider = ?2 AND l.resource_type = ?3 AND l.resource_id = ?4"
        );
        self.one_link(SQL, scope, resource_id).await
    }

    async fn one_link(
        &self,
        sql: &'static str,
        scope: &LinkScope,
        value: &str,
    ) -> Result<Option<Link>, StateError> {
        let row = sqlx::query(sql)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(value)
            .fetch_optional(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("read a link"))?;
        row.map(|row| read_link(&self.shared, &row)).transpose()
    }

    /// Stores a link in place of the one the record had, if any.
    ///
    /// # Errors
    /// [`StateError::ResourceTaken`] when the resource is linked to another record of the scope;
    /// otherwise [`StateError`] when the file cannot be written.
    pub async fn put_link(&self, scope: &LinkScope, link: &Link) -> Result<(), StateError> {
        let rows = Rows::of(Statement::PutLinks, self.link_cells(scope, link)?);
        self.shared.store(rows).await
    }

    /// Forgets the link of a record. Whether there was one. How far the provider's types were read is forgotten with
    /// it, since others may have pointed at the resource.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn forget_link(&self, scope: &LinkScope, key: &RecordKey) -> Result<bool, StateError> {
        let context = (self.clone(), scope.clone(), key.clone());
        let write = self.shared.write("forget a link", context, |(state, scope, key), connection| {
            Box::pin(state.forget_link_on(connection, scope, key))
        });
        write.await
    }

    /// All links of a scope.
    #[must_use]
    pub fn links(&self, scope: &LinkScope) -> LinkStream {
        const SQL: &str = concat!(
            "SELECT ",
            link_columns!(),
            " FROM links l WHERE l.tenant = ?1 AND l.provider = ?2 AND l.resource_type = ?3 AND l.key > ?4",
            " ORDER BY l.key LIMIT ?5"
        );
        let (state, scope) = (self.clone(), scope.clone());
        in_pages(
            String::new(),
            |link: &Link| link.key.as_str().to_owned(),
            move |after| {
                let (state, scope) = (state.clone(), scope.clone());
                async move {
                    let query = sqlx::query(SQL)
                        .bind(state.tenant())
                        .bind(scope.provider.as_str())
                        .bind(scope.resource_type.as_str())
                        .bind(after)
                        .bind(PAGE);
                    let rows = query
                        .fetch_all(&mut *state.shared.reader().await)
                        .await
                        .map_err(state.shared.sql("read the links"))?;
                    rows.iter().map(|row| read_link(&state.shared, row)).collect()
                }
            },
        )
    }

    /// The links of a scope that have to be looked at again by `now`, the longest due first. One that is put again
    /// meanwhile with a later moment does not come back.
    #[must_use]
    pub fn links_due(&self, scope: &LinkScope, now: Timestamp) -> LinkStream {
        const SQL: &str = concat!(
            "SELECT ",
            link_columns!(),
            " FROM links l WHERE l.tenant = ?1 AND l.provider = ?2 AND l.resource_type = ?3 AND l.due_at <= ?4",
            " AND (l.due_at, l.key) > (?5, ?6) ORDER BY l.due_at, l.key LIMIT ?7"
        );
        let place = |link: &Link| (link.due_at.map_or(i64::MIN, to_millis), link.key.as_str().to_owned());
        self.due((SQL, "read which links are due"), scope, now, place, read_link)
    }

    /// How many links a scope has, all or those of one standing.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn count_links(
        &self,
        scope: &LinkScope,
        standing: Option<Standing>,
    ) -> Result<u64, StateError> {
        const SQL: &str = "SELECT count(*) FROM links WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 \
                           AND (?4 IS NULL OR standing = ?4)";
        let count: i64 = sqlx::query_scalar(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(standing.map(Standing::as_str))
            .fetch_one(&mut *self.shared.reader().await)
            .await
            .map_err(self.shared.sql("count the links"))?;
        Ok(count.unsigned_abs())
    }

    /// A link as its row.
    pub(crate) fn link_cells(&self, scope: &LinkScope, link: &Link) -> Result<Vec<Cell>, StateError> {
        let unprintable = |cause| StateError::unreadable(self.shared.path(), "a link to be stored", cause);
        Ok(vec![
            self.tenant().into(),
            scope.provider.as_str().into(),
            scope.resource_type.as_str().into(),
            link.key.as_str().into(),
            link.resource_id.as_str().into(),
            link.ownership.as_str().into(),
            link.standing.as_str().into(),
            serde_json::to_string(&link.sent).map_err(unprintable)?.into(),
            serde_json::to_string(&link.seen).map_err(unprintable)?.into(),
            link.version.as_deref().into(),
            to_millis(link.created_at).into(),
            to_millis(link.updated_at).into(),
            link.run.to_string().into(),
            link.fingerprint.as_deref().into(),
            link.due_at.map(to_millis).into(),
        ])
    }

    /// [`forget_link`](Self::forget_link) as a part of something larger. Records of any type may point at the
    /// resource that is gone, and they did not change, so everything at the provider is to be read again. That is
    /// noted first: should the rest be lost, it costs a reading.
    pub(crate) async fn forget_link_on(
        &self,
        connection: &mut SqliteConnection,
        scope: &LinkScope,
        key: &RecordKey,
    ) -> Result<bool, StateError> {
        const SQL: &str =
            "DELETE FROM links WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 AND key = ?4";
        self.forget_marks_on(connection, &scope.provider).await?;
        let done = sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(key.as_str())
            .execute(connection)
            .await
            .map_err(self.shared.sql("forget a link"))?;
        Ok(done.rows_affected() > 0)
    }
}

pub(crate) fn read_link(shared: &Shared, row: &SqliteRow) -> Result<Link, StateError> {
    let reading = Reading { shared, what: "a link", row };
    Ok(Link {
        key: reading.parse("key", RecordKey::parse)?,
        resource_id: reading.get("resource_id")?,
        ownership: reading.word("ownership", Ownership::from_word)?,
        standing: reading.word("standing", Standing::from_word)?,
        sent: reading.json("sent")?,
        seen: reading.json("seen")?,
        version: reading.get("version")?,
        created_at: reading.moment("created_at")?,
        updated_at: reading.moment("updated_at")?,
        run: reading.parse("run", RunId::parse)?,
        fingerprint: reading.get("fingerprint")?,
        due_at: reading.moment_or_none("due_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scratch, key, link, moment, scope, scope_of};
    use futures::TryStreamExt;

    #[tokio::test]
    async fn a_link_is_found_by_key_and_by_resource_exactly_as_it_was_stored() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let mut stored = link("jdoe", "2819c");
        state.put_link(&scope(), &stored).await.unwrap();
        assert_eq!(state.link(&scope(), &key("jdoe")).await.unwrap().as_ref(), Some(&stored));
        assert_eq!(state.link_by_resource(&scope(), "2819c").await.unwrap().as_ref(), Some(&stored));

        stored.standing = Standing::Disabled;
        stored.version = None;
        stored.fingerprint = None;
        stored.due_at = Some(moment(9));
        state.put_link(&scope(), &stored).await.unwrap();
        assert_eq!(state.link(&scope(), &key("jdoe")).await.unwrap(), Some(stored));
        assert_eq!(state.count_links(&scope(), None).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn a_resource_is_never_linked_to_two_records() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        state.put_link(&scope(), &link("jdoe", "2819c")).await.unwrap();
        let error = state.put_link(&scope(), &link("asmith", "2819c")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot link `asmith` to resource 2819c (acme/User): the record `jdoe` is linked to it already. Two \
             records of the source mean one resource; correct one of them, or forget the older link"
        );
        assert_eq!(state.link(&scope(), &key("asmith")).await.unwrap(), None);
        // Another provider, another resource type: other ids.
        for other in [scope_of("globex", "User"), scope_of("acme", "Group")] {
            state.put_link(&other, &link("asmith", "2819c")).await.unwrap();
        }
    }

    #[tokio::test]
    async fn all_links_are_streamed_in_order_while_they_are_being_changed() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let total = usize::try_from(PAGE).unwrap() * 2 + 1;
        for number in 0..total {
            state.put_link(&scope(), &link(&format!("k{number:05}"), &format!("r{number}"))).await.unwrap();
        }
        let mut links = state.links(&scope());
        let mut seen = Vec::new();
        while let Some(link) = links.try_next().await.unwrap() {
            assert!(state.forget_link(&scope(), &link.key).await.unwrap());
            seen.push(link.key.as_str().to_owned());
        }
        let expected: Vec<_> = (0..total).map(|number| format!("k{number:05}")).collect();
        assert_eq!(seen, expected);
        assert_eq!(state.count_links(&scope(), None).await.unwrap(), 0);
        assert!(!state.forget_link(&scope(), &key("k00000")).await.unwrap());
    }

    #[tokio::test]
    async fn links_are_counted_by_standing() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let mut disabled = link("c", "3");
        disabled.standing = Standing::Disabled;
        for link in [link("a", "1"), link("b", "2"), disabled] {
            state.put_link(&scope(), &link).await.unwrap();
        }
        assert_eq!(state.count_links(&scope(), None).await.unwrap(), 3);
        assert_eq!(state.count_links(&scope(), Some(Standing::Active)).await.unwrap(), 2);
        assert_eq!(state.count_links(&scope(), Some(Standing::Disabled)).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn links_that_are_due_come_in_the_order_in_which_they_fell_due() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let total = PAGE + 2;
        for number in 0..total {
            // Several fall due at the same moment, and that is no reason to lose one between two pages.
            let due_at = Some(moment((total - number) / 300));
            let link = Link { due_at, ..link(&format!("k{number:05}"), &format!("r{number}")) };
            state.put_link(&scope(), &link).await.unwrap();
        }
        state.put_link(&scope(), &link("never", "x")).await.unwrap();
        let later = Link { due_at: Some(moment(10_001)), ..link("later", "y") };
        state.put_link(&scope(), &later).await.unwrap();

        let mut due = state.links_due(&scope(), moment(10_000));
        let mut seen = Vec::new();
        while let Some(link) = due.try_next().await.unwrap() {
            seen.push((link.due_at.unwrap(), link.key.as_str().to_owned()));
            state.put_link(&scope(), &Link { due_at: Some(moment(20_000)), ..link }).await.unwrap();
        }
        assert_eq!(seen.len(), usize::try_from(total).unwrap());
        assert!(seen.is_sorted());
        assert_eq!(state.links_due(&scope(), moment(10_000)).try_next().await.unwrap(), None);
        let at_its_moment = state.links_due(&scope(), moment(10_001)).try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(at_its_moment, [later]);
    }

    #[tokio::test]
    async fn a_link_that_somebody_damaged_by_hand_is_reported_with_its_column() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        state.put_link(&scope(), &link("jdoe", "2819c")).await.unwrap();
        sqlx::query("UPDATE links SET ownership = 'stolen'")
            .execute(&mut *state.shared.writer("damage it").await.unwrap())
            .await
            .unwrap();
        let error = state.link(&scope(), &key("jdoe")).await.unwrap_err();
        assert!(matches!(error, StateError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains("column ownership of a link: `stolen` is not known"), "{error}");
    }
}
