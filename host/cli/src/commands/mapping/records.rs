//! The records that a module is run against: cases in files, or a source of the configuration.

use crate::assemble;
use crate::config::Misconfigured;
use crate::config::model::Tenant;
use anyhow::Context as _;
use futures::StreamExt as _;
use scimwright_mapping::case::{CaseFile, CaseFileError, files};
use scimwright_mapping::{CallContext, Case, Operation};
use scimwright_provision::ProvisionError;
use scimwright_record::{ModuleName, Position, ProviderName, Record, ResourceTypeName, Row, SourceName};
use serde_json::{Map, Value, json};
use std::io::Read as _;
use std::path::Path;

/// Cases, one at a time.
pub(super) type Cases = Box<dyn Iterator<Item = Result<Case, CaseFileError>>>;

/// The largest case that is read from standard input, in bytes.
const MAX_INPUT: u64 = 8 << 20;

/// The cases of a folder, a recording, or a single file.
pub(super) fn cases(path: &Path) -> anyhow::Result<Cases> {
    if path.is_dir() {
        return Ok(Box::new(CaseFile::all(path)?.into_iter().map(|file| Ok(file.case))));
    }
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        return Ok(Box::new(files::recording(path)?));
    }
    Ok(Box::new(std::iter::once(Ok(one(path)?))))
}

/// The case in a file, or on standard input. An object that is no case is taken for a record's fields.
pub(super) fn one(path: &Path) -> anyhow::Result<Case> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().take(MAX_INPUT).read_to_string(&mut text).context("standard input")?;
        text
    } else {
        std::fs::read_to_string(path).map_err(|error| wrong(path, &error.to_string()))?
    };
    let json: Value =
        serde_json::from_str(&text).map_err(|error| wrong(path, &format!("this is no JSON: {error}")))?;
    let json = match &json {
        Value::Object(object) if !is_case(object) => {
            json!({ "source": "record", "key": "1", "fields": json })
        }
        _ => json,
    };
    Ok(Case::from_json(&json).map_err(|error| wrong(path, &error.to_string()))?)
}

fn is_case(object: &Map<String, Value>) -> bool {
    object.get("fields").is_some_and(Value::is_object)
}

fn wrong(path: &Path, problem: &str) -> Misconfigured {
    Misconfigured(format!("{}: {problem}", path.display()))
}

/// A row of a source that became a record, or could not.
pub(super) enum Found {
    Record(Record),
    Malformed(Position, String),
}

/// Reads a source from start to end, until `each` has enough.
pub(super) async fn read(
    tenant: &Tenant,
    source: &SourceName,
    mut each: impl FnMut(Found) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let source = source_config(tenant, source)?;
    let mut rows = source.read().await.map_err(ProvisionError::Source)?;
    while let Some(row) = rows.next().await {
        let found = match row.map_err(ProvisionError::Source)? {
            Row::Record(_, record) => Found::Record(record),
            Row::Malformed(malformed) => Found::Malformed(malformed.position, malformed.message),
        };
        if !each(found)? {
            break;
        }
    }
    Ok(())
}

fn source_config(
    tenant: &Tenant,
    name: &SourceName,
) -> anyhow::Result<std::sync::Arc<dyn scimwright_record::RecordSource>> {
    match tenant.source(name) {
        Some(config) => Ok(assemble::source(config)),
        None => {
            let known: Vec<_> = tenant.sources.iter().map(|source| source.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            Err(Misconfigured(format!("there is no source `{name}`; there are: {known}")).into())
        }
    }
}

/// What a module is told of a record from a source: the provider and resource type that it is configured for, and
/// this moment.
pub(super) fn context(
    tenant: &Tenant,
    module: &ModuleName,
    operation: Operation,
) -> anyhow::Result<CallContext> {
    let uses = tenant.providers.iter().find_map(|provider| {
        let mut uses = provider.resources.iter();
        let uses = uses.find(|rules| rules.modules.contains(module) || rules.defaults.contains(module))?;
        Some((provider.name.clone(), uses.resource_type.clone()))
    });
    let (provider, resource_type) = match uses {
        Some(uses) => uses,
        None => (ProviderName::parse("preview")?, ResourceTypeName::parse("User")?),
    };
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    Ok(CallContext { tenant: tenant.name.clone(), provider, resource_type, operation, now })
}

/// A record and a context as a case that has everything else from the module.
pub(super) fn bare_case(record: Record, context: CallContext) -> Case {
    Case {
        name: None,
        record,
        context,
        settings: Vec::new(),
        mapped: None,
        lookups: Vec::new(),
        module: None,
        expected: None,
    }
}
