//! Attributes written as what they are: [`attributes!`](crate::attributes!) and [`complex!`](crate::complex!).
//!
//! The two macros take whatever a reader of a record answers, an absent value included. [`IntoAttribute`] and
//! [`IntoPart`] say what that may be.

use crate::value::{AttributeValue, Complex, RecordLink, Scalar, SubValue};
use std::borrow::Cow;

/// What can stand behind an attribute's name in [`attributes!`](crate::attributes!).
pub trait IntoAttribute {
    /// The value; `None` where there is none.
    fn into_attribute(self) -> Option<AttributeValue>;
}

/// What can stand behind a part's name in [`complex!`](crate::complex!).
pub trait IntoPart {
    /// The value; `None` where there is none.
    fn into_part(self) -> Option<SubValue>;
}

impl<T: IntoAttribute> IntoAttribute for Option<T> {
    fn into_attribute(self) -> Option<AttributeValue> {
        self.and_then(T::into_attribute)
    }
}

impl<T: IntoPart> IntoPart for Option<T> {
    fn into_part(self) -> Option<SubValue> {
        self.and_then(T::into_part)
    }
}

impl<'a, T> IntoAttribute for &'a Option<T>
where
    &'a T: IntoAttribute,
{
    fn into_attribute(self) -> Option<AttributeValue> {
        self.as_ref().and_then(IntoAttribute::into_attribute)
    }
}

impl<'a, T> IntoPart for &'a Option<T>
where
    &'a T: IntoPart,
{
    fn into_part(self) -> Option<SubValue> {
        self.as_ref().and_then(IntoPart::into_part)
    }
}

/// Values that are always there.
macro_rules! values {
    (both: $($both:ty),*; attributes: $($attribute:ty),*; parts: $($part:ty),*;) => {
        $(
            impl IntoAttribute for $both {
                fn into_attribute(self) -> Option<AttributeValue> {
                    Some(self.into())
                }
            }

            impl IntoPart for $both {
                fn into_part(self) -> Option<SubValue> {
                    Some(self.into())
                }
            }
        )*
        $(
            impl IntoAttribute for $attribute {
                fn into_attribute(self) -> Option<AttributeValue> {
                    Some(self.into())
                }
            }
        )*
        $(
            impl IntoPart for $part {
                fn into_part(self) -> Option<SubValue> {
                    Some(self.into())
                }
            }
        )*
    };
}

values! {
    both: &str, String, &String, Cow<'_, str>, &Cow<'_, str>, char, bool, i32, u32, i64, f64, RecordLink, Vec<u8>, Scalar;
    attributes: AttributeValue, Complex;
    parts: SubValue;
}

/// Several values without parts; none at all clear the attribute.
macro_rules! lists {
    ($($item:ty),*) => {$(
        impl IntoAttribute for Vec<$item> {
            fn into_attribute(self) -> Option<AttributeValue> {
                Some(AttributeValue::Many(self.into_iter().map(Into::into).collect()))
            }
        }
    )*};
}

lists! { &str, String, Cow<'_, str>, RecordLink, Scalar }

impl IntoAttribute for Vec<Complex> {
    fn into_attribute(self) -> Option<AttributeValue> {
        Some(AttributeValue::Complexes(self))
    }
}

/// What `complex!` calls.
#[doc(hidden)]
pub fn complex<const N: usize>(parts: [(&str, Option<SubValue>); N]) -> Complex {
    let mut complex = Complex::new();
    for (name, value) in parts {
        complex.set_opt(name, value);
    }
    complex
}

/// What `attributes!` calls for one of several values. RFC 7643 §2.4: `value` is what such a value is; without
/// it `type` and `primary` would say something of nothing.
#[doc(hidden)]
pub fn entry<const N: usize>(parts: [(&str, Option<SubValue>); N]) -> Complex {
    let lost = parts.iter().any(|(name, value)| name.eq_ignore_ascii_case("value") && value.is_none());
    if lost { Complex::new() } else { complex(parts) }
}

/// An [`AttributeMap`](crate::AttributeMap), written as the resource that is to be.
///
/// ```
/// use scimwright_guest::prelude::*;
///
/// let record = Record::builder("hr", "E1").text("email", "ada@example.com").text("boss", "E2").build();
/// let map = attributes! {
///     "userName": record.text("email")?,
///     "title": record.optional_text("title")?,            // no value: cleared at the provider
///     "nickName"?: record.optional_text("nick_name")?,    // no value: left as the provider has it
///     "name": { "givenName": record.optional_text("given_name")?, "familyName": "Lovelace" },
///     "emails": [
///         { "value": record.text("email")?, "type": "work", "primary": true },
///         { "value": record.optional_text("private_email")?, "type": "home" }, // without its value: left out
///     ],
///     enterprise: {
///         "department": "Research",
///         "manager": { "value": record.optional_text("boss")?.map(RecordLink::user) },
///     },
///     extension("urn:example:acme"): { "badge"?: None::<&str> },
/// };
/// assert_eq!(
///     Outcome::from(map).to_json(),
///     json!({
///         "userName": "ada@example.com",
///         "title": null,
///         "name": { "familyName": "Lovelace" },
///         "emails": [{ "value": "ada@example.com", "type": "work", "primary": true }],
///         "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
///             "department": "Research",
///             "manager": { "value": { "$link": "User/E2" } },
///         },
///     })
/// );
/// # Ok::<(), MappingError>(())
/// ```
#[macro_export]
macro_rules! attributes {
    ($($entries:tt)*) => {{
        #[allow(unused_mut, reason = "an empty map is one too")]
        let mut map = $crate::AttributeMap::new();
        $crate::__attributes!(map; $($entries)*);
        map
    }};
}

/// The entries of [`attributes!`], one after the other, put into `$map`.
#[doc(hidden)]
#[macro_export]
macro_rules! __attributes {
    ($map:expr;) => {};
    ($map:expr; enterprise: { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        {
            #[allow(unused_mut, reason = "an empty extension is one too")]
            let mut extension = $map.enterprise();
            $crate::__attributes!(extension; $($inner)*);
        }
        $crate::__attributes!($map; $($($rest)*)?);
    };
    ($map:expr; extension($urn:expr): { $($inner:tt)* } $(, $($rest:tt)*)?) => {
        {
            #[allow(unused_mut, reason = "an empty extension is one too")]
            let mut extension = $map.extension($urn);
            $crate::__attributes!(extension; $($inner)*);
        }
        $crate::__attributes!($map; $($($rest)*)?);
    };
    ($map:expr; $name:literal: { $($part:literal: $value:expr),* $(,)? } $(, $($rest:tt)*)?) => {
        $map.set($name, $crate::complex!($($part: $value),*));
        $crate::__attributes!($map; $($($rest)*)?);
    };
    (
        $map:expr;
        $name:literal: [$({ $($part:literal: $value:expr),* $(,)? }),* $(,)?] $(, $($rest:tt)*)?
    ) => {
        $map.set($name, $crate::AttributeValue::Complexes(::std::vec![
            $($crate::literal::entry([$(($part, $crate::literal::IntoPart::into_part($value))),*])),*
        ]));
        $crate::__attributes!($map; $($($rest)*)?);
    };
    ($map:expr; $name:literal ?: $value:expr $(, $($rest:tt)*)?) => {
        $map.set_opt($name, $crate::literal::IntoAttribute::into_attribute($value));
        $crate::__attributes!($map; $($($rest)*)?);
    };
    ($map:expr; $name:literal: $value:expr $(, $($rest:tt)*)?) => {
        $map.set_or_clear($name, $crate::literal::IntoAttribute::into_attribute($value));
        $crate::__attributes!($map; $($($rest)*)?);
    };
}

/// A [`Complex`] value, written as what it is; a part without a value is left out.
///
/// ```
/// use scimwright_guest::prelude::*;
///
/// let name = complex! { "givenName": Some("Ada"), "middleName": None::<&str>, "familyName": "Lovelace" };
/// assert_eq!(name.text("givenName"), Some("Ada"));
/// assert_eq!(name.get("middleName"), None);
/// ```
#[macro_export]
macro_rules! complex {
    ($($part:literal: $value:expr),* $(,)?) => {
        $crate::literal::complex([$(($part, $crate::literal::IntoPart::into_part($value))),*])
    };
}

#[cfg(test)]
mod tests {
    use crate::prelude::*;

    #[test]
    fn an_absent_value_clears_its_attribute_unless_that_is_left_alone() {
        let absent: Option<&str> = None;
        let map = attributes! { "title": absent, "nickName"?: absent, "locale"?: Some("de"), "roles": Vec::<String>::new() };
        assert_eq!(Outcome::from(map).to_json(), json!({ "title": null, "locale": "de", "roles": null }));
    }

    #[test]
    fn one_of_several_values_is_left_out_where_it_has_no_value() {
        let absent: Option<String> = None;
        let map = attributes! {
            "emails": [{ "value": &absent, "type": "work", "primary": true }],
            "phoneNumbers": [{ "value": &absent, "type": "work" }, { "value": "112", "type": "mobile" }],
            "name": { "givenName": absent },
        };
        let expected =
            json!({ "emails": null, "phoneNumbers": [{ "value": "112", "type": "mobile" }], "name": null });
        assert_eq!(Outcome::from(map).to_json(), expected);
    }

    #[test]
    fn values_may_be_any_expression_and_the_last_comma_may_be_left_out() {
        let people = ["Ada", "Grace"];
        let map = attributes! {
            "displayName": { let name = people[0]; name.to_uppercase() },
            "emails": people.iter().map(|name| complex! { "value": format!("{name}@x.org") }).collect::<Vec<_>>(),
            "active": if people.is_empty() { None } else { Some(true) },
            "tags": vec!["a", "b"]
        };
        let expected = json!({
            "displayName": "ADA",
            "emails": [{ "value": "Ada@x.org" }, { "value": "Grace@x.org" }],
            "active": true,
            "tags": ["a", "b"],
        });
        assert_eq!(Outcome::from(map).to_json(), expected);
        assert!(attributes! {}.is_empty());
    }
}
