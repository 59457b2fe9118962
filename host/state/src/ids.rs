//! Many links at a time, and only the part of them that is asked for.
//!
//! A group names its members by their records, and the provider wants ids: a thousand of them for one group. To read
//! a thousand links with all that was ever sent would be a waste.

use crate::error::StateError;
use crate::link::{Link, link_columns, read_link};
use crate::pass::{Noted, Pass};
use crate::store::Shared;
use crate::tenant::{LinkScope, Reading, TenantState, to_millis};
use jiff::Timestamp;
use scimwright_record::RecordKey;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use std::collections::HashSet;

/// How many keys one statement takes.
const BATCH: usize = 500;

impl TenantState {
    /// The ids of the resources that these records have, as far as they have any.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn resource_ids(
        &self,
        scope: &LinkScope,
        keys: &[RecordKey],
    ) -> Result<Vec<(RecordKey, String)>, StateError> {
        const SQL: &str = "SELECT l.key, l.resource_id FROM json_each(?4) k CROSS JOIN links l \
                           ON l.tenant = ?1 AND l.provider = ?2 AND l.resource_type = ?3 AND l.key = k.value";
        let read = |shared: &Shared, row: &SqliteRow| {
            let reading = Reading { shared, what: "a link", row };
            Ok((reading.parse("key", RecordKey::parse)?, reading.get("resource_id")?))
        };
        self.by_keys((SQL, "read the ids of resources"), scope, keys, read).await
    }

    /// The links of these records, as far as they have any.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be read.
    pub async fn links_of(&self, scope: &LinkScope, keys: &[RecordKey]) -> Result<Vec<Link>, StateError> {
        const SQL: &str = concat!(
            "SELECT ",
            link_columns!(),
            " FROM json_each(?4) k CROSS JOIN links l",
            " ON l.tenant = ?1 AND l.provider = ?2 AND l.resource_type = ?3 AND l.key = k.value"
        );
        self.by_keys((SQL, "read the links of several records"), scope, keys, read_link).await
    }

    /// What a statement finds for these keys, a batch at a time. The keys are its fourth parameter, after the scope.
    async fn by_keys<T>(
        &self,
        (sql, doing): (&'static str, &'static str),
        scope: &LinkScope,
        keys: &[RecordKey],
        read: fn(&Shared, &SqliteRow) -> Result<T, StateError>,
    ) -> Result<Vec<T>, StateError> {
        let mut found = Vec::with_capacity(keys.len());
        for batch in keys.chunks(BATCH) {
            let batch: Vec<&str> = batch.iter().map(RecordKey::as_str).collect();
            let rows = sqlx::query(sql)
                .bind(self.tenant())
                .bind(scope.provider.as_str())
                .bind(scope.resource_type.as_str())
                .bind(json!(batch).to_string())
                .fetch_all(&mut *self.shared.reader().await)
                .await
                .map_err(self.shared.sql(doing))?;
            for row in &rows {
                found.push(read(&self.shared, row)?);
            }
        }
        Ok(found)
    }

    /// Notes what a record was when its resource was last brought up to date, and when it has to be looked at again.
    /// Nothing else of the link changes, and nothing happens where there is none.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn mark_link(
        &self,
        scope: &LinkScope,
        key: &RecordKey,
        fingerprint: Option<&str>,
        due_at: Option<Timestamp>,
    ) -> Result<(), StateError> {
        const SQL: &str = "UPDATE links SET fingerprint = ?5, due_at = ?6 \
                           WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 AND key = ?4";
        let mut connection = self.shared.writer("mark a link").await?;
        sqlx::query(SQL)
            .bind(self.tenant())
            .bind(scope.provider.as_str())
            .bind(scope.resource_type.as_str())
            .bind(key.as_str())
            .bind(fingerprint)
            .bind(due_at.map(to_millis))
            .execute(&mut *connection)
            .await
            .map_err(self.shared.sql("mark a link"))?;
        Ok(())
    }
}

impl Pass {
    /// Notes many keys with their places and [what their rows say](Self::note_as), in this order: whether each is new.
    /// Of two with one key the first is.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be written.
    pub async fn note_all(&self, rows: &[(RecordKey, String, String)]) -> Result<Vec<Noted>, StateError> {
        const SQL: &str = "INSERT INTO pass_seen (pass, key, position, content) \
                           SELECT ?1, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?2) \
                           WHERE true ON CONFLICT DO NOTHING RETURNING key";
        let mut noted = Vec::with_capacity(rows.len());
        for batch in rows.chunks(BATCH) {
            let values: Vec<_> =
                batch.iter().map(|(key, place, content)| json!([key.as_str(), place, content])).collect();
            let inserted = sqlx::query_scalar::<_, String>(SQL)
                .bind(self.number)
                .bind(json!(values).to_string())
                .fetch_all(&mut *self.state.shared.reader().await)
                .await
                .map_err(self.state.shared.sql("note records of the source"))?;
            let mut new: HashSet<String> = inserted.into_iter().collect();
            for (key, place, content) in batch {
                noted.push(match new.remove(key.as_str()) {
                    true => Noted::First,
                    false => self.note_as(key, place, content).await?,
                });
            }
        }
        Ok(noted)
    }

    /// The groups that have members in the membership table and were not noted: their keys, the first few, and how many
    /// memberships each has. Only for a pass in which every group was read.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be read.
    pub async fn unknown_groups(&self, limit: u32) -> Result<Vec<(RecordKey, u64)>, StateError> {
        const SQL: &str = "SELECT m.group_key, count(*) AS members FROM pass_members m WHERE m.pass = ?1 \
                           AND NOT EXISTS (SELECT 1 FROM pass_seen s WHERE s.pass = ?1 AND s.key = m.group_key) \
                           GROUP BY m.group_key ORDER BY m.group_key LIMIT ?2";
        let rows = sqlx::query(SQL)
            .bind(self.number)
            .bind(limit)
            .fetch_all(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("look for groups that nobody knows"))?;
        rows.iter()
            .map(|row| {
                let reading = Reading { shared: &self.state.shared, what: "a membership", row };
                let members: i64 = row.get("members");
                Ok((reading.parse("group_key", RecordKey::parse)?, members.unsigned_abs()))
            })
            .collect()
    }

    /// Whether the key was noted, released or not.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be read.
    pub async fn is_noted(&self, key: &RecordKey) -> Result<bool, StateError> {
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pass_seen WHERE pass = ?1 AND key = ?2)")
            .bind(self.number)
            .bind(key.as_str())
            .fetch_one(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("look up a record of the source"))
    }

    /// Forgets the setbacks of records that are not there any more: neither noted nor linked. Only for a pass in which
    /// everything was read. How many there were.
    ///
    /// # Errors
    /// [`StateError`] when the file cannot be written.
    pub async fn forget_setbacks(&self) -> Result<u64, StateError> {
        const DOING: &str = "forget the setbacks of records that are gone";
        const SQL: &str = "DELETE FROM setbacks WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 \
                           AND NOT EXISTS (SELECT 1 FROM pass_seen s WHERE s.pass = ?4 AND s.key = setbacks.key) \
                           AND NOT EXISTS (SELECT 1 FROM links l WHERE l.tenant = ?1 AND l.provider = ?2 \
                           AND l.resource_type = ?3 AND l.key = setbacks.key)";
        let state = &self.state;
        let mut connection = state.shared.writer(DOING).await?;
        let done = sqlx::query(SQL)
            .bind(state.tenant())
            .bind(self.scope.provider.as_str())
            .bind(self.scope.resource_type.as_str())
            .bind(self.number)
            .execute(&mut *connection)
            .await
            .map_err(state.shared.sql(DOING))?;
        Ok(done.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use crate::SetbackKind;
    use crate::fixture::{Scratch, key, link, scope, scope_of, setback};
    use crate::pass::Noted;
    use futures::TryStreamExt;

    #[tokio::test]
    async fn ids_come_for_the_records_that_have_a_resource_in_this_scope() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        for (record, id) in [("a", "1"), ("b", "2")] {
            state.put_link(&scope(), &link(record, id)).await.unwrap();
        }
        state.put_link(&scope_of("globex", "User"), &link("c", "3")).await.unwrap();
        let many: Vec<_> = (0..600).map(|number| key(&format!("n{number}"))).collect();
        let keys: Vec<_> = many.into_iter().chain([key("b"), key("c"), key("a")]).collect();
        let mut ids = state.resource_ids(&scope(), &keys).await.unwrap();
        ids.sort();
        assert_eq!(ids, [(key("a"), "1".to_owned()), (key("b"), "2".to_owned())]);
    }

    #[tokio::test]
    async fn a_mark_changes_nothing_else_of_a_link() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let before = link("a", "1");
        state.put_link(&scope(), &before).await.unwrap();
        let due = "2026-12-31T00:00:00Z".parse().unwrap();
        state.mark_link(&scope(), &key("a"), Some("f00d"), Some(due)).await.unwrap();
        state.mark_link(&scope(), &key("nobody"), Some("f00d"), None).await.unwrap();
        let after = state.link(&scope(), &key("a")).await.unwrap().unwrap();
        assert_eq!((after.fingerprint.as_deref(), after.due_at), (Some("f00d"), Some(due)));
        assert_eq!(
            crate::Link { fingerprint: before.fingerprint.clone(), due_at: before.due_at, ..after },
            before
        );
        assert_eq!(state.link(&scope(), &key("nobody")).await.unwrap(), None);
    }

    #[tokio::test]
    async fn many_keys_are_noted_at_once_and_of_two_alike_the_first_counts() {
        let scratch = Scratch::open().await;
        let pass = scratch.tenant().begin_pass(&scope()).await.unwrap();
        pass.note(&key("old"), "line 2").await.unwrap();
        let rows = [("a", "x"), ("old", "y"), ("b", "x"), ("a", "x"), ("b", "z")].into_iter().enumerate();
        let row = |(line, (name, content)): (usize, (&str, &str))| {
            (key(name), format!("line {}", line + 3), content.to_owned())
        };
        let rows: Vec<_> = rows.map(row).collect();
        let noted = pass.note_all(&rows).await.unwrap();
        let duplicate = |of: &str, same| Noted::Duplicate { of: of.to_owned(), same };
        let expected = [
            Noted::First,
            duplicate("line 2", false),
            Noted::First,
            duplicate("line 3", true),
            duplicate("line 5", false),
        ];
        assert_eq!(noted, expected);
        assert_eq!(pass.count_noted().await.unwrap(), 3);
    }

    #[tokio::test]
    async fn setbacks_of_records_that_are_neither_there_nor_linked_are_forgotten() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        for record in ["there", "linked", "gone"] {
            state.put_setback(&scope(), &setback(record, SetbackKind::Permanent, None)).await.unwrap();
        }
        state.put_setback(&scope(), &setback("skipped", SetbackKind::Skipped, None)).await.unwrap();
        state.put_link(&scope(), &link("linked", "1")).await.unwrap();
        let pass = state.begin_pass(&scope()).await.unwrap();
        pass.note(&key("there"), "line 2").await.unwrap();
        assert_eq!(pass.forget_setbacks().await.unwrap(), 2);
        let left: Vec<_> =
            state.setbacks(&scope(), None).map_ok(|left| left.key).try_collect().await.unwrap();
        assert_eq!(left, [key("linked"), key("there")]);
    }

    #[tokio::test]
    async fn groups_that_nobody_knows_are_named_with_their_memberships() {
        let scratch = Scratch::open().await;
        let pass = scratch.tenant().begin_pass(&scope()).await.unwrap();
        pass.note(&key("blue"), "line 2").await.unwrap();
        let user = scimwright_record::ResourceTypeName::parse("User").unwrap();
        for (group, member) in [("blue", "a"), ("red", "a"), ("red", "b"), ("green", "a")] {
            pass.note_member(&key(group), &user, &key(member), None).await.unwrap();
        }
        assert_eq!(pass.unknown_groups(9).await.unwrap(), [(key("green"), 1), (key("red"), 2)]);
        assert_eq!(pass.unknown_groups(1).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn links_come_for_the_records_that_have_one() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let stored = link("a", "1");
        state.put_link(&scope(), &stored).await.unwrap();
        state.put_link(&scope_of("globex", "User"), &link("b", "2")).await.unwrap();
        assert_eq!(state.links_of(&scope(), &[key("b"), key("a")]).await.unwrap(), [stored]);
    }

    #[tokio::test]
    async fn a_released_key_is_noted_all_the_same() {
        let scratch = Scratch::open().await;
        let pass = scratch.tenant().begin_pass(&scope()).await.unwrap();
        pass.note(&key("a"), "line 2").await.unwrap();
        pass.release(&key("a"), "out of scope").await.unwrap();
        assert!(pass.is_noted(&key("a")).await.unwrap());
        assert!(!pass.is_noted(&key("b")).await.unwrap());
    }
}
