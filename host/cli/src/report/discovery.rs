//! What a provider says about itself, as people and programs see it.

use super::columns::columns;
use scimwright_client::{Capabilities, Discovery, Provenance, Provider, Sourced};
use scimwright_profile::{Paging, Profile, ProviderQuirks};
use scimwright_scim::{Bulk, FilterSupport, Pagination, ResourceType, builtin};
use serde_json::{Value, json};
use url::Url;

/// The table for people.
pub(crate) fn table(provider: &Provider, base_url: &str, discovery: &Discovery) -> String {
    let mut parts = vec![
        format!("{} at {base_url}\n{}", provider.name(), profile_line(provider.profile())),
        capability_table(&discovery.capabilities),
        type_table(discovery),
    ];
    if !discovery.notes.is_empty() {
        let notes: Vec<_> = discovery.notes.iter().map(|note| format!("  {note}")).collect();
        parts.push(format!("notes\n{}", notes.join("\n")));
    }
    let quirks = provider.profile().quirks();
    if !quirks.is_empty() {
        let quirks: Vec<_> = quirks.iter().map(|quirk| format!("  {quirk}")).collect();
        parts.push(format!("quirks by the profile\n{}", quirks.join("\n")));
    }
    parts.join("\n\n")
}

/// Everything in one object.
pub(crate) fn line(provider: &Provider, base_url: &str, discovery: &Discovery, draft: &Profile) -> Value {
    let capabilities: serde_json::Map<String, Value> = rows(&discovery.capabilities)
        .into_iter()
        .map(|row| {
            (row.key.to_owned(), json!({ "value": row.value, "provenance": row.provenance.to_string() }))
        })
        .collect();
    let types: Vec<_> = discovery
        .resource_types
        .iter()
        .map(|kind| {
            json!({
                "name": kind.name, "endpoint": kind.endpoint, "schemas": schemas(discovery, kind)
                    .map(|schema| schema.to_json()).collect::<Vec<_>>(),
            })
        })
        .collect();
    let quirks: Vec<_> = provider
        .profile()
        .quirks()
        .iter()
        .map(|quirk| {
            json!({
                "set": quirk.setting.key(), "resource_type": quirk.setting.resource_type(),
                "value": serde_json::to_value(quirk.setting.value()).unwrap_or_default(),
                "source": quirk.source.to_string(), "note": quirk.note,
            })
        })
        .collect();
    json!({
        "event": "discovery", "provider": provider.name(), "base_url": base_url,
        "profile": { "name": provider.profile().name(), "quirks": quirks },
        "capabilities": capabilities,
        "authentication_schemes": discovery.capabilities.authentication_schemes.iter()
            .map(|scheme| json!({ "type": scheme.kind, "name": scheme.name, "primary": scheme.primary }))
            .collect::<Vec<_>>(),
        "documentation": discovery.capabilities.documentation_uri,
        "resource_types": types, "resource_types_provenance": discovery.resource_types_provenance.to_string(),
        "schemas_provenance": discovery.schemas_provenance.to_string(),
        "notes": discovery.notes.iter()
            .map(|note| json!({ "document": note.document.name(), "message": note.message }))
            .collect::<Vec<_>>(),
        "read_at": discovery.read_at.to_string(),
        "draft": draft.to_toml(),
    })
}

fn profile_line(profile: &Profile) -> String {
    match profile.quirks().len() {
        0 => format!("profile {}: as the RFCs have it", profile.name()),
        1 => format!("profile {}: 1 quirk", profile.name()),
        count => format!("profile {}: {count} quirks", profile.name()),
    }
}

/// One capability, ready to be shown.
struct Row {
    key: &'static str,
    name: &'static str,
    value: Value,
    text: String,
    provenance: Provenance,
}

fn rows(capabilities: &Capabilities) -> Vec<Row> {
    let plain = |key, name, known: Sourced<bool>| Row {
        key,
        name,
        value: known.value.into(),
        text: yes(known.value),
        provenance: known.provenance,
    };
    let Bulk { supported, max_operations, max_payload_size } = capabilities.bulk.value;
    let bulk = Row {
        key: "bulk",
        name: "bulk requests",
        value: json!({
            "supported": supported, "max_operations": max_operations, "max_payload_size": max_payload_size,
        }),
        text: with_bounds(supported, &[(max_operations, "operations"), (max_payload_size, "bytes")]),
        provenance: capabilities.bulk.provenance,
    };
    let FilterSupport { supported, max_results } = capabilities.filter.value;
    let filter = Row {
        key: "filter",
        name: "filters",
        value: json!({ "supported": supported, "max_results": max_results }),
        text: with_bounds(supported, &[(max_results, "results")]),
        provenance: capabilities.filter.provenance,
    };
    let pages = &capabilities.pagination.value;
    let paging = Row {
        key: "paging",
        name: "paging",
        value: json!({
            "index": pages.index, "cursor": pages.cursor, "default_method": pages.default_method,
            "default_page_size": pages.default_page_size, "max_page_size": pages.max_page_size,
            "cursor_timeout": pages.cursor_timeout,
        }),
        text: paging(pages),
        provenance: capabilities.pagination.provenance,
    };
    vec![
        plain("patch", "PATCH", capabilities.patch),
        filter,
        plain("sort", "sorting", capabilities.sort),
        plain("etag", "ETags", capabilities.etag),
        bulk,
        paging,
        plain("change_password", "change of passwords", capabilities.change_password),
    ]
}

fn yes(truth: bool) -> String {
    if truth { "yes" } else { "no" }.to_owned()
}

/// `yes, at most 1000 operations`. A bound of 0 is none.
fn with_bounds(supported: bool, bounds: &[(Option<u64>, &str)]) -> String {
    let known: Vec<_> = bounds
        .iter()
        .filter_map(|(most, of)| most.filter(|most| *most > 0).map(|most| format!("{most} {of}")))
        .collect();
    match supported && !known.is_empty() {
        true => format!("yes, at most {}", known.join(", ")),
        false => yes(supported),
    }
}

fn paging(pages: &Pagination) -> String {
    let ways: Vec<_> = [(pages.index, "index"), (pages.cursor, "cursor")]
        .iter()
        .filter_map(|(has, way)| has.then_some(*way))
        .collect();
    let mut text = if ways.is_empty() { "none".to_owned() } else { format!("by {}", ways.join(" or ")) };
    if let Some(size) = pages.max_page_size {
        text.push_str(&format!(", pages of at most {size}"));
    }
    if let Some(seconds) = pages.cursor_timeout {
        text.push_str(&format!(", cursors good for {seconds} s"));
    }
    text
}

fn capability_table(capabilities: &Capabilities) -> String {
    let mut lines = vec![["capability", "value", "known by"].map(str::to_owned).to_vec()];
    for row in rows(capabilities) {
        lines.push(vec![row.name.to_owned(), row.text, row.provenance.to_string()]);
    }
    for scheme in &capabilities.authentication_schemes {
        let preferred = if scheme.primary { ", preferred" } else { "" };
        let text = format!("{} ({}){preferred}", scheme.kind, scheme.name);
        lines.push(vec!["authentication".to_owned(), text, Provenance::Declared.to_string()]);
    }
    if let Some(documentation) = &capabilities.documentation_uri {
        lines.push(vec!["documentation".to_owned(), documentation.clone(), Provenance::Declared.to_string()]);
    }
    columns(&lines)
}

/// A schema of a resource type, and how it is known.
struct ShownSchema {
    id: String,
    attributes: usize,
    required: bool,
    extension: bool,
    known_by: String,
}

impl ShownSchema {
    fn to_json(&self) -> Value {
        json!({
            "id": self.id, "attributes": self.attributes, "extension": self.extension,
            "required": self.required, "provenance": self.known_by,
        })
    }
}

fn schemas<'d>(discovery: &'d Discovery, kind: &'d ResourceType) -> impl Iterator<Item = ShownSchema> + 'd {
    let core = std::iter::once((&kind.schema, true, false));
    let extensions = kind.extensions.iter().map(|extension| (&extension.schema, extension.required, true));
    core.chain(extensions).map(|(id, required, extension)| {
        let described = discovery.schemas.iter().find(|schema| schema.id == *id);
        let (schema, known_by) = match (described, builtin::schema(id)) {
            (Some(schema), _) => (Some(schema), discovery.schemas_provenance.to_string()),
            (None, Some(schema)) => (Some(schema), Provenance::Default.to_string()),
            (None, None) => (None, "not described".to_owned()),
        };
        let attributes = schema.map_or(0, |schema| schema.attributes.len());
        ShownSchema { id: id.to_string(), attributes, required, extension, known_by }
    })
}

fn type_table(discovery: &Discovery) -> String {
    let mut lines = vec![["resource type", "endpoint", "known by", "schemas"].map(str::to_owned).to_vec()];
    for kind in &discovery.resource_types {
        let mut first =
            Some([kind.name.clone(), kind.endpoint.clone(), discovery.resource_types_provenance.to_string()]);
        for schema in schemas(discovery, kind) {
            let [name, endpoint, known_by] = first.take().unwrap_or_default();
            let role = match (schema.extension, schema.required) {
                (false, _) => "",
                (true, true) => ", required",
                (true, false) => ", optional",
            };
            let text = format!("{} ({} attributes{role}; {})", schema.id, schema.attributes, schema.known_by);
            lines.push(vec![name, endpoint, known_by, text]);
        }
    }
    columns(&lines)
}

/// What a discovery shows of departures from the RFCs, on top of the profile that is followed.
pub(crate) fn departures(base_url: &Url, discovery: &Discovery) -> ProviderQuirks {
    let mut quirks = ProviderQuirks::default();
    let found = discovery
        .calls
        .iter()
        .find(|call| call.subject.resource_type == "ServiceProviderConfig" && call.status == Some(200));
    let below = found.and_then(|call| {
        let path = call.path.split('?').next()?;
        path.strip_prefix(base_url.path().trim_end_matches('/'))
    });
    if let Some(path) = below {
        quirks.service_provider_config = path.to_owned();
    }
    if discovery.capabilities.pages_by_cursor_only() {
        quirks.paging = Paging::Cursor;
    }
    quirks
}
