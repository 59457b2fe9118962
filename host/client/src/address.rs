//! Where a provider's resources are: the base URL, and the addresses built on it.
//!
//! Everything that enters an address is percent-encoded here, down to RFC 3986's unreserved characters:
//! ids are the provider's own text (one real server uses the display name, blanks included), and strict
//! servers refuse what the browser's idea of a URL lets through. No address built here ever leaves the
//! origin of the base URL, whatever a provider declares: requests carry credentials.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::{Host, Url};

// RFC 3986 section 2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn escape(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, ESCAPED)
}

/// The address all others are built on. Its path never ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    url: Url,
}

impl BaseUrl {
    /// Takes the configured URL, with or without a slash at its end.
    pub(crate) fn new(mut url: Url) -> Self {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        url.set_query(None);
        url.set_fragment(None);
        Self { url }
    }

    /// It as text.
    pub(crate) fn as_str(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// The address of an endpoint, as a resource type declares it.
    ///
    /// RFC 7643 section 6 has it relative to the base URL: `/Users`. Providers also declare `Users`, the
    /// whole path `/scim/v2/Users`, or an absolute URL, some with the host name they know themselves by
    /// inside their network. Only the path counts; of a path outside the base URL, its last segment.
    #[must_use]
    pub(crate) fn endpoint(&self, declared: &str) -> Url {
        let absolute = Url::parse(declared).ok().filter(Url::has_host);
        let path = match &absolute {
            Some(url) => url.path(),
            None => declared.split(['?', '#']).next().unwrap_or_default(),
        };
        let relative = match path.strip_prefix(self.path()) {
            Some(rest) if rest.starts_with('/') && !self.path().is_empty() => rest,
            _ if absolute.is_some() && !self.path().is_empty() => last_segment(path).unwrap_or_default(),
            _ => path,
        };
        self.join(relative.split('/').filter(|segment| !segment.is_empty()).map(decode))
    }

    /// The address of a resource below its endpoint; none where no address can name the id.
    ///
    /// An empty id would be the endpoint itself, and `.` and `..` vanish from a path even when
    /// percent-encoded: a DELETE sent there would mean something else altogether.
    #[must_use]
    pub(crate) fn resource(&self, endpoint: &str, id: &str) -> Option<Url> {
        if matches!(id, "" | "." | "..") {
            return None;
        }
        let mut url = self.endpoint(endpoint);
        let path = format!("{}/{}", url.path(), escape(id));
        url.set_path(&path);
        Some(url)
    }

    /// Whether each segment of a path below the base URL stays one when it is sent: `.` and `..` vanish, and
    /// an empty one is none.
    pub(crate) fn names_each_segment(&self, path: &str) -> bool {
        path.trim_start_matches('/')
            .split('/')
            .map(decode)
            .all(|segment| !matches!(segment.as_str(), "" | "." | ".."))
    }

    /// An address built here as a path relative to the base URL, as bulk requests have it (RFC 7644 section
    /// 3.7).
    #[must_use]
    pub(crate) fn relative(&self, url: &Url) -> String {
        url.path().strip_prefix(self.path()).unwrap_or(url.path()).to_owned()
    }

    /// The id in the `Location` of a resource below this endpoint (RFC 7644 section 3.3).
    #[must_use]
    pub(crate) fn id_in_location(&self, endpoint: &str, location: &str) -> Option<String> {
        let path = match Url::parse(location).ok().filter(Url::has_host) {
            Some(url) => url.path().to_owned(),
            None => location.split(['?', '#']).next().unwrap_or_default().to_owned(),
        };
        let endpoint = self.endpoint(endpoint);
        let collection = last_segment(endpoint.path()).unwrap_or_default();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty()).rev();
        let id = decode(segments.next()?);
        let parent = segments.next();
        // `/Users` alone names the collection, not a resource in it.
        let is_collection = id.eq_ignore_ascii_case(collection)
            && !parent.is_some_and(|parent| parent.eq_ignore_ascii_case(collection));
        (!is_collection && !id.is_empty()).then_some(id)
    }

    fn path(&self) -> &str {
        self.url.path().trim_end_matches('/')
    }

    fn join(&self, segments: impl Iterator<Item = String>) -> Url {
        let mut path = self.path().to_owned();
        for segment in segments.filter(|segment| !matches!(segment.as_str(), "." | "..")) {
            path.push('/');
            path.extend(utf8_percent_encode(&segment, ESCAPED));
        }
        let mut url = self.url.clone();
        url.set_path(&path);
        url
    }
}

/// Whether a URL's host is this machine: RFC 6761's `localhost`, 127.0.0.0/8 or ::1.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The last part of a path, as it was before it was percent-encoded.
pub(crate) fn decoded_last_segment(path: &str) -> String {
    last_segment(path).map(decode).unwrap_or_default()
}

fn last_segment(path: &str) -> Option<&str> {
    path.rsplit('/').find(|segment| !segment.is_empty())
}

fn decode(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> BaseUrl {
        BaseUrl::new(Url::parse(text).unwrap())
    }

    #[test]
    fn a_slash_at_the_end_of_the_base_url_makes_no_difference() {
        for text in ["https://acme.example/scim/v2", "https://acme.example/scim/v2/"] {
            assert_eq!(base(text).endpoint("/Users").as_str(), "https://acme.example/scim/v2/Users");
        }
        for text in ["https://acme.example", "https://acme.example/"] {
            assert_eq!(base(text).endpoint("/Users").as_str(), "https://acme.example/Users");
        }
    }

    #[test]
    fn an_endpoint_is_found_below_the_base_url_however_it_is_declared() {
        let base = base("https://acme.example/scim/v2");
        for declared in [
            "/Users",
            "Users",
            "/Users/",
            "/scim/v2/Users",
            "https://acme.example/scim/v2/Users",
            "http://10.0.0.7:8080/scim/v2/Users",
            "https://internal.example/Users",
            "/Users?x=1#y",
        ] {
            assert_eq!(base.endpoint(declared).as_str(), "https://acme.example/scim/v2/Users", "{declared}");
        }
        assert_eq!(base.endpoint("/custom/Devices").path(), "/scim/v2/custom/Devices");
    }

    #[test]
    fn no_declared_endpoint_leads_away_from_the_base_url() {
        let base = base("https://acme.example/scim/v2");
        for declared in
            ["//evil.example/Users", "/../../admin", "https://evil.example/../x", "\\\\evil.example"]
        {
            let url = base.endpoint(declared);
            assert_eq!(url.host_str(), Some("acme.example"), "{declared}");
            assert!(url.path().starts_with("/scim/v2/"), "{declared} → {url}");
        }
    }

    /// Point 18: ids are percent-encoded in paths.
    #[test]
    fn an_id_is_percent_encoded_as_one_segment() {
        let base = base("https://acme.example/scim/v2");
        let path = |id| base.resource("/Users", id).unwrap().path().to_owned();
        assert_eq!(path("2819c223-7f76"), "/scim/v2/Users/2819c223-7f76");
        assert_eq!(path("Tour Guides"), "/scim/v2/Users/Tour%20Guides");
        assert_eq!(path("a/b?c#d%20|[e]"), "/scim/v2/Users/a%2Fb%3Fc%23d%2520%7C%5Be%5D");
        assert_eq!(path("Zoë\\"), "/scim/v2/Users/Zo%C3%AB%5C");
    }

    #[test]
    fn an_id_that_a_path_cannot_hold_has_no_address() {
        let base = base("https://acme.example/scim/v2");
        for id in ["", ".", ".."] {
            assert_eq!(base.resource("/Users", id), None, "{id:?}");
        }
        assert!(base.resource("/Users", "...").is_some());
    }

    #[test]
    fn the_id_is_read_from_any_form_of_location() {
        let base = base("https://acme.example/scim/v2");
        for location in [
            "https://acme.example/scim/v2/Users/Tour%20Guides",
            "/scim/v2/Users/Tour%20Guides",
            "Users/Tour%20Guides/",
            "http://inside.example:8080/Users/Tour%20Guides?x=1",
        ] {
            assert_eq!(base.id_in_location("/Users", location).as_deref(), Some("Tour Guides"), "{location}");
        }
        for location in ["", "/", "/scim/v2/Users", "https://acme.example/scim/v2/users/"] {
            assert_eq!(base.id_in_location("/Users", location), None, "{location}");
        }
        assert_eq!(base.id_in_location("/Users", "/scim/v2/Users/Users").as_deref(), Some("Users"));
    }

    #[test]
    fn loopback_is_recognised_in_each_of_its_forms() {
        for text in ["http://localhost:8080/v2", "http://127.3.2.1", "http://[::1]:80", "http://a.localhost"]
        {
            assert!(is_loopback(&text.parse().unwrap()), "{text}");
        }
        for text in ["http://localhost.example", "http://10.0.0.1", "http://[::2]", "http://128.0.0.1"] {
            assert!(!is_loopback(&text.parse().unwrap()), "{text}");
        }
    }
}
