//! Who belongs to which group, where a source of its own says so: a membership table.
//!
//! The table is read once, before the first group, and lies on disk from then on. Nobody is taken out of a group on
//! the strength of a table that was not read to its end, or that has a row nobody can read: until it is mended,
//! members are only added.

use crate::absent::Absent;
use crate::cycle::Cycle;
use crate::digest::Parts;
use crate::error::ProvisionError;
use crate::event::{Action, Event};
use crate::rows::key_in;
use crate::rules::{Threshold, UnreadableRows};
use crate::scope::{Edge, moment_in};
use crate::setback::Trouble;
use futures::TryStreamExt;
use jiff::Timestamp;
use scimwright_mapping::{AttributeMap, AttributeValue, RecordLink, Scalar, SubAttribute, SubValue};
use scimwright_record::{Record, RecordKey, ResourceTypeName, Row, SourceName};
use scimwright_scim::{AttributeName, AttributePath};
use scimwright_state::{LinkScope, Member};
use std::collections::HashMap;

/// The most members that one group may have: what is above that is a mistake in the table.
pub const MAX_MEMBERS: usize = 200_000;

/// How many rows are written at a time.
const BATCH: usize = 500;

/// Where it stands who belongs to whom.
#[derive(Debug, Clone)]
pub struct MemberRules {
    /// The source of the membership table.
    pub source: SourceName,
    /// The attribute that takes the members: `members`.
    pub attribute: AttributePath,
    /// The field with the key of the group.
    pub group: String,
    /// The field with the key of the member.
    pub member: String,
    /// What members are.
    pub resource_type: ResourceTypeName,
    /// The field that says what a member is, where that differs from row to row: `User`, `Group`.
    pub type_field: Option<String>,
    /// What a member may be at all: everything that is provisioned at the provider, or has links there. Where nothing
    /// is said, anything.
    pub types: Vec<ResourceTypeName>,
    /// What becomes of groups in groups.
    pub nested: Nested,
    /// The field with the first day or moment of a membership.
    pub valid_from: Option<String>,
    /// The field with its last day, or the moment from which it does not count.
    pub valid_until: Option<String>,
    /// How many memberships the table may lose from one run to the next, of those whose member and group have resources.
    pub max_removed: Threshold,
    /// Whether the rows have columns, so that a field that one of them lacks is a mistake.
    pub columns: bool,
}

impl MemberRules {
    /// The fields with dates, each with the key of the configuration that names it.
    fn dates(&self) -> Vec<(&'static str, String)> {
        let all = self.fields().into_iter().map(|(key, field)| (key, field.to_owned()));
        all.filter(|(key, _)| matches!(*key, "members.valid_from" | "members.valid_until")).collect()
    }

    /// How many memberships a table has lost and how many it might have, where that is more than anybody allows.
    fn loses_too_many(&self, before: u64, now: u64, by_hand: Option<u64>) -> Option<(u64, u64)> {
        let (lost, allowed) = (before.saturating_sub(now), self.max_removed.allowed(before));
        let is_right = lost <= allowed || by_hand.is_some_and(|by_hand| lost <= by_hand);
        (!is_right).then_some((lost, allowed))
    }

    /// The fields of the membership table that it rests on, each with the key of the configuration that names it.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, &str)> {
        let more = [
            ("members.type_field", &self.type_field),
            ("members.valid_from", &self.valid_from),
            ("members.valid_until", &self.valid_until),
        ];
        let more = more.into_iter().filter_map(|(key, field)| Some((key, field.as_deref()?)));
        [("members.group", self.group.as_str()), ("members.member", self.member.as_str())]
            .into_iter()
            .chain(more)
            .collect()
    }
}

/// What becomes of groups in groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Nested {
    /// They are members.
    #[default]
    Keep,
    /// Their members are members in their place, each once, however deep and however often.
    Flatten,
}

/// What is known of the membership table in a run.
#[derive(Debug, Default)]
pub(crate) enum Membership {
    /// There is none.
    #[default]
    None,
    /// It was read.
    Read {
        /// Not all of it could be used, so nobody is taken out of a group.
        additive: bool,
        /// How many memberships are over, or do not count yet.
        aside: u64,
        /// When memberships begin that do not count yet, the earliest of each group.
        beginnings: HashMap<RecordKey, Timestamp>,
    },
}

/// The members of one group.
#[derive(Debug)]
pub(crate) struct Joined {
    attribute: AttributePath,
    members: Vec<Member>,
    /// Whether there may be others, so that nobody is taken out.
    additive: bool,
    /// When the list changes by itself.
    pub(crate) until: Option<Timestamp>,
}

impl Joined {
    /// The attribute that takes them.
    pub(crate) fn attribute(&self) -> &AttributePath {
        &self.attribute
    }

    /// Puts the members where they belong.
    pub(crate) fn put(self, attributes: &mut AttributeMap) {
        let items = self.members.into_iter().map(|member| {
            let link = RecordLink { resource_type: member.resource_type, key: member.key };
            vec![SubAttribute { name: AttributeName::VALUE, value: SubValue::One(Scalar::Link(link)) }]
        });
        let items: Vec<_> = items.collect();
        let value = match (items.is_empty(), self.additive) {
            (true, false) => AttributeValue::Clear,
            (true, true) => return,
            (false, _) => AttributeValue::Complexes(items),
        };
        attributes.set(self.attribute, value);
    }

    /// The attribute, where nobody is to be taken out of it.
    pub(crate) fn additive(&self) -> Option<AttributePath> {
        self.additive.then(|| self.attribute.clone())
    }

    /// What tells this list from any other.
    pub(crate) fn digest(&self) -> String {
        let mut parts = Parts::default();
        for member in &self.members {
            parts.take(member.resource_type.as_str());
            parts.take(member.key.as_str());
        }
        format!("{} {}", parts.hex(), self.additive)
    }
}

/// One row of the table.
enum Entry {
    Member(Member),
    /// It does not count yet, and will from then on.
    Later(RecordKey, Timestamp),
    /// It does not count.
    Over,
}

impl Cycle<'_> {
    /// Reads the membership table, where there is one.
    pub(crate) async fn read_membership(&self) -> Result<Membership, ProvisionError> {
        let (Some(rules), Some(source)) = (&self.provisioner.rules.members, &self.provisioner.members) else {
            return Ok(Membership::None);
        };
        let mut beginnings: HashMap<RecordKey, Timestamp> = HashMap::new();
        let dates = match rules.columns {
            true => Absent::default(),
            false => Absent::of(rules.dates()),
        };
        let mut doubt = None;
        let (mut unreadable, mut over, mut later) = (0_u64, 0_u64, 0_u64);
        let mut batch = Vec::with_capacity(BATCH);
        match source.read().await {
            Err(error) => doubt = Some(error.to_string()),
            Ok(mut rows) => loop {
                let row = match rows.try_next().await {
                    Ok(Some(row)) => row,
                    Ok(None) => break,
                    Err(error) => {
                        doubt = Some(error.to_string());
                        break;
                    }
                };
                let (position, entry) = match row {
                    Row::Record(position, record) => {
                        dates.see(&record);
                        (position, self.entry(rules, &record))
                    }
                    Row::Malformed(malformed) => (malformed.position, Err(malformed.message)),
                };
                match entry {
                    Ok(Entry::Member(member)) => batch.push(member),
                    Ok(Entry::Later(group, from)) => {
                        later += 1;
                        beginnings.entry(group).and_modify(|known| *known = from.min(*known)).or_insert(from);
                    }
                    Ok(Entry::Over) => over += 1,
                    Err(reason) => {
                        unreadable += 1;
                        let reason = format!("this row of source `{}` is left out: {reason}", rules.source);
                        self.tally.count(Action::Fail);
                        self.tally.emit(Event::Malformed {
                            position: position.to_string(),
                            key: None,
                            reason,
                        });
                    }
                }
                if batch.len() >= BATCH {
                    self.pass.note_members(&batch).await?;
                    batch.clear();
                }
            },
        }
        self.pass.note_members(&batch).await?;
        if doubt.is_none() {
            dates.sentences(&rules.source).into_iter().for_each(|sentence| self.note_once(sentence));
        }
        let holds = self.provisioner.rules.deprovision.unreadable_rows == UnreadableRows::Hold;
        if doubt.is_none() && unreadable > 0 && holds {
            doubt = Some(format!(
                "{unreadable} rows of source `{}` cannot be read; mend them, or set unreadable_rows = \"ignore\"",
                rules.source
            ));
        }
        let counted = self.pass.count_members().await?;
        if doubt.is_none() && over == 0 && beginnings.is_empty() && counted == 0 {
            doubt = Some(format!("source `{}` has no memberships at all", rules.source));
        }
        if doubt.is_none() && counted > 0 {
            doubt = self.strangers_only(rules).await?;
        }
        let aside = over + later;
        if doubt.is_none() {
            doubt = self.too_few(rules, aside).await?;
        }
        if let Some(reason) = &doubt {
            let message = format!("nobody is taken out of a {}: {reason}", self.scope.resource_type);
            self.tally.broke_off(message);
        }
        Ok(Membership::Read { additive: doubt.is_some(), aside, beginnings })
    }

    /// What is wrong with a table in which not one group, or not one member, is known, although groups are linked: its
    /// keys are not those of the records, or written otherwise.
    async fn strangers_only(&self, rules: &MemberRules) -> Result<Option<String>, ProvisionError> {
        if self.provisioner.state.count_links(&self.scope, None).await? == 0 {
            return Ok(None);
        }
        let (field, whose) = match self.pass.knows_members().await? {
            (true, true) => return Ok(None),
            (false, _) => (&rules.group, "group"),
            (true, false) => (&rules.member, "member"),
        };
        Ok(Some(format!(
            "in source `{}`, not one {whose} of field `{field}` has a resource here; keys are compared to the letter",
            rules.source
        )))
    }

    /// How large the table is. Who is unknown here, or in an unknown group, makes up for nobody who is missing; what has
    /// an end is no loss.
    async fn size_of_table(&self, aside: u64) -> Result<u64, ProvisionError> {
        Ok(self.pass.count_known_members().await? + aside)
    }

    /// What is wrong with a table that has lost more than one run may take out: it was cut short, or keys of it are
    /// written otherwise.
    async fn too_few(&self, rules: &MemberRules, aside: u64) -> Result<Option<String>, ProvisionError> {
        let now = self.size_of_table(aside).await?;
        let before = self.provisioner.state.memberships(&self.scope).await?.unwrap_or_default();
        let Some((lost, allowed)) = rules.loses_too_many(before, now, self.allow_removals) else {
            if let Some(plan) = &self.plan {
                plan.found_out(&self.scope, |found| found.memberships = Some(now));
            }
            return Ok(None);
        };
        let LinkScope { provider, resource_type } = &self.scope;
        let command = if self.plan.is_some() { "plan" } else { "sync" };
        Ok(Some(format!(
            "of {before} memberships that source `{}` had, {lost} are not there any more, and max_removed = {} allows \
             {allowed}; if this is right, run `scimwright {command} --provider {provider} --resource {resource_type} \
             --allow-removals {lost}`",
            rules.source, rules.max_removed
        )))
    }

    /// Remembers how large the table is. One in doubt is measured against the one before it.
    pub(crate) async fn remember_memberships(&self) -> Result<(), ProvisionError> {
        if let Membership::Read { additive: false, aside, .. } = self.membership {
            let now = self.size_of_table(aside).await?;
            self.provisioner.state.set_memberships(&self.scope, now).await?;
        }
        Ok(())
    }

    fn entry(&self, rules: &MemberRules, record: &Record) -> Result<Entry, String> {
        let key = |field: &str| {
            let value = record.field(field).ok_or_else(|| format!("there is no field `{field}`"))?;
            key_in(value, field)?.ok_or_else(|| format!("field `{field}` is empty"))
        };
        let (group, member) = (key(&rules.group)?, key(&rules.member)?);
        let moment = |field: &Option<String>, edge| match field {
            Some(field) => moment_in(record, field, edge, rules.columns),
            None => Ok(None),
        };
        if let Some((from, _)) = moment(&rules.valid_from, Edge::First)?
            && from > self.began
        {
            return Ok(Entry::Later(group, from));
        }
        let until = moment(&rules.valid_until, Edge::Last)?.map(|(until, _)| until);
        if until.is_some_and(|until| until <= self.began) {
            return Ok(Entry::Over);
        }
        let resource_type = match &rules.type_field {
            None => rules.resource_type.clone(),
            Some(field) => {
                let word = key(field)?;
                let said = ResourceTypeName::parse(word.as_str());
                said.map_err(|error| format!("field `{field}`: {error}"))?
            }
        };
        if !rules.types.is_empty() && !rules.types.contains(&resource_type) {
            let known: Vec<&str> = rules.types.iter().map(ResourceTypeName::as_str).collect();
            return Err(format!(
                "the member is a `{resource_type}`, and nothing is provisioned as that at `{}`; there are: {}",
                self.provisioner.provider,
                known.join(", ")
            ));
        }
        Ok(Entry::Member(Member { group, resource_type, key: member, until }))
    }

    /// Says which groups of the table are none of the source's. Their memberships count for nothing.
    pub(crate) async fn name_unknown_groups(&self) -> Result<(), ProvisionError> {
        const NAMED: u32 = 5;
        let Some(rules) = &self.provisioner.rules.members else { return Ok(()) };
        let unknown = self.pass.unknown_groups(NAMED + 1).await?;
        if unknown.is_empty() {
            return Ok(());
        }
        let more = if unknown.len() > NAMED as usize { " and others" } else { "" };
        let named: Vec<_> = unknown.iter().take(NAMED as usize).map(|(group, _)| group.to_string()).collect();
        let message = format!(
            "source `{}` has memberships in {}{more}, which source `{}` does not have; {}",
            rules.source,
            named.join(", "),
            self.provisioner.source.name(),
            match rules.nested {
                Nested::Keep => "they count for nothing",
                Nested::Flatten => "they count for the groups only that the table has those in",
            }
        );
        self.tally.emit(Event::Notice { key: None, message });
        Ok(())
    }

    /// The members of a group, where a table says who they are.
    pub(crate) async fn joined(
        &self,
        group: &RecordKey,
    ) -> Result<Result<Option<Joined>, Trouble>, ProvisionError> {
        let (Membership::Read { additive, beginnings, .. }, Some(rules)) =
            (&self.membership, &self.provisioner.rules.members)
        else {
            return Ok(Ok(None));
        };
        let flatten = (rules.nested == Nested::Flatten).then_some(&self.provisioner.rules.resource_type);
        let members = self.pass.members(group, flatten, MAX_MEMBERS).await?;
        if members.len() > MAX_MEMBERS {
            let reason = format!("it has more than {MAX_MEMBERS} members in source `{}`", rules.source);
            return Ok(Err(Trouble::permanent(reason)));
        }
        let ends = members.iter().filter_map(|member| member.until);
        let until = ends.chain(beginnings.get(group).copied()).min();
        let attribute = rules.attribute.clone();
        Ok(Ok(Some(Joined { attribute, members, additive: *additive, until })))
    }
}
