//! What a provider says about itself, and what is assumed where it says nothing (RFC 7644 section 4).
//!
//! Metadata is the part of SCIM that providers get wrong most often: absent, behind other permissions, a
//! bare array in place of a list, resource types without schemas. None of that is a reason not to provision.
//! Whatever cannot be read is replaced by what RFC 7643 defines, and noted. What is not tolerated is an
//! answer that says nothing about the metadata: credentials refused throughout, a provider that is down, a
//! base URL that leads to a web site.

use crate::call::{CallReport, Exchange};
use crate::capability::{Capabilities, CapabilityOverrides, Provenance};
use crate::failure::{ClientError, Failure};
use jiff::Timestamp;
use scimwright_profile::ProviderQuirks;
use scimwright_scim::{
    ListResponse, Resource, ResourceType, Schema, SchemaSet, ServiceProviderConfig, Unreadable, builtin,
};
use serde_json::{Map, Value};
use std::fmt;

/// The three documents of a provider's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Document {
    /// RFC 7643 section 5.
    ServiceProviderConfig,
    /// RFC 7643 section 6.
    ResourceTypes,
    /// RFC 7643 section 7.
    Schemas,
}

impl Document {
    /// The document's name, as in its address.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ServiceProviderConfig => "ServiceProviderConfig",
            Self::ResourceTypes => "ResourceTypes",
            Self::Schemas => "Schemas",
        }
    }

    /// Where it is below the base URL.
    #[must_use]
    pub fn endpoint(self) -> &'static str {
        match self {
            Self::ServiceProviderConfig => "/ServiceProviderConfig",
            Self::ResourceTypes => "/ResourceTypes",
            Self::Schemas => "/Schemas",
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something in a provider's metadata that was not as it should be, and what was done about it. Prints as
/// `ResourceTypes: …`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscoveryNote {
    /// Where.
    pub document: Document,
    /// What, in a sentence.
    pub message: String,
}

impl fmt::Display for DiscoveryNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.document, self.message)
    }
}

/// A resource type together with the schemas its resources follow.
#[derive(Debug, Clone)]
pub struct ResourceTypeBinding {
    /// The resource type.
    pub resource_type: ResourceType,
    /// Its core schema and extensions.
    pub schemas: SchemaSet,
}

/// What is known of a provider: declared, assumed, observed or overridden.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// What it can do; each capability with its provenance.
    pub capabilities: Capabilities,
    /// The kinds of resources it has.
    pub resource_types: Vec<ResourceType>,
    /// How the resource types are known.
    pub resource_types_provenance: Provenance,
    /// The schemas it describes. [`resource_type`](Self::resource_type) adds RFC 7643's own where one of
    /// them is missing here.
    pub schemas: Vec<Schema>,
    /// How the schemas are known.
    pub schemas_provenance: Provenance,
    /// What was odd about the metadata.
    pub notes: Vec<DiscoveryNote>,
    /// The calls that were made, for the client log.
    pub calls: Vec<CallReport>,
    /// The documents as they came, each under its name; those that did not come are missing.
    pub documents: Map<String, Value>,
    /// When it was read, by our clock; when it was assumed, where nothing was.
    pub read_at: Timestamp,
}

/// The answer that counts of those to the requests for one document, and the reports of the other calls.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The document, or why it could not be read.
    pub outcome: Result<Exchange<Value>, ClientError>,
    /// Calls that were made for it besides.
    pub others: Vec<CallReport>,
}

impl Discovery {
    /// What is assumed of a provider that nobody asked: the resource types and schemas of RFC 7643, and the
    /// default capabilities, as far as neither the profile nor the configuration states them.
    #[must_use]
    pub fn assumed(quirks: &ProviderQuirks, overrides: &CapabilityOverrides) -> Self {
        Self {
            capabilities: Capabilities::decide(None, quirks, overrides),
            resource_types: builtin::resource_types().to_vec(),
            resource_types_provenance: Provenance::Default,
            schemas: builtin::schemas().to_vec(),
            schemas_provenance: Provenance::Default,
            notes: Vec::new(),
            calls: Vec::new(),
            documents: Map::new(),
            read_at: Timestamp::now(),
        }
    }

    /// The resource type of this name, compared without case, with its schemas.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<ResourceTypeBinding> {
        let found = self.resource_types.iter().find(|kind| kind.name.eq_ignore_ascii_case(name))?;
        let schemas = SchemaSet::new(found.clone(), &self.schemas);
        Some(ResourceTypeBinding { resource_type: found.clone(), schemas })
    }

    /// Whether the provider said nothing at all about itself, so that everything here is assumed.
    #[must_use]
    pub fn is_assumed(&self) -> bool {
        self.calls.iter().all(|call| call.status != Some(200))
    }

    /// Whether resources can be modified by PATCH, as far as is known.
    #[must_use]
    pub fn supports_patch(&self) -> bool {
        self.capabilities.patch.value
    }

    /// Whether resources have versions to make writes conditional on, as far as is known.
    #[must_use]
    pub fn supports_etag(&self) -> bool {
        self.capabilities.etag.value
    }

    /// Puts three answers together.
    pub(crate) fn assemble(
        config: Answer,
        resource_types: Answer,
        schemas: Answer,
        quirks: &ProviderQuirks,
        overrides: &CapabilityOverrides,
    ) -> Result<Self, ClientError> {
        // ServiceProviderConfig is often open to everybody, so that reading it shows nothing.
        let credentials_are_good = resource_types.outcome.is_ok() || schemas.outcome.is_ok();
        let mut discovery = Self::assumed(quirks, overrides);
        let config = discovery.admit(Document::ServiceProviderConfig, config, credentials_are_good)?;
        let resource_types =
            discovery.admit(Document::ResourceTypes, resource_types, credentials_are_good)?;
        let schemas = discovery.admit(Document::Schemas, schemas, credentials_are_good)?;
        let documents = [
            (Document::ServiceProviderConfig, config),
            (Document::ResourceTypes, resource_types),
            (Document::Schemas, schemas),
        ];
        let came =
            documents.into_iter().filter_map(|(document, value)| Some((document.name().to_owned(), value?)));
        discovery.documents = came.collect();
        discovery.read_documents(quirks, overrides);
        Ok(discovery)
    }

    /// What a provider said at an earlier time, read again from the [`documents`](Self::documents) of then.
    #[must_use]
    pub fn recalled(
        documents: Map<String, Value>,
        read_at: Timestamp,
        quirks: &ProviderQuirks,
        overrides: &CapabilityOverrides,
    ) -> Self {
        let mut discovery = Self { documents, read_at, ..Self::assumed(quirks, overrides) };
        discovery.read_documents(quirks, overrides);
        discovery
    }

    fn read_documents(&mut self, quirks: &ProviderQuirks, overrides: &CapabilityOverrides) {
        let document = |document: Document| self.documents.get(document.name()).cloned();
        let config = document(Document::ServiceProviderConfig);
        let resource_types = document(Document::ResourceTypes);
        let schemas = document(Document::Schemas);
        if let Some(value) = config {
            self.read_config(&value, quirks, overrides);
        }
        if let Some(value) = resource_types {
            self.read_resource_types(value);
        }
        if let Some(value) = schemas {
            self.read_schemas(value);
        }
        self.note_missing_schemas();
    }

    /// The document, or none where it can be done without; an error where it cannot.
    fn admit(
        &mut self,
        document: Document,
        answer: Answer,
        credentials_are_good: bool,
    ) -> Result<Option<Value>, ClientError> {
        self.calls.extend(answer.others);
        let error = match answer.outcome {
            Ok(exchange) => {
                self.calls.push(exchange.call);
                return Ok(Some(exchange.value));
            }
            Err(error) => error,
        };
        let tolerable = match &error.kind {
            // The provider has no such document.
            Failure::NotFound(_) | Failure::Unsupported(_) => true,
            // It may have one that it keeps to itself, or cannot show.
            Failure::Authentication(_)
            | Failure::Forbidden(_)
            | Failure::Permanent(_)
            | Failure::Unreadable { .. } => credentials_are_good,
            // Down, throttled, elsewhere: assuming anything now would make a passing fault last.
            _ => false,
        };
        if !tolerable {
            return Err(error);
        }
        self.note(document, format!("{}; what RFC 7643 defines is assumed", error.kind));
        self.calls.push(*error.call);
        Ok(None)
    }

    fn read_config(&mut self, value: &Value, quirks: &ProviderQuirks, overrides: &CapabilityOverrides) {
        // A list of one is what the plural endpoint answers with.
        let object = items(value).and_then(<[Value]>::first).unwrap_or(value);
        match ServiceProviderConfig::from_value(object) {
            Ok(config) => self.capabilities = Capabilities::decide(Some(config), quirks, overrides),
            Err(error) => self.unusable(Document::ServiceProviderConfig, &error),
        }
    }

    fn read_resource_types(&mut self, value: Value) {
        let document = Document::ResourceTypes;
        let listed = match self.elements(document, value) {
            Ok(listed) => listed,
            Err(error) => return self.unusable(document, &error),
        };
        let mut read = Vec::with_capacity(listed.len());
        for (index, mut item) in listed.into_iter().enumerate() {
            self.complete(index, &mut item);
            match ResourceType::from_value(&item) {
                Ok(resource_type) => read.push(resource_type),
                Err(error) => self.note(document, format!("number {} is left out: {error}", index + 1)),
            }
        }
        if read.is_empty() {
            return self
                .note(document, "it has none that can be used; User and Group are assumed".to_owned());
        }
        self.resource_types = read;
        self.resource_types_provenance = Provenance::Declared;
    }

    /// Fills in what RFC 7643 knows of a resource type whose name it knows.
    fn complete(&mut self, index: usize, item: &mut Value) {
        let Some(object) = item.as_object_mut() else { return };
        let name = text(object, "name").or_else(|| text(object, "id"));
        let Some(known) = name.and_then(builtin::resource_type) else { return };
        for (key, value) in [("schema", known.schema.as_str()), ("endpoint", known.endpoint.as_str())] {
            if text(object, key).is_none() {
                object.retain(|spelled, _| !spelled.eq_ignore_ascii_case(key));
                object.insert(key.to_owned(), value.into());
                let message =
                    format!("number {} ({}) lacks `{key}`; `{value}` is assumed", index + 1, known.name);
                self.note(Document::ResourceTypes, message);
            }
        }
    }

    fn read_schemas(&mut self, value: Value) {
        let document = Document::Schemas;
        let listed = match self.elements(document, value) {
            Ok(listed) => listed,
            Err(error) => return self.unusable(document, &error),
        };
        let mut read = Vec::with_capacity(listed.len());
        for (index, item) in listed.iter().enumerate() {
            match Schema::read(item) {
                Ok((schema, left_out)) => {
                    for error in left_out {
                        self.note(document, format!("{}: an attribute is left out: {error}", schema.id));
                    }
                    read.push(schema);
                }
                Err(error) => self.note(document, format!("number {} is left out: {error}", index + 1)),
            }
        }
        if read.is_empty() {
            return self
                .note(document, "it has none that can be used; those of RFC 7643 are assumed".to_owned());
        }
        self.schemas = read;
        self.schemas_provenance = Provenance::Declared;
    }

    /// The elements of a list, however it comes: RFC 7644's ListResponse, a bare array, or the one element.
    fn elements(&mut self, document: Document, value: Value) -> Result<Vec<Value>, Unreadable> {
        if let Some(object) = value.as_object()
            && !has(object, "Resources")
            && !has(object, "totalResults")
        {
            return Ok(vec![value]);
        }
        let page = ListResponse::from_value(value)?;
        let came = page.resources.len();
        if let Some(total) = page.total_results.filter(|total| *total > came as u64) {
            self.note(document, format!("it returned {came} of {total} entries; the others are not known"));
        }
        Ok(page.resources.into_iter().map(Resource::into_value).collect())
    }

    fn note_missing_schemas(&mut self) {
        let mut notes = Vec::new();
        for kind in &self.resource_types {
            let extensions = kind.extensions.iter().map(|extension| &extension.schema);
            for urn in std::iter::once(&kind.schema).chain(extensions) {
                if self.schemas.iter().any(|schema| schema.id == *urn) {
                    continue;
                }
                let instead = match builtin::schema(urn) {
                    Some(_) => "RFC 7643's own is used",
                    None => "its attributes are not checked",
                };
                notes.push(format!("{urn} of {} is not described; {instead}", kind.name));
            }
        }
        notes.into_iter().for_each(|message| self.note(Document::Schemas, message));
    }

    fn unusable(&mut self, document: Document, error: &Unreadable) {
        self.note(document, format!("{error}; what RFC 7643 defines is assumed"));
    }

    fn note(&mut self, document: Document, message: String) {
        self.notes.push(DiscoveryNote { document, message });
    }
}

/// Where a document that came in part goes on: the index of its first entry that did not come.
pub(crate) fn goes_on_at(document: &Value) -> Option<u64> {
    let page = ListResponse::from_value(document.clone()).ok()?;
    let came = page.resources.len() as u64;
    page.total_results.filter(|total| came > 0 && *total > came).map(|_| came + 1)
}

/// Adds the entries of a further page to a document, and says whether any of them was new.
pub(crate) fn append(document: &mut Value, page: Value) -> bool {
    let Ok(page) = ListResponse::from_value(page) else { return false };
    let Some(object) = document.as_object_mut() else { return false };
    let Some(Value::Array(entries)) =
        object.iter_mut().find(|(key, _)| key.eq_ignore_ascii_case("Resources")).map(|(_, value)| value)
    else {
        return false;
    };
    let known = entries.len();
    for entry in page.resources.into_iter().map(Resource::into_value) {
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries.len() > known
}

fn has(object: &Map<String, Value>, name: &str) -> bool {
    object.keys().any(|key| key.eq_ignore_ascii_case(name))
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let (_, value) = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    value.as_str().filter(|text| !text.is_empty())
}

fn items(value: &Value) -> Option<&[Value]> {
    let list = match value {
        Value::Object(object) => object.iter().find(|(key, _)| key.eq_ignore_ascii_case("Resources"))?.1,
        other => other,
    };
    list.as_array().map(Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Action, Subject};
    use crate::failure::Refusal;
    use scimwright_scim::urn;
    use serde_json::json;

    fn call(document: Document) -> CallReport {
        CallReport::new("acme".into(), Subject::new(Action::Discover, document.name(), None))
    }

    fn read(document: Document, value: Value) -> Answer {
        Answer { outcome: Ok(Exchange { value, call: call(document) }), others: Vec::new() }
    }

    fn refused(document: Document, status: u16) -> Answer {
        let refusal = Refusal { status, scim_type: None, detail: None };
        let kind = match status {
            401 => Failure::Authentication(refusal),
            403 => Failure::Forbidden(refusal),
            404 => Failure::NotFound(refusal),
            503 => Failure::Unavailable { refusal, retry_after: None },
            _ => Failure::Unsupported(refusal),
        };
        Answer { outcome: Err(ClientError { call: Box::new(call(document)), kind }), others: Vec::new() }
    }

    fn config() -> Value {
        let schemas = [urn::SERVICE_PROVIDER_CONFIG];
        json!({"schemas": schemas, "patch": {"supported": false}, "etag": {"supported": true}})
    }

    fn user_type() -> Value {
        json!({"name": "User", "endpoint": "/Users", "schema": urn::USER})
    }

    fn assemble(config: Answer, resource_types: Answer, schemas: Answer) -> Result<Discovery, ClientError> {
        let (quirks, overrides) = (ProviderQuirks::default(), CapabilityOverrides::default());
        Discovery::assemble(config, resource_types, schemas, &quirks, &overrides)
    }

    fn with_types(value: Value) -> Discovery {
        assemble(
            read(Document::ServiceProviderConfig, config()),
            read(Document::ResourceTypes, value),
            read(Document::Schemas, json!([builtin::user_schema().to_value()])),
        )
        .unwrap()
    }

    fn notes(discovery: &Discovery) -> Vec<String> {
        discovery.notes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_declared_is_taken_as_declared() {
        let list = json!({"schemas": [urn::LIST_RESPONSE], "totalResults": 1, "Resources": [user_type()]});
        let found = with_types(list);
        assert!(!found.supports_patch() && found.supports_etag());
        assert_eq!(found.capabilities.sort.provenance, Provenance::Default);
        assert_eq!(found.resource_types_provenance, Provenance::Declared);
        assert_eq!(found.schemas_provenance, Provenance::Declared);
        assert_eq!(notes(&found), [""; 0]);
        assert_eq!(found.calls.len(), 3);
        let binding = found.resource_type("user").unwrap();
        assert_eq!(binding.schemas.core().map(|schema| &schema.id), Some(&urn::USER));
        assert!(found.resource_type("Device").is_none());
    }

    /// Point 1: bare arrays in place of a ListResponse.
    #[test]
    fn a_list_may_be_a_bare_array_or_a_single_object() {
        for value in [json!([user_type()]), user_type(), json!({"resources": [user_type()]})] {
            let found = with_types(value.clone());
            assert_eq!(found.resource_types.len(), 1, "{value}");
            assert_eq!(found.resource_types_provenance, Provenance::Declared);
        }
    }

    #[test]
    fn a_configuration_may_come_as_a_list_of_one() {
        for value in [json!([config()]), json!({"totalResults": 1, "Resources": [config()]})] {
            let types = || read(Document::ResourceTypes, json!([user_type()]));
            let found = assemble(
                read(Document::ServiceProviderConfig, value),
                types(),
                refused(Document::Schemas, 404),
            );
            assert_eq!(found.unwrap().capabilities.patch.provenance, Provenance::Declared);
        }
    }

    /// Point 1: tolerate 404.
    #[test]
    fn a_provider_without_metadata_is_taken_to_follow_the_rfc() {
        let found = assemble(
            refused(Document::ServiceProviderConfig, 404),
            refused(Document::ResourceTypes, 501),
            refused(Document::Schemas, 405),
        )
        .unwrap();
        assert!(found.supports_patch());
        assert!(found.resource_type("User").is_some_and(|user| user.schemas.missing().is_empty()));
        assert_eq!(found.resource_types_provenance, Provenance::Default);
        insta::assert_snapshot!(notes(&found).join("\n"));
    }

    #[test]
    fn credentials_that_are_refused_throughout_are_an_error() {
        for status in [401, 403] {
            let error = assemble(
                read(Document::ServiceProviderConfig, config()),
                refused(Document::ResourceTypes, status),
                refused(Document::Schemas, status),
            )
            .unwrap_err();
            assert!(error.to_string().starts_with("cannot read ResourceTypes at `acme`: "), "{error}");
        }
    }

    /// Point 1: tolerate 401.
    #[test]
    fn a_document_behind_other_permissions_is_assumed_where_another_shows_that_the_credentials_are_good() {
        let found = assemble(
            refused(Document::ServiceProviderConfig, 401),
            read(Document::ResourceTypes, json!([user_type()])),
            refused(Document::Schemas, 403),
        )
        .unwrap();
        assert_eq!(found.schemas_provenance, Provenance::Default);
        assert_eq!(found.notes.len(), 2);
    }

    #[test]
    fn a_provider_that_is_down_is_not_assumed_anything_of() {
        let error = assemble(
            read(Document::ServiceProviderConfig, config()),
            read(Document::ResourceTypes, json!([user_type()])),
            refused(Document::Schemas, 503),
        );
        assert!(matches!(error.unwrap_err().kind, Failure::Unavailable { .. }));
    }

    #[test]
    fn what_a_resource_type_lacks_is_filled_in_or_it_is_left_out() {
        let found = with_types(json!([
            {"id": "User", "schema": null},
            {"name": "Device", "endpoint": "/Devices"},
            {"name": "Door", "endpoint": "/Doors", "schema": "urn:example:Door",
             "schemaExtensions": [{"schema": urn::ENTERPRISE_USER}]},
        ]));
        let names: Vec<_> = found.resource_types.iter().map(|kind| kind.name.as_str()).collect();
        assert_eq!(names, ["User", "Door"]);
        insta::assert_snapshot!(notes(&found).join("\n"));
    }

    #[test]
    fn entries_that_did_not_come_are_noted() {
        let found = with_types(json!({"totalResults": 3, "Resources": [user_type()]}));
        assert_eq!(notes(&found), ["ResourceTypes: it returned 1 of 3 entries; the others are not known"]);
    }

    #[test]
    fn a_further_page_adds_what_is_new() {
        let mut document = json!({"totalResults": 3, "resources": [{"name": "A"}]});
        assert_eq!(goes_on_at(&document), Some(2));
        assert!(append(&mut document, json!({"Resources": [{"name": "A"}, {"name": "B"}]})));
        assert_eq!(document["resources"], json!([{"name": "A"}, {"name": "B"}]));
        assert!(!append(&mut document, json!({"Resources": [{"name": "B"}]})));
        assert!(!append(&mut document, json!("nonsense")));
        for whole in [json!([user_type()]), json!({"totalResults": 1, "Resources": [1]}), user_type()] {
            assert_eq!(goes_on_at(&whole), None, "{whole}");
        }
    }

    #[test]
    fn lists_without_anything_usable_leave_the_defaults() {
        for value in [json!([]), json!({"totalResults": 0}), json!("nonsense"), json!([3])] {
            let found = with_types(value.clone());
            assert_eq!(found.resource_types_provenance, Provenance::Default, "{value}");
            assert!(found.resource_type("User").is_some());
            assert!(!found.notes.is_empty());
        }
    }
}
