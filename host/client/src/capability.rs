//! What a provider can do, and how we know.
//!
//! A declared capability is a hint: providers exist that declare what they lack and lack what they declare.
//! So each carries its provenance, configuration may override any, and what nobody says has a default that is
//! written down here and nowhere else.

use scimwright_scim::{AuthenticationScheme, Bulk, FilterSupport, Pagination, ServiceProviderConfig};
use std::fmt;

/// How something about a provider is known. Later sources of knowledge are variants to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provenance {
    /// The provider says so.
    Declared,
    /// The provider says nothing that can be read; this is what most providers do.
    Default,
    /// The configuration says so, whatever the provider says.
    Overridden,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Declared => "declared",
            Self::Default => "default",
            Self::Overridden => "overridden",
        })
    }
}

/// A value, and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// How it is known.
    pub provenance: Provenance,
}

impl<T> Sourced<T> {
    pub(crate) fn declared(value: T) -> Self {
        Self { value, provenance: Provenance::Declared }
    }

    pub(crate) fn default(value: T) -> Self {
        Self { value, provenance: Provenance::Default }
    }

    /// The strongest of three: what the configuration says, what the provider says, the default.
    fn decide(overridden: Option<T>, declared: Option<T>, default: T) -> Self {
        match (overridden, declared) {
            (Some(value), _) => Self { value, provenance: Provenance::Overridden },
            (None, Some(value)) => Self::declared(value),
            (None, None) => Self::default(default),
        }
    }
}

/// Capabilities that the configuration states; each that is none is left to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CapabilityOverrides {
    /// Whether resources can be modified by PATCH.
    pub patch: Option<bool>,
    /// Whether there are bulk requests.
    pub bulk: Option<bool>,
    /// Whether queries can be filtered.
    pub filter: Option<bool>,
    /// Whether a client may change a password.
    pub change_password: Option<bool>,
    /// Whether results can be sorted.
    pub sort: Option<bool>,
    /// Whether resources have ETags that mean something.
    pub etag: Option<bool>,
}

/// What a provider can do (RFC 7643 section 5), each with how it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Resources can be modified by PATCH. Default: yes; a 501 would say otherwise.
    pub patch: Sourced<bool>,
    /// Bulk requests. Default: none.
    pub bulk: Sourced<Bulk>,
    /// Filters. Default: yes, with no bound on results known. Whoever relies on one checks what comes back.
    pub filter: Sourced<FilterSupport>,
    /// A client may change a password. Default: no.
    pub change_password: Sourced<bool>,
    /// Results can be sorted. Default: no.
    pub sort: Sourced<bool>,
    /// Resources have ETags that mean something. Default: no; a header alone is no promise.
    pub etag: Sourced<bool>,
    /// Paging (RFC 9865 section 4). Default: by index, as RFC 7644 section 3.4.2.4 has it.
    pub pagination: Sourced<Pagination>,
    /// How clients can authenticate, as declared.
    pub authentication_schemes: Vec<AuthenticationScheme>,
    /// Where the provider's documentation is, as declared.
    pub documentation_uri: Option<String>,
}

impl Capabilities {
    /// Weighs what the provider declares, where it declares anything, against the configuration.
    pub(crate) fn decide(declared: Option<ServiceProviderConfig>, overrides: &CapabilityOverrides) -> Self {
        let declared = declared.unwrap_or_default();
        let bulk = declared.bulk;
        let filter = declared.filter;
        Self {
            patch: Sourced::decide(overrides.patch, declared.patch, true),
            // An override says yes or no; the numbers beside it stay the provider's.
            bulk: Sourced::decide(
                overrides.bulk.map(|supported| Bulk { supported, ..bulk.unwrap_or_default() }),
                bulk,
                Bulk::default(),
            ),
            filter: Sourced::decide(
                overrides.filter.map(|supported| FilterSupport { supported, ..filter.unwrap_or_default() }),
                filter,
                FilterSupport { supported: true, max_results: None },
            ),
            change_password: Sourced::decide(overrides.change_password, declared.change_password, false),
            sort: Sourced::decide(overrides.sort, declared.sort, false),
            etag: Sourced::decide(overrides.etag, declared.etag, false),
            pagination: Sourced::decide(
                None,
                declared.pagination,
                Pagination { index: true, ..Pagination::default() },
            ),
            authentication_schemes: declared.authentication_schemes,
            documentation_uri: declared.documentation_uri,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Provenance::{Declared, Default as Assumed, Overridden};

    #[test]
    fn configuration_outweighs_declaration_and_declaration_the_default() {
        let declared = ServiceProviderConfig {
            patch: Some(false),
            etag: Some(true),
            bulk: Some(Bulk { supported: false, max_operations: Some(9), max_payload_size: None }),
            ..ServiceProviderConfig::default()
        };
        let overrides =
            CapabilityOverrides { etag: Some(false), bulk: Some(true), ..CapabilityOverrides::default() };
        let capabilities = Capabilities::decide(Some(declared), &overrides);
        assert_eq!(capabilities.patch, Sourced { value: false, provenance: Declared });
        assert_eq!(capabilities.etag, Sourced { value: false, provenance: Overridden });
        assert_eq!(capabilities.sort, Sourced { value: false, provenance: Assumed });
        let bulk = Bulk { supported: true, max_operations: Some(9), max_payload_size: None };
        assert_eq!(capabilities.bulk, Sourced { value: bulk, provenance: Overridden });
    }

    #[test]
    fn of_a_silent_provider_patch_and_filter_are_expected() {
        let capabilities = Capabilities::decide(None, &CapabilityOverrides::default());
        assert_eq!(capabilities.patch, Sourced { value: true, provenance: Assumed });
        assert!(capabilities.filter.value.supported && !capabilities.bulk.value.supported);
        assert!(capabilities.pagination.value.index && !capabilities.pagination.value.cursor);
    }
}
