//! A company in groups: teams, who is in which, from when and until when; and what a provider is to hold of all that.
//!
//! Three files as a directory exports them: people, teams, and a membership table that may name teams as members of
//! teams. What is wanted is worked out here from the rows, by nothing but sets and maps: no module, no provisioning and
//! no client has a part in it.

use crate::dice::Dice;
use crate::people::{Company, Person};
use crate::tool::Workspace;
use anyhow::Context;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

const ENTERPRISE: &str = "/urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A team, as the company's file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// The key: `T001`.
    pub id: String,
    /// The name; unique in the company.
    pub name: String,
}

/// A row of the membership table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The team.
    pub team: String,
    /// What the member is: `User` or `Group`.
    pub kind: &'static str,
    /// The member's key.
    pub member: String,
    /// The first day or moment; mostly empty.
    pub from: String,
    /// The last day, or the moment from which it does not count; mostly empty.
    pub until: String,
}

/// People, teams, and who is in which.
#[derive(Debug, Clone)]
pub struct Teams {
    /// The people.
    pub company: Company,
    /// The teams.
    pub teams: Vec<Team>,
    /// The membership table.
    pub memberships: Vec<Membership>,
    dice: Dice,
    next_team: usize,
}

/// A day so many days from today (UTC), as the files write it.
#[must_use]
pub fn day(offset: i64) -> String {
    today().checked_add(offset.days()).map(|date| date.to_string()).unwrap_or_default()
}

/// A moment so many seconds from now, as the files write it.
#[must_use]
pub fn moment(seconds: i64) -> String {
    (Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string()
}

fn today() -> Date {
    Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

impl Teams {
    /// So many people, so many teams, and `size` people in each of them.
    #[must_use]
    pub fn new(seed: u64, people: usize, teams: usize, size: usize) -> Self {
        let mut company = Self {
            company: Company::tidy(seed, people),
            teams: Vec::new(),
            memberships: Vec::new(),
            dice: Dice::new(seed ^ 0x7EA3),
            next_team: 1,
        };
        for _ in 0..teams {
            let team = company.found();
            let mut keys: Vec<String> =
                company.company.people.iter().map(|person| person.id.clone()).collect();
            for _ in 0..size.min(keys.len()) {
                let member = keys.swap_remove(company.dice.below(keys.len()));
                company.put_in(&team, "User", &member);
            }
        }
        company
    }

    /// Founds a team without members, and says its key.
    pub fn found(&mut self) -> String {
        let id = format!("T{:03}", self.next_team);
        // Quotes, commas and letters of other alphabets belong to real names.
        let name = format!("Team {} \"Straße\", Łódź", self.next_team);
        self.next_team += 1;
        self.teams.push(Team { id: id.clone(), name });
        id
    }

    /// Adds a row to the membership table.
    pub fn put_in(&mut self, team: &str, kind: &'static str, member: &str) {
        self.memberships.push(Membership {
            team: team.to_owned(),
            kind,
            member: member.to_owned(),
            from: String::new(),
            until: String::new(),
        });
    }

    /// Takes somebody out of a team.
    pub fn take_out(&mut self, team: &str, member: &str) {
        self.memberships.retain(|row| row.team != team || row.member != member);
    }

    /// Hires so many people, each into one of the teams. Says who.
    pub fn hire(&mut self, count: usize) -> Vec<String> {
        let before = self.company.people.len();
        self.company.hire(count);
        let hired: Vec<String> =
            self.company.people[before..].iter().map(|person| person.id.clone()).collect();
        for key in &hired {
            let team = self.teams[self.dice.below(self.teams.len())].id.clone();
            self.put_in(&team, "User", key);
        }
        hired
    }

    /// Lets so many people go, out of their teams as well. Says who.
    pub fn leave(&mut self, count: usize) -> Vec<String> {
        let left = self.company.leave(count);
        self.memberships.retain(|row| !left.contains(&row.member));
        left
    }

    /// Lets somebody go, out of their teams as well; their reports go to the head of the company.
    pub fn let_go(&mut self, key: &str) {
        self.company.people.retain(|person| person.id != key);
        self.memberships.retain(|row| row.member != key);
        let head = self.company.people.first().map(|head| head.id.clone()).unwrap_or_default();
        for person in self.company.people.iter_mut().filter(|person| person.manager_id == key) {
            person.manager_id = if person.id == head { String::new() } else { head.clone() };
        }
    }

    /// Exchanges so many memberships: somebody goes, and somebody who was not in the team comes. Says which teams.
    pub fn churn(&mut self, count: usize) -> BTreeSet<String> {
        let mut changed = BTreeSet::new();
        let people: Vec<usize> =
            (0..self.memberships.len()).filter(|row| self.memberships[*row].kind == "User").collect();
        let mut known: HashSet<(String, String)> =
            self.memberships.iter().map(|row| (row.team.clone(), row.member.clone())).collect();
        let mut exchanged = 0;
        // A team that everybody is in has nobody to exchange for; the attempts are bounded.
        for _ in 0..count * 50 {
            if exchanged == count || people.is_empty() {
                break;
            }
            let row = people[self.dice.below(people.len())];
            let team = self.memberships[row].team.clone();
            let newcomer = self.company.people[self.dice.below(self.company.people.len())].id.clone();
            if known.insert((team.clone(), newcomer.clone())) {
                let goes = std::mem::replace(&mut self.memberships[row].member, newcomer);
                known.remove(&(team.clone(), goes));
                changed.insert(team);
                exchanged += 1;
            }
        }
        changed
    }

    /// The file of the teams.
    #[must_use]
    pub fn teams_csv(&self) -> String {
        let mut text = "team_id,name\n".to_owned();
        for team in &self.teams {
            let written = writeln!(text, "{},\"{}\"", team.id, team.name.replace('"', "\"\""));
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
        text
    }

    /// The membership table.
    #[must_use]
    pub fn memberships_csv(&self) -> String {
        let mut text = "membership_id,team_id,kind,employee_id,from,until\n".to_owned();
        for (number, row) in self.memberships.iter().enumerate() {
            let Membership { team, kind, member, from, until } = row;
            let written = writeln!(text, "M{},{team},{kind},{member},{from},{until}", number + 1);
            debug_assert!(written.is_ok(), "writing to a String cannot fail");
        }
        text
    }

    /// Writes the three files.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn write(&self, workspace: &Workspace) -> anyhow::Result<()> {
        workspace.write("people.csv", &self.company.to_csv())?;
        workspace.write("teams.csv", &self.teams_csv())?;
        workspace.write("memberships.csv", &self.memberships_csv())
    }

    /// A configuration that syncs all three files to a provider by attribute rows. The token is in `SCIM_TOKEN`.
    /// `nested` says what becomes of teams in teams: `keep` or `flatten`.
    #[must_use]
    pub fn configuration(base_url: &str, nested: &str) -> String {
        format!(
            r#"[source.hr]
type = "csv"
path = "people.csv"
key = "employee_id"

[source.teams]
type = "csv"
path = "teams.csv"
key = "team_id"

[source.memberships]
type = "csv"
path = "memberships.csv"
key = "membership_id"

[provider.acme]
base_url = "{base_url}"
auth = {{ bearer = {{ env = "SCIM_TOKEN" }} }}

[[provider.acme.resource]]
type = "User"
source = "hr"
deprovision = "disable"
max_deprovision = "5%"
[provider.acme.resource.attributes]
externalId = {{ field = "employee_id" }}
userName = {{ field = "email" }}
"name.givenName" = {{ field = "given_name" }}
"name.familyName" = {{ field = "family_name" }}
title = {{ field = "job_title" }}
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value" = {{ link = "User", field = "manager_id" }}

[[provider.acme.resource]]
type = "Group"
source = "teams"
match = ["externalId", "displayName"]
deprovision = "delete"
max_deprovision = "20%"
[provider.acme.resource.attributes]
externalId = {{ field = "team_id" }}
displayName = {{ field = "name" }}
[provider.acme.resource.members]
source = "memberships"
group = "team_id"
member = "employee_id"
type_field = "kind"
nested = "{nested}"
valid_from = "from"
valid_until = "until"
"#
        )
    }

    /// What the provider is to hold; with `flatten`, teams in teams are replaced by the people in them.
    #[must_use]
    pub fn wanted(&self, flatten: bool) -> Held {
        let users = self.company.people.iter().map(|person| (person.id.clone(), HeldUser::wanted(person)));
        let now = Timestamp::now();
        let mut rows: BTreeMap<&str, Vec<&Membership>> = BTreeMap::new();
        for row in self.memberships.iter().filter(|row| row.counts(now)) {
            rows.entry(&row.team).or_default().push(row);
        }
        let groups = self.teams.iter().map(|team| {
            let mut members = BTreeSet::new();
            gather(&rows, &team.id, flatten, &mut BTreeSet::new(), &mut members);
            (team.id.clone(), HeldGroup { name: team.name.clone(), members })
        });
        Held { users: users.collect(), groups: groups.collect() }
    }
}

/// Who is in a team; with `flatten`, those in its teams in their place.
fn gather(
    rows: &BTreeMap<&str, Vec<&Membership>>,
    team: &str,
    flatten: bool,
    seen: &mut BTreeSet<String>,
    into: &mut BTreeSet<String>,
) {
    if !seen.insert(team.to_owned()) {
        return;
    }
    for row in rows.get(team).into_iter().flatten() {
        if flatten && row.kind == "Group" {
            gather(rows, &row.member, flatten, seen, into);
        } else {
            into.insert(format!("{} {}", row.kind, row.member));
        }
    }
}

impl Membership {
    fn counts(&self, now: Timestamp) -> bool {
        let day = |text: &str, more: i64| -> Option<Timestamp> {
            if let Ok(moment) = text.parse() {
                return Some(moment);
            }
            let date = text.parse::<Date>().ok()?.checked_add(more.days()).ok()?;
            Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
        };
        day(&self.from, 0).is_none_or(|from| from <= now)
            && day(&self.until, 1).is_none_or(|until| now < until)
    }
}

/// A person at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldUser {
    /// The login.
    pub user_name: String,
    /// First and last name, as far as there are any.
    pub name: (String, String),
    /// The job title, or nothing.
    pub title: String,
    /// The key of the manager, or nothing.
    pub manager: String,
    /// Whether they may work.
    pub active: bool,
}

impl HeldUser {
    fn wanted(person: &Person) -> Self {
        Self {
            user_name: person.email.trim().to_owned(),
            name: (person.given_name.trim().to_owned(), person.family_name.trim().to_owned()),
            title: person.job_title.trim().to_owned(),
            manager: person.manager_id.clone(),
            active: true,
        }
    }
}

/// A group at a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldGroup {
    /// Its name.
    pub name: String,
    /// Its members by type and key: `User E00001`.
    pub members: BTreeSet<String>,
}

/// What a provider holds, or is to hold, by externalId.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// The people.
    pub users: BTreeMap<String, HeldUser>,
    /// The groups.
    pub groups: BTreeMap<String, HeldGroup>,
}

impl Held {
    /// Reads what a provider holds out of its lists of Users and Groups.
    ///
    /// # Errors
    /// Names what no provider should hold after a sync: two resources with one externalId, userName or displayName, a
    /// member twice, and a reference to a resource that is not there.
    pub fn read(users: &[Value], groups: &[Value]) -> anyhow::Result<Self> {
        let mut twice = crate::scenario::duplicates("externalId", users);
        twice.extend(crate::scenario::duplicates("userName", users));
        twice.extend(crate::scenario::duplicates("externalId", groups));
        twice.extend(crate::scenario::duplicates("displayName", groups));
        anyhow::ensure!(twice.is_empty(), "{}", twice.join("\n"));
        let mut keys = BTreeMap::new();
        for (kind, resources) in [("User", users), ("Group", groups)] {
            for resource in resources {
                let (id, key) = (text(resource, "id"), text(resource, "externalId"));
                let stranger = if key.is_empty() { format!("stranger {id}") } else { key };
                keys.insert(id, (kind, stranger));
            }
        }
        let mut held = Self::default();
        for user in users {
            let mut manager = String::new();
            if let Some(id) = user.pointer(&format!("{ENTERPRISE}/manager/value")).and_then(Value::as_str) {
                let (_, key) =
                    keys.get(id).with_context(|| format!("{user} has a manager who is not there"))?;
                manager.clone_from(key);
            }
            let held_user = HeldUser {
                user_name: text(user, "userName"),
                name: (text(&user["name"], "givenName"), text(&user["name"], "familyName")),
                title: text(user, "title"),
                manager,
                active: user["active"].as_bool().unwrap_or(true),
            };
            held.users.insert(keys[&text(user, "id")].1.clone(), held_user);
        }
        for group in groups {
            let mut members = BTreeSet::new();
            for member in group["members"].as_array().into_iter().flatten() {
                let (kind, key) = keys.get(&text(member, "value")).with_context(|| {
                    format!("{} has a member that is not there: {member}", text(group, "displayName"))
                })?;
                let is_new = members.insert(format!("{kind} {key}"));
                anyhow::ensure!(is_new, "{kind} {key} is in {} twice", text(group, "displayName"));
            }
            let key = keys[&text(group, "id")].1.clone();
            held.groups.insert(key, HeldGroup { name: text(group, "displayName"), members });
        }
        Ok(held)
    }

    /// What differs from what is wanted: one line each; empty when nothing does.
    #[must_use]
    pub fn differences(&self, wanted: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        compare("user", &self.users, &wanted.users, &mut lines);
        let without = |groups: &BTreeMap<String, HeldGroup>| -> BTreeMap<String, String> {
            groups.iter().map(|(key, group)| (key.clone(), group.name.clone())).collect()
        };
        compare("group", &without(&self.groups), &without(&wanted.groups), &mut lines);
        for (key, group) in &wanted.groups {
            let Some(held) = self.groups.get(key) else { continue };
            let missing: Vec<_> = group.members.difference(&held.members).collect();
            let over: Vec<_> = held.members.difference(&group.members).collect();
            if !missing.is_empty() || !over.is_empty() {
                lines.push(format!("group {key} lacks {missing:?} and has {over:?} over"));
            }
        }
        lines
    }
}

fn compare<T: PartialEq + std::fmt::Debug>(
    what: &str,
    held: &BTreeMap<String, T>,
    wanted: &BTreeMap<String, T>,
    lines: &mut Vec<String>,
) {
    for (key, wanted) in wanted {
        match held.get(key) {
            None => lines.push(format!("{what} {key} is missing")),
            Some(held) if held != wanted => lines.push(format!("{what} {key} is {held:?}, not {wanted:?}")),
            Some(_) => {}
        }
    }
    let over = held.keys().filter(|key| !wanted.contains_key(*key));
    lines.extend(over.map(|key| format!("{what} {key} is left over")));
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
