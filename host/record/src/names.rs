//! The names people give to things in the configuration, and the key of a record.
//!
//! Each has a type of its own, so that a provider's name cannot be handed in where a
//! tenant's is meant. They are checked once, where text enters; deeper in nobody checks
//! them again. Names become parts of paths (`tenants/NAME`, `modules/NAME.wasm`), so the
//! alphabet is narrow on purpose.

use std::fmt;
use std::sync::Arc;

/// The longest name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// The longest record key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;

/// Text that cannot be a name or a key, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be {what}: {reason}")]
pub struct InvalidName {
    /// What the text was meant to be: `a source name`.
    pub what: &'static str,
    /// The text, shortened where it is long.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            #[doc = concat!("Checks text that is to be ", $what, ".")]
            ///
            /// # Errors
            /// [`InvalidName`] says which rule the text breaks.
            pub fn parse(text: &str) -> Result<Self, InvalidName> {
                match $check(text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(reason) => Err(InvalidName {
                        what: $what,
                        text: text.chars().take(MAX_NAME_BYTES).collect(),
                        reason,
                    }),
                }
            }

            /// The text as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::parse(text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_type!(
    /// An isolated set of sources, providers, modules, credentials and state.
    TenantName, "a tenant name", check_name
);
name_type!(
    /// A source in the configuration: `[source.NAME]`.
    SourceName, "a source name", check_name
);
name_type!(
    /// A service provider in the configuration: `[provider.NAME]`.
    ProviderName, "a provider name", check_name
);
name_type!(
    /// A mapping module: `modules/NAME.wasm`.
    ModuleName, "a module name", check_name
);
name_type!(
    /// A SCIM resource type, as the provider's `/ResourceTypes` names it (RFC 7643 section 6): `User`.
    ResourceTypeName, "a resource type", check_resource_type
);
name_type!(
    /// What identifies a record in its source, for as long as the person or thing exists.
    ///
    /// Any text without control characters, 1 to 512 bytes, with no blank at either end.
    RecordKey, "a record key", check_key
);

impl Default for TenantName {
    /// The tenant of a configuration folder that has no `tenants/` in it.
    fn default() -> Self {
        Self("default".into())
    }
}

fn check_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(format!("it has {} bytes, {MAX_NAME_BYTES} are allowed", text.len()));
    }
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let odd = text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    match odd {
        Some(c) => Err(format!("`{}` is not allowed; use letters, digits, `-` and `_`", c.escape_default())),
        None if !starts_well => Err("it has to start with a letter or a digit".into()),
        None => Ok(()),
    }
}

// RFC 7643 section 2.1 allows ALPHA first, then "-", "_", DIGIT and ALPHA in attribute names; resource
// type names in the wild keep to the same alphabet.
fn check_resource_type(text: &str) -> Result<(), String> {
    check_name(text)
}

fn check_key(text: &str) -> Result<(), String> {
    if text.is_empty() {
        Err("it is empty".into())
    } else if text.len() > MAX_KEY_BYTES {
        Err(format!("it has {} bytes, {MAX_KEY_BYTES} are allowed", text.len()))
    } else if text.trim() != text {
        Err("it begins or ends with a blank".into())
    } else if text.chars().any(char::is_control) {
        Err("it contains a control character".into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_leave_its_folder_is_refused() {
        for text in ["..", "../x", "a/b", "a\\b", ".hidden", "a b", "", "-x", "ä"] {
            assert!(TenantName::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(TenantName::parse("acme-2_eu").unwrap().as_str(), "acme-2_eu");
    }

    #[test]
    fn an_error_names_the_text_and_the_rule() {
        let error = SourceName::parse("hr people").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`hr people` cannot be a source name: ` ` is not allowed; use letters, digits, `-` and `_`"
        );
    }

    #[test]
    fn a_key_may_hold_any_script_but_no_stray_blanks() {
        assert!(RecordKey::parse("社員-42").is_ok());
        assert!(RecordKey::parse("jdoe@example.com").is_ok());
        for text in ["", " 1", "1 ", "a\nb", &"x".repeat(MAX_KEY_BYTES + 1)] {
            assert!(RecordKey::parse(text).is_err(), "{text:?}");
        }
    }
}
