//! Which endpoint a path names, and which methods it takes (RFC 7644 section 3.2).

use crate::kind::Kind;
use crate::message::Method;
use percent_encoding::percent_decode_str;

/// Where the SCIM endpoints begin (RFC 7644 section 3.13).
pub const BASE_PATH: &str = "/v2";

/// Where the counts are served: outside of SCIM, and open to everybody who reaches the port.
pub const STATS_PATH: &str = "/_sandbox/stats";

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// The base path itself: a query over all resource types.
    Root,
    /// `/.search`: the same with the query in the body.
    RootSearch,
    /// `/Users`
    Collection(Kind),
    /// `/Users/.search`
    Search(Kind),
    /// `/Users/{id}`; the id is decoded.
    Resource(Kind, String),
    /// `/ServiceProviderConfig`
    ServiceProviderConfig,
    /// `/ResourceTypes`
    ResourceTypes,
    /// `/ResourceTypes/{id}`
    ResourceType(String),
    /// `/Schemas`
    Schemas,
    /// `/Schemas/{id}`
    Schema(String),
    /// `/Me`
    Me,
    /// `/Bulk`
    Bulk,
    /// Nothing is there.
    Unknown,
}

impl Endpoint {
    /// The endpoint a percent-encoded path names.
    pub(crate) fn of(path: &str) -> Self {
        let Some(below) = path.strip_prefix(BASE_PATH) else { return Self::Unknown };
        if !below.is_empty() && !below.starts_with('/') {
            return Self::Unknown;
        }
        let segments: Vec<_> = below.split('/').filter(|segment| !segment.is_empty()).collect();
        match segments.as_slice() {
            [] => Self::Root,
            [".search"] => Self::RootSearch,
            ["ServiceProviderConfig"] => Self::ServiceProviderConfig,
            ["ResourceTypes"] => Self::ResourceTypes,
            ["ResourceTypes", id] => Self::ResourceType(decoded(id)),
            ["Schemas"] => Self::Schemas,
            ["Schemas", id] => Self::Schema(decoded(id)),
            ["Me"] => Self::Me,
            ["Bulk"] => Self::Bulk,
            [name, rest @ ..] => match (Kind::at_endpoint(name), rest) {
                (Some(kind), []) => Self::Collection(kind),
                (Some(kind), [".search"]) => Self::Search(kind),
                (Some(kind), [id]) => Self::Resource(kind, decoded(id)),
                _ => Self::Unknown,
            },
        }
    }

    /// The endpoint as the counts name it, with `{id}` for every identifier.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::RootSearch => "/.search",
            Self::Collection(Kind::User) => "/Users",
            Self::Collection(Kind::Group) => "/Groups",
            Self::Search(Kind::User) => "/Users/.search",
            Self::Search(Kind::Group) => "/Groups/.search",
            Self::Resource(Kind::User, _) => "/Users/{id}",
            Self::Resource(Kind::Group, _) => "/Groups/{id}",
            Self::ServiceProviderConfig => "/ServiceProviderConfig",
            Self::ResourceTypes => "/ResourceTypes",
            Self::ResourceType(_) => "/ResourceTypes/{id}",
            Self::Schemas => "/Schemas",
            Self::Schema(_) => "/Schemas/{id}",
            Self::Me => "/Me",
            Self::Bulk => "/Bulk",
            Self::Unknown => "(unknown)",
        }
    }

    /// The methods the endpoint takes.
    pub(crate) fn methods(&self) -> &'static [Method] {
        use Method::{Delete, Get, Patch, Post, Put};
        match self {
            Self::Root | Self::ServiceProviderConfig => &[Get],
            Self::ResourceTypes | Self::ResourceType(_) | Self::Schemas | Self::Schema(_) => &[Get],
            Self::RootSearch | Self::Search(_) | Self::Bulk => &[Post],
            Self::Collection(_) => &[Get, Post],
            Self::Resource(..) => &[Get, Put, Patch, Delete],
            Self::Me | Self::Unknown => &[Get, Post, Put, Patch, Delete],
        }
    }
}

/// Bytes that are no UTF-8 become `U+FFFD`, which no identifier contains: the look-up finds nothing.
fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_endpoints_with_and_without_a_closing_slash() {
        assert_eq!(Endpoint::of("/v2/Users"), Endpoint::Collection(Kind::User));
        assert_eq!(Endpoint::of("/v2/Users/"), Endpoint::Collection(Kind::User));
        assert_eq!(Endpoint::of("/v2"), Endpoint::Root);
        assert_eq!(Endpoint::of("/v2/Groups/.search"), Endpoint::Search(Kind::Group));
    }

    #[test]
    fn an_identifier_in_a_path_is_decoded() {
        assert_eq!(Endpoint::of("/v2/Schemas/urn%3Aietf"), Endpoint::Schema("urn:ietf".into()));
        assert_eq!(Endpoint::of("/v2/Users/a%2Fb"), Endpoint::Resource(Kind::User, "a/b".into()));
    }

    #[test]
    fn nothing_is_outside_the_base_path_or_below_a_resource() {
        for path in ["/Users", "/v22/Users", "/v2/users", "/v2/Users/1/2", "/v2/nope"] {
            assert_eq!(Endpoint::of(path), Endpoint::Unknown, "{path}");
        }
    }
}
