//! Values on their way into a guest and out of it.
//!
//! In: a record cut down to what the module may see. Out: checked once, so that nothing behind this file
//! has to ask whether a name parses or a number is finite.

use crate::attributes::{AttributeMap, AttributeValue, RecordLink, Scalar, SubAttribute, SubValue};
use crate::call::LogLevel;
use crate::contract::{log, types as wit};
use crate::error::Fault;
use crate::integers::Integers;
use crate::manifest::Manifest;
use crate::module::{CallContext, Operation};
use crate::text;
use scimwright_record::{FieldValue, Record, RecordKey, ResourceTypeName};
use scimwright_scim::{AttributeName, AttributePath, urn};

/// The most parts of one complex value. SCIM's largest have some ten.
const MAX_PARTS: usize = 128;

/// The context of a call, with the module's settings.
pub(crate) fn context(context: &CallContext, settings: &[(String, String)]) -> wit::Context {
    wit::Context {
        tenant: context.tenant.as_str().to_owned(),
        provider: context.provider.as_str().to_owned(),
        resource_type: context.resource_type.as_str().to_owned(),
        operation: match context.operation {
            Operation::Create => wit::Operation::Create,
            Operation::Update => wit::Operation::Update,
            Operation::Preview => wit::Operation::Preview,
        },
        now: context.now.clone(),
        settings: settings.to_vec(),
    }
}

/// A record with only the fields whose names are `wanted`.
pub(crate) fn cut_record(record: &Record, wanted: impl Fn(&str) -> bool) -> wit::SourceRecord {
    let fields = record.fields().iter().filter(|field| wanted(&field.name));
    wit::SourceRecord {
        source: record.source().as_str().to_owned(),
        key: record.key().as_str().to_owned(),
        fields: fields
            .map(|field| wit::Field { name: field.name.clone(), value: field_value(&field.value) })
            .collect(),
    }
}

fn field_value(value: &FieldValue) -> wit::FieldValue {
    match value {
        FieldValue::Null => wit::FieldValue::Null,
        FieldValue::Text(text) => wit::FieldValue::Text(text.clone()),
        FieldValue::Boolean(value) => wit::FieldValue::Boolean(*value),
        FieldValue::Integer(value) => wit::FieldValue::Integer(*value),
        FieldValue::Decimal(value) => wit::FieldValue::Decimal(*value),
        FieldValue::DateTime(text) => wit::FieldValue::DateTime(text.clone()),
        FieldValue::Binary(bytes) => wit::FieldValue::Binary(bytes.clone()),
        FieldValue::Many(texts) => wit::FieldValue::Many(texts.clone()),
        FieldValue::Json(value) => wit::FieldValue::Json(value.to_string()),
    }
}

/// The attributes that a mapping made, for a module that fills in what is missing.
pub(crate) fn attributes(map: &AttributeMap) -> Vec<wit::Attribute> {
    map.iter()
        .map(|(path, value)| wit::Attribute { name: path.to_string(), value: attribute_value(value) })
        .collect()
}

fn attribute_value(value: &AttributeValue) -> wit::AttributeValue {
    match value {
        AttributeValue::One(value) => wit::AttributeValue::One(scalar(value)),
        AttributeValue::Many(values) => wit::AttributeValue::Many(values.iter().map(scalar).collect()),
        AttributeValue::Complex(subs) => wit::AttributeValue::Complex(sub_attributes(subs)),
        AttributeValue::Complexes(items) => {
            wit::AttributeValue::Complexes(items.iter().map(|subs| sub_attributes(subs)).collect())
        }
        AttributeValue::Json(value) => wit::AttributeValue::Json(value.to_string()),
        AttributeValue::Clear => wit::AttributeValue::Clear,
    }
}

fn sub_attributes(subs: &[SubAttribute]) -> Vec<wit::SubAttribute> {
    let value = |value: &SubValue| match value {
        SubValue::One(value) => wit::SubValue::One(scalar(value)),
        SubValue::Many(values) => wit::SubValue::Many(values.iter().map(scalar).collect()),
    };
    subs.iter()
        .map(|sub| wit::SubAttribute { name: sub.name.as_str().to_owned(), value: value(&sub.value) })
        .collect()
}

fn scalar(value: &Scalar) -> wit::Scalar {
    match value {
        Scalar::Text(text) => wit::Scalar::Text(text.clone()),
        Scalar::Boolean(value) => wit::Scalar::Boolean(*value),
        Scalar::Integer(value) => wit::Scalar::Integer(*value),
        Scalar::Decimal(value) => wit::Scalar::Decimal(*value),
        Scalar::DateTime(text) => wit::Scalar::DateTime(text.clone()),
        Scalar::Binary(bytes) => wit::Scalar::Binary(bytes.clone()),
        Scalar::Reference(text) => wit::Scalar::Reference(text.clone()),
        Scalar::Link(link) => wit::Scalar::Link(wit::RecordLink {
            resource_type: link.resource_type.as_str().to_owned(),
            key: link.key.as_str().to_owned(),
        }),
    }
}

/// The level of a message, in our words.
pub(crate) fn level(level: log::Level) -> LogLevel {
    match level {
        log::Level::Trace => LogLevel::Trace,
        log::Level::Debug => LogLevel::Debug,
        log::Level::Info => LogLevel::Info,
        log::Level::Warn => LogLevel::Warn,
        log::Level::Error => LogLevel::Error,
    }
}

/// What a mapping says when it returns no attributes.
pub(crate) fn refusal(error: wit::MappingError) -> Fault {
    match error {
        wit::MappingError::InvalidRecord(invalid) => Fault::InvalidRecord {
            field: invalid.field.map(|field| text::tame(&field, 256)),
            message: text::tame_message(&invalid.message),
        },
        wit::MappingError::LookupFailed(message) => {
            Fault::LookupFailed { message: text::tame_message(&message) }
        }
        wit::MappingError::Rejected(message) => Fault::Rejected { message: text::tame_message(&message) },
        wit::MappingError::Other(message) => Fault::Other { message: text::tame_message(&message) },
    }
}

/// Checks the attributes that a guest returned: names, values, declared, each once.
pub(crate) fn attribute_map(
    raw: Vec<wit::Attribute>,
    manifest: &Manifest,
    integers: Integers,
) -> Result<AttributeMap, Fault> {
    let mut map = AttributeMap::new();
    for attribute in raw {
        let path = attribute_path(&attribute.name)?;
        if !manifest.declares(&path) {
            return Err(Fault::UndeclaredAttribute {
                attribute: path.to_string(),
                declared: manifest.writes.iter().map(AttributePath::to_string).collect(),
            });
        }
        let value = Checker { path: &path, integers }.attribute(attribute.value)?;
        if map.get(&path).is_some() {
            return Err(Fault::RepeatedAttribute { attribute: path.to_string() });
        }
        map.set(path, value);
    }
    Ok(map)
}

/// The path of an attribute that a guest names.
fn attribute_path(name: &str) -> Result<AttributePath, Fault> {
    let bad = |problem: String| Fault::BadValue { attribute: text::tame(name, 128), problem };
    let path = AttributePath::parse(name).map_err(|error| {
        bad(format!("a name that cannot be one: {}", text::tame_message(&error.to_string())))
    })?;
    if path.sub.is_some() {
        let whole = AttributePath { sub: None, ..path };
        return Err(bad(format!(
            "the name of a part; a part is returned inside the complex value of `{whole}`"
        )));
    }
    Ok(core_path(path))
}

/// RFC 7644 section 3.10: the URN of the core schema may be left out. Left out here, so that one attribute
/// has one name however a module writes it.
pub(crate) fn core_path(path: AttributePath) -> AttributePath {
    match &path.schema {
        Some(schema) if [urn::USER, urn::GROUP].contains(schema) => AttributePath { schema: None, ..path },
        _ => path,
    }
}

/// Checks the values of one attribute.
struct Checker<'a> {
    path: &'a AttributePath,
    integers: Integers,
}

impl Checker<'_> {
    fn bad(&self, sub: Option<&AttributeName>, problem: String) -> Fault {
        let path = AttributePath { sub: sub.cloned(), ..self.path.clone() };
        Fault::BadValue { attribute: path.to_string(), problem }
    }

    fn attribute(&self, raw: wit::AttributeValue) -> Result<AttributeValue, Fault> {
        Ok(match raw {
            wit::AttributeValue::One(value) => AttributeValue::One(self.scalar(None, value)?),
            wit::AttributeValue::Many(values) => AttributeValue::Many(self.scalars(None, values)?),
            wit::AttributeValue::Complex(subs) => AttributeValue::Complex(self.complex(subs)?),
            wit::AttributeValue::Complexes(items) => AttributeValue::Complexes(
                items.into_iter().map(|subs| self.complex(subs)).collect::<Result<_, _>>()?,
            ),
            wit::AttributeValue::Json(json) => {
                let parsed = serde_json::from_str(&json);
                AttributeValue::Json(
                    parsed.map_err(|error| self.bad(None, format!("JSON that is none: {error}")))?,
                )
            }
            wit::AttributeValue::Clear => AttributeValue::Clear,
        })
    }

    fn complex(&self, raw: Vec<wit::SubAttribute>) -> Result<Vec<SubAttribute>, Fault> {
        if raw.len() > MAX_PARTS {
            return Err(self.bad(None, format!("a value of {} parts, {MAX_PARTS} are allowed", raw.len())));
        }
        let mut subs: Vec<SubAttribute> = Vec::with_capacity(raw.len());
        for sub in raw {
            let name = AttributeName::parse(&sub.name).map_err(|error| {
                self.bad(
                    None,
                    format!("a part whose name cannot be one: {}", text::tame_message(&error.to_string())),
                )
            })?;
            if subs.iter().any(|known| known.name == name) {
                return Err(self.bad(Some(&name), "the part given twice".to_owned()));
            }
            let value = match sub.value {
                wit::SubValue::One(value) => SubValue::One(self.scalar(Some(&name), value)?),
                wit::SubValue::Many(values) => SubValue::Many(self.scalars(Some(&name), values)?),
            };
            subs.push(SubAttribute { name, value });
        }
        Ok(subs)
    }

    fn scalars(&self, sub: Option<&AttributeName>, raw: Vec<wit::Scalar>) -> Result<Vec<Scalar>, Fault> {
        raw.into_iter().map(|value| self.scalar(sub, value)).collect()
    }

    fn scalar(&self, sub: Option<&AttributeName>, raw: wit::Scalar) -> Result<Scalar, Fault> {
        Ok(match raw {
            wit::Scalar::Text(text) => Scalar::Text(text),
            wit::Scalar::Boolean(value) => Scalar::Boolean(value),
            wit::Scalar::Integer(value) if !self.integers.survives(value) => {
                return Err(self.bad(
                    sub,
                    format!(
                        "the integer {value}, which JavaScript does not tell from its neighbours; it should be \
                         returned as text"
                    ),
                ));
            }
            wit::Scalar::Integer(value) => Scalar::Integer(value),
            // JSON has no word for what is not finite.
            wit::Scalar::Decimal(value) if !value.is_finite() => {
                return Err(self.bad(sub, format!("the number {value}, which JSON cannot say")));
            }
            wit::Scalar::Decimal(value) => Scalar::Decimal(value),
            wit::Scalar::DateTime(text) if !is_date_time(&text) => {
                let text = text::tame(&text, 64);
                let problem =
                    format!("the moment `{text}`, which is not RFC 3339 like `2024-03-01T08:00:00Z`");
                return Err(self.bad(sub, problem));
            }
            wit::Scalar::DateTime(text) => Scalar::DateTime(text),
            wit::Scalar::Binary(bytes) => Scalar::Binary(bytes),
            wit::Scalar::Reference(text) => Scalar::Reference(text),
            wit::Scalar::Link(link) => {
                let problem =
                    |error: scimwright_record::InvalidName| self.bad(sub, format!("a link: {error}"));
                Scalar::Link(RecordLink {
                    resource_type: ResourceTypeName::parse(&link.resource_type).map_err(problem)?,
                    key: RecordKey::parse(&link.key).map_err(problem)?,
                })
            }
        })
    }
}

/// Whether the text is a moment as RFC 3339 section 5.6 writes it. Its shape is looked at first, because
/// the parser behind it knows more spellings than SCIM allows (RFC 7643 section 2.3.5).
fn is_date_time(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let Some((head, mut tail)) = bytes.split_at_checked(SHAPE.len()) else { return false };
    let fits = head.iter().zip(SHAPE).all(|(byte, shape)| match shape {
        b'0' => byte.is_ascii_digit(),
        shape => byte.eq_ignore_ascii_case(shape),
    });
    if let [b'.', fraction @ ..] = tail {
        let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 9 {
            return false;
        }
        tail = &fraction[digits..];
    }
    let offset = match tail {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    fits && offset && text.parse::<jiff::Timestamp>().is_ok()
}

/// What a value weighs in the host, counted exactly as wasmtime counts hostcall fuel while it takes the
/// value in: text and bytes as they are, list items at their size in the host.
pub(crate) trait Weight {
    fn weight(&self) -> usize;
}

impl Weight for String {
    fn weight(&self) -> usize {
        self.len()
    }
}

impl Weight for u8 {
    fn weight(&self) -> usize {
        0
    }
}

impl<T: Weight> Weight for Vec<T> {
    fn weight(&self) -> usize {
        size_of::<T>() * self.len() + self.iter().map(T::weight).sum::<usize>()
    }
}

impl Weight for wit::Attribute {
    fn weight(&self) -> usize {
        self.name.weight()
            + match &self.value {
                wit::AttributeValue::One(value) => value.weight(),
                wit::AttributeValue::Many(values) => values.weight(),
                wit::AttributeValue::Complex(subs) => subs.weight(),
                wit::AttributeValue::Complexes(items) => items.weight(),
                wit::AttributeValue::Json(json) => json.weight(),
                wit::AttributeValue::Clear => 0,
            }
    }
}

impl Weight for wit::SubAttribute {
    fn weight(&self) -> usize {
        self.name.weight()
            + match &self.value {
                wit::SubValue::One(value) => value.weight(),
                wit::SubValue::Many(values) => values.weight(),
            }
    }
}

impl Weight for wit::Scalar {
    fn weight(&self) -> usize {
        match self {
            wit::Scalar::Text(text) | wit::Scalar::DateTime(text) | wit::Scalar::Reference(text) => {
                text.weight()
            }
            wit::Scalar::Binary(bytes) => bytes.len(),
            wit::Scalar::Link(link) => link.resource_type.weight() + link.key.weight(),
            wit::Scalar::Boolean(_) | wit::Scalar::Integer(_) | wit::Scalar::Decimal(_) => 0,
        }
    }
}

impl Weight for wit::Outcome {
    fn weight(&self) -> usize {
        match self {
            wit::Outcome::Provision(attributes) => attributes.weight(),
            wit::Outcome::Skip(reason) => reason.weight(),
        }
    }
}

impl<T: Weight> Weight for Result<T, wit::MappingError> {
    fn weight(&self) -> usize {
        match self {
            Ok(value) => value.weight(),
            // A refusal's size is nobody's concern.
            Err(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let writes = ["userName", "name", "title"].map(|name| AttributePath::parse(name).unwrap());
        Manifest {
            name: "test".into(),
            version: "1".into(),
            description: String::new(),
            reads: crate::manifest::Reads::All,
            writes: writes.into(),
            lookups: Vec::new(),
            settings: Vec::new(),
            reuse: None,
        }
    }

    fn check(name: &str, value: wit::AttributeValue) -> Result<AttributeMap, Fault> {
        attribute_map(vec![wit::Attribute { name: name.into(), value }], &manifest(), Integers::All)
    }

    fn one(value: wit::Scalar) -> wit::AttributeValue {
        wit::AttributeValue::One(value)
    }

    fn problem(name: &str, value: wit::AttributeValue) -> String {
        check(name, value).unwrap_err().to_string()
    }

    #[test]
    fn a_value_that_json_cannot_say_is_refused() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let text = problem("title", one(wit::Scalar::Decimal(value)));
            assert!(text.contains("`title`") && text.contains("JSON cannot say"), "{text}");
        }
        assert!(check("title", one(wit::Scalar::Decimal(-0.5))).is_ok());
    }

    #[test]
    fn a_moment_is_rfc_3339_and_nothing_else() {
        for text in [
            "2024-03-01T08:00:00Z",
            "2024-03-01t08:00:00.123+01:00",
            "2024-02-29T23:59:60Z",
            "2024-03-01T08:00:00.123456789-11:30",
        ] {
            assert!(is_date_time(text), "{text}");
        }
        for text in [
            "2024-03-01",
            "2024-03-01 08:00:00Z",
            "2024-03-01T08:00:00",
            "2024-03-01T08:00Z",
            "2023-02-29T00:00:00Z",
            "2024-03-01T25:00:00Z",
            "2024-03-01T08:00:00.Z",
            "2024-03-01T08:00:00+01:00[Europe/Paris]",
            "2024-03-01T08:00:00+0100",
            "",
            "２024-03-01T08:00:00Z",
        ] {
            assert!(!is_date_time(text), "{text}");
        }
    }

    #[test]
    fn json_that_is_none_is_refused() {
        let text = problem("title", wit::AttributeValue::Json("{\"a\":".into()));
        assert!(text.contains("JSON that is none"), "{text}");
    }

    #[test]
    fn an_undeclared_attribute_names_what_is_declared() {
        let text = problem("nickName", wit::AttributeValue::Clear);
        assert!(text.contains("`nickName`") && text.contains("`userName`, `name` and `title`"), "{text}");
    }

    #[test]
    fn the_core_schemas_urn_may_be_left_out() {
        let map =
            check("urn:ietf:params:scim:schemas:core:2.0:User:TITLE", wit::AttributeValue::Clear).unwrap();
        assert!(map.get(&AttributePath::parse("title").unwrap()).is_some());
    }

    #[test]
    fn an_attribute_or_a_part_given_twice_is_refused() {
        let twice = ["title", "Title"]
            .map(|name| wit::Attribute { name: name.into(), value: wit::AttributeValue::Clear });
        let fault = attribute_map(twice.into(), &manifest(), Integers::All).unwrap_err();
        assert!(matches!(fault, Fault::RepeatedAttribute { .. }), "{fault}");

        let part = |name: &str| wit::SubAttribute {
            name: name.into(),
            value: wit::SubValue::One(wit::Scalar::Text("x".into())),
        };
        let text = problem("name", wit::AttributeValue::Complex(vec![part("givenName"), part("givenname")]));
        assert!(text.contains("`name.givenname`") && text.contains("twice"), "{text}");
    }

    #[test]
    fn a_part_of_an_attribute_is_not_an_attribute() {
        let text = problem("name.givenName", one(wit::Scalar::Text("Zoë".into())));
        assert!(text.contains("complex value of `name`"), "{text}");
    }

    #[test]
    fn a_link_to_no_possible_record_is_refused() {
        let link = wit::RecordLink { resource_type: "User".into(), key: String::new() };
        let text = problem("title", one(wit::Scalar::Link(link)));
        assert!(text.contains("record key"), "{text}");
    }
}
