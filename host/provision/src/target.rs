//! What a row gives: an attribute, a part of it, or one value of a multi-valued one.
//!
//! Written as a PATCH path is (RFC 7644 section 3.5.2): `title`, `name.givenName`,
//! `emails[type eq "work"].value`, or with a URN in front.

use scimwright_mapping::{AttributeMap, AttributeValue, RecordLink, Scalar, SubAttribute, SubValue};
use scimwright_scim::{
    AttributeName, AttributePath, Comparison, Desired, DesiredValue, Filter, FilterValue, InvalidPath,
    Resource, SchemaSet,
};
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// What a row gives.
#[derive(Debug, Clone, PartialEq)]
pub struct RowTarget {
    attribute: AttributePath,
    /// For a value of a multi-valued attribute: what tells it from the others, `type` = `work`.
    element: Option<Vec<(AttributeName, FilterValue)>>,
    sub: Option<AttributeName>,
}

/// Text that cannot be the target of a row.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidRowTarget {
    /// It is no path.
    #[error("`{text}` is not an attribute: {cause}")]
    Path {
        /// The text.
        text: String,
        /// What is wrong with it.
        cause: InvalidPath,
    },
    /// The part in brackets is no list of equalities.
    #[error(
        "`{text}` does not say which value it means; write, for example: emails[type eq \"work\"].value ({cause})"
    )]
    Element {
        /// The text.
        text: String,
        /// What is wrong with it.
        cause: String,
    },
}

/// What is put into the place that a target names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Filling {
    One(Scalar),
    Many(Vec<Scalar>),
    /// Other records' resources: the members of a group.
    Links(Vec<RecordLink>),
    Json(Value),
    /// What a module made of an attribute, with all its parts.
    Whole(AttributeValue),
}

impl RowTarget {
    /// The attribute that the row is about, with the sub-attribute where it gives only that.
    #[must_use]
    pub fn path(&self) -> AttributePath {
        AttributePath { sub: self.sub.clone(), ..self.attribute.clone() }
    }
}

impl FromStr for RowTarget {
    type Err = InvalidRowTarget;

    fn from_str(text: &str) -> Result<Self, InvalidRowTarget> {
        let path_error = |cause| InvalidRowTarget::Path { text: text.to_owned(), cause };
        let Some(end) = text.rfind(']') else {
            let path = AttributePath::parse(text).map_err(path_error)?;
            return Ok(Self { attribute: path.without_sub(), element: None, sub: path.sub });
        };
        let element_error =
            |cause: &str| InvalidRowTarget::Element { text: text.to_owned(), cause: cause.to_owned() };
        let filter = Filter::parse(&text[..=end]).map_err(|error| element_error(&error.to_string()))?;
        let Filter::Element { path, filter } = filter else {
            return Err(element_error("the brackets have to follow an attribute"));
        };
        let element =
            equalities(&filter).ok_or_else(|| element_error("only `eq`, joined by `and`, tells a value"))?;
        let sub = match &text[end + 1..] {
            "" => None,
            rest => match rest.strip_prefix('.').map(AttributeName::parse) {
                Some(Ok(sub)) => Some(sub),
                _ => {
                    return Err(element_error("what follows the brackets has to be `.` and a sub-attribute"));
                }
            },
        };
        Ok(Self { attribute: path.without_sub(), element: Some(element), sub })
    }
}

/// The pairs of `a eq 1 and b eq 2`; `None` for any other filter.
fn equalities(filter: &Filter) -> Option<Vec<(AttributeName, FilterValue)>> {
    match filter {
        Filter::Compare { path, operator: Comparison::Equal, value } => {
            Some(vec![(path.attribute.clone(), value.clone())])
        }
        Filter::And(operands) => {
            let pairs: Option<Vec<_>> = operands.iter().map(equalities).collect();
            pairs.map(|pairs| pairs.into_iter().flatten().collect())
        }
        _ => None,
    }
}

impl fmt::Display for RowTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter = self.element.as_ref().and_then(|pairs| {
            Filter::all(pairs.iter().map(|(name, value)| Filter::eq(name.clone().into(), value.clone())))
        });
        match filter {
            Some(filter) => write!(f, "{}", Filter::element(self.attribute.clone(), filter))?,
            None => write!(f, "{}", self.attribute)?,
        }
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

impl RowTarget {
    /// The whole of this attribute.
    pub(crate) fn whole(attribute: &AttributePath) -> Self {
        Self { attribute: attribute.without_sub(), element: None, sub: None }
    }

    /// The attribute, without the part.
    pub(crate) fn attribute(&self) -> &AttributePath {
        &self.attribute
    }

    /// Whether the target is all of the attribute.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.element.is_none() && self.sub.is_none()
    }

    /// The sub-attribute that is meant; a value of a multi-valued attribute has its own in `value`.
    fn part(&self) -> AttributeName {
        self.sub.clone().unwrap_or(AttributeName::VALUE)
    }

    pub(crate) fn put(&self, map: &mut AttributeMap, value: Filling) -> Result<(), String> {
        if self.is_whole() {
            let value = match value {
                Filling::One(scalar) => AttributeValue::One(scalar),
                Filling::Many(scalars) => AttributeValue::Many(scalars),
                Filling::Links(links) => {
                    AttributeValue::Complexes(links.into_iter().map(reference).collect())
                }
                Filling::Json(value) => AttributeValue::Json(value),
                Filling::Whole(value) => value,
            };
            map.set(self.attribute.clone(), value);
            return Ok(());
        }
        let Some(value) = self.sub_value(value)? else {
            self.clear(map);
            return Ok(());
        };
        let part = SubAttribute { name: self.part(), value };
        let existing = map.get(&self.attribute).cloned();
        let merged = match (&self.element, existing) {
            (None, Some(AttributeValue::Complex(mut parts))) => {
                put_part(&mut parts, part);
                AttributeValue::Complex(parts)
            }
            (None, _) => AttributeValue::Complex(vec![part]),
            (Some(pairs), Some(AttributeValue::Complexes(mut items))) => {
                match items.iter_mut().find(|item| has_pairs(item, pairs)) {
                    Some(item) => put_part(item, part),
                    None => items.push(new_item(pairs, part)),
                }
                AttributeValue::Complexes(items)
            }
            (Some(pairs), _) => AttributeValue::Complexes(vec![new_item(pairs, part)]),
        };
        map.set(self.attribute.clone(), merged);
        Ok(())
    }

    /// No value: the attribute goes, unless another row gave a part of it.
    pub(crate) fn clear(&self, map: &mut AttributeMap) {
        if map.get(&self.attribute).is_none() {
            map.set(self.attribute.clone(), AttributeValue::Clear);
        }
    }

    /// The value for a part; `None` where the module's attribute does not have that part.
    fn sub_value(&self, value: Filling) -> Result<Option<SubValue>, String> {
        match value {
            Filling::One(scalar) => Ok(Some(SubValue::One(scalar))),
            Filling::Many(scalars) => Ok(Some(SubValue::Many(scalars))),
            Filling::Links(links) => Ok(Some(SubValue::Many(links.into_iter().map(Scalar::Link).collect()))),
            Filling::Json(value) => json_sub_value(value).map(Some),
            Filling::Whole(value) => self.part_of(value),
        }
    }

    /// The part of a module's attribute that stands where the target stands; a scalar is the part itself.
    fn part_of(&self, value: AttributeValue) -> Result<Option<SubValue>, String> {
        let named = |parts: Vec<SubAttribute>| {
            parts.into_iter().find(|part| part.name == self.part()).map(|part| part.value)
        };
        match (value, &self.element) {
            (AttributeValue::One(scalar), _) => Ok(Some(SubValue::One(scalar))),
            (AttributeValue::Many(scalars), _) => Ok(Some(SubValue::Many(scalars))),
            (AttributeValue::Complex(parts), None) => Ok(named(parts)),
            (AttributeValue::Complexes(items), Some(pairs)) => {
                Ok(items.into_iter().find(|item| has_pairs(item, pairs)).and_then(named))
            }
            (AttributeValue::Json(value), _) => json_sub_value(value).map(Some),
            (AttributeValue::Clear, _) => Ok(None),
            (AttributeValue::Complex(_) | AttributeValue::Complexes(_), _) => Err(
                "the script gives a value with parts, which does not fit here; let it return a string, a number or a \
                 truth value, or give the row the whole attribute"
                    .to_owned(),
            ),
        }
    }

    /// Takes out of `desired` what it wants here, so that the resource keeps what it has: the attribute is not
    /// mentioned any more, and a part of it is as it was seen.
    pub(crate) fn leave_as_seen(&self, desired: &mut Desired, seen: &Resource, schemas: &SchemaSet) {
        let canonical = schemas.canonical(&self.attribute);
        let known = desired.iter().map(|(path, _)| path).find(|path| schemas.canonical(path) == canonical);
        let Some(path) = known.cloned() else { return };
        if self.is_whole() {
            desired.remove(&path);
            return;
        }
        let wanted = match desired.get(&path) {
            Some(DesiredValue::Set(value)) => value.clone(),
            // Another part is to go; this one stays.
            _ => Value::Null,
        };
        let seen = seen.get(&canonical).cloned().unwrap_or(Value::Null);
        let left = match &self.element {
            None => self.part_as_seen(wanted, &seen),
            Some(pairs) => self.item_as_seen(pairs, wanted, &seen),
        };
        let is_empty =
            left.as_object().is_some_and(Map::is_empty) || left.as_array().is_some_and(Vec::is_empty);
        desired.set(&path, if is_empty { DesiredValue::Clear } else { DesiredValue::Set(left) });
    }

    fn part_as_seen(&self, wanted: Value, seen: &Value) -> Value {
        let mut parts = match wanted {
            Value::Object(parts) => parts,
            _ => Map::new(),
        };
        let part = self.part();
        parts.retain(|name, _| part != *name.as_str());
        let kept = seen.as_object().and_then(|seen| seen.iter().find(|(name, _)| part == *name.as_str()));
        if let Some((name, value)) = kept.filter(|(_, value)| !value.is_null()) {
            parts.insert(name.clone(), value.clone());
        }
        Value::Object(parts)
    }

    fn item_as_seen(&self, pairs: &[(AttributeName, FilterValue)], wanted: Value, seen: &Value) -> Value {
        let mut items = match wanted {
            Value::Array(items) => items,
            _ => Vec::new(),
        };
        let is_meant = |item: &Value| {
            pairs.iter().all(|(name, value)| field(item, name).is_some_and(|found| *found == json_of(value)))
        };
        let kept = seen.as_array().and_then(|seen| seen.iter().find(|item| is_meant(item)));
        let own = items.iter().position(is_meant).map(|index| items.remove(index));
        let bare = Value::Object(
            pairs.iter().map(|(name, value)| (name.as_str().to_owned(), json_of(value))).collect(),
        );
        let item = self.part_as_seen(own.unwrap_or_else(|| bare.clone()), kept.unwrap_or(&Value::Null));
        if item.as_object().map(Map::len) > bare.as_object().map(Map::len) {
            items.push(item);
        }
        Value::Array(items)
    }
}

fn field<'v>(item: &'v Value, name: &AttributeName) -> Option<&'v Value> {
    item.as_object()?.iter().find(|(known, _)| *name == *known.as_str()).map(|(_, value)| value)
}

fn put_part(parts: &mut Vec<SubAttribute>, part: SubAttribute) {
    parts.retain(|known| known.name != part.name);
    parts.push(part);
}

/// RFC 7643 section 2.4: a value of a list of references has the id in `value`.
fn reference(link: RecordLink) -> Vec<SubAttribute> {
    vec![SubAttribute { name: AttributeName::VALUE, value: SubValue::One(Scalar::Link(link)) }]
}

fn json_sub_value(value: Value) -> Result<SubValue, String> {
    match value {
        Value::String(text) => Ok(SubValue::One(Scalar::Text(text))),
        Value::Bool(truth) => Ok(SubValue::One(Scalar::Boolean(truth))),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(SubValue::One(Scalar::Integer(whole))),
            (None, Some(real)) => Ok(SubValue::One(Scalar::Decimal(real))),
            (None, None) => Err(format!("{number} is out of range")),
        },
        _ => Err("a sub-attribute takes a string, a number or a truth value".to_owned()),
    }
}

fn scalar_of(value: &FilterValue) -> Scalar {
    match value {
        FilterValue::Null => Scalar::Text(String::new()),
        FilterValue::Boolean(truth) => Scalar::Boolean(*truth),
        FilterValue::Text(text) => Scalar::Text(text.clone()),
        FilterValue::Number(number) => match number.as_i64() {
            Some(whole) => Scalar::Integer(whole),
            None => Scalar::Decimal(number.as_f64().unwrap_or_default()),
        },
    }
}

fn json_of(value: &FilterValue) -> Value {
    match value {
        FilterValue::Null => Value::Null,
        FilterValue::Boolean(truth) => Value::Bool(*truth),
        FilterValue::Text(text) => Value::String(text.clone()),
        FilterValue::Number(number) => Value::Number(number.clone()),
    }
}

fn new_item(pairs: &[(AttributeName, FilterValue)], part: SubAttribute) -> Vec<SubAttribute> {
    let mut item: Vec<SubAttribute> = pairs
        .iter()
        .map(|(name, value)| SubAttribute { name: name.clone(), value: SubValue::One(scalar_of(value)) })
        .collect();
    put_part(&mut item, part);
    item
}

fn has_pairs(item: &[SubAttribute], pairs: &[(AttributeName, FilterValue)]) -> bool {
    pairs.iter().all(|(name, value)| {
        item.iter().any(|part| part.name == *name && part.value == SubValue::One(scalar_of(value)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::builtin;
    use serde_json::json;

    fn target(text: &str) -> RowTarget {
        text.parse().unwrap()
    }

    #[test]
    fn a_target_prints_as_it_was_written() {
        for text in [
            "title",
            "name.givenName",
            r#"emails[type eq "work"].value"#,
            r#"addresses[type eq "work" and primary eq true].locality"#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
        ] {
            assert_eq!(target(text).to_string(), text);
        }
    }

    #[test]
    fn brackets_that_do_not_tell_one_value_are_refused() {
        for text in [
            r#"emails[type ne "work"].value"#,
            "emails[type pr].value",
            r#"emails[type eq "work"]value"#,
            "[x]",
        ] {
            assert!(matches!(text.parse::<RowTarget>(), Err(InvalidRowTarget::Element { .. })), "{text}");
        }
    }

    /// What is left to want of `attribute` when the target is left as it is seen; `None`: nothing is said of it.
    fn left(text: &str, wanted: Value, seen: Value) -> Option<DesiredValue> {
        let target = target(text);
        let mut desired = Desired::new();
        desired.set(&target.attribute, if wanted.is_null() { DesiredValue::Clear } else { wanted.into() });
        let attribute = target.attribute.attribute.as_str();
        let seen = Resource::from_value(json!({ attribute: seen })).unwrap();
        target.leave_as_seen(&mut desired, &seen, &builtin::user_schema_set());
        desired.get(&target.attribute).cloned()
    }

    #[test]
    fn what_is_left_alone_is_not_mentioned_and_a_part_is_as_it_was_seen() {
        let set = |value: Value| Some(DesiredValue::Set(value));
        assert_eq!(left("title", json!("new"), json!("old")), None);
        assert_eq!(
            left("urn:ietf:params:scim:schemas:core:2.0:User:title", json!("new"), json!("old")),
            None
        );
        let wanted = json!({"givenName": "Zoë", "middleName": "new"});
        let seen = json!({"GIVENNAME": "Z", "MIDDLEname": "old"});
        let kept = json!({"givenName": "Zoë", "MIDDLEname": "old"});
        assert_eq!(left("name.middleName", wanted.clone(), seen), set(kept));
        assert_eq!(left("name.middleName", wanted, json!(null)), set(json!({"givenName": "Zoë"})));
        assert_eq!(
            left("name.middleName", json!(null), json!({"middleName": "old"})),
            set(json!({"middleName": "old"}))
        );
        assert_eq!(left("name.middleName", json!(null), json!(null)), Some(DesiredValue::Clear));

        let wanted = json!([{"type": "work", "value": "new"}, {"type": "home", "value": "h"}]);
        let seen = json!([{"type": "work", "value": "old", "primary": true}]);
        let kept = json!([{"type": "home", "value": "h"}, {"type": "work", "value": "old"}]);
        assert_eq!(left(r#"emails[type eq "work"].value"#, wanted.clone(), seen), set(kept));
        let none = json!([{"type": "home", "value": "h"}]);
        assert_eq!(left(r#"emails[type eq "work"].value"#, wanted, json!(null)), set(none));
    }
}
