//! The three metadata endpoints (RFC 7644 section 4), which say about the sandbox what is true of it,
//! unless it was told to say something else.

use crate::capabilities::PagingMethods;
use crate::kind::Kind;
use crate::message::{Request, Response};
use crate::provider::Provider;
use crate::query::PageBounds;
use scimwright_scim::{Schema, ScimError, builtin, urn};
use serde_json::{Value, json};
use url::form_urlencoded;

/// `/ServiceProviderConfig`
pub(crate) fn service_provider_config(provider: &Provider, request: &Request) -> Result<Response, ScimError> {
    refuse_filter(request)?;
    let declared = provider.declared;
    let pages = provider.paging.bounds;
    let (bulk, max_page) = (provider.bulk, pages.max());
    let schemes = if provider.is_guarded() {
        json!([{
            "type": "oauthbearertoken",
            "name": "OAuth bearer token",
            "description": "The token the sandbox was started with, in the Authorization header.",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }])
    } else {
        json!([])
    };
    Ok(Response::json(
        200,
        &json!({
            "schemas": [urn::SERVICE_PROVIDER_CONFIG.as_str()],
            "patch": { "supported": declared.patch },
            "bulk": if declared.bulk {
                json!({
                    "supported": true,
                    "maxOperations": bulk.max_operations,
                    "maxPayloadSize": bulk.max_payload_bytes,
                })
            } else {
                json!({ "supported": false, "maxOperations": 0, "maxPayloadSize": 0 })
            },
            "filter": { "supported": declared.filter, "maxResults": if declared.filter { max_page } else { 0 } },
            // A password is accepted and forgotten, so that nothing could be changed about it.
            "changePassword": { "supported": false },
            "sort": { "supported": declared.sort },
            "etag": { "supported": declared.etag },
            "authenticationSchemes": schemes,
            "pagination": pagination(provider.declared_paging, pages),
            "meta": meta(provider, "ServiceProviderConfig", "ServiceProviderConfig"),
        }),
    ))
}

/// RFC 9865 section 4.
fn pagination(methods: PagingMethods, pages: PageBounds) -> Value {
    let by_index = methods.by_index();
    let mut value = json!({
        "cursor": methods.cursor_seconds().is_some(),
        "index": by_index,
        "defaultPaginationMethod": if by_index { "index" } else { "cursor" },
        "defaultPageSize": pages.default(),
        "maxPageSize": pages.max(),
    });
    if let Some(seconds) = methods.cursor_seconds() {
        value["cursorTimeout"] = seconds.get().into();
    }
    value
}

/// `/ResourceTypes`
pub(crate) fn resource_types(provider: &Provider, request: &Request) -> Result<Response, ScimError> {
    refuse_filter(request)?;
    Ok(listed(Kind::ALL.into_iter().map(|kind| resource_type_value(provider, kind)).collect()))
}

/// `/ResourceTypes/{id}`
pub(crate) fn resource_type(provider: &Provider, id: &str) -> Result<Response, ScimError> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == id);
    let kind = kind.ok_or_else(|| ScimError::new(404, format!("there is no resource type `{id}`")))?;
    Ok(Response::json(200, &resource_type_value(provider, kind)))
}

/// `/Schemas`: those of the resources, and those of the metadata itself.
pub(crate) fn schemas(provider: &Provider, request: &Request) -> Result<Response, ScimError> {
    refuse_filter(request)?;
    Ok(listed(builtin::schemas().iter().map(|schema| schema_value(provider, schema)).collect()))
}

/// `/Schemas/{id}`
pub(crate) fn schema(provider: &Provider, id: &str) -> Result<Response, ScimError> {
    let found = builtin::schemas().iter().find(|schema| schema.id == *id);
    let schema = found.ok_or_else(|| ScimError::new(404, format!("there is no schema `{id}`")))?;
    Ok(Response::json(200, &schema_value(provider, schema)))
}

fn resource_type_value(provider: &Provider, kind: Kind) -> Value {
    let mut value = provider.catalogue.of(kind).schemas.resource_type().to_value();
    value["meta"] = meta(provider, "ResourceType", &format!("ResourceTypes/{}", kind.name()));
    value
}

fn schema_value(provider: &Provider, schema: &Schema) -> Value {
    let mut value = schema.to_value();
    value["meta"] = meta(provider, "Schema", &format!("Schemas/{}", schema.id));
    value
}

fn meta(provider: &Provider, resource_type: &str, path: &str) -> Value {
    json!({ "resourceType": resource_type, "location": format!("{}/{path}", provider.base_url) })
}

fn listed(resources: Vec<Value>) -> Response {
    Response::json(
        200,
        &json!({
            "schemas": [urn::LIST_RESPONSE.as_str()],
            "totalResults": resources.len(),
            "startIndex": 1,
            "itemsPerPage": resources.len(),
            "Resources": resources,
        }),
    )
}

/// RFC 7644 section 4: a filter here is answered with 403, lest somebody take a part for the whole.
fn refuse_filter(request: &Request) -> Result<(), ScimError> {
    let filtered = form_urlencoded::parse(request.query.as_bytes()).any(|(name, _)| name == "filter");
    if filtered {
        return Err(ScimError::new(403, "the metadata endpoints take no filter"));
    }
    Ok(())
}
