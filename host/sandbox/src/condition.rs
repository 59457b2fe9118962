//! Conditional requests: entity tags, and `If-Match` and `If-None-Match` against them (RFC 7644 section 3.14).

use crate::message::Request;
use crate::store::Row;
use scimwright_scim::ScimError;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which entity tags resources show.
#[derive(Debug)]
pub(crate) enum Tags {
    /// The resource's version.
    Version,
    /// None at all, and conditions are passed over.
    None,
    /// One that is new with every request, so that it says nothing and never holds.
    Meaningless {
        /// The requests so far.
        requests: AtomicU64,
    },
}

impl Tags {
    /// Tags that work or not, and are declared or not.
    pub(crate) fn new(work: bool, declared: bool) -> Self {
        match (work, declared) {
            (true, _) => Self::Version,
            (false, true) => Self::Meaningless { requests: AtomicU64::new(0) },
            (false, false) => Self::None,
        }
    }

    /// A further request begins.
    pub(crate) fn turn(&self) {
        if let Self::Meaningless { requests } = self {
            requests.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The tag that a resource shows now.
    pub(crate) fn of(&self, row: &Row) -> Option<String> {
        match self {
            Self::Version => Some(row.version()),
            Self::None => None,
            Self::Meaningless { requests } => Some(format!("W/\"r{}\"", requests.load(Ordering::Relaxed))),
        }
    }
}

/// What the conditions of a request say about the resource it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Holds,
    /// The client has this version already: answer 304.
    NotModified,
    /// The resource is not the one the client knows: answer 412.
    Failed,
}

/// Holds the conditions of a request that reads against the version the resource has, if it has one.
pub(crate) fn for_reading(request: &Request, version: Option<&str>) -> Verdict {
    let Some(version) = version else { return Verdict::Holds };
    match (&request.if_match, &request.if_none_match) {
        (Some(listed), _) if !lists(listed, version) => Verdict::Failed,
        (_, Some(listed)) if lists(listed, version) => Verdict::NotModified,
        _ => Verdict::Holds,
    }
}

/// Holds the conditions of a request that writes against the version the resource has, if it has one.
pub(crate) fn for_writing(request: &Request, version: Option<&str>) -> Verdict {
    match for_reading(request, version) {
        // RFC 9110 section 13.1.2: where nothing is read, a match means that nothing may be done.
        Verdict::NotModified => Verdict::Failed,
        verdict => verdict,
    }
}

/// The answer where the conditions failed.
pub(crate) fn failed(version: Option<&str>) -> ScimError {
    let version = version.unwrap_or_default();
    ScimError::new(412, format!("the resource has version {version} now; read it again"))
}

/// Whether a list of entity tags names the version.
///
/// `If-Match` asks for the strong comparison (RFC 9110 section 13.1.1), which no weak tag ever passes; SCIM
/// hands out weak tags and expects them back in `If-Match` (RFC 7644 section 3.14). So both headers compare
/// weakly here. No version of ours contains a comma, so a tag that does cannot be ours.
fn lists(header: &str, version: &str) -> bool {
    header.split(',').map(str::trim).any(|tag| tag == "*" || opaque(tag) == opaque(version))
}

fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Method;

    fn request(if_match: Option<&str>, if_none_match: Option<&str>) -> Request {
        Request {
            if_match: if_match.map(str::to_owned),
            if_none_match: if_none_match.map(str::to_owned),
            ..Request::new(Method::Get, "/v2/Users/1")
        }
    }

    #[test]
    fn if_match_takes_a_list_a_star_and_tags_that_lost_their_weakness() {
        for header in [r#"W/"3""#, r#""3""#, "3", "*", r#"W/"1", W/"3""#] {
            assert_eq!(
                for_writing(&request(Some(header), None), Some(r#"W/"3""#)),
                Verdict::Holds,
                "{header}"
            );
        }
        assert_eq!(for_writing(&request(Some(r#"W/"33""#), None), Some(r#"W/"3""#)), Verdict::Failed);
    }

    #[test]
    fn if_none_match_spares_a_reader_the_body_and_stops_a_writer() {
        let request = request(None, Some(r#"W/"3""#));
        assert_eq!(for_reading(&request, Some(r#"W/"3""#)), Verdict::NotModified);
        assert_eq!(for_writing(&request, Some(r#"W/"3""#)), Verdict::Failed);
        assert_eq!(for_reading(&request, Some(r#"W/"4""#)), Verdict::Holds);
    }
}
