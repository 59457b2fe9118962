//! What a mapping returns: SCIM attributes and what they are to become.
//!
//! The values mirror the contract one to one, checked on the way in: names parse, numbers are finite,
//! moments are RFC 3339, JSON is JSON. A link still names a record; [`AttributeMap::resolve`] puts the
//! provider's id in its place.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scimwright_record::{RecordKey, ResourceTypeName};
use scimwright_scim::{AttributeName, AttributePath, Desired, DesiredValue};
use serde_json::{Map, Value};

/// "The resource of that record": a record's key, and the resource type it is provisioned as.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct RecordLink {
    /// The SCIM resource type: `User`, `Group`.
    pub resource_type: ResourceTypeName,
    /// The record's key in its source.
    pub key: RecordKey,
}

/// One SCIM value that has no parts (RFC 7643 section 2.3).
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scalar {
    /// A string.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A real number; always finite.
    Decimal(f64),
    /// A moment as RFC 3339 text (RFC 7643 section 2.3.5).
    DateTime(String),
    /// Bytes; base64 on the wire (RFC 7643 section 2.3.6).
    Binary(Vec<u8>),
    /// A URI (RFC 7643 section 2.3.7).
    Reference(String),
    /// The resource of a record, by its provider's id once that is known.
    Link(RecordLink),
}

/// The value of a sub-attribute.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubValue {
    /// A single value.
    One(Scalar),
    /// Several values.
    Many(Vec<Scalar>),
}

/// One part of a complex value, for example `givenName` in `name`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SubAttribute {
    /// The sub-attribute's name.
    pub name: AttributeName,
    /// Its value.
    pub value: SubValue,
}

/// What an attribute is to become at the provider.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttributeValue {
    /// A single value.
    One(Scalar),
    /// A multi-valued attribute of values without parts.
    Many(Vec<Scalar>),
    /// A single complex value, for example `name`.
    Complex(Vec<SubAttribute>),
    /// A multi-valued complex attribute, for example `emails`.
    Complexes(Vec<Vec<SubAttribute>>),
    /// A value of any shape, for schemas that nest deeper than SCIM says they may.
    Json(Value),
    /// Removed at the provider. An attribute that is left out of the map is left alone.
    Clear,
}

/// Attributes by path, each at most once, in the order in which they were given.
///
/// ```
/// use scimwright_mapping::{AttributeMap, AttributeValue, Scalar};
/// use scimwright_scim::AttributePath;
///
/// let mut map = AttributeMap::new();
/// map.set(AttributePath::parse("userName")?, AttributeValue::One(Scalar::Text("zoe".into())));
/// let (desired, unresolved) = map.resolve(&mut |_| None);
/// assert!(unresolved.is_empty());
/// assert!(!desired.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct AttributeMap {
    entries: Vec<(AttributePath, AttributeValue)>,
}

/// A link that has no resource yet. The part of the attribute that needs it was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnresolvedLink {
    /// The attribute, with the sub-attribute where the link stands in one.
    pub path: AttributePath,
    /// What it points at.
    pub link: RecordLink,
}

impl AttributeMap {
    /// A map without attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an attribute. One that is there already keeps its place; its former value is returned.
    pub fn set(&mut self, path: AttributePath, value: AttributeValue) -> Option<AttributeValue> {
        match self.entries.iter_mut().find(|(known, _)| *known == path) {
            Some((_, known)) => Some(std::mem::replace(known, value)),
            None => {
                self.entries.push((path, value));
                None
            }
        }
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, path: &AttributePath) -> Option<&AttributeValue> {
        self.entries.iter().find(|(known, _)| known == path).map(|(_, value)| value)
    }

    /// The attributes in order.
    pub fn iter(&self) -> impl Iterator<Item = (&AttributePath, &AttributeValue)> {
        self.entries.iter().map(|(path, value)| (path, value))
    }

    /// How many attributes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Lays another map over this one: its attributes replace those of the same path. This is how a later
    /// mapping module wins over an earlier one.
    pub fn overlay(&mut self, later: Self) {
        for (path, value) in later.entries {
            self.set(path, value);
        }
    }

    /// Takes from `defaults` what this map does not have, and returns the paths that were taken.
    ///
    /// An attribute that the mapping cleared is one the map has: a default never undoes a clear.
    pub fn fill_from(&mut self, defaults: Self) -> Vec<AttributePath> {
        let mut taken = Vec::new();
        for (path, value) in defaults.entries {
            if self.get(&path).is_none() {
                taken.push(path.clone());
                self.entries.push((path, value));
            }
        }
        taken
    }

    /// Every link in the map, in order; a link that stands twice comes twice.
    pub fn links(&self) -> impl Iterator<Item = &RecordLink> {
        self.entries.iter().flat_map(|(_, value)| scalars(value)).filter_map(|scalar| match scalar {
            Scalar::Link(link) => Some(link),
            _ => None,
        })
    }

    /// The attributes as the provider is to have them, with the id of a resource in place of each link.
    ///
    /// `lookup` knows the ids. Where it has none, the smallest part that can stand without the link is left
    /// out: the item of a multi-valued attribute, otherwise the attribute. Half a reference, such as a
    /// manager's name without the manager, is never made.
    #[must_use]
    pub fn resolve(
        &self,
        lookup: &mut dyn FnMut(&RecordLink) -> Option<String>,
    ) -> (Desired, Vec<UnresolvedLink>) {
        let mut desired = Desired::default();
        let mut unresolved = Vec::new();
        for (path, value) in &self.entries {
            let mut resolver = Resolver { path, lookup: &mut *lookup, unresolved: &mut unresolved };
            let value = match value {
                AttributeValue::Clear => Some(DesiredValue::Clear),
                value => resolver.attribute(value).map(DesiredValue::Set),
            };
            if let Some(value) = value {
                desired.set(path, value);
            }
        }
        (desired, unresolved)
    }
}

impl FromIterator<(AttributePath, AttributeValue)> for AttributeMap {
    /// Of two attributes with one path the later counts, in the place of the earlier.
    fn from_iter<I: IntoIterator<Item = (AttributePath, AttributeValue)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (path, value) in entries {
            map.set(path, value);
        }
        map
    }
}

/// Every scalar in a value, in order.
fn scalars(value: &AttributeValue) -> Vec<&Scalar> {
    fn of_sub(sub: &SubAttribute) -> &[Scalar] {
        match &sub.value {
            SubValue::One(scalar) => std::slice::from_ref(scalar),
            SubValue::Many(scalars) => scalars,
        }
    }
    match value {
        AttributeValue::One(scalar) => vec![scalar],
        AttributeValue::Many(scalars) => scalars.iter().collect(),
        AttributeValue::Complex(subs) => subs.iter().flat_map(of_sub).collect(),
        AttributeValue::Complexes(items) => items.iter().flatten().flat_map(of_sub).collect(),
        AttributeValue::Json(_) | AttributeValue::Clear => Vec::new(),
    }
}

/// Turns the values of one attribute into JSON, and notes what cannot be.
struct Resolver<'a> {
    path: &'a AttributePath,
    lookup: &'a mut dyn FnMut(&RecordLink) -> Option<String>,
    unresolved: &'a mut Vec<UnresolvedLink>,
}

impl Resolver<'_> {
    fn attribute(&mut self, value: &AttributeValue) -> Option<Value> {
        match value {
            AttributeValue::One(scalar) => self.scalar(None, scalar),
            AttributeValue::Many(scalars) => {
                self.each(scalars, |this, scalar| this.scalar(None, scalar)).map(Value::Array)
            }
            AttributeValue::Complex(subs) => self.complex(subs),
            AttributeValue::Complexes(items) => {
                self.each(items, |this, subs| this.complex(subs)).map(Value::Array)
            }
            AttributeValue::Json(value) => Some(value.clone()),
            AttributeValue::Clear => None,
        }
    }

    /// The items that resolve. None at all where some were given and not one resolves: an empty list would
    /// say "remove them", which nobody asked for.
    fn each<T>(
        &mut self,
        items: &[T],
        mut one: impl FnMut(&mut Self, &T) -> Option<Value>,
    ) -> Option<Vec<Value>> {
        let resolved: Vec<_> = items.iter().filter_map(|item| one(self, item)).collect();
        (items.is_empty() || !resolved.is_empty()).then_some(resolved)
    }

    /// The whole complex value, or nothing when a link in it does not resolve. All links are tried, so that
    /// every missing one is reported.
    fn complex(&mut self, subs: &[SubAttribute]) -> Option<Value> {
        let mut object = Map::new();
        let mut complete = true;
        for sub in subs {
            let value = match &sub.value {
                SubValue::One(scalar) => self.scalar(Some(&sub.name), scalar),
                SubValue::Many(scalars) => {
                    self.each(scalars, |this, scalar| this.scalar(Some(&sub.name), scalar)).map(Value::Array)
                }
            };
            match value {
                Some(value) => {
                    object.insert(sub.name.as_str().to_owned(), value);
                }
                None => complete = false,
            }
        }
        complete.then_some(Value::Object(object))
    }

    fn scalar(&mut self, sub: Option<&AttributeName>, scalar: &Scalar) -> Option<Value> {
        Some(match scalar {
            Scalar::Text(text) | Scalar::DateTime(text) | Scalar::Reference(text) => text.clone().into(),
            Scalar::Boolean(value) => (*value).into(),
            Scalar::Integer(value) => (*value).into(),
            Scalar::Decimal(value) => (*value).into(),
            Scalar::Binary(bytes) => STANDARD.encode(bytes).into(),
            Scalar::Link(link) => match (self.lookup)(link) {
                Some(id) => id.into(),
                None => {
                    let path = AttributePath { sub: sub.cloned(), ..self.path.clone() };
                    self.unresolved.push(UnresolvedLink { path, link: link.clone() });
                    return None;
                }
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    fn text(text: &str) -> Scalar {
        Scalar::Text(text.into())
    }

    fn link(key: &str) -> Scalar {
        let resource_type = ResourceTypeName::parse("User").unwrap();
        Scalar::Link(RecordLink { resource_type, key: RecordKey::parse(key).unwrap() })
    }

    fn sub(name: &str, value: Scalar) -> SubAttribute {
        SubAttribute { name: AttributeName::parse(name).unwrap(), value: SubValue::One(value) }
    }

    fn desired(map: &AttributeMap, attribute: &str) -> Option<DesiredValue> {
        let (desired, _) = map.resolve(&mut |link| (link.key.as_str() == "known").then(|| "id-1".into()));
        desired.get(&path(attribute)).cloned()
    }

    #[test]
    fn defaults_fill_only_what_the_mapping_left_open_and_never_undo_a_clear() {
        let mut map: AttributeMap = [
            (path("title"), AttributeValue::One(text("Engineer"))),
            (path("nickName"), AttributeValue::Clear),
        ]
        .into_iter()
        .collect();
        let defaults: AttributeMap = ["TITLE", "nickname", "locale"]
            .map(|name| (path(name), AttributeValue::One(text("default"))))
            .into_iter()
            .collect();
        assert_eq!(map.fill_from(defaults), [path("locale")]);
        assert_eq!(map.get(&path("title")), Some(&AttributeValue::One(text("Engineer"))));
        assert_eq!(map.get(&path("nickName")), Some(&AttributeValue::Clear));
    }

    #[test]
    fn a_later_map_wins_and_keeps_the_order_of_the_first() {
        let mut map: AttributeMap = [("a", "1"), ("b", "1")]
            .map(|(name, value)| (path(name), AttributeValue::One(text(value))))
            .into_iter()
            .collect();
        map.overlay([(path("A"), AttributeValue::One(text("2")))].into_iter().collect());
        let values: Vec<_> = map.iter().map(|(path, value)| (path.to_string(), value.clone())).collect();
        assert_eq!(
            values,
            [("a".into(), AttributeValue::One(text("2"))), ("b".into(), AttributeValue::One(text("1")))]
        );
    }

    #[test]
    fn every_kind_of_value_becomes_the_json_that_scim_asks_for() {
        let map: AttributeMap = [
            ("a", AttributeValue::Many(vec![text("x"), Scalar::Boolean(true), Scalar::Integer(-3)])),
            ("b", AttributeValue::One(Scalar::Decimal(1.5))),
            ("c", AttributeValue::One(Scalar::Binary(vec![0, 255]))),
            ("d", AttributeValue::Json(json!({"deep": [1]}))),
            ("e", AttributeValue::Clear),
            ("f", AttributeValue::Complexes(vec![vec![sub("value", link("known"))]])),
        ]
        .into_iter()
        .map(|(name, value)| (path(name), value))
        .collect();
        let expected = [
            ("a", DesiredValue::Set(json!(["x", true, -3]))),
            ("b", DesiredValue::Set(json!(1.5))),
            ("c", DesiredValue::Set(json!("AP8="))),
            ("d", DesiredValue::Set(json!({"deep": [1]}))),
            ("e", DesiredValue::Clear),
            ("f", DesiredValue::Set(json!([{"value": "id-1"}]))),
        ];
        for (name, value) in expected {
            assert_eq!(desired(&map, name), Some(value), "{name}");
        }
    }

    #[test]
    fn an_unknown_link_leaves_out_its_item_or_its_attribute_but_never_half_of_one() {
        let map: AttributeMap = [
            (
                path("members"),
                AttributeValue::Complexes(vec![
                    vec![sub("value", link("known"))],
                    vec![sub("value", link("unknown")), sub("display", text("Nobody"))],
                ]),
            ),
            (
                path("manager"),
                AttributeValue::Complex(vec![sub("value", link("unknown")), sub("displayName", text("x"))]),
            ),
            (path("friends"), AttributeValue::Many(vec![link("unknown")])),
        ]
        .into_iter()
        .collect();
        assert_eq!(desired(&map, "members"), Some(DesiredValue::Set(json!([{"value": "id-1"}]))));
        assert_eq!(desired(&map, "manager"), None);
        assert_eq!(desired(&map, "friends"), None, "an empty list would remove what is there");
        let (_, unresolved) = map.resolve(&mut |_| None);
        let paths: Vec<_> = unresolved.iter().map(|missing| missing.path.to_string()).collect();
        assert_eq!(paths, ["members.value", "members.value", "manager.value", "friends"]);
        assert_eq!(map.links().count(), 4);
    }

    #[test]
    fn an_empty_list_stays_an_empty_list() {
        let map: AttributeMap =
            [(path("emails"), AttributeValue::Complexes(Vec::new()))].into_iter().collect();
        assert_eq!(desired(&map, "emails"), Some(DesiredValue::Set(json!([]))));
    }
}
