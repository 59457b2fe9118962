//! When two values are the same: the rules of SCIM, in one place.
//!
//! Filters and differences both need them. Null, an empty array and absence are one state (RFC 7643 section
//! 2.5); names compare without case; strings by `caseExact`; moments by the instant; numbers by amount; the
//! values of a multi-valued attribute are a set without order (RFC 7643 section 2.4); `primary: false` says
//! nothing that leaving it out does not.

use crate::json::{self, Object, is_unassigned};
use crate::name::AttributeName;
use crate::schema::{Attribute, DataType, Returned};
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine};
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Whether both values are the same state of the attribute. Without a definition, strings compare without
/// case, as most attributes of RFC 7643 do.
///
/// ```
/// use scimwright_scim::{builtin, compare};
/// use serde_json::json;
///
/// let emails = builtin::user_schema().attribute("emails");
/// let one = json!([{"value": "a@example.com", "type": "work"}, {"value": "b@example.com"}]);
/// let other = json!([
///     {"Value": "B@example.com", "primary": false}, {"type": "Work", "value": "a@example.com"},
/// ]);
/// assert!(compare::same_state(&one, &other, emails));
/// ```
#[must_use]
pub fn same_state(one: &Value, other: &Value, attribute: Option<&Attribute>) -> bool {
    let rule = Rule::of(attribute);
    fingerprint(one, rule) == fingerprint(other, rule)
}

/// Whether what a provider echoes says everything that was wanted. As [`same_state`], but a part that the
/// wanted value does not mention is the provider's business: `$ref` and `display` are often added. A whole
/// value of a multi-valued attribute that nobody wanted does count.
///
/// Of what no response shows ([`Attribute::is_hidden`]) nothing can be said, and so nothing is asked; nor of
/// what is returned on request only, where it is missing.
#[must_use]
pub fn echoes(seen: &Value, wanted: &Value, attribute: Option<&Attribute>) -> bool {
    let Some(attribute) = attribute else { return says(seen, wanted, Rule::of(None)) };
    let on_request = attribute.returned == Returned::Request && is_unassigned(seen);
    if attribute.is_hidden() || on_request {
        return true;
    }
    let rule = Rule::of(Some(attribute));
    if attribute.sub_attributes.iter().any(Attribute::is_hidden) {
        let shown = |value| without_hidden(value, attribute);
        return says(&shown(seen), &shown(wanted), rule);
    }
    says(seen, wanted, rule)
}

/// The complex value, or values, without the parts that no response shows.
fn without_hidden(value: &Value, attribute: &Attribute) -> Value {
    let is_hidden = |name: &str| attribute.sub_attribute(name).is_some_and(Attribute::is_hidden);
    match value {
        Value::Array(items) => items.iter().map(|item| without_hidden(item, attribute)).collect(),
        Value::Object(parts) => {
            let shown = parts.iter().filter(|(name, _)| !is_hidden(name));
            Value::Object(shown.map(|(name, part)| (name.clone(), part.clone())).collect())
        }
        scalar => scalar.clone(),
    }
}

/// Whether two values without parts are the same.
pub(crate) fn same_scalar(one: &Value, other: &Value, rule: Rule<'_>) -> bool {
    match (one, other) {
        (Value::String(one), Value::String(other)) if rule.is_text() => {
            folded(one, rule) == folded(other, rule)
        }
        _ => fingerprint(one, rule) == fingerprint(other, rule),
    }
}

/// How the strings of an attribute compare, and where its parts are described.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule<'a> {
    attribute: Option<&'a Attribute>,
    exact: bool,
    /// Case counts in this attribute and all its parts, whatever the schema says.
    to_the_letter: bool,
}

impl<'a> Rule<'a> {
    /// The rule for an attribute, or for one that nobody describes.
    pub(crate) fn of(attribute: Option<&'a Attribute>) -> Self {
        let exact = attribute.is_some_and(|attribute| attribute.case_exact);
        Self { attribute, exact, to_the_letter: false }
    }

    /// The same, but case counts. For what somebody wants: whoever corrects `Mcdonald` to `McDonald` wants to
    /// see it, although a filter finds both.
    pub(crate) fn to_the_letter(self) -> Self {
        Self { exact: true, to_the_letter: true, ..self }
    }

    /// The rule of the schema again.
    pub(crate) fn by_schema(self) -> Self {
        Self::of(self.attribute)
    }

    /// The rule for a part of it. The `value` of a link is another resource's id, and ids are `caseExact`
    /// (RFC 7643 section 3.1) even where a schema forgets to say so of the copy.
    pub(crate) fn of_part(self, name: &str) -> Self {
        let part = self.attribute.and_then(|attribute| attribute.sub_attribute(name));
        let id = AttributeName::VALUE == *name && self.attribute.is_some_and(Attribute::is_link);
        let uri = name.eq_ignore_ascii_case("$ref");
        let rule = Self::of(part);
        let exact = rule.exact || id || uri || self.to_the_letter;
        Self { exact, to_the_letter: self.to_the_letter, ..rule }
    }

    /// Whether the strings are moments.
    pub(crate) fn is_moment(self) -> bool {
        self.data_type() == Some(&DataType::DateTime)
    }

    /// Whether the strings are text, and no writing of something else.
    fn is_text(self) -> bool {
        !matches!(self.data_type(), Some(DataType::DateTime | DataType::Binary))
    }

    fn data_type(self) -> Option<&'a DataType> {
        self.attribute.map(|attribute| &attribute.data_type)
    }
}

/// Text that is equal for values of the same state, and different for others. It holds nothing but what
/// counts: parts in order of their names, values of a set in an order of their own, each once.
pub(crate) fn fingerprint(value: &Value, rule: Rule<'_>) -> String {
    if is_unassigned(value) {
        return String::new();
    }
    match value {
        Value::Array(items) => set_fingerprint(items, rule),
        Value::Object(parts) => parts_fingerprint(parts, rule),
        Value::String(text) => match rule.data_type() {
            Some(DataType::DateTime) => match instant(text) {
                Some(instant) => format!("@{instant}"),
                None => format!("{text:?}"),
            },
            Some(DataType::Binary) => match bytes(text) {
                Some(bytes) => format!("={}", STANDARD.encode(bytes)),
                None => format!("{text:?}"),
            },
            _ => format!("{:?}", folded(text, rule)),
        },
        Value::Number(number) => amount(number),
        other => other.to_string(),
    }
}

// RFC 7643 section 2.4: order does not matter, and a value counts once. A set of one reads like its value,
// because providers exist that leave the array of a lone value out.
fn set_fingerprint(items: &[Value], rule: Rule<'_>) -> String {
    let prints: BTreeSet<String> =
        items.iter().filter(|item| !is_unassigned(item)).map(|item| fingerprint(item, rule)).collect();
    match prints.len() {
        0 | 1 => prints.into_iter().next().unwrap_or_default(),
        _ => format!("[{}]", Vec::from_iter(prints).join(",")),
    }
}

fn parts_fingerprint(parts: &Object, rule: Rule<'_>) -> String {
    let prints: BTreeMap<String, String> = parts
        .iter()
        .filter(|(name, part)| says_something(name, part))
        .map(|(name, part)| (name.to_ascii_lowercase(), fingerprint(part, rule.of_part(name))))
        .collect();
    let prints: Vec<_> = prints.into_iter().map(|(name, print)| format!("{name:?}:{print}")).collect();
    format!("{{{}}}", prints.join(","))
}

/// Whether a part differs from one that is not there. RFC 7643 section 2.4: a value without `primary` is not
/// the primary one.
fn says_something(name: &str, part: &Value) -> bool {
    !(is_unassigned(part) || AttributeName::PRIMARY == *name && *part == Value::Bool(false))
}

/// Whether the seen value has everything that the wanted one mentions.
pub(crate) fn says(seen: &Value, wanted: &Value, rule: Rule<'_>) -> bool {
    // What is equal to the letter is most of what is ever compared.
    if seen == wanted {
        return true;
    }
    if is_unassigned(seen) || is_unassigned(wanted) {
        return is_unassigned(seen) && is_unassigned(wanted);
    }
    match (seen, wanted) {
        (Value::Array(seen), Value::Array(wanted)) => set_says(seen, wanted, rule),
        (Value::Array(seen), single) => set_says(seen, std::slice::from_ref(single), rule),
        (single, Value::Array(wanted)) => set_says(std::slice::from_ref(single), wanted, rule),
        (Value::Object(seen), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            let seen = json::field(seen, name).unwrap_or(&Value::Null);
            if says_something(name, wanted) && says_something(name, seen) {
                says(seen, wanted, rule.of_part(name))
            } else {
                says_something(name, wanted) == says_something(name, seen)
            }
        }),
        _ => fingerprint(seen, rule) == fingerprint(wanted, rule),
    }
}

/// Whether every wanted value is among the seen ones, and no other is there.
fn set_says(seen: &[Value], wanted: &[Value], rule: Rule<'_>) -> bool {
    let (seen, wanted) = (Shelf::new(seen, rule), Shelf::new(wanted, rule));
    wanted.all().all(|wanted| seen.candidates(wanted, rule).any(|seen| says(seen, wanted, rule)))
        && seen.all().all(|seen| {
            // A wanted value that does not mention its `value` may be met by any.
            let loose = wanted.without_value();
            wanted.candidates(seen, rule).chain(loose).any(|wanted| says(seen, wanted, rule))
        })
}

/// Values sorted by their `value`, so that a group of a thousand members is not compared a million times.
struct Shelf<'v> {
    by_value: HashMap<String, Vec<&'v Value>>,
}

impl<'v> Shelf<'v> {
    fn new(items: &'v [Value], rule: Rule<'_>) -> Self {
        let mut by_value: HashMap<String, Vec<&Value>> = HashMap::new();
        for item in items.iter().filter(|item| !is_unassigned(item)) {
            by_value.entry(value_of(item, rule)).or_default().push(item);
        }
        Self { by_value }
    }

    fn all(&self) -> impl Iterator<Item = &'v Value> {
        self.by_value.values().flatten().copied()
    }

    fn without_value(&self) -> impl Iterator<Item = &'v Value> {
        self.by_value.get("").into_iter().flatten().copied()
    }

    /// Those with the same `value`; all of them for one that has none.
    fn candidates(&self, like: &Value, rule: Rule<'_>) -> Box<dyn Iterator<Item = &'v Value> + '_> {
        let value = value_of(like, rule);
        if value.is_empty() {
            Box::new(self.all())
        } else {
            Box::new(self.by_value.get(&value).into_iter().flatten().copied())
        }
    }
}

/// The fingerprint of the value's `value`, or of the value itself where it has no parts.
fn value_of(item: &Value, rule: Rule<'_>) -> String {
    match item {
        Value::Object(parts) => json::field(parts, "value")
            .map(|value| fingerprint(value, rule.of_part("value")))
            .unwrap_or_default(),
        scalar => fingerprint(scalar, rule),
    }
}

/// The number so printed that equal amounts print alike: 1 and 1.0 as `1`.
fn amount(number: &Number) -> String {
    match number.as_f64() {
        Some(real) if number.is_f64() && real.fract() == 0.0 && real.abs() < 9_007_199_254_740_992.0 => {
            format!("{}", real as i64)
        }
        _ => number.to_string(),
    }
}

/// Compares amounts; `None` only for what is no number, which JSON cannot say.
pub(crate) fn compare_numbers(one: &Number, other: &Number) -> Option<Ordering> {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// The moment that an `xsd:dateTime` names (RFC 7643 section 2.3.5). Without a time zone it is taken as UTC.
pub(crate) fn instant(text: &str) -> Option<jiff::Timestamp> {
    let text = text.trim();
    text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    })
}

/// The bytes that base64 names, in either alphabet, padded or not (RFC 7643 section 2.3.6).
fn bytes(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = |alphabet| GeneralPurpose::new(alphabet, config);
    let compact: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let standard = engine(&alphabet::STANDARD).decode(&compact);
    standard.or_else(|_| engine(&alphabet::URL_SAFE).decode(&compact)).ok()
}

/// The text as it is compared: itself where case counts, folded where it does not.
pub(crate) fn folded<'t>(text: &'t str, rule: Rule<'_>) -> Cow<'t, str> {
    if rule.exact { Cow::Borrowed(text) } else { Cow::Owned(fold(text)) }
}

/// Text folded so that spellings which differ only in case become equal, in any script: `Straße` and
/// `STRASSE`, `ΣΊΣΥΦΟΣ` and `σίσυφος`. Character by character, so that a part of a text folds as it does in
/// the whole.
fn fold(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            // The dotless i of Turkish is a letter of its own; upper case would take it for an i.
            let upper = (c != 'ı').then(|| c.to_uppercase());
            upper.into_iter().flatten().chain((c == 'ı').then_some(c))
        })
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::path::AttributePath;
    use serde_json::json;

    fn attribute(path: &str) -> Attribute {
        let users = builtin::user_schema_set();
        let groups = builtin::group_schema_set();
        let path = AttributePath::parse(path).unwrap();
        users.find(&path).or_else(|| groups.find(&path)).unwrap().clone()
    }

    fn same(path: &str, one: Value, other: Value) -> bool {
        let attribute = attribute(path);
        let forth = same_state(&one, &other, Some(&attribute));
        assert_eq!(forth, same_state(&other, &one, Some(&attribute)), "not symmetric: {one} {other}");
        forth
    }

    #[test]
    fn null_empty_and_absent_are_one_state() {
        assert!(same("emails", json!(null), json!([])));
        assert!(same("name", json!({}), json!(null)));
        assert!(same("name", json!({"givenName": null}), json!({})));
        assert!(!same("title", json!(null), json!("")));
        assert!(!same("active", json!(null), json!(false)));
    }

    #[test]
    fn strings_compare_by_case_exact() {
        assert!(same("userName", json!("JDoe"), json!("jdoe")));
        assert!(!same("externalId", json!("JDoe"), json!("jdoe")));
        assert!(!same("profileUrl", json!("https://a/X"), json!("https://a/x")));
    }

    #[test]
    fn case_is_folded_in_every_script() {
        assert!(same("title", json!("STRASSE"), json!("straße")));
        assert!(same("title", json!("ΣΊΣΥΦΟΣ"), json!("σίσυφος")));
        assert!(same("title", json!("ДИРЕКТОР"), json!("директор")));
        assert!(same("title", json!("ÉLODIE"), json!("élodie")));
        assert!(!same("title", json!("ırmak"), json!("irmak")));
        assert!(!same("title", json!("山田"), json!("山本")));
    }

    #[test]
    fn numbers_compare_by_amount_and_moments_by_the_instant() {
        assert!(same_state(&json!(1), &json!(1.0), None));
        assert!(!same_state(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64), None));
        assert!(same_state(&json!([1, 2]), &json!([2.0, 1.0]), None));
        assert!(same("meta.created", json!("2024-03-01T08:00:00Z"), json!("2024-03-01T09:00:00.000+01:00")));
        assert!(!same("meta.created", json!("2024-03-01T08:00:00Z"), json!("2024-03-01T08:00:01Z")));
        assert!(same("meta.created", json!("2024-03-01T08:00:00"), json!("2024-03-01T08:00:00Z")));
    }

    #[test]
    fn bytes_compare_whatever_the_padding_and_alphabet() {
        assert!(same("x509Certificates.value", json!("+/8="), json!("-_8")));
        assert!(!same("x509Certificates.value", json!("AAAA"), json!("AAAB")));
    }

    #[test]
    fn the_values_of_a_multi_valued_attribute_are_a_set() {
        let one = json!([{"value": "a", "type": "work", "primary": true}, {"value": "b"}]);
        assert!(same(
            "emails",
            one.clone(),
            json!([{"value": "b", "primary": false}, {
                "PRIMARY": true, "type": "WORK", "value": "A"
            }])
        ));
        assert!(!same(
            "emails",
            one.clone(),
            json!([{"value": "b", "primary": true}, {"value": "a", "type": "work"}])
        ));
        assert!(!same("emails", one, json!([{"value": "b"}])));
        assert!(same("emails", json!([{"value": "a"}]), json!([{"value": "a"}, {"value": "a"}])));
        assert!(same("emails", json!([{"value": "a"}]), json!({"value": "a"})));
    }

    #[test]
    fn parts_that_a_provider_adds_do_not_make_an_echo_different() {
        let members = attribute("members");
        let wanted = json!([{"value": "1"}, {"value": "2"}]);
        let seen = json!([
            {"value": "2", "$ref": "https://x/2", "type": "User"}, {"value": "1", "display": "One"},
        ]);
        assert!(echoes(&seen, &wanted, Some(&members)));
        assert!(!same_state(&seen, &wanted, Some(&members)));
        let more = json!([{"value": "1"}, {"value": "2"}, {"value": "3"}]);
        assert!(!echoes(&more, &wanted, Some(&members)));
        assert!(!echoes(&json!([{"value": "1"}]), &wanted, Some(&members)));
    }

    #[test]
    fn ids_of_other_resources_are_case_exact_even_where_a_schema_forgets_to_say_so() {
        let mut members = attribute("members");
        members.sub_attributes.iter_mut().for_each(|part| part.case_exact = false);
        assert!(!same_state(&json!([{"value": "aB"}]), &json!([{"value": "Ab"}]), Some(&members)));
    }
}
