//! What a service provider says it can do (RFC 7643 section 5, RFC 9865 section 4).
//!
//! Every capability is an `Option`: a provider that is silent about one is not the same as a provider that
//! denies it, and whoever decides on defaults has to see the difference.

use crate::json::{self, Object};
use crate::unreadable::Unreadable;
use crate::urn;
use serde_json::{Map, Value, json};

/// A service provider's declared capabilities (RFC 7643 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceProviderConfig {
    /// Where its documentation is.
    pub documentation_uri: Option<String>,
    /// Whether resources can be modified by PATCH.
    pub patch: Option<bool>,
    /// Bulk requests.
    pub bulk: Option<Bulk>,
    /// Filters.
    pub filter: Option<FilterSupport>,
    /// Whether a client may change a password.
    pub change_password: Option<bool>,
    /// Whether results can be sorted.
    pub sort: Option<bool>,
    /// Whether resources have ETags.
    pub etag: Option<bool>,
    /// Paging (RFC 9865 section 4).
    pub pagination: Option<Pagination>,
    /// How a client can authenticate.
    pub authentication_schemes: Vec<AuthenticationScheme>,
}

/// What a provider says of bulk requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bulk {
    /// Whether there are any.
    pub supported: bool,
    /// The most operations in one request.
    pub max_operations: Option<u64>,
    /// The largest request, in bytes.
    pub max_payload_size: Option<u64>,
}

/// What a provider says of filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilterSupport {
    /// Whether there are any.
    pub supported: bool,
    /// The most resources in one response.
    pub max_results: Option<u64>,
}

/// What a provider says of paging (RFC 9865 section 4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pagination {
    /// Whether results are paged by cursor.
    pub cursor: bool,
    /// Whether results are paged by index.
    pub index: bool,
    /// What a query gets that asks for neither: `cursor` or `index`.
    pub default_method: Option<String>,
    /// The size of a page where a query asks for none.
    pub default_page_size: Option<u64>,
    /// The largest page.
    pub max_page_size: Option<u64>,
    /// How long a cursor is good for, in seconds.
    pub cursor_timeout: Option<u64>,
}

/// A way to authenticate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthenticationScheme {
    /// `oauth`, `oauth2`, `oauthbearertoken`, `httpbasic`, `httpdigest`, or a word of the provider's.
    pub kind: String,
    /// Its name, for people.
    pub name: String,
    /// What it is, for people.
    pub description: String,
    /// Its specification.
    pub spec_uri: Option<String>,
    /// Its documentation.
    pub documentation_uri: Option<String>,
    /// Whether it is the preferred one.
    pub primary: bool,
}

impl ServiceProviderConfig {
    /// Reads a provider's `/ServiceProviderConfig`.
    ///
    /// # Errors
    /// [`Unreadable`] when it is not an object, or names no capability at all: an error page in JSON must not
    /// pass for a provider that can do nothing.
    pub fn from_value(value: &Value) -> Result<Self, Unreadable> {
        const WHAT: &str = "service provider configuration";
        let object = json::object(WHAT, value)?;
        let config = Self {
            documentation_uri: json::text(object, "documentationUri").map(str::to_owned),
            patch: supported(object, "patch"),
            bulk: part(object, "bulk").map(|(supported, part)| Bulk {
                supported,
                max_operations: json::whole(part, "maxOperations"),
                max_payload_size: json::whole(part, "maxPayloadSize"),
            }),
            filter: part(object, "filter").map(|(supported, part)| FilterSupport {
                supported,
                max_results: json::whole(part, "maxResults"),
            }),
            change_password: supported(object, "changePassword"),
            sort: supported(object, "sort"),
            etag: supported(object, "etag"),
            pagination: json::field(object, "pagination").and_then(Value::as_object).map(read_pagination),
            authentication_schemes: match json::field(object, "authenticationSchemes") {
                Some(Value::Array(items)) => items.iter().filter_map(read_scheme).collect(),
                Some(single) => read_scheme(single).into_iter().collect(),
                None => Vec::new(),
            },
        };
        let says_so = json::mentions_schema(object, &urn::SERVICE_PROVIDER_CONFIG);
        if config == Self::default() && !says_so {
            return Err(Unreadable {
                what: WHAT,
                place: "it".into(),
                problem: "names no capability, such as `patch` or `filter`".into(),
            });
        }
        Ok(config)
    }

    /// The configuration as `/ServiceProviderConfig` shows it, without `meta`. RFC 7643 requires every
    /// capability but paging, so one that is not known is shown as not supported.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let flag = |flag: Option<bool>| json!({"supported": flag.unwrap_or(false)});
        let bulk = self.bulk.unwrap_or_default();
        let filter = self.filter.unwrap_or_default();
        let mut object = Map::new();
        object.insert("schemas".into(), json!([urn::SERVICE_PROVIDER_CONFIG]));
        put_text(&mut object, "documentationUri", self.documentation_uri.as_deref());
        object.insert("patch".into(), flag(self.patch));
        object.insert(
            "bulk".into(),
            json!({
                "supported": bulk.supported,
                "maxOperations": bulk.max_operations.unwrap_or(0),
                "maxPayloadSize": bulk.max_payload_size.unwrap_or(0),
            }),
        );
        object.insert(
            "filter".into(),
            json!({"supported": filter.supported, "maxResults": filter.max_results.unwrap_or(0)}),
        );
        object.insert("changePassword".into(), flag(self.change_password));
        object.insert("sort".into(), flag(self.sort));
        object.insert("etag".into(), flag(self.etag));
        if let Some(pagination) = &self.pagination {
            object.insert("pagination".into(), pagination.to_value());
        }
        let schemes = self.authentication_schemes.iter().map(AuthenticationScheme::to_value).collect();
        object.insert("authenticationSchemes".into(), Value::Array(schemes));
        Value::Object(object)
    }
}

impl Pagination {
    fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("cursor".into(), self.cursor.into());
        object.insert("index".into(), self.index.into());
        put_text(&mut object, "defaultPaginationMethod", self.default_method.as_deref());
        let numbers = [
            ("defaultPageSize", self.default_page_size),
            ("maxPageSize", self.max_page_size),
            ("cursorTimeout", self.cursor_timeout),
        ];
        for (key, number) in numbers {
            if let Some(number) = number {
                object.insert(key.into(), number.into());
            }
        }
        Value::Object(object)
    }
}

impl AuthenticationScheme {
    fn to_value(&self) -> Value {
        let mut object = Map::new();
        object.insert("type".into(), self.kind.as_str().into());
        object.insert("name".into(), self.name.as_str().into());
        object.insert("description".into(), self.description.as_str().into());
        put_text(&mut object, "specUri", self.spec_uri.as_deref());
        put_text(&mut object, "documentationUri", self.documentation_uri.as_deref());
        object.insert("primary".into(), self.primary.into());
        Value::Object(object)
    }
}

fn read_pagination(part: &Object) -> Pagination {
    Pagination {
        cursor: json::boolean(part, "cursor").unwrap_or(false),
        index: json::boolean(part, "index").unwrap_or(false),
        default_method: json::text(part, "defaultPaginationMethod").map(str::to_owned),
        default_page_size: json::whole(part, "defaultPageSize"),
        max_page_size: json::whole(part, "maxPageSize"),
        cursor_timeout: json::whole(part, "cursorTimeout"),
    }
}

fn read_scheme(value: &Value) -> Option<AuthenticationScheme> {
    let object = value.as_object()?;
    let text = |key| json::text(object, key).map(str::to_owned);
    Some(AuthenticationScheme {
        kind: text("type").unwrap_or_default(),
        name: text("name").unwrap_or_default(),
        description: text("description").unwrap_or_default(),
        spec_uri: text("specUri"),
        documentation_uri: text("documentationUri"),
        primary: json::boolean(object, "primary").unwrap_or(false),
    })
}

/// Whether the capability is supported, in the form of the RFC (`{"supported": true}`) or as a bare boolean.
fn supported(object: &Object, key: &str) -> Option<bool> {
    match json::field(object, key)? {
        Value::Object(part) => json::boolean(part, "supported"),
        _ => json::boolean(object, key),
    }
}

/// A capability that has numbers beside `supported`.
fn part<'a>(object: &'a Object, key: &str) -> Option<(bool, &'a Object)> {
    let part = json::field(object, key)?.as_object()?;
    Some((json::boolean(part, "supported").unwrap_or(false), part))
}

fn put_text(object: &mut Object, key: &str, text: Option<&str>) {
    if let Some(text) = text {
        object.insert(key.to_owned(), text.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_denial_are_different() {
        let config = ServiceProviderConfig::from_value(&json!({
            "patch": {"supported": false}, "etag": {}, "sort": true, "filter": {"supported": "true"},
        }))
        .unwrap();
        assert_eq!(config.patch, Some(false));
        assert_eq!(config.etag, None);
        assert_eq!(config.sort, Some(true));
        assert_eq!(config.change_password, None);
        assert_eq!(config.filter, Some(FilterSupport { supported: true, max_results: None }));
    }

    #[test]
    fn a_configuration_survives_the_wire() {
        let config = ServiceProviderConfig {
            documentation_uri: Some("https://acme.example".into()),
            patch: Some(true),
            bulk: Some(Bulk { supported: true, max_operations: Some(100), max_payload_size: Some(1 << 20) }),
            filter: Some(FilterSupport { supported: true, max_results: Some(200) }),
            change_password: Some(false),
            sort: Some(true),
            etag: Some(true),
            pagination: Some(Pagination { cursor: true, cursor_timeout: Some(60), ..Pagination::default() }),
            authentication_schemes: vec![AuthenticationScheme {
                kind: "oauthbearertoken".into(),
                name: "Bearer".into(),
                description: "A bearer token".into(),
                primary: true,
                ..AuthenticationScheme::default()
            }],
        };
        assert_eq!(ServiceProviderConfig::from_value(&config.to_value()).unwrap(), config);
    }

    #[test]
    fn an_error_page_is_no_configuration() {
        assert!(ServiceProviderConfig::from_value(&json!({"message": "not found"})).is_err());
        assert!(ServiceProviderConfig::from_value(&json!([])).is_err());
        assert!(
            ServiceProviderConfig::from_value(&json!({"schemas": [urn::SERVICE_PROVIDER_CONFIG]})).is_ok()
        );
    }
}
