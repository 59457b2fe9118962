//! A directory of users and groups as SCIM JSON: what every server is to hold, and whether it does.
//!
//! One [`Directory`] is used against all servers, so that what differs between two runs is the server. It is
//! always the same for the same seed. What a server cannot keep is said once, in its [`Keeps`].

use crate::dice::Dice;
use crate::people::{Company, Person};
use crate::servers::Inspect;
use anyhow::{Context, ensure};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// How many members each group of a full directory has.
pub const GROUP_SIZES: [usize; 10] = [0, 1, 2, 5, 10, 20, 40, 60, 99, 120];

/// A group as it is wanted: its members by userName, since their ids are the server's to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedGroup {
    /// The key.
    pub external_id: String,
    /// Its name.
    pub display_name: String,
    /// The userNames of its members.
    pub members: BTreeSet<String>,
}

/// Users and groups as they are wanted.
#[derive(Debug, Clone)]
pub struct Directory {
    /// The users, as bodies of a POST.
    pub users: Vec<Value>,
    /// The groups.
    pub groups: Vec<WantedGroup>,
    dice: Dice,
}

impl Directory {
    /// Two hundred users and ten groups.
    #[must_use]
    pub fn full(seed: u64) -> Self {
        Self::new(seed, 200, &GROUP_SIZES)
    }

    /// So many users, and groups of these sizes.
    #[must_use]
    pub fn new(seed: u64, users: usize, group_sizes: &[usize]) -> Self {
        let company = Company::tidy(seed, users);
        let users: Vec<Value> = company.people.iter().map(user).collect();
        let mut directory = Self { users, groups: Vec::new(), dice: Dice::new(seed) };
        for (index, size) in group_sizes.iter().enumerate() {
            let members = directory.pick(*size);
            directory.groups.push(WantedGroup {
                external_id: format!("G{:03}", index + 1),
                // Quotes, commas and letters of other alphabets belong to real names.
                display_name: format!("Team {} \"{}\", Straße", index + 1, size),
                members,
            });
        }
        directory
    }

    /// Some of the users, by userName.
    fn pick(&mut self, count: usize) -> BTreeSet<String> {
        let mut names: Vec<String> = self.user_names();
        let mut picked = BTreeSet::new();
        while picked.len() < count && !names.is_empty() {
            picked.insert(names.swap_remove(self.dice.below(names.len())));
        }
        picked
    }

    /// The userNames of all users, in order.
    #[must_use]
    pub fn user_names(&self) -> Vec<String> {
        self.users.iter().map(|user| text(user, "userName").to_owned()).collect()
    }

    /// The same directory some time later: five users hired, ten renamed, three without a title, four
    /// deactivated, and each group with five or fewer members exchanged. Nobody is removed.
    #[must_use]
    pub fn later(&self) -> Self {
        let mut later = self.clone();
        let count = later.users.len();
        let hired = Self::new(0, count + 5, &[]);
        later.users.extend(hired.users.into_iter().skip(count));
        for step in 0..count.min(17) {
            let user = &mut later.users[step * count / count.min(17)];
            match step {
                0..10 => {
                    let name = format!("{} Lindqvist-O'Hara", text(&user["name"], "givenName"));
                    user["name"]["familyName"] = "Lindqvist-O'Hara".into();
                    user["name"]["formatted"] = name.clone().into();
                    user["displayName"] = name.into();
                }
                10..13 => {
                    user.as_object_mut().and_then(|user| user.remove("title"));
                }
                _ => user["active"] = false.into(),
            }
        }
        for index in 0..later.groups.len() {
            let leaving: Vec<String> = later.groups[index].members.iter().take(5).cloned().collect();
            let coming = later.pick(leaving.len());
            let members = &mut later.groups[index].members;
            members.retain(|member| !leaving.contains(member));
            members.extend(coming);
        }
        later
    }

    /// A group as the body of a POST, at a server where the users have these ids.
    ///
    /// # Errors
    /// When a member has no id.
    pub fn group_body(group: &WantedGroup, ids: &BTreeMap<String, String>) -> anyhow::Result<Value> {
        let member = |name: &String| {
            let id = ids.get(name).with_context(|| format!("{name} has no id at the server"))?;
            // RFC 7643 section 2.3.7: a reference may be relative. Canaille demands it.
            Ok(json!({ "value": id, "$ref": format!("../Users/{id}"), "type": "User" }))
        };
        let members: Vec<Value> = group.members.iter().map(member).collect::<anyhow::Result<_>>()?;
        Ok(json!({
            "schemas": [GROUP],
            "externalId": group.external_id,
            "displayName": group.display_name,
            "members": members,
        }))
    }

    /// Creates everything by plain HTTP, one POST each: for a server that was in use before our client came.
    /// What the server does not keep is not sent; some refuse it.
    ///
    /// # Errors
    /// When a POST is not answered with 201.
    pub fn put(&self, server: &dyn Inspect) -> anyhow::Result<()> {
        let (http, keeps) = (server.http()?, server.keeps());
        let create = |endpoint: &str, body: &Value| {
            let body = keeps.only(body);
            let answer = http.call("POST", endpoint, Some(&body))?;
            ensure!(
                answer.status == 201,
                "POST {endpoint} {body} answered {}: {}",
                answer.status,
                answer.text
            );
            answer.expect_json()
        };
        let users: Vec<Value> =
            self.users.iter().map(|user| create("/Users", user)).collect::<anyhow::Result<_>>()?;
        let ids = ids(&users)?;
        for group in &self.groups {
            create("/Groups", &Self::group_body(group, &ids)?)?;
        }
        Ok(())
    }

    /// [`Directory::differences`] to what a running server holds at this moment.
    ///
    /// # Errors
    /// When the server cannot be read.
    pub fn differences_at(&self, server: &dyn Inspect) -> anyhow::Result<Vec<String>> {
        self.differences(&server.keeps(), &server.users()?, &server.groups()?)
    }

    /// What differs between this directory and what a server holds; empty when nothing does. One line for each
    /// resource that is missing, left over, or not as wanted.
    ///
    /// # Errors
    /// When a resource at the server has no name.
    pub fn differences(
        &self,
        keeps: &Keeps,
        users: &[Value],
        groups: &[Value],
    ) -> anyhow::Result<Vec<String>> {
        let mut lines = duplicates("userName", users);
        lines.extend(duplicates("externalId", users));
        lines.extend(duplicates("displayName", groups));
        lines.extend(duplicates("externalId", groups));

        let wanted = by_name("userName", self.users.iter().map(|user| keeps.user(user)))?;
        let held = by_name("userName", users.iter().map(|user| keeps.user(user)))?;
        compare("user", &wanted, &held, &mut lines);

        let names = member_names(users);
        let wanted = by_name("displayName", self.groups.iter().map(|group| keeps.wanted_group(group)))?;
        let held = groups.iter().map(|group| keeps.held_group(group, &names));
        let held = by_name("displayName", held.collect::<anyhow::Result<Vec<_>>>()?.into_iter())?;
        compare("group", &wanted, &held, &mut lines);
        Ok(lines)
    }
}

/// The ids of users by userName, as a server has given them.
///
/// # Errors
/// When a user has no id or no userName.
pub fn ids(users: &[Value]) -> anyhow::Result<BTreeMap<String, String>> {
    users
        .iter()
        .map(|user| {
            let of = |name: &str| {
                user[name].as_str().map(str::to_owned).with_context(|| format!("no {name}: {user}"))
            };
            Ok((of("userName")?, of("id")?))
        })
        .collect()
}

/// Values that more than one resource has: one line each. Upper and lower case are the same.
#[must_use]
pub fn duplicates(attribute: &str, resources: &[Value]) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for value in resources.iter().filter_map(|resource| resource[attribute].as_str()) {
        *seen.entry(value.to_lowercase()).or_default() += 1;
    }
    let twice = seen.into_iter().filter(|(_, times)| *times > 1);
    twice.map(|(value, times)| format!("{times} resources have the {attribute} {value}")).collect()
}

/// What a server keeps of what it is sent. The rest is left out on both sides of a comparison.
#[derive(Debug, Clone, Default)]
pub struct Keeps {
    /// Attributes it drops, of users and of groups.
    pub drops: Vec<&'static str>,
    /// Sub-attributes it drops, wherever they are: `type` of an e-mail address.
    pub drops_inner: Vec<&'static str>,
}

impl Keeps {
    /// Everything.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// What is left of a body when this server's share is taken.
    #[must_use]
    pub fn only(&self, body: &Value) -> Value {
        let Value::Object(attributes) = body else { return body.clone() };
        let kept = attributes.iter().filter(|(name, _)| !self.drops.iter().any(|dropped| dropped == name));
        Value::Object(kept.map(|(name, value)| (name.clone(), self.inner(value))).collect())
    }

    /// A user as it is compared: without what servers add, null and empty gone (RFC 7643 section 2.5), lists and
    /// names in order.
    fn user(&self, user: &Value) -> Value {
        let mut user = self.only(user);
        for added in ["id", "meta", "schemas", "groups"] {
            user.as_object_mut().and_then(|user| user.remove(added));
        }
        normal(&user).unwrap_or(Value::Null)
    }

    fn inner(&self, value: &Value) -> Value {
        match value {
            Value::Object(entries) => {
                let kept = entries
                    .iter()
                    .filter(|(name, _)| !self.drops_inner.iter().any(|dropped| dropped == name));
                Value::Object(kept.map(|(name, value)| (name.clone(), self.inner(value))).collect())
            }
            Value::Array(items) => items.iter().map(|item| self.inner(item)).collect(),
            other => other.clone(),
        }
    }

    fn wanted_group(&self, group: &WantedGroup) -> Value {
        self.group(&group.external_id, &group.display_name, group.members.iter().cloned().collect())
    }

    /// A group of the server, with the userNames of its members. A member twice is there twice.
    fn held_group(&self, group: &Value, names: &BTreeMap<String, String>) -> anyhow::Result<Value> {
        let members = group["members"].as_array().into_iter().flatten().map(|member| {
            let value =
                member["value"].as_str().with_context(|| format!("a member without value in {group}"))?;
            Ok(names.get(value).cloned().unwrap_or_else(|| format!("unknown {value}")))
        });
        let mut members = members.collect::<anyhow::Result<Vec<String>>>()?;
        members.sort();
        let external_id = group["externalId"].as_str().unwrap_or_default();
        Ok(self.group(external_id, text(group, "displayName"), members))
    }

    fn group(&self, external_id: &str, display_name: &str, members: Vec<String>) -> Value {
        let mut group = json!({ "displayName": display_name, "members": members });
        if !self.drops.contains(&"externalId") {
            group["externalId"] = external_id.into();
        }
        group
    }
}

/// The userNames of users by whatever a group's `members[].value` may hold: ids, and at one server userNames.
fn member_names(users: &[Value]) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    for user in users {
        let name = text(user, "userName").to_owned();
        names.insert(text(user, "id").to_owned(), name.clone());
        names.insert(name.clone(), name);
    }
    names
}

fn by_name(
    attribute: &str,
    resources: impl Iterator<Item = Value>,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for resource in resources {
        let name = text(&resource, attribute).to_owned();
        ensure!(!name.is_empty(), "a resource without {attribute}: {resource}");
        found.insert(name, resource);
    }
    Ok(found)
}

fn compare(
    kind: &str,
    wanted: &BTreeMap<String, Value>,
    held: &BTreeMap<String, Value>,
    lines: &mut Vec<String>,
) {
    for (name, wanted) in wanted {
        match held.get(name) {
            None => lines.push(format!("{kind} {name} is missing")),
            Some(held) if held != wanted => {
                lines.push(format!("{kind} {name} is not as wanted\n  wanted {wanted}\n  held   {held}"));
            }
            Some(_) => {}
        }
    }
    let left_over = held.keys().filter(|name| !wanted.contains_key(*name));
    lines.extend(left_over.map(|name| format!("{kind} {name} is left over")));
}

/// Names in order, null, `[]` and `{}` gone, lists in the order of their printed items.
fn normal(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(entries) => {
            let kept: BTreeMap<_, _> =
                entries.iter().filter_map(|(name, value)| Some((name.clone(), normal(value)?))).collect();
            (!kept.is_empty()).then(|| Value::Object(kept.into_iter().collect::<Map<_, _>>()))
        }
        Value::Array(items) => {
            let mut kept: Vec<Value> = items.iter().filter_map(normal).collect();
            kept.sort_by_key(Value::to_string);
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        other => Some(other.clone()),
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

/// A person of the company as a User that every server here takes: a family name is required at one of them,
/// so whoever has one name only has it twice.
fn user(person: &Person) -> Value {
    let given = person.given_name.trim();
    let family = if person.family_name.is_empty() { given } else { &person.family_name };
    let formatted = if family == given { given.to_owned() } else { format!("{given} {family}") };
    let email = person.email.to_lowercase();
    let mut user = json!({
        "schemas": [USER, ENTERPRISE],
        "externalId": person.id,
        "userName": email,
        "name": { "formatted": formatted, "givenName": given, "familyName": family },
        "displayName": formatted,
        "active": true,
        "preferredLanguage": person.locale,
        "emails": [{ "value": email, "type": "work", "primary": true }],
        ENTERPRISE: {
            "employeeNumber": person.id,
            "department": person.department,
            "division": person.division,
            "costCenter": person.cost_center,
        },
    });
    if !person.job_title.is_empty() {
        user["title"] = person.job_title.clone().into();
    }
    let phones: Vec<Value> = [(&person.phone, "work"), (&person.mobile, "mobile")]
        .into_iter()
        .filter(|(number, _)| !number.is_empty())
        .map(|(number, kind)| json!({ "value": number, "type": kind }))
        .collect();
    if !phones.is_empty() {
        user["phoneNumbers"] = phones.into();
    }
    user
}

#[cfg(test)]
#[path = "scenario_tests.rs"]
mod tests;
