//! The URN of a schema or message, and the ones that the RFCs define.
//!
//! A schema's id is a URI, nearly always a URN (RFC 7643 section 2.1 and 10.2). It compares without case
//! (RFC 7644 section 3.10) and keeps its spelling.

use crate::text::{Text, text_type};

/// The id of a schema: `urn:ietf:params:scim:schemas:core:2.0:User`.
///
/// Any URI with a scheme is accepted, since providers exist whose schemas are not URNs; characters that
/// would end a path in a filter are not. Equality, order and hash ignore case. At most
/// [`MAX_BYTES`](Self::MAX_BYTES) long.
///
/// ```
/// use scimwright_scim::{SchemaUrn, urn};
///
/// let user = SchemaUrn::parse("URN:ietf:params:scim:schemas:core:2.0:user")?;
/// assert_eq!(user, urn::USER);
/// # Ok::<(), scimwright_scim::InvalidUrn>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaUrn(Text);

text_type!(SchemaUrn, InvalidUrn);

/// Text that cannot be a schema's URN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be a schema URN: {reason}")]
pub struct InvalidUrn {
    /// The text, cut to 80 characters.
    pub text: String,
    /// The rule that it breaks.
    pub reason: String,
}

macro_rules! urns {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: SchemaUrn = SchemaUrn(Text::Static($text));)*
    };
}

urns! {
    /// User (RFC 7643 section 4.1).
    USER = "urn:ietf:params:scim:schemas:core:2.0:User";
    /// Group (RFC 7643 section 4.2).
    GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";
    /// The enterprise extension of User (RFC 7643 section 4.3).
    ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    /// What a provider can do (RFC 7643 section 5).
    SERVICE_PROVIDER_CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
    /// A resource type (RFC 7643 section 6).
    RESOURCE_TYPE = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
    /// A schema (RFC 7643 section 7).
    SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:Schema";
    /// A page of query results (RFC 7644 section 3.4.2).
    LIST_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
    /// A query sent by POST (RFC 7644 section 3.4.3).
    SEARCH_REQUEST = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
    /// A modification (RFC 7644 section 3.5.2).
    PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
    /// Several operations in one request (RFC 7644 section 3.7).
    BULK_REQUEST = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
    /// The answer to them (RFC 7644 section 3.7).
    BULK_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
    /// An error (RFC 7644 section 3.12).
    ERROR = "urn:ietf:params:scim:api:messages:2.0:Error";
}

impl SchemaUrn {
    /// The longest URN, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// Checks text that is to be a schema's URN.
    ///
    /// # Errors
    /// [`InvalidUrn`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidUrn> {
        match broken_rule(text) {
            None => Ok(Self(text.into())),
            Some(reason) => Err(InvalidUrn { text: text.chars().take(80).collect(), reason }),
        }
    }

    /// Whether the URN lies in the namespace that RFC 7643 section 10.3 keeps for core schemas. Their
    /// attributes stand at the top level of a resource, not nested under the URN.
    #[must_use]
    pub fn is_core(&self) -> bool {
        const CORE: &str = "urn:ietf:params:scim:schemas:core:";
        self.as_str().get(..CORE.len()).is_some_and(|start| start.eq_ignore_ascii_case(CORE))
    }
}

fn broken_rule(text: &str) -> Option<String> {
    if text.len() > SchemaUrn::MAX_BYTES {
        let allowed = SchemaUrn::MAX_BYTES;
        return Some(format!("it has {} bytes, {allowed} are allowed", text.len()));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Some(
            "it has no `:`; a schema URN looks like `urn:ietf:params:scim:schemas:core:2.0:User`".into(),
        );
    };
    // RFC 3986 section 3.1.
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    if !scheme_ok {
        return Some("it has to begin with a scheme, such as `urn:`".into());
    }
    if rest.is_empty() || rest.ends_with(':') {
        return Some("nothing follows the last `:`".into());
    }
    // RFC 3986 section 2, without what delimits a path in a filter or in an attribute list.
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'*+;=%".contains(c);
    let odd = rest.chars().find(|&c| !allowed(c))?;
    Some(format!("`{}` is not allowed", odd.escape_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Point 4: URNs compare without case.
    #[test]
    fn urns_compare_without_case_and_keep_their_spelling() {
        let odd = SchemaUrn::parse("urn:ietf:params:scim:SCHEMAS:core:2.0:user").unwrap();
        assert_eq!(odd, USER);
        assert_eq!(odd.to_string(), "urn:ietf:params:scim:SCHEMAS:core:2.0:user");
        assert_ne!(odd, GROUP);
    }

    #[test]
    fn every_constant_passes_the_check_itself() {
        for urn in
            [USER, GROUP, ENTERPRISE_USER, SERVICE_PROVIDER_CONFIG, RESOURCE_TYPE, SCHEMA, LIST_RESPONSE]
        {
            assert_eq!(SchemaUrn::parse(urn.as_str()).unwrap(), urn);
        }
        for urn in [SEARCH_REQUEST, PATCH_OP, BULK_REQUEST, BULK_RESPONSE, ERROR] {
            assert_eq!(SchemaUrn::parse(urn.as_str()).unwrap(), urn);
        }
    }

    #[test]
    fn what_cannot_be_a_uri_is_refused() {
        for bad in ["", "User", ":x", "urn:", "urn:a:", "urn:a b", "urn:a[b", "urn:a\"", "1rn:a", "urn:ä"] {
            assert!(SchemaUrn::parse(bad).is_err(), "{bad}");
        }
        assert!(SchemaUrn::parse("https://acme.example/schemas/Device").is_ok());
    }

    #[test]
    fn only_the_namespace_of_the_rfc_is_core() {
        assert!(USER.is_core());
        assert!(!ENTERPRISE_USER.is_core());
        assert!(!SchemaUrn::parse("urn:acme").unwrap().is_core());
    }
}
