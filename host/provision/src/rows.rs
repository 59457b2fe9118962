//! Attribute rows: the part of a mapping that needs no module.
//!
//! A row gives one attribute, one part of it, or one value of a multi-valued one, from a field, a constant
//! or a link to another record. Its target is written as a PATCH path is (RFC 7644 section 3.5.2):
//! `title`, `name.givenName`, `emails[type eq "work"].value`, or with a URN in front.

use scimwright_mapping::{AttributeMap, AttributeValue, RecordLink, Scalar, SubAttribute, SubValue};
use scimwright_record::{FieldValue, Record, RecordKey, ResourceTypeName};
use scimwright_scim::{AttributeName, AttributePath, Comparison, Filter, FilterValue, InvalidPath};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeRow {
    /// What the row gives.
    pub target: RowTarget,
    /// Where the value comes from.
    pub value: RowValue,
    /// Used where the field is empty. Without it, an empty field clears the attribute at the provider.
    pub default: Option<Value>,
}

/// Where a row's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum RowValue {
    /// A field of the record.
    Field(String),
    /// The same for every record.
    Constant(Value),
    /// The resource of another record, whose key a field holds.
    Link {
        /// The other record's resource type.
        resource_type: ResourceTypeName,
        /// The field that holds its key.
        field: String,
    },
}

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

/// A row that a record could not fill.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {key}: the row `{target}` cannot be filled: {reason}")]
pub struct RowError {
    /// The record.
    pub key: RecordKey,
    /// The row.
    pub target: String,
    /// Why not, and what to do.
    pub reason: String,
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

impl AttributeRow {
    /// Puts the row's value for a record into the map. Where the source has `columns`, a field that the record
    /// lacks is an error; elsewhere it is empty.
    ///
    /// # Errors
    /// [`RowError`] when the record's field holds something the target cannot take.
    pub fn apply(&self, record: &Record, columns: bool, map: &mut AttributeMap) -> Result<(), RowError> {
        let fail =
            |reason: String| RowError { key: record.key().clone(), target: self.target.to_string(), reason };
        match self.value_for(record, columns).map_err(fail)? {
            Some(value) => self.target.put(map, value).map_err(fail),
            None => {
                self.target.clear(map);
                Ok(())
            }
        }
    }

    fn value_for(&self, record: &Record, columns: bool) -> Result<Option<RowScalar>, String> {
        match &self.value {
            RowValue::Constant(value) => Ok(Some(RowScalar::Json(value.clone()))),
            RowValue::Field(field) => {
                let found = from_field(record, field, columns)?;
                Ok(found.or_else(|| self.default.clone().map(RowScalar::Json)))
            }
            RowValue::Link { resource_type, field } => link(record, resource_type, field, columns),
        }
    }
}

/// What a row puts into its place.
enum RowScalar {
    One(Scalar),
    Many(Vec<Scalar>),
    Json(Value),
}

/// A field's value; `None` where it is empty.
fn from_field(record: &Record, field: &str, columns: bool) -> Result<Option<RowScalar>, String> {
    let Some(value) = record.field(field) else {
        if !columns {
            return Ok(None);
        }
        let known: Vec<&str> = record.fields().iter().map(|field| field.name.as_str()).collect();
        return Err(format!("the source has no field `{field}`; it has: {}", known.join(", ")));
    };
    let one = |scalar| Ok(Some(RowScalar::One(scalar)));
    match value {
        FieldValue::Null => Ok(None),
        FieldValue::Text(text) if text.trim().is_empty() => Ok(None),
        FieldValue::Text(text) => one(Scalar::Text(text.clone())),
        FieldValue::Boolean(truth) => one(Scalar::Boolean(*truth)),
        FieldValue::Integer(number) => one(Scalar::Integer(*number)),
        FieldValue::Decimal(number) => one(Scalar::Decimal(*number)),
        FieldValue::DateTime(moment) => one(Scalar::DateTime(moment.clone())),
        FieldValue::Binary(bytes) => one(Scalar::Binary(bytes.clone())),
        FieldValue::Many(items) if items.is_empty() => Ok(None),
        FieldValue::Many(items) => {
            Ok(Some(RowScalar::Many(items.iter().cloned().map(Scalar::Text).collect())))
        }
        FieldValue::Json(value) => Ok(Some(RowScalar::Json(value.clone()))),
    }
}

fn link(
    record: &Record,
    resource_type: &ResourceTypeName,
    field: &str,
    columns: bool,
) -> Result<Option<RowScalar>, String> {
    let key = match from_field(record, field, columns)? {
        None => return Ok(None),
        Some(RowScalar::One(Scalar::Text(text))) => text,
        Some(RowScalar::One(Scalar::Integer(number))) => number.to_string(),
        Some(_) => return Err(format!("field `{field}` has to hold the key of a record, as text")),
    };
    let key = RecordKey::parse(key.trim()).map_err(|error| format!("field `{field}`: {error}"))?;
    Ok(Some(RowScalar::One(Scalar::Link(RecordLink { resource_type: resource_type.clone(), key }))))
}

impl RowTarget {
    fn put(&self, map: &mut AttributeMap, value: RowScalar) -> Result<(), String> {
        if self.element.is_none() && self.sub.is_none() {
            let value = match value {
                RowScalar::One(scalar) => AttributeValue::One(scalar),
                RowScalar::Many(scalars) => AttributeValue::Many(scalars),
                RowScalar::Json(value) => AttributeValue::Json(value),
            };
            map.set(self.attribute.clone(), value);
            return Ok(());
        }
        let name = self.sub.clone().unwrap_or(AttributeName::VALUE);
        let part = SubAttribute { name, value: sub_value(value)? };
        let existing = map.get(&self.attribute).cloned();
        let merged = match (&self.element, existing) {
            (None, Some(AttributeValue::Complex(mut parts))) => {
                parts.retain(|known| known.name != part.name);
                parts.push(part);
                AttributeValue::Complex(parts)
            }
            (None, _) => AttributeValue::Complex(vec![part]),
            (Some(pairs), Some(AttributeValue::Complexes(mut items))) => {
                match items.iter_mut().find(|item| has_pairs(item, pairs)) {
                    Some(item) => item.push(part),
                    None => items.push(new_item(pairs, part)),
                }
                AttributeValue::Complexes(items)
            }
            (Some(pairs), _) => AttributeValue::Complexes(vec![new_item(pairs, part)]),
        };
        map.set(self.attribute.clone(), merged);
        Ok(())
    }

    /// An empty field: the attribute goes, unless another row gave a part of it.
    fn clear(&self, map: &mut AttributeMap) {
        if map.get(&self.attribute).is_none() {
            map.set(self.attribute.clone(), AttributeValue::Clear);
        }
    }
}

fn sub_value(value: RowScalar) -> Result<SubValue, String> {
    match value {
        RowScalar::One(scalar) => Ok(SubValue::One(scalar)),
        RowScalar::Many(scalars) => Ok(SubValue::Many(scalars)),
        RowScalar::Json(value) => match value {
            Value::String(text) => Ok(SubValue::One(Scalar::Text(text))),
            Value::Bool(truth) => Ok(SubValue::One(Scalar::Boolean(truth))),
            Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Ok(SubValue::One(Scalar::Integer(whole))),
                (None, Some(real)) => Ok(SubValue::One(Scalar::Decimal(real))),
                (None, None) => Err(format!("{number} is out of range")),
            },
            _ => Err("a sub-attribute takes a string, a number or a truth value".to_owned()),
        },
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

fn new_item(pairs: &[(AttributeName, FilterValue)], part: SubAttribute) -> Vec<SubAttribute> {
    let mut item: Vec<SubAttribute> = pairs
        .iter()
        .map(|(name, value)| SubAttribute { name: name.clone(), value: SubValue::One(scalar_of(value)) })
        .collect();
    item.push(part);
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
    use scimwright_record::SourceName;
    use serde_json::json;

    fn row(target: &str, value: RowValue, default: Option<Value>) -> AttributeRow {
        AttributeRow { target: target.parse().unwrap(), value, default }
    }

    fn field(target: &str, name: &str) -> AttributeRow {
        row(target, RowValue::Field(name.into()), None)
    }

    fn record() -> Record {
        Record::new(SourceName::parse("hr").unwrap(), RecordKey::parse("E1").unwrap())
            .with("given", FieldValue::Text("Zoë".into()))
            .with("family", FieldValue::Text("Großmann".into()))
            .with("mail", FieldValue::Text("zoe@example.com".into()))
            .with("title", FieldValue::Text("  ".into()))
            .with("boss", FieldValue::Text("E0".into()))
            .with("floor", FieldValue::Integer(3))
    }

    fn resolved(rows: &[AttributeRow]) -> Value {
        let mut map = AttributeMap::new();
        rows.iter().for_each(|row| row.apply(&record(), true, &mut map).unwrap());
        let (desired, _) = map.resolve(&mut |link| Some(format!("id-of-{}", link.key)));
        let entries = desired.iter().map(|(path, value)| (path.to_string(), json!(format!("{value:?}"))));
        Value::Object(entries.collect())
    }

    #[test]
    fn rows_for_parts_of_one_attribute_add_up() {
        let mut map = AttributeMap::new();
        for row in [
            field("name.givenName", "given"),
            field("name.familyName", "family"),
            field(r#"emails[type eq "work"].value"#, "mail"),
            row(r#"emails[type eq "work"].primary"#, RowValue::Constant(json!(true)), None),
        ] {
            row.apply(&record(), true, &mut map).unwrap();
        }
        let (desired, _) = map.resolve(&mut |_| None);
        let user = desired.to_resource(scimwright_scim::builtin::user_resource_type()).into_value();
        assert_eq!(user["name"], json!({"givenName": "Zoë", "familyName": "Großmann"}));
        assert_eq!(user["emails"], json!([{"type": "work", "value": "zoe@example.com", "primary": true}]));
    }

    #[test]
    fn a_blank_field_takes_the_default_or_clears_the_attribute() {
        let with_default = row("title", RowValue::Field("title".into()), Some(json!("Member of staff")));
        let mut map = AttributeMap::new();
        with_default.apply(&record(), true, &mut map).unwrap();
        field("nickName", "title").apply(&record(), true, &mut map).unwrap();
        let values: Vec<_> = map.iter().map(|(path, value)| (path.to_string(), value.clone())).collect();
        assert_eq!(
            values,
            [
                ("title".to_owned(), AttributeValue::Json(json!("Member of staff"))),
                ("nickName".to_owned(), AttributeValue::Clear),
            ]
        );
    }

    #[test]
    fn a_link_names_the_record_whose_key_the_field_holds() {
        let user = ResourceTypeName::parse("User").unwrap();
        let manager =
            row("manager.value", RowValue::Link { resource_type: user, field: "boss".into() }, None);
        assert!(resolved(&[manager])["manager"].as_str().unwrap().contains("id-of-E0"));
    }

    #[test]
    fn a_field_that_the_source_lacks_is_an_error_that_lists_those_it_has() {
        let error = field("title", "tilte").apply(&record(), true, &mut AttributeMap::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "record E1: the row `title` cannot be filled: the source has no field `tilte`; it has: given, family, \
             mail, title, boss, floor"
        );
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
            assert_eq!(text.parse::<RowTarget>().unwrap().to_string(), text);
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
}
