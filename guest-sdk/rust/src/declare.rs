//! A mapping as a list of what it needs and a function: [`mapping!`](crate::mapping!).
//!
//! The long form are the traits [`Describe`](crate::Describe), [`MapAttributes`](crate::MapAttributes) and
//! [`SupplyDefaults`](crate::SupplyDefaults) with [`export!`](crate::export!), which this writes out.

use crate::outcome::{MappingError, Outcome};

/// What a function of `mapping!` may answer, as an outcome.
#[doc(hidden)]
pub fn outcome<T: Into<Outcome>, E: Into<MappingError>>(
    result: Result<T, E>,
) -> Result<Outcome, MappingError> {
    result.map(Into::into).map_err(Into::into)
}

/// The lines of a doc comment as one text.
#[doc(hidden)]
#[must_use]
pub fn description(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Makes a module of a function. Write it once in a crate whose `crate-type` has `cdylib` in it.
///
/// ```
/// use scimwright_guest::prelude::*;
///
/// mapping! {
///     /// Maps people to SCIM Users.
///     reads: ["email", "given_name", "family_name", "department"],
///     writes: ["userName", "name", "emails"],
///     writes_enterprise: ["department"],
///     map: map,
/// }
///
/// fn map(_: &Context, record: &Record) -> Result<AttributeMap, MappingError> {
///     let email = record.text("email")?;
///     Ok(attributes! {
///         "userName": functions::lower(&email),
///         "name": {
///             "givenName": record.optional_text("given_name")?,
///             "familyName": record.optional_text("family_name")?,
///         },
///         "emails": [{ "value": &email, "type": "work", "primary": true }],
///         enterprise: { "department": record.optional_text("department")? },
///     })
/// }
///
/// // It makes the type `Mapping`, which tests ask as any other.
/// let ada = Record::builder("hr", "E1").text("email", "ada@example.com").build();
/// let outcome = Mapping::map(&testing::context::<Mapping>(), &ada)?;
/// assert_eq!(outcome.to_json()["userName"], "ada@example.com");
/// # Ok::<(), MappingError>(())
/// ```
///
/// The comment is the module's description. Then, in any order, each at most once:
///
/// | written | is |
/// |---|---|
/// | `name: "people"` | the module's name; else that of the package |
/// | `version: "1.0.0"` | its version; else that of the package |
/// | `reads: ["email"]` | the fields that it gets |
/// | `writes: ["userName"]`, `writes_enterprise: ["department"]` | the attributes that it may set |
/// | `lookups: ["departments"]` | the sources that it looks things up in |
/// | `settings: [Setting::optional("domain", "…").default("example.com")]` | the settings that it accepts |
/// | `reuse: 100` | see [`Manifest::reuse`](crate::Manifest::reuse) |
/// | `map: map` | `fn(&Context, &Record) -> Result<AttributeMap, MappingError>`; or an `Outcome`, to skip records |
/// | `defaults: defaults` | `fn(&Context, &Record, &AttributeMap) -> Result<AttributeMap, MappingError>` |
///
/// One of `map` and `defaults` is needed, or both:
///
/// ```compile_fail
/// scimwright_guest::mapping! { reads: ["email"], writes: ["userName"] }
/// ```
#[macro_export]
macro_rules! mapping {
    ($($entries:tt)*) => {
        $crate::__mapping!(
            { [] (env!("CARGO_PKG_NAME")) (env!("CARGO_PKG_VERSION")) () [] [] } $($entries)*
        );
    };
}

/// The entries of [`mapping!`], gathered one after the other: description, name, version, calls that build the
/// manifest, the function that maps, the one that supplies defaults.
#[doc(hidden)]
#[macro_export]
macro_rules! __mapping {
    ({ [$($d:tt)*] $n:tt $v:tt $calls:tt $map:tt $defaults:tt } #[doc = $line:expr] $($rest:tt)*) => {
        $crate::__mapping!({ [$($d)* $line,] $n $v $calls $map $defaults } $($rest)*);
    };
    ({ $d:tt $n:tt $v:tt $calls:tt $map:tt $defaults:tt } name: $name:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d ($name) $v $calls $map $defaults } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt $calls:tt $map:tt $defaults:tt } version: $version:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d $n ($version) $calls $map $defaults } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt ($($calls:tt)*) $map:tt $defaults:tt } reads: $fields:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d $n $v ($($calls)* .reads($fields)) $map $defaults } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt ($($calls:tt)*) $map:tt $defaults:tt } writes: $names:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d $n $v ($($calls)* .writes($names)) $map $defaults } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt ($($calls:tt)*) $map:tt $defaults:tt } writes_enterprise: $names:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d $n $v ($($calls)* .writes_enterprise($names)) $map $defaults } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt ($($calls:tt)*) $map:tt $defaults:tt } lookups: $sources:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d $n $v ($($calls)* .lookups($sources)) $map $defaults } $($($rest)*)?);
    };
    (
        { $d:tt $n:tt $v:tt ($($calls:tt)*) $map:tt $defaults:tt }
        settings: [$($setting:expr),* $(,)?] $(, $($rest:tt)*)?
    ) => {
        $crate::__mapping!({ $d $n $v ($($calls)* $(.setting($setting))*) $map $defaults } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt ($($calls:tt)*) $map:tt $defaults:tt } reuse: $records:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d $n $v ($($calls)* .reuse($records)) $map $defaults } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt $calls:tt [] $defaults:tt } map: $map:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d $n $v $calls [$map] $defaults } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt $calls:tt $map:tt [] } defaults: $defaults:expr $(, $($rest:tt)*)?) => {
        $crate::__mapping!({ $d $n $v $calls $map [$defaults] } $($($rest)*)?);
    };
    ({ $d:tt $n:tt $v:tt $calls:tt [] [] }) => {
        ::core::compile_error!("mapping! needs `map: a_function`, `defaults: a_function`, or both");
    };
    ({ $d:tt $n:tt $v:tt $calls:tt [$map:expr] [] }) => {
        $crate::__mapping_type!($d $n $v $calls);
        $crate::__mapping_map!($map);
        $crate::export!(Mapping: mapper);
    };
    ({ $d:tt $n:tt $v:tt $calls:tt [] [$defaults:expr] }) => {
        $crate::__mapping_type!($d $n $v $calls);
        $crate::__mapping_defaults!($defaults);
        $crate::export!(Mapping: defaulter);
    };
    ({ $d:tt $n:tt $v:tt $calls:tt [$map:expr] [$defaults:expr] }) => {
        $crate::__mapping_type!($d $n $v $calls);
        $crate::__mapping_map!($map);
        $crate::__mapping_defaults!($defaults);
        $crate::export!(Mapping: mapper + defaulter);
    };
    ($gathered:tt $other:ident $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "mapping! cannot take `", ::core::stringify!($other), "` here: it has name, version, reads, writes, \
             writes_enterprise, lookups, settings, reuse, map and defaults, each at most once, with commas between"
        ));
    };
}

/// The type that [`mapping!`] makes, and its manifest.
#[doc(hidden)]
#[macro_export]
macro_rules! __mapping_type {
    ([$($line:expr,)*] $name:tt $version:tt ($($calls:tt)*)) => {
        /// The mapping of this crate, made by `mapping!`.
        ///
        $(#[doc = $line])*
        #[derive(Debug)]
        pub struct Mapping;

        impl $crate::Describe for Mapping {
            fn describe() -> $crate::Manifest {
                $crate::Manifest::new($name, $version)
                    .description($crate::declare::description(&[$($line),*]))
                    $($calls)*
            }
        }
    };
}

/// [`MapAttributes`](crate::MapAttributes) by a function.
#[doc(hidden)]
#[macro_export]
macro_rules! __mapping_map {
    ($map:expr) => {
        impl $crate::MapAttributes for Mapping {
            fn map(
                ctx: &$crate::Context,
                record: &$crate::Record,
            ) -> ::core::result::Result<$crate::Outcome, $crate::MappingError> {
                $crate::declare::outcome(($map)(ctx, record))
            }
        }
    };
}

/// [`SupplyDefaults`](crate::SupplyDefaults) by a function.
#[doc(hidden)]
#[macro_export]
macro_rules! __mapping_defaults {
    ($defaults:expr) => {
        impl $crate::SupplyDefaults for Mapping {
            fn defaults(
                ctx: &$crate::Context,
                record: &$crate::Record,
                mapped: &$crate::AttributeMap,
            ) -> ::core::result::Result<$crate::AttributeMap, $crate::MappingError> {
                ($defaults)(ctx, record, mapped)
            }
        }
    };
}
