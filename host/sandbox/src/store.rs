//! Everything the sandbox remembers: users, groups, who belongs to what, and the indexes over them.
//!
//! A resource is kept as the JSON text of what clients wrote, and parsed when somebody looks at it: as a tree
//! of values 100,000 users take more than 600 MB, as text less than a quarter of it. What can be computed is
//! not kept at all: `schemas`, `meta`, a user's `groups`, and the `$ref`, `type` and `display` of a member.
//!
//! `id`, `userName`, `externalId` and membership are found by hash. Listing walks a vector of row numbers in
//! the order of creation, so that a page costs what is on it, however deep it lies.

use crate::kind::Kind;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::fmt;
use uuid::Uuid;

/// The identifier the sandbox gives to a resource. It never comes back after a deletion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ResourceId(Uuid);

impl ResourceId {
    /// The identifier a client wrote. `id` compares with case (RFC 7643 section 3.1), so only the exact
    /// spelling the sandbox handed out is one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id = Self(Uuid::try_parse(text).ok()?);
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One entry of a group's `members`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Member {
    /// The user or group that belongs.
    pub(crate) id: ResourceId,
    /// A `display` that a client wrote; without one the member's own name is shown.
    pub(crate) display: Option<Box<str>>,
}

/// What clients wrote about one resource: checked, with canonical names, nothing computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Content {
    /// The attributes without `members`, extensions under their URN.
    pub(crate) attributes: Map<String, Value>,
    /// The members of a group.
    pub(crate) members: Vec<Member>,
}

impl Content {
    fn text(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).and_then(Value::as_str)
    }

    /// RFC 7643 section 4.1.1: a userName is unique without regard to case.
    fn user_name_key(&self) -> Option<Box<str>> {
        self.text("userName").map(folded)
    }

    fn external_id_key(&self) -> Option<Box<str>> {
        self.text("externalId").map(Into::into)
    }

    fn label(&self) -> Box<str> {
        self.text("displayName").or_else(|| self.text("userName")).unwrap_or_default().into()
    }
}

fn folded(user_name: &str) -> Box<str> {
    user_name.to_lowercase().into()
}

/// One stored resource.
#[derive(Debug)]
pub(crate) struct Row {
    /// The identifier.
    pub(crate) id: ResourceId,
    /// When it was created.
    pub(crate) created: Timestamp,
    /// When something a client can write was last changed.
    pub(crate) modified: Timestamp,
    /// Counts the changes, from 1.
    version: u64,
    attributes: Box<str>,
    members: Box<[Member]>,
    label: Box<str>,
}

impl Row {
    /// The entity tag (RFC 7644 section 3.14). It covers what clients can write; `groups` of a user is
    /// derived from the groups, which have versions of their own.
    pub(crate) fn version(&self) -> String {
        format!("W/\"{}\"", self.version)
    }

    /// What clients wrote.
    pub(crate) fn content(&self) -> Content {
        Content { attributes: self.attributes(), members: self.members.to_vec() }
    }

    /// What clients wrote, without the members.
    pub(crate) fn attributes(&self) -> Map<String, Value> {
        // `fill` wrote this text from a map, so that it parses back into one.
        serde_json::from_str(&self.attributes).unwrap_or_default()
    }

    /// The members of a group; empty for a user.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// How the resource is called where another one lists it.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    fn fill(&mut self, content: Content) {
        self.label = content.label();
        self.attributes = Value::Object(content.attributes).to_string().into();
        self.members = content.members.into();
    }
}

/// A userName that another resource has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// The resource that has it.
    pub(crate) holder: ResourceId,
}

/// The number of a row: grows with every creation, and is never given twice.
type RowNumber = u64;

/// The resources of one type.
#[derive(Debug, Default)]
struct Table {
    rows: HashMap<RowNumber, Row>,
    /// The numbers of all rows, ascending.
    order: Vec<RowNumber>,
    last: RowNumber,
    by_id: HashMap<ResourceId, RowNumber>,
    by_user_name: HashMap<Box<str>, RowNumber>,
    /// Nothing says that an externalId is unique; RFC 7643 section 3.1 leaves that to the client.
    by_external_id: HashMap<Box<str>, Vec<RowNumber>>,
}

impl Table {
    fn get(&self, id: ResourceId) -> Option<&Row> {
        self.rows.get(self.by_id.get(&id)?)
    }

    fn get_mut(&mut self, id: ResourceId) -> Option<&mut Row> {
        self.rows.get_mut(self.by_id.get(&id)?)
    }

    fn user_name_is_free(&self, content: &Content, asking: Option<RowNumber>) -> Result<(), Taken> {
        let holder = content.user_name_key().and_then(|key| self.by_user_name.get(&key));
        match holder.filter(|holder| Some(**holder) != asking).and_then(|holder| self.rows.get(holder)) {
            Some(row) => Err(Taken { holder: row.id }),
            None => Ok(()),
        }
    }

    fn index(&mut self, number: RowNumber, content: &Content) {
        if let Some(key) = content.user_name_key() {
            self.by_user_name.insert(key, number);
        }
        if let Some(key) = content.external_id_key() {
            self.by_external_id.entry(key).or_default().push(number);
        }
    }

    fn forget(&mut self, number: RowNumber, content: &Content) {
        if let Some(key) = content.user_name_key() {
            self.by_user_name.remove(&key);
        }
        if let Some(key) = content.external_id_key()
            && let Some(numbers) = self.by_external_id.get_mut(&key)
        {
            numbers.retain(|it| *it != number);
            if numbers.is_empty() {
                self.by_external_id.remove(&key);
            }
        }
    }

    fn insert(&mut self, content: Content, now: Timestamp) -> Result<ResourceId, Taken> {
        self.user_name_is_free(&content, None)?;
        let id = ResourceId(Uuid::new_v4());
        self.last += 1;
        self.order.push(self.last);
        self.by_id.insert(id, self.last);
        self.index(self.last, &content);
        let mut row = Row {
            id,
            created: now,
            modified: now,
            version: 1,
            attributes: Box::default(),
            members: Box::default(),
            label: Box::default(),
        };
        row.fill(content);
        self.rows.insert(self.last, row);
        Ok(id)
    }

    fn replace(&mut self, id: ResourceId, content: Content, now: Timestamp) -> Result<(), Taken> {
        let Some(&number) = self.by_id.get(&id) else { return Ok(()) };
        self.user_name_is_free(&content, Some(number))?;
        if let Some(old) = self.rows.get(&number).map(Row::content) {
            self.forget(number, &old);
        }
        self.index(number, &content);
        if let Some(row) = self.rows.get_mut(&number) {
            row.fill(content);
            row.modified = now;
            row.version += 1;
        }
        Ok(())
    }

    fn remove(&mut self, id: ResourceId) -> Option<Row> {
        let number = self.by_id.remove(&id)?;
        let row = self.rows.remove(&number)?;
        self.forget(number, &row.content());
        if let Ok(place) = self.order.binary_search(&number) {
            self.order.remove(place);
        }
        Some(row)
    }
}

/// Everything the sandbox remembers.
#[derive(Debug, Default)]
pub(crate) struct Store {
    users: Table,
    groups: Table,
    /// The groups that list a resource as a member.
    listed_by: HashMap<ResourceId, HashSet<ResourceId>>,
}

impl Store {
    fn table(&self, kind: Kind) -> &Table {
        match kind {
            Kind::User => &self.users,
            Kind::Group => &self.groups,
        }
    }

    fn table_mut(&mut self, kind: Kind) -> &mut Table {
        match kind {
            Kind::User => &mut self.users,
            Kind::Group => &mut self.groups,
        }
    }

    /// How many resources of a type there are.
    pub(crate) fn len(&self, kind: Kind) -> usize {
        self.table(kind).order.len()
    }

    /// The resource with this identifier.
    pub(crate) fn get(&self, kind: Kind, id: ResourceId) -> Option<&Row> {
        self.table(kind).get(id)
    }

    /// The resource of any type with this identifier.
    pub(crate) fn find(&self, id: ResourceId) -> Option<(Kind, &Row)> {
        Kind::ALL.into_iter().find_map(|kind| Some((kind, self.get(kind, id)?)))
    }

    /// The resources of a type in the order of their creation, without the first `skip`.
    pub(crate) fn rows(&self, kind: Kind, skip: usize) -> impl Iterator<Item = &Row> {
        let table = self.table(kind);
        table.order.iter().skip(skip).filter_map(|number| table.rows.get(number))
    }

    /// The resource with this userName, compared without case.
    pub(crate) fn with_user_name(&self, kind: Kind, user_name: &str) -> Option<&Row> {
        let table = self.table(kind);
        table.rows.get(table.by_user_name.get(&folded(user_name))?)
    }

    /// The resources with this externalId, in the order of their creation.
    pub(crate) fn with_external_id(&self, kind: Kind, external_id: &str) -> Vec<&Row> {
        let table = self.table(kind);
        let mut numbers = table.by_external_id.get(external_id).cloned().unwrap_or_default();
        numbers.sort_unstable();
        numbers.iter().filter_map(|number| table.rows.get(number)).collect()
    }

    /// The groups that list the resource as a member, in the order of their creation.
    pub(crate) fn groups_listing(&self, id: ResourceId) -> Vec<&Row> {
        let Some(ids) = self.listed_by.get(&id) else { return Vec::new() };
        let mut numbers: Vec<_> = ids.iter().filter_map(|id| self.groups.by_id.get(id)).collect();
        numbers.sort_unstable();
        numbers.into_iter().filter_map(|number| self.groups.rows.get(number)).collect()
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// [`Taken`] when another resource has the userName; nothing was added then.
    pub(crate) fn insert(
        &mut self,
        kind: Kind,
        content: Content,
        now: Timestamp,
    ) -> Result<ResourceId, Taken> {
        let members = content.members.clone();
        let id = self.table_mut(kind).insert(content, now)?;
        self.enlist(id, &members);
        Ok(id)
    }

    /// Puts new content in the place of the old.
    ///
    /// # Errors
    /// [`Taken`] when another resource has the userName; nothing was changed then.
    pub(crate) fn replace(
        &mut self,
        kind: Kind,
        id: ResourceId,
        content: Content,
        now: Timestamp,
    ) -> Result<(), Taken> {
        let before = self.get(kind, id).map(|row| row.members.to_vec()).unwrap_or_default();
        let after = content.members.clone();
        self.table_mut(kind).replace(id, content, now)?;
        self.delist(id, &before);
        self.enlist(id, &after);
        Ok(())
    }

    /// Removes a resource, and with it every mention among the members of groups.
    pub(crate) fn remove(&mut self, kind: Kind, id: ResourceId, now: Timestamp) {
        if let Some(row) = self.table_mut(kind).remove(id) {
            self.delist(id, &row.members);
        }
        for group in self.listed_by.remove(&id).unwrap_or_default() {
            if let Some(row) = self.groups.get_mut(group) {
                row.members = row.members.iter().filter(|member| member.id != id).cloned().collect();
                row.modified = now;
                row.version += 1;
            }
        }
    }

    fn enlist(&mut self, group: ResourceId, members: &[Member]) {
        for member in members {
            self.listed_by.entry(member.id).or_default().insert(group);
        }
    }

    fn delist(&mut self, group: ResourceId, members: &[Member]) {
        for member in members {
            if let Some(groups) = self.listed_by.get_mut(&member.id) {
                groups.remove(&group);
                if groups.is_empty() {
                    self.listed_by.remove(&member.id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn user(user_name: &str, external_id: &str) -> Content {
        let Value::Object(attributes) = json!({ "userName": user_name, "externalId": external_id }) else {
            unreachable!()
        };
        Content { attributes, members: Vec::new() }
    }

    fn group(members: &[ResourceId]) -> Content {
        let members = members.iter().map(|id| Member { id: *id, display: None }).collect();
        Content { attributes: Map::new(), members }
    }

    #[test]
    fn a_user_name_is_taken_whatever_its_case_until_its_holder_lets_go() {
        let mut store = Store::default();
        let first = store.insert(Kind::User, user("Zoë", "1"), NOW).unwrap();
        assert_eq!(store.insert(Kind::User, user("ZOË", "2"), NOW), Err(Taken { holder: first }));
        store.replace(Kind::User, first, user("zoe", "1"), NOW).unwrap();
        assert!(store.with_user_name(Kind::User, "Zoë").is_none());
        let second = store.insert(Kind::User, user("ZOË", "2"), NOW).unwrap();
        assert_eq!(store.replace(Kind::User, first, user("zoë", "1"), NOW), Err(Taken { holder: second }));
    }

    #[test]
    fn two_resources_may_share_an_external_id_and_both_are_found_in_order() {
        let mut store = Store::default();
        let first = store.insert(Kind::User, user("a", "E1"), NOW).unwrap();
        let second = store.insert(Kind::User, user("b", "E1"), NOW).unwrap();
        store.replace(Kind::User, first, user("c", "E1"), NOW).unwrap();
        let found: Vec<_> = store.with_external_id(Kind::User, "E1").iter().map(|row| row.id).collect();
        assert_eq!(found, [first, second]);
        store.remove(Kind::User, first, NOW);
        assert_eq!(store.with_external_id(Kind::User, "E1").len(), 1);
        assert!(store.with_external_id(Kind::User, "e1").is_empty(), "externalId compares with case");
    }

    #[test]
    fn a_deleted_resource_leaves_a_gapless_list_behind() {
        let mut store = Store::default();
        let ids: Vec<_> =
            (0..5).map(|n| store.insert(Kind::User, user(&n.to_string(), ""), NOW).unwrap()).collect();
        store.remove(Kind::User, ids[1], NOW);
        let listed: Vec<_> = store.rows(Kind::User, 1).map(|row| row.id).collect();
        assert_eq!(listed, ids[2..]);
        assert_eq!(store.len(Kind::User), 4);
    }

    #[test]
    fn deleting_a_member_changes_the_groups_that_listed_it() {
        let mut store = Store::default();
        let person = store.insert(Kind::User, user("a", ""), NOW).unwrap();
        let inner = store.insert(Kind::Group, group(&[person]), NOW).unwrap();
        let outer = store.insert(Kind::Group, group(&[inner]), NOW).unwrap();
        store.remove(Kind::User, person, NOW);
        let row = store.get(Kind::Group, inner).unwrap();
        assert!(row.members().is_empty());
        assert_eq!(row.version(), "W/\"2\"");
        store.remove(Kind::Group, inner, NOW);
        assert!(store.get(Kind::Group, outer).unwrap().members().is_empty());
        assert!(store.groups_listing(person).is_empty());
    }

    #[test]
    fn a_group_that_drops_a_member_is_no_longer_found_from_it() {
        let mut store = Store::default();
        let person = store.insert(Kind::User, user("a", ""), NOW).unwrap();
        let team = store.insert(Kind::Group, group(&[person]), NOW).unwrap();
        assert_eq!(store.groups_listing(person).len(), 1);
        store.replace(Kind::Group, team, group(&[]), NOW).unwrap();
        assert!(store.groups_listing(person).is_empty());
    }

    #[test]
    fn only_the_spelling_that_was_handed_out_is_an_identifier() {
        let id = ResourceId(Uuid::new_v4()).to_string();
        assert!(ResourceId::parse(&id).is_some());
        assert!(ResourceId::parse(&id.to_uppercase()).is_none() || id == id.to_uppercase());
        assert!(ResourceId::parse(&id.replace('-', "")).is_none());
        assert!(ResourceId::parse("bjensen").is_none());
    }
}
