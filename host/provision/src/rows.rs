//! Attribute rows: the part of a mapping that needs no module of its own.
//!
//! A row gives one attribute, one part of it, or one value of a multi-valued one, from a field, a constant, a
//! link to another record, or an attribute that a module made for it. What it gives is its [`RowTarget`].

use crate::target::{Filling, RowTarget};
use scimwright_mapping::{AttributeMap, AttributeValue, RecordLink, Scalar};
use scimwright_record::{FieldValue, ModuleName, Record, RecordKey, ResourceTypeName};
use scimwright_scim::AttributePath;
use serde_json::Value;
use std::collections::HashSet;

/// One row.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeRow {
    /// What the row gives.
    pub target: RowTarget,
    /// Where the value comes from.
    pub value: RowValue,
    /// Used where there is no value.
    pub default: Option<Value>,
    /// What it means that there is neither a value nor a default.
    pub if_empty: IfEmpty,
    /// When the row counts.
    pub apply: Apply,
}

/// Where a row's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum RowValue {
    /// A field of the record.
    Field(String),
    /// The same for every record.
    Constant(Value),
    /// The resource of another record, whose key a field holds; or of several, whose keys stand in a list.
    Link {
        /// The other records' resource type.
        resource_type: ResourceTypeName,
        /// The field that holds the key, or the list of keys.
        field: String,
    },
    /// An attribute that a module makes.
    Script {
        /// The module. It is called once for a record, however many rows take from it.
        module: ModuleName,
        /// Which of its attributes.
        attribute: AttributePath,
    },
}

/// What it means that a row has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IfEmpty {
    /// The provider is to have none either.
    #[default]
    Clear,
    /// The provider keeps what it has.
    Leave,
    /// The record is at fault.
    Fail,
}

/// When a row counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Apply {
    /// In every run.
    #[default]
    Always,
    /// When the resource is created. What it has later is the provider's affair.
    CreateOnly,
}

/// What a module made of the record, for the rows that take from it.
#[derive(Debug)]
pub struct Scripted<'a> {
    /// The module.
    pub module: &'a ModuleName,
    /// The attributes that it may give.
    pub writes: &'a [AttributePath],
    /// Those that it gave.
    pub attributes: AttributeMap,
}

/// What a row did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// It gave its value.
    Value,
    /// It gave its default.
    Default,
    /// There was nothing to give, and the attribute is to be cleared.
    Cleared,
    /// There was nothing to give, and nothing was done.
    Nothing,
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

/// What a row found where its value comes from.
enum Found {
    Value(Filling),
    /// There is none.
    Empty,
    /// A module said nothing of it.
    Unsaid,
}

impl AttributeRow {
    /// A row that counts always, without a default, and clears what it has no value for.
    #[must_use]
    pub fn new(target: RowTarget, value: RowValue) -> Self {
        Self { target, value, default: None, if_empty: IfEmpty::default(), apply: Apply::default() }
    }

    /// The field that the row reads, if it reads one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        match &self.value {
            RowValue::Field(field) | RowValue::Link { field, .. } => Some(field),
            RowValue::Constant(_) | RowValue::Script { .. } => None,
        }
    }

    /// Puts the row's value for a record into the map. Where the source has `columns`, a field that the record
    /// lacks is an error; elsewhere it is empty.
    ///
    /// # Errors
    /// [`RowError`] when the record's field holds something the target cannot take, or nothing where that is a
    /// mistake.
    pub fn apply(
        &self,
        record: &Record,
        columns: bool,
        scripted: &[Scripted<'_>],
        map: &mut AttributeMap,
    ) -> Result<Filled, RowError> {
        let fail =
            |reason: String| RowError { key: record.key().clone(), target: self.target.to_string(), reason };
        let found = self.find(record, columns, scripted).map_err(fail)?;
        let (value, filled) = match (found, &self.default) {
            (Found::Value(value), _) => (value, Filled::Value),
            (_, Some(default)) => (Filling::Json(default.clone()), Filled::Default),
            (found, None) => {
                return match (self.if_empty, found) {
                    (IfEmpty::Fail, _) => Err(fail(self.emptiness())),
                    (IfEmpty::Clear, Found::Empty) => {
                        self.target.clear(map);
                        Ok(Filled::Cleared)
                    }
                    (IfEmpty::Leave | IfEmpty::Clear, _) => Ok(Filled::Nothing),
                };
            }
        };
        self.target.put(map, value).map_err(fail)?;
        Ok(filled)
    }

    fn find(&self, record: &Record, columns: bool, scripted: &[Scripted<'_>]) -> Result<Found, String> {
        match &self.value {
            RowValue::Constant(value) => Ok(Found::Value(Filling::Json(value.clone()))),
            RowValue::Field(field) => from_field(record, field, columns),
            RowValue::Link { resource_type, field } => link(record, resource_type, field, columns),
            RowValue::Script { module, attribute } => from_script(module, attribute, scripted),
        }
    }

    /// Why a record without a value fails, where that is asked for.
    fn emptiness(&self) -> String {
        match &self.value {
            RowValue::Field(field) | RowValue::Link { field, .. } => {
                format!("field `{field}` is empty, and the row says if_empty = \"fail\"")
            }
            RowValue::Script { module, attribute } => {
                format!("module `{module}` gives no `{attribute}`, and the row says if_empty = \"fail\"")
            }
            RowValue::Constant(_) => "there is no value".to_owned(),
        }
    }
}

/// A field's value. Blank text is empty, as is an empty list.
fn from_field(record: &Record, field: &str, columns: bool) -> Result<Found, String> {
    let Some(value) = record.field(field) else {
        if !columns {
            return Ok(Found::Empty);
        }
        let known: Vec<&str> = record.fields().iter().map(|field| field.name.as_str()).collect();
        let hint = match field.split_once('.') {
            Some((first, _)) if known.contains(&first) => format!(
                ". To follow `{first}` to another source, write references = {{ {first} = \"…\" }} in [source.{}]",
                record.source()
            ),
            _ => String::new(),
        };
        return Err(format!("the source has no field `{field}`; it has: {}{hint}", known.join(", ")));
    };
    let one = |scalar| Ok(Found::Value(Filling::One(scalar)));
    match value {
        FieldValue::Null => Ok(Found::Empty),
        FieldValue::Text(text) if text.trim().is_empty() => Ok(Found::Empty),
        FieldValue::Text(text) => one(Scalar::Text(text.clone())),
        FieldValue::Boolean(truth) => one(Scalar::Boolean(*truth)),
        FieldValue::Integer(number) => one(Scalar::Integer(*number)),
        FieldValue::Decimal(number) => one(Scalar::Decimal(*number)),
        FieldValue::DateTime(moment) => one(Scalar::DateTime(moment.clone())),
        FieldValue::Binary(bytes) => one(Scalar::Binary(bytes.clone())),
        FieldValue::Many(items) if items.is_empty() => Ok(Found::Empty),
        FieldValue::Many(items) => {
            Ok(Found::Value(Filling::Many(items.iter().cloned().map(Scalar::Text).collect())))
        }
        FieldValue::Json(value) => Ok(Found::Value(Filling::Json(value.clone()))),
    }
}

/// The key that a field holds, of this or another source; `None` where it is empty.
pub(crate) fn key_in(value: &FieldValue, field: &str) -> Result<Option<RecordKey>, String> {
    let text = match value {
        FieldValue::Null => return Ok(None),
        FieldValue::Text(text) if text.trim().is_empty() => return Ok(None),
        FieldValue::Text(text) => text.trim().to_owned(),
        FieldValue::Integer(number) => number.to_string(),
        _ => return Err(format!("field `{field}` has to hold the key of a record, as text")),
    };
    RecordKey::parse(&text).map(Some).map_err(|error| format!("field `{field}`: {error}"))
}

fn link(
    record: &Record,
    resource_type: &ResourceTypeName,
    field: &str,
    columns: bool,
) -> Result<Found, String> {
    if let Found::Empty = from_field(record, field, columns)? {
        return Ok(Found::Empty);
    }
    let link = |key| RecordLink { resource_type: resource_type.clone(), key };
    if let Some(FieldValue::Many(texts)) = record.field(field) {
        let keys = keys_in(texts, field)?;
        return Ok(match keys.is_empty() {
            true => Found::Empty,
            false => Found::Value(Filling::Links(keys.into_iter().map(link).collect())),
        });
    }
    let key = record.field(field).map(|value| key_in(value, field)).transpose()?.flatten();
    let Some(key) = key else { return Ok(Found::Empty) };
    Ok(Found::Value(Filling::One(Scalar::Link(link(key)))))
}

/// The keys in a list, each once: who is in a group twice is in it.
fn keys_in(texts: &[String], field: &str) -> Result<Vec<RecordKey>, String> {
    let mut known = HashSet::new();
    let mut keys = Vec::with_capacity(texts.len());
    for text in texts.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
        let key = RecordKey::parse(text).map_err(|error| format!("field `{field}`: {error}"))?;
        if known.insert(key.clone()) {
            keys.push(key);
        }
    }
    Ok(keys)
}

fn from_script(
    module: &ModuleName,
    attribute: &AttributePath,
    scripted: &[Scripted<'_>],
) -> Result<Found, String> {
    let Some(script) = scripted.iter().find(|script| script.module == module) else {
        return Err(format!("module `{module}` was not called"));
    };
    match script.attributes.get(attribute) {
        Some(AttributeValue::Clear) => Ok(Found::Empty),
        Some(value) => Ok(Found::Value(Filling::Whole(value.clone()))),
        None if script.writes.iter().any(|known| known.same_attribute(attribute)) => Ok(Found::Unsaid),
        // Left alone for ever, and nobody would know why.
        None => {
            let writes: Vec<_> = script.writes.iter().map(ToString::to_string).collect();
            Err(format!("module `{module}` does not write `{attribute}`; it writes: {}", writes.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_mapping::{SubAttribute, SubValue};
    use scimwright_record::SourceName;
    use scimwright_scim::AttributeName;
    use serde_json::json;

    fn row(target: &str, value: RowValue, default: Option<Value>) -> AttributeRow {
        AttributeRow { default, ..AttributeRow::new(target.parse().unwrap(), value) }
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
        for row in rows {
            row.apply(&record(), true, &[], &mut map).unwrap();
        }
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
            row.apply(&record(), true, &[], &mut map).unwrap();
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
        with_default.apply(&record(), true, &[], &mut map).unwrap();
        field("nickName", "title").apply(&record(), true, &[], &mut map).unwrap();
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
    fn a_list_of_keys_gives_one_link_for_each_record_it_names() {
        let user = ResourceTypeName::parse("User").unwrap();
        let members = |keys: &[&str]| {
            let keys = keys.iter().map(|&key| key.to_owned()).collect();
            let team = Record::new(SourceName::parse("teams").unwrap(), RecordKey::parse("T1").unwrap())
                .with("member_ids", FieldValue::Many(keys));
            let value = RowValue::Link { resource_type: user.clone(), field: "member_ids".into() };
            let mut map = AttributeMap::new();
            row("members", value, None).apply(&team, true, &[], &mut map).unwrap();
            let (desired, unresolved) =
                map.resolve(&mut |link| (link.key.as_str() != "E9").then(|| format!("id-of-{}", link.key)));
            let members = desired.get(&AttributePath::new(AttributeName::MEMBERS)).cloned();
            (members, unresolved.into_iter().map(|link| link.link.key.to_string()).collect::<Vec<_>>())
        };
        let of = |value: Value| Some(scimwright_scim::DesiredValue::Set(value));
        assert_eq!(
            members(&["E1", " E2", "E1", "", "E9"]),
            (of(json!([{"value": "id-of-E1"}, {"value": "id-of-E2"}])), vec!["E9".to_owned()])
        );
        // Nobody left: the group is empty, and not left alone.
        assert_eq!(members(&[]), (Some(scimwright_scim::DesiredValue::Clear), vec![]));
        assert_eq!(members(&["  "]), (Some(scimwright_scim::DesiredValue::Clear), vec![]));
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
        let error =
            field("title", "tilte").apply(&record(), true, &[], &mut AttributeMap::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "record E1: the row `title` cannot be filled: the source has no field `tilte`; it has: given, family, \
             mail, title, boss, floor"
        );
    }

    #[test]
    fn an_empty_field_clears_leaves_or_fails_as_the_row_says() {
        let filled = |if_empty| {
            let mut map = AttributeMap::new();
            let row = AttributeRow { if_empty, ..field("nickName", "title") };
            row.apply(&record(), true, &[], &mut map).map(|filled| (filled, map.len()))
        };
        assert_eq!(filled(IfEmpty::Clear), Ok((Filled::Cleared, 1)));
        assert_eq!(filled(IfEmpty::Leave), Ok((Filled::Nothing, 0)));
        assert_eq!(
            filled(IfEmpty::Fail).unwrap_err().to_string(),
            "record E1: the row `nickName` cannot be filled: field `title` is empty, and the row says if_empty = \"fail\""
        );
    }

    fn scripted(value: Option<AttributeValue>, row: &AttributeRow) -> Result<Value, String> {
        let writes = [AttributePath::parse("nickName").unwrap()];
        let module = ModuleName::parse("nicks").unwrap();
        let attributes = value.map(|value| (writes[0].clone(), value)).into_iter().collect();
        let scripted = [Scripted { module: &module, writes: &writes, attributes }];
        let mut map = AttributeMap::new();
        row.apply(&record(), true, &scripted, &mut map).map_err(|error| error.reason)?;
        let (desired, _) = map.resolve(&mut |_| None);
        Ok(serde_json::to_value(&desired).unwrap())
    }

    fn script(target: &str, attribute: &str) -> AttributeRow {
        let module = ModuleName::parse("nicks").unwrap();
        row(target, RowValue::Script { module, attribute: attribute.parse().unwrap() }, None)
    }

    #[test]
    fn a_row_takes_what_a_module_made_whole_or_the_part_that_fits() {
        let text = |text: &str| Scalar::Text(text.into());
        let part = |name: &str, value: &str| SubAttribute {
            name: AttributeName::parse(name).unwrap(),
            value: SubValue::One(text(value)),
        };
        let parts = AttributeValue::Complex(vec![part("givenName", "Zoë"), part("familyName", "G")]);
        let work = vec![part("type", "work"), part("value", "zoe@example.com")];
        let items = AttributeValue::Complexes(vec![vec![part("type", "home")], work]);
        let take = |target: &str, value: AttributeValue| scripted(Some(value), &script(target, "nickName"));
        assert_eq!(take("nickName", AttributeValue::One(text("Z"))), Ok(json!({"nickName": "Z"})));
        assert_eq!(take("name", parts.clone()), Ok(json!({"name": {"givenName": "Zoë", "familyName": "G"}})));
        assert_eq!(take("name.givenName", parts.clone()), Ok(json!({"name": {"givenName": "Zoë"}})));
        let work = json!({"emails": [{"type": "work", "value": "zoe@example.com"}]});
        assert_eq!(take(r#"emails[type eq "work"].value"#, items), Ok(work.clone()));
        assert_eq!(
            take(r#"emails[type eq "work"].value"#, AttributeValue::One(text("zoe@example.com"))),
            Ok(work)
        );
        let misfit = take(r#"emails[type eq "work"].value"#, parts).unwrap_err();
        assert!(misfit.starts_with("the script gives a value with parts"), "{misfit}");
    }

    #[test]
    fn what_a_module_says_nothing_of_is_left_alone_and_what_it_never_writes_is_a_mistake() {
        assert_eq!(scripted(None, &script("nickName", "nickName")), Ok(json!({})));
        assert_eq!(
            scripted(Some(AttributeValue::Clear), &script("nickName", "nickName")),
            Ok(json!({"nickName": null}))
        );
        let with_default = AttributeRow { default: Some(json!("-")), ..script("nickName", "nickName") };
        assert_eq!(scripted(None, &with_default), Ok(json!({"nickName": "-"})));
        assert_eq!(scripted(Some(AttributeValue::Clear), &with_default), Ok(json!({"nickName": "-"})));
        assert_eq!(
            scripted(None, &script("title", "title")).unwrap_err(),
            "module `nicks` does not write `title`; it writes: nickName"
        );
    }

    #[test]
    fn a_dotted_field_that_is_no_reference_says_how_to_make_it_one() {
        let error =
            field("title", "boss.name").apply(&record(), true, &[], &mut AttributeMap::new()).unwrap_err();
        assert!(error.reason.ends_with("write references = { boss = \"…\" } in [source.hr]"), "{error}");
    }
}
