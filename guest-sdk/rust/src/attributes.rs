//! The attributes of the resource to be.
//!
//! The builder reads like the resource: `set` for simple attributes, `complex` for `name`, `add` for one more
//! of the `emails`, `enterprise()` for the extension. Three things are different, as in the contract: an
//! attribute that is *set*, one that is *cleared* (removed at the provider), and one that is *left out*
//! (the provider keeps what it has).

use crate::urn;
use crate::value::{AttributeValue, Complex, RecordLink, Scalar};

/// The attributes of the resource to be, by name. Names are compared without case (RFC 7643 §2.1).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AttributeMap {
    entries: Vec<(String, AttributeValue)>,
}

impl AttributeMap {
    /// A map without attributes: the provider would keep all it has.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an attribute. One that is there already is replaced. An extension's attribute may be named with
    /// its URN; [`extension`](Self::extension) is the shorter way.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<AttributeValue>) -> &mut Self {
        *self.slot(name.into()) = value.into();
        self
    }

    /// Sets an attribute where there is a value for it; else leaves the map, and so the provider, alone.
    pub fn set_opt(
        &mut self,
        name: impl Into<String>,
        value: Option<impl Into<AttributeValue>>,
    ) -> &mut Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// Sets an attribute where there is a value for it; else clears it. This is what most optional fields
    /// want: a field that became blank in the source is removed at the provider.
    pub fn set_or_clear(
        &mut self,
        name: impl Into<String>,
        value: Option<impl Into<AttributeValue>>,
    ) -> &mut Self {
        match value {
            Some(value) => self.set(name, value),
            None => self.clear(name),
        }
    }

    /// Sets a multi-valued attribute whose values have no parts. No values at all clear it.
    pub fn set_many<T: Into<Scalar>>(
        &mut self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        let values = values.into_iter().map(Into::into).collect();
        self.set(name, AttributeValue::Many(values))
    }

    /// Begins a complex attribute anew; its parts are set on what is returned. Without any it is cleared.
    pub fn complex(&mut self, name: impl Into<String>) -> &mut Complex {
        let slot = self.slot(name.into());
        *slot = AttributeValue::Complex(Complex::new());
        match slot {
            AttributeValue::Complex(complex) => complex,
            _ => unreachable!("the slot was made complex a line ago"),
        }
    }

    /// Adds a value to a multi-valued complex attribute; its parts are set on what is returned. A value that
    /// gets none is left out. Call [`clear`](Self::clear) first where it may be that nothing is added and the
    /// provider should then have none.
    pub fn add(&mut self, name: impl Into<String>) -> &mut Complex {
        let slot = self.slot(name.into());
        if !matches!(slot, AttributeValue::Complexes(_)) {
            *slot = AttributeValue::Complexes(Vec::new());
        }
        match slot {
            AttributeValue::Complexes(values) => values.push_mut(Complex::new()),
            _ => unreachable!("the slot was made multi-valued a line ago"),
        }
    }

    /// Clears an attribute: it is removed at the provider.
    pub fn clear(&mut self, name: impl Into<String>) -> &mut Self {
        self.set(name, AttributeValue::Clear)
    }

    /// Sets an attribute from JSON, for schemas that nest deeper than SCIM says they may.
    pub fn set_json(&mut self, name: impl Into<String>, value: &serde_json::Value) -> &mut Self {
        self.set(name, AttributeValue::Json(value.to_string()))
    }

    /// Takes an attribute out of the map again: the provider keeps what it has.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        let at = self.position(name)?;
        Some(self.entries.remove(at).1)
    }

    /// The attributes of a schema extension, to be set by their short names.
    pub fn extension(&mut self, urn: impl Into<String>) -> Extension<'_> {
        Extension { urn: urn.into(), map: self }
    }

    /// The attributes of the enterprise extension (RFC 7643 §4.3): `department`, `manager` and so on.
    pub fn enterprise(&mut self) -> Extension<'_> {
        self.extension(urn::ENTERPRISE_USER)
    }

    /// The value of an attribute, its name compared without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.position(name).map(|at| &self.entries[at].1)
    }

    /// The text of an attribute, where it is a single text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(AttributeValue::One(Scalar::Text(text))) => Some(text),
            _ => None,
        }
    }

    /// Whether an attribute is still open for a default: it is left out. One that is cleared is not open: a
    /// default never undoes a clear. The host fills in defaults by the same rule.
    #[must_use]
    pub fn is_open(&self, name: &str) -> bool {
        self.get(name).is_none()
    }

    /// The attributes, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// How many attributes are set or cleared.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no attribute is set or cleared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The attributes as the contract has them: nothing assigned has become `clear`.
    pub(crate) fn into_assigned(self) -> impl Iterator<Item = (String, AttributeValue)> {
        self.entries.into_iter().map(|(name, value)| (name, value.assigned()))
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    fn slot(&mut self, name: String) -> &mut AttributeValue {
        let at = match self.position(&name) {
            Some(at) => at,
            None => {
                self.entries.push((name, AttributeValue::Clear));
                self.entries.len() - 1
            }
        };
        &mut self.entries[at].1
    }
}

impl FromIterator<(String, AttributeValue)> for AttributeMap {
    fn from_iter<I: IntoIterator<Item = (String, AttributeValue)>>(entries: I) -> Self {
        let mut map = Self::new();
        for (name, value) in entries {
            map.set(name, value);
        }
        map
    }
}

/// The attributes of one schema extension inside an [`AttributeMap`], by their short names.
#[derive(Debug)]
pub struct Extension<'map> {
    urn: String,
    map: &'map mut AttributeMap,
}

impl Extension<'_> {
    /// As [`AttributeMap::set`].
    pub fn set(&mut self, name: &str, value: impl Into<AttributeValue>) -> &mut Self {
        self.map.set(urn::attribute(&self.urn, name), value);
        self
    }

    /// As [`AttributeMap::set_opt`].
    pub fn set_opt(&mut self, name: &str, value: Option<impl Into<AttributeValue>>) -> &mut Self {
        self.map.set_opt(urn::attribute(&self.urn, name), value);
        self
    }

    /// As [`AttributeMap::set_or_clear`].
    pub fn set_or_clear(&mut self, name: &str, value: Option<impl Into<AttributeValue>>) -> &mut Self {
        self.map.set_or_clear(urn::attribute(&self.urn, name), value);
        self
    }

    /// As [`AttributeMap::clear`].
    pub fn clear(&mut self, name: &str) -> &mut Self {
        self.map.clear(urn::attribute(&self.urn, name));
        self
    }

    /// As [`AttributeMap::complex`].
    pub fn complex(&mut self, name: &str) -> &mut Complex {
        self.map.complex(urn::attribute(&self.urn, name))
    }

    /// As [`AttributeMap::add`].
    pub fn add(&mut self, name: &str) -> &mut Complex {
        self.map.add(urn::attribute(&self.urn, name))
    }

    /// Sets an attribute such as `manager` to a resource: a complex attribute whose `value` is the resource's
    /// id (RFC 7643 §4.3). Without a link the attribute is cleared.
    pub fn link_or_clear(&mut self, name: &str, link: Option<RecordLink>) -> &mut Self {
        self.complex(name).set_opt("value", link);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_set_twice_keeps_its_place_and_takes_the_later_value() {
        let mut map = AttributeMap::new();
        map.set("userName", "a").set("active", true).set("USERNAME", "b");
        let names: Vec<_> = map.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["userName", "active"]);
        assert_eq!(map.text("username"), Some("b"));
    }

    #[test]
    fn adding_to_a_cleared_attribute_gives_it_values() {
        let mut map = AttributeMap::new();
        map.clear("emails");
        map.add("emails").set("value", "a@example.com").set("primary", true);
        map.add("Emails").set("value", "b@example.com");
        let Some(AttributeValue::Complexes(emails)) = map.get("emails") else { panic!("{map:?}") };
        assert_eq!(emails.len(), 2);
        assert_eq!(map.len(), 1);
    }

    #[test]
    fn a_complex_attribute_whose_every_part_is_missing_is_cleared() {
        let mut map = AttributeMap::new();
        map.complex("name").set_opt("givenName", None::<&str>);
        assert_eq!(map.into_assigned().collect::<Vec<_>>(), [("name".to_owned(), AttributeValue::Clear)]);
    }

    #[test]
    fn an_attribute_is_open_for_a_default_when_it_is_left_out_and_not_when_it_is_cleared() {
        let mut map = AttributeMap::new();
        map.set("title", "Captain").clear("locale").complex("name");
        assert!(!map.is_open("title"));
        assert!(!map.is_open("locale"));
        assert!(!map.is_open("name"));
        assert!(map.is_open("timezone"));
    }

    #[test]
    fn extension_attributes_carry_their_urn() {
        let mut map = AttributeMap::new();
        map.enterprise()
            .set("department", "Research")
            .link_or_clear("manager", Some(RecordLink::user("E2")))
            .clear("division");
        let prefix = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:";
        let names: Vec<_> = map.iter().filter_map(|(name, _)| name.strip_prefix(prefix)).collect();
        assert_eq!(names, ["department", "manager", "division"]);
        assert_eq!(map.text(&format!("{prefix}DEPARTMENT")), Some("Research"));
    }
}
