//! The members of a group: which are added and removed, and in which portions.
//!
//! A large group makes the difference between a request that is accepted and one that is not, so additions and
//! removals are taken apart here, and put together again within the provider's bounds.

use scimwright_profile::{MemberRemoval, ResourceQuirks};
use scimwright_scim::{
    AttributeName, AttributePath, Comparison, Filter, FilterValue, PatchOperation, PatchPath, PatchRequest,
    Resource, SchemaSet,
};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet, VecDeque};

const MEMBERS: &str = "members";

/// What becomes of the members.
#[derive(Debug)]
pub(super) struct MemberChanges {
    /// The path of the attribute.
    path: AttributePath,
    /// All of them at once, before anything else.
    whole: Option<PatchOperation>,
    /// The `value`s of members that go.
    removals: VecDeque<Value>,
    /// Members that come.
    additions: VecDeque<Value>,
}

/// The part of the changes that one request makes, in this order.
#[derive(Debug)]
pub(super) struct Portion {
    path: AttributePath,
    pub(super) whole: Option<PatchOperation>,
    pub(super) removals: Vec<Value>,
    pub(super) additions: Vec<Value>,
}

impl MemberChanges {
    /// Takes what adds and removes members out of the operations, and leaves the others in their order.
    pub(super) fn take(
        operations: Vec<PatchOperation>,
        seen: &Resource,
        schemas: &SchemaSet,
        quirks: &ResourceQuirks,
    ) -> (Option<Self>, Vec<PatchOperation>) {
        let Some(path) = operations.iter().find_map(|operation| members_path(operation, schemas)) else {
            return (None, operations);
        };
        let changes = Self { path, whole: None, removals: VecDeque::new(), additions: VecDeque::new() };
        let removes = operations.iter().any(|operation| removes_any(operation, schemas));
        let (changes, others) = if removes && quirks.member_removal == MemberRemoval::Replace {
            changes.replacing(operations, seen, schemas, quirks)
        } else {
            changes.absorbing(operations, seen, schemas, quirks)
        };
        (Some(changes), others)
    }

    fn absorbing(
        mut self,
        operations: Vec<PatchOperation>,
        seen: &Resource,
        schemas: &SchemaSet,
        quirks: &ResourceQuirks,
    ) -> (Self, Vec<PatchOperation>) {
        let mut others = Vec::with_capacity(operations.len());
        for operation in operations {
            match (Target::of(&operation, schemas), &operation) {
                (Some(Target::One(value)), _) => self.removals.push_back(value),
                (Some(Target::All), PatchOperation::Add { value, .. }) => {
                    self.additions.extend(values(value).cloned());
                }
                (Some(Target::All), PatchOperation::Replace { value, .. }) => {
                    let single = SingleChanges::between(current(seen, &self.path), values(value).collect());
                    self.make_whole(operation, single, quirks);
                }
                (Some(Target::All), PatchOperation::Remove { .. }) => {
                    let single = SingleChanges::between(current(seen, &self.path), Vec::new());
                    self.make_whole(operation, single, quirks);
                }
                (Some(Target::Part) | None, _) => others.push(operation),
            }
        }
        (self, others)
    }

    /// A change of all members: as one operation where the provider takes it, else as single changes.
    fn make_whole(
        &mut self,
        operation: PatchOperation,
        single: Option<SingleChanges>,
        quirks: &ResourceQuirks,
    ) {
        let fits = |single: &SingleChanges| single.new_members <= bound(quirks.member_additions);
        match single {
            Some(single) if !quirks.members_as_a_whole || !fits(&single) => {
                self.removals.extend(single.removals);
                self.additions.extend(single.additions);
            }
            // Members without a `value` cannot be named one by one.
            _ => self.whole = Some(operation),
        }
    }

    /// One `replace` with those that stay and the first that are added; the rest is added afterwards.
    fn replacing(
        mut self,
        operations: Vec<PatchOperation>,
        seen: &Resource,
        schemas: &SchemaSet,
        quirks: &ResourceQuirks,
    ) -> (Self, Vec<PatchOperation>) {
        let (of_members, others): (Vec<_>, Vec<_>) =
            operations.into_iter().partition(|operation| Target::of(operation, schemas).is_some());
        let Some(after) = outcome(&of_members, seen, &self.path, schemas) else {
            // What names members in another way is the provider's to judge.
            return self.absorbing(others.into_iter().chain(of_members).collect(), seen, schemas, quirks);
        };
        let known = by_key(&current(seen, &self.path));
        let is_new = |member: &&Value| key(member).is_none_or(|key| !known.contains_key(&key));
        let (new, staying): (Vec<&Value>, Vec<&Value>) = after.iter().partition(is_new);
        let at_once = new.len().min(bound(quirks.member_additions));
        let first = staying.into_iter().chain(new.iter().take(at_once).copied()).cloned().collect();
        let path = Some(PatchPath::attribute(self.path.clone()));
        self.whole = Some(PatchOperation::Replace { path, value: Value::Array(first) });
        self.additions = new.into_iter().skip(at_once).cloned().collect();
        (self, others)
    }

    /// The changes in portions that the provider's bounds allow.
    ///
    /// A removal takes its share of one bound and an addition its share of the other, and no request takes more
    /// than the whole: so a bound on changes of both kinds together, as AWS has, is kept too. Removals come
    /// first, since the same member may have to come back changed.
    pub(super) fn portions(mut self, quirks: &ResourceQuirks) -> Vec<Portion> {
        let (adds, removes) = (bound(quirks.member_additions), bound(quirks.member_removals));
        let mut portions = Vec::new();
        if let Some(whole) = self.whole.take() {
            let path = self.path.clone();
            portions.push(Portion { path, whole: Some(whole), removals: Vec::new(), additions: Vec::new() });
        }
        while !self.removals.is_empty() || !self.additions.is_empty() {
            let removals: Vec<_> = self.removals.drain(..removes.min(self.removals.len())).collect();
            // What is left of the request: its part of the additions, rounded down.
            let room = (removes - removals.len()).saturating_mul(adds) / removes;
            let additions = self.additions.drain(..room.min(self.additions.len())).collect();
            portions.push(Portion { path: self.path.clone(), whole: None, removals, additions });
        }
        portions
    }
}

impl Portion {
    /// The portion in the words of RFC 7644.
    pub(super) fn standard(&self) -> Vec<PatchOperation> {
        let mut operations: Vec<_> = self.whole.iter().cloned().collect();
        operations.extend(self.removals.iter().map(|value| remove_one(&self.path, value)));
        operations.extend(self.addition());
        operations
    }

    /// All additions as one operation.
    pub(super) fn addition(&self) -> Option<PatchOperation> {
        let path = Some(PatchPath::attribute(self.path.clone()));
        let value = Value::Array(self.additions.clone());
        (!self.additions.is_empty()).then_some(PatchOperation::Add { path, value })
    }
}

/// `remove` of `members[value eq "…"]`: one member each, and never joined by `or`, which some providers read as
/// something else.
pub(super) fn remove_one(members: &AttributePath, value: &Value) -> PatchOperation {
    let value = FilterValue::try_from(value).unwrap_or(FilterValue::Null);
    let filter = Filter::eq(AttributePath::new(AttributeName::VALUE), value);
    PatchOperation::Remove { path: PatchPath::element(members.clone(), filter) }
}

/// The path of the members that the operation is about, if it is.
fn members_path(operation: &PatchOperation, schemas: &SchemaSet) -> Option<AttributePath> {
    let PatchPath::Attribute { path, .. } = operation.path()? else { return None };
    Some(schemas.canonical(path).without_sub()).filter(is_members)
}

/// Whether the operation takes members out of a group.
pub(super) fn removes_any(operation: &PatchOperation, schemas: &SchemaSet) -> bool {
    match Target::of(operation, schemas) {
        Some(Target::One(_)) => true,
        Some(Target::All) => !matches!(operation, PatchOperation::Add { .. }),
        Some(Target::Part) => {
            matches!(operation, PatchOperation::Remove { path: PatchPath::Attribute { path, .. } }
                if path.sub.is_none())
        }
        None => false,
    }
}

/// Fills the `type` into the members that the operation adds. What a member says of itself stays.
pub(super) fn fill_type(operation: &mut PatchOperation, member_type: &str, schemas: &SchemaSet) {
    if !matches!(Target::of(operation, schemas), Some(Target::All)) {
        return;
    }
    if let PatchOperation::Add { value, .. } | PatchOperation::Replace { value, .. } = operation {
        type_members(value, member_type);
    }
}

/// Fills the `type` into members that have none, and returns how many.
pub(super) fn type_members(members: &mut Value, member_type: &str) -> usize {
    let items = match members {
        Value::Array(items) => items.as_mut_slice(),
        single => std::slice::from_mut(single),
    };
    let mut filled = 0;
    for parts in items.iter_mut().filter_map(Value::as_object_mut) {
        if part(parts, "type").is_none_or(Value::is_null) {
            parts.retain(|name, _| !name.eq_ignore_ascii_case("type"));
            parts.insert("type".into(), member_type.into());
            filled += 1;
        }
    }
    filled
}

/// Leaves each member once, as it is named first. Who it is, its `value` says; `display` and `$ref` say no more.
pub(super) fn name_once(members: &mut Value) {
    let Value::Array(items) = members else { return };
    let mut known = HashSet::new();
    items.retain(|member| key(member).is_none_or(|key| known.insert(key)));
}

/// The members as the operations leave them; none where one of them names its members in another way than by
/// their `value`.
///
/// [`PatchRequest::apply`] does not have the last word: where the schema requires members, it refuses to take
/// out the last ones, even if others come in their place.
fn outcome(
    operations: &[PatchOperation],
    seen: &Resource,
    path: &AttributePath,
    schemas: &SchemaSet,
) -> Option<Vec<Value>> {
    let mut after = seen.clone();
    if PatchRequest::new(operations.to_vec()).apply(&mut after, schemas).is_ok() {
        return Some(current(&after, path).into_iter().cloned().collect());
    }
    let seen = current(seen, path);
    let mut members: Vec<Value> = seen.into_iter().cloned().collect();
    // Removals come in rows; each row goes through the members once.
    let mut gone: HashSet<String> = HashSet::new();
    let leave = |members: &mut Vec<Value>, gone: &mut HashSet<String>| {
        if !gone.is_empty() {
            members.retain(|one| key(one).is_none_or(|key| !gone.contains(&key)));
            gone.clear();
        }
    };
    for operation in operations {
        let target = Target::of(operation, schemas)?;
        if !matches!(target, Target::One(_)) {
            leave(&mut members, &mut gone);
        }
        match (target, operation) {
            (Target::One(value), _) => gone.extend(named(&value)),
            (Target::All, PatchOperation::Add { value, .. }) => {
                let known: HashSet<String> = members.iter().map(Value::to_string).collect();
                let is_new = |one: &&Value| !known.contains(&one.to_string());
                let new: Vec<_> = values(value).filter(is_new).cloned().collect();
                members.extend(new);
            }
            (Target::All, PatchOperation::Replace { value, .. }) => {
                members = values(value).cloned().collect();
            }
            (Target::All, PatchOperation::Remove { .. }) => members.clear(),
            (Target::Part, _) => return None,
        }
    }
    leave(&mut members, &mut gone);
    Some(members)
}

/// Which members an operation is about.
pub(super) enum Target {
    /// The attribute itself: what is added to it, or all of them.
    All,
    /// The member with this `value`, which is removed.
    One(Value),
    /// A part of a member, or members selected in another way.
    Part,
}

impl Target {
    pub(super) fn of(operation: &PatchOperation, schemas: &SchemaSet) -> Option<Self> {
        members_path(operation, schemas)?;
        let PatchPath::Attribute { path, filter } = operation.path()? else { return None };
        Some(match (filter, &path.sub, operation) {
            (None, None, _) => Self::All,
            (Some(filter), None, PatchOperation::Remove { .. }) => {
                member_named_by(filter).map_or(Self::Part, Self::One)
            }
            _ => Self::Part,
        })
    }
}

fn member_named_by(filter: &Filter) -> Option<Value> {
    match filter {
        Filter::Compare { path, operator: Comparison::Equal, value }
            if path.sub.is_none()
                && path.attribute == AttributeName::VALUE
                && *value != FilterValue::Null =>
        {
            Some(Value::from(value))
        }
        _ => None,
    }
}

/// What single removals and additions make one list of members of another.
pub(super) struct SingleChanges {
    pub(super) removals: Vec<Value>,
    pub(super) additions: Vec<Value>,
    /// How many members come that were not there in any form.
    new_members: usize,
}

impl SingleChanges {
    /// None when a member has no `value` to be named by.
    pub(super) fn between(seen: Vec<&Value>, wanted: Vec<&Value>) -> Option<Self> {
        let keyed = |members: &[&Value]| members.iter().all(|member| key(member).is_some());
        if !keyed(&seen) || !keyed(&wanted) {
            return None;
        }
        let (were, will_be) = (by_key(&seen), by_key(&wanted));
        // What is there twice, or with other parts, goes and comes back; a filter would select both of two.
        let stays = |member: &Value| {
            let Some(key) = key(member) else { return false };
            match (were.get(&key).map(Vec::as_slice), will_be.get(&key).map(Vec::as_slice)) {
                (Some([was]), Some([will_be])) => was == will_be,
                _ => false,
            }
        };
        let mut gone = HashSet::new();
        let goes = |member: &&&Value| !stays(member) && gone.insert(key(member));
        let removals =
            seen.iter().filter(goes).filter_map(|one| part(one.as_object()?, "value").cloned()).collect();
        let additions = wanted.iter().filter(|one| !stays(one)).map(|one| (*one).clone()).collect();
        let is_new = |member: &&&Value| key(member).is_none_or(|key| !were.contains_key(&key));
        let new_members = wanted.iter().filter(is_new).count();
        Some(Self { removals, additions, new_members })
    }
}

/// What tells a member from others: its `value`, to the letter, since it is another resource's id (RFC 7643
/// section 3.1).
pub(super) fn key(member: &Value) -> Option<String> {
    named(part(member.as_object()?, "value")?)
}

/// The `value` as it is compared.
pub(super) fn named(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn by_key<'v>(members: &[&'v Value]) -> HashMap<String, Vec<&'v Value>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    for member in members {
        if let Some(key) = key(member) {
            found.entry(key).or_default().push(*member);
        }
    }
    found
}

/// The members of a group as it was seen.
pub(super) fn current<'r>(resource: &'r Resource, members: &AttributePath) -> Vec<&'r Value> {
    resource.values(members).into_iter().filter(|member| !member.is_null()).collect()
}

pub(super) fn values(value: &Value) -> impl Iterator<Item = &Value> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    items.iter().filter(|item| !item.is_null())
}

fn part<'v>(parts: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let exact = parts.get(name);
    exact.or_else(|| Some(parts.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1))
}

/// Whether the path, in canonical spelling, is that of a group's members.
pub(super) fn is_members(path: &AttributePath) -> bool {
    path.schema.is_none() && path.sub.is_none() && path.attribute == *MEMBERS
}

fn bound(bound: std::num::NonZeroU32) -> usize {
    usize::try_from(bound.get()).unwrap_or(usize::MAX)
}
