//! The three metadata endpoints (RFC 7644 section 4), which say about the sandbox what is true of it.

use crate::kind::Kind;
use crate::message::{Request, Response};
use crate::provider::Provider;
use scimwright_scim::{Schema, ScimError, builtin, urn};
use serde_json::{Value, json};
use url::form_urlencoded;

/// `/ServiceProviderConfig`
pub(crate) fn service_provider_config(provider: &Provider, request: &Request) -> Result<Response, ScimError> {
    refuse_filter(request)?;
    let (default_page, max_page) = (provider.bounds.default(), provider.bounds.max());
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
            "patch": { "supported": true },
            "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
            "filter": { "supported": true, "maxResults": max_page },
            // A password is accepted and forgotten, so that nothing could be changed about it.
            "changePassword": { "supported": false },
            "sort": { "supported": true },
            "etag": { "supported": true },
            "authenticationSchemes": schemes,
            "pagination": {
                "cursor": false,
                "index": true,
                "defaultPaginationMethod": "index",
                "defaultPageSize": default_page,
                "maxPageSize": max_page,
            },
            "meta": meta(provider, "ServiceProviderConfig", "ServiceProviderConfig"),
        }),
    ))
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
