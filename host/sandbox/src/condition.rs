//! Conditional requests: `If-Match` and `If-None-Match` against a resource's version (RFC 7644 section 3.14).

use crate::message::Request;
use scimwright_scim::ScimError;

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

/// Holds the conditions of a request that reads against the version the resource has.
pub(crate) fn for_reading(request: &Request, version: &str) -> Verdict {
    match (&request.if_match, &request.if_none_match) {
        (Some(listed), _) if !lists(listed, version) => Verdict::Failed,
        (_, Some(listed)) if lists(listed, version) => Verdict::NotModified,
        _ => Verdict::Holds,
    }
}

/// Holds the conditions of a request that writes against the version the resource has.
pub(crate) fn for_writing(request: &Request, version: &str) -> Verdict {
    match for_reading(request, version) {
        // RFC 9110 section 13.1.2: where nothing is read, a match means that nothing may be done.
        Verdict::NotModified => Verdict::Failed,
        verdict => verdict,
    }
}

/// The answer where the conditions failed.
pub(crate) fn failed(version: &str) -> ScimError {
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
            assert_eq!(for_writing(&request(Some(header), None), r#"W/"3""#), Verdict::Holds, "{header}");
        }
        assert_eq!(for_writing(&request(Some(r#"W/"33""#), None), r#"W/"3""#), Verdict::Failed);
    }

    #[test]
    fn if_none_match_spares_a_reader_the_body_and_stops_a_writer() {
        let request = request(None, Some(r#"W/"3""#));
        assert_eq!(for_reading(&request, r#"W/"3""#), Verdict::NotModified);
        assert_eq!(for_writing(&request, r#"W/"3""#), Verdict::Failed);
        assert_eq!(for_reading(&request, r#"W/"4""#), Verdict::Holds);
    }
}
