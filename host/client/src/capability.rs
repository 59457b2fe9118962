//! What a provider can do, and how we know.
//!
//! A declared capability is a hint: providers exist that declare what they lack and lack what they declare.
//! So each carries its provenance, configuration may override any, what is seen outweighs what is said, and
//! what nobody says has a default that is written down here and nowhere else.

use scimwright_profile::ProviderQuirks;
use scimwright_scim::{AuthenticationScheme, Bulk, FilterSupport, Pagination, ServiceProviderConfig};
use std::fmt;

/// How something about a provider is known, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Provenance {
    /// The provider says nothing that can be read; this is what most providers do.
    Default,
    /// The provider says so.
    Declared,
    /// The provider's profile says so, whatever the provider says.
    Profile,
    /// A call showed it, whatever anybody but the configuration says.
    Observed,
    /// The configuration says so, whatever the provider says.
    Overridden,
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::Declared => "declared",
            Self::Profile => "profile",
            Self::Observed => "observed",
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
    /// The strongest of four: what the configuration says, the profile, the provider, the default.
    fn decide(overridden: Option<T>, profile: Option<T>, declared: Option<T>, default: T) -> Self {
        let (value, provenance) = match (overridden, profile, declared) {
            (Some(value), ..) => (value, Provenance::Overridden),
            (None, Some(value), _) => (value, Provenance::Profile),
            (None, None, Some(value)) => (value, Provenance::Declared),
            (None, None, None) => (default, Provenance::Default),
        };
        Self { value, provenance }
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

/// What calls can show that a provider can do, or cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Resources can be modified by PATCH.
    Patch,
    /// Bulk requests.
    Bulk,
    /// Filters.
    Filter,
    /// Results can be sorted.
    Sort,
    /// Resources have ETags that mean something.
    ETag,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patch => "PATCH",
            Self::Bulk => "bulk requests",
            Self::Filter => "filters",
            Self::Sort => "sorting",
            Self::ETag => "ETags",
        })
    }
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
    /// Weighs what the provider declares, where it declares anything, against its profile and the
    /// configuration.
    pub(crate) fn decide(
        declared: Option<ServiceProviderConfig>,
        quirks: &ProviderQuirks,
        overrides: &CapabilityOverrides,
    ) -> Self {
        let declared = declared.unwrap_or_default();
        // A yes or no from elsewhere leaves the numbers beside it the provider's.
        let bulk = |supported| Bulk { supported, ..declared.bulk.unwrap_or_default() };
        let filter = |supported| FilterSupport { supported, ..declared.filter.unwrap_or_default() };
        Self {
            patch: Sourced::decide(overrides.patch, quirks.patch, declared.patch, true),
            bulk: Sourced::decide(
                overrides.bulk.map(bulk),
                quirks.bulk.map(bulk),
                declared.bulk,
                Bulk::default(),
            ),
            filter: Sourced::decide(
                overrides.filter.map(filter),
                quirks.filter.map(filter),
                declared.filter,
                FilterSupport { supported: true, max_results: None },
            ),
            change_password: Sourced::decide(
                overrides.change_password,
                None,
                declared.change_password,
                false,
            ),
            sort: Sourced::decide(overrides.sort, quirks.sort, declared.sort, false),
            etag: Sourced::decide(overrides.etag, quirks.etag, declared.etag, false),
            pagination: Sourced::decide(
                None,
                None,
                declared.pagination,
                Pagination { index: true, ..Pagination::default() },
            ),
            authentication_schemes: declared.authentication_schemes,
            documentation_uri: declared.documentation_uri,
        }
    }
    /// Takes in what a call showed, and returns whether that changes anything: whoever says it says it once.
    ///
    /// What the configuration overrides stays as it is; the operator asked for it in so many words. A later
    /// discovery starts from the declarations again.
    ///
    /// ```
    /// use scimwright_client::{Capability, CapabilityOverrides, Discovery, Provenance};
    ///
    /// let mut found = Discovery::assumed(&Default::default(), &CapabilityOverrides::default());
    /// assert!(found.capabilities.observed(Capability::Patch, false));
    /// assert!(!found.capabilities.observed(Capability::Patch, false));
    /// assert_eq!(found.capabilities.patch.provenance, Provenance::Observed);
    /// ```
    pub fn observed(&mut self, capability: Capability, works: bool) -> bool {
        fn observe<T: PartialEq>(known: &mut Sourced<T>, seen: T) -> bool {
            if known.provenance == Provenance::Overridden || known.value == seen {
                return false;
            }
            *known = Sourced { value: seen, provenance: Provenance::Observed };
            true
        }
        match capability {
            Capability::Patch => observe(&mut self.patch, works),
            Capability::Sort => observe(&mut self.sort, works),
            Capability::ETag => observe(&mut self.etag, works),
            Capability::Bulk => {
                let seen = Bulk { supported: works, ..self.bulk.value };
                observe(&mut self.bulk, seen)
            }
            Capability::Filter => {
                let seen = FilterSupport { supported: works, ..self.filter.value };
                observe(&mut self.filter, seen)
            }
        }
    }

    /// Whether the provider can do this, as far as is known.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        match capability {
            Capability::Patch => self.patch.value,
            Capability::Bulk => self.bulk.value.supported,
            Capability::Filter => self.filter.value.supported,
            Capability::Sort => self.sort.value,
            Capability::ETag => self.etag.value,
        }
    }

    /// Whether the provider pages by cursor and in no other way (RFC 9865 section 4), so that a query of all
    /// resources does best to begin with an empty cursor.
    #[must_use]
    pub fn pages_by_cursor_only(&self) -> bool {
        self.pagination.value.cursor && !self.pagination.value.index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Provenance::{Declared, Default as Assumed, Observed, Overridden, Profile};

    fn decide(declared: Option<ServiceProviderConfig>, overrides: CapabilityOverrides) -> Capabilities {
        Capabilities::decide(declared, &ProviderQuirks::default(), &overrides)
    }

    /// Point 1: configuration overrides any capability, and each remembers where it came from.
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
        let capabilities = decide(Some(declared), overrides);
        assert_eq!(capabilities.patch, Sourced { value: false, provenance: Declared });
        assert_eq!(capabilities.etag, Sourced { value: false, provenance: Overridden });
        assert_eq!(capabilities.sort, Sourced { value: false, provenance: Assumed });
        let bulk = Bulk { supported: true, max_operations: Some(9), max_payload_size: None };
        assert_eq!(capabilities.bulk, Sourced { value: bulk, provenance: Overridden });
    }

    #[test]
    fn the_profile_stands_between_the_configuration_and_what_is_declared() {
        let declared = ServiceProviderConfig {
            filter: Some(FilterSupport { supported: false, max_results: Some(7) }),
            patch: Some(true),
            ..ServiceProviderConfig::default()
        };
        let quirks = ProviderQuirks {
            filter: Some(true),
            patch: Some(false),
            sort: Some(true),
            etag: Some(true),
            bulk: Some(true),
            ..ProviderQuirks::default()
        };
        let overrides = CapabilityOverrides { patch: Some(true), ..CapabilityOverrides::default() };
        let found = Capabilities::decide(Some(declared), &quirks, &overrides);
        assert_eq!(found.patch, Sourced { value: true, provenance: Overridden });
        let filter = FilterSupport { supported: true, max_results: Some(7) };
        assert_eq!(found.filter, Sourced { value: filter, provenance: Profile });
        let provenances = [found.sort.provenance, found.etag.provenance, found.bulk.provenance];
        assert_eq!(provenances, [Profile; 3]);
    }

    #[test]
    fn of_a_silent_provider_patch_and_filter_are_expected() {
        let capabilities = decide(None, CapabilityOverrides::default());
        assert_eq!(capabilities.patch, Sourced { value: true, provenance: Assumed });
        assert!(capabilities.filter.value.supported && !capabilities.bulk.value.supported);
        assert!(capabilities.pagination.value.index && !capabilities.pagination.value.cursor);
        assert!(!capabilities.pages_by_cursor_only());
    }

    /// Point 2: a declared capability is a hint, and both lies occur. What is seen outweighs it, once.
    #[test]
    fn what_a_call_shows_outweighs_what_was_declared_but_not_the_configuration() {
        let declared = ServiceProviderConfig {
            filter: Some(FilterSupport { supported: false, max_results: Some(7) }),
            bulk: Some(Bulk { supported: true, max_operations: Some(9), max_payload_size: None }),
            etag: Some(true),
            ..ServiceProviderConfig::default()
        };
        let overrides = CapabilityOverrides { patch: Some(true), ..CapabilityOverrides::default() };
        let mut found = decide(Some(declared), overrides);
        for (capability, works) in [
            (Capability::Filter, true),
            (Capability::Bulk, false),
            (Capability::ETag, false),
            (Capability::Sort, true),
        ] {
            assert!(found.observed(capability, works), "{capability}");
            assert!(!found.observed(capability, works), "{capability} is said once");
        }
        let filter = FilterSupport { supported: true, max_results: Some(7) };
        assert_eq!(found.filter, Sourced { value: filter, provenance: Observed });
        assert!(!found.bulk.value.supported && !found.etag.value && found.sort.value);
        assert!(!found.observed(Capability::Patch, false));
        assert_eq!(found.patch, Sourced { value: true, provenance: Overridden });
    }

    #[test]
    fn cursors_are_the_only_way_where_the_provider_says_so() {
        let pages = |cursor, index| {
            let pagination = Some(Pagination { cursor, index, ..Pagination::default() });
            let declared = ServiceProviderConfig { pagination, ..ServiceProviderConfig::default() };
            decide(Some(declared), CapabilityOverrides::default()).pages_by_cursor_only()
        };
        assert!(pages(true, false));
        assert!(!pages(true, true) && !pages(false, true) && !pages(false, false));
    }
}
