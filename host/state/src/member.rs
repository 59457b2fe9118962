//! The memberships that a pass read, on disk: who is in which group, and until when.
//!
//! A source lists them in an order of its own and a group may have more members than fit in memory at ease, so they
//! are put aside first and asked for group by group. A group inside a group is followed where the caller wants its
//! members in its place, however deep, and whether or not groups contain each other.

use crate::error::StateError;
use crate::pass::Pass;
use crate::tenant::{Reading, to_millis};
use jiff::Timestamp;
use scimwright_record::{RecordKey, ResourceTypeName};
use serde_json::json;

/// Stands in the table for a membership without an end, so that the latest of several is the largest number.
const NO_END: i64 = i64::MAX;

/// One member of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The group's record.
    pub group: RecordKey,
    /// Which resource type the member's record becomes.
    pub resource_type: ResourceTypeName,
    /// The member's record.
    pub key: RecordKey,
    /// When the membership ends; `None` where no end is known. It may be in the past.
    pub until: Option<Timestamp>,
}

impl Pass {
    /// Notes that a group has a member. Twice the same one is one, with the later end.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be written.
    pub async fn note_member(
        &self,
        group: &RecordKey,
        member_type: &ResourceTypeName,
        member: &RecordKey,
        until: Option<Timestamp>,
    ) -> Result<(), StateError> {
        let (group, resource_type, key) = (group.clone(), member_type.clone(), member.clone());
        self.note_members(&[Member { group, resource_type, key, until }]).await
    }

    /// Notes many members, all or none. A few hundred at a time go a good deal faster than one by one.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be written.
    pub async fn note_members(&self, members: &[Member]) -> Result<(), StateError> {
        // `WHERE true` tells SQLite's parser that ON belongs to the INSERT.
        const SQL: &str = "INSERT INTO pass_members (pass, group_key, member_type, member_key, until) \
                           SELECT ?1, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?2) \
                           WHERE true ON CONFLICT DO UPDATE SET until = max(until, excluded.until)";
        let rows: Vec<_> = members
            .iter()
            .map(|member| {
                let until = member.until.map_or(NO_END, to_millis);
                json!([member.group.as_str(), member.resource_type.as_str(), member.key.as_str(), until])
            })
            .collect();
        sqlx::query(SQL)
            .bind(self.number)
            .bind(json!(rows).to_string())
            .execute(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("note the members of a group"))?;
        Ok(())
    }

    /// The members of a group, each once, in the order of their types and keys: `limit` of them and one more, so
    /// that the caller can tell that there are too many.
    ///
    /// With `flatten`, members of that type are groups of this pass, and stand for their own members. A member then
    /// ends when the first membership on the way to it does, and where several ways lead to it, with the last of them.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be read.
    pub async fn members(
        &self,
        group: &RecordKey,
        flatten: Option<&ResourceTypeName>,
        limit: usize,
    ) -> Result<Vec<Member>, StateError> {
        const DIRECT: &str = "SELECT member_type, member_key, until FROM pass_members \
                              WHERE pass = ?1 AND group_key = ?2 ORDER BY member_type, member_key LIMIT ?3";
        // A group is visited once for each end with which it is reached; there are finitely many, so groups that
        // contain each other come to an end.
        const FLATTENED: &str = "WITH RECURSIVE reached (key, until) AS ( \
                VALUES (?2, 9223372036854775807) \
                UNION SELECT m.member_key, min(r.until, m.until) FROM reached r CROSS JOIN pass_members m \
                ON m.pass = ?1 AND m.group_key = r.key AND m.member_type = ?4 \
            ), groups (key, until) AS MATERIALIZED (SELECT key, max(until) FROM reached GROUP BY key) \
            SELECT m.member_type, m.member_key, max(min(g.until, m.until)) AS until \
            FROM groups g CROSS JOIN pass_members m ON m.pass = ?1 AND m.group_key = g.key AND m.member_type <> ?4 \
            GROUP BY m.member_type, m.member_key ORDER BY m.member_type, m.member_key LIMIT ?3";
        let bound = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let query = sqlx::query(if flatten.is_some() { FLATTENED } else { DIRECT })
            .bind(self.number)
            .bind(group.as_str())
            .bind(bound);
        let query = match flatten {
            Some(nested) => query.bind(nested.as_str()),
            None => query,
        };
        let rows = query
            .fetch_all(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("read the members of a group"))?;
        rows.iter()
            .map(|row| {
                let reading = Reading { shared: &self.state.shared, what: "a member", row };
                let until = match reading.get::<i64>("until")? {
                    NO_END => None,
                    _ => Some(reading.moment("until")?),
                };
                Ok(Member {
                    group: group.clone(),
                    resource_type: reading.parse("member_type", ResourceTypeName::parse)?,
                    key: reading.parse("member_key", RecordKey::parse)?,
                    until,
                })
            })
            .collect()
    }

    /// Whether at least one of the groups that were noted has a link, and at least one of the members.
    ///
    /// # Errors
    /// [`StateError`] when the tables cannot be read.
    pub async fn knows_members(&self) -> Result<(bool, bool), StateError> {
        const SQL: &str = "SELECT EXISTS (SELECT 1 FROM pass_members m CROSS JOIN links l ON l.tenant = ?2 \
                           AND l.provider = ?3 AND l.resource_type = ?4 AND l.key = m.group_key WHERE m.pass = ?1), \
                           EXISTS (SELECT 1 FROM pass_members m CROSS JOIN links l ON l.tenant = ?2 \
                           AND l.provider = ?3 AND l.resource_type = m.member_type AND l.key = m.member_key \
                           WHERE m.pass = ?1)";
        sqlx::query_as::<_, (bool, bool)>(SQL)
            .bind(self.number)
            .bind(self.state.tenant())
            .bind(self.scope.provider.as_str())
            .bind(self.scope.resource_type.as_str())
            .fetch_one(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("look up the members of groups"))
    }

    /// How many of the memberships are those of a member with a link in a group with one, each once.
    ///
    /// # Errors
    /// [`StateError`] when the tables cannot be read.
    pub async fn count_known_members(&self) -> Result<u64, StateError> {
        const SQL: &str = "SELECT count(*) FROM pass_members m \
                           CROSS JOIN links g ON g.tenant = ?2 AND g.provider = ?3 AND g.resource_type = ?4 \
                           AND g.key = m.group_key \
                           CROSS JOIN links l ON l.tenant = ?2 AND l.provider = ?3 AND l.resource_type = m.member_type \
                           AND l.key = m.member_key WHERE m.pass = ?1";
        let count: i64 = sqlx::query_scalar(SQL)
            .bind(self.number)
            .bind(self.state.tenant())
            .bind(self.scope.provider.as_str())
            .bind(self.scope.resource_type.as_str())
            .fetch_one(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("count the members of groups"))?;
        Ok(count.unsigned_abs())
    }

    /// How many memberships were noted, of all groups together.
    ///
    /// # Errors
    /// [`StateError`] when the temporary tables cannot be read.
    pub async fn count_members(&self) -> Result<u64, StateError> {
        let count: i64 = sqlx::query_scalar("SELECT count(*) FROM pass_members WHERE pass = ?1")
            .bind(self.number)
            .fetch_one(&mut *self.state.shared.reader().await)
            .await
            .map_err(self.state.shared.sql("count the members of groups"))?;
        Ok(count.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Scratch, key, moment, scope_of};

    fn resource_type(text: &str) -> ResourceTypeName {
        ResourceTypeName::parse(text).unwrap()
    }

    /// `a` for a user of that key, `@a` for a group; `a<5` ends at that moment.
    fn member(group: &str, text: &str) -> Member {
        let (name, until) = match text.split_once('<') {
            Some((name, until)) => (name, Some(moment(until.parse().unwrap()))),
            None => (text, None),
        };
        let (kind, name) = match name.strip_prefix('@') {
            Some(name) => ("Group", name),
            None => ("User", name),
        };
        Member { group: key(group), resource_type: resource_type(kind), key: key(name), until }
    }

    async fn pass(groups: &[(&str, &[&str])]) -> (Scratch, Pass) {
        let scratch = Scratch::open().await;
        let pass = scratch.tenant().begin_pass(&scope_of("acme", "Group")).await.unwrap();
        for (group, members) in groups {
            for text in *members {
                let Member { group, resource_type, key, until } = member(group, text);
                pass.note_member(&group, &resource_type, &key, until).await.unwrap();
            }
        }
        (scratch, pass)
    }

    async fn direct(pass: &Pass, group: &str) -> Vec<Member> {
        pass.members(&key(group), None, 100).await.unwrap()
    }

    async fn flat(pass: &Pass, group: &str) -> Vec<Member> {
        pass.members(&key(group), Some(&resource_type("Group")), 100).await.unwrap()
    }

    #[tokio::test]
    async fn direct_members_come_once_each_in_one_order() {
        let (_scratch, pass) = pass(&[("all", &["b", "@sub", "a<5", "b", "a<9", "c<3", "c"])]).await;
        let expected: Vec<_> = ["@sub", "a<9", "b", "c"].iter().map(|text| member("all", text)).collect();
        assert_eq!(direct(&pass, "all").await, expected);
        assert_eq!(direct(&pass, "sub").await, []);
        assert_eq!(pass.count_members().await.unwrap(), 4);
    }

    #[tokio::test]
    async fn nested_groups_give_way_to_their_members_at_any_depth_and_in_circles() {
        let (_scratch, pass) = pass(&[
            ("top", &["@left", "@right", "z"]),
            ("left", &["a", "@deep"]),
            ("right", &["b", "@deep", "@top"]),
            ("deep", &["c", "a", "@deep"]),
            ("other", &["x"]),
        ])
        .await;
        let expected: Vec<_> = ["a", "b", "c", "z"].iter().map(|text| member("top", text)).collect();
        assert_eq!(flat(&pass, "top").await, expected);
        let expected: Vec<_> = ["a", "c"].iter().map(|text| member("deep", text)).collect();
        assert_eq!(flat(&pass, "deep").await, expected);
    }

    #[tokio::test]
    async fn a_member_ends_with_the_weakest_link_of_its_strongest_way() {
        let (_scratch, pass) = pass(&[
            ("top", &["@short<10", "@long<50", "d<7"]),
            ("short", &["a", "b", "c<5"]),
            ("long", &["b<90", "c<20", "@back<30", "d<90"]),
            ("back", &["@top", "e"]),
        ])
        .await;
        let expected: Vec<_> =
            ["a<10", "b<50", "c<20", "d<50", "e<30"].iter().map(|text| member("top", text)).collect();
        assert_eq!(flat(&pass, "top").await, expected);
    }

    #[tokio::test]
    async fn a_group_that_is_too_large_shows_one_more_than_the_limit() {
        let (_scratch, pass) = pass(&[("top", &["@sub"])]).await;
        let total = 1_001;
        let members: Vec<_> = (0..total).map(|number| member("sub", &format!("k{number:05}"))).collect();
        pass.note_members(&members).await.unwrap();
        assert_eq!(pass.count_members().await.unwrap(), total as u64 + 1);
        for (group, flatten) in [("sub", None), ("top", Some(resource_type("Group")))] {
            let read = pass.members(&key(group), flatten.as_ref(), 10).await.unwrap();
            assert_eq!(read.len(), 11);
            assert_eq!(read[10].key, key("k00010"));
            let all = pass.members(&key(group), flatten.as_ref(), total).await.unwrap();
            assert_eq!(all.len(), total);
        }
    }

    #[tokio::test]
    async fn ten_thousand_groups_in_a_chain_are_followed_to_the_end() {
        let (_scratch, pass) = pass(&[]).await;
        let mut members: Vec<_> =
            (0..10_000).map(|number| member(&format!("g{number}"), &format!("@g{}", number + 1))).collect();
        members.push(member("g10000", "jdoe \"'é"));
        members.push(member("g10000", "@g0"));
        pass.note_members(&members).await.unwrap();
        assert_eq!(flat(&pass, "g0").await, [member("g0", "jdoe \"'é")]);
    }

    #[tokio::test]
    async fn members_go_with_their_pass_and_are_not_seen_by_another() {
        let (scratch, first) = pass(&[("top", &["a"])]).await;
        let state = scratch.tenant();
        let second = state.begin_pass(&scope_of("acme", "Group")).await.unwrap();
        assert_eq!(direct(&second, "top").await, []);
        assert_eq!(second.count_members().await.unwrap(), 0);
        drop(first);
        let _third = state.begin_pass(&scope_of("acme", "Group")).await.unwrap();
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM pass_members")
            .fetch_one(&mut *state.shared.reader().await)
            .await
            .unwrap();
        assert_eq!(rows, 0);
    }
}
